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
# Tonight the whole town comes. In lesson 01 the manager compared a chef with a card, up to ten thousand of each. Now the rail is filled until it bends: a hundred thousand
# cards. You see what that costs and where the time goes. Then comes the question that is left when cards are cheap: *should* they all hang on the rail
# at once? There are only so many ovens, only so much room, and one chef.
#
# **You will**
# - measure how the cost of threads and tasks grows on your machine, up to 100,000 tasks;
# - read from a trace where the time of 10,000 tasks goes;
# - compare four ways to run many orders (gather, TaskGroup, a semaphore, a queue with workers), and see what a full queue does to those who fill it.
#
# **The clock.** Costs are real, so sections 1 to 3 use the *real* clock and fresh processes; their numbers are your machine's, and the text states relations.
# From section 4 on everything is on the *virtual* clock, in kitchen minutes, and exact.

# %%
import asyncio

import plotly.graph_objects as go

from helpers import busy, lab, record, timeline
from helpers.costs import WAIT, Costs, as_time, growth, measure_all, per_unit
from helpers.draw import theme


def minute():
    return asyncio.get_running_loop().time()


# %% [markdown]
# ## 1. A thousand orders
#
# An order is ten milliseconds in the oven. One after the other, a thousand of them take ten seconds. A popular article on Tokio says that as a thousand tasks
# they take about two seconds, and a few lines later that they are finished almost at once.
#
# **Predict.** Which of the two? And 10,000 orders, which would take 100 seconds one after the other?


# %%
async def order():
    await asyncio.sleep(0.01)


async def rush(orders):
    await asyncio.gather(*(order() for _ in range(orders)))


# On a busy machine other programs get in between: the best of three.
thousand = min([(await record(rush(1000), clock="real")).duration for _ in range(3)])
crowd = await record(rush(10_000), clock="real")
print("1000 orders take less than half a second:", thousand < 0.5)
print("10,000 orders take less than 20 seconds: ", crowd.duration < 20)
print("every order ended well:", {task.outcome.value for task in crowd.tasks} == {"returned"})

# %% [markdown]
# The second. All the ovens are on at the same time, so they cost ten milliseconds, once. What you pay beyond that is the chef's time, some microseconds a card.
# That part grows with the number of orders, and the next two sections look at it.

# %% [markdown]
# ## 2. How it grows
#
# Lesson 01 found what one unit costs. Is that all there is, or is there a number at which it breaks? `measure_all` measures in fresh processes again, threads
# up to 3000, and tasks up to 100,000. (It takes some seconds.)
#
# In the picture both axes are logarithmic: each step to the right is ten times as many. There, a cost of *factor × n^exponent* is a straight
# line, and its steepness is the exponent. With exponent 1, ten times as many cost ten times as much. With 2 it is a hundred times as much: a cliff.
#
# **Predict.** What is the exponent of the memory? Of the time? For threads, and for tasks?

# %% tags=["measures"]
costs = Costs(
    [
        *await measure_all((300, 1000, 3000), ["thread"], repeats=1),
        *await measure_all((1000, 10_000, 100_000), ["task"], repeats=1),
    ]
)


# %%
def draw(costs, column, what, figure):
    for kind, colour, symbol in (("thread", "#ee7d11", "square"), ("task", "#2373bd", "circle")):
        points = [(cost.n, what(cost)) for cost in costs.of(kind) if cost.bytes and cost.seconds]
        ns, values = zip(*points, strict=True)
        line = growth(points)
        text = [""] * (len(ns) - 1) + [f"{kind}s: n<sup>{line.exponent:.2f}</sup>"]
        dots = {"mode": "markers+text", "text": text, "textposition": "top left"}
        dots |= {"marker": {"symbol": symbol, "size": 9, "color": colour}, "cliponaxis": False}
        figure.add_scatter(x=ns, y=values, **dots, textfont_color=colour, row=1, col=column)
        ends = [ns[0], ns[-1]]
        fitted = {"mode": "lines", "line_color": colour, "hoverinfo": "skip"}
        figure.add_scatter(x=ends, y=[line.at(n) for n in ends], **fitted, row=1, col=column)


