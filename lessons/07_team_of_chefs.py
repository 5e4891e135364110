# ---
# jupyter:
#   kernelspec: {display_name: Python 3 (ipykernel), language: python, name: python3}
#   lesson:
#     number: "07"
#     name: team_of_chefs
#     question: "What does a runtime with several workers do that asyncio does not?"
#     article: "a small team of elite chefs"
# ---

# %% [markdown]
# # 07 · What does a runtime with several workers do that asyncio does not?
#
# So far there was one chef. A bigger kitchen has a small team, and the same cards. Now somebody has to decide who takes which card. Is there one rail
# for all? May a dish that one chef has begun be finished by another? And if one of them stands and stares at a pot, is that still anybody's loss?
#
# Tokio's **multi-thread runtime** is such a team: each **worker** is a thread, and there are as many as the machine has cores, unless you say
# otherwise (`worker_threads`). asyncio has no word for it, since a loop has one thread.
#
# **You will**
# - see on recordings of real Tokio where cards lie, who takes them, and one chef stealing from another;
# - see what one chef who stares does to a team;
# - build a team out of asyncio loops, and learn what it lacks.
#
# If you write Python alone, sections 1, 3 and 5 are the ones for you. **The clock.** The recordings were made once, by Tokio 1.53 on the real clock
# of a machine with two cores; they are files, so their pictures are the same each time. Where Python itself runs in several threads, the clock is
# real, and the text states relations.

# %%
import asyncio
import contextlib
import itertools
import math
import threading
import time

from helpers import busy, compare, lab, load_recording, predict, record, replay, timeline
from helpers.model import simulate
from helpers.trace import longest_silence, moved, stolen


def on_tokio(name, workers):
    if workers == 1:
        return load_recording(name, runtime="current_thread")
    return load_recording(name, runtime="multi_thread", workers=workers)


# %% [markdown]
# ## 1. Two chefs, three cards
#
# Three cards, `roast`, `soup` and `bread`. Each holds its chef for 200 ms (a blocking sleep), and there are two chefs.

# %%
took = predict(
    "Two chefs, three cards that each hold a chef for 200 ms. How many ms in all?",
    {
        "200": "That takes a chef for each card.",
        "300": "It would be 600 / 2 if a card could be cut in two; nothing cuts one that blocks.",
        "400": "",
        "600": "That is one chef.",
    },
    why="Two cards at once, and the third when a chef is free.",
)
took

# %%
three = on_tokio("blocking_sleep", 2)
took.answer(f"{round(three.duration, 1) * 1000:.0f}")
timeline(three, unit="milliseconds")

# %% [markdown] tags=["notes"]
# **Draw.** Two hands on the board, and three cards of 200 ms: lay them out together, 400. Then
# with three hands, with four. The formula comes from the class: cards over chefs, rounded up.
# Python people ask what it is for: it is what their `to_thread` pool does, and what four uvicorn
# processes do.

# %% [markdown]
# A **chef's lane**, above, says who was at which card; the lanes of the tasks, below, are those you know. `main` has a lane above too. It is the
# program's main thread, which is no worker and takes no cards. (That is why the article's first program can say that the main thread receives the
# result.)

# %%
waits = predict(
    "And three cards that sleep for 200 ms without blocking, with one, two and four chefs?",
    {
        "200, 200 and 200 ms": "",
        "600, 400 and 200 ms": "So it is with cards that block.",
        "600, 300 and 200 ms": "Ovens need no chef.",
    },
    why="Whoever waits lets go of the chef; for waiting, one chef is enough.",
)
waits

# %% [markdown] tags=["notes"]
# **They will say.** "600, 400, 200, as before." It is the last time today that somebody mixes up
# work and waiting, so let another learner answer, with one lane of lesson 00 on the board. A team
# is for work, not for waiting: have them write that sentence down.

# %%
for name in ("blocking_sleep", "async_sleep"):
    ms = [on_tokio(name, workers).duration * 1000 for workers in (1, 2, 4)]
    print(f"{name:15} with 1, 2 and 4 chefs: {', '.join(f'{each:.0f} ms' for each in ms)}")
waits.answer("{:.0f}, {:.0f} and {:.0f} ms".format(*(round(each, -1) for each in ms)))

# %% [markdown]
# Cards that block take *number of cards / number of chefs*, rounded up, times 200 ms. Cards that wait take 200 ms, with any number of chefs. **A team
# is for work, not for waiting.**

# %% [markdown]
# ## 2. Where does a card lie?
#
# To see where cards lie, a chef must write some. `sous_chef` is a card that writes eight more, `peel-1` to `peel-8` (10 ms of work each). It works on
# for 20 ms *without any await*, and then awaits them one after the other. There are two chefs. One of them is at `sous_chef`; the other one is idle.

# %%
meanwhile = predict(
    "What becomes of the eight cards in the 20 ms in which their writer works on?",
    {
        "nothing: the writer must let go first": "So it is with one chef; here there is another one.",
        "the other chef begins some of them": "",
        "the other chef begins all of them": "One takes 10 ms, so two begin in 20 ms.",
    },
    why="The other chef takes them from the board of the one who wrote them: a steal.",
)
meanwhile

# %% [markdown] tags=["notes"]
# **Ask.** Hands, and then one question more before the table: where would *you* put the cards if
# you built such a kitchen? One rail for all is what most propose. Ask what happens at that rail
# with 64 chefs. From there the three places of the table are nearly found by the class.

# %% [markdown]
# There are three places where a card can lie, and the article's "central scheduling system" is the first of them alone:
#
# | place | in Tokio | who puts cards there | who takes them |
# |---|---|---|---|
# | the rail by the door | **injection queue**, one for all | whoever is no worker: `main`, another thread; and a board that is full (256) | a chef with an empty board, several at once; now and then one with work of her own |
# | a chef's board | **local queue**, one for each worker | that chef | that chef, from the front; and thieves |
# | a chef's apron pocket | **LIFO slot** (last in, first out), one card for each worker | that chef, with the card she wrote or woke *last* | that chef, before what is on her board, but for three in a row at most |

