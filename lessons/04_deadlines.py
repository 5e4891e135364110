# ---
# jupyter:
#   kernelspec: {display_name: Python 3 (ipykernel), language: python, name: python3}
#   lesson:
#     number: "04"
#     name: deadlines
#     question: "What is left behind when time is up?"
#     article: "time::timeout"
# ---

# %% [markdown]
# # 04 · What is left behind when time is up?
#
# A guest sits down and says: "I have two minutes." The manager clips an alarm clock to the card. If the soup comes first, the alarm is
# taken off and nobody hears it. If the alarm rings first, the guest gets bread and leaves. That is the guest's side of it. On the
# other side there is a pot on the stove, half a soup, and a cook who was in the middle of something. Who tells the cook? Does the cook
# listen? And who washes the pot?
#
# A **deadline** is a moment on the clock; a **timeout** is a stretch of time from now on. Both end in the same alarm:
# `asyncio.timeout` in Python, `tokio::time::timeout` in Rust.
#
# **You will**
# - put a deadline on one call and on several, and turn "too late" into a value or a fallback;
# - see what an alarm does inside the call that it ends, and what that call may still do;
# - know what an alarm cannot end, and what it leaves behind.
#
# **The clock.** Every run here is on the *virtual clock*, in kitchen minutes, so every number below is the same on your machine.

# %%
import asyncio
from contextlib import suppress

from helpers import busy, compare, lab, load_recording, predict, record

# %% [markdown]
# ## 1. The soup or the alarm
#
# A soup needs five minutes on the stove. Two guests order one each. The patient one has eight minutes, the hurried one has two.


# %%
async def soup():
    await asyncio.sleep(5)  # on the stove
    return "a bowl of soup"


async def guest(patience):
    async with asyncio.timeout(patience):
        return await soup()


async def main():
    patient = asyncio.create_task(guest(8), name="patient")
    hurried = asyncio.create_task(guest(2), name="hurried")
    return await asyncio.gather(patient, hurried, return_exceptions=True)


# %%
predict(
    "What does the hurried guest have in hand at minute 2?",
    {
        "None": "A block that returns nothing would be mistaken for a dish of nothing.",
        "half a soup": "A coroutine has no half of its value.",
        "CancelledError": "That is what the cook gets, inside; section 3 shows it.",
        "TimeoutError": "",
    },
    measure=lambda trace: type(trace.result[1]).__name__,
    why="The block raises, so nobody can mistake it for a dish.",
)

# %% [markdown] tags=["notes"]
# **Ask.** Hands for the four, and let somebody who said `None` and somebody who said
# `TimeoutError` defend it: what would the caller do with it? Go and JavaScript people have reasons
# for `None`. The argument that wins: a dish of nothing looks like a dish.

# %%
trace = await record(main(), unit="minutes")
for name, brought in zip(("patient", "hurried"), trace.result, strict=True):
    print(f"{name} knew at minute {trace.task(name).ended:g}: {brought!r}")
print("tasks:", ", ".join(task.name for task in trace.tasks))
trace

# %% [markdown] tags=["notes"]
# **Break it.** In `soup`, change `await asyncio.sleep(5)  # on the stove` to `busy(5)`: it prints
# `hurried knew at minute 10: 'a bowl of soup'`. No alarm, no error, eight minutes late. Do not
# explain it; say "an alarm can fail silently, and section 6 says when", and put the line back. Who
# has timeouts in production is awake now.

# %% [markdown]
# The patient guest got a value at minute 5, and the alarm of minute 8 was taken off. (`return_exceptions=True` has `gather` return what a guest
# raises in the place of a dish.) There are three tasks: `main` and the guests. `asyncio.timeout` makes no task of its own and no thread; it is one
# timer in the loop's list. (`asyncio.wait_for` is the older spelling, and up to Python 3.11 it does make a task. `asyncio.TimeoutError` is the same
# class by its older name.)
#
# The block is what the alarm is clipped to: whatever is awaited inside belongs to it.

# %% [markdown]
# ## 2. Ok and Err
#
# Rust has no exceptions. Its `timeout(...)` returns a `Result`, `Ok(value)` or `Err(Elapsed)`, and you must look which of the two it is
# before you can use the value. Python's "it returned" and "it raised" are the same two endings. Five lines turn one form into the other:


# %%
async def within(minutes, recipe):
    try:
        async with asyncio.timeout(minutes):
            return "Ok", await recipe
    except TimeoutError:
        return "Err", "Elapsed"


for minutes in (8, 2):
    print((await record(within(minutes, soup()), unit="minutes")).result)

# %% [markdown]
# Most of the time you do not want to know, you want something to eat. Then the answer to the alarm is a **fallback**. Three guests, each with a
# deadline of two minutes. The kitchen needs 1, 5 and 60 minutes for them.


# %%
async def order(minutes_on_the_stove, patience=2):
    try:
        async with asyncio.timeout(patience):
            await asyncio.sleep(minutes_on_the_stove)
            return "soup"
    except TimeoutError:
        return "bread"


async def three_orders():
    cards = [asyncio.create_task(order(n), name=f"needs {n} min") for n in (1, 5, 60)]
    return await asyncio.gather(*cards)


trace = await record(three_orders(), unit="minutes")
print(f"{trace.result} at minute {trace.duration:g}")
trace

# %% [markdown] tags=["notes"]
# **Break it.** Change `await asyncio.sleep(minutes_on_the_stove)` to `busy(minutes_on_the_stove)`:
# it prints `['soup', 'soup', 'soup'] at minute 66`. Three deadlines of two minutes, and an evening
# of 66. The article says that one slow call does not drag the service down; ask the class which
# word is missing in that sentence ("one slow call *that awaits*").

