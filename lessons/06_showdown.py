# ---
# jupyter:
#   kernelspec: {display_name: Python 3 (ipykernel), language: python, name: python3}
#   lesson:
#     number: "06"
#     name: showdown
#     question: "How far does it go: 1000, 10,000, 100,000?"
#     article: "1000 tasks"
# ---

# %% [markdown]
# # 06 · How far does it go: 1000, 10,000, 100,000?
#
# Tonight the whole town comes. In lesson 01 a chef was compared with a card, up to a thousand of each. Now the rail is filled until it bends: a
# hundred thousand cards. Is there a number at which it breaks? And if there is none, what sets the limit?
#
# **You will**
# - measure what threads and tasks cost on your machine, up to 100,000 tasks;
# - read from a trace where the time of 10,000 tasks goes;
# - see what twice as many orders cost the guests.
#
# When cards are cheap, another question is left: *should* they all hang on the rail at once? The deeper part is about that one.
#
# **The clock.** Costs are real, so sections 1 to 3 use the *real* clock and fresh processes; their numbers are your machine's, and the text states
# relations. From section 4 on what runs here is on the *virtual* clock, and exact, unless you choose otherwise in the lab; section 7 begins with two
# recordings on Tokio's real clock.

# %%
import asyncio
from bisect import bisect

from helpers import busy, compare, lab, load_recording, predict, record, timeline
from helpers.costs import WAIT, Costs, as_time, growth, measure_all, per_unit


def minute():
    return asyncio.get_running_loop().time()


def option(asked, limits, value):
    """The option of a question that a number is: the first one below the first limit, and so on."""
    return list(asked.options)[bisect(limits, value)]


# %% [markdown]
# ## 1. A thousand orders
#
# An order is ten milliseconds in the oven. One after the other, a thousand of them take ten seconds. The article says that as a thousand tasks they
# take about two seconds, and a few lines later that they are finished almost at once.


# %%
async def order():
    await asyncio.sleep(0.01)


async def rush(orders):
    await asyncio.gather(*(order() for _ in range(orders)))


# %%
predict(
    "How long do a thousand orders of 10 ms take, as a thousand tasks?",
    {
        "10 seconds": "That is one after the other.",
        "about 2 seconds": "That would be 2 ms of the chef's time for each order; it is far less.",
        "less than half a second": "",
    },
    measure=lambda trace: "less than half a second" if trace.duration < 0.5 else "about 2 seconds",
    why="All ovens are on at the same time; what is left is some microseconds of hands a card.",
)

# %% [markdown] tags=["notes"]
# **Ask.** Each writes down a number before the options are shown; then hands for the three. The
# article says both "about two seconds" and "almost at once", so do not let anybody feel stupid.
# Ask the ones with 2 seconds what the chef would do for 2 ms an order.

# %%
# NBVAL_IGNORE_OUTPUT
# On a busy machine other programs get in between: the best of three.
thousand = min([(await record(rush(1000), clock="real")).duration for _ in range(3)])
crowd = await record(rush(10_000), clock="real")
print("1000 orders:  ", as_time(thousand))
print("10,000 orders:", as_time(crowd.duration))

# %% [markdown] tags=["notes"]
# **Demo.** Real clock: have the fastest and the slowest laptop call out their two numbers, and
# write them on the board. They may differ by a factor of three, and the *ratio* of the two lines
# by much less. Say: from here on we speak of ratios. On a shared server let one press after the
# other.

# %%
limit = min(seconds for seconds in (10, 2, 0.5, 0.01) if thousand < seconds)
print(f"a thousand take less than {limit} s")
print("ten thousand take less than a fifth of 100 seconds:", crowd.duration < 20)
print("every order ended well:", {task.outcome.value for task in crowd.tasks} == {"returned"})

# %% [markdown]
# The ovens cost ten milliseconds, once. What you pay beyond that is the chef's time, some microseconds a card. That part grows with the number of
# orders, and the next two sections look at it.

# %% [markdown]
# ## 2. How it grows
#
# Lesson 01 found what one unit costs. Is that all there is, or is there a number at which it breaks? `measure_all` measures in fresh processes,
# threads up to 3000, and tasks up to 100,000. (It takes some seconds.)

# %%
ten_times = predict(
    "100,000 tasks in place of 10,000: how much memory is that?",
    {
        "about as much": "A card is small, and takes room all the same.",
        "ten times as much": "",
        "far more than ten times": "There is no such cliff.",
    },
    why="Each card has its price, and the price stays the same.",
)
ten_times

# %%
thread_or_task = predict(
    "How much memory does one more thread take, beside one more task?",
    {
        "about as much": "A thread has a stack of its own, and a task has none.",
        "several times as much": "",
        "thousands of times as much": "Of the 8 MB of its stack it uses a few kB at first.",
    },
    why="A few pages of stack for a thread; a coroutine's frame for a task.",
)
thread_or_task

# %% tags=["measures"]
costs = Costs(
    [
        *await measure_all((300, 1000, 3000), ["thread"], repeats=1),
        *await measure_all((1000, 10_000, 100_000), ["task"], repeats=1),
    ]
)

# %% [markdown] tags=["notes"]
# **Time.** This takes some seconds a learner, and up to 3000 threads for a moment. On one server
# only the instructor presses; the others read the numbers from the screen. Meanwhile ask: at how
# many does it break? Write the bids on the board; the answer "nowhere, it costs" is worth more
# when somebody has bid 5000.

# %%
# NBVAL_IGNORE_OUTPUT
print(costs)
each = per_unit(costs)
for kind in each:
    print(f"one more {kind}: {each[kind]}")
memory = {kind: growth((c.n, c.bytes) for c in costs.of(kind)) for kind in each}
ten_times.answer(option(ten_times, (4, 25), 10 ** memory["task"]))
thread_or_task.answer(option(thread_or_task, (4, 100), each["thread"].bytes / each["task"].bytes))

# %%
times = growth((c.n, c.seconds - WAIT) for c in costs.of("task") if c.seconds)
for kind, exponent in memory.items():
    print(f"{kind}: ten times as many take 7 to 14 times the memory:", 7 < 10**exponent < 14)
