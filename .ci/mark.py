"""Mark the answers to a lesson's exercises: `make mark LESSON=01 HANDED_IN=folder`, for teachers.

A hand-in is the lesson's notebook, and its file's name says whose it is. What it printed is never
read. Of each answer the cell is run, and before it what it uses of the cells above: imports,
definitions and assignments. Then the exercise's own check judges it. All this in a process of its
own, with limits of time, memory and file size, an empty home, and no network where the system
allows that. An error elsewhere in the notebook does no harm.

This stops accidents and lazy forging, not an attacker who studies it: an answer runs as the user
who marks, and may read and write what that user may. So root is refused.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import csv
import ctypes
import json
import linecache
import multiprocessing
import os
import re
import signal
import symtable
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager
from tqdm import tqdm

try:
    import resource
except ImportError:  # on Windows time alone is limited
    resource = None

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "notebooks"))
from course import notebooks  # noqa: E402
from course.exercises import engine, guard, known_answers  # noqa: E402

IS_LINUX = sys.platform == "linux"
MORE_SECONDS = 20  # for what is not the check, which has a limit of its own
MEMORY, FILE_SIZE = 2 << 30, 10 << 20  # bytes: beyond what PyTorch has taken, and of each file
NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000  # Linux's numbers for `unshare`
CHECK = re.compile(r"^exercises\.(\w+)\.check\([^()]*\)", re.M)


@dataclass
class HandIn:
    """What a learner has handed in, and what came of it."""

    path: Path
    note: str = ""  # why it cannot be marked
    #: By exercise: the sign ✔, ✘ or –, the check's sentence, and perhaps more lines.
    verdicts: dict[str, list[str]] = field(default_factory=dict)
    seconds: float = 0.0


def answers_in(path: Path, stubs: dict[str, str]) -> dict[str, list[str]]:
    """Return by exercise the code cells of a hand-in from the first to the answer's.

    Where several cells call the check, the answer is in the last that is not as the lesson has it.
    What cannot be marked is a ValueError, whose message says why and what to do.
    """
    if path.suffix != ".ipynb":
        raise ValueError("is not a notebook; ask for the file that ends in .ipynb.")
    try:
        cells = json.loads(path.read_text(encoding="utf-8-sig"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror}); mend that and mark again.") from error
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ValueError("is damaged and does not open as a notebook; ask for it again.") from error
    text, found = "\n".join(sources), {}
    ours = {call[0] for stub in stubs.values() for call in CHECK.finditer(stub)}
    if ours.isdisjoint(call[0] for call in CHECK.finditer(text)):
        other = re.search(r"^from course.exercises import (\w+)", text, re.M)
        has = f"those of {other[1]}" if other else "none"
        raise ValueError(f"has not this lesson's exercises, but {has}; ask for the right notebook.")
    for name, stub in stubs.items():
        call = re.compile(rf"^exercises\.{name}\.check\(", re.M)
        places = [k for k, source in enumerate(sources) if call.search(source)]
        places = [k for k in places if sources[k] != stub] or places
        found[name] = sources[: places[-1] + 1] if places else []
    return found


def binds(node: ast.stmt) -> set[str]:
    """Return the names that an import, a definition or an assignment gives a value to."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        names = (part for part in ast.walk(node) if isinstance(part, ast.Name))
        return {name.id for name in names if isinstance(name.ctx, ast.Store)}
    return set()


def uses(node: ast.AST) -> set[str]:
    """Return the names that code takes from its notebook, also inside functions and classes."""
    tables = [symtable.symtable(ast.unparse(node), "cell", "exec")]
    for table in tables:  # it grows
        tables += table.get_children()
    symbols = [symbol for table in tables for symbol in table.get_symbols()]
    return {each.get_name() for each in symbols if each.is_global() and each.is_referenced()}


def statements(number: int, source: str) -> list[tuple[str, ast.stmt]]:
    """Return the statements of a cell, each with the cell's name; `%%time` and its like go."""
    cell = f"<code cell {number}>"
    source = TransformerManager().transform_cell(re.sub(r"^%%.*", "", source, flags=re.M))
    linecache.cache[cell] = (len(source), None, source.splitlines(True), cell)  # for the check
    return [(cell, node) for node in ast.parse(source, cell).body]


