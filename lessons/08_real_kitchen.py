# ---
# jupyter:
#   kernelspec: {display_name: Python 3 (ipykernel), language: python, name: python3}
#   lesson:
#     number: "08"
#     name: real_kitchen
#     question: "How do all of them work together in a service that takes real requests?"
#     article: "networked services, shutdown signal"
# ---

# %% [markdown]
# # 08 · How do all of them work together in a service that takes real requests?
#
# The door is open. Guests come in by the dozen and ask all at once. Some leave before their dish is there. The supplier is slow today, now and then he
# does not pick up at all, and at ten o'clock somebody pulls down the shutter. Up to now each lesson had one tool and one guest. Tonight they have to
# work together, and nobody asks whether you are ready.
#
# **You will**
# - open a real service on your machine: HTTP, a database, a cache, and a third party that it cannot do without;
# - put it under load five times, find what is wrong in the picture and in the numbers, and mend it with the tool of an earlier lesson;
# - close it while guests are asking, without losing one order.
#
# "The article" ([lesson 01](01_task_cards.ipynb) names it) calls a deadline a lifesaver for networked services, races a database with a cache, and lets a
# service hear requests and the shutdown signal at once. Here all three are in one program.
#
# **The clock.** Sockets, threads and a database are real, and so is the *clock*. Every number is your machine's; the text states relations.

# %%
import inspect

from helpers import lab, predict, record, timeline
from helpers.kitchen.evening import CUT, Guests, Supplier, evening, report, way_of
from helpers.kitchen.mistakes import Forgets, Hoards, Slams, Stares, Waits, kitchen
from helpers.kitchen.service import ASK, Kitchen

# %% [markdown]
# ## 1. The house
#
# The service has two pages. `GET /dishes/7` says what dish 7 costs, which the **database** knows (SQLite, in threads of its own; a **cache** keeps for
# two seconds what was looked up), and how much of it is left, which only the **supplier** knows: another server, in a thread of its own. `POST /orders`
# takes an order: it looks up the prices, writes the order down, answers, and after that sends the supplier a note.
#
# An `evening` is a supplier, a kitchen, and guests who ask again and again, every fifth time with an order. What they met is a `Load`. The guests are
# in a thread of their own, too: what you see in a picture is the kitchen.
#
# The same service exists with five mistakes. `kitchen(0)` makes all of them, `kitchen(1)` has mended the first, `kitchen(5)` is the good one. All of it
# is in `helpers/kitchen/`, in 500 lines. (What a run, a lane and a finding are, and how to read a picture, is on the page to keep
# [beside the keyboard](beside_the_keyboard.md).)

# %% [markdown]
# What may be set, and to what a good kitchen sets it, in seconds and numbers:

# %%
for setting in ("deadline", "grace", "limit", "queries", "cached"):
    print(f"{setting:8} {getattr(Kitchen, setting):g}")

# %% [markdown] tags=["notes"]
# **Draw.** On the board, and it stays: guests, door, kitchen, and behind it the database, the
# cache and the supplier, with an arrow for each question and one for each answer. At each mistake
# of this lesson mark the arrow where it sits. At the end every arrow has a tool's name on it.


# %%
async def night(mended, guests=None, supplier=None, **settings):
    """The run of an evening in a kitchen with so many of its mistakes mended."""
    guests = guests or Guests(clients=20, seconds=1.2)
    supplier = supplier or Supplier(delay=0.12)
    return await record(evening(kitchen(mended), guests, supplier, **settings), clock="real")


# %% [markdown]
# ## 2. A chef who stares
#
# The first version is how one writes it who knows the drivers from other programs. Both calls **block**: the thread waits, and with it the loop.

# %%
print(inspect.getsource(Stares))

# %%
blocked = predict(
    "The supplier takes 120 ms for each. 20 guests ask at once. How many are served in a second?",
    {
        "8 or fewer": "",
        "about 160": "So it would be if all 20 could wait at the same time.",
        "as many as the database can": "A query takes a millisecond; the supplier takes 120.",
    },
    why="While the chef stares at one of the supplier's answers, nobody else is heard.",
)
blocked

# %%
# NBVAL_IGNORE_OUTPUT
stares = await night(0)
print(report({"stares": stares.result}))
requests = [lane.name for lane in stares.lanes if "GET" in lane.name or "POST" in lane.name]
timeline(stares, lanes=requests[:20])

