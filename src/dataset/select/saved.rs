//! A selection as a file of addresses alone: one Arrow file, with what was selected in its schema's metadata.

use super::selection::{About, Builder, Selection};
use crate::dataset::around::refuse_inside;
use crate::error::{Error, Result};
use crate::format::Address;
use crate::format::constants::{KIND_SELECTION, META_SELECTION, TAIL_LEN};
use crate::format::footer::{Footer, footer_len};
use crate::read::{BatchCache, DataFile, Expected, VerifyLevel};
use crate::schema::tables::Table;
use crate::storage::{Access, FileBytes};
use crate::write::{FileWriter, WriteOptions};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Addresses of a batch.
const BATCH_ROWS: usize = 1 << 16;

/// What the file says besides the addresses.
#[derive(Serialize, Deserialize)]
struct Said {
    dataset: String,
    version: u64,
    table: String,
    condition: String,
    /// Of all that the file says, addresses included: nothing else would tell a changed version from the right one.
    crc32: u32,
}

impl Selection {
    /// Writes the selection to a new file: an Arrow file with one column, `address: int64`.
    ///
    /// # Errors
    /// `Exists` when there is such a file, or it would lie in a dataset; `Io`.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| Error::invalid("a selection is saved to a file with a name").in_file(path))?;
        let dir = match path.parent() {
            Some(dir) if dir != Path::new("") => dir,
            _ => Path::new("."),
        };
        refuse_inside(path)?;
        let said = Said {
            dataset: self.about.dataset.clone(),
            version: self.about.version,
            table: self.about.table.name().to_owned(),
            condition: self.about.condition.clone(),
            crc32: self.checksum(),
        };
        let said = serde_json::to_string(&said).map_err(|error| Error::invalid(error.to_string()))?;
        let metadata = HashMap::from([(META_SELECTION.to_owned(), said)]);
        let field = Field::new("address", DataType::Int64, false);
        let schema = Arc::new(Schema::new_with_metadata(vec![field], metadata));
        let mut file = FileWriter::create(dir, name, KIND_SELECTION, schema.clone(), WriteOptions::default())?;
        let mut addresses = self.iter().map(Address::get).peekable();
        while addresses.peek().is_some() {
            let values: Int64Array = addresses.by_ref().take(BATCH_ROWS).collect::<Vec<_>>().into();
            file.write(&RecordBatch::try_new(schema.clone(), vec![Arc::new(values)])?)?;
        }
        file.finish(&[], &[])?.1.publish()
    }

    /// Reads a selection that was saved. Whether its rows are still there, [`Selection::check`] says.
    ///
    /// # Errors
    /// `NotFound`, `Io`; `Corrupt` when the file is damaged; `Unsupported` when it is of another format.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        load(path).map_err(|error| if error.file().is_none() { error.in_file(path) } else { error })
    }

    /// Covers what the file says beside the segments that have checksums of their own.
    fn checksum(&self) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        let about = &self.about;
        for text in [&about.dataset, &about.version.to_string(), about.table.name(), &about.condition] {
            hasher.update(text.as_bytes());
            hasher.update(&[0]);
        }
        self.iter().for_each(|address| hasher.update(&address.get().to_le_bytes()));
        hasher.finalize()
    }
}

fn load(path: &Path) -> Result<Selection> {
    let damaged = |what: &str| Error::corrupt(format!("the selection is damaged: {what}; make it anew"));
    let expected = expected(path)?;
    let cache = Arc::new(BatchCache::new(0));
    let file = DataFile::open(path, &expected, Access::Mapped, VerifyLevel::Lazy, cache, true)?;
    let said = file.footer().schema.metadata().get(META_SELECTION);
    let said = said.ok_or_else(|| damaged(&format!("it has no `{META_SELECTION}`")))?;
    let said: Said = serde_json::from_str(said).map_err(|error| damaged(&error.to_string()))?;
    let table = Table::named(&said.table).map_err(|error| damaged(error.message()))?;
    let about = About { dataset: said.dataset, version: said.version, table, condition: said.condition };
    let mut builder = Builder::new(about);
    let mut last = 0;
    for index in 0..file.batches() {
        for value in file.column(file.pinned(index)?, 0)?.as_primitive::<Int64Type>().values() {
            let address = Address::new(*value).map_err(|error| damaged(error.message()))?;
            if *value <= last {
                return Err(damaged("its addresses do not ascend"));
            }
            last = *value;
            builder.push(address.fragment(), address.row(), 1);
        }
    }
    let selection = builder.finish();
    match said.crc32 == selection.checksum() {
        true => Ok(selection),
        false => Err(damaged("its checksum does not match")),
    }
}

/// What no manifest says of the file, from its own footer.
fn expected(path: &Path) -> Result<Expected> {
    let bytes = FileBytes::open(path, Access::Mapped)?;
    let length = bytes.len();
    let tail = bytes.range(length.saturating_sub(TAIL_LEN)..length)?;
    let footer = bytes.range(length - footer_len(&tail, length)?..length)?;
    let crc32 = crc32fast::hash(&footer);
    let footer = Footer::decode(&footer, length)?;
    let is_selection = footer.kind == KIND_SELECTION
        && footer.schema.fields().len() == 1
        && footer.schema.field(0).data_type() == &DataType::Int64
        && !footer.schema.field(0).is_nullable();
    if !is_selection {
        return Err(Error::input(format!("it holds no selection but `{}`", footer.kind)));
    }
    let rows = footer.rows();
    Ok(Expected { length, crc32, kind: KIND_SELECTION, schema: footer.schema, rows, fragments: Vec::new() })
}
