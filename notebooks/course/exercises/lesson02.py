"""The checks of lesson 02, linear regression with PyTorch's own parts."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from torch.utils import data

from .engine import _kind, case, exercise
from .expect import Fresh, expect, expect_shape, expect_values, number, numbers, unchanged

# --- Exercise 1 ------------------------------------------------------------------------------


def _expect_number(answer: Any, right: float, name: str, hints: dict, hint: str) -> None:
    """Raise Wrong unless a prediction is right; the common mistakes get a word of their own."""
    value = number(answer, name)
    for wrong, words in hints.items():
        hint = words if abs(value - wrong) < 1e-6 else hint
    expect(abs(value - right) < 1e-6, f"values: {name} is not {value:g}. {hint}")


@exercise(
    "The mean, the sum and the half change the loss by a factor, and the learning rate has to make "
    "up for it; shapes and counts follow from the sizes alone.",
    kind="value",
)
def predict_before_running(loss: Any, lr: Any, shape: Any, steps: Any) -> None:
    """Judge four predictions."""
    hints = {
        1.5: "That is the mean of `squared_loss`.",
        24: "That is the sum.",
        0.75: "Which of the two losses has the 1/2?",
    }
    _expect_number(loss, 3, "mean_loss", hints, "First the sum of the squared errors, no 1/2.")
    hints = {
        0.03: "That would do for the mean.",
        0.006: "`MSELoss` has no 1/2.",
        0.012: "Mind the direction of the factor 2.",
        0.06: "The two losses differ.",
    }
    hint = "By what does the one gradient have to be multiplied to give the other?"
    _expect_number(lr, 0.003, "same_lr", hints, hint)
    try:
        dims = None if isinstance(shape, str) else tuple(int(size) for size in shape)
    except (TypeError, ValueError):
        dims = None
    expect(dims is not None, "type: weight_shape is to be a tuple such as (7, 4).")
    hints = {(3, 2): "Which comes first in a weight?", (3, 5): "That is the first layer's."}
    hint = hints.get(dims, "It is the second layer's weight, without the bias.")
    expect(dims == (2, 3), f"values: weight_shape is not {dims}. {hint}")
    hints = {20: "Mind `drop_last`.", 3: "Of one epoch.", 19: "No batch runs across two epochs."}
    _expect_number(steps, 15, "num_steps", hints, "Count the full batches of one epoch first.")


# --- Exercise 2 ------------------------------------------------------------------------------


def _expect_start(net: nn.Module, num_biases: int, num_weights: int) -> None:
    """Raise Wrong unless the biases start at zero and the weights are small normal numbers."""
    values = torch.cat([parameter.detach().flatten() for parameter in net.parameters()])
    weights = values[values != 0]
    message = "values: the biases are to start at zero, and not all of them do."
    expect(len(values) - len(weights) >= num_biases, message)
    if num_weights < 10_000:  # too few to tell a distribution
        return
    expect(len(weights) > 0.99 * num_weights, "values: many of the weights are zero too.")
    spread = weights.std().item()
    message = f"values: the weights' standard deviation is to be 0.01, and it is {spread:.2g}."
    expect(0.009 < spread < 0.011, message)
    expect(weights.mean().abs() < 0.001, "values: the weights' mean is to be 0.")
    message = "values: the weights are to be normal; these have none of the rare large ones."
    expect(weights.abs().max() > 0.03, message)


@exercise(
    "A layer has in times out weights and out biases, so with inputs and outputs fixed the width "
    "in the middle decides how many parameters the net has."
)
def net_of_size(answer: Any) -> None:
    """Judge a net by its output's shape, its number of parameters and where they start."""
    fresh = Fresh()
    for num_inputs, num_hidden, num_outputs in (
        (4, 3, 2),
        (fresh.integer(5, 9), fresh.integer(14, 25), fresh.integer(2, 4)),
        (300, fresh.integer(40, 50), 5),
        (2, 1, 3),
        (1, 1, 1),
    ):
        num_weights = num_hidden * (num_inputs + num_outputs)
        num_biases = num_hidden + num_outputs
        size = num_weights + num_biases
        words = f"{num_inputs} inputs, {num_outputs} outputs, {size} parameters"
        with case(words.replace(" 1 inputs", " 1 input").replace(" 1 outputs", " 1 output")):
            net = answer(num_inputs, num_outputs, size)
            ready = isinstance(net, nn.Module)
            kind = "the class itself" if isinstance(net, type) else _kind(net)
            expect(ready, f"type: expected a net (an object of an nn.Module), got {kind}.")
            for n in (7, 1):
                output = numbers(net(fresh.normal(n, num_inputs)), "the output")
                expect_shape(output, (n, num_outputs), f"the output for {n} x {num_inputs}")
            parameters = dict(net.named_parameters())
            count = sum(parameter.numel() for parameter in parameters.values())
            hint = " Layers in a plain list do not count: the net cannot see them."
            message = f"values: `net.parameters()` holds {count} numbers."
            expect(count == size, message + (hint if count == 0 else ""))
            net(fresh.normal(7, num_inputs)).sum().backward()
            for name, parameter in parameters.items():
                expect(parameter.grad is not None, f"the output does not depend on `{name}`.")
            _expect_start(net, num_biases, num_weights)


