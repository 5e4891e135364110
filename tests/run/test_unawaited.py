"""The watch for coroutines that were never awaited: for the run's thread alone, and put back."""

from __future__ import annotations

import threading
import warnings
from types import FrameType
from typing import Any

import pytest

from helpers.run import unawaited
from helpers.run.source import Place


async def boil() -> None:
    """Nothing to await."""


def test_python_warns_as_ever_when_nobody_watches() -> None:
    with unawaited.watch(lambda *_: True):
        pass
    with pytest.warns(RuntimeWarning, match="'boil' was never awaited"):
        boil()  # type: ignore[unused-coroutine]


def test_another_threads_coroutine_is_left_to_python() -> None:
    caught: list[warnings.WarningMessage] = []

    def elsewhere() -> None:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            boil()  # type: ignore[unused-coroutine]
            caught.extend(seen)

    with unawaited.watch(lambda *_: True):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert ["never awaited" in str(warning.message) for warning in caught] == [True]


def test_python_warns_of_a_coroutine_that_the_run_did_not_make() -> None:
    with (
        unawaited.watch(lambda *_: False),
        pytest.warns(RuntimeWarning, match="'boil' was never awaited"),
    ):
        boil()  # type: ignore[unused-coroutine]


def test_the_inner_watch_of_a_thread_is_told_of_a_dropped_coroutine_and_its_line() -> None:
    outer: list[Place | None] = []
    inner: list[Place | None] = []

    def note(in_: list[Place | None]) -> unawaited.Listener:
        def tell(coro: Any, frame: FrameType) -> bool:
            in_.append(unawaited.made_at(coro, frame, ()))
            return True

        return tell

    with unawaited.watch(note(outer)):
        with unawaited.watch(note(inner)):
            boil()  # type: ignore[unused-coroutine]
        boil()  # type: ignore[unused-coroutine]
    this = test_the_inner_watch_of_a_thread_is_told_of_a_dropped_coroutine_and_its_line.__code__
    line = this.co_firstlineno + 13
    assert inner == [(this.co_filename, line, this.co_name)]
    assert outer == [(this.co_filename, line + 1, this.co_name)]
