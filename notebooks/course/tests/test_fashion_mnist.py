"""Each fault that the data can meet, on tiny made-up files and a server on this machine."""

import errno
import gzip
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pooch
import pytest

from course import fashion_mnist as fm

REAL_FILES, REAL_MIRRORS, VARIABLE = fm.FILES, fm.MIRRORS, fm.VARIABLE
REAL = os.environ.get(VARIABLE)
LONG_ENOUGH = 20  # seconds; only a broken test waits that long
NOTEBOOKS = Path(fm.__file__).parents[1]

NAMES = list(fm.FILES)
THIRD = NAMES[2]  # faults strike here, when two files have come already
RAW = {name: random.Random(name).randbytes(20_000) for name in NAMES}
PACKED = {name: gzip.compress(content, mtime=0) for name, content in RAW.items()}
FILES = {name: hashlib.sha256(content).hexdigest() for name, content in RAW.items()}

PAGE = "a web page came instead of the file (a network's log-in page?)"
DAMAGED = f"{THIRD} is wrong or damaged: its SHA-256 checksum differs"
INTACT = "Fashion-MNIST: 60,000 training and 10,000 test images, all files intact\n"
WAITING = "Another notebook or command is preparing this data: waiting for it.\n"
INTERRUPTED = "Interrupted, and no half-written file is left: run this again, or run `make data`.\n"


def one_bit_wrong(content: bytes) -> bytes:
    return content[:9_000] + bytes([content[9_000] ^ 1]) + content[9_001:]


def put(folder: Path, contents: dict, suffix: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / (name + suffix)).write_bytes(content)
    return folder


def state(folder: Path) -> dict:
    """All files and temporary folders that lie below the folder, but not the locks."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
        if path.name not in (".lock", "FashionMNIST", "raw", "drawn-stand-in")
    }


def assert_whole(data_dir: Path):
    home = data_dir / "FashionMNIST"
    assert {name: (home / "raw" / name).read_bytes() for name in NAMES} == RAW
    assert not [*home.glob(".part-*")]


def assert_fails(data_dir: Path, reason: str, function=fm.fetch):
    """The function gives that reason and leaves the old state."""
    before = state(data_dir)
    with pytest.raises(fm.DataError) as caught:
        function(data_dir)
    assert caught.value.reason == reason
    assert state(data_dir) == before


class Handler(BaseHTTPRequestHandler):
    """Sends the packed files, the third one with the fault that `server.fault` names."""

    log_message = Mock()

    def do_GET(self):
        name = self.path.rsplit("/", 1)[-1].removesuffix(".gz")
        self.server.asked.append(name)
        fault, packed = self.server.fault if name == THIRD else None, PACKED[name]
        body = {
            "page": b"\n<!DOCTYPE html><title>Welcome to the hotel</title>",
            "one bit wrong": one_bit_wrong(packed),
            "broken off": packed[:9_000],
        }.get(fault, packed)
        self.send_response(404 if fault == "404" else 200)
        self.send_header("Content-Length", str(len(packed if fault == "broken off" else body)))
        self.end_headers()
        self.wfile.write(body[:9_000])
        if fault == "stalls":
            self.server.reached.set()
            self.server.released.wait(LONG_ENOUGH)
        self.wfile.write(body[9_000:])


@pytest.fixture
def serve(monkeypatch):
    """A function that starts a server as one more mirror, perhaps with a fault."""
    servers = []

    def start(fault=None, certificate=None):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, certificate.with_suffix(".key"))
            server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *args: None  # the client has hung up
        server.fault, server.asked = fault, []
        server.reached, server.released = threading.Event(), threading.Event()
        scheme = "https" if certificate else "http"
        server.address = f"{scheme}://127.0.0.1:{server.server_port}/files/"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        monkeypatch.setattr(fm, "MIRRORS", (*fm.MIRRORS, server.address))
        return server

    yield start
    for server in servers:
        server.released.set()
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """Tiny files, no mirrors but a test's own, nothing of the user's, and an empty cache."""
    for name in (VARIABLE, "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, "")  # so that what a test sets is taken back, too
        monkeypatch.delenv(name)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(fm, "FILES", dict(FILES))
    monkeypatch.setattr(fm, "MIRRORS", ())
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)
    return fm._cache()


@pytest.fixture
def data_dir(tmp_path):
    """Three files intact, the third with one bit wrong, and a file of the user's."""
    damaged = {**RAW, THIRD: one_bit_wrong(RAW[THIRD]), "mine.txt": b"to be kept"}
    return put(tmp_path / "data" / "FashionMNIST" / "raw", damaged).parents[1]


