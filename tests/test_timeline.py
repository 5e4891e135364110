"""The figure: what is drawn is what was recorded, every poll is seen, and nothing is cut off."""

from __future__ import annotations

import copy
import itertools
import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import plotly.io
import pytest
from hypothesis import given, settings

from helpers import text as words
from helpers.draw import PLOTLY, bars, draw, figure_dict, mimebundle, timeline
from helpers.draw.theme import OUTCOMES, STATES
from helpers.trace import CancelRequest, Finding, LaneKind, Mark, Outcome, TaskState, Trace
from tests.pictured import Program, crowd, dinner, kitchen, lane, programs, recorded, run

PROJECT = Path(__file__).resolve().parents[1]
TRACES = settings(max_examples=60, deadline=None)


@pytest.fixture(scope="module")
def evening() -> Trace:
    return recorded(dinner(), unit="minutes")


def traces(figure: dict[str, Any] | Any) -> dict[str, dict[str, Any]]:
    """The figure's traces by their names."""
    plain = figure if isinstance(figure, dict) else json.loads(figure.to_json())
    return {one["name"]: one for one in plain["data"]}


def said(figure: dict[str, Any]) -> list[str]:
    return [note["text"] for note in figure["layout"]["annotations"]]


def labels(figure: dict[str, Any]) -> dict[float, str]:
    """The names at the left, by row."""
    notes = figure["layout"]["annotations"]
    return {
        note["y"]: note["text"] for note in notes if note.get("yref") == "y" and "ax" not in note
    }


def rows(figure: dict[str, Any]) -> list[str]:
    return list(figure["layout"]["yaxis"]["ticktext"])


def drawn_bars(figure: dict[str, Any]) -> list[tuple[str, str, float, float]]:
    """Every bar as (row's name, state's words, from, how long)."""
    found = traces(figure)
    return sorted(
        (rows(figure)[y], look.words, base, x)
        for look in STATES.values()
        if (one := found.get(look.words))
        for y, base, x in zip(one["y"], one["base"], one["x"], strict=True)
    )


def recorded_bars(trace: Trace) -> list[tuple[str, str, float, float]]:
    return sorted(
        (one.name, STATES[span.state].words, round(span.start, 9), round(span.seconds, 9))
        for one in trace.lanes
        for span in one.spans
        if span.seconds > 0 and not (one.kind is LaneKind.CALLBACK and span.state is TaskState.IDLE)
    )


# -- what is drawn ---------------------------------------------------------------------------------


