"""What `make test-lab` runs: every notebook in a real JupyterLab, in a headless Chromium.

First `make lab` has to open lesson 01. Then each notebook is opened and all its cells are run: no
cell may end in an error that its tag does not announce, each lesson has to redraw a figure while it
trains, its first exercise has to refuse a wrong answer and accept the solution, its hints have to
open, in the lab and on the static page that nbconvert makes, and lesson 03's slider has to move its
figure. Screenshots go into the folder given with --pictures. The notebooks of the checkout are not
touched: the lab works on a copy. Needs the package `playwright` and a Chromium, as Debian has it.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import nbconvert
from playwright.sync_api import Browser, Locator, Page, sync_playwright
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import TimeoutError as PlaywrightTimeout

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "notebooks"))
from course.exercises import authoring  # noqa: E402

LAB_OPTIONS = ["--no-browser", "--allow-root", "--LabApp.expose_app_in_browser=True"]
LIVE_FRAMES = 5  # so many different pictures make a curve that grows
SECONDS_A_NOTEBOOK = 300
SECONDS_OF_REST = 10  # a kernel that rests this long with cells left has stopped
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip

# What JupyterLab knows of the notebook in front: for each code cell its tags, whether it has run,
# and its outputs without the bulk of the pictures.
STATE = """() => {
  const panel = window.jupyterapp.shell.currentWidget;
  const kernel = panel.sessionContext.session?.kernel?.status;
  const cells = panel.content.model.sharedModel.toJSON().cells
    .filter(cell => cell.cell_type === 'code');
  return {kernel, cells: cells.map(cell => ({
    tags: cell.metadata.tags ?? [], count: cell.execution_count,
    errors: cell.outputs.filter(o => o.output_type === 'error').map(o => o.ename + ': ' + o.evalue),
    pictures: cell.outputs.filter(o => o.data && 'image/png' in o.data).length,
  }))};
}"""

# Counts the different pictures that each code cell shows from now on.
WATCH_FIGURES = """() => {
  window.frames_of = window.jupyterapp.shell.currentWidget.content.widgets
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
}"""

# Puts a source into the code cell that holds a call, runs the cell and returns what it prints.
ANSWER = """async ([call, source]) => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  const at = notebook.widgets.findIndex(cell => cell.model.type === 'code'
    && cell.model.sharedModel.source.includes(call));
  notebook.activeCellIndex = at;
  await notebook.scrollToItem(at, 'center');
  notebook.widgets[at].model.sharedModel.setSource(source);
  await window.jupyterapp.commands.execute('notebook:run-cell');
  const outputs = notebook.widgets[at].model.outputs.toJSON();
  return outputs.map(output => [output.text ?? output.evalue].flat().join('')).join('');
}"""

# Brings the first code cell that waits or runs into view, figure and all.
RUNNING_CELL = """async () => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  const at = notebook.widgets.findIndex(cell => cell.model.type === 'code'
    && cell.model.executionState === 'running');
  if (at >= 0) { await notebook.scrollToItem(at, 'start'); }
}"""

# Brings the first cell of a type that holds a text into view, and marks it (cells out of view may
# be absent from the page); false if there is none.
SHOW_CELL = """async ([type, text, mark]) => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  const at = notebook.widgets.findIndex(cell => cell.model.type === type
    && cell.model.sharedModel.source.includes(text));
  if (at < 0) { return false; }
  await notebook.scrollToItem(at, 'center');
  notebook.widgets[at].node.setAttribute(mark, '');
  return true;
}"""


def find_chromium() -> str:
    """Return the path of a Chromium or Chrome, or stop with a sentence."""
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        if path := shutil.which(name):
            return path
    sys.exit("test-lab: no Chromium found; install one (Debian: `apt install chromium`).")


def start_lab(folder: Path) -> tuple[subprocess.Popen, str, str]:
    """Start JupyterLab in `folder`; return its process, address and token."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    command = [sys.executable, "-m", "jupyter", "lab", *LAB_OPTIONS]
    command += [f"--port={port}", "--ip=localhost", f"--IdentityProvider.token={token}"]
    log = (folder / "lab.log").open("w")
    process = subprocess.Popen(command, cwd=folder / "notebooks", stdout=log, stderr=log)
    address = f"http://localhost:{port}"
    for _ in range(120):
        try:
            with urllib.request.urlopen(f"{address}/api/status?token={token}", timeout=5):
                return process, address, token
        except OSError:
            time.sleep(0.5)
    process.kill()
    sys.exit("test-lab: JupyterLab did not start within a minute.")


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


