"""The message of a picture: one true sentence about a run, and a line on what was run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from helpers import text as words
from helpers.draw import bars
from helpers.draw.units import Scale
from helpers.task import MAIN_RETURN
from helpers.trace import LaneKind, Outcome, Task, Trace

# A wait for the chef is worth the title from this share of the run on, and a measured one from so
# many seconds on: below, it is the machine's noise.
_WORTH = 0.04
_NOISE = 0.001
_SOURCES = {"tokio": "real Tokio", "model": "a model"}  # of those that asyncio did not run
# So many tasks are a crowd when their waits add up to so many times the run.
_CROWD, _TIMES = 10, 4


class Wait(NamedTuple):
    """A stretch in which a lane was ready and no chef was free."""

    lane: Task
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start


def headline(trace: Trace, scale: Scale) -> str:
    """A sentence that says what there is to see, computed from the trace."""
    if not trace.lanes:
        return "Nothing ran"
    if trace.duration == 0:
        steps = sum(lane.polls for lane in trace.lanes)
        return f"{words.plural(steps, 'step')} at one moment: no time passes"
    return next(_sentences(trace, scale))


def subtitle(trace: Trace, scale: Scale) -> str:
    """The root's name, the clock, how many tasks, how long, how many chefs and other threads."""
    roots = [lane for lane in trace.tasks if lane.parent is None]
    chefs = "one chef" if trace.workers == 1 else f"{trace.workers} chefs"
    if beside := {
        step.thread for lane in trace.lanes if lane.kind is LaneKind.THREAD for step in lane.steps
    }:
        chefs += f" and {words.plural(len(beside), 'thread')}"
    other = _SOURCES.get(trace.source)
    parts = [
        *([roots[0].name] if roots else []),
        *([other] if other else []),
        f"{trace.clock} clock",
        words.plural(len(trace.tasks), "task"),
        scale.long(trace.duration),
        chefs,
    ]
    return " · ".join(parts)


def longest_wait(trace: Trace) -> Wait | None:
    """The longest stretch in which a task was ready and no chef was free; the first of equals."""
    longest: Wait | None = None
    for lane in trace.lanes:
        if lane.kind is LaneKind.THREAD:
            continue
        for wait in _waits(lane):
            if longest is None or wait.seconds > longest.seconds:
                longest = wait
    return longest


def actors(trace: Trace) -> list[Task]:
    """Who waits longest for the chef, and who holds the chef meanwhile, if one does."""
    wait = longest_wait(trace)
    if wait is None:
        return []
    holder = _holder(trace, wait)
    return [wait.lane] if holder is None else [wait.lane, holder]


def _waits(lane: Task) -> Iterator[Wait]:
    at = lane.spawned
    for ready, start, end, *_ in lane.steps:
        if start > max(at, ready):
            yield Wait(lane, max(at, ready), start)
        at = end


def _sentences(trace: Trace, scale: Scale) -> Iterator[str]:
    """What could be said, the most telling first."""
    wait = longest_wait(trace)
    blocked = any(finding.kind == "blocked" for finding in trace.findings)
    if wait is not None and blocked and trace.clock == "real":
        yield _about_wait(trace, scale, wait)
    yield from _about_crowd(trace, scale, _CROWD, _TIMES)
    least = max(_WORTH * trace.duration, _NOISE if trace.clock == "real" else 0.0)
    if wait is not None and wait.seconds >= least:
        yield _about_wait(trace, scale, wait)
    yield from _about_endings(trace, scale)
    yield from _about_crowd(trace, scale, 2, 1.2)
    yield _about_nothing(trace, scale)


def _about_wait(trace: Trace, scale: Scale, wait: Wait) -> str:
    """Who waited, with whom, and for whom, if one step filled the most of that time."""
    others = [
        lane
        for lane in trace.tasks
        if lane is not wait.lane
        and any(other.seconds >= wait.seconds / 2 for other in _waits(lane))
    ]
    name, long = f"`{wait.lane.name}`", scale.long(wait.seconds)
    too = ""
    if others:
        verb = "waits" if len(others) == 1 else "wait"
        too = f"; {words.plural(len(others), 'other task')} {verb} half as long or longer"
    holder = _holder(trace, wait) if trace.workers == 1 else None
    if holder is not None:
        return f"`{holder.name}` holds the chef; {name} is ready and waits {long}{too}"
    at_once = wait.start <= (0.005 * trace.duration if trace.clock == "real" else 0)
    ready = "at once" if at_once else f"at {scale.moment(wait.start)} {scale.short}"
    return f"{name} is ready {ready} and waits {long} for a free chef{too}"