# %%
served = len(stares.result.waits) / stares.result.seconds
blocked.answer("8 or fewer" if served < 1 / 0.12 else "about 160")
print("a request blocked the loop:", any("in left" in finding for finding in stares.findings))

# %% [markdown] tags=["notes"]
# **Ask.** Before anybody reads on: "The processor was idle for nearly the whole evening. Who was
# busy?" Nobody was; that is the point. Then let them find the words of the finding that name the
# line, and ask in which lesson they have seen this staircase (03, section 2).

# %% [markdown]
# The picture is a staircase: one request at a time is running, and all others are scheduled, ready and not taken up. The finding names the line. The
# tool is lesson 03's: await a client that does not block (`aiohttp`), and leave the driver that blocks to threads (`aiosqlite` does). `kitchen(1)` has
# both, and nothing else is new.

# %%
awaits = (await night(1)).result
print("more are served in a second:", len(awaits.waits) / awaits.seconds > served)

# %%
print("half of them wait for less:", awaits.wait(50) < stares.result.wait(50))

# %% [markdown]
# ## 3. No deadline
#
# The supplier has a bad day: two seconds for each answer. The kitchen passes that on to every guest. It has no **deadline** (lesson 04).

# %%
print(inspect.getsource(Waits))

# %%
late = predict(
    "With a deadline of 0.5 s on each request: what do guests get when the supplier takes 2 s?",
    {
        "an error": "The price is known by then; the service keeps what it has found so far.",
        "the price, without what is left": "",
        "the whole answer, after 2 s": "The alarm rings at 0.5 s.",
    },
    why="The block ends at 0.5 s; what was found by then is the fallback.",
)
late

# %%
slow_day = {"guests": Guests(clients=30, seconds=1), "supplier": Supplier(delay=2)}
patient = (await night(1, **slow_day)).result
print("without a deadline half of the guests wait for 2 s or more:", patient.wait(50) >= 2)

# %%
with_alarms = await night(2, **slow_day)
hurried = with_alarms.result
print("with one, half of them wait for less:", hurried.wait(50) < patient.wait(50))
late.answer("the price, without what is left" if hurried.waits else "an error")
print("what it says in the place of a number:", ASK)

# %% [markdown] tags=["notes"]
# **They will say.** "Half an answer is a fault; give them an error." Ask what each reader would
# rather see of a shop at six in the evening: no page, or the page without the stock. Then ask for
# a page of theirs where half an answer would be wrong. An order is one, and it is exempt below.

# %%
one = next(lane for lane in with_alarms.lanes if "GET" in lane.name)
print("a request of that evening:", one.name.split()[1], one.outcome, "by", one.cancelled_by)
print("told to ask the waiter:", "all" if hurried.asked == hurried.outcomes["200"] else "some")

# %% [markdown]
# One `asyncio.timeout` goes round the whole request, and not one round each call (lesson 04, section 4). What has been found when it rings is kept
# outside of the block, and is the answer: half of the truth, in time. Where there is nothing yet, the answer is 503 with `Retry-After`: come again.
#
# Only one thing is exempt. While an order is being written the alarm is taken off: if the write were called off in the middle, nobody would know
# whether there is an order.

# %% [markdown]
# ## 4. No limit
#
# Now the kitchen is hospitable. Every query gets a connection, at once, and nobody is sent away. It is the slow day still; the deadline is three seconds
# here, so that whoever is let in stays for a while.

# %%
print(inspect.getsource(Hoards))

# %%
crowd = {"guests": Guests(clients=150, seconds=1), "supplier": Supplier(delay=2)}
crowd |= {"deadline": 3, "cached": 0}
hoards = (await night(2, **crowd)).result
print("queries alive at once, without tokens: more than 50:", hoards.queries > 50)

# %%
door = predict(
    "150 guests ask at once, and 100 requests may be in flight. What happens to the others?",
    {
        "they wait until there is room": "Then their wait would be part of everybody's p99.",
        "they are told at once to come again": "",
        "nobody answers the door": "Their connections are accepted; only the work is refused.",
    },
    why="The count is looked at before anything is done for a request.",
)
door

