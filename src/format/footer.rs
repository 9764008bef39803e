//! The footer of a data file: where its messages lie, and what surgdb adds to an Arrow footer.
//!
//! A file is tiled without a gap: head, schema message, record batches, dictionaries, end mark, footer, tail.

use crate::error::{Error, Result};
use crate::format::constants::*;
use crate::format::manifest::is_same_format;
use crate::format::notation::ColumnType;
use crate::format::{Address, FragmentId, numbers};
use arrow_ipc::convert::{IpcSchemaEncoder, metadata_to_fb};
use arrow_ipc::writer::DictionaryTracker;
use arrow_ipc::{FooterBuilder, MetadataVersion, root_as_footer};
use arrow_schema::{Schema, SchemaRef};
use flatbuffers::FlatBufferBuilder;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Where a message lies: its metadata (with the prefix and padding), then its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Where it starts in the file.
    pub offset: u64,
    /// Bytes of metadata, the prefix and the padding counted.
    pub metadata_len: u32,
    /// Bytes of the body.
    pub body_len: u64,
}

impl Block {
    /// The bytes of the metadata.
    pub fn metadata(&self) -> Range<u64> {
        self.offset..self.body().start
    }

    /// The bytes of the body.
    pub fn body(&self) -> Range<u64> {
        let start = self.offset + u64::from(self.metadata_len);
        start..start + self.body_len
    }
}

/// What a file's footer says, checked: everything that is needed to reach any of its rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Footer {
    /// What the file holds: a table's name, `column`, `index` or `deletions`.
    pub kind: String,
    /// The file's schema, dictionaries included.
    pub schema: SchemaRef,
    /// The record batches in order.
    pub batches: Vec<Block>,
    /// The dictionaries, in the depth-first order of the schema.
    pub dictionaries: Vec<Block>,
    /// Row starts of the batches, and the number of rows last.
    pub row_starts: Vec<u64>,
    /// The fragments whose rows the file holds, in physical order; empty for an index or deletions.
    pub fragments: Vec<(FragmentId, u32)>,
    /// The CRC-32 of each segment.
    pub segments: Vec<u32>,
    /// Runs of rows of the file that were emptied, ascending; between two of them lies at least one row that was not.
    pub emptied: Vec<Range<u64>>,
    /// Where the end mark lies: after the last message.
    pub end: u64,
}

/// How many bytes at the end of a file are the footer, its length and the magic, from the file's last
/// [`TAIL_LEN`] bytes.
///
/// # Errors
/// `Corrupt` when the file does not end as an Arrow file does, or the footer would not fit into it.
pub fn footer_len(tail: &[u8], file_len: u64) -> Result<u64> {
    let unfit = || Error::corrupt("the file does not end as an Arrow file does: it is cut short or not one");
    let (len, magic) = tail.split_first_chunk::<4>().ok_or_else(unfit)?;
    if magic != ARROW_MAGIC {
        return Err(unfit());
    }
    let len = u64::try_from(i32::from_le_bytes(*len)).map_err(|_| unfit())? + TAIL_LEN;
    if len > file_len.saturating_sub(HEAD_LEN + END_MARK.len() as u64) {
        return Err(Error::corrupt("the footer would be longer than the file"));
    }
    Ok(len)
}

impl Footer {
    /// How many rows the file has.
    pub fn rows(&self) -> u64 {
        self.row_starts.last().copied().unwrap_or(0)
    }

    /// The batch that holds this row of the file, and the row in it.
    pub fn locate(&self, row: u64) -> Option<(usize, usize)> {
        let batch = self.row_starts.partition_point(|start| *start <= row).checked_sub(1)?;
        if batch >= self.batches.len() {
            return None;
        }
        Some((batch, usize::try_from(row - self.row_starts[batch]).ok()?))
    }

    /// The address of this row of the file.
    pub fn address(&self, row: u64) -> Option<Address> {
        let mut start = 0;
        for (fragment, rows) in &self.fragments {
            let end = start + u64::from(*rows);
            if row < end {
                return u32::try_from(row - start).ok().map(|row| fragment.address(row));
            }
            start = end;
        }
        None
    }

    /// How many rows a batch has.
    pub fn batch_rows(&self, batch: usize) -> u64 {
        self.row_starts[batch + 1] - self.row_starts[batch]
    }

    /// The first of the segments of a batch: its metadata; its columns follow.
    pub fn batch_segment(&self, batch: usize) -> usize {
        2 + batch * (1 + self.schema.fields().len())
    }

    /// The first of the two segments of a dictionary: its metadata, then its body.
    pub fn dictionary_segment(&self, dictionary: usize) -> usize {
        self.batch_segment(self.batches.len()) + 2 * dictionary
    }

