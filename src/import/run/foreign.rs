//! Folders that are new to a source, and whose records call things by ids of their own as those of another folder do: two
//! things, or one, as only the user knows.

use super::{Run, placed};
use crate::error::{Error, Result};
use crate::import::report::At;

impl Run<'_> {
    /// How many records were there with other content.
    pub(super) fn changed(&self) -> u64 {
        self.report.records.changed_kept + self.report.records.replaced
    }

    /// Looks whether a record of a folder that is new is called as one of another folder is, and is another.
    ///
    /// # Errors
    /// `Invalid` at such a record.
    pub(super) fn check_foreign(&mut self, at: &At) -> Result<()> {
        if !self.store.is_foreign() {
            return Ok(());
        }
        let (what, or_add) = match self.store.take_clash() {
            Some(id) => (format!("a picture or video {id:?}"), ""),
            None if self.changed() > self.of_input.changed_before => {
                let what = "a record of this id, with other content,";
                (what.to_owned(), ", and --on-change add takes it beside that one, as the other of its file")
            }
            None => return Ok(()),
        };
        let message = format!(
            "the source {:?} has {what} of another folder than this file's. If that is another, --source keeps them \
             apart{or_add}. If this folder is the one of before, moved or in a newer copy, or goes on with its ids: --same-names",
            self.options.source.id
        );
        Err(placed(Error::invalid(message), at))
    }
}
