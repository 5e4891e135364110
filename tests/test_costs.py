"""What threads and tasks cost: relations with room, and an answer in words for what goes wrong."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import _cost_child
from helpers.costs import (
    Cost,
    Costs,
    PerUnit,
    as_size,
    as_time,
    growth,
    measure,
    measure_all,
    per_unit,
)

ON_LINUX = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux lets a process limit its own memory so"
)


@pytest.fixture
def children() -> Callable[[], set[psutil.Process]]:
    """The processes this test has started that are still there, also dead and not reaped."""
    others = set(psutil.Process().children(recursive=True))
    return lambda: set(psutil.Process().children(recursive=True)) - others


def say(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Let this program answer in place of the probe."""
    monkeypatch.setattr(_cost_child, "command", lambda *_: [sys.executable, "-c", program])


@pytest.fixture(scope="module")
def costs() -> Costs:
    return asyncio.run(measure_all((20, 400), ("thread", "task", "task_group"), repeats=2))


# --- what is measured ---


def test_every_kind_and_count_is_measured_in_the_order_asked_for(costs: Costs) -> None:
    kinds = ["thread", "task", "task_group"]
    assert [(c.kind, c.n) for c in costs] == [(k, n) for n in (20, 400) for k in kinds]
    assert all(c.note == "" for c in costs)


def test_making_the_units_is_a_part_of_the_whole_time(costs: Costs) -> None:
    for cost in costs:
        assert cost.making is not None
        assert cost.seconds is not None
        assert 0 < cost.making < cost.seconds


def test_a_task_takes_less_memory_than_a_thread(costs: Costs) -> None:
    each = per_unit(costs)
    assert each["thread"].bytes is not None
    for kind in ("task", "task_group"):
        memory = each[kind].bytes
        assert memory is not None
        assert 0 < memory * 3 < each["thread"].bytes


def test_a_task_takes_less_time_than_a_thread(costs: Costs) -> None:
    thread, task = costs.of("thread")[-1], costs.of("task")[-1]
    assert thread.making is not None
    assert task.making is not None
    assert task.making * 2 < thread.making


def test_the_number_of_os_threads_grows_with_threads_and_not_with_tasks(costs: Costs) -> None:
    few, many = (c.threads for c in costs.of("thread"))
    assert few is not None
    assert many is not None
    assert many - few == 380
    few, many = (c.threads for c in costs.of("task"))
    assert few is not None
    assert few == many


@ON_LINUX
def test_most_of_a_threads_address_space_is_never_touched(costs: Costs) -> None:
    cost = costs.of("thread")[-1]
    assert cost.virtual_bytes is not None
    assert cost.bytes is not None
    assert cost.virtual_bytes > 10 * cost.bytes


def test_a_pool_has_fewer_threads_than_jobs_and_so_takes_longer() -> None:
    pool = asyncio.run(measure("thread_pool", 100, repeats=1))
    assert pool.threads is not None
    assert pool.threads < 100
    assert pool.seconds is not None
    assert pool.seconds > 0.02


def test_the_event_loop_stays_free_while_it_is_measured() -> None:
    async def main() -> int:
        ticks = 0
        measuring = asyncio.create_task(measure("thread_pool", 200, repeats=1))
        while not measuring.done():
            await asyncio.sleep(0.005)
            ticks += 1
        return ticks

    # A loop that was held would tick once a process.
    assert asyncio.run(main()) > 8


def test_a_loop_that_cannot_start_processes_will_do() -> None:
    class Kernel(asyncio.SelectorEventLoop):
        async def subprocess_exec(self, *args: Any, **kwargs: Any) -> Any:
            raise NotImplementedError

    with asyncio.Runner(loop_factory=Kernel) as runner:
        assert runner.run(measure("task", 10, repeats=1)).seconds is not None


def test_python_variables_of_this_environment_do_not_reach_the_measurement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # a child that heeded it could not start
    assert asyncio.run(measure("task", 10, repeats=1)).seconds is not None


