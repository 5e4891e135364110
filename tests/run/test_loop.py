"""The recording loop: every kind of task, callback and socket, and what a slow step did."""

from __future__ import annotations

import asyncio
import functools
import gc
import itertools
import socket
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest

from helpers import busy
from helpers.run import handles, threads
from helpers.run import loop as loops
from helpers.trace import LaneKind
from tests.run.runs import CLOCKS, recorded

EAGER: Any = getattr(asyncio, "eager_task_factory", None)
needs_eager_tasks = pytest.mark.skipif(EAGER is None, reason="they came with Python 3.12")


async def nothing() -> None:
    """Ends at once."""


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
    assert [f.kind for f in trace.findings if f.kind != "paused"] == ["vanished"]


@needs_eager_tasks
def test_an_eager_task_is_recorded_from_its_first_step() -> None:
    async def chop() -> None:
        busy(2)
        await asyncio.sleep(1)

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(EAGER)
        asyncio.create_task(nothing(), name="leek")  # ends at once, and keeps its name
        await asyncio.create_task(chop(), name="chop")

    trace = recorded(main())
    assert [task.name for task in trace.tasks] == ["main", "leek", "chop"]
    task = trace.task("chop")
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


def test_a_task_made_past_create_task_is_recorded_too_even_if_it_never_began() -> None:
    async def chop() -> None:
        await asyncio.sleep(1)

    async def main() -> asyncio.Task[None]:
        await asyncio.Task(chop())
        return asyncio.Task(chop())

    trace = recorded(main())
    assert [task.name for task in trace.tasks] == ["main", "chop 1", "chop 2"]
    assert [f.kind for f in trace.findings] == ["left_running"]


def test_a_task_written_in_python_is_recorded_as_a_task() -> None:
    python_task = vars(asyncio.tasks)["_PyTask"]

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(
            lambda loop, coro, **options: python_task(coro, loop=loop, **options)
        )
        await asyncio.create_task(asyncio.sleep(1), name="chop")

    lanes = recorded(main()).lanes
    assert [(lane.name, lane.polls) for lane in lanes] == [("main", 2), ("chop", 2)]


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


@pytest.mark.parametrize(
    ("make", "lane"),
    [
        (lambda: _Order(0).ring, "ring"),
        (lambda: _Order("first").ring, "ring"),
        (lambda: _Order(None).ring, "ring"),
        (lambda: _Order(10**30).ring, "ring"),
        (lambda: functools.partial(_Order(0).ring), "ring"),
        (lambda: _Bell().ring, "ring"),
        (lambda: _Worker(nothing()).ring, "ring"),
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
            asyncio.create_task(nothing(), name="nothing").add_done_callback(callback)
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


@pytest.mark.parametrize(
    ("took", "used", "noted"),
    [
        (0.4, (0.0, 0.0, 1), True),  # it slept
        (0.4, (0.03, 0.1, 9), True),  # it slept, hardly computed, and queued for a CPU
        (0.4, (0.05, 0.0, 1), False),  # it computed for a part of the time
        (0.4, (0.03, 0.3, 9), False),  # other processes had the CPU
        (0.4, (0.0, 0.0, 80), False),  # it waited for Python's lock
        (0.4, (0.19, 0.0, 0), False),  # for a larger one, and not for long
        (1.0, (0.2, 9.0, 99), True),  # for long
    ],
)
def test_a_slow_step_of_the_virtual_clock_blocked_if_it_hardly_computed_or_did_for_long(
    took: float, used: tuple[float, float, int], noted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed, queued, turns = used
    monkeypatch.setattr(threads, "cpu_used", lambda: (7.0 + computed, 5.0 + queued, 3 + turns))
    assert threads.held_on(took, (7.0, 5.0, 3)) is noted


@pytest.mark.parametrize("collects", [True, False])
def test_what_the_garbage_collector_computes_is_not_the_steps(
    collects: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    now: Any = mock.Mock(perf_counter=lambda: clock[0], cpu_time=lambda: clock[0])

    async def main() -> None:
        for note in gc.callbacks[-1:] if collects else ():
            note("start", {})
        clock[0] += 0.3
        for note in gc.callbacks[-1:] if collects else ():
            note("stop", {})

    monkeypatch.setattr(loops, "cpu_time", now.cpu_time)
    monkeypatch.setattr(loops, "perf_counter", now.perf_counter)
    monkeypatch.setattr(handles, "perf_counter", now.perf_counter)
    for module in (handles, threads):
        monkeypatch.setattr(module, "cpu_used", lambda: (clock[0], 0.0, 1))
    assert [f.kind for f in recorded(main()).findings] == ([] if collects else ["really_blocked"])


def test_a_reader_that_another_one_removes_in_the_same_turn_does_not_run() -> None:
    read: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        pairs = [socket.socketpair() for _ in range(2)]

        def first_come(name: str) -> None:
            read.append(name)
            for mine, _ in pairs:
                loop.remove_reader(mine)

        for mine, other in pairs:
            loop.add_reader(mine, first_come, "one of them")
            other.send(b"!")
        await asyncio.sleep(0.01)
        for sock in itertools.chain(*pairs):
            sock.close()

    recorded(main(), clock="real")
    assert read == ["one of them"]
