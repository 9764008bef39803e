//! What the writer writes, the reader reads: every type of the format, mapped and plain, packed and not.

use super::*;
use crate::format::FragmentId;
use crate::format::notation::{Column, ColumnType};
use crate::storage::Access;
use crate::write::{FileWriter, WriteOptions};
use arrow_array::builder::{Int64Builder, ListBuilder, StringDictionaryBuilder};
use arrow_array::types::Int32Type;
use arrow_array::*;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use std::sync::Arc;

fn schema() -> SchemaRef {
    let columns = [
        ("flag?", "bool"),
        ("text", "text"),
        ("word?", "dict"),
        ("numbers", "list<int64>"),
        ("words", "list<dict>"),
        ("box?", "fixed_size_list<float32, 4>"),
        ("digest", "fixed_size_binary(3)"),
        ("bytes?", "large_binary"),
        ("pair", "struct<a: int8, b?: dict>"),
    ];
    let field = |(name, ty): &(&str, &str)| {
        let column = Column::new(name.trim_end_matches('?'), ColumnType::parse(ty).unwrap(), name.ends_with('?'));
        column.to_field()
    };
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

fn batch(schema: &SchemaRef, from: i64, rows: i64) -> RecordBatch {
    let range = || from..from + rows;
    let item = |ty| Arc::new(Field::new("item", ty, false));
    let mut numbers = ListBuilder::new(Int64Builder::new()).with_field(item(DataType::Int64));
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let mut words = ListBuilder::new(StringDictionaryBuilder::<Int32Type>::new()).with_field(item(dictionary));
    for row in range() {
        (0..row % 4).for_each(|value| numbers.values().append_value(value * row));
        numbers.append(true);
        (0..row % 3).for_each(|value| words.values().append_value(format!("w{}", value + row % 5)));
        words.append(true);
    }
    let word = |row: i64| (row % 5 != 0).then(|| format!("word {}", row % 7));
    let dict = |map: &dyn Fn(i64) -> Option<String>| {
        let mut builder = StringDictionaryBuilder::<Int32Type>::new();
        range().for_each(|row| builder.append_option(map(row)));
        Arc::new(builder.finish()) as ArrayRef
    };
    let boxes = FixedSizeListArray::from_iter_primitive::<types::Float32Type, _, _>(
        range().map(|row| (row % 6 != 1).then(|| [0.0, 0.1, 0.2, row as f32].map(Some))),
        4,
    );
    let DataType::FixedSizeList(field, _) = schema.field(5).data_type() else { panic!() };
    let boxes = FixedSizeListArray::new(field.clone(), 4, boxes.values().clone(), boxes.nulls().cloned());
    let DataType::Struct(fields) = schema.field(8).data_type() else { panic!() };
    let small: Int8Array = range().map(|row| row as i8).collect::<Vec<_>>().into();
    let pair =
        StructArray::new(fields.clone(), vec![Arc::new(small), dict(&|row| Some(format!("b{}", row % 2)))], None);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(range().map(|row| (row % 3 != 0).then_some(row % 2 == 0)).collect::<BooleanArray>()),
        Arc::new(LargeStringArray::from_iter_values(range().map(|row| format!("text · {row}")))),
        dict(&word),
        Arc::new(numbers.finish()),
        Arc::new(words.finish()),
        Arc::new(boxes),
        Arc::new(FixedSizeBinaryArray::try_from_iter(range().map(|row| [row as u8, 1, 2])).unwrap()),
        Arc::new(range().map(|row| (row % 2 == 0).then(|| vec![7u8; row as usize])).collect::<LargeBinaryArray>()),
        Arc::new(pair),
    ];
    RecordBatch::try_new(schema.clone(), columns).unwrap()
}

fn round_trip(options: WriteOptions, access: Access) {
    let dir = tempfile::tempdir().unwrap();
    let schema = schema();
    let batches = [batch(&schema, 0, 10), batch(&schema, 10, 1), batch(&schema, 11, 77).slice(5, 60)];
    let mut writer = FileWriter::create(dir.path(), "000003.arrow", "test", schema.clone(), options).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    let fragments = vec![(FragmentId::new(3).unwrap(), 11), (FragmentId::new(7).unwrap(), 60)];
    let (summary, file) = writer.finish(&fragments, &[]).unwrap();
    file.publish().unwrap();
    let expected =
        Expected { length: summary.length, crc32: summary.crc32, kind: "test", schema, rows: summary.rows, fragments };
    let cache = Arc::new(BatchCache::new(1 << 20));
    let path = dir.path().join("000003.arrow");
    if let Ok(keep) = std::env::var("SURGDB_KEEP_TEST_FILE") {
        std::fs::copy(&path, keep).unwrap();
    }
    let file = DataFile::open(&path, &expected, access, VerifyLevel::Lazy, cache.clone(), false).unwrap();
    for (index, written) in batches.iter().enumerate() {
        let read = file.batch(index).unwrap();
        for column in 0..written.num_columns() {
            assert_eq!(file.column(&read, column).unwrap().to_string_rows(), written.column(column).to_string_rows());
        }
    }
    assert_eq!(file.locate(11).unwrap().1, 0);
    assert!(file.locate(71).is_err());
    drop(file);
    drop(batches);
    if access == Access::Plain || options.compression.is_some() {
        assert!(cache.held() > 0);
    }
}

/// Rows as text: dictionaries are compared by value, whatever their keys.
trait ToStringRows {
    fn to_string_rows(&self) -> Vec<String>;
}

impl ToStringRows for ArrayRef {
    fn to_string_rows(&self) -> Vec<String> {
        (0..self.len()).map(|row| print(self.as_ref(), row)).collect()
    }
}

fn print(array: &dyn Array, row: usize) -> String {
    use arrow_array::cast::AsArray;
    if array.is_null(row) {
        return "null".into();
    }
    match array.data_type() {
        DataType::Dictionary(..) => {
            let array = array.as_dictionary::<Int32Type>();
            array.values().as_string::<i32>().value(array.keys().value(row) as usize).into()
        }
        DataType::List(_) => format!("{:?}", array.as_list::<i32>().value(row).to_string_rows()),
        DataType::Struct(_) => array.as_struct().columns().iter().map(|part| print(part, row)).collect(),
        _ => format!("{:?}", array.slice(row, 1)),
    }
}

#[test]
fn what_is_written_is_read_back_from_a_map() {
    round_trip(WriteOptions::default(), Access::Mapped);
}

#[test]
fn what_is_written_is_read_back_by_plain_reads() {
    round_trip(WriteOptions::default(), Access::Plain);
}

#[test]
fn packed_files_are_read_back() {
    round_trip(WriteOptions { compression: Some(3) }, Access::Mapped);
    round_trip(WriteOptions { compression: Some(3) }, Access::Plain);
}
