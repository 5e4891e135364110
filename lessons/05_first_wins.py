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
# There is no basil. The manager sends two runners: one to the pantry round the corner, one to the market on the only bicycle. Whoever is back first
# has the basil, and cooking goes on. So far it is a race like any other. But kitchens do not end with the finish line. The other runner is still
# out there, with the bicycle. Does anybody tell them to turn round? Does anybody wait until the bicycle is back?
#
# A **race** waits for several things at once and takes the first. Rust has `tokio::select!` for it. asyncio has `asyncio.wait(...,
# return_when=FIRST_COMPLETED)`, which does less. You build the missing part here, one step at a time.
#
# **You will**
# - turn `asyncio.wait` into a race in three steps, and see at each step what is still running;
# - see what a race does with ties, with failures, and when nobody is in time;
# - run a loop round a race that hears both orders and the closing bell, and loses no order.
#
# **The clock.** Every run is on the *virtual clock*, in kitchen minutes. A tie is a rare accident on real time; here you make one on purpose, and get the same
# one on every run.

# %%
import asyncio
import random
from collections import Counter

from helpers import lab, record, select, timeline


def minute():
    return asyncio.get_running_loop().time()


# %% [markdown]
# ## 1. Step one: take the first
#
# The pantry takes two minutes, the market five. `asyncio.wait` takes tasks, and with `FIRST_COMPLETED` it comes back as soon as one of them is done. It
# gives two sets: those that are done, and those that are pending.


# %%
async def pantry():
    await asyncio.sleep(2)
    return "basil from the pantry"


async def market():
    await asyncio.sleep(5)
    return "basil from the market"


# %% [markdown]
# **Predict.** In which minute does `main` have its basil? And what is the other runner doing in minute 4?


# %%
async def main():
    runners = [asyncio.create_task(go(), name=go.__name__) for go in (market, pantry)]
    done, pending = await asyncio.wait(runners, return_when=asyncio.FIRST_COMPLETED)
    basil, other = done.pop(), pending.pop()
    told = f"minute {minute():g}: {basil.result()}; still out: {other.get_name()}"
    await asyncio.sleep(4)  # main cooks on
    return told


trace = await record(main(), unit="minutes")
print(trace.result)
timeline(trace, title="The pantry wins, and the market runs on, for nobody")

# %%
for name in ("pantry", "market"):
    print(f"{name}: {trace.task(name).outcome} in minute {trace.task(name).ended:g}")

# %% [markdown]
# `main` had its basil in minute 2. The other runner went all the way, came back in minute 5 and returned a result that nobody asked for. **asyncio.wait
# cancels nobody.** It ended the waiting, not the race.
#
# In one kitchen that is a pity. In a service with a thousand requests a minute it means that each of them keeps its slow twin alive.

# %% [markdown]
# ## 2. Step two: cancel the loser
#
# One more line: `loser.cancel()`. You know from lesson 04 that this is a wish. This runner hears it, turns round, and needs two more minutes to ride
# home. The bicycle is a lock: whoever holds it has the bicycle.


# %%
async def market(bike):
    async with bike:  # the kitchen has only one
        try:
            await asyncio.sleep(5)
            return "basil from the market"
        except asyncio.CancelledError:
            await asyncio.sleep(2)  # turn round and ride home
            raise


# %% [markdown]
# **Predict.** `main` says `cancel()` in minute 2. On the very next line: is the runner done? Is the bicycle free?


# %%
async def main():
    bike = asyncio.Lock()
    away = asyncio.create_task(market(bike), name="market")
    near = asyncio.create_task(pantry(), name="pantry")
    await asyncio.wait([away, near], return_when=asyncio.FIRST_COMPLETED)
    away.cancel()
    return f"minute {minute():g}: market done: {away.done()}, bike in use: {bike.locked()}"


trace = await record(main(), unit="minutes")
print(trace.result, *trace.findings, sep="\n")

