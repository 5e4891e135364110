"""What a picture shows is what was recorded: every span, poll, ending, event, and count."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import busy, record
from helpers import text as words
from helpers.draw.picture import SLOWEST, Picture, counts, picture_of, slowest
from helpers.draw.text import text_of
from helpers.task import CancelRequest
from helpers.trace import LaneKind, Mark, Outcome, Span, TaskState, Trace
from tests.draw.pictured import Program, dinner, kitchen, lane, programs, recorded, run


@pytest.fixture(scope="module")
def evening() -> Trace:
    return recorded(dinner(), unit="minutes")


def drawn(trace: Trace) -> list[Span]:
    """The spans that take time of which bars are drawn, each on the row of its lane."""
    picture = picture_of(trace)
    for bar in picture.bars:
        on = picture.rows[bar.row].lane
        assert on is not None
        assert on.id == bar.span.task
    return sorted(bar.span for bar in picture.bars if bar.span.seconds > 0)


def of_time(trace: Trace) -> list[Span]:
    """The spans that take time; between two calls of a callback nothing of it waits."""
    calls = {one.id for one in trace.lanes if one.kind is LaneKind.CALLBACK}
    return sorted(
        span
        for span in trace.spans
        if span.seconds > 0 and not (span.task in calls and span.state is TaskState.IDLE)
    )


@settings(max_examples=60, deadline=None)
@given(programs())
def test_of_any_program_each_span_has_a_bar_each_poll_a_tick_each_task_an_end(
    program: Program,
) -> None:
    trace = recorded(kitchen(program))
    picture = picture_of(trace)
    assert len(picture.ticks) == sum(one.polls for one in trace.lanes)
    ended = [one for one in trace.lanes if one.kind is not LaneKind.CALLBACK]
    assert len(picture.ends) == len(ended)
    if trace.duration:
        assert drawn(trace) == of_time(trace)
        steps = Counter(step[1:5] for one in trace.lanes for step in one.steps)
        assert Counter(tick.span[2:] for tick in picture.ticks) == steps


def test_who_made_a_lane_ready_is_told_with_each_of_its_bars(evening: Trace) -> None:
    bars = [bar for bar in picture_of(evening, lanes="dinner").bars if bar.row == 0]
    assert [(bar.span.state, bar.span.woken_by) for bar in bars] == [
        (TaskState.RUNNING, "start"),
        (TaskState.IDLE, "deadline"),  # until then it was idle
        (TaskState.RUNNING, "deadline"),
    ]


def test_steps_of_one_moment_stand_beside_each_other() -> None:
    trace = run(lane(0, "egg", (0, 0, 0), (0, 0, 0), (0, 0, 4), (9, 9, 9), (9, 9, 9)))
    picture = picture_of(trace)
    # To the right, but at the lane's end to the left, where the mark of the end leaves them room.
    assert [tick.shift for tick in picture.ticks] == [0, 1, 2, -1, 0]
    still = picture_of(run(lane(0, "main", (0, 0, 9)), lane(1, "egg", (0, 0, 0), (0, 0, 0))))
    assert [tick.shift for tick in still.ticks] == [0, 0, 1]


def test_a_request_to_stop_that_is_obeyed_at_once_is_said_at_the_end_alone() -> None:
    asked = (CancelRequest(5.0, 0),)
    stopped = Outcome.CANCELLED
    trace = run(
        lane(0, "main", (0, 0, 9)),
        lane(1, "loser", (0, 0, 1), parent=0, over=5, outcome=stopped, cancels=asked),
        lane(2, "stubborn", (0, 0, 1), parent=0, over=8, outcome=stopped, cancels=asked),
    )
    assert picture_of(trace).events == [Mark(5, 2, "asked to stop by main")]


def test_marks_and_deadlines_are_events_in_order_of_time() -> None:
    trace = run(
        lane(0, "main", (0, 0, 1), (9, 9, 10), cancels=(CancelRequest(9.0, "deadline"),)),
        lane(1, "pot", (0, 0, 4), parent=0),
        marks=(Mark(3.0, 1, "it boils"), Mark(1.0, None, "cards are written")),
    )
    assert picture_of(trace).events == [
        (1, None, "cards are written"),
        (3, 1, "it boils"),
        (9, 0, "deadline: time is up"),
    ]
    assert picture_of(trace, lanes="pot").events == [
        (1, None, "cards are written"),
        (3, 1, "it boils"),
    ]


@pytest.mark.parametrize("whose", ["loop's own work", "garbage collector"])
def test_how_long_a_pause_took_is_said_first_so_that_no_figure_s_room_cuts_the_number(
    whose: str,
) -> None:
    for seconds in (0.0004, 0.0258, 0.987, 12.3456, 98765.4):
        one = lane(0, "main", (0, 0, 2 * seconds))
        paused = run(one, clock="real", pauses=((0.0, seconds, whose),))
        (event,) = picture_of(paused).events
        took = words.seconds(seconds, exact=False)
        assert event.text == f"{took} of the {whose}"
        assert words.shorten(event.text, 16).startswith(took)  # no words are shorter


def test_the_slowest_are_those_that_waited_longest_for_the_chef_then_the_last_to_end() -> None:
    lanes = [lane(n, f"order {n}", (n, n, n)) for n in range(20)]
    lanes[3] = lane(3, "order 3", (0, 9, 10))
    lanes[5] = lane(5, "order 5", (0, 4, 5))
    chosen = slowest(run(*lanes), 4)
    assert [one.name for one in chosen] == ["order 3", "order 5", "order 18", "order 19"]


def test_the_lanes_that_the_title_names_are_among_the_slowest() -> None:
    crowd = [lane(n, f"order {n}", (0, 5 + n, 5 + n)) for n in range(1, 1500)]
    late = lane(0, "late", (0, 4000, 4000), over=4000)
    picture = picture_of(run(late, *crowd, lane(1501, "holder", (0, 1600, 3990))))
    assert picture.density
    assert len(picture.lanes) == SLOWEST
    assert {"late", "holder"} <= {row.name for row in picture.rows}


@pytest.mark.parametrize(
    ("options", "unit", "axis", "end"),
    [
        ({}, None, "seconds", 0.5),
        ({"unit": "minutes"}, None, "kitchen minutes", 0.5),
        ({"clock": "real"}, None, "milliseconds", 500),
        ({}, "milliseconds", "milliseconds", 500),
    ],
)
def test_the_axis_says_its_unit(
    options: dict[str, str], unit: str | None, axis: str, end: float
) -> None:
    picture = picture_of(run(lane(0, "egg", (0, 0, 0.5)), **options), unit=unit)
    assert picture.axis.axis == axis
    assert picture.axis.at(picture.trace.duration) == end


def test_an_unknown_unit_is_an_error_that_names_the_known_ones(evening: Trace) -> None:
    with pytest.raises(ValueError, match="'minutes', 'seconds', 'milliseconds', got 'hours'"):
        picture_of(evening, unit="hours")


# -- rows ------------------------------------------------------------------------------------------


def names(picture: Picture) -> list[str]:
    return [row.name for row in picture.rows]


def order(trace: Trace) -> list[str]:
    """The lanes' names in the order of their steps."""
    return [
        name for _, name in sorted((s.start, one.name) for one in trace.lanes for s in one.steps)
    ]


