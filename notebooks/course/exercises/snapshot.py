"""Remembers what an argument holds, and tells what has changed in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch


def snapshot(value: Any) -> dict[str, Any]:
    """Return what a value holds, by place; equal dictionaries mean that nothing has changed.

    Tensors, arrays, lists, dictionaries, nets (parameters, buffers, which of them learn, training
    mode), optimizers, generators, datasets and loaders are looked into; other objects are not.
    Of gradients only those of a net's parameters count.
    """
    if isinstance(value, torch.Tensor):
        return {"": (value.dtype, value.requires_grad, _array_key(value.detach().cpu()))}
    if isinstance(value, np.ndarray):
        return {"": _array_key(value)}
    if isinstance(value, torch.nn.Module):
        parts = {**dict(value.named_parameters()), **dict(value.named_buffers())}
        grads = {f"{name}.grad": p.grad for name, p in value.named_parameters()}
        modes = {f"{name}.training": part.training for name, part in value.named_modules()}
        return _nested({**parts, **grads, **modes})
    if isinstance(value, torch.optim.Optimizer):
        return _nested(value.state_dict())
    if isinstance(value, torch.Generator):
        return {"": _array_key(value.get_state())}
    if isinstance(value, torch.utils.data.DataLoader):
        return snapshot(value.dataset)
    if isinstance(value, torch.utils.data.TensorDataset):
        return snapshot(value.tensors)
    if isinstance(value, dict):
        return _nested(value)
    if isinstance(value, (list, tuple)):
        return {"": len(value), **_nested(dict(enumerate(value)))}
    if isinstance(value, (int, float, complex, str, bytes, bool)):
        return {"": repr(value)}
    return {}


def changed_place(before: dict[str, Any], after: dict[str, Any]) -> str | None:
    """Return the first place that differs ("" for the value itself), or None if none does."""
    places = [*before, *after]
    return next((place for place in places if before.get(place) != after.get(place)), None)


def _nested(parts: dict[Any, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, part in parts.items():
        for place, content in snapshot(part).items():
            found[f"{name}.{place}".strip(".")] = content
    return found


def _array_key(array: Any) -> tuple:
    """Return an array's shape and bytes, which are equal for nan, too."""
    if isinstance(array, torch.Tensor):
        array = (array.float() if array.dtype == torch.bfloat16 else array).numpy()
    return array.shape, array.tobytes()
