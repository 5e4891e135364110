"""A picture as plotly's plain JSON: its lanes and their layout. No plotly is needed to make it.

A figure is as wide as its cell, which nobody knows beforehand. So widths are taken for a narrow
cell and a wide font, and what must be seen has its place in a margin.
"""

import itertools
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from helpers import text as words
from helpers.draw import theme
from helpers.draw.picture import BINS, MANY, Bar, Picture
from helpers.draw.text import findings, wrapped
from helpers.draw.theme import LEFT, RIGHT, SMALL, Json, TimeUnit, line_marks, markers, plain, small
from helpers.draw.title import how_it_ended, who
from helpers.trace import Outcome, Task, TaskState

# In pixels.
LINE = 15  # a line of small text
_NARROW, _NARROWEST = 600, 420  # a narrow cell, and one in which nothing may be cut
_INDENT = 14  # a generation
_CAPTION = 12  # below and above the line that parts it from the rows
_BESIDE = 5  # between the ticks of one moment
# In characters.
_LABEL, _ENDING = 30, 34  # a row's name, and the words behind its end
_LEAST, _NOTE, _NOTE_LINES, _MOST_NOTES = 16, 44, 4, 100  # an event's words

_PLACES = 12  # ticks of one moment that are drawn side by side; the rest share the last place
_CHEF = 0.86  # height of a chef's bars, as a share of the row: enough for a name
_RUNNING = theme.STATES[TaskState.RUNNING]
# An event's words with a line down to its row, on the axes of time and rows.
_ARROW = {"showarrow": True, "arrowhead": 0, "arrowwidth": 1, "arrowcolor": theme.EVENT.colour}
_FONT = {"font": {"size": SMALL, "color": theme.EVENT.colour}, "borderpad": 1}
_EVENT: Json = {"xref": "x", "axref": "x", "ayref": "y", **_ARROW, **_FONT}
_COUNTS_OF_TASKS: Json = {"title": {"text": "tasks"}, "tickformat": ",d", "rangemode": "tozero"}
_COUNTS_OF_TASKS |= {"fixedrange": True, "showgrid": True, "gridcolor": theme.GRID}
_LETTER = words.pixels("x", SMALL)
_Place = tuple[int, float, float, float]  # of words: the line, the moment, from, to


def figure_of(picture: Picture) -> Json:
    """A picture as plotly's JSON, made without plotly."""
    layout, pitch = _layout(picture)
    traces = [
        *_areas(picture),
        *itertools.chain(*(_bars(picture, state) for state in reversed(theme.STATES))),
        _works(picture),
        *_lines(picture, pitch),
        _ticks(picture, pitch),
        _events(picture, pitch),
        *(_ends(picture, outcome, pitch) for outcome in Outcome),
    ]
    return {"data": [trace for trace in traces if trace["y"]], "layout": layout}


