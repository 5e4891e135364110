"""The figure: plotly's JSON of a picture, with nothing cut off, and how a notebook shows it."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import plotly.io
import pytest
from hypothesis import given, settings
from IPython.core.formatters import DisplayFormatter

from helpers import text as words
from helpers.draw import timeline
from helpers.draw.picture import MOST_LANES, SLOWEST, picture_of
from helpers.draw.plot import LINE
from helpers.draw.theme import EVENT, OUTCOMES, PLOTLY, STATES, STEPS_BEGIN
from helpers.task import CancelRequest
from helpers.trace import Finding, Mark, Outcome, Trace
from tests.draw.pictured import (
    UNUSUAL,
    Program,
    crowd,
    dinner,
    figure_dict,
    kitchen,
    lane,
    programs,
    recorded,
    run,
)

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def thousands() -> Trace:
    return recorded(crowd(2000, sleeps=2, seconds=5))


@pytest.fixture(scope="module")
def evening() -> Trace:
    return recorded(dinner(), unit="minutes")


def traces(figure: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The figure's traces by their names."""
    return {one["name"]: one for one in figure["data"]}


def labels(figure: dict[str, Any]) -> dict[float, str]:
    """The names at the left, by row."""
    notes = figure["layout"]["annotations"]
    return {
        note["y"]: re.sub(r"<[^>]+>", "", note["text"])
        for note in notes
        if note.get("yref") == "y" and "ax" not in note
    }


def legend(figure: dict[str, Any]) -> list[str]:
    """The lines of the legend, without their colours."""
    text = figure["layout"]["annotations"][0]["text"]
    return [re.sub(r"<[^>]+>", "", line) for line in text.split("<br>")]


def rows(figure: dict[str, Any]) -> list[str]:
    return list(figure["layout"]["yaxis"]["ticktext"])


# -- what is drawn ---------------------------------------------------------------------------------


def test_timeline_returns_a_figure_and_shows_nothing(
    evening: Trace, capsys: pytest.CaptureFixture[str]
) -> None:
    figure = timeline(evening)
    assert isinstance(figure, go.Figure)
    assert capsys.readouterr().out == ""
    assert json.loads(figure.to_json()) == figure_dict(evening)


@settings(max_examples=60, deadline=None)
@given(programs())
def test_the_json_holds_every_bar_tick_and_end_of_the_picture(program: Program) -> None:
    picture = picture_of(recorded(kitchen(program)))
    figure = figure_dict(picture.run)
    assert rows(figure) == [row.name for row in picture.rows]
    found, at = traces(figure), picture.axis.at
    none: dict[str, Any] = {"y": [], "base": [], "x": []}
    for state, look in STATES.items():
        one = found.get(look.words, none)
        bars = [bar for bar in picture.bars if bar.span.state is state and bar.span.seconds > 0]
        assert list(zip(one["y"], one["base"], one["x"], strict=True)) == [
            (bar.row, at(bar.span.start), at(bar.span.seconds)) for bar in bars
        ]
    assert list(zip(found["steps"]["y"], found["steps"]["x"], strict=True)) == [
        (tick.row, at(tick.span.start)) for tick in picture.ticks
    ]
    for outcome, mark in OUTCOMES.items():
        one = found.get(mark.words, none)
        assert list(zip(one["y"], one["x"], strict=True)) == [
            (row, at(lane.end)) for row, lane in picture.ends if lane.outcome is outcome
        ]


def test_the_mark_of_an_end_stands_behind_the_ticks_of_that_moment() -> None:
    still = run(lane(0, "main", (0, 0, 9)), lane(1, "egg", (0, 0, 0), (0, 0, 0)))
    main, egg = traces(figure_dict(still))["returned"]["marker"]["standoff"]
    assert egg > main  # there are two ticks, and no place to the left of them


