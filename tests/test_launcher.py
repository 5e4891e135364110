"""`task-cards`, started for real: the address it prints answers, and Ctrl-C ends it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest

from helpers._tools import launch
from helpers._tools.launch import FIRST_LESSON, main
from tests.browser.server import free_port

# A process that a script put into the background ignores Ctrl-C, and so would its children.
STARTER = """
import signal
import sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)
from helpers._tools.launch import main
raise SystemExit(main(sys.argv[2:], root=Path(sys.argv[1])))
"""


@pytest.fixture
def started(course: Path, python: str) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """`started("--port=9000")` starts the command; it is ended afterwards."""
    empty = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (course / FIRST_LESSON).write_text(json.dumps(empty), encoding="utf-8")
    folders = {f"JUPYTER_{kind}_DIR": str(course / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    with contextlib.ExitStack() as running:

        def start(*options: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [python, "-c", STARTER, str(course), *options],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env=os.environ | folders,
            )
            running.enter_context(process)
            running.callback(process.kill)
            return process

        yield start


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


def fetch(address: str) -> bytes:
    """The body at an address of this machine, which no proxy is asked for."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(address, timeout=60) as response:
        body: bytes = response.read()
        return body


def test_it_serves_the_first_lesson_at_the_address_it_prints_alone_until_ctrl_c(
    started: Callable[..., subprocess.Popen[str]],
) -> None:
    port = free_port()
    process = started(f"--port={port}", "--no-browser")
    address = address_in(process)
    parts = urlsplit(address)
    assert (parts.hostname, parts.port) == ("127.0.0.1", port)
    assert parts.path == f"/lab/tree/{FIRST_LESSON}"
    assert b"JupyterLab" in fetch(address)
    token = parse_qs(parts.query)["token"][0]
    lesson = f"http://127.0.0.1:{port}/api/contents/{FIRST_LESSON}"
    about = json.loads(fetch(f"{lesson}?content=1&token={token}"))
    assert about["content"]["cells"] == []
    with pytest.raises(urllib.error.HTTPError, match="403"):
        fetch(lesson)  # without the token
    sockets = psutil.Process(process.pid).net_connections()
    served = {each.laddr.ip for each in sockets if each.laddr.port == port}
    assert served <= {"127.0.0.1", "::1"}, "nobody else on the network is served"
    if os.name == "nt":
        process.terminate()  # Windows sends no Ctrl-C to a process of another console.
        return
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in printed


def test_without_the_notebooks_it_says_how_to_install_the_course(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main([], root=tmp_path)
    assert str(ended.value).startswith(f"There is no {FIRST_LESSON} in {tmp_path}; install")
    assert "pip install -e ." in str(ended.value)


def test_check_reports_and_starts_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "chdir", lambda _: pytest.fail("it starts JupyterLab"))
    assert main(["--check"]) == 0
    assert capsys.readouterr().out == "Everything that the lessons need is here.\n"
    monkeypatch.setattr(launch, "check", lambda: ["plotly is 5; 7 is needed."])
    assert main(["--check"]) == 1
    assert "- plotly is 5; 7 is needed." in capsys.readouterr().out
