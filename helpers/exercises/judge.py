"""Whether an answer is right: a program is recorded with it, and the exercise's rules are asked.

It runs in a process of its own, with little time and memory, that starts no other: an answer that
never ends, exits or eats all memory harms neither the kernel nor the next check. In a browser,
which has no processes, it runs where it was asked for.
"""

import contextlib
import dataclasses
import faulthandler
import importlib
import io
import linecache
import marshal
import os
import pickle
import subprocess
import sys
import traceback
from enum import StrEnum
from random import Random
from types import CodeType
from typing import Any, ClassVar

from helpers.draw import mimebundle
from helpers.draw.picture import picture_of
from helpers.draw.theme import PLOTLY
from helpers.exercises.spec import Exercise, Fault, Wrong, own_threads, patience
from helpers.run import source
from helpers.run.errors import Deadlock, RunTooLong
from helpers.run.session import Run
from helpers.text import as_html
from helpers.trace import LaneKind, Trace

MOST_SECONDS = {"virtual": 1.0, "real": 2.0}  # of a run
_MOST_STEPS, _MOST_PRINTED, _MOST_MEMORY = 20_000, 2_000, 10**9  # characters, bytes
_STARTS = {"os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system", "subprocess.Popen"}
_MEANS = {SystemExit: " An answer returns.", MemoryError: " It gets 1 GB."}
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

    def __repr__(self) -> str:
        printed = self.printed and f"It printed:\n{self.printed}"
        return f"{self.name}: {self.status}. {self.sentence}\n{printed}".rstrip()

    def _ipython_display_(self) -> None:
        from IPython.display import display

        printed = f"<pre>{as_html(self.printed)}</pre>" if self.printed else ""
        words = f"<b>{self.name}: {self.status}.</b> {as_html(self.sentence)}"
        html = {"text/html": f'<div role="status">{words}{printed}</div>', "text/plain": repr(self)}
        display(html, raw=True)  # type: ignore[no-untyped-call]
        if self.trace is not None and len(self.trace.lanes) > 1:  # or it has nothing to show
            picture = picture_of(self.trace, title="How your answer ran")
            shown, (_, lane, *stretch) = mimebundle(picture), self.fault or Fault("")
            row = picture.row_of.get(lane)
            if row is not None and not picture.by_step:
                x0, x1 = map(picture.axis.at, stretch)
                shape = {"type": "rect", "x0": x0, "x1": x1, "y0": row - 0.5, "y1": row + 0.5}
                shown[PLOTLY]["layout"]["shapes"] = [shape | _STRETCH]
            display(shown, raw=True)  # type: ignore[no-untyped-call]


def verdict_on(name: str, exercise: Exercise, answer: Any) -> Verdict:
    """The verdict on an answer, whatever that does, within about five seconds."""
    if sys.platform == "emscripten":
        return verdict_here(name, exercise, answer)
    # A notebook's cells, so that their lines can be told.
    cells = {file: lines for file, lines in linecache.cache.items() if source.in_cell(file)}
    try:
        packed = _packed((name, exercise.program.__module__, answer, cells))
    except Exception as error:
        why = f"Your answer uses what only this notebook has ({error}). Make it in the function."
        return Verdict(name, Status.INCORRECT, why)
    command = [sys.executable, "-c", f"from {__name__} import main; main()"]
    options: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    options["env"] = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    why = "Your answer holds Python itself, in one call that does not end."
    with contextlib.suppress(subprocess.TimeoutExpired):  # which kills it
        ran = subprocess.run(command, check=False, input=packed, timeout=patience(12), **options)
        if not ran.stdout:
            why = f"Your answer ended its own process (exit code {ran.returncode})."
        elif not ran.stdout.startswith(b"Timeout"):
            verdict: Verdict = pickle.loads(ran.stdout)  # noqa: S301 - our own process'
            return verdict
    return Verdict(name, Status.INCORRECT, why)


