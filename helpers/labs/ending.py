"""How a run that is alive is brought to its end, with nothing of it left over."""

from __future__ import annotations

from helpers.run import Run


def stop_soon(run: Run) -> None:
    """Stop a run, also where a thousand ready steps stand before the request.

    A loop takes what is ready in turn, and a request from another thread comes last: behind 1000
    steps of 8 ms it would be seen after 8 s.
    """
    run.stop()
    if run.drive is None:
        return
    loop, ask = run.drive.loop, run.drive.cancel_all
    for handle in list(loop._ready):
        if handle._callback == ask:
            handle.cancel()
            loop._ready.appendleft(loop.make_handle(ask, (), None))


def threads_are_back(run: Run) -> bool:
    """Whether no thread works for the run any more. A thread cannot be ended from outside."""
    works = run.drive.loop.ledger.works if run.drive is not None else []
    return all(work.future is None or work.future.done() for work in works)
