"""The instructor's notes: short, of several kinds, and what they say of a changed cell is so."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import io
import re
from dataclasses import dataclass
from typing import Any

import jupytext
import pytest

from helpers.model import simulate
from helpers.predictions import Prediction
from tests.lessons.source import DEFINITIONS, LESSONS

KINDS = ("Ask", "Demo", "Draw", "Break it", "They will say", "Time", "Cut", "Check")
# How a note words a change of the code above it, and what is then seen.
CHANGES = re.compile(
    r"[Cc]hange `(?P<old>[^`]+)` to `(?P<new>[^`]+)`"
    r"|[Pp]ut `(?P<line>[^`]+)` (?P<where>before|behind) `(?P<place>[^`]+)`"
    r"|[Dd]elete `(?P<gone>[^`]+)`"
)
SEEN = re.compile(r"((?:still |no longer )?prints) (`[^`]+`(?: and `[^`]+`)*)")
# Whether it is printed before, and after the change.
HOW = {"prints": (False, True), "still prints": (True, True), "no longer prints": (True, False)}


@dataclass(frozen=True)
class Note:
    """A note, and the code cells of its lesson that stand before it."""

    lesson: str
    text: str
    code: tuple[str, ...]

    @property
    def kind(self) -> str:
        return self.text.partition(".**")[0].removeprefix("**")


def notes_of(lesson: str) -> list[Note]:
    (path,) = LESSONS.glob(f"{lesson}_*.py")
    notes: list[Note] = []
    code: list[str] = []
    for cell in jupytext.read(path, fmt="py:percent").cells:
        if "notes" in cell.metadata.get("tags", ()):
            notes.append(Note(lesson, re.sub(r"\s*\n\s*", " ", cell.source), tuple(code)))
        elif cell.cell_type == "code" and not cell.source.startswith("predict("):
            code.append(cell.source)
    return notes


NUMBERS = sorted(path.stem[:2] for path in LESSONS.glob("*.py"))
BREAKS = [note for each in NUMBERS for note in notes_of(each) if note.kind == "Break it"]


def change(code: tuple[str, ...], found: re.Match[str]) -> list[str]:
    """The cells with the change, in the last of them that holds its text."""
    cells, old = list(code), found["old"] or found["place"] or found["gone"]
    holding = [n for n, cell in enumerate(cells) if old in cell]
    assert holding, f"no cell before this note holds {old!r}"
    cell = cells[holding[-1]]
    assert cell.count(old) == 1, f"{old!r} stands {cell.count(old)} times in:\n{cell}"
    if found["old"]:
        cell = cell.replace(old, found["new"])
    else:
        indent, line = re.findall(rf"(?m)^( *)(.*{re.escape(old)}.*)", cell)[0]
        lines = {"before": [found["line"], line], "behind": [line, found["line"]], None: []}
        whole = "".join(f"{indent}{one}\n" for one in lines[found["where"]])
        cell = f"{cell}\n".replace(f"{indent}{line}\n", whole)
    cells[holding[-1]] = cell
    return cells


def execute(cell: str, names: dict[str, Any]) -> None:
    """Run a cell as a notebook does; its questions get no answer."""
    code = compile(cell, "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    if coroutine := eval(code, names):
        asyncio.run(coroutine)
    for asked in names.values():
        if isinstance(asked, Prediction):
            vars(asked)["answer"] = lambda _: None


def printed(cells: list[str]) -> str:
    """What the last of the cells prints, with what it ends in if it fails.

    Of the others come their definitions, and what else they assign if the last one needs it.
    """
    names: dict[str, Any] = {}
    *before, last = cells
    for cell in before:
        kept: list[ast.stmt] = [
            node for node in ast.parse(cell).body if isinstance(node, DEFINITIONS)
        ]
        exec(compile(ast.Module(kept, []), "cell", "exec", dont_inherit=True), names)
    while True:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            try:
                execute(last, names)
            except NameError as error:
                assigns = re.compile(rf"(?m)^(?:\w+, |\*)*{error.name}(?:, \w+)* = ")
                execute([cell for cell in before if assigns.search(cell)][-1], names)
                continue
            except Exception as error:
                print(f"{type(error).__name__}: {error}")
        return out.getvalue()


@pytest.mark.parametrize("number", NUMBERS)
def test_a_lesson_has_at_least_six_short_notes_of_at_least_four_kinds(number: str) -> None:
    notes = notes_of(number)
    assert len(notes) >= 6
    assert len({note.kind for note in notes}) >= 4
    assert [note.text for note in notes if note.kind not in KINDS] == []
    assert [note.text for note in notes if len(note.text.split()) > 110] == []
    assert sum(note.kind == "Break it" for note in notes) >= 2


@pytest.mark.parametrize("note", BREAKS, ids=lambda note: f"{note.lesson}: {note.text[14:60]}")
def test_what_a_note_says_of_a_changed_cell_is_so(note: Note) -> None:
    changes, before = [*CHANGES.finditer(note.text)], printed(list(note.code))
    assert changes, f"it changes nothing: {note.text}"
    ends = [*(found.start() for found in changes[1:]), len(note.text)]
    for found, end in zip(changes, ends, strict=True):  # each by itself
        seen = SEEN.findall(note.text[found.end() : end])
        assert seen, f"it says nothing that is printed: {found[0]}"
        after = printed(change(note.code, found))
        for how, quotes in seen:
            for quote in re.findall("`(.*?)`", quotes):
                is_in = quote in before, quote in after
                assert is_in == HOW[how], f"{quote!r}\n{before}---\n{after}"


def test_stealing_and_more_chefs_change_nothing_where_the_note_says_so() -> None:
    (note,) = (note.text for note in notes_of("07") if "Stealing changes nothing" in note.text)
    assert "one chef, or two chefs and five cards from main without an await" in note
    for chefs, cards in ((1, 8), (2, 5)):
        took = {
            simulate(chefs=chefs, tasks=cards, work=4, stealing=s).duration for s in (True, False)
        }
        assert len(took) == 1
    assert "two cards; or eight that a card writes, with nobody who steals" in note
    jobs: list[dict[str, Any]] = [{"tasks": 2}, {"tasks": 8, "spawner": "task", "stealing": False}]
    for job in jobs:
        assert len({simulate(chefs=chefs, work=4, **job).duration for chefs in (2, 8)}) == 1
