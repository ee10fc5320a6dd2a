"""The tests' own kernels: what nbval would not notice."""

import subprocess
import sys
import time

import psutil
import pytest

from course.tests import forked_kernels

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")
LONG_ENOUGH = 60  # seconds; only a broken test waits that long


def ends(is_over):
    """Tell whether something comes true in time."""
    end = time.monotonic() + LONG_ENOUGH
    while not is_over() and time.monotonic() < end:
        time.sleep(0.02)
    return is_over()


def is_gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_kernel_that_cannot_start_has_ended():
    kernel = forked_kernels.ForkedProcess(arguments=[], folder="/nonexistent", environment={})
    assert ends(lambda: kernel.poll() == 0)
    assert kernel.wait() == 0


def test_the_server_ends_with_the_tests_even_if_they_end_at_once():
    source = (
        "import os; from course.tests import forked_kernels as f\n"
        "print(f.start_server().pid, flush=True); os._exit(0)"
    )
    command = [sys.executable, "-c", source]
    done = subprocess.run(
        command, cwd=forked_kernels.NOTEBOOKS, capture_output=True, text=True, check=True
    )
    assert ends(lambda: is_gone(int(done.stdout)))


def test_the_server_of_another_clone_is_not_used(monkeypatch):
    started = []
    monkeypatch.setattr(forked_kernels, "start_server", lambda: started.append(True))
    forked_kernels.use()
    assert not started
    monkeypatch.setenv(forked_kernels.ADDRESS, "a-name /another/python /another/notebooks")
    forked_kernels.use()
    assert started
