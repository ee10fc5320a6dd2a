"""Use the notebooks in a real JupyterLab, in a headless Chromium (`make test-lab`).

`make lab`, called by a user without any settings, has to open the first lesson and show no pop-up.
Then all cells of each lesson are run: none may end in an error that its tag does not announce. A
lesson has to redraw a figure while it trains, the slider of the cell tagged `control` has to move
its figure, a hint has to open, and the first exercise has to refuse a wrong answer and accept the
solution. The other notebooks are only opened, and nothing in them may be drawn wrong. The lab works
on a copy of the notebooks; with --then-test they are saved there, a learner's own notebook is laid
beside them, and the tests have to pass on what is then in the copy. Needs the package `playwright`,
and a Chromium.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import nbformat
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "notebooks"))
from course.exercises.known_answers import answer_cells  # noqa: E402
from course.notebooks import of_course  # noqa: E402

SIDE_BY_SIDE = 2
SECONDS_A_NOTEBOOK = 300
SECONDS_OF_REST = 10  # a kernel that rests this long with cells left has stopped
LIVE_PICTURES = 2  # the first state and the last; a busy machine may have no time for more
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
POP_UPS = ".jp-Dialog, .Toastify__toast"
FLAGS = ["--disable-gpu", "--disable-quic", "--disable-sync"]

# The kernel's state, and for each code cell its tags, whether it has run, and its errors.
STATE = """() => {
  const panel = window.jupyterapp.shell.currentWidget;
  const cells = panel.content.model.sharedModel.toJSON().cells.filter(c => c.cell_type === 'code');
  return {kernel: panel.sessionContext.session?.kernel?.status, cells: cells.map(cell => ({
    tags: cell.metadata.tags ?? [], ran: cell.execution_count !== null,
    errors: cell.outputs.filter(o => o.output_type === 'error').map(o => o.ename + ': ' + o.evalue),
  }))};
}"""

# Collects the different pictures that each code cell shows from now on, and runs all cells.
RUN_ALL = """() => {
  window.pictures = window.jupyterapp.shell.currentWidget.content.widgets
    .filter(cell => cell.model.type === 'code').map(cell => {
      const seen = new Set();
      cell.model.outputs.changed.connect(outputs => {
        for (let i = 0; i < outputs.length; i++) {
          const picture = outputs.get(i).data['image/png'];
          if (picture) { seen.add(picture); }
        }
      });
      return seen;
    });
  window.jupyterapp.commands.execute('notebook:run-all-cells');
}"""

# Makes the first cell that has a type, a text and a tag (if one is given) the active one and brings
# it into view; cells out of view may be absent from the page. False if there is none.
FIND_CELL = """async ([type, text, tag]) => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  const at = notebook.widgets.findIndex(({model}) => model.type === type
    && model.sharedModel.source.includes(text)
    && (!tag || model.getMetadata('tags')?.includes(tag)));
  if (at < 0) { return false; }
  notebook.activeCellIndex = at;
  await notebook.scrollToItem(at, 'center');
  return true;
}"""

# Puts a source into the active cell, runs it and returns what it prints.
RUN_SOURCE = """async source => {
  const model = window.jupyterapp.shell.currentWidget.content.activeCell.model;
  model.sharedModel.setSource(source);
  await window.jupyterapp.commands.execute('notebook:run-cell');
  const text = o => o.text ?? o.data?.['text/plain'] ?? o.evalue;
  return model.outputs.toJSON().map(o => [text(o)].flat().join('')).join('');
}"""


# Brings each cell into view and returns what is drawn wrong: formulas, pictures, widgets.
DRAWN_WRONG = """async () => {
  const notebook = window.jupyterapp.shell.currentWidget.content, wrong = new Set();
  for (let at = 0; at < notebook.widgets.length; at++) {
    await notebook.scrollToItem(at, 'center');
    await new Promise(resolve => setTimeout(resolve, 50));
    const node = notebook.node;
    for (const formula of node.querySelectorAll('mjx-merror')) {
      wrong.add('formula ' + formula.textContent);
    }
    for (const picture of node.querySelectorAll('img')) {
      if (picture.complete && !picture.naturalWidth) {
        wrong.add('picture ' + picture.src.slice(0, 60));
      }
    }
    if (node.textContent.includes('Error displaying widget')) { wrong.add('a widget'); }
  }
  return [...wrong];
}"""


class Fault(Exception):
    """What is wrong, in words."""


def end_group(leader: subprocess.Popen) -> None:
    """End a process and all it has started: kindly, and after ten seconds for certain."""
    try:
        for kind in (signal.SIGTERM, signal.SIGKILL):
            os.killpg(leader.pid, kind)
            for _ in range(20):
                time.sleep(0.5)
                leader.poll()  # or an ended leader would still count
                os.killpg(leader.pid, 0)
    except ProcessLookupError:  # all have ended
        pass


@contextmanager
def make_lab(folder: Path, token: str) -> Iterator[str]:
    """Call `make lab` in a copy, as a user without settings; yield what it hands to a browser."""
    for name in (".ci", ".venv", "Makefile", "requirements.txt", "data"):
        os.symlink(ROOT / name, folder / name)
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    handed, user_browser, home = folder / "handed", folder / "browser", folder / "home"
    user_browser.write_text(f"#!/bin/sh\nprintf %s \"$1\" > '{handed}'\n", encoding="utf-8")
    user_browser.chmod(0o755)
    home.mkdir()
    own = {"BROWSER": user_browser, "HOME": home, "JUPYTER_CONFIG_DIR": home / ".jupyter"}
    options = f"--allow-root --LabApp.expose_app_in_browser=True --IdentityProvider.token={token}"
    with (folder / "lab.log").open("w") as log:
        lab = subprocess.Popen(
            ["make", "lab", f"LAB={options}"],
            cwd=folder,
            env=os.environ | {name: str(value) for name, value in own.items()},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        for _ in range(120):
            if handed.exists() and (address := handed.read_text(encoding="utf-8")):
                break
            time.sleep(0.5)
        else:
            said = (folder / "lab.log").read_text(encoding="utf-8")
            sys.exit(f"test-lab: `make lab` opened no browser within a minute:\n{said[-2000:]}")
        yield address
    finally:
        end_group(lab)


@contextmanager
def notebook_page(address: str, width: int) -> Iterator[Page]:
    """Open an address in a new browser, and yield its page when a notebook is ready there."""
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if not chromium:
        sys.exit("test-lab: no Chromium found; install one (Debian: `apt install chromium`).")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": width, "height": 900}, device_scale_factor=1.5)
        page.goto(address)
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        page.wait_for_function(f"() => ({STATE})().kernel === 'idle'", timeout=60_000)
        page.wait_for_timeout(1000)
        yield page
        browser.close()


def expect_no_pop_up(page: Page) -> None:
    """Fail if JupyterLab shows a dialog or a notification."""
    if texts := page.locator(POP_UPS).all_inner_texts():
        raise Fault(f"it shows a pop-up: {' '.join(' '.join(texts).split())}")


def run_all(page: Page) -> None:
    """Run all cells and wait until the last has run or the kernel rests; fail at a wrong error.

    The command's own promise is kept too early, at the first error that a tag announces.
    """
    page.evaluate(RUN_ALL)
    deadline, resting = time.monotonic() + SECONDS_A_NOTEBOOK, 0
    while resting < SECONDS_OF_REST:
        page.wait_for_timeout(1000)
        state = page.evaluate(STATE)
        resting = resting + 1 if state["kernel"] == "idle" else 0
        if resting and all(cell["ran"] for cell in state["cells"]):
            break
        if time.monotonic() > deadline:
            raise Fault(f"still running after {SECONDS_A_NOTEBOOK} s")
    page.wait_for_timeout(1000)
    for number, cell in enumerate(page.evaluate(STATE)["cells"], 1):
        if not cell["ran"]:
            raise Fault(f"code cell {number} was not run")
        if bool(cell["errors"]) != ("raises-exception" in cell["tags"]):
            raise Fault(f"code cell {number}: {cell['errors'] or 'the announced error is missing'}")


def expect_all_drawn(page: Page) -> None:
    """Fail if a formula, a picture or a widget of the open notebook is drawn wrong."""
    if wrong := page.evaluate(DRAWN_WRONG):
        raise Fault(f"drawn wrong: {'; '.join(wrong)}")


def save(page: Page) -> None:
    """Save the open notebook, as a learner does."""
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_timeout(1000)


def expect_live_figure(page: Page) -> None:
    """Fail unless some cell redrew its figure while it ran."""
    most = max(page.evaluate("window.pictures.map(seen => seen.size)"))
    if most < LIVE_PICTURES:
        raise Fault(f"no figure is live: no cell showed more than {most} pictures")


def move_control(page: Page) -> None:
    """Move the first slider of the cell tagged `control`; fail if its figure stays the same."""
    page.evaluate(FIND_CELL, ["code", "", "control"])
    figure = page.locator(".jp-Cell.jp-mod-active .jp-RenderedImage img").first
    before = figure.get_attribute("src", timeout=10_000)
    page.locator(".jp-Cell.jp-mod-active [role=slider]").first.focus(timeout=10_000)
    for _ in range(25):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(400)
        if figure.get_attribute("src") != before:
            return
    raise Fault("the slider was moved, and its figure stays the same")


def open_hint(page: Page) -> None:
    """Open the first hint; fail unless its text was hidden and is then shown."""
    if not page.evaluate(FIND_CELL, ["markdown", "<details", ""]):
        raise Fault("there is no hint")
    hint = page.locator(".jp-Cell.jp-mod-active details").first
    text = hint.locator("p").first
    if text.is_visible():
        raise Fault("a hint is open from the start")
    hint.locator("summary").click()
    if not text.is_visible():
        raise Fault("a hint does not open")


def answer_exercise(page: Page, call: str, source: str, mark: str) -> None:
    """Answer the exercise that is checked by a call; fail unless it says the mark."""
    page.evaluate(FIND_CELL, ["code", call, ""])
    said = page.evaluate(RUN_SOURCE, source)
    page.wait_for_timeout(500)
    if mark not in said:
        raise Fault(f"{call}…) says {said.strip()!r} to {source!r}, not {mark}")


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    """Return a notebook's code cells."""
    return [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]


