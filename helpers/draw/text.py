"""The text of a timeline: the same lanes and the same facts, for a page without pictures.

It is read on GitHub, in a terminal and by a screen reader: each state has a letter of its own.
Under the virtual clock it is the same to the byte on every machine.
"""

import itertools
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

from helpers import text as words
from helpers.draw.picture import Counts, Picture, counts, rows_of, slowest, spans
from helpers.draw.theme import STATES, TICK_LETTER, TimeUnit
from helpers.draw.title import how_it_ended, who
from helpers.trace import LaneKind, Span, Task, TaskState, Trace

_MOST_LANES = 30  # of more, the slowest are told
_MOST_SPANS = 60  # in a run of so many spans, every one is told
_MOST_EVENTS = 20
_MOST_FINDINGS = 12
_NAME, _ENDING, _LONGEST = 24, 160, 4000
_TENTHS = 10
_RUNNING = STATES[TaskState.RUNNING].letter


def text_of(picture: Picture, width: int = 78) -> str:
    """A picture as text: its message, a bar a lane, a table of numbers, marks and findings.

    Lines have `width` characters. Of many lanes that nobody chose, the slowest are told.
    """
    crowd = not picture.chosen and len(picture.run.lanes) > _MOST_LANES
    if crowd and not picture.dense:
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
    unit, found = picture.unit, counts(picture.run, _TENTHS)
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
    ends = {end.row: str(end.lane.outcome) for end in picture.ends}
    columns = max(10, width - name_width - 3 - max(map(len, ends.values()), default=0))
    shown: dict[int, list[Span]] = defaultdict(list)
    for number, span, *_ in picture.bars:
        shown[number].append(span)
    for number, step, *_ in picture.works:
        shown[number].append(Span(-1, TaskState.RUNNING, step.start, step.end, None))
    lines, per_second = [], columns / trace.duration if trace.duration else 0
    for n, row in enumerate(rows):
        many = n in picture.crowded
        bar = _most(picture.counts(columns, row)) if many else paint(shown[n], per_second, columns)
        line = f"{words.fit(names[n], name_width)}  {bar.rstrip()} {ends.get(n, '')}".rstrip()
        lines.append(f"{row.name}:" if row.is_title else line)
    left = " " * (name_width + 2)
    lines += [left + _axis(trace, picture.axis, columns), left + picture.axis.axis]
    signs = [f"{look.letter} {look.words}" for look in STATES.values()]
    signs.append(f"{TICK_LETTER} a step of no time, or right behind another")
    if picture.by_step:  # nobody waits where no time passes
        signs = [signs[0], f"{TICK_LETTER} a step begins"]
    return lines + wrapped(["   ".join(signs)], width, indent="")


def _most(found: Counts) -> str:
    """The bar of a row of many steps: the state of the most time, a tick where a step is short."""
    cells = []
    for polls, running, *waiting in zip(found.polls, *found.of.values(), strict=True):
        share, state = max(zip((running, *waiting), found.of, strict=True))
        short = polls and running <= 0.5
        cells.append(TICK_LETTER if short else STATES[state].letter if share > 0 else " ")
    return "".join(cells)


def paint(shown: Iterable[Span], per_second: float, columns: int) -> str:
    """The bar of one lane. A poll is seen wherever it falls, a step without width as a tick.

    A tick also parts a step from the one right before it.
    """
    cells = [" "] * columns
    best = [0.0] * columns
    before = -1.0  # the end of the last step
    for span in shown:
        running = span.state is TaskState.RUNNING
        first, last = round(span.start * per_second, 6), round(span.end * per_second, 6)
        start = min(int(first), columns - 1)
        end = min(max(-int(-last // 1), start + running), columns)  # a poll has a cell at least
        tick = span.start == before or (span.start == span.end and cells[start] != _RUNNING)
        for cell in range(start, end):
            share = float("inf") if running else min(last, cell + 1) - max(first, cell)
            if share > best[cell] or running:
                best[cell], cells[cell] = share, STATES[span.state].letter
        if running:
            cells[start] = TICK_LETTER if tick else _RUNNING
            before = span.end
    return "".join(cells)


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


def _lives(picture: Picture) -> list[str]:
    """Every span of every lane, and who woke it; in a run small enough to be told."""
    if picture.crowded or len(picture.bars) > _MOST_SPANS:
        return []
    lines = []
    for lane, how in _lanes(picture):
        groups = [(one, len(list(same))) for one, same in itertools.groupby(_life(picture, lane))]
        phrases = [one if count == 1 else f"{one} ({count} times)" for one, count in groups]
        end = f"{how} at {picture.unit.moment(lane.end)}"
        lines.append(f"{lane.name}: {', '.join([*phrases, end])}")
    return lines


def _life(picture: Picture, lane: Task) -> Iterator[str]:
    """A phrase for each step and what led to it, and one for what was waited for in vain."""
    said: list[str] = []
    for span, by in spans(lane):
        if span.state is not TaskState.IDLE and by is not None:
            said.append(f"woken by {who(picture.run, by)}")
        start, end = picture.unit.moment(span.start), picture.unit.moment(span.end)
        if span.state is not TaskState.RUNNING:
            said.append(f"{span.state} {start} to {end}")
            continue
        step = f"a step at {start}" if start == end else f"running {start} to {end}"
        said.append(f"{step} on {span.thread}" if len(picture.polls) > 1 else step)
        yield ", ".join(dict.fromkeys(said))  # who woke it is said once
        said = []
    if said:
        yield ", ".join(said)


def _events(picture: Picture) -> list[str]:
    """What the program marked, and who was asked to stop."""
    lines = []
    for event in picture.events[:_MOST_EVENTS]:
        name = f" {picture.rows[event.row].name}" if event.row is not None else ""
        lines.append(f"at {picture.unit.moment(event.time)}{name}: {event.text}")
    if more := len(picture.events[_MOST_EVENTS:]):
        lines.append(f"and {words.plural(more, 'event')} more")
    return lines


def findings(trace: Trace, most: int) -> list[str]:
    """The first findings of a run, and how many more there are."""
    lines = ["Findings:"] if trace.findings else []
    lines += [f"- {finding}" for finding in trace.findings[:most]]
    if more := len(trace.findings[most:]):
        lines.append(f"- and {more} more.")
    return lines


def wrapped(lines: Iterable[str], width: int, indent: str = "    ") -> list[str]:
    """Lines of at most `width` characters; what a line goes on in is indented."""
    short = (one if len(one) <= _LONGEST else words.shorten(one, _LONGEST) for one in lines)
    return [
        part
        for line in short
        for part in textwrap.wrap(line, width, subsequent_indent=indent, break_on_hyphens=False)
    ]
