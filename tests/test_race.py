"""`select`: the first to finish wins; the others are cancelled and awaited, come what may."""

from __future__ import annotations

import asyncio
import gc
import random
import selectors
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future as ThreadFuture
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import record
from helpers.race import Loser, RacerCancelled, Winner, select

# Also turns "coroutine was never awaited" and "exception was never retrieved" into failures.
pytestmark = pytest.mark.filterwarnings("error")


class JumpingSelector(selectors.DefaultSelector):
    """Moves the loop's clock instead of waiting, and counts the loop's rounds."""

    now = 0.0
    rounds = 0

    def __init__(self) -> None:
        super().__init__()
        self.at_round: dict[int, Callable[[], object]] = {}

    def select(self, timeout: float | None = None) -> list[Any]:
        self.rounds += 1
        if do := self.at_round.get(self.rounds):
            do()
        elif timeout is None:
            raise RuntimeError("nothing is ready and no timer is set")
        elif timeout > 0:
            self.now += timeout
        return super().select(0)


class JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.jumping = JumpingSelector()
        self.reports: list[dict[str, Any]] = []
        super().__init__(self.jumping)
        self.set_exception_handler(lambda _, context: self.reports.append(context))

    def time(self) -> float:
        return self.jumping.now


def play(main: Callable[[], Coroutine[Any, Any, Any]], *, reports: int = 0) -> Any:
    """What main returns, from a run on virtual time that left no task and so many reports."""

    async def whole() -> Any:
        try:
            return await main()
        finally:
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, f"left running: {left}"

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, JumpingLoop)
        try:
            return runner.run(whole())
        finally:
            gc.collect(1)  # the young are enough: an exception nobody retrieved is reported now
            assert len(loop.reports) == reports, loop.reports


async def spill() -> None:
    """A racer whose clean-up fails."""
    try:
        await asyncio.sleep(9)
    finally:
        raise OSError("spilt")


def now() -> float:
    return asyncio.get_running_loop().time()


async def cook(
    dish: Any, seconds: float = 1, cleanup: float = 0, log: list[Any] | None = None
) -> Any:
    """A racer: works, and tidies up for a while when cancelled; an exception is raised."""
    try:
        await asyncio.sleep(seconds)
        if isinstance(dish, Exception):
            raise dish
        return dish
    except asyncio.CancelledError:
        await asyncio.sleep(cleanup)
        if log is not None:
            log.append((dish, "tidied", now()))
        raise


async def refuse(dish: str, seconds: float, times: int = 1) -> str:
    """A racer that swallows so many cancellations and goes on with its work."""
    end = now() + seconds
    while now() < end:
        try:
            await asyncio.sleep(end - now())
        except asyncio.CancelledError:
            times -= 1
            if times < 0:
                raise
    return dish


# --- the winner ---


def test_the_first_to_finish_wins_under_the_name_it_was_given() -> None:
    async def main() -> Winner[str]:
        return await select(db=cook("soup", 3), cache=cook("salad", 1), disk=cook("cake", 2))

    winner = play(main)
    assert (winner.name, winner.value, winner.index) == ("cache", "salad", 1)
    assert winner == Winner("cache", "salad")
    assert repr(winner) == "Winner(name='cache', value='salad')"


def test_the_loser_is_cancelled_and_awaited_with_the_awaits_in_its_clean_up() -> None:
    log: list[Any] = []

    async def main() -> Any:
        winner = await select(fast=cook("salad", 1), slow=cook("roast", 9, cleanup=2, log=log))
        return winner, now()

    winner, ended = play(main)
    assert log == [("roast", "tidied", 3.0)]
    assert ended == 3.0
    assert winner.losers == {"slow": Loser("slow", "cancelled", asked=1)}
    assert winner.also == {}


def test_names_that_are_computed_or_are_options_come_in_a_mapping() -> None:
    async def main() -> Any:
        racers = {f"copy {i}": cook(i, 5 - i) for i in range(3)}
        return await select(racers, {"biased": cook("b", 9)}, last=cook("l", 9))

    winner = play(main)
    assert (winner.name, winner.value) == ("copy 2", 2)
    assert list(winner.losers) == ["copy 0", "copy 1", "biased", "last"]


