"""The rules that explain polls: who polls whom, what wakes a task, and where it queues up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from helpers import text as words
from helpers.comparison.case import Case, Fact
from helpers.comparison.kinds import Difference, difference
from helpers.comparison.pairs import Both, root_of
from helpers.trace import LaneKind, Outcome, Step, Task, Trace

_INTERVAL = 61  # tasks' turns after which Tokio's current_thread looks at main (and at I/O)


def main_has_turns(case: Case) -> None:
    """In a crowd Tokio's main is polled between others; asyncio's waits for its place."""
    extra: list[Fact] = [("there", n) for n in case.steps("there")]
    if extra and in_a_crowd(case):
        said = f"`main` is polled {words.plural(case.here.polls, 'time')} here"
        case.tell("main's turn", f"{said}, {words.plural(case.there.polls, 'time')} there.", extra)


def in_a_crowd(case: Case) -> bool:
    """Whether the lane is Tokio's main, polled no more often between tasks than it may be."""
    if case.there is not root_of(case.both.recording) or case.both.recording.workers > 1:
        return False
    turns = sum(lane.polls for lane in case.both.recording.tasks) - case.there.polls
    more = case.there.polls - case.here.polls
    return turns > _INTERVAL and 0 < more <= turns // _INTERVAL + 1


def own_branches(case: Case) -> None:
    """A parent's steps hold its branches' work there; here it is woken by tasks."""
    woke = [(step, _branch_that_woke(case, step)) for step in case.here.steps]
    lost = _too_many(case, [s for s, by in woke if by and by.outcome is Outcome.CANCELLED])
    if lost:
        said = f"`{case.name}` has {words.plural(len(lost), 'more poll')} here"
        case.tell("the loser is awaited", f"{said}, when its loser has ended.", lost)
    found = _too_many(case, [s for s, by in woke if by])
    held = _that_hold_a_branch(case)
    short = [("here", n) for n in case.steps("here") if held and _stands_for(case, n)]
    if found or held:
        polls = f"{case.here.polls} polls here, {case.there.polls} there"
        said = f"`{case.name}` waits for its branches here and polls them itself there ({polls})."
        case.tell("a branch is no task", said, [*found, *held, *short])


def _too_many(case: Case, steps: list[Step]) -> list[Fact]:
    """The polls that only this side has, as many as fall on these steps' moments.

    Of several steps of one moment any may count as the one too many.
    """
    left = case.steps("here")
    found: list[Fact] = []
    for step in steps:
        n = next((n for n in left if case.here.steps[n][1:3] == step[1:3]), None)
        if n is not None:
            left.remove(n)
            found.append(("here", n))
    return found


def _branch_that_woke(case: Case, step: Step) -> Task | None:
    """The task that woke a step here by ending, if it stands for a branch of Tokio's."""
    by = step.woken_by
    child = case.both.trace.by_id.get(by) if isinstance(by, int) else None
    if child is None or child.parent != case.here.id or step.ready != child.end:
        return None
    twin = case.both.twin_of.get(child.id)
    if child.id in case.both.races or (twin is not None and twin.kind is LaneKind.BRANCH):
        return child
    return None


def _that_hold_a_branch(case: Case) -> list[Fact]:
    """The steps there, of those to be explained, that are a branch's steps as well."""
    children = case.both.recording.children(case.there.id)
    branches = (lane for lane in children if lane.kind is LaneKind.BRANCH)
    inside = {(step.start, step.end) for lane in branches for step in lane.steps}
    steps = case.there.steps
    return [("there", n) for n in case.steps("there") if (steps[n].start, steps[n].end) in inside]


def _stands_for(case: Case, n: int) -> bool:
    """Whether a step here is a step there without its branch's work in it."""
    mine = case.here.steps[n]
    return any(mine.start == other.start and mine.end <= other.end for other in case.there.steps)


