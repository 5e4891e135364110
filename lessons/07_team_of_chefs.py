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
# So far there was one chef. A bigger kitchen has a small team, and the same cards. Now somebody has to decide who takes which card. Is there one rail for all?
# Does each chef have a board of her own? What does a chef do whose board is empty, while her neighbour's is full? And may a dish that one chef has begun be
# finished by another?
#
# Tokio's **multi-thread runtime** is such a team: each **worker** is a thread (in Rust, `worker_threads`), and there are as many as the machine has cores, unless
# you say otherwise. asyncio has no word for it, since a loop has one thread.
#
# **You will**
# - see on recordings of real Tokio where cards lie, who takes them, and one chef stealing from another;
# - find the one place from which nothing can be stolen, and what that costs;
# - build a team out of asyncio loops, and learn what it lacks.
#
# **The clock.** The recordings were made once, on the real clock of a machine with two cores; they are files, so their pictures are the same each time. The *model* of a team,
# which you can turn every knob of, is on the virtual clock and exact. Where Python itself runs in several threads, the clock is real, and the text states relations.

# %%
import asyncio
import contextlib
import itertools
import math
import sys
import threading
import time

from helpers import busy, compare, lab, load_recording, record, timeline
from helpers.model import simulate
from helpers.trace import longest_silence, moved, stolen

# %% [markdown]
# ## 1. Two chefs, three cards
#
# Three cards, `roast`, `soup` and `bread`. Each holds its chef for 200 ms (a blocking sleep), and there are two chefs.
#
# **Predict.** How long does it take? And which card waits?

# %%
three = load_recording("blocking_sleep", runtime="multi_thread", workers=2)
timeline(three, title="Two chefs, three cards: one waits until a chef is free")

# %% [markdown]
# Twice 200 ms. A **chef's lane**, above, says who was at which card; the lanes of the tasks, below, are those you know. `main` has a lane above too: it runs on the program's main thread, which
# is no worker and takes no cards. (That is why the article's first program can say that the main thread receives the result.)
#
# **Predict.** The same with one chef, and with four. And with sleeps that do not block?


# %%
def on_tokio(name, workers):
    if workers == 1:
        return load_recording(name, runtime="current_thread")
    return load_recording(name, runtime="multi_thread", workers=workers)


for name in ("blocking_sleep", "async_sleep"):
    took = [f"{on_tokio(name, workers).duration * 1000:.0f} ms" for workers in (1, 2, 4)]
    print(f"{name:15} with 1, 2 and 4 chefs: {', '.join(took)}")

# %% [markdown]
# Cards that block take *number of cards / number of chefs*, rounded up, times *d*. Cards that wait take *d*, with any number of chefs: for waiting, a team is of no use.
#
# Here is the model, asked for every team of up to eight chefs and up to twenty cards of 2 minutes:

# %%
teams = list(itertools.product(range(1, 9), range(1, 21)))
rounded_up = [
    simulate(chefs=chefs, tasks=cards, work=2).duration == math.ceil(cards / chefs) * 2
    for chefs, cards in teams
]
print(f"cards / chefs, rounded up, times 2 in {sum(rounded_up)} of {len(teams)} teams")

# %% [markdown]
# `simulate` is a few hundred lines in `helpers/model.py` that follow the worker loop of Tokio. Its runs are traces like any other. Below it stands beside recordings, so that you can see what it gets right.
#
# ## 2. Where does a card lie?
#
# There are three places, and the article's "central scheduling system" is the first of them alone:
#
# | place | in Tokio | who puts cards there | who takes them |
# |---|---|---|---|
# | the rail by the door | **injection queue**, one for all | whoever is no worker: `main`, another thread | a chef with an empty board, several at once; now and then one with a full board |
# | a chef's board | **local queue**, one for each worker | that chef | that chef, from the front; and thieves |
# | a chef's apron pocket | **LIFO slot**, one card for each worker | that chef, with the card she wrote or woke *last* | that chef, before what is on her board, but for three in a row at most |
#
# When a card goes into the pocket and there is one already, the older one moves to the board. Why a pocket? The card that you have just woken waits for what you have just made, and it is still warm: in the
# processor's caches, that is.
#
# To see boards, a chef must write cards. `sous_chef` does: it writes eight, `peel-1` to `peel-8` (10 ms of work each), works on for 20 ms *without any await*, and then awaits them.
#
# **Predict.** With one chef, the eight lie there for those 20 ms. With two, where do they lie, and what happens to them?

# %%
nested = load_recording("nested", runtime="multi_thread", workers=2)
timeline(nested, title="While sous_chef is at it, the other chef peels: cards were stolen")

