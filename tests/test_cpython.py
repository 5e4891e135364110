"""CPython's own tests of asyncio pass on loops that record, but for differences with a reason."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

if importlib.util.find_spec("test.test_asyncio") is None or sys.platform == "win32":
    # Debian has it in a package of its own, and other loops than ours are tested on Windows.
    pytest.skip("This Python comes without its tests of asyncio.", allow_module_level=True)

PROJECT = Path(__file__).resolve().parents[1]
# Of the classes that test the same with another selector or another kind of future, one; nothing
# that has little to do with the loop; and what sleeps for long only below. All are run by
# `python -m tests.cpython.run`.
ON_LOOPS = [
    "test_base_events",
    "test_context",
    "test_eager_task_factory",
    "test_events.EPollEventLoopTests",
    "test_events.HandleTests",
    "test_events.TimerTests",
    "test_futures2",
    "test_locks",
    "test_pep492",
    "test_queues",
    "test_runners",
    "test_selector_events",
    "test_server",
    "test_sock_lowlevel.EPollEventLoopTests",
    "test_staggered",
    "test_streams",
    "test_tasks.CTask_CFuture_Tests",
    "test_tasks.CoroutineGatherTests",
    "test_tasks.RunCoroutineThreadsafeTests",
    "test_threads",
    "test_timeouts",
    "test_unix_events",
    "test_waitfor",
]
RECORDED = [
    "test_futures2",
    "test_locks",
    "test_queues",
    "test_server",
    "test_staggered",
    "test_taskgroups",
    "test_threads",
    "test_timeouts",
    "test_waitfor",
]
# What fails on a loop that records and not on asyncio's own, and why that is right.
DIFFERENCES: dict[str, dict[str, str]] = {
    "loop": {
        "test_base_events.*.test_default_exc_handler_coro": "A finding says what it logs.",
        "test_events.HandleTests.test_handle_source_traceback": "It ends in the recorder's lines.",
    },
    "real": {},
    "virtual": {"test_server.*": "The virtual clock has no sockets."},
}


@pytest.fixture(scope="module")
def runs() -> Iterator[dict[str, subprocess.Popen[str]]]:
    """One process for each way, all at once: their tests wait more than they compute."""
    package = importlib.util.find_spec("test.test_asyncio")
    assert package
    folder = Path((package.submodule_search_locations or [""])[0])
    started = {}
    for way in DIFFERENCES:
        names = ON_LOOPS if way == "loop" else RECORDED
        here = [name for name in names if (folder / f"{name.partition('.')[0]}.py").exists()]
        run = [sys.executable, "-m", "tests.cpython.run", "--way", way, "--why", *here]
        pipe = subprocess.PIPE
        started[way] = subprocess.Popen(run, cwd=PROJECT, stdout=pipe, stderr=pipe, text=True)
    yield started
    for process in started.values():
        process.kill()
        process.communicate()


@pytest.mark.parametrize("way", DIFFERENCES)
def test_cpythons_own_tests_pass_where_a_run_is_recorded(
    way: str, runs: dict[str, subprocess.Popen[str]]
) -> None:
    failed, report = runs[way].communicate()
    assert runs[way].returncode == 0, report
    allowed = [f"test.test_asyncio.{pattern}" for pattern in DIFFERENCES[way]]
    unexplained = [t for t in failed.split() if not any(fnmatch(t, p) for p in allowed)]
    assert unexplained == [], report