# %%
# NBVAL_IGNORE_OUTPUT
print(costs)
picture = go.Figure(layout={"template": theme.TEMPLATE, "height": 360})
picture.set_subplots(1, 2, horizontal_spacing=0.12)
draw(costs, 1, lambda cost: cost.bytes, picture)
draw(costs, 2, lambda cost: cost.seconds - WAIT, picture)
picture.update_xaxes(type="log", dtick=1, title="how many at once")
picture.update_yaxes(type="log", dtick=1, showgrid=True, gridcolor=theme.GRID)
picture.update_yaxes(title="memory", ticksuffix="B", col=1)
picture.update_yaxes(title="time beyond the 10 ms", ticksuffix="s", col=2)
picture.update_layout(title="<b>Straight lines: there is a price, and no cliff</b>")

# %%
for kind in ("thread", "task"):
    memory = growth((cost.n, cost.bytes) for cost in costs.of(kind))
    print(f"{kind}: memory grows in a straight line:", 0.85 < memory.exponent < 1.15)
times = growth((cost.n, cost.seconds - WAIT) for cost in costs.of("task") if cost.seconds)
print("task: time grows far more slowly than the square:", 0.5 < times.exponent < 1.7)
one_more = per_unit(costs)
print("a further thread takes more than 4 times the memory of a further task:", end=" ")
print(one_more["thread"].bytes > 4 * one_more["task"].bytes)
print("100,000 tasks take less than a tenth of one after the other:", end=" ")
print(costs[-1].seconds < 100_000 * WAIT / 10)

# %%
chefs = costs.of("thread")[1]
print("1000 threads all ran, in less than 5 seconds:", chefs.seconds < 5)
print("and took less than 200 MB:", chefs.bytes < 200e6)
print("they were a thread each, and one for main:", chefs.threads == 1001)
print("1000, 10,000 and 100,000 tasks had the same number of threads:", end=" ")
print(len({cost.threads for cost in costs.of("task")}) == 1)

# %% [markdown]
# The memory's exponent is 1, the time's is near it, for threads as for tasks. There is no number at which either breaks by itself; there is a price for each, and it stays about the same. (For the
# time of tasks, some tenths above 1 are usual. The heap of timers gets deeper, the garbage collector has more to look through, the processor's caches hold a smaller part; this
# measurement does not tell them apart.) The kitchen with a thousand chefs did not explode; it is the upper one of two lines. What ends first is the system's patience: some give you fewer than
# three thousand threads, and then the table says how far it came.
#
# The last line is the point of the whole course. However many cards you write, **spawning makes no thread**. That is good news and a limit at once: a hundred thousand
# cards may take some seconds, and they are seconds of *one* chef.

# %% [markdown]
# ## 3. Where the time goes
#
# `crowd` is the trace of the 10,000 orders of section 1. With that many lanes the picture is another one: it shows how many tasks are in each state at each
# moment, and below that the lanes that you ask for (or, if you name none, a few of the slowest).
#
# **Predict.** The oven takes 10 ms. In which state does an average order spend most of its life?

# %%
# NBVAL_IGNORE_OUTPUT
main, *orders = crowd.tasks
first, last = orders[0], orders[-1]
stages = {
    "main writes the cards": main.steps[0].end,
    "each card's first step: it sets a timer": last.steps[0].end - first.steps[0].start,
    "the loop collects the timers that are due": first.steps[1].start - last.steps[0].end,
    "each card's second step: it returns": last.steps[1].end - first.steps[1].start,
}
for stage, seconds in stages.items():
    print(f"{stage:42} {as_time(seconds):>8}  {seconds / crowd.duration:4.0%}")
title = "10,000 ovens, one chef: the orders wait for the chef"
lanes = ["rush", "order 1", "order 10000"]
timeline(crowd, title=title, lanes=lanes, unit="milliseconds")

# %%
waited = sum(task.scheduled for task in orders) / len(orders)
print("all cards were written before the first was taken up:", end=" ")
print(main.steps[0].end <= first.steps[0].start)
print("every card had its first step before any had its second:", end=" ")
print(last.steps[0].end <= first.steps[1].start)
print("on average an order was ready, with no chef free, for longer than in the oven:", end=" ")
print(waited > WAIT)

