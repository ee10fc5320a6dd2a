"""The form of the committed notebooks: what a reader relies on, whatever they teach (`make lint`).

A learner's own notebooks, and what JupyterLab adds when a lesson is saved, are no fault of the
tests: these here are for who commits.
"""

import ast
import base64
import io
import re
import statistics
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from PIL import Image, ImageChops

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / ".ci/site"))
from terms import italics, terms


def committed() -> list[str]:
    """The names of all files that git knows here."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    return listed.stdout.splitlines()


NOTEBOOKS = sorted(
    ROOT / name for name in committed() if re.match(r"notebooks/[^/]*\.ipynb$", name)
)
LESSONS = [path for path in NOTEBOOKS if path.name[0].isdigit()]
TERMS = {name for path in NOTEBOOKS for name, *_ in terms(nbformat.read(path, as_version=4))}
TAGS = {"raises-exception", "nbval-ignore-output", "end-result", "control", "chaotic-figure"}
FOLDED = {"outputs_hidden": True}  # JupyterLab shows the stored output only when the cell is run
MOST_LINES = 15
SHORTEST_ALT = 20  # characters; "a plot" tells nobody anything
# A repr or a warning that no reader wants, and a path of the machine that ran the notebook.
NOISE = re.compile(r"\w*Warning:|<matplotlib|<Axes|<Figure|Text\(|<function|object at 0x")
PATH = re.compile(r"(?<![\w.:/])~?/(?:[\w.-]+/){2,}[\w.-]+|[A-Z]:\\")

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
each_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.name)


def code_cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def markdown_cells(path):
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "markdown"]


def tags(cell):
    return set(cell.metadata.get("tags", []))


def headings(path):
    """All headings in order, as (level, text); fenced code is not searched."""
    text = "\n\n".join(cell.source for cell in markdown_cells(path))
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return [(len(marks), title) for marks, title in re.findall(r"^(#+) +(.+?) *$", text, re.M)]


def anchor(title):
    """The link target that JupyterLab gives a heading."""
    return "#" + title.replace(" ", "-")


def shown_text(output):
    """What a reader sees of an output as text; nothing where a picture or a widget is shown."""
    if output.output_type == "stream":
        return output.text
    if output.output_type == "error":
        return re.sub(r"\x1b\[[\d;]*m", "", "\n".join(output.traceback))
    hidden = any(kind.startswith("image/") or "widget" in kind for kind in output.data)
    return "" if hidden else output.data.get("text/plain", "")


def test_nothing_else_is_committed_at_the_top():
    top = {name.split("/")[0].strip('"') for name in committed()}
    visible = {name for name in top if not name.startswith(".")}
    assert visible == {"Makefile", "README.md", "data", "notebooks", "requirements.txt"}


def test_each_lesson_has_its_solutions():
    numbers = [path.name[:2] for path in LESSONS]
    assert numbers == [f"{number:02}" for number in range(1, len(LESSONS) + 1)]
    others = {path.name for path in NOTEBOOKS} - {path.name for path in LESSONS}
    kinds = ("solutions", "deeper")
    assert others <= {f"{kind}-{lesson.name[:2]}.ipynb" for kind in kinds for lesson in LESSONS}
    missing = {f"solutions-{lesson.name[:2]}.ipynb" for lesson in LESSONS} - others
    assert not missing, f"CONTRIBUTING, Add lesson 06, says what belongs into {missing}"


@each_notebook
def test_is_valid_and_tidy(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert path.stat().st_size < 2e6
    assert set(notebook.metadata) - {"course"} == {"kernelspec", "language_info"}
    assert notebook.metadata.get("course", {}) in ({}, {"needs": ["fashion-mnist"]})
    assert notebook.metadata.kernelspec.name == "python3"
    assert set(notebook.metadata.language_info) == {"name"}
    for cell in notebook.cells:
        assert cell.source.strip(), f"an empty cell, id {cell.id}"
        assert set(cell.metadata) <= {"tags", "alt", "jupyter"}
        assert cell.metadata.get("jupyter", FOLDED) == FOLDED
        assert tags(cell) <= TAGS


@each_lesson
def test_opening(path):
    first, second = nbformat.read(path, as_version=4).cells[:2]
    number, opening = path.name[:2], first.source
    assert re.match(rf"# {number} \S", opening), f"the first cell begins with `# {number} Title`"
    shown = re.search(r"!\[[^\]]{20,}\]\(attachment:end-result\.png\)", opening)
    assert shown, "the first cell shows ![a sentence about it](attachment:end-result.png)"
    assert set(first.get("attachments", {})) == {"end-result.png"}, "`make refresh` attaches it"
    assert re.search(r"\b\d+ minutes\b", opening), "the first cell says how many minutes"
    assert second.cell_type == "code" and "course.begin(seed=" in second.source, second.source


def picture(png):
    return Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")


@each_lesson
def test_opening_shows_the_end_result_at_half_its_size(path):
    cells = [cell for cell in code_cells(path) if "end-result" in tags(cell)]
    assert len(cells) == 1, "one cell, that of the figure at the top, has the tag `end-result`"
    (cell,) = cells
    (figure,) = [output.data["image/png"] for output in cell.outputs if "data" in output]
    first = nbformat.read(path, as_version=4).cells[0]
    shown = picture(first.attachments["end-result.png"]["image/png"])
    assert ImageChops.difference(shown, picture(figure).reduce(2)).getbbox() is None


@each_notebook
def test_contents_lead_to_headings_and_headings_form_an_outline(path):
    levels = [level for level, _ in headings(path)]
    assert levels[0] == 1 and levels.count(1) == 1
    for before, level in zip(levels, levels[1:], strict=False):
        assert level <= before + 1, f"level {level} after level {before}"
    targets = {anchor(title) for _, title in headings(path)}
    contents, *rest = [re.findall(r"\]\((#[^)]*)\)", c.source) for c in markdown_cells(path)]
    assert {link for links in (contents, *rest) for link in links} <= targets
    if path in LESSONS:
        sections = {anchor(title) for level, title in headings(path) if level == 2}
        assert sections <= set(contents), "the first cell links each `##` heading"


@each_notebook
def test_pictures_have_alternative_text(path):
    for cell in markdown_cells(path):
        assert not re.search(r"!\[\s*\]", cell.source)
        for tag in re.findall(r"<img[^>]*>", cell.source):
            assert re.search(r'alt="[^"]+"', tag)


@each_notebook
def test_figures_have_alternative_text(path):
    for number, cell in enumerate(code_cells(path), 1):
        if any("image/png" in output.get("data", ()) for output in cell.outputs):
            alt = cell.metadata.get("alt", "")
            assert len(alt) >= SHORTEST_ALT, f"cell [{number}] says not what its figure shows"


@each_notebook
def test_cells_are_short(path):
    lengths = [len(cell.source.splitlines()) for cell in code_cells(path)]
    assert max(lengths) <= MOST_LINES, [i for i, n in enumerate(lengths, 1) if n > MOST_LINES]
    if path in LESSONS:  # a solution stands whole in its cell, for `solution()` to show
        assert statistics.median(lengths) <= 7


def names(source, kind, inside):
    """Names that code stores or loads, in its functions (local ones left out) or outside them."""
    found = set()
    for part in ast.parse(source).body:
        if isinstance(part, ast.FunctionDef) == inside:
            used = [node for node in ast.walk(part) if isinstance(node, ast.Name)]
            local = {node.id for node in used if isinstance(node.ctx, ast.Store)}
            local |= {node.arg for node in ast.walk(part) if isinstance(node, ast.arg)}
            found |= {node.id for node in used if isinstance(node.ctx, kind)} - (
                local if inside else set()
            )
    return found


@each_notebook
def test_a_control_moves_its_own_figure_also_when_all_cells_have_run(path):
    cells = code_cells(path)
    for number, cell in enumerate(cells):
        if "control" in tags(cell):
            used = names(cell.source, ast.Load, inside=True)
            for later in cells[number + 1 :]:
                taken = used & names(later.source, ast.Store, inside=False)
                assert not taken, f"{taken} of the control means something else in\n{later.source}"


@each_notebook
def test_no_cell_is_hidden_from_nbval(path):
    for cell in code_cells(path):
        assert "NBVAL" not in cell.source
        assert not cell.source.rstrip().endswith(";"), "nbval ignores a trailing semicolon"
        if "nbval-ignore-output" in tags(cell):
            assert re.search(r"^\s*assert ", cell.source, re.M), cell.source


@each_notebook
def test_outputs_are_complete_and_in_order(path):
    counts = [cell.execution_count for cell in code_cells(path)]
    assert counts == list(range(1, len(counts) + 1))


@each_notebook
def test_errors_are_where_the_tag_says(path):
    for cell in code_cells(path):
        errors = [output for output in cell.outputs if output.output_type == "error"]
        assert len(errors) == ("raises-exception" in tags(cell)), cell.source
        for error in errors:
            assert error.evalue.splitlines()[0] in error.traceback[-1]


@each_notebook
def test_outputs_hold_no_noise(path):
    for cell in code_cells(path):
        for output in cell.outputs:
            text = shown_text(output)
            assert output.get("name") != "stderr", text
            assert not NOISE.search(text) or "Warning" in cell.source, text
            assert not PATH.search(text), text


@each_lesson
def test_lessons_do_not_reach_for_the_path(path):
    for cell in code_cells(path):
        assert "sys.path" not in cell.source


@each_notebook
def test_terms_are_explained_once_and_before_they_are_used(path):
    notebook = nbformat.read(path, as_version=4)
    for name, number, match, is_first in [] if "solutions" in path.name else italics(notebook):
        assert is_first or name not in TERMS, (
            f"cell {number} explains *{match[1]}*, which stood before: explain it there, or, if it "
            f"is only stressed, write _{match[1]}_"
        )
