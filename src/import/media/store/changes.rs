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
use arrow_array::RecordBatch;
use std::collections::BTreeMap;

/// Cells of one table, by their columns.
type Cells<B> = BTreeMap<usize, (Vec<Address>, B)>;

fn note<B: Default>(
    cells: &mut Cells<B>,
    address: Address,
    columns: &[usize],
    push: impl Fn(&mut B) -> Result<()>,
) -> Result<()> {
    columns.iter().try_for_each(|column| {
        let (addresses, builder) = cells.entry(*column).or_default();
        addresses.push(address);
        push(builder)
    })
}

fn count<B>(cells: &Cells<B>) -> usize {
    cells.values().map(|(addresses, _)| addresses.len()).sum()
}

fn write<B>(
    table: Table,
    cells: Cells<B>,
    finish: impl Fn(&mut B) -> Result<RecordBatch>,
    sink: &mut dyn Sink,
) -> Result<()> {
    cells.into_iter().try_for_each(|(column, (addresses, mut builder))| {
        replace(table, &[column], &addresses, &finish(&mut builder)?, sink)
    })
}

/// Cells that replace those of rows that are there.
#[derive(Default)]
pub(super) struct Changes {
    cases: Cells<CasesBuilder>,
    frames: Cells<FramesBuilder>,
    videos: Cells<VideosBuilder>,
}

impl Changes {
    /// How many cells there are.
    pub(super) fn cells(&self) -> u64 {
        (count(&self.cases) + count(&self.frames) + count(&self.videos)) as u64
    }

    pub(super) fn case(&mut self, address: Address, columns: &[usize], row: &CaseRow) -> Result<()> {
        note(&mut self.cases, address, columns, |cells| cells.push(row))
    }

    pub(super) fn frame(&mut self, address: Address, columns: &[usize], row: &FrameRow) -> Result<()> {
        note(&mut self.frames, address, columns, |cells| cells.push(row))
    }

    pub(super) fn video(&mut self, address: Address, columns: &[usize], row: &VideoRow) -> Result<()> {
        note(&mut self.videos, address, columns, |cells| cells.push(row))
    }

    pub(super) fn write(self, sink: &mut dyn Sink) -> Result<()> {
        write(Table::Cases, self.cases, CasesBuilder::finish, sink)?;
        write(Table::Frames, self.frames, FramesBuilder::finish, sink)?;
        write(Table::Videos, self.videos, VideosBuilder::finish, sink)
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
            OnChange::Report | OnChange::Add => {
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
