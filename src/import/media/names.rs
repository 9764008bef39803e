//! What the rows of pictures and videos are called.

use crate::import::draft::{Draft, DraftMedium, FileFields, MediaItem, MediaKind};
use crate::import::media::resolve::Wanted;
use crate::schema::tables::Table;

/// A medium's item by the name of its row.
#[derive(Clone, Debug)]
pub(crate) struct Named<'d> {
    pub(crate) table: Table,
    pub(crate) id: String,
    pub(super) item: &'d MediaItem,
    pub(super) wanted: Option<Wanted>,
    pub(super) frame_kind: &'static str,
    /// What the record says of it.
    pub(super) said: Option<&'d FileFields>,
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
        let mut said = None;
        let (id, wanted) = match item {
            MediaItem::Path(path) => {
                let wanted = Wanted::new(path);
                said = draft.files.get(path);
                let id = match said.and_then(|said| said.id.as_ref()) {
                    Some(id) => id.clone(),
                    None if wanted.id.is_empty() => path.trim().to_owned(),
                    None => wanted.id.clone(),
                };
                (id, Some(wanted))
            }
            MediaItem::Bytes { bytes, .. } => {
                let digest = blake3::hash(bytes).to_hex();
                (format!("data:{}", digest.as_str().get(..32).unwrap_or_default()), None)
            }
            MediaItem::Unnamed(id) => {
                said = draft.files.get(id);
                (id.clone(), None)
            }
        };
        Named { table, id, item, wanted, frame_kind: "rgb", said }
    }

    /// The path as the record wrote it.
    pub(crate) fn written(&self) -> &str {
        match self.item {
            MediaItem::Path(path) => path,
            MediaItem::Bytes { .. } | MediaItem::Unnamed(_) => &self.id,
        }
    }

    /// The name of the file without its ending.
    pub(super) fn stem(&self) -> &str {
        let name = self.id.rsplit('/').next().unwrap_or(&self.id);
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
