//! Copies: the same rows under new addresses, with all that they lead to, and nothing twice.

mod shared;

use crate::common::samples::{Refer, samples};
use crate::common::small::{Profile, build};
use crate::common::stored::stored;
use arrow_array::cast::AsArray;
use std::collections::{BTreeMap, HashMap};
use surgdb::dataset::{BlobSource, CellUpdate, CopiedRows, CopyOptions, CopyReport, DeleteOptions, Filter, Selection};
use surgdb::format::manifest::{Home, Import, Source};
use surgdb::format::notation::{Column, ColumnType};
use surgdb::rows::*;
use surgdb::schema::record;
use surgdb::{Address, Dataset, ErrorKind, FragmentId, Operation, Result, Table};

/// Gives rows of the same table, source and id the same address, whatever dataset they are in; blobs by their content.
#[derive(Default)]
struct Symbols(HashMap<(Table, String), Address>);

impl Symbols {
    fn of(&mut self, dataset: &Dataset, address: Address) -> Address {
        let table = dataset.table_of(address).unwrap();
        let name = match table {
            Table::Blobs => format!("{:?}", dataset.blob(address).unwrap().digest().unwrap()),
            _ => name(dataset, address),
        };
        let next = FragmentId::new(9).unwrap().address(self.0.len() as u32);
        *self.0.entry((table, name)).or_insert(next)
    }
}

/// Source and id of a row.
fn name(dataset: &Dataset, address: Address) -> String {
    macro_rules! of {
        ($fetch:ident) => {{
            let row = dataset.$fetch(address).unwrap();
            format!("{}/{}", row.source().unwrap(), row.id().unwrap())
        }};
    }
    match dataset.table_of(address).unwrap() {
        Table::Cases => of!(case),
        Table::Videos => of!(video),
        Table::Frames => of!(frame),
        Table::Annotations => of!(annotation),
        _ => of!(conversation_at),
    }
}

#[derive(Debug, Default, PartialEq)]
struct Rows {
    cases: BTreeMap<String, CaseRow>,
    videos: BTreeMap<String, VideoRow>,
    frames: BTreeMap<String, (FrameRow, Option<Vec<u8>>)>,
    annotations: BTreeMap<String, AnnotationRow>,
    conversations: BTreeMap<String, ConversationRow>,
    blobs: u64,
}

fn rows(dataset: &Dataset, symbols: &mut Symbols) -> Rows {
    let mut rows = Rows { blobs: dataset.count(Table::Blobs).unwrap(), ..Rows::default() };
    let all = |table| dataset.live_addresses(table).unwrap();
    for address in all(Table::Cases) {
        rows.cases.insert(name(dataset, address), dataset.case(address).unwrap().to_row().unwrap());
    }
    for address in all(Table::Videos) {
        let mut row = dataset.video(address).unwrap().to_row().unwrap();
        row.refer(&mut |address| symbols.of(dataset, address));
        rows.videos.insert(name(dataset, address), row);
    }
    for address in all(Table::Frames) {
        let frame = dataset.frame(address).unwrap();
        let mut row = frame.to_row().unwrap();
        row.refer(&mut |address| symbols.of(dataset, address));
        rows.frames.insert(name(dataset, address), (row, frame.bytes().unwrap().map(|bytes| bytes.into_owned())));
    }
    for address in all(Table::Annotations) {
        let mut row = dataset.annotation(address).unwrap().to_row().unwrap();
        row.refer(&mut |address| symbols.of(dataset, address));
        rows.annotations.insert(name(dataset, address), row);
    }
    for address in all(Table::Conversations) {
        let mut row = dataset.conversation_at(address).unwrap().to_row().unwrap();
        row.refer(&mut |address| symbols.of(dataset, address));
        rows.conversations.insert(name(dataset, address), row);
    }
    rows
}

fn new(dir: &tempfile::TempDir, name: &str) -> Dataset {
    Dataset::create(dir.path().join(name)).unwrap()
}

fn copy(from: &Dataset, to: &Dataset, options: &CopyOptions) -> Result<(Dataset, CopyReport)> {
    from.copy_to(to, options, &mut |_| Ok(()))
}

