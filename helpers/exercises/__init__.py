"""Exercises: the trace of the learner's own code is judged, and not only what it returned.

`check("02.lost_handle", answer)` in a cell; `hint` and `solution` for who is stuck; `progress` for
what is done. A lesson's exercises stand in a file of their own, as data (`ex02_spawn.py`): a
program around the answer, and the `rules` that `judge` asks of its trace.
"""

import contextlib
import importlib
import inspect
import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from helpers.environment import COURSE
from helpers.exercises.judge import Status, Verdict, verdict_on
from helpers.exercises.spec import Exercise
from helpers.text import table

EXERCISES: dict[str, Exercise] = {}  # by their ids, "02.lost_handle"; those of a lesson in order
for _file in sorted(Path(__file__).parent.glob("ex??_*.py")):
    EXERCISES |= importlib.import_module(f"{__name__}.{_file.stem}").EXERCISES

PROGRESS = "progress.json"  # beside a learner's notebooks; nothing leaves the machine
MANIFEST = ".task-cards.json"  # in a learner's folder; elsewhere nothing is written
_FORMAT = 1
NEW = {"status": "not attempted", "checks": 0, "hints": 0}  # an exercise of which nothing is known
_here: dict[str, Any] = {}  # where nothing is written


def _find(name: str) -> Exercise:
    if name not in EXERCISES:
        raise ValueError(f"there is no exercise {name!r}; there are {', '.join(EXERCISES)}")
    return EXERCISES[name]


def check(name: str, answer: Any = ...) -> Verdict:
    """Whether an answer is right, for a cell to show: not attempted, incorrect or correct.

    The answer runs in a process of its own, for some seconds at most. When it is wrong, one
    sentence says why, above the timeline of its run, where the stretch at fault is marked.
    """
    exercise = _find(name)
    if _is_untouched(name, answer):
        why = "Write your answer into the cell above, run that, and then this one."
        verdict = Verdict(name, Status.NOT_ATTEMPTED, f"{why} `hint({name!r})` helps.")
    else:
        unfit = _unfit(exercise, answer)
        wrong = Verdict(name, Status.INCORRECT, unfit) if unfit else None
        verdict = wrong or verdict_on(name, exercise, answer)
        _note(name, "checks", verdict.status)
    if "NBGRADER_EXECUTION" in os.environ and verdict.status != Status.CORRECT:
        raise AssertionError(str(verdict))  # to nbgrader, a cell that shows something is right
    return verdict


def hint(name: str) -> None:
    """Print the next of an exercise's hints, each plainer than the one before; the last stays."""
    hints = _find(name).hints
    n = min(_note(name, "hints"), len(hints))
    more = f"ask again for another of {len(hints)}"
    print(f"{hints[n - 1]} ({more if n < len(hints) else f'solution({name!r}) is left'})")


def solution(name: str) -> None:
    """Print an answer that is right; there are others."""
    _find(name)
    print(_cell_before(name, "solutions") or "The solved notebooks are not here.")


def progress(lesson: str = "") -> None:
    """Print what is done of each exercise, of one lesson or of all."""
    known = (dict.fromkeys(EXERCISES, NEW) | _read()).items()  # labs' challenges, too
    rows = [(name, *map(str, one.values())) for name, one in known if name.startswith(lesson)]
    print(*table([("exercise", "", "checks", "hints"), *rows], "<<>>"), sep="\n")
    print(f"{sum(row[1] == Status.CORRECT for row in rows)} of {len(rows)} are correct.")


def achieved(name: str, met: Callable[[], bool] = bool) -> bool:
    """Whether a lab's challenge, "lab.spawn", was ever met: what `met` says now is kept."""
    found: bool = _read().get(name, NEW)["status"] == Status.CORRECT
    if not found and (found := met()):
        _note(name, "checks", Status.CORRECT)
    return found


def _read() -> dict[str, Any]:
    """What is known of each exercise, by name. A file that is no such thing is set aside."""
    path = Path(PROGRESS)
    if not Path(MANIFEST).exists():
        return _here
    if not path.exists():
        return {}
    with contextlib.suppress(ValueError, LookupError, TypeError):
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["format"] == _FORMAT:
            return dict(found["exercises"])
    others = (path.with_stem(f"{path.stem}_set_aside_{n}") for n in itertools.count(1))
    other = path.rename(next(each for each in others if not each.exists()))
    print(f"{PROGRESS} could not be read: it is now {other.name}, and a new one begins.")
    return {}


def _note(name: str, what: str, status: str = "") -> int:
    """Count a check or a hint, and keep the status, unless it is correct already; how many now."""
    known = _read()
    one = known.setdefault(name, dict(NEW))
    one[what] += 1
    if status and one["status"] != Status.CORRECT:
        one["status"] = status
    if known is not _here:
        keep(Path(PROGRESS), {"format": _FORMAT, "exercises": known})
    return int(one[what])


def keep(path: Path, value: Any) -> None:
    """Write a value as JSON; who reads the file meanwhile has all of it, as it was or as it is."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(json.dumps(value, indent=1), encoding="utf-8")
    new.replace(path)


def _unfit(exercise: Exercise, answer: Any) -> str:
    """Why an answer cannot even be run, or nothing."""
    if exercise.takes is None:
        return "The answer is a value, and this is a function." if callable(answer) else ""
    if not callable(answer):
        return f"The answer is a function, and this is {answer!r}: give its name, without brackets."
    name = getattr(answer, "__name__", type(answer).__name__)
    if not inspect.iscoroutinefunction(answer):
        return f"`{name}` is a plain function: begin it with `async def`."
    with contextlib.suppress(TypeError):
        inspect.signature(answer).bind(*exercise.takes)
        return ""
    return f"`{name}` has to take `({', '.join(exercise.takes)})`, in this order."


def _cell_before(name: str, folder: str = ".") -> str:
    """The code cell before an exercise's check: what a learner begins with, or the solution."""
    for path in (COURSE / "notebooks" / folder).glob(f"{name[:2]}_*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        for before, cell in itertools.pairwise(code):
            if cell.startswith(f'check("{name}"'):
                return before
    return ""


def _is_untouched(name: str, answer: Any) -> bool:
    """Whether an answer is what the learner was given, or a part of it still `...`."""
    with contextlib.suppress(OSError, TypeError):  # a value, or made by no cell
        if inspect.getsource(answer).strip() in _cell_before(name):
            return True
    return "Ellipsis" in repr(answer)
