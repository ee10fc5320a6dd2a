"""The exercises of deeper-03, more on stochastic gradient descent."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

from .engine import Trial, exercise, show_progress
from .expect import Fresh, Want, expect, expect_type, several, to_float

progress = partial(show_progress, __name__)


def _has_graph(part: Any) -> bool:
    """Say whether a number, a tensor, or a list of them holds on to a graph."""
    if isinstance(part, (list, tuple)):
        return any(map(_has_graph, part))
    return getattr(part, "grad_fn", None) is not None


def _expect_record(name: str, want: list[float], got: Any) -> None:
    """Raise Wrong unless a list, or a tensor, holds these numbers and no graph."""
    expect_type(isinstance(got, (list, tuple, torch.Tensor, np.ndarray)), f"a list `{name}`", got)
    parts, n = got if isinstance(got, (list, tuple)) else got.reshape(-1), len(want)
    message = f"shape: `{name}` should have an entry for each step, {n}; it has {len(parts)}."
    expect(len(parts) == n, message)
    for step, (part, right) in enumerate(zip(parts, want, strict=True), start=1):
        value = to_float(part, f"an entry of `{name}`")
        message = f"values: the first wrong entry of `{name}` is that of step {step}: {value:.4g}."
        expect(math.isclose(value, right, rel_tol=1e-4, abs_tol=1e-5), message)
    message = f"type: `{name}` holds on to the graph: its entries have a `grad_fn`."
    expect(not _has_graph(parts), message)


def _expect_run(ws: list[float], losses: list[float], got: Any) -> None:
    got_ws, got_losses = several(got, "ws", "losses")
    _expect_record("ws", ws, got_ws)
    _expect_record("losses", losses, got_losses)


@exercise(
    "None of the three raises an error, so try code with two steps that you know by hand, and look "
    "at what your lists hold.",
)
def run_sgd(fresh: Fresh) -> Iterator[Trial]:
    """Yield data and picks; a run by hand knows the weights and losses."""
    xs, ys = 0.6 + fresh.normal(7).abs().clamp(0.1, 1.5), 3 * fresh.normal(7)
    xs[0], xs[3], ys[4] = -xs[0], 0, xs[4]  # no slope at 3, and at 4 a loss of 0 at the start
    many = [4, 3, *(fresh.integer(0, 6) for _ in range(30))]
    few = 0.6 + fresh.normal(3).abs().clamp(0.1, 1.5)
    for x, y, lr, picks, note in (
        (few, 3 * few + 0.2, 0.05, [2, 0, 0, 1], ""),
        (xs, ys, 0.02, many, ", some x and y negative or 0"),
        (few[[1, 0, 2]], 3 * few - 0.2, 0.05, [2, 0, 0, 1], ""),
        (few, 3 * few, 1.5, [2, 0, 1, 2, 0, 1], ", which is too large"),
        (few[:1], 3 * few[:1], 0.1, [0], ""),
        (few[:2], few[:2], 0.1, [], ""),
    ):
        w, ws, losses = 1.0, [], []
        for i in picks:
            error = w * x[i].item() - y[i].item()
            w -= lr * 2 * error * x[i].item()
            ws, losses = [*ws, w], [*losses, error**2]
        args = dict(x=x.clone(), y=y.clone(), lr=lr, picks=picks)
        words = f"x and y {tuple(x.shape)}, lr {lr}{note}, {len(picks)} picks {picks[:6]}"
        yield Trial(words, args, judge=partial(_expect_run, ws, losses))


@exercise(
    "The factor (n - k) / (n - 1) falls from 1 to 0 along a straight line; for batches that are "
    "small beside the data it is nearly 1, and the variance falls like 1/k.",
)
def batch_variance(fresh: Fresh) -> Iterator[Trial]:
    """Yield slopes and batch sizes; the exact variance is known by a formula."""
    some, few = fresh.normal(13), fresh.normal(6)
    few[4] = few[1]
    for slopes, k, note in (
        (some, 5, ""),
        (fresh.normal(13), 5, ", other slopes"),
        (fresh.normal(3), 2, ""),
        (some[:3], 1, ""),
        (few, 3, ", two of them equal"),
        (fresh.normal(fresh.integer(7, 9)), fresh.integer(2, 6), ""),
        (some[:4], 4, ""),
        (some[:2], 1, ""),
        (some[:1], 1, ""),
        (fresh.normal(200), 7, ", too many batches to list"),
        (fresh.normal(1000), 500, ", too many batches to list"),
    ):
        slopes, n = 2 * slopes - 1, len(slopes)
        right = float(slopes.double().var(unbiased=False)) / k * (n - k) / max(n - 1, 1)
        rounding = 1e-6 * (slopes**2).mean().item()
        want = Want("the variance", right, any_shape=True, atol=rounding)
        words = f"batch_size {k}, slopes {(n,)}{note}"
        yield Trial(words, dict(slopes=slopes, batch_size=k), want)
