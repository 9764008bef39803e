//! Batches as the loader gives them, and touching what they hold.

use super::order::SEED;
use super::touch::touch;
use crate::interrupt;
use crate::ui;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, BinaryViewArray, LargeStringArray, ListArray};
use surgdb::load::{Batch, Loader, MEDIA_ROWS, Notice, PipelineOptions, Projection, Remainder, Slot};
use surgdb::{Dataset, Error, Result};

/// Samples in a batch.
const BATCH: u64 = 64;

/// A loader as a run would have it: shuffled batches of all conversations, with their pictures.
///
/// # Errors
/// Those of building it.
pub fn loader(dataset: &Dataset, options: PipelineOptions) -> Result<Loader> {
    let projection = Projection::default().video_bytes(false);
    let builder = dataset.loader().shuffle(SEED).batch(BATCH).remainder(Remainder::Pad).projection(projection);
    // Nobody resumes a measurement, so it needs no tag.
    let builder = builder.on_notice(|notice| {
        if let Notice::Stalled(stall) = notice {
            ui::note(stall);
        }
    });
    builder.pipeline(options).build()
}

/// Without threads: each batch is made when it is asked for, and nothing is announced.
pub fn alone() -> PipelineOptions {
    PipelineOptions::default().workers(0)
}

/// Reads an epoch in batches and touches them, up to so many samples; the sum of what was touched.
///
/// # Errors
/// Those of reading; `Interrupted` after Ctrl-C.
pub fn pass(loader: &Loader, epoch: u64, limit: u64) -> Result<u64> {
    let steps = limit.div_ceil(BATCH);
    let mut sum = 0u64;
    for batch in loader.epoch(epoch).take(usize::try_from(steps).unwrap_or(usize::MAX)) {
        interrupt::check()?;
        sum = sum.wrapping_add(touched(&batch?, limit)?);
    }
    Ok(sum)
}

/// Touches the texts and the pictures of each sample before position `limit`: a picture that two samples show is touched
/// twice.
///
/// # Errors
/// `Invalid` where the batch does not hold them.
pub fn touched(batch: &Batch, limit: u64) -> Result<u64> {
    let found = columns(batch);
    let columns = found.ok_or_else(|| Error::invalid("a batch without texts or pictures cannot be measured"))?;
    let counts = |slot: &Slot| slot.valid && slot.position < limit;
    let samples = batch.plan.slots.iter().enumerate().filter(|(_, slot)| counts(slot));
    samples.map(|(sample, _)| columns.sample(sample)).try_fold(0u64, |sum, touched| Ok(sum.wrapping_add(touched?)))
}

struct Columns<'a> {
    turns: &'a ListArray,
    texts: &'a LargeStringArray,
    /// Of each sample, of each medium, the rows of `bytes`.
    media_rows: &'a ListArray,
    bytes: &'a BinaryViewArray,
    uris: &'a LargeStringArray,
}

fn columns(batch: &Batch) -> Option<Columns<'_>> {
    let turns = batch.conversations.column_by_name("turns")?.as_list_opt::<i32>()?;
    let texts = turns.values().as_struct_opt()?.column_by_name("text")?.as_string_opt::<i64>()?;
    let media_rows = batch.conversations.column_by_name(MEDIA_ROWS)?.as_list_opt::<i32>()?;
    let bytes = batch.media.column_by_name("bytes")?.as_binary_view_opt()?;
    let uris = batch.media.column_by_name("uri")?.as_string_opt::<i64>()?;
    Some(Columns { turns, texts, media_rows, bytes, uris })
}

impl Columns<'_> {
    fn sample(&self, sample: usize) -> Result<u64> {
        let wrong = || Error::invalid("a batch whose rows are not where it says");
        let range = |list: &ListArray, at: usize| {
            let offsets = list.value_offsets();
            let (start, end) = offsets.get(at).zip(offsets.get(at + 1)).ok_or_else(wrong)?;
            Ok::<_, Error>(*start as usize..*end as usize)
        };
        let mut sum = 0;
        for turn in range(self.turns, sample)? {
            sum += touch(self.texts.value(turn).as_bytes());
        }
        let media = self.media_rows.values().as_list::<i32>();
        let rows = media.values().as_primitive::<Int32Type>().values();
        for medium in range(self.media_rows, sample)? {
            for row in rows.get(range(media, medium)?).ok_or_else(wrong)? {
                let row = *row as usize;
                // A linked picture lies outside of the dataset, where no floor reads it either.
                if self.bytes.is_valid(row) && self.uris.is_null(row) {
                    sum += touch(self.bytes.value(row));
                }
            }
        }
        Ok(sum)
    }
}
