"""The machinery of the exercises: one behaviour, one test."""

import random
import threading
import time

import numpy as np
import pytest
import torch
from exercise_testing import run
from torch import nn

from course.exercises import engine, expect, guard
from course.exercises.engine import Prediction, Trial, Want, exercise
from course.exercises.expect import Wrong
from course.exercises.snapshot import changed_place, snapshot

TO_DO = "○ Not attempted: write `twice` in the place of `...` and run this cell again."


def given_step(x, y=2):
    """Hold code with a mistake."""
    for _ in range(3):
        x = x - y  # minus
    return x


class GivenNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = 1

    def forward(self, x):
        return x


@exercise("Twice is two times.", seconds=0.5)
def twice(_):
    yield Trial("3", dict(x=3), Want("the double", 6))
    yield Trial("a tensor", dict(x=torch.ones(2)), Want("the double", torch.ones(2) * 2))


@exercise("A net.", kind="class", given=GivenNet)
def net(_):
    yield Trial("no arguments", {}, judge=lambda made: expect.expect(made(3) == 6, "values: no."))


@exercise("Steps.", given=given_step)
def step(_):
    yield Trial("3", dict(x=3), Want("the result", 9))


@exercise("Two.", kind="value")
def two(_):
    yield Prediction("first", 1.5, "Think.", {3: "Twice too much."}, rtol=0.01)
    yield Prediction("shape", (2, 3), "Count.", {(3, 2): "The wrong way round."})


def said(record, source, call="f"):
    """What a check says about code run as a cell, its lines put together again."""
    space = {"__name__": "__main__", "exercise": record, "torch": torch}
    return " ".join(run(source, f"exercise.check({call})", namespace=space).split())


# --- What the verdicts are -------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        'def f(x):\n    """Return 2x."""\n    ...',
        "def f(x, y=3, *args, **kwargs):\n    # your code\n    ...",
        "def f(x: int) -> int:\n    '''Doc.'''",
        "def f(x):\n    pass",
        "f = ...",
        "f = None",
        "class f:\n    def forward(self, x):\n        ...",
    ],
)
def test_stubs_are_not_attempted(source):
    assert said(twice, source) == TO_DO


@pytest.mark.parametrize(
    ("source", "verdict"),
    [
        ("def f(x): return 2 * x", "✔ Right. Twice is two times."),
        ("def f(x): return x + 1", "✘ Not yet: values: the double is not right: yours is 4. Tried "
                                   "with 3."),
        ("def f(x):\n    ...\n    return 5", "✘ Not yet: values: the double is not right: yours is "
                                             "5. Tried with 3."),
        ("f = 5", "✘ Not yet: type: expected a function, got an int."),
        ("f = lambda x: ...", "✘ Not yet: type: the double should be a tensor or a number, got an "
                              "ellipsis. Tried with 3."),
        ("def f(x): print(2 * x)", "✘ Not yet: type: expected the double, got None. Is a `return` "
                                   "missing? Tried with 3. Your code printed: 6"),
        ("def f(): return 6", "✘ Not yet: checking it raises TypeError: f() takes 0 positional "
                              "arguments but 1 was given Tried with 3."),
    ],
)  # fmt: skip
def test_right_and_wrong(source, verdict):
    assert said(twice, source) == verdict


def test_given_code_is_not_attempted_whatever_its_comments():
    given = "def f(x, y=2):\n  '''Other words.'''\n  for _ in range(3):\n    x = x - y\n  return x"
    as_given = "○ Not attempted: the code is as given. Change it and run this cell again."
    assert said(step, given) == as_given
    assert said(step, given.replace("- y", "+ y")) == "✔ Right. Steps."
    assert said(step, given.replace("y=2", "y=1")).startswith("✘ Not yet: values: the result is")
    given = (
        "class f(torch.nn.Module):\n"
        "  def __init__(self):\n    super().__init__()\n    self.w = 1\n\n"
        "  def forward(self, x):\n    return x  # here"
    )
    assert said(net, given) == as_given
    assert said(net, given.replace("return x", "return 2 * x")) == "✔ Right. A net."
    assert said(net, "f = 5") == "✘ Not yet: type: expected a class, got an int."


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ("1.5, (2, 3)", "✔ Right. Two."),
        ("1.51, torch.Size([2, 3])", "✔ Right. Two."),
        ("1.5, ...", "○ Not attempted: give `shape` a value and run this cell again."),
        ("1.53, (2, 3)", "✘ Not yet: values: `first` is not 1.53. Think."),
        ("3, (2, 3)", "✘ Not yet: values: `first` is not 3. Twice too much."),
        ("float('nan'), (2, 3)", "✘ Not yet: values: `first` is not nan. Think."),
        ("1.5, (3, 2)", "✘ Not yet: values: `shape` is not (3, 2). The wrong way round."),
        ("1.5, 'two'", "✘ Not yet: type: `shape` should be a tuple such as (7, 4)."),
    ],
)
def test_predictions(values, verdict):
    assert said(two, f"a, b = {values}", "a, b") == verdict


