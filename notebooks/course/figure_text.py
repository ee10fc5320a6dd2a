"""Says in words what a matplotlib figure shows: `course.begin` makes it the figure's plain text.

The tests compare this text, since they cannot compare pixels: they differ between machines. So it
holds what a figure says (titles, axes, data) and not how it looks (colours, sizes, legend's place).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import Collection
from matplotlib.container import BarContainer
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

DIGITS = 3
MOST_LINES = 12  # unnamed lines that are told one by one


def figure_text(figure: Figure) -> str:
    """Return what a figure shows, as lines of text.

    The first line only counts the panels: JupyterLab shows it in place of a folded output, and it
    must not give an answer away.
    """
    panels = [axes for axes in figure.axes if axes.get_visible() and not _is_colour_bar(axes)]
    lines = [f"Figure with {len(panels)} panel{'s' * (len(panels) != 1)}"]
    lines += [text.get_text() for text in figure.texts if text.get_text()]  # the main title, too
    for axes in panels:
        about, *things = _panel(axes)
        lines += [f"- {about}, {things[0]}"] if len(things) == 1 else [f"- {about}"]
        lines += [f"  {thing}" for thing in things if len(things) > 1]
    return "\n".join(lines)


def make_plain_text() -> None:
    """Let IPython show this text as a figure's plain text, beside the picture."""
    # Registered with IPython's formatter it would be gone after each `%matplotlib inline`.
    Figure._repr_pretty_ = lambda figure, printer, cycle: printer.text(figure_text(figure))


def _is_colour_bar(axes: Axes) -> bool:
    """Tell whether axes are a colour bar, whose drawing differs between matplotlib's versions."""
    return axes.get_label() == "<colorbar>"


def _panel(axes: Axes) -> Iterator[str]:
    """Yield the panel's title and axes, then each thing that is drawn on it."""
    titles = [axes.get_title(loc).replace("\n", " ") for loc in ("left", "center", "right")]
    labels = [_axis(axes, "x"), _axis(axes, "y")] if axes.axison else []
    yield ", ".join([" / ".join(filter(None, titles)) or "panel", *filter(None, labels)])
    logarithmic = [axes.get_xscale() == "log", axes.get_yscale() == "log"]
    unnamed = [line for line in axes.lines if not _label(line)]
    if len(unnamed) > MOST_LINES:
        points = np.concatenate([_line_points(line) for line in unnamed])
        yield f"{len(unnamed)} lines: together {_points(points, logarithmic)}"
    for line in axes.lines:
        if line not in unnamed or len(unnamed) <= MOST_LINES:
            yield f"line{_label(line)}: {_points(_line_points(line), logarithmic)}"
    for collection in axes.collections:
        yield _collection(collection, logarithmic)
    bars = [group for group in axes.containers if isinstance(group, BarContainer)]
    for group in bars:
        lying = group.orientation == "horizontal"
        where = [bar.get_y() if lying else bar.get_x() for bar in group]
        sizes = [bar.get_width() if lying else bar.get_height() for bar in group]
        yield f"bars{_label(group)}: {_points(np.column_stack([where, sizes]), logarithmic)}"
    in_bars = {id(bar) for group in bars for bar in group}
    yield from (_patch(patch) for patch in axes.patches if id(patch) not in in_bars)
    for image in axes.images:
        values = np.asarray(image.get_array(), dtype=float)
        yield f"image{_label(image)} {' x '.join(map(str, values.shape))}: {_values(values)}"
    if texts := [text.get_text().replace("\n", " ") for text in axes.texts if text.get_text()]:
        yield f"texts: {' | '.join(texts)}"


def _axis(axes: Axes, letter: str) -> str:
    """Return an axis' label, its scale unless it is linear, and tick labels that are words."""
    axis = getattr(axes, f"{letter}axis")
    words = [label.get_text() for label in axis.get_ticklabels()] if _has_words(axis) else []
    parts = [
        axis.get_label_text(),
        "" if axis.get_scale() == "linear" else f"({axis.get_scale()})",
        f"[{', '.join(words)}]" if any(words) else "",
    ]
    said = " ".join(filter(None, parts))
    return said and f"{letter} {said}"


