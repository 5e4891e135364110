"""Numbers in a lab's sentences and programs."""

from __future__ import annotations

from helpers.labs.spec import Values
from helpers.text import seconds
from helpers.trace import Trace


def told(trace: Trace, value: float) -> str:
    """A duration of a run: exact under the virtual clock, cut to three figures under the real."""
    return seconds(round(value, 4), exact=trace.clock == "virtual")


def whole(values: Values, name: str) -> int:
    """A value that is a whole number."""
    return int(values[name])


def literal(milliseconds: float) -> str:
    """Milliseconds as the seconds that a program writes: 50 is 0.05."""
    return f"{milliseconds / 1000:g}"
