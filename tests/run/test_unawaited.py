"""The watch for coroutines that were never awaited: for the run's thread alone, and put back."""

from __future__ import annotations

import asyncio
import threading
import warnings
from typing import Any

import pytest

from helpers.run import standins
from helpers.run.handles import Log
from tests.run.runs import CLOCKS, recorded


async def boil() -> None:
    """Nothing to await."""


def test_python_warns_as_ever_when_nobody_watches() -> None:
    with standins.watch(Log(0.0)):
        pass
    with pytest.warns(RuntimeWarning, match="'boil' was never awaited"):
        boil()  # type: ignore[unused-coroutine]


def test_another_threads_coroutine_is_left_to_python() -> None:
    caught: list[warnings.WarningMessage] = []

    def elsewhere() -> None:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            boil()  # type: ignore[unused-coroutine]
            caught.extend(seen)

    with standins.watch(Log(0.0)):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert ["never awaited" in str(warning.message) for warning in caught] == [True]


def test_python_warns_of_a_coroutine_that_the_run_did_not_make() -> None:
    cook, log = boil, Log(0.0)
    made_elsewhere = [cook()]
    with standins.watch(log), pytest.warns(RuntimeWarning, match="'boil' was never awaited"):
        made_elsewhere.clear()
    assert log.told == []


def test_the_inner_watch_of_a_thread_is_told_of_a_dropped_coroutine_and_its_line() -> None:
    outer, inner = Log(0.0), Log(0.0)
    with standins.watch(outer):
        with standins.watch(inner):
            boil()  # type: ignore[unused-coroutine]
        boil()  # type: ignore[unused-coroutine]
    this = test_the_inner_watch_of_a_thread_is_told_of_a_dropped_coroutine_and_its_line.__code__
    lines = [this.co_firstlineno + n for n in (4, 5)]
    for log, line in zip((inner, outer), lines, strict=True):
        [(kind, name, place)] = log.told
        assert (kind, name) == ("never_awaited", "boil")
        assert place.startswith(f"line {line} of test_unawaited.py, in {this.co_name}: `boil()")


@CLOCKS
def test_a_coroutine_that_a_call_dropped_is_told_at_the_line_that_python_names(clock: str) -> None:
    class Group:
        def create_task(self, coro: Any) -> None:
            """Take a coroutine, and do nothing with it."""

    async def main() -> None:
        Group().create_task(nap())
        Group().create_task(nap())

    async def nap() -> None: ...

    def lines(run: Any) -> list[tuple[str, int]]:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            run()
        return [(each.filename, each.lineno) for each in told]

    plain = lines(lambda: asyncio.run(main()))
    assert len(set(plain)) == 2
    assert lines(lambda: recorded(main(), clock=clock)) == plain
