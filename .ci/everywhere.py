"""Run `make test`'s tests wherever the course should give the same: too slow for each commit.

    python .ci/everywhere.py              all cases, about three minutes each, and a table
    python .ci/everywhere.py 3.10 lowest  those whose names hold one of these words

Each case gets a fresh clone of the last commit, and each Python an environment of its own; these
stay in .everywhere/ for the next time. A Python that is not installed is reported, not tested.
Needs git, a network, and Linux for the read-only checkout (`unshare`). Set FASHION_MNIST_SOURCE
where the data lie nearby.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements.txt"
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
USUAL = "3.12"
# Mounts the checkout read-only, its data/ excepted, for the command that follows; nobody else sees
# it so. ($0 is the checkout, $@ the command.)
OWN_MOUNTS = ["unshare", "--map-root-user", "--mount"]
READ_ONLY = (
    'mount --bind "$0" "$0" && mount --bind "$0/data" "$0/data" && mount -o remount,bind,ro "$0" '
    '&& cd "$0" && ! touch README.md 2>/dev/null && exec "$@"'
)


up_to_date: set[Path] = set()  # the environments that need no look any more


@dataclass
class Case:
    """One way to run the tests."""

    name: str
    python: str = USUAL
    lowest: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    folder: str = "course"
    read_only: bool = False
    times: int = 1


def cases() -> list[Case]:
    """Return all cases, those that share an environment one after the other."""
    return [
        *[Case(f"Python {python}, newest versions", python) for python in PYTHONS],
        Case("Python 3.10, lowest versions", "3.10", lowest=True),
        *[
            Case(
                f"ATEN_CPU_CAPABILITY={kernels}, {threads} thread(s)",
                environment={"ATEN_CPU_CAPABILITY": kernels, "OMP_NUM_THREADS": threads},
            )
            for kernels in ("default", "avx2")
            for threads in ("1", "2")
        ],
        Case("path with a space and other letters", folder="ein Kurs für Ōe/課程 1"),
        Case("locale C", environment={"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0"}),
        Case("read-only checkout, data/ excepted", read_only=True),
        Case("twice in a row", times=2),
    ]


def interpreter(python: str) -> str | None:
    """Return the path of an installed Python, one of pyenv's included."""
    if path := shutil.which(f"python{python}"):
        works = subprocess.run([path, "-c", ""], capture_output=True).returncode == 0
        if works:
            return path
    found = sorted(Path.home().glob(f".pyenv/versions/{python}.*/bin/python"))
    return str(found[-1]) if found else None


def can_mount() -> bool:
    """Tell whether a command may have mounts of its own here."""
    try:
        return subprocess.run([*OWN_MOUNTS, "true"]).returncode == 0
    except OSError:
        return False


def environment(case: Case, folder: Path) -> Path | None:
    """Return the Python of a case's environment, made or brought up to date; None if there is none.

    The packages of an environment with the lowest versions change only with requirements.txt.
    """
    place = folder / f"environment {case.python}{' lowest' if case.lowest else ''}"
    python, stamp = place / "bin" / "python", place / "made from"
    requirements = REQUIREMENTS.read_text(encoding="utf-8")
    if stamp in up_to_date:
        return python
    if not stamp.exists() or (case.lowest and stamp.read_text(encoding="utf-8") != requirements):
        base = interpreter(case.python)
        if base is None:
            return None
        subprocess.run([base, "-m", "venv", "--clear", place], check=True)
    pip = [python, "-m", "pip", "install", "--quiet"]
    if case.lowest:
        subprocess.run([*pip, "uv"], check=True)
        pip = [python, "-m", "uv", "pip", "install", "--quiet", "--python", python]
        pip += ["--resolution", "lowest-direct"]
    else:
        pip += ["--upgrade", "--upgrade-strategy", "eager"]
    subprocess.run([*pip, "-r", REQUIREMENTS], check=True)
    stamp.write_text(requirements, encoding="utf-8")
    up_to_date.add(stamp)
    return python


def run(case: Case, folder: Path) -> str:
    """Run one case; return what came of it in a few words."""
    if case.read_only and not can_mount():
        return "not run: commands cannot have mounts of their own here"
    python = environment(case, folder)
    if python is None:
        return f"not run: there is no Python {case.python} here"
    with tempfile.TemporaryDirectory() as temporary:
        checkout = Path(temporary) / case.folder
        subprocess.run(["git", "clone", "--quiet", ROOT, checkout], check=True)
        data = ROOT / "data" / "FashionMNIST"
        if data.exists():
            shutil.copytree(data, checkout / "data" / "FashionMNIST")
        return tested(case, python, checkout, log=folder / f"{case.name.replace('/', ' ')}.log")


def tested(case: Case, python: Path, checkout: Path, log: Path) -> str:
    """Run the tests in a checkout; return what came of it in a few words."""
    command = [str(python), ".ci/test.py"]
    if case.read_only:
        command = [*OWN_MOUNTS, "sh", "-c", READ_ONLY, str(checkout)]
        command += [str(python), "-B", ".ci/test.py", "-p", "no:cacheprovider"]
    said = []
    for _ in range(case.times):
        start = time.monotonic()
        done = subprocess.run(
            command,
            cwd=checkout,
            env=os.environ | case.environment,
            capture_output=True,
            text=True,
            errors="replace",
        )
        ends = re.findall(r"\d+ (?:passed|failed).* in [\d.]+s", done.stdout)
        said.append(ends[-1] if ends else f"failed after {time.monotonic() - start:.0f} s")
        if "without comparing" in done.stdout:
            said.append("lesson 05 not compared")
        if done.returncode:
            log.write_text(done.stdout + done.stderr, encoding="utf-8")
            said.append(f"FAILED, see {log}")
    versions = subprocess.run(
        [
            python,
            "-c",
            "import torch, numpy; print('torch', torch.__version__, 'numpy', numpy.__version__)",
        ],
        capture_output=True,
        text=True,
    )
    return f"{'; '.join(said)} ({versions.stdout.strip()})"


def main() -> int:
    """Run the cases named on the command line, or all; return 1 if one failed."""
    words = sys.argv[1:]
    chosen = [c for c in cases() if not words or any(word in c.name for word in words)]
    if not chosen:
        sys.exit("No case has such a name; there are:\n" + "\n".join(c.name for c in cases()))
    folder = ROOT / ".everywhere"
    folder.mkdir(exist_ok=True)
    failed = False
    for case in chosen:
        try:
            said = run(case, folder)
        except subprocess.CalledProcessError as error:
            said = f"FAILED: {shlex.join(map(str, error.cmd))}"
        failed |= "FAILED" in said
        print(f"| {case.name} | {said} |", flush=True)
        if "CI" in os.environ and case.python != USUAL:  # little room there, and no next time
            for place in folder.glob(f"environment {case.python}*"):
                shutil.rmtree(place)
                up_to_date.clear()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