def _layout(picture: Picture) -> tuple[Json, float]:
    """Plotly's layout, and the height of a row in pixels. All but the rows stands in margins."""
    names, count = picture.rows, max(len(picture.rows), 1)
    lanes = [row for row in names if not row.is_title]  # a section's title has its line for itself
    wide = [words.pixels(words.shorten(row.name, _LABEL)) + _INDENT * row.depth for row in lanes]
    left = 18 + round(max([22.0, *wide]))
    right = _right(picture, left)
    title, legend, notes = _title(picture), _legend(picture), _notes(picture, left, right)
    legend += map(plain, wrapped(picture.reasons or findings(picture.run, 3), 70))
    band = LINE * max([line + 1 for line, _ in notes], default=0)
    top = 70 + 22 * title["text"].count("<br>") + (LINE if picture.density else band)
    top += 16 * title["subtitle"]["text"].count("<br>")
    bottom = 50 + LINE * len(legend)  # the axis' numbers and title stand above the legend
    inside = max(900 - top - bottom, 60)
    above = min(230 + band if picture.density else 0, inside / 2)
    pitch = min(28.0 if count <= 12 else 22.0, (inside - above) / count)
    end = picture.axis.at(picture.trace.duration) or 1
    at = {"align": "left", "xshift": 10 - left, "yshift": 4 - bottom}
    layout: Json = {
        "template": theme.TEMPLATE,
        "height": round(top + bottom + above + pitch * count),
        "margin": {"l": left, "r": right, "t": top, "b": bottom},
        "title": title,
        "xaxis": {"title": {"text": picture.axis.axis}, "range": [0, end], "hoverformat": "~r"},
        # The rows' names are the axis' text for hovering; what is seen are the labels.
        "yaxis": {
            "range": [count - 0.5, -0.5],
            "tickvals": list(range(len(names))),
            "ticktext": [plain(row.name) for row in names],
            "showticklabels": False,
            "fixedrange": len(names) <= MANY,
        },
        # The names on the chefs' bars are as small as the one that fits worst, or hidden.
        "uniformtext": {"mode": "hide", "minsize": 7.5},
        "annotations": [
            {**small("<br>".join(map(theme.strong, legend)), 0), **at},
            *_labels(picture, left, pitch),
            *({**note, "ay": round(-0.5 - (line + 0.6) * LINE / pitch, 3)} for line, note in notes),
        ],
    }
    if picture.density:  # room for the areas above the lanes and the events' words, with captions
        lanes = pitch * count - _CAPTION
        full, words_end = pitch * count + above, lanes + band
        layout["yaxis"]["domain"] = [0, round(lanes / full, 4)]
        areas_from = round((words_end + 2 * _CAPTION) / full, 4)
        layout["yaxis2"] = {**_COUNTS_OF_TASKS, "domain": [areas_from, 1]}
        of = f"of {len(picture.run.lanes):,} lanes"
        slowest = f"the slowest {of} (lanes=[...] opens others)"
        which = f"{len(picture.lanes)} {of}" if picture.chosen else slowest
        captions = {"how many tasks are in each state": 1, which: round(words_end / full, 4)}
        layout["annotations"] += itertools.starmap(small, captions.items())
    return layout, round(pitch, 3)


def _title(picture: Picture) -> Json:
    lines = "<br>".join(map(plain, textwrap.wrap(picture.title, 42)))
    below = "<br>".join(map(plain, textwrap.wrap(picture.subtitle, 64)))
    # Names between backticks are in the letters of code.
    text = re.sub(r"`([^`]+)`", r'<span style="font-family:monospace">\1</span>', lines)
    # Plotly sets a title of several lines higher by 0.7 of its letters.
    pad = {"l": 12, "t": 23 if "<br>" in lines else 12}
    place = {"x": 0, "y": 1, "pad": pad, "font": {"size": 16}}
    subtitle = {"text": below, "font": {"size": 12}}
    return {"text": theme.strong(f"<b>{text}</b>"), "subtitle": subtitle, **place}


def _legend(picture: Picture) -> list[str]:
    """Lines of coloured signs and words: the states, and below them how lanes end and events."""
    seen = {bar.span.state for bar in (*picture.bars, *picture.parts)}
    if picture.density:
        seen |= {state for state, levels in picture.density.of.items() if max(levels) > 1e-6}
    states = [(x.colour, x.sign, x.words) for state, x in theme.STATES.items() if state in seen]
    states += [theme.STEPS_BEGIN] * bool(picture.density)
    states += [theme.MANY_STEPS] * bool(picture.crowded)
    marks: list[tuple[str, str, str]] = []
    for outcome, mark in theme.OUTCOMES.items():
        if same := [lane for _, lane in picture.ends if lane.outcome is outcome]:
            pending = " or ".join(sorted({how_it_ended(picture.run, lane) for lane in same}))
            text = pending if outcome is Outcome.PENDING else mark.words
            marks.append((mark.colour, mark.sign, text))
    marks += [theme.EVENT[1:]] * bool(picture.placed_events)
    lines: list[str] = []
    for entries in (states, marks):
        left = 0
        for colour, sign, text in entries:
            left -= len(text) + 4
            if left < 0:
                lines.append("")
                left = 77 - len(text) - 4  # so that it fits into 420 pixels
            bold = f"color:{colour};stroke:{colour};stroke-width:0.7px"  # some signs are hairlines
            lines[-1] += f'<span style="{bold}">{sign}</span> {text}\u2002'
    return lines


