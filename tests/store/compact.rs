//! Compaction and verification: what is there before is there after, and nothing is found wrong.

use crate::common::contents::read_all;
use crate::common::small::{Profile, build};
use arrow_array::{Int64Array, LargeStringArray};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use surgdb::dataset::{BlobSource, CellUpdate, CopyOptions, DeleteOptions, WriterOptions};
use surgdb::rows::FrameRow;
use surgdb::{Address, Column, Dataset, ErrorKind, Operation, Table, VerifyLevel};

fn dataset(profile: Profile) -> (tempfile::TempDir, Dataset) {
    let dir = tempfile::tempdir().unwrap();
    let dataset = build(&dir.path().join("d.surgdb"), profile).unwrap();
    (dir, dataset)
}

#[test]
fn a_sound_dataset_has_no_faults() {
    for profile in Profile::ALL {
        let (_dir, dataset) = dataset(profile);
        let report = dataset.verify(&mut |_, _| {}).unwrap();
        assert!(report.is_sound(), "{profile:?}: {:#?}", report.faults);
        assert!(report.notes.is_empty(), "{profile:?}: {:#?}", report.notes);
        assert!(report.rows > 10 && report.references > 20, "{report:?}");
    }
}

#[test]
fn a_compacted_dataset_reads_the_same() {
    for profile in [Profile::Train, Profile::Packed] {
        let (_dir, before) = dataset(profile);
        let after = before.compact_with(profile.options()).unwrap();
        assert_eq!(after.version(), before.version() + 1);
        let (old, new) = (read_all(&before).unwrap(), read_all(&after).unwrap());
        assert!(old.by_row() == new.by_row(), "{old:#?}\n{new:#?}");
        for table in Table::ALL {
            assert_eq!(after.manifest().files_of(table.name()).len(), 1, "{table}");
        }
        assert!(after.manifest().files_of("conversations")[0].fragments.len() > 2);
        assert!(after.manifest().column("frames", "kind").is_none());
        assert_eq!(after.manifest().column("conversations", "split").unwrap().files.len(), 1);
        let report = after.verify(&mut |_, _| {}).unwrap();
        assert!(report.is_sound(), "{:#?}", report.faults);
        assert_eq!(after.compact().unwrap().version(), after.version());
    }
}

/// Which tables, and the added column `split`, have compressed files.
fn packed(dataset: &Dataset) -> BTreeSet<String> {
    let split = dataset.manifest().column("conversations", "split").unwrap().files.iter();
    let tables = Table::ALL.into_iter().flat_map(|table| dataset.manifest().files_of(table.name()));
    let files = tables.chain(split).filter(|file| {
        let bytes = std::fs::read(dataset.path().join(&file.path)).unwrap();
        // What starts a zstd frame.
        bytes.windows(4).any(|four| four == [0x28, 0xb5, 0x2f, 0xfd])
    });
    files.map(|file| file.path.split('/').next().unwrap().to_owned()).collect()
}

#[test]
fn files_stay_packed_as_the_newest_of_their_table_was() {
    let all_but_blobs = ["annotations", "cases", "columns", "conversations", "frames", "videos"];
    let (_dir, before) = dataset(Profile::Packed);
    assert!(packed(&before).contains("conversations"), "{:?}", packed(&before));
    let after = before.compact().unwrap();
    assert!(after.version() > before.version());
    let (old, new) = (read_all(&before).unwrap(), read_all(&after).unwrap());
    assert!(old.by_row() == new.by_row());
    let kept = packed(&after);
    assert!(kept.iter().all(|folder| all_but_blobs.contains(&folder.as_str())), "{kept:?}");
    assert!(kept.is_superset(&packed(&before)), "{kept:?}");
    let (_dir, plain) = dataset(Profile::Train);
    assert_eq!(packed(&plain.compact().unwrap()), BTreeSet::new());
    // Mixed: a newer plain file of frames makes them plain, and nothing else.
    let mut appender = after.append().unwrap();
    let (id, source, kind) = ("plain".into(), "one".into(), "rgb".into());
    appender.frame(&FrameRow { id, source, kind, ..Default::default() }).unwrap();
    let mixed = appender.commit(Operation::new("append")).unwrap().compact().unwrap();
    let folders = packed(&mixed);
    assert!(!folders.contains("frames") && folders.contains("conversations"), "{folders:?}");
}

