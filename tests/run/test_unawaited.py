"""The watch for coroutines that were never awaited: for the run's thread alone, and put back."""

from __future__ import annotations

import threading
import warnings
from typing import Any

import pytest

from helpers.run import unawaited
from helpers.run.source import Place


async def boil() -> None:
    """Nothing to await."""


def test_python_warns_as_ever_when_nobody_watches() -> None:
    with unawaited.watch(lambda _: None):
        pass
    with pytest.warns(RuntimeWarning, match="'boil' was never awaited"):
        boil()  # type: ignore[unused-coroutine]


def test_another_threads_coroutine_is_left_to_python() -> None:
    told: list[Any] = []
    caught: list[warnings.WarningMessage] = []

    def elsewhere() -> None:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            boil()  # type: ignore[unused-coroutine]
            caught.extend(seen)

    with unawaited.watch(told.append):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert told == []
    assert ["never awaited" in str(warning.message) for warning in caught] == [True]


def test_the_inner_watch_of_a_thread_is_told_of_a_dropped_coroutine_and_its_line() -> None:
    outer: list[tuple[str, Place | None]] = []
    inner: list[tuple[str, Place | None]] = []
    with unawaited.watch(outer.append):
        with unawaited.watch(inner.append):
            boil()  # type: ignore[unused-coroutine]
        boil()  # type: ignore[unused-coroutine]
    this = test_the_inner_watch_of_a_thread_is_told_of_a_dropped_coroutine_and_its_line.__code__
    line = this.co_firstlineno + 5
    assert inner == [("boil", (this.co_filename, line, this.co_name))]
    assert outer == [("boil", (this.co_filename, line + 1, this.co_name))]
