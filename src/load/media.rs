//! The media of a batch: the frames and videos that its conversations refer to, each once.

use crate::dataset::{Dataset, VIEW_BYTES_MAX, push_view};
use crate::error::Result;
use crate::format::Address;
use crate::load::projection::Layout;
use crate::load::watch::Watch;
use crate::schema::tables::Table;
use crate::schema::views::{Blob, Frame, Video};
use arrow_array::builder::{BinaryViewBuilder, LargeStringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_buffer::Buffer;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use std::sync::Arc;

/// The schema of [`Batch::media`](crate::load::Batch::media).
pub(super) fn media_schema() -> SchemaRef {
    let names = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    Arc::new(Schema::new(vec![
        Field::new("address", DataType::Int64, false),
        Field::new("table", names.clone(), false),
        Field::new("width", DataType::Int32, true),
        Field::new("height", DataType::Int32, true),
        Field::new("blob", DataType::Int64, true),
        Field::new("media_type", names, true),
        Field::new("size", DataType::Int64, true),
        Field::new("uri", DataType::LargeUtf8, true),
        Field::new("bytes", DataType::BinaryView, true),
    ]))
}

/// One frame or video, read.
pub(super) struct Medium {
    pub(super) address: Address,
    video: bool,
    width: Option<i32>,
    height: Option<i32>,
    blob: Option<Stored>,
}

/// Which bytes are wanted: of videos only those that are stored, since a linked one would be read into memory whole.
#[derive(Clone, Copy)]
enum Bytes {
    Stored,
    All,
}

/// What its blob says.
struct Stored {
    address: Address,
    media_type: i32,
    size: i64,
    uri: Option<String>,
    bytes: Option<Buffer>,
}

/// The media types of a batch: few, so a search from the first is fastest.
#[derive(Default)]
pub(super) struct Names(Vec<String>);

impl Names {
    fn key(&mut self, name: &str) -> i32 {
        let known = self.0.iter().position(|known| known == name);
        let at = known.unwrap_or_else(|| {
            self.0.push(name.to_owned());
            self.0.len() - 1
        });
        at as i32
    }
}

impl Medium {
    /// Reads the frame or video at an address; of its bytes only the checksum is taken, where it is due.
    ///
    /// # Errors
    /// `Deleted`, `NotInVersion`, `Corrupt`, `Purged`; `LinkBroken` when a linked picture is gone or changed.
    pub(super) fn read(
        dataset: &Dataset,
        layout: &Layout,
        watch: &Watch,
        names: &mut Names,
        address: Address,
    ) -> Result<Self> {
        watch.reads_row(address);
        let (video, width, height, blob) = match dataset.table_of(address)? {
            Table::Videos => {
                let row = dataset.row_of(Table::Videos, address)?;
                let view = Video::new(&row);
                (true, view.width()?, view.height()?, view.blob()?)
            }
            _ => {
                let row = dataset.row_of(Table::Frames, address)?;
                let view = Frame::new(&row);
                (false, view.width()?, view.height()?, view.blob()?)
            }
        };
        let wanted = if video { layout.video_bytes } else { layout.picture_bytes };
        let bytes = wanted.then_some(if video { Bytes::Stored } else { Bytes::All });
        let stored = |blob| Stored::read(dataset, watch, names, blob, bytes);
        Ok(Self { address, video, width, height, blob: blob.map(stored).transpose()? })
    }
}

impl Stored {
    fn read(
        dataset: &Dataset,
        watch: &Watch,
        names: &mut Names,
        address: Address,
        wanted: Option<Bytes>,
    ) -> Result<Self> {
        watch.reads_row(address);
        let row = dataset.row_of(Table::Blobs, address)?;
        let view = Blob::new(&row);
        let media_type = names.key(view.media_type()?);
        let place = row.stored_place()?;
        // What is stored says itself how long it is, and stays nowhere else: two columns less to touch.
        let (size, uri) = match &place {
            Some((_, range)) => (i64::try_from(range.end - range.start).unwrap_or(i64::MAX), None),
            None => (view.size()?, view.uri()?.map(str::to_owned)),
        };
        let len = u64::try_from(size).unwrap_or(u64::MAX);
        // What no view can tell is not touched.
        let wanted = wanted.filter(|_| len <= VIEW_BYTES_MAX as u64);
        let bytes = match (wanted, place) {
            (None, _) => None,
            (Some(_), Some((file, range))) => {
                // Where they may come from a device, the page faults of bytes that will be touched are taken here; the check
                // of their checksum, where it is due, does so too.
                let fault_in = watch.must_fault_in(address);
                if fault_in && !row.is_check_due() {
                    file.fault_in(range)?;
                }
                let bytes = row.stored_bytes()?;
                if fault_in {
                    watch.faulted_in(address, len);
                }
                watch.used(len);
                bytes
            }
            (Some(Bytes::Stored), None) if uri.is_some() => None,
            (Some(_), None) => {
                let read = || -> Result<Vec<u8>> { Ok(dataset.blob(address)?.bytes()?.into_owned()) };
                Some(Buffer::from_vec(watch.reads_linked(uri.as_deref(), read)?))
            }
        };
        Ok(Self { address, media_type, size, uri, bytes })
    }
}

/// The media as Arrow has them.
///
/// # Errors
/// `Unsupported` when there are more than a batch can hold.
pub(super) fn media_batch(schema: &SchemaRef, media: Vec<Medium>, names: Names) -> Result<RecordBatch> {
    let blobs = || media.iter().map(|medium| medium.blob.as_ref());
    let mut uris = LargeStringBuilder::new();
    blobs().for_each(|blob| uris.append_option(blob.and_then(|blob| blob.uri.as_deref())));
    let tables = Int32Array::from_iter_values(media.iter().map(|medium| i32::from(medium.video)));
    let types: Int32Array = blobs().map(|blob| Some(blob?.media_type)).collect();
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(media.iter().map(|medium| medium.address.get()))),
        named(tables, vec![Table::Frames.name(), Table::Videos.name()])?,
        Arc::new(media.iter().map(|medium| medium.width).collect::<Int32Array>()),
        Arc::new(media.iter().map(|medium| medium.height).collect::<Int32Array>()),
        Arc::new(blobs().map(|blob| Some(blob?.address.get())).collect::<Int64Array>()),
        named(types, names.0)?,
        Arc::new(blobs().map(|blob| Some(blob?.size)).collect::<Int64Array>()),
        Arc::new(uris.finish()),
    ];
    let mut views = BinaryViewBuilder::with_capacity(media.len());
    for medium in media {
        push_view(&mut views, medium.blob.and_then(|blob| blob.bytes))?;
    }
    columns.push(Arc::new(views.finish()));
    Ok(RecordBatch::try_new(schema.clone(), columns)?)
}

fn named<S: AsRef<str>>(keys: Int32Array, names: Vec<S>) -> Result<ArrayRef> {
    let names = StringArray::from_iter_values(names);
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::new(names))?))
}
