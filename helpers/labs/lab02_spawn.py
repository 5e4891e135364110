"""The lab of lesson 02: what happens between writing the card and cooking the dish."""

from string import Template

from helpers.labs.spec import (
    Challenge,
    Choice,
    LabSpec,
    Prediction,
    Slider,
    Values,
    literal,
    told,
    whole,
)
from helpers.text import plural, seconds
from helpers.trace import Trace

# In seconds: an oven, and how long main's hands are full after it has written the cards.
OVEN, MAIN = 0.05, 0.02

_PROGRAM = Template("""\
import asyncio

from helpers import busy, record


async def cook():
$body


async def main():
    cards = [asyncio.create_task(cook(), name=f"card {n}") for n in range(1, $end)]
    busy(0.02)  # main's hands are still full: no card can begin
    await asyncio.gather(*cards)
""")
_AWAITS = {
    "oven": "await asyncio.sleep(0.05)  # the oven: the chef is free meanwhile",
    "yield": "await asyncio.sleep(0)  # only lets the others go first",
}


def source(values: Values) -> str:
    """The program: main writes all cards, is busy for 20 ms more, then waits for them."""
    work, awaits = whole(values, "work"), whole(values, "awaits")
    share = literal(work) + (f" / {awaits + 1}" if awaits else "")
    hands_on = [f"    busy({share})  # hands-on: the chef is held"] if work else []
    lines = hands_on
    if awaits:
        inner = [*hands_on, f"    {_AWAITS[str(values['kind'])]}"]
        lines = [f"    for _ in range({awaits}):", *(f"    {line}" for line in inner), *hands_on]
    body = "\n".join(lines or ["    pass  # neither work nor an await"])
    return _PROGRAM.substitute(body=body, end=whole(values, "tasks") + 1)


def hands_on(values: Values) -> float:
    """Seconds for which the chef is held in all."""
    return MAIN + whole(values, "tasks") * whole(values, "work") / 1000


def forecast(values: Values) -> str:
    """What the run will ask of the chef."""
    tasks, pieces = whole(values, "tasks"), whole(values, "awaits") + 1
    return (
        f"{plural(tasks, 'card')}, {plural(tasks * pieces, 'piece')} of work. With main's own "
        f"20 ms they will hold the chef for about {seconds(hands_on(values))} in all."
    )


def numbers(values: Values, trace: Trace) -> list[str]:
    """When the cards were written and begun, and how long they were ready without a chef."""
    main, *cards = trace.tasks
    first, last = cards[0], cards[-1]
    waited = sum(card.scheduled for card in cards) / len(cards)
    longest = max(cards, key=lambda card: card.scheduled)
    steps = main.polls + sum(card.polls for card in cards)
    return [
        f"It took {told(trace, trace.duration)}. The hands-on work, {seconds(hands_on(values))}, "
        f"was done one piece at a time by one chef, in {plural(steps, 'step')}{_waits(values)}.",
        f"The first card was written at {told(trace, first.spawned)} and begun at "
        f"{told(trace, first.steps[0].start)}: `main` was busy until then, and no card begins "
        "before `main` awaits.",
        f"The last card was written at {told(trace, last.spawned)} and begun at "
        f"{told(trace, last.steps[0].start)}.",
        f"On average a card was ready with no chef free for {told(trace, waited)} in all; the "
        f"longest, `{longest.name}`, for {told(trace, longest.scheduled)}.",
    ]


def _waits(values: Values) -> str:
    awaits = whole(values, "awaits")
    if not awaits:
        return "; no card has an await in it, so none let another go first"
    if values["kind"] == "oven":
        return f"; the {plural(awaits, 'oven')} of each card ran beside it, 50 ms each"
    return f"; the {plural(awaits, 'await')} of each card only let the others go first"


def compare(values: Values, answer: str | float, trace: Trace) -> str:
    """The prediction beside what happened."""
    ovens = whole(values, "awaits") * OVEN if values["kind"] == "oven" else 0.0
    alone = whole(values, "work") / 1000 + ovens
    one_by_one = MAIN + whole(values, "tasks") * alone
    return (
        f"You predicted {float(answer):g} s; it took {told(trace, trace.duration)}. One card after "
        f"the other, ovens and all, would have been {seconds(one_by_one)}; the hands-on work alone "
        f"is {seconds(hands_on(values))}."
    )


def one_more_is_free(values: Values, trace: Trace) -> bool:
    """Whether with one more oven in each card all is done as early, on the virtual clock."""
    if values["kind"] != "oven" or whole(values, "awaits") < 4:
        return False
    now = trace if trace.clock == "virtual" else LAB.preview(values)
    more = LAB.preview({**values, "awaits": whole(values, "awaits") + 1})
    return bool(now.lanes and more.lanes) and more.duration <= now.duration + 1e-4


LAB = LabSpec(
    name="spawn",
    title="What happens between writing the card and cooking the dish?",
    story=(
        "`main` writes all the cards, is busy for another 20 ms, and then waits for them. "
        "There is one chef."
    ),
    prediction=Prediction(
        "How many seconds after the start will the last card be done?", compare, unit=1
    ),
    own_controls=(
        Slider("tasks", "Number of cards (tasks)", 1, 1000, 20),
        Slider("work", "Hands-on work in each card (ms)", 0, 8, 8),
        Slider("awaits", "Awaits in each card", 0, 10, 2),
        Choice(
            "kind",
            "At each await",
            (("wait 50 ms for an oven", "oven"), ("only let others go first", "yield")),
            "oven",
            shown=lambda values: values["awaits"] != 0,
        ),
    ),
    source=source,
    forecast=forecast,
    numbers=numbers,
    challenge=Challenge(
        "a setting with four ovens or more in each card where one more makes dinner no later.",
        one_more_is_free,
    ),
    scenes={
        "no await": {"tasks": 20, "work": 8, "awaits": 0},
        "only ovens": {"tasks": 20, "work": 0, "awaits": 2, "kind": "oven"},
        "only take turns": {"tasks": 20, "work": 8, "awaits": 4, "kind": "yield"},
        "1000 cards": {"tasks": 1000, "work": 0, "awaits": 1, "kind": "oven"},
    },
)