# %% [markdown]
# One dish would have needed an hour, and it held nobody up. This is what the article behind this course ([lesson 01](01_task_cards.ipynb) names it)
# means when it says that a slow call does not drag the service down. Sections 5 to 7 show when that is not true.

# %% [markdown]
# ## 3. What the alarm does inside
#
# So far you saw the guest. Now look at the cook. This soup keeps a diary. Each line says what it has come to. The alarm
# rings at minute 2.


# %%
def minute():
    return asyncio.get_running_loop().time()


async def careful_soup(diary):
    try:
        await asyncio.sleep(5)
        diary.append(f"{minute():g}: ready")
    except asyncio.CancelledError:
        diary.append(f"{minute():g}: told to stop")
        raise
    finally:
        await asyncio.sleep(1)  # take the pot down
        await asyncio.sleep(2)  # it must cool
        diary.append(f"{minute():g}: pot put away")


# %%
async def main():
    diary = []
    try:
        async with asyncio.timeout(2):
            await careful_soup(diary)
    except TimeoutError:
        diary.append(f"{minute():g}: the guest hears: time is up")
    return diary


# %%
predict(
    "Which of its lines does the soup write?",
    {
        "none: it is gone at minute 2": "Tokio would do so. asyncio raises inside the coroutine.",
        "ready": "The await before that line never came back with a value.",
        "told to stop": "A `finally` runs too, and may await.",
        "told to stop, pot put away": "",
    },
    measure=lambda trace: ", ".join(line.split(": ")[1] for line in trace.result[:-1]),
    why="The alarm raises `CancelledError` at the await; from there it is ordinary Python.",
)

# %% [markdown] tags=["notes"]
# **They will say.** Rust people: "none, it is dropped." Right, in Tokio. Most Python people: "told
# to stop", and that the `finally` may not await any more. It may. On the board, the two ways of
# dying: dropped in silence, or an exception inside. All the rest of this lesson follows from the
# second.

# %%
predict(
    "At which minute does the guest hear that time is up?",
    measure=lambda trace: float(trace.result[-1].split(":")[0]),
    why="The alarm of minute 2, one minute of taking down, two of cooling: the block waits for all.",
)

# %%
trace = await record(main(), unit="minutes")
print(*trace.result, sep="\n")
trace

# %% [markdown] tags=["notes"]
# **Break it.** Change `await asyncio.sleep(2)  # it must cool` to `await asyncio.sleep(20)`: it
# prints `23: the guest hears: time is up`. The alarm was for 2. So "timeout=2" is no promise of
# two minutes; it is the moment of a wish, and the clean-up says when it is granted. Ask for
# clean-ups of theirs that wait: a rollback, a `close()`, a flush.

# %% [markdown]
# The alarm does not stop anything. It **cancels** the task: asyncio raises `CancelledError` at the await where the task stands. The line after the
# await never ran; `except` and `finally` did. They may await, and take as long as they like. The block turned the `CancelledError` into a
# `TimeoutError` on its way out, three minutes after the alarm.
#
# Two rules follow. Inside the block you meet `CancelledError`, outside of it `TimeoutError`; so an `except TimeoutError` inside never sees its
# own block's alarm. And **a deadline says when the wish is made, not when it is granted.**
#
# In Tokio the future is *dropped*: none of its code runs again, only the destructors of what it held (`Drop`). A destructor may compute or block, but
# it cannot await. So `Err` comes at minute 2, and a pot that must cool is for another task to look after.

# %% [markdown]
# ## 4. A budget for several calls
#
# Dinner is three courses of three minutes each, and the guest has seven minutes. One kitchen gives each course a deadline of four minutes.
# The other works out *once* when the guest has to leave, and passes that moment on (`timeout_at`).


# %%
async def dinner(alarm_for_a_course):
    eaten = []
    try:
        for course in ("soup", "roast", "cake"):
            async with alarm_for_a_course():
                await asyncio.create_task(asyncio.sleep(3), name=course)
                eaten.append(course)
    except TimeoutError:
        pass
    return f"{', '.join(eaten)} by minute {minute():g}"


async def four_minutes_each():
    return await dinner(lambda: asyncio.timeout(4))


async def one_budget():
    leave_at = minute() + 7
    return await dinner(lambda: asyncio.timeout_at(min(leave_at, minute() + 4)))


# %%
predict(
    "Four minutes for each course: what is eaten, and by when?",
    {
        "soup by minute 4": "The soup needs 3 minutes; the roast then has 4 of its own.",
        "soup, roast by minute 7": "No alarm knows that the guest has seven minutes.",
        "soup, roast, cake by minute 9": "",
    },
    measure=lambda trace: trace.result,
    why="Each course is in time, and nobody adds them up.",
)

# %% [markdown] tags=["notes"]
# **Ask.** Have each write down a number: how long may a request take that makes three calls with a
# timeout of 4 each? Then who has such a service, and what did they promise to their callers? The
# sum is 12, and nobody ever wrote 12 anywhere. Then run.

# %%
each = await record(four_minutes_each(), unit="minutes")
shared = await record(one_budget(), unit="minutes")
print(f"4 minutes each:   {each.result}\n7 minutes in all: {shared.result}")
shared

# %% [markdown] tags=["notes"]
# **Break it.** Change `minute() + 7` to `minute() + 9`: it prints
# `7 minutes in all: soup, roast by minute 9`. (The label stays; the budget is 9.) The cake would
# be ready at minute 9, the alarm rings at minute 9, and the alarm was set first. A budget that is
# just enough is not enough: leave room.

# %% [markdown]
# With an alarm each nobody was late, and dinner took nine minutes; with one moment the cake had one minute left. Timeouts do not add up to a promise:
# three calls with four minutes each may take twelve. A moment does. `min(leave_at, minute() + 4)` reads "four minutes for this course, and never past
# the end". In a service that moment travels with the request, from one function to the next.

