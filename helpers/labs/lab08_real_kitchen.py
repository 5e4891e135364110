"""The lab of lesson 08: a real service under load, and its end."""

import re
from statistics import median
from string import Template
from typing import Any

from helpers.labs.spec import (
    Challenge,
    Choice,
    LabSpec,
    Prediction,
    Slider,
    Value,
    Values,
    literal,
    whole,
)
from helpers.text import plural, seconds
from helpers.trace import Outcome, Trace

OPEN, PATIENCE = 2.0, 2.5  # seconds: for how long guests ask, and wait for an answer
_BLOCKS = "▁▂▃▄▅▆▇█"
_PROGRAM = Template("""\
from helpers import record
from helpers.kitchen.evening import Guests, Supplier, evening
from helpers.kitchen.$module import $kind


async def main():
    return await evening(
        $kind,
        Guests(clients=$clients, seconds=$open, patience=$patience),
        Supplier(delay=$delay, failing=$failing),
        deadline=$deadline,  # of each request, in seconds
        limit=$limit,  # requests in flight
        cached=$cached,  # seconds for which a dish is kept
        grace=0.5,$closes
    )
""")
_CLOSES = f"\n        closes={OPEN / 2:g},  # seconds after the opening"


def source(values: Values) -> str:
    """The program: an evening with these guests, this supplier and this kitchen."""
    pulled = values["end"] == "pull"
    return _PROGRAM.substitute(
        module="mistakes" if pulled else "service",
        kind="Slams" if pulled else "Kitchen",
        clients=whole(values, "clients"),
        open=f"{OPEN:g}",
        patience=PATIENCE,
        delay=literal(whole(values, "delay")),
        failing=f"{whole(values, 'failing') / 100:g}",
        deadline=literal(whole(values, "deadline")),
        limit=whole(values, "limit"),
        cached=2 if values["cache"] else 0,
        closes="" if values["end"] == "let" else _CLOSES,
    )


def forecast(values: Values) -> str:
    """What the run will ask of the kitchen."""
    ends = {"let": "and then go", "close": "and in the middle the kitchen closes"}
    end = ends.get(str(values["end"]), "and in the middle somebody pulls the plug")
    takes = seconds(whole(values, "delay") / 1000)
    fails = f"{whole(values, 'failing')} of 100 calls fail"
    return (
        f"{plural(whole(values, 'clients'), 'guest')} ask again and again for {OPEN:g} s, {end}. "
        f"The supplier takes {takes}, and {fails}."
    )


def histogram(waits: list[float], blocks: int = 16) -> str:
    """How many waited how long, from 0 to the longest, in blocks as high as there are many."""
    width = max(waits, default=0.0) / blocks or 1.0
    counts = [0] * blocks
    for wait in waits:
        counts[min(int(wait / width), blocks - 1)] += 1
    most = max(counts) or 1
    return "".join(_BLOCKS[-(-n * (len(_BLOCKS) - 1) // most)] for n in counts)


def _ms(moment: float) -> str:
    return f"{round(1000 * moment):,} ms"


def numbers(values: Values, trace: Trace) -> list[str]:
    """How many were served and how long they waited, and what became of the others."""
    load = trace.result
    served, refused = len(load.waits), load.outcomes["503"] + load.outcomes["refused"]
    said = ["Nobody was served."]
    if served:
        said = [
            f"{served / load.seconds:,.0f} requests/s were served, {served:,} in all: p50 is "
            f"{_ms(load.wait(50))}, p99 is {_ms(load.wait(99))}.",
            f"Waits from 0 to {_ms(max(load.waits))}: {histogram(load.waits)}.",
        ]
    said.append(
        f"{refused:,} were refused, {load.outcomes['cut']:,} cut off, and "
        f"{load.asked:,} had the fallback, to ask the waiter."
    )
    lost = len(set(load.orders) - set(load.notes))
    if values["end"] != "let":
        said.append(f"The supplier never heard of {plural(lost, 'order')} of {len(load.orders):,}.")
    return said


def so_far(trace: Trace) -> list[str]:
    """How many requests the kitchen has answered by now, and how long they were in it."""
    each = [lane for lane in trace.tasks if re.match(r"#\d+ (GET|POST) ", lane.name)]
    waits = [lane.end - lane.spawned for lane in each if lane.outcome is Outcome.RETURNED]
    if not waits:
        return []
    return [
        f"{len(waits):,} of {len(each):,} requests were answered by the kitchen, "
        f"{len(waits) / trace.duration:,.0f} a second: half of them took {_ms(median(waits))}.",
        f"From 0 to {_ms(max(waits))}: {histogram(waits)}.",
    ]


def compare(values: Values, answer: str | float, trace: Trace) -> str:
    """The prediction beside what happened."""
    load = trace.result
    return (
        f"You predicted {float(answer):g} ms; half of those who were served waited "
        f"{_ms(load.wait(50))} at most. The supplier takes {whole(values, 'delay')} ms, and the "
        f"deadline is {whole(values, 'deadline')} ms."
    )


def everybody(values: Values, trace: Trace) -> bool:
    """Whether a hundred guests have a supplier who is too slow, and nearly all are served soon."""
    load, asked = trace.result, whole(values, "clients")
    slow = whole(values, "delay") >= 1000 and asked >= 100 and values["end"] == "let"
    return slow and 10 * len(load.waits) >= 9 * load.outcomes.total() and load.wait(50) <= 0.5


_MANY: dict[str, Value] = {"clients": 100, "delay": 300, "failing": 0, "limit": 100}
_SLOW: dict[str, Value] = {"clients": 100, "delay": 1500, "deadline": 2000, "limit": 50}
_COUNTED: dict[str, Any] = {"low": 1, "high": 1000, "default": 100, "log": True}

LAB = LabSpec(
    name="real_kitchen",
    title="What do the guests meet, and what becomes of those in flight?",
    story=(
        "The kitchen of this lesson, on your machine: sockets, a database in threads, a supplier. "
        "The guests ask all at once, and again as soon as they have an answer. Sockets know no "
        "virtual clock: nothing is drawn before it runs."
    ),
    prediction=Prediction(
        "How many milliseconds will half of those who are served wait at most (p50)?", compare
    ),
    own_controls=(
        Slider("clients", "Number of guests (clients)", **_COUNTED),
        Slider("delay", "The supplier takes (ms)", 0, 2000, 100, step=50),
        Slider("failing", "Of 100 calls of the supplier fail", 0, 100, 10, step=10),
        Slider("deadline", "Deadline of a request (ms)", 100, 2000, 500, step=100),
        Slider("limit", "Limit: requests in flight", **_COUNTED),
        Choice("cache", "Cache", (("on", True), ("off", False)), default=True),
        Choice(
            "end",
            "The end",
            (
                ("let them finish", "let"),
                ("shut down in the middle", "close"),
                ("pull the plug", "pull"),
            ),
            "let",
        ),
    ),
    source=source,
    forecast=forecast,
    numbers=numbers,
    so_far=so_far,
    clocks=("real",),
    challenge=Challenge(
        "100 guests or more with a supplier who takes 1000 ms or more, where nine of ten requests "
        "are served, half of them within 500 ms.",
        everybody,
    ),
    scenes={
        "300 guests": {"clients": 300, "delay": 100, "limit": 1000, "end": "let"},
        "a slow supplier": _SLOW | {"end": "let"},
        "shut down": _MANY | {"end": "close"},
        "pull the plug": _MANY | {"end": "pull"},
    },
)
