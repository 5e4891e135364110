# ---
# jupyter:
#   kernelspec: {display_name: Python 3 (ipykernel), language: python, name: python3}
#   lesson:
#     number: "02"
#     name: spawn
#     question: "What happens between writing the card and cooking the dish?"
#     article: "task::spawn"
# ---

# %% [markdown]
# # 02 · What happens between writing the card and cooking the dish?
#
# A waiter writes a card, "one soup", and pins it to the rail. The waiter keeps a stub with the same number. Nobody has picked up a knife yet: there is one
# chef, who is in the middle of something. When the chef's hands are free, the next card is taken from the rail and worked on until there is something to
# wait for. With the stub the waiter can come back later and ask for the soup, or hear that it burnt.
#
# Writing the card is **spawning a task**: `tokio::spawn(...)` in Rust, `asyncio.create_task(...)` in Python. The stub is the
# **handle**: a `JoinHandle` in Rust, and in Python the `Task` object itself.
#
# **You will**
# - see when a spawned task starts, and in which order several of them get their turn;
# - fetch results and exceptions through the handle, and see what becomes of a handle that nobody keeps;
# - see what happens to tasks that are still cooking when `main` leaves.
#
# **The clock** is the virtual one, in kitchen minutes. `busy(2)` is two minutes of work with both hands;
# `await asyncio.sleep(5)` is five minutes in which the stove does the work and the chef is free.

# %%
import asyncio
import contextvars
import gc

from helpers import Deadlock, busy, compare, lab, load_recording, predict, record, replay, select

# %% [markdown]
# ## 1. When does it start?
#
# `main` writes the card at minute 0. Then it goes on with work of its own for three minutes, and after that it asks for the
# soup.

# %%
predict(
    "At which minute does the chef begin with the soup?",
    measure=lambda trace: trace.task("soup").steps[0].start,
    why="`create_task` only queues; the chef is free when `main` comes to its `await`.",
)

# %% [markdown] tags=["notes"]
# **Ask.** Hands for 0, 3 and "when it is awaited". JavaScript people say 0, since a call of theirs
# runs up to its first `await`; Go people say 0, since another thread takes it; who knows Tokio's
# default says "at once, elsewhere". All are right at home. Write the three on the board with the
# languages beside them; then run.


# %%
async def soup():
    busy(2)  # chop
    await asyncio.sleep(5)  # the pot is on the stove
    busy(1)  # fill the bowl
    return "a bowl of soup"


async def main():
    stub = asyncio.create_task(soup(), name="soup")
    busy(3)  # main has its hands full
    return await stub


first = await record(main(), unit="minutes")
card = first.task("soup")
print(f"card written at minute {card.spawned:g}, first onion at minute {card.steps[0].start:g}")
print(f"main got {first.result!r} at minute {first.duration:g}")
first

# %% [markdown] tags=["notes"]
# **Break it.** Change `busy(3)  # main has its hands full` to `busy(0)`: it prints
# `card written at minute 0, first onion at minute 0` and `at minute 8`. Three minutes of `main`
# cost the guest three minutes. Ask a second question: does the soup begin at minute 0 because it
# was spawned? No: because `main` came to its `await` at once.

# %% [markdown]
# `create_task` ran not one line of `soup`. It made a task, put it at the end of the queue of those that are ready, and
# returned the handle at once. From minute 0 to 3 the card was **scheduled**: ready to go on, and no chef was free. Its first step came when `main` reached
# an `await` and let go of the chef.
#
# The article that this course follows ([lesson 01](01_task_cards.ipynb) names it) says that a spawned task is "suspended". Queued, yes; but there is nothing to suspend in something
# that has not begun. The rule for asyncio, and for Tokio's `current_thread` runtime: **a spawned task never starts before its
# creator's next `await` that yields**, which is one that ends the creator's step. Tokio's `multi_thread` runtime, its default, has more chefs; there another one may
# take the card while the creator is still busy ([lesson 07](07_team_of_chefs.ipynb)).

# %% [markdown] tags=["notes"]
# **Draw.** The rail, left to right: `main` in the chef's hand, a card "soup" at the end of the
# rail, and a stub in main's pocket. Move the card with your hand when `main` awaits. Use these
# three things all day: hand, rail, stub. The words for the board: running, scheduled, handle.

# %% [markdown]
# ## 2. In which order?
#
# Three cards, written at the same minute: roast, soup, salad. Each begins with both hands, then waits, then is served with one
# more minute of both hands. `main` awaits the stubs in the order of the cards.

# %%
predict(
    "In which order are the three served? Roast: 2 minutes of hands, 6 of oven; soup: 2 and 3; salad: 1 and 1.",
    order=("roast", "soup", "salad"),
    measure=lambda trace: [
        dish.name for dish in sorted(trace.tasks[1:], key=lambda dish: dish.ended)
    ],
    why="They start in the order of the cards; after that each comes back when its own wait is over.",
)

