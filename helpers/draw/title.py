"""The message of a picture: one true sentence about a run, and a line on what was run."""

import itertools
import operator
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator

from helpers import text as words
from helpers.draw.theme import OUTCOMES, TimeUnit
from helpers.task import DEADLINE, GROUP, IO, MAIN_RETURN, START, STOP, THREAD, TIMER, Waker
from helpers.trace import LaneKind, Outcome, Span, Task, Trace

_MOST_STEPS = 50_000  # of a run whose longest path is looked for
_Part = tuple[Task, str, float]  # of a run: who did what, and for how long
_SOURCES = {"tokio": "real Tokio", "model": "a model"}  # of those that asyncio did not run
_WAKERS: dict[Waker, str] = {START: "the start of the run", TIMER: "a timer", IO: "I/O"}
_WAKERS |= {THREAD: "a thread", DEADLINE: "a deadline", STOP: "Stop", GROUP: "the TaskGroup"}


def who(trace: Trace, by: Waker) -> str:
    """Who woke or cancelled a lane, as it is said behind "by"."""
    return _WAKERS.get(by) or trace.name_of(by)


def how_it_ended(trace: Trace, lane: Task, *, whole: bool = False) -> str:
    """The outcome in words: "cancelled by main", "raised ValueError", `whole` with its message."""
    if lane.outcome is Outcome.RAISED:
        return f"raised {lane.error if whole else lane.error.partition(':')[0]}".rstrip()
    if lane.kind is LaneKind.CALLBACK:
        return "called"
    if lane.outcome is Outcome.CANCELLED and lane.cancelled_by is not None:
        return f"cancelled by {who(trace, lane.cancelled_by)}"
    if lane.outcome is not Outcome.PENDING:
        return str(lane.outcome)
    return "vanished" if "vanished" in lane.noticed else OUTCOMES[Outcome.PENDING].words


def chefs(count: int) -> str:
    """How many chefs, in words."""
    return "one chef" if count == 1 else f"{count} chefs"


def subtitle(trace: Trace, unit: TimeUnit) -> str:
    """The root's name, the clock, how many tasks, how long, how many chefs and other threads."""
    roots = [lane.name for lane in trace.tasks if lane.parent is None]
    works = (lane for lane in trace.lanes if lane.kind is LaneKind.THREAD)
    threads = {step.thread for lane in works for step in lane.steps}
    team = chefs(trace.workers) + f" and {words.plural(len(threads), 'thread')}" * bool(threads)
    source = f"{_SOURCES.get(trace.source, '')} {trace.about.get('tokio', '')}".strip()
    parts = [source, f"{trace.clock} clock", words.plural(len(trace.tasks), "task")]
    return " · ".join(filter(None, [*roots[:1], *parts, unit.long(trace.duration), team]))


