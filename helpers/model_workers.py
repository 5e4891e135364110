"""A crew of chefs: the scheduler of Tokio's multi-thread runtime as a small model, on virtual time.

It follows the worker loop of Tokio 1.24: an injection queue for cards from outside the crew; for
each chef a queue and beside it a slot (last in, first out, out of reach of the others); a look into
the injection queue now and then even while there is work at hand; stealing half of another's queue
when all else is empty. What it leaves out: the cost of each act, the limit on how many search at
once, and what overflows a queue of 256.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from dataclasses import dataclass, field

from helpers.run.clock import VirtualLoop
from helpers.trace import Mark, Step

# Tokio's own number: each 61st time, a chef looks into the injection queue first, and at the bells.
LOOK_AROUND = 61
_DIGITS = 9  # those of the virtual clock

Who = int | str | None


@dataclass(eq=False)
class Card:
    """A task: `pieces` of hands-on work, in seconds, with a wait after each but the last.

    `wait` 0 is a bare yield. A card that `blocks` holds its chef while it waits. `writes` are
    spawned in its first step and awaited, in this order, after its last piece.
    """

    number: int
    name: str
    parent: int
    pieces: list[float]
    wait: float = 0.0
    blocks: bool = False
    writes: list[Card] = field(default_factory=list)
    spawned: float = 0.0
    ready: float = 0.0
    woken_by: Who = None
    steps: list[Step] = field(default_factory=list)
    done: bool = False
    awaited_by: Card | None = None


@dataclass(eq=False)
class Chef:
    """A worker, with what lies at its place."""

    name: str
    queue: deque[Card] = field(default_factory=deque)
    slot: Card | None = None
    yielded: list[Card] = field(default_factory=list)  # ready again once nothing else is
    taken: int = 0
    searching: bool = False
    called: asyncio.Event = field(default_factory=asyncio.Event)


class Crew:
    """The chefs at work on their cards, each a coroutine of one virtual loop.

    `marks` tells each theft. `seed` decides whom a thief looks at first.
    """

    def __init__(self, loop: VirtualLoop, chefs: int, *, stealing: bool, seed: int) -> None:
        """Seat the chefs."""
        self.loop, self.stealing = loop, stealing
        self.chefs = [Chef(f"worker-{n + 1}") for n in range(chefs)]
        self.injection: deque[Card] = deque()
        self.idle: list[Chef] = []  # the first of them looks after the bells
        self.rung: list[Card] = []  # bells that nobody has heard yet
        self.marks: list[Mark] = []
        self.sequence: list[int] = []  # whose step it was, in the order in which they began
        self.open = 0
        self._random = random.Random(seed)

    async def serve(self, cards: list[Card]) -> None:
        """Take these cards from outside, and work until every card is done."""
        self.open = sum(1 + len(card.writes) for card in cards)
        # The first chef comes last, and so is called first.
        days = [asyncio.ensure_future(self._day(chef)) for chef in reversed(self.chefs)]
        await asyncio.sleep(0)  # all are there, and idle, before the first card comes
        for card in cards:
            self._write(card, None)
        await asyncio.gather(*days)

    # -- a chef's day --------------------------------------------------------------------------

    async def _day(self, chef: Chef) -> None:
        while self.open:
            chef.taken += 1
            if chef.taken % LOOK_AROUND == 0:
                self._look_at_bells(chef)
            card = self._next(chef)
            if card is not None:
                if chef.searching:
                    chef.searching = False
                    self._call_one()  # there may be more than one chef can do
                await self._step(chef, card)
            elif not self._look_at_bells(chef):
                await self._wait_for_a_call(chef)
        for other in self.chefs:
            other.called.set()

    async def _wait_for_a_call(self, chef: Chef) -> None:
        chef.called.clear()
        self.idle.append(chef)
        await chef.called.wait()
        chef.searching = True
        self._look_at_bells(chef)

    def _call_one(self) -> None:
        """Call the chef who has been idle for the shortest time, if there is one."""
        if self.idle:
            self.idle.pop().called.set()

    async def _step(self, chef: Chef, card: Card) -> None:
        """One poll: a piece of work, up to the next wait that lets go of the chef."""
        ready, start, woken_by = card.ready, self.loop.time(), card.woken_by
        self.sequence.append(card.number)
        if not card.steps:
            for child in card.writes:
                self._write(child, chef)
        hands_on = card.pieces.pop(0) if card.pieces else 0.0
        while card.pieces and card.blocks:
            hands_on += card.wait + card.pieces.pop(0)
        await asyncio.sleep(round(hands_on, _DIGITS))
        card.steps.append(Step(ready, start, self.loop.time(), chef.name, woken_by))
        self._let_go(chef, card)

    def _let_go(self, chef: Chef, card: Card) -> None:
        """What follows a step: a wait, a yield, another's end, or the card's own."""
        if card.pieces and card.wait:
            self.loop.call_later(card.wait, self._ring, card)
        elif card.pieces:
            card.ready, card.woken_by = self.loop.time(), card.number
            chef.yielded.append(card)
        elif child := next((child for child in card.writes if not child.done), None):
            child.awaited_by = card
        else:
            card.done = True
            self.open -= 1
            if card.awaited_by is not None:
                self._wake(card.awaited_by, chef, card.number)

    # -- cards become ready --------------------------------------------------------------------

    def _write(self, card: Card, by: Chef | None) -> None:
        """Spawn a card: from outside into the injection queue, by a chef into the slot."""
        card.spawned = self.loop.time()
        self._wake(card, by, card.parent)

    def _wake(self, card: Card, by: Chef | None, who: Who) -> None:
        """Make a card ready, and call an idle chef if there is something for others to reach."""
        card.ready, card.woken_by = self.loop.time(), who
        if by is None:
            self.injection.append(card)
            self._call_one()
        elif self._place(card, by):
            self._call_one()

    def _place(self, card: Card, chef: Chef) -> bool:
        """Put a card in a chef's slot. True if that moved the one before to the queue."""
        before, chef.slot = chef.slot, card
        if before is not None:
            chef.queue.append(before)
        return before is not None

    def _ring(self, card: Card) -> None:
        """A card's wait is over; an idle chef hears it at once, a busy one when it looks."""
        card.ready, card.woken_by = self.loop.time(), "timer"
        self.rung.append(card)
        if self.idle and len(self.rung) == 1:  # for the others, one is already on the way
            self.idle.pop(0).called.set()

    def _look_at_bells(self, chef: Chef) -> bool:
        """Take the cards whose bells have rung, and those that have yielded; True if any."""
        found, self.rung = [*self.rung, *chef.yielded], []
        chef.yielded = []
        for card in found:
            self._place(card, chef)
        return bool(found)

    # -- a chef looks for a card ---------------------------------------------------------------

    def _next(self, chef: Chef) -> Card | None:
        if chef.taken % LOOK_AROUND == 0 and self.injection:
            return self.injection.popleft()
        if chef.slot is not None:
            card, chef.slot = chef.slot, None
            return card
        for queue in (chef.queue, self.injection):
            if queue:
                return queue.popleft()
        return self._steal(chef) if self.stealing else None

    def _steal(self, chef: Chef) -> Card | None:
        """Half of the queue of the first other chef who has one; never what is in a slot."""
        chef.searching = True
        begin = self._random.randrange(len(self.chefs))
        for victim in [*self.chefs[begin:], *self.chefs[:begin]]:
            if victim is not chef and victim.queue:
                loot = [victim.queue.popleft() for _ in range((len(victim.queue) + 1) // 2)]
                for card in loot:
                    said = f"{chef.name} steals it from {victim.name}'s queue"
                    self.marks.append(Mark(self.loop.time(), card.number, said))
                chef.queue.extend(loot[:-1])  # the last one is taken up at once, as in Tokio
                return loot[-1]
        return None
