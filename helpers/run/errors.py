"""What can go wrong with a run, each in a sentence. Every one carries the run's trace."""


class RunError(RuntimeError):
    """The run could not come to its end. `trace` holds what had happened by then."""


class Deadlock(RunError):
    """Nothing was ready, no timer was set, and tasks still waited."""


class RunTooLong(RunError):
    """The run went over its limit of steps or seconds."""


class RunStopped(BaseException):
    """Raised inside a stopped run that holds its thread; no `except Exception` swallows it."""
