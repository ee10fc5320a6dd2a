"""Make the course's Python environment in `.venv`; a second call does no work.

Any Python from 3.6 on can run this, so that an old one is told which versions the course needs.
The variable TORCH chooses PyTorch's build: `auto` (from PyTorch's own index, for the CPU or the GPU
that is there, and from PyPI where that index does not answer), `cpu` or `pypi`.
"""

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV, REQUIREMENTS = ROOT / ".venv", ROOT / "requirements.txt"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "course-environment"  # says what the environment was made from
OVERRIDES = VENV / "share/jupyter/lab/settings/overrides.json"
SERVER_CONFIG = VENV / "etc/jupyter/jupyter_lab_config.py"
INTEL_MAC = (platform.system(), platform.machine()) == ("Darwin", "x86_64")
OLDEST, NEWEST = (3, 10), (3, 12) if INTEL_MAC else (3, 15)
SECONDS_FOR_INDEX = 15

# no pop-ups, and no slider's callback in a second thread: it would disturb the cell that runs
LAB_SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/apputils-extension:kernels-settings": {"commsOverSubshells": "disabled"},
}
# set for other projects: packages would be looked for, or installed, elsewhere
FOREIGN = ("PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON")

# what a failed command says, and what only a person can do about it
KNOWN_FAULTS = {
    "certificate": "a certificate is not trusted, as where a company or a school puts its own in "
    "place of the server's; nothing more was fetched: ask there for the file of certificates, name "
    "it in the two variables SSL_CERT_FILE and REQUESTS_CA_BUNDLE, and try again.",
    "SOCKS": "pip cannot use a SOCKS proxy, and nothing more was fetched: name an HTTP proxy in "
    "HTTPS_PROXY, or unset ALL_PROXY, and try again.",
    r"WinError (?:126|1114)\b": "Windows lacks the Visual C++ runtime that PyTorch needs; .venv "
    "stays: install https://aka.ms/vs/17/release/vc_redist.x64.exe and try again.",
}


def stop(sentence: str) -> None:
    """End with one sentence for the user."""
    sys.exit("Environment: " + sentence)


def python(*arguments: object, show: bool = True, **options: object) -> bool:
    """Run `.venv`'s Python; return whether it succeeded, and stop at one of the known faults."""
    options.setdefault("stderr", subprocess.PIPE)
    command = [str(PYTHON), *map(str, arguments)]
    done = subprocess.run(command, encoding="utf-8", errors="replace", **options)
    errors = done.stderr or ""
    for sign, sentence in KNOWN_FAULTS.items() if done.returncode else ():
        reasons = re.findall(f".*{sign}.*", errors, re.IGNORECASE)
        if reasons:
            stop(f"{sentence}\n(The reason: {reasons[-1].strip()})")
    if show:
        print(errors, end="", file=sys.stderr, flush=True)
    return done.returncode == 0


def index_answers(uv: list) -> bool:
    """Tell whether PyTorch's own index answers within seconds (only uv knows its addresses)."""
    probe = [*uv, "--dry-run", "--upgrade", "--no-deps", "torch"]
    options = {"timeout": SECONDS_FOR_INDEX, "show": False, "stdout": subprocess.DEVNULL}
    hurry = {"UV_HTTP_TIMEOUT": "5", "UV_HTTP_RETRIES": "0"}
    try:
        if python(*probe, env={**os.environ, **hurry}, stderr=subprocess.DEVNULL, **options):
            return True
        os.environ["UV_SYSTEM_CERTS"] = "1"  # the computer's certificates, a company's among them
        return python(*probe, env={**os.environ, **hurry}, **options)
    except subprocess.TimeoutExpired:
        return False


def install(build: str) -> None:
    """Install the requirements, with a torch and a torchvision that import together."""
    quiet = [] if sys.stdout.isatty() else ["--quiet"]  # a person sees the progress
    pip, requirements = ["-m", "pip"], ["-r", REQUIREMENTS]
    pair_imports = ["-c", "import torch, torchvision; torchvision.ops.nms"]
    if build != "pypi" and python(*pip, "install", "--quiet", "--only-binary=:all:", "uv"):
        uv = ["-m", "uv", "pip", "install", "--python", PYTHON, "--torch-backend", build]
        packages = [*quiet, "--compile-bytecode", *requirements]
        if index_answers(uv) and python(*uv, *packages, stderr=None):  # its progress is there
            if python(*pair_imports, show=False):
                return
    if build == "cpu":
        stop("PyTorch's own index gave no CPU build; .venv stays: try `make TORCH=pypi lab`.")
    if build == "auto":
        print("Environment: taking PyTorch from PyPI, as its own index gave no build.", flush=True)
    for last in (False, True):
        if not python(*pip, "install", *quiet, *requirements):
            stop("pip failed (see above); what it did install stays in .venv, so try again later.")
        if python(*pair_imports, show=last):
            return
        # one of the two is left from another source: pip takes it for the one it would install
        python(*pip, "uninstall", "--yes", "--quiet", "torch", "torchvision")
    stop("torch and torchvision fail to import (see above): delete the folder .venv, try again.")


def make(build: str, wanted: str) -> None:
    """Make `.venv`, or bring it up to date where this very Python has made it."""
    print("Environment: making .venv with the course's packages (minutes, once) ...", flush=True)
    VENV.mkdir(exist_ok=True)
    STAMP.write_text("unfinished", encoding="utf-8")
    for name in FOREIGN:
        os.environ.pop(name, None)
    os.environ.update(PIP_USER="0", PIP_DISABLE_PIP_VERSION_CHECK="1")
    same = f"import pip, sys; sys.exit(sys.version != {sys.version!r})"
    if not PYTHON.exists() or not python("-c", same, show=False):
        if subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)]).returncode:
            stop(
                "`python -m venv` failed (see above), only .venv was changed; on Debian and "
                "Ubuntu `sudo apt install python3-venv` mends it, then try again."
            )
    install(build)
    STAMP.write_text(wanted, encoding="utf-8")
    print("Environment: ready.", flush=True)


def text_of(path: Path) -> str:
    """Return a file's text, or "" where none can be read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def write_settings() -> None:
    """Write JupyterLab's settings into `.venv` unless they are there."""
    server_config = text_of(ROOT / ".ci/jupyter_lab_config.py")
    texts = {OVERRIDES: json.dumps(LAB_SETTINGS, indent=1), SERVER_CONFIG: server_config}
    for path, text in texts.items():
        if text_of(path) != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def main() -> None:
    """Make the environment unless it is there, and write JupyterLab's settings into it."""
    build = os.environ.get("TORCH", "auto")
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        newest = "3.12 (PyTorch has ended there on Intel Macs)" if INTEL_MAC else "3.15"
        stop(
            f"this is Python {sys.version.split()[0]}, and the course needs 3.10 to {newest}; "
            "nothing was changed: name another one, as in `make PYTHON=python3.12 lab`."
        )
    if build not in ("auto", "cpu", "pypi"):
        stop(f"TORCH is {build!r}; nothing was changed: set it to auto, cpu or pypi.")
    wanted = "\n".join([hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest(), sys.version, build])
    made_from = text_of(STAMP)
    if "TORCH" not in os.environ:  # any build will do that is there
        made_from = made_from.rpartition("\n")[0] + "\n" + build
    try:
        if made_from != wanted or not PYTHON.exists():
            make(build, wanted)
        write_settings()
    except OSError as error:
        stop(
            f"{error.filename} cannot be written or run ({error.strerror}); the notebooks are "
            "intact: where another user made .venv, have it deleted, or work in a copy of your own."
        )


if __name__ == "__main__":
    main()