def verdict(record: engine.Exercise, sources: list[str]) -> list[str]:
    """Run the last of the cells, and of those above it what it needs; return the check's words."""
    judge, record = engine.Exercise.verdict, copy.copy(record)  # a cell may set others
    space, failure, above = {"__name__": "__main__"}, None, []
    for number, source in enumerate(sources[:-1], start=1):
        with contextlib.suppress(SyntaxError, ValueError, RecursionError):
            above += statements(number, source)
    call = f"exercises.{record.name}.check("
    try:
        cell = statements(len(sources), sources[-1]) if sources else []
        calls = [k for k, (_, node) in enumerate(cell) if ast.unparse(node).startswith(call)]
        if not calls:
            return ["○", "Not attempted: no cell calls its check."]
        end = calls[0]
        arguments = ast.Tuple(cell[end][1].value.args, ast.Load())
        chosen, wanted, bound = [], set(), set()
        for node in [*(node for _, node in cell[:end]), arguments]:
            wanted |= uses(node) - bound
            bound |= binds(node)
        while new := [each for each in above if each not in chosen and binds(each[1]) & wanted]:
            chosen += new
            wanted = wanted.union(*(uses(node) for _, node in new))
        with guard.TimeLimit(record.seconds):
            for place, node in [each for each in above if each in chosen] + cell[:end]:
                try:
                    exec(compile(ast.Module([node], []), place, "exec"), space)
                except (Exception, SystemExit, KeyboardInterrupt) as error:
                    failure = error if place == cell[0][0] else failure
            expression = ast.fix_missing_locations(ast.Expression(arguments))
            answers = eval(compile(expression, "the check", "eval"), space)
    except guard.TimeUp:
        return ["✘", f"Not yet: its cell is still running after {record.seconds:g} s."]
    except Exception as error:
        return ["✘", f"Not yet: its cell raises {engine._message(failure or error)}"]
    return judge(record, *answers)


