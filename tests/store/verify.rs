//! Verifying: each thing that can be wrong with a dataset is found, and said with its place.

use crate::common::damage::{Pristine, manifest_path, resealed_manifest};
use crate::common::samples::samples;
use crate::common::small::{Profile, build, png};
use crate::common::stored::stored;
use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, DictionaryArray, FixedSizeListArray, Int32Array, Int64Array, LargeStringArray, ListArray,
    RecordBatch, StructArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Schema};
use std::path::PathBuf;
use std::sync::Arc;
use surgdb::dataset::claims::Claims;
use surgdb::dataset::commit::commit;
use surgdb::dataset::{BlobSource, DeleteOptions, VerifyReport, versions};
use surgdb::export::{ExportFormat, ExportOptions, export};
use surgdb::format::manifest::{FileEntry, FragmentRows, Manifest, SideColumn, Tombstone, data_path, version_path};
use surgdb::rows::{ConversationRow, FrameRow, MediumRow, TurnRow, VideoRow};
use surgdb::schema::build::CasesBuilder;
use surgdb::write::{FileWriter, WriteOptions};
use surgdb::{Column, Dataset, ErrorKind, FragmentId, Operation, Table};

struct Small {
    _dir: tempfile::TempDir,
    root: PathBuf,
}

impl Small {
    fn new(profile: Profile) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("d.surgdb");
        build(&root, profile).unwrap();
        Self { _dir: dir, root }
    }

    fn verify(&self) -> VerifyReport {
        Dataset::open(&self.root).unwrap().verify(&mut |_, _| {}).unwrap()
    }

    /// Makes a version whose manifest is what `change` makes of the newest.
    fn commit(&self, mut change: impl FnMut(&mut Manifest)) {
        self.commit_with(|manifest, _| change(manifest));
    }

    /// As `commit`; `change` may take numbers for files.
    fn commit_with(&self, mut change: impl FnMut(&mut Manifest, &mut Claims)) {
        let mut claims = Claims::new(&self.root).unwrap();
        let build = |base: &Manifest, claims: &mut Claims| {
            let mut next = base.clone();
            change(&mut next, claims);
            Ok(next)
        };
        commit(&self.root, &mut claims, build).unwrap();
    }

    /// Makes a version in which a column's cells of a whole fragment are these, whatever they are: no writer of the crate
    /// would do so.
    fn replace(&self, table: Table, column: &str, fragment: FragmentId, values: ArrayRef) {
        let column = Column::parse(column).unwrap();
        let schema = Arc::new(Schema::new(vec![column.to_field()]));
        let rows = values.len() as u32;
        self.commit_with(|manifest, claims| {
            let number = claims.take().unwrap();
            let path = data_path("columns", number);
            let (folder, name) = path.split_once('/').unwrap();
            let options = WriteOptions::default();
            let mut writer =
                FileWriter::create(&self.root.join(folder), name, "column", schema.clone(), options).unwrap();
            writer.write(&RecordBatch::try_new(schema.clone(), vec![values.clone()]).unwrap()).unwrap();
            let (summary, file) = writer.finish(&[(fragment, rows)], &[]).unwrap();
            claims.publish(number, file).unwrap();
            let fragments = vec![FragmentRows { fragment, rows }];
            let entry = FileEntry { path: path.clone(), length: summary.length, crc32: summary.crc32, fragments };
            let same = |side: &&mut SideColumn| side.table == table.name() && side.name == column.name;
            match manifest.columns.iter_mut().find(same) {
                Some(side) => side.files.push(entry),
                None => manifest.columns.push(SideColumn {
                    table: table.name().into(),
                    name: column.name.clone(),
                    ty: column.ty.to_string(),
                    replaces: true,
                    files: vec![entry],
                }),
            }
        });
    }

    /// The faults say all of this, and each of them one of it.
    fn says(&self, words: &[&str]) {
        let report = self.verify();
        let faults: Vec<_> = report.faults.iter().map(ToString::to_string).collect();
        assert_eq!(report.fault_count as usize, faults.len());
        for words in words {
            assert!(faults.iter().any(|fault| fault.contains(words)), "no fault says {words:?}: {faults:#?}");
        }
        let said = |fault: &String| words.iter().any(|words| fault.contains(words));
        assert!(faults.iter().all(said), "{faults:#?} say more than {words:?}");
    }
}

