# ---
# jupyter:
#   kernelspec: {display_name: Python 3 (ipykernel), language: python, name: python3}
#   lesson:
#     number: "03"
#     name: not_blocking
#     question: "Who else suffers when one chef stares at the oven?"
#     article: "time::sleep"
# ---

# %% [markdown]
# # 03 · Who else suffers when one chef stares at the oven?
#
# The card says: wait until the oven is hot. One chef turns the knob, stands before the glass door and stares for five minutes.
# Another chef turns the knob, sets a bell, and takes the next card from the rail. Both ovens are hot at the same time, and for
# this one card the two chefs took equally long. The difference is in everybody else's cards: the soup that nobody stirred.
#
# To stare is to **block**: to hold the thread without giving it back. `std::thread::sleep` in Rust and `time.sleep` in Python do so. To set
# a bell and let go is to **yield**: `tokio::time::sleep(...).await` and `await asyncio.sleep(...)`.
#
# **You will**
# - see, on real time, who is delayed by one blocking call, and by how much;
# - give heavy work a place where it hurts nobody: in pieces, in a thread, in a process;
# - find the one blocking line in a program that you have never seen.
#
# **The clock.** That `time.sleep` really stops the others is shown on the *real* clock, with steps of 50 ms and more. Those times differ
# a little in each run, so the text after it states relations. Everything else is on the *virtual* clock, in kitchen minutes, where
# `busy(5)` is five minutes of staring or of work with both hands, and every number is exact.

# %%
import asyncio
import hashlib
import logging
import multiprocessing
import re
import selectors
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from helpers import busy, lab, record, timeline

# %% [markdown]
# ## 1. One stares, on real time
#
# `stir` gives the pot a stir every 50 ms, ten times. `oven` lets it do so for a moment, and then stares at the glass for 400 ms.
#
# **Predict.** What does `stir` do in those 400 ms? And does `stir` have any way to defend itself?


# %%
# NBVAL_IGNORE_OUTPUT
async def quick_stir():
    for _ in range(10):
        await asyncio.sleep(0.05)


async def preheat():
    await asyncio.sleep(0.12)
    time.sleep(0.4)  # stares


async def real_kitchen():
    pot = asyncio.create_task(quick_stir(), name="stir")
    await asyncio.create_task(preheat(), name="oven")
    await pot


stared = await record(real_kitchen(), clock="real")
timeline(stared, title="While one stares for 400 ms, nobody stirs")

# %%
waited = max(step.start - step.ready for step in stared.task("stir").steps)
told = [finding for finding in stared.findings if finding.task == stared.task("oven").id]
print("stir was ready, with no chef, for more than 200 ms:", waited > 0.2)
print("the finding says who was delayed:", "`stir`" in told[0])
print("and names the line:", "time.sleep(0.4)" in told[0])

# %% [markdown]
# Nothing. Its bell rang, it was ready, and there was one thread, which was inside `time.sleep`. No other coroutine can take the
# thread away: tasks are **cooperative**, they take turns because each gives up its own. All the code of `stir` is right, and `stir` is
# the one that is late. That is the nasty part: *the delay shows in another place than its cause.*
#
# You could still use this notebook meanwhile, because `record` runs your coroutines on a loop in a thread of its own. The notebook's own loop
# was not stopped. A look from that loop, once every 50 ms, while the chef of the run stares:

# %%
looks = []


async def look_in():
    while True:
        looks.append(time.perf_counter())
        await asyncio.sleep(0.05)


async def stare_and_tell():
    began = time.perf_counter()
    time.sleep(0.5)
    return began, time.perf_counter()


looking = asyncio.create_task(look_in())  # on the notebook's loop
began, ended = (await record(stare_and_tell(), clock="real")).result
looking.cancel()
print("the notebook's loop went on:", sum(began < look < ended for look in looks) > 2)

# %% [markdown]
# ## 2. The same, exactly
#
# Now on the virtual clock, in minutes: `stir` every minute, six times; the oven takes five. One chef stares (`busy(5)`), the other sets
# a bell (`await asyncio.sleep(5)`).
#
# **Predict.** When is the last stir in each kitchen? When is the oven hot?


