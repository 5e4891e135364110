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
# A waiter writes a card, "one soup", and pins it to the rail. The waiter keeps a stub with the same number. Nobody has
# picked up a knife yet. There is one chef, and the chef is in the middle of something. When the chef's hands are free, the
# chef takes the card that has hung there longest, works on it until there is something to wait for, and looks at the rail
# again. With the stub the waiter can come back later and ask for the soup, or hear that it burnt.
#
# Writing the card is **spawning a task**: `tokio::spawn(...)` in Rust, `asyncio.create_task(...)` in Python. The stub is the
# **handle**: a `JoinHandle` in Rust, and in Python the `Task` object itself.
#
# **You will**
# - see when a spawned task starts, and in which order several of them get their turn;
# - fetch results and exceptions through the handle, and see what becomes of a handle that nobody keeps;
# - see what happens to tasks that are still cooking when `main` leaves.
#
# **The clock.** Every run in this lesson is on the *virtual clock*, in kitchen minutes: a pot that needs five minutes takes no
# time to watch, and the numbers are the same on your machine as on this page. `busy(2)` is two minutes of work with both
# hands; `await asyncio.sleep(5)` is five minutes in which the stove does the work and the chef is free.

# %%
import asyncio
import gc
import threading

from helpers import busy, lab, record, select, timeline

# %% [markdown]
# ## 1. When does it start?
#
# `main` writes the card at minute 0. Then it goes on with work of its own for three minutes, and after that it asks for the
# soup.
#
# **Predict.** In which minute does the first onion get chopped? And in which minute is the soup served?


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
timeline(first, title="The card hangs for 3 minutes: main does not let go of the chef")

# %%
card = first.task("soup")
print(f"card written in minute {card.spawned:g}, first onion in minute {card.steps[0].start:g}")
print(f"ready, and no chef free: {card.scheduled:g} min")
print(f"hands on it: {card.busy:g} min, in {card.polls} steps")
print(f"waiting for the stove: {card.idle:g} min")
print(f"main got {first.result!r} in minute {first.duration:g}")

# %% [markdown]
# `create_task` ran not one line of `soup`. It made a task, put it at the end of the queue of those that are ready, and
# returned the handle at once. The task's first step came in minute 3, when `main` reached its next `await` and let go of the
# chef. From minute 0 to 3 the card was **scheduled**: ready to go on, and no chef was free.
#
# A popular article on Tokio says that a spawned task is "suspended". Queued, yes; but there is nothing to suspend in something
# that has not begun. The rule for asyncio, and for Tokio's `current_thread` runtime: **a spawned task never starts before its
# creator's next await that really waits.** Tokio's `multi_thread` runtime, its default, has more chefs. There another one may
# take the card at once, while the creator is still busy. Lesson 07 shows recorded runs of both.

# %% [markdown]
# ## 2. In which order?
#
# Three cards, written in the same minute: roast, soup, salad. Each begins with both hands, then waits, then is served with one
# more minute of both hands.
#
# **Predict.** Who starts first, and who is served first? Write down both orders.

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
timeline(spawned, title="Started in the order of the cards, served as the ovens say")

# %%
dishes = [spawned.task(dish) for dish in MENU]
print("started:", [(dish.name, dish.steps[0].start) for dish in dishes])
dishes.sort(key=lambda dish: dish.ended)
print("served: ", [(dish.name, dish.ended) for dish in dishes])
print(
    f"in all {spawned.duration:g} min; the chef worked {sum(dish.busy for dish in dishes):g} of them"
)

# %% [markdown]
# They started in the order in which they were spawned, since that is the order in which they became ready. They were served in
# another order: each went back into the queue when its own wait was over. `main` awaited the roast first. That decided what
# `main` heard first, and nothing else; awaiting a handle does not push its task to the front.

# %% [markdown]
# ### The queue knows one order only
#
# Now the chef is held while two things become ready. The roast was spawned first and rings in minute 3. The soup was spawned
# second and rings in minute 2. `main` holds the chef from 1 to 6.
#
# **Predict.** Who comes first in minute 6?


# %%
async def ring_and_serve(minutes):
    await asyncio.sleep(minutes)
    busy(1)


