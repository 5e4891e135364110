"""Traces on disk: what `Trace.save` writes and `Trace.load` reads.

A trace file is JSON Lines, UTF-8, gzipped when its name ends in ".gz". Its first line is an object
that says what the file is: "format" is "task-cards-trace", and "version" says what follows.

    2  A saved trace. The first line has the fields of `Trace`, and "lines": how many follow, each
       a `Task`. Fields that are left out have their default. What main returned is kept as
       {"literal": its repr} where Python can read that back, else as {"text": its repr}.
    1  The events of a run, as the Rust recorder prints them; `helpers.tokio` describes them.

Records are read by their annotations: a field that `Trace`, `Task` or `Step` gets is kept with no
change here, and this module imports none of them.
"""

from __future__ import annotations

import ast
import contextlib
import enum
import functools
import gzip
import json
import math
import os
import types
import typing
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from helpers import perfetto

FORMAT = "task-cards-trace"
VERSION = 2
MAX_LINE = 1 << 25  # bytes
MAX_BYTES = 1 << 29  # of text, unpacked

Row = dict[str, Any]
Parser = Callable[[Any], Any]
Record = TypeVar("Record")


def save(trace: Any, path: str | os.PathLike[str]) -> Path:
    """Write a trace, gzipped when the name ends in ".gz"; returns the path.

    A name that ends in ".perfetto.json" is written for Perfetto, and cannot be loaded.
    """
    path = Path(path)
    to_perfetto = path.name.removesuffix(".gz").endswith(".perfetto.json")
    text = perfetto.text(trace) if to_perfetto else "".join(_lines(trace))
    # No time stamp in the gzip header: the same trace gives the same file.
    data = gzip.compress(text.encode(), mtime=0) if path.name.endswith(".gz") else text.encode()
    path.write_bytes(data)
    return path


def _lines(trace: Any) -> Iterator[str]:
    header = {"format": FORMAT, "version": VERSION, "lines": len(trace.lanes)}
    header |= _row(replace(trace, lanes=(), result=None, findings=()))
    header["findings"] = [finding.__getnewargs_ex__() for finding in trace.findings]
    header["result"] = _kept_result(trace.result)
    for row in (header, *map(_row, trace.lanes)):
        line = json.dumps(row, separators=(",", ":"), allow_nan=False, default=str) + "\n"
        if len(line) > MAX_LINE:
            raise ValueError(f"one line of the file would have {len(line):,} bytes, too many")
        yield line


def _row(record: Any) -> Row:
    """The fields of a record that differ from their defaults."""
    values = ((field, getattr(record, field.name)) for field in fields(record))
    return {field.name: value for field, value in values if value != field.default}


_NO_LITERAL = (TypeError, ValueError, SyntaxError, MemoryError, RecursionError)


def _kept_result(result: Any) -> Row:
    text = repr(result)
    with contextlib.suppress(*_NO_LITERAL):
        if ast.literal_eval(text) == result:
            return {"literal": text}
    return {"text": text}