def _labels(picture: Picture, left: int, pitch: float) -> Iterator[Json]:
    """The names of the rows, to the left of them; of very many rows, of some."""
    every = next(n for n in (1, 2, 5, 10, 20, 25, 50, 100, 200) if n * pitch >= LINE - 2)
    for n, row in enumerate(picture.rows):
        text, shift = plain(words.shorten(row.name, _LABEL)), 10 - left + _INDENT * row.depth
        label: Json = {"text": theme.strong(text), "yref": "y", "y": n, "xshift": shift}
        if row.is_title:
            yield label | {"text": text, "font": {"size": SMALL}, "yshift": -3 * (pitch > 18)}
        elif n % every == 0 and not (every > 1 and n and picture.rows[n - 1].is_title):
            yield label


def _right(picture: Picture, left: int) -> int:
    """Room for the words behind the ends of lanes, as far as they do not fit on the axis."""
    need, duration = 24.0, picture.trace.duration
    for _, lane in picture.ends if len(picture.rows) <= MANY else ():
        said = words.shorten(how_it_ended(picture.run, lane), _ENDING)
        wide = 18 + _beside(lane) + words.pixels(said, SMALL)
        share = max(lane.end / duration if duration else 1.0, 0.01)
        # The axis is what the margins leave: (1 - share) * axis + margin must be wide enough.
        need = max(need, (wide - (1 - share) * (_NARROW - left)) / share)
    return round(need)


def _notes(picture: Picture, left: int, right: int) -> list[tuple[int, Json]]:
    """The events' words, as far as there is room above the rows, with lines down to their rows.

    They are set from a moment outwards, and towards it: so each has its line on the outer side.
    The words of the others are read by hovering over their marks.
    """
    axis, duration = max(_NARROWEST - left - right, 100), picture.trace.duration or 1
    # One cause may have asked several tasks: the line goes down to the first of them.
    events = {(one.time, one.text): one for one in reversed(picture.placed_events[:_MOST_NOTES])}
    places = [(axis * one.time / duration, one) for one in reversed(events.values())]
    tries: list[list[tuple[_Place, Json]]] = []
    for focus in (axis / 2, axis, 0):
        notes: list[tuple[_Place, Json]] = []
        for at, (time, whose, text) in sorted(places, key=lambda place: abs(place[0] - focus)):
            room, side = (axis - at + right, "left") if at <= focus else (left + at, "right")
            short = words.shorten(text, min(_NOTE, max(int(room / _LETTER) - 1, 2)))
            wide = words.pixels(short, SMALL) + 8
            start = at if side == "left" else at - wide
            lines = [(line, at, start, start + wide) for line in range(_NOTE_LINES)]
            free = [one for one in lines if not any(_clash(one, other) for other, _ in notes)]
            if free and len(short) >= min(len(text), _LEAST):
                x, y = picture.axis.at(time), picture.row_of.get(whose, len(picture.rows) - 0.5)
                note = {"text": plain(short), "x": x, "ax": x, "y": y, "xanchor": side}
                notes.append((free[0], _EVENT | note))
        tries.append(notes)
    return [(line, note) for (line, *_), note in max(tries, key=len)]


def _clash(one: _Place, other: _Place) -> bool:
    """Whether words cover each other, or the line of the upper ones crosses the lower ones."""
    (below, _, start, end), (above, at, first, last) = sorted((one, other))
    return start < last and first < end if below == above else start < at < end


def _beside(lane: Task) -> int:
    """Pixels from a lane's end to the mark of how it ended. The ticks of one moment are between."""
    ticks = len(lane.steps[1:]) if lane.spawned == lane.end else 0
    return 8 + _BESIDE * min(ticks, _PLACES)  # so that a last tick is seen


def _bars_at(axis: TimeUnit, name: str, drawn: Sequence[Bar]) -> Json:
    about = {"type": "bar", "orientation": "h", "name": name, "y": [row for row, *_ in drawn]}
    times = [(axis.at(bar.span.start), axis.at(bar.span.seconds)) for bar in drawn]
    return {**about, "base": [start for start, _ in times], "x": [long for _, long in times]}


def _hover(*lines: str, name: str = "%{y}") -> Json:
    return {"hovertemplate": "<br>".join([f"<b>{name}</b>", *lines]) + "<extra></extra>"}