    /// Where the schema message lies: from the head to the first other message.
    pub fn schema_message(&self) -> Range<u64> {
        let blocks = self.batches.iter().chain(&self.dictionaries);
        HEAD_LEN..blocks.map(|block| block.offset).next().unwrap_or(self.end)
    }

    /// Reads a footer: `bytes` are the end of a file of `file_len` bytes, as long as [`footer_len`] says.
    ///
    /// # Errors
    /// `Corrupt` or `Unsupported`, with what is wrong, when anything in it does not hold: nothing that it says is
    /// believed before it is checked against the file's length and against the rest.
    pub fn decode(bytes: &[u8], file_len: u64) -> Result<Self> {
        let wrong = |what: String| Error::corrupt(format!("the footer cannot be read: {what}"));
        let flatbuffer = bytes
            .len()
            .checked_sub(TAIL_LEN as usize)
            .and_then(|len| bytes.get(..len))
            .ok_or_else(|| wrong("it is too short".into()))?;
        let footer = root_as_footer(flatbuffer).map_err(|error| wrong(error.to_string()))?;
        if footer.version() != MetadataVersion::V5 {
            return Err(Error::unsupported("the file is not of Arrow's metadata version 5"));
        }
        let schema = footer.schema().ok_or_else(|| wrong("it has no schema".into()))?;
        check_layout(schema).map_err(|error| wrong(error.message().to_owned()))?;
        let schema = arrow_ipc::convert::try_fb_to_schema(schema).map_err(|error| wrong(error.to_string()))?;
        let mut row_bits = 0u64;
        for field in schema.fields() {
            let ty = ColumnType::from_arrow(field.data_type())
                .map_err(|error| Error::unsupported(format!("column `{}`: {}", field.name(), error.message())))?;
            row_bits = row_bits.saturating_add(ty.least_bits());
        }
        let metadata: HashMap<&str, &str> = footer
            .custom_metadata()
            .into_iter()
            .flatten()
            .filter_map(|pair| Some((pair.key()?, pair.value()?)))
            .collect();
        let get = |key| metadata.get(key).copied().ok_or_else(|| wrong(format!("it has no `{key}`")));
        check_format(get(META_FORMAT)?)?;
        let blocks = |list: Option<flatbuffers::Vector<'_, arrow_ipc::Block>>| {
            list.into_iter().flatten().map(block).collect::<Result<Vec<_>>>()
        };
        let footer = Self {
            kind: get(META_KIND)?.to_owned(),
            schema: Arc::new(schema),
            batches: blocks(footer.recordBatches())?,
            dictionaries: blocks(footer.dictionaries())?,
            row_starts: numbers::decode_u64(META_ROW_STARTS, get(META_ROW_STARTS)?)?,
            fragments: parse_fragments(get(META_FRAGMENTS)?)?,
            segments: numbers::decode_u32(META_SEGMENTS, get(META_SEGMENTS)?)?,
            emptied: match metadata.get(META_EMPTIED) {
                Some(text) => parse_runs(&numbers::decode_u64(META_EMPTIED, text)?)?,
                None => Vec::new(),
            },
            end: file_len - bytes.len() as u64 - END_MARK.len() as u64,
        };
        footer.check()?;
        footer.check_rows(row_bits)?;
        Ok(footer)
    }

    /// Holds the parts of the footer against each other and against the file's length.
    fn check(&self) -> Result<()> {
        let wrong = |what: &str| Err(Error::corrupt(format!("the footer contradicts itself: {what}")));
        let dictionaries = count_dictionaries(&self.schema);
        if self.dictionaries.len() != dictionaries {
            return wrong("its dictionaries are not those of its schema");
        }
        if self.row_starts.len() != self.batches.len() + 1 || self.row_starts.first() != Some(&0) {
            return wrong("its row starts are not those of its batches");
        }
        if !self.row_starts.is_sorted() || self.rows() > i64::MAX as u64 {
            return wrong("its row starts do not ascend");
        }
        let rows = self.fragments.iter().try_fold(0u64, |sum, (_, rows)| sum.checked_add(u64::from(*rows)));
        if !self.fragments.is_empty() && rows != Some(self.rows()) {
            return wrong("its fragments have another number of rows than its batches");
        }
        let segments = self.dictionary_segment(dictionaries) + 1;
        if self.segments.len() != segments {
            return wrong("it does not have one checksum per segment");
        }
        let ascending = self.emptied.is_sorted_by(|a, b| a.end < b.start) && !self.emptied.iter().any(Range::is_empty);
        if !ascending || self.emptied.last().is_some_and(|run| run.end > self.rows()) {
            return wrong("its emptied rows are not runs of the file's rows in ascending order");
        }
        self.check_tiling()
    }

    /// Checks that no batch claims more rows than its bytes can hold, a row taking so many bits at least: what readers
    /// allocate by rows is then bounded by the file.
    fn check_rows(&self, row_bits: u64) -> Result<()> {
        // A buffer that is there takes at least one unit of alignment, which pays for its slack.
        let most = INFLATE_MAX + INFLATE_SLACK / ALIGNMENT as u64;
        for (batch, block) in self.batches.iter().enumerate() {
            let bits = u128::from(self.batch_rows(batch)) * u128::from(row_bits);
            if bits > u128::from(block.body_len) * u128::from(most) * 8 {
                let what = "the footer contradicts itself: a batch has more rows than its bytes can hold";
                return Err(Error::corrupt(what).at_byte(block.offset));
            }
        }
        Ok(())
    }

    /// Checks that messages follow each other without a gap, from the schema message to the end mark.
    fn check_tiling(&self) -> Result<()> {
        let wrong = |at: u64| Error::corrupt("the messages of the file do not follow each other").at_byte(at);
        let mut at = self.schema_message().end;
        if at <= HEAD_LEN || !at.is_multiple_of(ALIGNMENT as u64) {
            return Err(wrong(at));
        }
        for block in self.batches.iter().chain(&self.dictionaries) {
            let whole = u64::from(block.metadata_len).checked_add(block.body_len);
            let end = whole.and_then(|len| len.checked_add(block.offset)).ok_or_else(|| wrong(block.offset))?;
            let aligned =
                u64::from(block.metadata_len).is_multiple_of(ALIGNMENT as u64) && end.is_multiple_of(ALIGNMENT as u64);
            if block.offset != at || block.metadata_len < 16 || end > self.end || !aligned {
                return Err(wrong(block.offset));
            }
            at = end;
        }
        if at != self.end { Err(wrong(at)) } else { Ok(()) }
    }

    /// The bytes of this footer as they stand at the end of a file: the footer, its length, the magic.
    pub fn encode(&self) -> Vec<u8> {
        let mut fbb = FlatBufferBuilder::new();
        let mut tracker = DictionaryTracker::new(true);
        let schema =
            IpcSchemaEncoder::new().with_dictionary_tracker(&mut tracker).schema_to_fb_offset(&mut fbb, &self.schema);
        let mut metadata = HashMap::from([
            (META_FORMAT.to_owned(), FORMAT_VERSION.to_owned()),
            (META_KIND.to_owned(), self.kind.clone()),
            (META_ROW_STARTS.to_owned(), numbers::encode_u64(&self.row_starts)),
            (META_FRAGMENTS.to_owned(), print_fragments(&self.fragments)),
            (META_SEGMENTS.to_owned(), numbers::encode_u32(&self.segments)),
        ]);
        if !self.emptied.is_empty() {
            metadata.insert(META_EMPTIED.to_owned(), print_runs(&self.emptied));
        }
        let metadata = metadata_to_fb(&mut fbb, &metadata.into());
        let batches = fbb.create_vector(&self.batches.iter().map(fb_block).collect::<Vec<_>>());
        let dictionaries = fbb.create_vector(&self.dictionaries.iter().map(fb_block).collect::<Vec<_>>());
        let mut builder = FooterBuilder::new(&mut fbb);
        builder.add_version(MetadataVersion::V5);
        builder.add_schema(schema);
        builder.add_dictionaries(dictionaries);
        builder.add_recordBatches(batches);
        builder.add_custom_metadata(metadata);
        let root = builder.finish();
        arrow_ipc::finish_footer_buffer(&mut fbb, root);
        let mut bytes = fbb.finished_data().to_vec();
        let len = bytes.len() as i32;
        bytes.extend_from_slice(&len.to_le_bytes());
        bytes.extend_from_slice(ARROW_MAGIC);
        bytes
    }
}

