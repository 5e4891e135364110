# ---
# jupyter:
#   kernelspec: {display_name: Python 3 (ipykernel), language: python, name: python3}
#   lesson:
#     number: "05"
#     name: first_wins
#     question: "What happens to the loser?"
#     article: "select!"
# ---

# %% [markdown]
# # 05 · What happens to the loser?
#
# There is no basil. You send two runners: one to the pantry round the corner, one to the market on the only bicycle. Whoever is back first has the
# basil, and cooking goes on. So far it is a race like any other. But kitchens do not end with the finish line. The other runner is still out there,
# with the bicycle. Does anybody tell them to turn round? Does anybody wait until the bicycle is back?
#
# A **race** waits for several things at once and takes the first. Rust has `tokio::select!` for it. asyncio has `asyncio.wait(...,
# return_when=FIRST_COMPLETED)`. Is that a race? You build one out of it here, one step at a time.
#
# **You will**
# - turn `asyncio.wait` into a race in three steps, and see at each step what is still running;
# - see what a race does when nobody is in time, and with runners that it did not make;
# - run a loop round a race that hears both orders and the closing bell, and loses no order.
#
# **The clock.** Every run is on the *virtual clock*, in kitchen minutes.

# %%
import asyncio
import random
from collections import Counter

from helpers import compare, lab, load_recording, predict, record, replay, select, timeline


def minute():
    return asyncio.get_running_loop().time()


# %% [markdown]
# ## 1. Step one: take the first
#
# The pantry takes two minutes, the market five. `asyncio.wait` takes tasks, and with `FIRST_COMPLETED` it comes back as soon as one of them is done.
# It gives two sets: those that are done, and those that are pending. After that, `main` cooks on for four minutes.


# %%
async def pantry():
    await asyncio.sleep(2)
    return "basil from the pantry"


async def market():
    await asyncio.sleep(5)
    return "basil from the market"


async def main():
    runners = [asyncio.create_task(go(), name=go.__name__) for go in (market, pantry)]
    done, pending = await asyncio.wait(runners, return_when=asyncio.FIRST_COMPLETED)
    basil, other = done.pop(), pending.pop()
    told = f"minute {minute():g}: {basil.result()}; still pending: {other.get_name()}"
    await asyncio.sleep(4)  # main cooks on
    return told


# %%
predict(
    "What is the runner to the market doing at minute 4?",
    {
        "nothing: it was cancelled at minute 2": "Nobody cancelled it. `wait` only waits.",
        "it is on its way": "",
        "it waits until main asks for it": "A task runs whether or not it is awaited.",
    },
    measure=lambda trace: (
        "it is on its way"
        if trace.task("market").end > 4
        else "nothing: it was cancelled at minute 2"
    ),
    why="`asyncio.wait` ends the waiting, not the race.",
)

# %% [markdown] tags=["notes"]
# **Ask.** Act it: one learner goes to the door (pantry), one to the far end of the corridor
# (market). When the first is back, ask the class what the other one does now, and who told them.
# Then hands for the three options. Rust people say "cancelled", and are right about `select!`;
# have them say so and wait.

# %%
trace = await record(main(), unit="minutes")
print(trace.result)
for name in ("pantry", "market"):
    print(f"{name}: {trace.task(name).outcome} at minute {trace.task(name).ended:g}")
trace

# %% [markdown] tags=["notes"]
# **Break it.** Put `other.cancel()` before `await asyncio.sleep(4)`: it prints
# `market: cancelled at minute 2`. One line, and it looks as if the race were done. Leave it there
# as a bait: section 2 shows what is still wrong with it. Many patterns on the web end here.

# %% [markdown]
# `main` had its basil at minute 2. The other runner went all the way, came back at minute 5 and returned a result that nobody asked for.
# **asyncio.wait cancels nobody.**
#
# In one kitchen that is a pity. In a service with a thousand requests a minute it means that each of them keeps its slow twin alive.

# %% [markdown]
# ## 2. Step two: cancel the loser
#
# One more line: `away.cancel()`. The bicycle is a lock now; the recipe of the runner says what it does when it is cancelled.


# %%
async def market(bike):
    async with bike:  # the kitchen has only one
        try:
            await asyncio.sleep(5)
            return "basil from the market"
        except asyncio.CancelledError:
            await asyncio.sleep(2)  # turn round and ride home
            raise


async def main():
    bike = asyncio.Lock()
    away = asyncio.create_task(market(bike), name="market")
    near = asyncio.create_task(pantry(), name="pantry")
    await asyncio.wait([away, near], return_when=asyncio.FIRST_COMPLETED)
    away.cancel()
    return f"minute {minute():g}: market done: {away.done()}, bike in use: {bike.locked()}"


# %%
predict(
    "`main` says `cancel()` at minute 2. How are things on the very next line?",
    {
        "the runner is done, the bicycle is back": "The ride home alone takes two minutes.",
        "the runner is done, the bicycle is still away": "The runner holds it until it is home.",
        "the runner is not done, the bicycle is still away": "",
    },
    measure=lambda trace: (
        f"the runner is {'' if 'done: True' in trace.result else 'not '}done, "
        f"the bicycle is {'still away' if 'use: True' in trace.result else 'back'}"
    ),
    why="`cancel()` returns at once; the exception is raised when the runner has its next turn.",
)

# %% [markdown] tags=["notes"]
# **They will say.** "The runner is done; I have cancelled it." `cancel()` is a letter in the box:
# it returns at once, and the runner reads it at the next turn. Draw two times on the board, "told"
# and "home", and leave a gap between them. The whole lesson is in that gap.

# %%
trace = await record(main(), unit="minutes")
print(trace.result, *trace.findings, sep="\n")