@pytest.fixture(autouse=True)
def draw(monkeypatch):
    """A quick artist in the place of `course.garments`."""
    draw = Mock(side_effect=lambda raw: put(raw, dict.fromkeys(NAMES, b"ink")))
    monkeypatch.setitem(sys.modules, "course.garments", SimpleNamespace(draw_dataset=draw))
    return draw


@pytest.mark.parametrize("folder", ["nothing there", "data"])
def test_fetches_all_and_then_asks_no_more(folder, data_dir, serve, capfd):
    data_dir, server = data_dir.with_name(folder), serve()
    before = state(data_dir)
    for _ in range(2):
        assert fm.fetch(data_dir) == fm.Dataset(data_dir, is_stand_in=False)
        assert_whole(data_dir)
    assert server.asked == NAMES
    assert before.keys() <= state(data_dir).keys()  # other files in the folder are kept
    assert capfd.readouterr() == ("", "")  # no bar where nobody watches, no logging


def test_each_source_is_asked_for_what_is_missing(tmp_path, serve, monkeypatch):
    first, second, named = serve("404"), serve(), serve("one bit wrong")
    monkeypatch.setenv(VARIABLE, named.address)
    monkeypatch.setattr(fm, "MIRRORS", (first.address, second.address))
    fm.fetch(tmp_path)
    assert_whole(tmp_path)
    assert (named.asked, first.asked, second.asked) == (NAMES[:3], NAMES[2:3], NAMES[2:])


@pytest.mark.parametrize("below", ["", "FashionMNIST", "FashionMNIST/raw"])
def test_unpacked_files_are_used_where_the_user_says(below, data_dir, monkeypatch, capsys):
    mine = data_dir.with_name("mine")
    put(mine / "FashionMNIST" / "raw", RAW)
    monkeypatch.setenv(VARIABLE, str(mine / below))
    before = state(data_dir)
    assert fm.find(data_dir) == fm.Dataset(mine, is_stand_in=False)
    assert capsys.readouterr().out == INTACT
    assert state(data_dir) == before
    assert fm.main(data_dir) == 0  # but `make data` copies them
    assert_whole(data_dir)
    assert fm.find(data_dir).root == data_dir


@pytest.mark.parametrize("start", ["repository", "repository/notebooks"])
@pytest.mark.parametrize("below", ["", "FashionMNIST/raw"])
@pytest.mark.parametrize(("contents", "suffix"), [(PACKED, ".gz"), (RAW, "")])
def test_named_folder(tmp_path, monkeypatch, contents, suffix, below, start):
    monkeypatch.setattr(fm, "DATA", tmp_path / "repository" / "data")
    monkeypatch.chdir(put(tmp_path / "repository" / "notebooks", {}))
    monkeypatch.setenv(VARIABLE, "mine")
    put(tmp_path / start / "mine" / below, contents, suffix)
    fm.fetch(fm.DATA)
    assert_whole(fm.DATA)


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        (None, "the folder does not exist"),
        ({NAMES[0]: PACKED[NAMES[0]]}, f"the folder does not hold {NAMES[1]}"),
        ({**PACKED, THIRD: PACKED[THIRD][:10] + b"no gzip"}, DAMAGED),
        ({**PACKED, THIRD: PACKED[THIRD][:-9]}, "the file is cut short"),
    ],
)
def test_fault_of_the_named_folder(contents, reason, data_dir, serve, monkeypatch, capsys):
    monkeypatch.setenv(VARIABLE, str(data_dir.parent / "mine"))
    if contents:
        put(data_dir.parent / "mine", contents, ".gz")
    server = serve("page")
    assert_fails(data_dir, f"{reason}; {PAGE}")
    server.fault = None
    fm.fetch(data_dir)
    assert_whole(data_dir)
    said = capsys.readouterr().out
    assert said == f"{VARIABLE}: {reason}, so the public addresses were asked.\n"


