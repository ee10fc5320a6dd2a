"""A notebook that is opened alone fetches the rest of the course, whole or not at all.

The archive comes from this machine; nothing is installed. With ALONE=whole in the environment all
lessons are run to their end, too.
"""

import importlib.util
import io
import os
import re
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from course import notebooks

REPOSITORY = Path(__file__).parents[3]
SPEC = importlib.util.spec_from_file_location("editions", REPOSITORY / ".ci/site/editions.py")
editions = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(editions)
PATTERNS = ("requirements.txt", "data/*.csv", "notebooks/*.ipynb", "notebooks/course/**/*.*")
FOLDER = "course-0123abc"
AGAIN = "nothing is left half-done: run this cell again when there is a network."
LESSONS = ("01", "02", "03", "04", "05") if os.environ.get("ALONE") == "whole" else ()
NOT_COMPARED = {"nbval-ignore-output", "chaotic-figure"}
OLD_UPLOAD, UPLOAD = "FileUpload(value={}", "FileUpload(value=()"  # ipywidgets 7, and 8


@pytest.fixture(scope="module")
def archive():
    """The repository as GitHub packs it: a zip with one folder."""
    with zipfile.ZipFile(packed := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as files:
        for path in [path for name in PATTERNS for path in REPOSITORY.glob(name) if path.is_file()]:
            files.write(path, f"name-of-the-repository/{path.relative_to(REPOSITORY).as_posix()}")
    return packed.getvalue()


@pytest.fixture
def server(archive, monkeypatch):
    """A server of the archive that keeps a list of what it was asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked.append(self.path)
            half = archive[: len(archive) // 2]
            self.protocol_version = "HTTP/1.1"
            self.close_connection = True
            self.send_response(503 if "refused" in self.path else 200)
            if "chunks" in self.path:
                self.send_header("Transfer-Encoding", "chunked")
            elif "silently" not in self.path:
                self.send_header("Content-Length", str(len(archive)))
            self.end_headers()
            if "chunks" in self.path:
                self.wfile.write(b"%x\r\n%b\r\n%x\r\n" % (1000, half[:1000], 1000))
            else:
                self.wfile.write(half if "cut" in self.path else archive)

        def log_message(self, *_):
            pass

    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = []
    server.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """An empty folder as the current one; what the cell does to this Python is undone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "modules", {**sys.modules})
    return tmp_path


def edition(number, archive, repository=""):
    return editions.edition(notebooks.lesson(number), archive, repository)


def run(notebook, folder):
    """Run a notebook in a folder; return it."""
    path = {"metadata": {"path": str(folder)}}
    options = {"timeout": 300, "kernel_name": "python3", "coalesce_streams": True}
    NotebookClient(notebook, resources=path, **options).execute(stderr=subprocess.DEVNULL)
    return notebook


def shown(cell):
    """What a code cell shows, as texts."""
    outputs = [{**output, **output.get("data", {})} for output in cell.outputs]
    texts = [o.get("text") or o.get("text/plain") or o["evalue"] for o in outputs]
    return [text.replace(OLD_UPLOAD, UPLOAD) for text in texts]


@pytest.mark.parametrize("fault", ["cut", "cut-silently", "cut-chunks", "refused"])
def test_a_broken_connection_leaves_nothing_and_the_cell_can_be_run_again(alone, server, fault):
    with pytest.raises(RuntimeError, match=AGAIN) as caught:
        editions.fetch_course(f"{server.address}/{fault}", FOLDER)
    assert caught.value._render_traceback_() == [str(caught.value)]
    assert Path.cwd() == alone and not list(alone.iterdir())
    editions.fetch_course(f"{server.address}/whole", FOLDER)
    assert [path.name for path in alone.iterdir()] == [FOLDER]
    assert Path.cwd() == alone / FOLDER / "notebooks" == Path(sys.path[0])


def test_nothing_is_fetched_twice_nor_in_a_clone(alone, server, monkeypatch, capsys):
    monkeypatch.chdir(notebooks.FOLDER)
    editions.fetch_course(server.address, FOLDER)
    assert not server.asked and not capsys.readouterr().out and Path.cwd() == notebooks.FOLDER
    for _ in range(2):  # the kernel is started anew, the cell is run twice
        monkeypatch.chdir(alone)
        editions.fetch_course(server.address, FOLDER)
        editions.fetch_course(server.address, FOLDER)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("missing", "installed"),
    [
        ({"d2l"}, [["--no-deps", "d2l==0.17.0"]]),  # Colab, Kaggle
        ({"d2l", "pooch"}, [["pooch"], ["--no-deps", "d2l==0.17.0"]]),
        ({"torch", "d2l"}, [["-r", "requirements.txt"], ["--no-deps", "d2l==0.17.0"]]),
        (set(), []),
    ],
)
def test_only_what_is_missing_is_installed(alone, server, monkeypatch, missing, installed):
    ran = []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name not in missing or None)
    monkeypatch.setattr(subprocess, "run", lambda command, **_: ran.append(command[5:]))
    editions.fetch_course(server.address, FOLDER)
    assert [[Path(part).name for part in packages] for packages in ran] == installed