# %% [markdown] tags=["notes"]
# **Break it.** Put `await asyncio.sleep(0)` behind `away.cancel()`: it still prints
# `market done: False, bike in use: True`. "Give it a moment" is the mend that everybody tries
# first. The runner has heard of it now, and is on the way home, for two minutes. Only to await the
# runner itself helps.

# %% [markdown]
# The runner has not even heard of it yet. `main` went on as if all were over. If it had needed the bicycle at minute 3, it would have found it gone.
# With a database connection in the place of the bicycle, this is an error that shows once a week.

# %% [markdown]
# ## 3. Step three: cancel, and await
#
# The same race, with one more `await`.


# %%
async def main():
    bike = asyncio.Lock()
    away = asyncio.create_task(market(bike), name="market")
    near = asyncio.create_task(pantry(), name="pantry")
    await asyncio.wait([away, near], return_when=asyncio.FIRST_COMPLETED)
    away.cancel()
    await asyncio.wait([away])  # until it has really ended
    return f"minute {minute():g}: market done: {away.done()}, bike in use: {bike.locked()}"


# %%
predict(
    "The pantry wins at minute 2. At which minute does `main` go on now?",
    measure=lambda trace: trace.task("main").end,
    why="The loser hears of it at minute 2 and needs two minutes to ride home.",
)

# %%
trace = await record(main(), unit="minutes")
print(trace.result, *trace.findings, sep="\n")
trace

# %% [markdown] tags=["notes"]
# **Break it.** In `market`, change `await asyncio.sleep(2)  # turn round and ride home` to
# `await asyncio.sleep(20)`: it prints `minute 22: market done: True`. The winner was known at
# minute 2. So a race is as slow as its slowest loser's clean-up. Ask what one does about that: a
# deadline on the clean-up, inside the runner.

# %% [markdown]
# The price is plain: the winner was known at minute 2, and `main` heard of it two minutes later. What it bought is that nothing of the race is left
# when the race is over. That is the rule of this course: **a race is over when its losers are home.**
#
# Tokio pays no such price, because it asks nobody. It *drops* the losing future: none of its code runs again, and the bicycle is put back by a
# destructor (of the lock's *guard*, the object that stands for holding it). What a dropped future cannot do is await, so a ride home that takes time
# needs another way there: section 13.
#
# Play it from minute 2 on: the winner has ended, and `main` waits for the one who rides home.

# %%
replay(trace)

# %% [markdown] tags=["notes"]
# **Demo.** Play it from minute 2, one step at a time, and ask at each: who is ready, who waits for
# whom? Stop at the step in which the runner hears of the cancel: that is the poll which Tokio does
# not make. Say it once and move on; the comparison of section 9 shows the same as two lanes.

# %% [markdown]
# Here are the three steps for any number of runners:


# %%
async def race(**recipes):
    runners = [asyncio.create_task(recipe, name=name) for name, recipe in recipes.items()]
    done, losers = await asyncio.wait(runners, return_when=asyncio.FIRST_COMPLETED)
    for loser in losers:
        loser.cancel()
    await asyncio.gather(*losers, return_exceptions=True)
    winner = done.pop()
    return winner.get_name(), winner.result()


async def main():
    bike = asyncio.Lock()
    own = await race(market=market(bike), pantry=pantry())
    winner = await select(market=market(bike), pantry=pantry())
    return own, (winner.name, winner.value)


print(*(await record(main(), unit="minutes")).result, sep="\n")

# %% [markdown]
# `select` comes with this course: `from helpers import select`. It takes runners by name and gives a winner with `name` and `value`. If several
# end in the same turn, the one that you wrote first wins; what the others brought is in `also`. It does what your `race` does. (At work you have no
# `select`. Take your `race`, as section 4 leaves it; or, with `anyio`, a task group whose first to finish calls `cancel_scope.cancel()`. From Python 3.15 on `asyncio.TaskGroup` has `cancel()` too.)

# %% [markdown]
# ## 4. None in time
#
# The guest waits one minute, and neither runner can be back by then. So there is a deadline round the race (lesson 04). It is run twice: once with
# your `race`, once with `select`.


# %%
async def late_race(run):
    try:
        async with asyncio.timeout(1):
            await run(market=asyncio.sleep(5), pantry=asyncio.sleep(2))
    except TimeoutError:
        pass  # no basil today
    await asyncio.sleep(5)  # the evening goes on


# %%
predict(
    "Time is up at minute 1. Until which minute is the runner to the market out, in your `race`?",
    measure=lambda trace: trace.task("market").end,
    why="The alarm cancelled `late_race` inside `asyncio.wait`, before the lines that cancel the losers.",
)

# %%
for run in (race, select):
    trace = await record(late_race(run), unit="minutes")
    for name in ("market", "pantry"):
        runner = trace.task(name)
        print(f"{run.__name__}: {name} {runner.outcome} at minute {runner.ended:g}")

# %% [markdown] tags=["notes"]
# **Break it.** Change `asyncio.timeout(1)` to `asyncio.timeout(3)`: it prints
# `race: market cancelled at minute 2`. With time enough your `race` is right, and all tests are
# green. Only an alarm, or a client that hangs up, finds the hole. Ask how one would test for it:
# exactly so, with a deadline that is too short.

# %% [markdown]
# In your `race` nobody told the runners: the alarm cancelled `late_race`, and `asyncio.wait` let go of the two tasks and left. Both ran to their end.
# `select` takes its runners along when it is cancelled from outside, waits until they are home, and only then lets the alarm through. To mend `race`,
# put everything after the first line into `try:`, and the cancelling and awaiting of all runners into `finally:`.
#
# A deadline may also be a runner: `select(basil=market(bike), alarm=asyncio.sleep(1))`. Then "too late" is one more winner, and no exception.

