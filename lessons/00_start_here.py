# ---
# jupyter:
#   kernelspec: {display_name: Python 3 (ipykernel), language: python, name: python3}
#   lesson:
#     number: "00"
#     name: start_here
#     question: "How do I run async code in a notebook, and how do I read a timeline?"
#     article: ""
# ---

# %% [markdown]
# # 00 · How do I run async code in a notebook, and how do I read a timeline?
#
# In a kitchen with one chef, nearly all of the time is waiting: for water, for an oven, for a delivery. A good chef does not
# wait. The chef sets a pot on the stove, takes up the next dish, and comes back when the pot calls. Programs that serve many
# people at once work like that, in Rust with a library called Tokio, in Python with one called asyncio. Who works on what, and when, is
# invisible while they run. In this course each run draws a picture of it. This first lesson sets up the kitchen and
# teaches you to read the picture.
#
# **You will**
# - run async code in a notebook: with `await`, with `record`, and know why `asyncio.run` refuses;
# - read a timeline: who works, who waits for the oven, and who waits for the chef.
#
# **The clock.** Nearly all runs here are on the *virtual clock* (section 2), and every number is the same on your machine as on this page.
#
# When you come back after a restart, or another evening, the pictures are still there and the names are gone: click the cell where you were and choose
# *Run > Run All Above Selected Cell*. A question from before a restart notes nothing any more, though it may look alive: run its cell again.
#
# Run the cells from top to bottom with Shift+Enter. Before most runs there is a question: answer, click the next cell, run it, and it says what you said and what is so.
# What the text behind that run says is blurred until then; point at it, and you can read it. Leave a question open, and nothing is held back, but a guess is what makes
# you remember.

# %%
import asyncio
import subprocess
import sys
import time
from statistics import median

from helpers import busy, predict, progress, record, replay
from helpers.environment import check, report

print(report(check()))

# %% [markdown]
# If something is wrong with your environment, the line above says what, and how to mend it. The check changes nothing.
#
# ## 1. How do I run a coroutine here?
#
# Here is a function that begins with `async def`; its first line prints "chopping". What is there when it is called?

# %%
called = predict(
    "What do you have after `dish = soup()`?",
    {
        "the bowl of soup": "A call of an `async def` function returns at once, without a result.",
        "a soup that is being cooked": "Nothing is on the stove before somebody awaits it.",
        "a recipe, and nobody has begun": "",
    },
    why="It is a coroutine: the call ran not one line, so nothing was printed.",
)
kinds = {
    "str": "the bowl of soup",
    "Task": "a soup that is being cooked",
    "coroutine": "a recipe, and nobody has begun",
}
called

# %% [markdown] tags=["notes"]
# **Ask.** Read the question aloud and have hands for each option before anybody runs a cell. Write
# the three numbers on the board and leave them there. Two minutes with a neighbour, hands once
# more, then all run. Do not say which is right: the picture says it. You do the same at each
# question of the course, so take the time for it here.


# %%
async def soup():
    print("chopping")
    await asyncio.sleep(0.1)
    return "a bowl of soup"


dish = soup()
print(type(dish).__name__)
called.answer(kinds[type(dish).__name__])

# %% [markdown]
# You hold a **coroutine** (in Rust: a *future*): the recipe, with a bookmark on its first line. It moves when
# somebody awaits it, and a notebook cell may do that:

# %%
served = await soup()
dish.close()  # the first one stays uncooked; closing it says that this is meant
print(served)

# %% [markdown] tags=["notes"]
# **They will say.** "It was running already, `await` only fetched it." So it is in JavaScript,
# where a call starts the work. Point at where "chopping" was printed: below this cell, not below
# the one that called `soup()`. On the board: a call makes a recipe, `await` cooks it.

# %% [markdown]
# Had we thrown the first one away without closing it, Python would have warned: **coroutine 'soup' was never awaited**. That line always means this: called, and not run.
#
# In a plain Python file `await` outside of a function is a syntax error. There, `asyncio.run(soup())` starts a **loop** (in Rust: a
# *runtime*; in the kitchen: the chef's way of working), runs the coroutine to its end, and closes the loop. In a cell it refuses:

# %% tags=["differs-again"]
dish = soup()
try:
    print(asyncio.run(dish))
except RuntimeError as error:
    print(error)
