"""Kernels that start at once: forks of a process that has imported the large packages already.

Those imports take about 4 seconds a kernel, and the tests start ten. The cells still run in a
process and a namespace of their own. JupyterLab, `make refresh` and `make test-lab` start ordinary
kernels; so do the tests where there is no fork server.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import sys
import threading
from importlib.metadata import EntryPoint
from multiprocessing.context import ForkServerContext
from unittest import mock

from jupyter_client import KernelConnectionInfo
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

NAME = "forked-kernel"
IMPORTED = ["ipykernel.kernelapp", "torch", "torchvision", "pandas", "d2l.torch"]
#: matplotlib reads this when it is imported, and ipykernel would set it only in the fork.
ENVIRONMENT = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}


def end_with_parent() -> None:
    """End this process when the tests do; a fork is not told by Jupyter whom to watch."""
    multiprocessing.parent_process().join()
    os._exit(1)


def run_kernel(
    arguments: list[str], folder: str, environment: dict[str, str], start_method: str
) -> None:
    """Be a Jupyter kernel until told to stop; runs in the fork."""
    from ipykernel.kernelapp import launch_new_instance

    multiprocessing.set_start_method(start_method, force=True)  # of a DataLoader's workers
    threading.Thread(target=end_with_parent, daemon=True).start()
    os.chdir(folder)
    os.environ.update(environment)
    sys.argv = ["ipykernel_launcher", *arguments]
    launch_new_instance()


class ForkedProcess:
    """A fork, with as much of `subprocess.Popen` as Jupyter's provisioner calls."""

    stdin = stdout = stderr = None

    def __init__(self, context: ForkServerContext, *arguments) -> None:
        self._process = context.Process(target=run_kernel, args=arguments)
        with mock.patch.dict(os.environ, ENVIRONMENT):  # the first one starts the fork server
            self._process.start()
        self.pid = self._process.pid
        self.kill = self._process.kill
        self.terminate = self._process.terminate
        atexit.register(self.kill)  # or the end of the tests would wait for a kernel left over

    def poll(self) -> int | None:
        """Return the exit status, None while the process runs."""
        return self._process.exitcode

    def wait(self) -> int | None:
        """Wait for the end; return the exit status."""
        self._process.join()
        return self._process.exitcode

    def send_signal(self, signum: int) -> None:
        """Send a signal to this process alone; nothing if it has ended."""
        if self.poll() is None:
            os.kill(self.pid, signum)


class ForkedProvisioner(LocalProvisioner):
    """Jupyter's own provisioner of kernels, except that it forks."""

    context = multiprocessing.get_context("forkserver") if os.name == "posix" else None

    async def launch_kernel(self, cmd: list[str], **kwargs) -> KernelConnectionInfo:
        """Start a kernel; `cmd` is [python, -m, ipykernel_launcher, …, -f, connection file]."""
        arguments = cmd[cmd.index("ipykernel_launcher") + 1 :]
        folder, environment = kwargs.get("cwd") or os.getcwd(), dict(kwargs.get("env") or {})
        start_method = multiprocessing.get_start_method()
        try:
            self.process = ForkedProcess(self.context, arguments, folder, environment, start_method)
        except OSError:  # no fork server (its socket's path may be too long): an ordinary kernel
            return await super().launch_kernel(cmd, **kwargs)
        self.pid = self.process.pid
        return self.connection_info


def use() -> None:
    """Let all kernels that this process starts from now on be forks."""
    ForkedProvisioner.context.set_forkserver_preload(IMPORTED)
    factory = KernelProvisionerFactory.instance()
    place = f"{__name__}:{ForkedProvisioner.__name__}"
    factory.provisioners[NAME] = EntryPoint(NAME, place, factory.GROUP_NAME)
    factory.default_provisioner_name = NAME
