"""The exercises of deeper-05, more on softmax regression and Fashion-MNIST."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch.nn import functional

from .engine import Trial, Want, exercise, show_progress
from .expect import Fresh, expect, expect_shape, numbers

progress = partial(show_progress, __name__)


# --- Huber loss ------------------------------------------------------------------------------


def _expect_smooth(delta: float, got: Any) -> None:
    """Refuse losses that jump or have a kink where an error passes delta, or -delta."""
    losses = numbers(got, "the loss")
    expect_shape(losses, (2, 4), "the loss")
    for border, row in zip(("delta", "-delta"), losses.tolist(), strict=True):
        before, inside, outside, after = row
        slopes = (inside - before) / 0.001 / delta, (after - outside) / 0.001 / delta
        steepest = max(map(abs, slopes))
        message = f"values: the loss jumps at {border}, from {inside:.4g} to {outside:.4g}."
        expect(not abs(outside - inside) > 0.006 * delta * steepest, message)
        message = f"values: the loss has a kink at {border}: its slope changes abruptly there."
        expect(not abs(slopes[1] - slopes[0]) > 0.05 * steepest, message)


@exercise(
    "Up to delta an example pulls as hard as it is wrong, and beyond with delta, so that delta is "
    "the size from which you call an error a slip."
)
def huber_loss(fresh: Fresh) -> Iterator[Trial]:
    """Yield errors on both sides of both borders, close to them and far away."""
    small = torch.tensor([0.5, 0.0, -0.25])
    yield Trial("small errors, delta = 1", dict(r=small, delta=1.0), Want("the loss", small**2 / 2))
    near = torch.tensor([[1.0], [-1.0]]) * torch.tensor([0.998, 0.999, 1.001, 1.002])  # (2, 4)
    for shape, delta, largest in (
        ((6,), 1.0, 4.0),
        ((fresh.integer(7, 12),), 2.0, 30.0),
        ((3, fresh.integer(2, 5)), 0.5, 4.0),
        ((2, 3, 2), 2.0, 4.0),
        ((1,), 10.0, 4.0),
        ((), 3.0, -4.0),
        ((), 3.0, 0.5),
    ):
        words = f"errors of shape (2, 4) close to delta and -delta, delta = {delta:g}"
        yield Trial(words, dict(r=delta * near, delta=delta), judge=partial(_expect_smooth, delta))
        n = torch.Size(shape).numel()
        sizes = torch.linspace(largest, 0.1, n) + 0.05 * fresh.normal(n).clamp(-1, 1)
        signs = (-1) ** torch.arange(n)
        r = delta * sizes * signs  # small and large, of both signs
        r[:2] = torch.tensor([delta, -delta]) if len(shape) == 3 else r[:2]  # right at the border
        r = r.reshape(shape)
        want = functional.huber_loss(r, torch.zeros_like(r), reduction="none", delta=delta)
        words = f"errors of shape {shape}, delta = {delta:g}"
        yield Trial(words, dict(r=r, delta=delta), Want("the loss", want))


# --- A gradient with softer labels -----------------------------------------------------------


@exercise(
    "At the logits the gradient is softmax minus target, for any target that adds up to one, and "
    "the weights get it multiplied by their inputs.",
    by_hand=True,
)
def smoothed_gradient(fresh: Fresh) -> Iterator[Trial]:
    """Yield data and parameters, in steps of 1/8: large logits then have no rounding errors."""
    some = fresh.integer(10, 20), fresh.integer(4, 6), fresh.integer(4, 8)
    for (n, d, q), smoothing, offset, words in (
        ((6, 3, 4), 0.0, 0, ""),
        ((6, 3, 4), 0.1, 0, ""),
        (some, 0.3, 0, ""),
        ((4, 2, 3), 0.2, 0, ", all of the first class"),
        ((1, 5, 2), 1.0, 0, ""),
        ((7, 3, 5), 0.1, 12_000, ", logits near 12,000"),
        ((7, 3, 5), 0.1, -12_000, ", logits near -12,000"),
        ((8, 3, 5), 0.1, 8000, ", rows of logits thousands apart"),
    ):
        X, W, b = ((8 * fresh.normal(*s)).round() / 8 for s in ((n, d), (d, q), (q,)))
        if "apart" in words:
            X[:, 0], W[0] = torch.arange(n) % 4 - 1, offset
        else:
            b += offset
        y = torch.zeros(n, dtype=torch.long) if "first" in words else fresh.order(n) % q
        exact = W.double().requires_grad_(), b.double().requires_grad_()
        o = X.double() @ exact[0] + exact[1]
        loss = functional.cross_entropy(o, y, label_smoothing=smoothing)
        grad_W, grad_b = torch.autograd.grad(loss, exact)
        near = dict(rtol=1e-2, atol=2e-3) if offset else {}  # a large log-sum-exp is rounded
        want = Want("grad_W", grad_W, **near), Want("grad_b", grad_b, any_shape=True, **near)
        words = f"X {(n, d)}, W {(d, q)}, smoothing {smoothing:g}{words}"
        yield Trial(words, dict(X=X, y=y, W=W, b=b, smoothing=smoothing), want)
