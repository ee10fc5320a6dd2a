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
import linecache
import re
import secrets
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, Literal

import torch
from IPython.display import display

from .expect import Fresh, Want, Wrong, expect, expect_type, kind_of, number, several
from .guard import FirstLines, TimeLimit, TimeUp, undisturbed
from .known_answers import known_mistakes, run_code, solution_and_call
from .snapshot import all_numbers, changed_place, snapshot

WIDTH = 64  # characters of a verdict's line where it is plain text


@dataclass
class Trial:
    """One use of an answer: what it is called with, and what it has to return."""

    words: str  # what is tried, for the line "Tried with ..."
    args: dict[str, Any]  # by the names that messages use; given by position, in this order
    want: Want | tuple[Want, ...] | None = None  # the result, or a tuple of so many parts
    judge: Callable[[Any], Any] | None = None  # raises Wrong, for what a Want cannot say
    #: Gets what `judge` returned at each call; raises Wrong, for what shows in several calls.
    judge_all: Callable[[list], None] | None = None
    #: The arguments that the answer may change, each with what it should be afterwards, or None.
    changes: dict[str, Want | None] = field(default_factory=dict)
    calls: int = 2  # one after the other, to notice what an answer keeps; 1 if arguments change
    use: Callable[[Any], Any] | None = None  # what is done with the answer in place of a call

    def call(self, answer: Any) -> Any:
        """Use the answer once and return its result."""
        return self.use(answer) if self.use else answer(*self.args.values())

    def run(self, answer: Any) -> None:
        """Call the answer and raise Wrong at the first thing that is wrong."""
        judged = []
        for call in range(1 if self.changes else self.calls):
            before = {name: snapshot(value) for name, value in self.args.items()}
            try:
                judged.append(self._compare(self.call(answer)))
            except Wrong as error:
                self._expect_unchanged(before)
                again = " The first call was right. Does something stay from call to call?"
                raise Wrong(f"{error}{again if call else ''}") from error
            self._expect_unchanged(before)
            for name, want in self.changes.items():
                if want is not None:
                    self._expect_change(name, want, before[name])
        if self.judge_all is not None:
            self.judge_all(judged)

    def numbers(self, answer: Any) -> torch.Tensor | None:
        """Return the numbers in the result and in the changed arguments; None if there are none."""
        try:
            return all_numbers([self.call(answer), [self.args[name] for name in self.changes]])
        except Exception:
            return None

    def _expect_unchanged(self, before: dict[str, dict]) -> None:
        for name in [name for name in self.args if name not in self.changes]:
            place = changed_place(before[name], snapshot(self.args[name]))
            where = "" if not place or place.replace(".", "").isdigit() else f" ({place})"
            where = " (its training mode)" if str(place).endswith("training") else where
            expect(place is None, f"it changes `{name}`{where}, which belongs to the caller.")

    def _expect_change(self, name: str, want: Want, before: dict) -> None:
        stays = changed_place(before, snapshot(self.args[name])) is None
        should_stay = changed_place(before, snapshot(want.value)) is None
        expect(should_stay or not stays, f"values: it leaves `{name}` as it was.")
        want.compare(self.args[name])

    def _compare(self, got: Any) -> Any:
        if isinstance(self.want, Want):
            expect_type(got is not None, self.want.what, got)
            self.want.compare(got)
        elif self.want is not None:
            parts = several(got, *[want.what for want in self.want])
            for want, part in zip(self.want, parts, strict=True):
                want.compare(part)
        return self.judge(got) if self.judge else None


@dataclass
class Prediction:
    """A number or a tuple of sizes that the learner predicts before running."""

    name: str  # the variable in the lesson's cell
    value: Any  # the right one
    hint: str  # a sentence for those who are wrong in a way that is not in the table
    #: Common wrong values, each with a sentence that says what it would be.
    mistakes: dict[Any, str] = field(default_factory=dict)
    rtol: float = 1e-4  # how far off a number may be, relative to the right one

    def compare(self, got: Any) -> None:
        """Raise Wrong unless `got` is the right one."""
        name = f"`{self.name}`"
        if isinstance(self.value, tuple):
            expect(isinstance(got, (tuple, list)), f"type: {name} should be a tuple like (7, 4).")
            got = shown = tuple(got)
        else:
            got = number(got, name)
            shown = f"{got:.6g}"

        def is_near(value: Any) -> bool:
            if isinstance(self.value, tuple):
                return got == value
            return abs(got - value) <= max(self.rtol * abs(value), 1e-6)

        if not is_near(self.value):
            hints = (words for wrong, words in self.mistakes.items() if is_near(wrong))
            raise Wrong(f"values: {name} is not {shown}. {next(hints, self.hint)}")


