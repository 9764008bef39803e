//! Batches hold what the dataset holds, each medium once and nothing of it copied; a bad sample is known by its slot.
#![cfg(target_os = "linux")]

use crate::common::small::{Profile, build, png};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, BinaryViewArray, ListArray, RecordBatch};
use proptest::prelude::*;
use std::borrow::Cow;
use std::collections::HashSet;
use std::os::unix::fs::FileExt;
use std::path::Path;
use surgdb::dataset::{BlobSource, DeleteOptions};
use surgdb::load::{Assembler, Batch, Plan, Projection, Slot};
use surgdb::rows::*;
use surgdb::schema::views::{BatchRow, Conversation};
use surgdb::{Access, Address, Dataset, ErrorKind, Operation, Table, VerifyLevel};

fn plan(addresses: impl IntoIterator<Item = Address>) -> Plan {
    let slot = |(at, address)| Slot { position: 100 + at as u64, group: 0, address, valid: true, substituted: false };
    Plan { slots: addresses.into_iter().enumerate().map(slot).collect(), ..Default::default() }
}

/// Every column of the conversations in the order of the schema, so that views work, then the added ones.
fn everything(dataset: &Dataset) -> Projection {
    let names = |table| {
        let schema = dataset.schema(table);
        schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>()
    };
    Projection::default().columns(names(Table::Conversations)).annotations(names(Table::Annotations))
}

fn bytes_of(dataset: &Dataset, address: Address) -> Option<Cow<'_, [u8]>> {
    match dataset.table_of(address).unwrap() {
        Table::Videos => dataset.video(address).unwrap().bytes().unwrap(),
        _ => dataset.frame(address).unwrap().bytes().unwrap(),
    }
}

fn named<'a>(batch: &'a RecordBatch, name: &str) -> &'a dyn Array {
    batch.column_by_name(name).unwrap().as_ref()
}

fn addresses(batch: &RecordBatch) -> &[i64] {
    named(batch, "address").as_primitive::<Int64Type>().values()
}

fn bytes(batch: &Batch) -> &BinaryViewArray {
    named(&batch.media, "bytes").as_binary_view()
}

fn name_of(batch: &RecordBatch, column: &str, row: usize) -> Option<String> {
    let column = named(batch, column).as_dictionary::<Int32Type>().downcast_dict::<arrow_array::StringArray>().unwrap();
    column.into_iter().nth(row).unwrap().map(str::to_owned)
}

/// The numbers in one row of a list of numbers.
fn numbers(list: &ListArray, row: usize) -> Vec<usize> {
    list.value(row).as_primitive::<Int32Type>().values().iter().map(|row| *row as usize).collect()
}

/// Holds a batch against what single rows say.
fn check(dataset: &Dataset, batch: &Batch) {
    assert_eq!(batch.conversations.num_rows(), batch.len());
    let (media, notes) = (addresses(&batch.media), addresses(batch.annotations.as_ref().unwrap()));
    for list in [media, notes] {
        assert_eq!(list.iter().collect::<HashSet<_>>().len(), list.len(), "something comes twice");
    }
    let media_rows = named(&batch.conversations, "media_rows").as_list::<i32>();
    let ending_rows = named(&batch.conversations, "alternative_media_rows").as_list::<i32>();
    let mut used = HashSet::new();
    for (at, slot) in batch.plan.slots.iter().enumerate() {
        let expected = dataset.conversation_at(slot.address).unwrap();
        let found = Conversation::new(BatchRow::new(&batch.conversations, at).unwrap());
        assert_eq!(found.to_row().unwrap(), expected.to_row().unwrap());
        let entries = media_rows.value(at);
        assert_eq!(entries.len(), expected.media().unwrap().len());
        for (entry, medium) in expected.media().unwrap().iter().enumerate() {
            let rows = numbers(entries.as_list(), entry);
            assert_eq!(rows.iter().map(|row| media[*row]).collect::<Vec<_>>(), medium.refs().values());
            rows.iter().for_each(|row| check_medium(dataset, batch, *row));
            used.extend(rows);
        }
        let endings = ending_rows.value(at);
        let endings: &ListArray = endings.as_list();
        assert_eq!(endings.len(), expected.alternatives().unwrap().len());
        for ending in expected.alternatives().unwrap().iter() {
            let entries = endings.value(ending.number());
            assert_eq!(entries.len(), ending.media().len());
            for medium in ending.media().iter() {
                let rows = numbers(entries.as_list(), medium.number());
                assert_eq!(rows.iter().map(|row| media[*row]).collect::<Vec<_>>(), medium.refs().values());
                rows.iter().for_each(|row| check_medium(dataset, batch, *row));
                used.extend(rows);
            }
        }
        let rows = numbers(named(&batch.conversations, "annotation_rows").as_list(), at);
        let expected = expected.annotations().unwrap();
        assert_eq!(rows.iter().map(|row| notes[*row]).collect::<Vec<_>>(), expected.values());
        rows.iter().for_each(|row| check_note(dataset, batch.annotations.as_ref().unwrap(), *row));
    }
    assert_eq!(used.len(), batch.media.num_rows(), "a medium is there that nobody shows");
}

