//! Records without ids of their own, of files that are edited and imported again.

use super::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A map of tables that say which phase a picture shows; their rows have no ids.
const PHASES: &str = "name=\"m\"\n[[table]]\nform=\"csv\"\n[[table.rows]]\nbecome=\"labels\"\npath=\"file\"\n\
                      labels=[{axis=\"phase\",raw=\"phase\"}]\n";

/// A record that asks this about a picture of its own, by its first letter, and says no id.
fn record(word: &str) -> String {
    let picture = &word[..1];
    format!(
        r#"{{"image":"{picture}.png","conversations":[{{"from":"human","value":"<image>?"}},{{"from":"gpt","value":"{word}"}}]}}"#
    )
}

fn lines(words: &[&str]) -> String {
    words.iter().map(|word| record(word) + "\n").collect()
}

fn with_id(word: &str, id: &str) -> String {
    record(word).replacen('{', &format!("{{\"id\":\"{id}\","), 1) + "\n"
}

/// The answers of all conversations, by their ids.
fn answers(place: &Place) -> BTreeMap<String, String> {
    let dataset = place.dataset();
    let rows = dataset.live_addresses(Table::Conversations).unwrap().into_iter();
    rows.map(|address| {
        let row = dataset.conversation_at(address).unwrap().to_row().unwrap();
        (row.id, row.turns[1].text.clone())
    })
    .collect()
}

fn is_there(place: &Place, wanted: &[(&str, &str)]) {
    let wanted = wanted.iter().map(|(id, answer)| ((*id).to_owned(), (*answer).to_owned()));
    assert_eq!(answers(place), wanted.collect());
}

/// What was done to a file: added, there already, changed and kept, replaced.
fn counts(report: &ImportReport) -> [u64; 4] {
    let records = &report.records;
    [records.added, records.unchanged, records.changed_kept, records.replaced]
}

#[test]
fn records_are_known_by_what_they_say_wherever_they_stand() {
    for on_change in [OnChange::Report, OnChange::Keep, OnChange::Add, OnChange::Replace] {
        let mut place = Place::new();
        place.write("t.jsonl", lines(&["a", "b", "c", "d"]));
        place.import(&[&place.folder()]).unwrap();
        place.options.on_change = on_change;
        for (now, done, moved) in [
            (&["new", "a", "b", "c", "d"][..], [1, 4, 0, 0], 4),
            (&["d", "new", "c", "a", "b", "end"], [1, 5, 0, 0], 4),
            (&["a", "c", "d", "new"], [0, 4, 0, 0], 3),
            (&["a", "c", "last", "d", "new"], [1, 4, 0, 0], 2),
        ] {
            place.write("t.jsonl", lines(now));
            let report = place.import(&[&place.folder()]).unwrap();
            assert_eq!(counts(&report), done, "{now:?} {:?}", report.findings);
            let told = report.findings.get(&Kind::AboutFile).map(|told| told.examples[0].detail.clone());
            assert!(
                told.is_some_and(|told| told.starts_with(&format!("{moved} records have other numbers in it"))),
                "{now:?}"
            );
        }
        let wanted = [
            ("t.jsonl#1", "a"),
            ("t.jsonl#2", "b"),
            ("t.jsonl#3", "c"),
            ("t.jsonl#4", "d"),
            ("t.jsonl#6", "new"),
            ("t.jsonl#7", "end"),
            ("t.jsonl#8", "last"),
        ];
        is_there(&place, &wanted);
    }
}

#[test]
fn what_was_corrected_is_a_change_wherever_it_stands() {
    let mut place = Place::new();
    place.write("t.jsonl", lines(&["a", "b", "c", "d"]));
    place.import(&[&place.folder()]).unwrap();
    place.write("t.jsonl", lines(&["new", "a", "b, or so", "d", "c"]));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!(counts(&report), [1, 3, 1, 0]);
    assert_eq!(report.findings[&Kind::ChangedRecord].examples[0].id.as_deref(), Some("t.jsonl#2"));
    place.options.on_change = OnChange::Replace;
    assert_eq!(counts(&place.import(&[&place.folder()]).unwrap()), [0, 4, 0, 1]);
    is_there(
        &place,
        &[("t.jsonl#1", "a"), ("t.jsonl#2", "b, or so"), ("t.jsonl#3", "c"), ("t.jsonl#4", "d"), ("t.jsonl#6", "new")],
    );
    // All of it was corrected: that may be another file, and is asked.
    place.options.on_change = OnChange::Report;
    place.write("t.jsonl", lines(&["n 2", "a 2", "b 2", "d 2"]));
    let error = place.import(&[&place.folder()]).unwrap_err();
    assert!(error.message().contains("4 of these with other content"), "{error}");
    // One about other pictures altogether is no correction.
    place.write("t.jsonl", lines(&["x", "y", "z"]));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((counts(&report), count(&report, Kind::Doubtful)), ([3, 0, 0, 0], 1));
}

