"""A trace file, read event by event and refused in a sentence.

Nothing is believed before it is checked: a line is read up to a limit, a file up to a limit, and
only as many events as its first line promises. So a cut, foreign or hostile file costs neither
time nor memory.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NoReturn

from helpers.tokio import fields
from helpers.tokio.events import Cancel, End, Event, Finding, Mark, Meta, Poll, Spawn, Wake
from helpers.tokio.fields import Spec

FORMAT = "task-cards-trace"
VERSION = 1
MAX_LINE = 1 << 20  # bytes
MAX_BYTES = 400_000_000  # of text, unpacked
MAX_EVENTS = 2_000_000


class NotATrace(ValueError):
    """The file is no trace of this course, or not a whole one. The sentence says what is wrong."""


_SPECS: dict[str, tuple[type[Any], Spec]] = {
    "spawn": (Spawn, fields.SPAWN),
    "wake": (Wake, fields.WAKE),
    "poll": (Poll, fields.POLL),
    "cancel": (Cancel, fields.CANCEL),
    "end": (End, fields.END),
    "mark": (Mark, fields.MARK),
    "finding": (Finding, fields.FINDING),
}


def _no_constant(word: str) -> NoReturn:
    """NaN and Infinity are no JSON, though Python's reader would take them."""
    raise ValueError(f"{word} is no JSON")


_JSON = json.JSONDecoder(parse_constant=_no_constant)


class Reader:
    """One trace file: `meta` at once, its events by iteration. Use it in a `with` statement."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open the file and read its first line. A file that is no trace is a NotATrace."""
        self.path = Path(path)
        self._line = 0
        self._bytes = 0
        self._raw = self.path.open("rb")
        self._file: IO[bytes] = self._raw
        if self.path.name.endswith(".gz"):
            self._file = gzip.GzipFile(fileobj=self._raw, mode="rb")  # type: ignore[assignment]
        try:
            self.meta = self._read_meta()
        except BaseException:
            self._raw.close()
            raise

    def __enter__(self) -> Reader:
        """Give the reader; the file is closed at the end of the `with`."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._raw.close()

    def __iter__(self) -> Iterator[Event]:
        """Each event, checked. Tasks are spawned before anything else is said of them."""
        known: set[int] = set()
        while (row := self._next_row()) is not None:
            if self._line - 1 > self.meta.events:
                self.refuse(
                    f"there are more events than the {self.meta.events} its first line says"
                )
            event = self._event(row)
            if isinstance(event, Spawn):
                if event.task in known:
                    self.refuse(f"task {event.task} was spawned before", "task")
                self._known(event.parent, known, "parent")
                known.add(event.task)
            else:
                self._known(event.task, known, "task")
            yield event
        if self._line - 1 < self.meta.events:
            self.refuse(f"it ends after {self._line - 1} of {self.meta.events} events: it was cut")

    def refuse(self, sentence: str, field: str = "") -> NoReturn:
        """Raise a NotATrace that names the file, the line and the field."""
        where = f", field {field!r}" if field else ""
        raise NotATrace(f"{self.path.name}, line {self._line}{where}: {sentence}")

    def _known(self, task: int | None, known: set[int], field: str) -> None:
        if task is not None and task not in known:
            self.refuse(f"task {task} has not been spawned", field)

    def _event(self, row: dict[str, Any]) -> Event:
        name = row.get("event")
        if not isinstance(name, str) or name not in _SPECS:
            self.refuse(f"expected one of {', '.join(_SPECS)}, found {fields.brief(name)}", "event")
        made, spec = _SPECS[name]
        values = self._checked(row, spec)
        event: Event = made(line=self._line, **values)
        if isinstance(event, Poll) and event.end < event.start:
            self.refuse(f"a poll that started at {event.start} ended at {event.end}", "end")
        return event

    def _checked(self, row: dict[str, Any], spec: Spec) -> dict[str, Any]:
        """The row's values that the spec names, each of the kind that it asks for."""
        values: dict[str, Any] = {}
        for field, (needed, kind) in spec.items():
            if field in row:
                value = row[field]
                if not kind.test(value):
                    self.refuse(f"expected {kind.words}, found {fields.brief(value)}", field)
                values[field] = value
            elif needed:
                self.refuse(f"it is missing; expected {kind.words}", field)
        return values

    def _read_meta(self) -> Meta:
        row = self._next_row()
        if row is None:
            raise NotATrace(f"{self.path.name} is empty, so it is no trace")
        if row.get("format") != FORMAT or row.get("event") != "meta":
            self.refuse(f'expected the first line of a trace, with "format": "{FORMAT}"', "format")
        version = row.get("version")
        if isinstance(version, int) and version > VERSION:
            self.refuse(
                f"it was written in version {version} of the format, newer than {VERSION}, "
                "the one that is known here",
                "version",
            )
        values = self._checked(row, fields.META)
        if values["events"] > MAX_EVENTS:
            self.refuse(
                f"it says {values['events']} events; at most {MAX_EVENTS} are read", "events"
            )
        about = {k: v for k, v in row.items() if k not in fields.META and k not in fields.FIXED}
        about |= values.get("about", {})
        result = {k: row[k] for k in fields.RESULT if k in row}
        return Meta(
            values["source"],
            values["clock"],
            values["workers"],
            values["events"],
            values.get("duration"),
            values.get("unit", "seconds"),
            result,
            about,
        )

    def _next_row(self) -> dict[str, Any] | None:
        """The next line as an object, or None at the end of the file."""
        line = self._next_line()
        if not line:
            return None
        self._line += 1
        self._bytes += len(line)
        if self._bytes > MAX_BYTES:
            self.refuse(f"it is longer than {MAX_BYTES:,} bytes, more than is read")
        if not line.endswith(b"\n"):
            cut = len(line) <= MAX_LINE
            self.refuse(
                "it ends in the middle of this line: it was cut, or is no trace"
                if cut
                else f"the line is longer than {MAX_LINE:,} bytes, so this is no trace"
            )
        try:
            row = _JSON.decode(line.decode("utf-8"))
        except (ValueError, RecursionError):
            self.refuse("it is no line of JSON")
        if not isinstance(row, dict):
            self.refuse(f"expected an object in braces, found {fields.brief(row)}")
        return row

    def _next_line(self) -> bytes:
        """A line of bytes, read up to the limit; nothing at the end of the file."""
        try:
            return self._file.readline(MAX_LINE + 1)
        except EOFError:
            self.refuse("the gzip data stops short: the file was cut")
        except (gzip.BadGzipFile, zlib.error) as error:
            self.refuse(f"the name ends in .gz, but the file is not gzip ({error})")