fn check_medium(dataset: &Dataset, batch: &Batch, row: usize) {
    let address = Address::new(addresses(&batch.media)[row]).unwrap();
    let expected = bytes_of(dataset, address);
    let found = bytes(batch);
    assert_eq!(found.is_valid(row).then(|| found.value(row)), expected.as_deref());
    assert_eq!(name_of(&batch.media, "table", row).as_deref(), Some(dataset.table_of(address).unwrap().name()));
    let size = named(&batch.media, "size").as_primitive::<Int64Type>();
    assert_eq!(size.is_valid(row).then(|| size.value(row)), expected.map(|bytes| bytes.len() as i64));
    if let Ok(frame) = dataset.frame(address) {
        let width = named(&batch.media, "width").as_primitive::<Int32Type>();
        assert_eq!(width.is_valid(row).then(|| width.value(row)), frame.width().unwrap());
        let blob = frame.blob().unwrap().map(|blob| dataset.blob(blob).unwrap().media_type().unwrap().to_owned());
        assert_eq!(name_of(&batch.media, "media_type", row), blob);
    }
}

fn check_note(dataset: &Dataset, notes: &RecordBatch, row: usize) {
    let expected = dataset.annotation(Address::new(addresses(notes)[row]).unwrap()).unwrap();
    assert_eq!(named(notes, "id").as_string::<i64>().value(row), expected.id().unwrap());
    assert_eq!(name_of(notes, "source", row).as_deref(), Some(expected.source().unwrap()));
    assert_eq!(named(notes, "labels").as_list::<i32>().value_length(row) as usize, expected.labels().unwrap().len());
}

#[test]
fn a_batch_holds_what_single_rows_say_however_the_dataset_is_written_and_read() {
    let dir = tempfile::tempdir().unwrap();
    for profile in Profile::ALL {
        let path = dir.path().join(format!("{profile:?}.surgdb"));
        build(&path, profile).unwrap();
        for access in [Access::Mapped, Access::Plain] {
            let dataset = Dataset::options().access(access).cache(1000).open(&path).unwrap();
            let live = dataset.live_addresses(Table::Conversations).unwrap();
            let assembler = Assembler::new(&dataset, &everything(&dataset)).unwrap();
            let places = prop::collection::vec(0..live.len(), 0..12);
            let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(60));
            let run = runner.run(&places, |places| {
                let plan = plan(places.iter().map(|place| live[*place]));
                let batch = assembler.assemble(plan.clone()).unwrap();
                prop_assert_eq!(&batch.plan, &plan);
                check(&dataset, &batch);
                Ok(())
            });
            run.unwrap();
        }
    }
}

#[test]
fn side_columns_come_with_the_rest_and_stand_over_base_columns() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = build(&dir.path().join("a.surgdb"), Profile::Train).unwrap();
    let live = dataset.live_addresses(Table::Conversations).unwrap();
    let projection = Projection::default().columns(["split", "id"]);
    let batch = Assembler::new(&dataset, &projection).unwrap().assemble(plan(live.iter().rev().copied())).unwrap();
    let names: Vec<_> = batch.conversations.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["split", "id", "media_rows"]);
    let mut seen = HashSet::new();
    for (row, address) in live.iter().rev().enumerate() {
        let cell = dataset.row(*address).unwrap();
        let cell = cell.named("split").unwrap();
        let expected = cell.array.slice(cell.row, 1);
        let expected = expected.as_dictionary::<Int32Type>().downcast_dict::<arrow_array::StringArray>().unwrap();
        let found = name_of(&batch.conversations, "split", row);
        assert_eq!(found.as_deref(), expected.into_iter().next().unwrap());
        seen.insert(found);
    }
    assert!(seen.len() > 1, "{seen:?}");
}

