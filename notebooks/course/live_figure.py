"""Shows a figure that is redrawn while a cell runs, or when a control is moved."""

from __future__ import annotations

import time
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from IPython import get_ipython
from IPython.display import DisplayHandle, display
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.layout_engine import LayoutEngine

from .figure_text import figure_text

#: So many times the seconds of a drawing pass until the next one,
PAUSE = 4
#: but the 1st, 2nd, 4th, 8th … state is drawn at once while all drawing takes less than so many.
FREE_SECONDS = 1.0


@dataclass
class _Shown:
    """Where a figure was shown last, and how its redrawing goes on."""

    cell: str | None  # the id of the message that ran the cell
    handle: DisplayHandle
    text: str  # what the cell itself drew, in words
    layout: LayoutEngine | None  # arranges the first and the last drawing; between them it rests
    states: int = 1  # how many were to be shown
    seconds: float = 0.0  # that drawing took
    next_drawing: float = 0.0  # the time from which it may be drawn again
    is_final: bool = True  # whether the last drawing shows the figure as it is now, arranged


_shown: WeakKeyDictionary[Figure, _Shown] = WeakKeyDictionary()


def _running_cell() -> str | None:
    """Return the running cell's message id; None outside, as when a control is moved."""
    parent = getattr(get_ipython(), "get_parent", dict)()
    header = parent.get("header", {})
    return header["msg_id"] if header.get("msg_type") == "execute_request" else None


def show_live(figure: Figure) -> None:
    """Show a figure in the cell's output; redraw it in place as long as the same cell runs.

    A drawing takes far longer than a step of training. So most states are left out, but never the
    last: it is drawn when the cell ends, however it ends. A figure costs about a second, or a
    quarter of the time that the cell computes, whichever is more. Outside of cells, when a control
    is moved, it is redrawn where it was shown last.
    """
    cell, shown = _running_cell(), _shown.get(figure)
    if shown is None or cell not in (None, shown.cell):
        _show(figure, cell)
    elif cell is None:
        show_moved(figure)
    else:
        shown.states += 1
        shown.is_final = False
        is_free = shown.states.bit_count() == 1 and shown.seconds < FREE_SECONDS
        if is_free or time.perf_counter() >= shown.next_drawing:
            _redraw(figure)


def show_moved(figure: Figure) -> None:
    """Redraw a figure at once, where it was shown last, after a control has changed it.

    Its plain text stays that of the drawing in the cell: whoever saves the notebook and tests it
    runs the cell again and moves nothing.
    """
    shown = _shown[figure]
    _redraw(figure, {"text/plain": shown.text})


def _show(figure: Figure, cell: str | None) -> None:
    """Show a figure for the first time in this run of this cell."""
    plt.close(figure)  # Jupyter shows every open figure once more at the end of a cell.
    if figure in _shown:
        figure.set_layout_engine(_shown[figure].layout)
    start = time.perf_counter()
    handle = display(figure, display_id=True)
    _shown[figure] = _Shown(cell, handle, figure_text(figure), figure.get_layout_engine())
    _pause_since(start, _shown[figure])
    figure.set_layout_engine("none")
    if shell := get_ipython():
        shell.events.register("post_run_cell", finish)  # Registering it again changes nothing.


def _redraw(figure: Figure, given: dict[str, str] | None = None) -> None:
    """Draw a figure anew in its place; `given` replaces representations of it, by MIME type."""
    shown, start = _shown[figure], time.perf_counter()
    if shell := get_ipython():
        data, metadata = shell.display_formatter.format(figure)
        shown.handle.update({**data, **(given or {})}, raw=True, metadata=metadata)
    _pause_since(start, shown)


def _pause_since(start: float, shown: _Shown) -> None:
    """Let the next drawing wait, after the one that began at `start`."""
    now = time.perf_counter()
    shown.seconds += now - start
    shown.next_drawing = now + PAUSE * (now - start)


def finish(_: object = None) -> None:
    """Arrange and draw each figure that is not final; IPython calls this after each cell."""
    for figure, shown in list(_shown.items()):
        figure.set_layout_engine(shown.layout)
        if not shown.is_final:
            _redraw(figure)
            shown.text, shown.is_final = figure_text(figure), True
