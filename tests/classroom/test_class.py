"""A class of four on a JupyterHub: all of them see what the lessons show, and seats stay small."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

from tests.browser.server import PROJECT
from tests.classroom.day import LESSONS, Facts, hold_class
from tests.classroom.hub import NO_PORTS, PROXY, SOCKETS
from tests.classroom.seat import committed
from tests.conftest import unavailable

LEARNERS = 4  # as many as fit into a minute on two cores; `python -m tests.classroom` has 20
SEAT = 512 * 2**20  # bytes: the limit that TEACHING.md names

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="JupyterHub needs a POSIX system")


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """What one class showed, from its first minute to its end."""
    if shutil.which("node") is None or not PROXY.is_file():
        unavailable("JupyterHub needs node and its proxy: run `npm install` in tests/pyodide.")
    return asyncio.run(hold_class(tmp_path_factory.mktemp("hub"), LEARNERS))


def test_each_learner_sees_what_the_lessons_show(facts: Facts) -> None:
    assert facts.different == []
    books = [nbformat.read(committed(number), as_version=4) for number in LESSONS]
    cells = sum(cell.cell_type == "code" for book in books for cell in book.cells)
    assert facts.ran == LEARNERS * cells


def test_a_seat_with_two_lessons_open_stays_below_its_limit(facts: Facts) -> None:
    if sys.platform != "linux":
        pytest.skip("Only Linux tells the most that a process has had.")
    assert len(facts.peaks) == LEARNERS
    assert max(facts.peaks) < SEAT


def test_the_page_for_instructors_and_the_values_for_kubernetes_have_what_was_run() -> None:
    values = yaml.safe_load((Path(__file__).parent / "values.yaml").read_text(encoding="utf-8"))
    limit = f"{SEAT // 2**20}M"
    assert values["singleuser"]["memory"]["limit"] == limit
    page = (PROJECT / "lessons" / "TEACHING.md").read_text(encoding="utf-8")
    assert f"limits.memory={limit} " in page
    assert SOCKETS in page
    assert f"jupyterhub-singleuser {NO_PORTS} " in page
    seconds = values["cull"]["timeout"]
    assert f"services.cull.timeout={seconds};" in page
    assert f"after {seconds // 60} minutes" in page


def test_seats_that_nobody_uses_are_stopped(facts: Facts) -> None:
    assert facts.culled == LEARNERS


def test_what_a_learner_changed_is_there_after_a_stop_and_an_update(facts: Facts) -> None:
    assert facts.kept


def test_what_is_new_in_the_course_is_brought_when_a_seat_starts_again(facts: Facts) -> None:
    assert facts.brought


def test_nothing_is_left_running_when_the_hub_has_ended(facts: Facts) -> None:
    assert facts.left == []
