"""The build: what a lesson becomes, what stops it, and what `--check` finds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from helpers._tools.build import main
from helpers._tools.lessons import LessonError, derive, find_lessons, read_header
from tests.conftest import new_course, new_lesson

WriteLesson = Callable[..., Path]


def notebook_of(course: Path, stem: str = "02_spawn") -> nbformat.NotebookNode:
    path = course / "notebooks" / f"{stem}.ipynb"
    notebook: nbformat.NotebookNode = nbformat.read(path, as_version=4)
    return notebook


@pytest.fixture(scope="module")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course of one lesson, built; each test gets a copy of it."""
    root = new_course(tmp_path_factory.mktemp("course"))
    new_lesson(
        root,
        "import asyncio\n\nprint('one', flush=True)\nawait asyncio.sleep(0.5)\nprint('two')",
        '# %% tags=["raises-exception"]\nasyncio.run(None)',
        "40 + 2",
    )
    assert main([], root=root) == 0
    return root


@pytest.fixture
def built(built_once: Path, course: Path) -> Path:
    """A course of one lesson, built."""
    shutil.copytree(built_once, course, dirs_exist_ok=True)
    return course


def test_a_build_keeps_the_outputs_and_counts_from_one(built: Path) -> None:
    code = [cell for cell in notebook_of(built).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 3]
    assert [(o.name, o.text) for o in code[0].outputs] == [("stdout", "one\ntwo\n")]
    assert code[1].outputs[0].ename == "RuntimeError"
    assert code[2].outputs[0].data == {"text/plain": "42"}


def test_a_second_build_gives_the_same_bytes(built: Path) -> None:
    path = built / "notebooks" / "02_spawn.ipynb"
    before = path.read_bytes()
    assert main(["02"], root=built) == 0
    assert path.read_bytes() == before


def test_a_build_names_no_python_version_no_time_and_no_path(built: Path) -> None:
    text = (built / "notebooks" / "02_spawn.ipynb").read_text(encoding="utf-8")
    metadata = json.loads(text)["metadata"]
    assert metadata["language_info"] == {
        "name": "python",
        "file_extension": ".py",
        "mimetype": "text/x-python",
    }
    assert set(metadata) == {"kernelspec", "language_info", "lesson"}
    assert metadata["kernelspec"]["name"] == "python3"
    assert '"execution": {' not in text
    assert "runners.py" not in text, "the frames in asyncio's own files are left out"


def test_an_inserted_cell_changes_no_other_cells_id(write_lesson: WriteLesson) -> None:
    ids = [c.id for c in derive(read_header(write_lesson("1", "print()", "print()"))).cells]
    more = [c.id for c in derive(read_header(write_lesson("0", "1", "print()", "print()"))).cells]
    assert len(set(ids)) == 4, "twins have ids of their own"
    assert [identity for identity in more if identity in ids] == ids


def test_a_failing_cell_stops_the_build_and_leaves_the_notebook_as_it_was(
    built: Path, write_lesson: WriteLesson, capsys: pytest.CaptureFixture[str]
) -> None:
    path = built / "notebooks" / "02_spawn.ipynb"
    before = path.read_bytes()
    write_lesson("print(1)", "pot = 1 / 0")
    assert main(["02"], root=built) == 1
    error = capsys.readouterr().err
    assert error.startswith("02_spawn: An error occurred while executing the following cell:")
    assert "pot = 1 / 0" in error
    assert "ZeroDivisionError: division by zero" in error
    assert path.read_bytes() == before


def test_an_unmarked_widget_stops_the_build_and_a_marked_one_becomes_words(
    course: Path, write_lesson: WriteLesson, capsys: pytest.CaptureFixture[str]
) -> None:
    panel = "import ipywidgets\n\ndisplay(ipywidgets.IntSlider())"
    filler = [str(number) for number in range(10)]
    write_lesson(panel, *filler)
    assert main(["02"], root=course) == 1
    assert "it must carry # NBVAL_IGNORE_OUTPUT" in capsys.readouterr().err
    write_lesson(f"# NBVAL_IGNORE_OUTPUT\n{panel}", *filler)
    assert main(["02"], root=course) == 0
    notebook = notebook_of(course)
    assert notebook.cells[1].outputs[0].data == {
        "text/plain": "(A live panel. Run this cell to use it.)"
    }
    assert "widgets" not in notebook.metadata


