"""Damage the cells of lessons on purpose, one change at a time, to see whether the tests tell.

    .venv/bin/python .ci/mutate.py notebooks/01-linear-regression-from-scratch.ipynb

tries every change, in about ten minutes a lesson; `--sample 100` tries that many, drawn by chance.
Each cell is run in a fork of a process that has run all cells before it; the damaged cell and then
those after it run until one prints something else than the undamaged lesson (as nbval would see)
or raises. A change that reaches the end unseen has survived and is listed. Figures are not
compared, just as nbval does not, so statements that only draw are left alone; cells tagged
`nbval-ignore-output` must run, their text is free. Lesson 05 wants the real pictures (`make data`):
the drawn ones let other changes through.
Needs `os.fork` (Linux, macOS).
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import io
import itertools
import os
import pickle
import random
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["MPLBACKEND"] = "Agg"

import nbformat  # noqa: E402

SECONDS_A_MUTANT = 240
DROPPED = {"zero_grad", "zero_", "backward", "step", "append", "manual_seed", "fill_", "normal_"}
DROPPED |= {"uniform_", "constant_", "load_state_dict", "sgd", "train"}
SAME_IF_SWAPPED = {"print", "range", "zip", "equal", "allclose", "isclose", "max", "min"}
SAME_IF_SWAPPED |= {
    "squared_loss",
    "mse_loss",
    "loss",
    "MSELoss",
    "L1Loss",
    "HuberLoss",
    "forward",
}  # the lessons' are symmetric
DRAWS = re.compile(
    r"(ax|axes|fig|figure|left|right|top|bottom|animator|d2l\.(plt|Animator|show_images))\b"
)
NOISE = re.compile(r"<?Figure\([^)]*\)>?\n?|<Figure[^>]*>\n?| at 0x[0-9a-f]+")


class Cell:
    """A code cell: its source, and whether its text is compared."""

    def __init__(self, cell: nbformat.NotebookNode) -> None:
        self.source = cell.source
        self.compared = "nbval-ignore-output" not in cell.metadata.get("tags", [])


def printed(source: str, scope: dict) -> str:
    """Run a cell's source in `scope`; return what it prints, or the error that it ends in."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            tree = ast.parse(source)
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, "<cell>", "exec"), scope)
            if last is not None:
                value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), scope)
                if value is not None:
                    print(repr(value))
        except Exception as error:
            print(type(error).__name__, error)
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
    return NOISE.sub("", out.getvalue())


def variants(node: ast.AST) -> Iterator[ast.AST | None]:
    """Yield damaged forms of one node; None stands for a statement left out."""
    swaps = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
    swaps |= {ast.Gt: ast.Lt, ast.Lt: ast.Gt}
    new = copy.deepcopy(node)
    if isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in swaps:
        new.op = swaps[type(node.op)]()
        yield new
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            yield node.left
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node.operand
    elif isinstance(node, ast.keyword) and node.arg in ("dim", "axis"):
        if getattr(node.value, "value", None) in (0, 1):
            new.value = ast.Constant(1 - node.value.value)
            yield new
    elif isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
        value = node.value
        if isinstance(value, bool):
            yield ast.Constant(not value)
        else:
            yield ast.Constant(value / 2 if isinstance(value, float) else value // 2 or value + 1)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        function = node.value.func
        if getattr(function, "attr", getattr(function, "id", "")) in DROPPED:
            yield None
    elif isinstance(node, ast.With) and "no_grad" in ast.unparse(node.items[0]):
        yield ast.If(ast.Constant(True), node.body, [])
    elif isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        if name.endswith("randperm") or name in ("nn.ReLU", "nn.Tanh"):
            new.func = (
                ast.parse("torch.arange" if "randperm" in name else "nn.Identity").body[0].value
            )
            yield new
        elif len(node.args) >= 2 and name.split("(")[0].split(".")[-1] not in SAME_IF_SWAPPED:
            new.args[:2] = new.args[1::-1]
            yield new


def mutants(source: str) -> list[tuple[str, str]]:
    """Return (description, damaged source) for every change of a cell that is worth trying."""
    tree = ast.parse(source)
    found = []
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            for place, child in enumerate(value if isinstance(value, list) else [value]):
                if not isinstance(child, ast.AST) or isinstance(parent, ast.JoinedStr):
                    continue
                if is_tolerance(parent, child):
                    continue
                for variant in variants(child):
                    found.append(damaged(tree, parent, field, place, child, variant))
    lines, whole, draws = source.splitlines(), ast.unparse(tree), drawing_lines(tree)
    kept = [m for m in found if m[2] not in draws and m[1] != whole]
    return [(f"{lines[line - 1].strip()}   ->   {change}", new) for change, new, line in kept]


def is_tolerance(parent: ast.AST, child: ast.AST) -> bool:
    """Tell whether a constant says how near is near enough: a tighter one only claims more."""
    if isinstance(parent, ast.keyword):
        return parent.arg in ("rtol", "atol")
    if not isinstance(parent, ast.Compare) or not isinstance(child, ast.Constant):
        return False
    below = isinstance(parent.ops[0], (ast.Lt, ast.LtE))
    distance = below and ast.unparse(parent.left).startswith("abs(")
    return isinstance(child.value, float) and (distance or child.value <= 0.01)


def drawing_lines(tree: ast.AST) -> set[int]:
    """Return the lines of statements that do nothing but draw: what they do cannot be compared."""

    def draws(node: ast.AST) -> bool:
        if isinstance(node, ast.For):
            return all(map(draws, node.body))
        call = getattr(node, "value", None)
        return isinstance(call, ast.Call) and bool(DRAWS.match(ast.unparse(call.func)))

    drawing = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and draws(node)]
    return {line for node in drawing for line in range(node.lineno, node.end_lineno + 1)}


