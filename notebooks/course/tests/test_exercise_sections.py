"""What holds for the exercises of every notebook, in it and in the lesson's solutions."""

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

RECORDS = {name: engine.exercises_of(module.__name__) for name, module in modules().items()}
each_module = pytest.mark.parametrize("module", RECORDS)
each_exercise = pytest.mark.parametrize(
    ("module", "name"), [(module, each.name) for module in RECORDS for each in RECORDS[module]]
)


def notebook(module):
    """Return the notebook with the exercises of a module, such as "lesson01" or "deeper01"."""
    kind, lesson = module[:-2], module[-2:]
    (path,) = known_answers.NOTEBOOKS.glob(
        f"{lesson}-*.ipynb" if kind == "lesson" else f"{kind}-{lesson}*"
    )
    return path


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


def solved_together(module):
    """Return the exercises of all modules that share a solutions notebook, in order."""
    return [each for other in RECORDS if other[-2:] == module[-2:] for each in RECORDS[other]]


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
        if cell.cell_type == "code":
            call = re.search(r"^exercises\.(\w+)", cell.source, re.M)
            name = call[1] if call else ""
            said[name] = run(answers.get(name, cell.source), namespace=space)
    return said


def spoilt(source):
    """Return a stub's cell with an answer that is surely wrong."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.body = ast.parse("raise RuntimeError('a wrong answer')").body
        if isinstance(node, ast.Assign) and ast.unparse(node.value) == "...":
            node.value = ast.Constant("a wrong answer")
    return ast.unparse(tree)


def signatures(source):
    """Return the names, and of functions and classes the parameters, that a cell defines."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            found.add(f"{node.name}({ast.unparse(node.args)})")
        elif isinstance(node, ast.ClassDef):
            found.add(f"class {node.name}")
    return found


@each_module
def test_stubs_and_solutions_are_those_of_the_module_in_its_order(module):
    names = [each.name for each in RECORDS[module]]
    ends = "cells that end in `exercises.NAME.check(...)`, in the order of the records"
    assert list(known_answers.answer_cells(notebook(module))) == names, f"the notebook has {ends}"
    together = [each.name for each in solved_together(module)]
    assert list(solutions(module)) == together, f"the solutions notebook has {ends}"
    text = "\n".join(cell.source for cell in section(module) if cell.cell_type == "markdown")
    for part in ("### Exercise ", "<summary>Hint 1</summary>"):
        assert text.count(part) == len(names), f"under `## Exercises` each exercise has {part!r}"
    hints = text.count("<details>"), text.count("</details>"), text.count("</summary>\n\n")
    assert len(set(hints)) == 1, "each hint is closed, and an empty line follows its summary"
    last = section(module)[-1].source
    assert last == "exercises.progress()", "the last cell shows the progress"


@each_exercise
def test_stub_and_solution_agree(module, name):
    stub, solved = known_answers.answer_cells(notebook(module))[name], solutions(module)[name]
    assert stub[stub.index("exercises.") :] == solved[solved.index("exercises.") :]
    assert signatures(stub) <= signatures(solved)


@each_module
def test_untouched_stubs(module):
    said = run_section(module, {})
    assert f"0 of {len(RECORDS[module])} solved." in said.pop("progress")
    said.pop("", None)
    assert {text[0] for text in said.values()} == {"○"}


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
                assert shown(cell.source, namespace) == stored, cell.source
