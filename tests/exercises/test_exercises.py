"""What holds of every exercise: its solution is right, and what is given counts as untouched."""

from __future__ import annotations

from typing import Any

import pytest

from helpers._tools.lessons import derive, find_lessons
from helpers.exercises import EXERCISES, _cell_before, check, hint, solution
from helpers.exercises.judge import Status
from tests.exercises.answers import accepted, solved

NAMES = list(EXERCISES)


def test_each_exercise_stands_in_its_lesson_and_each_of_the_lessons_is_there() -> None:
    assert list(solved()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_solution_is_right(name: str) -> None:
    accepted(name, solved()[name].answer())


@pytest.mark.parametrize("name", NAMES)
def test_what_a_learner_is_given_counts_as_not_attempted(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (lesson,) = (each for each in find_lessons() if each.number == name[:2])
    code = [cell.source for cell in derive(lesson).cells if cell.cell_type == "code"]
    (n,) = (n for n, cell in enumerate(code) if cell.startswith(f'check("{name}"'))
    assert code[n - 1] == _cell_before(name)
    scope = dict(solved()[name].scope)
    exec(compile(code[n - 1], "<string>", "exec"), scope)
    # As in a notebook, where a function's source is known.
    monkeypatch.setattr("inspect.getsource", lambda _: code[n - 1])
    assert check(name, eval(solved()[name].asked, scope)).status is Status.NOT_ATTEMPTED


@pytest.mark.parametrize("name", NAMES)
def test_hints_become_plainer_and_the_solution_is_shown(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("helpers.exercises._here", {})
    told = EXERCISES[name]
    for _ in range(len(told.hints) + 1):
        hint(name)
    hints = capsys.readouterr().out.splitlines()
    assert len(told.hints) >= 3
    assert [each.startswith(words) for each, words in zip(hints, told.hints, strict=False)]
    assert hints[-1] == hints[-2]
    solution(name)
    assert capsys.readouterr().out == f"{solved()[name].code}\n"


@pytest.mark.parametrize("lesson", sorted({name[:2] for name in NAMES}))
def test_a_lesson_has_at_least_three_of_every_kind(lesson: str) -> None:
    kinds: list[Any] = [EXERCISES[name].takes is None for name in NAMES if name[:2] == lesson]
    assert len(kinds) >= 3
    assert {True, False} == set(kinds)
