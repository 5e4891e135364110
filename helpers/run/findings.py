"""What went wrong in a run, each in a whole sentence: who, at which line, how long, whom it hurt.

The kinds follow tokio-console's warnings and asyncio's own log messages.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

from helpers import text as words
from helpers.run import source as places
from helpers.run.build import Assembler
from helpers.run.runlog import FIELDS
from helpers.trace import Finding, LaneKind, Step, Task

# A step that holds the loop this long, in seconds of the run's clock, is worth a sentence; the
# same as asyncio's own limit for a slow callback.
SLOW = 0.1
# Of many long steps, the longest are told.
_MOST = 20


class Finder:
    """Looks through the lanes of one run and its log."""

    def __init__(self, made: Assembler, lanes: tuple[Task, ...], *, unit: str, exact: bool) -> None:
        """Take what `assemble` made; `exact` is true under the virtual clock."""
        self.made, self.log, self.lanes = made, made.log, lanes
        self.unit, self.exact = unit, exact
        self.by_id = {lane.id: lane for lane in lanes}

    def findings(self) -> tuple[Finding, ...]:
        """Everything found, the loop's blocking first."""
        kinds = (
            self._really_blocked, self._never_yielded, self._unawaited,
            self._left, self._vanished, self._unretrieved, self._refused,
        )  # fmt: skip
        return (*self.blocked, *(finding for kind in kinds for finding in kind()))

    @functools.cached_property
    def blocked(self) -> tuple[Finding, ...]:
        """Who blocked the loop, looked for once: one finding rests on another."""
        return tuple(self._blocked())

    def _for(self, seconds: float) -> str:
        return words.seconds(seconds, self.unit, exact=self.exact)

    def _at(self, moment: float) -> str:
        return f"{words.number(moment)} {'min' if self.unit == 'minutes' else 's'}"

    def _slow(self) -> list[tuple[int, int]]:
        """The longest steps over the limit: offset in the log, and lane."""
        made = self.made
        took = [made.end[n] - made.start[n] for n in range(len(made.owner))]
        slow = sorted((n for n, t in enumerate(took) if t >= SLOW), key=lambda n: -took[n])
        found = [(n, made.step_owner(n * FIELDS)) for n in sorted(slow[:_MOST])]
        return [(n, lane) for n, lane in found if lane is not None and lane in self.by_id]

    def _line(self, n: int) -> str:
        """At which line a step held the loop, or before which await, in words."""
        place = self.log.lines.get(n * FIELDS)
        if place is not None:
            return f", at {places.describe(*place)}"
        suspended = self.log.suspended.get(n * FIELDS)
        if suspended:
            return f", before {places.describe(*suspended)}"
        # Nobody looked in time, on a busy machine: the task's function is known all the same.
        lane = self.made.step_owner(n * FIELDS)
        function = self.by_id[lane].place if lane is not None else ""
        return f", in the function at {function}" if function else ""

    def _blocked(self) -> Iterator[Finding]:
        made, slow = self.made, self._slow()
        if not slow:
            return
        waits = [
            (step, lane)
            for lane in self.lanes
            if lane.kind is not LaneKind.THREAD
            for step in lane.steps
            if step.start > step.ready
        ]
        for n, lane in slow:
            start, end = made.start[n], made.end[n]
            delayed = _delayed(waits, start, end, lane)
            if delayed:
                hurt = [f"`{self.by_id[who].name}` by {self._for(t)}" for who, t in delayed]
                yield Finding(
                    f"`{self.by_id[lane].name}` blocked the loop for {self._for(end - start)} "
                    f"(from {words.number(start)} to {self._at(end)}{self._line(n)}) and "
                    f"delayed {words.listing(hurt)}.",
                    kind="blocked",
                    task=lane,
                )

    def _really_blocked(self) -> Iterator[Finding]:
        for offset in self.log.wall:
            lane = self.made.step_owner(offset)
            if lane is not None:
                name, line = self.by_id[lane].name, self._line(offset // FIELDS)
                yield Finding(
                    f"`{name}` really held the thread{line}, and the virtual clock does not show "
                    'it: use `busy` for hands-on work, or record with clock="real".',
                    kind="really_blocked",
                    task=lane,
                )

    def _never_yielded(self) -> Iterator[Finding]:
        slow = {lane: n for n, lane in self._slow()}
        if not slow:
            return
        told = {finding.task for finding in self.blocked}  # one sentence on one step is enough
        for lane, n in slow.items():
            record = self.by_id[lane]
            if (
                lane not in told
                and record.kind is LaneKind.TASK
                and record.polls == 1
                and record.ended is not None
            ):
                took = self._for(record.busy)
                yield Finding(
                    f"`{record.name}` never yielded: its {took} were one step{self._line(n)}.",
                    kind="never_yielded",
                    task=lane,
                )

    def _unawaited(self) -> Iterator[Finding]:
        for name, place in self.log.unawaited:
            where = f", thrown away at {places.describe(*place)}," if place else ""
            yield Finding(
                f"`{name}()`{where} was never awaited: none of its code ran.", kind="never_awaited"
            )

    def _left(self) -> Iterator[Finding]:
        for number, line in self.log.left.items():
            where = f", waiting at {line}," if line else ""
            yield Finding(
                f"`{self.by_id[number].name}` was left running{where} when main was over; "
                "it was cancelled then.",
                kind="left_running",
                task=number,
            )

    def _vanished(self) -> Iterator[Finding]:
        for number in self.log.vanished:
            yield Finding(
                f"`{self.by_id[number].name}` vanished before it had ended: nobody kept its "
                "handle, and the loop holds only a weak reference.",
                kind="vanished",
                task=number,
            )

    def _unretrieved(self) -> Iterator[Finding]:
        for number in sorted(self.log.unretrieved):
            record = self.by_id[number]
            defined = f" ({record.place})" if record.place else ""
            yield Finding(
                f"`{record.name}`{defined} raised {record.error}, and nobody retrieved it.",
                kind="never_retrieved",
                task=number,
            )

    def _refused(self) -> Iterator[Finding]:
        for record in self.lanes:
            if record.id in self.log.refused and self._asked_by_others(record):
                asked = record.cancels[0].time
                went_on = self._for(record.end - asked)
                yield Finding(
                    f"`{record.name}` was asked to stop at {self._at(asked)} and refused: it "
                    f"went on for {went_on} and returned.",
                    kind="refused_cancel",
                    task=record.id,
                )

    def _asked_by_others(self, record: Task) -> bool:
        """Not by its own children alone: up to Python 3.12 a TaskGroup leaves that one counted."""
        by = (self.by_id.get(who) if isinstance(who, int) else None for _, who in record.cancels)
        return any(lane is None or lane.parent != record.id for lane in by)


def _delayed(
    waits: list[tuple[Step, Task]], start: float, end: float, by: int
) -> list[tuple[int, float]]:
    """Who was ready while a step ran from `start` to `end`, and for how long, longest first."""
    hurt: dict[int, float] = {}
    for step, lane in waits:
        if lane.id != by and step.ready < end and step.start >= end:
            hurt[lane.id] = hurt.get(lane.id, 0.0) + end - max(step.ready, start)
    return sorted(hurt.items(), key=lambda item: (-item[1], item[0]))
