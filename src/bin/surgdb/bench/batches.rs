//! Batches of samples, and touching what they hold.

use super::touch::touch;
use crate::interrupt;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, BinaryViewArray, LargeStringArray, ListArray};
use surgdb::load::{Assembler, Batch, MEDIA_ROWS, Plan, Projection, Slot};
use surgdb::{Address, Dataset, Error, Result};

/// Samples in a batch.
const BATCH: usize = 64;

/// What the batches hold: the usual columns, and the pictures.
fn projection() -> Projection {
    Projection::default().video_bytes(false)
}

/// Reads conversations in batches, one after the other, and touches them; the sum of what was touched.
///
/// # Errors
/// Those of reading; `Interrupted` after Ctrl-C.
pub fn pass(dataset: &Dataset, order: &[Address]) -> Result<u64> {
    let assembler = Assembler::new(dataset, &projection())?;
    let mut sum = 0u64;
    for (step, addresses) in order.chunks(BATCH).enumerate() {
        interrupt::check()?;
        let first = (step * BATCH) as u64;
        let slots = addresses.iter().zip(first..).map(|(address, position)| Slot {
            position,
            group: 0,
            address: *address,
            valid: true,
            substituted: false,
        });
        let plan = Plan { epoch: 0, step: step as u64, slots: slots.collect(), bins: None };
        sum = sum.wrapping_add(touched(&assembler.assemble(plan)?)?);
    }
    Ok(sum)
}

/// Touches the texts and the pictures of each sample: a picture that two samples show is touched twice.
///
/// # Errors
/// `Invalid` where the batch does not hold them.
fn touched(batch: &Batch) -> Result<u64> {
    let found = columns(batch);
    let columns = found.ok_or_else(|| Error::invalid("a batch without texts or pictures cannot be measured"))?;
    (0..batch.len()).try_fold(0u64, |sum, sample| Ok(sum.wrapping_add(columns.sample(sample)?)))
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
