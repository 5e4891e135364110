"""What lesson 03 says beside its compared cells, and its answers to "Try it"."""

from __future__ import annotations

import asyncio
import inspect
import threading
from asyncio import Lock, Semaphore
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from helpers import Trace, busy, load_recording
from helpers.trace import LaneKind
from tests.lessons.source import answer, lesson, program, run


def says(*claims: str) -> bool:
    """Whether the lesson holds these sentences, wherever its lines end."""
    text = " ".join(lesson("03").replace("\n#", " ").split())
    return all(" ".join(claim.split()) in text for claim in claims)


def late(trace: Trace) -> float:
    """By how much `stir` was late at worst."""
    return max(step.start - step.ready for step in trace.task("stir").steps)


def test_two_who_stare_make_the_first_stir_late_by_both() -> None:
    one = '(stir(), name="stir")\n    await asyncio.create_task(oven(), name="oven")'
    two = '(stir(10), name="stir")\n    await asyncio.gather(oven(), oven())'
    kitchen = program("03", 2, (one, two))
    stir = run(kitchen.kitchen(kitchen.stare)).task("stir")
    first = stir.steps[1]
    assert f"late by {first.start - first.ready:g} minutes: both steps" in answer("03", 1)


def test_three_coarse_pieces_are_as_bad_as_one() -> None:
    fine = 'range(6):\n        busy(1)\n        await asyncio.sleep(0)  # "anyone else?"'
    coarse = "range(3):\n        busy(2)\n        await asyncio.sleep(0)"
    kitchen = program("03", 3, (fine, coarse))
    trace = run(kitchen.bakery(kitchen.in_pieces))
    assert f"late by {late(trace):g} minutes: the bell rings" in answer("03", 2)
    assert f"minute {trace.task('stir').steps[1].ready:g}, in the middle" in answer("03", 2)
    assert late(trace) == late(run(kitchen.bakery(kitchen.in_one_go)))
    claim = "then come two more pieces. Three coarse pieces are as bad as one here."
    assert claim in answer("03", 2)


def test_forty_calls_share_the_helpers_of_the_pool() -> None:
    async def forty_calls() -> None:
        await asyncio.gather(*(asyncio.to_thread(busy, 1) for _ in range(40)))

    trace = run(forty_calls())
    begun = [lane.steps[0].start for lane in trace.lanes if lane.busy]
    assert trace.duration == 2
    assert f"has {begun.count(0)} helpers" in answer("03", 3)
    assert (begun.count(1), "The last eight wait" in answer("03", 3)) == (8, True)


def test_a_stir_beside_one_go_waits_until_the_chef_looks_up() -> None:
    kitchen = program("03", 3)
    trace = run(kitchen.bakery(kitchen.in_one_go))
    first = trace.task("stir").steps[1]
    assert (first.ready, first.start) == (1, 6)
    assert says("`stir` is 5 minutes late: its bell rings at minute 1, and the chef looks up at 6.")


@pytest.mark.parametrize("doughs", range(1, 13))
def test_the_first_stir_comes_after_the_turn_of_its_bell_and_two_more(doughs: int) -> None:
    kitchen = program("03", 3)
    stir = run(kitchen.bakery(kitchen.in_pieces, doughs)).task("stir")
    assert stir.steps[1].start == 3 * doughs
    assert max(step.start - step.ready for step in stir.steps) == 3 * doughs - 1
    assert says("the first stir comes at minute 3 *n*: the turn in which the bell rings, and two")


@pytest.mark.parametrize(("cards", "stare"), [(1, 2), (3, 2), (7, 2)])
def test_blocking_adds_up_and_waiting_does_not(cards: int, stare: int) -> None:
    kitchen = program("03", 2)
    assert run(kitchen.all_of(kitchen.stare_2, cards)).duration == cards * stare
    assert run(kitchen.all_of(kitchen.bell_2, cards)).duration == stare
    assert says("one chef needs *n × d*, and with bells it is *d*.")


def test_a_thousand_awaits_of_a_full_queue_are_one_step() -> None:
    async def empty_the_counter() -> None:
        counter: asyncio.Queue[int] = asyncio.Queue()
        for plate in range(1000):
            counter.put_nowait(plate)
        while not counter.empty():
            await counter.get()

    assert run(empty_the_counter()).task("empty_the_counter").polls == 1
    assert says("a thousand `await queue.get()` in a row are one step.")


