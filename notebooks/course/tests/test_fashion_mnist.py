"""Each fault that the data can meet, on tiny made-up files and a server on this machine."""

import errno
import gzip
import hashlib
import io
import itertools
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

import certifi  # noqa: F401 (this and the next two: before a test gives up its rights)
import filelock  # noqa: F401
import pytest
import tqdm.auto  # noqa: F401

import course
from course import fashion_mnist as fm
from course.fashion_mnist import VARIABLE, DataError, File, Patience, Source, fetch, find

BESIDE = fm.DATA.parents[1] / "shared" / "fashion-mnist"
REAL = os.environ.get(VARIABLE) or (str(BESIDE) if BESIDE.is_dir() else "")
QUICK = Patience(answer=1.0, stall=0.2, rate=2_000)
TEMP = tempfile.gettempdir()
LONG_ENOUGH = 20  # seconds; only a broken test waits that long

# --- Four small files ------------------------------------------------------------------------

_rng = random.Random(0)
RAW = {file.name: _rng.randbytes(20_000) for file in fm.FILES}
PACKED = {name: gzip.compress(content, mtime=0) for name, content in RAW.items()}


def _table(raw: dict, packed: dict) -> tuple:
    def sha(content: bytes) -> str:
        return hashlib.sha256(content).hexdigest()

    return tuple(
        File(name, len(raw[name]), sha(raw[name]), len(packed[name]), sha(packed[name]))
        for name in raw
    )


FILES = _table(RAW, PACKED)
NAMES = list(RAW)
THIRD = NAMES[2]  # faults strike here, when two files have come already


# --- A server with faults --------------------------------------------------------------------


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.rsplit("/", 1)[-1].removesuffix(".gz")
        self.server.asked.append(name)
        self.server.paths.append(self.path)
        try:
            if self.path == "/login":
                page(self, b"")
            else:
                self.server.faults.get(name, whole)(self, PACKED.get(name, b""))
        except OSError:
            pass  # the client has hung up

    def head(self, length: int | None, kind: str = "application/x-gzip"):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *args):
        pass


def whole(handler, body):
    handler.head(len(body))
    handler.wfile.write(body)


def page(handler, body):
    text = b"<!DOCTYPE html><title>Welcome to the hotel</title>"
    handler.head(len(text), "text/html; charset=utf-8")
    handler.wfile.write(text)


def disguised_page(handler, body):
    text = b"<html>" + bytes(len(body) - 6)
    handler.head(len(text))
    handler.wfile.write(text)


def redirect(handler, body):
    handler.send_response(302)
    handler.send_header("Location", "/login")
    handler.end_headers()


