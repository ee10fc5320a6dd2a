"""The exercises of lesson 02, linear regression with PyTorch's own parts."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils import data

from .engine import Prediction, Trial, Want, exercise, show_progress
from .expect import Fresh, expect, expect_shape, expect_type, kind_of

progress = partial(show_progress, __name__)


@exercise(
    "The mean, the sum and the half change the loss by a factor, and the learning rate has to make "
    "up for it; shapes and counts follow from the sizes alone.",
    kind="value",
)
def predict_before_running(_: Fresh) -> Iterator[Prediction]:
    """Yield four predictions."""
    mistakes = {1.5: "That is `squared_loss`'s mean.", 24: "That is the squared errors' sum."}
    yield Prediction("mean_loss", 3, "Work out the squared errors' sum first.", mistakes)
    mistakes = {0.03: "That would do for the mean.", 0.006: "`MSELoss` has no 1/2."}
    yield Prediction("same_lr", 0.003, "By what factor do the two gradients differ?", mistakes)
    mistakes = {(3, 2): "Which comes first in a weight?", (3, 5): "That is the first layer's."}
    hint = "What does the second layer take in, and what does it give out?"
    yield Prediction("weight_shape", (2, 3), hint, mistakes)
    mistakes = {20: "Mind `drop_last`.", 3: "That is one epoch.", 19: "Each epoch starts anew."}
    yield Prediction("num_steps", 15, "Count the full batches of one epoch first.", mistakes)


def _expect_net(earlier: list, num_inputs: int, width: int, num_outputs: int, net: Any) -> None:
    """Raise Wrong unless the net has all it should, judged by its parameters and outputs alone."""
    expect_type(isinstance(net, nn.Module), "a net (an instance of `nn.Module`)", net)
    parameters = dict(net.train().named_parameters())
    is_new = not {id(p) for p in parameters.values()} & {id(p) for p in earlier}
    expect(is_new, "two calls return the same net, or nets that share parameters.")
    earlier.extend(parameters.values())
    for n in (7, 1):
        output = net(torch.ones(n, num_inputs))
        expect_type(torch.is_tensor(output), "a tensor as the net's output", output)
        expect_shape(output, (n, num_outputs), f"the output for X {(n, num_inputs)}")
    num_weights = width * (num_inputs + num_outputs)
    count = sum(p.numel() for p in parameters.values())
    hint = " It sees no layers in a plain list, and no tensors but `nn.Parameter`." * (not count)
    size = num_weights + width + num_outputs
    expect(count == size, f"values: `net.parameters()` holds {count} numbers, not {size}.{hint}")
    if output.requires_grad:
        output.sum().backward()
    for name, p in parameters.items():
        expect(p.grad is not None, f"no gradient of the output reaches `{name}`.")
    _expect_two_layers(net, num_inputs, width)
    _expect_start(net, num_inputs, num_weights, earlier)


@torch.no_grad()
def _expect_two_layers(net: nn.Module, num_inputs: int, width: int) -> None:
    """Raise Wrong unless the net, with parameters all alike, does what two linear layers do."""
    start, value = copy.deepcopy(net.state_dict()), -0.5
    for p in net.parameters():
        p.fill_(value)
    X = torch.linspace(-3, 3, 8).reshape(-1, 1) + torch.linspace(0, 1, num_inputs)
    output, middle = net(X), value * X.sum(dim=1, keepdim=True) + value  # (8, num_outputs), (8, 1)
    right = (width * value * middle + value).expand_as(output)
    message = "values: with all parameters -0.5 the output is not that of two linear layers alone."
    expect(torch.allclose(output, right, rtol=1e-4, atol=1e-3), message)
    net.load_state_dict(start)


@torch.no_grad()
def _expect_start(net: nn.Module, num_inputs: int, num_weights: int, earlier: list) -> None:
    """Raise Wrong unless the biases are zero and the weights from N(0, 0.01**2)."""
    values = torch.cat([p.flatten() for p in net.parameters()])
    expect(values.isfinite().all(), "values: some parameters start at nan or inf.")
    expect(not net(torch.zeros(1, num_inputs)).any(), "values: not all biases start at zero.")
    expect(values.count_nonzero() >= 0.99 * num_weights, "values: some weights start at zero.")
    draws = torch.cat([p[p != 0] for p in earlier])  # by chance, hardly any two are equal
    message = "values: weights repeat, in a net or from call to call. Draw each anew; set no seed."
    expect(len(draws.unique()) > 0.9 * len(draws), message)
    for name, p in net.named_parameters():
        if p.numel() > 10_000:  # enough to tell a distribution
            z = (p[p != 0] / 0.01).sort().values
            gap = torch.special.ndtr(z) - (torch.arange(len(z)) + 0.5) / len(z)
            message = f"values: `{name}` is not from N(0, 0.01**2): mean {p.mean():.2g}, "
            message += f"standard deviation {p.std():.2g}, largest {p.max():.2g}."
            expect(abs(z.std() - 1) < 0.04 and gap.abs().max() < 0.025, message)


@exercise(
    "A layer has in times out weights and out biases, so with inputs and outputs fixed the width "
    "in the middle decides how many parameters the net has."
)
def net_of_size(fresh: Fresh) -> Iterator[Trial]:
    """Yield sizes, of which one is large enough to tell where the weights start."""
    earlier: list[nn.Parameter] = []
    for d, width, num_outputs in (
        (4, 3, 2),
        (fresh.integer(5, 9), fresh.integer(14, 25), fresh.integer(2, 4)),
        (150, fresh.integer(95, 110), 150),
        (2, 1, 3),
        (1, 1, 1),
    ):
        size = width * (d + 1 + num_outputs) + num_outputs
        args = dict(num_inputs=d, num_outputs=num_outputs, num_parameters=size)
        words = ", ".join(f"{name} {value}" for name, value in args.items())
        yield Trial(words, args, judge=partial(_expect_net, earlier, d, width, num_outputs))


def _train_with_momentum(net, data_iter, lr, num_epochs):
    """Hold the code that the lesson gives, with its three mistakes."""
    loss = nn.MSELoss()
    for _ in range(num_epochs):
        optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
        optimizer.zero_grad()
        for X, y in data_iter:
            l = loss(net(X), y)
            l.backward()
            optimizer.step()


FAULTS = {
    "labels": "labels of shape (n,) beside predictions of shape (n, 1)",
    "gradients": "gradients that still hold those of earlier minibatches",
    "velocities": "velocities that start anew in each epoch",
}


def _trained(net: nn.Module, batches: list, lr: float, num_epochs: int, fault: str) -> dict:
    """Return the parameters after training, with one fault or none."""
    net = copy.deepcopy(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    for _ in range(num_epochs):
        if fault == "velocities":
            optimizer.state.clear()
        for X, y in batches:
            labels = y if fault == "labels" else y.reshape(-1, 1)
            if fault != "gradients":
                optimizer.zero_grad()
            ((net(X) - labels) ** 2).mean().backward()
            optimizer.step()
    return net.state_dict()


class _Loader(data.DataLoader):
    """Counts how often it is walked through."""

    walks = 0

    def __iter__(self) -> Iterator:
        self.walks += 1
        return super().__iter__()


def _expect_trained(args: dict, outcomes: dict, before: dict, got: Any) -> None:
    """Raise Wrong, with the fault where it can be told, unless the net has been trained rightly."""
    expect(got is None, f"type: it should return nothing, and it returns {kind_of(got)}.")
    now = args["net"].state_dict()
    for fault, goal in outcomes.items():
        if all(torch.allclose(now[name], goal[name], rtol=1e-4, atol=1e-5) for name in goal):
            why = FAULTS.get(fault)
            expect(not why, f"values: training takes the net where {why} take it.")
            break  # the first outcome, which has no fault, may be that of a fault as well
    for name, want in outcomes[""].items():
        expect_moved(name, "training", before[name], now[name], want)
    walks = getattr(args["data_iter"], "walks", args["num_epochs"])
    message = "it walks through `data_iter` less than once an epoch; the order may be new in each."
    expect(walks >= args["num_epochs"], message)


def expect_moved(name: str, when: str, before: Any, got: Any, want: Any) -> None:
    """Raise Wrong unless a parameter has gone from `before` to `want`."""
    stays = torch.equal(got, before) and not torch.allclose(want, before, rtol=1e-4, atol=1e-5)
    expect(not stays, f"values: {when} leaves `{name}` as it was.")
    Want(f"`{name}` after {when}", want).compare(got)


@exercise(
    "One optimizer for the whole training, one zeroing for each step, labels of the predictions' "
    "shape: none of the three raises an error when it is missing.",
    given=_train_with_momentum,
)
def train_with_momentum(fresh: Fresh) -> Iterator[Trial]:
    """Yield nets and loaders; PyTorch's optimizer tells where the parameters go."""
    n = fresh.integer(11, 14)
    nets = {1: nn.Linear(1, 1)} | {d: nn.Sequential(nn.Linear(d, 1)) for d in (2, 3)}
    for rows, d, batch_size, num_epochs, form, why in (
        (n, 2, 20, 1, (-1,), ": a single step"),
        (n, 3, 5, 1, (-1, 1), ""),
        (n, 3, 20, 3, (-1, 1), ": one step in an epoch, the net of before"),
        (2 * n + 1, 1, 4, 4, (-1,), ""),
        (n, 2, 4, 2, (-1,), ", the minibatches in a list"),
        (n, 2, 5, 1, (-1, 1), ", a net that comes with old gradients"),
        (1, 2, 1, 2, (-1,), ": a single example"),
        (n, 2, 5, 0, (-1, 1), ""),
    ):
        X, lr = fresh.normal(rows, d), 0.01 * fresh.integer(2, 5)
        y = (X @ fresh.normal(d, 1) + 2).reshape(form)
        net = nets[d]  # the same one again, which no answer should remember
        batches = list(zip(X.split(batch_size), y.split(batch_size), strict=True))
        data_iter = batches if "list" in why else _Loader(data.TensorDataset(X, y), batch_size)
        before = copy.deepcopy(net.state_dict())
        outcomes = {f: _trained(net, batches, lr, num_epochs, f) for f in ("", *FAULTS)}
        for p in net.parameters():
            p.grad = torch.ones_like(p) if "old" in why else None
        args = dict(net=net, data_iter=data_iter, lr=lr, num_epochs=num_epochs)
        judge = partial(_expect_trained, args, outcomes, before)
        words = f"X {(rows, d)}, y {tuple(y.shape)}, batch_size {batch_size}, epochs {num_epochs}"
        yield Trial(words + why, args, judge=judge, changes={"net": None})
