"""The test run itself: what a learner would see go wrong turns it red."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
from matplotlib import pyplot as plt

from course.figure_text import figure_text

NOTEBOOKS = Path(__file__).parents[2]
CELLS = (
    "import matplotlib.font_manager",  # there is neither a font cache nor a place for one
    "import old",  # warns at its import
    "x = 1",
    "x += 1",
    "assert x == 2",  # so the one before cannot be run twice in a row
    "from pathlib import Path; assert not Path('searched').exists()",
)
FIND = """
def find():
    open("searched", "x")  # fails at a second time
    return fashion_mnist.Dataset(".", is_stand_in=True)

fashion_mnist.find = find
"""


DRAW = """import matplotlib
matplotlib.use("module://matplotlib_inline.backend_inline")
import matplotlib.pyplot as plt
from course.figure_text import make_plain_text
make_plain_text()
figure, (left, right) = plt.subplots(1, 2)
left.plot([1, 2, 3], label="a line")
left.set_title("Title")
left.legend()
left.bar([1, 2], [3, 4])
right.imshow([[1, 2], [3, 4]])
"""
FIGURE_FAULTS = (
    "left.lines[0].set_ydata([1, 2, 3.1])",
    "left.lines[0].set_label('another line')",
    "left.set_title('Another title')",
    "left.containers[0][1].set_height(4.1)",
    "right.images[0].set_data([[1, 2], [3, 4.1]])",
)


def drawing(change, tags=()):
    """Return a cell that draws a figure with a change, and stores the figure without."""
    names = {}
    exec(DRAW, names)
    stored = {"text/plain": figure_text(names["figure"]), "image/png": "not compared"}
    plt.close("all")
    output = nbformat.v4.new_output("display_data", data=stored)
    source, metadata = f"{DRAW}{change}\nplt.show()", {"tags": [*tags]}
    cell = {"outputs": [output], "execution_count": 1, "metadata": metadata}
    return nbformat.v4.new_code_cell(source, **cell)


def write(path, *cells, **course):
    """Write a notebook whose cells, as stored, print nothing."""
    new = nbformat.v4.new_code_cell
    cells = [new(cell, execution_count=1) if isinstance(cell, str) else cell for cell in cells]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"course": course})
    nbformat.write(notebook, path)


def run(folder, *arguments, **variables):
    """Return what pytest, set up as in the repository, says of the notebooks in a folder."""
    configuration = [f"--config-file={NOTEBOOKS.parent / '.pytest.ini'}", f"--rootdir={folder}"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *configuration, "-n0", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{NOTEBOOKS}"} | variables,
        capture_output=True,
        text=True,
    ).stdout


def test_a_figure_that_shows_something_else_is_found_and_old_progress_left_alone(tmp_path):
    (tmp_path / "conftest.py").write_bytes((NOTEBOOKS / "conftest.py").read_bytes())
    chaotic = [
        drawing("left.lines[0].set_ydata([1, 2, 9])", ["chaotic-figure"]),
        drawing("left.set_title('Another title')", ["chaotic-figure"]),
    ]
    redraw = "from course.live_figure import show_live\nshow_live(figure)\n"
    green = [drawing(""), drawing("left.legend(loc='lower center')")]
    green += [drawing(f"left.set_title('First')\n{redraw}left.set_title('Title')\n{redraw}")]
    faults = [*FIGURE_FAULTS, f"{redraw}left.set_title('Last')\n{redraw}"]
    answered = ["class exercises:\n    progress = print", "exercises.progress()"]
    write(tmp_path / "01-figures.ipynb", *green, *map(drawing, faults), *chaotic, *answered)
    done = run(tmp_path, ".")
    assert done.startswith("...FFFFFF.F.. "), done


def test_run_is_strict_and_looks_for_the_data_once_where_a_notebook_needs_it(tmp_path):
    write(tmp_path / "01-first.ipynb", *CELLS)
    write(tmp_path / "02-second.ipynb", "print('a drawn garment')", needs=["fashion-mnist"])
    for learners_own in ("Untitled", "01-first-Copy1", ".ipynb_checkpoints/01-first-checkpoint"):
        (tmp_path / ".ipynb_checkpoints").mkdir(exist_ok=True)
        write(tmp_path / f"{learners_own}.ipynb", "print('unfinished'")
    (tmp_path / "old.py").write_text("import warnings; warnings.warn('old', FutureWarning)")
    conftest = (NOTEBOOKS / "conftest.py").read_text(encoding="utf-8")
    (tmp_path / "conftest.py").write_text(conftest + FIND, encoding="utf-8")
    no_folder = {"MPLCONFIGDIR": str(tmp_path / "old.py" / "below-a-file")}
    done = run(tmp_path, "--twice", ".", **no_folder)
    assert done.startswith("..F.....FF" + 11 * "." + " "), done  # each cell twice, then all again
    assert done.count("Unexpected output fields from running code: {'stderr'}") == 1
    assert "\n02-second.ipynb: run WITHOUT comparing their outputs, as the official " in done
