"""Each fault that the data can meet, on tiny made-up files and a server on this machine."""

import errno
import gzip
import hashlib
import io
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from course import fashion_mnist as fm
from course.fashion_mnist import VARIABLE, DataError

REAL = Path(os.environ.get(VARIABLE) or fm.DATA.parents[1] / "shared" / "fashion-mnist")
REAL_FILES, REAL_MIRRORS = fm.FILES, fm.MIRRORS
LONG_ENOUGH = 20  # seconds; only a broken test waits that long

NAMES = list(fm.FILES)
THIRD = NAMES[2]  # faults strike here, when two files have come already
_rng = random.Random(0)
RAW = {name: _rng.randbytes(20_000) for name in NAMES}
PACKED = {name: gzip.compress(content, mtime=0) for name, content in RAW.items()}
FILES = {name: hashlib.sha256(content).hexdigest() for name, content in RAW.items()}

PAGE = "a web page came instead of the file (a network's log-in page?)"
DAMAGED = f"{THIRD} is wrong or damaged: its SHA-256 checksum differs"
WAITING = "Another notebook or command is preparing this data: waiting for it.\n"
INTERRUPTED = "Interrupted, and no half-written file is left: run this again, or run `make data`.\n"


def sentence(reason: str) -> str:
    return (
        f"Fashion-MNIST could not be fetched ({reason}), and data/ is as it was: mend that and "
        "run `make data` again, or name a folder that holds the files in FASHION_MNIST_SOURCE."
    )


def one_bit_wrong(content: bytes) -> bytes:
    return content[:9_000] + bytes([content[9_000] ^ 1]) + content[9_001:]


def put(folder: Path, contents: dict, suffix: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / (name + suffix)).write_bytes(content)
    return folder


def state(folder: Path) -> dict:
    """All that lies below the folder, temporary folders included, but not the locks."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
        if path.name not in (".lock", "FashionMNIST")
    }


def assert_whole(data_dir: Path):
    there = state(data_dir)
    assert {name: there[f"FashionMNIST/raw/{name}"] for name in NAMES} == RAW
    assert ".part" not in str(there.keys())


def assert_fails(data_dir: Path, reason: str, function=fm.fetch):
    """The function ends with that one sentence and leaves the old state."""
    before = state(data_dir)
    with pytest.raises(DataError) as caught:
        function(data_dir)
    assert str(caught.value) == sentence(reason)
    assert state(data_dir) == before


class Handler(BaseHTTPRequestHandler):
    """Sends the packed files, or what `server.faults` names for a file."""

    def do_GET(self):
        name = self.path.rsplit("/", 1)[-1].removesuffix(".gz")
        self.server.asked.append(name)
        fault = self.server.faults.get(name, "page" if self.path == "/login" else None)
        packed = PACKED.get(name, PACKED[THIRD])
        body = {
            "page": b"\n<!DOCTYPE html><title>Welcome to the hotel</title>",
            "one bit wrong": one_bit_wrong(packed),
            **dict.fromkeys(["truncated", "broken off", "stalls"], packed[:9_000]),
        }.get(fault, packed)
        if fault == "silent":
            self.wait()
        self.send_response({"404": 404, "redirect": 302}.get(fault, 200))
        self.send_header("Location", "/login")
        length = len(packed if fault in ("broken off", "stalls") else body)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)
        if fault == "stalls":
            self.wait()

    def wait(self):
        self.server.reached.set()
        self.server.released.wait(LONG_ENOUGH)

    def log_message(self, *args):
        pass


@pytest.fixture
def serve(monkeypatch):
    """A function that starts a server as one more mirror; faults by the file's name."""
    servers = []

    def start(**faults):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.handle_error = lambda *args: None  # the client has hung up
        server.faults = {NAMES[int(key[-1])]: fault for key, fault in faults.items()}
        server.asked, server.reached, server.released = [], threading.Event(), threading.Event()
        server.address = f"http://127.0.0.1:{server.server_port}/files/"
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
def surroundings(monkeypatch):
    """Tiny files, no mirrors but a test's own, and nothing of the user's environment."""
    for name in (VARIABLE, "http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(fm, "FILES", dict(FILES))
    monkeypatch.setattr(fm, "MIRRORS", ())
    monkeypatch.setattr(fm, "_last", None)


@pytest.fixture
def data_dir(tmp_path):
    """Three files intact, the third with one bit wrong, and a file of the user's."""
    damaged = {**RAW, THIRD: one_bit_wrong(RAW[THIRD]), "mine.txt": b"to be kept"}
    return put(tmp_path / "data" / "FashionMNIST" / "raw", damaged).parents[1]


@pytest.fixture
def drawings(monkeypatch):
    """A quick artist in the place of `course.garments`; the list grows with each drawing."""
    made = []

    def draw_dataset(raw: Path):
        made.append(raw)
        for name in NAMES:
            (raw / name).write_bytes(b"ink")

    artist = SimpleNamespace(draw_dataset=draw_dataset)
    monkeypatch.setitem(sys.modules, "course.garments", artist)
    return made


# --- Sources ---------------------------------------------------------------------------------


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
    first, second, named = serve(file_2="404"), serve(), serve(file_2="one bit wrong")
    monkeypatch.setenv(VARIABLE, named.address)
    fm.fetch(tmp_path)
    assert_whole(tmp_path)
    assert (named.asked, first.asked, second.asked) == (NAMES[:3], NAMES[2:3], NAMES[2:])


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
        ({**PACKED, THIRD: PACKED[NAMES[0]]}, DAMAGED),
        ({**PACKED, THIRD: PACKED[THIRD][:-9]}, "the file is cut short"),
    ],
)
def test_fault_of_the_named_folder(contents, reason, data_dir, serve, monkeypatch, capsys):
    mine = data_dir.parent / "mine"
    if contents:
        put(mine, contents, ".gz")
    monkeypatch.setenv(VARIABLE, str(mine))
    assert_fails(data_dir, reason)
    server = serve()
    fm.fetch(data_dir)
    assert_whole(data_dir)
    assert server.asked == NAMES[-len(server.asked) :] != []
    line = f"{VARIABLE}: {reason}, so the public addresses were asked.\n"
    assert capsys.readouterr().out == line


