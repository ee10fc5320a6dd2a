"""Answers that are known beforehand, from which tests and the names of mistakes are made.

`answers/lessonNN.txt` has a section for each exercise, which begins with a line "# name". It holds

    ✔ what: another right answer
    ✘ what: a wrong answer, and the sentence that the learner should read, # for any number
    ≈ a known mistake, in the sentence that the learner reads where it is found in an answer
    ≈ bug: the same for a mistake of the code that the lesson gives

(heads may go on, indented by two). Below each, indented by four, stands the code of the answer, or
what is changed in the solution: lines `old => new`, or lines - and + as in a diff. The solution is
the cell of the solutions notebook.
"""

from __future__ import annotations

import copy
import itertools
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

NOTEBOOKS = Path(__file__).resolve().parents[2]


def answer_cells(path: Path) -> dict[str, str]:
    """Return a notebook's first code cell that ends in an exercise's check, by exercise."""
    found: dict[str, str] = {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"]).rstrip()
        call = re.search(r"^exercises\.(\w+)\.check\([^()]*\)\Z", source, re.M)
        if cell["cell_type"] == "code" and call:
            found.setdefault(call[1], source)
    return found


def solution_and_call(lesson: str, name: str) -> tuple[str, str]:
    """Return the code of an exercise's solution, and the call of its check; "" if not there."""
    path = NOTEBOOKS / f"solutions-{lesson}.ipynb"
    cell = answer_cells(path).get(name, "") if path.exists() else ""
    solution, call, arguments = cell.partition(f"exercises.{name}.check(")
    return solution.strip("\n") + "\n", call + arguments


def rows(module: str, name: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield the mark, the head and the lines of each known answer to an exercise of a module."""
    path = Path(__file__).parent / "answers" / f"{module}.txt"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    section = re.search(rf"^# {name}\n(.*?)(?=^# |\Z)", text, re.M | re.S)
    for block in re.split(r"^(?=[✔✘≈])", section[1] if section else "", flags=re.M)[1:]:
        lines = block.rstrip().splitlines()
        head = " ".join(line.strip() for line in lines if line[:4].strip())
        yield head[0], head[2:], [line[4:] for line in lines if not line[:4].strip()]


def changed(source: str, changes: list[str]) -> str:
    """Return code with pieces replaced; raise ValueError if one is not there."""
    pairs: list[tuple[list[str], list[str]]] = []
    last = " "
    for line in changes:
        mark = "=" if " =>" in line else line[0]
        if mark == "=" or (mark == "-" and last != "-"):
            pairs.append(([], []))
        old, new = line.split(" =>") if mark == "=" else (line[2:], f" {line[2:]}")
        pairs[-1][0].extend([old] * (mark in "=-"))
        pairs[-1][1].extend([new[1:]] * (mark in "=+"))
        last = mark
    for old, new in (("\n".join(a), "\n".join(b)) for a, b in pairs):
        if old not in source:
            raise ValueError(f"{old!r} is not in\n{source}")
        source = source.replace(old, new)
    return source


def known_mistakes(module: str, name: str) -> Iterator[tuple[list[str], str, str]]:
    """Yield what is wrong, in sentences, how much is mended, and the code that is wrong so.

    That is each known mistake alone, and each choice of the given code's bugs; last, all of them.
    """
    solution = solution_and_call(module[-2:], name)[0]
    mistakes = [(head, lines) for mark, head, lines in rows(module, name) if mark == "≈"]
    bugs = [(head[5:], lines) for head, lines in mistakes if head.startswith("bug: ")]
    for sentence, lines in mistakes:
        if not sentence.startswith("bug: "):
            yield [sentence], "", changed(solution, lines)
    counts = "none", "one", "two", "three"
    for left in range(1, len(bugs) + 1):
        mended = f"{counts[len(bugs) - left]} of {counts[len(bugs)]}"
        note = f"{mended} {'are' if len(bugs) - left > 1 else 'is'} mended; "
        for chosen in itertools.combinations(bugs, left):
            changes = [line for _, lines in chosen for line in lines]
            yield [sentence for sentence, _ in chosen], note, changed(solution, changes)


def run_code(source: str, call: str) -> Any:
    """Run code and return the function or class whose check is called."""
    space = {"torch": torch, "nn": torch.nn, "copy": copy, "math": math, "__name__": "a mistake"}
    exec(source, space)
    return space[call[call.index("(") + 1 : -1]]
