"""Setting up: each fault that a machine can have is injected, and nothing is installed."""

import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import jupyterlab
import pytest
from jupyter_core.paths import ENV_CONFIG_PATH
from jupyterlab.commands import get_app_dir
from packaging.version import Version
from traitlets.config.loader import PyFileConfigLoader

REPOSITORY = Path(__file__).parents[3]
MAKE = shutil.which("make")
UV_REFUSES = "  cause: client error (Connect)\n  cause: invalid peer certificate: UnknownIssuer\n"
UV_IS_OFFLINE = "  cause: dns error\n  cause: failed to lookup address information\n"
PIP_REFUSES = (
    "WARNING: Retrying (Retry(total=0)) after connection broken by 'SSLError("
    "SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed'))'\n"
    "ERROR: No matching distribution found for d2l\n"
)
PIP_LACKS_SOCKS = "ERROR: Could not install: Missing dependencies for SOCKS support.\n"
NO_RUNTIME = "OSError: [WinError 126] The specified module could not be found. Error loading c10\n"


class Commands:
    """In place of `subprocess.run`: commands succeed, unless one of the faults fits."""

    def __init__(self, python):
        self.python = python
        self.faults = {}  # part of a command: what it says on stderr, perhaps by its variables
        self.ran = []  # commands with their environment variables

    def __call__(self, command, env=None, stderr=None, **_):
        command, env = " ".join(command), dict(env or os.environ)
        self.ran.append((command, env))
        if " -m venv " in command:
            self.python.parent.mkdir(parents=True, exist_ok=True)
            self.python.touch()
        fault = next((said for part, said in self.faults.items() if part in command), "")
        said = fault(env) if callable(fault) else fault
        seen = said if stderr == subprocess.PIPE else None
        return subprocess.CompletedProcess(command, returncode=bool(said), stderr=seen)

    def of(self, part):
        return [command for command, _ in self.ran if part in command]


@pytest.fixture
def course(tmp_path, monkeypatch):
    """Return a function that loads `environment.py` of a checkout without an environment."""
    (tmp_path / ".ci").mkdir()
    for name in (".ci/environment.py", ".ci/jupyter_lab_config.py", "requirements.txt"):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    monkeypatch.setattr(os, "environ", os.environ.copy())  # it changes variables of its process
    for name in ("TORCH", "UV_SYSTEM_CERTS"):
        monkeypatch.delenv(name, raising=False)

    def load():
        place = tmp_path / ".ci/environment.py"
        spec = importlib.util.spec_from_file_location("environment", place)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.commands = Commands(module.PYTHON)
        monkeypatch.setattr(subprocess, "run", module.commands)
        return module

    return load


def refusal(module):
    """Return the sentence with which it stops."""
    with pytest.raises(SystemExit) as stopped:
        module.main()
    return str(stopped.value.code)


@pytest.mark.parametrize(
    ("machine", "version", "sentence"),
    [
        (("Linux", "x86_64"), (3, 9), "the course needs 3.10 to 3.15; nothing was changed"),
        (("Linux", "x86_64"), (3, 10), None),
        (("Linux", "x86_64"), (3, 15), None),
        (("Linux", "x86_64"), (3, 16), "the course needs 3.10 to 3.15; nothing was changed"),
        (("Darwin", "arm64"), (3, 15), None),
        (("Darwin", "x86_64"), (3, 12), None),
        (("Darwin", "x86_64"), (3, 13), "needs 3.10 to 3.12 (PyTorch has ended there on Intel"),
    ],
)
def test_which_pythons_are_accepted(course, monkeypatch, machine, version, sentence):
    monkeypatch.setattr(platform, "system", lambda: machine[0])
    monkeypatch.setattr(platform, "machine", lambda: machine[1])
    module = course()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "version_info", (*version, 0, "final", 0))
        if sentence:
            assert sentence in refusal(module)
            assert not module.commands.ran
        else:
            module.main()
            assert module.commands.of("--torch-backend auto")


def test_a_second_call_runs_nothing_and_renews_the_settings(course):
    module = course()
    module.main()
    settings = {path: path.read_bytes() for path in (module.OVERRIDES, module.SERVER_CONFIG)}
    module.OVERRIDES.write_text("{}", encoding="utf-8")
    module.SERVER_CONFIG.unlink()
    module.commands.ran.clear()
    module.main()
    assert not module.commands.ran
    assert settings == {path: path.read_bytes() for path in settings}