# %% [markdown] tags=["notes"]
# **Draw.** Door, board, pocket: three boxes, and an arrow for each way in and out. Leave the arrow
# into another's pocket away, and wait until somebody misses it. Keep the drawing for section 3;
# the driver ("who sits at the bells") goes into the same picture as a chair by the wall.

# %%
out_of_reach = predict(
    "Is there a card that the other chef cannot reach in those 20 ms?",
    {
        "peel-1, the first": "It was written first, and lies where she looks first.",
        "peel-8, the last": "",
        "none: she may take any": "One place can be reached by its owner alone.",
    },
    why="The card that a chef wrote last is kept apart, in the apron pocket (the table above), and nobody reaches into another's pocket.",
)
out_of_reach

# %%
nested = on_tokio("nested", 2)
sous_chef = nested.task("sous_chef")
writing = sous_chef.steps[0]
peels = sorted(nested.children(sous_chef.id), key=lambda peel: peel.steps[0].start)
begun = stolen(nested, sous_chef)
some = "some" if 0 < len(begun) < len(peels) else "all"
meanwhile.answer(f"the other chef begins {some} of them")
own = next(peel.name for peel in peels if peel.steps[0].thread == writing.thread)
out_of_reach.answer({"peel-1": "peel-1, the first", "peel-8": "peel-8, the last"}[own])
timeline(nested, unit="milliseconds")

# %%
for peel in peels:
    step = peel.steps[0]
    who = "her" if step.thread == writing.thread else "the other chef"
    when = "meanwhile" if step.start < writing.end else "afterwards"
    print(f"{peel.name} was begun {when} by {who}, at {step.start * 1000:4.1f} ms")

# %% [markdown]
# (The mark "sous_chef has time" is where she lets go and begins to await.) When a card goes into the pocket and there is one already, the older one
# moves to the board. Why a pocket? The card that you have just woken waits for what you have just made, and it is still warm: in the processor's
# caches, that is. Why thieves? Nobody has to plan who does what. A thief takes **half of the board** in one go, begins with the last of them (`peel-4`
# of seven), and puts the rest on her own board. A card in a pocket has a price, too: section 10.
#
# The film has both chefs, their boards and pockets, and the door. (A recording tells who made a card ready and who took it up; a card that was stolen and lies still is shown on its old board.)

# %%
replay(nested)

# %% [markdown] tags=["notes"]
# **Demo.** Step to the moment at which the second chef has `peel-4`, and stop. Ask why she does
# not begin with `peel-1`: a thief takes half of the board in one go and begins with the last of
# them. Tell them that the order is of this recording and that nobody promises it; the pocket's
# card, `peel-8`, waits for its owner each time.

# %% [markdown]
# ## 3. One of four chefs stares
#
# Lesson 03 had one chef, and when she stared, everybody waited. Now there are four. `roast` comes from `main`, and holds its chef for 400 ms. Four
# pans want a turn every 50 ms, eight times. In one recording the roast stares from its first step on. In the other one it is as in your own work: it
# waits for something first, 73 ms, and stares *then*.
#
# All bells, of timers and of sockets alike, ring at one place: of the idle chefs *one* sits there and listens, and the others nap until somebody calls
# them.

# %%
held = predict(
    "Four chefs; `roast` stares from its first step on. How late is a pan at most?",
    {
        "not at all": "",
        "about 100 ms": "A stare is not shared out: it holds one chef, and the others are free.",
        "nearly 400 ms": "That is one chef.",
    },
    why="This roast came from outside, and such a card calls a second chef. She finds nothing, sits down where the bells ring, and hears the pans.",
)
held

# %%
stalled = predict(
    "Four chefs; `roast` waits for 73 ms and stares then. How late is a pan at most?",
    {
        "not at all": "Three chefs are idle, but none of them listens for bells.",
        "about 100 ms": "A stare is not shared out; and the three who are idle do not hear the bells.",
        "nearly 400 ms": "",
    },
    why="Only one idle chef listens for bells, and she is the one who took up the roast; a single bell makes her call nobody.",
)
stalled

# %% [markdown] tags=["notes"]
# **They will say.** "About 100 ms, the stare is shared by four", or "not at all, three are idle".
# Here Tokio people are wrong most often, and the room is awake. Do not defend the answer before
# the picture is there. Then go back to your drawing: who sat on the chair, and who called whom?


# %%
def latest(trace):
    """The longest time in ms for which a pan was ready and not taken up."""
    pans = [task for task in trace.tasks if task.name.startswith("pan")]
    return 1000 * max(step.start - step.ready for pan in pans for step in pan.steps)


late = {name: [latest(on_tokio(name, n)) for n in (1, 2, 4)] for name in ("held", "stall")}
for name, each in late.items():
    print(f"{name:5} with 1, 2 and 4 chefs: late by {', '.join(f'{ms:.0f} ms' for ms in each)}")
for asked, (*_, ms) in zip((held, stalled), late.values(), strict=True):
    asked.answer("nearly 400 ms" if ms > 300 else "not at all")

# %% [markdown] tags=["notes"]
# **Demo.** Point at the two rows: `held` with 4 chefs is not late, `stall` is, by more than 370
# ms, with 2 chefs as with 4. More workers are no cure. Ask what one does on Monday: look for
# blocking calls behind an `await`, and put them into `spawn_blocking`. A Python service has the
# same fault with one chef, only always.

# %%
stall = on_tokio("stall", 4)
timeline(stall, unit="milliseconds")

