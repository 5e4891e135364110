"""Lesson 08: what it says of the service, of its mistakes, and of its end."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

import pytest

from helpers import Trace, record
from helpers.kitchen.evening import CUT, Guests, Supplier, evening, way_of
from helpers.kitchen.mistakes import MISTAKES, kitchen
from helpers.kitchen.service import ASK, Kitchen
from tests.lessons.source import answer, lesson

CROWD: dict[str, Any] = {"guests": Guests(150, 1), "supplier": Supplier(delay=2)}
CROWD |= {"deadline": 3, "cached": 0}
RUSH: dict[str, Any] = {"guests": Guests(20, 30), "supplier": Supplier(delay=1.5), "most": 100}


def night(mended: int, **settings: Any) -> Trace:
    return asyncio.run(record(evening(kitchen(mended), **settings), clock="real"))


@cache
def unplugged() -> Trace:
    """The evening of section 5, before its last two mistakes are mended."""
    return night(3, **RUSH)


def text() -> str:
    """The lesson's prose on one line."""
    return " ".join(lesson("08").replace("\n#", "\n").split())


def test_the_evenings_of_the_tests_are_those_of_the_lesson() -> None:
    said = lesson("08")
    assert '"guests": Guests(clients=150, seconds=1), "supplier": Supplier(delay=2)}' in said
    assert 'crowd |= {"deadline": 3, "cached": 0}' in said
    assert (
        '"guests": Guests(clients=20, seconds=30), "supplier": Supplier(delay=1.5), "most": 100'
    ) in said


def test_there_are_five_mistakes_and_each_is_shown() -> None:
    assert len(MISTAKES) == 5
    for mistake in MISTAKES:
        assert f"print(inspect.getsource({mistake.__name__}))" in lesson("08")
    assert issubclass(kitchen(0), MISTAKES)
    assert not issubclass(kitchen(5), MISTAKES)


def test_a_dish_is_kept_for_two_seconds_and_a_cache_has_two_milliseconds_head_start() -> None:
    from helpers.kitchen import service

    assert "keeps for two seconds what was looked up" in text()
    assert Kitchen.cached == 2
    assert "the cache has a head start of two milliseconds" in text()
    assert service._HEAD_START == 0.002


def test_every_fifth_request_is_an_order() -> None:
    load = asyncio.run(evening(guests=Guests(2, 3600, requests=50), supplier=Supplier(0)))
    assert load.outcomes == {"200": 40, "201": 10}


def test_the_limits_in_the_text_are_those_of_the_kitchen() -> None:
    assert "keeps the queries at eight" in text()
    assert "with a hundred requests in flight" in text()
    assert (Kitchen.queries, Kitchen.limit) == (8, 100)
    assert (Kitchen.deadline, ASK) == (0.5, "ask the waiter")


def test_who_waits_for_a_slow_supplier_is_told_what_is_known() -> None:
    trace = night(2, guests=Guests(4, 3600, requests=4), supplier=Supplier(delay=5))
    assert trace.result.asked == trace.result.outcomes["200"] == 4
    (first, *_) = [lane for lane in trace.lanes if "GET" in lane.name]
    assert first.outcome == "cancelled"
    names = way_of(trace, int(first.name.split()[0].removeprefix("#")))
    assert any("database" in name for name in names)


def test_a_forgotten_note_ends_when_the_connections_are_closed_and_says_nothing() -> None:
    trace = unplugged()
    notes = [lane for lane in trace.tasks if "note" in lane.name]
    short = [lane for lane in notes if lane.end - lane.spawned < 1.5]
    assert short
    assert {lane.outcome for lane in short} == {"returned"}
    assert len(trace.result.notes) < len(trace.result.orders)
    cut = [lane for lane in trace.tasks if "GET" in lane.name and lane.outcome == "cancelled"]
    assert len(cut) > 0
    assert trace.result.outcomes[CUT] > 0


def test_who_is_refused_and_asks_again_at_once_is_refused_again() -> None:
    load = night(5, guests=Guests(30, 1), supplier=Supplier(delay=0.3), limit=10).result
    assert load.outcomes["503"] > len(load.waits) > 0


def test_one_token_is_one_query_alive() -> None:
    load = night(3, **CROWD, queries=1).result
    assert answer("08", 1).startswith("One. The limit holds whatever comes;")
    assert load.queries == 1
    assert load.outcomes["503"] > 0


def test_with_a_grace_of_three_seconds_nobody_is_cut_off_and_no_note_is_lost() -> None:
    load = night(5, **RUSH, grace=3).result
    assert "await night(5, **rush, grace=3)" in lesson("08")
    assert load.outcomes[CUT] == 0
    assert len(load.notes) == len(load.orders) > 0


def test_without_grace_nobody_is_cut_off_and_notes_are_lost() -> None:
    load = night(5, **RUSH, grace=0).result
    assert answer("08", 2).startswith("Nobody is cut off:")
    assert load.outcomes[CUT] == 0
    assert len(load.notes) < len(load.orders)


@pytest.mark.parametrize(("cached", "there"), [(2, True), (0, False)])
def test_who_keeps_nothing_races_nobody(cached: int, there: bool) -> None:
    few = Guests(clients=2, seconds=3600, requests=5)
    trace = asyncio.run(
        record(evening(guests=few, supplier=Supplier(0), cached=cached), clock="real")
    )
    first = next(lane.name for lane in trace.lanes if "POST" in lane.name)
    names = way_of(trace, int(first.split()[0].removeprefix("#")))
    words = {name.split()[1] for name in names}
    assert words - {"cache"} == {"POST", "dish", "database", "write", "note"}
    assert ("cache" in words) is there
    assert answer("08", 3).startswith("Those named cache.")