def timers(case: Case) -> None:
    """A timer's callback queues up here before the task does, and later ones follow from that."""
    here, there = case.here.steps, case.there.steps
    mine = [n for n, step in enumerate(here) if step.woken_by == "timer"]
    yours = [n for n, step in enumerate(there) if step.woken_by == "timer"]
    rings = {round(there[n].ready, 6): n for n in reversed(yours)}
    late = [n for n in mine if here[n].start > there[rings.get(round(here[n].ready, 6), -1)].start]
    late = [n for n in late if round(here[n].ready, 6) in rings]
    if not late or not case.both.exact:
        return
    a, b = late[0], rings[round(here[late[0]].ready, 6)]
    if not _others_worked(case, there[b].start, here[a].start):
        return
    at = case.both.at
    said = f"`{case.name}`, whose timer rings at {at(here[a].ready)}, is polled at"
    later: list[Fact] = [("there", n) for n in yours if n >= b]
    later += [(what, n) for n in mine if n >= a for what in ("here", "ready")]
    polls = f"{case.here.polls} polls here, {case.there.polls} there"
    said = f"{said} {at(here[a].start)} here, at {at(there[b].start)} there ({polls})."
    case.tell("a timer queues twice", said, later)


def _others_worked(case: Case, start: float, end: float) -> bool:
    """Whether the chef was on other tasks here in that time: who queues up has somebody before."""
    return any(
        step.start < step.end and step.end > start and step.start < end
        for lane in case.both.trace.tasks
        if lane.id != case.here.id
        for step in lane.steps
    )


def yields(case: Case) -> None:
    """A task that gives the chef back without waiting for anything."""
    own = (case.here.id, case.there.id)
    by_place = {(step.start, step.end): step for step in case.there.steps}
    late: list[Fact] = []
    for n in case.steps("ready"):
        mine = case.here.steps[n]
        yours = by_place.get((mine.start, mine.end))
        if yours and (mine.woken_by, yours.woken_by) == own and yours.ready > mine.ready:
            late.append(("ready", n))
    if late:
        said = f"`{case.name}` is ready later there after each of its {len(late)} yields"
        case.tell("a yield wakes later", f"{said}; it is polled at the same moments.", late)
    counts = []
    for lane in (case.here, case.there):
        counts.append(sum(step.woken_by == lane.id for step in lane.steps))
    extra = [
        *(("here", n) for n in case.steps("here")),
        *(("there", n) for n in case.steps("there")),
    ]
    if counts[0] != counts[1] and extra:
        said = f"`{case.name}` yields {words.plural(counts[0], 'time')} here"
        case.tell("who yields", f"{said}, {words.plural(counts[1], 'time')} there.", extra)


def follows(case: Case) -> None:
    """A task that another one wakes, which ends at another time or in another way."""
    sides = (
        ("here", case.here, case.both.trace),
        ("there", case.there, case.both.recording),
    )
    for side, lane, trace in sides:
        facts: list[Fact] = []
        for n in case.steps(side):
            by = lane.steps[n].woken_by
            if by in case.both.moved[side] and by != lane.id:
                facts.append((side, n))
        if facts:
            step = lane.steps[facts[0][1]]
            said = f"`{case.name}` goes on at {case.both.at(step.start)} {side}, when"
            waker = trace.name_of(step.woken_by)
            case.tell("it waits for another", f"{said} `{waker}` has ended.", facts)


RULES = (own_branches, timers, yields, follows, main_has_turns)


def equal_deadlines(both: Both) -> Iterator[Difference]:
    """Two tasks whose timers are due at one instant, and that go on in another order."""
    if not both.exact:
        return
    here = _rung(both.trace, both.names["here"])
    there = _rung(both.recording, both.names["there"])
    for moment, names in here.items():
        others = there.get(moment, [])
        shared = set(names) & set(others)
        pairs = zip(
            [name for name in names if name in shared],
            [name for name in others if name in shared],
            strict=True,
        )
        if swapped := next((pair for pair in pairs if pair[0] != pair[1]), None):
            one, other = swapped
            said = (
                f"`{one}` goes on before `{other}` here, and after it there, at {both.at(moment)}."
            )
            yield difference("equal deadlines", one, said)
            return


def _rung(trace: Trace, names: Mapping[int | None, str]) -> dict[float, list[str]]:
    """By moment: the names of the lanes that a timer woke, each once, as they went on."""
    found: dict[float, dict[str, None]] = defaultdict(dict)
    for number, n in trace.steps_in_order:
        step = trace.by_id[number].steps[n]
        if step.woken_by == "timer" and number in names:
            found[round(step.start, 6)][names[number]] = None
    return {moment: list(ones) for moment, ones in found.items()}
