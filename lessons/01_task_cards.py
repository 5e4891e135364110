# ---
# jupyter:
#   kernelspec: {display_name: Python 3 (ipykernel), language: python, name: python3}
#   lesson:
#     number: "01"
#     name: task_cards
#     question: "Why not a chef for every customer?"
#     article: "The core trick"
# ---

# %% [markdown]
# # 01 · Why not a chef for every customer?
#
# A restaurant hires a chef for every guest. Each chef chops for a minute, stands in front of an oven for eight, and serves for one.
# The guests are happy. The owner counts: most of the wages go to people who look at ovens. Next door there is one chef and a rail with cards.
# The chef takes a card, chops, sets the pot on, hangs the card back, and takes the next.
#
# The chef is a **thread**: a line of work that the operating system starts, stops and pays for (`std::thread` in Rust, `threading.Thread` in
# Python). The card is a **task**: a coroutine that has been handed to a loop, which runs many of them in turns (`tokio::spawn(...)` in Rust,
# `asyncio.create_task(...)` in Python).
#
# The cards come from a popular article on Tokio, by *Rexai Programming*. Its trick in one line: what you spawn is no thread, it is a card, and a few chefs serve
# thousands of them. From here on each lesson takes one claim of "the article" and runs it.
#
# **You will**
# - see how far one chef gets with n guests, and where one is not enough;
# - measure on your own machine what a thread and a task cost;
# - know when a thread is the right choice.
#
# **The clock.** The pictures are on the *virtual clock*, in kitchen minutes, and exact. Costs are a matter of your machine, so they are measured on the
# real one, and what this page claims about them are relations ("more than"), not numbers.

# %%
import asyncio
import hashlib
import inspect
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from helpers import busy, lab, predict, record, timeline
from helpers.costs import measure_all, per_unit

# %% [markdown]
# ## 1. A chef for every guest
#
# Five guests, a chef each. A chef does the three things one after the other and holds on for all ten minutes. `asyncio.to_thread` gives you
# something to await and, once it is awaited, hands a plain function to a thread from a pool; `asyncio.gather` awaits several at once. Standing at an oven is written `busy(8)` here: no work is done, and
# the chef is held all the same.

# %%
predict(
    "All five are served after 10 minutes. For how many minutes are chefs held, in all?",
    measure=lambda trace: sum(lane.busy for lane in trace.lanes),
    why="Five chefs for ten minutes each; for 40 of the 50 they look at ovens.",
)

# %% [markdown] tags=["notes"]
# **Ask.** "Who pays for an oven?" Let them multiply aloud: five chefs, ten minutes each. Most say
# 10, since dinner takes 10. Write both on the board, "served after 10" and "held for 50", and keep
# the second column: the next section fills in one more row, and the argument of the lesson is in
# it.


# %%
def own_chef():
    busy(1)  # chop
    busy(8)  # stand in front of the oven
    busy(1)  # serve


async def a_chef_each(guests):
    await asyncio.gather(*[asyncio.to_thread(own_chef) for _ in range(guests)])


chefs = await record(a_chef_each(5), unit="minutes")
print(f"served after {chefs.duration:g} min")
five = [f"own_chef {number}" for number in range(1, 6)]
timeline(chefs, lanes=five, title="A chef for every guest")

# %% [markdown]
# ## 2. One chef and five cards
#
# The same three things as a coroutine. One word is different: the oven is awaited.

# %%
predict(
    "After how many minutes has one chef served all five?",
    {
        "10": "So it is for one guest alone. The chef chops for five, one after the other.",
        "14": "",
        "50": "That is one guest after the other; but the ovens work side by side.",
    },
    measure=lambda trace: f"{trace.task('guest 5').ended:g}",
    why="The fifth is chopped at minute 5, and its oven is done at 13.",
)


# %%
async def serve():
    busy(1)  # chop
    await asyncio.sleep(8)  # in the oven, and the chef is free
    busy(1)  # serve


