"""Runs the check of an exercise and says in words what came of it.

A record is a function that yields trials: with what an answer is called and what it has to return.
A check never raises on a learner's mistake, and disturbs nothing of the learner's.
"""

from __future__ import annotations

import ast
import contextlib
import html
import inspect
import itertools
import linecache
import math
import re
import secrets
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

import torch
from IPython.display import display

from .expect import Fresh, Want, Wrong, expect, expect_type, several, to_float
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
    number: int = 0  # how many trials came before it
    numbers: torch.Tensor | None = None  # those in the result of the last call
    error: BaseException | None = None  # what ended it, if it has failed

    def run(self, answer: Any) -> None:
        """Call the answer and raise Wrong at the first thing that is wrong."""
        judged = []
        for call in range(1 if self.changes else self.calls):
            before = {name: snapshot(value) for name, value in self.args.items()}
            result = self.use(answer) if self.use else answer(*self.args.values())
            self.numbers = all_numbers([result, [self.args[name] for name in self.changes]])
            try:
                judged.append(self._compare(result))
            except Wrong as error:
                self._expect_unchanged(before)
                again = " The first call was right. Does something stay from call to call?"
                raise Wrong(f"{error}{again if call else ''}") from error
            self._expect_unchanged(before)
            for name, want in self.changes.items():
                if want is not None:
                    place = changed_place(before[name], snapshot(self.args[name]))
                    expect(place is not None, f"values: it leaves `{name}` as it was.")
                    want.compare(self.args[name])
        if self.judge_all is not None:
            self.judge_all(judged)

    def fails_like(self, other: Trial | None) -> bool:
        """Tell whether this trial failed as another answer's did: in words and in numbers."""
        if other is None or self.number != other.number:
            return False
        words = {re.sub(r"-?[\d.]+(e-?\d+)?", "#", str(trial.error)) for trial in (self, other)}
        mine, theirs = self.numbers, other.numbers
        if len(words) > 1 or mine is None or theirs is None or mine.shape != theirs.shape:
            return False
        says_much = self.number > 0 or bool(mine.isfinite().any())
        return says_much and torch.allclose(mine, theirs, rtol=1e-4, atol=1e-5, equal_nan=True)

    def _compare(self, got: Any) -> Any:
        if isinstance(self.want, Want):
            expect_type(got is not None, self.want.what, got)
            self.want.compare(got)
        elif self.want is not None:
            parts = several(got, *[want.what for want in self.want])
            for want, part in zip(self.want, parts, strict=True):
                want.compare(part)
        return self.judge(got) if self.judge else None

    def _expect_unchanged(self, before: dict[str, dict]) -> None:
        for name in [name for name in self.args if name not in self.changes]:
            place = changed_place(before[name], snapshot(self.args[name]))
            where = "" if not place or place.replace(".", "").isdigit() else f" ({place})"
            expect(place is None, f"it changes `{name}`{where}, which belongs to the caller.")


@dataclass
class Prediction:
    """A number or a tuple of sizes that the learner predicts before running."""

    name: str  # the variable in the lesson's cell
    value: Any  # the right one
    hint: str  # a sentence for those who are wrong in a way that is not in the table
    #: Common wrong values, each with a sentence that says what it would be.
    mistakes: dict[Any, str] = field(default_factory=dict)
    rtol: float = 1e-4  # how far off a number may be, relative to the right one
    words = ""  # as of a trial

    def run(self, got: Any) -> None:
        """Raise Wrong unless `got` is the right one."""
        name, is_tuple = f"`{self.name}`", isinstance(self.value, tuple)
        if is_tuple:
            expect(isinstance(got, (tuple, list)), f"type: {name} should be a tuple like (7, 4).")
        got = tuple(got) if is_tuple else to_float(got, name)

        def is_near(value: Any) -> bool:
            return got == value if is_tuple else math.isclose(got, value, rel_tol=self.rtol)

        if not is_near(self.value):
            hints = (words for wrong, words in self.mistakes.items() if is_near(wrong))
            shown = got if is_tuple else f"{got:.6g}"
            raise Wrong(f"values: {name} is not {shown}. {next(hints, self.hint)}")


