"""`task-cards`, started for real: the address it prints answers, and Ctrl-C ends it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
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

Start = Callable[..., tuple[subprocess.Popen[bytes], Path]]


@pytest.fixture
def started(course: Path, python: str) -> Iterator[Start]:
    """`started("--port=9000")` starts the command; it is ended afterwards."""
    empty = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (course / FIRST_LESSON).write_text(json.dumps(empty), encoding="utf-8")
    running: list[subprocess.Popen[bytes]] = []
    home = course / "home"
    folders = {
        f"JUPYTER_{kind}_DIR": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")
    }

    def start(*options: str) -> tuple[subprocess.Popen[bytes], Path]:
        log = course / "printed.txt"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [python, "-c", STARTER, str(course), *options],
                stdout=out,
                stderr=subprocess.STDOUT,
                env=os.environ | folders,
            )
        running.append(process)
        return process, log

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.wait(10)


def address_in(log: Path, process: subprocess.Popen[bytes], *, seconds: float = 60) -> str:
    """The first address with a token that the command prints."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        printed = log.read_text(encoding="utf-8")
        if found := re.search(r"http://127\.0\.0\.1:\d+/\S*token=\w+", printed):
            return found.group()
        assert process.poll() is None, f"it ended by itself:\n{printed}"
        time.sleep(0.1)
    pytest.fail(f"no address was printed within {seconds} s:\n{log.read_text(encoding='utf-8')}")


def fetch(address: str, *, seconds: float = 20) -> bytes:
    """The body at an address of this machine, which no proxy is asked for.

    JupyterLab prints its address before it listens, so a refused connection is tried again.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + seconds
    while True:
        try:
            with opener.open(address, timeout=20) as response:
                body: bytes = response.read()
                return body
        except urllib.error.URLError as error:
            refused = isinstance(error.reason, ConnectionRefusedError)
            if not refused or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_it_serves_the_first_lesson_at_the_address_it_prints_alone_until_ctrl_c(
    started: Start,
) -> None:
    port = free_port()
    process, log = started(f"--port={port}", "--no-browser")
    address = address_in(log, process)
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
    assert process.wait(20) == 0
    assert "Traceback" not in log.read_text(encoding="utf-8")


def test_without_the_notebooks_it_says_how_to_install_the_course(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([], root=tmp_path) == 1
    error = capsys.readouterr().err
    assert f"There is no {FIRST_LESSON} in {tmp_path}." in error
    assert "pip install -e ." in error


def test_check_reports_and_starts_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(launch, "python_path", lambda: pytest.fail("it starts JupyterLab"))
    assert main(["--check"]) == 0
    assert capsys.readouterr().out == "Everything that the lessons need is here.\n"
    monkeypatch.setattr(launch, "check", lambda: ["plotly is 5; 7 is needed."])
    assert main(["--check"]) == 1
    assert "- plotly is 5; 7 is needed." in capsys.readouterr().out


def test_help_names_the_options_that_go_to_jupyterlab(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    assert "go to JupyterLab" in capsys.readouterr().out
