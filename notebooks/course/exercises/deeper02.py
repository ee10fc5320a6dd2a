"""The exercises of deeper-02, more on PyTorch's own parts."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import nn

from .engine import Trial, exercise, show_progress
from .expect import Fresh, Want, expect

progress = partial(show_progress, __name__)


@exercise(
    "A step is the velocity times the rate, and a velocity is the gradient plus the rest of the "
    "velocity before: whoever sees the path sees both.",
)
def gradients_from_path(fresh: Fresh) -> Iterator[Trial]:
    """Yield paths of momentum whose gradients are known."""
    steps = fresh.integer(6, 10)
    for num_steps, d, lr, momentum, note in (
        (4, 2, 0.4, 0.7, ""),
        (steps, fresh.integer(3, 5), 0.1, 0.9, ""),
        (3, 2, 1.0, 0.0, ""),
        (1, 3, 0.3, 0.9, ": a single step"),
        (60, 2, 0.25, 0.1, ""),
        (steps, 1, 2.0, 0.8, ""),
        (0, 2, 0.1, 0.9, ": the start alone"),
    ):
        grads = fresh.normal(num_steps, d)
        path, v = [fresh.normal(d)], torch.zeros(d)
        for g in grads:
            v = momentum * v + g
            path.append(path[-1] - lr * v)
        args = dict(path=torch.stack(path), lr=lr, momentum=momentum)
        words = f"path {(num_steps + 1, d)}, lr {lr:g}, momentum {momentum:g}{note}"
        yield Trial(words, args, Want("the result", grads, rtol=1e-3, atol=1e-4))


def _take_steps(
    net: nn.Module, start: dict, steps: list, options: dict, optimizer_class: Any
) -> Any:
    """Take a net's parameters from the start through all steps; return them after each.

    A step is a dictionary of gradients by name; a parameter that is not in it gets None.
    """
    net.load_state_dict(start)
    net.zero_grad(set_to_none=True)
    optimizer, after = optimizer_class(net.parameters(), *options.values()), []
    for step, grads in enumerate(steps, start=1):
        for name, p in net.named_parameters():
            if name not in grads or p.grad is None:
                p.grad = grads[name].clone() if name in grads else None
            else:
                p.grad.copy_(grads[name])  # as if it had been filled with zeros
        optimizer.step()
        for name, p in net.named_parameters():
            is_whole = name not in grads or (p.grad is not None and p.grad.equal(grads[name]))
            expect(is_whole, f"step {step} changes the gradient of `{name}`.")
            learns = p.requires_grad and p.is_leaf
            expect(learns, f"step {step} turns off `requires_grad` of `{name}`.")
        after.append({name: p.detach().clone() for name, p in net.named_parameters()})
        # Another optimizer, of which the first should take no notice.
        optimizer_class(copy.deepcopy(net).parameters(), 0.3, 0.2)
    return after


def _expect_steps(start: dict, goals: list[dict], after: list[dict]) -> None:
    """Raise Wrong unless the parameters are right after each step."""
    pairs = zip(
        itertools.pairwise([start, *goals]), itertools.pairwise([start, *after]), strict=True
    )
    for step, ((goal_before, goal), (before, now)) in enumerate(pairs, start=1):
        for name, p in now.items():
            should_stay, stays = goal[name].equal(goal_before[name]), p.equal(before[name])
            message = f"step {step} moves `{name}`, whose `grad` is None."
            expect(stays or not should_stay, message)
            message = f"values: step {step} leaves `{name}` as it was."
            expect(should_stay or not stays, message)
            Want(f"`{name}` after step {step}", goal[name]).compare(p)


@exercise(
    "An optimizer is a list of parameters and, for each of them, what it remembers; this one could "
    "train every net of the course.",
)
def own_optimizer(fresh: Fresh) -> Iterator[Trial]:
    """Yield nets, settings (given by position) and gradients; PyTorch's optimizer is beside it."""
    both = dict(weight=1, bias=1)  # what the gradients of a step are multiplied by
    for sizes, options, scales, note in (
        ((2, 2), dict(lr=0.2, momentum=0.9), [both] * 4, ""),
        ((2, 1), dict(lr=0.1), [both] * 4, ", no momentum given"),
        ((2, 2, 2), dict(lr=0.1, momentum=0.1), [both, dict(weight=100, bias=100), both], ""),
        (
            (2, 3),
            dict(lr=0.05, momentum=0.5),
            [both, dict(bias=1), both, dict(weight=1), {}, both],
            ", some gradients None",
        ),
        (
            (2, 3),
            dict(lr=0.1, momentum=0.5),
            [both, dict(weight=0, bias=0), both],
            ", the gradients of step 2 zero",
        ),
    ):
        net = nn.Sequential(*[nn.Linear(i, o) for i, o in zip(sizes, sizes[1:], strict=False)])
        start = {name: fresh.normal(*p.shape) for name, p in net.named_parameters()}
        steps = [
            {
                name: scale[name[2:]] * fresh.normal(*p.shape)
                for name, p in net.named_parameters()
                if name[2:] in scale
            }
            for scale in scales
        ]

        def sgd(params: Any, lr: float, momentum: float = 0) -> torch.optim.Optimizer:
            return torch.optim.SGD(params, lr=lr, momentum=momentum, nesterov=momentum > 0)

        goals = _take_steps(copy.deepcopy(net), start, steps, options, sgd)
        words = f"layers {sizes}, " + ", ".join(f"{name} {options[name]}" for name in options)
        use = partial(_take_steps, net, start, steps, options)
        yield Trial(words + note, {}, judge=partial(_expect_steps, start, goals), use=use)