class _Rows:
    """The lines of a file as objects; `line` is the number of the last one read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.line = 0

    def __iter__(self) -> Iterator[Row]:
        size = 0
        with (gzip.open if self.path.name.endswith(".gz") else open)(self.path, "rb") as file:
            while text := file.readline(MAX_LINE + 1):
                self.line += 1
                size += len(text)
                if len(text) > MAX_LINE or size > MAX_BYTES:
                    raise ValueError("it is longer than a trace can be")
                if not text.endswith(b"\n"):
                    raise ValueError("the file ends in the middle of this line")
                yield _of(dict, json.loads(text.decode()))


def load(kind: type[Record], path: str | os.PathLike[str]) -> Record:
    """Read a file into `kind`, which is `Trace`.

    A file in another format, or cut, or of a newer version, is a ValueError in one sentence that
    names the file and the line. One that is not there is a FileNotFoundError.
    """
    rows = _Rows(Path(path))
    try:
        return _read(kind, rows)
    except LookupError as error:
        sentence = f"{error} is missing or unknown"
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        sentence = str(error)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        sentence = f"the file is cut or is not gzip: {error}"
    raise ValueError(f"{rows.path.name}, line {rows.line}: {sentence}")


def _read(kind: type[Record], rows: _Rows) -> Record:
    lines = iter(rows)
    header = next(lines, {})
    version, count = header.get("version"), header.get("lines", header.get("events"))
    if header.get("format") != FORMAT or not isinstance(version, int):
        raise ValueError(f'a trace begins with a line that has "format": "{FORMAT}"')
    if version > VERSION:
        raise ValueError(f"the trace is of version {version}; this course knows {VERSION}")
    lane = typing.get_args(typing.get_type_hints(kind)["lanes"])[0]
    header, lanes = _saved(header, lines) if version == 1 else (header, lines)
    values = _fields(kind, header)
    values["lanes"] = tuple(lane(**_fields(lane, row)) for row in lanes)
    if rows.line - 1 != count:
        raise ValueError(f"the first line promises {_brief(count)} more lines: the file was cut")
    return kind(**values | {"result": _result(_of(dict, header.get("result", {})))})


def _result(kept: Row) -> Any:
    if "literal" not in kept:
        return kept.get("text")
    try:
        return ast.literal_eval(kept["literal"])
    except _NO_LITERAL:
        raise ValueError(f"the result is no literal: {_brief(kept)}") from None


def _fields(kind: Any, row: Row) -> Row:
    """The fields of a record in a row, each of the type that its annotation says."""
    return _parsed(_parsers(kind), row)


@functools.cache
def _parsers(kind: Any) -> dict[str, Parser]:
    return {name: _parser(hint) for name, hint in typing.get_type_hints(kind).items()}


def _parsed(parsers: dict[str, Parser], row: Row) -> Row:
    values = {}
    for name, parser in parsers.items():
        if name in row:
            try:
                values[name] = parser(row[name])
            except (ValueError, TypeError, LookupError) as error:
                raise ValueError(f"field {name!r}: {error}") from None
    return values


@functools.cache
def _parser(hint: Any) -> Parser:
    """A function from JSON's value to one of the annotated type, which refuses all others."""
    kind, inner = typing.get_origin(hint) or hint, typing.get_args(hint)
    if kind in (typing.Union, types.UnionType):
        plain = {int, str, types.NoneType}.issuperset(inner)
        parsers = [*map(_parser, inner)]
        return functools.partial(_of, hint) if plain else functools.partial(_first, parsers)
    if kind is tuple and inner[-1] is ...:
        item = _parser(inner[0])
        return lambda value: tuple(map(item, _of(list, value)))
    if kind is tuple or hasattr(kind, "_fields"):  # a NamedTuple is a list in JSON too
        parsers = [*map(_parser, inner or typing.get_type_hints(kind).values())]
        make = kind if inner == () else lambda *values: values
        return lambda value: make(*[p(v) for p, v in zip(parsers, _of(list, value), strict=False)])
    return _parser_of_class(kind)


def _parser_of_class(kind: Any) -> Parser:
    if kind is Any or not isinstance(kind, type):
        return lambda value: value
    if hasattr(kind, "__getnewargs_ex__"):  # a Finding: a text with attributes
        return lambda value: kind(*value[0], **value[1])
    if kind is float:
        return _number
    return kind if issubclass(kind, enum.Enum) else functools.partial(_of, kind)


def _first(parsers: list[Parser], value: Any) -> Any:
    """The value by the first parser that takes it."""
    for parser in parsers[:-1]:
        with contextlib.suppress(ValueError):
            return parser(value)
    return parsers[-1](value)


def _of(kind: Any, value: Any) -> Any:
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    name = getattr(kind, "__name__", kind)
    raise ValueError(f"expected {name}, found {_brief(value)}")


