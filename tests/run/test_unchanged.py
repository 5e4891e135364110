"""`record` changes nothing: a program does on both clocks what it does under `asyncio.run`."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import math
import re
import sys
import traceback
from collections import abc
from collections.abc import Callable, Coroutine
from typing import Any
from unittest import mock

import pytest

from helpers import busy
from tests.run.runs import CLOCKS, findings, recorded

Say = Callable[[object], None]
Program = Callable[[Say], Coroutine[Any, Any, Any]]


async def nothing() -> None:
    """Ends at once."""


async def makes_a_task_of_a_number(say: Say) -> None:
    loop: Any = asyncio.get_running_loop()
    wrong: Any = 5
    for make in (loop.create_task, asyncio.create_task):
        try:
            make(wrong)
        except TypeError as error:
            say(error)


async def leaves_an_eager_task_of_its_own(say: Say) -> None:
    async def serve() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            say("served")

    eager = {"eager_start": True} if hasattr(asyncio, "eager_task_factory") else {}
    make: Any = asyncio.Task
    say(make(serve(), loop=asyncio.get_running_loop(), **eager).done())
    await asyncio.sleep(0)


class _Foreign(abc.Coroutine[Any, Any, int]):
    """A coroutine that Python's own compiler did not make."""

    def __init__(self, say: Say) -> None:
        self.say, self.sent = say, 0

    def send(self, _: Any) -> None:
        self.sent += 1
        self.say(self.sent)
        if self.sent == 3:
            raise StopIteration(7)

    def throw(self, *error: Any) -> None:
        raise error[0]

    def close(self) -> None:
        """It has nothing to close."""

    def __await__(self) -> Any:
        return self


async def sets_what_cancels_a_task(say: Say) -> None:
    task = asyncio.create_task(asyncio.sleep(1))
    with mock.patch.object(task, "cancel") as cancel:
        task.cancel("a word")
    say(cancel.call_args)
    task.cancel()
    await asyncio.wait([task])
    say(task.cancelled())


async def prints_its_tasks_and_handles(say: Say) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(nothing())
    handles = [
        loop.call_soon(say, 1),
        loop.call_later(9, say, 2),
        loop.call_at(loop.time() + 9, say, 3),
    ]
    for thing in (task, *handles):
        say(re.sub(r"name='Task-\d+'|when=[\d.]+", "", repr(thing)))
    await task


async def calls_the_loop_in_debug_mode(say: Say) -> None:
    loop: Any = asyncio.get_running_loop()
    loop.set_debug(True)
    coro = nothing()
    for call in (
        loop.call_soon,
        functools.partial(loop.call_at, 0),
        functools.partial(loop.call_later, 0),
        functools.partial(loop.run_in_executor, None),
    ):
        for wrong in (nothing, coro, 5):
            try:
                call(wrong)
            except TypeError as error:
                say(re.sub("0x[0-9a-f]+", "", str(error)))
    coro.close()
    try:
        loop.call_at(None, nothing)
    except TypeError as error:
        say(error)
    try:
        loop.call_later(None, nothing)
    except TypeError:
        say("refused")


async def has_an_exception_handler(say: Say) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: say((context["message"], sorted(context))))

    async def burn() -> None:
        raise ValueError

    async def lost() -> None:
        await loop.create_future()

    async def burn_at_the_end() -> None:
        try:
            await asyncio.sleep(9)
        finally:
            raise KeyError

    asyncio.create_task(burn())
    asyncio.create_task(lost())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gc.collect()
    loop.call_soon(math.sqrt, -1)
    kept = [asyncio.create_task(burn()), asyncio.create_task(burn_at_the_end())]
    await asyncio.sleep(0)
    say(len(kept))


_KEPT: list[Any] = [None]  # what is left when main is over


async def leaves_tasks_and_a_generator(say: Say) -> None:
    async def numbers() -> abc.AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            say("generator closed")

    async def serve() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            say("served")

    generator = _KEPT[0] = numbers()
    await anext(generator)
    _KEPT[1:] = [asyncio.create_task(serve()) for _ in range(3)]
    await asyncio.sleep(0)


async def calls_its_exception_handler(say: Say) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: say((context["message"], sorted(context))))
    task, error = asyncio.current_task(), ValueError()
    context = contextvars.copy_context()
    for told in ({"task": task}, {"task": task, "exception": error}, {"future": task}, {}):
        loop.call_soon(loop.call_exception_handler, {"message": "hello", **told}, context=context)
    await asyncio.sleep(0)


async def shuts_its_threads_down(say: Say) -> None:
    loop = asyncio.get_running_loop()
    await loop.shutdown_default_executor()
    try:
        await asyncio.to_thread(say, "not at all")
    except RuntimeError as error:
        say(error)


async def shuts_down_threads_at_work(say: Say) -> None:
    loop = asyncio.get_running_loop()

    def work(name: str) -> None:
        busy(0.02)
        say(name)

    jobs = [loop.run_in_executor(None, work, "worked") for _ in range(40)]
    await asyncio.sleep(0)
    await loop.shutdown_default_executor()
    say([job.done() for job in jobs])
    try:
        loop.run_in_executor(None, say, "not at all")
    except RuntimeError as error:
        say(error)


PROGRAMS: list[Program] = [
    makes_a_task_of_a_number,
    leaves_an_eager_task_of_its_own,
    leaves_tasks_and_a_generator,
    _Foreign,
    sets_what_cancels_a_task,
    prints_its_tasks_and_handles,
    calls_the_loop_in_debug_mode,
    has_an_exception_handler,
    calls_its_exception_handler,
    shuts_its_threads_down,
    shuts_down_threads_at_work,
]


