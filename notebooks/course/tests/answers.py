"""What the tables of answers in `test_exercises_NN.py` share: putting together, trying."""

import importlib
import random

import pytest

from course.exercises import expect
from course.exercises.authoring import verdict


def but(answer, *changes):
    """The answer with pieces replaced: old, new, old, new, ..."""
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert old in answer
        answer = answer.replace(old, new)
    return answer


def label(value):
    """What a test of one answer is called."""
    return value if isinstance(value, str) and "\n" not in value and len(value) < 40 else ""


def trials_of(lesson, right, wrong):
    """The two tests of a lesson: right answers are accepted, wrong ones refused with the reason."""
    exercises = importlib.import_module(f"course.exercises.lesson{lesson}")

    def repeatable(what, monkeypatch):
        """Draw the same inputs in each run: rare ones give a wrong answer another right reason."""
        monkeypatch.setattr(expect.secrets, "randbits", random.Random(what).getrandbits)

    @pytest.mark.parametrize(("name", "what", "answer"), right, ids=label)
    def accepted(name, what, answer, monkeypatch):
        repeatable(what, monkeypatch)
        for _ in range(3):  # each with other random inputs
            assert verdict(lesson, name, answer).startswith("✔ Right. "), what

    @pytest.mark.parametrize(("name", "what", "answer", "message"), wrong, ids=label)
    def refused(name, what, answer, message, monkeypatch):
        repeatable(what, monkeypatch)
        if "endless" in what:
            monkeypatch.setattr(getattr(exercises, name), "seconds", 0.5)
        said = verdict(lesson, name, answer)
        assert said.startswith(("✘ Not yet: ", "○ Not attempted")), what
        assert message in said, said

    return accepted, refused
