"""Traces on disk: what `Trace.save` writes and `Trace.load` reads.

A trace file is JSON Lines, UTF-8, gzipped when its name ends in ".gz". Its first line is an object
that says what the file is: "format" is "task-cards-trace", and "version" says what follows.

    2  A saved trace. The first line has the fields of `Trace`, and "lines": how many follow, each
       a `Task`. Fields that are left out have their default. What main returned is kept as
       {"literal": its repr} where Python can read that back, else as {"text": its repr}.
    1  The events of a run, as the Rust recorder prints them; its README describes them.
"""

import ast
import contextlib
import gzip
import json
import math
import os
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import starmap
from pathlib import Path
from typing import Any

from helpers import perfetto
from helpers.task import START, CancelRequest, Finding, LaneKind, Mark, Outcome, Step, Task, Visit

FORMAT = "task-cards-trace"
VERSION = 2
MAX_LINE = 1 << 25  # bytes
MAX_BYTES = 1 << 29  # of text, unpacked

Row = dict[str, Any]
_Woken = tuple[float, int | str | None]  # when, and by whom


def packed(trace: Any, name: str) -> bytes:
    """What a file of this name has of a trace, as `Trace.save` says."""
    to_perfetto = name.removesuffix(".gz").endswith(".perfetto.json")
    text = perfetto.text(trace) if to_perfetto else "".join(_lines(trace))
    # No time stamp in the gzip header: the same trace gives the same file.
    return gzip.compress(text.encode(), mtime=0) if name.endswith(".gz") else text.encode()


def load(path: str | os.PathLike[str]) -> Row:
    """Read a saved trace, or what the Rust recorder wrote, as the arguments that make a `Trace`.

    A file in another format, or cut, or of a newer version, is a ValueError in one sentence that
    names the file and the line. One that is not there is a FileNotFoundError.
    """
    rows = _Rows(Path(path))
    try:
        return _read(rows)
    except KeyError as error:
        sentence = f"{error} is missing or unknown"
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        sentence = str(error)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        sentence = f"the file is cut or is not gzip: {error}"
    raise ValueError(f"{rows.path.name}, line {rows.line}: {sentence}")


def _lines(trace: Any) -> Iterator[str]:
    header = {"format": FORMAT, "version": VERSION, "lines": len(trace.lanes)}
    header |= _row(replace(trace, lanes=(), result=None, findings=()))
    header["findings"] = [[finding, finding.kind, finding.task] for finding in trace.findings]
    text = repr(trace.result)
    header["result"] = {"text": text}
    with contextlib.suppress(Exception):  # one that Python cannot read back
        if ast.literal_eval(text) == trace.result:
            header["result"] = {"literal": text}
    for row in (header, *map(_row, trace.lanes)):
        line = json.dumps(row, separators=(",", ":"), allow_nan=False, default=str) + "\n"
        if len(line) > MAX_LINE:
            raise ValueError(f"one line of the file would have {len(line):,} bytes, too many")
        yield line


def _row(record: Any) -> Row:
    """The fields of a record that differ from their defaults."""
    values = ((one, getattr(record, one.name)) for one in fields(record))
    return {one.name: value for one, value in values if value != one.default}


class _Rows:
    """The lines of a file as objects; `line` is the number of the last one read."""

    def __init__(self, path: Path) -> None:
        self.path, self.line = path, 0

    def __iter__(self) -> Iterator[Row]:
        with (gzip.open if self.path.name.endswith(".gz") else open)(self.path, "rb") as file:
            while text := file.readline(MAX_LINE + 1):
                self.line += 1
                if len(text) > MAX_LINE or file.tell() > MAX_BYTES:
                    raise ValueError("it is longer than a trace can be")
                if not text.endswith(b"\n"):
                    raise ValueError("the file ends in the middle of this line")
                yield json.loads(text.decode())


def _read(rows: _Rows) -> Row:
    lines = iter(rows)
    header: Any = next(lines, {})
    if not isinstance(header, dict) or header.pop("format", None) != FORMAT:
        raise ValueError(f'a trace begins with a line that has "format": "{FORMAT}"')
    version, count = header.pop("version"), header.pop("lines", header.pop("events", None))
    if version not in range(1, VERSION + 1):
        raise ValueError(f"the trace is of version {version}; this course knows {VERSION}")
    values = _recorded(header, lines) if version == 1 else _saved(header, lines)
    if rows.line - 1 != count:
        raise ValueError(f"the first line promises {count} more lines: the file was cut")
    return values


