"""Finds Fashion-MNIST: on disk, in a folder or at a URL that the user names, or on the web.

`find` is what lesson 05 calls, and `python -m course.fashion_mnist` is what `make data` runs.
A file counts only if its SHA-256 is right. New files are made in a temporary folder beside their
final place, under a lock, and are renamed when all of them are verified, so that whatever goes
wrong leaves the whole data set or the old state. Where the real files cannot be had, `find` falls
back on garments that the course draws itself.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import queue
import shutil
import socket
import ssl
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import HTTPSHandler, Request, build_opener

DATA = Path(__file__).resolve().parents[2] / "data"
GARMENTS = Path(__file__).with_name("garments.py")
STAND_IN = "Drawn stand-in, not Fashion-MNIST: run `make data` when online"
VARIABLE = "FASHION_MNIST_SOURCE"
LOCK_WAIT = 600  # seconds that a second process waits for the first

Tell = Callable[[str], None]


class File(NamedTuple):
    """One file of the data set: unpacked, and packed as the web has it (`name` + ".gz")."""

    name: str
    size: int
    sha256: str
    gz_size: int
    gz_sha256: str


# fmt: off
FILES = (
    File("train-images-idx3-ubyte",
         47_040_016, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
         26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
    File("train-labels-idx1-ubyte",
         60_008, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
         29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
    File("t10k-images-idx3-ubyte",
         7_840_016, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
         4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
    File("t10k-labels-idx1-ubyte",
         10_008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
         5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
)
# fmt: on


class Source(NamedTuple):
    """Where files come from: a name for messages, and a URL or a folder."""

    name: str
    place: str


MIRRORS = (
    Source("Zalando's address", "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"),
    Source(
        "Zalando's GitHub repository",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
    Source("TensorFlow's storage", "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"),
)


class Patience(NamedTuple):
    """How long a server may take before the next one is asked."""

    answer: float = 5.0  # seconds until its first bytes, with name look-up and redirects
    stall: float = 10.0  # seconds of silence, and the time over which the rate is measured
    rate: float = 10_000.0  # bytes a second


PATIENCE = Patience()


@dataclass(frozen=True)
class Dataset:
    """A data set on disk; `root` is for `torchvision.datasets.FashionMNIST(root=...)`."""

    root: Path
    is_stand_in: bool

    @property
    def label(self) -> str:
        """What these images are, in words to be shown wherever they are."""
        return STAND_IN if self.is_stand_in else "Fashion-MNIST"

    def title(self, text: str) -> str:
        """`text` as a figure's title, with a second line where the images are the stand-in."""
        return f"{text}\n{STAND_IN}" if self.is_stand_in else text


class DataError(Exception):
    """The data cannot be had: one sentence on what happened, what is intact, what to do next.

    `reason` is the short form, for use inside another sentence.
    """

    def __init__(self, sentence: str, reason: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class StorageError(DataError):
    """The files could not be written where they belong."""


class _Fault(Exception):
    """One source failed for one file; `give_up` where its other files need not be tried."""

    def __init__(self, text: str, *, give_up: bool = False) -> None:
        super().__init__(text)
        self.give_up = give_up


class _Progress:
    """One bar over the bytes of all files that are still missing when the first byte comes."""

    def __init__(self, missing: Sequence[File]) -> None:
        self.missing, self.bar = missing, None

    def add(self, num_bytes: int) -> None:
        if self.bar is None:
            from tqdm.auto import tqdm

            in_notebook = type(sys.stderr).__module__.startswith("ipykernel")
            seen = in_notebook or (sys.stderr is not None and sys.stderr.isatty())
            self.bar = tqdm(
                total=sum(file.gz_size for file in self.missing),
                desc="Fashion-MNIST",
                unit="B",
                unit_scale=True,
                leave=False,
                disable=not seen,
            )
        self.bar.update(num_bytes)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()


# --- On disk ---------------------------------------------------------------------------------


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _missing(raw: Path, files: Sequence[File]) -> list[File]:
    """The files that `raw` does not hold intact."""

    def is_right(file: File) -> bool:
        path = raw / file.name
        try:
            return path.stat().st_size == file.size and _sha256(path) == file.sha256
        except OSError:
            return False

    return [file for file in files if not is_right(file)]


def is_intact(folder: Path, files: Sequence[File] = FILES) -> bool:
    """Whether `folder` holds all the unpacked files, each with the right SHA-256."""
    return not _missing(Path(folder), files)


def _shown(path: Path, data_dir: Path) -> str:
    """`path` as a message names it: from the folder that holds `data_dir`."""
    return path.relative_to(data_dir.parent).as_posix()


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _workshop(home: Path, tell: Tell) -> Iterator[Path]:
    """Yield an empty temporary folder in `home`, for this process alone; sweep it afterwards.

    Raises DataError if another process keeps the lock too long, OSError if `home` cannot be
    written.
    """
    from filelock import FileLock, Timeout

    home.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home / ".lock")
    try:
        try:
            lock.acquire(timeout=0.5)
        except Timeout:
            tell("Another notebook or command is preparing this data: waiting for it.")
            lock.acquire(timeout=LOCK_WAIT)
    except Timeout:
        reason = f"another process has been busy with the data for over {LOCK_WAIT:.0f} seconds"
        raise DataError(
            f"Fashion-MNIST was not fetched because {reason}, and nothing was changed here: "
            "wait for it or end it, then run `make data` again.",
            reason,
        ) from None
    part = home / ".part"
    try:
        shutil.rmtree(part, ignore_errors=True)  # left by a process that was killed
        part.mkdir()
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)
        lock.release()


