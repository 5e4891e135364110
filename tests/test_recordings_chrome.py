"""An export keeps the rules of Chrome's trace-event format, which Perfetto reads."""

from __future__ import annotations

import asyncio
import gzip
import json
import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from helpers import record
from helpers.tokio import chrome
from helpers.tokio.load import DATA, load_recording
from helpers.trace import Outcome, Step, Task, Trace

Event = dict[str, Any]
SMALL = sorted(path for path in DATA.glob("*.jsonl.gz") if "thousand" not in path.name)


def exported(trace: Trace, path: Path) -> dict[str, Any]:
    assert chrome.export(trace, path) == path
    whole: dict[str, Any] = json.loads(path.read_bytes())
    return whole


def broken_rules(events: list[Event]) -> list[str]:
    """What the format does not allow, of the kinds of events that an export has."""
    found = []
    for event in events:
        whole = all(type(event.get(field)) is int for field in ("pid", "tid"))
        if not whole or event["pid"] < 1 or event["tid"] < 1:
            found.append(f"pid and tid are whole numbers from 1: {event}")
        if not isinstance(event.get("name"), str):
            found.append(f"the name is text: {event}")
        if event["ph"] not in ("M", "X", "i"):
            found.append(f"the phase is unknown: {event}")
        times = [event[f] for f in ("ts", "dur") if f in event]
        if len(times) != {"M": 0, "X": 2, "i": 1}.get(event["ph"], -1):
            found.append(f"M has no time, i has ts, X has ts and dur: {event}")
        if any(type(t) not in (int, float) or not math.isfinite(t) or t < 0 for t in times):
            found.append(f"times are microseconds from 0: {event}")
        if event["ph"] == "i" and event.get("s") not in ("g", "p", "t"):
            found.append(f"an instant has a scope: {event}")
        if event["ph"] == "M" and set(event["args"]) - {"name", "sort_index"}:
            found.append(f"a metadata event names or sorts: {event}")
    return found or unnested(events)


def unnested(events: list[Event]) -> list[str]:
    """Slices of one row that overlap without one lying within the other."""
    found = []
    rows = defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            start = round(event["ts"] * 1000)
            rows[event["pid"], event["tid"]].append((start, start + round(event["dur"] * 1000)))
    for row, slices in rows.items():
        open_until: list[int] = []
        for start, end in sorted(slices, key=lambda pair: (pair[0], -pair[1])):
            while open_until and open_until[-1] <= start:
                open_until.pop()
            if open_until and end > open_until[-1]:
                found.append(f"row {row}: the slice from {start} to {end} is not within another")
            open_until.append(end)
    return found


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.name.removesuffix(".jsonl.gz"))
def test_an_export_keeps_the_rules_of_the_format(path: Path, tmp_path: Path) -> None:
    trace = Trace.load(path)
    whole = exported(trace, tmp_path / "trace.json")
    events = whole["traceEvents"]
    assert broken_rules(events) == []
    slices = [event for event in events if event["ph"] == "X"]
    assert len(slices) == len(trace.spans) + sum(lane.polls for lane in trace.lanes)
    assert whole["otherData"]["source"] == "tokio"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"pid": 0}, "whole numbers from 1"),
        ({"tid": "1"}, "whole numbers from 1"),
        ({"name": None}, "the name is text"),
        ({"ph": "Q"}, "the phase is unknown"),
        ({"ph": "i"}, "i has ts"),
        ({"dur": -1.0}, "times are microseconds"),
        ({"ts": math.nan}, "times are microseconds"),
        ({"ts": 30.0}, "is not within another"),
    ],
)
def test_the_rules_notice_a_broken_export(change: Event, sentence: str) -> None:
    good: list[Event] = [
        {"ph": "X", "name": "soup", "pid": 1, "tid": 1, "ts": 0.0, "dur": 40.0},
        {"ph": "X", "name": "salad", "pid": 1, "tid": 1, "ts": 10.0, "dur": 20.0},
    ]
    assert broken_rules(good) == []
    assert any(sentence in rule for rule in broken_rules([good[0], good[1] | change]))


def test_tasks_and_chefs_are_two_groups_of_named_rows(tmp_path: Path) -> None:
    trace = load_recording("nested", runtime="multi_thread", workers=2)
    events = exported(trace, tmp_path / "trace.json")["traceEvents"]
    groups = {e["pid"]: e["args"]["name"] for e in events if e["name"] == "process_name"}
    rows = [(groups[e["pid"]], e["args"]["name"]) for e in events if e["name"] == "thread_name"]
    assert sorted(groups.values()) == ["chefs", "tasks"]
    assert [name for group, name in rows if group == "tasks"] == [t.name for t in trace.lanes]
    assert {name for group, name in rows if group == "chefs"} == {"main", "worker-1", "worker-2"}
    assert len({(e["pid"], e["tid"]) for e in events if e["name"] == "thread_name"}) == len(rows)


def test_a_slice_says_its_state_its_chef_and_who_woke_it() -> None:
    events = list(chrome.events(load_recording("spawn", clock="virtual")))
    boil = [e for e in events if e["ph"] == "X" and e["args"]["task"] == 2 and e["pid"] == 1]
    assert [(e["name"], e["ts"], e["dur"]) for e in boil] == [
        ("scheduled", 0.0, 50_000.0),
        ("running", 50_000.0, 50_000.0),
        ("idle", 100_000.0, 250_000.0),
        ("running", 350_000.0, 0.0),
    ]
    assert boil[1]["args"] == {"task": 2, "woken by": "main", "chef": "main"}
    assert boil[3]["args"]["woken by"] == "timer"
    instants = [(e["name"], e["ts"], e["tid"]) for e in events if e["ph"] == "i"]
    assert ("received carrots", 200_000.0, 1) in instants
    assert ("returned", 350_000.0, 3) in instants


def test_times_are_whole_nanoseconds() -> None:
    step = Step(0.1 + 0.2, 0.1 + 0.2, 0.7 + 0.1, "chef", None)  # 0.30000000000000004 to 0.7999...
    lane = Task(0, "soup", None, 0.3, 0.8, Outcome.RETURNED, 0.8, (step,))
    running = [e for e in chrome.events(Trace((lane,), 0.8)) if e["name"] == "running"]
    assert [(e["ts"], e["dur"]) for e in running] == [(300_000.0, 500_000.0)]


def test_an_asyncio_trace_is_exported_too(tmp_path: Path) -> None:
    async def soup() -> str:
        await asyncio.sleep(1)
        return "soup"

    trace = asyncio.run(record(soup()))
    whole = exported(trace, tmp_path / "trace.json")
    assert broken_rules(whole["traceEvents"]) == []
    assert whole["otherData"] == {"source": "asyncio", "clock": "virtual", "unit": "seconds"}


def test_an_empty_trace_is_exported_as_a_group_without_rows(tmp_path: Path) -> None:
    whole = exported(Trace(lanes=(), duration=0.0), tmp_path / "trace.json")
    assert [event["name"] for event in whole["traceEvents"]] == ["process_name"]


def test_a_name_that_ends_in_gz_is_gzipped(tmp_path: Path) -> None:
    trace = load_recording("select")
    plain = chrome.export(trace, tmp_path / "trace.json").read_bytes()
    packed = chrome.export(trace, tmp_path / "trace.json.gz").read_bytes()
    assert gzip.decompress(packed) == plain
