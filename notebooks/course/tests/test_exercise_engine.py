"""The machinery of the exercises, and what holds for the exercises of every lesson."""

import json
import random
import signal
import threading
import time

import numpy as np
import pytest
import torch

from course.exercises import authoring, engine, expect
from course.exercises.engine import NOT_ATTEMPTED, NOT_CHANGED, Wrong, case, exercise

LESSONS = authoring.lessons()
EXERCISES = [(lesson, name) for lesson in LESSONS for name in authoring.names(lesson)]
each_lesson = pytest.mark.parametrize("lesson", LESSONS)
each_exercise = pytest.mark.parametrize(("lesson", "name"), EXERCISES)


def given_step(x, y=2):
    """Hold code with a mistake."""
    for _ in range(3):
        x = x - y  # minus
    return x


class GivenNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.w = 1

    def forward(self, x):
        return x


@exercise("Twice is two times.", seconds=0.5)
def twice(answer):
    with case("3"):
        got = answer(3)
        expect.expect(isinstance(got, int), "type: expected an int.")
        expect.expect(got == 6, f"values: yours is {got}.")


@exercise("A net.", kind="class", given=GivenNet)
def net(answer):
    expect.expect(answer()(3) == 6, "values: no.")


@exercise("Steps.", given=given_step)
def step(answer):
    expect.expect(answer(3) == 9, "values: no.")


@exercise("Two.", kind="value")
def two(first, second):
    expect.expect((first, second) == (1, 2), "values: no.")


def said(which, source, call="f"):
    """What a check says about code run as a cell."""
    space = {"__name__": "__main__", "exercise": which, "torch": torch}
    return authoring.run(source, f"exercise.check({call})", namespace=space)


# --- States ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        'def f(x):\n    """Return 2x."""\n    ...',
        "def f(x): ...",
        "def f(x, y=3, *args, **kwargs):\n    # your code\n    ...",
        "def f(x):\n    pass",
        "def f(x: int) -> int:\n    '''Doc.'''",
        "f = ...",
        "f = None",
        "class f:\n    def forward(self, x):\n        ...",
    ],
)
def test_stubs_are_not_attempted(source):
    assert said(twice, source) == NOT_ATTEMPTED + "\n"


def test_no_answer_is_not_attempted(capsys):
    assert twice.check() is None
    assert capsys.readouterr().out == NOT_ATTEMPTED + "\n"


@pytest.mark.parametrize(
    "source",
    ["def f(x):\n    ...\n    return 5", "f = lambda x: ...", "f = 5", "f = len", "f = []"],
)
def test_an_answer_that_does_something_is_attempted(source):
    assert said(twice, source).startswith("✘ Not yet: ")


def test_given_code_is_not_attempted_whatever_its_comments():
    given = "def f(x, y=2):\n  '''Other words.'''\n  for _ in range(3):\n    x = x - y\n  return x"
    assert said(step, given) == NOT_CHANGED + "\n"
    assert said(step, given.replace("- y", "+ y")) == "✔ Right. Steps.\n"
    assert said(step, given.replace("- y", "- 1")) == "✘ Not yet: values: no.\n"
    assert said(step, given.replace("y=2", "y=1")) == "✘ Not yet: values: no.\n"
    assert said(step, "f = lambda x: 9") == "✔ Right. Steps.\n"


def test_given_class_is_not_attempted():
    given = (
        "class f(torch.nn.Module):\n"
        "  def __init__(self):\n    super().__init__()\n    self.w = 1\n\n"
        "  def forward(self, x):\n    return x  # here"
    )
    assert said(net, given) == NOT_CHANGED + "\n"
    assert said(net, given.replace("return x", "return 2 * x")) == "✔ Right. A net.\n"
    assert said(net, "f = 5") == "✘ Not yet: type: expected a class, got an int.\n"


def test_right_and_wrong():
    assert said(twice, "def f(x): return 2 * x") == "✔ Right. Twice is two times.\n"
    wrong = "✘ Not yet: values: yours is 4.\n  Tried with 3.\n"
    assert said(twice, "def f(x): return x + 1") == wrong