# %% [markdown]
# Look at the chefs' lanes. Three of four have nothing to do from the second millisecond on, while four cards are ready, for 373 ms. It is no accident
# of this run: with two chefs it is the same.
#
# This is how it comes about. The place where the bells ring is what Tokio calls the **driver**. When a bell rings, she who listens takes up the card
# it was for. If there are several, she calls another chef; for a single card she calls nobody. While she is at that card, *nobody listens*. As a rule
# this is over in microseconds. If the card stares, all bells ring unheard until she is done, with any number of chefs.
#
# In the first recording she who took the roast up had not been called by a bell. It came by the rail by the door (one queue for all cards from outside; section 2), and
# whoever finds a card there calls the next chef, who finds nothing, sits down by the driver, and hears the pans.
#
# | the card that blocks | the pans |
# |---|---|
# | comes from outside and blocks from its first step on, other chefs are free | on time |
# | has waited for a timer or a socket, and blocks then | may wait until it is done, though other chefs are free |
# | uses `spawn_blocking(...).await` | on time |
#
# A handler of requests that blocks has awaited something before, the request at least. So the second line is the usual case. **A team does not
# forgive blocking**; it makes the fault rarer, and harder to find. (Tokio knows the fault as "One bad task can halt all executor progress forever".
# Since 1.52 there is a cure that must be asked for: section 11.)

# %% [markdown]
# ## 4. Eight dishes, two chefs
#
# Eight dishes of 25 ms of work each, ordered by `main`. In one recording each dish is worked on in one go (`cpu`), in the other it yields after every
# millisecond (`cpu_yield`).

# %%
both = predict(
    "Which dishes are worked on by both chefs?",
    {
        "none": "A dish that yields is ready again, for whoever comes first.",
        "only dishes that yield": "",
        "all dishes, of both kinds": "Within a step a task stays with its chef.",
    },
    why="A task may change chefs at an await that lets go, and nowhere else.",
)
both

# %%
shared = {}
for name in ("cpu", "cpu_yield"):
    trace = on_tokio(name, 2)
    dishes = [task for task in trace.tasks if task.name.startswith("dish")]
    shared[name] = sum(dish in moved(trace) for dish in dishes)
    print(f"{name:9}: {shared[name]} of {len(dishes)} dishes were worked on by both chefs")
both.answer(list(both.options)[sum(map(bool, shared.values()))])

# %%
for dish in ("dish-2", "dish-8"):
    chefs = [step.thread.removeprefix("worker-") for step in trace.task(dish).steps]
    print(f"{dish}, piece by piece, by worker {' '.join(chefs)}")

# %% [markdown] tags=["notes"]
# **They will say.** "Then in Tokio I need locks everywhere." The compiler asks for `Send` and
# `'static`, and refuses what would break; Python asks for nothing, since nothing moves. Ask where
# in Python a task may change threads at an `await`: nowhere. It is the one advantage of having a
# single chef; write it down as such.

# %% [markdown]
# Within a step a task stays with its chef. At an `await` that lets go, whoever takes it up next may be another chef: it **migrates**. (How many do so
# differs from run to run.)
#
# In Rust this has a price that the compiler collects: what a spawned task takes in, keeps across an `await`, and returns has to be **`Send`**, fit to
# be used on another thread. An `Rc`, a counter of owners that is not made for several threads, is refused at compile time. Python has no such check, and needs none as
# long as a task never leaves its loop's thread.
#
# And **`'static`**: a card may outlive whoever wrote it, so it may borrow nothing from its writer. What it needs is moved in (`async move`), or
# shared by an `Arc`, an `Rc` made for several threads.

# %% [markdown]
# ## 5. Several loops in several threads
#
# An asyncio loop and its tasks belong to one thread. What one can do is open several kitchens: a loop in each of several threads.


# %%
@contextlib.contextmanager
def kitchens(how_many):
    """So many loops, each in a thread of its own."""
    loops = [asyncio.new_event_loop() for _ in range(how_many)]
    threads = [threading.Thread(target=loop.run_forever) for loop in loops]
    for thread in threads:
        thread.start()
    try:
        yield loops
    finally:
        for loop, thread in zip(loops, threads, strict=True):
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


# %%
async def stare():
    time.sleep(0.4)
    return time.perf_counter()


async def bake():
    await asyncio.sleep(0.05)
    return time.perf_counter()


dealt = {"roast": stare, "soup": bake, "bread": bake, "salad": bake}

# %% [markdown]
# `asyncio.run_coroutine_threadsafe` hangs a card from outside on a loop's rail: any thread may do so, and each kitchen has a rail of its own. The four cards are dealt out in
# turn, to two kitchens: `roast` to the first one, `soup` to the second, `bread` to the first, `salad` to the second. The roast stares for 400 ms;
# each of the others needs 50 ms in the oven.

# %%
late = predict(
    "Which of the three is done after the roast?",
    {
        "none": "The second kitchen is idle, but it cannot take what was dealt to the first.",
        "bread": "",
        "soup and salad": "They were dealt to the kitchen in which nobody stares.",
        "all three": "Each kitchen has a chef of its own.",
    },
    why="Whoever deals the cards decides once: nothing is stolen, and nothing migrates.",
)
late

# %%
with kitchens(2) as loops:
    sent = [
        asyncio.run_coroutine_threadsafe(dish(), loop)
        for dish, loop in zip(dealt.values(), itertools.cycle(loops), strict=False)
    ]
    done = await asyncio.gather(*map(asyncio.wrap_future, sent))
ended = dict(zip(dealt, done, strict=True))
after = [dish for dish in ("soup", "bread", "salad") if ended[dish] > ended["roast"]]
for dish in ("soup", "bread", "salad"):
    print(f"{dish} was done {'after' if dish in after else 'before'} the roast")
late.answer(" and ".join(after) or "none")

# %% [markdown] tags=["notes"]
# **Break it.** Change `kitchens(2)` to `kitchens(4)`: it prints `bread was done before the roast`.
# A kitchen each, and all is well, until one card more comes. Nothing was stolen and nothing
# shared; there was luck in the dealing. Ask who deals in their own service (a load balancer, round
# robin), and whether it knows who stares.

