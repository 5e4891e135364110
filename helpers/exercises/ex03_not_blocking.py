"""Exercises of lesson 03: who holds the loop, and where work belongs that would."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

from helpers.exercises.rules import (
    at,
    finished_within,
    never_blocked,
    never_lost,
    nothing_left,
    predicted,
    rule,
)
from helpers.exercises.spec import Exercise, Fault, hold, must, own_threads, slack
from helpers.run.clock import VirtualLoop
from helpers.run.threads import POOL_SIZE
from helpers.text import plural, shorten
from helpers.trace import LaneKind, Trace

Read = tuple[float, float]  # when a file began to be read, and when it was


async def beside(work: Awaitable[Any]) -> Any:
    """What comes back, beside a heart that beats every 0.1 s."""

    async def beat() -> None:
        while True:  # noqa: ASYNC110 - it is a clock
            await asyncio.sleep(0.1)

    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualLoop):
        loop.set_default_executor(ThreadPoolExecutor(POOL_SIZE))  # as many as on that clock
    heart = asyncio.create_task(beat(), name="heartbeat")
    await asyncio.sleep(0)
    try:
        got = await work
        for _ in range(3):  # if its bell has rung it has its turn, and is seen to be late
            await asyncio.sleep(0)
        return got
    finally:
        heart.cancel()
        await asyncio.wait([heart])


async def rings(answer: Any, _: Random) -> Any:
    """The lesson's evening with a bell; returns what the learner said of it."""
    evening, said = answer
    await evening()
    return said


def heard(trace: Trace) -> dict[str, float]:
    """The minutes at which the bell is heard, by how many it is late, and when the cook is done."""
    rings = trace.task("bell").steps[1:]
    late = max(ring.start - ring.ready for ring in rings)
    after = dict(zip(("first", "second", "third"), [ring.start for ring in rings], strict=True))
    return after | {"late": late, "cook": trace.task("cook").end}


async def requests(answer: Any, random: Random) -> None:
    """Three requests at once, each of which asks twice."""
    users = ["ann", "bob", "cem"]
    urls = [f"/{what}/{user}" for what in ("profile", "orders") for user in users]
    delays = {url: random.uniform(0.2, 0.4) for url in urls}

    def get(url: str) -> str:
        hold(delays.get(url, 0.3))
        return f"page of {url}"

    async def serve() -> list[Any]:
        return await asyncio.gather(
            *[asyncio.create_task(answer(user, get), name=f"request of {user}") for user in users]
        )

    for user, got in zip(users, await beside(serve()), strict=True):
        right = f"page of /profile/{user}, page of /orders/{user}"
        must(got == right, f"For {user!r} return {right!r}, not {shorten(repr(got), 80)}.")


async def bills(answer: Any, random: Random) -> None:
    """Four tables, which have some dishes in common."""
    dishes = ["soup", "salad", "roast", "cake"]
    prices = {dish: random.randint(3, 20) for dish in dishes}
    delays = {dish: random.uniform(0.3, 0.5) for dish in dishes}
    tables = [random.sample(dishes, 2) for _ in range(4)]
    tables[2] = [*tables[0], tables[0][0]]
    asked: Counter[str] = Counter()

    def ask(dish: str) -> int:
        asked[dish] += 1
        hold(delays[dish])
        return prices[dish]

    got = await beside(answer(tables, ask))
    right = [sum(prices[dish] for dish in table) for table in tables]
    told = shorten(repr(got), 80)
    must(got == right, f"For {tables} the bills are {right}; you returned {told}.")
    for dish, times in asked.items():
        must(times == 1, f"The supplier was asked {plural(times, 'time')} for the {dish}.")


async def count_all(answer: Any, random: Random) -> None:
    """Twelve boxes, which take 0.48 s of counting in all."""
    hands = random.sample([0.02, 0.04, 0.06] * 4, 12)
    eggs = [random.randint(1, 12) for _ in hands]

    def count(box: int) -> int:
        hold(hands[box])
        return eggs[box]

    got = await beside(answer(range(12), count))
    must(got == sum(eggs), f"There are {sum(eggs)} eggs; you returned {shorten(repr(got), 80)}.")


def on_the_loop(trace: Trace) -> Fault | None:
    """Nothing runs in a thread."""
    for lane in trace.lanes:
        if lane.kind is LaneKind.THREAD:
            words = f"`{lane.name}` runs in a thread, where it would compete for Python's lock"
            return Fault(f"{words}: stay on the loop.", lane.id, lane.spawned, lane.end)
    if own_threads:
        return Fault("`count` runs in a thread that you started: stay on the loop.")
    return None


