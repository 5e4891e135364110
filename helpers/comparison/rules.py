"""Why asyncio and Tokio differ: the reasons by name, and the rules that find where each applies.

A rule of a lane (`Pair`) yields differences with the facts that they explain; a rule of the `Runs`
looks at all lanes at once.
"""

import itertools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from helpers import text as words
from helpers.comparison.match import ENDING, Pair, Runs, noise
from helpers.task import DEADLINE
from helpers.trace import LaneKind, Outcome, Task, moved, starts_early

UNEXPLAINED = "unexplained"
BRANCH = "a branch is no task"
FOLLOWS = "it waits for another"
YIELDS = "yields in reverse"

# Each name is what a difference is called, each sentence holds wherever that name is given.
REASONS = {
    BRANCH: "Tokio's select! and timeout poll a future inside its parent's own step; here it is a "
    "task, which stands in the queue itself and wakes its parent when it ends.",
    "no lane of its own": "It is a future that its parent polls. Tokio's recorder wrapped it to "
    "see it; asyncio's loop knows tasks alone, so that it is a part of its parent here.",
    "cancel is an exception": "asyncio raises CancelledError inside the task, which takes a poll; "
    "Tokio drops the future, and none of its code but destructors runs.",
    "the loser is awaited": "Here the race comes back when the loser has seen its CancelledError "
    "and ended; Tokio has dropped it by then, and there is nothing to wait for.",
    "timeout over a handle": "asyncio's timeout cancels what is awaited, a task too (`shield` "
    "keeps it). Tokio's timeout over a JoinHandle drops the handle, and the task runs on.",
    "main's turn": "Tokio's current_thread looks at main between two tasks' turns, at least after "
    "every 61; asyncio's main is a task and stands in the queue behind those that are ready.",
    YIELDS: "Tokio has tasks that yield ready again when its queue is empty and timers were looked "
    "at, the last one first; asyncio puts each at the end of its queue at once.",
    FOLLOWS: "It goes on when another task ends, and that one ends at another time or in another "
    "way.",
    "start after spawn": "A free worker takes up a new task at once, while its parent is still in "
    "its step; asyncio has one chef, and the task starts when its parent yields.",
    "parallel work": "Tokio's workers are threads, and each polls another task at the same time, "
    "in an order of its own; asyncio polls all tasks on one.",
    "a task moves": "At each await a Tokio task may go on on another worker; asyncio has one chef.",
    "in one run only": "The other run has no lane of this name: the two programs differ, or it is "
    "an arm of Tokio's select!, which has no lane.",
    UNEXPLAINED: "No rule of this comparison explains it. Are the two programs the same?",
}
# What stands above the figure if a difference has that name; the most telling first.
TITLES = {
    "timeout over a handle": "Tokio's timeout lets {} go on; asyncio's cancels it",
    "the loser is awaited": "asyncio's race waits until the loser has ended; Tokio drops it",
    "cancel is an exception": "asyncio raises CancelledError inside {}; Tokio drops it",
    "parallel work": "Tokio's workers poll several tasks at the same time; asyncio's chef one",
    "start after spawn": "Tokio starts {} at once; asyncio when the parent yields",
    "a task moves": "In Tokio {} goes from worker to worker; asyncio has one chef",
    "main's turn": "Tokio polls main between the other tasks; asyncio's main waits in the queue",
    YIELDS: "Tokio takes up the tasks that yield in reverse; asyncio in their order",
    BRANCH: "What is a task of its own in asyncio, Tokio polls inside its parent",
    "no lane of its own": "{} is a part of its parent; only Tokio's recorder shows it",
    "in one run only": "Only one of the two runs has {}",
    UNEXPLAINED: "{} differs, and no rule of this comparison says why",
    FOLLOWS: "{} goes on when another task ends, which is at another time",
}


class Difference(NamedTuple):
    """One thing that is not the same, and the facts about the lane that it is a reason for."""

    name: str  # of the reason
    task: str
    sentence: str
    explains: Iterable[str] = ()


Matches = Iterator[Difference]


def differences(runs: Runs) -> tuple[Difference, ...]:
    """Every difference with its reason, a cause before what follows from it."""
    causes = (future_or_task, timeout_over_handle, cancelled, parent_of_arms)
    found: list[Difference] = []
    for pair in runs.pairs:
        for rule in (*causes, follows, turns_of_main, unexplained):
            for match in rule(pair):
                pair.unexplained.difference_update(match.explains)
                found.append(match)
    found += [*only_one(runs), *workers(runs), *measured(runs)]
    return tuple(sorted(found, key=lambda match: match.name == FOLLOWS))