fn check_format(found: &str) -> Result<()> {
    if is_same_format(found) {
        return Ok(());
    }
    Err(Error::unsupported(format!(
        "the file is of format {found}, and this build reads {FORMAT_VERSION}: use the surgdb that wrote it"
    )))
}

/// How many dictionaries a file of this schema has: one per field path.
pub fn count_dictionaries(schema: &Schema) -> usize {
    fn count(ty: &arrow_schema::DataType) -> usize {
        use arrow_schema::DataType::*;
        match ty {
            Dictionary(..) => 1,
            List(field) | FixedSizeList(field, _) => count(field.data_type()),
            Struct(fields) => fields.iter().map(|field| count(field.data_type())).sum(),
            _ => 0,
        }
    }
    schema.fields().iter().map(|field| count(field.data_type())).sum()
}

/// Checks what Arrow's own schema no longer shows: that numbers are little-endian, and that dictionaries have the ids 0,
/// 1, 2, … depth first. Others find a dictionary by its id and we by its place; both must find the same.
///
/// # Errors
/// `Corrupt` when it is not so.
pub fn check_layout(schema: arrow_ipc::Schema<'_>) -> Result<()> {
    fn walk(field: arrow_ipc::Field<'_>, next: &mut i64) -> bool {
        if let Some(dictionary) = field.dictionary() {
            let is_next = dictionary.id() == *next;
            *next += 1;
            return is_next;
        }
        field.children().is_none_or(|parts| parts.iter().all(|part| walk(part, next)))
    }
    if schema.endianness() != arrow_ipc::Endianness::Little {
        return Err(Error::corrupt("its schema is not little-endian"));
    }
    let mut next = 0;
    match schema.fields().is_none_or(|fields| fields.iter().all(|field| walk(field, &mut next))) {
        true => Ok(()),
        false => Err(Error::corrupt("the dictionaries of its schema are not numbered in order")),
    }
}