async def read_all(answer: Any, random: Random) -> tuple[int, list[Read]]:
    """Some files, of which n at a time may be read; returns n, and when each of them was read."""
    n, now, reads = random.randint(2, 4), asyncio.get_running_loop().time, []
    began = now()
    paths = [f"file {k}" for k in range(1, random.randint(8, 11))]
    delays = {path: random.uniform(0.1, 0.4) for path in paths}

    def read(path: str) -> str:
        begun = now() - began
        hold(delays[path])
        reads.append((begun, now() - began))
        return path.upper()

    got = await beside(answer(read, paths, n))
    right = [path.upper() for path in paths]
    must(got == right, f"Return {right}, in this order, and not {shorten(repr(got), 80)}.")
    must(len(reads) == len(paths), f"{len(paths)} files were read {plural(len(reads), 'time')}.")
    return n, reads


def always_n(trace: Trace) -> Fault | None:
    """Never more than n files are read at once, and never fewer while others have not begun."""
    n, reads = trace.result
    begun, ended = map(sorted, zip(*reads, strict=True))
    for start, free in zip(begun, [begun[0]] * n + ended, strict=False):
        if start < free - 1e-6:
            return Fault(
                f"At {at(trace, start)} {n + 1} files were being read; at most {n} may be."
            )
        if start > free + slack(trace):
            words = f"From {at(trace, free)} to {at(trace, start)} fewer than {n} files"
            return Fault(f"{words} were being read, and others had not begun.")
    return None


@rule
def on_time(trace: Trace, most: float = 0.05) -> Iterator[Fault]:
    """No beat of the heart begins more than `most` seconds after it was ready."""
    heart = trace.task("heartbeat")
    beat = max(heart.steps, key=lambda step: step.start - step.ready)
    late = at(trace, beat.start - beat.ready)
    words = f"`heartbeat` was due at {at(trace, beat.ready)} and ran {late} late"
    if beat.start - beat.ready > most + slack(trace):
        yield Fault(f"{words}; at most {at(trace, most)} is allowed.", heart.id, *beat[:2])


_SAFE = [never_blocked(), on_time(), never_lost(), nothing_left()]

EXERCISES = {
    "03.rings": Exercise(
        program=rings,
        takes=None,
        rules=[predicted(heard)],
        right="A bell is heard when the loop looks at its bells, and nobody stands in line before.",
        hints=[
            "When is each bell due? Who holds the chef then, and until when?",
            "Not every `await` lets go: `season` has nothing to wait for. And each bell is set "
            "anew from where it was heard.",
            "The cook is back at minute 4. The bell of minute 5 costs a turn, and `bell` stands "
            "in line behind the second piece.",
        ],
        unit="minutes",
    ),
    "03.handler": Exercise(
        program=requests,
        takes=["user", "get"],
        rules=[*_SAFE, finished_within(0.8)],
        right="A helper does the waiting, and the loop is free for everybody else.",
        hints=[
            "What does `get` hold while it waits, and who needs that meanwhile?",
            "By the lesson's table, a call that waits and blocks belongs in a thread.",
            '`profile = await asyncio.to_thread(get, f"/profile/{user}")`: `get` without brackets.',
        ],
    ),
    "03.prices": Exercise(
        program=bills,
        takes=["tables", "ask"],
        rules=[*_SAFE, finished_within(0.5)],
        right="Who comes first asks, in a thread; who comes later waits for the same answer.",
        hints=[
            "Which line holds the loop? In a thread, what does the second table find in `known`?",
            "Put something into `known` before the answer is there: what can be awaited twice?",
            "`known[dish] = asyncio.create_task(asyncio.to_thread(ask, dish))`; each awaits that.",
        ],
    ),
    "03.pieces": Exercise(
        program=count_all,
        takes=["boxes", "count"],
        rules=[on_the_loop, on_time(0.2), never_lost(), nothing_left(), finished_within(0.55)],
        right="Each piece is short, and between two of them everybody else has a turn.",
        hints=[
            "How long is the loop held between two awaits that let go?",
            "A sleeper is late by up to two turns and the rest of one: one box a turn, no more.",
            "`await asyncio.sleep(0)` after each `count(box)`.",
        ],
    ),
    "03.files": Exercise(
        program=read_all,
        takes=["read", "paths", "n"],
        rules=[*_SAFE, always_n],
        right="There are n helpers, and each takes the next file as soon as it is free.",
        hints=[
            "Who could limit it: the one who hands out the files, or the team that reads them?",
            "In section 6 a team of helpers had a size. A team of n never reads more than n.",
            "`loop.run_in_executor(team, read, path)` is like `to_thread`, for a team of your own.",
        ],
    ),
}
