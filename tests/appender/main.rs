//! Appending, deleting and changing columns, stopped at every step, failed at every step, and several at once.
//!
//! Writers run as child processes (this test binary again, told by its environment what to do), as in `crash.rs`, which
//! holds the layer below to the same.

#[path = "../common/child.rs"]
mod child;
mod conflicts;

use arrow_array::{Int64Array, LargeStringArray};
use child::{last_committed, not_durable};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Child;
use std::sync::Arc;
use surgdb::dataset::{BlobSource, CellUpdate, DeleteOptions, WriterOptions, versions};
use surgdb::rows::*;
use surgdb::storage::fault::{Fault, arm, reached};
use surgdb::{Address, Appender, Column, Dataset, ErrorKind, Operation, Result, Table};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

fn case(id: &str) -> CaseRow {
    CaseRow { id: id.into(), source: "mine".into(), ..Default::default() }
}

fn frame(id: &str, blob: Option<Address>) -> FrameRow {
    FrameRow { id: id.into(), source: "mine".into(), kind: "rgb".into(), blob, ..Default::default() }
}

fn conversation(id: &str, frame: Address) -> ConversationRow {
    ConversationRow {
        id: id.into(),
        source: "mine".into(),
        task: "phase recognition".into(),
        turns: vec![TurnRow { role: "user".into(), text: format!("<image> {id}"), ..Default::default() }],
        media: vec![MediumRow { refs: vec![frame], at: Some(0), ..Default::default() }],
        ..Default::default()
    }
}

/// Small limits, so that batches are cut and fragments roll over while rows are appended.
fn options() -> WriterOptions {
    WriterOptions { batch_rows: 2, fragment_bytes: 2000, blob_fragment_bytes: 2000, ..WriterOptions::default() }
}

/// Appends three conversations with their pictures under ids of this writer.
fn append(dataset: &Dataset, writer: &str) -> Result<Dataset> {
    let mut appender = dataset.append_with(options())?;
    for number in 0..3 {
        let id = format!("{writer}/{number}");
        let bytes = id.repeat(300);
        let blob = appender.blob(BlobSource::Bytes { media_type: "image/png", bytes: bytes.as_bytes() })?;
        let frame = appender.frame(&frame(&id, Some(blob.address)))?;
        appender.conversation(&conversation(&id, frame))?;
    }
    appender.commit(Operation::new("append"))
}

/// Appends, and goes on after errors; checks that what was accepted is there if the commit lands.
fn append_stubbornly(dataset: &Dataset) -> Result<()> {
    let mut appender = dataset.append_with(options())?;
    let ids: Vec<String> = (0..12).map(|number| format!("case/{number}")).collect();
    let accepted: Vec<_> = ids.iter().filter_map(|id| Some((id, appender.case(&case(id)).ok()?))).collect();
    let dataset = appender.commit(Operation::new("append"))?;
    assert_eq!(dataset.count(Table::Cases)?, accepted.len() as u64);
    for (id, address) in accepted {
        assert_eq!(dataset.find(Table::Cases, id)?, Some(address));
        assert_eq!(dataset.case(address)?.id()?, id);
    }
    Ok(())
}

fn score(addresses: Vec<Address>, value: i64) -> CellUpdate {
    let values = Int64Array::from(vec![value; addresses.len()]);
    CellUpdate::new(Table::Frames, Column::parse("score?: int64").unwrap(), addresses, Arc::new(values))
}

/// Creates, appends, adds a column, appends again, deletes, and replaces a base column; says what was committed.
fn work(root: &Path) -> Result<()> {
    let said = |dataset: Dataset| {
        eprintln!("committed {}", dataset.version());
        dataset
    };
    let dataset = said(Dataset::create(root)?);
    let dataset = said(append(&dataset, "a")?);
    let dataset = said(dataset.update_cells(score(dataset.live_addresses(Table::Frames)?, 7))?);
    let dataset = said(append(&dataset, "b")?);
    let first = dataset.conversation(0)?.address();
    let dataset = said(dataset.delete([first], DeleteOptions::default())?);
    let paths: Vec<_> = (0..dataset.count(Table::Frames)?).map(|row| format!("path {row}")).collect();
    let column = Column::parse("path?: text")?;
    let dataset = said(dataset.replace_column(Table::Frames, column, Arc::new(LargeStringArray::from(paths)))?);
    // In place of what was deleted, with a report.
    let mut appender = dataset.append_with(options())?;
    appender.report("import", b"{}")?;
    let frame = dataset.find(Table::Frames, "a/0")?.expect("it was appended");
    appender.conversation(&conversation("a/0", frame))?;
    said(appender.commit(Operation::new("append"))?);
    Ok(())
}