def damaged(tree, parent, field, place, child, variant) -> tuple[str, str, int]:
    """Put `variant` in the place of `child`; return (change, source, line) and put `child` back."""
    value = getattr(parent, field)
    new = ast.Pass() if variant is None else variant
    if isinstance(value, list):
        value[place] = new
    else:
        setattr(parent, field, new)
    source = ast.unparse(ast.fix_missing_locations(copy.deepcopy(tree)))
    if isinstance(value, list):
        value[place] = child
    else:
        setattr(parent, field, child)
    line = getattr(child, "lineno", getattr(parent, "lineno", 1))
    return "left out" if variant is None else ast.unparse(new).split("\n")[0], source, line


def in_a_fork(work, seconds: int = 0) -> object:
    """Return work() as run in a forked child; None if it died or took longer (0: no limit)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(seconds)
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(work(), pipe)
            pipe.flush()
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        content = pipe.read()
    os.waitpid(child, 0)
    return pickle.loads(content) if content else None


def survives(cells: list[Cell], expected: list[str], at: int, source: str, scope: dict) -> bool:
    """Tell whether cell `at`, damaged, and all after it print what the lesson prints."""
    for number in range(at, len(cells)):
        text = printed(source if number == at else cells[number].source, scope)
        if cells[number].compared and text != expected[number]:
            return False
        if not cells[number].compared and re.search(r"^\w*(Error|Exception)\b", text, re.M):
            return False
    return True


def teaching_cells(path: Path) -> list[Cell]:
    """Return a notebook's code cells up to its exercises: those are the learner's to change."""
    cells = nbformat.read(path, as_version=4).cells
    taught = itertools.takewhile(lambda cell: not cell.source.startswith("## Exercises"), cells)
    return [Cell(cell) for cell in taught if cell.cell_type == "code"]


def try_notebook(path: Path, sample: int | None, seed: int) -> tuple[int, list[str]]:
    """Return how many changes were tried, and the survivors as text."""
    cells = teaching_cells(path)
    scope: dict = {"__name__": "__main__"}
    everything = [(at, *m) for at, cell in enumerate(cells) for m in mutants(cell.source)]
    chosen = everything
    if sample and sample < len(everything):
        chosen = random.Random(seed).sample(everything, sample)
    expected, again = (
        in_a_fork(lambda: [printed(cell.source, scope) for cell in cells]) for _ in range(2)
    )
    for cell, once, twice in zip(cells, expected, again, strict=True):
        if cell.compared and once != twice:
            cell.compared = False
            print(f"    not compared, since it differs each time:\n{cell.source}")
    survivors = []
    for at, cell in enumerate(cells):
        for number, change, source in chosen:
            if number == at and in_a_fork(
                lambda s=source, i=at: survives(cells, expected, i, s, scope), SECONDS_A_MUTANT
            ):
                survivors.append(f"[{at + 1}] {change}")
                print("   ", survivors[-1], flush=True)
        printed(cell.source, scope)
    return len(chosen), survivors


def main() -> None:
    """Try the notebooks named on the command line and print what was caught."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("notebooks", nargs="+", type=Path)
    parser.add_argument("--sample", type=int, help="changes tried in each notebook (default: all)")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    arguments = parser.parse_args()
    folder = arguments.notebooks[0].resolve().parent
    paths = [path.resolve() for path in arguments.notebooks]
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    for path in paths:
        print(path.name, flush=True)
        tried, survivors = in_a_fork(
            lambda p=path: try_notebook(p, arguments.sample, arguments.seed)
        )
        print(f"  {tried - len(survivors)} of {tried} changes were caught", flush=True)


if __name__ == "__main__":
    main()
