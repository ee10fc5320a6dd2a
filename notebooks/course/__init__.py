"""What the lessons need besides their own cells: data files, figure style, exercise checks.

Importing this package is cheap; PyTorch and d2l are loaded where they are used.
"""

from .session import begin, device

__all__ = ["begin", "device"]
__version__ = "3.0"  # the edition; .github/CHANGELOG.md says what changed
