"""The lab of lesson 05: the first answer wins, and what happens to the losers."""

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
from helpers.task import MAIN_RETURN, Mark
from helpers.text import listing, plural
from helpers.trace import Outcome, Task, Trace

RACERS = {"database": 300, "cache": 100, "replica": 200, "archive": 400, "neighbour": 500}
NOBODY = "nobody"
# What may become of the slowest.
FATES = (
    "it wins",
    "it ends unasked, too late",
    "stopped, and awaited",
    "stopped, and not awaited",
    "not stopped: it runs on",
)

_PROGRAM = Template("""\
import asyncio
import random

from helpers import record

DELAYS = $delays


async def ask(delay, fails):
    try:
        await asyncio.sleep(delay)
        if fails:
            raise ConnectionError("no answer")
    except asyncio.CancelledError:
        await asyncio.sleep(0.05)  # hangs up politely before it ends
        raise


async def main():
    dice = random.Random($seed)
    racers = [
        asyncio.create_task(ask(delay, dice.random() < $chance), name=name)
        for name, delay in DELAYS.items()
    ]
    left, winners = racers, []
    while left and not winners:
        await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
        winners = [r for r in left if r.done() and not r.exception()]
        left = [r for r in left if not r.done()]
$losers    await asyncio.sleep(0.03)  # serves the answer
    return winners[0].get_name() if winners else "nobody"
""")
_LOSERS = {
    "leave": "",
    "cancel": """\
    for loser in left:
        loser.cancel()
""",
    "await": """\
    for loser in left:
        loser.cancel()
    if left:
        await asyncio.wait(left)
""",
}


def _delays(values: Values) -> dict[str, int]:
    """The racers that take part, with their delays in milliseconds."""
    names = list(RACERS)[: whole(values, "racers")]
    return {name: whole(values, name) for name in names}


def source(values: Values) -> str:
    """The program: a race whose winner is the first that does not fail."""
    pairs = [f'"{name}": {literal(delay)}' for name, delay in _delays(values).items()]
    return _PROGRAM.substitute(
        delays="{" + ", ".join(pairs) + "}",
        seed=whole(values, "seed"),
        chance=f"{whole(values, 'chance') / 100:g}",
        losers=_LOSERS[str(values["losers"])],
    )


def forecast(values: Values) -> str:
    """What the run will be about."""
    said = f"{plural(whole(values, 'racers'), 'racer')}; the slowest needs "
    said += f"{max(_delays(values).values())} ms."
    if chance := whole(values, "chance"):
        said += f" Each fails with a chance of {chance} %; the dice are those of seed "
        said += f"{whole(values, 'seed')}, so the same ones fail on every run."
    return said


def _answered(trace: Trace) -> float:
    """When the race was decided: the winner's end, or the last one's if nobody won."""
    winner = [racer for racer in trace.tasks if racer.name == trace.result]
    return max(racer.end for racer in winner or trace.tasks[1:])


def _fate(trace: Trace, loser: Task) -> str:
    if loser.outcome is Outcome.RAISED:
        return f"`{loser.name}` failed at {told(trace, loser.end)}."
    if loser.outcome is not Outcome.CANCELLED:
        return f"`{loser.name}` was done at {told(trace, loser.end)} too; its answer was not used."
    after = told(trace, max(0.0, loser.end - _answered(trace)))
    if loser.cancels[0].by == MAIN_RETURN:
        return (
            f"`{loser.name}` was left running: it went on for a race that was over, until the end "
            f"of the run stopped it, {after} after the race was decided."
        )
    if loser.cancels[-1].by == MAIN_RETURN:
        return (
            f"`{loser.name}` was asked to stop by `main`, which did not wait for it: the end of "
            "the run cut it short while it hung up."
        )
    return f"`{loser.name}` was cancelled, hung up, and ended {after} after the race was decided."


