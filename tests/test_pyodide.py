"""Python 3.14 and the browser: the same runs in CPython 3.14 in WebAssembly, without threads."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import unavailable

FOLDER = Path(__file__).parent / "pyodide"
HOW_TO_GET_IT = (
    "Python 3.14 in WebAssembly is not there. Install node 20 or newer, then run in tests/pyodide: "
    "npm install --no-save --no-package-lock"
)


@pytest.fixture(scope="module")
def program() -> ModuleType:
    """tests/pyodide/program.py, imported here."""
    spec = importlib.util.spec_from_file_location("program", FOLDER / "program.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def there() -> dict[str, Any]:
    """What program.py collects in Python 3.14 under node."""
    node = shutil.which("node")
    if node is None or not (FOLDER / "node_modules" / "pyodide").is_dir():
        unavailable(HOW_TO_GET_IT)
    command = [node, "run.mjs"]
    run = subprocess.run(
        command, cwd=FOLDER, capture_output=True, encoding="utf-8", timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
    collected: dict[str, Any] = json.loads(run.stdout)
    return collected


@pytest.fixture(scope="module")
def here(program: ModuleType) -> dict[str, Any]:
    """What program.py collects in this Python."""
    collected: dict[str, Any] = json.loads(json.dumps(asyncio.run(program.collect())))
    return collected


def test_it_is_python_314_without_threads(there: dict[str, Any]) -> None:
    assert there["python"].startswith("3.14.")
    assert there["platform"] == "emscripten"


@pytest.mark.parametrize(
    "run", ["dinner", "deadline", "race", "failure", "helpers", "stuck", "tokio"]
)
def test_a_virtual_run_and_a_recorded_one_are_the_same_to_the_letter(
    run: str, there: dict[str, Any], here: dict[str, Any]
) -> None:
    assert there["runs"][run] == here["runs"][run]


def test_the_runs_are_what_they_are_meant_to_be(here: dict[str, Any]) -> None:
    runs = here["runs"]
    assert runs["dinner"]["result"] == ["soup", "roast"]
    assert runs["dinner"]["duration"] == 306.0, "2 + 3 to chop, 300 in the oven, 1 at the end"
    assert runs["deadline"]["result"] == "too late"
    assert runs["race"]["result"] == "fridge"
    assert runs["failure"]["result"] == ["burnt"]
    assert "stuck" in runs["stuck"]["text"]
    assert runs["helpers"]["result"] == ["carrot", "tears", "leek", "AT ONCE"]
    assert runs["helpers"]["duration"] == 3.0, "the task and the helpers at the same time"
    assert len(runs["tokio"]["tasks"]) > 1


def test_without_threads_the_real_clock_answers_in_a_sentence(
    there: dict[str, Any], here: dict[str, Any]
) -> None:
    assert here["real clock"] == "", "with threads it runs"
    assert "thread" in there["real clock"]


def test_a_run_ends_itself_at_its_limit(there: dict[str, Any], here: dict[str, Any]) -> None:
    assert there["limit"].startswith("the run took more than 0.3 s and did not end")
    assert there["limit"] == here["limit"]


def test_a_lab_runs_in_its_caller_on_the_virtual_clock_or_says_that_it_needs_threads(
    there: dict[str, Any],
) -> None:
    assert there["labs"]["deadlines"] == ["done False", "done False", "ready False"]
    assert there["labs"]["team_of_chefs"] == there["labs"]["deadlines"]
    assert there["labs"]["not_blocking"][0].startswith("failed False This lab runs on real threads")


def test_an_answer_is_judged_in_a_browser_too_with_a_thread_or_without(
    there: dict[str, Any], here: dict[str, Any]
) -> None:
    right, wrong = there["checks"]
    assert right.startswith("02.pages: correct.")
    assert wrong.startswith("02.pages: incorrect. ")
    assert there["checks"] == here["checks"]
    assert here["in a thread"].startswith("03.handler: correct.")
    assert there["in a thread"] == here["in a thread"]


def test_the_callers_own_task_is_put_back_after_a_nested_run(there: dict[str, Any]) -> None:
    assert there["the caller's task is put back"] is True
