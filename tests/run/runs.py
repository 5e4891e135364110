"""What the tests of `record` share."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from helpers import Trace, record
from helpers.task import Finding

# Another program had the core, or a full collection blocked the loop of a large process.
OF_THE_MACHINE = {"paused", "blocked", "held", "really_blocked"}
CLOCKS = pytest.mark.parametrize("clock", ["virtual", "real"])


def recorded(coro: Coroutine[Any, Any, Any], **options: Any) -> Trace:
    """Record a coroutine from a test, as a script would."""
    return asyncio.run(record(coro, **options))


def findings(trace: Trace) -> list[Finding]:
    """What the program did: no finding that a machine makes which stood still for a moment."""
    return [found for found in trace.findings if found.kind not in OF_THE_MACHINE]
