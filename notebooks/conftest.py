"""How pytest runs the notebooks: strictly, cell by cell, each notebook in an ordinary kernel.

A notebook whose metadata says `"course": {"needs": ["fashion-mnist"]}` stores the outputs of the
official files. Where only the drawn stand-in can be had, it is run without comparing its outputs.

A learner's own notebooks are left alone. In a cell tagged `chaotic-figure` training multiplies the
rounding errors, in which CPUs differ: of its figure all is compared but the numbers.
"""

import re
from functools import cache

import nbformat
import pytest

from course import fashion_mnist, notebooks

NEEDS_DATA = pytest.StashKey[bool]()
NUMBER = re.compile(r"-?\b(\d[\d.]*(e[+-]?\d+)?|nan|inf)\b")
HINT = re.compile(r" Hint: enable anomaly detection.*", re.DOTALL)  # its words change
PADDING = re.compile(r"(?<=[\[( ]) +")
OFFICIAL = "official Fashion-MNIST"  # the property with which a cell reports what it ran on


def pytest_addoption(parser):
    """Add the option that tests whether cells can be run again."""
    help_text = "run every cell of a notebook twice in a row, then all of them once more"
    parser.addoption("--twice", action="store_true", help=help_text)


@cache
def official_data() -> bool:
    """Look for Fashion-MNIST, once in a process, and tell whether the official files are here."""
    try:
        return not fashion_mnist.find().is_stand_in
    except fashion_mnist.DataError:  # the notebook's cell says why
        return False


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Get ready what a notebook needs, just before its kernel starts."""
    if item.path.suffix == ".ipynb":
        # Where Matplotlib makes its font cache, or a temporary folder for that, which kernels
        # inherit, it says so on stderr: here, where no cell's output is compared.
        import matplotlib.font_manager  # noqa: F401
    if item.parent.stash.get(NEEDS_DATA, False):
        item.options["check"] &= official_data()
        item.user_properties.append((OFFICIAL, official_data()))


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Let the unit tests compute with one thread, as `course.begin` does in the notebooks."""
    import torch

    torch.set_num_threads(1)


def pytest_ignore_collect(collection_path, config):
    """Leave out notebooks that are not the course's, and solutions: other tests run these faster.

    What the command line names is run.
    """
    named = {arg.split("::")[0].replace("\\", "/").split("/")[-1] for arg in config.args}
    is_solutions = collection_path.name.startswith("solutions")
    is_wanted = notebooks.is_of_course(collection_path) and not is_solutions
    is_left = collection_path.suffix == ".ipynb" and not is_wanted
    return True if is_left and collection_path.name not in named else None


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    """Decide for each notebook whether outputs are compared and how often its cells are run."""
    collected = yield
    if file_path.suffix == ".ipynb":
        for notebook in collected:
            notebook.stash[NEEDS_DATA] = fashion_mnist.needed_by(file_path)
            notebook.get_kernel_message = with_updates(notebook.get_kernel_message)
            if parent.config.option.twice:
                notebook.collect = cells_again(notebook.collect)
            notebook.collect = without_accidents(notebook.collect)
    return collected


def with_updates(get_kernel_message):
    """Return a `get_kernel_message` that lets a live figure count as what it was at the end.

    nbval keeps what a display showed first, and knows no updates; so they change what it keeps.
    """
    shown = {}

    def get_and_update(*args, **kwargs):
        message = get_kernel_message(*args, **kwargs)
        content = message["content"]
        if display_id := content.get("transient", {}).get("display_id"):
            data = content["data"] = nbformat.from_dict(content["data"])
            if message["msg_type"] == "update_display_data" and display_id in shown:
                shown[display_id].update(data)
            else:
                shown[display_id] = data
        return message

    return get_and_update


def without_accidents(collect):
    """Return a `collect` whose cells compare what a notebook says, not how this machine says it."""

    def hidden_numbers(text):
        is_figure = isinstance(text, str) and text.startswith("Figure with ")
        return NUMBER.sub("#", text) if is_figure else unpadded(text)

    def collect_cells():
        for cell in collect():
            is_chaotic = "chaotic-figure" in cell.cell.metadata.get("tags", [])
            cell.sanitize = hidden_numbers if is_chaotic else unpadded
            if cell.cell.source.strip() == "exercises.progress()":
                cell.options["check"] = False  # a learner answers after it has been run
            yield cell

    return collect_cells


def unpadded(text):
    """Return a text without two accidents of PyTorch's versions.

    These are the spaces that it put before numbers in tensors, and a hint at the end of an error.
    """
    return HINT.sub("", PADDING.sub("", text)) if isinstance(text, str) else text


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


def pytest_terminal_summary(terminalreporter):
    """Say which data the notebooks ran on, if one of them needs it."""
    ran_on = {}
    for report in (report for kind in terminalreporter.stats.values() for report in kind):
        for name, value in getattr(report, "user_properties", ()):
            if name == OFFICIAL:
                ran_on.setdefault(value, set()).add(report.nodeid.split("::")[0].split("/")[-1])
    for official, names in ran_on.items():
        on = "run WITHOUT comparing their outputs, as the official Fashion-MNIST is not here"
        if official:
            on = "compared, on the official Fashion-MNIST"
        terminalreporter.write_line(f"{' and '.join(sorted(names))}: {on}.")
