"""The message of a picture: one true sentence about a run, and a line on what was run."""

from collections import defaultdict
from collections.abc import Iterator

from helpers import text as words
from helpers.draw.theme import OUTCOMES
from helpers.draw.units import TimeUnit
from helpers.task import DEADLINE, IO, MAIN_RETURN, START, STOP, THREAD, TIMER, CancelRequest, Waker
from helpers.trace import LaneKind, Outcome, Span, Task, TaskState, Trace

_WORTH = 0.04  # a wait for the chef is worth the title from this share of the run on
_NOISE = 0.001  # a measured wait of fewer seconds is the machine's noise
_CROWD, _TIMES = 10, 4  # so many tasks are a crowd if their waits are so many times the run
_LOST = {"left_running": "left running", "vanished": "lost: nobody kept it"}  # kinds of findings
_SOURCES = {"tokio": "real Tokio", "model": "a model"}  # of those that asyncio did not run
_WAKERS: dict[Waker, str] = {
    START: "the start of the run",
    TIMER: "a timer",
    IO: "I/O",
    THREAD: "a thread",
    DEADLINE: "a deadline",
    STOP: "Stop",
}


def who(trace: Trace, by: Waker) -> str:
    """Who woke or cancelled a lane, as it is said behind "by"."""
    return _WAKERS.get(by) or trace.name_of(by)


def how_it_ended(trace: Trace, lane: Task, *, whole: bool = False) -> str:
    """The outcome in words: "cancelled by main", "raised ValueError", `whole` with its message."""
    if lane.kind is LaneKind.CALLBACK:
        return "called"
    if lane.outcome is Outcome.RAISED:
        return f"raised {lane.error if whole else lane.error.partition(':')[0]}".rstrip()
    if lane.outcome is Outcome.CANCELLED and lane.cancelled_by is not None:
        return f"cancelled by {who(trace, lane.cancelled_by)}"
    if lane.outcome is not Outcome.PENDING:
        return str(lane.outcome)
    return "vanished" if "vanished" in lane.noticed else OUTCOMES[Outcome.PENDING].words


def subtitle(trace: Trace, unit: TimeUnit) -> str:
    """The root's name, the clock, how many tasks, how long, how many chefs and other threads."""
    roots = [lane.name for lane in trace.tasks if lane.parent is None]
    works = (lane for lane in trace.lanes if lane.kind is LaneKind.THREAD)
    chefs = "one chef" if trace.workers == 1 else f"{trace.workers} chefs"
    if threads := {step.thread for lane in works for step in lane.steps}:
        chefs += f" and {words.plural(len(threads), 'thread')}"
    tasks = words.plural(len(trace.tasks), "task")
    source = f"{_SOURCES.get(trace.source, '')} {trace.about.get('tokio', '')}".strip()
    parts = [*roots[:1], source, f"{trace.clock} clock", tasks]
    return " · ".join([*filter(None, parts), unit.long(trace.duration), chefs])


def longest_wait(trace: Trace) -> Span | None:
    """The longest span in which a lane was ready and no chef was free; the first of equals."""
    return max(_waits(trace), key=lambda span: span.seconds, default=None)


def _waits(trace: Trace) -> Iterator[Span]:
    """The spans of waiting for a chef. Work in threads waits for a thread."""
    threads = {lane.id for lane in trace.lanes if lane.kind is LaneKind.THREAD}
    ready = (span for span in trace.spans if span.state is TaskState.SCHEDULED)
    return (span for span in ready if span.task not in threads)


def holder(trace: Trace, wait: Span) -> Task | None:
    """Whose step filled at least three quarters of a wait, if one did."""
    filled = (
        (min(step.end, wait.end) - max(step.start, wait.start), lane)
        for lane in trace.lanes
        if lane.kind in (LaneKind.TASK, LaneKind.CALLBACK) and lane.id != wait.task
        for step in lane.steps
    )
    seconds, held_by = max(filled, key=lambda step: step[0], default=(0.0, None))
    return held_by if seconds > 0.75 * wait.seconds else None


def sentences(trace: Trace, unit: TimeUnit) -> Iterator[str]:
    """What could be said of a run, the most telling first."""
    if not trace.lanes:
        yield "Nothing ran"
    yield from _about_deadlock(trace, unit)
    if trace.duration == 0:
        steps = sum(lane.polls for lane in trace.lanes)
        yield f"{words.plural(steps, 'step')} at one moment: no time passes"
    wait, real = longest_wait(trace), trace.clock == "real"
    if wait and real and any(finding.kind == "blocked" for finding in trace.findings):
        yield _about_wait(trace, unit, wait)
    yield from _about_crowd(trace, unit, _CROWD, _TIMES)
    if wait and wait.seconds >= max(_WORTH * trace.duration, _NOISE if real else 0.0):
        yield _about_wait(trace, unit, wait)
    yield from _about_endings(trace, unit)
    yield from _about_stops(trace, unit)
    yield from _about_crowd(trace, unit, 2, 1.2)
    yield _about_the_rest(trace, unit)