# %%
tokens = (await night(3, **crowd)).result
print("queries alive at once, with 8 tokens:", tokens.queries)
turned_away = tokens.outcomes["503"] > 0
door.answer("they are told at once to come again" if turned_away else "nobody answers the door")

# %% [markdown] tags=["notes"]
# **Break it.** Change `night(3, **crowd)` to `night(3, **crowd, queries=3)`: it prints
# `with 8 tokens: 3` (the label of the line stays). Fewer at once, and the database has a quiet
# evening; ask who pays for it. Those at the bowl do: their deadline runs while they wait.

# %% [markdown]
# Each of those connections is a thread and a file. A bowl of tokens (lesson 06) keeps the queries at eight, the pool has as many connections, and a
# second limit is at the door: with a hundred requests in flight the next one is told at once that it has to come again. That is **back-pressure**, and
# `503` with `Retry-After` are its words in HTTP. It looks unfriendly in the table. But who is told no after a millisecond can do something about it.

# %% [markdown]
# ## 5. A note that nobody keeps, and a door that slams
#
# Two mistakes are left, and no guest has noticed either. They show when the kitchen closes.

# %%
print(inspect.getsource(Forgets))

# %%
print(inspect.getsource(Slams))

# %% [markdown]
# Twenty guests, a supplier who takes a second and a half, and a kitchen that closes when a hundred have asked:

# %%
rush = {"guests": Guests(clients=20, seconds=30), "supplier": Supplier(delay=1.5), "most": 100}

# %%
lost = predict(
    "The kitchen closes after 100 requests, while 20 guests ask on. Of which mistake do guests hear?",
    {
        "the forgotten note": "The guest has the answer before the note is sent.",
        "the door that slams": "",
        "both": "The note is between the kitchen and the supplier.",
    },
    why="In flight are those who asked and have no answer; they see their connection break.",
)
lost

# %%
slam = await night(3, **rush)
slams = slam.result
lost.answer("the door that slams" if slams.outcomes[CUT] else "the forgotten note")
print("cut off in the middle:", slams.outcomes[CUT] > 0)
print("orders of which the supplier never heard:", len(slams.notes) < len(slams.orders))

# %%
# NBVAL_IGNORE_OUTPUT
last = [lane for lane in slam.lanes if "GET" in lane.name or "note" in lane.name]
cut_off = [lane for lane in last if lane.outcome == "cancelled"]
plug = min(lane.end for lane in cut_off[-8:])
lanes = [lane.name for lane in last if lane.end >= plug]
timeline(slam, lanes=lanes[-16:], title="The plug is pulled, and who is in flight is cut off")

# %%
notes = [lane for lane in last if "note" in lane.name]
early = [lane for lane in notes if lane.end - lane.spawned < rush["supplier"].delay]
print("notes that ended before the supplier can have answered:", len(early) > 0)
print("how they ended:", *{lane.outcome for lane in early})

# %% [markdown]
# At the right edge the requests end all at once, as cancelled: that was the plug. The *forgotten notes* end soon after, when the connections to the
# supplier are closed under them. They end as *returned*, for whoever asks the supplier expects errors and goes on without an answer: each of them is an
# order that a guest has confirmed in hand, and of which the supplier will never hear. Nothing in the guests' numbers shows it.

# %%
closes = (await night(5, **rush, grace=3)).result
print("and in the good one:", len(closes.orders) - len(closes.notes), "of them")

# %% [markdown] tags=["notes"]
# **Break it.** Change `grace=3` to `grace=0`: it no longer prints
# `in the good one: 0 of them`. Nobody is cut off, each has an answer; but notes that were on their
# way are cancelled. Ask what a grace should be as long as: the slowest thing you do after answers.


# %%
print("cut off in the good one:", closes.outcomes[CUT])
# %% [markdown]
# A **graceful shutdown** has an order. First the door: nobody new is accepted, and who asks on an open connection is told to come again. Then a *grace*,
# here of three seconds: everybody's deadline is moved to its end (a deadline is a moment, and a moment can be moved), so that each request that is in flight ends
# with an answer, its own or the fallback. Then the notes, which the kitchen has kept in a set: awaited for as long as the grace lasts, then cancelled,
# and awaited. Then the pools. On SIGTERM, on Ctrl-C or at the end of a block, it is the same function.

# %%
print(inspect.getsource(Kitchen.close))