#[test]
fn rows_that_no_index_run_has_are_found() {
    let small = Small::new(Profile::Train);
    small.commit(|manifest| manifest.index.retain(|run| run.kind != "videos.id" && run.kind != "frames.video"));
    small.says(&["the index videos.id: the row is not in it", "the index frames.video: the row is not in it"]);
    assert_eq!(small.verify().fault_count, 1 + 3);
}

#[test]
fn entries_that_lead_elsewhere_are_found() {
    let small = Small::new(Profile::Train);
    small.commit(|manifest| {
        manifest.index.iter_mut().filter(|run| run.kind == "cases.id").for_each(|run| run.kind = "videos.id".into());
    });
    small.says(&["the index cases.id: the row is not in it", "which is no row of videos"]);
}

#[test]
fn entries_under_another_key_and_entries_that_come_twice_are_found() {
    let small = Small::new(Profile::Train);
    small.commit_with(|manifest, claims| {
        for kind in ["annotations.target", "annotations.id"] {
            let mut run = manifest.index.iter().find(|run| run.kind == kind).unwrap().clone();
            let from = small.root.join(&run.path);
            run.kind = "annotations.target".into();
            run.path = data_path("index", claims.take().unwrap());
            std::fs::copy(from, small.root.join(&run.path)).unwrap();
            manifest.index.push(run);
        }
    });
    small.says(&["twice", "which has another key"]);
}

#[test]
fn addresses_that_lead_nowhere_are_found() {
    let small = Small::new(Profile::Train);
    small.commit(|manifest| drop(manifest.files.remove("cases")));
    small.says(&["`case` refers to", "which is no row of cases"]);
    let faults = small.verify().faults;
    let of_video = faults.iter().filter(|fault| fault.to_string().contains(".arrow, video ")).count();
    let of_conversations = faults.iter().filter(|fault| fault.to_string().contains(".arrow, conversation ")).count();
    assert_eq!((of_video, of_conversations), (1, 2), "{faults:#?}");
}

#[test]
fn addresses_of_deleted_rows_are_found() {
    let small = Small::new(Profile::Train);
    // The deletions of annotations are brought back, those of conversations stay: nothing refers to what is not there.
    small.commit(|manifest| manifest.deletions.retain(|file| file.table == "conversations"));
    assert!(small.verify().is_sound());
    // The conversation that showed the deleted annotation comes back.
    let small = Small::new(Profile::Train);
    small.commit(|manifest| manifest.deletions.retain(|file| file.table == "annotations"));
    small.says(&["which is no live row"]);
}

#[test]
fn emptied_rows_that_are_not_deleted_are_found() {
    let small = Small::new(Profile::Compacted);
    small.commit(|manifest| manifest.deletions.clear());
    let faults = small.verify().faults;
    let emptied = faults.iter().filter(|fault| fault.message().contains("was emptied, and is not deleted")).count();
    assert_eq!(emptied, 3, "{faults:#?}");
}

#[test]
fn sources_tags_and_reports_that_are_not_there_are_found() {
    let small = Small::new(Profile::Train);
    let report = Dataset::open(&small.root).unwrap().manifest().reports[0].path.clone();
    small.commit(|manifest| {
        manifest.sources.retain(|source| source.id != "two");
        manifest.tags.insert("paper".into(), 2);
    });
    std::fs::write(small.root.join(version_path(2)), Tombstone { version: 2 }.encode()).unwrap();
    std::fs::write(small.root.join(report), "{\"skipped\": 1}").unwrap();
    small.says(&["its source \"two\" is not in the manifest", "the tag \"paper\"", "its name is the digest of"]);
}

#[test]
fn damaged_and_missing_manifests_of_other_versions_are_found() {
    let small = Small::new(Profile::Train);
    std::fs::remove_file(small.root.join(version_path(3))).unwrap();
    std::fs::write(small.root.join(version_path(1)), "{}").unwrap();
    small.says(&["the manifest is gone, though newer ones are there", "this is no version file"]);
}

#[test]
fn manifests_that_are_gone_in_a_row_are_named_and_no_file_is_called_left_over() {
    let small = Small::new(Profile::Train);
    for version in [2, 3] {
        std::fs::remove_file(small.root.join(version_path(version))).unwrap();
    }
    small.says(&["the manifests of versions 2 to 3 are gone"]);
    let report = Dataset::open(&small.root).unwrap().verify(&mut |_, _| {}).unwrap();
    assert!(report.notes.iter().all(|note| !note.contains("no version names it")), "{:?}", report.notes);
}

