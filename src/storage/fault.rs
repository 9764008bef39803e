//! A hook for tests of crashes: every step that changes the file system passes here.
//!
//! Unless a test has armed it, a step costs one relaxed load. It is armed once per process, by a child process
//! that a test starts.

use std::fs::File;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What happens when the armed step is reached.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// The process aborts, before the step.
    Abort,
    /// This step and all later ones fail with this error number. A full disk (`ENOSPC`) still lets files be removed.
    Fail(i32),
    /// This step alone fails with this error number.
    FailOnce(i32),
    /// Nothing fails; from this step on each is told on stderr, as `step NUMBER: NAME`.
    Tell,
}

static ARMED: AtomicBool = AtomicBool::new(false);
static TAKEN: AtomicU64 = AtomicU64::new(0);
static PLAN: OnceLock<(u64, Fault)> = OnceLock::new();

/// Lets `fault` happen at the `at`-th step from now (counted from 1). Only the first call of a process counts.
pub fn arm(at: u64, fault: Fault) {
    if PLAN.set((at, fault)).is_ok() {
        ARMED.store(true, Ordering::SeqCst);
    }
}

/// Whether the armed step has been reached.
pub fn reached() -> bool {
    PLAN.get().is_some_and(|(at, _)| TAKEN.load(Ordering::SeqCst) >= *at)
}

/// Marks a step that is about to change the file system.
pub fn step(name: &'static str) -> io::Result<()> {
    if ARMED.load(Ordering::Relaxed) { reach(name) } else { Ok(()) }
}

/// Brings a file or folder to the disk: a step that all durability rests on, so that it stands here alone.
pub fn sync(name: &'static str, file: &File) -> io::Result<()> {
    step(name)?;
    file.sync_all()
}

#[cold]
fn reach(name: &'static str) -> io::Result<()> {
    let Some((at, fault)) = PLAN.get() else { return Ok(()) };
    let taken = TAKEN.fetch_add(1, Ordering::SeqCst) + 1;
    let removes = name.starts_with("unlink");
    match *fault {
        Fault::Abort if taken == *at => {
            eprintln!("abort before step {taken}: {name}");
            std::process::abort();
        }
        Fault::Fail(code) if taken >= *at && !(removes && code == rustix::io::Errno::NOSPC.raw_os_error()) => {
            Err(io::Error::from_raw_os_error(code))
        }
        Fault::FailOnce(code) if taken == *at => Err(io::Error::from_raw_os_error(code)),
        Fault::Tell if taken >= *at => {
            eprintln!("step {taken}: {name}");
            Ok(())
        }
        _ => Ok(()),
    }
}
