//! Batches: what was read for a plan.

use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::format::Address;
use crate::load::draft::Draft;
use crate::load::keys::Keys;
use crate::load::plan::{Plan, Slot};
use crate::load::projection::{Layout, Projection};
use crate::load::watch::Watch;
use crate::schema::tables::{Table, conversations};
use arrow_array::cast::AsArray;
use arrow_array::{Array, BooleanArray, Int64Array, RecordBatch, UInt64Array};
use arrow_buffer::Buffer;
use arrow_schema::SchemaRef;
use std::sync::Arc;

/// About how many bytes a row of [`Batch::media`] takes besides the medium's own.
const MEDIUM_BYTES: usize = 64;

/// The samples of one step on one rank, read.
///
/// What concerns a sample as a place in the order (its position, whether it only fills up, whether it stands for
/// another) is in the plan, whose slots are the rows of `conversations`.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The plan, with the slots as they were delivered: substitutes in the place of what could not be had.
    pub plan: Plan,
    /// A row for each slot of the plan, in its order: the columns asked for, then `media_rows: list<list<int32>>`, which
    /// has, for each entry of the sample's `media` and each of its `refs`, the row of [`Batch::media`],
    /// `alternative_media_rows: list<list<list<int32>>>`, where `alternatives` is among the columns: the same for each entry
    /// of it, and `annotation_rows: list<int32>`, likewise for [`Batch::annotations`].
    pub conversations: RecordBatch,
    /// The frames and videos that are referred to, each once, in the order in which they are first named: `address`,
    /// `table` (`frames` or `videos`), `width`, `height`, `blob`, `media_type`, `size`, `uri`, `bytes`.
    ///
    /// `bytes` is a `binary_view` that points into the memory map; with [`Access::Plain`](crate::Access::Plain), and of
    /// linked pictures, into copies that the batch owns. It is null where a picture or video is missing (`blob` is null
    /// too), where the projection leaves bytes out, for linked videos (open `uri`), and where there are 2 GiB or more,
    /// which no view can tell: ask [`Dataset::blob`] with the address in `blob`.
    pub media: RecordBatch,
    /// The annotations that are referred to, each once: `address`, then the columns asked for.
    pub annotations: Option<RecordBatch>,
    keys: Keys,
}

impl Batch {
    /// How many samples it has, those that only fill up counted.
    pub fn len(&self) -> usize {
        self.plan.slots.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.plan.slots.is_empty()
    }

    /// About how many bytes it holds: its values, and the bytes of its media, whether they lie in memory of its own or in
    /// the map.
    pub fn bytes(&self) -> u64 {
        let values = [Some(&self.conversations), self.annotations.as_ref()].into_iter().flatten();
        let values = values.flat_map(RecordBatch::columns);
        let values: usize = values.map(|column| column.to_data().get_slice_memory_size().unwrap_or(0)).sum();
        let media = self.media.columns().last().and_then(|bytes| bytes.as_binary_view_opt());
        let media: usize = media.map_or(0, |bytes| bytes.data_buffers().iter().map(Buffer::len).sum());
        (values + media + self.media.num_rows() * MEDIUM_BYTES) as u64
    }

    /// The address of each sample.
    pub fn addresses(&self) -> Int64Array {
        Int64Array::from_iter_values(self.plan.slots.iter().map(|slot| slot.address.get()))
    }

    /// Which samples count: false for those that only fill the batch up.
    pub fn valid(&self) -> BooleanArray {
        self.plan.slots.iter().map(|slot| Some(slot.valid)).collect()
    }

    /// For each sample the seed for what is random about it, such as its augmentation: the same on whichever rank and in
    /// whichever process, and after a resume. Of a loader that has no seed ([`LoaderBuilder::unshuffled`] gives one
    /// without shuffling), and of an [`Assembler`] of one's own, they are those of the run with seed 0.
    ///
    /// [`LoaderBuilder::unshuffled`]: super::LoaderBuilder::unshuffled
    pub fn sample_seeds(&self) -> UInt64Array {
        let Plan { epoch, slots, .. } = &self.plan;
        UInt64Array::from_iter_values(slots.iter().map(|slot| self.keys.sample_seed(*epoch, slot.position)))
    }
}

/// A sample that cannot be had.
#[derive(Debug)]
pub struct BadSample<'a> {
    /// Which slot of the plan.
    pub at: usize,
    /// The slot that was tried.
    pub slot: &'a Slot,
    /// How many samples were tried for this place before: 0 for the first.
    pub attempt: u32,
    /// Why.
    pub error: Error,
    /// Of the sample that the plan has at this place the address, and, once substitutes are tried, why it cannot be had.
    pub first: (Address, Option<&'a Error>),
}

