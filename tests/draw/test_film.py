"""The film of a run: what `film.js` says of the kitchen, under node, is what the trace says."""

from __future__ import annotations

import asyncio
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from helpers import busy, load_recording, record, replay
from helpers.draw.film import MOST, film_of, page_of
from helpers.draw.picture import picture_of
from helpers.model import simulate
from helpers.trace import Outcome, TaskState, Trace
from tests.draw.pictured import (
    UNUSUAL,
    Program,
    crowd,
    in_node,
    kitchen,
    lane,
    programs,
    recorded,
    run,
)

# Reads a film, plays each of its frames, and prints what is where: names, not numbers.
SCRIPT = """
import { framesOf, kitchenAt, linesAt, say, screenSeconds } from "./film.mjs";
import { readFileSync } from "node:fs";
const films = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(films.map(film => {
  const frames = framesOf(film), name = ({ lane }) => film.lanes[lane][0];
  const seconds = screenSeconds(film, frames);
  return frames.map((frame, n) => {
    const now = (frame.from + frame.to) / 2, found = kitchenAt(film, frame, now);
    const boards = found.boards ?? [];
    return { ...frame, now, seconds: seconds[n], words: say(film, frame),
      hands: found.hands.map(name), rail: found.rail.map(name),
      pockets: boards.map(x => x.pocket ? [name(x.pocket)] : []).flat(),
      boards: boards.map(x => x.board.map(name)), ended: found.ended.map(name),
      ovens: found.ovens.map(x => [name(x), x.left]),
      lines: [...linesAt(film, frame)].map(([lane, [, line]]) => [film.lanes[lane][0], line]),
      waits: found.waits.map(x => [name(x), film.lanes[x.by]?.[0] ?? x.by]) };
  });
})));
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("film")


def played(folder: Path, *traces: Trace, **options: Any) -> list[list[dict[str, Any]]]:
    """The frames of each film, as the player has them."""
    films = [film_of(picture_of(trace), **options) for trace in traces]
    frames: list[list[dict[str, Any]]] = in_node(folder, SCRIPT, films)
    return frames


async def cook(hands: float, oven: float) -> float:
    busy(hands)
    await asyncio.sleep(oven)
    busy(1)
    return hands + oven


async def dinner() -> float:
    menu = {"roast": (2, 6), "soup": (2, 3), "salad": (1, 1)}
    stubs = [asyncio.create_task(cook(*times), name=name) for name, times in menu.items()]
    total = 0.0
    for stub in stubs:
        total += await stub
    return total


def test_a_dinner_is_played_card_by_card(folder: Path) -> None:
    [frames] = played(folder, recorded(dinner(), unit="minutes"))
    assert [(frame["from"], frame["hands"]) for frame in frames] == [
        (0, ["dinner"]), (0, ["dinner"]), (0, ["roast"]), (2, ["soup"]), (4, ["salad"]),
        (5, []), (6, ["salad"]), (7, ["soup"]), (8, ["roast"]), (9, ["dinner"]), (9, []),
    ]  # fmt: skip
    assert [frame["rail"] for frame in frames[:3]] == [
        [], ["roast", "soup", "salad"], ["soup", "salad"]
    ]  # fmt: skip
    assert frames[5]["ovens"] == [["salad", 0.5], ["soup", 1.5], ["roast", 2.5]]  # at 5.5
    assert frames[5]["waits"] == [["dinner", "roast"]]
    assert frames[-1]["ended"] == ["dinner", "roast", "soup", "salad"]
    assert frames[1]["words"] == "At 0 min: dinner is in hand; ready: roast, soup, salad."
    assert frames[2]["words"] == (
        "At 0 min: roast is in hand; ready: soup, salad; dinner waits until roast wakes it."
    )
    assert frames[-1]["words"] == "At 9 min: it is over."


def test_with_lines_each_line_has_a_frame(folder: Path) -> None:
    trace = recorded(dinner(), lines=True)
    [frames] = played(folder, trace)
    lines = [(f["hands"], f["line"]) for f in frames if f["line"] >= 0]
    assert len(lines) == len(trace.visits)
    texts = trace.code[0][1].splitlines()
    first = next(visit for visit in trace.visits if visit.lane == 1)
    assert texts[first.line - 1].strip() == "busy(hands)"
    assert first.changed == {"hands": "2", "oven": "6"}
    assert "roast is in hand, at line" in frames[lines.index((["roast"], 0))]["words"]
    last = max(n for n, frame in enumerate(frames) if frame["step"] == 0)
    assert [frame["rail"] for frame in (frames[0], frames[last])] == [
        [], ["roast", "soup", "salad"]
    ]  # fmt: skip


@settings(deadline=None, max_examples=15)
@given(programs())
def test_the_kitchen_is_what_the_spans_say(folder: Path, program: Program) -> None:
    trace = recorded(kitchen(program))
    unit = film_of(picture_of(trace))
    factor = 1.0 if unit["unit"] != "ms" else 1e3
    for frame in played(folder, trace)[0]:
        if frame["to"] <= frame["from"] or unit["byStep"]:
            continue
        now = frame["now"] / factor
        of = {
            span.task: span.state
            for one in trace.lanes
            for span in one.spans
            if span.start < now < span.end and one.steps
        }
        seen = {
            TaskState.RUNNING: frame["hands"],
            TaskState.SCHEDULED: frame["rail"],
            TaskState.IDLE: [name for name, _ in frame["ovens"] + frame["waits"]],
        }
        for state, names in seen.items():
            meant = [trace.by_id[n].name for n, is_in in of.items() if is_in is state]
            assert sorted(names) == sorted(meant), (now, state)


def test_cards_of_one_moment_stand_on_the_rail_in_the_order_in_which_they_are_taken(
    folder: Path,
) -> None:
    async def pair() -> None:
        await asyncio.gather(*(asyncio.sleep(1) for _ in range(3)))

    [frames] = played(folder, recorded(pair()))
    woken = [frame for frame in frames if frame["from"] == 1 and frame["hands"]]
    assert [(frame["hands"], frame["rail"]) for frame in woken] == [
        (["sleep 1"], ["sleep 2", "sleep 3"]),
        (["sleep 2"], ["sleep 3"]),
        (["sleep 3"], []),
        (["pair"], []),
    ]


def test_who_writes_cards_is_seen_with_them_on_the_rail(folder: Path) -> None:
    trace = run(
        lane(0, "main", (0, 0, 5), (9, 9, 9, 2), over=9),
        lane(1, "egg", (1, 6, 7, 0), parent=0),
        lane(2, "tea", (3, 7, 9, 0), parent=0),
    )
    [frames] = played(folder, trace)
    seen = [(frame["from"], frame["words"].partition(": ")[2]) for frame in frames[:4]]
    assert seen == [
        (0, "main is in hand."),
        (3, "main is in hand; ready: egg, tea."),
        (5, "nobody is in hand yet; ready: egg, tea; main waits until tea wakes it."),
        (6, "egg is in hand; ready: tea; main waits until tea wakes it."),
    ]
    one, two = (lane(n, f"egg {n}", (0, 0, 1), (3, 3, 4), over=4) for n in (0, 1))
    alone, team = played(folder, run(one), run(one, two, workers=2))
    assert "the chef is free; in the oven: egg 0" in alone[1]["words"]
    assert any("all chefs are free; in the oven: egg 0, egg 1" in x["words"] for x in team)


def test_where_no_time_passes_all_that_were_written_are_on_the_rail(folder: Path) -> None:
    async def one() -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(*(asyncio.create_task(one(), name=name) for name in "abc"))

    plain, lined = played(folder, recorded(main()), recorded(main(), lines=True))
    assert [(frame["hands"], frame["rail"]) for frame in plain[:5]] == [
        (["main"], []),
        (["main"], ["a", "b", "c"]),
        (["a"], ["b", "c"]),
        (["b"], ["c", "a"]),
        (["c"], ["a", "b"]),
    ]
    assert (["main"], ["a", "b", "c"]) in [(frame["hands"], frame["rail"]) for frame in lined]
    for frames in (plain, lined):
        assert all(one["from"] <= one["to"] <= two["from"] for one, two in pairwise(frames))
        assert all(len(frame["hands"]) <= 1 for frame in frames)


def test_who_waits_for_a_thread_is_not_ready_though_no_time_passes(folder: Path) -> None:
    async def helped() -> None:
        await asyncio.to_thread(int)

    async def main() -> None:
        task = asyncio.create_task(helped(), name="helped")
        for _ in range(4):
            await asyncio.sleep(0)
        await task

    [frames] = played(folder, recorded(main()))
    begun, *_, again = [n for n, frame in enumerate(frames) if frame["hands"] == ["helped"]]
    meanwhile = [frame for frame in frames[begun:again] if frame["hands"] == ["main"]]
    assert len(meanwhile) >= 3
    for frame in meanwhile:
        assert (frame["rail"], frame["waits"]) == ([], [["helped", "int"]])


def test_lines_beside_a_thread_are_played_in_the_order_of_time(folder: Path) -> None:
    async def main() -> None:
        job = asyncio.get_running_loop().run_in_executor(None, busy, 3)
        busy(1)
        busy(1)
        await job

    [frames] = played(folder, recorded(main(), lines=True))
    assert all(one["to"] == two["from"] for one, two in pairwise(frames))
    lines = [
        (frame["from"], frame["to"], frame["line"]) for frame in frames if not frame.get("over")
    ]
    assert lines == [(0, 0, 0), (0, 0, 1), (0, 1, 1), (1, 2, 2), (2, 3, 3), (3, 3, 0)]
    first = frames[0]["lines"][0][1]
    seen = [line - first for frame in frames for name, line in frame["lines"] if name == "main"]
    assert seen == [0, 1, 1, 2, 3, 3, 3], "the code shows where main is, and not where it will be"
    [third] = [frame for frame in frames if frame["from"] == 1]
    assert third["hands"] == ["main", "busy"]
    assert re.match(
        r"At 1 s: main is in hand of chef, at line \d+; busy is in hand of helper 1\.",
        third["words"],
    )


def test_who_never_waits_is_not_seen_to_wait(folder: Path) -> None:
    """An eager task, a branch: they are taken up in the step that made them ready."""
    trace = run(
        lane(0, "main", (0, 0, 5), (8, 8, 9)),
        lane(1, "eager", (2, 2, 4, 0), parent=0),
    )
    [frames] = played(folder, trace)
    assert [frame["rail"] for frame in frames] == [[]] * len(frames)
    assert not any(frame.get("made") for frame in frames)


def test_what_is_held_of_another_film_is_in_this_ones_unit(folder: Path) -> None:
    script = """import { inUnitOf } from "./film.mjs";
        import { readFileSync } from "node:fs";
        const other = JSON.parse(readFileSync(0, "utf8"));
        const there = ["s", "min", "ms"].map(unit => inUnitOf({ unit }, other) ?? null);
        console.log(JSON.stringify([...there, inUnitOf({ unit: "s" }) ?? null]));"""
    other = {"unit": "ms", "to": 900, "bars": [[0, 0, 100, 500, 1, 0.5, 0]]}
    there = {"unit": "s", "to": 0.9, "bars": [[0, 0, 0.1, 0.5, 1, 0.5, 0]]}
    assert in_node(folder, script, other) == [there, None, other, None]


def test_a_team_has_boards_and_pockets_and_a_door(folder: Path) -> None:
    nested = load_recording("nested", runtime="multi_thread", workers=2)
    model = simulate(chefs=2, tasks=4, work=0.01, spawner="main")
    frames, door = played(folder, nested, model)
    sous = next(frame for frame in frames if frame["hands"] == ["sous_chef"] and frame["boards"])
    assert not sous["rail"], "what the sous chef writes lies on her own board"
    boarded = [frame for frame in frames if any(frame["boards"]) and frame["pockets"]]
    assert boarded
    assert any(frame["rail"] and not any(frame["boards"]) for frame in door), "main stands outside"
    for frame in frames:
        assert len(frame["hands"]) <= 3
        boards = [name for board in frame["boards"] for name in board]
        everywhere = [*frame["hands"], *frame["rail"], *frame["pockets"], *boards]
        assert len(everywhere) == len(set(everywhere))


def test_the_one_chef_comes_before_the_threads_that_wait_beside_it() -> None:
    alone = load_recording("blocking_pool", runtime="current_thread")
    team = load_recording("blocking_pool", runtime="multi_thread", workers=2)
    threads = recorded(asyncio.to_thread(busy, 1))
    chefs = [film_of(picture_of(trace))["chefs"] for trace in (alone, team, threads)]
    pool = [f"blocking-{n}" for n in (1, 2, 3)]
    assert chefs == [["main", *pool], [*pool, "main"], ["chef", "helper 1"]]


def test_unusual_traces_have_a_film(folder: Path) -> None:
    at_once = recorded(asyncio.sleep(0))
    hung = run(lane(0, "egg", (0, 0, 1), over=3.0, outcome=Outcome.PENDING))
    films = played(folder, *UNUSUAL, at_once, hung)
    assert all(frames[-1]["over"] for frames in films)
    assert films[-1][-1]["waits"] == [["egg", None]]
    assert "egg waits for ever" in films[-1][-1]["words"]


def test_a_long_run_is_played_by_parts_and_a_film_lasts_no_age(folder: Path) -> None:
    async def many() -> None:
        for _ in range(2 * MOST):
            await asyncio.sleep(0.5)

    trace = recorded(many())
    whole = sum(lane.polls for lane in trace.lanes)
    parts = (0, MOST, "here this part ends"), (whole - 5, 5, "it is over")
    for first, count, words in parts:
        [frames] = played(folder, trace, first=first)
        assert words in frames[-1]["words"]
        assert len({frame["step"] for frame in frames}) == count
        assert sum(frame["seconds"] for frame in frames) < 400
    film = film_of(picture_of(trace), first=100)
    assert "steps 101 to 2,100 of 4,001" in film["part"]
    assert len(json.dumps(film)) < 200_000
    with pytest.raises(ValueError, match="first is a step from 0 to 4000, got 5000"):
        replay(trace, first=5000)


def test_the_page_is_small_and_no_name_breaks_out_of_it(tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script>"
    trace = run(lane(0, evil, (0, 0, 1)))
    text = page_of(trace)
    assert text.count("</script>") == 1
    assert evil not in text
    assert len(page_of(recorded(crowd(1200)))) < 100_000
    path = trace.save(tmp_path / "run.html")
    assert path.read_text(encoding="utf-8") == text
    assert len(page_of(recorded(dinner(), lines=True))) < 100_000


def test_a_film_is_a_widget_that_holds_all_it_shows_and_says_so_in_words() -> None:
    trace = recorded(dinner(), unit="minutes")
    film = replay(trace, title="Dinner")
    sent = json.loads(film.store.get_state()["film"])
    assert sent == film_of(picture_of(trace, title="Dinner", most=200))
    assert repr(film) == "The film of 8 steps (run this cell to play it): Dinner"
    film.close()


def test_record_is_as_quick_to_answer_with_lines_and_tells_the_same() -> None:
    plain = recorded(dinner(), unit="minutes")
    lined = asyncio.run(record(dinner(), unit="minutes", lines=True))
    assert str(plain) == str(lined)
    assert plain.visits == ()
    assert plain.code == ()


def test_who_is_asked_to_stop_waits_for_no_canceller(folder: Path) -> None:
    async def cancel() -> None:
        loser = asyncio.create_task(asyncio.sleep(9), name="loser")
        await asyncio.sleep(1)
        loser.cancel()
        await asyncio.wait([loser])

    [frames] = played(folder, recorded(cancel()))
    waits = [frame["waits"] for frame in frames if ["loser"] in [x[:1] for x in frame["waits"]]]
    assert waits
    assert all(["loser", "something, until cancel asks it to stop"] in one for one in waits)