async def main():
    first = asyncio.create_task(ring_and_serve(3), name="roast")
    second = asyncio.create_task(ring_and_serve(2), name="soup")
    await asyncio.sleep(1)
    busy(5)
    await first
    await second


trace = await record(main(), unit="minutes")
for dish in ("roast", "soup"):
    woken = trace.task(dish).steps[1]
    print(f"{dish}: ready in minute {woken.ready:g}, taken up in minute {woken.start:g}")
timeline(trace, title="The soup rang first, so the soup comes first")

# %% [markdown]
# The soup, because it was ready first. There is no rank, no favourite and no look at how long a task will take: **tasks run in
# the order in which they became ready.** Each of them waited four minutes with its bell ringing; that stretch has a colour of its
# own in the picture, because in most other pictures of async code it is missing.

# %% [markdown]
# ## 3. Awaiting is not spawning
#
# The same three dishes, without a card: `main` awaits each coroutine itself.
#
# A **coroutine** is what a call of an `async def` function gives you (in Rust: a future). It is a recipe with a bookmark. It is not
# in any queue; it moves when somebody awaits it, inside the task of the one who awaits.
#
# **Predict.** How many lanes does the picture have, and how long does dinner take? With cards it took 9 minutes.


# %%
async def dinner_awaited():
    for dish in MENU:
        await cook(*MENU[dish])


trace = await record(dinner_awaited(), unit="minutes")
print(len(trace.tasks), "task,", trace.duration, "min, of which it waited", trace.tasks[0].idle)
timeline(trace, title="No card was written: one lane, and the minutes add up")

# %% [markdown]
# One task, 18 minutes. During the 10 minutes of waiting the chef was free, and there was no other card to take. `await` alone gives
# you no concurrency; it only makes room for it.
#
# This matters when you read the article. Its programs for `sleep`, `timeout` and `select!` are said to run tasks, and none
# of the three spawns any. How many tasks do the same programs have in Python?


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
# A sleep and a deadline need no task but the one that awaits them. The race is where the two languages part. Rust's `select!` takes
# turns at polling both futures inside the one task that holds the race: concurrent, and never parallel. asyncio can wait for
# the first of several only if they are tasks, so `select` from this course has to spawn one for each racer. Lesson 05 looks at
# what follows from that for the loser.

# %% [markdown]
# ## 4. A thousand cards, one chef
#
# **Predict.** How many operating-system threads does Python start for 1000 tasks that are alive at the same moment?


# %%
async def main():
    before = threading.active_count()
    stubs = [asyncio.create_task(cook(0, 5)) for _ in range(1000)]
    await asyncio.sleep(2)
    return sum(not stub.done() for stub in stubs), threading.active_count() - before


trace = await record(main(), unit="minutes")
alive, new_threads = trace.result
print(f"{alive} tasks alive at once, {new_threads} new threads")
print(
    f"{sum(task.polls for task in trace.tasks)} steps, all of them by {len(trace.threads())} thread"
)

# %% [markdown]
# None. A task is an object in a queue, and one thread takes the objects up one after the other. So `main` and its tasks never run
# in the same instant here; they take turns. In Tokio it is the same with `current_thread`. With `multi_thread` a few worker threads
# share the queue, and the body of `main` stays on the thread that the program began on, which is not one of them.

# %% [markdown]
# ## 5. What the handle brings back
#
# A result comes through the handle; so does a failure. The roast burns in minute 4. `main` comes to ask in minute 6.
#
# **Predict.** In which minute does `main` learn of it, and what happens to `main` in minute 4?


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
print(f"roast {trace.task('roast').outcome} {trace.task('roast').error!r} in minute 4")
print(f"main heard of it in minute {trace.task('main').steps[-1].start:g}: {trace.result!r}")
timeline(trace, title="It burns in minute 4; main hears of it when it asks, in minute 6")

# %% [markdown]
# In minute 4 nothing happened to `main` at all. The exception ended its own task, and was kept in the handle until someone asked.
# In Rust it is the same with a panic: it ends the task, the program goes on, and `handle.await` gives an `Err` (a `JoinError`) where a
# result gives an `Ok`. That is what the `unwrap()` in `handle.await.unwrap()` is about.
#
# And if nobody asks? Here the stub is even kept, in a list, but nobody reads it.

