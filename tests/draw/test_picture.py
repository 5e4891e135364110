"""What a picture shows is what was recorded: every span, poll, ending and event."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings

from helpers.draw.picture import SLOWEST, Event, picture_of, slowest
from helpers.trace import CancelRequest, LaneKind, Mark, Outcome, Span, TaskState, Trace
from tests.draw.pictured import Program, dinner, kitchen, lane, programs, recorded, run


@pytest.fixture(scope="module")
def evening() -> Trace:
    return recorded(dinner(), unit="minutes")


def drawn(trace: Trace) -> list[Span]:
    """The spans of which bars are drawn, each on the row of its lane."""
    picture = picture_of(trace)
    for bar in picture.bars:
        on = picture.rows[bar.row].lane
        assert on is not None
        assert on.id == bar.span.task
    return sorted(bar.span for bar in picture.bars)


def of_time(trace: Trace) -> list[Span]:
    """The spans that take time; between two calls of a callback nothing of it waits."""
    calls = {one.id for one in trace.lanes if one.kind is LaneKind.CALLBACK}
    return sorted(
        span
        for span in trace.spans
        if span.seconds > 0 and not (span.task in calls and span.state is TaskState.IDLE)
    )


def test_every_span_that_takes_time_is_a_bar_of_its_state(evening: Trace) -> None:
    assert drawn(evening) == of_time(evening)
    roast = evening.task("roast").id
    assert [span[1:4] for span in drawn(evening) if span.task == roast] == [
        (TaskState.IDLE, 10, 40),
        (TaskState.RUNNING, 5, 10),
        (TaskState.RUNNING, 40, 44),
        (TaskState.SCHEDULED, 2, 5),
    ]


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
        steps = Counter(step for one in trace.lanes for step in one.steps)
        assert Counter(tick.step for tick in picture.ticks) == steps


def test_who_made_a_lane_ready_is_told_with_each_of_its_bars(evening: Trace) -> None:
    bars = [bar for bar in picture_of(evening, lanes="dinner").bars if bar.row == 0]
    assert [(bar.span.state, bar.woken_by) for bar in bars] == [
        (TaskState.RUNNING, "start"),
        (TaskState.IDLE, "deadline"),  # until then it was idle
        (TaskState.RUNNING, "deadline"),
    ]


def test_steps_of_one_moment_stand_beside_each_other() -> None:
    trace = run(lane(0, "egg", (0, 0, 0), (0, 0, 0), (0, 0, 4), (9, 9, 9), (9, 9, 9)))
    picture = picture_of(trace)
    # To the right, but at the lane's end to the left, where the mark of the end leaves them room.
    assert [tick.shift for tick in picture.ticks] == [0, 1, 2, -1, 0]
    assert [end.ticks for end in picture.ends] == [0]
    still = picture_of(run(lane(0, "main", (0, 0, 9)), lane(1, "egg", (0, 0, 0), (0, 0, 0))))
    assert [end.ticks for end in still.ends] == [0, 1]  # its mark stands behind the second tick


def test_a_step_that_follows_another_without_a_gap_is_cut_off_from_it(evening: Trace) -> None:
    picture = picture_of(evening)
    salad = [row.name for row in picture.rows].index("salad")
    assert [moment for row, moment in picture.cuts if row == salad] == [12, 14, 16]
    ticks = run(lane(0, "egg", (0, 0, 0), (0, 0, 0), over=9))
    assert picture_of(ticks).cuts == []  # two ticks stand beside each other


def test_a_request_to_stop_that_is_obeyed_at_once_is_said_at_the_end_alone() -> None:
    asked = (CancelRequest(5.0, 0),)
    stopped = Outcome.CANCELLED
    trace = run(
        lane(0, "main", (0, 0, 9)),
        lane(1, "loser", (0, 0, 1), parent=0, over=5, outcome=stopped, cancels=asked),
        lane(2, "stubborn", (0, 0, 1), parent=0, over=8, outcome=stopped, cancels=asked),
    )
    assert picture_of(trace).events == [Event(5, 2, "asked to stop by main")]


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
        (3, 0, "it boils"),
    ]


def test_the_slowest_are_those_that_waited_longest_for_the_chef_then_the_last_to_end() -> None:
    lanes = [lane(n, f"order {n}", (n, n, n)) for n in range(20)]
    lanes[3] = lane(3, "order 3", (0, 9, 10))
    lanes[5] = lane(5, "order 5", (0, 4, 5))
    chosen = slowest(run(*lanes), None, 4)
    assert [one.name for one in chosen] == ["order 3", "order 5", "order 18", "order 19"]


def test_the_lanes_that_the_title_names_are_among_the_slowest() -> None:
    crowd = [lane(n, f"order {n}", (0, 5 + n, 5 + n)) for n in range(1, 1500)]
    late = lane(0, "late", (0, 4000, 4000), over=4000)
    picture = picture_of(run(late, *crowd, lane(1501, "holder", (0, 1600, 3990))))
    assert picture.dense
    assert len(picture.rows) == SLOWEST
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