def test_a_step_that_follows_another_without_a_gap_is_cut_off_from_it(evening: Trace) -> None:
    figure = figure_dict(evening)
    cuts = traces(figure)["cuts between steps"]
    salad = rows(figure).index("salad")
    assert [x for x, y in zip(cuts["x"], cuts["y"], strict=True) if y == salad] == [12, 14, 16]
    ticks = figure_dict(run(lane(0, "egg", (0, 0, 0), (0, 0, 0), over=9)))
    assert "cuts between steps" not in traces(ticks)  # two ticks stand beside each other


def test_a_chef_s_short_step_is_seen_by_a_tick() -> None:
    short = lane(0, "boil", (0, 0, 0.001), (9, 9, 10), thread="w1")
    figure = figure_dict(run(short, lane(1, "x", (0, 0, 5), thread="w2")))
    ticks = traces(figure)["short steps of each chef"]
    assert [(x, rows(figure)[y]) for x, y in zip(ticks["x"], ticks["y"], strict=True)] == [
        (0, "w1")
    ]
    assert traces(figure)["what each chef works on"]["text"] == ["boil", "boil", "x"]


def test_each_lane_ends_with_the_mark_and_the_word_of_its_outcome() -> None:
    asked, gone = (CancelRequest(6, 0),), ("vanished",)
    trace = run(
        lane(0, "main", (0, 0, 9)),
        lane(1, "burn", (0, 0, 4), outcome=Outcome.RAISED, error="ValueError: black"),
        lane(2, "late", (0, 0, 5), over=6, outcome=Outcome.CANCELLED, cancels=asked),
        lane(3, "slow", (0, 0, 7), outcome=Outcome.PENDING, over=9),
        lane(4, "lost", (0, 0, 7), outcome=Outcome.PENDING, over=8, noticed=gone),
    )
    found = {outcome: traces(figure_dict(trace))[mark.words] for outcome, mark in OUTCOMES.items()}
    texts = {
        outcome: [text.strip("\u00a0") for text in one["text"]] for outcome, one in found.items()
    }
    assert texts == {
        Outcome.RETURNED: ["returned"],
        Outcome.RAISED: ["raised ValueError"],
        Outcome.CANCELLED: ["cancelled by main"],
        Outcome.PENDING: ["still pending", "vanished"],
    }
    assert found[Outcome.RAISED]["customdata"] == ["raised ValueError: black"]
    symbols = [one["marker"]["symbol"] for one in found.values()]
    assert symbols == [mark.symbol for mark in OUTCOMES.values()]


def test_marks_and_deadlines_are_written_above_with_a_line_to_their_lane() -> None:
    trace = run(
        lane(0, "main", (0, 0, 1), (9, 9, 10), cancels=(CancelRequest(9.0, "deadline"),)),
        lane(1, "pot", (0, 0, 4), parent=0),
        marks=(Mark(1.0, None, "cards are written"), Mark(3.0, 1, "it boils")),
    )
    notes = [note for note in figure_dict(trace)["layout"]["annotations"] if "ax" in note]
    notes.sort(key=lambda note: note["x"])
    assert [(n["text"], n["x"], n["y"]) for n in notes] == [
        ("cards are written", 1, 1.5),
        ("it boils", 3, 1),
        ("deadline: time is up", 9, 0),
    ]
    for note in notes:
        assert note["ay"] < -0.5  # above the first row
        # The text goes to the side that has more room, so that it is not cut at the edge.
        assert note["xanchor"] == ("left" if note["x"] <= 5 else "right")
    assert notes[0]["ay"] != notes[1]["ay"]  # they would cover each other in one line


def test_an_event_of_the_whole_run_is_marked_on_the_axis_and_on_no_lane() -> None:
    marks = Mark(1.0, None, "cards are written"), Mark(3.0, 1, "it boils")
    trace = run(lane(0, "main", (0, 0, 9)), lane(1, "pot", (2, 2, 4), parent=0), marks=marks)
    found = traces(figure := figure_dict(trace))["marks and requests to stop"]
    below, _ = figure["layout"]["yaxis"]["range"]
    assert found["y"] == [below, 1]
    assert found["marker"]["standoff"][0] == 0
    assert found["customdata"] == ["the run", "pot"]
    assert "%{y}" not in found["hovertemplate"]  # no lane stands there


