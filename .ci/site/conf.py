"""How `make site` turns README and the notebooks, as they are stored, into web pages.

Sphinx and MyST-NB do the work; nothing is executed and nothing fetched. What only a page needs is
added to a notebook while it is read, so the notebooks stay free of it.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for pages.py, editions.py

project = html_title = "A first course in deep learning"
language = "en"
extensions = ["myst_nb", "pages"]
NOTEBOOKS = [f"notebooks/{name}.ipynb" for name in ("[0-9][0-9]-*", "deeper-*", "solutions-*")]
include_patterns = ["README.md", "data/README.md", ".github/*.md", ".ci/site/terms.md", *NOTEBOOKS]
exclude_patterns = [".git", ".venv", ".site", ".site-venv", ".frames", ".run"]  # not to be walked
exclude_patterns += ["data/*/**", "notebooks/*-Copy*.ipynb"]  # a learner's

nb_execution_mode = "off"
nb_merge_streams = True
nb_code_prompt_show = "Show what happens"  # the answer to a prediction
nb_code_prompt_hide = "Hide what happens"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 6
myst_heading_slug_func = "editions.anchor"

html_theme = "sphinx_book_theme"
html_theme_options = {
    "search_bar_text": "Search the course",
    "use_fullscreen_button": False,
    "show_navbar_depth": 1,  # what belongs to a lesson is folded away
    "navbar_persistent": [],  # the search has its place in the sidebar
    "footer_content_items": [],
}
html_context = {"default_mode": "auto"}  # light or dark as the reader's machine is
html_favicon = "icon.svg"
html_static_path = ["style.css", "play.js"]
html_css_files = ["style.css"]
html_js_files = [("play.js", {"defer": "defer"})]
html_sourcelink_suffix = ""  # the notebook to download keeps its name
html_use_index = False
html_show_copyright = False
html_math_renderer = "mathml"