# %% [markdown]
# ## 5. The alarm and a card
#
# Up to now the alarm was on a recipe, a coroutine that nobody else had. Now somebody wrote a card earlier: the roast is a *task*, and the guest
# awaits its handle, for two minutes at most. Perhaps others wait for the same roast. There are two roasts, six minutes each. `main` waits two minutes
# for the first, then two for the second, which it has put under `asyncio.shield`, a **shield**: a wrapper that can be cancelled in
# its place.


# %%
async def roast():
    await asyncio.sleep(6)
    return "roast"


async def main():
    plain = asyncio.create_task(roast(), name="plain")
    shielded = asyncio.create_task(roast(), name="shielded")
    answers = [await within(2, plain), await within(2, asyncio.shield(shielded))]
    answers.append(f"and in the end: {await shielded}")
    return answers


# %%
predict(
    "What has become of the two roasts at minute 6?",
    {
        "both are served": "The first alarm cancels what it waits for: the task itself.",
        "plain is cancelled, shielded served": "",
        "both are cancelled": "The shield takes the blow; the task under it does not hear of it.",
    },
    measure=lambda trace: {
        ("returned", "returned"): "both are served",
        ("cancelled", "returned"): "plain is cancelled, shielded served",
        ("cancelled", "cancelled"): "both are cancelled",
    }[trace.task("plain").outcome, trace.task("shielded").outcome],
    why="In asyncio an alarm over a handle cancels the task.",
)

# %%
trace = await record(main(), unit="minutes")
for name in ("plain", "shielded"):
    print(f"{name}: {trace.task(name).outcome} at minute {trace.task(name).ended:g}")

# %% [markdown] tags=["notes"]
# **Break it.** Change `within(2, plain)` to `within(2, asyncio.wait([plain]))`: it prints
# `plain: returned at minute 6`. To await a task passes the alarm on to it; to `wait` for it only
# looks. So there are two ways to leave the work running, `shield` and `wait`. Ask whose handle it
# is: who shares a task may not kill it.

# %% [markdown]
# Both guests were told "too late" after two minutes. Behind the first one the roast was thrown away; whoever else awaited that handle
# got a `CancelledError`. Behind the second one it went on and was served at minute 6.
#
# ### Side by side
#
# And in Tokio? You need no Rust to see it run: runs of it were recorded and come with the course. In this one `database` is a task of half a second,
# the alarm over its handle is set for 0.2 s, and afterwards main waits for `database` to end. Here is the program in Python, with the same names and
# times. `compare` draws both runs on one axis.


# %%
async def alarm_over_a_handle():
    database = asyncio.create_task(asyncio.sleep(0.5), name="database")
    with suppress(TimeoutError):
        async with asyncio.timeout(0.2):  # timeout(ms(200), &mut database).await
            await database
    with suppress(asyncio.CancelledError):
        await database  # database.await


# %%
predict(
    "And on Tokio: at which second does `database` end?",
    {
        "0.2 s": "The alarm drops the handle, and a task is not its handle.",
        "0.5 s": "",
    },
    measure=lambda _: (
        f"{load_recording('timeout_handle', clock='virtual').task('database').ended:g} s"
    ),
    why="Tokio's alarm ends the waiting, and not the task.",
)

# %%
tokio = load_recording("timeout_handle", clock="virtual")
compare(await record(alarm_over_a_handle()), tokio)

# %% [markdown] tags=["notes"]
# **They will say.** Tokio people: "a timeout over a handle cancels nothing." Python people: "of
# course it cancels." Both are at home in one of the two lanes; let one of each explain the other's
# picture. On the board: Tokio drops the *handle*, asyncio cancels the *task*. It is the difference
# to remember from this lesson.

# %% [markdown]
# **This is the great difference.** In Tokio `timeout(two_minutes, handle)` drops the *handle*, and the task runs on, detached; it
# is cancelled only if you call `abort()`. So an alarm over a handle leaves work behind in Tokio; in asyncio it cleans up, and
# takes the work from everybody else. `shield` gives you Tokio's behaviour in Python. Take it for what must not be cut in half, such as a
# payment, *keep the handle*, and await it before `main` returns, which else cancels it all the same: a shield holds off the one who waits, not the
# end of the run. A shield round a coroutine leaves a task whose handle nobody has ([lesson 02](02_spawn.ipynb)).

# %% [markdown]
# ## 6. Both hands full
#
# The cook sharpens all the knives: five minutes with both hands. The guest has two minutes. There are three ways to do it: in one
# go; in four pieces with an await after each; or by a helper, in a thread.


# %%
async def in_one_go():
    busy(5)
    return "sharp knives"


async def in_pieces(pieces=4):
    for _ in range(pieces):
        busy(5 / pieces)
        await asyncio.sleep(0)  # "anyone else?"
    return "sharp knives"


async def by_a_helper():
    await asyncio.to_thread(busy, 5)
    return "sharp knives"


def how_it_went(trace):
    return f"{trace.result[0]} at minute {trace.task('within').ended:g}"


# %%
predict(
    "In one go: what does the guest get, and when?",
    {
        "Err at minute 2": "To hear the alarm the loop would need the thread.",
        "Err at minute 5": "When the loop is free again, the dish is there.",
        "Ok at minute 5": "",
    },
    measure=how_it_went,
    why="The block is over before anybody has looked at the alarm.",
)

# %%
one_go = await record(within(2, in_one_go()), unit="minutes")
print(one_go.result, how_it_went(one_go))

# %%
predict(
    "In four pieces of 1.25 minutes: at which minute is the guest told?",
    measure=lambda trace: trace.task("within").ended,
    why="The loop looks at 2.5, and the alarm queues behind one more piece. At 3.75 it rings: the cook stands in the queue already, and that next step is the one that raises.",
)