else:
    print("No error? nest_asyncio (section 6) is at work here. Restart the kernel.")
finally:
    dish.close()

# %% [markdown] tags=["notes"]
# **They will say.** "I add `nest_asyncio.apply()` and it works." It does, and section 6 shows the
# price. Say in one sentence why it is refused: this thread has a loop that runs already, and a
# thread has one. In their own files `asyncio.run(main())` is right; in a notebook it is `await`.

# %% [markdown]
# A notebook's kernel is itself an async program. Its loop runs in the kernel's main thread all the time; that is why `await` works in a
# cell, and why a second loop may not start there.
#
# So `await` is right for a quick try. But the kernel's loop is a kitchen that you share, and it does not close after your cell. A
# **task** is a coroutine that has been handed to the loop, to be run beside others (the card on the chef's rail; the next two lessons are
# about it). Start one here and leave:

# %%
forgotten = asyncio.create_task(asyncio.sleep(3600), name="pot of the cell above")

# %%
print("still on the stove:", [t.get_name() for t in asyncio.all_tasks() if t is forgotten])
cleared = forgotten.cancel()

# %% [markdown]
# It would have been there for an hour, through every cell that you run. Nobody said so.

# %% [markdown]
# ## 2. `record`: a kitchen of its own for each run
#
# The course runs code with `await record(...)`. It starts a fresh loop in a thread of its own, runs your coroutine on it, ends what is left,
# closes the loop, and hands you a **trace**: what happened, for every task. This pot needs 300 seconds:

# %%
waited = predict(
    "How long do you wait for the next cell?",
    {
        "300 seconds": "That is the time on the virtual clock, not on yours.",
        "less than 10 seconds": "",
    },
    why="Where nobody has anything to do until a timer rings, the virtual clock jumps to that moment. "
    'For real waiting there is `record(..., clock="real")`.',
)
waited


# %%
async def big_pot():
    await asyncio.sleep(300)
    return "soup for twenty"


began = time.perf_counter()
trace = await record(big_pot())
took = time.perf_counter() - began
print(f"{trace.result!r} after {trace.duration:g} seconds of the virtual clock")
waited.answer("less than 10 seconds" if took < 10 else "300 seconds")

# %% [markdown] tags=["notes"]
# **Break it.** Change `asyncio.sleep(300)` to `asyncio.sleep(86_400)`: it prints
# `after 86400 seconds`, as soon as before. A day costs nothing where nobody works. Say the rule of
# the virtual clock: it jumps to the next bell when nobody has anything to do. That is why all
# numbers of this course are the same on 20 laptops.

# %% [markdown]
# An exception inside reaches your cell, with the trace of all that happened before it:


# %%
async def burnt_roast():
    await asyncio.sleep(40)
    raise ValueError("burnt")


try:
    await record(burnt_roast())
except ValueError as error:
    print(f"{error!r} after {error.trace.duration:g} seconds")

# %% [markdown]
# And a task that is left is not left in silence. `trace.findings` holds what the run did that you may not have meant, in sentences:


# %%
async def stew():
    await asyncio.sleep(3600)


async def forgetful():
    asyncio.create_task(stew(), name="stew")
    await asyncio.sleep(1)
    return "lights off"


trace = await record(forgetful())
print(trace.result, *trace.findings, sep="\n")

# %% [markdown] tags=["notes"]
# **Break it.** Change `asyncio.create_task(stew(), name="stew")` to `stew()`: it prints
# `was never awaited: none of its code ran`, and no longer prints `was left running`. Two mistakes,
# two sentences. Let the class say the difference: one card was never written, the other was
# written and thrown away with the kitchen.

# %% [markdown]
# When a run takes too long, press ■ (Stop) in the toolbar: the cell comes back within a second (section 5).

# %% [markdown]
# ## 3. How do I read a timeline?
#
# ### One task
#
# From here on, one second of the virtual clock stands for one kitchen minute. Two verbs are enough for a kitchen:
#
# - `busy(2)`: two minutes of work with both hands. The chef is held, nobody else is served.
# - `await asyncio.sleep(5)`: five minutes in the oven, or on the stove. The chef is free.
#
# On the virtual clock `busy(2)` only moves the clock on by two; `time.sleep(2)` would really hold your cell, and the picture would not show it.
#
# A soup is chopped for two minutes, stands on the stove for five, and is filled into a bowl in one.

