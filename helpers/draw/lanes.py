"""The lanes of a picture as plotly's plain JSON: bars, ticks, chefs, endings and events.

No plotly is needed to make it: the same dicts serve `go.Figure`, the live panel and a notebook's
output.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

from helpers import text as words
from helpers.draw import theme
from helpers.draw.picture import End, Picture
from helpers.draw.theme import Json
from helpers.draw.title import how_it_ended, who
from helpers.trace import Outcome, Task, TaskState

# With more rows than this, hovering tells less, so that a figure stays small.
MANY = 40
# With more than this, it does not tell who woke a step either.
_VERY_MANY = 200
_PLACES = 12  # ticks of one moment that are drawn side by side; the rest share the last place
_BESIDE = 5  # pixels between them
_CLEAR = 8  # pixels from a lane's end to the mark of its end, so that a last tick is seen
_LOW = 12  # in rows of fewer pixels there are no words
_LONGEST = 34  # characters behind a mark
_CHEF = 0.86  # height of a chef's bars, as a share of the row: enough for a name
_SHORT = 0.004  # a chef's step that takes less of the run has a tick
# `standoff` moves a marker along its angle. 90 degrees up or down draw the symbol `line-ew`
# upright and move it to the left or to the right.
_LEFT, _RIGHT = 90, -90
# The order in which they are drawn, one above the other.
STATE_ORDER = (TaskState.IDLE, TaskState.SCHEDULED, TaskState.RUNNING)
_RUNNING = theme.STATES[TaskState.RUNNING]
_BAR: Json = {"type": "bar", "orientation": "h"}
_MARKERS: Json = {"type": "scatter", "mode": "markers"}


def traces(picture: Picture, pitch: float) -> dict[str, Json]:
    """Every trace by its key, in drawing order; one that has nothing to show is empty.

    `pitch` is the height of a row in pixels.
    """
    return {
        **{str(state): _bars(picture, state) for state in STATE_ORDER},
        "chefs": _chefs(picture),
        "chef ticks": _chef_ticks(picture, pitch),
        "cuts": _cuts(picture, pitch),
        "ticks": _ticks(picture, pitch),
        "events": _events(picture),
        **{str(outcome): _ends(picture, outcome, pitch) for outcome in Outcome},
    }


def plain(text: str) -> str:
    """A name as it is: neither a tag nor a formula to the browser."""
    return html.escape(text, quote=False).replace("$", "&#36;").replace("\n", " ")


def ending(picture: Picture, lane: Task) -> str:
    """What is written behind a lane's end."""
    return words.shorten(how_it_ended(picture.run, lane), _LONGEST)


def beside_end(end: End) -> int:
    """Pixels from a lane's end to the mark of how it ended: the last ticks stand between them."""
    return _CLEAR + _BESIDE * min(end.ticks, _PLACES)


def line_marks(name: str, points: Iterable[tuple[int, float]], size: float, **line: Any) -> Json:
    """Upright lines of `size` pixels at (y, x), which are seen at every zoom."""
    at = list(points)
    # Plotly draws a line's symbol 1.4 times as long as its size.
    marker = {"symbol": "line-ew", "angle": _LEFT, "size": round(size / 1.4, 1), "line": line}
    return {
        **_MARKERS,
        "name": name,
        "cliponaxis": False,
        "x": [x for _, x in at],
        "y": [y for y, _ in at],
        "marker": marker,
    }


def _bars(picture: Picture, state: TaskState) -> Json:
    """The bars of one state."""
    look, axis = theme.STATES[state], picture.axis
    bars = [bar for bar in picture.bars if bar.span.state is state]
    thin = len(picture.rows) > MANY
    hover = f"<b>%{{y}}</b><br>{look.words}<br>%{{base}} to %{{x}} {axis.short}"
    if not thin:
        then = "then " if state is TaskState.IDLE else ""
        hover += f", %{{customdata[0]}}<br>{then}woken by %{{customdata[1]}}"
    about = []
    for bar in bars if not thin else ():
        waker = "nobody" if bar.woken_by is None else who(picture.run, bar.woken_by)
        about.append([_long(picture, bar.span.seconds, bar.span.thread), plain(waker)])
    return {
        **_BAR,
        "name": look.words,
        "y": [bar.row for bar in bars],
        "base": [axis.at(bar.span.start) for bar in bars],
        "x": [axis.at(bar.span.seconds) for bar in bars],
        **({"customdata": about} if about else {}),
        "width": look.height if not thin else 0.9,
        "marker": theme.bar_marker(state),
        "hovertemplate": f"{hover}<extra></extra>",
    }


def _long(picture: Picture, seconds: float, thread: str | None) -> str:
    """How long a state lasted, and for a step on which of several threads it was."""
    long = picture.axis.long(seconds) if seconds > 0 else "takes no time"
    return f"{long} on {plain(thread)}" if thread is not None and picture.many_threads else long


def _chefs(picture: Picture) -> Json:
    """A bar for each step on the row of its chef, with the task's name."""
    axis, works = picture.axis, picture.works
    hover = f"<b>%{{y}}</b><br>works on %{{text}}<br>%{{base}} to %{{x}} {axis.short}"
    named = works if len(picture.rows) <= _VERY_MANY else []
    return {
        **_BAR,
        "name": "what each chef works on",
        "y": [work.row for work in works],
        "base": [axis.at(work.step.start) for work in works],
        "x": [axis.at(work.step.end - work.step.start) for work in works],
        "text": [plain(work.lane.name) for work in named],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "textfont": {"color": theme.CARD, "size": 10},
        "width": _CHEF,
        "marker": {"color": _RUNNING.colour, "line": {"color": theme.CARD, "width": 1}},
        "hovertemplate": f"{hover}<extra></extra>",
    }


