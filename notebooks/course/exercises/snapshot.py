"""Looks into arguments and results: what has changed in them, and which numbers they hold."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Number
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from .expect import Wrong, to_tensor


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each tensor, array, number and string in a value with its place, such as "0.weight".

    Of gradients only those of a net's parameters count; objects of other kinds hold nothing.
    """
    if isinstance(value, torch.nn.Module):
        params = dict(value.named_parameters())
        grads = {f"{name}.grad": param.grad for name, param in params.items()}
        modes = {f"{name}.training mode": part.training for name, part in value.named_modules()}
        value = params | dict(value.named_buffers()) | grads | modes
    elif isinstance(value, (DataLoader, TensorDataset)):
        value = {"": value.dataset if isinstance(value, DataLoader) else value.tensors}
    elif isinstance(value, (list, tuple)):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _leaves(part, f"{place}.{name}".strip("."))
    elif isinstance(value, (torch.Tensor, np.ndarray, Number, str)):
        yield place, value


def snapshot(value: Any) -> dict[str, tuple]:
    """Return what a value holds, by place; equal dictionaries mean that nothing has changed."""
    found = {}
    for place, leaf in _leaves(value):
        tensor = torch.as_tensor(leaf) if isinstance(leaf, np.ndarray) else leaf
        if isinstance(tensor, torch.Tensor):  # as bytes, which are equal for nan, too
            content = tensor.detach().cpu().flatten().view(torch.uint8).numpy().tobytes()
            found[place] = tensor.dtype, tensor.requires_grad, tensor.shape, content
        else:
            found[place] = (repr(leaf),)
    return found


def changed_place(before: dict[str, tuple], after: dict[str, tuple]) -> str | None:
    """Return the first place that differs ("" for the value itself), or None if none does."""
    places = [*before, *after]
    return next((place for place in places if before.get(place) != after.get(place)), None)


def all_numbers(value: Any) -> torch.Tensor | None:
    """Return the numbers in a result, of nets those of the parameters, or None if it has others.

    They come in one row, in float64 and on the CPU, so that two results can be compared.
    """
    leaves = [leaf for place, leaf in _leaves(value) if not place.endswith(("grad", "mode"))]
    try:
        return torch.cat([to_tensor(leaf).double().flatten() for leaf in leaves])
    except (Wrong, ValueError, RuntimeError):  # a string, a layer without shape, nothing at all
        return None
