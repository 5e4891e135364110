//! When something happened: nanoseconds from the start of the run, and a number that counts up.
//!
//! Under the paused clock many events share one instant, so the time alone does not say which came
//! first. The number does.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::OnceLock;
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::time::Instant as TokioInstant;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    pub nanos: u64,
    pub sequence: u64,
}

enum Start {
    Real(Instant),
    Virtual(TokioInstant),
}

static START: OnceLock<Start> = OnceLock::new();
static SEQUENCE: AtomicU64 = AtomicU64::new(0);
static LAST_VIRTUAL: AtomicU64 = AtomicU64::new(0);

/// Sets the zero of the run. A process records one run; the virtual clock belongs to its runtime,
/// so this is called from inside it.
pub fn start(paused: bool) {
    let start =
        if paused { Start::Virtual(TokioInstant::now()) } else { Start::Real(Instant::now()) };
    assert!(START.set(start).is_ok(), "a process records one run");
}

pub fn is_virtual() -> bool {
    matches!(START.get(), Some(Start::Virtual(_)))
}

/// Nanoseconds from the start of the run.
pub fn nanos() -> u64 {
    match START.get().expect("the run has started") {
        Start::Real(start) => start.elapsed().as_nanos() as u64,
        // A task that is dropped with its runtime can no longer ask that runtime for the time; the
        // paused clock has stood still since it was last read.
        Start::Virtual(_) if Handle::try_current().is_err() => LAST_VIRTUAL.load(Relaxed),
        Start::Virtual(start) => {
            let nanos = start.elapsed().as_nanos() as u64;
            LAST_VIRTUAL.store(nanos, Relaxed);
            nanos
        }
    }
}

/// When a timer is due, in nanoseconds from the start of the run.
pub fn nanos_at(deadline: TokioInstant) -> u64 {
    let nanos = match START.get().expect("the run has started") {
        Start::Real(start) => deadline.into_std().saturating_duration_since(*start).as_nanos(),
        Start::Virtual(start) => deadline.saturating_duration_since(*start).as_nanos(),
    };
    nanos as u64
}

pub fn stamp() -> Stamp {
    let nanos = nanos();
    Stamp { nanos, sequence: SEQUENCE.fetch_add(1, Relaxed) }
}
