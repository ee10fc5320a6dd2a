"""`begin` seeds everything and mends d2l."""

import contextlib
import copy
import io
import random
import warnings
from unittest import mock

import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.pylabtools import retina_figure
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from torch import nn

from course import begin


@pytest.fixture(scope="module")
def d2l():
    """d2l, imported only where these tests run: without forks it takes seconds."""
    from d2l import torch as d2l

    return d2l


@pytest.fixture(scope="module")
def compat():
    """The module that mends d2l, and imports it."""
    from course import d2l_compat

    return d2l_compat


@pytest.fixture(autouse=True)
def begun():
    begin(seed=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # matplotlib 3.9 calls functions that a new pyparsing has renamed
        old = {"category": DeprecationWarning, "module": r"(matplotlib|pyparsing)\."}
        warnings.filterwarnings("ignore", **old)
        yield
    plt.close("all")


@pytest.fixture
def shown(compat, monkeypatch):
    """What is sent to the notebook: ("display" or "update", figure), in order."""
    calls = []

    class Handle:
        def update(self, frame):
            calls.append(("update", frame.figure))

    def display(frame, display_id):
        calls.append(("display", frame.figure))
        return Handle()

    monkeypatch.setattr(compat, "display", display)
    return calls


def draw():
    return random.random(), np.random.rand(), torch.rand(1).item()


def test_begin_seeds_all_generators():
    begin(seed=7)
    first = draw()
    assert draw() != first
    begin(seed=7)
    assert draw() == first
    begin(seed=8)
    assert all(a != b for a, b in zip(draw(), first, strict=True))


def test_mending_twice_changes_nothing(d2l, compat):
    before = vars(d2l).copy()
    compat.mend()
    assert vars(d2l) == before


def test_animator_shows_its_figure_once_and_then_redraws_it(d2l, shown):
    animator = d2l.Animator(xlabel="epoch", legend=["a", "b"], xlim=[1, 3])
    for epoch in range(3):
        animator.add(epoch, (epoch, 2 * epoch))
    assert [kind for kind, _ in shown] == ["display", "update", "update"]
    assert {figure for _, figure in shown} == {animator.fig}
    assert not plt.fignum_exists(animator.fig.number), "Jupyter would show an open figure again"
    assert [list(line.get_ydata()) for line in animator.axes[0].lines] == [[0, 1, 2], [0, 2, 4]]
    assert animator.axes[0].get_xlabel() == "epoch"
    assert animator.axes[0].xaxis.get_gridlines()[0].get_visible()


def test_a_frame_shows_what_jupyter_shows(compat):
    figure, axes = plt.subplots()
    axes.plot([1, 2], [2, 1])
    picture, size = compat.Frame(figure)._repr_png_()
    assert picture == compat.Frame(figure)._repr_png_()[0]  # a second time, too
    assert picture == retina_figure(figure, bbox_inches=None)[0]
    without_canvas = Figure()
    without_canvas.subplots().plot([1, 2], [2, 1])
    assert picture == compat.Frame(without_canvas)._repr_png_()[0]
    assert size == {"width": 640, "height": 360}
    assert figure.dpi == copy.deepcopy(figure).dpi == 100


def test_lines_of_an_animator_are_those_of_d2l(d2l, compat, shown):
    theirs_class = compat.Animator.__base__
    points = [(0, (3.0, None)), (1, (2.0, 50.0)), ([2, 3], [1.0, 70.0])]
    for settings in ({}, {"yscale": "log"}, {"ylim": [0, 2], "legend": ["a", "b"]}):
        pictures = []
        for animator in (d2l.Animator(**settings), theirs_class(**settings)):
            animator.fmts = d2l.Animator.FMTS
            animator.fig.set_size_inches(6.4, 3.6)
            for point in points:
                animator.add(*point)
            pictures.append(compat.Frame(animator.fig)._repr_png_()[0])
        assert pictures[0] == pictures[1]


def test_an_animator_refuses_a_value_without_a_line(d2l, shown):
    animator = d2l.Animator()
    animator.add(0, 1)
    with pytest.raises(IndexError):
        animator.add(1, (1, 2))


def test_two_animators_do_not_draw_into_each_other(d2l, shown):
    first, second = d2l.Animator(), d2l.Animator()
    first.add(0, 1)
    second.add(0, 1)
    assert [kind for kind, _ in shown] == ["display", "display"]


def test_animator_lines_differ_in_more_than_colour(d2l, shown):
    animator = d2l.Animator()
    animator.add(0, (1, 2, 3, 4))
    lines = animator.axes[0].lines
    assert len({line.get_color() for line in lines}) == 4
    assert len({line.get_linestyle() for line in lines}) == 4
    assert len({line.get_marker() for line in lines}) == 4


def test_show_images(d2l):
    axes = d2l.show_images(torch.rand(4, 28, 28), 2, 2, titles=list("abcd"))
    assert [ax.get_title() for ax in axes] == list("abcd")
    assert axes[0].images[0].get_cmap().name == "gray"


def test_plot_and_set_figsize(d2l):
    d2l.set_figsize((5, 4))
    d2l.plot([1, 2], [[1, 2], [2, 1]], xlabel="x", legend=["up", "down"])
    assert len(plt.gca().lines) == 2


def train_one_epoch(d2l, reduction, updater):
    """Return d2l's loss and accuracy of one epoch, and the weight after it."""
    torch.manual_seed(0)
    net = nn.Linear(4, 3)
    batches = [(torch.randn(5, 4), torch.tensor([0, 1, 2, 0, 1])) for _ in range(3)]
    loss = nn.CrossEntropyLoss(reduction=reduction)
    metrics = d2l.train_epoch_ch3(net, batches, loss, updater(net))
    return metrics, net.weight.detach()


def test_an_epoch_with_one_loss_an_example_equals_one_with_their_mean(d2l):
    def optimizer(net):
        return torch.optim.SGD(net.parameters(), lr=0.1)

    def by_hand(net):
        return lambda batch_size: d2l.sgd(net.parameters(), 0.1, batch_size)

    mean, mean_weight = train_one_epoch(d2l, "mean", optimizer)
    for updater in (optimizer, by_hand):
        each, each_weight = train_one_epoch(d2l, "none", updater)
        assert each == pytest.approx(mean)
        assert torch.allclose(each_weight, mean_weight)


def test_number_of_workers_fits_the_machine(d2l):
    assert 1 <= d2l.get_dataloader_workers() <= 4


def test_load_data_reads_what_the_course_found(d2l, tmp_path, monkeypatch, capsys):
    from course import fashion_mnist, garments

    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    labels = np.arange(10).repeat(30)
    images = garments.draw(labels, np.random.default_rng(0))
    for part in ("train", "t10k"):
        header = np.array([2051, 300, 28, 28], dtype=">i4").tobytes()
        (raw / f"{part}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        header = np.array([2049, 300], dtype=">i4").tobytes()
        content = header + labels.astype(np.uint8).tobytes()
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(content)
    found = fashion_mnist.Dataset(tmp_path, is_stand_in=True)
    monkeypatch.setattr(fashion_mnist, "find", lambda: found)
    train_iter, test_iter = d2l.load_data_fashion_mnist(256)
    X, y = next(iter(test_iter))
    assert X.shape == (256, 1, 28, 28) and X.dtype == torch.float32
    assert torch.equal(X[:, 0], torch.from_numpy(images[:256]) / 255)
    assert sum(len(y) for _, y in train_iter) == 300


@pytest.mark.parametrize(
    ("error", "enabled"), [("KeyboardInterrupt", True), ("ValueError", False), ("", False)]
)
def test_gradients_are_switched_on_again_after_an_interrupt_only(error, enabled):
    shell = InteractiveShell()
    with mock.patch("IPython.get_ipython", lambda: shell):
        begin(seed=3)
        begin(seed=3)
    cell = f"import torch; torch.set_grad_enabled(False); {f'raise {error}' if error else ''}"
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            shell.run_cell(cell)
        assert torch.is_grad_enabled() == enabled
    finally:
        torch.set_grad_enabled(True)
