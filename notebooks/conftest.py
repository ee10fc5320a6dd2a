"""How pytest runs the notebooks: strictly, except for Fashion-MNIST's numbers without its files."""

from __future__ import annotations

import functools
import re

import pytest

from course import fashion_mnist

ON_FASHION_MNIST = "05"  # the lesson, and its solutions, whose numbers are the data set's


@functools.cache
def has_real_data() -> bool:
    """Tell whether the official files lie in data/."""
    return fashion_mnist.is_intact(fashion_mnist.DATA / "FashionMNIST" / "raw")


def pytest_sessionstart():
    """Look for the data once: what it says now stays so, even if a notebook fetches the data."""
    has_real_data()


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    """Compare no outputs of lesson 05 where only the stand-in is there (as --nbval-lax does)."""
    collected = yield
    if file_path.suffix == ".ipynb" and file_path.name.startswith(ON_FASHION_MNIST):
        for node in collected:
            node.compare_outputs = node.compare_outputs and has_real_data()
    return collected


def pytest_terminal_summary(terminalreporter):
    """Say which of the two was run, if lesson 05 was."""
    reports = [report for kind in terminalreporter.stats.values() for report in kind]
    names = [getattr(report, "nodeid", "").split("::")[0] for report in reports]
    if not any(re.search(rf"\b{ON_FASHION_MNIST}-[^/]*\.ipynb$", name) for name in names):
        return
    how = (
        "strictly, on the official Fashion-MNIST"
        if has_real_data()
        else "without comparing its output (nbval-lax), on the drawn stand-in"
    )
    terminalreporter.write_line(f"Lesson 05 was run {how}; other notebooks strictly.")