fn sound(dataset: &Dataset) {
    let report = dataset.verify(&mut |_, _| {}).unwrap();
    assert!(report.is_sound(), "{:?}", report.faults);
}

fn of_ids(dataset: &Dataset, ids: &[&str]) -> CopyOptions {
    let addresses = ids.iter().map(|id| dataset.find(Table::Conversations, id).unwrap().unwrap());
    let selection = Selection::of(dataset, Table::Conversations, addresses).unwrap();
    CopyOptions { selection: Some(selection), ..CopyOptions::default() }
}

#[test]
fn a_whole_copy_has_the_same_rows_columns_sources_and_reports() {
    let dir = tempfile::tempdir().unwrap();
    for (number, from) in [
        stored(&dir.path().join("samples.surgdb"), samples()),
        build(&dir.path().join("small.surgdb"), Profile::Train).unwrap(),
        build(&dir.path().join("compacted.surgdb"), Profile::Compacted).unwrap(),
    ]
    .iter()
    .enumerate()
    {
        let empty = new(&dir, &format!("to{number}.surgdb"));
        let (to, report) = copy(from, &empty, &CopyOptions::default()).unwrap();
        sound(&to);
        let mut symbols = Symbols::default();
        assert_eq!(rows(from, &mut symbols), rows(&to, &mut symbols));
        assert_eq!(report.version, Some(2));
        for table in Table::ALL {
            assert_eq!(report.rows[&table].added, from.count(table).unwrap(), "{table}");
        }
        for source in &from.manifest().sources {
            assert_eq!(to.manifest().source(&source.id), Some(source));
        }
        let added = |dataset: &Dataset| {
            let sides = dataset.manifest().columns.iter().filter(|side| !side.replaces);
            sides.map(|side| (side.table.clone(), side.name.clone(), side.ty.clone())).collect::<Vec<_>>()
        };
        assert_eq!(added(from), added(&to));

        let (again, report) = copy(from, &to, &CopyOptions::default()).unwrap();
        assert_eq!((again.version(), report.version), (2, None), "{report:?}");
        assert!(report.rows.values().all(|rows| rows.added == 0 && rows.kept == 0));
    }
}

#[test]
fn added_columns_go_with_their_rows_and_their_addresses_follow() {
    let dir = tempfile::tempdir().unwrap();
    let from = build(&dir.path().join("small.surgdb"), Profile::Train).unwrap();
    // The target has rows already, so that no address is the same by chance.
    let (to, report) = copy(&from, &one(&dir, "to.surgdb", b"x", None), &CopyOptions::default()).unwrap();
    let twins = |dataset: &Dataset| -> Vec<(String, String)> {
        let filter = Filter::has("twin");
        let selected = dataset.select(Table::Frames, &filter).unwrap();
        let twin = |address| {
            let cell = dataset.frame(address).unwrap();
            let cell = cell.row().named("twin").unwrap();
            let values = arrow_array::cast::as_primitive_array::<arrow_array::types::Int64Type>(cell.array);
            Address::new(values.value(cell.row)).unwrap()
        };
        selected.iter().map(|address| (name(dataset, address), name(dataset, twin(address)))).collect()
    };
    assert!(!twins(&from).is_empty());
    assert_eq!(twins(&from), twins(&to));
    let split =
        |dataset: &Dataset, part: &str| dataset.select(Table::Conversations, &Filter::eq("split", part)).unwrap();
    for part in ["train", "test", "val"] {
        assert_eq!(split(&from, part).len(), split(&to, part).len(), "{part}");
    }
    assert_eq!(report.columns["frames.twin"], twins(&from).len() as u64);
}

