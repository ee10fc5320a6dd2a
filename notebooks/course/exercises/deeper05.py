"""The exercises of deeper-05, more on softmax regression and Fashion-MNIST."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch.nn import functional

from .engine import Trial, exercise, show_progress
from .expect import Fresh, Want

progress = partial(show_progress, __name__)


@exercise(
    "Up to delta an example pulls as hard as it is wrong, and beyond with delta, so that delta is "
    "the size from which you call an error a slip.",
)
def huber_loss(fresh: Fresh) -> Iterator[Trial]:
    """Yield errors of both signs on both sides of both borders, and right at them."""
    for shape, delta, largest, note in (
        ((9,), 2.5, 4.0, ""),
        ((fresh.integer(7, 12),), 1.0, 30.0, ""),
        ((3, fresh.integer(2, 5)), 0.5, 4.0, ""),
        ((2, 3, 2), 2.0, 4.0, ""),
        ((3,), 1.0, 0.5, ", small errors"),
        ((1,), 10.0, 4.0, ""),
        ((), 3.0, -4.0, ""),
        ((), 3.0, 0.5, ""),
    ):
        n = torch.Size(shape).numel()
        sizes = torch.linspace(largest, 0.1, n) + 0.05 * fresh.normal(n).clamp(-1, 1)
        r = delta * sizes * (-1) ** torch.arange(n)  # small and large, of both signs
        r[:2] = torch.tensor([delta, -delta]) if len(shape) == 3 else r[:2]  # right at the border
        r = r.reshape(shape)
        want = functional.huber_loss(r, torch.zeros_like(r), reduction="none", delta=delta)
        words = f"errors of shape {shape}, delta = {delta:g}{note}"
        yield Trial(words, dict(r=r, delta=delta), Want("the loss", want))


@exercise(
    "At the logits the gradient is softmax minus target, for any target that adds up to one, and "
    "the weights get it multiplied by their inputs.",
    by_hand=True,
)
def smoothed_gradient(fresh: Fresh) -> Iterator[Trial]:
    """Yield data and parameters, in steps of 1/8: large logits then have no rounding errors."""
    some = fresh.integer(10, 20), fresh.integer(4, 6), fresh.integer(4, 8)
    for (n, d, q), smoothing, offset, all_first, are_apart, note in (
        ((6, 3, 4), 0.1, 0, False, False, ""),
        ((6, 3, 4), 0.0, 0, False, False, ""),
        (some, 0.3, 0, False, False, ""),
        ((4, 2, 3), 0.2, 0, True, False, ", all of the first class"),
        ((1, 5, 2), 1.0, 0, False, False, ""),
        ((7, 3, 5), 0.1, 12_000, False, False, ", logits near 12,000"),
        ((7, 3, 5), 0.1, -12_000, False, False, ", logits near -12,000"),
        ((8, 3, 5), 0.1, 8000, False, True, ", rows of logits thousands apart"),
    ):
        X, W, b = ((8 * fresh.normal(*s)).round() / 8 for s in ((n, d), (d, q), (q,)))
        if are_apart:
            X[:, 0], W[0] = torch.arange(n) % 4 - 1, offset
        else:
            b += offset
        y = torch.zeros(n, dtype=torch.long) if all_first else fresh.order(n) % q
        exact = W.double().requires_grad_(), b.double().requires_grad_()
        o = X.double() @ exact[0] + exact[1]
        loss = functional.cross_entropy(o, y, label_smoothing=smoothing)
        grad_W, grad_b = torch.autograd.grad(loss, exact)
        near = dict(rtol=1e-2, atol=2e-3) if offset else {}  # a large log-sum-exp is rounded
        want = Want("grad_W", grad_W, **near), Want("grad_b", grad_b, any_shape=True, **near)
        words = f"X {(n, d)}, W {(d, q)}, smoothing {smoothing:g}{note}"
        yield Trial(words, dict(X=X, y=y, W=W, b=b, smoothing=smoothing), want)
