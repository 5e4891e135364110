"""What the tests of `record` share."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from helpers import Trace, record

CLOCKS = pytest.mark.parametrize("clock", ["virtual", "real"])


def recorded(coro: Coroutine[Any, Any, Any], **options: Any) -> Trace:
    """Record a coroutine from a test, as a script would."""
    return asyncio.run(record(coro, **options))
