"""What must hold in a recording of each program: relations, with room, never measured times.

Under the virtual clock the same relations hold exactly. `broken(trace)` gives those that do not.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator

from helpers.trace import LaneKind, Outcome, Task, Trace, longest_silence, moved, stolen

Facts = Iterator[tuple[bool, str]]  # does it hold, and what it is
_ALL: dict[str, Callable[[Trace], Facts]] = {}


def broken(trace: Trace) -> list[str]:
    """The facts on its program that a recording does not show, each as a sentence."""
    scenario = str(trace.about.get("scenario"))
    if scenario not in _ALL:
        return [f"nothing is known of a program named {scenario!r}"]
    return [f"it does not hold that {fact}" for holds, fact in of(trace) if not holds]


def of(trace: Trace) -> list[tuple[bool, str]]:
    """Every fact on the program that the trace recorded: whether it holds, and what it is."""
    found: list[tuple[bool, str]] = []
    try:
        for fact in itertools.chain(_every(trace), _ALL[str(trace.about["scenario"])](trace)):
            found.append(fact)
    except KeyError as error:  # a task that is not there, asked for by its name
        found.append((False, f"its tasks are the program's: {error.args[0]}"))
    except IndexError:
        found.append((False, "every task is polled and every mark is left"))
    return found


def _of(*names: str) -> Callable[[Callable[[Trace], Facts]], Callable[[Trace], Facts]]:
    """Register what is known of the programs with these names."""

    def register(facts: Callable[[Trace], Facts]) -> Callable[[Trace], Facts]:
        _ALL.update(dict.fromkeys(names, facts))
        return facts

    return register


def _alone(trace: Trace) -> bool:
    return trace.about.get("runtime") == "current_thread"


def _lasts(trace: Trace, task: Task, least: float, below: float) -> tuple[bool, str]:
    """A task ends at `least` seconds: exactly on the virtual clock, else before `below`."""
    ended = task.ended if task.ended is not None else trace.duration
    holds = ended == least if trace.clock == "virtual" else least <= ended < below
    return holds, f"{task.name} ends at {least} s, or later and before {below} s; it was {ended}"


def _outcomes(trace: Trace, **expected: str) -> Facts:
    for name, outcome in expected.items():
        task = trace.task(name)
        yield task.outcome == outcome, f"{name} {outcome}; it {task.outcome}"


def _marks(trace: Trace, *expected: str) -> tuple[bool, str]:
    said = [mark.text for mark in trace.marks]
    return said == list(expected), f"the marks are {list(expected)}; they were {said}"


def _every(trace: Trace) -> Facts:
    yield trace.task("main").outcome == Outcome.RETURNED, "main returns"
    if _alone(trace):
        tasks = (lane for lane in trace.lanes if lane.kind is not LaneKind.THREAD)
        chefs = {step.thread for lane in tasks for step in lane.steps}
        yield chefs == {"main"}, f"one chef polls every task; it was {sorted(chefs)}"


@_of("spawn")
def _spawn(trace: Trace) -> Facts:
    main, *dishes = trace.tasks
    yield _marks(
        trace, "three cards are written", "received carrots", "received pasta", "received bread"
    )
    yield from _outcomes(trace, chop="returned", boil="returned", bake="returned")
    if _alone(trace):
        yield _lasts(trace, main, 0.5, 5.0)
        yielded = main.steps[0].end
        late = all(dish.steps[0].start >= yielded for dish in dishes)
        yield late, "no task starts before main has yielded"
    else:
        yield _lasts(trace, main, 0.4, 5.0)


@_of("dropped_handle")
def _dropped(trace: Trace) -> Facts:
    main, roast = trace.task("main"), trace.task("roast")
    yield from _outcomes(trace, cake="returned", roast="cancelled")
    yield roast.cancelled_by == "main's return", "roast is cancelled by main's return"
    yield _lasts(trace, main, 0.05, 0.3)
    yield (roast.ended or 0) >= (main.ended or 0), "roast lives until main has returned"


@_of("panic")
def _panic(trace: Trace) -> Facts:
    yield _marks(trace, "soup: ok", "souffle: panicked", "salad: ok")
    yield from _outcomes(trace, soup="returned", souffle="raised", salad="returned")
    yield trace.task("souffle").error == "panic: the souffle fell", "souffle's panic says why"
    yield _lasts(trace, trace.task("main"), 0.15, 0.4)


@_of("async_sleep")
def _async_sleep(trace: Trace) -> Facts:
    yield from _outcomes(trace, roast="returned", soup="returned", bread="returned")
    yield _lasts(trace, trace.task("main"), 0.2, 0.4)


@_of("blocking_sleep")
def _blocking_sleep(trace: Trace) -> Facts:
    rounds = -(-3 // trace.workers)
    yield _lasts(trace, trace.task("main"), {1: 0.2, 2: 0.4, 3: 0.6}[rounds], 0.2 * (rounds + 1))
    for dish in trace.tasks[1:]:
        yield dish.polls == 1, f"{dish.name} is one poll"


@_of("blocking_pool")
def _blocking_pool(trace: Trace) -> Facts:
    jobs = [lane for lane in trace.lanes if lane.kind is LaneKind.THREAD]
    yield len({job.steps[0].thread for job in jobs}) == 3, "three threads do the three jobs"
    yield _lasts(trace, trace.task("main"), 0.2, 0.4)


@_of("timeout")
def _timeout(trace: Trace) -> Facts:
    yield _marks(trace, "soup: in time", "roast: too late")
    yield from _outcomes(trace, soup="returned", roast="cancelled")
    yield _lasts(trace, trace.task("soup"), 0.1, 0.2)
    yield _lasts(trace, trace.task("roast"), 0.3, 0.5)
    dropped = (trace.task("roast").ended or 0) <= trace.marks[-1].time
    yield dropped, "roast is dropped before main sees that it is late"


@_of("timeout_blocking")
def _timeout_blocking(trace: Trace) -> Facts:
    yield _marks(trace, "report: in time")
    yield from _outcomes(trace, report="returned")
    yield _lasts(trace, trace.task("report"), 0.5, 1.0)


@_of("timeout_handle")
def _timeout_handle(trace: Trace) -> Facts:
    yield _marks(trace, "database: too late", "database: ended all the same")
    yield from _outcomes(trace, database="returned")
    yield 0.2 <= trace.marks[0].time < 0.5, "the deadline passes before database has ended"
    yield _lasts(trace, trace.task("database"), 0.5, 0.8)


@_of("select")
def _select(trace: Trace) -> Facts:
    yield _marks(trace, "cache won")
    yield from _outcomes(trace, cache="returned", database="cancelled")
    dropped = (trace.task("database").ended or 0) <= trace.marks[0].time
    yield dropped, "the loser is dropped before the winner's handler runs"
    yield _lasts(trace, trace.task("main"), 0.1, 0.2)


@_of("select_handles")
def _select_handles(trace: Trace) -> Facts:
    yield _marks(
        trace, "cache won", "database ended all the same", "pantry won", "market was cancelled"
    )
    yield from _outcomes(trace, cache="returned", database="returned", market="cancelled")
    yield trace.task("market").cancelled_by == 0, "main cancels market"
    yield _lasts(trace, trace.task("database"), 0.3, 0.45)
    yield _lasts(trace, trace.task("market"), 0.4, 0.6)


@_of("select_biased")
def _select_biased(trace: Trace) -> Facts:
    yield _marks(trace, "left won", "first won")
    yield from _outcomes(trace, left="returned", right="cancelled", second="cancelled")
    yield trace.task("right").polls == 0, "right is dropped without a poll"
    yield trace.task("second").polls >= 1, "second is polled"


@_of("select_tie")
def _select_tie(trace: Trace) -> Facts:
    counts = {}
    for mark in trace.marks:
        found = re.fullmatch(r"(\w+): first (\d+), second (\d+)", mark.text)
        if found:
            counts[found[1]] = int(found[2]), int(found[3])
    random = counts.get("random", (0, 0))
    yield min(random) > 350 and sum(random) == 1000, "chance decides about half of the ties"
    yield counts.get("biased") == (1000, 0), "a biased race goes to the arm written first"


@_of("shutdown")
def _shutdown(trace: Trace) -> Facts:
    yield _marks(trace, "closing", "closed")
    orders = [task.name for task in trace.tasks if task.name.startswith("order-")]
    yield orders == ["order-1", "order-2", "order-3"], f"three orders come in time; {orders} did"
    yield from _outcomes(trace, **dict.fromkeys(orders, "returned"))
    yield from _outcomes(trace, customers="cancelled", closing_time="returned")
    yield trace.task("customers").cancelled_by == 0, "main sends the customers away"
    yield _lasts(trace, trace.task("main"), 0.38, 0.7)


@_of("thousand", "ten_thousand")
def _crowd(trace: Trace) -> Facts:
    orders = trace.tasks[1:]
    count = 1000 if trace.about["scenario"] == "thousand" else 10_000
    yield len(orders) == count, f"there are {count} orders"
    yield all(order.outcome == Outcome.RETURNED for order in orders), "every order returns"
    yield all(order.polls == 2 for order in orders), "every order is two polls"
    yield _lasts(trace, trace.task("main"), 0.01, 0.001 * count)
    if not _alone(trace):
        yield bool(moved(trace)), "some tasks are polled by more than one chef"


@_of("cpu", "cpu_yield")
def _cpu(trace: Trace) -> Facts:
    dishes = [task for task in trace.tasks if task.name.startswith("dish-")]
    yield len(dishes) == 8, "there are eight dishes"
    yields = trace.about["scenario"] == "cpu_yield"
    polls = 26 if yields else 1
    yield all(dish.polls == polls for dish in dishes), f"every dish is {polls} polls"
    silence = longest_silence(trace.task("ticker"))
    cooking = max(dish.end for dish in dishes) - min(dish.spawned for dish in dishes)
    share = f"the {cooking} s that the dishes take; it was for {silence} s"
    if not yields:
        least = 2 if _alone(trace) else 4
        yield silence > cooking / least, f"the ticker is silent for 1/{least} of {share}"
    elif _alone(trace):
        yield silence < cooking / 4, f"the ticker is not silent for 1/4 of {share}"
    if yields and not _alone(trace):
        yield bool(moved(trace)), "some dishes are cooked by more than one chef"


@_of("nested")
def _nested(trace: Trace) -> Facts:
    chef = trace.task("sous_chef")
    peels = list(trace.children(chef.id))
    yield len(peels) == 8, "sous_chef writes eight cards"
    if _alone(trace):
        late = all(peel.steps[0].start >= chef.steps[0].end for peel in peels)
        yield late, "no card is taken up before sous_chef yields"
    else:
        yield bool(stolen(trace, chef)), "another chef steals cards while sous_chef works"
