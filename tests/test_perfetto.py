"""An export keeps the rules of Chrome's trace-event format, which Perfetto reads."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from helpers import perfetto, record
from helpers.tokio import DATA, load_recording
from helpers.trace import Outcome, Step, Task, Trace
from tests.draw.pictured import Program, kitchen, programs, recorded

Event = dict[str, Any]
SMALL = sorted(path for path in DATA.glob("*.jsonl.gz") if "thousand" not in path.name)
TIMES = {"M": set(), "X": {"ts", "dur"}, "i": {"ts"}, "s": {"ts"}, "f": {"ts"}}


def events_of(trace: Trace) -> list[Event]:
    events: list[Event] = json.loads(perfetto.text(trace))["traceEvents"]
    return events


def broken_rules(events: list[Event]) -> list[str]:
    """What the format does not allow, of the kinds of events that an export has."""
    found = []
    for event in events:
        if not all(type(event[field]) is int and event[field] > 0 for field in ("pid", "tid")):
            found.append(f"pid and tid are whole numbers from 1: {event}")
        if {"ts", "dur"} & event.keys() != TIMES[event["ph"]]:
            found.append(f"M has no time, X has ts and dur, all others ts: {event}")
        if not 0 <= event.get("ts", 0) < 1e12:
            found.append(f"times are microseconds from 0: {event}")
        if event.get("dur", 1) <= 0:
            found.append(f"a slice has a width: {event}")
    return found or [*overlaps(events), *loose_ends(events)]


def slices(events: list[Event]) -> dict[tuple[int, int], list[tuple[int, int, str]]]:
    """The slices of each row as (start, end, name), in nanoseconds and in the order of time."""
    rows = defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            start = round(event["ts"] * 1000)
            end = start + round(event["dur"] * 1000)
            rows[event["pid"], event["tid"]].append((start, end, event["name"]))
    return {row: sorted(found) for row, found in rows.items()}


def overlaps(events: list[Event]) -> Iterator[str]:
    for row, found in slices(events).items():
        for (_, end, name), (start, inner, _) in itertools.pairwise(found):
            if start < end < inner:
                yield f"row {row}: {name} ends at {end}, inside the one that starts at {start}"


def arrows(events: list[Event]) -> list[tuple[Event, Event]]:
    """The two ends of each arrow."""
    ends: dict[int, dict[str, Event]] = defaultdict(dict)
    for event in events:
        if event["ph"] in "sf":
            ends[event["id"]][event["ph"]] = event
    return [(pair["s"], pair["f"]) for pair in ends.values()]


def loose_ends(events: list[Event]) -> Iterator[str]:
    rows = slices(events)
    for pair in arrows(events):
        if pair[0]["ts"] > pair[1]["ts"]:
            yield f"an arrow points back in time: {pair}"
        for end in pair:
            at = round(end["ts"] * 1000)
            on = [name for a, b, name in rows[end["pid"], end["tid"]] if a <= at < b]
            if on != ["running"]:
                yield f"an arrow binds to a step: {end} binds to {on}"


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.name.removesuffix(".jsonl.gz"))
def test_the_export_of_a_recording_keeps_the_rules_and_shows_every_step(path: Path) -> None:
    trace = Trace.load(path)
    events = events_of(trace)
    assert broken_rules(events) == []
    shown = [event for event in events if event["ph"] == "X" and event["name"] == "running"]
    assert len(shown) == sum(lane.polls for lane in trace.lanes)


@given(programs())
def test_the_export_of_any_run_keeps_the_rules(program: Program) -> None:
    assert broken_rules(events_of(recorded(kitchen(program)))) == []


def test_an_eager_task_runs_while_its_creators_step_does() -> None:
    outer = Task(0, "main", None, 0, 5, Outcome.RETURNED, 5, (Step(0, 0, 5, "chef", "start"),))
    inner = Task(1, "eager", 0, 1, 2, Outcome.RETURNED, 2, (Step(1, 1, 2, "chef", 0),))
    events = events_of(Trace((outer, inner), 5.0, sequence=(0, 1)))
    assert broken_rules(events) == []
    (creator,), (eager,) = slices(events).values()
    assert creator[0] < eager[0] < eager[1] < creator[1]


def test_each_lane_has_a_named_row() -> None:
    trace = load_recording("nested", runtime="multi_thread", workers=2)
    named = [e for e in events_of(trace) if e["name"] == "thread_name"]
    assert [e["args"]["name"] for e in named] == [lane.name for lane in trace.lanes]
    assert len({e["tid"] for e in named}) == len(named)


def test_a_slice_says_its_state_its_chef_and_who_woke_it() -> None:
    events = events_of(load_recording("spawn", clock="virtual"))
    boil = [e for e in events if e["ph"] == "X" and e["tid"] == 3]
    assert [(e["name"], round(e["ts"]), round(e["dur"])) for e in boil] == [
        ("scheduled", 0, 50_000),
        ("running", 50_000, 50_000),
        ("idle", 100_000, 250_000),
        ("running", 350_000, 0),
    ]
    assert boil[1]["args"] == {"task": 2, "woken by": "main", "chef": "main"}
    assert boil[3]["args"]["woken by"] == "timer"
    instants = [(e["name"], e["ts"], e["tid"]) for e in events if e["ph"] == "i"]
    assert ("received carrots", 200_000.0, 1) in instants
    assert ("returned", 350_000.0, 3) in instants


def test_an_arrow_leads_from_the_waker_to_the_woken() -> None:
    trace = load_recording("spawn", clock="virtual")
    found = [(s["tid"], f["tid"], round(f["ts"])) for s, f in arrows(events_of(trace))]
    main, chop, boil, bake = (n for n, _ in enumerate(trace.lanes, 1))
    assert {(main, chop, 0), (main, boil, 50_000)} <= set(found)
    assert {waker for waker, woken, _ in found if woken == main} == {chop, boil, bake}


def test_no_arrow_leads_from_a_step_that_was_over_when_the_task_was_woken() -> None:
    waker = Task(0, "main", None, 0, 9, Outcome.RETURNED, 9, (Step(0, 0, 1, "chef", "start"),))
    woken = Task(1, "soup", 0, 5, 6, Outcome.RETURNED, 6, (Step(5, 5, 6, "chef", 0),))
    assert arrows(events_of(Trace((waker, woken), 9.0))) == []


@pytest.mark.parametrize("name", ["run.perfetto.json", "run.perfetto.json.gz"])
def test_a_trace_is_saved_for_perfetto_if_its_name_says_so(name: str, tmp_path: Path) -> None:
    async def soup() -> None:
        await asyncio.sleep(1)

    data = asyncio.run(record(soup())).save(tmp_path / name).read_bytes()
    whole = json.loads(gzip.decompress(data) if name.endswith(".gz") else data)
    assert whole["otherData"] == {"source": "asyncio", "clock": "virtual", "unit": "seconds"}
    with pytest.raises(ValueError, match="a trace begins with|in the middle of this line"):
        Trace.load(tmp_path / name)