# %% [markdown]
# You read the picture from left to right: a slope up while `main` writes cards, all of them scheduled, since nobody but `main` has the chef. Then the chef goes through the
# queue once, and card after card goes to the oven. By the time the last one is in, the first ones have been ready for long. Then once more through the
# queue, and they leave.
#
# The ovens, which are the reason for the whole run, are the small part. **With many tasks the loop itself is the work**: making a card, a place in the
# queue, an entry in the heap of timers, twice a step. None of it is much. It is what you buy with the microseconds of section 2, and it is why `main` making
# ten thousand cards in one step is itself a long hold of the chef.
#
# ### The queue adds up differently
#
# Each order waits for all those before it. Here an order is one minute of the chef's hands and no oven at all; exact, on the virtual clock.
#
# **Predict.** Twice as many orders: how much longer is the evening? How much longer do the orders wait, all together?


# %%
async def chop():
    busy(1)


async def line_up(orders):
    await asyncio.gather(*(chop() for _ in range(orders)))


evenings = {n: await record(line_up(n), unit="minutes") for n in (20, 40, 80, 160)}
waits = {n: sum(task.scheduled for task in trace.tasks) for n, trace in evenings.items()}
for n, trace in evenings.items():
    print(f"{n:3} orders: {trace.duration:g} min, waiting for the chef {waits[n]:,g} min in all")
length = growth((n, trace.duration) for n, trace in evenings.items())
print(f"exponents: evening {length.exponent:.2f}, waiting {growth(waits.items()).exponent:.2f}")

# %% [markdown]
# The evening grows with n, the waiting with its square: one order in the middle waits for n/2 others. So a service can be cheap by every number of section 2 and
# slow for each guest. To write all cards at once fills the queue, and that is a choice. The rest of this lesson is about choosing.

# %% [markdown]
# ## 4. All at once: gather and TaskGroup
#
# Nine orders. Each needs the chef for a minute (chop), then an oven for four. With `gather` all nine cards hang at once, and there are ovens enough.
#
# **Predict.** In which minute is the first dish out, and in which the last?


# %%
async def dish(number):
    busy(1)
    await asyncio.sleep(4)
    return f"dish {number}"


async def all_at_once(orders):
    return await asyncio.gather(*(dish(n) for n in range(1, orders + 1)))


together = await record(all_at_once(9), unit="minutes")
timeline(together, title="All at once: nobody is out before minute 9")


# %%
def out(trace):
    times = sorted(task.ended for task in trace.tasks[1:])
    return f"dishes out in minutes {', '.join(f'{t:g}' for t in times)}; {waiting(trace)}"


def waiting(trace):
    return f"waiting for the chef {sum(task.scheduled for task in trace.tasks):,g} min in all"


print(out(together))

# %% [markdown]
# Nine minutes of chopping and the last dish's four in the oven: 13, and no plan is faster. But dish 1 was out of the oven in minute 5, and its card had its next turn only in minute 9,
# behind all the chopping. **gather** gives results in the order in which you asked, whoever was done first.
#
# ### When one of them burns
#
# Four dishes, of different length, and the toast burns in minute 3. `main` hears of it, spends four minutes with the guest, and leaves.
#
# **Predict.** What do roast and cake do after minute 3?

# %%
EVENING = {"soup": 1, "toast": 3, "roast": 6, "cake": 8}


async def cook(name):
    await asyncio.sleep(EVENING[name])
    if name == "toast":
        raise ValueError("burnt")
    return name


# %%
async def gathered():
    cards = [asyncio.create_task(cook(name), name=name) for name in EVENING]
    try:
        await asyncio.gather(*cards)
    except ValueError as error:
        told = f"minute {minute():g}: {error}"
    await asyncio.sleep(4)
    return told


trace = await record(gathered(), unit="minutes")
print(trace.result, *trace.findings, sep="\n")
timeline(trace, title="gather: the toast burns, and the others go on, for nobody")


# %% [markdown]
# `gather` gave up in minute 3 and told `main`. It stopped nobody: the roast was done in minute 6 for no guest, and the cake was still in the oven when `main` left.
# A **TaskGroup** is one block for a set of cards: nobody leaves it before all its cards are done, and if one fails the others are cancelled.
#
# **Predict.** The same four in a TaskGroup. In which minute does `main` hear of the toast, and where are roast and cake then?