def steps_of(path: Path) -> dict[str, Callable[[Page], None]]:
    """Return what is to be done with a notebook, by name and in order."""
    steps: dict[str, Callable[[Page], None]] = {"opening": expect_no_pop_up}
    if not path.name[0].isdigit():
        return steps | {"drawn": expect_all_drawn}
    steps |= {"end": run_all, "drawn": expect_all_drawn}
    if any("show_live(" in cell.source for cell in code_cells(path)):
        steps["live"] = expect_live_figure
    if any("control" in cell.metadata.get("tags", []) for cell in code_cells(path)):
        steps["control"] = move_control
    if exercises := answer_cells(path):
        name, number = next(iter(exercises)), re.search(r"\d+", path.name)[0]
        solutions = answer_cells(path.with_name(f"solutions-{number}.ipynb"))
        call, right = f"exercises.{name}.check(", solutions.get(name, "# no solution is there")
        wrong = f'{call}"a wrong answer")'
        steps["hint"] = open_hint
        steps["wrong"] = partial(answer_exercise, call=call, source=wrong, mark="✘")
        steps["right"] = partial(answer_exercise, call=call, source=right, mark="✔")
    return steps | {"closing": expect_no_pop_up, "saved": save}


def try_notebook(path: Path, lab: str, token: str, width: int, pictures: Path | None) -> str:
    """Open a notebook in a workspace of its own and take its steps; say what is wrong, or ""."""
    address = f"{lab}/workspaces/{secrets.token_hex(4)}/tree/{path.name}?token={token}"
    try:
        with notebook_page(address, width) as page:
            for name, step in steps_of(path).items():
                step(page)
                if pictures:
                    page.screenshot(path=pictures / f"{path.stem}-{name}.png")
            page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    except (Fault, PlaywrightError) as error:
        return str(error).splitlines()[0]
    return ""


