//! What the rows of pictures and videos are called.

use crate::import::draft::{DraftMedium, MediaItem, MediaKind};
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
}

impl<'d> Named<'d> {
    /// The name of an item of a medium; `task` says what kind of picture an answer is.
    pub(super) fn new(medium: &DraftMedium, item: &'d MediaItem, task: Option<&str>) -> Self {
        let is_video = medium.kind == MediaKind::Video && !medium.of_frames;
        let table = if is_video { Table::Videos } else { Table::Frames };
        let (id, wanted) = match item {
            MediaItem::Path(path) => {
                let wanted = Wanted::new(path);
                let id = if wanted.id.is_empty() { path.trim().to_owned() } else { wanted.id.clone() };
                (id, Some(wanted))
            }
            MediaItem::Bytes { bytes, .. } => {
                let digest = blake3::hash(bytes).to_hex();
                (format!("data:{}", digest.as_str().get(..32).unwrap_or_default()), None)
            }
        };
        Named { table, id, item, wanted, frame_kind: if medium.output { output_kind(task) } else { "rgb" } }
    }

    /// The path as the record wrote it.
    pub(super) fn written(&self) -> &str {
        match self.item {
            MediaItem::Path(path) => path,
            MediaItem::Bytes { .. } => &self.id,
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
