"""What must hold of a run, as predicates on its trace: each gives None, or its first fault.

`name` is how the names of the lanes begin that a rule is about; a moment is in seconds.
"""

from bisect import bisect
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter

from helpers.exercises.spec import Fault, Rule, calls, slack
from helpers.task import MAIN_RETURN
from helpers.text import listing, seconds
from helpers.trace import LaneKind, Outcome, Task, Trace


def rule(judge: Callable[..., Iterator[Fault]]) -> Callable[..., Rule]:
    """Let what finds faults in a trace be called with all else first, for the first of them."""
    return lambda *args, **options: lambda trace: next(judge(trace, *args, **options), None)


@rule
def never_blocked(trace: Trace, most: float = 0.05) -> Iterator[Fault]:
    """No step of the loop takes longer than `most` seconds."""
    lanes = [lane for lane in trace.lanes if lane.kind is not LaneKind.THREAD]
    works = [(max(s.end - s.start, s.wall), s, lane) for lane in lanes for s in lane.steps]
    took, step, lane = max(works, key=itemgetter(0))
    line = step.held_at and f", {step.held_at}"
    words = f"`{lane.name}` holds the loop for {at(trace, took)} without an await{line}"
    if took > most + slack(trace):
        yield Fault(f"{words}: nobody else can run meanwhile.", lane.id, step.start, step.end)


@rule
def overlapped(trace: Trace, name: str, least: int | None = None) -> Iterator[Fault]:
    """So many of the calls are under way at once; by default all of them."""
    ran = calls(trace, name)
    most, since = _most_alive(ran)
    if not ran:
        yield Fault(f"No `{name}` was ever called.")
    elif most < min(least or len(ran), len(ran)):
        late = next((lane for lane in ran if lane.spawned > since), ran[-1])
        words = f"Only {most} of {len(ran)} calls were ever under way at once"
        words = words if most > 1 else "The calls lie one after another"
        yield _at_fault(late, f"{words}: `{late.name}` began at {at(trace, late.spawned)}.")


@rule
def at_most_alive(trace: Trace, most: int, name: str) -> Iterator[Fault]:
    """Never more than so many of the calls are under way at once."""
    ran = calls(trace, name)
    alive, since = _most_alive(ran)
    if alive > most:
        last = next(lane for lane in reversed(ran) if lane.spawned <= since < lane.end)
        words = f"{alive} calls were under way at {at(trace, since)}; at most {most} may be."
        yield _at_fault(last, words)


@rule
def each_once(trace: Trace, name: str) -> Iterator[Fault]:
    """No call is made again."""
    made: dict[str, Task] = {}
    words = len(name.split()) + 1  # of a name; a number follows where there are two of it
    for lane in calls(trace, name):
        call = " ".join(lane.name.split()[:words])
        if (first := made.setdefault(call, lane)) is not lane:
            times = f"{at(trace, first.spawned)} and again at {at(trace, lane.spawned)}"
            yield _at_fault(lane, f"`{call}` was called at {times}: once is enough.")


@rule
def finished_within(trace: Trace, most: float, slowest: str = "") -> Iterator[Fault]:
    """The whole takes no more than so many seconds, or than the slowest of the calls named."""
    took = [lane.end - lane.spawned for lane in calls(trace, slowest) if slowest]
    most = min(most, max(took, default=most))
    if trace.duration > most + 2 * slack(trace):
        last = max(trace.tasks[1:], key=lambda task: task.end, default=trace.tasks[0])
        why = f": so long takes the slowest `{slowest}`" if most in took else ""
        words = f"It took {at(trace, trace.duration)}; {at(trace, most)} are enough{why}."
        yield Fault(words, last.id, min(most, last.spawned), last.end)


@rule
def nothing_left(trace: Trace) -> Iterator[Fault]:
    """No task is left running when the answer has returned."""
    for lane in trace.tasks:
        if lane.cancelled_by == MAIN_RETURN or lane.outcome is Outcome.PENDING:
            words = f"`{lane.name}` was still running when your answer had returned"
            yield _at_fault(lane, f"{words}: nobody waited for it.")


@rule
def never_lost(trace: Trace) -> Iterator[Fault]:
    """No task vanishes, no coroutine is never awaited, and no exception goes unheard."""
    for finding in trace.findings:
        if finding.kind in ("never_retrieved", "not_told", "vanished", "never_awaited", "raised"):
            lane = trace.by_id.get(finding.task)
            yield _at_fault(lane, finding) if lane else Fault(finding)


@rule
def cancelled_and_awaited(trace: Trace, name: str) -> Iterator[Fault]:
    """Each of the calls was cancelled by the answer, which waited for its end."""
    for lane in calls(trace, name):
        left = lane.cancelled_by == MAIN_RETURN
        if left or lane.outcome is not Outcome.CANCELLED:
            how = "was left running" if left else f"{lane.outcome} at {at(trace, lane.end)}"
            yield _at_fault(lane, f"`{lane.name}` {how}; it had to be cancelled and awaited.")


@rule
def home(trace: Trace, owner: str, whole: str) -> Iterator[Fault]:
    """Each lane has ended before the owner of its case, and those named `whole` of themselves."""
    owners = {task.name.removeprefix(f"{owner}, "): task for task in trace.tasks}
    for lane in trace.tasks:
        name, _, case = lane.name.partition(", ")
        over, end = owners.get(case, lane), at(trace, lane.end)
        if lane.end > over.end:
            words = f"when `{over.name}` ended at {at(trace, over.end)}: it ended at {end}."
            yield _at_fault(lane, f"`{lane.name}` was still under way {words}")
        if case and name.startswith(whole) and lane.outcome is not Outcome.RETURNED:
            yield _at_fault(lane, f"`{lane.name}` was {lane.outcome} at {end}, half done.")


@rule
def predicted(trace: Trace, measure: Callable[[Trace], Mapping[str, object]]) -> Iterator[Fault]:
    """What the answer says of each thing, which the program returned, is what is measured."""
    right, said = measure(trace), trace.result
    if not isinstance(said, Mapping) or not right.keys() <= said.keys():
        yield Fault(f"Answer with a dictionary; its keys are {listing([*right], most=8)}.")
    elif wrong := [f"`{name}`" for name in said if said[name] != right.get(name, said[name])]:
        yield Fault(f"Not right yet: {listing(wrong, most=8)}.")


def _at_fault(lane: Task, sentence: str) -> Fault:
    return Fault(sentence, lane.id, lane.spawned, lane.end)


def _most_alive(ran: Sequence[Task]) -> tuple[int, float]:
    """The most that were under way at once, and the moment from which on they were."""
    begun, ended = sorted(lane.spawned for lane in ran), sorted(lane.end for lane in ran)
    alive = [(n - bisect(ended, moment + 1e-6), moment) for n, moment in enumerate(begun, 1)]
    return max(alive, key=itemgetter(0), default=(0, 0.0))


def at(trace: Trace, moment: float) -> str:
    """A moment in words, or a duration."""
    return seconds(round(moment, 2), trace.unit)
