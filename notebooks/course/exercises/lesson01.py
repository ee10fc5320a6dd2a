"""The checks of lesson 01, linear regression from scratch."""

from __future__ import annotations

from typing import Any

import torch

from .engine import case, exercise
from .expect import (
    Fresh,
    collect,
    expect,
    expect_dtype,
    expect_shape,
    expect_values,
    number,
    numbers,
    several,
    unchanged,
)

# --- Exercise 1 ------------------------------------------------------------------------------


def _epoch(answer: Any, batch_size: int, features: torch.Tensor, labels: torch.Tensor) -> list:
    """One epoch of the learner's batches as pairs of tensors, each checked on its own."""
    n = len(features)
    batches = []
    for batch in collect(answer(batch_size, features, labels), n + 1, "minibatches"):
        X, y = several(batch, "X", "y")
        X, y = numbers(X, "X"), numbers(y, "y")
        expect(X.ndim > 0 and y.ndim > 0, "shape: X and y of a minibatch hold no rows.")
        message = f"shape: X and y of a minibatch have {len(X)} and {len(y)} rows."
        expect(len(X) == len(y), message)
        expect_shape(X, (len(X), *features.shape[1:]), "X of a minibatch")
        expect_shape(y, (len(y), *labels.shape[1:]), "y of a minibatch")
        expect_dtype(X, features.dtype, "X of a minibatch")
        batches.append((X, y))
    sizes = [len(y) for _, y in batches]
    expect(sum(sizes) == n, f"an epoch hands out {sum(sizes)} of the {n} examples.")
    expect(0 not in sizes, "shape: one of the minibatches is empty.")
    whole, rest = divmod(n, batch_size)
    shown = f"{sizes[:6]} ..." if len(sizes) > 6 else sizes
    message = f"shape: the minibatches have sizes {shown}: all but the last are to be full."
    expect(sizes == [batch_size] * whole + [rest] * (rest > 0), message)
    return batches


def _order(batches: list, features: torch.Tensor, labels: torch.Tensor) -> list[int]:
    """The row numbers in the order in which the examples came; no two rows are alike."""
    X, y = (torch.cat(parts) for parts in zip(*batches, strict=True))
    same = (X[:, None] == features).all(dim=2)  # (n, n)
    expect(same.any(dim=1).all(), "values: X holds rows that are not in the data.")
    rows = same.int().argmax(dim=1)
    missing = len(features) - len(rows.unique())
    message = f"values: {missing} of {len(features)} examples never come, others twice."
    expect(missing == 0, message)
    message = "values: X and y of a minibatch do not belong together: labels of other rows."
    expect(torch.equal(y.double(), labels[rows].double()), message)
    return rows.tolist()


@exercise(
    "Shuffling row numbers instead of rows keeps each example with its label and copies nothing."
)
def every_example_once(answer: Any) -> None:
    """Judge a minibatch iterator."""
    fresh = Fresh()
    many, d = 10 * fresh.integer(5, 9) + 3, fresh.integer(2, 5)
    for n, batch_size, why in (
        (many, 10, ""),
        (2 * many, 17, ""),
        (40, 8, ""),
        (12, 50, ": a batch larger than the data"),
        (1, 1, ": a single example"),
    ):
        features = fresh.normal(n, d)
        labels = torch.arange(float(n)).reshape(n, 1)
        data = features.clone(), labels.clone()
        with case(f"{n} examples of {d} features, batch_size {batch_size}{why}"):
            same = unchanged(features=features, labels=labels)
            rows = _order(_epoch(answer, batch_size, features, labels), *data)
            same()
            if n >= 40:
                expect(rows != sorted(rows), "the examples come in the order of the data.")
                again = _order(_epoch(answer, batch_size, features, labels), *data)
                expect(rows != again, "two epochs bring the examples in the same order.")
    with case("no examples"):
        batches = collect(answer(4, torch.zeros(0, d), torch.zeros(0, 1)), 1, "minibatches")
        expect(not batches, "it hands out a minibatch where there are no examples.")


# --- Exercise 2 ------------------------------------------------------------------------------


@exercise(
    "The data pulls the weights towards the fit and the penalty pulls them towards zero, by "
    "`penalty * w`; the bias is left alone."
)
def penalised_gradient(answer: Any) -> None:
    """Judge the gradient by hand of the mean squared loss with a penalty on the weights."""
    fresh = Fresh()
    for n, d, penalty, dtype in (
        (fresh.integer(5, 9), 3, 0.0, torch.float32),
        (fresh.integer(10, 20), fresh.integer(4, 6), 0.7, torch.float32),
        (1, 2, 0.1, torch.float32),
        (6, 1, 2.0, torch.float64),
    ):
        X, y = fresh.normal(n, d, dtype=dtype), fresh.normal(n, 1, dtype=dtype)
        w = fresh.normal(d, 1, dtype=dtype).requires_grad_(True)
        b = fresh.normal(1, dtype=dtype).requires_grad_(True)
        loss = ((X @ w + b - y) ** 2 / 2).mean() + penalty / 2 * (w**2).sum()
        want_w, want_b = torch.autograd.grad(loss, (w, b))
        same = unchanged(X=X, y=y, w=w, b=b)
        with case(f"{n} examples, {d} features, penalty {penalty:g}"), torch.no_grad():
            grad_w, grad_b = several(answer(X, y, w, b, penalty), "grad_w", "grad_b")
            expect_values(grad_w, want_w, "grad_w")
            expect_values(grad_b, want_b, "grad_b", any_shape=True)
            same()


