"""The exercises of lesson 04, a cubic fitted by a multilayer perceptron."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn

from .engine import Prediction, Trial, Want, exercise, show_progress
from .expect import Fresh, Wrong, expect, expect_shape, expect_type, several

progress = partial(show_progress, __name__)


@exercise(
    "A layer holds in x out weights and out biases, equal units stay equal, the best constant is "
    "off by the variance, and linear layers alone make a line.",
    kind="value",
)
def predict_before_running(_: Fresh) -> Iterator[Prediction]:
    """Yield four predictions."""
    mistakes = dict.fromkeys((304, 320), "Each layer has biases, the last one too.")
    mistakes |= {288: "Those are the weights.", 49: "There are three linear layers."}
    yield Prediction("num_parameters", 321, "Count layer by layer.", mistakes)
    mistakes = {1: "One unit was given another start.", 16: "Equal starts, equal gradients."}
    yield Prediction("num_distinct", 2, "Which units start the same?", mistakes)
    mistakes = dict.fromkeys((20 / 3, 6.67, 6.7), "The mean divides by the number of labels.")
    mistakes |= dict.fromkeys((5**0.5, 2.236, 2.24), "That is its square root.")
    mistakes |= {20: "It is a mean.", 2.5: "There is no 1/2.", 2: "Squares, not absolute values."}
    mistakes |= {14: "The net starts there, but its last bias moves.", 3: "That is what it says."}
    yield Prediction("zero_start_mse", 5, "How far off is each label in the end?", mistakes)
    yield Prediction("y_at_ten", 21, "What kind of curve is it, and where is it at 0?")


# --- A net from its widths -------------------------------------------------------------------


def _expect_net(net: Any, X: torch.Tensor, num_outputs: int, earlier: list) -> None:
    """Raise Wrong unless the net is a new one and puts out the right shape."""
    expect_type(isinstance(net, nn.Module), "a net, an `nn.Module`", net)
    params = list(net.parameters())
    expect(params, "type: `parameters()` finds none: layers in a plain list do not count.")
    is_new = not {id(param) for param in params} & {id(param) for param in earlier}
    expect(is_new, "two calls return the same net, or nets that share parameters.")
    earlier += params
    y_hat = net(X)
    expect_type(torch.is_tensor(y_hat), "a tensor as the net's output", y_hat)
    expect_shape(y_hat, (len(X), num_outputs), f"the net's output for X {tuple(X.shape)}")


def _off_line(X: torch.Tensor, Y: torch.Tensor) -> torch.Tensor:
    """The largest distance of each column of Y from the nearest linear function of X (and 1)."""
    A = torch.cat([X, torch.ones(len(X), 1)], dim=1).double()
    return (A @ torch.linalg.lstsq(A, Y.double()).solution - Y).abs().amax(dim=0)


def _expect_mlp(widths: Sequence[int], fresh: Fresh, earlier: list, starts: dict, net: Any) -> None:
    """Raise Wrong unless the net is as it should be; keep its layers, those of a seed once."""
    twin = copy.deepcopy(net) if isinstance(net, nn.Module) else net
    X = fresh.normal(200, widths[0])
    _expect_net(net, X, widths[-1], earlier)
    y_hat, again = twin.eval()(X), twin(X[:9])
    message = "values: the first 9 examples, once more and alone, get other outputs."
    expect(torch.allclose(again, y_hat[:9], rtol=1e-2, atol=1e-4, equal_nan=True), message)
    if y_hat.requires_grad:
        y_hat.sum().backward()
    lost = [name for name, param in twin.named_parameters() if param.grad is None]
    calls: list[tuple] = []

    # What stands between two layers is tried on random numbers that the first seems to put out.
    def replace(layer: nn.Module, inputs: tuple, output: torch.Tensor) -> torch.Tensor:
        calls.append((layer, inputs[0].detach().clone(), 2 * fresh.normal(*output.shape)))
        return calls[-1][2].clone()  # an activation may work in place

    for part in twin.modules():
        if isinstance(part, nn.Linear):
            part.register_forward_hook(replace)
    last, layers = twin(X), [layer for layer, _, _ in calls]
    shapes = [(layer.in_features, layer.out_features) for layer in layers]
    shown = ", ".join(f"{num_in} to {num_out}" for num_in, num_out in shapes) or "none"
    wanted = list(zip(widths[:-1], widths[1:], strict=True))
    should = ", ".join(f"{num_in} to {num_out}" for num_in, num_out in wanted)
    message = f"shape: the `nn.Linear` layers that are called should be {should}, yours: {shown}."
    expect(shapes == wanted, message)
    total = sum(param.numel() for param in net.parameters())
    right = sum((num_in + 1) * num_out for num_in, num_out in shapes)
    message = f"values: the net has {total} parameters; layers {shown} with biases have {right}."
    expect(total == right, message)
    expect(torch.equal(calls[0][1], X), "values: the first linear layer does not get X as it is.")
    for k in range(1, len(calls)):
        before, after = calls[k - 1][2], calls[k][1]
        num_bent = int((_off_line(before, after) > 1e-3).sum())
        expect(num_bent, f"values: between linear layers {k} and {k + 1} nothing bends.")
        message = f"values: only {num_bent} of the {widths[k]} units of linear layer {k}"
        expect(num_bent == widths[k], f"{message} pass something that bends.")
    message = "values: the output is not what the last linear layer gives: something follows it."
    expect(torch.allclose(last, calls[-1][2], atol=1e-5), message)
    expect(not lost, f"no gradient of the output reaches `{''.join(lost[:1])}`: it cannot learn.")
    alike = any(layer.weight.std(dim=0).max() < 1e-4 for layer in layers)  # nan for a single unit
    expect(not alike, "values: all units of a layer start alike, with the same weights.")
    starts[str(layers[0].weight.tolist())] = layers


def _expect_start(starts: dict[str, list[nn.Linear]]) -> None:
    """Raise Wrong unless parameters are spread evenly within nn.Linear's bounds (a KS test)."""
    for k, layers in enumerate(zip(*starts.values(), strict=True), start=1):
        for name in ("weight", "bias"):
            values = torch.cat([getattr(layer, name).detach().flatten() for layer in layers])
            values = values.sort().values * layers[0].in_features ** 0.5  # in [-1, 1]
            gap = (values + 1) / 2 - (torch.arange(len(values)) + 0.5) / len(values)
            limit = 3 / len(values) ** 0.5
            right = 1 - 20 / len(values) < values.abs().max() < 1.001 and gap.abs().max() < limit
            message = f"values: before any training linear layer {k} should have `nn.Linear`'s own "
            expect(right, f"{message}{name}, and it has another.")