#[test]
fn files_that_no_version_names_are_noted_and_no_fault() {
    let small = Small::new(Profile::Train);
    std::fs::write(small.root.join("frames/000999.arrow"), "left").unwrap();
    std::fs::write(small.root.join("blobs/.000998.arrow.aa.tmp"), "left").unwrap();
    let report = small.verify();
    assert!(report.is_sound());
    assert_eq!(report.notes.len(), 2, "{:?}", report.notes);
}

#[test]
fn a_picture_of_another_size_is_found() {
    let small = Small::new(Profile::Train);
    let mut appender = Dataset::open(&small.root).unwrap().append().unwrap();
    let bytes = png(30, 20, 99);
    let blob = appender.blob(BlobSource::Bytes { media_type: "image/png", bytes: &bytes }).unwrap();
    let row = FrameRow {
        id: "wrong".into(),
        source: "one".into(),
        kind: "rgb".into(),
        blob: Some(blob.address),
        width: Some(30),
        height: Some(20),
        ..Default::default()
    };
    let frame = appender.frame(&row).unwrap();
    appender.commit(Operation::new("append")).unwrap();
    assert!(small.verify().is_sound());
    small.replace(Table::Frames, "height?: int32", frame.fragment(), Arc::new(Int32Array::from(vec![21])));
    small.says(&["it says 30×21 pixels, and its picture is 30×20"]);
}

#[test]
fn a_linked_file_that_changed_is_found_where_something_shows_it_and_else_noted() {
    let small = Small::new(Profile::Train);
    let linked = small.root.with_extension("a b%20#ö?.mp4");
    std::fs::write(&linked, "a video").unwrap();
    let mut appender = Dataset::open(&small.root).unwrap().append().unwrap();
    let blob = appender.blob(BlobSource::Linked { media_type: "video/mp4", path: &linked }).unwrap().address;
    let video = VideoRow { id: "linked".into(), source: "one".into(), blob: Some(blob), ..Default::default() };
    let video = appender.video(&video).unwrap();
    let dataset = appender.commit(Operation::new("append")).unwrap();
    assert!(small.verify().is_sound());
    std::fs::write(&linked, "b video").unwrap();
    small.says(&["has changed since it was linked"]);
    std::fs::remove_file(&linked).unwrap();
    let report = small.verify();
    assert_eq!(report.faults[0].kind(), ErrorKind::LinkBroken);
    assert_eq!((report.fault_count, report.faults[0].file()), (1, Some(linked.as_path())));
    dataset.delete([video], DeleteOptions::default()).unwrap();
    let report = small.verify();
    assert!(report.is_sound(), "{:?}", report.faults);
    assert!(report.notes[0].contains(&format!("surgdb delete DATASET {blob}")), "{:?}", report.notes);
}

#[test]
fn a_linked_picture_of_another_size_is_found() {
    let small = Small::new(Profile::Train);
    let linked = small.root.with_extension("png");
    std::fs::write(&linked, png(30, 20, 99)).unwrap();
    let mut appender = Dataset::open(&small.root).unwrap().append().unwrap();
    let blob = appender.blob(BlobSource::Linked { media_type: "image/png", path: &linked }).unwrap().address;
    let row = FrameRow {
        id: "linked".into(),
        source: "one".into(),
        kind: "rgb".into(),
        blob: Some(blob),
        width: Some(30),
        height: Some(20),
        ..Default::default()
    };
    let frame = appender.frame(&row).unwrap();
    appender.commit(Operation::new("append")).unwrap();
    let report = small.verify();
    assert!(report.is_sound() && report.notes.is_empty(), "{:?}", report.notes);
    small.replace(Table::Frames, "width?: int32", frame.fragment(), Arc::new(Int32Array::from(vec![31])));
    small.says(&["it says 31×20 pixels, and its picture is 30×20"]);
}

#[test]
fn a_row_that_would_not_be_written_is_found() {
    let small = Small::new(Profile::Train);
    let dataset = Dataset::open(&small.root).unwrap();
    let frame = dataset.find(Table::Frames, "mask").unwrap().unwrap();
    let mut fragments = dataset.manifest().fragments_of("frames");
    let (fragment, rows) = fragments.find(|(fragment, _)| *fragment == frame.fragment()).unwrap();
    let mut values = StringDictionaryBuilder::<Int32Type>::new();
    (0..rows).for_each(|_| values.append_value(""));
    small.replace(Table::Frames, "kind: dict", fragment, Arc::new(values.finish()));
    small.says(&["kind: it is empty"]);
}

