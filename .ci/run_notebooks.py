"""Run notebooks headless, side by side: in place (`make refresh`) or into a folder (`make run`).

What would differ from run to run is not stored: run times, the machine's Python version, widgets'
random names, paths in tracebacks, and new output of an unchanged cell tagged nbval-ignore-output.
The figure of the cell tagged end-result becomes the picture in the notebook's first cell.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import matplotlib.font_manager  # noqa: F401  makes the font cache: a kernel would say so in a cell
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "notebooks"))
from course import fashion_mnist, notebooks  # noqa: E402

CELL_SECONDS = 300
END_RESULT = "end-result"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
KEPT = ("tags", "alt", "jupyter")  # of a cell's metadata; `jupyter` says that its output is folded
COLOUR = re.compile(r"\x1b\[[\d;]*m")
FRAME_IN_A_FILE = re.compile(r"\s*(File |\[\.\.\. skipping)")


def decoded(png: str) -> Image.Image:
    """Return the picture that a notebook stores as base64."""
    return Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")


def encoded(picture: Image.Image) -> str:
    """Return a picture as a notebook stores it, PNG in base64."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def without_paths(traceback: list[str]) -> list[str]:
    """Leave out the frames that name files of this machine; those in the notebook's cells stay."""
    return [entry for entry in traceback if not FRAME_IN_A_FILE.match(COLOUR.sub("", entry))]


def tidy(notebook: NotebookNode, before: NotebookNode) -> None:
    """Strip what differs from run to run, in place; `before` is the notebook as it was stored."""
    kept = {"course": before.metadata.course} if "course" in before.metadata else {}
    notebook.metadata = nbformat.from_dict(METADATA | kept)
    stored = {cell.id: cell for cell in before.cells}
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        ours = {key: cell.metadata[key] for key in KEPT if cell.metadata.get(key)}
        cell.metadata = nbformat.from_dict(ours)
        if cell.cell_type != "code":
            continue
        for output in cell.outputs:
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
            if output.output_type == "error":
                output.traceback = without_paths(output.traceback)
        figures = [output.data for output in cell.outputs if "image/png" in output.get("data", {})]
        for data in figures:  # with 256 colours a figure looks the same, in half the bytes
            picture = decoded(data["image/png"])
            palette = picture.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
            data["image/png"] = encoded(palette)
        if END_RESULT in tags:
            if len(figures) != 1:
                raise ValueError(f"the cell tagged {END_RESULT} has {len(figures)} figures, not 1")
            # it has twice the screen's resolution, and a picture in Markdown cannot say so
            halved = encoded(decoded(figures[0]["image/png"]).reduce(2))
            attachments = {f"{END_RESULT}.png": {"image/png": halved}}
            notebook.cells[0].attachments = nbformat.from_dict(attachments)
        old = stored.get(cell.id)
        if "nbval-ignore-output" in tags and old and old.source == cell.source and old.outputs:
            cell.outputs = old.outputs


async def run_notebook(path: Path, target: Path) -> str:
    """Run one notebook and store it, whole or not at all; return what went wrong, or ""."""
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
    start, unfinished = time.perf_counter(), target.with_suffix(".unfinished")
    try:
        await client.async_execute(stderr=subprocess.DEVNULL)  # new kernels warn there of nothing
        tidy(notebook, before)
        nbformat.write(notebook, unfinished)
        os.replace(unfinished, target)
    except (CellExecutionError, CellTimeoutError, DeadKernelError, ValueError, OSError) as error:
        return f"{path.name} failed, and {target} was not written:\n{error}"
    print(f"  {path.name:45} {time.perf_counter() - start:6.1f} s", flush=True)
    return ""


async def run_all(paths: list[Path], into: Path | None, jobs: int) -> list[str]:
    """Run the notebooks, so many at a time; return what went wrong."""
    places = asyncio.Semaphore(jobs)

    async def run_in_turn(path: Path) -> str:
        async with places:
            return await run_notebook(path, into / path.name if into else path)

    return [fault for fault in await asyncio.gather(*map(run_in_turn, paths)) if fault]


def stand_in_only() -> bool:
    """Tell whether Fashion-MNIST cannot be had, so that notebooks would run on the stand-in."""
    try:
        return fashion_mnist.find().is_stand_in
    except fashion_mnist.DataError as error:
        sys.exit(str(error))


def main() -> int:
    """Read the command line, run the notebooks, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, help="all, if none is given")
    parser.add_argument("--into", type=Path, help="folder for the executed copies")
    jobs = min(4, os.cpu_count() or 1)
    parser.add_argument("--jobs", type=int, default=jobs, help="how many notebooks at a time")
    arguments = parser.parse_args()
    paths = arguments.notebooks or notebooks.of_course()
    if missing := [str(path) for path in paths if not path.is_file()]:
        parser.error(f"there is no {', '.join(missing)}; nothing was run.")
    if arguments.into:
        arguments.into.mkdir(parents=True, exist_ok=True)
    elif (left_out := list(filter(fashion_mnist.needed_by, paths))) and stand_in_only():
        paths = [path for path in paths if path not in left_out]
        names = ", ".join(path.name for path in left_out)
        print(f"Left as they are, as Fashion-MNIST is missing (try `make data`): {names}.")
    print(f"Running {len(paths)} notebooks ...", flush=True)
    faults = asyncio.run(run_all(paths, arguments.into, arguments.jobs))
    print(*faults, sep="\n", end="\n" if faults else "", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