print("task: ten times as many take 3 to 50 times as long:", 3 < 10**times < 50)
print("100,000 tasks take less than 100 s, a tenth of one by one:", costs[-1].seconds < 100)

# %%
chefs = costs.of("thread")[1]
print(chefs.note or f"1000 threads alive at once: {chefs.threads - 1} and the main one")
print(f"memory below 200 MB: {(chefs.bytes or 0) < 200e6}, below 5 s: {(chefs.seconds or 0) < 5}")
print("threads with 1000, 10,000 and 100,000 tasks:", [c.threads for c in costs.of("task")])

# %% [markdown]
# In the table the columns *per unit* tell it: from line to line they hardly change. Ten times as many take ten times the memory, and about ten times
# the time, threads as tasks. There is no number at which either breaks by itself; there is a price for each. (With many tasks the time may grow a
# little faster. The heap of timers gets deeper, the garbage collector has more to look through, the processor's caches hold a smaller part; this
# measurement does not tell them apart.) The kitchen with a thousand chefs did not explode. What ends first is the system's patience: some give you
# fewer than three thousand threads, and then the table says how far it came.
#
# The last line is the point of the whole course: **spawning makes no thread**. That is good news and a limit at once. A hundred thousand cards may
# take some seconds, and they are seconds of *one* chef.

# %% [markdown] tags=["notes"]
# **They will say.** "A thread costs 8 MB, I read it." Address space, reserved and not used: see
# the column, about 16 kB in use. "Then threads are fine." At 300 they are. Draw the two lines of
# lesson 01 again, and mark on the horizontal axis how many connections their own service has on a
# busy day.

# %% [markdown]
# ## 3. Where the time goes
#
# Ten thousand orders once more. With that many lanes the picture is another one: it shows how many tasks are in each state at each moment, and below
# that the lanes that you ask for (or, if you name none, a few of the slowest).

# %%
predict(
    "In which state does an average order spend most of its life?",
    {
        "idle: in the oven": "That is what it came for, but it is ten milliseconds.",
        "scheduled: ready, not taken up": "",
        "running: a chef is on it": "That is some microseconds for each.",
    },
    measure=lambda trace: max(
        (sum(task.idle for task in trace.tasks[1:]), "idle: in the oven"),
        (sum(task.scheduled for task in trace.tasks[1:]), "scheduled: ready, not taken up"),
        (sum(task.busy for task in trace.tasks[1:]), "running: a chef is on it"),
    )[1],
    why="Each waits for its turn behind the thousands before it, twice.",
)

# %%
# NBVAL_IGNORE_OUTPUT
crowd = await record(rush(10_000), clock="real")
main, *orders = crowd.tasks
first, last = orders[0], orders[-1]
stages = {
    "1 main writes the cards": main.steps[0].end,
    "2 each card's first step: it sets a timer": last.steps[0].end - first.steps[0].start,
    "3 the loop collects the timers that are due": first.steps[1].start - last.steps[0].end,
    "4 each card's second step: it returns": last.steps[1].end - first.steps[1].start,
}
for stage, seconds in stages.items():
    print(f"{stage:44} {as_time(seconds):>8}  {seconds / crowd.duration:4.0%}")
lanes = ["rush", "order 1", "order 10000"]
timeline(crowd, lanes=lanes, unit="milliseconds")

# %% [markdown] tags=["notes"]
# **Demo.** Cover the text and let them read this picture from left to right; four stages, one
# volunteer each. The question to ask: where in the picture are the ovens? Nowhere to be seen. Ten
# milliseconds of oven, and the rest is the loop at work. It is the picture to stop at if the time
# is short.

# %%
waited = sum(task.scheduled for task in orders) / len(orders)
print("all cards were written before the first was taken up:", end=" ")
print(main.steps[0].end <= first.steps[0].start)
print("every card had its first step before any had its second:", end=" ")
print(last.steps[0].end <= first.steps[1].start)
print("an order was ready, with no chef free, for longer than the 10 ms:", waited > WAIT)

# %% [markdown]
# Read the picture from left to right, along the four stages. A slope up while `main` writes cards, all of them scheduled, since nobody but `main` has
# the chef. Then the chef goes through the queue once, and card after card goes to the oven. By the time the last one is in, the first ones have been
# ready for long. A flat stretch, marked as the loop's own work: it collects the timers that are due. Then once more through the queue, and they leave.
# (Other flat stretches are marked where it was the garbage collector, which has much to look through. Else another program had the core.)
#
# The ovens, which are the reason for the whole run, are the small part. **With many tasks the loop itself is the work**: making a card, a place in
# the queue, an entry in the heap of timers, twice a step. None of it is much. But it is why `main` making ten thousand cards in one step is itself a
# long hold of the chef.

# %% [markdown]
# ## 4. Twice as many orders
#
# Here an order is one minute of the chef's hands and no oven at all; exact, on the virtual clock.


# %%
async def chop():
    busy(1)


async def line_up(orders):
    await asyncio.gather(*(chop() for _ in range(orders)))


# %%
longer = predict(
    "Twice as many orders: how many times as long do they wait for the chef, all together?",
    {
        "2 times": "So it is with the evening. But each order also waits for twice as many others.",
        "4 times": "",
        "8 times": "Twice as many orders, and each waits for twice as many: two times two.",
    },
    why="An order in the middle waits for n/2 others, and there are n of them.",
)
longer

# %% [markdown] tags=["notes"]
# **They will say.** "2 times: twice the orders, twice the waiting." On the board: 1 waits for 0, 2
# for 1, ... n for n - 1; it is the triangle. Let them count its area for 4 and for 8: 6 and 28.
# That is more than four times, and with more orders it comes close to four: 780 and 3,160.

# %%
evenings = {n: await record(line_up(n), unit="minutes") for n in (20, 40, 80, 160)}
waits = {n: sum(task.scheduled for task in trace.tasks) for n, trace in evenings.items()}
for n, trace in evenings.items():
    print(f"{n:3} orders: {trace.duration:g} min, waiting for the chef {waits[n]:,g} min in all")
