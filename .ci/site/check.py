"""Look at every page of the site in a headless Chromium (`make test-site`).

Each page, in the light and the dark theme, on a phone and on a desk: it may not scroll sideways,
report an error, ask another host for anything or weigh more than 2 MB; axe-core may find nothing
serious; each link has to lead to a page, a file or a heading of the site. The search has to find.
A slider, moved by a finger on the phone and by a key on the desk, loads its pictures then and not
before, 1 MB at most, and changes the figure.
A notebook's page has its button and its edition where the course's address is known, else neither.
"""

import shutil
import sys
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urldefrag

import editions
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

SITE = Path(__file__).resolve().parents[2] / ".site"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ["--disable-gpu", "--disable-quic", "--disable-sync", "--disable-background-networking"]
PHONE, DESK = 390, 1280
SEARCH = "search.html?q=softmax"
MOST_BYTES, MOST_BYTES_TO_PLAY = 2e6, 1e6
OPEN_FOLDS = """document.querySelectorAll('details').forEach(fold => { fold.open = true })
    document.getAnimations().forEach(fade => fade.finish())"""
OVERHANG = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
BYTES = "performance.getEntries().reduce((sum, entry) => sum + (entry.encodedBodySize ?? 0), 0)"
LINKS = "[...document.querySelectorAll('a[href]')].map(a => a.href)"
IDS = "[...document.querySelectorAll('[id]')].map(element => element.id)"
FRAMES = "performance.getEntries().filter(entry => entry.name.includes('/frames/')).length"
DECODED = "figure => figure.decode().then(() => figure.src, () => 'no picture')"


class Handler(SimpleHTTPRequestHandler):
    """Serves the site without a word."""

    def log_message(self, *_):
        """Say nothing."""


def look_at(page, url, note):
    """Open a page and note what is wrong; return its weight, its links and its anchors."""
    page.goto(url, wait_until="networkidle")
    page.evaluate(OPEN_FOLDS)
    if overhang := max(0, page.evaluate(OVERHANG)):
        note(f"scrolls sideways, by {overhang} pixels")
    if (size := page.evaluate(BYTES)) > MOST_BYTES:
        note(f"weighs {size / 1e6:.1f} MB, more than 2")
    # colours are slow to check, and the same on a phone
    contrast = {"color-contrast": {"enabled": page.viewport_size["width"] == DESK}}
    options = {"resultTypes": ["violations"], "preload": False, "rules": contrast}
    axe = Axe().run(page, options=options)
    for violation in axe.response["violations"]:
        if violation["impact"] in ("serious", "critical"):
            places = violation["nodes"]
            note(f"axe: {violation['help']}, {len(places)} times, as {places[0]['html'][:150]}")
    return size, page.evaluate(LINKS), page.evaluate(IDS)


def play(page, note):
    """Move each slider of a page and note what is wrong; return how long each answer took."""
    seconds, boxes = [], page.locator(".play").all()
    if boxes and page.evaluate(FRAMES):
        note("loads pictures of controls that nobody has touched")
    for box in boxes:
        files = [*(SITE / "notebooks" / box.get_attribute("data-frames")).iterdir()]
        if (size := sum(file.stat().st_size for file in files)) > MOST_BYTES_TO_PLAY:
            note(f"a control has pictures of {size / 1e6:.1f} MB, more than 1")
        figure = box.locator("xpath=ancestor::*[contains(@class, 'cell_output')]//img")
        box.locator("input").first.focus()
        page.wait_for_timeout(500)  # its pictures come
        for slider in box.locator("input").all():
            shown, is_at_start = figure.evaluate(DECODED), slider.input_value() == "0"
            area, start = slider.bounding_box(), time.perf_counter()
            if page.viewport_size["width"] == PHONE:
                x = area["width"] - 2 if is_at_start else 2
                slider.tap(position={"x": x, "y": area["height"] / 2})
            else:
                slider.press("ArrowRight" if is_at_start else "ArrowLeft")
            if figure.evaluate(DECODED) in (shown, "no picture"):
                note(f"the slider {slider.get_attribute('id')} does not change the figure")
            seconds.append(time.perf_counter() - start)
    return seconds


def find_dead_links(links, ids, host):
    """Yield each link within the site that leads to no file, or to no heading of its page."""
    for path, targets in links.items():
        for target in {target for target in targets if target.startswith(host)}:
            file, anchor = urldefrag(unquote(target.removeprefix(host)))
            file = file.split("?")[0] or "index.html"
            if not (SITE / file).is_file() or anchor and anchor not in ids.get(file, ()):
                yield f"{path}: a link leads nowhere: {file}#{anchor}"


def find_wrong_editions(links):
    """Yield each notebook's page whose button leads elsewhere than to Colab's edition of it.

    And each whose file to download is not what it should be.
    """
    for path in [path for path in links if path.startswith("notebooks/")]:
        name = f"{Path(path).stem}.ipynb"
        buttons = {link for link in links[path] if link.startswith(editions.COLAB)}
        right = {editions.colab_page(name, editions.REPOSITORY)} if editions.REPOSITORY else set()
        if buttons != right:
            yield f"{path}: buttons lead to {sorted(buttons)}, not to {sorted(right)}"
        text = (SITE / "_sources/notebooks" / name).read_text(encoding="utf-8")
        if ("fetch_course(" in text) != bool(editions.ARCHIVE):
            yield f"{path}: the file to download is not the edition that it should be"


def main():
    """Look at all pages; end with what is wrong, one line each."""
    paths = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
    paths = [path for path in paths if not path.startswith("_static/")]  # the theme's parts
    executable = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if not paths:
        sys.exit("Site: there are no pages in .site; `make site` builds them.")
    if not executable:
        sys.exit("Site: the check needs a Chromium (Debian, Ubuntu: sudo apt install chromium).")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"http://127.0.0.1:{server.server_port}/"
    wrong, sizes, links, ids = {}, {}, {}, {}  # wrong: where each fault was seen
    answers = []  # seconds from moving a slider to the figure
    path = seen_in = ""

    def note(fault):
        wrong.setdefault(f"{path}: {fault}", []).append(seen_in)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, chromium_sandbox=False, args=FLAGS
        )
        for theme in ("light", "dark"):
            for width in (PHONE, DESK):
                seen_in = f"{theme}, {width} pixels"
                for path in [*paths, SEARCH]:  # each with an empty cache
                    page = browser.new_page(
                        color_scheme=theme,
                        viewport={"width": width, "height": 900},
                        has_touch=width == PHONE,
                    )
                    page.on("pageerror", lambda error: note(f"error: {error}"))
                    page.on("console", lambda m: m.type == "error" and note(f"error: {m.text}"))
                    page.on("request", lambda r: r.url.startswith((host, "data:")) or note(r.url))
                    sizes[path], links[path], ids[path] = look_at(page, host + path, note)
                    answers += play(page, note)
                    if path == SEARCH and not page.locator("#search-results li").count():
                        note("finds nothing")
                    page.close()
        browser.close()
    for fault in [*find_dead_links(links, ids, host), *find_wrong_editions(links)]:
        wrong[fault] = []
    for fault, where in wrong.items():
        print(fault, f"[{'; '.join(where)}]" if where else "")
    heaviest = max(sizes, key=sizes.get)
    print(
        f"Site: {len(paths)} pages, {sum(map(len, links.values()))} links, {len(wrong)} faults; "
        f"the heaviest page, {heaviest}, has {sizes[heaviest] / 1e6:.2f} MB."
    )
    if answers:
        print(f"Controls: moved {len(answers)} times; the slowest took {max(answers):.2f} s.")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