# %%
MENU = {"roast": (2, 6), "soup": (2, 3), "salad": (1, 1)}  # minutes of hands, minutes of waiting


async def cook(hands, waiting):
    busy(hands)
    await asyncio.sleep(waiting)
    busy(1)  # serve


async def dinner_spawned():
    stubs = [asyncio.create_task(cook(*MENU[dish]), name=dish) for dish in MENU]
    for stub in stubs:
        await stub


spawned = await record(dinner_spawned(), unit="minutes")
for dish in spawned.tasks[1:]:
    print(f"{dish.name}: started at minute {dish.steps[0].start:g}, served at {dish.ended:g}")
spawned

# %% [markdown] tags=["notes"]
# **Break it.** Change `for stub in stubs:` to `for stub in reversed(stubs):`. It still prints
# `roast: started at minute 0, served at 9` and `salad: started at minute 4, served at 7`. Nothing
# moved, and half of the class expected it to: "awaiting first" is not "running first". To await is
# to listen, and not to push.

# %% [markdown]
# `main` awaited the roast first. That decided what `main` heard first, and nothing else: awaiting a handle does not push its task to the front.
# Step through it: the row *ready, in order* is the rail.

# %%
replay(spawned)

# %% [markdown]
# ### Three at a time
#
# Now the chef is held while three things become ready. The roast's bell rings at minute 3, the soup's at minute 2. `main` holds the chef
# from 1 to 6, and as the last thing before it lets go, at minute 6, it writes a card for a salad.

# %%
predict(
    "Whom does the chef take up first, second, third, from minute 6 on?",
    order=("roast", "soup", "salad"),
    measure=lambda trace: [
        dish.name for dish in sorted(trace.tasks[1:], key=lambda dish: dish.steps[-1].start)
    ],
    why="`main` put the salad into the queue itself; the loop looked at the bells only after that.",
)

# %% [markdown] tags=["notes"]
# **They will say.** "Soup, roast, salad: who was ready first." It is what a fair kitchen would do.
# The loop does not look at its bells while `main` holds the chef, and `main` put the salad in with
# its own hand. Let them play it with three sheets of paper on the board's edge before they run it.


# %%
async def serve():
    busy(1)


async def ring_and_serve(minutes):
    await asyncio.sleep(minutes)
    await serve()


async def main():
    stubs = [asyncio.create_task(ring_and_serve(3), name="roast")]
    stubs += [asyncio.create_task(ring_and_serve(2), name="soup")]
    await asyncio.sleep(1)
    busy(5)
    stubs += [asyncio.create_task(serve(), name="salad")]
    for stub in stubs:
        await stub


trace = await record(main(), unit="minutes")
for dish in trace.tasks[1:]:
    last = dish.steps[-1]
    print(f"{dish.name}: ready at minute {last.ready:g}, taken up at minute {last.start:g}")
trace

# %% [markdown] tags=["notes"]
# **Break it.** Put `await asyncio.sleep(0.1)` before `name="salad"`: it prints
# `soup: ready at minute 2, taken up at minute 6` and
# `salad: ready at minute 8, taken up at minute 8`. Now the loop has looked at its bells once
# before the salad is written, and the order is what the class first said. One look is all the
# difference.

# %% [markdown]
# The last one comes first. There is no rank, no favourite and no look at how long a task will take: **tasks run in the order in which the loop put them
# into its queue.** A task that is spawned, or woken by another task, is put there on the spot. Timers and sockets the loop looks at once a **turn**: it
# takes up all that is in the queue, and then asks which bells have rung since, the earliest first. Each of those bells is put into the queue, and only when its turn comes does it put its task
# there, at the end. (So one that is spawned on the spot, or yields, comes before it; [lesson 03](03_not_blocking.ipynb) counts the turns.) The soup and the roast stood behind the salad, although
# they were ready four and three minutes before it.

# %% [markdown]
# ## 3. The same dinner without a card
#
# `main` awaits each of the three coroutines itself. With cards it took 9 minutes.

# %%
predict(
    "How many minutes does the dinner take without cards?",
    measure=lambda trace: trace.task("dinner_awaited").ended,
    why="One task: its waits lie one after the other, and the chef has no other card to take.",
)


# %%
async def dinner_awaited():
    for dish in MENU:
        await cook(*MENU[dish])


trace = await record(dinner_awaited(), unit="minutes")
print(f"{len(trace.tasks)} task, {trace.duration:g} min; {trace.tasks[0].idle:g} of them it waited")
trace

# %% [markdown] tags=["notes"]
# **Break it.** Change `await cook(*MENU[dish])` to `await asyncio.create_task(cook(*MENU[dish]))`:
# it prints `4 task, 18 min`. Three cards more, and not a minute gained, because each is awaited
# before the next is written. You meet it in real code, and as the exercise "the waiter who waits"
# of lesson 01. Create all, then await all.

