"""Runs the check of an exercise and says in words what came of it.

A learner's mistake never raises, and nothing of the learner's is disturbed. A lesson's module
holds one function an exercise; it is given the learner's answer and raises `Wrong` at the first
thing that is wrong. The decorator `exercise` makes an `Exercise` of it.
"""

from __future__ import annotations

import ast
import contextlib
import ctypes
import functools
import inspect
import io
import json
import linecache
import random
import textwrap
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Literal

import numpy as np
import torch

NOTEBOOKS = Path(__file__).resolve().parents[2]
NOT_ATTEMPTED = "○ Not attempted: put your answer in the place of `...` and run this cell again."
NOT_CHANGED = "○ Not attempted: the code is as it was given. Change it and run this cell again."


class Wrong(Exception):
    """The first thing that is wrong with an answer, in words for the learner."""


class _TimeUp(BaseException):
    """Raised in the learner's code when the time is over."""


class Exercise:
    """One exercise; the cell in the lesson calls `check`, and `solution` on request."""

    def __init__(
        self,
        judge: Callable[..., None],
        insight: str,
        kind: Literal["function", "class", "value"],
        given: FunctionType | type | None,
        seconds: float,
    ) -> None:
        self.name, self.lesson = judge.__name__, judge.__module__[-2:]
        self.judge, self.insight, self.kind = judge, insight, kind
        self.given, self.seconds = given, seconds

    def check(self, *answers: Any) -> None:
        """Say whether the answers are not attempted, wrong (and what is wrong) or right."""
        printed = _FirstLines()
        untouched = self._untouched(answers)
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            lines = [untouched] if untouched else self._verdict(answers)
        print("\n".join(lines + printed.report()))

    def solution(self) -> None:
        """Show a solution: the one in the lesson's solutions notebook."""
        path = NOTEBOOKS / f"solutions-{self.lesson}.ipynb"
        if path.exists():
            for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
                source, call = "".join(cell["source"]), f"exercises.{self.name}.check("
                if cell["cell_type"] == "code" and call in source:
                    kept = [line for line in source.splitlines() if call not in line]
                    print("\n".join(kept).strip())
                    return
        print(
            f"The solution is in the solutions notebook of lesson {self.lesson}, which is not "
            "beside this lesson: get it from the course's repository."
        )

    def _untouched(self, answers: tuple[Any, ...]) -> str:
        """The words for an answer that is still the stub; empty if it is not."""
        if not answers or any(answer is ... or answer is None for answer in answers):
            return NOT_ATTEMPTED
        if self.given is not None and _source(answers[0]) == _source(self.given):
            return NOT_CHANGED
        return NOT_ATTEMPTED if any(_is_stub(answer) for answer in answers) else ""

    def _verdict(self, answers: tuple[Any, ...]) -> list[str]:
        """Run the check; the lines that tell how it ended."""
        _load_optimizers()
        limit = _TimeLimit(self.seconds)
        try:
            with _undisturbed(), limit:
                self._expect_kind(answers[0])
                self.judge(*answers)
        except Wrong as error:
            lines, caught = [str(error)], error
        except _TimeUp as error:
            lines, caught = [f"still running after {self.seconds:g} s."], error
        except (Exception, SystemExit) as error:
            message = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(": ")[:200]
            who = "it" if _place(error) else "checking it"
            lines, caught = [f"{who} raises {message}"], error
        else:
            return [f"✔ Right. {self.insight}"]
        finally:
            limit.over = True  # also if time was over on the way out of the block
        details = [_place(caught), getattr(caught, "case", "")]
        return [f"✘ Not yet: {lines[0]}", *(f"  {detail}" for detail in details if detail)]

    def _expect_kind(self, answer: Any) -> None:
        if self.kind == "function" and (not callable(answer) or isinstance(answer, type)):
            raise Wrong(f"type: expected a function, got {_kind(answer)}.")
        if self.kind == "class" and not isinstance(answer, type):
            raise Wrong(f"type: expected a class, got {_kind(answer)}.")


def exercise(
    insight: str,
    *,
    kind: Literal["function", "class", "value"] = "function",
    given: FunctionType | type | None = None,
    seconds: float = 5.0,
) -> Callable[[Callable[..., None]], Exercise]:
    """Make an exercise of the function that judges its answers.

    Parameters
    ----------
    insight : str
        The sentence that a right answer earns.
    kind : "function", "class" or "value"
        What the learner hands in.
    given : function or class, optional
        The code that the stub holds, where it is more than `...` (find the bug, fill the gap).
    seconds : float
        How long the whole check may take.
    """
    return lambda judge: Exercise(judge, insight, kind, given, seconds)


@contextlib.contextmanager
def case(words: str) -> Iterator[None]:
    """Add to any failure in the block what was tried, as a line of its own."""
    try:
        yield
    except BaseException as error:
        if not hasattr(error, "case"):
            error.case = f"Tried with {words}."
        raise


# --- The stub --------------------------------------------------------------------------------