@dataclass
class Failure:
    """The trial that an answer fails first, and with what."""

    number: int
    words: str
    error: BaseException

    @property
    def kind(self) -> tuple[int, str]:
        """What two failures have in common that come of the same mistake."""
        return self.number, re.sub(r"[\d.]+", "#", str(self.error))


@dataclass
class Exercise:
    """One exercise; the cell in the lesson calls `check`, and `solution` on request."""

    trials: Callable[[Fresh], Iterator[Any]]  # yields Trials, or Predictions for values
    insight: str  # the sentence that a right answer earns
    kind: Literal["function", "class", "value"] = "function"  # what the learner hands in
    by_hand: bool = False  # the answer runs under `no_grad`: its gradient is to be written
    seconds: float = 5.0  # processor time that the trials may take
    state: str = "○"

    def __post_init__(self) -> None:
        """Take the name from the record, and the lesson from its module."""
        self.name, self.module = self.trials.__name__, self.trials.__module__.split(".")[-1]

    def check(self, *answers: Any) -> None:
        """Say whether the answers are not attempted, wrong (and what is wrong) or right."""
        printed = FirstLines()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            self.state, sentence, *details = self.verdict(*answers)
        details = [f"  {detail}" for detail in details if detail]
        display(Lines([f"{self.state} {sentence}", *details, *printed.report()]))

    def solution(self) -> None:
        """Show a solution: the one in the lesson's solutions notebook."""
        solution = solution_and_call(self.module[-2:], self.name)[0].strip()
        print(solution or f"The solution is not in solutions-{self.module[-2:]}.ipynb.")

    def verdict(self, *answers: Any) -> list[str]:
        """Return the state, "○", "✘" or "✔", and the sentences that say why."""
        if untouched := self._untouched(answers):
            return ["○", f"Not attempted: {untouched} and run this cell again."]
        _load_optimizers()
        seed = secrets.randbits(32)
        with undisturbed():
            failure = self._first_failure(answers, seed)
            if failure is None:
                return ["✔", f"Right. {self.insight}"]
            error, place = failure.error, _place(failure.error)
            if isinstance(error, TimeUp):
                sentence = f"still running after {self.seconds:g} s."
            elif not isinstance(error, Wrong):
                sentence = f"{'it' if place else 'checking it'} raises {_message(error)}"
            else:
                sentence = self._known_mistake(answers[0], failure, seed) or str(error)
        by_hand = self.by_hand and not isinstance(error, (Wrong, TimeUp))
        note = "It runs under `torch.no_grad()`: the gradient is yours to write." * by_hand
        words = f"Tried with {failure.words}." if failure.words else ""
        return ["✘", f"Not yet: {sentence}", place, note, words]

    def _untouched(self, answers: tuple[Any, ...]) -> str:
        """Say what to do with answers that are still the stub; empty if they are not."""
        missing = [k for k, answer in enumerate(answers) if answer is ... or answer is None]
        if self.kind == "value" and missing:
            return f"give `{list(self.trials(Fresh(0)))[missing[0]].name}` a value"
        code = [_code(answer) for answer in answers if self.kind != "value"]
        if not answers or missing or any(each and not any(each.values()) for each in code):
            return f"write `{self.name}` in the place of `...`"
        given = [_code(source) for _, note, source in self._mistakes() if note.startswith("none")]
        return "the code is as given. Change it" if code and code[0] in given else ""

    def _mistakes(self) -> list[tuple[list[str], str, str]]:
        with contextlib.suppress(ValueError):  # raised where somebody has changed the solution
            return list(known_mistakes(self.module, self.name))
        return []

    def _first_failure(self, answers: tuple[Any, ...], seed: int) -> Failure | None:
        limit, number, words = TimeLimit(self.seconds), 0, ""
        try:
            with limit:
                if self.kind == "value":
                    for prediction, answer in zip(self.trials(Fresh(seed)), answers, strict=True):
                        prediction.compare(answer)
                    return None
                fits = (
                    isinstance(answers[0], type) if self.kind == "class" else callable(answers[0])
                )
                expect(fits, f"type: expected a {self.kind}, got {kind_of(answers[0])}.")
                for number, trial in enumerate(self.trials(Fresh(seed))):  # noqa: B007
                    words = trial.words
                    with torch.set_grad_enabled(not self.by_hand):
                        trial.run(answers[0])
        except KeyboardInterrupt:
            raise  # a real one: the learner stops the cell
        except BaseException as error:
            return Failure(number, words, error)
        finally:
            limit.over = True  # also if time was over on the way out of the block
        return None

    def _known_mistake(self, answer: Any, failure: Failure, seed: int) -> str:
        """Return the sentence of the known mistake that the answer makes; "" if of none or many.

        It is one that fails at the same trial in the same way, and gives the same numbers.
        """
        call, fits = solution_and_call(self.module[-2:], self.name)[1], []
        try:
            for sentences, note, source in self._mistakes():
                mistaken = run_code(source, call)
                its_failure = self._first_failure((mistaken,), seed)
                if its_failure and its_failure.kind == failure.kind:
                    fits.append((sentences, note, self._numbers(mistaken, seed)))
            with TimeLimit(self.seconds):
                for trial, mine in enumerate(self._numbers(answer, seed) if fits else ()):
                    equal = [_alike(mine, next(numbers)) for _, _, numbers in fits]
                    if trial == failure.number or (trial > failure.number and any(equal)):
                        fits = [fit for fit, is_equal in zip(fits, equal, strict=True) if is_equal]
                    if trial >= failure.number and len(fits) < 2:
                        break
        except (Exception, TimeUp, SystemExit):
            return ""
        common = (
            [each for each in fits[0][0] if all(each in fit[0] for fit in fits)] if fits else []
        )
        note = fits[0][1] if len(fits) == 1 else ""
        return f"{note}{common[0]}" if common else ""

    def _numbers(self, answer: Any, seed: int) -> Iterator[torch.Tensor | None]:
        for trial in self.trials(Fresh(seed)):
            with torch.set_grad_enabled(not self.by_hand):
                numbers = trial.numbers(answer)
            yield numbers


