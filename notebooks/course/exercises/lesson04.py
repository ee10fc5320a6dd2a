"""The checks of lesson 04, a cubic fitted by a multilayer perceptron."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from .engine import Wrong, _kind, case, exercise
from .expect import (
    Fresh,
    expect,
    expect_dtype,
    expect_shape,
    number,
    numbers,
    several,
    unchanged,
)


def _expect_net(net: Any) -> None:
    expect(isinstance(net, nn.Module), f"type: expected a net, an `nn.Module`, got {_kind(net)}.")


def _output(net: nn.Module, X: torch.Tensor) -> torch.Tensor:
    """What the net makes of X; layers that do not fit are the answer's mistake, not the check's."""
    try:
        return numbers(net(X), "what the net returns")
    except RuntimeError as error:
        if not isinstance(net, nn.Sequential):
            raise  # it shows the line in the learner's own `forward`
        words = f"shape: the layers do not fit each other or the input {tuple(X.shape)}"
        raise Wrong(f"{words}: {str(error).splitlines()[0]}.") from error


def _alike(weight: torch.Tensor) -> bool:
    """Whether all rows, one for each unit, are the same up to rounding."""
    return len(weight) > 1 and bool((weight - weight[0]).abs().max() < 1e-4)


def _off_line(X: torch.Tensor, Y: torch.Tensor) -> torch.Tensor:
    """How far Y is, in each place, from the linear function of X (and 1) that is nearest to it."""
    A = torch.cat([X, torch.ones(len(X), 1)], dim=1).double()
    return A @ torch.linalg.lstsq(A, Y.double()).solution - Y


# --- Exercise 1 ------------------------------------------------------------------------------


def _expect_prediction(got: Any, want: float, name: str, hints: dict[float, str]) -> None:
    value = number(got, name)
    hint = next((words for wrong, words in hints.items() if abs(value - wrong) < 0.01), "")
    expect(abs(value - want) < 1e-4, f"values: {name} is not {value:g}. {hint}".rstrip())


@exercise(
    "A layer holds in x out weights and out biases, equal units stay equal, the best constant is "
    "off by the variance, and linear layers alone make a line.",
    kind="value",
)
def predict_before_running(parameters: Any, units: Any, error: Any, value: Any) -> None:
    """Judge four predictions, of which the common mistakes get a word of their own."""
    hints = {
        288: "Those are the weights.",
        304: "Each layer has biases.",
        320: "The last layer has a bias too.",
        49: "There are three linear layers.",
    }
    _expect_prediction(parameters, 321, "num_parameters", hints)
    hints = {
        1: "One unit was given another start.",
        16: "Units with the same start get the same gradient.",
        15: "Count how many different ones there are.",
    }
    _expect_prediction(units, 2, "num_distinct", hints)
    hints = {
        20: "That is the sum of the squares.",
        20 / 3: "The mean divides by the number of labels.",
        5**0.5: "That is its square root.",
        2: "Squares, not absolute values.",
        14: "The net starts there, but its last bias moves.",
        2.5: "There is no 1/2.",
    }
    _expect_prediction(error, 5, "zero_start_mse", hints)
    hints = {20: "What does it give at 0?", 30: "What does it give at 0?"}
    _expect_prediction(value, 21, "y_at_ten", hints)


# --- Exercise 2 ------------------------------------------------------------------------------


def _run(net: nn.Module, X: torch.Tensor, fresh: Fresh) -> tuple[list, torch.Tensor]:
    """Run a net in which random numbers replace what each linear layer puts out.

    Returns for each linear layer that ran (layer, what went in, what replaced its output), and
    the net's output. So what stands between two layers is tried by itself, on known numbers.
    """
    calls = []

    def replace(layer: nn.Module, inputs: tuple, output: torch.Tensor) -> torch.Tensor:
        random = 2 * fresh.normal(*output.shape)
        calls.append((layer, inputs[0].detach(), random))
        return random.clone()  # an activation may work in place

    linear = [part for part in net.modules() if isinstance(part, nn.Linear)]
    handles = [part.register_forward_hook(replace) for part in linear]
    try:
        return calls, _output(net.eval(), X)
    finally:
        for handle in handles:
            handle.remove()


def _expect_mlp(net: Any, widths: Sequence[int], fresh: Fresh) -> None:
    _expect_net(net)
    X = fresh.normal(200, widths[0])
    y_hat = _output(net, X)
    expect_shape(y_hat, (200, widths[-1]), "the net's output for 200 examples")
    expect_dtype(y_hat, torch.float32, "the net's output")
    total = sum(param.numel() for param in net.parameters())
    message = "`parameters()` finds none: layers count only as attributes or in a Sequential."
    expect(total > 0, f"type: {message}")
    calls, y_hat = _run(net, X, fresh)
    shapes = [(layer.in_features, layer.out_features) for layer, _, _ in calls]
    shown = ", ".join(f"{num_in} to {num_out}" for num_in, num_out in shapes) or "none"
    message = f"shape: the linear layers that run are not those of the widths: {shown}."
    expect(shapes == list(zip(widths[:-1], widths[1:], strict=True)), message)
    want = sum((num_in + 1) * num_out for num_in, num_out in shapes)
    which = "too many" if total > want else "too few"
    message = f"values: {total} parameters are {which} for layers {shown}, each with biases."
    expect(total == want, message)
    for k in range(1, len(calls)):
        before, after = calls[k - 1][2], calls[k][1]
        expect_shape(after, tuple(before.shape), f"what goes into linear layer {k + 1}")
        message = f"values: linear layers {k} and {k + 1} are together one linear layer"
        expect(_off_line(before, after).abs().max() > 1e-3, f"{message}: nothing bends in between.")
    message = "values: the output is not what the last linear layer gives, so it is limited."
    expect(torch.allclose(y_hat, calls[-1][2], atol=1e-5), message)
    message = "values: all units of a layer start alike, so they will stay alike."
    expect(not any(_alike(layer.weight.detach()) for layer, _, _ in calls), message)


@exercise(
    "The widths fix how many parameters there are; what stands between the layers decides whether "
    "the net can bend."
)
def mlp(answer: Any) -> None:
    """Judge a function that builds a multilayer perceptron from its widths."""
    fresh = Fresh()
    for widths in (
        (1, 8, 8, 1),
        (fresh.integer(2, 4), fresh.integer(5, 9), fresh.integer(2, 3)),
        [2, 6, 6, 6, 3],
        (fresh.integer(5, 9), 3, 12, 1, 4),
        (3, 1),
    ):
        given = widths.copy() if isinstance(widths, list) else widths
        with case(f"widths {widths}"):
            _expect_mlp(answer(given), widths, fresh)
            expect(given == widths, "it changes `widths`, which belongs to the caller.")


# --- Exercise 3 ------------------------------------------------------------------------------


def _fit_curve(X, y, num_steps):
    """Hold the code that the lesson gives, with its three mistakes."""
    net = nn.Sequential(nn.Linear(1, 16), nn.Linear(16, 1))
    for param in net.parameters():
        nn.init.zeros_(param)
    updater = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    for _ in range(num_steps):
        l = nn.MSELoss()(net(X), y)
        updater.zero_grad()
        l.backward()
        updater.step()
    return net


def _expect_fit(net: Any, X: torch.Tensor, y: torch.Tensor) -> None:
    """Raise Wrong, with what one sees of the mistake, unless the net follows the bend in y."""
    _expect_net(net)
    y_hat, y = _output(net, X), y.reshape(-1, 1)
    expect_shape(y_hat, (len(X), 1), f"the trained net's output for {len(X)} examples")
    first = next((param for param in net.parameters() if param.ndim == 2), torch.eye(2))
    message = "values: after training, all hidden units are alike, as if there were one."
    expect(not _alike(first.detach()), message)
    error, limit = (y_hat - y).square().mean().item(), _off_line(X, y).square().mean().item()
    if error < limit / 2:
        return
    expect(math.isfinite(error), f"values: the trained net's error is {error}.")
    message = "values: the trained net says nearly the same number for every x."
    expect(y_hat.std() > 0.1 * y.std(), message)
    message = "values: the trained net is a straight line."
    expect(_off_line(X, y_hat).abs().max() > 1e-4, message)
    raise Wrong(f"values: the trained net's MSE is {error:.3f}, the best line's {limit:.3f}.")


@exercise(
    "None of the three raises an error; the best line's and the best constant's MSE beside your "
    "own show that something is wrong.",
    given=_fit_curve,
    seconds=20,
)
def fit_curve(answer: Any) -> None:
    """Judge the mended training by how the net fits points on a bent curve."""
    fresh = Fresh()
    for n, form in ((fresh.integer(40, 60), (-1, 1)), (50, (-1,))):
        X = torch.linspace(-1, 1, n).reshape(-1, 1)
        slope, bend = 2 * fresh.integer(0, 1) - 1, 2 * fresh.integer(0, 1) - 1
        y = (slope * X + bend * X**2 + 0.02 * fresh.normal(n, 1)).reshape(form)
        same = unchanged(X=X, y=y)
        # 150 steps are enough for most activations and starts, 800 for a sigmoid from any start
        for num_steps in (150, 800):
            with case(f"{n} points on a parabola, y of shape {tuple(y.shape)}, {num_steps} steps"):
                net = answer(X, y, num_steps)
                same()
                try:
                    _expect_fit(net, X, y)
                    break
                except Wrong:
                    if num_steps == 800 or not isinstance(net, nn.Module):
                        raise


# --- Exercise 4 ------------------------------------------------------------------------------


class _Run:
    """A training run whose held-out errors are known: one for each epoch, from 0.

    The parameters tell which epoch a net is in: each epoch adds 1 to all of them.
    """

    def __init__(self, errors: Sequence[float], patience: int, max_epochs: int) -> None:
        self.errors, self.num_trained, self.best_epoch, self.last = errors, 0, 0, 0
        self.net = nn.Sequential(nn.Linear(1, 3), nn.Tanh(), nn.Linear(3, 1))
        self.start = [param.detach().clone() for param in self.net.parameters()]
        while self.last < max_epochs and self.last - self.best_epoch < patience:
            self.last += 1
            if errors[self.last] < errors[self.best_epoch]:
                self.best_epoch = self.last

    def epochs(self, net: Any) -> list[float]:
        """For each parameter, the epoch from which it comes."""
        _expect_net(net)
        pairs = zip(net.parameters(), self.start, strict=True)
        return [round((param.detach() - start).mean().item(), 2) for param, start in pairs]

    def train_epoch(self, net: Any) -> None:
        """Train a net for one epoch, in place."""
        expect(self.num_trained < self.last, "it goes on training when it should have stopped.")
        self.epochs(net)
        self.num_trained += 1
        with torch.no_grad():
            for param in net.parameters():
                param += 1

    def held_out_error(self, net: Any) -> float:
        """Return the held-out error of a net as it is now."""
        return self.errors[int(self.epochs(net)[0])]


@exercise(
    "`state_dict()` hands out the parameters themselves, which training moves on; only a copy "
    "remembers the best ones."
)
def stop_early(answer: Any) -> None:
    """Judge early stopping on runs whose held-out errors are known."""
    falling = [1 / (1 + k) for k in range(99)]
    nan, more = float("nan"), [9.0] * 99
    lowest, some = Fresh().integer(5, 9), Fresh().integer(4, 6)
    plain = [0.1 + (k - lowest) ** 2 for k in range(99)]
    for errors, patience, max_epochs, words in (
        (plain, some, 50, "errors that fall for some epochs and then rise"),
        ([5, 4, 4.5, 4.2, 3, 3.5, 3.4, 2, 2.5, 2.4, 2.3, 1, *more], 3, 50, "errors with bumps"),
        (falling, 2, 12, "errors that fall to the end"),
        ([0.5, 0.3, 0.3, 0.3, 0.3, 0.1, *more], 3, 50, "errors that stay equal for three epochs"),
        ([0.5, 0.2, *[nan] * 99], 2, 50, "errors that are nan from the second epoch on"),
        ([1, 2, 3, *more], 1, 50, "errors that never fall"),
        ([1, *more], 3, 0, "no epoch allowed"),
    ):
        run = _Run(errors, patience, max_epochs)
        with case(f"{words}, patience {patience}, max_epochs {max_epochs}"):
            got = answer(run.net, run.train_epoch, run.held_out_error, patience, max_epochs)
            epoch, error = several(got, "best_epoch", "best_error")
            epoch, error = number(epoch, "best_epoch"), number(error, "best_error")
            message = f"it stops after {run.num_trained} epochs, when it should have gone on."
            expect(run.num_trained == run.last, message)
            expect(epoch == run.best_epoch, f"values: best_epoch is not {epoch:g}.")
            right = abs(error - errors[run.best_epoch]) < 1e-6
            expect(right, f"values: best_error is not {error:.4g}.")
            states = run.epochs(run.net)
            message = "values: `net` is left as it was before the first epoch."
            expect(run.best_epoch == 0 or any(states), message)
            message = "values: `net` is left as the last epoch made it, not the best one."
            expect(run.best_epoch == run.last or set(states) != {float(run.last)}, message)
            message = "values: `net` is not left as the best epoch made it."
            expect(set(states) == {float(run.best_epoch)}, message)
