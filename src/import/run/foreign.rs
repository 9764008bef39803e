//! Folders that no ids of the source started in before, and that call things as others of its folders do: two things, or
//! one, as only the user knows.

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
        let (source, home) = (&self.options.source.id, self.store.home().to_path_buf());
        let above = home.parent().unwrap_or(&home).display();
        let home = home.display();
        let (what, is_picture) = match self.store.take_clash() {
            Some(id) => {
                (format!("the source {source:?} calls a picture or video of another folder than {home} {id:?}"), true)
            }
            None if self.changed() > self.changed_before => (
                format!(
                    "the source {source:?} has a record of this id, with other content, of another folder than {home}"
                ),
                false,
            ),
            None => return Ok(()),
        };
        let missing = if is_picture { ", or if one picture is meant that is still missing" } else { "" };
        let pool =
            if is_picture { ". Where pictures for all lie in one folder, --media-root DIR names it" } else { "" };
        let message = format!(
            "{what}. If these are two folders, --home {above} tells apart what is called by its path, since paths start there \
             then, and another --source tells all apart. If it is the folder of before, moved or in a newer \
             copy{missing}: --same-names{pool}"
        );
        Err(placed(Error::invalid(message), at))
    }
}