def future_or_task(pair: Pair) -> Matches:
    """A future that Tokio polls in its parent is a task in asyncio, and lives on when dropped."""
    if pair.asyncio.kind is LaneKind.TASK and pair.tokio.kind is LaneKind.BRANCH:
        parent, explains = pair.runs.recording.name_of(pair.tokio.parent), {"kind"}
        sentence = f"{pair} is a task here; in Tokio a future that `{parent}` polls."
        if pair.alike_until(pair.tokio.end):
            explains |= ENDING if pair.tokio.outcome is Outcome.CANCELLED else {"polls"}
        if explains & pair.unexplained & {"outcome", "end"}:
            sentence += f" It {_ends(pair)}."
        yield Difference(BRANCH, pair.name, sentence, explains)


def timeout_over_handle(pair: Pair) -> Matches:
    """A deadline that cancels a task in asyncio, and lets it run on in Tokio."""
    runs_on = pair.tokio.kind is LaneKind.TASK and pair.tokio.outcome is not Outcome.CANCELLED
    if runs_on and pair.asyncio.cancelled_by == DEADLINE and pair.alike_until(pair.asyncio.end):
        sentence = f"At the deadline {pair} {_ends(pair)}."
        yield Difference("timeout over a handle", pair.name, sentence, ENDING)


def cancelled(pair: Pair) -> Matches:
    """An exception in a poll in asyncio, which may take longer or go unheeded; a drop in Tokio."""
    here, there = pair.asyncio, pair.tokio
    if there.outcome is not Outcome.CANCELLED or not here.cancels or not here.steps:
        return
    asked = here.cancels[-1].time
    at_once = not pair.runs.exact or asked == there.end
    if at_once and here.steps[-1].end >= asked and pair.alike_until(asked):
        how = "is cancelled: here a poll raises CancelledError inside, there it is dropped"
        if pair.unexplained & {"outcome", "end"}:
            how = _ends(pair)
        sentence = f"{pair} {how} ({here.polls} polls here, {there.polls} there)."
        yield Difference("cancel is an exception", pair.name, sentence, ENDING)


def parent_of_arms(pair: Pair) -> Matches:
    """Tokio's parent does the work of its arms in its own steps; asyncio's is woken by tasks."""
    runs, poll, more = pair.runs, pair.odd_poll, pair.asyncio.polls - pair.tokio.polls
    arms = [lane for lane in runs.trace.children(pair.asyncio.id) if lane.id in runs.arms]
    if more <= 0 or not arms:
        return
    lost = {lane.id for lane in arms if lane.outcome is Outcome.CANCELLED}
    moments = {moment for lane in arms for step in lane.steps for moment in step[1:3]}
    if poll.woken_by in lost if poll else lost:
        sentence = f"{pair} has {words.plural(more, 'more poll')} here, when its loser has ended."
        yield Difference("the loser is awaited", pair.name, sentence, {"polls"})
    elif poll is None or moments & {*poll[:3]}:
        yield Difference(BRANCH, pair.name, _how_often(pair), {"polls"})


def follows(pair: Pair) -> Matches:
    """A task whose turn comes after another task's end, after its own yield or after others'."""
    if "polls" in pair.unexplained and pair.odd_poll is not None:
        waker = pair.runs.names[pair.odd_side].get(pair.odd_poll.woken_by)
        if waker in pair.runs.apart - {pair.name}:
            sentence = f"{pair} goes on at {pair.odd_at}, when `{waker}` has ended."
            yield Difference(FOLLOWS, pair.name, sentence, {"polls"})
        elif waker == pair.name or pair.odd_poll.start in pair.runs.yields:
            sentence = f"{pair} has a turn at {pair.odd_at} alone."
            yield Difference(YIELDS, pair.name, sentence, {"polls"})


def turns_of_main(pair: Pair) -> Matches:
    """In a crowd Tokio's main is polled between others; asyncio's waits for its place."""
    recording, more = pair.runs.recording, pair.tokio.polls - pair.asyncio.polls
    if pair.name == "main" and recording.workers == 1 and more > 0:
        turns = sum(lane.polls for lane in recording.tasks)
        if more <= turns // 61:  # turns after which Tokio's current_thread looks at main
            yield Difference("main's turn", pair.name, _how_often(pair), {"polls"})


