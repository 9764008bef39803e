//! All that a dataset gives, by every way of reading it.

use arrow_array::RecordBatch;
use surgdb::rows::*;
use surgdb::{Address, Dataset, Result, Table};

/// All rows of a dataset, read in every way: what must be the same wherever it is the same data.
#[derive(Debug, PartialEq)]
pub struct Contents {
    rows: Rows,
    scans: Vec<(Table, Vec<Piece>)>,
    taken: Vec<RecordBatch>,
    found: Vec<(Table, String, Option<Address>)>,
    referring: Vec<Vec<Address>>,
}

/// Addresses and columns.
type Piece = (Vec<i64>, RecordBatch);
/// Digest, size, media type and bytes.
type BlobContents = ([u8; 32], i64, String, Vec<u8>);

#[derive(Debug, Default, PartialEq)]
struct Rows {
    conversations: Vec<(Address, ConversationRow)>,
    frames: Vec<(Address, FrameRow, Option<Vec<u8>>)>,
    videos: Vec<(Address, VideoRow, Option<Vec<u8>>)>,
    cases: Vec<(Address, CaseRow)>,
    annotations: Vec<(Address, AnnotationRow)>,
    blobs: Vec<(Address, BlobContents)>,
}

/// Reads everything of a dataset.
pub fn read_all(dataset: &Dataset) -> Result<Contents> {
    let rows = read_rows(dataset)?;
    let mut contents =
        Contents { rows, scans: Vec::new(), taken: Vec::new(), found: Vec::new(), referring: Vec::new() };
    for table in Table::ALL {
        let scan = dataset.scan(table).batches().map(|piece| {
            let piece = piece?;
            Ok((piece.addresses.values().to_vec(), piece.batch))
        });
        contents.scans.push((table, scan.collect::<Result<_>>()?));
        let mut addresses = dataset.live_addresses(table)?;
        addresses.reverse();
        let schema = dataset.schema(table);
        let columns: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        contents.taken.push(dataset.take(table, &addresses, &columns)?);
    }
    let rows = &contents.rows;
    let ids = rows.conversations.iter().map(|(_, row)| (Table::Conversations, &row.id));
    let ids = ids.chain(rows.frames.iter().map(|(_, row, _)| (Table::Frames, &row.id)));
    let ids = ids.chain(rows.annotations.iter().map(|(_, row)| (Table::Annotations, &row.id)));
    let ids = ids.chain(rows.videos.iter().map(|(_, row, _)| (Table::Videos, &row.id)));
    for (table, id) in ids {
        contents.found.push((table, id.clone(), dataset.find(table, id)?));
    }
    for (address, ..) in &rows.frames {
        contents.referring.push(dataset.annotations_of(*address)?);
    }
    for (address, ..) in &rows.videos {
        contents.referring.push(dataset.frames_of(*address)?);
    }
    Ok(contents)
}

impl Contents {
    /// The same, without what depends on where batches end.
    pub fn by_row(&self) -> impl PartialEq + '_ {
        (&self.rows, &self.taken, &self.found, &self.referring)
    }
}

fn read_rows(dataset: &Dataset) -> Result<Rows> {
    let mut rows = Rows::default();
    for index in 0..dataset.count(Table::Conversations)? {
        let conversation = dataset.conversation(index)?;
        conversation.parts()?;
        rows.conversations.push((conversation.address(), conversation.to_row()?));
    }
    let bytes = |bytes: Option<std::borrow::Cow<'_, [u8]>>| bytes.map(|bytes| bytes.into_owned());
    for address in dataset.live_addresses(Table::Frames)? {
        let frame = dataset.frame(address)?;
        rows.frames.push((address, frame.to_row()?, bytes(frame.bytes()?)));
    }
    for address in dataset.live_addresses(Table::Videos)? {
        let video = dataset.video(address)?;
        rows.videos.push((address, video.to_row()?, bytes(video.bytes()?)));
    }
    for address in dataset.live_addresses(Table::Cases)? {
        rows.cases.push((address, dataset.case(address)?.to_row()?));
    }
    for address in dataset.live_addresses(Table::Annotations)? {
        rows.annotations.push((address, dataset.annotation(address)?.to_row()?));
    }
    for address in dataset.live_addresses(Table::Blobs)? {
        let blob = dataset.blob(address)?;
        let bytes = blob.bytes()?.into_owned();
        rows.blobs.push((address, (blob.digest()?, blob.size()?, blob.media_type()?.to_owned(), bytes)));
    }
    Ok(rows)
}