def test_d2l_is_the_one_that_the_course_asks_for():
    (pinned,) = re.findall(r"^d2l==.*$", (REPOSITORY / "requirements.txt").read_text(), re.M)
    assert f'"{pinned}"' in Path(editions.__file__).read_text()


def test_a_package_that_cannot_be_installed_is_named_and_the_cell_can_be_run_again(
    alone, server, monkeypatch
):
    def fail(command, **_):
        raise subprocess.CalledProcessError(1, command, stderr="WARNING: x\nERROR: no d2l here\n")

    with monkeypatch.context() as patch:
        patch.setattr(importlib.util, "find_spec", lambda name: name != "d2l" or None)
        patch.setattr(subprocess, "run", fail)
        with pytest.raises(RuntimeError, match=rf"\(ERROR: no d2l here\), and {AGAIN}"):
            editions.fetch_course(server.address, FOLDER)
    assert Path.cwd() == alone
    editions.fetch_course(server.address, FOLDER)
    assert len(server.asked) == 1 and Path.cwd() != alone


def test_alone_beside_a_foreign_folder_named_course(tmp_path, archive):
    (tmp_path / "course").mkdir()
    (tmp_path / "course/__init__.py").write_text("raise ImportError('foreign')", encoding="utf-8")
    (tmp_path / "0123abc.zip").write_bytes(archive)
    alone = edition("03", (tmp_path / "0123abc.zip").as_uri())
    solutions = nbformat.read(notebooks.FOLDER / "solutions-03.ipynb", as_version=4).cells
    answer = next(
        cell for cell in solutions if "exercises." in cell.source and "def " in cell.source
    )
    name = re.search(r"exercises\.(\w+)\.check", answer.source)[1]
    alone.cells[5:] = [
        new_code_cell("from course.exercises import lesson03 as exercises"),
        answer,
        new_code_cell(f"exercises.{name}.solution()"),
    ]
    alone.cells.insert(1, new_code_cell("try:\n    import course\nexcept ImportError:\n    pass"))
    *_, answered, solution = run(alone, tmp_path).cells
    assert "Right." in shown(answered)[0] and "def " in shown(solution)[0]


@pytest.mark.parametrize("number", LESSONS)
def test_whole_lesson_alone(tmp_path, archive, number):
    (tmp_path / "0123abc.zip").write_bytes(archive)
    alone = edition(number, (tmp_path / "0123abc.zip").as_uri(), "owner/name")
    cells = {cell.id: cell for cell in run(alone, tmp_path).cells}
    for cell in nbformat.read(notebooks.lesson(number), as_version=4).cells:
        if cell.cell_type == "code" and not NOT_COMPARED & {*cell.metadata.get("tags", ())}:
            assert shown(cells[cell.id]) == shown(cell), cell.source


@pytest.mark.parametrize("path", notebooks.of_course(), ids=lambda path: path.stem)
def test_colab_gets_links_and_pictures_that_it_knows(path):
    cells = editions.edition(path, "https://example.org/0123abcd.zip", "owner/name").cells
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    assert not any("attachments" in cell for cell in cells) and "attachment:" not in "".join(texts)
    links = [link for text in texts for link in re.findall(r"\]\(([^)]*)\)", text)]
    assert all(link.startswith(("https://", "data:image/png;", "#scrollTo=")) for link in links)
    ids = {cell.id for cell in cells}
    assert {link[10:] for link in links if link.startswith("#scrollTo=")} <= ids
    folded = [cell for cell in cells if cell.metadata.get("jupyter", {}).get("outputs_hidden")]
    assert not any(cell.outputs for cell in folded)
    nbformat.validate(nbformat.v4.new_notebook(cells=cells))


def test_links_of_a_downloaded_notebook_lead_to_what_its_cell_fetches(archive):
    names = {name.split("/", 1)[1] for name in zipfile.ZipFile(io.BytesIO(archive)).namelist()}
    for path in notebooks.of_course():
        cells = editions.edition(path, "https://example.org/0123abcd.zip").cells
        text = "".join(cell.source for cell in cells if cell.cell_type == "markdown")
        links = re.findall(r"\]\(([^)#]*\.ipynb)", text)
        assert links and {link.removeprefix("course-0123abc/") for link in links} <= names