# %% [markdown]
# Neither. `cancel()` returns at once, and the runner has not even heard of it yet: the exception is raised when the runner's task has its next turn. `main`
# went on as if all were over. If it had needed the bicycle in minute 3, it would have found it gone. With a database connection in the place of the bicycle, this
# is an error that shows once a week.

# %% [markdown]
# ## 3. Step three: cancel, and wait until they are home
#
# **Predict.** The same race, with one more `await`. In which minute does `main` go on now?


# %%
async def main():
    bike = asyncio.Lock()
    away = asyncio.create_task(market(bike), name="market")
    near = asyncio.create_task(pantry(), name="pantry")
    await asyncio.wait([away, near], return_when=asyncio.FIRST_COMPLETED)
    away.cancel()
    await asyncio.wait([away])  # until it has really ended
    return f"minute {minute():g}: market done: {away.done()}, bike in use: {bike.locked()}"


trace = await record(main(), unit="minutes")
print(trace.result, *trace.findings, sep="\n")
timeline(trace, title="main goes on in minute 4, when the loser is home")

# %% [markdown]
# In minute 4. The price is plain: the winner was known in minute 2, and `main` heard of it two minutes later. What it bought is that nothing of the race is left
# when the race is over. That is the rule of this course: **a race is over when its losers are home.**
#
# Tokio pays no such price, because it asks nobody. It *drops* the losing future: none of its code runs again, and the bicycle is put
# back by a destructor (the lock's guard). It also has no choice: a ride home that needs an `await` cannot be written there at all.
#
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


# %%
async def main():
    bike = asyncio.Lock()
    own = await race(market=market(bike), pantry=pantry())
    winner = await select(market=market(bike), pantry=pantry())
    return own, (winner.name, winner.value)


trace = await record(main(), unit="minutes")
print(*trace.result, sep="\n")

# %% [markdown]
# `select` comes with this course: `from helpers import select`. It takes runners by name and gives a winner with `name` and `value`. It does what your `race` does, and what
# the next sections show to be missing in it.

# %% [markdown]
# ## 4. None in time
#
# The guest waits one minute, and neither runner can be back by then. So there is a deadline round the race (lesson 04).
#
# **Predict.** Time is up in minute 1. Who tells the two runners?


# %%
async def late_race(run):
    try:
        async with asyncio.timeout(1):
            await run(market=asyncio.sleep(5), pantry=asyncio.sleep(2))
    except TimeoutError:
        pass  # no basil today
    await asyncio.sleep(5)  # the evening goes on


for run in (race, select):
    trace = await record(late_race(run), unit="minutes")
    for name in ("market", "pantry"):
        runner = trace.task(name)
        print(f"{run.__name__}: {name} {runner.outcome} in minute {runner.ended:g}")

# %%
timeline(trace, title="Time is up in minute 1: select takes both runners along")

# %% [markdown]
# In your `race`, nobody. The alarm cancelled `main` inside `asyncio.wait`, which let go of the two tasks and left; the lines that cancel the losers were never
# reached. Both ran to their end. `select` takes its runners along when it is cancelled from outside, waits until they are home, and only then lets the alarm
# through.
#
# A deadline may also be a runner: `select(basil=market(bike), alarm=asyncio.sleep(1))`. Then "too late" is one more winner, and no exception.

# %% [markdown]
# ## 5. A tie
#
# Left and right take one minute each. In minute 1 both are done.
#
# **Predict.** Who wins, by which rule, and what becomes of the other one's result? Think of 1000 races.


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
print(f"select: {biased}\nselect(biased=False): {fair}")
print(winner, winner.also, sep="\n")

# %% [markdown]
# `asyncio.wait` gives *both* as done. It has no winner; it has a set, and a set has no order. Your `race` took whichever came out of `done.pop()`,
# which is nothing that anybody promised.
#
# `select` takes the first in the order in which you wrote them. That is what Tokio calls `biased;`. Without that word Tokio begins at a *random* arm and goes on
# in the order written. With two arms that is what `select(biased=False)` does here: about half and half. Random is a protection. Section 8 shows from what.
#
# In asyncio the other one's result exists: both tasks had run to their end before anybody looked. It is in `winner.also`. In Tokio it does not. `select!` asks
# its arms in turn and stops at the first that is ready, so the other one is dropped without having been asked.

