"""A control redraws its figure once a move, and says what is wrong with a learner's file."""

from unittest.mock import Mock

import pytest
from ipywidgets import IntSlider
from matplotlib.figure import Figure

from course import control


@pytest.fixture(autouse=True)
def shown(monkeypatch):
    monkeypatch.setattr(control, "display", Mock())
    monkeypatch.setattr(control, "show_live", Mock())
    return control.show_live


def test_a_move_draws_once_also_where_the_cell_was_run_twice(shown):
    change, slider = Mock(), IntSlider(2)
    for _ in range(2):
        control.play(Figure(), change, size=slider)
    slider.value = 5
    assert [call.kwargs["size"] for call in change.mock_calls] == [2, 2, 5]
    assert shown.call_count == 3 and slider.description == "size"


def test_what_is_wrong_with_a_file_stands_above_the_figure_until_the_next_move():
    figure, slider = Figure(), IntSlider(0)
    change = Mock(side_effect=[ValueError("This is no picture."), None])
    control.play(figure, change, size=slider)
    assert figure.get_suptitle() == "This is no picture."
    slider.value = 1
    assert figure.get_suptitle() == ""