# %%
async def stir(times=6):
    for _ in range(times):
        await asyncio.sleep(1)


async def stare():
    busy(5)


async def set_a_bell():
    await asyncio.sleep(5)


async def kitchen(oven):
    pot = asyncio.create_task(stir(), name="stir")
    await asyncio.create_task(oven(), name="oven")
    await pot


staring = await record(kitchen(stare), unit="minutes")
timeline(staring, title="Staring: the first stir is 4 minutes late")

# %%
free = await record(kitchen(set_a_bell), unit="minutes")
timeline(free, title="With a bell: every stir is on time, and the oven is hot as soon")

# %%
for name, trace in {"staring": staring, "with a bell": free}.items():
    pot = trace.task("stir")
    late = [step.start - step.ready for step in pot.steps[1:]]
    print(
        f"{name}: oven hot in minute {trace.task('oven').ended:g}, last stir in {pot.ended:g}, late: {late}"
    )
print(*staring.findings, sep="\n")
print("findings with a bell:", len(free.findings))

# %% [markdown]
# The oven was hot in minute 5 in both. Staring did not make it any quicker; it cost the *others* four minutes.
#
# The article says that a sleep which does not block lets the thread serve hundreds of other tasks. That is true, and its own program
# cannot show it: nothing else runs in it. It would take as long with a chef who stares. It needs a second task to see the difference.

# %% [markdown]
# ### Three ovens
#
# Three cards, each with an oven of two minutes.
#
# **Predict.** How long do the three take with chefs who stare, and how long with bells?


# %%
async def all_of(oven, how_many):
    tasks = [asyncio.create_task(oven(), name=f"oven {n + 1}") for n in range(how_many)]
    for task in tasks:
        await task


async def stare_2():
    busy(2)


async def bell_2():
    await asyncio.sleep(2)


three_staring = await record(all_of(stare_2, 3), unit="minutes")
three_free = await record(all_of(bell_2, 3), unit="minutes")
print(f"staring {three_staring.duration:g} min, with bells {three_free.duration:g} min")
timeline(three_staring, title="Three who stare queue up behind each other")

# %%
timeline(three_free, title="Three bells ring in the same minute")

# %% [markdown]
# Blocking adds up; waiting does not. With *n* cards that stare for *d* minutes, one chef needs *n × d*. A runtime with several workers needs
# that divided by the number of workers, rounded up: more chefs make the queue shorter, and change nothing about the rule.
#
# The same with Python's real sleeps:


# %%
async def stare_briefly():
    time.sleep(0.1)


async def bell_briefly():
    await asyncio.sleep(0.1)


five_staring = await record(all_of(stare_briefly, 5), clock="real")
five_free = await record(all_of(bell_briefly, 5), clock="real")
print("five who stare take at least the sum:", five_staring.duration >= 0.49)
print("and more than twice as long as with bells:", five_staring.duration > 2 * five_free.duration)

# %% [markdown]
# ## 3. What does the loop do while everybody waits?
#
# **Predict.** A hundred pots, each on the stove for two seconds, and nobody has anything to do. How busy is the thread?
#
# asyncio asks the operating system to wake it: at the next timer, or when a socket has something to read. The part of Python that
# asks is called a **selector** (Tokio's counterpart is called the *driver*, and *parks* the thread). Here is one that writes down each nap it took. This
# cell uses plain asyncio, without `record`, in a thread of its own.

# %%
naps = []


class NappingSelector(selectors.DefaultSelector):
    def select(self, timeout=None):
        began = time.perf_counter()
        events = super().select(timeout)
        naps.append(time.perf_counter() - began)
        return events


# %%
async def hundred_pots():
    worked, began = time.thread_time(), time.perf_counter()
    await asyncio.gather(*(asyncio.sleep(2) for _ in range(100)))  # a task each, awaited together
    return time.thread_time() - worked, time.perf_counter() - began