def confine(seconds: float, home: str) -> bool:
    """Limit this process and give it an empty home; return whether it is cut off the network."""
    os.environ.update(dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP"), home))
    os.chdir(home)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    if resource is None:
        return False
    os.setsid()  # so that what it starts can be ended with it
    limits = {"CPU": int(seconds), "FSIZE": FILE_SIZE, "CORE": 0}
    if IS_LINUX:
        pages = int(Path("/proc/self/statm").read_text().split()[5])
        limits["DATA"] = pages * resource.getpagesize() + MEMORY
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
    user = os.getuid()
    if not IS_LINUX or ctypes.CDLL(None).unshare(NEW_USER | NEW_NETWORK):
        return False
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")  # the same user as before
    return True


def send_verdict(writer: Connection, module: str, name: str, sources: list[str], home: str) -> None:
    """Send as JSON whether there is no network, and the verdict; runs in a process of its own."""
    record = getattr(import_module(f"course.exercises.{module}"), name)
    is_offline = confine(record.seconds + MORE_SECONDS, home)
    writer.send_bytes(json.dumps([is_offline, *verdict(record, sources)]).encode())


def judged(hand_in: HandIn, record: engine.Exercise, sources: list[str]) -> bool:
    """Judge an answer in a process of its own; return whether this was cut off the network.

    On Linux it is a copy of one that has imported PyTorch; elsewhere that would not be safe.
    """
    context = multiprocessing.get_context("forkserver" if IS_LINUX else "spawn")
    start, (reader, writer) = time.monotonic(), context.Pipe(duplex=False)
    is_offline, *said = True, "✘", "Not yet: it was still running, and was stopped."
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        what = record.module, record.name, sources, home
        process = context.Process(target=send_verdict, args=(writer, *what), daemon=True)
        process.start()
        writer.close()
        try:  # JSON, as to unpickle would run what an answer has put there
            if reader.poll(6 * record.seconds + MORE_SECONDS):
                is_offline, *said = json.loads(reader.recv_bytes(100_000))
        except (EOFError, OSError, ValueError):
            said[1] = "Not yet: it ended its own process, or exceeded a limit."
        with contextlib.suppress(OSError, AttributeError):  # it has ended; Windows has no groups
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.join()
    hand_in.verdicts[record.name] = ["–" if said[0] == "○" else said[0], *said[1:]]
    hand_in.seconds += time.monotonic() - start
    return is_offline


def write(path: Path, lines: list[str], encoding: str = "utf-8") -> None:
    """Write a file whole or not at all."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_text("\n".join(lines) + "\n", encoding=encoding)
    os.replace(unfinished, path)


def write_marks(folder: Path, hand_ins: list[HandIn], names: list[str]) -> None:
    """Write a page for each learner into `marks/`, and last the table `marks.csv`."""
    (folder / "marks").mkdir(exist_ok=True)
    rows = [["who", "right", *names, "seconds", *(f"{name} says" for name in names), "note"]]
    for each in hand_ins:
        verdicts = [each.verdicts.get(name, ["", ""]) for name in names]
        signs, sentences = [lines[0] for lines in verdicts], [lines[1] for lines in verdicts]
        right = "" if each.note else signs.count("✔")
        who = re.sub("^(?=[=+@-])", "'", each.path.stem)  # a spreadsheet computes what begins so
        rows.append([who, right, *signs, f"{each.seconds:.1f}", *sentences, each.note])
        page = [f"# {each.path.stem}: {right} of {len(names)} right"]
        for name, (sign, *lines) in zip(names, verdicts, strict=True):
            page += ["", f"## {sign} {name}", "", *(f"    {line}" for line in lines if line)]
        if not each.note:
            write(folder / f"marks/{each.path.stem}.md", page)
    lines: list[str] = []
    csv.writer(type("Lines", (), {"write": lines.append}), lineterminator="").writerows(rows)
    write(folder / "marks.csv", lines, "utf-8-sig")  # Excel takes other files for another encoding


def stop(sentence: str) -> None:
    """End with one sentence for the teacher."""
    sys.exit(f"Marking: {sentence}")


def main(lesson: str = "", handed_in: str = "") -> None:
    """Mark the hand-ins in a folder, and say in sentences what came of it."""
    names = {path: re.match(r"(deeper-)?\d\d", path.name) for path in notebooks.of_course()}
    lessons = {name[0]: path for path, name in names.items() if name}
    folder = Path(handed_in).expanduser()
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        stop("the answers would run as root, so nothing was marked: do it as an ordinary user.")
    if lesson not in lessons:
        stop(f"there is no lesson {lesson!r}, nothing was marked: say which, as in LESSON=01.")
    if not handed_in or not folder.is_dir():
        stop(f"there is no folder {handed_in!r}, nothing was marked: name it, as in HANDED_IN=lab.")
    if not os.access(folder, os.W_OK):
        stop(f"{folder} cannot be written, nothing was marked: copy it to where you may write.")
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    files = [path for path in files if not path.name.startswith((".", "marks.csv"))]
    if not files:
        stop(f"{folder} holds no notebooks, nothing was marked: put them there, not in folders.")
    module = re.sub(r"^(?=\d)", "lesson", lesson).replace("-", "")
    records = engine.exercises_of(import_module(f"course.exercises.{module}").__name__)
    stubs, hand_ins = known_answers.answer_cells(lessons[lesson]), list(map(HandIn, files))
    answers: list[tuple] = []
    for hand_in in hand_ins:
        try:
            found = answers_in(hand_in.path, stubs)
            answers += [(hand_in, record, found[record.name]) for record in records]
        except ValueError as fault:
            hand_in.note = f"{hand_in.path.name} {fault}"
    start = time.monotonic()
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MPLBACKEND="agg")
    if IS_LINUX:
        needs_d2l = "from d2l import" in lessons[lesson].read_text(encoding="utf-8")
        dynamo = "torch._dynamo"  # what PyTorch would load at each answer's first optimizer
        multiprocessing.set_forkserver_preload(["torch", dynamo, *["d2l.torch"] * needs_d2l])
    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            every = pool.map(judged, *zip(*answers, strict=True)) if answers else []
            is_offline = all(list(tqdm(every, "Marking", len(answers), unit=" answers")))
        write_marks(folder, hand_ins, [record.name for record in records])
    except KeyboardInterrupt:
        stop("interrupted, nothing was written, the hand-ins are as they were: try again.")
    except OSError as error:
        stop(f"{error.filename} cannot be written ({error.strerror}); the hand-ins are intact.")
    for hand_in in hand_ins:
        if hand_in.note:
            print(f"Marking: {hand_in.note}")
    marked, took = sum(not each.note for each in hand_ins), time.monotonic() - start
    print(f"Marking: {marked} of {len(hand_ins)} hand-ins marked in {took:.0f} s; the table is in")
    print(f"{folder / 'marks.csv'}, and beside it, in marks, a page for each learner.")
    print("This stops accidents and lazy forging, not an attacker who studies it.")
    if not is_offline:
        print("Marking: the system lets nothing be cut off, so the answers could use the network.")


if __name__ == "__main__":
    main(*sys.argv[1:3])
