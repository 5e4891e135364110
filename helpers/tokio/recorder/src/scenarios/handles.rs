//! Spawning: what happens between writing the card and cooking the dish, and what a handle is for.

use crate::kitchen::{busy, mark, ms, sleep, spawn};

/// Main writes three cards and awaits their handles in the same order.
///
/// | task | hands-on | then in the oven | returns   |
/// |------|----------|------------------|-----------|
/// | chop | 50 ms    | 150 ms           | "carrots" |
/// | boil | 50 ms    | 250 ms           | "pasta"   |
/// | bake | 50 ms    | 350 ms           | "bread"   |
///
/// One chef: hands-on at 0-50, 50-100 and 100-150 ms; the ends at 200, 350 and 500 ms.
pub async fn three_cards() {
    let chop = spawn("chop", cook(150, "carrots"));
    let boil = spawn("boil", cook(250, "pasta"));
    let bake = spawn("bake", cook(350, "bread"));
    // No card has been taken up so far, if there is one chef only: main has not yielded yet.
    mark("three cards are written");
    mark(format!("received {}", chop.await.unwrap()));
    mark(format!("received {}", boil.await.unwrap()));
    mark(format!("received {}", bake.await.unwrap()));
}

async fn cook(oven_ms: u64, dish: &'static str) -> &'static str {
    busy(ms(50));
    sleep(ms(oven_ms)).await;
    dish
}

/// Main drops both handles at once. The tasks are detached, not cancelled: `cake` (20 ms in the
/// oven) comes to its end. Main sleeps 50 ms and returns; `roast` (500 ms) ends with the runtime.
pub async fn dropped_handle() {
    drop(spawn("cake", sleep(ms(20))));
    drop(spawn("roast", sleep(ms(500))));
    sleep(ms(50)).await;
    mark("main returns");
}

/// `soup` sleeps 100 ms, `souffle` 50 ms and then panics, `salad` 150 ms. Main awaits the handles
/// in this order and marks what each gave: the panic stays in its task, an error in its handle.
pub async fn one_panics() {
    let soup = spawn("soup", sleep(ms(100)));
    let souffle = spawn("souffle", async {
        sleep(ms(50)).await;
        panic!("the souffle fell");
    });
    let salad = spawn("salad", sleep(ms(150)));
    mark(format!("soup: {}", said(soup.await)));
    mark(format!("souffle: {}", said(souffle.await)));
    mark(format!("salad: {}", said(salad.await)));
}

fn said(result: Result<(), tokio::task::JoinError>) -> &'static str {
    match result {
        Ok(()) => "ok",
        Err(error) if error.is_panic() => "panicked",
        Err(_) => "cancelled",
    }
}
