"""The text of a timeline: the same lanes and the same facts, for a page without pictures.

It is read on GitHub, in a terminal and by a screen reader: each state has a letter of its own.
Under the virtual clock it is the same to the byte on every machine.
"""

import itertools
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import replace

from helpers import text as words
from helpers.draw.picture import Counts, Picture, counts, rows_of, slowest
from helpers.draw.theme import STATES, TICK_LETTER, TimeUnit
from helpers.draw.title import how_it_ended, who
from helpers.trace import LaneKind, Task, TaskState, Trace

_MOST_EVENTS = 20
_MOST_FINDINGS = 12
_NAME, _ENDING, _LONGEST = 24, 160, 4000
_TRACE = 1e-6  # of a cell: a smaller share is what is left of a rounded number


def text_of(picture: Picture, width: int = 78) -> str:
    """A picture as text: its message, a bar a lane, a table of numbers, marks and findings.

    Lines have `width` characters. Of many lanes that nobody chose, the slowest are told.
    """
    crowd = not picture.chosen and len(picture.run.lanes) > 30
    if crowd and not picture.density:
        picture = replace(picture, rows=rows_of(picture.trace, slowest(picture.run)))
    parts = [
        textwrap.wrap(picture.title, width) + textwrap.wrap(picture.subtitle, width),
        _tenths(picture) if crowd else [],
        bars(picture, width),
        _table(picture, width),
        [] if crowd else wrapped(_lives(picture), width),
        wrapped(_events(picture), width),
        wrapped(findings(picture.run, _MOST_FINDINGS), width, indent="  "),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _tenths(picture: Picture) -> list[str]:
    """How many lanes are in each state in ten parts of the run, and the totals."""
    unit, found = picture.unit, counts(picture.run, 10)
    rows = [["from", *STATES, "polls"]]
    for n, (*levels, polls) in enumerate(zip(*found.of.values(), found.polls, strict=True)):
        told = [words.number(level, 1) for level in levels]
        rows.append([unit.moment(n * found.width), *told, words.number(polls)])
    totals = [unit.long(sum(levels) * found.width) for levels in found.of.values()]
    rows.append(["sum", *totals, words.number(sum(found.polls))])
    lanes = words.plural(len(picture.run.lanes), "lane")
    head = f"{lanes}, on average in each tenth of the run ({unit.axis}):"
    return [head, *words.table(rows, ">>>>>"), "", "The slowest lanes:"]


def bars(picture: Picture, width: int) -> list[str]:
    """A line a row, the axis, and what the letters mean."""
    trace, rows = picture.trace, picture.rows
    names = ["  " * row.depth + words.shorten(row.name, _NAME) for row in rows]
    wide = [words.cells(name) for name, row in zip(names, rows, strict=True) if not row.is_title]
    if not wide:
        return []
    name_width = min(max(wide), _NAME)
    ends = {row: str(lane.outcome) for row, lane in picture.ends}
    columns = max(10, width - name_width - 3 - max(map(len, ends.values()), default=0))
    lines = []
    for n, row in enumerate(rows):
        bar = f"{row.name}:"
        if not row.is_title:
            life = letters(counts(trace, columns, row, waits=not picture.by_step)).rstrip()
            bar = f"{words.fit(names[n], name_width)}  {life} {ends.get(n, '')}"
        lines.append(bar.rstrip())
    left = " " * (name_width + 2)
    lines += [left + _axis(trace, picture.axis, columns), left + picture.axis.axis]
    states = list(STATES.values())[: 1 if picture.by_step else None]  # or nobody waits
    signs = [*(f"{look.letter} {look.words}" for look in states), f"{TICK_LETTER} a step begins"]
    return lines + wrapped(["   ".join(signs)], width, indent="")


def letters(found: Counts) -> str:
    """The bar of a row: of each cell the state of the most time, a tick where a step begins.

    A tick is seen where the step is short, or right behind another.
    """
    bar, before = "", 0.0
    for polls, running, *waiting in zip(found.polls, *found.of.values(), strict=True):
        share, state = max(zip((running, *waiting), found.of, strict=True))
        tick = polls and (running <= 0.5 or (polls <= 2 and before > 0.5))
        bar += TICK_LETTER if tick else STATES[state].letter if share > _TRACE else " "
        before = running
    return bar


def _axis(trace: Trace, unit: TimeUnit, columns: int) -> str:
    if not trace.duration:
        return "0"
    end = trace.duration * unit.factor
    sizes = (k * 10.0**n for n in range(-9, 12) for k in (1, 2, 5))
    step = next(size for size in sizes if end / size <= columns / 9)
    line = ""
    for n in range(int(end / step + 1e-9) + 1):
        at = min(round(n * step / end * columns), columns - 1)
        line = line.ljust(at)[:at] + words.number(n * step, 9)
    return line


def _lanes(picture: Picture) -> list[tuple[Task, str]]:
    """The lanes with the times of the run, and how each ended."""
    lanes = [picture.run.by_id[lane.id] for _, lane in picture.lanes]
    ends = (how_it_ended(picture.run, lane, whole=True) for lane in lanes)
    return [(lane, words.shorten(end, _ENDING)) for lane, end in zip(lanes, ends, strict=True)]


def _table(picture: Picture, width: int) -> list[str]:
    moment = picture.unit.moment
    rows = [["", "polls", "running", "scheduled", "idle", "ended at"]]
    for lane, how in _lanes(picture):
        idle = "-" if lane.kind is LaneKind.CALLBACK else moment(lane.idle)
        spent = [str(lane.polls), moment(lane.busy), moment(lane.scheduled), idle]
        rows.append([words.shorten(lane.name, _NAME), *spent, f"{moment(lane.end)} {how}"])
    return words.table(rows, "<>>>><", width) if len(rows) > 1 else []


def _lives(picture: Picture) -> Iterator[str]:
    """Every span of every lane, and who woke it; in a run small enough to be told."""
    if picture.crowded or len(picture.bars) > 60:
        return
    for lane, how in _lanes(picture):
        groups = [(one, len(list(same))) for one, same in itertools.groupby(_life(picture, lane))]
        phrases = [one if count == 1 else f"{one} ({count} times)" for one, count in groups]
        end = f"{how} at {picture.unit.moment(lane.end)}"
        yield f"{lane.name}: {', '.join([*phrases, end])}"


def _life(picture: Picture, lane: Task) -> Iterator[str]:
    """A phrase for each step and what led to it, and one for what was waited for in vain."""
    said: list[str] = []
    for span in lane.spans:
        if span.state is not TaskState.IDLE and span.woken_by is not None:
            said.append(f"woken by {who(picture.run, span.woken_by)}")
        start, end = picture.unit.moment(span.start), picture.unit.moment(span.end)
        if span.state is not TaskState.RUNNING:
            said.append(f"{span.state} {start} to {end}")
            continue
        step = f"a step at {start}" if start == end else f"running {start} to {end}"
        said.append(f"{step} on {span.thread}" if len(picture.trace.threads()) > 1 else step)
        yield ", ".join(dict.fromkeys(said))  # who woke it is said once
        said = []
    if said:
        yield ", ".join(said)


def _events(picture: Picture) -> Iterator[str]:
    """What the program marked, and who was asked to stop."""
    for event in picture.events[:_MOST_EVENTS]:
        name = "" if event.task is None else f" {picture.run.name_of(event.task)}"
        yield f"at {picture.unit.moment(event.time)}{name}: {event.text}"
    if more := len(picture.events[_MOST_EVENTS:]):
        yield f"and {words.plural(more, 'event')} more"


def findings(trace: Trace, most: int) -> list[str]:
    """The first findings of a run, and how many more there are."""
    lines = ["Findings:"] if trace.findings else []
    lines += [f"- {finding}" for finding in trace.findings[:most]]
    if more := len(trace.findings[most:]):
        lines.append(f"- and {more} more.")
    return lines


def wrapped(lines: Iterable[str], width: int, indent: str = "    ") -> list[str]:
    """Lines of at most `width` characters; what a line goes on in is indented."""
    wrap = textwrap.TextWrapper(width, subsequent_indent=indent, break_on_hyphens=False).wrap
    short = (one if len(one) <= _LONGEST else words.shorten(one, _LONGEST) for one in lines)
    return [part for line in short for part in wrap(line)]