def _saved(header: Row, lines: Iterator[Row]) -> Row:
    values = header | {"lanes": tuple(map(_task, lines))}
    values["findings"] = tuple(Finding(text, kind, of) for text, kind, of in values["findings"])
    kinds: Row = {"marks": Mark._make, "sequence": int, "noticed": tuple, "pauses": tuple}
    kinds |= {"visits": Visit._make, "code": tuple}
    values |= {name: tuple(map(kind, values.get(name, ()))) for name, kind in kinds.items()}
    [(kept_as, text)] = values["result"].items()
    values["result"] = ast.literal_eval(text) if kept_as == "literal" else text
    return values


def _task(row: Row) -> Task:
    row["outcome"], row["kind"] = Outcome(row["outcome"]), LaneKind(row.get("kind", LaneKind.TASK))
    row["steps"] = tuple(starmap(Step, row["steps"]))
    row["cancels"] = tuple(starmap(CancelRequest, row.get("cancels", ())))
    return Task(**row | {"noticed": tuple(row.get("noticed", ()))})


_KINDS = {"task": LaneKind.TASK, "branch": LaneKind.BRANCH, "blocking": LaneKind.THREAD}


def _recorded(header: Row, events: Iterator[Row]) -> Row:
    lanes: dict[int, Row] = {}
    woken: dict[int, _Woken] = {}  # by the first wake since the task's last poll began
    held: dict[str, float] = defaultdict(float)  # until when each thread is
    marks: list[Mark] = []
    sequence: list[int] = []
    last = 0.0
    for event in events:
        kind, task = event["event"], event["task"]
        last = max(last, event["end"] if "end" in event else event["t"])
        if kind == "mark":
            marks.append(Mark(event["t"], task, event["text"]))
        elif kind == "spawn":
            lanes[task] = {"id": task, "spawned": event["t"], "kind": _KINDS[event["kind"]]}
            lanes[task] |= {name: event[name] for name in ("name", "parent")}
            lanes[task] |= {"steps": [], "cancels": [], "ended": None, "outcome": Outcome.PENDING}
        elif kind == "wake":
            # If a held thread saw its timer late, the task was ready when the timer was due.
            # Other timers are late by themselves: they tick once a millisecond.
            due = event.get("due", math.inf)
            ready = due if due < held[event["thread"]] else event["t"]
            woken.setdefault(task, (ready, event["by"]))
        elif kind == "poll":
            lanes[task]["steps"] += [_step(event, lanes[task], woken.pop(task, None))]
            held[event["thread"]] = max(event["end"], held[event["thread"]])
            sequence.append(task)
        elif kind == "cancel":
            lanes[task]["cancels"] += [CancelRequest(event["t"], event["by"])]
        elif kind == "end":
            lanes[task] |= {"ended": event["t"], "outcome": Outcome(event["outcome"])}
            lanes[task]["error"] = event.get("error", "")
    for lane in lanes.values():
        lane["end"] = last if lane["ended"] is None else lane["ended"]
        lane["steps"], lane["cancels"] = tuple(lane["steps"]), tuple(lane["cancels"])
    about = {name: value for name, value in header.items() if name != "event"}
    run = {name: about.pop(name) for name in ("source", "clock", "workers")}
    run |= {"marks": tuple(marks), "sequence": tuple(sequence), "duration": last, "about": about}
    return run | {"lanes": tuple(Task(**lane) for lane in lanes.values())}


def _step(poll: Row, lane: Row, woken: _Woken | None) -> Step:
    """A poll as a step: since when the task was ready for it, and who made it so."""
    parent, start = lane["parent"], poll["start"]
    free = lane["steps"][-1].end if lane["steps"] else lane["spawned"]
    if not lane["steps"]:
        ready, by = free, START if parent is None else parent
    elif woken is not None:
        ready, by = woken
    else:  # a branch is polled whenever its parent is, woken or not
        ready, by = start, parent if lane["kind"] is LaneKind.BRANCH else None
    return Step(min(max(ready, free), start), start, poll["end"], poll["thread"], by)
