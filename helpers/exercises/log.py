"""What a learner has done, in one small file beside the notebooks; nothing leaves the machine."""

import json
import os
from itertools import count
from pathlib import Path
from typing import Any

FILE = "progress.json"
_FORMAT = 1
_here: dict[str, Any] = {}  # where notebooks are built and compared, nothing is written


def read() -> dict[str, Any]:
    """What is known of each exercise, by name. A file that is no such thing is set aside."""
    path = Path(FILE)
    if os.environ.get("TASK_CARDS_TEXT"):
        return _here
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["format"] == _FORMAT:
            return dict(found["exercises"])
    except (ValueError, LookupError, TypeError):
        pass
    others = (path.with_stem(f"{path.stem}_set_aside_{n}") for n in count(1))
    other = next(each for each in others if not each.exists())
    path.rename(other)
    print(f"{FILE} could not be read: it is now {other.name}, and a new one begins.")
    return {}


def of(known: dict[str, Any], name: str) -> dict[str, Any]:
    """What is known of one exercise."""
    return {"status": "not attempted", "checks": 0, "hints": 0, **known.get(name, {})}


def note(name: str, *, status: str = "", **counts: int) -> dict[str, Any]:
    """Count what was done, and keep the status, unless it is correct already; what is known."""
    known = read()
    known[name] = one = of(known, name)
    if status and one["status"] != "correct":
        one["status"] = status
    one.update({what: one[what] + more for what, more in counts.items()})
    if known is not _here:  # all of it or nothing: another kernel may read it meanwhile
        new = Path(f".{FILE}.{os.getpid()}")
        new.write_text(json.dumps({"format": _FORMAT, "exercises": known}, indent=1), "utf-8")
        new.replace(FILE)
    return one