# %% [markdown]
# Awaiting is not spawning. A **coroutine** (in Rust: a future) is in no queue. It moves when somebody awaits it, inside the task of the one who awaits: one lane. `await` alone gives
# you no concurrency; it only makes room for it.

# %% [markdown]
# ## 4. What the handle brings back
#
# A result comes through the handle. What about a failure? The roast burns at minute 4, while `main` is in a `sleep` of six minutes.

# %%
predict(
    "What happens to `main` at minute 4, when the roast burns?",
    {
        "nothing": "",
        "it is interrupted": "No task is interrupted by the failure of another, unless a group sees to it.",
        "the program ends": "An exception ends its own task, not the loop (only `SystemExit` and `KeyboardInterrupt` do).",
    },
    measure=lambda trace: (
        "nothing" if trace.task("main").ended > trace.task("roast").ended else "it is interrupted"
    ),
    why="The exception is kept in the handle, for whoever awaits it.",
)


# %%
async def roast():
    await asyncio.sleep(4)
    raise ValueError("burnt")


async def main():
    stub = asyncio.create_task(roast(), name="roast")
    await asyncio.sleep(6)
    try:
        return await stub
    except ValueError as error:
        return f"no roast today: {error}"


trace = await record(main(), unit="minutes")
print(f"roast {trace.task('roast').outcome} {trace.task('roast').error!r} at minute 4")
print(f"main heard of it at minute {trace.task('main').steps[-1].start:g}: {trace.result!r}")
trace

# %% [markdown] tags=["notes"]
# **They will say.** "The exception crashes the program", or "it is printed at once". Neither: it
# sits in the handle until somebody asks. Ask what their service does with a task whose handle
# nobody keeps: it goes on, and nobody hears. The next cell shows the sentence that asyncio logs,
# and that it logs it late.

# %% [markdown]
# In Rust it is the same with a panic: it ends the task, the program goes on, and `handle.await` gives an `Err` (a `JoinError`) where a
# result gives an `Ok`. That is what the `unwrap()` in `handle.await.unwrap()` is about.
#
# And if nobody asks? asyncio logs **Task exception was never retrieved**, and only when the handle is thrown away, which may be much later than minute 4.
# The trace tells you at once:

# %%
rail = []


async def main():
    rail.append(asyncio.create_task(roast(), name="roast"))  # kept, and never awaited
    await asyncio.sleep(6)
    return "a calm evening, it seems"


trace = await record(main(), unit="minutes")
print(trace.result, *trace.findings, sep="\n")

# %% [markdown]
# ## 5. When `main` leaves
#
# The pot needs ten minutes. `main` returns at minute 2 and never awaited the handle.

# %%
predict(
    "What becomes of the soup?",
    {
        "it is cancelled, and its `finally` runs": "",
        "the program waits for it, until minute 10": "Only a handle that is awaited is waited for.",
        "it is thrown away, and no more of its code runs": "So it is in Tokio; asyncio raises an exception inside.",
    },
    measure=lambda trace: {
        ("cancelled", 2): "it is cancelled, and its `finally` runs",
        ("returned", 10): "the program waits for it, until minute 10",
    }[str(trace.task("soup").outcome), trace.duration],
    why="`asyncio.run` cancels what is left when its main coroutine is over, and `record` does the same.",
)

# %%
notes = []


async def long_soup():
    try:
        await asyncio.sleep(10)
        notes.append("soup is ready")
    finally:
        notes.append("pot is off the stove")


async def main():
    stub = asyncio.create_task(long_soup(), name="soup")
    await asyncio.sleep(2)
    return f"lights off, soup done: {stub.done()}"


trace = await record(main(), unit="minutes")
print(trace.result, notes, *trace.findings, sep="\n")

# %% [markdown] tags=["notes"]
# **Break it.** Change `await asyncio.sleep(2)` to `await stub`: it prints
# `lights off, soup done: True` and `soup is ready`. One word decides whether the soup is eaten.
# Tokio people ask here: there the task is dropped with the runtime, and no `finally` runs, only
# `Drop`.

# %% [markdown]
# Cancelling in asyncio raises `CancelledError` at the await where the task stands. In Tokio, a task that is left is dropped with the runtime at its await: its
# destructors run, and no code after the await does. (What stands at no await cannot be dropped. A `spawn_blocking` that runs, often those that queue behind it, and, on
# `multi_thread`, a task in the middle of a poll are waited for.) In both languages, **whoever needs the dish has to await the handle.**
#
# ### The handle that nobody kept
#
# Now `main` does not even keep the stubs. The soup waits for a bell that only `main` and the soup know. The salad waits for a timer. At
# minute 6 `main` forgets the bell too, and Python tidies its memory. (It does so by itself, at moments that nobody chooses. Here that is
# switched off, and `gc.collect(0)` tidies when we say so: what was made lately, and can be reached by nobody, goes.)