def _install(fresh: Path, raw: Path) -> None:
    """Move verified files to their final names."""
    if not raw.exists():
        fresh.rename(raw)
    else:
        for path in fresh.iterdir():
            os.replace(path, raw / path.name)


# --- From one source -------------------------------------------------------------------------


def _from_folder(folder: Path, file: File) -> bytes:
    """The content of `file`, found in `folder` or below it, packed or not; raises _Fault."""
    if not folder.is_dir():
        raise _Fault("the folder does not exist", give_up=True)
    fault = _Fault(f"the folder does not hold {file.name}")
    for path in (folder / file.name, folder / "FashionMNIST" / "raw" / file.name):
        packed = path.with_name(file.name + ".gz")
        try:
            if path.is_file() and path.stat().st_size == file.size:
                content = path.read_bytes()
                if hashlib.sha256(content).hexdigest() == file.sha256:
                    return content
            if packed.is_file() and packed.stat().st_size == file.gz_size:
                content = packed.read_bytes()
                if hashlib.sha256(content).hexdigest() == file.gz_sha256:
                    return _unpack(content, file)
            if path.is_file() or packed.is_file():
                fault = _Fault(f"{file.name} in the folder is a wrong or damaged file")
        except OSError as error:
            fault = _Fault(f"{file.name} in the folder cannot be read ({error.strerror})")
    raise fault


def _unpack(packed: bytes, file: File) -> bytes:
    try:
        content = gzip.decompress(packed)
    except (OSError, EOFError, zlib.error):
        raise _Fault(f"{file.name}.gz could not be unpacked") from None
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise _Fault(f"{file.name}.gz holds something else")
    return content


@cache
def _trusted() -> ssl.SSLContext:
    """The system's certificates and certifi's: Python on macOS may come without any."""
    import certifi

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _open(url: str, patience: Patience) -> HTTPResponse:
    """Ask for `url`, in a thread, since name look-up and connecting have no common time limit."""
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask() -> None:
        try:
            opener = build_opener(HTTPSHandler(context=_trusted()))  # obeys the proxy variables
            request = Request(url, headers={"User-Agent": "deep-learning-course"})
            answers.put(opener.open(request, timeout=patience.stall))
        except Exception as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=patience.answer)
    except queue.Empty:
        text = f"no answer within {patience.answer:g} seconds"
        raise _Fault(text, give_up=True) from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _receive(answer: HTTPResponse, file: File, patience: Patience, progress: _Progress) -> bytes:
    """Read the packed file, no more than its size, at the minimum rate, and verify it."""
    packed = bytearray()
    before, since = 0, time.monotonic()
    try:
        # read1 returns what has come, so that a dripping server cannot hold up the clock
        while chunk := answer.read1(min(1 << 16, file.gz_size - len(packed))):
            packed += chunk
            progress.add(len(chunk))
            passed = time.monotonic() - since
            if passed >= patience.stall and len(packed) < file.gz_size:
                if len(packed) - before < patience.rate * passed:
                    text = f"slower than {patience.rate / 1000:g} kB a second"
                    raise _Fault(text, give_up=True)
                before, since = len(packed), time.monotonic()
        if "html" in answer.headers.get("Content-Type", "") or packed[:1] == b"<":
            raise _Fault("a web page came instead of the file (a network's log-in page?)")
        if len(packed) < file.gz_size:
            raise _Fault(f"the connection broke off in the middle of {file.name}.gz")
        if hashlib.sha256(packed).hexdigest() != file.gz_sha256:
            raise _Fault(f"{file.name}.gz came damaged (its SHA-256 is wrong)")
    except BaseException:
        progress.add(-len(packed))
        raise
    return bytes(packed)


