"""The exercises of lesson 01, linear regression from scratch."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch

from .engine import Prediction, Trial, exercise, show_progress
from .expect import Fresh, Want, expect

progress = partial(show_progress, __name__)


@exercise(
    "`.grad` adds up until you zero it, broadcasting makes n x n of n and n x 1, and a last batch "
    "that is not full is a step too.",
    predicts=True,
)
def predict_before_running(_: Fresh) -> Iterator[Prediction]:
    """Yield three predictions."""
    mistakes = {
        -8: "That is what one `backward()` gives.",
        16: "Mind the sign.",
        -4: "That is the mean's; the loss here is a sum.",
    }
    mistakes |= dict.fromkeys((-5, -10), "The slope is each error times its x.")
    hint = "Write down the error of each example, then error times x."
    yield Prediction("w_grad", -16, hint, mistakes)
    hint = "Line the two shapes up at their right ends."
    yield Prediction("difference_shape", (5, 5), hint)
    mistakes = {
        9: "Nothing is dropped.",
        10: "No batch runs across two epochs.",
        4: "That is one epoch.",
    }
    yield Prediction("num_steps", 12, "Count the batches of one epoch first.", mistakes)


@exercise(
    "Both mistakes raise no error: one is seen in a shape, the other only from the second step on.",
)
def train_step(fresh: Fresh) -> Iterator[Trial]:
    """Yield three steps on the same batch, with labels of both shapes."""

    def expect_leaf(w: torch.Tensor, _: Any) -> None:
        expect(w.requires_grad, "after the step `w.requires_grad` is False.")
        expect(w.is_leaf, "after the step `w` is no leaf: it hangs on a graph.")

    for n, d, form, lr in (
        (7, 2, (-1,), 0.1),
        (12, 3, (-1, 1), 0.05),
        (6, 1, (-1,), 0.1),
        (3, 4, (-1,), 0.05),
        (1, 4, (-1,), 0.2),
    ):
        X = fresh.normal(n, d)
        y = (X @ fresh.normal(d, 1) + 2).reshape(form)
        w, b = fresh.normal(d, 1).requires_grad_(), fresh.normal(1).requires_grad_()
        right_w, right_b = w.detach().clone(), b.detach().clone()
        for step in ("first", "second", "third"):
            error = X @ right_w + right_b - y.reshape(-1, 1)
            right_w = right_w - lr * X.T @ error / n
            right_b = right_b - lr * error.mean(dim=0)
            after = {"w": right_w, "b": right_b}
            yield Trial(
                f"X {(n, d)}, y {tuple(y.shape)}, lr {lr}, {step} of three steps",
                dict(X=X, y=y, w=w, b=b, lr=lr),
                Want("the loss", (error**2 / 2).mean(), any_shape=True),
                partial(expect_leaf, w),
                changes={name: Want(f"`{name}` after the step", after[name]) for name in after},
            )


@exercise(
    "The data pulls the weights towards the fit and the penalty pulls them towards zero, by "
    "`penalty * w`; the bias is left alone.",
    by_hand=True,
)
def penalised_gradient(fresh: Fresh) -> Iterator[Trial]:
    """Yield data and parameters; autograd knows the gradient."""
    for n, d, penalty in (
        (12, 6, 0.7),
        (fresh.integer(5, 9), 3, 0.0),
        (12, fresh.integer(4, 6), 0.7),
        (1, 2, 0.1),
        (6, 1, 20.0),
    ):
        X, y = fresh.normal(n, d), fresh.normal(n, 1)
        w, b = fresh.normal(d, 1).requires_grad_(), fresh.normal(1).requires_grad_()
        loss = ((X @ w + b - y) ** 2 / 2).mean() + penalty / 2 * (w**2).sum()
        grad_w, grad_b = torch.autograd.grad(loss, (w, b))
        want = Want("grad_w", grad_w), Want("grad_b", grad_b, any_shape=True)
        args = dict(X=X, y=y, w=w, b=b, penalty=penalty)
        yield Trial(f"X {(n, d)}, penalty {penalty:g}", args, want)