# %%
predict(
    "What has become of the soup at minute 10?",
    {
        "it waits until main leaves, and is cancelled": "So it is if `main` keeps the stub.",
        "it is gone": "",
        "it is finished": "Its bell is never rung.",
    },
    measure=lambda trace: {
        "pending": "it is gone",
        "cancelled": "it waits until main leaves, and is cancelled",
    }[str(trace.task("soup").outcome)],
    why="A task that waits is held by whoever will wake it. The loop's timer holds the salad; the soup's bell is gone.",
)


# %%
async def wait_for(bell):
    await bell.wait()


async def main():
    bell = asyncio.Event()
    asyncio.create_task(wait_for(bell), name="soup")  # no name on the left: nobody keeps the stub
    asyncio.create_task(asyncio.sleep(8), name="salad")
    await asyncio.sleep(6)
    del bell
    gc.collect(0)
    await asyncio.sleep(4)


gc.disable()
trace = await record(main(), unit="minutes")
gc.enable()
print(*trace.findings, sep="\n")
trace

# %% [markdown] tags=["notes"]
# **Break it.** Change `asyncio.create_task(wait_for(bell), name="soup")` to
# `stub = asyncio.create_task(wait_for(bell), name="soup")`: it prints `was left running`, and no
# longer prints `vanished`. A name on the left is the whole cure. Say that it is rare, and that it
# is a real bug in services: it needs a task that waits for something that only it knows.

# %% [markdown]
# The soup did not fail, and it was not cancelled. It stopped being. The loop holds only a *weak* reference to a task that waits: one that keeps nothing in memory. Outside
# of this course you may find one line in the log, **Task was destroyed but it is pending!**, and it mostly means this: a handle that nobody kept. (The other cause is a loop that was closed with tasks left, which `asyncio.run` never does.) In Tokio there is no such
# trap: the runtime owns its tasks, and to drop the handle is to let the task go on **detached**.

# %% [markdown]
# ## 6. An owner for each card: `TaskGroup`
#
# All of these losses have one cause: a task whose handle is nobody's business. A `TaskGroup` makes it somebody's. It keeps the handles, and its block
# ends when every task in it has ended.
#
# What does it do when one of them fails? The roast burns at minute 4, while the soup is on the stove. `main` itself is
# still inside the block, and wipes the tables until minute 20.

# %%
predict(
    "At which minute does `main` hear of the burnt roast?",
    measure=lambda trace: trace.task("main").ended,
    why="The group cancels the others and interrupts `main` at its own `await`, as soon as one fails.",
)


# %%
async def main():
    try:
        async with asyncio.TaskGroup() as kitchen:
            kitchen.create_task(roast(), name="roast")
            kitchen.create_task(soup(), name="soup")
            await asyncio.sleep(20)  # main wipes the tables meanwhile
    except ExceptionGroup as group:
        return f"no dinner: {group.exceptions[0]}"


trace = await record(main(), unit="minutes")
for dish in trace.tasks[1:]:
    print(f"{dish.name}: {dish.outcome} at minute {dish.ended:g}")
print(f"main: {trace.result!r} at minute {trace.duration:g}")
trace

# %% [markdown] tags=["notes"]
# **Break it.** Change `await asyncio.sleep(20)` to `busy(20)`: it prints
# `main: 'no dinner: burnt' at minute 24`. The group can interrupt `main` only where it awaits, and
# the roast could not even begin before. A group is no alarm for blocking code. Ask where the 24
# comes from: 20 of wiping, and the roast's own 4.

# %% [markdown]
# Compare section 4, where `main` heard of it when it came to ask. The group cancelled the soup and interrupted `main`, both because the roast had failed. Then it *waited until all had really ended*, and raised what
# had happened as an `ExceptionGroup` (there may be more than one). Nothing is left running and nothing is lost. Take a `TaskGroup` unless you have a reason not to. In Tokio a `JoinSet` is
# the nearest thing: it owns its tasks and aborts those that are left when it is dropped; but it does not cancel the others when one fails, you write
# that yourself.

# %% [markdown]
# ## 7. The answer
#
# | between the card and the dish | what happens | the task is |
# |---|---|---|
# | the card is written | it goes to the end of the queue; not a line of it runs | scheduled |
# | its creator yields | the chef takes the cards in the order in which they were put into the queue | running |
# | it awaits something that takes time | the step ends; whoever will wake it holds it | idle |
# | its bell rings | a task that rings puts it at the end of the queue on the spot; for a timer or a socket the loop puts the bell there after its next look, and the bell, at its turn, puts the task behind all that is there | scheduled |
# | it returns or raises | the handle keeps that, for whoever awaits it | completed |
# | `main` leaves first, or nobody holds it | it is cancelled, or it vanishes | gone |
#
# ## The lab
#
# Up to a thousand cards, on a clock of your choice. `main` writes them all and keeps its hands full for 20 ms more. (Times are in milliseconds, your prediction in seconds.) Choose how
# much work is in each card and how many awaits. Say first when the last card will be done; then run it. Find a setting in which one more await makes dinner
# no later at all, and one in which it does.

