//! The programs, one file a subject. Each says what it does, how long, in which order, by which
//! names, so that the same program can be written in another language line by line.

mod crowd;
mod deadlines;
mod handles;
mod races;
mod team;
mod waiting;

use crate::runtime::{Flavor, Program};

pub struct Scenario {
    pub name: &'static str,
    pub program: fn() -> Program,
    on: On,
    /// The nanoseconds that its times are cut to.
    pub unit: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    /// All four runtimes.
    All,
    /// Those with the real clock: chance or real threads are what it shows.
    RealClock,
    /// All but the biggest team: ten thousand tasks make big files.
    AllButFour,
}

impl Scenario {
    pub fn runs_on(&self, flavor: Flavor) -> bool {
        match self.on {
            On::All => true,
            On::RealClock => !flavor.paused(),
            On::AllButFour => flavor.workers() < 4,
        }
    }
}

macro_rules! scenarios {
    ($($name:literal = $file:ident :: $program:ident, on $on:ident, every $unit:literal ns;)*) => {
        pub const SCENARIOS: &[Scenario] = &[$(Scenario {
            name: $name,
            program: || Box::pin($file::$program()),
            on: On::$on,
            unit: $unit,
        }),*];
    };
}

scenarios! {
    "spawn" = handles::three_cards, on All, every 1 ns;
    "dropped_handle" = handles::dropped_handle, on All, every 1 ns;
    "panic" = handles::one_panics, on All, every 1 ns;
    "async_sleep" = waiting::async_sleep, on All, every 1 ns;
    "blocking_sleep" = waiting::three_block, on All, every 1 ns;
    "blocking_pool" = waiting::blocking_pool, on RealClock, every 1 ns;
    "timeout" = deadlines::met_and_missed, on All, every 1 ns;
    "timeout_blocking" = deadlines::over_blocking, on All, every 1 ns;
    "timeout_handle" = deadlines::over_a_handle, on All, every 1 ns;
    "select" = races::two_futures, on All, every 1 ns;
    "select_handles" = races::two_handles, on All, every 1 ns;
    "select_biased" = races::in_written_order, on All, every 1 ns;
    "select_tie" = races::ties, on RealClock, every 1 ns;
    "shutdown" = races::shutdown, on All, every 1 ns;
    "thousand" = crowd::thousand, on All, every 1000 ns;
    "ten_thousand" = crowd::ten_thousand, on AllButFour, every 1000 ns;
    "cpu" = team::cpu, on All, every 1 ns;
    "cpu_yield" = team::cpu_yield, on All, every 1 ns;
    "nested" = team::nested, on All, every 1 ns;
    "held" = team::held, on All, every 1 ns;
    "stall" = team::stall, on All, every 1 ns;
}