def _why(error: Exception) -> str:
    """In words, why a connection failed."""
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, socket.gaierror):
        return "no network or unknown host"
    if getattr(cause, "errno", None) in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN):
        return "no network"
    if isinstance(cause, TimeoutError):
        return "the server stopped answering"
    if isinstance(cause, ConnectionRefusedError):
        return "the connection was refused"
    if isinstance(cause, ssl.SSLError):
        return "no trusted certificate (a network's log-in page?)"
    if isinstance(cause, (str, ValueError)):
        return "that is no address that can be asked"
    return f"the connection failed ({type(cause).__name__})"


def _from_web(url: str, file: File, patience: Patience, progress: _Progress) -> bytes:
    """The content of `file`, from below `url`; raises _Fault, whatever the cause."""
    try:
        with _open(f"{url.rstrip('/')}/{file.name}.gz", patience) as answer:
            packed = _receive(answer, file, patience, progress)
    except HTTPError as error:
        error.close()
        raise _Fault(f"the server answered {error.code} for {file.name}.gz") from None
    except (OSError, HTTPException, ValueError) as error:
        give_up = not isinstance(error, HTTPException)
        raise _Fault(_why(error), give_up=give_up) from error
    return _unpack(packed, file)


# --- From all sources ------------------------------------------------------------------------


def _sources(mirrors: Sequence[Source]) -> list[Source]:
    named = os.environ.get(VARIABLE, "").strip()
    return ([Source(VARIABLE, named)] if named else []) + list(mirrors)


def _folder(place: str) -> Path:
    """A relative path may be meant from here or, in the Makefile's case, from the top."""
    folder = Path(place).expanduser()
    return folder if folder.is_dir() else DATA.parent / folder


def _collect(
    missing: list[File], sources: Sequence[Source], fresh: Path, patience: Patience
) -> dict[str, str]:
    """Write each of `missing` into `fresh`, from the first source that has it, and take it off.

    Returns what went wrong at each source, by the source's name.
    """
    faults: dict[str, list[str]] = {}
    progress = _Progress(missing)
    try:
        for source in sources:
            for file in list(missing):
                try:
                    if "://" in source.place:
                        content = _from_web(source.place, file, patience, progress)
                    else:
                        content = _from_folder(_folder(source.place), file)
                except _Fault as fault:
                    faults.setdefault(source.name, []).append(str(fault))
                    if fault.give_up:
                        break
                else:
                    _write(fresh / file.name, content)
                    missing.remove(file)
    finally:
        progress.close()
    return {
        name: texts[0] + (f", and {len(texts) - 1} more" if len(texts) > 1 else "")
        for name, texts in faults.items()
    }


def _summary(faults: dict[str, str]) -> str:
    names: dict[str, list[str]] = {}
    for name, text in faults.items():
        names.setdefault(text, []).append(name)
    if len(names) == 1:
        return next(iter(names))
    return "; ".join(f"{' and '.join(who)}: {text}" for text, who in names.items())


def _storage_error(error: OSError, where: str) -> StorageError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        reason = f"the disk that holds {where} is full"
        advice = "free some 100 MB and run `make data` again"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        reason = f"{where} cannot be written"
        advice = "get write access or copy the repository to a folder of your own"
    else:
        reason = f"{where} could not be written ({error.strerror or type(error).__name__})"
        advice = "mend that and run `make data` again"
    sentence = f"Fashion-MNIST was not stored because {reason}, and no half-written file is left"
    return StorageError(f"{sentence}: {advice}.", reason)


def fetch(
    data_dir: Path = DATA,
    *,
    files: Sequence[File] = FILES,
    mirrors: Sequence[Source] = MIRRORS,
    patience: Patience = PATIENCE,
    tell: Tell = print,
) -> Dataset:
    """Make sure that the real files lie in `data_dir`/FashionMNIST/raw, whole and intact.

    Raises
    ------
    DataError
        if they cannot be had (StorageError: cannot be written); the folder is as it was.
    KeyboardInterrupt
        after sweeping up and one sentence.
    """
    data_dir = Path(data_dir).absolute()
    home = data_dir / "FashionMNIST"
    raw = home / "raw"
    if is_intact(raw, files):
        return Dataset(data_dir, is_stand_in=False)
    faults: dict[str, str] = {}
    try:
        with _workshop(home, tell) as part:
            missing = _missing(raw, files)  # another process may have been faster
            if missing:
                intact = len(files) - len(missing)
                fresh = part / "raw"
                fresh.mkdir()
                faults = _collect(missing, _sources(mirrors), fresh, patience)
                if missing:
                    reason = _summary(faults) or "there is no source"
                    raise DataError(
                        f"Fashion-MNIST could not be fetched ({reason}), and "
                        f"{_shown(raw, data_dir)} is as it was, {intact} of {len(files)} files "
                        "intact: run `make data` again when online, or name a folder that holds "
                        f"the files in {VARIABLE}.",
                        reason,
                    )
                _install(fresh, raw)
    except OSError as error:
        raise _storage_error(error, _shown(home, data_dir)) from error
    except KeyboardInterrupt:
        tell("Interrupted, and no half-written file is left: run `make data` to fetch the rest.")
        raise
    if VARIABLE in faults:
        tell(f"{VARIABLE}: {faults[VARIABLE]}, so the public addresses were asked.")
    return Dataset(data_dir, is_stand_in=False)


