//! What a loader has to say that is no error.

use crate::load::stall::Stall;
use std::collections::BTreeSet;
use std::fmt;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, TryLockError};

/// Hears of what a loader has to say.
pub(super) type OnNotice = Arc<dyn Fn(&Notice) + Send + Sync>;

/// Something that whoever runs a training should know: no error, and nothing follows from it by itself.
///
/// Unless a loader was given a function that hears of it ([`LoaderBuilder::on_notice`](super::LoaderBuilder::on_notice)),
/// it is a line on standard error, once a process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The version that batches are read from has no tag, nor differs in tags alone from one before it that has, and so is not
    /// kept for ever. Told when a loader is built, by rank 0.
    Untagged {
        /// The dataset.
        dataset: PathBuf,
        /// Its version.
        version: u64,
    },
    /// The lengths of some samples cannot be read, since what they are read from is damaged: others will stand in their
    /// place. Told when a loader of packed samples is built that may substitute.
    Unmeasured {
        /// How many samples.
        samples: u64,
        /// The damage that was found first, with its file.
        error: String,
    },
    /// The window that a state stood in is no longer packed as it was, since rows of it were erased, or their lengths are
    /// damaged here: what was left of it is left out of the epoch, and the run goes on with the next one. Told where a run
    /// is resumed, by each rank; all of them must tell it, or they do not read the same files.
    WindowLeft {
        /// The epoch.
        epoch: u64,
        /// The window.
        window: u64,
        /// Its positions in the epoch; those of bins that were delivered before are among them.
        positions: Range<u64>,
    },
    /// A batch takes long, and no function was given that hears of stalls. Told once an epoch.
    Stalled(Stall),
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untagged { dataset, version } => {
                let (shown, argument) = (dataset.display(), argument(dataset));
                write!(
                    f,
                    "version {version} of {shown} has no tag and may be cleaned up one day: so that the run can be \
                     resumed, give it one (surgdb versions {argument} tag NAME --version {version})"
                )
            }
            Self::Unmeasured { samples, error } => write!(
                f,
                "the lengths of {samples} selected {} cannot be read: substitutes will stand there, and on all ranks only \
                 where all read the same files ({error})",
                if *samples == 1 { "sample" } else { "samples" }
            ),
            Self::WindowLeft { epoch, window, positions } => write!(
                f,
                "window {window} of epoch {epoch} (positions {} to {}) is no longer packed as when the state was taken, since \
                 rows were erased or are damaged here: what was left of it is left out, and the run goes on with the next \
                 window; if not all ranks say so, they do not read the same files",
                positions.start,
                positions.end.saturating_sub(1)
            ),
            Self::Stalled(stall) => write!(f, "{stall}"),
        }
    }
}

/// A path as a shell takes it.
fn argument(path: &Path) -> String {
    let path = path.display().to_string();
    match path.chars().all(|c| c.is_alphanumeric() || "/._-+=:,@%".contains(c)) {
        true => path,
        false => format!("'{}'", path.replace('\'', r"'\''")),
    }
}

/// Tells of a notice on standard error, where it was not told yet.
pub(super) fn print(notice: &Notice) {
    static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let text = notice.to_string();
    let new = match TOLD.try_lock() {
        Ok(mut told) => told.insert(text.clone()),
        Err(TryLockError::Poisoned(told)) => told.into_inner().insert(text.clone()),
        // In a forked process nobody may ever let go of it.
        Err(TryLockError::WouldBlock) => true,
    };
    if new {
        // Where nobody reads it, it is lost: no reason to end a run.
        let _ = writeln!(std::io::stderr(), "surgdb: {text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_is_named_can_be_typed_as_it_stands() {
        let said = |path: &str| Notice::Untagged { dataset: path.into(), version: 7 }.to_string();
        assert!(said("/data/a.surgdb").ends_with("(surgdb versions /data/a.surgdb tag NAME --version 7)"));
        assert!(said("/my data/a.surgdb").ends_with("(surgdb versions '/my data/a.surgdb' tag NAME --version 7)"));
        assert!(said("it's").ends_with(r"(surgdb versions 'it'\''s' tag NAME --version 7)"));
    }
}
