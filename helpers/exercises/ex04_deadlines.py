"""Exercises of lesson 04: what a deadline ends, what it leaves behind, and what it cannot end."""

import asyncio
from collections.abc import Iterator
from functools import partial
from itertools import chain, count, repeat
from random import Random
from typing import Any

from helpers.exercises.rules import (
    at,
    finished_within,
    home,
    never_blocked,
    never_lost,
    nothing_left,
    predicted,
)
from helpers.exercises.spec import Exercise, Fault, call, calls, must
from helpers.text import number, plural
from helpers.trace import Trace

EACH, TOTAL = 3, 8  # seconds that a part of a page may take, and the page
PRICE, NONE = "12.50", "no price today"


async def clients(answer: Any, _: Random) -> Any:
    """The requests of the lesson; returns what the learner said of them."""
    program, said = answer
    await program()
    return said


def answered(trace: Trace) -> dict[str, float]:
    """When each client has an answer, and how many were not asked to stop before it was new."""
    ended = {task.name: task.end for task in trace.tasks[1:]}
    return ended | {"new": sum(not task.cancels for task in trace.tasks[1:])}


async def page(answer: Any, random: Random) -> None:
    """A page of five parts: one is too slow for itself, one for the page, one is never reached."""
    names = random.sample(["user", "orders", "advice", "news", "weather"], 5)
    quick = [random.uniform(1.5, 2) for _ in range(2)]
    takes = dict(zip(names, [*random.sample([5, *quick], 3), 5, 1], strict=True))
    under_way, together = list[str](), list[str]()

    async def part(name: str) -> Any:
        together.extend(f"You called {name!r} while {one!r} was under way" for one in under_way)
        under_way.append(name)
        try:
            return await call(f"part: {name}", takes[name], name)
        finally:
            under_way.remove(name)

    got = await answer({name: partial(part, name) for name in names}, EACH, TOTAL)
    must(not together, f"{' '.join(together[:1])}: call one after another.")
    must(isinstance(got, dict), f"Return a dictionary, not {got!r}.")
    must(list(got) == names, f"The keys are to be {names}, in this order; they are {list(got)}.")
    turn = 0.0
    for name, took in takes.items():
        right = name if took in quick else None
        words = (
            f"The turn of {name!r} comes at {number(turn, 2)} s, and it takes {number(took, 2)} s"
        )
        must(got[name] == right, f"{words}: {right!r} would be right, and not {got[name]!r}.")
        turn = min(turn + min(took, EACH), TOTAL)


async def price(answer: Any, random: Random) -> None:
    """A supplier who is asked until the answer comes, until time is up, and until we are told."""
    for case in random.sample(["answered", "in vain", "told to stop"], 3):
        dead, n = OSError("the line is dead"), random.randint(1, 3)
        fails = [random.choice([(9, PRICE), (random.uniform(0.2, 0.8), dead)]) for _ in range(n)]
        until = sum(min(1, took) + 0.5 for took, _ in fails) + 0.4  # in the midst of a call
        late = [] if case == "answered" else [(9, PRICE), (9, PRICE)]
        await _ask(answer, case, chain(fails, late, repeat((0.4, PRICE))), until)


async def _ask(answer: Any, case: str, answers: Iterator[Any], until: float) -> None:
    now, asked = asyncio.get_running_loop().time, count(1)
    began = now()

    async def ask() -> Any:
        return await call(f"call {next(asked)}, {case}", *next(answers))

    task = asyncio.create_task(answer(ask, until if case == "in vain" else 60), name=case)
    if case == "told to stop":
        await asyncio.sleep(until)
        task.cancel()
    await asyncio.wait([task])
    took, at = now() - began, f"after {number(until, 2)} s"
    got = None if task.cancelled() else task.result()
    if case == "told to stop":
        did = "ended as cancelled" if task.cancelled() else "did not end as cancelled"
        words = f"`keep_asking` was cancelled from outside {at}, and {did}"
        words += f", {number(took - until, 2)} s later." if task.cancelled() else "."
        must(task.cancelled() and took < until + 0.01, words)
        return
    right, why = (PRICE, "the price is there") if case == "answered" else (NONE, "time is up")
    words = f"In a run in which {why} {at}, you returned {got!r} after {number(took, 2)} s."
    must(got == right and abs(took - until) < 0.01, words)


