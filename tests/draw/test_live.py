"""The live timeline: the static one's picture in one trait of a widget, filled again and again."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from helpers.draw.live import NOTHING, WAITING, LiveTimeline
from helpers.trace import Trace
from tests.draw.pictured import crowd, dinner, figure_dict, lane, recorded, run


@pytest.fixture(scope="module")
def runs() -> list[Trace]:
    return [
        recorded(dinner(), unit="minutes"),
        recorded(crowd(60, sleeps=2)),
        run(lane(0, "egg", (0, 0, 0), (0, 0, 0))),
        run(lane(0, "boil", (0, 0, 5), thread="w1"), lane(1, "bake", (0, 1, 5), thread="w2")),
        recorded(dinner(), unit="minutes"),
    ]


def shown(live: LiveTimeline) -> dict[str, Any]:
    """The figure as a browser gets it that opens a view now."""
    figure: dict[str, Any] = json.loads(json.dumps(live.store.get_state()["figure"]))
    return figure


def title(live: LiveTimeline) -> str:
    return str(shown(live)["layout"]["title"]["text"])


def test_it_shows_what_the_static_figure_shows_whatever_it_showed_before(runs: list[Trace]) -> None:
    live = LiveTimeline(height=400)
    assert shown(live)["layout"]["height"] == 400
    for trace in (*runs, recorded(crowd(300))):
        live.show(trace)
        expected = figure_dict(trace, height=400)
        assert shown(live)["data"] == expected["data"]
        for key in ("title", "xaxis", "yaxis"):
            assert shown(live)["layout"][key] == expected["layout"][key], key
        assert shown(live)["layout"]["height"] == 400


def test_it_begins_empty_and_can_be_emptied(runs: list[Trace]) -> None:
    live = LiveTimeline()
    empty = shown(live)
    assert empty["data"] == []
    assert WAITING in title(live)
    assert empty["layout"]["title"]["subtitle"]["text"] == ""
    live.show(runs[0])
    assert shown(live)["data"]
    assert "clock" in shown(live)["layout"]["title"]["subtitle"]["text"]
    live.show(NOTHING)
    assert shown(live) == empty
    live.show(NOTHING, title="Wait")
    assert "Wait" in title(live)


def test_it_takes_a_title_and_a_unit(runs: list[Trace]) -> None:
    live = LiveTimeline(unit="milliseconds")
    live.show(runs[0], title="Now")
    assert "Now" in title(live)
    assert shown(live)["layout"]["xaxis"]["title"]["text"] == "milliseconds"


def test_above_200_lanes_it_counts_the_tasks_in_each_state() -> None:
    live = LiveTimeline()
    live.show(recorded(crowd(300)))
    assert "tasks" in shown(live)["layout"]["yaxis2"]["title"]["text"]
    assert "lanes=[...]" not in str(shown(live)["layout"]), "a panel has nowhere to write that"


def test_it_may_be_filled_from_many_threads_and_shows_one_whole_trace(runs: list[Trace]) -> None:
    live = LiveTimeline()
    threads = [threading.Thread(target=live.show, args=(trace,)) for trace in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shown(live)["data"] in [figure_dict(trace, height=480)["data"] for trace in runs]


def test_plotly_s_program_is_sent_only_to_a_view_that_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    live = LiveTimeline()
    sent: list[bytes] = []
    monkeypatch.setattr(live.store, "send", lambda content, buffers: sent.extend(buffers))
    assert len(str(live.get_state()) + str(live.store.get_state())) < 20_000
    live.show(recorded(crowd(3)))
    live.store._handle_custom_msg("something else", [])
    assert sent == []
    live.store._handle_custom_msg("plotly", [])
    assert len(sent) == 1
    assert b"plotly.js v" in sent[0][:100]
