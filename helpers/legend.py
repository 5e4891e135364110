"""The legend: every state in words, and the marks of the endings that occur.

Its entries are traces of their own, so that they show the plain sign whatever the picture holds.
"""

from __future__ import annotations

from collections.abc import Iterable

from helpers import theme
from helpers.lanes import Json
from helpers.trace import Outcome


def keys(outcomes: Iterable[Outcome]) -> dict[str, Json]:
    """A trace for each entry: states in the first line, endings in the second."""
    made: dict[str, Json] = {}
    for state, look in theme.STATES.items():
        made[f"key {state}"] = {
            "type": "bar",
            "marker": theme.bar_marker(state),
            **_entry(look.words, "legend"),
        }
    present = set(outcomes)
    for outcome, mark in theme.OUTCOMES.items():
        if outcome in present:
            made[f"key {outcome}"] = {
                "type": "scatter",
                "mode": "markers",
                "marker": theme.end_marker(outcome, 9),
                **_entry(mark.words, "legend2"),
            }
    return made


def _entry(name: str, legend: str) -> Json:
    return {"name": name, "x": [None], "y": [None], "showlegend": True, "legend": legend,
            "hoverinfo": "skip"}  # fmt: skip
