"""The lab of lesson 06: how far it goes, in four styles."""

import itertools
from string import Template

from helpers.labs.spec import Challenge, Choice, LabSpec, Prediction, Slider, Values, told, whole
from helpers.text import plural, seconds
from helpers.trace import TaskState, Trace

OVEN = 0.01

_PROGRAM = Template("""\
import asyncio

from helpers import record

ORDERS$limit


async def order():
    await asyncio.sleep(0.01)  # the oven


$body
""")
_BODIES = {
    "gather": """\
async def main():
    await asyncio.gather(*(order() for _ in range(ORDERS)))""",
    "group": """\
async def main():
    async with asyncio.TaskGroup() as group:
        for _ in range(ORDERS):
            group.create_task(order())""",
    "semaphore": """\
async def in_turn(ovens):
    async with ovens:
        await order()


async def main():
    ovens = asyncio.Semaphore(LIMIT)
    await asyncio.gather(*(in_turn(ovens) for _ in range(ORDERS)))""",
    "queue": """\
async def worker(queue):
    while await queue.get():
        await order()


async def main():
    queue = asyncio.Queue(maxsize=LIMIT)
    async with asyncio.TaskGroup() as group:
        for n in range(1, LIMIT + 1):
            group.create_task(worker(queue), name=f"worker {n}")
        for _ in range(ORDERS):
            await queue.put(True)  # waits while the queue is full
        for _ in range(LIMIT):
            await queue.put(False)  # the day is over""",
}


def limited(values: Values) -> bool:
    """Whether the style keeps a limit."""
    return values["style"] in ("semaphore", "queue")


def source(values: Values) -> str:
    """The program, in the style chosen."""
    orders, limit = whole(values, "orders"), whole(values, "limit")
    both = f", LIMIT = {orders}, {limit}" if limited(values) else f" = {orders}"
    return _PROGRAM.substitute(limit=both, body=_BODIES[str(values["style"])])


def _rounds(values: Values) -> int:
    """How many ovens' times follow one another at the least."""
    orders, limit = whole(values, "orders"), whole(values, "limit")
    return -(-orders // limit) if limited(values) else 1


def forecast(values: Values) -> str:
    """What the run will ask of the chef."""
    orders = whole(values, "orders")
    tasks = plural(whole(values, "limit") if values["style"] == "queue" else orders, "task")
    at_once = f"{whole(values, 'limit'):,} at once at most" if limited(values) else "all at once"
    return (
        f"{plural(orders, 'order')} of 10 ms in the oven, {at_once}, in {tasks}. One after the "
        f"other they would take {seconds(orders * OVEN)}."
    )


def most_at_once(trace: Trace) -> int:
    """The most tasks, main aside, that waited at the same time for something."""
    changes: list[tuple[float, int]] = []
    for task in trace.tasks[1:]:
        for span in task.spans:
            if span.state is TaskState.IDLE:
                changes += [(span.start, 1), (span.end, -1)]
    return max(itertools.accumulate(change for _, change in sorted(changes)), default=0)


def numbers(values: Values, trace: Trace) -> list[str]:
    """How long it took, where the time went, and how many waited at once."""
    orders, tasks = whole(values, "orders"), trace.tasks
    polls, busy = sum(task.polls for task in tasks), sum(task.busy for task in tasks)
    ovens = _rounds(values) * OVEN
    said = [
        f"It took {told(trace, trace.duration)} for {plural(orders, 'order')}; the ovens alone "
        f"need {seconds(ovens)}.",
        f"{plural(len(tasks) - 1, 'task')} beside `main`, {plural(polls, 'step')}; "
        f"{most_at_once(trace):,} waited at the same time.",
    ]
    if trace.clock == "virtual":
        return [*said, "Under the virtual clock a step takes no time: only the waiting is seen."]
    each = seconds(busy / orders, exact=False)
    return [*said, f"The chef was on a card for {told(trace, busy)}, which is {each} an order."]


def compare(values: Values, answer: str | float, trace: Trace) -> str:
    """The prediction beside what happened."""
    rounds = plural(_rounds(values), "round")
    return (
        f"You predicted {float(answer):g} s; it took {told(trace, trace.duration)}: {rounds} of "
        f"10 ms ovens, and what the chef does between them."
    )


def smallest(values: Values, trace: Trace) -> bool:
    """Whether 1000 orders take less than 0.2 s, and with the limit below it would not be so."""
    if not limited(values) or (values["orders"], trace.clock) != (1000, "virtual"):
        return False
    less = whole(values, "limit") - 10
    return trace.duration < 0.2 and _rounds({**values, "limit": less}) * OVEN >= 0.2


LAB = LabSpec(
    name="showdown",
    title="How far does it go: 1000, 10,000?",
    story=(
        "Every order needs 10 ms in an oven. The style decides how many tasks there are, and how "
        "many orders are in the oven at once."
    ),
    prediction=Prediction(
        "How many seconds will the orders take, on the clock chosen below?", compare, unit=1
    ),
    own_controls=(
        Slider("orders", "Number of orders", 1, 10_000, 1000, log=True),
        Choice(
            "style",
            "Style",
            (
                ("gather", "gather"),
                ("TaskGroup", "group"),
                ("semaphore", "semaphore"),
                ("queue with workers", "queue"),
            ),
            "gather",
        ),
        Slider("limit", "Limit: how many at once", 10, 1000, 100, step=10, shown=limited),
    ),
    source=source,
    forecast=forecast,
    numbers=numbers,
    challenge=Challenge(
        "the smallest limit with which 1000 orders take less than 0.2 s on the virtual clock.",
        smallest,
    ),
    scenes={
        "1000 at once": {"orders": 1000, "style": "gather"},
        "10,000 at once": {"orders": 10_000, "style": "gather"},
        "100 at the door": {"orders": 1000, "style": "semaphore", "limit": 100},
        "100 workers": {"orders": 1000, "style": "queue", "limit": 100},
    },
)
