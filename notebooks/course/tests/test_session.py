"""`begin` makes numbers come out the same everywhere, and leaves errors as they are."""

import random
import re
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from matplotlib import pyplot as plt

import course
from course import begin, device, style

NOTEBOOKS = Path(__file__).parents[2]


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


def test_device_is_the_cpu_unless_asked_also_where_there_is_a_card(monkeypatch, capsys):
    monkeypatch.delenv("COURSE_DEVICE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert device() == torch.device("cpu")
    assert not capsys.readouterr().out


def test_device_is_the_one_asked_for_by_argument_or_variable(monkeypatch):
    assert device("meta") == torch.device("meta")  # it computes nothing, and is always there
    monkeypatch.setenv("COURSE_DEVICE", "meta")
    assert device() == torch.device("meta")
    assert device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda:77", "quantum"])
def test_a_device_that_cannot_compute_is_told_and_the_cpu_taken(name, capsys):
    assert device(name) == torch.device("cpu")
    said = capsys.readouterr().out
    assert said.startswith(
        f"The device {name!r} cannot be used here, so the CPU computes. Reason: "
    )
    assert said.count("\n") == 1


def test_a_kernel_shows_figures_also_where_the_environment_says_agg(monkeypatch):
    monkeypatch.setattr(style, "get_ipython", lambda: None)
    plt.switch_backend("agg")
    style.apply()
    assert plt.get_backend() == "agg"
    monkeypatch.setattr(style, "get_ipython", Mock())
    style.apply()
    assert "inline" in plt.get_backend()
    plt.switch_backend("agg")


def test_d2l_is_not_imported_for_a_notebook_that_does_without():
    code = "import sys, course; course.begin(seed=0); print([*sys.modules])"
    imported = subprocess.run(
        [sys.executable, "-c", code], cwd=NOTEBOOKS, capture_output=True, text=True, check=True
    ).stdout
    assert "'torch'" in imported and "'d2l'" not in imported and "'torchvision'" not in imported


def test_the_edition_is_called_the_same_everywhere():
    github = NOTEBOOKS.parent / ".github"
    citation = re.search(r'^version: "(.+)"$', (github / "CITATION.cff").read_text(), re.MULTILINE)
    newest = re.search(r"^## (\S+),", (github / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert citation[1] == newest[1] == course.__version__
