"""The test run itself: what a learner would see go wrong turns it red."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from d2l import torch as d2l

NOTEBOOKS = Path(__file__).parents[2]
BEGIN = "import course\n\ncourse.begin(seed=0)"


def run(folder, *cells, options=()):
    """Let pytest, set up as in the repository, run a notebook of cells that print nothing."""
    run_once = [nbformat.v4.new_code_cell(cell, execution_count=1) for cell in cells]
    notebook = nbformat.v4.new_notebook(cells=run_once)
    nbformat.write(notebook, folder / "notebook.ipynb")
    shutil.copy(NOTEBOOKS / "conftest.py", folder)
    configuration = [f"--config-file={NOTEBOOKS.parent / '.pytest.ini'}", f"--rootdir={folder}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *configuration, "-n0", *options, "notebook.ipynb"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{NOTEBOOKS}"},
        capture_output=True,
        text=True,
    )
    return done.stdout


@pytest.mark.parametrize("warning", ["", "import warnings; warnings.warn('old', FutureWarning)\n"])
def test_a_warning_at_the_import_of_d2l_is_seen(tmp_path, warning):
    package = tmp_path / "d2l"
    package.mkdir()
    (package / "__init__.py").touch()
    source = Path(d2l.__file__).read_text(encoding="utf-8")
    (package / "torch.py").write_text(warning + source, encoding="utf-8")
    said = run(tmp_path, BEGIN)
    if warning:
        assert (
            "1 failed" in said and "Unexpected output fields from running code: {'stderr'}" in said
        )
    else:
        assert "1 passed" in said


def test_twice_finds_a_cell_that_cannot_be_run_again(tmp_path):
    cells = ["x = 1", "x += 1", "assert x == 2"]
    assert "3 passed" in run(tmp_path, *cells)
    assert "9 passed" in run(tmp_path, "x = 1", "x = 2", "assert x == 2", options=["--twice"])
    assert "failed" in run(tmp_path, *cells, options=["--twice"])
