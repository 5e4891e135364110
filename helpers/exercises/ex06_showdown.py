"""Exercises of lesson 06: how many at once, what they share, and a test in exact seconds."""

import asyncio
import traceback
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from helpers.exercises.rules import (
    at,
    at_most_alive,
    each_once,
    never_blocked,
    never_lost,
    nothing_left,
    overlapped,
    predicted,
    rule,
)
from helpers.exercises.spec import Exercise, Fault, Wrong, calls, must, unsort_sets
from helpers.exercises.spec import call as serve
from helpers.run import source
from helpers.run.clock import busy
from helpers.text import seconds
from helpers.trace import Trace

_ITEMS = ["tea", "honey", "jam"]


async def limit(answer: Any, _: Random) -> Any:
    """Both ways to load six files, one after the other; returns what the learner said."""
    (tokens, pairs), said = answer
    await asyncio.create_task(tokens(), name="tokens")
    await asyncio.create_task(pairs(), name="pairs")
    return said


def _of_limit(trace: Trace) -> dict[str, float]:
    tokens, pairs = trace.task("tokens"), trace.task("pairs")
    loads = [*trace.children(tokens.id)]
    alive = sum(load.spawned <= 0.5 < load.end for load in loads)
    begun = {"fifth": loads[4].steps[1].start, "sixth": loads[5].steps[1].start}
    took = {"tokens": tokens.end - tokens.spawned, "pairs": pairs.end - pairs.spawned}
    return took | begun | {"alive": alive}


async def pages(answer: Any, random: Random) -> None:
    """Twenty pages, three of which cannot be fetched."""
    urls = [f"page {n}" for n in range(1, 21)]
    ends: dict[str, Any] = {url: url.upper() for url in urls}
    ends |= {url: OSError(f"{url} is not there") for url in random.sample(urls, 3)}

    async def fetch(url: str) -> Any:
        return await serve(url, random.uniform(1, 3), ends[url])

    unsort_sets()
    got = await answer(fetch, urls)
    must(isinstance(got, dict), f"Return a dictionary, not {got!r}.")
    words = f"The keys are to be `urls`, in that order; they are {len(got)}, and begin"
    must(list(got) == urls, f"{words} with {[*got][:4]}.")
    for url in urls:
        right = f"{ends[url]!r}, as `fetch` has it, would be right"
        must(got[url] == ends[url], f"For {url!r} there is {got[url]!r}; {right}.")


@rule
def kept_full(trace: Trace, places: int, name: str) -> Iterator[Fault]:
    """So many of the calls are under way until the last begins: no place stays empty."""
    ran = calls(trace, name)
    free = [ran[0].spawned] * places + sorted(lane.end for lane in ran) if ran else []
    for lane, since in zip(ran, free, strict=False):
        if lane.spawned > since + 1e-6:
            words = f"From {at(trace, since)} on one of {places} places was free"
            sentence = f"{words}, and `{lane.name}` began at {at(trace, lane.spawned)} only."
            yield Fault(sentence, lane.id, since, lane.end)


async def stock(answer: Any, random: Random) -> None:
    """Twelve orders for three items, more than there are."""
    had = {item: random.randint(6, 8) for item in _ITEMS}
    left, book, served = dict(had), dict(had), []
    orders = [(item, random.randint(2, 3)) for item in _ITEMS * 4]
    random.shuffle(orders)
    for item, pieces in orders:
        served.append(pieces <= left[item])
        left[item] -= pieces * served[-1]

    async def read(item: str) -> int:
        await serve(f"{item}: read", random.uniform(0.5, 1))
        return book[item]

    async def write(item: str, pieces: int) -> None:
        await serve(f"{item}: write", random.uniform(0.5, 1))
        book[item] = pieces

    got = await answer(read, write, orders)
    right = isinstance(got, list) and len(got) == len(orders)
    must(right, f"Return a list with True or False for each order, not {got!r}.")
    for item in _ITEMS:
        sold = sum(
            order[1] for order, yes in zip(orders, got, strict=True) if yes and order[0] == item
        )
        words = f"There were {had[item]} pieces of {item}; you sold {sold}, and the book says"
        must(book[item] == had[item] - sold, f"{words} that {book[item]} are left.")
    for n, ((item, pieces), yes) in enumerate(zip(orders, served, strict=True)):
        words = f"Order {n + 1} of {len(orders)}, {pieces} pieces of {item}, got {got[n]!r}"
        must(got[n] == yes, f"{words}; in the order of the list it is {yes}.")


