"""The lab's engine: one run alive, the newest wish wins, nothing is left over."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
import time

import pytest

from helpers.labs.engine import Engine, Event, State
from helpers.run.session import Run
from helpers.trace import Outcome
from tests.labs.conftest import HOUR, Diary, Door, Make, served, spec_of, wait_for_strangers

READY, RUNNING, STOPPING = State.READY, State.RUNNING, State.STOPPING
DONE, STOPPED, FAILED, CLOSED = State.DONE, State.STOPPED, State.FAILED, State.CLOSED
# Seconds that no test lasts.
LONG = 3600


@pytest.fixture
def alive(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many runs were alive when each of them was started, itself included."""
    runs: list[Run] = []
    counts: list[int] = []
    start = Run.start

    def counted(run: Run) -> None:
        runs.append(run)
        counts.append(sum(not run.finished.done() for run in runs))
        start(run)

    monkeypatch.setattr(Run, "start", counted)
    return counts


def run(engine: Engine) -> None:
    """Have the engine run its values to their end."""
    engine.ask(RUNNING)
    assert served(engine, 60)


def run_for_an_hour(engine: Engine, diary: Diary) -> Event:
    """Have the engine begin a run that goes on until it is ended; the first picture of it."""
    engine.request({"ms": HOUR})
    engine.ask(RUNNING)
    return diary.next(RUNNING, with_trace=True)


