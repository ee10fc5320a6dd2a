"""The checks of lesson 03, stochastic gradient descent on one weight."""

from __future__ import annotations

from typing import Any

import torch

from .engine import case, exercise
from .expect import Fresh, expect, expect_values, number, numbers, several, unchanged

# --- Exercise 1 ------------------------------------------------------------------------------


def _expect_prediction(
    got: Any, want: float, name: str, hints: dict[float, str], hint: str, rtol: float = 1e-3
) -> None:
    """Refuse a wrong number, with a word of its own for a common mistake."""
    value = number(got, name)
    if not abs(value - want) <= rtol * abs(want):  # nan is wrong too
        near = (words for wrong, words in hints.items() if abs(value - wrong) <= 1e-3 * abs(wrong))
        expect(False, f"values: {name} is not {value:.6g}. {next(near, hint)}")


@exercise(
    "Slopes that are not zeroed are used again, `detach` is a window onto `w` and no copy, and the "
    "largest x in size sets the learning rate.",
    kind="value",
)
def predict_before_running(w_after_one: Any, grad: Any, start: Any, largest_lr: Any) -> None:
    """Judge four predictions about two steps without zeroing and about the learning rate."""
    hints = {-0.3: "A step goes against the slope.", 0.9: "The loss has no factor 1/2 here."}
    hint = "Write down the error, the slope, and lr times the slope."
    _expect_prediction(w_after_one, 1.3, "w_after_one", hints, hint)
    hints = {
        -8.0: "`backward` was called twice.",
        -16.0: "The second slope is taken where `w` is by then.",
        -1.6: "Nothing was zeroed.",
        0.0: "Nothing was zeroed.",
    }
    hint = "Work out the slope at each of the two weights, and what `backward` does with them."
    _expect_prediction(grad, -9.6, "grad_in_the_end", hints, hint)
    hints = {
        0.5: "Is `detach` a copy?",
        1.3: "There are two steps.",
        1.46: "The second step uses what is in `w.grad`.",
    }
    hint = "Whose memory does `start` share, and where is that weight after both steps?"
    _expect_prediction(start, 2.26, "start_in_the_end", hints, hint)
    hints = {
        0.08: "That bound is for a loss with the factor 1/2.",
        4.0: "The example -5 may be picked each time.",
        0.25: "The example -5 may be picked each time.",
        -0.2: "A learning rate is positive.",
        0.2: "The slope holds x twice.",
    }
    hint = "By what does a step on one example multiply the distance to the bottom?"
    _expect_prediction(largest_lr, 0.04, "largest_lr", hints, hint, rtol=0.011)


# --- Exercise 2 ------------------------------------------------------------------------------


@exercise(
    "From the outside in: twice the error, times the slope of the prediction, and only that second "
    "factor knows which model it is."
)
def growth_gradient(answer: Any) -> None:
    """Judge the gradient by hand of the squared error of exp(wx), for each example."""
    fresh = Fresh()
    for shape, about, words in (
        ((3,), 0.5, "3 examples"),
        ((fresh.integer(4, 9),), -0.8, "more examples"),
        ((2, 4), 0.3, "x and y of shape (2, 4)"),
        ((), 1.0, "x and y of shape (), a single example"),
    ):
        w = about + 0.1 * fresh.normal().clamp(-1, 1)
        x, y = fresh.normal(*shape).clamp(-1.5, 1.5), 2 + fresh.normal(*shape)
        each = w.expand(shape).clone().requires_grad_(True)  # a weight for each example
        (want,) = torch.autograd.grad(((torch.exp(each * x) - y) ** 2).sum(), each)
        same = unchanged(w=w, x=x, y=y)
        with case(f"{words}, w = {w:.2f}"), torch.no_grad():
            expect_values(answer(w, x, y), want, "the gradient", atol=1e-4)
            same()


# --- Exercise 3 ------------------------------------------------------------------------------


def _run_sgd(x, y, lr, picks):
    """Hold the code that the lesson gives, with its three mistakes."""
    w, ws, losses = torch.tensor(1.0, requires_grad=True), [], []
    for i in picks:
        l = (w * x[i] - y[i]) ** 2
        l.backward()
        with torch.no_grad():
            w -= lr * w.grad
        ws.append(w.detach())
        losses.append(l)
    return ws, losses