def _as_busiest_item(trace: Trace) -> Fault | None:
    """All is over when the item with the most to do is done."""
    needs = {item: sum(c.end - c.spawned for c in calls(trace, item)) for item in _ITEMS}
    busiest = max(needs, key=lambda item: needs[item])
    if trace.duration <= needs[busiest] + 1e-6:
        return None
    last = max(trace.tasks[1:], key=lambda task: task.end)
    took, enough = (seconds(round(s, 2), trace.unit) for s in (trace.duration, needs[busiest]))
    words = f"It took {took}, and {busiest}, which has the most to do, needs {enough}"
    return Fault(f"{words}: an order waited for others' items.", last.id, 0, last.end)


async def crawler(answer: Any, random: Random) -> dict[str, list[str]]:
    """Ten pages: a start, three that it links to, and six behind; some link to others again."""
    first, *rest = random.sample([f"page {n}" for n in range(1, 11)], 10)
    links: dict[str, list[str]] = {first: rest[:3]} | {page: [first] for page in rest[3:]}
    for n, page in enumerate(rest[:3]):
        links[page] = [*rest[3 + 2 * n : 5 + 2 * n], rest[3 + (2 * n + 2) % 6]]
        random.shuffle(links[page])

    async def fetch(page: str) -> Any:
        return await serve(page, random.uniform(0.5, 1), (page.upper(), links[page]))

    got = await answer(fetch, first)
    right = {page: page.upper() for page in links}
    must(got == right, f"There is to be a text for each of the 10 pages; you returned {got!r}.")
    return links


def _no_token_idle(trace: Trace) -> Fault | None:
    """A page that is known begins as soon as one of three tokens is free."""
    fetched = {" ".join(lane.name.split()[:2]): lane for lane in calls(trace, "page")}
    for name, lane in fetched.items():
        sources = [page for page, links in trace.result.items() if name in links]
        known = min((fetched[page].end for page in sources), default=lane.spawned)
        for moment in [known, *(one.end for one in fetched.values() if one.end > known)]:
            alive = sum(one.spawned <= moment < one.end for one in fetched.values())
            if moment < lane.spawned and alive < 3:
                words = f"`{name}` was known at {at(trace, known)}, and began at"
                idle = f"from {at(trace, moment)} on a token lay idle"
                sentence = f"{words} {at(trace, lane.spawned)} only: {idle}."
                return Fault(sentence, lane.id, moment, lane.end)
    return None


async def retry_test(answer: Any, _: Random) -> None:
    """A test, which is given right implementations and wrong ones, each at a whole second."""
    for n, right in enumerate((_retry(), _again), start=1):
        error = await _told(answer, right, f"right {n}")
        if error:
            raise Wrong(f"Your test refuses a `retry` that is right, with {_in_words(error)}.")
    for what, wrong in _WRONG.items():
        refused = await _told(answer, wrong, what)
        must(refused, f"Your test lets pass a `retry` that {what}.")


async def _told(answer: Any, retry: Any, name: str) -> BaseException | None:
    async def test() -> None:
        async with asyncio.timeout(1000):
            await answer(retry)

    task = asyncio.create_task(test(), name=name)
    await asyncio.wait([task])
    return task.exception()  # which need be no Exception: a test library's is none


def _in_words(error: BaseException) -> str:
    frames = traceback.walk_tb(error.__traceback__)
    places = [(f.f_code.co_filename, line, f.f_code.co_name) for f, line in frames]
    at = [f", at {source.describe(place)}" for place in places if source.in_cell(place[0])]
    return f"`{source.in_words(error)}`{''.join(at[-1:])}"


async def _again(send: Any, pause: int = 1) -> Any:
    try:
        return await send()
    except OSError:
        if pause > 4:
            raise
    await asyncio.sleep(pause)
    return await _again(send, 2 * pause)


async def _holds(pause: float) -> None:
    busy(pause)