def _bars(picture: Picture, state: TaskState) -> list[Json]:
    """A state on its lanes, and on crowded rows: there as high as its share, above the others."""
    look, axis, full = theme.STATES[state], picture.axis, _RUNNING.height
    bars = [bar for bar in picture.bars if bar.span.state is state and bar.span.seconds > 0]
    parts = [part for part in picture.parts if part.span.state is state]
    marker = {"marker": {"color": look.colour, "pattern": theme.pattern(state)}}
    time = f"%{{base}} to %{{x}} {axis.short}"
    few: Json = {"width": 0.9, **_hover(look.words, time)}
    if len(picture.rows) <= MANY:
        woken = f"{'then ' if state is TaskState.IDLE else ''}woken by %{{customdata[1]}}"
        few = {"width": look.height, "customdata": [*_about(picture, bars)]}
        few |= _hover(look.words, f"{time}, %{{customdata[0]}}", woken)
    shares = {
        "width": [round(full * part.share, 4) for part in parts],
        "offset": [round(full * (0.5 - part.below - part.share), 4) for part in parts],
        "customdata": [f"{100 * part.share:.3g}" for part in parts],
        **_hover(f"{state} for %{{customdata}} % of the time", time),
    }
    return [
        {**_bars_at(axis, look.words, bars), **marker, **few},
        {**_bars_at(axis, f"{state}, by share", parts), **marker, **shares},
    ]


def _about(picture: Picture, bars: Iterable[Bar]) -> Iterator[list[str]]:
    """How long each took, for a step on which of several threads, and who woke its lane."""
    several = len(picture.trace.threads()) > 1
    for span in (bar.span for bar in bars):
        no_time, by = picture.by_step or span.seconds <= 0, span.woken_by
        long = "takes no time" if no_time else picture.axis.long(span.seconds)
        on = f" on {plain(span.thread)}" if span.thread is not None and several else ""
        yield [long + on, "nobody" if by is None else plain(who(picture.run, by))]


def _works(picture: Picture) -> Json:
    """Steps on the rows of the chefs, with the tasks' names."""
    return {
        **_bars_at(picture.axis, "what each chef works on", picture.works),
        "text": [plain(picture.trace.by_id[work.span.task].name) for work in picture.works],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "textfont": {"color": theme.CARD, "size": 10},
        "width": _CHEF,
        "marker": {"color": _RUNNING.colour, "line": {"color": theme.RULE, "width": 1}},
        **_hover("works on %{text}", f"%{{base}} to %{{x}} {picture.axis.short}"),
    }


def _lines(picture: Picture, pitch: float) -> list[Json]:
    """Lines that say nothing of their own.

    A thin one for each part of a crowded row in which a step begins, one for a chef's step that is
    too short to be seen, and one in the card's colour between two steps that touch.
    """
    at, least = picture.axis.at, 0.004 * picture.trace.duration
    many = [
        (row + 0.44, at((n + 0.5) * found.width))
        for row, found in picture.crowded.items()
        for n, polls in enumerate(found.polls)
        if polls
    ]
    short = [(row, at(x.start)) for row, x, *_ in picture.works if x.end - x.start <= least]
    cuts = [
        (row, at(after.start))
        for row, lane in picture.lanes
        if row not in picture.crowded
        for before, after in itertools.pairwise(lane.steps)
        if before.end == after.start and before.start < after.end
    ]
    chef, lane, line = max(2.0, pitch * _CHEF), pitch * _RUNNING.height, 2 * theme.TICK + 1
    marks = [
        line_marks("many steps", many, 4, color=theme.MANY_STEPS[0], width=1),
        line_marks("short steps of each chef", short, chef, color=_RUNNING.colour, width=2),
        line_marks("cuts between steps", cuts, lane, color=theme.CARD, width=line),
    ]
    return [{**one, "hoverinfo": "skip"} for one in marks]


def _ticks(picture: Picture, pitch: float) -> Json:
    """A tick for each poll, those of one moment side by side."""
    ticks, axis, thin = picture.ticks, picture.axis, len(picture.rows) > MANY
    size, width = pitch * _RUNNING.height + (0 if thin else 4), 2 if thin else theme.TICK
    points = ((tick.row, axis.at(tick.span.start)) for tick in ticks)
    marks = line_marks("steps", points, max(2.0, size), color=_RUNNING.colour, width=width)
    shifts = [max(-_PLACES, min(_PLACES, tick.shift)) for tick in ticks]
    if any(shifts):
        marks["marker"]["angle"] = [LEFT if shift < 0 else RIGHT for shift in shifts]
        marks["marker"]["standoff"] = [_BESIDE * abs(shift) for shift in shifts]
    hover = f"a step at %{{x}} {axis.short}"
    if thin:
        return {**marks, **_hover(hover)}
    woken = "%{customdata[0]}, woken by %{customdata[1]}"
    return {**marks, "customdata": [*_about(picture, ticks)], **_hover(hover, woken)}