def test_children_stand_under_their_parents_in_spawn_order() -> None:
    trace = run(
        lane(0, "main", (0, 0, 9)),
        lane(1, "left", (0, 0, 9), parent=0),
        lane(2, "right", (0, 0, 9), parent=0),
        lane(3, "left's", (0, 0, 9), parent=1),
        lane(4, "arm", (0, 0, 9), parent=2, kind=LaneKind.BRANCH),
    )
    rows = picture_of(trace).rows
    assert [(row.name, row.depth) for row in rows] == [
        ("main", 0), ("left", 1), ("left's", 2), ("right", 1), ("arm", 2),
    ]  # fmt: skip


def test_callbacks_and_work_in_threads_have_sections_of_their_own() -> None:
    trace = run(
        lane(0, "main", (0, 0, 9)),
        lane(1, "ring", (3, 3, 3), (6, 6, 6), kind=LaneKind.CALLBACK),
        lane(2, "grind", (0, 1, 5), parent=0, kind=LaneKind.THREAD, thread="helper 1"),
    )
    picture = picture_of(trace)
    assert names(picture) == [
        "chefs", "chef", "helper 1", "tasks", "main", "callbacks, called by the loop", "ring",
        "work in threads", "grind",
    ]  # fmt: skip
    # Between its calls a callback is not in the oven: it does not live, and so does not end.
    ring = names(picture).index("ring")
    assert ring not in [bar.row for bar in picture.bars if bar.span.seconds > 0]
    assert ring not in [row for row, _ in picture.ends]


