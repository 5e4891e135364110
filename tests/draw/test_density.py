"""More than 1000 lanes: the areas hold all the time there was, and the slowest lanes are shown."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.draw import density, figure_dict
from helpers.draw.picture import MOST_LANES, MOST_LIVE_LANES, SLOWEST, picture_of
from helpers.trace import LaneKind, TaskState, Trace
from tests.draw.pictured import Program, crowd, kitchen, lane, programs, recorded, run

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
    assert len(figure["layout"]["yaxis"]["ticktext"]) == SLOWEST
    notes = [note["text"] for note in figure["layout"]["annotations"]]
    assert "the slowest of 2,001 lanes (lanes=[...] opens others)" in notes
    opened = figure_dict(thousands, lanes=["order 7", "order 1234"])
    assert opened["layout"]["yaxis"]["ticktext"] == ["order 7", "order 1234"]
    assert "2 of 2,001 lanes" in [n["text"] for n in opened["layout"]["annotations"]]
    low, high = figure["layout"]["yaxis"]["domain"][1], figure["layout"]["yaxis2"]["domain"][0]
    assert low < high  # the lanes and the areas do not cover each other


def test_a_live_figure_goes_over_to_the_density_sooner_and_fits_into_its_height() -> None:
    trace = run(*(lane(n, f"order {n}", (0, 0, 1)) for n in range(MOST_LIVE_LANES + 1)))
    assert not picture_of(trace).dense
    layout = figure_dict(trace, height=480)["layout"]
    assert layout["height"] == 480
    assert 0.3 < layout["yaxis2"]["domain"][0] < 0.7
    assert "the slowest of 201 lanes" in [note["text"] for note in layout["annotations"]]


def test_where_no_time_passes_steps_run_one_after_another_and_nobody_waits() -> None:
    figure = figure_dict(recorded(crowd(1500, seconds=0)))
    areas = {
        one["name"].partition(":")[0]: one["y"] for one in figure["data"] if "stackgroup" in one
    }
    assert set(areas["running"]) == {1}
    assert set(areas["idle"]) == set(areas["scheduled"]) == {0}