def _has_words(axis) -> bool:
    """Tell whether an axis' tick labels were given, not computed from numbers."""
    return type(axis.get_major_formatter()).__name__ in ("FixedFormatter", "StrCategoryFormatter")


def _label(artist) -> str:
    label = str(artist.get_label() or "")
    return "" if label.startswith("_") or not label else f" {label!r}"


def _line_points(line: Line2D) -> np.ndarray:
    return np.column_stack([line.get_xdata(orig=False), line.get_ydata(orig=False)]).astype(float)


def _collection(collection: Collection, logarithmic: list[bool]) -> str:
    """Describe rings, a cloud of dots, arrows, or whatever else is a collection."""
    name = f"{type(collection).__name__}{_label(collection)}"
    if isinstance(collection, ContourSet):
        return f"rings{_label(collection)}: levels {_numbers(np.asarray(collection.levels))}"
    offsets = np.ma.filled(np.ma.asarray(collection.get_offsets(), dtype=float), np.nan)
    if len(offsets) and type(collection).__name__ in ("PathCollection", "Quiver"):
        values = collection.get_array()
        coloured = "" if values is None else f"; coloured by {_values(values)}"
        kind = "dots" if type(collection).__name__ == "PathCollection" else "arrows"
        return f"{kind}{_label(collection)}: {_points(offsets, logarithmic)}{coloured}"
    paths = collection.get_paths()
    vertices = np.concatenate([path.vertices for path in paths]) if paths else np.empty((0, 2))
    return f"{name}: {_points(vertices, logarithmic)}"


def _patch(patch: Patch) -> str:
    box = patch.get_path().transformed(patch.get_patch_transform()).get_extents()
    return f"{type(patch).__name__}{_label(patch)}: {_numbers(box.extents)}"


def _points(points: np.ndarray, logarithmic: list[bool]) -> str:
    """Describe points (n, 2): how many, the first, the last, and each coordinate's range."""
    if not len(points):
        return "no points"
    xs, ys = (_formatted(column, log) for column, log in zip(points.T, logarithmic, strict=True))
    count = f"{len(points)} point{'s' * (len(points) != 1)}"
    if len(points) == 1:
        return f"{count} ({xs[0]}, {ys[0]})"
    ranges = [f"{letter} {_range(v)}" for letter, v in zip("xy", (xs, ys), strict=True)]
    ends = f"({xs[0]}, {ys[0]}) to ({xs[1]}, {ys[1]})"
    return f"{count} from {ends}, {', '.join(ranges)}"


def _values(values: np.ndarray) -> str:
    first, last, *rest = _formatted(np.ravel(values).astype(float), log=False)
    return f"{_range([first, last, *rest])}, first {first}, last {last}"


def _range(formatted: list[str]) -> str:
    _, _, smallest, largest, mean = formatted
    return f"{smallest} to {largest} (mean {mean})"


def _formatted(values: np.ndarray, log: bool) -> list[str]:
    """Return first, last, smallest, largest and mean; the mean of logarithms on such an axis."""
    finite = values[np.isfinite(values)]
    if log:
        finite = finite[finite > 0]
        mean = np.exp(np.log(finite).mean()) if len(finite) else np.nan
    else:
        mean = finite.mean() if len(finite) else np.nan
    ends = (finite.min(), finite.max()) if len(finite) else (np.nan, np.nan)
    numbers = np.array([values[0], values[-1], *ends, mean], dtype=float)
    return [_number(v, abs(v) if log else np.abs(ends).max()) for v in numbers]


def _numbers(values: np.ndarray) -> str:
    largest = np.abs(values).max(initial=0)
    return ", ".join(_number(value, largest) for value in values)


def _number(value: float, largest: float) -> str:
    """Write a number to three digits of the largest beside it, so that a rounding error is 0."""
    if not np.isfinite(value) or not np.isfinite(largest) or largest == 0:
        return f"{value:g}"
    decimals = DIGITS - 1 - int(np.floor(np.log10(largest)))
    return f"{round(value, decimals) + 0.0:.{DIGITS + 3}g}"  # + 0.0 makes 0 of -0
