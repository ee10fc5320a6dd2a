"""Measure how many examples a second softmax regression learns from (part of `make bench`).

What is compared is measured in turn, so that a machine whose speed drifts treats all alike.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "notebooks"))
from d2l import torch as d2l  # noqa: E402

import course  # noqa: E402

BATCH_SIZE, ROUNDS = 256, 3


def in_memory(images: Tensor, labels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield shuffled minibatches of tensors in memory, as the lesson on softmax regression does."""
    for rows in torch.randperm(len(labels)).split(BATCH_SIZE):
        yield images[rows] / 255, labels[rows]


def train(batches: Iterable[tuple[Tensor, Tensor]]) -> None:
    """Train softmax regression for one epoch."""
    net, loss = nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for X, y in batches:
        optimizer.zero_grad()
        loss(net(X), y).backward()
        optimizer.step()


def multiply(batches: Iterable[Tensor]) -> None:
    """Do an epoch's matrix products and nothing else: the logits, and the weight's gradient."""
    weight, error = torch.rand(10, 784), torch.rand(BATCH_SIZE, 10)
    for X in batches:
        nn.functional.linear(X, weight)
        error[: len(X)].T @ X


def main() -> None:
    """Print the examples a second of one epoch, the median of the rounds."""
    course.begin(seed=0)
    train_iter, _ = d2l.load_data_fashion_mnist(BATCH_SIZE)
    labels = train_iter.dataset.targets  # (60000,)
    images = train_iter.dataset.data  # (60000, 28, 28), bytes
    flat = (images / 255).flatten(1).split(BATCH_SIZE)
    works = {
        "training, bytes in memory": lambda: train(in_memory(images, labels)),
        "training, d2l's loader": lambda: train(train_iter),
        "the bare matrix products": lambda: multiply(flat),
    }
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - start)
    print(f"Softmax regression, examples a second, median of {ROUNDS}:")
    for name, times in seconds.items():
        print(f"  {name:30} {len(labels) / statistics.median(times):12,.0f}")


if __name__ == "__main__":
    main()
