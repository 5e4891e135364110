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
# `tokio::time::timeout` in Rust, `asyncio.timeout` in Python.
#
# **You will**
# - put a deadline on one call, on several, and on a row of retries, and turn "too late" into a value or a fallback;
# - see what an alarm does inside the call that it ends, and what that call may still do;
# - know the four things that an alarm cannot end: a shielded task, blocking code, work in a thread, a task that refuses.
#
# **The clock.** Every run here is on the *virtual clock*, in kitchen minutes. An alarm set for minute 2 rings at 2.0 and not at 2.0013, so
# every number below is the same on your machine.

# %%
import asyncio
from contextlib import suppress
from itertools import count

from helpers import busy, lab, record, timeline

# %% [markdown]
# ## 1. The soup or the alarm
#
# A soup needs five minutes on the stove. Two guests order one each. The patient one has eight minutes, the hurried one has two.
#
# **Predict.** In which minute does each of them know how it ended? And what does the hurried one hold in hand?


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


trace = await record(main(), unit="minutes")
timeline(trace, title="Hurried leaves in minute 2, patient eats in minute 5")

# %%
for name, brought in zip(("patient", "hurried"), trace.result, strict=True):
    print(f"{name} knew in minute {trace.task(name).ended:g}: {brought!r}")
print("tasks:", ", ".join(task.name for task in trace.tasks))

# %% [markdown]
# The patient guest got a value in minute 5, and the alarm of minute 8 was taken off. The hurried guest got an exception,
# `TimeoutError`, in minute 2. There are three tasks: `main` and the guests. A deadline makes no task of its own and no thread; it is one
# timer in the loop's list.
#
# The block is what the alarm is clipped to: whatever is awaited inside belongs to it.

# %% [markdown]
# ## 2. Ok and Err
#
# Rust has no exceptions. Its `timeout(...)` returns a `Result`: `Ok(value)`, or `Err(Elapsed)`. You must look at which of the two you
# have before you can use the value. In Python the same two endings are "it returned" and "it raised". It is a matter of five lines to
# turn one form into the other:


# %%
async def within(minutes, recipe):
    try:
        async with asyncio.timeout(minutes):
            return "Ok", await recipe
    except TimeoutError:
        return "Err", "Elapsed"


async def main():
    return [await within(8, soup()), await within(2, soup())]


trace = await record(main(), unit="minutes")
print(*trace.result, sep="\n")
print(f"both, one after the other: {trace.duration:g} min")

# %% [markdown]
# Most of the time you do not want to know, you want something to eat. Then the answer to the alarm is a **fallback**.
#
# **Predict.** Three guests, each with a deadline of two minutes. The kitchen is quick for one of them and slow for two. When have
# all three eaten?


# %%
async def order(minutes_on_the_stove, patience=2):
    try:
        async with asyncio.timeout(patience):
            await asyncio.sleep(minutes_on_the_stove)
            return "soup"
    except TimeoutError:
        return "bread"


async def main():
    stubs = [asyncio.create_task(order(n), name=f"needs {n} min") for n in (1, 5, 60)]
    return await asyncio.gather(*stubs)


trace = await record(main(), unit="minutes")
print(f"{trace.result} in minute {trace.duration:g}")
timeline(trace, title="Nobody waits longer than 2 minutes, not even for 60")

# %% [markdown]
# In minute 2. One dish would have needed an hour, and it held nobody up. This is what the article means when it says that a slow call
# does not drag the service down. Keep the sentence in mind: sections 8 to 10 show when it is not true.

# %% [markdown]
# ## 3. What the alarm does inside
#
# So far you saw the guest. Now look at the cook. This soup keeps a diary. Its `finally` takes the pot down (one minute with
# both hands) and lets it cool (two more minutes). The alarm rings in minute 2.
#
# **Predict.** Which of the three lines are in the diary? And in which minute does the *guest* hear that time is up?


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
        busy(1)  # take the pot down
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


trace = await record(main(), unit="minutes")
print(*trace.result, sep="\n")
timeline(trace, title="The alarm rings in minute 2; the clean-up takes until minute 5")