def marks(values: Values, trace: Trace | None) -> list[Mark]:
    """Who won, and who went on for nobody: it was not asked to stop, or answered even so."""
    if trace is None or trace.result == NOBODY:
        return []
    decided = _answered(trace)
    wins = [Mark(x.end, x.id, f"{x.name} wins") for x in trace.tasks if x.name == trace.result]
    late = [x for x in trace.tasks[1:] if x.end > decided]
    left = [x for x in late if not x.cancels or x.cancels[0].by == MAIN_RETURN]
    return wins + [Mark(x.end, x.id, f"{x.name} ran on for nobody") for x in left]


def numbers(values: Values, trace: Trace) -> list[str]:
    """Who won and when, each loser's fate, and whether main waited for them."""
    main, *racers = trace.tasks
    decided = told(trace, _answered(trace))
    won = f"`{trace.result}` won after {decided}."
    if trace.result == NOBODY:
        won = f"Nobody won: all had failed after {decided}."
    losers = [racer for racer in racers if racer.name != trace.result]
    late = [f"`{lane.name}`" for lane in losers if MAIN_RETURN in [ask.by for ask in lane.cancels]]
    when = f"before {listing(late)} had ended" if late else "when all had ended"
    back = f"`main` returned at {told(trace, main.end)}, {when}."
    return [won, *(_fate(trace, loser) for loser in losers), back]


def _slowest(values: Values) -> str:
    """The racer with the longest delay, and of several the last."""
    delays = _delays(values)
    return max(reversed(delays), key=lambda name: delays[name])


def fate(values: Values, trace: Trace) -> str:
    """Which of the fates was that of the slowest."""
    slowest = trace.task(_slowest(values))
    if trace.result == slowest.name:
        return FATES[0]
    if not slowest.cancels:
        return FATES[1]
    if slowest.cancels[0].by == MAIN_RETURN:
        return FATES[4]
    return FATES[3 if slowest.cancels[-1].by == MAIN_RETURN else 2]


def compare(values: Values, answer: str | float, trace: Trace) -> str:
    """The prediction beside what happened."""
    was = fate(values, trace)
    said = "That is what you predicted" if answer == was else f"You predicted: {answer}"
    return f"Of `{_slowest(values)}`: {was}. {said}."


def slowest_wins(values: Values, trace: Trace) -> bool:
    """Whether the winner of three racers or more has a longer delay than each of the others."""
    *others, longest = sorted(_delays(values).values())
    won = trace.result != NOBODY and values[trace.result] == longest
    return won and len(others) > 1 and longest > others[-1]


def _delay(place: int, name: str) -> Slider:
    label, usual = f"Delay of the {name} (ms)", RACERS[name]
    return Slider(name, label, 10, 1000, usual, step=10, shown=lambda v: whole(v, "racers") > place)


LAB = LabSpec(
    name="first_wins",
    title="What happens to the loser?",
    story=(
        "The same question goes to several places at once; the first answer wins, and a failure "
        "is no answer. A racer that is cancelled needs another 50 ms to hang up; `main` needs "
        "30 ms to serve the answer."
    ),
    prediction=Prediction("What will become of the slowest racer?", compare, FATES),
    own_controls=(
        Slider("racers", "Number of racers", 2, 5, 3),
        *(_delay(place, name) for place, name in enumerate(RACERS)),
        Slider("chance", "Chance that a racer fails (%)", 0, 100, 0, step=10),
        Slider("seed", "Seed of the dice", 1, 20, 7, shown=lambda values: values["chance"] != 0),
        Choice(
            "losers",
            "What main does with the losers",
            (
                ("leaves them running", "leave"),
                ("cancels them", "cancel"),
                ("cancels and awaits them", "await"),
            ),
            "await",
        ),
    ),
    source=source,
    forecast=forecast,
    numbers=numbers,
    clocks=("virtual", "real"),
    marks=marks,
    challenge=Challenge("a race of three or more that is won by the slowest.", slowest_wins),
    scenes={
        "losers run on": {"chance": 0, "losers": "leave"},
        "cut short": {"chance": 0, "losers": "cancel"},
        "awaited": {"chance": 0, "losers": "await"},
        "all fail": {"chance": 100},
    },
)