# %% [markdown] tags=["notes"]
# **Check.** What you want to hear after five minutes in pairs: "one more await is free as long as
# the others fill the time". If a pair is stuck, let them set 1 card, then 10, and say aloud who
# waits for whom. Stop here for the break; the Rust table is for reading.

# %%
# NBVAL_IGNORE_OUTPUT
lab("spawn")

# %% [markdown]
# ## The same job in Rust, on Tokio
#
# The first program of this lesson, with a second for each kitchen minute. It serves the soup after 11 seconds. (In its Cargo.toml:
# `tokio = { version = "1", features = ["full"] }`.)
#
# ```rust
# use std::time::Duration;
# use tokio::time::sleep;
#
# async fn soup() -> &'static str {
#     std::thread::sleep(Duration::from_secs(2)); // chop: both hands
#     sleep(Duration::from_secs(5)).await;        // the pot is on the stove
#     std::thread::sleep(Duration::from_secs(1)); // fill the bowl
#     "a bowl of soup"
# }
#
# #[tokio::main(flavor = "current_thread")]
# async fn main() {
#     let stub = tokio::spawn(soup());
#     std::thread::sleep(Duration::from_secs(3)); // main has its hands full
#     match stub.await {
#         Ok(dish) => println!("served: {dish}"),
#         Err(error) => println!("no soup: {error}"),
#     }
# }
# ```
#
# | Rust with Tokio | Python with asyncio | |
# |---|---|---|
# | `std::thread::sleep(...)` | `busy(2)` (or `time.sleep`) | both hands: nobody else gets a turn |
# | `sleep(...).await` | `await asyncio.sleep(5)` | the chef is free meanwhile |
# | `#[tokio::main(flavor = "current_thread")]` | `asyncio.run(main())` | one thread, one queue |
# | `tokio::spawn(soup())` gives a `JoinHandle` | `asyncio.create_task(soup())` gives a `Task` | the card, and its stub |
# | `stub.await` gives `Ok(dish)` or `Err(error)` | `await stub` returns or raises | a result, or how it failed |
# | `stub.abort()` | `stub.cancel()` | the wish that it ends: at the await where it stands, or else at the next one that yields |
# | `JoinSet` | `asyncio.TaskGroup` | several cards with one owner |
#
# | what differs | Tokio | asyncio |
# |---|---|---|
# | start after the spawn | `current_thread`: at the creator's next yield; `multi_thread`: at once, if main spawns it and a worker is free; of those that a task spawns, the last one waits until its creator lets go (lesson 07) | at the creator's next yield |
# | handle dropped | the task goes on, detached | the task may vanish |
# | awaiting the handle twice | the first `.await` consumes it; by `&mut stub` it compiles, and panics once the result was taken | gives the same result again |
# | cancel | the future is dropped in silence at its await | `CancelledError` is raised at its await; it can be caught, and refused |
# | nobody retrieves the failure | a panic's message was printed at once; an `Err` that the task returned is lost without a word | a line in the log, when the handle is thrown away |
#
# ### Side by side
#
# You need no Rust to see Tokio run. Runs of it were recorded and come with the course; these are on Tokio's own virtual clock, with one chef,
# in seconds. The recorded program writes three cards. Each dish takes 0.05 s of work and then some time in the oven, and main waits for them in turn. Here it is in Python.
# `compare` draws both runs on one axis and says what agrees, what differs, and why.

# %%
predict(
    "How often is `main` polled here: how many steps does it have?",
    measure=lambda trace: trace.task("three_cards").polls,
    why="One until it awaits the first stub, and one more for each stub that is not done yet when it is awaited; here none is. Below you see that Tokio needs as many.",
)


# %%
async def one_dish(oven, dish):
    busy(0.05)  # busy(ms(50));
    await asyncio.sleep(oven)  # sleep(ms(oven_ms)).await;
    return dish


async def three_cards():
    # spawn("chop", cook(150, "carrots")), and so on
    chop = asyncio.create_task(one_dish(0.15, "carrots"), name="chop")
    boil = asyncio.create_task(one_dish(0.25, "pasta"), name="boil")
    bake = asyncio.create_task(one_dish(0.35, "bread"), name="bake")
    return [await chop, await boil, await bake]  # chop.await, boil.await, bake.await


compare(await record(three_cards()), load_recording("spawn", clock="virtual"))