# %%
pieces = await record(within(2, in_pieces()), unit="minutes")
helper = await record(within(2, by_a_helper()), unit="minutes")
for way, trace in {"in pieces": pieces, "by a helper": helper}.items():
    print(f"{way}: {how_it_went(trace)}; all over at {trace.duration:g}")
print(helper.findings[0])
pieces

# %% [markdown] tags=["notes"]
# **Break it.** Delete `await asyncio.sleep(0)`: it prints `in pieces: Ok at minute 5`. Then put it
# back and change `pieces=4` to `pieces=100`: it prints `in pieces: Err at minute 2.05`. An alarm
# is as exact as the steps are short. The helper's row does not change: on time, and five minutes
# of work for nobody.

# %% [markdown]
# **In one go: Ok, at minute 5.** No `TimeoutError` at all, and three minutes late. The alarm is a callback in the loop's list, and the loop was held.
# When the chef looked up again the dish was there, the block was over, and its alarm was taken off without having rung. The article's promise does
# not hold here: a deadline is only as good as the awaits under it. Tokio does the same, for the same reason. (If you need to know, ask the clock, not
# the alarm.)
#
# **In pieces: Err, at minute 3.75.** The loop looks at its alarms once a *turn* ([lesson 03](03_not_blocking.ipynb)). In the picture the first look
# after minute 2 is at 2.5, with the cook already in the queue, and so the alarm comes behind one more piece. It costs one
# turn and not the two of lesson 03: the cook is in the queue already, and has not to be put there. Beside other cooks it takes longer
# (section 14).
#
# **By a helper: Err, at minute 2**, on time, and the chef was free. But read what was found in that run. Nobody can cancel a thread that has begun;
# what the alarm ended was the *waiting*. Five minutes of work were paid for and thrown away, and the program's end waits for them. Under load that is
# how thread pools fill up with work that nobody wants.

# %% [markdown]
# ## 7. A cook who says no
#
# This cook hears the cancel, says no, and goes on. The soup needs six minutes in all; the alarm rings at minute 2.


# %%
async def stubborn_soup():
    ready_at = minute() + 6
    while (left := ready_at - minute()) > 0:
        with suppress(asyncio.CancelledError):  # "not now!"
            await asyncio.sleep(left)
    return "a bowl of soup"


async def main():
    card = asyncio.create_task(stubborn_soup(), name="soup")
    async with asyncio.timeout(2) as alarm:
        dish = await card
    return f"{dish} at minute {minute():g}; the alarm rang: {alarm.expired()}"


# %%
predict(
    "What does the guest get, and when?",
    {
        "TimeoutError at minute 2": "The block waits for what it has cancelled.",
        "TimeoutError at minute 6": "The block makes a `TimeoutError` only of a `CancelledError` that comes out of it.",
        "a bowl of soup at minute 6": "",
    },
    measure=lambda trace: trace.result.split(";")[0],
    why="The alarm cancelled the guest, whose await passed it on to the soup, and the soup swallowed it: no `CancelledError` came back to the block, only a dish.",
)

# %%
trace = await record(main(), unit="minutes")
print(trace.result)
trace

# %% [markdown] tags=["notes"]
# **Break it.** Change `dish = await card` to `dish = await asyncio.shield(card)`: it prints
# `TimeoutError`. Now the guest leaves on time, and the stubborn soup cooks on behind the shield.
# You cannot make such a cook obey; you can only stop waiting. Then find the cook in real code:
# `except BaseException`, or a `return` in a `finally`.

# %% [markdown]
# The alarm rang, in time, and the guest still sat there until minute 6 and was served. Only `expired()` knows.
#
# Hardly anybody means to write such a cook. Instead of `suppress` it may read `except BaseException`, or a bare `except:`, or there is a `return` in
# a `finally`. That is why code that catches `CancelledError` should end in `raise`. In Tokio nobody is asked: the task is dropped at its next
# `await` that yields. But if it never comes to one, `abort()` does nothing there either.
#
# A guest who must leave at minute 2 whatever the cook says can only *stop waiting*: `asyncio.wait([card], timeout=2)` comes back at minute 2, with
# the card still pending (section 13).
#
# Here is the answer to the question of this lesson, in one table:
#
# | the deadline is on | what the guest gets | what is left behind |
# |---|---|---|
# | a coroutine that awaits | `TimeoutError`, when its clean-up is done | nothing |
# | a task's handle | `TimeoutError`; the task is cancelled, for everybody | nothing |
# | a shielded task | `TimeoutError` on time | the task, running |
# | `asyncio.wait(..., timeout=...)` | "pending", on time | the task, running |
# | `to_thread(...)` | `TimeoutError` on time | the thread, working |
# | blocking code | the value, late | nothing, but everybody was held |
# | a task that refuses | the value, late | nothing, but you waited |

# %% [markdown]
# ## 8. The lab
#
# One call, one deadline, one fallback, in milliseconds. Choose how long the call takes, how it spends that time, and what it does when it is
# cancelled. Say first what the guest will get; then run it.
#
# Find two different ways to get *the fresh dish, but late*. Then find a fallback that comes late although nobody held the chef.

# %% [markdown] tags=["notes"]
# **Check.** Pairs, five minutes, two finds. "Fresh, but late": hands-on work, or a call that
# refuses. "A fallback that comes late": a clean-up that takes time. Who found only one of the
# first has understood blocking and not cancelling; send them back to section 7.

# %%
# NBVAL_IGNORE_OUTPUT
lab("deadlines")

# %%
for work in (2, 4, 6):
    oven = await record(within(3, asyncio.sleep(work)))
    print(f"deadline 3, work {work}: {oven.result[0]}, told at {oven.duration:g}")

