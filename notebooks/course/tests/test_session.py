"""`begin` makes numbers come out the same everywhere, and leaves errors as they are."""

import random

import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from matplotlib import pyplot as plt

from course import begin, device


@pytest.fixture
def shell(monkeypatch):
    shell = InteractiveShell(colors="nocolor")
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    begin(seed=3)
    yield shell
    torch.set_grad_enabled(True)


def draw():
    return random.random(), np.random.rand(), torch.rand(1).item()


def test_begin_seeds_all_generators():
    begin(seed=7)
    first = draw()
    begin(seed=7)
    assert draw() == first
    begin(seed=8)
    assert all(a != b for a, b in zip(draw(), first, strict=True))


def test_begin_sets_one_thread_print_options_and_figure_style():
    torch.set_num_threads(2)
    torch.set_printoptions(precision=2, sci_mode=True)
    plt.rcdefaults()
    begin(seed=3)
    assert torch.get_num_threads() == 1
    assert str(torch.tensor([1 / 3, 12345.5])) == "tensor([    0.3333, 12345.5000])"
    assert plt.rcParams["figure.figsize"] == [6.4, 3.6]


def test_an_error_shows_the_line_that_failed(shell, capsys):
    shell.run_cell("a = 1\nb = a / 0\n")
    assert "b = a / 0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "enabled"), [("KeyboardInterrupt", True), ("ValueError", False), ("", False)]
)
def test_gradients_are_enabled_again_only_after_an_interrupt(shell, error, enabled):
    shell.run_cell(f"import torch; torch.set_grad_enabled(False); {error and f'raise {error}'}")
    assert torch.is_grad_enabled() == enabled


@pytest.mark.parametrize(
    ("cuda", "mps", "name"),
    [(False, False, "cpu"), (True, False, "cuda"), (False, True, "mps"), (True, True, "cuda")],
)
def test_device_is_a_gpu_where_there_is_one(monkeypatch, cuda, mps, name):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert device() == torch.device(name)