def test_a_chef_s_row_says_who_was_worked_on_when() -> None:
    trace = run(
        lane(0, "boil", (0, 0, 5), thread="worker-1"),
        lane(1, "bake", (0, 0, 3), thread="worker-2"),
        lane(2, "chop", (0, 3, 6), thread="worker-2"),
        lane(3, "arm", (0, 3, 6), thread="worker-2", parent=2, kind=LaneKind.BRANCH),
        workers=2,
    )
    picture = picture_of(trace)
    works = [
        (picture.rows[row].name, span.start, trace.by_id[span.task].name)
        for row, span, *_ in picture.works
    ]
    assert works == [
        ("worker-1", 0, "boil"),
        ("worker-2", 0, "bake"),
        ("worker-2", 3, "chop"),  # and not the branch, which is polled inside it
    ]


def test_a_chef_who_finds_nothing_to_do_has_a_row_too_and_one_chef_alone_has_none() -> None:
    one = lane(0, "boil", (0, 0, 5), thread="worker-2")
    picture = picture_of(run(one, workers=3, source="model"))
    assert names(picture)[:4] == ["chefs", "worker-1", "worker-2", "worker-3"]
    assert names(picture_of(run(one))) == ["boil"]


def test_lanes_are_chosen_by_name_or_id() -> None:
    evening = recorded(dinner(), unit="minutes")
    assert names(picture_of(evening, lanes=["salad", 1])) == ["soup", "salad"]
    assert names(picture_of(evening, lanes="roast")) == ["roast"]
    with pytest.raises(KeyError, match="no task named 'cake' in this trace; it has dinner, soup"):
        picture_of(evening, lanes=["cake"])


# -- where no time passes --------------------------------------------------------------------------


def test_each_step_has_a_place_of_its_own_and_nobody_waits() -> None:
    trace = run(
        lane(0, "main", (0, 0, 0, "start"), (0, 0, 0, 2)),
        lane(1, "soup", (0, 0, 0, 0), (0, 0, 0, 1), parent=0),
        lane(2, "egg", (0, 0, 0, 0), parent=0),
        sequence=(0, 1, 2, 1, 0),
    )
    picture = picture_of(trace)
    assert order(picture.trace) == ["main", "soup", "egg", "soup", "main"]
    assert sorted((bar.span.start, bar.row) for bar in picture.bars) == [
        (0, 0), (1, 1), (2, 2), (3, 1), (4, 0),
    ]  # fmt: skip
    assert [(one.spawned, one.end) for one in picture.trace.lanes] == [(0, 5), (1, 4), (2, 3)]
    assert "no time passes" in picture.axis.axis
    assert "no time passes" in picture.title


