"""Exercises of lesson 07: what a team does, and code that is right when several chefs run it."""

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any

from helpers.exercises.rules import finished_within, never_lost, nothing_left, overlapped, predicted
from helpers.exercises.spec import LOST, Exercise, Fault, Wrong, call, must, patience
from helpers.model import simulate
from helpers.task import DEADLINE, TIMER
from helpers.text import seconds
from helpers.tokio import load_recording
from helpers.trace import Task, Trace, moved


async def team(answer: Any, _: Random) -> dict[str, bool]:
    """The model's jobs; returns which of the learner's numbers are right."""
    jobs, said = answer
    must(isinstance(said, dict), f"Answer with a dictionary, not with {said!r}.")
    return {job: simulate(**how).duration == said.get(job) for job, how in jobs.items()}


async def kitchens(answer: Any, _: Random) -> dict[str, set[str]]:
    """The job of the recordings, on asyncio; returns where the learner says that each holds."""
    kitchen, said = answer
    await kitchen()
    must(isinstance(said, dict) and ... not in said.values(), "Answer with a dictionary of sets.")
    fits = all(isinstance(names, str | set | list | tuple) for names in said.values())
    must(fits, "Each claim has a set of names, as in `{'asyncio'}`; an empty one is `set()`.")
    return {claim: {names} if isinstance(names, str) else {*names} for claim, names in said.items()}


def _where(trace: Trace) -> dict[str, set[str]]:
    tokio = {
        "current_thread": load_recording("nested", runtime="current_thread"),
        "multi_thread": load_recording("nested", runtime="multi_thread", workers=2),
    }
    holds = {runtime: _claims(run) for runtime, run in ({"asyncio": trace} | tokio).items()}
    return {claim: {name for name in holds if holds[name][claim]} for claim in holds["asyncio"]}


def _claims(trace: Trace) -> dict[str, bool]:
    main, writer = trace.tasks[0], trace.task("sous_chef")
    peels = [*trace.children(writer.id)]
    return {
        "a": any(peel.steps[0].start < writer.steps[0].end for peel in peels),
        "b": sorted(peels, key=lambda peel: peel.steps[0].start) == peels,
        "c": any(peel in moved(trace) for peel in peels),
        "d": writer in moved(trace),
        "e": any(step.thread == main.steps[0].thread for peel in peels for step in peel.steps),
    }


async def scans(answer: Any, random: Random) -> None:
    """Eight pages, each of which holds a thread for 0.15 s."""
    faults = {f"page {n}": random.randint(1, 9) for n in range(1, 9)}

    def scan(page: str) -> int:
        time.sleep(0.15)
        return faults[page]

    got, right = await answer(scan, [*faults]), sum(faults.values())
    words = f"The pages have {right} faults in all, and you returned {got!r}."
    must(got == right, words + LOST * (type(got) is int and got < right))


class _Lock:
    """A thread's lock, which says where a real one would stand still for ever."""

    def __init__(self) -> None:
        self.held, self.fault = False, ""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: ARG002, FBT002
        if self.held and not blocking:
            return False
        if self.held:
            at = seconds(round(asyncio.get_running_loop().time(), 2))
            self.fault = self.fault or (
                f"At {at} a task wants the lock that another task keeps across an `await`: "
                "the thread stands at the lock, and so nobody can ever give it back."
            )
            raise Wrong("the lock is held")
        self.held = True
        return True

    def release(self) -> None:
        self.held = False

    def locked(self) -> bool:
        return self.held

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class _Book:
    """The book of bills: the number of the next one, and the lock that guards it."""

    def __init__(self) -> None:
        self.lock, self._number = _Lock(), 1

    def _guarded(self, verb: str) -> None:
        if not self.lock.held:
            words = f"`book.number` was {verb} without `book.lock`"
            self.lock.fault = f"{words}: another thread may be at it in the same moment."
            raise Wrong("no lock is held")

    @property
    def number(self) -> int:
        self._guarded("read")
        return self._number

    @number.setter
    def number(self, number: int) -> None:
        self._guarded("changed")
        self._number = number


_ONCE = "Bills and cash desk are to have the numbers from 1 to 10, each once"


