"""Fixes d2l 0.17.0, so that its helpers work on today's packages and give no warnings.

Why not a newer d2l: see requirements.txt. `fix_d2l` replaces what is broken; the rest stays.
"""

import functools
import os
import warnings
from collections.abc import Callable, Iterable
from types import SimpleNamespace

import torch
from d2l import torch as d2l
from matplotlib import pyplot as plt
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import FashionMNIST

from . import fashion_mnist, style
from .live_figure import show_live

_set_axes = d2l.set_axes


class Animator(d2l.Animator):
    """d2l's Animator at the course's size, each line with a dash and a marker of its own."""

    @functools.wraps(d2l.Animator.__init__)
    def __init__(self, *args, **kwargs) -> None:
        fmts = ("C0-o", "C1--s", "C2-.^", "C3:D")
        super().__init__(*args, **{"fmts": fmts, "figsize": (6.4, 3.6), **kwargs})
        self.fig.set_layout_engine("tight")  # Under "constrained" `subplots_adjust` would warn.
        plt.close(self.fig)  # A later cell may be the first to add a point and show it.


class Accumulator(d2l.Accumulator):
    """d2l's Accumulator, which also takes tensors that have a graph."""

    def add(self, *args: float | torch.Tensor) -> None:
        """Add one number to each sum."""
        super().add(*(arg.detach() if torch.is_tensor(arg) else arg for arg in args))


def set_axes(axes: plt.Axes, *args, **kwargs) -> None:
    """Set labels, limits, scales and legend as d2l does, and keep the style's grid."""
    _set_axes(axes, *args, **kwargs)
    axes.grid(True)


def train_epoch_ch3(
    net: Callable, train_iter: Iterable, loss: Callable, updater: torch.optim.Optimizer | Callable
) -> tuple[float, float]:
    """Return loss and accuracy of an epoch; `loss` may return a mean or a value per example."""
    if isinstance(net, torch.nn.Module):
        net.train()
    metric = Accumulator(3)  # sum of losses, correct predictions, examples
    for X, y in train_iter:
        y_hat = net(X)
        l = loss(y_hat, y)
        if isinstance(updater, torch.optim.Optimizer):
            updater.zero_grad()
            l.mean().backward()
            updater.step()
        else:
            l.sum().backward()
            updater(len(X))
        metric.add(l.mean() * len(y), d2l.accuracy(y_hat, y), y.numel())
    return metric[0] / metric[2], metric[1] / metric[2]


def get_dataloader_workers() -> int:
    """Return 4, or the number of cores that this process may use if they are fewer."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return min(4, len(affinity(0)) if affinity else os.cpu_count() or 1)


def load_data_fashion_mnist(batch_size: int, resize: int | None = None) -> tuple[DataLoader, ...]:
    """Return the training and the test minibatches of the data that the course finds."""
    steps = [transforms.Resize(resize)] if resize else []
    transform = transforms.Compose([*steps, transforms.ToTensor()])
    root, workers = fashion_mnist.find().root, d2l.get_dataloader_workers()
    train, test = (FashionMNIST(root, part, transform) for part in (True, False))
    load = functools.partial(DataLoader, batch_size=batch_size, num_workers=workers)
    return load(train, shuffle=True), load(test)


def fix_d2l() -> None:
    """Replace what is broken or misleading in d2l 0.17.0; calling it again changes nothing.

    - `use_svg_display` calls an IPython function that is gone: it applies the course's style.
    - `Animator` clears the cell's output, which flickers and which nbval does not know, and warns
      in `subplots_adjust`: it redraws in place, in the style's colours with dashes and markers.
    - `set_axes` toggles the style's grid, that is, hides it: the grid stays.
    - `train_epoch_ch3` fails on a loss with `reduction='none'`: it takes the mean, like 0.17.6.
    - There and in `evaluate_loss` PyTorch warns of a loss with a graph: it is detached.
    - `get_dataloader_workers` asks for more than there are cores, of which PyTorch warns: not more.
    - `load_data_fashion_mnist` downloads on its own: it reads what the course finds.
    - `show_trace_2d` calls `meshgrid` without `indexing`, of which PyTorch warns: it is given.
    - NumPy 2 warns when it or matplotlib is given a tensor: ignored, since the result is right.
    """
    warnings.filterwarnings("ignore", r"__array(_wrap)?__ ", DeprecationWarning)
    if d2l.Animator is Animator:
        return
    d2l.use_svg_display = style.apply
    d2l.display = SimpleNamespace(display=show_live, clear_output=lambda wait=False: None)
    d2l.meshgrid = functools.partial(torch.meshgrid, indexing="ij")
    for fixed in (Animator, Accumulator, set_axes, train_epoch_ch3, get_dataloader_workers):
        setattr(d2l, fixed.__name__, fixed)
    d2l.load_data_fashion_mnist = load_data_fashion_mnist
