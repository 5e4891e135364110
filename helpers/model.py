"""`simulate`: a run of a modelled team of chefs, as a `Trace` like any other.

The scheduler itself is in `helpers.model_workers`. It runs on the virtual clock, so that the same
arguments give the same trace on every run and every machine.
"""

from __future__ import annotations

from typing import Any, Literal

from helpers.model_workers import Card, Crew
from helpers.run.clock import VirtualLoop
from helpers.run.nested import set_aside
from helpers.trace import Outcome, Step, Task, Trace, in_time

MOST_PIECES = 100_000
_WHOLE = {"chefs": (1, 64), "tasks": (0, 10_000), "yields": (0, 1000)}


def simulate(
    *,
    chefs: int = 2,
    tasks: int = 8,
    work: float = 1.0,
    yields: int = 0,
    wait: float = 0.0,
    blocking: float = 0.0,
    stealing: bool = True,
    spawner: Literal["main", "task"] = "main",
    seed: int = 0,
) -> Trace:
    """The trace of `tasks` cards on a modelled team of so many `chefs`.

    Each card is `work` seconds of hands-on work in `yields + 1` equal pieces. Between two pieces it
    waits for `wait` seconds (0: a bare yield). The first cards, a share `blocking` from 0 to 1 of
    them, hold their chef while they wait, and are one step each.

    spawner "main": the cards are written from outside the team. "task": a card named `sous_chef`
    writes them, works for twice as long as one of them in one piece, and awaits them in order.
    `trace.marks` tells each theft. Arguments out of their limits are a ValueError in a sentence.
    """
    _check(locals())
    piece = work / (yields + 1)
    held = round(blocking * tasks)
    first = 1 if spawner == "main" else 2
    cards = [
        Card(first + n, f"card {n + 1}", first - 1, [piece] * (yields + 1), wait, n < held)
        for n in range(tasks)
    ]
    if spawner == "task":
        sous_chef = Card(1, "sous_chef", 0, [2 * work], writes=cards)
        return _run([sous_chef], [sous_chef, *cards], chefs, stealing, seed)
    return _run(cards, cards, chefs, stealing, seed)


def _run(outside: list[Card], cards: list[Card], chefs: int, stealing: bool, seed: int) -> Trace:
    """Have a crew do these cards, of which those `outside` come from main."""
    with set_aside():
        loop = VirtualLoop()
        crew = Crew(loop, chefs, stealing=stealing, seed=seed)
        try:
            loop.run_until_complete(crew.serve(outside))
        finally:
            loop.close()
    lanes = (_main(outside), *(_lane(card) for card in cards))
    return Trace(
        lanes,
        max(lane.end for lane in lanes),
        source="model",
        workers=chefs,
        marks=tuple(crew.marks),
        about={"runtime": "multi_thread", "workers": chefs},
        sequence=_sequence(crew, lanes),
    )


def _sequence(crew: Crew, lanes: tuple[Task, ...]) -> tuple[int, ...]:
    """Whose step it was, step by step. Main hears of what a step has ended after all of them."""
    main = lanes[0].id
    return in_time([main, *crew.sequence, *[main] * (len(lanes[0].steps) - 1)], lanes)


def _lane(card: Card) -> Task:
    end = card.steps[-1].end
    return Task(
        card.number,
        card.name,
        card.parent,
        card.spawned,
        end,
        Outcome.RETURNED,
        end,
        tuple(card.steps),
    )


def _main(cards: list[Card]) -> Task:
    """Main's lane: it writes the cards and awaits them in order, on a thread that is no worker."""
    steps = [Step(0.0, 0.0, 0.0, "main", "start")]
    for card in cards:
        end = card.steps[-1].end
        if end > steps[-1].end:  # one that has ended meanwhile is not waited for
            steps.append(Step(end, end, end, "main", card.number))
    over = steps[-1].end
    return Task(0, "main", None, 0.0, over, Outcome.RETURNED, over, tuple(steps))


def _check(given: dict[str, Any]) -> None:
    for name, (low, high) in _WHOLE.items():
        value = given[name]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"{name} is a whole number from {low} to {high}, got {value!r}")
    for name in ("work", "wait"):
        value = given[name]
        if not _is_number(value) or not 0 <= value < float("inf"):
            raise ValueError(f"{name} is a number of seconds, 0 or more, got {value!r}")
    share, stealing, seed = given["blocking"], given["stealing"], given["seed"]
    if not _is_number(share) or not 0 <= share <= 1:
        raise ValueError(f"blocking is a share from 0 to 1, got {share!r}")
    if not isinstance(stealing, bool):
        raise ValueError(f"stealing is True or False, got {stealing!r}")
    if given["spawner"] not in ("main", "task"):
        raise ValueError(f'spawner is "main" or "task", got {given["spawner"]!r}')
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise ValueError(f"seed is a whole number, got {seed!r}")
    pieces = given["tasks"] * (given["yields"] + 1)
    if pieces > MOST_PIECES:
        raise ValueError(f"tasks x (yields + 1) is at most {MOST_PIECES:,}, got {pieces:,}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