# %%
rail = []


async def main():
    rail.append(asyncio.create_task(roast(), name="roast"))
    await asyncio.sleep(6)
    return "a calm evening, it seems"


trace = await record(main(), unit="minutes")
print(trace.result)
print(*trace.findings, sep="\n")

# %% [markdown]
# `main` returned as if all were well. Outside of this course asyncio logs *Task exception was never retrieved*, and it does so when the handle
# is thrown away, which may be much later than minute 4. Tokio says nothing through the handle that you dropped; the panic's message
# was printed when it happened.

# %% [markdown]
# ## 6. When `main` leaves
#
# The pot needs ten minutes. `main` returns in minute 2 and never awaited the handle.
#
# **Predict.** Does the program wait for the soup? Does the `finally` run?

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
timeline(trace, title="main leaves in minute 2, and the soup is cancelled")

# %% [markdown]
# Nobody waited. `asyncio.run` cancels whatever is left when its main coroutine is over, and `record` does the same. Cancelling in asyncio
# raises `CancelledError` at the await where the task stands, so its `finally` ran. In Tokio, a task that is left is dropped with the runtime: its
# destructors run, but no code after the await does. In both, **whoever needs the dish has to await the handle.**

# %% [markdown]
# ## 7. The handle that nobody kept
#
# Now nobody keeps the stub. `soup` waits for a bell that only `main` and the soup know. `salad` waits for a timer. In
# minute 6 `main` forgets the bell too, and Python tidies its memory. (It does so by itself, at moments that nobody chooses. Here that is
# switched off, and `gc.collect(0)` tidies at a moment that we choose: what was made lately, and is in use no more, goes.)
#
# **Predict.** Which of the two is finished in minute 10?


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
print(f"salad: {trace.task('salad').outcome} in minute {trace.task('salad').ended:g}")
print(f"soup:  {trace.task('soup').outcome}, its lane ends in minute {trace.task('soup').end:g}")
print(*trace.findings, sep="\n")
timeline(trace, title="The soup vanishes in minute 6: nobody held its card")

# %% [markdown]
# The soup did not fail, and it was not cancelled. It stopped being. The loop holds only a *weak* reference to a task that waits; what keeps such
# a task alive is whoever is going to wake it. For the salad that is the loop's own timer. For the soup it was the bell, and the only one who still knew the
# bell was the soup. In Tokio there is no such trap: the runtime owns its tasks, and to drop the handle is to let the task go on **detached**.
#
# The cure is to keep the stub for as long as the task lives:


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
print("still on the rail in minute 6:", trace.result)
print(*trace.findings, sep="\n")

# %% [markdown]
# It is still there, and the trace says at which line it waits. What was a silent loss is now a task left running, which you can
# see and mend.

# %% [markdown]
# ## 8. The card that was never written
#
# One more silent loss. Here `main` calls `soup()` and forgets the `await`.
#
# **Predict.** How many tasks are there, and how many onions are chopped?


# %%
async def main():
    soup()
    await asyncio.sleep(3)
    return "dinner is served?"


trace = await record(main(), unit="minutes")
print(len(trace.tasks), "task:", trace.tasks[0].name)
print(*trace.findings, sep="\n")

# %% [markdown]
# A coroutine is a recipe. Calling `soup()` makes one, and nothing more. Rust's futures are the same ("futures do nothing unless you
# `.await` or poll them" is the compiler's warning); `tokio::spawn` and `create_task` are what turns a recipe into a card.

# %% [markdown]
# ## 9. A rail that looks after its cards: `TaskGroup`
#
# All of the losses above have one cause: a task whose handle is nobody's business. A `TaskGroup` makes it somebody's. Its block
# ends when every task in it has ended.
#
# **Predict.** There is no `await` on any handle below. In which minute does `main` get past the block?


# %%
async def main():
    async with asyncio.TaskGroup() as kitchen:
        for dish in MENU:
            kitchen.create_task(cook(*MENU[dish]), name=dish)
    return "all served"


