//! A small dataset with everything in it: the samples in several versions, side columns, deletions, files of several
//! fragments.

use super::pictures::grey_png;
use super::samples::{Refer, Samples, frame, meant_by, samples};
use arrow_array::{ArrayRef, Float32Array, Int64Array};
use arrow_array::{DictionaryArray, RecordBatch, types::Int32Type};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use surgdb::dataset::claims::Claims;
use surgdb::dataset::commit::commit;
use surgdb::dataset::{BlobSource, CellUpdate, DeleteOptions, WriterOptions};
use surgdb::format::manifest::{FileEntry, FragmentRows, Import, ImportInput, Source, SourceKind, data_path};
use surgdb::read::{BatchCache, DataFile, Expected};
use surgdb::schema::build::AnnotationsBuilder;
use surgdb::schema::record;
use surgdb::write::{FileWriter, WriteOptions};
use surgdb::{Access, Address, Appender, Column, Dataset, FragmentId, Operation, Table, VerifyLevel};

/// How many frames and conversations go into the first of the two appends.
const FRAMES_FIRST: usize = 9;
const CONVERSATIONS_FIRST: usize = 6;

/// The first append writes batches of few rows, so that small files have several.
fn options(batch_rows: usize, compression: Option<i32>) -> WriterOptions {
    WriterOptions { batch_rows, compression, ..Default::default() }
}

/// Writes the dataset: version 1 is empty, 2 and 3 append, 4 and 5 add and replace columns, 6 deletes, 7 joins the
/// files of frames, the later fragment first, and 8 compacts: columns are folded into base files and deleted rows emptied.
pub fn write(path: &Path, compression: Option<i32>) -> Dataset {
    let mut writer = Writer::new();
    let dataset = writer.create(path, compression);
    let dataset = writer.second_part(dataset.append_with(options(32, compression)).unwrap());
    let dataset = add_split(&dataset);
    let dataset = attach_and_harmonise(&dataset);
    let gone = ["bare", "mark"].map(|id| dataset.find(Table::Conversations, id).unwrap().unwrap());
    let dataset = dataset.delete(gone, DeleteOptions::default()).unwrap();
    let dataset = join_frames(&dataset, compression);
    dataset.compact_with(options(32, compression)).unwrap()
}

/// Writes the versions 1 and 2.
pub fn append(path: &Path, compression: Option<i32>) -> Dataset {
    Writer::new().create(path, compression)
}

/// The name of the row that a symbol stands for, as record digests have it.
fn name_of(rows: &Samples, symbol: Address) -> (&str, &str) {
    let (table, place) = meant_by(symbol);
    match table {
        Table::Cases => (&rows.cases[place].source, &rows.cases[place].id),
        Table::Videos => (&rows.videos[place].source, &rows.videos[place].id),
        Table::Frames => (&rows.frames[place].source, &rows.frames[place].id),
        Table::Annotations => (&rows.annotations[place].source, &rows.annotations[place].id),
        _ => panic!("{table} have no names"),
    }
}

/// Gives each row its record digest, as an importer does.
fn set_records(rows: &mut Samples) {
    let known = samples();
    let names = &mut |symbol: Address, out: &mut Vec<u8>| {
        let (source, id) = name_of(&known, symbol);
        out.extend([source.as_bytes(), &[0], id.as_bytes()].concat());
        Ok(())
    };
    rows.cases.iter_mut().for_each(|row| row.record = Some(record::of_case(row)));
    rows.videos.iter_mut().for_each(|row| row.record = Some(record::of_video(row, names).unwrap()));
    rows.frames.iter_mut().for_each(|row| row.record = Some(record::of_frame(row, names).unwrap()));
    rows.annotations.iter_mut().for_each(|row| row.record = Some(record::of_annotation(row, names).unwrap()));
    rows.conversations.iter_mut().for_each(|row| row.record = Some(record::of_conversation(row, names).unwrap()));
}

struct Writer {
    rows: Samples,
    /// The addresses that symbols stand for.
    real: HashMap<Address, Address>,
}

impl Writer {
    fn new() -> Self {
        let mut rows = samples();
        set_records(&mut rows);
        Self { rows, real: HashMap::new() }
    }

    fn create(&mut self, path: &Path, compression: Option<i32>) -> Dataset {
        let dataset = Dataset::create(path).unwrap();
        self.first_part(dataset.append_with(options(6, compression)).unwrap())
    }

