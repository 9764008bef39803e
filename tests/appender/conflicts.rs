//! What a commit rests on, what it leaves, and what happens when two want the same.

use super::*;

#[test]
fn an_appender_that_is_dropped_leaves_nothing() {
    let (_dir, dataset) = small();
    let before = files(dataset.path());
    let mut appender = dataset.append_with(options()).unwrap();
    for number in 0..9 {
        let bytes = format!("new {number}").repeat(400);
        let blob = appender.blob(BlobSource::Bytes { media_type: "image/png", bytes: bytes.as_bytes() }).unwrap();
        appender.frame(&frame(&format!("new/{number}"), Some(blob.address))).unwrap();
    }
    appender.report("import", b"{\"a\": 1}").unwrap();
    appender.update(score(dataset.live_addresses(Table::Frames).unwrap(), 1)).unwrap();
    appender.delete(dataset.conversation(0).unwrap().address()).unwrap();
    assert!(files(dataset.path()).len() > before.len() + 5);
    drop(appender);
    assert_eq!(files(dataset.path()), before);
}

#[test]
fn a_commit_that_changes_nothing_makes_no_version() {
    let (_dir, dataset) = small();
    let before = files(dataset.path());
    let same = |appender: Appender| assert_eq!(appender.commit(Operation::new("nothing")).unwrap().version(), 2);
    same(dataset.append().unwrap());
    let mut appender = dataset.append().unwrap();
    appender.source(surgdb::format::manifest::Source { id: "mine".into(), ..Default::default() });
    let known = BlobSource::Bytes { media_type: "image/png", bytes: &b"a/0".repeat(300) };
    assert!(!appender.blob(known).unwrap().is_new);
    assert_eq!(appender.frame(&frame("a/0", None)).unwrap_err().kind(), ErrorKind::Exists);
    same(appender);
    assert_eq!(dataset.delete([], DeleteOptions { cascade: true, ..Default::default() }).unwrap().version(), 2);
    assert_eq!(files(dataset.path()), before);
    let scored = dataset.update_cells(score(dataset.live_addresses(Table::Frames).unwrap(), 1)).unwrap();
    assert_eq!((scored.version(), scored.update_cells(score(Vec::new(), 1)).unwrap().version()), (3, 3));
    let mut appender = scored.append().unwrap();
    appender.report("import", b"{}").unwrap();
    let reported = appender.commit(Operation::new("report")).unwrap();
    let mut again = reported.append().unwrap();
    again.report("import", b"{}").unwrap();
    assert_eq!((reported.version(), again.commit(Operation::new("report")).unwrap().version()), (4, 4));
}

#[test]
fn of_two_appenders_that_add_the_same_id_one_gets_a_conflict() {
    let (_dir, dataset) = small();
    let (mut one, mut other) = (dataset.append().unwrap(), dataset.append().unwrap());
    one.case(&case("x")).unwrap();
    other.case(&case("y")).unwrap();
    other.case(&case("x")).unwrap();
    one.commit(Operation::new("append")).unwrap();
    assert_eq!(other.commit(Operation::new("append")).unwrap_err().kind(), ErrorKind::Conflict);
    let last = Dataset::open(dataset.path()).unwrap();
    assert_eq!((last.version(), last.count(Table::Cases).unwrap()), (3, 1));
    check_tidy(dataset.path(), "after the conflict");
}

#[test]
fn of_eight_threads_that_add_the_same_id_exactly_one_lands() {
    let (_dir, dataset) = small();
    let landed = std::sync::atomic::AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut appender = dataset.append().unwrap();
                appender.case(&case("x")).unwrap();
                match appender.commit(Operation::new("append")) {
                    Ok(_) => drop(landed.fetch_add(1, std::sync::atomic::Ordering::SeqCst)),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
                }
            });
        }
    });
    assert_eq!(landed.into_inner(), 1);
    assert_eq!(Dataset::open(dataset.path()).unwrap().count(Table::Cases).unwrap(), 1);
    check_tidy(dataset.path(), "after the conflicts");
}

