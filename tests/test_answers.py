"""What the answers to each lesson's "Try it" say is what the programs that they are about do."""

from __future__ import annotations

import ast
import asyncio
import re
import tracemalloc
from collections.abc import Callable, Coroutine
from itertools import count, permutations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from helpers import Trace, busy, record
from helpers.costs import WAIT, measure_all

LESSONS = Path(__file__).resolve().parents[1] / "lessons"
DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom


def lesson(number: str) -> str:
    """The source of a lesson."""
    (path,) = LESSONS.glob(f"{number}_*.py")
    return path.read_text(encoding="utf-8")


def answer(number: str, task: int) -> str:
    """The answer to one "Try it" of a lesson, on one line and without markup."""
    section = lesson(number).split("# ## Try it\n")[1].split("# ## What to take away")[0]
    last_three = re.split(r"(?m)^# \d\. ", section)[-3:]  # a list of answers follows its questions
    text = last_three[task - 1].split("</summary>")[-1].split("</details>")[0]
    return " ".join(re.sub(r"(?m)^#|</?(?:code|em)>|`", "", text).split())


def program(number: str, section: int, *edits: tuple[str, str]) -> SimpleNamespace:
    """What a lesson defines up to the end of a section, with each old text replaced by its new."""
    parts = re.split(r"(?m)^(?=# ## )", lesson(number))
    end = next(n for n, part in enumerate(parts) if part.startswith(f"# ## {section}. "))
    source = "".join(parts[: end + 1])
    for old, new in edits:
        assert source.count(old) == 1, f"lesson {number} has {source.count(old)} times {old!r}"
        source = source.replace(old, new)
    cells = compile(
        source, number, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True
    )
    defined = [node for node in cells.body if isinstance(node, DEFINITIONS) or is_constant(node)]
    names: dict[str, Any] = {}
    exec(compile(ast.Module(defined, []), number, "exec", dont_inherit=True), names)
    return SimpleNamespace(**names)


def is_constant(node: ast.stmt) -> bool:
    """Whether a statement gives a value to one name in capitals."""
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).isupper()


def run(main: Coroutine[Any, Any, Any]) -> Trace:
    """Record a program on the virtual clock, in minutes."""
    return asyncio.run(record(main, unit="minutes"))


def test_00_a_roast_that_is_first_makes_the_soup_wait_twice() -> None:
    soup, roast = (
        f'        asyncio.create_task({dish}(), name="{dish}"),\n' for dish in ("soup", "roast")
    )
    trace = run(program("00", 3, (soup + roast, roast + soup)).cook_dinner())
    first, second = trace.task("soup").steps
    said = answer("00", 1)
    assert f"The soup, for {first.start - first.ready:g} minutes" in said
    assert f"minute {second.ready:g}, while the roast is being carved, so it waits for one" in said
    assert second.start - second.ready == 1
    before = run(program("00", 3).cook_dinner())
    assert f"minute {trace.duration:g} instead of {before.duration:g}." in said


def test_00_a_stare_with_one_pause_is_as_long_for_the_soup_as_one_without() -> None:
    stare = "busy(6)  # was: await asyncio.sleep(6)"

    def served(*pieces: float, pause: float = 0) -> Trace:
        steps = f"\n    await asyncio.sleep({pause})\n    ".join(f"busy({n})" for n in pieces)
        return run(program("00", 3, (stare, steps)).cook_badly())

    halves, sixths, longer = served(3, 3), served(*[1] * 6), served(3, 3, pause=0.5)
    said = answer("00", 2)
    soup, roast = halves.task("soup"), halves.task("roast")
    assert soup.ended == served(6).task("soup").ended
    assert f"minute {soup.ended:g}, as before" in said
    assert f"rings at minute {soup.steps[1].ready:g}, and" in said
    assert f"ends a step at minute {roast.steps[0].end:g};" in said
    assert roast.steps[1].start == roast.steps[0].end
    assert f"until minute {roast.ended:g}." in said
    rings, comes = sixths.task("soup").steps[1].ready, sixths.task("soup").steps[1].start
    pauses = [step for step in sixths.task("roast").steps if rings < step.end <= comes]
    assert (len(pauses), "it needs two such pauses" in said) == (2, True)
    minute = f"the soup is served at minute {sixths.task('soup').ended:g}:"
    assert f"Write six pieces of one minute, and {minute}" in said
    minute = f"the soup is served at minute {longer.task('soup').ended:g}."
    assert f"asyncio.sleep(0.5) for the sleep(0): now the roast really waits, and {minute}" in said