def unexplained(pair: Pair) -> Matches:
    """What no rule explains. An end goes with the last poll: if that is explained, the end is."""
    left = pair.unexplained - ({"end"} if "polls" in pair.facts - pair.unexplained else set())
    what = [f"its {fact}" for fact in sorted(left - {"polls"})]
    if "polls" in left and pair.odd_at:
        what.append(f"its polls, first in the one at {pair.odd_at}")
    elif "polls" in left:
        yield Difference(_measured(pair.runs), pair.name, _how_often(pair))
    if what:
        yield Difference(UNEXPLAINED, pair.name, f"{pair} differs in {words.listing(what)}.")


def _ends(pair: Pair) -> str:
    """How and when a lane ended in both runs, in words that follow its name."""
    verbs = {Outcome.RETURNED: "returns", Outcome.RAISED: "raises"}
    here, there = (
        f"{verbs.get(lane.outcome, f'is {lane.outcome}')} at {pair.runs.at(lane.end)}"
        for lane in (pair.asyncio, pair.tokio)
    )
    return f"{here} here and {there} there"


def _how_often(pair: Pair) -> str:
    here, there = (words.plural(lane.polls, "time") for lane in (pair.asyncio, pair.tokio))
    return f"{pair} is polled {here} here, {there} there."


def _measured(runs: Runs) -> str:
    """The reason for what is measured: a lane that ends otherwise or late, or several workers."""
    asked = [lane for lane in runs.trace.lanes if lane.cancels]
    if runs.apart or any(lane.end - lane.cancels[-1].time > noise(runs.trace) for lane in asked):
        return FOLLOWS
    return "parallel work" if runs.recording.workers > 1 else UNEXPLAINED


def only_one(runs: Runs) -> Matches:
    """Lanes that only one of the runs has."""
    both = {pair.name for pair in runs.pairs}
    for name, lane in {**runs.asyncio, **runs.tokio}.items():
        if name not in both and lane.kind is LaneKind.BRANCH:
            sentence = f"`{name}` is a future inside main, with a lane in the recording alone."
            yield Difference("no lane of its own", name, sentence)
        elif name not in both:
            where = "here" if name in runs.asyncio else "there"
            yield Difference("in one run only", name, f"`{name}` is a task {where} alone.")


def workers(runs: Runs) -> Matches:
    """What several workers do that one chef cannot."""
    recording = runs.recording
    if recording.workers < 2:
        return
    if early := [task for task in recording.tasks if starts_early(recording, task)]:
        parent = recording.name_of(early[0].parent)
        sentence = f"first polled there while `{parent}` is still in the step that spawned it."
        yield Difference("start after spawn", early[0].name, f"{_names(early)}: {sentence}")
    polls = [(step, task) for task in recording.tasks for step in task.steps]
    two = itertools.pairwise(sorted(polls, key=lambda poll: poll[0].start))
    shared = {min(a.end, b.end) - b.start: (one, other) for (a, one), (b, other) in two}
    if (longest := max(shared, default=0)) > 0:
        one, other = shared[longest]
        sentence = f"`{one.name}` and `{other.name}` are polled at the same time there"
        yield Difference("parallel work", one.name, f"{sentence}, on two workers.")
    if tasks := moved(recording):
        sentence = f"polled by more than one worker there: {_names(tasks)}."
        yield Difference("a task moves", tasks[0].name, sentence)


def _names(tasks: Iterable[Task]) -> str:
    return words.listing([f"`{task.name}`" for task in tasks])


def measured(runs: Runs) -> Matches:
    """Who is polled first, who ends first, and how long it takes, where times are measured."""
    if runs.exact:
        return
    reason = _measured(runs)
    begins = "parallel work" if runs.recording.workers > 1 else reason
    for what, verb, name in (("start", "is first polled", begins), ("end", "ends", reason)):
        if swapped := runs.swapped(what):
            one, other = swapped
            sentence = f"{one} {verb} before {other} here, and after it there."
            yield Difference(name, one.name, sentence)
    here, there = runs.trace.duration, runs.recording.duration
    if abs(here - there) > 0.01 + 0.1 * max(here, there):
        sentence = f"`main` is done after {runs.at(here)} here and {runs.at(there)} there."
        yield Difference(reason, "main", sentence)