# %% [markdown]
# The alarm does not stop anything. It **cancels** the task: asyncio raises `CancelledError` at the await where the task stands, and
# from there it is ordinary Python. The line after the await never ran; `except` and `finally` did. They may await, and take as long as they
# like. The block turned the `CancelledError` into a `TimeoutError` on its way out, three minutes after the alarm.
#
# Two rules follow. Inside the block you meet `CancelledError`, outside of it `TimeoutError`; so an `except TimeoutError` inside never sees its
# own block's alarm. And **a deadline says when the wish is made, not when it is granted.**
#
# In Tokio nothing of this can take time. There the future is *dropped*: none of its code runs again, only the destructors of what
# it held (`Drop`), and a destructor cannot await. `Err` comes in minute 2, and a pot that must cool is for another task to look
# after.

# %% [markdown]
# ## 4. One alarm, four spellings
#
# | you write | the alarm is set for | it is clipped to |
# |---|---|---|
# | `async with asyncio.timeout(2):` | two minutes from now | a block |
# | `async with asyncio.timeout_at(12):` | minute 12 of the loop's clock | a block |
# | `await asyncio.wait_for(soup(), 2)` | two minutes from now | one awaitable |
# | `alarm.reschedule(12)` | minute 12, in place of what was set | the block it belongs to |


# %%
async def clipped(alarm):
    async with alarm:
        await soup()


ALARMS = {
    "timeout(2)": lambda: clipped(asyncio.timeout(2)),
    "timeout_at(15)": lambda: clipped(asyncio.timeout_at(15)),
    "wait_for(soup(), 2)": lambda: asyncio.wait_for(soup(), 2),
    "timeout_at(3)": lambda: clipped(asyncio.timeout_at(3)),
}

# %% [markdown]
# **Predict.** They are tried one after the other, from minute 10 on. In which minute does each of them ring?


# %%
async def main():
    rang = []
    await asyncio.sleep(10)
    for name, alarm in ALARMS.items():
        start = minute()
        with suppress(TimeoutError):
            await alarm()
        rang.append(f"{name}: from {start:g} to {minute():g}")
    return rang


print(*(await record(main(), unit="minutes")).result, sep="\n")

# %% [markdown]
# The last one is for a minute that is over. Such an alarm rings at the first await, and costs no time. That is what makes a
# moment so practical: you can hand it on, and whoever comes too late learns it at once. Section 6 uses that.
#
# An alarm that can be moved is a different kind of deadline: not "the dinner takes at most two minutes", but "the guest leaves when
# *nothing has come* for two minutes". Every course puts the alarm back.


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
        return f"left in minute {minute():g} after {eaten} courses"
    return f"full in minute {minute():g}"


# %% [markdown]
# **Predict.** The courses come after 1, 1.5, 1.5 and 3 minutes. How many does the guest eat, and when does the guest leave?


# %%
async def main():
    return await eat([1, 1.5, 1.5, 3]), await eat([1, 1, 1, 1, 1, 1])


trace = await record(main(), unit="minutes")
print(*trace.result, sep="\n")

# %% [markdown]
# Three courses in four minutes, and then nothing until minute 6. The second guest sat down in minute 6 and was never kept waiting for
# two minutes, so dinner lasted six. `reschedule(None)` takes the alarm off. In Tokio the movable alarm is a `Sleep` with `reset`, as one arm of a
# `select!`.

# %% [markdown]
# ## 5. Two alarms: which one rang?
#
# The guest has so many minutes, and within that the soup may take so many. Both are deadlines over the same await.
#
# **Predict.** Fill in the third column before you run it: who catches the `TimeoutError`, the inner block or the outer one? What if both
# ring in the same minute?


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
print("guest soup  caught by  inner rang  outer rang")
for pair in [(8, 2), (2, 8), (2, 2), (8, 8)]:
    caught, inner_rang, outer_rang = (await record(nested(*pair), unit="minutes")).result
    print(f"{pair[0]:5} {pair[1]:4}  {caught:9}  {inner_rang!s:10}  {outer_rang}")

# %% [markdown]
# Each block catches its own alarm and lets the other's pass: the outer alarm arrives inside as a `CancelledError`, which the inner block knows
# not to be its own. In the tie both rang, and the outer one won. That is what you want: if the guest is gone, nobody needs the soup's
# plan B.
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


trace = await record(main(), unit="minutes")
print(trace.result)

# %% [markdown]
# Same exception, other cause. In Rust this mistake does not compile: `Elapsed` is a type of its own, and the stove's error sits inside the
# `Ok`.

# %% [markdown]
# ## 6. A budget for several calls
#
# Dinner is three courses of three minutes each, and the guest has seven minutes. One kitchen gives each course a deadline of four minutes.
# The other works out *once* when the guest has to leave, and passes that moment on.
#
# **Predict.** How long is dinner in each kitchen, and how many courses are eaten?


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


