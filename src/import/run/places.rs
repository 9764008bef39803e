//! Where a path leads, before anything is made of it.

use super::Run;
use crate::dataset::Dataset;
use crate::error::{ErrorKind, Result};
use crate::import::attach::words_of;
use crate::import::inputs::Input;
use crate::import::media::resolve::Resolved;
use crate::schema::tables::Table;
use arrow_array::cast::AsArray;
use std::path::{Path, PathBuf};

impl Run<'_> {
    /// The file that a path means where pictures are looked for now.
    pub(crate) fn place_of(&mut self, path: &str) -> Option<PathBuf> {
        match self.store.resolve(path) {
            Resolved::File { path, .. } => Some(path),
            _ => None,
        }
    }

    /// The path from the home of the file that a path means for a row of this id, where its path does not
    /// lead to it: the only one of its name below the folder that was named.
    pub(crate) fn found_by_name(&mut self, input: &Input, path: &str, id: &str) -> Option<String> {
        match self.store.resolve_of_row(path, id) {
            Resolved::File { path, by_name: true, .. } => from_home(input, &path),
            _ => None,
        }
    }

    /// A path from the home, as one that starts in a folder in which pictures are looked for.
    pub(crate) fn path_around(&self, input: &Input, inside: &str) -> String {
        let around = self.folders_around(input).into_iter().filter_map(|folder| from_home(input, &folder));
        let starts = around.map(|folder| if folder.is_empty() { folder } else { folder + "/" });
        let mut below = starts.filter_map(|start| inside.strip_prefix(&start).map(str::to_owned));
        below.next().unwrap_or_else(|| {
            let own = input.name.rsplit_once('/').map_or("", |(folder, _)| folder);
            let out = own.split('/').filter(|part| !part.is_empty()).map(|_| "../");
            format!("{}{inside}", out.collect::<String>())
        })
    }

    /// The folder that a path starts in, as a path from the home: the first of those that pictures are
    /// looked for in which has the folder that the path begins with, whether the picture is there or not.
    pub(crate) fn folder_of(&self, input: &Input, path: &str) -> Option<String> {
        let path = path.replace('\\', "/");
        let (first, _) = path.trim_start_matches("./").split_once('/')?;
        if matches!(first, "" | "." | "..") {
            return None;
        }
        let mut around = self.folders_around(input).into_iter();
        let folder = around.find(|folder| folder.join(first).is_dir())?;
        from_home(input, &folder.canonicalize().ok()?)
    }

    /// Whether the dataset, or this import, has a picture of this id.
    pub(crate) fn has_frame(&self, id: &str) -> Result<bool> {
        Ok(self.sink.lookup(Table::Frames, &self.options.source.id, id)?.is_some())
    }

    /// The id of the picture to which a mask of this id belongs in the dataset; none where this import brings the mask.
    pub(crate) fn parent_of_mask(&self, id: &str) -> Result<Option<String>> {
        let Some(address) = self.sink.lookup(Table::Frames, &self.options.source.id, id)? else { return Ok(None) };
        let dataset = self.sink.dataset();
        let parent = match dataset.frame(address).and_then(|row| row.parent()) {
            Ok(Some(parent)) => parent,
            Ok(None) => return Ok(None),
            Err(error) if error.kind() == ErrorKind::NotInVersion => return Ok(None),
            Err(error) => return Err(error),
        };
        dataset.frame(parent).and_then(|row| row.id().map(str::to_owned)).map(Some)
    }

    /// Whether the row of a picture has these further fields, or will get them.
    pub(crate) fn keeps_extra(&self, id: &str, extra: Option<&str>) -> Result<bool> {
        let Some(address) = self.sink.lookup(Table::Frames, &self.options.source.id, id)? else { return Ok(true) };
        self.store.keeps_extra(address, extra, &*self.sink)
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

/// A path from an input's home; nothing where it is not below.
fn from_home(input: &Input, path: &Path) -> Option<String> {
    path.canonicalize().ok()?.strip_prefix(&input.spot.start).ok()?.to_str().map(str::to_owned)
}

/// Whether an id of a source starts in a folder of this name.
pub(super) fn starts_an_id(dataset: &Dataset, source: &str, names: &str) -> Result<bool> {
    let start = format!("{names}/");
    for table in [Table::Frames, Table::Videos, Table::Annotations, Table::Conversations] {
        for piece in dataset.scan(table).columns(["id", "source"])?.batches() {
            let batch = piece?.batch;
            let Some(ids) = batch.column(0).as_string_opt::<i64>() else { continue };
            let mut rows = ids.iter().flatten().zip(words_of(batch.column(1)));
            if rows.any(|(id, of)| of == source && id.starts_with(&start)) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