# %% [markdown]
# ## 6. One request's way
#
# Which of those thousand lanes belong together? Each request has a number in a **context variable**, `request_id`. A task is made with a copy of its
# maker's context, so everything that is done for a request knows the number without being told, and says it in its name. Here is the one order
# of a very quiet evening in the good kitchen:

# %%
# NBVAL_IGNORE_OUTPUT
few = Guests(clients=2, seconds=30, requests=5)
good = await record(evening(guests=few, supplier=Supplier(delay=0.03)), clock="real")
first = next(lane.name for lane in good.lanes if "POST" in lane.name)
number = int(first.split()[0].removeprefix("#"))
timeline(good, lanes=way_of(good, number), title="One order's way through the kitchen")

# %%
words = {name.split()[1] for name in way_of(good, number)}
print("who worked for it:", ", ".join(sorted(words)))

# %% [markdown] tags=["notes"]
# **Break it.** Change `supplier=Supplier(delay=0.03)` to `supplier=Supplier(delay=0.03), cached=0`:
# it no longer prints `cache`, and it still prints `database`. One racer is no race. Let them find
# in the picture who was cancelled before, and after how long.

# %%
way = [good.task(name) for name in way_of(good, number)]
print("losers, cancelled:", sum(task.outcome == "cancelled" for task in way))

# %% [markdown]
# Each price is a race (lesson 05): the cache has a head start of two milliseconds, and a cache that has nothing never comes in. The loser is
# cancelled *and awaited*: a query that is cancelled is interrupted in its thread, so that its connection is free when the race is over.
#
# And if the guest hangs up in the middle?

# %%
gone = predict(
    "A guest hangs up while the supplier is being asked. What becomes of what is done for the request?",
    {
        "it goes on to its end": "Nobody would read the answer; the server has noticed that.",
        "it is cancelled": "",
        "it waits for the guest": "A new connection is a new request.",
    },
    why="The server hears that the connection is closed, and cancels the request's task.",
)
gone

# %%
fickle = Guests(clients=10, seconds=1, hang_up=0.5)
trace = await record(evening(guests=fickle, supplier=Supplier(delay=0.4)), clock="real")
print("guests who hung up:", trace.result.outcomes["hung up"] > 0)

# %%
# By "io": by what came in at the socket.
cancelled = [lane for lane in trace.lanes if "GET" in lane.name and lane.cancelled_by == "io"]
gone.answer("it is cancelled" if cancelled else "it goes on to its end")

# %% [markdown]
# ## 7. The answer
#
# All five steps, under one and the same load:

# %%
# NBVAL_IGNORE_OUTPUT
names = ["all five mistakes", "awaits", "a deadline", "tokens", "keeps its notes", "closes"]
loads = {name: (await night(n)).result for n, name in enumerate(names)}
print(report(loads))

# %%
wrong, right = loads[names[0]], loads[names[-1]]
print("half of the guests wait for less:", right.wait(50) < wrong.wait(50))

# %%
print("errors in the good kitchen:", int(right.row()[3]))

# %% [markdown]
# **Each tool keeps one promise: nobody blocks the chef, nobody waits past the deadline, no loser is left running, nobody is let in whom the kitchen
# cannot serve, and nothing is forgotten when it closes. A service is good when all of them hold at the same time, also at its end.**
#
# | what goes wrong | how it looks | the tool | in Tokio |
# |---|---|---|---|
# | a call that blocks | one lane blue, all others orange | an async driver, `to_thread` (lesson 03) | `spawn_blocking` |
# | a third party that is slow | p99 is theirs | `asyncio.timeout`, and a fallback (lesson 04) | `tokio::time::timeout`, `tower`'s `TimeoutLayer` |
# | two sources, one answer | a loser that runs on | `select` (lesson 05) | `tokio::select!` |
# | all at once | queries without number | `Semaphore`, 503 (lesson 06) | `Semaphore`, `tower`'s `ConcurrencyLimitLayer` |
# | work after the answer | lost at the end | a set of tasks, awaited (lesson 02) | `TaskTracker` |
# | the end | guests cut off | stop accepting, grace, cancel, await | `with_graceful_shutdown`, `CancellationToken` |