@dataclass
class Exercise:
    """One exercise; the cell in the lesson calls `check`, and `solution` on request."""

    trials: Callable[[Fresh], Iterator[Any]]  # yields Trials, or Predictions for values
    insight: str  # the sentence that a right answer earns
    predicts: bool = False  # the learner hands in values, not a function or a class
    by_hand: bool = False  # the answer runs under `no_grad`: its gradient is to be written
    seconds: float = 5.0  # processor time that the trials may take
    state: str = "○"

    def __post_init__(self) -> None:
        """Take the name from the record's function, and the lesson from its module."""
        self.name, self.module = self.trials.__name__, self.trials.__module__.split(".")[-1]

    def check(self, *answers: Any) -> None:
        """Say whether the answers are not attempted, wrong (and what is wrong) or right."""
        printed = FirstLines()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            self.state, sentence, *details = self.verdict(*answers)
        details = [f"  {detail}" for detail in details if detail]
        display(Lines([f"{self.state} {sentence}", *details, *printed.report()]))

    def solution(self) -> None:
        """Show the solution that is in the solutions notebook."""
        lesson = self.module[-2:]
        solution = solution_and_call(lesson, self.name)[0].strip()
        print(solution or f"The solution is not in solutions-{lesson}.ipynb.")

    def verdict(self, *answers: Any) -> list[str]:
        """Return the state, "○", "✘" or "✔", and the sentences that say why."""
        if untouched := self._untouched(answers):
            return ["○", f"Not attempted: {untouched} and run this cell again."]
        # What PyTorch loads at the first optimizer would stay broken if a time limit cut it off.
        torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        seed, note = secrets.randbits(32), ""
        with undisturbed():
            failure = self._first_failure(answers, seed)
            if failure is None:
                return ["✔", f"Right. {self.insight}"]
            place = _place(failure.error)
            if isinstance(failure.error, Wrong):
                sentence = self._known_mistake(failure, seed) or str(failure.error)
            elif isinstance(failure.error, TimeUp):
                sentence = f"still running after {self.seconds:g} s."
            else:
                sentence = f"{'it' if place else 'checking it'} raises {_message(failure.error)}"
                if "grad" in sentence:
                    note = "Autograd is off here: it takes a formula of your own."
        words = f"Tried with {failure.words}." if failure.words else ""
        return ["✘", f"Not yet: {sentence}", place, note if self.by_hand else "", words]

    def _untouched(self, answers: tuple[Any, ...]) -> str:
        """Say what to do with answers that are still the stub; empty if they are not."""
        missing = [k for k, answer in enumerate(answers) if answer is ... or answer is None]
        if self.predicts:
            names = [each.name for each in self.trials(Fresh(0))]
            return f"give `{names[missing[0]]}` a value" if missing else ""
        code = _statements(answers[0]) if answers else {}
        if not answers or missing or (code and not any(code.values())):
            return f"write `{self.name}` in the place of `...`"
        given = [source for _, note, source in self._mistakes() if note.startswith("none")]
        return "the code is as given. Change it" if code in map(_statements, given) else ""

    def _first_failure(self, answers: tuple[Any, ...], seed: int) -> Any:
        """Return the first trial that an answer does not pass, with its error, or None."""
        torch.default_generator.manual_seed(seed)  # answers that draw alike get the same numbers
        limit, trial = TimeLimit(self.seconds), Trial("", {})
        try:
            with limit:
                if not self.predicts:
                    expect_type(callable(answers[0]), "a function or a class", answers[0])
                    answers = itertools.repeat(answers[0])
                pairs = zip(self.trials(Fresh(seed)), answers)  # noqa: B905
                for number, (trial, answer) in enumerate(pairs):
                    trial.number = number
                    with torch.set_grad_enabled(not self.by_hand):
                        trial.run(answer)
        except KeyboardInterrupt:
            raise  # a real one: the learner stops the cell
        except BaseException as error:
            trial.error = error
            return trial
        finally:
            limit.over = True  # also if time was over on the way out of the block
        return None

    def _mistakes(self) -> list[tuple[list[str], str, str]]:
        with contextlib.suppress(Exception):  # somebody may have changed the solutions notebook
            return list(known_mistakes(self.module, self.name))
        return []

    def _known_mistake(self, failure: Trial, seed: int) -> str:
        """Return the sentence of the known mistake that fails like this; "" if none or many do."""
        call, found = solution_and_call(self.module[-2:], self.name)[1], []
        for sentences, note, source in self._mistakes():
            with contextlib.suppress(Exception):  # as above
                if failure.fails_like(self._first_failure((run_code(source, call),), seed)):
                    found.append((sentences, note))
        common = [each for each in found[0][0] if all(each in s for s, _ in found)] if found else []
        note = found[0][1] if len(found) == 1 else ""  # else how many bugs are mended is not known
        return f"{note}{common[0]}" if common else ""


