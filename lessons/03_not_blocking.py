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
# The card says: wait until the oven is hot. One chef turns the knob, stares at the glass door for five minutes, and is ready to go on. Another
# turns the knob, sets a bell, and takes the next card from the rail. Is one of them quicker? The difference to look for is in
# everybody else's cards: the soup that nobody stirred.
#
# To stare is to **block**: to hold the thread without giving it back. `time.sleep` in Python and `std::thread::sleep` in Rust do so. To set a bell
# and let go is to **yield**: `await asyncio.sleep(...)` and `tokio::time::sleep(...).await`. If you came here because a page told you "never block
# the event loop": this is what it meant.
#
# **You will**
# - see who is delayed by one blocking call, and by how much;
# - give heavy work a place where it hurts nobody: in pieces, in a thread, in a process;
# - find the one blocking line in a program that you have never seen.
#
# **The clock.** Section 1 and the lab run on the *real* clock, whose times differ a little from run to run. Everything else in the core is on the
# *virtual* clock, where `busy(5)` is five minutes of staring, or of work with both hands, and every number is exact.

# %%
import asyncio
import re
import time
from concurrent.futures import ThreadPoolExecutor

from helpers import busy, compare, lab, load_recording, predict, record, replay

# %% [markdown]
# ## 1. One stares, on real time
#
# `stir` gives the pot a stir every 50 ms, ten times. `oven` lets it do so for a moment, and then stares at the glass for 400 ms.


# %%
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


# %%
predict(
    "How long is the longest time without a stir?",
    {
        "50 ms: its bells ring as before": "The bell rings, but somebody has to hear it.",
        "about 100 ms: the two take turns": "A turn ends when the task lets go, not before.",
        "about 400 ms: as long as the other stares": "",
        "for ever: the bell is missed": "A bell that has rung waits until it is heard.",
    },
    measure=lambda trace: {
        0: "50 ms: its bells ring as before",
        1: "about 100 ms: the two take turns",
    }.get(
        int(max(step.start - step.ready for step in trace.task("stir").steps) / 0.05),
        "about 400 ms: as long as the other stares",
    ),
    why="There is one thread, and it is inside `time.sleep`.",
)

# %% [markdown] tags=["notes"]
# **Ask.** Before the four options: who in the room has a service that is slow now and then, with
# nothing in the log? Then hands. Most take "the two take turns", since that is what an operating
# system does with threads. Write "who takes the chef away?" on the board, and leave it without an
# answer until the picture is there.

# %%
# NBVAL_IGNORE_OUTPUT
stared = await record(real_kitchen(), clock="real")
waited = max(step.start - step.ready for step in stared.task("stir").steps)
print(f"stir was ready, with no chef, for {waited * 1000:.0f} ms")
stared

# %% [markdown] tags=["notes"]
# **Demo.** This one runs on the real clock, so the laptops differ by some milliseconds: have three
# people call out theirs, between 350 and 400. Point at the lane of `stir`: all its code is right,
# and the long stripe is in its lane. Then point at `oven`, which is on time. Cause and damage are
# in two lanes, and a log shows the damage alone.

# %%
told = next(finding for finding in stared.findings if finding.task == stared.task("oven").id)
print("that is at least 300 of the 400 ms:", waited >= 0.3)
print("the finding says who was delayed:", "`stir`" in told)
print("and names the line:", "time.sleep(0.4)" in told)

# %% [markdown]
# Its bell rang, it was ready, and there was one thread, which was inside `time.sleep`. No other coroutine can take the thread away, and `stir` can do
# nothing to defend itself: tasks are **cooperative**, they take turns because each gives up its own. All the code of `stir` is right, and `stir` is
# the one that is late. That is the nasty part: *the delay shows in another place than its cause.*

# %% [markdown]
# ## 2. The same, exactly
#
# Now on the virtual clock, in minutes: `stir` every minute, six times; the oven takes five. One chef stares (`busy(5)`), the other sets
# a bell (`await asyncio.sleep(5)`).


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


# %%
predict(
    "One chef stares. At which minute is the sixth and last stir?",
    measure=lambda trace: trace.task("stir").ended,
    why="The bell of minute 1 is heard at minute 5, and each later one is set from there.",
)

# %% [markdown] tags=["notes"]
# **They will say.** "11: five minutes of staring and six of stirring." It overlooks that one bell
# was set before the stare, and rang in it. "6" overlooks that the other five are each set when the
# one before was heard. Draw the bells as arrows on a time line: 1 is heard at 5, then 6, 7, 8, 9,
# 10.

# %%
staring = await record(kitchen(stare), unit="minutes")
print(f"oven hot at minute {staring.task('oven').ended:g}")
staring

# %%
predict(
    "The other chef sets a bell. When is the oven hot, compared with the one who stared?",
    {
        "sooner": "An oven is no quicker for being left alone.",
        "at the same minute": "",
        "later": "Nobody holds the chef, so the bell is heard when it rings.",
    },
    measure=lambda trace: "at the same minute" if trace.task("oven").ended == 5 else "later",
    why="Staring does not heat. It costs the others.",
)

# %%
free = await record(kitchen(set_a_bell), unit="minutes")
for name, trace in {"staring": staring, "with a bell": free}.items():
    pot = trace.task("stir")
    late = [step.start - step.ready for step in pot.steps[1:]]
    oven = trace.task("oven").ended
    print(f"{name}: oven hot at minute {oven:g}, last stir at {pot.ended:g}, late: {late}")
free

