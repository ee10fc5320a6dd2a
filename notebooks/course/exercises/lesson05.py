"""The exercises of lesson 05, softmax regression on Fashion-MNIST."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch.nn import functional

from .engine import Prediction, Trial, exercise, show_progress
from .expect import Fresh, Want, expect

progress = partial(show_progress, __name__)


@exercise(
    "A layer has a row of weights for each class, who knows nothing pays log q, only differences "
    "of logits count, and recall and precision divide by different sums.",
    predicts=True,
)
def predict_before_running(_: Fresh) -> Iterator[Prediction]:
    """Yield five predictions."""
    mistakes = {2352: "Each class has a bias, too.", 7850: "There are three classes here."}
    yield Prediction("num_parameters", 2355, "Count weights and biases.", mistakes)
    mistakes = {math.log(4): "Here eight classes get the same.", 0.125: "That is the probability."}
    hint = "Which probability gets the true class?"
    yield Prediction("loss_of_equal_logits", math.log(8), hint, mistakes, rtol=0.0051)
    mistakes = {1000: "The other logits are in the sum as well.", math.log(4): "And the maximum?"}
    mistakes |= {
        1004: "The sum stands in the logarithm.",
        4000: "The logarithm is of a sum of exp.",
    }
    hint = "Take the maximum out of the sum first."
    yield Prediction("log_sum_exp", 1000 + math.log(4), hint, mistakes, rtol=2e-5)
    mistakes = {0.6: "That is the precision.", 0.7: "That is the accuracy."}
    yield Prediction(
        "recall", 0.75, "Which of the two sums counts all coats?", mistakes, rtol=0.005
    )
    mistakes = {0.75: "That is the recall.", 0.7: "That is the accuracy."}
    hint = "Which of the two sums counts all that are called coat?"
    yield Prediction("precision", 0.6, hint, mistakes, rtol=0.005)


@exercise(
    "How many logits are larger than that of the true class says at which guess the net is right; "
    "with k = 1 that is the accuracy.",
)
def top_k_accuracy(fresh: Fresh) -> Iterator[Trial]:
    """Yield logits, many all negative or all large, and classes at known places among them."""
    for counts, k, note in (  # how many examples have their class at each place
        ((51, 23, 40, 19, 7, 31, 14, 8), 3, ""),
        ((51, 23, 40, 19, 7, 31), 2, ""),
        ((9, 7, 12, 3, 5), 1, ""),
        ((5, 8, 7), 3, ": all guesses count"),
        ((0, 1, 0, 0), 2, ": a single example"),
    ):
        n, q = sum(counts), len(counts)
        places = torch.arange(q).repeat_interleave(torch.tensor(counts))[fresh.order(n)]  # (n,)
        y_hat = torch.stack([fresh.order(q) for _ in range(n)]) + fresh.normal(n, 1)  # no ties
        y_hat += 1000 * (torch.arange(n) % 3 - 1).reshape(-1, 1)
        y = y_hat.argsort(dim=1, descending=True)[torch.arange(n), places]
        want = Want("the share", sum(counts[:k]) / n, any_shape=True)
        yield Trial(f"y_hat {(n, q)}, k {k}{note}", dict(y_hat=y_hat, y=y, k=k), want)


class _Net(torch.nn.Linear):
    """A linear net that notes, also as a copy, how many rows each call gets."""

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        self.note(X.numel() // self.in_features)
        return super().forward(X)


def _expect_small_calls(calls: list[int], batch_size: int, _: Any) -> None:
    most = max(calls, default=0)
    message = f"shape: `net` gets {most} rows at once, and batch_size is {batch_size}."
    expect(most <= batch_size, message)


@exercise(
    "A loss that looks sensible proves nothing: try a measurement on a case whose result you know, "
    "and with a last minibatch that is not full.",
)
def evaluate(fresh: Fresh) -> Iterator[Trial]:
    """Yield nets and data of which the last, smaller minibatch is all wrong."""
    for n, batch_size, q, size in (
        (21, 4, 4, 1),  # even with the predictions of another axis, all shapes agree
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
        net.weight.grad = torch.ones(q, q)  # which the caller still needs
        words = f"X {(n, q)}, batch_size {batch_size}" + (f", the last of {rest}" if rest else "")
        words += ", logits of some hundreds" * (size > 1)
        args = dict(net=net.train(size == 1), X=X, y=y, batch_size=batch_size)
        loss = Want("the loss", functional.cross_entropy(o, y), any_shape=True)
        share = Want("the accuracy", (~wrong).float().mean(), any_shape=True)
        yield Trial(words, args, (loss, share), partial(_expect_small_calls, calls, batch_size))
