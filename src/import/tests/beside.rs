//! Files of one source whose records count from 0 in each.

use super::*;

/// Records 0, 1, … that ask these questions.
fn records(questions: &[&str]) -> String {
    let record = |(id, question): (usize, &&str)| {
        format!(
            r#"{{"id":{id},"image":"{question}.png","conversations":[{{"from":"human","value":"{question}"}},{{"from":"gpt","value":"x"}}]}}"#
        )
    };
    questions.iter().enumerate().map(record).collect::<Vec<_>>().join("\n")
}

fn question(place: &Place, id: &str) -> String {
    let dataset = place.dataset();
    let row = dataset.conversation_at(place.found(Table::Conversations, id)).unwrap().to_row().unwrap();
    row.turns[0].text.clone()
}

#[test]
fn a_second_file_that_counts_from_0_again_is_not_taken_for_a_change() {
    let mut place = Place::new();
    let train = place.write("train.jsonl", records(&["a", "b"]));
    let val = place.write("val.jsonl", records(&["c", "d", "e"]));
    place.import(&[&train]).unwrap();
    let message = place.import(&[&val]).unwrap_err().to_string();
    for word in ["2 of its records", "other files of this source", "--on-change add", "val.json#7", "val.jsonl"] {
        assert!(message.contains(word), "{word}: {message}");
    }
    assert_eq!((place.dataset().version(), place.count(Table::Conversations)), (2, 2));
    place.options.on_change = OnChange::Add;
    let report = place.import(&[&val]).unwrap();
    assert_eq!((report.records.added, count(&report, Kind::RepeatedId), report.media.named), (3, 2, 3));
    for (id, asked) in [("0", "a"), ("1", "b"), ("val.jsonl#0", "c"), ("val.jsonl#1", "d"), ("2", "e")] {
        assert_eq!(question(&place, id), asked, "{id}");
    }
    // In whatever order they come again, each is what it was.
    for inputs in [vec![&val], vec![&train], vec![&val, &train], vec![&train, &val]] {
        let inputs: Vec<&Path> = inputs.into_iter().map(PathBuf::as_path).collect();
        let report = place.import(&inputs).unwrap();
        assert_eq!((report.records.unchanged, report.version), (report.records.read, None), "{:?}", report.findings);
    }
    // Nor does it need to be said again that they are others.
    for on_change in [OnChange::Report, OnChange::Replace] {
        place.options.on_change = on_change;
        for input in [&val, &train, &place.folder()] {
            let report = place.import(&[input]).unwrap();
            assert_eq!(
                (report.records.unchanged, report.version),
                (report.records.read, None),
                "{:?}",
                report.findings
            );
        }
    }
    // Where one has changed, its file is no other.
    place.write("val.jsonl", records(&["c", "d", "f"]));
    place.options.on_change = OnChange::Replace;
    assert_eq!(place.import(&[&val]).unwrap().records.replaced, 1);
    assert_eq!((question(&place, "2").as_str(), place.count(Table::Conversations)), ("f", 5));
    place.whole();
    place.write("val.jsonl", records(&["g", "d", "f"]));
    assert_eq!(place.import(&[&val]).unwrap().records.replaced, 1);
    assert_eq!((question(&place, "0").as_str(), question(&place, "val.jsonl#0").as_str()), ("a", "g"));
}

#[test]
fn one_file_whose_records_have_changed_is_told_as_before() {
    let place = Place::new();
    let file = place.write("train.jsonl", records(&["a", "b", "d", "e"]));
    place.import(&[&file]).unwrap();
    place.write("train.jsonl", records(&["c", "b", "d", "e"]));
    assert_eq!(count(&place.import(&[&file]).unwrap(), Kind::ChangedRecord), 1);
    // A file of its own with a few corrections among what is there is no second file of these ids.
    let other = place.write("newer.jsonl", records(&["c", "b", "d", "e", "f"]));
    assert_eq!(place.import(&[&other]).unwrap().records.changed_kept, 1);
}

#[test]
fn repeats_within_a_file_go_on_beside_others() {
    let mut place = Place::new();
    let line = |text: &str| format!("{{\"id\":7,\"messages\":[{{\"role\":\"user\",\"content\":\"{text}\"}}]}}\n");
    let first = place.write("a.jsonl", [line("a"), line("b")].concat());
    let second = place.write("b.jsonl", [line("c"), line("d")].concat());
    place.import(&[&first]).unwrap();
    place.options.on_change = OnChange::Add;
    let report = place.import(&[&second]).unwrap();
    assert_eq!((report.records.added, report.records.unchanged), (2, 0));
    for (id, asked) in [("7", "a"), ("7~2", "b"), ("b.jsonl#7", "c"), ("b.jsonl#7~2", "d")] {
        assert_eq!(question(&place, id), asked, "{id}");
    }
    for inputs in [[&second, &first], [&first, &second]] {
        assert_eq!(place.import(&inputs.map(PathBuf::as_path)).unwrap().version, None);
    }
}