#[test]
fn a_subset_takes_what_it_leads_to_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let from = stored(&dir.path().join("samples.surgdb"), samples());
    let first = from.conversation(0).unwrap();
    let options = of_ids(&from, &[first.id().unwrap()]);
    let (to, report) = copy(&from, &new(&dir, "to.surgdb"), &options).unwrap();
    sound(&to);
    let mut symbols = Symbols::default();
    let (all, part) = (rows(&from, &mut symbols), rows(&to, &mut symbols));
    assert_eq!(part.conversations.len(), 1);
    assert!(part.conversations.iter().all(|(name, row)| all.conversations.get(name) == Some(row)));
    assert!(part.frames.iter().all(|(name, row)| all.frames.get(name) == Some(row)));
    assert!(!part.frames.is_empty() && part.frames.len() < all.frames.len());
    assert!(part.blobs < all.blobs && report.bytes > 0);
    // The rest in a second copy: in the end all that any conversation leads to is there once.
    let rest = from.select(Table::Conversations, &!Filter::eq("id", first.id().unwrap())).unwrap();
    let rest = CopyOptions { selection: Some(rest), ..CopyOptions::default() };
    let (to, _) = copy(&from, &to, &rest).unwrap();
    sound(&to);
    assert_eq!(rows(&to, &mut symbols).conversations, all.conversations);
}

#[test]
fn what_was_said_of_pictures_goes_with_them_where_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let from = stored(&dir.path().join("samples.surgdb"), samples());
    let shown = from.live_addresses(Table::Annotations).unwrap();
    let target = from.annotation(shown[0]).unwrap().target().unwrap();
    let table = from.table_of(target).unwrap();
    let selection = Selection::of(&from, table, [target]).unwrap();
    let mut options = CopyOptions { selection: Some(selection), ..CopyOptions::default() };
    let (without, _) = copy(&from, &new(&dir, "without.surgdb"), &options).unwrap();
    assert_eq!(without.count(Table::Annotations).unwrap(), 0);
    options.annotations = true;
    let (with, _) = copy(&from, &new(&dir, "with.surgdb"), &options).unwrap();
    assert!(with.count(Table::Annotations).unwrap() >= from.annotations_of(target).unwrap().len() as u64);
    sound(&with);
}

/// A dataset with one conversation about one picture, of one source.
fn one(dir: &tempfile::TempDir, name: &str, picture: &[u8], licence: Option<&str>) -> Dataset {
    let mut appender = new(dir, name).append().unwrap();
    appender.source(Source { id: "s".into(), licence: licence.map(str::to_owned), ..Source::default() });
    let blob = appender.blob(BlobSource::Bytes { media_type: "image/x", bytes: picture }).unwrap();
    let mut frame = FrameRow {
        id: "f".into(),
        source: "s".into(),
        kind: "rgb".into(),
        path: Some(name.into()),
        ..FrameRow::default()
    };
    frame.record = Some(record::of_frame(&frame, &mut |_, _| Ok(())).unwrap());
    let frame = appender.frame(&FrameRow { blob: Some(blob.address), ..frame }).unwrap();
    let turn = TurnRow { role: "user".into(), text: "What is it?".into(), ..TurnRow::default() };
    let mut row = ConversationRow {
        id: "c".into(),
        source: "s".into(),
        task: "t".into(),
        turns: vec![turn],
        media: vec![MediumRow { turn: 0, refs: vec![frame], ..MediumRow::default() }],
        ..ConversationRow::default()
    };
    row.record = Some(record::of_conversation(&row, &mut name_of("s", "f")).unwrap());
    appender.conversation(&row).unwrap();
    appender.commit(Operation::new("append")).unwrap()
}

fn name_of(source: &str, id: &str) -> impl FnMut(Address, &mut Vec<u8>) -> Result<()> {
    let name = format!("{source}\0{id}");
    move |_, out| {
        out.extend_from_slice(name.as_bytes());
        Ok(())
    }
}

