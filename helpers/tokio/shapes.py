"""Comparing two recordings of one program: exactly on the virtual clock, by shape on the real one.

The shape of a real run is what does not depend on the machine: which tasks there were, who spawned
them, and how they ended.
"""

from __future__ import annotations

import itertools
from pathlib import Path

from helpers.tokio.events import End, Event, Spawn
from helpers.tokio.reader import Reader

Shape = dict[str, tuple[str, str, str]]  # a task's name: its kind, its parent's name, its outcome


def differences(new: Path, kept: Path) -> list[str]:
    """What a new recording shows otherwise than the one that is kept, as sentences."""
    with Reader(new) as reader:
        now, meta = list(reader), reader.meta
    with Reader(kept) as reader:
        then, tokio = list(reader), reader.meta.about.get("tokio")
    virtual = meta.clock == "virtual"
    found = exact(now, then) if virtual else by_shape(shape(now), shape(then))
    other = meta.about.get("tokio")
    # Another Tokio may order things otherwise and be as right.
    note = "" if other == tokio else f" (by Tokio {other}; the kept one is by {tokio})"
    return [sentence + note for sentence in found]


def exact(new: list[Event], kept: list[Event]) -> list[str]:
    """The first event that is another one, if there is any."""
    for now, then in itertools.zip_longest(new, kept):
        if now != then:
            return [f"it is no longer the same event by event: {_said(now)}, was {_said(then)}"]
    return []


def shape(events: list[Event]) -> Shape:
    """The shape of a run."""
    spawns = {event.task: event for event in events if isinstance(event, Spawn)}
    ends = {event.task: event.outcome for event in events if isinstance(event, End)}
    names = {task: spawn.name for task, spawn in spawns.items()}
    return {
        spawn.name: (
            spawn.kind,
            names[spawn.parent] if spawn.parent is not None else "nobody",
            ends.get(task, "no end"),
        )
        for task, spawn in spawns.items()
    }


def by_shape(new: Shape, kept: Shape) -> list[str]:
    """What differs between two shapes, task by task."""
    found = [f"{name} is new" for name in new.keys() - kept.keys()]
    found += [f"{name} is missing" for name in kept.keys() - new.keys()]
    words = ("a {}", "spawned by {}", "its outcome {}")
    for name in new.keys() & kept.keys():
        for word, now, then in zip(words, new[name], kept[name], strict=True):
            if now != then:
                found.append(f"{name} is {word.format(now)}, was {then}")
    return sorted(found)


def _said(event: Event | None) -> str:
    return "nothing" if event is None else str(event)