def test_progress_is_told_before_each_measurement_and_at_the_end() -> None:
    told: list[tuple[int, int, str]] = []
    asyncio.run(measure_all((5, 10), ("task",), repeats=1, progress=lambda *a: told.append(a)))
    assert [(done, total) for done, total, _ in told] == [(0, 2), (1, 2), (2, 2)]
    assert told[0][2] == "now task × 5"
    assert told[1][2].startswith("task × 5: ")
    assert told[1][2].endswith("each; now task × 10")
    assert told[2][2].endswith("; done")


# --- what can go wrong ---


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"kind": "fiber"}, "kind is 'fiber'; one of thread, thread_pool, task, task_group was"),
        ({"n": 0}, "n is 0; a whole number from 1"),
        ({"n": -5}, "n is -5"),
        ({"n": 2.5}, "n is 2.5"),
        ({"n": True}, "n is True"),
        ({"n": "10"}, "n is '10'"),
        ({"repeats": 0}, "repeats is 0; a whole number from 1"),
        ({"limit": 0}, "limit is 0; seconds above 0"),
        ({"limit": float("nan")}, "limit is nan"),
        ({"limit": None}, "limit is None"),
    ],
)
def test_bad_input_is_told_what_was_expected(arguments: dict[str, Any], sentence: str) -> None:
    good: dict[str, Any] = {"kind": "task", "n": 10}
    with pytest.raises(ValueError, match=sentence):
        asyncio.run(measure(**(good | arguments)))


def test_bad_input_to_a_comparison_is_refused_before_anything_is_measured() -> None:
    told: list[Any] = []
    with pytest.raises(ValueError, match="kind is 'fiber'"):
        asyncio.run(measure_all((10,), ("task", "fiber"), progress=lambda *a: told.append(a)))
    assert told == []


def test_a_number_beyond_what_is_tried_is_answered_in_a_sentence() -> None:
    start = time.perf_counter()
    cost = asyncio.run(measure("thread", 10**9))
    assert time.perf_counter() - start < 20
    assert (cost.seconds, cost.bytes) == (None, None)
    assert cost.note == "not tried: more than 20,000 of this kind"
    assert str(cost) == "thread × 1,000,000,000: not tried: more than 20,000 of this kind"


@ON_LINUX
def test_threads_that_the_system_refuses_are_answered_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments = ["probe", "thread", "2000", "0.01"]
    limit = 1_000_000_000  # bytes of address space: enough for about 100 stacks
    say(
        monkeypatch,
        f"import resource, runpy, sys; sys.argv = {arguments}; "
        f"resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit})); "
        f"runpy.run_path({str(_cost_child.PROBE)!r}, run_name='__main__')",
    )
    cost = asyncio.run(measure("thread", 2000, repeats=1))
    assert cost.seconds is None
    said = re.fullmatch(r"the system refused to make more than (\d+): .+", cost.note)
    assert said
    assert 0 < int(said[1]) < 2000


DOCTORED = [
    ("", "gave no measurement: it said nothing"),
    ("raise SystemExit('no luck')", "ended with code 1 and gave no measurement: no luck"),
    ("print('soup')", "answered 'soup', which is no measurement"),
    ("print('s' * 5000)", "answered 'ssss"),
    ("print('[1, 2]')", "answered '[1, 2]', which is no measurement"),
    ("print(3)", "answered '3', which is no measurement"),
    ("print('{}')", "answered '{}', which is no measurement"),
    ("print('null')", "answered 'null', which is no measurement"),
    ('print(\'{"seconds": 1, "making": 2}\')', "which is no measurement"),
    ('print(\'{"seconds": -1, "making": -2}\')', "which is no measurement"),
    ('print(\'{"seconds": 0, "making": 0}\')', "which is no measurement"),
    ('print(\'{"seconds": NaN, "making": 0}\')', "which is no measurement"),
    ('print(\'{"seconds": Infinity, "making": 0}\')', "which is no measurement"),
    ('print(\'{"seconds": true, "making": 0}\')', "which is no measurement"),
    ('print(\'{"seconds": "1", "making": 0}\')', "which is no measurement"),
    ('print(\'{"refused": "no", "made": "many"}\')', "which is no measurement"),
    ("import sys; sys.stdout.buffer.write(b'\\xff\\xfe')", "which is no measurement"),
]


