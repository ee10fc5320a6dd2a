"""A Sphinx extension for notebooks: small additions, folded answers, formulas, links."""

import json
import re
import shutil
from html import escape
from pathlib import Path
from urllib.parse import quote

import editions
import frames
import nbformat
import terms
import ziamath
from docutils import nodes
from fontTools import subset
from math_core import LatexError, LatexToMathML
from sphinx.project import Project
from sphinx.util import logging

PAGES = {  # the others keep their names
    "README.md": "index",
    ".github/CHANGELOG.md": "editions",
    ".github/CONTRIBUTING.md": "contributing",
    ".github/TEACHING.md": "teaching",
    ".ci/site/terms.md": "terms",
}
# Latin, accents, Greek, and the signs, arrows and italics of formulas.
FONT_CHARACTERS = (
    "20-FF,2C6-2DC,302-304,391-3C9,2016-2064,20D7,210E,2113,2190-2193,21D2,2200-2265,22A4,22C5,22EF,"
    "1D434-1D467,1D6A4-1D71B"
)
WIDEST = 40  # characters of TeX that a phone shows in one line

FRONT = """

```{toctree}
:hidden:
:glob:
notebooks/[0-9]*
terms
```

```{toctree}
:hidden:
:caption: The project
teaching
editions
contributing
data/README
```
"""
COLAB_HERE = "<!-- links to Colab -->"  # in README, which knows no address
FILM = """
<figure class="film"><picture>
<source media="(prefers-reduced-motion: reduce)" srcset="_static/frames/{folder}/0.webp">
<img src="_static/frames/{folder}/film.webp" alt="{alt}" width="640" height="540"></picture>
<figcaption>A machine looks for the star, in three ways.
<a href="notebooks/{page}.html">Read lesson 01</a></figcaption>
</figure>

"""
LAB = "[JupyterLab](../README.md#Start)"
CONTROL = f"""
```{{note}}
In {LAB} the cell below shows controls, and they move the figure; here it stands still.
```
"""
PLAY = """
<div class="play" hidden data-frames="../_static/frames/{folder}" data-record="{record}">
<p>Recorded positions; <a href="../index.html#Start">JupyterLab</a> has all of them.</p>
</div>
<noscript><p>Here controls move the figure; they need JavaScript.</p></noscript>
"""
EXERCISES = f"""
```{{note}}
The checks run in {LAB}: there you change a cell and it tells you what is wrong. Here you see what
they say before you begin.
```
"""
BESIDE = """
## Beside this lesson

```{{toctree}}
:hidden:
{pages}
```

{links}

<details><summary>Solutions</summary>

Try each exercise first: [](solutions-{number}.ipynb)

</details>
"""


def colab_links():
    """Return a sentence with a link for each lesson to Colab; "" where the address is unknown."""
    lessons = sorted(path.name for path in editions.NOTEBOOKS.glob("[0-9][0-9]-*.ipynb"))
    pages = [f"[{name[:2]}]({editions.colab_page(name, editions.REPOSITORY)})" for name in lessons]
    return f"Open lesson {', '.join(pages)}." if editions.REPOSITORY else ""


def mark_terms(notebook):
    """Give each term in a notebook's text an anchor, `term-` and its name."""
    for name, number, match in reversed(terms.terms(notebook)):
        cell = notebook.cells[number]
        marked = f'<dfn id="term-{name.replace(" ", "-")}">{match[1]}</dfn>'
        cell.source = cell.source[: match.start()] + marked + cell.source[match.end() :]


def list_terms():
    """Return the list of all terms, as Markdown: each explanation, and a link to its place."""
    lines = []
    for path in [path for kind in editions.NAMES[:2] for path in editions.NOTEBOOKS.glob(kind)]:
        notebook = nbformat.read(path, as_version=4)
        title = notebook.cells[0].source.splitlines()[0].lstrip("# ")
        for name, number, match in terms.terms(notebook):
            text = terms.explanation(notebook.cells[number].source, match)
            text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)  # links within the notebook
            url = f"notebooks/{path.stem}.html#term-{name.replace(' ', '-')}"
            lines.append((name, path.name, f'- **{name}**: {text} <a href="{url}">{title}</a>'))
    return "\n".join(line for *_, line in sorted(lines))


