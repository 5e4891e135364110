"""Exercises of lesson 05: who wins a race, when it is over, and what becomes of who lost it."""

import asyncio
from collections.abc import Mapping
from functools import partial
from random import Random
from typing import Any

from helpers.exercises.rules import (
    at_most_alive,
    cancelled_and_awaited,
    home,
    never_blocked,
    never_lost,
    nothing_left,
    predicted,
)
from helpers.exercises.spec import Exercise, call, must
from helpers.text import listing, number
from helpers.trace import Outcome, Trace

NONE = "no price"


async def searches(answer: Any, _: Random) -> Any:
    """The races of the lesson; returns what the learner said of them."""
    races, said = answer
    await races()
    return said


async def servers(answer: Any, random: Random) -> None:
    """A race that is won, one whose first fails, and one whose client hangs up."""
    loop = asyncio.get_running_loop()
    for case in random.sample(["won", "failed", "left"], 3):
        takes = [random.uniform(1, 1.3), *(random.uniform(1.5, 3) for _ in range(2))]
        clean_up = random.uniform(0.3, 0.6)
        first = OSError("no such table") if case == "failed" else "the answer"
        outcomes = [first, "late", "later"]
        runners = [
            partial(ask, f"server {n}, {case}", clean_up, took, outcome)
            for n, (took, outcome) in enumerate(zip(takes, outcomes, strict=True), 1)
        ]
        asks = random.sample(runners, 3)
        began = loop.time()
        task = asyncio.create_task(answer(asks), name=f"race, {case}")
        if case == "left":
            await asyncio.sleep(0.7)
            task.cancel()
        await asyncio.wait([task])
        took, most = loop.time() - began, clean_up + (0.7 if case == "left" else takes[0])
        end = None if task.cancelled() else task.exception() or task.result()
        how = f"with {end!r}" if end else "with nothing"
        how = "as cancelled" if task.cancelled() else how
        words = f"The race of the case {case!r} ended {how}"
        right = {"left": task.cancelled(), "failed": end is first, "won": end == first}
        due = (
            "it was cancelled after 0.7 s"
            if case == "left"
            else f"the first to end came with {first!r}"
        )
        must(right[case], f"{words}; {due}.")
        words = f"{words} after {number(took, 2)} s; {number(most, 2)} s are enough"
        must(took < most + 0.01, f"{words}: cancel the losers, and wait for them, not for a time.")


async def prices(answer: Any, random: Random) -> None:
    """Races of a cache and a database, either of which may be slow or fail."""
    soon, late = random.uniform(0.5, 1), random.uniform(1.5, 2)
    clean_up = random.uniform(0.3, 0.6)
    error = LookupError("not here")
    cases: dict[str, tuple[list[tuple[float, Any]], Any, float]] = {
        "won": ([(soon, "4.20"), (late, "5.20")], "4.20", soon + clean_up),
        "one fails": ([(soon, error), (late, "5.20")], "5.20", late),
        "both fail": ([(soon, error), (late, error)], NONE, late),
        "slow": ([(9, "4.20"), (8, "5.20")], NONE, 3 + clean_up),
        "half slow": ([(soon, error), (8, "5.20")], NONE, 3 + clean_up),
    }
    for case in random.sample(list(cases), 5):
        plan, right, most = cases[case]
        pair = zip(("cache", "database"), random.sample(plan, 2), strict=True)
        asks = [partial(ask, f"{name}, {case}", clean_up, *each) for name, each in pair]
        began = asyncio.get_running_loop().time()
        got = await asyncio.create_task(answer(*asks, 3), name=f"race, {case}")
        took = asyncio.get_running_loop().time() - began
        words = f"In the case {case!r} you returned {got!r}; {right!r} would be right."
        must(got == right, words)
        words = f"In the case {case!r} you returned after {number(took, 2)} s"
        must(took < most + 0.01, f"{words}; {number(most, 2)} s are enough, clean-ups and all.")


async def shifts(answer: Any, random: Random) -> None:
    """A worker who hears the bell when idle, together with an order, and with orders in line."""
    gap = random.choice([0, 0.1, 1])
    # Seconds before each order, and from the last one to the bell.
    cases: dict[str, tuple[list[float], float]] = {
        "idle": ([0, gap, gap], 5),
        "together": ([0, gap, 5], 0),
        "in line": ([0, 5, 0, 0], 0.2),
    }
    for case in random.sample(list(cases), 3):
        await _shift(answer, random, case, *cases[case])


