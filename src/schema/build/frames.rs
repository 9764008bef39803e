//! The builder of `frames`.

use super::leaf::{Dict, Digest, Number, Ref, Text};
use super::load::Load;
use crate::error::Result;
use crate::schema::rows::FrameRow;
use crate::schema::tables::Table;
use arrow_array::ArrayRef;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};

/// Builds batches of the table `frames`.
#[derive(Debug, Default)]
pub struct FramesBuilder {
    load: Load,
    id: Text,
    source: Dict,
    case: Ref,
    video: Ref,
    index: Number<Int64Type>,
    time: Number<Float64Type>,
    kind: Dict,
    parent: Ref,
    path: Text,
    blob: Ref,
    width: Number<Int32Type>,
    height: Number<Int32Type>,
    origin: Dict,
    generator: Dict,
    extra: Text,
    record: Digest<8>,
}

super::shared_methods!(FramesBuilder, Table::Frames);

impl FramesBuilder {
    /// Appends a row.
    ///
    /// # Errors
    /// `Invalid`, and nothing is appended, when a dictionary of the batch could pass its 32-bit offsets.
    pub fn push(&mut self, row: &FrameRow) -> Result<()> {
        self.load.add(measure(row))?;
        self.id.push(&row.id);
        self.source.push(&row.source);
        self.case.push_address_opt(row.case);
        self.video.push_address_opt(row.video);
        self.index.push_opt(row.index);
        self.time.push_opt(row.time);
        self.kind.push(&row.kind);
        self.parent.push_address_opt(row.parent);
        self.path.push_opt(&row.path);
        self.blob.push_address_opt(row.blob);
        self.width.push_opt(row.width);
        self.height.push_opt(row.height);
        self.origin.push_opt(&row.origin);
        self.generator.push_opt(&row.generator);
        self.extra.push_opt(&row.extra);
        self.record.push_opt(&row.record);
        Ok(())
    }

    /// Appends an empty row: what a deleted row becomes when its bytes go.
    pub fn push_empty(&mut self) -> Result<()> {
        self.push(&FrameRow::default())
    }

    fn columns(&mut self) -> Result<Vec<ArrayRef>> {
        Ok(vec![
            self.id.finish(),
            self.source.finish()?,
            self.case.finish(),
            self.video.finish(),
            self.index.finish(),
            self.time.finish(),
            self.kind.finish()?,
            self.parent.finish(),
            self.path.finish(),
            self.blob.finish(),
            self.width.finish(),
            self.height.finish(),
            self.origin.finish()?,
            self.generator.finish()?,
            self.extra.finish(),
            self.record.finish()?,
        ])
    }
}

fn measure(row: &FrameRow) -> Load {
    let mut load = Load::row();
    load.text(&row.id);
    load.name(&row.source);
    load.name(&row.kind);
    load.text_opt(&row.path);
    load.name_opt(&row.origin);
    load.name_opt(&row.generator);
    load.text_opt(&row.extra);
    load
}