#[test]
fn statements_with_ids_of_each_file_stand_beside_each_other() {
    let mut place = Place::with_map(
        "name = \"m\"\n[[table]]\nform = \"csv\"\n[[table.rows]]\nbecome = \"intervals\"\nid = \"{id}\"\nvideo = \"video\"\n\
         start = \"from\"\nend = \"to\"\nlabels = [{ axis = \"phase\", raw = \"phase\" }]\n",
    );
    let head = "id,video,from,to,phase\n";
    let first = place.write("a.csv", format!("{head}0,V1,0,5,cut\n1,V1,5,9,clip\n"));
    let second = place.write("b.csv", format!("{head}0,V2,0,5,cut\n1,V2,5,9,pack\n"));
    place.import(&[&first]).unwrap();
    let message = place.import(&[&second]).unwrap_err().to_string();
    assert!(message.contains("--on-change add"), "{message}");
    assert_eq!((place.count(Table::Annotations), place.count(Table::Videos)), (2, 1));
    place.options.on_change = OnChange::Add;
    let report = place.import(&[&second]).unwrap();
    assert_eq!((report.records.added, count(&report, Kind::RepeatedId)), (2, 2));
    let dataset = place.dataset();
    let target = |id: &str| dataset.video(place.annotation(id).target).unwrap().id().unwrap().to_owned();
    assert_eq!([target("0"), target("1"), target("b.csv#0"), target("b.csv#1")], ["V1", "V1", "V2", "V2"]);
    assert_eq!(place.import(&[&second, &first]).unwrap().version, None);
    place.options.on_change = OnChange::Report;
    let report = place.import(&[&second]).unwrap();
    assert_eq!((report.records.unchanged, report.version), (2, None), "{:?}", report.findings);
    assert!(dataset.verify(&mut |_, _| {}).unwrap().is_sound());
}

#[test]
fn records_of_files_that_came_together_are_replaced_only_where_their_order_says_which_is_meant() {
    let mut place = Place::new();
    let train = place.write("train.jsonl", records(&["a", "b"]));
    let val = place.write("val.jsonl", records(&["c", "d"]));
    place.whole();
    assert_eq!(["0", "1", "0~2", "1~2"].map(|id| question(&place, id)), ["a", "b", "c", "d"]);
    place.write("val.jsonl", records(&["g", "d"]));
    place.options.on_change = OnChange::Replace;
    let report = place.import(&[&val]).unwrap();
    assert_eq!((report.records.changed_kept, report.records.unchanged, report.version), (1, 1, None));
    let told = &report.findings[&Kind::ChangedRecord].examples[0].detail;
    assert!(told.contains("name all of these at once"), "{told}");
    assert_eq!(place.import(&[&train, &val]).unwrap().records.replaced, 1);
    assert_eq!(["0", "1", "0~2", "1~2"].map(|id| question(&place, id)), ["a", "b", "g", "d"]);
    place.write("train.jsonl", records(&["h", "b"]));
    assert_eq!(place.import(&[&train, &val]).unwrap().records.replaced, 1);
    assert_eq!(["0", "1", "0~2", "1~2"].map(|id| question(&place, id)), ["h", "b", "g", "d"]);
}

#[test]
fn records_that_were_deleted_are_not_those_of_other_files() {
    let mut place = Place::new();
    let first = place.write("a.jsonl", records(&["a", "b"]));
    let second = place.write("b.jsonl", records(&["c", "d"]));
    let delete = |place: &Place, id: &str| {
        let row = place.found(Table::Conversations, id);
        place.dataset().delete([row], crate::dataset::DeleteOptions::default()).unwrap();
    };
    place.import(&[&first]).unwrap();
    delete(&place, "0");
    // A new file's record is another than the one that was deleted.
    place.options.on_change = OnChange::Add;
    place.options.on_deleted = OnDeleted::Skip;
    let report = place.import(&[&second]).unwrap();
    assert_eq!((report.records.added, report.again), (2, [].into()));
    assert_eq!((question(&place, "b.jsonl#0"), question(&place, "b.jsonl#1")), ("c".into(), "d".into()));
    place.options.on_change = OnChange::Report;
    assert_eq!(place.import(&[&second]).unwrap().version, None);
    let report = place.import(&[&second, &first]).unwrap();
    assert_eq!((report.records.unchanged, report.records.skipped["deleted before"], report.version), (3, 1, None));
    delete(&place, "b.jsonl#0");
    assert_eq!(place.import(&[&second]).unwrap().records.skipped["deleted before"], 1);
    place.options.on_deleted = OnDeleted::Take;
    assert_eq!(place.import(&[&second]).unwrap().again, [("conversations", 1)].into());
    assert_eq!(question(&place, "b.jsonl#0"), "c");
}

