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
# **You will**
# - see how far one chef gets with n guests, and where one is not enough;
# - measure on your own machine what a thread and a task cost, from 10 of them to 10,000;
# - know when a thread is the right choice.
#
# **The clock.** The pictures are on the *virtual clock*, in kitchen minutes, and exact. Costs are a matter of your machine, so they are measured on the
# real one, and what this page claims about them are relations ("more than three times"), not numbers.

# %%
import asyncio
import hashlib
import inspect
import sys
import threading
import time

import plotly.graph_objects as go

from helpers import busy, record, timeline
from helpers.costs import measure_all, per_unit
from helpers.draw.theme import GRID, TEMPLATE
from helpers.labs import lab

# %% [markdown]
# ## 1. A chef for every guest
#
# Five guests, a chef each. A chef does the three things one after the other and holds on for all ten minutes. `run_in_executor` hands a plain
# function to a thread of its own; the picture shows the work of those five threads.
#
# **Predict.** When have all five been served? And for how many of their minutes do the chefs *work*?


# %%
def own_chef():
    busy(1)  # chop
    busy(8)  # stand in front of the oven
    busy(1)  # serve


async def a_chef_each(guests):
    loop = asyncio.get_running_loop()
    await asyncio.gather(*[loop.run_in_executor(None, own_chef) for _ in range(guests)])


chefs = await record(a_chef_each(5), unit="minutes")
five = [f"own_chef {number}" for number in range(1, 6)]
timeline(
    chefs,
    lanes=five,
    title="Five guests, five chefs, ten minutes: each chef stands there to the end",
)

# %% [markdown]
# Ten minutes, as long as for a single guest. The chefs were held for 50 minutes in all, and 40 of those they looked at ovens.
#
# ## 2. One chef and five cards
#
# The same three things as a coroutine. One word is different: the oven is awaited.
#
# **Predict.** When have all five been served by one chef: after 10 minutes, 14, or 50?


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
timeline(cards, title="One chef, 14 minutes: the oven works, the chef chops on")

# %%
for way, trace in {"a chef each": chefs, "a card each": cards}.items():
    held = sum(lane.busy for lane in trace.lanes)
    team = {step.thread for lane in trace.lanes for step in lane.steps if step.end > step.start}
    print(
        f"{way}: {trace.duration:g} min, chefs at work: {len(team)}, held for {held:g} min in all"
    )

# %% [markdown]
# (`TaskGroup` waits for all the tasks that were made in it; more in lesson 02.) Five chefs were a little faster. One chef was nearly as fast, and was held
# for a fifth of the time. What made it possible is not that tasks are quick. It is that the guests spend their time *waiting*, and a waiting
# card holds nobody.
#
# ## 3. How far does one chef get?
#
# Each guest needs two minutes of the chef's hands, and eight of an oven's.
#
# **Predict.** Up to how many guests is one chef enough? What happens at 20 guests: is dinner over after 10 minutes, 29, or 40?

# %%
print("guests   served after   chef at work")
for guests in (1, 2, 5, 9, 10, 20, 40):
    trace = await record(a_card_each(guests), unit="minutes")
    share = sum(task.busy for task in trace.tasks) / trace.duration
    print(f"{guests:6}   {trace.duration:8g} min   {share:10.0%}")

# %% [markdown]
# Up to nine guests, each new one makes dinner one minute longer. From there on it is two: the chef has no free minute left, and what counts is
# the work alone. Look at 20:

# %%
rush = await record(a_card_each(20), unit="minutes")
timeline(rush, title="20 guests: from minute 9 on, dishes that are done wait as well")

# %% [markdown]
# The stripes are cards that are **scheduled**: ready to go on, and no chef free. Now more chefs would help. With four of them, five guests each, dinner would be
# over after 14 minutes (see the row for 5). With twenty it would be 10, and they would stand at ovens for most of it. That is the reason for "a small
# team of chefs": as many as there is *work* for, not as many as there are guests. A computer can do the work of as many chefs as it has cores.

# %% [markdown]
# ## 4. What is in a card?
#
# A task that waits is a coroutine with a bookmark. It remembers its local variables and the line where it goes on.
#
# **Predict.** How many bytes is that: some hundred, some thousand, some million?

# %%
dish = serve()
print("a coroutine takes less than 1000 bytes:", sys.getsizeof(dish) < 1000)
print(f"it is {inspect.getcoroutinestate(dish)}, and its code is that of {dish.__qualname__}")
dish.close()