def test_a_coroutine_races_as_a_task_that_bears_its_name() -> None:
    async def whoami() -> str:
        task = asyncio.current_task()
        assert task is not None
        return task.get_name()

    assert play(lambda: select(db=whoami())).value == "db"


def test_any_awaitable_may_race() -> None:
    class Order:
        def __await__(self) -> Any:
            yield from asyncio.sleep(1).__await__()
            return "served"

    assert play(lambda: select(order=Order(), slow=cook("roast", 2))).value == "served"


def test_a_race_of_one_is_that_one() -> None:
    assert play(lambda: select(only=cook("soup"))) == Winner("only", "soup")


def test_a_hedged_request_is_a_race_of_late_copies() -> None:
    async def copy(after: float, takes: float) -> str:
        await asyncio.sleep(after)
        return await cook(f"copy sent at {after:g}", takes)

    async def main() -> Any:
        winner = await select({"1": copy(0, 9), "2": copy(2, 1)}, first_success=True)
        return winner.value, now()

    assert play(main) == ("copy sent at 2", 3.0)


# --- tasks and futures that were there before ---


def test_a_task_that_loses_runs_on_because_it_belongs_to_its_maker() -> None:
    async def main() -> Any:
        roast = asyncio.create_task(cook("roast", 5))
        winner = await select(salad=cook("salad", 1), roast=roast)
        assert now() == 1.0
        assert winner.losers["roast"] == Loser("roast", "pending")
        return await roast, now()

    assert play(main) == ("roast", 5.0)


def test_a_task_that_loses_is_cancelled_and_awaited_when_asked_for() -> None:
    log: list[Any] = []

    async def main() -> Any:
        roast = asyncio.create_task(cook("roast", 5, cleanup=1, log=log))
        bell: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        winner = await select(salad=cook("salad"), roast=roast, bell=bell, cancel_tasks=True)
        assert roast.cancelled()
        assert bell.cancelled()
        return winner.losers["roast"].outcome, now()

    assert play(main) == ("cancelled", 2.0)
    assert log == [("roast", "tidied", 2.0)]


def test_a_task_is_spared_by_a_cancel_from_outside_too() -> None:
    async def main() -> Any:
        roast = asyncio.create_task(cook("roast", 5))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await select(salad=cook("salad", 3), roast=roast)
        return await roast

    assert play(main) == "roast"


def test_a_loop_of_races_over_one_kept_get_loses_no_message() -> None:
    async def main() -> Any:
        orders: asyncio.Queue[int] = asyncio.Queue()
        got = []
        get = asyncio.create_task(orders.get())
        for number in range(3):
            orders.put_nowait(number)
        while len(got) < 3:
            # The tick is always ready first or at the same time as an order.
            winner = await select(tick=asyncio.sleep(0), order=get)
            if get.done():
                got.append(winner.also.get("order", winner.value))
                get = asyncio.create_task(orders.get())
        get.cancel()
        await asyncio.wait([get])
        return got

    assert play(main) == [0, 1, 2]


def test_racers_may_have_finished_before_the_race() -> None:
    async def main() -> Any:
        soup = asyncio.create_task(cook("soup", 1))
        await asyncio.sleep(2)
        winner = await select(fresh=cook("roast", 3), soup=soup)
        return winner.name, now()

    assert play(main) == ("soup", 2.0)


# --- ties ---


@pytest.mark.parametrize("names", [("a", "b", "c"), ("c", "b", "a"), ("b", "c", "a")])
def test_a_tie_goes_to_the_first_in_the_order_given(names: tuple[str, ...]) -> None:
    winner = play(lambda: select({name: cook(name.upper(), 1) for name in names}))
    assert winner.name == names[0]


def test_in_a_tie_no_value_is_lost() -> None:
    winner = play(lambda: select(a=cook("A", 1), b=cook("B", 1), c=cook("C", 2)))
    assert winner.also == {"b": "B"}
    assert winner.losers["b"] == Loser("b", "returned", value="B", asked=0)
    assert repr(winner) == "Winner(name='a', value='A'; losers: 'b' returned 'B')"