def outcome(run: Callable[[Coroutine[Any, Any, Any]], Any], program: Program) -> list[str]:
    """What a program says, and how it ends."""
    said: list[str] = []
    try:
        result = run(program(lambda thing: said.append(str(thing))))
        said.append(f"returned {result!r}")
    except Exception as error:
        said.append(f"raised {type(error).__name__} {error.args}")
    return said


@CLOCKS
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_does_the_same_when_it_is_recorded(program: Program, clock: str) -> None:
    seen = outcome(lambda coro: recorded(coro, clock=clock).result, program)
    assert seen == outcome(asyncio.run, program)


def test_what_could_not_become_a_task_has_no_lane() -> None:
    async def main() -> None:
        coro = nothing()
        with pytest.raises(TypeError):
            asyncio.get_running_loop().create_task(5)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            asyncio.get_running_loop().create_task(coro, flavour=1)  # type: ignore[call-arg]
        coro.close()
        await asyncio.create_task(nothing())

    assert [task.name for task in recorded(main()).tasks] == ["main", "nothing"]


def test_an_eager_task_made_past_create_task_has_a_lane() -> None:
    lanes = recorded(leaves_an_eager_task_of_its_own(lambda _: None)).lanes
    assert [(lane.name, lane.outcome) for lane in lanes][1] == ("serve", "cancelled")


@CLOCKS
def test_names_are_counted_from_1_in_each_run(clock: str) -> None:
    names = []

    async def tell() -> None:
        task: Any = asyncio.current_task()
        names.append(task.get_name())

    async def main() -> None:
        await tell()
        await asyncio.create_task(tell())
        await asyncio.get_running_loop().create_task(tell(), name="given")
        async with asyncio.TaskGroup() as group:
            group.create_task(tell())
        await asyncio.Task(tell())
        asyncio.get_running_loop().set_task_factory(
            lambda loop, coro, **options: asyncio.Task(coro, loop=loop, **options)
        )
        await asyncio.get_running_loop().create_task(tell())

    for _ in range(2):
        names.clear()
        recorded(main(), clock=clock)
        last = "None" if sys.version_info[:3] == (3, 13, 0) else "Task-5"  # a slip of that Python
        assert names == ["Task-1", "Task-2", "given", "Task-3", "Task-4", last]


def test_equal_deadlines_of_the_virtual_clock_are_kept_in_the_order_they_were_set_in() -> None:
    woken: list[float] = []

    async def nap(number: int, seconds: float) -> None:
        await asyncio.sleep(seconds)
        woken.append(number)

    async def main() -> None:
        await asyncio.sleep(0.1)
        naps = [nap(0, 0.2)] + [nap(n, 0.3 if n == 4 else 0.2) for n in range(1, 20)]
        await asyncio.gather(*naps)

    recorded(main())
    assert woken == [n for n in range(20) if n != 4] + [4]


def test_deadlines_that_the_virtual_clock_holds_for_equal_are_kept_in_that_order_too() -> None:
    called: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_at(0.1 + 0.2, called.append, "first")  # a hair above 0.3
        loop.call_at(0.3, called.append, "second")
        await asyncio.sleep(1)

    recorded(main())
    assert called == ["first", "second"]


class _Closed(Exception):
    def __setattr__(self, *_: Any) -> None:
        raise TypeError("it is read-only")


class _Slots(Exception):
    __slots__ = ("code",)


class _Wordless(Exception):
    def __str__(self) -> str:
        raise ValueError("it has no words")

    __repr__ = __str__


@CLOCKS
@pytest.mark.parametrize("kind", [_Closed, _Slots, _Wordless])
def test_an_exception_of_any_class_reaches_the_caller(kind: type[Exception], clock: str) -> None:
    def fail() -> None:
        raise kind

    async def child() -> None:
        fail()

    async def main() -> None:
        for failing in (asyncio.create_task(child()), asyncio.to_thread(fail)):
            with pytest.raises(kind):
                await failing
        fail()

    with pytest.raises(kind):
        recorded(main(), clock=clock)


@CLOCKS
def test_a_request_passes_down_a_chain_of_tasks_without_a_call_in_python_for_each(
    clock: str,
) -> None:
    depths: list[int] = []

    class Deep(asyncio.Future[None]):
        def cancel(self, msg: Any = None) -> bool:
            frames = traceback.walk_stack(sys._getframe())
            names = [frame.f_code.co_name for frame, _ in frames]
            depths.append(names.index("main"))
            return super().cancel(msg)

    async def link(awaited: asyncio.Future[None]) -> None:
        await awaited

    async def main() -> None:
        awaited: asyncio.Future[None] = Deep()
        for _ in range(50):
            awaited = asyncio.create_task(link(awaited))
        await asyncio.sleep(0)
        awaited.cancel()
        await asyncio.wait([awaited])

    trace = recorded(main(), clock=clock)
    assert depths == [2]  # by way of one function of the recorder's
    assert {task.cancelled_by for task in trace.tasks[1:]} == {0}  # main


@CLOCKS
def test_what_a_program_tells_its_exception_handler_itself_is_no_finding(clock: str) -> None:
    assert findings(recorded(calls_its_exception_handler(lambda _: None), clock=clock)) == []


@CLOCKS
def test_a_program_that_handles_exceptions_itself_has_the_findings_too(clock: str) -> None:
    trace = recorded(has_an_exception_handler(lambda _: None), clock=clock)
    kinds = ["left_running", *["never_retrieved"] * 2, "raised", "vanished"]  # two at one line
    assert sorted(found.kind for found in findings(trace)) == kinds
