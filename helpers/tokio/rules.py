"""What must hold in every recording of a scheduler, whatever the program; checked event by event.

`violations(path)` reads a recording once and says what does not hold. `helpers.tokio.facts`
says what must hold for each program.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from helpers.tokio.events import Cancel, End, Event, Meta, Poll, Spawn, Wake
from helpers.tokio.reader import Reader

_MAIN = 0
_OUTCOME_AFTER = {"ready": "returned", "panic": "raised"}


@dataclass(slots=True)
class _Card:
    """What has been seen of one task."""

    spawn: Spawn
    poll: Poll | None = None  # its last poll
    child_end: float = 0.0  # where the last poll of a branch of it ends
    woken: bool = False  # since its last poll started
    asked: bool = False  # somebody asked it to stop
    end: End | None = None

    @property
    def title(self) -> str:
        return f"task {self.spawn.task} ({self.spawn.name})"


def violations(path: str | os.PathLike[str]) -> list[str]:
    """The rules that a recording breaks, each as a sentence with its line; none if it is sound.

    A file that cannot be read as a recording at all is a NotATrace.
    """
    with Reader(path) as reader:
        return list(broken(reader.meta, reader))


def broken(meta: Meta, events: Iterable[Event]) -> Iterator[str]:
    """The rules that these events break, in the order of the lines."""
    rules = _Rules(meta)
    for event in events:
        for sentence in rules.take(event):
            yield f"line {event.line}: {sentence}"
    yield from rules.close()


class _Rules:
    """Takes the events one by one and gives a sentence for each rule that one breaks."""

    def __init__(self, meta: Meta) -> None:
        self.meta = meta
        self.cards: dict[int, _Card] = {}
        self.now = 0.0
        self.thread_end: dict[str, tuple[float, str]] = {}  # where its last poll ends, and whose

    def take(self, event: Event) -> Iterator[str]:
        """Check one event against all before it."""
        at = getattr(event, "t", self.now)
        if at < self.now:
            yield f"it happened at {at}, before the event above it, at {self.now}"
        self.now = max(self.now, at)
        if isinstance(event, Spawn):
            card = self.cards[event.task] = _Card(event)
            yield from self._spawned(card)
        elif isinstance(event, Wake | Poll | Cancel | End):
            card = self.cards[event.task]
            if card.end is not None:
                yield f"{card.title} had ended in line {card.end.line}"
            yield from self._happened(card, event)

    def _happened(self, card: _Card, event: Wake | Poll | Cancel | End) -> Iterator[str]:
        if isinstance(event, Wake):
            card.woken = True
        elif isinstance(event, Cancel):
            card.asked = True
        elif isinstance(event, End):
            yield from self._ended(card, event)
            card.end = event
        else:
            yield from self._thread(card, event)
            yield from self._polled(card, event)
            if card.spawn.kind == "branch":
                yield from self._inside(card, event)
            else:
                yield from self._alone(card, event)
            card.poll, card.woken = event, False

    def _spawned(self, card: _Card) -> Iterator[str]:
        """Whoever spawns is being polled."""
        spawn = card.spawn
        if spawn.parent is None:
            if spawn.task != _MAIN:
                yield f"{card.title} has no parent, and is not main"
        elif not self._during(self.cards[spawn.parent].poll, spawn.t):
            yield f"{card.title} was spawned while its parent was not polled"

    def _during(self, poll: Poll | None, at: float) -> bool:
        return poll is not None and poll.start <= at <= poll.end

    def _polled(self, card: _Card, poll: Poll) -> Iterator[str]:
        """Polls of one task never overlap, none follows its last, and each re-poll a wake."""
        before = card.poll
        if before is None:
            if poll.start < card.spawn.t:
                yield f"{card.title} was polled before it was spawned"
            return
        if poll.start < before.end:
            yield f"{card.title} was polled while it was still polled in line {before.line}"
        if before.result != "pending":
            yield f"{card.title} was polled again after it was {before.result}"
        awake = card.woken or poll.ready is not None or card.spawn.kind == "branch"
        if not awake:
            yield f"{card.title} was polled again although nothing woke it"

    def _alone(self, card: _Card, poll: Poll) -> Iterator[str]:
        """A thread polls one task at a time; branches are seen in `_inside`."""
        end, whose = self.thread_end.get(poll.thread, (0.0, ""))
        if poll.start < end:
            yield f"{card.title} was polled on {poll.thread}, which was still polling {whose}"
        if poll.end >= end:
            self.thread_end[poll.thread] = poll.end, card.title

    def _inside(self, card: _Card, poll: Poll) -> Iterator[str]:
        """A branch is polled within a poll of its parent, on that thread, one at a time."""
        parent = self.cards[card.spawn.parent or _MAIN]
        outer = parent.poll
        within = outer is not None and outer.start <= poll.start and poll.end <= outer.end
        if outer is None or not within or outer.thread != poll.thread:
            yield f"{card.title} is a branch, and was polled outside of a poll of its parent"
        if poll.start < parent.child_end:
            yield f"{card.title} was polled while another branch of its parent was"
        parent.child_end = max(parent.child_end, poll.end)

    def _thread(self, card: _Card, poll: Poll) -> Iterator[str]:
        """Main is polled on the main thread, and tasks by the runtime's workers."""
        if self.meta.source != "tokio":
            return
        alone = self.meta.about.get("runtime") == "current_thread"
        workers = {"main"} if alone else {f"worker-{n + 1}" for n in range(self.meta.workers)}
        kind, thread = card.spawn.kind, poll.thread
        if kind == "blocking":
            right = thread.startswith("blocking-")
        elif kind == "task":
            right = thread in ({"main"} if card.spawn.task == _MAIN else workers)
        else:
            right = thread == "main" or thread in workers
        if not right:
            yield f"{card.title} was polled on {thread}, which is no place for a {kind} of its kind"

    def _ended(self, card: _Card, end: End) -> Iterator[str]:
        """A task returns or raises at the end of its last poll, or is cancelled by somebody."""
        last = card.poll.result if card.poll else "pending"
        expected = _OUTCOME_AFTER.get(last, "cancelled")
        if end.outcome == "pending" and self.meta.source != "tokio":
            return
        if end.outcome != expected:
            yield f"{card.title} {end.outcome}, but its last poll was {last}"
        elif card.poll and expected != "cancelled" and end.t != card.poll.end:
            yield f"{card.title} {end.outcome} at {end.t}, not at the end of its last poll"
        if end.outcome == "cancelled" and not card.asked:
            yield f"{card.title} was cancelled although nobody asked for it"

    def close(self) -> Iterator[str]:
        """Every spawn has an end."""
        if not self.cards:
            yield "nothing was spawned, not even main"
        for card in self.cards.values():
            if card.end is None:
                yield f"line {card.spawn.line}: {card.title} was spawned and has no end"
