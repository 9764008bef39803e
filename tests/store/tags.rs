//! Tags: a name leads to the version that it was given to, whatever happens since.

use crate::common::small::{Profile, build};
use surgdb::dataset::{DeleteOptions, RowsDiff};
use surgdb::{Dataset, ErrorKind, Table};

#[test]
fn a_tag_keeps_leading_to_its_version() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("d.surgdb");
    let dataset = build(&root, Profile::Train).unwrap();
    let version = dataset.version();
    let tagged = dataset.tag("runs/a-1").unwrap();
    assert_eq!((tagged.version(), &tagged.manifest().operation.kind), (version + 1, &"tag".to_owned()));
    assert!(dataset.diff(&tagged).unwrap().is_empty());
    let again = dataset.tag("runs/a-1").unwrap();
    assert_eq!(again.version(), version + 1, "a tag that is there already makes no version");

    let first = tagged.address(Table::Conversations, 0).unwrap();
    tagged.delete([first], DeleteOptions::default()).unwrap();
    let opened = Dataset::options().tag("runs/a-1").open(&root).unwrap();
    assert_eq!(opened.version(), version);
    assert!(opened.is_live(first).unwrap());
    assert_eq!(opened.tags().unwrap().into_iter().collect::<Vec<_>>(), [("runs/a-1".to_owned(), version)]);
    assert!(Dataset::open(&root).unwrap().verify(&mut |_, _| {}).unwrap().is_sound());
}

#[test]
fn a_tag_is_moved_only_when_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let first = Dataset::create(dir.path().join("d.surgdb")).unwrap();
    let second = first.tag("a").unwrap();
    let refused = second.tag("a").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Exists);
    assert!(refused.message().contains("version 1"), "{refused}");
    let third = second.move_tag("a").unwrap();
    assert_eq!(third.manifest().tags["a"], 2);
    let fourth = first.untag("a").unwrap();
    assert!(fourth.version() == 4 && fourth.manifest().tags.is_empty());
    assert_eq!(fourth.untag("a").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn names_are_held_to_what_a_command_line_and_a_path_can_take() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = Dataset::create(dir.path().join("d.surgdb")).unwrap();
    for name in ["", "7", "-a", ".a", "/a", "a b", "a\n", "a\u{1b}[2J", "a:b", &"a".repeat(101)] {
        assert_eq!(dataset.tag(name).unwrap_err().kind(), ErrorKind::Invalid, "{name:?}");
    }
    for name in ["v1", "_x", "2024-paper", "Lauf-ä/1.0", &"a".repeat(100)] {
        dataset.tag(name).unwrap();
    }
    assert_eq!(dataset.tags().unwrap().len(), 5);
}

#[test]
fn writers_that_tag_and_append_at_once_all_land() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = Dataset::create(dir.path().join("d.surgdb")).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let dataset = &dataset;
            scope.spawn(move || (0..5).for_each(|round| drop(dataset.tag(&format!("t{writer}-{round}")).unwrap())));
        }
    });
    assert_eq!(dataset.tags().unwrap().len(), 20);
}

#[test]
fn a_diff_counts_what_came_and_what_went() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("d.surgdb");
    let dataset = build(&root, Profile::Train).unwrap();
    let empty = Dataset::options().version(1).open(&root).unwrap();
    let diff = empty.diff(&dataset).unwrap();
    for table in Table::ALL {
        assert_eq!(diff.rows[&table], RowsDiff { added: dataset.count(table).unwrap(), gone: 0 }, "{table}");
    }
    assert_eq!(diff.sources.added.len(), 2);
    assert!(diff.replaced.added.contains("frames.kind") && diff.columns.added.contains("conversations.split"));
    for number in 1..=dataset.version() {
        let older = Dataset::options().version(number).open(&root).unwrap();
        let (there, back) = (older.diff(&dataset).unwrap(), dataset.diff(&older).unwrap());
        for table in Table::ALL {
            let (rows, undone) = (there.rows.get(&table), back.rows.get(&table));
            let (rows, undone) = (rows.copied().unwrap_or_default(), undone.copied().unwrap_or_default());
            assert_eq!((rows.added, rows.gone), (undone.gone, undone.added));
            assert_eq!(older.count(table).unwrap() + rows.added - rows.gone, dataset.count(table).unwrap(), "{table}");
        }
    }
    let other = Dataset::create(dir.path().join("e.surgdb")).unwrap();
    assert_eq!(other.diff(&dataset).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn a_version_and_a_tag_at_once_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("d.surgdb");
    Dataset::create(&path).unwrap().tag("paper").unwrap();
    let error = Dataset::options().version(2).tag("paper").open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("version 2 and the tag \"paper\""), "{error}");
}
