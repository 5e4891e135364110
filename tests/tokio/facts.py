"""What must hold in a recording of each program: relations, with room, never measured times.

Under the virtual clock the same relations hold exactly. Each function below bears its program's
name, and its assertions stand on one line each, because that line is what a person is told.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable

from helpers.trace import LaneKind, Step, Task, Trace, longest_silence, moved, stolen


def broken(trace: Trace) -> list[str]:
    """The first fact on its program that a recording does not show; none if it shows all."""
    scenario = str(trace.about.get("scenario"))
    if scenario not in _ALL:
        return [f"nothing is known of a program named {scenario!r}"]
    try:
        _every(trace)
        _ALL[scenario](trace)
    except (AssertionError, LookupError) as error:
        frames = traceback.extract_tb(error.__traceback__)
        line = [frame.line or "" for frame in frames if frame.filename == __file__][-1]
        return [f"it does not hold: {line.removeprefix('assert ')} {error}".rstrip()]
    return []


def _alone(trace: Trace) -> bool:
    return trace.about.get("runtime") == "current_thread"


def _lasts(trace: Trace, name: str, least: float, below: float) -> bool:
    """Whether a task ends at `least` seconds: exactly on the virtual clock, else before `below`."""
    ended = trace.task(name).end
    return ended == least if trace.clock == "virtual" else least <= ended < below


def _ends(trace: Trace, names: str) -> list[str]:
    """How the tasks of these names ended."""
    return [trace.task(name).outcome for name in names.split()]


def _marks(trace: Trace) -> list[str]:
    return [mark.text for mark in trace.marks]


def _within(step: Step, outer: Step) -> bool:
    """Whether one poll starts while another one is going on."""
    return outer.start < step.start < outer.end


def _wait(tasks: list[Task], until: float) -> bool:
    """Whether none of the tasks starts before a moment."""
    return all(task.steps[0].start >= until for task in tasks)


def _named(trace: Trace, start: str) -> list[Task]:
    return [task for task in trace.tasks if task.name.startswith(start)]


def _every(trace: Trace) -> None:
    assert _ends(trace, "main") == ["returned"]
    tasks = (lane for lane in trace.lanes if lane.kind is not LaneKind.THREAD)
    chefs = {step.thread for lane in tasks for step in lane.steps}
    assert not _alone(trace) or chefs == {"main"}


def _spawn(trace: Trace) -> None:
    main, *dishes = trace.tasks
    received = ["received carrots", "received pasta", "received bread"]
    assert _marks(trace) == ["three cards are written", *received]
    assert _ends(trace, "chop boil bake") == ["returned"] * 3
    assert _lasts(trace, "main", 0.5 if _alone(trace) else 0.4, 5.0)
    assert not _alone(trace) or _wait(dishes, until=main.steps[0].end)


def _dropped_handle(trace: Trace) -> None:
    assert _ends(trace, "cake roast") == ["returned", "cancelled"]
    assert trace.task("roast").cancelled_by == "main's return"
    assert trace.task("roast").end >= trace.task("main").end
    assert _lasts(trace, "main", 0.05, 0.3)


def _panic(trace: Trace) -> None:
    assert _marks(trace) == ["soup: ok", "souffle: panicked", "salad: ok"]
    assert _ends(trace, "soup souffle salad") == ["returned", "raised", "returned"]
    assert trace.task("souffle").error == "panic: the souffle fell"
    assert _lasts(trace, "main", 0.15, 0.4)


def _async_sleep(trace: Trace) -> None:
    assert _ends(trace, "roast soup bread") == ["returned"] * 3
    assert _lasts(trace, "main", 0.2, 0.4)


def _blocking_sleep(trace: Trace) -> None:
    rounds = -(-3 // trace.workers)
    assert _lasts(trace, "main", {1: 0.2, 2: 0.4, 3: 0.6}[rounds], 0.2 * (rounds + 1))
    assert [dish.polls for dish in trace.tasks[1:]] == [1, 1, 1]


def _blocking_pool(trace: Trace) -> None:
    jobs = [lane for lane in trace.lanes if lane.kind is LaneKind.THREAD]
    assert len({job.steps[0].thread for job in jobs}) == 3
    assert _lasts(trace, "main", 0.2, 0.4)


def _timeout(trace: Trace) -> None:
    assert _marks(trace) == ["soup: in time", "roast: too late"]
    assert _ends(trace, "soup roast") == ["returned", "cancelled"]
    assert _lasts(trace, "soup", 0.1, 0.2)
    assert _lasts(trace, "roast", 0.3, 0.5)
    assert trace.task("roast").end <= trace.marks[-1].time  # dropped before main sees it is late


def _timeout_blocking(trace: Trace) -> None:
    assert _marks(trace) == ["report: in time"]
    assert _ends(trace, "report") == ["returned"]
    assert _lasts(trace, "report", 0.5, 1.0)


def _timeout_handle(trace: Trace) -> None:
    assert _marks(trace) == ["database: too late", "database: ended all the same"]
    assert _ends(trace, "database") == ["returned"]
    assert 0.2 <= trace.marks[0].time < 0.5  # the deadline passes before database has ended
    assert _lasts(trace, "database", 0.5, 0.8)


def _select(trace: Trace) -> None:
    assert _marks(trace) == ["cache won"]
    assert _ends(trace, "cache database") == ["returned", "cancelled"]
    assert trace.task("database").end <= trace.marks[0].time  # before the winner's handler runs
    assert _lasts(trace, "main", 0.1, 0.2)


def _select_handles(trace: Trace) -> None:
    first, second = ["cache won", "database ended all the same"], ["pantry won"]
    assert _marks(trace) == [*first, *second, "market was cancelled"]
    assert _ends(trace, "cache database market") == ["returned", "returned", "cancelled"]
    assert trace.task("market").cancelled_by == 0
    assert _lasts(trace, "database", 0.3, 0.45)
    assert _lasts(trace, "market", 0.4, 0.6)


def _select_biased(trace: Trace) -> None:
    assert _marks(trace) == ["left won", "first won"]
    assert _ends(trace, "left right second") == ["returned", "cancelled", "cancelled"]
    assert trace.task("right").polls == 0
    assert trace.task("second").polls >= 1


def _select_tie(trace: Trace) -> None:
    found = re.findall(r"(\w+): first (\d+), second (\d+)", "\n".join(_marks(trace)))
    counts = {name: (int(first), int(second)) for name, first, second in found}
    assert min(counts["random"]) > 350
    assert sum(counts["random"]) == 1000
    assert counts["biased"] == (1000, 0)


def _shutdown(trace: Trace) -> None:
    assert _marks(trace) == ["closing", "closed"]
    assert [task.name for task in _named(trace, "order-")] == ["order-1", "order-2", "order-3"]
    assert _ends(trace, "order-1 order-2 order-3 closing_time") == ["returned"] * 4
    assert _ends(trace, "customers") == ["cancelled"]
    assert trace.task("customers").cancelled_by == 0
    assert _lasts(trace, "main", 0.38, 0.7)


def _thousand(trace: Trace) -> None:
    count = {"thousand": 1000, "ten_thousand": 10_000}[trace.about["scenario"]]
    assert len(trace.tasks) == 1 + count
    assert {(order.outcome, order.polls) for order in trace.tasks[1:]} == {("returned", 2)}
    assert _lasts(trace, "main", 0.01, 0.001 * count)
    assert _alone(trace) or moved(trace)


def _silence(trace: Trace) -> float:
    """For what share of the time that the dishes take the ticker is silent."""
    dishes = _named(trace, "dish-")
    cooking = max(dish.end for dish in dishes) - min(dish.spawned for dish in dishes)
    return longest_silence(trace.task("ticker")) / cooking


def _cpu(trace: Trace) -> None:
    assert [dish.polls for dish in _named(trace, "dish-")] == [1] * 8
    assert _silence(trace) > (1 / 2 if _alone(trace) else 1 / 4)


def _cpu_yield(trace: Trace) -> None:
    assert [dish.polls for dish in _named(trace, "dish-")] == [26] * 8
    assert _silence(trace) < 1 / 4 if _alone(trace) else moved(trace)


def _nested(trace: Trace) -> None:
    chef = trace.task("sous_chef")
    peels = list(trace.children(chef.id))
    assert len(peels) == 8
    assert _wait(peels, until=chef.steps[0].end) if _alone(trace) else stolen(trace, chef)


def _held(trace: Trace) -> None:
    pans = _named(trace, "pan-")
    assert [pan.polls for pan in pans] == [9] * 4
    assert trace.task("roast").polls == 1
    assert _alone(trace) == (max(pan.scheduled for pan in pans) > 0.2)


def _stall(trace: Trace) -> None:
    blocking, pans = trace.task("roast").steps[1], _named(trace, "pan-")
    meanwhile = [step for pan in pans for step in pan.steps if _within(step, blocking)]
    assert [pan.polls for pan in pans] == [9] * 4
    assert meanwhile == []
    assert min(pan.scheduled for pan in pans) > 0.35


_PROGRAMS = (
    *(_spawn, _dropped_handle, _panic, _async_sleep, _blocking_sleep, _blocking_pool),
    *(_timeout, _timeout_blocking, _timeout_handle, _shutdown, _thousand, _cpu, _cpu_yield),
    *(_select, _select_handles, _select_biased, _select_tie, _nested, _held, _stall),
)
_ALL: dict[str, Callable[[Trace], None]] = {
    **{program.__name__.removeprefix("_"): program for program in _PROGRAMS},
    "ten_thousand": _thousand,
}
