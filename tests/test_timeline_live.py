"""The live timeline: the same picture as the static one, in one widget that is filled again."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from ipywidgets.widgets.widget import _remove_buffers

from helpers.draw import draw
from helpers.draw.live import NOTHING, WAITING, LiveTimeline
from helpers.trace import Trace
from tests.pictured import crowd, dinner, lane, recorded, run

EMPTY = (None, [], (), "", {})


@pytest.fixture(scope="module")
def runs() -> list[Trace]:
    return [
        recorded(dinner(), unit="minutes"),
        recorded(crowd(60, sleeps=2)),
        recorded(crowd(1500)),
        run(lane(0, "egg", (0, 0, 0), (0, 0, 0))),
        run(lane(0, "boil", (0, 0, 5), thread="w1"), lane(1, "bake", (0, 1, 5), thread="w2")),
        recorded(dinner(), unit="minutes"),
    ]


def shown(live: LiveTimeline) -> dict[str, Any]:
    """What the widget holds: its traces that have points, by name, without plotly's own ids."""
    figure = json.loads(live.widget.to_json())
    traces = [
        {k: v for k, v in one.items() if k != "uid" and v not in EMPTY}
        for one in figure["data"]
        if one.get("y")
    ]
    return {"data": traces, "layout": figure["layout"]}


def static(trace: Trace, **options: Any) -> list[dict[str, Any]]:
    drawn = draw(trace, height=480, **options).figure()
    return [{k: v for k, v in one.items() if v not in EMPTY} for one in drawn["data"]]


def test_it_shows_what_the_static_figure_shows_whatever_it_showed_before(runs: list[Trace]) -> None:
    live = LiveTimeline()
    for trace in runs:
        live.show(trace)
        found = shown(live)
        assert found["data"] == static(trace)
        drawn = draw(trace, height=480).layout
        for key in ("title", "xaxis", "yaxis", "margin", "height", "shapes", "annotations"):
            assert found["layout"][key] == drawn[key], key


def test_it_begins_empty_and_can_be_emptied(runs: list[Trace]) -> None:
    live = LiveTimeline()
    assert shown(live)["data"] == []
    assert WAITING in shown(live)["layout"]["title"]["text"]
    live.show(runs[0])
    assert shown(live)["data"]
    live.clear("Stopped")
    assert shown(live)["data"] == []
    assert "Stopped" in shown(live)["layout"]["title"]["text"]


def test_it_can_begin_with_a_trace_and_takes_a_title_and_a_unit(runs: list[Trace]) -> None:
    live = LiveTimeline(runs[0], unit="milliseconds", height=400)
    assert shown(live)["data"]
    assert shown(live)["layout"]["xaxis"]["title"]["text"] == "milliseconds"
    assert shown(live)["layout"]["height"] == 400
    live.show(runs[0], title="Now")
    assert "Now" in shown(live)["layout"]["title"]["text"]


def test_its_traces_are_made_once(runs: list[Trace]) -> None:
    live = LiveTimeline()
    before = [one.uid for one in live.widget.data]
    for trace in runs:
        live.show(trace)
    assert [one.uid for one in live.widget.data] == before


def test_a_show_is_one_message_and_one_of_the_same_trace_is_none(
    runs: list[Trace], monkeypatch: pytest.MonkeyPatch
) -> None:
    live = LiveTimeline()
    sent: list[str] = []
    for name in ("update", "restyle", "relayout"):
        method = f"_send_{name}_msg"
        monkeypatch.setattr(type(live.widget), method, _noting(sent, name))
    live.show(runs[0])
    assert sent == ["update"]
    live.show(runs[0])
    assert sent == ["update"]
    live.show(runs[1])
    assert sent == ["update", "update"]


def _noting(sent: list[str], name: str) -> Callable[..., None]:
    return lambda *_, **__: sent.append(name)


def test_it_may_be_filled_from_another_thread(runs: list[Trace]) -> None:
    live = LiveTimeline()
    thread = threading.Thread(target=live.show, args=(runs[0],))
    thread.start()
    thread.join()
    assert shown(live)["data"] == static(runs[0])


def test_plotly_s_program_goes_to_the_browser_as_bytes_beside_the_message() -> None:
    state, paths, programs = _remove_buffers(LiveTimeline().widget.get_state())
    assert paths == [["_program"]]
    assert len(programs[0]) > 1e6
    assert len(json.dumps(state)) < 50_000


def test_an_axis_of_the_density_does_not_cover_the_lanes() -> None:
    layout = shown(LiveTimeline(NOTHING))["layout"]
    assert layout["yaxis2"] == {"visible": False, "overlaying": "y"}


def test_before_anything_has_run_the_title_stands_alone(runs: list[Trace]) -> None:
    live = LiveTimeline()
    assert live.widget.layout.title.subtitle.text == ""
    live.show(runs[0])
    assert "clock" in live.widget.layout.title.subtitle.text
    live.clear()
    assert live.widget.layout.title.subtitle.text == ""


def test_a_browser_that_has_just_drawn_is_sent_everything_again(
    runs: list[Trace], monkeypatch: pytest.MonkeyPatch
) -> None:
    live = LiveTimeline()
    live.show(runs[0])
    before = shown(live)
    sent: list[tuple[dict[str, Any], dict[str, Any]]] = []
    monkeypatch.setattr(
        type(live.widget),
        "_send_update_msg",
        lambda _, restyle_data, relayout_data, **__: sent.append((restyle_data, relayout_data)),
    )
    live.widget._handle_custom_msg("something else", [])
    assert sent == []
    live.widget._handle_custom_msg("drawn", [])
    emptied, filled = sent
    assert WAITING in emptied[1]["title"]["text"]
    assert "y" in filled[0]
    assert filled[1]["title"] == before["layout"]["title"]
    assert shown(live) == before


def test_where_nothing_was_shown_nothing_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    live = LiveTimeline()
    sent: list[str] = []
    monkeypatch.setattr(type(live.widget), "_send_update_msg", _noting(sent, "update"))
    live.widget._handle_custom_msg("drawn", [])
    assert sent == []
