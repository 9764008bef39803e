//! Ctrl-C: the work stops at its next step and leaves nothing half-done.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use surgdb::{Error, ErrorKind, Result};

/// The exit code of a command that the user stopped: 128 + SIGINT.
pub const EXIT_CODE: u8 = 130;

static ASKED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Listens for Ctrl-C. The first one asks the work to stop; the second one does not wait for it.
pub fn install() {
    // Where it cannot be installed Ctrl-C ends the process at once, which a dataset survives as well.
    let _ = ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(EXIT_CODE));
        }
    });
}

/// Whether the user asked the work to stop.
pub fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}

/// The flag itself, for work in the library that looks at it.
pub fn flag() -> Arc<AtomicBool> {
    ASKED.clone()
}

/// Goes on, unless the user asked the work to stop.
///
/// # Errors
/// `Interrupted`.
pub fn check() -> Result<()> {
    match asked() {
        true => Err(Error::new(ErrorKind::Interrupted, "stopped: no dataset was changed")),
        false => Ok(()),
    }
}