def test_lines_are_broken_between_words():
    shown = run("def f(x): return x.reshape(3, 4, 5, 6)", "exercise.check(f)",
                namespace={"__name__": "__main__", "exercise": twice})  # fmt: skip
    assert max(map(len, shown.splitlines())) <= engine.WIDTH
    assert shown.splitlines()[1].startswith("  ")


def test_progress(monkeypatch, capsys):
    monkeypatch.setattr(engine, "exercises_of", lambda _: [twice, two])
    for record, source, call in ((twice, "f = 1", "f"), (two, "f = ...", "f, f")):
        said(record, source, call)
    engine.show_progress("a module")
    assert capsys.readouterr().out == (
        "✘ twice\n○ two\n0 of 2 solved. Next: mend `twice`, and run this cell again.\n"
    )
    said(twice, "f = lambda x: 2 * x")
    said(two, "f = 0", "1.5, (2, 3)")
    engine.show_progress("a module")
    assert capsys.readouterr().out == "✔ twice\n✔ two\nAll solved.\n"


# --- The learner's own errors ----------------------------------------------------------------


def test_an_error_is_shown_with_the_learners_line():
    assert said(twice, "def g(x):\n    return x.shape\n\ndef f(x):\n    return g(x)") == (
        "✘ Not yet: it raises AttributeError: 'int' object has no attribute 'shape' "
        "in line 2 of your cell (g): return x.shape Tried with 3."
    )
    text = said(twice, "import json\ndef f(x):\n    return json.loads('{')")
    assert "(f): return json.loads('{')" in text and "engine" not in text


STRANGE = "class Strange(Exception):\n    def __str__(self): raise ValueError\n"


@pytest.mark.parametrize(
    "error",
    ["SystemExit(3)", "RecursionError()", "GeneratorExit()", "ValueError('a\\nb')", "Strange()"],
)
def test_no_error_of_the_learner_gets_out(error):
    text = said(twice, f"{STRANGE}def f(x):\n    raise {error}")
    assert text.startswith(f"✘ Not yet: it raises {error.split('(')[0]}") and "raise " in text


def test_a_real_interrupt_passes_through():
    with pytest.raises(KeyboardInterrupt):
        said(twice, "def f(x):\n    raise KeyboardInterrupt")


@pytest.mark.parametrize(
    "body",
    ["while True: pass", "while True:\n        try: x = abs(x)\n        except Exception: pass"],
)
def test_endless_loops_are_stopped(body):
    start = time.process_time()
    text = said(twice, f"def f(x):\n    {body}")
    assert time.process_time() - start < 3
    assert text.startswith("✘ Not yet: still running after 0.5 s. in line ")
    assert "of your cell (f): " in text and text.endswith("Tried with 3.")


def test_waiting_for_ever_is_stopped():
    text = said(twice, "import time\ndef f(x):\n    while True: time.sleep(0.01)")
    assert text.startswith("✘ Not yet: still running after 0.5 s.")


def test_nothing_comes_after_the_time_limit(monkeypatch):
    monkeypatch.setattr(twice, "seconds", 0.02)
    source = "import time\ndef f(x):\n    end = time.process_time() + 0.01\n    while time."
    for _ in range(20):  # ends at about the moment when time is over
        assert said(twice, source + "process_time() < end: pass\n    return 2 * x")[0] in "✔✘"
    time.sleep(1.2)
    sum(range(1000))
    assert threading.active_count() < 20


# --- Nothing is disturbed --------------------------------------------------------------------


