//! The sizes of pictures, as their headers say them.

use crate::dataset::{Dataset, link};
use crate::format::{Address, FragmentId};
use crate::schema::tables::Table;
use crate::schema::views;
use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// Width and height in the header of a picture; `None` where it is of no format that is known.
pub fn size_of(bytes: &[u8]) -> Option<(usize, usize)> {
    let size = imagesize::blob_size(bytes).ok()?;
    Some((size.width, size.height))
}

/// The same for a picture in a file, of which only the header is read.
pub fn size_of_file(path: &Path) -> Option<(usize, usize)> {
    size_in(crate::storage::open_plain(path).ok()?.0)
}

/// The same for a picture of the dataset, stored or linked.
pub fn size_of_blob(dataset: &Dataset, blob: Address) -> Option<(usize, usize)> {
    let row = dataset.row_of(Table::Blobs, blob).ok()?;
    let (file, batch, at) = row.base();
    if let Ok(bytes) = file.value_buffer(batch, at) {
        return size_of(&bytes);
    }
    let blob = views::Blob::new(row);
    let file = link::open(blob.uri().ok()??, blob.size().ok()?).ok()?;
    size_in(file.into_inner())
}

/// Widths and heights of the pictures that a commit adds: 8 bytes each.
#[derive(Default)]
pub struct NewSizes(HashMap<FragmentId, Vec<(u32, u32)>>);

/// Of what is no picture, or of no format that is known.
const NO_SIZE: (u32, u32) = (0, 0);

impl NewSizes {
    /// Keeps the size of a blob that was appended after the others of its fragment.
    pub fn insert(&mut self, blob: Address, size: Option<(usize, usize)>) {
        let Some((Ok(width), Ok(height))) = size.map(|(width, height)| (width.try_into(), height.try_into())) else {
            return;
        };
        let rows = self.0.entry(blob.fragment()).or_default();
        rows.resize(blob.row() as usize, NO_SIZE);
        rows.push((width, height));
    }

    /// The size of a picture, where it was kept.
    pub fn get(&self, blob: Address) -> Option<(usize, usize)> {
        let (width, height) = *self.0.get(&blob.fragment())?.get(blob.row() as usize)?;
        ((width, height) != NO_SIZE).then_some((width as usize, height as usize))
    }
}

fn size_in(file: File) -> Option<(usize, usize)> {
    let size = imagesize::reader_size(BufReader::new(file)).ok()?;
    Some((size.width, size.height))
}