def exercise(insight: str, **record: Any) -> Callable[[Callable], Exercise]:
    """Make an exercise of the function that yields its trials; for `record` see `Exercise`."""
    return lambda trials: Exercise(trials, insight, **record)


def exercises_of(module: str) -> list[Exercise]:
    """Return the exercises that a lesson's module holds, in order."""
    return [part for part in vars(sys.modules[module]).values() if isinstance(part, Exercise)]


def show_progress(module: str) -> None:
    """Print what the checks of a module said since the kernel started, and what is next."""
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
        options = {"width": WIDTH, "break_long_words": False, "break_on_hyphens": False}
        indents = [" " * (len(line) - len(line.lstrip()) + 2) for line in self.lines]
        pairs = zip(self.lines, indents, strict=True)
        return "\n".join(textwrap.fill(a, subsequent_indent=b, **options) for a, b in pairs)

    def _repr_html_(self) -> str:
        """Return text that the browser breaks: JupyterLab breaks plain text inside words."""
        style = "white-space: pre-wrap; word-break: normal; overflow-wrap: break-word"
        return f'<pre style="{style}">{html.escape(chr(10).join(self.lines), quote=False)}</pre>'


def _statements(thing: Any) -> dict[str, list[str]]:
    """Return what a function, a class's methods or a source's functions do, by name and arguments.

    Docstrings, `...`, `pass`, spaces and comments do not count.
    """
    if isinstance(thing, type):
        methods = [part for part in vars(thing).values() if isinstance(part, FunctionType)]
        return {k: v for method in methods for k, v in _statements(method).items()}
    try:
        source = thing if isinstance(thing, str) else textwrap.dedent(inspect.getsource(thing))
        functions = [part for part in ast.parse(source).body if isinstance(part, ast.FunctionDef)]
    except (OSError, TypeError, SyntaxError):
        return {}
    found = {}
    for each in functions:
        words = [line for line in each.body if isinstance(line, ast.Expr)]
        idle = [line for line in words if isinstance(line.value, ast.Constant)]
        lines = [ast.unparse(line) for line in each.body if line not in idle]
        found[f"{each.name}({ast.unparse(each.args)})"] = [x for x in lines if x != "pass"]
    return found


def _message(error: BaseException) -> str:
    """Return an error's type and the first line of its message, whatever its class does."""
    text = type(error).__name__
    with contextlib.suppress(Exception):
        text += f": {error}"
    return text.splitlines()[0].rstrip(": ")[:200]


def _place(error: BaseException) -> str:
    """Return the line of the learner's code where an error arose; empty if none was running."""
    place = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        if frame.f_globals.get("__name__") == "__main__":  # the notebook
            code = frame.f_code
            text = linecache.getline(code.co_filename, line, frame.f_globals).strip()
            place = f"in line {line} of your cell ({code.co_name}): {text}"
    return place