# %% [markdown]
# `bread` was dealt to the kitchen that stares, and the chef next door, who was idle for most of that time, cannot take it. Tokio's `bread` would have
# gone to the other chef. (`wrap_future` makes of what a thread gives back something that can be awaited here.)
#
# Several loops in threads help where chefs *wait* in C code or where one of them blocks. They knead no faster: with a GIL one thread at a time runs
# Python code. So the usual way is a *process* for each core, each with one loop: `uvicorn --workers 4` and `gunicorn` do so, and it is the operating
# system that deals out the connections.

# %% [markdown]
# ## 6. The answer
#
# **A runtime with several workers shares the cards out by itself: idle workers steal ready tasks from busy ones, and a task may go on in another
# thread after each await.** asyncio does neither. Its tasks stay in one thread, and who wants several threads deals the tasks out by hand, once.
#
# | | Tokio, multi-thread | asyncio |
# |---|---|---|
# | threads for tasks | one for each core, or as many as you say | one |
# | a spawned card starts | at once, if another chef is idle and can reach it | at the creator's next await that lets go |
# | where it lies | injection queue, local queue or LIFO slot | one ready queue |
# | order | nobody promises one; the pocket first, and boards are halved by thieves | as the loop put them into its queue |
# | at an `await` | the task may go on in another thread | it stays |
# | what that asks of you | `Send` across an `await`, locks round what tasks share | nothing between two awaits |
# | a blocking call | takes one chef, and what is in her pocket; and the bells of all, if it was she who listened | takes the only chef |
# | computing | as many cores as workers | one core, or processes |
#
# What is the same: tasks are cooperative, in a team as with one chef. Nobody takes a card out of a chef's hands.

# %% [markdown]
# ## 7. The lab
#
# A model of the team, exact and at once, with all its knobs: one to eight chefs, who writes the cards, how much work and how many awaits are in each,
# how many of them block while they wait, and whether chefs steal. It starts at the job of section 2, and *Real Tokio* shows that job there. Say
# first how long it takes; then run it.
#
# Find a setting in which stealing changes nothing. Then one in which eight chefs are no quicker than two.

# %%
# NBVAL_IGNORE_OUTPUT
lab("team_of_chefs")

# %% [markdown] tags=["notes"]
# **Check.** Pairs, five minutes. "Stealing changes nothing": one chef, or two chefs and five cards
# from main without an await. "Eight are no quicker than two": two cards; or eight that a card
# writes, with nobody who steals. Ask each pair for the least time that their setting could take:
# work over chefs.

# %% [markdown]
# One rule holds wherever the sliders stand: the work that holds chefs, divided by the number of chefs, is the least that it can take.


# %%
def spread(**job):
    trace = simulate(tasks=10, work=4, **job)
    held = sum(card.busy for card in trace.tasks)
    return held / trace.workers, trace.duration, held


names = ("chefs", "spawner", "stealing", "yields")
jobs = itertools.product(range(1, 9), ("main", "task"), (True, False), (0, 3))
bounds = [spread(**dict(zip(names, job, strict=True))) for job in jobs]
print("two chefs: at least {:g} s, took {:g} s, at most {:g} s".format(*bounds[8]))
within = sum(least <= took <= most for least, took, most in bounds)
print(f"{within} of {len(bounds)} jobs are within these bounds")

# %% [markdown] tags=["notes"]
# **Break it.** Change `tasks=10` to `tasks=1`: it prints
# `two chefs: at least 2 s, took 4 s, at most 4 s`. One card cannot be cut, so the bound is not
# reached, and the second chef is idle. All jobs stay within the bounds. It is the limit of every
# team, and of every `--workers`: one request is no quicker.

# %% [markdown]
# ## 8. The same job in Rust
#
# The job of section 2. This program runs as it stands, with `tokio = { version = "1", features = ["full"] }` in its Cargo.toml.
#
# ```rust
# use std::thread;
# use std::time::Duration;
#
# fn busy(ms: u64) {
#     thread::sleep(Duration::from_millis(ms)); // holds the chef, as hands-on work does
# }
#
# async fn peel(card: u32) -> String {
#     busy(10);
#     format!("peel {card} by {:?}", thread::current().id())
# }
#
# async fn sous_chef() {
#     let cards: Vec<_> = (1..=8).map(|n| tokio::spawn(peel(n))).collect();
#     busy(20); // eight cards lie on this chef's board meanwhile
#     for card in cards {
#         println!("{}", card.await.unwrap()); // here sous_chef may change chefs
#     }
# }
#
# #[tokio::main(flavor = "multi_thread", worker_threads = 2)]
# async fn main() {
#     tokio::spawn(sous_chef()).await.unwrap();
# }
# ```
#
# And the same in Python, on one chef:


# %%
async def peel():
    busy(0.01)


async def sous_chef_here():
    cards = [asyncio.create_task(peel(), name=f"peel-{n}") for n in range(1, 9)]
    busy(0.02)
    for card in cards:
        await card


async def kitchen():
    await asyncio.create_task(sous_chef_here(), name="sous_chef")


# %%
predict(
    "Which peel does asyncio's one chef begin first?",
    {
        "peel-1": "",
        "peel-4": "That is where a thief begins, and here is nobody to steal.",
        "peel-8": "A pocket is Tokio's; asyncio has one queue.",
    },
    measure=lambda trace: min(trace.tasks[2:], key=lambda task: task.steps[0].start).name,
    why="asyncio takes cards in the order in which they came into its queue.",
)

# %%
predict(
    "And how many ms does the whole take on one chef? (With two it took 52.)",
    measure=lambda trace: round(trace.duration * 1000),
    why="20 ms of `sous_chef` and eight times 10 ms: with one chef it is the sum of the work.",
)

# %%
alone = await record(kitchen())
compare(alone, nested, title="One chef and two chefs at the same job")

# %% [markdown]
# asyncio's one chef begins no peel before `sous_chef` has let go, and then takes them in order. The team begins some meanwhile, in an order that
# nobody promises, and is done in about half the time. Every card ends alike in both: the team changes *when* and *by whom*, and nothing else.

