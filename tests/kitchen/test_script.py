"""The kitchen as a program: what it prints, what it saves, and how it hears a signal under load."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from helpers.kitchen.__main__ import main
from helpers.kitchen.evening import REFUSED, Guests, Load

PROGRAM = [sys.executable, "-m", "helpers.kitchen"]


@contextmanager
def running(*options: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The program once it is open, and its address."""
    command = [*PROGRAM, *map(str, options)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as it:
        try:
            assert it.stdout is not None
            said = it.stdout.readline()
            yield it, said.split()[-1]
        finally:
            if it.poll() is None:
                it.kill()


class Plug(Guests):
    """Guests of whom one sends the program a signal, and goes on."""

    program: subprocess.Popen[str]
    with_signal: signal.Signals

    async def _ask(self, session: aiohttp.ClientSession, n: int, load: Load) -> str:
        if n == 200:
            self.program.send_signal(self.with_signal)
        return await super()._ask(session, n, load)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a program that gets a signal")
@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_under_load_closes_the_kitchen_and_the_counts_of_both_sides_agree(
    with_signal: signal.Signals, tmp_path: Path
) -> None:
    saved = tmp_path / "evening.perfetto.json"
    guests, load = Plug(20, 3600.0, patience=3600.0), Load()
    guests.with_signal = with_signal
    with running("--trace", saved, "--delay", "0.01") as (program, url):
        guests.program = program
        asyncio.run(guests.visit(url, load))
        output, errors = program.communicate()
    assert (program.returncode, errors) == (0, "")
    told = {outcome: int(n) for n, outcome in re.findall(r"(\d+) x (\w+)", output)}
    assert told == {outcome: n for outcome, n in load.outcomes.items() if outcome.isdigit()}
    assert f"{sum(told.values())} requests: " in output
    assert load.outcomes[REFUSED] > 0
    lanes = re.findall(r'"name":"(#\d+ GET /dishes/\d+)"', saved.read_text(encoding="utf-8"))
    assert lanes, "each request is found in the trace by its number"


def test_a_kitchen_closes_when_as_many_have_come_as_its_trace_is_to_hold(tmp_path: Path) -> None:
    load = Load()
    with running("--most", 30, "--trace", tmp_path / "run.json.gz") as (program, url):
        asyncio.run(Guests(4, 3600.0).visit(url, load))
        program.communicate()
    assert program.returncode == 0
    assert (tmp_path / "run.json.gz").exists()
    assert sum(n for outcome, n in load.outcomes.items() if outcome.isdigit()) >= 30


def test_an_address_that_others_reach_is_warned_of(tmp_path: Path) -> None:
    # An address for documentation, which no machine has: nothing is opened.
    command = [*PROGRAM, "--host", "192.0.2.1", "--trace", str(tmp_path / "run.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Anybody who reaches 192.0.2.1 can send requests now." in done.stderr
    assert done.returncode != 0
    done = subprocess.run(
        [*PROGRAM, "--host", "kitchen"], capture_output=True, text=True, check=False
    )
    assert "invalid IPv4Address value: 'kitchen'" in done.stderr


def test_a_kitchen_that_idles_for_a_day_reaches_no_limit_of_a_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: dict[str, float] = {}

    async def recorded(serving: Coroutine[Any, Any, Any], **options: Any) -> None:
        serving.close()
        asked.update(options)
        raise SystemExit

    monkeypatch.setattr("helpers.kitchen.__main__.record", recorded)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["kitchen", "--most", "1"])
    with pytest.raises(SystemExit):
        main()
    a_day = 24 * 3600
    assert asked["max_steps"] > a_day / 0.05 * 1000, "it looks at its lag every 0.05 s"
    assert asked["max_seconds"] > 1000 * a_day
