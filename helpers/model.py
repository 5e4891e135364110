"""`simulate`: a run of a modelled multi-thread scheduler, as a `Trace` like any other.

It follows the worker loop of Tokio 1.53. It leaves out what each act costs, the budget of 128
operations, `block_in_place`, what overflows a queue of 256, that at most half of the workers search
at once, and that an interval of 61 turns is tuned while a program runs. A task from a LIFO slot
takes a turn of its own, however many in a row. The same arguments give the same trace everywhere.
"""

import asyncio
import contextlib
import random
from collections import deque
from dataclasses import dataclass, field

from helpers.run.clock import DIGITS, VirtualLoop, set_aside
from helpers.task import START, TIMER
from helpers.trace import Mark, Outcome, Step, Task, Trace

# Tokio's own number: at each 61st turn a worker looks at the injection queue and the timers first.
INTERVAL = 61


@dataclass(eq=False)
class ModelTask:
    """A task: `pieces` of work, in seconds, with a wait after each but the last.

    `wait` 0 is a bare yield. Those in `spawns` are spawned in its first step and awaited, in this
    order, after its last piece.
    """

    number: int
    name: str
    parent: int | None
    pieces: list[float]
    wait: float = 0.0
    spawns: list["ModelTask"] = field(default_factory=list)
    ready: float = 0.0
    woken_by: int | str | None = None
    steps: list[Step] = field(default_factory=list)
    awaited_by: "ModelTask | None" = None


@dataclass(eq=False)
class Worker:
    """A worker thread with its queues."""

    name: str
    queue: deque[ModelTask] = field(default_factory=deque)
    slot: ModelTask | None = None  # last in, first out; no other worker can reach it
    yielded: list[ModelTask] = field(default_factory=list)  # ready again once nothing else is
    turn: int = 0
    searching: bool = False
    notified: asyncio.Event = field(default_factory=asyncio.Event)


