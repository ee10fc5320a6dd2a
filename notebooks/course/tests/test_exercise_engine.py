"""The machinery of the exercises: one behaviour, one test."""

import random
import threading
import time

import numpy as np
import pytest
import torch
from exercise_testing import modules, run
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course.exercises import engine, expect, known_answers, lesson01
from course.exercises.engine import Prediction, Trial, exercise
from course.exercises.expect import Want, Wrong
from course.exercises.snapshot import changed_place, snapshot


@exercise("Twice is two times.", seconds=0.5)
def twice(_):
    yield Trial("3", dict(x=3), Want("the double", 6))
    yield Trial("a tensor", dict(x=torch.ones(2)), Want("the double", torch.ones(2) * 2))


@exercise("Two.", predicts=True)
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
        ("def f(x): return 7", "values: the double is not right: yours is 7. Tried with 3."),
        ("f = 5", "type: expected a function or a class, got an int."),
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


GIVEN = "def f(x, y=2):\n    return x - 3 * y\n"
KNOWN = [
    (["one is added."], "", "def f(x): return x + 1"),
    (["two is added."], "", "def f(x): return x + 2"),
    (["what is added is 2."], "", "def f(x): return x + torch.tensor(2)"),
    (["a", "b"], "none of two is mended; ", GIVEN),
    (["a"], "one of two is mended; ", "def f(x, y=2): return 3 * y - x"),
]


@pytest.mark.parametrize(
    ("source", "verdict"),
    [
        ("def f(a): return 1 + a", "one is added. Tried with 3."),
        ("def f(x): return 2 + x", "values: the double is not right: yours is 5. Tried with 3."),
        ("def f(x): return x + 1 + (x == 3)", "values: the double is not right: yours is 5."),
        ("def f(x): return 6 - x", "one of two is mended; a Tried with 3."),
    ],
)
def test_a_known_mistake_is_named_where_it_alone_fits(source, verdict, monkeypatch):
    monkeypatch.setattr(engine, "known_mistakes", lambda *_: KNOWN)
    monkeypatch.setattr(engine, "solution_and_call", lambda *_: ("", "exercise.check(f)"))
    assert said(twice, source).startswith(f"✘ Not yet: {verdict}")


def test_given_code_is_not_attempted_whatever_its_comments(monkeypatch):
    monkeypatch.setattr(engine, "known_mistakes", lambda *_: KNOWN)
    monkeypatch.setattr(engine, "solution_and_call", lambda *_: ("", "exercise.check(f)"))
    given = "def f(x, y=2):\n  'Other words.'\n  return x - 3*y  # here"
    as_given = "○ Not attempted: the code is as given. Change it and run this cell again."
    assert said(twice, given) == as_given
    assert said(twice, given.replace("=2", "=1")).startswith("✘ Not yet: values: the double is")


def test_a_solution_that_somebody_has_changed_stops_no_check(monkeypatch):
    monkeypatch.setattr(known_answers, "solution_and_call", lambda *_: ("def f(x): ...", "f"))
    answer = "def penalised_gradient(X, y, w, b, penalty): return 0 * w, b"
    text = said(lesson01.penalised_gradient, answer, "penalised_gradient")
    assert text.startswith("✘ Not yet: values: grad_w is zero everywhere.")


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ("1.5, (2, 3)", "✔ Right. Two."),
        ("1.51, torch.Size([2, 3])", "✔ Right. Two."),
        ("1.5, ...", "○ Not attempted: give `shape` a value and run this cell again."),
        ("1.53, (2, 3)", "✘ Not yet: values: `first` is not 1.53. Think."),
        ("3, (2, 3)", "✘ Not yet: values: `first` is not 3. Twice too much."),
        ("1.5, (3, 2)", "✘ Not yet: values: `shape` is not (3, 2). The wrong way round."),
        ("1.5, 'two'", "✘ Not yet: type: `shape` should be a tuple like (7, 4)."),
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

    settings = "torch.set_default_dtype(torch.float64), torch.set_default_device('meta')"
    draws = "random.random(), numpy.random.rand(), torch.rand(3), torch.set_grad_enabled(False)"
    assert draw(f"{draws}, {settings}") == draw("pass")
    assert torch.is_grad_enabled() and torch.get_default_dtype() == torch.float32
    assert torch.empty(0).device.type == "cpu"


@exercise("By hand.", by_hand=True)
def by_hand(_):
    yield Trial("3", dict(x=torch.tensor(3.0)), Want("the slope", 6))


