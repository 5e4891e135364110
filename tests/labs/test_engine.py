"""The lab's machine: one run alive, the last value wins, nothing is left over."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
import time
from collections.abc import Callable

import pytest

from helpers.engine.run import Run
from helpers.labs import lab_run
from helpers.labs.engine import Engine, Event, State
from helpers.trace import Outcome
from tests.labs.conftest import Diary, spec_of, strangers, until, with_ms

Make = Callable[..., tuple[Engine, Diary]]
READY, RUNNING, STOPPING = State.READY, State.RUNNING, State.STOPPING
DONE, STOPPED, FAILED, CLOSED = State.DONE, State.STOPPED, State.FAILED, State.CLOSED


@pytest.fixture
def alive(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many runs are alive now; `alive.most` how many there were at once."""
    runs: list[Run] = []

    class Counted(Run):
        def start(self) -> None:
            runs.append(self)
            count.most = max(count.most, count())  # type: ignore[attr-defined]
            super().start()

    def count() -> int:
        return sum(not run.finished.done() for run in runs)

    count.most = 0  # type: ignore[attr-defined]
    monkeypatch.setattr(lab_run, "Run", Counted)
    return count


def test_a_run_goes_from_ready_over_running_to_done_with_its_trace_and_numbers(make: Make) -> None:
    engine, diary = make("ovens")
    assert engine.state is READY
    engine.request(with_ms(20))
    engine.run()
    assert engine.wait(60)
    assert diary.states == [RUNNING, DONE]
    done = diary.last(DONE)
    assert done.values["ms"] == 20
    assert done.numbers == ("It returned 20.",)
    assert done.trace is not None
    assert done.trace.result == 20
    assert [lane.name for lane in done.trace.tasks] == ["main", "sleep 1", "sleep 2", "sleep 3"]


def test_before_the_first_run_a_changed_value_is_noted_and_not_run(make: Make) -> None:
    engine, diary = make("ovens")
    engine.request(with_ms(20))
    time.sleep(0.2)
    assert (engine.values["ms"], engine.following, diary.events) == (20, False, [])
    assert engine.thread is None


def test_after_a_run_a_changed_value_is_run_by_itself(make: Make) -> None:
    engine, diary = make("ovens", clocks=("virtual",))
    engine.run()
    assert engine.wait(60)
    engine.request(with_ms(77))
    assert engine.wait(60)
    assert diary.values_run() == [50, 77]
    assert diary.last(DONE).numbers == ("It returned 77.",)


def test_a_change_while_it_runs_ends_that_run_and_the_newest_value_is_run(
    make: Make, alive: Callable[[], int]
) -> None:
    engine, diary = make("ovens")
    engine.request(with_ms(10_000))
    engine.run()
    until(lambda: diary.states == [RUNNING])
    for ms in (9000, 8000, 30):
        engine.request(with_ms(ms))
    assert engine.wait(2), "the run of 10 s was not ended"
    assert diary.values_run() == [10_000, 30]
    assert diary.states == [RUNNING, STOPPING, RUNNING, DONE]
    assert alive.most == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("clock", ["real", "virtual"])
def test_in_a_storm_of_100_changes_the_last_wins_and_one_run_is_alive_at_most(
    make: Make, alive: Callable[[], int], nothing_left: set[threading.Thread], clock: str
) -> None:
    engine, diary = make("ovens", clocks=(clock,))
    engine.request(with_ms(500))
    engine.run()
    for ms in range(1, 101):
        time.sleep(0.005)
        engine.request(with_ms(ms * 10))
    assert engine.wait(60)
    assert diary.values_run()[-1] == 1000
    assert diary.last(DONE).numbers == ("It returned 1000.",)
    assert alive.most == 1  # type: ignore[attr-defined]
    assert len(diary.values_run()) < 12, "each change was run for itself"
    until(lambda: strangers(nothing_left) == {engine.thread})


def test_while_a_slider_is_dragged_pictures_come_at_least_every_patience(make: Make) -> None:
    engine, diary = make("ovens", clocks=("virtual",))
    engine.run()
    assert engine.wait(60)
    for ms in range(1, 131):
        time.sleep(0.01)
        engine.request(with_ms(ms))
    assert len(diary.values_run()) >= 4, "nothing was to be seen until the slider was let go"
    assert engine.wait(60)


