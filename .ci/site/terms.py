"""Finds the terms that a notebook explains: one to three words in *italics* at their first place.

A word that is only stressed is known by having appeared before; where it has not, it is written
`_so_`. The opening, headings, tables, links, code and formulas are not text.
"""

import re

NO_TEXT = re.compile(
    r"```.*?```|\$\$.*?\$\$|\$[^$]*\$|`[^`]*`|<[^>]*>|\[[^]]*\]\([^)]*\)|^(?:[#|]| {4}).*?$",
    re.S | re.M,
)
ITALICS = re.compile(r"(?<![*\w])\*([A-Za-z][a-z-]*(?:\s[a-z-]+){0,2})\*(?![*\w])")
SENTENCE_END = re.compile(r"[.?!][)\"*_]*(?=\s|$)|\n\s*\n|\n[-*] |\Z")
LEANS_BACK = re.compile(r" *\(?(This|Such|It|They|\w+ such)\b")  # on the sentence before


def italics(notebook):
    """Yield for each such words: singular, number of the cell, match, whether they come first."""
    before = ""
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown" and number:
            text = NO_TEXT.sub(lambda match: " " * len(match[0]), cell.source)
            for match in ITALICS.finditer(text):
                name = re.sub(r"(?<=ch)es$|(?<![aisu])s$", "", " ".join(match[1].lower().split()))
                words = rf"\b{re.escape(name)}(e?s)?\b".replace(r"\ ", r"\s+")
                is_first = not re.search(words, before + text[: match.start()], re.I)
                yield name, number, match, is_first
            before += text + "\n"


def terms(notebook):
    """Return the terms of a notebook: singular, number of the cell, match."""
    return [found for *found, is_first in italics(notebook) if is_first]


def explanation(source, match):
    """Return the sentence that explains a term, in one line, with one that it leans on."""
    ends = [0, *(end.end() for end in SENTENCE_END.finditer(source))]
    last = next(number for number, end in enumerate(ends) if end >= match.end())
    first = last - bool(LEANS_BACK.match(source, ends[last - 1]))
    last += bool(LEANS_BACK.match(source, ends[last]))
    text = source[ends[max(0, first - 1)] : ends[last]]
    return re.sub(":$", ".", " ".join(text.split()))
