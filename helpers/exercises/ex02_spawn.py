"""Exercises of lesson 02: when a task starts, and who waits for its end."""

from random import Random
from typing import Any

from helpers.exercises.rules import (
    each_once,
    finished_within,
    never_lost,
    nothing_left,
    overlapped,
    predicted,
)
from helpers.exercises.spec import Exercise, call, must, unsort_sets
from helpers.trace import Trace


async def minutes(answer: Any, _: Random) -> Any:
    """The evening of the lesson; returns what the learner said of it."""
    evening, said = answer
    await evening()
    return said


def begun_and_served(trace: Trace) -> dict[str, float]:
    """When each is served, and when the chef begins with two of them."""
    begun = {f"{name} begins": trace.task(name).steps[0].start for name in ("rice", "beans")}
    return begun | {task.name: task.end for task in trace.tasks[1:]}


async def receipts(answer: Any, random: Random) -> None:
    """Six orders, of which some receipts fail."""
    orders = [f"order {n}" for n in range(1, 7)]
    failing = random.sample(orders, 2)

    async def send(order: str) -> None:
        error = OSError(f"no paper for {order}") if order in failing else None
        await call(f"receipt of {order}", random.uniform(1, 2), error)

    got = await answer(orders, send)
    must(isinstance(got, tuple) and len(got) == 2, f"Return the answers and a number, not {got!r}.")
    answers, failed = got
    must(answers == [f"thanks for {each}" for each in orders], f"The answers were {answers!r}.")
    must(failed == 2, f"2 receipts failed, and you returned {failed!r}.")


async def pages(answer: Any, random: Random) -> None:
    """Five pages, one of which cannot be fetched."""
    urls = [f"page {n}" for n in range(1, 6)]
    broken = random.choice(urls)
    ends: dict[str, Any] = {url: url.upper() for url in urls}
    ends[broken] = OSError(f"{broken} is not there")

    async def fetch(url: str) -> Any:
        return await call(url, random.uniform(1, 2), ends[url])

    unsort_sets()
    got = await answer(fetch, urls)
    must(isinstance(got, dict), f"Return a dictionary, not {got!r}.")
    must(list(got) == urls, f"The keys are to be {urls}, in this order; they are {list(got)}.")
    for url in urls:
        right = f"{ends[url]!r}, as `fetch` has it, would be right"
        must(got[url] == ends[url], f"For {url!r} there is {got[url]!r}; {right}.")


EXERCISES = {
    "02.minutes": Exercise(
        program=minutes,
        takes=None,
        rules=[predicted(begun_and_served)],
        right="Each goes on when it is ready and the chef is free.",
        hints=[
            "Who holds the chef at minute 0, and until when? Draw a line for each card.",
            "The fish is begun at 2, not at 0; the rice stands behind it in the queue.",
            "`await fish` ends at minute 8, and only then the card for the beans is written.",
        ],
        unit="minutes",
    ),
    "02.lost_handle": Exercise(
        program=receipts,
        takes=["orders", "send"],
        rules=[
            never_lost(),
            nothing_left(),
            each_once("receipt of order"),
            overlapped("receipt"),
            finished_within(2, "receipt"),
        ],
        right="Each receipt has an owner, who waits for it and hears how it ended.",
        hints=[
            "Who holds the handles, and who hears of an exception?",
            "Keep the tasks in a list, and await them all before you return.",
            "`await asyncio.gather(*tasks, return_exceptions=True)` returns exceptions as results.",
        ],
    ),
    "02.pages": Exercise(
        program=pages,
        takes=["fetch", "urls"],
        rules=[never_lost(), nothing_left(), overlapped("page"), finished_within(2, "page")],
        right="All pages are under way at once, and no failure stops the others.",
        hints=[
            "How many cards are on the rail when the first page is awaited?",
            "Make a task of each page before you await the first.",
            "After `await asyncio.wait(tasks)` each task has an `exception()` or a `result()`.",
        ],
    ),
}
