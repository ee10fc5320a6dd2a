"""What checks say most often: this type, this shape, these values.

Each function raises `Wrong` with the first thing that is wrong, and never tells the right value.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from numbers import Number
from typing import Any

import numpy as np
import torch


class Wrong(Exception):
    """The first thing that is wrong with an answer, in words for the learner."""


class Fresh:
    """Random inputs from a generator of their own; each check has another seed."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def normal(self, *shape: int) -> torch.Tensor:
        """Return numbers from N(0, 1)."""
        return torch.randn(shape, generator=self.generator)

    def integer(self, low: int, high: int) -> int:
        """Return one of low, low + 1, ..., high."""
        return int(torch.randint(low, high + 1, (), generator=self.generator))

    def order(self, n: int) -> torch.Tensor:
        """Return the numbers 0 to n - 1 in random order."""
        return torch.randperm(n, generator=self.generator)


def expect(condition: Any, message: str) -> None:
    """Raise Wrong with the message unless the condition holds."""
    if not condition:
        raise Wrong(message)


def kind_of(value: Any) -> str:
    """Return the type of a value as a learner names it, such as "a tensor"."""
    name = type(value).__name__
    kinds = {"NoneType": "None", "type": "a class", "Tensor": "a tensor", "ndarray": "an array"}
    kinds["builtin_function_or_method"] = "a function"
    return kinds.get(name, f"an {name}" if name[0] in "aeiou" else f"a {name}")


def expect_type(condition: Any, what: str, got: Any) -> None:
    """Raise Wrong unless the condition holds: this was expected, and that came."""
    hint = " Is a `return` missing?" if got is None else ""
    expect(condition, f"type: expected {what}, got {kind_of(got)}.{hint}")


def to_tensor(got: Any, what: str = "the result") -> torch.Tensor:
    """Return as a tensor on the CPU, without a graph, what any form of numbers holds.

    A tensor, an array, a number, or lists of them count alike.
    """
    with contextlib.suppress(TypeError, ValueError, RuntimeError):  # of parts that do not fit
        if isinstance(got, (list, tuple)) and got and all(map(torch.is_tensor, got)):
            got = torch.stack(list(got))
        if isinstance(got, torch.Tensor):
            return got.detach().cpu()  # first of all: Apple's graphics cards have no float64
        if isinstance(got, (list, tuple, Number, np.ndarray, np.generic)):
            array = np.asarray(got)
            return torch.as_tensor(array.astype(float) if array.dtype == object else array)
    raise Wrong(f"type: {what} should be a tensor or a number, got {kind_of(got)}.")


def to_float(got: Any, what: str = "the result") -> float:
    """Return as a float what is one number in any form."""
    tensor = to_tensor(got, what)
    expect(tensor.numel() == 1, f"shape: {what} should be one number, got {tuple(tensor.shape)}.")
    return float(tensor.reshape(()))


def several(got: Any, *names: str) -> list[Any]:
    """Return the parts of a tuple or list that has one for each name."""
    expected = f"a tuple ({', '.join(names)})"
    expect_type(isinstance(got, (tuple, list)), expected, got)
    expect(len(got) == len(names), f"type: expected {expected}, got {len(got)} values.")
    return list(got)


def expect_shape(got: torch.Tensor, shape: tuple[int, ...], what: str = "the result") -> None:
    """Raise Wrong unless the shape is this one."""
    message = f"shape: {what} should have shape {tuple(shape)}, got {tuple(got.shape)}."
    expect(tuple(got.shape) == tuple(shape), message)


@dataclass
class Want:
    """A result that an answer should return."""

    what: str  # what messages call it
    value: Any  # a tensor or a number
    any_shape: bool = False  # whether only the count of numbers matters
    rtol: float = 1e-4
    atol: float = 1e-5

    def compare(self, got: Any) -> None:
        """Raise Wrong unless `got`, in any form of numbers, has this shape and these values."""
        got, want = to_tensor(got, self.what).double(), to_tensor(self.value).double()
        if self.any_shape:
            count = f"hold {want.numel()} numbers" if want.numel() > 1 else "be one number"
            message = f"shape: {self.what} should {count}, got {tuple(got.shape)}."
            expect(got.numel() == want.numel(), message)
            got, want = got.reshape(-1), want.reshape(-1)
        expect_shape(got, tuple(want.shape), self.what)
        wrong = ~torch.isclose(got, want, rtol=self.rtol, atol=self.atol, equal_nan=True)
        if wrong.any():
            raise Wrong(f"values: {self.what} {_difference(got, want, wrong)}.")


def _difference(got: torch.Tensor, want: torch.Tensor, wrong: torch.Tensor) -> str:
    """Say how values differ from the right ones, without telling those."""
    first = wrong.nonzero()[0].tolist()
    yours = f"yours is {got[tuple(first)].item():.4g}"
    if got.numel() == 1:
        return f"is not right: {yours}"
    if not got.isfinite().all() and want.isfinite().all():
        return f"holds {got[~got.isfinite()][0].item()}"
    if not got.any():
        return "is zero everywhere"
    ratio = (got * want).sum() / (want * want).sum()  # the multiple that fits best
    is_multiple = torch.allclose(got, ratio * want, rtol=1e-3, atol=1e-5)
    if want.count_nonzero() > 1 and is_multiple and abs(ratio - 1) > 0.01:
        return f"is {ratio:.3g} times what it should be, everywhere"
    return f"is wrong in {int(wrong.sum())} of {got.numel()} places, first at {first}: {yours}"
