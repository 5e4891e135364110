"""What threads and tasks cost: counts that hold anywhere, given numbers, and failures in words."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import costs as module
from helpers.costs import (
    PROBE,
    Cost,
    Costs,
    PerUnit,
    as_time,
    growth,
    in_units,
    measure,
    measure_all,
    per_unit,
)


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """`probe("print(1)")` lets this program answer in place of the probe."""

    def replace(program: str) -> None:
        (tmp_path / "probe.py").write_text(program, encoding="utf-8")
        monkeypatch.setattr(module, "PROBE", tmp_path / "probe.py")

    return replace


# --- what is measured ---


def test_every_kind_and_count_is_measured_and_progress_told_before_each_and_at_the_end() -> None:
    told: list[tuple[int, int, str]] = []
    costs = asyncio.run(
        measure_all((20, 120), repeats=1, progress=lambda *given: told.append(given))
    )
    assert [(c.kind, c.n) for c in costs] == [(k, n) for n in (20, 120) for k in ("thread", "task")]
    assert all(cost.note == "" and cost.seconds and cost.seconds >= 0.01 for cost in costs)
    # A thread each, and main's; tasks share main's.
    assert [cost.threads for cost in costs] == [21, 1, 121, 1]
    assert [(done, total) for done, total, _ in told] == [(n, 4) for n in range(5)]
    assert (told[0][2], told[4][2]) == ("now thread × 20", "done")


def test_a_pool_has_fewer_threads_than_jobs_and_so_takes_longer_than_one_wait() -> None:
    pool = asyncio.run(measure("thread_pool", 100, repeats=1))
    assert pool.threads is not None
    assert pool.threads < 100
    assert pool.seconds is not None
    assert pool.seconds > 0.02


def test_the_event_loop_stays_free_while_it_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def check_output(*_: object, **__: object) -> bytes:
        assert answered.wait(30), "the loop was held"
        return b'{"seconds": 1, "bytes": 1, "threads": 1}'

    async def main() -> Cost:
        measuring = asyncio.create_task(measure("task", 1, repeats=1))
        await asyncio.sleep(0)
        answered.set()
        return await measuring

    monkeypatch.setattr(subprocess, "check_output", check_output)
    assert asyncio.run(main()) == Cost("task", 1, 1.0, bytes=1, threads=1)


def test_python_variables_of_this_environment_do_not_reach_the_measurement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # a child that heeded it could not start
    assert asyncio.run(measure("task", 10, repeats=1)).seconds is not None


def test_the_least_time_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    facts: list[dict[str, float]] = [{"seconds": seconds} for seconds in (5.0, 1.0, 2.0)]
    answers = map(json.dumps, [*facts, {"bytes": 5000, "threads": 1}])
    monkeypatch.setattr(subprocess, "check_output", lambda *_, **__: next(answers))
    assert asyncio.run(measure("task", 10)) == Cost("task", 10, 1.0, bytes=5000, threads=1)


def test_memory_that_shrank_is_none(probe: Callable[[str], None]) -> None:
    probe("""print('{"seconds": 1, "bytes": -4096, "threads": 1}')""")
    assert asyncio.run(measure("task", 10, repeats=1)).bytes == 0


# --- what can go wrong ---


def test_a_number_beyond_what_is_tried_is_answered_in_a_sentence() -> None:
    cost = asyncio.run(measure("thread", 10**9))
    assert cost == Cost("thread", 10**9, note="not tried: more than 20,000 of this kind")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process limit itself so")
def test_threads_that_the_system_refuses_are_answered_in_a_sentence(
    probe: Callable[[str], None],
) -> None:
    limit = 1_000_000_000  # bytes of address space: enough for about 100 stacks
    probe(
        f"import resource, runpy; resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit})); "
        f"runpy.run_path({str(PROBE)!r}, run_name='__main__')"
    )
    cost = asyncio.run(measure("thread", 2000, repeats=1))
    assert cost.seconds is None
    sentence = re.fullmatch(r"the system refused to make more than (\d+): .+", cost.note)
    assert sentence
    assert 0 < int(sentence[1]) < 2000


def test_a_process_that_fails_or_takes_too_long_is_told(
    probe: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    probe("raise SystemExit(3)")
    cost = asyncio.run(measure("task", 10))
    assert cost.seconds is None
    assert "returned non-zero exit status 3" in cost.note
    monkeypatch.setattr(module, "LIMIT", 0.3)
    probe("import threading; threading.Event().wait()")
    assert "timed out after 0.3 seconds" in asyncio.run(measure("task", 10)).note


# --- what is made of the figures ---


def test_costs_are_a_table_with_what_is_measured_and_what_went_wrong() -> None:
    costs = Costs(
        [
            Cost("thread", 1000, 0.156, 16_400_000, 1001),
            Cost("task", 100_000, 1.7412, 126_000_000, 1),
            Cost("thread", 100_000, note="not tried: more than 20,000 of this kind"),
        ]
    )
    assert str(costs).splitlines() == [
        "kind      units    time   memory  time/unit  memory/unit  OS threads",
        "thread    1,000  156 ms  16.4 MB     156 µs      16.4 kB       1,001",
        "task    100,000  1.74 s   126 MB    17.4 µs      1.26 kB           1",
        "thread  100,000       –        –          –            –           –",
        "thread × 100,000: not tried: more than 20,000 of this kind",
        "memory: resident, all units alive; no kernel stacks",
    ]
    assert repr(costs) == str(costs)
    assert [cost.n for cost in costs.of("thread")] == [1000, 100_000]


def test_one_more_unit_costs_the_slope_from_the_fewest_to_the_most() -> None:
    # 10 ms and 500 bytes that all share, then 2 ms and 100 bytes each.
    measured = [Cost("task", n, 0.01 + 0.002 * n, bytes=500 + 100 * n) for n in (10, 1000, 100)]
    measured[2] = Cost("task", 100, 7.0, bytes=1)  # the slope goes by it
    each = per_unit([*measured, Cost("thread", 9, note="refused")])
    assert each["task"].seconds == pytest.approx(0.002)
    assert each["task"].bytes == pytest.approx(100)
    assert each["thread"] == PerUnit(None, None)
    assert str(each["task"]) == "2 ms and 100 B for each further unit"


@given(st.floats(-2, 3), st.floats(1e-6, 1e3), st.sets(st.integers(1, 10**6), min_size=2))
def test_growth_finds_the_exponent_of_a_power_law(
    exponent: float, factor: float, counts: set[int]
) -> None:
    found = growth([(n, factor * n**exponent) for n in counts])
    spread = max(counts) / min(counts)
    assert found == pytest.approx(exponent, abs=1e-9 / (spread - 1) + 1e-9)


def test_times_and_sizes_carry_the_unit_that_fits() -> None:
    assert [as_time(s) for s in (None, 0, 2.5e-7, 0.00123, 0.9, 12.3456, 1234)] == [
        "–", "0 µs", "0.25 µs", "1.23 ms", "900 ms", "12.3 s", "1,234 s"
    ]  # fmt: skip
    assert [in_units(b) for b in (None, 0, 819, 1230, 16.4e6, 2e9)] == [
        "–", "0 B", "819 B", "1.23 kB", "16.4 MB", "2 GB"
    ]  # fmt: skip