#[test]
fn a_batch_has_only_what_was_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = build(&dir.path().join("a.surgdb"), Profile::Train).unwrap();
    let live = dataset.live_addresses(Table::Conversations).unwrap();
    let assemble = |projection: Projection| {
        let assembler = Assembler::new(&dataset, &projection).unwrap();
        let batch = assembler.assemble(plan(live.clone())).unwrap();
        assert_eq!(&batch.conversations.schema(), assembler.schema());
        assert_eq!(&batch.media.schema(), assembler.media_schema());
        assert_eq!(batch.annotations.as_ref().map(RecordBatch::schema).as_ref(), assembler.annotation_schema());
        batch
    };
    let batch = assemble(Projection::default());
    let names: Vec<_> = batch.conversations.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["id", "source", "task", "turns", "media", "media_rows"]);
    assert_eq!((batch.annotations.is_none(), bytes(&batch).null_count()), (true, 0));

    let batch = assemble(Projection::default().media(false).columns(Vec::<String>::new()));
    assert_eq!((batch.conversations.num_rows(), batch.conversations.num_columns()), (live.len(), 0));
    assert_eq!(batch.media.num_rows(), 0);

    let without = |projection: Projection| {
        let batch = assemble(projection);
        let rows = 0..batch.media.num_rows();
        let with: HashSet<_> = rows
            .filter(|row| bytes(&batch).is_valid(*row))
            .map(|row| name_of(&batch.media, "table", row).unwrap())
            .collect();
        with
    };
    assert_eq!(without(Projection::default().video_bytes(false)), HashSet::from(["frames".to_owned()]));
    assert_eq!(without(Projection::default().picture_bytes(false)), HashSet::from(["videos".to_owned()]));
}

#[test]
fn a_column_that_is_not_there_or_not_possible_is_refused_at_build() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = build(&dir.path().join("a.surgdb"), Profile::Train).unwrap();
    let refused = |projection: Projection| Assembler::new(&dataset, &projection).err().unwrap();
    let error = refused(Projection::default().columns(["id", "turn"]));
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().contains("\"turn\"") && error.message().contains("turns"), "{error}");
    assert_eq!(refused(Projection::default().annotations(["label"])).kind(), ErrorKind::NotFound);
    assert_eq!(refused(Projection::default().columns(["id", "id"])).kind(), ErrorKind::Invalid);
    assert_eq!(refused(Projection::default().columns(["media_rows"])).kind(), ErrorKind::Invalid);
}

/// Where the files of a folder are mapped.
fn maps_of(folder: &Path) -> Vec<std::ops::Range<usize>> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let folder = folder.canonicalize().unwrap();
    let of = maps.lines().filter(|line| line.contains(folder.to_str().unwrap()));
    let range = |line: &str| {
        let (start, end) = line.split_whitespace().next().unwrap().split_once('-').unwrap();
        usize::from_str_radix(start, 16).unwrap()..usize::from_str_radix(end, 16).unwrap()
    };
    of.map(range).collect()
}

#[test]
fn bytes_lie_in_the_map_where_there_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.surgdb");
    build(&path, Profile::Train).unwrap();
    for (access, mapped) in [(Access::Mapped, true), (Access::Plain, false)] {
        let dataset = Dataset::options().access(access).open(&path).unwrap();
        let live = dataset.live_addresses(Table::Conversations).unwrap();
        let batch = Assembler::new(&dataset, &Projection::default()).unwrap().assemble(plan(live)).unwrap();
        let maps = maps_of(&path.join("blobs"));
        assert_eq!(maps.is_empty(), !mapped);
        let bytes = bytes(&batch);
        assert!(bytes.len() > 2);
        for value in bytes.iter().flatten() {
            assert!(value.len() > 12, "a value as short as this stands in the view itself");
            let place = value.as_ptr() as usize;
            assert_eq!(maps.iter().any(|map| map.contains(&place)), mapped);
        }
        // The batch outlives the dataset that it came from.
        let before: Vec<_> = bytes.iter().map(|value| value.map(<[u8]>::to_vec)).collect();
        drop(dataset);
        assert!(bytes.iter().zip(&before).all(|(value, before)| value == before.as_deref()));
    }
}

