"""d2l's helpers work, and none of them gives a warning."""

import os
import warnings
from base64 import b64decode
from unittest.mock import Mock, call

import numpy as np
import pytest
import torch
from d2l import torch as d2l
from IPython.core.interactiveshell import InteractiveShell
from matplotlib import pyplot as plt
from PIL import Image
from torch import nn

from course import begin, d2l_fixes, fashion_mnist, live_figure


@pytest.fixture(autouse=True)
def display(monkeypatch):
    """What shows a figure in the notebook; warnings are errors meanwhile."""
    monkeypatch.setattr(live_figure, "display", Mock())
    torch.set_warn_always(True)  # PyTorch gives many warnings only once, perhaps in another test.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # matplotlib 3.9 calls functions that a new pyparsing has renamed.
        old = r"(matplotlib|pyparsing)\."
        warnings.filterwarnings("ignore", "(?!__array)", DeprecationWarning, old)
        begin(seed=3)
        yield live_figure.display
    torch.set_warn_always(False)
    plt.close("all")


def three_classes():
    y = torch.arange(12) % 3
    return [(4 * torch.eye(3)[y] + torch.linspace(0, k, 36).reshape(12, 3), y) for k in (0, 1)]


def test_fixing_twice_changes_nothing():
    before = vars(d2l).copy(), set(warnings.filters)
    d2l_fixes.fix_d2l()
    assert (vars(d2l), set(warnings.filters)) == before


def test_animators_are_displayed_once_and_then_updated(display):
    first, second = d2l.Animator(xlabel="epoch", legend=["a", "b"]), d2l.Animator()
    assert not plt.get_fignums(), "Jupyter would show the empty figures at the end of the cell"
    for epoch in range(2):
        first.add(epoch, (epoch, 2 * epoch))
        second.add(epoch, 5)
    assert display.mock_calls[:2] == [call(a.fig, display_id=True) for a in (first, second)]
    live_figure.finish()
    assert display.return_value.update.call_count >= 2 and display.call_count == 2
    axes = first.axes[0]
    assert [list(line.get_ydata()) for line in axes.lines] == [[0, 1], [0, 2]]
    assert axes.get_xlabel() == "epoch" and axes.xaxis.get_gridlines()[0].get_visible()


def test_animator_has_different_lines_sharp_pixels_and_room_for_labels():
    animator = d2l.Animator(xlabel="epoch", nrows=2)
    animator.add(0, (1, 2, 3, 4))
    for look in ("color", "linestyle", "marker"):
        assert len({plt.getp(line, look) for line in animator.axes[0].lines}) == 4
    live_figure.finish()
    animator.fig.subplots_adjust(hspace=0.3)
    data, metadata = InteractiveShell.instance().display_formatter.format(animator.fig)
    assert metadata["image/png"] == {"width": 640, "height": 360}
    assert int.from_bytes(b64decode(data["image/png"])[16:20], "big") == 2 * 640
    above, below = (axes.get_tightbbox() for axes in animator.axes)
    assert above.y0 > below.y1


def test_training_gives_no_warning(display):
    net, batches, loss = nn.Linear(3, 3), three_classes(), nn.CrossEntropyLoss(reduction="none")
    d2l.train_ch3(net, batches, batches, loss, 3, torch.optim.SGD(net.parameters(), lr=0.5))
    assert display.call_count == 1
    X, y = torch.randn(2, 6, 3)
    mean = pytest.approx(d2l.squared_loss(net(X), y).mean().item())
    assert d2l.evaluate_loss(net, [(X, y)], d2l.squared_loss) == mean


def test_an_epoch_takes_a_mean_or_a_loss_per_example():
    def epoch(reduction, make_updater):
        torch.manual_seed(1)
        net = nn.Linear(3, 3).eval()
        loss, updater = nn.CrossEntropyLoss(reduction=reduction), make_updater([*net.parameters()])
        metrics = d2l.train_epoch_ch3(net, three_classes(), loss, updater)
        assert net.training
        return [*metrics, *net.weight.flatten().tolist()]

    mean = pytest.approx(epoch("mean", lambda params: torch.optim.SGD(params, lr=0.1)))
    assert epoch("none", lambda params: torch.optim.SGD(params, lr=0.1)) == mean
    assert epoch("none", lambda params: lambda size: d2l.sgd(params, 0.1, size)) == mean


def test_figures_give_no_warning(display):
    image = plt.imshow(torch.rand(2, 2) * np.exp(torch.rand(2)))
    assert image.get_cmap().name == "gray"
    x = torch.arange(3.0)
    d2l.plot(x, [x, x**2], legend=["up", "steeper"], axes=plt.figure().gca())
    d2l.show_trace_2d(lambda x1, x2: x1**2 + 2 * x2**2, [(-5, -2), (-1, -1)])
    live_figure.show_live(plt.gcf())
    assert len(display.mock_calls) == 1 and plt.get_fignums() == [image.figure.number]


def test_no_more_workers_than_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(3), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    assert d2l.get_dataloader_workers() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    assert d2l.get_dataloader_workers() == 4


def test_load_data_reads_what_the_course_finds(tmp_path, monkeypatch):
    def data_set(root, train, transform):
        assert root == tmp_path
        return [(transform(Image.new("L", (28, 28))), i) for i in range(20 if train else 3)]

    found = fashion_mnist.Dataset(tmp_path, is_stand_in=True)
    monkeypatch.setattr(fashion_mnist, "find", lambda: found)
    monkeypatch.setattr(d2l_fixes, "FashionMNIST", data_set)
    monkeypatch.setattr(d2l, "get_dataloader_workers", lambda: 0)
    train_iter, test_iter = d2l.load_data_fashion_mnist(2, resize=14)
    assert train_iter.num_workers == test_iter.num_workers == 0
    assert [(len(X), y.tolist()) for X, y in test_iter] == [(2, [0, 1]), (1, [2])]
    order = torch.cat([y for X, y in train_iter if X.shape == (2, 1, 14, 14)]).tolist()
    assert order != sorted(order) == list(range(20))
