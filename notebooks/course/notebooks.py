"""Tells the course's notebooks from a learner's own and from the copies that JupyterLab makes."""

import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1]
NAME = re.compile(r"(\d\d-[a-z0-9-]+|deeper-\d\d|solutions-\d\d)\.ipynb")


def is_of_course(path: Path) -> bool:
    """Tell whether a notebook belongs to the course, by its name: `Untitled.ipynb` does not."""
    return NAME.fullmatch(path.name) is not None


def of_course(folder: Path = FOLDER) -> list[Path]:
    """Return the course's notebooks in a folder, sorted by name."""
    return sorted(path for path in folder.glob("*.ipynb") if is_of_course(path))


def lesson(number: str) -> Path:
    """Return the notebook of a lesson, such as "01"."""
    (path,) = (path for path in of_course() if path.name.startswith(f"{number}-"))
    return path
