"""The exercises of lesson 03, stochastic gradient descent on one weight."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

from .engine import Prediction, Trial, exercise, show_progress
from .expect import Fresh, Want, expect, expect_type, several, to_float

progress = partial(show_progress, __name__)


@exercise(
    "Slopes that are not zeroed are used again, `detach` is a window onto `w` and no copy, and the "
    "largest x in size sets the learning rate.",
    predicts=True,
)
def predict_before_running(_: Fresh) -> Iterator[Prediction]:
    """Yield four predictions about two steps without zeroing and about the learning rate."""
    mistakes = {-0.3: "A step goes against the slope.", 2.26: "That is after both steps."}
    mistakes |= {0.9: "A factor 2 is missing from the slope: one from the square, one from x."}
    yield Prediction("w_after_one", 1.3, "Write down the error, the slope and the step.", mistakes)
    mistakes = {-8: "`backward` was called twice.", -1.6: "Nothing was zeroed."}
    mistakes |= {-16: "The second slope is taken where `w` is by then."}
    yield Prediction("grad_in_the_end", -9.6, "What does `backward` do with two slopes?", mistakes)
    mistakes = {0.5: "Is `detach` a copy?", 1.3: "There are two steps."}
    mistakes |= {1.46: "The second step uses what is in `w.grad`."}
    yield Prediction("start_in_the_end", 2.26, "Whose memory does `start` share?", mistakes)
    mistakes = dict.fromkeys((4, 0.25), "The example -5 may be picked each time.")
    mistakes |= {0.08: "That bound is for a loss with the factor 1/2.", 0.2: "x comes twice."}
    mistakes |= {0.02: "There a step on -5 lands on the bottom; how far past it may a step go?"}
    hint = "By what does a step on one example multiply the distance to the bottom?"
    yield Prediction("largest_lr", 0.04, hint, mistakes, rtol=0.0101)


@exercise(
    "From the outside in: twice the error, times the slope of the prediction, and only that second "
    "factor knows which model it is.",
    by_hand=True,
)
def growth_gradient(fresh: Fresh) -> Iterator[Trial]:
    """Yield rates of growth and examples of several shapes."""
    n = (fresh.integer(4, 9),)
    w = torch.zeros(())
    for shape, about, note in (
        ((8,), 0.8, ""),
        ((8,), None, ", other x and y"),  # the w of before
        (n, -0.8, ""),
        ((2, 4), 0.3, ""),
        ((2, 1, 3), 3, ""),
        ((), 1, ""),
        ((1,), 0, ""),
    ):
        if about is not None:
            w = about * (1 + 0.1 * fresh.normal().clamp(-1, 1))
        x = fresh.normal(*shape).clamp(-1.5, 1.5)
        y = (2 + fresh.normal(*shape).clamp(-1.5, 1.5)) * (-1) ** fresh.order(x.numel()).reshape(
            shape
        )
        grown = torch.exp(w.double() * x)
        each = 2 * (grown - y) * grown * x
        want = Want("the gradient", each, rtol=1e-5, atol=4e-5 * max(1, each.abs().max().item()))
        yield Trial(f"x and y of shape {shape}, w = {w:.2f}{note}", dict(w=w, x=x, y=y), want)


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
    has_graph = any(getattr(part, "grad_fn", None) is not None for part in parts)
    expect(not has_graph, f"type: `{name}` holds on to the graph: its entries have a `grad_fn`.")


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
