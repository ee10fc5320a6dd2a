"""The tests' own kernels and processes: what nbval and pytest would not notice."""

import os
import shlex
import signal
import subprocess
import sys
import time

import psutil
import pytest
from execnet import XSpec

if sys.platform != "linux":
    pytest.skip("processes are forked on Linux only", allow_module_level=True)

from course.tests import fork_server, forked_kernels, forked_workers

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


def test_the_server_answers():
    """If it does not: `python -m course.tests.fork_server 0` in notebooks/ shows the error."""
    connection, pid = fork_server.ask()
    with connection:
        assert not is_gone(pid)
    assert ends(lambda: is_gone(pid))


def start_worker(code):
    """Start a test process, as pytest-xdist does, to run code."""
    specs = [XSpec("popen"), XSpec("ssh=b"), XSpec("popen//python=other")]
    specs[0].id = "gw0"
    forked_workers.as_workers(specs)
    assert [spec.python for spec in specs[1:]] == [None, "other"] and specs[0].id == "gw0"
    command = [*shlex.split(specs[0].python), "-u", "-c", code]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, **pipes)


@pytest.mark.parametrize("is_there", [True, False])
def test_a_worker_is_like_an_ordinary_process(is_there, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_WORD", "set")
    monkeypatch.delenv("MPLBACKEND", raising=False)
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    if not is_there:
        monkeypatch.setenv(fork_server.ADDRESS, "gone")
    code = (
        "import os, sys, signal\n"
        "print(input(), os.getcwd(), os.environ['COURSE_WORD'], 'MPLBACKEND' in os.environ)\n"
        "print(sys.argv, 'ipykernel' in sys.modules, 'torch' in sys.modules, end=' ')\n"
        "print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)\n"
        "import matplotlib.pyplot as plt; plt.figure(); print(plt.get_backend().lower())\n"
        "print('error', file=sys.stderr, end='')"
    )
    out, error = start_worker(code).communicate("in\n", timeout=LONG_ENOUGH)
    first = f"in {tmp_path} set False\n"
    assert out == first + f"['-c'] False {is_there} True\nagg\n"
    assert error == "error"


def test_a_worker_ends_with_the_tests():
    process = start_worker("import os, time; print(os.getpid(), flush=True); time.sleep(600)")
    pid = int(process.stdout.readline())
    assert pid != process.pid
    process.kill()
    assert ends(lambda: is_gone(pid))


def test_ctrl_c_reaches_a_worker():
    code = (
        "import time\ntry:\n    print('ready', flush=True)\n    time.sleep(600)\n"
        "except KeyboardInterrupt:\n    print('interrupted')"
    )
    process = start_worker(code)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=LONG_ENOUGH) == ("interrupted\n", "")


def test_as_many_workers_as_asked_for(request, monkeypatch):
    from course.tests import before_imports

    decide = before_imports.pytest_xdist_auto_num_workers
    monkeypatch.setattr(request.config.option, "numprocesses", "logical")
    monkeypatch.delenv("PYTEST_XDIST_AUTO_NUM_WORKERS", raising=False)
    assert decide(request.config) == len(os.sched_getaffinity(0)) + 1
    monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", "1")
    assert decide(request.config) is None
    monkeypatch.delenv("PYTEST_XDIST_AUTO_NUM_WORKERS")
    monkeypatch.setattr(request.config.option, "numprocesses", "auto")
    assert decide(request.config) is None