# %% [markdown]
# ## 5. A race between cards
#
# So far each runner was a recipe that the race made into a task of its own. Now the runners are tasks already, with handles that others may hold.


# %%
async def main(cancel_tasks):
    market, pantry = (
        asyncio.create_task(asyncio.sleep(minutes, name), name=name)
        for name, minutes in (("market", 5), ("pantry", 2))
    )
    winner = await select(market=market, pantry=pantry, cancel_tasks=cancel_tasks)
    told = f"{winner.name} won at minute {minute():g}, market done: {market.done()}"
    await asyncio.sleep(6 - minute())
    return told


# %%
predict(
    "With `cancel_tasks=False`, the pantry wins at minute 2. What becomes of the task `market`, which needs five?",
    {
        "cancelled at minute 2": "It was somebody's task before the race, and may be needed still.",
        "returned at minute 5": "",
        "cancelled at minute 6": "It is done by then.",
    },
    measure=lambda trace: f"{trace.task('market').outcome} at minute {trace.task('market').end:g}",
    why="Nobody owns that loser: `select` only listens to a task that it did not make.",
)

# %%
for also_tasks in (False, True):
    trace = await record(main(also_tasks), unit="minutes")
    print(f"cancel_tasks={also_tasks}: {trace.result}; in the end: {trace.task('market').outcome}")

# %% [markdown] tags=["notes"]
# **They will say.** "`select` forgot one." No: it did not make that task, so it may not end it.
# Ask who owned it before the race, and who may be waiting for it. Tokio people know the same from
# a `JoinHandle` in `select!`; let one of them say what is dropped there (the handle).

# %% [markdown]
# It runs on. The same is true of a `JoinHandle` in `select!`: what is dropped there is the handle and not the task. If you own the tasks and want
# them gone, say so: `cancel_tasks=True` here, `handle.abort()` there. The article's sentence, that the slower ones are cancelled, is true for futures
# and not for spawned tasks. The next section needs a task that loses and runs on.

# %% [markdown]
# ## 6. A loop round a race: orders and the closing bell
#
# This is what the race is for in a service: *listen for requests, and listen for the signal to stop.* One race takes one order, so there is a loop
# round it. When the bell rings, no more guests are let in, and whatever was ordered by then is cooked. **No order may be lost.**
#
# Guests order at minutes 2, 4, 6, and so on, until the bell rings. The waiter takes the slip from the rail and needs one minute to write the card.
# Two waiters apply:
#
# - **hasty** races the bell against *taking and writing*.
# - **quick** races the bell against *taking* alone, and writes when the race is over.


# %%
async def take_and_write(rail):
    slip = await rail.get()
    await asyncio.sleep(1)  # write the card
    return slip


async def hasty(rail, closing, cards):
    while (won := await select(bell=closing, order=take_and_write(rail))).name == "order":
        cards.append(won.value)


async def quick(rail, closing, cards):
    while (won := await select(bell=closing, order=rail.get())).name == "order":
        await asyncio.sleep(1)  # write the card
        cards.append(won.value)


# %% [markdown]
# An evening: guests come, and then the bell rings. Afterwards somebody writes a card for every slip that still hangs on the rail, and compares what
# came with what was written.


# %%
async def guests(rail, came, rings_at):
    while minute() + 2 <= rings_at:
        await asyncio.sleep(2)
        came.append(len(came) + 1)
        rail.put_nowait(came[-1])
    await asyncio.sleep(rings_at - minute())


async def evening(waiter, rings_at):
    rail, came, cards = asyncio.Queue(), [], []
    bell = asyncio.create_task(guests(rail, came, rings_at), name="bell")  # done: it rings
    await waiter(rail, bell, cards)
    while not rail.empty():
        cards.append(rail.get_nowait())
    return [number for number in came if number not in cards]


# %%
async def try_out(waiter):
    lost = {}
    for rings_at in (5.5, 6, 6.5):
        lost[rings_at] = (await record(evening(waiter, rings_at), unit="minutes")).result
        print(f"{waiter.__name__:6} bell at minute {rings_at}: lost {lost[rings_at] or 'nothing'}")
    return [f"{rings_at}" for rings_at, orders in lost.items() if orders]


# %%
loses = predict(
    "The bell rings at minute 5.5, or at 6 (right behind order 3), or at 6.5. When, if ever, does `hasty` lose an order?",
    {
        "never": "Whoever is cancelled with a slip in hand takes it along.",
        "6": "At 6.5 order 3 is off the rail, and its card is half written.",
        "6.5": "At 6 its runner has taken order 3 off the rail, in the same turn, before the bell is heard.",
        "6 and 6.5": "",
    },
    why="The runner that is cancelled has the slip: it is on no rail and on no card.",
)
loses

# %%
loses.answer(" and ".join(await try_out(hasty)) or "never")

# %%
loses_quick = predict(
    "And `quick`, which has no await between taking the slip and winning the race?",
    {
        "never": "At 6 the bell and order 3 come in the same turn, and the bell wins.",
        "6": "",
        "6.5": "It writes in its own time, after the race: no bell can cancel that.",
        "6 and 6.5": "At 6.5 it writes, and that is no longer part of a race.",
    },
    why="At minute 6 both have ended when the race looks, and a race has one winner.",
)
loses_quick

# %%
loses_quick.answer(" and ".join(await try_out(quick)) or "never")

# %% [markdown] tags=["notes"]
# **Break it.** In `quick`, change `bell=closing, order=rail.get()` to
# `order=rail.get(), bell=closing`: it prints `quick  bell at minute 6: lost nothing`. In a tie the
# first that is written wins, so the order of two words decides whether a guest eats. Then ask for
# the price: on a rail that is never empty, the bell is never heard (section 10).