# %% [markdown] tags=["notes"]
# **Break it.** Change `busy(5)` to `busy(0.9)`, and run all three cells: it prints
# `oven hot at minute 0.9, last stir at 6, late: [0.0`. A stare that ends before the next bell
# harms nobody. That is why such a fault comes and goes, and why tests on a quiet machine do not
# find it. Ask for the smallest stare that hurts: anything above one minute.

# %% [markdown]
# The oven was hot at minute 5 in both. Staring did not make it any quicker; it cost the *others* four minutes: one stir came late, and all that
# followed it. In the film of the one who stares, the bell rings at minute 1, and the stir is ready until minute 5:

# %%
replay(staring)

# %% [markdown]
# The article behind this course ([lesson 01](01_task_cards.ipynb) names it) says that a sleep which does not block lets the thread serve hundreds of
# other tasks. That is true, and its own program cannot show it: nothing else runs in it. It would take as long with a chef who stares. It needs a
# second task to see the difference.
#
# ### Three ovens
#
# Three cards, each with an oven of two minutes.


# %%
async def all_of(oven, how_many):
    tasks = [asyncio.create_task(oven(), name=f"oven {n + 1}") for n in range(how_many)]
    for task in tasks:
        await task


async def stare_2():
    busy(2)


async def bell_2():
    await asyncio.sleep(2)


# %%
predict(
    "One chef stares at each of the three. At which minute is the last one hot?",
    measure=lambda trace: trace.task("oven 3").ended,
    why="Three stares of two minutes, one after another.",
)

# %%
three_staring = await record(all_of(stare_2, 3), unit="minutes")
three_free = await record(all_of(bell_2, 3), unit="minutes")
print(f"staring {three_staring.duration:g} min, with bells {three_free.duration:g} min")

# %% [markdown] tags=["notes"]
# **Break it.** Change `all_of(stare_2, 3)` to `all_of(stare_2, 30)`: it prints
# `staring 60 min, with bells 2 min`. Ask before you run it; nobody should have to compute. Then
# ask what the second number would be with 30 bells, and with 3000. Blocking adds up, waiting does
# not: the sentence for the board.

# %% [markdown]
# Blocking adds up; waiting does not. With *n* cards that stare for *d* minutes, one chef needs *n × d*, and with bells it is *d*.

# %% [markdown]
# ## 3. Work that is really work
#
# Staring can be replaced by a bell. Kneading cannot: six minutes of dough are six minutes of hands. What can be chosen is
# where, and in how many pieces. `stir` beside it wants its turn every minute.


# %%
async def in_one_go():
    busy(6)


async def in_pieces():
    for _ in range(6):
        busy(1)
        await asyncio.sleep(0)  # "anyone else?"


async def by_a_helper():
    await asyncio.to_thread(busy, 6)


async def bakery(knead, doughs=1):
    pot = asyncio.create_task(stir(6), name="stir")
    kneading = [asyncio.create_task(knead(), name="dough") for _ in range(doughs)]
    await asyncio.gather(pot, *kneading)


def latest(trace):
    return max(step.start - step.ready for step in trace.task("stir").steps)


# %% [markdown]
# In one go, `stir` is 5 minutes late: its bell rings at minute 1, and the chef looks up at 6.

# %%
predict(
    "Six pieces of one minute, with `sleep(0)` after each. By how many minutes is `stir` late at worst?",
    measure=lambda trace: {True: latest(trace)}[trace.task("dough").polls > 2],
    why="The bell queues behind one piece; only then is `stir` put into the queue, behind one more piece.",
)

# %% [markdown] tags=["notes"]
# **They will say.** "1 minute: it gets its turn after the piece." Nearly everybody, Tokio people
# too, and there it would be about right. In asyncio the bell has to queue, and then the sleeper.
# Do not explain the two turns yet; run, let them be astonished by the 2, and take the section
# "Late by two turns" slowly.

# %%
kneaded = {}
for way in (in_one_go, in_pieces, by_a_helper):
    kneaded[way] = trace = await record(bakery(way), unit="minutes")
    dough = trace.task("dough").ended
    print(
        f"{way.__name__}: dough ready at minute {dough:g}, stir late by {latest(trace):g} at worst"
    )
kneaded[in_pieces]

# %% [markdown] tags=["notes"]
# **Break it.** Delete `await asyncio.sleep(0)`: it prints
# `in_pieces: dough ready at minute 6, stir late by 5 at worst`. Six pieces without a pause are one
# piece. Put it back and change `sleep(0)` to `sleep(0.001)`: it prints
# `ready at minute 6.006, stir late by 0.001`. A real wait, however short, lets the loop look at
# its bells before the dough is back in the queue.

# %% [markdown]
# - **In one go** it is one step, and no one comes in between.
# - **In pieces** the dough is ready no later here, and `stir` gets turns in between. `await asyncio.sleep(0)` is asyncio's way to yield: the task
#   goes to the end of the ready queue. (In Tokio it is `yield_now().await`, which makes the task ready again when that queue is empty, or after 61
#   polls; of several that yielded, the last comes back first.)
# - **By a helper** the loop is free all the time, and the task `dough` merely waits. `asyncio.to_thread` hands a plain function to a thread of a pool
#   (in Tokio: `spawn_blocking`). The helper is no task: the loop does not schedule it, and once it has begun nobody can cancel it. (A job that still
#   queues for a thread can be taken back.)
#
# ### Late by two turns
#
# In the picture with the pieces, the bell of `stir` rang at minute 1, exactly when a piece was over, and yet `stir` ran at minute 3. The loop works
# in **turns**: it looks at its bells once, then goes once through all that is in the queue, then looks again. The bell has to queue behind the dough,
# and costs `stir` one turn; what the bell does is to make `stir` ready, which has to queue too, and costs another. So a sleeper is late by up to two
# whole turns, and by the rest of the turn in which its bell rang. And a turn is as long as *everybody's* pieces together:

