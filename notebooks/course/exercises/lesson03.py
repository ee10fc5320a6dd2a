"""The exercises of lesson 03, stochastic gradient descent on one weight."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

from .engine import Prediction, Trial, Want, exercise, show_progress
from .expect import Fresh, expect, expect_type, number, several

progress = partial(show_progress, __name__)


# --- Predictions -----------------------------------------------------------------------------


@exercise(
    "Slopes that are not zeroed are used again, `detach` is a window onto `w` and no copy, and the "
    "largest x in size sets the learning rate.",
    kind="value",
)
def predict_before_running(_: Fresh) -> Iterator[Prediction]:
    """Yield four predictions about two steps without zeroing and about the learning rate."""
    mistakes = {
        -0.3: "A step goes against the slope.",
        0.9: "A factor 2 is missing from the slope: one from the square, one from x.",
        2.26: "That is after both steps.",
    }
    hint = "Write down the error, the slope, and lr times the slope."
    yield Prediction("w_after_one", 1.3, hint, mistakes)
    mistakes = {
        -8: "`backward` was called twice.",
        -16: "The second slope is taken where `w` is by then.",
        -1.6: "Nothing was zeroed.",
    }
    hint = "Work out the slope at each of the two weights, and what `backward` does with them."
    yield Prediction("grad_in_the_end", -9.6, hint, mistakes)
    mistakes = {
        0.5: "Is `detach` a copy?",
        1.3: "There are two steps.",
        1.46: "The second step uses what is in `w.grad`.",
    }
    hint = "Whose memory does `start` share, and where is that weight after both steps?"
    yield Prediction("start_in_the_end", 2.26, hint, mistakes)
    mistakes = {
        0.08: "That bound is for a loss with the factor 1/2.",
        0.02: "There a step on -5 lands on the bottom; how far past it may a step go?",
        4: "The example -5 may be picked each time.",
        0.25: "The example -5 may be picked each time.",
        0.2: "The slope holds x twice.",
    }
    hint = "By what does a step on one example multiply the distance to the bottom?"
    yield Prediction("largest_lr", 0.04, hint, mistakes, rtol=0.0101)


# --- The gradient of another model -----------------------------------------------------------


@exercise(
    "From the outside in: twice the error, times the slope of the prediction, and only that second "
    "factor knows which model it is.",
    by_hand=True,
)
def growth_gradient(fresh: Fresh) -> Iterator[Trial]:
    """Yield rates of growth and examples of several shapes; autograd knows the gradient."""
    n = fresh.integer(4, 9)
    shapes = (
        ((3,), 0.8),
        ((3,), 0.8),
        ((n,), -0.8),
        ((2, 4), 0.3),
        ((2, 1, 3), 3),
        ((), 1),
        ((1,), 0),
    )
    w = torch.zeros(())
    for trial, (shape, about) in enumerate(shapes):
        w = w if trial == 1 else about * (1 + 0.1 * fresh.normal().clamp(-1, 1))
        x = fresh.normal(*shape).clamp(-1.5, 1.5)
        y = (2 + fresh.normal(*shape)) * (-1) ** trial  # all negative in every second trial
        each = w.double().expand(shape).clone().requires_grad_()  # a weight for each example
        (want,) = torch.autograd.grad(((torch.exp(each * x) - y) ** 2).sum(), each)
        words = f"x and y of shape {shape}, w = {w:.2f}{', other x and y' * (trial == 1)}"
        atol = 4e-5 * max(1, want.abs().max().item())
        yield Trial(words, dict(w=w, x=x, y=y), Want("the gradient", want, rtol=1e-5, atol=atol))


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


def _expect_record(
    got: Any, want: list[float], name: str, entry: str, others: dict[str, list[float]]
) -> None:
    """Refuse a list that has the wrong length, holds one number many times, a graph or errors.

    `others` are the numbers that a mistake would put there, by what they are.
    """
    expect_type(isinstance(got, (list, tuple, torch.Tensor, np.ndarray)), f"a list `{name}`", got)
    parts, n = got if isinstance(got, (list, tuple)) else got.reshape(-1), len(want)
    message = f"shape: `{name}` should have an entry for each step, {n}; it has {len(parts)}."
    expect(len(parts) == n, message)
    found = [number(part, f"an entry of `{name}`") for part in parts]
    if n > 1:
        message = f"values: `{name}` holds {n} times the same number, {found[0]:.4g}."
        expect(len(set(found)) > 1, message)
    has_graph = any(getattr(part, "grad_fn", None) is not None for part in parts)
    expect(not has_graph, f"type: `{name}` holds on to the graph: its entries have a `grad_fn`.")
    near = partial(math.isclose, rel_tol=1e-4, abs_tol=1e-5)
    for k, (value, right) in enumerate(zip(found, want, strict=True)):
        message = f"values: {entry} step {k + 1} is not right: yours is {value:.4g}"
        is_other = (f", {what}" for what, values in others.items() if near(value, values[k]))
        message += next(is_other, "") + "."
        message += f" In `{name}` all before it is right." if k else ""
        expect(near(value, right), message)


def _judge_run(ws: list[float], losses: list[float], got: Any) -> None:
    got_ws, got_losses = several(got, "ws", "losses")
    others = {"the loss there": losses, "the weight before it": [1.0, *ws]}
    _expect_record(got_ws, ws, "ws", "the weight after", others)
    _expect_record(got_losses, losses, "losses", "the loss before", {"the weight": ws})


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
        (7, 0.02, many, ""),
        (7, 0.02, many, ", some x and y negative or 0"),
        (3, 0.05, [2, 0, 0, 1], ""),
        (3, 1.5, [2, 0, 1, 2, 0, 1], ", which is too large"),
        (1, 0.1, [0], ""),
        (2, 0.1, [], ""),
    ):
        x = 0.5 + fresh.normal(n).abs().clamp(0.1, 1.5)
        slope = -2 if "negative" in why else 3
        y = slope * x + 0.2 * fresh.normal(n).clamp(-2, 2)
        if "negative" in why:
            x[:3], y[:3] = -x[:3], -y[:3]
            x[3], y[4] = 0, x[4]  # no slope, and a loss of 0 at the start
            picks = [4, 3, *picks]
        w, ws, losses = 1.0, [], []
        for i in picks:
            error = w * x[i].item() - y[i].item()
            w -= lr * 2 * error * x[i].item()
            ws, losses = [*ws, w], [*losses, error**2]
        shown = f"{picks}" if len(picks) < 6 else f"{str(picks[:5])[:-1]}, ...]"
        args, judge = dict(x=x, y=y, lr=lr, picks=picks), partial(_judge_run, ws, losses)
        yield Trial(f"x and y {(n,)}, lr {lr}{why}, picks {shown}", args, judge=judge)


# --- The noise of any batch ------------------------------------------------------------------


def _judge_variance(want: float, one: float, mistakes: dict[float, str], got: Any) -> None:
    expect_type(got is not None, "the variance", got)
    value = number(got, "the variance")
    message = "values: with one slope there is one batch, so nothing varies; yours is nan."
    expect(not (want == 0 and math.isnan(value)), message)
    for wrong, words in mistakes.items():
        expect(not abs(value - wrong) <= 1e-4 * wrong, f"values: {value:.4g} is {words}.")
    Want("the variance", want, atol=0 if want else 1e-5 * one).compare(value)


@exercise(
    "The factor (n - k) / (n - 1) falls from 1 to 0 along a straight line; for batches that are "
    "small beside the data it is nearly 1, and the variance falls like 1/k."
)
def batch_variance(fresh: Fresh) -> Iterator[Trial]:
    """Yield slopes and batch sizes; the exact variance is known by a formula."""
    sizes = (13, 5), (13, 5), (3, 2), (3, 1), (6, 3), (fresh.integer(7, 9), fresh.integer(2, 6))
    remarks = {1: " with other values", 4: ", two of them equal"}
    for trial, (n, k) in enumerate((*sizes, (4, 4), (2, 1), (1, 1), (200, 7), (1000, 500))):
        slopes = 2 * fresh.normal(n) - 1
        if n == 6:
            slopes[4] = slopes[1]
        one = float(slopes.double().var(unbiased=False))
        want = one / k * (n - k) / max(n - 1, 1)
        mistakes: dict[float, str] = {}
        if n == 13:  # with other sizes other formulas may give these numbers, too
            mistakes[one / k] = "the variance where an example may come twice in a batch"
            mistakes[one] = "the variance of a single example's slope"
            mistakes[want**0.5] = "the standard deviation, the root of the variance"
            for count in (n, math.comb(n, k)):
                words = "what an unbiased variance gives, not the mean squared deviation"
                mistakes[want * count / (count - 1)] = words
        judge = partial(_judge_variance, want, one, mistakes)
        words, args = f"batch_size {k}, slopes {(n,)}", dict(slopes=slopes, batch_size=k)
        yield Trial(words + remarks.get(trial, ""), args, judge=judge)
