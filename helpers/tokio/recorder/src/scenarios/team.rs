//! A team of chefs: who does the work, who can be interrupted, and who takes cards from whom.

use crate::kitchen::{blocking_sleep, busy, mark, ms, sleep, spawn, yield_now};

/// Eight dishes of 25 ms of CPU each, in one go, beside a ticker. One chef: the ticker is silent
/// from 22 to 222 ms. For the whole story see `dishes`.
pub async fn cpu() {
    dishes(false).await;
}

/// The same with a `yield_now` after each of the 25 milliseconds: the ticker gets its turn after
/// each round, which takes one chef 8 ms.
pub async fn cpu_yield() {
    dishes(true).await;
}

/// Main spawns `ticker`, which sleeps 5 ms again and again, and sleeps 22 ms. It spawns `dish-1` to
/// `dish-8`, 25 ms of CPU each, and awaits them in this order. It sleeps 22 ms more, aborts the
/// ticker and awaits its end. (22 ms, so that main and the ticker are never due at the same time.)
async fn dishes(yields: bool) {
    let ticker = spawn("ticker", async {
        loop {
            sleep(ms(5)).await;
        }
    });
    sleep(ms(22)).await;
    let dishes: [_; 8] = std::array::from_fn(|index| {
        spawn(format!("dish-{}", index + 1), async move {
            for _ in 0..25 {
                busy(ms(1));
                if yields {
                    yield_now().await;
                }
            }
        })
    });
    mark("eight dishes are ordered");
    for dish in dishes {
        dish.await.unwrap();
    }
    mark("eight dishes are done");
    sleep(ms(22)).await;
    ticker.abort();
    assert!(ticker.await.is_err_and(|error| error.is_cancelled()));
}

/// Main spawns `sous_chef`, who writes eight cards, `peel-1` to `peel-8` (10 ms of CPU each), works
/// for 20 ms without a yield, and then awaits the eight in order.
///
/// The cards go to the queue of the worker that sous_chef is on. One chef takes them up after the
/// 20 ms. In a team they are stolen meanwhile: all but the one in that worker's LIFO slot, which
/// nobody else can reach.
pub async fn nested() {
    spawn("sous_chef", async {
        let peels: [_; 8] = std::array::from_fn(|index| {
            spawn(format!("peel-{}", index + 1), async { busy(ms(10)) })
        });
        busy(ms(20));
        mark("sous_chef has time");
        for peel in peels {
            peel.await.unwrap();
        }
    })
    .await
    .unwrap();
}

/// Five dishes of which one blocks its worker for 400 ms, after a sleep of 73 ms. For the whole
/// story see `beside_a_roast`.
///
/// The pans are late by 373 ms, in a team as with one chef. An idle worker waits for the timers of
/// all; it is the one that roast's timer wakes, it takes roast up itself, and it asks no other to
/// wait in its place.
pub async fn stall() {
    beside_a_roast(true).await;
}

/// The same without the sleep of 73 ms. In a team no pan is late: roast's card comes from main, and
/// the worker that takes it up calls another, who waits for the timers.
pub async fn held() {
    beside_a_roast(false).await;
}

/// Main spawns `roast`, which blocks its worker for 400 ms, and `pan-1` to `pan-4`, which sleep
/// 50 ms eight times each. It awaits the five in this order.
async fn beside_a_roast(waits: bool) {
    let roast = spawn("roast", async move {
        if waits {
            sleep(ms(73)).await;
        }
        blocking_sleep(ms(400));
    });
    let pans: [_; 4] = std::array::from_fn(|index| {
        spawn(format!("pan-{}", index + 1), async {
            for _ in 0..8 {
                sleep(ms(50)).await;
            }
        })
    });
    roast.await.unwrap();
    for pan in pans {
        pan.await.unwrap();
    }
}
