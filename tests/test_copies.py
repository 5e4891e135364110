"""The learner's copies: without outputs, never overwritten, reset and updated when asked for."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from helpers._tools.copies import bring
from helpers._tools.launch import FIRST_LESSON, main
from tests.conftest import new_notebook

SECOND = "02_spawn.ipynb"


@pytest.fixture
def mine(course: Path) -> Path:
    """The learner's folder over a course of two lessons and a page."""
    new_notebook(course, FIRST_LESSON, "# 00 · What?", "1 + 1")
    new_notebook(course, SECOND, "# 02 · What runs first?", "one", "two")
    (course / "lessons" / "words.md").write_text("[02](02_spawn.ipynb)\n", encoding="utf-8")
    (course / "lessons" / "TEACHING.md").write_text("The answers.\n", encoding="utf-8")
    bring(course, course / "my-course")
    return course / "my-course"


def sources(path: Path) -> list[str]:
    return [cell.source for cell in nbformat.read(path, as_version=4).cells]


def change(path: Path, source: str = "mine", *, run: bool = False) -> bytes:
    """Write another source into the last cell, or an output only; what the file holds then."""
    notebook = nbformat.read(path, as_version=4)
    cell = notebook.cells[-1]
    if run:
        cell.update(execution_count=7, outputs=[nbformat.v4.new_output("stream", text="ran")])
    else:
        cell.source = source
    nbformat.write(notebook, path)
    return path.read_bytes()


def test_a_copy_is_the_lesson_without_outputs_and_counts(course: Path, mine: Path) -> None:
    built = nbformat.read(course / "notebooks" / SECOND, as_version=4)
    copy = nbformat.read(mine / SECOND, as_version=4)
    assert [cell.get("outputs") for cell in copy.cells] == [None, [], []]
    assert [cell.get("execution_count") for cell in copy.cells] == [None] * 3
    for cell in built.cells[1:]:
        cell.update(outputs=[], execution_count=None)
    assert copy == built
    nbformat.write(copy, mine / "again.ipynb")
    assert (mine / SECOND).read_bytes() == (mine / "again.ipynb").read_bytes(), "as Jupyter writes"


def test_pages_for_learners_are_copied_too_and_nothing_else(course: Path, mine: Path) -> None:
    (course / "notebooks" / ".ipynb_checkpoints").mkdir()  # JupyterLab was there
    (course / "notebooks" / "solutions").mkdir()
    bring(course, mine)
    assert {path.name for path in mine.iterdir()} == {
        ".task-cards.json",
        FIRST_LESSON,
        SECOND,
        "words.md",
    }
    assert (mine / "words.md").read_text(encoding="utf-8") == "[02](02_spawn.ipynb)\n"


def test_a_start_overwrites_nothing_and_copies_what_is_missing(course: Path, mine: Path) -> None:
    changed = change(mine / SECOND)
    change(course / "notebooks" / FIRST_LESSON, "newer")
    before = (mine / FIRST_LESSON).read_bytes()
    (mine / "words.md").unlink()
    bring(course, mine)
    assert (mine / SECOND).read_bytes() == changed
    assert (mine / FIRST_LESSON).read_bytes() == before
    assert (mine / "words.md").exists()


