//! A batch in the making: sample by sample, so that each answers for itself; what a bad one left is taken back.

use crate::dataset::{Dataset, Gather, Row};
use crate::error::{Error, Result};
use crate::format::Address;
use crate::load::media::{Medium, Names, media_batch};
use crate::load::projection::{Columns, Layout, item_field, list_of};
use crate::load::watch::Watch;
use crate::schema::tables::Table;
use crate::schema::views::{Cells, Conversation};
use arrow_array::{ArrayRef, Int32Array, Int64Array, ListArray, RecordBatch, RecordBatchOptions};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, SchemaRef};
use std::collections::HashMap;
use std::sync::Arc;

/// The samples of a batch, found and checked, not gathered yet.
pub(super) struct Draft<'a> {
    dataset: &'a Dataset,
    layout: &'a Layout,
    watch: &'a Watch,
    rows: Vec<Row<'a>>,
    media: Unique<Medium>,
    names: Names,
    /// Rows of `media`, by reference; where the references of each medium end; where the media of each sample end.
    media_rows: Vec<i32>,
    media_ends: Vec<i32>,
    sample_media_ends: Vec<i32>,
    endings: Endings,
    annotations: Unique<Row<'a>>,
    annotation_rows: Vec<i32>,
    sample_annotation_ends: Vec<i32>,
}

/// The media of other endings: rows of the draft's media, by reference; where the references of each medium end; where the
/// media of each ending end; where the endings of each sample end.
struct Endings {
    rows: Vec<i32>,
    media: Vec<i32>,
    endings: Vec<i32>,
    samples: Vec<i32>,
}

impl Default for Endings {
    fn default() -> Self {
        Self { rows: Vec::new(), media: vec![0], endings: vec![0], samples: vec![0] }
    }
}

impl Endings {
    fn lens(&self) -> [usize; 4] {
        [self.rows.len(), self.media.len(), self.endings.len(), self.samples.len()]
    }

    fn truncate(&mut self, [rows, media, endings, samples]: [usize; 4]) {
        self.rows.truncate(rows);
        self.media.truncate(media);
        self.endings.truncate(endings);
        self.samples.truncate(samples);
    }

    fn finish(self) -> Result<ArrayRef> {
        let media = list(self.media, Arc::new(Int32Array::from(self.rows)), DataType::Int32)?;
        let endings = list(self.endings, media, list_of(DataType::Int32))?;
        list(self.samples, endings, list_of(list_of(DataType::Int32)))
    }
}

/// Items by address, each once.
struct Unique<T> {
    items: Vec<T>,
    known: HashMap<Address, i32>,
    order: Vec<Address>,
}

impl<T> Default for Unique<T> {
    fn default() -> Self {
        Self { items: Vec::new(), known: HashMap::new(), order: Vec::new() }
    }
}

impl<T> Unique<T> {
    /// The number of the item at this address, which is made at the first time.
    fn number(&mut self, address: Address, make: impl FnOnce() -> Result<T>) -> Result<i32> {
        if let Some(number) = self.known.get(&address) {
            return Ok(*number);
        }
        let number = count(self.items.len())?;
        self.items.push(make()?);
        self.order.push(address);
        self.known.insert(address, number);
        Ok(number)
    }

    /// Takes back what came after the first `len` items.
    fn truncate(&mut self, len: usize) {
        for address in self.order.drain(len.min(self.items.len())..) {
            self.known.remove(&address);
        }
        self.items.truncate(len);
    }
}

/// What the batch consists of.
pub(super) struct Parts {
    pub(super) conversations: RecordBatch,
    pub(super) media: RecordBatch,
    pub(super) annotations: Option<RecordBatch>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(dataset: &'a Dataset, layout: &'a Layout, watch: &'a Watch, samples: usize) -> Self {
        Self {
            dataset,
            layout,
            watch,
            rows: Vec::with_capacity(samples),
            media: Unique::default(),
            names: Names::default(),
            media_rows: Vec::with_capacity(samples),
            media_ends: vec![0],
            sample_media_ends: vec![0],
            endings: Endings::default(),
            annotations: Unique::default(),
            annotation_rows: Vec::new(),
            sample_annotation_ends: vec![0],
        }
    }

    /// Adds a sample with everything that it refers to: all of it is found, decoded and checked here. After an error the
    /// draft is as it was before.
    ///
    /// # Errors
    /// `Deleted`, `NotInVersion`, `Corrupt`, `Purged`, `LinkBroken`: this sample cannot be had.
    pub(super) fn add(&mut self, address: Address) -> Result<()> {
        let marks = (self.rows.len(), self.media.items.len(), self.annotations.items.len());
        let ends = (self.media_rows.len(), self.media_ends.len(), self.annotation_rows.len());
        let samples = (self.sample_media_ends.len(), self.sample_annotation_ends.len());
        let endings = self.endings.lens();
        let added = self.try_add(address);
        if added.is_err() {
            self.rows.truncate(marks.0);
            self.media.truncate(marks.1);
            self.annotations.truncate(marks.2);
            self.media_rows.truncate(ends.0);
            self.media_ends.truncate(ends.1);
            self.annotation_rows.truncate(ends.2);
            self.sample_media_ends.truncate(samples.0);
            self.endings.truncate(endings);
            self.sample_annotation_ends.truncate(samples.1);
        }
        added
    }

