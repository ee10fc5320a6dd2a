"""Kernels that start at once: forks of one process that has done the large imports already.

Those imports take about 4 seconds a kernel, and the tests start ten. The cells still run in a
process and a namespace of their own. JupyterLab, `make refresh` and `make test-lab` start ordinary
kernels; so do the tests where there is no Linux.

The first test process starts the server, its workers learn the address from the environment. A
kernel ends with the connection on which it was asked for, the server with the process that started
it.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import secrets
import select
import signal
import socket
import socketserver
import struct
import subprocess
import sys
import threading
from importlib.metadata import EntryPoint
from pathlib import Path

from jupyter_client import KernelConnectionInfo
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

NAME = "forked-kernel"
ADDRESS = "COURSE_KERNEL_SERVER"  # the environment variable that holds the server's address
IMPORTED = ["ipykernel.kernelapp", "torch", "torchvision", "pandas", "d2l.torch"]
#: matplotlib reads this when it is imported, and ipykernel would set it only in the fork.
ENVIRONMENT = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
NOTEBOOKS = Path(__file__).resolve().parents[2]
#: Whose kernels a server forks: another Python or another clone does not take them.
OWN = f"{sys.executable} {NOTEBOOKS}"


class KernelServer(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    """Forks a kernel for each connection; its listening socket is its stdin."""

    max_children, block_on_close = 1000, False

    def __init__(self) -> None:
        super().__init__("", KernelRequest, bind_and_activate=False)
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


class KernelRequest(socketserver.StreamRequestHandler):
    """Is a kernel until told to stop; handled in a fork of the server."""

    def handle(self) -> None:
        """Read what the kernel needs, answer with its process's number, and run it."""
        request = json.loads(self.rfile.readline())
        self.wfile.write(b"%d\n" % os.getpid())
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), sys.stdin.fileno())  # not the server's socket
        os.setsid()  # a Ctrl-C in the terminal is for the tests
        threading.Thread(target=self.end_with_connection, daemon=True).start()
        os.chdir(request["folder"])
        os.environ.update(request["environment"])
        sys.argv = ["ipykernel_launcher", *request["arguments"]]

        from ipykernel.kernelapp import launch_new_instance

        launch_new_instance()

    def end_with_connection(self) -> None:
        """End this process when the test process closes the connection or ends."""
        self.connection.recv(1)
        os._exit(1)


class ForkedProcess:
    """A fork, with as much of `subprocess.Popen` as Jupyter's provisioner calls."""

    stdin = stdout = stderr = None

    def __init__(self, **request: object) -> None:
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect("\0" + os.environ[ADDRESS].partition(" ")[0])
        with self._connection.makefile("rw") as stream:
            print(json.dumps(request), file=stream, flush=True)
            answer = stream.readline()
        if not answer:
            raise ConnectionError("The server of kernels has ended.")
        self.pid = int(answer)

    def poll(self) -> int | None:
        """Return 0 when the process has ended, None while it runs."""
        return 0 if select.select([self._connection], [], [], 0)[0] else None

    def wait(self) -> int:
        """Wait for the end."""
        select.select([self._connection], [], [])
        return 0

    def kill(self) -> None:
        """End the process at once; nothing if it has ended."""
        self.send_signal(signal.SIGKILL)

    terminate = kill

    def send_signal(self, signum: int) -> None:
        """Send a signal to this process alone; nothing if it has ended."""
        if self.poll() is None:
            os.kill(self.pid, signum)


class ForkedProvisioner(LocalProvisioner):
    """Jupyter's own provisioner of kernels, except that it asks for a fork."""

    async def launch_kernel(self, cmd: list[str], **kwargs) -> KernelConnectionInfo:
        """Start a kernel; `cmd` is [python, -m, ipykernel_launcher, …, -f, connection file]."""
        try:
            self.process = ForkedProcess(
                arguments=cmd[cmd.index("ipykernel_launcher") + 1 :],
                folder=kwargs.get("cwd") or os.getcwd(),
                environment=dict(kwargs.get("env") or {}),
            )
        except OSError:  # no server there: an ordinary kernel
            return await super().launch_kernel(cmd, **kwargs)
        self.pid = self.process.pid
        return self.connection_info


@functools.cache  # which also keeps the process object alive
def start_server() -> subprocess.Popen:
    """Start the server, which answers when its imports are done; it ends with this process."""
    name = f"course-kernels-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("\0" + name)  # not a file, so nothing to clean up; only Linux has it
        listening.listen()
        command = [sys.executable, "-m", "course.tests.forked_kernels", str(os.getpid())]
        # no output: whoever reads that of the tests would wait for the server's end as well
        server = subprocess.Popen(
            command,
            cwd=NOTEBOOKS,
            env={**os.environ, **ENVIRONMENT},
            stdin=listening,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    os.environ[ADDRESS] = f"{name} {OWN}"
    return server


def use() -> None:
    """Let all kernels that this process starts from now on be forks."""
    if os.environ.get(ADDRESS, "").partition(" ")[2] != OWN:
        start_server()
    factory = KernelProvisionerFactory.instance()
    place = f"{__name__}:{ForkedProvisioner.__name__}"
    factory.provisioners[NAME] = EntryPoint(NAME, place, factory.GROUP_NAME)
    factory.default_provisioner_name = NAME


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests
    server = KernelServer()
    for name in IMPORTED:
        server.service_actions()
        importlib.import_module(name)
    server.serve_forever()