def prepare(app, docname, source):
    """Add to a page's source what only the site needs."""
    if docname == app.config.root_doc:
        source[0] = source[0].replace(COLAB_HERE, colab_links()) + FRONT
        source[0] = source[0].replace("\n![", f"{film_of_first_lesson()}\n![", 1)
    if docname == "terms":
        source[0] += list_terms()
    if not docname.startswith("notebooks/"):
        return
    notebook = nbformat.reads(source[0], as_version=4)
    kind, number = re.fullmatch(r"notebooks/(\D*)-?(\d\d).*", docname).groups()
    name, cells = Path(docname).name, []
    recorded = frames.recorded(name, notebook)
    if not kind.startswith("solutions"):
        mark_terms(notebook)
    for cell in notebook.cells:
        editions.put_pictures_into_the_text(cell)  # MyST-NB knows no attachments
        if "control" in cell.metadata.get("tags", []):
            cell.outputs = [
                output for output in cell.outputs if "image/png" in output.get("data", ())
            ]
            if cell.id in recorded:
                record = escape(json.dumps(recorded[cell.id]))
                html = PLAY.format(folder=f"{name}/{cell.id}", record=record)
                output = nbformat.v4.new_output("display_data", {"text/html": html})
                cell.outputs.insert(0, output)
            else:
                cells.append(nbformat.v4.new_markdown_cell(CONTROL))
        if cell.metadata.get("jupyter", {}).get("outputs_hidden"):  # it answers a prediction
            cell.metadata.setdefault("tags", []).append("hide-output")
        image = {"alt": cell.metadata["alt"]} if "alt" in cell.metadata else {}
        for output in cell.get("outputs", []):
            if "image/png" in output.get("metadata", {}):  # half the pixels that the file has
                image["width"] = f"{output.metadata['image/png']['width']}px"
        if image:
            cell.metadata["mystnb"] = {"image": image}
        if cell.cell_type == "markdown" and not kind.startswith("solutions"):
            cell.source = re.sub(r"^## Exercises$", rf"\g<0>\n{EXERCISES}", cell.source, flags=re.M)
        cells.append(cell)
    if not kind:
        beside = [f"{kind}-{number}" for kind in ("deeper", "solutions")]
        pages = [page for page in beside if (Path(app.srcdir) / f"notebooks/{page}.ipynb").exists()]
        links = "".join(f"What goes further: []({page}.ipynb)" for page in pages[:-1])
        text = BESIDE.format(pages="\n".join(pages), links=links, number=number)
        cells.append(nbformat.v4.new_markdown_cell(text))
    notebook.cells = cells
    source[0] = nbformat.writes(notebook)


def film_of_first_lesson():
    """Return lesson 01's recorded walks for the front page, "" where there are none."""
    path = next(editions.NOTEBOOKS.glob("01-*.ipynb"))
    notebook = nbformat.read(path, as_version=4)
    recorded = frames.recorded(path.stem, notebook)
    walks = [cell for cell in notebook.cells if "film" in recorded.get(cell.id, ())]
    return "".join(
        FILM.format(
            page=path.stem, folder=f"{path.stem}/{cell.id}", alt=escape(cell.metadata["alt"])
        )
        for cell in walks
    )


def invite(section, notebook):
    """Add to a section two links that open an issue which says where the reader is."""
    title, edition = section.next_node(nodes.title).astext(), Path(editions.ARCHIVE).stem[:7]
    place = quote(f"{notebook}.ipynb, {title}, edition {edition}")
    url = f"https://github.com/{editions.REPOSITORY}/issues/new?template={{}}.yml&amp;place={place}"
    links = [("stuck", "I got stuck here"), ("mistake", "There is a mistake here")]
    text = " · ".join(f'<a href="{url.format(form)}">{words}</a>' for form, words in links)
    section.append(nodes.raw("", f'<p class="tell-us">{text}</p>', format="html"))


def arrange(app, doctree):
    """Keep a full stop with its formula, fold each solution, and end a section with its links."""
    for formula in list(doctree.findall(nodes.math)):
        after = formula.next_node(descend=False, siblings=True)
        if isinstance(after, nodes.Text) and (stop := re.match(r"[.,:;?!)]+", after)):
            formula["stop"] = stop[0]
            after.parent.replace(after, nodes.Text(after[stop.end() :]))
    folder, _, name = app.env.docname.rpartition("/")
    for section in next(doctree.findall(nodes.section)).children:
        if folder == "notebooks" and isinstance(section, nodes.section):
            if name.startswith("solutions"):
                fold = "<details><summary>Show the solution</summary>"
                section.insert(1, nodes.raw("", fold, format="html"))
                section.append(nodes.raw("", "</details>", format="html"))
            if editions.REPOSITORY:
                invite(section, name)