def test_timeline_returns_a_figure_and_shows_nothing(
    evening: Trace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert isinstance(timeline(evening), go.Figure)
    assert capsys.readouterr().out == ""


def test_every_span_that_takes_time_is_a_bar_of_its_state(evening: Trace) -> None:
    figure = figure_dict(evening)
    assert drawn_bars(figure) == recorded_bars(evening)
    roast = [bar[1:] for bar in drawn_bars(figure) if bar[0] == "roast"]
    assert roast == [
        ("idle: in the oven", 10, 30),
        ("running: the chef is on it", 5, 5),
        ("running: the chef is on it", 40, 4),
        ("scheduled: ready, no chef free", 2, 3),
    ]


@TRACES
@given(programs())
def test_of_any_program_each_span_is_drawn_and_each_poll_has_a_tick(program: Program) -> None:
    trace = recorded(kitchen(program))
    figure = figure_dict(trace)
    found = traces(figure)
    ticks = found["steps"]
    polls = sum(one.polls for one in trace.lanes)
    assert len(ticks["x"]) == len(ticks["y"]) == len(ticks["customdata"]) == polls
    assert sum(
        len(found[mark.words]["x"]) for mark in OUTCOMES.values() if mark.words in found
    ) == len([one for one in trace.lanes if one.kind is not LaneKind.CALLBACK])
    if trace.duration:
        assert drawn_bars(figure) == recorded_bars(trace)
        starts = sorted((one.name, step.start) for one in trace.lanes for step in one.steps)
        assert (
            sorted((rows(figure)[y], x) for x, y in zip(ticks["x"], ticks["y"], strict=True))
            == starts
        )


def test_a_state_is_one_trace_of_bars_with_its_colour_and_pattern(evening: Trace) -> None:
    for state, look in STATES.items():
        one = traces(figure_dict(evening))[look.words]
        assert (one["type"], one["orientation"]) == ("bar", "h")
        assert one["marker"]["color"] == look.colour
        assert one["marker"].get("pattern", {}).get("shape", "") == look.pattern, state
        assert one["width"] == look.height


def test_a_step_that_takes_no_time_is_a_tick_of_a_fixed_size_in_pixels() -> None:
    trace = run(lane(0, "egg", (0, 0, 0), (5, 5, 5), (9, 9, 9)))
    found = traces(figure_dict(trace))
    assert STATES[TaskState.RUNNING].words not in found  # no bar has a width
    assert found["steps"]["x"] == [0, 5, 9]
    marker = found["steps"]["marker"]
    assert marker["line"]["width"] >= 3
    assert marker["size"] * 1.4 >= 20
    assert marker["line"]["color"] == STATES[TaskState.RUNNING].colour


def test_steps_of_one_moment_stand_beside_each_other() -> None:
    trace = run(lane(0, "egg", (0, 0, 0), (0, 0, 0), (0, 0, 4), (9, 9, 9), (9, 9, 9)))
    marker = traces(figure_dict(trace))["steps"]["marker"]
    assert marker["standoff"] == [0, 5, 10, 5, 0]
    # To the right, but at the lane's end to the left, where the mark of the end leaves them room.
    assert marker["angle"] == [-90, -90, -90, 90, -90]


def test_a_step_that_follows_another_without_a_gap_is_cut_off_from_it(evening: Trace) -> None:
    cuts = traces(figure_dict(evening))["cuts between steps"]
    salad = rows(figure_dict(evening)).index("salad")
    assert [x for x, y in zip(cuts["x"], cuts["y"], strict=True) if y == salad] == [12, 14, 16]
    assert cuts["marker"]["line"]["color"] == "#ffffff"


def test_waiting_stays_in_the_picture_after_a_task_has_ended(evening: Trace) -> None:
    waits = [bar for bar in drawn_bars(figure_dict(evening)) if bar[1].startswith("scheduled")]
    assert ("salad", "scheduled: ready, no chef free", 2, 8) in waits


# -- lanes -----------------------------------------------------------------------------------------


def test_every_lane_is_named_and_its_label_has_room(evening: Trace) -> None:
    figure = figure_dict(evening)
    assert labels(figure) == {0: "dinner", 1: "soup", 2: "roast", 3: "salad"}
    assert figure["layout"]["margin"]["l"] >= 14 + words.pixels("salad")


def test_a_name_of_80_characters_keeps_its_ends_and_is_whole_in_the_hover() -> None:
    name = "wash_and_peel_" + "x" * 52 + "_and_cut_them"
    figure = figure_dict(run(lane(0, name, (0, 0, 1))))
    (label,) = labels(figure).values()
    assert len(label) <= 30
    assert label.startswith("wash_and_peel_x")
    assert label.endswith("_cut_them")
    assert rows(figure) == [name]
    assert 40 < figure["layout"]["margin"]["l"] < 300


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "$x^2$ & co", "a\nb", "スープ", ""])
def test_a_name_is_shown_as_it_is_whatever_is_in_it(name: str) -> None:
    figure = figure_dict(run(lane(0, name, (0, 0, 1))))
    text = json.dumps([rows(figure), list(labels(figure).values())])
    assert "<" not in text
    assert "$" not in text
    assert "\\n" not in text
    timeline(run(lane(0, name, (0, 0, 1))))  # plotly accepts it


