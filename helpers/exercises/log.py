"""What a learner has done, in one small file beside the notebooks; nothing leaves the machine."""

import contextlib
import json
import os
from itertools import count
from pathlib import Path
from typing import Any

FILE = "progress.json"
NEW = {"status": "not attempted", "checks": 0, "hints": 0}  # an exercise of which nothing is known
_FORMAT = 1
_here: dict[str, Any] = {}  # where notebooks are built and compared, nothing is written


def read() -> dict[str, Any]:
    """What is known of each exercise, by name. A file that is no such thing is set aside."""
    path = Path(FILE)
    if os.environ.get("TASK_CARDS_TEXT"):
        return _here
    if not path.exists():
        return {}
    with contextlib.suppress(ValueError, LookupError, TypeError):
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["format"] == _FORMAT:
            return dict(found["exercises"])
    others = (path.with_stem(f"{path.stem}_set_aside_{n}") for n in count(1))
    other = path.rename(next(each for each in others if not each.exists()))
    print(f"{FILE} could not be read: it is now {other.name}, and a new one begins.")
    return {}


def note(name: str, what: str, status: str = "") -> int:
    """Count a check or a hint, and keep the status, unless it is correct already; how many now."""
    known = read()
    one = known.setdefault(name, dict(NEW))
    one[what] += 1
    if status and one["status"] != "correct":
        one["status"] = status
    if known is not _here:  # all of it or nothing: another kernel may read it meanwhile
        new = Path(f".{FILE}.{os.getpid()}")
        new.write_text(json.dumps({"format": _FORMAT, "exercises": known}, indent=1), "utf-8")
        new.replace(FILE)
    return int(one[what])