longer.answer(f"{round(waits[160] / waits[80])} times")

# %% [markdown] tags=["notes"]
# **Break it.** Change `busy(1)` to `busy(0.5)`: it prints
# `160 orders: 80 min, waiting for the chef 6,360 min in all`. A chef who is twice as quick halves
# the waiting; half as many orders at once quarter it. So before you make the code faster, ask who
# lets them all in at the same time. It is the way into the deeper part.

# %% [markdown]
# The evening grows with n, the waiting with its square. So a service can be cheap by every number of section 2 and slow for each guest. To write all
# cards at once fills the queue, and that is a choice.

# %% [markdown]
# ## 5. The answer
#
# **It goes as far as you have memory and patience. No number of tasks breaks anything; each costs a kilobyte or two and some microseconds of one
# chef. Long before it breaks, it is slow for each guest.**
#
# | | 1000 | 10,000 | 100,000 |
# |---|---|---|---|
# | threads, at about 16 kB of memory in use each | 16 MB | 160 MB, if your system gives you so many | 1.6 GB, and many systems give you fewer |
# | tasks, at 1 to 2 kB each | 1 to 2 MB | 10 to 20 MB | 100 to 200 MB |
# | threads made by the tasks | none | none | none |
# | the chef's time, at 10 to 50 microseconds for a task | 10 to 50 ms | 0.1 to 0.5 s | 1 to 5 s |
#
# (These are orders of magnitude; your machine's numbers are in section 2.)

# %% [markdown]
# ## 6. The lab
#
# Number of orders and style are yours, up to 10,000. Say first how many seconds it takes; then run it.
#
# Then choose the style *semaphore*: so many orders at most are in the oven at the same time, and a slider for that limit appears. And choose the clock
# *virtual*, on which there is nothing but the ovens. Find the smallest limit of the slider with which 1000 orders of 10 ms take less than a fifth of a
# second.

# %%
# NBVAL_IGNORE_OUTPUT
lab("showdown")

# %% [markdown] tags=["notes"]
# **Check.** Pairs, five minutes. They should bid the smallest limit before they move the slider:
# 1000 orders of 10 ms in less than 0.2 s are fewer than 20 rounds. Who has "50" has exactly 20
# rounds and is out by one; let them say why "less than" matters. The slider says 60, paper says
# 53.


# %%
async def some_at_once(orders, limit=100):
    tokens = asyncio.Semaphore(limit)  # a bowl of tokens: whoever finds none waits

    async def in_its_turn():
        async with tokens:
            await order()

    await asyncio.gather(*(in_its_turn() for _ in range(orders)))


trace = await record(some_at_once(1000))
print(f"1000 orders, 100 at once, 10 ms each: {trace.duration:g} s, and not a step of it is work")

# %% [markdown] tags=["notes"]
# **Break it.** Change `limit=100` to `limit=10`: it prints `10 ms each: 1 s`. Then change
# `limit=100` to `limit=53`: it prints `10 ms each: 0.19 s`. (The label of the line stays at 100.)
# The limit is orders divided by rounds, rounded up; nothing else is in it, since no step of it is
# work.

# %% [markdown]
# ## 7. The same job in Rust
#
# Run it with `cargo run --release`, and with `tokio = { version = "1", features = ["full"] }` in Cargo.toml.
#
# ```rust
# use std::time::{Duration, Instant};
# use tokio::task::JoinSet;
# use tokio::time::sleep;
#
# async fn order(number: u32) -> u32 {
#     sleep(Duration::from_millis(10)).await;
#     number
# }
#
# async fn all_at_once(orders: u32) {
#     let mut cards = JoinSet::new();
#     for number in 0..orders {
#         cards.spawn(order(number));
#     }
#     while let Some(dish) = cards.join_next().await {
#         dish.unwrap(); // a failed order ends the function; what is left in the set is aborted
#     }
# }
#
# #[tokio::main(flavor = "current_thread")]
# async fn main() {
#     for orders in [1_000, 10_000, 100_000] {
#         let began = Instant::now();
#         all_at_once(orders).await;
#         println!("{orders} orders: {:?}", began.elapsed());
#     }
# }
# ```
#
# You need no Rust to see Tokio run. A thousand orders and ten thousand were recorded on it:

# %%
for name in ("thousand", "ten_thousand"):
    tokio = load_recording(name)
    print(f"{len(tokio.tasks) - 1:,} orders on one thread of Tokio: {as_time(tokio.duration)}")

# %% [markdown]
# Ten thousand take asyncio longer; compiled code is quicker at each step, and a Tokio task of this kind takes about half a kilobyte (463 bytes on
# Tokio 1.53). Both wait for the same ten milliseconds. Now both on a virtual clock, where nothing but the ovens takes time (Tokio's is
# `start_paused`, made for tests):


# %%
async def thousand_orders():
    orders = [asyncio.create_task(asyncio.sleep(0.01), name=f"order-{n}") for n in range(1, 1001)]
    for waiting in orders:
        await waiting


# %%
predict(
    "`main` awaits the thousand one after the other. How often is asyncio's main polled? (Tokio's is polled 18 times.)",
    measure=lambda trace: trace.tasks[0].polls,
    why="When order-1 wakes it, it stands behind the other 999 in the queue, and finds them all done.",
)

# %%
mine, tokio = await record(thousand_orders()), load_recording("thousand", clock="virtual")
compare(mine, tokio)

# %% [markdown] tags=["notes"]
# **They will say.** "18 polls beside 2: Tokio wastes polls." Its main is no task in the queue, and
# is looked at after 61 tasks at the latest. Both are done at the same moment. Python people may
# stop here; Tokio people should hear the 61 once, for it explains what they see in tokio-console.

# %% [markdown]
# Every order has as many polls in both, at the same moments and in the same order. What differs is `main`. asyncio's main is a task like the others.
# Tokio's main is no task. Its `current_thread` runtime looks at main after 61 tasks at the latest, so that main finds some orders done, waits for the
# next, and is woken again and again. Both get the same results at the same moment. (All the ticks at the end of Tokio's main belong to that one
# moment, 0.01 s; they stand side by side so that they can be counted.)