def test_stop_ends_the_run_at_once_and_keeps_its_picture(
    make: Make, nothing_left: set[threading.Thread]
) -> None:
    engine, diary = make("ovens")
    engine.request(with_ms(10_000))
    engine.run()
    until(lambda: diary.states == [RUNNING])
    began = time.monotonic()
    engine.stop()
    assert engine.wait(60)
    assert time.monotonic() - began < 5
    stopped = diary.last(STOPPED)
    assert stopped.sentence.startswith("Stopped after ")
    assert stopped.trace is not None
    assert {task.outcome for task in stopped.trace.tasks} == {"cancelled"}
    assert not engine.following
    until(lambda: strangers(nothing_left) == {engine.thread})


def test_after_stop_a_changed_value_is_not_run(make: Make) -> None:
    engine, diary = make("ovens", clocks=("virtual",))
    engine.run()
    assert engine.wait(60)
    engine.stop()
    engine.request(with_ms(7))
    time.sleep(0.2)
    assert diary.values_run() == [50]
    assert engine.values["ms"] == 7


def test_a_stop_when_nothing_runs_is_told_and_leaves_the_picture(make: Make) -> None:
    engine, diary = make("ovens", clocks=("virtual",))
    engine.stop()
    engine.run()
    assert engine.wait(60)
    engine.stop()
    assert engine.wait(60)
    assert diary.states == [RUNNING, DONE, STOPPED]
    assert (diary.last(STOPPED).trace, diary.last(STOPPED).sentence) == (None, "")
    engine.stop()
    assert engine.wait(60)
    assert diary.states == [RUNNING, DONE, STOPPED]
    engine.run()
    assert engine.wait(60)
    assert diary.states == [RUNNING, DONE, STOPPED, RUNNING, DONE]


def test_stop_drops_a_change_that_waits_for_its_turn(make: Make) -> None:
    engine, diary = make("ovens", clocks=("virtual",))
    engine.run()
    assert engine.wait(60)
    engine.request(with_ms(7))
    engine.stop()
    assert engine.wait(0.5)
    time.sleep(0.2)
    assert diary.values_run() == [50]
    assert diary.states == [RUNNING, DONE, STOPPED]


def test_a_stop_after_a_run_has_ended_for_the_next_and_before_that_tells_of_the_first(
    nothing_left: set[threading.Thread],
) -> None:
    diary = Diary()
    engine = Engine(spec_of("ovens"), diary, debounce=60, patience=60)
    engine.request(with_ms(10_000))
    engine.run()
    until(lambda: diary.states == [RUNNING])
    engine.request(with_ms(9000))
    until(lambda: diary.states == [RUNNING, STOPPING])
    until(lambda: {t.name for t in strangers(nothing_left)} == {"task-cards-lab-test"})
    engine.stop()
    assert engine.wait(60)
    assert diary.states == [RUNNING, STOPPING, STOPPED]
    stopped = diary.last(STOPPED)
    assert stopped.sentence.startswith("Stopped after ")
    assert stopped.values["ms"] == 10_000
    assert stopped.trace is not None
    engine.close()


def test_stop_during_a_blocking_call_waits_for_its_end_and_says_so(make: Make) -> None:
    engine, diary = make("stare")
    engine.request(with_ms(900))
    engine.run()
    until(lambda: diary.states == [RUNNING])
    engine.stop()
    until(lambda: diary.states == [RUNNING, STOPPING])
    assert engine.wait(60)
    assert diary.states == [RUNNING, STOPPING, STOPPED]


def test_stop_ends_a_step_that_never_ends(make: Make, nothing_left: set[threading.Thread]) -> None:
    engine, diary = make("endless")
    engine.run()
    until(lambda: diary.states == [RUNNING])
    time.sleep(0.1)
    engine.stop()
    assert engine.wait(60), "the endless step goes on"
    assert diary.states == [RUNNING, STOPPING, STOPPED]
    until(lambda: strangers(nothing_left) == {engine.thread})


def test_stop_does_not_wait_for_a_thousand_ready_steps_that_stand_before_it(make: Make) -> None:
    engine, diary = make("crowd")
    engine.run()
    until(lambda: diary.states == [RUNNING])
    time.sleep(0.2)
    engine.stop()
    assert engine.wait(60)
    stopped = diary.last(STOPPED).trace
    assert stopped is not None
    cooked = sum(lane.outcome is Outcome.RETURNED for lane in stopped.tasks)
    assert cooked < 500, "the thousand had their turns first"
    assert len(stopped.task("main").cancels) == 1, "asked to stop twice"


