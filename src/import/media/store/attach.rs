//! Bytes for rows that are there: of files that were missing or broken, and are here now.

use super::Store;
use crate::dataset::CellUpdate;
use crate::error::Result;
use crate::format::address::Address;
use crate::import::media::bytes::Stored;
use crate::import::sink::Sink;
use crate::schema::build::{FramesBuilder, VideosBuilder};
use crate::schema::tables::{Table, frames, videos};

impl Store<'_> {
    /// Gives rows that had no bytes those that are here now.
    pub(crate) fn attach(&mut self, sink: &mut dyn Sink) -> Result<()> {
        if !self.frames_found.is_empty() {
            let mut builder = FramesBuilder::new();
            self.frames_found.iter().try_for_each(|(_, row)| builder.push(row))?;
            let addresses: Vec<Address> = self.frames_found.drain(..).map(|(address, _)| address).collect();
            let columns = [frames::BLOB, frames::WIDTH, frames::HEIGHT];
            replace(Table::Frames, &columns, &addresses, &builder.finish()?, sink)?;
        }
        if !self.videos_found.is_empty() {
            let mut builder = VideosBuilder::new();
            self.videos_found.iter().try_for_each(|(_, row)| builder.push(row))?;
            let addresses: Vec<Address> = self.videos_found.drain(..).map(|(address, _)| address).collect();
            let columns = [
                videos::BLOB,
                videos::FPS,
                videos::DURATION,
                videos::FRAME_COUNT,
                videos::WIDTH,
                videos::HEIGHT,
                videos::KEYFRAMES,
            ];
            replace(Table::Videos, &columns, &addresses, &builder.finish()?, sink)?;
        }
        Ok(())
    }

    pub(super) fn note_found(&mut self, table: Table, address: Address, stored: Stored, sink: &dyn Sink) -> Result<()> {
        match table {
            Table::Videos => {
                let mut row = sink.dataset().video(address)?.to_row()?;
                stored.fill_video(&mut row);
                self.videos_found.push((address, row));
            }
            _ => {
                let mut row = sink.dataset().frame(address)?.to_row()?;
                row.blob = stored.blob;
                (row.width, row.height) = stored.sides();
                self.frames_found.push((address, row));
            }
        }
        Ok(())
    }
}

/// Replaces cells of these columns, for rows at these addresses, with those of a batch of the table.
pub(crate) fn replace(
    table: Table,
    columns: &[usize],
    addresses: &[Address],
    batch: &arrow_array::RecordBatch,
    sink: &mut dyn Sink,
) -> Result<()> {
    for &at in columns {
        if let Some(column) = table.columns().get(at) {
            let values = batch.column(at).clone();
            sink.update(CellUpdate::new(table, column.clone(), addresses.to_vec(), values))?;
        }
    }
    Ok(())
}
