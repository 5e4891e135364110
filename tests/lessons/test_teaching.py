"""TEACHING.md: what it names is there, and its schedules skip nothing that is needed later."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import jupytext
import pytest

from helpers.exercises import EXERCISES
from tests.lessons.source import LESSONS, lesson

PAGE = (LESSONS / "TEACHING.md").read_text(encoding="utf-8")
# "**A day, ...", and its mark: "schedules: 190 minutes: 00 1 2; 02 1 lab", by number or word.
PLANS = re.findall(r"\*\*(.*),.*\n\n<!-- schedules: \d+ minutes: (.*) -->", PAGE)


def defined(nodes: list[ast.stmt]) -> set[str]:
    """The names that statements give a value, outside of functions."""
    names = set()
    for node in nodes:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Import() | ast.ImportFrom():
                names |= {(each.asname or each.name).split(".")[0] for each in node.names}
            case _:
                names |= {
                    one.id
                    for one in ast.walk(node)
                    if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
                }
    return names


def needed(tree: ast.Module) -> set[str]:
    """The names that a cell reads and does not bind anywhere."""
    reads: set[str] = set()
    binds = defined(tree.body)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (reads if isinstance(node.ctx, ast.Load) else binds).add(node.id)
        elif isinstance(node, ast.arg):
            binds.add(node.arg)
    return reads - binds


def cells(number: str) -> Iterator[tuple[str, str, ast.Module]]:
    """Each code cell of a lesson, with the number and the words of its section's heading."""
    section, heading = "0", ""
    for cell in jupytext.reads(lesson(number), fmt="py:percent").cells:
        if cell.cell_type == "markdown":
            for at, words in re.findall(r"(?m)^## (?:(\d+)\. )?(.*)", cell.source):
                section, heading = at, words.lower()
        else:
            yield section, heading, ast.parse(cell.source)


def is_taken(section: str, heading: str, parts: list[str]) -> bool:
    for part in parts:
        if part == section or (part.isalpha() and part in heading):
            return True
    return section == "0"  # what stands before the first section


def test_the_page_has_220_lines_at_most() -> None:
    assert len(PAGE.splitlines()) <= 220


@pytest.mark.parametrize(("plan", "lessons"), PLANS, ids=lambda text: text[:10])
def test_a_schedule_skips_nothing_that_a_later_cell_of_it_needs(plan: str, lessons: str) -> None:
    for number, *parts in (one.split() for one in lessons.split(";")):
        everything = list(cells(number))
        of_the_lesson = set[str]().union(*(defined(tree.body) for *_, tree in everything))
        taken = [tree for at, words, tree in everything if is_taken(at, words, parts)]
        known: set[str] = set()
        for tree in taken:
            missing = needed(tree) & of_the_lesson - known
            assert not missing, f"lesson {number} skips {missing} of {ast.unparse(tree)[:80]}"
            known |= defined(tree.body)


def test_there_is_a_schedule_for_half_a_day_and_for_a_day() -> None:
    assert [plan for plan, _ in PLANS] == ["Half a day", "A day"]


def test_each_section_and_exercise_that_the_page_names_is_there() -> None:
    named = re.findall(r"(\d\d) §(\d+)", PAGE)
    assert len(named) > 30
    assert [each for each in named if f"# ## {each[1]}. " not in lesson(each[0])] == []
    exercises = re.findall(r"`(\d\d\.\w+)`", PAGE)
    assert exercises
    assert [name for name in exercises if name not in EXERCISES] == []