def test_children_stand_under_their_parents_in_spawn_order_and_further_to_the_right() -> None:
    trace = run(
        lane(0, "main", (0, 0, 9)),
        lane(1, "left", (0, 0, 9), parent=0),
        lane(2, "right", (0, 0, 9), parent=0),
        lane(3, "left's", (0, 0, 9), parent=1),
        lane(4, "arm", (0, 0, 9), parent=2, kind=LaneKind.BRANCH),
    )
    figure = figure_dict(trace)
    assert rows(figure) == ["main", "left", "left's", "right", "arm"]
    shifts = [n["xshift"] for n in figure["layout"]["annotations"] if n.get("yref") == "y"]
    assert [shift - shifts[0] for shift in shifts] == [0, 14, 28, 14, 28]


def test_callbacks_and_work_in_threads_have_sections_of_their_own() -> None:
    trace = run(
        lane(0, "main", (0, 0, 9)),
        lane(1, "ring", (3, 3, 3), (6, 6, 6), kind=LaneKind.CALLBACK),
        lane(2, "grind", (0, 1, 5), parent=0, kind=LaneKind.THREAD, thread="helper 1"),
    )
    figure = figure_dict(trace)
    assert rows(figure) == [
        "chefs", "chef", "helper 1", "tasks", "main", "callbacks, called by the loop", "ring",
        "work in threads", "grind",
    ]  # fmt: skip
    # Between its calls a callback is not in the oven: it does not live, and so does not end.
    assert not [bar for bar in drawn_bars(figure) if bar[0] == "ring"]
    assert rows(figure).index("ring") not in traces(figure)["returned"]["y"]


def test_a_chef_s_row_says_who_was_worked_on_when() -> None:
    trace = run(
        lane(0, "boil", (0, 0, 5), thread="worker-1"),
        lane(1, "bake", (0, 0, 3), thread="worker-2"),
        lane(2, "chop", (0, 3, 6), thread="worker-2"),
        lane(3, "arm", (0, 3, 6), thread="worker-2", parent=2, kind=LaneKind.BRANCH),
        workers=2,
        source="tokio",
    )
    figure = figure_dict(trace)
    chefs = traces(figure)["what each chef works on"]
    works = zip(chefs["y"], chefs["base"], chefs["x"], chefs["text"], strict=True)
    assert [(rows(figure)[y], *rest) for y, *rest in works] == [
        ("worker-1", 0, 5, "boil"),
        ("worker-2", 0, 3, "bake"),
        ("worker-2", 3, 3, "chop"),  # and not the branch, which is polled inside it
    ]
    assert "2 chefs" in figure["layout"]["title"]["subtitle"]["text"]
    assert "real Tokio" in figure["layout"]["title"]["subtitle"]["text"]


def test_a_chef_who_finds_nothing_to_do_has_a_row_too() -> None:
    one = lane(0, "boil", (0, 0, 5), thread="worker-2")
    figure = figure_dict(run(one, workers=3, source="model"))
    assert rows(figure)[:4] == ["chefs", "worker-1", "worker-2", "worker-3"]
    assert "a model" in figure["layout"]["title"]["subtitle"]["text"]


def test_a_chef_s_short_step_is_seen_by_a_tick() -> None:
    trace = run(
        lane(0, "boil", (0, 0, 0.001), (9, 9, 10), thread="w1"),
        lane(1, "x", (0, 0, 5), thread="w2"),
    )
    figure = figure_dict(trace)
    ticks = traces(figure)["short steps of each chef"]
    assert [(x, rows(figure)[y]) for x, y in zip(ticks["x"], ticks["y"], strict=True)] == [
        (0, "w1")
    ]


def test_few_lanes_are_zoomed_along_the_time_alone_and_many_both_ways() -> None:
    for count, fixed in ((40, True), (41, False)):
        figure = figure_dict(run(*(lane(n, f"order {n}", (0, 0, 1)) for n in range(count))))
        assert figure["layout"]["yaxis"]["fixedrange"] is fixed


def test_one_chef_has_no_row_of_its_own(evening: Trace) -> None:
    assert rows(figure_dict(evening)) == ["dinner", "soup", "roast", "salad"]


def test_lanes_are_chosen_by_name_or_id(evening: Trace) -> None:
    assert rows(figure_dict(evening, lanes=["salad", 1])) == ["soup", "salad"]
    assert rows(figure_dict(evening, lanes="roast")) == ["roast"]
    with pytest.raises(KeyError, match="no lane 'cake' in this trace; it has dinner, soup"):
        timeline(evening, lanes=["cake"])