# %%
async def one_budget():
    leave_at = minute() + 7
    return await dinner(lambda: asyncio.timeout_at(min(leave_at, minute() + 4)))


each = await record(dinner(lambda: asyncio.timeout(4)), unit="minutes")
shared = await record(one_budget(), unit="minutes")
print(f"4 minutes each:  {each.result}\n7 minutes in all: {shared.result}")
timeline(shared, title="The budget of 7 minutes is used up: no cake")

# %% [markdown]
# With an alarm each nobody was late, and dinner took nine minutes. Timeouts do not add up to a promise: three calls with four minutes each
# may take twelve. A moment does. `min(leave_at, minute() + 4)` reads "four minutes for this course, and never past the end". In a
# service that moment travels with the request, from one function to the next.
#
# There is a second reason to hand on a moment. Two guests have two minutes each. One card says "two minutes", the other "until minute 2". Both cards
# hang on the rail while `main` has its hands full for a minute and a half.
#
# **Predict.** In which minute does each guest hear that time is up?


# %%
async def guest_until(leave_at):
    async with asyncio.timeout_at(leave_at):
        return await soup()


async def main():
    span = asyncio.create_task(guest(2), name="for 2 min")
    moment = asyncio.create_task(guest_until(minute() + 2), name="until minute 2")
    busy(1.5)
    await asyncio.gather(span, moment, return_exceptions=True)


trace = await record(main(), unit="minutes")
for name in ("for 2 min", "until minute 2"):
    print(f"{name}: {trace.task(name).outcome} in minute {trace.task(name).ended:g}")
timeline(trace, title="A timeout does not count the minutes in the queue")

# %% [markdown]
# `timeout(2)` counts from the moment in which that line runs. By then the card had hung on the rail for a minute and a half, and the guest who had two minutes waited for three
# and a half. `timeout_at` does not care who was late; it rang in minute 2.

# %% [markdown]
# ## 7. Try again, but not for ever
#
# The supplier does not pick up the phone. You let it ring for two minutes, hang up, pause, and try again; each pause is twice as long
# as the one before (**backoff**), so that a supplier in trouble is not buried in calls. The fourth call would be answered within a minute. Round
# it all there is one deadline.
#
# **Predict.** In which minute do you get an answer if the deadline is 20? And if it is 12?


# %%
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


for deadline in (20, 12):
    trace = await record(within(deadline, keep_trying()), unit="minutes")
    print(f"deadline {deadline}: {trace.result} in minute {trace.duration:g}")

# %%
patient = await record(within(20, keep_trying()), unit="minutes")
timeline(patient, title="Cut after 2 minutes, and each pause twice as long")

# %% [markdown]
# The loop says `except TimeoutError`, and yet it does not swallow the outer alarm and ring once more. You know why from sections 3 and 5: inside, the
# outer alarm is a `CancelledError`. The one thing to avoid is an `except BaseException` or a bare `except:` in such a loop. It would catch the
# alarm and retry it.
#
# With the deadline of 12 the last three minutes were a pause that could lead to nothing. Exercise 2 mends that. Where many clients retry at the same time,
# the pauses get a random part too, so that the clients do not come back together.

# %% [markdown]
# ## 8. The alarm and a card: here Tokio and asyncio part
#
# Up to now the alarm was on a recipe, a coroutine that nobody else had. Now somebody wrote a card earlier: the roast is a *task*, and the
# guest awaits its handle, for two minutes at most. Perhaps others wait for the same roast.
#
# **Predict.** There are two roasts, six minutes each. `main` waits two minutes for the first, then two minutes for the second, which it
# has put under a **shield**. What has become of each in minute 6?


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


trace = await record(main(), unit="minutes")
print(*trace.result, sep="\n")
timeline(trace, title="The plain roast is cancelled, the shielded one goes on")

# %%
for name in ("plain", "shielded"):
    print(f"{name}: {trace.task(name).outcome} in minute {trace.task(name).ended:g}")

