"""Fixtures for the labs' tests: small labs of a test's own, and a look at who is left over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from helpers import busy
from helpers.labs.engine import Engine, Event, State
from helpers.labs.spec import LabSpec, Prediction, Slider
from helpers.trace import Trace

HEAD = """\
import asyncio

from tests.labs.conftest import DOOR


async def main():
"""
PROGRAMS = {
    # Three ovens for as long as the slider says.
    "ovens": """\
    await asyncio.gather(*(asyncio.sleep($ms / 1000) for _ in range(3)))
    return $ms
""",
    # A blocking call that nothing can break.
    "blocking": "    DOOR.stand()\n",
    # A blocking call in a thread.
    "helper": "    await asyncio.to_thread(DOOR.stand)\n",
    # A step that never ends.
    "endless": """\
    DOOR.reached.set()
    while True:
        pass
""",
    # A thousand steps that are ready; the first stands at the door.
    "crowd": """\
    async def cook():
        DOOR.stand()
    await asyncio.gather(*(cook() for _ in range(1000)))
""",
    "fails": "    raise ValueError('burnt')\n",
}
# So long (ms) that a run of it goes on until it is ended.
HOUR = 3_600_000
# Seconds after which a test gives up: far more than the slowest machine needs.
PATIENCE = 60


class Door:
    """Where a program under test stands until the test lets it pass."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()

    def stand(self) -> None:
        """Called by the program: hold its thread until the door is opened."""
        self.reached.set()
        self.opened.wait(2 * PATIENCE)


# There is one, since a program is text that has to import it.
DOOR = Door()


def spec_of(program: str, **more: object) -> LabSpec:
    """A lab on the real clock with one slider, `ms` from 0 to an hour."""
    text = HEAD + PROGRAMS[program]
    options: dict[str, object] = {
        "name": "test",
        "title": "A test?",
        "story": "",
        "prediction": Prediction("How long?", lambda values, answer, trace: f"You said {answer}."),
        "own_controls": (Slider("ms", "Time in the oven (ms)", 0, HOUR, 50),),
        "source": lambda values: text.replace("$ms", str(values["ms"])),
        "forecast": lambda values: f"{values['ms']} ms",
        "numbers": lambda values, trace: [f"It returned {trace.result}."],
        "clocks": ("real",),
        "max_seconds": 600,
    }
    return LabSpec(**(options | more))  # type: ignore[arg-type]


class Diary:
    """A listener that keeps every event, in order, and lets a test wait for the next."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.held = 0.0  # seconds for which a picture holds Python's lock
        self._heard = threading.Condition()
        self._read = 0

    def __call__(self, event: Event) -> None:
        with self._heard:
            self.events.append(event)
            self._heard.notify_all()
        busy(self.held if event.trace else 0)

    def next(self, state: State, *, with_trace: bool = False) -> Event:
        """The next event of this state after the one given last, however late; no preview."""

        def found() -> Event | None:
            while self._read < len(self.events):
                event = self.events[self._read]
                self._read += 1
                fits = event.state is state and not event.pale
                if fits and (event.trace is not None or not with_trace):
                    return event
            return None

        with self._heard:
            event = self._heard.wait_for(found, PATIENCE)
        assert event is not None, f"waited in vain for {state}, heard {self.states}"
        return event

    @property
    def states(self) -> list[State]:
        """The states in order, each run of equal ones told once; previews are not counted."""
        seen: list[State] = []
        for event in self.events:
            if seen[-1:] != [event.state] and not event.pale:
                seen.append(event.state)
        return seen

    def last(self) -> tuple[Event, Trace]:
        """The last event, and its trace, which must be there."""
        event = self.events[-1]
        assert event.trace is not None, event
        return event, event.trace

    def values_run(self) -> list[object]:
        """The slider's value of each run, in order: as it begins, or ends if that was not told."""
        values: list[object] = []
        begun = False
        for event in (event for event in self.events if not event.pale):
            begins = event.state is State.RUNNING and event.trace is None
            if begins or (event.state is State.DONE and not begun):
                values.append(event.values["ms"])
            begun = begins or (begun and event.state is State.RUNNING)
        return values


def served(engine: Engine, seconds: float) -> bool:
    """Wait until an engine has served its newest wish and preview; False if that takes longer."""

    def late() -> bool:
        return engine._wish is not engine._served or engine._pale is not None

    end = time.monotonic() + seconds
    while late() and time.monotonic() < end:
        busy(0.001)
    return not late()


def wait_for_strangers(
    before: set[threading.Thread], *, but: threading.Thread | None = None
) -> None:
    """Wait until every thread has ended that was not there before, except one."""
    strangers = set(threading.enumerate()) - before - {but}
    for thread in strangers:
        thread._started.wait(PATIENCE)  # type: ignore[attr-defined]  # it may be about to begin
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in strangers)


Make = Callable[..., tuple[Engine, Diary]]


@pytest.fixture
def nothing_left() -> Iterator[set[threading.Thread]]:
    """The threads before the test; afterwards the same ones must be there, and no other."""
    before = set(threading.enumerate())
    yield before
    wait_for_strangers(before)


@pytest.fixture
def door(nothing_left: set[threading.Thread]) -> Iterator[Door]:
    """The door, shut; afterwards it is open, so that no program stays behind."""
    DOOR.reached.clear()
    DOOR.opened.clear()
    yield DOOR
    DOOR.opened.set()


@pytest.fixture
def make(nothing_left: set[threading.Thread]) -> Iterator[Make]:
    """`make("ovens", clocks=...)` gives an engine and its diary; each is closed at the end.

    The engine runs a changed value at once, unless a test has it wait for more changes; and says
    that it runs on the real clock only, unless a test has it do so on the virtual one.
    """
    engines: list[Engine] = []

    def one(program: str | LabSpec, **more: object) -> tuple[Engine, Diary]:
        diary = Diary()
        engine = Engine(spec_of(program, **more) if isinstance(program, str) else program, diary)
        engine.patience, engine.at_once = 0, PATIENCE
        engines.append(engine)
        return engine, diary

    yield one
    for engine in engines:
        engine.ask(State.CLOSED)
        assert served(engine, PATIENCE), "a run does not end"
