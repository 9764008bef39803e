//! Data that is four times larger than the memory that its reader may use.

use super::child::Child;
use super::figures::Outcome;
use crate::ui;
use serde_json::Value;
use std::path::Path;
use surgdb::load::internals::memory_limit;
use surgdb::{ErrorKind, Result};

/// How many times larger the data is than the memory.
pub const TIMES: u64 = 4;
/// The least memory in which a reader's own needs do not count.
const LEAST: u64 = 128 << 20;

/// Whether this process has so little memory already, as in a container.
pub fn is_limited(data: u64) -> bool {
    memory_limit().is_some_and(|limit| limit <= data / TIMES)
}

/// Runs a process with a quarter of the data's size as its memory, where the system lets us, and gives what it measured.
///
/// # Errors
/// `Interrupted` after Ctrl-C.
pub fn in_scope(child: &Child<'_>, data: u64) -> Result<Outcome<Value>> {
    let memory = data / TIMES;
    let skipped = |why: String| Ok(Outcome::Skipped { skipped: why });
    if memory < LEAST {
        let least = ui::bytes(LEAST * TIMES);
        return skipped(format!("it takes data of {least} or more, and there are {}", ui::bytes(data)));
    }
    if !Path::new("/run/systemd/system").exists() {
        return skipped(format!(
            "limiting the memory takes systemd, which does not run here; run `surgdb bench --only beyond` in a container \
             or a control group of {}",
            ui::bytes(memory)
        ));
    }
    match child.run(&scope(memory)) {
        Ok(found) => Ok(Outcome::Measured(found)),
        Err(error) if error.kind() == ErrorKind::Unsupported => skipped(error.message().to_owned()),
        Err(error) => Err(error),
    }
}

/// A scope of the service manager: the system's for root, else the user's own.
fn scope(memory: u64) -> Vec<String> {
    let mut words = vec!["systemd-run".to_owned(), "--scope".into(), "--quiet".into()];
    if !rustix::process::geteuid().is_root() {
        words.push("--user".into());
    }
    words.extend(["-p".into(), format!("MemoryMax={memory}"), "-p".into(), "MemorySwapMax=0".into(), "--".into()]);
    words
}
