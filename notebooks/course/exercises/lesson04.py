"""The exercises of lesson 04, a cubic fitted by a multilayer perceptron."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn

from .engine import Prediction, Trial, exercise, show_progress
from .expect import Fresh, Wrong, expect, expect_shape, expect_type

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
    expect(y_hat.requires_grad, "no gradient of the output reaches the net: it cannot learn.")


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
    y_hat.sum().backward()
    lost = [name for name, param in twin.named_parameters() if param.grad is None]
    calls: list[tuple] = []

    # A layer seems to put out random numbers, in pairs of equal rows: what makes the next input?
    def replace(layer: nn.Module, inputs: tuple, output: torch.Tensor) -> torch.Tensor:
        plain = nn.functional.linear(inputs[0], layer.weight, layer.bias)
        message = "values: a linear layer puts out something else than `nn.Linear` does."
        expect(torch.allclose(output, plain, atol=1e-5), message)
        numbers = 2 * fresh.normal(*output.shape)[fresh.order(len(X)) // 2]
        calls.append((layer, inputs[0].detach().clone(), numbers))
        return numbers.clone()  # an activation may work in place

    for part in twin.modules():
        if isinstance(part, nn.Linear):
            part.register_forward_hook(replace)
    last, layers = twin(X), [layer for layer, _, _ in calls]
    shapes = [(layer.in_features, layer.out_features) for layer in layers]
    wanted = list(zip(widths[:-1], widths[1:], strict=True))
    message = f"shape: the `nn.Linear` layers that are called should be {wanted}, yours: {shapes}."
    expect(shapes == wanted, message)
    total = sum(param.numel() for param in net.parameters())
    right = sum((num_in + 1) * num_out for num_in, num_out in shapes)
    message = f"values: the net has {total} parameters; these layers with biases have {right}."
    expect(total == right, message)
    expect(torch.equal(calls[0][1], X), "values: the first linear layer does not get X as it is.")
    for k in range(1, len(calls)):
        before, after = calls[k - 1][2], calls[k][1]
        bent = int((_off_line(before, after) > 1e-3).sum())
        message = f"values: after linear layer {k} something bends for {bent} of {widths[k]} units."
        expect(bent == widths[k], message)
        pairs = after[before[:, 0].argsort()].reshape(-1, 2, widths[k])
        message = f"values: what linear layer {k + 1} gets does not come from layer {k} alone."
        expect(torch.allclose(pairs[:, 0], pairs[:, 1], atol=1e-4), message)
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


def _path(net: nn.Module, X: torch.Tensor, y: torch.Tensor, most: int) -> list[torch.Tensor]:
    """Return a net's parameters after 0, 1, ..., `most` steps of the training as it should be."""
    path, updater = [], torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    for _ in range(most + 1):
        path.append(nn.utils.parameters_to_vector(net.parameters()).detach())
        updater.zero_grad()
        nn.MSELoss()(net(X), y.reshape(-1, 1)).backward()
        updater.step()
    return path


def _multiple(way: torch.Tensor, other: torch.Tensor) -> float:
    """Return by what the other way is to be multiplied to give this one; nan if by nothing."""
    ratio = (way @ other) / (other @ other)
    return ratio.item() if (way - ratio * other).abs().max() < 1e-3 * way.abs().max() else math.nan


def _expect_step(args: dict[str, Any], earlier: list, path: list, net: Any) -> None:
    """Raise Wrong unless the net is where training takes it; fill in the path before any step."""
    X, y, num_steps = args.values()
    _expect_net(net, X, 1, earlier)
    if num_steps == 0:
        path[:] = _path(net, X, y, 150)
        return
    words = f"values: with num_steps {num_steps}"
    place = nn.utils.parameters_to_vector(net.parameters()).detach()
    moved, *ways = (each - path[0] for each in (place, *path))
    near = [bool((moved - way).abs().max() < 2e-4 * way.abs().max()) for way in ways]
    if near[num_steps]:
        return
    expect(moved.any(), f"{words} it leaves the net as it started.")
    expect(True not in near[:20], f"{words} it takes {[*near, True].index(True)} steps.")
    if num_steps == 1:
        times = _multiple(moved, ways[1])
        message = f"{words} the net moves {times:.3g} times as far as `lr` 0.05 takes it."
        expect(math.isnan(times), message)
        nn.utils.vector_to_parameters(path[0].clone(), net.parameters())
        to_mean = _path(net, X, y.mean().expand(len(X)), 1)[1] - path[0]
        message = f"{words} each output is compared with all labels, not only with its own."
        expect(math.isnan(_multiple(moved, to_mean)), message)
    if num_steps == 2:
        more = _multiple(moved - ways[2], ways[1])
        message = f"{words} the first step's gradient is still in the second one's: is it zeroed?"
        expect(not abs(more - 1) < 0.01, message)
        expect(math.isnan(more), f"{words} momentum seems to be {abs(0.9 + more):.2f}.")
    raise Wrong(f"{words} the net is not where `lr` 0.05, momentum 0.9 and the MSE take it.")


@exercise(
    "None of the three raises an error; the best line's and the best constant's MSE beside your "
    "own show that something is wrong.",
    given=_fit_curve,
    seconds=20,
)
def fit_curve(fresh: Fresh) -> Iterator[Trial]:
    """Yield points on a bent curve: follow the training, then look at the untrained net."""
    earlier, path, starts = [], [], {}
    for n, form in ((fresh.integer(40, 60), (-1, 1)), (50, (-1,)), (1, (-1,))):
        X, seed = torch.linspace(-1, 1, n).reshape(-1, 1), fresh.integer(1, 10**6)
        y = (X**2 - X + 0.02 * fresh.normal(n, 1)).reshape(form)
        shown = f"X {(n, 1)} and y {tuple(y.shape)} of a parabola, num_steps"
        for num_steps in (0, 1, 2, 150) if y.ndim == 2 else (0, 1, 2):
            torch.manual_seed(seed)
            args = dict(X=X, y=y, num_steps=num_steps)
            judge = partial(_expect_step, args, earlier, path)
            yield Trial(f"{shown} {num_steps}", args, judge=judge, calls=1)
        if y.ndim == 2:  # once is enough
            torch.manual_seed(seed)
            judge = partial(_expect_mlp, (1, 16, 1), fresh, earlier, starts)
            yield Trial(f"{shown} 0", dict(X=X, y=y, num_steps=0), judge=judge, calls=30)
            message = "values: the net starts with the same numbers at each call."
            expect(len(starts) > 1 or torch.initial_seed() != seed, message)
            _expect_start(starts)