def test_autograd_is_off_where_the_gradient_is_to_be_written():
    assert said(by_hand, "def f(x): return 2 * x") == "✔ Right. By hand."
    backward = "x = x.clone().requires_grad_()\n    (x**2).backward()"
    text = said(by_hand, f"def f(x):\n    {backward}\n    return x.grad")
    assert text.startswith("✘ Not yet: it raises RuntimeError: ")
    note = "Autograd is off here: it takes a formula of your own."
    assert note in text and note not in said(by_hand, "def f(x): return x.sun()")


@pytest.mark.parametrize(
    ("make", "change", "place"),
    [
        (lambda: torch.zeros(3), lambda x: x.add_(1), ""),
        (lambda: torch.full((2,), torch.nan), lambda x: x.zero_(), ""),
        (lambda: torch.zeros(3), lambda x: x.requires_grad_(), ""),
        (lambda: torch.zeros(3), lambda x: x.resize_(2), ""),
        (lambda: np.zeros(3), lambda x: x.fill(1), ""),
        (lambda: [1, 2], lambda x: x.pop(), "1"),
        (lambda: [1, 2], lambda x: x.reverse(), "0"),
        (lambda: {"a": [torch.zeros(1)]}, lambda x: x["a"][0].add_(1), "a.0"),
        (lambda: nn.Linear(2, 1), lambda x: nn.init.ones_(x.weight), "weight"),
        (lambda: nn.Linear(2, 1), lambda x: x(torch.ones(1, 2)).sum().backward(), "weight.grad"),
        (nn.Dropout, lambda x: x.eval(), "training mode"),
        (lambda: nn.BatchNorm1d(2), lambda x: x(torch.ones(3, 2)), "running_mean"),
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
    a, b = expect.Fresh(1), expect.Fresh(2)
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
        Want("it", WANT).compare(got)


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
    assert complaint(Want("the result", WANT).compare, got) == message


def test_numbers_and_parts():
    assert [expect.to_float(x) for x in (2, 2.0, np.float32(2), torch.tensor([[2]]))] == [2.0] * 4
    assert complaint(expect.to_float, [1, 2]) == "shape: the result should be one number, got (2,)."
    assert (
        complaint(expect.several, (1,), "a", "b") == "type: expected a tuple (a, b), got 1 values."
    )


def test_checks_compute_on_the_cpu_whatever_the_notebook_has_set(monkeypatch):
    torch.set_default_device("meta")  # where tensors have no values
    try:
        call = "exercises.penalised_gradient.check(penalised_gradient)"
        source = known_answers.solution_and_call("01", "penalised_gradient")[0]
        space = {"__name__": "__main__", "exercises": lesson01}
        assert run(source, call, namespace=space).startswith("✔ Right.")
        assert torch.empty(0).device.type == "meta"
    finally:
        torch.set_default_device(None)


class OnGpu(torch.Tensor):
    """A tensor that pretends to be on a graphics card without float64, as Apple's are."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        plain = [arg.as_subclass(torch.Tensor) if isinstance(arg, cls) else arg for arg in args]
        if function is torch.Tensor.cpu:
            return plain[0]
        here = "detach", "reshape", "stack", "__len__", "unbind", "__get__"
        if function.__name__ in here:
            with torch._C.DisableTorchFunctionSubclass():
                result = function(*args, **(kwargs or {}))
            return result.as_subclass(cls) if isinstance(result, torch.Tensor) else result
        raise TypeError(
            f"{function} before cpu(): no float64 here, and other tensors are elsewhere"
        )


def on_gpu(result):
    """Return a result with all its tensors on the pretended card."""
    if isinstance(result, (list, tuple)):
        return type(result)(map(on_gpu, result))
    return torch.as_tensor(result).as_subclass(OnGpu) if result is not None else None


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("lesson01", "train_step"),
        ("lesson01", "penalised_gradient"),
        ("deeper01", "largest_stable_lr"),
        ("deeper02", "gradients_from_path"),
        ("lesson03", "growth_gradient"),
        ("lesson03", "best_weight"),
        ("deeper03", "run_sgd"),
        ("deeper03", "batch_variance"),
        ("deeper04", "stop_early"),
        ("lesson05", "top_k_accuracy"),
        ("lesson05", "evaluate"),
        ("deeper05", "huber_loss"),
        ("deeper05", "smoothed_gradient"),
    ],
)
def test_an_answer_may_come_from_another_device(module, name):
    solution, call = known_answers.solution_and_call(module[-2:], name)
    answer = known_answers.run_code(solution, call)
    exercise = getattr(modules()[module], name)
    assert exercise.verdict(lambda *args: on_gpu(answer(*args)))[0] == "✔"
    mark, sentence, *_ = exercise.verdict(lambda *args: on_gpu([torch.ones(2), torch.ones(2)]))
    assert mark == "✘" and "raises" not in sentence