/// What a version must hold, by its number: conversations and whether frames have a score and a path.
const VERSIONS: [(u64, bool, bool); 7] = [
    (0, false, false),
    (3, false, false),
    (3, true, false),
    (6, true, false),
    (5, true, false),
    (5, true, true),
    (6, true, true),
];

/// Checks that every version is whole; gives the newest's number.
fn check_whole(root: &Path) -> u64 {
    let numbers = match versions::list(root) {
        Ok(numbers) => numbers,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
            return 0;
        }
    };
    for (version, (conversations, scored, pathed)) in numbers.iter().zip(VERSIONS) {
        let dataset = Dataset::options().version(*version).open(root).unwrap();
        let mut ids = BTreeSet::new();
        for index in 0..dataset.count(Table::Conversations).unwrap() {
            let conversation = dataset.conversation(index).unwrap();
            let id = conversation.id().unwrap().to_owned();
            assert_eq!(dataset.find(Table::Conversations, &id).unwrap(), Some(conversation.address()));
            let shown = conversation.media().unwrap().get(0).unwrap().refs().iter().next().unwrap();
            let frame = dataset.frame(shown).unwrap();
            assert_eq!(*frame.bytes().unwrap().unwrap(), *id.repeat(300).as_bytes());
            if scored {
                let cell = frame.row().named("score").unwrap();
                let scores = cell.array.as_any().downcast_ref::<Int64Array>().unwrap();
                let score = arrow_array::Array::is_valid(scores, cell.row).then(|| scores.value(cell.row));
                assert_eq!(score, id.starts_with('a').then_some(7), "{id} in version {version}");
            }
            assert_eq!(frame.path().unwrap().is_some(), pathed);
            ids.insert(id);
        }
        assert_eq!(ids.len() as u64, conversations, "version {version}");
    }
    numbers.len() as u64
}

/// The files that are there, without claims and versions.
fn files(root: &Path) -> BTreeSet<String> {
    let mut there = BTreeSet::new();
    for folder in std::fs::read_dir(root).unwrap() {
        let folder = folder.unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let name = |name: std::ffi::OsString| name.into_string().unwrap();
            there.insert(format!("{}/{}", name(folder.file_name()), name(file.unwrap().file_name())));
        }
    }
    there
}

/// What writers that ended in good order leave: what versions name, and reports whose commit failed.
fn check_tidy(root: &Path, context: &str) {
    if versions::list(root).is_err() {
        return;
    }
    let mut named = BTreeSet::new();
    for version in versions::list(root).unwrap() {
        named.insert(format!("versions/{version:010}.json"));
        named.extend(versions::read(root, version).unwrap().paths().map(str::to_owned));
    }
    let mut there = files(root);
    there.retain(|path| !path.starts_with("reports/") || path.contains("/."));
    named.retain(|path| !path.starts_with("reports/"));
    assert_eq!(there, named, "{context}");
}

/// After what happened, a writer must be able to go on from the version that is there.
fn check_goes_on(root: &Path, version: u64) {
    let dataset = if version == 0 { Dataset::create(root).unwrap() } else { Dataset::open(root).unwrap() };
    let conversations = dataset.count(Table::Conversations).unwrap();
    let dataset = append(&dataset, "later").unwrap();
    assert_eq!(dataset.version(), version.max(1) + 1);
    assert_eq!(dataset.count(Table::Conversations).unwrap(), conversations + 3);
    assert!(dataset.find(Table::Conversations, "later/2").unwrap().is_some());
}