def _about_deadlock(trace: Trace, unit: TimeUnit) -> Iterator[str]:
    """Who waits for ever, but for those who wait for a child that does."""
    found = {finding.task for finding in trace.findings if finding.kind == "deadlock"}
    parents = {lane.parent for lane in trace.tasks if lane.id in found}
    if names := [f"`{lane.name}`" for lane in trace.tasks if lane.id in found - parents]:
        wait, whom = ("waits", "it") if len(names) == 1 else ("wait", "them")
        at = f"{unit.moment(trace.duration)} {unit.short}"
        yield f"Deadlock at {at}: {words.listing(names)} {wait}, and nothing can wake {whom}"


def _about_wait(trace: Trace, unit: TimeUnit, wait: Span) -> str:
    """Who waited, with how many others, and for whom, if one step filled the most of that time."""
    long_too = {span.task for span in _waits(trace) if span.seconds >= wait.seconds / 2}
    others = sum(task.id in long_too for task in trace.tasks if task.id != wait.task)
    name, long = f"`{trace.by_id[wait.task].name}`", unit.long(wait.seconds)
    verb = "waits" if others == 1 else "wait"
    too = f"; {words.plural(others, 'other task')} {verb} half as long or longer" * bool(others)
    if trace.workers == 1 and (held_by := holder(trace, wait)):
        return f"`{held_by.name}` holds the chef; {name} is ready and waits {long}{too}"
    at_once = wait.start <= (0.005 * trace.duration if trace.clock == "real" else 0)
    ready = "at once" if at_once else f"at {unit.moment(wait.start)} {unit.short}"
    what = "a free chef" if trace.workers == 1 else "its turn"  # an idle worker may not hear of it
    return f"{name} is ready {ready} and waits {long} for {what}{too}"


def _about_crowd(trace: Trace, unit: TimeUnit, count: int, times: float) -> Iterator[str]:
    """At least `count` tasks whose waits, side by side, add up to `times` times the run."""
    parents = {task.parent for task in trace.tasks}
    leaves = [task for task in trace.tasks if task.id not in parents]
    idle, scheduled = sum(task.idle for task in leaves), sum(task.scheduled for task in leaves)
    # Else they wait for the chef more than for anything else.
    if len(leaves) >= count and idle >= max(times * trace.duration, scheduled):
        long = f"{unit.long(idle)} of waiting in {unit.long(trace.duration)}"
        yield f"{len(leaves):,} tasks wait side by side: {long}"


def _about_endings(trace: Trace, unit: TimeUnit) -> Iterator[str]:
    """A task that did not end well, or was not kept."""
    for finding in trace.findings:
        if finding.kind in _LOST and finding.task in trace.by_id:
            yield f"`{trace.by_id[finding.task].name}` is {_LOST[finding.kind]}"
    for lane in trace.tasks:
        if lane.outcome is Outcome.RAISED:
            error = lane.error.partition(":")[0]
            yield f"`{lane.name}` raises {error} at {unit.moment(lane.end)} {unit.short}"


def _about_stops(trace: Trace, unit: TimeUnit) -> Iterator[str]:
    """Who was asked to stop, by whom; those who were asked in one breath together."""
    asked: dict[CancelRequest, list[Task]] = defaultdict(list)
    for lane in trace.lanes:
        for request in lane.cancels:
            asked[request].append(lane)
    for request in sorted(asked, key=lambda request: request.time):
        lanes, by = asked[request], request.by
        names = words.listing([f"`{lane.name}`" for lane in lanes])
        at = f"at {unit.moment(request.time)} {unit.short}"
        if by == DEADLINE:
            yield f"Time is up for {names} {at}"
        elif by == MAIN_RETURN:
            yield f"main returns {at}, and {names} {'is' if len(lanes) == 1 else 'are'} cancelled"
        elif by is not None:
            name = who(trace, by)
            name = f"`{name}`" if isinstance(by, int) else f"{name[0].upper()}{name[1:]}"
            obeyed = all(lane.outcome is Outcome.CANCELLED for lane in lanes)
            yield f"{name} cancels {names} {at}" if obeyed else f"{name} asks {names} to stop {at}"


def _about_the_rest(trace: Trace, unit: TimeUnit) -> str:
    names = words.listing([f"`{lane.name}`" for lane in trace.tasks])
    if works := sum(lane.kind is LaneKind.THREAD for lane in trace.lanes):
        return f"{names} and {words.plural(works, 'piece')} of work in threads"
    if len(trace.tasks) == 1:
        return f"{names} runs alone for {unit.long(trace.duration)}"
    if trace.workers > 1:
        return f"{words.plural(len(trace.tasks), 'task')} on {trace.workers} chefs; none waits long"
    return f"{names} share one chef; none waits long"