/// Frames `a` and `b` in one file, and `c` in another.
fn two_commits() -> (tempfile::TempDir, Dataset) {
    let dir = tempfile::tempdir().unwrap();
    let mut dataset = Dataset::create(dir.path().join("d.surgdb")).unwrap();
    for ids in [&["a", "b"][..], &["c"]] {
        let mut appender = dataset.append().unwrap();
        for id in ids {
            let (id, source, kind) = ((*id).into(), "s".into(), "rgb".into());
            let row = FrameRow { id, source, kind, path: Some("there".into()), ..Default::default() };
            appender.frame(&row).unwrap();
        }
        dataset = appender.commit(Operation::new("append")).unwrap();
    }
    (dir, dataset)
}

#[test]
fn files_that_are_large_enough_are_left_alone() {
    let (_dir, dataset) = two_commits();
    let files = |dataset: &Dataset| {
        let files = dataset.manifest().files_of("frames").iter();
        files.map(|file| (file.fragments[0].fragment.get(), file.path.clone())).collect::<BTreeMap<_, _>>()
    };
    let large = WriterOptions { fragment_bytes: 1, ..Default::default() };
    assert_eq!(dataset.compact_with(large).unwrap().version(), dataset.version());
    let gone = dataset.find(Table::Frames, "c").unwrap().unwrap();
    let deleted = dataset.delete([gone], DeleteOptions::default()).unwrap();
    let compacted = deleted.compact_with(large).unwrap();
    let changed: Vec<_> =
        files(&compacted).into_iter().filter(|file| files(&dataset).get(&file.0) != Some(&file.1)).collect();
    assert_eq!(changed.len(), 1, "{changed:?}");
    assert_eq!(changed[0].0, gone.fragment().get());
    assert_eq!(files(&compacted.compact().unwrap()).values().collect::<BTreeSet<_>>().len(), 1);
    assert!(compacted.verify(&mut |_, _| {}).unwrap().is_sound());
}

#[test]
fn large_files_of_an_added_column_are_left_alone_and_small_ones_joined() {
    let (_dir, mut dataset) = two_commits();
    for (number, id) in [(1, "d"), (2, "e")] {
        let mut appender = dataset.append().unwrap();
        let row = FrameRow { id: id.into(), source: "s".into(), kind: "rgb".into(), ..Default::default() };
        appender.frame(&row).unwrap();
        dataset = appender.commit(Operation::new("append")).unwrap();
        assert_eq!(dataset.manifest().files_of("frames").len(), 2 + number);
    }
    // A side file of the fragment of `a` and `b` that is large beside the others.
    let cell = |dataset: &Dataset, id: &str, value: String| {
        let address = dataset.find(Table::Frames, id).unwrap().unwrap();
        let values = Arc::new(LargeStringArray::from(vec![value]));
        let column = Column::parse("note?: text").unwrap();
        dataset.update_cells(CellUpdate::new(Table::Frames, column, vec![address], values)).unwrap()
    };
    let files = |dataset: &Dataset| {
        let side = dataset.manifest().column("frames", "note").unwrap();
        side.files.iter().map(|file| (file.path.clone(), file.length)).collect::<Vec<_>>()
    };
    dataset = cell(&dataset, "a", "x".repeat(100_000));
    let large = files(&dataset)[0].clone();
    for id in ["c", "d", "e"] {
        dataset = cell(&dataset, id, id.into());
    }
    assert_eq!(files(&dataset).len(), 4);
    let before = read_all(&dataset).unwrap();
    let options = WriterOptions { fragment_bytes: 100_000, ..Default::default() };
    let compacted = dataset.compact_with(options).unwrap();
    let after = files(&compacted);
    assert_eq!(after.len(), 2, "{after:?}");
    assert!(after.contains(&large) && read_all(&compacted).unwrap().by_row() == before.by_row());
    assert!(compacted.verify(&mut |_, _| {}).unwrap().is_sound());
    assert_eq!(compacted.compact_with(options).unwrap().version(), compacted.version());
    // What is newer than the large file goes over it.
    let renewed = cell(&cell(&compacted, "b", "new".into()), "c", "new".into());
    let before = read_all(&renewed).unwrap();
    let compacted = renewed.compact_with(options).unwrap();
    assert!(read_all(&compacted).unwrap().by_row() == before.by_row());
}