# -- endings and events ----------------------------------------------------------------------------


def test_each_lane_ends_with_the_mark_and_the_word_of_its_outcome() -> None:
    trace = run(
        lane(0, "main", (0, 0, 9)),
        lane(1, "burn", (0, 0, 4), parent=0, outcome=Outcome.RAISED, error="ValueError: black"),
        lane(2, "late", (0, 0, 5), parent=0, outcome=Outcome.CANCELLED, over=6,
             cancels=(CancelRequest(6, 0),)),
        lane(3, "slow", (0, 0, 7), parent=0, outcome=Outcome.PENDING, over=9),
    )  # fmt: skip
    found = traces(figure_dict(trace))
    seen = {}
    for outcome, mark in OUTCOMES.items():
        one = found[mark.words]
        assert one["marker"]["symbol"] == mark.symbol
        assert one["marker"]["color"] == mark.colour
        seen[outcome] = [(x, y, text.strip("\u00a0")) for x, y, text in
                         zip(one["x"], one["y"], one["text"], strict=True)]  # fmt: skip
    assert seen == {
        Outcome.RETURNED: [(9, 0, "returned")],
        Outcome.RAISED: [(4, 1, "raised ValueError")],
        Outcome.CANCELLED: [(6, 2, "cancelled by main")],
        Outcome.PENDING: [(9, 3, "still pending")],
    }
    assert found["raised"]["customdata"] == ["raised ValueError: black"]
    assert len({found[mark.words]["marker"]["symbol"] for mark in OUTCOMES.values()}) == 4


def test_a_task_that_vanished_is_told_apart_from_one_that_is_still_pending() -> None:
    lost = Finding("`soup` vanished before it had ended.", kind="vanished", task=0)
    trace = run(
        lane(0, "soup", (0, 0, 0), over=6, outcome=Outcome.PENDING),
        lane(1, "egg", (0, 0, 0), over=9, outcome=Outcome.PENDING),
        findings=(lost,),
    )
    pending = traces(figure_dict(trace))[OUTCOMES[Outcome.PENDING].words]
    assert pending["customdata"] == ["vanished", "still pending"]


@pytest.mark.parametrize("over", [2.0, 8.0, 10.0])
def test_the_word_at_a_lane_s_end_is_never_cut_off(over: float) -> None:
    trace = run(
        lane(0, "a_canceller_of_a_long_name", (0, 0, 10)),
        lane(1, "x", (0, 0, 1), over=over, outcome=Outcome.CANCELLED,
             cancels=(CancelRequest(over, 0),)),
    )  # fmt: skip
    layout = figure_dict(trace)["layout"]
    axis = 600 - layout["margin"]["l"] - layout["margin"]["r"]  # in a cell of 600 pixels
    end = axis * over / 10
    words_end = end + 24 + words.pixels("cancelled by a_canceller_of_a_long", 11)
    assert words_end <= axis + layout["margin"]["r"]


def test_the_legend_explains_each_state_and_the_endings_that_occur(evening: Trace) -> None:
    figure = figure_dict(evening)
    for look in STATES.values():
        assert look.words in said(figure)
        assert look.colour in [shape.get("fillcolor") for shape in figure["layout"]["shapes"]]
    assert "returned" in said(figure)
    assert "cancelled" not in said(figure)


def test_the_legend_s_signs_are_the_marks_of_the_endings() -> None:
    for outcome, mark in OUTCOMES.items():
        trace = run(lane(0, "egg", (0, 0, 1), outcome=outcome, over=2))
        signs = figure_dict(trace)["layout"]["shapes"][-2:]
        own = [
            s for s in signs if mark.colour in (s.get("fillcolor"), s.get("line", {}).get("color"))
        ]
        kinds = {sign["type"] for sign in own}
        shape = {"circle": "circle", "square": "rect", "x": "line"}[mark.symbol.partition("-")[0]]
        assert kinds == {shape}
        assert ("fillcolor" in own[0]) == (not mark.symbol.endswith("open"))