# %% [markdown]
# Somebody peels at once. The cards were written by a chef, so they never lay on the rail by the door; they lay on the board of the chef who wrote them. She was in the middle of one step and could give nothing away.
# So whoever began one of them in that time took it *from her board*. That is a **steal**, and the recording proves it:

# %%
sous_chef = nested.task("sous_chef")
writing = sous_chef.steps[0]
print(f"sous_chef's first step is on {writing.thread}, and writes 8 cards. Meanwhile,")
for card in sorted(stolen(nested, sous_chef), key=lambda card: card.steps[0].start):
    print(f"{card.steps[0].thread} begins {card.name}: from the local queue of {writing.thread}")

# %% [markdown]
# These were begun in time. The thief had taken more: a thief takes **half of the board** in one go, begins with the last of them, and puts the rest on her own board. Stealing one card each time would mean
# asking again each time.
#
# **Predict.** One card of the eight cannot be stolen. Which?

# %%
for peel in nested.children(sous_chef.id):
    step = peel.steps[0]
    who = "by the same chef" if step.thread == writing.thread else "by the other chef"
    when = "meanwhile" if step.start < writing.end else "afterwards"
    print(f"{peel.name} was begun {when} {who}, {step.start * 1000:4.1f} ms")

# %% [markdown]
# The last one written, `peel-8`, is in the pocket. Its chef takes it out as soon as she is free, before the cards on her board, although those were written earlier.
#
# ## 3. The same team as a model
#
# The model gets the same job: a card that writes eight, works for twice as long as one of them, and awaits them.

# %%
model = simulate(chefs=2, tasks=8, work=0.01, spawner="task")
timeline(model, title="In the model too the other chef steals the cards", unit="milliseconds")

# %%
for mark in model.marks:
    print(f"{mark.time * 1000:.0f} ms, {model.name_of(mark.task)}: {mark.text}")


def order_of(trace, home):
    """The numbers of the cards that the other chef began, in order, and the first one at home."""
    begun = sorted(trace.children(1), key=lambda card: card.steps[0].start)
    numbers = {card.id: n for n, card in enumerate(trace.children(1), start=1)}
    away = [numbers[card.id] for card in begun if card.steps[0].thread != home]
    return away[:3], next(numbers[card.id] for card in begun if card.steps[0].thread == home)


print("model:", order_of(model, "worker-1"))
print("Tokio:", order_of(nested, writing.thread))

# %% [markdown]
# The thief begins the same cards in the same order, and the pocket holds the same card. What the model leaves out is everything that costs microseconds: waking a thread, moving a card.
#
# **Predict.** Now forbid stealing. The cards are written by one chef. How long does it take, with two chefs? With eight?

# %%
honest = simulate(chefs=2, tasks=8, work=0.01, spawner="task", stealing=False)
timeline(honest, title="Without stealing, one chef does it all", unit="milliseconds")

# %%
for chefs in (1, 2, 4, 8):
    took = [
        simulate(chefs=chefs, tasks=8, work=0.01, spawner="task", stealing=stealing).duration
        for stealing in (True, False)
    ]
    print(f"{chefs} chefs: {took[0] * 1000:.0f} ms with stealing, {took[1] * 1000:.0f} ms without")

# %% [markdown]
# Without stealing, any number of chefs is as quick as one: all the work is where it was written. This is why the runtime steals: nobody has to plan who does what.
#
# ### The pocket's price
#
# **Predict.** Two chefs. `sous_chef` writes *one* card, and works on for 20 ms. The other chef has nothing to do. When does the card begin?

# %%
pocket = simulate(chefs=2, tasks=1, work=0.01, spawner="task")
timeline(pocket, title="A free chef, a ready card, and 20 ms of nothing", unit="milliseconds")

# %%
for cards in (1, 2):
    trace = simulate(chefs=2, tasks=cards, work=0.01, spawner="task")
    begun = [f"{card.steps[0].start * 1000:g} ms" for card in trace.children(1)]
    print(f"{cards} written: begun at {', '.join(begun)}")

# %% [markdown]
# After 20 ms. The card is in the pocket of a chef whose hands are full, and nobody reaches into a pocket. The picture's "ready, no chef free" means here: not the one chef who can take it. A second card would have pushed the
# first out onto the board, and the idle chef would have had it at once.
#
# So even in a team, a task that blocks can hold up a task that it has just spawned or woken, with every other worker idle. `peel-8` in the recording lay there too, and was begun only when its chef was free. It is one more reason not to block, and one that no number of
# workers cures. (Tokio's `block_in_place` does: it hands the chef's board and pocket to another one first.)

