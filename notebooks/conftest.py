"""How pytest runs the notebooks: strictly, cell by cell, each notebook in an ordinary kernel.

A notebook whose metadata says `"course": {"needs": ["fashion-mnist"]}` stores the outputs of the
official files. Where only the drawn stand-in can be had, it is run without comparing its outputs.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from course import fashion_mnist

OFFICIAL_DATA = pytest.StashKey[bool]()


def needs_fashion_mnist(path: Path) -> bool:
    """Tell whether the stored outputs of a notebook are those of the official files."""
    metadata = json.loads(path.read_text(encoding="utf-8"))["metadata"]
    return "fashion-mnist" in metadata.get("course", {}).get("needs", [])


def pytest_addoption(parser):
    """Add the option that tests whether cells can be run again."""
    help_text = "run every cell of a notebook twice in a row, then all of them once more"
    parser.addoption("--twice", action="store_true", help=help_text)


def pytest_sessionstart(session):
    """Look for Fashion-MNIST once, before the worker processes start, and tell them the answer."""
    config = session.config
    if hasattr(config, "workerinput"):
        config.stash[OFFICIAL_DATA] = config.workerinput["official_data"]
        return
    try:
        config.stash[OFFICIAL_DATA] = not fashion_mnist.find().is_stand_in
    except fashion_mnist.DataError as error:
        pytest.exit(str(error), returncode=1)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """Hand a worker process of pytest-xdist what was found."""
    node.workerinput["official_data"] = node.config.stash[OFFICIAL_DATA]


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Let the unit tests compute with one thread, as `course.begin` does in the notebooks."""
    import torch

    torch.set_num_threads(1)


def pytest_ignore_collect(collection_path, config):
    """Give solutions a kernel only if they are asked for: `test_exercise_sections` runs them."""
    named = {arg.split("::")[0].replace("\\", "/").split("/")[-1] for arg in config.args}
    is_left = collection_path.match("solutions-*.ipynb") and collection_path.name not in named
    return True if is_left else None


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    """Decide for each notebook whether outputs are compared and how often its cells are run."""
    collected = yield
    if file_path.suffix == ".ipynb":
        for notebook in collected:
            if needs_fashion_mnist(file_path):
                notebook.compare_outputs &= parent.config.stash[OFFICIAL_DATA]
            if parent.config.option.twice:
                notebook.collect = cells_again(notebook.collect)
    return collected


def cells_again(collect):
    """Return a `collect` that yields each cell twice in a row, then all cells once more."""

    def collect_again():
        cells = list(collect())
        order = [cell for cell in cells for _ in range(2)] + cells
        for number, cell in enumerate(order):
            yield type(cell).from_parent(
                cell.parent,
                name=f"{cell.name}, run {number}",
                cell_num=cell.cell_num,
                cell=cell.cell,
                options=cell.options,
            )

    return collect_again


def pytest_terminal_summary(terminalreporter, config):
    """Say which data the notebooks ran on, if one of them needs it."""
    reports = [report for kind in terminalreporter.stats.values() for report in kind]
    files = {getattr(report, "nodeid", "").split("::")[0] for report in reports}
    notebooks = [config.rootpath / name for name in files if name.endswith(".ipynb")]
    names = sorted(path.name for path in notebooks if needs_fashion_mnist(path))
    if names:
        on = "compared, on the official Fashion-MNIST"
        if not config.stash[OFFICIAL_DATA]:
            on = "run WITHOUT comparing their outputs, on the drawn stand-in"
        terminalreporter.write_line(f"{' and '.join(names)}: {on}.")