def test_marks_and_deadlines_are_written_above_with_a_line_to_their_lane() -> None:
    trace = run(
        lane(0, "main", (0, 0, 1), (9, 9, 10), cancels=(CancelRequest(9.0, "deadline"),)),
        lane(1, "pot", (0, 0, 4), parent=0),
        marks=(Mark(1.0, None, "cards are written"), Mark(3.0, 1, "it boils")),
    )
    notes = [note for note in figure_dict(trace)["layout"]["annotations"] if "ax" in note]
    assert [(n["text"], n["x"], n["y"]) for n in notes] == [
        ("cards are written", 1, 1),
        ("it boils", 3, 1),
        ("deadline: time is up", 9, 0),
    ]
    for note in notes:
        assert note["ay"] < -0.5  # above the first row
        # The text goes to the side that has more room, so that it is not cut at the edge.
        assert note["xanchor"] == ("left" if note["x"] <= 5 else "right")
    assert notes[0]["ay"] != notes[1]["ay"]  # they would cover each other in one line


def test_a_request_to_stop_that_is_obeyed_at_once_is_said_at_the_end_alone() -> None:
    trace = run(
        lane(0, "main", (0, 0, 9)),
        lane(1, "loser", (0, 0, 1), parent=0, over=5, outcome=Outcome.CANCELLED,
             cancels=(CancelRequest(5.0, 0),)),
        lane(2, "stubborn", (0, 0, 1), parent=0, over=8, outcome=Outcome.CANCELLED,
             cancels=(CancelRequest(5.0, 0),)),
    )  # fmt: skip
    figure = figure_dict(trace)
    assert [n["y"] for n in figure["layout"]["annotations"] if "ax" in n] == [2]
    events = traces(figure)["marks and requests to stop"]
    assert (events["y"], events["text"]) == ([2], ["asked to stop by main"])


# -- words -----------------------------------------------------------------------------------------


def test_hovering_tells_state_from_to_how_long_and_who_woke_it(evening: Trace) -> None:
    figure = figure_dict(evening)
    one = traces(figure)["scheduled: ready, no chef free"]
    assert one["customdata"] == [["3 min", "dinner"], ["8 min", "dinner"]]
    for part in ("%{y}", "scheduled", "%{base} to %{x} min", "%{customdata[0]}", "woken by"):
        assert part in one["hovertemplate"]
    idle = traces(figure)["idle: in the oven"]
    assert idle["customdata"][0] == ["43 min", "a deadline"]
    ticks = traces(figure)["steps"]
    assert ["takes no time", "salad"] in ticks["customdata"]


def test_the_title_is_the_message_and_the_subtitle_says_what_ran(evening: Trace) -> None:
    title = figure_dict(evening)["layout"]["title"]
    plain = re.sub(r"<[^>]+>", "", title["text"])
    assert plain == "salad is ready at 2 min and waits 8 min for a free chef"
    assert title["subtitle"]["text"] == "dinner · virtual clock · 4 tasks · 46 min · one chef"


def test_a_title_of_one_s_own_is_shown_as_written_in_lines_that_fit(evening: Trace) -> None:
    wish = "The `salad` is ready & waits < 10 minutes, because one chef cannot be in two places"
    figure = figure_dict(evening, title=wish)
    text = figure["layout"]["title"]["text"]
    assert '<span style="font-family:monospace">salad</span>' in text
    assert text.count("<br>") == 1
    assert "&amp; waits &lt; 10" in text
    assert figure["layout"]["margin"]["t"] > figure_dict(evening)["layout"]["margin"]["t"]