# %% [markdown]
# ## Where the metaphor breaks
#
# - A kitchen with 10,000 ovens is absurd; a process with 10,000 timers is not. An "oven" here is an entry in a heap, or a socket, and what it stands
#   for runs on another machine.
# - Hired chefs work at the same time. Python threads mostly take turns as well, for only one may run Python code at a moment. They too are for
#   waiting.
# - A card on the rail takes no room in a kitchen. In a process it is what sets the limit: memory, and the time of one chef.
#
# ## Try it
#
# 1. `record(rush(10_000), clock="real")` wrote all cards in one step. Write them in a loop with <code>create_task</code>, and <code>await
#    asyncio.sleep(0)</code> after every hundred. What changes in the picture?
#    <details><summary>What to look for</summary>Writing and first steps are mixed now, the scheduled part stays low during the first part, and a ticker
#    beside it gets a turn after every hundred cards, not only after all of them. The whole takes about as long as before: each card still has its two
#    steps, and <code>main</code> has a hundred more.</details>
# 2. In section 4 all guests come at once. Let them come one a minute: <code>create_task(chop())</code> and <code>await asyncio.sleep(1)</code>, 20
#    times. How long do they wait in all? And with <code>sleep(0.5)</code>?
#    <details><summary>What to look for</summary>Not at all, both times: each order is taken up as soon as it is written, where 20 at once wait for
#    190 minutes in all. With half a minute it is the writer who waits: it needs the chef too, comes 10 minutes late, and so writes a card a minute.
#    Whoever stands outside is not in these numbers.</details>
# 3. The lab's question, with <code>some_at_once</code>: what does the smallest limit have to be, and why?
#    <details><summary>What to look for</summary>53, that is nineteen rounds of 10 ms. With 52 there are twenty rounds, and 0.2 s is not less than 0.2
#    s. The slider, in steps of ten, says 60.</details>
#
# ## What to take away
#
# - A task costs a kilobyte or two and some microseconds, a thread many times that; both grow in a straight line. No cliff, and no free lunch: all of
#   it is one chef's time.
# - With many tasks the loop itself is the work, and waiting for it grows with the square of what you write at once.
# - So the question is not how many tasks you *can* have. It is how many should wait at the same time, and where: the deeper part has semaphores,
#   workers and queues with a limit.
#
# **Beside the keyboard:** [what to write, and the trap](beside_the_keyboard.md)
#
# **Next:** [07 · What does a runtime with several workers do that asyncio does not?](07_team_of_chefs.ipynb)

# %% [markdown]
# ## Exercises
#
# As in lesson 02, it is the trace of your run that is judged. `hint(...)` helps, a little more each time, and `solution(...)` shows one answer.

# %% [markdown] tags=["notes"]
# **Time.** `06.five_at_once` in class, ten minutes. The usual wrong answer gathers in batches of
# five; `check` says since when a place was free. `06.stock` is next: one lock for all items is
# right and too slow, and `check` says that too. The test of `06.retry_test` is homework for people
# who write tests.

# %%
import asyncio
from unittest.mock import AsyncMock

from helpers import busy, check, hint, progress, solution

# %% [markdown]
# ### Predict: five questions on six files, two at once
#
# Six files take so many seconds each, and two may be loaded at once: with tokens, or in pairs. Read the program; do not run it. How many seconds does
# each of the two take? And in the one with tokens: how many tasks of `load` are alive at second 0.5, and at which second do the fifth and the sixth
# file begin to be loaded?

# %%
FILES = [5, 1, 1, 1, 3, 1]


async def load(seconds, tokens):
    async with tokens:
        await asyncio.sleep(seconds)


async def by_tokens():
    tokens = asyncio.Semaphore(2)
    await asyncio.gather(*(load(seconds, tokens) for seconds in FILES))


async def by_pairs():
    for n in (0, 2, 4):
        await asyncio.gather(*(asyncio.sleep(seconds) for seconds in FILES[n : n + 2]))


# %%
files = {"tokens": ..., "pairs": ..., "alive": ..., "fifth": ..., "sixth": ...}

# %% tags=["solution"]
files = {"tokens": 6, "pairs": 9, "alive": 6, "fifth": 3, "sixth": 5}

# %%
check("06.limit", ((by_tokens, by_pairs), files))

# %% [markdown]
# ### Mend: the tea that was sold twice
#
# `await read(item)` tells how many pieces the stock's book says are left, `await write(item, pieces)` writes a new number. Each order is an item and a
# number of pieces. Orders come in at once, and the book ends up wrong. Mend `sell`: for each item, orders are served in the order of the list, and one
# that wants more than is left gets nothing (`False`). No order waits for orders of *other* items.


# %%
async def sell(read, write, orders):
    async def serve(item, pieces):
        left = await read(item)
        if left < pieces:
            return False
        await write(item, left - pieces)
        return True

    return await asyncio.gather(*(serve(item, pieces) for item, pieces in orders))


# %% tags=["solution"]
async def sell(read, write, orders):
    locks = {item: asyncio.Lock() for item, _ in orders}

    async def serve(item, pieces):
        async with locks[item]:
            left = await read(item)
            if left < pieces:
                return False
            await write(item, left - pieces)
            return True

    return await asyncio.gather(*(serve(item, pieces) for item, pieces in orders))


# %%
check("06.stock", sell)

# %% [markdown]
# ### Mend: the crawler that stands still
#
# `await fetch(page)` gives a page's text and the pages that it links to, some of them known already. The site allows three fetches at once. `crawl`
# comes to a standstill, and would fetch some pages twice. Mend it: it returns a dictionary with the text of each page that can be reached from `start`
# (in any order), fetches each once, and has three under way where there is so much to do.


# %%
async def crawl(fetch, start):
    tokens, texts = asyncio.Semaphore(3), {}

    async def visit(page):
        async with tokens:
            if page not in texts:
                texts[page], links = await fetch(page)
                await asyncio.gather(*map(visit, links))

    await visit(start)
    return texts