# %% [markdown]
# ## 4. A dish that changes hands
#
# Eight dishes of 25 ms of work each, ordered by `main`, two chefs. In one recording each dish is worked on in one go (`cpu`), in the other it yields after every millisecond (`cpu_yield`).
#
# **Predict.** How many of the eight are cooked by both chefs, in each?

# %%
in_one_go = load_recording("cpu", runtime="multi_thread", workers=2)
in_pieces = load_recording("cpu_yield", runtime="multi_thread", workers=2)
for name, trace in {"in one go": in_one_go, "in pieces": in_pieces}.items():
    dishes = [task for task in trace.tasks if task.name.startswith("dish")]
    both = [dish for dish in dishes if dish in moved(trace)]
    print(f"{name}: {len(both)} of {len(dishes)} dishes were cooked by both chefs")

# %%
for dish in ("dish-2", "dish-8"):
    chefs = [step.thread.removeprefix("worker-") for step in in_pieces.task(dish).steps]
    print(f"{dish}, piece by piece, by worker {' '.join(chefs)}")

# %% [markdown]
# None, and most of them. Within a step a task stays with its chef. At an `await` that really waits it lets go, and whoever takes it up next may be another chef: it **migrates**. `sous_chef` did so too, at the awaits of its eight cards:

# %%
for step in sous_chef.steps:
    by = nested.name_of(step.woken_by)
    maker = nested.task(by).steps[-1].thread
    print(f"taken up by {step.thread}, woken by {by} ({maker})")

# %% [markdown]
# Whenever the peel that it was waiting for was done, the chef who had finished it woke `sous_chef`, and put its card in her own pocket. So `sous_chef` follows the work around the kitchen.
#
# In Rust this has a price that the compiler collects: what a spawned task keeps across an `await` has to be **`Send`**, fit to be used on another thread. An `Rc`, or a lock's guard that belongs to one thread, is refused at compile time. Python has no such check,
# and needs none as long as a task never leaves its loop's thread.
#
# The model agrees: no moves without a yield, and moves with one.

# %%
for yields in (0, 24):
    trace = simulate(chefs=2, tasks=8, work=0.025, yields=yields)
    print(f"{yields} yields: {len(moved(trace))} of 8 move")

# %%
three_pieces = simulate(chefs=2, tasks=3, work=6, yields=2)
timeline(
    three_pieces, title="Card 2 changes chefs twice: it is stolen, and stolen back", unit="minutes"
)

# %% [markdown]
# Follow `card 2` through the chefs' lanes: begun by one, stolen after its first piece by the other, and stolen back for its last. Not every move is a steal, though. `sous_chef` above was never stolen: it lay in the pocket of
# whoever woke it. And a card can travel by the rail. That a task changed chefs does not say how.

# %% [markdown]
# ## 5. When one of two chefs stares
#
# In the model: five cards that let go of the chef every minute, to wait for a minute, for four minutes in all. Some of them stare instead.
#
# **Predict.** One of five stares. Who is late? And if two of them stare?

# %%
ovens = {"chefs": 2, "tasks": 5, "work": 0, "yields": 4, "wait": 1}
one_stares = simulate(**ovens, blocking=1 / 5)
timeline(one_stares, title="One of two chefs is held, and nobody is late", unit="minutes")

# %%
two_stare = simulate(**ovens, blocking=2 / 5)
timeline(two_stare, title="Both are held, and everybody waits", unit="minutes")

# %%
for name, trace in {"one stares": one_stares, "two stare": two_stare}.items():
    late = max(card.scheduled for card in trace.tasks)
    print(f"{name}: {trace.duration:g} min, the longest wait for a chef {late:g} min")

# %% [markdown]
# With one held, the other serves everybody, and nobody notices. With two held, it is the kitchen of lesson 03 again. This is so because those who stare do it from their first step on. A card that has waited once and stares *then* is
# another matter: of the idle chefs only one listens for bells, and if it is she who takes the card up and stares, nobody listens, however many are idle. (`load_recording("stall", runtime="multi_thread", workers=4)` shows it.) A team does not forgive blocking.
# It makes the fault *rarer*, and so harder to find.
#
# Real Tokio, with a `ticker` that would like a turn every 5 ms beside the eight dishes:

# %%
for name in ("cpu", "cpu_yield"):
    for workers in (1, 2, 4):
        silence = longest_silence(on_tokio(name, workers).task("ticker"))
        print(
            f"{name:9} {workers} workers: the ticker is silent for {silence * 1000:3.0f} ms at most"
        )

