"""The test run itself: what a learner would see go wrong turns it red."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat

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


def write(path, *cells, **course):
    """Write a notebook whose cells, as stored, print nothing."""
    cells = [nbformat.v4.new_code_cell(cell, execution_count=1) for cell in cells]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"course": course})
    nbformat.write(notebook, path)


def test_run_is_strict_and_looks_for_the_data_once_where_a_notebook_needs_it(tmp_path):
    write(tmp_path / "first.ipynb", *CELLS)
    write(tmp_path / "second.ipynb", "print('a drawn garment')", needs=["fashion-mnist"])
    (tmp_path / "old.py").write_text("import warnings; warnings.warn('old', FutureWarning)")
    conftest = (NOTEBOOKS / "conftest.py").read_text(encoding="utf-8")
    (tmp_path / "conftest.py").write_text(conftest + FIND, encoding="utf-8")
    configuration = [f"--config-file={NOTEBOOKS.parent / '.pytest.ini'}", f"--rootdir={tmp_path}"]
    no_folder = {"MPLCONFIGDIR": str(tmp_path / "old.py" / "below-a-file")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *configuration, "-n0", "--twice", "."],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{NOTEBOOKS}"} | no_folder,
        capture_output=True,
        text=True,
    ).stdout
    assert done.startswith("..F.....FF" + 11 * "." + " "), done  # each cell twice, then all again
    assert done.count("Unexpected output fields from running code: {'stderr'}") == 1
    assert "\nsecond.ipynb: run WITHOUT comparing their outputs, as the official " in done
