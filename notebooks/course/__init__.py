"""What the lessons need besides their own cells: data files, figure style, exercise checks.

Importing this package is cheap; PyTorch and d2l are loaded by `begin`.
"""

from .session import begin

__all__ = ["begin"]