# %% [markdown]
# Nothing differs: the same first turns at the same moments, the same waits for the chef, the same number of polls. In this program Tokio's `current_thread` and asyncio do the same, poll by poll.
#
# ## Where the metaphor breaks
#
# - A real chef sees the whole rail and may pick a card. The loop never picks: it takes the one that was put there first, and hears bells once a turn.
# - A card on a real rail is a thing of its own. In asyncio it is held by the one who will wake it, and by nobody else.
# - A cook knows that a sauce takes an hour. The loop cannot tell a step of one second from a step of one hour before it is over. That is
#   [lesson 03](03_not_blocking.ipynb).
#
# ## Try it
#
# 1. In the first program, put `await asyncio.sleep(0)` before `busy(3)`. Who is late now, and by how much?
#    <details><summary>What to look for</summary>The soup is chopped from 0 to 2, while <code>main</code> is ready and has no chef; <code>main</code> is late by 2 minutes. The soup
#    is on the stove from 2 to 7, which is longer than <code>main</code> needs, so dinner is served at minute 8 and not 11.</details>
# 2. In the dinner of section 2, change the order of the menu so that dinner is served as soon as can be. Then try to make it as late as you can.
#    <details><summary>What to look for</summary>Whoever waits longest should start first. So nothing is to be changed: the menu as it stands is the best, minute 9. With the roast last, the roast starts at
#    minute 3 and dinner is served at minute 12.</details>
# 3. In the program of section 6, let `soup` catch `asyncio.CancelledError`, be `busy(2)`, and raise it again. When does `main` hear of the roast?
#    <details><summary>What to look for</summary>At minute 6: the group waits until every task has really ended.</details>
#
# ## What to take away
#
# - Spawning puts a task at the end of the ready queue. It starts when its creator next yields, and not before; the queue knows no rank.
# - The handle brings back the result or the exception, when it is awaited; until then the failure of one task is nobody else's.
# - A task needs an owner: keep the handle and await it, or use a `TaskGroup`. Else it can be cancelled with `main`, or vanish.
#
# **Beside the keyboard:** [what to write, and the trap](beside_the_keyboard.md)
#
# **Next:** [03 · Who else suffers when one chef stares at the oven?](03_not_blocking.ipynb)

# %% [markdown]
# ## Exercises
#
# As in [lesson 01](01_task_cards.ipynb), the trace of your own run is judged; `hint("02.minutes")` and `solution("02.minutes")` help.

# %% [markdown] tags=["notes"]
# **Time.** Ten minutes for `02.lost_handle`; it is the one that they take to work. The usual wrong
# answer awaits each receipt in the loop, and `check` says "the calls lie one after another". The
# second: `gather` without `return_exceptions=True`, which counts one failure of several.
# `02.minutes` is for paper, in pairs.

# %%
import asyncio
import gc

from helpers import busy, check, hint, progress, solution

# %% [markdown]
# ### Predict: five minutes of an evening
#
# Read the program; do not run it. At which minute is each of the three served? And at which minute does the chef begin with the rice, and with the beans?


# %%
async def fry(hands, stove):
    busy(hands)
    await asyncio.sleep(stove)
    busy(1)


async def evening():
    fish = asyncio.create_task(fry(1, 4), name="fish")
    busy(2)
    rice = asyncio.create_task(fry(2, 1), name="rice")
    await fish
    beans = asyncio.create_task(fry(1, 1), name="beans")
    await rice
    await beans


# %%
minutes = {"fish": ..., "rice": ..., "beans": ..., "rice begins": ..., "beans begins": ...}

# %% tags=["solution"]
minutes = {"fish": 8, "rice": 7, "beans": 11, "rice begins": 3, "beans begins": 8}

# %%
check("02.minutes", (evening, minutes))

# %% [markdown]
# ### Mend: the handle that was lost
#
# A shop sends a receipt for each order, without waiting for it: `send(order)` may be slow, and the customer shall not wait. Now and then a receipt never
# arrives, and nobody hears of one that failed. Mend `serve`: the customers' answers come back as before, all receipts are sent at once, none is lost, and
# `serve` returns as soon as all receipts are out. A receipt that fails is counted: return the answers, and how many receipts failed.


# %%
async def serve(orders, send):
    answers = []
    for order in orders:
        asyncio.create_task(send(order))
        answers.append(f"thanks for {order}")
    return answers, 0


# %% tags=["solution"]
async def serve(orders, send):
    receipts = [asyncio.create_task(send(order)) for order in orders]
    answers = [f"thanks for {order}" for order in orders]
    ends = await asyncio.gather(*receipts, return_exceptions=True)
    return answers, sum(isinstance(end, Exception) for end in ends)


# %%
check("02.lost_handle", serve)

# %% [markdown]
# ### Write: all pages at once
#
# `await fetch(url)` takes one to two seconds and returns a text, or raises `OSError`. Fetch all of `urls` at once and return, as soon as the last has ended,
# a dictionary in their order: for each address its text, or the exception that it raised.