def passes_after_use(folder: Path) -> bool:
    """Lay a learner's own notebook beside the saved ones, and return whether all tests pass."""
    own = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0", outputs=[])])
    nbformat.write(own, folder / "notebooks" / "Untitled.ipynb")
    shutil.copy(ROOT / ".pytest.ini", folder)
    python = ROOT / ".venv/bin/python"
    return subprocess.run([python, "-m", "pytest"], cwd=folder).returncode == 0


def main() -> int:
    """Test `make lab`, then the notebooks; return 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", nargs="*", help="names; all, if none is given")
    parser.add_argument("--pictures", type=Path, help="folder for screenshots")
    parser.add_argument("--width", type=int, default=1280, help="of the window, in pixels")
    parser.add_argument("--then-test", action="store_true", help="test what was saved")
    arguments = parser.parse_args()
    if pictures := arguments.pictures:
        pictures.mkdir(parents=True, exist_ok=True)
    token, failed = secrets.token_hex(16), 0
    with tempfile.TemporaryDirectory() as folder, make_lab(Path(folder), token) as handed:
        notebooks = Path(folder, "notebooks")
        names = [path.name for path in of_course(notebooks)]
        try:
            with notebook_page(handed, arguments.width) as page:
                page.wait_for_timeout(5000)  # JupyterLab asks about news when all else is there
                lab, opened = page.url.split("/tree/")
                expect_no_pop_up(page)
            if opened != names[0]:
                raise Fault(f"it opens {opened}")
        except (Fault, PlaywrightError) as error:
            sys.exit(f"test-lab: `make lab` is wrong: {str(error).splitlines()[0]}")
        print(f"  make lab: opens {opened}, no pop-up", flush=True)
        paths = [notebooks / name for name in arguments.notebooks or names]
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            settings = {"lab": lab, "token": token, "width": arguments.width, "pictures": pictures}
            said = pool.map(partial(try_notebook, **settings), paths)
            for path, fault in zip(paths, said, strict=True):
                print(f"  {path.name}: {fault or 'works'}", flush=True)
                failed += bool(fault)
        if arguments.then_test:
            failed += not passes_after_use(Path(folder))
    print(f"test-lab: {failed} failed" if failed else "test-lab: all passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
