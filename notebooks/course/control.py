"""Shows controls, such as sliders, beside a figure that they change."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary

from IPython.display import display
from ipywidgets import ValueWidget
from matplotlib.figure import Figure

from .live_figure import show_live

_redraws: WeakKeyDictionary[ValueWidget, Callable[[object], None]] = WeakKeyDictionary()


def play(figure: Figure, change: Callable[..., None], **controls: ValueWidget) -> None:
    """Show controls and a figure, which is drawn anew whenever one of them is moved.

    Parameters
    ----------
    figure : matplotlib Figure
        Drawn once, in place, also on a page where no control can be moved.
    change : function
        Changes the figure; called with the controls' values, under their names. The message of a
        ValueError, such as of a file that cannot be read, is shown above the figure.
    controls : ipywidgets
        The controls by name, which is also what they are labelled with.
    """

    def redraw(_: object = None) -> None:
        figure.suptitle("")
        try:
            change(**{name: control.value for name, control in controls.items()})
        except ValueError as error:
            figure.suptitle(str(error), wrap=True)
        show_live(figure)

    for name, control in controls.items():
        control.description = control.description or name
        if control in _redraws:  # its cell was run before: do not draw twice
            control.unobserve(_redraws[control], "value")
        control.observe(redraw, "value")
        _redraws[control] = redraw
        display(control)
    redraw()