#[test]
fn another_row_with_the_same_id_stops_the_copy_is_kept_or_gets_another_source() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (one(&dir, "a.surgdb", b"one", None), one(&dir, "b.surgdb", b"two", None));
    let refused = copy(&b, &a, &CopyOptions::default()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Exists);
    assert!(refused.to_string().contains("--as s=NAME"), "{refused}");
    assert_eq!(Dataset::open(a.path()).unwrap().version(), a.version());

    let kept = CopyOptions { keep_clashing: true, ..CopyOptions::default() };
    let (after, report) = copy(&b, &a, &kept).unwrap();
    assert_eq!((report.rows[&Table::Frames].kept, after.count(Table::Frames).unwrap()), (1, 1));
    // Bytes that nothing would show stay behind.
    assert_eq!((report.bytes, after.count(Table::Blobs).unwrap()), (0, 1));

    let sources = BTreeMap::from([("s".to_owned(), "s-b".to_owned())]);
    let renamed = CopyOptions { sources, ..CopyOptions::default() };
    let (after, report) = copy(&b, &a, &renamed).unwrap();
    sound(&after);
    assert_eq!((after.count(Table::Conversations).unwrap(), report.rows[&Table::Frames].added), (2, 1));
    let address = after.find_in(Table::Conversations, "s-b", "c").unwrap().unwrap();
    let row = after.conversation_at(address).unwrap().to_row().unwrap();
    let frame = after.frame(row.media[0].refs[0]).unwrap();
    assert_eq!((frame.source().unwrap(), frame.bytes().unwrap().unwrap().as_ref()), ("s-b", &b"two"[..]));
    // As an import of the same record under the new name would have it.
    let digest = record::of_conversation(&row, &mut name_of("s-b", "f")).unwrap();
    assert_eq!(row.record, Some(digest));
    let (_, report) = copy(&b, &after, &renamed).unwrap();
    assert_eq!((report.version, report.rows[&Table::Conversations].there), (None, 1));
}

#[test]
fn rows_that_were_deleted_from_the_target_are_counted_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (one(&dir, "a.surgdb", b"one", None), new(&dir, "b.surgdb"));
    let (b, _) = copy(&a, &b, &CopyOptions::default()).unwrap();
    let frame = b.find_in(Table::Frames, "s", "f").unwrap().unwrap();
    let b = b.delete([frame], DeleteOptions { cascade: true, ..DeleteOptions::default() }).unwrap();
    assert_eq!((b.count(Table::Frames).unwrap(), b.count(Table::Conversations).unwrap()), (0, 0));
    let refused = copy(&a, &b, &CopyOptions { refuse_deleted: true, ..CopyOptions::default() }).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Deleted);
    assert!(refused.to_string().contains("frame \"f\" of the source \"s\" was deleted"), "{refused}");
    assert_eq!(Dataset::open(b.path()).unwrap().version(), b.version());
    let (_, report) = copy(&a, &b, &CopyOptions::default()).unwrap();
    for table in [Table::Frames, Table::Conversations] {
        assert_eq!((report.rows[&table].added, report.rows[&table].again), (1, 1), "{table}");
    }
    // Into a dataset that never had them nothing comes again.
    let (_, report) = copy(&a, &new(&dir, "c.surgdb"), &CopyOptions::default()).unwrap();
    assert!(report.rows.values().all(|rows| rows.again == 0));
}

#[test]
fn the_same_content_is_stored_once() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (one(&dir, "a.surgdb", b"same", None), one(&dir, "b.surgdb", b"same", None));
    let sources = BTreeMap::from([("s".to_owned(), "s-b".to_owned())]);
    let (after, report) = copy(&b, &a, &CopyOptions { sources, ..CopyOptions::default() }).unwrap();
    assert_eq!((after.count(Table::Blobs).unwrap(), report.bytes), (1, 0));
    assert_eq!(report.rows[&Table::Blobs].there, 1);
}

#[test]
fn licences_go_along_and_are_never_swapped() {
    let dir = tempfile::tempdir().unwrap();
    let strict = one(&dir, "strict.surgdb", b"x", Some("CC BY-NC 4.0"));
    let (to, report) = copy(&strict, &new(&dir, "to.surgdb"), &CopyOptions::default()).unwrap();
    assert_eq!(to.manifest().source("s").unwrap().licence.as_deref(), Some("CC BY-NC 4.0"));
    assert_eq!(report.sources["s"].as_deref(), Some("CC BY-NC 4.0"));
    let free = one(&dir, "free.surgdb", b"x", Some("CC0"));
    let refused = copy(&strict, &free, &CopyOptions { keep_clashing: true, ..CopyOptions::default() }).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    assert!(refused.to_string().contains("CC0") && refused.to_string().contains("--as"), "{refused}");
    // Another spelling is the same licence; one that says nothing learns it.
    let spelt = one(&dir, "spelt.surgdb", b"x", Some("cc-by-nc-4.0"));
    copy(&strict, &spelt, &CopyOptions { keep_clashing: true, ..CopyOptions::default() }).unwrap();
    let silent = one(&dir, "silent.surgdb", b"x", None);
    let (after, _) = copy(&strict, &silent, &CopyOptions { keep_clashing: true, ..CopyOptions::default() }).unwrap();
    assert_eq!(after.manifest().source("s").unwrap().licence.as_deref(), Some("CC BY-NC 4.0"));
}

