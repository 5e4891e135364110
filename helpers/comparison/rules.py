"""Why asyncio and Tokio differ: the reasons by name, and the rules that find where each applies.

A rule of a lane yields differences with the facts that they explain; a rule of the runs looks at
all lanes at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from helpers import text as words
from helpers.comparison.match import ENDING, Fact, Pair, Runs
from helpers.task import MAIN_RETURN
from helpers.trace import LaneKind, Outcome, Task, Trace

UNEXPLAINED = "unexplained"
FOLLOWS = "it waits for another"
_INTERVAL = 61  # tasks' turns after which Tokio's current_thread looks at main (and at I/O)

# Each name is what a difference is called, each sentence holds wherever that name is given.
REASONS = {
    "a branch is no task": (
        "Tokio's select! and timeout poll a future inside its parent's own step; here it is a "
        "task, which stands in the queue itself and wakes its parent when it ends."
    ),
    "no lane of its own": (
        "It is a future that its parent polls. Tokio's recorder wrapped it to see it; "
        "asyncio's loop knows tasks alone, so that it is a part of its parent here."
    ),
    "cancel is an exception": (
        "asyncio raises CancelledError inside the task, which takes a poll; "
        "Tokio drops the future, and none of its code but destructors runs."
    ),
    "the loser is awaited": (
        "Here the race comes back when the loser has seen its CancelledError and ended; "
        "Tokio has dropped it by then, and there is nothing to wait for."
    ),
    "finally runs": (
        "A cancelled asyncio task may await in its `finally`, and ends when that is done; "
        "a future that Tokio drops is gone at once."
    ),
    "a cancel can be refused": (
        "CancelledError is an exception, and the task caught it and went on; "
        "a future that is dropped is not asked."
    ),
    "loser of a race": (
        "asyncio's `wait` cancels nobody: what loses runs on until somebody cancels it. "
        "An arm of select! that loses is dropped at once."
    ),
    "tie": (
        "asyncio's tasks both end when both are ready; select! takes one "
        "(at random, or the first that is written with `biased`) and drops the other."
    ),
    "timeout over a handle": (
        "asyncio's timeout cancels what is awaited, a task too (`shield` keeps it). Tokio's "
        "timeout over a JoinHandle drops the handle, and the task runs on."
    ),
    "panic or exception": (
        "Rust panics and Python raises. Both stay in the task until its handle is awaited."
    ),
    "main's turn": (
        "Tokio's current_thread looks at main between two tasks' turns, at least after every 61; "
        "asyncio's main is a task and stands in the queue behind those that are ready."
    ),
    "a yield wakes later": (
        "A Tokio task that yields is woken when the chef has been through its queue and looked at "
        "its timers; asyncio's `sleep(0)` puts it back at the end of the queue at once."
    ),
    "a timer queues twice": (
        "In asyncio a timer that is due is a callback in the queue, and the task that it wakes "
        "then queues up behind all that are ready; Tokio's timer wakes the task itself."
    ),
    "equal deadlines": (
        "asyncio keeps its timers in a heap, which does not keep the order of equal ones; Tokio "
        "wakes those that are due at one tick in the order in which they were set."
    ),
    FOLLOWS: (
        "It goes on when another task ends, and that one ends at another time or in another way."
    ),
    "start after spawn": (
        "A free worker takes up a new task at once, while its parent is still in its step; "
        "asyncio has one chef, and the task starts when its parent yields."
    ),
    "parallel work": (
        "Tokio's workers are threads, and each polls another task at the same time; "
        "asyncio polls all tasks on one."
    ),
    "a task moves": "At each await a Tokio task may go on on another worker; asyncio has one chef.",
    "chance of a real clock": (
        "What is measured is not exact: how often a timer is seen and who comes first by a hair "
        "change from run to run."
    ),
    "only here": "The recorded program has no task of this name: the two programs differ.",
    "only there": "This run has no task of this name: the two programs differ.",
    UNEXPLAINED: "No rule of this comparison explains it. Are the two programs the same?",
}


class Difference(NamedTuple):
    """One thing that is not the same: the name of its reason, the task, and what it is.

    `explains` are the facts about the task's lane that need no further reason.
    """

    name: str
    task: str
    sentence: str
    explains: Iterable[Fact] = ()

    @property
    def why(self) -> str:
        """The reason in words."""
        return REASONS[self.name]


Matches = Iterator[Difference]


def differences(runs: Runs) -> tuple[Difference, ...]:
    """Every difference with its reason, a cause before what follows from it."""
    found: list[Difference] = []
    for pair in runs.pairs:
        matches: dict[str, Difference] = {}  # a reason is given once for a lane
        for rule in PAIR_RULES:
            for match in rule(pair):
                pair.unexplained.difference_update(match.explains)
                matches.setdefault(match.name, match)
        found += matches.values()
    for of_runs in (only_one, equal_deadlines, workers, order, duration):
        found += of_runs(runs)
    return tuple(sorted(found, key=lambda match: match.name == FOLLOWS))


# Rules of a lane: how it ended, and who asked it to


def future_or_task(pair: Pair) -> Matches:
    """A future that Tokio polls inside its parent is a task in asyncio."""
    if pair.asyncio.kind is LaneKind.TASK and pair.tokio.kind is LaneKind.BRANCH:
        parent = pair.runs.recording.name_of(pair.tokio.parent)
        sentence = f"{pair} is a task here; in Tokio a future that `{parent}` polls."
        yield Difference("a branch is no task", pair.name, sentence, {"kind", "polls"})


def raised(pair: Pair) -> Matches:
    """An exception beside a panic."""
    both = pair.asyncio.outcome is pair.tokio.outcome is Outcome.RAISED
    if both and pair.tokio.error.startswith("panic"):
        yield Difference("panic or exception", pair.name, f"{pair} {_ends(pair)}.", {"error"})


def timeout_over_handle(pair: Pair) -> Matches:
    """A deadline that cancels a task in asyncio, and lets it run on in Tokio."""
    end = pair.asyncio.end
    runs_on = pair.tokio.kind is LaneKind.TASK and pair.tokio.outcome is not Outcome.CANCELLED
    if runs_on and pair.asyncio.cancelled_by == "deadline":
        last = pair.steps("asyncio", lambda step: step.start == end)
        later = pair.steps("tokio", lambda step: step.start > end)
        sentence = f"At the deadline {pair} {_ends(pair)}."
        yield Difference("timeout over a handle", pair.name, sentence, {*ENDING, *last, *later})


def loser(pair: Pair) -> Matches:
    """A task that lost a race: dropped in Tokio; in asyncio it returns, runs on, or refuses."""
    runs, here, dropped = pair.runs, pair.asyncio, pair.tokio.end
    if pair.tokio.outcome is not Outcome.CANCELLED or not isinstance(pair.tokio.cancelled_by, int):
        return
    name, sentence = "loser of a race", f"{pair} {_ends(pair)}."
    if here.outcome is Outcome.CANCELLED:
        if here.cancelled_by != MAIN_RETURN:
            return
        sentence = f"Nobody cancels {pair} here: it runs on until main is over."
    elif any(runs.same(request.time, dropped) for request in here.cancels):
        name = "a cancel can be refused"
    elif here.outcome is Outcome.RETURNED and runs.same(here.end, dropped):
        name = "tie"
    later = pair.steps("asyncio", lambda step: step.end >= dropped)
    yield Difference(name, pair.name, sentence, {*ENDING, *later})


def cancelled(pair: Pair) -> Matches:
    """An exception in a poll in asyncio, which may take longer; a drop in Tokio."""
    runs, here, there = pair.runs, pair.asyncio, pair.tokio
    asked = here.cancels[-1].time if here.cancels else here.end
    obeyed = here.outcome is there.outcome is Outcome.CANCELLED
    if not obeyed or not here.steps or here.steps[-1].end < asked:
        return
    polls = f"{here.polls} polls here, {there.polls} there"
    if here.polls == there.polls:
        polls = f"{here.polls} polls each"
    poll = pair.steps("asyncio", lambda step: runs.same(step.ready, asked))
    sentence = f"{pair} is cancelled: here a poll raises CancelledError inside, there it is dropped"
    sentence = f"{sentence} ({polls})."
    yield Difference("cancel is an exception", pair.name, sentence, {"polls", *list(poll)[:1]})
    if "end" in pair.unexplained and runs.same(asked, there.end) and here.end > there.end:
        after = pair.steps("asyncio", lambda step: step.start >= asked)
        yield Difference("finally runs", pair.name, f"{pair} {_ends(pair)}.", {"end", *after})


# Rules of a lane: who polls whom, what wakes a task, and where it queues up


def parent_of_arms(pair: Pair) -> Matches:
    """Tokio's parent does the work of its arms in its own steps; asyncio's is woken by tasks."""
    children = pair.runs.trace.children(pair.asyncio.id)
    arms = {lane.id: lane for lane in children if lane.id in pair.runs.arms}
    lost = {lane.id for lane in arms.values() if lane.outcome is Outcome.CANCELLED}
    more = pair.asyncio.polls - pair.tokio.polls
    measured = "polls" in pair.unexplained and more > 0
    moments = {step[:3] for step in pair.asyncio.steps if step.woken_by in lost}
    awaited = pair.steps("asyncio", lambda step: step[:3] in moments)
    if awaited or (measured and lost):
        polls = words.plural(len(awaited) or more, "more poll")
        sentence = f"{pair} has {polls} here, when its loser has ended."
        yield Difference("the loser is awaited", pair.name, sentence, {"polls", *awaited})
    starts = {step.start for lane in arms.values() for step in lane.steps}
    ends = {lane.end for lane in arms.values()}
    inside = pair.steps("tokio", lambda step: step.start in starts)
    woken = pair.steps("asyncio", lambda step: bool({*step[:3]} & (starts | ends)))
    if inside or woken or (measured and arms and not lost):
        explains = {"polls", *inside, *woken}
        yield Difference("a branch is no task", pair.name, _how_often(pair), explains)


def timer_queues(pair: Pair) -> Matches:
    """A timer's callback queues up before the task does; its later polls follow from that."""
    timers = [step for step in reversed(pair.tokio.steps) if step.woken_by == "timer"]
    early = {step.ready: step.start for step in timers}
    rung = pair.steps("asyncio", lambda step: step.woken_by == "timer")
    late = [step for step in rung.values() if step.start > early.get(step.ready, math.inf)]
    if late and _ends_a_step(pair.runs.trace, late[0].start):
        rung |= pair.steps("tokio", lambda step: step.woken_by == "timer")
        later = {fact for fact, step in rung.items() if step.ready >= late[0].ready}
        here, there = (pair.runs.at(at) for at in (late[0].start, early[late[0].ready]))
        sentence = f"{pair}, woken by a timer, is polled at {here} here, at {there} there."
        yield Difference("a timer queues twice", pair.name, sentence, later)