#[test]
fn ids_that_stand_twice_are_found() {
    let small = Small::new(Profile::Train);
    let dataset = Dataset::open(&small.root).unwrap();
    let case = dataset.find(Table::Cases, "case").unwrap().unwrap();
    let mut rows = CasesBuilder::new();
    rows.push(&dataset.case(case).unwrap().to_row().unwrap()).unwrap();
    let mut claims = Claims::new(&small.root).unwrap();
    let fragment = FragmentId::new(claims.take().unwrap()).unwrap();
    let path = data_path("cases", fragment.get());
    let (folder, name) = path.split_once('/').unwrap();
    let schema = Table::Cases.schema().clone();
    let mut writer =
        FileWriter::create(&small.root.join(folder), name, "cases", schema, WriteOptions::default()).unwrap();
    writer.write(&rows.finish().unwrap()).unwrap();
    let (summary, file) = writer.finish(&[(fragment, 1)], &[]).unwrap();
    claims.publish(fragment.get(), file).unwrap();
    let fragments = vec![FragmentRows { fragment, rows: 1 }];
    let entry = FileEntry { path, length: summary.length, crc32: summary.crc32, fragments };
    let build = |base: &Manifest, _: &mut Claims| {
        let mut next = base.clone();
        next.files.get_mut("cases").unwrap().push(entry.clone());
        Ok(next)
    };
    commit(&small.root, &mut claims, build).unwrap();
    small.says(&["it has the source and id of", "the row is not in it"]);
}

#[test]
fn a_file_that_is_gone_is_found_once_and_the_rest_is_still_checked() {
    let small = Small::new(Profile::Train);
    let files = Dataset::open(&small.root).unwrap().manifest().files["annotations"].clone();
    std::fs::remove_file(small.root.join(&files[0].path)).unwrap();
    let path = small.root.join(&files[1].path);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[3] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    small.says(&["the file is not there any more, though the newest version needs it", "the checksum of the head"]);
    assert_eq!(small.verify().fault_count, 2);
}

#[test]
fn a_damaged_file_that_only_an_older_version_names_is_found() {
    let small = Small::new(Profile::Train);
    let old = Dataset::open(&small.root).unwrap();
    let frame = old.address(Table::Frames, 0).unwrap();
    let hidden = old.delete([frame], DeleteOptions { cascade: true, ..Default::default() }).unwrap();
    let mut all = Vec::new();
    for number in 1..=hidden.version() {
        let manifest = versions::read(&small.root, number).unwrap();
        all.extend(manifest.paths().map(str::to_owned).collect::<Vec<_>>());
    }
    let here: Vec<&str> = hidden.manifest().paths().collect();
    let only_old = all.iter().find(|path| !here.contains(&path.as_str())).expect("a file that was replaced since");
    let path = small.root.join(only_old);
    let sound = small.verify();
    assert!(sound.is_sound());
    let this = hidden.verify_this_version(&mut |_, _| {}).unwrap();
    assert!(sound.files > this.files && sound.bytes > this.bytes);

    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    small.says(&[only_old]);
    assert!(hidden.verify_this_version(&mut |_, _| {}).unwrap().is_sound());
    std::fs::remove_file(&path).unwrap();
    small.says(&[only_old]);
}

#[test]
fn conversations_that_do_not_hold_together_are_not_exported() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("d.surgdb");
    let dataset = stored(&root, samples());
    let part = dataset.manifest().files["conversations"][0].fragments[0];
    let rows: Vec<_> = (0..part.rows).rev().map(|row| part.fragment.address(row)).collect();
    // Each conversation gets the turns of another one: its media stand where no placeholder is.
    let turns = dataset.take(Table::Conversations, &rows, &["turns"]).unwrap().column(0).clone();
    let column = Table::Conversations.columns().iter().find(|column| column.name == "turns").unwrap();
    let column = format!("turns: {}", column.ty);
    let small = Small { _dir: dir, root };
    small.replace(Table::Conversations, &column, part.fragment, turns);
    assert!(!small.verify().is_sound());
    let dataset = Dataset::open(&small.root).unwrap();
    use ExportFormat::{Hf, Llava, Messages, Parquet, WebDataset};
    for (number, format) in [Llava, Messages, WebDataset, Hf, Parquet].into_iter().enumerate() {
        let options = ExportOptions { format, ..ExportOptions::default() };
        let out = small._dir.path().join(format!("out{number}"));
        let error = export(&dataset, out, &options, &mut |_| Ok(())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        let row = format!("conversation {}:", part.fragment);
        assert!(error.to_string().contains(&row) && error.to_string().contains("surgdb verify"), "{error}");
        assert!(error.file().is_some());
    }
}

