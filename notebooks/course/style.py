"""How the course's figures look: colours that colour-blind readers tell apart, sharp text."""

from __future__ import annotations

from cycler import cycler
from IPython import get_ipython
from matplotlib import pyplot as plt
from matplotlib_inline import backend_inline

#: Okabe and Ito's palette ("Color Universal Design", 2008) in the order in which lines take it.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
#: The second cue: a line style for each of these colours.
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))

RC = {
    "figure.figsize": (6.4, 3.6),
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.titlesize": 12,
    "figure.titlesize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=COLOURS) + cycler(linestyle=DASHES),
    "grid.alpha": 0.3,
    "legend.frameon": False,
    "lines.linewidth": 2,
    "image.cmap": "gray",
}


def apply() -> None:
    """Set the style for all figures that follow, as PNG at twice the screen's resolution."""
    if get_ipython() is not None and plt.get_backend().lower() == "agg":
        plt.switch_backend("module://matplotlib_inline.backend_inline")  # MPLBACKEND hides figures
    plt.rcParams.update(RC)
    # the layout leaves room for all labels; a tight box would cost a second drawing of each figure
    backend_inline.set_matplotlib_formats("retina", bbox_inches=None)
