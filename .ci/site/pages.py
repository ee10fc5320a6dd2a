"""A Sphinx extension for notebooks: small additions, folded answers, formulas, links."""

import re
from pathlib import Path

import nbformat
import ziamath
from docutils import nodes
from fontTools import subset
from math_core import LatexError, LatexToMathML
from sphinx.project import Project
from sphinx.util import logging

PAGES = {"README.md": "index", ".github/CONTRIBUTING.md": "contributing"}  # the others keep theirs
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
```

```{toctree}
:hidden:
:caption: The project
contributing
data/README
```
"""
LAB = "[JupyterLab](../README.md#Start)"
CONTROL = f"""
```{{note}}
In {LAB} the cell below shows controls, and they move the figure; here it stands still.
```
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


def anchor(title):
    """Return the anchor that JupyterLab gives a heading, by which the notebooks link."""
    return title.replace(" ", "-")


def prepare(app, docname, source):
    """Add to a page's source what only the site needs."""
    if docname == app.config.root_doc:
        source[0] += FRONT
    if not docname.startswith("notebooks/"):
        return
    notebook = nbformat.reads(source[0], as_version=4)
    kind, number = re.fullmatch(r"notebooks/(\D*)-?(\d\d).*", docname).groups()
    cells = []
    for cell in notebook.cells:
        for name, file in cell.get("attachments", {}).items():  # MyST-NB knows none
            data = f"data:image/png;base64,{file['image/png']}"
            cell.source = cell.source.replace(f"attachment:{name}", data)
        if "control" in cell.metadata.get("tags", []):
            cells.append(nbformat.v4.new_markdown_cell(CONTROL))
            cell.outputs = [
                output for output in cell.outputs if "image/png" in output.get("data", ())
            ]
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


def arrange(app, doctree):
    """Keep a full stop with its formula; fold each solution, so that one is seen at a time."""
    for formula in list(doctree.findall(nodes.math)):
        after = formula.next_node(descend=False, siblings=True)
        if isinstance(after, nodes.Text) and (stop := re.match(r"[.,:;?!)]+", after)):
            formula["stop"] = stop[0]
            after.parent.replace(after, nodes.Text(after[stop.end() :]))
    if app.env.docname.startswith("notebooks/solutions"):
        for section in next(doctree.findall(nodes.section)).children:
            if isinstance(section, nodes.section):
                fold = "<details><summary>Show the solution</summary>"
                section.insert(1, nodes.raw("", fold, format="html"))
                section.append(nodes.raw("", "</details>", format="html"))


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
    """Write the part of the font for formulas that the course needs; leave out 1.5 MB of icons."""
    if error:
        return
    static = Path(app.outdir) / "_static"
    font = Path(ziamath.__file__).parent / "fonts/STIXTwoMath-Regular.ttf"
    options = ["--flavor=woff2", "--layout-features=*", "--name-IDs=*"]  # names: its licence
    target = f"--output-file={static / 'math.woff2'}"
    subset.main([str(font), f"--unicodes={FONT_CHARACTERS}", target, *options])
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
    app.connect("build-finished", finish)
