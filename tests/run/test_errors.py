"""What a run that fails says: the way round where its own thread is why, and whose lines failed."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
import threading
import traceback
from typing import Any

import pytest

from helpers.run.errors import THREAD_OF_ITS_OWN
from tests.run.runs import CLOCKS, recorded

DATABASE = sqlite3.connect(":memory:")
LOCAL = threading.local()
LOCAL.oven = 180


class Local(threading.local):
    """A class of a program's own."""


OWN = Local()
OWN.oven = 180


async def ask_a_database_of_the_cell() -> None:
    DATABASE.execute("select 1")


async def ask_a_local_of_the_cell() -> None:
    _ = LOCAL.oven


async def ask_a_local_of_a_class_of_its_own() -> None:
    _ = OWN.oven


async def handle_a_signal() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@CLOCKS
@pytest.mark.parametrize(
    "main",
    [
        ask_a_database_of_the_cell,
        ask_a_local_of_the_cell,
        ask_a_local_of_a_class_of_its_own,
        handle_a_signal,
    ],
)
def test_what_belongs_to_another_thread_fails_with_the_way_round(main: Any, clock: str) -> None:
    async def through_a_group() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(main())

    with pytest.raises(Exception, match="thread|attribute|signal") as alone:
        recorded(main(), clock=clock)
    assert alone.value.__notes__ == [THREAD_OF_ITS_OWN]
    with pytest.raises(ExceptionGroup) as grouped:
        recorded(through_a_group(), clock=clock)
    assert grouped.value.exceptions[0].__notes__ == [THREAD_OF_ITS_OWN]


def test_a_thread_of_the_programs_own_making_is_not_explained() -> None:
    async def main() -> None:
        own = sqlite3.connect(":memory:", check_same_thread=True)
        try:
            await asyncio.to_thread(own.execute, "select 1")
        finally:
            own.close()

    with pytest.raises(sqlite3.ProgrammingError) as caught:
        recorded(main())
    assert not hasattr(caught.value, "__notes__")


@CLOCKS
def test_a_handler_of_signals_is_refused_as_by_a_system_without_them(clock: str) -> None:
    async def main() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, print)

    with pytest.raises(NotImplementedError, match=THREAD_OF_ITS_OWN):
        recorded(main(), clock=clock)


@pytest.mark.skipif(sys.platform == "win32", reason="there a program has one handler at a time")
def test_the_way_round_for_a_signal_works() -> None:
    came: list[str] = []

    async def main() -> None:
        loop, bell = asyncio.get_running_loop(), asyncio.Event()
        handlers.append(lambda *_: loop.call_soon_threadsafe(bell.set))
        ask.set()
        await bell.wait()
        came.append("the bell rang")

    ask = threading.Event()
    handlers: list[Any] = []

    def handler(*arguments: Any) -> None:
        handlers[0](*arguments)

    async def cell() -> None:
        from helpers import record

        run = asyncio.create_task(record(main(), clock="real"))
        await asyncio.to_thread(ask.wait)
        signal.raise_signal(signal.SIGUSR1)
        await run

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        asyncio.run(cell())
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert came == ["the bell rang"]


async def burns() -> None:
    await asyncio.sleep(1)
    raise ValueError("burnt")


async def waits_for_what_burns() -> None:
    await asyncio.gather(burns(), asyncio.sleep(2))


@CLOCKS
def test_a_failed_run_shows_the_frames_of_the_program_and_none_of_its_recorder(clock: str) -> None:
    with pytest.raises(ValueError, match="burnt") as failed:
        recorded(waits_for_what_burns(), clock=clock)
    names = [frame.name for frame in traceback.extract_tb(failed.value.__traceback__)]
    assert names[names.index("record") + 1 :] == ["waits_for_what_burns", "burns"]
