"""The checks of lesson 05, softmax regression on Fashion-MNIST."""

from __future__ import annotations

from typing import Any

import torch

from .engine import case, exercise
from .expect import (
    Fresh,
    expect,
    expect_shape,
    expect_values,
    number,
    numbers,
    several,
    unchanged,
)

# --- Exercise 1 ------------------------------------------------------------------------------


def _expect_smooth(answer: Any, delta: float) -> None:
    """Refuse a loss that jumps or has a kink where an error passes delta, on either side."""
    for side, words in ((1, "delta"), (-1, "-delta")):
        r = side * delta * torch.tensor([0.9, 0.999, 1.001, 1.1])
        losses = numbers(answer(r, delta), "the loss")
        expect_shape(losses, (4,), "the loss")
        before, inside, outside, after = losses.tolist()
        message = f"values: the loss jumps at {words}, from {inside:.4g} to {outside:.4g}."
        expect(not abs(outside - inside) > 0.02 * delta**2, message)
        slopes = (inside - before) / 0.099 / delta, (after - outside) / 0.099 / delta
        message = (
            f"values: the loss has a kink at {words}: its slope is not the same on both sides."
        )
        expect(not abs(slopes[1] - slopes[0]) > 0.2 * delta, message)


@exercise(
    "Up to delta an example pulls as hard as it is wrong, and beyond with delta, so that delta is "
    "the size from which you call an error a slip."
)
def huber_loss(answer: Any) -> None:
    """Judge Huber's loss by its values, and by whether its two pieces meet."""
    fresh = Fresh()
    for shape, delta in (
        ((6,), 1.0),
        ((fresh.integer(7, 12),), 2.0),
        ((3, fresh.integer(2, 5)), 0.5),
        ((1,), 10.0),
        ((), 3.0),
    ):
        n = torch.Size(shape).numel()
        sizes = torch.linspace(4, 0.1, n) + 0.05 * fresh.normal(n).clamp(-1, 1)
        signs = fresh.normal().sign() * (-1) ** torch.arange(n)
        r = (delta * sizes * signs).reshape(shape)  # small and large, of both signs
        zero, same = torch.zeros_like(r), unchanged(r=r)
        want = torch.nn.functional.huber_loss(r, zero, reduction="none", delta=delta)
        with case(f"errors of shape {shape}, delta = {delta:g}"):
            losses = numbers(answer(r, delta), "the loss")
            expect_shape(losses, shape, "the loss")
            if n > 1:
                _expect_smooth(answer, delta)
            expect_values(losses, want, "the loss")
            same()
    with case("an error of 0"):
        expect_values(answer(torch.zeros(2), 1.0), torch.zeros(2), "the loss")


# --- Exercise 2 ------------------------------------------------------------------------------


@exercise(
    "With the largest logit taken out, `exp` never sees a positive number and the sum is at least "
    "1: nothing overflows, and there is no log of 0."
)
def softmax_and_log_sum_exp(answer: Any) -> None:
    """Judge the softmax and the log-sum-exp of each row, for logits of any size."""
    fresh = Fresh()
    n, q = fresh.integer(4, 6), fresh.integer(3, 5)
    apart = torch.tensor([[1000.0], [-1000.0], [0.0]])
    ruled_out = fresh.normal(3, 4)
    ruled_out[[0, 1], [2, 0]] = -torch.inf
    for o, words in (
        (fresh.normal(n, 7), f"{n} x 7 ordinary logits"),
        (3 * fresh.normal(8, q), f"8 x {q} ordinary logits"),
        (1000 + fresh.normal(n, q), f"{n} x {q} logits near 1000"),
        (-1000 + fresh.normal(n, q), f"{n} x {q} logits near -1000"),
        (apart + fresh.normal(3, q), "rows of logits near 1000, near -1000 and near 0"),
        (apart.T + fresh.normal(2, 3), "logits near 1000, -1000 and 0 in each row"),
        (ruled_out, "a logit of -inf in two of three rows"),
        (1 + fresh.normal(1, 1), "one row with one logit"),
    ):
        exact = o.double()
        want = torch.softmax(exact, dim=1), torch.logsumexp(exact, dim=1)
        same = unchanged(o=o)
        with case(words):
            y_hat, log_sum_exp = several(answer(o), "y_hat", "log_sum_exp")
            expect_values(y_hat, want[0], "y_hat", rtol=1e-3)
            expect_values(log_sum_exp, want[1], "log_sum_exp", rtol=1e-5, atol=1e-4)
            same()


# --- Exercise 3 ------------------------------------------------------------------------------


