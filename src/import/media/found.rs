//! Rows that had no bytes and get them now: cells that replace theirs, so that addresses stay.

use crate::dataset::CellUpdate;
use crate::error::{Error, ErrorKind, Result};
use crate::format::address::Address;
use crate::import::draft::VideoFields;
use crate::import::media::bytes::{Out, Stored};
use crate::import::report::Kind;
use crate::import::sink::Sink;
use crate::schema::build::{FramesBuilder, VideosBuilder};
use crate::schema::rows::{FrameRow, VideoRow};
use crate::schema::tables::Table;

/// Rows on their way into the columns.
#[derive(Default)]
pub(crate) struct Found {
    frames: Vec<Address>,
    frame_cells: FramesBuilder,
    videos: Vec<Address>,
    video_cells: VideosBuilder,
}

impl Found {
    /// Notes the bytes of a row that is there, or that came with this import; of a video, what was said of it then.
    pub(crate) fn note(
        &mut self,
        table: Table,
        address: Address,
        stored: Stored,
        said: Option<&VideoFields>,
        out: &mut Out<'_>,
    ) -> Result<()> {
        let dataset = out.sink.dataset().clone();
        if table == Table::Videos {
            let there = match dataset.video(address) {
                Ok(there) => there.to_row()?,
                // It came with this import.
                Err(error) if error.kind() == ErrorKind::NotInVersion => {
                    let mut row = VideoRow::default();
                    said.into_iter().for_each(|said| said.fill(&mut row));
                    row
                }
                Err(error) => return Err(error),
            };
            let VideoRow { fps, duration, frame_count, width, height, keyframes, .. } = there;
            let mut row = VideoRow { fps, ..VideoRow::default() };
            // What a file that is gone said of itself is not another one's.
            let has_same = |blob: Address| Ok::<_, Error>(stored.digest == Some(dataset.blob(blob)?.digest()?));
            if there.blob.map_or(Ok(true), has_same)? {
                row = VideoRow { duration, frame_count, width, height, keyframes, ..row };
            }
            stored.fill_video(&mut row);
            tell_other_size(out, (width, height), (row.width, row.height));
            tell_other_rate(out, fps, row.fps);
            self.videos.push(address);
            return self.video_cells.push(&row);
        }
        let declared = match dataset.frame(address) {
            Ok(frame) => (frame.width()?, frame.height()?),
            Err(error) if error.kind() == ErrorKind::NotInVersion => (None, None),
            Err(error) => return Err(error),
        };
        let (width, height) = stored.sides();
        tell_other_size(out, declared, (width, height));
        self.frames.push(address);
        self.frame_cells.push(&FrameRow { blob: stored.blob, width, height, ..FrameRow::default() })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.videos.is_empty()
    }

    /// How many bytes of frames and of videos were noted.
    pub(crate) fn counts(&self) -> [u64; 2] {
        [self.frames.len() as u64, self.videos.len() as u64]
    }

    /// Writes what was noted, as side columns.
    pub(crate) fn write(mut self, sink: &mut dyn Sink) -> Result<()> {
        if !self.frames.is_empty() {
            let addresses = std::mem::take(&mut self.frames);
            replace(Table::Frames, Table::Frames.cells_of_file(), &addresses, &self.frame_cells.finish()?, sink)?;
        }
        if !self.videos.is_empty() {
            let addresses = std::mem::take(&mut self.videos);
            replace(Table::Videos, Table::Videos.cells_of_file(), &addresses, &self.video_cells.finish()?, sink)?;
        }
        Ok(())
    }
}

/// Tells of a size that was declared and is another one.
pub(super) fn tell_other_size(out: &mut Out<'_>, declared: (Option<i32>, Option<i32>), is: (Option<i32>, Option<i32>)) {
    let sides = |(width, height): (Option<i32>, Option<i32>)| width.zip(height);
    if let (Some(said), Some(is)) = (sides(declared), sides(is))
        && said != is
    {
        out.report.find(Kind::OtherSize, out.at, other_size(said, is));
    }
}

/// What there is to tell of a size that was declared and is another one.
pub(crate) fn other_size(said: (i32, i32), is: (i32, i32)) -> String {
    format!(
        "it was said to have {}×{} pixels and has {}×{}; boxes that were measured in pixels may be off",
        said.0, said.1, is.0, is.1
    )
}

/// Tells of a file whose rate is another one than that at which frames were counted. Where the file has a multiple of it, the
/// frames were sampled.
pub(super) fn tell_other_rate(out: &mut Out<'_>, counted: Option<f64>, is: Option<f64>) {
    let Some((counted, is)) = counted.zip(is).filter(|(counted, is)| *counted > 0.0 && *is > 0.0) else { return };
    let times = is / counted;
    if times.round() < 1.0 || (times - times.round()).abs() > 0.02 * times {
        let detail = format!(
            "what is said of it is counted at {counted} frames a second, and its file has {is}: times are as they were \
             counted; where frames are this file's, say its rate (`fps` of the source or the map)"
        );
        out.report.find(Kind::OtherRate, out.at, detail);
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
    CellUpdate::of_batch(table, columns, addresses, batch).try_for_each(|update| sink.update(update))
}