def test_predictions():
    assert said(two, "a, b = 1, ...", "a, b") == NOT_ATTEMPTED + "\n"
    assert said(two, "a, b = 1, 3", "a, b") == "✘ Not yet: values: no.\n"
    assert said(two, "a, b = 1, 2", "a, b") == "✔ Right. Two.\n"


def test_a_result_in_the_place_of_the_function_is_refused():
    assert said(twice, "f = 6") == "✘ Not yet: type: expected a function, got an int.\n"


# --- The learner's own errors ----------------------------------------------------------------


def test_an_error_is_shown_with_the_learners_line():
    text = said(twice, "def g(x):\n    return x.shape\n\ndef f(x):\n    return g(x)")
    assert text == (
        "✘ Not yet: it raises AttributeError: 'int' object has no attribute 'shape'\n"
        "  in line 2 of your cell (g): return x.shape\n"
        "  Tried with 3.\n"
    )


def test_an_error_below_a_library_is_shown_at_the_learners_call():
    text = said(twice, "import json\ndef f(x):\n    return json.loads('{')")
    assert "(f): return json.loads('{')" in text
    assert "/" not in text and "engine" not in text


def test_a_wrong_call_is_shown_without_frames_of_the_engine():
    text = said(twice, "def f(): return 6")
    assert text.startswith("✘ Not yet: checking it raises TypeError: f() takes 0 positional")
    assert "line" not in text


@pytest.mark.parametrize("error", ["SystemExit(3)", "RecursionError()", "ValueError('a\\nb')"])
def test_no_error_of_the_learner_gets_out(error):
    text = said(twice, f"def f(x):\n    raise {error}")
    assert text.startswith("✘ Not yet: it raises ") and len(text.splitlines()) == 3


def test_a_real_interrupt_passes_through():
    with pytest.raises(KeyboardInterrupt):
        said(twice, "def f(x):\n    raise KeyboardInterrupt")


# --- Time limit ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    ["while True: pass", "while True:\n        try: x = abs(x)\n        except Exception: pass"],
)
def test_endless_loops_are_stopped(body):
    start = time.monotonic()
    text = said(twice, f"def f(x):\n    {body}")
    assert time.monotonic() - start < 3
    assert text.startswith("✘ Not yet: still running after 0.5 s.\n  in line ")
    assert "of your cell (f): " in text and text.endswith("Tried with 3.\n")


def test_nothing_comes_after_the_time_limit(monkeypatch):
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(twice, "seconds", 0.02)
    source = (
        "import time\ndef f(x):\n    end = time.monotonic() + 0.02\n    while time.monotonic() "
    )
    for _ in range(30):  # ends at about the moment when time is over
        assert said(twice, source + "< end: pass\n    return 6")[0] in "✔✘"
    time.sleep(1.2)
    sum(range(1000))
    assert signal.getsignal(signal.SIGINT) is before
    assert threading.active_count() < 20


def test_a_check_in_time_leaves_no_thread():
    num_threads = threading.active_count()
    assert said(twice, "def f(x): return 2 * x").startswith("✔")
    time.sleep(0.1)
    assert threading.active_count() <= num_threads


# --- Prints and state ------------------------------------------------------------------------


def test_prints_are_kept_short():
    source = "def f(x):\n    for i in range(500): print('row', i)\n    return {}"
    text = said(twice, source.format("2 * x"))
    assert text == (
        "✔ Right. Twice is two times.\n  Your code printed:\n    row 0\n    row 1\n    row 2\n"
        "    ... and 497 more lines\n"
    )
    assert said(twice, source.format("x")).count("\n") < 10
    assert "/" not in said(twice, "import warnings\ndef f(x): warnings.warn('no'); return 6")


def test_a_long_line_is_cut():
    text = said(twice, "def f(x):\n    print('x' * 10**6, end='')\n    return 6")
    assert len(text) < 300