# %%
predict(
    "For how many minutes does the soup need the chef?",
    measure=lambda trace: trace.task("soup").busy,
    why="Served at minute 8; five of the eight minutes are the stove's.",
)


# %%
async def soup():
    busy(2)  # chop
    await asyncio.sleep(5)  # on the stove
    busy(1)  # fill the bowl
    return "a bowl of soup"


first = await record(soup(), unit="minutes")
card = first.task("soup")
print(f"running {card.busy:g} min in {card.polls} steps, idle {card.idle:g} min")
print(f"served at minute {card.ended:g}; it {card.outcome} {first.result!r}")
first

# %% [markdown] tags=["notes"]
# **Draw.** One lane on the board, before you scroll to the picture: strong 0 to 2, pale 2 to 7,
# strong 7 to 8. Have somebody come and point: where is the chef free? Two strong bars, so two
# steps. Keep this lane on the board; you add the roast below it in a few minutes.

# %% [markdown]
# One line is one task, a **lane**. Time goes to the right, in kitchen minutes. What you see in it:
#
# - the strong bar is **running**: a chef is on it. One such bar is one **step** (in Rust: a *poll*), from one `await` to the next;
# - the pale bar is **idle**: it waits for something else than a chef, here for the stove;
# - the mark at the end says how it ended; the word beside it says it again.
#
# Point at a bar with the mouse: it says from when to when, and who woke the task.

# %% [markdown]
# ### Two tasks, and steps that take no time
#
# Now bread and a cake, each in its own oven, and no work with the hands at all. `create_task` makes a task of a coroutine; awaiting it waits for
# its end. 5 minutes for the bread, 3 for the cake.

# %%
predict(
    "How many minutes for both?",
    measure=lambda trace: trace.task("two_ovens").ended,
    why="The waits lie side by side: the longer one decides.",
)


# %%
async def bake(minutes):
    await asyncio.sleep(minutes)


async def two_ovens():
    bread = asyncio.create_task(bake(5), name="bread")
    cake = asyncio.create_task(bake(3), name="cake")
    await bread
    await cake


trace = await record(two_ovens(), unit="minutes")
print(*[f"{task.name}: ended at minute {task.ended:g}" for task in trace.tasks], sep="\n")
trace

# %% [markdown] tags=["notes"]
# **Break it.** Change `asyncio.create_task(bake(3), name="cake")` to `bake(3)`: it prints
# `two_ovens: ended at minute 8`, and there is no lane for the cake. Both are awaited, and only one
# was a task. This is the mistake that they will make at work; come back to it in lesson 02,
# section 3.

# %% [markdown]
# Nobody was hired for that. The chef only did something at a few moments, and each is drawn as a thin
# **tick**: a step. On the virtual clock such a step takes no time at all; on the real one it takes some millionths of a second,
# too little to see as a bar. So a tick has the same width at any zoom, and where you see one, a chef was there.
#
# The lane on top is `main` (here named after its function, `two_ovens`): the coroutine that you gave to `record` is a task as well. It spent
# its five minutes waiting for the other two.

# %% [markdown]
# ### Two who want the chef
#
# A roast is rubbed with salt for three minutes, is in the oven for six, and is carved for two. The soup is as it was, and its card is written first.
#
# Both cards are written in a **`TaskGroup`**. Tasks that its own `create_task` makes belong to it: the block ends when all of them have ended, and if
# one fails the others are cancelled. To run several things at once, take this one ([lesson 01](01_task_cards.ipynb) sets it beside the older `gather` and `wait`).

# %%
predict(
    "At which minute does the roast get its salt?",
    measure=lambda trace: trace.task("roast").steps[0].start,
    why="The chef is on the soup until its first `await`.",
)

# %% [markdown] tags=["notes"]
# **Ask.** Hands for 0, 2 and 8. "0" thinks that a task starts when it is made, "8" that tasks run
# one after the other. Let a 0 and an 8 talk to each other for a minute, then run. Do not explain
# yet: the picture has one striped bar, and that is the answer to both.


# %%
async def roast():
    busy(3)  # rub with salt
    await asyncio.sleep(6)  # in the oven
    busy(2)  # carve


async def cook_dinner():
    async with asyncio.TaskGroup() as kitchen:
        kitchen.create_task(soup(), name="soup")
        kitchen.create_task(roast(), name="roast")


