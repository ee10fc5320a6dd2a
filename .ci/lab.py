"""What `make test-lab` runs: every notebook in a real JupyterLab, in a headless Chromium.

Opens each notebook, runs all its cells, and fails where a cell ends in an error that its tag does
not announce, where a figure is missing, or where lesson 03's slider does not change its figure.
Screenshots go into the folder given with --pictures. The notebooks of the checkout are not touched:
the lab works on a copy. Needs the package `playwright` and a Chromium (Debian: `chromium`).
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

ROOT = Path(__file__).resolve().parent.parent
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

# Brings the first code cell that waits or runs into view, figure and all.
RUNNING_CELL = """async () => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  const at = notebook.widgets.findIndex(cell => cell.model.type === 'code'
    && cell.model.executionState === 'running');
  if (at >= 0) { await notebook.scrollToItem(at, 'start'); }
}"""

# Finds the cell by its source (cells out of view may be absent from the page), and marks it.
SLIDER_CELL = """async () => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  const at = notebook.widgets.findIndex(cell => cell.model.type === 'code'
    && cell.model.sharedModel.source.includes('FloatSlider('));
  if (at < 0) { return false; }
  await notebook.scrollToItem(at, 'center');
  notebook.widgets[at].node.setAttribute('data-slider', '');
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
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"]
    command += [f"--port={port}", "--ip=localhost", f"--IdentityProvider.token={token}"]
    command += ["--LabApp.expose_app_in_browser=True"]
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


def faults(cells: list[dict], wants_figures: bool) -> list[str]:
    """Say what is wrong with the cells after a run."""
    said = []
    left = [number for number, cell in enumerate(cells, 1) if cell["count"] is None]
    if left:
        said.append(f"{len(left)} code cells were not run, the first is {left[0]}")
    for number, cell in enumerate(cells, 1):
        announced = "raises-exception" in cell["tags"]
        if cell["count"] is not None and bool(cell["errors"]) != announced:
            said.append(f"code cell {number}: {cell['errors'] or 'the announced error is missing'}")
    if wants_figures and not any(cell["pictures"] for cell in cells):
        said.append("there is no figure at all")
    return said


def slider_fault(page: Page) -> str | None:
    """Move the first slider; return a sentence if the figure in its cell stays the same."""
    if not page.evaluate(SLIDER_CELL):
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


def main() -> int:
    """Run the notebooks in the browser; return 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, help="folder for screenshots")
    parser.add_argument("--live", action="store_true", help="also screenshots while a cell runs")
    parser.add_argument("notebooks", nargs="*", help="names; all notebooks if none is given")
    arguments = parser.parse_args()
    names = arguments.notebooks or sorted(p.name for p in (ROOT / "notebooks").glob("[0-9]*.ipynb"))
    if arguments.pictures:
        arguments.pictures.mkdir(parents=True, exist_ok=True)
    failed = passed = 0
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        copy = Path(folder)
        shutil.copytree(ROOT / "notebooks", copy / "notebooks")
        os.symlink(ROOT / "data", copy / "data")
        lab, address, token = start_lab(copy)
        try:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
            for name in names:
                page = browser.new_page(
                    viewport={"width": 1100, "height": 900}, device_scale_factor=1.5
                )
                open_notebook(page, address, token, name)
                stem = arguments.pictures / name[:2] if arguments.pictures else None
                if stem:
                    page.screenshot(path=f"{stem}-first.png")
                try:
                    cells = run_all(page, stem if arguments.live else None)
                    is_lesson = "solutions" not in name
                    said = faults(cells, wants_figures=is_lesson)
                    if is_lesson and name.startswith("03"):
                        said += [fault] if (fault := slider_fault(page)) else []
                except TimeoutError as error:
                    said = [str(error)]
                if stem:
                    page.screenshot(path=f"{stem}-last.png")
                page.close()
                print(
                    f"  {name}: {'; '.join(said) if said else 'runs without an error'}", flush=True
                )
                failed, passed = failed + bool(said), passed + (not said)
            browser.close()
        finally:
            lab.terminate()
            lab.wait(timeout=30)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
