"""`task-cards` as a process of its own, and the address that it prints."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

# A process that a script put into the background ignores Ctrl-C, and so would its children.
_STARTER = """
import signal
import sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)
from helpers._tools.launch import main
raise SystemExit(main(sys.argv[2:], root=Path(sys.argv[1])))
"""


def begin(course: Path, *options: str, before: str = "") -> subprocess.Popen[str]:
    """Start the command over a course, behind what `before` says in Python.

    Nothing of the user's own settings is read or written.
    """
    kinds = ("CONFIG", "DATA", "RUNTIME")
    folders = {f"JUPYTER_{kind}_DIR": str(course / kind) for kind in kinds}
    folders |= {f"JUPYTERLAB_{kind}_DIR": str(course / kind) for kind in ("SETTINGS", "WORKSPACES")}
    return subprocess.Popen(
        [sys.executable, "-c", before + _STARTER, str(course), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | folders,
    )


def address_in(process: subprocess.Popen[str]) -> str:
    """The address with a token that the command prints, once it answers."""
    assert process.stdout
    printed = ""
    for line in process.stdout:
        printed += line
        if found := re.search(r"http://127\.0\.0\.1:(\d+)/\S*token=\w+", line):
            while not answers(int(found[1])):  # JupyterLab prints its address before it listens
                with contextlib.suppress(subprocess.TimeoutExpired):
                    pytest.fail(f"it ended with code {process.wait(0.1)}:\n{printed}")
            return found[0]
    pytest.fail(f"it ended by itself:\n{printed}")


def answers(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0
