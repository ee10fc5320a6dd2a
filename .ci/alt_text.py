"""Name each figure without alternative text, which the web pages show to those who cannot see it.

A code cell that shows a picture says in its metadata what is to be seen on it, in the key that
MyST-NB reads: `"mystnb": {"image": {"alt": "..."}}`.
"""

import sys
from pathlib import Path

import nbformat

SHORTEST = 20  # "a plot" tells nobody anything
NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"


def faults(path):
    """Yield a sentence for each cell that shows a picture and does not say what is on it."""
    cells = nbformat.read(path, as_version=4).cells
    for number, cell in enumerate((c for c in cells if c.cell_type == "code"), 1):
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        if len(alt) < SHORTEST and any("image/png" in o.get("data", ()) for o in cell.outputs):
            yield f"{path.name}, code cell [{number}] ({cell.id}): its figure has no alt text"


if __name__ == "__main__":
    found = [fault for path in sorted(NOTEBOOKS.glob("*.ipynb")) for fault in faults(path)]
    sys.exit("\n".join(found) or None)
