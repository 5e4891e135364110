"""The model of a team of chefs: held to recordings of real Tokio, and to rules of its own."""

from __future__ import annotations

import asyncio
import itertools
import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import load_recording, record
from helpers.model import INTERVAL, simulate
from helpers.trace import Outcome, Task, Trace, longest_silence, moved, stolen

WORKERS = (1, 2, 4)


def recorded(name: str, workers: int) -> Trace:
    if workers == 1:
        return load_recording(name, runtime="current_thread")
    return load_recording(name, runtime="multi_thread", workers=workers)


def cards(trace: Trace) -> list[Task]:
    return [task for task in trace.tasks if task.name.startswith("card ")]


def lives(trace: Trace) -> list[Any]:
    return [*trace.lanes, *trace.marks, trace.duration]


# -- held to real Tokio ----------------------------------------------------------------------------


@pytest.mark.parametrize("workers", WORKERS)
def test_cards_that_block_take_their_number_by_workers_rounded_up(workers: int) -> None:
    model = simulate(chefs=workers, tasks=3, work=0.2)
    assert model.duration == pytest.approx(math.ceil(3 / workers) * 0.2, abs=1e-9)
    tokio = recorded("blocking_sleep", workers)
    assert model.duration <= tokio.duration < model.duration + 0.1


@pytest.mark.parametrize("workers", WORKERS)
def test_cards_that_sleep_wait_all_together_however_many_chefs(workers: int) -> None:
    model = simulate(chefs=workers, tasks=3, work=0, yields=1, wait=0.2)
    assert model.duration == 0.2
    assert 0.2 <= recorded("async_sleep", workers).duration < 0.3


def test_a_wait_that_blocks_holds_its_chef_and_one_that_does_not_leaves_it_free() -> None:
    ovens: dict[str, Any] = {"tasks": 6, "work": 0.0, "yields": 1, "wait": 0.2}
    took = [simulate(chefs=2, blocking=n / 6, **ovens).duration for n in range(7)]
    # Each two that block hold both chefs for a round; the others wait together beside them.
    assert took == [0.2, 0.2, 0.4, 0.4, 0.4, 0.6, 0.6]


@pytest.mark.parametrize("workers", [2, 4])
def test_a_card_moves_only_where_it_lets_go(workers: int) -> None:
    whole = simulate(chefs=workers, tasks=8, work=0.025)
    pieces = simulate(chefs=workers, tasks=8, work=0.025, yields=24)
    dishes = {
        name: [task for task in moved(recorded(name, workers)) if task.name.startswith("dish")]
        for name in ("cpu", "cpu_yield")
    }
    assert (moved(whole), dishes["cpu"]) == ([], [])
    assert moved(pieces) != []
    assert dishes["cpu_yield"] != []


def test_one_chef_moves_nothing_and_steals_nothing() -> None:
    model = simulate(chefs=1, tasks=8, work=0.025, yields=24)
    assert (moved(model), model.marks) == ([], ())
    assert moved(recorded("cpu_yield", 1)) == []


def test_a_sous_chefs_cards_are_stolen_in_the_order_recorded_on_real_tokio() -> None:
    model, tokio = simulate(chefs=2, tasks=8, work=0.01, spawner="task"), recorded("nested", 2)
    firsts = []
    for trace, writer in ((model, "sous_chef"), (tokio, "sous_chef")):
        chef = trace.task(writer)
        home = chef.steps[0].thread
        children = sorted(trace.children(chef.id), key=lambda child: child.steps[0].start)
        away = [child for child in children if child.steps[0].thread != home]
        slot = next(child for child in children if child.steps[0].thread == home)
        number = {child.id: n for n, child in enumerate(trace.children(chef.id), start=1)}
        firsts.append(([number[child.id] for child in away[:3]], number[slot.id]))
        assert stolen(trace, chef) != []
    # Half of the seven in the queue: four, of which the thief begins with the last. The eighth is
    # in the slot.
    assert firsts == [([4, 1, 2], 8), ([4, 1, 2], 8)]