# %% [markdown]
# ## 8. The lab
#
# Guests, supplier, deadline, limit, cache, and three ways to end the evening. Say first how long half of the guests will wait; then run it. Three things
# to try: many guests and a small limit, and look how many are refused; a supplier who is slower than the deadline; and the same evening shut down, and
# unplugged.

# %%
# NBVAL_IGNORE_OUTPUT
lab("real_kitchen")

# %% [markdown] tags=["notes"]
# **Time.** A run takes up to five seconds, and with 1000 guests a laptop has enough to do with the
# guests. On one server only the instructor presses. In pairs: one chooses the supplier and the
# guests and says nothing, the other sets deadline and limit, and both bid p50 first.

# %%
small = Guests(clients=30, seconds=1), Supplier(delay=0.3)
full = (await night(5, *small, limit=10)).result
print("30 guests, room for 10; more refused than served:", full.outcomes["503"] > len(full.waits))

# %% [markdown]
# Whoever is refused and asks again at once is refused again, and each refusal costs the kitchen a little. That is what `Retry-After` is for: it says when to
# come again.

# %% [markdown]
# ## 9. The same service in Rust
#
# All of it in one file, without a web framework, so that you see what one does for you. Run it with `cargo run`, and with
# `tokio = { version = "1", features = ["full"] }` in Cargo.toml; Debian's package `librust-tokio-dev` is enough for it. Two sleeps stand for the
# database and the cache.
#
# ```rust
# use std::sync::Arc;
# use std::time::Duration;
# use tokio::io::{AsyncReadExt, AsyncWriteExt};
# use tokio::net::{TcpListener, TcpStream};
# use tokio::sync::{watch, Semaphore};
# use tokio::task::JoinSet;
# use tokio::time::{sleep, timeout};
#
# const SERVED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
# const LATER: &str = "HTTP/1.1 503 Later\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";
#
# async fn dish(tokens: Arc<Semaphore>) -> &'static str {
#     let _token = tokens.acquire().await; // back in the bowl when it is dropped
#     tokio::select! {
#         _ = sleep(Duration::from_millis(9)) => "database",
#         _ = sleep(Duration::from_millis(3)) => "cache", // the other one is dropped
#     };
#     SERVED
# }
#
# async fn serve(mut guest: TcpStream, tokens: Arc<Semaphore>, mut closing: watch::Receiver<bool>) {
#     let grace = async {
#         closing.changed().await.ok();
#         sleep(Duration::from_secs(1)).await;
#     };
#     if guest.read(&mut [0; 1024]).await.is_ok() {
#         let answer = tokio::select! {
#             answer = timeout(Duration::from_millis(500), dish(tokens)) => answer.unwrap_or(LATER),
#             _ = grace => LATER,
#         };
#         guest.write_all(answer.as_bytes()).await.ok();
#     }
# }
#
# #[tokio::main]
# async fn main() -> std::io::Result<()> {
#     let door = TcpListener::bind("127.0.0.1:0").await?;
#     println!("open at {}", door.local_addr()?);
#     let (close, closing) = watch::channel(false);
#     let (tokens, mut guests) = (Arc::new(Semaphore::new(8)), JoinSet::new());
#     loop {
#         tokio::select! {
#             guest = door.accept() => {
#                 guests.spawn(serve(guest?.0, tokens.clone(), closing.clone()));
#             }
#             _ = tokio::signal::ctrl_c() => break,
#         }
#     }
#     drop(door); // nobody new
#     close.send(true).ok(); // everybody's time is up when the grace is
#     while guests.join_next().await.is_some() {} // each has its answer
#     println!("closed");
#     Ok(())
# }
# ```
#
# In a service of your own you would not read HTTP by hand. In **axum** a request is a function, `Router::new().route("/dishes/{number}", get(dish))`,
# the limits are layers round it, and `axum::serve(door, app).with_graceful_shutdown(signal)` is the loop in `main` with everything after it. The crate
# `tokio-util` has names for the rest: a `CancellationToken` is what `closing` is here, and a `TaskTracker` is a set of tasks that one can close, and
# wait for until it is empty.
#
# | Rust with Tokio | Python with asyncio |
# |---|---|
# | a guest hangs up: axum drops the handler's future at its next await | aiohttp cancels the handler's task, if asked to (`handler_cancellation=True`) |
# | a query is dropped: what the database does about it is up to the driver | the same; SQLite has to be interrupted in its thread |
# | `timeout(...)` drops what it is round | `asyncio.timeout` cancels it, and can be moved (`reschedule`) |
# | a value for all that is done for a request: `tokio::task_local!`, or `tracing`'s spans | a `ContextVar`, copied into each new task |