# %% [markdown]
# In one go, more workers make the silence shorter, since the dishes are done sooner (that machine has two cores, so four workers gain little over two). With yields the ticker gets its turn all the time, on one worker as on four.

# %% [markdown]
# ## 6. Why asyncio has one chef
#
# A loop and its tasks belong to one thread. `call_soon` is made for calls from that thread alone; a future may be awaited only by tasks of its own loop. A card cannot be carried to another kitchen:


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
async def wait_for(card):
    await card


async def begin(dish):
    return asyncio.ensure_future(dish)


with kitchens(2) as (here, there):
    soup = asyncio.run_coroutine_threadsafe(begin(asyncio.sleep(0.05)), here).result()
    try:
        asyncio.run_coroutine_threadsafe(wait_for(soup), there).result()
    except RuntimeError as error:
        print("refused:", str(error).endswith("attached to a different loop"))
    asyncio.run_coroutine_threadsafe(asyncio.wait([soup]), here).result()
    print("at home it is done:", soup.done())

# %% [markdown]
# This is not only a limit. Between two awaits nobody else touches your data, and a great deal of Python code relies on it without saying so: `stock -= 1` needs no lock. Rust can afford to move tasks around because its compiler refuses what would break. Python
# has no such compiler.
#
# ### A team, by hand
#
# What one can do is open several kitchens: a loop in each of several threads. `asyncio.run_coroutine_threadsafe` is the rail by the door, one for each kitchen. Here four cards are dealt out in turn, to two kitchens. The first one stares for 400 ms.
#
# **Predict.** `soup` is dealt to the second kitchen, `bread` to the first, `salad` to the second. Each needs 50 ms in the oven. Which are late?


# %%
async def stare():
    time.sleep(0.4)
    return time.perf_counter()


async def bake():
    await asyncio.sleep(0.05)
    return time.perf_counter()


dealt = {"roast": stare, "soup": bake, "bread": bake, "salad": bake}
with kitchens(2) as loops:
    sent = [
        asyncio.run_coroutine_threadsafe(dish(), loop)
        for dish, loop in zip(dealt.values(), itertools.cycle(loops), strict=False)
    ]
    done = await asyncio.gather(*map(asyncio.wrap_future, sent))
ended = dict(zip(dealt, done, strict=True))
for dish in ("soup", "bread", "salad"):
    print(f"{dish} was done before the roast:", ended[dish] < ended["roast"])

# %% [markdown]
# `bread` alone. It was dealt to the kitchen that stares, and the chef next door, who was idle for most of that time, cannot take it. Nothing is stolen and nothing migrates: whoever deals the cards decides once. Tokio's `bread` would have gone to
# the other chef.
#
# **Predict.** And does a second kitchen knead faster? Two cards of pure Python work, one in each kitchen: how many cores do they use?


# %%
# NBVAL_IGNORE_OUTPUT
async def knead():
    left = 4_000_000
    while left:
        left -= 1


has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()
with kitchens(2) as loops:
    wall, cpu = time.perf_counter(), time.process_time()
    sent = [asyncio.run_coroutine_threadsafe(knead(), loop) for loop in loops]
    await asyncio.gather(*map(asyncio.wrap_future, sent))
    cores = (time.process_time() - cpu) / (time.perf_counter() - wall)
print("Python", sys.version.split()[0], "with a GIL" if has_gil else "without a GIL, free-threaded")
print(f"two kitchens kneaded with {cores:.2f} cores")

# %%
expected = cores < 1.4 if has_gil else cores > 1.1
print("as many cores at once as this Python allows (one, if it has a GIL):", expected)

# %% [markdown]
# On an ordinary Python it is one core: two threads, and one **GIL** that lets a single thread run Python code at a time. Several loops then help where chefs *wait* in C code that has let go of the GIL, and where one of them blocks; they knead no faster.
#
# A **free-threaded** Python (3.13 and 3.14 have one, called `python3.14t`, for instance) has no GIL, so there both threads can knead at once: run this cell on one and see. What it does not change: each loop still has its own thread, its own cards, and no thief. The usual way on an
# ordinary Python is a *process* for each core, each with one loop; web servers do so, and it is the operating system that deals out the connections.

# %% [markdown]
# ## 7. The lab
#
# The model with all its knobs: one to eight chefs, who writes the cards, how much work and how many awaits are in each, how many of them block while they wait, and whether chefs steal. It starts at the job of section 2, and
# below it is that job on real Tokio. Other settings that were recorded, on 1, 2 and 4 chefs: `main` writes 8 cards of 25 ms of work, with no await or with 24 that only let others go first; and 3 cards of no work with one await of 200 ms,
# of which none blocks, or all.
#
# Find a setting in which stealing changes nothing. Then one in which eight chefs are no quicker than two.