#[test]
fn what_a_file_has_no_more_stays_and_is_told() {
    let place = Place::new();
    place.write("t.jsonl", lines(&["a", "b", "c", "d", "e"]));
    place.import(&[&place.folder()]).unwrap();
    place.write("t.jsonl", lines(&["c", "e"]));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!(counts(&report), [0, 2, 0, 0]);
    let told = &report.findings[&Kind::Doubtful].examples[0];
    assert_eq!(told.id.as_deref(), Some("t.jsonl#1"));
    assert!(told.detail.starts_with("\"t.jsonl#1\", and 2 more up to t.jsonl#4: the dataset has it"), "{told:?}");
}

#[test]
fn what_was_deleted_stays_away_and_nothing_else_does() {
    let mut place = Place::new();
    place.write("t.jsonl", lines(&["a", "b", "c"]));
    place.import(&[&place.folder()]).unwrap();
    let second = place.found(Table::Conversations, "t.jsonl#2");
    place.dataset().delete([second], crate::dataset::DeleteOptions::default()).unwrap();
    place.options.on_deleted = OnDeleted::Skip;
    // Taken out of the file, too; and then there again, behind another.
    for (now, done, skipped) in [
        (&["a", "c"][..], [0, 2, 0, 0], 0),
        (&["new", "a", "b", "c"], [1, 2, 0, 0], 1),
        (&["a", "b", "c", "new", "end"], [1, 3, 0, 0], 1),
    ] {
        place.write("t.jsonl", lines(now));
        let report = place.import(&[&place.folder()]).unwrap();
        assert_eq!((counts(&report), report.records.skipped_total()), (done, skipped), "{now:?}");
    }
    is_there(&place, &[("t.jsonl#1", "a"), ("t.jsonl#3", "c"), ("t.jsonl#5", "new"), ("t.jsonl#6", "end")]);
}

#[test]
fn files_whose_names_start_alike_have_nothing_to_do_with_each_other() {
    let place = Place::new();
    let names = ["a.jsonl", "a2.jsonl", "a.b.jsonl", "a/x.jsonl", "ab.jsonl", "a#1.jsonl"];
    for (name, word) in names.iter().zip(["p", "q", "r", "s", "t", "u"]) {
        place.write(name, lines(&[word, "same"]));
    }
    place.import(&[&place.folder()]).unwrap();
    assert_eq!(place.count(Table::Conversations), 12);
    for (name, word) in names.iter().zip(["p", "q", "r", "s", "t", "u"]) {
        place.write(name, lines(&["new", word, "same", "also said", "q"]));
    }
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!(counts(&report)[..2], [18, 12], "{:?}", report.findings);
    assert_eq!(count(&report, Kind::AboutFile), 6);
}

#[test]
fn what_many_records_say_is_as_often_there() {
    let place = Place::new();
    let said = |count: usize| (0..count).map(|at| ["yes", "no", "y"][at % 3]).collect::<Vec<_>>();
    place.write("t.jsonl", lines(&said(300)));
    place.import(&[&place.folder()]).unwrap();
    let mut now = said(310);
    (0..10).for_each(|at| now.insert(17 * at, "other"));
    place.write("t.jsonl", lines(&now));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!(counts(&report), [20, 300, 0, 0]);
    let count = |word: &str| answers(&place).values().filter(|answer| *answer == word).count();
    assert_eq!(["yes", "no", "y", "other"].map(count), [104, 103, 103, 10]);
}

#[test]
fn records_that_got_ids_are_not_taken_twice() {
    let old = ["a", "b", "c", "d"];
    let all: String = old.iter().map(|word| with_id(word, &format!("i-{word}"))).collect();
    let more: String = ["p", "q", "r", "s", "t"].iter().map(|word| with_id(word, word)).collect();
    let some = lines(&old[..3]) + &with_id("d", "k");
    for (now, first) in [(all.clone(), 1), (all + &more, 1), (some, 4)] {
        let place = Place::new();
        place.write("t.jsonl", lines(&old));
        place.import(&[&place.folder()]).unwrap();
        place.write("t.jsonl", now);
        let error = place.import(&[&place.folder()]).unwrap_err();
        let wanted = format!("(t.jsonl#{first} is the first)");
        assert!(error.message().contains("under ids of their own") && error.message().contains(&wanted), "{error}");
        assert_eq!(place.count(Table::Conversations), 4);
    }
}

#[test]
fn records_that_lost_their_ids_are_told() {
    let bare =
        |word: &str| record(word).replace("<image>", "").replace(&format!("\"image\":\"{}.png\",", &word[..1]), "");
    for is_bare in [false, true] {
        let place = Place::new();
        let text = |with_ids: bool| {
            let line = |word: &&str| {
                let line = if is_bare { bare(word) } else { record(word) };
                if with_ids { line.replacen('{', &format!("{{\"id\":\"i-{word}\","), 1) } else { line }
            };
            ["a", "b", "c"].iter().map(|word| line(word) + "\n").collect::<String>()
        };
        place.write("t.jsonl", text(true));
        place.import(&[&place.folder()]).unwrap();
        place.write("t.jsonl", text(false));
        let report = place.import(&[&place.folder()]).unwrap();
        assert_eq!(counts(&report), [3, 0, 0, 0]);
        let told = &report.findings[&Kind::RepeatedConversation];
        assert_eq!(told.count, if is_bare { 1 } else { 3 });
        assert!(told.examples[0].detail.contains("\"i-a\""), "{told:?}");
    }
}