# %%
timeline(await record(evening(hasty, 6.5), unit="minutes"), title="hasty, and a bell at 6.5")

# %% [markdown]
# *hasty* lost order 3, twice. Its runner had taken the slip off the rail and stood at the next await, pen in hand, when the bell won. (In the picture
# `order 3` takes the slip at its tick of minute 6, and is cancelled half a minute later. The two last ticks of `evening` are both of minute 6.5, and
# come after the bell: ticks of one moment stand side by side.)
#
# *quick* lost it in a **tie**. The bell and the slip came in the same turn, both runners had ended, and the bell, which is written first, won. The
# slip is in `won.also`, where `select` puts what others brought by then, and this waiter does not look. In Tokio *quick* loses nothing: the race asks
# its racers one after another and stops at the first that is ready, and a queue's `recv` (asyncio's `get`) takes a slip only when it is asked and has
# one. *hasty* loses order 3 there too, at 6.5:
# a dropped future takes along what it holds.
#
# The third waiter is the mend. Its task is made outside of the race, so it is not cancelled when it loses.


# %%
CLOSED = "closed"  # the last slip on the rail


async def take_all(rail, cards):
    while (slip := await rail.get()) is not CLOSED:
        await asyncio.sleep(1)  # write the card
        cards.append(slip)


async def keeper(rail, closing, cards):
    writing = asyncio.create_task(take_all(rail, cards), name="writing")
    await select(bell=closing, writing=writing)
    rail.put_nowait(CLOSED)  # behind all the others
    await writing


lost = await try_out(keeper)

# %% [markdown] tags=["notes"]
# **Break it.** Delete `await writing`: it prints `keeper bell at minute 6.5: lost [3]`. Then
# delete `rail.put_nowait(CLOSED)`: it prints `Deadlock`, for nobody tells the task that it may go
# home. Three lines, and each of them is needed. Whoever can say why has understood the section.

# %%
trace = await record(evening(keeper, 6.5), unit="minutes")
timeline(trace, title="keeper: the bell rings at 6.5, and order 3 is written to the end")

# %% [markdown]
# *keeper* loses nothing. There is no moment at which the bell could take a slip from anybody: it only tells `keeper` to hang a last slip behind all
# the others, and the task works until that one comes. (From Python 3.13 on a queue can be closed without such a slip: section 14.) In Tokio *quick*
# is the usual way, with the work in the code behind `=>` (section 9), where no other racer can cancel it.

# %% [markdown]
# ## 7. The answer
#
# What happens to the loser? **In asyncio nothing, until you cancel it and await its end. In Tokio a future that loses is dropped on the spot, and a
# task that loses runs on.**
#
# | | Tokio | asyncio |
# |---|---|---|
# | what a racer is | a future, asked within the one task of the race | a task of its own |
# | what happens to the loser | dropped, before the winner's code runs | nothing, until you cancel *and await* it |
# | what of its code runs then | destructors, which cannot await | `except` and `finally`, which may take time, fail or refuse |
# | loser of a race between handles | runs on, until `abort()` | runs on, until `cancel()` |
# | a tie | one is taken; the other was not asked | both have ended |
# | no order given | a random first racer, then in the order written | a set, in no order |

# %% [markdown]
# ## 8. The lab
#
# The lab asks two to five places, in milliseconds. Choose how long each of them takes, how often they fail, and what `main` does with the losers. Say
# first what becomes of the slowest; then run it, and look at who is still running when `main` goes on.
#
# Find a setting in which somebody else wins than the one with the shortest delay. Then make `main` return before all have ended, in two different
# ways.

# %% [markdown] tags=["notes"]
# **Check.** Pairs, five minutes. The two ways to go on before all have ended: do not cancel the
# losers, or cancel and do not await them. Who finds only the first should look at the lane of a
# loser after the finish: is there a tail? To the tail belongs a bicycle.

# %%
# NBVAL_IGNORE_OUTPUT
lab("first_wins")

# %% [markdown]
# ## 9. The same job in Rust
#
# The race for the basil, then the loop with the closing bell. (`tokio = { version = "1", features = ["full"] }` in Cargo.toml.)
#
# ```rust
# use std::pin::pin;
# use std::time::Duration;
# use tokio::sync::mpsc;
# use tokio::time::sleep;
#
# async fn run_to(place: &'static str, minutes: u64) -> &'static str {
#     sleep(Duration::from_secs(minutes)).await;
#     place
# }
#
# #[tokio::main(flavor = "current_thread")]
# async fn main() {
#     let basil = tokio::select! {
#         place = run_to("market", 5) => place,
#         place = run_to("pantry", 2) => place,
#     };
#     println!("basil from the {basil}");
#
#     let (rail, mut slips) = mpsc::channel(8);
#     tokio::spawn(async move {
#         for number in 1..10 {
#             sleep(Duration::from_secs(2)).await;
#             if rail.send(number).await.is_err() {
#                 break; // the door is shut
#             }
#         }
#     });
#     let mut bell = pin!(sleep(Duration::from_secs(7))); // outside: a round that it loses keeps it
#     loop {
#         tokio::select! {
#             biased;
#             () = &mut bell => break,
#             Some(number) = slips.recv() => println!("order {number}"),
#         }
#     }
#     slips.close();
#     while let Some(number) = slips.recv().await {
#         println!("last order {number}");
#     }
# }
# ```
#
# It prints `basil from the pantry`, then orders 1 to 3. Each line with `=>` is an **arm** of the race: a pattern, the future, and what is done if it
# wins. In a service the bell is `tokio::signal::ctrl_c()` (or `tokio::signal::unix` for SIGTERM); in Python it is an `asyncio.Event` that
# `loop.add_signal_handler(signal.SIGTERM, event.set)` sets (not on Windows, and not inside `record`). Here is a race that was recorded on Tokio, between `database`, which needs 0.2 s, and
# `cache`, which needs 0.1 s:

