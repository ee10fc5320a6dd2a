"""Make the course's Python environment in `.venv`; a second call does no work.

Any Python from 3.6 on can run this, so that an old one is told which versions the course needs.
The variable TORCH chooses PyTorch's build: `auto` (from PyTorch's own index, for the CPU or the GPU
that is there, and from PyPI where that index does not answer), `cpu` or `pypi`.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV, REQUIREMENTS = ROOT / ".venv", ROOT / "requirements.txt"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "course-environment"  # says what the environment was made from
JUPYTERLAB_SETTINGS = VENV / "share/jupyter/lab/settings/overrides.json"
NO_POP_UPS = {"fetchNews": "false", "checkForUpdates": False}
OLDEST, NEWEST = (3, 10), (3, 14)
SECONDS_FOR_INDEX = 15


def stop(sentence: str) -> None:
    """End with one sentence for the user."""
    sys.exit("Environment: " + sentence)


def python(*arguments: object, **options: object) -> bool:
    """Run `.venv`'s Python with these arguments; return whether it succeeded."""
    return subprocess.run([str(PYTHON), *map(str, arguments)], **options).returncode == 0


def index_answers(uv: list) -> bool:
    """Tell whether PyTorch's own index answers within seconds (only uv knows its addresses)."""
    hurry = dict(os.environ, UV_HTTP_TIMEOUT="5", UV_HTTP_RETRIES="0")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        probe = [*uv, "--dry-run", "--upgrade", "--no-deps", "torch"]
        return python(*probe, env=hurry, timeout=SECONDS_FOR_INDEX, **quiet)
    except subprocess.TimeoutExpired:
        return False


def install(build: str) -> None:
    """Install the requirements, with a torch and a torchvision that import together."""
    quiet = [] if sys.stdout.isatty() else ["--quiet"]  # a person sees the progress
    pip, requirements = ["-m", "pip"], ["-r", REQUIREMENTS]
    pair_imports = ["-c", "import torch, torchvision; torchvision.ops.nms"]
    if build != "pypi" and python(*pip, "install", "--quiet", "--only-binary=:all:", "uv"):
        uv = ["-m", "uv", "pip", "install", "--python", PYTHON, "--torch-backend", build]
        if index_answers(uv) and python(*uv, *quiet, "--compile-bytecode", *requirements):
            if python(*pair_imports, stderr=subprocess.DEVNULL):
                return
    if build == "cpu":
        stop("PyTorch's own index gave no CPU build; .venv stays: try `make TORCH=pypi lab`.")
    if build == "auto":
        print("Environment: taking PyTorch from PyPI, as its own index gave no build.", flush=True)
    for errors in (subprocess.DEVNULL, None):
        if not python(*pip, "install", *quiet, *requirements):
            stop("pip failed (see above); what it did install stays in .venv, so try again later.")
        if python(*pair_imports, stderr=errors):
            return
        # one of the two is left from another source: pip takes it for the one it would install
        python(*pip, "uninstall", "--yes", "--quiet", "torch", "torchvision")
    stop("torch and torchvision fail to import (see above): delete the folder .venv, try again.")


def main() -> None:
    """Make the environment unless it is there."""
    build = os.environ.get("TORCH", "auto")
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        stop(
            f"this is Python {sys.version.split()[0]}, and the course needs 3.10 to 3.14; nothing "
            "was changed: name another one, as in `make PYTHON=python3.12 lab`."
        )
    if build not in ("auto", "cpu", "pypi"):
        stop(f"TORCH is {build!r}; nothing was changed: set it to auto, cpu or pypi.")
    wanted = "\n".join([hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest(), sys.version, build])
    if PYTHON.exists() and STAMP.exists() and STAMP.read_text(encoding="utf-8") == wanted:
        return
    print("Environment: making .venv with the course's packages (minutes, once) ...", flush=True)
    same = f"import pip, sys; sys.exit(sys.version != {sys.version!r})"
    if not PYTHON.exists() or not python("-c", same, stderr=subprocess.DEVNULL):
        if subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)]).returncode:
            stop(
                "`python -m venv` failed (see above), only .venv was changed; on Debian and "
                "Ubuntu `sudo apt install python3-venv` mends it, then try again."
            )
    STAMP.write_text("unfinished", encoding="utf-8")
    os.environ["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    install(build)
    JUPYTERLAB_SETTINGS.parent.mkdir(parents=True, exist_ok=True)
    settings = {"@jupyterlab/apputils-extension:notification": NO_POP_UPS}
    JUPYTERLAB_SETTINGS.write_text(json.dumps(settings), encoding="utf-8")
    STAMP.write_text(wanted, encoding="utf-8")
    print("Environment: ready.", flush=True)


if __name__ == "__main__":
    main()
