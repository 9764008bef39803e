//! Files that are imported again under another name, and other files under a name that was.

use super::*;
use std::sync::Arc;

fn record(id: &str) -> String {
    format!(r#"{{"conversations":[{{"from":"human","value":"{id}"}},{{"from":"gpt","value":"x"}}]}}"#)
}

fn fault(place: &Place, path: &str) -> String {
    place.import(&[&place.folder().join(path)]).unwrap_err().to_string()
}

#[test]
fn the_same_file_in_a_folder_further_in_or_out_is_no_other() {
    for (first, then) in [("", "labels"), ("labels", ""), ("labels", "labels/t.jsonl"), ("labels/t.jsonl", "")] {
        let place = Place::new();
        place.write("labels/t.jsonl", record("a"));
        place.import(&[&place.folder().join(first)]).unwrap();
        let text = format!("{}\n{}\n", record("a"), record("new"));
        place.write("labels/t.jsonl", text);
        let report = place.import(&[&place.folder().join(then)]).unwrap();
        assert_eq!((report.records.unchanged, report.records.added), (1, 1), "{first} {then}");
    }
}

#[test]
fn bytes_of_before_in_another_place_are_passed_over_or_taken() {
    let mut place = Place::new();
    place.write("old/labels/t.jsonl", record("a"));
    place.write("new/labels/t.jsonl", record("a"));
    place.import(&[&place.folder().join("old/labels")]).unwrap();
    let message = fault(&place, "new");
    for word in ["imported into this source before, as t.jsonl of another folder", "--on-known skip", "--on-known take"]
    {
        assert!(message.contains(word), "{message}");
    }
    assert_eq!(place.count(Table::Conversations), 1);
    place.options.on_known = OnKnown::Skip;
    place.write("new/labels/u.jsonl", record("b"));
    let report = place.import(&[&place.folder().join("new")]).unwrap();
    assert_eq!((report.records.read, report.records.added, report.ignored.len()), (1, 1, 1));
    assert!(report.ignored[0].reason.contains("before, as t.jsonl"), "{:?}", report.ignored);
    place.options.on_known = OnKnown::Take;
    assert_eq!(place.import(&[&place.folder().join("new")]).unwrap().records.added, 1);
}

#[test]
fn a_file_that_was_renamed_is_no_other_and_one_that_says_the_same_is() {
    let place = Place::new();
    place.write("VID01.jsonl", record("a"));
    place.import(&[&place.folder()]).unwrap();
    let second = place.write("VID02.jsonl", record("a"));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.records.added, report.records.unchanged), (1, 1));
    fs::remove_file(place.folder().join("VID01.jsonl")).unwrap();
    fs::rename(second, place.folder().join("VID03.jsonl")).unwrap();
    let message = fault(&place, "");
    assert!(message.contains("before, as VID02.jsonl, and all of its records (1)"), "{message}");
}

#[test]
fn one_table_that_two_maps_read_gives_rows_of_both() {
    let map = |name: &str, id: &str| {
        let rows = format!("[[table.rows]]\nbecome=\"conversations\"\nquestion=\"q\"\nanswer=\"{name}\"\n{id}");
        format!("name=\"{name}\"\n[[table]]\nform=\"csv\"\n{rows}")
    };
    let mut place = Place::with_map(&map("a", ""));
    place.write("t.csv", "q,a,b\n1,2,3\n");
    place.import(&[&place.folder()]).unwrap();
    let mut use_map = |text: &str| place.options.map = Some(Arc::new(TableMap::from_toml(text).unwrap()));
    use_map(&map("b", ""));
    let message = fault(&place, "");
    assert!(message.contains("by the map \"a\"") && message.contains("ids of its own"), "{message}");
    let mut use_map = |text: &str| place.options.map = Some(Arc::new(TableMap::from_toml(text).unwrap()));
    use_map(&map("b", "id=\"b-{row}\"\n"));
    assert_eq!(place.import(&[&place.folder()]).unwrap().records.added, 1);
}