async def bills(answer: Any, random: Random) -> None:
    """Six orders, and a cash desk that takes numbers from the same book."""
    orders, book, printed, taken = [f"order {n}" for n in range(1, 7)], _Book(), {}, []

    async def print_bill(number: int, order: str) -> None:
        await call(f"bill of {order}", random.uniform(1, 2))
        printed[order] = number

    async def take_numbers() -> None:
        for _ in range(4):
            await asyncio.sleep(random.uniform(0.1, 0.4))
            with book.lock:
                taken.append(book.number)
                book.number += 1

    desk = asyncio.create_task(take_numbers(), name="cash desk")
    try:
        got = await answer(orders, book, print_bill)
    finally:
        await asyncio.wait([desk])
        desk.exception()  # is told below
        must(not book.lock.fault, book.lock.fault)
    must(printed.keys() == set(orders), f"Bills were printed for {[*printed]} alone.")
    right = [printed[order] for order in orders]
    must(got == right, f"In the order of the list the numbers are {right}; you returned {got!r}.")
    numbers = sorted([*right, *taken])
    must(numbers == [*range(1, 11)], f"{_ONCE}; they are {numbers}.")


def _device(
    end: Any, wait: Callable[[], Any], trouble: list[str], after: Callable[[], Any] = bool
) -> Callable[[Any, Any], None]:
    """What starts a device, which answers in a thread of its own when it has waited."""

    def answers(done: Any, failed: Any) -> None:
        wait()
        try:
            failed(end) if isinstance(end, Exception) else done(end)
        except Exception as error:  # which would end the device's thread
            trouble.append(f"{type(error).__name__}: {error}")
        with suppress(RuntimeError):  # the run may be over by now
            after()

    def start(done: Any, failed: Any) -> None:
        threading.Thread(target=answers, args=(done, failed), daemon=True).start()

    return start


async def measurements(answer: Any, random: Random) -> tuple[tuple[list[str], list[str]], bool]:
    """Eight devices, and two whose callers give up; returns what was raised in their threads."""
    trouble: list[str] = []
    ends: list[Any] = [random.randint(10, 99) for _ in range(7)] + [OSError("no contact")]
    random.shuffle(ends)
    waiting = [
        asyncio.create_task(
            answer(_device(end, lambda: time.sleep(0.05), trouble)), name=f"device {n}"
        )
        for n, end in enumerate(ends, start=1)
    ]
    done, late = await asyncio.wait(waiting, timeout=1)
    for task in late:
        task.cancel()
    for task, end in zip(waiting, ends, strict=True):
        if task in done and isinstance(end, OSError):
            must(task.exception() is end, f"A device failed with `{end!r}`: raise that.")
        elif task in done:
            got = task.exception() or task.result()
            must(got == end, f"A device answered {end}, and you returned or raised {got!r}.")
    too_late: list[str] = []
    ended = [await _give_up(answer, last, too_late) for last in (1, OSError("too late"))]
    return (trouble, too_late), all(ended)


async def _give_up(answer: Any, end: Any, trouble: list[str]) -> bool:
    """Whether an answer ends as cancelled whose device answers when its caller has given up."""
    gave_up, over, loop = threading.Event(), asyncio.Event(), asyncio.get_running_loop()
    tell = partial(loop.call_soon_threadsafe, over.set)
    task = asyncio.create_task(
        answer(_device(end, lambda: gave_up.wait(patience(0.4)), trouble, tell))
    )
    await asyncio.wait([task], timeout=0.02)
    task.cancel()
    await asyncio.wait([task])
    gave_up.set()
    await over.wait()  # its device has answered now
    if not task.cancelled():
        task.exception()  # it is heard here
    return task.cancelled()


def _from_other_threads(trace: Trace) -> Fault | None:
    """No other thread calls the loop, but in the one way that it allows; no callback fails."""
    for finding in trace.findings:
        if finding.kind == "wrong_thread":
            words = "The device's thread called the loop itself, which sleeps on and is not woken"
            return Fault(f"{words}: `loop.call_soon_threadsafe(f, ...)` calls `f` in the loop.")
        if finding.kind == "told":
            return Fault(f"A device answered when its caller had given up. {finding}")
    when = (
        "What a device called",
        "A device answered when its caller had given up; what it called",
    )
    for words, raised in zip(when, trace.result[0], strict=True):
        if raised:
            return Fault(f"{words} raised `{raised[0]}` in the device's thread.")
    return None


