"""The exercises of deeper-02, more on PyTorch's own parts."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import partial
from typing import Any
from unittest import mock

import torch
from torch import nn
from torch.optim import sgd

from .engine import Trial, Want, exercise, show_progress
from .expect import Fresh, Wrong, expect, expect_type, numbers
from .lesson02 import expect_moved

progress = partial(show_progress, __name__)


def _expect_path(want: Want, got: Any) -> None:
    """Raise Wrong unless this is the path."""
    expect_type(got is not None, want.what, got)
    path = numbers(got, want.what)
    is_still = path.ndim > 1 and len(path) > 1 and (path == path[:1]).all()
    expect(not is_still, "values: all rows of the path are the same. Are they one tensor?")
    want.compare(path)


@exercise(
    "The velocity remembers: each gradient moves the parameters at its own step and, `momentum` "
    "times as strongly each time, at all later ones."
)
def momentum_path(fresh: Fresh) -> Iterator[Trial]:
    """Yield gradients; the formulas go the path."""
    steps = fresh.integer(6, 10)
    for num_steps, d, lr, momentum, dampening, why in (
        (3, 2, 1.0, 0.5, 0.0, ""),
        (steps, fresh.integer(3, 5), 0.1, 0.9, 0.0, ""),
        (1, 3, 0.3, 0.9, 0.5, ": a single step"),
        (steps, 3, 0.3, 0.8, 0.4, ""),
        (steps, 1, 0.1, 0.9, 0.9, ": first gradient zero"),
        (4, 2, 0.1, 0.0, 0.5, ""),
        (60, 2, 0.001, 0.1, 0.3, ": steep gradients"),
        (0, 2, 0.1, 0.9, 0.0, ": no gradients"),
    ):
        w, grads = fresh.normal(d), fresh.normal(num_steps, d)
        grads[:1] *= 0 if "zero" in why else 1
        grads *= 100 if "steep" in why else 1
        path, v = [w], None
        for step, g in enumerate(grads):
            v = g if step == 0 or momentum == 0 else momentum * v + (1 - dampening) * g
            path.append(path[-1] - lr * v)
        judge = partial(_expect_path, Want("the path", torch.stack(path)))
        args = dict(w=w, grads=grads, lr=lr, momentum=momentum, dampening=dampening)
        words = f"grads {(num_steps, d)}, lr {lr:g}, momentum {momentum:g}"
        yield Trial(f"{words}, dampening {dampening:g}{why}", args, judge=judge)


def _expect_steps(fresh: Fresh, net: nn.Module, options: dict, gaps: str, optimizer: Any) -> None:
    """Take steps, and the same ones with PyTorch's optimizer; raise Wrong where they part.

    A letter of `gaps` for each step is that of the parameters that have no gradient there; z makes
    all gradients zero, f the first entry of each, l makes all large.
    """
    message = "PyTorch's SGD does the work here; the step is yours to write."
    refused = {n: mock.Mock(side_effect=Wrong(message)) for n in vars(sgd) if n.endswith("sgd")}
    right = copy.deepcopy(net)
    twin = torch.optim.SGD(right.parameters(), **options, nesterov="momentum" in options)
    for step, gap in enumerate(gaps, start=1):
        if gap == "+":  # a second optimizer, of which the first should take no notice
            type(optimizer)(copy.deepcopy(net).parameters(), lr=0.3, momentum=0.2)
        before = copy.deepcopy(net.state_dict())
        grads = {n: fresh.normal(*p.shape) for n, p in net.named_parameters() if gap not in n}
        for gradient in grads.values():
            gradient *= {"z": 0, "l": 100}.get(gap, 1)
            gradient.flatten()[: int(gap == "f")] = 0
        for name, p in (*net.named_parameters(), *right.named_parameters()):
            if name in grads and p.grad is not None and step != 3:
                p.grad.copy_(grads[name])  # as if it had been filled with zeros
            else:
                p.grad = grads[name].clone() if name in grads else None
        with mock.patch.multiple(sgd, **refused):
            optimizer.step()
        twin.step()
        for name, p in net.named_parameters():
            is_whole = p.grad is not None and torch.equal(p.grad, grads.get(name, p.grad))
            expect(is_whole or name not in grads, f"step {step} changes the gradient of `{name}`.")
            is_still = name in grads or torch.equal(p, before[name])
            expect(is_still, f"step {step} moves `{name}`, whose `grad` is None.")
            learns = p.requires_grad and p.is_leaf
            expect(learns, f"step {step} turns off `requires_grad` of `{name}`.")
            expect_moved(name, f"step {step}", before[name], p, right.state_dict()[name])


@exercise(
    "An optimizer is a list of parameters and, for each of them, what it remembers; this one could "
    "train every net of the course.",
    kind="class",
)
def own_optimizer(fresh: Fresh) -> Iterator[Trial]:
    """Yield parameters and settings, given by position."""
    for sizes, options, gaps, why in (
        ((2, 1), dict(lr=0.1), "----", ", no momentum given"),
        ((2, 1), dict(lr=0.2, momentum=0.9), "----", ""),
        ((2, 2, 2), dict(lr=0.1, momentum=0.1), "-l--", ", large gradients in step 2"),
        ((2, 3), dict(lr=0.05, momentum=0.5), "b-w-.", ", some gradients None"),
        ((2, 3), dict(lr=0.1, momentum=0.5), "-zf-", ", some gradients zero"),
        ((1, 1), dict(lr=0.1, momentum=0.5), "-+", ", another optimizer made before step 2"),
    ):
        net = nn.Sequential(*[nn.Linear(i, o) for i, o in zip(sizes, sizes[1:], strict=False)])
        words = f"layers {sizes}, " + ", ".join(f"{name} {options[name]}" for name in options) + why
        for again in ("", ", a second optimizer for the same net"):
            args = dict(params=net.parameters(), **options)
            judge = partial(_expect_steps, fresh, net, options, gaps)
            yield Trial(words + again, args, judge=judge, changes={"params": None})