/// What a child process does; in the ordinary run of the tests it does nothing.
#[test]
fn child() {
    let Ok(told) = std::env::var("SURGDB_APPENDER_CHILD") else { return };
    let told: Vec<&str> = told.split('|').collect();
    let [root, mode, at, code] = told[..] else { panic!("{told:?}") };
    let (root, code) = (Path::new(root), code.parse().unwrap());
    let outcome = match mode {
        "append" => (0..3).try_for_each(|round| {
            let dataset = append(&Dataset::open(root)?, &format!("{at}/{round}"))?;
            eprintln!("committed {}", dataset.version());
            Ok(())
        }),
        "stubborn" => {
            let dataset = Dataset::create(root).unwrap();
            arm(at.parse().unwrap(), Fault::FailOnce(code));
            append_stubbornly(&dataset)
        }
        _ => {
            let at = at.parse().unwrap();
            match mode {
                "abort" => arm(at, Fault::Abort),
                "fail" => arm(at, Fault::Fail(code)),
                _ => arm(at, Fault::FailOnce(code)),
            }
            work(root)
        }
    };
    if let Err(error) = outcome {
        eprintln!("failed: {error}");
    }
    eprintln!("reached: {}", reached());
}

fn start(root: &Path, mode: &str, at: &str, code: i32) -> Child {
    child::start("SURGDB_APPENDER_CHILD", &format!("{}|{mode}|{at}|{code}", root.display()))
}

fn said(child: Child) -> (bool, String) {
    let output = child.wait_with_output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Lets something happen at every step in turn, several at a time: there are some hundreds.
fn at_every_step(mode: &str, code: i32, check: impl Fn(&Path, u64, &str) + Sync) {
    const AT_ONCE: u64 = 4;
    let through = std::sync::atomic::AtomicU64::new(u64::MAX);
    std::thread::scope(|scope| {
        for lane in 1..=AT_ONCE {
            let (through, check) = (&through, &check);
            scope.spawn(move || {
                let mut at = lane;
                while at < through.load(std::sync::atomic::Ordering::SeqCst) {
                    let dir = tempfile::tempdir().unwrap();
                    let root = dir.path().join("d.surgdb");
                    let (ended, said) = said(start(&root, mode, &at.to_string(), code));
                    assert!(ended || mode == "abort", "step {at}: {said}");
                    let version = check_whole(&root);
                    let committed = not_durable(&said).unwrap_or(last_committed(&said));
                    let unsaid = u64::from(mode == "abort");
                    assert!((committed..=committed + unsaid).contains(&version), "step {at}: {version}, {said}");
                    check(&root, version, &format!("step {at}: {said}"));
                    check_goes_on(&root, version);
                    if said.contains("reached: false") {
                        through.fetch_min(at, std::sync::atomic::Ordering::SeqCst);
                        assert_eq!(version, VERSIONS.len() as u64);
                        assert!(at > 200, "only {at} steps were seen");
                    }
                    at += AT_ONCE;
                    assert!(at < 5000, "the child never ran through");
                }
            });
        }
    });
}

#[test]
fn a_writer_killed_at_any_step_leaves_every_version_whole_and_the_next_writer_goes_on() {
    at_every_step("abort", 0, |_, _, _| ());
}

#[test]
fn a_disk_that_is_full_from_any_step_on_leaves_what_was_reported_and_nothing_else() {
    at_every_step("fail", ENOSPC, |root, _, context| {
        // Whether a version will last is not known then, and the claims of its files stay.
        if not_durable(context).is_none() {
            check_tidy(root, context);
        }
    });
}

#[test]
fn an_error_at_any_one_step_leaves_what_was_reported() {
    at_every_step("once", EIO, |_, _, _| ());
}

#[test]
fn a_commit_after_a_row_could_not_be_written_loses_nothing_that_was_accepted() {
    for at in 1..200 {
        let dir = tempfile::tempdir().unwrap();
        let (ended, said) = said(start(&dir.path().join("d.surgdb"), "stubborn", &at.to_string(), EIO));
        assert!(ended, "step {at}: {said}");
        if said.contains("reached: false") {
            return assert!(at > 40, "only {at} steps were seen");
        }
    }
    panic!("the child never ran through");
}

/// A dataset with the frames `a/0` … `a/2` and their conversations.
fn small() -> (tempfile::TempDir, Dataset) {
    let dir = tempfile::tempdir().unwrap();
    let dataset = Dataset::create(dir.path().join("d.surgdb")).unwrap();
    let dataset = append(&dataset, "a").unwrap();
    (dir, dataset)
}

fn all_land(writers: usize, children: bool) {
    let (_dir, dataset) = small();
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let dataset = &dataset;
            scope.spawn(move || match children {
                true => {
                    let (ended, said) = said(start(dataset.path(), "append", &format!("w{writer}"), 0));
                    assert!(ended && said.matches("committed").count() == 3, "{said}");
                }
                false => (0..3).for_each(|round| {
                    append(dataset, &format!("w{writer}/{round}")).unwrap();
                }),
            });
        }
    });
    let last = Dataset::open(dataset.path()).unwrap();
    assert_eq!(last.version(), 2 + 3 * writers as u64);
    assert_eq!(last.count(Table::Conversations).unwrap(), 3 + 9 * writers as u64);
    for writer in 0..writers {
        for round in 0..3 {
            for number in 0..3 {
                let id = format!("w{writer}/{round}/{number}");
                let found = last.find(Table::Frames, &id).unwrap().unwrap();
                assert_eq!(*last.frame(found).unwrap().bytes().unwrap().unwrap(), *id.repeat(300).as_bytes());
            }
        }
    }
    check_tidy(dataset.path(), "after all writers");
}

