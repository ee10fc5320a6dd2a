"""Runs a learner's code so that it cannot disturb the notebook: limits, and what is put back."""

from __future__ import annotations

import contextlib
import ctypes
import io
import random
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch


class TimeUp(BaseException):
    """Raised in the learner's code when its time is over."""


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Give back the random generators and PyTorch's settings as they were; show no warnings.

    Inside, new tensors are float32 numbers on the CPU and autograd is on, as a notebook begins.
    """
    states, dtype = (random.getstate(), np.random.get_state()), torch.get_default_dtype()
    device = torch.empty(0).device
    gpus = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    try:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)  # PyTorch's own, the CPU
        with torch.random.fork_rng(gpus), torch.enable_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_default_device(None if device.type == "cpu" else device)
        random.setstate(states[0])
        np.random.set_state(states[1])


class FirstLines(io.TextIOBase):
    """Takes what the learner's code prints, keeps the first lines and counts the rest."""

    def __init__(self) -> None:
        self.kept, self.num_lines = "", 0

    def write(self, text: str) -> int:
        """Take a piece of text."""
        self.kept += text[:1000] if self.num_lines < 3 else ""
        self.num_lines += text.count("\n")
        return len(text)

    def report(self) -> list[str]:
        """Return the lines to show."""
        lines = [f"    {line[:100]}" for line in self.kept.splitlines()[:3]]
        more = self.num_lines - len(lines)
        tail = [f"    ... and {more} more lines"] if more > 0 else []
        return ["  Your code printed:", *lines, *tail] if lines else tail


class TimeLimit:
    """Raises TimeUp in the block, on any system, when it takes too long; nothing comes after it.

    Time is the processor's, so that a busy machine costs nobody an answer; code that only waits
    may wait six times as long. A real Ctrl-C is left alone. The limit takes effect between two
    steps of Python code, so a single call that hangs in compiled code cannot be stopped, nor, in
    Python 3.10, a `try` in an endless loop that calls nothing.
    """

    # No locks or events: an exception between taking and giving back a lock would block for ever.

    def __init__(self, seconds: float) -> None:
        self.seconds, self.target = seconds, threading.get_ident()
        self.over = self.gone = False

    def __enter__(self) -> None:
        """Start the clock."""
        self.cpu_end = time.process_time() + self.seconds
        self.wall_end = time.monotonic() + 6 * self.seconds
        threading.Thread(target=self._watch, daemon=True).start()

    def __exit__(self, *_: Any) -> None:
        """Stop the clock, and take back what it may have raised."""
        self.over = True
        while not self.gone:
            time.sleep(0.001)
        self._raise(None)  # takes back one that is on its way

    def _watch(self) -> None:
        while not self.over:
            time.sleep(0.005)
            is_late = time.process_time() >= self.cpu_end or time.monotonic() >= self.wall_end
            if is_late and not self.over:
                # Once more a second later, in case the learner's `except:` took it.
                self.cpu_end, self.wall_end = time.process_time() + 1, time.monotonic() + 1
                self._raise(ctypes.py_object(TimeUp))
        self.gone = True

    def _raise(self, error: Any) -> None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.target), error)
