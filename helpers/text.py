"""Numbers and names as a reader sees them: in figures, findings and the text twin."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def number(value: float, digits: int = 3) -> str:
    """A number with at most `digits` decimals and no trailing zeros, from 10,000 on in groups."""
    text = f"{value:,.{digits}f}" if abs(value) >= 10_000 else f"{value:.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def seconds(value: float, unit: str = "seconds", *, exact: bool = True) -> str:
    """A duration in words: "10 min" in kitchen minutes, else "2 s", "12.4 ms", "85 µs".

    An exact one (virtual clock) keeps its decimals; a measured one is cut to three figures.
    """
    if unit == "minutes":
        return f"{number(value)} min"
    if exact:
        return f"{number(value, 6)} s"
    if value >= 0.9995:
        return f"{number(value, 2)} s"
    if value >= 0.001:
        return f"{number(value * 1e3, 0 if value >= 0.1 else 1)} ms"
    return f"{number(value * 1e6, 0)} µs"


def listing(items: Sequence[str], most: int = 3, what: str = "others") -> str:
    """Several things as a reader says them: "a, b and c", or "a, b, c and 7 others"."""
    shown = list(items[:most])
    if len(items) > most:
        shown.append(f"{len(items) - most} {what}" if len(items) - most > 1 else items[most])
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def plural(count: int, noun: str) -> str:
    """A count with its noun: "1 task", "4 tasks"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def cells(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def pixels(text: str, size: float = 12) -> float:
    """How many pixels a text of a font size takes at most, in a wide font."""
    return cells(text) * size * 0.61


def shorten(text: str, most: int) -> str:
    """A text on one line without its middle, where it takes more than `most` columns.

    Beginning and end are kept, since names that are long tend to differ in one of them.
    """
    text = " ".join(text.split())
    if cells(text) <= most:
        return text
    tail = (most - 1) // 3
    head = most - 1 - tail
    front = next(text[:n] for n in range(len(text), -1, -1) if cells(text[:n]) <= head)
    back = next(text[n:] for n in range(len(text) + 1) if cells(text[n:]) <= tail)
    return f"{front}\u2026{back}"


def fit(text: str, wide: int) -> str:
    """A text that takes exactly `wide` columns: shortened, or filled with spaces."""
    text = shorten(text, wide)
    return text + " " * (wide - cells(text))