@pytest.mark.parametrize("workers", [2, 4])
def test_the_card_written_last_waits_in_the_slot_for_the_chef_who_wrote_it(workers: int) -> None:
    last = {"model": "card 8", "tokio": "peel-8"}
    model = simulate(chefs=workers, tasks=8, work=0.01, spawner="task")
    for trace in (model, recorded("nested", workers)):
        writing = trace.task("sous_chef").steps[0]
        step = trace.task(last[trace.source]).steps[0]
        assert step.thread == writing.thread
        assert step.start >= writing.end


def test_a_card_in_the_slot_of_a_chef_who_is_held_is_out_of_reach_of_idle_chefs() -> None:
    one = simulate(chefs=8, tasks=1, work=1, spawner="task")
    assert one.task("card 1").steps[0].start == 2
    assert one.marks == ()
    two = simulate(chefs=8, tasks=2, work=1, spawner="task")
    # The second card pushes the first out of the slot, and it is gone at once.
    assert [card.steps[0].start for card in cards(two)] == [0, 2]


def test_without_stealing_everything_a_card_writes_stays_with_its_chef() -> None:
    alone = simulate(chefs=4, tasks=8, work=0.01, spawner="task", stealing=False)
    assert alone.marks == ()
    assert {step.thread for card in cards(alone) for step in card.steps} == {"worker-1"}
    assert alone.duration == 0.1


def test_a_woken_card_goes_to_the_chef_who_woke_it() -> None:
    model = simulate(chefs=2, tasks=8, work=0.01, spawner="task")
    # Taken out of the slot at once, before what has been on that chef's board for longer.
    assert all(step.start == step.ready for step in model.task("sous_chef").steps)
    for trace in (model, recorded("nested", 2)):
        for step in trace.task("sous_chef").steps[1:]:
            assert isinstance(step.woken_by, int)
            assert step.thread == trace.by_id[step.woken_by].steps[-1].thread


@pytest.mark.parametrize("workers", [2, 4])
def test_among_many_sleepers_some_are_woken_by_another_chef(workers: int) -> None:
    model = simulate(chefs=workers, tasks=1000, work=0, yields=1, wait=0.01)
    assert moved(model) != []
    assert moved(recorded("thousand", workers)) != []


def test_a_card_that_blocks_from_its_first_step_delays_timers_only_if_every_chef_is_held() -> None:
    ticking = simulate(chefs=2, tasks=3, work=0.0, yields=10, wait=1.0, blocking=1 / 3)
    assert all(longest_silence(card) == 1.0 for card in cards(ticking)[1:])
    silent = simulate(chefs=2, tasks=3, work=0.0, yields=10, wait=1.0, blocking=2 / 3)
    assert longest_silence(cards(silent)[2]) == 10.0


@pytest.mark.parametrize("workers", WORKERS)
def test_a_card_that_waits_and_then_blocks_stops_all_timers_though_others_are_idle(
    workers: int,
) -> None:
    """The wait of 73 ms ends for the one chef who holds the driver, and who then blocks."""
    model = simulate(
        chefs=workers, tasks=5, work=0, yields=8, wait=0.05, blocking=1 / 5, blocks_after=0.073
    )
    blocked, *ticking = cards(model)
    tokio = recorded("stall", workers)
    assert blocked.steps[1][1:3] == (0.073, 0.473)
    for card, pan in zip(ticking, tokio.tasks[2:], strict=True):
        assert longest_silence(card) == pytest.approx(0.423)
        assert longest_silence(pan) == pytest.approx(0.423, abs=0.05)
        assert [step.ready for step in card.steps] == pytest.approx(
            [step.ready for step in pan.steps], abs=0.05
        )
    assert tokio.duration == pytest.approx(model.duration, abs=0.05)


@pytest.mark.parametrize("workers", WORKERS)
def test_a_card_that_blocks_from_its_first_step_delays_nobody_in_a_team(workers: int) -> None:
    model = simulate(chefs=workers, tasks=5, work=0, yields=8, wait=0.05, blocking=1 / 5)
    tokio = recorded("held", workers)
    late = 0.4 if workers == 1 else 0.0
    for card, pan in zip(cards(model)[1:], tokio.tasks[2:], strict=True):
        assert card.scheduled == pytest.approx(late)
        assert pan.scheduled == pytest.approx(late, abs=0.1)