def test_a_run_on_the_real_clock_does_not_begin_while_a_page_shows_that_it_does(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments: list[float] = []
    start = Run.start

    def stamped(run: Run) -> None:
        moments.append(time.monotonic())
        start(run)

    monkeypatch.setattr(Run, "start", stamped)
    engine, diary = make("ovens")

    def heard(event: Event) -> None:
        diary(event)
        moments.append(time.monotonic())

    monkeypatch.setattr(engine, "_listener", heard)
    run(engine)
    assert diary.states == [RUNNING, DONE]
    told, begun, _ = moments
    assert begun - told >= 0.05


@pytest.mark.parametrize(
    ("asked", "heard"),
    [
        ([STOPPED], []),
        ([READY], []),
        ([CLOSED, RUNNING, READY], []),
        ([RUNNING, STOPPED, STOPPED], [DONE, STOPPED]),
        ([RUNNING, STOPPED, RUNNING], [DONE, STOPPED, DONE]),
        ([RUNNING, READY, STOPPED], [DONE, READY]),
        ([RUNNING, CLOSED, RUNNING], [DONE, CLOSED]),
    ],
)
def test_a_wish_that_comes_when_nothing_runs_is_told_if_it_changes_anything(
    make: Make, asked: list[State], heard: list[State]
) -> None:
    engine, diary = make("ovens", clocks=("virtual",))
    for state in asked:
        engine.ask(state)
        assert served(engine, 60)
    assert diary.states == heard
    assert (engine.thread is None) == (heard == [])
    assert (engine.state is CLOSED) == (CLOSED in asked)


@pytest.mark.parametrize("program", ["blocking", "helper"])
@pytest.mark.parametrize(
    "wishes",  # what is asked for, and what is heard of it
    [
        ([STOPPED], [STOPPED]),
        ([READY], [READY]),
        ([CLOSED], [CLOSED]),
        ([RUNNING], [RUNNING, DONE]),
        ([READY, RUNNING], [RUNNING, DONE]),
        ([READY, STOPPED], [READY]),
    ],
)
def test_a_wish_waits_until_the_run_that_is_alive_has_ended_with_its_threads(
    make: Make, alive: list[int], door: Door, program: str, wishes: tuple[list[State], list[State]]
) -> None:
    engine, diary = make(program)
    asked, heard = wishes
    engine.ask(RUNNING)
    assert door.reached.wait(60)
    for state in asked:
        engine.ask(state)
    diary.next(STOPPING)
    assert not served(engine, 0.1), "a blocking call was left behind"
    assert diary.states == [RUNNING, STOPPING]
    door.opened.set()
    assert served(engine, 60)
    assert diary.states == [RUNNING, STOPPING, *heard]
    assert set(alive) == {1}


def test_stop_ends_a_run_at_once_and_keeps_its_picture(
    make: Make, nothing_left: set[threading.Thread]
) -> None:
    engine, diary = make("ovens")
    run_for_an_hour(engine, diary)
    engine.ask(STOPPED)
    assert served(engine, 60), "the run of an hour was not ended"
    stopped, trace = diary.last()
    assert stopped.state is STOPPED
    assert stopped.sentence.startswith("Stopped after ")
    assert {task.outcome for task in trace.tasks} == {"cancelled"}
    wait_for_strangers(nothing_left, but=engine.thread)
    engine.request({"ms": 7})
    assert served(engine, 60)
    assert diary.values_run() == [HOUR], "after Stop a changed value was run"
    run(engine)
    assert diary.values_run() == [HOUR, 7]


def test_reset_goes_back_to_the_defaults_and_close_ends_the_thread(
    make: Make, nothing_left: set[threading.Thread]
) -> None:
    engine, diary = make("ovens")
    run_for_an_hour(engine, diary)
    engine.ask(READY)
    assert served(engine, 60), "the run of an hour was not ended"
    assert (diary.events[-1].trace, engine.state, engine.values) == (None, READY, {"ms": 50})
    run_for_an_hour(engine, diary)
    engine.ask(CLOSED)
    wait_for_strangers(nothing_left)
    assert diary.states[-3:] == [RUNNING, STOPPING, CLOSED]


def test_stop_ends_a_step_that_never_ends(
    make: Make, nothing_left: set[threading.Thread], door: Door
) -> None:
    engine, diary = make("endless")
    engine.ask(RUNNING)
    assert door.reached.wait(60)
    engine.ask(STOPPED)
    assert served(engine, 60), "the endless step goes on"
    assert diary.states == [RUNNING, STOPPING, STOPPED]
    wait_for_strangers(nothing_left, but=engine.thread)


def test_stop_does_not_wait_for_a_thousand_ready_steps_that_stand_before_it(
    make: Make, door: Door
) -> None:
    engine, diary = make("crowd")
    engine.ask(RUNNING)
    assert door.reached.wait(60)
    engine.ask(STOPPED)
    diary.next(STOPPING)
    door.opened.set()
    assert served(engine, 60)
    trace = diary.last()[1]
    cooked = sum(task.outcome is Outcome.RETURNED for task in trace.tasks)
    assert cooked <= 1, "others than the one at the door had their turns first"
    assert len(trace.task("main").cancels) == 1, "asked to stop twice"


def test_a_change_is_noted_before_the_first_run_and_then_ends_the_run_that_is_alive(
    make: Make, alive: list[int]
) -> None:
    engine, diary = make("ovens")
    engine.request({"ms": 40})
    assert (engine.state, diary.states) == (State.READY, [])
    run_for_an_hour(engine, diary)
    engine.request({"ms": 30})
    assert served(engine, 60), "the run of an hour was not ended"
    assert diary.values_run() == [HOUR, 30]
    assert diary.states == [RUNNING, STOPPING, RUNNING, DONE]
    assert (diary.last()[1].result, alive) == (30, [1, 1])


@pytest.mark.parametrize("clock", ["real", "virtual"])
def test_of_100_changes_while_a_run_is_being_ended_the_last_alone_is_run(
    make: Make, alive: list[int], nothing_left: set[threading.Thread], door: Door, clock: str
) -> None:
    engine, diary = make("blocking", clocks=(clock,))
    engine.at_once = 0
    engine.ask(RUNNING)
    assert door.reached.wait(60)
    for ms in range(1, 101):
        engine.request({"ms": ms * 10})
    diary.next(STOPPING)
    engine.at_once = LONG
    door.opened.set()
    assert served(engine, 60)
    assert diary.values_run() == [50, 1000]
    assert diary.states == [RUNNING, STOPPING, *([RUNNING] if clock == "real" else []), DONE]
    assert alive == [1, 1]
    wait_for_strangers(nothing_left, but=engine.thread)


def test_a_change_that_others_may_follow_waits_and_is_dropped_by_stop(make: Make) -> None:
    engine, diary = make("ovens", clocks=("real",))
    engine.patience = LONG
    run(engine)
    for ms in range(1, 101):
        engine.request({"ms": ms})
    assert not served(engine, 0.1), "nothing is wanted any more, or the change was run"
    engine.ask(STOPPED)
    assert served(engine, 60), "the change still waits"
    assert diary.values_run() == [50]
    assert diary.states == [RUNNING, DONE, STOPPED]


def test_a_change_that_nothing_follows_is_run(make: Make) -> None:
    engine, diary = make("ovens", clocks=("virtual",))
    engine.patience = 0.01
    run(engine)
    engine.request({"ms": 7})
    assert served(engine, 60)
    assert diary.values_run() == [50, 7]


def test_while_a_slider_is_dragged_a_value_is_run_when_patience_is_over(make: Make) -> None:
    engine, diary = make("ovens", clocks=("real",))
    engine.patience = 0.5
    run(engine)
    for ms in range(1000):
        engine.request({"ms": ms})
        if len(diary.values_run()) > 1:
            break
        served(engine, 0.005)
    else:
        pytest.fail("nothing was to be seen until the slider was let go")
    assert served(engine, 60)


def test_on_the_virtual_clock_a_change_is_run_without_patience(make: Make) -> None:
    engine, diary = make("ovens", clocks=("virtual",))
    engine.patience = LONG
    run(engine)
    engine.request({"ms": 7})
    assert served(engine, 60)
    assert diary.values_run() == [50, 7]


def test_a_run_on_the_virtual_clock_is_said_to_run_when_it_does_not_end_at_once(
    make: Make, door: Door
) -> None:
    engine, diary = make("blocking", clocks=("virtual",))
    engine.at_once = 0.01
    engine.ask(RUNNING)
    diary.next(RUNNING)
    door.opened.set()
    assert served(engine, 60)
    engine.at_once = LONG
    run(engine)
    assert diary.states == [RUNNING, DONE]
    assert [event.state for event in diary.events[-2:]] == [DONE, DONE]


def test_a_change_does_not_end_a_run_that_ends_at_once_so_that_a_drag_is_followed(
    make: Make, door: Door
) -> None:
    engine, diary = make("blocking", clocks=("virtual",))
    engine.ask(RUNNING)
    assert door.reached.wait(60)
    engine.request({"ms": 7})
    door.opened.set()
    assert served(engine, 60)
    assert [(event.state, event.values["ms"]) for event in diary.events] == [(DONE, 50), (DONE, 7)]


def test_a_stop_after_a_run_has_ended_for_the_next_and_before_that_tells_of_the_first(
    make: Make, nothing_left: set[threading.Thread]
) -> None:
    engine, diary = make("ovens")
    engine.patience = LONG
    run_for_an_hour(engine, diary)
    engine.request({"ms": 9000})
    diary.next(STOPPING)
    wait_for_strangers(nothing_left, but=engine.thread)
    engine.ask(STOPPED)
    assert served(engine, 60)
    assert diary.states == [RUNNING, STOPPING, STOPPED]
    stopped, _ = diary.last()
    assert stopped.sentence.startswith("Stopped after ")
    assert stopped.values == {"ms": HOUR}


# A pause is counted from the end of one picture or from its start, whichever ends later.
@pytest.mark.parametrize(("held", "pause"), [(0, 0.08), (0.1, 0.5)])
def test_pictures_come_ten_times_a_second_and_fewer_if_they_take_long(
    make: Make, held: float, pause: float
) -> None:
    engine, diary = make("ovens")
    diary.held = held
    pictures = [run_for_an_hour(engine, diary)]
    pictures += [diary.next(RUNNING, with_trace=True) for _ in range(2)]
    engine.ask(STOPPED)
    taken = [picture.trace.duration for picture in pictures if picture.trace is not None]
    assert all(later - earlier > pause for earlier, later in itertools.pairwise(taken))


def test_of_a_lab_that_shows_what_its_program_returns_no_picture_is_shown_before(
    make: Make, door: Door
) -> None:
    engine, diary = make("blocking", shows_result=True)
    engine.ask(RUNNING)
    assert door.reached.wait(60)
    assert not served(engine, 0.3), "the program stands at the door"
    door.opened.set()
    assert served(engine, 60)
    assert [event.trace for event in diary.events if event.state is RUNNING] == [None]


@pytest.mark.parametrize(
    ("program", "more", "sentence"),
    [
        ("fails", {}, "The run ended in an error: ValueError: burnt (line 7 of the code)."),
        ("endless", {"max_seconds": 0.3}, "the run took more than 0.3 s"),
        ("ovens", {"source": lambda _: 1 / 0}, "The lab itself has a fault: ZeroDivisionError: "),
    ],
)
def test_an_error_becomes_a_sentence_that_stop_leaves_and_the_lab_lives_on(
    make: Make, program: str, more: dict[str, object], sentence: str
) -> None:
    engine, diary = make(program, **more)
    run(engine)
    assert sentence in diary.events[-1].sentence
    engine.ask(STOPPED)
    assert served(engine, 60)
    assert diary.states == [RUNNING, FAILED]
    run(engine)
    assert diary.states == [RUNNING, FAILED, RUNNING, FAILED]


def test_a_fault_in_the_listener_does_not_end_the_lab(
    nothing_left: object, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(event: Event) -> None:
        raise RuntimeError("no screen")

    engine = Engine(spec_of("ovens"), broken)
    run(engine)
    assert engine.state is DONE
    assert "no screen" in caplog.text
    engine.ask(CLOSED)


def test_calls_from_many_threads_and_loops_at_once_leave_one_run_and_the_last_value(
    make: Make, alive: list[int], nothing_left: set[threading.Thread]
) -> None:
    engine, diary = make("ovens")

    def clicks(seed: int) -> None:
        dice = random.Random(seed)
        for _ in range(40):
            state = dice.choice([RUNNING, STOPPED, READY, None])
            if state is None:
                engine.request({"ms": 400})
            else:
                engine.ask(state)
            served(engine, dice.random() / 200)

    async def on_a_loop() -> None:
        clicks(99)

    threads = [threading.Thread(target=clicks, args=(seed,)) for seed in range(5)]
    threads.append(threading.Thread(target=lambda: asyncio.run(on_a_loop())))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.request({"ms": 25})
    run(engine)
    done, _ = diary.last()
    assert (done.state, done.values) == (DONE, {"ms": 25})
    assert set(alive) == {1}
    wait_for_strangers(nothing_left, but=engine.thread)


def test_where_no_thread_can_be_started_the_lab_says_so(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, diary = make("ovens")

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        engine.ask(RUNNING)
    assert "real threads" in diary.events[-1].sentence
    assert (engine.state, served(engine, 1)) == (FAILED, True)


BOTH = ("real", "virtual")


def test_where_no_thread_can_be_started_a_virtual_run_and_the_next_value_run_in_the_caller(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, diary = make("ovens", clocks=("virtual",))

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    engine.ask(RUNNING)
    engine.request({"ms": 100})
    engine.ask(STOPPED)  # nothing is running any more
    engine.ask(READY)
    ran = [event.trace and event.trace.result for event in diary.events]
    assert [event.state for event in diary.events] == [DONE, DONE, READY]
    assert ran == [50, 100, None]


def test_before_the_first_run_and_after_stop_a_changed_value_is_previewed(make: Make) -> None:
    engine, diary = make("ovens", clocks=BOTH)
    engine.request({"ms": 50, "clock": "real"})
    assert engine.thread is None, "nothing has changed"
    engine.request({"ms": HOUR, "clock": "real"})
    assert served(engine, 60)
    event, trace = diary.last()
    assert (event.state, event.pale, event.values["ms"]) == (READY, True, HOUR)
    assert (trace.duration, engine.state) == (HOUR / 1000, READY)
    run_for_an_hour(engine, diary)
    engine.ask(STOPPED)
    engine.request({"ms": 7, "clock": "virtual"})
    assert served(engine, 60)
    stopped, pale = diary.events[-2:]
    assert (stopped.pale, stopped.sentence[:13]) == (False, "Stopped after")
    assert (pale.pale, pale.values["ms"], engine.state) == (True, 7, STOPPED)
    engine.ask(READY)
    assert served(engine, 60)
    assert diary.events[-1] == (READY, engine.spec.defaults(), None, "", False)


@pytest.mark.parametrize(("clock", "pale"), [("real", [True, False]), ("virtual", [False])])
def test_on_the_real_clock_a_change_is_previewed_until_its_run_is_done(
    make: Make, clock: str, pale: list[bool]
) -> None:
    engine, diary = make("ovens", clocks=BOTH)
    engine.patience = 0.5
    run(engine)
    assert not any(event.pale for event in diary.events)
    done = len(diary.events)
    engine.request({"ms": 7, "clock": clock})
    assert served(engine, 60)
    shown = [event for event in diary.events[done:] if event.trace is not None]
    assert [event.pale for event in shown] == pale
    assert shown[-1].state is DONE
    assert diary.values_run() == [50, 7]


def test_a_reset_that_a_change_overtakes_is_told_before_the_preview(make: Make, door: Door) -> None:
    engine, diary = make("blocking", clocks=BOTH)
    engine.ask(RUNNING)
    assert door.reached.wait(60)
    engine.ask(READY)
    engine.request({"ms": 7, "clock": "real"})
    diary.next(STOPPING)
    door.opened.set()
    assert served(engine, 60)
    told = [(event.state, event.pale) for event in diary.events[-2:]]
    assert told == [(READY, False), (READY, True)]


def test_of_many_changes_during_a_preview_the_last_is_previewed_next(
    make: Make, alive: list[int], door: Door
) -> None:
    engine, diary = make("blocking", clocks=BOTH)
    engine.request({"ms": 1, "clock": "real"})
    assert door.reached.wait(60)
    for ms in range(2, 100):
        engine.request({"ms": ms, "clock": "real"})
    door.opened.set()
    assert served(engine, 60)
    assert [(event.values["ms"], event.pale) for event in diary.events] == [(1, True), (99, True)]
    assert alive == [1, 1]


@pytest.mark.parametrize("program", ["fails", "endless"])
def test_a_preview_that_fails_or_takes_long_is_empty(make: Make, program: str) -> None:
    engine, diary = make(program, clocks=BOTH)
    engine.request({"ms": 1, "clock": "real"})
    assert served(engine, 60)
    event, trace = diary.last()
    assert (event.pale, trace.lanes, engine.state) == (True, (), READY)
    engine.ask(CLOSED)
    engine.request({"ms": 2, "clock": "real"})
    assert served(engine, 60)
    assert diary.states == [CLOSED]


def test_where_there_are_no_threads_a_preview_is_made_at_once(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, diary = make("ovens", clocks=BOTH)

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        engine.request({"ms": 7, "clock": "real"})
        event, trace = diary.last()
        assert (event.pale, trace.result, engine.thread) == (True, 7, None)
        engine.ask(RUNNING)
        engine.request({"ms": 8, "clock": "real"})
    assert [event.state for event in diary.events] == [READY, FAILED, READY]
    assert (engine.state, diary.last()[1].result) == (FAILED, 8)


def test_a_fault_in_a_preview_is_told(make: Make) -> None:
    engine, diary = make("ovens", clocks=BOTH, source=lambda _: 1 / 0)
    engine.request({"ms": 7, "clock": "real"})
    assert served(engine, 60)
    assert [event.state for event in diary.events] == [FAILED]
