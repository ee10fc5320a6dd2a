"""Execute notebooks headless, side by side: in place (`make refresh`) or elsewhere (`make run`).

In place, what a second run would change without need is kept or left out: run times, the
machine's Python version, widgets' random names, and the output of an unchanged cell whose tag says
that its output differs each time. The figure of the cell tagged `end-result` becomes the picture
in the lesson's first cell.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "notebooks"))
from course import fashion_mnist  # noqa: E402

CELL_SECONDS = 300
VARIES = "nbval-ignore-output"
END_RESULT = "end-result"  # the cell whose figure the opening shows
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def decoded(png: str) -> Image.Image:
    """Return the picture that a notebook stores as base64."""
    return Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")


def encoded(picture: Image.Image) -> str:
    """Return a picture as a notebook stores it, PNG in base64."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def with_palette(picture: Image.Image) -> Image.Image:
    """Reduce a picture to 256 colours: no eye sees it in a figure, and the file shrinks by half."""
    return picture.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


def tidy(notebook: nbformat.NotebookNode, before: nbformat.NotebookNode) -> None:
    """Strip what differs from run to run, in place; `before` is the notebook as it was stored."""
    notebook.metadata = nbformat.from_dict(METADATA)
    stored = {cell.id: cell for cell in before.cells}
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        if cell.cell_type != "code":
            continue
        for output in cell.outputs:  # a widget's random name leads nowhere in a stored notebook
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
        old = stored.get(cell.id)
        shown = [o.data for o in cell.outputs if "image/png" in o.get("data", {})]
        for data in shown:
            data["image/png"] = encoded(with_palette(decoded(data["image/png"])))
        if END_RESULT in tags:
            if len(shown) != 1:
                raise ValueError(f"the cell tagged {END_RESULT} has {len(shown)} figures, not one")
            figure = shown[0]["image/png"]
            halved = decoded(figure).reduce(2)  # a picture in Markdown cannot carry its 2x
            attached = {f"{END_RESULT}.png": {"image/png": encoded(halved)}}
            notebook.cells[0].attachments = nbformat.from_dict(attached)
        if VARIES in tags and old is not None and old.source == cell.source and old.outputs:
            cell.outputs = old.outputs


async def execute(path: Path, into: Path | None) -> str | None:
    """Execute one notebook and write it; return None, or a sentence on what went wrong."""
    before = nbformat.read(path, as_version=4)
    notebook = nbformat.from_dict(before)
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        store_widget_state=False,
        coalesce_streams=True,
    )
    try:
        await client.async_execute(stderr=subprocess.DEVNULL)  # new kernels warn there of nothing
        tidy(notebook, before)
    except (CellExecutionError, CellTimeoutError, DeadKernelError, ValueError) as error:
        return f"{path.name}: a cell failed, the stored notebook is unchanged.\n{error}"
    target = path if into is None else into / path.name
    unfinished = target.with_suffix(".unfinished")
    nbformat.write(notebook, unfinished)
    os.replace(unfinished, target)
    print(f"  {path.name}", flush=True)
    return None


async def side_by_side(work: Callable[[Path], Awaitable], paths: list[Path]) -> list:
    """Do the work on each notebook, as many at a time as there are cores; return the results."""
    places = asyncio.Semaphore(min(4, os.cpu_count() or 1))

    async def in_turn(path: Path) -> object:
        async with places:
            return await work(path)

    return await asyncio.gather(*map(in_turn, paths))


def with_stored_numbers(paths: list[Path]) -> list[Path]:
    """Leave out lesson 05 where only the stand-in is: its stored numbers are the real files'."""
    if (
        not any(path.name.startswith("05") for path in paths)
        or not fashion_mnist.find().is_stand_in
    ):
        return paths
    print("Lesson 05 is left out: its stored numbers are those of the real files.")
    return [path for path in paths if not path.name.startswith("05")]


def main() -> int:
    """Read the command line, execute, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", nargs="+", type=Path)
    parser.add_argument("--into", type=Path, help="folder for the executed copies")
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the notebooks run side by side
    paths = arguments.notebooks
    if arguments.into is None:
        paths = with_stored_numbers(paths)
    else:
        arguments.into.mkdir(parents=True, exist_ok=True)
    print(f"Executing {len(paths)} notebooks ...", flush=True)
    said = asyncio.run(side_by_side(lambda path: execute(path, arguments.into), paths))
    faults = [fault for fault in said if fault]
    print("\n".join(faults), file=sys.stderr, end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
