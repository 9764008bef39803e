//! Values as JSON that other languages compare with: floats exactly, bytes as hex.

use super::fixture;
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use serde_json::{Map, Value, json};
use std::path::Path;
use std::sync::Arc;
use surgdb::format::constants::{KIND_COLUMN, KIND_DELETIONS, KIND_INDEX};
use surgdb::format::manifest::{FileEntry, Manifest};
use surgdb::{Column, ColumnType, Dataset, Table};

/// The live rows of a table as a version has them, by address: `address` first, then all columns.
pub fn rows(dataset: &Dataset, table: Table) -> Vec<Value> {
    let mut rows = Vec::new();
    for piece in dataset.scan(table).batches() {
        let piece = piece.unwrap();
        for row in 0..piece.batch.num_rows() {
            let mut object = Map::from_iter([("address".to_owned(), json!(piece.addresses.value(row)))]);
            object.extend(row_object(&piece.batch, row));
            rows.push(Value::Object(object));
        }
    }
    rows
}

/// All data files that a version names: path, and the rows as they stand in the file, deleted ones too.
pub fn files(dataset: &Dataset) -> Vec<(String, Vec<Value>)> {
    let (root, manifest) = (dataset.path(), dataset.manifest());
    let mut files = Vec::new();
    for table in Table::ALL {
        for entry in manifest.files_of(table.name()) {
            files.push(file(root, entry, table.name(), table.schema().clone()));
        }
    }
    for column in &manifest.columns {
        let table = Table::named(&column.table).unwrap();
        let nullable = table.column_index(&column.name).is_none_or(|at| table.columns()[at].nullable);
        let field = Column::new(&column.name, ColumnType::parse(&column.ty).unwrap(), nullable).to_field();
        let schema = Arc::new(Schema::new(vec![field]));
        files.extend(column.files.iter().map(|entry| file(root, entry, KIND_COLUMN, schema.clone())));
    }
    files.extend(runs_and_deletions(root, manifest));
    files
}

fn runs_and_deletions(root: &Path, manifest: &Manifest) -> Vec<(String, Vec<Value>)> {
    let fields = ["key", "address"].map(|name| (name, if name == "key" { DataType::UInt64 } else { DataType::Int64 }));
    let fields = fields.map(|(name, ty)| Field::new(name, ty, false));
    let [key, address] = fields;
    let run = Arc::new(Schema::new(vec![key, address.clone()]));
    let deletions = Arc::new(Schema::new(vec![address]));
    let plain = |path: &str, length, crc32, rows, kind, schema: &SchemaRef| {
        let entry = FileEntry { path: path.to_owned(), length, crc32, fragments: Vec::new() };
        let expected =
            surgdb::read::Expected { length, crc32, kind, schema: schema.clone(), rows, fragments: Vec::new() };
        let cache = Arc::new(surgdb::read::BatchCache::new(1 << 20));
        let (access, level) = (surgdb::Access::Mapped, surgdb::VerifyLevel::Strict);
        let file = surgdb::read::DataFile::open(&root.join(path), &expected, access, level, cache, true).unwrap();
        (entry.path, rows_of(&file))
    };
    let runs =
        manifest.index.iter().map(|entry| plain(&entry.path, entry.length, entry.crc32, entry.rows, KIND_INDEX, &run));
    let gone = manifest
        .deletions
        .iter()
        .map(|entry| plain(&entry.path, entry.length, entry.crc32, entry.rows, KIND_DELETIONS, &deletions));
    runs.chain(gone).collect()
}

fn file(root: &Path, entry: &FileEntry, kind: &'static str, schema: SchemaRef) -> (String, Vec<Value>) {
    let fragments = entry.fragments.iter().map(|part| (part.fragment, part.rows)).collect();
    (entry.path.clone(), rows_of(&fixture::open(root, entry, kind, schema, fragments)))
}

fn rows_of(file: &surgdb::read::DataFile) -> Vec<Value> {
    let batches = (0..file.batches()).map(|index| fixture::batch(file, index));
    batches
        .flat_map(|batch| (0..batch.num_rows()).map(|row| row_object(&batch, row).into()).collect::<Vec<_>>())
        .collect()
}

fn row_object(batch: &RecordBatch, row: usize) -> Map<String, Value> {
    let fields = batch.schema_ref().fields().iter().map(|field| field.name().clone());
    fields.zip(batch.columns().iter().map(|column| value(column.as_ref(), row))).collect()
}

fn value(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    let items = |items: &dyn Array| (0..items.len()).map(|at| value(items, at)).collect::<Vec<_>>().into();
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Int8 => array.as_primitive::<Int8Type>().value(row).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).into(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).into(),
        DataType::Float32 => f64::from(array.as_primitive::<Float32Type>().value(row)).into(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).into(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).into(),
        DataType::LargeBinary => hex(array.as_binary::<i64>().value(row)).into(),
        DataType::FixedSizeBinary(_) => hex(array.as_fixed_size_binary().value(row)).into(),
        DataType::Dictionary(..) => {
            let dictionary = array.as_dictionary::<Int32Type>();
            let key = dictionary.keys().value(row);
            dictionary.values().as_string::<i32>().value(key as usize).into()
        }
        DataType::List(_) => items(array.as_list::<i32>().value(row).as_ref()),
        DataType::FixedSizeList(..) => items(array.as_fixed_size_list().value(row).as_ref()),
        DataType::Struct(fields) => {
            let parts = array.as_struct().columns().iter().map(|part| value(part.as_ref(), row));
            Value::Object(fields.iter().map(|field| field.name().clone()).zip(parts).collect())
        }
        other => panic!("no value of type {other} is in the format"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
