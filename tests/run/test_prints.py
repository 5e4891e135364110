"""What a run prints: all of it if it ends by itself, some hundred lines if it does not."""

from __future__ import annotations

import asyncio
import contextlib
import io
import sys
import threading
from typing import Any

import pytest

from helpers import Deadlock, RunTooLong, record
from helpers.run import standins
from helpers.run.standins import MOST_LINES
from tests.run.runs import CLOCKS, recorded


async def counts_to(last: float) -> None:
    number = 0
    while number < last:
        number += 1
        print(number)
        await asyncio.sleep(5)


async def deadlocks() -> None:
    await counts_to(2 * MOST_LINES)
    await asyncio.Event().wait()


@CLOCKS
def test_a_run_that_ends_prints_what_it_prints_without_record(
    clock: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        for number in range(3 * MOST_LINES):
            print(number, end="\n" * (number % 3))
            await asyncio.sleep(0)
        await asyncio.to_thread(print, "from a thread")
        sys.stdout.writelines(["a line\n", "another\n"])
        print("the end", flush=True)

    asyncio.run(main())
    plain = capsys.readouterr().out
    recorded(main(), clock=clock)
    assert capsys.readouterr().out == plain


@pytest.mark.parametrize("limit", [{"max_steps": 2000}, {"until": 5000}])
def test_an_endless_run_prints_its_first_lines_and_how_many_more_there_are(
    limit: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with contextlib.suppress(RunTooLong):
        recorded(counts_to(float("inf")), **limit)
    *lines, more = capsys.readouterr().out.splitlines()
    assert lines == [str(number) for number in range(1, MOST_LINES + 1)]
    assert more.startswith("... and ")
    assert more.endswith(" more lines, which are not shown")
    assert int(more.split()[2].replace(",", "")) >= 1000 - MOST_LINES


def test_a_run_of_few_lines_is_printed_whole_however_it_ends(
    capsys: pytest.CaptureFixture[str],
) -> None:
    recorded(counts_to(float("inf")), until=22)
    assert capsys.readouterr().out == "1\n2\n3\n4\n5\n"


def test_all_that_was_printed_before_a_deadlock_is_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(Deadlock):
        recorded(deadlocks())
    assert len(capsys.readouterr().out.splitlines()) == 2 * MOST_LINES


def test_what_would_fill_the_memory_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(standins, "_MOST_KEPT", 100)
    recorded(counts_to(MOST_LINES + 500))
    assert capsys.readouterr().out.splitlines()[-1] == "... and 500 more lines, which are not shown"


def test_what_the_runs_jobs_print_comes_in_its_order_and_what_other_threads_print_at_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def main() -> None:
        print("\n" * MOST_LINES, end="")
        print("kept")
        await asyncio.to_thread(print, "in order")
        other = threading.Thread(target=print, args=("at once",))
        other.start()
        other.join()

    recorded(main())
    assert capsys.readouterr().out.split() == ["at", "once", "kept", "in", "order"]


def test_a_text_that_is_none_is_refused_as_by_any_output() -> None:
    async def main() -> None:
        print("\n" * MOST_LINES)
        sys.stdout.write(5)  # type: ignore[arg-type]

    with pytest.raises(TypeError):
        recorded(main())


@pytest.mark.parametrize("first", [0, 1], ids=["the first ends first", "the second ends first"])
def test_nothing_of_two_runs_at_a_time_is_left_where_prints_go(first: int) -> None:
    before = sys.stdout
    opened = [threading.Event(), threading.Event()]

    async def held(number: int) -> None:
        opened[number].wait()

    async def main() -> None:
        runs = [asyncio.create_task(record(held(number))) for number in range(2)]
        await asyncio.sleep(0)
        opened[first].set()
        await runs[first]
        opened[1 - first].set()
        await runs[1 - first]
        recorded_after = await record(asyncio.sleep(1))
        assert recorded_after.duration == 1

    asyncio.run(main())
    assert sys.stdout is before


def test_what_the_program_redirects_stays_where_it_was_sent() -> None:
    text = io.StringIO()

    async def main() -> None:
        with contextlib.redirect_stdout(text):
            await counts_to(2 * MOST_LINES)

    recorded(main())
    assert len(text.getvalue().splitlines()) == 2 * MOST_LINES
