"""The committed notebooks: built from their lessons, and comparable. nbval runs them, twice."""

from __future__ import annotations

import ast
import asyncio
import json
import re

import nbformat
import pytest
from nbclient import NotebookClient

from helpers._tools.build import WIDGET_VIEW, main
from helpers._tools.launch import FIRST_LESSON
from helpers._tools.lessons import Lesson, derive, find_lessons
from tests.conftest import PROJECT
from tests.second_runs import DIFFERS, MEASURES

LESSONS = find_lessons()
each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.source.stem)
# What differs from machine to machine, or from run to run, and so has no place in an output.
MACHINE = re.compile(
    r"ipykernel_\d+|site-packages|\bat 0x[0-9a-fA-F]{6,}"
    r"|(?<![\w.])(?:/home/|/root/|/Users/|/tmp/|/private/|/usr/lib/)[\w.-]+"
    r"|\b[A-Z]:\\+(?:Users|Program Files|hosted)[^\s\"']*"
    r"|\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b"
)


def code_cells(lesson: Lesson) -> list[nbformat.NotebookNode]:
    cells = nbformat.read(lesson.notebook, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


def ignored(cell: nbformat.NotebookNode) -> bool:
    """Whether nbval runs this cell without comparing what it prints."""
    return "NBVAL_IGNORE_OUTPUT" in cell.source


def tagged(tag: str) -> list[str]:
    """The code of each cell with that tag, in all lessons."""
    cells = [cell for lesson in LESSONS for cell in code_cells(lesson)]
    return [cell.source for cell in cells if tag in cell.metadata.get("tags", [])]


def test_the_course_begins_where_the_launcher_opens_it() -> None:
    assert LESSONS[0].notebook.name == FIRST_LESSON


def test_nothing_differs_between_lessons_notebooks_and_the_readme() -> None:
    assert main(["--check"]) == 0
    notebooks = {path.stem for path in (PROJECT / "notebooks").glob("*.ipynb")}
    assert notebooks == {lesson.source.stem for lesson in LESSONS}


@each_lesson
def test_a_lessons_header_agrees_with_its_file_and_its_title(lesson: Lesson) -> None:
    assert lesson.source.stem == f"{lesson.number}_{lesson.name}"
    title = nbformat.read(lesson.notebook, as_version=4).cells[0].source.partition("\n")[0]
    assert title == f"# {lesson.number} · {lesson.question}"


@each_lesson
def test_a_lessons_core_takes_40_minutes_at_most(lesson: Lesson) -> None:
    assert derive(lesson).metadata["lesson"]["core"] <= 40


@each_lesson
def test_most_compared_cells_print(lesson: Lesson) -> None:
    compared = [cell for cell in code_cells(lesson) if not ignored(cell)]
    assert sum(bool(cell.outputs) for cell in compared) * 2 > len(compared)


@each_lesson
def test_a_notebook_is_small_and_its_cells_ran_in_order(lesson: Lesson) -> None:
    assert lesson.notebook.stat().st_size <= 300 * 1024
    cells = code_cells(lesson)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert [cell.source for cell in cells if len(cell.source.splitlines()) > 25] == []
    assert [cell.source for cell in cells if "NBVAL_SKIP" in cell.source] == []


def test_a_notebook_is_no_large_file_with_its_widgets_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    [lesson] = [each for each in LESSONS if each.number == "07"]  # has the most
    notebook, there = derive(lesson), {"metadata": {"path": str(lesson.notebook.parent)}}
    client = NotebookClient(notebook, timeout=60, kernel_name="python3", resources=there)
    asyncio.run(client.async_execute())
    assert len(notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"])
    assert len(nbformat.writes(notebook)) < 500_000


@each_lesson
def test_a_notebook_holds_no_number_that_jupyterlab_would_write_otherwise(lesson: Lesson) -> None:
    numbers: list[str] = []
    json.loads(lesson.notebook.read_text(encoding="utf-8"), parse_float=numbers.append)
    assert [number for number in numbers if float(number).is_integer()] == []


@each_lesson
def test_no_output_tells_of_the_machine_or_holds_a_widget_that_is_gone(lesson: Lesson) -> None:
    for cell in code_cells(lesson):
        outputs = json.dumps(cell.outputs, ensure_ascii=False)
        assert MACHINE.findall(outputs) == []
        assert WIDGET_VIEW not in outputs


@each_lesson
def test_few_outputs_are_not_compared_and_the_next_cell_prints_their_relation(
    lesson: Lesson,
) -> None:
    cells = code_cells(lesson)
    places = [n for n, cell in enumerate(cells) if ignored(cell)]
    assert len(places) * 10 <= len(cells)
    for n in places:
        assert cells[n + 1].outputs
        assert not ignored(cells[n + 1])


def test_but_for_progress_only_nest_asyncios_cell_prints_something_else_when_run_again() -> None:
    [cell] = [cell for cell in tagged(DIFFERS) if "progress(" not in cell]
    assert "nest_asyncio" in cell


def test_the_three_cells_that_are_not_run_again_measure_in_processes_of_their_own() -> None:
    cells = tagged(MEASURES)
    assert len(cells) == 3
    for cell in cells:
        assert "await measure_all(" in cell or "await asyncio.to_thread(measure" in cell


PAGE = PROJECT / "notebooks" / "beside_the_keyboard.md"


@each_lesson
def test_a_lesson_links_the_page_to_keep_beside_the_keyboard(lesson: Lesson) -> None:
    assert f"]({PAGE.name})" in lesson.source.read_text(encoding="utf-8")


def test_the_page_beside_the_keyboard_names_and_links_what_is_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert [link for link in links if not (PAGE.parent / link).is_file()] == []
    names = re.findall(r"asyncio\.(\w+)", text)
    assert len(names) > 10
    assert [name for name in names if not hasattr(asyncio, name)] == []


def questions(lesson: Lesson) -> list[tuple[str, list[str]]]:
    """Each question that a lesson asks, with the options, if it has some."""
    found = []
    for cell in code_cells(lesson):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "predict":
                question, *options = map(ast.literal_eval, node.args)
                found.append((question, list(options[0]) if options else []))
    return found


@each_lesson
def test_each_question_is_answered_by_a_run_with_one_of_its_options(lesson: Lesson) -> None:
    asked = questions(lesson)
    assert len(asked) >= 5
    texts = [
        output["data"].get("text/plain", "")
        for cell in code_cells(lesson)
        for output in cell.outputs
        if output.output_type == "display_data"
    ]
    for question, options in asked:
        answers = [text for text in texts if text.startswith(f"{question} The answer: ")]
        assert answers, f"nothing answers {question!r}"
        starts = tuple(f"{question} The answer: {option}." for option in options)
        assert not options or answers[0].startswith(starts), answers


@each_lesson
def test_what_a_question_and_its_answers_say_has_no_markup_but_backticks(lesson: Lesson) -> None:
    calls = [
        node
        for cell in code_cells(lesson)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "predict"
    ]
    words = [
        node.value
        for call in calls
        for node in ast.walk(call)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert [one for one in words if re.search(r"\*\w", one)] == []