# %%
for doughs in (1, 2, 4, 10):
    trace = await record(bakery(in_pieces, doughs), unit="minutes")
    first = trace.task("stir").steps[1]
    print(f"doughs: {doughs}, bell at minute {first.ready:g}, heard at {first.start:g}")

# %% [markdown] tags=["notes"]
# **Break it.** In `in_pieces`, change `busy(1)` to `busy(0.5)`: it prints
# `doughs: 1, bell at minute 1, heard at 2` and `doughs: 10, bell at minute 1, heard at 15`. Half
# the piece is half the delay. With many who yield, each of them polite, the bell is late all the
# same: a turn is everybody's pieces together.

# %% [markdown]
# With *n* doughs and pieces of a minute the first stir comes at minute 3 *n*: the turn in which the bell rings, and two more. Small pieces help, as
# long as there are few who take them. On Tokio's `current_thread` the first stir comes at the end of the turn in
# which its bell rings, about minute *n*: there the bell wakes the task itself, and before those that yielded.
#
# ### Six awaits
#
# Here each minute of kneading is a coroutine of its own, and is awaited.


# %%
async def knead_a_bit():
    busy(1)


async def in_awaited_pieces():
    for _ in range(6):
        await knead_a_bit()


# %%
predict(
    "Six awaits: how many steps does the task `dough` have now?",
    measure=lambda trace: trace.task("dough").polls,
    why="`await` lets go only if there is something to wait for.",
)

# %%
trace = await record(bakery(in_awaited_pieces), unit="minutes")
print(f"steps of the dough: {trace.task('dough').polls}, stir late by {latest(trace):g}")

# %% [markdown] tags=["notes"]
# **Break it.** Change `await knead_a_bit()` to `await asyncio.create_task(knead_a_bit())`: it
# prints `steps of the dough: 7, stir late by 1`. Now there is something to wait for at each
# `await`. So the question is never "is there an `await`?", it is "does this `await` have to
# wait?". Whoever has counted awaits in a code review will remember it.

# %% [markdown]
# One step, as in one go: not every `await` lets go. `await` means "wait here *if* it is not ready". `knead_a_bit()` never has to wait for anything,
# so there is nothing to yield for, and `await` is then an ordinary call. The same goes for a queue that is not empty: a thousand `await queue.get()`
# in a row are one step.
#
# If a loop of yours may find everything ready, put a `sleep(0)` in it. In Tokio it depends on what you await. Its own queues, locks, sockets and
# timers count: after 128 of them in one step, all ready at once, the next one says "not yet", and the task has yielded. (`Notify` does not count.
# `tokio::task::consume_budget().await` makes a loop of your own count.) An `async fn` like
# `knead_a_bit` counts nothing, and holds Tokio's thread as it holds asyncio's.

# %% [markdown]
# ## 4. The answer
#
# Who else suffers? **Everybody who is ready on that thread, until it is let go. The one who stares is on time.** So the question to ask of each piece
# of work is where it belongs:
#
# | the work | its place |
# |---|---|
# | waits, and there is an async library for it (`httpx`, `asyncpg`) | `await` it |
# | waits, and only a blocking library exists (files, `requests`, many database drivers) | `await asyncio.to_thread(f, ...)` |
# | computes, in C code that lets go of Python's lock, the GIL (hashes, compression, much of NumPy) | `await asyncio.to_thread(f, ...)` |
# | computes, in Python | a process; or pieces with `sleep(0)` |
#
# A Flask view that calls `requests.get` is right in Flask, where a thread serves one request at a time. The same line in an `async def` is a stare.
# (Section 9 runs the last two rows.)

# %% [markdown] tags=["notes"]
# **Draw.** The table of places as four boxes: await, thread, process, pieces. Each learner names
# one call of their own work, and the class says in which box it belongs: `requests.get`, a pandas
# merge, bcrypt, reading a file, `json.loads` of 100 MB. Five minutes; it is what they take home.
# The last one is the trap: C code that keeps the GIL.

# %% [markdown]
# ## 5. A strange program
#
# You are called to a kitchen that you do not know. "Everything is slow now and then." Each function looks harmless, each coroutine has its `await`s.
# In a real program these are fifty files, and `busy(0.3)` is a call of `requests` or a database driver.

# %%
PRICES = {}
ASKED = []


def price_of(dish):
    if dish not in PRICES:
        PRICES[dish] = ask_the_supplier(dish)
    return PRICES[dish]


def ask_the_supplier(dish):
    ASKED.append(dish)
    busy(0.3)
    return len(dish)


async def serve(dish):
    await asyncio.sleep(0.05)
    return f"{dish}: {price_of(dish)} coins"


# %%
async def music():
    for _ in range(12):
        await asyncio.sleep(0.05)


async def evening():
    PRICES.clear()
    ASKED.clear()
    band = asyncio.create_task(music(), name="music")
    menu = ("soup", "soup", "salad")
    guests = [
        asyncio.create_task(serve(dish), name=f"guest {n + 1}") for n, dish in enumerate(menu)
    ]
    await asyncio.gather(band, *guests)


def late_music(trace):
    return sum(step.start - step.ready for step in trace.task("music").steps)


