"""A control redraws its figure once a move, and disturbs nothing."""

import threading
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import torch
from ipywidgets import IntSlider
from matplotlib.figure import Figure

from course import control


@pytest.fixture(autouse=True)
def shown(monkeypatch):
    monkeypatch.setattr(control, "display", Mock())
    monkeypatch.setattr(control, "show_live", Mock())
    monkeypatch.setattr(control, "show_moved", Mock())
    return control.show_moved


def test_a_move_draws_once_also_where_the_cell_was_run_twice(shown):
    change, slider = Mock(), IntSlider(2)
    for _ in range(2):
        control.play(Figure(), change, size=slider)
    slider.value = 5
    assert [call.kwargs["size"] for call in change.mock_calls] == [2, 2, 5]
    assert shown.call_count == 1 and slider.description == "size"


def test_a_move_leaves_the_random_numbers_that_follow_as_they_were():
    slider = IntSlider(2)
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    control.play(Figure(), lambda size: torch.manual_seed(size), size=slider)
    slider.value = 5
    assert torch.equal(torch.rand(3), expected)


def test_moves_beside_a_running_cell_are_drawn_once_when_it_has_ended(monkeypatch, shown):
    later, change, slider = [], Mock(), IntSlider(0)
    loop = SimpleNamespace(add_callback=later.append)
    kernel = SimpleNamespace(kernel=SimpleNamespace(io_loop=loop))
    monkeypatch.setattr(control, "get_ipython", lambda: kernel)
    control.play(Figure(), change, size=slider)

    def move():  # JupyterLab's second thread, while a cell computes in the main one
        for size in (1, 2, 3):
            slider.value = size

    thread = threading.Thread(target=move)
    thread.start()
    thread.join()
    assert change.call_count == 1 and len(later) == 1
    later.pop()()  # the cell has ended
    assert [call.kwargs["size"] for call in change.mock_calls] == [0, 3]
    slider.value = 4
    assert shown.call_count == 2
