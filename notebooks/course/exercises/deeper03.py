"""The exercise of deeper-03, more on stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from .engine import Trial, Want, exercise, show_progress
from .expect import Fresh
from .lesson03 import expect_want

progress = partial(show_progress, __name__)


@exercise(
    "The factor (n - k) / (n - 1) falls from 1 to 0 along a straight line; for batches that are "
    "small beside the data it is nearly 1, and the variance falls like 1/k."
)
def batch_variance(fresh: Fresh) -> Iterator[Trial]:
    """Yield slopes and batch sizes; the exact variance is known by a formula."""
    sizes = (13, 5), (13, 5), (3, 2), (3, 1), (6, 3), (fresh.integer(7, 9), fresh.integer(2, 6))
    for n, k in (*sizes, (4, 4), (2, 1), (1, 1), (200, 7), (1000, 500)):
        slopes = 2 * fresh.normal(n) - 1
        if n == 6:
            slopes[4] = slopes[1]
        one, others = float(slopes.double().var(unbiased=False)), max(n - 1, 1)
        right = one / k * (n - k) / others
        unbiased = "this comes from an unbiased variance, not the mean squared deviation"
        again = "this is the variance where an example may come twice in a batch"
        mistakes = [
            (right * n / others, unbiased),
            (right * 1287 / 1286, unbiased),  # there are 1287 batches of 5 of 13
            (one / k, again),
            (one / k * n / others, again),
            (right * others / n, "even for batches of one this is smaller than it should be"),
            (right**0.5, "this is the standard deviation, the root of the variance"),
        ]
        rounding = 1e-6 * (slopes**2).mean().item()
        want = Want("the variance", right, any_shape=True, atol=rounding)
        # With other sizes other formulas may give these numbers, too.
        judge = partial(expect_want, want, mistakes if n == 13 else [])
        words = f"batch_size {k}, slopes {(n,)}{', two of them equal' * (n == 6)}"
        yield Trial(words, dict(slopes=slopes, batch_size=k), judge=judge)