# %% [markdown]
# ## 6. When a runner fails
#
# The database knows every recipe and takes five minutes. The cache takes one minute, and today its answer is "not here": it raises a `KeyError`.


# %%
async def cache():
    await asyncio.sleep(1)
    raise KeyError("pesto is not in the cache")


async def database():
    await asyncio.sleep(5)
    return "pesto, from the database"


# %% [markdown]
# **Predict.** What does `select(cache=..., database=...)` give, and in which minute? And with `first_success=True`?


# %%
async def lookup(**rule):
    try:
        winner = await select(cache=cache(), database=database(), **rule)
        return f"minute {minute():g}: {winner.value!r}, loser: {winner.losers['cache']}"
    except KeyError as error:
        return f"minute {minute():g}: KeyError {error}"


first = await record(lookup(), unit="minutes")
success = await record(lookup(first_success=True), unit="minutes")
print(first.result, success.result, sep="\n")

# %%
timeline(first, title="The cache fails first and takes the database with it")

# %%
timeline(success, title="The cache drops out, the database wins in minute 5")

# %% [markdown]
# The first to *finish* was the cache, with a failure. The race was over in minute 1, and the database was sent home with the answer four minutes away. So is it with
# `select!` in Tokio: an arm that gives `Err` has finished, and has won.
#
# What you want of a cache is the first *success*: a runner that fails drops out, and the others run on. In Tokio you write that as a pattern:
# `Ok(recipe) = cache() => ...` does not match an `Err`, and that arm is then switched off while the others go on. What is left to settle: nobody succeeds.


# %%
async def empty_database():
    await asyncio.sleep(5)
    raise LookupError("no such recipe")


async def main():
    try:
        return await select(cache=cache(), database=empty_database(), first_success=True)
    except ExceptionGroup as group:
        return [f"minute {minute():g}: {group.message}", *map(repr, group.exceptions)]


trace = await record(main(), unit="minutes")
print(*trace.result, sep="\n")

# %% [markdown]
# Then there is no winner, and you get all the reasons at once, in the order of the runners. (In `select!` it is the `else` arm.)
#
# ### A loser that fails on the way home
#
# One more case. The race is won; the loser is told to turn round, and falls off the bicycle.
#
# **Predict.** Does the winner's basil get through to `main`?


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
# It does. The accident is not silent either: it stands in `winner.losers`, and so it is known to somebody. In your own `race` it was `gather(...,
# return_exceptions=True)` that caught it, and threw it away.

# %% [markdown]
# ## 7. A race between cards: nobody owns the loser
#
# So far each runner was a recipe that the race made into a task of its own. Now the runners are tasks already, with handles that others may hold.
#
# **Predict.** The pantry wins in minute 2. What becomes of the market, which needs five?


# %%
async def main(cancel_tasks):
    market, pantry = (
        asyncio.create_task(asyncio.sleep(minutes, name), name=name)
        for name, minutes in (("market", 5), ("pantry", 2))
    )
    winner = await select(market=market, pantry=pantry, cancel_tasks=cancel_tasks)
    told = f"{winner.name} won in minute {minute():g}, market done: {market.done()}"
    await asyncio.sleep(6 - minute())
    return told


for also_tasks in (False, True):
    trace = await record(main(also_tasks), unit="minutes")
    print(f"cancel_tasks={also_tasks}: {trace.result}; in the end: {trace.task('market').outcome}")

# %% [markdown]
# It runs on. `select` only *listens* to a task that it did not make, as Tokio does to a `JoinHandle`: what is dropped there is the handle and not the task. If you own the tasks and
# want them gone, say so: `cancel_tasks=True` here, `handle.abort()` there. The article's sentence, that the slower ones are cancelled, is true for
# futures and not for spawned tasks.
#
# Now you have both kinds. The next section needs the second one.