# %% [markdown]
# ## Where the metaphor breaks
#
# - Cooks who take each other's cards would have to talk. Workers do not: a steal is a few atomic operations on the victim's queue, and she does not
#   even notice.
# - A kitchen's team is as large as the payroll allows. More workers than cores do not make computing faster; they only take turns on the cores.
# - In a kitchen everybody hears a bell. In Tokio one worker does, and she may be the wrong one.
#
# ## Try it
#
# 1. `simulate(chefs=4, tasks=8, work=0.01, spawner="task")`: how many cards are stolen, and from whom? Read `trace.marks`.
#    <details><summary>What to look for</summary>Ten steals of seven cards: seven from worker-1, two from worker-2, one from worker-3. Thieves are
#    robbed as well: the first one takes four of seven and puts three on her board, and others take two of those.</details>
# 2. The model has the driver too. Section 3 is `simulate(chefs=4, tasks=5, work=0, yields=8, wait=0.05, blocking=1 / 5, blocks_after=0.073)`. Let the
#    roast wait for 75 ms in place of 73, then for 50 ms. How late are the others at most?
#    <details><summary>What to look for</summary>After 75 ms: by 375 ms, for the pans were due at 100 and the roast stares until 475. After 50 ms: not
#    at all. The roast's bell rings together with the pans' then, and for several cards she who listens calls another chef. It takes one bell alone to
#    lose the driver, and that is why such a fault comes and goes.</details>
# 3. In section 5, deal the cards so that no one is late. Which knowledge did you need for it, and does a real dealer have it?
#    <details><summary>What to look for</summary>All three bakes go to the second kitchen. You had to know beforehand which card would stare. A thief
#    needs to know nothing: she looks who has too much.</details>
#
# ## What to take away
#
# - A card lies on the rail by the door, on a chef's board or in her pocket; an idle chef takes from her own board, then from the rail, then half of
#   another's board.
# - One idle chef listens for all bells. A card that has waited and then blocks may take her away, and every timer and socket with her. Never block in
#   a task, in a team as with one chef.
# - A task stays with its chef between two awaits, and may change chefs at each one; that is what `Send` is about. asyncio has one chef by design.
#
# **Beside the keyboard:** [what to write, and the trap](beside_the_keyboard.md)
#
# **Next:** [08 · How do all of them work together in a service that takes real requests?](08_real_kitchen.ipynb)

# %% [markdown]
# ## Exercises
#
# As in lesson 02: `hint(...)` helps. The last three are code; two of them run in real threads, on the real clock (not in a browser).

# %% [markdown] tags=["notes"]
# **Time.** `07.scans` in class, ten minutes. Who mends it with an `await` in a loop gets the right
# total, and `check` says that it took too long; who adds a lock round the whole of `scan_one` has
# the same. The good answer shares nothing. `07.bills` is for those who use threads at work.

# %%
import asyncio
import threading

from helpers import busy, check, hint, load_recording, progress, solution, timeline
from helpers.model import simulate

# %% [markdown]
# ### Predict: four cards in five kitchens
#
# Five jobs for `simulate`, the model of section 7. `work` is the seconds of hands of each card, which `yields` cuts into `yields + 1` equal pieces, with
# `wait` seconds between them (0 where it is not said); whoever is free takes a card up that has yielded. With `spawner="task"`, one card writes the others, works for twice as long as one of them, and awaits them. How many
# seconds does each job take?

# %%
JOBS = {
    "a": {"chefs": 3, "tasks": 4, "work": 6},
    "b": {"chefs": 3, "tasks": 4, "work": 6, "yields": 2},
    "c": {"chefs": 3, "tasks": 4, "work": 3, "spawner": "task", "stealing": False},
    "d": {"chefs": 3, "tasks": 4, "work": 3, "spawner": "task"},
    "e": {"chefs": 1, "tasks": 4, "work": 0, "yields": 1, "wait": 6},
}

# %%
seconds = {"a": ..., "b": ..., "c": ..., "d": ..., "e": ...}

# %% tags=["solution"]
seconds = {"a": 12, "b": 8, "c": 18, "d": 9, "e": 6}

# %%
check("07.team", (JOBS, seconds))

# %% [markdown]
# ### Predict: three kitchens at one job
#
# The job of section 2 ran on `asyncio` (below), and as the recording `"nested"` on Tokio's `current_thread` and `multi_thread` (two workers). In which
# of the three does each sentence hold? Answer with sets, such as `{"asyncio", "multi_thread"}` or `set()`.
#
# - a: A peel begins before `sous_chef` first lets go.
# - b: The peels begin in the order in which they were written.
# - c: A peel is worked on by two threads.
# - d: `sous_chef` is worked on by two threads.
# - e: The thread of `main` peels.


# %%
async def peel_one():
    busy(0.01)


async def write_eight():
    cards = [asyncio.create_task(peel_one(), name=f"peel-{n}") for n in range(1, 9)]
    busy(0.02)
    for card in cards:
        await card


async def one_chef():
    await asyncio.create_task(write_eight(), name="sous_chef")


# %%
where = {"a": ..., "b": ..., "c": ..., "d": ..., "e": ...}

# %% tags=["solution"]
single, several = {"asyncio", "current_thread"}, {"multi_thread"}
where = {"a": several, "b": single, "c": set(), "d": several, "e": single}

# %%
check("07.kitchens", (one_chef, where))

# %% [markdown]
# ### Mend: a total that loses
#
# `scan(page)` is a plain function that blocks for 0.15 s and returns how many faults a page has. `scan_all` scans the pages in threads, side by side, and
# its total is too small. Mend it: return the right total, in less than half a second for eight pages.


# %%
async def scan_all(scan, pages):
    total = 0

    def scan_one(page):
        nonlocal total
        total += scan(page)

    await asyncio.gather(*(asyncio.to_thread(scan_one, page) for page in pages))
    return total


