"""Exercises of lesson 08: a handler, a guest who hangs up, and a service that closes."""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from random import Random
from typing import Any

from helpers.exercises.rules import home, never_blocked, never_lost, nothing_left, predicted
from helpers.exercises.spec import Exercise, call, must
from helpers.text import number
from helpers.trace import Trace

ASK = "ask the waiter"
_HANGS_UP = 0.1  # seconds: the clean-up of a call to the supplier


async def five(answer: Any, _: Random) -> Any:
    """The guests of the lesson; returns what the learner said of them."""
    program, said = answer
    await program()
    return said


def answered(trace: Trace) -> dict[str, float]:
    """When each guest has an answer."""
    return {task.name: task.end for task in trace.tasks[1:]}


async def dishes(answer: Any, random: Random) -> None:
    """Requests for a dish: all goes well, one of the two is slow or fails, or all is called off."""
    slow, quick = partial(random.uniform, 3, 4), partial(random.uniform, 0.5, 1.5)
    no_dish, down = LookupError("there is no such dish"), OSError("the supplier is down")
    found, half = {"price": 950, "left": 4}, {"price": 950, "left": ASK}
    cases = {
        "all is well": ((quick(), 950), (quick(), 4), found),
        "a slow supplier": ((quick(), 950), (slow(), 4), half),
        "a supplier who fails": ((quick(), 950), (quick(), down), half),
        "a slow database": ((slow(), 950), (quick(), 4), None),
        "all is slow": ((slow(), 950), (slow(), 4), None),
        "nothing works": ((slow(), 950), (quick(), down), None),
        "no such dish": ((quick(), no_dish), (slow(), 4), no_dish),
        "the guest hangs up": ((slow(), 950), (slow(), 4), asyncio.CancelledError()),
    }
    for case in random.sample([*cases], len(cases)):
        price, left, right = cases[case]
        due = 2.0
        if right in (found, half, no_dish):
            due = price[0] if right is no_dish else max(price[0], min(left[0], 2))
        args = _calls("price", case, *price), _asks(case, *left), 2
        request = asyncio.create_task(answer(*args), name=_dish(case))
        began = asyncio.get_running_loop().time()
        if "hangs up" in case:
            due = random.uniform(0.3, 1.8)
            await asyncio.sleep(due)
            request.cancel()
        await asyncio.wait([request])
        took = asyncio.get_running_loop().time() - began
        got, words = _end(request), f"`{_dish(case)}`"
        _same(got, right, words)
        due += _HANGS_UP if left[0] > 2 else 0
        late = f"{words} took {number(took, 2)} s, and {number(due, 2)} s are enough"
        must(
            took < due + 0.01,
            f"{late}: is there one deadline, and are both asked at the same time?",
        )


def _dish(case: str) -> str:
    return f"dish, {case}"


def _calls(name: str, case: str, takes: float, outcome: Any) -> Callable[[], Any]:
    return lambda: call(f"{name}, {case}", takes, outcome)


def _asks(case: str, takes: float, outcome: Any) -> Callable[[], Any]:
    async def left() -> Any:
        try:
            return await call(f"left, {case}", takes, outcome)
        except asyncio.CancelledError:
            await call(f"hang up, {case}", _HANGS_UP)
            raise

    return left


def _end(task: "asyncio.Task[Any]") -> Any:
    """What a task returned, or what it raised."""
    if task.cancelled():
        return asyncio.CancelledError()
    return task.exception() or task.result()


def _same(got: Any, right: Any, who: str) -> None:
    raised = isinstance(right, BaseException)
    ended = f"raised {got!r}" if isinstance(got, BaseException) else f"returned {got!r}"
    had = f"had to {'raise' if raised else 'return'} {right!r}"
    must(type(got) is type(right) if raised else got == right, f"{who} {ended}, and {had}.")


async def orders(answer: Any, random: Random) -> None:
    """Orders whose guests stay, or hang up, or whose service is called off."""
    cases = ["stays", "hangs up early", "hangs up late", "off early", "off late", "off twice"]
    for case in random.sample(cases, len(cases)):
        gone, numbers = asyncio.Event(), list[int]()
        looks, writes = random.uniform(1, 2), random.uniform(1, 2)
        total, number_of_it = random.randint(500, 900), random.randint(1, 99)
        args = case, writes, number_of_it, numbers
        task = asyncio.create_task(
            answer(gone, _calls("price", case, looks, total), _writer(*args)), name=f"order, {case}"
        )
        early = looks * random.uniform(0.2, 0.8)
        if case != "stays":
            await asyncio.sleep(early if "early" in case else looks + writes / 3)
        for _ in range(2 if case == "off twice" else "off" in case):
            task.cancel()
            await asyncio.sleep(writes / 6)
        if "hangs up" in case:
            gone.set()
        began = asyncio.get_running_loop().time()
        await asyncio.wait([task])
        took = asyncio.get_running_loop().time() - began
        right: Any = None if case == "hangs up early" else number_of_it
        right = asyncio.CancelledError() if "off" in case else right
        _same(_end(task), right, f"`order, {case}`")
        must("early" in case or numbers == [total], f"`order, {case}` wrote {numbers}.")
        must("early" not in case or not numbers, f"`order, {case}` wrote {numbers}: it was off.")
        quick = f"`order, {case}` had to end at once, and took {number(took, 2)} s more."
        must("early" not in case or took < 0.01, quick)