def run_and_note_naps():
    naps.clear()
    with asyncio.Runner(
        loop_factory=lambda: asyncio.SelectorEventLoop(NappingSelector())
    ) as runner:
        return runner.run(hundred_pots())


worked, took = await asyncio.to_thread(run_and_note_naps)
print("asleep in the selector for most of the time:", sum(naps) > 0.8 * took)
print("the thread used less than a fifth of a core:", worked < 0.2 * took)
print("it did not look every millisecond:", len(naps) < 100)

# %% [markdown]
# Nothing: it sleeps, in one call, and the thread uses no processor. There is no polling loop that asks "is it hot yet?". On the virtual clock this
# nap is what takes no time: when nothing is ready, the loop jumps to the next timer.
#
# So a thread can be still for two reasons that look alike from outside. In the selector it wakes for whatever comes first. In `time.sleep` it
# wakes for nothing.

# %% [markdown]
# ## 4. Work that is really work
#
# Staring can be replaced by a bell. Kneading cannot: six minutes of dough are six minutes of hands. What can be chosen is
# where, and in how many pieces.
#
# **Predict.** `stir` wants its turn every minute. How late is it at worst, when the dough is kneaded (a) in one go, (b) in six pieces
# with `await asyncio.sleep(0)` between, (c) by a helper in another thread? And when is the dough ready in each?


# %%
async def in_one_go():
    busy(6)


async def in_pieces():
    for _ in range(6):
        busy(1)
        await asyncio.sleep(0)  # "anyone else?"


async def by_a_helper():
    await asyncio.to_thread(busy, 6)


async def bakery(knead):
    pot = asyncio.create_task(stir(6), name="stir")
    await asyncio.create_task(knead(), name="dough")
    await pot


# %%
kneaded = {}
for way in (in_one_go, in_pieces, by_a_helper):
    kneaded[way] = trace = await record(bakery(way), unit="minutes")
    late = max(step.start - step.ready for step in trace.task("stir").steps)
    dough = trace.task("dough")
    print(f"{way.__name__}: dough ready in minute {dough.ended:g}, stir late by {late:g} at worst")

# %%
timeline(kneaded[in_one_go], title="(a) One go: 6 minutes without a stir")

# %%
timeline(kneaded[in_pieces], title="(b) Six pieces: the others get turns in between")

# %%
timeline(kneaded[by_a_helper], title="(c) A helper kneads, and the chef is free")

# %% [markdown]
# - **In one go** it is one step, and no one comes in between.
# - **In pieces** the dough takes as long, and `stir` gets turns in between. `await asyncio.sleep(0)` is asyncio's way to yield: the task goes to
#   the end of the ready queue (in Tokio: `tokio::task::yield_now().await`, which makes it ready again when that queue is empty). How fine the pieces are is yours to choose.
# - **By a helper** the loop is free all the time, and the task `dough` merely waits. `asyncio.to_thread` hands a plain function to a thread of a pool (in Tokio:
#   `tokio::task::spawn_blocking`). It has a lane of its own in the picture, since it is no task: it cannot be cancelled, and it is not
#   scheduled by the loop.

# %% [markdown]
# ### Late by two pieces, and not by one
#
# Look at picture (b) again. The bell of `stir` rang in minute 1, exactly when a piece was over, and yet `stir` had its turn in minute 3. Two things have
# to be done one after the other, and each has to queue. The loop looks at its bells between two steps; by then the dough is in the queue again, and the bell's
# turn comes after it. The bell's turn is what makes `stir` ready; by then the dough is in the queue once more, and `stir` comes
# after that. So a sleeper may be late by two whole pieces, and by the rest of the piece that was going on when its bell rang.
#
# ### An `await` that does not yield
#
# Not every `await` lets go. Here each minute of kneading is a coroutine of its own, and is awaited.
#
# **Predict.** Is `stir` served between the pieces?


# %%
async def knead_a_bit():
    busy(1)


