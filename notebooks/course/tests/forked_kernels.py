"""Kernels that start at once: forks of the server of `fork_server.py`."""

from __future__ import annotations

import os
import select
import signal
from importlib.metadata import EntryPoint

from jupyter_client import KernelConnectionInfo
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

from course.tests import fork_server

NAME = "forked-kernel"


class ForkedProcess:
    """A fork, with as much of `subprocess.Popen` as Jupyter's provisioner calls."""

    stdin = stdout = stderr = None

    def __init__(self, **request: object) -> None:
        self._connection, self.pid = fork_server.ask(**request)
        self._connection.sendall(b".")

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
                arguments=cmd[cmd.index("ipykernel_launcher") :],
                folder=kwargs.get("cwd") or os.getcwd(),
                environment=dict(kwargs.get("env") or {}),
            )
        except OSError:  # no server there: an ordinary kernel
            return await super().launch_kernel(cmd, **kwargs)
        self.pid = self.process.pid
        return self.connection_info


def use() -> None:
    """Let all kernels that this process starts from now on be forks."""
    factory = KernelProvisionerFactory.instance()
    place = f"{__name__}:{ForkedProvisioner.__name__}"
    factory.provisioners[NAME] = EntryPoint(NAME, place, factory.GROUP_NAME)
    factory.default_provisioner_name = NAME