#[test]
fn damage_that_a_trusting_handle_does_not_see_gets_no_fresh_checksum() {
    let (dir, dataset) = two_commits();
    let root = dir.path().join("d.surgdb");
    let file = root.join(&dataset.manifest().files_of("frames")[0].path);
    let mut bytes = std::fs::read(&file).unwrap();
    let at = bytes.windows(5).position(|window| window == b"there").unwrap();
    bytes[at] = b'w';
    std::fs::write(&file, bytes).unwrap();

    let trusting = Dataset::options().verify(VerifyLevel::Trusted).open(&root).unwrap();
    let second = trusting.find(Table::Frames, "b").unwrap().unwrap();
    assert_eq!(trusting.frame(second).unwrap().path().unwrap(), Some("there"));
    let column = Table::Frames.columns()[Table::Frames.column_index("path").unwrap()].clone();
    let values = Arc::new(LargeStringArray::from(vec!["here"]));
    let update = CellUpdate::new(Table::Frames, column, vec![second], values);
    assert_eq!(trusting.update_cells(update).unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(trusting.compact().unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn what_deleted_rows_had_in_added_columns_is_gone_after_a_compaction() {
    let (_dir, mut dataset) = two_commits();
    let column = |name: &str| Column::parse(&format!("{name}?: text")).unwrap();
    let values = |ids: &[&str]| {
        Arc::new(LargeStringArray::from(ids.iter().map(|id| format!("SECRET of {id}")).collect::<Vec<_>>()))
    };
    // One file for all rows, in two columns; over one of them a newer file, that of `a` and `b` being the oldest.
    for name in ["one", "two"] {
        dataset = dataset.add_column(Table::Frames, column(name), values(&["a", "b", "c"])).unwrap();
    }
    let gone = dataset.find(Table::Frames, "a").unwrap().unwrap();
    let cell = CellUpdate::new(Table::Frames, column("two"), vec![gone], values(&["a again"]));
    dataset = dataset.update_cells(cell).unwrap();
    assert_eq!(dataset.manifest().column("frames", "two").unwrap().files.len(), 2);
    dataset = dataset.delete([gone], DeleteOptions::default()).unwrap();
    let before = read_all(&dataset).unwrap();
    // Also where files are large, and so have no need of company.
    for options in [WriterOptions { fragment_bytes: 1, ..Default::default() }, WriterOptions::default()] {
        let compacted = dataset.compact_with(options).unwrap();
        assert!(read_all(&compacted).unwrap().by_row() == before.by_row());
        let named: Vec<_> = compacted.manifest().paths().filter(|path| path.ends_with(".arrow")).collect();
        for path in named {
            let bytes = std::fs::read(dataset.path().join(path)).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains("SECRET of a"), "{path}");
        }
        assert!(compacted.verify(&mut |_, _| {}).unwrap().is_sound());
        assert_eq!(compacted.compact_with(options).unwrap().version(), compacted.version());
        dataset = compacted;
    }
}

/// Frames of which `b` and `a` show one picture, `c` one of its own, and `d` one that a column of `a` names too; the last
/// three frames, and the pictures in this order. No row shows a fourth picture.
fn pictures() -> (tempfile::TempDir, Dataset, [Address; 3], [Address; 3]) {
    let dir = tempfile::tempdir().unwrap();
    let mut appender = Dataset::create(dir.path().join("d.surgdb")).unwrap().append().unwrap();
    let blobs = [&b"of both"[..], b"PATIENT", b"of a column"]
        .map(|bytes| appender.blob(BlobSource::Bytes { media_type: "image/png", bytes }).unwrap().address);
    let mut frame = |id: &str, blob| {
        let (id, source, kind) = (id.into(), "s".into(), "rgb".into());
        appender.frame(&FrameRow { id, source, kind, blob: Some(blob), ..Default::default() }).unwrap()
    };
    let first = frame("a", blobs[0]);
    let frames = [frame("b", blobs[0]), frame("c", blobs[1]), frame("d", blobs[2])];
    // As of one that was replaced.
    appender.blob(BlobSource::Bytes { media_type: "image/png", bytes: b"PATIENT before" }).unwrap();
    let dataset = appender.commit(Operation::new("append")).unwrap();
    let values = Arc::new(Int64Array::from(vec![blobs[2].get()]));
    let update = CellUpdate::new(Table::Frames, Column::parse("of?: ref").unwrap(), vec![first], values);
    (dir, dataset.update_cells(update).unwrap(), frames, blobs)
}

#[test]
fn pictures_go_with_the_last_row_that_shows_them_where_that_is_asked_for() {
    let (_dir, dataset, frames, _) = pictures();
    let kept = dataset.delete(frames, DeleteOptions::default()).unwrap();
    assert_eq!(kept.count(Table::Blobs).unwrap(), 4);

    let (_dir, dataset, frames, blobs) = pictures();
    let options = DeleteOptions { unshown_blobs: true, ..Default::default() };
    let compacted = dataset.delete(frames, options).unwrap().compact().unwrap();
    assert_eq!(blobs.map(|blob| compacted.is_live(blob).unwrap()), [true, false, true]);
    for path in compacted.manifest().paths() {
        let bytes = std::fs::read(dataset.path().join(path)).unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"PATIENT"), "{path}");
    }
    assert!(compacted.verify(&mut |_, _| {}).unwrap().is_sound());
}