# %%
async def grouped():
    async with asyncio.TaskGroup() as group:
        for name in EVENING:
            group.create_task(cook(name), name=name)


try:
    await record(grouped(), unit="minutes")
except ExceptionGroup as burnt:
    trace = burnt.trace
    print(f"minute {trace.duration:g}: {burnt.exceptions}")
print([f"{task.name} {task.outcome}" for task in trace.tasks[1:]])
timeline(trace, title="TaskGroup: the toast burns, the others are called off")

# %% [markdown]
# In the same minute 3, and nobody is left. The mark on the lane of `grouped` is the group at work. (It bears the name of the toast, since the group acts at the moment at which that one fails.) The toast's failure also ends whatever the block itself waits for. What you get is an `ExceptionGroup`, because several may have burnt; `except*` picks from it. There is a third wish: neither
# give up nor call off, but hear of all. Then failures are results like others:


# %%
async def every_answer():
    cards = [cook(name) for name in EVENING]
    answers = await asyncio.gather(*cards, return_exceptions=True)
    return f"minute {minute():g}: {answers}"


print((await record(every_answer(), unit="minutes")).result)

# %% [markdown]
# ## 5. Not all at once: a semaphore
#
# There are three ovens. In your work they are the database connections, or the requests that another service allows you. A **semaphore** is a bowl with three
# tokens: whoever wants an oven takes one, waits while there is none, and puts it back at the end. In Rust it is `tokio::sync::Semaphore`.
#
# **Predict.** Nine orders, three ovens. When is the first dish out, when the last? How many cards are there in minute 4?


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

# %% [markdown]
# Each card had its first turn early (the tick), found no token, and waited. That wait is drawn as idle: ready means that only the chef is missing, and here it is the oven. The first
# dish is out in minute 5 and not in 9, the cards waited for the chef for less than half as long, and the last dish came four minutes later. The limit did not make work
# go away; it chose where the waiting is.
#
# But why three? **Predict.** From how many tokens on is the evening as short as with no limit at all?

# %%
for ovens in (1, 2, 3, 4, 5, 9):
    trace = await record(with_tokens(9, ovens), unit="minutes")
    print(f"{ovens} tokens: {trace.duration:g} min, {waiting(trace)}")

# %% [markdown]
# Five. An order keeps its token for five minutes and the chef for one of them, so five keep the chef at work all the time. A sixth does not cook anything sooner; it only waits in another
# place. If nothing else sets your limit, *time in all / time of hands* is where to begin.
#
# ### Not in batches
#
# Many programs limit themselves another way: `gather` the first three, then the next three. Let every third dish need eight minutes of oven, and the others two.
#
# **Predict.** How long is the evening in batches of three, and how long with three tokens?


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

# %% [markdown]
# In each batch two ovens are empty for six minutes and more, since the next batch begins only when the slowest dish of this one is out. A token goes back at once, to whoever
# waits. (`timeline(batches)` shows the gaps.)

# %% [markdown]
# ## 6. A queue with workers
#
# The semaphore still has a card for each order. The other way round: one card for each *oven*, and orders that are slips of paper, not tasks. Each oven's card takes a slip,
# cooks it, and takes the next. Such a card is a **worker**; the slips are in an `asyncio.Queue` (in Rust: an `mpsc` channel).
#
# **Predict.** Nine orders, three workers. How many lanes, and is the last dish sooner or later than with three tokens?


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
print(f"last dish in minute {workers.duration:g}; with tokens in minute {tokens.duration:g}")
timeline(workers, title="Three workers: three cards, three dishes each")

# %% [markdown]
# The same 17 minutes, with three lanes. The ovens' cards never end by themselves: they wait for a slip that does not come, and `main` calls them off. (From Python 3.13 on
# `slips.shutdown()` does that in one word.)
#
# With nine orders that is a matter of taste. **Predict.** 1000 orders and five ovens: how many tasks does each style make, and how many are alive at the same moment?


# %%
def most_alive(trace):
    ends = [(task.end, -1) for task in trace.tasks]
    alive = most = 0
    for _, change in sorted([(task.spawned, 1) for task in trace.tasks] + ends):
        alive += change
        most = max(most, alive)
    return most