@pytest.mark.parametrize(("program", "sentence"), DOCTORED)
def test_an_answer_that_is_none_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, program: str, sentence: str
) -> None:
    say(monkeypatch, program)
    cost = asyncio.run(measure("task", 10, repeats=1))
    assert cost.seconds is None
    assert sentence in cost.note
    assert len(cost.note) < 120


MEMORY = '{"resident": 9000, "virtual": null, "threads": 1}'


@pytest.mark.parametrize(
    ("memory", "note"),
    [
        (f'{{"before": {MEMORY}}}', "memory is not known: the process answered"),
        (f'{{"before": {MEMORY}, "alive": 7}}', "memory is not known: the process answered"),
        (f'{{"before": {MEMORY}, "alive": {MEMORY.replace("1", "-1")}}}', "memory is not known"),
        (f'{{"before": {MEMORY}, "alive": {MEMORY.replace("1", "1.5")}}}', "memory is not known"),
        (
            f'{{"before": {MEMORY}, "alive": {MEMORY.replace("9000", "null")}}}',
            "memory is not known: this system does not tell it",
        ),
    ],
)
def test_where_memory_is_not_known_the_time_still_is(
    monkeypatch: pytest.MonkeyPatch, memory: str, note: str
) -> None:
    program = (
        f"import sys; print({memory!r} if sys.argv[1] == 'hold' else "
        f"""'{{"seconds": 0.5, "making": 0.25}}')"""
    )
    monkeypatch.setattr(
        _cost_child, "command", lambda kind, n, wait: [sys.executable, "-c", program, wait]
    )
    cost = asyncio.run(measure("task", 10, repeats=1))
    assert (cost.seconds, cost.making, cost.bytes) == (0.5, 0.25, None)
    assert cost.note.startswith(note)
    assert note in str(cost)


def test_memory_that_shrank_is_no_memory_and_a_median_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    grown = iter([5000, 1000, 9000])

    async def ask(kind: str, n: int, wait: str, limit: float) -> dict[str, Any]:
        if wait != "hold":
            return {"seconds": 1.0, "making": 0.5}
        before = {"resident": 10_000, "virtual": 50_000, "threads": 1}
        alive = {"resident": 10_000 + next(grown), "virtual": 40_000, "threads": 1}
        return {"before": before, "alive": alive}

    monkeypatch.setattr("helpers.costs.ask", ask)
    cost = asyncio.run(measure("task", 10))
    assert cost == Cost("task", 10, 1.0, 0.5, bytes=5000, virtual_bytes=0, threads=1)


def test_a_process_over_its_time_is_ended_and_told(
    monkeypatch: pytest.MonkeyPatch, children: Callable[[], set[psutil.Process]]
) -> None:
    say(monkeypatch, "import time; time.sleep(60)")
    start = time.perf_counter()
    cost = asyncio.run(measure("task", 10, limit=0.3))
    assert time.perf_counter() - start < 20
    assert cost.note == "the process was ended: no answer within 0.3 s"
    assert not children()


def test_where_no_process_can_be_started_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cost_child, "command", lambda *_: ["/nowhere/python"])
    cost = asyncio.run(measure("task", 10))
    assert cost.note.startswith("no process could be started here: ")


@pytest.mark.parametrize("times", [1, 3])
def test_a_cancel_ends_the_process_and_leaves_none(
    monkeypatch: pytest.MonkeyPatch, children: Callable[[], set[psutil.Process]], times: int
) -> None:
    say(monkeypatch, "import time; time.sleep(60)")

    async def main() -> None:
        measuring = asyncio.create_task(measure_all((10,), repeats=1))
        while not children():
            await asyncio.sleep(0.01)
        for _ in range(times):
            measuring.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await measuring
        assert not children()

    start = time.perf_counter()
    asyncio.run(main())
    assert time.perf_counter() - start < 20


