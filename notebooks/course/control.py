"""Shows controls, such as sliders, beside a figure that they change."""

from __future__ import annotations

import threading
from collections.abc import Callable
from weakref import WeakKeyDictionary

import torch
from IPython import get_ipython
from IPython.display import display
from ipywidgets import ValueWidget
from matplotlib.figure import Figure

from .live_figure import show_live, show_moved

_moves: WeakKeyDictionary[ValueWidget, Callable[[object], None]] = WeakKeyDictionary()


def play(figure: Figure, change: Callable[..., None], **controls: ValueWidget) -> None:
    """Show controls and a figure, which is drawn anew whenever one of them is moved.

    Random numbers that `change` draws, and seeds that it sets, leave PyTorch's generator as it was:
    a learner who plays gets the same numbers in the cells that follow.

    Parameters
    ----------
    figure : matplotlib Figure
        Drawn once, in place, also on a page where no control can be moved.
    change : function
        Changes the figure; called with the controls' values, under their names.
    controls : ipywidgets
        The controls by name, which is also what they are labelled with.
    """

    def redraw(show: Callable[[Figure], None]) -> None:
        with torch.random.fork_rng(devices=[]):
            change(**{name: control.value for name, control in controls.items()})
        show(figure)

    move = _in_main_thread(lambda: redraw(show_moved))
    for name, control in controls.items():
        control.description = control.description or name
        if control in _moves:  # its cell was run before: do not draw twice
            control.unobserve(_moves[control], "value")
        control.observe(move, "value")
        _moves[control] = move
        display(control)
    redraw(show_live)


def _in_main_thread(redraw: Callable[[], None]) -> Callable[[object], None]:
    """Return what a control calls when it is moved, so that nothing runs beside a cell.

    JupyterLab lets controls answer in a second thread while a cell runs. There `redraw` would
    train and draw random numbers in the midst of the cell's training; so it waits for the cell's
    end, and only the last of the moves meanwhile is drawn.
    """
    waiting = threading.Event()

    def redraw_later() -> None:
        waiting.clear()
        redraw()

    def move(_: object) -> None:
        if threading.current_thread() is threading.main_thread():
            redraw()
        elif not waiting.is_set():
            waiting.set()
            get_ipython().kernel.io_loop.add_callback(redraw_later)

    return move