# %% [markdown]
# For a call that ends when it is told to, you are told at the earlier of deadline and work if it waits for the oven, and when the work is done,
# whatever the deadline, if it is hands-on.

# %% [markdown]
# ## 9. The same job in Rust
#
# A soup under a deadline, with bread as the fallback; then a deadline over the handle of a roast. (`Cargo.toml`:
# `tokio = { version = "1", features = ["full"] }`.)
#
# ```rust
# use std::time::Duration;
# use tokio::time::{sleep, timeout};
#
# async fn cook(dish: &'static str, minutes: u64) -> &'static str {
#     sleep(Duration::from_secs(minutes)).await;
#     dish
# }
#
# #[tokio::main(flavor = "current_thread")]
# async fn main() {
#     let patience = Duration::from_secs(2);
#
#     let eaten = match timeout(patience, cook("soup", 5)).await {
#         Ok(dish) => dish,
#         Err(_elapsed) => "bread",
#     };
#     println!("{eaten}");
#
#     let mut roast = tokio::spawn(cook("roast", 5));
#     if timeout(patience, &mut roast).await.is_err() {
#         println!("still cooking: {}", !roast.is_finished());
#         println!("in the end: {}", roast.await.unwrap());
#     }
# }
# ```
#
# It prints `bread`, `still cooking: true` and `in the end: roast`.
#
# | | Tokio | asyncio |
# |---|---|---|
# | a recipe under an alarm | `timeout(d, cook("soup", 5)).await` | `async with asyncio.timeout(d):` |
# | the task outlives the alarm | `timeout(d, &mut roast)` | `await asyncio.shield(roast)` in the block |
# | the task does not | and then `roast.abort()` | `await roast` in the block |
# | a moment to hand on | `timeout_at(moment, ...)` | `asyncio.timeout_at(moment)` |
# | what the alarm does | drops the future | raises `CancelledError` inside |
# | what still runs then | destructors, which cannot await | `except` and `finally`, which can |
# | can it be refused | no; but it is heard only at an `await` | yes |
# | when is it known | when the alarm rings | when the clean-up is done |
# | over blocking code | cannot fire: `Ok`, and late | cannot fire: the value, and late |

# %% [markdown]
# ## Where the metaphor breaks
#
# - You hear an alarm clock while your hands are busy. The loop does not: it looks at its list of alarms once a turn, and at no other time.
# - A guest who leaves does not pull the cook by the sleeve. In asyncio the alarm does exactly that: the exception is raised inside the cook's own
#   code, at the line where the cook waits.
# - In a kitchen half a soup is something. A cancelled coroutine leaves only what it has put somewhere else before.
#
# ## Try it
#
# 1. In section 3, give the clean-up a deadline of its own: one minute for the cooling, with `asyncio.timeout` inside the `finally`. Does it work in a task
#    that is being cancelled?
#    <details><summary>What to look for</summary>It does. The cancel was delivered once, at the sleep; the <code>finally</code> is ordinary code. The inner alarm rings at minute 4.
#    Its <code>TimeoutError</code> must be caught in the <code>finally</code>, or the guest gets that one.</details>
# 2. In section 6, sharpen in 20 pieces. When is the guest told now? And in 5?
#    <details><summary>What to look for</summary>In 20 pieces at minute 2.25, in 5 pieces at minute 3. At minute 2 a piece ends in both, and the loop looks at the alarm then; it still comes
#    behind one piece.</details>
# 3. In section 5, let a second task await <code>plain</code> as well, without a deadline. What does it get at minute 2? Let it print that:
#    <code>print(await plain, minute())</code> in a <code>try</code>, and behind it, in an <code>except BaseException as error</code>,
#    <code>print(repr(error), minute())</code>.
#    <details><summary>What to look for</summary><code>CancelledError</code>, at its <code>await plain</code>, although nobody cancelled it. Somebody else's impatience has
#    taken its roast. With <code>shield</code> in <code>main</code> it is served at minute 6.</details>
#
# ## What to take away
#
# - An alarm is a wish to cancel, made at a moment. It is heard at an await, and granted when the clean-up is done.
# - Time that is shared is a moment (`timeout_at`), not a timeout for each call.
# - Over a handle asyncio cancels the task and Tokio leaves it running. Say which you want: `await task`, or `await shield(task)` with the handle
#   kept, and awaited in the end.
#
# **Beside the keyboard:** [what to write, and the trap](beside_the_keyboard.md)
#
# **Next:** [05 · What happens to the loser?](05_first_wins.ipynb)

# %% [markdown]
# ## Exercises
#
# Deadlines in a web service, in seconds. `hint("04.clients")` helps, and `solution("04.clients")` shows one answer.

# %% [markdown] tags=["notes"]
# **Time.** `04.retries` in class, ten minutes. The usual wrong answer adds
# `asyncio.CancelledError` to the `except`, "to be safe": `check` then tells when time was up and
# how much later they answered. `04.clients` is for paper. `04.undo` is hard; keep it for a term.

# %%
import asyncio
from contextlib import suppress

from helpers import check, hint, progress, solution

# %% [markdown]
# ### Predict: five questions on four clients
#
# Read the program; do not run it. After how many seconds does each of the four clients have an answer, be it new or old? And how many of the four
# answers are new?


# %%
async def query(seconds, clean_up):
    try:
        await asyncio.sleep(seconds)
        return "new rows"
    finally:
        await asyncio.sleep(clean_up)


async def until(seconds, recipe):
    async with asyncio.timeout(seconds):
        return await recipe


async def client(recipe):
    try:
        return await recipe
    except TimeoutError:
        await asyncio.sleep(1)  # ask the cache
        return "old rows"


