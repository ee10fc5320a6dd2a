"""The tests' own kernels and processes: what nbval and pytest would not notice."""

import shlex
import subprocess
import sys
import time

import psutil
import pytest
from execnet import XSpec

from course.tests import fork_server, forked_kernels, forked_workers

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="processes are forked on Linux only"
)
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
        "import os; from course.tests import fork_server\n"
        "print(fork_server.start().pid, flush=True); os._exit(0)"
    )
    command = [sys.executable, "-c", source]
    done = subprocess.run(
        command, cwd=fork_server.NOTEBOOKS, capture_output=True, text=True, check=True
    )
    assert ends(lambda: is_gone(int(done.stdout)))


def test_the_server_of_another_clone_is_not_used(monkeypatch):
    assert fork_server.is_known()
    monkeypatch.setenv(fork_server.ADDRESS, "a-name /another/python /another/notebooks")
    assert not fork_server.is_known()


@pytest.fixture(params=["a server", "no server"])
def worker(request, monkeypatch):
    """A function that starts a test process, as pytest-xdist does, to run code."""
    if request.param == "no server":
        monkeypatch.setenv(fork_server.ADDRESS, "gone")
    specs = [XSpec("popen//id=a"), XSpec("ssh=b")]
    forked_workers.as_workers(specs)
    assert str(specs[1]) == "ssh=b"
    command = [*shlex.split(specs[0].python), "-u", "-c"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return lambda code: subprocess.Popen([*command, code], text=True, **pipes)


def test_a_worker_has_the_streams_the_folder_and_the_environment(worker, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_WORD", "set")
    code = (
        "import os, sys\n"
        "print(input(), os.getcwd(), os.environ['COURSE_WORD'], sys.argv)\n"
        "print('error', file=sys.stderr, end='')"
    )
    out, error = worker(code).communicate("in\n", timeout=LONG_ENOUGH)
    assert out == f"in {tmp_path} set ['-c']\n"
    assert error == "error"


def test_a_worker_ends_with_the_tests(worker):
    process = worker("import os, sys, time; print(os.getpid(), flush=True); time.sleep(600)")
    pid = int(process.stdout.readline())
    process.kill()
    process.communicate()
    assert ends(lambda: is_gone(pid))