# %%
predict(
    "Two guests order soup, the third a salad. Who of them holds the chef?",
    {
        "nobody: each has its `await`": "The await is over when the price is looked up.",
        "guest 1 alone": "A salad has a price too, and nobody has asked for it yet.",
        "guests 1 and 3": "",
        "all three": "The second soup finds its price in `PRICES`.",
    },
    measure=lambda trace: {"13": "guests 1 and 3", "123": "all three"}[
        "".join(task.name[-1] for task in trace.tasks if task.busy)
    ],
    why="Only who asks first for a dish calls the supplier.",
)

# %%
strange = await record(evening())
print(
    f"the music is late by {late_music(strange):g} s in all; the supplier is asked {len(ASKED)} times"
)
print(*strange.findings, sep="\n")

# %% [markdown] tags=["notes"]
# **Break it.** Change `("soup", "soup", "salad")` to `("soup", "roast", "salad")`: it prints
# `the music is late by 0.85 s in all; the supplier is asked 3 times`. Then change
# `("soup", "soup", "salad")` to `("soup", "soup", "soup")`: it prints
# `late by 0.25 s in all; the supplier is asked 1 times`. So how slow the program is depends on
# what is in its cache: nothing in the code changed. Let the class find the line before you show
# the finding.

# %% [markdown]
# Two functions below the coroutine, in plain code, and only the first time that a dish is asked for: that is how it hides. The finding names the
# line at which the thread stood. Asking a supplier is waiting, and only a blocking call exists for it, so by the table its place is a thread:


# %%
async def serve(dish):
    await asyncio.sleep(0.05)
    return f"{dish}: {await asyncio.to_thread(price_of, dish)} coins"


mended = await record(evening())
print(
    f"the music is late by {late_music(mended):g} s in all; the supplier is asked {len(ASKED)} times"
)

# %% [markdown] tags=["notes"]
# **They will say.** "Solved." Ask what the supplier says: three calls in place of two, since both
# soups now look into `PRICES` before either has written. Blocking had been a lock that nobody
# wrote. Whoever wants to mend that has the exercise `03.prices`; the trick is to keep the task,
# and not its result.

# %% [markdown]
# The music is on time, and one thing has changed besides. The two soups are now asked for at the same time, by two threads, and neither finds the
# other's price: the supplier is asked three times. Before, the blocking had made sure that one came after the other. When you let go of the loop,
# others run; check what your code took for granted while it held it (section 11 has the worst case).

# %% [markdown]
# ## 6. The lab
#
# Some guests' dishes wait with a bell, the others are stared at, on the real clock. Beside them a bell should ring every 20 ms. Choose how many are
# stared at, and how many helpers do the staring. Say first when the last dish will be done; then run it.
#
# Find the smallest number of helpers with which the bell is never silent for long. Then find out what more helpers than that are good for.

# %% [markdown] tags=["notes"]
# **Check.** Pairs, five minutes. What you want to hear: "one helper makes the bell right, more
# helpers only make dinner shorter". Who says "more helpers, better bell" has looked at the wrong
# number: ask what the bell does with one.

# %%
# NBVAL_IGNORE_OUTPUT
lab("not_blocking")

# %% [markdown]
# Without helpers the stares add up and the bell is silent through all of them. One helper frees the bell, and makes the stares no shorter. Only
# more helpers do that. Six stares of a minute, with one helper, two and three:


# %%
async def six_stares(helpers):
    with ThreadPoolExecutor(max_workers=helpers) as team:
        asyncio.get_running_loop().set_default_executor(team)
        await asyncio.gather(*(asyncio.to_thread(busy, 1) for _ in range(6)))


for helpers in (1, 2, 3):
    took = (await record(six_stares(helpers), unit="minutes")).duration
    print(f"{helpers} helpers: {took:g} minutes")

# %% [markdown]
# ## 7. The same job in Rust
#
# The kitchens of sections 2 and 3 on real Tokio, with a second for each kitchen minute. (`Cargo.toml`:
# `tokio = { version = "1", features = ["full"] }`.) With `stare()` the last stir comes after 10 seconds, with `set_a_bell()` after 6.
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
# | | Tokio | asyncio |
# |---|---|---|
# | stare | `std::thread::sleep(d)` | `time.sleep(d)` |
# | set a bell | `sleep(d).await` | `await asyncio.sleep(d)` |
# | "anyone else?" | `yield_now().await` | `await asyncio.sleep(0)` |
# | a sleeper beside those who yield | heard at the end of the turn in which its bell rings (a turn ends after 61 polls at the latest) | up to two turns later: its bell queues, and then it queues |
# | a helper | `spawn_blocking(f).await` | `await asyncio.to_thread(f)` |
# | helpers | up to 512, made when needed | the number of cores + 4, 32 at most |
# | helpers that compute | share the cores | share Python's lock with the loop, and with it one core |
# | who suffers, with several workers | see below | there is one |
# | a loop in which everything is ready | Tokio's own resources yield after 128 | never yields by itself |
# | a long step is logged | no | in debug mode, from 0.1 s on (section 10) |
#
# ### Side by side
#
# You need no Rust to see Tokio run. Runs of it were recorded and come with the course. In this one three tasks stare for 0.2 s each, from their first
# step on. Here is the program in Python, with one chef, beside Tokio's `multi_thread` runtime with two workers. `compare` draws both on one axis.


# %%
async def stare_at_it():
    busy(0.2)  # std::thread::sleep: nobody else gets a turn


async def three_stare():
    dishes = [asyncio.create_task(stare_at_it(), name=dish) for dish in ("roast", "soup", "bread")]
    for dish in dishes:
        await dish