async def in_awaited_pieces():
    for _ in range(6):
        await knead_a_bit()


trace = await record(bakery(in_awaited_pieces), unit="minutes")
print("steps of the dough:", trace.task("dough").polls)
print(*trace.findings, sep="\n")

# %% [markdown]
# No: one step. `await` means "wait here *if* it is not ready". `knead_a_bit()` never has to wait for anything, so there is nothing to
# yield for, and `await` is then an ordinary call. The same goes for a queue that is not empty:


# %%
async def empty_the_counter(counter):
    while not counter.empty():
        await counter.get()


async def main():
    counter = asyncio.Queue()
    for plate in range(1000):
        counter.put_nowait(plate)
    plates = asyncio.create_task(empty_the_counter(counter), name="plates")
    other = asyncio.create_task(asyncio.sleep(0), name="other")
    await plates
    return other.done()


trace = await record(main())
print("1000 awaits, steps:", trace.task("plates").polls)
print("the other one had ended meanwhile:", trace.result)

# %% [markdown]
# A thousand awaits in one step. Here the two languages differ: Tokio counts. After 128 such operations that were ready at once, the next
# one says "not yet" although it is ready, and the task has yielded without asking to. asyncio has no such budget. If a loop of yours may find
# everything ready, put a `sleep(0)` in it.

# %% [markdown]
# ## 5. A thread is not always enough
#
# In CPython one thread at a time runs Python code: the one that holds the **GIL**, the interpreter's global lock. So a thread is a place where work can *wait* for
# as long as it likes. Whether it can also *compute* there without harm depends on whether it lets go of the GIL.
#
# **Predict.** Four ways to spend a few hundred milliseconds of real computing beside a `stir` every 20 ms: a loop written in Python, in a thread; one long call of
# C code that keeps the GIL (`sum` over a range), in a thread; one long call of C code that lets go of it (a hash), in a thread; the same `sum` in
# another *process*. In which of them is the pot left alone?


# %%
def count_in_python(n):
    while n:
        n -= 1


async def longest_silence(work):
    async def stir():
        while True:
            await asyncio.sleep(0.02)
            stirred.append(time.perf_counter())

    stirred = [began := time.perf_counter()]
    pot = asyncio.create_task(stir())
    await work()
    ended = time.perf_counter()
    pot.cancel()
    gaps = [late - soon for soon, late in zip(stirred, [*stirred[1:], ended], strict=True)]
    return max(gaps) / (ended - began)  # as a share of the time that the work took