dinner = await record(cook_dinner(), unit="minutes")
for dish in (dinner.task("soup"), dinner.task("roast")):
    states = {"scheduled": dish.scheduled, "running": dish.busy, "idle": dish.idle}
    shares = " + ".join(f"{minutes:g} {state}" for state, minutes in states.items())
    print(f"{dish.name}: {shares} = {sum(states.values()):g} min, served at minute {dish.ended:g}")
dinner

# %% [markdown] tags=["notes"]
# **Break it.** Change `busy(3)` to `busy(6)`: it prints
# `soup: 1 scheduled + 3 running + 5 idle = 9 min`. Nothing in the soup was touched, and its guest
# waits a minute longer. Ask where the minute is in the picture: striped, from 7 to 8. Striped is
# the word of the day; make them say "scheduled".

# %% [markdown]
# The striped bar is **scheduled**: the task could go on this moment, but no chef is free. It is neither idle nor running, and it is the state to
# look for when a program is slow. The three states fill a task's life without a gap, as the sums say.
#
# Now let time pass. Press ▶, or click into the film and step with the arrow keys: who is in hand, who is ready, whose timer counts down, and which line runs.
# (`lines=True` keeps the lines. `trace.save("run.html")` makes a page of such a film, to send to somebody.)

# %%
replay(await record(cook_dinner(), unit="minutes", lines=True))

# %% [markdown] tags=["notes"]
# **Demo.** Click into the film and press the right arrow, one step at a time, without a word until
# minute 2. Then ask before each step: who is next? The row of those who are ready is all that the
# loop knows. Two minutes are enough; learners play it themselves afterwards.

# %% [markdown]
# ### The oven, or the chef in front of the oven
#
# One word changes: the roast's six minutes are now `busy`. The chef stands there and looks at it. The soup's own recipe is as it was; just now it was served at minute 8.

# %%
predict(
    "At which minute is the soup served?",
    measure=lambda trace: trace.task("soup").ended,
    why="It calls at minute 7, and the chef cannot leave the roast before minute 13.",
)


# %%
async def stared_at_roast():
    busy(3)
    busy(6)  # was: await asyncio.sleep(6)
    busy(2)


async def cook_badly():
    async with asyncio.TaskGroup() as kitchen:
        kitchen.create_task(soup(), name="soup")
        kitchen.create_task(stared_at_roast(), name="roast")


trace = await record(cook_badly(), unit="minutes")
print(*trace.findings, sep="\n")
trace

# %% [markdown] tags=["notes"]
# **Break it.** Change `busy(6)` to `await asyncio.to_thread(busy, 6)`: it no longer prints
# `from 2 to 13 min`, and the soup is served at minute 8. Say: there are three ways to spend six
# minutes, in front of the oven, with a bell, and with a helper. Lesson 03 is about the choice.

# %% [markdown]
# The roast is one long bar now: no `await`, no end of the step, no turn for anybody else. That is called **blocking** the loop, and
# [lesson 03](03_not_blocking.ipynb) is about it. A finding names the task that held the chef, a line of the step
# that did it (here its first), and whom it delayed (`to_thread`, which it advises: lesson 01).

# %% [markdown]
# ### How it ended
#
# A task ends in one of three ways: it returned, it raised, or it was cancelled. Bread is done after 2 minutes, toast burns after 4, cake and jam need 20. Somebody cancels the
# cake; nobody waits for the jam; `evening` is over after 8 minutes.

# %%
predict(
    "How does the jam end?",
    {
        "it returned": "Nobody waited for it, and `evening` did not stay that long.",
        "it was cancelled": "",
        "it goes on": "`record`, as `asyncio.run`, ends what is left before it closes the loop.",
    },
    measure=lambda trace: {"returned": "it returned", "cancelled": "it was cancelled"}[
        str(trace.task("jam").outcome)
    ],
    why="It was still there when `evening` returned.",
)


# %%
async def burn():
    await asyncio.sleep(4)
    raise ValueError("burnt")


async def evening():
    bread = asyncio.create_task(bake(2), name="bread")
    toast = asyncio.create_task(burn(), name="toast")
    cake = asyncio.create_task(bake(20), name="cake")
    jam = asyncio.create_task(bake(20), name="jam")  # nobody waits for the jam
    await bread
    await asyncio.sleep(4)
    cake.cancel()
    await asyncio.sleep(2)
    return [toast.exception(), jam.done()]


