"""Which fields each line of a trace file has, and what may stand in them."""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from typing import Any, NamedTuple

from helpers.trace import LaneKind, Outcome

_LARGEST = 2**53  # whole numbers above are not exact everywhere
_short = reprlib.Repr()
_short.maxstring = 60


class Kind(NamedTuple):
    """A kind of value: how to tell it, and its name in a sentence."""

    test: Callable[[Any], bool]
    words: str


Spec = dict[str, tuple[bool, Kind]]  # the field: must it be there, and what it may be


def brief(value: object) -> str:
    """A value as it is quoted in a sentence: never long."""
    return _short.repr(value)


def _is_whole(value: Any) -> bool:
    return type(value) is int and 0 <= value < _LARGEST


def _is_seconds(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < 1e12


def _one_of(*words: str) -> Kind:
    return Kind(lambda value: isinstance(value, str) and value in words, f"one of {words}")


def _or_null(kind: Kind) -> Kind:
    return Kind(lambda value: value is None or kind.test(value), f"{kind.words} or null")


WHOLE = Kind(_is_whole, "a whole number from 0")
SECONDS = Kind(_is_seconds, "a number of seconds from 0")
TEXT = Kind(lambda value: isinstance(value, str), "text")
OBJECT = Kind(lambda value: isinstance(value, dict), "an object in braces")
WHO = Kind(
    lambda value: value is None or isinstance(value, str) or _is_whole(value),
    "a task's number, a word or null",
)
POSITIVE = Kind(lambda value: _is_whole(value) and value > 0, "a whole number from 1")
# A lane of a thread's work is called by Tokio's word in the file.
LANE_KINDS = {
    "task": LaneKind.TASK,
    "branch": LaneKind.BRANCH,
    "blocking": LaneKind.THREAD,
    "callback": LaneKind.CALLBACK,
}

FIXED = ("event", "format", "version")
RESULT = ("result", "result_literal", "result_text")
META: Spec = {
    "version": (True, Kind(lambda value: type(value) is int and value == 1, "1")),
    "source": (True, TEXT),
    "clock": (True, _one_of("real", "virtual")),
    "workers": (True, POSITIVE),
    "events": (True, WHOLE),
    "duration": (False, SECONDS),
    "unit": (False, _one_of("seconds", "minutes")),
    "result": (False, Kind(lambda value: True, "anything")),
    "result_literal": (False, TEXT),
    "result_text": (False, TEXT),
    "about": (False, OBJECT),
}
SPAWN: Spec = {
    "task": (True, WHOLE),
    "name": (True, TEXT),
    "parent": (True, _or_null(WHOLE)),
    "t": (True, SECONDS),
    "kind": (True, _one_of(*LANE_KINDS)),
    "place": (False, TEXT),
    "lane": (False, WHOLE),
}
WAKE: Spec = {
    "task": (True, WHOLE),
    "t": (True, SECONDS),
    "by": (True, WHO),
    "thread": (True, TEXT),
    "due": (False, SECONDS),
}
POLL: Spec = {
    "task": (True, WHOLE),
    "start": (True, SECONDS),
    "end": (True, SECONDS),
    "thread": (True, TEXT),
    "result": (True, _one_of("pending", "ready", "panic")),
    "ready": (False, SECONDS),
    "by": (False, WHO),
}
CANCEL: Spec = {"task": (True, WHOLE), "t": (True, SECONDS), "by": (True, WHO)}
END: Spec = {
    "task": (True, WHOLE),
    "t": (True, SECONDS),
    "outcome": (True, _one_of(*Outcome)),
    "error": (False, TEXT),
    "waits_at": (False, TEXT),
}
MARK: Spec = {"t": (True, SECONDS), "task": (True, _or_null(WHOLE)), "text": (True, TEXT)}
FINDING: Spec = {"kind": (True, TEXT), "task": (True, _or_null(WHOLE)), "text": (True, TEXT)}
