"""The lab of lesson 03: one chef stares at the oven, and who else suffers."""

from string import Template

from helpers.labs.spec import Challenge, LabSpec, Prediction, Slider, Values, literal, told, whole
from helpers.text import plural, seconds
from helpers.trace import Trace, longest_silence

_PROGRAM = Template("""\
import asyncio
import time
$imports
from helpers import record


async def patient():
    await asyncio.sleep($wait)  # the oven: the chef is free meanwhile


async def staring():
    $stare


async def bell():
    while True:
        await asyncio.sleep(0.02)  # rings, if the chef is free


async def main():
$helpers    ring = asyncio.create_task(bell(), name="bell")
    guests = [asyncio.create_task(patient(), name=f"patient {n}") for n in range(1, $patient)]
    guests += [asyncio.create_task(staring(), name=f"staring {n}") for n in range(1, $staring)]
    await asyncio.gather(*guests)
    ring.cancel()
    await asyncio.wait([ring])
""")
_IMPORT = "from concurrent.futures import ThreadPoolExecutor\n"
_HELPERS = """\
    kitchen = ThreadPoolExecutor(max_workers=$count)
    asyncio.get_running_loop().set_default_executor(kitchen)
"""


def staring(values: Values) -> int:
    """How many of the guests' dishes are stared at."""
    return round(whole(values, "guests") * whole(values, "share") / 100)


def source(values: Values) -> str:
    """The program: some wait well, some block; a bell that should ring every 20 ms runs beside."""
    wait, helpers = literal(whole(values, "wait")), whole(values, "helpers")
    blocked = staring(values)
    stare = f"time.sleep({wait})  # stares at the oven: the chef is held"
    if helpers:
        stare = f"await asyncio.to_thread(time.sleep, {wait})  # a helper stares at the oven"
    return _PROGRAM.substitute(
        imports=_IMPORT if helpers else "",
        wait=wait,
        stare=stare,
        helpers=Template(_HELPERS).substitute(count=helpers) if helpers else "",
        patient=whole(values, "guests") - blocked + 1,
        staring=blocked + 1,
    )


def forecast(values: Values) -> str:
    """What the run will ask of the chef."""
    blocked, wait = staring(values), whole(values, "wait") / 1000
    guests = whole(values, "guests")
    if whole(values, "helpers"):
        held = f"{plural(whole(values, 'helpers'), 'helper')} in threads will do the staring"
    else:
        held = f"each holds the chef for {seconds(wait)}"
    return (
        f"For {guests - blocked} of {guests} dishes the chef sets a timer, {blocked} are stared "
        f"at: {held}."
    )


def numbers(values: Values, trace: Trace) -> list[str]:
    """How long it took, how long the bell was silent, and how long the patient ones waited."""
    guests = [task for task in trace.tasks if task.name.startswith(("patient", "staring"))]
    held = max(step.end - step.start for lane in trace.tasks for step in lane.steps)
    waited = max(guests, key=lambda task: task.scheduled)
    said = [
        f"It took {told(trace, trace.duration)} for {plural(len(guests), 'guest')}, each with "
        f"{whole(values, 'wait')} ms in the oven.",
        f"The bell should ring every 20 ms; its longest silence was "
        f"{told(trace, longest_silence(trace.task('bell')))}.",
        f"The longest that the chef was held in one go is {told(trace, held)}.",
        f"`{waited.name}` was ready with no chef free for {told(trace, waited.scheduled)}, longer "
        "than any other dish.",
    ]
    if whole(values, "helpers") and staring(values):
        said.append(
            f"The staring was done beside the chef, by {plural(whole(values, 'helpers'), 'helper')}"
            " at most."
        )
    return said


def compare(values: Values, answer: str | float, trace: Trace) -> str:
    """The prediction beside what happened."""
    wait, blocked = whole(values, "wait") / 1000, staring(values)
    helpers = whole(values, "helpers")
    rounds = -(-blocked // helpers) if helpers else blocked
    why = "all ovens side by side"
    if rounds:
        why = f"{plural(rounds, 'stare')} of {seconds(wait)} one after the other"
    return f"You predicted {float(answer):g} s; it took {told(trace, trace.duration)}: {why}."


def nobody_waits(values: Values, trace: Trace) -> bool:
    """Whether many stares took no longer than one."""
    return staring(values) >= 5 and trace.duration < 2 * whole(values, "wait") / 1000


LAB = LabSpec(
    name="not_blocking",
    title="Who else suffers when one chef stares at the oven?",
    story=(
        "Every dish waits in an oven. For some the chef sets a timer and turns to the others "
        "(`asyncio.sleep`); at others the chef stares until they are done (`time.sleep`). A bell "
        "that should ring every 20 ms tells whether the chef is free."
    ),
    prediction=Prediction(
        "How many seconds after the start will the last dish be done?", compare, unit=1
    ),
    own_controls=(
        Slider("guests", "Number of guests", 1, 100, 10),
        Slider("share", "Dishes that are stared at (%)", 0, 100, 30, step=10),
        Slider("wait", "Each dish waits in the oven (ms)", 10, 100, 100, step=10),
        Slider("helpers", "Helpers in threads (0: none)", 0, 8, 0),
    ),
    source=source,
    forecast=forecast,
    numbers=numbers,
    clocks=("real",),
    challenge=Challenge(
        "a way to have 5 dishes or more stared at and all done before two ovens' time is over.",
        nobody_waits,
    ),
    scenes={
        "one stares": {"guests": 10, "share": 10, "helpers": 0},
        "all stare": {"guests": 10, "share": 100, "helpers": 0},
        "1 helper": {"guests": 10, "share": 100, "helpers": 1},
        "8 helpers": {"guests": 10, "share": 100, "helpers": 8},
    },
)