# %%
async def fetch_all(fetch, urls):
    """All pages in the time of the slowest."""
    # solution
    tasks = {url: asyncio.create_task(fetch(url)) for url in urls}
    await asyncio.wait(tasks.values())
    return {url: task.exception() or task.result() for url, task in tasks.items()}


# %%
check("02.pages", fetch_all)

# %% tags=["differs-again"]
progress("02")

# %% [markdown]
# ## Deeper
#
# What a bell is made of, values that travel with a task, how to keep a card by hand, programs that spawn nothing, and two dropped handles on Tokio: all of it can be left out.

# %% [markdown] tags=["notes"]
# **Cut.** In half a day stop before "Side by side", and take sections 1 to 4 and 6 (without 4
# there is no roast to burn in 6). Tokio people want section 8 (a waker by hand), Flask people
# section 9 (context variables): offer both as homework, and have one of each tell the others on
# the next day.

# %% [markdown]
# ## 8. What is a bell? Poll and waker
#
# A step is one call: "go on as far as you can". In Rust that call is `poll`, and it answers `Poll::Ready(value)` or `Poll::Pending`. *Pending* is a promise: **somebody has my waker, and
# will use it when it is worth asking me again.** The loop asks nobody twice without that. In Python the same call is `send(None)` on the coroutine; *ready* is that it returns, *pending* is that
# it yields a future, and the task puts its waker into that future's list of callbacks.
#
# So a bell of one's own is twenty lines. `await bell` runs `__await__`:


# %%
class Bell:
    def __init__(self, remembers):
        self.remembers, self.rung, self.wakers = remembers, False, []

    def __await__(self):
        if self.rung:
            return  # ready: nothing to wait for
        waker = asyncio.get_running_loop().create_future()
        self.wakers.append(waker)  # whoever will ring keeps the waker
        yield from waker  # pending: the step ends here

    def ring(self):
        self.rung = self.remembers
        for waker in self.wakers:
            if not waker.done():  # its task may have been cancelled
                waker.set_result(None)  # puts the task into the queue; it runs not a line of it
        self.wakers.clear()


# %%
async def soup_on_call(bell, chopping):
    await asyncio.sleep(chopping)
    await bell


async def ring_at_two(*, remembers, chopping):
    bell = Bell(remembers)
    stub = asyncio.create_task(soup_on_call(bell, chopping), name="soup")
    await asyncio.sleep(2)
    bell.ring()
    busy(1)
    await stub


trace = await record(ring_at_two(remembers=False, chopping=1), unit="minutes")
woken = trace.task("soup").steps[-1]
print(f"woken by {trace.name_of(woken.woken_by)} at minute {woken.ready:g}", end=", ")
print(f"taken up at minute {woken.start:g}, polls: {trace.task('soup').polls}")
trace

# %% [markdown]
# To ring is not to run: the soup went into the queue, and had its turn when `ring_at_two` let go. Three polls: the start, the timer, the bell.
#
# ### The bell rings early
#
# Now the soup is chopped until minute 3. The bell rings at minute 2, and remembers nothing.

# %%
predict(
    "What does the soup do?",
    {
        "it goes on at minute 3": "Only if the bell remembers that it was rung.",
        "it waits for ever": "",
        "it goes on at minute 2": "At minute 2 it is chopped, and the bell has nobody's waker.",
    },
    measure=lambda trace: {"pending": "it waits for ever", "returned": "it goes on at minute 3"}[
        str(trace.task("soup").outcome)
    ],
    why="The bell rang while nobody had left a waker, and after that nobody rings it again.",
)

# %%
try:
    await record(ring_at_two(remembers=False, chopping=3), unit="minutes")
except Deadlock as deadlock:
    print(*deadlock.trace.findings[-1:], sep="\n")

trace = await record(ring_at_two(remembers=True, chopping=3), unit="minutes")
print(f"with a bell that remembers, the soup goes on at minute {trace.task('soup').ended:g}")

# %% [markdown]
# That is a **lost wake-up**: to ask "has it rung?" and to leave a waker must be one act, or the bell must remember. `record` calls it a deadlock; a program outside of it hangs in silence. The bells that you are given come in both kinds:
#
# | | remembers | does not |
# |---|---|---|
# | Rust, Tokio | `Notify::notify_one` (one permit), `watch`, `Semaphore` | `Notify::notify_waiters` (but a `notified()` made before the call hears it, polled or not) |
# | Python, asyncio | `Event.set`, `Queue.put`, `Semaphore.release` | `Condition.notify` |
#
# | who | Rust, Tokio | Python, asyncio |
# |---|---|---|
# | asks | the runtime calls `Future::poll(cx)` | the task calls `coroutine.send(None)` |
# | hands over the waker | `cx.waker().clone()` | `future.add_done_callback(...)`, done by the task |
# | keeps it | the timer, the socket, the channel, the mutex | the future, and whoever will set its result |
# | uses it | `waker.wake()` | `future.set_result(...)` |

