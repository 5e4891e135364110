"""The watch for coroutines that were never awaited: for the run's thread alone, and put back."""

from __future__ import annotations

import threading
import warnings

import pytest

from helpers.run import unawaited
from helpers.run.source import Place


async def boil() -> None:
    """Nothing to await."""


def test_a_dropped_coroutine_is_told_with_the_line_that_dropped_it() -> None:
    dropped: list[tuple[str, Place | None]] = []
    with unawaited.watch(lambda name, place: dropped.append((name, place))):
        boil()  # type: ignore[unused-coroutine]
    ((name, place),) = dropped
    assert name == "boil"
    assert place is not None
    assert place[2] == "test_a_dropped_coroutine_is_told_with_the_line_that_dropped_it"


def test_python_warns_as_ever_when_nobody_watches() -> None:
    with unawaited.watch(lambda name, place: None):
        pass
    with pytest.warns(RuntimeWarning, match="'boil' was never awaited"):
        boil()  # type: ignore[unused-coroutine]


def test_another_threads_coroutine_is_left_to_python() -> None:
    told: list[str] = []
    caught: list[warnings.WarningMessage] = []

    def elsewhere() -> None:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            boil()  # type: ignore[unused-coroutine]
            caught.extend(seen)

    with unawaited.watch(lambda name, place: told.append(name)):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert told == []
    assert ["never awaited" in str(warning.message) for warning in caught] == [True]


def test_the_inner_of_two_watches_of_a_thread_is_told() -> None:
    outer: list[str] = []
    inner: list[str] = []
    with unawaited.watch(lambda name, place: outer.append(name)):
        with unawaited.watch(lambda name, place: inner.append(name)):
            boil()  # type: ignore[unused-coroutine]
        boil()  # type: ignore[unused-coroutine]
    assert (outer, inner) == (["boil"], ["boil"])


def test_the_hook_is_put_back() -> None:
    before = warnings._warn_unawaited_coroutine  # type: ignore[attr-defined]
    with unawaited.watch(lambda name, place: None):
        assert warnings._warn_unawaited_coroutine is not before  # type: ignore[attr-defined]
    assert warnings._warn_unawaited_coroutine is before  # type: ignore[attr-defined]
