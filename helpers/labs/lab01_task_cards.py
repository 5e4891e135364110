"""The lab of lesson 01: a chef for every guest, or one chef with task cards."""

from string import Template

from helpers.labs.spec import Challenge, LabSpec, Prediction, Slider, Values, literal, told, whole
from helpers.text import plural, seconds
from helpers.trace import LaneKind, Task, Trace

_PROGRAM = Template("""\
import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from helpers import record

GUESTS = $guests


async def card():
    await asyncio.sleep($wait)


def chef():
    time.sleep($wait)


async def with_cards():
    cards = [asyncio.create_task(card()) for _ in range(GUESTS)]
    await asyncio.sleep(0)  # now every card has been begun
    threads = set(threading.enumerate())
    await asyncio.gather(*cards)
    return threads


async def with_chefs():
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(max_workers=GUESTS) as kitchen:
        chefs = [loop.run_in_executor(kitchen, chef) for _ in range(GUESTS)]
        threads = set(threading.enumerate())
        await asyncio.gather(*chefs)
    return threads


async def main():
    before = set(threading.enumerate())
    return {
        "threads for the cards": len(await with_cards() - before),
        "threads for the chefs": len(await with_chefs() - before),
    }
""")
_LITTLE, _SOME, _MUCH = "about as long", "1.5 to 5 times as long", "more than 5 times as long"


def source(values: Values) -> str:
    """The program: the guests are served with a task each, and then with a thread each."""
    return _PROGRAM.substitute(guests=whole(values, "guests"), wait=literal(whole(values, "wait")))


def forecast(values: Values) -> str:
    """What the run will ask of the machine."""
    guests, wait = whole(values, "guests"), whole(values, "wait")
    return (
        f"{plural(guests, 'task')}, and after them {plural(guests, 'thread')} for real. Each only "
        f"waits for {wait} ms, so the run takes about {seconds(2 * wait / 1000)} and what the "
        "making costs."
    )


def _took(lanes: list[Task]) -> float:
    """Seconds from the first one's making to the last one's end."""
    return max(lane.end for lane in lanes) - min(lane.spawned for lane in lanes)


def both(trace: Trace) -> tuple[float, float]:
    """The seconds that the tasks took, and those that the threads took."""
    tasks = [lane for lane in trace.tasks if lane.name != "main"]
    return _took(tasks), _took([lane for lane in trace.lanes if lane.kind is LaneKind.THREAD])


def numbers(values: Values, trace: Trace) -> list[str]:
    """How long each way took, in how many threads, and what a unit of it cost."""
    guests, wait = whole(values, "guests"), whole(values, "wait") / 1000
    said = []
    for unit, took, key in zip(("task", "thread"), both(trace), trace.result, strict=True):
        more = plural(trace.result[key], "thread")
        each = max(0.0, took - wait) / guests
        said.append(
            f"{plural(guests, unit)}: all done after {told(trace, took)}, with {more} more than "
            f"before. Beyond the waiting that is {seconds(each, exact=False)} for each {unit}."
        )
    return [*said, "What each costs in memory is measured in the lesson, in fresh processes."]


def message(trace: Trace) -> str:
    """How long the guests took to be served in each of the two ways."""
    tasks, threads = both(trace)
    guests = len(trace.tasks) - 1
    return (
        f"{plural(guests, 'task')}: done after {told(trace, tasks)}; "
        f"{plural(guests, 'thread')}: after {told(trace, threads)}"
    )


def compare(values: Values, answer: str | float, trace: Trace) -> str:
    """The prediction beside what happened."""
    tasks, threads = both(trace)
    times = threads / tasks
    was = _LITTLE if times < 1.5 else _SOME if times <= 5 else _MUCH
    said = "That is what you predicted" if answer == was else f"You predicted {answer!r}"
    return (
        f"The threads took {told(trace, threads)}, the tasks {told(trace, tasks)}: {times:.1f} "
        f"times as long. {said}."
    )


def twice_as_long(values: Values, trace: Trace) -> bool:
    """Whether making threads cost more than the dish's whole time in the oven."""
    tasks, threads = both(trace)
    return threads >= 2 * tasks


LAB = LabSpec(
    name="task_cards",
    title="Why not a chef for every customer?",
    story=(
        "Every guest's dish waits in an oven. First each guest gets a task card (a task), and one "
        "chef looks after all of them; then each guest gets a chef (a thread)."
    ),
    prediction=Prediction(
        "How long do the threads take, beside the tasks?", compare, (_LITTLE, _SOME, _MUCH)
    ),
    own_controls=(
        Slider("guests", "Number of guests", 1, 1000, 10),
        Slider("wait", "Each dish waits in the oven (ms)", 50, 500, 200, step=10),
    ),
    source=source,
    forecast=forecast,
    numbers=numbers,
    message=message,
    clocks=("real",),
    challenge=Challenge(
        "a setting in which the threads take twice as long as the tasks.", twice_as_long
    ),
    scenes={
        "a small table": {"guests": 10, "wait": 200},
        "a full house": {"guests": 200, "wait": 500},
        "a feast": {"guests": 500, "wait": 500},
    },
)