# %%
predict(
    "asyncio with its one chef needs 0.6 s. And Tokio with two?",
    {
        "0.2 s: nobody waits": "There are three stares, and two who can stare.",
        "0.3 s: half of it": "A stare cannot be shared between two chefs.",
        "0.4 s: two rounds": "",
        "0.6 s: it is as with one": "Each of the two stares at an oven of her own.",
    },
    measure=lambda _: {2: "0.2 s: nobody waits", 4: "0.4 s: two rounds"}[
        round(10 * load_recording("blocking_sleep", runtime="multi_thread", workers=2).duration)
    ],
    why="Three stares, two chefs: one oven has to wait for a second round.",
)

# %%
mine = await record(three_stare())
alone = load_recording("blocking_sleep", clock="virtual")  # current_thread: one chef
print(f"one chef: asyncio {mine.duration:g} s, Tokio {alone.duration:g} s")
compare(mine, load_recording("blocking_sleep", runtime="multi_thread", workers=2))

# %% [markdown]
# With one chef nothing differs: it is not Python's fault. With *w* workers, *n* such stares of *d* take *n / w* rounds of *d*, rounded up. The
# blocking has not become harmless; there is one more chef to hold.
#
# And it is worse than that. These three stare in their first step. A task that has *waited* before it stares can stop every timer and every socket of
# the runtime, with idle workers beside it: the one worker that listened for them has taken up that task, and stares. In this recording four workers
# have `pan-1` to `pan-4`, which sleep for 50 ms at a time, and a `roast` that waits once and then blocks:

# %%
stall = load_recording("stall", runtime="multi_thread", workers=4)
print(stall.findings[0])

# %% [markdown]
# [Lesson 07](07_team_of_chefs.ipynb) shows who listens, and why nobody else does.

# %% [markdown]
# ## Where the metaphor breaks
#
# - A chef who stares could look up if someone shouted. A thread in `time.sleep` hears nobody, not even a cancel: `task.cancel()` is carried out at
#   the next `await`, and there is none.
# - A helper in the kitchen has her own hands. A Python thread has not quite: there is one lock between it and the chef (section 9).
# - A chef gets tired of staring. The thread in `time.sleep` costs no processor time at all; it costs *turns*.
#
# ## Try it
#
# 1. In section 2, let two tasks stare (5 minutes each), and stir ten times. How late is the first stir?
#    <details><summary>What to look for</summary>If both are spawned before the first stir is due, it is late by 9 minutes: both steps come before it, since the loop looks at
#    the bells once a turn, and both are in the same turn.</details>
# 2. In section 3, knead in three pieces of two minutes. What is the worst that can happen to `stir` now?
#    <details><summary>What to look for</summary>It is late by 5 minutes: the bell rings at minute 1, in the middle of a piece; then come two more pieces. Three coarse pieces are
#    as bad as one here.</details>
# 3. Give `asyncio.to_thread` 40 calls of `busy(1)` at once. Why do they take 2 minutes and not 1?
#    <details><summary>What to look for</summary>The pool has 32 helpers here (in plain asyncio: the number of cores + 4, and 32 at most). The last eight wait until one is free.</details>
#
# ## What to take away
#
# - A blocking call is itself on time; it makes the others late. The delay shows in their lanes, and its cause is in another.
# - Waiting belongs in an `await`; blocking calls in a thread; computing in a process, or in pieces.
# - An `await` yields only if there is something to wait for, and the loop looks at its bells once a turn.
#
# **Beside the keyboard:** [what to write, and the trap](beside_the_keyboard.md)
#
# **Next:** [04 · What is left behind when time is up?](04_deadlines.ipynb)

# %% [markdown]
# ## Exercises
#
# The world of the last four has a task `heartbeat`, which wants to run every 0.1 s and must not be late. In them `busy(0.3)` stands in the place of a `requests.get` or a
# driver that blocks for 0.3 s.

# %% [markdown] tags=["notes"]
# **Time.** Ten minutes for `03.handler`. The usual wrong answer writes
# `async def go(path): return get(path)` and gathers two of them; `check` names the line that holds
# the loop. Say: `async def` makes nothing asynchronous. The second moves only the first of the two
# calls into a thread.

# %%
import asyncio
from concurrent.futures import ThreadPoolExecutor

from helpers import busy, check, hint, progress, solution

# %% [markdown]
# ### Predict: five questions on a bell
#
# Read the program; do not run it. `ring` wants to ring three times, each time two minutes after it was last heard. At which
# minutes is it heard? How many minutes late is it, where it is latest? And at which minute is the cook done?


# %%
async def ring():
    for _ in range(3):
        await asyncio.sleep(2)


async def season():
    busy(1)


# %%
async def prepare():
    busy(2)
    await season()
    await asyncio.sleep(1)
    for _ in range(2):
        busy(3)
        await asyncio.sleep(0)


async def shift():
    async with asyncio.TaskGroup() as rail:
        rail.create_task(ring(), name="bell")
        rail.create_task(prepare(), name="cook")


# %%
rings = {"first": ..., "second": ..., "third": ..., "late": ..., "cook": ...}

# %% tags=["solution"]
rings = {"first": 3, "second": 10, "third": 12, "late": 5, "cook": 10}

# %%
check("03.rings", (shift, rings))

# %% [markdown]
# ### Mend: the handler that stares
#
# A Flask view became an `async def`, and its `get`, a plain function like `requests.get`, stayed as it was: it holds its thread for up to 0.4 s. Three
# users come at once. Mend `home`: it returns the same text, other requests go on meanwhile, and no heartbeat is late. You cannot change `get`.
# (What you hand to threads by `asyncio.to_thread` or `loop.run_in_executor` runs on the virtual clock; an answer with threads or locks of its own
# is judged on the real one.)