def test_bar_where_somebody_watches(tmp_path, serve, monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    serve()
    fm.fetch(tmp_path)
    assert "%" in terminal.getvalue()
    assert terminal.getvalue().split("\r")[-2].strip() == ""  # wiped out when done


def test_import_loads_nothing_heavy():
    code = "import sys, course.fashion_mnist; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], env=child_env(), capture_output=True)
    loaded = set(done.stdout.decode().split())
    heavy = {"torch", "torchvision", "numpy", "matplotlib", "pooch", "requests", "filelock", "tqdm"}
    assert "course.fashion_mnist" in loaded and not heavy & loaded


# --- Faults of the network -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("page", PAGE),
        ("redirect", PAGE),
        ("broken off", "the file is cut short"),
        ("truncated", "the file is cut short"),
        ("one bit wrong", DAMAGED),
        ("silent", "the server does not answer"),
        ("stalls", "the server does not answer"),
        ("refused", "the connection was refused"),
        ("404", f"404 Client Error: Not Found for url: ADDRESS{THIRD}.gz"),
    ],
)
def test_server_fault_leaves_the_old_state(fault, reason, data_dir, serve, monkeypatch):
    monkeypatch.setattr(fm, "TIMEOUT", 0.3 if fault in ("silent", "stalls") else 5.0)
    server = serve(file_2=fault)
    if fault == "refused":
        server.shutdown()
        server.server_close()
    assert_fails(data_dir, reason.replace("ADDRESS", server.address))


@pytest.mark.parametrize(("owner", "step"), [(socket, "getaddrinfo"), (socket.socket, "connect")])
def test_dropped_packets_cost_one_wait_for_each_source(owner, step, tmp_path, monkeypatch):
    over = threading.Event()
    monkeypatch.setattr(owner, step, lambda *args, **kwargs: over.wait(LONG_ENOUGH) and [])
    monkeypatch.setattr(fm, "MIRRORS", ["http://127.0.0.1:9/", "http://127.0.0.2:9/"])
    monkeypatch.setattr(fm, "TIMEOUT", 0.2)
    start = time.monotonic()
    assert_fails(tmp_path, "the server does not answer")
    assert 0.4 <= time.monotonic() - start < 2
    over.set()


