"""Which lanes a picture has, in which order; where no time passes, in the order of their steps."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings

from helpers.draw.picture import Picture, picture_of
from helpers.draw.rows import in_order, no_time_passes
from helpers.trace import CancelRequest, LaneKind, Trace
from tests.draw.pictured import Program, dinner, kitchen, lane, programs, recorded, run


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
    assert ring not in [bar.row for bar in picture.bars]
    assert ring not in [end.row for end in picture.ends]


def test_a_chef_s_row_says_who_was_worked_on_when() -> None:
    trace = run(
        lane(0, "boil", (0, 0, 5), thread="worker-1"),
        lane(1, "bake", (0, 0, 3), thread="worker-2"),
        lane(2, "chop", (0, 3, 6), thread="worker-2"),
        lane(3, "arm", (0, 3, 6), thread="worker-2", parent=2, kind=LaneKind.BRANCH),
        workers=2,
    )
    picture = picture_of(trace)
    works = [(picture.rows[row].name, step.start, one.name) for row, step, one in picture.works]
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
    with pytest.raises(KeyError, match="no lane 'cake' in this trace; it has dinner, soup"):
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


def test_a_request_to_stop_has_no_place_where_no_time_passes() -> None:
    main = lane(0, "main", (0, 0, 0, "start"), cancels=(CancelRequest(0.0, "stop"),))
    picture = picture_of(run(main))
    assert picture.by_step
    assert picture.events == [(0, 0, "asked to stop by Stop")]
    assert picture.placed_events == []


@settings(max_examples=60, deadline=None)
@given(programs(with_threads=False))
def test_of_any_run_each_step_has_one_place_behind_its_lane_s_last_one(program: Program) -> None:
    trace = recorded(kitchen([step for step in program if step[0] not in ("busy", "sleep")]))
    if not no_time_passes(trace):
        return
    places = [[step.start for step in one.steps] for one in in_order(trace).lanes]
    assert sorted(itertools.chain(*places)) == list(range(len(trace.steps_in_order)))
    assert all(of_lane == sorted(of_lane) for of_lane in places)