# %%
async def home(user, get):
    profile = get(f"/profile/{user}")
    orders = get(f"/orders/{user}")
    return f"{profile}, {orders}"


# %% tags=["solution"]
async def home(user, get):
    profile = await asyncio.to_thread(get, f"/profile/{user}")
    orders = await asyncio.to_thread(get, f"/orders/{user}")
    return f"{profile}, {orders}"


# %%
check("03.handler", home)

# %% [markdown]
# ### Mend: the strange program again
#
# `bills` returns for each table the sum of its dishes' prices. `ask(dish)`, a plain function, asks a supplier and holds its thread for up to 0.5 s. In `known` each dish is asked for
# only once, and everybody else waits. Mend it: no heartbeat is late, different dishes, also of one table, are asked for at the same time, and still each dish **only once**. (Section 5 lost
# that.) Change what you like inside `bills`.


# %%
async def bills(tables, ask):
    known = {}

    def price_of(dish):
        if dish not in known:
            known[dish] = ask(dish)
        return known[dish]

    async def bill(table):
        return sum(price_of(dish) for dish in table)

    return await asyncio.gather(*[bill(table) for table in tables])


# %% tags=["solution"]
async def bills(tables, ask):
    known = {}

    def price_of(dish):
        if dish not in known:
            known[dish] = asyncio.create_task(asyncio.to_thread(ask, dish))
        return known[dish]

    async def bill(table):
        prices = [price_of(dish) for dish in table]
        return sum(await asyncio.gather(*prices))

    return await asyncio.gather(*[bill(table) for table in tables])


# %%
check("03.prices", bills)

# %% [markdown]
# ### Write: counting in pieces
#
# `count(box)` is Python that computes: a plain function that takes 20 to 60 ms and returns how many eggs are in the box. Count all of `boxes` and return the
# sum. No heartbeat may be more than 0.2 s late, no thread is used (it would compete for Python's lock), and the whole takes hardly longer than the
# counting.


# %%
async def count_all(boxes, count):
    """The eggs in all boxes."""
    # solution
    eggs = 0
    for box in boxes:
        eggs += count(box)
        await asyncio.sleep(0)
    return eggs


# %%
check("03.pieces", count_all)

# %% [markdown]
# ### Write: n files at once
#
# `read(path)` is a plain function that holds its thread for up to 0.4 s and returns a text. Read all of `paths` in threads and return a list of the texts in
# their order. Never more than `n` files are read at once, and never fewer while others have not begun: when one is read, the next begins. No heartbeat is late.


# %%
async def read_all(read, paths, n):
    """The texts of all files, n at a time."""
    # solution
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(max_workers=n) as team:
        return await asyncio.gather(*[loop.run_in_executor(team, read, path) for path in paths])


# %%
check("03.files", read_all)

# %% tags=["differs-again"]
progress("03")

# %% [markdown]
# ## Deeper
#
# What the loop does while all wait, Python's lock and the places for work that computes, asyncio's debug mode, and state that tasks share across an
# `await`: each can be left out.

# %% [markdown] tags=["notes"]
# **Cut.** Half a day: sections 1, 2, 4 and the lab; section 3 only up to the three ways, without
# the turns. With people who compute, section 9 is worth its minutes. Section 11 (shared state,
# deadlock) is a lesson of its own in a term; its ten eggs make a good opening for the next day.

# %% [markdown]
# ## 8. What does the loop do while everybody waits?
#
# A hundred pots, each on the stove for two seconds, and nobody has anything to do. asyncio asks the operating system to wake it: at the next timer,
# or when a socket has something to read. The part of Python that asks is called a **selector** (Tokio's counterpart is the *driver*, which *parks*
# the thread). Here is one that notes each nap it took. It runs in plain asyncio, without `record`, in a thread of its own.

# %%
import selectors

naps = []


class NappingSelector(selectors.DefaultSelector):
    def select(self, timeout=None):
        began = time.perf_counter()
        events = super().select(timeout)
        naps.append(time.perf_counter() - began)
        return events


# %%
async def hundred_pots():
    worked = time.thread_time()
    await asyncio.gather(*(asyncio.sleep(2) for _ in range(100)))  # a task each, awaited together
    return time.thread_time() - worked


def run_and_note_naps():
    naps.clear()
    with asyncio.Runner(
        loop_factory=lambda: asyncio.SelectorEventLoop(NappingSelector())
    ) as runner:
        return runner.run(hundred_pots())


worked = await asyncio.to_thread(run_and_note_naps)

# %%
print(f"the longest nap: {max(naps):.0f} s")
print("naps in all: fewer than 20:", len(naps) < 20)
print("seconds of work for the thread: less than 0.2:", worked < 0.2)

# %% [markdown]
# It sleeps, in one call, and the thread uses next to no processor. There is no polling loop that asks "is it hot yet?". On the virtual clock this
# nap is what takes no time: when nothing is ready, the loop jumps to the next timer.
#
# So a thread can be still for two reasons that look alike from outside. In the selector it wakes for whatever comes first. In `time.sleep` it
# wakes for nothing.

# %% [markdown]
# ## 9. A thread is not always enough
#
# In CPython one thread at a time runs Python code: the one that holds the **GIL**, the interpreter's global lock. So a thread is a place where work
# can *wait* for as long as it likes. Whether it can also *compute* there without harm depends on whether it lets go of the GIL. Four ways to compute
# for some hundred milliseconds, beside a `stir` every 20 ms:


# %%
import hashlib
import multiprocessing
from concurrent.futures import ProcessPoolExecutor


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
    await work
    ended = time.perf_counter()
    pot.cancel()
    gaps = [late - soon for soon, late in zip(stirred, [*stirred[1:], ended], strict=True)]
    return max(gaps) / (ended - began)  # as a share of the time that the work took