#[test]
fn a_source_that_nobody_names_is_the_one_of_before() {
    let mut place = Place::new();
    let file = place.write("data/in/t.jsonl", record("a"));
    place.import(&[&place.folder().join("data")]).unwrap();
    for path in [&file, &place.folder().join("data")] {
        assert_eq!(source_at(&place.dataset(), path).as_deref(), Some("src"));
    }
    let beside = place.write("data/other.jsonl", record("b"));
    for path in [&beside, &place.folder()] {
        assert_eq!(source_at(&place.dataset(), path), None, "a file beside need not be of it");
    }
    fs::rename(place.folder().join("data"), place.folder().join("moved")).unwrap();
    place.options.source.id = "moved".into();
    place.options.is_source_guessed = true;
    let message = fault(&place, "moved");
    assert!(
        message.contains("into the source \"src\": --source src") && message.contains("--source moved"),
        "{message}"
    );
    place.options.is_source_guessed = false;
    assert_eq!(place.import(&[&place.folder().join("moved")]).unwrap().records.added, 2);
}

#[test]
fn labels_that_say_the_same_of_another_recording_are_taken_and_told() {
    let place = Place::new();
    place.import(&[&place.write("VID01.jsonl", record("a"))]).unwrap();
    let report = place.import(&[&place.write("VID07.jsonl", record("a"))]).unwrap();
    assert_eq!(report.records.added, 1);
    let same = report.findings.get(&Kind::SameFile).unwrap();
    assert!(same.examples[0].detail.contains("VID01.jsonl, which was imported before"), "{same:?}");
}

#[test]
fn another_file_of_a_name_whose_records_are_called_by_numbers_is_no_change() {
    for map in [false, true] {
        let mut place = match map {
            false => Place::new(),
            true => Place::with_map(
                "name=\"m\"\n[[table]]\nform=\"csv\"\n[[table.rows]]\nbecome=\"conversations\"\nquestion=\"q\"\nanswer=\"a\"\n",
            ),
        };
        let text = |words: &[&str]| match map {
            false => {
                words.iter().map(|word| record("?").replace("\"x\"", &format!("{word:?}")) + "\n").collect::<String>()
            }
            true => format!("q,a\n{}", words.iter().map(|word| format!("?,{word}\n")).collect::<String>()),
        };
        let name = if map { "t.csv" } else { "t.jsonl" };
        place.write(&format!("jan/{name}"), text(&["a", "b", "c"]));
        place.import(&[&place.folder().join("jan")]).unwrap();
        // One of three is a change, and told as one.
        place.write(&format!("jan/{name}"), text(&["a", "b", "new", "d"]));
        let report = place.import(&[&place.folder().join("jan")]).unwrap();
        assert_eq!((report.records.changed_kept, report.records.added), (1, 1), "{map}");
        place.write(&format!("jan/{name}"), text(&["e", "f", "g"]));
        let message = fault(&place, "jan");
        for word in
            ["3 are there already, and 3 of these", "called by the file's name", "--source", "--on-change replace"]
        {
            assert!(message.contains(word), "{message}");
        }
        assert_eq!(place.count(Table::Conversations), 4);
        place.options.on_change = OnChange::Keep;
        assert_eq!(place.import(&[&place.folder().join("jan")]).unwrap().records.changed_kept, 3);
        // What asks something else altogether is new.
        place.options.on_change = OnChange::Report;
        place.write(&format!("jan/{name}"), text(&["p", "q", "r"]).replace('?', "other"));
        assert_eq!(place.import(&[&place.folder().join("jan")]).unwrap().records.added, 3);
    }
}

#[test]
fn a_second_copy_of_a_file_is_passed_over_and_two_files_of_the_same_bytes_are_told() {
    let place = Place::new();
    place.write("a.jsonl", record("a"));
    place.write("a (1).jsonl", record("a"));
    place.write("a (2).jsonl", record("other"));
    place.write("b/a.jsonl", record("a"));
    let report = place.whole();
    let passed: Vec<&str> = report.ignored.iter().map(|file| file.path.as_str()).collect();
    assert_eq!((passed, report.records.added), (vec!["a (1).jsonl"], 3));
    assert!(report.ignored[0].reason.contains("\"a.jsonl\""), "{:?}", report.ignored);
    let same = report.findings.get(&Kind::SameFile).unwrap();
    assert_eq!((same.count, same.examples[0].file.as_str()), (1, "b/a.jsonl"));
    assert!(same.examples[0].detail.contains("the bytes of a.jsonl"), "{:?}", same.examples);
}

