"""Runs the check of an exercise and says in words what came of it.

A lesson's module holds one record an exercise: a function that yields trials, decorated with
`exercise`. A trial says with what the learner's answer is called and what it has to return. The
engine calls it, compares, and sees to it that nothing of the learner's is disturbed; a learner's
mistake never raises.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import html
import inspect
import json
import linecache
import re
import sys
import textwrap
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Literal

import torch
from IPython.display import display

from .expect import Fresh, Wrong, expect, expect_type, expect_values, kind_of, number, several
from .guard import (
    FirstLines,
    TimeLimit,
    TimeUp,
    restore_replaced_functions,
    threads_left,
    undisturbed,
)
from .snapshot import changed_place, snapshot

NOTEBOOKS = Path(__file__).resolve().parents[2]
WIDTH = 64  # characters of a verdict's line where it is plain text


@dataclass
class Want:
    """A result that an answer should return: what messages call it, and its values."""

    what: str
    value: Any
    any_shape: bool = False
    rtol: float = 1e-4
    atol: float = 1e-5

    def compare(self, got: Any) -> None:
        """Raise Wrong unless `got` is this."""
        value = torch.as_tensor(self.value)
        options = {"any_shape": self.any_shape, "rtol": self.rtol, "atol": self.atol}
        expect_values(got, value, self.what, **options)


@dataclass
class Trial:
    """One call of an answer.

    Parameters
    ----------
    words : str
        What is tried, for the line "Tried with ...".
    args : dict
        The arguments by the names that messages use; they are given by position, in this order.
    want : Want, or a tuple of Wants
        What the answer returns, or a tuple of so many parts.
    judge : function
        Called with what the answer returned, raises Wrong; for what a Want cannot say.
    changes : dict
        The arguments that the answer may change, each with the Want that it should be afterwards,
        or None. All others should be as before.
    calls : int
        How often the answer is called; 2, so that a result that depends on an earlier call is
        noticed, or 1 where arguments change.
    """

    words: str
    args: dict[str, Any]
    want: Want | tuple[Want, ...] | None = None
    judge: Callable[[Any], None] | None = None
    changes: dict[str, Want | None] = field(default_factory=dict)
    calls: int = 2

    def run(self, answer: Callable[..., Any]) -> None:
        """Call the answer and raise Wrong at the first thing that is wrong."""
        for call in range(1 if self.changes else self.calls):
            before = {name: snapshot(value) for name, value in self.args.items()}
            try:
                self._compare(answer(*self.args.values()))
            except Wrong as error:
                self._expect_unchanged(before)
                again = " The first call was right. Does something stay from call to call?"
                raise Wrong(f"{error}{again if call else ''}") from error
            finally:
                restored = restore_replaced_functions()
            expect(not restored, f"it replaces {' and '.join(restored)}, which is put back.")
            self._expect_unchanged(before)
            for name, want in self.changes.items():
                if want is not None:
                    self._expect_change(name, want, before[name])

    def _expect_unchanged(self, before: dict[str, dict[str, Any]]) -> None:
        for name in [name for name in self.args if name not in self.changes]:
            place = changed_place(before[name], snapshot(self.args[name]))
            where = "" if not place or place.isdigit() else f" ({place})"
            where = " (its training mode)" if str(place).endswith("training") else where
            expect(place is None, f"it changes `{name}`{where}, which belongs to the caller.")

    def _expect_change(self, name: str, want: Want, before: dict[str, Any]) -> None:
        stays = changed_place(before, snapshot(self.args[name])) is None
        should_stay = changed_place(before, snapshot(want.value)) is None
        expect(should_stay or not stays, f"values: it leaves `{name}` as it was.")
        want.compare(self.args[name])

    def _compare(self, got: Any) -> None:
        wants = (self.want,) if isinstance(self.want, Want) else self.want
        if wants is not None:
            single = isinstance(self.want, Want)
            parts = [got] if single else several(got, *[want.what for want in wants])
            if single:
                expect_type(got is not None, self.want.what, got)
            for want, part in zip(wants, parts, strict=True):
                want.compare(part)
        if self.judge is not None:
            self.judge(got)


@dataclass
class Prediction:
    """A number or a tuple of sizes that the learner foretells.

    Parameters
    ----------
    name : str
        The variable in the lesson's cell.
    value : float or tuple of int
        The right one.
    hint : str
        A sentence for those who are wrong in a way that is not in the table.
    mistakes : dict
        Common wrong values, each with a sentence that says what it would be.
    rtol : float
        How far off a number may be, relative to the right one.
    """

    name: str
    value: Any
    hint: str
    mistakes: dict[Any, str] = field(default_factory=dict)
    rtol: float = 1e-4

    def compare(self, got: Any) -> None:
        """Raise Wrong unless `got` is the right one."""
        name = f"`{self.name}`"
        if isinstance(self.value, tuple):
            try:
                sizes = tuple(int(size) for size in got)
                is_tuple = not isinstance(got, (str, set, dict)) and sizes == tuple(got)
            except (TypeError, ValueError):
                is_tuple = False
            expect(is_tuple, f"type: {name} should be a tuple such as (7, 4).")
            got = sizes
            is_near, shown = (lambda value: got == value), got
        else:
            got = number(got, name)
            shown = f"{got:.6g}"

            def is_near(value: float, rtol: float = 1e-4) -> bool:
                return abs(got - value) <= max(rtol * abs(value), 1e-6)

        right = is_near(self.value) or (self.rtol > 1e-4 and is_near(self.value, self.rtol))
        hints = (words for wrong, words in self.mistakes.items() if is_near(wrong))
        expect(right, f"values: {name} is not {shown}. {next(hints, self.hint)}")


class Exercise:
    """One exercise; the cell in the lesson calls `check`, and `solution` on request."""

    def __init__(self, trials: Callable[[Fresh], Iterator[Any]], **record: Any) -> None:
        self.name, self.lesson = trials.__name__, trials.__module__[-2:]
        self.trials, self.state = trials, "○"
        self.insight, self.kind, self.given = record["insight"], record["kind"], record["given"]
        self.by_hand, self.seconds = record["by_hand"], record["seconds"]

    def check(self, *answers: Any) -> None:
        """Say whether the answers are not attempted, wrong (and what is wrong) or right."""
        replaced = restore_replaced_functions()
        printed = FirstLines()
        untouched = self._untouched(answers)
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            lines = [untouched] if untouched else self._verdict(answers)
        self.state = lines[0][0]
        if replaced:
            names = " and ".join(f"`{name}`" for name in replaced)
            lines.append(f"  A cell had replaced {names}; it has been put back.")
        display(Lines(lines + printed.report()))

    def solution(self) -> None:
        """Show a solution: the one in the lesson's solutions notebook."""
        path = NOTEBOOKS / f"solutions-{self.lesson}.ipynb"
        source = answer_cells(path).get(self.name, "") if path.exists() else ""
        kept = [line for line in source.splitlines() if not line.startswith("exercises.")]
        print("\n".join(kept).strip() or f"The solution is not in {path.name}.")

    def _untouched(self, answers: tuple[Any, ...]) -> str:
        """The words for an answer that is still the stub; empty if it is not."""
        missing = [k for k, answer in enumerate(answers) if answer is ... or answer is None]
        if self.kind == "value" and missing:
            name = list(self.trials(Fresh()))[missing[0]].name
            return f"○ Not attempted: give `{name}` a value and run this cell again."
        if not answers or missing or any(_is_stub(answer) for answer in answers):
            return (
                f"○ Not attempted: write `{self.name}` in the place of `...` "
                "and run this cell again."
            )
        if self.given is not None and _source(answers[0]) == _source(self.given):
            return "○ Not attempted: the code is as given. Change it and run this cell again."
        return ""

    def _verdict(self, answers: tuple[Any, ...]) -> list[str]:
        """Run the check; the lines that tell how it ended."""
        _load_optimizers()
        threads = set(threading.enumerate())
        limit = TimeLimit(self.seconds)
        try:
            with undisturbed(), limit:
                self._try(answers)
            expect(not threads_left(threads), "it leaves a thread running after it has returned.")
        except Wrong as error:
            lines, caught = [str(error)], error
        except TimeUp as error:
            lines, caught = [f"still running after {self.seconds:g} s."], error
        except KeyboardInterrupt:
            raise  # a real one: the learner stops the cell
        except BaseException as error:
            who = "it" if _place(error) else "checking it"
            lines, caught = [f"{who} raises {_message(error)}"], error
        else:
            return [f"✔ Right. {self.insight}"]
        finally:
            limit.over = True  # also if time was over on the way out of the block
            restore_replaced_functions()
        words = getattr(caught, "trial", "")
        details = [_place(caught), f"Tried with {words}." if words else ""]
        return [f"✘ Not yet: {lines[0]}", *(f"  {detail}" for detail in details if detail)]

    def _try(self, answers: tuple[Any, ...]) -> None:
        if self.kind == "value":
            for prediction, answer in zip(self.trials(Fresh()), answers, strict=True):
                prediction.compare(answer)
            return
        answer, words = answers[0], ""
        fits = isinstance(answer, type) if self.kind == "class" else callable(answer)
        expect(fits, f"type: expected a {self.kind}, got {kind_of(answer)}.")
        try:
            for trial in self.trials(Fresh()):
                words = trial.words
                with _no_autograd() if self.by_hand else contextlib.nullcontext():
                    trial.run(answer)
        except BaseException as error:
            error.trial = words
            raise


