"""Numbers and names as a reader sees them: in figures, findings and the text twin."""

from __future__ import annotations

from collections.abc import Sequence


def number(value: float, digits: int = 3) -> str:
    """A number with at most `digits` decimals and no trailing zeros."""
    text = f"{value:.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def seconds(value: float, unit: str = "seconds", *, exact: bool = True) -> str:
    """A duration in words: "10 min" in kitchen minutes, else "2 s", "12.4 ms", "85 us".

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
    return f"{number(value * 1e6, 0)} us"


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