# %%
big = {
    "gather": await record(all_at_once(1000)),
    "semaphore": await record(with_tokens(1000, 5)),
    "workers": await record(with_workers(1000, 5)),
}
for style, trace in big.items():
    alive = f"{len(trace.tasks):,} tasks, {most_alive(trace):,} alive at once"
    print(f"{style:9} {trace.duration:,g} min, {alive}, {waiting(trace)}")

# %% [markdown]
# The evening is as long in all three. What differs is what hangs on the rail. A semaphore limits how many *cook*; all thousand cards exist from the first moment, and each takes its
# kilobyte or two. Workers limit how many *exist*. For orders from a list that is nice to have; for orders from a network connection that never ends there is no other way.
#
# | style | cards | results | one fails | use it when |
# |---|---|---|---|---|
# | `gather` | one an order | a list, in your order | the others run on | few, and each answer counts by itself (`return_exceptions=True`) |
# | `TaskGroup` | one an order | from each handle | the others are called off | they belong together: all or nothing |
# | semaphore | one an order | as the style round it | as the style round it | many, and something else is scarce |
# | queue and workers | one a worker | you carry them yourself | you decide, in the worker | a stream, or more than you want in memory |

# %% [markdown]
# ## 7. Back-pressure
#
# One oven, two minutes a slip. At the door a guest comes in every minute: half a minute to greet and to write the slip. More comes in than goes out, and something has to give.
#
# An `asyncio.Queue()` has room for everything. With `maxsize=2` the rail has two hooks, and `await slips.put(...)` waits while both are taken. So the one who fills the queue is slowed
# down by the one who empties it: that is **back-pressure**.
#
# **Predict.** Ten guests. How many slips hang there at most, without a limit? How old is the oldest slip when it is taken, without a limit and with two hooks?


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


endless = await record(slow_evening(hooks=0), unit="minutes")  # 0: no limit
two_hooks = await record(slow_evening(hooks=2), unit="minutes")
for name, trace in (("no limit", endless), ("two hooks", two_hooks)):
    most = max(slips for _, slips in trace.result["rail"])
    told = ", ".join(f"{key} {value:g}" for key, value in trace.result.items() if key != "rail")
    print(f"{name}: at most {most} slips, {told}")

# %%
picture = go.Figure(layout={"template": theme.TEMPLATE, "height": 320})
for name, trace, dash in (("no limit", endless, "dot"), ("two hooks", two_hooks, "solid")):
    rail = dict(trace.result["rail"])  # the last number of slips in each minute
    look = {"shape": "hv", "dash": dash, "color": theme.TEXT}
    picture.add_scatter(x=list(rail), y=list(rail.values()), name=name, line=look, mode="lines")
picture.update_layout(
    title="<b>Without a limit the rail grows as<br>long as guests come; two hooks stay two</b>",
    showlegend=True,
    xaxis_title="kitchen minutes",
    yaxis_title="slips on the rail",
)

# %%
lanes = ["door", "oven"]
timeline(two_hooks, lanes=lanes, title="Both hooks taken: the door keeps the oven's pace")

# %% [markdown]
# Both evenings are over in the same minute, since there is one oven in both. Without a limit the guests come in at their own pace, the rail grows, and slips get old on it. With
# two hooks the lane of the door says it: a guest every minute at first, and then one every two minutes. The other guests stand outside, where
# they see the line and can turn to another restaurant. A queue without a limit hides an overload until the memory is full.
#
# To wait is one answer to a full rail. The other is to say no at once: `put_nowait` raises `QueueFull`, and the guest is told.
#
# **Predict.** The door never waits now. How many of the ten are sent away?


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
    return f"guests {away} sent away; oldest slip {max(ages):g} min; over in minute {minute():g}"


print((await record(honest_evening(2), unit="minutes")).result)

# %% [markdown]
# Every other one, as soon as both hooks are taken: the oven serves one in two minutes, and no politeness changes that. Those who came in did not wait for long. This is called
# **load shedding**.

# %% [markdown]
# ## 8. Two thousand lanes
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


# %% [markdown]
# **Predict.** How long does an order wait for the chef on average, how long does the unluckiest, and is the average any use to find out that something went wrong?