def _number(value: Any) -> Any:
    if type(value) in (int, float) and 0 <= value < math.inf:
        return value
    raise ValueError(f"expected a number of seconds, found {_brief(value)}")


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


# Version 1: the types of the events' fields. "due" and "error" may be left out.
_Who = int | str | None
_FIELDS: dict[str, dict[str, Any]] = {
    "spawn": {"task": int, "t": float, "name": str, "parent": int | None, "kind": str},
    "wake": {"task": int, "t": float, "by": _Who, "thread": str, "due": float},
    "poll": {"task": int, "start": float, "end": float, "thread": str},
    "cancel": {"task": int, "t": float, "by": _Who},
    "end": {"task": int, "t": float, "outcome": str, "error": str},
    "mark": {"task": int | None, "t": float, "text": str},
}
_EVENTS = {
    event: {name: _parser(hint) for name, hint in hints.items()} for event, hints in _FIELDS.items()
}
_KINDS = {"task": "task", "branch": "branch", "blocking": "thread"}


def _saved(header: Row, events: Iterator[Row]) -> tuple[Row, list[Row]]:
    """A recording as version 2 has it: its first line, and its lanes."""
    lanes: dict[int, Row] = {}
    woken: dict[int, tuple[float, _Who]] = {}  # by the first wake since the last poll began
    held: defaultdict[str, float] = defaultdict(float)  # until when each thread is
    marks: list[Any] = []
    sequence: list[int] = []
    last = 0.0
    for row in events:
        event = _parsed(_EVENTS[row["event"]], row)
        task: int = event["task"]
        time: float = event["start" if row["event"] == "poll" else "t"]
        last = max(last, event.get("end", time))
        match row["event"]:
            case "spawn":
                lanes[task] = _lane(event)
            case "wake":
                # If a held thread saw its timer late, the task was ready when the timer was due.
                # Other timers are late by themselves: they tick once a millisecond.
                due = event.get("due", math.inf)
                ready = due if due < held[event["thread"]] else time
                woken.setdefault(task, (ready, event["by"]))
            case "poll":
                lanes[task]["steps"].append(_step(lanes[task], event, woken.pop(task, None)))
                sequence.append(task)
                held[event["thread"]] = max(event["end"], held[event["thread"]])
            case "cancel":
                lanes[task]["cancels"].append([time, event["by"]])
            case "end":
                end = {"outcome": event["outcome"], "error": event.get("error", "")}
                lanes[task] |= {"ended": time, "end": time, **end}
            case "mark":
                marks.append([time, task, event["text"]])
    known = {"event", "format", "version", "events", "source", "clock", "workers"}
    about = {name: value for name, value in header.items() if name not in known}
    run = {"duration": last, "about": about, "marks": marks, "sequence": sequence}
    return header | run, [{"end": last, **lane} for lane in lanes.values()]


def _lane(spawn: Row) -> Row:
    """A task that is known by its spawn alone."""
    lane = {"id": spawn["task"], "name": spawn["name"], "parent": spawn["parent"]}
    lane |= {"spawned": spawn["t"], "kind": _KINDS[spawn["kind"]]}
    return lane | {"ended": None, "outcome": "pending", "steps": [], "cancels": []}


def _step(lane: Row, poll: Row, woken: tuple[float, _Who] | None) -> list[Any]:
    """A poll as a step: since when the lane was ready for it, and who made it so."""
    steps, parent, start = lane["steps"], lane["parent"], poll["start"]
    free = steps[-1][2] if steps else lane["spawned"]
    if not steps:
        ready, by = free, "start" if parent is None else parent
    elif woken is not None:
        ready, by = woken
    else:  # a branch is polled whenever its parent is, woken or not
        ready, by = start, parent if lane["kind"] == "branch" else None
    return [min(max(ready, free), start), start, poll["end"], poll["thread"], by]