def _ends_a_step(trace: Trace, moment: float) -> bool:
    """Whether a task held the chef until that moment."""
    return any(s.start < s.end == moment for lane in trace.tasks for s in lane.steps)


def yields(pair: Pair) -> Matches:
    """A task that gives the chef back without waiting, and is ready again later in Tokio."""
    here = pair.steps("asyncio", lambda step: step.woken_by == pair.asyncio.id)
    there = pair.steps("tokio", lambda step: step.woken_by == pair.tokio.id)
    ready = {step[1:3]: step.ready for step in here.values()}
    late = {f: s for f, s in there.items() if s.ready > ready.get(s[1:3], math.inf)}
    if late:
        polls = {step[1:3] for step in late.values()}
        same = {fact for fact, step in here.items() if step[1:3] in polls}
        sentence = f"{pair} is ready later there after each of its {len(late)} yields."
        yield Difference("a yield wakes later", pair.name, sentence, {*late, *same})


def follows(pair: Pair) -> Matches:
    """A task that another one wakes, which ends at another time or in another way."""
    for side, where in _WHERE.items():
        names, others = pair.runs.names[side], pair.runs.apart - {pair.name}
        woken = {f: s for f, s in pair.steps(side).items() if names.get(s.woken_by) in others}
        for step in list(woken.values())[:1]:
            at, waker = pair.runs.at(step.start), names[step.woken_by]
            sentence = f"{pair} goes on at {at} {where}, when `{waker}` has ended."
            yield Difference(FOLLOWS, pair.name, sentence, woken)