def test_01_the_chef_is_busy_all_the_time_from_one_guest_more_than_the_ovens_minutes() -> None:
    oven = "await asyncio.sleep(8)  # in the oven, and the chef is free"

    def enough(minutes: int) -> int:
        kitchen = program("01", 3, (oven, f"await asyncio.sleep({minutes})"))
        runs = ((guests, run(kitchen.a_card_each(guests))) for guests in count(1))
        return next(n for n, trace in runs if sum(t.busy for t in trace.tasks) == trace.duration)

    said = answer("01", 1)
    most = enough(28)
    assert f"From {most} on. The first dish is back after 1 + 28 minutes" in said
    assert f"has chopped for {most} guests" in said
    assert f"With the oven's 8 minutes it was 1 + 8 = {enough(8)}." in said


def test_01_a_pools_time_grows_with_its_jobs_and_its_team_does_not() -> None:
    for claim in ("team is fixed", "time grows with n / team", "weighs about as much"):
        assert claim in answer("01", 2)
    measured = measure_all((100, 1000), kinds=("thread_pool", "task"), repeats=1)
    few, _, many, tasks = asyncio.run(measured)
    assert few.threads == many.threads
    for pool in (few, many):
        assert pool.seconds is not None
        assert pool.threads is not None
        assert pool.seconds > pool.n / pool.threads * WAIT
    if many.bytes and tasks.bytes:  # None where the system does not tell
        assert many.bytes < 3 * tasks.bytes


def test_01_a_card_weighs_what_it_holds_while_it_waits() -> None:
    chop = "busy(1)  # chop\n    await asyncio.sleep(8)  # in the oven, and the chef is free"
    held = "held = [0] * 100_000\n    await asyncio.sleep(8)"
    kitchen = program("01", 2, (chop, held))

    async def hundred_cards() -> float:
        before, _ = tracemalloc.get_traced_memory()
        cards = [asyncio.create_task(kitchen.serve()) for _ in range(100)]
        await asyncio.sleep(4)
        assert not any(card.done() for card in cards)
        return (tracemalloc.get_traced_memory()[0] - before) / 1e6

    tracemalloc.start()
    try:
        grown = run(hundred_cards()).result
    finally:
        tracemalloc.stop()
    assert f"About {grown:.0f} MB: {grown / 100:.1f} MB each." in answer("01", 3)


def test_02_a_pause_before_the_work_lets_the_soup_begin_at_once() -> None:
    work = "    busy(3)  # main has its hands full"
    trace = run(program("02", 1, (work, f"    await asyncio.sleep(0)\n{work}")).main())
    soup, main, said = trace.task("soup"), trace.task("main"), answer("02", 1)
    chopped, filled = soup.steps
    assert f"chopped from {chopped.start:g} to {chopped.end:g}" in said
    assert f"main is late by {main.steps[1].start - main.steps[1].ready:g} minutes" in said
    assert f"on the stove from {chopped.end:g} to {filled.ready:g}, which is longer" in said
    assert filled.ready > main.steps[1].end
    before = run(program("02", 1).main())
    assert f"minute {trace.duration:g} and not {before.duration:g}." in said


def test_02_dinner_is_served_soonest_when_the_longest_wait_begins_first() -> None:
    line = 'MENU = {"roast": (2, 6), "soup": (2, 3), "salad": (1, 1)}'
    menu = program("02", 2).MENU
    served = {}
    for order in permutations(menu):
        dishes = {dish: menu[dish] for dish in order}
        trace = run(program("02", 2, (line, f"MENU = {dishes}")).dinner_spawned())
        served[order] = trace.duration, trace.task("roast").steps[0].start
    said, (soonest, *_, before, latest) = answer("02", 2), sorted(served, key=served.__getitem__)
    assert soonest == tuple(menu)
    assert f"as it stands: minute {served[soonest][0]:g}." in said
    assert before[-1] == latest[-1] == "roast"
    assert f"minute {served[latest][1]:g} and dinner" in said
    assert f"minute {served[latest][0]:g}." in said


def test_02_a_group_tells_of_a_failure_when_the_clean_up_of_the_others_is_done() -> None:
    waits = "    await asyncio.sleep(5)  # the pot is on the stove\n"
    tidies = """\
    try:
        await asyncio.sleep(5)
    except asyncio.CancelledError:
        busy(2)
        raise
"""
    trace = run(program("02", 9, (waits, tidies)).main())
    assert trace.result == "no dinner: burnt"
    assert f"minute {trace.duration:g}: the group waits" in answer("02", 3)


def late(trace: Trace) -> float:
    """By how much `stir` was late at worst."""
    return max(step.start - step.ready for step in trace.task("stir").steps)