# %%
# NBVAL_IGNORE_OUTPUT
lab("team_of_chefs")

# %% [markdown]
# One rule holds wherever the sliders stand: the work that holds a chef, divided by the number of chefs, is the least that it can take, and the work as a whole is the most as long as nobody waits for ovens.


# %%
def within_bounds(**job):
    trace = simulate(tasks=10, work=4, **job)
    held = sum(card.busy for card in trace.tasks)
    return held / trace.workers <= trace.duration <= held


jobs = itertools.product(range(1, 9), ("main", "task"), (True, False), (0, 3))
names = ("chefs", "spawner", "stealing", "yields")
print("in every team:", all(within_bounds(**dict(zip(names, job, strict=True))) for job in jobs))

# %% [markdown]
# ## 8. The same job in Rust
#
# The job of section 2. This program runs as it stands; the Python beside it is run below.
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


alone = await record(kitchen())
print("asyncio:            ", f"{alone.duration * 1000:.0f} ms")
print(
    "the model, one chef:",
    f"{simulate(chefs=1, tasks=8, work=0.01, spawner='task').duration * 1000:.0f} ms",
)
print("begun in order:", alone.tasks[2].name, "first,", alone.tasks[9].name, "last")

# %% [markdown]
# Your run and the recording of section 2 in one picture. **Predict**: which cards begin earlier with two chefs, and which is polled more often?

# %%
compare(alone, nested)

# %% [markdown]
# Asyncio's one chef begins no peel before `sous_chef` has let go, and then takes them in the order in which they were written; the whole is the sum of the work. The team begins some of them meanwhile, in an
# order that nobody promises, and is done in about half the time. Every card ends alike in both: the team changes *when* and *by whom*, and nothing else.
#
# | | Tokio, multi-thread | asyncio |
# |---|---|---|
# | threads for tasks | one for each core, or as many as you say | one |
# | a spawned card starts | at once, if another chef is idle and can reach it | at the creator's next await that waits |
# | where it lies | injection queue, local queue or LIFO slot | one ready queue |
# | order | nobody promises one; the pocket first, and boards are halved by thieves | as they became ready |
# | at an `await` | the task may go on in another thread | it stays |
# | what that asks of you | `Send` across an `await`, locks round what tasks share | nothing between two awaits |
# | a blocking call | takes one chef of the team and what is in her pocket; and the bells of all, if she was the one who listened | takes the only chef |
# | computing | as many cores as workers | one core, or processes |
#
# What is the same: tasks are cooperative, in a team as with one chef. Nobody takes a card out of a chef's hands.

# %% [markdown]
# ## Where the metaphor breaks
#
# - Cooks who take each other's cards would have to talk. Workers do not: a steal is a few atomic operations on the victim's queue, and she does not even notice.
# - A kitchen's team is as large as the payroll allows. More workers than cores do not make computing faster; they only take turns on the cores.
# - The model has no costs. In real Tokio a steal takes the thief some microseconds, and a card that is begun on another core finds cold caches. That is why a chef looks into her pocket first.
#
# ## Try it
#
# 1. `simulate(chefs=4, tasks=8, work=0.01, spawner="task")`: how many cards are stolen, and from whom? Read `trace.marks`.
#    <details><summary>What to look for</summary>Ten steals of seven cards: seven from worker-1, two from worker-2, one from worker-3. Thieves are robbed as well: the first one takes four of seven and
#    puts three on her board, and others take two of those.</details>
# 2. Section 5 with three chefs: two of the five cards stare, then three of them (`blocking=3 / 5`).
#    <details><summary>What to look for</summary>Two held and one free: nobody is late. Three held: the other two cards are 3 minutes late. All chefs but one may stare, if they do from their first step on.</details>
# 3. In section 6, deal the cards so that no one is late. Which knowledge did you need for it, and does a real dealer have it?
#    <details><summary>What to look for</summary>All three bakes go to the second kitchen. You had to know beforehand which card would stare. A thief needs to know nothing: she looks who has too much.</details>
#
# ## What to take away
#
# - A card lies on the rail by the door, on a chef's board or in her pocket; an idle chef takes from her own board, then from the rail, then half of another's board, and (in this version) from a pocket never.
# - A task stays with its chef between two awaits, and may change chefs at each one. That is what `Send` is about.
# - asyncio has one chef by design. Several loops in several threads are several kitchens: no stealing between them, and with a GIL no more computing.
#
# **Next:** 08, how do all four work together in a service that takes real requests?