@exercise(
    "The widths fix how many parameters there are; what stands between the layers decides whether "
    "the net can bend."
)
def mlp(fresh: Fresh) -> Iterator[Trial]:
    """Yield widths, of which the last are large enough to tell where parameters start."""
    earlier, a, b = [], fresh.integer(2, 4), fresh.integer(5, 9)
    for widths in ((1, 8, 8, 1), (a, b, 2), [2, 6, 6, 6, 3], (b, 3, 12, 1), (3, 1), (20, 40, 9)):
        starts: dict[str, list[nn.Linear]] = {}
        judge = partial(_expect_mlp, tuple(widths), fresh, earlier, starts)
        yield Trial(f"widths {widths}", dict(widths=widths), judge=judge, calls=4)
        _expect_start(starts)


# --- Find the bugs ---------------------------------------------------------------------------


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


def _flat(net: nn.Module) -> torch.Tensor:
    return nn.utils.parameters_to_vector(net.parameters()).detach().clone()


def _path(net: nn.Module, X: torch.Tensor, y: torch.Tensor, most: int) -> list[torch.Tensor]:
    """Return a net's parameters after 0, 1, ..., `most` steps of the training as it should be."""
    path, updater = [_flat(net)], torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    for _ in range(most):
        updater.zero_grad()
        nn.MSELoss()(net(X), y.reshape(-1, 1)).backward()
        updater.step()
        path.append(_flat(net))
    return path


def _expect_step(net: nn.Module, path: list[torch.Tensor], num_steps: int) -> None:
    """Raise Wrong unless the net is where the path is after so many steps."""
    moved, *ways = (place - path[0] for place in (_flat(net), *path))
    near = [bool((moved - way).abs().max() < 2e-4 * way.abs().max()) for way in ways]
    if near[num_steps]:
        return
    words = f"values: with num_steps {num_steps}"
    expect(moved.any(), f"{words} it leaves the net as it started.")
    lost = f"{words} the net is not where `lr` 0.05"
    expect(num_steps == 1, f"{lost} and momentum 0.9 take it; with num_steps 1 it is.")
    expect(True not in near[:20], f"{words} it takes {[*near, True].index(True)} steps.")
    ratio = (moved @ ways[1]) / (ways[1] @ ways[1])
    times = (moved - ratio * ways[1]).abs().max() < 2e-4 * moved.abs().max()
    expect(not times, f"{words} the net moves {ratio:.3g} times as far as `lr` 0.05 takes it.")
    raise Wrong(f"{lost} takes it on the MSE of all points.")