def _chef_ticks(picture: Picture, pitch: float) -> Json:
    """A tick for each step of a chef that is too short for its bar to be seen."""
    least, axis = _SHORT * picture.trace.duration, picture.axis
    short = [work for work in picture.works if work.step.end - work.step.start <= least]
    points = [(work.row, axis.at(work.step.start)) for work in short]
    size, name = max(2.0, pitch * _CHEF), "short steps of each chef"
    ticks = line_marks(name, points, size, color=_RUNNING.colour, width=2)
    return {**ticks, "hoverinfo": "skip"}


def _cuts(picture: Picture, pitch: float) -> Json:
    """A line in the card's colour between two steps that touch."""
    points = ((row, picture.axis.at(moment)) for row, moment in picture.cuts)
    size, width = pitch * _RUNNING.height, 2 * theme.TICK + 1
    lines = line_marks("cuts between steps", points, size, color=theme.CARD, width=width)
    return {**lines, "hoverinfo": "skip"}


def _ticks(picture: Picture, pitch: float) -> Json:
    """A tick for each poll, those of one moment side by side."""
    ticks, count = picture.ticks, len(picture.rows)
    thin = count > MANY
    points = ((tick.row, picture.axis.at(tick.step.start)) for tick in ticks)
    size = max(2.0, pitch * _RUNNING.height + (0 if thin else 4))
    width = 2 if thin else theme.TICK
    marks = line_marks("steps", points, size, color=_RUNNING.colour, width=width)
    shifts = [max(-_PLACES, min(_PLACES, tick.shift)) for tick in ticks]
    if any(shifts):
        marks["marker"]["angle"] = [_LEFT if shift < 0 else _RIGHT for shift in shifts]
        marks["marker"]["standoff"] = [_BESIDE * abs(shift) for shift in shifts]
    hover = f"<b>%{{y}}</b><br>a step at %{{x}} {picture.axis.short}"
    about: list[Any] = []
    for _, step, _ in ticks if count <= _VERY_MANY else ():
        waker = plain(who(picture.run, step.woken_by))
        long = _long(picture, step.end - step.start, step.thread)
        about.append(waker if thin else [long, waker])
    if about:
        hover += (
            "<br>woken by %{customdata}"
            if thin
            else ("<br>%{customdata[0]}, woken by %{customdata[1]}")
        )
    return {**marks, "customdata": about, "hovertemplate": f"{hover}<extra></extra>"}


def _ends(picture: Picture, outcome: Outcome, pitch: float) -> Json:
    """The marks of one outcome at the ends of lanes, with the outcome in words behind them."""
    mark, axis = theme.OUTCOMES[outcome], picture.axis
    ends = [end for end in picture.ends if end.lane.outcome is outcome]
    beside = [beside_end(end) for end in ends]
    standoff = beside if len(set(beside)) > 1 else (beside or [_CLEAR])[0]
    named, high = len(picture.rows) <= _VERY_MANY, pitch >= _LOW
    hover = "%{customdata}" if named else mark.words
    trace: Json = {
        **_MARKERS,
        "name": mark.words,
        "x": [axis.at(end.lane.end) for end in ends],
        "y": [end.row for end in ends],
        "cliponaxis": not named,
        "marker": {
            **theme.end_marker(outcome, round(max(2, min(9, pitch)), 1)),
            "angle": _RIGHT,
            "standoff": standoff if high else 3,
        },
        "hovertemplate": f"<b>%{{y}}</b><br>at %{{x}} {axis.short}: {hover}<extra></extra>",
    }
    if named:
        how = [how_it_ended(picture.run, end.lane, whole=True) for end in ends]
        trace["customdata"] = [plain(text) for text in how]
    if high:
        # Spaces move the words behind the mark, which stands beside its point.
        spaces = ["\u00a0" * round((pixels + 3) / 3.3) for pixels in beside]
        texts = [plain(ending(picture, end.lane)) for end in ends]
        trace |= {
            "mode": "markers+text",
            "text": [space + text for space, text in zip(spaces, texts, strict=True)],
            "textposition": "middle right",
            "textfont": {"size": 11, "color": theme.MUTED},
        }
    return trace


def _events(picture: Picture) -> Json:
    """A mark for each event on its row; one of the whole run stands on the last row."""
    events, axis, last = picture.placed_events, picture.axis, len(picture.rows) - 1
    line = {"color": theme.EVENT.colour, "width": 2}
    return {
        **_MARKERS,
        "name": "marks and requests to stop",
        "x": [axis.at(event.time) for event in events],
        "y": [last if event.row is None else event.row for event in events],
        "text": [plain(event.text) for event in events],
        "cliponaxis": False,
        "marker": {"symbol": theme.EVENT.symbol, "size": 10, "color": theme.CARD, "line": line},
        "hovertemplate": f"<b>%{{y}}</b><br>at %{{x}} {axis.short}: %{{text}}<extra></extra>",
    }
