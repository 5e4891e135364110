"""Relations: what is compared where times are measured, or where several chefs work."""

from __future__ import annotations

from collections.abc import Iterator

from helpers import text as words
from helpers.comparison.case import Case
from helpers.comparison.kinds import UNEXPLAINED, Difference, difference
from helpers.comparison.pairs import Both, Pair
from helpers.comparison.steps import in_a_crowd
from helpers.trace import LaneKind, Outcome, Step, Task

_SLACK = 0.01  # seconds, and so much of the run, that a measured moment may be off
_SHARE = 0.05


def polls(case: Case) -> None:
    """How often a task is polled, where times are measured: the first reason there is."""
    here, there = case.here, case.there
    if case.both.exact or here.polls == there.polls or case.told:
        return
    counts = f"{words.plural(here.polls, 'time')} here, {words.plural(there.polls, 'time')} there"
    case.tell(_reason(case), f"`{case.name}` is polled {counts}.")


def _reason(case: Case) -> str:
    both, here = case.both, case.here
    children = [lane for lane in both.trace.children(here.id) if lane.kind is LaneKind.TASK]
    twins = [(lane, both.twin_of.get(lane.id)) for lane in children]
    arms = [
        lane
        for lane, twin in twins
        if lane.id in both.races or (twin is not None and twin.kind is LaneKind.BRANCH)
    ]
    if here.polls > case.there.polls and arms:
        lost = any(lane.outcome is Outcome.CANCELLED for lane in arms)
        return "the loser is awaited" if lost else "a branch is no task"
    if any(twin is not None and lane.outcome is not twin.outcome for lane, twin in twins):
        return "it waits for another"
    if both.recording.workers > 1:
        return "parallel work"
    return "main's turn" if in_a_crowd(case) else "chance of a real clock"


def team(both: Both) -> Iterator[Difference]:
    """What several workers do that one chef cannot."""
    if both.recording.workers < 2:
        return
    early = [pair for pair in both.pairs if _starts_early(both, pair)]
    if early:
        names = words.listing([f"`{pair.name}`" for pair in early])
        parent = both.recording.name_of(early[0].there.parent)
        said = f"{names}: first polled there while `{parent}` is still in the step that spawned it."
        yield difference("start after spawn", early[0].name, said)
    if overlap := side_by_side(both):
        one, other = overlap
        said = f"`{one.name}` and `{other.name}` are polled at the same time there, on two workers."
        yield difference("parallel work", one.name, said)
    moved = [pair for pair in both.pairs if len({step.thread for step in pair.there.steps}) > 1]
    if moved:
        names = words.listing([f"`{pair.name}`" for pair in moved])
        said = f"polled by more than one worker there: {names}."
        yield difference("a task moves", moved[0].name, said)


def _starts_early(both: Both, pair: Pair) -> bool:
    parent = both.recording.by_id.get(pair.there.parent) if pair.there.parent is not None else None
    if parent is None or not pair.there.steps or pair.there.kind is not LaneKind.TASK:
        return False
    first = pair.there.steps[0].start
    return any(step.start <= pair.there.spawned <= first < step.end for step in parent.steps)


def side_by_side(both: Both) -> tuple[Task, Task] | None:
    """Two tasks of the recording whose steps overlap by most, if any do by more than chance."""
    work: list[tuple[Step, Task]] = sorted(
        ((step, lane) for lane in both.recording.tasks for step in lane.steps),
        key=lambda one: one[0].start,
    )
    best: tuple[float, Task, Task] | None = None
    last: tuple[Step, Task] | None = None
    for step, lane in work:
        if last is not None and lane is not last[1]:
            long = min(step.end, last[0].end) - step.start
            if long > 0 and (best is None or long > best[0]):
                best = long, last[1], lane
        if last is None or step.end > last[0].end:
            last = step, lane
    return best[1:] if best else None


def relations(both: Both) -> Iterator[Difference]:
    """Who is polled first and who ends first, where times are measured; and how long it took."""
    if both.exact:
        return
    if swapped := inversion(both, "first"):
        one, other = swapped
        name = "start after spawn" if both.recording.workers > 1 else UNEXPLAINED
        said = f"`{one.name}` is first polled before `{other.name}` here, and after it there."
        yield difference(name, one.name, said)
    if swapped := inversion(both, "end"):
        one, other = swapped
        odd = both.moved["here"] & {one.here.id, other.here.id}
        outcomes = any(pair.here.outcome is not pair.there.outcome for pair in swapped)
        name = "it waits for another" if odd and outcomes else UNEXPLAINED
        name = "parallel work" if both.recording.workers > 1 else name
        said = f"`{one.name}` ends before `{other.name}` here, and after it there."
        yield difference(name, one.name, said)
    yield from _duration(both)


def _duration(both: Both) -> Iterator[Difference]:
    here, there = both.trace.duration, both.recording.duration
    if abs(here - there) <= _SLACK + 2 * _SHARE * max(here, there):
        return
    said = f"`main` is done after {both.at(here)} here and {both.at(there)} there."
    outcomes = any(pair.here.outcome is not pair.there.outcome for pair in both.pairs)
    late = [pair.here for pair in both.pairs if pair.here.outcome is Outcome.CANCELLED]
    if both.recording.workers > 1 and side_by_side(both) is not None:
        yield difference("parallel work", "main", said)
    elif outcomes or any(lane.cancels and lane.end > lane.cancels[-1].time for lane in late):
        yield difference("it waits for another", "main", said)
    else:
        yield difference(UNEXPLAINED, "main", said)


def inversion(both: Both, what: str) -> tuple[Pair, Pair] | None:
    """Two lanes that come in one order here and in the other there, by more than chance."""
    slack = (0.0, 0.0)
    if not both.exact:
        runs = (both.trace, both.recording)
        slack = tuple(_SLACK + _SHARE * run.duration for run in runs)  # type: ignore[assignment]
    if both.trace.clock == "virtual":
        slack = (1e-6, slack[1] or 1e-6)
    pairs = [pair for pair in both.pairs if what == "end" or (pair.here.steps and pair.there.steps)]
    pairs.sort(key=lambda pair: _moments(pair, what)[0])
    latest: Pair | None = None  # of those that come clearly before, the one that is last there
    waiting = iter(pairs)
    before = next(waiting, None)
    for pair in pairs:
        mine, yours = _moments(pair, what)
        while before is not None and _moments(before, what)[0] < mine - slack[0]:
            if latest is None or _moments(before, what)[1] > _moments(latest, what)[1]:
                latest = before
            before = next(waiting, None)
        if latest is not None and yours < _moments(latest, what)[1] - slack[1]:
            return latest, pair
    return None


def _moments(pair: Pair, what: str) -> tuple[float, float]:
    if what == "first":
        return pair.here.steps[0].start, pair.there.steps[0].start
    return pair.here.end, pair.there.end