def _retry(
    *pauses: float,
    caught: type[Exception] = OSError,
    wait: Callable[[float], Any] = asyncio.sleep,
    at_end: float = 0,
    told: str = "last",
    gives: bool = True,
) -> Any:
    """The right one without arguments; each of them makes it wrong in one way."""

    async def retry(send: Any) -> Any:
        errors: list[Exception] = []
        for pause in (*(pauses or (1, 2, 4)), at_end):
            try:
                got = await send()
            except caught as error:
                errors.append(error)
                if pause:
                    await wait(pause)
            else:
                return got if gives else None
        if told:
            raise errors[0 if told == "first" else -1]
        return None

    return retry


_WRONG = {
    "waits for 1 s each time": _retry(1, 1, 1),
    "waits for 2, 4 and 8 s": _retry(2, 4, 8),
    "does not wait": _retry(0, 0, 0),
    "gives up after the third call": _retry(1, 2),
    "calls a fifth time": _retry(1, 2, 4, 8),
    "returns `None` when `send` has succeeded": _retry(gives=False),
    "returns `None` after the fourth failure": _retry(told=""),
    "raises the first `OSError`, and not the fourth": _retry(told="first"),
    "waits for 8 s after the fourth failure, and raises then": _retry(at_end=8),
    "calls again after any exception": _retry(caught=Exception),
    "holds the loop while it waits": _retry(wait=_holds),
}


EXERCISES = {
    "06.limit": Exercise(
        program=limit,
        takes=None,
        rules=[predicted(_of_limit)],
        right="A token goes to the next at once, and a pair waits for its slower one.",
        hints=[
            "Draw two lines, one for each token, and put the files on them from the left.",
            "In pairs, each pair takes as long as its slower file; add up the three.",
            "A task that waits for a token exists already: `gather` makes one for each file.",
        ],
    ),
    "06.stock": Exercise(
        program=stock,
        takes=["read", "write", "orders"],
        rules=[never_lost(), nothing_left(), never_blocked(), _as_busiest_item],
        right="Between the read and the write of an item nobody else touches that item.",
        hints=[
            "Two orders for tea both read 7, and each writes what it has made of its 7.",
            "From the read to the write an `asyncio.Lock` has to keep the others out.",
            "A lock for each item: `locks = {item: asyncio.Lock() for item, _ in orders}`.",
        ],
    ),
    "06.crawler": Exercise(
        program=crawler,
        takes=["fetch", "start"],
        rules=[
            never_lost(),
            nothing_left(),
            never_blocked(),
            at_most_alive(3, "page"),
            each_once("page"),
            overlapped("page", 3),
            _no_token_idle,
        ],
        right="Who waits for other pages holds no token, and a page is noted before it is fetched.",
        hints=[
            "Who holds the three tokens when nothing goes on, and what do they wait for?",
            "A token is for `fetch` alone: put it back before you wait for the links.",
            "Two visits of one page: note it in `texts` before the first `await`, not after.",
        ],
    ),
    "06.five_at_once": Exercise(
        program=pages,
        takes=["fetch", "urls"],
        rules=[
            never_lost(),
            nothing_left(),
            never_blocked(),
            at_most_alive(5, "page"),
            each_once("page"),
            overlapped("page", 5),
            kept_full(5, "page"),
        ],
        right="Five are under way until the last has begun, and a failure only frees its place.",
        hints=[
            "Batches of five leave places empty until the slowest of a batch is done.",
            "A task for each page, and a bowl with five tokens: `asyncio.Semaphore(5)`.",
            "`gather(..., return_exceptions=True)` gives texts and exceptions in your order.",
        ],
    ),
    "06.retry_test": Exercise(
        program=retry_test,
        takes=["retry"],
        rules=[],
        right="Your test passes what is right, and refuses each of the eleven that are wrong.",
        hints=[
            "Write a `send` of your own, which notes the moment of each call.",
            "`asyncio.get_running_loop().time()` is exact here: right calls come at 0, 1, 3 and 7.",
            "An `asyncio.sleep(0.5)` beside `retry` takes 0.5 s, unless somebody holds the loop.",
        ],
        runs=1,
    ),
}