def test_prints_are_kept_short():
    source = "def f(x):\n    for i in range(10**6): print('row', i)\n    return {}"
    printed = "Your code printed: row 0 row 1 row 2 ... and 3999997 more lines"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(twice, "seconds", 60)
        assert said(twice, source.format("2 * x")) == f"✔ Right. Twice is two times. {printed}"
    assert len(said(twice, "def f(x):\n    print('x' * 10**6, end='')\n    return 6")) < 300


def test_random_state_and_settings_are_as_before():
    def draw():
        return random.random(), np.random.rand(), torch.rand(1).item()

    def seed():
        random.seed(1), np.random.seed(1), torch.manual_seed(1)

    seed()
    first, threads = draw(), torch.get_num_threads()
    seed()
    said(
        twice,
        "import random, numpy\n"
        "def f(x):\n"
        "    random.seed(9), numpy.random.seed(9), torch.manual_seed(9)\n"
        "    torch.set_default_dtype(torch.float64), torch.set_grad_enabled(False)\n"
        f"    torch.set_num_threads({threads + 1})\n"
        "    return torch.rand(3)",
    )
    assert draw() == first
    assert torch.is_grad_enabled() and torch.get_default_dtype() == torch.float32
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("place", ["torch.isclose", "torch.Tensor.double", "np.asarray"])
def test_a_replaced_function_fools_no_check(place):
    imports = "import numpy as np\n"
    wrong = "def f(x): return 5 * x"
    replace = f"{place} = lambda *_, **__: torch.ones((), dtype=torch.bool)"
    text = said(twice, f"{imports}{replace}\n{wrong}")
    name = place.replace("np.", "numpy.")
    assert text.startswith("✘ Not yet: values: the double is not right: yours is 15.")
    assert text.endswith(f"A cell had replaced `{name}`; it has been put back.")
    text = said(twice, f"{imports}def f(x):\n    {replace}\n    return 5 * x")
    assert "✘ Not yet: " in text
    assert said(twice, wrong).startswith("✘ Not yet: values: the double is not right")
    assert not guard.restore_replaced_functions()


def test_a_thread_that_goes_on_is_refused():
    source = (
        "import threading, time\n"
        "def work():\n    while not done: time.sleep(0.01)\n"
        "done = []\n"
        "def f(x):\n    threading.Thread(target=work, daemon=True).start()\n    return 2 * x"
    )
    space = {"__name__": "__main__", "exercise": twice}
    text = run(source, "exercise.check(f)", "done.append(1)", namespace=space)
    assert text == "✘ Not yet: it leaves a thread running after it has returned.\n"


def test_a_result_that_depends_on_earlier_calls_is_refused():
    text = said(twice, "n = 1\ndef f(x):\n    global n\n    n += 1\n    return n * x")
    assert text == (
        "✘ Not yet: values: the double is not right: yours is 9. The first call was right. "
        "Does something stay from call to call? Tried with 3."
    )


def loader():
    data = torch.utils.data.TensorDataset(torch.zeros(4, 2), torch.zeros(4))
    return torch.utils.data.DataLoader(data, 2)


def momentum_step(optimizer):
    weight = optimizer.param_groups[0]["params"][0]
    weight.grad = torch.ones_like(weight)
    optimizer.step()


@pytest.mark.parametrize(
    ("make", "change", "place"),
    [
        (lambda: torch.zeros(3), lambda x: x.add_(1), ""),
        (lambda: torch.full((2,), torch.nan), lambda x: x.zero_(), ""),
        (lambda: torch.zeros(3), lambda x: x.requires_grad_(), ""),
        (lambda: torch.zeros(3), lambda x: x.resize_(2), ""),
        (lambda: np.zeros(3), lambda x: x.fill(1), ""),
        (lambda: [1, 2], lambda x: x.pop(), ""),
        (lambda: [1, 2], lambda x: x.reverse(), "0"),
        (lambda: {"a": [torch.zeros(1)]}, lambda x: x["a"][0].add_(1), "a.0"),
        (lambda: nn.Linear(2, 1), lambda x: nn.init.ones_(x.weight), "weight"),
        (lambda: nn.Linear(2, 1), lambda x: x.bias.requires_grad_(False), "bias"),
        (lambda: nn.Sequential(nn.Dropout()), lambda x: x.eval(), "training"),
        (lambda: nn.Linear(2, 1), lambda x: x(torch.ones(1, 2)).sum().backward(), "weight.grad"),
        (lambda: nn.BatchNorm1d(2), lambda x: x(torch.ones(3, 2)), "running_mean"),
        (
            lambda: torch.optim.SGD(nn.Linear(2, 1).parameters(), lr=1, momentum=0.9),
            momentum_step,
            "state.0.momentum_buffer",
        ),
        (torch.Generator, lambda x: torch.rand(1, generator=x), ""),
        (loader, lambda x: x.dataset.tensors[0].add_(1), "0"),
    ],
)
def test_a_change_in_an_argument_is_seen(make, change, place):
    thing = make()
    before = snapshot(thing)
    assert changed_place(before, snapshot(thing)) is None
    change(thing)
    assert changed_place(before, snapshot(thing)) == place