# %% [markdown] tags=["notes"]
# **Cut.** Python people alone: section 9, and you have seven minutes more for the lab. With Tokio
# people let them read its `main` aloud, and say which line of `Kitchen.close` each line is. Never
# cut section 5: it is the one mistake of the five that no load test shows.

# %% [markdown]
# ## Where the metaphor breaks
#
# - A guest who leaves takes the order along: here the cook stops in the middle of the dish. A real kitchen would finish it, and so does this one in one
#   case, when the order is being written down.
# - No restaurant turns the next guest away at the door in a millisecond, and means it kindly.
# - A kitchen knows its guests. A service sees connections: who was refused and comes again looks like somebody new.
#
# ## Try it
#
# 1. In section 4, put a single token into the bowl: <code>night(3, **crowd, queries=1)</code>. How many queries are alive at once at the most?
#    <details><summary>What to look for</summary>One. The limit holds whatever comes; all others wait for the token with their deadlines running, and who
#    has found nothing by then is told to come again.</details>
# 2. In section 5, close the good kitchen without grace: <code>night(5, **rush, grace=0)</code>. How many guests are cut off in the middle, and are there
#    notes that the supplier never gets?
#    <details><summary>What to look for</summary>Nobody is cut off: each request in flight has its deadline moved to now, and ends with the fallback or a
#    503. But there are notes that never arrive: they are cancelled, and awaited, with nobody to send them again.</details>
# 3. In section 6, keep nothing in the cache: add <code>cached=0</code> to the <code>evening</code>. Which lanes are gone?
#    <details><summary>What to look for</summary>Those named cache. A race of one is left, and no head start: the database is asked at once.</details>
#
# ## What to take away
#
# - Measure with many guests: p99 and the loop's lag show what one guest never meets.
# - One deadline goes with the request; what is found by then is the answer.
# - Limit what is alive, and say no early.
# - Keep every task that you make. The end of a service is a part of it, and is tested like the rest.
#
# `python -m helpers.kitchen --port 8080` opens the same kitchen as a program: ask it with a browser, stop it with Ctrl-C, and open the trace that it
# has saved in [Perfetto](https://ui.perfetto.dev). With `KITCHEN_DATABASE=postgresql://...` and `KITCHEN_CACHE=redis://...` it works with servers of
# yours.
#
# This was the last lesson. **Next** is a program of your own: `await record(main(), clock="real")` shows it as you have seen it here. If it does not
# do what you expect, begin with [03 · Who else suffers when one chef stares at the oven?](03_not_blocking.ipynb)
#
# **Beside the keyboard:** [what to write, and the trap](beside_the_keyboard.md)

# %% [markdown]
# ## Exercises
#
# As in lesson 02: `hint(...)` helps. There are no sockets here: the clock is virtual, a call is a task, and a guest who hangs up is an event.

# %%
import asyncio
from contextlib import suppress

from helpers import check, hint, progress, select, solution

# %% [markdown]
# ### Predict: five guests and a door that closes
#
# A kitchen with room for two requests, a deadline of 5 s, and a grace of 2 s; it closes at second 5. At which second has each guest an answer,
# whatever it is?

# %%
LIMIT, DEADLINE, GRACE, in_flight, closed = 2, 5, 2, [], asyncio.Event()


async def request(comes, takes):
    await asyncio.sleep(comes)
    if closed.is_set() or len(in_flight) >= LIMIT:
        return "503, come again"
    try:
        async with asyncio.timeout(DEADLINE) as deadline:
            in_flight.append(deadline)
            await asyncio.sleep(takes)
            return "200, the whole answer"
    except TimeoutError:
        return "200, the fallback"
    finally:
        in_flight.remove(deadline)


# %%
GUESTS = {"Ann": (0, 3), "Bob": (1, 9), "Cleo": (2, 1), "Dora": (4, 4), "Emil": (5.5, 1)}