# %%
tokio = load_recording("select", clock="virtual")
for name in ("cache", "database"):
    print(f"Tokio: {name} {tokio.task(name).outcome} at {tokio.task(name).end:g} s")

# %% [markdown]
# And the same in Python:


# %%
async def ask_both():
    won = await select(  # tokio::select! { biased;
        database=asyncio.sleep(0.2),  # () = branch("database", sleep(ms(200))) => ...,
        cache=asyncio.sleep(0.1),  # () = branch("cache", sleep(ms(100))) => ... }
    )
    return won.name


# %%
predict(
    "Tokio polls main twice: at the start, and when `cache` is ready. How often does asyncio?",
    measure=lambda trace: trace.task("ask_both").polls,
    why="Main is woken by the winner, cancels the loser, and has to wait until that one has ended.",
)

# %%
compare(await record(ask_both()), tokio)

# %% [markdown]
# In both, `cache` wins at 0.1 s and `database` is cancelled then. In Tokio the two are no tasks: their lanes are there because the recorder wrapped
# the futures that `main` polls within its own steps. When `cache` is ready, `database` is dropped in the same step. In Python both are tasks. (Both
# ticks of main at 0.1 s stand side by side in the picture: no time lies between them. With a `finally` that takes time there would.)

# %% [markdown]
# ## Where the metaphor breaks
#
# - Runners run at the same time. On one chef, runners take turns; they only *wait* at the same time. Two runners with their hands full do not race,
#   they queue.
# - "First" is not first on the clock. It is first when the race next gets its turn to look, and by then a second one may be done too.
# - A dropped future in Rust is not a runner called home. It is one who is gone in mid-street, at the last await; what the runner held is back in its
#   place, and no more.
#
# ## Try it
#
# 1. Make a tie out of no tie. Race <code>asyncio.sleep(5, "basil from the market")</code> against <code>pantry()</code>, which takes two minutes, and
#    let a third task hold the chef with <code>busy(6)</code> from minute 1 on. Who wins, and what is in <code>also</code>?
#    <details><summary>What to look for</summary>Both sleeps are over when the chef is free at minute 7, and both tasks end before the race looks. The
#    one that you wrote first wins, and the other one's basil is in <code>also</code>. (<code>from helpers import busy</code>, and start the third
#    task before the race.)</details>
# 2. Mend <em>quick</em> in one line, without a task that is kept.
#    <details><summary>What to look for</summary>After the loop: <code>cards.extend(won.also.values())</code>. If the bell won in a tie, the slip is
#    there.</details>
# 3. Put <code>async with asyncio.timeout(3)</code> round the race of section 3, with the market that rides home: once round your <code>race</code>,
#    once round <code>select</code>. When does the alarm come through, and how does the bicycle come home?
#    <details><summary>What to look for</summary>Your <code>race</code>: at minute 3. The alarm cancels the <code>gather</code> in it, and that
#    cancels the runner a second time, in the middle of the ride home, which ends there. <code>select</code>: at minute 4. It lets the runner ride
#    home and the alarm through afterwards.</details>
#
# ## What to take away
#
# - `asyncio.wait` ends the waiting, not the loser. A race is over when the losers were cancelled *and awaited*.
# - A race that makes its runners must also take them along when it is cancelled itself. A task that others made runs on.
# - Make outside of the race what must not be lost in it: a task that loses a race runs on.
#
# A database and a cache race in a service with real sockets, too: [08 · How do all of them work together in a service that takes real
# requests?](08_real_kitchen.ipynb)
#
# **Beside the keyboard:** [what to write, and the trap](beside_the_keyboard.md)
#
# **Next:** [06 · How far does it go: 1000, 10,000, 100,000?](06_showdown.ipynb)

# %% [markdown]
# ## Exercises
#
# Races in a web service, in seconds. `hint("05.searches")` helps, and `solution("05.searches")` shows one answer.

# %% [markdown] tags=["notes"]
# **Time.** `05.left_out` in class, ten minutes. The usual wrong answer awaits the losers, and
# forgets that it can be cancelled itself; `check` says who was left running. The word to drop if
# they are stuck: `finally`. `05.searches` is good on paper, and `05.bell` for who is early.

# %%
import asyncio

from helpers import check, hint, progress, select, solution

# %% [markdown]
# ### Predict: eight questions on four searches
#
# Read the program; do not run it. For each race: who wins, `"near"`, `"far"` or `"nobody"`, and after how many seconds does the race return?


# %%
async def server(seconds, clean_up):
    try:
        await asyncio.sleep(seconds)
    finally:
        await asyncio.sleep(clean_up)  # give the connection back


async def search(near, far, patience=60):
    try:
        async with asyncio.timeout(patience):
            won = await select(near=near, far=far)
            return won.name
    except TimeoutError:
        return "nobody"


# %%
async def searches():
    async with asyncio.TaskGroup() as group:
        group.create_task(search(server(2, 4), server(5, 0.5)), name="race_1")
        group.create_task(search(server(3, 1), server(6, 5)), name="race_2")
        group.create_task(search(server(3, 1), server(4, 3), patience=2), name="race_3")
        shared = group.create_task(server(6, 5), name="shared")
        group.create_task(search(server(3, 1), shared), name="race_4")


# %%
won = {"race_1": (..., ...), "race_2": (..., ...), "race_3": (..., ...), "race_4": (..., ...)}

# %% tags=["solution"]
won = {
    "race_1": ("far", 5.5),
    "race_2": ("near", 9),
    "race_3": ("nobody", 5),
    "race_4": ("near", 4),
}

# %%
check("05.searches", (searches, won))

