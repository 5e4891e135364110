"""What an answer may do, and what is said of it: within seconds, and the next check lives on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from helpers import check, exercises, hint, progress, solution
from helpers.draw.theme import PLOTLY
from helpers.exercises import EXERCISES, MANIFEST, PROGRESS
from helpers.exercises.judge import Status, verdict_here
from helpers.exercises.spec import patience
from tests.exercises.answers import judged
from tests.exercises.test_ex02_spawn import in_turn

lock = threading.Lock()


@pytest.fixture(autouse=True)
def noted(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What is known of the exercises, which begins empty."""
    known: dict[str, Any] = {}
    monkeypatch.setattr(exercises, "_here", known)
    return known


async def right(fetch: Any, urls: Any) -> Any:
    pages = await asyncio.gather(*map(fetch, urls), return_exceptions=True)
    return dict(zip(urls, pages, strict=True))


async def never_ends(fetch: Any, urls: Any) -> None:
    while True:
        pass


async def sleeps(fetch: Any, urls: Any) -> None:
    time.sleep(1000)


async def yields_for_ever(fetch: Any, urls: Any) -> None:
    while True:
        await asyncio.sleep(0)


async def holds_python(fetch: Any, urls: Any) -> int:
    return sum(range(10**12))


async def exits(fetch: Any, urls: Any) -> None:
    sys.exit()


async def ends_its_process(fetch: Any, urls: Any) -> None:
    os._exit(3)


async def forks(fetch: Any, urls: Any) -> None:
    os.fork()


async def eats(fetch: Any, urls: Any) -> Any:
    return [bytearray(10**9) for _ in range(10)]


async def prints(fetch: Any, urls: Any) -> None:
    while True:
        print("soup")


async def raises(fetch: Any, urls: Any) -> float:
    return 1 / 0


async def waits(fetch: Any, urls: Any) -> None:
    await asyncio.Event().wait()


async def refuses(fetch: Any, urls: Any) -> None:
    while True:
        with contextlib.suppress(BaseException):
            await asyncio.sleep(1)


async def takes_one(fetch: Any) -> None:
    """Another signature."""


def plain(fetch: Any, urls: Any) -> None:
    """No coroutine."""