impl BadSample<'_> {
    /// The error, with the sample that it is about.
    pub fn into_error(self) -> Error {
        let Slot { position, address, .. } = self.slot;
        let instead = match self.first {
            (asked, Some(_)) => format!(", in place of {asked},"),
            (_, None) => String::new(),
        };
        let what = format!("the conversation {address}{instead} at position {position} cannot be read: ");
        about(&what, &self.error, "").caused_by(self.error)
    }

    /// The error where this one was the last that could stand there: about the sample that the plan has, and not the last
    /// one that was tried.
    pub(super) fn into_last_error(self) -> Error {
        let Slot { position, address, .. } = self.slot;
        let (asked, first) = self.first;
        let tried = format!(
            "; {} samples were tried in its place, the last of them {address}, and none could be had ({})",
            self.attempt,
            self.error.message()
        );
        let what = format!("the conversation {asked} at position {position} cannot be read: ");
        about(&what, first.unwrap_or(&self.error), &tried).caused_by(self.error)
    }
}

/// The same error, at the same place, with what it is about before it and more behind it.
fn about(what: &str, error: &Error, more: &str) -> Error {
    let mut said = Error::new(error.kind(), format!("{what}{}{more}", error.message()));
    if let Some(file) = error.file() {
        said = said.in_file(file);
    }
    if let Some(byte) = error.byte() {
        said = said.at_byte(byte);
    }
    said
}

/// Makes batches of one dataset with one projection; cheap to clone and to share between threads.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("mine.surgdb");
/// # let row = surgdb::rows::ConversationRow { id: "1".into(), source: "mine".into(), task: "captioning".into(), ..Default::default() };
/// # let mut appender = surgdb::Dataset::create(&path)?.append()?;
/// # appender.conversation(&row)?;
/// # let dataset = appender.commit(surgdb::Operation::new("append"))?;
/// use surgdb::load::{Assembler, Plan, Projection, Slot};
/// let assembler = Assembler::new(&dataset, &Projection::default())?;
/// let address = dataset.conversation(0)?.address();
/// let slot = Slot { position: 0, group: 0, address, valid: true, substituted: false };
/// let batch = assembler.assemble(Plan { slots: vec![slot; 2], ..Default::default() })?;
/// assert_eq!((batch.conversations.num_rows(), batch.media.num_rows()), (2, 0));
/// # Ok::<(), surgdb::Error>(())
/// ```
#[derive(Clone)]
pub struct Assembler {
    dataset: Dataset,
    layout: Arc<Layout>,
    keys: Keys,
    /// Conversations that no batch may have, ascending, and why.
    barred: Arc<(Vec<Address>, String)>,
}

impl Assembler {
    /// For batches of these columns.
    ///
    /// # Errors
    /// `NotFound` when a table has no such column; `Invalid` when one is named twice, or as one that batches add.
    pub fn new(dataset: &Dataset, projection: &Projection) -> Result<Self> {
        let layout = Arc::new(Layout::new(dataset, projection)?);
        Ok(Self { layout, dataset: dataset.clone(), keys: Keys::new(0), barred: Arc::default() })
    }

    /// The same for a run with these keys, in which these conversations, ascending, cannot be had.
    pub(super) fn of_run(self, keys: Keys, barred: Vec<Address>, why: String) -> Self {
        Self { keys, barred: Arc::new((barred, why)), ..self }
    }

    /// The dataset.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// The schema of [`Batch::conversations`].
    pub fn schema(&self) -> &SchemaRef {
        &self.layout.conversation_schema
    }

    /// The schema of [`Batch::media`].
    pub fn media_schema(&self) -> &SchemaRef {
        &self.layout.media_schema
    }

    /// The schema of [`Batch::annotations`].
    pub fn annotation_schema(&self) -> Option<&SchemaRef> {
        self.layout.annotation_schema.as_ref()
    }