#[test]
fn linked_files_stay_linked_and_need_not_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.mp4");
    std::fs::write(&file, "a video").unwrap();
    let mut appender = new(&dir, "from.surgdb").append().unwrap();
    let blob = appender.blob(BlobSource::Linked { media_type: "video/mp4", path: &file }).unwrap();
    let video = VideoRow { id: "v".into(), source: "s".into(), blob: Some(blob.address), ..VideoRow::default() };
    appender.video(&video).unwrap();
    let from = appender.commit(Operation::new("append")).unwrap();
    std::fs::rename(&file, dir.path().join("moved.mp4")).unwrap();
    let (to, _) = copy(&from, &new(&dir, "to.surgdb"), &CopyOptions::default()).unwrap();
    std::fs::rename(dir.path().join("moved.mp4"), &file).unwrap();
    let address = to.address(Table::Videos, 0).unwrap();
    assert_eq!(to.video(address).unwrap().bytes().unwrap().unwrap().as_ref(), b"a video");
    sound(&to);
}

#[test]
fn large_blobs_are_copied_too() {
    let dir = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..(33u32 << 20)).map(|at| (at ^ (at >> 9)) as u8).collect();
    let from = one(&dir, "from.surgdb", &bytes, None);
    let (to, _) = copy(&from, &new(&dir, "to.surgdb"), &CopyOptions::default()).unwrap();
    let frame = to.address(Table::Frames, 0).unwrap();
    assert!(to.frame(frame).unwrap().bytes().unwrap().unwrap().as_ref() == bytes);
    sound(&to);
}

