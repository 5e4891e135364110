"""`record`: what it gives back, what it refuses, and how a run comes to its end."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import gc
import itertools
import logging
import threading
import warnings
from collections.abc import Callable, Coroutine, Iterator
from typing import Any
from unittest import mock

import pytest

from helpers import Deadlock, RunTooLong, Trace, busy, record
from helpers.run import drive
from helpers.run import session as run
from helpers.run.errors import RunStopped
from helpers.run.session import Run
from helpers.trace import LaneKind


def recorded(coro: Coroutine[Any, Any, Any], **options: Any) -> Trace:
    """Record a coroutine from a test, as a script would."""
    return asyncio.run(record(coro, **options))


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


CLOCKS = pytest.mark.parametrize("clock", ["virtual", "real"])


@CLOCKS
def test_the_loop_of_a_run_is_closed_when_its_trace_is_there(
    clock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []

    class Noted(run._LOOPS[clock]):  # type: ignore[misc]
        def close(self) -> None:
            told.append(one.finished.done())
            super().close()

    async def main() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    monkeypatch.setitem(run._LOOPS, clock, Noted)
    one = Run(main(), clock=clock)
    one.start()
    assert one.finished.result(60).result.is_closed()
    assert told == [False], "the trace was there before the loop was closed"


@CLOCKS
def test_the_trace_has_the_result_and_every_task(clock: str) -> None:
    async def boil() -> str:
        await asyncio.sleep(0.05)
        return "soup"

    async def main() -> str:
        return await asyncio.create_task(boil(), name="pot")

    trace = recorded(main(), clock=clock)
    assert trace.result == "soup"
    assert [(task.name, task.outcome) for task in trace.tasks] == [
        ("main", "returned"),
        ("pot", "returned"),
    ]
    assert trace.task("pot").parent == trace.task("main").id
    assert trace.duration >= 0.05
    if clock == "virtual":
        assert trace.duration == 0.05


def test_a_dinner_is_recorded_to_the_minute() -> None:
    async def soup() -> None:
        busy(3)
        await asyncio.sleep(20)
        busy(1)

    async def salad() -> None:
        busy(2)
        await asyncio.sleep(0)
        busy(2)

    async def dinner() -> None:
        busy(2)
        async with asyncio.TaskGroup() as group:
            group.create_task(soup(), name="soup")
            group.create_task(salad(), name="salad")

    trace = recorded(dinner(), unit="minutes")
    spans = {
        name: [(str(s.state), s.start, s.end) for s in trace.task(name).spans]
        for name in ("dinner", "soup", "salad")
    }
    assert spans["dinner"] == [
        ("running", 0, 2), ("idle", 2, 26), ("running", 26, 26),
    ]  # fmt: skip
    assert spans["soup"] == [
        ("scheduled", 2, 2), ("running", 2, 5), ("idle", 5, 25), ("running", 25, 26),
    ][1:]  # fmt: skip
    assert spans["salad"] == [
        ("scheduled", 2, 5), ("running", 5, 7), ("running", 7, 9),
    ]  # fmt: skip
    assert trace.task("soup").steps[1].woken_by == "timer"
    assert trace.task("salad").steps[0].woken_by == trace.task("dinner").id
    assert trace.task("dinner").steps[-1].woken_by == trace.task("soup").id


def test_a_timer_that_came_due_while_the_loop_was_held_counts_as_scheduled_since_then() -> None:
    async def ticker() -> None:
        await asyncio.sleep(1)

    async def main() -> None:
        tick = asyncio.create_task(ticker())
        await asyncio.sleep(0)
        busy(4)
        await tick

    task = recorded(main()).task("ticker")
    assert task.idle == 1
    assert task.scheduled == 3
    assert task.steps[1].ready == 1


@CLOCKS
def test_the_callers_loop_stays_free_during_a_run(clock: str) -> None:
    begun, caller_was_free = threading.Event(), threading.Event()

    async def main() -> bool:
        begun.set()
        return caller_was_free.wait(10)

    async def caller() -> Trace:
        run = asyncio.create_task(record(main(), clock=clock))
        assert await asyncio.to_thread(begun.wait, 60)
        caller_was_free.set()
        return await run

    assert asyncio.run(caller()).result is True


def test_context_variables_reach_the_run() -> None:
    cell = contextvars.ContextVar[str]("cell")

    async def main() -> str:
        return await asyncio.to_thread(cell.get)

    async def caller() -> str:
        cell.set("cell 7")
        return (await record(main())).result

    assert asyncio.run(caller()) == "cell 7"


@CLOCKS
def test_what_the_coroutine_raises_is_raised_with_the_trace(clock: str) -> None:
    async def main() -> None:
        raise ValueError("burnt")

    with pytest.raises(ValueError, match="burnt") as caught:
        recorded(main(), clock=clock)
    task = caught.value.trace.task("main")  # type: ignore[attr-defined]
    assert (task.outcome, task.error) == ("raised", "ValueError: burnt")


@CLOCKS
def test_tasks_left_when_main_returns_are_cancelled_and_awaited(clock: str) -> None:
    ended: list[str] = []

    async def stew() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.05)
            ended.append("stew")

    async def main() -> None:
        asyncio.create_task(stew())
        await asyncio.sleep(0)

    trace = recorded(main(), clock=clock)
    assert ended == ["stew"]
    assert trace.task("stew").outcome == "cancelled"
    assert trace.task("stew").cancelled_by == "main's return"


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
        while True:
            pass

    stop(main(), begun, clock=clock)  # and no thread is left: the fixture looks


def test_a_blocking_call_does_not_hold_the_one_who_stops_the_run() -> None:
    begun, opened = threading.Event(), threading.Event()
    ended: list[bool] = []

    async def main() -> None:
        begun.set()
        try:
            opened.wait(60)
        finally:
            ended.append(True)

    stop(main(), begun, clock="real")
    assert not ended, "he was held until the call was back"
    opened.set()


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


def test_a_deadlock_is_an_error_with_the_trace_and_leaves_no_task() -> None:
    ended: list[bool] = []

    async def main() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    with pytest.raises(Deadlock, match="`main` waits at line .*await asyncio.Event") as caught:
        recorded(main())
    assert ended == [True]
    assert caught.value.trace.task("main").polls == 2  # type: ignore[attr-defined]


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

    with pytest.raises(RunTooLong, match="a step held the loop at line .*test_recorder"):
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
    assert min(pauses) > run._PATIENCE


def test_a_task_that_refuses_its_cancel_for_ever_does_not_hold_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(drive, "_STEPS_TO_END", 5000)

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
        asyncio.sleep(1)
        raise ValueError("burnt")

    before = snapshot()
    for clock in ("virtual", "real"):
        with pytest.raises(ValueError, match="burnt"):
            recorded(main(), clock=clock)
    assert snapshot() == before


@CLOCKS
def test_a_task_that_nobody_holds_may_vanish_and_the_trace_says_so(clock: str) -> None:
    async def lost() -> None:
        await asyncio.get_running_loop().create_future()

    async def main() -> None:
        asyncio.create_task(lost())
        await asyncio.sleep(0)
        gc.collect()
        await asyncio.sleep(0.05)

    trace = recorded(main(), clock=clock)
    assert trace.task("lost").outcome == "pending"
    assert [f.kind for f in trace.findings] == ["vanished"]


def test_an_eager_task_is_recorded_from_its_first_step() -> None:
    factory = getattr(asyncio, "eager_task_factory", None)
    if factory is None:
        pytest.skip("eager tasks came with Python 3.12; this is an older one")

    async def chop() -> None:
        busy(2)
        await asyncio.sleep(1)

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(factory)
        await asyncio.create_task(chop(), name="chop")

    task = recorded(main()).task("chop")
    assert [(s.start, s.end) for s in task.steps] == [(0, 2), (3, 3)]
    assert task.outcome == "returned"


def test_tasks_of_the_programs_own_factory_keep_their_names() -> None:
    async def chop(seconds: float) -> None:
        if seconds:
            await asyncio.sleep(seconds)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(
            lambda loop, coro, **options: asyncio.Task(coro, loop=loop, **options)
        )
        leek = asyncio.create_task(chop(0), name="leek")
        onion = asyncio.create_task(chop(1), name="onion")
        await leek
        del leek
        gc.collect()
        await onion
        asyncio.create_task(chop(9), name="left")

    assert [task.name for task in recorded(main()).tasks] == ["main", "leek", "onion", "left"]


def test_an_eager_task_that_ends_at_once_keeps_its_name() -> None:
    factory = getattr(asyncio, "eager_task_factory", None)
    if factory is None:
        pytest.skip("eager tasks came with Python 3.12; this is an older one")

    async def chop() -> None:
        busy(2)

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(factory)
        asyncio.create_task(chop(), name="leek")
        gc.collect()

    assert [task.name for task in recorded(main()).tasks] == ["main", "leek"]


def test_a_task_made_past_create_task_is_recorded_too() -> None:
    async def chop() -> None:
        await asyncio.sleep(1)

    async def main() -> None:
        await asyncio.Task(chop(), name="chop")

    assert recorded(main()).duration == 1
    assert "chop" in [task.name for task in recorded(main()).tasks]


def test_a_task_made_past_create_task_that_never_began_is_told_of() -> None:
    async def chop() -> None:
        await asyncio.sleep(1)

    async def main() -> asyncio.Task[None]:
        return asyncio.Task(chop(), name="chop")

    assert [f.kind for f in recorded(main()).findings] == ["left_running"]


def test_a_task_written_in_python_is_recorded_as_a_task() -> None:
    async def chop() -> None:
        await asyncio.sleep(1)

    async def main() -> None:
        python_task = vars(asyncio.tasks)["_PyTask"]
        asyncio.get_running_loop().set_task_factory(
            lambda loop, coro, **options: python_task(coro, loop=loop, **options)
        )
        await asyncio.create_task(chop(), name="chop")

    assert [(lane.name, lane.polls) for lane in recorded(main()).lanes] == [
        ("main", 2),
        ("chop", 2),
    ]


class _Order:
    """An object of the program's that has what the recorder and asyncio give their own."""

    def __init__(self, number: Any = 0) -> None:
        self.number = self.recorded_as = number
        self._log_traceback = True

    def ring(self, *_: Any) -> None:
        """Called by the loop."""