#[test]
fn deleting_a_frame_and_referring_to_it_never_both_land() {
    for delete_first in [true, false] {
        let (_dir, dataset) = small();
        // One that nothing refers to.
        let mut appender = dataset.append().unwrap();
        let free = appender.frame(&frame("free", None)).unwrap();
        let dataset = appender.commit(Operation::new("append")).unwrap();
        let mut appender = dataset.append().unwrap();
        appender.conversation(&conversation("new", free)).unwrap();
        match delete_first {
            true => {
                dataset.delete([free], DeleteOptions::default()).unwrap();
                let error = appender.commit(Operation::new("append")).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Conflict);
            }
            false => {
                appender.commit(Operation::new("append")).unwrap();
                let error = dataset.delete([free], DeleteOptions::default()).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Referenced);
            }
        }
        check_tidy(dataset.path(), "after the refusal");
    }
    // And at the same time, many times over.
    let (_dir, mut dataset) = small();
    for round in 0..12 {
        let mut appender = dataset.append().unwrap();
        let free = appender.frame(&frame(&format!("free {round}"), None)).unwrap();
        dataset = appender.commit(Operation::new("append")).unwrap();
        let mut appender = dataset.append().unwrap();
        appender.conversation(&conversation(&format!("new {round}"), free)).unwrap();
        let (deleted, referred) = std::thread::scope(|scope| {
            let deleted = scope.spawn(|| dataset.delete([free], DeleteOptions::default()).is_ok());
            let referred = scope.spawn(|| appender.commit(Operation::new("append")).is_ok());
            (deleted.join().unwrap(), referred.join().unwrap())
        });
        assert!(deleted != referred, "round {round}: {deleted} {referred}");
        dataset = Dataset::open(dataset.path()).unwrap();
        assert_eq!(dataset.is_live(free).unwrap(), referred);
    }
}

