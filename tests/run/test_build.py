"""From the log to the lanes: who woke whom, who spawned whom, who cancelled whom."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import pickle
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from helpers import Trace, busy
from helpers.trace import LaneKind
from tests.run.runs import recorded


def wakers(trace: Trace, name: str) -> list[str]:
    """Who woke each step of a task."""
    return [trace.name_of(step.woken_by) for step in trace.task(name).steps]


def test_a_task_is_woken_by_the_one_that_set_the_event_not_by_the_plumbing() -> None:
    async def guest(bell: asyncio.Event) -> None:
        await bell.wait()

    async def cook(bell: asyncio.Event) -> None:
        await asyncio.sleep(3)
        bell.set()

    async def main() -> None:
        bell = asyncio.Event()
        await asyncio.gather(guest(bell), cook(bell))

    trace = recorded(main())
    assert wakers(trace, "guest") == ["main", "cook"]
    assert wakers(trace, "cook") == ["main", "timer"]
    assert wakers(trace, "main") == ["start", "guest"]


def test_a_waker_that_goes_on_working_leaves_the_woken_one_scheduled_from_the_wake() -> None:
    async def guest(bell: asyncio.Event) -> None:
        await bell.wait()

    async def main() -> None:
        bell = asyncio.Event()
        task = asyncio.create_task(guest(bell))
        await asyncio.sleep(0)
        busy(2)
        bell.set()
        busy(5)
        await task

    step = recorded(main()).task("guest").steps[1]
    assert (step.ready, step.start) == (2, 7)


def test_parents_are_who_spawned_also_below_a_task_group() -> None:
    async def grill() -> None:
        await asyncio.sleep(1)

    async def roast() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(grill())

    async def main() -> None:
        await asyncio.create_task(roast())

    trace = recorded(main())
    parents = {
        task.name: trace.name_of(task.parent) for task in trace.tasks if task.parent is not None
    }
    assert parents == {"roast": "main", "grill": "roast"}


def test_cancels_say_who_asked() -> None:
    async def stew() -> None:
        await asyncio.sleep(99)

    async def impatient(task: asyncio.Task[None]) -> None:
        await asyncio.sleep(1)
        task.cancel()

    async def main() -> None:
        by_task = asyncio.create_task(stew(), name="by_task")
        asyncio.create_task(impatient(by_task))
        by_callback = asyncio.create_task(stew(), name="by_callback")

        def ring() -> None:
            by_callback.cancel()

        asyncio.get_running_loop().call_later(2, ring)
        by_deadline = asyncio.create_task(stew(), name="by_deadline")
        # Not wait_for: up to Python 3.11 it is the waiting task itself that cancels.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3):
                await by_deadline

    trace = recorded(main())
    by = {
        name: trace.name_of(trace.task(name).cancelled_by)
        for name in ("by_task", "by_callback", "by_deadline")
    }
    assert by == {"by_task": "impatient", "by_callback": "ring", "by_deadline": "deadline"}


def cancelled_by(stop: Callable[[asyncio.Task[None]], Any]) -> tuple[list[str], list[str]]:
    """Who woke each step of a task, and who asked it to stop, when `stop` is called at second 1."""

    async def stew() -> None:
        await asyncio.sleep(99)

    async def main() -> None:
        task = asyncio.create_task(stew(), name="stew")
        await asyncio.sleep(1)
        stop(task)
        await asyncio.wait([task])

    trace = recorded(main())
    assert [task.name for task in trace.lanes] == ["main", "stew"]
    asked = [trace.name_of(request.by) for request in trace.task("stew").cancels]
    return wakers(trace, "stew"), asked


def test_a_cancel_that_a_timer_calls_is_the_timers_and_no_step_of_the_task() -> None:
    def soon_after(task: asyncio.Task[None]) -> None:
        task.get_loop().call_later(1, task.cancel)

    def at(task: asyncio.Task[None]) -> None:
        task.get_loop().call_at(2, functools.partial(task.cancel, msg="enough"))

    expected = (["main", "timer"], ["timer"])
    assert cancelled_by(soon_after) == cancelled_by(at) == expected


def test_a_cancel_that_the_loop_calls_soon_is_by_the_step_that_asked_for_the_call() -> None:
    def soon(task: asyncio.Task[None]) -> None:
        task.get_loop().call_soon(task.cancel)

    def when_done(task: asyncio.Task[None]) -> None:
        future = task.get_loop().create_future()
        future.add_done_callback(task.cancel)
        future.set_result(None)

    assert cancelled_by(soon) == cancelled_by(when_done) == (["main", "main"], ["main"])


def test_a_step_is_woken_by_the_deadline_that_cancelled_and_not_by_a_later_timer() -> None:
    async def stew() -> None:
        await asyncio.sleep(99)

    async def main() -> None:
        try:
            async with asyncio.timeout(2):
                await asyncio.create_task(stew())
        except TimeoutError:
            await asyncio.sleep(1)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                await asyncio.sleep(9)

    trace = recorded(main())
    assert wakers(trace, "main") == ["start", "stew", "timer", "deadline"]
    assert wakers(trace, "stew") == ["main", "deadline"]


def test_a_deadline_that_is_past_when_it_is_set_is_a_deadline_too() -> None:
    async def main() -> None:
        await asyncio.sleep(1)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(0):
                await asyncio.sleep(1)

    trace = recorded(main())
    assert wakers(trace, "main") == ["start", "timer", "deadline"]
    assert trace.task("main").cancels[0].by == "deadline"


def test_callbacks_and_threads_have_lanes_of_their_own_and_plumbing_has_none() -> None:
    async def main() -> None:
        rung = asyncio.Event()

        def ring() -> None:
            busy(1)
            rung.set()

        asyncio.get_running_loop().call_later(2, ring)
        await rung.wait()
        await asyncio.to_thread(busy, 4)

    trace = recorded(main())
    assert {lane.name: lane.kind for lane in trace.lanes} == {
        "main": LaneKind.TASK,
        "ring": LaneKind.CALLBACK,
        "busy": LaneKind.THREAD,
    }
    assert [(s.start, s.end) for s in trace.task("ring").steps] == [(2, 3)]
    assert [(s.start, s.end, s.thread) for s in trace.task("busy").steps] == [(3, 7, "helper 1")]
    assert wakers(trace, "main") == ["start", "ring", "busy"]


def test_helpers_are_numbered_by_who_was_free_and_not_by_chance() -> None:
    async def main() -> None:
        await asyncio.gather(asyncio.to_thread(busy, 3), asyncio.to_thread(busy, 1))
        await asyncio.to_thread(busy, 1)

    lanes = [lane for lane in recorded(main()).lanes if lane.kind is LaneKind.THREAD]
    assert [lane.steps[0].thread for lane in lanes] == ["helper 1", "helper 2", "helper 1"]


def test_work_that_raises_is_told_in_its_lane() -> None:
    def burn() -> None:
        raise ValueError("burnt")

    async def main() -> None:
        with contextlib.suppress(ValueError):
            await asyncio.to_thread(burn)

    lane = recorded(main()).task("burn")
    assert (lane.outcome, lane.error) == ("raised", "ValueError: burnt")


def test_methods_of_a_task_that_the_loop_calls_are_no_steps_and_a_late_name_counts() -> None:
    async def stew() -> None:
        await asyncio.sleep(5)

    async def main() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.create_task(stew())
        for method in (task.get_name, task.done, task.uncancel):
            loop.call_soon(method)
        loop.call_at(1, task.set_name, "goulash")
        await task

    trace = recorded(main())
    assert wakers(trace, "goulash") == ["main", "timer"]
    assert [lane.name for lane in trace.lanes] == ["main", "goulash"]


async def busy_shop(kept: list[asyncio.Task[None]]) -> None:
    """A callback, a job, and tasks: one is left, one is cancelled, another factory's raises."""

    async def guest(seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def burn() -> None:
        raise ValueError("burnt")

    loop = asyncio.get_running_loop()
    loop.call_later(1, busy, 2)
    await asyncio.to_thread(busy, 1)
    kept += [loop.create_task(guest(n)) for n in range(3)]
    loop.set_task_factory(lambda loop, coro, **_: asyncio.Task(coro, loop=loop))
    kept[-3].set_name("Ann")
    kept[-1].cancel()
    await asyncio.gather(loop.create_task(burn()), return_exceptions=True)
    await kept[-3]


def test_a_trace_is_the_same_whenever_it_is_looked_at_first() -> None:
    kept: list[asyncio.Task[None]] = []
    at_once, later, copied = (recorded(busy_shop(kept)) for _ in range(3))
    lanes, findings = at_once.lanes, at_once.findings
    for task in kept:
        task.set_name("Zoe")
        task.cancel()
    assert later.lanes == lanes
    assert (later.findings, later.sequence) == (findings, at_once.sequence)
    again = pickle.loads(pickle.dumps(copied))
    assert (again.lanes, again.sequence) == (lanes, at_once.sequence)
    assert "Ann" in {lane.name for lane in lanes}


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_a_trace_knows_its_length_before_its_lanes_are_read(clock: str) -> None:
    trace = recorded(quick_shop(), clock=clock)
    said, duration = repr(trace), trace.duration
    assert duration == max(lane.end for lane in trace.lanes)
    assert said.startswith(f"<Trace of {len(trace.tasks)} tasks, ")


async def quick_shop() -> None:
    """Tasks that end after main does, a generator that is left open, and a thread's job."""

    async def menu() -> AsyncIterator[int]:
        yield 1
        yield 2

    async def guest() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)

    task = asyncio.create_task(guest())
    async for _ in menu():
        break
    loop = asyncio.get_running_loop()
    loop.call_soon(task.get_name)
    loop.run_in_executor(None, busy, 0.05)  # it outlasts all else