def test_random_state_and_settings_are_as_before():
    def draw():
        return random.random(), np.random.rand(), torch.rand(1).item()

    def seed():
        random.seed(1), np.random.seed(1), torch.manual_seed(1)

    seed()
    first = draw()
    seed()
    said(
        twice,
        "import random, numpy\n"
        "def f(x):\n"
        "    random.seed(9), numpy.random.seed(9), torch.manual_seed(9)\n"
        "    torch.set_default_dtype(torch.float64), torch.set_grad_enabled(False)\n"
        "    return torch.rand(3)",
    )
    assert draw() == first
    assert torch.is_grad_enabled() and torch.get_default_dtype() == torch.float32


def test_fresh_inputs_differ_and_leave_the_generator_alone():
    torch.manual_seed(1)
    state = torch.get_rng_state()
    a, b = expect.Fresh(), expect.Fresh()
    assert not torch.equal(a.normal(3, 2), b.normal(3, 2))
    assert {a.integer(2, 3) for _ in range(99)} == {2, 3}
    assert torch.equal(torch.get_rng_state(), state)


# --- What checks say -------------------------------------------------------------------------


def complaint(function, *args, **kwargs):
    with pytest.raises(Wrong) as caught:
        function(*args, **kwargs)
    return str(caught.value)


WANT = torch.tensor([[1.0, 2.0], [3.0, 4.0]])


@pytest.mark.parametrize(
    "got",
    [
        WANT,
        WANT.double(),
        WANT.numpy(),
        WANT.tolist(),
        tuple(WANT),
        [list(row) for row in WANT],
        WANT.clone().requires_grad_(True),
        WANT * (1 + 1e-6),
        WANT.T.contiguous().T,
        WANT.int(),
    ],
)
def test_every_form_of_the_right_values_counts(got):
    expect.expect_values(got, WANT)


@pytest.mark.parametrize(
    ("got", "message"),
    [
        (None, "type: the result is to be a tensor or a number, got None"),
        ("text", "type: the result is to be a tensor or a number, got a str."),
        ((i for i in "ab"), "got a generator."),
        ([[1, 2], [3]], "got a list."),
        ([WANT, WANT[0]], "got a list."),
        (WANT[0], "shape: the result is to have shape (2, 2), got (2,)."),
        (WANT.flatten(), "shape: the result is to have shape (2, 2), got (4,)."),
        (
            WANT + torch.tensor([[0, 1], [0, 0]]),
            "wrong in 1 of 4 places, first at [0, 1]: yours is 3.",
        ),
        (-WANT, "has every sign the wrong way round."),
        (7 * WANT, "is 7 times what it should be, everywhere."),
        (0 * WANT, "is zero everywhere."),
        (WANT / 0, "holds inf."),
    ],
)
def test_values_are_refused_for_the_right_reason(got, message):
    assert message in complaint(expect.expect_values, got, WANT)


def test_a_single_wrong_value_does_not_give_the_right_one_away():
    message = complaint(expect.expect_values, 3.0, torch.tensor(4.0))
    assert message == "values: the result is not right; yours is 3."
    assert "1.33" not in message and "0.75" not in message


def test_shapes_left_open():
    expect.expect_values(WANT.flatten(), WANT, any_shape=True)
    expect.expect_values(3.0, torch.tensor([[3.0]]), any_shape=True)
    message = complaint(expect.expect_values, WANT[0], WANT, "y", any_shape=True)
    assert message == "shape: y is to hold 4 numbers, got (2,)."


def test_numbers_parts_and_batches():
    assert [expect.number(x) for x in (2, 2.0, np.float32(2), torch.tensor([[2]]))] == [2.0] * 4
    assert complaint(expect.number, [1, 2]).startswith("shape: ")
    assert expect.several([1, 2], "a", "b") == [1, 2]
    assert complaint(expect.several, (1,), "a", "b").endswith("a tuple (a, b), got 1 values.")
    assert complaint(expect.several, 1, "a", "b").endswith("a tuple (a, b), got an int.")
    assert expect.collect(iter("abc"), 3) == ["a", "b", "c"]
    assert complaint(expect.collect, iter("abc"), 2) == "it never stops: more than 2 batches came."
    assert "got None" in complaint(expect.collect, None, 2)
    message = complaint(expect.expect_dtype, WANT.double(), torch.float32, "X")
    assert message == "dtype: X is to have dtype float32, got float64."