#[test]
fn a_file_of_triplets_that_says_another_video_than_its_name_is_told() {
    for (name, said, is_told) in
        [("VID01", "1", false), ("VID01", "\"VID99\"", true), ("x", "\"X\"", false), ("x", "2", true)]
    {
        let place = Place::new();
        let text = format!(
            r#"{{"categories":{{"instrument":{{"0":"hook"}},"phase":{{"0":"a"}}}},"video":{said},"fps":1,"annotations":
            {{"0":[[-1,0,1.0,0.1,0.1,0.2,0.2,-1,-1,-1,-1,-1,-1,-1,0]]}}}}"#
        );
        let report = place.import(&[&place.write(&format!("{name}.json"), text)]).unwrap();
        assert_eq!(count(&report, Kind::Doubtful), u64::from(is_told), "{name} {said}: {:?}", report.findings);
    }
}

#[test]
fn what_is_wrong_in_the_head_of_a_file_of_triplets_is_named() {
    for (head, message) in [
        (r#""fps":"1""#, "`fps`: "),
        (r#""categories":[1]"#, "`categories`: "),
        (r#""categories":{"phase":[1]}"#, "`categories`: "),
    ] {
        let place = Place::new();
        let text = format!("{{\"annotations\":{{\"0\":[]}},\n\"video\":1,\n{head}}}");
        let file = place.write("VID01.json", text);
        let mut options = place.options.clone();
        options.format = Some(crate::import::Format::CholecT50);
        let error = import(&place.dataset(), &[file], &options, &mut |_| {}).unwrap_err();
        assert!(error.message().starts_with(message), "{error}");
        assert_eq!(error.line(), Some(3), "{error}");
    }
}

#[test]
fn what_was_said_of_a_source_before_and_is_not_now_is_told() {
    let mut place = Place::new();
    let record =
        |image: &str| format!(r#"{{"image":"{image}","conversations":[{{"from":"human","value":"<image>?"}}]}}"#);
    place.options.source.frame_pattern = Some(Pattern::parse("VID{video}/{index}.png").unwrap());
    place.options.source.patient_from = Some(PatientFrom::Video);
    let first = place.write("a.json", record("VID1/1.png"));
    let report = place.import(&[&first]).unwrap();
    assert_eq!((report.rows["cases"], count(&report, Kind::OtherDescription)), (1, 0));
    let source = SourceDescription::named("src");
    let described = std::mem::replace(&mut place.options.source, source);
    assert_eq!(count(&place.import(&[&first]).unwrap(), Kind::OtherDescription), 0, "nothing is new");
    let second = place.write("b.json", record("VID1/2.png"));
    let report = place.import(&[&second]).unwrap();
    let told = &report.findings[&Kind::OtherDescription].examples[0].detail;
    let wanted = r#"--frame-pattern was "VID{video}/{index}.png", --patient-from was "video""#;
    assert!(told.starts_with(wanted) && told.contains("--on-change replace"), "{told}");
    assert_eq!(place.frame("VID1/2.png").case, None);
    // What it says to do mends it.
    place.options.source = described;
    place.options.on_change = OnChange::Replace;
    let report = place.import(&[&second]).unwrap();
    assert_eq!(count(&report, Kind::OtherDescription), 0);
    assert_eq!(place.frame("VID1/2.png").case, Some(place.found(Table::Cases, "1")));
}

#[test]
fn a_file_under_a_new_name_with_a_row_more_is_told() {
    let place = Place::new();
    let line = |question: &str| {
        format!("{{\"image\":\"1.png\",\"conversations\":[{{\"from\":\"human\",\"value\":\"<image>{question}\"}}]}}\n")
    };
    place.write("1.png", png(7));
    let old = place.write("qa.jsonl", line("a") + &line("b"));
    place.import(&[&place.folder()]).unwrap();
    // Under its own name it only goes on.
    place.write("qa.jsonl", line("a") + &line("b") + &line("c"));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.records.added, count(&report, Kind::RepeatedConversation)), (1, 0));
    fs::remove_file(old).unwrap();
    place.write("qa_v2.jsonl", line("a") + &line("b") + &line("c") + &line("d"));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.records.added, count(&report, Kind::RepeatedConversation)), (4, 3));
    let told = &report.findings[&Kind::RepeatedConversation].examples[0].detail;
    assert!(told.contains(r#""qa.jsonl#1" of the dataset asks the same"#), "{told}");
}
