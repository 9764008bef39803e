//! What the rows of pictures and videos are called.

use crate::import::draft::{Draft, DraftMedium, FileFields, MediaItem, MediaKind};
use crate::import::media::resolve::{Resolved, Wanted};
use crate::schema::tables::Table;

/// A medium's item by the name of its row.
#[derive(Clone, Debug)]
pub(crate) struct Named<'d> {
    pub(crate) table: Table,
    pub(crate) id: String,
    pub(super) item: &'d MediaItem,
    pub(super) wanted: Option<Wanted>,
    /// Its path with slashes, where its id is another.
    place: Option<String>,
    pub(super) frame_kind: &'static str,
    /// What the record says of it.
    pub(super) said: Option<&'d FileFields>,
    /// The id as the record writes it, where its row has another.
    base: Option<String>,
    /// Whether its row has another id because the one that is written is another file's.
    pub(super) is_apart: bool,
    /// Whether its file is missing, and its row is that of another folder's file.
    pub(super) is_borrowed: bool,
    /// Whether its row has other bytes of before than its file has now.
    pub(super) is_changed: bool,
    /// What became of its path, where it was looked for.
    pub(super) found: Option<Resolved>,
}

impl<'d> Named<'d> {
    /// The name of an item of a medium; `task` says what kind of picture an answer is.
    pub(super) fn new(medium: &DraftMedium, item: &'d MediaItem, draft: &'d Draft, task: Option<&str>) -> Self {
        let is_video = medium.kind == MediaKind::Video && !medium.of_frames;
        let table = if is_video { Table::Videos } else { Table::Frames };
        Self { frame_kind: if medium.output { output_kind(task) } else { "rgb" }, ..Self::of(table, item, draft) }
    }

    /// The name of an item that is a row of this table.
    pub(crate) fn of(table: Table, item: &'d MediaItem, draft: &'d Draft) -> Self {
        let said = match item {
            MediaItem::Path(key) | MediaItem::Bytes { path: Some(key), .. } => draft.files.get(key),
            MediaItem::Unnamed(key) | MediaItem::Absent(key) => draft.files.get(key),
            MediaItem::Bytes { path: None, .. } | MediaItem::Held { .. } => None,
        };
        Self::said(table, item, said)
    }

    /// The same of one of which this is said.
    pub(crate) fn said(table: Table, item: &'d MediaItem, said: Option<&'d FileFields>) -> Self {
        let mut place = None;
        let (id, wanted) = match item {
            MediaItem::Path(path) => {
                let wanted = Wanted::new(path);
                let id = match said.and_then(|said| said.id.as_ref()) {
                    Some(id) => id.clone(),
                    None if wanted.id.is_empty() => path.trim().to_owned(),
                    None => wanted.id.clone(),
                };
                let wanted = wanted.of_row(&id);
                (id, Some(wanted))
            }
            MediaItem::Bytes { bytes, path, .. } => {
                let digest = blake3::hash(bytes).to_hex();
                let start = |length| digest.as_str().get(..length).unwrap_or_default();
                place = path.as_ref().map(|path| Wanted::new(path).id).filter(|id| !id.is_empty());
                let id = match (said.and_then(|said| said.id.clone()), &place) {
                    (Some(id), _) => id,
                    // Names come again, in every video's folder: what tells them apart are their bytes.
                    (None, Some(place)) => format!("{place}#{}", start(16)),
                    (None, None) => format!("data:{}", start(32)),
                };
                (id, None)
            }
            // None is left where rows are named.
            MediaItem::Held { mark, .. } => (mark.clone(), None),
            MediaItem::Unnamed(id) | MediaItem::Absent(id) => (id.clone(), None),
        };
        Named {
            table,
            id,
            item,
            wanted,
            place,
            frame_kind: "rgb",
            said,
            base: None,
            is_apart: false,
            is_borrowed: false,
            is_changed: false,
            found: None,
        }
    }

    /// Gives it the id of the row that it means.
    pub(super) fn rename(&mut self, id: String) {
        if self.id != id {
            let written = std::mem::replace(&mut self.id, id);
            if self.place.is_none() {
                self.place = Some(written.clone());
            }
            self.base.get_or_insert(written);
        }
    }

    /// The id as the record writes it.
    pub(crate) fn written_id(&self) -> &str {
        self.base.as_ref().unwrap_or(&self.id)
    }

    /// Whether a row of this id may be the one that is meant: it is the written one, or one beside it.
    pub(super) fn may_be(&self, id: &str) -> bool {
        id.strip_prefix(self.written_id()).is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
    }

    /// Whether its id is the path that the record writes, which starts where the record's file lies.
    pub(super) fn is_by_its_path(&self) -> bool {
        self.wanted.as_ref().is_some_and(|wanted| wanted.id == self.id && !wanted.is_absolute())
    }

    /// Whether its file was found by its name alone.
    pub(super) fn is_by_name(&self) -> bool {
        matches!(self.found, Some(Resolved::File { by_name: true, .. }))
    }

    /// The path as the record wrote it, or the id where there is none.
    pub(crate) fn written(&self) -> &str {
        self.path().unwrap_or(&self.id)
    }

    /// The path as the record wrote it.
    pub(super) fn path(&self) -> Option<&'d str> {
        match self.item {
            MediaItem::Path(path) | MediaItem::Bytes { path: Some(path), .. } => Some(path),
            _ => None,
        }
    }

    /// The path that speaks of its video, its patient and its number.
    pub(super) fn place(&self) -> &str {
        self.place.as_ref().unwrap_or(&self.id)
    }

    /// The name of the file without its ending.
    pub(super) fn stem(&self) -> &str {
        let name = self.place().rsplit('/').next().unwrap_or_default();
        name.rsplit_once('.').map_or(name, |(stem, _)| stem)
    }
}

/// A row's name in record digests: source, a zero byte, id.
pub(crate) fn name_of(source: &str, id: &str) -> Vec<u8> {
    [source.as_bytes(), &[0], id.as_bytes()].concat()
}

/// What kind of picture a task answers with.
fn output_kind(task: Option<&str>) -> &'static str {
    let task = task.unwrap_or_default().to_lowercase();
    if task.contains("segment") {
        "mask"
    } else if task.contains("depth") {
        "depth"
    } else if task.contains("desmok") || task.contains("smoke") {
        "desmoked"
    } else {
        "rgb"
    }
}