/// Five conversations: on a picture of their own (the fourth's is missing), and on the first's; the third on the second's
/// before its own.
fn pictures(path: &Path, linked: Option<&Path>) -> (Dataset, Vec<Address>) {
    let mut appender = Dataset::create(path).unwrap().append().unwrap();
    let mut frames = Vec::new();
    for number in 0..5u8 {
        let bytes = png(20, 10, number);
        let source = match (number, linked) {
            (4, Some(path)) => {
                std::fs::write(path, &bytes).unwrap();
                BlobSource::Linked { media_type: "image/png", path }
            }
            _ => BlobSource::Bytes { media_type: "image/png", bytes: &bytes },
        };
        let blob = (number != 3).then(|| appender.blob(source).unwrap().address);
        let row =
            FrameRow { id: format!("{number}"), source: "s".into(), kind: "rgb".into(), blob, ..Default::default() };
        frames.push(appender.frame(&row).unwrap());
    }
    let medium = |frame: Address| MediumRow { turn: 0, refs: vec![frame], ..Default::default() };
    let mut rows = Vec::new();
    for number in 0..5 {
        let row = ConversationRow {
            id: format!("{number}"),
            source: "s".into(),
            task: "image captioning".into(),
            turns: vec![TurnRow { role: "user".into(), text: format!("{number}?"), ..Default::default() }],
            media: match number {
                2 => vec![medium(frames[1]), medium(frames[2])],
                _ => vec![medium(frames[number]), medium(frames[0])],
            },
            ..Default::default()
        };
        rows.push(appender.conversation(&row).unwrap().0);
    }
    (appender.commit(Operation::new("append")).unwrap(), rows)
}

#[test]
fn a_missing_picture_is_a_null_and_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let (dataset, rows) = pictures(&dir.path().join("a.surgdb"), None);
    let batch = Assembler::new(&dataset, &everything(&dataset)).unwrap().assemble(plan([rows[3], rows[0]])).unwrap();
    check(&dataset, &batch);
    assert_eq!(bytes(&batch).iter().map(|value| value.is_some()).collect::<Vec<_>>(), [false, true]);
    assert!(named(&batch.media, "blob").is_null(0));
}

#[test]
fn a_linked_picture_comes_with_its_bytes_and_is_a_bad_sample_once_it_has_changed() {
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("linked.png");
    let (dataset, rows) = pictures(&dir.path().join("a.surgdb"), Some(&link));
    let assembler = Assembler::new(&dataset, &everything(&dataset)).unwrap();
    let batch = assembler.assemble(plan([rows[4]])).unwrap();
    check(&dataset, &batch);
    assert!(named(&batch.media, "uri").as_string::<i64>().value(0).ends_with("/linked.png"));
    std::fs::write(&link, png(20, 10, 77)).unwrap();
    let error = assembler.assemble(plan([rows[0], rows[4]])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LinkBroken);
}

/// Assembles with the sample in the place of each bad one, and gives the bad ones as they were reported.
fn substituted(dataset: &Dataset, plan: Plan, by: Address) -> (Batch, Vec<(usize, Address, u32, ErrorKind)>) {
    let mut bad = Vec::new();
    let assembler = Assembler::new(dataset, &everything(dataset)).unwrap();
    let batch = assembler.assemble_with(plan, |sample| {
        bad.push((sample.at, sample.slot.address, sample.attempt, sample.error.kind()));
        Ok(Slot { address: by, substituted: true, ..*sample.slot })
    });
    (batch.unwrap(), bad)
}

#[test]
fn a_deleted_sample_is_reported_by_its_slot_and_can_be_substituted() {
    let dir = tempfile::tempdir().unwrap();
    let (dataset, rows) = pictures(&dir.path().join("a.surgdb"), None);
    let dataset = dataset.delete([rows[1]], DeleteOptions::default()).unwrap();
    let wanted = plan([rows[0], rows[1], rows[2], rows[1]]);
    let error = Assembler::new(&dataset, &Projection::default()).unwrap().assemble(wanted.clone()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deleted);
    assert!(error.message().contains(&rows[1].to_string()) && error.message().contains("position 101"), "{error}");

    let (batch, bad) = substituted(&dataset, wanted, rows[4]);
    assert_eq!(bad, [(1, rows[1], 0, ErrorKind::Deleted), (3, rows[1], 0, ErrorKind::Deleted)]);
    check(&dataset, &batch);
    let slots: Vec<_> = batch.plan.slots.iter().map(|slot| (slot.address, slot.position, slot.substituted)).collect();
    assert_eq!(slots, [(rows[0], 100, false), (rows[4], 101, true), (rows[2], 102, false), (rows[4], 103, true)]);
}

/// Changes a byte of a file where these bytes stand.
fn damage(dataset: &Dataset, folder: &str, needle: &[u8]) {
    let mut hits = 0;
    for entry in std::fs::read_dir(dataset.path().join(folder)).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        if let Some(at) = bytes.windows(needle.len()).position(|part| part == needle) {
            let file = std::fs::File::options().write(true).open(&path).unwrap();
            file.write_at(&[!bytes[at + needle.len() - 1]], (at + needle.len() - 1) as u64).unwrap();
            hits += 1;
        }
    }
    assert_eq!(hits, 1);
}

