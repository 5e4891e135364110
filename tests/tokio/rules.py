"""What must hold in every recording of a scheduler, whatever the program; checked event by event.

`violations(path)` reads a recording once and says what does not hold. `tests.tokio.facts` says
what must hold for each program.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def rows_of(path: Path) -> list[Row]:
    """The lines of a recording, the first one included."""
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def violations(rows: list[Row]) -> list[str]:
    """The rules that a recording breaks, each as a sentence with its line; none if it is sound."""
    rules = _Rules(rows[0])
    found = []
    for line, row in enumerate(rows[1:], 2):
        found += [f"line {line}: {sentence}" for sentence in rules.take(row)]
    if not rules.cards:
        found.append("nothing was spawned, not even main")
    alive = (card for card in rules.cards.values() if card.end is None)
    return found + [f"{card.title} was spawned and has no end" for card in alive]


@dataclass
class _Card:
    """What has been seen of one task."""

    spawn: Row
    poll: Row | None = None  # its last poll
    child_end: float = 0.0  # where the last poll of a branch of it ends
    woken: bool = False  # since its last poll started
    asked: bool = False  # somebody asked it to stop
    end: Row | None = None

    @property
    def title(self) -> str:
        return f"task {self.spawn['task']} ({self.spawn['name']})"


class _Rules:
    """Takes the events one by one and gives a sentence for each rule that one breaks."""

    def __init__(self, meta: Row) -> None:
        self.cards: dict[int, _Card] = {}
        self.now = 0.0
        self.thread_end: dict[str, float] = {}  # where its last poll ends
        workers = {f"worker-{n + 1}" for n in range(meta["workers"])}
        self.workers = {"main"} if meta["runtime"].startswith("current_thread") else workers

    def take(self, row: Row) -> Iterator[str]:
        """Check one event against all before it."""
        at: float = row["start" if row["event"] == "poll" else "t"]
        if at < self.now:
            yield f"it happened at {at}, before the event above it, at {self.now}"
        self.now = max(self.now, at)
        if row["event"] == "spawn":
            card = self.cards[row["task"]] = _Card(row)
            yield from self._spawned(card)
        elif row["event"] != "mark":
            card = self.cards[row["task"]]
            if card.end is not None:
                yield f"{card.title} had ended"
            yield from self._happened(card, row)

    def _happened(self, card: _Card, row: Row) -> Iterator[str]:
        match row["event"]:
            case "wake":
                card.woken = True
            case "cancel":
                card.asked = True
            case "end":
                yield from self._ended(card, row)
                card.end = row
            case "poll":
                yield from self._polled(card, row)
                inside = card.spawn["kind"] == "branch"
                yield from self._inside(card, row) if inside else self._alone(card, row)
                card.poll, card.woken = row, False

    def _spawned(self, card: _Card) -> Iterator[str]:
        """Whoever spawns is being polled."""
        parent = card.spawn["parent"]
        if parent is None:
            if card.spawn["task"] != 0:
                yield f"{card.title} has no parent, and is not main"
            return
        poll = self.cards[parent].poll
        if poll is None or not poll["start"] <= card.spawn["t"] <= poll["end"]:
            yield f"{card.title} was spawned while its parent was not polled"

    def _polled(self, card: _Card, poll: Row) -> Iterator[str]:
        """Polls of one task never overlap, none follows its last, and each re-poll a wake."""
        kind, before = card.spawn["kind"], card.poll
        if not self._may_poll(card, poll["thread"]):
            yield f"{card.title} was polled on {poll['thread']}, which is no place for a {kind}"
        if before is None:
            if poll["start"] < card.spawn["t"]:
                yield f"{card.title} was polled before it was spawned"
            return
        if poll["start"] < before["end"]:
            yield f"{card.title} was polled while it was still polled"
        if before["result"] != "pending":
            yield f"{card.title} was polled again after it was {before['result']}"
        if not card.woken and kind != "branch":
            yield f"{card.title} was polled again although nothing woke it"

    def _may_poll(self, card: _Card, thread: str) -> bool:
        """Main is polled on the main thread, tasks by workers, branches where their parent is."""
        if card.spawn["kind"] == "blocking":
            return thread.startswith("blocking-")
        if card.spawn["task"] == 0:
            return thread == "main"
        return thread in self.workers or (card.spawn["kind"] == "branch" and thread == "main")

    def _alone(self, card: _Card, poll: Row) -> Iterator[str]:
        """A thread polls one task at a time; branches are seen in `_inside`."""
        end = self.thread_end.get(poll["thread"], 0.0)
        if poll["start"] < end:
            yield f"{card.title} was polled on {poll['thread']}, which was still polling another"
        self.thread_end[poll["thread"]] = max(end, poll["end"])

    def _inside(self, card: _Card, poll: Row) -> Iterator[str]:
        """A branch is polled within a poll of its parent, on that thread, one at a time."""
        parent = self.cards[card.spawn["parent"]]
        outer = parent.poll
        if (
            outer is None
            or not outer["start"] <= poll["start"] <= poll["end"] <= outer["end"]
            or outer["thread"] != poll["thread"]
        ):
            yield f"{card.title} is a branch, and was polled outside of a poll of its parent"
        if poll["start"] < parent.child_end:
            yield f"{card.title} was polled while another branch of its parent was"
        parent.child_end = max(parent.child_end, poll["end"])

    def _ended(self, card: _Card, end: Row) -> Iterator[str]:
        """A task returns or raises at the end of its last poll, or is cancelled by somebody."""
        last = card.poll["result"] if card.poll else "pending"
        expected = {"ready": "returned", "panic": "raised"}.get(last, "cancelled")
        outcome = end["outcome"]
        if outcome != expected:
            yield f"{card.title} {outcome}, but its last poll was {last}"
        elif card.poll and outcome != "cancelled" and end["t"] != card.poll["end"]:
            yield f"{card.title} {outcome} at {end['t']}, not at the end of its last poll"
        if outcome == "cancelled" and not card.asked:
            yield f"{card.title} was cancelled although nobody asked for it"