# %% tags=["solution"]
async def crawl(fetch, start):
    tokens, texts = asyncio.Semaphore(3), {}

    async def visit(page):
        if page in texts:
            return
        texts[page] = ""  # noted before the first await: nobody else begins it
        async with tokens:
            texts[page], links = await fetch(page)
        await asyncio.gather(*map(visit, links))

    await visit(start)
    return texts


# %%
check("06.crawler", crawl)

# %% [markdown]
# ### Write: twenty pages, five at once
#
# `await fetch(url)` takes one to three seconds and returns a text, or raises `OSError`. The server allows you five fetches at once, and you use all five
# until the last page has begun. Return a dictionary in the order of `urls`: for each address its text, or the exception that it raised.


# %%
async def fetch_five(fetch, urls):
    """All pages, never more than five at once."""
    # solution
    tokens = asyncio.Semaphore(5)

    async def in_its_turn(url):
        async with tokens:
            return await fetch(url)

    ends = await asyncio.gather(*map(in_its_turn, urls), return_exceptions=True)
    return dict(zip(urls, ends, strict=True))


# %%
check("06.five_at_once", fetch_five)

# %% [markdown]
# ### Write: a test in exact seconds
#
# `await retry(send)` awaits `send()` until it succeeds, and returns its result. After an `OSError` it waits for 1 s, after the next for 2, after the
# third for 4, and other tasks run meanwhile. The fourth `OSError` it raises at once; any other exception too. Write the test:
# `await retry_test(retry)` returns for a right `retry` and raises (as `assert` does) for any wrong one. It runs on the virtual clock, whose whole
# seconds are exact; leave `asyncio.sleep` as it is.


# %%
async def retry_test(retry):
    """Raise unless `retry` does what it should."""
    # solution
    now = asyncio.get_running_loop().time

    async def run(*ends):
        began, at, answers = now(), [], AsyncMock(side_effect=ends)

        async def send():
            at.append(now() - began)
            return await answers()

        (end,) = await asyncio.gather(retry(send), return_exceptions=True)
        return at, end, now() - began

    errors, wrong = [OSError(n) for n in range(4)], ValueError()
    assert await run("sent") == ([0], "sent", 0)
    assert await run(*errors[:3], "sent") == ([0, 1, 3, 7], "sent", 7)
    assert await run(*errors) == ([0, 1, 3, 7], errors[3], 7)
    assert await run(wrong) == ([0], wrong, 0)
    began, trying = now(), asyncio.create_task(run(errors[0], "sent"))
    await asyncio.sleep(0.5)
    assert now() - began == 0.5
    assert await trying == ([0, 1], "sent", 1)


# %%
check("06.retry_test", retry_test)

# %% tags=["differs-again"]
progress("06")

# %% [markdown]
# ## Deeper
#
# Should they all hang at once? Tokens, workers, queues with a limit, one slow card among two thousand, the rest of the Rust, and who goes first among
# equals. If you write services, sections 9 to 11 are worth an evening; all of it can be left out.

# %% [markdown] tags=["notes"]
# **Cut.** On a day this lesson is the deeper part: sections 1, 4, then 8 and 9, or up to 11; leave
# out the measuring, which lesson 01 had. People who run services want section 12 (the median says
# that all is well): five minutes, no code, and the best picture of the course to end a day with.

# %% [markdown]
# ## 8. All at once: gather
#
# Nine orders. Each needs the chef for a minute (chop), then an oven for four. With `gather` all nine cards hang at once, and there are ovens enough.


# %%
async def dish(number):
    busy(1)
    await asyncio.sleep(4)
    return f"dish {number}"


async def all_at_once(orders):
    return await asyncio.gather(*(dish(n) for n in range(1, orders + 1)))


def out(trace):
    times = sorted(task.ended for task in trace.tasks[1:])
    return f"dishes out at minutes {', '.join(f'{t:g}' for t in times)}; {waiting(trace)}"


def waiting(trace):
    return f"waiting for the chef {sum(task.scheduled for task in trace.tasks):,g} min in all"


# %%
predict(
    "At which minute is the first dish out?",
    measure=lambda trace: min(task.end for task in trace.tasks[1:]),
    why="Its oven rings at minute 5, and then its card stands behind all the chopping.",
)

# %%
together = await record(all_at_once(9), unit="minutes")
print(out(together))
timeline(together)

# %% [markdown]
# Nine minutes of chopping and the last dish's four in the oven: 13, and no plan is faster. But nobody is out before minute 9. **gather** gives
# results in the order in which you asked, whoever was done first. When one fails, it tells you at once and stops nobody; a second failure after
# that is told to nobody, not even in the log. A **TaskGroup** calls the others off (lesson 02). With `return_exceptions=True` failures are results like others.

# %% [markdown]
# ## 9. Not all at once: a semaphore
#
# There are three ovens. In your work they are the database connections, or the requests that another service allows you. A **semaphore** is a bowl
# with three tokens: whoever wants an oven takes one, waits while there is none, and puts it back at the end. In Rust it is `tokio::sync::Semaphore`.


# %%
async def in_turn(ovens, number):
    async with ovens:
        return await dish(number)


async def with_tokens(orders, ovens):
    ovens = asyncio.Semaphore(ovens)
    return await asyncio.gather(*(in_turn(ovens, n) for n in range(1, orders + 1)))


tokens = await record(with_tokens(9, 3), unit="minutes")
print(out(tokens))
timeline(tokens, title="Three tokens: nine cards, and three of them cook")

# %% [markdown] tags=["notes"]
# **Draw.** Two rooms: the kitchen, and the corridor before it. A semaphore moves people from the
# first into the second, and nobody goes home earlier: 17 minutes in place of 13. What has it
# bought? The first dish at minute 5 and not at 9, and three ovens that nobody overloads. Where the
# waiting is, that is the choice.

