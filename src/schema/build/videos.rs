//! The builder of `videos`.

use super::leaf::{Dict, Digest, Number, Ref, Text};
use super::list::Lists;
use super::load::Load;
use crate::error::Result;
use crate::schema::rows::{KeyframeRow, VideoRow};
use crate::schema::tables::{Table, videos as columns};
use arrow_array::ArrayRef;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_schema::DataType;

/// Builds batches of the table `videos`.
#[derive(Debug, Default)]
pub struct VideosBuilder {
    load: Load,
    id: Text,
    source: Dict,
    case: Ref,
    path: Text,
    blob: Ref,
    fps: Number<Float64Type>,
    duration: Number<Float64Type>,
    frame_count: Number<Int64Type>,
    width: Number<Int32Type>,
    height: Number<Int32Type>,
    keyframes: Keyframes,
    extra: Text,
    record: Digest<8>,
}

super::shared_methods!(VideosBuilder, Table::Videos);

impl VideosBuilder {
    /// Appends a row.
    ///
    /// # Errors
    /// `Invalid`, and nothing is appended, when the lists of the batch could pass their 32-bit offsets.
    pub fn push(&mut self, row: &VideoRow) -> Result<()> {
        self.load.add(measure(row))?;
        self.id.push(&row.id);
        self.source.push(&row.source);
        self.case.push_address_opt(row.case);
        self.path.push_opt(&row.path);
        self.blob.push_address_opt(row.blob);
        self.fps.push_opt(row.fps);
        self.duration.push_opt(row.duration);
        self.frame_count.push_opt(row.frame_count);
        self.width.push_opt(row.width);
        self.height.push_opt(row.height);
        self.keyframes.push(row.keyframes.as_deref());
        self.extra.push_opt(&row.extra);
        self.record.push_opt(&row.record);
        Ok(())
    }

    /// Appends an empty row: what a deleted row becomes when its bytes go.
    pub fn push_empty(&mut self) -> Result<()> {
        self.push(&VideoRow::default())
    }

    fn columns(&mut self) -> Result<Vec<ArrayRef>> {
        Ok(vec![
            self.id.finish(),
            self.source.finish()?,
            self.case.finish(),
            self.path.finish(),
            self.blob.finish(),
            self.fps.finish(),
            self.duration.finish(),
            self.frame_count.finish(),
            self.width.finish(),
            self.height.finish(),
            self.keyframes.finish(Table::Videos.schema().field(columns::KEYFRAMES).data_type())?,
            self.extra.finish(),
            self.record.finish()?,
        ])
    }
}

fn measure(row: &VideoRow) -> Load {
    let mut load = Load::row();
    load.text(&row.id);
    load.name(&row.source);
    load.text_opt(&row.path);
    load.text_opt(&row.extra);
    load.items(row.keyframes.as_ref().map_or(0, Vec::len));
    load
}

#[derive(Debug, Default)]
struct Keyframes {
    lists: Lists,
    time: Number<Float64Type>,
    offset: Number<Int64Type>,
}

impl Keyframes {
    fn push(&mut self, keyframes: Option<&[KeyframeRow]>) {
        let Some(keyframes) = keyframes else {
            return self.lists.null();
        };
        for keyframe in keyframes {
            self.time.push(keyframe.time);
            self.offset.push(keyframe.offset);
        }
        self.lists.end(keyframes.len());
    }

    fn finish(&mut self, ty: &DataType) -> Result<ArrayRef> {
        let parts = vec![self.time.finish(), self.offset.finish()];
        self.lists.finish_structs(ty, parts)
    }
}