    /// The columns of the conversations that batches are made from.
    pub(super) fn columns(&self) -> impl Iterator<Item = usize> + '_ {
        let media = self.layout.media.then_some(conversations::MEDIA);
        let annotations = self.layout.annotations.is_some().then_some(conversations::ANNOTATIONS);
        self.layout.conversations.at.iter().copied().chain(media).chain(annotations)
    }

    /// Whether batches hold the media of other endings.
    pub(super) fn has_ending_media(&self) -> bool {
        self.layout.ending_media
    }

    /// Whether batches hold the bytes of the rows of this table.
    pub(super) fn has_bytes(&self, table: Table) -> bool {
        self.layout.media && if table == Table::Videos { self.layout.video_bytes } else { self.layout.picture_bytes }
    }

    /// Reads what a plan names; the first sample that cannot be had ends it.
    ///
    /// # Errors
    /// `Deleted`, `NotInVersion`, `Corrupt`, `Purged`, `LinkBroken`, each with the sample's position and address.
    pub fn assemble(&self, plan: Plan) -> Result<Batch> {
        self.assemble_with(plan, |bad| Err(bad.into_error()))
    }

    /// Reads what a plan names. For a sample that cannot be had, `on_bad` gives another or an error that ends it; it is
    /// asked again where that one cannot be had either.
    ///
    /// A sample is bad where its conversation, one of its media or one of its annotations was deleted, is not in the
    /// version, or is damaged in a column that batches hold; and where the bytes of a medium do not match their checksum,
    /// or a linked picture is gone. A medium without bytes is not bad.
    ///
    /// # Errors
    /// What `on_bad` gives; `Unsupported` where the samples together do not fit a record batch.
    pub fn assemble_with(&self, plan: Plan, on_bad: impl FnMut(BadSample<'_>) -> Result<Slot>) -> Result<Batch> {
        self.assemble_watched(plan, &Watch::default(), on_bad)
    }

    /// As [`Assembler::assemble_with`], under the eyes of others.
    pub(super) fn assemble_watched(
        &self,
        mut plan: Plan,
        watch: &Watch,
        mut on_bad: impl FnMut(BadSample<'_>) -> Result<Slot>,
    ) -> Result<Batch> {
        // It may open their files, which can take as long as reading them.
        let addresses = plan.slots.iter().map(|slot| slot.address).inspect(|address| watch.reads(*address));
        self.dataset.fetch(Table::Conversations, addresses, self.columns());
        let mut draft = Draft::new(&self.dataset, &self.layout, watch, plan.slots.len());
        for (at, slot) in plan.slots.iter_mut().enumerate() {
            if watch.is_stopped() {
                return Err(Error::new(ErrorKind::Interrupted, "nobody waits for the batch any more"));
            }
            let (asked, mut first, mut attempt) = (slot.address, None, 0);
            while let Err(error) = self.add(&mut draft, slot.address, watch) {
                let why = first.is_none().then(|| about("", &error, ""));
                *slot = on_bad(BadSample { at, slot, attempt, error, first: (asked, first.as_ref()) })?;
                first = first.or(why);
                attempt += 1;
            }
        }
        let parts = draft.finish()?;
        let (conversations, media, annotations) = (parts.conversations, parts.media, parts.annotations);
        Ok(Batch { plan, conversations, media, annotations, keys: self.keys })
    }

    fn add(&self, draft: &mut Draft<'_>, address: Address, watch: &Watch) -> Result<()> {
        watch.reads(address);
        let (barred, why) = &*self.barred;
        match barred.binary_search(&address) {
            Ok(_) => Err(Error::corrupt(why)),
            Err(_) => draft.add(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::BlobSource;
    use crate::format::manifest::Operation;
    use crate::schema::rows::{ConversationRow, FrameRow, MediumRow, TurnRow};
    use std::time::Duration;

    #[test]
    fn who_waits_hears_nothing_of_a_linked_file_that_could_not_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link.png");
        std::fs::write(&link, "a picture").unwrap();
        let mut appender = Dataset::create(dir.path().join("a.surgdb")).unwrap().append().unwrap();
        let source = BlobSource::Linked { media_type: "image/png", path: &link };
        let blob = Some(appender.blob(source).unwrap().address);
        let (id, source, kind) = ("1".into(), "s".into(), "rgb".into());
        let refs = vec![appender.frame(&FrameRow { id, source, kind, blob, ..Default::default() }).unwrap()];
        let media = vec![MediumRow { turn: 0, refs, ..Default::default() }];
        let (id, source, task) = ("1".into(), "s".into(), "t".into());
        let turns = vec![TurnRow { role: "user".into(), text: "?".into(), ..Default::default() }];
        let row = ConversationRow { id, source, task, turns, media, ..Default::default() };
        let address = appender.conversation(&row).unwrap().0;
        let dataset = appender.commit(Operation::new("append")).unwrap();
        std::fs::remove_file(&link).unwrap();

        let assembler = Assembler::new(&dataset, &Projection::default()).unwrap();
        let slot = Slot { position: 0, group: 0, address, valid: true, substituted: false };
        let (watch, mut file) = (Watch::default(), None);
        let plan = Plan { slots: vec![slot], ..Plan::default() };
        let made = assembler.assemble_watched(plan, &watch, |bad| {
            assert_eq!(bad.error.kind(), ErrorKind::LinkBroken);
            file = watch.stall(&dataset, 0, Duration::ZERO).file;
            Err(bad.into_error())
        });
        assert_eq!(made.unwrap_err().kind(), ErrorKind::LinkBroken);
        assert!(file.unwrap().starts_with(dataset.path().join("blobs")));
    }
}