def test_changes_are_refused_by_name_and_wanted_ones_compared():
    data, w = torch.zeros(2), torch.zeros(1)
    args = dict(x=data, w=w)
    trial = Trial("zeros", args, changes={"w": Want("`w` after it", torch.ones(1))})
    message = "it changes `x`, which belongs to the caller."
    assert complaint(trial.run, lambda x, w: (x.add_(1), w.add_(1))) == message
    w.zero_()
    assert complaint(trial.run, lambda x, w: None) == "values: it leaves `w` as it was."
    message = "values: `w` after it is not right: yours is 5."
    assert complaint(trial.run, lambda x, w: w.add_(5)) == message


def test_fresh_inputs_differ_and_leave_the_generator_alone():
    torch.manual_seed(1)
    state = torch.get_rng_state()
    a, b = expect.Fresh(), expect.Fresh()
    assert not torch.equal(a.normal(3, 2), b.normal(3, 2))
    assert {a.integer(2, 3) for _ in range(99)} == {2, 3}
    assert torch.equal(torch.get_rng_state(), state)


# --- What checks say of values ---------------------------------------------------------------


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
        WANT.clone().requires_grad_(),
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
        ("text", "type: the result should be a tensor or a number, got a str."),
        ((i for i in "ab"), "type: the result should be a tensor or a number, got a generator."),
        ([[1, 2], [3]], "type: the result should be a tensor or a number, got a list."),
        ([WANT, WANT[0]], "type: the result should be a tensor or a number, got a list."),
        (WANT[0], "shape: the result should have shape (2, 2), got (2,)."),
        (
            WANT + torch.tensor([[0, 1], [0, 0]]),
            "values: the result is wrong in 1 of 4 places, first at [0, 1]: yours is 3.",
        ),
        (-WANT, "values: the result has every sign the wrong way round."),
        (7 * WANT, "values: the result is 7 times what it should be, everywhere."),
        (0 * WANT, "values: the result is zero everywhere."),
        (WANT / 0, "values: the result holds inf."),
    ],
)
def test_values_are_refused_for_the_right_reason(got, message):
    assert complaint(expect.expect_values, got, WANT) == message


def test_a_single_wrong_value_does_not_give_the_right_one_away():
    message = complaint(expect.expect_values, 3.0, torch.tensor(4.0))
    assert message == "values: the result is not right: yours is 3."


def test_shapes_left_open():
    expect.expect_values(WANT.flatten(), WANT, any_shape=True)
    message = complaint(expect.expect_values, WANT[0], WANT, "y", any_shape=True)
    assert message == "shape: y should hold 4 numbers, got (2,)."


def test_numbers_parts_and_batches():
    assert [expect.number(x) for x in (2, 2.0, np.float32(2), torch.tensor([[2]]))] == [2.0] * 4
    assert complaint(expect.number, [1, 2]) == "shape: the result should be one number, got (2,)."
    assert expect.several([1, 2], "a", "b") == [1, 2]
    expected = "type: expected a tuple (a, b), got "
    assert complaint(expect.several, (1,), "a", "b") == f"{expected}1 values."
    assert complaint(expect.several, 1, "a", "b") == f"{expected}an int."
    assert expect.collect(iter("abcdef"), 3, "parts") == list("abcd")
    message = complaint(expect.expect_dtype, WANT.double(), torch.float32, "X")
    assert message == "dtype: X should have dtype float32, got float64."
