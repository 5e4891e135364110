"""The lab's machine: one run alive, the last value wins, nothing is left over."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
from collections.abc import Callable

import pytest

from helpers import busy
from helpers.labs.engine import Engine, Event, State
from helpers.run.session import Run
from helpers.trace import Outcome
from tests.labs.conftest import HOUR, Diary, Door, spec_of, wait_for_strangers, with_ms

Make = Callable[..., tuple[Engine, Diary]]
READY, RUNNING, STOPPING = State.READY, State.RUNNING, State.STOPPING
DONE, STOPPED, FAILED, CLOSED = State.DONE, State.STOPPED, State.FAILED, State.CLOSED
# Seconds that no test lasts.
LONG = 3600


@pytest.fixture
def alive(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many runs are alive now; `alive.most` how many there were at once."""
    runs: list[Run] = []
    start = Run.start

    def counted(run: Run) -> None:
        runs.append(run)
        count.most = max(count.most, count())  # type: ignore[attr-defined]
        start(run)

    def count() -> int:
        return sum(not run.finished.done() for run in runs)

    count.most = 0  # type: ignore[attr-defined]
    monkeypatch.setattr(Run, "start", counted)
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
    assert (engine.values["ms"], engine.following, diary.events) == (20, False, [])
    assert engine.thread is None


def test_a_change_while_it_runs_ends_that_run_and_the_new_value_is_run(
    make: Make, alive: Callable[[], int]
) -> None:
    engine, diary = make("ovens")
    engine.request(with_ms(HOUR))
    engine.run()
    diary.next(RUNNING)
    engine.request(with_ms(30))
    assert engine.wait(60), "the run of an hour was not ended"
    assert diary.values_run() == [HOUR, 30]
    assert diary.states == [RUNNING, STOPPING, RUNNING, DONE]
    assert alive.most == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("clock", ["real", "virtual"])
def test_of_100_changes_while_a_run_is_being_ended_the_last_alone_is_run(
    make: Make,
    alive: Callable[[], int],
    nothing_left: set[threading.Thread],
    door: Door,
    clock: str,
) -> None:
    engine, diary = make("blocking", clocks=(clock,))
    engine.run()
    door.wait_until_reached()
    for ms in range(1, 101):
        engine.request(with_ms(ms * 10))
    diary.next(STOPPING)
    door.open()
    assert engine.wait(60)
    assert diary.values_run() == [50, 1000]
    assert diary.states == [RUNNING, STOPPING, RUNNING, DONE]
    assert alive.most == 1  # type: ignore[attr-defined]
    wait_for_strangers(nothing_left, but=engine.thread)


def test_a_change_that_others_may_follow_is_not_run_yet(make: Make) -> None:
    engine, diary = make("ovens", clocks=("virtual",), debounce=LONG, patience=LONG)
    engine.run()
    assert engine.wait(60)
    for ms in range(1, 101):
        engine.request(with_ms(ms))
    assert not engine.wait(0.2), "nothing is wanted any more, or the change was run"
    assert diary.values_run() == [50]


def test_a_change_that_nothing_follows_is_run(make: Make) -> None:
    engine, diary = make("ovens", clocks=("virtual",), debounce=0.01, patience=LONG)
    engine.run()
    assert engine.wait(60)
    engine.request(with_ms(7))
    assert engine.wait(60)
    assert diary.values_run() == [50, 7]
    assert diary.last(DONE).numbers == ("It returned 7.",)


def test_while_a_slider_is_dragged_a_value_is_run_when_patience_is_over(make: Make) -> None:
    engine, diary = make("ovens", clocks=("virtual",), debounce=LONG, patience=0.05)
    engine.run()
    assert engine.wait(60)
    dragged = itertools.cycle(range(1, 1001))
    for _ in range(10_000):
        engine.request(with_ms(next(dragged)))
        if len(diary.values_run()) >= 4:
            break
        engine.wait(0.005)
    else:
        pytest.fail("nothing was to be seen until the slider was let go")
    assert engine.wait(60)


