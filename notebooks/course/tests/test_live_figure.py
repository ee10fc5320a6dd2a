"""A live figure costs little, ends with the last state, and stays in its place."""

from types import SimpleNamespace

import pytest
from IPython.core.interactiveshell import InteractiveShell
from matplotlib import pyplot as plt
from matplotlib.layout_engine import ConstrainedLayoutEngine, PlaceHolderLayoutEngine

from course import begin, live_figure
from course.figure_text import figure_text
from course.live_figure import PAUSE, show_live, show_moved


class Cell:
    """The running cell, as IPython tells it; `drawn` are the titles that the learner has seen."""

    def __init__(self, monkeypatch):
        self.header = {"msg_type": "execute_request", "msg_id": "first run"}
        self.now, self.seconds_a_drawing, self.drawn, self.texts = 0.0, 1.0, [], []
        shell = InteractiveShell.instance()
        monkeypatch.setattr(shell, "get_parent", lambda: {"header": self.header}, raising=False)
        monkeypatch.setattr(live_figure, "get_ipython", lambda: shell)
        in_words = lambda figure: ({"text/plain": figure_text(figure)}, {})  # noqa: E731
        monkeypatch.setattr(shell.display_formatter, "format", in_words)  # no time for pictures
        monkeypatch.setattr(live_figure, "display", self.show)
        clock = SimpleNamespace(perf_counter=lambda: self.now)
        monkeypatch.setattr(live_figure, "time", clock)

    def show(self, figure, display_id):
        self.figure, self.places = figure, getattr(self, "places", 0) + 1
        self.update()
        return SimpleNamespace(update=self.update)

    def update(self, data=None, raw=True, metadata=None):
        self.now += self.seconds_a_drawing
        self.drawn.append(self.figure.axes[0].get_title())
        self.texts.append((data or {}).get("text/plain", ""))
        self.layout = self.figure.get_layout_engine()

    def train(self, axes, steps, seconds_a_step):
        for step in range(steps):
            self.now += seconds_a_step
            axes.set_title(str(step))
            show_live(axes.figure)


@pytest.fixture
def cell(monkeypatch):
    begin(seed=0)
    yield Cell(monkeypatch)
    plt.close("all")


@pytest.mark.parametrize("seconds_a_drawing", [0.1, 1.5])
def test_drawing_takes_at_most_as_long_as_training_and_shows_five_frames(cell, seconds_a_drawing):
    cell.seconds_a_drawing = seconds_a_drawing
    cell.train(plt.subplots()[1], steps=1000, seconds_a_step=0.03)
    live_figure.finish()
    drawing = seconds_a_drawing * len(cell.drawn)
    assert drawing == pytest.approx(cell.now - 30) and drawing < 30
    assert len(cell.drawn) >= 5


def test_a_short_training_is_seen_too_in_about_a_second(cell):
    cell.seconds_a_drawing = 0.15
    cell.train(plt.subplots()[1], steps=30, seconds_a_step=0.001)
    live_figure.finish()
    assert cell.drawn == ["0", "1", "3", "7", "15", "29"]
    assert 0.15 * len(cell.drawn) < 1


def test_the_last_state_is_drawn_when_the_cell_ends(cell):
    axes = plt.subplots()[1]
    layout = axes.figure.get_layout_engine()
    cell.train(axes, steps=3, seconds_a_step=0.1)
    assert cell.drawn == ["0"]  # a drawing takes 1 s
    live_figure.finish()  # IPython calls it after each cell, interrupted ones too
    assert cell.drawn == ["0", "2"] and cell.layout is layout
    assert "2" in cell.texts[-1]
    live_figure.finish()
    assert len(cell.drawn) == 2


def test_the_layout_rests_between_the_first_and_the_last_drawing(cell):
    axes = plt.subplots()[1]
    show_live(axes.figure)
    cell.train(axes, steps=2, seconds_a_step=1 + PAUSE)
    assert cell.drawn == ["", "0", "1"] and isinstance(cell.layout, PlaceHolderLayoutEngine)
    live_figure.finish()
    assert isinstance(cell.layout, ConstrainedLayoutEngine)


def test_a_cell_that_is_run_again_shows_the_figure_again(cell):
    axes = plt.subplots()[1]
    show_live(axes.figure)
    cell.header["msg_id"] = "second run"  # the output of the first is gone
    show_live(axes.figure)
    assert cell.places == 2


def test_a_control_redraws_at_once_and_leaves_the_text_of_the_cell(cell):
    axes = plt.subplots()[1]
    axes.set_title("as the cell drew it")
    show_live(axes.figure)
    live_figure.finish()
    cell.header.update(msg_type="comm_msg", msg_id="a slider is moved")
    axes.set_title("moved")
    show_moved(axes.figure)
    assert cell.drawn[-1] == "moved" and cell.places == 1
    assert "as the cell drew it" in cell.texts[-1]


def test_finish_is_called_after_each_cell(cell):
    show_live(plt.subplots()[0])
    assert live_figure.finish in InteractiveShell.instance().events.callbacks["post_run_cell"]