# %% [markdown]
# Each card had its first turn early (the tick), found no token, and waited. That wait is drawn as idle: ready means that only the chef is missing,
# and here it is the oven. The first dish is out at minute 5 and not at 9, the cards waited for the chef for less than half as long, and the last dish
# came four minutes later. The limit did not make work go away; it chose where the waiting is.

# %%
enough = predict(
    "From how many tokens on is the evening as short as with no limit, 13 minutes?",
    why="An order keeps its token for five minutes and the chef for one of them.",
)
enough

# %%
took = {}
for ovens in (1, 2, 3, 4, 5, 6, 9):
    trace = await record(with_tokens(9, ovens), unit="minutes")
    took[ovens] = trace.duration
    print(f"{ovens} tokens: {trace.duration:g} min, {waiting(trace)}")
enough.answer(min(ovens for ovens in took if took[ovens] == together.duration))

# %% [markdown]
# Five keep the chef at work all the time. A sixth does not cook anything sooner; it only waits in another place. If nothing else sets your limit,
# *time in all / time of hands* is where to begin.
#
# **Try it.** The token is taken before the chopping. Take it only for the oven: split `dish`, and put the `async with` round the sleep. Is the
# evening with three tokens shorter?
# <details><summary>What to look for</summary>No: 17 minutes, as before. The chef chops all nine first, and the ovens that ring at minutes 5, 6 and 7
# stay empty until minute 9. With one token the evening is shorter (41 minutes in place of 45), with four it is longer (17 in place of 15). A token
# for the oven alone is free sooner, but it no longer says which work the chef does first.</details>
#
# ### Not in batches
#
# Many programs limit themselves another way: `gather` the first three, then the next three. Let every third dish need eight minutes of oven, and the
# others two.


# %%
async def mixed(number):
    busy(1)
    await asyncio.sleep(2 if number % 3 else 8)


async def in_batches():
    for n in (1, 4, 7):
        await asyncio.gather(mixed(n), mixed(n + 1), mixed(n + 2))


async def with_three_tokens():
    tokens = asyncio.Semaphore(3)

    async def in_turn(number):
        async with tokens:
            await mixed(number)

    await asyncio.gather(*(in_turn(n) for n in range(1, 10)))


# %%
same_limit = await record(with_three_tokens(), unit="minutes")
batches = await record(in_batches(), unit="minutes")
print(f"three tokens: {same_limit.duration:g} min, batches of three: {batches.duration:g} min")

# %% [markdown] tags=["notes"]
# **Break it.** Change `2 if number % 3 else 8` to `2`: it prints
# `three tokens: 11 min, batches of three: 15 min`. Even with equal dishes the batches are slower,
# since each one waits for its last. Unequal dishes are what the web is: 20 and 33 minutes. Ask who
# has such a loop of `gather`s at work; somebody always has.

# %% [markdown]
# In each batch two ovens are empty for six minutes and more, since the next batch begins only when the slowest dish of this one is out. A token goes
# back at once, to whoever waits. (`timeline(batches)` shows the gaps.)

# %% [markdown]
# ## 10. A queue with workers
#
# The semaphore still has a card for each order. The other way round: one card for each *oven*, and orders that are slips of paper, not tasks. Each
# oven's card takes a slip, cooks it, and takes the next. Such a card is a **worker**; the slips are in an `asyncio.Queue` (in Rust: an `mpsc`
# channel).


# %%
async def oven(slips):
    while True:
        await dish(await slips.get())
        slips.task_done()


async def with_workers(orders, ovens):
    slips = asyncio.Queue()
    for number in range(1, orders + 1):
        slips.put_nowait(number)
    cards = [asyncio.create_task(oven(slips), name=f"oven {n + 1}") for n in range(ovens)]
    await slips.join()  # until every slip was taken and is done
    for card in cards:
        card.cancel()


workers = await record(with_workers(9, 3), unit="minutes")
print(f"last dish at minute {workers.duration:g}; with tokens at minute {tokens.duration:g}")
timeline(workers, title="Three workers: three cards, three dishes each")

# %% [markdown] tags=["notes"]
# **Break it.** Delete `slips.task_done()`: it prints `Deadlock`, and says that `with_workers`
# waits, at minute 17, when everything is cooked. `join()` counts what is *reported* and not what
# is cooked. In a real program it hangs without a word; here it is a sentence. The same happens if
# the dish raises before `task_done()`: hence `try` and `finally`.

# %% [markdown]
# The same 17 minutes, with three lanes. The ovens' cards never end by themselves: they wait for a slip that does not come, and `main` calls them off.
# (From Python 3.13 on there is `slips.shutdown()`: each `get()` then raises `QueueShutDown`, which the oven has to catch, as in lesson 05, section 14.) With nine orders that is a matter of taste. With a thousand, and five ovens:


# %%
def most_alive(trace):
    ends = [(task.end, -1) for task in trace.tasks]
    alive = most = 0
    for _, change in sorted([(task.spawned, 1) for task in trace.tasks] + ends):
        alive += change
        most = max(most, alive)
    return most


# %%
predict(
    "1000 orders, a semaphore with five tokens: how many tasks are alive at the same moment?",
    {
        "5": "Five cook. The others wait for a token, and are alive.",
        "6": "With workers it is so: five, and main. Here each order is a task.",
        "1001": "",
    },
    measure=lambda trace: str(most_alive(trace)),
    why="A semaphore limits who cooks, not who exists.",
)

# %%
big = {"semaphore": await record(with_tokens(1000, 5))}
big |= {"gather": await record(all_at_once(1000)), "workers": await record(with_workers(1000, 5))}
for style, trace in big.items():
    alive = f"{len(trace.tasks):,} tasks, {most_alive(trace):,} alive at once"
    print(f"{style:9} {trace.duration:,g} min, {alive}, {waiting(trace)}")

