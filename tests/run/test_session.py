"""How a run comes to its end: by itself, by Stop, by a limit, in a deadlock; and runs in runs."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import logging
import sys
import threading
import warnings
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from helpers import Deadlock, RunTooLong, Trace, busy, record
from helpers.run import session
from helpers.run.errors import RunStopped
from helpers.run.session import Run
from tests.run.runs import CLOCKS, recorded


def stop(coro: Coroutine[Any, Any, Any], begun: threading.Event, *, clock: str) -> None:
    """Cancel the one who awaits a run once it has begun, and wait until he is back."""

    async def caller() -> None:
        recording = asyncio.create_task(record(coro, clock=clock))
        assert await asyncio.to_thread(begun.wait, 60)
        recording.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await recording

    asyncio.run(caller())


def wait_for_threads(before: set[threading.Thread]) -> None:
    """Wait until every thread has ended that was not there before."""
    for thread in set(threading.enumerate()) - before:
        thread.join(60)
    assert not set(threading.enumerate()) - before


@pytest.fixture(autouse=True)
def threads_before() -> Iterator[set[threading.Thread]]:
    """The threads before the test; afterwards there is no other."""
    before = set(threading.enumerate())
    yield before
    wait_for_threads(before)


@CLOCKS
def test_cancelling_the_caller_ends_every_task_and_does_not_wait_for_a_thread(
    clock: str, threads_before: set[threading.Thread]
) -> None:
    ended: list[str] = []
    begun, opened = threading.Event(), threading.Event()

    async def stew() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("stew")

    def stare() -> None:
        begun.set()
        opened.wait(60)
        ended.append("stare")

    async def main() -> None:
        other = asyncio.create_task(stew())
        await asyncio.sleep(0)
        await asyncio.to_thread(stare)
        await other

    stop(main(), begun, clock=clock)
    assert "stare" not in ended
    opened.set()
    wait_for_threads(threads_before)
    assert sorted(ended) == ["stare", "stew"]


@CLOCKS
def test_a_stopped_run_ends_an_endless_loop_in_its_thread(clock: str) -> None:
    begun = threading.Event()

    async def main() -> None:
        begun.set()
        if clock == "real":
            busy(60)
        while True:
            pass

    stop(main(), begun, clock=clock)  # and no thread is left: the fixture looks


def test_a_stop_is_heard_before_a_thousand_steps_that_are_ready() -> None:
    begun, opened = threading.Event(), threading.Event()
    chopped: list[bool] = []

    async def chop() -> None:
        begun.set()
        opened.wait(60)
        chopped.append(True)
        await asyncio.Event().wait()

    async def main() -> None:
        await asyncio.gather(*(chop() for _ in range(1000)))

    run = Run(main(), clock="real")
    run.start()
    assert begun.wait(60)
    run.stop()
    opened.set()
    trace = run.finished.result(60)
    assert len(chopped) == 1, "the thousand that were ready had their turns first"
    assert {task.outcome for task in trace.tasks} == {"cancelled"}
    assert trace.tasks[5].cancelled_by == "stop"
    assert isinstance(run.error, asyncio.CancelledError)


def test_a_run_that_takes_too_many_steps_is_ended_and_names_its_tasks() -> None:
    async def main() -> None:
        while True:
            await asyncio.sleep(1)

    with pytest.raises(RunTooLong, match=r"took \d+ steps .*`main` is at line .*asyncio.sleep"):
        recorded(main(), max_steps=1000)


@CLOCKS
def test_a_run_that_takes_too_many_seconds_is_ended_and_names_its_tasks(clock: str) -> None:
    opened = threading.Event()

    async def main() -> None:
        try:
            await asyncio.to_thread(opened.wait, 60)
        finally:
            opened.set()

    with pytest.raises(RunTooLong, match=r"more than 0.2 s .*`main` is at line .*to_thread"):
        recorded(main(), clock=clock, max_seconds=0.2)


@CLOCKS
def test_a_step_that_never_ends_is_ended_at_the_limit_and_its_line_is_named(clock: str) -> None:
    async def main() -> None:
        while True:
            pass  # spins

    with pytest.raises(RunTooLong, match="a step held the loop at line .*test_session"):
        recorded(main(), clock=clock, max_seconds=0.2)


def test_a_step_that_swallows_its_end_has_time_for_it_before_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raise_inside = Run._raise_inside
    raised: list[float] = []

    def noted(self: Run) -> None:
        raised.append(self._raised_at)
        raise_inside(self)

    async def main() -> None:
        for _ in range(2):  # as where the exception comes in a finalizer
            with contextlib.suppress(RunStopped):
                while True:
                    pass
        while True:
            pass

    monkeypatch.setattr(Run, "_raise_inside", noted)
    with pytest.raises(RunTooLong):
        recorded(main(), max_seconds=0.1)
    pauses = [later - earlier for earlier, later in itertools.pairwise(raised)]
    assert len(pauses) >= 2
    assert min(pauses) > session._PATIENCE


def test_a_step_is_not_ended_where_python_would_report_that_and_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reported: list[Any] = []
    begun, tried = threading.Event(), threading.Event()
    raise_inside = Run._raise_inside

    def try_it(run: Run) -> None:
        raise_inside(run)
        tried.set()

    def around(phase: str, _: object) -> None:
        if threading.current_thread().name == "task-cards-run" and phase == "start":
            begun.set()
            while not tried.is_set():
                pass

    async def main() -> None:
        gc.collect(0)
        while True:
            pass

    monkeypatch.setattr(session, "_LEAVE_AFTER", 60.0)
    monkeypatch.setattr(Run, "_raise_inside", try_it)
    monkeypatch.setattr(sys, "unraisablehook", reported.append)
    gc.callbacks.append(around)
    try:
        stop(main(), begun, clock="virtual")
    finally:
        gc.callbacks.remove(around)
    assert not reported


def test_a_task_that_refuses_its_cancel_for_ever_does_not_hold_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session, "_STEPS_TO_END", 5000)

    async def stubborn() -> None:
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)

    async def main() -> None:
        asyncio.create_task(stubborn())
        await asyncio.sleep(0)

    with pytest.raises(RunTooLong):
        recorded(main())


def test_nested_runs_each_have_their_own_tasks_and_clock() -> None:
    async def inner() -> str:
        await asyncio.sleep(100)
        return "inner"

    async def outer() -> tuple[Trace, float]:
        timer = asyncio.create_task(asyncio.sleep(7), name="timer")
        trace = await record(inner())
        now = asyncio.get_running_loop().time()
        await timer
        return trace, now

    trace = recorded(outer())
    nested, now = trace.result
    assert (nested.duration, [t.name for t in nested.tasks]) == (100, ["inner"])
    assert now == 0
    assert trace.duration == 7
    assert [t.name for t in trace.tasks] == ["outer", "timer"]


def test_simultaneous_runs_do_not_disturb_each_other() -> None:
    async def cook(name: str, minutes: int) -> str:
        for _ in range(50):
            await asyncio.sleep(minutes / 50)
        return name

    async def caller() -> list[Trace]:
        return list(await asyncio.gather(*(record(cook(f"c{n}", n)) for n in range(1, 6))))

    traces = asyncio.run(caller())
    assert [trace.result for trace in traces] == [f"c{n}" for n in range(1, 6)]
    assert [round(trace.duration, 6) for trace in traces] == [1, 2, 3, 4, 5]
    assert all(len(trace.tasks) == 1 for trace in traces)


def test_nothing_global_stays_patched() -> None:
    def snapshot() -> list[Any]:
        return [
            asyncio.Task, asyncio.Future, asyncio.events.Handle, asyncio.events.TimerHandle,
            asyncio.get_event_loop_policy(), asyncio.run, asyncio.sleep, warnings.showwarning,
            warnings._warn_unawaited_coroutine, logging.getLogger("asyncio").handlers,  # type: ignore[attr-defined]
            threading.excepthook,
        ]  # fmt: skip

    async def main() -> None:
        asyncio.sleep(1)  # type: ignore[unused-coroutine]
        raise ValueError("burnt")

    before = snapshot()
    for clock in ("virtual", "real"):
        with pytest.raises(ValueError, match="burnt"):
            recorded(main(), clock=clock)
    assert snapshot() == before


def test_a_snapshot_shows_the_run_so_far_and_its_jobs_outlive_a_stop(
    threads_before: set[threading.Thread],
) -> None:
    begun, opened = threading.Event(), threading.Event()

    def stare() -> None:
        begun.set()
        opened.wait(60)

    async def main() -> None:
        await asyncio.sleep(0.05)
        await asyncio.to_thread(stare)

    run = Run(main(), clock="real")
    run.start()
    assert begun.wait(60)
    so_far = run.snapshot()
    run.stop()
    run.finished.result(60)
    assert [lane.outcome for lane in so_far.lanes] == ["pending", "pending"]
    assert so_far.task("main").polls >= 1
    assert not run.jobs_are_done()
    opened.set()
    wait_for_threads(threads_before)
    assert run.jobs_are_done()


@CLOCKS
def test_a_snapshot_shows_who_is_at_work_and_who_waits_to_begin_since_they_were_spawned(
    clock: str,
) -> None:
    begun, opened = threading.Event(), threading.Event()

    async def stare() -> None:
        begun.set()
        opened.wait(60)

    async def main() -> None:
        tasks = [asyncio.create_task(stare(), name=f"stare {n}") for n in range(3)]
        await asyncio.gather(*tasks)

    run = Run(main(), clock=clock)
    run.start()
    assert begun.wait(60)
    so_far = run.snapshot()
    opened.set()
    at_end = run.finished.result(60)
    assert [(lane.name, lane.polls) for lane in so_far.lanes] == [
        ("main", 1),
        ("stare 0", 1),  # which is still in it
        ("stare 1", 0),
        ("stare 2", 0),
    ]
    for name in ("stare 1", "stare 2"):
        waits = so_far.task(name)
        assert waits.spawned == at_end.task(name).spawned
        assert waits.parent == so_far.task("main").id
        assert [(span.state, span.end) for span in waits.spans if span.seconds > 0] == [
            ("scheduled", so_far.duration) for _ in range(clock == "real")
        ]


def test_a_deadlock_is_an_error_with_the_trace_and_leaves_no_task() -> None:
    with pytest.raises(Deadlock, match="`wait` waits at .*in wait") as caught:
        recorded(asyncio.Event().wait())
    task = caught.value.trace.task("wait")  # type: ignore[attr-defined]
    assert (task.polls, task.outcome) == (1, "pending")


@CLOCKS
def test_the_loop_of_a_run_is_closed_when_its_trace_is_there(clock: str) -> None:
    async def main() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    run = Run(main(), clock=clock)
    run.start()
    assert run.finished.result(60).result.is_closed()