trace = await record(evening(), unit="minutes")
for dish in trace.tasks[1:]:
    print(f"{dish.name}: {dish.outcome} at minute {dish.ended:g}")
trace

# %% [markdown] tags=["notes"]
# **Break it.** Change `cake.cancel()` to `print(cake.cancel(), cake.done())`: it prints
# `True False`. To cancel is a wish, and the cake has not even heard of it on the next line. You
# need that twice: in lesson 04 (who grants the wish, and when) and in lesson 05 (what a loser
# still does).

# %% [markdown]
# A cake and a jam in the bin, for two reasons: somebody asked the cake to stop, and the jam was still there when `main` was over. The
# mark says how it ended, and the finding below says that it was left.

# %% [markdown]
# ### Now you
#
# A salad comes to the dinner. It takes three minutes of work, and after each the cook asks whether somebody else wants the chef:
# `await asyncio.sleep(0)` ends a step and queues the task again at once. Here is the picture; the questions are below it. (Answer them
# before you read the findings.)


# %% [markdown] tags=["notes"]
# **Check.** This picture is the test of the lesson. Walk around; each learner points at a striped
# bar and says who waits for whom. Who cannot do that goes back to "Two who want the chef" with a
# neighbour. The third question, counting ticks, is for the quick ones; nobody needs it today.


# %%
async def salad():
    for _ in ("wash", "chop", "toss"):
        busy(1)
        await asyncio.sleep(0)  # anybody else?


async def big_dinner():
    async with asyncio.TaskGroup() as kitchen:
        for dish in (soup, roast, salad):
            kitchen.create_task(dish(), name=dish.__name__)


trace = await record(big_dinner(), unit="minutes")
trace

# %%
on = predict("On which dish is the chef at minute 7.5?", ("soup", "roast", "salad", "none"))
on

# %%
late = predict("The soup's bell rings at minute 7. For how many minutes does it wait for the chef?")
late

# %%
steps = predict(
    "In how many steps was the salad made? Each step begins with a tick: count the ticks.",
    why="The last step only found that nothing was left to do. It takes no time, and it is a step all the same.",
)
steps

# %%
at_work = [s for s in trace.spans if s.state == "running" and s.start <= 7.5 < s.end]
on.answer(trace.by_id[at_work[0].task].name)
woken = trace.task("soup").steps[1]
late.answer(woken.start - woken.ready)
steps.answer(trace.task("salad").polls)
last = trace.task("salad").steps[-1]
print(f"soup: ready at minute {woken.ready:g}, taken up at minute {woken.start:g}")
print(f"salad, last step: ready at minute {last.ready:g}, taken up at minute {last.start:g}")

# %% [markdown]
# Did it surprise you that the salad went on at minute 7, although the cook had asked "anybody else?" and the soup was calling? The loop looks at bells once a *turn*, not between two
# steps. The salad was in its queue again before it looked, and to ring a bell is an entry in the same queue; so the salad had two more steps before the soup
# had its turn. [Lesson 03](03_not_blocking.ipynb) has the rule.
#
# ### The same in words
#
# Each picture has a twin of plain text with the same facts, for a terminal, a screen reader, or a diff. `print` shows it:

# %% [markdown] tags=["notes"]
# **Cut.** Late? Leave out the rule of turns here, lesson 03 has it with pictures. Of this lesson
# only sections 1 to 3 are needed by the others; the tables are for the evening. Never cut the
# salad: who cannot read the picture gets nothing out of the rest of the day.

# %%
print(dinner)