def lead_to_next_lesson(app, pagename, templatename, context, doctree):
    """Let "previous" and "next" of a lesson lead to lessons, past what belongs to them."""
    lessons = [name for name in sorted(app.env.found_docs) if re.match(r"notebooks/\d", name)]
    row = [app.config.root_doc, *lessons, None]
    if pagename in lessons:
        at = row.index(pagename)
        for key, name in ("prev", row[at - 1]), ("next", row[at + 1]):
            link = name and {
                "link": context["pathto"](name),
                "title": app.env.titles[name].astext(),
            }
            context[key] = link


def name_folds(app, pagename, templatename, context, doctree):
    """Name what opens a lesson's further pages in the sidebar, for those who hear it."""
    sidebar = context["generate_toctree_html"]
    label = '<summary aria-label="Further pages">'
    context["generate_toctree_html"] = lambda *args, **options: str(
        sidebar(*args, **options)
    ).replace("<summary>", label)


def add_colab_button(app, pagename, templatename, context, doctree):
    """Put "Open in Colab" beside the theme's buttons, where the course's address is known."""
    if editions.REPOSITORY and pagename.startswith("notebooks/"):
        url = editions.colab_page(f"{Path(pagename).name}.ipynb", editions.REPOSITORY)
        button = {"type": "link", "text": "Open in Colab", "url": url}
        button["classes"] = "text-nowrap fs-6 align-self-center"
        context["header_buttons"].insert(0, button)


def visit_math(translator, node):
    """Write a formula as MathML."""
    tex, block = node.astext(), isinstance(node, nodes.math_block)
    try:
        formula = LatexToMathML(fancy_error=False).convert_with_local_state(tex, displaystyle=block)
    except LatexError as error:
        logging.getLogger(__name__).warning("formula: %s", error, location=node)
        raise nodes.SkipNode from error
    stop = node.get("stop", "")
    if block or len(tex) > WIDEST:  # it can be scrolled, by keyboard too
        tag = "div" if block else "span"
        formula = f'<{tag} class="formula" tabindex="0">{formula}</{tag}>{stop}'
    elif stop:
        formula = f'<span class="text-nowrap">{formula}{stop}</span>'
    translator.body.append(formula)
    raise nodes.SkipNode


def path2page(project, path, path2doc=Project.path2doc):
    """Return a file's page, in the place of Sphinx's own method: README's is `index`."""
    return PAGES.get((project.srcdir / path).relative_to(project.srcdir).as_posix()) or path2doc(
        project, path
    )


def keep_outputs_apart(app):
    """Let MyST-NB unpack pictures where they are neither published nor committed."""
    app.env.mystnb_config.output_folder = str(Path(app.doctreedir) / "outputs")


def finish(app, error):
    """Write the editions to download and the part of the font for formulas; leave out icons."""
    if error:
        return
    if editions.ARCHIVE:
        editions.write(Path(app.outdir) / "_sources/notebooks", editions.ARCHIVE)
    static = Path(app.outdir) / "_static"
    font = Path(ziamath.__file__).parent / "fonts/STIXTwoMath-Regular.ttf"
    options = ["--flavor=woff2", "--layout-features=*", "--name-IDs=*"]  # names: its licence
    target = f"--output-file={static / 'math.woff2'}"
    subset.main([str(font), f"--unicodes={FONT_CHARACTERS}", target, *options])
    if frames.FRAMES.exists():
        no_pictures = shutil.ignore_patterns("*.json", "notebook")
        shutil.copytree(frames.FRAMES, static / "frames", ignore=no_pictures)
    # the theme brings each icon twice, as a script and in a font of a tenth of the size
    (static / "scripts/fontawesome.js").write_text("", encoding="utf-8")


def setup(app):
    """Register the hooks."""
    Project.path2doc = path2page
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math, None))
    app.connect("builder-inited", keep_outputs_apart, priority=900)  # after MyST-NB
    app.connect("source-read", prepare)
    app.connect("doctree-read", arrange)
    app.connect("html-page-context", lead_to_next_lesson)
    app.connect("html-page-context", name_folds, priority=900)  # after the theme
    app.connect("html-page-context", add_colab_button, priority=900)
    app.connect("build-finished", finish)
