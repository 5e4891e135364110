//! Runs one program on one Tokio runtime and prints what the scheduler did, as JSON Lines.
//!
//! ```text
//! cargo run --release                            what can be recorded
//! cargo run --release -- spawn current_thread    one recording, on the standard output
//! cargo run --release -- cost                    what the recording costs, a task
//! ```

mod clock;
mod cost;
mod format;
mod kitchen;
mod log;
mod runtime;
mod scenarios;
mod watch;
mod work;

use std::process::ExitCode;

use runtime::FLAVORS;
use scenarios::SCENARIOS;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => list(),
        ["cost"] => cost::print(),
        [scenario, runtime] => return record(scenario, runtime),
        _ => return refuse("expected a scenario and a runtime, as in: spawn current_thread"),
    }
    ExitCode::SUCCESS
}

/// A line for each recording: its scenario and its runtime.
fn list() {
    for scenario in SCENARIOS {
        for (name, _) in FLAVORS.iter().filter(|(_, flavor)| scenario.runs_on(*flavor)) {
            println!("{} {name}", scenario.name);
        }
    }
}

fn record(scenario: &str, runtime: &str) -> ExitCode {
    let Some(scenario) = SCENARIOS.iter().find(|known| known.name == scenario) else {
        return refuse(&format!(
            "there is no scenario {scenario:?}; run without arguments to see all"
        ));
    };
    let Some((_, flavor)) = FLAVORS.iter().find(|(name, _)| *name == runtime) else {
        return refuse(&format!(
            "there is no runtime {runtime:?}; run without arguments to see all"
        ));
    };
    if !scenario.runs_on(*flavor) {
        return refuse(&format!("{} is not recorded on {runtime}", scenario.name));
    }
    log::keep_panics();
    let notes = runtime::run(*flavor, scenario.program);
    drop(std::panic::take_hook());
    print!("{}", format::recording(scenario.name, *flavor, &notes, scenario.unit));
    ExitCode::SUCCESS
}

fn refuse(sentence: &str) -> ExitCode {
    eprintln!("{sentence}");
    ExitCode::FAILURE
}
