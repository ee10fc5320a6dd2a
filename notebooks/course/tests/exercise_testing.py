"""Runs answers to exercises as Jupyter runs cells; what the tests of the exercises share."""

from __future__ import annotations

import contextlib
import importlib
import io
import itertools
import linecache
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from course.exercises import known_answers

_numbers = itertools.count(1)


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


def modules() -> dict[str, ModuleType]:
    """Return the modules of records by name, each lesson's before that of its deeper notebook."""
    paths = known_answers.NOTEBOOKS.glob("course/exercises/*[0-9][0-9].py")
    names = sorted((path.stem for path in paths), key=lambda name: (name[-2:], name[0] == "d"))
    return {name: importlib.import_module(f"course.exercises.{name}") for name in names}


def verdict(module: str, name: str, source: str) -> str:
    """Return what the check says about an answer, in one line."""
    call = known_answers.solution_and_call(module[-2:], name)[1]
    imports = "import copy, math, torch\nimport numpy as np\nfrom torch import nn\n"
    imports += f"from course.exercises import {module} as exercises"
    return " ".join(run(imports, f"{source}\n\n{call}").split())


def read_answers(module: str, name: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield each known answer to an exercise: what it is, its code, the sentences that may be said.

    Those are none for a right answer. Besides the rows of the table those are the solution,
    and the solution with each known mistake and with each choice of the given code's bugs. Code
    below a line "of: what" changes another answer of the table, not the solution.
    """
    codes = {"": known_answers.solution_and_call(module[-2:], name)[0]}
    yield "the solution", codes[""], []
    for sentences, note, source in known_answers.known_mistakes(module, name):
        if not note.startswith("none"):
            # Where others fail alike it is not told how many bugs are mended.
            yield " + ".join(sentences), source, [f"{note}{sentences[0]}", *sentences]
    for mark, head, lines in known_answers.rows(module, name):
        if mark != "≈":
            what, _, sentence = head.partition(": ")
            base = lines.pop(0)[4:] if lines and lines[0].startswith("of: ") else ""
            are_changes = any(" =>" in line or line[:1] == "-" for line in lines)
            codes[what] = known_answers.changed(codes[base], lines) if are_changes else ""
            codes[what] = codes[what] or "\n".join(lines)
            yield what, codes[what], [sentence] * bool(sentence)


def matches(sentence: str, said: str) -> bool:
    """Tell whether a verdict's first sentence is this one.

    In it # stands for any number, and … for the words of an error that Python or PyTorch chooses.
    """
    pattern = re.escape(sentence).replace(r"\#", r"-?[\d.]+(?:e[-+]?\d+)?").replace("…", ".*?")
    rest = " in line | Tried with | The first call was | Your code printed| It runs under |$"
    return re.match(f"(?:✘ Not yet: )?{pattern}(?={rest})", said) is not None
