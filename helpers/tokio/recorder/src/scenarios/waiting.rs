//! Waiting: with the chef free for others, with the chef held, and on a thread for such work.

use crate::kitchen::{blocking_sleep, ms, sleep, spawn, spawn_blocking, Handle};

/// The three dishes of every program here: spawned, and awaited, in this order.
const DISHES: [&str; 3] = ["roast", "soup", "bread"];

/// Three tasks that sleep 200 ms each. They wait together: 200 ms in all, on any runtime.
pub async fn async_sleep() {
    all(DISHES.map(|dish| spawn(dish, sleep(ms(200))))).await;
}

/// Three tasks that block their worker for 200 ms each: ceil(3 / workers) x 200 ms in all.
pub async fn three_block() {
    all(DISHES.map(|dish| spawn(dish, async { blocking_sleep(ms(200)) }))).await;
}

/// The same blocking work, handed to the threads that Tokio keeps for it: 200 ms in all.
pub async fn blocking_pool() {
    all(DISHES.map(|dish| spawn_blocking(dish, || blocking_sleep(ms(200))))).await;
}

async fn all(handles: [Handle<()>; 3]) {
    for handle in handles {
        handle.await.unwrap();
    }
}
