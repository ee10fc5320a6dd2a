"""The known answers to every exercise: what is refused, in which words, and what is right."""

import random

import pytest
from exercise_testing import matches, modules, read_answers, verdict

from course.exercises import engine

CASES = [
    pytest.param(module, each.name, source, sentences, id=f"{each.name}: {what}")
    for module, holder in modules().items()
    for each in engine.exercises_of(holder.__name__)
    for what, source, sentences in read_answers(module, each.name)
]


@pytest.mark.parametrize(("module", "name", "source", "sentences"), CASES)
def test_answer(module, name, source, sentences, monkeypatch):
    monkeypatch.setattr(engine.secrets, "randbits", random.Random(source).getrandbits)
    if "still running after # s." in sentences:
        monkeypatch.setattr(getattr(modules()[module], name), "seconds", 0.5)
    for _ in range(1 if sentences else 3):  # each time with other random inputs
        said = verdict(module, name, source)
        is_expected = any(matches(sentence, said) for sentence in sentences)
        assert is_expected if sentences else said.startswith("✔ Right. "), said
