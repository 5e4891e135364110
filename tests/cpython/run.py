"""The failing tests of CPython's own `test.test_asyncio`, run on recorded loops.

    python -m tests.cpython.run                         all modules, on real recording loops
    python -m tests.cpython.run --way virtual           async tests, through `record`
    python -m tests.cpython.run --why test_locks        with the tracebacks

A name is a module of `test.test_asyncio`, or the full id of a test. Each failing id is printed in a
line of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import inspect
import io
import os
import pkgutil
import sys
import time
import unittest
from asyncio import base_events, selector_events, unix_events
from collections.abc import Callable, Sequence
from typing import Any

from helpers import record
from helpers.run.loop import RealRecordingLoop, RecordingLoop
from helpers.run.threads import ThreadWork

PACKAGE = "test.test_asyncio"
WAYS = {
    "plain": "asyncio's own loops: what fails here as well, fails for the machine's sake",
    "loop": "each selector loop that a test makes is one that records",
    "real": "each async test runs through `record`, on the real clock",
    "virtual": "the same on the virtual clock",
}
_HANGS = 60  # seconds after which a test that hangs shows where, and ends the process
_STEPS = 10**9


class Prepared(RecordingLoop):
    """What makes a loop of asyncio's record as soon as it is made."""

    stamp = staticmethod(time.perf_counter)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.thread_work = ThreadWork()
        self.prepare(_STEPS)


class BaseLoop(Prepared, asyncio.BaseEventLoop):
    """What tests derive their own loops from, or use as it is."""

    # Loops of the tests look at the timers that pass through their own `call_at`.
    call_later = asyncio.BaseEventLoop.call_later


class SelectorLoop(Prepared, selector_events.BaseSelectorEventLoop):
    """The same, with a selector."""


class SystemsLoop(RealRecordingLoop):
    """The loop of a recorded run on the real clock, but for the selector that a test may choose."""

    def __init__(self, selector: Any = None) -> None:
        super(RealRecordingLoop, self).__init__(selector)
        self.thread_work = ThreadWork()
        self.prepare(_STEPS)


def make_all_loops_record() -> None:
    """Have each loop that a test makes be one that records."""
    asyncio.BaseEventLoop = base_events.BaseEventLoop = BaseLoop  # type: ignore[misc]
    selector_events.BaseSelectorEventLoop = SelectorLoop  # type: ignore[misc]
    for module in (asyncio, unix_events):
        for name in ("SelectorEventLoop", "EventLoop"):
            if hasattr(module, name):
                setattr(module, name, SystemsLoop)
    asyncio.DefaultEventLoopPolicy._loop_factory = SystemsLoop  # type: ignore[attr-defined]


def make_async_tests_run_through_record(clock: str) -> None:
    """Have each test of an `IsolatedAsyncioTestCase` run in one recorded run."""

    async def whole(test: Any, method: Callable[[], Any]) -> None:
        await test.asyncSetUp()
        try:
            await method()
        finally:
            await test.asyncTearDown()

    def call_test(self: Any, method: Callable[[], Any]) -> None:
        if inspect.iscoroutinefunction(method):
            asyncio.run(record(whole(self, method), clock=clock))
        else:
            method()

    case: Any = unittest.IsolatedAsyncioTestCase
    case._callSetUp = lambda self: self.setUp()
    case._callTestMethod = call_test
    case._callTearDown = lambda self: self.tearDown()


def only_async(suite: unittest.TestSuite) -> unittest.TestSuite:
    """The tests of a suite that are coroutines."""
    found: list[unittest.TestCase] = []

    def walk(tests: Any) -> None:
        for test in tests:
            if isinstance(test, unittest.TestSuite):
                walk(test)
            elif inspect.iscoroutinefunction(getattr(test, test._testMethodName, None)):
                found.append(test)

    walk(suite)
    return unittest.TestSuite(found)


class Result(unittest.TextTestResult):
    """Notes which tests failed; a test that hangs ends the process."""

    def startTest(self, test: unittest.TestCase) -> None:
        faulthandler.dump_traceback_later(_HANGS, exit=True, file=sys.__stderr__)
        super().startTest(test)

    def stopTest(self, test: unittest.TestCase) -> None:
        faulthandler.cancel_dump_traceback_later()
        super().stopTest(test)

    def failed(self) -> list[str]:
        """The ids of the tests that failed, sorted."""
        tests = [test for test, _ in (*self.errors, *self.failures)] + self.unexpectedSuccesses
        # The case that stands for a part of a test has the test as an attribute.
        return sorted({getattr(test, "test_case", test).id() for test in tests})


def modules() -> list[str]:
    """The modules of tests that this Python has."""
    package = __import__(PACKAGE, fromlist=["__path__"])
    return [name for _, name, _ in pkgutil.iter_modules(package.__path__) if name[:5] == "test_"]


def run(names: Sequence[str], way: str) -> tuple[list[str], int, str]:
    """Run tests one way: the ids that failed, how many ran, and the report."""
    from test import support

    support.use_resources = []  # no network
    if way == "loop":
        make_all_loops_record()
    elif way != "plain":
        make_async_tests_run_through_record(way)
    full = [name if name.startswith(PACKAGE) else f"{PACKAGE}.{name}" for name in names]
    suite = unittest.defaultTestLoader.loadTestsFromNames(full)
    if way in ("real", "virtual"):
        suite = only_async(suite)
    report = io.StringIO()
    runner = unittest.TextTestRunner(report, resultclass=Result, warnings="ignore")
    result: Any = runner.run(suite)
    return result.failed(), result.testsRun, report.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help="modules, or ids of tests; all, if none is given")
    parser.add_argument("--way", choices=WAYS, default="loop", help="; ".join(map(": ".join, WAYS.items())))
    parser.add_argument("--why", action="store_true", help="also print the tracebacks")
    options = parser.parse_args()
    # What the tests themselves print is not what is asked for.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    failed, ran, report = run(options.names or modules(), options.way)
    print(*failed, sep="\n", file=out, flush=True)
    print(f"{ran} tests ran, {len(failed)} failed", file=sys.stderr)
    if options.why:
        print(report, file=sys.stderr)


if __name__ == "__main__":
    main()