async def has_a_lock(fetch: Any, urls: Any) -> None:
    with lock:
        pass


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (never_ends, "Your answer does not come to an end: the run took more than"),
        (sleeps, "in sleeps: `time.sleep(1000)`: its thread could not be ended"),
        (yields_for_ever, "the run took 20001 steps and did not end"),
        (holds_python, "Your answer holds Python itself, in one call that does not end."),
        (exits, "Your answer raised `SystemExit`. An answer returns."),
        (ends_its_process, "Your answer ended its own process (exit code 3)."),
        (forks, "an answer starts no other process"),
        (eats, "Your answer raised `MemoryError`. It gets 1 GB."),
        (prints, "Your answer does not come to an end"),
        (raises, "Your answer raised `ZeroDivisionError: division by zero`"),
        (waits, "deadlock at 0 s"),
        (refuses, "in refuses: `await asyncio.sleep(1)`."),
        (takes_one, "`takes_one` has to take `(fetch, urls)`, in this order."),
        (plain, "`plain` is a plain function: begin it with `async def`."),
        (has_a_lock, "Your answer uses what only this notebook has"),
        (3, "The answer is a function, and this is 3: give its name, without brackets."),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_whatever_an_answer_does_is_told_in_words_and_the_next_check_lives_on(
    answer: Any, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = set(threading.enumerate())
    if hasattr(answer, "__name__"):  # it was made in a notebook, and so is no module's
        monkeypatch.setattr(answer, "__module__", "__main__")
    verdict = check("02.pages", answer)
    assert verdict.status is Status.INCORRECT
    assert told in verdict.sentence
    assert len(verdict.printed) < 5000
    assert not set(threading.enumerate()) - threads  # one of before may well have ended since
    assert check("02.pages", right).status is Status.CORRECT


@pytest.mark.parametrize("clock", ["virtual", "real"])
@pytest.mark.parametrize(("times", "status"), [(1, Status.CORRECT), (2, Status.INCORRECT)])
def test_a_machine_that_pauses_once_is_no_fault_of_an_answer(
    times: int, status: Status, clock: str
) -> None:
    pauses = iter([0.4] * times)

    async def read_all(read: Any, paths: Any, n: int) -> Any:
        time.sleep(next(pauses, 0.0))
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(n) as team:
            return await asyncio.gather(*(loop.run_in_executor(team, read, x) for x in paths))

    verdict = verdict_here("03.files", EXERCISES["03.files"], read_all, clock=clock)
    assert verdict.status is status, verdict.sentence


@pytest.mark.parametrize(("load", "limit"), [(0.0, 2.0), (2.0, 2.0), (4.0, 4.0), (99.0, 10.0)])
def test_an_answer_has_longer_where_others_keep_the_processors_busy(
    load: float, limit: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    assert patience(2.0) == limit


def test_each_of_the_three_states_is_told_and_counted(
    noted: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert str(check("02.pages")).startswith("02.pages: not attempted. Write your answer")
    assert noted == {}
    assert str(check("02.pages", raises)).startswith("02.pages: incorrect. Your answer raised")
    assert str(check("02.pages", right)).startswith("02.pages: correct. All pages are under way")
    check("02.pages", raises)
    assert noted["02.pages"] == {"status": "correct", "checks": 3, "hints": 0}
    hint("02.pages")
    capsys.readouterr()
    progress("02")
    assert "02.pages        correct             3      1" in capsys.readouterr().out


def test_an_exercise_that_is_not_there_is_told_with_those_that_are() -> None:
    for ask in (check, hint, solution):
        with pytest.raises(ValueError, match=r"no exercise '02.soup'; there are .*02.lost_handle"):
            ask("02.soup")


def test_what_an_answer_prints_is_shown_once() -> None:
    async def talks(fetch: Any, urls: Any) -> Any:
        print("soup is on")
        return await right(fetch, urls)

    assert check("02.pages", talks).printed == "soup is on\n"
    assert "It printed:\nsoup is on" in str(judged("02.pages", talks))


def test_a_wrong_answer_shows_its_run_with_the_stretch_at_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, **_: shown.append(bundle))
    verdict = check("02.pages", in_turn)
    verdict._ipython_display_()
    words, figure = shown
    assert 'role="status"' in words["text/html"]
    assert "page 2" in figure["text/plain"]
    assert verdict.sentence not in figure["text/plain"]
    assert verdict.trace
    late = verdict.trace.task("page 2")
    assert late.spawned == round(late.spawned, 2)
    [stretch] = figure[PLOTLY]["layout"]["shapes"]
    assert (stretch["x0"], stretch["x1"]) == (late.spawned, late.end)
    assert figure[PLOTLY]["layout"]["yaxis"]["ticktext"][round(stretch["y0"] + 0.5)] == "page 2"


def test_a_run_without_any_task_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, **_: shown.append(bundle))

    async def nothing(fetch: Any, urls: Any) -> Any:
        return None

    check("02.pages", nothing)._ipython_display_()
    [words] = shown
    assert "Return a dictionary, not None." in words["text/html"]


def test_where_there_are_no_processes_an_answer_runs_in_this_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "emscripten")
    assert check("02.pages", right).status is Status.CORRECT
    assert check("02.pages", raises).status is Status.INCORRECT


def test_a_check_that_is_stopped_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Any] = []

    class Process(subprocess.Popen):  # type: ignore[type-arg]
        def communicate(self, *_: Any, **__: Any) -> Any:
            begun.append(self)
            raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", Process)
    with pytest.raises(KeyboardInterrupt):
        check("02.pages", sleeps)
    assert begun[0].returncode is not None


def test_progress_is_one_file_and_a_broken_one_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(MANIFEST).touch()
    check("02.pages", right)
    assert {path.name for path in tmp_path.iterdir()} == {MANIFEST, PROGRESS}
    progress("02")
    assert "02.pages        correct             1      0" in capsys.readouterr().out
    for n, text in enumerate(["{", '{"format": 0, "exercises": {}}', "[]"], start=1):
        Path(PROGRESS).write_text(text, encoding="utf-8")
        progress("02")
        aside, told = f"progress_set_aside_{n}.json", capsys.readouterr().out
        assert "02.pages        not attempted" in told
        assert f"{PROGRESS} could not be read: it is now {aside}" in told
        assert Path(aside).read_text(encoding="utf-8") == text
    hint("02.pages")
    assert exercises._read()["02.pages"] == {"status": "not attempted", "checks": 0, "hints": 1}


def test_each_kind_of_value_and_function_is_told_apart() -> None:
    assert "this is a function" in check("02.minutes", plain).sentence
    assert check("02.minutes", ("evening", {"fish": ...})).status is Status.NOT_ATTEMPTED


def test_nbgrader_gives_no_point_for_a_check_that_is_not_correct(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(AssertionError, match=r"02\.pages: not attempted"):
        check("02.pages", ...)
    with pytest.raises(AssertionError, match=r"02\.pages: incorrect"):
        check("02.pages", exits)
    assert check("02.pages", right).status == Status.CORRECT