# %% [markdown]
# ## 8. A loop round a race: orders and the closing bell
#
# This is what the race is for in a service: *listen for requests, and listen for the signal to stop.* One race takes one order, so there is a loop round it. When the bell
# rings, no more guests are let in, and whatever was ordered by then is cooked. **No order may be lost.**
#
# Guests order in minutes 2, 4, 6, and so on, until the bell rings. The waiter takes the slip from the rail and needs one minute to write the card. Here are three waiters.
#
# - **hasty** races the bell against *taking and writing*, afresh in each round.
# - **quick** races the bell against *taking* alone, and writes when the race is over.
# - **keeper** races the bell against one task that takes and writes. It is made outside of the race, so it is not cancelled when it loses.

# %%
CLOSED = "closed"  # the last slip on the rail, for the third waiter


async def take_and_write(rail):
    slip = await rail.get()
    if slip is not CLOSED:
        await asyncio.sleep(1)  # write the card
    return slip


# %%
async def hasty(rail, bell, cards):
    closing = asyncio.create_task(bell.wait(), name="bell")
    while (won := await select(bell=closing, order=take_and_write(rail))).name == "order":
        cards.append(won.value)


async def quick(rail, bell, cards):
    closing = asyncio.create_task(bell.wait(), name="bell")
    while (won := await select(bell=closing, order=rail.get())).name == "order":
        await asyncio.sleep(1)  # write the card
        cards.append(won.value)


# %%
async def keeper(rail, bell, cards):
    closing = asyncio.create_task(bell.wait(), name="bell")
    writing = asyncio.create_task(take_and_write(rail), name="order")
    while (await select(bell=closing, order=writing)).name == "order":
        cards.append(writing.result())
        writing = asyncio.create_task(take_and_write(rail), name="order")
    rail.put_nowait(CLOSED)
    while (slip := await writing) is not CLOSED:  # what was begun, and what still hangs there
        cards.append(slip)
        writing = asyncio.create_task(take_and_write(rail), name="order")


# %% [markdown]
# An evening: guests come, and then the bell rings. Afterwards somebody looks at the rail, writes a card for every slip that still hangs there, and compares what came with
# what was written.


# %%
async def guests(rail, bell, came, rings_at):
    while minute() + 2 <= rings_at:
        await asyncio.sleep(2)
        came.append(len(came) + 1)
        rail.put_nowait(came[-1])
    await asyncio.sleep(rings_at - minute())
    bell.set()


async def evening(waiter, rings_at):
    rail, bell, came, cards = asyncio.Queue(), asyncio.Event(), [], []
    outside = asyncio.create_task(guests(rail, bell, came, rings_at), name="guests")
    await asyncio.gather(outside, waiter(rail, bell, cards))
    while not rail.empty():
        cards.append(rail.get_nowait())
    return [number for number in came if number not in cards]


# %% [markdown]
# **Predict.** The bell rings in minute 5.5 (no slip in hand), in minute 6 (the same minute as order 3), or in minute 6.5 (order 3 is being written). Which waiter
# loses an order, and when?

# %%
for waiter in (hasty, quick, keeper):
    for rings_at in (5.5, 6, 6.5):
        trace = await record(evening(waiter, rings_at), unit="minutes")
        print(f"{waiter.__name__:6} bell in minute {rings_at:3}: lost {trace.result or 'nothing'}")

# %%
trace = await record(evening(hasty, 6.5), unit="minutes")
timeline(trace, title="hasty: the bell cancels a runner with an order in hand")

# %%
trace = await record(evening(keeper, 6.5), unit="minutes")
timeline(trace, title="keeper: the slip in hand is written to the end")

