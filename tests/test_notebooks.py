"""The committed notebooks: built from their lessons, and comparable. nbval runs them, twice."""

from __future__ import annotations

import nbformat
import pytest

from helpers._tools import PROJECT
from helpers._tools.build import check
from helpers._tools.execute import is_ignored
from helpers._tools.launch import FIRST_LESSON
from helpers._tools.lessons import Lesson, find_lessons
from tests.second_runs import DIFFERS, MEASURES

LESSONS = find_lessons()


def code_cells(lesson: Lesson) -> list[nbformat.NotebookNode]:
    cells = nbformat.read(lesson.notebook, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


def tagged(tag: str) -> list[str]:
    """The code of each cell with that tag, in all lessons."""
    cells = [cell for lesson in LESSONS for cell in code_cells(lesson)]
    return [cell.source for cell in cells if tag in cell.metadata.get("tags", [])]


def test_the_course_begins_where_the_launcher_opens_it() -> None:
    assert LESSONS[0].notebook == PROJECT / FIRST_LESSON


def test_nothing_differs_between_lessons_notebooks_and_the_readme() -> None:
    assert check(PROJECT, []) == []


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_a_lesson_takes_20_to_30_minutes_and_most_compared_cells_print(lesson: Lesson) -> None:
    assert 20 <= lesson.minutes <= 30
    compared = [cell for cell in code_cells(lesson) if not is_ignored(cell)]
    assert sum(bool(cell.outputs) for cell in compared) * 2 > len(compared)


def test_the_one_cell_that_prints_something_else_when_run_again_is_that_of_nest_asyncio() -> None:
    [cell] = tagged(DIFFERS)
    assert "nest_asyncio" in cell


def test_the_three_cells_that_are_not_run_again_measure_in_processes_of_their_own() -> None:
    cells = tagged(MEASURES)
    assert len(cells) == 3
    for cell in cells:
        assert "await measure_all(" in cell or "await asyncio.to_thread(measure" in cell
