//! What a message of an Arrow file claims of its body, held against the bytes that there are, before arrays are made of
//! it: Arrow's own reader trusts the claims, and panics where they lie.

use arrow_ipc::RecordBatch;
use arrow_schema::{DataType, Field, Schema};
use std::collections::VecDeque;

/// Whether a schema has only types of which columns can be read.
pub(super) fn check_schema(schema: &Schema) -> Result<(), String> {
    schema.fields().iter().try_for_each(|field| check_type(field))
}

fn check_type(field: &Field) -> Result<(), String> {
    match field.data_type() {
        DataType::FixedSizeBinary(size) | DataType::FixedSizeList(_, size) if *size < 0 => {
            Err(format!("the column `{}` has values of {size} parts", field.name()))
        }
        DataType::Map(entry, _) if !matches!(entry.data_type(), DataType::Struct(parts) if parts.len() == 2) => {
            Err(format!("the column `{}` is a map whose entries are no pairs", field.name()))
        }
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => check_type(item),
        DataType::Struct(parts) => parts.iter().try_for_each(|part| check_type(part)),
        DataType::Dictionary(_, values) => check_type(&Field::new(field.name(), values.as_ref().clone(), true)),
        DataType::Union(..) | DataType::RunEndEncoded(..) => {
            Err(format!("the column `{}` is of the type {}, which is not taken", field.name(), field.data_type()))
        }
        _ => Ok(()),
    }
}

/// Checks the nodes and buffers of columns.
pub(super) fn check_batch<'f>(
    batch: &RecordBatch<'_>,
    columns: impl IntoIterator<Item = &'f Field>,
    body: &[u8],
) -> Result<(), String> {
    if batch.compression().is_some() {
        return Err("it is compressed, and only Parquet files may be: write it without".into());
    }
    let variadic = batch.variadicBufferCounts().into_iter().flatten().collect();
    let mut walk = Walk { batch, body, nodes: 0, buffers: 0, variadic };
    columns.into_iter().try_for_each(|column| walk.field(column))
}

/// The columns of a dictionary: its values, as the first column that uses it has them.
pub(super) fn values_of(schema: &Schema, id: i64) -> Option<Field> {
    #[expect(deprecated, reason = "the schema has no other way to say which column a dictionary is of")]
    let column = schema.fields_with_dict_id(id).first().copied()?.data_type().clone();
    match column {
        DataType::Dictionary(_, values) => Some(Field::new("", *values, true)),
        _ => None,
    }
}

/// Goes through nodes and buffers in the order of the columns.
struct Walk<'a, 'b> {
    batch: &'a RecordBatch<'b>,
    body: &'a [u8],
    nodes: usize,
    buffers: usize,
    variadic: VecDeque<i64>,
}