@functools.cache
def _load_optimizers() -> None:
    """Make PyTorch load what it loads at the first optimizer, which is much.

    Were it cut off in the middle by a time limit, PyTorch would be broken until a restart.
    """
    torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)


def _stub() -> None:
    """Hold nothing but a docstring, as a stub does."""
    ...


def _bare_stub() -> None: ...


def _is_stub(answer: Any) -> bool:
    """Whether a function does nothing, or a class has methods and none that does."""
    if isinstance(answer, type):
        return bool(_methods(answer)) and all(map(_is_stub, _methods(answer).values()))
    code = getattr(answer, "__code__", None)
    if not isinstance(code, CodeType):
        return False
    same = code.co_code in (_stub.__code__.co_code, _bare_stub.__code__.co_code)
    return same and set(code.co_consts) <= {None, answer.__doc__}


def _methods(cls: type) -> dict[str, FunctionType]:
    """The methods of a class; Python 3.14 keeps its annotations as one more function."""
    parts = vars(cls).items()
    return {k: v for k, v in parts if isinstance(v, FunctionType) and "annotate" not in k}


def _source(thing: Any) -> Any:
    """The code of a function, or of a class's methods, without docstring, spaces and comments."""
    if isinstance(thing, type):
        return {name: _source(method) for name, method in _methods(thing).items()}
    try:
        node = ast.parse(textwrap.dedent(inspect.getsource(thing))).body[0]
    except (OSError, TypeError, SyntaxError):
        return None
    if not isinstance(node, ast.FunctionDef):
        return None
    has_doc = ast.get_docstring(node) is not None
    return ast.unparse(node.args), [ast.unparse(part) for part in node.body[has_doc:]]


# --- What the learner sees -------------------------------------------------------------------


def _kind(value: Any) -> str:
    """The type of a value as a learner names it."""
    if value is None:
        return "None (is a `return` missing?)"
    name = type(value).__name__
    names = {"builtin_function_or_method": "function", "Tensor": "tensor", "ndarray": "NumPy array"}
    return ("an " if name[0] in "aeiou" else "a ") + names.get(name, name)


def _place(error: BaseException) -> str:
    """The line of the learner's code where the error arose; empty if none of it was running."""
    place = ""
    for frame, number in traceback.walk_tb(error.__traceback__):
        if frame.f_globals.get("__name__") == "__main__":  # the notebook
            code = frame.f_code
            text = linecache.getline(code.co_filename, number, frame.f_globals).strip()
            place = f"in line {number} of your cell ({code.co_name}): {text}"
    return place


class _FirstLines(io.TextIOBase):
    """Takes what the learner's code prints, keeps the first lines and counts the rest."""

    def __init__(self, most: int = 3) -> None:
        self.most, self.kept, self.num_lines = most, "", 0

    def write(self, text: str) -> int:
        if self.num_lines < self.most:
            self.kept += text[:1000]
        self.num_lines += text.count("\n")
        return len(text)

    def report(self) -> list[str]:
        """The lines to show."""
        lines = [line[:100] for line in self.kept.splitlines()][: self.most]
        more = self.num_lines - len(lines)
        head = ["  Your code printed:"] if lines else []
        tail = [f"    ... and {more} more lines"] if more > 0 else []
        return head + [f"    {line}" for line in lines] + tail


# --- Leaving everything as it was ------------------------------------------------------------


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Give back the random generators and PyTorch's settings as they were; show no warnings."""
    states, dtype = (random.getstate(), np.random.get_state()), torch.get_default_dtype()
    gpus = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    try:
        torch.set_default_dtype(torch.float32)
        with torch.random.fork_rng(gpus), torch.enable_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_default_dtype(dtype)
        random.setstate(states[0])
        np.random.set_state(states[1])


class _TimeLimit:
    """Raises _TimeUp in the block, on any system, when it takes too long; nothing comes after it.

    Unlike a simulated Ctrl-C it leaves a real one alone. It takes effect between two steps of
    Python code, so a single call that hangs in compiled code cannot be stopped. (Nor can, in
    Python 3.10, a `try` in an endless loop that calls nothing; a real Ctrl-C cannot either.)
    """

    # No locks or events: an exception between taking and giving back a lock would block for ever.

    def __init__(self, seconds: float) -> None:
        self.seconds, self.end, self.target = seconds, float("inf"), threading.get_ident()
        self.over = self.gone = False

    def __enter__(self) -> None:
        threading.Thread(target=self._watch, daemon=True).start()
        self.end = time.monotonic() + self.seconds

    def __exit__(self, *_: Any) -> None:
        self.over = True
        while not self.gone:
            time.sleep(0.001)
        self._raise(None)  # takes back one that is on its way

    def _watch(self) -> None:
        while not self.over:
            time.sleep(0.005)
            if time.monotonic() >= self.end and not self.over:
                self.end += 1  # once more then, in case the learner's `except:` took it
                self._raise(ctypes.py_object(_TimeUp))
        self.gone = True

    def _raise(self, error: Any) -> None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.target), error)