# %% tags=["solution"]
async def scan_all(scan, pages):
    return sum(await asyncio.gather(*(asyncio.to_thread(scan, page) for page in pages)))


# %%
check("07.scans", scan_all)
# NBVAL_IGNORE_OUTPUT

# %% [markdown]
# ### Mend: a lock that is kept across an await
#
# `book.number` is the number of the next bill. Other threads take numbers from the book too, so it is read and changed under `book.lock` alone, a thread's
# lock (`threading.Lock`). `await print_bill(number, order)` takes one to two seconds. The program stands still. Mend it: bills are printed side by side,
# every number is given once, and none is left out. Return the numbers, in the order of `orders`. What such a lock does, even in one thread:

# %%
lock = threading.Lock()
with lock:
    print("who wants it meanwhile gets it:", lock.acquire(timeout=0.05))


# %%
async def bill_all(orders, book, print_bill):
    async def bill(order):
        with book.lock:
            number = book.number
            await print_bill(number, order)
            book.number = number + 1
        return number

    return await asyncio.gather(*map(bill, orders))


# %% tags=["solution"]
async def bill_all(orders, book, print_bill):
    async def bill(order):
        with book.lock:
            number = book.number
            book.number = number + 1
        await print_bill(number, order)
        return number

    return await asyncio.gather(*map(bill, orders))


# %%
check("07.bills", bill_all)

# %% [markdown]
# ### Write: a device that calls back from its own thread
#
# `start(done, failed)` starts a measurement and returns at once. Later, in a *thread of its own*, the device calls `done(value)` or `failed(error)`, one
# of them, once. Return the value, or raise the error; the loop stays free meanwhile. Who awaits you may give up (a deadline) before the device answers:
# its late call must raise nothing, in its thread or in the loop.


# %%
async def measure(start):
    """What the device measured."""
    # solution
    loop = asyncio.get_running_loop()
    future = loop.create_future()

    def end(set_it, value):
        if not future.done():  # or the caller has given up
            set_it(value)

    def done(value):
        loop.call_soon_threadsafe(end, future.set_result, value)

    def failed(error):
        loop.call_soon_threadsafe(end, future.set_exception, error)

    start(done, failed)
    return await future


# %%
check("07.device", measure)
# NBVAL_IGNORE_OUTPUT

# %% tags=["differs-again"]
progress("07")

# %% [markdown]
# ## Deeper
#
# The model and what it leaves out, what the pocket costs, more on the driver, on cards that change hands and on what may, why asyncio has one chef,
# and who tells you of all this in a running service. It can be left out.

# %% [markdown] tags=["notes"]
# **Cut.** Python people alone: sections 1, 3 and 5, twenty minutes. Tokio people alone: 2, 3, 10
# and 11, and let the Python team go. On half a day this lesson is one picture, the stall of
# section 3, at the very end: one of four stares, and nobody hears the bells.

# %% [markdown]
# ## 9. The team as a model
#
# `simulate`, in `helpers/model.py`, follows the worker loop of Tokio 1.53. Its runs are traces like any other. It leaves out everything that costs
# microseconds: to wake a thread, to move a card. Here it gets the job of section 2: a card that writes eight, works for twice as long as one of them,
# and awaits them.

# %%
model = simulate(chefs=2, tasks=8, work=0.01, spawner="task")
timeline(model, title="In the model too the other chef steals the cards", unit="milliseconds")

# %%
for mark in model.marks:
    print(f"{mark.time * 1000:.0f} ms: {mark.text}")


def order_of(trace, home):
    """The numbers of the first cards that the other chef began, and of the first one at home."""
    begun = sorted(trace.children(1), key=lambda card: card.steps[0].start)
    numbers = {card.id: n for n, card in enumerate(trace.children(1), start=1)}
    away = [numbers[card.id] for card in begun if card.steps[0].thread != home]
    return away[:3], next(numbers[card.id] for card in begun if card.steps[0].thread == home)


print("model:", order_of(model, "worker-1"))
print("Tokio:", order_of(nested, writing.thread))

# %% [markdown]
# The thief begins the same cards in the same order, and the pocket holds the same card. And the rule of section 1, for every team of up to eight
# chefs and up to twenty cards of 2 minutes:

# %%
teams = list(itertools.product(range(1, 9), range(1, 21)))
rounded_up = [
    simulate(chefs=chefs, tasks=cards, work=2).duration == math.ceil(cards / chefs) * 2
    for chefs, cards in teams
]
print(f"cards / chefs, rounded up, times 2 in {sum(rounded_up)} of {len(teams)} teams")

# %%
unshared = predict(
    "Now forbid stealing. One chef writes the eight cards. How many ms does it take eight chefs?",
    measure=None,
    why="All the work is where it was written, and any number of chefs is as quick as one.",
)
unshared

# %%
for chefs in (1, 2, 4, 8):
    took = [
        simulate(chefs=chefs, tasks=8, work=0.01, spawner="task", stealing=stealing).duration
        for stealing in (True, False)
    ]
    print(f"chefs: {chefs}, {took[0] * 1000:.0f} ms with stealing, {took[1] * 1000:.0f} ms without")
unshared.answer(round(took[1] * 1000))

# %% [markdown]
# ## 10. The pocket's price
#
# Two chefs. `sous_chef` writes *one* card, and works on for 20 ms. The other chef has nothing to do.

# %%
pocket = predict(
    "At which ms does the one card begin?",
    why="It is in the pocket of a chef whose hands are full, and nobody reaches into a pocket.",
)
pocket

# %%
for cards in (1, 2):
    trace = simulate(chefs=2, tasks=cards, work=0.01, spawner="task")
    begun = [card.steps[0].start * 1000 for card in trace.children(1)]
    print(f"{cards} written: begun at {', '.join(f'{ms:g} ms' for ms in begun)}")
    if cards == 1:
        pocket.answer(begun[0])
        one_card = trace