#[test]
fn a_record_that_cannot_be_read_is_not_gone_and_added_columns_go_with_what_moves() {
    let mut place = Place::new();
    place.write("t.jsonl", lines(&["a", "b", "c"]));
    place.import(&[&place.folder()]).unwrap();
    place.options.on_error = OnError::Skip;
    place.write("t.jsonl", lines(&["a", "b"]) + &record("c").replace("]}", ""));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.records.skipped["bad record"], count(&report, Kind::Doubtful)), (1, 0));
    let dataset = place.dataset();
    let scores = Arc::new(arrow_array::Int64Array::from(vec![1, 2, 3]));
    dataset.add_column(Table::Conversations, Column::parse("score?: int64").unwrap(), scores).unwrap();
    place.options.on_change = OnChange::Replace;
    place.write("t.jsonl", lines(&["new", "c", "a", "b, too"]));
    assert_eq!(counts(&place.import(&[&place.folder()]).unwrap()), [1, 2, 0, 1]);
    let dataset = place.dataset();
    let scores = ["t.jsonl#1", "t.jsonl#2", "t.jsonl#3", "t.jsonl#5"].map(|id| {
        let address = place.found(Table::Conversations, id);
        let batch = dataset.take(Table::Conversations, &[address], &["score"]).unwrap();
        let scores = batch.column(0).as_primitive::<arrow_array::types::Int64Type>();
        arrow_array::Array::is_valid(scores, 0).then(|| scores.value(0))
    });
    assert_eq!(scores, [Some(1), Some(2), Some(3), None]);
}

#[test]
fn rows_of_a_table_are_known_by_what_they_say_of_which_picture() {
    let mut place = Place::with_map(PHASES);
    let write = |place: &Place, rows: &[&str]| {
        let rows = rows.iter().map(|row| format!("{row}\n")).collect::<String>();
        place.write("x.csv", format!("file,phase\n{rows}"));
    };
    write(&place, &["1.png,a", "2.png,b", "3.png,c", "4.png,b"]);
    place.whole();
    for (now, on_change, done, gone) in [
        (
            &["1.png,a", "2.png,b", "9.png,bag", "8.png,bag", "3.png,c", "4.png,b"][..],
            OnChange::Report,
            [2, 4, 0, 0],
            0,
        ),
        (&["4.png,b", "2.png,b", "9.png,bag", "8.png,bag", "3.png,c"], OnChange::Keep, [0, 5, 0, 0], 1),
        (
            &["4.png,b", "7.png,a", "2.png,corrected", "9.png,bag", "8.png,bag", "3.png,c"],
            OnChange::Replace,
            [1, 4, 0, 1],
            1,
        ),
    ] {
        place.options.on_change = on_change;
        write(&place, now);
        let report = place.import(&[&place.folder()]).unwrap();
        assert_eq!((counts(&report), count(&report, Kind::Doubtful)), (done, gone), "{now:?} {:?}", report.findings);
    }
    assert_eq!(place.annotation("x#2").labels[0].raw, "corrected");
    assert_eq!(place.count(Table::Annotations), 7);
}

#[test]
fn rows_of_a_table_that_get_ids_are_not_taken_twice() {
    let mut place = Place::with_map(PHASES);
    place.write("x.csv", "file,phase\n1.png,a\n2.png,b\n3.png,c\n");
    place.whole();
    let with_ids = PHASES.replacen("path=", "id=\"name\"\npath=", 1);
    place.options.map = Some(Arc::new(TableMap::from_toml(&with_ids).unwrap()));
    place.write("x.csv", "file,phase,name\n1.png,a,i\n2.png,b,ii\n3.png,c,iii\n");
    let error = place.import(&[&place.folder()]).unwrap_err();
    let wanted = "of \"x.csv\" (surgdb delete, by their ids; annotations with --table annotations)";
    assert!(error.message().contains(wanted), "{error}");
    assert_eq!(place.count(Table::Annotations), 3);
}

#[test]
fn several_statements_of_one_picture_are_told_apart_by_what_they_say() {
    let mut place = Place::with_map(PHASES);
    place.write("x.csv", "file,phase\n1.png,a\n1.png,b\n1.png,c\n");
    assert_eq!(count(&place.whole(), Kind::Doubtful), 0);
    place.options.on_change = OnChange::Replace;
    place.write("x.csv", "file,phase\n1.png,b\n1.png,c\n");
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((counts(&report), count(&report, Kind::Doubtful)), ([0, 2, 0, 0], 1));
    place.write("x.csv", "file,phase\n1.png,new\n1.png,b\n1.png,other\n1.png,c\n");
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!(counts(&report), [1, 2, 0, 1]);
    let said = ["x#1", "x#2", "x#3", "x#5"].map(|id| place.annotation(id).labels[0].raw.clone());
    assert_eq!(said, ["new", "b", "c", "other"]);
}