def test_bar_where_somebody_watches(tmp_path, serve, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    serve()
    fm.fetch(tmp_path)
    bar = capsys.readouterr().err
    assert "%" in bar and bar.split("\r")[-2].strip() == ""  # wiped out when done


def test_import_loads_nothing_heavy():
    code = "import sys, course.fashion_mnist; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], cwd=NOTEBOOKS, text=True).split()
    heavy = {"torch", "torchvision", "numpy", "matplotlib", "pooch", "requests", "filelock", "tqdm"}
    assert "course.fashion_mnist" in loaded and not heavy & set(loaded)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("page", PAGE),
        ("broken off", "the file is cut short"),
        ("one bit wrong", DAMAGED),
        ("stalls", "the server does not answer"),
        ("refused", "the connection was refused"),
        ("404", f"404 Client Error: Not Found for url: ADDRESS{THIRD}.gz"),
    ],
)
def test_server_fault_leaves_the_old_state(fault, reason, data_dir, serve, monkeypatch):
    monkeypatch.setattr(fm, "TIMEOUT", 0.3 if fault == "stalls" else 5.0)
    server = serve(fault)
    if fault == "refused":
        server.shutdown()
        server.server_close()
    assert_fails(data_dir, reason.replace("ADDRESS", server.address))


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate")
def test_own_certificate_is_trusted_once_it_is_named(data_dir, serve, monkeypatch):
    certificate = data_dir.with_name("own.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=own"]
        + ["-addext", "subjectAltName=IP:127.0.0.1", "-out", certificate]
        + ["-keyout", certificate.with_suffix(".key")],
        check=True,
        capture_output=True,
    )
    serve(certificate=certificate)
    assert_fails(data_dir, fm.REASONS["SSLCertVerificationError"])
    assert "SSL_CERT_FILE" in fm.REASONS["SSLCertVerificationError"]
    monkeypatch.setenv("SSL_CERT_FILE", "mistyped.pem")
    no_file = "Could not find a suitable TLS CA certificate bundle, invalid path: mistyped.pem"
    assert_fails(data_dir, no_file)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    fm.fetch(data_dir)
    assert_whole(data_dir)


@pytest.mark.parametrize(("owner", "step"), [(socket, "getaddrinfo"), (socket.socket, "connect")])
def test_dropped_packets_cost_one_wait_for_each_source(owner, step, tmp_path, monkeypatch):
    over = threading.Event()
    monkeypatch.setattr(owner, step, lambda *args, **kwargs: over.wait(LONG_ENOUGH) and [])
    monkeypatch.setattr(fm, "MIRRORS", ["http://127.0.0.1:9/", "http://127.0.0.2:9/"])
    monkeypatch.setattr(fm, "TIMEOUT", 0.2)
    start = time.monotonic()
    assert_fails(tmp_path, "the server does not answer")  # said once
    assert 0.4 <= time.monotonic() - start < 2
    over.set()


def assert_cannot_be_written(data_dir: Path, code: int):
    reason = f"neither data/ nor your cache can be written: {os.strerror(code)}"
    for function in (fm.fetch, fm.find):
        assert_fails(data_dir, reason, function)


def test_disk_full(data_dir, serve, monkeypatch):
    def write_half(path: Path, content: bytes):
        path.write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", write_half)
    serve()
    assert_cannot_be_written(data_dir, errno.ENOSPC)