def test_a_run_that_does_not_end_is_ended_at_its_limit_in_a_sentence(make: Make) -> None:
    engine, diary = make("endless", max_seconds=0.3)
    engine.run()
    assert engine.wait(60)
    assert "took more than 0.3 s" in diary.last(FAILED).sentence


def test_the_next_run_waits_until_a_helper_in_a_thread_is_back(
    make: Make, nothing_left: set[threading.Thread]
) -> None:
    engine, diary = make("helper")
    engine.request(with_ms(600))
    engine.run()
    until(lambda: any(t.name.startswith("helper") for t in strangers(nothing_left)))
    began = time.monotonic()
    engine.stop()
    assert engine.wait(60)
    assert time.monotonic() - began > 0.3, "a thread of the run was left behind"
    assert diary.states[-1] is STOPPED
    until(lambda: strangers(nothing_left) == {engine.thread})


def test_reset_goes_back_to_the_defaults_and_clears_the_picture(make: Make) -> None:
    engine, diary = make("ovens")
    engine.request(with_ms(10_000))
    engine.run()
    until(lambda: diary.states == [RUNNING])
    engine.reset()
    assert engine.wait(2)
    assert diary.states == [RUNNING, STOPPING, READY]
    assert diary.events[-1].trace is None
    assert (engine.state, engine.values["ms"], engine.following) == (READY, 50, False)


def test_reset_after_the_end_clears_the_picture_too(make: Make) -> None:
    engine, diary = make("ovens", clocks=("virtual",))
    engine.run()
    assert engine.wait(60)
    engine.reset()
    assert engine.wait(60)
    assert diary.states == [RUNNING, DONE, READY]


def test_run_after_reset_runs_the_defaults(make: Make) -> None:
    engine, diary = make("ovens")
    engine.request(with_ms(10_000))
    engine.run()
    until(lambda: diary.states == [RUNNING])
    engine.reset()
    engine.run()
    assert engine.wait(60)
    assert diary.values_run() == [10_000, 50]
    assert diary.states[-1] is DONE


def test_run_while_it_runs_begins_anew(make: Make, alive: Callable[[], int]) -> None:
    engine, diary = make("ovens")
    engine.request(with_ms(300))
    engine.run()
    until(lambda: diary.states == [RUNNING])
    engine.run()
    assert engine.wait(60)
    assert diary.values_run() == [300, 300]
    assert alive.most == 1  # type: ignore[attr-defined]


def test_snapshots_come_at_most_ten_times_a_second(make: Make) -> None:
    engine, diary = make("ovens")
    engine.request(with_ms(1000))
    engine.run()
    assert engine.wait(30)
    pictures = [event for event in diary.events if event.state is RUNNING and event.trace]
    whole = diary.events[-1].trace
    assert whole is not None
    assert 1 <= len(pictures) <= 10 * whole.duration
    lives = [event.trace.duration for event in pictures if event.trace]
    assert lives == sorted(lives)


def test_a_listener_that_takes_long_gets_fewer_snapshots(nothing_left: object) -> None:
    shown: list[Event] = []

    def slow(event: Event) -> None:
        shown.append(event)
        time.sleep(0.1 if event.trace else 0)

    engine = Engine(spec_of("ovens"), slow)
    engine.request(with_ms(1500))
    engine.run()
    assert engine.wait(60)
    engine.close()
    assert len([event for event in shown if event.state is RUNNING and event.trace]) <= 3


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ("fails", "The run ended in an error: ValueError: burnt."),
        ("nonsense", "The run could not begin: SyntaxError: "),
        ("no main", "The run could not begin: NameError: the program of the test lab has no main"),
    ],
)
def test_an_error_of_the_run_becomes_a_sentence_and_the_lab_lives_on(
    make: Make, program: str, sentence: str
) -> None:
    engine, diary = make(program)
    engine.run()
    assert engine.wait(60)
    assert diary.last(FAILED).sentence.startswith(sentence)
    engine.run()
    assert engine.wait(60)
    assert len(diary.values_run()) == 2