# %% [markdown]
# ### Mend: the losers that stay out
#
# `first_answer` asks several servers at once; each of `asks` is a function, and `await ask()` brings an answer or raises. What the first to end brings is
# returned, or raised. A server that is cancelled needs some time to give its connection back, and once a week there is none left. Mend it: when
# `first_answer` ends, with an answer, an exception, or because a client hung up and it was cancelled itself, every server is done, clean-up and all, and they
# clean up at the same time.


# %%
async def first_answer(asks):
    tasks = [asyncio.create_task(ask()) for ask in asks]
    done, losers = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for loser in losers:
        loser.cancel()
    return done.pop().result()


# %% tags=["solution"]
async def first_answer(asks):
    tasks = [asyncio.create_task(ask()) for ask in asks]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


# %%
check("05.left_out", first_answer)

# %% [markdown]
# ### Write: the first price
#
# `await cache()` and `await database()` bring a price, or raise `LookupError`; when cancelled they need some time to clean up. Ask both at once. Return the
# first price that comes, or `"no price"` as soon as both have failed, or if none has come after `seconds`. When `look_up` returns, both are done, clean-up
# and all.


# %%
async def look_up(cache, database, seconds):
    """The price of whoever is first to have one."""
    # solution
    try:
        async with asyncio.timeout(seconds):
            won = await select(cache=cache(), database=database(), first_success=True)
            return won.value
    except (TimeoutError, ExceptionGroup):
        return "no price"


# %%
check("05.look_up", look_up)

# %% [markdown]
# ### Mend: the last orders
#
# `work` takes orders from `queue`, an `asyncio.Queue`, and cooks them one at a time with `await cook(order)`, until `bell`, an `asyncio.Event`, is
# set. After that no order comes. Now and then one that came before the bell is never cooked. Mend it: whatever was put into the queue before the bell
# is cooked, once, in its order, to the end; and `work` returns as soon as the bell has rung and nothing is left to do.


# %%
async def work(queue, bell, cook):
    while not bell.is_set():
        order = asyncio.create_task(queue.get())
        closing = asyncio.create_task(bell.wait())
        await asyncio.wait([order, closing], return_when=asyncio.FIRST_COMPLETED)
        if closing.done():
            order.cancel()
            break
        closing.cancel()
        await cook(order.result())


# %% tags=["solution"]
async def work(queue, bell, cook):
    async def take_and_cook():
        while (order := await queue.get()) is not None:
            await cook(order)

    cooking = asyncio.create_task(take_and_cook())
    await bell.wait()
    queue.put_nowait(None)  # behind all the others
    await cooking


# %%
check("05.bell", work)

# %% tags=["differs-again"]
progress("05")

# %% [markdown]
# ## Deeper
#
# Ties and who is asked first, runners that fail, what may be cancelled without loss, an orderly stop in Tokio and in Python 3.13, a race against bad
# luck, and losers that are tasks on real Tokio. It can be left out.

# %% [markdown] tags=["notes"]
# **Cut.** On a day take sections 1 to 5 and 8; section 6 takes ten minutes alone and is for people
# who write services, who should get it whole. In a term take 10 and 11 as well. Tokio people will
# ask for cancel safety: section 12, and for the graceful stop: section 13.

# %% [markdown]
# ## 10. A tie, and who is asked first
#
# Left and right take one minute each. At minute 1 both are done.


# %%
async def tie(**rule):
    return await select(left=asyncio.sleep(1, "L"), right=asyncio.sleep(1, "R"), **rule)


async def main():
    both = {asyncio.create_task(asyncio.sleep(1, side)) for side in "LR"}
    done, pending = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    dice = random.Random(1)
    biased = Counter([(await tie()).name for _ in range(1000)])
    fair = Counter([(await tie(biased=False, rng=dice)).name for _ in range(1000)])
    return len(done), len(pending), dict(biased), dict(sorted(fair.items())), await tie()


done, pending, biased, fair, winner = (await record(main(), unit="minutes")).result
print(f"asyncio.wait: {done} done, {pending} pending")
print(f"1000 times select: {biased}\n1000 times select(biased=False): {fair}")
print(winner, winner.also, sep="\n")

# %% [markdown]
# `asyncio.wait` gives *both* as done. It has no winner; it has a set, and a set has no order. Your `race` took whichever came out of `done.pop()`,
# which is nothing that anybody promised.
#
# `select` takes the first in the order in which you wrote them. That is what Tokio calls `biased;`. Without that word Tokio begins at a random arm
# and goes on in the order written. With two arms that is half and half, as `select(biased=False)` does here. With three it need not be: of arms that
# are ready, never ready, ready, the third won 5989 of 9000 races on Tokio 1.53, since it also wins where the second was asked first.
#
# Why should anybody want chance? Here 100 slips hang on the rail already when the bell rings.


# %%
async def busy_evening(bell_first, **rule):
    rail = asyncio.Queue()
    for slip in range(100):
        rail.put_nowait(slip)
    closing = asyncio.create_task(asyncio.sleep(0), name="bell")
    taken = 0
    while not rail.empty():
        racers = [("bell", closing), ("order", rail.get())]
        won = await select(dict(racers if bell_first else reversed(racers)), **rule)
        if won.name == "bell":
            break
        taken += 1
    return taken


# %%
predict(
    "How many slips does the waiter take before hearing the bell, if the `order` is written first?",
    measure=lambda trace: trace.result,
    why="Whenever both are ready, the first that is written wins; and an order is always ready.",
)

# %%
print("order first:", (await record(busy_evening(False))).result)
print("bell first: ", (await record(busy_evening(True))).result)
dice = random.Random(3)
tries = [(await record(busy_evening(True, biased=False, rng=dice))).result for _ in range(100)]
print("by dice:    ", sum(tries) / len(tries), "on average, never more than", max(tries))