@pytest.mark.parametrize(
    ("options", "unit", "axis", "end"),
    [
        ({}, None, "seconds", 0.5),
        ({"unit": "minutes"}, None, "kitchen minutes", 0.5),
        ({"clock": "real"}, None, "milliseconds", 500),
        ({"clock": "real"}, "seconds", "seconds", 0.5),
        ({}, "milliseconds", "milliseconds", 500),
    ],
)
def test_the_axis_says_its_unit(
    options: dict[str, str], unit: str | None, axis: str, end: float
) -> None:
    layout = figure_dict(run(lane(0, "egg", (0, 0, 0.5)), **options), unit=unit)["layout"]
    assert layout["xaxis"]["title"]["text"] == axis
    assert layout["xaxis"]["range"] == [0, end]


def test_a_long_run_on_the_real_clock_is_in_seconds() -> None:
    layout = figure_dict(run(lane(0, "egg", (0, 0, 1.5)), clock="real"))["layout"]
    assert layout["xaxis"]["title"]["text"] == "seconds"


def test_an_unknown_unit_is_an_error_that_names_the_known_ones(evening: Trace) -> None:
    with pytest.raises(ValueError, match="'minutes', 'seconds', 'milliseconds', got 'hours'"):
        timeline(evening, unit="hours")


# -- unusual runs ----------------------------------------------------------------------------------


async def nothing() -> None:
    pass


@pytest.mark.parametrize(
    "trace",
    [
        Trace((), 0.0),
        run(lane(0, "egg", (0, 0, 0))),
        run(lane(0, "egg", over=3.0)),
        Trace((), 0.0, findings=(Finding("`boil()` was never awaited.", kind="never_awaited"),)),
        run(lane(0, "egg", (0, 0, 1e-7)), clock="real"),
        run(lane(0, "egg", (0, 0, 1e6))),
    ],
    ids=["empty", "no time", "no step", "findings alone", "tiny", "huge"],
)
def test_an_unusual_run_has_a_sane_picture(trace: Trace) -> None:
    figure = timeline(trace)
    assert 120 <= figure.layout.height <= 900
    low, high = figure.layout.xaxis.range
    assert high > low
    assert figure.layout.title.text


def test_a_run_in_which_no_time_passes_is_drawn_step_by_step_and_says_so() -> None:
    trace = run(
        lane(0, "main", (0, 0, 0, "start"), (0, 0, 0, 2)),
        lane(1, "soup", (0, 0, 0, 0), (0, 0, 0, 1), parent=0),
        lane(2, "egg", (0, 0, 0, 0), parent=0),
        sequence=(0, 1, 2, 1, 0),
    )
    figure = figure_dict(trace)
    steps = [bar for bar in drawn_bars(figure) if bar[1].startswith("running")]
    assert sorted((base, name) for name, _, base, _ in steps) == [
        (0, "main"), (1, "soup"), (2, "egg"), (3, "soup"), (4, "main"),
    ]  # fmt: skip
    assert len(drawn_bars(figure)) == 5  # nobody waits where no time passes
    assert "no time passes" in figure["layout"]["xaxis"]["title"]["text"]
    assert "no time passes" in figure["layout"]["title"]["text"]


def test_heights_are_sane_from_one_lane_to_a_thousand() -> None:
    heights = []
    for count in (1, 4, 12, 40, 200, 999):
        lanes = [lane(n, f"order {n}", (0, 0, 1)) for n in range(count)]
        figure = figure_dict(run(*lanes))
        heights.append(figure["layout"]["height"])
        shown = list(labels(figure))
        pitch = (figure["layout"]["height"] - 90 - 92) / count
        assert all(b - a >= 12 / max(pitch, 0.7) for a, b in itertools.pairwise(shown))
        assert shown
    assert heights == sorted(heights)
    assert 170 < heights[0] < 300
    assert heights[-1] <= 900


# -- size -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tasks", "kilobytes"),
    [(4, 8), (30, 16), (300, 60), (999, 160)],
)
def test_a_figure_stays_small(tasks: int, kilobytes: float) -> None:
    figure = timeline(recorded(crowd(tasks - 1, sleeps=2)))
    assert len(figure.to_json()) < kilobytes * 1024


# -- in a notebook ---------------------------------------------------------------------------------


