"""The start of every lesson: d2l mended, figures styled, random generators seeded."""

from __future__ import annotations

import random


def begin(seed: int) -> None:
    """Prepare a notebook: the same figures, the same random numbers, short error messages.

    Mends d2l for today's packages, sets the figure style, seeds Python, NumPy and PyTorch,
    and makes IPython show only the last line of an error.

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