def test_changed_inputs_are_noticed():
    X = WANT.clone()
    same = expect.unchanged(X=X, y=WANT)
    same()
    X += 1
    assert complaint(same) == "it changes `X`, which belongs to the caller."


# --- Solutions on request --------------------------------------------------------------------


def test_solution_is_read_from_the_notebook(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(engine, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(twice, "lesson", "07")
    assert twice.solution() is None
    message = capsys.readouterr().out
    assert message.startswith("The solution is in the solutions notebook of lesson 07, which")
    assert message.count("\n") == 1
    cells = [
        {"cell_type": "markdown", "source": "exercises.twice.check(f)"},
        {"cell_type": "code", "source": ["f = 1\n", "\n", "\n", "exercises.twice.check(f)"]},
        {"cell_type": "code", "source": ["f = 2\n", "exercises.twice.check(f)"]},
    ]
    (tmp_path / "solutions-07.ipynb").write_text(json.dumps({"cells": cells}))
    twice.solution()
    assert capsys.readouterr().out == "f = 1\n"


# --- Every lesson that has exercises ---------------------------------------------------------


def test_there_are_lessons_with_exercises():
    assert LESSONS


@each_lesson
def test_stubs_and_solutions_are_those_of_the_module_in_its_order(lesson):
    names = authoring.names(lesson)
    assert 3 <= len(names) <= 5
    assert list(authoring.answer_cells(lesson)) == names
    assert list(authoring.answer_cells(lesson, solutions=True)) == names
    titles = [
        c["source"] for c in authoring.section(lesson) if "\n### Exercise" in "\n" + c["source"]
    ]
    assert sum(text.count("### Exercise ") for text in titles) == len(names)
    text = "\n".join(cell["source"] for cell in authoring.section(lesson))
    assert text.count("<details>") == text.count("</details>") == text.count("</summary>\n\n")
    assert text.count("<summary>Hint 1</summary>") == len(names)
    assert text.count(" minutes, ") == len(names) and "a stretch.*" in text


@each_exercise
def test_stub_and_solution_agree(lesson, name):
    stub = authoring.answer_cells(lesson)[name]
    solved = authoring.answer_cells(lesson, solutions=True)[name]
    assert authoring.CALL.search(stub)[0] == authoring.CALL.search(solved)[0]
    assert stub.rstrip().splitlines()[-1] == authoring.CALL.search(stub)[0]
    assert set(authoring.signatures(stub)) <= set(authoring.signatures(solved))


@each_lesson
def test_section_with_untouched_stubs(lesson):
    for name, text in authoring.run_section(lesson, {}).items():
        assert text in (NOT_ATTEMPTED + "\n", NOT_CHANGED + "\n"), name


@each_lesson
def test_section_with_all_solved(lesson):
    solutions = authoring.answer_cells(lesson, solutions=True)
    for name, text in authoring.run_section(lesson, solutions).items():
        assert text.startswith("✔ Right. ") and text.endswith(".\n"), f"{name}: {text}"
        assert text.count("\n") == 1


@each_exercise
def test_section_with_a_single_answer_wrong(lesson, name):
    solutions = authoring.answer_cells(lesson, solutions=True)
    answers = solutions | {name: authoring.spoilt(authoring.answer_cells(lesson)[name])}
    for other, text in authoring.run_section(lesson, answers).items():
        assert text.startswith("✘ Not yet: " if other == name else "✔ Right. "), f"{other}: {text}"


@each_exercise
def test_solution_is_shown_without_its_check(lesson, name, capsys):
    getattr(authoring.module(lesson), name).solution()
    shown = capsys.readouterr().out
    assert shown.strip() and ".check(" not in shown
    assert shown.strip() in authoring.answer_cells(lesson, solutions=True)[name]


@each_lesson
def test_every_exercise_is_tried_with_right_and_wrong_answers(lesson):
    tests = __import__(f"test_exercises_{lesson}")
    for name in authoring.names(lesson):
        assert len([row for row in tests.WRONG if row[0] == name]) >= 3, name
        assert len([row for row in tests.RIGHT if row[0] == name]) >= 2, name
