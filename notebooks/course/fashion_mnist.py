"""Finds Fashion-MNIST: in data/, in a folder or at a URL that the user names, or on the web.

Lesson 05 calls `find`, `make data` calls `main`. A file counts only if its SHA-256 checksum is
right. Files are made in a temporary folder, under a lock, and moved when all of them are verified;
where data/ cannot be written, that happens in the user's cache.
"""

import gzip
import hashlib
import io
import json
import os
import shutil
import sys
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path
from tempfile import TemporaryDirectory

DATA = Path(__file__).resolve().parents[2] / "data"
VARIABLE = "FASHION_MNIST_SOURCE"
STAND_IN = "Drawn stand-in, not Fashion-MNIST: run `make data` when online"
TIMEOUT = 5.0  # seconds that a server may be silent
FILES = {  # the SHA-256 checksums of the unpacked files
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
MIRRORS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
)
REASONS = {  # in words, for exceptions whose text says less
    "gaierror": "no network or unknown host",
    "ConnectionRefusedError": "the connection was refused",
    "TimeoutError": "the server does not answer",
    "IncompleteRead": "the file is cut short",
    "SSLCertVerificationError": (
        "the certificate is not trusted: a network's log-in page, or a company's or school's own "
        "certificate, whose file you can name in SSL_CERT_FILE"
    ),
    "EOFError": "the file is cut short",
}


@dataclass(frozen=True)
class Dataset:
    """A data set on disk; `root` is for `torchvision.datasets.FashionMNIST(root=...)`."""

    root: Path
    is_stand_in: bool

    @property
    def label(self) -> str:
        """What these images are, to be shown wherever they are."""
        return STAND_IN if self.is_stand_in else "Fashion-MNIST"

    def title(self, text: str) -> str:
        """Return `text` as a figure's title, with a second line if the images are the stand-in."""
        return f"{text}\n{STAND_IN}" if self.is_stand_in else text


class DataError(Exception):
    """The data cannot be had: one sentence, and its `reason` for use in another one."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"Fashion-MNIST could not be fetched ({reason}), and data/ is as it was: mend that and "
            f"run `make data` again, or name a folder with FashionMNIST/raw in {VARIABLE}."
        )


def is_intact(raw: Path) -> bool:
    """Tell whether the folder `raw` holds the four unpacked files, with the right checksums."""
    with suppress(OSError):
        contents = ((Path(raw) / name).read_bytes() for name in FILES)
        return [hashlib.sha256(content).hexdigest() for content in contents] == [*FILES.values()]
    return False


def _is_whole(raw: Path) -> bool:
    """Tell whether the folder `raw` holds four such files, whatever is in them."""
    return all((raw / name).is_file() for name in FILES)


def needed_by(notebook: Path) -> bool:
    """Tell whether a notebook's metadata says that its outputs are those of the official files."""
    metadata = json.loads(notebook.read_text(encoding="utf-8"))["metadata"]
    return "fashion-mnist" in metadata.get("course", {}).get("needs", [])


def _make(root: Path, is_there: Callable[[Path], bool], fill: Callable[[Path], None]) -> None:
    """Unless root/FashionMNIST/raw is there, fill a temporary folder and move its files over."""
    from filelock import FileLock, Timeout

    home = root / "FashionMNIST"
    if is_there(home / "raw"):
        return
    home.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home / ".lock")
    try:
        try:
            lock.acquire(timeout=0.5)
        except Timeout:
            print("Another notebook or command is preparing this data: waiting for it.", flush=True)
            lock.acquire()
        except OSError:  # some network file systems have no locks: two may do the same work
            pass
        for left in home.glob(".part-*") if lock.is_locked else ():  # by a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        if not is_there(home / "raw"):  # the other process may have done it
            with TemporaryDirectory(prefix=".part-", dir=home) as part:
                fill(Path(part))
                (home / "raw").mkdir(exist_ok=True)
                for name in FILES:
                    Path(part, name).replace(home / "raw" / name)
    except KeyboardInterrupt:
        print("Interrupted, and no half-written file is left: run this again, or run `make data`.")
        raise
    finally:
        lock.release()


def _cache() -> Path:
    """Return the course's folder in the user's cache."""
    import pooch

    return Path(pooch.os_cache("first-course-in-deep-learning"))


def _store(
    data_dir: Path, below: str, is_there: Callable[[Path], bool], fill: Callable[[Path], None]
) -> Path:
    """Make the files below `data_dir`, else below the user's cache; return the root."""
    faults = []
    for folder in (data_dir, _cache()):
        try:
            _make(folder / below, is_there, fill)
            return folder / below
        except OSError as error:
            faults.append(error.strerror or str(error))
    raise DataError(f"neither {data_dir.name}/ nor your cache can be written: {faults[0]}")


def _folder(named: str) -> Path:
    """Return a folder that the user names; notebooks do not run at the repository's top."""
    given = Path(named).expanduser()
    return (given if given.is_dir() else DATA.parent / given).resolve()