# -- words -----------------------------------------------------------------------------------------


def test_the_legend_explains_only_the_states_endings_and_events_that_occur() -> None:
    gone = ("vanished",)
    lost = lane(1, "soup", (0, 3, 3.5), outcome=Outcome.PENDING, over=4, noticed=gone)
    figure = figure_dict(run(lane(0, "main", (0, 0, 5)), lost, marks=(Mark(2, 0, "here"),)))
    text = figure["layout"]["annotations"][0]["text"]
    alone = str(legend(figure_dict(run(lane(0, "main", (0, 0, 5))))))
    assert "running" in alone
    assert not re.search("idle|scheduled", alone)
    for look in STATES.values():
        assert re.search(
            f"color:{re.escape(look.colour)};[^>]*>{look.sign}</span> {look.words}", text
        )
    shown = "\u2002".join(legend(figure))
    for words_there in ("● returned", "○ vanished", f"{EVENT.sign} {EVENT.words}"):
        assert words_there in shown
    for absent in ("cancelled", "raised", "still pending"):
        assert absent not in shown
    assert EVENT.words not in str(legend(figure_dict(run(lane(0, "main", (0, 0, 5))))))


def test_no_line_of_the_legend_is_wider_than_a_cell_of_420_pixels_and_each_has_its_room() -> None:
    lanes = [lane(n, o.value, (0, 0, 1), outcome=o, over=2) for n, o in enumerate(Outcome)]
    few = figure_dict(run(lanes[0]))
    many = figure_dict(run(*lanes, marks=(Mark(2, 0, "here"),)))
    assert 2 == len(legend(few)) <= len(legend(many))
    more = LINE * (len(legend(many)) - 2)
    assert few["layout"]["margin"]["b"] + more == many["layout"]["margin"]["b"]
    # Half of a letter's size is its width in a wide font, spaces and signs included.
    assert all(len(line) * 11 * 0.5 + 10 <= 420 for line in legend(many))


def test_every_lane_is_named_and_its_label_has_room(evening: Trace) -> None:
    figure = figure_dict(evening)
    assert labels(figure) == {0: "dinner", 1: "soup", 2: "roast", 3: "salad"}
    assert figure["layout"]["margin"]["l"] >= 14 + words.pixels("salad")


def test_a_long_name_keeps_its_ends_beside_the_lane_and_is_whole_in_the_hover() -> None:
    name = "wash_and_peel_" + "x" * 52 + "_and_cut_them"
    figure = figure_dict(run(lane(0, name, (0, 0, 1))))
    assert re.fullmatch(r"wash_and_peel_x+….*_cut_them", labels(figure)[0])
    assert len(labels(figure)[0]) <= 30
    assert rows(figure) == [name]


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "$x^2$ & co", "a\nb", "スープ", ""])
def test_a_name_is_shown_as_it_is_whatever_is_in_it(name: str) -> None:
    figure = figure_dict(run(lane(0, name, (0, 0, 1))))
    text = json.dumps([rows(figure), list(labels(figure).values())])
    assert not re.search(r"<|\$|\\n", text)
    timeline(run(lane(0, name, (0, 0, 1))))  # plotly accepts it


@pytest.mark.parametrize("over", [2.0, 8.0, 10.0])
def test_the_word_at_a_lane_s_end_is_never_cut_off(over: float) -> None:
    trace = run(
        lane(0, "a_canceller_of_a_long_name", (0, 0, 10)),
        lane(1, "x", (0, 0, 1), over=over, outcome=Outcome.CANCELLED,
             cancels=(CancelRequest(over, 0),)),
    )  # fmt: skip
    margin = figure_dict(trace)["layout"]["margin"]
    axis = 600 - margin["l"] - margin["r"]  # in a cell of 600 pixels
    words_end = axis * over / 10 + 24 + words.pixels("cancelled by a_canceller_of_a_long", 11)
    assert words_end <= axis + margin["r"]


