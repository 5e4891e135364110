"""The rules that explain differences of one lane: how it ended, and who asked it to."""

from __future__ import annotations

from helpers.comparison.case import END, ERROR, KIND, OUTCOME, Case, Fact, ended
from helpers.task import MAIN_RETURN
from helpers.trace import LaneKind, Outcome


def branch(case: Case) -> None:
    """A future that Tokio polls inside its parent is a task here."""
    if case.here.kind is LaneKind.TASK and case.there.kind is LaneKind.BRANCH:
        said = f"`{case.name}` is a task here; in Tokio a future that {_parent(case)} polls."
        case.tell("a branch is no task", said, [KIND])


def raised(case: Case) -> None:
    """An exception beside a panic."""
    both = case.here.outcome is case.there.outcome is Outcome.RAISED
    if both and case.there.error.startswith("panic"):
        said = f"`{case.name}` raises {case.here.error.partition(':')[0]} here and panics there."
        case.tell("panic or exception", said, [ERROR])


def over_a_handle(case: Case) -> None:
    """A deadline that cancels a task here, and lets it run on there."""
    here, there = case.here, case.there
    if here.cancelled_by != "deadline" or there.kind is not LaneKind.TASK:
        return
    if there.outcome is Outcome.CANCELLED or case.both.same(here.end, there.end):
        return
    later = [("there", n) for n in case.steps("there") if there.steps[n].start > here.end]
    asked = [("here", n) for n in case.steps("here") if here.steps[n].start == here.end][:1]
    said = f"At the deadline `{case.name}` {_apart(case)}."
    case.tell("timeout over a handle", said, [OUTCOME, END, ERROR, *later, *asked])


def loser(case: Case) -> None:
    """A task that lost a race: dropped there; here both are done, or it runs on, or it refuses."""
    here, there = case.here, case.there
    if there.outcome is not Outcome.CANCELLED or not isinstance(there.cancelled_by, int):
        return
    asked = any(case.both.same(request.time, there.end) for request in here.cancels)
    later = [("here", n) for n in case.steps("here") if here.steps[n].end >= there.end]
    told: list[Fact] = [OUTCOME, END, ERROR, *later]
    if here.outcome is Outcome.CANCELLED:
        if here.cancelled_by == MAIN_RETURN:
            said = f"Nobody cancels `{case.name}` here: it runs on until main is over"
            case.tell("loser of a race", f"{said} ({case.both.at(here.end)}).", told)
    elif asked:
        case.tell("a cancel can be refused", f"`{case.name}` {_apart(case)}.", told)
    elif here.outcome is Outcome.RETURNED and case.both.same(here.end, there.end):
        said = f"`{case.name}` is ready at {case.both.at(here.end)} too: it returns here, and is"
        case.tell("tie", f"{said} dropped there.", told)
    else:
        case.tell("loser of a race", f"`{case.name}` {_apart(case)}.", told)


def cancelled(case: Case) -> None:
    """Both were cancelled: an exception in a poll here, which may take longer; a drop there."""
    here, there = case.here, case.there
    if not (here.outcome is there.outcome is Outcome.CANCELLED and here.cancels):
        return
    at = here.cancels[-1].time
    if not here.steps or here.steps[-1].end < at:
        return
    extra = case.steps("here")
    first: list[Fact] = [("here", n) for n in extra if case.both.same(here.steps[n].ready, at)][:1]
    more = here.polls - there.polls
    if case.both.exact and there.kind is LaneKind.TASK and len(first) == 0 and more:
        return
    polls = f"{here.polls} polls here, {there.polls} there" if more else f"{here.polls} polls each"
    said = f"`{case.name}` is cancelled: here a poll raises CancelledError inside"
    case.tell("cancel is an exception", f"{said}, there it is dropped ({polls}).", first)
    if case.both.same(at, there.end) and here.end > there.end and case.open & {END}:
        after = [("here", n) for n in extra if at <= here.steps[n].start <= here.end]
        said = f"`{case.name}` is asked to stop at {case.both.at(at)} and ends at"
        case.tell("finally runs", f"{said} {case.both.at(here.end)} here.", [END, *after])


def vanished(case: Case) -> None:
    """A task that nobody kept, and that was collected."""
    lost = any(
        finding.kind == "vanished" and finding.task == case.here.id
        for finding in case.both.trace.findings
    )
    if lost and case.here.outcome is Outcome.PENDING:
        later = [("there", n) for n in case.steps("there")]
        said = (
            f"`{case.name}` vanishes here, since nobody kept it; it {ended(case.both, case.there)}"
        )
        case.tell("handle dropped", f"{said} there.", [OUTCOME, END, *later])


def _parent(case: Case) -> str:
    return f"`{case.both.recording.name_of(case.there.parent)}`"


def _apart(case: Case) -> str:
    return f"{ended(case.both, case.here)} here and {ended(case.both, case.there)} there"


RULES = (branch, raised, over_a_handle, loser, cancelled, vanished)