def test_in_a_tie_the_exception_of_a_loser_is_kept() -> None:
    winner = play(lambda: select(a=cook("A", 1), b=cook(ValueError("burnt"), 1)))
    assert winner.losers["b"].outcome == "raised"
    assert repr(winner.losers["b"].error) == "ValueError('burnt')"
    assert "burnt" in repr(winner)


def test_without_bias_a_tie_goes_to_each_and_a_seed_repeats_it() -> None:
    def winners(seed: int) -> list[str]:
        rng = random.Random(seed)

        async def main() -> list[str]:
            races = [{"a": cook(1), "b": cook(2), "late": cook(3, 2)} for _ in range(200)]
            return [(await select(race, biased=False, rng=rng)).name for race in races]

        result: list[str] = play(main)
        return result

    names = winners(7)
    assert names == winners(7)
    assert names != winners(8)
    assert set(names) == {"a", "b"}
    assert 60 < names.count("a") < 140


def test_without_bias_and_rng_chance_decides() -> None:
    async def main() -> set[str]:
        return {(await select(a=cook(1), b=cook(2), biased=False)).name for _ in range(100)}

    assert play(main) == {"a", "b"}


# --- failures ---


def test_the_exception_of_the_first_to_finish_is_raised_after_the_losers_clean_up() -> None:
    log: list[Any] = []

    async def main() -> Any:
        burnt = ValueError("burnt")
        with pytest.raises(ValueError, match="burnt") as caught:
            await select(pan=cook(burnt, 1), slow=cook("roast", 9, cleanup=2, log=log))
        assert caught.value is burnt
        return now()

    assert play(main) == 3.0
    assert log == [("roast", "tidied", 3.0)]


def test_what_losers_had_is_noted_on_the_exception() -> None:
    async def main() -> Any:
        with pytest.raises(ValueError, match="burnt") as caught:
            await select(pan=cook(ValueError("burnt")), tie=cook("salad"), slow=spill())
        return caught.value.__notes__

    assert play(main) == [
        "in the same race, 'tie' returned 'salad'",
        "in the same race, 'slow' raised OSError('spilt')",
    ]


def test_a_loser_that_raises_in_its_clean_up_does_not_take_the_win() -> None:
    winner = play(lambda: select(fast=cook("salad"), slow=spill()))
    assert winner == Winner("fast", "salad")
    assert winner.losers["slow"].outcome == "raised"
    assert winner.losers["slow"].asked == 1
    assert "'slow' raised OSError('spilt')" in repr(winner)


def test_the_first_success_wins_over_earlier_failures() -> None:
    async def main() -> Any:
        racers = {"bad": cook(ValueError("burnt"), 1), "ok": cook("soup", 2), "slow": cook("s", 9)}
        return await select(racers, first_success=True), now()

    winner, ended = play(main)
    assert (winner.name, winner.index, ended) == ("ok", 1, 2.0)
    assert [v.outcome for v in winner.losers.values()] == ["raised", "cancelled"]


def test_when_all_fail_a_group_holds_their_exceptions_in_the_order_given() -> None:
    async def main() -> Any:
        with pytest.raises(ExceptionGroup) as caught:
            await select(
                db=cook(ValueError("late"), 2), cache=cook(OSError("early"), 1), first_success=True
            )
        return caught.value

    group = play(main)
    assert [repr(error) for error in group.exceptions] == ["ValueError('late')", "OSError('early')"]
    assert group.message == "no racer succeeded: 'db' (ValueError), 'cache' (OSError)"


def test_a_racer_that_somebody_else_cancelled_did_not_cancel_the_caller() -> None:
    async def main() -> None:
        roast = asyncio.create_task(cook("roast", 9))
        asyncio.get_running_loop().call_later(1, roast.cancel)
        with pytest.raises(RacerCancelled, match="'roast' was cancelled by somebody else"):
            await select(roast=roast, slow=cook("cake", 5))
        assert now() == 1.0
        winner = await select(roast=roast, ok=cook("cake", 5), first_success=True)
        assert winner.value == "cake"
        assert winner.losers["roast"].outcome == "cancelled"
        with pytest.raises(ExceptionGroup, match=r"'roast' [(]RacerCancelled[)]"):
            await select(roast=roast, first_success=True)

    play(main)