def test_each_reason_is_said_once(tmp_path, serve, monkeypatch):
    serve(file_0="page"), serve(file_0="page")
    monkeypatch.setenv(VARIABLE, "s3://bucket")
    reason = f"No connection adapters were found for 's3://bucket/{NAMES[0]}.gz'; {PAGE}"
    assert_fails(tmp_path, reason)


# --- Faults of this machine ------------------------------------------------------------------


def test_disk_full(data_dir, serve, drawings, monkeypatch):
    write = Path.write_bytes

    def write_half(path: Path, content: bytes):
        write(path, content[:9_000] if path.name == THIRD else content)
        if path.name == THIRD:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(Path, "write_bytes", write_half)
    serve()
    reason = f"FashionMNIST cannot be written: {os.strerror(errno.ENOSPC)}"
    assert_fails(data_dir, f"data/{reason}")
    put(data_dir / "drawn-stand-in", {})
    assert_fails(data_dir, f"drawn-stand-in/{reason}", fm.find)


@pytest.mark.skipif(os.name == "nt", reason="that bit does not hold on Windows")
def test_read_only_folder(serve, drawings, monkeypatch):
    folder = Path(tempfile.mkdtemp())  # tmp_path lies in a folder that other users cannot enter
    data_dir, server = folder / "data", serve()
    raw = put(data_dir / "FashionMNIST" / "raw", RAW)
    for path in (folder, raw, raw.parent, data_dir):
        path.chmod(0o555)
    try:
        if os.getuid() == 0:  # may write anywhere: give that up for a moment
            os.seteuid(65534)
        assert fm.fetch(data_dir).root == data_dir  # intact files are no fault
        monkeypatch.setitem(fm.FILES, THIRD, "another checksum")
        reason = f"FashionMNIST cannot be written: {os.strerror(errno.EACCES)}"
        assert_fails(data_dir, f"data/{reason}")
        assert_fails(data_dir, f"drawn-stand-in/{reason}", fm.find)
        assert server.asked == []
    finally:
        os.seteuid(os.getuid())
        for path in (folder, data_dir, raw.parent, raw):
            path.chmod(0o755)
        shutil.rmtree(folder)


def child_env() -> dict:
    path = [str(Path(fm.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))}


CHILD = """
import json, signal, sys
from course import fashion_mnist as fm
signal.signal(signal.SIGINT, signal.default_int_handler)
data_dir, files, address = sys.argv[1:]
fm.FILES, fm.MIRRORS = json.loads(files), [address]
sys.exit(fm.main(data_dir))
"""


def start_child(data_dir: Path, server, out: Path) -> subprocess.Popen:
    command = [sys.executable, "-u", "-c", CHILD, data_dir, json.dumps(FILES), server.address]
    with out.open("wb") as log:
        return subprocess.Popen(command, env=child_env(), stdout=log, stderr=log)


# Windows has no signal that stands for Ctrl-C to one process alone
@pytest.mark.parametrize("how", ["killed"] + ["Ctrl-C"] * (os.name != "nt"))
def test_process_ended_in_mid_download(how, data_dir, serve):
    before = state(data_dir)
    server = serve(file_2="stalls")
    out = data_dir.parent / "out.txt"
    child = start_child(data_dir, server, out)
    assert server.reached.wait(LONG_ENOUGH)
    child.kill() if how == "killed" else child.send_signal(signal.SIGINT)
    code = child.wait(LONG_ENOUGH)
    if how == "Ctrl-C":
        assert (code, out.read_text(), state(data_dir)) == (130, INTERRUPTED, before)
    else:
        (left,) = state(data_dir).keys() - before.keys()
        assert ".part-" in left
    server.faults.clear()
    fm.fetch(data_dir)
    assert_whole(data_dir)  # and what was left is swept


