"""Fixtures for the labs' tests: small labs of a test's own, and a look at who is left over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from helpers.labs.engine import Engine, Event, State
from helpers.labs.spec import LabSpec, Prediction, Slider, Values

PROGRAMS = {
    # Ovens: any number of tasks, each asleep for as long as the slider says.
    "ovens": """\
import asyncio


async def main():
    await asyncio.gather(*(asyncio.sleep($ms / 1000) for _ in range(3)))
    return $ms
""",
    # A blocking call that nothing can break.
    "stare": """\
import time


async def main():
    time.sleep($ms / 1000)
""",
    # A step that never ends.
    "endless": """\
async def main():
    while True:
        pass
""",
    "helper": """\
import asyncio
import time


async def main():
    await asyncio.to_thread(time.sleep, $ms / 1000)
""",
    # A queue of short steps, eight seconds of them, before anything else has its turn.
    "crowd": """\
import asyncio

from helpers import busy


async def cook():
    busy(0.008)


async def main():
    await asyncio.gather(*(cook() for _ in range(1000)))
""",
    "fails": """\
async def main():
    raise ValueError("burnt")
""",
    "nonsense": "async def main(:",
    "no main": "x = 1",
}


def spec_of(program: str, *, clocks: tuple[str, ...] = ("real",), **more: object) -> LabSpec:
    """A lab with one slider, `ms` from 0 to 10,000."""
    text = PROGRAMS[program]
    options: dict[str, object] = {
        "name": "test",
        "title": "A test?",
        "story": "",
        "prediction": Prediction("How long?", lambda values, answer, trace: f"You said {answer}."),
        "own_controls": (Slider("ms", "Time in the oven (ms)", 0, 10_000, 50),),
        "source": lambda values: text.replace("$ms", str(values["ms"])),
        "forecast": lambda values: f"{values['ms']} ms",
        "numbers": lambda values, trace: [f"It returned {trace.result}."],
        "clocks": clocks,
    }
    return LabSpec(**(options | more))  # type: ignore[arg-type]


class Diary:
    """A listener that writes every event down."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    @property
    def states(self) -> list[State]:
        """The states in order, each run of equal ones told once."""
        seen: list[State] = []
        for event in self.events:
            if seen[-1:] != [event.state]:
                seen.append(event.state)
        return seen

    def last(self, state: State) -> Event:
        return next(event for event in reversed(self.events) if event.state is state)

    def values_run(self) -> list[object]:
        """The slider's value of each run, in order."""
        return [
            event.values["ms"]
            for event in self.events
            if event.state is State.RUNNING and event.trace is None
        ]


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def strangers(before: set[threading.Thread]) -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread not in before}


@pytest.fixture
def nothing_left() -> Iterator[set[threading.Thread]]:
    """The threads before the test; afterwards the same ones must be there, and no other."""
    before = set(threading.enumerate())
    yield before
    until(lambda: not strangers(before))


@pytest.fixture
def make(
    nothing_left: set[threading.Thread],
) -> Iterator[Callable[..., tuple[Engine, Diary]]]:
    """`make("ovens", clocks=...)` gives an engine and its diary; each is closed at the end."""
    made: list[Engine] = []

    def one(program: str | LabSpec, **more: object) -> tuple[Engine, Diary]:
        spec = program if isinstance(program, LabSpec) else spec_of(program, **more)  # type: ignore[arg-type]
        diary = Diary()
        engine = Engine(spec, diary)
        made.append(engine)
        return engine, diary

    yield one
    for engine in made:
        engine.close()


def with_ms(ms: int) -> Values:
    return {"ms": ms}