class _Bell(asyncio.Future[None]):
    number = recorded_as = 0

    def ring(self, *_: Any) -> None:
        """Called by the loop."""


class _Worker(asyncio.Task[None]):
    number = "first"

    def ring(self, *_: Any) -> None:
        """Called by the loop."""


class _Silent:
    def __getattr__(self, name: str) -> Any:
        raise ValueError(name)

    def __call__(self, *_: Any) -> None:
        """Called by the loop."""


class _Talkative:
    def __getattr__(self, name: str) -> Any:
        return []

    def __call__(self, *_: Any) -> None:
        """Called by the loop."""


async def _nothing() -> None:
    """Ends at once."""


@pytest.mark.parametrize(
    ("make", "lane"),
    [
        (lambda: _Order(0).ring, "ring"),
        (lambda: _Order("first").ring, "ring"),
        (lambda: _Order(None).ring, "ring"),
        (lambda: _Order(10**30).ring, "ring"),
        (lambda: functools.partial(_Order(0).ring), "ring"),
        (lambda: _Bell().ring, "ring"),
        (lambda: _Worker(_nothing()).ring, "ring"),
        (_Silent, "_Silent"),
        (lambda: functools.partial(_Silent()), "_Silent"),
        (lambda: functools.partial(_Silent().__call__), "__call__"),
        (_Talkative, "_Talkative"),
        (lambda: mock.Mock(number=0), "Mock"),
        (lambda: mock.MagicMock(spec=_Order.ring), "MagicMock"),
    ],
)
@pytest.mark.parametrize("way", ["call_soon", "call_later", "call_soon_threadsafe", "done"])
def test_a_callback_of_any_object_has_a_lane_of_its_own(
    make: Callable[[], Any], lane: str, way: str
) -> None:
    async def main() -> None:
        loop, callback = asyncio.get_running_loop(), make()
        if way == "done":
            asyncio.create_task(_nothing(), name="nothing").add_done_callback(callback)
        elif way == "call_later":
            loop.call_later(1, callback)
        else:
            getattr(loop, way)(callback)
        await asyncio.sleep(2)

    lanes = {lane.name: (lane.kind, lane.polls) for lane in recorded(main()).lanes}
    assert lanes.pop(lane) == (LaneKind.CALLBACK, 1)
    assert lanes.pop("main") == (LaneKind.TASK, 2)
    assert all(found == (LaneKind.TASK, 1) for found in lanes.values())