# --- The stand-in ----------------------------------------------------------------------------


def _homes(data_dir: Path) -> Iterator[Path]:
    """Where files may be kept: `data_dir`, and where that fails a temporary folder."""
    yield data_dir
    user = os.getuid() if hasattr(os, "getuid") else "user"  # on Windows each has his own folder
    try:
        yield Path(tempfile.gettempdir(), f"deep-learning-course-{user}")
    except FileNotFoundError:
        return


def _marker(home: Path) -> str:
    """What the stand-in's marker says: the drawing's version and the files' sums."""
    version = hashlib.sha256(GARMENTS.read_bytes()).hexdigest()
    sums = {file.name: _sha256(home / "raw" / file.name) for file in FILES}
    return json.dumps({"drawing": version, "files": sums}, indent=1)


def _is_drawn(home: Path) -> bool:
    """Whether `home` holds a whole stand-in of the present drawing."""
    try:
        return (home / "drawn.json").read_text("utf-8") == _marker(home)
    except OSError:
        return False


def _draw(home: Path, part: Path) -> None:
    from . import garments

    fresh = part / "FashionMNIST"
    (fresh / "raw").mkdir(parents=True)
    garments.draw_dataset(fresh / "raw")
    _write(fresh / "drawn.json", _marker(fresh).encode())
    if home.exists():  # damaged or of an older drawing
        shutil.rmtree(home)
    fresh.rename(home)


def _stand_in(data_dir: Path) -> Dataset:
    """The garments, drawn if they are not there yet; raises DataError if stored nowhere."""
    reason = ""
    for folder in _homes(data_dir):
        root = folder / "drawn-stand-in"
        home = root / "FashionMNIST"
        try:
            if not _is_drawn(home):
                with _workshop(root, print) as part:
                    if not _is_drawn(home):
                        _draw(home, part)
            return Dataset(root, is_stand_in=True)
        except OSError as error:
            reason = reason or error.strerror or type(error).__name__
        except DataError as error:
            reason = reason or error.reason
    raise DataError(
        f"Neither Fashion-MNIST nor its stand-in could be stored ({reason}), and no half-written "
        f"file is left: make room in {data_dir.name}/ and run this again.",
        reason,
    )


def find(
    data_dir: Path = DATA,
    *,
    files: Sequence[File] = FILES,
    mirrors: Sequence[Source] = MIRRORS,
    patience: Patience = PATIENCE,
) -> Dataset:
    """Fashion-MNIST if it can be had, else the drawn stand-in; prints which of the two it is.

    Raises
    ------
    DataError
        if not even the stand-in can be stored anywhere.
    """
    data_dir = Path(data_dir).absolute()
    markers = [home / "drawn-stand-in/FashionMNIST/drawn.json" for home in _homes(data_dir)]
    if any(os.path.exists(marker) for marker in markers):  # offline before: do not wait long
        patience = patience._replace(answer=min(patience.answer, 2.0))
    reason = ""
    for home in _homes(data_dir):
        try:
            dataset = fetch(home, files=files, mirrors=mirrors, patience=patience)
        except StorageError as error:
            reason = reason or error.reason
        except DataError as error:
            reason = error.reason
            break
        else:
            where = f" (kept in a temporary folder: {reason})" if reason else ""
            print(f"Fashion-MNIST: 60,000 training and 10,000 test images, all files intact{where}")
            return dataset
    dataset = _stand_in(data_dir)
    print(f"{dataset.label} ({reason})")
    return dataset


def main(data_dir: Path = DATA, **options: Any) -> int:
    """What `make data` runs: `fetch`, told in sentences; returns the exit code."""
    raw = Path(data_dir).absolute() / "FashionMNIST" / "raw"
    shown = _shown(raw, raw.parents[1])
    try:
        if is_intact(raw, options.get("files", FILES)):
            print(f"Fashion-MNIST is in {shown}, all four files intact: nothing to do.")
            return 0
        print(f"Fetching Fashion-MNIST into {shown} (30 MB to download, 55 MB unpacked).")
        fetch(data_dir, **options)
    except DataError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"Done: 60,000 training and 10,000 test images, all files intact, in {shown}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