# %% [markdown]
# Both guests were told "too late" after two minutes. Behind the first one the roast was thrown away; whoever else awaited that handle
# got a `CancelledError`. Behind the second one it went on and was served in minute 6.
#
# **This is the great difference to Tokio.** There, `timeout(two_minutes, handle)` drops the *handle*. The task is not the handle's: it runs on, detached, and
# is cancelled only if you call `abort()`. So an alarm over a handle is safe in Tokio and leaves work behind; in asyncio it cleans up and
# takes the work from everybody else. `shield` gives you Tokio's behaviour in Python. Take it for what must not be cut in half, such as a
# payment, and *keep the handle*: a shield round a coroutine leaves a task whose handle nobody has (lesson 02).
#
# `wait_for` cancels the task as the block does. There is a third way, which cancels nobody: `asyncio.wait` with a timeout only looks.


# %%
async def main():
    asked, looked_at = (asyncio.create_task(roast(), name=f"roast {n}") for n in (1, 2))
    with suppress(TimeoutError):
        await asyncio.wait_for(asked, 2)
    _, pending = await asyncio.wait([looked_at], timeout=2)
    return (
        f"minute 2, wait_for: cancelled {asked.cancelled()}",
        f"minute {minute():g}, wait: {len(pending)} pending, cancelled {looked_at.cancelled()}",
    )


trace = await record(main(), unit="minutes")
print(*trace.result, *trace.findings, sep="\n")

# %% [markdown]
# ## 9. An alarm that nobody hears
#
# The cook sharpens all the knives: five minutes with both hands, no await. The guest has two minutes. There are three ways to do it: in one
# go; in four pieces with an await after each; or by a helper, in a thread.


# %%
async def in_one_go():
    busy(5)
    return "sharp knives"


async def in_pieces():
    for _ in range(4):
        busy(1.25)
        await asyncio.sleep(0)  # a moment in which the loop can look at the clock
    return "sharp knives"


async def by_a_helper():
    await asyncio.to_thread(busy, 5)
    return "sharp knives"


# %% [markdown]
# **Predict.** For each way: Ok or Err, and in which minute?

# %%
for sharpen in (in_one_go, in_pieces, by_a_helper):
    trace = await record(within(2, sharpen()), unit="minutes")
    told = trace.task("within").ended
    print(f"{sharpen.__name__}: {trace.result} in minute {told:g}; all over in {trace.duration:g}")

# %%
timeline(trace, title="Told in minute 2; the helper works on until minute 5")

# %% [markdown]
# In one go: **Ok, in minute 5.** No `TimeoutError` at all, and three minutes late. The alarm is a callback in the loop's list, and the loop
# was held. When the chef looked up again the dish was there, the block was over, and its alarm was taken off without having rung. The article's promise does not
# hold here: a deadline is only as good as the awaits under it. Tokio does the same, for the same reason.
#
# In pieces: Err in minute 3.75. The first await after minute 2 came in minute 2.5, but there the cook was back in the queue *before* the loop
# looked at its alarms, and so the alarm was second in line; it was heard at the await after that. A deadline is heard at an await, late by a step or two.
#
# By a helper: Err in minute 2, on time, and the chef was free. But look at the helper's lane. Nobody can cancel a thread; what the alarm ended was
# the *waiting*. Five minutes of work were paid for and thrown away. Under load that is how thread pools fill up with work that nobody
# wants any more.

# %% [markdown]
# ### Ok, and late
#
# If you need to know, ask the clock, not the alarm:


# %%
async def main():
    leave_at = minute() + 2
    async with asyncio.timeout_at(leave_at) as alarm:
        dish = await in_one_go()
    return f"{dish}, alarm rang: {alarm.expired()}, late by {minute() - leave_at:g} min"


trace = await record(main(), unit="minutes")
print(trace.result)

# %% [markdown]
# ## 10. A cook who will not stop
#
# Cancelling is a wish. This cook hears it, says no, and goes on.
#
# **Predict.** The soup needs six minutes in all; the alarm rings in minute 2. When is the guest told, and what: Ok or Err?


# %%
async def stubborn_soup():
    ready_at = minute() + 6
    while (left := ready_at - minute()) > 0:
        with suppress(asyncio.CancelledError):  # "not now!"
            await asyncio.sleep(left)
    return "a bowl of soup"


async def main():
    stub = asyncio.create_task(stubborn_soup(), name="soup")
    async with asyncio.timeout(2) as alarm:
        dish = await stub
    return f"{dish} in minute {minute():g}; the alarm rang: {alarm.expired()}"


trace = await record(main(), unit="minutes")
print(trace.result, *trace.findings, sep="\n")
timeline(trace, title="Told to stop in minute 2, the soup refuses")

