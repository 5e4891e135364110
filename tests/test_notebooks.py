"""The committed notebooks: built from their lessons, and comparable. nbval runs them, twice."""

from __future__ import annotations

import nbformat
import pytest

from helpers._tools.build import check
from helpers._tools.compare import differences
from helpers._tools.launch import FIRST_LESSON
from helpers._tools.lessons import PROJECT, Lesson, find_lessons, read_header
from helpers._tools.rules import code_cells, is_ignored
from tests.second_runs import DIFFERS, MEASURES

SOURCES = sorted((PROJECT / "lessons").glob("*.py"))


@pytest.fixture(scope="module", params=SOURCES, ids=lambda path: path.stem)
def lesson(request: pytest.FixtureRequest) -> Lesson:
    """Each lesson in turn."""
    return read_header(request.param)


def read(lesson: Lesson) -> nbformat.NotebookNode:
    return nbformat.read(lesson.notebook, as_version=4)


def tagged(tag: str) -> list[str]:
    """The code of each cell with that tag, in all lessons."""
    cells = [cell for lesson in find_lessons() for _, cell in code_cells(read(lesson))]
    return [cell.source for cell in cells if tag in cell.metadata.get("tags", [])]


def test_the_course_begins_where_the_launcher_opens_it() -> None:
    assert find_lessons()[0].notebook == PROJECT / FIRST_LESSON


def test_nothing_differs_between_lessons_notebooks_and_the_readme() -> None:
    assert check(PROJECT, []) == []


def test_a_notebook_is_what_its_lesson_says_and_breaks_no_rule(lesson: Lesson) -> None:
    assert differences(lesson) == []


def test_every_cell_has_the_count_without_which_nbval_compares_nothing(lesson: Lesson) -> None:
    counts = [cell.execution_count for _, cell in code_cells(read(lesson))]
    assert counts == list(range(1, len(counts) + 1))
    assert counts


def test_nine_cells_in_ten_are_compared_and_most_of_those_print_something(lesson: Lesson) -> None:
    cells = [cell for _, cell in code_cells(read(lesson))]
    compared = [cell for cell in cells if not is_ignored(cell)]
    assert len(compared) * 10 >= len(cells) * 9
    assert sum(bool(cell.outputs) for cell in compared) * 2 > len(compared)


def test_the_one_cell_that_prints_something_else_when_run_again_is_that_of_nest_asyncio() -> None:
    [cell] = tagged(DIFFERS)
    assert "nest_asyncio" in cell


def test_the_three_cells_that_are_not_run_again_measure_in_processes_of_their_own() -> None:
    cells = tagged(MEASURES)
    assert len(cells) == 3
    for cell in cells:
        assert "await measure_all(" in cell or "await asyncio.to_thread(measure" in cell


def test_a_notebook_has_at_most_300_kilobytes(lesson: Lesson) -> None:
    assert lesson.notebook.stat().st_size <= 300 * 1024


def test_a_lesson_takes_20_to_30_minutes(lesson: Lesson) -> None:
    assert 20 <= lesson.minutes <= 30
