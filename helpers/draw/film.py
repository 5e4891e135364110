"""The film of a run: who is in hand at each step, who is ready, who waits for what, and the code.

It is computed once, as JSON. `film.js` plays it without a kernel: in a notebook, or on a page.
"""

import json
from bisect import bisect_right
from collections import defaultdict
from operator import attrgetter
from pathlib import Path
from string import Template
from typing import Any

from helpers import text as words
from helpers.draw import theme
from helpers.draw.picture import picture_of, spans
from helpers.draw.theme import Json, TimeUnit
from helpers.draw.title import how_it_ended, who
from helpers.task import TIMER, Task, Visit
from helpers.trace import Trace

MOST = 2_000  # frames of a film: of a longer run it shows a part
_MOST_ROWS, _LONGEST = 200, 40  # lanes that are drawn; characters of a name
_AROUND = 2  # lines of code that are shown above and below those that were come to
PLAYER = Path(__file__).with_name("film.js")
_PAGE = Path(__file__).with_name("film.html")
_Place = tuple[int, int]  # of a step: its lane's id, and its number in there


def film_of(trace: Trace, *, first: int = 0, title: str | None = None) -> Json:
    """The film of a trace as JSON, from its step number `first` on, for some 2,000 frames.

    A step that is not there is a ValueError that says how many there are.
    """
    order = trace.steps_in_order
    if first not in range(max(len(order), 1)):
        raise ValueError(f"first is a step from 0 to {len(order) - 1}, got {first!r}")
    picture = picture_of(trace, title=title)
    drawn, axis = picture.trace, picture.axis
    visits: dict[_Place, list[Visit]] = defaultdict(list)
    for visit in trace.visits:
        visits[visit.lane, visit.step].append(visit)
    last, frames = first, 0
    while last < len(order) and frames < MOST:
        frames += max(1, len(visits[order[last]]))
        last += 1
    places = order[first:last]
    steps = [drawn.by_id[lane].steps[n] for lane, n in places]
    begin = steps[0].start if first else 0.0
    end = max(step.end for step in steps) if last < len(order) else drawn.duration
    taken: dict[int, list[int]] = defaultdict(list)
    for lane, n in places:
        taken[lane].append(n)
    numbers = {lane: n for n, lane in enumerate(sorted(taken))}
    lanes = [drawn.by_id[lane] for lane in numbers]
    chefs = sorted({step.thread for step in steps}, key=lambda chef: (chef == "main", chef))
    wakers = _wakers(trace, places, numbers)
    part = f" · steps {first + 1:,} to {last:,} of {len(order):,}" * (last - first < len(order))
    return {
        "title": picture.title,
        "about": picture.subtitle + part,
        "unit": axis.short,
        "axis": axis.axis,
        "range": [axis.at(begin), axis.at(end)],
        "byStep": picture.by_step,
        "team": trace.workers > 1,
        "timer": who(trace, TIMER),
        "chefs": chefs,
        "lanes": [_lane(trace, axis, lane, taken[lane.id]) for lane in lanes],
        "spans": [_spans(axis, lane, begin, end) for lane in lanes[:_MOST_ROWS]],
        "steps": [
            [numbers[lane], *map(axis.at, step[:3]), chefs.index(step.thread), *by]
            for (lane, _), step, by in zip(places, steps, wakers, strict=True)
        ],
        "code": _code(trace),
        "visits": [[_visit(axis, x) for x in visits[place]] for place in places if visits],
        "states": [[look.colour, look.height, look.words] for look in theme.STATES.values()],
        "outcomes": {name: [look.colour, look.sign] for name, look in theme.OUTCOMES.items()},
    }


def _visit(axis: TimeUnit, visit: Visit) -> list[Any]:
    return [visit.file, visit.line, axis.at(visit.time), list(visit.changed.items())]


def _lane(trace: Trace, axis: TimeUnit, lane: Task, taken: list[int]) -> list[Any]:
    """Its name, life and end, and whether it had steps before these, or has some after them."""
    ended = how_it_ended(trace, lane), lane.waits_at
    life = axis.at(lane.spawned), axis.at(lane.end), lane.outcome
    name = words.shorten(lane.name, _LONGEST)
    return [name, *life, *ended, taken[0] > 0, taken[-1] + 1 < len(lane.steps)]


def _spans(axis: TimeUnit, lane: Task, begin: float, end: float) -> list[list[float]]:
    """The number of each state, and from when to when the lane was in it."""
    states = list(theme.STATES)
    seen = [span for span in spans(lane) if span.start <= end and span.end >= begin]
    return [
        [states.index(x.state), *map(axis.at, (max(x.start, begin), min(x.end, end)))] for x in seen
    ]


def _wakers(trace: Trace, places: tuple[_Place, ...], numbers: dict[int, int]) -> list[list[Any]]:
    """Who made each step ready: a lane's number and the step in which it did, or a word."""
    index = {place: n for n, place in enumerate(places)}
    wakers: list[list[Any]] = []
    for at, (lane, n) in enumerate(places):
        step = trace.by_id[lane].steps[n]
        by: Any = step.woken_by
        if by not in numbers:
            wakers.append([who(trace, by), None])
            continue
        begun = bisect_right(trace.by_id[by].steps, step.ready, key=attrgetter("start"))
        sooner = (index.get((by, k), -1) for k in range(begun - 1, -1, -1))
        wakers.append([numbers[by], next((k for k in sooner if k < at), -1)])
    return wakers


def _code(trace: Trace) -> list[list[Any]]:
    """Of each file its name, the number of the first line that is shown, and the lines."""
    code = []
    for n, (name, text) in enumerate(trace.code):
        lines, seen = text.splitlines(), [visit.line for visit in trace.visits if visit.file == n]
        first = max(min(seen, default=1) - 1 - _AROUND, 0)
        code.append([name, first + 1, lines[first : max(seen, default=1) + _AROUND]])
    return code


def page_of(trace: Trace) -> str:
    """A page that plays the film by itself, with nothing to load."""
    film = film_of(trace)
    packed = json.dumps(film, separators=(",", ":")).replace("</", "<\\/")  # no tag's end
    parts = {"title": theme.plain(film["title"]), "player": PLAYER.read_text(encoding="utf-8")}
    return Template(_PAGE.read_text(encoding="utf-8")).substitute(parts, film=packed)