def exercise(
    insight: str,
    *,
    kind: Literal["function", "class", "value"] = "function",
    given: FunctionType | type | None = None,
    by_hand: bool = False,
    seconds: float = 5.0,
) -> Callable[[Callable[[Fresh], Iterator[Any]]], Exercise]:
    """Make an exercise of the function that yields its trials, or its predictions.

    Parameters
    ----------
    insight : str
        The sentence that a right answer earns.
    kind : "function", "class" or "value"
        What the learner hands in; values are judged by `Prediction`s, the others by `Trial`s.
    given : function or class, optional
        The code that the stub holds, where it is more than `...` (find the bug, fill the gap).
    by_hand : bool
        Whether the answer is to be written without autograd, which is refused then.
    seconds : float
        Processor time that the whole check may take.
    """
    record = {"kind": kind, "given": given, "by_hand": by_hand, "seconds": seconds}
    return lambda trials: Exercise(trials, insight=insight, **record)


@contextlib.contextmanager
def _no_autograd() -> Iterator[None]:
    """Run a block under `no_grad`; refuse a graph where it is switched on, and forward mode."""

    def refuse(_: torch.Tensor) -> None:
        raise Wrong("it uses autograd: write the gradient by hand.")

    hooks = torch.autograd.graph.saved_tensors_hooks(refuse, refuse)
    try:
        with torch.no_grad(), hooks, torch.autograd.forward_ad.dual_level():  # which do not nest
            yield
    except RuntimeError as error:  # by `backward`, by torch.func, or by forward mode
        if not re.search("not require grad|saved tensor hooks|Nested forward mode", str(error)):
            raise
        raise Wrong("it uses autograd: write the gradient by hand.") from error


