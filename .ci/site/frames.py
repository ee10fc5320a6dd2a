"""Record what the notebooks' controls draw, for pages that have no kernel (`make frames`).

Each notebook with a control is run to its last one. Where `play` shows controls, each is moved to
some of its positions, and the figure is kept as a small picture; so are the walks of lesson 01, as
a film. They lie in `.frames/NOTEBOOK/CELL/`: 0.webp, 1.webp ..., and record.json, which says what
they show. `make site` takes those of notebooks whose text and code are still the same.
"""

import hashlib
import io
import itertools
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent
FRAMES = HERE.parents[1] / ".frames"
MOST_STATES = 81  # of all controls of a cell together; four sliders get three positions each
COLOURS, DPI = 32, 110  # with them a picture takes 3 to 12 kB; its width on a page is for 100
FILM_STEPS = [*range(1, 20), *range(20, 80, 3)]
FILM_MILLISECONDS = 110  # a step: the film ends within five seconds, and does not begin again
START = f"import sys\nsys.path.insert(0, {str(HERE)!r})\nimport frames\nframes.watch_controls()"
folder = None  # in the notebook's kernel: where the pictures of the running cell belong


def fingerprint(notebook):
    """Return what changes with the text or the code of a notebook, and not with its outputs."""
    return hashlib.sha256("\n".join(cell.source for cell in notebook.cells).encode()).hexdigest()


def recorded(name, notebook):
    """Return the records of a notebook, by the id of the cell, if they are of its present state."""
    mark = FRAMES / name / "notebook"
    if not mark.exists() or mark.read_text() != fingerprint(notebook):
        return {}
    files = (FRAMES / name).glob("*/record.json")
    return {file.parent.name: json.loads(file.read_text(encoding="utf-8")) for file in files}


def some_positions(control, most):
    """Return so many of a control's values at most, and among them the present one."""
    if isinstance(control.value, bool):
        return [False, True]
    if not hasattr(control, "step"):  # such as the upload of a file
        return [control.value]
    if isinstance(control.value, tuple):  # a range: the present one, and each quarter
        ends = [control.min + (control.max - control.min) * k // 4 for k in range(5)]
        return list(dict.fromkeys([control.value, *itertools.pairwise(ends)]))[:most]
    last = round((control.max - control.min) / control.step)
    steps = {*range(0, last, max(1, math.ceil(last / (most - 1)))), last}
    values = [round(control.min + step * control.step, 9) for step in steps]
    if hasattr(control, "base"):  # a logarithmic slider
        values = [control.base**value for value in values]
    nearest = min(values, key=lambda value: abs(value - control.value))
    return sorted({*values} - {nearest} | {control.value})


def in_words(control, value):
    """Return a value as the control shows it, and of a checkbox yes or no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    numbers = value if isinstance(value, tuple) else (value,)
    return " to ".join(format(n, getattr(control, "readout_format", "")) for n in numbers)


def picture(figure):
    """Return a figure as a picture of few colours; in an octree thin lines keep theirs."""
    from PIL import Image

    figure.savefig(buffer := io.BytesIO(), dpi=DPI, pil_kwargs={"compress_level": 1})
    few = Image.open(buffer).convert("RGB").quantize(COLOURS, Image.Quantize.FASTOCTREE)
    return few.convert("RGB")


def keep(pictures, record):
    """Write the pictures of the running cell, and what they show."""
    folder.mkdir()
    for number, each in enumerate(pictures):
        each.save(folder / f"{number}.webp", lossless=True)
    (folder / "record.json").write_text(json.dumps(record), encoding="utf-8")


def watch_controls():
    """Let `play` record, from now on, what its controls draw."""
    import torch

    from course import control as module

    play = module.play

    def play_and_record(figure, change, **controls):
        play(figure, change, **controls)
        for most in range(2, MOST_STATES + 1):
            more = [some_positions(control, most) for control in controls.values()]
            if math.prod(map(len, more)) > MOST_STATES:
                break
            chosen = more
        states, start = [*itertools.product(*chosen)], [each.value for each in controls.values()]
        if len(states) == 1:
            return
        pictures, titles = [], []
        for state in [*states, start]:
            with torch.random.fork_rng(devices=[]):  # as `play` does
                change(**dict(zip(controls, state, strict=True)))
            pictures.append(picture(figure))
            titles.append(", ".join(filter(None, (ax.get_title() for ax in figure.axes))))
        shown = [
            {
                "name": control.description,
                "start": values.index(control.value),
                "values": [in_words(control, value) for value in values],
            }
            for control, values in zip(controls.values(), chosen, strict=True)
        ]
        keep(pictures[:-1], {"controls": shown, "titles": titles[:-1]})

    module.play = play_and_record


def film(figure):
    """Record how the figure's long lines grow: its last picture, and the film."""
    lines = [line for line in figure.axes[0].lines if len(line.get_xdata()) > FILM_STEPS[-1]]
    paths, pictures = [line.get_data() for line in lines], []
    for step in [*FILM_STEPS, None]:
        for line, (x, y) in zip(lines, paths, strict=True):
            line.set_data(x[:step], y[:step])
        pictures.append(picture(figure))
    keep(pictures[-1:], {"film": True})
    options = {"save_all": True, "append_images": pictures[1:], "duration": FILM_MILLISECONDS}
    pictures[0].save(folder / "film.webp", lossless=True, loop=1, **options)


def record(path):
    """Run a notebook to its last control, in lesson 01 to the end result at least, and record."""
    notebook = nbformat.read(path, as_version=4)
    mark, cells = fingerprint(notebook), []
    for number, cell in enumerate(notebook.cells):
        tags = cell.metadata.get("tags", ())
        has_film = "end-result" in tags and path.name.startswith("01-")
        if "control" in tags or has_film:
            place = f"frames.FRAMES / {path.stem!r} / {cell.id!r}"
            ending = "\nframes.film(fig)" if has_film else ""
            cell.source = f"frames.folder = {place}\n{cell.source}{ending}"
            cells = notebook.cells[: number + 1]
    if cells:
        shutil.rmtree(FRAMES / path.stem, ignore_errors=True)
        (FRAMES / path.stem).mkdir(parents=True)
        notebook.cells = [nbformat.v4.new_code_cell(START), *cells]
        resources = {"metadata": {"path": str(path.parent)}}
        client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources)
        client.execute(stderr=subprocess.DEVNULL)  # new kernels warn there of nothing
        (FRAMES / path.stem / "notebook").write_text(mark)
        pictures = [*FRAMES.glob(f"{path.stem}/*/*.webp")]
        print(f"  {path.name:45} {len(pictures):4} pictures", flush=True)


def main():
    """Record the given notebooks, or all; those of Fashion-MNIST only with the official files."""
    sys.path.insert(0, str(HERE.parents[1] / "notebooks"))
    from course import fashion_mnist, notebooks

    stand_in = fashion_mnist.find().is_stand_in
    for path in [Path(name).resolve() for name in sys.argv[1:]] or notebooks.of_course():
        if not (stand_in and fashion_mnist.needed_by(path)):
            record(path)


if __name__ == "__main__":
    main()