def test_stop_ends_the_run_at_once_and_keeps_its_picture(
    make: Make, nothing_left: set[threading.Thread]
) -> None:
    engine, diary = make("ovens")
    engine.request(with_ms(HOUR))
    engine.run()
    diary.next(RUNNING, with_trace=True)
    engine.stop()
    assert engine.wait(60), "the run of an hour was not ended"
    stopped = diary.last(STOPPED)
    assert stopped.sentence.startswith("Stopped after ")
    assert stopped.trace is not None
    assert {task.outcome for task in stopped.trace.tasks} == {"cancelled"}
    assert not engine.following
    wait_for_strangers(nothing_left, but=engine.thread)


def test_after_stop_a_changed_value_is_not_run(make: Make) -> None:
    engine, diary = make("ovens", clocks=("virtual",))
    engine.run()
    assert engine.wait(60)
    engine.stop()
    engine.request(with_ms(7))
    assert engine.wait(60)
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


def test_a_stop_after_a_failure_has_nothing_to_tell(make: Make) -> None:
    engine, diary = make("fails")
    engine.run()
    assert engine.wait(60)
    engine.stop()
    assert engine.wait(60)
    assert diary.states == [RUNNING, FAILED]


def test_a_stop_while_a_reset_ends_the_run_does_not_take_the_reset_back(
    make: Make, door: Door
) -> None:
    engine, diary = make("blocking")
    engine.run()
    door.wait_until_reached()
    engine.reset()
    diary.next(STOPPING)
    engine.stop()
    door.open()
    assert engine.wait(60)
    assert diary.states == [RUNNING, STOPPING, READY]


def test_stop_drops_a_change_that_waits_for_its_turn(make: Make) -> None:
    engine, diary = make("ovens", clocks=("virtual",), debounce=LONG, patience=LONG)
    engine.run()
    assert engine.wait(60)
    engine.request(with_ms(7))
    engine.stop()
    assert engine.wait(60), "the change still waits"
    assert diary.values_run() == [50]
    assert diary.states == [RUNNING, DONE, STOPPED]


def test_a_stop_after_a_run_has_ended_for_the_next_and_before_that_tells_of_the_first(
    make: Make, nothing_left: set[threading.Thread]
) -> None:
    engine, diary = make("ovens", debounce=LONG, patience=LONG)
    engine.request(with_ms(HOUR))
    engine.run()
    diary.next(RUNNING)
    engine.request(with_ms(9000))
    diary.next(STOPPING)
    wait_for_strangers(nothing_left, but=engine.thread)
    engine.stop()
    assert engine.wait(60)
    assert diary.states == [RUNNING, STOPPING, STOPPED]
    stopped = diary.last(STOPPED)
    assert stopped.sentence.startswith("Stopped after ")
    assert stopped.values["ms"] == HOUR
    assert stopped.trace is not None


def test_stop_during_a_blocking_call_waits_for_its_end_and_says_so(make: Make, door: Door) -> None:
    engine, diary = make("blocking")
    engine.run()
    door.wait_until_reached()
    engine.stop()
    diary.next(STOPPING)
    assert not engine.wait(0.2), "the call goes on"
    assert diary.states == [RUNNING, STOPPING]
    door.open()
    assert engine.wait(60)
    assert diary.states == [RUNNING, STOPPING, STOPPED]


def test_stop_ends_a_step_that_never_ends(
    make: Make, nothing_left: set[threading.Thread], door: Door
) -> None:
    engine, diary = make("endless")
    engine.run()
    door.wait_until_reached()
    engine.stop()
    assert engine.wait(60), "the endless step goes on"
    assert diary.states == [RUNNING, STOPPING, STOPPED]
    wait_for_strangers(nothing_left, but=engine.thread)


def test_stop_does_not_wait_for_a_thousand_ready_steps_that_stand_before_it(
    make: Make, door: Door
) -> None:
    engine, diary = make("crowd")
    engine.run()
    door.wait_until_reached()
    engine.stop()
    diary.next(STOPPING)
    door.open()
    assert engine.wait(60)
    stopped = diary.last(STOPPED).trace
    assert stopped is not None
    cooked = sum(lane.outcome is Outcome.RETURNED for lane in stopped.tasks)
    assert cooked <= 1, "others than the one at the door had their turns first"
    assert len(stopped.task("main").cancels) == 1, "asked to stop twice"


def test_a_run_that_does_not_end_is_ended_at_its_limit_in_a_sentence(make: Make) -> None:
    engine, diary = make("endless", max_seconds=0.3)
    engine.run()
    assert engine.wait(60)
    assert "took more than 0.3 s" in diary.last(FAILED).sentence


