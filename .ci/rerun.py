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
from execute import CELL_SECONDS, ROOT, VARIES, side_by_side, with_stored_numbers
from nbclient import NotebookClient
from nbformat import NotebookNode

NOTEBOOKS = ROOT / "notebooks"
SECONDS_WORTH_INTERRUPTING = 0.5


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
        if VARIES in stored.metadata.get("tags", []):
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
        print(f"  {self.path.name}: {self.interruptions} cells interrupted", flush=True)
        print("\n\n".join(self.faults), end="\n" if self.faults else "", flush=True)
        return not self.faults


async def test_interrupted(lessons: list[Path]) -> bool:
    """Interrupt the lessons; return whether all went on as stored, and any was slow enough."""
    tests = {path: Interrupted(path) for path in lessons}
    as_stored = await side_by_side(lambda path: tests[path].test(), lessons)
    if not any(test.interruptions for test in tests.values()):
        print("No cell took long enough to be interrupted.")
        return False
    return all(as_stored)


def main() -> int:
    """Run both; return the exit status."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the notebooks run side by side
    notebooks = with_stored_numbers(sorted(NOTEBOOKS.glob("[0-9]*.ipynb")))  # fetches the data
    print("Every cell twice in a row, then all cells once more:", flush=True)
    as_stored = test_repeated()
    print("Slow cells interrupted and run again:", flush=True)
    lessons = [path for path in notebooks if "solutions" not in path.name]
    return 0 if asyncio.run(test_interrupted(lessons)) and as_stored else 1


if __name__ == "__main__":
    sys.exit(main())
