"""What an exercise is: a program around the learner's answer, and what its run must look like."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

from helpers.run.clock import busy
from helpers.run.threads import current_job
from helpers.trace import Task, Trace

LOST = " Do two of them read the same sum, and each write its own?"  # where one is too small
own_threads: list[float] = []  # for how long `hold` held each that asyncio knows nothing of


class Fault(NamedTuple):
    """What is wrong with a run, in a sentence, and the stretch of a lane that shows it, if any."""

    sentence: str
    lane: int | None = None  # its id
    start: float = 0.0
    end: float = 0.0


Rule = Callable[[Trace], Fault | None]


class Wrong(Exception):
    """What came back from the answer is not right, in a sentence."""


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """One exercise. `program(answer, random)` is the coroutine that is recorded and judged.

    takes: the names of what the answer is called with; None where the answer is a value.
    rules: what must hold of the trace; the first that does not is told.
    right: the sentence for an answer that passes: why it is right.
    hints: from a nudge to nearly the answer.
    runs: how often it is judged, each time with other dice; a value, or on the real clock, once.
    """

    program: Callable[[Any, Random], Coroutine[Any, Any, Any]]
    takes: Sequence[str] | None
    rules: Sequence[Rule]
    right: str
    hints: Sequence[str]
    clock: str = "virtual"
    unit: str = "seconds"
    runs: int = 5


def must(holds: object, sentence: str) -> None:
    """Say in a sentence what is wrong with what came back, unless it holds."""
    if not holds:
        raise Wrong(sentence)


def patience(seconds: float) -> float:
    """So many seconds, and up to five times as many where others keep the processors busy."""
    with contextlib.suppress(AttributeError, OSError):  # Windows and browsers do not tell
        seconds *= min(max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)), 5.0)
    return seconds


def slack(trace: Trace) -> float:
    """How many seconds late is no fault: on the real clock the machine has a part in it."""
    return min(patience(0.1), 0.25) if trace.clock == "real" else 1e-6


def hold(seconds: float) -> None:
    """Hold the thread that calls it, as work does, or a service that blocks."""
    if current_job() is None and asyncio._get_running_loop() is None:
        own_threads.append(seconds)
    busy(seconds)


async def call(name: str, seconds: float, outcome: Any = None) -> Any:
    """One call of a service: a task of its own, so that the trace tells when it ran.

    It takes `seconds` and returns the outcome, or raises it if that is an exception.
    """

    async def serve() -> Any:
        await asyncio.sleep(seconds)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    return await asyncio.create_task(serve(), name=name)


def calls(trace: Trace, name: str) -> list[Task]:
    """The tasks of `call` whose names begin so, in the order in which they began."""
    named = [lane for lane in trace.tasks if lane.name.startswith(name)]
    return [lane for lane in named if lane.place.startswith("spec.py:")]


def unsort_sets() -> None:
    """Let numbers of tasks, by which a set has them in order here, go on just below 128."""
    log: Any = vars(asyncio.get_running_loop())["log"]
    log.hidden.update(range(len(log.spawns), 126))
    log.spawns += [""] * (126 - len(log.spawns))
