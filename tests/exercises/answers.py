"""What the tests of exercises share: the solutions of the lessons, and how an answer is judged."""

from __future__ import annotations

import ast
import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from helpers._tools.lessons import derive, find_lessons
from helpers.exercises import EXERCISES
from helpers.exercises.judge import Status, Verdict, verdict_here

Case = tuple[str, Any, str]  # the exercise, an answer, and what it is told


@dataclass(frozen=True)
class Solved:
    """An exercise of a lesson, with the cell before its check, and what the cells above made."""

    name: str
    code: str
    asked: str  # the expression that the check is given
    scope: dict[str, Any]

    def answer(self, code: str | None = None) -> Any:
        """The answer that the cell makes, or that other code makes in its place."""
        scope = dict(self.scope)
        exec(compile(code or self.code, "<string>", "exec"), scope)
        return eval(self.asked, scope)


@cache
def solved() -> dict[str, Solved]:
    """Every exercise of the lessons, by its name."""
    return {
        each.name: each
        for lesson in find_lessons(solved=True)
        if lesson.solved
        for each in _of_cells([c.source for c in derive(lesson).cells if c.cell_type == "code"])
    }


def _of_cells(cells: list[str]) -> Iterator[Solved]:
    scope: dict[str, Any] = {}
    for before, cell in zip(["", *cells], cells, strict=False):
        match ast.parse(cell).body:
            case [ast.Expr(ast.Call(ast.Name("check"), [ast.Constant(str(name)), asked]))]:
                yield Solved(name, before, ast.unparse(asked), dict(scope))
            case _ if "progress(" not in cell:
                exec(compile(cell, "<string>", "exec"), scope)


def judged(name: str, answer: Any) -> Verdict:
    """The verdict on an answer, in this process."""
    verdict = verdict_here(name, EXERCISES[name], answer)
    gc.collect()  # a coroutine that was never awaited is told of here, and in no other test
    return verdict


def wrong(*cases: Case) -> Callable[[Any], Any]:
    """A test of answers that are refused, with a part of the sentence that each is told."""
    ids = [f"{name}-{n}" for n, (name, *_) in enumerate(cases)]
    return pytest.mark.parametrize(("name", "answer", "told"), cases, ids=ids)


def refused(name: str, answer: Any, told: str) -> None:
    """Assert that an answer is refused with these words, and shows its run if it is a function."""
    verdict = judged(name, answer)
    assert verdict.status is Status.INCORRECT
    assert told in verdict.sentence
    assert (verdict.trace is None) is not callable(answer)


def accepted(name: str, answer: Any) -> None:
    """Assert that an answer is right."""
    verdict = judged(name, answer)
    assert verdict.status is Status.CORRECT, verdict.sentence
