"""Places in words: the same in a file, a cell and a lab, and never a path."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from helpers import exercises, race
from helpers.draw import text
from helpers.run import clock, source


def test_a_line_of_a_file_is_told_with_its_text() -> None:
    line = sys._getframe().f_lineno
    words = source.describe((__file__, line, "cook"))
    assert words == f"line {line} of test_source.py, in cook: `line = sys._getframe().f_lineno`"


@pytest.mark.parametrize(
    "filename",
    ["/tmp/ipykernel_4711/123456.py", "C:\\Temp\\ipykernel_12\\99.py", "<stdin>", "<string>"],
)
def test_a_cell_has_no_file_name(filename: str) -> None:
    assert source.describe((filename, 3, "cook")) == "line 3 of the cell, in cook"


def test_a_task_is_at_the_users_line_and_not_at_the_librarys() -> None:
    async def boil() -> None:
        await asyncio.sleep(1)

    async def main() -> str:
        task = asyncio.create_task(boil(), name="pot")
        await asyncio.sleep(0)
        words = source.describe(source.suspended(task))
        task.cancel()
        return words

    assert asyncio.run(main()).endswith("of test_source.py, in boil: `await asyncio.sleep(1)`")


def test_a_task_that_is_the_librarys_own_has_no_line_that_differs_by_version() -> None:
    async def main() -> str:
        task = asyncio.ensure_future(asyncio.sleep(1))
        await asyncio.sleep(0)
        words = source.describe(source.suspended(task))
        task.cancel()
        return words

    assert asyncio.run(main()) == "a line of Python's own tasks.py, in sleep"


@pytest.mark.parametrize(
    ("function", "plumbing"),
    [
        (clock.busy, True),
        (race.select, True),
        (asyncio.gather, True),
        (text.text_of, False),
        (lambda: None, False),
    ],
)
def test_helpers_run_and_the_library_are_plumbing_and_other_folders_are_programs(
    function: Callable[..., Any], *, plumbing: bool
) -> None:
    assert source.is_plumbing(function) is plumbing
    assert source.of_users(function.__code__.co_filename) is not plumbing


@pytest.mark.parametrize(("instruction", "line"), [(-1, 2), (10**6, 4)])
def test_a_frame_between_two_lines_is_at_the_one_before_or_at_the_functions_first(
    instruction: int, line: int
) -> None:
    program = "\ndef count(n):\n    n += 1\n    return n + 1\n"
    found: dict[str, Any] = {}
    exec(compile(program, "<stdin>", "exec"), found)
    # What Python 3.11 shows as a `for` whose body ends in an `if` jumps back.
    code = found["count"].__code__
    frame: Any = SimpleNamespace(f_code=code, f_lineno=None, f_lasti=instruction)
    place = source.of_frame(frame)
    assert place == ("<stdin>", line, "count")
    assert source.describe(place) == f"line {line} of the cell, in count"


def test_a_line_of_an_exercises_own_program_is_the_courses_and_no_line_of_python() -> None:
    place = (str(Path(exercises.__file__).with_name("ex03_not_blocking.py")), 1, "beat")
    assert source.describe(place) == "a line of the course's own ex03_not_blocking.py, in beat"
