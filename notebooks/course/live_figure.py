"""Shows a figure that is redrawn while a cell runs, or when a slider is moved."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from IPython import get_ipython
from IPython.display import DisplayHandle, display
from matplotlib import pyplot as plt

_shown: WeakKeyDictionary[plt.Figure, tuple[str | None, DisplayHandle | None]] = WeakKeyDictionary()


def _running_cell() -> str | None:
    """Return what tells this run of a cell from any other; None outside, as when a slider moves."""
    parent = getattr(get_ipython(), "get_parent", dict)()
    header = parent.get("header", {})
    return header["msg_id"] if header.get("msg_type") == "execute_request" else None


def show_live(figure: plt.Figure) -> None:
    """Show a figure in the cell's output; redraw it in place as long as the same cell runs.

    Outside of cells, when a slider is moved, it is redrawn where it was shown last.
    """
    cell = _running_cell()
    shown_by, handle = _shown.get(figure, (None, None))
    if handle and cell in (None, shown_by):
        handle.update(figure)
    else:
        plt.close(figure)  # Jupyter shows every open figure once more at the end of a cell.
        _shown[figure] = cell, display(figure, display_id=True)