def test_two_processes_fetch_each_file_once(tmp_path, serve):
    server = serve(file_0="silent")
    outs = [tmp_path / "one.txt", tmp_path / "two.txt"]
    children = [start_child(tmp_path / "data", server, out) for out in outs]
    deadline = time.monotonic() + LONG_ENOUGH
    while not any(out.read_text() == WAITING for out in outs):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    server.faults.clear()
    server.released.set()
    assert [child.wait(LONG_ENOUGH) for child in children] == [0, 0]
    assert server.asked == NAMES
    assert_whole(tmp_path / "data")


# --- The command, find and the stand-in ------------------------------------------------------


def test_command(tmp_path, serve, capsys):
    assert fm.main(tmp_path / "data") == 1
    assert capsys.readouterr() == ("", sentence("there is no source") + "\n")
    serve()
    assert fm.main(tmp_path / "data") == 0
    done = "data/FashionMNIST/raw holds 60,000 training and 10,000 test images, all intact.\n"
    assert capsys.readouterr() == (done, "")


def test_find_real(tmp_path, serve, monkeypatch, capsys):
    serve()
    hashed, sha256 = [], hashlib.sha256
    fm.fetch(tmp_path)
    monkeypatch.setattr(hashlib, "sha256", lambda data: hashed.append(data) or sha256(data))
    dataset = fm.find(tmp_path)
    assert hashed == list(RAW.values())  # once each
    assert (dataset.root, dataset.is_stand_in, dataset.label) == (tmp_path, False, "Fashion-MNIST")
    assert dataset.title("Ten garments") == "Ten garments"
    line = "Fashion-MNIST: 60,000 training and 10,000 test images, all files intact\n"
    assert capsys.readouterr().out == line


def test_find_draws_once_where_there_is_no_network(data_dir, drawings, monkeypatch, capsys):
    def no_look_up(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_look_up)
    monkeypatch.setattr(fm, "MIRRORS", REAL_MIRRORS)
    before, start = state(data_dir), time.monotonic()
    for _ in range(2):
        dataset = fm.find(data_dir)
        assert dataset == fm.Dataset(data_dir / "drawn-stand-in", is_stand_in=True)
        assert capsys.readouterr().out == f"{fm.STAND_IN} (no network or unknown host)\n"
    assert len(drawings) == 1 and time.monotonic() - start < 2
    assert dataset.title(dataset.label) == f"{fm.STAND_IN}\n{fm.STAND_IN}"
    raw = dataset.root / "FashionMNIST" / "raw"
    assert {path.name: path.read_bytes() for path in raw.iterdir()} == dict.fromkeys(NAMES, b"ink")
    assert before.items() <= state(data_dir).items()  # it lives apart


def test_drawing_interrupted_leaves_nothing(tmp_path, drawings, monkeypatch, capsys):
    def interrupted(raw: Path):
        (raw / THIRD).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["course.garments"], "draw_dataset", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fm.find(tmp_path)
    assert state(tmp_path) == {"drawn-stand-in": None}
    assert capsys.readouterr().out == INTERRUPTED


def test_found_is_what_find_found_last(tmp_path, drawings, serve, monkeypatch, capsys):
    monkeypatch.setattr(fm.find, "__defaults__", (tmp_path,))
    stand_in = fm.found()  # nobody has looked yet
    assert stand_in.is_stand_in and fm.found() is stand_in
    serve()
    real = fm.find()
    assert not real.is_stand_in
    capsys.readouterr()
    shutil.rmtree(tmp_path)  # nor does it look again
    assert fm.found() is real and capsys.readouterr() == ("", "")


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real files are not here: set {VARIABLE}")
def test_real_files(tmp_path, monkeypatch):
    monkeypatch.setattr(fm, "FILES", REAL_FILES)
    monkeypatch.setenv(VARIABLE, str(REAL))
    fm.fetch(tmp_path)
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "FashionMNIST/raw").iterdir()}
    assert [sizes[name] for name in NAMES] == [47_040_016, 60_008, 7_840_016, 10_008]
