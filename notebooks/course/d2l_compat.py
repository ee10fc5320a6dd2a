"""Mends d2l 0.17.0 so that its helpers work on today's packages, without warnings.

d2l 0.17.0 is the one release whose dependencies install on Python 3.10 to 3.14 (see
requirements.txt). What it misses is put right here, once, by `mend`; its own code stays as it is.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import warnings
from types import SimpleNamespace
from unittest import mock
from weakref import WeakKeyDictionary

import torch
import torchvision
from d2l import torch as d2l
from IPython.display import DisplayHandle, display
from matplotlib import pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from . import fashion_mnist, style

_handles: WeakKeyDictionary[Figure, DisplayHandle] = WeakKeyDictionary()


class Frame:
    """A figure that Jupyter shows as a picture at twice the screen's resolution.

    Jupyter's own way draws the figure twice, which is felt where it is redrawn all the time.
    """

    def __init__(self, figure: Figure) -> None:
        self.figure = figure

    def __repr__(self) -> str:
        """Return what stands in for the picture where none can be shown."""
        return repr(self.figure)

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        figure, dpi, png = self.figure, self.figure.dpi, io.BytesIO()
        # The canvas of the last frame remembers how tick labels look. Another backend's cannot draw
        # this; a new one may note the figure's own dpi, so before they change.
        canvas = figure.canvas
        if type(canvas) is not FigureCanvasAgg:
            canvas = FigureCanvasAgg(figure)
        figure.dpi = 2 * dpi
        try:
            canvas.print_png(png)
        finally:
            figure.dpi = dpi
        width, height = figure.get_size_inches() * dpi
        return png.getvalue(), {"width": round(width), "height": round(height)}


def show_live(figure: Figure) -> None:
    """Show a figure in the cell's output, and from the second call on redraw it in place.

    `clear_output`, which d2l uses, makes the cell flicker and hides the figure from nbval.
    """
    handle = _handles.get(figure)
    if handle is None:
        plt.close(figure)  # or Jupyter shows it once more at the end of the cell
        _handles[figure] = display(Frame(figure), display_id=True)
    else:
        handle.update(Frame(figure))


class Animator(d2l.Animator):
    """d2l's Animator in the course's colours, each line with a dash and a marker of its own."""

    FMTS = ("C0-o", "C1--s", "C2-.^", "C3:D")

    @functools.wraps(d2l.Animator.__init__)
    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **{"fmts": self.FMTS, "figsize": (6.4, 3.6), **kwargs})

    def add(self, x, y) -> None:
        """Add a point to each line and redraw; x and y: a number, or one for each line.

        d2l clears the axes and plots all lines anew; here the lines stay and get longer.
        """
        axes = self.axes[0]
        ys = y if hasattr(y, "__len__") else [y]
        xs = x if hasattr(x, "__len__") else [x] * len(ys)
        if not self.X:
            self.X, self.Y = [[] for _ in ys], [[] for _ in ys]
            self.lines = [axes.plot([], [], fmt)[0] for _, fmt in zip(ys, self.fmts, strict=False)]
        for i, (a, b) in enumerate(zip(xs, ys, strict=True)):
            if a is not None and b is not None:
                self.X[i].append(a)
                self.Y[i].append(b)
        for line, line_x, line_y in zip(self.lines, self.X, self.Y, strict=False):
            line.set_data(line_x, line_y)
        axes.relim()
        axes.autoscale()
        self.config_axes()
        show_live(self.fig)


def _available_cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _with_mean_loss(train_epoch):
    """Let d2l's epoch take a loss that returns one number an example, as later releases do."""

    @functools.wraps(train_epoch)
    def train_epoch_ch3(net, train_iter, loss, updater):
        if isinstance(updater, torch.optim.Optimizer):

            def mean_loss(y_hat, y):
                return loss(y_hat, y).mean()
        else:
            mean_loss = loss
        with warnings.catch_warnings():  # d2l turns a loss that has a graph into a float
            warnings.filterwarnings("ignore", "Converting a tensor with requires_grad")
            return train_epoch(net, train_iter, mean_loss, updater)

    return train_epoch_ch3


def _with_grid(set_axes):
    """Keep the grid that the style draws; d2l's argument-free `grid()` would toggle it off."""

    @functools.wraps(set_axes)
    def set_axes_with_grid(axes, *args, **kwargs):
        set_axes(axes, *args, **kwargs)
        axes.grid(True)

    return set_axes_with_grid


def _from_found_data(load_data):
    """Let d2l read the data set that the course found instead of downloading its own."""

    @functools.wraps(load_data)
    def load_data_fashion_mnist(batch_size, resize=None):
        dataset_class = torchvision.datasets.FashionMNIST
        with contextlib.redirect_stdout(io.StringIO()):  # the lesson has said where the data is
            root = fashion_mnist.find().root

        def from_root(train, transform, **_):
            return dataset_class(root, train=train, transform=transform)

        with mock.patch.object(torchvision.datasets, "FashionMNIST", from_root):
            return load_data(batch_size, resize)

    return load_data_fashion_mnist


def mend() -> None:
    """Put right what d2l 0.17.0 misses on today's packages; calling it again changes nothing.

    - `use_svg_display` calls an IPython function that is gone: the course's style takes its place.
    - `Animator` clears the cell's output at each step: it now redraws in place, and faster.
    - `train_epoch_ch3` fails on a loss with `reduction='none'`, as d2l mended in 0.17.6.
    - `load_data_fashion_mnist` starts 4 worker processes even where there are fewer cores, of which
      PyTorch warns, and downloads without asking: it now takes the data that the course found.
    """
    if hasattr(d2l, "mended"):
        return
    d2l.display = SimpleNamespace(display=show_live, clear_output=lambda wait=False: None)
    d2l.use_svg_display = style.apply
    d2l.set_axes = _with_grid(d2l.set_axes)
    d2l.Animator = Animator
    d2l.train_epoch_ch3 = _with_mean_loss(d2l.train_epoch_ch3)
    d2l.get_dataloader_workers = lambda: min(4, _available_cores())
    d2l.load_data_fashion_mnist = _from_found_data(d2l.load_data_fashion_mnist)
    d2l.mended = True