def exercises_of(module: str) -> list[Exercise]:
    """Return the exercises that a lesson's module holds, in order."""
    return [part for part in vars(sys.modules[module]).values() if isinstance(part, Exercise)]


def show_progress(module: str) -> None:
    """Print a line for each exercise of a lesson's module, and what to do next.

    It tells what the checks said since the kernel started; nothing is stored.
    """
    exercises = exercises_of(module)
    lines = [f"{each.state} {each.name}" for each in exercises]
    left = [each for each in exercises if each.state != "✔"]
    if left:
        verb = "mend" if left[0].state == "✘" else "try"
        solved = f"{len(exercises) - len(left)} of {len(exercises)} solved."
        lines.append(f"{solved} Next: {verb} `{left[0].name}`, and run this cell again.")
    display(Lines(lines if left else [*lines, "All solved."]))


def answer_cells(path: Path) -> dict[str, str]:
    """Return the first code cell of each exercise that holds its check, by the exercise's name."""
    found: dict[str, str] = {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        lines = [line for line in source.splitlines() if line.startswith("exercises.")]
        if cell["cell_type"] == "code" and lines and ".check(" in lines[-1]:
            found.setdefault(lines[-1].split(".")[1], source)
    return found


class Lines:
    """Lines of text, broken between words however narrow the window is."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    def __repr__(self) -> str:
        """Return plain text, in lines of at most WIDTH characters."""
        return "\n".join(map(self._wrapped, self.lines))

    def _repr_html_(self) -> str:
        """Return text that the browser breaks: JupyterLab breaks plain text inside words."""
        style = "white-space: pre-wrap; word-break: normal; overflow-wrap: break-word"
        return f'<pre style="{style}">{html.escape(chr(10).join(self.lines), quote=False)}</pre>'

    @staticmethod
    def _wrapped(line: str) -> str:
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        options = {"break_long_words": False, "break_on_hyphens": False}
        return textwrap.fill(line, WIDTH, subsequent_indent=indent, **options)


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


# --- What the learner sees of an error -------------------------------------------------------


def _message(error: BaseException) -> str:
    """The type of an error and the first line of its message, whatever its class does."""
    try:
        text = f"{type(error).__name__}: {error}"
    except Exception:
        text = type(error).__name__
    return text.splitlines()[0].rstrip(": ")[:200]


def _place(error: BaseException) -> str:
    """The line of the learner's code where the error arose; empty if none of it was running."""
    place = ""
    for frame, number_ in traceback.walk_tb(error.__traceback__):
        if frame.f_globals.get("__name__") == "__main__":  # the notebook
            code = frame.f_code
            text = linecache.getline(code.co_filename, number_, frame.f_globals).strip()
            place = f"in line {number_} of your cell ({code.co_name}): {text}"
    return place
