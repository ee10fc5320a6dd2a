"""What `make bench` prints: how fast the pictures are read and learnt from, and seconds a lesson.

Each pair that is compared is measured in turn within this run, so that a machine whose speed
drifts treats both alike; the median of the rounds is shown.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import nbformat
import torch
from nbclient import NotebookClient
from torch import nn

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
sys.path.insert(0, str(NOTEBOOKS))

from d2l import torch as d2l  # noqa: E402

import course  # noqa: E402
from course import fashion_mnist  # noqa: E402

BATCH_SIZE, LR, NUM_EPOCHS, ROUNDS = 256, 0.1, 10, 5
Batches = Iterable[tuple[torch.Tensor, torch.Tensor]]


class InMemory:
    """Minibatches of tensors in memory, shuffled anew at each pass, as lesson 05 makes them."""

    def __init__(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        self.images, self.labels = images, labels

    def __iter__(self):
        """Yield (X, y) with up to BATCH_SIZE examples."""
        for rows in torch.randperm(len(self.labels)).split(BATCH_SIZE):
            yield self.images.index_select(0, rows), self.labels.index_select(0, rows)


class Learner:
    """Softmax regression with PyTorch's parts."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
        self.loss = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=LR)

    def learn(self, batches: Batches) -> None:
        """Do one epoch of SGD."""
        for X, y in batches:
            self.optimizer.zero_grad()
            self.loss(self.net(X), y).backward()
            self.optimizer.step()

    @torch.no_grad()
    def accuracy(self, images: torch.Tensor, labels: torch.Tensor) -> float:
        """Return the share of right answers."""
        return (self.net(images).argmax(1) == labels).float().mean().item()


def read(batches: Batches) -> None:
    """Read all minibatches and do nothing with them."""
    for _X, _y in batches:
        pass


def only_the_products(batches: list[torch.Tensor]) -> None:
    """Do an epoch's matrix products and nothing else: the logits and the weight's gradient."""
    weight, error = torch.rand(10, 784), torch.rand(BATCH_SIZE, 10)
    for X in batches:
        nn.functional.linear(X, weight)
        error[: len(X)].T @ X


def examples_per_second(n: int, *works: Callable[[], None]) -> list[float]:
    """Time the works in turn, ROUNDS times; return the median examples/s of each."""
    rates: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS):
        for work, rate in zip(works, rates, strict=True):
            start = time.perf_counter()
            work()
            rate.append(n / (time.perf_counter() - start))
    return [statistics.median(rate) for rate in rates]


def show(name: str, rate: float, base: float) -> None:
    """Print one line of the table."""
    print(f"  {name:44}{rate:>12,.0f} examples/s {rate / base:>7.1f} x", flush=True)


def bench_softmax() -> None:
    """Compare d2l's loader with tensors in memory, reading only and in training."""
    data = fashion_mnist.find()
    train_iter, test_iter = d2l.load_data_fashion_mnist(BATCH_SIZE)
    train, test = train_iter.dataset, test_iter.dataset
    start = time.perf_counter()
    ours = InMemory(train.data.unsqueeze(1) / 255, train.targets)
    converting = time.perf_counter() - start
    held_out = test.data.unsqueeze(1) / 255, test.targets
    flat = list(ours.images.flatten(1).split(BATCH_SIZE))
    n = len(train)

    print(f"\nReading one epoch of {data.label}, minibatches of {BATCH_SIZE}:")
    theirs_rate, ours_rate = examples_per_second(n, lambda: read(train_iter), lambda: read(ours))
    show("d2l.load_data_fashion_mnist(256)", theirs_rate, theirs_rate)
    show("in memory", ours_rate, theirs_rate)
    print(f"  (converting all pictures once: {converting:.2f} s)")

    print("\nTraining softmax regression for one epoch:")
    a, b = Learner(), Learner()
    theirs_rate, ours_rate, floor = examples_per_second(
        n, lambda: a.learn(train_iter), lambda: b.learn(ours), lambda: only_the_products(flat)
    )
    show("d2l.load_data_fashion_mnist(256)", theirs_rate, theirs_rate)
    show("in memory", ours_rate, theirs_rate)
    show("floor: the same matrix products, nothing else", floor, theirs_rate)

    for learner, batches in ((a, train_iter), (b, ours)):
        for _ in range(NUM_EPOCHS - ROUNDS):
            learner.learn(batches)
    theirs, mine = a.accuracy(*held_out), b.accuracy(*held_out)
    print(f"  test accuracy after {NUM_EPOCHS} epochs: {theirs:.3f} and {mine:.3f}")


# Put before a notebook's first cell: what is imported there is not imported again, and the time
# that drawing takes is added up.
BEFORE = """
import time as bench_time
bench_start = bench_time.perf_counter()
import course
course.begin(seed=0)
import course.exercises.engine
from matplotlib.backend_bases import FigureCanvasBase
from course.d2l_compat import Frame
bench_seconds = {"imports": bench_time.perf_counter() - bench_start, "figures": 0.0}
def bench(draw):
    def timed_draw(*args, **kwargs):
        start = bench_time.perf_counter()
        try:
            return draw(*args, **kwargs)
        finally:
            bench_seconds["figures"] += bench_time.perf_counter() - start
    return timed_draw
FigureCanvasBase.print_figure = bench(FigureCanvasBase.print_figure)
Frame._repr_png_ = bench(Frame._repr_png_)  # live ones
bench_start = bench_time.perf_counter()
"""
AFTER = """
print(*bench_seconds.values(), bench_time.perf_counter() - bench_start)
"""


def seconds_of(path: Path) -> tuple[float, float, float, float]:
    """Execute a notebook; return the seconds of kernel, imports, figures, and all the rest."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(BEFORE))
    notebook.cells.append(nbformat.v4.new_code_cell(AFTER))
    place = {"metadata": {"path": str(path.parent)}}
    start = time.perf_counter()
    NotebookClient(notebook, timeout=600, resources=place).execute(stderr=subprocess.DEVNULL)
    total = time.perf_counter() - start
    imports, figures, cells = map(float, notebook.cells[-1].outputs[0].text.split())
    return total - imports - cells, imports, figures, cells - figures


def bench_lessons() -> None:
    """Execute each notebook headless, one after the other, and say where the time goes."""
    print(f"\nNotebooks headless, one after the other, {os.environ['OMP_NUM_THREADS']} thread(s).")
    print("Seconds in all, and of these: kernel and messages, imports, figures, the cells' code")
    for path in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")):
        parts = seconds_of(path)
        columns = "".join(f"{seconds:8.1f}" for seconds in (sum(parts), *parts))
        print(f"  {path.name:48}{columns}", flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", str(torch.get_num_threads()))
    course.begin(seed=0)
    bench_softmax()
    bench_lessons()