async def requests(answer: Any, random: Random) -> None:
    """Requests that go well, fail, and are cancelled so and so often."""
    cancels = {"one cancel": 1, "two cancels": 2, "three cancels": 3, "failed, and a cancel": 1}
    for case in random.sample(["well", "failed", *cancels], 6):
        orders = [f"order {n}" for n in range(1, 5)]
        failing = random.choice(orders) if "failed" in case else None
        undone: list[str] = []
        request = asyncio.create_task(
            answer(orders, partial(save, case, failing), partial(undo, case, undone)),
            name=f"request, {case}",
        )
        if failing in orders:
            await asyncio.sleep(0.7 * (orders.index(failing) + 1))
        for n in range(cancels.get(case, 0)):
            await asyncio.sleep(0.3 if n or failing else random.uniform(0.6, 1.9))
            request.cancel()
        await asyncio.wait([request])
        error = None if request.cancelled() else request.exception()
        got = None if request.cancelled() or error else request.result()
        ended = "was cancelled" if request.cancelled() else f"ended with {error or got!r}"
        never = f"`request, {case}` {ended}, and `undo` was never called."
        must(undone or case == "well", never)
        called = f"`undo` was called {plural(len(undone), 'time')} by `request, {case}`"
        must(len(undone) == (case != "well"), f"{called}; {int(case != 'well')} would be right.")
        if case == "well":
            must(got == [each.upper() for each in orders], f"`request, {case}` {ended}.")
        elif failing:
            must(isinstance(error, OSError), f"`request, {case}` {ended}, not with the `OSError`.")
        else:
            must(request.cancelled(), f"`request, {case}` {ended}; it had to end as cancelled.")


async def save(case: str, failing: str | None, order: str) -> Any:
    """Save an order, if it is not the one that fails."""
    error = OSError(f"no room for {order}") if order == failing else None
    return await call(f"{order}, {case}", 0.7, error or order.upper())


async def undo(case: str, undone: list[str]) -> None:
    """Take a request's orders back."""
    undone.append(case)
    await call(f"undo, {case}", 1)


def saved_before(trace: Trace) -> Fault | None:
    """No order is still being saved when its undo begins."""
    begun = {lane.name.partition(", ")[2]: lane.spawned for lane in calls(trace, "undo")}
    for lane in calls(trace, "order"):
        undo = begun.get(lane.name.partition(", ")[2], lane.end)
        if lane.end > undo:
            words = f"`{lane.name}` was still being saved when its undo began at {at(trace, undo)}"
            words += ": it has to be cancelled, or to have ended, before."
            return Fault(words, lane.id, lane.spawned, lane.end)
    return None


EXERCISES = {
    "04.clients": Exercise(
        program=clients,
        takes=None,
        rules=[predicted(answered)],
        right="A deadline says when the wish is made; the clean-up says when it is granted.",
        hints=[
            "An alarm raises at the await where the task stands. Which line is that, each time?",
            "Bob's query is at its clean-up when his alarm rings; Cleo's clean-up begins then.",
            "Dora's second alarm rings in the clean-up that her first one began, and ends it.",
        ],
    ),
    "04.retries": Exercise(
        program=price,
        takes=["ask", "seconds"],
        rules=[never_lost(), nothing_left()],
        right="Each call has a limit, all have a deadline, and a cancel passes through the loop.",
        hints=[
            "What does the outer alarm raise inside of the loop, and who catches that there?",
            "Which exceptions say that a call failed, and which that somebody wants you to stop?",
            "`except (OSError, TimeoutError):` lets a `CancelledError` pass.",
        ],
    ),
    "04.page": Exercise(
        program=page,
        takes=["parts", "each", "total"],
        rules=[nothing_left(), never_lost(), never_blocked(), finished_within(TOTAL)],
        right="A moment does not grow when it is handed on; what it cut off was cancelled.",
        hints=[
            "When has the page to be there, on the loop's clock? Work that out once.",
            "A part ends at the earlier of two moments: its own, and the page's.",
            "`asyncio.timeout_at(min(end, loop.time() + each))` round each part, in a `try`.",
        ],
    ),
    "04.undo": Exercise(
        program=requests,
        takes=["orders", "save", "undo"],
        rules=[saved_before, home("request", "undo"), never_lost(), nothing_left()],
        right="The undo is a task of its own; a cancel can end the waiting for it, and only that.",
        hints=[
            "Is a `CancelledError` an `Exception`? And where does a second cancel arrive?",
            "Let the undo be a task whose handle you keep, and hold a shield over it.",
            "`while not task.done():`, and in it `await asyncio.shield(task)`, whose "
            "`CancelledError` you suppress; then `raise`.",
        ],
    ),
}