def _run_by_hand(x: torch.Tensor, y: torch.Tensor, lr: float, picks: list[int]) -> tuple:
    """The right weights and losses, each a tensor with an entry for each step."""
    w, ws, losses = 1.0, [], []
    for x_i, y_i in zip(x[picks].tolist(), y[picks].tolist(), strict=True):
        error = w * x_i - y_i
        w -= lr * 2 * x_i * error
        ws.append(w)
        losses.append(error**2)
    return torch.tensor(ws), torch.tensor(losses)


def _expect_history(got: Any, want: torch.Tensor, what: str, one: str) -> None:
    """Refuse a list that has the wrong length, holds one number many times, a graph or errors."""
    found, n = numbers(got, what).reshape(-1), len(want)
    expect(len(found) == n, f"shape: {what} are to be {n}, one for each step, got {len(found)}.")
    if n > 1:
        message = f"values: {what} are {n} times the same number, {found[0].item():.4g}."
        expect((found != found[0]).any(), message)
    for part in got if isinstance(got, (list, tuple)) else [got]:
        message = f"type: {what} hold on to the graph: their `requires_grad` is True."
        expect(not (torch.is_tensor(part) and part.requires_grad), message)
    right = torch.isclose(found.double(), want.double(), rtol=1e-3, atol=1e-4)
    if not right.all():
        k = int((~right).nonzero()[0])
        message = f"values: {one} of step {k + 1} is not right; yours is {found[k].item():.4g}."
        expect(False, message + (f" Up to step {k} all is right." if k else ""))


@exercise(
    "None of the three raises an error, so try code with two steps that you know by hand, and look "
    "at what your lists hold.",
    given=_run_sgd,
    seconds=20,  # the first optimizer that a session makes may take some seconds
)
def run_sgd(answer: Any) -> None:
    """Judge the mended descent by the weights and losses that it returns."""
    fresh = Fresh()
    for n, num_steps, lr in (
        (3, 4, 0.05),
        (fresh.integer(4, 8), 30, 0.02),
        (3, 4, 0.05),
        (1, 1, 0.1),
        (2, 0, 0.1),
    ):
        x = 0.5 + fresh.normal(n).abs().clamp(0.1, 1.5)
        y = 3 * x + 0.2 * fresh.normal(n).clamp(-2, 2)
        picks = [fresh.integer(0, n - 1) for _ in range(num_steps)]
        want_ws, want_losses = _run_by_hand(x, y, lr, picks)
        same, given = unchanged(x=x, y=y), list(picks)
        shown = f"{picks[:5]}" if len(picks) < 6 else f"{str(picks[:5])[:-1]}, ...]"
        with case(f"{n} examples, lr {lr}, picks {shown}"):
            ws, losses = several(answer(x, y, lr, picks), "ws", "losses")
            _expect_history(ws, want_ws, "the weights", "the weight")
            _expect_history(losses, want_losses, "the losses", "the loss")
            same()
            expect(picks == given, "it changes `picks`, which belongs to the caller.")


# --- Exercise 4 ------------------------------------------------------------------------------


@exercise(
    "The factor (n - k) / (n - 1) falls from 1 to 0 along a straight line; for batches that are "
    "small beside the data it is nearly 1, and the variance falls like 1/k."
)
def batch_variance(answer: Any) -> None:
    """Judge the exact variance of the mean slope of k distinct examples of n."""
    fresh = Fresh()
    for n, k in (
        (3, 2),
        (3, 1),
        (fresh.integer(5, 7), 3),
        (8, fresh.integer(4, 6)),
        (4, 4),
        (1, 1),
        (1000, 500),
    ):
        slopes = fresh.normal(n).clamp(-1, 1) + 5 * (torch.arange(n) % 7) - 8  # far from equal
        one = slopes.double().var(unbiased=False).item() if n > 1 else 0.0
        want = one / k * (n - k) / (n - 1) if n > 1 else 0.0
        same = unchanged(slopes=slopes)
        with case(f"{n} slopes, batch_size {k}"):
            got = number(answer(slopes, k), "the variance")
            for wrong, words in (
                (one / k, "the variance where an example may come twice in a batch"),
                (one, "the variance of a single example's slope"),
                (want**0.5, "the standard deviation, the root of the variance"),
            ):
                is_it = abs(got - wrong) <= 1e-4 * wrong < 0.01 * abs(wrong - want)
                expect(not is_it, f"values: {got:.4g} is {words}.")
            want = torch.tensor(want, dtype=torch.float64)
            expect_values(got, want, "the variance", rtol=1e-3, atol=1e-3)
            same()