def turns_of_main(pair: Pair) -> Matches:
    """In a crowd Tokio's main is polled between others; asyncio's waits for its place."""
    recording, more = pair.runs.recording, pair.tokio.polls - pair.asyncio.polls
    if pair.name == "main" and recording.workers == 1 and more > 0:
        turns = sum(lane.polls for lane in recording.tasks) - pair.tokio.polls
        if turns > _INTERVAL and more <= turns // _INTERVAL + 1:
            polls = {"polls", *pair.steps("tokio")}
            yield Difference("main's turn", pair.name, _how_often(pair), polls)


def measured_polls(pair: Pair) -> Matches:
    """How often a task is polled, where times are measured and no other rule says why."""
    if "polls" in pair.unexplained:
        children = (one for one in pair.runs.pairs if one.asyncio.parent == pair.asyncio.id)
        several = pair.runs.recording.workers > 1
        name = "parallel work" if several else "chance of a real clock"
        yield Difference(FOLLOWS if _other_outcome(children) else name, pair.name, _how_often(pair))


def _how_often(pair: Pair) -> str:
    here, there = (words.plural(lane.polls, "time") for lane in (pair.asyncio, pair.tokio))
    return f"{pair} is polled {here} here, {there} there."


def unexplained(pair: Pair) -> Matches:
    """What no rule explains. An end goes with the last step: if that is explained, the end is."""
    left = pair.unexplained - {"polls"}
    if left == {"end"} and pair.unexplained < pair.facts:
        return
    what = sorted(f"its {fact}" for fact in left if isinstance(fact, str))
    for side, where in _WHERE.items():
        what += [
            f"a poll at {pair.runs.at(step.start)} {where}" for step in pair.steps(side).values()
        ]
    if what:
        yield Difference(UNEXPLAINED, pair.name, f"{pair} differs in {words.listing(what)}.")


