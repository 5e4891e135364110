"""Numbers on who took up which task: what a team of chefs does and one chef cannot."""

from __future__ import annotations

import itertools

from helpers.trace import TaskRecord, Trace


def moved(trace: Trace) -> list[TaskRecord]:
    """The tasks that were polled on more than one thread."""
    return [task for task in trace.tasks if len({step.thread for step in task.steps}) > 1]


def longest_silence(task: TaskRecord) -> float:
    """The longest time between the starts of two polls of a task that should tick."""
    starts = [step.start for step in task.steps]
    return max((b - a for a, b in itertools.pairwise(starts)), default=0.0)


def stolen(trace: Trace, parent: TaskRecord) -> list[TaskRecord]:
    """Children that another chef took up while the one who wrote their cards was still at it."""
    writing = parent.steps[0]
    return [
        child
        for child in trace.children(parent.id)
        if child.steps[0].thread != writing.thread and child.steps[0].start < writing.end
    ]
