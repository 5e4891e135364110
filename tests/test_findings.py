"""Findings: each names the task, the line, how long it took and whom it delayed."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import re
import sys
import threading
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest

from helpers import busy, record
from helpers.draw.title import how_it_ended
from helpers.findings import find
from helpers.run import loop as loops
from helpers.run.session import Run
from helpers.trace import Finding
from tests.draw.pictured import lane, run


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
    busy(0.3)
    run._loop.note_line(run._loop.step, sys._current_frames()[run._loop._thread_id])
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
    assert "delayed `soup` by 4 min and `salad` by 3 min. Await what takes long, or" in finding


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
    monkeypatch.setattr(loops.RecordingLoop, "note_line", lambda *_: None)

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
        assert "`wait()` was never awaited: none of its code ran. Await it at line" in finding
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
    assert "`burn` raised ValueError: burnt, and nobody retrieved it" in finding
    assert "(defined at test_findings.py:" in finding
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
    assert how_it_ended(trace, trace.task("wait")) == "cancelled by the TaskGroup"


@pytest.mark.parametrize("deadline", [True, False])
def test_a_step_that_held_the_real_clock_is_found_though_it_delayed_nobody(deadline: bool) -> None:
    async def stare() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05 if deadline else 60):
                busy(0.2)
                await asyncio.sleep(0.01)

    (finding,) = [f for f in found(stare(), clock="real") if f.kind == "held"]
    assert re.match(
        r"`stare` held the loop for \d+ ms \(from .*, at line .*`busy\(0.2\)`\): ", finding
    )
    late = r"its deadline of [\d.]+ s was heard \d+ ms late\. "
    assert re.search(late if deadline else "nothing else could run meanwhile", finding)


async def stops(work: Coroutine[Any, Any, Any], after: float = 1) -> None:
    """Cancel a task after a while, and wait for it."""
    task = asyncio.create_task(work)
    await asyncio.sleep(after)
    task.cancel()
    await asyncio.wait([task])


def test_who_catches_the_request_and_returns_at_once_has_not_refused() -> None:
    async def worker() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(9)

    (finding,) = found(stops(worker()))
    assert finding.kind == "caught_cancel"
    assert finding.startswith("`worker` was asked to stop at 1 s, caught the request and returned.")


def test_who_tidies_up_and_stops_is_no_finding() -> None:
    async def worker() -> None:
        try:
            await asyncio.sleep(9)
        finally:
            await asyncio.sleep(2)

    assert found(stops(worker())) == []


async def fail(after: float = 1) -> None:
    await asyncio.sleep(after)
    raise ValueError(f"burnt {after:g}")


def test_a_group_that_a_child_s_child_breaks_is_the_asker_and_its_task_has_not_refused() -> None:
    async def child(group: asyncio.TaskGroup) -> None:
        group.create_task(fail())
        await asyncio.sleep(9)

    async def main() -> None:
        with contextlib.suppress(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(child(group))
                await asyncio.sleep(3)

    trace = asyncio.run(record(main()))
    assert trace.findings == ()
    assert how_it_ended(trace, trace.task("child")) == "cancelled by the TaskGroup"


def test_a_child_that_refuses_its_group_is_found() -> None:
    async def stubborn() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(9)
        await asyncio.sleep(3)

    async def main() -> None:
        with contextlib.suppress(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())
                group.create_task(stubborn())

    (finding,) = found(main())
    assert "`stubborn` was asked to stop at 1 s and refused: it went on for 3 s" in finding


async def ticks() -> AsyncIterator[int]:
    try:
        while True:
            await asyncio.sleep(1)
            yield 1
    finally:
        await asyncio.sleep(1)


@pytest.mark.parametrize("rest", [0, 3])
def test_the_closing_of_an_async_generator_has_its_name_and_line(rest: float) -> None:
    async def main() -> None:
        async for _ in ticks():
            break
        await asyncio.sleep(rest)

    trace = asyncio.run(record(main()))
    assert trace.task("ticks").place.startswith("test_findings.py:")
    if rest:
        assert trace.findings == ()
    else:
        (finding,) = trace.findings
        assert finding.startswith("`ticks` was left running, waiting at line ")
        assert "in ticks: `await asyncio.sleep(1)`" in finding


@pytest.mark.parametrize("catch", [True, False])
def test_who_catches_the_request_of_its_deadline_and_goes_on_is_found(catch: bool) -> None:
    async def main() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                with contextlib.suppress(asyncio.CancelledError if catch else KeyError):
                    await asyncio.sleep(9)
                await asyncio.sleep(5)
        await asyncio.sleep(2)  # this is not the block's

    findings = found(main())
    assert [finding.kind for finding in findings] == ["ignored_deadline"] * catch
    for finding in findings:
        assert finding.startswith("`main` went on for 5 s when time was up at 1 s: the request was")
        assert "`async with asyncio.timeout(1):`" in finding


def test_who_waits_for_one_that_refuses_its_deadline_is_not_accused() -> None:
    async def stubborn() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(9)
        await asyncio.sleep(3)

    async def main() -> None:
        async with asyncio.timeout(1):
            await asyncio.create_task(stubborn())

    (finding,) = found(main())
    assert finding.startswith("`stubborn` was asked to stop at 1 s and refused")


@pytest.mark.parametrize("shielded", [True, False])
def test_work_that_goes_on_in_its_thread_when_nobody_waits_is_found(shielded: bool) -> None:
    async def main() -> None:
        work = asyncio.ensure_future(asyncio.to_thread(busy, 4))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(work) if shielded else work, 1)
        await asyncio.wait([work])

    findings = found(main())
    assert [finding.kind for finding in findings] == ["went_on"] * (not shielded)
    for finding in findings:
        assert "`busy` went on in its thread for 3 s after nobody waited for it" in finding


def test_who_polls_with_sleep_0_is_found_and_who_works_between_is_not() -> None:
    async def poll() -> None:
        for _ in range(2000):
            await asyncio.sleep(0)

    async def work() -> None:
        for _ in range(2000):
            busy(0.001)
            await asyncio.sleep(0)

    (finding,) = found(poll())
    assert finding.startswith(
        "`poll` was taken up 2,000 times and waited for nothing: it polls with"
    )
    assert found(work()) == []


def test_findings_alike_are_one_sentence_and_every_kind_comes_before_any_twice() -> None:
    async def gone() -> None:
        await asyncio.get_running_loop().create_future()

    async def main() -> None:
        for _ in range(300):
            asyncio.create_task(wait(99))
        asyncio.create_task(asyncio.sleep(99))
        for _ in range(30):
            asyncio.create_task(gone())
        await asyncio.sleep(1)
        gc.collect()

    left, vanished, other = found(main())
    assert [x.kind for x in (left, vanished, other)] == ["left_running", "vanished", "left_running"]
    assert left.endswith("Likewise `wait 2`, `wait 3`, `wait 4` and 296 others.")
    assert vanished.endswith("Likewise `gone 2`, `gone 3`, `gone 4` and 26 others.")


def test_long_steps_of_one_line_are_counted_without_a_limit() -> None:
    async def chop() -> None:
        for _ in range(50):
            busy(1)
            await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(chop(), wait())

    (finding,) = found(main())
    assert finding.startswith("`chop` blocked the loop for 1 s (from 0 to 1 s, at line ")
    assert finding.endswith("In all 50 such steps.")


def test_a_delay_of_less_than_a_millisecond_is_not_told() -> None:
    chop = lane(0, "chop", (0, 0, 0.5))
    trace = run(chop, lane(1, "tick", (0.4995, 0.5, 0.5)), clock="real")
    assert [finding.kind for finding in find(trace)] == ["never_yielded"]


@pytest.mark.parametrize("told", [True, False])
def test_an_error_that_gather_does_not_tell_is_found(told: bool) -> None:
    async def main() -> None:
        tasks = [asyncio.create_task(fail(n)) for n in (1, 2, 3)]
        with contextlib.suppress(ValueError):
            await asyncio.gather(*tasks[:2])
        await asyncio.wait(tasks[2:])
        if told:
            await asyncio.gather(*tasks, return_exceptions=True)

    findings = [f for f in found(main()) if f.kind == "not_told"]
    assert len(findings) == (not told)
    for finding in findings:
        assert finding.startswith("`fail 2` raised ValueError: burnt 2 when its gather had failed")


def test_errors_that_are_all_told_are_no_finding() -> None:
    async def main() -> None:
        await asyncio.gather(fail(1), fail(2), return_exceptions=True)
        with contextlib.suppress(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                for _ in range(2):
                    group.create_task(fail())

    assert found(main()) == []


@pytest.mark.parametrize(
    ("sentence", "headline"),
    [
        (
            "`chop` blocked the loop for 0.5 s (from 0 to 0.5 s).",
            "`chop` blocked the loop for 0.5 s",
        ),
        ("`a: b` was taken up 2,000 times: it polls.", "`a: b` was taken up 2,000 times"),
        ("`a` vanished.", "`a` vanished"),
    ],
)
def test_the_headline_of_a_finding_ends_at_its_first_pause(sentence: str, headline: str) -> None:
    assert Finding(sentence).headline == headline
