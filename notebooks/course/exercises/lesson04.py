"""The exercises of lesson 04, a cubic fitted by a multilayer perceptron."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn

from .engine import Prediction, Trial, exercise, show_progress
from .expect import Fresh, Want, expect, expect_shape, expect_type

progress = partial(show_progress, __name__)


@exercise(
    "A layer holds in x out weights and out biases, equal units stay equal, the best constant is "
    "off by the variance, and linear layers alone make a line.",
    predicts=True,
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


def _off_line(X: torch.Tensor, Y: torch.Tensor) -> torch.Tensor:
    """The largest distance of each column of Y from the nearest linear function of X (and 1)."""
    A = torch.cat([X, torch.ones(len(X), 1)], dim=1).double()
    return (A @ torch.linalg.lstsq(A, Y.double()).solution - Y).abs().amax(dim=0)


def _expect_mlp(widths: Sequence[int], fresh: Fresh, net: Any) -> nn.Module:
    """Raise Wrong unless the net has these layers, bends between them, and can learn."""
    expect_type(isinstance(net, nn.Module), "a net, an `nn.Module`", net)
    expect(
        list(net.parameters()),
        "type: `parameters()` finds none: layers in a plain list do not count.",
    )
    wanted, calls = list(zip(widths[:-1], widths[1:], strict=True)), []
    message = f"shape: the `nn.Linear` layers should be {wanted}, yours:"
    linears = [part for part in net.modules() if isinstance(part, nn.Linear)]
    shapes = [(layer.in_features, layer.out_features) for layer in linears]
    is_lazy = not all(min(shape) for shape in shapes)  # sizes are known from the first call on
    expect(is_lazy or sorted(shapes) == sorted(wanted), f"{message} {shapes}.")
    X = fresh.normal(200, widths[0])
    y_hat = net(X)
    expect_type(torch.is_tensor(y_hat), "a tensor as the net's output", y_hat)
    expect_shape(y_hat, (len(X), widths[-1]), f"the net's output for X {tuple(X.shape)}")
    expect(y_hat.requires_grad, "no gradient of the output reaches the net: it cannot learn.")
    twin = copy.deepcopy(net)
    twin(X).sum().backward()
    lost = [name for name, param in twin.named_parameters() if param.grad is None]
    y_hat, again = twin.train()(X), twin(X[:9])
    message = "values: the first 9 examples, once more and alone, get other outputs."
    expect(torch.allclose(again, y_hat[:9], rtol=1e-2, atol=1e-4, equal_nan=True), message)

    # Replace each output by random rows, twice the same, to isolate what lies between layers.
    twins = fresh.order(len(X)).reshape(-1, 2)  # (100, 2)

    def replace(layer: nn.Module, inputs: tuple, output: torch.Tensor) -> torch.Tensor:
        rows = 2 * fresh.normal(*output.shape)
        rows[twins[:, 0]] = rows[twins[:, 1]]
        calls.append((layer, inputs[0].detach().clone(), rows))
        return rows.clone()  # an activation may work in place

    for part in twin.modules():
        if isinstance(part, nn.Linear):
            part.register_forward_hook(replace)
    last, layers = twin(X), [layer for layer, _, _ in calls]
    shapes = [(layer.in_features, layer.out_features) for layer in layers]
    expect(shapes == wanted, f"{message} {shapes}, as they are called.")
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
        message = f"values: what linear layer {k + 1} gets does not come from layer {k} alone."
        expect(torch.allclose(*after[twins].unbind(dim=1), atol=1e-4), message)
    message = "values: the output is not what the last linear layer gives: something follows it."
    expect(torch.allclose(last, calls[-1][2], atol=1e-5), message)
    expect(not lost, f"no gradient of the output reaches `{''.join(lost[:1])}`: it cannot learn.")
    for k, layer in enumerate(layers, start=1):
        is_alike = layer.weight.std(dim=0).max() < 1e-4  # nan for a single unit
        expect(not is_alike, "values: all units of a layer start alike, with the same weights.")
        message = f"values: before any training linear layer {k} should have `nn.Linear`'s own "
        for name, param in layer.named_parameters():
            bound = 1.001 / layer.in_features**0.5
            largest = param.abs().max()  # of eight and more hardly ever below a fifth of the bound
            is_own = 0 < largest <= bound and (param.numel() < 8 or largest > bound / 5)
            expect(is_own, f"{message}{name}, and it has another.")
    return net


def _expect_new_nets(nets: list[nn.Module]) -> None:
    params = [{id(param) for param in net.parameters()} for net in nets]
    message = "two calls return the same net, or nets that share parameters."
    expect(not params[0] & params[1], message)


@exercise(
    "The widths fix how many parameters there are; what stands between the layers decides whether "
    "the net can bend."
)
def mlp(fresh: Fresh) -> Iterator[Trial]:
    """Yield widths, of which the last are large enough to tell where parameters start."""
    a, b = fresh.integer(2, 4), fresh.integer(5, 9)
    for widths in ((1, 8, 5, 2), (a, b, 2), [6, 6, 6, 6, 3], (b, 3, 12, 1), (3, 1), (20, 40, 9)):
        judge = partial(_expect_mlp, tuple(widths), fresh)
        args = dict(widths=widths)
        yield Trial(f"widths {widths}", args, judge=judge, judge_all=_expect_new_nets)


def _trained(net: nn.Module, X: torch.Tensor, y: torch.Tensor, num_steps: int) -> nn.Module:
    """Return a copy of a net after `num_steps` steps of the training as it should be."""
    net = copy.deepcopy(net)
    updater = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    for _ in range(num_steps):
        updater.zero_grad()
        nn.MSELoss()(net(X), y.reshape(-1, 1)).backward()
        updater.step()
    return net


def _start_and_end(args: dict, seed: int, fit_curve: Any) -> tuple[Any, Any]:
    """Call an answer without any step and with all of them, from the same random numbers."""
    torch.manual_seed(seed)
    start = fit_curve(args["X"], args["y"], 0)
    torch.manual_seed(seed)
    return start, fit_curve(*args.values())


def _expect_fit(args: dict, fresh: Fresh, got: tuple[Any, Any]) -> None:
    """Raise Wrong unless the net without a step is a new MLP, and the other is trained from it."""
    start, net = _expect_mlp((1, 16, 1), fresh, got[0]), got[1]
    expect_type(isinstance(net, nn.Module), "a net, an `nn.Module`", net)
    _expect_new_nets([start, net])
    goal = _trained(start, **args)
    places = [nn.utils.parameters_to_vector(each.parameters()) for each in (start, net, goal)]
    way, right_way = places[1] - places[0], places[2] - places[0]
    near = 1e-3 * right_way.abs().max().item()
    want = Want("what the steps add to the parameters", right_way, rtol=1e-3, atol=near)
    want.compare(way)


@exercise(
    "None of the three raises an error; the best line's and the best constant's MSE beside your "
    "own show that something is wrong.",
    seconds=20,
)
def fit_curve(fresh: Fresh) -> Iterator[Trial]:
    """Yield points on a bent curve, without any step and with some."""
    n = fresh.integer(40, 60)
    for rows, form, num_steps in (
        (n, (-1,), 1),
        (n, (-1,), 2),
        (n, (-1, 1), 2),
        (n, (-1, 1), 150),
        (1, (-1,), 2),
        (n, (-1,), 0),
    ):
        X = torch.linspace(-1, 1, rows).reshape(-1, 1)
        y = (X**2 - X + 0.02 * fresh.normal(rows, 1)).reshape(form)
        args = dict(X=X, y=y, num_steps=num_steps)
        words = f"X {(rows, 1)} and y {tuple(y.shape)} of a parabola, num_steps {num_steps}"
        use = partial(_start_and_end, args, fresh.integer(1, 10**6))
        yield Trial(words, args, judge=partial(_expect_fit, args, fresh), use=use, calls=1)