def _packed(what: Any) -> bytes:
    """Pickled with the functions of a notebook, and with the names of their files, for lines."""
    import cloudpickle  # type: ignore[import-untyped]

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # it has no types
        by_marshal: ClassVar = {CodeType: lambda code: (marshal.loads, (marshal.dumps(code),))}
        dispatch_table = cloudpickle.Pickler.dispatch_table.new_child(by_marshal)

    into = io.BytesIO()
    Pickler(into).dump(what)
    return into.getvalue()


def _refuse(event: str, _: object) -> None:
    if event in _STARTS:
        raise PermissionError("an answer starts no other process")


def main() -> None:
    """Judge the answer that comes in; what is printed goes nowhere but into the verdict."""
    packed, out = sys.stdin.buffer.read(), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    with contextlib.suppress(ImportError, ValueError):  # not on Windows; macOS may refuse
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (_MOST_MEMORY, _MOST_MEMORY))
    sys.addaudithook(_refuse)
    name, module, answer, cells = pickle.loads(packed)  # noqa: S301 - our own kernel's
    linecache.cache.update(cells)
    exercise = importlib.import_module(module).EXERCISES[name]
    # All runs of an answer have these seconds; whoever holds Python's lock is ended by this.
    faulthandler.dump_traceback_later(patience(4.5), exit=True, file=out)
    out.write(pickle.dumps(verdict_here(name, exercise, answer)))
    out.flush()
    os._exit(0)  # whatever threads are left


def verdict_here(
    name: str, exercise: Exercise, answer: Any, *, clock: str = "", dice: int = 0
) -> Verdict:
    """Run the exercise with the answer until a run is not right, or all are."""
    clock = clock or exercise.clock
    error, trace, fault, printed = _run(exercise, answer, clock, dice)
    stands = isinstance(error, Deadlock | RunTooLong)
    stands = stands and any(lane.kind is LaneKind.THREAD for lane in trace.lanes)
    if clock == "virtual" and (stands or own_threads):
        # Its threads wait for each other, or asyncio knows nothing of them: so does this clock.
        return verdict_here(name, exercise, answer, clock="real")
    held = clock == "real" or any(step.wall for lane in trace.lanes for step in lane.steps)
    if fault and held and not error:  # the machine may have paused
        error, trace, fault, printed = _run(exercise, answer, clock, dice)
    if not fault and exercise.takes and clock == "virtual" and dice + 1 < exercise.runs:
        return verdict_here(name, exercise, answer, dice=dice + 1)
    trace = dataclasses.replace(trace, result=None)  # which may not travel
    if not fault:
        return Verdict(name, Status.CORRECT, exercise.right, trace, None, printed)
    seen = trace if exercise.takes is not None else None  # or it would tell the answer
    return Verdict(name, Status.INCORRECT, fault.sentence, seen, fault, printed)


def _run(
    exercise: Exercise, answer: Any, clock: str, dice: int
) -> tuple[BaseException | None, Trace, Fault | None, str]:
    """One run with the answer: what ended it, its trace, what is not right, what it printed."""
    own_threads.clear()
    random = Random(dice)  # whose seconds are short to read
    vars(random)["uniform"] = lambda a, b: round(Random.uniform(random, a, b), 2)
    limits: Any = {"max_seconds": round(patience(MOST_SECONDS[clock]), 1), "max_steps": _MOST_STEPS}
    with contextlib.redirect_stdout(io.StringIO()) as out:
        run = Run(exercise.program(answer, random), clock=clock, unit=exercise.unit, **limits)
        run.start()
        trace = run.finished.result()
    faults = (rule(trace) for rule in exercise.rules)
    fault = Fault(_in_words(run.error)) if run.error else next(filter(None, faults), None)
    return run.error, trace, fault, out.getvalue()[:_MOST_PRINTED]


def _in_words(error: BaseException) -> str:
    """What ended a run before its rules could be asked."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, Wrong):
        return str(error)
    if isinstance(error, Deadlock | RunTooLong):
        return f"Your answer does not come to an end: {error}."
    frames = traceback.extract_tb(error.__traceback__)
    own = [tuple(frame)[:3] for frame in frames if source.in_cell(frame.filename)]
    at = f", at {source.describe(own[-1])}" if own else ""
    return f"Your answer raised `{source.in_words(error)}`{at}.{_MEANS.get(type(error), '')}"
