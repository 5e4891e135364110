"""The lab of lesson 07: a team of chefs, modelled, with real Tokio beside it where it was recorded.

Its program calls the model, so the trace that is shown is the one that main returns.
"""

from operator import itemgetter
from string import Template

from helpers.labs.spec import Challenge, Choice, LabSpec, Prediction, Slider, Value, Values, whole
from helpers.text import listing, number, plural, seconds
from helpers.tokio import load_recording
from helpers.trace import Trace, moved

_PROGRAM = Template("""\
from helpers import timeline
from helpers.model import simulate


async def main():
    return simulate(
        chefs=$chefs,
        tasks=$tasks,
        work=$work,  # seconds of hands-on work in each card, in equal pieces
        yields=$awaits,  # so many awaits between the pieces
        wait=$wait,  # seconds; 0 only lets the others go first
        blocking=$share,  # the share of the cards that hold their chef while they wait
        stealing=$stealing,
        spawner="$spawner",
    )
""")
# What was recorded: the values of the controls, where they count. The dishes of `cpu` and
# `cpu_yield` have a ticker beside them, which the model has not.
_RECORDED: dict[str, dict[str, object]] = {
    "nested": {"spawner": "task", "tasks": 8, "work": 10, "awaits": 0},
    "cpu": {"spawner": "main", "tasks": 8, "work": 25, "awaits": 0},
    "cpu_yield": {"spawner": "main", "tasks": 8, "work": 25, "awaits": 24, "wait": 0, "share": 0},
    "blocking_sleep": {
        "spawner": "main", "tasks": 3, "work": 0, "awaits": 1, "wait": 200, "share": 100
    },
    "async_sleep": {
        "spawner": "main", "tasks": 3, "work": 0, "awaits": 1, "wait": 200, "share": 0
    },
}  # fmt: skip


def source(values: Values) -> str:
    """The program: one call of the model."""
    return _PROGRAM.substitute(
        values,
        work=f"{whole(values, 'work') / 1000:g}",
        wait=f"{whole(values, 'wait') / 1000:g}",
        share=f"{whole(values, 'share') / 100:g}",
    )


def recording(values: Values) -> Trace | None:
    """Real Tokio's run of the same job, if these values were recorded."""
    chefs = whole(values, "chefs")
    if not values["stealing"] or chefs not in (1, 2, 4):
        return None
    for name, asked in _RECORDED.items():
        if all(values[key] == value for key, value in asked.items()):
            if chefs == 1:
                return load_recording(name, runtime="current_thread")
            return load_recording(name, runtime="multi_thread", workers=chefs)
    return None


def held(values: Values) -> float:
    """Seconds for which chefs are held in all, by work or by waits that block."""
    blocking = round(whole(values, "share") / 100 * whole(values, "tasks"))
    waits = blocking * whole(values, "awaits") * whole(values, "wait")
    cards = whole(values, "tasks") + (2 if values["spawner"] == "task" else 0)
    return (cards * whole(values, "work") + waits) / 1000


def forecast(values: Values) -> str:
    """What the run will ask of the chefs."""
    cards, chefs = plural(whole(values, "tasks"), "card"), plural(whole(values, "chefs"), "chef")
    return f"{cards} for {chefs}: they hold chefs for {_ms(held(values))} in all."


def _ms(value: float) -> str:
    return f"{number(1000 * value, 1)} ms"


def numbers(values: Values, trace: Trace) -> list[str]:
    """How long it took, what was stolen and what moved, who was at work, and who waited."""
    busy = _at_work(trace)
    said = [
        f"It took {_ms(trace.duration)}. Spread evenly, the work that holds a chef would "
        f"have been {_ms(held(values) / trace.workers)} for each.",
        f"Cards were stolen {plural(len(trace.marks), 'time')}; {plural(len(moved(trace)), 'task')}"
        " went on with another chef than before.",
        f"At work: {listing([f'{who} for {_ms(busy[who])}' for who in busy], 8)}.",
    ]
    if idle := trace.workers - len(busy):
        said.append(f"{plural(idle, 'chef')} never had a card.")
    who, (_, longest) = max(trace.waits.items(), key=lambda waits: waits[1][1])
    said.append(
        f"The longest that a card was ready and not taken up is {_ms(longest)} "
        f"(`{trace.name_of(who)}`)."
    )
    if real := recording(values):
        said.append(f"Real Tokio took {seconds(real.duration, exact=False)}, `main` included.")
    return said


def _at_work(trace: Trace) -> dict[str, float]:
    """Seconds for which each chef was at a card, by name."""
    chefs = {name: steps for name, steps in trace.by_chef.items() if steps and name != "main"}
    return {name: sum(step.end - step.start for step in steps) for name, steps in chefs.items()}


def compare(values: Values, answer: str | float, trace: Trace) -> str:
    """The prediction beside what happened."""
    even = _ms(held(values) / trace.workers)
    return (
        f"You predicted {float(answer):g} ms; it took {_ms(trace.duration)}. The work that "
        f"holds a chef, spread evenly over {plural(trace.workers, 'chef')}, would be {even}."
    )


def no_quicker(values: Values, trace: Trace) -> bool:
    """Whether eight chefs take as long as two would, for eight cards or more with work in them."""
    two = LAB.preview({**values, "chefs": 2})
    enough = values["chefs"] == 8 and whole(values, "tasks") >= 8 and whole(values, "work") > 0
    return enough and 0 < two.duration <= trace.duration


_AWAITS = itemgetter("awaits")  # whether the cards have an await in them
_CARDS: dict[str, Value] = {"tasks": 8, "work": 10, "awaits": 0, "spawner": "task"}

LAB = LabSpec(
    name="team_of_chefs",
    title="What does a team of chefs do with the cards?",
    story=(
        "A model of Tokio's multi-thread runtime. `main` writes the cards, on the rail by the "
        "door, or `sous_chef` does, on her own board, works twice as long as one, and awaits "
        "them. Some of it was recorded on real Tokio, as what you begin with."
    ),
    prediction=Prediction(
        "How many milliseconds will it take until every card is done?", compare, unit=1e-3
    ),
    own_controls=(
        Slider("chefs", "Number of chefs (workers)", 1, 8, 2),
        Slider("tasks", "Number of cards (tasks)", 1, 100, 8),
        Choice(
            "spawner",
            "The cards are written by",
            (("sous_chef, at her place", "task"), ("main, from outside", "main")),
            "task",
        ),
        Slider("work", "Hands-on work in each card (ms)", 0, 100, 10),
        Slider("awaits", "Awaits in each card", 0, 24, 0),
        Slider("wait", "Wait at each await (ms)", 0, 200, 0, shown=_AWAITS),
        Slider("share", "Cards whose waits block (%)", 0, 100, 0, shown=_AWAITS),
        Choice(
            "stealing", "Chefs steal", (("from each other", True), ("never", False)), default=True
        ),
    ),
    source=source,
    forecast=forecast,
    numbers=numbers,
    clocks=("virtual",),
    unit="milliseconds",
    challenge=Challenge(
        "8 cards or more with work in them for which 8 chefs are no quicker than 2.", no_quicker
    ),
    scenes={
        "alone": _CARDS | {"chefs": 1, "stealing": True},
        "4 chefs steal": _CARDS | {"chefs": 4, "stealing": True},
        "4 never steal": _CARDS | {"chefs": 4, "stealing": False},
        "from the door": _CARDS | {"chefs": 4, "spawner": "main", "work": 25},
    },
    shows_result=True,
    beside=recording,
)