def truncated(handler, body):
    handler.head(len(body))
    handler.wfile.write(body[: len(body) // 2])


def short(handler, body):
    handler.head(None)
    handler.wfile.write(body[: len(body) // 2])


def one_bit(handler, body):
    flipped = bytearray(body)
    flipped[len(body) // 2] ^= 1
    whole(handler, bytes(flipped))


def not_found(handler, body):
    handler.send_error(404)


def silent(handler, body):
    handler.server.released.wait(LONG_ENOUGH)


def stalls(handler, body):
    handler.head(len(body))
    handler.wfile.write(body[: len(body) // 2])
    handler.server.reached.set()
    handler.server.released.wait(LONG_ENOUGH)


def drips(handler, body):
    handler.head(len(body))
    for byte in body:
        handler.wfile.write(bytes([byte]))
        if handler.server.released.wait(0.02):
            return


def waits_then_whole(handler, body):
    handler.server.reached.set()
    handler.server.released.wait(LONG_ENOUGH)
    whole(handler, body)


@pytest.fixture
def servers():
    """A function that starts a server and returns it; `faults` maps file names to functions."""
    started = []

    def start(faults=None):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.faults, server.asked, server.paths = faults or {}, [], []
        server.reached, server.released = threading.Event(), threading.Event()
        server.source = Source("a mirror", f"http://127.0.0.1:{server.server_port}/files")
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.released.set()
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    """No variable of the user's reaches a test."""
    for name in (VARIABLE, "http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def offline(monkeypatch):
    def no_look_up(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_look_up)


# --- The state of the folder -----------------------------------------------------------------


def raw_of(data_dir: Path) -> Path:
    return data_dir / "FashionMNIST" / "raw"


def put(folder: Path, contents: dict, suffix: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / (name + suffix)).write_bytes(content)
    return folder


def state(data_dir: Path) -> dict:
    """Everything below `data_dir`, except the lock and the folder that holds it."""
    return {
        path.relative_to(data_dir).as_posix(): path.read_bytes() if path.is_file() else None
        for path in data_dir.rglob("*")
        if path.name not in (".lock", "FashionMNIST")
    }


WHOLE = {"FashionMNIST/raw": None, **{f"FashionMNIST/raw/{n}": c for n, c in RAW.items()}}


def without_base(contents: dict) -> dict:
    return {key.removeprefix("FashionMNIST/"): value for key, value in contents.items()}


def assert_whole(data_dir: Path):
    assert without_base(state(data_dir)) == without_base(WHOLE)


def assert_sentence(error, *words: str):
    text = str(error)
    assert "\n" not in text and text.endswith(".") and ". " not in text, text
    assert "run `make data`" in text or "copy the repository" in text, text
    assert TEMP not in text, text
    for word in words:
        assert word in text, text


def damaged_set(data_dir: Path) -> Path:
    """Three files intact, and the third with one bit wrong."""
    wrong = bytearray(RAW[THIRD])
    wrong[100] ^= 1
    return put(raw_of(data_dir), {**RAW, THIRD: bytes(wrong)})


def get(data_dir, *mirrors, **options):
    options = {"files": FILES, "patience": QUICK, **options}
    return fetch(data_dir, mirrors=mirrors, **options)


@pytest.fixture(params=["nothing there", "damaged set"])
def data_dir(request, tmp_path):
    folder = tmp_path / "data"
    if request.param == "damaged set":
        damaged_set(folder)
    else:
        folder.mkdir()
    return folder


# --- What goes right -------------------------------------------------------------------------


def test_fetches_all_and_then_asks_no_more(tmp_path, servers, capsys):
    server = servers()
    dataset = get(tmp_path, server.source)
    assert (dataset.root, dataset.is_stand_in) == (tmp_path, False)
    assert_whole(tmp_path)
    assert fm.is_intact(raw_of(tmp_path), FILES)
    assert sorted(server.asked) == sorted(NAMES)
    get(tmp_path, server.source)
    assert sorted(server.asked) == sorted(NAMES)
    assert capsys.readouterr() == ("", "")  # no bar where nobody watches


def test_fetches_only_the_damaged_file(tmp_path, servers):
    damaged_set(tmp_path)
    server = servers()
    get(tmp_path, server.source)
    assert_whole(tmp_path)
    assert server.asked == [THIRD]


def test_next_source_is_asked_only_for_what_the_first_lacks(tmp_path, servers):
    first, second, third = servers({THIRD: one_bit}), servers({THIRD: not_found}), servers()
    get(tmp_path, first.source, second.source, third.source)
    assert_whole(tmp_path)
    assert (first.asked, second.asked, third.asked) == (NAMES, [THIRD], [THIRD])


def test_named_source_comes_before_the_mirrors(tmp_path, servers, monkeypatch):
    named, mirror = servers(), servers()
    monkeypatch.setenv(VARIABLE, named.source.place)
    get(tmp_path, mirror.source)
    assert (named.asked, mirror.asked) == (NAMES, [])


@pytest.mark.parametrize(
    ("contents", "suffix", "below"),
    [(PACKED, ".gz", ""), (RAW, "", ""), (RAW, "", "FashionMNIST/raw")],
    ids=["packed", "unpacked", "below FashionMNIST"],
)
def test_named_folder(tmp_path, monkeypatch, contents, suffix, below):
    put(tmp_path / "mine" / below, contents, suffix)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "mine"))
    get(tmp_path / "data")
    assert_whole(tmp_path / "data")


def test_relative_folder_counts_from_the_top_of_the_repository(tmp_path, monkeypatch):
    put(tmp_path / "repository" / "mine", PACKED, ".gz")
    (tmp_path / "repository" / "notebooks").mkdir()
    monkeypatch.setattr(fm, "DATA", tmp_path / "repository" / "data")
    monkeypatch.chdir(tmp_path / "repository" / "notebooks")
    monkeypatch.setenv(VARIABLE, "mine")
    get(fm.DATA)
    assert_whole(fm.DATA)


def test_proxy_is_used(tmp_path, servers, monkeypatch):
    proxy = servers()
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.server_port}")
    get(tmp_path, Source("far away", "http://fashion.invalid/files/"))
    assert_whole(tmp_path)
    assert proxy.paths[0] == f"http://fashion.invalid/files/{NAMES[0]}.gz"


def test_one_bar_where_somebody_watches(tmp_path, servers, monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    server = servers()
    get(tmp_path, server.source)
    assert "Fashion-MNIST:   0%" in terminal.getvalue()
    terminal.truncate(0)
    get(tmp_path, server.source)
    assert terminal.getvalue().strip("\0") == ""


def test_import_loads_nothing_heavy():
    code = "import sys, course.fashion_mnist; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=child_env(), capture_output=True, text=True
    )
    heavy = {"torch", "torchvision", "requests", "numpy", "matplotlib", "filelock", "tqdm"}
    assert "course.fashion_mnist" in done.stdout and not heavy & set(done.stdout.split())


# --- Faults of the network -------------------------------------------------------------------

FAULTS = {
    "page": (page, "a web page came"),
    "disguised page": (disguised_page, "a web page came"),
    "redirect to a page": (redirect, "a web page came"),
    "truncated": (truncated, "broke off"),
    "short without a length": (short, "broke off"),
    "one bit wrong": (one_bit, "damaged"),
    "not found": (not_found, "404"),
    "silent": (silent, "answer"),
    "stalls": (stalls, "stopped answering"),
    "drips": (drips, "slower than"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_server_fault_leaves_the_old_state(name, data_dir, servers):
    fault, words = FAULTS[name]
    before = state(data_dir)
    intact = 3 if before else 0
    start = time.monotonic()
    with pytest.raises(DataError) as caught:
        get(data_dir, servers({THIRD: fault}).source)
    assert time.monotonic() - start < 2
    assert_sentence(caught.value, words, "data/FashionMNIST/raw is as it was", f"{intact} of 4")
    assert state(data_dir) == before


def test_no_network(data_dir, offline):
    before = state(data_dir)
    with pytest.raises(DataError) as caught:
        fetch(data_dir, files=FILES)
    assert_sentence(caught.value, "(no network or unknown host)")
    assert state(data_dir) == before


def test_connection_refused(data_dir):
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        before = state(data_dir)
        with pytest.raises(DataError) as caught:
            get(
                data_dir,
                Source("a mirror", f"http://127.0.0.1:{taken.getsockname()[1]}/"),
                patience=QUICK._replace(answer=5.0, stall=5.0),  # Windows tries for 2 seconds
            )
    assert_sentence(caught.value, "refused")
    assert state(data_dir) == before


def test_dropped_packets_cost_one_wait_for_each_source(tmp_path, monkeypatch):
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: over.wait(LONG_ENOUGH))
    start = time.monotonic()
    with pytest.raises(DataError) as caught:
        fetch(tmp_path, files=FILES, patience=QUICK._replace(answer=0.1))
    assert time.monotonic() - start < 1
    over.set()
    assert_sentence(caught.value, "no answer within 0.1 seconds")
    assert (len(fm.MIRRORS) + 1) * fm.PATIENCE.answer <= 20


def test_address_that_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "s3://bucket/fashion")
    with pytest.raises(DataError) as caught:
        get(tmp_path)
    assert_sentence(caught.value, "that is no address")
    assert state(tmp_path) == {}


def test_packed_file_intact_but_holds_something_else(data_dir, servers):
    files = _table({**RAW, THIRD: b"another content"}, PACKED)
    before = state(data_dir)
    with pytest.raises(DataError) as caught:
        get(data_dir, servers().source, files=files)
    assert_sentence(caught.value, "holds something else")
    assert state(data_dir) == before


def test_packed_file_intact_but_no_gzip(data_dir, servers, monkeypatch):
    monkeypatch.setitem(PACKED, THIRD, b"\x1f\x8b" + bytes(1000))
    before = state(data_dir)
    with pytest.raises(DataError) as caught:
        get(data_dir, servers().source, files=_table(RAW, PACKED))
    assert_sentence(caught.value, "could not be unpacked")
    assert state(data_dir) == before


# --- Faults of the user's folder -------------------------------------------------------------


def test_named_folder_with_a_wrong_file(data_dir, servers, monkeypatch, capsys):
    mine = put(data_dir.parent / "mine", {**PACKED, THIRD: PACKED[NAMES[0]]}, ".gz")
    monkeypatch.setenv(VARIABLE, str(mine))
    before = state(data_dir)
    with pytest.raises(DataError) as caught:
        get(data_dir)
    assert_sentence(caught.value, f"{THIRD} in the folder is a wrong or damaged file")
    assert state(data_dir) == before
    server = servers()
    get(data_dir, server.source)
    assert_whole(data_dir)
    assert server.asked == [THIRD]
    out = capsys.readouterr().out
    assert out.startswith(f"{VARIABLE}: {THIRD} in the folder is") and out.count("\n") == 1


def test_named_folder_that_does_not_exist(data_dir, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(data_dir.parent / "nowhere"))
    before = state(data_dir)
    with pytest.raises(DataError) as caught:
        get(data_dir)
    assert_sentence(caught.value, "the folder does not exist")
    assert state(data_dir) == before


def test_named_folder_that_is_empty(data_dir, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(put(data_dir.parent / "empty", {})))
    before = state(data_dir)
    with pytest.raises(DataError) as caught:
        get(data_dir)
    assert_sentence(caught.value, "the folder does not hold")
    assert state(data_dir) == before


# --- Faults of this machine ------------------------------------------------------------------


def disk_full(path: Path, content: bytes):
    path.write_bytes(content[: len(content) // 2])
    if path.name == THIRD:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    path.write_bytes(content)


def test_disk_full(data_dir, servers, monkeypatch):
    monkeypatch.setattr(fm, "_write", disk_full)
    before = state(data_dir)
    with pytest.raises(DataError) as caught:
        get(data_dir, servers().source)
    assert_sentence(caught.value, "full", "free some")
    assert state(data_dir) == before


@pytest.fixture
def locked(monkeypatch):
    """A folder that cannot be written, for real: root gives up its rights for the test."""
    folder = Path(tempfile.mkdtemp(dir=TEMP))
    folder.chmod(0o755)
    data = folder / "repository" / "data"
    data.mkdir(parents=True)
    spare = folder / "tmp"
    spare.mkdir()
    spare.chmod(0o777)
    monkeypatch.setattr(tempfile, "tempdir", str(spare))
    mkdir = Path.mkdir

    def refuse(self, *args, **kwargs):
        if data in self.parents:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        mkdir(self, *args, **kwargs)

    data.chmod(0o555)
    root = os.name != "nt" and os.geteuid() == 0
    try:
        if root:
            os.seteuid(65534)
    except OSError:  # "root" of a container that knows no other user, and may write anywhere
        root = None
    if os.name == "nt" or root is None:  # nor does that bit hold on Windows
        monkeypatch.setattr(Path, "mkdir", refuse)
    yield data
    if root:
        os.seteuid(0)
    data.chmod(0o755)
    shutil.rmtree(folder)


def test_read_only_folder(locked, offline):
    with pytest.raises(fm.StorageError) as caught:
        get(locked)
    assert_sentence(caught.value, "data/FashionMNIST cannot be written")
    assert list(locked.iterdir()) == []


def test_read_only_folder_with_intact_files_is_no_fault(tmp_path, monkeypatch):
    put(raw_of(tmp_path), RAW)
    monkeypatch.setattr(fm, "_workshop", None)  # never entered
    assert not get(tmp_path).is_stand_in


def interrupt_at(monkeypatch, call: int):
    calls = itertools.count(1)
    add = fm._Progress.add

    def add_or_interrupt(self, num_bytes):
        if next(calls) == call:
            raise KeyboardInterrupt
        add(self, num_bytes)

    monkeypatch.setattr(fm._Progress, "add", add_or_interrupt)


def test_interrupted(data_dir, servers, monkeypatch, capsys):
    interrupt_at(monkeypatch, 1 if state(data_dir) else 3)
    before = state(data_dir)
    with pytest.raises(KeyboardInterrupt):
        get(data_dir, servers().source)
    assert state(data_dir) == before
    assert_sentence(capsys.readouterr().out.removesuffix("\n"), "Interrupted")


def child_env() -> dict:
    path = [str(Path(fm.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))}


CHILD = """
import json, signal, sys
from pathlib import Path
from course import fashion_mnist as fm
signal.signal(signal.SIGINT, signal.default_int_handler)
files = [fm.File(*file) for file in json.loads(sys.argv[2])]
sys.exit(fm.main(Path(sys.argv[1]), files=files, mirrors=[fm.Source("a mirror", sys.argv[3])]))
"""


def start_child(data_dir: Path, source: Source, out: Path) -> subprocess.Popen:
    with out.open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-u", "-c", CHILD, data_dir, json.dumps(FILES), source.place],
            env=child_env(),
            stdout=log,
            stderr=subprocess.STDOUT,
        )


# Windows has no signal that stands for Ctrl-C to one process alone
@pytest.mark.parametrize("how", ["killed"] + ["Ctrl-C"] * (os.name != "nt"))
def test_process_ended_in_mid_download(how, data_dir, servers):
    before = state(data_dir)
    server = servers({THIRD: stalls})
    out = data_dir.parent / "out.txt"
    child = start_child(data_dir, server.source, out)
    assert server.reached.wait(LONG_ENOUGH)
    child.kill() if how == "killed" else child.send_signal(signal.SIGINT)
    code = child.wait(LONG_ENOUGH)
    if how == "killed":
        assert (data_dir / "FashionMNIST" / ".part").is_dir()
        after = {key: value for key, value in state(data_dir).items() if ".part" not in key}
        assert after == before
    else:
        assert code == 130
        assert_sentence(out.read_text().splitlines()[1], "Interrupted")
        assert len(out.read_text().splitlines()) == 2
        assert state(data_dir) == before
    server.faults.clear()
    get(data_dir, server.source)
    assert_whole(data_dir)


def test_two_processes_fetch_each_file_once(tmp_path, servers):
    server = servers({NAMES[0]: waits_then_whole})
    data_dir = tmp_path / "data"
    outs = [tmp_path / "one.txt", tmp_path / "two.txt"]
    children = [start_child(data_dir, server.source, out) for out in outs]
    deadline = time.monotonic() + LONG_ENOUGH
    while not any("waiting for it" in out.read_text() for out in outs):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    server.released.set()
    assert [child.wait(LONG_ENOUGH) for child in children] == [0, 0]
    assert server.asked == NAMES
    assert_whole(data_dir)


def test_lock_that_is_never_given_back(data_dir, monkeypatch, capsys):
    monkeypatch.setattr(fm, "LOCK_WAIT", 0.1)
    home = data_dir / "FashionMNIST"
    home.mkdir(exist_ok=True)
    before = state(data_dir)
    with filelock.FileLock(home / ".lock"), pytest.raises(DataError) as caught:
        get(data_dir)
    assert_sentence(caught.value, "another process")
    assert capsys.readouterr().out.count("\n") == 1
    assert state(data_dir) == before


# --- The command -----------------------------------------------------------------------------


def test_command_says_what_it_does(tmp_path, servers, capsys):
    options = {"files": FILES, "mirrors": [servers().source]}
    assert fm.main(tmp_path / "data", **options) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("Fetching") and last.startswith("Done")
    assert fm.main(tmp_path / "data", **options) == 0
    assert capsys.readouterr().out == (
        "Fashion-MNIST is in data/FashionMNIST/raw, all four files intact: nothing to do.\n"
    )


def test_command_fails_with_one_sentence(tmp_path, capsys, offline):
    assert fm.main(tmp_path / "data", files=FILES) == 1
    assert_sentence(capsys.readouterr().err.removesuffix("\n"), "no network")


def test_command_interrupted(tmp_path, servers, monkeypatch, capsys):
    interrupt_at(monkeypatch, 3)
    assert fm.main(tmp_path / "data", files=FILES, mirrors=[servers().source]) == 130
    assert capsys.readouterr().err == ""
    assert state(tmp_path / "data") == {}


# --- find and the stand-in -------------------------------------------------------------------


@pytest.fixture
def drawings(tmp_path, monkeypatch):
    """A quick artist in the place of `course.garments`; the list grows with each drawing."""
    made = []

    def draw_dataset(raw: Path):
        made.append(raw)
        put(raw, RAW)

    artist = SimpleNamespace(draw_dataset=draw_dataset)
    monkeypatch.setitem(sys.modules, "course.garments", artist)
    monkeypatch.setattr(course, "garments", artist, raising=False)
    version = tmp_path / "garments.py"
    version.write_text("first")
    monkeypatch.setattr(fm, "GARMENTS", version)
    monkeypatch.setattr(tempfile, "tempdir", str(put(tmp_path / "spare", {})))
    return made


def look(data_dir, *mirrors):
    return find(data_dir, files=FILES, mirrors=mirrors, patience=QUICK)


def test_find_real(tmp_path, servers, capsys):
    dataset = look(tmp_path, servers().source)
    assert (dataset.root, dataset.is_stand_in, dataset.label) == (tmp_path, False, "Fashion-MNIST")
    assert dataset.title("Ten garments") == "Ten garments"
    line = "Fashion-MNIST: 60,000 training and 10,000 test images, all files intact\n"
    assert capsys.readouterr().out == line


def test_find_real_despite_a_wrong_named_folder(tmp_path, servers, monkeypatch, capsys):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nowhere"))
    assert not look(tmp_path / "data", servers().source).is_stand_in
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"{VARIABLE}: the folder does not exist, so the public addresses were asked."
    assert second.startswith("Fashion-MNIST: ")


def test_find_draws_once_where_there_is_no_network(data_dir, drawings, offline, capsys):
    before = state(data_dir)
    for _ in range(2):
        dataset = find(data_dir, files=FILES)
        assert dataset.is_stand_in and dataset.root == data_dir / "drawn-stand-in"
        assert capsys.readouterr().out == f"{fm.STAND_IN} (no network or unknown host)\n"
    assert dataset.title("Ten garments") == f"Ten garments\n{fm.STAND_IN}"
    assert len(drawings) == 1
    drawn = {path.name for path in (dataset.root / "FashionMNIST" / "raw").iterdir()}
    assert drawn == set(NAMES)
    rest = {k: v for k, v in state(data_dir).items() if not k.startswith("drawn-stand-in")}
    assert rest == before  # it lives apart, and never passes for the real files
    assert not fm.is_intact(dataset.root / "FashionMNIST" / "raw")


@pytest.mark.parametrize("change", ["other drawing", "damaged", "no marker"])
def test_stand_in_is_drawn_again_where_it_must(change, tmp_path, drawings, offline):
    home = look(tmp_path / "data", *fm.MIRRORS).root / "FashionMNIST"
    if change == "other drawing":
        fm.GARMENTS.write_text("second")
    elif change == "damaged":
        (home / "raw" / THIRD).write_bytes(b"")
    else:
        (home / "drawn.json").unlink()
    look(tmp_path / "data", *fm.MIRRORS)
    assert len(drawings) == 2
    assert (home / "raw" / THIRD).read_bytes() == RAW[THIRD]
    assert not (home.parent / ".part").exists()


def test_drawing_interrupted_leaves_nothing(tmp_path, drawings, offline, monkeypatch):
    def interrupted(raw: Path):
        put(raw, {THIRD: b"half"})
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["course.garments"], "draw_dataset", interrupted)
    with pytest.raises(KeyboardInterrupt):
        look(tmp_path / "data", *fm.MIRRORS)
    assert state(tmp_path / "data") == {"drawn-stand-in": None}


def test_two_processes_draw_once(tmp_path):
    code = """
import sys, time, types, course
from pathlib import Path
from course import fashion_mnist as fm
data = Path(sys.argv[1])
def draw_dataset(raw):
    with (data.parent / "log").open("a") as log:
        log.write("drawn\\n")
    time.sleep(0.3)
    for file in fm.FILES:
        (raw / file.name).write_bytes(b"ink")
course.garments = sys.modules["course.garments"] = types.SimpleNamespace(draw_dataset=draw_dataset)
fm.GARMENTS = Path(fm.__file__)
assert fm.find(data, mirrors=[]).is_stand_in
"""
    command = [sys.executable, "-c", code, tmp_path / "data"]
    children = [
        subprocess.Popen(command, env=child_env(), stdout=subprocess.PIPE) for _ in range(2)
    ]
    for child in children:
        child.communicate(timeout=LONG_ENOUGH)
        assert child.returncode == 0
    assert (tmp_path / "log").read_text() == "drawn\n"


def test_find_in_a_read_only_folder_draws_elsewhere(drawings, locked, monkeypatch, capsys):
    version = put(Path(tempfile.gettempdir()), {"garments.py": b"first"}) / "garments.py"
    monkeypatch.setattr(fm, "GARMENTS", version)
    dataset = look(locked)
    assert dataset.is_stand_in and Path(tempfile.gettempdir()) in dataset.root.parents
    assert capsys.readouterr().out == f"{fm.STAND_IN} (there is no source)\n"
    assert list(locked.iterdir()) == []


def test_find_in_a_read_only_folder_keeps_real_files_elsewhere(locked, monkeypatch, capsys):
    mine = put(Path(tempfile.gettempdir()) / "mine", PACKED, ".gz")
    monkeypatch.setenv(VARIABLE, str(mine))
    dataset = look(locked)
    assert not dataset.is_stand_in and fm.is_intact(raw_of(dataset.root), FILES)
    out = capsys.readouterr().out
    assert out.endswith("(kept in a temporary folder: data/FashionMNIST cannot be written)\n")
    assert out.count("\n") == 1 and tempfile.gettempdir() not in out


def test_find_with_no_room_anywhere(tmp_path, drawings, servers, monkeypatch):
    monkeypatch.setattr(fm, "_write", disk_full)

    def no_room(raw: Path):
        disk_full(raw / THIRD, RAW[THIRD])

    monkeypatch.setattr(sys.modules["course.garments"], "draw_dataset", no_room)
    with pytest.raises(DataError) as caught:
        look(tmp_path / "data", servers().source)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
    assert state(tmp_path / "data") == {"drawn-stand-in": None}


def test_find_with_no_room_for_the_real_files(tmp_path, drawings, servers, monkeypatch, capsys):
    write = fm._write
    monkeypatch.setattr(
        fm, "_write", lambda p, c: (write if p.suffix == ".json" else disk_full)(p, c)
    )
    assert look(tmp_path / "data", servers().source).is_stand_in
    out = capsys.readouterr().out
    assert out == f"{fm.STAND_IN} (the disk that holds data/FashionMNIST is full)\n"


# --- The real files --------------------------------------------------------------------------


@pytest.mark.skipif(not REAL, reason=f"the real files are not here: set {VARIABLE}")
def test_real_files(tmp_path, monkeypatch, offline):
    monkeypatch.setenv(VARIABLE, REAL)
    dataset = fetch(tmp_path, mirrors=[])
    from torchvision.datasets import FashionMNIST

    for train, length in ((True, 60_000), (False, 10_000)):
        assert len(FashionMNIST(dataset.root, train=train, download=True)) == length
