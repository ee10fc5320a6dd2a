"""The exercises of lesson 05, softmax regression on Fashion-MNIST."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch.nn import functional

from .engine import Trial, Want, exercise, show_progress
from .expect import Fresh, expect, expect_values, number, numbers, several

progress = partial(show_progress, __name__)


# --- Softmax ---------------------------------------------------------------------------------


def _expect_ruled_out(o: torch.Tensor, got: Any) -> None:
    left = numbers(got[0])[o.isinf()]
    expect(not left.any(), "values: y_hat is tiny, but not 0, for a logit of -inf.")


@exercise(
    "With the largest logit taken out, `exp` never sees a positive number and the sum is at least "
    "1: nothing overflows, and there is no log of 0."
)
def softmax_and_log_sum_exp(fresh: Fresh) -> Iterator[Trial]:
    """Yield logits of any size."""
    n, q = fresh.integer(4, 6), fresh.integer(3, 5)
    apart = torch.tensor([[1000.0], [-1000.0], [0.0]])
    ruled_out = fresh.normal(3, 4)
    ruled_out[[0, 1], [2, 0]] = -torch.inf
    for o, words in (
        (fresh.normal(n, 7), f"{n} x 7 ordinary logits"),
        (1000 + fresh.normal(n, q), f"{n} x {q} logits near 1000"),
        (-1000 + fresh.normal(n, q), f"{n} x {q} logits near -1000"),
        (apart + fresh.normal(3, q), "rows of logits near 1000, near -1000 and near 0"),
        (apart.T + fresh.normal(2, 3), "logits near 1000, -1000 and 0 in each row"),
        (12 * apart + fresh.normal(3, q), "rows of logits near 12,000, near -12,000 and near 0"),
        (ruled_out, "a logit of -inf in two of three rows"),
        (1 + fresh.normal(1, 1), "one row with one logit"),
    ):
        y_hat, lse = o.double().softmax(dim=1), o.double().logsumexp(dim=1)
        # Near 12,000 float32 goes in steps of 1e-3.
        want = Want("y_hat", y_hat, rtol=3e-3), Want("log_sum_exp", lse, rtol=1e-5, atol=1e-4)
        yield Trial(words, dict(o=o), want, partial(_expect_ruled_out, o))


# --- Measuring -------------------------------------------------------------------------------


def _expect_share(accuracy: float, share: torch.Tensor) -> None:
    message = f"values: the accuracy should be a share from 0 to 1, yours is {accuracy:.4g}."
    expect(0 <= accuracy <= 1, message)
    expect_values(accuracy, share, "the accuracy")


def _expect_counts(share: torch.Tensor, want: torch.Tensor, got: Any) -> None:
    accuracy, confusion = several(got, "accuracy", "confusion")
    _expect_share(number(accuracy, "the accuracy"), share)
    confusion = numbers(confusion, "the confusion matrix")
    turned = not torch.equal(want, want.T) and torch.equal(confusion.double(), want.T)
    message = "values: the confusion matrix has true classes and predictions the wrong way round."
    expect(not turned, message)
    expect_values(confusion, want, "the confusion matrix", rtol=0, atol=1e-3)


@exercise(
    "One number for each pair of classes turns counting pairs into counting numbers; the right "
    "predictions are the diagonal, so the matrix holds the accuracy too."
)
def accuracy_and_confusion(fresh: Fresh) -> Iterator[Trial]:
    """Yield predictions, half of them right; logits are often all negative, or all large."""
    for n, q, used, words in (
        (20, 3, 3, ""),
        (fresh.integer(30, 40), 5, 5, ""),
        (30, 6, 4, ": the last class does not occur"),
        (1, 2, 2, ": a single example"),
        (1_000_000, 3, 3, ""),
    ):
        predicted = torch.randint(used, (n,), generator=fresh.generator)
        y = (predicted + torch.randint(2, (n,), generator=fresh.generator)) % q  # half are right
        rows = torch.arange(n)
        y_hat = fresh.normal(n, q).clamp(-3, 3) + 1000 * (rows % 3 - 1).reshape(-1, 1)
        y_hat[rows, predicted] = y_hat.max(dim=1).values + 0.05  # close to another, but no tie
        want = torch.bincount(y * q + predicted, minlength=q * q).reshape(q, q).double()
        judge = partial(_expect_counts, want.trace() / n, want)
        yield Trial(f"y_hat {(n, q)}{words}", dict(y_hat=y_hat, y=y), judge=judge)


class _Net(torch.nn.Linear):
    """A linear net that notes, also as a copy, how many rows each call gets."""

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        self.note(X.numel() // self.in_features)
        return super().forward(X)


def _expect_means(o: torch.Tensor, y: torch.Tensor, batch_size: int, got: Any) -> None:
    """Compare the loss and the accuracy, and recognize those that likely mistakes give."""
    loss, accuracy = several(got, "the loss", "the accuracy")
    loss, accuracy = number(loss, "the loss"), number(accuracy, "the accuracy")
    hits = (o.argmax(dim=1) == y).float()
    both = torch.stack([functional.cross_entropy(o, y, reduction="none"), hits])  # (2, n)
    mean, share = both.mean(dim=1)
    means = torch.stack([part.mean(dim=1) for part in both.split(batch_size, dim=1)])
    mean_of_means, share_of_shares = means.mean(dim=0)
    twice = functional.cross_entropy(o.softmax(dim=1), y)
    near = partial(math.isclose, rel_tol=1e-4, abs_tol=1e-5)
    smaller = "is the mean of the minibatches' means, and the last minibatch is smaller."
    if not near(loss, mean):
        swapped = near(loss, share) and near(accuracy, mean)
        expect(not swapped, "values: the loss and the accuracy come the wrong way round.")
        message = "values: the loss is what comes out if the softmax is taken twice."
        expect(not near(loss, twice), message)
        expect(not near(loss, mean_of_means), f"values: the loss {smaller}")
    expect_values(loss, mean, "the loss")
    if not near(accuracy, share):
        expect(not near(accuracy, share_of_shares), f"values: the accuracy {smaller}")
    _expect_share(accuracy, share)


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
def evaluate(fresh: Fresh) -> Iterator[Trial]:
    """Yield nets and data of which the last, smaller minibatch is all wrong."""
    for n, batch_size, q, size in (
        (20, 4, 3, 1),
        (10, 4, 5, 1),
        (10 * fresh.integer(3, 6) + 1, 10, 10, 1),
        (11, 3, 4, 200),
        (5, 50, 2, 1),
        (1, 1, 4, 1),
    ):
        o, rows, rest = fresh.normal(n, q), torch.arange(n), n % batch_size
        o[rows, o.argmax(dim=1)] += 0.5  # no near ties
        o, order, calls, net = size * o, fresh.order(q), [], _Net(q, q, bias=False)
        net.weight.data, net.note = torch.eye(q)[order].T.clone(), calls.append
        X = o[:, order]  # net(X) is o, without rounding
        wrong = (rows % 3 == 2) | (rows >= n - rest)
        y = (o.argmax(dim=1) + wrong.long()) % q

        def judge(got: Any, net=net, calls=calls, o=o, y=y, batch_size=batch_size) -> None:
            _expect_means(o, y, batch_size, got)
            most = max(calls, default=0)
            message = f"shape: `net` gets {most} rows at once, and batch_size is {batch_size}."
            expect(most <= batch_size, message)
            message = "it leaves a hook on `net`, which belongs to the caller."
            expect(not net._forward_hooks, message)

        words = f"X {(n, q)}, batch_size {batch_size}" + (f", the last of {rest}" if rest else "")
        words += ", logits of some hundreds" * (size > 1)
        net.weight.grad = torch.ones(q, q)  # which the caller still needs
        args = dict(net=net.train(size == 1), X=X, y=y, batch_size=batch_size)
        yield Trial(words, args, judge=judge)