def test_values_that_cannot_be_run_are_refused_in_a_sentence(make: Make) -> None:
    engine, diary = make(
        "ovens", refusal=lambda v: "Too long." if v["ms"] > 5000 else "", clocks=("virtual",)
    )
    engine.request(with_ms(5001))
    engine.run()
    assert engine.wait(60)
    assert (diary.states, diary.last(FAILED).sentence) == ([FAILED], "Too long.")
    engine.request(with_ms(5000))
    assert engine.wait(60)
    assert diary.states == [FAILED, RUNNING, DONE]


@pytest.mark.parametrize("values", [{"ms": -1}, {"ms": 10_001}, {"ms": "a"}, {"oven": 1}])
def test_values_out_of_their_limits_are_an_error_and_change_nothing(
    make: Make, values: dict[str, object]
) -> None:
    engine, _ = make("ovens")
    with pytest.raises(ValueError, match="got|has no"):
        engine.request(values)  # type: ignore[arg-type]
    assert engine.values["ms"] == 50


def test_a_fault_in_the_numbers_or_in_the_listener_does_not_end_the_lab(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    engine, diary = make("ovens", numbers=lambda values, trace: 1 / 0, clocks=("virtual",))
    engine.run()
    assert engine.wait(60)
    assert "the lab itself has a fault: zerodivisionerror" in diary.last(FAILED).sentence.lower()

    def broken(event: Event) -> None:
        raise RuntimeError("no screen")

    other = Engine(spec_of("ovens"), broken)
    other.run()
    assert other.wait(60)
    assert other.state is DONE
    assert "no screen" in caplog.text
    other.close()


def test_close_ends_the_run_and_the_thread(make: Make, nothing_left: set[threading.Thread]) -> None:
    engine, diary = make("ovens")
    engine.request(with_ms(10_000))
    engine.run()
    until(lambda: diary.states == [RUNNING])
    engine.close()
    until(lambda: not strangers(nothing_left), 2)
    assert engine.state is CLOSED
    assert diary.states == [RUNNING, STOPPING, CLOSED]


def test_after_close_calls_do_nothing(make: Make) -> None:
    engine, diary = make("ovens")
    engine.close()
    assert engine.state is CLOSED
    for call in (engine.run, engine.stop, engine.reset, engine.close):
        call()
    engine.request(with_ms(3))
    assert engine.wait(1)
    assert (diary.events, engine.thread, engine.values["ms"]) == ([], None, 50)


def test_an_engine_that_nobody_holds_ends_its_thread(
    nothing_left: set[threading.Thread],
) -> None:
    class Panel:
        def __init__(self) -> None:
            self.engine = Engine(spec_of("ovens"), self.show)

        def show(self, event: Event) -> None:
            self.event = event

    def open_and_run() -> None:
        panel = Panel()
        panel.engine.request(with_ms(10_000))
        panel.engine.run()
        until(lambda: panel.engine.state is RUNNING)

    open_and_run()
    gc.collect()
    until(lambda: not strangers(nothing_left), 2)


def test_calls_from_many_threads_and_loops_at_once_leave_one_run_and_the_last_value(
    make: Make, alive: Callable[[], int], nothing_left: set[threading.Thread]
) -> None:
    engine, diary = make("ovens")

    def clicks(seed: int) -> None:
        dice = random.Random(seed)
        acts = [engine.run, engine.stop, engine.reset, lambda: engine.request(with_ms(400))]
        for _ in range(40):
            dice.choice(acts)()
            time.sleep(dice.random() / 200)

    async def on_a_loop() -> None:
        clicks(99)

    threads = [threading.Thread(target=clicks, args=(seed,)) for seed in range(5)]
    threads.append(threading.Thread(target=lambda: asyncio.run(on_a_loop())))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.request(with_ms(25))
    engine.run()
    assert engine.wait(60)
    assert diary.last(DONE).values["ms"] == 25
    assert diary.events[-1].state is DONE
    assert alive.most == 1  # type: ignore[attr-defined]
    assert alive() == 0
    until(lambda: strangers(nothing_left) == {engine.thread})


def test_where_no_thread_can_be_started_the_lab_says_so(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, diary = make("ovens")

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        engine.run()
    assert "no threads here" in diary.last(FAILED).sentence
    assert engine.wait(1)
