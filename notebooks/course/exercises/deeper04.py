"""The exercise of deeper-04, more on a cubic fitted by a multilayer perceptron."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import nn

from .engine import Trial, exercise, show_progress
from .expect import Fresh, Want, expect, expect_type, several

progress = partial(show_progress, __name__)


class _Run:
    """A run with known held-out errors, of which the last goes on; each epoch adds 1 to the net.

    Its parameters start at 100 times the number of the run, so that those of another run show.
    """

    def __init__(self, number: int, errors: list[float], best_epoch: int, last: int) -> None:
        self.start, self.num_trained = 100 * number, 0
        self.errors, self.best_epoch, self.last = errors, best_epoch, last
        self.net = nn.Sequential(nn.Linear(1, 3), nn.Tanh(), nn.Linear(3, 1))
        self.params = list(self.net.parameters())
        nn.utils.vector_to_parameters(torch.full((10,), float(self.start)), self.params)

    def epochs(self, net: Any) -> set[int]:
        """Return the epochs from which the net's parameters come."""
        expect_type(isinstance(net, nn.Module), "a net, an `nn.Module`", net)
        values = nn.utils.parameters_to_vector(net.parameters())
        return {round(value) - self.start for value in values.tolist()}

    def train_epoch(self, net: Any) -> None:
        message = "it goes on for 60 epochs and more, whatever `max_epochs` is."
        expect(self.num_trained < 60, message)
        self.num_trained += bool(self.epochs(net))
        with torch.no_grad():
            for param in net.parameters():
                param += 1

    def held_out_error(self, net: Any) -> float:
        epoch = max(self.epochs(net))
        expect(0 <= epoch < 99, "`net` holds parameters that are not from this run.")
        return self.errors[min(epoch, len(self.errors) - 1)]

    def use(self, limits: tuple[int, int], answer: Any) -> tuple[Any, int]:
        """Return what an answer returns, and how many epochs it trains."""
        got = answer(self.net, self.train_epoch, self.held_out_error, *limits)
        return got, self.num_trained

    def judge(self, got: tuple[Any, int]) -> None:
        """Raise Wrong unless training stopped in time and went back to the best epoch."""
        epoch, error = several(got[0], "best_epoch", "best_error")
        best = f"the lowest error was at epoch {self.best_epoch}"
        message = f"it goes on after {self.last} epochs, when it should have stopped: {best}."
        expect(self.num_trained <= self.last, message)
        message = f"it stops after {self.num_trained} epochs, when it should have gone on."
        expect(self.num_trained == self.last, message)
        Want("best_epoch", self.best_epoch, any_shape=True).compare(epoch)
        Want("best_error", self.errors[self.best_epoch], any_shape=True, rtol=1e-6).compare(error)
        epochs = self.epochs(self.net)
        expect(len(epochs) == 1, "values: only a part of `net` is put back to the best epoch.")
        message = f"values: `net` is left as it was after epoch {max(epochs)}, not the best one."
        expect(epochs == {self.best_epoch}, message)
        message = "`net` holds new parameters: an optimizer would go on training the old ones."
        expect(list(map(id, self.net.parameters())) == list(map(id, self.params)), message)
        message = "`net` is left with parameters that do not learn (`requires_grad` is False)."
        expect(all(param.requires_grad for param in self.params), message)


@exercise(
    "`state_dict()` hands out the parameters themselves, which training moves on; only a copy "
    "remembers the best ones.",
)
def stop_early(fresh: Fresh) -> Iterator[Trial]:
    """Yield runs whose held-out errors are known."""
    lowest = fresh.integer(5, 9)
    runs = (  # errors, patience, max_epochs, best_epoch
        ([(k - lowest) ** 2 + 0.1 for k in range(99)], 5, 50, lowest, "that fall and then rise"),
        ([5, 4, 4.5, 4.2, 3, 3.5, 3.4, 2, 2.5, 2.4, 2.3, 1], 3, 50, 7, "with bumps"),
        ([1 / (1 + k) for k in range(99)], 2, 12, 12, "that fall to the end"),
        ([5, 4, 3, 3.5, 3.6], 5, 4, 2, "that rise in the last two epochs"),
        ([0.5, 0.3, 0.3, 0.3, 0.3, 0.1], 3, 50, 1, "that stay equal for three epochs"),
        ([*(0.5 - k / 1e6 for k in range(8)), 9], 2, 50, 7, "that fall by 0.000001 at a time"),
        ([0.3, 0.0, 0.1, 0.2], 2, 50, 1, "of which the lowest is 0"),
        ([-0.1, -0.3, -0.2], 2, 50, 1, "below 0"),
        ([1, math.nextafter(1, 0), 1], 2, 50, 1, "of which one is lower by 1e-16"),
        ([1, 2, 3], 1, 50, 0, "that never fall"),
        ([1, 9], 3, 0, 0, "while no epoch is allowed"),
    )
    for k, (errors, patience, max_epochs, best_epoch, words) in enumerate(runs):
        run = _Run(k, errors, best_epoch, min(best_epoch + patience, max_epochs))
        words = f"errors {words}, patience {patience}, max_epochs {max_epochs}"
        use = partial(run.use, (patience, max_epochs))
        yield Trial(words, dict(net=run.net), judge=run.judge, changes={"net": None}, use=use)
