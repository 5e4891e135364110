//! Finds out which rustc and which Tokio this build uses, so that each recording can say so.

use std::{env, fs, process::Command};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=Cargo.lock");
    println!("cargo:rustc-env=RECORDER_RUSTC={}", rustc_version());
    println!("cargo:rustc-env=RECORDER_TOKIO={}", tokio_version());
}

/// "rustc 1.95.0 (59807616e 2026-04-14)" -> "1.95.0"
fn rustc_version() -> String {
    let rustc = env::var("RUSTC").expect("cargo sets RUSTC for build scripts");
    let output = Command::new(rustc).arg("--version").output().expect("rustc did not run");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().nth(1).expect("rustc did not say its version").to_owned()
}

/// cargo has resolved the versions before it runs this script, and left them in Cargo.lock.
fn tokio_version() -> String {
    let lock = fs::read_to_string("Cargo.lock").expect("cargo writes Cargo.lock before it builds");
    let mut lines = lock.lines().skip_while(|line| *line != "name = \"tokio\"");
    let version = lines.nth(1).expect("Cargo.lock does not name tokio");
    version.trim_start_matches("version = ").trim_matches('"').to_owned()
}