def test_a_loser_that_refuses_is_awaited_to_its_end_and_its_value_kept() -> None:
    async def main() -> Any:
        return await select(fast=cook("salad"), stubborn=refuse("roast", 6)), now()

    winner, ended = play(main)
    assert ended == 6.0
    assert winner.value == "salad"
    assert winner.losers["stubborn"] == Loser("stubborn", "returned", value="roast", asked=1)


def test_with_patience_a_loser_that_refuses_is_cancelled_again_with_a_warning() -> None:
    async def main() -> Any:
        with pytest.warns(RuntimeWarning) as caught:
            winner = await select(
                fast=cook("salad"), stubborn=refuse("roast", 60, times=2), patience=5
            )
        return winner, [str(w.message) for w in caught], {w.filename for w in caught}, now()

    winner, said, files, ended = play(main)
    assert ended == 11.0  # one second of race, then patience ran out twice
    assert winner.losers["stubborn"] == Loser("stubborn", "cancelled", asked=3)
    assert files == {__file__}
    assert len(said) == 2
    line = refuse.__code__.co_firstlineno + 5
    assert said[1] == (
        f"the racer 'stubborn' lost and was cancelled, but 10 s later it still runs "
        f"at line {line} of refuse; it is cancelled once more"
    )


def test_patience_longer_than_the_clean_up_changes_nothing() -> None:
    async def main() -> Any:
        await select(fast=cook("salad"), slow=cook("roast", 9, cleanup=4), patience=5)
        return now()

    assert play(main) == 5.0


def test_a_warning_turned_into_an_error_leaves_no_racer_behind() -> None:
    async def main() -> Any:
        return await select(fast=cook("salad"), stubborn=refuse("roast", 60, times=2), patience=5)

    assert play(main, reports=2).value == "salad"


# --- cancelled from outside ---


def test_none_in_time_is_a_timeout_error_and_all_racers_are_done() -> None:
    log: list[Any] = []

    async def main() -> Any:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await select(a=cook("A", 5, 1, log), b=cook("B", 6, 2, log))
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        return now()

    assert play(main) == 3.0
    assert log == [("A", "tidied", 2.0), ("B", "tidied", 3.0)]


def test_a_cancel_during_the_clean_up_waits_for_it_and_wins() -> None:
    log: list[Any] = []

    async def main() -> Any:
        race = asyncio.create_task(select(fast=cook("salad", 1), slow=cook("roast", 9, 4, log)))
        await asyncio.sleep(2)
        race.cancel("closing time")
        await asyncio.sleep(1)
        race.cancel("closing time, again")
        with pytest.raises(asyncio.CancelledError) as caught:
            await race
        assert caught.value.args == ("closing time",)
        assert race.cancelling() == 2
        return caught.value.__notes__, now()

    notes, ended = play(main)
    assert ended == 5.0
    assert log == [("roast", "tidied", 5.0)]
    assert notes == ["in the same race, 'fast' returned 'salad'"]


def test_a_timeout_inside_a_timeout_knows_which_of_them_fired() -> None:
    async def main() -> Any:
        async with asyncio.timeout(100) as outer:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1) as inner:
                    await select(a=cook("A", 9))
            assert inner.expired()
            assert not outer.expired()
            return (await select(a=cook("A", 2))).value, now()

    assert play(main) == ("A", 3.0)


def test_what_racers_raise_in_a_cancelled_race_is_reported() -> None:
    async def main() -> Any:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await select(slow=spill(), other=cook("roast", 9))
        loop = asyncio.get_running_loop()
        assert isinstance(loop, JumpingLoop)
        return [(report["message"], repr(report["exception"])) for report in loop.reports]

    assert play(main, reports=1) == [
        ("the racer 'slow' raised in a race that was cancelled", "OSError('spilt')")
    ]


