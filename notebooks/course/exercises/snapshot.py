"""Looks into arguments and results: what has changed in them, and which numbers they hold."""

from __future__ import annotations

import numbers as number_types
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from .expect import Wrong, numbers


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each tensor, array, number and string in a value with its place, such as "0.weight".

    Of gradients only those of a net's parameters count; objects of other kinds hold nothing.
    """
    if isinstance(value, torch.nn.Module):
        params, buffers = dict(value.named_parameters()), dict(value.named_buffers())
        grads = {f"{name}.grad": param.grad for name, param in params.items()}
        modes = {f"{name}.training": part.training for name, part in value.named_modules()}
        parts = params | buffers | grads | modes
    elif isinstance(value, torch.optim.Optimizer):
        parts = value.state_dict()
    elif isinstance(value, torch.Generator):
        parts = {"": value.get_state()}
    elif isinstance(value, (DataLoader, TensorDataset)):
        parts = {"": value.dataset if isinstance(value, DataLoader) else value.tensors}
    elif isinstance(value, (list, tuple)):
        parts = dict(enumerate(value))
    elif isinstance(value, dict):
        parts = value
    else:
        if isinstance(value, (torch.Tensor, np.ndarray, number_types.Number, str, bytes)):
            yield place, value
        return
    for name, part in parts.items():
        yield from _leaves(part, f"{place}.{name}".strip("."))


def _content(leaf: Any) -> tuple:
    """Return what a leaf holds, in a form that is equal to itself for nan, too."""
    if isinstance(leaf, torch.Tensor):
        content = leaf.detach().cpu().flatten().view(torch.uint8).numpy().tobytes()
        return leaf.dtype, leaf.requires_grad, leaf.shape, content
    return (leaf.shape, leaf.tobytes()) if isinstance(leaf, np.ndarray) else (repr(leaf),)


def snapshot(value: Any) -> dict[str, tuple]:
    """Return what a value holds, by place; equal dictionaries mean that nothing has changed."""
    return {place: _content(leaf) for place, leaf in _leaves(value)}


def changed_place(before: dict[str, tuple], after: dict[str, tuple]) -> str | None:
    """Return the first place that differs ("" for the value itself), or None if none does."""
    places = [*before, *after]
    return next((place for place in places if before.get(place) != after.get(place)), None)


def all_numbers(value: Any) -> torch.Tensor | None:
    """Return the numbers in a result, of nets those of the parameters, or None without any.

    They come in one row, in float64 and on the CPU, so that two results can be compared.
    """
    try:
        parts = [
            numbers(leaf).double().flatten()
            for place, leaf in _leaves(value)
            if not place.endswith(("grad", "training"))
        ]
    except Wrong:
        return None  # a string
    return torch.cat(parts) if parts else None