# %%
async def requests():
    async with asyncio.TaskGroup() as group:
        group.create_task(client(until(4, query(2, 1))), name="Anna")
        group.create_task(client(until(4, query(3, 2))), name="Bob")
        group.create_task(client(until(4, query(6, 2))), name="Cleo")
        group.create_task(client(until(5, until(3, query(6, 4)))), name="Dora")


# %%
has_rows = {"Anna": ..., "Bob": ..., "Cleo": ..., "Dora": ..., "new": ...}

# %% tags=["solution"]
has_rows = {"Anna": 3, "Bob": 5, "Cleo": 7, "Dora": 6, "new": 1}

# %%
check("04.clients", (requests, has_rows))

# %% [markdown]
# ### Mend: the deadline that ends nothing
#
# `await ask()` brings a price, raises `OSError`, or hangs. So each call gets a second, and after half a second of pause the next one is made; but
# `seconds` after the start "no price today" is returned, whatever is under way. The alarm does ring, and yet the loop goes on asking. Mend it. Who
# cancels `keep_asking` from outside shall see it end at once, as cancelled.


# %%
async def keep_asking(ask, seconds):
    try:
        async with asyncio.timeout(seconds):
            while True:
                try:
                    async with asyncio.timeout(1):
                        return await ask()
                except BaseException:  # whatever it was
                    await asyncio.sleep(0.5)
    except TimeoutError:
        return "no price today"


# %% tags=["solution"]
async def keep_asking(ask, seconds):
    try:
        async with asyncio.timeout(seconds):
            while True:
                try:
                    async with asyncio.timeout(1):
                        return await ask()
                except (OSError, TimeoutError):  # and no CancelledError
                    await asyncio.sleep(0.5)
    except TimeoutError:
        return "no price today"


# %%
check("04.retries", keep_asking)

# %% [markdown]
# ### Write: a page in time
#
# `parts` is a dictionary: to each name a function, and `await function()` brings that part of a page. Call them one after another, in their order:
# none for longer than `each` seconds, and all together for no longer than `total`. Return a dictionary with the same names in the same order: the
# part, or `None` where time was up. Nothing is left running. (The clock is the loop's, `asyncio.get_running_loop().time()`; `time.monotonic()` stands
# still here.)


# %%
async def build_page(parts, each, total):
    """A page after `total` seconds at the latest."""
    # solution
    now = asyncio.get_running_loop().time
    end = now() + total
    page = dict.fromkeys(parts)
    for name, part in parts.items():
        with suppress(TimeoutError):
            async with asyncio.timeout_at(min(end, now() + each)):
                page[name] = await part()
    return page


# %%
check("04.page", build_page)

# %% [markdown]
# ### Mend: half undone
#
# `save_all` saves all orders or none, one after the other: if it fails, `await undo()` takes back what was saved, in one second. But orders of clients that hung up stay
# saved; and a server that stops cancels the request once more, and cuts an undo in half. Mend it: after a failure or a cancel, `undo` is called once
# and runs to its end, *however often the request is cancelled meanwhile*. Only then does the first exception get out.


# %%
async def save_all(orders, save, undo):
    try:
        return [await save(order) for order in orders]
    except Exception:
        await undo()
        raise


# %% tags=["solution"]
async def save_all(orders, save, undo):
    try:
        return [await save(order) for order in orders]
    except BaseException:
        undoing = asyncio.create_task(undo())
        while not undoing.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(undoing)
        raise


# %%
check("04.undo", save_all)

# %% tags=["differs-again"]
progress("04")

# %% [markdown]
# ## Deeper
#
# Four ways to set an alarm, two alarms over one await, retries, how late an alarm is heard, something every five minutes, and two more programs
# beside Tokio's: each can be left out.

# %% [markdown] tags=["notes"]
# **Cut.** Half a day: sections 1 to 3, 6 and the lab, and with Tokio people the picture of section
# 5. If somebody writes clients, show section 12 (retries) in place of the lab. Section 15 ("every
# five minutes") answers a question that comes up in each class; note where it is, and send them
# there.

# %% [markdown]
# ## 10. One alarm, four spellings
#
# | you write | the alarm is set for | it is clipped to |
# |---|---|---|
# | `async with asyncio.timeout(2):` | two minutes from now | a block |
# | `async with asyncio.timeout_at(12):` | minute 12 of the loop's clock | a block |
# | `await asyncio.wait_for(soup(), 2)` | two minutes from now | one awaitable |
# | `alarm.reschedule(12)` | minute 12, in place of what was set | the block it belongs to |
#
# Here is one of them for a moment that is over: at minute 10 an alarm is set for minute 3.


# %%
async def too_late():
    await asyncio.sleep(10)
    with suppress(TimeoutError):
        async with asyncio.timeout_at(3):
            await soup()
    return minute()


# %%
predict(
    "At which minute does it ring?",
    measure=lambda trace: trace.result,
    why="It rings at the first await, and costs no time.",
)

# %%
print(f"it rang at minute {(await record(too_late(), unit='minutes')).result:g}")

# %% [markdown]
# That is what makes a moment so practical: you can hand it on, and whoever comes too late learns it at once.
#
# An alarm that can be moved is a different kind of deadline: not "the dinner takes at most two minutes", but "the guest leaves when
# *nothing has come* for two minutes". Every course puts the alarm back. The courses come after 1, 1.5, 1.5 and 3 minutes.


# %%
async def eat(gaps):
    eaten = 0
    try:
        async with asyncio.timeout(2) as alarm:
            for gap in gaps:
                await asyncio.sleep(gap)
                eaten += 1
                alarm.reschedule(minute() + 2)
    except TimeoutError:
        return f"left at minute {minute():g} after {eaten} courses"
    return f"full at minute {minute():g}"


# %%
predict(
    "At which minute does the guest leave?",
    measure=lambda trace: trace.duration,
    why="Three courses by minute 4, and two minutes of nothing.",
)

