"""What `make test` runs: fetch the data if it can be had, then pytest over notebooks and course.

Arguments go to pytest: `.venv/bin/python .ci/test.py notebooks/01*` tests one lesson.
"""

import subprocess
import sys
from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"


def main() -> int:
    """Fetch, test, and return pytest's exit status; without data the stand-in is tested."""
    print("Tests: looking for Fashion-MNIST ...", flush=True)
    subprocess.run([sys.executable, "-m", "course.fashion_mnist"], cwd=NOTEBOOKS)
    print("Tests: running every notebook and the unit tests ...", flush=True)
    command = [sys.executable, "-m", "pytest", *sys.argv[1:]]
    return subprocess.run(command, cwd=NOTEBOOKS.parent).returncode


if __name__ == "__main__":
    sys.exit(main())