    fn try_add(&mut self, address: Address) -> Result<()> {
        let row = self.dataset.row_of(Table::Conversations, address)?;
        touch(&row, &self.layout.conversations, self.watch)?;
        let view = Conversation::new(&row);
        if self.layout.media {
            self.add_media(&view)?;
        }
        if self.layout.ending_media {
            self.add_media_of_endings(&view)?;
        }
        if let Some(columns) = &self.layout.annotations {
            for address in view.annotations()?.iter() {
                let number = self.annotations.number(address, || {
                    self.watch.reads_row(address);
                    let row = self.dataset.row_of(Table::Annotations, address)?;
                    touch(&row, columns, self.watch).map(|()| row)
                })?;
                self.annotation_rows.push(number);
            }
        }
        self.sample_annotation_ends.push(count(self.annotation_rows.len())?);
        self.rows.push(row);
        Ok(())
    }

    fn add_media(&mut self, view: &Conversation<&Row<'a>>) -> Result<()> {
        for medium in view.media()?.iter() {
            for address in medium.refs().iter() {
                let number = self.medium(address)?;
                self.media_rows.push(number);
            }
            self.media_ends.push(count(self.media_rows.len())?);
        }
        self.sample_media_ends.push(count(self.media_ends.len() - 1)?);
        Ok(())
    }

    fn add_media_of_endings(&mut self, view: &Conversation<&Row<'a>>) -> Result<()> {
        for ending in view.alternatives()?.iter() {
            for medium in ending.media().iter() {
                for address in medium.refs().iter() {
                    let number = self.medium(address)?;
                    self.endings.rows.push(number);
                }
                self.endings.media.push(count(self.endings.rows.len())?);
            }
            self.endings.endings.push(count(self.endings.media.len() - 1)?);
        }
        self.endings.samples.push(count(self.endings.endings.len() - 1)?);
        Ok(())
    }

    /// The number of a frame or video among the batch's media.
    fn medium(&mut self, address: Address) -> Result<i32> {
        let make = || Medium::read(self.dataset, self.layout, self.watch, &mut self.names, address);
        self.media.number(address, make)
    }

    /// Gathers the columns.
    ///
    /// # Errors
    /// `Corrupt` when the rows together are more than an Arrow array can hold.
    pub(super) fn finish(self) -> Result<Parts> {
        let layout = self.layout;
        let mut columns = gather_all(&self.rows, &layout.conversations)?;
        if layout.media {
            let media = list(self.media_ends, Arc::new(Int32Array::from(self.media_rows)), DataType::Int32)?;
            columns.push(list(self.sample_media_ends, media, list_of(DataType::Int32))?);
        }
        if layout.ending_media {
            columns.push(self.endings.finish()?);
        }
        if layout.annotations.is_some() {
            let rows = Arc::new(Int32Array::from(self.annotation_rows));
            columns.push(list(self.sample_annotation_ends, rows, DataType::Int32)?);
        }
        let annotations = match (&layout.annotations, &layout.annotation_schema) {
            (Some(wanted), Some(schema)) => {
                let addresses = self.annotations.order.iter().map(|address| address.get());
                let mut columns = vec![Arc::new(Int64Array::from_iter_values(addresses)) as ArrayRef];
                columns.extend(gather_all(&self.annotations.items, wanted)?);
                Some(batch(schema, columns, self.annotations.items.len())?)
            }
            _ => None,
        };
        Ok(Parts {
            conversations: batch(&layout.conversation_schema, columns, self.rows.len())?,
            media: media_batch(&layout.media_schema, self.media.items, self.names)?,
            annotations,
        })
    }
}

/// Decodes and checks what will be gathered of a row.
fn touch(row: &Row<'_>, columns: &Columns, watch: &Watch) -> Result<()> {
    columns.at.iter().try_for_each(|column| {
        watch.reads_column(*column);
        row.cell(*column).map(drop)
    })
}

fn gather_all(rows: &[Row<'_>], columns: &Columns) -> Result<Vec<ArrayRef>> {
    let gather = Gather::new(rows);
    columns.at.iter().zip(&columns.fields).map(|(column, field)| gather.column(*column, field)).collect()
}

fn batch(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}

fn list(ends: Vec<i32>, values: ArrayRef, item: DataType) -> Result<ArrayRef> {
    let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
    Ok(Arc::new(ListArray::try_new(item_field(item), offsets, values, None)?))
}

fn count(len: usize) -> Result<i32> {
    i32::try_from(len).map_err(|_| Error::unsupported("a batch refers to more than 2³¹−1 media or annotations"))
}
