"""For those who write and test exercises: cells of the notebooks, and answers run like cells."""

from __future__ import annotations

import ast
import contextlib
import importlib
import io
import itertools
import json
import linecache
import re
import sys
import textwrap
from types import ModuleType
from typing import Any

from . import engine

CALL = re.compile(r"^exercises\.(\w+)\.check\((.*)\)$", re.MULTILINE)
_numbers = itertools.count(1)


def lessons() -> list[str]:
    """Return the numbers of the lessons that have exercises."""
    folder = engine.NOTEBOOKS / "course" / "exercises"
    return [path.stem[-2:] for path in sorted(folder.glob("lesson[0-9][0-9].py"))]


def module(lesson: str) -> ModuleType:
    """Return the module with a lesson's checks."""
    return importlib.import_module(f"course.exercises.lesson{lesson}")


def names(lesson: str) -> list[str]:
    """Return the names of a lesson's exercises, in order."""
    parts = vars(module(lesson)).items()
    return [name for name, part in parts if isinstance(part, engine.Exercise)]


def cells(lesson: str, solutions: bool = False) -> list[dict[str, Any]]:
    """Return the cells of a lesson, or of its solutions notebook, each with its whole source."""
    pattern = f"solutions-{lesson}.ipynb" if solutions else f"{lesson}-*.ipynb"
    (path,) = engine.NOTEBOOKS.glob(pattern)
    content = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [{**cell, "source": "".join(cell["source"])} for cell in content]


def section(lesson: str) -> list[dict[str, Any]]:
    """Return the cells of the section Exercises, from its heading to the next of its level."""
    inside, found = False, []
    for cell in cells(lesson):
        if cell["cell_type"] == "markdown" and (
            heading := re.match(r"(?:.*\n)?## (.+)", cell["source"])
        ):
            inside = heading[1].strip() == "Exercises"
        if inside:
            found.append(cell)
    return found


def answer_cells(lesson: str, solutions: bool = False) -> dict[str, str]:
    """Return the first code cell of each exercise that holds its check, by the exercise's name."""
    found: dict[str, str] = {}
    for cell in cells(lesson, solutions):
        if cell["cell_type"] == "code" and (call := CALL.search(cell["source"])):
            found.setdefault(call[1], cell["source"])
    return found


def run(*sources: str, namespace: dict[str, Any] | None = None) -> str:
    """Run code as Jupyter runs cells, in one fresh namespace, and return what it prints."""
    space = {"__name__": "__main__"} if namespace is None else namespace
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for source in sources:
            name = f"<cell {next(_numbers)}>"
            linecache.cache[name] = (len(source), None, source.splitlines(True), name)
            exec(compile(source, name, "exec"), space)
    return printed.getvalue()


def verdict(lesson: str, name: str, answer: str) -> str:
    """Return what the check says about an answer: code that defines what the stub defines."""
    call = CALL.search(answer_cell_call(lesson, name))[0]
    source = textwrap.dedent(answer).strip("\n")
    return run("import torch\n" + preamble(lesson), source + "\n\n" + call)


def preamble(lesson: str) -> str:
    """Return the import of a lesson's checks."""
    return f"from course.exercises import lesson{lesson} as exercises"


def answer_cell_call(lesson: str, name: str) -> str:
    """Return the line of the lesson that checks an exercise."""
    source = answer_cells(lesson)[name]
    return next(line for line in source.splitlines() if CALL.match(line))


def spoilt(source: str) -> str:
    """Return a stub's cell with an answer that is surely wrong."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.body = ast.parse("raise RuntimeError('a wrong answer')").body
        if isinstance(node, ast.Assign) and ast.unparse(node.value) == "...":
            node.value = ast.Constant("a wrong answer")
    return ast.unparse(tree)


def run_section(lesson: str, answers: dict[str, str]) -> dict[str, str]:
    """Run a lesson's imports and its section Exercises from top to bottom in one namespace.

    Parameters
    ----------
    lesson : str
        Its number, such as "01".
    answers : dict
        Cells to put in the place of stubs, by the exercise's name.

    Returns
    -------
    dict
        What each exercise's cell prints.
    """
    space: dict[str, Any] = {"__name__": "__main__"}
    first = next(cell for cell in cells(lesson) if cell["cell_type"] == "code")
    imports = [line for line in first["source"].splitlines() if "import " in line]
    run("\n".join(imports), namespace=space)
    said = {}
    for cell in section(lesson):
        if cell["cell_type"] == "code":
            call = CALL.search(cell["source"])
            source = answers.get(call[1], cell["source"]) if call else cell["source"]
            printed = run(source, namespace=space)
            if call:
                said[call[1]] = printed
    return said


def signatures(source: str) -> list[str]:
    """Return the names, and of functions and classes the parameters, that a cell defines."""
    found = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            found.append(f"{node.name}({ast.unparse(node.args)})")
        elif isinstance(node, ast.ClassDef):
            methods = [part for part in node.body if isinstance(part, ast.FunctionDef)]
            parts = [f"{part.name}({ast.unparse(part.args)})" for part in methods]
            found.append(f"class {node.name}: {', '.join(parts)}")
    return found


def main() -> None:
    """Show a lesson's section with the stubs, with the solutions, and with each answer spoilt.

    Called as `python -m course.exercises.authoring 01` from the folder of the notebooks.
    """
    (lesson,) = sys.argv[1:]
    solved = answer_cells(lesson, solutions=True)
    for title, answers in [
        ("stubs", {}),
        ("solutions", solved),
        *[(f"{n} spoilt", solved | {n: spoilt(s)}) for n, s in answer_cells(lesson).items()],
    ]:
        print(f"--- {title}")
        for name, text in run_section(lesson, answers).items():
            print(f"{name}: {text.rstrip()}")


if __name__ == "__main__":
    main()
