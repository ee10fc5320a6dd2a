"""The exercises of lesson 03, stochastic gradient descent on one weight."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch

from .engine import Prediction, Trial, exercise, show_progress
from .expect import Fresh, Want

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


@exercise(
    "An example pulls with x times its error, so those far out count most; that is why it is not "
    "the mean of y / x.",
    by_hand=True,
)
def best_weight(fresh: Fresh) -> Iterator[Trial]:
    """Yield data of several sizes; the gradients' sum is 0 at one weight."""
    hours = 0.6 + fresh.normal(5).abs().clamp(max=2)
    hours[1] += 3  # farthest out, and neither first nor last
    own = 2 + fresh.normal(5).sort().values[[0, 3, 4, 2, 1]]  # each example's own best weight
    far, near = 100 * fresh.normal(8), 0.01 * fresh.normal(fresh.integer(6, 9))
    some = fresh.normal(7)
    some[2] = 0
    for x, y, note in (
        (hours, own * hours, ""),
        (far, 2 * fresh.normal(8) - 0.02 * far, ", x in the hundreds, some negative"),
        (near, 3 * near + 0.01 * fresh.normal(len(near)), ", x in the hundredths, some negative"),
        (some, fresh.normal(7) - some, ", one x is 0"),
        (fresh.normal(100), 5 + fresh.normal(100), ""),
        (some - some.mean(), 3 + fresh.normal(7), ", x with mean 0"),
        (hours[:1], -own[:1], ""),
        (some, -1.3 * some, ", all on a line"),
    ):
        X, Y = x.double(), y.double()
        scale = float((Y @ Y / (X @ X)).sqrt())
        want = Want("the weight", X @ Y / (X @ X), any_shape=True, rtol=0, atol=1e-3 * scale)
        yield Trial(f"x and y of shape {tuple(x.shape)}{note}", dict(x=x, y=y), want)