#[test]
fn of_two_changes_of_a_columns_cells_the_second_gets_a_conflict() {
    let (_dir, dataset) = small();
    let frames = dataset.live_addresses(Table::Frames).unwrap();
    let dataset = dataset.update_cells(score(frames.clone(), 1)).unwrap();
    // Different cells, but a side file holds a fragment's cells whole.
    dataset.update_cells(score(vec![frames[0]], 2)).unwrap();
    let error = dataset.update_cells(score(vec![frames[0]], 3)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    // Another fragment's cells, and another column's, are no conflict.
    let other = frames.iter().find(|frame| frame.fragment() != frames[0].fragment()).unwrap();
    dataset.update_cells(score(vec![*other], 4)).unwrap();
    let path = Column::parse("path?: text").unwrap();
    let values = Arc::new(LargeStringArray::from(vec!["p"]));
    let last = dataset.update_cells(CellUpdate::new(Table::Frames, path, vec![frames[0]], values)).unwrap();
    let scores = frames.iter().map(|frame| {
        let row = last.row(*frame).unwrap();
        let cell = row.named("score").unwrap();
        cell.array.as_any().downcast_ref::<Int64Array>().unwrap().value(cell.row)
    });
    let expected = frames.iter().map(|frame| if frame == &frames[0] { 2 } else { i64::from(frame == other) * 3 + 1 });
    assert!(scores.eq(expected));
    assert_eq!(last.frame(frames[0]).unwrap().path().unwrap(), Some("p"));
    check_tidy(dataset.path(), "after the conflict");
}

#[test]
fn a_change_of_cells_that_a_compaction_has_folded_meanwhile_gets_a_conflict() {
    let (_dir, dataset) = small();
    let frames = dataset.live_addresses(Table::Frames).unwrap();
    let path = |frame: Address, path: &str| {
        let values = Arc::new(LargeStringArray::from(vec![path.to_owned()]));
        CellUpdate::new(Table::Frames, Column::parse("path?: text").unwrap(), vec![frame], values)
    };
    let first = dataset.update_cells(path(frames[0], "first")).unwrap();
    let folded = first.compact().unwrap();
    assert_eq!(folded.manifest().columns, []);
    // No side file was there, and none is: yet its neighbour is not what it was.
    let error = dataset.update_cells(path(frames[1], "second")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let last = folded.update_cells(path(frames[1], "second")).unwrap();
    let paths = [0, 1].map(|at| last.frame(frames[at]).unwrap().path().unwrap().map(str::to_owned));
    assert_eq!(paths, [Some("first".to_owned()), Some("second".to_owned())]);
}

#[test]
fn two_changes_of_a_column_in_one_commit_are_one() {
    let (_dir, dataset) = small();
    let frames = dataset.live_addresses(Table::Frames).unwrap();
    let mut appender = dataset.append().unwrap();
    appender.update(score(vec![frames[0], frames[1]], 1)).unwrap();
    appender.update(score(vec![frames[1], frames[2]], 2)).unwrap();
    let last = appender.commit(Operation::new("column")).unwrap();
    for (frame, expected) in frames.iter().zip([1, 2, 2]) {
        let row = last.row(*frame).unwrap();
        let cell = row.named("score").unwrap();
        assert_eq!(cell.array.as_any().downcast_ref::<Int64Array>().unwrap().value(cell.row), expected);
    }
}

#[test]
fn a_link_does_not_stand_in_for_bytes_that_are_to_be_kept() {
    let (dir, dataset) = small();
    let path = dir.path().join("picture.png");
    std::fs::write(&path, b"the bytes").unwrap();
    let mut appender = dataset.append().unwrap();
    let link = appender.blob(BlobSource::Linked { media_type: "image/png", path: &path }).unwrap();
    let kept = appender.blob(BlobSource::Bytes { media_type: "image/png", bytes: b"the bytes" }).unwrap();
    let again = appender.blob(BlobSource::Linked { media_type: "image/png", path: &path }).unwrap();
    assert!(link.is_new && kept.is_new && !again.is_new && again.address != link.address);
    let last = appender.commit(Operation::new("append")).unwrap();
    assert_eq!(*last.blob(link.address).unwrap().bytes().unwrap(), *b"the bytes");
    std::fs::write(&path, b"the bytez").unwrap();
    assert_eq!(last.blob(link.address).unwrap().bytes().unwrap_err().kind(), ErrorKind::LinkBroken);
    assert_eq!(*last.blob(kept.address).unwrap().bytes().unwrap(), *b"the bytes");
}

#[test]
fn a_row_that_was_refused_rests_on_nothing() {
    let (_dir, dataset) = small();
    let mut appender = dataset.append().unwrap();
    let free = appender.frame(&frame("free", None)).unwrap();
    let dataset = appender.commit(Operation::new("append")).unwrap();
    let mut appender = dataset.append().unwrap();
    assert_eq!(appender.conversation(&conversation("a/0", free)).unwrap_err().kind(), ErrorKind::Exists);
    appender.case(&case("new")).unwrap();
    dataset.delete([free], DeleteOptions::default()).unwrap();
    appender.commit(Operation::new("append")).unwrap();
}

#[test]
fn an_index_stays_few_runs_however_many_commits_there_are() {
    let dir = tempfile::tempdir().unwrap();
    let mut dataset = Dataset::create(dir.path().join("d.surgdb")).unwrap();
    for number in 0..70 {
        let mut appender = dataset.append().unwrap();
        appender.case(&case(&number.to_string())).unwrap();
        dataset = appender.commit(Operation::new("append")).unwrap();
        let runs = dataset.manifest().index.iter().filter(|run| run.kind == "cases.id").count();
        assert!(runs <= 1 + (number as f64 + 1.0).log2() as usize, "{runs} runs after {} commits", number + 1);
    }
    assert!((0..70).all(|number| dataset.find(Table::Cases, &number.to_string()).unwrap().is_some()));
}

/// A side file has batches of at most 65,536 rows, here over base batches of 1,000.
#[test]
fn a_scan_ends_its_batches_where_base_or_side_files_end_theirs() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = Dataset::create(dir.path().join("d.surgdb")).unwrap();
    let options = WriterOptions { batch_rows: 1000, ..WriterOptions::default() };
    let mut appender = dataset.append_with(options).unwrap();
    let count = 66_000;
    for number in 0..count {
        appender.case(&case(&number.to_string())).unwrap();
    }
    let dataset = appender.commit(Operation::new("append")).unwrap();
    let scores = Arc::new(Int64Array::from_iter_values(0..count));
    let dataset = dataset.add_column(Table::Cases, Column::parse("score?: int64").unwrap(), scores).unwrap();
    let (mut seen, mut pieces) = (0, 0);
    for piece in dataset.scan(Table::Cases).columns(["id", "score"]).unwrap().batches() {
        let piece = piece.unwrap();
        let ids = piece.batch.column(0).as_any().downcast_ref::<LargeStringArray>().unwrap();
        let scores = piece.batch.column(1).as_any().downcast_ref::<Int64Array>().unwrap();
        for (id, score) in ids.iter().zip(scores) {
            assert_eq!((id, score), (Some(seen.to_string().as_str()), Some(seen)));
            seen += 1;
        }
        pieces += 1;
    }
    assert_eq!((seen, pieces), (count, 67));
}