trace = await record(main(), unit="minutes")
print(f"{trace.result} in minute {trace.duration:g}: {[str(task.outcome) for task in trace.tasks]}")
timeline(trace, title="The group's block ends with its last task")

# %% [markdown]
# In minute 9, with the last dish. And when one of them fails? The roast burns in minute 4, while the soup is on the stove. `main` itself is
# still inside the block, and wipes the tables until minute 20.
#
# **Predict.** What happens to the soup, and when does `main` hear of the roast?


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
    print(f"{dish.name}: {dish.outcome} in minute {dish.ended:g}")
print(f"main: {trace.result!r} in minute {trace.duration:g}")
timeline(trace, title="One burns: the group ends the soup, and interrupts main")

# %% [markdown]
# In minute 4, and not when it came to ask. The group cancelled the soup and interrupted `main` at its own `await` (that is the mark, in the name of the roast that failed, on its
# lane). Then it *waited until all had really ended*, and raised what had happened, as an `ExceptionGroup` (there may be more than one). Nothing is left
# running and nothing is lost. In Tokio, a `JoinSet` is
# the nearest thing: it owns its tasks and aborts those that are left when it is dropped; but it does not cancel the others when one fails, you write
# that yourself.

# %% [markdown]
# ## 10. The lab
#
# Up to a thousand cards, on a clock of your choice, in milliseconds. `main` writes them all and keeps its hands full for 20 ms more. Choose how
# much work is in each card and how many awaits. Say first when the last card will be done; then run it.
#
# Find a setting in which one more await makes dinner no later at all, and one in which it does.

# %%
# NBVAL_IGNORE_OUTPUT
lab("spawn")

# %% [markdown]
# Whatever you choose, the first card begins when `main` lets go, and the last one when everybody before it has done the first piece. Here that is checked for nine
# pairs of a number of cards and the minutes of work in each:


# %%
async def one_piece(work):
    busy(work)


async def many_cards(number, work):
    stubs = [asyncio.create_task(one_piece(work)) for _ in range(number)]
    busy(3)
    for stub in stubs:
        await stub


pairs = [(number, work) for number in (1, 10, 1000) for work in (0, 1, 4)]
runs = [(await record(many_cards(*pair), unit="minutes")).tasks for pair in pairs]
last_ones = [3 + (number - 1) * work for number, work in pairs]
print("the first card begins when main lets go:", all(run[1].steps[0].start == 3 for run in runs))
print("the last one after all before it:", [run[-1].steps[0].start for run in runs] == last_ones)

# %% [markdown]
# ## 11. The same job in Rust
#
# The first program of this lesson, on real Tokio, with a second for each kitchen minute. It serves the soup after 11 seconds.
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
# | `async fn soup() -> &'static str` | `async def soup():` | a recipe; calling it runs nothing |
# | `std::thread::sleep(...)` | `busy(2)` (or `time.sleep`) | both hands: nobody else gets a turn |
# | `sleep(...).await` | `await asyncio.sleep(5)` | the chef is free meanwhile |
# | `"a bowl of soup"` (no semicolon) | `return "a bowl of soup"` | the result goes to the handle |
# | `#[tokio::main(flavor = "current_thread")]` | `asyncio.run(main())` | one thread, one queue |
# | `tokio::spawn(soup())` | `asyncio.create_task(soup())` | the card is on the rail |
# | `stub.await` gives `Ok(dish)` or `Err(error)` | `await stub` returns or raises | a result, or how it failed |
# | `JoinHandle<&'static str>` | `asyncio.Task` | the handle |
# | `stub.abort()` | `stub.cancel()` | the wish that it ends |
# | `JoinSet` | `asyncio.TaskGroup` | several cards with one owner |
#
# What is the same: the start at the creator's next await, the failure that stays in the handle, the end of the
# tasks that are left when `main` returns.
#
# What differs:
#
# | | Tokio | asyncio |
# |---|---|---|
# | start after the spawn | `current_thread`: at the creator's next yield; `multi_thread`: at once, if main spawns it and a worker is free; of those that a task spawns, the last one waits until its creator lets go (lesson 07) | at the creator's next yield |
# | handle dropped | the task goes on, detached | the task may vanish |
# | awaiting the handle twice | not possible: the first `.await` consumes it | gives the same result again |
# | cancel | the future is dropped in silence at its await | `CancelledError` is raised at its await; it can be caught, and refused |
# | nobody retrieves the failure | the panic's message was printed at once | a line in the log, when the handle is thrown away |
#
# (From Python 3.12 on there is a third way to start: with `asyncio.eager_task_factory` set, `create_task` runs the task's first step at once, inside
# its creator's. It is off unless a program asks for it.)