# %% [markdown]
# ## The answer
#
# | to | write | what you get |
# |---|---|---|
# | try something in a cell | `await soup()` | its result; what it leaves behind stays in the kernel's loop |
# | see what happens | `await record(soup())` | a trace: a picture, numbers, findings; no task is left behind |
# | run a program in a file | `asyncio.run(soup())` | its result, on a loop of its own |
#
# And a timeline is read like this: **running**, a chef is on it; **idle**, it waits for something else; **scheduled**, it could go on, and no chef is free.
#
# ## The kitchen's words
#
# | in the kitchen | what it is | Rust, Tokio | Python, asyncio |
# |---|---|---|---|
# | the recipe with a bookmark | code that can stop at an `await` and go on later | future | coroutine |
# | a card on the rail | a coroutine handed to the loop, to run beside others | task | task |
# | to write a card | to make a task and queue it | `tokio::spawn(...)` | `asyncio.create_task(...)` |
# | the stub of the card | what you ask for the result | `JoinHandle` | the `Task` object |
# | the chef | a thread that runs tasks, one step at a time | worker thread | the loop's thread |
# | the manager, who says which card is next | the scheduler | runtime | event loop |
# | a chef is on it | **running** | being polled | a step of the task |
# | in the oven | **idle**: waits for a timer, a socket, another task | pending, not woken | waits for a future |
# | ready, no chef free | **scheduled**: in the queue of those that can go on | woken, in the run queue | in the loop's ready queue |
# | the bell | what makes an idle task ready again | waker | callback of a future |
# | hands-on work | work without an `await` | a long poll | a long step |
# | standing in front of the oven | holding the thread without working | `std::thread::sleep` | `time.sleep` |
# | using the oven | waiting without holding the thread | `tokio::time::sleep(...).await` | `await asyncio.sleep(...)` |
#
# The words *idle, scheduled, running, polls, busy* are those of tokio-console, a tool that shows Tokio's tasks live.

# %% [markdown]
# ## The same job in Rust, on Tokio
#
# Rust's future does nothing until it is awaited either, a runtime has to be started, and it cannot be started within another one. There is no
# notebook's loop running already, so `main` starts one. (In its Cargo.toml: `tokio = { version = "1", features = ["full", "test-util"] }`.)
#
# ```rust
# use std::time::Duration;
# use tokio::runtime::Builder;
# use tokio::time::sleep;
#
# async fn soup() -> &'static str {
#     sleep(Duration::from_secs(300)).await;
#     "a bowl of soup"
# }
#
# async fn evening() {
#     let dish = soup(); // nothing has run yet
#     println!("{}", dish.await);
#     let second = Builder::new_current_thread().enable_time().build().unwrap();
#     second.block_on(soup()); // panics: a runtime drives this thread already
# }
#
# fn main() {
#     let kitchen = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
#     kitchen.block_on(evening());
# }
# ```
#
# | | Rust, Tokio | Python, asyncio |
# |---|---|---|
# | call it: nothing runs | `let dish = soup();` | `dish = soup()` |
# | run it from inside | `dish.await` | `await dish` |
# | start a runtime, run one future to its end | `kitchen.block_on(soup())` | `asyncio.run(soup())` |
# | the short form for a program | `#[tokio::main] async fn main()` | `asyncio.run(main())` |
# | a second runtime inside the first | panic: *Cannot start a runtime from within a runtime* | RuntimeError: *asyncio.run() cannot be called from a running event loop* |
# | a clock that jumps | `start_paused(true)` | `record(...)`; asyncio itself has none |
# | called and never awaited | the compiler warns of a bare `soup();`; of `let dish = soup();` it says at most that `dish` is unused | a warning when it is thrown away |
#
# `start_paused` moves Tokio's own clock alone, as the virtual clock moves that of the loop alone: a
# `std::thread::sleep` or `time.sleep` takes its real time on both.

