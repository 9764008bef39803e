//! A folder of pictures and videos, without anything that is said of them: a row each.

use crate::error::Result;
use crate::import::draft::{FileFields, MediaKind};
use crate::import::homes::Spot;
use crate::import::inputs::{Input, entries, is_medium, is_named};
use crate::import::maps::PaintedFolders;
use crate::import::media::picture::media_type_of_name;
use crate::import::report::At;
use crate::import::run::{Picture, Run};
use crate::schema::tables::Table;
use std::path::Path;

/// How deep folders are searched.
const DEPTH_LIMIT: usize = 64;

pub(super) fn read(run: &mut Run<'_>, input: &Input) -> Result<(String, u64)> {
    let painted = PaintedFolders::new("are taken as ordinary pictures");
    let mut reader = Folder { hasher: blake3::Hasher::new(), bytes: 0, painted };
    match &input.folder {
        Some(folder) => {
            run.search(&input.spot.start);
            reader.folder(run, folder, &input.spot, 0)?;
            reader.painted.finish(&mut run.report);
        }
        None => {
            run.search(&input.spot.start);
            reader.file(run, &input.name, input.bytes)?;
        }
    }
    Ok((reader.hasher.finalize().to_hex().to_string(), reader.bytes))
}

/// A walk through a folder; what names and lengths its files have is digested.
struct Folder {
    hasher: blake3::Hasher,
    bytes: u64,
    /// Those that look like masks.
    painted: PaintedFolders,
}

impl Folder {
    fn folder(&mut self, run: &mut Run<'_>, folder: &Path, spot: &Spot, depth: usize) -> Result<()> {
        for (entry, file_name, name) in entries(folder, &spot.inside)? {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder
                && is_named(&entry)
                && depth < DEPTH_LIMIT
                && !file_name.starts_with('.')
                && !file_name.ends_with(".surgdb")
            {
                let below = spot.folder(&file_name, &run.homes)?;
                run.enter(&below);
                self.folder(run, &entry.path(), &below, depth + 1)?;
                run.enter(spot);
            }
            if is_folder {
                continue;
            }
            // What else lies there was told when the folder was listed.
            if !is_medium(&file_name) || !is_named(&entry) {
                continue;
            }
            let bytes = entry.metadata().map_or(0, |meta| meta.len());
            let before = run.new_rows(Table::Frames);
            self.file(run, &name, bytes)?;
            // What was there before may have been read by a map.
            if run.new_rows(Table::Frames) > before {
                self.painted.meet(&entry.path(), &name, &mut run.report);
            }
        }
        Ok(())
    }

    fn file(&mut self, run: &mut Run<'_>, name: &str, bytes: u64) -> Result<()> {
        self.hasher.update(name.as_bytes()).update(&[0]).update(&bytes.to_le_bytes());
        self.bytes += bytes;
        let is_video = media_type_of_name(name).starts_with("video/");
        let (kind, what) = if is_video { (MediaKind::Video, "videos") } else { (MediaKind::Picture, "pictures") };
        run.report.count_read(what, 1);
        let mut at = At { file: name.to_owned(), id: Some(name.to_owned()), ..At::default() };
        let fields = FileFields { id: Some(name.to_owned()), by_pattern: !is_video, ..FileFields::default() };
        let picture = Picture { path: name.to_owned(), fields, ..Picture::default() };
        run.lone(kind, &picture, &mut at)?;
        run.advance(run.progress.bytes)
    }
}