    fn keep(&mut self, table: Table, place: usize, address: Address) {
        self.real.insert(super::samples::symbol(table, place), address);
    }

    fn referring<R: Refer + Clone>(&self, row: &R) -> R {
        let mut row = row.clone();
        row.refer(&mut |symbol| self.real[&symbol]);
        row
    }

    fn first_part(&mut self, mut appender: Appender) -> Dataset {
        for (place, (media_type, bytes)) in self.rows.blobs.clone().iter().enumerate() {
            let blob = appender.blob(BlobSource::Bytes { media_type, bytes }).unwrap();
            self.keep(Table::Blobs, place, blob.address);
        }
        for (place, row) in self.rows.cases.clone().iter().enumerate() {
            let address = appender.case(row).unwrap();
            self.keep(Table::Cases, place, address);
        }
        for (place, row) in self.rows.videos.clone().iter().enumerate() {
            let address = appender.video(&self.referring(row)).unwrap();
            self.keep(Table::Videos, place, address);
        }
        self.frames(&mut appender, 0..FRAMES_FIRST);
        for (place, row) in self.rows.annotations.clone().iter().enumerate() {
            let (address, _) = appender.annotation(&self.referring(row)).unwrap();
            self.keep(Table::Annotations, place, address);
        }
        self.conversations(&mut appender, 0..CONVERSATIONS_FIRST);
        let report = appender.report("import of samples", br#"{"records": 27}"#).unwrap();
        appender.source(source(&report));
        appender.commit(Operation::new("import").with("conversations", CONVERSATIONS_FIRST as u64)).unwrap()
    }

    fn second_part(&mut self, mut appender: Appender) -> Dataset {
        self.frames(&mut appender, FRAMES_FIRST..self.rows.frames.len());
        self.conversations(&mut appender, CONVERSATIONS_FIRST..self.rows.conversations.len());
        appender.commit(Operation::new("append")).unwrap()
    }

    fn frames(&mut self, appender: &mut Appender, places: std::ops::Range<usize>) {
        for place in places {
            let address = appender.frame(&self.referring(&self.rows.frames[place])).unwrap();
            self.keep(Table::Frames, place, address);
        }
    }

    fn conversations(&mut self, appender: &mut Appender, places: std::ops::Range<usize>) {
        for place in places {
            appender.conversation(&self.referring(&self.rows.conversations[place])).unwrap();
        }
    }
}

fn source(report: &str) -> Source {
    let digest = report.trim_start_matches("reports/").trim_end_matches(".json").to_owned();
    Source {
        id: "samples".into(),
        title: Some("One sample of everything".into()),
        kind: Some(SourceKind::Open),
        licence: Some("CC0-1.0".into()),
        imports: vec![Import {
            importer: "test".into(),
            inputs: vec![ImportInput { path: Some("samples.rs".into()), digest, bytes: 15 }],
            counts_in: BTreeMap::from([("records".into(), 27)]),
            counts_out: BTreeMap::from([("conversations".into(), 28)]),
            report: Some(report.to_owned()),
            time: "1970-01-01T00:00:00Z".into(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn add_split(dataset: &Dataset) -> Dataset {
    let rows = dataset.live_addresses(Table::Conversations).unwrap().len();
    let words = (0..rows).map(|row| [Some("train"), Some("test"), None][row % 3]);
    let split: DictionaryArray<Int32Type> = words.collect();
    let column = Column::parse("split?: dict").unwrap();
    dataset.add_column(Table::Conversations, column, Arc::new(split)).unwrap()
}

/// The missing picture turns up; a label gets its canonical name; two frames of one fragment get a score.
fn attach_and_harmonise(dataset: &Dataset) -> Dataset {
    let mut appender = dataset.append().unwrap();
    let bytes = grey_png(4, 3, 8, 77);
    let blob = appender.blob(BlobSource::Bytes { media_type: "image/png", bytes: &bytes }).unwrap();
    let frame_at = |place: usize| dataset.find(Table::Frames, &samples().frames[place].id).unwrap().unwrap();
    let mut frames = |column: &str, places: &[usize], values: ArrayRef| {
        let addresses = places.iter().map(|place| frame_at(*place)).collect();
        let column = Column::parse(column).unwrap();
        appender.update(CellUpdate::new(Table::Frames, column, addresses, values)).unwrap();
    };
    frames("blob?: ref", &[frame::MISSING], Arc::new(Int64Array::from(vec![blob.address.get()])));
    frames("width?: int32", &[frame::MISSING], Arc::new(arrow_array::Int32Array::from(vec![4])));
    frames("height?: int32", &[frame::MISSING], Arc::new(arrow_array::Int32Array::from(vec![3])));
    frames("score?: float32", &[frame::FIRST, frame::MASK], Arc::new(Float32Array::from(vec![0.1, -1e-30])));
    frames("quality/näher?: text", &[frame::NEXT], Arc::new(arrow_array::LargeStringArray::from(vec!["scharf"])));
    appender.update(labels_of(dataset)).unwrap();
    appender.commit(Operation::new("harmonise")).unwrap()
}

/// The labels of the second annotation, with the canonical name.
fn labels_of(dataset: &Dataset) -> CellUpdate {
    let row = &samples().annotations[1];
    let address = dataset.find(Table::Annotations, &row.id).unwrap().unwrap();
    let mut row = row.clone();
    row.labels[0].label = Some("calot_triangle_dissection".into());
    row.target = address;
    let mut builder = AnnotationsBuilder::new();
    builder.push(&row).unwrap();
    let batch = builder.finish().unwrap();
    let at = Table::Annotations.column_index("labels").unwrap();
    let column = Table::Annotations.columns()[at].clone();
    CellUpdate::new(Table::Annotations, column, vec![address], batch.column(at).clone())
}

fn join_frames(dataset: &Dataset, compression: Option<i32>) -> Dataset {
    let (root, table) = (dataset.path(), Table::Frames);
    let mut claims = Claims::new(root).unwrap();
    let number = claims.take().unwrap();
    let path = data_path(table.name(), number);
    let (folder, name) = (root.join(table.name()), path.rsplit('/').next().unwrap());
    let schema = table.schema().clone();
    let mut writer = FileWriter::create(&folder, name, table.name(), schema, WriteOptions { compression }).unwrap();
    let mut parts: Vec<FragmentRows> = Vec::new();
    for entry in dataset.manifest().files_of(table.name()).iter().rev() {
        read_batches(root, table, entry).iter().for_each(|batch| writer.write(batch).unwrap());
        parts.extend(&entry.fragments);
    }
    let fragments: Vec<_> = parts.iter().map(|part| (part.fragment, part.rows)).collect();
    let (summary, file) = writer.finish(&fragments, &[]).unwrap();
    claims.publish(number, file).unwrap();
    let entry = FileEntry { path, length: summary.length, crc32: summary.crc32, fragments: parts };
    commit(root, &mut claims, |base, _| {
        let mut next = base.clone();
        next.operation = Operation::new("join");
        next.tags.insert("before".into(), 3);
        next.files.insert(table.name().to_owned(), vec![entry.clone()]);
        Ok(next)
    })
    .unwrap();
    Dataset::open(root).unwrap()
}

fn read_batches(root: &Path, table: Table, entry: &FileEntry) -> Vec<RecordBatch> {
    let fragments = entry.fragments.iter().map(|part| (part.fragment, part.rows)).collect();
    let file = open(root, entry, table.name(), table.schema().clone(), fragments);
    (0..file.batches()).map(|index| batch(&file, index)).collect()
}

/// Opens a file of a dataset by itself.
pub fn open(
    root: &Path,
    entry: &FileEntry,
    kind: &'static str,
    schema: arrow_schema::SchemaRef,
    fragments: Vec<(FragmentId, u32)>,
) -> DataFile {
    let (length, crc32, rows) = (entry.length, entry.crc32, entry.rows());
    let expected = Expected { length, crc32, kind, schema, rows, fragments };
    let cache = Arc::new(BatchCache::new(1 << 20));
    DataFile::open(&root.join(&entry.path), &expected, Access::Mapped, VerifyLevel::Strict, cache, true).unwrap()
}

/// A batch of a file with all its columns.
pub fn batch(file: &DataFile, index: usize) -> RecordBatch {
    let batch = file.batch(index).unwrap();
    let columns = (0..file.footer().schema.fields().len()).map(|at| file.column(&batch, at).unwrap().clone());
    RecordBatch::try_new(file.footer().schema.clone(), columns.collect()).unwrap()
}
