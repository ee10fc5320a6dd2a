"""The exercises of lesson 03, stochastic gradient descent on one weight."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

from .engine import Prediction, Trial, Want, exercise, show_progress
from .expect import Fresh, Wrong, expect, expect_type, number, numbers, several

progress = partial(show_progress, __name__)


# --- Predictions -----------------------------------------------------------------------------


@exercise(
    "Slopes that are not zeroed are used again, `detach` is a window onto `w` and no copy, and the "
    "largest x in size sets the learning rate.",
    kind="value",
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


# --- The gradient of another model -----------------------------------------------------------


def expect_want(want: Want, mistakes: list[tuple[Any, str]], got: Any) -> None:
    """Raise Wrong unless `got` is the wanted result; name the mistake that gives what it is."""
    expect_type(got is not None, want.what, got)
    try:
        want.compare(got)
    except Wrong:
        found = numbers(got).double().flatten()
        for wrong, words in mistakes:
            value = torch.as_tensor(wrong, dtype=torch.float64).flatten()
            same = found.shape == value.shape and torch.allclose(found, value, 1e-4, 1e-5)
            expect(not same, f"values: {words}.")
        raise


@exercise(
    "From the outside in: twice the error, times the slope of the prediction, and only that second "
    "factor knows which model it is.",
    by_hand=True,
)
def growth_gradient(fresh: Fresh) -> Iterator[Trial]:
    """Yield rates of growth and examples of several shapes."""
    w, n = torch.zeros(()), (fresh.integer(4, 9),)
    shapes = ((3,), 0.8), ((3,), 0.8), (n, -0.8), ((2, 4), 0.3), ((2, 1, 3), 3), ((), 1), ((1,), 0)
    for trial, (shape, about) in enumerate(shapes):
        w = w if trial == 1 else about * (1 + 0.1 * fresh.normal().clamp(-1, 1))
        x = fresh.normal(*shape).clamp(-1.5, 1.5)
        y = (2 + fresh.normal(*shape)) * (-1) ** trial  # all negative in every second trial
        grown = torch.exp(w.double() * x)
        each = 2 * (grown - y) * grown * x
        left_out = "the gradient leaves out a factor, the one that comes from"
        mistakes = [
            (2 * grown * x, f"{left_out} what is squared"),
            (2 * (grown - y) * x, f"{left_out} the exponential"),
            (2 * (grown - y) * grown, f"{left_out} the exponent"),
            (2 * (grown - y) * grown * w, "this is the slope with respect to x, not to w"),
            (2 * (w * x - y) * x, "this is the gradient for the line of the lesson"),
            (each.mean(), "this is the mean over the examples, and each has a slope of its own"),
            (each.sum(), "this is the sum over the examples, and each has a slope of its own"),
        ]
        words = f"x and y of shape {shape}, w = {w:.2f}{', other x and y' * (trial == 1)}"
        want = Want("the gradient", each, rtol=1e-5, atol=4e-5 * max(1, each.abs().max().item()))
        judge = partial(expect_want, want, mistakes if trial == 0 else [])
        yield Trial(words, dict(w=w, x=x, y=y), judge=judge)


# --- Find the bugs ---------------------------------------------------------------------------


def _run_sgd(x, y, lr, picks):
    """Hold the code that the lesson gives, with its three mistakes."""
    w, ws, losses = torch.tensor(1.0, requires_grad=True), [], []
    for i in picks:
        l = (w * x[i] - y[i]) ** 2
        l.backward()
        with torch.no_grad():
            w -= lr * w.grad
        ws.append(w.detach())
        losses.append(l)
    return ws, losses


def _expect_record(got: Any, want: list[float], name: str, others: dict[str, list]) -> None:
    """Refuse a wrong list; `others` are the numbers of likely mistakes, by what they are."""
    expect_type(isinstance(got, (list, tuple, torch.Tensor, np.ndarray)), f"a list `{name}`", got)
    parts, n = got if isinstance(got, (list, tuple)) else got.reshape(-1), len(want)
    message = f"shape: `{name}` should have an entry for each step, {n}; it has {len(parts)}."
    expect(len(parts) == n, message)
    found = [number(part, f"an entry of `{name}`") for part in parts]
    expect(n < 2 or len(set(found)) > 1, f"values: `{name}` holds {n} times the same number.")
    has_graph = any(getattr(part, "grad_fn", None) is not None for part in parts)
    expect(not has_graph, f"type: `{name}` holds on to the graph: its entries have a `grad_fn`.")
    near = partial(math.isclose, rel_tol=1e-4, abs_tol=1e-5)
    for k, (value, right) in enumerate(zip(found, want, strict=True)):
        is_other = (f", {what}" for what, values in others.items() if near(value, values[k]))
        message = f"values: the first wrong entry of `{name}` is that of step {k + 1}: {value:.4g}"
        expect(near(value, right), f"{message}{next(is_other, '')}.")


def _judge_run(ws: list[float], losses: list[float], got: Any) -> None:
    got_ws, got_losses = several(got, "ws", "losses")
    others = {"the loss there": losses, "the weight before it": [1.0, *ws]}
    _expect_record(got_ws, ws, "ws", others)
    _expect_record(got_losses, losses, "losses", {"the weight": ws})


@exercise(
    "None of the three raises an error, so try code with two steps that you know by hand, and look "
    "at what your lists hold.",
    given=_run_sgd,
)
def run_sgd(fresh: Fresh) -> Iterator[Trial]:
    """Yield data and picks; a run by hand knows the weights and losses."""
    many = [fresh.integer(0, 6) for _ in range(30)]
    for n, lr, picks, why in (
        (3, 0.05, [2, 0, 0, 1], ""),
        (7, 0.02, many, ", some x and y negative or 0"),
        (3, 0.05, [2, 0, 0, 1], ""),
        (3, 1.5, [2, 0, 1, 2, 0, 1], ", which is too large"),
        (1, 0.1, [0], ""),
        (2, 0.1, [], ""),
    ):
        x = 0.5 + fresh.normal(n).abs().clamp(0.1, 1.5)
        y = (-2 if n == 7 else 3) * x + 0.2 * fresh.normal(n).clamp(-2, 2)
        if n == 7:
            x[:3], y[:3] = -x[:3], -y[:3]
            x[3], y[4] = 0, x[4]  # no slope, and a loss of 0 at the start
            picks = [4, 3, *picks]
        w, ws, losses = 1.0, [], []
        for i in picks:
            error = w * x[i].item() - y[i].item()
            w -= lr * 2 * error * x[i].item()
            ws, losses = [*ws, w], [*losses, error**2]
        args, judge = dict(x=x, y=y, lr=lr, picks=picks), partial(_judge_run, ws, losses)
        words = f"x and y {(n,)}, lr {lr}{why}, {len(picks)} picks {picks[:6]}"
        yield Trial(words, args, judge=judge)