def test_hovering_tells_state_from_to_how_long_and_who_woke_it(evening: Trace) -> None:
    found = traces(figure_dict(evening))
    one = found["scheduled: ready, not taken up"]
    assert one["customdata"] == [["3 min", "dinner"], ["8 min", "dinner"]]
    for part in ("%{y}", "scheduled", "%{base} to %{x} min", "%{customdata[0]}", "woken by"):
        assert part in one["hovertemplate"]
    assert found["idle: waits"]["customdata"][0] == ["43 min", "a deadline"]
    assert ["takes no time", "salad"] in found["steps"]["customdata"]


def test_a_title_of_one_s_own_is_shown_as_written_in_lines_that_fit(evening: Trace) -> None:
    wish = "The `salad` is ready & waits < 10 minutes, because one chef cannot be in two places"
    layout = figure_dict(evening, title=wish)["layout"]
    assert '<span style="font-family:monospace">salad</span>' in layout["title"]["text"]
    assert layout["title"]["text"].count("<br>") == 1
    assert "&amp; waits &lt; 10" in layout["title"]["text"]
    short = figure_dict(evening, title="The salad waits")["layout"]
    assert layout["margin"]["t"] > short["margin"]["t"]


# -- sizes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("trace", UNUSUAL)
def test_an_unusual_run_has_a_sane_picture(trace: Trace) -> None:
    figure = timeline(trace)
    assert 120 <= figure.layout.height <= 900
    low, high = figure.layout.xaxis.range
    assert high > low
    assert figure.layout.title.text


def test_heights_are_sane_from_one_lane_to_a_thousand_and_labels_do_not_touch() -> None:
    heights = []
    for count in (1, 4, 12, 40, 200, 999):
        figure = figure_dict(run(*(lane(n, f"order {n}", (0, 0, 1)) for n in range(count))))
        layout, shown = figure["layout"], list(labels(figure))
        heights.append(layout["height"])
        pitch = (layout["height"] - layout["margin"]["t"] - layout["margin"]["b"]) / count
        assert shown
        assert all((below - above) * pitch >= 12 for above, below in itertools.pairwise(shown))
    assert heights == sorted(heights)
    assert 170 < heights[0] < 300
    assert heights[-1] <= 900


def test_in_low_rows_the_title_of_a_section_keeps_as_far_from_the_next_lane_as_any() -> None:
    for count, shift in ((4, -3), (20, 0)):
        lanes = [lane(n, f"card {n}", (0, 0, 1), thread=f"worker-{n}") for n in range(count)]
        notes = figure_dict(run(*lanes, workers=count))["layout"]["annotations"]
        titles = [note["yshift"] for note in notes if note["text"] in ("chefs", "tasks")]
        assert titles == [shift, shift]


@pytest.mark.parametrize(("tasks", "kilobytes"), [(4, 8), (30, 16), (300, 60), (999, 160)])
def test_a_figure_stays_small(tasks: int, kilobytes: float) -> None:
    figure = timeline(recorded(crowd(tasks - 1, sleeps=2)))
    assert len(figure.to_json()) < kilobytes * 1024


# -- the density -----------------------------------------------------------------------------------


def test_up_to_1000_lanes_each_is_drawn_and_above_their_density() -> None:
    few, many = (
        figure_dict(run(*(lane(n, f"order {n}", (0, 0, 1)) for n in range(count))))
        for count in (MOST_LANES, MOST_LANES + 1)
    )
    assert MOST_LANES == 1000
    assert len(few["layout"]["yaxis"]["ticktext"]) == 1000
    assert not [one for one in few["data"] if "stackgroup" in one]
    assert len([one for one in many["data"] if "stackgroup" in one]) == 3
    assert "steps started" in traces(many)
    assert f"{STEPS_BEGIN[1]} {STEPS_BEGIN[2]}" in "".join(legend(many))
    assert STEPS_BEGIN[2] not in "".join(legend(few))


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