# %% [markdown]
# A thread has a stack of its own, for the plain functions that it is in the middle of. A system reserves some megabytes of addresses for that, and
# some kilobytes of memory at once. A coroutine has no stack: between two steps there is nothing on the chef's table. (The article says "green
# threads or coroutines". Green threads, as in Go, have small stacks. Rust's futures and Python's coroutines have none, and are the latter.)
#
# That has a price. A thread can be put aside anywhere. A coroutine can be put aside at an `await` of its own, and nowhere else.
#
# **Predict.** `stir` is a plain function. How long does it hold up the dish?


# %%
def stir():
    asyncio.sleep(5)  # a plain function cannot await


async def stirred_dish():
    stir()
    await asyncio.sleep(1)


trace = await record(stirred_dish(), unit="minutes")
print(f"dinner after {trace.duration:g} min")
print(*trace.findings, sep="\n")

# %% [markdown]
# Not at all, and that is a bug: the five minutes were made and thrown away. For a dish to be put aside inside `stir`, `stir` has to be an `async def`,
# and so has everybody who calls it. With threads, any function may wait.

# %% [markdown]
# ## 5. How many threads do 1000 tasks make?
#
# **Predict.** Two numbers: the new threads while 1000 tasks are alive, and the new threads while 100 threads are.


# %%
def threads_since(before):
    return len(set(threading.enumerate()) - before)


async def thousand_cards():
    before = set(threading.enumerate())
    tasks = [asyncio.create_task(asyncio.sleep(8)) for _ in range(1000)]
    await asyncio.sleep(4)  # all of them are in the oven now
    alive = sum(not task.done() for task in tasks)
    return alive, threads_since(before)


trace = await record(thousand_cards(), unit="minutes")
print("{} tasks alive, {} new threads".format(*trace.result))

# %%
before = set(threading.enumerate())
gong = threading.Event()
team = [threading.Thread(target=gong.wait) for _ in range(100)]
for chef in team:
    chef.start()
print(f"{len(team)} threads alive, {threads_since(before)} new threads")
gong.set()
for chef in team:
    chef.join()

# %% [markdown]
# Making a task makes no thread; the article is right about that. A task is an entry in the books of a loop that has its thread already.
#
# ## 6. Does the kitchen explode?
#
# A popular article on Tokio says that with 1000 chefs it does. Let us hire them.
#
# Each unit, thread or task, waits for 10 ms. Every measurement runs in a fresh process, since a process that has had 1000 threads before makes the next ones
# more cheaply. *Time* is from before the first is made until the last is done. *Memory* is by how much the process has grown with all of them alive.
#
# **Predict**, and write it down: do 1000 threads work on your machine? 10,000? How long do 10,000 threads take, and 10,000 tasks? How many bytes is one of
# each?


# %%
def draw(costs, title):
    figure = go.Figure().set_subplots(1, 2, horizontal_spacing=0.12)
    for kind, colour, symbol in (("thread", "#ee7d11", "square"), ("task", "#2373bd", "circle")):
        rows = [cost for cost in costs.of(kind) if cost.seconds and cost.bytes]
        look = {"mode": "lines+markers+text", "textposition": "top left", "cliponaxis": False}
        look |= {"text": [""] * (len(rows) - 1) + [f"{kind}s"], "textfont": {"color": colour}}
        look |= {"marker": {"symbol": symbol, "size": 9, "color": colour}, "name": kind}
        n = [cost.n for cost in rows]
        figure.add_scatter(x=n, y=[cost.bytes for cost in rows], **look, row=1, col=1)
        figure.add_scatter(x=n, y=[cost.seconds for cost in rows], **look, row=1, col=2)
    figure.update_xaxes(type="log", dtick=1, title="how many at once")
    figure.update_yaxes(type="log", dtick=1, showgrid=True, gridcolor=GRID)
    figure.update_yaxes(title="memory", ticksuffix="B", col=1)
    figure.update_yaxes(title="time", ticksuffix="s", col=2)
    return figure.update_layout(template=TEMPLATE, title=f"<b>{title}</b>", height=340)


# %% tags=["measures"]
# NBVAL_IGNORE_OUTPUT
costs = await measure_all(
    counts=(10, 100, 1000, 10_000),
    repeats=1,  # more repeats make smoother lines, and take longer
    progress=lambda done, total, said: print(f"{done} of {total}:", said.split("; ")[-1], end="  "),
)
thread, task = per_unit(costs)["thread"], per_unit(costs)["task"]
print("\n", costs, sep="\n")
print(f"thread: {thread}. 1 GB of it holds {1e9 / thread.bytes:,.0f}.")
print(f"task: {task}. 1 GB of it holds {1e9 / task.bytes:,.0f}.")
times = f"{thread.bytes / task.bytes:.0f} times the memory of a task"
draw(costs, f"A thread takes {times},<br>and {thread.seconds / task.seconds:.0f} times the time")

