"""What `make test-rerun` runs: notebooks stay right however often their cells are run.

In copies of all notebooks every cell is doubled and the whole is appended once more; nbval runs
them, one kernel a notebook, and compares each run with the one stored output. Then, in the lessons,
each cell that takes longer than half a second is interrupted in the middle, as a learner does with
a training, and run again: it and all cells after it have to give the stored text.
"""

from __future__ import annotations

import asyncio
import copy
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
sys.path.insert(0, str(NOTEBOOKS))
from course import fashion_mnist  # noqa: E402

SECONDS_WORTH_INTERRUPTING = 0.5
CELL_SECONDS = 300
NOT_COMPARED = "nbval-ignore-output"


def repeated(notebook: NotebookNode) -> NotebookNode:
    """Return a notebook that runs each code cell twice in a row, then all of them once more."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    order = [cell for cell in cells for _ in range(2)] + cells
    again = copy.deepcopy(notebook)
    again.cells = [copy.deepcopy(cell) for cell in order]
    for number, cell in enumerate(again.cells):
        cell.id = f"again-{number}"
    return again


def test_repeated() -> bool:
    """Let nbval run the repeated notebooks; return whether all of it was as stored."""
    with tempfile.TemporaryDirectory() as folder:
        copies = Path(folder) / "notebooks"
        shutil.copytree(NOTEBOOKS, copies)
        shutil.copy(ROOT / ".pytest.ini", folder)
        os.symlink(ROOT / "data", Path(folder) / "data")
        paths = sorted(copies.glob("[0-9]*.ipynb"))
        for path in paths:
            nbformat.write(repeated(nbformat.read(path, as_version=4)), path)
        command = [sys.executable, "-m", "pytest", *map(str, paths)]
        return subprocess.run(command, cwd=folder).returncode == 0


def text_of(outputs: list[NotebookNode]) -> str:
    """Return what a cell printed, its value and the error it ended in; no pictures, no widgets."""
    shown = ""
    for output in outputs:
        if output.output_type == "stream":
            shown += output.text
        elif output.output_type == "error":
            shown += f"{output.ename}: {output.evalue}\n"
        elif output.output_type == "execute_result":
            shown += output.data["text/plain"] + "\n"
    return shown


class Interrupted:
    """A lesson whose slow cells are interrupted on the way."""

    def __init__(self, path: Path) -> None:
        self.path, self.stored = path, nbformat.read(path, as_version=4)
        place = {"metadata": {"path": str(path.parent)}}
        self.client = NotebookClient(
            copy.deepcopy(self.stored), timeout=CELL_SECONDS, allow_errors=True, resources=place
        )
        self.interruptions, self.faults = 0, []

    async def run(self, number: int) -> float:
        """Run a cell; return how many seconds it took."""
        start = time.perf_counter()
        await self.client.async_execute_cell(self.client.nb.cells[number], number)
        return time.perf_counter() - start

    async def interrupt(self, number: int, after: float) -> None:
        """Run a cell and interrupt it after some seconds."""
        running = asyncio.create_task(self.run(number))
        await asyncio.sleep(after)
        await self.client.km.interrupt_kernel()
        await running
        self.interruptions += "KeyboardInterrupt" in text_of(self.client.nb.cells[number].outputs)

    def compare(self, number: int, when: str) -> None:
        """Note a fault where a cell's text is not the stored one."""
        stored, cell = self.stored.cells[number], self.client.nb.cells[number]
        if NOT_COMPARED in stored.metadata.get("tags", []):
            return
        if text_of(cell.outputs) != text_of(stored.outputs):
            self.faults.append(
                f"{when}, this cell does not give its stored output:\n{stored.source}\n"
                f"stored:\n{text_of(stored.outputs)}\nnow:\n{text_of(cell.outputs)}"
            )

    async def test(self) -> bool:
        """Run the lesson with its interruptions; return whether all of it was as stored."""
        async with self.client.async_setup_kernel(stderr=subprocess.DEVNULL):
            for number, cell in enumerate(self.stored.cells):
                if cell.cell_type != "code":
                    continue
                seconds = await self.run(number)
                self.compare(number, "Run in order")
                if seconds > SECONDS_WORTH_INTERRUPTING and number > 1:  # not the imports
                    await self.interrupt(number, after=seconds / 3)
                    await self.run(number)
                    self.compare(number, "Interrupted and run again")
        if not self.interruptions:
            self.faults.append("No cell was interrupted: none took long enough.")
        print(f"  {self.path.name}: {self.interruptions} cells interrupted", flush=True)
        print("\n\n".join(self.faults), end="\n" if self.faults else "", flush=True)
        return not self.faults


async def test_interrupted() -> bool:
    """Interrupt the lessons, as many at a time as there are cores."""
    lessons = [p for p in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")) if "solutions" not in p.name]
    if fashion_mnist.find().is_stand_in:
        print("  Lesson 05 is left out: its stored numbers are those of the real files.")
        lessons = [path for path in lessons if not path.name.startswith("05")]
    places = asyncio.Semaphore(min(4, os.cpu_count() or 1))

    async def in_turn(path: Path) -> bool:
        async with places:
            return await Interrupted(path).test()

    return all(await asyncio.gather(*map(in_turn, lessons)))


def main() -> int:
    """Run both; return the exit status."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the notebooks run side by side
    print("Every cell twice in a row, then all cells once more:", flush=True)
    as_stored = test_repeated()
    print("Slow cells interrupted and run again:", flush=True)
    return 0 if asyncio.run(test_interrupted()) and as_stored else 1


if __name__ == "__main__":
    sys.exit(main())