def test_a_trace_shows_as_plotly_would_send_it_with_the_twin_beside_it(
    evening: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plotly.io.renderers, "default", "plotly_mimetype")  # as in a notebook
    bundle = mimebundle(evening)
    assert set(bundle) == {PLOTLY, "text/plain"}
    assert bundle["text/plain"] == str(evening)
    sent = timeline(evening)._repr_mimebundle_()
    assert bundle == sent
    assert sorted(bundle[PLOTLY]) == ["config", "data", "layout"]
    # In JupyterLab a responsive figure is as low as its cell happens to be, and not as it says.
    assert "responsive" not in bundle[PLOTLY]["config"]
    assert bundle[PLOTLY] == json.loads(json.dumps(bundle[PLOTLY]))  # plain JSON types
    assert bundle == evening._repr_mimebundle_()


def test_a_figure_is_shown_by_ipython_with_the_twin_as_its_text(
    evening: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from IPython.core.formatters import DisplayFormatter

    monkeypatch.setattr(plotly.io.renderers, "default", "plotly_mimetype")
    data, _ = DisplayFormatter().format(timeline(evening))
    assert data == mimebundle(evening)


def test_the_same_run_gives_the_same_figure_to_the_byte() -> None:
    one, other = (json.dumps(mimebundle(recorded(dinner(), unit="minutes"))) for _ in range(2))
    assert one == other
    assert "uid" not in one


def test_a_figure_keeps_its_text_through_copy_and_pickle(evening: Trace) -> None:
    figure = timeline(evening, title="Dinner is late")
    for twin in (copy.deepcopy(figure), pickle.loads(pickle.dumps(figure))):
        shown = twin._repr_mimebundle_()
        assert shown["text/plain"].startswith("Dinner is late\n")
        assert shown == figure._repr_mimebundle_()


def test_plotly_s_renderer_can_be_chosen_for_pages_of_html(
    evening: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLOTLY_RENDERER", "notebook_connected")
    monkeypatch.setattr(plotly.io.renderers, "default", "notebook_connected")
    bundle = mimebundle(evening)
    assert "text/html" in bundle
    assert bundle["text/plain"] == str(evening)


def test_a_trace_shows_where_plotly_is_not_installed() -> None:
    script = """
import sys
sys.modules["plotly"] = None
from helpers.draw import mimebundle
from tests.pictured import dinner, recorded
print(*mimebundle(recorded(dinner())))
"""
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    environment.pop("PLOTLY_RENDERER", None)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, env=environment, capture_output=True, text=True
    )
    assert done.stdout.split() == [PLOTLY, "text/plain"], done.stderr[-500:]


def test_a_fixed_height_leaves_room_below_few_lanes(evening: Trace) -> None:
    layout = draw(evening, height=480).layout
    assert layout["height"] == 480
    assert layout["yaxis"]["range"][0] > 5


def test_the_numbers_of_the_quick_pass_are_those_of_the_record(evening: Trace) -> None:
    for one in evening.lanes:
        assert bars.waited(one) == (one.scheduled, one.idle)


def test_the_legend_names_the_events_and_what_became_of_a_lost_task() -> None:
    lost = lane(1, "soup", (0, 0, 1), outcome=Outcome.PENDING, over=4)
    found = (Finding("`soup` vanished.", kind="vanished", task=1),)
    marked = (Mark(2, 0, "here"),)
    figure = figure_dict(run(lane(0, "main", (0, 0, 5)), lost, findings=found, marks=marked))
    texts = [note["text"] for note in figure["layout"]["annotations"]]
    assert "vanished" in texts
    assert "still pending" not in texts
    assert "an event: its words are above" in texts
    plain = figure_dict(run(lane(0, "main", (0, 0, 5))))
    texts = [note["text"] for note in plain["layout"]["annotations"]]
    assert "an event: its words are above" not in texts


def test_the_line_below_the_title_counts_threads_that_worked_beside_the_chef() -> None:
    works = lane(1, "chop", (0, 0, 3), kind=LaneKind.THREAD, thread="helper 1")
    figure = figure_dict(run(lane(0, "main", (0, 0, 5)), works))
    assert figure["layout"]["title"]["subtitle"]["text"].endswith("one chef and 1 thread")
