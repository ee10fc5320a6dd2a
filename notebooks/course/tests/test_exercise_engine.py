"""The machinery of the exercises: one behaviour, one test."""

import random
import threading
import time

import numpy as np
import pytest
import torch
from exercise_testing import run
from torch import nn
from torch.optim import SGD
from torch.utils.data import DataLoader, TensorDataset

from course.exercises import engine, expect, guard
from course.exercises.engine import Prediction, Trial, Want, exercise
from course.exercises.expect import Wrong
from course.exercises.snapshot import changed_place, snapshot


def given_step(x, y=2):
    return x - 3 * y  # minus


class GivenNet(nn.Module):
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
        "def f(x):\n    'Return 2x.'\n    ...",
        "def f(x: int, y=3, *args, **kwargs) -> int:\n    'Doc.'",
        "def f(x):\n    pass  # your code",
        "f = None",
        "class f:\n    def forward(self, x):\n        ...",
    ],
)
def test_stubs_are_not_attempted(source):
    to_do = "write `twice` in the place of `...` and run this cell again."
    assert said(twice, source) == f"○ Not attempted: {to_do}"


@pytest.mark.parametrize(
    ("source", "verdict"),
    [
        ("def f(x): return x + 1", "values: the double is not right: yours is 4. Tried with 3."),
        ("f = 5", "type: expected a function, got an int."),
        (
            "def f(x): print(2 * x)",
            "type: expected the double, got None. Is a `return` missing? Tried with 3. "
            "Your code printed: 6",
        ),
        (  # the place is the learner's innermost line
            "import json\ndef g(x):\n    json.loads('{')\n\ndef f(x): g(x)",
            "it raises JSONDecodeError: Expecting property name enclosed in double quotes: line 1 "
            "column 2 (char 1) in line 3 of your cell (g): json.loads('{') Tried with 3.",
        ),
    ],
)
def test_right_and_wrong(source, verdict):
    assert said(twice, "def f(x): return 2 * x") == "✔ Right. Twice is two times."
    assert said(twice, source) == f"✘ Not yet: {verdict}"


def test_given_code_is_not_attempted_whatever_its_comments():
    given = "def f(x, y=2):\n  'Other words.'\n  return x - 3*y"
    as_given = "○ Not attempted: the code is as given. Change it and run this cell again."
    assert said(step, given) == as_given
    assert said(step, given.replace("-", "+")) == "✔ Right. Steps."
    assert said(step, given.replace("=2", "=1")).startswith("✘ Not yet: values: the result is")
    given = "class f(torch.nn.Module):\n  def forward(self, x):\n    return x  # here"
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
        ("1.5, (3, 2)", "✘ Not yet: values: `shape` is not (3, 2). The wrong way round."),
        ("1.5, 'two'", "✘ Not yet: type: `shape` should be a tuple such as (7, 4)."),
    ],
)
def test_predictions(values, verdict):
    assert said(two, f"a, b = {values}", "a, b") == verdict


def test_lines_are_broken_between_words():
    space = {"__name__": "__main__", "exercise": twice}
    shown = run("def f(x): return x.reshape(3, 4, 5, 6)", "exercise.check(f)", namespace=space)
    assert max(map(len, shown.splitlines())) <= engine.WIDTH
    assert shown.splitlines()[1].startswith("  ")


def test_progress(monkeypatch, capsys):
    monkeypatch.setattr(engine, "exercises_of", lambda _: [twice, two])
    said(twice, "f = 1")
    said(two, "f = ...", "f, f")
    engine.show_progress("a module")
    solved = "0 of 2 solved. Next: mend `twice`, and run this cell again."
    assert capsys.readouterr().out == f"✘ twice\n○ two\n{solved}\n"
    said(twice, "f = lambda x: 2 * x")
    said(two, "f = 0", "1.5, (2, 3)")
    engine.show_progress("a module")
    assert capsys.readouterr().out == "✔ twice\n✔ two\nAll solved.\n"


@pytest.mark.parametrize(
    "error", ["SystemExit(3)", "RecursionError()", "GeneratorExit()", "Strange('a\\nb')"]
)
def test_no_error_of_the_learner_gets_out(error):
    strange = "class Strange(Exception):\n    def __str__(self): raise ValueError\n"
    text = said(twice, f"{strange}def f(x):\n    raise {error}")
    assert text.startswith(f"✘ Not yet: it raises {error.split('(')[0]}") and "raise " in text


def test_a_real_interrupt_passes_through():
    with pytest.raises(KeyboardInterrupt):
        said(twice, "def f(x):\n    raise KeyboardInterrupt")


@pytest.mark.parametrize("step", ["pass", "x = abs(x)\n        except Exception: pass", "sleep(1)"])
def test_endless_code_is_stopped(step):
    loop = "while True:\n        " + ("try: " if "except" in step else "")
    text = said(twice, f"from time import sleep\ndef f(x):\n    {loop}{step}")
    assert text.startswith("✘ Not yet: still running after 0.5 s. in line ")
    assert "of your cell (f): " in text and text.endswith("Tried with 3.")


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
    source = "def f(x):\n    for i in range(10**4): print('row', i)\n    return 2 * x"
    printed = "Your code printed: row 0 row 1 row 2 ... and 39997 more lines"
    assert said(twice, source) == f"✔ Right. Twice is two times. {printed}"
    assert len(said(twice, "def f(x):\n    print('x' * 10**6, end='')\n    return 6")) < 300