def _ends_as_cancelled(trace: Trace) -> Fault | None:
    words = "A caller gave up, and your answer did not end as cancelled."
    return None if trace.result[1] else Fault(words)


def _devices(trace: Trace) -> list[Task]:
    return [task for task in trace.children(0) if task.name.startswith("device")]


def _never_polls(trace: Trace) -> Fault | None:
    """Who waits for a device is woken once, and not by a clock."""
    for lane in trace.tasks[1:]:
        clock = any(step.woken_by in (TIMER, DEADLINE) for step in lane.steps)
        if clock or lane.polls > 3:
            words = f"`{lane.name}` looks whether the answer is there, by the clock or all the time"
            return Fault(f"{words}: await something that is done then.", lane.id, 0, lane.end)
    return None


def _side_by_side(trace: Trace) -> Fault | None:
    """Each device that answers after 0.05 s is heard soon after that."""
    last = max(_devices(trace), key=lambda task: task.end)
    words = f"Each device answers after 0.05 s, and `{last.name}` was done with at {last.end:.2f} s"
    fault = Fault(f"{words}: the loop was held, or did not hear.", last.id, 0.05, last.end)
    return fault if last.end > 0.35 else None  # one after another they take 0.4 s


EXERCISES = {
    "07.team": Exercise(
        program=team,
        takes=None,
        rules=[predicted(lambda _: dict.fromkeys("abcde", True))],
        right="A team shares work, cut only where a card lets go; waiting needs no team.",
        hints=[
            "Which work holds a chef, into which pieces can it be cut, and who can reach it?",
            "a: the fourth card begins when a chef is free. e: all four wait at the same time.",
            "c: without thieves the writer does all: 6 s of her own, and then four times 3 s.",
        ],
    ),
    "07.kitchens": Exercise(
        program=kitchens,
        takes=None,
        rules=[predicted(_where)],
        right="With one chef there is one order and one thread; a team promises neither.",
        hints=[
            '`load_recording("nested", runtime="current_thread")` in a cell shows that run.',
            "`load_recording(...).task(name).steps`: when each step began, and in which thread.",
            "No card changes chefs within a step, and a peel is a single step.",
        ],
    ),
    "07.scans": Exercise(
        program=scans,
        takes=["scan", "pages"],
        rules=[never_lost(), nothing_left(), finished_within(0.5)],
        right="The threads scan side by side, and nobody changes a number that another one read.",
        hints=[
            "`total += x` is three things: read the total, work out `x`, write the sum.",
            "Let `scan` end first. What touches the total after it must be one at a time.",
            "Share nothing: `await asyncio.gather(...)` gives you what each thread returned.",
        ],
        clock="real",
    ),
    "07.bills": Exercise(
        program=bills,
        takes=["orders", "book", "print_bill"],
        rules=[never_lost(), nothing_left(), overlapped("bill"), finished_within(2)],
        right="The lock is held for a moment, with no `await`, and each number is given once.",
        hints=[
            "What does a task do at `with book.lock` while another one waits for its printer?",
            "A thread's lock is given back before the next `await`.",
            "In the lock: read `book.number` and add 1 to it. After it: print.",
        ],
    ),
    "07.device": Exercise(
        program=measurements,
        takes=["start"],
        rules=[
            _from_other_threads,
            never_lost(),
            _never_polls,
            _side_by_side,
            _ends_as_cancelled,
            nothing_left(),
        ],
        right="The device's thread only leaves word for the loop, which does the rest itself.",
        hints=[
            "Something to await that is done later: `loop.create_future()`.",
            "A future belongs to its loop: from a thread, `loop.call_soon_threadsafe(f, value)`.",
            "In the loop, before `set_result`: `if not future.done()`, for who has given up.",
        ],
        clock="real",
    ),
}