async def five_guests():
    closed.clear()
    guests = [asyncio.create_task(request(*GUESTS[name]), name=name) for name in GUESTS]
    await asyncio.sleep(5)
    closed.set()
    end = asyncio.get_running_loop().time() + GRACE
    for deadline in in_flight:
        deadline.reschedule(min(deadline.when(), end))
    await asyncio.wait(guests)


# %%
seconds = {"Ann": ..., "Bob": ..., "Cleo": ..., "Dora": ..., "Emil": ...}

# %% tags=["solution"]
seconds = {"Ann": 3, "Bob": 6, "Cleo": 2, "Dora": 7, "Emil": 5.5}

# %%
check("08.five", (five_guests, seconds))

# %% [markdown]
# ### Write: a handler of your own
#
# `await price()` and `await left()` ask the database and the supplier. Ask both at the same time, and return `{"price": ..., "left": ...}` after
# `deadline` seconds at the latest. If `left()` raises an `OSError`, or is not there in time, it is `"ask the waiter"`. If the price is not there in
# time, return `None`. What else `price()` raises goes to your caller, at once. However it ends: what is still under way is cancelled, and awaited.


# %%
async def dish(price, left, deadline):
    """A dish's price and what is left of it, or as much of it as there is in time."""
    # solution
    page = None

    async def ask():
        with suppress(OSError):
            return await left()
        return "ask the waiter"

    asking = asyncio.create_task(ask())
    try:
        async with asyncio.timeout(deadline):
            page = {"price": await price(), "left": "ask the waiter"}
            page["left"] = await asking
    except TimeoutError:
        pass
    finally:
        asking.cancel()
        await asyncio.wait([asking])
    return page


# %%
check("08.dish", dish)

# %% [markdown]
# ### Write: a guest who hangs up in the middle of an order
#
# `await price()` looks up the total, `await write(total)` writes the order down and returns its number. The event `gone` is set when the guest hangs up:
# before the write, cancel the look-up, await it, and return `None` at once. A write that has begun is never cancelled: return its number, whether
# the guest is there or not. Your own task may be cancelled, too, even twice: before the write, end at once; else when the write has ended.
# Both times it ends as cancelled.


# %%
async def order(gone, price, write):
    """The number of an order that was written down, or None if the guest was gone before."""
    # solution
    first = await select(price=price(), gone=gone.wait())
    if first.name == "gone":
        return None
    writing = asyncio.create_task(write(first.value))
    try:
        return await asyncio.shield(writing)
    finally:
        done = set()
        while not done:
            with suppress(asyncio.CancelledError):
                done, _ = await asyncio.wait([writing])


# %%
check("08.order", order)

# %% [markdown]
# ### Mend: a service that closes and loses orders
#
# `orders` is a queue, `await cook(one)` cooks an order of it, `closing` is an event. When it is set, take no more orders; what you have taken from the
# queue by then is cooked, also an order that came at the same moment. Those in flight have `grace` seconds; who is not done by then is cancelled, and
# awaited. Return the orders that were cooked, in the order in which they came, as soon as all this is done. This one stands at the queue, and leaves
# cooks behind. Mend it.


# %%
async def serve(orders, cook, closing, grace):
    tasks = {}
    while not closing.is_set():
        one = await orders.get()
        tasks[asyncio.create_task(cook(one))] = one
    done, _ = await asyncio.wait(tasks, timeout=grace)
    return [tasks[task] for task in done]


# %% tags=["solution"]
async def serve(orders, cook, closing, grace):
    tasks, closed = {}, asyncio.create_task(closing.wait())
    while not closed.done():
        one = asyncio.create_task(orders.get())
        done, _ = await asyncio.wait([one, closed], return_when=asyncio.FIRST_COMPLETED)
        if one in done:
            tasks[asyncio.create_task(cook(one.result()))] = one.result()
    one.cancel()
    await asyncio.wait([one, *tasks], timeout=grace)
    for task in tasks:
        task.cancel()
    await asyncio.wait([one, *tasks])
    return [each for task, each in tasks.items() if not task.cancelled()]


# %%
check("08.closing", serve)

# %% [markdown] tags=["notes"]
# **Check.** `08.five` on paper, five minutes: who writes 10 for Bob has forgotten his deadline, who
# writes 8 for Dora has forgotten the door. `08.closing` is the hand-in: most answers lose the order
# that comes in the same turn as the bell, and `check` names it.

# %% tags=["differs-again"]
progress("08")