async def _shift(
    answer: Any, random: Random, case: str, pauses: list[float], until_bell: float
) -> None:
    now = asyncio.get_running_loop().time
    queue: asyncio.Queue[str] = asyncio.Queue()
    bell, came, cooked, last = asyncio.Event(), list[str](), list[str](), 0.0

    async def cook(order: str) -> None:
        nonlocal last
        must(order in came, f"`cook` was given {order!r}, which is no order.")
        await call(f"cook: {order}, {case}", random.uniform(0.5, 0.9))
        cooked.append(order)
        last = now()

    worker = asyncio.create_task(answer(queue, bell, cook), name=f"work, {case}")
    for n, pause in enumerate(pauses, 1):
        await asyncio.sleep(pause)
        came.append(f"order {n}")
        queue.put_nowait(came[-1])
    for _ in range(random.randint(0, 2)):  # turns of the loop
        await asyncio.sleep(0)
    if until_bell:
        await asyncio.sleep(until_bell)
    bell.set()
    rang = now()
    await asyncio.wait([worker], timeout=9)
    words = f"The bell of the shift {case!r} rang at {number(rang, 2)} s"
    must(worker.done(), f"{words}, and `work` had not returned 9 s later.")
    worker.result()
    lost = [order for order in came if order not in cooked]
    must(not lost, f"{words}, and `work` never cooked {listing(lost)}, which came before.")
    must(cooked == came, f"Each order once, and in their order; you cooked {listing(cooked)}.")
    late = f"{words}, 5 s after the last order, which was ready only at {number(last, 2)} s"
    must(case != "idle" or last < rang, f"{late}: cook each order when it comes.")
    words += f", the last order was ready at {number(last, 2)} s" * (last > rang)
    words += f", and `work` returned at {number(now(), 2)} s: that is too late."
    must(now() < max(rang, last) + 0.01, words)


async def ask(name: str, clean_up: float, took: float, outcome: Any) -> Any:
    """One server's answer; when cancelled it cleans up."""
    try:
        return await call(name, took, outcome)
    except asyncio.CancelledError:
        await call(f"clean-up {name}", clean_up)
        raise


def winners(trace: Trace) -> Mapping[str, object]:
    """Who won each race of the lesson, and when the race returned."""
    found = {}
    for race in trace.tasks:
        if race.name.startswith("race"):
            back = [t.name for t in trace.children(race.id) if t.outcome is Outcome.RETURNED]
            found[race.name] = (back[0].split(" ")[0] if back else "nobody", race.ended)
    return found


EXERCISES = {
    "05.searches": Exercise(
        program=searches,
        takes=None,
        rules=[predicted(winners)],
        right="A race is over when its losers are home; a task that others made is no part of it.",
        hints=[
            "A racer has ended when its `finally` has; and a loser's `finally` takes time, too.",
            "In race_1 one racer is at its clean-up when the other one ends. Where does a cancel "
            "arrive then?",
            "In race_3 the alarm cancels the race; `select` lets it through when both are home.",
        ],
    ),
    "05.left_out": Exercise(
        program=servers,
        takes=["asks"],
        rules=[
            *map(cancelled_and_awaited, ["server 2", "server 3"]),
            home("race", "clean-up"),
            never_lost(),
            nothing_left(),
            never_blocked(),
        ],
        right="Whatever ends the race, its runners are told, and it waits until they are home.",
        hints=[
            "What does `cancel()` do, and what does it not wait for?",
            "And which of your lines run if `first_answer` itself is cancelled at its `wait`?",
            "`try:` behind the first line; in `finally:` cancel all, and wait for all of them.",
        ],
    ),
    "05.look_up": Exercise(
        program=prices,
        takes=["cache", "database", "seconds"],
        rules=[home("race", "clean-up"), never_lost(), nothing_left(), never_blocked()],
        right="A failure drops out, the first price wins, and nobody is out when it is told.",
        hints=[
            "The first to end may have failed: then the race is not over.",
            "Wait again and again for `FIRST_COMPLETED`, as long as somebody is pending.",
            "`select` has `first_success=True`; if nobody succeeds it raises an `ExceptionGroup`.",
        ],
    ),
    "05.bell": Exercise(
        program=shifts,
        takes=["queue", "bell", "cook"],
        rules=[at_most_alive(1, "cook: "), never_lost(), nothing_left()],
        right="The bell takes no order from anybody: it only says that no more will come.",
        hints=[
            "Bell and order may come in the same turn: then both are in `done`. And what is left "
            "in the queue?",
            "Make outside of the race what must not be lost in it: a task that takes and cooks.",
            "After `await bell.wait()` put a last slip behind all the orders, and await the task.",
        ],
    ),
}