_WHERE = {"asyncio": "here", "tokio": "there"}


def _ends(pair: Pair) -> str:
    """How and when a lane ended in both runs, in words that follow its name."""
    here, there = (_end(pair.runs, lane) for lane in (pair.asyncio, pair.tokio))
    return f"{here} here and {there} there"


def _end(runs: Runs, lane: Task) -> str:
    if lane.outcome is Outcome.PENDING:
        return "has not ended"
    error = lane.error.partition(":")[0]
    verb = "returns" if lane.outcome is Outcome.RETURNED else "is cancelled"
    if lane.outcome is Outcome.RAISED:
        verb = "panics" if error == "panic" else f"raises {error}"
    return f"{verb} at {runs.at(lane.end)}"


PAIR_RULES = (
    *(future_or_task, raised, timeout_over_handle, loser, cancelled),
    *(parent_of_arms, timer_queues, yields, follows, turns_of_main, measured_polls, unexplained),
)


# Rules of the runs


def only_one(runs: Runs) -> Iterator[Difference]:
    """Lanes that only one of the runs has."""
    for name in [name for name in runs.asyncio if name not in runs.tokio]:
        if runs.asyncio[name].id in runs.arms:
            sentence = f"`{name}` is a task here; in Tokio an arm of select! has no lane."
            yield Difference("a branch is no task", name, sentence)
        else:
            yield Difference("only here", name, f"`{name}` is a task here alone.")
    for name in [name for name in runs.tokio if name not in runs.asyncio]:
        if runs.tokio[name].kind is LaneKind.BRANCH:
            sentence = f"`{name}` is a future inside main, with a lane in the recording alone."
            yield Difference("no lane of its own", name, sentence)
        else:
            yield Difference("only there", name, f"`{name}` is a task there alone.")


def equal_deadlines(runs: Runs) -> Iterator[Difference]:
    """Two tasks whose timers are due at one instant, and that go on in another order."""
    here, there = _rung(runs.trace, runs.asyncio), _rung(runs.recording, runs.tokio)
    both = [rung for rung in here if rung in there], [rung for rung in there if rung in here]
    for (moment, one), (_, other) in zip(*both, strict=True) if runs.exact else ():
        if one != other:
            at = runs.at(moment)
            sentence = f"`{one}` goes on before `{other}` here, and after it there, at {at}."
            yield Difference("equal deadlines", one, sentence)
            return