@exercise(
    "None of the three raises an error; the best line's and the best constant's MSE beside your "
    "own show that something is wrong.",
    given=_fit_curve,
    seconds=20,
)
def fit_curve(fresh: Fresh) -> Iterator[Trial]:
    """Yield points on a bent curve: first look at the fit, then follow the training by step."""
    earlier: list[nn.Parameter] = []
    for n, form in ((fresh.integer(40, 60), (-1, 1)), (50, (-1,)), (1, (-1,))):
        yield from _training(fresh, n, form, earlier)


def _bends(X: torch.Tensor, y: torch.Tensor, seed: int) -> bool:
    """Tell whether a right answer, started from a seed, trains to a curve."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(1, 16), nn.ReLU(), nn.Linear(16, 1))
    _path(net, X, y, 150)
    return bool(_off_line(X, net(X).detach()) > 0.01)


def _training(fresh: Fresh, n: int, form: tuple[int, ...], earlier: list) -> Iterator[Trial]:
    X, seed = torch.linspace(-1, 1, n).reshape(-1, 1), fresh.integer(1, 10**6)
    slope, bend = 2 * fresh.integer(0, 1) - 1, 2 * fresh.integer(0, 1) - 1
    y = (slope * X + bend * X**2 + 0.02 * fresh.normal(n, 1)).reshape(form)
    nets: list[nn.Module] = []

    def keep(net: Any) -> None:
        _expect_net(net, X, 1, earlier)
        nets.append(net)

    def trial(num_steps: int, judge=keep, calls: int = 1) -> Trial:
        torch.manual_seed(seed)  # right before the call
        words = f"X {(n, 1)} and y {tuple(y.shape)} of a parabola, num_steps {num_steps}"
        return Trial(words, dict(X=X, y=y, num_steps=num_steps), judge=judge, calls=calls)

    while n > 1 and not _bends(X, y, seed):  # one start in some hundreds trains to a straight line
        seed += 1
    yield trial(0)
    if n > 1:
        yield trial(150)
        message = "values: 150 steps leave the net as it started: nothing trains."
        expect(not torch.equal(_flat(nets[0]), _flat(nets[1])), message)
        first = next((param for param in nets[1].parameters() if param.ndim == 2), torch.eye(2))
        message = "values: after training, all hidden units are alike, as if there were one."
        expect(not first.std(dim=0).max() < 1e-4, message)
        y_hat = nets[1](X).detach()
        expect(y_hat.isfinite().all(), "values: after training, the net's output is nan or inf.")
        message = "values: the trained net says nearly the same number for every x."
        expect(y_hat.std() > 0.1 * y.std(), message)
        expect(_off_line(X, y_hat) > 1e-4, "values: the trained net is a straight line.")
    if y.ndim == 2:  # once is enough
        starts: dict[str, list[nn.Linear]] = {}
        yield trial(0, partial(_expect_mlp, (1, 16, 1), fresh, earlier, starts), calls=30)
        message = "values: the net starts with the same numbers at each call."
        expect(len(starts) > 1 or torch.initial_seed() != seed, message)
        _expect_start(starts)
    path = _path(nets[0], X, y, 150 if y.ndim == 2 else 20)
    for num_steps in (1, 2, 150) if y.ndim == 2 else (1, 2):
        yield trial(num_steps)
        _expect_step(nets[-1], path, num_steps)


# --- Stop in time ----------------------------------------------------------------------------


class _Run:
    """A run with known held-out errors; each epoch adds 1 to all parameters.

    They start at 100 times the number of the run, so that those of another run show.
    """

    def __init__(
        self, number: int, errors: Sequence[float], patience: int, max_epochs: int
    ) -> None:
        self.start = 100 * number
        self.errors, self.num_trained, self.best_epoch, self.last = errors, 0, 0, 0
        self.net = nn.Sequential(nn.Linear(1, 3), nn.Tanh(), nn.Linear(3, 1))
        nn.utils.vector_to_parameters(torch.full((10,), float(self.start)), self.net.parameters())
        while self.last < max_epochs and self.last - self.best_epoch < patience:
            self.last += 1
            now, best = errors[self.last], errors[self.best_epoch]
            if now < best or (math.isnan(best) and not math.isnan(now)):
                self.best_epoch = self.last

    def epochs(self, net: Any) -> set[int]:
        """Return the epochs from which the net's parameters come."""
        expect_type(isinstance(net, nn.Module), "a net, an `nn.Module`", net)
        values = nn.utils.parameters_to_vector(net.parameters())
        return {round(value) - self.start for value in values.tolist()}

    def train_epoch(self, net: Any) -> None:
        best = f"the lowest error was at epoch {self.best_epoch}"
        message = f"it goes on after {self.last} epochs, when it should have stopped: {best}."
        expect(self.num_trained < self.last, message)
        self.num_trained += bool(self.epochs(net))
        with torch.no_grad():
            for param in net.parameters():
                param += 1

    def held_out_error(self, net: Any) -> float:
        epoch = max(self.epochs(net))
        message = "`net` holds parameters that are not from this run."
        expect(0 <= epoch < len(self.errors), message)
        return self.errors[epoch]

    def judge(self, got: Any) -> None:
        """Raise Wrong unless training stopped in time and went back to the best epoch."""
        epoch, error = several(got, "best_epoch", "best_error")
        message = f"it stops after {self.num_trained} epochs, when it should have gone on."
        expect(self.num_trained == self.last, message)
        Want("best_epoch", self.best_epoch, any_shape=True).compare(epoch)
        Want("best_error", self.errors[self.best_epoch], any_shape=True, rtol=1e-6).compare(error)
        epochs = self.epochs(self.net)
        message = f"values: `net` is left as it was after epoch {max(epochs)}, not the best one."
        expect(len(epochs) > 1 or epochs == {self.best_epoch}, message)
        expect(len(epochs) == 1, "values: only a part of `net` is put back to the best epoch.")


