"""A process that has done the large imports; kernels and test processes are forks of it.

Those imports take about 4 seconds a process, and a run of the tests starts a dozen. The cells and
the tests still run in a process and a namespace of their own (which ends without `atexit`'s
functions). JupyterLab, `make refresh` and `make test-lab` start ordinary kernels; where there is
no Linux, so do the tests.

The first test process starts the server, the others learn the address from the environment. A fork
ends with the connection on which it was asked for, the server with the process that started it.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import secrets
import signal
import socket
import socketserver
import struct
import subprocess
import sys
import threading
from pathlib import Path

ADDRESS = "COURSE_FORK_SERVER"  # the environment variable that holds the server's address
IMPORTED = (
    "torch",
    "torchvision",
    "pandas",
    "d2l.torch",
    "ipykernel.kernelapp",
    "nbval.kernel",
    "nbval.cover",
    "pytest",
)
#: matplotlib reads this when it is imported, and ipykernel would set it only in the fork.
ENVIRONMENT = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
NOTEBOOKS = Path(__file__).resolve().parents[2]
#: Whose forks a server makes: another Python or another clone does not take them.
OWN = f"{sys.executable} {NOTEBOOKS}"


class ForkServer(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    """Forks a process for each connection; its listening socket is its stdin."""

    max_children, block_on_close = 1000, False

    def __init__(self) -> None:
        super().__init__("", ForkRequest, bind_and_activate=False)
        self.socket = socket.socket(fileno=sys.stdin.fileno())
        self.tests = int(sys.argv[1])

    def verify_request(self, request: socket.socket, client_address: object) -> bool:
        """Refuse other users of this machine."""
        credentials = request.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return struct.unpack("3i", credentials)[1] == os.getuid()

    def service_actions(self) -> None:
        """End when the tests have ended; called twice a second, and between the imports."""
        super().service_actions()
        if os.getppid() != self.tests:
            sys.exit()


class ForkRequest(socketserver.BaseRequestHandler):
    """Is a kernel or a test process until it ends or is told to; handled in a fork."""

    def handle(self) -> None:
        """Read what is asked for, answer with this process's number, and run it."""
        request, streams = self.receive()
        self.request.sendall(b"%d\n" % os.getpid())
        self.request.recv(1)  # the other side knows the number, and can pass on signals
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), sys.stdin.fileno())  # not the server's socket
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.setsid()  # a Ctrl-C in the terminal is for the process that asked
        threading.Thread(target=self.end_with_connection, daemon=True).start()
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        sys.argv = request["arguments"]
        if "code" in request:
            self.run_tests(request["code"])
        else:
            self.run_kernel()

    def receive(self) -> tuple[dict, list[int]]:
        """Return the one line that is sent, from JSON, and the open files sent along."""
        line, streams = b"", []
        while not line.endswith(b"\n"):
            part, more, *_ = socket.recv_fds(self.request, 1 << 16, 3)
            if not part:
                raise EOFError("The request is cut off.")
            line, streams = line + part, streams + more
        return json.loads(line), streams

    def run_kernel(self) -> None:
        """Run what `python -m ipykernel_launcher` runs."""
        from ipykernel.kernelapp import launch_new_instance

        launch_new_instance()

    def run_tests(self, code: str) -> None:
        """Run what `python -c` would run, without what only a kernel has."""
        import matplotlib

        matplotlib.rcParams["backend"] = "agg"
        for name in [name for name in sys.modules if name.partition(".")[0] == "ipykernel"]:
            del sys.modules[name]  # tqdm and ipywidgets take it for a sign of a notebook
        signal.signal(signal.SIGINT, signal.default_int_handler)
        exec(code, {"__name__": "__main__"})

    def end_with_connection(self) -> None:
        """End this process when the other side closes the connection or ends."""
        try:
            self.request.recv(1)
        finally:
            os._exit(1)


def ask(streams: tuple[int, ...] = (), **request: object) -> tuple[socket.socket, int]:
    """Ask the server that the environment names for a fork; OSError if there is none.

    `request` is what `ForkRequest.handle` looks up, `streams` are the fork's stdin, stdout, stderr.
    Returns the connection, with which the fork ends, and its number. The fork begins its work when
    it is sent a byte.
    """
    connection = socket.socket(socket.AF_UNIX)
    connection.connect("\0" + os.environ.get(ADDRESS, "none").partition(" ")[0])
    socket.send_fds(connection, [json.dumps(request).encode() + b"\n"], streams)
    answer = connection.recv(1 << 10)
    if not answer:
        raise ConnectionError("The server of forks has ended.")
    return connection, int(answer)


def is_known() -> bool:
    """Whether the environment names a server of this Python and this clone."""
    return os.environ.get(ADDRESS, "").partition(" ")[2] == OWN


def start() -> subprocess.Popen:
    """Start the server, which answers when its imports are done; it ends with this process."""
    name = f"course-forks-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("\0" + name)  # not a file, so nothing to clean up; only Linux has it
        listening.listen()
        command = [sys.executable, "-u", "-m", "course.tests.fork_server", str(os.getpid())]
        # no output: whoever reads that of the tests would wait for the server's end as well
        server = subprocess.Popen(
            command,
            cwd=NOTEBOOKS,
            env={**os.environ, **ENVIRONMENT},
            stdin=listening,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    atexit.register(end, server)  # where this process is killed, the server notices it
    os.environ[ADDRESS] = f"{name} {OWN}"
    return server


def end(server: subprocess.Popen) -> None:
    """End the server, but not its forks."""
    server.kill()
    server.wait()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests
    sys.modules["rfc3987_syntax"] = None  # before_imports.py says why
    server = ForkServer()
    for name in IMPORTED:
        server.service_actions()
        importlib.import_module(name)
    gc.freeze()  # what is imported is no garbage, and forks share the memory that none touches
    server.serve_forever()