# %% [markdown]
# ## 9. Values that travel with a task: context variables
#
# A request's id, the user, the log's prefix: Flask keeps them in `g` and `request`, and under both are **context variables**. A task gets a *copy* of its creator's values at the moment at
# which the card is written. What it sets afterwards is its own, and `asyncio.to_thread` hands the copy on to the thread.

# %%
guest = contextvars.ContextVar("guest")


async def serve_whom():
    at_first = guest.get()
    guest.set("nobody")
    return at_first, await asyncio.to_thread(guest.get)


async def main():
    guest.set("Ann")
    stub = asyncio.create_task(serve_whom())
    guest.set("Bob")
    return *await stub, guest.get()


trace = await record(main(), unit="minutes")
print("the task found {}; its thread found {}; main still has {}".format(*trace.result))

# %% [markdown]
# Ann, although the task began when `main` had set Bob: what counts is when the card was written. In Tokio `task_local!` with `.scope(value, future)` does this job; a task that is spawned inside a scope does *not* inherit it.

# %% [markdown]
# ## 10. A rail by hand
#
# Where a `TaskGroup` does not fit (a task that is to outlive the function that spawned it), keep the stub for as long as the task lives:


# %%
async def main():
    rail = set()  # cards that hang here are kept
    bell = asyncio.Event()
    stub = asyncio.create_task(wait_for(bell), name="soup")
    rail.add(stub)
    stub.add_done_callback(rail.discard)  # a finished card is taken down
    del stub, bell
    await asyncio.sleep(6)
    gc.collect(0)
    return [card.get_name() for card in rail]


gc.disable()
trace = await record(main(), unit="minutes")
gc.enable()
print("still on the rail at minute 6:", trace.result, *trace.findings, sep="\n")

# %% [markdown]
# What was a silent loss is now a task left running, which you can see and mend.

# %% [markdown]
# ## 11. Programs that write no card
#
# The article's programs for `sleep`, `timeout` and `select!` are said to run tasks, and none of the three spawns any. How many tasks do the same programs have in Python?


# %%
async def just_sleep():
    await asyncio.sleep(2)


async def with_deadline():
    async with asyncio.timeout(2):
        await asyncio.sleep(1)


async def race():
    return await select(slow=asyncio.sleep(2), fast=asyncio.sleep(1))


for program in (just_sleep, with_deadline, race):
    trace = await record(program(), unit="minutes")
    print(f"{program.__name__}: {', '.join(lane.name for lane in trace.tasks)}")

# %% [markdown]
# The race is where the two languages part. Rust's `select!` takes turns at polling both futures inside the one task that holds the race: concurrent, and never parallel. asyncio can wait for
# the first of several only if they are tasks or futures, and a coroutine is neither, so `select` from this course spawns one for each racer. [Lesson 05](05_first_wins.ipynb) looks at what follows from that for the loser.

# %% [markdown]
# ## 12. Two dropped handles, here and on Tokio
#
# Two cards whose handles nobody keeps: `cake` needs 0.02 s, `roast` half a second, and `main` leaves after 0.05 s.


# %%
async def nobody_keeps_the_handles():
    asyncio.create_task(asyncio.sleep(0.02), name="cake")  # drop(spawn("cake", sleep(ms(20))));
    asyncio.create_task(asyncio.sleep(0.5), name="roast")  # drop(spawn("roast", sleep(ms(500))));
    await asyncio.sleep(0.05)  # sleep(ms(50)).await;


compare(await record(nobody_keeps_the_handles()), load_recording("dropped_handle", clock="virtual"))

# %% [markdown]
# Both cakes are done, handle or not (here a timer holds the task). Both roasts end with `main`. What differs is *how*: asyncio polls the
# roast once more, to raise `CancelledError` inside it. Tokio drops it without a poll.

# %% [markdown]
# ## 13. The lab's law, and an exception to it
#
# Whatever you choose in the lab, the first card begins when `main` lets go, and the last one when everybody before it has done the first piece:


# %%
async def many_cards(number, work):
    async with asyncio.TaskGroup() as rail:
        for _ in range(number):
            rail.create_task(cook(work, 0))
        busy(3)


print("cards  work   first begins   last begins")
for number, work in ((1, 4), (10, 1), (10, 4), (1000, 4)):
    _, *cards = (await record(many_cards(number, work), unit="minutes")).tasks
    begun = [card.steps[0].start for card in cards]
    print(f"{number:5}  {work:4}   {begun[0]:12g}   {begun[-1]:11g}")

# %% [markdown]
# The last one begins at 3 + (cards - 1) * work. From Python 3.12 on there is another way to start: with `asyncio.eager_task_factory` set, `create_task` runs the task's first step at once,
# inside its creator's. It is off unless a program asks for it (from 3.14 on also for one task, `eager_start=True`).