@exercise(
    "`state_dict()` hands out the parameters themselves, which training moves on; only a copy "
    "remembers the best ones."
)
def stop_early(fresh: Fresh) -> Iterator[Trial]:
    """Yield runs whose held-out errors are known."""
    nan, more, lowest = float("nan"), [9.0] * 99, fresh.integer(5, 9)
    runs = (
        ([(k - lowest) ** 2 + 0.1 for k in range(99)], 5, 50, "errors that fall and then rise"),
        ([5, 4, 4.5, 4.2, 3, 3.5, 3.4, 2, 2.5, 2.4, 2.3, 1, *more], 3, 50, "errors with bumps"),
        ([1 / (1 + k) for k in range(99)], 2, 12, "errors that fall to the end"),
        ([5, 4, 3, 3.5, 3.6, *more], 5, 4, "errors that rise in the last two epochs"),
        ([0.5, 0.3, 0.3, 0.3, 0.3, 0.1, *more], 3, 50, "errors that stay equal for three epochs"),
        ([0.5 - k / 1e6 for k in range(8)] + more, 2, 50, "errors that fall by 0.000001 at a time"),
        ([0.3, 0.0, 0.1, 0.2, *more], 2, 50, "errors of which the lowest is 0"),
        ([-0.1, -0.3, -0.2, -0.2, *more], 2, 50, "errors below 0"),
        ([1, math.nextafter(1, 0), 1, 1, *more], 2, 50, "errors of which one is lower by 1e-16"),
        ([1, 2, 3, *more], 1, 50, "errors that never fall"),
        ([1, *more], 3, 0, "no epoch allowed"),
        ([0.5, 0.2, *[nan] * 99], 2, 50, "errors that are nan from the second epoch on"),
        ([nan, nan, 4, 5, 3, *more], 3, 50, "errors that are nan at epochs 0 and 1"),
        ([nan] * 99, 2, 50, "errors that are nan throughout"),
    )
    for k, (errors, patience, max_epochs, words) in enumerate(runs):
        run = _Run(k, errors, patience, max_epochs)
        args = dict(net=run.net, train_epoch=run.train_epoch, held_out_error=run.held_out_error)
        limits = dict(patience=patience, max_epochs=max_epochs)
        words = f"{words}, patience {patience}, max_epochs {max_epochs}"
        yield Trial(words, args | limits, judge=run.judge, changes={"net": None})