# %% [markdown]
# With the order first, the bell is heard when the rail is empty; on a busy evening that is never. This is **starvation**, and it is what Tokio's
# random choice protects from. If you choose the order yourself (`biased;`), put first what is rare and must be heard.

# %% [markdown]
# ## 11. When a runner fails
#
# The database knows every recipe and takes five minutes. The cache takes one minute, and today its answer is "not here": it raises a `KeyError`.


# %%
async def cache():
    await asyncio.sleep(1)
    raise KeyError("pesto is not in the cache")


async def database():
    await asyncio.sleep(5)
    return "pesto, from the database"


async def lookup(**rule):
    try:
        winner = await select(cache=cache(), database=database(), **rule)
        return f"minute {minute():g}: {winner.value!r}, loser: {winner.losers['cache']}"
    except KeyError as error:
        return f"minute {minute():g}: KeyError {error}"


# %%
predict(
    "What does `select(cache=..., database=...)` give, and when?",
    {
        "the KeyError, at minute 1": "",
        "pesto, at minute 5": "That is the first success; a race takes the first to finish.",
        "the KeyError, at minute 5": "The race is over when the first has finished.",
    },
    measure=lambda trace: (
        ("the KeyError" if "KeyError" in trace.result else "pesto")
        + f", at minute {trace.duration:g}"
    ),
    why="First to finish, with a failure, is first.",
)

# %%
print((await record(lookup(), unit="minutes")).result)
success = await record(lookup(first_success=True), unit="minutes")
print("with first_success=True:", success.result)

# %%
timeline(success, title="The cache drops out, the database wins at minute 5")

# %% [markdown]
# The database was sent home with the answer four minutes away. The same is true of `select!` in Tokio: an arm that gives `Err` has finished, and has
# won.
#
# What you want of a cache is the first *success*: a runner that fails drops out, and the others run on. In Tokio you write that as a pattern:
# `Ok(recipe) = cache() => ...` does not match an `Err`, and that arm is then switched off while the others go on. What is left to settle: nobody
# succeeds.


# %%
async def empty_database():
    await asyncio.sleep(5)
    raise LookupError("no such recipe")


async def main():
    try:
        return await select(cache=cache(), database=empty_database(), first_success=True)
    except ExceptionGroup as group:
        return [f"minute {minute():g}: {group.message}", *map(repr, group.exceptions)]


print(*(await record(main(), unit="minutes")).result, sep="\n")

# %% [markdown]
# Then there is no winner, and you get all the reasons at once, in the order of the runners. (In `select!` it is the `else` arm; where there is none,
# it panics.)
#
# One more case. The race is won; the loser is told to turn round, and falls off the bicycle.


# %%
async def clumsy_market():
    try:
        await asyncio.sleep(5)
    finally:
        await asyncio.sleep(1)
        raise RuntimeError("fell off the bicycle")


async def main():
    return await select(market=clumsy_market(), pantry=pantry())


trace = await record(main(), unit="minutes")
print(trace.result.value)
print(trace.result.losers["market"])
print("findings:", trace.findings)

# %% [markdown]
# The winner's basil gets through. The accident is not silent either: it stands in `winner.losers`. In your own `race` it was `gather(...,
# return_exceptions=True)` that caught it, and threw it away.

# %% [markdown]
# ## 12. What may be cancelled without loss
#
# Tokio calls an operation **cancel safe** if dropping its future *and making it again* changes nothing. `hasty` was not: between taking a slip and
# handing it over there was an await. Two things can be lost, what was taken and a place in a queue.
#
# | | Tokio | asyncio |
# |---|---|---|
# | safe | `recv` of a channel, `accept`, `read`, `write`, `sleep` kept outside of the loop | `Queue.get`, `Queue.put`, `Event.wait`, the reads of a `StreamReader` but for `read()` to the end |
# | loses what it has taken or sent so far | `read_exact`, `read_to_end`, `read_line`, `write_all` | `StreamReader.read()` to the end; whatever has an await between taking and handing over |
# | loses its place in the queue | `Mutex::lock`, `RwLock::read`, `Semaphore::acquire`, `Notify::notified`, `mpsc::Sender::send` (and the value) | `Lock.acquire`, `Semaphore.acquire`, `Queue.get`, `Queue.put` |
#
# asyncio's `readexactly` can be cancelled where Tokio's `read_exact` cannot, because the reader keeps the bytes until there are enough:


# %%
async def main():
    reader = asyncio.StreamReader()
    reader.feed_data(b"half")
    try:
        async with asyncio.timeout(1):
            await reader.readexactly(8)
    except TimeoutError:
        reader.feed_data(b" and half")
        return await reader.readexactly(8)


print((await record(main())).result)

