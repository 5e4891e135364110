"""The lab of lesson 04: a deadline, and what is left behind when time is up."""

from string import Template

from helpers.labs.spec import (
    Challenge,
    Choice,
    LabSpec,
    Prediction,
    Slider,
    Value,
    Values,
    literal,
    told,
    whole,
)
from helpers.trace import Mark, Outcome, Trace

FRESH = "the fresh dish"
SLACK = 0.03  # seconds by which the real clock may be late and is still in time

_PROGRAM = Template("""\
import asyncio

from helpers import $names


$call


async def main():
    asking = asyncio.create_task(call(), name="call")
    try:
        async with asyncio.timeout($deadline):
            return await asking
    except TimeoutError:
        $fallback
""")
_CALLS = {
    "ends": """\
async def call():
    await asyncio.sleep($work)  # the oven
    return "the fresh dish\"""",
    "cleans": """\
async def call():
    try:
        await asyncio.sleep($work)  # the oven
        return "the fresh dish"
    except asyncio.CancelledError:
        await asyncio.sleep(0.1)  # cleans the oven before it ends
        raise""",
    "refuses": """\
async def call():
    loop = asyncio.get_running_loop()
    done = loop.time() + $work
    while loop.time() < done:
        try:
            await asyncio.sleep(done - loop.time())  # the oven
        except asyncio.CancelledError:
            pass  # refuses to be cancelled, and goes on
    return "the fresh dish\"""",
    "hands": """\
async def call():
    busy($work)  # hands-on, without an await: nobody looks at the clock
    return "the fresh dish\"""",
}
_FALLBACKS = {
    "sorry": 'return "we are sorry"',
    "old": 'return "yesterday\'s dish"',
    "other": """\
await asyncio.sleep(0.1)  # another cook is asked
        return "the other cook's dish\"""",
}
_OPTIONS = (
    "the fresh dish, in time",
    "the fresh dish, but late",
    "the fallback, in time",
    "the fallback, but late",
)


def source(values: Values) -> str:
    """The program: main asks for a dish, with a deadline and a fallback."""
    hands_on = values["kind"] == "hands"
    call = _CALLS["hands" if hands_on else str(values["cancel"])]
    return _PROGRAM.substitute(
        names="busy, record" if hands_on else "record",
        call=Template(call).substitute(work=literal(whole(values, "work"))),
        deadline=literal(whole(values, "deadline")),
        fallback=_FALLBACKS[str(values["fallback"])],
    )


def forecast(values: Values) -> str:
    """What the run will ask of the chef."""
    work, deadline = whole(values, "work"), whole(values, "deadline")
    held = f"the chef is held for {work} ms" if values["kind"] == "hands" else "the chef is free"
    return f"The call takes {work} ms, the guest waits for {deadline} ms; meanwhile {held}."


def _late(values: Values, trace: Trace) -> float:
    """Seconds by which the answer came after the deadline; 0 if it came in time."""
    slack = 0.0 if trace.clock == "virtual" else SLACK
    late = trace.task("main").end - whole(values, "deadline") / 1000
    return late if late > slack else 0.0


def marks(values: Values, trace: Trace | None) -> list[Mark]:
    """The deadline, where the run itself marks none; and by how much the answer was late."""
    asked = trace is not None and any(task.cancels for task in trace.tasks)
    due = [] if asked else [Mark(whole(values, "deadline") / 1000, None, "the deadline")]
    if trace is None or not (late := _late(values, trace)):
        return due
    return [*due, Mark(trace.task("main").end, None, f"{told(trace, late)} late")]


def numbers(values: Values, trace: Trace) -> list[str]:
    """What the guest got and when, and what became of the call."""
    call, main = trace.task("call"), trace.task("main")
    late = _late(values, trace)
    when = f"{told(trace, late)} after the deadline" if late else "in time"
    said = [f"The guest got {trace.result} after {told(trace, main.end)}, {when}."]
    if call.cancels:
        asked = call.cancels[0].time
        later = call.end - asked
        ended = f"it ended {told(trace, later) + ' later' if later else 'at once'}, {call.outcome}"
        if call.outcome is Outcome.RETURNED:
            ended = f"it refused, and went on for {told(trace, later)}"
        said.append(f"`call` was asked to stop at {told(trace, asked)}; {ended}.")
    elif late:
        said.append(
            "`call` was never asked to stop: it held the chef, and nobody could look at the clock "
            "before it was done. A deadline cannot end work that does not await."
        )
    else:
        said.append("`call` was done before the deadline, so nobody was asked to stop.")
    return said


def compare(values: Values, answer: str | float, trace: Trace) -> str:
    """The prediction beside what happened."""
    late = bool(_late(values, trace))
    was = _OPTIONS[(0 if trace.result == FRESH else 2) + late]
    said = "That is what you predicted" if answer == was else f"You predicted {answer}"
    return f"The guest got {was}. {said}."


def late_fallback(values: Values, trace: Trace) -> bool:
    """Whether the fallback came 200 ms after the deadline or later, with the chef free."""
    return trace.result != FRESH and round(_late(values, trace), 4) >= 0.2


_OVEN: dict[str, Value] = {"work": 500, "kind": "oven"}

LAB = LabSpec(
    name="deadlines",
    title="What is left behind when time is up?",
    story=(
        "A guest asks for a dish and waits until a deadline. Then the call is cancelled, and the "
        "guest gets a fallback."
    ),
    prediction=Prediction("What will the guest get?", compare, _OPTIONS),
    own_controls=(
        Slider("deadline", "Deadline (ms)", 50, 1000, 300, step=50),
        Slider("work", "The call takes (ms)", 50, 1000, 500, step=50),
        Choice(
            "kind",
            "How the call spends its time",
            (("waits for the oven", "oven"), ("hands-on, no await", "hands")),
            "oven",
        ),
        Choice(
            "cancel",
            "When it is cancelled, the call",
            (
                ("ends at once", "ends"),
                ("cleans up for 100 ms", "cleans"),
                ("refuses and goes on", "refuses"),
            ),
            "ends",
            shown=lambda values: values["kind"] == "oven",
        ),
        Choice(
            "fallback",
            "Fallback",
            (
                ("say sorry", "sorry"),
                ("yesterday's dish", "old"),
                ("ask another cook (100 ms)", "other"),
            ),
            "old",
        ),
    ),
    source=source,
    forecast=forecast,
    numbers=numbers,
    clocks=("virtual", "real"),
    marks=marks,
    challenge=Challenge(
        "a fallback that comes 200 ms late although nobody held the chef.", late_fallback
    ),
    scenes={
        "in time": _OVEN | {"deadline": 600, "cancel": "ends"},
        "time is up": _OVEN | {"deadline": 300, "cancel": "ends"},
        "refuses": _OVEN | {"deadline": 300, "cancel": "refuses"},
        "hands-on": {"deadline": 300, "work": 500, "kind": "hands"},
    },
)