# %% [markdown]
# ## Where the metaphor breaks
#
# - A chef can leave a dish in the middle of a cut when it burns elsewhere. A thread that runs a task does not: until the next `await`
#   nothing can take the task off its hands.
# - An oven works. An idle task does not: a timer is an entry in a list, and nothing at all is computed until it is due.
# - A chef sees an empty rail and takes a break. Under the virtual clock there are no breaks: the minutes in which nobody has anything to do
#   are skipped.
#
# ## Try it
#
# 1. In `cook_dinner`, put the roast before the soup. Before you run it: who is scheduled now, and for how long?
# 2. Split the stare: `busy(3)`, `await asyncio.sleep(0)`, `busy(3)` in place of `busy(6)` in `stared_at_roast`. When is the soup served now?
# 3. Run `await record(asyncio.sleep(60), clock="real")` and press ■. Then do it with `await asyncio.sleep(60)`.
#
# <details><summary>What to look for</summary>
#
# 1. The soup, for 3 minutes, since the loop takes the cards in the order in which they were put into its queue. Later its bell rings at minute 10, while the roast is being carved, so
#    it waits for one more. Dinner is over at minute 12 instead of 13.
# 2. At minute 14, as before. The soup's bell rings at minute 7, and the roast ends a step at minute 8; but the roast is in the queue again before
#    anybody has looked at the bell, and then it keeps the chef until minute 13. Write six pieces of one minute, and the soup is served at minute 10: to
#    be heard and to have its turn, it needs two such pauses (lesson 03 says why). Or write `asyncio.sleep(0.5)` for the `sleep(0)`: now the roast really
#    waits, and the soup is served at minute 9.
# 3. The first comes back within a second. The second may take until its minute is over: the kernel hears of your Stop, but nothing
#    wakes its loop.
#
# </details>
#
# ## What to take away
#
# - In a cell: `await`. To see what happens: `await record(...)`, which has a loop and a thread of its own and leaves no task behind.
# - Three states: **running** (a chef is on it), **idle** (in the oven), **scheduled** (ready, and no chef free). `await` is the only place
#   where a chef can change dishes.
#
# **Beside the keyboard:** [what to write, and the trap](beside_the_keyboard.md)
#
# **Next:** [01 · Why not a chef for every customer?](01_task_cards.ipynb)

# %% [markdown]
# ## How far are you?
#
# Lessons 01 to 07 end with exercises: you write, and what the scheduler did with your code is judged. How many of them are done is said here, on any later evening too.

# %%
progress()

# %% [markdown]
# ## Deeper
#
# Which loop is whose, with two error messages that people search for; what Stop stops; and what nest_asyncio does to a kernel, and costs: all of it can be left out.

# %% [markdown] tags=["notes"]
# **Time.** Nothing from here on is needed in class. Take section 4 if somebody has "attached to a
# different loop" at work, and section 6 only at the very end of a day: it changes the kernel, and
# whoever ran it has to restart before the next lesson.

# %% [markdown]
# ## 4. Whose loop is it?
#
# Each thread can have one running loop. The kernel has its own; a run of `record` has another, in another thread, and closes it at the end. Two mistakes follow, and each has its message. The
# first: to use a loop after its time.

# %%
loops = []


async def remember_the_loop():
    loops.append(asyncio.get_running_loop())


await record(remember_the_loop())
loops.append(asyncio.get_running_loop())
print("loops:", len(set(loops)), "closed:", [loop.is_closed() for loop in loops])
try:
    loops[0].call_soon(print)
except RuntimeError as error:
    print(error)

# %% [markdown]
# **Event loop is closed**: something outlived its `asyncio.run`. Often it is a connection that was opened in one run and is used, or tidied up, after it. Open and close it inside of the same
# `main`. The second mistake: to await in one loop what belongs to another.


# %%
async def wait_for(dish):
    return await dish


of_the_kernel = asyncio.get_running_loop().create_future()
try:
    await record(wait_for(of_the_kernel))
except RuntimeError as error:
    print("... got Future", str(error).rpartition("> ")[2])

# %% [markdown]
# **Task got Future attached to a different loop**: a task awaited a future that another loop drives, perhaps in another thread, and asyncio refused to hang its bell there. Locks, events and queues say it in
# other words (*is bound to a different event loop*) when the second loop has to wait at them. The usual cause is such a thing at module level, made once and used by two runs. Make it inside the coroutine.

# %% [markdown]
# ## 5. What Stop stops
#
# Press ■ during a run of `record`: the cell comes back within a second, and every task of the run is cancelled and
# awaited. (A call that blocks its thread cannot be cancelled; the cell comes back all the same, and the thread stays until the call is over.) A plain `await asyncio.sleep(60)` in a cell does not come back that soon: the kernel hears of your Stop, but nothing wakes its loop.
# What the button sends to the cell is a cancel, and this cell sends one to a run that needs a minute of real time:

# %%
# NBVAL_IGNORE_OUTPUT
run = asyncio.create_task(record(asyncio.sleep(60), clock="real"))
await asyncio.sleep(0.2)
began = time.perf_counter()
run.cancel()
try:
    await run
except asyncio.CancelledError:
    stopped_after = time.perf_counter() - began
print(f"stopped after {stopped_after:.2f} s of 60")

# %%
print("cancelled:", run.cancelled(), "- within 5 seconds:", stopped_after < 5)

