//! Everything that a dataset can be asked, held against the model.

use crate::draft::{IDS, SOURCES, id};
use crate::state::{Row, State, Value};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, BinaryViewArray, RecordBatch};
use arrow_schema::DataType;
use surgdb::dataset::Record;
use surgdb::schema::tables::blobs;
use surgdb::schema::views::{self, BatchRow};
use surgdb::{Address, Dataset, ErrorKind, FragmentId, Table};

/// Panics where the dataset and the model differ.
pub fn equal(dataset: &Dataset, state: &State, dice: u64) {
    for table in Table::ALL {
        counts(dataset, state, table);
        scans(dataset, state, table, dice);
        takes(dataset, state, table, dice);
    }
    rows(dataset, state);
    ids(dataset, state);
    relations(dataset, state);
}

fn counts(dataset: &Dataset, state: &State, table: Table) {
    let live = state.addresses(table);
    assert_eq!(dataset.count(table).unwrap(), live.len() as u64);
    assert_eq!(dataset.live_addresses(table).unwrap(), live);
    for (index, address) in live.iter().enumerate() {
        assert_eq!(dataset.address(table, index as u64).unwrap(), *address);
    }
    assert_eq!(dataset.address(table, live.len() as u64).unwrap_err().kind(), ErrorKind::NotFound);
    let schema = dataset.schema(table);
    let mut names: Vec<&str> = schema.fields().iter().skip(table.columns().len()).map(|f| f.name().as_str()).collect();
    names.sort_unstable();
    let added = state.added.keys().filter(|(of, _)| *of == table).map(|(_, name)| *name);
    assert_eq!(names, added.collect::<Vec<_>>());
}

/// The row at an address, as the model has it.
fn owned(dataset: &Dataset, address: Address) -> Row {
    match dataset.get(address).unwrap() {
        Record::Case(case) => Row::Case(case.to_row().unwrap()),
        Record::Video(video) => Row::Video(video.to_row().unwrap()),
        Record::Frame(frame) => Row::Frame(frame.to_row().unwrap()),
        Record::Annotation(annotation) => Row::Annotation(annotation.to_row().unwrap()),
        Record::Conversation(conversation) => Row::Conversation(conversation.to_row().unwrap()),
        Record::Blob(blob) => {
            let bytes = blob.bytes().unwrap().into_owned();
            assert_eq!(blob.size().unwrap(), bytes.len() as i64);
            assert_eq!(blob.crc32().unwrap(), crc32fast::hash(&bytes));
            assert_eq!(blob.digest().unwrap(), *blake3::hash(&bytes).as_bytes());
            Row::Blob { media_type: blob.media_type().unwrap().to_owned(), bytes }
        }
    }
}

fn rows(dataset: &Dataset, state: &State) {
    for (address, row) in &state.rows {
        assert_eq!(owned(dataset, *address), *row, "{address}");
        assert!(dataset.is_live(*address).unwrap());
        assert_eq!(dataset.table_of(*address).unwrap(), row.table());
        for (table, column) in state.added.keys().filter(|(table, _)| *table == row.table()) {
            let row = dataset.row(*address).unwrap();
            let cell = row.named(column).unwrap();
            assert_eq!(value(cell.array, cell.row), state.value(*table, column, *address), "{column} at {address}");
        }
    }
    for (index, (address, row)) in state.of(Table::Conversations).into_iter().enumerate() {
        let conversation = dataset.conversation(index as u64).unwrap();
        assert_eq!(conversation.address(), address);
        assert_eq!(Row::Conversation(conversation.to_row().unwrap()), *row);
    }
    let count = state.of(Table::Conversations).len() as u64;
    assert_eq!(dataset.conversation(count).err().unwrap().kind(), ErrorKind::NotFound);
    for address in state.deleted.keys() {
        assert_eq!(dataset.get(*address).err().unwrap().kind(), ErrorKind::Deleted);
        assert!(!dataset.is_live(*address).unwrap());
    }
    let nowhere = FragmentId::new(999_999).unwrap().address(0);
    let behind = state.rows.keys().next().map(|address| address.fragment().address(1 << 20));
    for address in [Some(nowhere), behind].into_iter().flatten() {
        assert_eq!(dataset.get(address).err().unwrap().kind(), ErrorKind::NotInVersion);
        assert!(!dataset.is_live(address).unwrap());
    }
    for (address, row) in &state.rows {
        let (blob, bytes) = match row {
            Row::Frame(row) => (row.blob, dataset.frame(*address).unwrap().bytes().unwrap()),
            Row::Video(row) => (row.blob, dataset.video(*address).unwrap().bytes().unwrap()),
            _ => continue,
        };
        let wanted = blob.map(|blob| match &state.rows[&blob] {
            Row::Blob { bytes, .. } => bytes.as_slice(),
            row => panic!("{row:?}"),
        });
        assert_eq!(bytes.as_deref(), wanted);
    }
}

fn ids(dataset: &Dataset, state: &State) {
    for table in Table::ALL.into_iter().filter(|table| table.has_ids()) {
        for id in (0..IDS).map(id) {
            let found = SOURCES.map(|source| state.find(table, source, &id));
            for (source, found) in SOURCES.iter().zip(&found) {
                assert_eq!(dataset.find_in(table, source, &id).unwrap(), *found, "{source} {id}");
            }
            match found {
                [Some(_), Some(_)] => assert_eq!(dataset.find(table, &id).unwrap_err().kind(), ErrorKind::Ambiguous),
                [one, other] => assert_eq!(dataset.find(table, &id).unwrap(), one.or(other)),
            }
        }
        assert_eq!(dataset.find(table, "nobody").unwrap(), None);
        assert_eq!(dataset.find_in(table, "nowhere", "id/0").unwrap(), None);
    }
}

