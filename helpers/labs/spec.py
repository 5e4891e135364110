"""What a lab is, as data: its question, its controls, and the exact program for chosen values."""

import linecache
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from helpers.run.clock import busy
from helpers.run.session import Run
from helpers.text import seconds
from helpers.trace import Mark, Trace

Value = bool | int | str
Values = Mapping[str, Value]

FILE = "the {} lab's code"  # as tracebacks and findings know a lab's program
HAS_THREADS = sys.platform != "emscripten"  # the real clock needs one: Python in a browser has none
_CLOCKS = (("virtual: exact, at once", "virtual"), ("real: live, it takes its time", "real"))


@dataclass(frozen=True)
class _Control:
    name: str
    label: str
    # At values for which this is false, or 0, the control means nothing and is hidden.
    shown: Callable[[Values], object] = field(default=lambda _: True, kw_only=True)


@dataclass(frozen=True)
class Slider(_Control):
    """A whole number between two limits, both included; with `log`, each ten times as far."""

    low: int
    high: int
    default: int
    step: int = 1
    log: bool = False


@dataclass(frozen=True)
class Choice(_Control):
    """One of a few options, each a pair of the words shown and the value meant."""

    options: tuple[tuple[str, Value], ...]
    default: Value


Control = Slider | Choice


@dataclass(frozen=True)
class Prediction:
    """What is asked before the run, and how the answer is compared with what happened.

    With `options` the answer is one of them, a text; without, a number. `compare` gets the values,
    the answer and the trace of a run that came to its end, and gives one sentence. `unit` is how
    many seconds a number stands for that is a moment of the run: it is drawn there.
    """

    question: str
    compare: Callable[[Values, str | float, Trace], str]
    options: tuple[str, ...] = ()
    unit: float = 0.0


class Challenge(NamedTuple):
    """What to find, in the words after "Find", and whether a run that came to its end met it."""

    text: str
    met: Callable[[Values, Trace], bool]


@dataclass(frozen=True)
class LabSpec:
    """A lab: `source(values)` is the Python that runs, with an `async def main()` in it.

    `forecast(values)` says before the run what it will ask of the chef; `numbers(values, trace)`
    are sentences on what came out. With `shows_result`, main returns a Trace, and that one is what
    came out. `beside(values)` is a recorded run of the same job to show in its place, or None.
    `message(trace)` is the picture's title when the run has ended; without it, the timeline's own.
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
    max_seconds: float = 30.0
    unit: str | None = None  # of the pictures' axes, as in `timeline`
    shows_result: bool = False
    beside: Callable[[Values], Trace | None] | None = None
    message: Callable[[Trace], str] | None = None
    so_far: Callable[[Trace], list[str]] = lambda _: []  # `numbers` while it runs, from a snapshot
    scenes: Mapping[str, Values] = field(default_factory=dict)  # a button's words, its values
    challenge: Challenge | None = None
    # What is marked, also beyond the run's end; without its trace while the question is open.
    marks: Callable[[Values, Trace | None], Sequence[Mark]] = lambda _, __: ()

    @property
    def controls(self) -> tuple[Control, ...]:
        """The lab's own controls, and the choice of a clock where there is one."""
        if len(self.clocks) == 1 or not HAS_THREADS:
            return self.own_controls
        return (*self.own_controls, Choice("clock", "Clock", _CLOCKS, self.clocks[0]))

    def defaults(self) -> Values:
        """The values at which a fresh lab stands."""
        return {control.name: control.default for control in self.controls}

    def clock(self, values: Values) -> str:
        """The clock that a run with these values is recorded on."""
        first = "virtual" if "virtual" in self.clocks and not HAS_THREADS else self.clocks[0]
        return str(values.get("clock", first))

    def code(self, values: Values) -> str:
        """The text to paste in a cell: the program that the lab runs, and the line that runs it."""
        last = f'trace = await record(main(), clock="{self.clock(values)}")\ntrace\n'
        if self.shows_result:
            last = f"trace = await main()\ntimeline(trace, unit={self.unit!r})\n"
        return f"{self.source(values)}\n\n{last}"

    def preview(self, values: Values) -> Trace:
        """The values' run on the virtual clock; empty where it fails, takes long, or cannot be."""
        if self.clocks == ("real",) and "time.sleep" not in self.source(values):
            return Trace((), 0.0)  # it needs sockets, which are not virtual
        run = Run(self.coroutine(values, pale=True), max_seconds=3.0)
        run.start()
        trace = self.came_out(run.finished.result())
        return trace if run.error is None else Trace((), 0.0)

    def came_out(self, trace: Trace) -> Trace:
        """What a run's picture shows: its trace, or the one that its main returned."""
        return trace.result if self.shows_result and isinstance(trace.result, Trace) else trace

    def coroutine(self, values: Values, *, pale: bool = False) -> Coroutine[Any, Any, Any]:
        """A fresh `main()` of the program for these values; a pale one blocks virtually."""
        source, name = self.source(values), FILE.format(self.name)
        source = source.replace("time.sleep", "busy") if pale else source
        namespace: dict[str, Any] = {"__name__": name, "busy": busy}
        exec(compile(source, name, "exec"), namespace)
        # Findings quote lines from here. Without a time of change (None), Python keeps them.
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        main: Coroutine[Any, Any, Any] = namespace["main"]()
        return main


def told(trace: Trace, value: float) -> str:
    """A duration of a run: exact under the virtual clock, cut to three figures under the real."""
    return seconds(round(value, 4), exact=trace.clock == "virtual")


def whole(values: Values, name: str) -> int:
    """A value that is a whole number."""
    return int(values[name])


def literal(milliseconds: float) -> str:
    """Milliseconds as the seconds that a program writes: 50 is 0.05."""
    return f"{milliseconds / 1000:g}"