def test_03_two_who_stare_make_the_first_stir_late_by_both() -> None:
    one = '(stir(), name="stir")\n    await asyncio.create_task(oven(), name="oven")'
    two = '(stir(10), name="stir")\n    await asyncio.gather(oven(), oven())'
    kitchen = program("03", 2, (one, two))
    stir = run(kitchen.kitchen(kitchen.stare)).task("stir")
    first = stir.steps[1]
    assert f"late by {first.start - first.ready:g} minutes: both steps" in answer("03", 1)


def test_03_three_coarse_pieces_are_as_bad_as_one() -> None:
    fine = 'range(6):\n        busy(1)\n        await asyncio.sleep(0)  # "anyone else?"'
    coarse = "range(3):\n        busy(2)\n        await asyncio.sleep(0)"
    kitchen = program("03", 4, (fine, coarse))
    trace = run(kitchen.bakery(kitchen.in_pieces))
    assert f"late by {late(trace):g} minutes: the bell rings" in answer("03", 2)
    assert f"minute {trace.task('stir').steps[1].ready:g}, in the middle" in answer("03", 2)
    assert late(trace) == late(run(kitchen.bakery(kitchen.in_one_go)))
    claim = "then come two more pieces. Three coarse pieces are as bad as one here."
    assert claim in answer("03", 2)


def test_03_forty_calls_share_the_helpers_of_the_pool() -> None:
    async def forty_calls() -> None:
        await asyncio.gather(*(asyncio.to_thread(busy, 1) for _ in range(40)))

    trace = run(forty_calls())
    begun = [lane.steps[0].start for lane in trace.lanes if lane.busy]
    assert trace.duration == 2
    assert f"has {begun.count(0)} helpers" in answer("03", 3)
    assert (begun.count(1), "The last eight wait" in answer("03", 3)) == (8, True)


@pytest.mark.parametrize("then", ["pass", "raise"])
def test_04_a_clean_up_may_have_a_deadline_of_its_own(then: str) -> None:
    cools = "        await asyncio.sleep(2)  # it must cool\n"
    hurries = f"""\
        try:
            async with asyncio.timeout(1):
                await asyncio.sleep(2)
        except TimeoutError as error:
            diary.append((minute(), error))
            {then}
"""
    kitchen = program("04", 3, (cools, hurries))

    async def guest() -> tuple[float, bool]:
        diary: list[Any] = []
        with pytest.raises(TimeoutError) as heard:
            async with asyncio.timeout(2):
                await kitchen.careful_soup(diary)
        minute, inner = diary[1]  # the first entry says that the soup was told to stop
        return minute, heard.value is inner

    minute, guest_gets_that_one = run(guest()).result
    assert f"The inner alarm rings in minute {minute:g}." in answer("04", 1)
    assert "must be caught in the finally, or the guest gets that one." in answer("04", 1)
    assert guest_gets_that_one == (then == "raise")


def test_04_a_pause_past_the_deadline_is_not_begun() -> None:
    stop = "if minute() + pause >= end: raise TimeoutError"
    assert stop in answer("04", 2)
    pause = "            await asyncio.sleep(2 ** (call - 1))"
    edits = (
        ("keep_trying():\n", "keep_trying(end):\n"),
        (pause, f"            pause = 2 ** (call - 1)\n            {stop}\n{pause}"),
    )
    before, after = program("04", 7), program("04", 7, *edits)
    assert "so that the bad news comes in minute 9 and not in 12." in lesson("04")
    for kitchen, trying, minute in ((before, (), 12), (after, (12,), 9)):
        trace = run(kitchen.within(12, kitchen.keep_trying(*trying)))
        assert (trace.result, trace.duration) == (("Err", "Elapsed"), minute)
    patient = run(after.within(20, after.keep_trying(20)))
    assert patient.result == run(before.within(20, before.keep_trying())).result


def test_04_who_awaits_the_same_card_loses_it_to_the_deadline_of_another() -> None:
    kitchen = program("04", 8)

    async def two_guests(wrap: Callable[[Any], Any]) -> tuple[str, float]:
        async def patient() -> tuple[str, float]:
            try:
                return await plain, kitchen.minute()
            except asyncio.CancelledError as error:
                return type(error).__name__, kitchen.minute()

        plain = asyncio.create_task(kitchen.roast())
        other = asyncio.create_task(patient())
        await kitchen.within(2, wrap(plain))
        return await other

    got, minute = run(two_guests(lambda card: card)).result
    assert (answer("04", 3).startswith(got), minute) == (True, 2)
    assert "What does it get in minute 2?" in lesson("04")
    got, minute = run(two_guests(asyncio.shield)).result
    assert f"in main it is served in minute {minute:g}." in answer("04", 3)
    assert got == "roast"