def front_door_fault(browser: Browser, folder: Path) -> str | None:
    """Open what `make lab` hands to the browser; return a sentence unless it is lesson 01."""
    handed, user_browser = folder / "handed-to-the-browser", folder / "browser"
    user_browser.write_text(f"#!/bin/sh\nprintf %s \"$1\" > '{handed}'\n", encoding="utf-8")
    user_browser.chmod(0o755)
    own = {"BROWSER": str(user_browser), "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces")}
    options = " ".join(option for option in LAB_OPTIONS if option != "--no-browser")
    with (folder / "make-lab.log").open("w") as log:
        lab = subprocess.Popen(
            ["make", "lab", f"LAB={options}"],
            cwd=ROOT,
            env=os.environ | own,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    page = browser.new_page()
    try:
        for _ in range(120):
            if handed.exists() and (address := handed.read_text(encoding="utf-8")):
                break
            time.sleep(0.5)
        else:
            return "it opened no browser within a minute"
        page.goto(address)
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        path = page.evaluate("window.jupyterapp.shell.currentWidget.context.path")
        return None if path.startswith("01-") else f"it opened {path}"
    except PlaywrightError as error:
        return f"no notebook came up: {error.message.splitlines()[0]}"
    finally:
        page.close()
        end_group(lab)


def open_notebook(page: Page, address: str, token: str, name: str) -> None:
    """Open a notebook in a fresh workspace, without JupyterLab's question about news."""
    page.goto(f"{address}/lab/workspaces/{secrets.token_hex(4)}/tree/{name}?token={token}")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.wait_for_function(f"() => ({STATE})().kernel === 'idle'", timeout=60_000)
    page.add_style_tag(content=".Toastify, .toast-container { display: none !important; }")
    page.evaluate("window.jupyterapp.shell.collapseLeft()")
    page.wait_for_timeout(1000)


def run_all(page: Page, live: Path | None) -> list[dict]:
    """Run all cells and wait until the last has run or the kernel rests; return the cells' state.

    The command's own promise is kept too early, at the first error that a tag announces. With
    `live`, keep pictures of the running cell, to see the curves grow.
    """
    page.evaluate(WATCH_FIGURES)
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
    deadline, pictures, resting = time.monotonic() + SECONDS_A_NOTEBOOK, 0, 0
    while resting < SECONDS_OF_REST:
        page.wait_for_timeout(1000)
        state = page.evaluate(STATE)
        resting = resting + 1 if state["kernel"] == "idle" else 0
        if resting and all(cell["count"] is not None for cell in state["cells"]):
            break
        if time.monotonic() > deadline:
            raise TimeoutError(f"still running after {SECONDS_A_NOTEBOOK} s")
        if live is not None and state["kernel"] == "busy":
            page.evaluate(RUNNING_CELL)
            page.screenshot(path=live.with_name(f"{live.name}-live{pictures:02}.png"))
            pictures += 1
    page.wait_for_timeout(1000)
    return page.evaluate(STATE)["cells"]


def faults(cells: list[dict]) -> list[str]:
    """Say what is wrong with the cells after a run."""
    said = []
    left = [number for number, cell in enumerate(cells, 1) if cell["count"] is None]
    if left:
        said.append(f"{len(left)} code cells were not run, the first is {left[0]}")
    for number, cell in enumerate(cells, 1):
        announced = "raises-exception" in cell["tags"]
        if cell["count"] is not None and bool(cell["errors"]) != announced:
            said.append(f"code cell {number}: {cell['errors'] or 'the announced error is missing'}")
    return said


def live_fault(page: Page) -> str | None:
    """Return a sentence unless some cell redrew its figure while it ran."""
    frames = max(page.evaluate("window.frames_of.map(seen => seen.size)"))
    return None if frames >= LIVE_FRAMES else f"no cell shows more than {frames} pictures"


def exercise_fault(page: Page, name: str, pictures: Path | None) -> str | None:
    """Answer the first exercise wrongly, then rightly; return a sentence if a check is mistaken."""
    lesson = name[:2]
    exercise, stub = next(iter(authoring.answer_cells(lesson).items()))
    solution = authoring.answer_cells(lesson, solutions=True)[exercise]
    for kind, source, verdict in (
        ("wrong", authoring.spoilt(stub), "✘ Not yet"),
        ("right", solution, "✔ Right"),
    ):
        said = page.evaluate(ANSWER, [f"exercises.{exercise}.check(", source])
        if pictures:
            page.wait_for_timeout(500)
            page.screenshot(path=f"{pictures}-exercise-{kind}.png")
        if not said.startswith(verdict):
            return f"the {kind} answer to {exercise} got: {said.strip() or 'nothing'}"
    return None


def hint_fault(hints: Locator) -> str | None:
    """Open the first of some hints; return a sentence unless its text was hidden and now shows."""
    hint = hints.first
    text = hint.locator("p").first
    if text.is_visible():
        return "a hint is open from the start"
    hint.locator("summary").click()
    return None if text.is_visible() else "a hint does not open"


def lab_hint_fault(page: Page) -> str | None:
    """Open a hint in JupyterLab; return a sentence if it does not work."""
    if not page.evaluate(SHOW_CELL, ["markdown", "<details>", "data-hints"]):
        return "there is no hint"
    return hint_fault(page.locator(".jp-Cell[data-hints] details"))


def static_hint_fault(browser: Browser, notebook: Path, pictures: Path | None) -> str | None:
    """Open a hint on the page that nbconvert makes; return a sentence if it does not work."""
    html, _ = nbconvert.HTMLExporter().from_filename(str(notebook))
    page_file = notebook.with_suffix(".html")
    page_file.write_text(html, encoding="utf-8")
    page = browser.new_page()
    page.goto(page_file.as_uri(), wait_until="domcontentloaded")
    fault = hint_fault(page.locator("details"))
    if pictures:
        page.screenshot(path=f"{pictures}-static.png")
    page.close()
    return f"{fault} on the static page" if fault else None


def slider_fault(page: Page) -> str | None:
    """Move the first slider; return a sentence if the figure in its cell stays the same."""
    if not page.evaluate(SHOW_CELL, ["code", "FloatSlider(", "data-slider"]):
        return "there is no slider"
    cell = page.locator(".jp-Cell[data-slider]")
    handle = cell.locator(".widget-slider .noUi-handle").first
    figure = cell.locator(".jp-RenderedImage img").first
    try:
        handle.wait_for(timeout=10_000)
        before = figure.get_attribute("src", timeout=10_000)
    except PlaywrightTimeout:  # playwright.sync_api.TimeoutError is not the built-in one
        return "the slider or its figure is not shown"
    handle.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(400)
    for _ in range(50):
        if figure.get_attribute("src") != before:
            return None
        page.wait_for_timeout(200)
    return "the slider moved and the figure did not"


def test_notebook(
    browser: Browser, lab: tuple[str, str], path: Path, pictures: Path | None, live: bool
) -> list[str]:
    """Run a notebook in the browser; return what is wrong, in words."""
    page = browser.new_page(viewport={"width": 1100, "height": 900}, device_scale_factor=1.5)
    try:
        open_notebook(page, *lab, path.name)
        if pictures:
            page.screenshot(path=f"{pictures}-first.png")
        said = faults(run_all(page, pictures if live else None))
        if pictures:
            page.screenshot(path=f"{pictures}-last.png")
        if "solutions" not in path.name:
            found = [
                live_fault(page),
                slider_fault(page) if path.name.startswith("03") else None,
                lab_hint_fault(page),
                exercise_fault(page, path.name, pictures),
                static_hint_fault(browser, path, pictures),
            ]
            said += [fault for fault in found if fault]
    except (TimeoutError, PlaywrightError) as error:
        said = [str(error).splitlines()[0]]
    finally:
        page.close()
    return said


def main() -> int:
    """Run the notebooks in the browser; return 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, help="folder for screenshots")
    parser.add_argument("--live", action="store_true", help="also screenshots while a cell runs")
    parser.add_argument("notebooks", nargs="*", help="names; all, and `make lab`, if none is given")
    arguments = parser.parse_args()
    names = arguments.notebooks or sorted(p.name for p in (ROOT / "notebooks").glob("[0-9]*.ipynb"))
    pictures: Path | None = arguments.pictures
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
    failed = 0
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        copy = Path(folder)
        shutil.copytree(ROOT / "notebooks", copy / "notebooks")
        os.symlink(ROOT / "data", copy / "data")
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        if not arguments.notebooks:
            fault = front_door_fault(browser, copy)
            print(f"  make lab: {fault or 'opens lesson 01'}", flush=True)
            failed += bool(fault)
        lab, *address = start_lab(copy)
        try:
            for name in names:
                stem = pictures / Path(name).stem if pictures else None
                path = copy / "notebooks" / name
                said = test_notebook(browser, tuple(address), path, stem, arguments.live)
                print(f"  {name}: {'; '.join(said) or 'works'}", flush=True)
                failed += bool(said)
            browser.close()
        finally:
            lab.terminate()
            lab.wait(timeout=30)
    print(f"test-lab: {failed} failed" if failed else "test-lab: all passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