def test_a_build_once_chosen_stays_until_another_is_asked_for(course, monkeypatch):
    monkeypatch.setenv("TORCH", "pypi")
    course().main()
    monkeypatch.delenv("TORCH")
    module = course()
    module.main()
    assert not module.commands.ran
    monkeypatch.setenv("TORCH", "cpu")
    module.main()
    assert module.commands.of("--torch-backend cpu")


def test_an_index_that_does_not_answer_is_passed_by(course, capsys):
    module = course()
    module.commands.faults = {"--dry-run": UV_IS_OFFLINE}
    module.main()
    assert module.commands.of("-m pip install --quiet -r")
    assert capsys.readouterr().err == ""


def test_an_untrusted_index_stops_before_gigabytes_are_fetched(course):
    module = course()
    module.commands.faults = {"--dry-run": UV_REFUSES}
    sentence = refusal(module)
    assert "SSL_CERT_FILE and REQUESTS_CA_BUNDLE" in sentence
    assert "(The reason: cause: invalid peer certificate: UnknownIssuer)" in sentence
    assert not module.commands.of(" -r ")


def test_uv_is_told_to_look_among_the_computers_certificates(course):
    module = course()
    module.commands.faults = {
        "--torch-backend": lambda env: "UV_SYSTEM_CERTS" not in env and UV_REFUSES
    }
    module.main()
    assert module.commands.of("-m uv pip install")[-1].endswith("requirements.txt")
    assert not module.commands.of("-m pip install --quiet -r")


@pytest.mark.parametrize(
    ("command", "said", "advice"),
    [
        ("-m pip install", PIP_REFUSES, "SSL_CERT_FILE and REQUESTS_CA_BUNDLE"),
        ("-m pip install", PIP_LACKS_SOCKS, "name an HTTP proxy in HTTPS_PROXY"),
        ("import torch", NO_RUNTIME, "install https://aka.ms/vs/17/release/vc_redist.x64.exe"),
        ("-m pip install --quiet -r", "ERROR: No space left on device\n", "pip failed (see above)"),
        ("import torch", "ImportError: undefined symbol\n", "delete the folder .venv"),
    ],
)
@pytest.mark.parametrize("build", ["auto", "pypi"])
def test_a_fault_is_named_with_what_cures_it(course, monkeypatch, build, command, said, advice):
    monkeypatch.setenv("TORCH", build)
    module = course()
    module.commands.faults = {"--dry-run": UV_IS_OFFLINE, command: said}
    assert advice in refusal(module)
    module.commands.faults = {}
    module.main()  # once it is cured, the same call ends well


def test_settings_for_other_projects_are_taken_out(course, monkeypatch):
    monkeypatch.setenv("PIP_USER", "1")
    module = course()
    for name in module.FOREIGN:
        monkeypatch.setenv(name, "elsewhere")
    module.main()
    for command, env in module.commands.ran:
        assert env["PIP_USER"] == "0", command
        assert not set(module.FOREIGN) & set(env), command