#[test]
fn a_picture_behind_the_end_of_a_file_that_was_cut_short_is_an_error_and_not_the_end_of_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let mut appender = Dataset::create(dir.path().join("a.surgdb")).unwrap().append().unwrap();
    let pictures = [0, 1, 2].map(|number| {
        let bytes = png(9, 9, number).repeat(1000);
        appender.blob(BlobSource::Bytes { media_type: "image/png", bytes: &bytes }).unwrap().address
    });
    let dataset = appender.commit(Operation::new("append")).unwrap();
    dataset.blob(pictures[0]).unwrap().bytes().unwrap();
    let blobs = std::fs::read_dir(dataset.path().join("blobs")).unwrap().next().unwrap().unwrap().path();
    let map = surgdb::storage::FileBytes::open(&blobs, Access::Mapped).unwrap();
    if map.populate(0..1).is_err() {
        eprintln!("skipped: the system cannot say beforehand which pages can be read");
        return;
    }
    std::fs::File::options().write(true).open(&blobs).unwrap().set_len(40_000).unwrap();
    let error = dataset.blob(pictures[2]).unwrap().bytes().unwrap_err();
    assert_eq!((error.kind(), error.file()), (ErrorKind::Corrupt, Some(blobs.as_path())));
    assert!(error.message().contains("has become shorter"), "{error}");
}

#[test]
fn a_damaged_picture_belongs_to_its_slots_at_each_level_that_checks() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.surgdb");
    let (dataset, rows) = pictures(&path, None);
    damage(&dataset, "blobs", &png(20, 10, 2));
    let wanted = plan([rows[4], rows[2], rows[0], rows[2]]);
    for (level, access) in
        [(VerifyLevel::Lazy, Access::Mapped), (VerifyLevel::Strict, Access::Mapped), (VerifyLevel::Lazy, Access::Plain)]
    {
        let dataset = Dataset::options().verify(level).access(access).open(&path).unwrap();
        let (batch, bad) = substituted(&dataset, wanted.clone(), rows[0]);
        assert_eq!(bad, [(1, rows[2], 0, ErrorKind::Corrupt), (3, rows[2], 0, ErrorKind::Corrupt)]);
        check(&dataset, &batch);
        let error = Assembler::new(&dataset, &Projection::default()).unwrap().assemble(wanted.clone()).unwrap_err();
        assert!(error.file().is_some() && error.byte().is_some(), "{error}");
        // Who leaves the bytes out never touches them.
        let bare = Projection::default().picture_bytes(false);
        assert!(Assembler::new(&dataset, &bare).unwrap().assemble(wanted.clone()).is_ok());
    }
    let trusted = Dataset::options().verify(VerifyLevel::Trusted).open(&path).unwrap();
    assert!(Assembler::new(&trusted, &Projection::default()).unwrap().assemble(wanted).is_ok());
}

#[test]
fn a_damaged_column_makes_bad_samples_only_where_it_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let (dataset, rows) = pictures(&dir.path().join("a.surgdb"), None);
    damage(&dataset, "conversations", b"0?1?2?");
    let dataset = Dataset::open(dataset.path()).unwrap();
    let assemble = |columns: &[&str]| {
        let projection = Projection::default().columns(columns.iter().copied());
        Assembler::new(&dataset, &projection).unwrap().assemble(plan([rows[0]]))
    };
    assert_eq!(assemble(&["id", "turns"]).unwrap_err().kind(), ErrorKind::Corrupt);
    assert!(assemble(&["id", "media"]).is_ok());
}

#[test]
fn a_substitute_that_is_bad_too_is_asked_for_again_until_the_policy_gives_up() {
    let dir = tempfile::tempdir().unwrap();
    let (dataset, rows) = pictures(&dir.path().join("a.surgdb"), None);
    let dataset = dataset.delete([rows[1], rows[2]], DeleteOptions::default()).unwrap();
    let assembler = Assembler::new(&dataset, &Projection::default()).unwrap();
    let mut attempts = Vec::new();
    let result = assembler.assemble_with(plan([rows[0], rows[1]]), |bad| {
        attempts.push(bad.attempt);
        match bad.attempt {
            5 => Err(bad.into_error()),
            _ => Ok(Slot { address: rows[2], ..*bad.slot }),
        }
    });
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Deleted);
    assert_eq!(attempts, [0, 1, 2, 3, 4, 5]);
}
