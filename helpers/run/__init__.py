"""`record`: runs a coroutine on a loop of its own, and gives back the trace of what happened.

The loop runs in a thread of its own, so that the caller's loop (a notebook's kernel) stays free and
Stop always works. Where there are no threads, the virtual clock runs nested in the caller's thread.
The idea of noting each step as it happens is trio's Instrument.
"""

import math
from collections.abc import Callable, Coroutine
from typing import Any

from helpers.run.session import MAX_SECONDS, Run
from helpers.trace import Trace

listeners: list[Callable[[Trace], None]] = []  # called with each recorded trace


async def record(
    coro: Coroutine[Any, Any, Any],
    *,
    clock: str = "virtual",
    unit: str = "seconds",
    max_steps: int | None = None,
    max_seconds: float = MAX_SECONDS,
    until: float = math.inf,
    lines: bool = False,
) -> Trace:
    """Run a coroutine to its end and return the trace of every step of every task in it.

    `clock`: "virtual" (sleeps take no time, times are exact) or "real". `unit` says what a second
    of the virtual clock stands for: "seconds", or "minutes" of the kitchen. `until`, in seconds of
    the clock, ends a run like its end would: a server, say. `max_steps` (by default 100,000 and a
    few for each task) and `max_seconds` (of real time) end a run that does not end by itself; of
    what such a run prints on the virtual clock, the first 300 lines are shown. With `lines`, each
    line that the coroutine's file or a notebook's cell comes to is kept (20,000 at most), with the
    names that it has changed, for `replay`; that takes time, and calls the `repr` of their values.

    Raises what the coroutine raises, with the trace as the exception's `trace`; `Deadlock` when
    nothing can ever happen again; `RunTooLong` over a limit. Cancelling the caller cancels and
    awaits every task of the run. When main is over, tasks that are left are cancelled and awaited,
    as `asyncio.run` does.
    """
    run = Run(coro, clock, unit, max_steps, max_seconds, until, lines)
    run.start()
    __tracebackhide__ = True  # by IPython
    trace = await run.wait()
    for tell in listeners:
        tell(trace)
    if run.error is not None:
        raise run.error
    return trace