fn relations(dataset: &Dataset, state: &State) {
    let about = |to: Address| {
        let rows = state.of(Table::Annotations).into_iter();
        rows.filter(|(_, row)| matches!(row, Row::Annotation(row) if row.target == to)).map(|(at, _)| at).collect()
    };
    let frames = |of: Address| {
        let rows = state.of(Table::Frames).into_iter();
        rows.filter(|(_, row)| matches!(row, Row::Frame(row) if row.video == Some(of))).map(|(at, _)| at).collect()
    };
    for address in state.rows.keys().chain(state.deleted.keys()) {
        let (about, frames): (Vec<_>, Vec<_>) = (about(*address), frames(*address));
        assert_eq!(dataset.annotations_of(*address).unwrap(), about);
        assert_eq!(dataset.frames_of(*address).unwrap(), frames);
    }
}

/// What stands in a cell of an added column.
fn value(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Int64 => Value::Number(array.as_primitive::<Int64Type>().value(row)),
        DataType::LargeUtf8 => Value::Text(array.as_string::<i64>().value(row).to_owned()),
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            let items = items.as_primitive::<Int64Type>().values().iter();
            Value::Refs(items.map(|item| Address::new(*item).unwrap()).collect())
        }
        _ => {
            let words = array.as_dictionary::<Int32Type>();
            Value::Text(words.values().as_string::<i32>().value(words.keys().value(row) as usize).to_owned())
        }
    }
}

/// A row of a batch that has all columns of a table; `bytes` of blobs may be a view.
fn batch_row(table: Table, batch: &RecordBatch, row: usize) -> Row {
    let cells = BatchRow::new(batch, row).unwrap();
    match table {
        Table::Cases => Row::Case(views::Case::new(cells).to_row().unwrap()),
        Table::Videos => Row::Video(views::Video::new(cells).to_row().unwrap()),
        Table::Frames => Row::Frame(views::Frame::new(cells).to_row().unwrap()),
        Table::Annotations => Row::Annotation(views::Annotation::new(cells).to_row().unwrap()),
        Table::Conversations => Row::Conversation(views::Conversation::new(cells).to_row().unwrap()),
        Table::Blobs => {
            let bytes = batch.column(blobs::BYTES);
            let bytes = match bytes.as_any().downcast_ref::<BinaryViewArray>() {
                Some(views) => views.value(row).to_vec(),
                None => bytes.as_binary::<i64>().value(row).to_vec(),
            };
            Row::Blob { media_type: views::Blob::new(cells).media_type().unwrap().to_owned(), bytes }
        }
    }
}

fn check_batch(state: &State, table: Table, batch: &RecordBatch, addresses: &[Address]) {
    assert_eq!(batch.num_rows(), addresses.len());
    for (row, address) in addresses.iter().enumerate() {
        assert_eq!(batch_row(table, batch, row), state.rows[address], "{address}");
        for (_, column) in state.added.keys().filter(|(of, _)| *of == table) {
            let array = batch.column_by_name(column).unwrap();
            assert_eq!(value(array.as_ref(), row), state.value(table, column, *address), "{column} at {address}");
        }
    }
}

fn scans(dataset: &Dataset, state: &State, table: Table, dice: u64) {
    let mut seen = Vec::new();
    for piece in dataset.scan(table).batches() {
        let piece = piece.unwrap();
        let addresses: Vec<_> = (0..piece.batch.num_rows()).map(|row| piece.address(row).unwrap()).collect();
        check_batch(state, table, &piece.batch, &addresses);
        seen.extend(addresses);
    }
    assert_eq!(seen, state.addresses(table));
    // Some columns of the table, in another order; values were checked above.
    let schema = dataset.schema(table);
    let width = schema.fields().len();
    let some = [dice as usize % width, (dice >> 20) as usize % width, width - 1];
    let names = some.map(|at| schema.field(at).name().as_str());
    let names: Vec<_> = names.into_iter().filter(|name| table != Table::Blobs || *name != "bytes").collect();
    let mut seen = Vec::new();
    for piece in dataset.scan(table).columns(names.iter().copied()).unwrap().batches() {
        let piece = piece.unwrap();
        let addresses: Vec<_> = (0..piece.batch.num_rows()).map(|row| piece.address(row).unwrap()).collect();
        assert_eq!(piece.batch.columns(), dataset.take(table, &addresses, &names).unwrap().columns());
        seen.extend(addresses);
    }
    assert_eq!(seen, state.addresses(table));
}

fn takes(dataset: &Dataset, state: &State, table: Table, dice: u64) {
    let live = state.addresses(table);
    let count = if live.is_empty() { 0 } else { dice % 20 };
    let picks = (0..count).map(|at| (dice >> (at % 40)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33);
    let addresses: Vec<_> = picks.map(|pick| live[pick as usize % live.len()]).collect();
    let schema = dataset.schema(table);
    let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let batch = dataset.take(table, &addresses, &names).unwrap();
    check_batch(state, table, &batch, &addresses);
    if let Some((gone, _)) = state.deleted.iter().find(|(_, of)| **of == table) {
        assert_eq!(dataset.take(table, &[*gone], &names).unwrap_err().kind(), ErrorKind::Deleted);
    }
}