def _ends(picture: Picture, outcome: Outcome, pitch: float) -> Json:
    """The marks of one outcome at the ends of lanes, with the outcome in words behind them."""
    mark, axis, has_words = theme.OUTCOMES[outcome], picture.axis, pitch >= 12
    ends = [(row, lane) for row, lane in picture.ends if lane.outcome is outcome]
    beside = [_beside(lane) for _, lane in ends]
    said = [words.shorten(how_it_ended(picture.run, lane), _ENDING) for _, lane in ends]
    # Spaces move the words behind the mark, which stands beside its point.
    spaces = ["\u00a0" * round((pixels + 3) / 3.3) for pixels in beside if has_words]
    line = {"color": mark.colour, "width": 2.5} if mark.symbol.endswith("open") else {"width": 0}
    marker = {"symbol": mark.symbol, "color": mark.colour, "line": line, "angle": RIGHT}
    size, standoff = round(max(2, min(9, pitch)), 1), beside if has_words else 3
    return {
        **markers(mark.words, ((row, axis.at(lane.end)) for row, lane in ends)),
        "mode": "markers+text" if has_words else "markers",
        "marker": {**marker, "size": size, "standoff": standoff},
        "text": [x + plain(text) for x, text in zip(spaces, said, strict=False)],
        "textposition": "middle right",
        "textfont": {"size": SMALL},
        "customdata": [plain(how_it_ended(picture.run, lane, whole=True)) for _, lane in ends],
        **_hover(f"at %{{x}} {axis.short}: %{{customdata}}"),
    }


def _events(picture: Picture, pitch: float) -> Json:
    """A mark for each event on its row; one of the whole run stands below all rows."""
    events, axis, below = picture.placed_events, picture.axis, len(picture.rows) - 0.5
    points = ((picture.row_of.get(x.task, below), axis.at(x.time)) for x in events)
    # On the upper edge of the lane, where no tick and no lane's end is.
    edge = [0 if x.task is None else round(pitch * _RUNNING.height / 2, 1) for x in events]
    above = {"line": {"width": 2}, "angle": -180, "standoff": edge}
    whose = ["the run" if x is None else plain(picture.run.name_of(x)) for _, x, _ in events]
    return {
        **markers("marks and requests to stop", points),
        "text": [plain(event.text) for event in events],
        "marker": {"symbol": theme.EVENT.symbol, "size": 10, "color": theme.EVENT.colour, **above},
        "customdata": whose,
        **_hover(f"at %{{x}} {axis.short}: %{{text}}", name="%{customdata}"),
    }


def _areas(picture: Picture) -> list[Json]:
    """A stacked area for each state, and a tick for each bin in which a step starts."""
    found, axis = picture.density, picture.axis
    if found is None:
        return []
    areas = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": look.words,
            "dx": float(f"{found.width * axis.factor:.9g}"),
            "y": [round(level, 2 if level < 100 else 0) for level in (*levels, levels[-1])],
            "yaxis": "y2",
            "stackgroup": "tasks",
            "line": {"width": 0, "shape": "hv", "color": look.colour},
            "fillcolor": look.colour,
            "fillpattern": theme.pattern(state),
            "hovertemplate": f"%{{y}} tasks {state} at %{{x}} {axis.short}<extra></extra>",
        }
        for (state, levels), look in zip(found.of.items(), theme.STATES.values(), strict=False)
    ]
    points = [(0, axis.at((n + 0.5) * found.width)) for n in range(BINS) if found.polls[n]]
    ticks = {
        **line_marks("steps started", points, 12, width=2, color=theme.MANY_STEPS[0]),
        "yaxis": "y2",
        "customdata": [polls for polls in found.polls if polls],
        "hovertemplate": f"%{{customdata}} steps start about %{{x}} {axis.short}<extra></extra>",
    }
    return [*areas, ticks]
