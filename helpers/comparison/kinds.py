"""Why asyncio and Tokio differ: the kinds of differences by name, each with its reason."""

from __future__ import annotations

from typing import NamedTuple

UNEXPLAINED = "unexplained"
FOLLOWS = "it waits for another"

# Each name is what a difference is called, each sentence holds wherever that name is given.
WHY = {
    "a branch is no task": (
        "Tokio's select! and timeout poll a future inside its parent's own step; here it is a "
        "task, which stands in the queue itself and wakes its parent when it ends."
    ),
    "no lane of its own": (
        "It is a future that its parent polls. Tokio's recorder wrapped it to see it; "
        "asyncio's loop knows tasks alone, so that it is a part of its parent here."
    ),
    "cancel is an exception": (
        "asyncio raises CancelledError inside the task, which takes a poll; "
        "Tokio drops the future, and none of its code but destructors runs."
    ),
    "the loser is awaited": (
        "Here the race comes back when the loser has seen its CancelledError and ended; "
        "Tokio has dropped it by then, and there is nothing to wait for."
    ),
    "finally runs": (
        "A cancelled asyncio task may await in its `finally`, and ends when that is done; "
        "a future that Tokio drops is gone at once."
    ),
    "a cancel can be refused": (
        "CancelledError is an exception, and the task caught it and went on; "
        "a future that is dropped is not asked."
    ),
    "loser of a race": (
        "asyncio's `wait` cancels nobody: what loses runs on until somebody cancels it. "
        "An arm of select! that loses is dropped at once."
    ),
    "tie": (
        "asyncio's tasks both end when both are ready; select! takes one "
        "(at random, or the first that is written with `biased`) and drops the other."
    ),
    "timeout over a handle": (
        "asyncio's timeout cancels what is awaited, a task too (`shield` keeps it). Tokio's "
        "timeout over a JoinHandle drops the handle, and the task runs on."
    ),
    "handle dropped": (
        "asyncio's loop holds a task by a weak reference, so that one which nobody keeps may "
        "vanish; in Tokio a task whose handle is dropped runs on, detached."
    ),
    "panic or exception": (
        "Rust panics and Python raises. Both stay in the task until its handle is awaited."
    ),
    "main's turn": (
        "Tokio's current_thread looks at main between two tasks' turns, at least after every 61; "
        "asyncio's main is a task and stands in the queue behind those that are ready."
    ),
    "a yield wakes later": (
        "A Tokio task that yields is woken when the chef has been through its queue and looked at "
        "its timers; asyncio's `sleep(0)` puts it back at the end of the queue at once."
    ),
    "who yields": (
        "A task keeps the chef until it yields. Tokio's also yields by itself, after 128 "
        "operations that were ready (its fairness budget); asyncio has no such budget."
    ),
    "a timer queues twice": (
        "In asyncio a timer that is due is a callback in the queue, and the task that it wakes "
        "then queues up behind all that are ready; Tokio's timer wakes the task itself."
    ),
    "equal deadlines": (
        "asyncio keeps its timers in a heap, which does not keep the order of equal ones; Tokio "
        "wakes those that are due at one tick in the order in which they were set."
    ),
    FOLLOWS: (
        "It goes on when another task ends, and that one ends at another time or in another way."
    ),
    "start after spawn": (
        "A free worker takes up a new task at once, while its parent is still in its step; "
        "asyncio has one chef, and the task starts when its parent yields."
    ),
    "parallel work": (
        "Tokio's workers are threads, and each polls another task at the same time; "
        "asyncio polls all tasks on one."
    ),
    "a task moves": "At each await a Tokio task may go on on another worker; asyncio has one chef.",
    "chance of a real clock": (
        "What is measured is not exact: how often a timer is seen and who comes first by a hair "
        "change from run to run."
    ),
    "only here": "The recorded program has no task of this name: the two programs differ.",
    "only there": "This run has no task of this name: the two programs differ.",
    UNEXPLAINED: "No rule of this comparison explains it. Are the two programs the same?",
}


class Difference(NamedTuple):
    """One thing that is not the same: its kind's name, the task, what it is, and why."""

    name: str
    task: str
    sentence: str
    why: str


def difference(name: str, task: str, sentence: str) -> Difference:
    """A difference of a known kind, with that kind's reason."""
    return Difference(name, task, sentence, WHY[name])