# %% [markdown]
# ### Side by side
#
# You need no Rust to see Tokio run. Runs of it were recorded and come with the course; these are on Tokio's own virtual clock (`start_paused`, made for tests), with one chef,
# and count in seconds. The recorded program writes three cards. Each dish takes 0.05 s of work and then some time in the oven, and main waits for them in turn. Here it is in Python.
# `compare` draws both runs on one axis and says what agrees, what differs, and why.
#
# **Predict.** In which order do the dishes get their first turn in Tokio? How often is `main` polled?

# %%
from helpers import compare, load_recording


async def one_dish(oven, dish):  # a name of its own: `cook` is section 2's
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
# Now two cards whose handles nobody keeps: `cake` needs 0.02 s, `roast` half a second, and `main` leaves after 0.05 s.
#
# **Predict.** How does each of the two end, here and there?


# %%
async def nobody_keeps_the_handles():
    asyncio.create_task(asyncio.sleep(0.02), name="cake")  # drop(spawn("cake", sleep(ms(20))));
    asyncio.create_task(asyncio.sleep(0.5), name="roast")  # drop(spawn("roast", sleep(ms(500))));
    await asyncio.sleep(0.05)  # sleep(ms(50)).await;


compare(await record(nobody_keeps_the_handles()), load_recording("dropped_handle", clock="virtual"))

# %% [markdown]
# Both cakes are done, handle or not (here a timer holds the task; section 7 shows when nobody does). Both roasts end with `main`. What differs is *how*: asyncio polls the
# roast once more, to raise `CancelledError` inside it. Tokio drops it without a poll.

# %% [markdown]
# ## Where the metaphor breaks
#
# - A real chef sees the whole rail and may pick a card. The loop never picks: it takes the one that was ready first.
# - A card on a real rail is a thing of its own. Here it is held by the one who will wake it, and by nobody else.
# - The cook does not know the recipe beforehand, and cannot tell a step of one second from a step of one hour. It finds out by being held. That is
#   lesson 03.
# - A real kitchen has several pairs of hands; this one has one. Lesson 07 hires more.
#
# ## Try it
#
# 1. In the first program, put `await asyncio.sleep(0)` before `busy(3)`. Who is late now, and by how much?
#    <details><summary>What to look for</summary>The soup is chopped from 0 to 2, while <code>main</code> is ready and has no chef; <code>main</code> is late by 2 minutes. The soup
#    is on the stove from 2 to 7, which is longer than <code>main</code> needs, so dinner is served in minute 8 and not 11.</details>
# 2. In the dinner of section 2, change the order of the menu so that dinner is served soonest. Then try to make it as late as you can.
#    <details><summary>What to look for</summary>Whoever waits longest should start first. That is the menu as it stands: minute 9. With the roast last, the roast starts in minute 3 and dinner is served in
#    minute 12.</details>
# 3. In the last program of section 9, let `soup` catch `asyncio.CancelledError`, be `busy(2)`, and raise it again. When does `main` hear of the roast?
#    <details><summary>What to look for</summary>In minute 6: the group waits until every task has really ended.</details>
#
# ## What to take away
#
# - Spawning puts a task at the end of the ready queue. It starts at its creator's next await that really waits, and not before.
# - The handle brings back the result or the exception, when it is awaited; until then the failure of one task is nobody else's.
# - A task needs an owner: keep the handle and await it, or use a `TaskGroup`. Else it can be cancelled with `main`, or vanish.
#
# **Next:** 03, who else suffers when one chef stares at the oven?
