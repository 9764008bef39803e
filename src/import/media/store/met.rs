//! The pictures of an import by the ends of their paths, for masks that lie in a folder of their own.
//!
//! Kept only where there are masks: about 200 bytes a picture.

use crate::import::media::names::Named;
use crate::import::media::resolve::ends_with;
use crate::schema::tables::Table;
use std::collections::HashMap;

/// Pictures by the names of their files.
#[derive(Default)]
pub(super) struct Met {
    pub(super) is_open: bool,
    frames: HashMap<String, Vec<Frame>>,
}

struct Frame {
    path: String,
    id: String,
}

impl Met {
    /// Notes a picture, where pictures are noted.
    pub(super) fn note(&mut self, named: &Named<'_>) {
        if !self.is_open || named.table != Table::Frames || named.said.is_some_and(|said| said.kind.is_some()) {
            return;
        }
        let path = named.written().replace('\\', "/");
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let frames = self.frames.entry(name).or_default();
        if !frames.iter().any(|frame| frame.id == named.id) {
            frames.push(Frame { path, id: named.id.clone() });
        }
    }

    /// The path and the id of the only picture whose path, or id, ends so; none where that has no folder.
    pub(super) fn ending(&self, ending: &str) -> Option<(String, String)> {
        let (_, name) = ending.rsplit_once('/')?;
        let is_so = |frame: &&Frame| ends_with(&frame.path, ending) || ends_with(&frame.id, ending);
        let mut frames = self.frames.get(name)?.iter().filter(is_so);
        let only = frames.next().filter(|_| frames.next().is_none())?;
        Some((only.path.clone(), only.id.clone()))
    }
}
