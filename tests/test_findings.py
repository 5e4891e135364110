"""Findings: each names the task, the line, how long it took and whom it delayed."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Coroutine
from typing import Any

import pytest

from helpers import busy, record
from helpers.run import loop as loops
from helpers.run.clock import block
from helpers.run.session import Run
from helpers.trace import Finding


def found(coro: Coroutine[Any, Any, Any], **options: Any) -> list[Finding]:
    """The findings of a run."""
    return list(asyncio.run(record(coro, **options)).findings)


async def wait(seconds: float = 1) -> None:
    await asyncio.sleep(seconds)


def found_while_it_blocks(
    coro: Coroutine[Any, Any, Any],
    begun: threading.Event,
    seen: threading.Event,
    *,
    clock: str,
) -> list[Finding]:
    """The findings of a run that sets `begun`, and then blocks until it was `seen` to block."""
    run = Run(coro, clock=clock)
    run.start()
    assert begun.wait(60)
    block(0.3)
    run.watch()
    seen.set()
    return list(run.finished.result(60).findings)


def test_who_blocked_the_loop_is_named_with_line_time_and_whom_it_delayed() -> None:
    async def chop() -> None:
        busy(4)

    async def soup() -> None:
        await asyncio.sleep(0)

    async def salad() -> None:
        await asyncio.sleep(1)

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for cook in (salad, chop, soup):
                group.create_task(cook())

    (finding,) = found(main(), unit="minutes")
    assert finding.kind == "blocked"
    assert finding.task == 2
    assert finding.startswith("`chop` blocked the loop for 4 min (from 0 to 4 min, at line ")
    assert "`busy(4)`" in finding
    assert finding.endswith("delayed `soup` by 4 min and `salad` by 3 min.")


def test_a_blocking_call_on_the_real_clock_is_found_at_its_line() -> None:
    begun, seen = threading.Event(), threading.Event()

    async def stare() -> None:
        begun.set()
        seen.wait(60)

    async def tick() -> None:
        for _ in range(4):
            await asyncio.sleep(0.05)

    async def main() -> None:
        await asyncio.gather(tick(), stare())

    found = found_while_it_blocks(main(), begun, seen, clock="real")
    (finding,) = [f for f in found if f.task == 2]
    assert finding.kind == "blocked"
    assert "`stare` blocked the loop" in finding
    assert "`seen.wait(60)`" in finding
    assert "delayed `tick` by" in finding


def test_where_nobody_looked_at_the_line_in_time_the_function_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loops.RecordingLoop, "look", lambda self: None)

    async def stare() -> None:
        time.sleep(0.2)

    async def main() -> None:
        await asyncio.gather(stare(), wait(0.01))

    line = stare.__code__.co_firstlineno
    (finding,) = [f for f in found(main(), clock="real") if f.kind == "blocked"]
    assert f", in the function at test_findings.py:{line}) and delayed `wait`" in finding


def test_real_blocking_under_the_virtual_clock_is_a_finding() -> None:
    begun, seen = threading.Event(), threading.Event()

    async def main() -> None:
        await asyncio.sleep(1)
        begun.set()
        seen.wait(60)
        await asyncio.sleep(1)

    (finding,) = found_while_it_blocks(main(), begun, seen, clock="virtual")
    assert finding.kind == "really_blocked"
    assert "`main` really held the thread, at line" in finding
    assert "`seen.wait(60)`" in finding


def test_a_task_that_was_one_long_step_never_yielded() -> None:
    async def add_up() -> None:
        busy(2)

    async def main() -> None:
        await asyncio.create_task(add_up())

    (finding,) = found(main())
    assert finding.kind == "never_yielded"
    assert finding.startswith("`add_up` never yielded: its 2 s were one step, at line")


def test_a_coroutine_that_was_never_awaited_is_found_with_its_line() -> None:
    async def main() -> None:
        wait()  # type: ignore[unused-coroutine]

    for _ in range(2):  # Python itself would tell of it only once
        (finding,) = found(main())
        assert finding.kind == "never_awaited"
        assert "`wait()`, thrown away at line" in finding
        assert "in main: `wait()" in finding


def test_a_task_left_running_is_found_with_the_line_it_waited_at() -> None:
    async def main() -> None:
        handle = asyncio.create_task(wait(9))
        await asyncio.sleep(1)
        del handle

    (finding,) = found(main())
    assert finding.kind == "left_running"
    assert "`wait` was left running, waiting at line" in finding
    assert "`await asyncio.sleep(seconds)`" in finding


@pytest.mark.parametrize("keep", [True, False])
def test_an_exception_nobody_retrieved_is_found_and_not_logged(
    keep: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def burn() -> None:
        raise ValueError("burnt")

    kept = []

    async def main() -> None:
        task = asyncio.create_task(burn())
        if keep:
            kept.append(task)
        await asyncio.sleep(1)

    (finding,) = found(main())
    assert finding.kind == "never_retrieved"
    assert "`burn` (test_findings.py:" in finding
    assert "raised ValueError: burnt, and nobody retrieved it" in finding
    assert not caplog.records


def test_a_task_that_refused_to_be_cancelled_is_found() -> None:
    async def stubborn() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(9)
        await asyncio.sleep(2)

    async def main() -> None:
        task = asyncio.create_task(stubborn())
        await asyncio.sleep(3)
        task.cancel()
        await task

    (finding,) = found(main())
    assert finding.kind == "refused_cancel"
    assert "asked to stop at 3 s and refused: it went on for 2 s" in finding


def test_what_is_caught_is_no_finding_nor_a_refusal_of_the_task_that_was_cancelled_for_it() -> None:
    async def burn() -> None:
        await asyncio.sleep(1)
        raise ValueError("burnt")

    async def late() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await asyncio.sleep(9)

    async def main() -> None:
        with contextlib.suppress(ValueError):
            await asyncio.create_task(burn())
        await asyncio.create_task(late())
        with contextlib.suppress(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(burn(), name="fire")
                group.create_task(wait(9))

    trace = asyncio.run(record(main()))
    assert trace.findings == ()
    assert trace.name_of(trace.task("wait").cancelled_by) == "fire"
