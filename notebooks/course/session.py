"""The start of every lesson: figures styled and put into words, random generators seeded."""

from __future__ import annotations

import os
import random
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from IPython.core.interactiveshell import ExecutionResult

DEVICE_VARIABLE = "COURSE_DEVICE"


def enable_gradients_after_interrupt(result: ExecutionResult) -> None:
    """Switch gradients on after a cell that was interrupted; IPython calls this after each cell.

    An interrupt that arrives just as `torch.no_grad()` begins or ends would leave them switched off
    for all cells that follow.
    """
    import torch

    if isinstance(result.error_in_exec, KeyboardInterrupt):
        torch.set_grad_enabled(True)


def device(name: str | None = None) -> torch.device:
    """Return where to compute: the CPU, unless another device is asked for and works.

    The stored numbers are a CPU's; a graphics card adds in another order, which changes digits.

    Parameters
    ----------
    name : str, optional
        Such as "cuda" (NVIDIA) or "mps" (Apple); without it, what the environment variable
        COURSE_DEVICE names. Where it cannot compute, a sentence says why, and it is the CPU.
    """
    import torch

    name = name or os.environ.get(DEVICE_VARIABLE, "").strip() or "cpu"
    try:
        asked = torch.device(name)
        torch.ones(2, 2, device=asked) @ torch.ones(2, 2, device=asked)
    except Exception as error:  # an unknown name, no such device, or a card that is too old
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        print(f"The device {name!r} cannot be used here, so the CPU computes. Reason: {reason}")
        return torch.device("cpu")
    return asked


def begin(seed: int) -> None:
    """Prepare a notebook: figures look alike, and numbers come out the same everywhere.

    Sets the figure style, seeds Python, NumPy and PyTorch, lets PyTorch print four decimals, lets
    an interrupted cell be run again, and mends d2l if it has been imported. PyTorch calculates on
    one thread: our tensors are small, so more threads would mostly wait for each other, ten times
    as long on a busy machine, and would add numbers in another order, which changes digits.

    Parameters
    ----------
    seed : int
        Seed of all three random generators; any int from 0 to 2**32 - 1.
    """
    import numpy as np
    import torch
    from IPython import get_ipython

    from . import figure_text, style

    if "d2l.torch" in sys.modules:  # its import takes seconds, and most notebooks do without
        from .d2l_fixes import fix_d2l

        fix_d2l()
    figure_text.make_plain_text()
    style.apply()
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    torch.set_printoptions(precision=4, sci_mode=False)
    shell = get_ipython()
    if shell is not None:  # Registering it again changes nothing.
        shell.events.register("post_run_cell", enable_gradients_after_interrupt)