# --- Exercise 3 ------------------------------------------------------------------------------


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


def _trained(net: nn.Module, X: torch.Tensor, y: torch.Tensor, size: int, lr: float, num: int):
    """A copy of the net after `num` epochs of minibatches in order, by the formulas."""
    net = copy.deepcopy(net)
    parameters = list(net.parameters())
    velocities = [torch.zeros_like(parameter) for parameter in parameters]
    for start in list(range(0, len(X), size)) * num:
        error = net(X[start : start + size]) - y[start : start + size].reshape(-1, 1)
        gradients = torch.autograd.grad((error**2).mean(), parameters)
        with torch.no_grad():
            for parameter, velocity, gradient in zip(
                parameters, velocities, gradients, strict=True
            ):
                velocity.mul_(0.9).add_(gradient)
                parameter -= lr * velocity
    return net


@exercise(
    "One optimizer for the whole training, one zeroing for each step, labels of the predictions' "
    "shape: none of the three raises an error when it is missing.",
    given=_train_with_momentum,
)
def train_with_momentum(answer: Any) -> None:
    """Judge the mended loop by where it takes the net's parameters."""
    fresh = Fresh()
    n = fresh.integer(11, 14)
    for rows, d, size, num_epochs, form in (
        (n, 2, 20, 1, (-1, 1)),
        (n, 2, 20, 1, (-1,)),
        (n, 3, 5, 1, (-1, 1)),
        (n, 3, 20, 3, (-1, 1)),
        (2 * n + 1, 1, 4, 4, (-1,)),
        (1, 2, 1, 2, (-1,)),
        (n, 2, 5, 0, (-1, 1)),
    ):
        X, lr = fresh.normal(rows, d), 0.01 * fresh.integer(2, 5)
        y = (X @ fresh.normal(d, 1) + 2).reshape(form)
        net = nn.Linear(d, 1) if d == 1 else nn.Sequential(nn.Linear(d, 1))
        before, right = copy.deepcopy(net.state_dict()), _trained(net, X, y, size, lr, num_epochs)
        data_iter = data.DataLoader(data.TensorDataset(X, y), size)
        same = unchanged(X=X, y=y)
        count = f"{len(data_iter)} minibatch{'es' * (len(data_iter) > 1)}"
        epochs = f"{num_epochs} epoch{'s' * (num_epochs != 1)}"
        with case(f"{epochs} of {count}, labels of shape {tuple(y.shape)}"):
            answer(net, data_iter, lr, num_epochs)
            for name, want in right.state_dict().items():
                got = net.state_dict()[name]
                moved = not torch.equal(got, before[name]) or torch.equal(want, before[name])
                expect(moved, f"values: `{name}` is where it was before training.")
                expect_values(got, want, f"after training `{name}`", atol=1e-4)
            same()


# --- Exercise 4 ------------------------------------------------------------------------------


@exercise(
    "The velocity remembers: each gradient moves the parameters at its own step and, `momentum` "
    "times as strongly each time, at all later ones."
)
def momentum_path(answer: Any) -> None:
    """Judge the path that given gradients make, with momentum and dampening."""
    fresh = Fresh()
    steps = fresh.integer(6, 10)
    for num_steps, d, lr, momentum, dampening, why in (
        (3, 2, 1.0, 0.5, 0.0, ""),
        (steps, fresh.integer(3, 5), 0.1, 0.9, 0.0, ""),
        (1, 3, 0.3, 0.9, 0.5, ": a single step"),
        (steps, 3, 0.3, 0.8, 0.4, ""),
        (steps, 1, 0.1, 0.9, 0.9, ", first gradient zero"),
        (4, 2, 0.1, 0.0, 0.5, ""),
        (0, 2, 0.1, 0.9, 0.0, ": no gradients"),
    ):
        w, grads = fresh.normal(d), fresh.normal(num_steps, d)
        if "zero" in why:
            grads[0] = 0
        moving = w.clone().requires_grad_(True)
        optimizer = torch.optim.SGD([moving], lr=lr, momentum=momentum, dampening=dampening)
        want = [w.clone()]
        for gradient in grads.clone():
            moving.grad = gradient
            optimizer.step()
            want.append(moving.detach().clone())
        same = unchanged(w=w, grads=grads)
        words = f"{num_steps} x {d} gradients, lr {lr:g}, momentum {momentum:g}"
        with case(f"{words}, dampening {dampening:g}{why}"):
            path = numbers(answer(w, grads, lr, momentum, dampening), "the path")
            expect_shape(path, (num_steps + 1, d), "the path")
            same()
            message = "values: all rows of the path are the same. Are they one tensor?"
            expect(num_steps == 0 or not (path == path[0]).all(), message)
            expect_values(path, torch.stack(want), "the path")