# %% [markdown] tags=["notes"]
# **Break it.** Change `simulate(chefs=2, tasks=cards` to `simulate(chefs=8, tasks=cards`: it still
# prints `1 written: begun at 20 ms`. Seven idle chefs, and nobody reaches into a pocket. Then
# change `(1, 2)` to `(1, 2, 3)`: it prints `3 written: begun at 0 ms, 10 ms, 20 ms`. Whoever
# spawns one card and computes on has this; `block_in_place` or an `await` mends it.

# %%
timeline(one_card, unit="milliseconds")

# %% [markdown]
# The picture's "ready, not taken up" means here: not by the one chef who can take it. A second card pushes the first out onto the board, and the idle
# chef has it at once. So even in a team, a task that blocks holds up the task that it has just spawned or woken, with every other worker idle.
# `peel-8` of section 2 lay there too.
#
# What helps is `tokio::task::block_in_place(|| ...)`, on the multi-thread runtime alone: it gives the chef's board and pocket to another worker
# first. In a program of this kind on Tokio 1.53 the card began after 0 ms in place of 20. (The versions 1.51.0, 1.51.1, 1.52.0 and 1.52.1 let thieves
# reach into pockets; it was taken back.)

# %% [markdown]
# ## 11. More on the driver
#
# The model has the driver, and shows the stall of section 3. Who must be held, so that somebody is late? Five cards want a turn every 50 ms; the
# first ones stare for 400 ms, from their first step on or after 73 ms.

# %%
pans = {"tasks": 5, "work": 0, "yields": 8, "wait": 0.05}
for after in (0, 0.073):
    for starers in (1, 2, 3):
        trace = simulate(chefs=3, **pans, blocking=starers / 5, blocks_after=after)
        waits = [step.start - step.ready for card in trace.tasks for step in card.steps]
        print(
            f"3 chefs, {starers} of 5 stare after {after * 1000:g} ms: late by {max(waits) * 1000:g} ms"
        )

# %% [markdown] tags=["notes"]
# **Break it.** Change `simulate(chefs=3` to `simulate(chefs=8`: it still prints
# `1 of 5 stare after 73 ms: late by 373 ms`, and it prints
# `3 of 5 stare after 73 ms: late by 0 ms`. (The label "3 chefs" stays.) Eight chefs do not help
# against one who stares at the wrong moment. With people who run Tokio, stop here and ask what
# their metrics would show.

# %%
both_held = simulate(chefs=2, tasks=5, work=0, yields=4, wait=1, blocking=2 / 5)
timeline(both_held, title="Both of two chefs stare, and everybody waits", unit="minutes")

# %% [markdown]
# From their first step on, all chefs but one may stare, and nobody is late. After a wait, *one* is enough. Two whose bells ring at the same moment
# harm nobody: for two cards she who listens calls the next chef, who calls a third, and that one listens. It takes a lonely bell, or as many starers
# as chefs. (Tried on real Tokio 1.53 with three chefs, the three are late by 372 to 376 ms, 1 to 4, and 369 to 373.)
#
# On your own machine, in Rust:
#
# ```rust
# use std::thread;
# use std::time::{Duration, Instant};
# use tokio::time::sleep;
#
# fn ms(n: u64) -> Duration {
#     Duration::from_millis(n)
# }
#
# #[tokio::main(flavor = "multi_thread", worker_threads = 4)]
# async fn main() {
#     tokio::spawn(async {
#         sleep(ms(73)).await; // whoever hears this bell takes the card up ...
#         thread::sleep(ms(400)); // ... and stares
#     });
#     let pan = tokio::spawn(async {
#         let mut late = Duration::ZERO;
#         for _ in 0..8 {
#             let began = Instant::now();
#             sleep(ms(50)).await;
#             late = late.max(began.elapsed() - ms(50));
#         }
#         late
#     });
#     println!("late by {} ms at most", pan.await.unwrap().as_millis());
# }
# ```
#
# It prints about 373. Three things end it. `tokio::task::spawn_blocking(|| thread::sleep(ms(400))).await` in place of the stare is the one to take.
# `Builder::enable_eager_driver_handoff`, from Tokio 1.52 on and with `--cfg tokio_unstable`, hands the driver on before tasks are polled. And any
# card that comes from outside, by the rail, calls a chef, who sits down beside the driver when she is done.
#
# How long a ticker that would like a turn every 5 ms is silent beside the eight dishes of section 4, on real Tokio:

# %%
for name in ("cpu", "cpu_yield"):
    for workers in (1, 2, 4):
        ms = longest_silence(on_tokio(name, workers).task("ticker")) * 1000
        print(f"{name:9} {workers} workers: the ticker is silent for {ms:3.0f} ms at most")

# %% [markdown]
# In one go, the ticker is silent for as long as all hands are full. More workers than the two cores of that machine gain little. With yields it gets
# its turn all the time, on one worker as on four.

# %% [markdown]
# ## 12. How a card changes hands
#
# `sous_chef` of section 2 migrated too, at the awaits of its cards:

# %%
for step in sous_chef.steps:
    by = nested.name_of(step.woken_by)
    maker = nested.task(by).steps[-1].thread
    print(f"taken up by {step.thread}, woken by {by} ({maker})")

# %% [markdown]
# When the peel that it was waiting for was done, the chef who had finished it woke `sous_chef`, and put its card in her own pocket. (Three of the
# eight were done already when they were awaited, and woke nobody.) So `sous_chef` follows the work around the kitchen, and was never stolen.
#
# The model agrees on dishes: no moves without a yield, and moves with one.

# %%
for yields in (0, 24):
    trace = simulate(chefs=2, tasks=8, work=0.025, yields=yields)
    print(f"{yields} yields: {len(moved(trace))} of 8 move; steals: {len(trace.marks)}")

# %%
three_pieces = simulate(chefs=2, tasks=3, work=6, yields=2)
for card in three_pieces.tasks[1:]:
    print(card.name, "by", ", ".join(step.thread for step in card.steps))