# %%
print((await record(eat([1, 1.5, 1.5, 3]), unit="minutes")).result)
print((await record(eat([1, 1, 1, 1, 1, 1]), unit="minutes")).result)

# %% [markdown]
# The second guest was never kept waiting for two minutes, so dinner lasted six. `reschedule(None)` takes the alarm off. In Tokio the movable alarm is
# a `Sleep` with `reset`, as one arm of a `select!`.
#
# ### A timeout does not count the time in the queue
#
# Two guests have two minutes each. One card says "two minutes", the other "until minute 2". Both cards
# hang on the rail while `main` has its hands full for a minute and a half.


# %%
async def guest_until(leave_at):
    async with asyncio.timeout_at(leave_at):
        return await soup()


async def both_guests():
    span = asyncio.create_task(guest(2), name="for 2 min")
    moment = asyncio.create_task(guest_until(minute() + 2), name="until minute 2")
    busy(1.5)
    await asyncio.gather(span, moment, return_exceptions=True)


trace = await record(both_guests(), unit="minutes")
for name in ("for 2 min", "until minute 2"):
    print(f"{name}: {trace.task(name).outcome} at minute {trace.task(name).ended:g}")

# %% [markdown]
# `timeout(2)` counts from the moment at which that line runs, and by then the card had hung for a minute and a half. `timeout_at` does not care who
# was late.

# %% [markdown]
# ## 11. Two alarms: which one rang?
#
# The guest has so many minutes, and within that the soup may take so many. Both are deadlines over the same await: who catches the `TimeoutError`,
# the inner block or the outer one?


# %%
async def nested(guest_has, soup_may_take):
    caught = "neither"
    try:
        async with asyncio.timeout(guest_has) as outer:
            try:
                async with asyncio.timeout(soup_may_take) as inner:
                    await soup()
            except TimeoutError:
                caught = "inner"
    except TimeoutError:
        caught = "outer"
    return caught, inner.expired(), outer.expired()


# %%
catcher = predict(
    "If both ring at minute 2: who catches it?",
    {
        "inner": "It lets a cancel pass that is not its own alone.",
        "outer": "",
        "neither": "Somebody has to: the soup would need 5 minutes.",
    },
    why="If the guest is gone, nobody needs the soup's plan B.",
)
catcher

# %%
print("guest soup  caught by  inner rang  outer rang")
found = {}
for pair in [(8, 2), (2, 8), (2, 2), (8, 8)]:
    found[pair] = (await record(nested(*pair), unit="minutes")).result
    caught, inner_rang, outer_rang = found[pair]
    print(f"{pair[0]:5} {pair[1]:4}  {caught:9}  {inner_rang!s:10}  {outer_rang}")
catcher.answer(found[2, 2][0])

# %% [markdown]
# Each block catches its own alarm and lets the other's pass: the outer alarm arrives inside as a `CancelledError`.
#
# `expired()` is how you ask an alarm. You need it because not every `TimeoutError` is an alarm of yours. A socket or a driver may
# raise one of its own:


# %%
async def flaky_stove():
    await asyncio.sleep(1)
    raise TimeoutError("the gas did not come")


async def main():
    try:
        async with asyncio.timeout(5) as alarm:
            await flaky_stove()
    except TimeoutError as error:
        return f"TimeoutError: {error}; our alarm rang: {alarm.expired()}"


print((await record(main(), unit="minutes")).result)

# %% [markdown]
# Same exception, other cause. In Rust the two sit in different places, `Err(Elapsed)` and `Ok(Err(...))`, as long as you do not write `??`. In a
# function that returns `io::Result`, `timeout(d, stove()).await??` compiles, and makes `Elapsed` an `io::Error` of kind `TimedOut`: the same type and
# the same kind as a stove's own.

# %% [markdown]
# ## 12. Try again, but not for ever
#
# The supplier does not pick up the phone. You let it ring for two minutes, hang up, pause, and try again; each pause is twice as long
# as the one before (**backoff**), so that a supplier in trouble is not buried in calls. The fourth call would be answered within a minute. Round
# it all there is one deadline.


# %%
from itertools import count


async def phone(call):
    await asyncio.sleep(60 if call < 4 else 1)
    return f"answered at call {call}"


async def keep_trying():
    for call in count(1):
        try:
            async with asyncio.timeout(2):
                return await asyncio.create_task(phone(call), name=f"call {call}")
        except TimeoutError:
            await asyncio.sleep(2 ** (call - 1))  # 1, 2, 4, ... minutes


# %%
predict(
    "At which minute does the supplier answer, if you can wait for 20?",
    measure=lambda trace: trace.duration,
    why="Three calls of 2 minutes, pauses of 1, 2 and 4, and the fourth call's minute.",
)

# %%
for deadline in (20, 12):
    trace = await record(within(deadline, keep_trying()), unit="minutes")
    print(f"deadline {deadline}: {trace.result} at minute {trace.duration:g}")

# %% [markdown]
# The loop says `except TimeoutError`, and yet it does not swallow the outer alarm and ring once more: inside, the
# outer alarm is a `CancelledError`. An `except BaseException` or a bare `except:` in such a loop would catch the
# alarm and retry it.
#
# With the deadline of 12 the last three minutes were a pause that could lead to nothing. Whoever hands `end = minute() + 12` to `keep_trying` can
# write before the pause `if minute() + pause >= end: raise TimeoutError`, and has the bad news at minute 9. Where many clients retry at the same
# time, the pauses get a random part too, so that the clients do not come back together.

# %% [markdown]
# ## 13. `wait_for` and `wait`
#
# `wait_for` cancels what it waits for, as the block does. `wait` only looks.