# %%
N = 20_000_000
loop_of_run = asyncio.get_running_loop
spawned = multiprocessing.get_context("spawn")  # the same on Linux, macOS and Windows
ways = {
    "Python loop in a thread": lambda: asyncio.to_thread(count_in_python, N // 2),
    "sum in a thread": lambda: asyncio.to_thread(sum, range(N)),
    "hash in a thread": lambda: asyncio.to_thread(
        hashlib.pbkdf2_hmac, "sha256", b"dough", b"salt", N // 20
    ),
    "sum in a process": lambda: loop_of_run().run_in_executor(bakers, sum, range(N)),
}
with ProcessPoolExecutor(1, mp_context=spawned) as bakers:
    bakers.submit(sum, [1, 2]).result()  # the other process is up
    for name, work in ways.items():
        trace = await record(longest_silence(work), clock="real")
        print(f"{name}: the pot was left alone for more than half of it: {trace.result > 0.5}")

# %% [markdown]
# Only the `sum` in a thread. A Python loop is made to hand the GIL over every few milliseconds, so the loop gets its turns (and the two share
# one core's worth of Python). The hash lets go by itself. `sum` over numbers is one long call that does neither: it froze every thread of the
# process, as if it had been called in the coroutine. In a process of its own it harms nobody; in return its arguments and its result have to be copied there
# and back, and the process has to be started.
#
# | the work | its place |
# |---|---|
# | waits, and there is an async library for it | `await` it |
# | waits, and only a blocking library exists (files, most database drivers, `requests`) | `asyncio.to_thread` |
# | computes, in C code that lets go of the GIL (hashes, compression, much of NumPy) | `asyncio.to_thread` |
# | computes, in Python | a process, or pieces with `sleep(0)` |
#
# In Rust there is no such lock, and `spawn_blocking` threads compute at the same time; there may be up to 512 of them, and they share the cores.

# %% [markdown]
# ## 6. Who tells you? asyncio's debug mode
#
# asyncio can watch itself. In **debug mode** it logs every step that took longer than `loop.slow_callback_duration` (0.1 s unless you change it).
#
# **Predict.** In the bakery of section 4, which of the three ways does it complain about? (The virtual clock of this course counts minutes
# here; asyncio takes them for seconds.)

# %%
complaints = []


class Listener(logging.Handler):
    def emit(self, entry):
        if found := re.search(r"name='(\w+)'.* (took [\d.]+ seconds)", entry.getMessage()):
            complaints.append(" ".join(found.groups()))


async def debugged(knead):
    asyncio.get_running_loop().set_debug(True)
    await bakery(knead)


log, listener = logging.getLogger("asyncio"), Listener()
log.addHandler(listener)
for way in (in_one_go, in_pieces, by_a_helper):
    complaints.clear()
    await record(debugged(way), unit="minutes")
    print(f"{way.__name__}: {len(complaints)} complaints {sorted(set(complaints))}")
log.removeHandler(listener)

# %% [markdown]
# It names the task and how long it took; not the line, and not the ones who had to wait. Outside of this course you turn it on with
# `asyncio.run(main(), debug=True)`, or with the environment variable `PYTHONASYNCIODEBUG=1`. It also tells you where a coroutine that was never awaited was
# made, and complains when a thread touches the loop in the wrong way.
#
# **Predict.** What does that watching cost: one tenth more, twice as much, ten times as much?


# %%
async def many_yields():
    asyncio.get_running_loop().slow_callback_duration = 60  # no complaints while we measure

    async def yields():
        for _ in range(100):
            await asyncio.sleep(0)

    await asyncio.gather(*(yields() for _ in range(20)))


async def seconds(*, debug):
    began = time.perf_counter()
    await asyncio.to_thread(asyncio.run, many_yields(), debug=debug)
    return time.perf_counter() - began


plain = min([await seconds(debug=False) for _ in range(5)])
watched = min([await seconds(debug=True) for _ in range(5)])
print("more than 3 times as slow, for tasks that do nothing but yield:", watched > 3 * plain)

# %% [markdown]
# More than three times, for the worst case; in programs that have real work to do, less. That is why it is a mode for development, and why `record` does not use
# it: it stamps each step and looks at a thread only when a step holds it for long.

# %% [markdown]
# ## 7. A strange program
#
# You are called to a kitchen that you do not know. "Everything is slow now and then." Each function looks harmless, each coroutine has its `await`s.
#
# **Predict.** Which line is it? (Read it first. It is harder than it looks in real programs, where these are fifty files.)

# %%
PRICES = {}


def price_of(dish):
    if dish not in PRICES:
        PRICES[dish] = ask_the_supplier(dish)
    return PRICES[dish]


def ask_the_supplier(dish):
    time.sleep(0.3)
    return len(dish)


async def serve(dish):
    await asyncio.sleep(0.05)
    return f"{dish}: {price_of(dish)} coins"


async def music():
    for _ in range(12):
        await asyncio.sleep(0.05)


# %%
async def evening():
    band = asyncio.create_task(music(), name="music")
    guests = [asyncio.create_task(serve(dish), name=dish) for dish in ("soup", "soup", "salad")]
    for guest in guests:
        await guest
    await band


PRICES.clear()
strange = await record(evening(), clock="real")
guests = {strange.task(name).id: name for name in ("soup 1", "salad")}
for told in strange.findings:
    if told.kind == "blocked" and told.task in guests:
        line = re.search(r", at (.+)\) and delayed", told).group(1)
        print(guests[told.task], "blocked the loop at", line)

# %% [markdown]
# Two functions below the coroutine, in plain code, and only the first time a dish is asked for: that is how it hides. The finding names the
# line at which the thread stood while the step went on. Asking a supplier is waiting, and only a blocking call exists for it, so by the table above
# its place is a thread:


# %%
async def serve(dish):
    await asyncio.sleep(0.05)
    return f"{dish}: {await asyncio.to_thread(price_of, dish)} coins"


PRICES.clear()
mended = await record(evening(), clock="real")
for name, run in {"before": strange, "mended": mended}.items():
    late = sum(step.start - step.ready for step in run.task("music").steps)
    print(f"{name}: the music was late by more than 250 ms in all: {late > 0.25}")

# %% [markdown]
# One thing has changed besides. The two soups are now asked for at the same time, by two threads, and neither finds the other's price: the
# supplier is asked three times. Before, the blocking had made sure that one came after the other. When you let go of the loop, others run; check what
# your code took for granted while it held it.

# %% [markdown]
# ## 8. The lab
#
# Some guests' dishes wait with a bell, the others are stared at, on the real clock. Beside them a bell should ring every 20 ms. Choose how many are stared at, and
# how many helpers do the staring. Say first when the last dish will be done; then run it.
#
# Find the smallest number of helpers with which the bell is never silent for long. Then find out what more helpers than that are good for.

# %%
# NBVAL_IGNORE_OUTPUT
lab("not_blocking")

# %% [markdown]
# Whatever you choose: without helpers the stares add up and the bell is silent through all of them. One helper frees the bell, and makes the stares no shorter. Only
# more helpers do that, as more workers would in Tokio:


# %%
async def six_stares(helpers):
    with ThreadPoolExecutor(max_workers=helpers) as kitchen:
        asyncio.get_running_loop().set_default_executor(kitchen)
        stares = [asyncio.to_thread(time.sleep, 0.1) for _ in range(6)]
        await asyncio.gather(*stares)


took = {helpers: (await record(six_stares(helpers), clock="real")).duration for helpers in (1, 3)}
print("six stares of 100 ms, one helper: at least 600 ms:", took[1] >= 0.59)
print("three helpers: in less than two thirds of that:", took[3] < took[1] * 2 / 3)

# %% [markdown]
# ## 9. The same job in Rust
#
# The kitchens of sections 2 and 4 on real Tokio, with a second for each kitchen minute. With `stare()` the last stir comes after 10 seconds, with `set_a_bell()` after 6.
#
# ```rust
# use std::time::Duration;
# use tokio::task::{spawn_blocking, yield_now};
# use tokio::time::sleep;
#
# async fn stir() {
#     for _ in 0..6 {
#         sleep(Duration::from_secs(1)).await;
#     }
# }
#
# async fn stare() {
#     std::thread::sleep(Duration::from_secs(5));
# }
#
# async fn set_a_bell() {
#     sleep(Duration::from_secs(5)).await;
# }
#
# async fn in_pieces() {
#     for _ in 0..6 {
#         std::thread::sleep(Duration::from_secs(1));
#         yield_now().await;
#     }
# }
#
# async fn by_a_helper() {
#     let knead = || std::thread::sleep(Duration::from_secs(6));
#     spawn_blocking(knead).await.unwrap();
# }
#
# #[tokio::main(flavor = "current_thread")]
# async fn main() {
#     let pot = tokio::spawn(stir());
#     tokio::spawn(stare()).await.unwrap(); // or set_a_bell(), in_pieces(), by_a_helper()
#     pot.await.unwrap();
# }
# ```
#
# | Rust with Tokio | Python with asyncio | |
# |---|---|---|
# | `std::thread::sleep(d)` | `time.sleep(d)`, `busy(d)` | holds the thread |
# | `sleep(d).await` | `await asyncio.sleep(d)` | sets a bell and lets go |
# | `yield_now().await` | `await asyncio.sleep(0)` | "anyone else?" |
# | `spawn_blocking(f).await` | `await asyncio.to_thread(f)` | a helper from a pool of threads |
# | parking on the driver | sleeping in the selector | the runtime has nothing to do |
#
# What is the same: tasks are cooperative; a blocking call holds its thread; nobody can take it away.
#
# What differs:
#
# | | Tokio | asyncio |
# |---|---|---|
# | how many suffer | nobody, if a task blocks in its first step and another worker is free; everybody who waits for a timer or a socket, if it has waited before (lesson 07). *n* blocking calls of *d* take *n / workers*, rounded up, times *d* | everybody |
# | a loop in which everything is ready | yields by itself after 128 operations | never yields by itself |
# | a thread that computes | shares the cores with other threads | shares the GIL with the loop |
# | is a short block noticed? | not by itself | debug mode logs it |
# | threads for blocking work | up to 512, made when needed | at most 32, or the number of cores + 4 if that is less |

# %% [markdown]
# ### Side by side
#
# You need no Rust to see Tokio run. Runs of it were recorded and come with the course. In this one three tasks stare at the oven for 0.2 s each, first with one chef and on Tokio's own
# virtual clock (`start_paused`, made for tests). Here is the program in Python. `compare` draws both runs on one axis and says what agrees, what differs, and why.
#
# **Predict.** How long does it take in Tokio with one chef? And with two?

# %%
from helpers import compare, load_recording


async def stare_at_it():
    busy(0.2)  # std::thread::sleep: nobody else gets a turn


async def three_stare():
    dishes = [asyncio.create_task(stare_at_it(), name=dish) for dish in ("roast", "soup", "bread")]
    for dish in dishes:
        await dish


mine = await record(three_stare())
compare(mine, load_recording("blocking_sleep", clock="virtual"))

# %% [markdown]
# With one chef nothing differs. To stare costs 0.6 s in both languages: it is not Python's fault. The same Rust program again, on the real clock, on Tokio's
# `multi_thread` runtime with two workers:

# %%
compare(mine, load_recording("blocking_sleep", runtime="multi_thread", workers=2))

# %% [markdown]
# Two chefs stare at two ovens at the same time, and one dish waits for the first of them that is free: three blocks, two workers, two rounds, about 0.4 s. The
# blocking has not become harmless; there is one more chef to hold. In asyncio there is none.

# %% [markdown]
# ## Where the metaphor breaks
#
# - A chef who stares could look up if someone shouted. A thread in `time.sleep` hears nobody, not even a cancel: `task.cancel()` is carried out at the next
#   `await`, and there is none. Lesson 04 shows a deadline that cannot fire.
# - A helper in the kitchen has hands of his own. A Python thread has not quite: there is one GIL between it and the chef.
# - A chef gets tired of staring. The thread in `time.sleep` costs no processor time at all; it costs *turns*.
#
# ## Try it
#
# 1. In section 2, let two chefs stare (5 minutes each), and stir ten times. How late is the first stir?
#    <details><summary>What to look for</summary>If both are spawned before the first stir is due, it is late by 9 minutes: both steps come before it, since the loop looks at
#    the bells once a turn, and both are in the same turn.</details>
# 2. In section 4, knead in three pieces of two minutes. What is the worst that can happen to `stir` now?
#    <details><summary>What to look for</summary>It is late by 5 minutes: the bell rings in minute 1, in the middle of a piece; then come two more pieces. Three coarse pieces are
#    as bad as one here.</details>
# 3. Give `asyncio.to_thread` 40 calls of `busy(1)` at once. Why do they take 2 minutes and not 1?
#    <details><summary>What to look for</summary>The pool has 32 helpers here (in plain asyncio: the number of cores + 4, and 32 at most). The last eight wait until one is free.</details>
#
# ## What to take away
#
# - A blocking call is itself on time; it makes the others late. The delay shows in their lanes, and its cause is in another.
# - Waiting belongs in an `await`; blocking calls in a thread; computing in a process, or in pieces.
# - An `await` yields only if there is something to wait for.
#
# **Next:** 04, what is left behind when time is up?