def _rung(trace: Trace, lanes: Mapping[str, Task]) -> dict[tuple[float, str], None]:
    """When which lane went on because its timer was due, in the order of the run."""
    names = {lane.id: name for name, lane in lanes.items()}
    steps = [(names.get(lane), trace.by_id[lane].steps[n]) for lane, n in trace.steps_in_order]
    timers = [(step.start, name) for name, step in steps if name and step.woken_by == "timer"]
    return dict.fromkeys(timers)


def workers(runs: Runs) -> Iterator[Difference]:
    """What several workers do that one chef cannot."""
    if runs.recording.workers < 2:
        return
    if early := [pair for pair in runs.pairs if _starts_early(runs.recording, pair.tokio)]:
        parent = runs.recording.name_of(early[0].tokio.parent)
        sentence = f"first polled there while `{parent}` is still in the step that spawned it."
        yield Difference("start after spawn", early[0].name, f"{_names(early)}: {sentence}")
    if overlap := _overlap(runs.recording):
        one, other = overlap
        sentence = f"`{one.name}` and `{other.name}` are polled at the same time there"
        yield Difference("parallel work", one.name, f"{sentence}, on two workers.")
    if moved := [pair for pair in runs.pairs if len({s.thread for s in pair.tokio.steps}) > 1]:
        sentence = f"polled by more than one worker there: {_names(moved)}."
        yield Difference("a task moves", moved[0].name, sentence)


def _names(pairs: list[Pair]) -> str:
    return words.listing([f"{pair}" for pair in pairs])


def _starts_early(trace: Trace, task: Task) -> bool:
    """Whether a task is first polled while its parent is in the step that spawned it."""
    if task.parent is None or not task.steps or task.kind is not LaneKind.TASK:
        return False
    first = task.steps[0].start
    steps = trace.by_id[task.parent].steps
    return any(step.start <= task.spawned <= first < step.end for step in steps)


def _overlap(trace: Trace) -> tuple[Task, Task] | None:
    """The two tasks whose steps overlap for longest."""
    work = [(step, lane) for lane in trace.tasks for step in lane.steps]
    work.sort(key=lambda one: one[0].start)
    longest, tasks = 0.0, None
    running, holder = work[0]
    for step, lane in work:
        overlap = min(step.end, running.end) - step.start
        if overlap > longest and lane is not holder:
            longest, tasks = overlap, (holder, lane)
        if step.end > running.end:
            running, holder = step, lane
    return tasks


def order(runs: Runs) -> Iterator[Difference]:
    """Who is polled first and who ends first, where times are measured."""
    parallel = {"start": "start after spawn", "end": "parallel work"}
    verbs = {"start": "is first polled", "end": "ends"}
    for what in () if runs.exact else ("start", "end"):
        if swapped := runs.swapped(what):
            one, other = swapped
            name = FOLLOWS if _other_outcome(swapped) else UNEXPLAINED
            name = parallel[what] if runs.recording.workers > 1 else name
            sentence = f"{one} {verbs[what]} before {other} here, and after it there."
            yield Difference(name, one.name, sentence)


def duration(runs: Runs) -> Iterator[Difference]:
    """How long the runs took, where times are measured."""
    here, there = runs.trace.duration, runs.recording.duration
    if runs.exact or abs(here - there) <= 0.01 + 0.1 * max(here, there):
        return
    asked = [lane for lane in runs.asyncio.values() if lane.cancelled_by is not None]
    name = UNEXPLAINED
    if runs.recording.workers > 1 and _overlap(runs.recording):
        name = "parallel work"
    elif _other_outcome(runs.pairs) or any(lane.end > lane.cancels[-1].time for lane in asked):
        name = FOLLOWS
    sentence = f"`main` is done after {runs.at(here)} here and {runs.at(there)} there."
    yield Difference(name, "main", sentence)


def _other_outcome(pairs: Iterable[Pair]) -> bool:
    """Whether one of them ended in another way."""
    return any(pair.asyncio.outcome is not pair.tokio.outcome for pair in pairs)