def _writer(case: str, takes: float, number_of_it: int, numbers: list[int]) -> Callable[..., Any]:
    async def write(total: int) -> Any:
        numbers.append(total)
        return await call(f"write, {case}", takes, number_of_it)

    return write


async def closings(answer: Any, random: Random) -> None:
    """Services that close: idle, with orders in flight, and at the moment of one more order."""
    grace = 2.0
    cases = {
        "nobody there": (),
        "all in time": (0.5, 1.5),
        "one takes too long": (0.5, 6.0, 1.5),
        "one more just then": (1.5, 0.5),
    }
    for case in random.sample([*cases], len(cases)):
        queue, closing = asyncio.Queue[str](), asyncio.Event()
        takes = {f"order {n}": each for n, each in enumerate(cases[case], 1)}
        began = asyncio.get_running_loop().time
        task = asyncio.create_task(
            answer(queue, _cook(case, takes), closing, grace), name=f"service, {case}"
        )
        await asyncio.sleep(1)
        *soon, last = [*takes, "nothing"]
        if "just then" in case:
            *soon, last = takes
        for order in soon:
            queue.put_nowait(order)
        await asyncio.sleep(0.2)
        if "just then" in case:
            queue.put_nowait(last)
        closing.set()
        closed = began()
        await asyncio.sleep(0.1)
        queue.put_nowait("an order that is too late")
        await asyncio.wait([task])
        left = [queue.get_nowait() for _ in range(queue.qsize())]
        _closed(case, task, takes, left, began() - closed)


def _cook(case: str, takes: dict[str, float]) -> Callable[..., Any]:
    return lambda order: call(f"{order}, {case}", takes.get(order, 0.5))


def _closed(
    case: str, task: "asyncio.Task[Any]", takes: dict[str, float], left: Iterable[str], took: float
) -> None:
    who, late = f"`service, {case}`", "an order that is too late"
    must(late in left, f"{who} took an order 0.1 s after it was closed.")
    cooked = [order for order, each in takes.items() if each < 2 and order not in left]
    _same(_end(task), cooked, who)
    due = min(max([each - 0.2 for each in takes.values()], default=0.1), 2.0)
    due = max(due, 0.5 if "just then" in case else 0.1)
    words = f"{who} ended {number(took, 2)} s after it was closed; {number(due, 2)} s are enough."
    must(took < due + 0.01, words)


EXERCISES = {
    "08.five": Exercise(
        program=five,
        takes=None,
        rules=[predicted(answered)],
        right="No at the door comes at once; in flight, the earlier of two moments ends it.",
        hints=[
            "Who is in flight at second 2, when Cleo comes? And at second 4?",
            "Bob has a deadline of his own, and the kitchen's end. Which of them is first?",
            "Dora's deadline is moved from second 9 to second 7; Emil finds the door closed.",
        ],
    ),
    "08.dish": Exercise(
        program=dishes,
        takes=["price", "left", "deadline"],
        rules=[home("dish", "hang up"), never_lost(), nothing_left(), never_blocked()],
        right="Both are asked at once, what is found in time is kept, and nobody is left asking.",
        hints=[
            "What is found has to be kept outside of the block that the alarm ends.",
            "Let `left()` be a task that runs while you await `price()`; then await the task.",
            "In a `finally`: cancel the task, and `await asyncio.gather(task, "
            "return_exceptions=True)`, which hears its error, too.",
        ],
    ),
    "08.order": Exercise(
        program=orders,
        takes=["gone", "price", "write"],
        rules=[home("order", "write"), never_lost(), nothing_left(), never_blocked()],
        right="Until the write begins all can be called off, and from then on nothing.",
        hints=[
            "Two races in a row? No: only the first half of it is one.",
            "`select(price=price(), gone=gone.wait())`; the write is a task with a shield over it.",
            "In a `finally`, `while not writing.done():`, and in it `asyncio.wait([writing])`, "
            "whose `CancelledError` you suppress.",
        ],
    ),
    "08.closing": Exercise(
        program=closings,
        takes=["orders", "cook", "closing", "grace"],
        rules=[home("service", "-"), never_lost(), nothing_left(), never_blocked()],
        right="The door first, then the grace, then the cancel, and nobody is left on the way.",
        hints=[
            "Where does the program stand when `closing` is set, and what does it do next?",
            "Race `orders.get()` against `closing.wait()`. Both may have ended: look at the order.",
            "At the end: `asyncio.wait(tasks, timeout=grace)` if there are any, cancel all, and "
            "`await asyncio.gather(*tasks, return_exceptions=True)`.",
        ],
    ),
}