# %%
evening = await record(long_evening(), unit="minutes")
waits = sorted((task.scheduled, task.name) for task in evening.tasks if "order" in task.name)
middle, p90, worst = waits[999][0], waits[1799][0], waits[-1][0]
mean = sum(wait for wait, _ in waits) / len(waits)
print(f"median {middle:.2f} min, mean {mean:.2f}, 90th of 100 {p90:.2f}, worst {worst:.2f}")
print(*evening.findings, sep="\n")

# %% [markdown]
# The median says that all is well, and the mean that the kitchen is a bit slow. Neither is true: most guests waited for a few seconds, and some two hundred and fifty for up to two and a half minutes. That is why services
# watch their slowest tenth or hundredth (p90, p99), and why tokio-console shows *scheduled* time.
#
# The finding names the task that held the chef, the line, and the first of those who paid. For the picture, 2000 lanes are too many; so it shows how many tasks are in each state over
# time, and under that the slowest. `lanes=[...]` opens the ones that you name: here the culprit, the two who waited longest, and one order each from before and after.
#
# **Predict.** What do the idle and the scheduled area do in minute 8?

# %%
unlucky = [name for _, name in waits[:-3:-1]]
names = ["stocktaking", "order 400", *unlucky, "order 1400"]
timeline(evening, lanes=names, title="From minute 8 on oven after oven rings, and no chef comes")

# %% [markdown]
# A calm evening: some 300 dishes in their ovens. Then in minute 8 the orange swells, group by group, as ovens ring and nobody comes, and no new guest comes in either, since the one who writes
# the cards needs the chef too. The lanes below show both sides at the same minute: one dark bar, and orange beside it. (The lanes that the picture opens by itself are those of
# the slowest. There you would see the victims, and not the culprit: the culprit did not wait.)

# %% [markdown]
# ## 9. The same job in Rust
#
# All at once, with tokens, and with two hooks on the rail.
#
# ```rust
# use std::sync::Arc;
# use std::time::{Duration, Instant};
# use tokio::sync::{mpsc, Semaphore};
# use tokio::task::JoinSet;
# use tokio::time::sleep;
#
# async fn order(number: u32) -> u32 {
#     sleep(Duration::from_millis(10)).await;
#     number
# }
#
# async fn finish(mut cards: JoinSet<u32>) {
#     while let Some(dish) = cards.join_next().await {
#         dish.unwrap(); // a failed order ends the function; what is left in the set is aborted
#     }
# }
#
# async fn all_at_once(orders: u32) {
#     let mut cards = JoinSet::new();
#     for number in 0..orders {
#         cards.spawn(order(number));
#     }
#     finish(cards).await;
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
#     finish(cards).await;
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
#     for orders in [1_000, 10_000, 100_000] {
#         let began = Instant::now();
#         all_at_once(orders).await;
#         println!("{orders} orders: {:?}", began.elapsed());
#     }
#     with_tokens(1_000, 100).await;
#     two_hooks(10).await;
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
# | leaving the block early | the set is dropped, and all in it are aborted at once | the group waits until each is home |
# | readers of a queue | one `recv` for each channel | as many workers as you like |
# | a queue that is always full | a task yields by itself after 128 ready operations | no budget: `get()` of a queue that has something does not let go |
# | more chefs | `multi_thread`: the cards are shared | one thread, always |

# %% [markdown]
# ### Side by side
#
# You need no Rust to see Tokio run. The thousand orders of section 1 were recorded on it: a thousand tasks, ten milliseconds each, on one thread and on Tokio's own virtual clock
# (`start_paused`, made for tests). `compare` holds your run to that recording lane by lane, and says what agrees, what differs, and why. The
# picture has the first lanes of each run and the last; the sentence above it is about all of them.
#
# **Predict.** On the virtual clock both take exactly ten milliseconds. Is anything left that differs?

# %%
from helpers import compare, load_recording


async def thousand_orders():
    orders = [asyncio.create_task(asyncio.sleep(0.01), name=f"order-{n}") for n in range(1, 1001)]
    for waiting in orders:
        await waiting


mine, tokio = await record(thousand_orders()), load_recording("thousand", clock="virtual")
compare(mine, tokio)

