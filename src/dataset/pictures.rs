//! The sizes of pictures, as their headers say them.

use crate::dataset::Dataset;
use crate::format::Address;
use crate::schema::tables::Table;

/// Width and height in the header of a picture; `None` where it is of no format that is known.
pub fn size_of(bytes: &[u8]) -> Option<(usize, usize)> {
    let size = imagesize::blob_size(bytes).ok()?;
    Some((size.width, size.height))
}

/// The same for a picture whose bytes are stored. Only its header is read.
pub fn stored_size(dataset: &Dataset, blob: Address) -> Option<(usize, usize)> {
    let row = dataset.row_of(Table::Blobs, blob).ok()?;
    let (file, batch, at) = row.base();
    size_of(&file.value_buffer(batch, at).ok()?)
}