#[test]
fn damage_is_not_copied() {
    let dir = tempfile::tempdir().unwrap();
    let picture = [0x5a; 4096];
    let from = one(&dir, "from.surgdb", &picture, None);
    let path = from.path().join(&from.manifest().files["blobs"][0].path);
    let mut file = std::fs::read(&path).unwrap();
    let at = file.windows(64).position(|window| window == &picture[..64]).unwrap();
    file[at + 100] ^= 1;
    std::fs::write(&path, file).unwrap();
    let trusting = Dataset::options().verify(surgdb::VerifyLevel::Trusted).open(from.path()).unwrap();
    let to = new(&dir, "to.surgdb");
    let error = copy(&trusting, &to, &CopyOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert_eq!(Dataset::open(to.path()).unwrap().version(), 1);
}

#[test]
fn a_dataset_is_not_copied_into_itself_and_a_stopped_copy_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let from = one(&dir, "from.surgdb", b"x", None);
    let same = Dataset::open(dir.path().join("./from.surgdb")).unwrap();
    assert_eq!(copy(&from, &same, &CopyOptions::default()).unwrap_err().kind(), ErrorKind::Invalid);
    let to = new(&dir, "to.surgdb");
    let stop = surgdb::Error::new(ErrorKind::Interrupted, "stop");
    let mut stop = Some(stop);
    let stopped = from.copy_to(&to, &CopyOptions::default(), &mut |_| stop.take().map_or(Ok(()), Err)).unwrap_err();
    assert_eq!(stopped.kind(), ErrorKind::Interrupted);
    assert_eq!(std::fs::read_dir(to.path().join("claims")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(to.path().join("frames")).unwrap().count(), 0);
}

/// A dataset with a report of the import of its source, and that report's file.
fn with_report(dir: &tempfile::TempDir, name: &str) -> (Dataset, std::path::PathBuf) {
    let mut appender = one(dir, name, b"x", None).append().unwrap();
    let report = appender.report("import of s", b"{\"rows\": 1}").unwrap();
    let import = Import { importer: "test".into(), report: Some(report.clone()), ..Import::default() };
    appender.source(Source { id: "s".into(), imports: vec![import], ..Source::default() });
    let dataset = appender.commit(Operation::new("append")).unwrap();
    let file = dataset.path().join(report);
    (dataset, file)
}

#[test]
fn a_report_that_is_not_what_its_name_says_is_not_copied() {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("secret");
    // As long as the report, so that its digest alone gives it away.
    std::fs::write(&secret, "my password").unwrap();
    let pipe = dir.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
    let (from, file) = with_report(&dir, "from.surgdb");
    assert_eq!(std::fs::metadata(&file).unwrap().len(), std::fs::metadata(&secret).unwrap().len());
    let instead =
        [(secret.as_path(), ErrorKind::Corrupt), (&pipe, ErrorKind::Io), ("/dev/zero".as_ref(), ErrorKind::Io)];
    for (number, (other, kind)) in instead.into_iter().enumerate() {
        std::fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink(other, &file).unwrap();
        let to = new(&dir, &format!("to{number}.surgdb"));
        let error = copy(&from, &to, &CopyOptions::default()).unwrap_err();
        assert_eq!((error.kind(), error.file()), (kind, Some(file.as_path())), "{error}");
        assert_eq!(Dataset::open(to.path()).unwrap().version(), 1);
        assert_eq!(std::fs::read_dir(to.path().join("reports")).unwrap().count(), 0);
        let report = from.verify(&mut |_, _| {}).unwrap();
        assert_eq!(report.faults.len(), 1, "{:?}", report.faults);
    }
}

#[test]
fn reports_stay_behind_where_not_all_is_copied_or_they_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let (from, file) = with_report(&dir, "from.surgdb");
    let report_of = |dataset: &Dataset| dataset.manifest().source("s").unwrap().imports[0].report.clone();
    let (to, report) = copy(&from, &new(&dir, "whole.surgdb"), &CopyOptions::default()).unwrap();
    assert_eq!((report_of(&to), report.reports_left), (report_of(&from), 0));
    let (to, report) = copy(&from, &new(&dir, "part.surgdb"), &of_ids(&from, &["c"])).unwrap();
    assert_eq!((report_of(&to), report.reports_left), (None, 1));
    sound(&to);
    let mut appender = from.append().unwrap();
    appender.delete(from.find(Table::Conversations, "c").unwrap().unwrap()).unwrap();
    let less = appender.commit(Operation::new("delete")).unwrap();
    let (to, report) = copy(&less, &new(&dir, "less.surgdb"), &CopyOptions::default()).unwrap();
    assert_eq!((report_of(&to), report.reports_left), (None, 1));
    assert_eq!(std::fs::read_dir(to.path().join("reports")).unwrap().count(), 0);
    std::fs::remove_file(&file).unwrap();
    let (to, report) = copy(&from, &new(&dir, "gone.surgdb"), &CopyOptions::default()).unwrap();
    assert_eq!((report_of(&to), report.reports_left), (None, 1));
    sound(&to);
}

/// The same picture as it was imported, with its bytes or without, and a conversation.
fn half(dir: &tempfile::TempDir, name: &str, bytes: Option<&[u8]>) -> Dataset {
    let mut appender = new(dir, name).append().unwrap();
    let mut frame = FrameRow { id: "f".into(), source: "s".into(), kind: "rgb".into(), ..FrameRow::default() };
    frame.record = Some(record::of_frame(&frame, &mut |_, _| Ok(())).unwrap());
    let blob = bytes.map(|bytes| appender.blob(BlobSource::Bytes { media_type: "image/x", bytes }).unwrap().address);
    appender.frame(&FrameRow { blob, width: blob.map(|_| 4), height: blob.map(|_| 3), ..frame }).unwrap();
    appender.commit(Operation::new("append")).unwrap()
}

