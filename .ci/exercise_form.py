"""The form of the committed exercises: stub, hints, check and solution fit (`make lint`).

A learner's answers are no fault of the tests: these here are for who commits.
"""

import ast
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "notebooks"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "notebooks/course/tests"))
from test_exercise_sections import RECORDS, each_exercise, each_module, notebook, section, solutions

from course.exercises.known_answers import answer_cells


def solved_together(module):
    """Return the exercises of all modules that share a solutions notebook, in order."""
    return [each for other in RECORDS if other[-2:] == module[-2:] for each in RECORDS[other]]


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
    assert list(answer_cells(notebook(module))) == names, f"the notebook has {ends}"
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
    stub, solved = answer_cells(notebook(module))[name], solutions(module)[name]
    assert stub[stub.index("exercises.") :] == solved[solved.index("exercises.") :]
    assert signatures(stub) <= signatures(solved)


@each_module
def test_stubs_are_stored_untouched(module):
    cells = [cell for cell in section(module) if ".check(" in cell.source]
    said = [cell.outputs[0].data["text/plain"] for cell in cells if cell.cell_type == "code"]
    assert said and all(text.startswith("○ Not attempted: ") for text in said)
