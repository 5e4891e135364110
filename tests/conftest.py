"""Fixtures for all tests: small courses of a test's own, and the rule for what a machine lacks."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import nbformat
import nbval.kernel
import psutil
import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

from tests import second_runs

PROJECT = Path(__file__).resolve().parents[1]

# Kernels and commands that tests start import `helpers` from this tree, installed or not.
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(PROJECT), os.environ.get("PYTHONPATH", "")])
)
# As where notebooks are built: a question that a lesson asks is a line of text, which is compared.
os.environ["TASK_CARDS_TEXT"] = "1"

# Where the course's own CI runs: nothing may be skipped, and the same examples are tried each time.
STRICT = os.environ.get("TASK_CARDS_STRICT") == "true"

# What they assert says what it saw, as in a test's own file.
pytest.register_assert_rewrite(
    *("tests.browser.lab_page", "tests.classroom.day", "tests.classroom.hub"),
    *("tests.exercises.answers", "tests.lessons.source", "tests.starter"),
    "tests.twins",
)

# How long an example takes says nothing on a busy machine.
settings.register_profile("course", deadline=None, derandomize=STRICT)
settings.load_profile("course")

# nbval lays out each message of a kernel for its log, whether anybody reads that or not, which is a
# fifth of the time that a notebook takes. As it is will do.
nbval.kernel.pformat = lambda message: message

HEADER = """\
# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   lesson:
#     number: "{number}"
#     name: {name}
#     question: "{question}"
#     article: "{article}"
# ---

"""

README = """\
# A course

<!-- lessons: written by `python -m helpers._tools.build --table` -->
<!-- end of lessons -->

The end.
"""


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(second_runs)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest is begun first: what clicks, the class, the notebooks, then all others."""
    first = ("tests/browser/", "tests/classroom/", "notebooks/")
    items.sort(key=lambda item: [not item.nodeid.startswith(folder) for folder in first])


def pytest_collection_finish() -> None:
    """Programs that have a full collection made do not wait for it to go through pytest's own."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """A file goes to one process, and all that click go to the same: one browser at a time."""
    return ByFile(config, log)


class ByFile(LoadFileScheduling):
    """A process takes a file, or the folder of the tests that click."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith("tests/browser/"):
            return "tests/browser"
        scope: str = super()._split_scope(nodeid)
        return scope


def unavailable(sentence: str) -> NoReturn:
    """Skip with a sentence on a person's machine, and fail with it in the course's own CI."""
    if STRICT:
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


def still_alive(processes: Iterable[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those that have not ended after so many seconds at most.

    psutil's own `wait_procs` asks the system for a handle of each, which a kernel may refuse for a
    process that is just ending, in a way that psutil does not know.
    """
    last = time.monotonic() + seconds
    while (alive := [one for one in processes if _lives(one)]) and time.monotonic() < last:
        time.sleep(0.05)
    return alive


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def new_course(root: Path) -> Path:
    """`root` as an empty course: lessons/, notebooks/ and a README with the table's markers."""
    for folder in ("lessons", "notebooks"):
        (root / folder).mkdir()
    (root / "README.md").write_text(README, encoding="utf-8")
    return root


def new_lesson(
    root: Path, *cells: str, number: str = "02", name: str = "spawn", **header: object
) -> Path:
    """Write a lesson of these code cells and return its path.

    A text that begins with `# %%` is taken as a cell with its own marker.
    """
    values = {"question": "What runs first?", "article": "task::spawn"} | header
    title = f"# %% [markdown]\n# # {number} · {values['question']}\n"
    marked = [cell if cell.startswith("# %%") else f"# %%\n{cell}\n" for cell in cells]
    path = root / "lessons" / f"{number}_{name}.py"
    text = HEADER.format(number=number, name=name, **values) + "\n".join([title, *marked])
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """The root of an empty course."""
    return new_course(tmp_path)


@pytest.fixture
def write_lesson(course: Path) -> Callable[..., Path]:
    """`write_lesson("print(1)", "2 + 2", name="spawn")` writes a lesson of these code cells."""
    return partial(new_lesson, course)


def new_notebook(root: Path, name: str, *cells: str) -> Path:
    """Write a notebook of these code cells as if it had been run, and return its path.

    A text that begins with `#` is a Markdown cell.
    """
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    for n, cell in enumerate(cells):
        if cell.startswith("#"):
            notebook.cells.append(nbformat.v4.new_markdown_cell(cell))
            continue
        output = nbformat.v4.new_output("stream", name="stdout", text="the answer\n")
        ran = nbformat.v4.new_code_cell(cell, execution_count=n, outputs=[output])
        notebook.cells.append(ran)
    nbformat.write(notebook, root / "notebooks" / name)
    return root / "notebooks" / name


@pytest.fixture(scope="session")
def python() -> str:
    """The interpreter that runs the tests."""
    return sys.executable
