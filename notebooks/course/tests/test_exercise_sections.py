"""What holds for the exercises of every notebook, in it and in the lesson's solutions.

A learner may have answered them, and saved the notebook.
"""

import ast
import copy
import re

import matplotlib.pyplot as plt
import nbformat
import pytest
import torch
from exercise_testing import modules, run
from IPython.lib.pretty import pretty

from course.exercises import engine, known_answers
from course.notebooks import FOLDER, lesson

RECORDS = {name: engine.exercises_of(module.__name__) for name, module in modules().items()}
each_module = pytest.mark.parametrize("module", RECORDS)
each_exercise = pytest.mark.parametrize(
    ("module", "name"), [(module, each.name) for module in RECORDS for each in RECORDS[module]]
)


def notebook(module):
    """Return the notebook with the exercises of a module, such as "lesson01" or "deeper01"."""
    kind, number = module[:-2], module[-2:]
    return lesson(number) if kind == "lesson" else FOLDER / f"{kind}-{number}.ipynb"


def solutions(module):
    return known_answers.answer_cells(known_answers.NOTEBOOKS / f"solutions-{module[-2:]}.ipynb")


def section(module):
    """Return the cells of the section Exercises, from its heading to the next of its level."""
    inside, found = False, []
    for cell in nbformat.read(notebook(module), as_version=4).cells:
        heading = (
            re.search(r"^## (.+)", cell.source, re.M) if cell.cell_type == "markdown" else None
        )
        inside = heading[1].strip() == "Exercises" if heading else inside
        found += [cell] * inside
    return found


def run_section(module, answers):
    """Run the section in one namespace, with answers in the place of stubs.

    Returns what each exercise's cell prints, and last what `progress` does.
    """
    space = {"__name__": "__main__"}
    cells = nbformat.read(notebook(module), as_version=4).cells
    first = next(cell for cell in cells if cell.cell_type == "code")
    run("\n".join(line for line in first.source.splitlines() if "import " in line), namespace=space)
    said = {}
    for cell in section(module):
        if cell.cell_type == "code" and "exercises" in cell.source:  # a learner may try things
            call = re.search(r"^exercises\.(\w+)", cell.source, re.M)
            name = call[1] if call else ""
            said[name] = run(answers.get(name, cell.source), namespace=space)
    return said


def spoilt(source):
    """Return an exercise's cell with an answer that is surely wrong."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.body = ast.parse("raise RuntimeError('a wrong answer')").body
    answers = {ast.unparse(argument) for argument in tree.body[-1].value.args}
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in answers:
            node.value = ast.Constant("a wrong answer")
    return ast.unparse(tree)


@each_exercise
def test_a_single_answer_wrong_and_all_others_right(module, name):
    stub = known_answers.answer_cells(notebook(module))[name]
    said = run_section(module, solutions(module) | {name: spoilt(stub)})
    progress = said.pop("progress")
    said.pop("", None)
    for other, text in said.items():
        assert text.startswith("✘ Not yet: " if other == name else "✔ Right. "), f"{other}: {text}"
    assert f"Next: mend `{name}`" in " ".join(progress.split())


@each_exercise
def test_solution_is_shown_without_its_check(module, name, capsys):
    next(each for each in RECORDS[module] if each.name == name).solution()
    shown = capsys.readouterr().out.strip()
    assert shown and ".check(" not in shown and shown in solutions(module)[name]


def unpadded(text):
    """Return a text without the spaces that PyTorch before 2.14 puts before numbers in tensors."""
    return re.sub(r"(?<=[\[( ]) +", "", text)


def shown(source, namespace):
    """Run a cell and return as text what it prints and the value of its last line."""
    tree = ast.parse(source)
    if isinstance(tree.body[-1], ast.Expr):
        tree.body[-1] = ast.Assign([ast.Name("last_value", ast.Store())], tree.body[-1].value)
    printed = run(ast.unparse(ast.fix_missing_locations(tree)), namespace=namespace)
    value = namespace.pop("last_value", None)
    return printed + (f"{pretty(value)}\n" if value is not None else "")


@pytest.mark.parametrize(
    "path", sorted(known_answers.NOTEBOOKS.glob("solutions-*.ipynb")), ids=lambda path: path.name
)
def test_solutions_print_what_is_stored(path, monkeypatch):
    """As nbval does, but without a kernel for each notebook, which takes longer than the cells."""
    namespace, options = {"__name__": "__main__"}, copy.copy(torch._tensor_str.PRINT_OPTS)
    monkeypatch.setattr(torch._tensor_str, "PRINT_OPTS", options)  # given back afterwards
    with plt.rc_context(), torch.random.fork_rng():
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                texts = [out.get("text") or out["data"]["text/plain"] for out in cell.outputs]
                stored = "".join(text.rstrip("\n") + "\n" for text in texts)
                assert unpadded(shown(cell.source, namespace)) == unpadded(stored), cell.source
