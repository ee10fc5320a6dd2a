"""Make the course's Python environment in `.venv`; a second call does no work again.

Runs on any Python 3, so that it can tell in words which versions the course needs.
`TORCH=cpu` and `TORCH=pypi` force the choice between PyTorch's own CPU builds and PyPI's builds;
otherwise Linux without an NVIDIA GPU takes the CPU builds if their index answers within seconds.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
REQUIREMENTS = ROOT / "requirements.txt"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "course-environment"
OLDEST, NEWEST = (3, 10), (3, 14)
SECONDS_FOR_INDEX = 15


def stop(sentence):
    """End with one sentence for the reader."""
    sys.exit("Environment: " + sentence)


def run(*command, **options):
    """Run a program; return whether it succeeded."""
    return subprocess.run([str(part) for part in command], **options).returncode == 0


def check_python():
    """Stop where this Python is not one that the course is tested on."""
    version = sys.version_info[:2]
    if not OLDEST <= version <= NEWEST:
        stop(
            "this is Python {}.{}, and the course needs {}.{} to {}.{}; nothing was changed: "
            "name another one, as in `make PYTHON=python3.12 lab`.".format(
                *version, *OLDEST, *NEWEST
            )
        )


def wanted():
    """Say what the environment is made from; while this stays the same there is nothing to do."""
    requirements = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    return "\n".join([requirements, sys.version, os.environ.get("TORCH", "auto"), str(VENV)])


def has_nvidia_gpu():
    """Tell whether an NVIDIA driver is installed."""
    return shutil.which("nvidia-smi") is not None or Path("/proc/driver/nvidia").exists()


def install_cpu_builds():
    """Install everything with PyTorch's CPU builds; return whether that worked.

    uv knows where they are; pip would need their index's address, and for each platform its own.
    """
    if not run(PYTHON, "-m", "pip", "install", "--quiet", "uv"):
        return False
    install = [PYTHON, "-m", "uv", "pip", "install", "--python", PYTHON, "--torch-backend", "cpu"]
    install += ["-r", REQUIREMENTS]
    impatient = dict(os.environ, UV_HTTP_TIMEOUT="5", UV_HTTP_RETRIES="0")
    try:
        answers = run(
            *install,
            "--dry-run",
            env=impatient,
            timeout=SECONDS_FOR_INDEX,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        answers = False
    if not answers:
        print("Environment: PyTorch's own index does not answer, taking PyPI's builds.", flush=True)
        return False
    return run(*install, "--compile-bytecode")


def torch_imports():
    """Tell whether torch and torchvision fit each other."""
    return run(PYTHON, "-c", "import torch, torchvision; torchvision.ops.nms", cwd=str(ROOT))


def install():
    """Install the requirements, from PyPI where the CPU builds are not wanted or not to be had."""
    choice = os.environ.get("TORCH", "auto")
    if choice not in ("auto", "cpu", "pypi"):
        stop(f"TORCH is {choice!r}; it can be auto, cpu or pypi.")
    saves = platform.system() == "Linux" and not has_nvidia_gpu()
    if choice == "cpu" or (choice == "auto" and saves):
        if install_cpu_builds() and torch_imports():
            return
        if choice == "cpu":
            stop("the CPU builds could not be installed; try `make TORCH=pypi lab`.")
        # a pair that does not import must not stay; where none is installed pip grumbles unheard
        unwanted = ["torch", "torchvision"]
        run(PYTHON, "-m", "pip", "uninstall", "--yes", *unwanted, stderr=subprocess.DEVNULL)
    quiet = [] if sys.stdout.isatty() else ["--quiet"]  # a person sees the progress
    if not run(PYTHON, "-m", "pip", "install", *quiet, "-r", REQUIREMENTS):
        stop(
            "pip could not install the packages (its message is above); what it did install stays "
            "in .venv, so call the same again once the network is back."
        )
    if not torch_imports():
        stop("torch and torchvision do not import together; call `make clean`, then this again.")


def main():
    """Make the environment unless it is there."""
    if STAMP.exists() and STAMP.read_text(encoding="utf-8") == wanted():
        return
    check_python()
    print("Environment: making .venv with the course's packages (minutes, once) ...", flush=True)
    same_python = f"import sys; sys.exit(sys.version != {sys.version!r})"
    keep = PYTHON.exists() and run(PYTHON, "-c", same_python)
    if not keep and not run(sys.executable, "-m", "venv", "--clear", VENV):
        stop("`python -m venv` failed (on Debian and Ubuntu: `apt install python3-venv`).")
    install()
    STAMP.write_text(wanted(), encoding="utf-8")
    print("Environment: ready.", flush=True)


if __name__ == "__main__":
    main()
