"""The exercise of deeper-03, more on stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from .engine import Trial, exercise, show_progress
from .expect import Fresh, Want

progress = partial(show_progress, __name__)


@exercise(
    "The factor (n - k) / (n - 1) falls from 1 to 0 along a straight line; for batches that are "
    "small beside the data it is nearly 1, and the variance falls like 1/k.",
)
def batch_variance(fresh: Fresh) -> Iterator[Trial]:
    """Yield slopes and batch sizes; the exact variance is known by a formula."""
    some, few = fresh.normal(13), fresh.normal(6)
    few[4] = few[1]
    for slopes, k, note in (
        (some, 5, ""),
        (fresh.normal(13), 5, ", other slopes"),
        (fresh.normal(3), 2, ""),
        (some[:3], 1, ""),
        (few, 3, ", two of them equal"),
        (fresh.normal(fresh.integer(7, 9)), fresh.integer(2, 6), ""),
        (some[:4], 4, ""),
        (some[:2], 1, ""),
        (some[:1], 1, ""),
        (fresh.normal(200), 7, ""),
        (fresh.normal(1000), 500, ""),
    ):
        slopes, n = 2 * slopes - 1, len(slopes)
        right = float(slopes.double().var(unbiased=False)) / k * (n - k) / max(n - 1, 1)
        rounding = 1e-6 * (slopes**2).mean().item()
        want = Want("the variance", right, any_shape=True, atol=rounding)
        words = f"batch_size {k}, slopes {(n,)}{note}"
        yield Trial(words, dict(slopes=slopes, batch_size=k), want)