#[test]
fn two_appenders_at_once_both_land() {
    all_land(2, false);
    all_land(2, true);
}

#[test]
fn eight_appenders_at_once_all_land() {
    all_land(8, false);
    all_land(8, true);
}

#[test]
fn a_reference_is_held_to_its_table_however_often_its_row_is_referred_to() {
    let (_dir, dataset) = small();
    let mut appender = dataset.append().unwrap();
    let video = appender.video(&VideoRow { id: "v".into(), source: "mine".into(), ..Default::default() }).unwrap();
    let dataset = appender.commit(Operation::new("append")).unwrap();
    let mut appender = dataset.append().unwrap();
    appender.frame(&FrameRow { video: Some(video), ..frame("right", None) }).unwrap();
    let error = appender.frame(&FrameRow { case: Some(video), ..frame("wrong", None) }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("`case` refers to") && error.to_string().contains("in videos"), "{error}");
}

#[test]
fn folders_that_a_copy_has_lost_are_made_again() {
    let (_dir, dataset) = small();
    let dataset = append(&dataset, "first").unwrap();
    for folder in ["claims", "columns", "deletions", "reports"] {
        std::fs::remove_dir(dataset.path().join(folder)).unwrap();
    }
    let dataset = append(&dataset, "second").unwrap();
    let some = dataset.live_addresses(Table::Conversations).unwrap();
    let dataset = dataset.delete(some.into_iter().take(1), DeleteOptions::default()).unwrap();
    let frames = dataset.live_addresses(Table::Frames).unwrap();
    let mut appender = dataset.append().unwrap();
    appender.update(score(frames, 7)).unwrap();
    let report = appender.commit(Operation::new("column")).unwrap().verify(&mut |_, _| {}).unwrap();
    assert!(report.is_sound(), "{:?}", report.faults);
}

#[test]
fn no_dataset_is_made_among_the_files_of_another() {
    let (_dir, dataset) = small();
    for inside in ["cases", "videos/new.surgdb", "x/y"] {
        let error = Dataset::create(dataset.path().join(inside)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Exists, "{error}");
        assert!(error.to_string().contains("whose files are its own"), "{error}");
    }
    assert!(!dataset.path().join("x").exists());
    let all = dataset.select(Table::Cases, &surgdb::dataset::Filter::all()).unwrap();
    let error = all.save(dataset.path().join("versions/0000000003.json")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists, "{error}");
}