def test_a_race_that_raised_is_freed_without_the_garbage_collector() -> None:
    class Burnt(Exception):
        """Unlike ValueError itself, this can be referred to weakly."""

    gone: list[weakref.ref[Burnt]] = []

    async def burn() -> None:
        raise Burnt

    async def main() -> bool:
        gc.disable()
        try:
            try:
                await select(pan=burn(), slow=cook("roast", 9))
            except Burnt as error:
                gone.append(weakref.ref(error))
            return gone[0]() is None
        finally:
            gc.enable()

    assert play(main)


def test_a_recorded_race_has_a_lane_for_each_racer() -> None:
    async def main() -> Any:
        return await select(cache=cook("salad", 1), db=cook("roast", 9, cleanup=2))

    trace = asyncio.run(record(main(), clock="virtual"))
    assert trace.result == Winner("cache", "salad")
    assert trace.duration == 3.0
    ends = [(task.name, task.outcome) for task in trace.tasks]
    assert ends == [("main", "returned"), ("cache", "returned"), ("db", "cancelled")]
    assert not trace.findings


# --- random races ---


@dataclass(frozen=True)
class Plan:
    work: int
    fails: bool
    cleanup: int  # seconds, when cancelled
    refuses: int
    handle: bool  # handed in as a Task


PLANS = st.lists(
    st.builds(
        Plan,
        work=st.integers(0, 3),
        fails=st.booleans(),
        cleanup=st.integers(0, 2),
        refuses=st.integers(0, 3),
        handle=st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


async def follow(plan: Plan, name: str, started: set[str], finished: set[str]) -> str:
    started.add(name)
    refuses, end = plan.refuses, now() + plan.work
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
        raise
    finally:
        finished.add(name)


def lined_up(plans: list[Plan], started: set[str], finished: set[str]) -> dict[str, Any]:
    racers: dict[str, Any] = {}
    for i, plan in enumerate(plans):
        coroutine = follow(plan, str(i), started, finished)
        racers[str(i)] = asyncio.create_task(coroutine) if plan.handle else coroutine
    return racers


@settings(deadline=None)  # a busy machine is no failure
@given(PLANS, st.booleans(), st.booleans(), st.booleans())
def test_any_race_is_won_by_the_first_and_leaves_nothing_behind(
    plans: list[Plan], biased: bool, first_success: bool, cancel_tasks: bool
) -> None:
    started: set[str] = set()
    finished: set[str] = set()

    async def main() -> Any:
        racers = lined_up(plans, started, finished)
        tasks = [racer for racer in racers.values() if asyncio.isfuture(racer)]
        try:
            return await select(
                racers, biased=biased, first_success=first_success, cancel_tasks=cancel_tasks
            )
        except (ValueError, ExceptionGroup) as error:
            return error
        finally:
            owned = {str(i) for i, plan in enumerate(plans) if cancel_tasks or not plan.handle}
            assert started & owned <= finished
            assert all(task.done() for task in tasks) or not cancel_tasks
            await asyncio.gather(*tasks, return_exceptions=True)

    end = play(main)
    able = [(p.work, i) for i, p in enumerate(plans) if not (first_success and p.fails)]
    if not able:
        assert [str(error) for error in end.exceptions] == [str(i) for i in range(len(plans))]
        return
    tied = [i for at, i in sorted(able) if at == min(able)[0]]
    name = end.name if isinstance(end, Winner) else str(end)
    assert name in [str(i) for i in (tied[:1] if biased else tied)]
    assert isinstance(end, Winner) != plans[int(name)].fails
    if isinstance(end, Winner):
        assert end.value == name
        assert list(end.losers) == [str(i) for i in range(len(plans)) if str(i) != name]


@settings(deadline=None)
@given(PLANS, st.booleans(), st.booleans(), st.lists(st.integers(1, 12), min_size=1, max_size=3))
def test_a_cancel_at_any_await_wins_once_every_racer_is_done(
    plans: list[Plan], first_success: bool, cancel_tasks: bool, gaps: list[int]
) -> None:
    started: set[str] = set()
    finished: set[str] = set()
    hits = 0

    async def main() -> None:
        nonlocal hits
        racers = lined_up(plans, started, finished)
        tasks = [racer for racer in racers.values() if asyncio.isfuture(racer)]
        race = asyncio.create_task(
            select(racers, first_success=first_success, cancel_tasks=cancel_tasks)
        )

        def cut() -> None:
            nonlocal hits
            hits += race.cancel()

        loop = asyncio.get_running_loop()
        assert isinstance(loop, JumpingLoop)
        await asyncio.sleep(0)  # a race that never started has nothing to clean up
        for i in range(len(gaps)):
            loop.jumping.at_round[loop.jumping.rounds + sum(gaps[: i + 1])] = cut
        await asyncio.wait([race])
        owned = {str(i) for i, plan in enumerate(plans) if cancel_tasks or not plan.handle}
        assert started & owned <= finished
        assert race.cancelled() == (hits > 0)
        assert race.cancelling() == hits
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert others <= (set() if cancel_tasks else set(tasks))
        if not race.cancelled():
            race.exception()
        await asyncio.gather(*tasks, return_exceptions=True)
        loop.reports.clear()

    play(main)


# --- bad input ---


async def query() -> str:
    return "row"


def the_same_twice() -> dict[str, Any]:
    one = query()
    return {"a": one, "b": one}


@pytest.mark.parametrize(
    ("make", "kind", "sentence"),
    [
        (lambda: select(), ValueError, "select got no racers"),
        (lambda: select({}), ValueError, "select got no racers"),
        (lambda: select(query()), TypeError, "got the coroutine query[(][)] without one"),
        (lambda: select([query]), TypeError, "name for each racer, but got .* [(]list[)] without"),
        (lambda: select(db=query), TypeError, "'db' is the function query, not called; write db=q"),
        (lambda: select(db=3, ok=query()), TypeError, "'db' is 3 [(]int[)]; a coroutine, Task"),
        (lambda: select(ok=query(), bias=False), TypeError, "'bias' is False [(]bool[)]"),
        (lambda: select(db=print), TypeError, "'db' is the function print; a coroutine"),
        (lambda: select(db=ThreadFuture()), TypeError, "'db' is a future of a thread pool"),
        (lambda: select({"": query()}), TypeError, "a string that is not empty, not ''"),
        (lambda: select({1: query()}), TypeError, "a string that is not empty, not 1"),
        (lambda: select({"a": query()}, a=query()), ValueError, "two racers are named 'a'"),
        (lambda: select(the_same_twice()), ValueError, "'a' and 'b' are one and the same .* query"),
        (lambda: select(a=query(), patience=0), ValueError, "patience is 0; seconds above 0"),
        (lambda: select(a=query(), patience=float("nan")), ValueError, "patience is nan"),
        (lambda: select(a=query(), patience="1"), ValueError, "patience is '1'"),
        (lambda: select(a=query(), patience=True), ValueError, "patience is True"),
    ],
)
def test_bad_input_is_told_what_was_expected_and_closes_its_coroutines(
    make: Callable[[], Any], kind: type[Exception], sentence: str
) -> None:
    async def main() -> None:
        with pytest.raises(kind, match=sentence):
            await make()
        gc.collect()  # "never awaited" would be said here

    play(main)


def test_a_coroutine_that_was_used_or_runs_is_refused() -> None:
    async def main() -> None:
        used = query()
        await used
        with pytest.raises(
            ValueError, match=r"'a', the coroutine query.*, has been awaited already"
        ):
            await select(a=used)
        running = cook("soup")
        task = asyncio.create_task(running)
        await asyncio.sleep(0.5)
        with pytest.raises(ValueError, match=r"'a', the coroutine cook.*, is running already"):
            await select(a=running)
        await task

    play(main)


def test_the_task_that_awaits_the_race_cannot_run_in_it() -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="'me' is the task that awaits this race itself"):
            await select(me=asyncio.current_task(), other=query())

    play(main)


def test_a_future_of_another_loop_is_refused() -> None:
    elsewhere = asyncio.new_event_loop()
    future = elsewhere.create_future()

    async def main() -> None:
        with pytest.raises(ValueError, match="'old' belongs to another event loop"):
            await select(old=future, other=query())

    try:
        play(main)
    finally:
        elsewhere.close()