timeline(three_pieces, title="Three cards, two chefs: who has which piece?", unit="minutes")

# %% [markdown]
# A card that moves may have been stolen, or lain in the pocket of whoever woke it, or travelled by the rail. That a task changed chefs does not say
# how.

# %% [markdown]
# ## 13. What may change hands: `Send`, `LocalSet`, and a lock across an await
#
# `tokio::spawn` asks for `Send` on every runtime, also on `current_thread`. If your data is not `Send`, do not move it: `tokio::task::spawn_local`
# makes a task that stays in the thread, inside a **`LocalSet`** (or, from Tokio 1.51 on, a `LocalRuntime`). Such a kitchen is asyncio's: one chef,
# and nothing between two awaits.
#
# ```rust
# use std::cell::RefCell;
# use std::rc::Rc;
# use tokio::task::LocalSet;
#
# #[tokio::main(flavor = "current_thread")]
# async fn main() {
#     let stock = Rc::new(RefCell::new(1)); // an Rc: no task that spawn makes may keep it
#     let kitchen = LocalSet::new();
#     kitchen
#         .run_until(async {
#             let card = tokio::task::spawn_local({
#                 let stock = stock.clone();
#                 async move {
#                     tokio::task::yield_now().await;
#                     *stock.borrow_mut() -= 1;
#                 }
#             });
#             card.await.unwrap();
#         })
#         .await;
#     println!("left: {}", stock.borrow());
# }
# ```
#
# The guard of a `std::sync::Mutex` is not `Send` either, so `spawn` refuses a task that keeps one across an await. That is luck: where nobody asks
# for `Send` (a `LocalSet`, the future of `main`), it compiles, and clippy's `await_holding_lock` is all that warns you. In Python nothing does. One
# task keeps a *thread's* lock across an await; another one in the same thread wants it:


# %%
async def keeps(lock):
    with lock:  # a threading.Lock, kept across an await
        await asyncio.sleep(1)


async def main():
    lock = threading.Lock()
    keeper = asyncio.create_task(keeps(lock), name="keeper")
    await asyncio.sleep(0.5)
    meanwhile = lock.acquire(timeout=0.05)  # without the timeout: for ever
    await keeper
    return meanwhile, lock.acquire(timeout=0.05)


meanwhile, afterwards = (await record(main())).result
print("while keeper waits, the lock can be had:", meanwhile)
print("when keeper is done:", afterwards)

# %% [markdown] tags=["notes"]
# **Break it.** Change `await asyncio.sleep(0.5)` to `await asyncio.sleep(1.5)`: it prints
# `while keeper waits, the lock can be had: True`. Half of a second later, and the fault is gone:
# such a lock is a bug of timing, and passes every test on a quiet machine. The rule is short: no
# `await` inside `with lock`.

# %% [markdown]
# Without the timeout that is a deadlock of one thread: the chef stands at the lock, and the only one who could give it back is a card that needs this
# chef. A lock that is kept across an await is an `asyncio.Lock` (`tokio::sync::Mutex`): who wants that one lets go of the chef. A short piece of work
# with no await in it may use the thread's lock.

# %% [markdown]
# ## 14. Why asyncio has one chef
#
# `call_soon` is made for calls from the loop's own thread. A future may be awaited only by tasks of its own loop. A card cannot be carried to another
# kitchen; this is what it says to who tries:


# %%
async def wait_for(card):
    await card


async def begin(dish):
    return asyncio.ensure_future(dish)  # a task for it, on the loop that runs this


with kitchens(2) as (here, there):
    soup = asyncio.run_coroutine_threadsafe(begin(asyncio.sleep(0.05)), here).result()
    try:
        asyncio.run_coroutine_threadsafe(wait_for(soup), there).result()
    except RuntimeError as error:
        print("refused: ...", str(error)[-28:])
    asyncio.run_coroutine_threadsafe(asyncio.wait([soup]), here).result()
    print("at home it is done:", soup.done())

# %% [markdown]
# You meet **"attached to a different loop"** when a connection or a client session is made under one `asyncio.run` and used under another. asyncio's
# own locks and queues belong to the loop in which somebody first had to wait for them; under another one they say **"is bound to a different event
# loop"**.
#
# One chef is not only a limit. Between two awaits nobody else touches your data, and a great deal of Python code relies on it without saying so:
# `stock -= 1` needs no lock. Rust can afford to move tasks around because its compiler refuses what would break. Python has no such compiler.
#
# A **free-threaded** Python (`python3.14t`, for instance) has no GIL, so there loops in two threads can knead at once. What it does not change: each
# loop still has its own thread, its own cards, and no thief.

# %% [markdown]
# ## 15. Who tells you?
#
# In this course the picture does. In a service in Rust these do:
#
# | | what it shows | what it needs |
# |---|---|---|
# | **tokio-console** | each task's *busy*, *scheduled* and *idle* time, and warnings: a task that never yielded, that wakes itself again and again, that lost its waker, whose future is very large | the crate `console-subscriber`, `--cfg tokio_unstable` |
# | **`RuntimeMetrics`**, `Handle::current().metrics()` | how many tasks are alive, how long the rail is (`global_queue_depth`), how long each worker was busy (`worker_total_busy_duration`) and how often it went idle; with `tokio_unstable` also steals, polls and how long ready tasks waited | nothing for the first ones |
# | **task dumps**, `Handle::dump()` | for each task the await at which it stands | Linux, `tokio_unstable` and the feature `taskdump` |
#
# For the stall of section 3 the pattern is this: cards are ready, latencies jump all at once, *and the workers are not busy*. When it is over, the
# busy time of one worker has jumped, and that of the others has hardly grown. A dump, too, waits for whoever blocks.
#
# asyncio has its debug mode, which names slow steps (lesson 03), `asyncio.all_tasks()`, and from Python 3.14 on `python -m asyncio ps PID` and
# `pstree PID`, which look into a running process from outside.
