"""Runs answers to exercises as Jupyter runs cells; what the tests of the exercises share.

The right answer of an exercise is the cell of the solutions notebook. A table adds wrong answers,
each with the sentence that a learner should read, and right ones in other styles (`read_answers`).
"""

from __future__ import annotations

import contextlib
import importlib
import io
import itertools
import linecache
import random
import re
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from course.exercises import engine, expect

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


def modules(lesson: str) -> list[ModuleType]:
    """Return the modules with the exercises of a lesson and of its deeper notebook."""
    paths = sorted(engine.NOTEBOOKS.glob(f"course/exercises/*{lesson}.py"), reverse=True)
    return [importlib.import_module(f"course.exercises.{path.stem}") for path in paths]


class Answers:
    """The right answer of an exercise, from which other answers are made."""

    def __init__(self, lesson: str, name: str) -> None:
        self.lesson, self.name = lesson, name
        path = engine.NOTEBOOKS / f"solutions-{lesson}.ipynb"
        solution, _, self.call = engine.answer_cells(path)[name].rstrip().rpartition("\n")
        self.module = next(each for each in modules(lesson) if hasattr(each, name)).__name__
        self.solution = solution.strip("\n") + "\n"

    def verdict(self, source: str) -> str:
        """Return what the check says about an answer, in one line."""
        module = f"import {self.module} as exercises"
        common = f"import copy, math, torch\nimport numpy as np\nfrom torch import nn\n{module}"
        return " ".join(run(common, f"{source}\n\n{self.call}").split())


def changed(source: str, changes: list[str]) -> str:
    """Return code with pieces replaced: by lines `old => new`, or by lines - and + as in a diff."""
    pairs: list[tuple[list[str], list[str]]] = []
    last = " "
    for line in changes:
        if " =>" in line:
            old, new = line.split(" =>")
            pairs.append(([old], [new[1:]]))
        elif line[0] == "-":
            if last != "-":
                pairs.append(([], []))
            pairs[-1][0].append(line[2:])
        else:
            pairs[-1][1].append(line[2:])
        last = line[0] if " =>" not in line else " "
    for old, new in (("\n".join(a), "\n".join(b)) for a, b in pairs):
        assert old in source, f"{old!r} is not in\n{source}"
        source = source.replace(old, new)
    return source


def read_answers(lesson: str, table: str) -> Iterator[tuple[Answers, str, str, str | None]]:
    """Yield each answer of a table: the exercise, what is special, its code, the verdict.

    A line "# name" starts an exercise, "✔ what" a right answer, "✘ what: sentence" a wrong one,
    with the whole sentence that the learner reads, in which # stands for any number. Below it,
    indented by four, stand code of its own or changes of the solution, or after "of: what" of
    another answer's code; indented by two, the head goes on.
    """
    for section in re.split(r"^# ", table, flags=re.M)[1:]:
        name, *lines = section.splitlines()
        answers = Answers(lesson, name)
        codes = {"": answers.solution}
        for block in re.split(r"^(?=[✔✘])", "\n".join(lines), flags=re.M)[1:]:
            body = [line[4:] for line in block.rstrip().splitlines() if line[:4].strip() == ""]
            head = " ".join(block[: block.find("\n    ")].split()) if body else block.strip()
            what, _, sentence = head[2:].partition(": ")
            base = body.pop(0)[4:] if body and body[0].startswith("of: ") else ""
            are_changes = any(" =>" in line or line[:1] == "-" for line in body)
            codes[what] = changed(codes[base], body) if are_changes or not body else "\n".join(body)
            yield answers, what, codes[what], sentence or None


def matches(sentence: str, said: str) -> bool:
    """Tell whether a verdict's first sentence is this one, in which # stands for any number."""
    pattern = re.escape(sentence).replace(r"\#", r"-?[\d.]+(?:e[-+]?\d+)?")
    rest = " in line | Tried with | The first call was | Your code printed|$"
    return re.match(f"(?:✘ Not yet: )?{pattern}(?={rest})", said) is not None


def answer_test(lesson: str, table: str) -> Any:
    """Return the test of all answers of a table; its inputs are the same in each run."""
    cases = [
        pytest.param(answers, source, sentence, id=f"{answers.name}: {what}")
        for answers, what, source, sentence in read_answers(lesson, table)
    ]

    @pytest.mark.parametrize(("answers", "source", "sentence"), cases)
    def test_answer(answers: Answers, source: str, sentence: str | None, monkeypatch) -> None:
        monkeypatch.setattr(expect.secrets, "randbits", random.Random(source).getrandbits)
        if sentence and sentence.startswith("still running"):
            record = getattr(sys.modules[answers.module], answers.name)
            monkeypatch.setattr(record, "seconds", 0.5)
        for _ in range(1 if sentence else 3):  # each time with other random inputs
            said = answers.verdict(source)
            assert matches(sentence, said) if sentence else said.startswith("✔ Right. "), said

    return test_answer
