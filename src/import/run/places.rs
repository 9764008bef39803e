//! Where a path leads, before anything is made of it.

use super::Run;
use crate::error::Result;
use crate::import::inputs::Input;
use crate::import::media::resolve::Resolved;
use crate::schema::tables::Table;
use std::path::PathBuf;

impl Run<'_> {
    /// The file that a path means where pictures are looked for now.
    pub(crate) fn place_of(&mut self, path: &str) -> Option<PathBuf> {
        match self.store.resolve(path) {
            Resolved::File { path, .. } => Some(path),
            _ => None,
        }
    }

    /// Whether the dataset, or this import, has a picture of this id.
    pub(crate) fn has_frame(&self, id: &str) -> Result<bool> {
        Ok(self.sink.lookup(Table::Frames, &self.options.source.id, id)?.is_some())
    }

    /// The folders that pictures are looked for in, as far as they are named and not searched: the media roots, the
    /// folder of the file, and the one above it where that is no further out than the home.
    pub(crate) fn folders_around(&self, input: &Input) -> Vec<PathBuf> {
        let mut folders = self.options.media_roots.clone();
        let Some(beside) = input.path.parent().and_then(|parent| match parent.as_os_str().is_empty() {
            true => PathBuf::from(".").canonicalize().ok(),
            false => parent.canonicalize().ok(),
        }) else {
            return folders;
        };
        let above = input.above(&beside);
        folders.push(beside);
        folders.extend(above);
        folders
    }
}
