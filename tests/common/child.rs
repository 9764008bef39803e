//! Child processes that are stopped or failed at a step, and what they say of the versions that they made.

use std::process::{Child, Command, Stdio};

/// Runs this test binary's test `child` in a process of its own, which reads what it is to do from a variable.
pub fn start(variable: &str, work: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(variable, work)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The newest version that the child said it had made.
pub fn last_committed(said: &str) -> u64 {
    said.lines().filter_map(|line| line.strip_prefix("committed ")?.parse().ok()).next_back().unwrap_or(0)
}

/// The version of which the child said that it had made it, but that the disk may not have it.
pub fn not_durable(said: &str) -> Option<u64> {
    let (before, _) = said.split_once(" was made, but may not survive a loss of power")?;
    before.rsplit("version ").next()?.parse().ok()
}
