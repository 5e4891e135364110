//! Many at once: one thread, and as many tasks as there are orders.

use crate::kitchen::{ms, sleep, spawn};

/// 1000 tasks, `order-1` to `order-1000`, that sleep 10 ms each. Main awaits them in this order.
pub async fn thousand() {
    orders(1000).await;
}

/// The same with 10,000.
pub async fn ten_thousand() {
    orders(10_000).await;
}

async fn orders(count: u32) {
    let mut handles = Vec::new();
    for number in 1..=count {
        handles.push(spawn(format!("order-{number}"), sleep(ms(10))));
    }
    for handle in handles {
        handle.await.unwrap();
    }
}