def test_an_update_brings_what_is_new_and_leaves_and_names_what_the_learner_changed(
    course: Path, mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(mine / FIRST_LESSON, run=True)
    changed = change(mine / SECOND)
    for name in (FIRST_LESSON, SECOND):
        change(course / "notebooks" / name, "newer")
    new_notebook(course, "03_new.ipynb", "three")
    assert main(["--update"], root=course) == 0
    assert sources(mine / FIRST_LESSON)[-1] == "newer"
    assert sources(mine / "03_new.ipynb") == ["three"]
    assert (mine / SECOND).read_bytes() == changed
    assert capsys.readouterr().out == (
        f"Your copies of the lessons are in {mine}. You have changed {SECOND}: not updated.\n"
    )
    change(course / "notebooks" / FIRST_LESSON, "newest")
    main(["--update"], root=course)
    assert sources(mine / FIRST_LESSON)[-1] == "newest", "what an update brought is unchanged"


def test_an_update_leaves_the_outputs_of_a_lesson_that_is_not_newer(
    course: Path, mine: Path
) -> None:
    ran = change(mine / SECOND, run=True)
    main(["--update"], root=course)
    assert (mine / SECOND).read_bytes() == ran


def test_an_empty_cell_at_the_end_is_no_change(course: Path, mine: Path) -> None:
    notebook = nbformat.read(mine / SECOND, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(""))
    nbformat.write(notebook, mine / SECOND)
    change(course / "notebooks" / SECOND, "newer")
    main(["--update"], root=course)
    assert sources(mine / SECOND)[-1] == "newer"


@pytest.mark.parametrize("text", ["<<<<<<< HEAD", "{}", '{"cells": [1]}', "[]"])
def test_a_notebook_that_the_learner_broke_is_left_and_named(
    course: Path, mine: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (mine / SECOND).write_text(text, encoding="utf-8")
    main(["--update"], root=course)
    assert (mine / SECOND).read_text(encoding="utf-8") == text
    assert f"You have changed {SECOND}" in capsys.readouterr().out


def test_a_reset_copies_one_lesson_anew_and_keeps_each_old_file_beside_it(
    course: Path, mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = change(mine / FIRST_LESSON)
    olds = []
    for n in (1, 2):
        olds.append(change(mine / SECOND, f"mine {n}"))
        assert main(["--reset", "02"], root=course) == 0
        assert f"Your {SECOND} is now 02_spawn_before_reset_{n}.ipynb." in capsys.readouterr().out
    assert sources(mine / SECOND)[-1] == "two"
    kept = [mine / f"02_spawn_before_reset_{n}.ipynb" for n in (1, 2)]
    assert [path.read_bytes() for path in kept] == olds
    assert (mine / FIRST_LESSON).read_bytes() == other


def test_a_lesson_that_was_reset_is_unchanged_for_the_next_update(course: Path, mine: Path) -> None:
    change(mine / SECOND)
    main(["--reset", "02"], root=course)
    change(course / "notebooks" / SECOND, "newer")
    main(["--update"], root=course)
    assert sources(mine / SECOND)[-1] == "newer"


def test_a_reset_of_a_lesson_that_is_not_there_names_those_that_are(
    course: Path, mine: Path
) -> None:
    before = sorted(mine.iterdir())
    with pytest.raises(SystemExit, match="^There is no lesson 99; there are 00, 02.$"):
        main(["--reset", "99"], root=course)
    assert sorted(mine.iterdir()) == before


def test_another_folder_is_named_with_an_option(
    course: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new_notebook(course, FIRST_LESSON, "one")
    folder = tmp_path / "an evening" / "course"
    assert main(["--update", f"--folder={folder}"], root=course) == 0
    assert capsys.readouterr().out == f"Your copies of the lessons are in {folder}.\n"
    assert json.loads((folder / FIRST_LESSON).read_bytes())["cells"][0]["outputs"] == []
    assert not (course / "my-course").exists()


@pytest.mark.parametrize("left", [b"", b'{"00_start', b"\xff", b"[7]", b"7"])
def test_a_damaged_manifest_stops_no_start_and_no_file_is_taken_for_unchanged(
    course: Path, mine: Path, left: bytes
) -> None:
    (mine / ".task-cards.json").write_bytes(left)
    before = (mine / SECOND).read_bytes()
    change(course / "notebooks" / SECOND, "newer")
    bring(course, mine, update=True)
    assert (mine / SECOND).read_bytes() == before


def test_a_manifest_that_another_start_has_lost_is_made_anew_of_what_is_as_it_was_copied(
    course: Path, mine: Path
) -> None:
    manifest = mine / ".task-cards.json"
    digests = json.loads(manifest.read_bytes())
    changed = change(mine / FIRST_LESSON)
    manifest.write_bytes(b"{}")
    bring(course, mine)
    del digests[FIRST_LESSON]
    assert json.loads(manifest.read_bytes()) == digests
    assert (mine / FIRST_LESSON).read_bytes() == changed


def test_who_reads_a_manifest_while_another_writes_it_has_the_whole_of_it(
    course: Path, mine: Path
) -> None:
    manifest = mine / ".task-cards.json"
    digests = json.loads(manifest.read_bytes())
    change(course / "notebooks" / SECOND, "newer")
    names = {path.name for path in mine.iterdir()}
    with manifest.open("rb") as meanwhile:
        bring(course, mine, update=True)
        assert json.load(meanwhile) == digests
    assert json.loads(manifest.read_bytes()) != digests
    assert {path.name for path in mine.iterdir()} == names


def test_my_course_is_ignored_by_git() -> None:
    ignored = Path(__file__).parents[1] / ".gitignore"
    assert "my-course/" in ignored.read_text(encoding="utf-8").splitlines()