@pytest.mark.skipif(os.name == "nt", reason="that bit does not hold on Windows")
def test_read_only_folder_and_no_cache(monkeypatch):
    with tempfile.TemporaryDirectory() as folder:  # other users cannot enter tmp_path
        data_dir, mine, newer = Path(folder, "data"), Path(folder, "mine"), RAW | {THIRD: b"newer"}
        put(mine / "FashionMNIST" / "raw", newer)
        raw = put(data_dir / "FashionMNIST" / "raw", RAW)
        for path in (raw, *raw.parents[:3]):
            path.chmod(0o555)
        try:
            if os.getuid() == 0:  # may write anywhere: give that up for a moment
                os.seteuid(65534)
            assert fm.fetch(data_dir).root == data_dir  # intact files are no fault
            monkeypatch.setitem(fm.FILES, THIRD, hashlib.sha256(b"newer").hexdigest())
            assert_cannot_be_written(data_dir, errno.EACCES)
            monkeypatch.setenv(VARIABLE, str(mine))  # as the message advises
            assert fm.find(data_dir) == fm.fetch(data_dir) == fm.Dataset(mine, is_stand_in=False)
        finally:
            os.seteuid(os.getuid())


@pytest.fixture
def no_folder(tmp_path):
    """A path where nothing can be written, not even by root."""
    (tmp_path / "file").write_bytes(b"")
    return tmp_path / "file" / "data"


def test_where_data_cannot_be_written_the_cache_serves(
    no_folder, cache, serve, monkeypatch, capsys
):
    monkeypatch.setattr(fm, "MIRRORS", ("nowhere",))
    drawn = fm.Dataset(cache / "drawn-stand-in", is_stand_in=True)
    assert fm.find(no_folder) == drawn
    server = serve()
    for find in (fm.find, fm.fetch, fm.find):
        assert find(no_folder) == fm.Dataset(cache, is_stand_in=False)
    assert server.asked == NAMES
    assert_whole(cache)
    said = f"{fm.STAND_IN} (the folder does not exist)\n{INTACT}{INTACT}"
    assert capsys.readouterr().out == said


def test_the_first_reason_comes_first(no_folder, data_dir, draw, monkeypatch):
    monkeypatch.setattr(pooch, "os_cache", lambda name: no_folder)
    draw.side_effect = OSError(errno.ENOSPC, "No space left")
    second = "neither data/ nor your cache can be written: No space left"
    assert_fails(data_dir, f"there is no source; {second}", fm.find)


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_without_locks_it_goes_on_and_sweeps_nothing(code, tmp_path, serve, monkeypatch, capfd):
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(fcntl, "flock", Mock(side_effect=OSError(code, os.strerror(code))))
    serve()
    others = put(tmp_path / "FashionMNIST" / ".part-of-another-process", {THIRD: b"half"})
    fm.fetch(tmp_path)
    assert (others / THIRD).read_bytes() == b"half"
    shutil.rmtree(others)
    assert_whole(tmp_path)
    assert capfd.readouterr() == ("", "")


CHILD = """
import json, signal, sys
from course import fashion_mnist as fm
signal.signal(signal.SIGINT, signal.default_int_handler)
fm.FILES, fm.MIRRORS = json.loads(sys.argv[2]), sys.argv[3:]
sys.exit(fm.main(sys.argv[1]))
"""


def start_child(data_dir: Path, server, out: Path) -> subprocess.Popen:
    command = [sys.executable, "-u", "-c", CHILD, data_dir, json.dumps(FILES), server.address]
    with out.open("wb") as log:
        return subprocess.Popen(command, cwd=NOTEBOOKS, stdout=log, stderr=log)