impl Walk<'_, '_> {
    fn field(&mut self, field: &Field) -> Result<(), String> {
        let (len, nulls) = self.node(field)?;
        if matches!(field.data_type(), DataType::Null) {
            // It costs its writer nothing.
            let most = (self.body.len() as u64).saturating_mul(8).max(1 << 20);
            return if len as u64 <= most { Ok(()) } else { Err(format!("`{}` claims {len} nulls", field.name())) };
        }
        let views = match field.data_type() {
            DataType::Utf8View | DataType::BinaryView => Some(self.variadic.pop_front().unwrap_or(0)),
            _ => None,
        };
        self.bytes(field, if nulls > 0 { len.div_ceil(8) } else { 0 })?;
        match field.data_type() {
            DataType::Boolean => self.bytes(field, len.div_ceil(8)),
            DataType::Utf8 | DataType::Binary => {
                self.values(field, offsets(len), 4)?;
                self.bytes(field, 0)
            }
            DataType::LargeUtf8 | DataType::LargeBinary => {
                self.values(field, offsets(len), 8)?;
                self.bytes(field, 0)
            }
            DataType::Utf8View | DataType::BinaryView => {
                self.values(field, len, 16)?;
                (0..views.unwrap_or(0)).try_for_each(|_| self.bytes(field, 0))
            }
            DataType::List(item) | DataType::Map(item, _) => {
                self.values(field, offsets(len), 4)?;
                self.field(item)
            }
            DataType::LargeList(item) => {
                self.values(field, offsets(len), 8)?;
                self.field(item)
            }
            DataType::ListView(item) | DataType::LargeListView(item) => {
                let width = if matches!(field.data_type(), DataType::ListView(_)) { 4 } else { 8 };
                self.values(field, len, width)?;
                self.values(field, len, width)?;
                self.field(item)
            }
            DataType::FixedSizeList(item, size) => {
                let items = usize::try_from(*size).ok().and_then(|size| size.checked_mul(len));
                items.ok_or_else(|| format!("`{}` claims more values than there can be", field.name()))?;
                self.field(item)
            }
            DataType::Struct(parts) => parts.iter().try_for_each(|part| self.field(part)),
            DataType::FixedSizeBinary(size) => {
                let needed = usize::try_from(*size).ok().and_then(|size| size.checked_mul(len));
                self.bytes(field, needed.unwrap_or(usize::MAX))
            }
            DataType::Dictionary(key, _) => self.values(field, len, key.primitive_width().unwrap_or(1)),
            ty => match ty.primitive_width() {
                Some(width) => self.values(field, len, width),
                None => Err(format!("the column `{}` is of the type {ty}, which is not taken", field.name())),
            },
        }
    }

    /// The next node: how many values there are, and how many of them are null.
    fn node(&mut self, field: &Field) -> Result<(usize, usize), String> {
        let nodes = self.batch.nodes().filter(|nodes| self.nodes < nodes.len());
        let node = *nodes.ok_or_else(|| format!("it has no values for `{}`", field.name()))?.get(self.nodes);
        self.nodes += 1;
        let read = |count: i64| usize::try_from(count).ok();
        match (read(node.length()), read(node.null_count())) {
            (Some(len), Some(nulls)) if nulls <= len => Ok((len, nulls)),
            _ => {
                let (len, nulls) = (node.length(), node.null_count());
                Err(format!("`{}` claims {len} values, {nulls} of them null", field.name()))
            }
        }
    }

    /// Takes the next buffer, of so many values of this width in bytes or more.
    fn values(&mut self, field: &Field, count: usize, width: usize) -> Result<(), String> {
        let bytes = self.buffer(field)?;
        match count.checked_mul(width) {
            Some(needed) if needed <= bytes && bytes.is_multiple_of(width) => Ok(()),
            _ => Err(format!("`{}` has {bytes} bytes for {count} values of {width}", field.name())),
        }
    }

    /// Takes the next buffer, of so many bytes or more.
    fn bytes(&mut self, field: &Field, needed: usize) -> Result<(), String> {
        let bytes = self.buffer(field)?;
        match needed <= bytes {
            true => Ok(()),
            false => Err(format!("`{}` has {bytes} bytes where {needed} are needed", field.name())),
        }
    }

    /// Takes the next buffer; its length.
    fn buffer(&mut self, field: &Field) -> Result<usize, String> {
        let wrong = |what: &str| format!("`{}` has {what}", field.name());
        let buffers = self.batch.buffers().filter(|buffers| self.buffers < buffers.len());
        let buffer = *buffers.ok_or_else(|| wrong("too few buffers"))?.get(self.buffers);
        self.buffers += 1;
        let read = |value: i64| usize::try_from(value).ok();
        let range = read(buffer.offset()).zip(read(buffer.length()));
        let range = range.and_then(|(start, len)| Some(start..start.checked_add(len)?));
        let bytes = range.and_then(|range| self.body.get(range));
        bytes.map(<[u8]>::len).ok_or_else(|| wrong("a buffer outside of the message"))
    }
}

/// How many offsets there are; of no values there need be none.
fn offsets(len: usize) -> usize {
    if len == 0 { 0 } else { len.saturating_add(1) }
}