# %% [markdown]
# The alarm rang, in time, and the guest still sat there until minute 6 and was served. No `TimeoutError`: a task that refuses and returns
# has, for the block, ended well. Only `expired()` knows.
#
# Hardly anybody means to write such a cook. Instead of `suppress` it may read `except BaseException`, or a bare `except:`, or there is a
# `return` in a `finally`. That is why code that catches `CancelledError` should end in `raise`. In
# Tokio no task can refuse: it is not asked.
#
# A guest who must leave in minute 2 whatever the cook says can only *stop waiting*:


# %%
async def main():
    stub = asyncio.create_task(stubborn_soup(), name="soup")
    await asyncio.wait([stub], timeout=2)
    stub.cancel()
    return f"left in minute {minute():g}, soup done: {stub.done()}"


trace = await record(main(), unit="minutes")
print(trace.result, *trace.findings, sep="\n")

# %% [markdown]
# `main` was free in minute 2, and the soup was left behind. Here is the answer to the question of this lesson, in one table:
#
# | the alarm is over | what the guest gets | what is left behind |
# |---|---|---|
# | a coroutine that awaits | `TimeoutError`, when its clean-up is done | nothing |
# | a task's handle | `TimeoutError`; the task is cancelled, for everybody | nothing |
# | a shielded task | `TimeoutError` on time | the task, running |
# | `asyncio.wait(..., timeout=...)` | "pending", on time | the task, running |
# | `to_thread(...)` | `TimeoutError` on time | the thread, working |
# | blocking code | the value, late | nothing, but everybody was held |
# | a task that refuses | the value, late | nothing, but you waited |

# %% [markdown]
# ## 11. The lab
#
# One call, one deadline, one fallback, in milliseconds. Choose how long the call takes, how it spends that time, and what it does when it is cancelled. Say first what the
# guest will get; then run it.
#
# Find two different ways to get *the fresh dish, but late*. Then find a fallback that comes late although nobody held the chef.

# %%
# NBVAL_IGNORE_OUTPUT
lab("deadlines")

# %% [markdown]
# Whatever you choose, two rules hold for a call that ends when it is told to. Here they are checked for nine pairs of a deadline and an amount of work:


# %%
async def by_hand(work):
    busy(work)


async def told(deadline, recipe):
    await within(deadline, recipe)
    return minute()


pairs = [(deadline, work) for deadline in (1, 3, 5) for work in (2, 4, 6)]
oven = [(await record(told(d, asyncio.sleep(w)))).result == min(d, w) for d, w in pairs]
hands = [(await record(told(d, by_hand(w)))).result == w for d, w in pairs]
print("waiting for the oven, you are told at the earlier of deadline and work:", all(oven))
print("hands-on, you are told when the work is done, whatever the deadline:", all(hands))

# %% [markdown]
# ## 12. The same job in Rust
#
# A soup under a deadline, with bread as the fallback; then a deadline over the handle of a roast.
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
# It prints `bread`, `still cooking: true` and `in the end: roast`. Line by line in Python:
#
# | Rust with Tokio | Python with asyncio | |
# |---|---|---|
# | `Duration::from_secs(2)` | `2` | seconds |
# | `timeout(patience, cook("soup", 5))` | `async with asyncio.timeout(2):` and an `await` in it | the alarm is on a recipe |
# | `Ok(dish) => dish` | the block is left with a value | in time |
# | `Err(_elapsed) => "bread"` | `except TimeoutError:` | too late: the fallback |
# | `tokio::spawn(cook("roast", 5))` | `asyncio.create_task(cook("roast", 5))` | a card |
# | `timeout(patience, &mut roast)` | `asyncio.timeout(2)` over `await asyncio.shield(roast)` | the task outlives the alarm |
# | `timeout(patience, &mut roast)`, then `roast.abort()` | `asyncio.timeout(2)` over `await roast` | the task does not |
# | `timeout_at(moment, ...)` | `asyncio.timeout_at(moment)` | a moment that can be handed on |
# | `sleep.as_mut().reset(moment)` | `alarm.reschedule(moment)` | move the alarm |
#
# | | Tokio | asyncio |
# |---|---|---|
# | what the alarm does | drops the future | raises `CancelledError` inside |
# | what still runs then | destructors, which cannot await | `except` and `finally`, which can |
# | can it be refused | no | yes |
# | when is `Err` seen | when the alarm rings | when the clean-up is done |
# | over a task's handle | the task runs on | the task is cancelled |
# | over blocking code | cannot fire: Ok, and late | cannot fire: the value, and late |
# | the error | `Elapsed`, a type of its own | `TimeoutError`, which others raise too |

