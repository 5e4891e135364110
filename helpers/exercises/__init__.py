"""Exercises: the trace of the learner's own code is judged, and not only what it returned.

`check("02.lost_handle", answer)` in a cell; `hint` and `solution` for who is stuck; `progress` for
what is done. A lesson's exercises stand in a file of their own, as data (`ex02_spawn.py`); `place`
runs an answer where it can do no harm, `judge` asks the `rules`.
"""

import ast
import importlib
import inspect
import itertools
import json
import textwrap
from pathlib import Path
from typing import Any

from helpers.exercises import log, place
from helpers.exercises.judge import Status, Verdict
from helpers.exercises.spec import Exercise
from helpers.text import table

_NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
MODULES = {path.stem[2:4]: path.stem for path in sorted(Path(__file__).parent.glob("ex??_*.py"))}


def exercises(lesson: str) -> dict[str, Exercise]:
    """The exercises of a lesson by their ids, in order; none for a lesson without any."""
    if lesson not in MODULES:
        return {}
    module = importlib.import_module(f"helpers.exercises.{MODULES[lesson]}")
    found: dict[str, Exercise] = module.EXERCISES
    return found


def _find(name: str) -> Exercise:
    known = [each for lesson in MODULES for each in exercises(lesson)]
    if name not in known:
        raise ValueError(f"there is no exercise {name!r}; there are {', '.join(known)}")
    return exercises(name[:2])[name]


def check(name: str, answer: Any = ...) -> Verdict:
    """Whether an answer is right, for a cell to show: not attempted, incorrect or correct.

    The answer runs in a process of its own, for some seconds at most. When it is wrong, one
    sentence says why, above the timeline of its run, where the stretch at fault is marked.
    """
    exercise = _find(name)
    if "Ellipsis" in repr(answer) or _as_given(answer, _cell_before(name)):
        why = "Write your answer into the cell above, run that, and then this one."
        return Verdict(name, Status.NOT_ATTEMPTED, f"{why} `hint({name!r})` helps.")
    unfit = _unfit(exercise, answer)
    verdict = (
        Verdict(name, Status.INCORRECT, unfit) if unfit else place.judge(name, exercise, answer)
    )
    log.note(name, status=verdict.status, checks=1)
    return verdict


def hint(name: str) -> str:
    """The next of an exercise's hints, each plainer than the one before; the last one stays."""
    hints = _find(name).hints
    n = min(log.note(name, hints=1)["hints"], len(hints))
    left = f"ask again for another of {len(hints)}"
    more = left if n < len(hints) else f"solution({name!r}) is left"
    return _Words(f"{hints[n - 1]} ({more})")


def solution(name: str) -> str:
    """An answer that is right; there are others."""
    _find(name)
    return _Words(_cell_before(name, "solutions") or "The solved notebooks are not here.")


def progress(lesson: str = "") -> str:
    """What is done: of a lesson each exercise, without one how many of each lesson are correct."""
    known = log.read()
    if not lesson:
        of = {each: [log.of(known, name)["status"] for name in exercises(each)] for each in MODULES}
        done = [(each, f"{found.count('correct')} of {len(found)}") for each, found in of.items()]
        return _Words("\n".join(table([("lesson", "correct"), *done], "<<")))
    rows = [(name, *map(str, log.of(known, name).values())) for name in exercises(lesson)]
    return _Words("\n".join(table([("exercise", "", "checks", "hints"), *rows], "<<>>")))


class _Words(str):
    """Text that a cell shows as it reads."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _unfit(exercise: Exercise, answer: Any) -> str:
    """Why an answer cannot even be run, or nothing."""
    if exercise.takes is None:
        return "The answer is a value, and this is a function." if callable(answer) else ""
    if not callable(answer):
        return f"The answer is a function, and this is {answer!r}: give its name, without brackets."
    if not inspect.iscoroutinefunction(answer):
        return f"`{answer.__name__}` is a plain function: begin it with `async def`."
    try:
        inspect.signature(answer).bind(*exercise.takes)
    except TypeError as error:
        given = ", ".join(exercise.takes)
        return f"`{answer.__name__}` is called with `({given})`, and does not take that: {error}."
    return ""


def _cell_before(name: str, folder: str = ".") -> str:
    """The code cell before an exercise's check: what a learner begins with, or the solution."""
    for path in (_NOTEBOOKS / folder).glob(f"{name[:2]}_*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        for before, cell in itertools.pairwise(code):
            if cell.startswith(f'check("{name}"'):
                return before
    return ""


def _as_given(answer: Any, given: str) -> bool:
    """Whether an answer's code is, but for comments, what the learner was given."""
    try:
        own = ast.parse(textwrap.dedent(inspect.getsource(answer))).body[0]
    except (OSError, TypeError, SyntaxError, IndexError):  # a value, or made by no cell
        return False
    return ast.dump(own) in map(ast.dump, ast.parse(given).body)
