"""Numbers and names as a reader sees them: in figures, findings and the text twin."""

import html
import re
from collections.abc import Sequence
from itertools import accumulate
from unicodedata import combining, east_asian_width


def number(value: float, digits: int = 3) -> str:
    """A number with at most `digits` decimals, no trailing zeros, and commas from 10,000 on."""
    commas = "," if abs(value) >= 10_000 else ""
    text = f"{value:z{commas}.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def seconds(value: float, unit: str = "seconds", *, exact: bool = True) -> str:
    """A duration with its unit: "10 min" in kitchen minutes, else "2 s", "12.4 ms" or "85 µs".

    An exact duration (virtual clock) keeps its decimals; a measured one has three digits.
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
    """A list in prose: "a, b and c", or "a, b, c and 7 others"."""
    shown = list(items)
    if len(items) > most + 1:
        shown[most:] = [f"{len(items) - most} {what}"]
    return " and ".join([", ".join(shown[:-1]), *shown[-1:]] if len(shown) > 1 else shown)


def plural(count: int, noun: str) -> str:
    """A count with its noun: "1 task", "4 tasks"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def as_html(text: str) -> str:
    """The text as HTML, with what stands in backticks as code; no line ends before a unit."""
    safe = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))
    return re.sub(r"(?<=\d) (?=(?:s|ms|µs)\b|%)", "&nbsp;", safe)


def cells(text: str) -> int:
    """The width of a text in a terminal, in columns."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def pixels(text: str, size: float = 12) -> float:
    """The greatest width of a text in pixels, at a font size in pixels."""
    return cells(text) * size * 0.61


def shorten(text: str, most: int) -> str:
    """A text on one line, with an ellipsis for its middle if it is wider than `most` columns."""
    text = " ".join(text.split())
    if len(text) <= 4 * most and cells(text) <= most:  # marks that combine have no width
        return text
    tail = (most - 1) // 3
    back = _front(text[: -4 * most : -1], tail)[::-1]
    return f"{_front(text[: 4 * most], most - 1 - tail)}\u2026{back}"


def _front(text: str, most: int) -> str:
    """As much of the beginning of a text as fits into so many columns."""
    return text[: sum(width <= most for width in accumulate(map(cells, text)))]


def fit(text: str, width: int, align: str = "<") -> str:
    """A text of exactly `width` columns: shortened, or padded with spaces; ">": at its left."""
    text = shorten(text, width)
    pad = " " * (width - cells(text))
    return pad + text if align == ">" else text + pad


def table(rows: Sequence[Sequence[str]], align: str, width: int | None = None) -> list[str]:
    """Rows as lines of aligned columns, two spaces apart.

    `align` has "<" (left) or ">" (right) for each column. With `width`, the last column is cut so
    that lines are no wider, but keeps 12 columns of the terminal.
    """
    wide = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    if width is not None:
        wide[-1] = min(wide[-1], max(12, width - sum(wide[:-1]) - 2 * len(wide[:-1])))
    return ["  ".join(map(fit, row, wide, align)).rstrip() for row in rows]