#[test]
fn a_damaged_picture_can_be_deleted_and_what_is_left_is_sound() {
    let (_dir, dataset, _, blobs) = pictures();
    let file = dataset.path().join(&dataset.manifest().files_of("blobs")[0].path);
    let mut bytes = std::fs::read(&file).unwrap();
    let at = bytes.windows(7).position(|window| window == b"PATIENT").unwrap();
    bytes[at] = b'p';
    std::fs::write(&file, bytes).unwrap();
    let dataset = Dataset::open(dataset.path()).unwrap();
    let faults = dataset.verify(&mut |_, _| {}).unwrap().faults;
    // What is told leads on: the blob is deleted with what shows it, and nothing of it is read again.
    let remedy = format!("`surgdb delete DATASET {} --cascade`", blobs[1]);
    assert!(faults.len() == 1 && faults[0].to_string().contains(&remedy), "{faults:?}");
    let deleted = dataset.delete([blobs[1]], DeleteOptions { cascade: true, ..Default::default() }).unwrap();
    assert_eq!((deleted.count(Table::Frames).unwrap(), deleted.count(Table::Blobs).unwrap()), (3, 3));
    let compacted = deleted.compact().unwrap();
    // The older versions go on naming the file; a copy has none of them.
    assert_eq!(compacted.verify(&mut |_, _| {}).unwrap().faults.len(), 1);
    for (name, from) in [("of.surgdb", &deleted), ("after.surgdb", &compacted)] {
        let to = Dataset::create(dataset.path().with_file_name(name)).unwrap();
        let (to, _) = from.copy_to(&to, &CopyOptions::default(), &mut |_| Ok(())).unwrap();
        assert!(to.verify(&mut |_, _| {}).unwrap().is_sound(), "{name}");
    }
    assert_eq!(compacted.blob(blobs[0]).unwrap().bytes().unwrap().as_ref(), b"of both");
    // One that is shown is still checked before it gets a fresh checksum.
    let text = std::fs::read(&file).unwrap();
    let at = text.windows(7).position(|window| window == b"of both").unwrap();
    let mut bytes = text;
    bytes[at] = b'O';
    std::fs::write(&file, bytes).unwrap();
    assert_eq!(
        Dataset::open(dataset.path()).unwrap().at_version(deleted.version()).unwrap().compact().unwrap_err().kind(),
        ErrorKind::Corrupt
    );
}