def test_the_debug_mode_of_asyncio_can_be_recorded() -> None:
    async def main() -> bool:
        asyncio.get_running_loop().set_debug(True)
        await asyncio.sleep(1)
        return asyncio.get_running_loop().get_debug()

    assert recorded(main()).result is True


def _function() -> None:
    """Not a coroutine."""


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: _function, "a coroutine such as main"),
        (lambda: 7, "got 7"),
        (lambda: asyncio.sleep, r"write sleep\(\)"),
    ],
)
def test_what_is_no_coroutine_is_refused_in_a_sentence(make: Callable[[], Any], told: str) -> None:
    with pytest.raises(TypeError, match=told):
        asyncio.run(record(make()))


def test_a_coroutine_that_has_run_is_refused() -> None:
    async def main() -> None:
        pass

    coro = main()
    recorded(coro)
    with pytest.raises(ValueError, match=r"call main\(\) again"):
        recorded(coro)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"clock": "fast"}, "got 'fast'"),
        ({"unit": "hours"}, "got 'hours'"),
        ({"max_steps": 0}, "got 0"),
        ({"max_seconds": -1}, "got -1"),
        ({"max_seconds": True}, "got True"),
    ],
)
def test_options_are_refused_in_a_sentence_that_names_the_value(
    options: dict[str, Any], told: str
) -> None:
    async def main() -> None:
        pass

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the coroutine is closed: none is "never awaited"
        with pytest.raises(ValueError, match=told):
            recorded(main(), **options)
        gc.collect()


def test_sockets_work_on_the_real_clock_and_their_wakes_are_io() -> None:
    async def main() -> bytes:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readline())
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"soup\n")
        line = await reader.readline()
        writer.close()
        server.close()
        return line

    trace = recorded(main(), clock="real")
    assert trace.result == b"soup\n"
    assert "io" in {step.woken_by for task in trace.tasks for step in task.steps}


def test_a_snapshot_shows_the_run_so_far() -> None:
    waits = threading.Event()

    async def main() -> None:
        await asyncio.sleep(0.05)
        asyncio.get_running_loop().call_soon(waits.set)  # called when this step is over
        await asyncio.Event().wait()

    run = Run(main(), clock="real")
    with pytest.raises(RuntimeError, match="has not been started"):
        run.snapshot()
    run.start()
    with pytest.raises(RuntimeError, match="has been started before"):
        run.start()
    assert waits.wait(60)
    so_far = run.snapshot().task("main")
    run.stop()
    run.finished.result(60)
    assert so_far.outcome == "pending"
    assert so_far.polls == 2
    assert so_far.idle > 0.04
