"""Updates: corrections come into a clone that a learner has worked in; the origin is a folder."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / ".ci"))
import update  # noqa: E402

NAME = "notebooks/01-first.ipynb"
CELLS = {f"cell-{k}": f"x{k} = {k}\ny{k} = 0\nz{k} = 0\nu{k} = 0\nv{k} = 0" for k in range(6)}


def git(folder, *arguments):
    return subprocess.run(
        ["git", "-C", folder, *arguments], check=True, capture_output=True, encoding="utf-8"
    ).stdout


def write(folder, sources, ran=None, name=NAME):
    """Write a notebook as JupyterLab does; `ran` is what each cell has printed."""
    outputs = [{"name": "stdout", "output_type": "stream", "text": [ran]}] if ran else []
    new = {"cell_type": "code", "execution_count": 1 if ran else None}
    more = {"metadata": {"scrolled": True} if ran else {}, "outputs": outputs}
    cells = [
        {**new, "id": key, **more, "source": source.splitlines(True)}
        for key, source in sources.items()
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (folder / name).parent.mkdir(exist_ok=True)
    text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    (folder / name).write_text(text, encoding="utf-8", newline="\n")


def read(folder, name=NAME):
    return update.cells((folder / name).read_text(encoding="utf-8"))


def publish(teacher):
    git(teacher, "add", "--all")
    git(teacher, "commit", "--message", "A correction.")
    git(teacher, "push", "origin", "main")


@pytest.fixture
def course(tmp_path, monkeypatch):
    """Return a teacher's clone and a learner's, who has run all cells and saved them."""
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "A teacher")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "teacher@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    teacher, learner, origin = (tmp_path / name for name in ("teacher", "Kurs für alle", "origin"))
    git(tmp_path, "init", "--bare", "--initial-branch", "main", origin)
    git(tmp_path, "init", "--initial-branch", "main", teacher)
    git(teacher, "remote", "add", "origin", origin)
    write(teacher, CELLS)
    publish(teacher)
    git(tmp_path, "clone", origin, learner)
    write(learner, CELLS, ran="3.14")
    monkeypatch.setattr(update, "ROOT", learner)
    return teacher, learner


@pytest.fixture
def merging():
    """Leave a test out where nbgitpuller is not installed; `.ci/run` installs it."""
    pytest.importorskip("nbgitpuller", reason="`make update` installs nbgitpuller")


def refusal():
    with pytest.raises(SystemExit) as stopped:
        update.main()
    return str(stopped.value.code)


@pytest.mark.usefixtures("merging")
class TestMerge:
    def test_corrections_come_and_answers_stay(self, course, capsys):
        teacher, learner = course
        answer = {"cell-1": "my answer", "mine": "a cell of my own"}
        write(learner, CELLS | answer, ran="3.14")
        write(teacher, CELLS | {"cell-3": "corrected"}, ran="2.72")
        write(teacher, {"only": "one"}, name="notebooks/02-second.ipynb")
        publish(teacher)
        update.main()
        assert read(learner) == CELLS | answer | {"cell-3": "corrected"}
        assert read(learner, "notebooks/02-second.ipynb") == {"only": "one"}
        said = capsys.readouterr().out
        assert f"{NAME}: 1 of 1 corrected cells taken over." in said
        assert "02-second.ipynb: new." in said and "your answers are kept" in said
        update.main()
        assert "there is nothing new" in capsys.readouterr().out
        write(teacher, CELLS | {"cell-3": "corrected", "cell-4": "again"})
        publish(teacher)
        update.main()
        assert read(learner) == CELLS | answer | {"cell-3": "corrected", "cell-4": "again"}

    def test_a_cell_that_both_have_changed_is_the_learners_whole(self, course, capsys):
        teacher, learner = course
        mine, theirs = ("u2 = 0", "u2 = 7"), ("x2 = 2", "x2 = 5")  # other lines: git takes both
        write(learner, CELLS | {"cell-2": CELLS["cell-2"].replace(*mine)}, ran="3.14")
        write(teacher, CELLS | {"cell-2": CELLS["cell-2"].replace(*theirs), "cell-4": "corrected"})
        publish(teacher)
        update.main()
        expected = {"cell-2": CELLS["cell-2"].replace(*mine), "cell-4": "corrected"}
        assert read(learner) == CELLS | expected
        assert (
            "1 of 2 corrected cells taken over; 1 that you had changed" in capsys.readouterr().out
        )

    def test_a_notebook_that_would_not_open_is_left_as_it_was(self, course, capsys, monkeypatch):
        teacher, learner = course
        before = (learner / NAME).read_bytes()
        write(teacher, CELLS | {"cell-3": "corrected"})
        publish(teacher)

        class Breaks(update.puller_class()):
            def pull(self):
                yield from super().pull()
                (learner / NAME).write_text('{"cells": [', encoding="utf-8")

        monkeypatch.setattr(update, "puller_class", lambda: Breaks)
        update.main()
        assert (learner / NAME).read_bytes() == before
        assert f"{NAME}: left as it was" in capsys.readouterr().out

    def test_a_conflict_of_git_is_named_and_the_advice_helps(self, course):
        teacher, learner = course
        write(learner, CELLS | {"cell-3": "my answer"}, ran="3.14")
        write(teacher, CELLS | {"cell-3": "corrected"}, ran="2.72")
        publish(teacher)
        git(learner, "stash")
        git(learner, "pull")
        with pytest.raises(subprocess.CalledProcessError):
            git(learner, "stash", "pop")
        before = (learner / NAME).read_bytes()
        assert "01-first.ipynb does not open as a notebook, nothing was changed: " in refusal()
        assert (learner / NAME).read_bytes() == before
        shutil.move(learner / NAME, learner.parent)
        update.main()
        assert read(learner) == CELLS | {"cell-3": "corrected"}

    def test_a_merge_that_fails_changes_nothing(self, course):
        teacher, learner = course
        before = (learner / NAME).read_bytes()
        git(teacher, "checkout", "--orphan", "anew")
        git(teacher, "commit", "--message", "Another course.")
        git(teacher, "push", "--force", "origin", "anew:main")
        assert "the merge failed, and all is as it was" in (said := refusal())
        assert "unrelated histories" in said
        assert (learner / NAME).read_bytes() == before

    def test_without_a_network(self, course):
        teacher, learner = course
        before = (learner / NAME).read_bytes()
        shutil.move(learner.parent / "origin", learner.parent / "away")
        assert "could not be fetched, all is intact: try when online." in refusal()
        assert (learner / NAME).read_bytes() == before


def test_outside_a_clone(course):
    shutil.rmtree(course[1] / ".git")
    assert "no clone, but a copy as from a .zip; nothing was changed" in refusal()


def test_at_a_fixed_edition(course):
    git(course[1], "checkout", "--detach")
    assert "follows no branch of its origin" in refusal()


def test_an_install_that_fails(course, monkeypatch):
    def without_nbgitpuller(name):
        raise ImportError(name)

    monkeypatch.setattr(update.importlib, "import_module", without_nbgitpuller)
    monkeypatch.setattr(update.sys, "executable", shutil.which("git"))  # which knows no `-m pip`
    assert "nbgitpuller could not be installed (see above), nothing was changed" in refusal()
    assert read(course[1]) == CELLS
