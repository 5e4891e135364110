"""`select`: the first to finish wins; the others are cancelled and awaited, come what may."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.race import Loser, Winner, select
from helpers.run.clock import VirtualLoop

# Also turns "coroutine was never awaited" and "exception was never retrieved" into failures.
pytestmark = pytest.mark.filterwarnings("error")

# When each racer that has begun ended; None while it runs.
Diary = dict[str, float | None]


class RaceLoop(VirtualLoop):
    """A virtual loop that keeps what it is told of errors, and does something at a chosen turn."""

    def __init__(self) -> None:
        super().__init__()
        self.reports: list[dict[str, Any]] = []
        self.set_exception_handler(lambda _, context: self.reports.append(context))
        self.turn = 0
        self.at_turn: dict[int, Callable[[], object]] = {}

    def select(self, timeout: float | None) -> list[Any]:
        self.turn += 1
        if do := self.at_turn.get(self.turn):
            do()
        return super().select(timeout)


def play(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """What main returns, from a run on virtual time that left no task and nothing to report."""

    async def whole() -> Any:
        try:
            return await main()
        finally:
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, f"left running: {left}"

    with asyncio.Runner(loop_factory=RaceLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, RaceLoop)
        try:
            return runner.run(whole())
        finally:
            gc.collect(1)  # the young are enough: an exception nobody retrieved is reported now
            assert loop.reports == []


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass(frozen=True)
class Plan:
    """What a racer does: work, then return or fail; when cancelled, refuse or clean up."""

    seconds: int = 1
    fails: bool = False
    refuses: int = 0  # so many cancels
    cleanup: int = 0  # seconds
    spills: bool = False  # the clean-up raises
    handle: bool = False  # handed in as a Task


async def follow(plan: Plan, name: str, diary: Diary) -> str:
    diary[name] = None
    refuses, end = plan.refuses, now() + plan.seconds
    try:
        while True:
            try:
                await asyncio.sleep(end - now())
                break
            except asyncio.CancelledError:
                refuses -= 1
                if refuses < 0:
                    raise
        if plan.fails:
            raise ValueError(name)
        return name
    except asyncio.CancelledError:
        await asyncio.sleep(plan.cleanup)
        if plan.spills:
            raise OSError(name) from None
        raise
    finally:
        diary[name] = now()


def cook(name: str, seconds: int = 1, diary: Diary | None = None, **plan: Any) -> Any:
    """A racer that works for some seconds and returns its name."""
    return follow(Plan(seconds, **plan), name, {} if diary is None else diary)


# --- the winner and the losers ---


def test_the_loser_is_cancelled_and_awaited_with_the_awaits_in_its_clean_up() -> None:
    diary: Diary = {}

    async def main() -> Any:
        winner = await select(slow=cook("roast", 9, diary, cleanup=2), fast=cook("salad"))
        return winner, now()

    winner, ended = play(main)
    assert ended == diary["roast"] == 3.0
    assert (winner.name, winner.value) == ("fast", "salad")
    assert winner.losers == {"slow": Loser("slow", "cancelled")}
    assert repr(winner) == "Winner(name='fast', value='salad')"


def test_names_that_are_computed_or_are_options_come_in_a_mapping() -> None:
    async def main() -> Any:
        racers = {f"copy {i}": cook(f"{i}", 5 - i) for i in range(3)}
        return await select(racers, {"biased": cook("b", 9)}, last=cook("l", 9))

    winner = play(main)
    assert winner == Winner("copy 2", "2")
    assert list(winner.losers) == ["copy 0", "copy 1", "biased", "last"]


def test_any_awaitable_may_race() -> None:
    class Order:
        def __await__(self) -> Any:
            yield from asyncio.sleep(1).__await__()
            return "served"

    assert play(lambda: select(order=Order(), slow=cook("roast", 2))).value == "served"


@pytest.mark.parametrize("names", ["abc", "cba", "bca"])
def test_a_tie_goes_to_the_first_in_the_order_given_and_no_value_is_lost(names: str) -> None:
    first, others = names[0], names[1:]
    winner = play(lambda: select({name: cook(name) for name in names}))
    assert winner.name == first
    assert winner.also == {name: name for name in others}
    losers = ", ".join(f"{name!r} returned {name!r}" for name in others)
    assert repr(winner) == f"Winner(name={first!r}, value={first!r}; losers: {losers})"


def test_without_bias_a_tie_goes_to_each_and_a_seed_repeats_it() -> None:
    async def winners(seed: int) -> list[str]:
        rng = random.Random(seed)
        races = [{"a": cook("a"), "b": cook("b"), "late": cook("c", 2)} for _ in range(200)]
        return [(await select(race, biased=False, rng=rng)).name for race in races]

    names = play(lambda: winners(7))
    assert names == play(lambda: winners(7))
    assert set(names) == {"a", "b"}
    assert 60 < names.count("a") < 140


def test_a_loser_that_refuses_is_awaited_to_its_end_and_its_value_kept() -> None:
    winner = play(lambda: select(fast=cook("salad"), stubborn=cook("roast", 6, refuses=1)))
    assert winner == Winner("fast", "salad")
    assert winner.losers["stubborn"] == Loser("stubborn", "returned", "roast")


def test_a_loser_that_raises_in_its_clean_up_does_not_take_the_win() -> None:
    winner = play(lambda: select(fast=cook("salad"), slow=cook("roast", 9, spills=True)))
    assert winner == Winner("fast", "salad")
    assert winner.losers["slow"].outcome == "raised"
    assert "'slow' raised OSError('roast')" in repr(winner)


# --- tasks and futures that were there before ---


def test_a_task_that_loses_runs_on_because_it_belongs_to_its_maker() -> None:
    async def main() -> Any:
        roast = asyncio.create_task(cook("roast", 5))
        winner = await select(salad=cook("salad"), roast=roast)
        assert now() == 1.0
        assert winner.losers["roast"] == Loser("roast", "pending")
        return await roast, now()

    assert play(main) == ("roast", 5.0)


def test_a_task_that_loses_is_cancelled_and_awaited_when_asked_for() -> None:
    async def main() -> Any:
        roast = asyncio.create_task(cook("roast", 5, cleanup=1))
        bell: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        winner = await select(salad=cook("salad"), roast=roast, bell=bell, cancel_tasks=True)
        assert roast.cancelled()
        assert bell.cancelled()
        return winner.losers["roast"].outcome, now()

    assert play(main) == ("cancelled", 2.0)


# --- failures ---


def test_the_exception_of_the_first_to_finish_is_raised_and_notes_what_losers_had() -> None:
    async def main() -> Any:
        losers = {"tie": cook("salad"), "slow": cook("roast", 9, cleanup=2, spills=True)}
        with pytest.raises(ValueError, match="pan") as caught:
            await select({"first": cook("pan", fails=True)}, losers)
        return caught.value.__notes__, now()

    notes, ended = play(main)
    assert ended == 3.0
    assert notes == [
        "in the same race, 'tie' returned 'salad'",
        "in the same race, 'slow' raised OSError('roast')",
    ]


def test_the_first_success_wins_over_earlier_failures() -> None:
    async def main() -> Any:
        racers = {"bad": cook("pan", fails=True), "ok": cook("soup", 2), "slow": cook("roast", 9)}
        return await select(racers, first_success=True), now()

    winner, ended = play(main)
    assert (winner.name, ended) == ("ok", 2.0)
    assert [loser.outcome for loser in winner.losers.values()] == ["raised", "cancelled"]


def test_when_all_fail_a_group_holds_their_exceptions_in_the_order_given() -> None:
    async def main() -> Any:
        with pytest.raises(ExceptionGroup) as caught:
            await select(
                db=cook("late", 2, fails=True), cache=cook("early", fails=True), first_success=True
            )
        return caught.value

    group = play(main)
    assert [str(error) for error in group.exceptions] == ["late", "early"]
    assert group.message == "no racer succeeded: 'db' (ValueError), 'cache' (ValueError)"


def test_a_racer_that_somebody_else_cancelled_did_not_cancel_the_caller() -> None:
    async def main() -> None:
        roast = asyncio.create_task(cook("roast", 9))
        asyncio.get_running_loop().call_later(1, roast.cancel)
        with pytest.raises(RuntimeError, match="'roast' was cancelled by somebody else"):
            await select(roast=roast, slow=cook("cake", 5))
        assert now() == 1.0
        winner = await select(roast=roast, ok=cook("cake", 5), first_success=True)
        assert winner == Winner("ok", "cake")
        with pytest.raises(ExceptionGroup, match=r"'roast' [(]RuntimeError[)]"):
            await select(roast=roast, first_success=True)

    play(main)


# --- cancelled from outside ---


def test_none_in_time_is_a_timeout_error_and_all_racers_are_done() -> None:
    diary: Diary = {}

    async def main() -> Any:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await select(a=cook("A", 5, diary, cleanup=1), b=cook("B", 6, diary, cleanup=2))
        return now()

    assert play(main) == 3.0
    assert diary == {"A": 2.0, "B": 3.0}


def test_a_cancel_during_the_clean_up_waits_for_it_and_wins() -> None:
    async def main() -> Any:
        race = asyncio.create_task(select(fast=cook("salad"), slow=cook("roast", 9, cleanup=4)))
        await asyncio.sleep(2)
        race.cancel("closing time")
        await asyncio.sleep(1)
        race.cancel("closing time, again")
        with pytest.raises(asyncio.CancelledError) as caught:
            await race
        assert caught.value.args == ("closing time",)
        assert race.cancelling() == 2
        return now()

    assert play(main) == 5.0


def test_what_racers_raise_in_a_cancelled_race_is_reported_by_asyncio() -> None:
    errors: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: errors.append(repr(context["exception"])))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await select(slow=cook("roast", 9, spills=True), other=cook("cake", 9))

    play(main)
    assert errors == ["OSError('roast')"]


def test_what_a_racer_had_raised_when_the_race_was_cancelled_is_reported_to_nobody() -> None:
    async def burn() -> str:
        raise OSError("burnt")

    async def main(turns: int) -> bool:
        race = asyncio.create_task(select(burnt=burn(), slow=cook("roast", 9)))
        for _ in range(turns):  # it is not born, has raised unseen, or is seen
            await asyncio.sleep(0)
        race.cancel()
        await asyncio.wait([race])
        return race.cancelled()

    assert [play(partial(main, turns)) for turns in (1, 2)] == [True, True]


# --- random races ---

PLANS = st.lists(
    st.builds(
        Plan,
        seconds=st.integers(0, 3),
        fails=st.booleans(),
        refuses=st.integers(0, 3),
        cleanup=st.integers(0, 2),
        handle=st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


def line_up(plans: list[Plan], diary: Diary) -> dict[str, Any]:
    racers = {str(i): follow(plan, str(i), diary) for i, plan in enumerate(plans)}
    return {
        name: asyncio.create_task(racer) if plan.handle else racer
        for plan, (name, racer) in zip(plans, racers.items(), strict=True)
    }


@given(
    plans=PLANS,
    options=st.fixed_dictionaries(
        dict.fromkeys(("biased", "first_success", "cancel_tasks"), st.booleans())
    ),
    gaps=st.just([]) | st.lists(st.integers(1, 12), max_size=3),
)
def test_any_race_is_won_by_the_first_or_cancelled_and_leaves_nothing_behind(
    plans: list[Plan], options: dict[str, Any], gaps: list[int]
) -> None:
    """Each of the gaps, in turns of the loop, ends with a cancel from outside."""
    diary: Diary = {}
    hits = 0

    async def main() -> Any:
        racers = line_up(plans, diary)
        tasks = [racer for racer in racers.values() if asyncio.isfuture(racer)]
        race = asyncio.create_task(select(racers, **options))

        def cut() -> None:
            nonlocal hits
            hits += race.cancel()

        loop = asyncio.get_running_loop()
        assert isinstance(loop, RaceLoop)
        loop.set_exception_handler(lambda *_: None)  # errors that a cancelled race dropped
        await asyncio.sleep(0)  # a race that never started has nothing to clean up
        loop.at_turn = {loop.turn + sum(gaps[: i + 1]): cut for i in range(len(gaps))}
        await asyncio.wait([race])
        owned = [
            str(i) for i, plan in enumerate(plans) if options["cancel_tasks"] or not plan.handle
        ]
        assert [name for name in owned if diary.get(name, 0) is None] == [], "still running"
        assert race.cancelled() == (hits > 0)
        assert race.cancelling() == hits
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert others <= (set() if options["cancel_tasks"] else set(tasks))
        await asyncio.gather(*tasks, return_exceptions=True)
        return None if hits else race.exception() or race.result()

    end = play(main)
    able = [
        (p.seconds, i) for i, p in enumerate(plans) if not (options["first_success"] and p.fails)
    ]
    if hits:
        return
    if not able:
        assert [str(error) for error in end.exceptions] == [str(i) for i in range(len(plans))]
        return
    tied = [i for at, i in sorted(able) if at == min(able)[0]]
    name = end.name if isinstance(end, Winner) else str(end)
    assert name in [str(i) for i in (tied[:1] if options["biased"] else tied)]
    assert isinstance(end, Winner) != plans[int(name)].fails
    if isinstance(end, Winner):
        assert end.value == name
        assert list(end.losers) == [str(i) for i in range(len(plans)) if str(i) != name]


# --- what is refused ---


def test_a_racer_without_a_name_or_no_racer_is_refused() -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match="has no name; write select"):
            await select([asyncio.sleep])  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="select got no racers"):
            await select({})

    play(main)


def test_a_racer_that_is_no_awaitable_is_refused_before_any_other_runs() -> None:
    began = []

    async def cook() -> None:
        began.append(1)

    async def main() -> None:
        soup = cook()
        with pytest.raises(TypeError, match="the racer 'roast' is 3; give an awaitable"):
            await select(soup=soup, roast=3)  # type: ignore[arg-type]
        assert asyncio.all_tasks() == {asyncio.current_task()}
        soup.close()

    play(main)