# %% [markdown]
# The evening is as long in all three. What differs is what hangs on the rail. With a semaphore all thousand cards exist from the first moment, and
# each takes its kilobyte or two. Workers limit how many *exist*. For orders from a list that is nice to have; for orders from a network connection
# that never ends the number that exist must be limited: by workers, or by taking the token *before* the card is written.
#
# | style | cards | results | one fails | use it when |
# |---|---|---|---|---|
# | `gather` | one an order | a list, in your order | the others run on | few, and each answer counts by itself (`return_exceptions=True`) |
# | `TaskGroup` | one an order | from each handle | the others are called off | they belong together: all or nothing |
# | semaphore | one an order | as the style round it | as the style round it | many, and something else is scarce |
# | queue and workers | one a worker | you carry them yourself | you decide, in the worker | a stream, or more than you want in memory |

# %% [markdown]
# ## 11. Back-pressure
#
# One oven, two minutes a slip. At the door a guest comes in every minute: half a minute to greet and to write the slip. More comes in than goes out,
# and something has to give.
#
# An `asyncio.Queue()` has room for everything. With `maxsize=2` the rail has two hooks, and `await slips.put(...)` waits while both are taken. So the
# one who fills the queue is slowed down by the one who empties it: that is **back-pressure**.


# %%
async def door(slips, rail):
    for _ in range(10):
        busy(0.5)  # greet a guest, write the slip
        await slips.put(minute())
        rail.append((minute(), slips.qsize()))
        await asyncio.sleep(0.5)


async def slow_oven(slips, rail, ages):
    while True:
        ages.append(minute() - await slips.get())
        rail.append((minute(), slips.qsize()))
        await asyncio.sleep(2)
        slips.task_done()


# %%
async def slow_evening(hooks):
    slips, rail, ages = asyncio.Queue(maxsize=hooks), [(0, 0)], []
    card = asyncio.create_task(slow_oven(slips, rail, ages), name="oven")
    await asyncio.create_task(door(slips, rail), name="door")
    closed = minute()
    await slips.join()
    card.cancel()
    return {"rail": rail, "oldest": max(ages), "door closed": closed, "over": minute()}


# %%
predict(
    "Ten guests, and room for everything. How many slips hang there at most?",
    measure=lambda trace: max(slips for _, slips in trace.result["rail"]),
    why="Of ten slips the oven takes one in two minutes, while one comes in each minute.",
)

# %%
endless = await record(slow_evening(hooks=0), unit="minutes")  # 0: no limit
two_hooks = await record(slow_evening(hooks=2), unit="minutes")
for name, trace in (("no limit", endless), ("two hooks", two_hooks)):
    told = ", ".join(f"{key} {value:g}" for key, value in trace.result.items() if key != "rail")
    slips = " ".join(f"{slips}" for _, slips in trace.result["rail"])
    print(f"{name}: {told}\n   slips on the rail: {slips}")

# %% [markdown] tags=["notes"]
# **Break it.** In `slow_oven`, change `await asyncio.sleep(2)` to `await asyncio.sleep(1)`: it
# prints `no limit: oldest 0, door closed 10, over 10.5` and
# `two hooks: oldest 0, door closed 10, over 10.5`. As long as the oven keeps up, a limit costs
# nothing and is not felt. It is there for the evening on which the oven does not: that is the
# argument for putting one in.

# %%
lanes = ["door", "oven"]
timeline(two_hooks, lanes=lanes, title="Both hooks taken: the door keeps the oven's pace")

# %% [markdown]
# Both evenings are over at the same minute, since there is one oven in both. Without a limit the guests come in at their own pace, the rail grows,
# and slips get old on it. With two hooks the lane of the door says it: a guest every minute at first, and then one every two minutes. The other
# guests stand outside, where they see the line and can turn to another restaurant. A queue without a limit hides an overload until the memory is
# full. (With *two* ovens one slip a minute goes out, as many as come in, and a limit would never be felt.)
#
# To wait is one answer to a full rail. The other is to say no at once: `put_nowait` raises `QueueFull`, and the guest is told.


# %%
async def honest_door(slips, away):
    for guest in range(1, 11):
        busy(0.5)
        try:
            slips.put_nowait(minute())
        except asyncio.QueueFull:
            away.append(guest)
        await asyncio.sleep(0.5)


async def honest_evening(hooks):
    slips, away, ages = asyncio.Queue(maxsize=hooks), [], []
    card = asyncio.create_task(slow_oven(slips, [], ages))
    await honest_door(slips, away)
    await slips.join()
    card.cancel()
    return away, max(ages), minute()


# %%
predict(
    "The rail has two hooks, and the door never waits. How many of the ten guests are sent away?",
    measure=lambda trace: len(trace.result[0]),
    why="Once both hooks are taken, every other one: the oven serves one in two minutes.",
)

# %%
away, oldest, over = (await record(honest_evening(2), unit="minutes")).result
print(f"guests {away} sent away; oldest slip {oldest:g} min; over at minute {over:g}")

# %% [markdown]
# No politeness changes the oven's pace. But those who came in did not wait for long, and the others know at once. This is called **load shedding**.

# %% [markdown]
# ## 12. Two thousand lanes
#
# An evening with 2000 guests: every half minute a group of fifty. Each order needs a moment of hands, three minutes of oven, and a moment to be
# served. Nothing is short. But among them is one card that has nothing to do with guests.


# %%
async def small_dish():
    busy(0.001)
    await asyncio.sleep(3)
    busy(0.001)


async def stocktaking():
    await asyncio.sleep(8)
    busy(2.5)  # counts the bottles


async def long_evening():
    async with asyncio.TaskGroup() as group:
        group.create_task(stocktaking(), name="stocktaking")
        for number in range(1, 2001):
            group.create_task(small_dish(), name=f"order {number}")
            if number % 50 == 0:
                await asyncio.sleep(0.5)


# %%
told = predict(
    "The chef is held for 2.5 minutes. What does the median wait of the 2000 orders say?",
    {
        "that all is well": "",
        "that each waited for a minute or more": "Most orders were not in the kitchen then.",
        "that each waited for 2.5 minutes": "That is what the unluckiest waited for.",
    },
    why="Most orders come before or after; one in eight pays for it.",
)
told