def test_a_cancelled_process_is_awaited_to_its_end_while_the_loop_is_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = []

    def slow_end(child: Any, limit: float) -> tuple[str, str]:
        said: tuple[str, str] = child.communicate()
        time.sleep(0.5)
        ended.append(child.returncode)
        return said

    async def main() -> int:
        ticks = 0
        measuring = asyncio.create_task(measure("task", 10))
        await asyncio.sleep(0.01)
        while not measuring.done():
            measuring.cancel()  # again and again
            await asyncio.sleep(0.005)
            ticks += 1
        assert measuring.cancelled()
        assert len(ended) == 1
        return ticks

    monkeypatch.setattr(_cost_child, "_talk", slow_end)
    assert asyncio.run(main()) > 8


# --- what is made of the figures ---


def test_costs_are_a_table_with_what_is_measured_and_what_went_wrong() -> None:
    costs = Costs(
        [
            Cost("thread", 1000, 0.156, 0.145, 16_400_000, 9_000_000_000, 1001),
            Cost("task", 100_000, 1.7412, 1.1, 126_000_000, 0, 1),
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
    assert str(costs[0]) == "thread × 1,000: 156 ms, 16.4 MB of memory, 16.4 kB each"


def test_one_more_unit_costs_the_slope_from_the_fewest_to_the_most() -> None:
    # 10 ms and 500 bytes that all share, then 2 ms and 100 bytes each.
    made = [Cost("task", n, 0.01 + 0.002 * n, bytes=500 + 100 * n) for n in (10, 1000, 100)]
    made[2] = Cost("task", 100, 7.0, bytes=1)  # the slope goes by it
    each = per_unit([*made, Cost("thread", 9, note="refused"), Cost("one", 4, 2.0)])
    assert each["task"].seconds == pytest.approx(0.002)
    assert each["task"].bytes == pytest.approx(100)
    assert each["thread"] == PerUnit(None, None)
    assert each["one"] == PerUnit(0.5, None)
    assert str(each["task"]) == "2 ms and 100 B for each further unit"


@settings(deadline=None)  # a busy machine is no failure
@given(st.floats(-2, 3), st.floats(1e-6, 1e3), st.sets(st.integers(1, 10**6), min_size=2))
def test_growth_finds_the_exponent_of_a_power_law(
    exponent: float, factor: float, counts: set[int]
) -> None:
    fit = growth([(n, factor * n**exponent) for n in counts])
    spread = max(counts) / min(counts)
    assert fit.exponent == pytest.approx(exponent, abs=1e-9 / (spread - 1) + 1e-9)
    for n in counts:
        assert fit.at(n) == pytest.approx(factor * n**exponent, rel=1e-6)


def test_growth_goes_between_points_that_lie_on_no_line() -> None:
    fit = growth([(1, 1), (10, 20), (10, 5), (100, 100), (1000, None)])
    assert fit.exponent == pytest.approx(1)
    assert fit.at(10) == pytest.approx(10)


@pytest.mark.parametrize(
    ("points", "sentence"),
    [
        ([], "growth needs two different n at least, but got "),
        ([(10, 1.0), (10, 2.0)], "growth needs two different n"),
        ([(10, 1.0), (20, None)], "growth needs two different n"),
        ([(0, 1.0), (10, 2.0)], r"numbers above 0 were expected, but got the point \(0, 1.0\)"),
        ([(1, 1.0), (10, -2.0)], r"the point \(10, -2.0\)"),
        ([(1, 1.0), (10, float("nan"))], r"the point \(10, nan\)"),
    ],
)
def test_growth_of_points_that_have_none_is_told(points: list[Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        growth(points)


def test_times_and_sizes_carry_the_unit_that_fits() -> None:
    assert [as_time(s) for s in (None, 0, 2.5e-7, 0.00123, 0.9, 12.3456, 1234)] == [
        "–", "0 µs", "0.25 µs", "1.23 ms", "900 ms", "12.3 s", "1,234 s"
    ]  # fmt: skip
    assert [as_size(b) for b in (None, 0, 819, 1230, 16.4e6, 2e9)] == [
        "–", "0 B", "819 B", "1.23 kB", "16.4 MB", "2 GB"
    ]  # fmt: skip