def _in_place(data_dir: Path) -> Path | None:
    """Return the root of intact files in `data_dir` or where the user says, if there are any."""
    named, roots = os.environ.get(VARIABLE, "").strip(), [data_dir]
    if named and "://" not in named:
        folder = _folder(named)
        roots += [folder, *folder.parents[:2]]  # it may be FashionMNIST/raw itself
    return next((root for root in roots if is_intact(root / "FashionMNIST" / "raw")), None)


def _read(source: str, name: str) -> bytes:
    """Return a file as it is, packed or not, in a folder or below an address."""
    if "://" in source:
        return _download(f"{source.rstrip('/')}/{name}.gz")
    folder = _folder(source)
    for below in ("", "raw", "FashionMNIST/raw"):
        for path in (folder / below / name, folder / below / f"{name}.gz"):
            if path.is_file():
                return path.read_bytes()
    raise ValueError(f"the folder does not {f'hold {name}' if folder.is_dir() else 'exist'}")


def _download(url: str) -> bytes:
    import pooch
    import requests
    from tqdm import tqdm

    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")  # requests knows but two
    trusted = next(filter(None, map(os.environ.get, names)), True)
    seen = type(sys.stderr).__module__.startswith("ipykernel") or sys.stderr.isatty()
    bar = tqdm(total=1, unit="B", unit_scale=True, leave=False, disable=not seen)
    content = io.BytesIO()
    with bar, ThreadPool(1) as pool:
        # The name look-up has no time limit and each of a host's addresses has its own, so a
        # thread asks first whether the server answers at all.
        options = {"timeout": TIMEOUT, "verify": trusted, "allow_redirects": True}
        pool.apply_async(requests.head, (url,), options).get(TIMEOUT)
        pooch.HTTPDownloader(bar, chunk_size=1 << 16, **options)(url, content, None)
    if content.getvalue()[:100].lstrip().startswith(b"<"):
        raise ValueError("a web page came instead of the file (a network's log-in page?)")
    return content.getvalue()


def _collect(part: Path) -> None:
    """Write all files into `part`, each from the first source that has it intact."""
    named = os.environ.get(VARIABLE, "").strip()
    contents, faults = {}, {}
    for source in [named, *MIRRORS] if named else MIRRORS:
        try:
            for name in [name for name in FILES if name not in contents]:
                content = _read(source, name)
                with suppress(gzip.BadGzipFile, zlib.error):  # not packed, or its checksum is wrong
                    content = gzip.decompress(content)
                if hashlib.sha256(content).hexdigest() != FILES[name]:
                    raise ValueError(f"{name} is wrong or damaged: its SHA-256 checksum differs")
                contents[name] = content
        except Exception as error:  # whatever it is, the next source may have the rest
            while error.__context__ and type(error).__name__ not in REASONS:
                error = error.__context__  # requests wraps the error that says what happened
            faults[source] = REASONS.get(type(error).__name__, str(error))
    if len(contents) < len(FILES):
        raise DataError("; ".join(dict.fromkeys(faults.values())) or "there is no source")
    for name, content in contents.items():
        (part / name).write_bytes(content)
    if named in faults:
        print(f"{VARIABLE}: {faults[named]}, so the public addresses were asked.")


def fetch(data_dir: Path = DATA) -> Dataset:
    """Make sure that the real files lie in `data_dir`/FashionMNIST/raw, whole and intact.

    Where that cannot be written they lie in the user's cache. Raises DataError where they cannot
    be had; the folder is as it was.
    """
    data_dir = Path(data_dir).absolute()
    try:
        root = _store(data_dir, "", is_intact, _collect)
    except DataError:
        if not (root := _in_place(data_dir)):
            raise
    return Dataset(root, is_stand_in=False)


def find(data_dir: Path = DATA) -> Dataset:
    """Return Fashion-MNIST if it can be had, else the drawn stand-in; print which of the two.

    Intact files are used where they lie, in `data_dir` or where the user says; else they are
    fetched. Raises DataError where not even the stand-in can be stored.
    """
    data_dir = Path(data_dir).absolute()
    try:
        root = _in_place(data_dir)
        dataset = Dataset(root, is_stand_in=False) if root else fetch(data_dir)
        note = ": 60,000 training and 10,000 test images, all files intact"
    except DataError as error:
        from .garments import draw_dataset

        try:
            root = _store(data_dir, "drawn-stand-in", _is_whole, draw_dataset)
        except DataError as second:
            reasons = dict.fromkeys([error.reason, second.reason])
            raise DataError("; ".join(reasons)) from error
        dataset, note = Dataset(root, is_stand_in=True), f" ({error.reason})"
    print(f"{dataset.label}{note}")
    return dataset


def main(data_dir: Path = DATA) -> int:
    """Fetch the real files, say in a sentence how it went, and return the exit code."""
    try:
        raw = fetch(data_dir).root / "FashionMNIST" / "raw"
    except DataError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"{raw} holds 60,000 training and 10,000 test images, all intact.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