# %%
by = {(cost.kind, cost.n): cost for cost in costs}
print("1000 threads at once worked:", by["thread", 1000].seconds is not None)
print("they were all done within 10 seconds:", by["thread", 1000].seconds < 10)
print("10,000 tasks had fewer than 20 OS threads:", by["task", 10_000].threads < 20)
print("a thread takes more than 3 times the memory of a task:", thread.bytes > 3 * task.bytes)
print("and more time:", thread.seconds > task.seconds)

# %% [markdown]
# Nothing exploded. 1000 threads worked, in less time than you need to read this sentence. If your machine allowed 10,000 of them, those worked too.
#
# What the picture shows is a **slope**. On logarithmic axes the lines of the memory climb alike, and one lies above the other: for every unit more you
# pay, and for a thread you pay a multiple. In time the threads pull away from about a hundred on; below that, the 10 ms of waiting hide both. (At ten units there is little to read in the memory either: a few pages.) So the honest
# sentence is not "1000 threads are impossible" but: **at any number, tasks take a fraction of it; and the number at which you run out is that much
# further away.** With a hundred guests at a time, nobody needs to care.
#
# Two costs are not in the table. The system keeps a second stack for each thread for itself (16 kB on Linux). And where many threads are *ready* at once, the
# system switches between them whenever it likes, which costs more than the loop's switch at an `await`.
#
# ## 7. The middle way: a pool
#
# Between the two lies a **pool**: a fixed team of threads, and a queue of jobs for it. On the virtual clock the pool of `run_in_executor` has 32 chefs.
#
# **Predict.** 100 guests, 32 chefs who stand in front of their ovens, 10 minutes a guest: when is dinner over? And with one chef and cards?

# %%
pool = await record(a_chef_each(100), unit="minutes")
one = await record(a_card_each(100), unit="minutes")
print(f"{len(pool.threads()) - 1} chefs who stand at ovens: {pool.duration:g} min")
print(f"one chef with cards: {one.duration:g} min")

# %% [markdown]
# Four rounds of ten minutes. The pool wins here, because each dish needs two minutes of hands, and 32 pairs of hands are more than one. Let the dish be a request
# that needs a hundredth of a minute of work, and wait for eight:


# %%
def own_waiter():
    busy(0.01)
    busy(8)  # wait for the database


async def request():
    busy(0.01)
    await asyncio.sleep(8)


async def rush_hour(requests, way):
    loop = asyncio.get_running_loop()
    pool = (loop.run_in_executor(None, own_waiter) for _ in range(requests))
    cards = (request() for _ in range(requests))
    await asyncio.gather(*{"pool": pool, "cards": cards}[way])


for way in ("pool", "cards"):
    trace = await record(rush_hour(400, way), unit="minutes")
    print(f"{way}: {trace.duration:g} min, threads: {len(trace.threads())}")

# %% [markdown]
# Now one thread with cards leaves 32 in a pool far behind. A pool's size is the most that can *wait* at a time; one thread's cards have no such limit. Tokio
# takes both: a small team of chefs, about one a core, and cards for all the waiting.

# %% [markdown]
# ## 8. When is a thread right?
#
# **When the library blocks.** Many libraries know nothing of `await`: they hold the thread until the answer is there. `asyncio.to_thread` gives such a call
# a thread of its own, and you a coroutine. From here on the clock is the real one.
#
# **Predict.** Four calls, 0.1 s each. How long do they take in the loop's own thread, and how long in threads?


# %%
def old_library():
    time.sleep(0.1)


async def on_the_loop():
    for _ in range(4):
        old_library()


async def in_threads():
    await asyncio.gather(*[asyncio.to_thread(old_library) for _ in range(4)])


loop_run = await record(on_the_loop(), clock="real")
thread_run = await record(in_threads(), clock="real")
print("on the loop, one after the other:", loop_run.duration >= 0.39)
print("in threads, sooner:", thread_run.duration < loop_run.duration)

# %% [markdown]
# **When a library written in C computes, and lets go of the GIL meanwhile.** The GIL is Python's one kitchen knife: of all threads, only the one that holds it
# can run Python code. C code may put it down while it needs no Python, and hashing, compressing and much of NumPy do. Then a thread gives you a second core.
# C code that keeps the knife gives you nothing: your loop stands still, thread or not. (A free-threaded build of Python has no GIL; the usual one has.)
#
# A ticker on the loop wants to tick every 10 ms. Beside it, in a thread, runs one long call into C.
#
# **Predict.** In which of the two cases does the ticker tick?


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


hashing = await record(ticks_during(hash_password), clock="real")
# On a busy machine the loop may get in just before the first number: the best of three.
adding = min([(await record(ticks_during(add_up), clock="real")).result for _ in range(3)])
print("while a password was hashed, the loop ticked 4 times or more:", hashing.result >= 4)
print("while numbers were added up, it ticked twice at most:", adding <= 2)

