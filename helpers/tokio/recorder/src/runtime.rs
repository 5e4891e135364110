//! The four runtimes a program is recorded on, and one run on one of them.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::log::{self, Kind, Notes};
use crate::watch::Watched;
use crate::{clock, work};

pub type Program = Pin<Box<dyn Future<Output = ()>>>;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Flavor {
    /// One chef: the thread that calls `block_on` does it all. asyncio works like this.
    CurrentThread,
    /// The same, on a clock that stands still while there is work, and jumps to the next timer
    /// when there is none: exact, and the same on every machine.
    CurrentThreadPaused,
    /// A team of chefs. Main's root future stays on the main thread, which is none of them.
    MultiThread(usize),
}

pub const FLAVORS: [(&str, Flavor); 4] = [
    ("current_thread", Flavor::CurrentThread),
    ("current_thread_paused", Flavor::CurrentThreadPaused),
    ("multi_thread_2", Flavor::MultiThread(2)),
    ("multi_thread_4", Flavor::MultiThread(4)),
];

impl Flavor {
    pub fn workers(self) -> usize {
        if let Flavor::MultiThread(workers) = self {
            workers
        } else {
            1
        }
    }

    pub fn paused(self) -> bool {
        self == Flavor::CurrentThreadPaused
    }

    fn build(self) -> Runtime {
        let mut builder = match self {
            Flavor::MultiThread(workers) => {
                let mut builder = Builder::new_multi_thread();
                builder.worker_threads(workers);
                builder
            }
            _ => Builder::new_current_thread(),
        };
        if self.paused() {
            builder.start_paused(true);
        }
        // Tokio asks for names in the order in which it makes its threads: the workers of a team
        // first, those of the blocking pool when they are needed.
        let workers = if let Flavor::MultiThread(workers) = self { workers } else { 0 };
        let made = AtomicUsize::new(0);
        builder.thread_name_fn(move || match made.fetch_add(1, Relaxed) + 1 {
            number if number <= workers => format!("worker-{number}"),
            number => format!("blocking-{}", number - workers),
        });
        builder.on_thread_park(|| {
            PARKED_HERE.with(|here| {
                if !here.replace(true) {
                    PARKED.fetch_add(1, Relaxed);
                }
            });
        });
        builder.enable_time().build().expect("the runtime could not be built")
    }
}

/// How many workers have come to their first rest.
static PARKED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static PARKED_HERE: Cell<bool> = const { Cell::new(false) };
}

/// Waits until a team's workers are all at work and have found nothing to do. Before that, a thread
/// that was made for a worker might take a job of the blocking pool instead, and carry a wrong name.
fn wait_for_workers(flavor: Flavor) {
    let Flavor::MultiThread(workers) = flavor else { return };
    for _ in 0..1000 {
        if PARKED.load(Relaxed) >= workers {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("of {workers} workers only {} came to rest in a second", PARKED.load(Relaxed));
}

/// Runs a program as main's root future, task 0, and gives back all that happened.
pub fn run(flavor: Flavor, program: fn() -> Program) -> Notes {
    work::calibrate();
    let runtime = flavor.build();
    wait_for_workers(flavor);
    {
        let _inside = runtime.enter();
        clock::start(flavor.paused());
    }
    let main = Watched::new("main", Kind::Task, program());
    runtime.block_on(main);
    log::set_over();
    // The end of the runtime is the end of every task that nobody waited for. It comes back when
    // its threads have let go of theirs.
    drop(runtime);
    log::take()
}