# %% [markdown]
# ## 6. What does nest_asyncio do?
#
# Search the web for the error of section 1, and you are told to write `nest_asyncio.apply()` at the top of the notebook. The error goes away.
# Here is what goes with it. **From here on your kernel is changed**; a restart brings the old one back, and no lesson after this
# one uses it. (On Python 3.14 and later the package is nest_asyncio2.)


# %%
def in_charge():
    turn = type(asyncio.get_running_loop())._run_once
    parts = {"asyncio.run": asyncio.run, "one turn of the kernel's loop": turn}
    parts |= {"asyncio.Task": asyncio.Task, "asyncio.Future": asyncio.Future}
    return {name: part.__module__ for name, part in parts.items()}


before = in_charge()

# %%
# NBVAL_IGNORE_OUTPUT
try:
    import nest_asyncio as nest
except ImportError:  # Python 3.14 and later
    import nest_asyncio2 as nest

nest.apply()
after = in_charge()
for name in before:
    print(f"{name:30} {before[name]:20} -> {after[name]}")

# %%
own = [name for name in after if after[name].startswith("nest")]
print("nest_asyncio's own now:", *own, sep="\n- ")
pure = (after["asyncio.Task"], after["asyncio.Future"]) == ("asyncio.tasks", "asyncio.futures")
print("on Python 3.11 to 3.13, tasks are pure Python now:", pure or sys.version_info >= (3, 14))

# %% [markdown]
# All four, and some more (`run_until_complete`, `run_forever`, `get_event_loop`), for everything in this kernel, whoever runs it. `_asyncio`, with the underscore, is the version in C that Python uses by itself;
# `asyncio.tasks` is the same in Python, which is there as a fallback. Up to Python 3.13, every task that this kernel makes from now on is of the
# second kind; on 3.14 nest_asyncio2 leaves tasks alone. (If both columns are the same, you had run the cell before.)
#
# Now `asyncio.run` works in a cell. In a plain Python file, `asyncio.run(forgetful())` leaves no stew on the stove: it cancels
# what is left and closes its loop. And now?

# %%
print(asyncio.run(forgetful()))
left = [task for task in asyncio.all_tasks() if task.get_name() == "stew"]
print("stews left on the kernel's stove:", len(left))
for stew_left in left:
    stew_left.cancel()

# %% [markdown]
# It is not the `asyncio.run` that you know. It has no loop of its own; it turns the kernel's loop by hand until the coroutine is done. What is left is
# left in the kernel, without a word.
#
# ### What it costs
#
# 10,000 tasks, each in the oven for a moment. It is measured in fresh processes, in CPU seconds, with and without nest_asyncio.

# %%
PROGRAM = """
import asyncio, importlib, sys, time

async def main():
    if sys.argv[1:]:
        importlib.import_module(sys.argv[1]).apply()
    began = time.process_time()
    await asyncio.gather(*[asyncio.sleep(0.001) for _ in range(10_000)])
    print(time.process_time() - began)

asyncio.run(main())
"""


def measure(*package):
    run = [sys.executable, "-c", PROGRAM, *package]
    return float(subprocess.run(run, capture_output=True, check=True).stdout)


# %% tags=["measures"]
# NBVAL_IGNORE_OUTPUT
seconds = {"without": [], "with": []}
for _ in range(5):
    seconds["without"].append(await asyncio.to_thread(measure))
    seconds["with"].append(await asyncio.to_thread(measure, nest.__name__))
plain, patched = median(seconds["without"]), median(seconds["with"])
print(f"{plain:.3f} s without, {patched:.3f} s with nest_asyncio: {patched / plain:.2f} times")

# %%
print("pure-Python tasks cost at least a fifth more:", patched > 1.2 * plain or not pure)

# %% [markdown]
# ### And `record`?
#
# It has a loop of its own and a kind of task of its own, made from the C one. It needs nothing patched, and it should not mind what somebody else
# patched. The dinner of section 3, once more:

# %%
again = await record(cook_dinner(), unit="minutes")
differing = sum(old != new for old, new in zip(dinner.spans, again.spans, strict=True))
print(f"{len(again.spans)} spans, {differing} of them differ from the first time")

# %% [markdown]
# So take nest_asyncio where code that is not yours insists on
# calling `asyncio.run` inside a running loop, and you know what you pay. Restart the kernel now.
