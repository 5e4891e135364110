"""Exercises of lesson 01: who waits, and who holds the chef."""

from inspect import isawaitable
from random import Random
from typing import Any

from helpers.exercises.rules import (
    each_once,
    finished_within,
    never_blocked,
    never_lost,
    nothing_left,
    overlapped,
    predicted,
)
from helpers.exercises.spec import LOST, Exercise, Fault, call, calls, hold, must, unsort_sets
from helpers.text import number, shorten
from helpers.trace import Trace


async def lunch(answer: Any, _: Random) -> Any:
    """The lesson's lunch, with cards and then in turn; returns what the learner said of it."""
    (with_cards, in_turn), said = answer
    await with_cards()
    await in_turn()
    return said


def minutes(trace: Trace) -> dict[str, float]:
    """When each order is ready, how long one waits, and how long all of them take in turn."""
    ended = {task.name: task.end for task in trace.tasks[1:]}
    waits = {"pizza waits": trace.task("pizza").scheduled}
    return ended | waits | {"in turn": trace.duration - max(ended.values())}


async def wait_on(answer: Any, random: Random) -> None:
    """Five tables, with a dish each."""
    tables = [f"table {n}" for n in range(1, 6)]

    async def cook(table: str) -> Any:
        return await call(f"dish of {table}", random.uniform(1, 2), f"soup of {table}")

    unsort_sets()
    listed(await answer(tables, cook), [f"soup of {table}" for table in tables])


def listed(got: Any, right: list[str]) -> None:
    """What came back is the list that it is to be."""
    must(isinstance(got, list), f"Return a list, not {shorten(repr(got), 60)}.")
    unread = sum(map(isawaitable, got))
    must(not unread, f"{unread} of what you returned are no results yet: await them.")
    must(got == right, f"Return {right}, in this order; you returned {shorten(repr(got), 150)}.")


async def serve_guests(answer: Any, random: Random) -> None:
    """Some guests; each has a pie baked, and then carried to the table."""
    n, served = random.randint(4, 7), set[int]()
    coins = {guest: random.randint(5, 9) for guest in range(1, n + 1)}

    async def bake(guest: int) -> Any:
        must(guest in coins, f"There is no guest {guest!r}; they are 1 to {n}.")
        return await call(f"bake {guest}", random.uniform(1, 3), f"pie of guest {guest}")

    async def carry(guest: int, pie: str) -> Any:
        served.add(guest)
        must(pie == f"pie of guest {guest}", f"Guest {guest} is brought {shorten(repr(pie), 60)}.")
        return await call(f"carry {guest}", random.uniform(0.5, 1), coins[guest])

    paid = await answer(n, bake, carry)
    right = sum(coins.values())
    for guest in coins:
        must(guest in served, f"Nothing was carried to guest {guest}; there are {n} guests.")
    words = f"The {n} guests pay {right} in all, and you returned {shorten(repr(paid), 60)}."
    must(paid == right, words + LOST * (type(paid) is int and paid < right))


def carried_at_once(trace: Trace) -> Fault | None:
    """Each pie is carried when it is baked, once."""
    carried = {lane.name.split()[1]: lane for lane in calls(trace, "carry")}
    for pie in calls(trace, "bake"):
        guest = pie.name.split()[1]
        ready, carry = f"The pie of guest {guest} is ready at {number(pie.end, 2)} s", None
        if guest in carried and (carry := carried[guest]).spawned <= pie.end + 1e-6:
            continue
        how = f"carried only at {number(carry.spawned, 2)} s" if carry else "never carried"
        until = carry.spawned if carry else trace.duration
        return Fault(f"{ready}, and {how}.", pie.id, pie.spawned, until)
    return None


async def run_all(answer: Any, random: Random) -> None:
    """Three jobs that wait, and three that block."""
    names = [f"{kind} {n}" for kind in ("answer", "file") for n in range(1, 4)]
    # A file takes long after the last service: who joins its thread then holds the loop, too.
    least = {"answer": 0.05, "file": 0.9}
    delays = {name: least[name[:-2]] + random.uniform(0, 0.05) for name in names}

    def waits(name: str) -> Any:
        async def ask() -> Any:
            return await call(f"service {name[-1]}", delays[name], name)

        return ask

    def blocks(name: str) -> Any:
        def blocking_job() -> str:
            hold(delays[name])
            return name

        return blocking_job

    listed(await answer([*map(waits, names[:3])], [*map(blocks, names[3:])]), names)


EXERCISES = {
    "01.orders": Exercise(
        program=lunch,
        takes=None,
        rules=[predicted(minutes)],
        right="Hands add up, and ovens work side by side; in turn, everything adds up.",
        hints=[
            "Draw a line for the chef: whose hands come first, and when is each dish out?",
            "The chef works on three cards until minute 7. Which dish is out by then?",
            "The pizza is out at 6 and finished from 7 to 8; in turn it takes 2 + 4 + 1 alone.",
        ],
        unit="minutes",
    ),
    "01.waiter": Exercise(
        program=wait_on,
        takes=["tables", "cook"],
        rules=[
            never_blocked(),
            never_lost(),
            nothing_left(),
            overlapped("dish"),
            finished_within(2, "dish"),
        ],
        right="All cards hang on the rail before the waiter waits for the first dish.",
        hints=[
            "How many cards are on the rail while the waiter waits for the first dish?",
            "Write all the cards first; only then wait, for one after the other or for all.",
            "`cards = [asyncio.create_task(cook(table)) for table in tables]`, and await each.",
        ],
    ),
    "01.guests": Exercise(
        program=serve_guests,
        takes=["n", "bake", "carry"],
        rules=[
            never_blocked(),
            never_lost(),
            nothing_left(),
            *map(each_once, ["bake", "carry"]),
            overlapped("bake"),
            carried_at_once,
        ],
        right="Each guest has a card, and waits for nobody else's pie.",
        hints=[
            "What does one guest need, from the order to the coins? Write that as one coroutine.",
            "With a card for each step, all wait for the slowest pie. Make a card for each guest.",
            "`async def guest(k): return await carry(k, await bake(k))`, and `gather` all of them.",
        ],
    ),
    "01.chefs": Exercise(
        program=run_all,
        takes=["waiting", "blocking"],
        rules=[never_blocked(), never_lost(), nothing_left(), finished_within(0.95)],
        right="What waits has a card, what blocks has a chef of its own, and all go on at once.",
        hints=[
            "Which of them hold the thread that calls them, and who else has a thread to lend?",
            "`asyncio.to_thread(f)` makes something to await of a plain function.",
            "`gather` takes both at once: `*[f() for f in waiting]` and `*[to_thread(f) ...]`.",
        ],
    ),
}