async def a_card_each(guests):
    async with asyncio.TaskGroup() as rail:
        for number in range(1, guests + 1):
            rail.create_task(serve(), name=f"guest {number}")


cards = await record(a_card_each(5), unit="minutes")
for way, trace in {"a chef each": chefs, "a card each": cards}.items():
    held = sum(lane.busy for lane in trace.lanes)
    print(f"{way}: {trace.duration:g} min, chefs held for {held:g} min in all")
cards

# %% [markdown] tags=["notes"]
# **Break it.** Change `await asyncio.sleep(8)` to `busy(8)`: it prints
# `a card each: 50 min, chefs held for 50 min in all`. Five cards, written as before, and nothing
# is gained: a card helps only who lets go. Whoever says "I made it `async`, and it is as slow as
# ever" has this program.

# %% [markdown]
# Five chefs were a little faster. One chef was nearly as fast, and was held
# for a fifth of the time. What made it possible is not that tasks are quick. It is that the guests spend their time *waiting*, and a waiting
# card holds nobody.
#
# You have met three of the four ways that asyncio has for this:
#
# | to run several | it gives you | when one of them fails | take it for |
# |---|---|---|---|
# | `async with asyncio.TaskGroup() as g` and `g.create_task(...)` | a block that ends when all have ended | the others are cancelled, and the block raises | **everything else** |
# | `await asyncio.gather(...)` | a list of results, in order | raises at once (with `return_exceptions=True` not at all: failures stand in the list); the others *go on* either way | results of things that do not fail |
# | `await asyncio.wait(tasks, ...)` | two sets: done and not done | nothing: it raises nothing and cancels nobody | the first of several ([lesson 05](05_first_wins.ipynb)) |
# | `await asyncio.to_thread(f, ...)` | one call of a plain function, in a thread of a pool | raises | a library that blocks |
#
# ## 3. How far does one chef get?
#
# Each guest needs two minutes of the chef's hands, and eight of an oven's. Now 20 guests come, and there is still one chef.

# %% [markdown] tags=["notes"]
# **They will say.** "`gather` is what everybody uses." Do not argue taste. Ask what happens to the
# other four when one fails: with `gather` they go on, and nobody hears of a second failure. On the
# board: "one fails, and then?" with the four rows. Tell Tokio people that `JoinSet` is the nearest
# to `TaskGroup`, and cancels nobody by itself.

# %%
predict(
    "After how many minutes are all 20 served?",
    {
        "10": "The chef has two hands, and each guest needs them for two minutes.",
        "29": "One minute more for each guest: that holds as long as the chef has free minutes.",
        "40": "",
    },
    measure=lambda trace: f"{trace.task('guest 20').ended:g}",
    why="Two minutes of hands for each of 20: the chef has no free minute, and the work alone counts.",
)

# %% [markdown] tags=["notes"]
# **They will say.** "29." Five guests took 14, and each one more takes a minute more, so 20 take
# 29. It is a good guess, so praise it: the rule holds as long as the chef has free minutes. Let
# them find on the board when the free minutes are over: 20 guests times 2 minutes of hands is 40.

# %%
rush = await record(a_card_each(20), unit="minutes")
print(f"served after {rush.duration:g} min")
rush

# %% [markdown] tags=["notes"]
# **Break it.** In `serve`, change `busy(1)  # chop` to `busy(2)  # chop`, and run both cells: it
# prints `served after 60 min`. One minute more of hands is 20 minutes more of evening, and an oven
# that is twice as slow would change nothing. Ask where to look first when a service is slow: at
# the hands.

# %% [markdown]
# The stripes are cards that are **scheduled**: ready to go on, and no chef free. With five guests the chef had free minutes, with 20 there are none.

# %%
full = predict(
    "From how many guests on is the chef busy all the time?",
    why="The first dish is back after 1 + 8 minutes; by then the chef has chopped for nine.",
)
full

