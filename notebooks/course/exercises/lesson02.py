"""The exercises of lesson 02, linear regression with PyTorch's own parts."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils import data

from .engine import Prediction, Trial, exercise, show_progress
from .expect import Fresh, Want, expect, expect_shape, expect_type, kind_of

progress = partial(show_progress, __name__)


@exercise(
    "The mean, the sum and the half change the loss by a factor, and the learning rate has to make "
    "up for it; shapes and counts follow from the sizes alone.",
    predicts=True,
)
def predict_before_running(_: Fresh) -> Iterator[Prediction]:
    """Yield four predictions."""
    mistakes = {1.5: "That is `squared_loss`'s mean.", 24: "That is the squared errors' sum."}
    mistakes |= {0.75: "Which of the two losses has the 1/2?"}
    yield Prediction("mean_loss", 3, "Work out the squared errors' sum first.", mistakes)
    mistakes = {0.03: "That would do for the mean.", 0.006: "`MSELoss` has no 1/2."}
    mistakes |= dict.fromkeys((0.3, 0.6, 1.2), "A larger gradient needs a smaller rate.")
    yield Prediction("same_lr", 0.003, "By what factor do the two gradients differ?", mistakes)
    mistakes = dict.fromkeys(((3, 5), (5, 3)), "Here the first layer's numbers stand.")
    mistakes |= {(3, 2): "Which comes first in a weight?"}
    hint = "What does the second layer take in, and what does it give out?"
    yield Prediction("weight_shape", (2, 3), hint, mistakes)
    mistakes = {20: "Mind `drop_last`.", 3: "That is one epoch.", 19: "Each epoch starts anew."}
    yield Prediction("num_steps", 15, "Count the full batches of one epoch first.", mistakes)


def _expect_net(args: dict, width: int, net: Any) -> nn.Module:
    """Raise Wrong unless the net has all it should, judged by its parameters and outputs alone."""
    expect_type(isinstance(net, nn.Module), "a net (an instance of `nn.Module`)", net)
    num_inputs, num_outputs, size = args.values()
    parameters = dict(net.train().named_parameters())
    count = sum(p.numel() for p in parameters.values())
    hint = " It sees no layers in a plain list, and no tensors but `nn.Parameter`." * (not count)
    expect(count == size, f"values: `net.parameters()` holds {count} numbers, not {size}.{hint}")
    X = 1000 * torch.randn(20, num_inputs)
    for n in (20, 1):
        output = net(X[:n])
        expect_type(torch.is_tensor(output), "a tensor as the net's output", output)
        expect_shape(output, (n, num_outputs), f"the output for X {(n, num_inputs)}")
    net(X).sum().backward()
    for name, p in parameters.items():
        expect(p.grad is not None, f"no gradient of the output reaches `{name}`.")
    values = torch.cat([p.detach().flatten() for p in parameters.values()])
    expect(values.isfinite().all(), "values: some parameters start at nan or inf.")
    with torch.no_grad():
        at_zero = net(torch.zeros(1, num_inputs))
        sums = net(X[:10]) + net(X[10:]), net(X[:10] + X[10:]) + at_zero
    message = "values: something stands between the two layers, before them or after them."
    expect(torch.allclose(*sums, rtol=1e-3, atol=1e-3 * sums[1].abs().max().item()), message)
    expect(not at_zero.any(), "values: not all biases start at zero.")
    num_weights = width * (num_inputs + num_outputs)
    expect(values.count_nonzero() >= 0.99 * num_weights, "values: some weights start at zero.")
    for name, p in parameters.items():
        if p.numel() > 10_000:  # enough to tell mean and standard deviation
            message = f"values: `{name}` is not from N(0, 0.01**2): mean {p.mean():.2g}, "
            message += f"standard deviation {p.std():.2g}."
            expect(abs(p.mean()) < 0.001 and abs(p.std() / 0.01 - 1) < 0.1, message)
    return net


def _expect_new_nets(nets: list[nn.Module]) -> None:
    """Raise Wrong unless each call has made a net of its own."""
    first, second = (list(net.parameters()) for net in nets)
    shared = {id(p) for p in first} & {id(p) for p in second}
    expect(not shared, "two calls return the same net, or nets that share parameters.")
    equal = all(torch.equal(p, q) for p, q in zip(first, second, strict=True))
    expect(not equal, "values: two calls draw the same weights. Draw each anew; set no seed.")


@exercise(
    "A layer has in times out weights and out biases, so with inputs and outputs fixed the width "
    "in the middle decides how many parameters the net has."
)
def net_of_size(fresh: Fresh) -> Iterator[Trial]:
    """Yield sizes, of which one is large enough to tell where the weights start."""
    for d, width, num_outputs in (
        (6, 25, 4),
        (fresh.integer(5, 9), fresh.integer(14, 25), fresh.integer(2, 4)),
        (150, fresh.integer(95, 110), 150),
        (2, 1, 3),
        (1, 1, 1),
    ):
        size = width * (d + 1 + num_outputs) + num_outputs
        args = dict(num_inputs=d, num_outputs=num_outputs, num_parameters=size)
        words = ", ".join(f"{name} {value}" for name, value in args.items())
        judge = partial(_expect_net, args, width)
        yield Trial(words, args, judge=judge, judge_all=_expect_new_nets)


def _trained(net: nn.Module, batches: Iterable, lr: float, num_epochs: int) -> nn.Module:
    """Return a copy of the net after SGD with momentum 0.9 on the mean squared error."""
    net = copy.deepcopy(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    for _ in range(num_epochs):
        for X, y in batches:
            optimizer.zero_grad()
            ((net(X) - y.reshape(-1, 1)) ** 2).mean().backward()
            optimizer.step()
    return net


def _expect_trained(net: nn.Module, start: nn.Module, goal: nn.Module, got: Any) -> None:
    """Raise Wrong unless training has taken a net from its start to its goal."""
    expect(got is None, f"type: it should return nothing, and it returns {kind_of(got)}.")
    for name, p in net.named_parameters():
        before, want = start.get_parameter(name), goal.get_parameter(name)
        stays = torch.equal(p, before) and not torch.allclose(want, before)
        expect(not stays, f"values: training leaves `{name}` as it was.")
        Want(f"`{name}` after training", want).compare(p)


@exercise(
    "One optimizer for the whole training, one zeroing for each step, labels of the predictions' "
    "shape: none of the three raises an error when it is missing.",
)
def train_with_momentum(fresh: Fresh) -> Iterator[Trial]:
    """Yield nets and loaders; PyTorch's optimizer tells where the parameters go."""
    n = fresh.integer(11, 14)
    nets = {1: nn.Linear(1, 1)} | {d: nn.Sequential(nn.Linear(d, 1)) for d in (2, 3)}
    for net in nets.values():
        for p in net.parameters():
            p.data = fresh.normal(*p.shape)
    for rows, d, batch_size, num_epochs, form, has_loader, has_old_gradients, note in (
        (n, 2, 4, 2, (-1,), False, False, ", the minibatches in a list"),
        (n, 3, 5, 1, (-1, 1), True, False, ""),
        (n, 2, 20, 1, (-1,), True, False, ": a single step"),
        (n, 3, 20, 3, (-1, 1), True, False, ": one step in an epoch, the net of before"),
        (2 * n + 1, 1, 4, 4, (-1,), True, False, ""),
        (n, 2, 5, 1, (-1, 1), True, True, ", a net that comes with old gradients"),
        (1, 2, 1, 2, (-1,), True, False, ": a single example"),
        (n, 2, 5, 0, (-1, 1), True, False, ""),
    ):
        X, lr = fresh.normal(rows, d), 0.01 * fresh.integer(2, 5)
        y = (X @ fresh.normal(d, 1) + 2).reshape(form)
        net = nets[d]  # the same one again, which no answer should remember
        for p in net.parameters():
            p.grad = torch.ones_like(p) if has_old_gradients else None
        seed, dataset = fresh.integer(0, 10**6), data.TensorDataset(X, y)

        def loader(seed=seed, dataset=dataset, batch_size=batch_size) -> data.DataLoader:
            order = torch.Generator().manual_seed(seed)  # another order in each epoch
            return data.DataLoader(dataset, batch_size, shuffle=True, generator=order)

        batches = list(zip(X.split(batch_size), y.split(batch_size), strict=True))
        start = copy.deepcopy(net)
        goal = _trained(net, loader() if has_loader else batches, lr, num_epochs)
        data_iter = loader() if has_loader else batches
        args = dict(net=net, data_iter=data_iter, lr=lr, num_epochs=num_epochs)
        words = f"X {(rows, d)}, y {tuple(y.shape)}, batch_size {batch_size}, epochs {num_epochs}"
        judge = partial(_expect_trained, net, start, goal)
        yield Trial(words + note, args, judge=judge, changes={"net": None})