def test_every_broken_rule_is_told_in_words_and_nothing_is_written(
    course: Path, write_lesson: WriteLesson, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = {
        "print('/tmp/ipykernel_17/1.py')": "is this machine's or this run's alone: /tmp/ipykernel_",
        "object()": "is this machine's or this run's alone: at 0x",
        "import uuid\n\nuuid.UUID(int=4 << 76)": "alone: 00000000-0000-4000-0000-000000000000",
        "\n".join(f"x = {n}" for n in range(26)): "has 26 lines; 25 is the most",
        "print('x' * 400_000)": "300 is the most",
        "# NBVAL_SKIP\nprint(1)": "is skipped by nbval",
        "# NBVAL_IGNORE_OUTPUT\nprint(1)": "carry NBVAL_IGNORE_OUTPUT; one in 10 is the most",
        "pass": "carries NBVAL_IGNORE_OUTPUT; the next one must print the relation that it shows",
    }
    write_lesson(*broken)
    assert main(["02"], root=course) == 1
    told = capsys.readouterr().err
    assert [sentence for sentence in broken.values() if sentence not in told] == []
    assert not (course / "notebooks" / "02_spawn.ipynb").exists()


def test_check_passes_on_a_fresh_build_and_runs_nothing(
    built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--check"], root=built) == 0
    assert "Every notebook is what its lesson says." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"execution_count": 3', '"execution_count": null', "count None; 3 was expected"),
        ('"mimetype": "text/x-python"', '"mimetype": "text/x-python", "version": "3"', "metadata"),
        ("40 + 2", "40 + 3", "\n-40 + 2\n+40 + 3"),
        ('"one\\n"', '"/home/someone\\n"', "/home/someone"),
        ('"language_info"', '"widgets": {}, "language_info"', "metadata"),
    ],
)
def test_check_says_in_words_what_differs(
    built: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, sentence: str
) -> None:
    path = built / "notebooks" / "02_spawn.ipynb"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert main(["--check"], root=built) == 1
    out = capsys.readouterr().out
    assert "02_spawn: " in out
    assert sentence in out


def test_check_finds_a_missing_notebook_a_stranger_and_an_old_table(
    course: Path, write_lesson: WriteLesson, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lesson("1")
    nbformat.write(nbformat.v4.new_notebook(), course / "notebooks" / "09_lost.ipynb")
    assert main(["--check"], root=course) == 1
    out = capsys.readouterr().out
    assert "there is no 02_spawn.ipynb in notebooks/" in out
    assert "notebooks/09_lost.ipynb: there is no lessons/09_lost.py behind it" in out
    assert "README.md: its lesson table is not what the lessons' headers say" in out


def test_the_table_is_written_between_its_markers_alone(
    course: Path, write_lesson: WriteLesson
) -> None:
    write_lesson("1", number="03", name="not_blocking", question="Who suffers?", minutes=20)
    write_lesson("1")
    assert main(["--table"], root=course) == 0
    readme = (course / "README.md").read_text(encoding="utf-8")
    assert readme.startswith("# A course\n")
    assert readme.endswith("\nThe end.\n")
    assert "| [02](notebooks/02_spawn.ipynb) | What runs first? | 25 |\n| [03]" in readme


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("minutes: 25", "minute: 25", "02_spawn.py: a bad header: .*'minute'"),
        ("name: spawn", "name: other", "the header says 02_other"),
        ("· What", "· How", "its first line should be '# 02 · What runs first[?]'"),
    ],
)
def test_a_header_that_is_wrong_is_told(
    course: Path, write_lesson: WriteLesson, old: str, new: str, sentence: str
) -> None:
    path = write_lesson("1")
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(LessonError, match=sentence):
        derive(find_lessons(course)[0])


def test_an_unknown_number_is_told_with_those_that_exist(
    course: Path, write_lesson: WriteLesson, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lesson("1")
    assert main(["07"], root=course) == 1
    assert "There is no lesson 07; there is ['02']." in capsys.readouterr().err