def test_two_cards_due_at_once_leave_an_idle_chef_to_wait_for_the_timers() -> None:
    """The chef who hears of both calls another, who finds one of them or waits for the timers."""
    trace = simulate(chefs=3, tasks=2, work=9, yields=1, wait=1)
    assert len({card.steps[1].thread for card in cards(trace)}) == 2


def test_a_chef_who_ends_a_step_as_timers_fire_leaves_them_to_the_one_who_holds_the_driver() -> (
    None
):
    """At 3 two waits end and worker-1 is done; worker-3 has been idle since 2.5."""
    trace = simulate(chefs=3, tasks=4, work=3, yields=2, wait=0.5)
    assert [card.steps[2].thread for card in cards(trace) if card.steps[2].ready == 3] == [
        "worker-3",
        "worker-1",
    ]
    assert (3, "stolen: worker-3 to 1") in {(at, x[-21:]) for at, _, x in trace.marks}


def test_a_theft_names_its_card_and_both_workers_in_the_30_letters_of_a_label() -> None:
    trace = simulate(chefs=8, tasks=100, work=1, spawner="task")
    assert trace.marks
    for mark in trace.marks:
        assert len(mark.text) <= 30
        assert re.fullmatch(rf"{trace.name_of(mark.task)} stolen: worker-\d to \d", mark.text)


def test_timers_are_looked_at_after_61_turns_though_there_is_other_work() -> None:
    trace = simulate(chefs=1, tasks=200, work=1, yields=1, wait=10)
    assert min(card.steps[1].start for card in cards(trace)) == (INTERVAL - 2) / 2


def test_while_one_chef_searches_no_other_is_called() -> None:
    """The first takes a batch of two; the third would have stolen one of them."""
    assert simulate(chefs=3, tasks=3, work=0).marks == ()
    assert simulate(chefs=3, tasks=3, work=1).marks != ()


def test_cards_that_yield_come_back_in_reverse_as_on_real_tokio() -> None:
    model = simulate(chefs=1, tasks=4, work=3, yields=2)
    order = [model.by_id[lane].name[-1] for lane in model.sequence if lane]
    assert "".join(order) == "123414321234"


def test_a_chef_takes_a_batch_from_outside_and_leaves_the_others_theirs() -> None:
    """Half and one more, then half of the rest and one more; real cards come one after another."""
    model = simulate(chefs=2, tasks=8, work=1)
    begun = [task.steps[0].thread[-1] for task in cards(model)]
    assert "".join(begun) == "11112222"
    dishes = [task for task in recorded("cpu", 2).tasks if task.name.startswith("dish")]
    runs = [len(list(run)) for _, run in itertools.groupby(d.steps[0].thread for d in dishes)]
    assert max(runs) > 2  # one at a time, the dishes would go to the two in turns


def test_whoever_finds_a_card_after_a_search_calls_the_next_chef() -> None:
    """All four bells ring at once, one chef hears them and calls one other."""
    trace = simulate(chefs=4, tasks=4, work=2, yields=1, wait=10)
    assert [card.steps[1].start for card in cards(trace)] == [11] * 4
    assert len({card.steps[1].thread for card in cards(trace)}) == 4


def test_a_timer_is_heard_by_the_chef_who_has_been_idle_for_longest() -> None:
    card = simulate(chefs=2, tasks=1, work=0, yields=1, wait=1).task("card 1")
    assert [step.thread for step in card.steps] == ["worker-1", "worker-2"]


def test_the_injection_queue_is_looked_at_though_a_chef_has_work_of_its_own() -> None:
    trace = simulate(chefs=2, tasks=400, work=1)
    # One chef takes 201 cards at first, and the other 100 of those that are left. (A chef's first
    # turn finds nothing, so the look comes after two cards less than 61.)
    first, *_, last = cards(trace)[201:301]
    outside = cards(trace)[301]
    assert outside.steps[0].start == INTERVAL - 2
    assert first.end < outside.end < last.steps[0].start


# -- rules of its own ------------------------------------------------------------------------------