@settings(max_examples=60, deadline=None)
@given(programs(with_threads=False))
def test_of_any_run_each_step_has_one_place_behind_its_lane_s_last_one(program: Program) -> None:
    trace = recorded(kitchen([step for step in program if step[0] not in ("busy", "sleep")]))
    if trace.duration:
        return
    places = [[step.start for step in one.steps] for one in picture_of(trace).trace.lanes]
    assert sorted(itertools.chain(*places)) == list(range(len(trace.steps_in_order)))
    assert all(of_lane == sorted(of_lane) for of_lane in places)


# -- counting --------------------------------------------------------------------------------------


def test_a_bin_holds_the_average_over_its_time() -> None:
    trace = run(lane(0, "soup", (0, 1, 2)), lane(1, "egg", (2, 2, 2), over=4))
    found = counts(trace, 4)
    assert found.width == 1
    assert found.of[TaskState.SCHEDULED] == [1, 0, 0, 0]
    assert found.of[TaskState.RUNNING] == [0, 1, 0, 0]
    assert found.of[TaskState.IDLE] == [0, 0, 1, 1]
    assert found.polls == [0, 1, 1, 0]
    halves = counts(trace, 2)
    assert halves.of[TaskState.RUNNING] == [0.5, 0]


@settings(max_examples=60, deadline=None)
@given(programs(), st.integers(1, 50))
def test_the_areas_hold_all_the_time_that_was_spent_in_a_state(program: Program, bins: int) -> None:
    trace = recorded(kitchen(program))
    found = counts(trace, bins)
    lanes = [one for one in trace.lanes if one.kind in (LaneKind.TASK, LaneKind.THREAD)]
    for state in TaskState:
        spent = sum(span.seconds for one in lanes for span in one.spans if span.state is state)
        assert sum(found.of[state]) * found.width == pytest.approx(spent)
        assert len(found.of[state]) == bins
        assert min(found.of[state]) > -1e-9
    assert sum(found.polls) == sum(one.polls for one in lanes)


def test_a_branch_is_counted_as_a_part_of_its_task_and_a_callback_not_at_all() -> None:
    trace = run(
        lane(0, "main", (0, 0, 4)),
        lane(1, "arm", (0, 0, 4), parent=0, kind=LaneKind.BRANCH),
        lane(2, "ring", (0, 0, 4), kind=LaneKind.CALLBACK),
    )
    assert counts(trace, 1).of[TaskState.RUNNING] == [1]


@pytest.mark.parametrize("called", [0, 1])
def test_the_only_chefs_row_shows_all_that_the_chef_does(called: int) -> None:
    def ring() -> None:
        busy(0.001)

    async def turns() -> None:
        for _ in range(300):
            busy(0.001)
            for _ in range(called):
                asyncio.get_running_loop().call_soon(ring)
            await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(*(turns() for _ in range(42)))

    trace = asyncio.run(record(main()))
    picture = picture_of(trace)
    assert picture.density is not None
    [(chef, found)] = [x for x in picture.crowded.items() if picture.rows[x[0]].thread == "chef"]
    assert found == counts(trace, len(found.polls), picture.rows[chef])
    assert sum(found.polls) == len(trace.by_chef["chef"])
    assert min(found.of[TaskState.RUNNING]) == pytest.approx(1), "the chef is never free"


def test_a_trace_that_is_shown_again_keeps_nothing_more() -> None:
    def ring() -> None:
        busy(0.5)

    async def main() -> None:
        asyncio.get_running_loop().call_soon(ring)
        await asyncio.gather(*(asyncio.to_thread(busy, 1) for _ in range(33)))
        asyncio.create_task(asyncio.sleep(1), name="never begun")

    trace = asyncio.run(record(main()))
    kept = []
    for _ in range(3):
        assert str(trace) == text_of(picture_of(trace))
        kept.append(len(vars(trace)["_known"]))
    assert kept[0] == kept[1] == kept[2] > 0