#[test]
fn annotations_that_do_not_hold_together_are_not_exported() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("d.surgdb");
    let dataset = stored(&root, samples());
    let part = dataset.manifest().files["annotations"][0].fragments[0];
    let small = Small { _dir: dir, root };
    let ends: ArrayRef = Arc::new(arrow_array::Float64Array::from(vec![f64::NAN; part.rows as usize]));
    small.replace(Table::Annotations, "end?: float64", part.fragment, ends);
    let dataset = Dataset::open(&small.root).unwrap();
    for format in [ExportFormat::Parquet, ExportFormat::Coco] {
        let options = ExportOptions { format, ..ExportOptions::default() };
        let error = export(&dataset, small._dir.path().join("out"), &options, &mut |_| Ok(())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        let row = format!("annotation {}:", part.fragment);
        assert!(error.to_string().contains(&row) && error.to_string().contains("surgdb verify"), "{error}");
    }
}

#[test]
fn bytes_under_a_null_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let linked = dir.path().join("a.mp4");
    std::fs::write(&linked, "a video").unwrap();
    let root = dir.path().join("d.surgdb");
    let mut appender = Dataset::create(&root).unwrap().append().unwrap();
    appender.blob(BlobSource::Linked { media_type: "video/mp4", path: &linked }).unwrap();
    let blob = appender.blob(BlobSource::Bytes { media_type: "image/png", bytes: b"a picture" }).unwrap();
    let dataset = appender.commit(Operation::new("append")).unwrap();
    let file = Pristine::read(&root, &dataset.manifest().files["blobs"][0].path);
    // `uri` is null where `bytes` is not. The row with bytes becomes the null, so that there are as many as before.
    let validities = file.buffers.iter().filter(|buffer| buffer.end - buffer.start == 1);
    let mut of_bytes = validities.map(|buffer| buffer.start as usize).filter(|at| file.bytes[*at] == 0b10);
    let at = of_bytes.next().unwrap();
    let bytes = file.with(at, &[0b01]);
    std::fs::write(&file.path, &bytes).unwrap();
    std::fs::write(manifest_path(&dataset), resealed_manifest(dataset.manifest(), &file.name, &bytes)).unwrap();
    let small = Small { _dir: dir, root };
    let faults = small.verify().faults;
    assert!(faults.iter().any(|fault| fault.message().contains("bytes under a null")), "{faults:?}");
    let error = Dataset::open(&small.root).unwrap().blob(blob.address).and_then(|blob| blob.bytes().map(drop));
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Corrupt);
}

/// `values`, with nulls laid over them as Arrow's kernels do: what stood there still does.
fn hidden<T: From<arrow_data::ArrayData>>(values: &dyn Array, shown: Vec<bool>) -> T {
    let data = values.to_data().into_builder().nulls(Some(NullBuffer::from(shown)));
    data.build().unwrap().into()
}

