"""The tools round the course: launcher, notebook build, pictures. Lessons use none of it."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def python_path() -> dict[str, str]:
    """The variable that lets a kernel import `helpers` from this tree, installed or not."""
    folders = [str(PROJECT), os.environ.get("PYTHONPATH")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, folders))}