# %% [markdown]
# ## 13. An orderly stop in Tokio
#
# A dropped future cannot await. So in Tokio, too, a runner who needs time for the ride home is *asked* instead of dropped: with a
# **`CancellationToken`**, which each task listens to, and a **`TaskTracker`**, which knows who is still out. Both are in the crate `tokio-util`
# (`tokio-util = { version = "0.7", features = ["rt"] }`), and together they are the usual graceful shutdown.
#
# ```rust
# use std::time::Duration;
# use tokio::time::sleep;
# use tokio_util::sync::CancellationToken;
# use tokio_util::task::TaskTracker;
#
# async fn to_the_market(stop: CancellationToken) {
#     tokio::select! {
#         () = sleep(Duration::from_secs(5)) => println!("basil"),
#         () = stop.cancelled() => {
#             sleep(Duration::from_secs(2)).await; // the ride home: this future is not dropped
#             println!("home");
#         }
#     }
# }
#
# #[tokio::main(flavor = "current_thread")]
# async fn main() {
#     let (runners, stop) = (TaskTracker::new(), CancellationToken::new());
#     runners.spawn(to_the_market(stop.clone()));
#     sleep(Duration::from_secs(1)).await; // in a service: tokio::signal::ctrl_c().await
#     stop.cancel();
#     runners.close(); // no more will come
#     let home = runners.wait(); // until all are home
#     println!("in time: {}", tokio::time::timeout(Duration::from_secs(10), home).await.is_ok());
# }
# ```
#
# It prints `home` after three seconds, and `in time: true`. In Python the token is an `asyncio.Event`, the tracker a `TaskGroup`, and the ride home
# may as well stand in `except CancelledError`. (Tokio has a second way, for clean-up that nobody waits for: a destructor that spawns a task.)
#
# A future that outlives the rounds of a loop is `pin!`ned before the loop and asked as `&mut writing`, as the bell was. If it is made anew when it
# has won, it must not *borrow* the receiver but own it, and give it back with its result. Asked again after its end, an `async fn`'s future panics, and so
# does a `JoinHandle` (a `Sleep`, as the bell, is just ready again).

# %% [markdown]
# ## 14. A queue that can be shut
#
# From Python 3.13 on the last slip of `keeper` is not needed. `rail.shutdown()` lets no new slips in, and `get()` raises `asyncio.QueueShutDown` as
# soon as the rail is empty:
#
# ```python
# async def take_all(rail, cards):
#     try:
#         while True:
#             slip = await rail.get()
#             await asyncio.sleep(1)  # write the card
#             cards.append(slip)
#     except asyncio.QueueShutDown:
#         pass  # shut, and empty
#
#
# async def keeper(rail, closing, cards):
#     writing = asyncio.create_task(take_all(rail, cards), name="writing")
#     await select(bell=closing, writing=writing)
#     rail.shutdown()
#     await writing
# ```
#
# It loses as little as `keeper` does, and it works with any number of takers, who each would need a last slip of their own.
# `shutdown(immediate=True)` throws away what still hangs there. In Tokio it is `slips.close()` for the one who takes, or the end of the last
# `Sender`.

# %% [markdown]
# ## 15. A second copy
#
# A race can also be run against your own bad luck. Most answers come within three minutes, but one in twenty takes twenty. A **hedged request** sends
# the question once, and a *second copy* to somebody else if there is no answer after three minutes. The first answer wins. Here are 1000 guests, each
# with their own luck for both copies.


# %%
async def ask(minutes, sent, after=0):
    await asyncio.sleep(after)
    sent.append(minutes)
    await asyncio.sleep(minutes)


# %%
async def crowd(after):
    luck = random.Random(2)
    sent, took = [], []

    def minutes():
        return 20 if luck.random() < 0.05 else round(1 + 1.9 * luck.random(), 1)

    async def one(first, second):
        copies = {"first": ask(first, sent)}
        if after is not None:
            copies["second"] = ask(second, sent, after)
        await select(copies)
        took.append(minute())

    await asyncio.gather(*(one(minutes(), minutes()) for _ in range(1000)))
    return took[499], took[989], len(sent)


# %%
for after in (None, 3, 0):
    median, slow, sent = (await record(crowd(after), unit="minutes")).result
    print(f"second copy after {after}: median {median:g}, 990th {slow:g}, questions sent {sent}")

# %% [markdown]
# The guest in the middle (the median) notices nothing. The 990th of 1000 waits for less than six minutes in place of twenty, for about one question
# in twenty more. To send both copies at once gains little more and asks twice as much. So the right delay is about what an answer usually takes.
#
# Two conditions. The losers must really be cancelled: else the second copies pile up on a kitchen that is slow already. And the question must be one
# that may be asked twice: the price of basil, and not "bring me a crate".

# %% [markdown]
# ## 16. Losers that are tasks, on real Tokio
#
# In this recorded program `database` loses and is awaited afterwards; `market` loses and is aborted.


# %%
async def ask_tasks():
    def spawn(name, seconds):
        return asyncio.create_task(asyncio.sleep(seconds), name=name)

    database = spawn("database", 0.3)
    await select(database=database, cache=spawn("cache", 0.1))  # select! { biased; &mut database
    await database
    market = spawn("market", 0.3)
    await select(market=market, pantry=spawn("pantry", 0.1))
    market.cancel()  # market.abort();
    await asyncio.wait([market])


compare(await record(ask_tasks()), load_recording("select_handles", clock="virtual"))

# %% [markdown]
# Both end alike. `database` lost at 0.1 s and runs on to 0.3 s; `market` is over when it is told to stop, at 0.4 s, and not when it loses. What
# differs is the way in which it stops. Tokio drops `market` where it waits. asyncio polls it once more, with the exception in it, so that its
# `finally` can run.

# %% [markdown]
# ### The words of both
#
# | Rust with Tokio | Python | |
# |---|---|---|
# | `tokio::select! { a = f() => ..., b = g() => ... }` | `won = await select(a=f(), b=g())` | a race between recipes |
# | the pattern and the code behind `=>` | `won.name`, `won.value` | what the winner brought |
# | no word | `biased=False` | in a tie, one at random (in Tokio: the first that is ready from a random arm on) |
# | `biased;` | `biased=True`, the default | in a tie, the first that is written |
# | `Ok(x) = f() => ...` | `first_success=True` | a failure drops out |
# | `x = f(), if open => ...` | leave the racer out | an arm with a condition |
# | `else => ...` | `except ExceptionGroup` | nobody succeeded |
# | `pin!(bell)` and `&mut bell` | a task made before the loop | it outlives the round that it loses |
# | `slips.recv()` | `rail.get()` | take one, or wait |
# | `slips.close()`, then `recv()` until `None` | a last slip, or `rail.shutdown()` | drain |