# --- Exercise 5 ------------------------------------------------------------------------------


def _twins(fresh: Fresh, *sizes: int) -> tuple[nn.Sequential, nn.Sequential]:
    """Two nets of linear layers with the same parameters."""
    net = nn.Sequential(*[nn.Linear(i, o) for i, o in zip(sizes, sizes[1:], strict=False)])
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(0.5 * fresh.normal(*parameter.shape))
    return net, copy.deepcopy(net)


def _expect_step(optimizer: Any, net: nn.Module, right: torch.optim.SGD, twin: nn.Module) -> None:
    """Take a step in each of the twins, whose gradients are there, and compare them."""
    before = copy.deepcopy(net.state_dict())
    gradients = {name: copy.deepcopy(p.grad) for name, p in net.named_parameters()}
    optimizer.step()
    right.step()
    want = twin.state_dict()
    for name, parameter in net.named_parameters():
        still = torch.equal(parameter, before[name])
        if gradients[name] is None:
            expect(still, f"it moves `{name}`, whose `grad` is None.")
            continue
        whole = parameter.grad is not None and torch.equal(parameter.grad, gradients[name])
        expect(whole, f"`step` changes the gradient of `{name}`.")
        message = f"values: `{name}` is where it was before the step."
        expect(not still or torch.equal(want[name], before[name]), message)
        expect_values(parameter, want[name], f"after it `{name}`")
        expect(parameter.requires_grad and parameter.is_leaf, f"`{name}` is no longer a leaf.")


def _expect_path(answer: Any, fresh: Fresh, sizes: tuple[int, ...], momentum: float) -> None:
    """Train twins side by side, one with the learner's optimizer."""
    (net, twin), n, lr = _twins(fresh, *sizes), fresh.integer(8, 12), 0.05
    optimizer = answer(net.parameters(), lr=lr, momentum=momentum)
    right = torch.optim.SGD(twin.parameters(), lr=lr, momentum=momentum, nesterov=momentum > 0)
    for step in range(1, 5):
        X, y = fresh.normal(n, sizes[0]), fresh.normal(n, sizes[-1])
        words = f"layer{'s' * (len(sizes) > 2)} {' to '.join(map(str, sizes))}"
        with case(f"{words}, momentum {momentum:g}, step {step}"):
            for one in (net, twin):
                one.zero_grad(set_to_none=step == 3)
            nn.MSELoss()(net(X), y).backward()
            nn.MSELoss()(twin(X), y).backward()
            _expect_step(optimizer, net, right, twin)


def _expect_skips(answer: Any, fresh: Fresh) -> None:
    """Have parameters without a gradient at the first step, and at a later one."""
    net, twin = _twins(fresh, 2, 3)
    optimizer = answer(list(net.parameters()), lr=0.1, momentum=0.5)
    right = torch.optim.SGD(twin.parameters(), lr=0.1, momentum=0.5, nesterov=True)
    for step, missing in enumerate(("bias", "none", "weight", "none", "both"), start=1):
        names = {"none": "no gradient", "both": "both gradients"}
        words = names.get(missing, f"the gradient of the {missing}")
        for name, parameter in net.named_parameters():
            gradient = fresh.normal(*parameter.shape)
            for one in (parameter, twin.get_parameter(name)):
                one.grad = None if missing == "both" or missing in name else gradient.clone()
        with case(f"one layer, momentum 0.5, step {step} with {words} missing"):
            _expect_step(optimizer, net, right, twin)


@exercise(
    "An optimizer is a list of parameters and, for each of them, what it remembers; this one could "
    "train every net of the course.",
    kind="class",
)
def own_optimizer(answer: Any) -> None:
    """Judge a class with Nesterov's momentum by training beside PyTorch's."""
    fresh = Fresh()
    for sizes, momentum in (((2, 1), 0.0), ((2, 1), 0.9), ((3, 4, 2), 0.5), ((1, 1), 0.9)):
        _expect_path(answer, fresh, sizes, momentum)
    _expect_skips(answer, fresh)
