"""The exercises of deeper-01, more on linear regression."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch

from .engine import Trial, exercise, show_progress
from .expect import Fresh, collect, expect, expect_dtype, expect_type, number, numbers, several

progress = partial(show_progress, __name__)


def _minibatches(got: Any, batch_size: int, X_all: torch.Tensor, y_all: torch.Tensor) -> list:
    """One epoch of the learner's minibatches as pairs of tensors, each checked on its own."""
    n, batches = len(X_all), []
    is_pair = isinstance(got, tuple) and len(got) == 2 and all(map(torch.is_tensor, got))
    expect(not is_pair, "type: one pair came instead of one after the other. Is it `yield`?")
    parts = collect(got, n + 1, "minibatches")
    for k, part in enumerate(parts, start=1):
        X, y = several(part, "X", "y")
        X, y = numbers(X, "X"), numbers(y, "y")
        for name, rows, data in (("X", X, X_all), ("y", y, y_all)):
            shape = (min(batch_size, n), *data.shape[1:])
            fits = rows.ndim == data.ndim and rows.shape[1:] == data.shape[1:]
            message = f"shape: {name} of a minibatch should have shape {shape}"
            expect(fits, f"{message}, got {tuple(rows.shape)}.")
        message = f"shape: X and y of minibatch {k} have {len(X)} and {len(y)} rows."
        expect(len(X) == len(y), message)
        expect_dtype(X, X_all.dtype, "X of a minibatch")
        batches.append((X, y))
    sizes = [len(y) for _, y in batches]
    for k, size in enumerate(sizes, start=1):
        left = n - (k - 1) * batch_size
        expect(left > 0, f"minibatches go on coming when all {n} examples have come.")
        message = f"shape: minibatch {k} should have {min(batch_size, left)} rows, got {size}."
        expect(size == min(batch_size, left), message)
    expect(sum(sizes) == n, f"an epoch hands out {sum(sizes)} of the {n} examples.")
    is_shared = len({X.data_ptr() for X, _ in batches}) < len(batches)
    message = "the minibatches share their memory: a later one overwrites an earlier one."
    expect(not is_shared, message)
    return batches


def _order(batches: list, features: torch.Tensor, labels: torch.Tensor) -> list[int]:
    """The row numbers in the order in which the examples came; no two rows are alike."""
    X, y = (torch.cat(parts) for parts in zip(*batches, strict=True))
    same = (X[:, None] == features).all(dim=2)  # (n, n)
    expect(same.any(dim=1).all(), "values: X holds rows that are not in the data.")
    rows = same.int().argmax(dim=1)
    missing = len(features) - len(rows.unique())
    message = f"values: {missing} of {len(features)} examples never come, others more than once."
    expect(missing == 0, message)
    message = "values: X and y of a minibatch do not belong together: labels of other rows."
    expect(torch.equal(y.double(), labels[rows].double()), message)
    return rows.tolist()


def _expect_shuffled(orders: list[list[int]], batch_size: int) -> None:
    """Raise Wrong unless the orders of some epochs are as if drawn by chance."""
    n = len(orders[0])
    in_order = all(order == sorted(order) for order in orders)
    expect(not in_order, "the examples come in the order of the data.")
    message = "two epochs bring the examples in the same order."
    expect(len({tuple(order) for order in orders}) == len(orders), message)
    if n < 40:
        return
    neighbours = sum(abs(a - b) == 1 for a, b in zip(orders[0], orders[0][1:], strict=False))
    message = "most examples come right after their neighbour in the data: shuffle them singly."
    expect(neighbours < n / 2, message)
    starts = range(0, n, batch_size)
    groups = [{frozenset(order[i : i + batch_size]) for i in starts} for order in orders]
    message = "the same examples are together in a minibatch in every epoch."
    expect(batch_size == 1 or groups[0] != groups[1], message)
    message = "the same example comes first in every epoch."
    expect(len({order[0] for order in orders}) > 1, message)
    message = "the same examples are in the last, smaller minibatch in every epoch."
    tails = {frozenset(order[n // batch_size * batch_size :]) for order in orders}
    expect(n % batch_size == 0 or len(tails) > 1, message)


@exercise(
    "Shuffling row numbers instead of rows keeps each example with its label and copies nothing."
)
def every_example_once(fresh: Fresh) -> Iterator[Trial]:
    """Yield data of several sizes for a minibatch iterator, and watch four epochs of each."""
    many, d = 10 * fresh.integer(5, 9) + 3, fresh.integer(3, 5)
    for n, batch_size, why in (
        (many, 10, ""),
        (2 * many, 17, ""),
        (40, 8, ""),
        (40, 1, ""),
        (9, 4, ""),
        (12, 50, ": a batch larger than the data"),
        (1, 1, ": a single example"),
    ):
        X, y = fresh.normal(n, d), torch.arange(float(n)).reshape(n, 1)
        given, orders = (X.clone(), y.clone()), []

        def judge(got: Any, batch_size=batch_size, given=given, orders=orders) -> None:
            orders.append(_order(_minibatches(got, batch_size, *given), *given))

        args = dict(batch_size=batch_size, features=X, labels=y)
        words = f"features {(n, d)}, batch_size {batch_size}{why}"
        yield Trial(words, args, judge=judge, calls=4)
        if n > 1:
            _expect_shuffled(orders, batch_size)

    def expect_nothing(got: Any) -> None:
        batches = collect(got, 1, "minibatches")
        expect(not batches, "it hands out a minibatch where there are no examples.")

    args = dict(batch_size=4, features=torch.zeros(0, d), labels=torch.zeros(0, 1))
    yield Trial("no examples", args, judge=expect_nothing)


@exercise(
    "The steepest direction sets the limit for all the others, which is why features of very "
    "different size make descent slow.",
    seconds=60,  # for those who find it by trying
)
def largest_stable_lr(fresh: Fresh) -> Iterator[Trial]:
    """Yield features; the largest curvature of the mean squared loss sets the limit."""
    n = fresh.integer(30, 60)
    for features, why in (
        (fresh.normal(n, 2), ""),
        (3 * fresh.normal(n, 3) + 2, " with mean 2 and standard deviation 3"),
        (0.1 * fresh.normal(n, 1), " with standard deviation 0.1"),
        (100 * fresh.normal(n, 2), " with standard deviation 100"),
        (fresh.normal(3, 4), ""),
        (fresh.normal(1, 2), ": a single example"),
    ):
        A = torch.cat([features, torch.ones(len(features), 1)], dim=1).double()
        limit = 2 / float(torch.linalg.eigvalsh(A.T @ A / len(A)).max())

        def judge(got: Any, limit=limit) -> None:
            expect_type(got is not None, "a number", got)
            lr = number(got, "the learning rate")
            expect(0 < lr < float("inf"), f"values: {lr:g} is no learning rate.")
            message = f"values: {lr:.4g} is too large: with 0.99 of it descent still moves away."
            expect(0.9895 * lr < limit, message)
            message = f"values: {lr:.4g} is too small: with 1.01 of it descent still arrives."
            expect(1.0105 * lr > limit, message)

        words = f"features {tuple(features.shape)}{why}"
        yield Trial(words, dict(features=features), judge=judge, calls=1)
