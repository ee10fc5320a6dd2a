"""The start of every lesson: d2l mended, figures styled, random generators seeded."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionResult


def record_gradients_again(result: ExecutionResult) -> None:
    """Switch gradients on after a cell that was interrupted; IPython calls this after each cell.

    An interrupt that arrives just as `torch.no_grad()` begins or ends would leave them switched off
    for all cells that follow.
    """
    import torch

    if isinstance(result.error_in_exec, KeyboardInterrupt):
        torch.set_grad_enabled(True)


def begin(seed: int) -> None:
    """Prepare a notebook: the same figures, the same random numbers, short error messages.

    Mends d2l for today's packages, sets the figure style, seeds Python, NumPy and PyTorch,
    makes IPython show only the last line of an error, and lets an interrupted cell be run again.

    Parameters
    ----------
    seed : int
        Seed of all three random generators; any int from 0 to 2**32 - 1.
    """
    import numpy as np
    import torch
    from IPython import get_ipython

    from . import d2l_compat, style

    d2l_compat.mend()
    style.apply()
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    shell = get_ipython()
    if shell is not None:
        shell.InteractiveTB.set_mode(mode="Minimal")
        shell.events.register("post_run_cell", record_gradients_again)  # again changes nothing