# Windows has no signal that stands for Ctrl-C to one process alone
@pytest.mark.parametrize("how", ["killed"] + ["Ctrl-C"] * (os.name != "nt"))
def test_process_ended_in_mid_download(how, data_dir, serve):
    before, server, out = state(data_dir), serve("stalls"), data_dir.parent / "out.txt"
    child = start_child(data_dir, server, out)
    assert server.reached.wait(LONG_ENOUGH)
    child.send_signal(signal.SIGINT) if how == "Ctrl-C" else child.kill()
    code = child.wait(LONG_ENOUGH)
    if how == "Ctrl-C":
        assert (code, out.read_text(), state(data_dir)) == (130, INTERRUPTED, before)
    else:
        assert ".part-" in str(state(data_dir).keys() - before.keys())
    server.fault = None
    fm.fetch(data_dir)
    assert_whole(data_dir)  # and what was left is swept


def test_two_processes_fetch_each_file_once(tmp_path, serve):
    server, outs = serve("stalls"), [tmp_path / "one.txt", tmp_path / "two.txt"]
    children = [start_child(tmp_path / "data", server, out) for out in outs]
    deadline = time.monotonic() + LONG_ENOUGH
    while not any(out.read_text() == WAITING for out in outs):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    server.released.set()
    assert [child.wait(LONG_ENOUGH) for child in children] == [0, 0]
    raw = tmp_path / "data" / "FashionMNIST" / "raw"
    done = f"{raw} holds 60,000 training and 10,000 test images, all intact.\n"
    assert {out.read_text() for out in outs} == {done, WAITING + done}
    assert server.asked == NAMES
    assert_whole(tmp_path / "data")


def test_command_fails_with_one_sentence(tmp_path, capsys):
    assert fm.main(tmp_path) == 1
    out, err = capsys.readouterr()
    assert out == "" and "(there is no source)" in err and VARIABLE in err


def test_find_draws_once_where_there_is_no_network(data_dir, draw, monkeypatch, capsys):
    no_look_up = Mock(side_effect=socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    monkeypatch.setattr(socket, "getaddrinfo", no_look_up)
    monkeypatch.setattr(fm, "MIRRORS", REAL_MIRRORS)
    before = state(data_dir)
    for _ in range(2):
        dataset = fm.find(data_dir)
        assert dataset == fm.Dataset(data_dir / "drawn-stand-in", is_stand_in=True)
        assert capsys.readouterr().out == f"{fm.STAND_IN} (no network or unknown host)\n"
    assert draw.call_count == 1
    assert dataset.title(dataset.label) == f"{fm.STAND_IN}\n{fm.STAND_IN}"
    drawn = {f"drawn-stand-in/FashionMNIST/raw/{name}": b"ink" for name in NAMES}
    assert state(data_dir) == before | drawn  # it lives apart


def test_find_looks_again_at_each_call(data_dir, monkeypatch, capsys):
    assert fm.find(data_dir).is_stand_in
    put(data_dir / "FashionMNIST" / "raw", RAW)
    monkeypatch.setattr(hashlib, "sha256", Mock(wraps=hashlib.sha256))
    real = fm.find(data_dir)
    assert real == fm.Dataset(data_dir, is_stand_in=False)
    assert hashlib.sha256.call_count == len(NAMES)  # each large file is read once
    assert real.title(real.label) == "Fashion-MNIST"
    assert capsys.readouterr().out == f"{fm.STAND_IN} (there is no source)\n{INTACT}"


def test_notebooks_say_that_they_need_it():
    needs = {path.name for path in NOTEBOOKS.glob("*.ipynb") if fm.needed_by(path)}
    assert "05-softmax-fashion-mnist.ipynb" in needs and "deeper-04.ipynb" not in needs


@pytest.mark.skipif(not REAL, reason=f"{VARIABLE} does not say where the real files are")
def test_real_files(tmp_path, monkeypatch):
    monkeypatch.setattr(fm, "FILES", REAL_FILES)
    monkeypatch.setenv(VARIABLE, REAL)
    fm.fetch(tmp_path)
    assert (tmp_path / "FashionMNIST" / "raw" / NAMES[0]).stat().st_size == 47_040_016
