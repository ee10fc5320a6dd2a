"""Editions of the notebooks for those who have only one of them: in Colab, or from its web page.

Each gets one more cell, which fetches the rest of the course. The two addresses are known only to
the workflow `site`, which names them in the environment; without them no edition is made:

    COURSE_ARCHIVE     the repository at this commit as a zip, such as .../archive/0123abc.zip
    COURSE_REPOSITORY  owner/name on GitHub, whose branch `colab` holds the editions for Colab

    python .ci/site/editions.py FOLDER    writes the editions for Colab into a folder
"""

import inspect
import os
import re
import sys
from pathlib import Path

import nbformat

ARCHIVE = os.environ.get("COURSE_ARCHIVE", "")
REPOSITORY = os.environ.get("COURSE_REPOSITORY", "") if ARCHIVE else ""
COLAB = "https://colab.research.google.com"
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
NAMES = ("[0-9][0-9]-*.ipynb", "deeper-[0-9][0-9].ipynb", "solutions-[0-9][0-9].ipynb")
TITLE = "Run this cell first: it fetches the rest of the course (4 MB)"
LINK = re.compile(r"\]\((?P<name>[\w-]+\.ipynb)?(?P<heading>#[^)]*)?\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


def fetch_course(archive, folder):
    """Fetch the rest of the course (4 MB) into a folder, with packages that Python lacks; go there.

    In a clone of the course, and when the cell is run again, this does nothing.
    """
    import io
    import os
    import subprocess
    import sys
    from importlib.util import find_spec
    from pathlib import Path
    from tempfile import TemporaryDirectory
    from urllib.request import urlopen
    from zipfile import ZipFile

    if Path("course/session.py").exists():
        return
    print("Fetching the rest of the course, and packages that are missing ...", flush=True)
    home, pip = Path(folder).absolute(), [sys.executable, "-m", "pip", "install", "--quiet"]
    used = ["torchvision", "matplotlib", "pandas", "ipywidgets", "tqdm", "pooch", "filelock"]
    missing = [name for name in used if not find_spec(name)]
    if not find_spec("torch"):
        missing = ["-r", f"{home}/requirements.txt"]
    d2l = [] if find_spec("d2l") else ["--no-deps", "d2l==0.17.0"]  # it asks for JupyterLab, too
    try:
        if not home.exists():
            with urlopen(archive, timeout=60) as reply, TemporaryDirectory(dir=".") as part:
                ZipFile(io.BytesIO(reply.read())).extractall(part)
                next(Path(part).iterdir()).rename(home)
        for packages in filter(None, (missing, d2l)):
            subprocess.run(pip + packages, check=True, capture_output=True, text=True)
    except Exception as error:
        reason = (getattr(error, "stderr", "") or f"{type(error).__name__}: {error}").strip()
        fault = RuntimeError(
            f"The course could not be fetched ({reason.splitlines()[-1]}), and nothing is left "
            "half-done: run this cell again when there is a network."
        )
        fault._render_traceback_ = lambda: [str(fault)]  # IPython shows the sentence alone
        raise fault from None
    os.chdir(home / "notebooks")
    sys.path.insert(0, os.getcwd())  # before another folder named `course`
    sys.modules.pop("course", None)
    print("Ready.")


def anchor(title):
    """Return the anchor that JupyterLab gives a heading, by which the notebooks link."""
    return title.replace(" ", "-")


def put_pictures_into_the_text(cell):
    """Turn a cell's attachments into addresses that hold the picture itself, in place."""
    for name, file in cell.pop("attachments", {}).items():
        data = f"data:image/png;base64,{file['image/png']}"
        cell.source = cell.source.replace(f"attachment:{name}", data)


def cell_with(heading, path):
    """Return the id of the cell that holds a heading, given as in a link, such as `#The-data`."""
    for cell in nbformat.read(path, as_version=4).cells:
        anchors = [f"#{anchor(title)}" for title in HEADING.findall(cell.source)]
        if cell.cell_type == "markdown" and heading in anchors:
            return cell.id
    raise ValueError(f"{path.name} has no heading {heading}")


def colab_page(name, repository):
    """Return the address at which Colab opens the edition of a notebook."""
    return f"{COLAB}/github/{repository}/blob/colab/notebooks/{name}"


def edition(path, archive, repository=""):
    """Return the edition of a notebook: for Colab, if a repository is given, else to download.

    Links to other notebooks lead to what the new cell fetches, in Colab to their editions. Colab
    draws no attachments, knows no links to headings, and would show the folded answers.
    """
    notebook = nbformat.read(path, as_version=4)
    folder = f"course-{Path(archive).stem[:7]}"

    def link(match):
        name, heading = match["name"] or "", match["heading"] or ""
        if not repository:
            return f"]({folder}/notebooks/{name}{heading})" if name else match[0]
        page = colab_page(name, repository) if name else ""
        place = heading and f"#scrollTo={cell_with(heading, path.with_name(name or path.name))}"
        return f"]({page}{place})"

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = LINK.sub(link, cell.source)
            if repository:
                put_pictures_into_the_text(cell)
        elif repository and cell.metadata.get("jupyter", {}).get("outputs_hidden"):
            cell.outputs = []
    call = f'fetch_course("{archive}", folder="{folder}")'
    title = f"#@title {TITLE}" if repository else f"# {TITLE}."
    source = f"{title}\n{inspect.getsource(fetch_course)}\n\n{call}"
    fetch = nbformat.v4.new_code_cell(source, id="fetch-course")
    fetch.metadata = {"tags": ["nbval-ignore-output"]}
    if repository:
        fetch.metadata["cellView"] = "form"  # Colab shows the title in place of the code
    notebook.cells.insert(1, fetch)
    return notebook


def write(into, archive, repository=""):
    """Write the editions of all notebooks into a folder."""
    into.mkdir(parents=True, exist_ok=True)
    for path in [path for name in NAMES for path in NOTEBOOKS.glob(name)]:
        nbformat.write(edition(path, archive, repository), into / path.name)


if __name__ == "__main__":
    if not REPOSITORY:
        sys.exit("Editions: set COURSE_ARCHIVE and COURSE_REPOSITORY; nothing was written.")
    write(Path(sys.argv[1]), ARCHIVE, REPOSITORY)