# %%
async def main():
    asked, looked_at = (asyncio.create_task(roast(), name=f"roast {n}") for n in (1, 2))
    refuses = asyncio.create_task(stubborn_soup())
    with suppress(TimeoutError):
        await asyncio.wait_for(asked, 2)
    print(f"minute {minute():g}, wait_for: cancelled {asked.cancelled()}")
    _, pending = await asyncio.wait([looked_at, refuses], timeout=2)
    cancelled = looked_at.cancelled(), refuses.cancelled()
    print(f"minute {minute():g}, wait: {len(pending)} pending, cancelled {cancelled}")


trace = await record(main(), unit="minutes")

# %% [markdown]
# ## 14. How late is an alarm heard?
#
# Section 6 had one cook. Here the guest's knives are sharpened in pieces of 1.25 minutes beside 0, 1, 3 and 9 other cooks, who do the same. The alarm
# is set for minute 2.


# %%
async def sharpen():
    for _ in range(40):
        busy(1.25)
        await asyncio.sleep(0)  # "anyone else?"


async def beside(others):
    mine = asyncio.create_task(within(2, sharpen()), name="within")
    theirs = [asyncio.create_task(sharpen()) for _ in range(others)]
    await mine
    for card in theirs:
        card.cancel()


# %%
told_at = predict(
    "With 9 other cooks: at which minute is the guest told?",
    why="Ten pieces are a turn of 12.5 minutes. The alarm comes at the end of the second.",
)
told_at

# %%
for others in (0, 1, 3, 9):
    trace = await record(beside(others), unit="minutes")
    print(f"beside {others} others: told at minute {trace.task('within').ended:g}")
told_at.answer(trace.task("within").ended)

# %% [markdown]
# The loop looks at its alarms between two *turns*, and not between two steps. In a turn everybody in the queue has a piece. So the alarm waits for
# the end of the turn in which its minute comes, and then, as the last in the queue, for one turn more: 3 × 1.25 minutes alone (its minute comes in
# the second turn), and with *n* others 2 × (*n* + 1) × 1.25. A deadline is as good as the awaits of *all* tasks.
# (Tokio's `current_thread` is told sooner, at about 3.75, 3.75, 6.25 and 13.75: its bell is no entry in the queue.)

# %% [markdown]
# ## 15. Something every five minutes
#
# `asyncio` has no timer that repeats. The loop that everybody writes first: stir, which takes a minute of hands, and `sleep(5)`.


# %%
async def sleep_between(stirs):
    began = []
    for minutes in stirs:
        began.append(minute())
        busy(minutes)
        await asyncio.sleep(5)
    return began


async def by_the_clock(stirs):
    began, next_at = [], minute()
    for minutes in stirs:
        began.append(minute())
        busy(minutes)
        next_at += 5
        await asyncio.sleep(next_at - minute())  # at once, if that moment is over
    return began


# %%
predict(
    "Stirs of one minute, and `sleep(5)` between: at which minute does the sixth begin?",
    measure=lambda trace: trace.result[5],
    why="Each round takes 5 minutes and the stir itself.",
)

# %%
for every in (sleep_between, by_the_clock):
    began = (await record(every([1] * 6), unit="minutes")).result
    print(f"{every.__name__}: {', '.join(f'{m:g}' for m in began)}")
trace = await record(by_the_clock([1, 12, 1, 1, 1, 1]), unit="minutes")
print(f"the second stir takes 12: {', '.join(f'{m:g}' for m in trace.result)}")

# %% [markdown]
# The first one **drifts**, by the time of the work at each round. The second one counts from the clock, and makes up for what it has missed: after
# the long stir it begins at 17, again at 18, and is back on the clock at 20. Tokio's `interval` does so too, and lets you choose (its first tick
# comes at once):
#
# | `MissedTickBehavior` | the six stirs, if the second takes 12 minutes |
# |---|---|
# | `Burst`, unless you say otherwise | 0, 5, 17, 18, 20, 25 |
# | `Delay`: five minutes from the late one on | 0, 5, 17, 22, 27, 32 |
# | `Skip`: back to the clock, without those that were missed | 0, 5, 17, 20, 25, 30 |
#
# ```rust
# use std::time::Duration;
# use tokio::time::{interval, sleep, Instant, MissedTickBehavior};
#
# #[tokio::main(flavor = "current_thread")]
# async fn main() {
#     let began = Instant::now();
#     let mut bell = interval(Duration::from_secs(5));
#     bell.set_missed_tick_behavior(MissedTickBehavior::Skip);
#     for seconds in [1, 12, 1, 1, 1, 1] {
#         bell.tick().await;
#         println!("{}", began.elapsed().as_secs());
#         sleep(Duration::from_secs(seconds)).await;
#     }
# }
# ```

# %% [markdown]
# ## 16. Two more beside Tokio's
#
# With a `shield` round the task, the program of section 5 ought to be the same in both. Is it, poll by poll?


# %%
async def alarm_over_a_shield():
    database = asyncio.create_task(asyncio.sleep(0.5), name="database")
    with suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            await asyncio.shield(database)
    await database


print(compare(await record(alarm_over_a_shield()), tokio).verdict)

# %% [markdown]
# And over blocking code? Here the call holds the chef for half a second, and the alarm is set for 0.2 s.


# %%
async def report():
    busy(0.5)  # std::thread::sleep(ms(500))


async def alarm_over_blocking_code():
    async with asyncio.timeout(0.2):  # timeout(ms(200), report()).await
        await report()
    print("no TimeoutError")


compare(
    await record(alarm_over_blocking_code()), load_recording("timeout_blocking", clock="virtual")
)

# %% [markdown]
# In both, one step lasts half a second and nobody looks at the alarm in it. When it is over, the work is done: Tokio's answer is `Ok`, asyncio's is
# the value, and both are late.
