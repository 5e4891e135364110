"""The film of a run: its timeline, and at each step who is in hand, ready or waits, and the code.

It is computed once, as JSON. `film.js` plays it without a kernel: in a notebook, or on a page.
"""

import base64
import gzip
import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from string import Template
from typing import Any

from helpers import text as words
from helpers.draw.picture import MOST_FILMED, Bar, Picture, picture_of
from helpers.draw.theme import OUTCOMES, STATES, Json, TimeUnit, plain
from helpers.draw.title import how_it_ended, who
from helpers.task import TIMER, LaneKind, Task, TaskState, Visit
from helpers.trace import Trace

MOST = 2_000  # frames of a film: of a longer run it shows a part
_LONGEST = 40  # characters of a name
_AROUND = 2  # lines of code that are shown above and below those that were come to
_NUMBERS = {state: n for n, state in enumerate(STATES)}
PLAYER = Path(__file__).with_name("film.js")
_PAGE = Path(__file__).with_name("film.html")


def film_of(picture: Picture, *, first: int = 0) -> Json:
    """The film of a picture's run as JSON, with some 2,000 frames from its step `first` on.

    A step that is not there is a ValueError that says how many there are.
    """
    trace, drawn, axis = picture.run, picture.trace, picture.axis
    order = trace.steps_in_order
    if first not in range(max(len(order), 1)):
        raise ValueError(f"first is a step from 0 to {len(order) - 1}, got {first!r}")
    visits: dict[tuple[int, int], list[Visit]] = defaultdict(list)
    for visit in trace.visits:
        visits[visit.lane, visit.step].append(visit)
    last, frames = first, 0
    while last < len(order) and frames < MOST:
        frames += max(1, len(visits[order[last]]))
        last += 1
    places = order[first:last]
    first_taken, last_taken = dict(reversed(places)), dict(places)  # the steps of each lane
    numbers = {lane: n for n, lane in enumerate(sorted(last_taken))}
    lanes = [drawn.by_id[lane] for lane in numbers]
    steps = [drawn.by_id[lane].steps[n] for lane, n in places]
    chefs = _chefs(trace, lanes)
    wakers = _wakers(trace, places, numbers)
    end = drawn.duration if last == len(order) else max(step.end for step in steps)
    return still_of(picture) | {
        "part": f" · steps {first + 1:,} to {last:,} of {len(order):,}" * (places != order),
        "end": axis.at(end),
        "team": trace.workers > 1,
        "timer": who(trace, TIMER),
        "chefs": chefs,
        "lanes": [_lane(axis, x, first_taken[x.id], last_taken[x.id]) for x in lanes],
        "steps": [
            [numbers[lane], *map(axis.at, step[:3]), chefs.index(step.thread), *by]
            for (lane, _), step, by in zip(places, steps, wakers, strict=True)
        ],
        "code": [*_code(trace)],
        "visits": [
            [[x.file, x.line, axis.at(x.time), [*x.changed.items()]] for x in visits[place]]
            for place in places
            if trace.visits
        ],
    }


def still_of(picture: Picture) -> Json:
    """What is seen of the whole run, as of a film that is not to be played: its timeline."""
    at, trace, row_of = picture.axis.at, picture.run, picture.row_of
    waits = [bar for bar in picture.bars if bar.span.state is not TaskState.RUNNING]
    found = picture.density
    levels = {_NUMBERS[x]: [round(y, 1) for y in of] for x, of in found.of.items()} if found else {}
    return {
        "title": picture.title,
        "about": picture.subtitle,
        "unit": picture.axis.short,
        "axis": picture.axis.axis,
        "to": at(picture.trace.duration),
        "byStep": picture.by_step,
        "rows": [[words.shorten(x.name, _LONGEST), x.depth, x.is_title] for x in picture.rows],
        "bars": [_bar(at, bar) for bar in (*waits, *picture.works, *picture.ticks, *picture.parts)],
        "ends": [[n, at(x.end), x.outcome, how_it_ended(trace, x)] for n, x in picture.ends],
        "events": [[at(x.time), row_of.get(x.task, -1), x.text] for x in picture.placed_events],
        "density": found and [at(found.width), levels],
        "states": [[x.colour, x.height, x.words, x.sign] for x in STATES.values()],
        "outcomes": {name: [look.colour, look.sign] for name, look in OUTCOMES.items()},
    }


def _bar(at: Any, bar: Bar) -> list[float]:
    """Its row, the number of its state, from when to when; and where it stands, if not there."""
    whole = [bar.row, _NUMBERS[bar.span.state], at(bar.span.start), at(bar.span.end)]
    return [*whole, bar.shift, bar.share, bar.below] if bar.shift or bar.share < 1 else whole


def _chefs(trace: Trace, lanes: list[Task]) -> list[str]:
    """Who is at work: one chef before the threads beside it; of a team, who is no worker last."""
    beside = {x.thread for lane in lanes if lane.kind is LaneKind.THREAD for x in lane.steps}
    late = beside if trace.workers == 1 else {"main"}
    chefs = {step.thread for lane in lanes for step in lane.steps}
    return sorted(chefs, key=lambda chef: (chef in late, chef))


def _lane(axis: TimeUnit, lane: Task, first: int, last: int) -> list[Any]:
    """Its name and end, and whether it had steps before these, or has some after them."""
    name = words.shorten(lane.name, _LONGEST)
    return [name, axis.at(lane.end), lane.outcome, first > 0, last + 1 < len(lane.steps)]


def _wakers(trace: Trace, places: Any, numbers: dict[int, int]) -> Iterator[list[Any]]:
    """Who made each step ready: a lane's number and the step in which it did, or a word."""
    index = {place: n for n, place in enumerate(places)}
    for at, (lane, n) in enumerate(places):
        step = trace.by_id[lane].steps[n]
        by: Any = step.woken_by
        if by not in numbers:
            yield [who(trace, by), None]
            continue
        asked = any(ask.by == by and ask.time == step.ready for ask in trace.by_id[lane].cancels)
        told = f"something, until {who(trace, by)} asks it to stop" if asked else numbers[by]
        begun = bisect_right(trace.by_id[by].steps, step.ready, key=attrgetter("start"))
        sooner = (index.get((by, k), at) for k in range(begun - 1, -1, -1))
        yield [told, next((k for k in sooner if k < at), None)]


def _code(trace: Trace) -> Iterator[list[Any]]:
    """Of each file its name, the number of the first line that is shown, and the lines."""
    for n, (name, text) in enumerate(trace.code):
        lines, seen = text.splitlines(), [visit.line for visit in trace.visits if visit.file == n]
        first = max(min(seen, default=1) - 1 - _AROUND, 0)
        yield [name, first + 1, lines[first : max(seen, default=1) + _AROUND]]


def page_of(trace: Trace) -> str:
    """A page that plays the film by itself, with nothing to load."""
    film = film_of(picture_of(trace, most=MOST_FILMED))
    packed = gzip.compress(json.dumps(film, separators=(",", ":")).encode(), mtime=0)
    page, player = (path.read_text(encoding="utf-8") for path in (_PAGE, PLAYER))
    parts = {"title": plain(film["title"]), "film": base64.b64encode(packed).decode()}
    return Template(page).substitute(parts, player=player)
