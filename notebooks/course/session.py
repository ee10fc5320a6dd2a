"""The start of every lesson: d2l fixed, figures styled, random generators seeded."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from IPython.core.interactiveshell import ExecutionResult


def enable_gradients_after_interrupt(result: ExecutionResult) -> None:
    """Switch gradients on after a cell that was interrupted; IPython calls this after each cell.

    An interrupt that arrives just as `torch.no_grad()` begins or ends would leave them switched off
    for all cells that follow.
    """
    import torch

    if isinstance(result.error_in_exec, KeyboardInterrupt):
        torch.set_grad_enabled(True)


def device() -> torch.device:
    """Return where to compute: a GPU that PyTorch can use (CUDA's, else Apple's), else the CPU."""
    import torch

    gpus = {"cuda": torch.cuda, "mps": torch.backends.mps}
    return torch.device(next((name for name, gpu in gpus.items() if gpu.is_available()), "cpu"))


def begin(seed: int) -> None:
    """Prepare a notebook: d2l works, figures look alike, and numbers come out the same everywhere.

    Fixes d2l for today's packages, sets the figure style, seeds Python, NumPy and PyTorch, lets
    PyTorch print four decimals, and lets an interrupted cell be run again. PyTorch calculates on
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

    from . import style
    from .d2l_fixes import fix_d2l

    fix_d2l()
    style.apply()
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    torch.set_printoptions(precision=4, sci_mode=False)
    shell = get_ipython()
    if shell is not None:  # Registering it again changes nothing.
        shell.events.register("post_run_cell", enable_gradients_after_interrupt)
