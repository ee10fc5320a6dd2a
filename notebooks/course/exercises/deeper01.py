"""The exercises of deeper-01, more on linear regression."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import torch

from .engine import Trial, exercise, show_progress
from .expect import Fresh, expect, expect_type, several, to_float, to_tensor

progress = partial(show_progress, __name__)


def _expect_epoch(batch_size: int, features: torch.Tensor, labels: torch.Tensor, got: Any) -> tuple:
    """Raise Wrong unless these are the minibatches of an epoch; return the examples' order."""
    n, rows = len(features), []
    is_pair = isinstance(got, tuple) and len(got) == 2 and all(map(torch.is_tensor, got))
    expect(not is_pair, "type: one pair came instead of one after the other. Is it `yield`?")
    expect_type(isinstance(got, Iterable), "minibatches one after the other", got)
    for k, part in enumerate(itertools.islice(got, n + 1), start=1):
        size = min(batch_size, n - len(rows))
        expect(n, "it hands out a minibatch where there are no examples.")
        expect(size > 0, f"minibatches go on coming when all {n} examples have come.")
        X, y = (to_tensor(part, "X or y of a minibatch") for part in several(part, "X", "y"))
        for name, got_rows, data in (("X", X, features), ("y", y, labels)):
            shape = (len(X) if X.dim() == 2 else size, *data.shape[1:])
            message = f"shape: {name} of minibatch {k} should have shape {shape}"
            expect(got_rows.shape == shape, f"{message}, got {tuple(got_rows.shape)}.")
        same = (X[:, None] == features).all(dim=2)  # (len(X), n)
        expect(same.any(dim=1).all(), "values: X holds rows that are not in the data.")
        now = same.int().argmax(dim=1)
        message = "values: X and y of a minibatch do not belong together: labels of other rows."
        expect(torch.equal(y.double(), labels[now].double()), message)
        rows += now.tolist()
        is_new = len(set(rows)) == len(rows)
        expect(is_new, f"values: minibatch {k} brings examples that have come before.")
        expect(len(X) == size, f"minibatch {k} holds {len(X)} examples, not {size}.")
    expect(len(rows) == n, f"an epoch hands out {len(rows)} of the {n} examples.")
    return tuple(rows)


def _expect_new_orders(orders: list) -> None:
    """Raise Wrong unless the orders of some epochs differ."""
    if len(orders[0]) > 1:
        in_order = all(order == tuple(sorted(order)) for order in orders)
        expect(not in_order, "the examples come in the order of the data.")
        expect(len(set(orders)) > 1, "all epochs bring the examples in the same order.")


@exercise(
    "Shuffling row numbers instead of rows keeps examples with their labels, and copies no more "
    "than one minibatch at a time."
)
def every_example_once(fresh: Fresh) -> Iterator[Trial]:
    """Yield data of several sizes for a minibatch iterator, and watch four epochs of each."""
    many, d = 10 * fresh.integer(5, 9) + 3, fresh.integer(3, 5)
    for n, batch_size, note in (
        (many, 10, ""),
        (40, 8, ""),
        (40, 1, ""),
        (9, 4, ""),
        (12, 50, ": a batch larger than the data"),
        (1, 1, ": a single example"),
        (0, 4, ": no examples"),
    ):
        X, y = fresh.normal(n, d), torch.arange(float(n)).reshape(n, 1)
        args = dict(batch_size=batch_size, features=X, labels=y)
        words = f"features {(n, d)}, batch_size {batch_size}{note}"
        judge = partial(_expect_epoch, batch_size, X, y)
        yield Trial(words, args, judge=judge, judge_all=_expect_new_orders, calls=4)


@exercise(
    "A penalty adds its strength to the curvature along each weight: steep directions allow only a "
    "smaller rate, and flat ones are no longer flat.",
    seconds=60,  # for those who find it by trying
)
def largest_stable_lr(fresh: Fresh) -> Iterator[Trial]:
    """Yield features and penalties; the largest curvature of the loss sets the limit."""

    def expect_limit(limit: float, got: Any) -> None:
        expect_type(got is not None, "a number", got)
        lr = to_float(got, "the learning rate")
        expect(0 < lr < float("inf"), f"values: {lr:g} is no learning rate.")
        message = f"values: {lr:.4g} is too large: with 0.99 of it descent still moves away."
        expect(0.9895 * lr < limit, message)
        message = f"values: {lr:.4g} is too small: with 1.01 of it descent still arrives."
        expect(1.0105 * lr > limit, message)

    n = fresh.integer(30, 60)
    for features, penalty, note in (
        (fresh.normal(n, 2) + 1, 1.5, ""),
        (3 * fresh.normal(n, 3) + 2, 0.0, " with mean 2 and standard deviation 3"),
        (0.1 * fresh.normal(n, 1), 0.5, " with standard deviation 0.1"),
        (0.1 * fresh.normal(n, 2), 5.0, " with standard deviation 0.1"),
        (100 * fresh.normal(n, 2), 3000.0, " with standard deviation 100"),
        (fresh.normal(3, 4), 0.3, ""),
        (fresh.normal(1, 2), 0.0, ": a single example"),
    ):
        A = torch.cat([features, torch.ones(len(features), 1)], dim=1).double()
        curvatures = A.T @ A / len(A)
        curvatures.diagonal()[:-1] += penalty
        limit = 2 / float(torch.linalg.eigvalsh(curvatures).max())
        words = f"features {tuple(features.shape)}{note}, penalty {penalty:g}"
        args = dict(features=features, penalty=penalty)
        yield Trial(words, args, judge=partial(expect_limit, limit), calls=1)