# %%
shares = {}
print("guests   served after   chef at work")
for guests in (1, 2, 5, 7, 8, 9, 10, 20, 40):
    trace = await record(a_card_each(guests), unit="minutes")
    shares[guests] = sum(task.busy for task in trace.tasks) / trace.duration
    print(f"{guests:6}   {trace.duration:8g} min   {shares[guests]:10.0%}")
full.answer(min(guests for guests, share in shares.items() if share == 1))

# %% [markdown]
# Up to nine guests, each new one makes dinner one minute longer. From there on it is two: what counts is
# the work alone. Now more chefs would help. With four of them, five guests each, dinner would be
# over after 14 minutes (see the row for 5). With twenty it would be 10, and they would have nothing to do for most of it. That is the reason for "a small
# team of chefs": as many as there is *work* for, not as many as there are guests. A computer can do the work of as many chefs as it has cores.

# %% [markdown]
# ## 4. How many threads do 1000 tasks make?

# %%
predict(
    "While 1000 tasks are alive, how many threads more are there than before?",
    measure=lambda trace: trace.result["new threads"],
    why="A task is an entry in the books of a loop that has its thread already.",
)


# %%
async def thousand_cards():
    before = set(threading.enumerate())
    tasks = [asyncio.create_task(asyncio.sleep(8)) for _ in range(1000)]
    await asyncio.sleep(4)  # all of them are in the oven now
    alive = sum(not task.done() for task in tasks)
    return {"tasks alive": alive, "new threads": len(set(threading.enumerate()) - before)}


trace = await record(thousand_cards(), unit="minutes")
print(trace.result)

# %% [markdown] tags=["notes"]
# **Break it.** Change `asyncio.sleep(8)` to `asyncio.to_thread(busy, 8)`: it prints
# `'new threads': 32`. A thousand tasks as before, and now there are threads, because the work
# asked for some; 32, and not 1000, because that is the pool. So "a task is a thread" is wrong, and
# "my program has no threads" may be wrong too.

# %% [markdown]
# The article is right about that: to spawn makes no thread.
#
# ## 5. Does the kitchen explode?
#
# The article says that with 1000 chefs it does. Let us hire them.
#
# Each unit, thread or task, waits for 10 ms. Every measurement runs in a fresh process, since a process that has had 1000 threads before makes the next ones
# more cheaply. *Time* is from before the first is made until the last is done. *Memory* is by how much the process has grown while all of them are alive, and
# *OS threads* are counted at that moment too.
#
# A system may allow fewer, so it is asked first, and a tenth of what it has left is the most that is made: others may share it with you. On a machine
# of your own, add `10_000` to the list.


# %% [markdown] tags=["notes"]
# **Time.** The measuring takes some seconds a learner. On one server all may press at once: each
# asks for the limits, and makes a tenth of what is left at most. There its times say little; what
# a thread weighs is as on a laptop. The numbers differ from one to the next; have three of them
# called out, and compare the columns for one unit alone.


# %%
def rooms_for_threads():
    """How many more threads each limit of this system allows."""
    rooms = {"Linux's own default": 32_768}
    with suppress(OSError):  # not on Linux
        alive = int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])
        for name in ("threads-max", "pid_max"):
            rooms[name] = int(Path("/proc/sys/kernel", name).read_text()) - alive
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, kind, path = line.split(":", 2)
            folder = Path("/sys/fs/cgroup", kind, path.strip("/"))
            for group in (folder, *folder.parents):  # a container's limit, or a user's
                with suppress(OSError, ValueError):  # none
                    used = int((group / "pids.current").read_text())
                    rooms[f"{group}/pids.max"] = int((group / "pids.max").read_text()) - used
    with suppress(ImportError):  # on Windows
        import resource

        import psutil

        most, _ = resource.getrlimit(resource.RLIMIT_NPROC)
        me, known = psutil.Process().uids(), psutil.process_iter(["uids", "num_threads"])
        mine = sum(each.info["num_threads"] or 0 for each in known if each.info["uids"] == me)
        if most > 0:  # -1: no limit
            rooms["RLIMIT_NPROC"] = most - mine
    return rooms


