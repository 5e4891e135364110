//! Deadlines: `timeout` drops the future it wraps. What it cannot drop goes on.

use tokio::time::timeout;

use crate::kitchen::{blocking_sleep, branch, mark, ms, sleep, spawn};

/// Two deadlines of 200 ms, one after the other, over futures inside main:
/// `soup` needs 100 ms (Ok at 100 ms), `roast` needs 500 ms (Err at 300 ms, dropped just before).
pub async fn met_and_missed() {
    let soup = timeout(ms(200), branch("soup", sleep(ms(100)))).await;
    mark(format!("soup: {}", in_time(soup.is_ok())));
    let roast = timeout(ms(200), branch("roast", sleep(ms(500)))).await;
    mark(format!("roast: {}", in_time(roast.is_ok())));
}

/// A deadline of 200 ms over `report`, which blocks its chef for 500 ms and is then ready at once.
/// Nobody is free to look at the clock: Ok, at 500 ms.
pub async fn over_blocking() {
    let report = timeout(ms(200), branch("report", async { blocking_sleep(ms(500)) })).await;
    mark(format!("report: {}", in_time(report.is_ok())));
}

/// A deadline of 200 ms over the handle of `database`, a task that needs 500 ms. Err at 200 ms, but
/// what was dropped is the waiting: the task runs on, and main gets its result at 500 ms.
pub async fn over_a_handle() {
    let mut database = spawn("database", sleep(ms(500)));
    let asked = timeout(ms(200), &mut database).await;
    mark(format!("database: {}", in_time(asked.is_ok())));
    database.await.unwrap();
    mark("database: ended all the same");
}

fn in_time(ok: bool) -> &'static str {
    if ok {
        "in time"
    } else {
        "too late"
    }
}
