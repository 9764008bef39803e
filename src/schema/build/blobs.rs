//! The builder of `blobs`.

use super::leaf::{Dict, Digest, Number, Text};
use super::load::Load;
use crate::error::Result;
use crate::schema::rows::BlobRow;
use crate::schema::tables::Table;
use arrow_array::ArrayRef;
use arrow_array::builder::LargeBinaryBuilder;
use arrow_array::types::{Int64Type, UInt32Type};
use std::sync::Arc;

/// Builds batches of the table `blobs`.
#[derive(Debug, Default)]
pub struct BlobsBuilder {
    load: Load,
    digest: Digest<32>,
    crc32: Number<UInt32Type>,
    media_type: Dict,
    size: Number<Int64Type>,
    uri: Text,
    bytes: LargeBinaryBuilder,
}

super::shared_methods!(BlobsBuilder, Table::Blobs);

impl BlobsBuilder {
    /// Appends a row.
    ///
    /// # Errors
    /// `Invalid`, and nothing is appended, when a dictionary of the batch could pass its 32-bit offsets.
    pub fn push(&mut self, row: &BlobRow<'_>) -> Result<()> {
        let mut load = Load::row();
        load.raw(row.digest.len());
        load.name(&row.media_type);
        load.text_opt(&row.uri);
        load.raw(row.bytes.map_or(0, <[u8]>::len));
        self.load.add(load)?;
        self.digest.push(&row.digest);
        self.crc32.push(row.crc32);
        self.media_type.push(&row.media_type);
        self.size.push(row.size);
        self.uri.push_opt(&row.uri);
        self.bytes.append_option(row.bytes);
        Ok(())
    }

    /// Appends an empty row: what a deleted row becomes when its bytes go.
    pub fn push_empty(&mut self) -> Result<()> {
        self.push(&BlobRow::default())
    }

    fn columns(&mut self) -> Result<Vec<ArrayRef>> {
        Ok(vec![
            self.digest.finish()?,
            self.crc32.finish(),
            self.media_type.finish()?,
            self.size.finish(),
            self.uri.finish(),
            Arc::new(self.bytes.finish()),
        ])
    }
}