fn block(block: &arrow_ipc::Block) -> Result<Block> {
    let wrong = || Error::corrupt("the footer has a message at a negative place or of a negative length");
    Ok(Block {
        offset: block.offset().try_into().map_err(|_| wrong())?,
        metadata_len: block.metaDataLength().try_into().map_err(|_| wrong())?,
        body_len: block.bodyLength().try_into().map_err(|_| wrong())?,
    })
}

fn fb_block(block: &Block) -> arrow_ipc::Block {
    arrow_ipc::Block::new(block.offset as i64, block.metadata_len as i32, block.body_len as i64)
}

/// Runs from their firsts and ends in turn.
fn parse_runs(numbers: &[u64]) -> Result<Vec<Range<u64>>> {
    let (pairs, rest) = numbers.as_chunks::<2>();
    match rest {
        [] => Ok(pairs.iter().map(|[first, end]| *first..*end).collect()),
        _ => Err(Error::corrupt(format!("the footer's `{META_EMPTIED}` ends in the middle of a run"))),
    }
}

fn print_runs(runs: &[Range<u64>]) -> String {
    numbers::encode_u64(&runs.iter().flat_map(|run| [run.start, run.end]).collect::<Vec<_>>())
}

fn print_fragments(fragments: &[(FragmentId, u32)]) -> String {
    let parts: Vec<_> = fragments.iter().map(|(id, rows)| format!("{id}:{rows}")).collect();
    parts.join(" ")
}

fn parse_fragments(text: &str) -> Result<Vec<(FragmentId, u32)>> {
    let wrong = || Error::corrupt(format!("the footer's `{META_FRAGMENTS}` cannot be read"));
    let pair = |part: &str| {
        let (id, rows) = part.split_once(':').ok_or_else(wrong)?;
        let id = FragmentId::new(id.parse().map_err(|_| wrong())?).map_err(|_| wrong())?;
        Ok((id, rows.parse().map_err(|_| wrong())?))
    };
    text.split_ascii_whitespace().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::{DataType, Field};

    fn checked(names: &[&str], edit: impl Fn(&mut Vec<u8>)) -> Result<()> {
        let dict = || DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let schema = Schema::new(names.iter().map(|name| Field::new(*name, dict(), true)).collect::<Vec<_>>());
        let mut fbb = FlatBufferBuilder::new();
        let mut tracker = DictionaryTracker::new(true);
        let root = IpcSchemaEncoder::new().with_dictionary_tracker(&mut tracker).schema_to_fb_offset(&mut fbb, &schema);
        fbb.finish(root, None);
        let mut bytes = fbb.finished_data().to_vec();
        edit(&mut bytes);
        check_layout(flatbuffers::root::<arrow_ipc::Schema<'_>>(&bytes).unwrap())
    }

    #[test]
    fn dictionaries_must_be_numbered_in_order() {
        assert!(checked(&["a", "b"], |_| {}).is_ok());
        // The id 1 is the only number of eight bytes with this value.
        let renumber = |bytes: &mut Vec<u8>| {
            let one = 1i64.to_le_bytes();
            let places: Vec<_> = (0..bytes.len() - 8).step_by(4).filter(|at| bytes[*at..*at + 8] == one).collect();
            places.into_iter().for_each(|at| bytes[at] = 5);
        };
        assert!(checked(&["a", "b"], renumber).unwrap_err().message().contains("numbered"));
    }

    #[test]
    fn runs_come_back_and_half_a_run_is_refused() {
        for runs in [vec![], vec![0..1, 5..u64::MAX]] {
            let numbers = numbers::decode_u64(META_EMPTIED, &print_runs(&runs)).unwrap();
            assert_eq!(parse_runs(&numbers).unwrap(), runs);
        }
        assert!(parse_runs(&[1, 2, 3]).is_err());
    }
}
