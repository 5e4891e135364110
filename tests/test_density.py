"""More than 1000 lanes: the areas hold all the time there was, and the slowest lanes are shown."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.draw import MOST_LANES, density, draw, figure_dict, timeline
from helpers.trace import LaneKind, TaskState, Trace
from tests.pictured import Program, crowd, kitchen, lane, programs, recorded, run

STATES = (TaskState.IDLE, TaskState.SCHEDULED, TaskState.RUNNING)


@pytest.fixture(scope="module")
def thousands() -> Trace:
    return recorded(crowd(2000, sleeps=2, seconds=5))


# -- counting --------------------------------------------------------------------------------------


def test_a_bin_holds_the_average_over_its_time() -> None:
    trace = run(lane(0, "soup", (0, 1, 2)), lane(1, "egg", (2, 2, 2), over=4))
    found = density.counts(trace, 4)
    assert found.width == 1
    assert found.of[TaskState.SCHEDULED] == [1, 0, 0, 0]
    assert found.of[TaskState.RUNNING] == [0, 1, 0, 0]
    assert found.of[TaskState.IDLE] == [0, 0, 1, 1]
    assert found.polls == [0, 1, 1, 0]
    halves = density.counts(trace, 2)
    assert halves.of[TaskState.RUNNING] == [0.5, 0]


@settings(max_examples=60, deadline=None)
@given(programs(), st.integers(1, 50))
def test_the_areas_hold_all_the_time_that_was_spent_in_a_state(program: Program, bins: int) -> None:
    trace = recorded(kitchen(program))
    found = density.counts(trace, bins)
    lanes = [one for one in trace.lanes if one.kind in (LaneKind.TASK, LaneKind.THREAD)]
    for state in STATES:
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
    assert density.counts(trace, 1).of[TaskState.RUNNING] == [1]


def test_the_slowest_are_those_that_waited_longest_for_the_chef_then_the_last_to_end() -> None:
    lanes = [lane(n, f"order {n}", (n, n, n)) for n in range(20)]
    lanes[3] = lane(3, "order 3", (0, 9, 10))
    lanes[5] = lane(5, "order 5", (0, 4, 5))
    chosen = density.slowest(run(*lanes), 4)
    assert [one.name for one in chosen] == ["order 3", "order 5", "order 18", "order 19"]


# -- drawing ---------------------------------------------------------------------------------------


def test_up_to_1000_lanes_each_is_drawn_and_above_their_density() -> None:
    few, many = (
        figure_dict(run(*(lane(n, f"order {n}", (0, 0, 1)) for n in range(count))))
        for count in (MOST_LANES, MOST_LANES + 1)
    )
    assert MOST_LANES == 1000
    assert len(few["layout"]["yaxis"]["ticktext"]) == 1000
    assert not [one for one in few["data"] if "stackgroup" in one]
    assert len([one for one in many["data"] if "stackgroup" in one]) == 3


def test_the_areas_are_stacked_and_hold_the_counts(thousands: Trace) -> None:
    figure = figure_dict(thousands)
    areas = [one for one in figure["data"] if "stackgroup" in one]
    found = density.counts(thousands)
    assert {one["stackgroup"] for one in areas} == {"tasks"}
    for one in areas:
        state = next(s for s in STATES if one["name"].startswith(f"{s}:"))
        assert one["y"][:-1] == pytest.approx(found.of[state], abs=1)
        assert len(one["y"]) == density.BINS + 1
        assert one["x0"] == 0
        assert one["dx"] * density.BINS == pytest.approx(thousands.duration)
    assert max(areas[-1]["y"]) <= len(thousands.tasks)


def test_a_step_that_takes_no_time_is_seen_below_the_areas(thousands: Trace) -> None:
    (ticks,) = [one for one in figure_dict(thousands)["data"] if one["name"] == "steps started"]
    assert sum(ticks["customdata"]) == sum(one.polls for one in thousands.tasks)
    assert len(ticks["x"]) == 3  # all tasks step at 0, at 5 and at 10


def test_the_slowest_lanes_stand_below_and_others_can_be_opened(thousands: Trace) -> None:
    figure = figure_dict(thousands)
    assert len(figure["layout"]["yaxis"]["ticktext"]) == density.SLOWEST
    notes = [note["text"] for note in figure["layout"]["annotations"]]
    assert "the slowest of 2,001 lanes (lanes=[...] opens others)" in notes
    opened = figure_dict(thousands, lanes=["order 7", "order 1234"])
    assert opened["layout"]["yaxis"]["ticktext"] == ["order 7", "order 1234"]
    assert "2 of 2,001 lanes" in [n["text"] for n in opened["layout"]["annotations"]]
    low, high = figure["layout"]["yaxis"]["domain"][1], figure["layout"]["yaxis2"]["domain"][0]
    assert low < high  # the lanes and the areas do not cover each other


def test_it_fits_into_a_fixed_height(thousands: Trace) -> None:
    layout = draw(thousands, height=480).layout
    assert layout["height"] == 480
    assert 0.3 < layout["yaxis2"]["domain"][0] < 0.7


# -- size -----------------------------------------------------------------------------------------


def test_ten_thousand_tasks_are_drawn_in_less_than_50_kilobytes() -> None:
    trace = recorded(crowd(10_000, seconds=0.01))
    assert len(timeline(trace).to_json()) < 50_000
    assert len(json.dumps(figure_dict(trace))) < 50_000


def test_the_lanes_that_the_title_names_are_among_the_slowest() -> None:
    crowd = [lane(n, f"order {n}", (0, 5 + n, 5 + n)) for n in range(1, 1500)]
    late = lane(0, "late", (0, 4000, 4000), over=4000)
    holder = lane(1501, "holder", (0, 1600, 3990))
    trace = run(late, *crowd, holder)
    title = figure_dict(trace)["layout"]["title"]["text"]
    named = {lane.name for lane in density.slowest(trace)}
    assert {"late", "holder"} <= named, title