fn with_scores(dataset: &Dataset, column: &str, value: f64) -> Dataset {
    let frame = dataset.find(Table::Frames, "f").unwrap().unwrap();
    let column = Column::new(column, ColumnType::parse("float64").unwrap(), true);
    let values = std::sync::Arc::new(arrow_array::Float64Array::from(vec![value]));
    let mut appender = dataset.append().unwrap();
    appender.update(CellUpdate::new(Table::Frames, column, vec![frame], values)).unwrap();
    appender.commit(Operation::new("column")).unwrap()
}

#[test]
fn a_row_that_is_there_gets_what_it_lacks_and_keeps_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let from = with_scores(&half(&dir, "from.surgdb", Some(b"picture")), "sharp", 0.5);
    let from = with_scores(&from, "bright", 0.25);
    let into = with_scores(&half(&dir, "into.surgdb", None), "bright", 0.75);
    let (to, report) = copy(&from, &into, &CopyOptions::default()).unwrap();
    sound(&to);
    let frames = CopiedRows { there: 1, filled: 1, ..CopiedRows::default() };
    assert_eq!(report.rows[&Table::Frames], frames);
    let address = to.find(Table::Frames, "f").unwrap().unwrap();
    let frame = to.frame(address).unwrap();
    assert_eq!(frame.bytes().unwrap().as_deref(), Some(&b"picture"[..]));
    assert_eq!((frame.width().unwrap(), frame.height().unwrap()), (Some(4), Some(3)));
    let scores = to.take(Table::Frames, &[address], &["sharp", "bright"]).unwrap();
    let score = |at: usize| scores.column(at).as_primitive::<arrow_array::types::Float64Type>().value(0);
    assert_eq!((score(0), score(1)), (0.5, 0.75));
    assert_eq!(report.columns, BTreeMap::from([("frames.sharp".to_owned(), 1)]));
    assert_eq!(report.columns_kept, BTreeMap::from([("frames.bright".to_owned(), 1)]));
    // One that has other bytes is another, which is kept where that is asked for.
    let other = half(&dir, "other.surgdb", Some(b"another picture"));
    let again = half(&dir, "again.surgdb", Some(b"picture"));
    let error = copy(&again, &other, &CopyOptions::default()).unwrap_err();
    assert_eq!(error.kind(), surgdb::ErrorKind::Exists, "{error}");
    let (to, report) = copy(&again, &other, &CopyOptions { keep_clashing: true, ..CopyOptions::default() }).unwrap();
    assert_eq!(report.rows[&Table::Frames], CopiedRows { kept: 1, ..CopiedRows::default() });
    let frame = to.frame(to.find(Table::Frames, "f").unwrap().unwrap()).unwrap();
    assert_eq!(frame.bytes().unwrap().as_deref(), Some(&b"another picture"[..]));
}

/// A dataset whose source was imported from this folder, where one is said.
fn from_folder(dir: &tempfile::TempDir, name: &str, folder: Option<&str>) -> Dataset {
    let mut appender = half(dir, name, None).append().unwrap();
    let home = |folder: &str| Home { folder: folder.repeat(32), above: 0, names: "0".repeat(32) };
    let import = Import { importer: "test".into(), homes: folder.map(home).into_iter().collect(), ..Import::default() };
    appender.source(Source { id: "s".into(), imports: vec![import], ..Source::default() });
    appender.commit(Operation::new("append")).unwrap()
}

#[test]
fn sources_of_other_folders_become_one_only_where_that_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let from = from_folder(&dir, "from.surgdb", Some("a"));
    for (name, folder, is_refused) in [("b", Some("b"), true), ("a", Some("a"), false), ("none", None, false)] {
        let into = from_folder(&dir, &format!("{name}.surgdb"), folder);
        let copied = copy(&from, &into, &CopyOptions::default());
        assert_eq!(copied.is_err(), is_refused, "{name}");
        if let Err(error) = copied {
            assert!(error.message().contains("--as s=NAME") && error.message().contains("--same-names"), "{error}");
            copy(&from, &into, &CopyOptions { same_names: true, ..CopyOptions::default() }).unwrap();
        }
    }
}