# %% [markdown]
# *hasty* lost order 3, twice. Its runner had taken the slip off the rail and stood at the next await, pen in hand, when the bell won. It was cancelled, and the slip
# went with it. It was on no rail and on no card. A recipe is **cancel safe** if it can be cancelled at each of its awaits without loss.
# `take_and_write` is not: between taking and handing over there is an await.
#
# *quick* has no await there, and lost order 3 all the same, in the tie of minute 6. The bell and the slip came in the same turn, both runners had ended, and the bell won.
# The slip is in `won.also`, and this waiter does not look. In Tokio this cannot happen: `orders.recv()` is documented to be cancel safe,
# and an arm that is not chosen has not taken anything.
#
# *keeper* lost nothing. Its task outlives the race, so there is no moment in which the bell could take a slip from anybody. When the bell has rung, the
# waiter hangs a last slip behind all the others and works until that one comes (in the picture it is "order 4"). In Tokio the same mend reads `let writing = ...; pin!(writing);` outside of the
# loop, and `&mut writing` in it.

# %% [markdown]
# ### Who is asked first
#
# Why does the bell stand first in these races? Here 100 slips hang on the rail already when the bell rings.


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


# %% [markdown]
# **Predict.** How many slips does the waiter take before hearing the bell, if the bell is written first? If the order is? If the dice decide?

# %%
print("bell first: ", (await record(busy_evening(True))).result)
print("order first:", (await record(busy_evening(False))).result)
dice = random.Random(3)
tries = [(await record(busy_evening(True, biased=False, rng=dice))).result for _ in range(100)]
print("by dice:    ", sum(tries) / len(tries), "on average, never more than", max(tries))

# %% [markdown]
# With the order first, the bell is heard when the rail is empty; on a busy evening that is never. This is **starvation**, and it is what Tokio's random choice protects from.
# If you choose the order yourself (`biased;`), put first what is rare and must be heard.

# %% [markdown]
# ## 9. A second copy
#
# The last use of a race is against your own bad luck. Most answers come within three minutes, but one in twenty takes twenty. A **hedged request** sends the
# question once, and a *second copy* to somebody else if there is no answer after three minutes. The first answer wins.
#
# **Predict.** The first copy needs 20 minutes, the second one 2. When is there an answer, and what becomes of the first copy?


# %%
async def ask(minutes, sent, after=0):
    if after:
        await asyncio.sleep(after)
    sent.append(minutes)
    await asyncio.sleep(minutes)
    return f"answer from the copy that took {minutes:g} min"


async def hedged(first, second, sent, after=3):
    return await select(first=ask(first, sent), second=ask(second, sent, after))


trace = await record(hedged(20, 2, []), unit="minutes")
print(f"{trace.result.value} in minute {trace.duration:g}")
timeline(trace, title="The second copy leaves in minute 3 and wins in minute 5")

# %% [markdown]
# One question proves nothing. Take 1000 guests, each with their own luck for both copies.
#
# **Predict.** What does hedging do to the guest in the middle (the median), to the guest who is 990th of 1000, and to the number of questions sent?


# %%
async def crowd(after):
    luck = random.Random(2)
    sent, took = [], []

    async def one(first, second):
        await (ask(first, sent) if after is None else hedged(first, second, sent, after))
        took.append(minute())

    def minutes():
        return 20 if luck.random() < 0.05 else round(1 + 1.9 * luck.random(), 1)

    await asyncio.gather(*(one(minutes(), minutes()) for _ in range(1000)))
    return took[499], took[989], len(sent)


# %%
for after in (None, 3, 0):
    median, slow, sent = (await record(crowd(after), unit="minutes")).result
    print(f"second copy after {after}: median {median:g}, 990th {slow:g}, questions sent {sent}")

# %% [markdown]
# The guest in the middle notices nothing. The unlucky one waits for less than six minutes in place of twenty, for about one question in twenty more. To send both
# copies at once gains little more and asks twice as much. So the right delay is about what an answer usually takes.
#
# Two conditions. The losers must really be cancelled: else the second copies pile up on a kitchen that is slow already. And the question must be one that may be asked
# twice: the price of basil, and not "bring me a crate".