class Scheduler:
    """Workers at their tasks, each worker a coroutine of one virtual loop.

    `marks` tells each theft, `sequence` whose step it was, in the order in which they began.
    """

    def __init__(self, workers: int, *, stealing: bool, seed: int) -> None:
        self.loop, self.stealing = VirtualLoop(), stealing
        self.workers = [Worker(f"worker-{n + 1}") for n in range(workers)]
        self.injection: deque[ModelTask] = deque()
        self.idle: list[Worker] = []
        self.driver: Worker | None = None  # the idle worker that waits for timers; no other does
        self.fired: list[ModelTask] = []  # tasks whose timers no worker has looked at yet
        self.marks: list[Mark] = []
        self.sequence: list[int] = []
        self._random = random.Random(seed)

    async def serve(self, tasks: list[ModelTask]) -> None:
        """Take these tasks from outside, and work until all are done."""
        self.open = {each for task in tasks for each in (task, *task.spawns)}
        # The first worker goes idle last, and so is notified first.
        running = asyncio.gather(*map(self._work, reversed(self.workers)))
        await asyncio.sleep(0)  # all of them are idle before the first task comes
        for task in tasks:
            self._wake(task, None, task.parent)
        await running

    async def _work(self, worker: Worker) -> None:
        while self.open:
            worker.turn += 1
            if worker.turn % INTERVAL == 0:
                self._look_at_timers(worker)
            if task := self._next(worker):
                if worker.searching:
                    worker.searching = False
                    self._notify_one()  # there may be more than one worker can do
                await self._step(worker, task)
            elif not self._look_at_timers(worker):
                # Idle until another worker notifies it or, if it has the driver, a timer does.
                worker.searching = False
                worker.notified.clear()
                self.idle.append(worker)
                self.driver = self.driver or worker
                await worker.notified.wait()
                if self.driver is worker:
                    self.driver = None  # nobody hears of that: it waits for the next who goes idle
                    self._look_at_timers(worker)
        for other in self.workers:
            other.notified.set()

    def _notify_one(self) -> None:
        """Notify the worker that has been idle for the shortest time, unless one is searching."""
        if self.idle and not any(worker.searching for worker in self.workers):
            worker = self.idle.pop()
            worker.searching = True
            worker.notified.set()

    async def _step(self, worker: Worker, task: ModelTask) -> None:
        """One poll: a piece of work, then a wait, a yield, another's end, or the task's own."""
        ready, start, woken_by = task.ready, self.loop.time(), task.woken_by
        self.sequence.append(task.number)
        if not task.steps:
            for child in task.spawns:
                self._wake(child, worker, child.parent)
        seconds, *task.pieces = task.pieces or [0.0]
        await asyncio.sleep(round(seconds, DIGITS))
        task.steps.append(Step(ready, start, self.loop.time(), worker.name, woken_by))
        if task.pieces and task.wait:
            self.loop.call_later(task.wait, self._fire, task)
        elif task.pieces:
            task.ready, task.woken_by = self.loop.time(), task.number
            worker.yielded.append(task)
        elif left := next((child for child in task.spawns if child in self.open), None):
            left.awaited_by = task
        else:
            self.open.remove(task)
            if task.awaited_by is not None:
                self._wake(task.awaited_by, worker, task.number)

    def _wake(self, task: ModelTask, by: Worker | None, waker: int | None) -> None:
        """Make a new or waiting task ready, and notify an idle worker if there is one to reach."""
        task.ready, task.woken_by = self.loop.time(), waker
        if by is None:
            self.injection.append(task)
        if by is None or self._place(task, by):
            self._notify_one()

    def _place(self, task: ModelTask, worker: Worker) -> bool:
        """Put a task in a worker's slot. True if that moved the one before to the queue."""
        before, worker.slot = worker.slot, task
        if before is not None:
            worker.queue.append(before)
        return before is not None

    def _fire(self, task: ModelTask) -> None:
        """A task's wait is over. The worker that holds the driver hears of it."""
        task.ready, task.woken_by = self.loop.time(), TIMER
        self.fired.append(task)
        if self.driver in self.idle:
            self.idle.remove(self.driver)
            self.driver.notified.set()

    def _look_at_timers(self, worker: Worker) -> bool:
        """Take those whose timers fired, and those that yielded, the last first; True if any."""
        ready, worker.yielded = worker.yielded[::-1], []
        if self.driver is None:  # else an idle worker holds it, and hears of them itself
            ready, self.fired = [*self.fired, *ready], []
        for task in ready:
            self._place(task, worker)
        if not worker.searching and len(worker.queue) + (worker.slot is not None) > 1:
            self._notify_one()
        return bool(ready)

    def _next(self, worker: Worker) -> ModelTask | None:
        if worker.turn % INTERVAL == 0 and self.injection:
            return self.injection.popleft()
        if task := worker.slot:
            worker.slot = None
            return task
        if not worker.queue:  # a batch, which leaves something for each of the others
            batch = min(len(self.injection), len(self.injection) // len(self.workers) + 1)
            worker.queue.extend(self.injection.popleft() for _ in range(batch))
        if worker.queue:
            return worker.queue.popleft()
        return self._steal(worker) if self.stealing else None

    def _steal(self, worker: Worker) -> ModelTask | None:
        """Half of the queue of the first other worker that has one; never what is in a slot."""
        worker.searching = True
        begin = self._random.randrange(len(self.workers))
        for victim in [*self.workers[begin:], *self.workers[:begin]]:
            if victim is not worker and victim.queue:
                stolen = [victim.queue.popleft() for _ in range((len(victim.queue) + 1) // 2)]
                at, to = self.loop.time(), f"{victim.name} to {worker.name.removeprefix('worker-')}"
                self.marks += [Mark(at, one.number, f"{one.name} stolen: {to}") for one in stolen]
                worker.queue.extend(stolen[:-1])  # the last one is taken up at once, as in Tokio
                return stolen[-1]
        return None


def simulate(
    *,
    chefs: int = 2,
    tasks: int = 8,
    work: float = 1.0,
    yields: int = 0,
    wait: float = 0.0,
    blocking: float = 0.0,
    blocks_after: float = 0.0,
    stealing: bool = True,
    spawner: str = "main",
    seed: int = 0,
) -> Trace:
    """The trace of `tasks` cards on a modelled team of so many `chefs`, the workers.

    Each card is `work` seconds of hands-on work in `yields + 1` equal pieces. Between two pieces it
    waits for `wait` seconds (0: a bare yield). The first cards, a share `blocking` from 0 to 1 of
    them, wait for `blocks_after` seconds, and then hold their chef for all their work and waits.

    spawner "main": the cards are written from outside the team. "task": a card named `sous_chef`
    writes them, works for twice as long as one of them in one piece, and awaits them in order.
    `trace.marks` tells each theft; `seed` decides whom a thief looks at first.
    """
    if chefs < 1 or min(tasks, yields, work, wait, blocks_after) < 0 or not 0 <= blocking <= 1:
        raise ValueError("chefs is at least 1, blocking from 0 to 1, and no number is below 0")
    first, held = 1 if spawner == "main" else 2, round(blocking * tasks)
    pieces = [work / (yields + 1)] * (yields + 1)
    blocks = [*([0.0] if blocks_after else []), work + yields * wait]
    cards = [ModelTask(first + n, f"card {n + 1}", first - 1, pieces, wait) for n in range(tasks)]
    for card in cards[:held]:
        card.pieces, card.wait = blocks, blocks_after
    sous_chef = ModelTask(1, "sous_chef", 0, [2 * work], spawns=cards)
    scheduler = Scheduler(chefs, stealing=stealing, seed=seed)
    outside = cards if spawner == "main" else [sous_chef]
    with set_aside(), contextlib.closing(scheduler.loop) as loop:
        loop.run_until_complete(scheduler.serve(outside))
    # Main spawns tasks and awaits them in order, on a thread that is no worker.
    main = ModelTask(0, "main", None, [], steps=[Step(0.0, 0.0, 0.0, "main", START)])
    for task in outside:
        end = task.steps[-1].end
        if end > main.steps[-1].end:  # one that has ended meanwhile is not waited for
            main.steps.append(Step(end, end, end, "main", task.number))
    lanes = tuple(_lane(each) for task in (main, *outside) for each in (task, *task.spawns))
    # Main hears of what a step has ended after all of the steps.
    order = main.number, *scheduler.sequence, *[main.number] * (len(main.steps) - 1)
    end, marks = max(lane.end for lane in lanes), tuple(scheduler.marks)
    kind = {"runtime": "multi_thread", "workers": chefs}
    return Trace(lanes, end, source="model", workers=chefs, marks=marks, about=kind, sequence=order)


def _lane(task: ModelTask) -> Task:
    end, steps, ended = task.steps[-1].end, tuple(task.steps), Outcome.RETURNED
    return Task(task.number, task.name, task.parent, steps[0].ready, end, ended, end, steps)