#[test]
fn repeats_are_known_by_what_they_say_wherever_they_stand_now() {
    let lines = |texts: &[&str]| -> String {
        let line = |text: &&str| format!("{{\"id\":7,\"messages\":[{{\"role\":\"user\",\"content\":\"{text}\"}}]}}\n");
        texts.iter().map(line).collect()
    };
    let rows = |place: &Place| -> Vec<String> {
        let dataset = place.dataset();
        let count = dataset.count(Table::Conversations).unwrap();
        let row = |number| dataset.conversation(number).unwrap().to_row().unwrap();
        let mut rows: Vec<_> = (0..count).map(row).map(|row| format!("{} {}", row.id, row.turns[0].text)).collect();
        rows.sort();
        rows
    };
    // A record in front of those of before is not in, and told, or comes in beside them.
    let mut place = Place::new();
    let file = place.write("r.jsonl", lines(&["a", "b", "c"]));
    place.import(&[&file]).unwrap();
    place.write("r.jsonl", lines(&["x", "a", "b", "c"]));
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.changed_kept, report.records.unchanged, report.version), (1, 3, None));
    place.options.on_change = OnChange::Add;
    for added in [1, 0] {
        assert_eq!(place.import(&[&file]).unwrap().records.added, added);
        assert_eq!(rows(&place), ["7 a", "7~2 b", "7~3 c", "r.jsonl#7 x"]);
    }
    // In their place it moves them on.
    let mut place = Place::new();
    let file = place.write("r.jsonl", lines(&["a", "b", "c"]));
    place.import(&[&file]).unwrap();
    place.write("r.jsonl", lines(&["x", "a", "b", "c"]));
    place.options.on_change = OnChange::Replace;
    place.import(&[&file]).unwrap();
    assert_eq!(rows(&place), ["7 x", "7~2 a", "7~3 b", "7~4 c"]);
    // One that a file has no more is not overwritten by another file's.
    for on_change in [OnChange::Report, OnChange::Replace] {
        let mut place = Place::new();
        for (name, text) in [("a", "a"), ("b", "b"), ("c", "c")] {
            place.write(&format!("{name}.jsonl"), lines(&[text]));
        }
        place.whole();
        place.options.on_change = on_change;
        place.write("b.jsonl", "{\"id\":8,\"messages\":[{\"role\":\"user\",\"content\":\"new\"}]}\n");
        let report = place.import(&[&place.folder()]).unwrap();
        assert_eq!((report.records.added, report.records.unchanged), (1, 2), "{:?}", report.findings);
        assert_eq!(rows(&place), ["7 a", "7~2 b", "7~3 c", "8 new"]);
        // Nor by one more of the same file.
        let first = place.write("a.jsonl", lines(&["a", "aa"]));
        let report = place.import(&[&first]).unwrap();
        assert_eq!((report.records.changed_kept, report.version), (1, None), "{:?}", report.findings);
    }
}

#[test]
fn a_dataset_within_the_folder_is_no_source() {
    let place = Place::new();
    place.write("r.jsonl", records(&["a"]));
    crate::Dataset::create(place.folder().join("d.db")).unwrap();
    let report = place.whole();
    assert_eq!((report.inputs.len(), report.ignored.len()), (1, 0), "{:?}", report.ignored);
}

#[test]
fn the_name_of_a_record_beside_another_is_what_its_file_says() {
    let mut place = Place::new();
    let [first, second, third] = [("a", "p"), ("b", "q"), ("c", "r")]
        .map(|(name, text)| place.write(&format!("{name}.jsonl"), records(&[text])));
    place.options.on_change = OnChange::Add;
    place.import(&[&first, &second]).unwrap();
    place.import(&[&first, &third]).unwrap();
    assert_eq!(["0", "0~2", "c.jsonl#0"].map(|id| question(&place, id)), ["p", "q", "r"]);
    let row = place.found(Table::Conversations, "0");
    place.dataset().delete([row], crate::dataset::DeleteOptions::default()).unwrap();
    // Alone or with others, each is what it was.
    for inputs in [vec![&third], vec![&second], vec![&third, &second]] {
        let inputs: Vec<&Path> = inputs.into_iter().map(PathBuf::as_path).collect();
        assert_eq!(place.import(&inputs).unwrap().version, None);
    }
}