# %% [markdown]
# ### Side by side
#
# You need no Rust to see Tokio run. Runs of it were recorded and come with the course; these are on Tokio's own virtual clock (`start_paused`, made for tests) and count
# in seconds. Below is the recorded program in Python, with the same names and times: `database` needs half a second, the alarm over its handle is set for
# 0.2 s, and afterwards main waits for `database` to end. `compare` draws both runs on one axis and says what agrees, what differs, and why.
#
# **Predict.** When does `database` end in each of the two, and when does `main`?

# %%
from helpers import compare, load_recording


async def alarm_over_a_handle():
    database = asyncio.create_task(asyncio.sleep(0.5), name="database")
    with suppress(TimeoutError):
        async with asyncio.timeout(0.2):  # let asked = timeout(ms(200), &mut database).await;
            await database
    with suppress(asyncio.CancelledError):
        await database  # database.await


tokio = load_recording("timeout_handle", clock="virtual")
compare(await record(alarm_over_a_handle()), tokio)

# %% [markdown]
# Both start alike, and both alarms ring at 0.2 s. (Of Tokio's you see only that `main` is polled then: its recorder notes polls, not timers.) Then they part: asyncio's alarm cancelled the task, so that it is over at 0.2 s and main with it. Tokio's alarm ended the
# *waiting*. `database` runs on to 0.5 s, and main, which asks for it once more, gets it then. That is the row "over a task's handle" of the table. With a `shield` round the task
# the two ought to be the same. Are they, poll by poll?


# %%
async def alarm_over_a_shield():
    database = asyncio.create_task(asyncio.sleep(0.5), name="database")
    with suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            await asyncio.shield(database)
    await database


print(compare(await record(alarm_over_a_shield()), tokio).verdict)

# %% [markdown]
# And the row "over blocking code"? Here the call holds the chef for half a second, and the alarm is set for 0.2 s.
#
# **Predict.** Which of the two runtimes rings the alarm?


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
# Neither. In Tokio, `report` is a future that main polls within its own step; in Python it is a part of main. In both the one step lasts half a second, nobody looks at the
# alarm in it, and when the step is over, the work is done. Tokio's answer is `Ok`, asyncio's is the value, and both are late.

# %% [markdown]
# ## Where the metaphor breaks
#
# - You hear an alarm clock while your hands are busy. The loop does not: it looks at its list of alarms between two steps, and at no other time.
# - A guest who leaves does not pull the cook by the sleeve. In asyncio the alarm does exactly that: the exception is raised inside the cook's own
#   code, at the line where the cook waits.
# - In a kitchen half a soup is something. A cancelled coroutine leaves only what it has put somewhere else before.
#
# ## Try it
#
# 1. In section 3, give the clean-up a deadline of its own: one minute for the cooling, with `asyncio.timeout` inside the `finally`. Does it work in a task
#    that is being cancelled?
#    <details><summary>What to look for</summary>It does. The cancel was delivered once, at the sleep; the <code>finally</code> is ordinary code. The inner alarm rings in minute 4.
#    Its <code>TimeoutError</code> must be caught in the <code>finally</code>, or the guest gets that one.</details>
# 2. In section 7, stop at once when the next pause would go past the deadline, so that the bad news comes in minute 9 and not in 12.
#    <details><summary>What to look for</summary>Hand <code>end = minute() + 12</code> to <code>keep_trying</code>, and before the pause:
#    <code>if minute() + pause >= end: raise TimeoutError</code>.</details>
# 3. In section 8, let a second task await <code>plain</code> as well, without a deadline. What does it get in minute 2?
#    <details><summary>What to look for</summary><code>CancelledError</code>, at its <code>await plain</code>, although nobody cancelled it. Somebody else's impatience has
#    taken its roast. With <code>shield</code> in <code>main</code> it is served in minute 6.</details>
#
# ## What to take away
#
# - An alarm is a wish to cancel, made at a moment. It is heard at the next await, and granted when the clean-up is done.
# - Time that is shared is a moment (`timeout_at`), not a timeout for each call.
# - Over a handle asyncio cancels the task and Tokio leaves it running. Say which you want: `await task`, or `await shield(task)` with the handle kept.
#
# **Next:** 05, what happens to the loser?
