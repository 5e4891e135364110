//! Hands-on work: the chef is held, and no other task of this worker gets a turn.
//!
//! Under the paused clock neither function takes real time; both move the clock by hand.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use crate::clock;

/// Rounds of `grind` that one free core does in a millisecond.
static ROUNDS_A_MILLISECOND: OnceLock<u64> = OnceLock::new();

/// Computes for as long as one free core needs for `length`: a fixed amount of work, so that two
/// workers that share a core take twice as long.
pub fn busy(length: Duration) {
    if clock::is_virtual() {
        return move_clock(length);
    }
    let rounds = ROUNDS_A_MILLISECOND.get().expect("calibrate() comes before the run");
    grind(rounds * length.as_micros() as u64 / 1000);
}

/// The naive chef who stares at the oven: the thread sleeps, and with it all its tasks.
pub fn blocking_sleep(length: Duration) {
    if clock::is_virtual() {
        return move_clock(length);
    }
    std::thread::sleep(length);
}

/// Measures this machine. The fastest of several tries is the one that nothing disturbed.
pub fn calibrate() {
    const ROUNDS: u64 = 1_000_000;
    let fastest = (0..5).map(|_| {
        let start = Instant::now();
        grind(ROUNDS);
        start.elapsed().as_nanos() as u64
    });
    let nanos = fastest.min().unwrap().max(1);
    ROUNDS_A_MILLISECOND.get_or_init(|| ROUNDS * 1_000_000 / nanos);
}

fn grind(rounds: u64) {
    let mut number = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..rounds {
        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;
        number = black_box(number);
    }
}

/// `tokio::time::advance` moves the clock at its first poll, and then yields. The chef who is held
/// does not yield, so the future is polled once and dropped: what is left of it is the yield.
fn move_clock(length: Duration) {
    let waker = Waker::from(Arc::new(Nobody));
    let mut context = Context::from_waker(&waker);
    let advance = pin!(tokio::time::advance(length));
    assert!(advance.poll(&mut context).is_pending(), "advance() yields after it moved the clock");
}

struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}
