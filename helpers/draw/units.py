"""Seconds of a run as a reader sees them: in kitchen minutes, seconds or milliseconds."""

from typing import NamedTuple

from helpers import text as words
from helpers.trace import Trace

_UNITS = {
    "minutes": (1.0, "kitchen minutes", "min"),
    "seconds": (1.0, "seconds", "s"),
    "milliseconds": (1e3, "milliseconds", "ms"),
}


class TimeUnit(NamedTuple):
    """Turns seconds of the clock into numbers on an axis, and into words."""

    name: str
    factor: float  # units per second
    axis: str  # the axis' title
    short: str  # what stands behind a number
    exact: bool  # whether the clock is virtual

    def at(self, seconds: float) -> float:
        """A moment as a number on the axis: to a microsecond, or exact under the virtual clock."""
        value = round(seconds * self.factor, 9 if self.exact else 6 if self.factor == 1 else 3)
        return int(value) if value == int(value) else value  # 5, not 5.0: it is half as long

    def moment(self, seconds: float) -> str:
        """A moment in words, without its unit: "12.4"."""
        digits = 6 if self.exact else 3 if self.factor == 1 else 2
        return words.number(seconds * self.factor, digits)

    def long(self, seconds: float) -> str:
        """A duration in words: "10 min", "2 s", "12.4 ms", "85 µs"."""
        if self.name == "milliseconds" and self.exact:
            return f"{words.number(seconds * 1e3, 6)} ms"
        return words.seconds(seconds, self.name, exact=self.exact)


# The unit of a run in which no time passes: one step.
STEPS = TimeUnit("", 1.0, "steps, one after another: no time passes", "in the order", exact=True)


def time_unit(trace: Trace, name: str | None = None) -> TimeUnit:
    """The unit of that name; without one, the trace's own, or milliseconds for a short real run."""
    if name is None:
        short = trace.clock == "real" and trace.duration < 1 and trace.unit == "seconds"
        name = "milliseconds" if short else trace.unit
    if name not in _UNITS:
        raise ValueError(f"unit is one of {', '.join(map(repr, _UNITS))}, got {name!r}")
    return TimeUnit(name, *_UNITS[name], exact=trace.clock == "virtual")
