"""The trace: what adds up, whatever the program did; its numbers, names and findings."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import Trace, busy, compare, record, replay, timeline
from helpers.trace import Finding, LaneKind, Outcome, Span, Step, Task, TaskState

# A random program: what one task does, one after the other. Times are whole, so sums are exact.
SIMPLE = st.one_of(
    st.tuples(st.just("busy"), st.integers(0, 3)),
    st.tuples(st.just("sleep"), st.integers(0, 3)),
    st.tuples(st.just("yield"), st.just(0)),
    st.tuples(st.just("thread"), st.integers(0, 2)),
    st.tuples(st.just("raise"), st.just(0)),
)
PROGRAM = st.recursive(
    st.lists(SIMPLE, max_size=4),
    lambda body: st.lists(
        st.one_of(
            SIMPLE,
            st.tuples(st.sampled_from(["spawn", "gather", "group"]), st.lists(body, max_size=3)),
            st.tuples(st.just("cancel"), body),
            st.tuples(st.just("deadline"), body),
        ),
        max_size=4,
    ),
    max_leaves=12,
)


async def follow(program: list[Any], spawned: list[asyncio.Task[Any]]) -> None:
    """Run a random program."""
    for what, value in program:
        if what == "busy":
            busy(value)
        elif what == "sleep":
            await asyncio.sleep(value)
        elif what == "yield":
            await asyncio.sleep(0)
        elif what == "thread":
            await asyncio.to_thread(busy, value)
        elif what == "raise":
            raise ValueError("burnt")
        else:
            await follow_together(what, value, spawned)


async def follow_together(what: str, value: Any, spawned: list[asyncio.Task[Any]]) -> None:
    """Run what a random program does with tasks."""
    if what == "spawn":
        spawned += [asyncio.create_task(follow(body, spawned)) for body in value]
    elif what == "gather":
        await asyncio.gather(*(follow(body, spawned) for body in value), return_exceptions=True)
    elif what == "group":
        async with asyncio.TaskGroup() as group:
            for body in value:
                group.create_task(follow(body, spawned))
    elif what == "cancel":
        task = asyncio.create_task(follow(value, spawned))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    else:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                await follow(value, spawned)


def run(program: list[Any], clock: str = "virtual") -> Trace:
    """The trace of a random program, also of one that raised."""
    try:
        return asyncio.run(record(follow(program, []), clock=clock))
    except (ValueError, ExceptionGroup, TimeoutError) as error:
        trace: Trace = error.trace  # type: ignore[union-attr]
        return trace


@given(PROGRAM)
@settings(max_examples=150, deadline=None)
def test_spans_of_a_task_touch_and_never_overlap_and_add_up_to_its_life(
    program: list[Any],
) -> None:
    trace = run(program)
    for lane in trace.lanes:
        spans = lane.spans
        if not spans:
            assert lane.end == lane.spawned
            continue
        assert spans[0].start == lane.spawned
        assert spans[-1].end == lane.end
        for one, next_one in itertools.pairwise(spans):
            assert one.end == next_one.start
        assert all(span.end >= span.start for span in spans)
        parts = lane.idle + lane.scheduled + lane.busy
        assert parts == pytest.approx(lane.end - lane.spawned)
        assert sum(span.state is TaskState.RUNNING for span in spans) == lane.polls


@given(PROGRAM)
@settings(max_examples=60, deadline=None)
def test_the_chef_is_on_one_task_at_a_time(program: list[Any]) -> None:
    trace = run(program)
    steps = sorted(
        (step.start, step.end)
        for lane in trace.lanes
        for step in lane.steps
        if lane.kind is not LaneKind.THREAD
    )
    for one, next_one in itertools.pairwise(steps):
        assert one[1] <= next_one[0]


@given(PROGRAM)
@settings(max_examples=60, deadline=None)
def test_every_task_has_ended_when_the_run_is_over(program: list[Any]) -> None:
    trace = run(program)
    for task in trace.tasks:
        assert task.outcome is not Outcome.PENDING
        assert task.ended is not None
        assert task.ended <= trace.duration
        assert task.parent is None or trace.by_id[task.parent].spawned <= task.spawned


@given(PROGRAM)
@settings(max_examples=30, deadline=None)
def test_the_same_program_gives_the_same_trace_again(program: list[Any]) -> None:
    one, again = run(program), run(program)
    assert one.lanes == again.lanes
    assert of_the_program(one) == of_the_program(again)


def of_the_program(trace: Trace) -> list[Finding]:
    """The findings but for what a busy machine adds: how long a step really took."""
    return [finding for finding in trace.findings if finding.kind != "really_blocked"]


@given(st.lists(SIMPLE, max_size=3))
@settings(max_examples=8, deadline=None)
def test_on_the_real_clock_the_spans_add_up_as_well(program: list[Any]) -> None:
    small = [(what, value * 0.002) for what, value in program]
    for lane in run([("gather", [small, small])], clock="real").lanes:
        parts = lane.idle + lane.scheduled + lane.busy
        assert parts == pytest.approx(lane.end - lane.spawned)


def a_trace() -> Trace:
    """A trace made by hand: soup waits, is cooked, waits in the oven, is finished."""
    steps = (Step(1, 3, 4, "chef", 0), Step(9, 9, 10, "chef", "timer"))
    soup = Task(1, "soup", 0, 1, 10, Outcome.RETURNED, 10, steps)
    main = Task(0, "main", None, 0, None, Outcome.PENDING, 10, ())
    return Trace((main, soup), 10)


def test_the_life_of_a_task_is_split_where_its_state_changes() -> None:
    soup = a_trace().task("soup")
    assert soup.spans == [
        Span(1, TaskState.SCHEDULED, 1, 3, None, 0),
        Span(1, TaskState.RUNNING, 3, 4, "chef", 0),
        Span(1, TaskState.IDLE, 4, 9, None, "timer"),
        Span(1, TaskState.RUNNING, 9, 10, "chef", "timer"),
    ]
    assert (soup.polls, soup.busy, soup.scheduled, soup.idle) == (2, 2, 2, 5)


def test_a_task_that_never_ran_was_scheduled_all_its_life() -> None:
    assert a_trace().task("main").spans == [Span(0, TaskState.SCHEDULED, 0, 10, None)]


@pytest.mark.parametrize("eager", [False, True])
@given(st.lists(st.lists(st.integers(0, 2), max_size=3), max_size=9))
@settings(max_examples=40, deadline=None)
def test_steps_stand_in_the_order_in_which_they_ran_also_within_an_instant(
    eager: bool, sleeps: list[list[int]]
) -> None:
    factory = getattr(asyncio, "eager_task_factory", None)
    if eager and factory is None:
        pytest.skip("eager tasks came with Python 3.12; this is an older one")
    ran: list[str] = []

    async def cook(name: str, waits: list[int]) -> None:
        ran.append(name)
        for wait in waits:
            await asyncio.sleep(wait)
            ran.append(name)

    async def main() -> None:
        if eager:
            asyncio.get_running_loop().set_task_factory(factory)
        cooks = [asyncio.create_task(cook(f"{n}", s), name=f"{n}") for n, s in enumerate(sleeps)]
        await asyncio.wait(cooks) if cooks else None

    trace = asyncio.run(record(main()))
    steps = [(trace.by_id[number], n) for number, n in trace.steps_in_order]
    assert [lane.name for lane, _ in steps if lane.name != "main"] == ran
    assert all(lane.steps[n].start <= trace.duration for lane, n in steps)


def test_without_a_sequence_of_its_own_a_trace_has_its_steps_in_the_order_of_its_lanes() -> None:
    def lane(number: int, *starts: float) -> Task:
        steps = tuple(Step(at, at, at, "chef", None) for at in starts)
        return Task(number, "", None, 0.0, 9.0, Outcome.RETURNED, 9.0, steps)

    lanes = (lane(7, 0.0, 2.0), lane(4, 1.0, 2.0))
    assert Trace(lanes, 9.0).steps_in_order == ((7, 0), (4, 0), (7, 1), (4, 1))
    assert Trace(lanes, 9.0, sequence=(7, 4, 4, 7)).steps_in_order == (
        (7, 0),
        (4, 0),
        (4, 1),
        (7, 1),
    )
    assert Trace(lanes, 9.0, sequence=(7, 4, 4)).steps_in_order == ((7, 0), (4, 0), (7, 1), (4, 1))


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(KeyError, match="no task named 'cake'.*it has main and soup"):
        a_trace().task("cake")


def test_wakers_have_names() -> None:
    trace = a_trace()
    assert [trace.name_of(who) for who in (1, "timer", None, 77)] == [
        "soup", "timer", "nobody known", "task 77",
    ]  # fmt: skip


def test_a_trace_can_be_copied_and_pickled_with_its_findings() -> None:
    finding = Finding("`soup` blocked the loop.", kind="blocked", task=1)
    again = pickle.loads(pickle.dumps(finding))
    assert (again, again.kind, again.task) == (finding, "blocked", 1)


def test_a_trace_says_in_one_line_what_it_is() -> None:
    assert repr(a_trace()) == "<Trace of 2 tasks, 10 s, virtual clock>"


def test_a_cell_gets_the_figure_and_the_text_twin() -> None:
    bundle = a_trace()._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.plotly.v1+json", "text/plain"}
    assert bundle["text/plain"] == str(a_trace())


def test_each_field_of_a_recorded_trace_can_be_the_first_that_is_read() -> None:
    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(1))

    whole = asyncio.run(record(main(), lines=True))
    assert whole.lanes
    for field in dataclasses.fields(Trace):
        fresh = asyncio.run(record(main(), lines=True))
        if field.name not in ("findings", "result"):
            assert getattr(fresh, field.name) == getattr(whole, field.name), field.name


@pytest.mark.parametrize(
    "show",
    [
        timeline,
        replay,
        lambda given: compare(given, a_trace()),
        lambda given: compare(a_trace(), given),
    ],
)
def test_a_record_that_nobody_awaits_is_told_by_whatever_shows_a_trace(show: Any) -> None:
    run = record(asyncio.sleep(0))
    with pytest.raises(TypeError, match=r"`await record\(...\)` gives, got <coroutine"):
        show(run)
    asyncio.run(run)