# %% [markdown]
# ## 10. The lab
#
# The choice that this lesson is about, as a program: three places take 3, 1 and 2 minutes, and one that is cancelled needs 2 minutes to hang up. What does `main` do with the
# losers?


# %%
async def polite(minutes):
    try:
        await asyncio.sleep(minutes)
    except asyncio.CancelledError:
        await asyncio.sleep(2)  # says goodbye
        raise


async def heard(cancel, wait):
    racers = [asyncio.create_task(polite(minutes)) for minutes in (3, 1, 2)]
    _, losers = await asyncio.wait(racers, return_when=asyncio.FIRST_COMPLETED)
    cancelled = [loser.cancel() for loser in losers if cancel]
    if wait:
        await asyncio.wait(losers)
    still = sum(not racer.done() for racer in racers)
    return f"{len(cancelled)} cancelled, goes on in minute {minute():g}, {still} still running"


# %% [markdown]
# The lab asks two to five places, in milliseconds. Choose how long each of them takes, how often they fail, and what `main` does with the losers. Say first who
# wins; then run it.
#
# Find a setting in which somebody else wins than the one with the shortest delay. Then make `main` return before all have ended, in two different ways.

# %%
# NBVAL_IGNORE_OUTPUT
lab("first_wins")

# %% [markdown]
# **Predict.** And the program above: in which minute does `main` go on, and how many are still running then?

# %%
for cancel, wait in [(False, False), (True, False), (True, True)]:
    trace = await record(heard(cancel, wait), unit="minutes")
    print(f"cancel {cancel!s:5} await {wait!s:5}: {trace.result}")

# %% [markdown]
# ## 11. The same job in Rust
#
# The race for the basil, then the loop with the closing bell.
#
# ```rust
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
#     let bell = sleep(Duration::from_secs(7));
#     tokio::pin!(bell); // kept outside of the loop: a round that it loses does not start it again
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
# It prints `basil from the pantry`, then orders 1 to 3. In a service the bell is `tokio::signal::ctrl_c()`; in Python it is an `asyncio.Event` that
# `loop.add_signal_handler` sets. Lesson 08 has both.
#
# | Rust with Tokio | Python with asyncio | |
# |---|---|---|
# | `tokio::select! { a = f() => ..., b = g() => ... }` | `won = await select(a=f(), b=g())` | a race between recipes |
# | the pattern and the code behind `=>` | `won.name`, `won.value` | what the winner brought |
# | no word | `biased=False` | in a tie, one at random (in Tokio: the first that is ready from a random arm on) |
# | `biased;` | `biased=True`, the default | in a tie, the first that is written |
# | `Ok(x) = f() => ...` | `first_success=True` | a failure drops out |
# | `else => ...` | `except ExceptionGroup` | nobody succeeded |
# | `tokio::pin!(bell)` and `&mut bell` | a task made before the loop | it outlives the round that it loses |
# | `slips.recv()` | `rail.get()` | take one, or wait |
# | `slips.close()`, then `recv()` until `None` | the slip `CLOSED`, then take until it comes | drain (from Python 3.13 on: `Queue.shutdown`) |
#
# | | Tokio | asyncio |
# |---|---|---|
# | what a racer is | a future, asked within the one task of the race | a task of its own |
# | what happens to the loser | dropped, before the winner's code runs | nothing, until you cancel *and await* it |
# | what of its code runs then | destructors | `except` and `finally`, which may take time, fail or refuse |
# | loser of a race between handles | runs on, until `abort()` | runs on, until `cancel()` |
# | a tie | one is taken; the other was not asked | both have ended |
# | no order given | a random first arm, then in order | a set, in no order |

# %% [markdown]
# ### Side by side
#
# You need no Rust to see Tokio run. Runs of it were recorded and come with the course; these are on Tokio's own virtual clock (`start_paused`, made for tests) and count
# in seconds. The recorded program is a race between `database`, which needs 0.2 s, and `cache`, which needs 0.1 s. Here it is in Python. `compare` draws both runs on
# one axis and says what agrees, what differs, and why.
#
# **Predict.** Who wins, and what happens to the loser, is the same in both. What is not? Count main's polls.

