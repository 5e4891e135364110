"""Lesson 01: what its sentences and its answers to "Try it" say of chefs, cards and pools."""

from __future__ import annotations

import asyncio
import sys
import threading
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from helpers.costs import WAIT, measure_all
from tests.lessons.source import answer, lesson, program, run


def test_the_chef_is_busy_all_the_time_from_one_guest_more_than_the_ovens_minutes() -> None:
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
    assert most in range(27, 31)
    assert "put 27 to 30 into the list" in lesson("01")


def test_a_pools_time_grows_with_its_jobs_and_its_team_does_not() -> None:
    for claim in (
        "team is fixed",
        "time grows with n / team",
        "about half as much again as a task",
    ):
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


@pytest.fixture
def rooms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[dict[str, str]], dict[str, int]]:
    """`rooms({"proc/loadavg": text})` is what the lesson finds where the system has these files."""

    def find(files: dict[str, str]) -> dict[str, int]:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="ascii")
        ask = program("01", 5).rooms_for_threads

        def path(*parts: str) -> Path:
            return tmp_path.joinpath(*(part.removeprefix("/") for part in parts))

        monkeypatch.setitem(ask.__globals__, "Path", path)
        found: dict[str, int] = ask()
        return {name.removeprefix(f"{tmp_path}/"): room for name, room in found.items()}

    return find


LINUX = {
    "proc/loadavg": "0.15 0.10 0.05 2/700 12345\n",
    "proc/sys/kernel/threads-max": "100000\n",
    "proc/sys/kernel/pid_max": "32768\n",
    "proc/self/cgroup": "0::/user.slice/mine\n",
}


def test_a_limit_leaves_room_for_what_is_not_alive_yet(
    rooms: Callable[[dict[str, str]], dict[str, int]],
) -> None:
    found = rooms(LINUX)
    assert (found["threads-max"], found["pid_max"]) == (99_300, 32_068)
    assert [name for name in found if "pids.max" in name] == []


@pytest.mark.parametrize("own", ["0::/user.slice/mine", "9:cpu:/\n8:pids:/user.slice/mine"])
def test_the_limit_of_each_group_above_the_kernels_own_is_asked(
    own: str, rooms: Callable[[dict[str, str]], dict[str, int]]
) -> None:
    base = "sys/fs/cgroup" + "/pids" * ("pids" in own)
    groups = {
        f"{base}/user.slice/pids.max": "2000\n",
        f"{base}/user.slice/pids.current": "1500\n",
        f"{base}/user.slice/mine/pids.max": "max\n",
        f"{base}/user.slice/mine/pids.current": "20\n",
    }
    found = rooms(LINUX | groups | {"proc/self/cgroup": f"{own}\n"})
    assert found[f"{base}/user.slice/pids.max"] == min(found.values()) == 500
    assert f"{base}/user.slice/mine/pids.max" not in found


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_limit_of_the_user_leaves_room_for_what_the_user_has_not_made(
    rooms: Callable[[dict[str, str]], dict[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda _: (50_000, 50_000))
    assert 0 < rooms({})["RLIMIT_NPROC"] < 50_000
    monkeypatch.setattr(resource, "getrlimit", lambda _: (-1, -1))
    assert rooms({}) == {"Linux's own default": 32_768}


@pytest.mark.parametrize(("room", "tried"), [(40_000, [10, 100, 1000]), (5000, [10, 100, 500]),
                                             (600, [10, 60]), (5, [10, 20])])  # fmt: skip
def test_a_tenth_of_the_room_is_the_most_that_is_measured_and_a_lower_count_is_told(
    room: int, tried: list[int]
) -> None:
    source = lesson("01")
    cell = source[source.index("room, limit = min(") :].partition("    repeats=3")[0]
    seen: list[object] = []

    def measure_all(counts: list[int]) -> None:
        seen.append(counts)

    names = {
        "rooms_for_threads": lambda: {"pids.max": room, "pid_max": 10**6},
        "measure_all": measure_all,
        "print": seen.append,
    }
    exec(cell.replace("await ", "") + ")", names)
    most = tried[-1]
    told = f"pids.max leaves room for {room:,} threads, so at most {most} are made at once."
    assert seen == [tried] if most == 1000 else [told, tried]


def test_a_card_weighs_what_it_holds_while_it_waits() -> None:
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


def test_of_several_gather_and_wait_let_the_others_go_on_and_a_group_does_not() -> None:
    async def burn() -> None:
        await asyncio.sleep(1)
        raise ValueError("burnt")

    async def grouped() -> list[asyncio.Task[None]]:
        tasks = []
        with pytest.raises(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                tasks += [group.create_task(burn()), group.create_task(asyncio.sleep(5))]
        return tasks

    async def gathered() -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(burn()), asyncio.create_task(asyncio.sleep(5))]
        with pytest.raises(ValueError, match="burnt"):
            await asyncio.gather(*tasks)
        return tasks

    async def waited() -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(burn()), asyncio.create_task(asyncio.sleep(5))]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        assert done == {tasks[0]}
        assert tasks[0].exception()
        return tasks

    async def main() -> list[tuple[float, bool, bool]]:
        ends = []
        for way in (grouped, gathered, waited):
            began = asyncio.get_running_loop().time()
            _, other = await way()
            took = asyncio.get_running_loop().time() - began
            ends.append((took, other.done(), other.cancelled()))
        return ends

    assert run(main()).result == [(1, True, True), (1, False, False), (1, False, False)]


def test_gather_gives_results_in_the_order_of_its_arguments() -> None:
    async def main() -> list[int]:
        return await asyncio.gather(*(asyncio.sleep(wait, result=wait) for wait in (3, 1, 2)))

    assert run(main()).result == [3, 1, 2]


def test_a_chef_each_is_a_thread_each_unless_the_first_are_done_before_the_last_is_hired() -> None:
    before, gong = set(threading.enumerate()), threading.Event()
    chefs = [threading.Thread(target=gong.wait) for _ in range(50)]
    for chef in chefs:
        chef.start()
    assert len(set(threading.enumerate()) - before) == 50
    gong.set()
    for chef in chefs:
        chef.join()
    with ThreadPoolExecutor(max_workers=50) as kitchen:
        served = {kitchen.submit(threading.current_thread).result() for _ in range(50)}
    assert len(served) < 50
    assert "the first chefs are done before the last one is" in lesson("01")


def test_four_chefs_with_five_guests_each_need_the_minutes_that_the_lesson_says() -> None:
    kitchen, said = program("01", 3), " ".join(lesson("01").replace("\n# ", " ").split())
    four = run(kitchen.a_card_each(5)).duration
    each = run(kitchen.a_card_each(1)).duration
    assert f"With four of them, five guests each, dinner would be over after {four:g}" in said
    assert f"With twenty it would be {each:g}," in said
