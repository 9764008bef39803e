//! The limit of the size of files (`ulimit -f`): an error like others, not the end of the process.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Catches the signal that a write beyond the limit raises, so that the write fails instead, and says so.
pub fn install() {
    #[cfg(unix)]
    {
        // Where it cannot be caught the process ends there, which a dataset survives as well.
        let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::<AtomicBool>::default());
    }
}