PARAMETERS = st.fixed_dictionaries(
    {
        "chefs": st.integers(1, 8),
        "tasks": st.integers(0, 20),
        "work": st.sampled_from([0, 0.1, 1, 7]),
        "yields": st.integers(0, 5),
        "wait": st.sampled_from([0, 0.25, 3]),
        "blocking": st.sampled_from([0, 0.3, 1]),
        "stealing": st.booleans(),
        "spawner": st.sampled_from(["main", "task"]),
        "seed": st.integers(0, 99),
    }
)


@given(PARAMETERS)
@settings(max_examples=60)
def test_every_piece_of_every_card_is_done_exactly_once(given: dict[str, Any]) -> None:
    trace = simulate(**given)
    held = round(given["blocking"] * given["tasks"])
    assert len(cards(trace)) == given["tasks"]
    for n, card in enumerate(cards(trace)):
        waits = given["yields"] * given["wait"]
        assert card.polls == (1 if n < held else given["yields"] + 1)
        assert card.busy == pytest.approx(given["work"] + (waits if n < held else 0), abs=1e-6)
        assert card.outcome is Outcome.RETURNED
        if n >= held:
            assert card.idle == pytest.approx(waits, abs=1e-6)


@given(PARAMETERS)
@settings(max_examples=60)
def test_spans_touch_and_no_chef_does_two_things_at_once(given: dict[str, Any]) -> None:
    trace = simulate(**given)
    for task in trace.tasks:
        at = task.spawned
        for span in task.spans:
            assert span.start == at
            at = span.end
        assert at == (task.end if task.spans else task.spawned)
    for chef in trace.threads():
        steps = [s for task in trace.tasks for s in task.steps if s.thread == chef]
        steps.sort(key=lambda step: (step.start, step.end))
        assert all(a.end <= b.start for a, b in itertools.pairwise(steps))
    assert set(trace.threads()) <= {"main", *(f"worker-{n + 1}" for n in range(given["chefs"]))}
    assert trace.duration * given["chefs"] >= sum(card.busy for card in cards(trace)) - 1e-6


def test_a_run_can_be_saved_and_loaded_as_any_other(tmp_path: Path) -> None:
    trace = simulate(chefs=3, tasks=9, yields=2, spawner="task")
    loaded = Trace.load(trace.save(tmp_path / "model.jsonl.gz"))
    assert lives(loaded) == lives(trace)
    assert (loaded.source, loaded.workers) == ("model", 3)


def test_the_same_seed_gives_the_same_trace_and_another_seed_may_steal_from_another() -> None:
    def run(seed: int) -> list[Any]:
        return lives(simulate(chefs=4, tasks=20, work=1, yields=3, seed=seed))

    assert run(1) == run(1)
    assert len({str(run(seed)) for seed in range(5)}) > 1


def test_it_runs_alike_inside_a_recorded_run_and_leaves_that_run_as_it_was() -> None:
    async def main() -> Trace:
        before = asyncio.current_task()
        await asyncio.sleep(1)
        made = simulate(chefs=2, tasks=4)
        assert asyncio.current_task() is before
        await asyncio.sleep(1)
        return made

    trace = asyncio.run(record(main()))
    assert trace.duration == 2
    assert lives(trace.result) == lives(simulate(chefs=2, tasks=4))


def test_main_awaits_its_cards_in_order_on_a_thread_that_is_no_worker() -> None:
    main = simulate(chefs=2, tasks=3, work=1).task("main")
    assert [(step.start, step.woken_by) for step in main.steps] == [(0, "start"), (1, 1), (2, 2)]
    assert {step.thread for step in main.steps} == {"main"}


def test_a_team_with_no_card_is_done_at_once() -> None:
    trace = simulate(tasks=0)
    assert (trace.duration, len(trace.tasks)) == (0, 1)
    assert simulate(tasks=0, work=1, spawner="task").duration == 2


@pytest.mark.parametrize("bad", [{"chefs": 0}, {"tasks": -1}, {"wait": -1}, {"blocking": 1.5}])
def test_a_number_that_would_hang_or_mean_nothing_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="chefs is at least 1, blocking from 0 to 1"):
        simulate(**bad)