# --- Exercise 3 ------------------------------------------------------------------------------


def _train_step(X, y, w, b, lr):
    """Hold the code that the lesson gives, with its two mistakes."""
    loss = ((X @ w + b - y) ** 2 / 2).mean()
    loss.backward()
    with torch.no_grad():
        for param in (w, b):
            param -= lr * param.grad
    return loss.item()


@exercise(
    "Both mistakes raise no error: one is seen in a shape, the other only from the second step on.",
    given=_train_step,
)
def train_step(answer: Any) -> None:
    """Judge the mended training step by its losses and by where it takes w and b."""
    fresh = Fresh()
    for n, d, form in ((7, 2, (-1,)), (fresh.integer(10, 20), 3, (-1, 1)), (1, 4, (-1,))):
        X, lr = fresh.normal(n, d), 0.1
        y = (X @ fresh.normal(d, 1) + 2).reshape(form)
        w = fresh.normal(d, 1).requires_grad_(True)
        b = fresh.normal(1).requires_grad_(True)
        same = unchanged(X=X, y=y)
        right_w, right_b = w.detach().clone(), b.detach().clone()
        for step in ("first", "second", "third"):
            error = X @ right_w + right_b - y.reshape(-1, 1)
            loss = (error**2 / 2).mean()
            before = w.detach().clone()
            words = f"X {(n, d)}, y {tuple(y.shape)}, {step} step on the same batch"
            with case(words):
                got = numbers(answer(X, y, w, b, lr), "the loss")
                expect_values(got, loss, "the loss", any_shape=True)
                right_w -= lr * X.T @ error / n
                right_b -= lr * error.mean(dim=0)
                expect(not torch.equal(w, before), "values: `w` is where it was before the step.")
                expect_values(w, right_w, "after it `w`")
                expect_values(b, right_b, "after it `b`")
                expect(w.requires_grad and w.is_leaf, "`w` is no longer a parameter (a leaf).")
                same()


# --- Exercise 4 ------------------------------------------------------------------------------


def _expect_prediction(right: bool, name: str, answer: Any, hint: str) -> None:
    expect(right, f"values: {name} is not {answer}. {hint}")


@exercise(
    "`.grad` adds up until you zero it, broadcasting makes n x n of n and n x 1, and a last batch "
    "that is not full is a step too.",
    kind="value",
)
def predict_before_running(grad: Any, shape: Any, steps: Any) -> None:
    """Judge three predictions, of which the common mistakes get a word of their own."""
    value = number(grad, "w_grad")
    hints = {-8: "That is one backward's.", 16: "Mind the sign.", -4: "It is the sum's gradient."}
    hint = hints.get(value, "Write down the error of each example, then error times x.")
    _expect_prediction(abs(value + 16) < 1e-6, "w_grad", f"{value:g}", hint)
    try:
        dims = None if isinstance(shape, str) else tuple(int(size) for size in shape)
    except (TypeError, ValueError):
        dims = None
    expect(dims is not None, "type: difference_shape is to be a tuple such as (3, 2).")
    hint = "Line the two shapes up at their right ends."
    _expect_prediction(dims == (5, 5), "difference_shape", dims, hint)
    value = number(steps, "num_steps")
    hint = {9: "Nothing is dropped.", 10: "No batch runs across two epochs.", 4: "Of one epoch."}
    hint = hint.get(value, "Count the batches of one epoch first.")
    _expect_prediction(value == 12, "num_steps", f"{value:g}", hint)


# --- Exercise 5 ------------------------------------------------------------------------------


def _steepest(features: torch.Tensor) -> float:
    """The largest curvature of the mean squared loss of Xw + b."""
    A = torch.cat([features, torch.ones(len(features), 1)], dim=1).double()
    return float(torch.linalg.eigvalsh(A.T @ A / len(A)).max())


@exercise(
    "The steepest direction sets the limit for all the others, which is why features of very "
    "different size make descent slow.",
    seconds=20,
)
def largest_stable_lr(answer: Any) -> None:
    """Judge the largest stable learning rate by what descent does just below and above it."""
    fresh = Fresh()
    n = fresh.integer(30, 60)
    for features, words in (
        (fresh.normal(n, 2), f"{n} examples of 2 features"),
        (3 * fresh.normal(n, 3) + 2, f"{n} examples of 3 features with mean 2 and deviation 3"),
        (0.1 * fresh.normal(n, 1), f"{n} examples of 1 small feature"),
        (fresh.normal(1, 2), "a single example"),
    ):
        same, steepest = unchanged(features=features), _steepest(features)
        with case(words):
            lr = number(answer(features), "the learning rate")
            expect(0 < lr < float("inf"), f"values: {lr:g} is no learning rate.")
            message = f"values: {lr:.4g} is too large: with 0.98 of it descent still moves away."
            expect(0.98 * lr * steepest < 2, message)
            message = f"values: {lr:.4g} is too small: with 1.02 of it descent still gets there."
            expect(1.02 * lr * steepest > 2, message)
            same()
