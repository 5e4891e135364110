"""Seconds of a run as a reader sees them: in kitchen minutes, seconds or milliseconds."""

from __future__ import annotations

from dataclasses import dataclass

from helpers import text as words
from helpers.trace import Trace

UNITS = {
    "minutes": (1.0, "kitchen minutes", "min"),
    "seconds": (1.0, "seconds", "s"),
    "milliseconds": (1e3, "milliseconds", "ms"),
}
STEPS = "steps"  # the places of steps, where no time passes


@dataclass(frozen=True, slots=True)
class Scale:
    """From seconds of the clock to the numbers on an axis, and to words.

    `factor` is axis units per second, `axis` the axis' title, `short` the sign behind a number.
    """

    unit: str
    factor: float
    axis: str
    short: str
    exact: bool

    def at(self, seconds: float) -> float:
        """A moment as a number on the axis: to a microsecond, or exact under the virtual clock."""
        value = round(seconds * self.factor, 9 if self.exact else 6 if self.factor == 1 else 3)
        return int(value) if value == int(value) else value  # 5, not 5.0: it is half as long

    def moment(self, seconds: float) -> str:
        """A moment in words, without its unit: "12.4"."""
        if self.exact:
            return words.number(seconds * self.factor, 6)
        return words.number(seconds * self.factor, 3 if self.factor == 1 else 2)

    def long(self, seconds: float) -> str:
        """A duration in words: "10 min", "2 s", "12.4 ms", "85 µs"."""
        if self.unit == STEPS:
            return "no time passes"
        if self.unit == "milliseconds" and self.exact:
            return f"{words.number(seconds * 1e3, 6)} ms"
        return words.seconds(seconds, self.unit, exact=self.exact)


def scale(trace: Trace, unit: str | None = None) -> Scale:
    """The scale of a trace: its own unit, or milliseconds for a short run on the real clock."""
    if unit is None:
        short = trace.clock == "real" and trace.duration < 1 and trace.unit == "seconds"
        unit = "milliseconds" if short else trace.unit
    if unit not in UNITS:
        raise ValueError(f"unit is one of {', '.join(map(repr, UNITS))}, got {unit!r}")
    return Scale(unit, *UNITS[unit], exact=trace.clock == "virtual")


def of_steps() -> Scale:
    """The scale of a run in which no time passes: one unit is one step."""
    return Scale(STEPS, 1.0, "steps, one after another: no time passes", "in the order", exact=True)