def exercise(insight: str, **record: Any) -> Callable[[Callable], Exercise]:
    """Make an exercise of the function that yields its trials; for `record` see `Exercise`."""
    return lambda trials: Exercise(trials, insight, **record)


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


@functools.cache
def _load_optimizers() -> None:
    """Make PyTorch load what it loads at the first optimizer, which is much.

    Were it cut off in the middle by a time limit, PyTorch would be broken until a restart.
    """
    torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)


def _alike(a: torch.Tensor | None, b: torch.Tensor | None) -> bool:
    """Tell whether two answers gave the same numbers, and not only nan."""
    if a is None or b is None or a.shape != b.shape or not a.isfinite().any():
        return False
    return torch.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True)


def _code(thing: Any) -> dict[str, list[str]]:
    """Return the statements of a function, or of a class's methods, or of functions in a source.

    They are found by name and arguments; docstrings, `...`, spaces and comments do not count.
    """
    if isinstance(thing, type):
        methods = {k: v for k, v in vars(thing).items() if isinstance(v, FunctionType)}
        # Python 3.14 keeps a class's annotations as one more function.
        return {k: v for m in methods if "annotate" not in m for k, v in _code(methods[m]).items()}
    try:
        nodes = ast.parse(
            thing if isinstance(thing, str) else textwrap.dedent(inspect.getsource(thing))
        ).body
    except (OSError, TypeError, SyntaxError):
        return {}
    return {
        f"{node.name}({ast.unparse(node.args)})": [
            ast.unparse(part)
            for part in node.body
            if not isinstance(part, ast.Pass)
            and not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
        ]
        for node in nodes
        if isinstance(node, ast.FunctionDef)
    }


def _message(error: BaseException) -> str:
    """Return an error's type and the first line of its message, whatever its class does."""
    try:
        text = f"{type(error).__name__}: {error}"
    except Exception:
        text = type(error).__name__
    return text.splitlines()[0].rstrip(": ")[:200]


def _place(error: BaseException) -> str:
    """Return the line of the learner's code where an error arose; empty if none was running."""
    place = ""
    for frame, number_ in traceback.walk_tb(error.__traceback__):
        if frame.f_globals.get("__name__") == "__main__":  # the notebook
            code = frame.f_code
            text = linecache.getline(code.co_filename, number_, frame.f_globals).strip()
            place = f"in line {number_} of your cell ({code.co_name}): {text}"
    return place