#[test]
fn what_stands_under_nulls_is_not_written() {
    let (_dir, mut dataset) = two_frames();
    let shown = || vec![true, false];
    let text = LargeStringArray::from(vec!["seen", "SECRET-1"]);
    let words: DictionaryArray<Int32Type> = ["seen", "SECRET-2"].into_iter().collect();
    let item = |ty| Arc::new(Field::new("item", ty, false));
    let lists = ListArray::new(
        item(DataType::LargeUtf8),
        OffsetBuffer::from_lengths([1, 2]),
        Arc::new(LargeStringArray::from(vec!["seen", "SECRET-3", "SECRET-4"])),
        None,
    );
    let part = |name: &str, ty| Field::new(name, ty, false);
    let parts = vec![part("a", DataType::LargeUtf8), part("b", words.data_type().clone())];
    let texts: ArrayRef = Arc::new(LargeStringArray::from(vec!["seen", "SECRET-5"]));
    let names: DictionaryArray<Int32Type> = ["seen", "SECRET-6"].into_iter().collect();
    let structs = StructArray::new(parts.into(), vec![texts, Arc::new(names)], None);
    let four = Int64Array::from(vec![1, 2, i64::from_le_bytes(*b"SECRET-7"), 4]);
    let fixed = FixedSizeListArray::new(item(DataType::Int64), 2, Arc::new(four), None);
    let columns: [(&str, ArrayRef); 5] = [
        ("a?: text", Arc::new(hidden::<LargeStringArray>(&text, shown()))),
        ("b?: dict", Arc::new(hidden::<DictionaryArray<Int32Type>>(&words, shown()))),
        ("c?: list<text>", Arc::new(hidden::<ListArray>(&lists, shown()))),
        ("d?: struct<a: text, b: dict>", Arc::new(hidden::<StructArray>(&structs, shown()))),
        ("e?: fixed_size_list<int64, 2>", Arc::new(hidden::<FixedSizeListArray>(&fixed, shown()))),
    ];
    for (column, values) in columns {
        dataset = dataset.add_column(Table::Frames, Column::parse(column).unwrap(), values).unwrap();
    }
    let report = dataset.verify(&mut |_, _| {}).unwrap();
    assert!(report.is_sound(), "{:#?}", report.faults);
    for file in dataset.manifest().columns.iter().flat_map(|column| &column.files) {
        let bytes = std::fs::read(dataset.path().join(&file.path)).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"SECRET"), "{}", file.path);
    }
    let found = dataset.take(Table::Frames, &dataset.live_addresses(Table::Frames).unwrap(), &["a", "d"]).unwrap();
    assert_eq!(found.column(0).as_string::<i64>().iter().collect::<Vec<_>>(), [Some("seen"), None]);
    assert_eq!(found.column(1).null_count(), 1);
}

#[test]
fn bytes_that_a_null_hides_and_names_that_no_row_has_are_found() {
    let text: ArrayRef = Arc::new(LargeStringArray::from(vec![Some("SECRET"), None]));
    let words: DictionaryArray<Int32Type> = ["seen", "SECRET"].into_iter().collect();
    let lists = ListArray::new(
        Arc::new(Field::new("item", DataType::Int64, false)),
        OffsetBuffer::from_lengths([1, 0]),
        Arc::new(Int64Array::from(vec![7])),
        Some(NullBuffer::from(vec![true, false])),
    );
    let number: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
    // Which of the file's buffers is changed, and to what: the first row gives the second, a null, what it had.
    let four = |values: [i32; 3]| values.map(i32::to_le_bytes).concat();
    let cases: [(&str, ArrayRef, usize, Vec<u8>, &str); 4] = [
        ("a?: text", text, 1, [0i64, 0, 6].map(i64::to_le_bytes).concat(), "values under nulls"),
        ("b?: dict", Arc::new(words), 1, [0i32, 0].map(i32::to_le_bytes).concat(), "that of no row"),
        ("c?: list<int64>", Arc::new(lists), 1, four([0, 0, 1]), "values under nulls"),
        ("d?: int64", number, 1, [1i64, 7].map(i64::to_le_bytes).concat(), "values under nulls"),
    ];
    for (column, values, buffer, bytes, words) in cases {
        let (_dir, dataset) = two_frames();
        let dataset = dataset.add_column(Table::Frames, Column::parse(column).unwrap(), values).unwrap();
        assert!(dataset.verify(&mut |_, _| {}).unwrap().is_sound(), "{column}");
        let file = Pristine::read(dataset.path(), &dataset.manifest().columns[0].files[0].path);
        let changed = file.with(file.buffers[buffer].start as usize, &bytes);
        std::fs::write(&file.path, &changed).unwrap();
        let manifest = resealed_manifest(dataset.manifest(), &file.name, &changed);
        std::fs::write(manifest_path(&dataset), manifest).unwrap();
        let report = Dataset::open(dataset.path()).unwrap().verify(&mut |_, _| {}).unwrap();
        assert_eq!(report.fault_count, 1, "{column}: {:#?}", report.faults);
        assert!(report.faults[0].to_string().contains(words), "{column}: {}", report.faults[0]);
    }
}

fn two_frames() -> (tempfile::TempDir, Dataset) {
    let dir = tempfile::tempdir().unwrap();
    let mut appender = Dataset::create(dir.path().join("d.surgdb")).unwrap().append().unwrap();
    for id in ["a", "b"] {
        let row = FrameRow { id: id.into(), source: "s".into(), kind: "rgb".into(), ..Default::default() };
        appender.frame(&row).unwrap();
    }
    (dir, appender.commit(Operation::new("append")).unwrap())
}