# %%
explodes = predict(
    "Do 1000 threads at once work on your machine?",
    ("yes", "no"),
    why="What a thread costs is in the table; how many there may be is a limit of your system.",
)
explodes

# %%
memory = predict(
    "How much memory does a thread take, beside a task?",
    {
        "less than 3 times as much": "A thread has a stack of its own, even if it only waits.",
        "3 to 100 times as much": "",
        "more than 100 times as much": "The megabytes of a stack are reserved, not used.",
    },
)
memory

# %% tags=["measures"]
# NBVAL_IGNORE_OUTPUT
room, limit = min((room, name) for name, room in rooms_for_threads().items())
most = max(20, room // 10)  # a tenth; with two counts at least there is a slope
if most < 1000:
    print(f"{limit} leaves room for {room:,} threads, so at most {most:,} are made at once.")
costs = await measure_all(
    counts=sorted({min(n, most) for n in (10, 100, 1000)}),
    repeats=3,  # of the time: the least counts, as a busy machine only adds to it
    progress=lambda done, total, said: print(f"{done} of {total}: {said}", end="  "),
)
print(f"\nthere is room for {room:,} threads more", costs, sep="\n")
thread, task = per_unit(costs)["thread"], per_unit(costs)["task"]
print(f"thread: {thread}. 1 GB holds {1e9 / thread.bytes:,.0f} threads.")
print(f"task: {task}. 1 GB holds {1e9 / task.bytes:,.0f} tasks.")

# %%
chefs_at_most, cards_at_most = costs[-2:]
if most >= 1000:
    at_once = (chefs_at_most.threads or 0) > 1000  # counted while all are alive
    print("with 1000 threads alive there are more than 1000 OS threads:", at_once)
    print("with 1000 tasks alive, fewer than 20:", cards_at_most.threads < 20)
else:
    at_once = room >= 1000
    allows = "allows them" if at_once else "does not allow them"
    print(f"{most:,} threads at once were tried, and not 1000: your system {allows}.")
explodes.answer("yes" if at_once else "no")
times = thread.bytes / task.bytes
print("a thread takes more time than a task:", thread.seconds > task.seconds)
kinds = {3: "less than 3 times as much", 100: "3 to 100 times as much"}
memory.answer(next((kinds[n] for n in kinds if times < n), "more than 100 times as much"))

# %% [markdown]
# Nothing exploded. What the table shows is a **slope**: for every unit more you
# pay, and for a thread you pay a multiple. (In the time of ten units you see little but the 10 ms of waiting.) So the honest
# sentence is not "1000 threads are impossible" but: **at any number, tasks take a fraction of it; and the number at which you run out is that much
# further away.** With a hundred guests at a time, nobody needs to care.
#
# Two costs are not in the table. The system keeps a second stack for each thread for itself (16 kB on Linux). And where many threads are *ready* at once, the
# system switches between them whenever it likes, which costs more than the loop's switch at an `await`.
#
# ## 6. The middle way: a pool
#
# Between the two lies a **pool**: a fixed team of threads, and a queue of jobs for it. `asyncio.to_thread` has one; on the virtual clock it has 32 chefs. 100 guests come, 10 minutes each.

# %% [markdown] tags=["notes"]
# **They will say.** "So threads are bad." No: at ten of them nobody can tell. "And a thread takes
# 8 MB." That is address space which is reserved; what is used is a few pages, see the column. Draw
# two straight lines through the origin, one steep and one flat: no cliff, a slope. The same two
# lines come back in lesson 06.

# %%
predict(
    "32 chefs who stand in front of their ovens: after how many minutes are 100 guests served?",
    measure=lambda trace: trace.duration,
    why="Four rounds of ten minutes: 32, 32, 32 and 4.",
)

# %%
pool = await record(a_chef_each(100), unit="minutes")
one = await record(a_card_each(100), unit="minutes")
print(f"{len(pool.threads()) - 1} chefs who stand at ovens: {pool.duration:g} min")
print(f"one chef with cards: {one.duration:g} min")

# %% [markdown]
# In this kitchen the pool wins, because each chef has hands of their own: on the virtual clock, work in 32 threads runs side by side. On a real
# machine it does so on as many cores as there are, and Python code not even there (section 9): there the pool hardly wins. So let the dish be a request
# that needs a hundredth of a minute of work, and waits for eight; and let 400 of them come:


# %%
def own_waiter():
    busy(0.01)
    busy(8)  # wait for the database


async def request():
    busy(0.01)
    await asyncio.sleep(8)


async def rush_hour(requests, way):
    pool = (asyncio.to_thread(own_waiter) for _ in range(requests))
    cards = (request() for _ in range(requests))
    await asyncio.gather(*{"pool": pool, "cards": cards}[way])


for way in ("pool", "cards"):
    trace = await record(rush_hour(400, way), unit="minutes")
    print(f"{way}: {trace.duration:g} min, threads: {len(trace.threads())}")

# %% [markdown] tags=["notes"]
# **Break it.** Change `rush_hour(400, way)` to `rush_hour(1600, way)`: it prints
# `pool: 400.5 min, threads: 33` and `cards: 24 min, threads: 1`. Four times the requests are four
# times the evening for the pool, and only twice for the cards. Ask what the cards' 24 minutes are:
# 16 of work, 8 of waiting.

# %% [markdown]
# A pool's size is the most that can *wait* at a time; one thread's cards have no such limit. Tokio
# takes both: a small team of chefs, about one a core, and cards for all the waiting.

# %% [markdown]
# ## 7. The answer
#
# Not a chef for every customer, because customers mostly wait, and a card that waits holds nobody; as many chefs as there is work for. When is a thread right all the same?
#
# | the work | what to use | why |
# |---|---|---|
# | waits, and the library has `await` | a task | waiting holds nobody |
# | waits, and the library blocks (`requests`, most database drivers) | a thread (`to_thread`, `spawn_blocking`) | it holds a chef: use one whom you can spare |
# | computes in C without the GIL (Python's lock: one thread at a time runs Python code) | a thread | a second core, and the loop goes on (section 9) |
# | computes in Python | a process | the GIL lets one thread run at a time; in Rust there is no GIL, and a thread is right |
# | a few long-lived jobs, whatever they do | threads are fine | the slope does not matter at ten |

# %% [markdown]
# ## The lab
#
# Guests, each with a dish in the oven for a while: first a card each, then a chef each, for real. Turn up the guests; predict when the two ways part.

# %% [markdown] tags=["notes"]
# **Demo.** Project the lab and take bids: "from how many guests on does a chef each lose?" Let the
# lowest and the highest bidder set the slider. One run each, then the class has the lab for five
# minutes in pairs, one predicts and one presses.

# %%
# NBVAL_IGNORE_OUTPUT
lab("task_cards")

# %% [markdown]
# Whatever you set, cards add no thread. A chef each is a thread each; only where the dishes are short and the guests many, the first chefs are done before the last one is
# hired, and fewer are alive at once.

# %% [markdown]
# ## The same job in Rust, on Tokio
#
# ```rust
# use std::thread;
# use std::time::Duration;
#
# const OVEN: Duration = Duration::from_millis(10);
#
# fn a_chef_each(guests: usize) {
#     let chefs: Vec<_> = (0..guests).map(|_| thread::spawn(|| thread::sleep(OVEN))).collect();
#     chefs.into_iter().for_each(|chef| chef.join().unwrap());
# }
#
# async fn a_card_each(guests: usize) {
#     let cards: Vec<_> = (0..guests).map(|_| tokio::spawn(tokio::time::sleep(OVEN))).collect();
#     for card in cards {
#         card.await.unwrap();
#     }
# }
#
# #[tokio::main(flavor = "current_thread")] // one chef, as in asyncio
# async fn main() {
#     a_card_each(10_000).await;
#     tokio::task::spawn_blocking(|| a_chef_each(1_000)).await.unwrap();
# }
# ```
#
# (In its Cargo.toml: `tokio = { version = "1", features = ["full"] }`.)
#
# | Rust, Tokio | Python, asyncio |
# |---|---|
# | `thread::spawn(\|\| thread::sleep(OVEN))` | `Thread(target=time.sleep, args=(OVEN,))`, then `.start()` |
# | `chef.join().unwrap()` | `chef.join()` |
# | `tokio::spawn(tokio::time::sleep(OVEN))` | `asyncio.create_task(asyncio.sleep(OVEN))` |
# | `card.await.unwrap()` | `await card` |
# | `spawn_blocking(\|\| ...)`: a pool for what blocks, 512 threads at most | `asyncio.to_thread(...)`: a pool of the cores + 4 threads, at most 32 |
# | `flavor = "current_thread"`: one chef | what asyncio always is |
# | `flavor = "multi_thread"`, the default: a worker a core | no such thing; several processes |
#
# **What is the same:** a task makes no thread; a waiting task costs memory and nothing else; the slope of tasks lies far below that of threads. A Tokio task that sleeps
# was measured at 463 bytes (Tokio 1.53, Linux; in the older 1.24 it was 1168), about a third of asyncio's.
#
# **What differs:** Tokio's workers are threads that run Rust at the same moment, on all cores. asyncio has one chef, and Python's threads share one GIL. So
# "a small team of elite chefs" is Tokio's default, and asyncio's team is one. [Lesson 07](07_team_of_chefs.ipynb) looks at the team.

# %% [markdown]
# ## Where the metaphor breaks
#
# - Chefs who stand at an oven are paid by the hour. A thread that waits costs memory and a place in the system's tables, and no processor time at all.
# - A restaurant cannot hire a chef for 10 ms. A system can, in some ten thousandths of a second; that is why 1000 threads for a moment are no drama.
# - A card holds what the chef needs to know. A task also holds what it *has* on the way, the half-made dish: a coroutine that keeps a large list over an `await`
#   keeps it in memory for as long as it waits, a thousand times for a thousand tasks.
#
# ## Try it
#
# 1. In `serve`, make the oven take 28 minutes instead of 8. From how many guests on is the chef busy all the time? Guess a rule; then put 27 to 30 into the list of section 3 and run it again.
# 2. Measure a pool as in section 5: `print(await measure_all((100, 1000), kinds=("thread_pool", "task"), repeats=1))`. How does its time grow, and how does the number of
#    OS threads? What does a job weigh that only waits in the pool's queue?
# 3. Write a `serve` that holds `[0] * 100_000` in a variable over its `await`. What do a hundred waiting cards weigh now?
#    (`psutil.Process().memory_info().rss`, before and while they wait.)
#
# <details><summary>What to look for</summary>
#
# 1. From 29 on. The first dish is back after 1 + 28 minutes; by then the chef has chopped for 29 guests, and from there on the work alone counts. With the
#    oven's 8 minutes it was 1 + 8 = 9.
# 2. The team is fixed; see the last column. Each of the team waits 10 ms for one job after the other, so time grows with n / team. A job in the
#    queue is a few objects (a future with its lock, and the call), and weighs about half as much again as a task.
# 3. About 80 MB: 0.8 MB each. The card is the cheap part; what the task holds while it waits is up to you.
#
# </details>
#
# ## What to take away
#
# - One thread serves as many guests as wait, up to the point where its *work* fills the time. For more work you need more chefs, as many as there are cores.
# - 1000 threads do not explode. A thread costs a multiple of a task, in memory and in time, at any number; measure before you believe a number, also this page's.
# - Where code blocks, or computes in C without the GIL, a thread is right.
#
# **Beside the keyboard:** [what to write, and the trap](beside_the_keyboard.md)
#
# **Next:** [02 · What happens between writing the card and cooking the dish?](02_spawn.ipynb)

# %% [markdown]
# ## Exercises
#
# Here you write: `check` runs your answer, with other waits each time, and judges the trace of that run, what the scheduler did, and not the result alone; a wrong answer
# gets one sentence and its timeline. `hint("01.orders")` helps, each time a little more, and `solution("01.orders")` shows one answer. What you have done is
# kept in one small file beside this notebook, `progress.json`, and nowhere else:

# %% [markdown] tags=["notes"]
# **Check.** In class do "the waiter who waits" (`01.waiter`) alone, ten minutes. The usual wrong
# answer keeps `await` in the loop that creates the tasks; `check` says "the calls lie one after
# another". Who is done early goes to `01.guests`. The predictions of `01.orders` make good
# homework: they need no keyboard.

# %% tags=["differs-again"]
from helpers import progress

progress("01")

# %%
import asyncio

from helpers import busy, check, hint, solution

# %% [markdown]
# ### Predict: five questions on three orders
#
# Read the program; do not run it. There is one chef. At which minute is each dish of `with_cards` ready? For how many minutes is the pizza there ready for the chef, who is at
# another dish? And how many minutes does `in_turn` take in all?


# %%
async def order(hands, oven):
    busy(hands)
    await asyncio.sleep(oven)
    busy(1)


# %%
async def with_cards():
    async with asyncio.TaskGroup() as rail:
        rail.create_task(order(2, 4), name="pizza")
        rail.create_task(order(3, 5), name="gratin")
        rail.create_task(order(2, 1), name="toast")


async def in_turn():
    for hands, oven in ((2, 4), (3, 5), (2, 1)):
        await order(hands, oven)


# %%
minutes = {"pizza": ..., "gratin": ..., "toast": ..., "pizza waits": ..., "in turn": ...}

# %% tags=["solution"]
minutes = {"pizza": 8, "gratin": 11, "toast": 9, "pizza waits": 1, "in turn": 20}

# %%
check("01.orders", ((with_cards, in_turn), minutes))

# %% [markdown]
# ### Mend: the waiter who waits
#
# "It has tasks, it is asynchronous", says the owner, and still each table is served only after the one before. `await cook(table)` takes one to two seconds
# and returns a dish. Mend `wait_on`: all dishes are cooked at once, and as soon as the last is ready it returns a list of them in the order of `tables`.


# %%
async def wait_on(tables, cook):
    dishes = []
    for table in tables:
        card = asyncio.create_task(cook(table))
        dishes.append(await card)
    return dishes


# %% tags=["solution"]
async def wait_on(tables, cook):
    cards = [asyncio.create_task(cook(table)) for table in tables]
    return [await card for card in cards]


# %%
check("01.waiter", wait_on)

# %% [markdown]
# ### Write: n guests, each in their own time
#
# Guests 1 to `n` come at once. For each, `await bake(guest)` returns a pie after one to three seconds, and `await carry(guest, pie)` brings it and returns the
# coins that the guest pays. All pies are baked at the same time, and each is carried as soon as it is baked: nobody waits for another guest's pie. Return the
# sum of the coins.


# %%
async def serve_guests(n, bake, carry):
    """The coins of n guests."""

    # solution
    async def serve_one(guest):
        pie = await bake(guest)
        return await carry(guest, pie)

    return sum(await asyncio.gather(*[serve_one(guest) for guest in range(1, n + 1)]))


# %%
check("01.guests", serve_guests)

# %% [markdown]
# ### Write: a card or a chef
#
# Each function in the list `waiting` is an `async def` that waits for a service; each in `blocking` is a plain function that holds its thread while it reads
# a file. None takes an argument. Run all of them at the same time, without ever holding the loop, and return one list of their results: those of `waiting`
# first, then those of `blocking`, each in its order.


# %%
async def run_all(waiting, blocking):
    """All in the time of the slowest."""
    # solution
    cards = [wait() for wait in waiting]
    lent = [asyncio.to_thread(block) for block in blocking]
    return await asyncio.gather(*cards, *lent)


# %%
check("01.chefs", run_all)

# %% tags=["differs-again"]
progress("01")

# %% [markdown]
# ## Deeper
#
# What a card is made of and why a plain function cannot be put aside; and what the GIL lets through: all of it can be left out.

# %% [markdown] tags=["notes"]
# **Cut.** On half a day this lesson is homework; on a day leave out section 6 and all below this
# line, and let the Rust be read at home. With Tokio people in the room keep one minute for the
# memory of a task (463 bytes in Tokio 1.53). With NumPy people take section 9: it says which calls
# give them a second core.

# %% [markdown]
# ## 8. What is in a card?
#
# A task that waits is a coroutine with a bookmark. It remembers its local variables and the line where it goes on.

# %%
dish = serve()
print(f"a coroutine takes about {round(sys.getsizeof(dish), -2)} bytes")
print(f"it is {inspect.getcoroutinestate(dish)}, and its code is that of {dish.__qualname__}")
dish.close()

# %% [markdown]
# A thread has a stack of its own, for the plain functions that it is in the middle of. A system reserves some megabytes of addresses for that, and
# some kilobytes of memory at once. A coroutine has no stack: between two steps there is nothing on the chef's table. (The article says "green
# threads or coroutines". Green threads, as in Go, are threads of the language's own, with small stacks. Rust's futures and Python's coroutines have none, and are the latter.)
#
# That has a price. A thread can be put aside anywhere. A coroutine can be put aside at an `await` of its own, and nowhere else. `stir` below is a plain function:

# %%
predict(
    "`stir` asks for 5 minutes, `stirred_dish` for 1 more. How many minutes does the dish take?",
    measure=lambda trace: trace.task("stirred_dish").ended,
    why="A plain function cannot await: the five minutes were made, and thrown away.",
)


# %%
def stir():
    asyncio.sleep(5)


async def stirred_dish():
    stir()
    await asyncio.sleep(1)


trace = await record(stirred_dish(), unit="minutes")
print(f"dinner after {trace.duration:g} min", *trace.findings, sep="\n")

# %% [markdown]
# For a dish to be put aside inside `stir`, `stir` has to be an `async def`,
# and so has everybody who calls it. With threads, any function may wait.

# %% [markdown]
# ## 9. What the GIL lets through
#
# The GIL is Python's one kitchen knife: of all threads, only the one that holds it
# can run Python code. C code may put it down while it needs no Python, and hashing, compressing and much of NumPy do. Then a thread gives you a second core.
# C code that keeps the knife gives you nothing: your loop stands still, thread or not. (A free-threaded build of Python has no GIL; the usual one has.)
#
# A ticker on the loop wants to tick every 10 ms, on the real clock. Beside it, in a thread, runs one long call into C. How often does it tick?


# %%
async def ticks_during(work):
    ticks = []

    async def ticker():
        while True:
            await asyncio.sleep(0.01)
            ticks.append(time.perf_counter())

    def timed():
        began = time.perf_counter()
        work()
        return began, time.perf_counter()

    beside = asyncio.create_task(ticker())
    began, ended = await asyncio.to_thread(timed)
    await asyncio.sleep(0.02)
    beside.cancel()
    return sum(began < tick < ended for tick in ticks)


# %%
def hash_password():  # C that puts the knife down
    hashlib.pbkdf2_hmac("sha256", b"soup", b"salt", 600_000)


def add_up():  # C that keeps it
    sum(range(10_000_000))


hashing = (await record(ticks_during(hash_password), clock="real")).result
# On a busy machine the loop may get in just before the first number: the best of three.
adding = min([(await record(ticks_during(add_up), clock="real")).result for _ in range(3)])
print("while a password was hashed:", "4 ticks or more" if hashing >= 4 else f"{hashing} ticks")
print("while numbers were added up:", "2 ticks at most" if adding <= 2 else f"{adding} ticks")
