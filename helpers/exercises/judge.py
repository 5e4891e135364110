"""Whether an answer is right: a program is recorded with it, and the exercise's rules are asked."""

import contextlib
import dataclasses
import io
import traceback
from enum import StrEnum
from random import Random
from typing import Any

from helpers.draw import mimebundle
from helpers.draw.picture import picture_of
from helpers.draw.theme import PLOTLY
from helpers.exercises.spec import Exercise, Fault, Wrong, patience
from helpers.run import source
from helpers.run.errors import Deadlock, RunTooLong
from helpers.run.session import Run
from helpers.text import as_html
from helpers.trace import Trace

MOST_SECONDS, _MOST_STEPS = 2.0, 20_000  # a run's
MOST_MEMORY = 1  # GB
_MOST_PRINTED = 2_000  # characters
_STRETCH = {"line": {"color": "#c4320a", "width": 2}, "fillcolor": "rgba(196, 50, 10, 0.15)"}


class Status(StrEnum):
    """How far an exercise is."""

    NOT_ATTEMPTED = "not attempted"
    INCORRECT = "incorrect"
    CORRECT = "correct"


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What came of a check: a sentence, and the timeline of the run, with the stretch at fault."""

    name: str
    status: Status
    sentence: str
    trace: Trace | None = None
    fault: Fault | None = None
    printed: str = ""  # by the answer

    def __str__(self) -> str:
        printed = self.printed and f"It printed:\n{self.printed}"
        return f"{self.name}: {self.status}. {self.sentence}\n{printed}".rstrip()

    __repr__ = __str__

    def _ipython_display_(self) -> None:
        from IPython.display import display

        printed = f"<pre>{as_html(self.printed)}</pre>" if self.printed else ""
        words = f"<b>{self.name}: {self.status}.</b> {as_html(self.sentence)}"
        html = {"text/html": f'<div role="status">{words}{printed}</div>', "text/plain": str(self)}
        display(html, raw=True)  # type: ignore[no-untyped-call]
        if self.trace is not None:
            picture = picture_of(self.trace, title=self.sentence)
            shown, (_, lane, *stretch) = mimebundle(picture), self.fault or Fault("")
            row = next((n for n, one in picture.lanes if one.id == lane), None)
            if row is not None and not picture.by_step:
                x0, x1 = map(picture.axis.at, stretch)
                shape = {"type": "rect", "x0": x0, "x1": x1, "y0": row - 0.5, "y1": row + 0.5}
                shown[PLOTLY]["layout"]["shapes"] = [shape | _STRETCH]
            display(shown, raw=True)  # type: ignore[no-untyped-call]


def judge(name: str, exercise: Exercise, answer: Any, *, dice: int = 0) -> Verdict:
    """Run the exercise with the answer until a run is not right, or all are."""
    limits: Any = {"max_seconds": patience(MOST_SECONDS), "max_steps": _MOST_STEPS}
    with contextlib.redirect_stdout(io.StringIO()) as out:
        main = exercise.program(answer, Random(dice))
        run = Run(main, clock=exercise.clock, unit=exercise.unit, **limits)
        run.start()
        trace = run.finished.result()
    faults = (rule(trace) for rule in exercise.rules)
    fault = Fault(_in_words(run.error)) if run.error else next(filter(None, faults), None)
    if not fault and dice + 1 < exercise.runs:
        return judge(name, exercise, answer, dice=dice + 1)
    trace = dataclasses.replace(trace, result=None)  # which may not travel
    printed = out.getvalue()[:_MOST_PRINTED]
    if not fault:
        return Verdict(name, Status.CORRECT, exercise.right, trace, None, printed)
    seen = trace if exercise.takes is not None else None  # or it would tell the answer
    return Verdict(name, Status.INCORRECT, fault.sentence, seen, fault, printed)


def _in_words(error: BaseException) -> str:
    """What ended a run before its rules could be asked."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, Wrong):
        return str(error)
    if isinstance(error, Deadlock | RunTooLong):
        return f"Your answer does not come to an end: {error}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [tuple(frame)[:3] for frame in frames if source.in_cell(frame.filename)]
    at = f", at {source.describe(own[-1])}" if own else ""
    if isinstance(error, SystemExit):
        return f"Your answer ends Python itself (`SystemExit`){at}. An answer returns."
    if isinstance(error, MemoryError):
        return f"Your answer needs more than the {MOST_MEMORY} GB of memory that it gets{at}."
    return f"Your answer raised `{source.in_words(error)}`{at}."