# %% [markdown]
# Every order has as many polls in both, at the same moments and in the same order.
#
# What differs is `main`. It awaits the orders one after the other. asyncio's main is a task like the others: when order-1 wakes it, it stands
# in the queue behind the other 999, which are ready by then, and it finds them all done. Tokio's main is no task. Its `current_thread` runtime looks at main after 61 tasks at the
# latest, so that main finds some orders done, waits for the next, and is woken again and again. Both get the same results at the same moment.
# (All the ticks at the end of Tokio's main belong to that one moment, 0.01 s; they stand side by side so that they can be counted.)
#
# One thing no picture shows, since it happens within one moment: a thousand timers are due at once. Who goes on first?
#
# **Predict.** Eight timers with one and the same deadline: in which order does asyncio call them?


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
# asyncio keeps its timers in a heap. A heap gives out the earliest, and of *equal* ones any: the order in which they were set is lost. Tokio has a list for each millisecond, and wakes its cards in the order in which
# they came. The virtual clock of this course does the same, for on it deadlines are often equal. On the real clock you will hardly see the difference, for there two deadlines of asyncio's are hardly ever equal. Yet none
# of them promises an order: what has to come in order belongs in a queue.

# %% [markdown]
# ## Where the metaphor breaks
#
# - A kitchen with 10,000 ovens is absurd; a process with 10,000 timers is not. An "oven" here is an entry in a heap, or a socket, and what it stands for runs on another machine.
# - Hired chefs work at the same time. Python threads mostly take turns as well, for only one may run Python code at a moment. They too are for waiting.
# - A card on the rail takes no room in a kitchen. In a process it is what sets the limit: memory, long before time.

# %% [markdown]
# ## The lab
#
# Number of orders, style and limit are yours, up to 10,000. Predict the seconds before you press Run. Then find the smallest limit with which 1000 orders of
# 10 ms take less than a fifth of a second.

# %%
# NBVAL_IGNORE_OUTPUT
lab("showdown")


# %%
async def a_hundred_at_once(orders, limit=100):
    tokens = asyncio.Semaphore(limit)

    async def in_its_turn():
        async with tokens:
            await order()

    await asyncio.gather(*(in_its_turn() for _ in range(orders)))


trace = await record(a_hundred_at_once(1000))
print(f"1000 orders, 100 at once, 10 ms each: {trace.duration:g} s, and not a step of it is work")

# %% [markdown]
# ## Try it
#
# 1. In <code>with_tokens</code> the token is taken before the chopping. Take it only for the oven: split <code>dish</code>, and put the <code>async with</code> round the sleep. Nine orders,
#    three tokens: is the evening shorter?
#    <details><summary>What to look for</summary>No: 17 minutes, as before. The chef chops all nine first, and the ovens that ring at minutes 5, 6 and 7 stay empty until minute 9. With one token the
#    evening is shorter (41 minutes in place of 45), with four it is longer (17 in place of 15). A token for the oven alone is free sooner, but it no longer says which work the chef does
#    first. (And the chopped dishes pile up before the ovens: the limit now says nothing about how many are begun.)</details>
# 2. `record(rush(10_000), clock="real")` wrote all cards in one step. Write them in a loop with <code>create_task</code>, and <code>await asyncio.sleep(0)</code> after every hundred. What changes in the picture?
#    <details><summary>What to look for</summary>Writing and first steps are mixed now, the orange stays low during the first part, and a ticker beside it gets a turn after every hundred cards,
#    not only after all of them. The whole takes about as long as before: each card still has its two steps, and <code>main</code> has a hundred more.</details>
# 3. Give <code>slow_evening</code> two oven cards in place of one, and no limit. How long does the rail get?
#    <details><summary>What to look for</summary>Two ovens take one slip a minute, as many as come in. The rail stays almost empty, and a limit would never be felt. Back-pressure is for the day on which
#    that is not so.</details>
#
# ## What to take away
#
# - A task costs a kilobyte or two and some microseconds, a thread many times that; both grow in a straight line. No cliff, and no free lunch: all of it is one chef's time.
# - All at once is right while cards are few. Then say what is scarce: a semaphore limits who cooks, workers limit who exists, a TaskGroup says who belongs together.
# - Give every queue a limit, and decide who waits or who is refused. And look at the slowest, not at the mean.
#
# **Next:** 07, what does a team of chefs do?