@exercise(
    "One number for each pair of kinds turns counting pairs into counting numbers; the right "
    "answers are the diagonal, so the matrix holds the accuracy too.",
    seconds=8,
)
def accuracy_and_confusion(answer: Any) -> None:
    """Judge the accuracy and the confusion matrix of a classifier's answers."""
    fresh = Fresh()
    for n, q, used, words in (
        (8, 3, 3, ""),
        (fresh.integer(20, 40), 5, 5, ""),
        (30, 6, 4, ": the last kind does not occur"),
        (4, 4, 4, ""),
        (1, 2, 2, ": a single example"),
        (500_000, 3, 3, ", slow in a loop over them"),
    ):
        answers = torch.randint(used, (n,), generator=fresh.generator)
        y = (answers + torch.randint(2, (n,), generator=fresh.generator)) % q  # half are right
        y_hat = fresh.normal(n, q).clamp(-3, 3)
        y_hat[torch.arange(n), answers] += 7  # the largest of its row without a tie
        want = torch.bincount(y * q + answers, minlength=q * q).reshape(q, q).float()
        share, same = want.diag().sum() / n, unchanged(y_hat=y_hat, y=y)
        with case(f"{n} examples of {q} kinds{words}"):
            accuracy, confusion = several(answer(y_hat, y), "accuracy", "confusion")
            accuracy = number(accuracy, "the accuracy")
            confusion = numbers(confusion, "the confusion matrix")
            expect_shape(confusion, (q, q), "the confusion matrix")
            message = f"values: the accuracy is to be a share from 0 to 1; yours is {accuracy:.4g}."
            expect(0 <= accuracy <= 1, message)
            expect_values(accuracy, share, "the accuracy")
            turned = not torch.equal(want, want.T) and torch.equal(confusion.float(), want.T)
            message = "values: the confusion matrix has true kinds and answers the wrong way round."
            expect(not turned, message)
            expect_values(confusion, want, "the confusion matrix")
            same()


# --- Exercise 4 ------------------------------------------------------------------------------


def _evaluate(net, X, y, batch_size):
    """Hold the code that the lesson gives, with its three mistakes."""
    losses, accuracies = [], []
    for X_now, y_now in zip(X.split(batch_size), y.split(batch_size)):  # noqa: B905
        y_hat = torch.softmax(net(X_now), dim=1)
        losses.append(torch.nn.functional.cross_entropy(y_hat, y_now).item())
        accuracies.append((y_hat.argmax(dim=0) == y_now).float().mean().item())
    return sum(losses) / len(losses), sum(accuracies) / len(accuracies)


@exercise(
    "A loss that looks sensible proves nothing: try a measurement on a case whose result you know, "
    "and with a last minibatch that is not full.",
    given=_evaluate,
)
def evaluate(answer: Any) -> None:
    """Judge the mended evaluation by its loss and its accuracy."""
    fresh = Fresh()
    for n, batch_size, q in (
        (12, 4, 3),
        (12, 3, 3),
        (10, 4, 5),
        (10 * fresh.integer(3, 6) + 1, 10, 10),
        (5, 50, 2),
        (1, 1, 4),
    ):
        o, rows, rest = fresh.normal(n, q), torch.arange(n), n % batch_size
        o[rows, o.argmax(dim=1)] += 0.5  # no near ties
        order = torch.randperm(q, generator=fresh.generator)
        X, net = o[:, order], _net(torch.eye(q)[order])  # net(X) is o, without rounding
        wrong = (rows % 3 == 2) | (rows >= n - rest)  # the last, smaller batch is all wrong
        y = (o.argmax(dim=1) + wrong.long()) % q
        loss, accuracy = torch.nn.functional.cross_entropy(o, y), (~wrong).float().mean()
        same = unchanged(X=X, y=y)
        last = f", the last of {rest}" if rest else ""
        with case(f"{n} examples of {q} kinds in batches of {batch_size}{last}"):
            got = several(answer(net, X, y, batch_size), "loss", "accuracy")
            expect_values(number(got[0], "the loss"), loss, "the loss")
            expect_values(number(got[1], "the accuracy"), accuracy, "the accuracy")
            same()


def _net(W: torch.Tensor) -> torch.nn.Module:
    """Return a linear net with these weights and a bias of zero."""
    net = torch.nn.Linear(*W.shape)
    with torch.no_grad():
        net.weight.copy_(W.T)
        net.bias.zero_()
    return net


# --- Exercise 5 ------------------------------------------------------------------------------


@exercise(
    "At the logits the gradient is softmax minus target, for any target that adds up to one, and "
    "the weights get it multiplied by their inputs."
)
def smoothed_gradient(answer: Any) -> None:
    """Judge the gradient by hand of softmax regression with smoothed labels."""
    fresh = Fresh()
    some = fresh.integer(10, 20), fresh.integer(4, 6), fresh.integer(4, 8)
    for (n, d, q), smoothing, offset, words in (
        ((6, 3, 4), 0.0, 0, ""),
        ((6, 3, 4), 0.1, 0, ""),
        (some, 0.3, 0, ""),
        ((4, 2, 3), 0.2, 0, ", all of the first kind"),
        ((1, 5, 2), 0.5, 0, ""),
        ((7, 3, 5), 0.1, 1000, ", logits near 1000"),
        ((7, 3, 5), 0.1, -1000, ", logits near -1000"),
    ):
        # Near 1000, the 7 digits of float32 would leave too few after the point.
        dtype = torch.float64 if offset else torch.float32
        X, W = fresh.normal(n, d, dtype=dtype), fresh.normal(d, q, dtype=dtype)
        b, y = fresh.normal(q, dtype=dtype) + offset, torch.arange(n) % q
        y = y * 0 if "first" in words else y[torch.randperm(n, generator=fresh.generator)]
        W.requires_grad_(True), b.requires_grad_(True)
        o = X @ W + b
        loss = torch.nn.functional.cross_entropy(o, y, label_smoothing=smoothing)
        want = torch.autograd.grad(loss, (W, b))
        same = unchanged(X=X, y=y, W=W, b=b)
        form = f"X ({n}, {d}), W ({d}, {q}), smoothing {smoothing:g}{words}"
        with case(form), torch.no_grad():
            grad_W, grad_b = several(answer(X, y, W, b, smoothing), "grad_W", "grad_b")
            expect_values(grad_W, want[0], "grad_W")
            expect_values(grad_b, want[1], "grad_b", any_shape=True)
            same()
