"""Fetch the course's corrections and keep what the learner has written (`make update`).

The merge is nbgitpuller's, line by line; where both have changed the same lines the learner's stay.
Each notebook is looked at afterwards: a cell that both have changed becomes the learner's whole
again, and so does a notebook that would no longer open.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "nbgitpuller>=1.3,<2"


def stop(sentence: str) -> None:
    """End with one sentence for the user."""
    sys.exit(f"Update: {sentence}")


def git(*arguments: str) -> str:
    """Return what a git command prints; raise CalledProcessError if it fails."""
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout


def puller_class() -> type:
    """Return nbgitpuller's class that fetches and merges; install the package if need be."""
    with contextlib.suppress(ImportError):
        return importlib.import_module("nbgitpuller.pull").GitPuller
    print("Update: installing nbgitpuller, which merges ...", flush=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--retries=1", PACKAGE]
    if subprocess.run(command).returncode:
        stop(
            "nbgitpuller could not be installed (see above), nothing was changed: try when online."
        )
    importlib.invalidate_caches()
    return importlib.import_module("nbgitpuller.pull").GitPuller


def cells(text: str) -> dict[str, str]:
    """Return the text of a notebook's cells by their ids; raise ValueError if it does not open."""
    try:
        nbformat.validate(notebook := json.loads(text))
        numbered = enumerate(notebook["cells"])  # Colab saves no ids
        return {cell.get("id", str(k)): "".join(cell["source"]) for k, cell in numbered}
    except Exception as error:
        raise ValueError(str(error)) from error


def settle(path: Path, mine: str, base: str, theirs: str) -> str:
    """Let a merged notebook hold each side's changes, the learner's first; return what was done."""
    ours, old, new = cells(mine), cells(base), cells(theirs)
    corrected = {key for key in new if new[key] != old.get(key)}
    both = {key for key in corrected if ours.get(key, new[key]) not in (old.get(key), new[key])}
    try:
        cells(text := path.read_text(encoding="utf-8"))
    except ValueError:
        path.write_text(mine, encoding="utf-8", newline="\n")
        return "left as it was, since it would no longer have opened with the corrections."
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        if (key := cell.get("id")) in both and "".join(cell["source"]) != ours[key]:
            cell["source"] = ours[key].splitlines(True)
    if json.loads(text) != notebook:
        text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
        path.write_text(text, encoding="utf-8", newline="\n")
    taken = sum(cells(text).get(key) == new[key] for key in corrected)
    kept = f"; {len(both)} that you had changed, too, left as you have them" if both else ""
    number = f"{taken} of {len(corrected)} corrected cells taken over"
    return f"{number if corrected else 'only what its cells print has changed'}{kept}."


def main() -> None:
    """Fetch, merge, and say in words what was done."""
    if not shutil.which("git"):
        stop("git is not there, nothing was changed: install it and try again.")
    if not (ROOT / ".git").is_dir():
        stop(
            "this folder is no clone, but a copy as from a .zip; nothing was changed: get the new "
            "edition into another folder, and keep this one for what you have written."
        )
    try:
        branch = git("symbolic-ref", "--short", "HEAD").strip()
        url, upstream = git("remote", "get-url", "origin").strip(), f"origin/{branch}"
        base = git("merge-base", "HEAD", upstream).strip()
    except subprocess.CalledProcessError as error:
        stop(
            "this clone follows no branch of its origin, as where an edition was checked out; "
            "nothing was changed: `git switch main`, try again."
            f"\n(The reason: {error.stderr.strip()})"
        )
    paths = [ROOT / name for name in git("ls-files", "-z", "*.ipynb").split("\0") if name]
    before = {}
    for path in filter(Path.exists, paths):
        try:
            cells(text := path.read_text(encoding="utf-8"))
            before[path] = text
        except ValueError:
            stop(
                f"{path.name} does not open as a notebook, nothing was changed: move it to another "
                "folder, and the update brings a fresh one."
            )
    puller, said = puller_class(), []
    try:
        for line in puller(url, str(ROOT), branch=branch).pull():
            said.append(line.strip())
    except Exception as error:  # nbgitpuller's own, and those of git
        is_gits = isinstance(error, subprocess.CalledProcessError)
        words = getattr(error, "stderr", None) or ("\n".join(said) if is_gits else repr(error))
        reason = f"\n(The reason: {words.strip().splitlines()[-1]})"
        if not any(" merge " in line for line in said):
            stop(f"the corrections could not be fetched, all is intact: try when online.{reason}")
        with contextlib.suppress(subprocess.CalledProcessError):
            git("merge", "--abort")
        stop(f"the merge failed, and all is as it was: ask who gave you the course.{reason}")
    changed = [
        name for name in git("diff", "--name-only", "-z", base, upstream).split("\0") if name
    ]
    for name in (name for name in changed if name.endswith(".ipynb")):
        try:
            old, new = git("show", f"{base}:{name}"), git("show", f"{upstream}:{name}")
            print(f"Update: {name}:", settle(ROOT / name, before[ROOT / name], old, new))
        except (subprocess.CalledProcessError, KeyError):  # a side has or had no such file
            print(f"Update: {name}:", "new." if (ROOT / name).exists() else "gone.")
    print("Update:", "your answers are kept." if changed else "there is nothing new.", end="")
    print(" Reload notebooks that are open (File, Reload Notebook from Disk)." if changed else "")


if __name__ == "__main__":
    main()