# %%
N = 20_000_000


async def four_ways():
    fresh = multiprocessing.get_context("spawn")  # the same on Linux, macOS and Windows
    with ProcessPoolExecutor(1, mp_context=fresh) as bakers:

        async def by_a_baker(function, *arguments):
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(bakers, function, *arguments)

        await by_a_baker(sum, [1, 2])  # the other process is up
        salted = ("sha256", b"dough", b"salt", N // 20)
        ways = {
            "Python loop in a thread": asyncio.to_thread(count_in_python, N // 2),
            "sum in a thread": asyncio.to_thread(sum, range(N)),
            "hash in a thread": asyncio.to_thread(hashlib.pbkdf2_hmac, *salted),
            "sum in a process": by_a_baker(sum, range(N)),
        }
        return {name: await longest_silence(work) for name, work in ways.items()}


# %%
predict(
    "In which of the four does the stirring stop for most of the time?",
    {
        "Python loop in a thread": "Python makes it hand the lock over every few milliseconds.",
        "sum in a thread": "",
        "hash in a thread": "`hashlib` lets go of the lock while it computes.",
        "sum in a process": "Another process has a lock of its own.",
    },
    measure=lambda trace: max(trace.result, key=trace.result.get),
    why="`sum` over numbers is one long call that never lets go of the lock.",
)

# %%
# NBVAL_IGNORE_OUTPUT
silences = (await record(four_ways(), clock="real")).result
for way, share in silences.items():
    print(f"{way}: no stir for {share:.0%} of the time at a stretch")

# %%
for way, share in silences.items():
    print(f"{way}: more than half of the time: {share > 0.5}")

# %% [markdown]
# A Python loop is made to hand the GIL over every few milliseconds, so the loop gets its turns (and the two share
# one core's worth of Python). The hash lets go by itself. `sum` over numbers is one long call that does neither: it froze every thread of the
# process, as if it had been called in the coroutine. In a process of its own it harms nobody; in return its arguments and its result are copied there
# and back, and the process has to be started.
#
# ### Where Rust computes
#
# In Rust there is no such lock, and Tokio's helpers compute at the same time. Which of three places is right depends on how much there is:
#
# | | for | mind |
# |---|---|---|
# | `spawn_blocking` | a call that waits; or computes, now and then | up to 512 threads would share the cores: take a permit of a `Semaphore` first, as below |
# | `rayon::spawn`, and a `oneshot` channel for the result | much computing | a pool of one thread a core; nothing in it may `await` |
# | `block_in_place(f)` | a long step in the middle of a task | the worker hands its other tasks to another thread first; but other arms of the same task's `join!` wait, and on `current_thread` it panics |
#
# ```rust
# use std::{sync::Arc, thread::sleep, time::Duration};
# use tokio::{sync::Semaphore, task::{spawn_blocking, JoinSet}};
#
# #[tokio::main]
# async fn main() {
#     let cores = Arc::new(Semaphore::new(2));
#     let mut doughs = JoinSet::new();
#     for _ in 0..6 {
#         let cores = cores.clone();
#         doughs.spawn(async move {
#             let _permit = cores.acquire().await.unwrap();
#             spawn_blocking(|| sleep(Duration::from_secs(1))).await.unwrap();
#         });
#     }
#     doughs.join_all().await; // three rounds of two: 3 seconds
# }
# ```
#
# In Python the number of processes in the pool is that limit. And in both languages the end of the program waits for a helper who has begun:
# `abort()` and `cancel()` come too late for her. (In Tokio `Runtime::shutdown_timeout` and `shutdown_background` leave without her.)

# %% [markdown]
# ## 10. Who tells you? asyncio's debug mode
#
# asyncio can watch itself. In **debug mode** it logs every step that took longer than `loop.slow_callback_duration`, 0.1 s unless you change it, as
# `Executing <Task ...> took 0.500 seconds`. You turn it on with `asyncio.run(main(), debug=True)`, or with the environment variable
# `PYTHONASYNCIODEBUG=1`. Here it watches the bakery of section 3. (The virtual clock counts minutes; asyncio takes them for seconds.)

# %%
import logging


class Listener(logging.Handler):
    def emit(self, entry):
        if found := re.search(r"name='(\w+)'.* (took [\d.]+ seconds)", entry.getMessage()):
            self.heard.append(" ".join(found.groups()))


async def debugged():
    asyncio.get_running_loop().set_debug(True)
    log, listener, complaints = logging.getLogger("asyncio"), Listener(), {}
    log.addHandler(listener)
    for way in (in_one_go, in_pieces, by_a_helper):
        listener.heard = complaints[way.__name__] = []
        await bakery(way)
    log.removeHandler(listener)
    return complaints


# %%
predict(
    "Which ways of kneading does it complain about?",
    {
        "one go alone": "A piece of a minute is a long step too.",
        "one go and pieces": "",
        "all three": "The helper is not a step of the loop.",
    },
    measure=lambda trace: {1: "one go alone", 2: "one go and pieces", 3: "all three"}[
        sum(map(bool, trace.result.values()))
    ],
    why="Steps above 0.1 are told, whatever they do.",
)

# %%
for way, heard in (await record(debugged(), unit="minutes")).result.items():
    print(f"{way}: {len(heard)} complaints {sorted(set(heard))}")

# %% [markdown]
# It names the task and how long it took; not the line, and not the ones who had to wait. What does that watching cost?


# %%
# NBVAL_IGNORE_OUTPUT
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
print(f"2000 yields: {plain * 1e3:.0f} ms, in debug mode {watched * 1e3:.0f} ms")

# %%
print("more than 3 times as long:", watched > 3 * plain)

# %% [markdown]
# That is the worst case, tasks that do nothing but yield; in programs that have real work to do it is less. So it is a mode for development, and
# `record` does not use it: it stamps each step and looks at a thread only when a step holds it for long. Tokio has no such log; `tokio-console` shows
# how long each task has been busy.

# %% [markdown]
# ## 11. What tasks share across an `await`
#
# Tasks on one thread never run at the same moment, so `eggs -= 1` needs no lock. Ten eggs, ten
# cooks; each takes one and writes down how many are left.


# %%
async def take(larder):
    left = larder["eggs"]
    await asyncio.sleep(1)  # looks into the recipe
    larder["eggs"] = left - 1


async def ten_cooks(take):
    larder = {"eggs": 10}
    await asyncio.gather(*(take(larder) for _ in range(10)))
    return larder["eggs"]


# %%
predict(
    "How many eggs are left, as the larder's list says?",
    measure=lambda trace: trace.result,
    why="All ten read 10 before the first one writes, and all ten write 9.",
)

# %%
trace = await record(ten_cooks(take), unit="minutes")
print(f"eggs left: {trace.result}, at minute {trace.duration:g}")

# %% [markdown]
# That is a **lost update**: nine of ten are lost, with one thread and no race between threads. At each `await` others run, and what you read before
# it is old after it. A **lock** lets one cook at a time from the reading to the writing. Or there is no `await` between the two:


# %%
async def locked_cooks():
    lock = asyncio.Lock()

    async def one_at_a_time(larder):
        async with lock:
            await take(larder)

    return await ten_cooks(one_at_a_time)


async def look_first(larder):
    await asyncio.sleep(1)  # looks into the recipe
    larder["eggs"] -= 1  # no await in here: nobody comes in between


for name, cooks in {"a lock": locked_cooks(), "no await between": ten_cooks(look_first)}.items():
    trace = await record(cooks, unit="minutes")
    print(f"{name}: eggs left: {trace.result}, at minute {trace.duration:g}")

# %% [markdown]
# Both count right. The lock makes a line of ten out of ten who could wait side by side, so where you can, do without.
#
# ### Deadlock
#
# Two things, two locks. The soup takes the pan and then asks for the oven; the roast takes the oven and then asks for the pan.


# %%
async def cook(first, second):
    async with first:
        await asyncio.sleep(1)
        async with second:
            await asyncio.sleep(1)


async def two_locks(*, same_order):
    pan, oven = asyncio.Lock(), asyncio.Lock()
    second = (pan, oven) if same_order else (oven, pan)
    soup = asyncio.create_task(cook(pan, oven), name="soup")
    roast = asyncio.create_task(cook(*second), name="roast")
    await asyncio.gather(soup, roast)


# %% tags=["raises-exception"]
await record(two_locks(same_order=False), unit="minutes")

# %%
trace = await record(two_locks(same_order=True), unit="minutes")
print(f"in the same order: all done at minute {trace.duration:g}")

# %% [markdown]
# Each holds what the other one waits for, and neither can be woken. `record` sees it, since nothing is ready and no timer is set. A real program just
# stands still, without an error. The cure is one order for all: whoever needs both takes the pan first.
#
# ### First come, first served
#
# `asyncio.Lock` and `Semaphore`, and Tokio's `Mutex` and `Semaphore` too, serve in the order of asking (**FIFO**). So nobody is passed over for ever,
# and who gives a lock back and asks again goes to the end of the line. It does not promise that nobody waits long; who holds it may take an hour.
# Three dishes need one oven for 3 minutes each. The soup comes at minute 0, the roast at 0.5 and the cake at 1; the roast gives up after a minute,
# and asks again at once.


# %%
async def bake(oven, arrives, patience=None):
    await asyncio.sleep(arrives)
    try:
        async with asyncio.timeout(patience):
            await oven.acquire()
    except TimeoutError:
        await oven.acquire()  # once more
    await asyncio.sleep(3)
    oven.release()


async def one_oven():
    oven = asyncio.Lock()
    dishes = {"soup": (0,), "roast": (0.5, 1), "cake": (1,)}
    await asyncio.gather(
        *(asyncio.create_task(bake(oven, *when), name=dish) for dish, when in dishes.items())
    )


# %%
predict(
    "In which order are the dishes ready?",
    order=["soup", "roast", "cake"],
    measure=lambda trace: sorted(
        ("cake", "roast", "soup"), key=lambda dish: trace.task(dish).ended
    ),
    why="At minute 1.5 the roast asks anew, and the cake has asked at 1.",
)

# %%
trace = await record(one_oven(), unit="minutes")
for dish in ("soup", "roast", "cake"):
    print(f"{dish}: ready at minute {trace.task(dish).ended:g}")

# %% [markdown]
# Who gives up and asks again has lost the place. So is it in Tokio: a `timeout` over `mutex.lock()` drops the place in the line. One more thing
# there: a `std::sync::Mutex` is the quicker lock where no `await` lies between taking and giving back. Held across one, its guard makes the future
# one that "cannot be sent between threads safely", and `tokio::spawn` does not compile. That is the compiler's way to ask whether you meant
# `tokio::sync::Mutex`.
#
# And one in Python: a lock belongs to the loop in which a task first waited for it. In a second `asyncio.run` it works until
# somebody has to wait there, and fails then with `is bound to a different event loop`; so make locks and queues inside the coroutine.