# %% [markdown]
# So, when is what right?
#
# | the work | what to use | why |
# |---|---|---|
# | waits, and the library has `await` | a task | waiting holds nobody |
# | waits, and the library blocks | a thread (`to_thread`, `spawn_blocking`) | it holds a chef: let it be a chef that you can spare |
# | computes in C without the GIL | a thread | a second core, and the loop goes on |
# | computes in Python | a process | the GIL lets one thread run at a time; in Rust there is no GIL, and a thread is right |
# | a few long-lived jobs, whatever they do | threads are fine | the slope does not matter at ten |

# %% [markdown]
# ## The lab
#
# Guests, each with a dish in the oven for a while: first a card each, then a chef each, for real. Turn up the guests; predict when the two ways part.

# %%
# NBVAL_IGNORE_OUTPUT
lab("task_cards")


# %%
async def both_ways(guests):
    before = set(threading.enumerate())
    waiting = [asyncio.create_task(asyncio.sleep(0.1)) for _ in range(guests)]
    await asyncio.sleep(0)
    for_cards = threads_since(before)
    gong = threading.Event()
    for _ in range(guests):
        threading.Thread(target=gong.wait).start()
    for_chefs = threads_since(before)
    gong.set()
    await asyncio.gather(*waiting)
    return f"{for_cards} threads for the cards, {for_chefs} for the chefs"


for guests in (10, 200):
    print(f"{guests} guests:", (await record(both_ways(guests), clock="real")).result)

# %% [markdown]
# That is what does not change, whatever you set: cards add no thread, chefs add one each. What that costs grows with the guests.

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
# | Rust, Tokio | Python, asyncio |
# |---|---|
# | `thread::spawn(\|\| thread::sleep(OVEN))` | `Thread(target=time.sleep, args=(OVEN,))`, then `.start()` |
# | `chef.join().unwrap()` | `chef.join()` |
# | `tokio::spawn(tokio::time::sleep(OVEN))` | `asyncio.create_task(asyncio.sleep(OVEN))` |
# | `card.await.unwrap()` | `await card` |
# | `spawn_blocking(\|\| ...)`: a pool for what blocks, 512 threads at most | `asyncio.to_thread(...)`: a pool of the cores and four, 32 at most |
# | `flavor = "current_thread"`: one chef | what asyncio always is |
# | `flavor = "multi_thread"`, the default: a worker a core | no such thing; several processes |
#
# **What is the same:** a task makes no thread; a waiting task costs memory and nothing else; the slope of tasks lies far below that of threads. A Tokio task
# was measured at about 1.2 kB (Tokio 1.24, Linux), near to asyncio's.
#
# **What differs:** Tokio's workers are threads that run Rust at the same moment, on all cores. asyncio has one chef, and Python's threads share one GIL. So
# "a small team of elite chefs" is Tokio's default, and asyncio's team is one. Lesson 07 looks at the team.

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
# 1. In `serve`, make the oven take 28 minutes instead of 8. From how many guests on is the chef busy all the time? Guess a rule, then run section 3 again.
# 2. In section 6, measure a pool too: `print(await measure_all((100, 1000), kinds=("thread_pool", "task"), repeats=1))`. How does its time grow, and how does the number of
#    OS threads? What does a job weigh that only waits in the pool's queue?
# 3. Write a `serve` that holds `[0] * 100_000` in a variable over its `await`. What do a hundred waiting cards weigh now?
#    (`psutil.Process().memory_info().rss`, before and while they wait.)
#
# <details><summary>What to look for</summary>
#
# 1. From 29 on. The first dish is back after 1 + 28 minutes; by then the chef has chopped for 29 guests, and from there on the work alone counts. With the
#    oven's 8 minutes it was 1 + 8 = 9.
# 2. The team is fixed; see the last column. Each of the team waits 10 ms for one job after the other, so time grows with n / team. A job in the
#    queue is an object like a task, and weighs about as much.
# 3. About 80 MB: 0.8 MB each. The card is the cheap part; what the task holds while it waits is up to you.
#
# </details>
#
# ## What to take away
#
# - One thread serves as many guests as wait, up to the point where its *work* fills the time. For more work you need more chefs, as many as there are cores.
# - 1000 threads do not explode. A thread costs a multiple of a task, in memory and in time, at any number; measure before you believe a number, also this page's.
# - A task can be put aside at its `await` only. Where code blocks, or computes in C without the GIL, a thread is right.
#
# **Next:** [02 · What happens between writing the card and cooking the dish?](02_spawn.ipynb)
