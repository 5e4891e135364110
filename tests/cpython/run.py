"""CPython's own tests of asyncio, run on loops that record, or through `record`.

    python -m tests.cpython.run                             all, on loops that record
    python -m tests.cpython.run --way virtual test_locks    those that are coroutines, recorded
    python -m tests.cpython.run --why test_streams          with the report of unittest

A name is one of a module, class or test in `test.test_asyncio`. The id of each test that fails is
printed on a line of its own, if it passes on asyncio's own loops here.
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import gc
import importlib
import inspect
import io
import os
import pkgutil
import subprocess
import sys
import time
import unittest
from asyncio import base_events, selector_events, unix_events
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from helpers import record
from helpers.run.loop import RealRecordingLoop, RecordingLoop
from helpers.run.threads import ThreadWork

PACKAGE = "test.test_asyncio"
WAYS = {
    "plain": "on asyncio's own loops",
    "loop": "on loops that record",
    "real": "a coroutine through `record`, on the real clock",
    "virtual": "a coroutine through `record`, on the virtual clock",
}
_HANGS_AFTER = 120  # seconds: then a test shows where it stands, and the process ends
_STEPS = 10**9


class Prepared(RecordingLoop):
    """What makes a loop of asyncio's record as soon as it is made."""

    stamp = staticmethod(time.perf_counter)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.thread_work = ThreadWork()
        self.prepare(_STEPS)


class BaseLoop(Prepared, asyncio.BaseEventLoop):
    """What tests derive loops of their own from."""

    # Those loops look at each timer as it passes through their own `call_at`.
    call_later = asyncio.BaseEventLoop.call_later


class SelectorLoop(Prepared, selector_events.BaseSelectorEventLoop):
    """The same, with a selector."""


class SystemsLoop(RealRecordingLoop):
    """The loop of a recorded run on the real clock, but that a test may choose its selector."""

    # Tests run in the main thread.
    add_signal_handler = asyncio.SelectorEventLoop.add_signal_handler  # type: ignore[assignment]

    def __init__(self, selector: Any = None) -> None:
        super().__init__(selector)
        self.prepare(_STEPS)


def make_all_loops_record() -> None:
    """Have each loop that a test makes be one that records."""
    replaced: list[tuple[Any, str, type]] = [
        (asyncio, "BaseEventLoop", BaseLoop),
        (base_events, "BaseEventLoop", BaseLoop),
        (selector_events, "BaseSelectorEventLoop", SelectorLoop),
        (asyncio, "SelectorEventLoop", SystemsLoop),
        (unix_events, "SelectorEventLoop", SystemsLoop),
        (asyncio, "EventLoop", SystemsLoop),  # from Python 3.13 on
        (unix_events, "EventLoop", SystemsLoop),
        (unix_events._UnixDefaultEventLoopPolicy, "_loop_factory", SystemsLoop),
    ]
    for where, name, loop in replaced:
        if hasattr(where, name):
            setattr(where, name, loop)


def run_coroutines_through_record(clock: str) -> None:
    """Have each test that is a coroutine run as one recorded run, from set-up to clean-up."""

    async def whole(test: Any, method: Callable[[], Any]) -> None:
        await test.asyncSetUp()
        try:
            await method()
        finally:
            await test.asyncTearDown()
            while test._cleanups:
                function, args, options = test._cleanups.pop()
                result = function(*args, **options)
                if inspect.isawaitable(result):
                    await result

    def call_test(self: Any, method: Callable[[], Any]) -> None:
        asyncio.run(record(whole(self, method), clock=clock))

    case: Any = unittest.IsolatedAsyncioTestCase
    case._callSetUp = lambda self: self.setUp()
    case._callTestMethod = call_test
    case._callTearDown = lambda self: self.tearDown()


def each(suite: unittest.TestSuite) -> Iterator[Any]:
    """The tests of a suite, however deep."""
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from each(test)
        else:
            yield test


class Result(unittest.TextTestResult):
    """Knows the tests that failed; a test that hangs ends the process."""

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's name
        faulthandler.dump_traceback_later(_HANGS_AFTER, exit=True)
        super().startTest(test)

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        faulthandler.cancel_dump_traceback_later()
        super().stopTest(test)

    def failed(self) -> list[str]:
        """The ids of the tests that failed, sorted."""
        tests = [test for test, _ in (*self.errors, *self.failures)] + self.unexpectedSuccesses
        # A part of a test knows its test.
        return sorted({getattr(test, "test_case", test).id() for test in tests})


def modules() -> list[str]:
    """The modules of tests that this Python has."""
    package = importlib.import_module(PACKAGE)
    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    return [name for name in names if name.startswith("test_")]


def failing(names: Sequence[str], way: str) -> tuple[list[str], str]:
    """The ids of the tests that fail one way, and unittest's report."""
    support: Any = importlib.import_module("test.support")
    support.use_resources = []  # no network
    if way == "loop":
        make_all_loops_record()
    elif way != "plain":
        run_coroutines_through_record(way)
    full = [name if name.startswith(PACKAGE) else f"{PACKAGE}.{name}" for name in names]
    suite = unittest.defaultTestLoader.loadTestsFromNames(full)
    if way in ("real", "virtual"):
        methods = [
            (test, getattr(test, getattr(test, "_testMethodName", ""), 0)) for test in each(suite)
        ]
        suite = unittest.TestSuite(
            t for t, method in methods if inspect.iscoroutinefunction(method)
        )
    gc.freeze()  # most tests have a full collection made: it need not go through the modules
    report = io.StringIO()
    kind: Any = Result
    result: Any = unittest.TextTestRunner(report, resultclass=kind, warnings="ignore").run(suite)
    return result.failed(), report.getvalue()


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help="modules, classes or tests; all, if none is given")
    ways = "; ".join(f"{way}: {what}" for way, what in WAYS.items())
    parser.add_argument("--way", choices=WAYS, default="loop", help=ways)
    parser.add_argument("--why", action="store_true", help="print unittest's report too")
    options = parser.parse_args()
    out = os.dup(1)
    os.dup2(2, 1)  # tests print, too
    failed, report = failing(options.names or modules(), options.way)
    if failed and options.way != "plain":
        again = [sys.executable, "-m", "tests.cpython.run", "--way", "plain", *failed]
        plain = subprocess.run(again, check=True, stdout=subprocess.PIPE, text=True).stdout
        failed = [test for test in failed if test not in plain.split()]
    os.write(out, "".join(f"{test}\n" for test in failed).encode())
    if options.why:
        print(report, file=sys.stderr, flush=True)
    os._exit(0)  # a test that failed may have left a thread that never ends


if __name__ == "__main__":
    main()