def test_the_next_run_waits_until_a_helper_in_a_thread_is_back(
    make: Make, nothing_left: set[threading.Thread], door: Door
) -> None:
    engine, diary = make("helper")
    engine.run()
    door.wait_until_reached()
    engine.run()
    diary.next(STOPPING)
    assert not engine.wait(0.2), "a thread of the run was left behind"
    assert diary.states == [RUNNING, STOPPING]
    door.open()
    assert engine.wait(60)
    assert diary.states == [RUNNING, STOPPING, RUNNING, DONE]
    wait_for_strangers(nothing_left, but=engine.thread)


def test_reset_goes_back_to_the_defaults_and_clears_the_picture(make: Make) -> None:
    engine, diary = make("ovens")
    engine.request(with_ms(HOUR))
    engine.run()
    diary.next(RUNNING)
    engine.reset()
    assert engine.wait(60), "the run of an hour was not ended"
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
    engine.request(with_ms(HOUR))
    engine.run()
    diary.next(RUNNING)
    engine.reset()
    engine.run()
    assert engine.wait(60)
    assert diary.values_run() == [HOUR, 50]
    assert diary.states[-1] is DONE


def test_run_while_it_runs_begins_anew(make: Make, alive: Callable[[], int]) -> None:
    engine, diary = make("ovens")
    engine.request(with_ms(HOUR))
    engine.run()
    diary.next(RUNNING)
    engine.run()
    diary.next(STOPPING)
    diary.next(RUNNING)
    engine.stop()
    assert engine.wait(60)
    assert diary.states == [RUNNING, STOPPING, RUNNING, STOPPING, STOPPED]
    assert diary.values_run() == [HOUR, HOUR]
    assert alive.most == 1  # type: ignore[attr-defined]


def snapshots(engine: Engine, diary: Diary, count: int) -> list[float]:
    """So many pictures of a run that goes on: how long the run had taken at each."""
    engine.request(with_ms(HOUR))
    engine.run()
    taken = [diary.next(RUNNING, with_trace=True).trace for _ in range(count)]
    engine.stop()
    assert engine.wait(60)
    return [trace.duration for trace in taken if trace is not None]


def test_snapshots_come_at_most_about_ten_times_a_second(make: Make) -> None:
    taken = snapshots(*make("ovens"), 4)
    # A pause is counted from the end of one picture or from its start, whichever ends later.
    assert all(later - earlier > 0.08 for earlier, later in itertools.pairwise(taken))


def test_a_listener_that_takes_long_gets_fewer_snapshots(nothing_left: object) -> None:
    diary = Diary()

    def slow(event: Event) -> None:
        diary(event)
        busy(0.1 if event.trace else 0)

    engine = Engine(spec_of("ovens"), slow)
    taken = snapshots(engine, diary, 3)
    engine.close()
    assert all(later - earlier > 0.5 for earlier, later in itertools.pairwise(taken))


def test_of_a_lab_that_shows_what_its_program_returns_no_snapshot_is_shown(
    make: Make, door: Door
) -> None:
    engine, diary = make("blocking", shows_result=True)
    engine.run()
    door.wait_until_reached()
    assert not engine.wait(0.3), "the program stands at the door"
    door.open()
    assert engine.wait(60)
    assert [event.trace for event in diary.events if event.state is RUNNING] == [None]


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


@pytest.mark.parametrize("values", [{"ms": -1}, {"ms": HOUR + 1}, {"ms": "a"}, {"oven": 1}])
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
    engine.request(with_ms(HOUR))
    engine.run()
    diary.next(RUNNING)
    engine.close()
    assert engine.wait(60), "the run of an hour was not ended"
    wait_for_strangers(nothing_left)
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


def test_calls_from_many_threads_and_loops_at_once_leave_one_run_and_the_last_value(
    make: Make, alive: Callable[[], int], nothing_left: set[threading.Thread]
) -> None:
    engine, diary = make("ovens")

    def clicks(seed: int) -> None:
        dice = random.Random(seed)
        acts: list[Callable[[], None]] = [engine.run, engine.stop, engine.reset]
        acts.append(lambda: engine.request(with_ms(400)))
        for _ in range(40):
            dice.choice(acts)()
            engine.wait(dice.random() / 200)

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
    wait_for_strangers(nothing_left, but=engine.thread)


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