def test_a_job_that_queues_can_be_taken_back_and_one_that_has_begun_cannot() -> None:
    began, go_on = threading.Event(), threading.Event()

    def job() -> None:
        began.set()
        go_on.wait()

    with ThreadPoolExecutor(max_workers=1) as pool:
        first, second = pool.submit(job), pool.submit(job)
        began.wait()
        assert (first.cancel(), second.cancel()) == (False, True)
        go_on.set()
    assert says("once it has begun nobody can cancel it. (A job that still queues for a thread can")


def test_the_end_of_a_program_waits_for_a_helper_who_has_begun() -> None:
    began, ended = threading.Event(), threading.Event()

    def job() -> None:
        began.set()
        threading.Event().wait(0.05)
        ended.set()

    async def main() -> None:
        waiting = asyncio.create_task(asyncio.to_thread(job))
        await asyncio.get_running_loop().run_in_executor(None, began.wait)
        waiting.cancel()

    asyncio.run(main())
    assert ended.is_set()
    assert says("the end of the program waits for a helper who has begun")


@pytest.mark.parametrize("times", range(3))
def test_the_mended_program_asks_the_supplier_once_for_each_guest(times: int) -> None:
    kitchen = program("03", 5)
    assert kitchen.late_music(run(kitchen.evening())) == 0
    assert sorted(kitchen.ASKED) == ["salad", "soup", "soup"]
    assert says("the supplier is asked three times.")


def test_debug_mode_tells_of_steps_above_a_tenth_of_a_second() -> None:
    loop = asyncio.new_event_loop()
    try:
        assert loop.slow_callback_duration == 0.1
    finally:
        loop.close()
    assert says("longer than `loop.slow_callback_duration`, 0.1 s unless", "from 0.1 s on")


@pytest.mark.parametrize("make", [Lock, lambda: Semaphore(1)], ids=["lock", "semaphore"])
def test_who_gives_back_and_asks_again_goes_to_the_end_of_the_line(
    make: Callable[[], Lock | Semaphore],
) -> None:
    async def main() -> list[str]:
        turns, oven = [], make()

        async def bake(name: str) -> None:
            for _ in range(2):
                await oven.acquire()
                turns.append(name)
                await asyncio.sleep(1)
                oven.release()

        await asyncio.gather(*map(bake, "abc"))
        return turns

    assert run(main()).result == list("abcabc")
    assert says("who gives a lock back and asks again goes to the end of the line.")


def test_a_lock_belongs_to_the_loop_in_which_a_task_first_waited_for_it() -> None:
    lock = Lock()

    async def two() -> None:
        async def hold() -> None:
            async with lock:
                await asyncio.sleep(0)

        await asyncio.gather(hold(), hold())

    asyncio.run(two())
    with pytest.raises(RuntimeError, match="is bound to a different event loop"):
        asyncio.run(two())
    assert says("fails then with `is bound to a different event loop`; so make locks and queues")


def test_two_locks_in_two_orders_stand_still_and_record_says_so() -> None:
    kitchen = program("03", 11)
    with pytest.raises(RuntimeError, match="deadlock") as still:
        run(kitchen.two_locks(same_order=False))
    trace = still.value.trace  # type: ignore[attr-defined]
    assert {"soup", "roast"} <= {trace.by_id[f.task].name for f in trace.findings}


def test_in_the_recordings_workers_share_stares_out_and_a_late_one_stops_all_timers() -> None:
    for workers in (1, 2, 4):
        if workers == 1:
            trace = load_recording("blocking_sleep", runtime="current_thread")
        else:
            trace = load_recording("blocking_sleep", runtime="multi_thread", workers=workers)
        assert round(trace.duration, 1) == round(0.2 * -(-3 // workers), 1)
    for workers in (2, 4):
        stall = load_recording("stall", runtime="multi_thread", workers=workers)
        assert stall.findings[0].startswith("`roast` blocked worker-")
        first, blocking = stall.task("roast").steps
        assert first.end < 0.05 < blocking.start
        meanwhile = [
            step
            for lane in stall.lanes
            if lane.kind is not LaneKind.THREAD
            for step in lane.steps
            if blocking.start < step.start < blocking.end
        ]
        assert meanwhile == []


def test_the_helpers_of_plain_asyncio_are_the_cores_and_four_and_at_most_32() -> None:
    source = inspect.getsource(ThreadPoolExecutor.__init__)
    assert "min(32, (os." in source
    assert "+ 4)" in source
    assert says("| helpers | up to 512, made when needed | the number of cores + 4, 32 at most |")