def sentences(trace: Trace, unit: TimeUnit) -> Iterator[str]:
    """What could be said of a run, the most telling first."""
    if not trace.lanes:
        yield "Nothing ran"
    yield from _about_deadlock(trace, unit)
    # A shorter wait for the chef is not worth the title, or is the machine's noise.
    least = max(0.04 * trace.duration, 0.001 if trace.clock == "real" else 0.0)
    wait = trace.longest_wait
    waits = [_about_wait(trace, unit, wait)] if wait and wait.seconds >= least else []
    for finding in trace.findings:
        yield from waits if waits and finding.kind == "blocked" else [finding.headline]
    if trace.duration == 0:
        steps = sum(lane.polls for lane in trace.lanes)
        yield f"{words.plural(steps, 'step')} at one moment: no time passes"
    path = list(_path(trace))
    turns = list(_about_turns(trace, unit, path)) if path and not waits else []
    count, idle = _side_by_side(trace)
    long = f"{unit.long(idle)} of waiting in {unit.long(trace.duration)}"
    crowd = f"{count:,} tasks wait side by side: {long}"
    if count >= 10 and idle >= 4 * trace.duration and not turns:
        yield crowd
    yield from waits
    for lane in trace.tasks:
        if lane.outcome is Outcome.RAISED:
            error = lane.error.partition(":")[0]
            yield f"`{lane.name}` raises {error} at {unit.moment(lane.end)} {unit.short}"
    yield from _about_stops(trace, unit)
    yield from turns
    if count > 1 and idle >= 1.2 * trace.duration:
        yield crowd
    yield _about_the_rest(trace, unit, path)


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
    long_too = (trace.waits[task.id][1] >= wait.seconds / 2 for task in trace.tasks)
    others = sum(long_too) - (trace.by_id[wait.task].kind is LaneKind.TASK)
    name, long = f"`{trace.by_id[wait.task].name}`", unit.long(wait.seconds)
    verb = "waits" if others == 1 else "wait"
    too = f"; {words.plural(others, 'other task')} {verb} long too" * bool(others)
    if trace.workers == 1 and (few := trace.holders):
        whom = words.listing([f"`{lane.name}`" for lane in few])
        hold = "holds" if len(few) == 1 else "hold"
        return f"{whom} {hold} the chef; {name} is ready and waits {long}{too}"
    at_once = wait.start <= (0.005 * trace.duration if trace.clock == "real" else 0)
    ready = "at once" if at_once else f"at {unit.moment(wait.start)} {unit.short}"
    what = "a free chef" if trace.workers == 1 else "its turn"  # an idle worker may not hear of it
    return f"{name} is ready {ready} and waits {long} for {what}{too}"


def _side_by_side(trace: Trace) -> tuple[int, float]:
    """How many tasks waited side by side, and for how long in all.

    None, if they waited for the chef more than for anything else.
    """
    parents = {task.parent for task in trace.tasks}
    leaves = [task for task in trace.tasks if task.id not in parents]
    ready = sum(trace.waits[task.id][0] for task in leaves)
    if len(leaves) == 1 or sum(task.end - task.spawned for task in leaves) < 2 * ready:
        return 0, 0.0  # without a look at every step
    tasks: set[Waker] = {task.id for task in trace.tasks}
    idle = sum(_idle(tasks, task) for task in leaves)
    return (len(leaves), idle) if idle >= ready else (0, 0.0)


def _about_stops(trace: Trace, unit: TimeUnit) -> Iterator[str]:
    """Who was asked to stop, by whom; those who were asked in one breath together."""
    asked: dict[tuple[float, Waker], list[Task]] = defaultdict(list)
    for lane in trace.lanes:
        for time, by, *_ in lane.cancels:
            asked[time, by].append(lane)
    for (time, by), lanes in sorted(asked.items(), key=lambda request: request[0][0]):
        names = words.listing([f"`{lane.name}`" for lane in lanes])
        at = f"at {unit.moment(time)} {unit.short}"
        name = f"`{who(trace, by)}`" if isinstance(by, int) else who(trace, by)
        if by == DEADLINE:
            yield f"Time is up for {names} {at}"
        elif by == MAIN_RETURN:
            yield f"main returns {at}, and {names} {'is' if len(lanes) == 1 else 'are'} cancelled"
        elif by is not None and all(lane.outcome is Outcome.CANCELLED for lane in lanes):
            yield f"{name[0].upper()}{name[1:]} cancels {names} {at}"
        elif by is not None:
            yield f"{name[0].upper()}{name[1:]} asks {names} to stop {at}"


