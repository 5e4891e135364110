//! Races: `select!` takes the first that is ready and drops the others.

use std::future::ready;

use crate::kitchen::{branch, mark, ms, sleep, spawn};
use tokio::sync::{mpsc, oneshot};

/// `database` (200 ms) against `cache` (100 ms), two futures inside main. At 100 ms `cache` wins;
/// `database` is dropped before the winner's handler runs.
///
/// Here and below the arms are tried in the order in which they are written (`biased`), so that a
/// recording can be held to another one event by event. `ties` shows what happens without.
pub async fn two_futures() {
    tokio::select! {
        biased;
        () = branch("database", sleep(ms(200))) => mark("database won"),
        () = branch("cache", sleep(ms(100))) => mark("cache won"),
    }
}

/// Two races over the handles of tasks, 300 ms against 100 ms. A handle that loses is let go of,
/// and its task runs on.
///
/// First `database` against `cache`: `cache` wins at 100 ms, main awaits the loser, and it returns
/// at 300 ms. Then `market` against `pantry`, from 300 ms on: `pantry` wins at 400 ms, main aborts
/// the loser, and it is cancelled at 400 ms.
pub async fn two_handles() {
    let mut database = spawn("database", sleep(ms(300)));
    let mut cache = spawn("cache", sleep(ms(100)));
    tokio::select! {
        biased;
        _ = &mut database => mark("database won"),
        _ = &mut cache => mark("cache won"),
    }
    database.await.unwrap();
    mark("database ended all the same");

    let mut market = spawn("market", sleep(ms(300)));
    let mut pantry = spawn("pantry", sleep(ms(100)));
    tokio::select! {
        biased;
        _ = &mut market => mark("market won"),
        _ = &mut pantry => mark("pantry won"),
    }
    market.abort();
    let aborted = market.await.is_err_and(|error| error.is_cancelled());
    mark(if aborted { "market was cancelled" } else { "market was not cancelled" });
}

/// Two `biased` races in which both could win. `left` and `right` are ready at once: `left` wins
/// and `right` is dropped without a single poll. `first` and `second` are ready at 100 ms: both
/// were polled, `first` wins again, because it is written first.
pub async fn in_written_order() {
    tokio::select! {
        biased;
        () = branch("left", ready(())) => mark("left won"),
        () = branch("right", ready(())) => mark("right won"),
    }
    tokio::select! {
        biased;
        () = branch("first", sleep(ms(100))) => mark("first won"),
        () = branch("second", sleep(ms(100))) => mark("second won"),
    }
}

/// 1000 races of two arms that are both ready, as `select!` does it by itself, and 1000 `biased`
/// ones. Too many for lanes of their own: the wins are counted, in two marks.
pub async fn ties() {
    const RACES: u32 = 1000;
    let mut random = 0;
    let mut biased = 0;
    for _ in 0..RACES {
        random += tokio::select! { () = ready(()) => 1, () = ready(()) => 0 };
        biased += tokio::select! { biased; () = ready(()) => 1, () = ready(()) => 0 };
    }
    mark(format!("random: first {random}, second {}", RACES - random));
    mark(format!("biased: first {biased}, second {}", RACES - biased));
}

/// Orders come in until the kitchen closes. `customers` sends an order every 100 ms, five in all;
/// `closing_time` rings at 350 ms. Main waits for either, and hears the bell first if both are
/// there. Each order is a task, `order-1` and so on, that needs 80 ms.
///
/// Three orders come in time, at 100, 200 and 300 ms. At 350 ms main sends the customers away
/// (`customers` is aborted, and its end awaited), awaits the orders it has taken, and returns when the last of them
/// has ended, at 380 ms.
pub async fn shutdown() {
    let (order, mut orders) = mpsc::channel(8);
    let (ring, mut bell) = oneshot::channel();
    let customers = spawn("customers", async move {
        for number in 1..=5 {
            sleep(ms(100)).await;
            order.send(number).await.unwrap();
        }
    });
    spawn("closing_time", async move {
        sleep(ms(350)).await;
        ring.send(()).unwrap();
    });
    let mut taken = vec![];
    loop {
        tokio::select! {
            biased;
            _ = &mut bell => break,
            Some(number) = orders.recv() => {
                taken.push(spawn(format!("order-{number}"), sleep(ms(80))));
            }
        }
    }
    mark("closing");
    customers.abort();
    assert!(customers.await.is_err_and(|error| error.is_cancelled()));
    for order in taken {
        order.await.unwrap();
    }
    mark("closed");
}
