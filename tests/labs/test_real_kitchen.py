"""The lab of the real kitchen: what is said of an evening, and how the three ends differ."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from helpers.kitchen.evening import CUT, Load
from helpers.labs import spec_of
from helpers.labs.lab08_real_kitchen import histogram
from helpers.run import record
from helpers.trace import Trace
from tests.labs.test_programs import check_words, filled, pasted

SPEC = spec_of("real_kitchen")


def evening(**met: Any) -> Trace:
    """A run whose guests met this."""
    return Trace((), 2.0, result=Load(seconds=2.0, **met))


def test_the_numbers_are_those_of_the_load() -> None:
    outcomes = Counter({"200": 90, "201": 10, "503": 7, "refused": 3, CUT: 2})
    waits = [0.01 * n for n in range(1, 101)]
    trace = evening(outcomes=outcomes, waits=waits, asked=5, orders=[1, 2, 3], notes=[2])
    values = filled(SPEC, end="close")
    check_words(SPEC, values, trace)
    assert SPEC.numbers(values, trace) == [
        "50 requests/s were served, 100 in all: p50 is 500 ms, p99 is 990 ms.",
        f"Waits from 0 to 1,000 ms: {histogram(waits)}.",
        "10 were refused, 2 cut off, and 5 had the fallback, to ask the waiter.",
        "The supplier never heard of 2 orders of 3.",
    ]
    assert "half of those who were served waited 500 ms" in SPEC.prediction.compare(
        values, 9.0, trace
    )


def test_an_evening_on_which_nobody_is_served_is_told_too() -> None:
    trace = evening(outcomes=Counter({"503": 7}))
    check_words(SPEC, filled(SPEC), trace)
    assert SPEC.numbers(filled(SPEC), trace)[0] == "Nobody was served."
    assert "never heard" not in str(SPEC.numbers(filled(SPEC), trace)), "nobody closed early"


def test_while_nobody_is_served_nothing_is_told() -> None:
    assert SPEC.so_far(Trace((), 0.0)) == []


def test_a_histogram_has_no_height_for_none_and_some_for_one() -> None:
    assert histogram([0.5, *[1.0] * 100], blocks=4) == "▁▁▂█"
    assert histogram([1, 2, 2, 3, 3, 3, 3], blocks=3) == "▁▃█"
    assert histogram([], blocks=3) == "▁▁▁"


@pytest.mark.parametrize(
    ("met", "values"),
    [
        (True, {}),
        (False, {"clients": 50}),
        (False, {"delay": 500}),
        (False, {"end": "close"}),
    ],
)
def test_the_challenge_is_a_deadline_below_what_half_of_the_guests_may_wait(
    met: bool, values: dict[str, Any]
) -> None:
    slow = filled(SPEC, **({"clients": 100, "delay": 1000} | values))
    assert SPEC.challenge is not None
    served = evening(outcomes=Counter({"200": 95, "503": 5}), waits=[0.4] * 95)
    assert SPEC.challenge.met(slow, served) is met
    late = evening(outcomes=Counter({"200": 95}), waits=[0.6] * 95)
    refused = evening(outcomes=Counter({"200": 80, "503": 20}), waits=[0.4] * 80)
    assert not SPEC.challenge.met(slow, late)
    assert not SPEC.challenge.met(slow, refused)
    assert not SPEC.challenge.met(filled(SPEC), served), "the defaults"
    for scene in SPEC.scenes.values():
        assert not SPEC.challenge.met(filled(SPEC, **scene), late)


def test_the_program_runs_in_a_cell_and_its_requests_are_lanes() -> None:
    trace = pasted(SPEC, filled(SPEC, clients=2, delay=50))
    assert trace.clock == "real"
    assert trace.duration < 10
    asked = [lane for lane in trace.lanes if " GET /" in lane.name or " POST /" in lane.name]
    answered = [lane for lane in asked if lane.outcome == "returned"]
    [first, second] = SPEC.so_far(trace)
    assert first.startswith(f"{len(answered):,} of {len(asked):,} requests were answered")
    assert second.startswith("From 0 to ")
    check_words(SPEC, filled(SPEC, clients=2, delay=50), trace)


def test_who_is_in_flight_is_cut_off_when_the_plug_is_pulled_and_not_at_a_shutdown() -> None:
    def end(how: str) -> Load:
        values = filled(SPEC, clients=10, delay=300, failing=0, end=how)
        load: Load = asyncio.run(record(SPEC.coroutine(values), clock="real")).result
        return load

    closed, pulled = end("close"), end("pull")
    assert (closed.outcomes[CUT], set(closed.orders) - set(closed.notes)) == (0, set())
    assert pulled.outcomes[CUT] > 0