def _path(trace: Trace) -> Iterator[_Part]:
    """What the end of a run waited for, backwards: who worked or waited, and for how long.

    From who was woken by another lane it goes on to that one. The times add up to the duration. Of
    a run of very many steps there is none: it would take seconds.
    """
    if sum(lane.polls for lane in trace.lanes) > _MOST_STEPS:
        return
    lane = max(trace.lanes, key=lambda lane: lane.end)
    at, left = lane.end, {lane.id: lane.polls for lane in trace.lanes}
    while n := left[lane.id]:
        left[lane.id], step = n - 1, lane.steps[n - 1]
        where, free = (" in a thread", "thread") if lane.kind is LaneKind.THREAD else ("", "chef")
        by = step.woken_by
        waker = trace.by_id.get(by) if isinstance(by, int) and by != lane.id else None
        cause = f" for {_WAKERS[by]}" if by in _WAKERS and n > 1 else ""
        does = ["waits {}", "works {}" + where, "waits {} for a free " + free, "waits {}" + cause]
        since = step.ready if waker else lane.steps[n - 2].end if n > 1 else 0.0
        moments = [min(at, x) for x in (at, step.end, step.start, step.ready, since)]
        for what, (end, start) in zip(does, itertools.pairwise(moments), strict=True):
            if end > start:
                yield lane, what, end - start
        at, lane = moments[-1], waker or lane
        if waker:
            begun = bisect_right(lane.steps, at, key=operator.attrgetter("start"))
            left[lane.id] = min(left[lane.id], begun)


def _idle(tasks: set[Waker], task: Task) -> float:
    """For how long a task was idle for no other task's sake, but for a timer, I/O or in vain."""
    asked = {request.time for request in task.cancels}
    pairs = itertools.pairwise(task.steps)
    waits = [b.ready - a.end for a, b in pairs if b.woken_by not in tasks or b.ready in asked]
    last = task.steps[-1].end if task.steps else task.end
    return round(sum(waits) + task.end - last, 9)


def _about_turns(trace: Trace, unit: TimeUnit, path: list[_Part]) -> Iterator[str]:
    """Tasks that waited one after another, and how long that would take side by side."""
    parts = [(x.id if x.kind is LaneKind.TASK else x.parent, long) for x, _, long in path]
    spent: dict[int | None, float] = defaultdict(float)
    for number, long in parts:
        spent[number] += long
    tasks: set[Waker] = {task.id for task in trace.tasks}
    took = {x.id: x.busy + waited for x in trace.tasks if (waited := _idle(tasks, x))}
    least = 0.01 * max(spent.values())  # who took less did not make the run long
    chain = {n: trace.by_id[n] for n in took if spent[n] > least}
    total = sum(spent[n] for n in chain)
    if len(chain) < 2 or total < max(trace.duration / 2, sum(took.values()) / 1.01):
        return
    met = any(b.spawned < a.end for a, b in itertools.pairwise(chain.values()))
    how = " wait for one another" if met else ", never two at once"
    said = f"{len(chain):,} tasks{how}: {unit.long(total)} one after another"
    # Of one function, and each over before the next begins: none needs what another has found.
    functions = {x.place or x.name.rstrip(" 0123456789") for x in chain.values()}
    turns = list(itertools.groupby(n for n, _ in parts if n in chain))
    alike = len(functions) == 1 and len(turns) == len(chain)
    best = max(sum(x.busy for x in chain.values()), *(took[n] for n in chain))
    if alike and best < 0.9 * total and not any(x.parent in chain for x in chain.values()):
        said += f"; side by side it would be {unit.long(best)}"
        said += ", if none needs another" * (not met)
    yield said


def _about_the_rest(trace: Trace, unit: TimeUnit, path: list[_Part]) -> str:
    """Who ran, for how long, and what the most of that was."""
    spent: dict[tuple[int, str], list[float]] = defaultdict(list)
    for lane, does, long in path:
        spent[lane.id, does].append(long)
    names = words.listing([f"`{lane.name}`" for lane in trace.tasks])
    if works := sum(lane.kind is LaneKind.THREAD for lane in trace.lanes):
        names += f" and {words.plural(works, 'piece')} of work in threads"
    alone = len(trace.tasks) == 1 and not works
    said = f"{names} {'runs alone for' if alone else 'take'} {unit.long(trace.duration)}"
    if not spent:
        return said
    (number, does), parts = max(spent.items(), key=lambda part: sum(part[1]))
    name = "it" if alone else f"`{trace.by_id[number].name}`"
    times = f" ({len(parts):,} times)" * (len(parts) > 1)
    return f"{said}: {name} {does.format(unit.long(sum(parts)))}{times}"