def test_where_no_time_passes_steps_run_one_after_another_and_nobody_waits() -> None:
    figure = figure_dict(recorded(crowd(1500, seconds=0)))
    areas = {
        one["name"].partition(":")[0]: one["y"] for one in figure["data"] if "stackgroup" in one
    }
    assert set(areas["running"]) == {1}
    assert list(areas) == ["running"]


# -- in a notebook ---------------------------------------------------------------------------------


def test_a_trace_shows_as_plotly_would_send_it_with_the_text_beside_it(
    evening: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plotly.io.renderers, "default", "plotly_mimetype")  # as in a notebook
    bundle = evening._repr_mimebundle_()
    assert set(bundle) == {PLOTLY, "text/plain"}
    assert bundle["text/plain"] == str(evening)
    assert sorted(bundle[PLOTLY]) == ["config", "data", "layout"]
    # In JupyterLab a responsive figure is as low as its cell happens to be, and not as it says.
    assert "responsive" not in bundle[PLOTLY]["config"]
    assert bundle[PLOTLY] == json.loads(json.dumps(bundle[PLOTLY]))  # plain JSON types
    shown, _ = DisplayFormatter().format(timeline(evening))  # type: ignore[no-untyped-call]
    assert bundle == shown == timeline(evening)._repr_mimebundle_()


def test_plotly_s_renderer_can_be_chosen_for_pages_of_html(
    evening: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plotly.io.renderers, "default", "notebook_connected")
    bundle = timeline(evening)._repr_mimebundle_()
    assert "text/html" in bundle
    assert bundle["text/plain"] == str(evening)


def test_a_trace_shows_where_plotly_is_not_installed() -> None:
    script = """
import sys
sys.modules["plotly"] = None
from tests.draw.pictured import dinner, recorded
print(*recorded(dinner())._repr_mimebundle_())
"""
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    run = [sys.executable, "-c", script]
    done = subprocess.run(
        run, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == [PLOTLY, "text/plain"], done.stderr[-500:]


def test_a_figure_s_last_lines_are_its_findings_and_how_many_more_there_are() -> None:
    many = tuple(Finding(f"`egg {n}` is lost.", kind="vanished") for n in range(5))
    trace = run(lane(0, "main", (0, 0, 1)), findings=many)
    legend = re.sub("</?span.*?>", "", figure_dict(trace)["layout"]["annotations"][0]["text"])
    lost = [f"- `egg {n}` is lost." for n in range(3)]
    assert legend.split("<br>")[-5:] == ["Findings:", *lost, "- and 2 more."]
    plain = figure_dict(run(lane(0, "main", (0, 0, 1))))["layout"]
    assert figure_dict(trace)["layout"]["height"] > plain["height"]


def test_an_event_at_a_lane_s_end_is_marked_above_the_last_tick_and_the_mark_of_the_end() -> None:
    group = lane(0, "group", (0, 0, 0), (9, 9, 9, 0), cancels=(CancelRequest(9.0, 1),))
    soup = lane(1, "soup", (0, 0, 9))
    layout = (figure := figure_dict(run(group, soup)))["layout"]
    found = traces(figure)
    event, end = found["marks and requests to stop"], found["returned"]
    assert event["x"] == [9]
    inside = layout["height"] - layout["margin"]["t"] - layout["margin"]["b"]
    # Plotly moves a mark against its angle: this one upwards, to the edge of the lane.
    assert event["marker"]["angle"] == -180
    assert min(event["marker"]["standoff"]) >= 0.3 * inside / 2
    assert event["marker"]["symbol"].endswith("-open")
    assert min(end["marker"]["standoff"]) > 5  # to the right of its last tick
