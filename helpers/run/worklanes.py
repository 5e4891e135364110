"""The lanes of what a run handed to threads: one a piece of work, on numbered helpers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from helpers.run.threads import Work
from helpers.trace import LaneKind, Outcome, Step, Task

_DIGITS = 9


def work_lanes(works: Sequence[Work], first: int, origin: float, over: float) -> list[Task]:
    """A lane for each piece of work, with ids from `first` on. `over`: seconds since `origin`.

    Which of the pool's threads took it up is chance; each is shown on the first helper that was
    free by then.
    """
    seats: list[float] = []  # until when each helper is taken
    names = numbered([work.name for work in works])
    return [_lane(work, first + n, names[n], seats, origin, over) for n, work in enumerate(works)]


def _lane(
    work: Work, number: int, name: str, seats: list[float], origin: float, over: float
) -> Task:
    spawned = round(work.submitted - origin, _DIGITS)
    ended = None if work.ended is None else round(work.ended - origin, _DIGITS)
    end = over if ended is None else ended
    steps: tuple[Step, ...] = ()
    if work.started is not None:
        start = round(work.started - origin, _DIGITS)
        seat = next((k for k, free in enumerate(seats) if free <= start), len(seats))
        seats[seat : seat + 1] = [end]
        steps = (Step(spawned, start, end, f"helper {seat + 1}", work.parent),)
    outcome, error = _outcome(work)
    if outcome is Outcome.CANCELLED and not steps:
        ended = end = spawned
    return Task(
        id=number,
        name=name,
        parent=work.parent,
        spawned=spawned,
        ended=ended,
        outcome=outcome,
        end=end,
        steps=steps,
        kind=LaneKind.THREAD,
        error=error,
    )


def _outcome(work: Work) -> tuple[Outcome, str]:
    if work.future is not None and work.future.cancelled():
        return Outcome.CANCELLED, ""
    if work.ended is None:
        return Outcome.PENDING, ""
    if work.error is not None:
        return Outcome.RAISED, f"{type(work.error).__name__}: {work.error}".removesuffix(": ")
    return Outcome.RETURNED, ""


def numbered(names: list[str]) -> list[str]:
    """The names with a number behind those that recur: "cook 1", "cook 2"."""
    often = Counter(names)
    seen: Counter[str] = Counter()
    out = []
    for name in names:
        seen[name] += 1
        out.append(f"{name} {seen[name]}" if often[name] > 1 else name)
    return out