#[test]
fn what_is_emptied_in_an_added_column_is_deleted() {
    let (_dir, dataset) = two_frames();
    let values = Arc::new(LargeStringArray::from(vec!["kept", "gone"]));
    let dataset = dataset.add_column(Table::Frames, Column::parse("a?: text").unwrap(), values).unwrap();
    let gone = dataset.find(Table::Frames, "b").unwrap().unwrap();
    let dataset = dataset.delete([gone], DeleteOptions::default()).unwrap();
    let dataset = dataset.compact().unwrap();
    let mut manifest = dataset.manifest().clone();
    manifest.deletions.clear();
    std::fs::write(manifest_path(&dataset), manifest.encode()).unwrap();
    let report = Dataset::open(dataset.path()).unwrap().verify(&mut |_, _| {}).unwrap();
    let faults: Vec<_> = report.faults.iter().map(ToString::to_string).collect();
    assert!(faults.iter().any(|fault| fault.contains("was emptied, and is not deleted")), "{faults:#?}");
}

#[test]
fn index_runs_of_a_kind_that_is_not_known_are_passed_over_and_left_out_by_who_changes_rows() {
    let small = Small::new(Profile::Train);
    small.commit_with(|manifest, claims| {
        let mut run = manifest.index.iter().find(|run| run.kind == "frames.id").unwrap().clone();
        let from = small.root.join(&run.path);
        run.kind = "frames.likeness".into();
        run.path = data_path("index", claims.take().unwrap());
        std::fs::copy(from, small.root.join(&run.path)).unwrap();
        manifest.index.push(run);
    });
    let has_it = |dataset: &Dataset| dataset.manifest().index.iter().any(|run| run.kind == "frames.likeness");
    let dataset = Dataset::open(&small.root).unwrap();
    assert!(has_it(&dataset) && small.verify().is_sound());
    let frame = dataset.find(Table::Frames, "a-picture").unwrap().unwrap();
    assert_eq!(dataset.frame(frame).unwrap().id().unwrap(), "a-picture");
    let tagged = dataset.tag("here").unwrap();
    let case = dataset.find(Table::Cases, "case").unwrap().unwrap();
    let deleted = tagged.delete([case], DeleteOptions { cascade: true, ..Default::default() }).unwrap();
    assert!(has_it(&tagged) && has_it(&deleted));
    let mut appender = deleted.append().unwrap();
    let row = FrameRow { id: "new".into(), source: "one".into(), kind: "rgb".into(), ..Default::default() };
    appender.frame(&row).unwrap();
    let appended = appender.commit(Operation::new("append")).unwrap();
    assert!(!has_it(&appended) && has_it(&deleted));
}

#[test]
fn a_medium_of_several_files_is_the_frames_of_a_clip() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("d.surgdb");
    let dataset = stored(&root, samples());
    let video = dataset.address(Table::Videos, 0).unwrap();
    let mut appender = dataset.append().unwrap();
    let turns = vec![TurnRow { role: "user".into(), text: "which?".into(), ..Default::default() }];
    let media = vec![MediumRow { refs: vec![video, video], ..Default::default() }];
    let (id, source, task) = ("two".into(), "samples".into(), "t".into());
    let row = ConversationRow { id, source, task, turns, media, ..Default::default() };
    let error = appender.conversation(&row).unwrap_err();
    assert!(error.message().contains("`media.refs`") && error.message().contains("not in frames"), "{error}");
    drop(appender);

    let part = dataset.manifest().files["conversations"][0].fragments[0];
    let mut builder = surgdb::schema::build::ConversationsBuilder::new();
    for row in 0..part.rows {
        let mut row = dataset.conversation_at(part.fragment.address(row)).unwrap().to_row().unwrap();
        row.media.iter_mut().for_each(|medium| medium.refs = vec![video, video]);
        builder.push(&row).unwrap();
    }
    let media = builder.finish().unwrap().column_by_name("media").unwrap().clone();
    let column = Table::Conversations.columns().iter().find(|column| column.name == "media").unwrap();
    let column = format!("media: {}", column.ty);
    let small = Small { _dir: dir, root };
    small.replace(Table::Conversations, &column, part.fragment, media);
    small.says(&["a medium of several files is the frames of a clip"]);
}
