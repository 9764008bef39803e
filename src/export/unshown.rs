//! Rows that no exported conversation shows: the forms of conversations have no place for them, so that they are told as
//! lost.
//!
//! Of a whole dataset these are all of them. Where some conversations are selected, what belongs to none of them was not
//! asked for: then only the annotations and pictures are told that are about something that they show.

use super::ExportReport;
use super::files::{SHOWING, each_referred};
use crate::dataset::Dataset;
use crate::error::Result;
use crate::format::Address;
use crate::schema::tables::{Table, conversations};
use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use roaring::RoaringTreemap;

/// Counts them, by table.
///
/// # Errors
/// `Corrupt`; `Deleted` or `NotInVersion` when what is selected is not there.
pub(super) fn lose_all(dataset: &Dataset, selection: Option<&[Address]>, report: &mut ExportReport) -> Result<()> {
    let referred_in = |column| -> Result<RoaringTreemap> {
        let mut rows = RoaringTreemap::new();
        each_referred(dataset, selection, column, &mut |_, address| {
            rows.insert(address.get() as u64);
            Ok(())
        })?;
        Ok(rows)
    };
    let is_whole = selection.is_none();
    let [media, endings] = SHOWING.map(referred_in);
    let shown = media? | endings?;
    // That evidence is lost is told where its conversation is written.
    let referred = referred_in(conversations::ANNOTATIONS)? | referred_in(conversations::REASONING)?;
    // The same goes for what is lost of the cases and videos of what is shown.
    let mut cases = referred_in(conversations::CASE)?;
    let mut videos = RoaringTreemap::new();
    let (mut pictures, mut other_videos, mut annotations) = (0, 0, 0);
    each_row(dataset, Table::Frames, ["case", "video", "parent"], &mut |frame, [case, video, parent]| {
        if shown.contains(frame) {
            cases.extend(case);
            videos.extend(video);
        } else {
            pictures += u64::from(is_whole || parent.is_some_and(|parent| shown.contains(parent)));
        }
    })?;
    each_row(dataset, Table::Videos, ["case"], &mut |video, [case]| {
        if shown.contains(video) {
            cases.extend(case);
        } else {
            other_videos += u64::from(is_whole && !videos.contains(video));
        }
    })?;
    each_row(dataset, Table::Annotations, ["target"], &mut |annotation, [target]| {
        let is_meant = is_whole || target.is_some_and(|target| shown.contains(target));
        annotations += u64::from(is_meant && !referred.contains(annotation));
    })?;
    report.lose("annotations that no exported conversation refers to", annotations);
    report.lose("pictures that no exported conversation shows", pictures);
    report.lose("videos that no exported conversation shows", other_videos);
    if is_whole {
        let others = dataset.count(Table::Cases)?.saturating_sub(cases.len());
        report.lose("cases of nothing that an exported conversation shows", others);
    }
    Ok(())
}

/// Calls `found` with the address of each row and what it refers to in these columns.
fn each_row<const N: usize>(
    dataset: &Dataset,
    table: Table,
    columns: [&str; N],
    found: &mut dyn FnMut(u64, [Option<u64>; N]),
) -> Result<()> {
    for piece in dataset.scan(table).columns(columns)?.batches() {
        let piece = piece?;
        for (row, address) in piece.addresses.values().iter().enumerate() {
            let cell = |column: usize| {
                let cells = piece.batch.column(column).as_primitive_opt::<Int64Type>()?;
                cells.is_valid(row).then(|| cells.value(row) as u64)
            };
            found(*address as u64, std::array::from_fn(cell));
        }
    }
    Ok(())
}