@pytest.mark.parametrize("call", ["mkdir", "write_text", "exists"])
def test_an_environment_of_another_user_is_named(course, monkeypatch, call):
    def deny(path, *_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    module = course()
    with monkeypatch.context() as patch:
        patch.setattr(Path, call, deny)
        sentence = refusal(module)
    assert str(module.VENV) in sentence
    assert "cannot be written or run (Permission denied); the notebooks are intact" in sentence
    assert not module.commands.of("pip install")


def test_settings_of_another_user_are_used(course, monkeypatch):
    module = course()
    module.main()
    module.commands.ran.clear()
    monkeypatch.setattr(Path, "write_text", None)  # nothing may be written, and nothing is
    module.main()
    assert not module.commands.ran


def test_settings_lie_where_jupyterlab_looks(course, monkeypatch):
    module = course()
    module.main()
    here = Path(ENV_CONFIG_PATH[0]).relative_to(sys.prefix)
    assert module.SERVER_CONFIG.parent == module.VENV / here
    monkeypatch.setattr(sys, "prefix", str(module.VENV))
    monkeypatch.delenv("JUPYTERLAB_DIR", raising=False)
    assert Path(get_app_dir(), "settings", "overrides.json") == module.OVERRIDES


def test_jupyterlab_knows_each_setting(course):
    for plugin, settings in course().LAB_SETTINGS.items():
        if plugin.endswith("kernels-settings") and Version(jupyterlab.__version__) < Version("4.4"):
            continue  # no subshells there
        package, name = plugin.split(":")
        schema = Path(get_app_dir(), "schemas", package, f"{name}.json")
        properties = json.loads(schema.read_text(encoding="utf-8"))["properties"]
        for key, value in settings.items():
            known = properties[key]
            choices = known.get("enum", []) + [one["const"] for one in known.get("oneOf", [])]
            assert value in choices or known.get("type") == "boolean"


@pytest.mark.parametrize(
    ("release", "prefix", "snap", "hidden"),
    [
        ("6.1.0-18-amd64", "/usr", False, False),
        ("6.8.0-45-generic", "/usr", True, True),
        ("5.15.153.1-microsoft-standard-WSL2", "/usr", False, True),
        ("11", r"C:\Program Files\WindowsApps\PythonSoftwareFoundation.Python.3.13", False, True),
    ],
)
def test_a_browser_that_reads_no_hidden_folder_gets_an_address(
    monkeypatch, release, prefix, snap, hidden
):
    monkeypatch.setattr(platform, "release", lambda: release)
    monkeypatch.setattr(sys, "base_prefix", prefix)
    monkeypatch.setattr(Path, "exists", lambda path: path == Path("/snap/bin") and snap)
    monkeypatch.setattr(sys, "argv", ["lab", "--ip=localhost", "notebooks/04 a copy.ipynb"])
    config = PyFileConfigLoader("jupyter_lab_config.py", str(REPOSITORY / ".ci")).load_config()
    assert config.ServerApp.tornado_settings["websocket_max_message_size"] == 104_857_600
    assert (config.ServerApp.get("use_redirect_file", True) is False) == hidden
    assert (config.LabApp.get("default_url") == "/lab/tree/04%20a%20copy.ipynb") == hidden


@pytest.mark.skipif(os.name == "nt" or not MAKE, reason="needs make")
class TestMake:
    @pytest.fixture
    def folder(self, tmp_path):
        """A checkout, in a folder with a space and an umlaut, whose Python only says its name."""
        folder = tmp_path / "Kurs für alle"
        (folder / ".venv/bin").mkdir(parents=True)
        (folder / "notebooks").mkdir()
        (folder / "notebooks/01-first.ipynb").touch()
        (folder / ".ci/site").mkdir(parents=True)
        (folder / ".ci/site/requirements.txt").touch()
        shutil.copy(REPOSITORY / "Makefile", folder)
        python = folder / ".venv/bin/python"
        python.write_text('#!/bin/sh\necho "$0 $*"\nenv\n', encoding="utf-8")
        python.chmod(0o755)
        return folder

    def make(self, folder, *arguments, **variables):
        """Call make with few variables, none of those that a surrounding make hands on."""
        env = {"PATH": os.environ["PATH"], **variables}
        command = [MAKE, *arguments]
        return subprocess.run(
            command, cwd=folder, env=env, capture_output=True, encoding="utf-8", errors="replace"
        )

    @pytest.mark.parametrize("target", ["lab", "data", "test", "run", "refresh", "environment"])
    def test_settings_for_other_projects_are_taken_out(self, folder, target):
        names = ["PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "MPLBACKEND", "JUPYTERLAB_DIR"]
        done = self.make(folder, target, PIP_USER="1", **dict.fromkeys(names, "elsewhere"))
        assert done.returncode == 0, done.stderr
        assert "elsewhere" not in done.stdout
        assert "PIP_USER=0" in done.stdout

    @pytest.mark.parametrize(
        ("target", "arguments"),
        [
            ("lab", "-m jupyterlab --ip=localhost 01-first.ipynb"),
            ("data", "-m course.fashion_mnist"),
            ("test", "-m pytest"),
            ("mark", ".ci/mark.py"),
            ("update", ".ci/update.py"),
        ],
    )
    def test_python_is_called_by_its_whole_path(self, folder, target, arguments):
        assert f"{folder}/.venv/bin/python {arguments}" in self.make(folder, target).stdout

    @pytest.mark.parametrize("target", ["lab", "site"])
    def test_no_python_at_all(self, folder, target):
        shutil.rmtree(folder / ".venv")
        done = self.make(folder, target, PATH=str(folder))
        assert done.returncode
        assert "neither python3 nor python is there, nothing was changed" in done.stderr
        assert "Permission denied" not in done.stderr
