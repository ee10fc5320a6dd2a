"""A figure's text changes with what it says, and with nothing else."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

from course import begin
from course.figure_text import figure_text


def draw():
    """A figure with everything; return it and its panels."""
    figure, (curves, rest) = plt.subplots(1, 2)
    figure.suptitle("Both")
    x = np.linspace(0, 1, 11)
    curves.plot(x, x**2, label="squares")
    curves.plot(x, 1 - x, "o", label="_unnamed")
    curves.scatter([1, 2], [3, 4], c=[5, 6])
    curves.set(xlabel="x", ylabel="y", title="Left", yscale="symlog")
    curves.legend()
    curves.contour(x, x, np.add.outer(x, x), levels=[0.5, 1])
    curves.annotate("here", (0, 0))
    rest.bar(["shirt", "coat"], [2, 3], label="bars")
    rest.imshow(np.arange(6.0).reshape(2, 3))
    figure.colorbar(rest.images[0])
    return figure, curves, rest


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_says_titles_axes_and_data():
    assert figure_text(draw()[0]).splitlines() == [
        "Figure with 2 panels",
        "Both",
        "- Left, x x, y y (symlog)",
        "  line 'squares': 11 points from (0, 0) to (1, 1), x 0 to 1 (mean 0.5),"
        " y 0 to 1 (mean 0.35)",
        "  line: 11 points from (0, 1) to (1, 0), x 0 to 1 (mean 0.5), y 0 to 1 (mean 0.5)",
        "  dots: 2 points from (1, 3) to (2, 4), x 1 to 2 (mean 1.5), y 3 to 4 (mean 3.5);"
        " coloured by 5 to 6 (mean 5.5), first 5, last 6",
        "  rings: levels 0.5, 1",
        "  texts: here",
        "- panel, x [shirt, coat]",
        "  bars 'bars': 2 points from (-0.4, 2) to (0.6, 3), x -0.4 to 0.6 (mean 0.1),"
        " y 2 to 3 (mean 2.5)",
        "  image 2 x 3: 0 to 5 (mean 2.5), first 0, last 5",
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda figure, curves, rest: curves.lines[0].set_ydata(0.9 * curves.lines[0].get_ydata()),
        lambda figure, curves, rest: curves.lines[0].set_label("cubes"),
        lambda figure, curves, rest: curves.set_title("Right"),
        lambda figure, curves, rest: curves.set_xlabel("z"),
        lambda figure, curves, rest: curves.set_yscale("linear"),
        lambda figure, curves, rest: figure.suptitle("One"),
        lambda figure, curves, rest: rest.containers[0][1].set_height(3.1),
        lambda figure, curves, rest: rest.images[0].set_data(np.arange(6.0).reshape(2, 3) + 0.1),
        lambda figure, curves, rest: curves.collections[0].set_offsets([(1, 2), (3, 5)]),
        lambda figure, curves, rest: curves.texts[0].set_text("there"),
        lambda figure, curves, rest: curves.lines[1].remove(),
    ],
)
def test_changes_with_what_the_figure_says(change):
    figure, *panels = draw()
    before = figure_text(figure)
    change(figure, *panels)
    assert figure_text(figure) != before


def test_does_not_change_with_how_the_figure_looks():
    figure, curves, _ = draw()
    before = figure_text(figure)
    curves.legend(loc="lower left")
    curves.lines[0].set(color="red", linewidth=5)
    figure.set_size_inches(3, 3)
    curves.lines[0].set_ydata(curves.lines[0].get_ydata() + 1e-7)  # another CPU's rounding
    assert figure_text(figure) == before


def test_tells_many_unnamed_lines_together_and_leaves_out_what_is_not_finite():
    plt.plot(np.arange(3.0), np.tile(np.arange(3.0)[:, None], 20))
    plt.semilogy([1, 2, 3], [np.nan, 10, np.inf], label="hot")
    assert figure_text(plt.gcf()).splitlines() == [
        "Figure with 1 panel",
        "- panel, y (log)",
        "  20 lines: together 60 points from (0, 0) to (2, 2), x 0 to 2 (mean 1),"
        " y 1 to 2 (mean 1.41)",
        "  line 'hot': 3 points from (1, nan) to (3, inf), x 1 to 3 (mean 2), y 10 to 10 (mean 10)",
    ]


def test_is_the_plain_text_beside_the_picture_also_after_the_learner_chose_a_backend():
    begin(seed=0)
    shell = InteractiveShell.instance()
    figure = draw()[0]
    for formatter in shell.display_formatter.formatters.values():  # as `%matplotlib inline` does
        formatter.pop(type(figure), None)
    data, _ = shell.display_formatter.format(figure)
    assert data["text/plain"] == figure_text(figure)