def test_random_state_and_settings_are_as_before():
    seed = "import random, numpy, torch\nrandom.seed(9), numpy.random.seed(9), torch.manual_seed(9)"

    def draw(body):
        exec(seed)
        said(twice, f"{seed}\ndef f(x):\n    {body}\n    return 2 * x")
        return random.random(), np.random.rand(), torch.rand(1).item()

    threads = torch.get_num_threads()
    settings = f"torch.set_default_dtype(torch.float64), torch.set_num_threads({threads + 1})"
    draws = "random.random(), numpy.random.rand(), torch.rand(3), torch.set_grad_enabled(False)"
    assert draw(f"{draws}, {settings}") == draw("pass")
    assert torch.is_grad_enabled() and torch.get_default_dtype() == torch.float32
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("place", ["torch.isclose", "torch.Tensor.double", "numpy.asarray"])
def test_a_replaced_function_fools_no_check(place):
    replace = f"{place} = lambda *_, **__: torch.ones((), dtype=torch.bool)"
    text = said(twice, f"import numpy\n{replace}\ndef f(x): return 5 * x")
    assert text.startswith("✘ Not yet: values: the double is not right: yours is 15.")
    assert text.endswith(f"A cell had replaced `{place}`; it has been put back.")
    text = said(twice, f"import numpy\ndef f(x):\n    {replace}\n    return 5 * x")
    assert "✘ Not yet: " in text
    assert not guard.restore_replaced_functions()


@exercise("By hand.", by_hand=True)
def by_hand(_):
    yield Trial("3", dict(x=torch.tensor(3.0)), Want("the slope", 6))


BACKWARD = "def f(x):\n    x = x.clone().requires_grad_()\n    (x**2).backward()\n    return x.grad"
DUAL = "\n    with fw.dual_level(): return fw.unpack_dual(fw.make_dual(x, 0 * x + 1) ** 2).tangent"


@pytest.mark.parametrize(
    "source",
    [
        BACKWARD,
        f"@torch.enable_grad()\n{BACKWARD}",
        f"import torch.autograd.forward_ad as fw\ndef f(x):{DUAL}",
        "f = torch.func.grad(torch.square)",
        "f = torch.func.jacfwd(torch.square)",
        "f = lambda x: torch.func.jvp(torch.square, (x,), (0 * x + 1,))[1]",
    ],
)
def test_autograd_is_refused_by_hand(source):
    assert said(by_hand, source).startswith("✘ Not yet: it uses autograd: write the gradient by")
    assert said(by_hand, "def f(x): return 2 * x") == "✔ Right. By hand."


def test_a_thread_that_goes_on_is_refused():
    source = (
        "import threading, time\ndone = []\n"
        "def work():\n    while not done: time.sleep(0.01)\n\n"
        "def f(x):\n    threading.Thread(target=work, daemon=True).start()\n    return 2 * x"
    )
    space = {"__name__": "__main__", "exercise": twice}
    text = run(source, "exercise.check(f)", "done.append(1)", namespace=space)
    assert text == "✘ Not yet: it leaves a thread running after it has returned.\n"


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
        (lambda: nn.Linear(2, 1), lambda x: x(torch.ones(1, 2)).sum().backward(), "weight.grad"),
        (nn.Dropout, lambda x: x.eval(), "training"),
        (lambda: nn.BatchNorm1d(2), lambda x: x(torch.ones(3, 2)), "running_mean"),
        (lambda: SGD([WANT], 1), lambda x: x.param_groups[0].update(lr=2), "param_groups.0.lr"),
        (torch.Generator, lambda x: torch.rand(1, generator=x), ""),
        (lambda: TensorDataset(torch.ones(2)), lambda x: x.tensors[0].mul_(2), "0"),
        (lambda: DataLoader(np.zeros(3)), lambda x: x.dataset.fill(1), ""),
    ],
)
def test_a_change_in_an_argument_is_seen(make, change, place):
    thing = make()
    before = snapshot(thing)
    assert changed_place(before, snapshot(thing)) is None
    change(thing)
    assert changed_place(before, snapshot(thing)) == place


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


def test_every_form_of_the_right_values_counts():
    forms = [WANT, WANT.double(), WANT.int(), WANT.numpy(), WANT.tolist(), tuple(WANT)]
    for got in [*forms, WANT.clone().requires_grad_(), WANT * (1 + 1e-6), WANT.T.contiguous().T]:
        expect.expect_values(got, WANT)


@pytest.mark.parametrize(
    ("got", "message"),
    [
        ("text", "type: the result should be a tensor or a number, got a str."),
        ((i for i in "ab"), "type: the result should be a tensor or a number, got a generator."),
        ([[1, 2], [3]], "type: the result should be a tensor or a number, got a list."),
        ([WANT, WANT[0]], "type: the result should be a tensor or a number, got a list."),
        (0 * WANT, "values: the result is zero everywhere."),
        (WANT / 0, "values: the result holds inf."),
    ],
)
def test_values_are_refused_for_the_right_reason(got, message):
    assert complaint(expect.expect_values, got, WANT) == message


def test_numbers_and_parts():
    assert [expect.number(x) for x in (2, 2.0, np.float32(2), torch.tensor([[2]]))] == [2.0] * 4
    assert complaint(expect.number, [1, 2]) == "shape: the result should be one number, got (2,)."
    assert (
        complaint(expect.several, (1,), "a", "b") == "type: expected a tuple (a, b), got 1 values."
    )
    assert expect.collect(iter("abcdef"), 3, "parts") == list("abcd")
    message = complaint(expect.expect_dtype, WANT.double(), torch.float32, "X")
    assert message == "dtype: X should have dtype float32, got float64."
