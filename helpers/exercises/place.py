"""Where an answer runs: a process of its own, with little time and memory, that starts no other.

So an answer that never ends, exits or eats all memory harms neither the kernel nor the next check.
In a browser there are no processes: there it runs where it was asked for, on the virtual clock.
"""

import importlib
import io
import linecache
import os
import pickle
import subprocess
import sys
from pathlib import Path
from types import CodeType
from typing import Any

from helpers.exercises import judge as judges
from helpers.exercises.judge import MOST_MEMORY, Status, Verdict
from helpers.exercises.spec import Exercise
from helpers.run import source

_PATIENCE = 4.0  # seconds, from when the process is there
_ROOT = str(Path(__file__).parents[2])
_STARTS = {"os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system", "subprocess.Popen"}


def judge(name: str, exercise: Exercise, answer: Any) -> Verdict:
    """The verdict on an answer, whatever that does, within about five seconds."""
    if sys.platform == "emscripten":
        return judges.judge(name, exercise, answer)
    # A notebook's cells, so that their lines can be told.
    sources = {name: of for name, of in linecache.cache.items() if source.in_cell(name)}
    try:
        packed = _packed((name, exercise.program.__module__, answer, sources))
    except Exception as error:
        why = (
            f"Your answer uses what only this notebook has ({error}). Make it inside the function."
        )
        return Verdict(name, Status.INCORRECT, why)
    path = os.pathsep.join(filter(None, [_ROOT, os.environ.get("PYTHONPATH")]))
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    command = [sys.executable, "-m", "helpers.exercises.place"]
    process: Any
    with subprocess.Popen(command, **pipes, env=os.environ | {"PYTHONPATH": path}) as process:
        try:
            with process.stdin:
                process.stdin.write(packed)
            process.stdin = None
            process.stdout.read(1)  # it is there
            told, _ = process.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            why = "Your answer holds Python itself, in one call that takes more than 4 s."
            return Verdict(name, Status.INCORRECT, why)
        finally:
            process.kill()
    if not told:
        why = f"Your answer ended its own process (exit code {process.returncode})."
        return Verdict(name, Status.INCORRECT, f"{why} An answer returns.")
    verdict: Verdict = pickle.loads(told)  # noqa: S301 - our own process'
    return verdict


def _packed(what: Any) -> bytes:
    """Pickled with the functions of a notebook, and with the names of their files, for lines."""
    import cloudpickle  # type: ignore[import-untyped]

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # it has no types
        def reducer_override(self, obj: Any) -> Any:
            if not isinstance(obj, CodeType):
                return super().reducer_override(obj)
            make, parts = self.dispatch_table[CodeType](obj)
            return make, tuple(obj.co_filename if x == "<dynamic-code>" else x for x in parts)

    into = io.BytesIO()
    Pickler(into).dump(what)
    return into.getvalue()


def _limit_memory() -> None:
    import resource  # not on Windows

    most = MOST_MEMORY * 10**9
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _refuse(event: str, _: object) -> None:
    if event in _STARTS:
        raise PermissionError("an answer starts no other process")


def main() -> None:
    """Judge the answer that comes in; what is printed goes nowhere but into the verdict."""
    packed, out = sys.stdin.buffer.read(), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1):
        os.dup2(nowhere, fd)
    if os.name == "posix":
        _limit_memory()
    sys.addaudithook(_refuse)
    out.write(b"\0")
    out.flush()
    name, module, answer, sources = pickle.loads(packed)  # noqa: S301 - our own kernel's
    linecache.cache.update(sources)
    exercise = importlib.import_module(module).EXERCISES[name]
    out.write(pickle.dumps(judges.judge(name, exercise, answer)))
    out.flush()
    os._exit(0)  # whatever threads are left


if __name__ == "__main__":
    main()