# %%
evening = await record(long_evening(), unit="minutes")
waits = sorted((task.scheduled, task.name) for task in evening.tasks if "order" in task.name)
middle, p90, worst = waits[999][0], waits[1799][0], waits[-1][0]
mean = sum(wait for wait, _ in waits) / len(waits)
told.answer(option(told, (1, 2.5), middle))
print(f"median {middle:.2f} min, mean {mean:.2f}, 90th of 100 {p90:.2f}, worst {worst:.2f}")
print("orders that waited for more than half a minute:", sum(wait > 0.5 for wait, _ in waits))
print(*evening.findings, sep="\n")

# %% [markdown]
# The median says that all is well, and the mean that the kitchen is a bit slow. Neither is true. That is why services watch their slowest tenth or
# hundredth (p90, p99), and why tokio-console shows *scheduled* time.
#
# The finding names the task that held the chef, the line, and the first of those who paid. For the picture, 2000 lanes are too many; so it shows how
# many tasks are in each state over time, and under that the lanes that `lanes=[...]` names: the culprit, the two who waited longest, and one order
# each from before and after.

# %%
unlucky = [name for _, name in waits[:-3:-1]]
names = ["stocktaking", "order 400", *unlucky, "order 1400"]
timeline(evening, lanes=names, title="From minute 8 on oven after oven rings, and no chef comes")

# %% [markdown]
# A calm evening: some 300 dishes in their ovens. Then at minute 8 the orange swells, group by group, as ovens ring and nobody comes, and no new guest
# comes in either, since the one who writes the cards needs the chef too. (The lanes that the picture opens by itself are those of the slowest. There
# you would see the victims, and not the culprit: the culprit did not wait.)

# %% [markdown]
# ## 13. Tokens and hooks in Rust
#
# ```rust
# use std::sync::Arc;
# use std::time::Duration;
# use tokio::sync::{mpsc, Semaphore};
# use tokio::task::JoinSet;
# use tokio::time::sleep;
#
# async fn order(number: u32) -> u32 {
#     sleep(Duration::from_millis(10)).await;
#     number
# }
#
# async fn with_tokens(orders: u32, ovens: usize) {
#     let (mut cards, bowl) = (JoinSet::new(), Arc::new(Semaphore::new(ovens)));
#     for number in 0..orders {
#         let bowl = bowl.clone();
#         cards.spawn(async move {
#             let _token = bowl.acquire().await.unwrap(); // back in the bowl when it is dropped
#             order(number).await
#         });
#     }
#     while let Some(dish) = cards.join_next().await {
#         dish.unwrap();
#     }
# }
#
# async fn two_hooks(guests: u32) {
#     let (door, mut slips) = mpsc::channel(2);
#     let oven = tokio::spawn(async move {
#         while let Some(number) = slips.recv().await {
#             order(number).await;
#         }
#     });
#     for number in 0..guests {
#         door.send(number).await.unwrap(); // waits while both hooks are taken
#     }
#     drop(door); // nobody comes any more: the oven's loop ends
#     oven.await.unwrap();
# }
#
# #[tokio::main(flavor = "current_thread")]
# async fn main() {
#     with_tokens(1_000, 100).await;
#     two_hooks(10).await;
#     println!("closed");
# }
# ```
#
# | Rust with Tokio | Python with asyncio | |
# |---|---|---|
# | `JoinSet::new()`, `cards.spawn(...)` | `asyncio.TaskGroup()`, `group.create_task(...)` | a set of cards that end together |
# | `cards.join_next().await` | `asyncio.as_completed(...)` | the next one that is done |
# | `tokio::join!(a, b)` | `asyncio.gather(a, b)` | a fixed number; in Tokio within one task |
# | `tokio::try_join!(a, b)` | `asyncio.TaskGroup` | the first failure ends all |
# | `Semaphore::new(3)`, `acquire().await` | `asyncio.Semaphore(3)`, `async with` | a bowl of tokens |
# | `mpsc::channel(2)`, `send(...).await` | `asyncio.Queue(maxsize=2)`, `await put(...)` | a rail with two hooks |
# | `try_send(...)` | `put_nowait(...)` | hang it up, or be told no |
# | `mpsc::unbounded_channel()` | `asyncio.Queue()` | room for everything |
# | `drop(door)`, then `recv()` gives `None` | a last slip; from 3.13 on `Queue.shutdown()` | nobody comes any more |
#
# | | Tokio | asyncio |
# |---|---|---|
# | a card | an allocation as large as the future's state | a task, its coroutine and its frame |
# | one fails in a set | you hear of it by `join_next`; the others run on until you drop the set | the group calls them off |
# | leaving the block early | the set is dropped, and all in it are aborted at the next await that yields | by `return`: the group waits for each; by an exception: it calls them off, and waits until each is home |
# | readers of a queue | one `recv` for each channel | as many workers as you like |
# | a queue that is always full | a task yields by itself after 128 ready operations of Tokio's own | no budget: `get()` of a queue that has something does not let go |
# | more chefs | `multi_thread`: the cards are shared | one thread, always |

# %% [markdown]
# ## 14. Who goes first among equals
#
# A thousand timers are due at once. Who goes on first? Here are eight with one and the same deadline, set in the order of their numbers.


# %%
async def equal_deadlines():
    loop, called = asyncio.get_running_loop(), []
    due = loop.time() + 0.01
    for number in range(1, 9):
        loop.call_at(due, called.append, number)
    await asyncio.sleep(0.02)
    return called


print("asyncio:          ", await asyncio.to_thread(asyncio.run, equal_deadlines()))
print("the virtual clock:", (await record(equal_deadlines())).result)

# %% [markdown]
# asyncio keeps its timers in a heap. A heap gives out the earliest, and of *equal* ones any: the order in which they were set is lost. Tokio has a
# list for each millisecond, and wakes its cards in the order in which they came. (On `multi_thread` the one woken last is in the
# pocket, and goes first.) The virtual clock of this course does the same, for on it deadlines
# are often equal. On the real clock two deadlines of asyncio's are hardly ever equal (on Windows up
# to Python 3.12 they often are: its clock moves in steps of 15.6 ms). Yet none of them promises an order: what has to come in order
# belongs in a queue.