# %%
from helpers import compare, load_recording


async def ask_both():
    won = await select(  # tokio::select! { biased;
        database=asyncio.sleep(0.2),  # () = branch("database", sleep(ms(200))) => ...,
        cache=asyncio.sleep(0.1),  # () = branch("cache", sleep(ms(100))) => ... }
    )
    return won.name


compare(await record(ask_both()), load_recording("select", clock="virtual"))

# %% [markdown]
# In both, `cache` wins at 0.1 s and `database` is cancelled then. In Tokio the two are no tasks: their lanes are there because the recorder wrapped the futures that `main` polls
# within its own steps. When `cache` is ready, `database` is dropped in the same step, and main goes on: two polls. In Python both are tasks. Main is
# woken by the winner, cancels the loser, and has to be polled a third time, when the loser has ended. (Both ticks of main at 0.1 s stand side by side in the picture: no time
# lies between them. With a `finally` that takes time there would.)
#
# So the losers of that race were recipes. With handles (section 7) Tokio's loser runs on, until somebody aborts it. In the recorded program `database` loses and is awaited
# afterwards; `market` loses and is aborted.
#
# **Predict.** Which of the two ends alike in Python?


# %%
async def ask_tasks():
    def spawn(name, seconds):
        return asyncio.create_task(asyncio.sleep(seconds), name=name)

    database = spawn("database", 0.3)
    await select(
        database=database, cache=spawn("cache", 0.1)
    )  # select! { biased; &mut database ...
    await database
    market = spawn("market", 0.3)
    await select(market=market, pantry=spawn("pantry", 0.1))
    market.cancel()  # market.abort();
    await asyncio.wait([market])


compare(await record(ask_tasks()), load_recording("select_handles", clock="virtual"))

# %% [markdown]
# Both do. `database` lost at 0.1 s and runs on to 0.3 s; `market` is over when it is told to stop, at 0.4 s, and not when it loses. What differs is the way in which it
# stops. Tokio drops `market` where it waits. asyncio polls it once more, with the exception in it, so that its `finally` can run.

# %% [markdown]
# ## Where the metaphor breaks
#
# - Runners run at the same time. On one chef, runners take turns; they only *wait* at the same time. Two runners with their hands full do not race, they queue.
# - "First" is not first on the clock. It is first when the race next gets its turn to look, and by then a second one may be done too.
# - A dropped future in Rust is not a runner called home. It is one who is gone in mid-street, at the last await; what the runner held is back in its place, and no more.
#
# ## Try it
#
# 1. Make a tie out of no tie. Race `market` (5) against `pantry` (2), and let a third task hold the chef with `busy(6)` from minute 1 on. Who wins, and what is in `also`?
#    <details><summary>What to look for</summary>Both sleeps are over when the chef is free in minute 7, and both tasks end before the race looks. The one that you wrote first
#    wins. (<code>from helpers import busy</code>, and start the third task before the race.)</details>
# 2. Mend <em>quick</em> in one line, without a task that is kept.
#    <details><summary>What to look for</summary>After the loop: <code>cards.extend(won.also.values())</code>. If the bell won in a tie, the slip is there.</details>
# 3. In the crowd, try a delay of 2 in place of 3. How many more questions are sent, and does the 990th guest gain by it?
#    <details><summary>What to look for</summary>462 more: about half of all guests now ask twice, since half of the answers take longer than two minutes. The 990th guest has an
#    answer at minute 4.7 in place of 5.7.</details>
#
# ## What to take away
#
# - `asyncio.wait` ends the waiting, not the loser. A race is over when the losers were cancelled *and awaited*.
# - First to finish is not first to succeed, and in a tie both have finished. Say which you want.
# - In a loop round a race, keep outside what must not be lost: a task that loses a round runs on.
#
# **Next:** 06, how far does it go?
