"""Task Cards: record how an async runtime schedules work, and see it.

Layout: `text`, `trace` at the bottom; `draw` shows a trace; `run` records one, `tokio` loads one,
`model` computes one; `race` and `costs` are the lessons' tools; `comparison` sets two traces beside
each other; `predictions` asks before a run, `exercises` judge what the learner writes; `kitchen` is
a service under load; `labs` are built on all of these.
"""

from helpers.comparison import compare
from helpers.draw import replay, timeline
from helpers.exercises import check, hint, progress, solution
from helpers.labs import lab
from helpers.predictions import predict
from helpers.race import select
from helpers.run import record
from helpers.run.clock import busy
from helpers.run.errors import Deadlock, RunTooLong
from helpers.tokio import load_recording
from helpers.trace import Trace

__all__ = ["Deadlock", "RunTooLong", "Trace", "busy", "check", "compare", "hint", "lab"]
__all__ += ["load_recording", "predict", "progress", "record", "replay", "select", "solution"]
__all__ += ["timeline"]
