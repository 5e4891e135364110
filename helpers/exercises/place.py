"""Where an answer runs: a process of its own, with little time and memory, that starts no other.

So an answer that never ends, exits or eats all memory harms neither the kernel nor the next check.
In a browser there are no processes: there it runs where it was asked for, on the virtual clock.
"""

import contextlib
import faulthandler
import importlib
import io
import linecache
import marshal
import os
import pickle
import subprocess
import sys
from types import CodeType
from typing import Any

from helpers.exercises import judge as judges
from helpers.exercises.judge import MOST_MEMORY, Status, Verdict
from helpers.exercises.spec import Exercise, patience
from helpers.run import source

_PATIENCE = 4.0  # seconds, from when the answer is there
_STARTS = {"os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system", "subprocess.Popen"}


def judge(name: str, exercise: Exercise, answer: Any) -> Verdict:
    """The verdict on an answer, whatever that does, within about five seconds."""
    if sys.platform == "emscripten":
        return judges.judge(name, exercise, answer)
    # A notebook's cells, so that their lines can be told.
    cells = {file: lines for file, lines in linecache.cache.items() if source.in_cell(file)}
    try:
        packed = _packed((name, exercise.program.__module__, answer, cells))
    except Exception as error:
        why = f"Your answer uses what only this notebook has ({error}). Make it in the function."
        return Verdict(name, Status.INCORRECT, why)
    command = [sys.executable, "-c", f"from {__name__} import main; main()"]
    env = {"PYTHONPATH": os.pathsep.join(sys.path)}
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    options = pipes | {"env": os.environ | env, "timeout": patience(12)}
    ran = None
    with contextlib.suppress(subprocess.TimeoutExpired):  # which kills it
        ran = subprocess.run(command, input=packed, check=False, **options)
    if ran is None or ran.stdout.startswith(b"Timeout"):
        why = "Your answer holds Python itself, in one call that does not end."
        return Verdict(name, Status.INCORRECT, why)
    if not ran.stdout:
        why = f"Your answer ended its own process (exit code {ran.returncode}). An answer returns."
        return Verdict(name, Status.INCORRECT, why)
    verdict: Verdict = pickle.loads(ran.stdout)  # noqa: S301 - our own process'
    return verdict


def _packed(what: Any) -> bytes:
    """Pickled with the functions of a notebook, and with the names of their files, for lines."""
    import cloudpickle  # type: ignore[import-untyped]

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # it has no types
        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, CodeType):
                return marshal.loads, (marshal.dumps(obj),)
            return super().reducer_override(obj)

    into = io.BytesIO()
    Pickler(into).dump(what)
    return into.getvalue()


def _refuse(event: str, _: object) -> None:
    if event in _STARTS:
        raise PermissionError("an answer starts no other process")


def main() -> None:
    """Judge the answer that comes in; what is printed goes nowhere but into the verdict."""
    packed, out = sys.stdin.buffer.read(), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    with contextlib.suppress(ImportError, ValueError):  # not on Windows; macOS may refuse
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY * 10**9,) * 2)
    sys.addaudithook(_refuse)
    name, module, answer, cells = pickle.loads(packed)  # noqa: S301 - our own kernel's
    linecache.cache.update(cells)
    exercise = importlib.import_module(module).EXERCISES[name]
    faulthandler.dump_traceback_later(
        patience(_PATIENCE), exit=True, file=out
    )  # whoever holds the GIL
    out.write(pickle.dumps(judges.judge(name, exercise, answer)))
    out.flush()
    os._exit(0)  # whatever threads are left
