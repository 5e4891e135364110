//! What watching costs: the same 100,000 tasks spawned and awaited, bare and watched.

use std::time::Instant;

use tokio::runtime::Builder;

use crate::{clock, kitchen, log};

const TASKS: u32 = 100_000;

/// Prints both, in nanoseconds a task, and the difference.
pub fn print() {
    let runtime = Builder::new_current_thread().build().expect("the runtime could not be built");
    clock::start(false);
    let (mut bare, mut watched) = (u128::MAX, u128::MAX);
    for _ in 0..5 {
        bare = bare.min(runtime.block_on(spawn_bare()));
        watched = watched.min(runtime.block_on(spawn_watched()));
        log::take();
    }
    let (bare, watched) = (bare / u128::from(TASKS), watched / u128::from(TASKS));
    println!("bare {bare} ns a task, watched {watched} ns, so {} ns more", watched - bare);
}

async fn spawn_bare() -> u128 {
    let start = Instant::now();
    let handles: Vec<_> = (0..TASKS).map(|_| tokio::spawn(tokio::task::yield_now())).collect();
    for handle in handles {
        handle.await.unwrap();
    }
    start.elapsed().as_nanos()
}

async fn spawn_watched() -> u128 {
    let start = Instant::now();
    let handles: Vec<_> =
        (0..TASKS).map(|_| kitchen::spawn("", tokio::task::yield_now())).collect();
    for handle in handles {
        handle.await.unwrap();
    }
    start.elapsed().as_nanos()
}
