"""Test processes that start at once: forks of the server of `fork_server.py`.

pytest-xdist starts this file in the place of Python, with the options -u and -c CODE. It hands its
stdin, stdout and stderr to a fork that runs the code, passes on a Ctrl-C, and ends with the fork.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
from pathlib import Path


def as_workers(specs: list) -> None:
    """Let pytest-xdist start its processes by this file; `specs` (XSpec) change in place."""
    python = f"{shlex.quote(sys.executable)} -S {shlex.quote(str(Path(__file__).resolve()))}"
    for spec in specs:
        if spec.popen and not spec.python:
            spec.python = python


def main() -> None:
    """Let a fork run the code; without a server, this process becomes a Python that runs it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from course.tests import fork_server

    try:
        connection, pid = fork_server.ask(
            streams=(0, 1, 2),
            code=sys.argv[-1],
            arguments=["-c"],
            folder=os.getcwd(),
            environment=dict(os.environ),
        )
    except OSError:
        os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
    signal.signal(signal.SIGINT, lambda *_: os.kill(pid, signal.SIGINT))
    connection.sendall(b".")
    connection.recv(1)  # nothing comes until the fork ends


if __name__ == "__main__":
    main()
