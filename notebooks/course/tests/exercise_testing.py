"""Runs answers to exercises as Jupyter runs cells; what the tests of the exercises share.

The right answer of an exercise is the cell of the solutions notebook. A wrong answer, or a right
one in another style, is that cell with some pieces replaced, or code of its own.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import itertools
import linecache
import random
import re
import textwrap
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


class Answers:
    """The right answer of an exercise, and tests made of it."""

    def __init__(self, lesson: str, name: str) -> None:
        self.lesson, self.name = lesson, name
        path = engine.NOTEBOOKS / f"solutions-{lesson}.ipynb"
        self.solution, _, call = engine.answer_cells(path)[name].rstrip().rpartition("\n")
        self.call = call

    def source(self, pieces: tuple[str, ...]) -> str:
        """Return code of its own, or the solution with pieces replaced: old, new, old, new, ..."""
        if len(pieces) == 1:
            return textwrap.dedent(pieces[0])
        answer = self.solution
        for old, new in zip(pieces[::2], pieces[1::2], strict=True):
            assert old in answer, f"{old!r} is not in\n{answer}"
            answer = answer.replace(old, new)
        return answer

    def verdict(self, source: str) -> str:
        """Return what the check says about an answer, in one line."""
        module = f"from course.exercises import lesson{self.lesson} as exercises"
        common = f"import copy, math, torch\nimport numpy as np\nfrom torch import nn\n{module}"
        return " ".join(run(common, f"{source}\n\n{self.call}").split())

    def right(self, what: str, *pieces: str) -> Any:
        """Return a case of `test`: this answer should be accepted."""
        return pytest.param(self, self.source(pieces), None, id=f"{self.name}: {what}")

    def wrong(self, what: str, sentence: str, *pieces: str) -> Any:
        """Return a case of `test`: this answer should be refused with this sentence.

        In the sentence # stands for any number.
        """
        return pytest.param(self, self.source(pieces), sentence, id=f"{self.name}: {what}")


def matches(sentence: str, said: str) -> bool:
    """Tell whether a verdict's first sentence is this one, in which # stands for any number."""
    pattern = re.escape(sentence).replace(r"\#", r"-?[\d.]+(?:e[-+]?\d+)?")
    rest = " in line | Tried with | The first call was | Your code printed|$"
    return re.match(f"(?:✘ Not yet: )?{pattern}(?={rest})", said) is not None


def answer_test(cases: list[Any]) -> Any:
    """Return the test of all cases; its inputs are the same in each run."""

    @pytest.mark.parametrize(("answers", "source", "sentence"), cases)
    def test_answer(answers: Answers, source: str, sentence: str | None, monkeypatch) -> None:
        monkeypatch.setattr(expect.secrets, "randbits", random.Random(source).getrandbits)
        module = importlib.import_module(f"course.exercises.lesson{answers.lesson}")
        if sentence and sentence.startswith("still running"):
            monkeypatch.setattr(getattr(module, answers.name), "seconds", 0.5)
        if sentence is None:
            for _ in range(3):  # each with other random inputs
                assert answers.verdict(source).startswith("✔ Right. ")
        else:
            said = answers.verdict(source)
            assert said[0] in "✘○" and matches(sentence, said), said

    return test_answer
