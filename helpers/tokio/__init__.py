"""Recorded runs of real Tokio, the Rust program that made them, and the format they are kept in.

    load_recording("spawn", runtime="current_thread") -> Trace

The format (version 1) is JSON Lines: an object a line, UTF-8, gzipped when the name ends in
".gz". Recordings are named `<scenario>.<runtime>.jsonl.gz`, the runtime being `current_thread`,
`current_thread_paused` (the virtual clock), `multi_thread_2` or `multi_thread_4`. `Trace.save`
writes the same format. Times are seconds from the start of the run, tasks are small whole numbers
(0 is main). Fields in [brackets] may be left out.

The first line says what the file is. Any other field it has is kept in the trace's `about`:

    {"event": "meta", "format": "task-cards-trace", "version": 1, "source": "tokio" or "asyncio",
     "clock": "real" or "virtual", "workers": 2, "events": how many lines follow,
     ["duration": 0.5], ["unit": "minutes"], ["result": what main returned], ["about": {...}]
     "scenario", "runtime", "tokio", "rustc", "date", "cores" in recordings}

The events follow in the order of time; those of one instant in the order in which they happened.
A poll stands where it starts, and what happens in it follows it. (A saved trace knows times, and
not the order within an instant.)

    {"event": "spawn", "task": 3, "name": "soup", "parent": 0 or null, "t": 0.1, "kind": "task",
     ["place": "kitchen.py:12"], ["lane": 3]}
        Kinds: "task"; "branch", a future polled inside its parent (what a timeout wraps, an arm of
        select!); "blocking", work on a thread for such; "callback", a function the loop calls.
        "lane" is the row in the trace, where it is not the order of the spawns.
    {"event": "wake", "task": 3, "t": 0.2, "by": 0, "thread": "worker-1", ["due": 0.15]}
        "by" is a task, a word ("timer", "io", "thread", "start", ...) or null (not known). "due" is
        when a timer should have fired; a chef who is held sees it late.
    {"event": "poll", "task": 3, "start": 0.2, "end": 0.3, "thread": "worker-1",
     "result": "pending" or "ready" or "panic", ["ready": 0.2, "by": 0]}
        "ready" and "by" stand in saved traces, which have no wakes: since when it was ready to
        be polled, and who made it so.
    {"event": "cancel", "task": 3, "t": 0.4, "by": 0}
        Somebody asked the task to stop, or dropped the branch; "by" is a task, a word or null.
    {"event": "end", "task": 3, "t": 0.5, "outcome": "returned" or "cancelled" or "raised",
     ["error": "ValueError: burnt"]}
        Or, in a saved trace, the outcome "pending": it had not ended when the run was over, at "t".
        ["waits_at": the line it waited at.]
    {"event": "mark", "t": 0.5, "task": 0 or null, "text": "three cards are written"}
        A word that the program left.
    {"event": "finding", "kind": "blocked", "task": 3 or null, "text": "a whole sentence"}
        Something that went wrong, in a saved trace; these stand last.
"""

from helpers.tokio.load import load_recording

__all__ = ["load_recording"]
