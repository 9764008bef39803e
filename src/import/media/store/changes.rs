//! Cells and bytes that replace those of rows that are there.

use super::held::Held;
use super::{Located, Store};
use crate::error::Result;
use crate::format::address::Address;
use crate::import::draft::MediaItem;
use crate::import::media::bytes::Out;
use crate::import::media::found::replace;
use crate::import::media::names::Named;
use crate::import::media::resolve::Resolved;
use crate::import::options::OnChange;
use crate::import::report::Kind;
use crate::import::sink::Sink;
use crate::schema::build::{CasesBuilder, FramesBuilder, VideosBuilder};
use crate::schema::rows::{CaseRow, FrameRow, VideoRow};
use crate::schema::tables::Table;
use std::collections::BTreeMap;

/// Cells that replace those of rows that are there, by their columns.
#[derive(Default)]
pub(super) struct Changes {
    cases: BTreeMap<usize, (Vec<Address>, CasesBuilder)>,
    frames: BTreeMap<usize, (Vec<Address>, FramesBuilder)>,
    videos: BTreeMap<usize, (Vec<Address>, VideosBuilder)>,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.cases.is_empty() && self.frames.is_empty() && self.videos.is_empty()
    }

    /// How many cells there are.
    pub(super) fn cells(&self) -> u64 {
        let cases = self.cases.values().map(|(addresses, _)| addresses.len());
        let frames = self.frames.values().map(|(addresses, _)| addresses.len());
        let videos = self.videos.values().map(|(addresses, _)| addresses.len());
        cases.chain(frames).chain(videos).sum::<usize>() as u64
    }

    pub(super) fn case(&mut self, address: Address, columns: &[usize], row: &CaseRow) -> Result<()> {
        for column in columns {
            let (addresses, cells) = self.cases.entry(*column).or_default();
            addresses.push(address);
            cells.push(row)?;
        }
        Ok(())
    }

    pub(super) fn frame(&mut self, address: Address, columns: &[usize], row: &FrameRow) -> Result<()> {
        for column in columns {
            let (addresses, cells) = self.frames.entry(*column).or_default();
            addresses.push(address);
            cells.push(row)?;
        }
        Ok(())
    }

    pub(super) fn video(&mut self, address: Address, columns: &[usize], row: &VideoRow) -> Result<()> {
        for column in columns {
            let (addresses, cells) = self.videos.entry(*column).or_default();
            addresses.push(address);
            cells.push(row)?;
        }
        Ok(())
    }

    pub(super) fn write(self, sink: &mut dyn Sink) -> Result<()> {
        for (column, (addresses, mut cells)) in self.cases {
            replace(Table::Cases, &[column], &addresses, &cells.finish()?, sink)?;
        }
        for (column, (addresses, mut cells)) in self.frames {
            replace(Table::Frames, &[column], &addresses, &cells.finish()?, sink)?;
        }
        for (column, (addresses, mut cells)) in self.videos {
            replace(Table::Videos, &[column], &addresses, &cells.finish()?, sink)?;
        }
        Ok(())
    }
}

/// The columns of a row of before of which something is said that it does not say.
#[derive(Default)]
pub(super) struct Differing {
    /// It says nothing there.
    pub(super) empty: Vec<usize>,
    /// It says something else.
    pub(super) other: Vec<usize>,
}

impl Differing {
    pub(super) fn note(&mut self, column: usize, is_empty: bool) {
        if is_empty { &mut self.empty } else { &mut self.other }.push(column);
    }

    /// Takes over what is said and is not there.
    pub(super) fn take<T: Clone + PartialEq>(&mut self, column: usize, there: &mut Option<T>, said: &Option<T>) {
        if said.is_some() && said != there {
            self.note(column, there.is_none());
            there.clone_from(said);
        }
    }
}

impl Store<'_> {
    /// Whether a picture of the dataset has these bytes; what was appended here is taken to have them.
    pub(crate) fn has_bytes(&mut self, address: Address, bytes: &[u8], sink: &dyn Sink) -> Result<bool> {
        Ok(match self.held(sink, Table::Frames, address)? {
            Held::Whole(Some(blob)) => blob.digest == *blake3::hash(bytes).as_bytes(),
            Held::Whole(None) => true,
            Held::Nothing => false,
            Held::Broken(digest, _) => digest == *blake3::hash(bytes).as_bytes(),
        })
    }

    /// Gives a mask of the dataset, which has this id, the bytes that it has now.
    pub(crate) fn redraw(&mut self, address: Address, id: &str, png: &[u8], out: &mut Out<'_>) -> Result<()> {
        let item = MediaItem::Unnamed(id.to_owned());
        let stored = out.store_held(&Named::said(Table::Frames, &item, None), "image/png", png)?;
        self.found.note(Table::Frames, address, stored, None, out)
    }

    /// Holds bytes that stand in the source itself against the file that is taken, or what the dataset has where there is
    /// no file.
    pub(crate) fn hold_bytes(
        &mut self,
        named: &Named<'_>,
        bytes: &[u8],
        located: &Located,
        out: &mut Out<'_>,
    ) -> Result<()> {
        if let Some(Resolved::File { path, size, .. }) = &named.found {
            let is_same = *size == bytes.len() as u64 && self.digest_of(path)? == *blake3::hash(bytes).as_bytes();
            if !is_same {
                let what = format!(
                    "{:?}: the picture that stands in the record itself has other bytes ({}) than the file {} ({size}), \
                     which was taken: they may be two pictures",
                    named.id,
                    bytes.len(),
                    path.display()
                );
                out.report.find(Kind::Doubtful, out.at, what);
            }
            return Ok(());
        }
        let Located::There(address) = *located else { return Ok(()) };
        if self.has_bytes(address, bytes, &*out.sink)? {
            return Ok(());
        }
        match self.options.on_change {
            OnChange::Keep => {}
            OnChange::Report => {
                let what = format!("{:?}: the picture in its record has changed; the dataset's was kept", named.id);
                out.report.find(Kind::ChangedMedia, out.at, what);
            }
            OnChange::Replace => {
                let stored = out.store_held(named, "", bytes)?;
                out.report.media.replaced += 1;
                self.found.note(named.table, address, stored, None, out)?;
            }
        }
        Ok(())
    }
}
