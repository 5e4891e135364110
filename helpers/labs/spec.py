"""What a lab is, as data: its question, its controls, and the exact program for chosen values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from helpers.text import listing
from helpers.trace import Trace

Value = bool | int | float | str
Values = Mapping[str, Value]

# Both clocks, with the words for them. The virtual one is exact and instant, the real one is live.
CLOCKS = (("virtual: exact, at once", "virtual"), ("real: live, it takes its time", "real"))


def _always(_: Values) -> bool:
    return True


@dataclass(frozen=True)
class Slider:
    """A number between two limits, both included. Whole numbers only if `step` is whole."""

    name: str
    label: str
    low: float
    high: float
    default: float
    step: float = 1
    shown: Callable[[Values], bool] = _always  # hidden where other values make it meaningless

    def check(self, value: Value) -> Value:
        """The value, if the slider could stand at it; else a ValueError in a sentence."""
        number = not isinstance(value, bool) and isinstance(value, int | float)
        if not number or not self.low <= value <= self.high:  # type: ignore[operator]
            raise ValueError(
                f"{self.label!r} is a number from {self.low:g} to {self.high:g}, got {value!r}"
            )
        if self.whole and value != int(value):
            raise ValueError(f"{self.label!r} is a whole number, got {value!r}")
        return int(value) if self.whole else float(value)

    @property
    def whole(self) -> bool:
        """Whether it moves over whole numbers alone."""
        return float(self.step).is_integer()


@dataclass(frozen=True)
class Choice:
    """One of a few options, each a pair of the words shown and the value meant."""

    name: str
    label: str
    options: tuple[tuple[str, str], ...]
    default: str
    shown: Callable[[Values], bool] = _always

    def check(self, value: Value) -> Value:
        """The value, if it is one of the options'; else a ValueError in a sentence."""
        known = [meant for _, meant in self.options]
        if value not in known:
            raise ValueError(f"{self.label!r} is one of {', '.join(known)}, got {value!r}")
        return value


@dataclass(frozen=True)
class Switch:
    """Yes or no."""

    name: str
    label: str
    default: bool
    shown: Callable[[Values], bool] = _always

    def check(self, value: Value) -> Value:
        """The value, if it is True or False; else a ValueError in a sentence."""
        if not isinstance(value, bool):
            raise ValueError(f"{self.label!r} is True or False, got {value!r}")
        return value


Control = Slider | Choice | Switch


@dataclass(frozen=True)
class Prediction:
    """What is asked before the run, and how the answer is compared with what happened.

    With `options` the answer is one of them, a text; without, a number of `unit`. `only(values)`
    are those that can come true with these values, if not all can. `compare` gets the values, the
    answer and the trace of a run that came to its end, and gives one sentence.
    """

    question: str
    compare: Callable[[Values, str | float, Trace], str]
    options: tuple[str, ...] = ()
    unit: str = "seconds"
    only: Callable[[Values], Sequence[str]] | None = None

    def offers(self, values: Values) -> tuple[str, ...]:
        """The options that are offered while the controls stand at these values."""
        return self.options if self.only is None else tuple(self.only(values))


@dataclass(frozen=True)
class LabSpec:
    """A lab: `source(values)` is the Python that runs, with an `async def main()` in it.

    `forecast(values)` says before the run what it will ask of the chef; `refusal(values)` is empty,
    or a sentence on why these values cannot be run; `numbers(values, trace)` says in sentences
    what came out. With `shows_result`, main returns a Trace, and that one is what came out.
    `beside(values)` is a recorded run of the same job to show below it, or None. `message(trace)`
    is the picture's title when the run has come to its end; without it, the timeline's own is.
    """

    name: str
    title: str
    story: str
    prediction: Prediction
    own_controls: tuple[Control, ...]
    source: Callable[[Values], str]
    forecast: Callable[[Values], str]
    numbers: Callable[[Values, Trace], list[str]]
    clocks: tuple[str, ...] = ("real", "virtual")  # the first is the default
    refusal: Callable[[Values], str] = lambda _: ""
    max_seconds: float = 30.0
    height: int = 480  # of the picture, in pixels
    unit: str | None = None  # of the pictures' axes, as in `timeline`
    shows_result: bool = False
    beside: Callable[[Values], Trace | None] | None = None
    message: Callable[[Trace], str] | None = None
    controls: tuple[Control, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Add the choice of a clock where there is one."""
        options = tuple(option for option in CLOCKS if option[1] in self.clocks)
        clock = Choice("clock", "Clock", options, self.clocks[0])
        added = (clock,) if len(options) > 1 else ()
        object.__setattr__(self, "controls", (*self.own_controls, *added))

    def defaults(self) -> Values:
        """The values at which a fresh lab stands."""
        return MappingProxyType({control.name: control.default for control in self.controls})

    def check(self, values: Values) -> Values:
        """The values, complete and each in its limits; else a ValueError in a sentence.

        What is left out is the default.
        """
        known = {control.name: control for control in self.controls}
        strange = [repr(name) for name in values if name not in known]
        if strange:
            raise ValueError(
                f"the {self.name} lab has no {listing(strange)}; it has {', '.join(known)}"
            )
        given = {**self.defaults(), **values}
        return MappingProxyType({name: known[name].check(given[name]) for name in known})

    def clock(self, values: Values) -> str:
        """The clock that a run with these values is recorded on."""
        return str(values.get("clock", self.clocks[0]))

    def code(self, values: Values) -> str:
        """The text to paste in a cell: the program that the lab runs, and the line that runs it."""
        last = f'trace = await record(main(), clock="{self.clock(values)}")\ntrace\n'
        if self.shows_result:
            last = f"trace = await main()\ntimeline(trace, unit={self.unit!r})\n"
        return f"{self.source(values)}\n\n{last}"

    def shown(self, trace: Trace) -> Trace:
        """What is shown of a recorded run: itself, or the Trace that main returned."""
        returned = trace.result
        return returned if self.shows_result and isinstance(returned, Trace) else trace