def _holder(trace: Trace, wait: Wait) -> Task | None:
    """Whose step filled the most of a wait, if one did."""
    held: tuple[float, Task | None] = (0.75 * wait.seconds, None)
    for lane in trace.lanes:
        if lane.kind in (LaneKind.TASK, LaneKind.CALLBACK) and lane is not wait.lane:
            for step in lane.steps:
                took = min(step.end, wait.end) - max(step.start, wait.start)
                if took > held[0]:
                    held = took, lane
    return held[1]


def _about_crowd(trace: Trace, scale: Scale, count: int, times: float) -> Iterator[str]:
    """Many tasks whose waits lie side by side."""
    parents = {lane.parent for lane in trace.tasks}
    leaves = [lane for lane in trace.tasks if lane.id not in parents]
    waited = [bars.waited(lane) for lane in leaves]
    waits = sum(idle for _, idle in waited)
    if waits < sum(scheduled for scheduled, _ in waited):
        return  # they wait for the chef more than for anything else
    if len(leaves) >= count and waits >= times * trace.duration:
        yield (
            f"{len(leaves):,} tasks wait side by side: {scale.long(waits)} of waiting "
            f"in {scale.long(trace.duration)}"
        )


def _about_endings(trace: Trace, scale: Scale) -> Iterator[str]:
    """A task that did not end well, or was not kept."""
    for finding in trace.findings:
        if finding.kind in ("left_running", "vanished") and finding.task in trace.by_id:
            lane = trace.by_id[finding.task]
            what = "left running" if finding.kind == "left_running" else "lost: nobody kept it"
            yield f"`{lane.name}` is {what}"
    for lane in trace.tasks:
        if lane.outcome is Outcome.RAISED and lane.ended is not None:
            error = lane.error.partition(":")[0]
            yield f"`{lane.name}` raises {error} at {scale.moment(lane.ended)} {scale.short}"
    yield from _about_stops(trace, scale)


def _about_stops(trace: Trace, scale: Scale) -> Iterator[str]:
    """Who was asked to stop, by whom; those who were asked in one breath together."""
    asked: dict[tuple[float, int | str | None], list[Task]] = defaultdict(list)
    for lane in trace.lanes:
        for request in lane.cancels:
            asked[request].append(lane)
    for (time, by), lanes in sorted(asked.items(), key=lambda item: item[0][0]):
        names = words.listing([f"`{lane.name}`" for lane in lanes])
        at = f"at {scale.moment(time)} {scale.short}"
        if by == "deadline":
            yield f"Time is up for {names} {at}"
        elif by == MAIN_RETURN:
            yield f"main returns {at}, and {names} {'is' if len(lanes) == 1 else 'are'} cancelled"
        elif by is not None:
            who = bars.who(trace, by)
            who = f"`{who}`" if isinstance(by, int) else f"{who[0].upper()}{who[1:]}"
            obeyed = all(lane.outcome is Outcome.CANCELLED for lane in lanes)
            yield f"{who} cancels {names} {at}" if obeyed else f"{who} asks {names} to stop {at}"


def _about_nothing(trace: Trace, scale: Scale) -> str:
    names = [f"`{lane.name}`" for lane in trace.tasks]
    works = sum(lane.kind is LaneKind.THREAD for lane in trace.lanes)
    if works:
        return f"{words.listing(names)} and {words.plural(works, 'piece')} of work in threads"
    if len(names) == 1:
        return f"{names[0]} runs alone for {scale.long(trace.duration)}"
    if trace.workers > 1:
        return f"{words.plural(len(names), 'task')} on {trace.workers} chefs; none waits long"
    return f"{words.listing(names)} share one chef; none waits long"
