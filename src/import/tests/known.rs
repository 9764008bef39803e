//! Files that are imported again under another name, and other files under a name that was.

use super::*;
use std::sync::Arc;

/// A map of tables that say which phase a picture shows; their rows have no ids.
const PHASES: &str = "name=\"m\"\n[[table]]\nform=\"csv\"\n[[table.rows]]\nbecome=\"labels\"\npath=\"file\"\n\
                      labels=[{axis=\"phase\",raw=\"phase\"}]\n";

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
            false => words.iter().map(|word| record(word) + "\n").collect::<String>(),
            true => format!("q,a\n{}", words.iter().map(|word| format!("{word},x\n")).collect::<String>()),
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
    }
}

#[test]
fn records_without_ids_that_others_were_put_between_are_not_taken_twice() {
    let mut place = Place::new();
    let write = |place: &Place, words: &[&str]| {
        place.write("t.jsonl", words.iter().map(|word| record(word) + "\n").collect::<String>())
    };
    write(&place, &["a", "b", "c", "d"]);
    place.import(&[&place.folder()]).unwrap();
    write(&place, &["a", "b", "c", "new", "d"]);
    for on_change in [OnChange::Report, OnChange::Keep, OnChange::Add] {
        place.options.on_change = on_change;
        let error = place.import(&[&place.folder()]).unwrap_err();
        let is_told = error.message().contains("put between") && error.message().contains("--on-change replace");
        assert!(is_told && place.count(Table::Conversations) == 4, "{error}");
    }
    let said = |place: &Place| {
        let dataset = place.dataset();
        let ids = (1..).map_while(|number| dataset.find(Table::Conversations, &format!("t.jsonl#{number}")).unwrap());
        let text =
            |address| dataset.conversation_at(address).unwrap().turns().unwrap().get(0).unwrap().text().to_owned();
        ids.map(text).collect::<Vec<_>>()
    };
    place.options.on_change = OnChange::Replace;
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.records.replaced, report.records.added, count(&report, Kind::Doubtful)), (1, 1, 0));
    assert_eq!(said(&place), ["a", "b", "c", "new", "d"]);
    // What a file has no more stays, and is told.
    write(&place, &["a", "c"]);
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!(report.records.replaced, 1);
    let told = &report.findings[&Kind::Doubtful].examples[0];
    assert_eq!(told.id.as_deref(), Some("t.jsonl#3"));
    assert!(told.detail.starts_with("\"t.jsonl#3\", and 2 more up to t.jsonl#5: the dataset has it"), "{told:?}");
}

#[test]
fn corrected_records_are_none_that_moved_and_some_beside_those_that_did_hide_none() {
    let with = |words: &[&str], more: &str| {
        let line = |word: &&str| record(word).replacen('{', &format!("{{{more}"), 1) + "\n";
        words.iter().map(line).collect::<String>()
    };
    let old = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let place = Place::new();
    place.write("t.jsonl", with(&old, "\"n\":1,"));
    place.import(&[&place.folder()]).unwrap();
    // What is no word of theirs has changed, one is another's, two are swapped, and one comes behind.
    place.write("t.jsonl", with(&["b", "a", "c", "x"], "\"n\":2,") + &with(&["e", "f", "g", "h", "i"], "\"n\":1,"));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.records.changed_kept, report.records.added), (4, 1));
    // Three are corrected, and one is put before the last two.
    let corrected = ["A", "B", "C", "d", "e", "f", "g", "new", "h", "i"];
    place.write("t.jsonl", with(&corrected, "\"n\":1,"));
    assert!(place.import(&[&place.folder()]).unwrap_err().message().contains("put between"));
    assert_eq!(place.count(Table::Conversations), 9);
}

#[test]
fn records_that_got_ids_or_other_numbers_are_not_taken_twice() {
    let mut place = Place::new();
    let with_ids = |words: &[&str], ids: &[&str]| {
        let line = |(word, id): (&&str, &&str)| match id.is_empty() {
            true => record(word) + "\n",
            false => record(word).replacen('{', &format!("{{\"id\":\"{id}\","), 1) + "\n",
        };
        words.iter().zip(ids).map(line).collect::<String>()
    };
    let old = ["a", "b", "c", "d", "e", "f"];
    let some = ["", "k1", "", "k3", "", "k5"];
    // All get ids; one is put between that has one; the last two are swapped, and one is put before them; some lose theirs.
    let (front, front_ids) = ([&["new"][..], &old].concat(), [&["kN"][..], &some].concat());
    for (before, now) in [
        (with_ids(&old, &[""; 6]), with_ids(&old, &["i1", "i2", "i3", "i4", "i5", "i6"])),
        (with_ids(&old, &some), with_ids(&front, &front_ids)),
        (with_ids(&old, &[""; 6]), with_ids(&["a", "b", "c", "d", "new", "f", "e"], &[""; 7])),
    ] {
        let other = Place::new();
        other.write("t.jsonl", &before);
        other.import(&[&other.folder()]).unwrap();
        other.write("t.jsonl", &now);
        let error = other.import(&[&other.folder()]).unwrap_err();
        assert!(error.message().contains("are there under other names"), "{error}");
        assert_eq!(other.count(Table::Conversations), 6);
        place = other;
    }
    // As many are new as one is there twice: it is told.
    place.write("t.jsonl", with_ids(&["a", "b", "c", "x", "y", "f", "d", "new"], &[""; 8]));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.records.added, report.records.changed_kept), (2, 2));
    let told = &report.findings[&Kind::Doubtful].examples[0].detail;
    assert!(told.starts_with("1 of the 2 records that were added say what the dataset says"), "{told}");
}

#[test]
fn what_many_records_say_is_none_that_moved() {
    let place = Place::new();
    let answers = |count: usize| (0..count).map(|at| if at % 2 == 0 { "yes" } else { "no" }).collect::<Vec<_>>();
    let lines = |words: &[&str]| words.iter().map(|word| record(word) + "\n").collect::<String>();
    place.write("t.jsonl", lines(&answers(30)));
    place.import(&[&place.folder()]).unwrap();
    // One is corrected, and more come behind.
    let mut now = answers(40);
    now[4] = "no";
    place.write("t.jsonl", lines(&now));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.records.added, report.records.changed_kept, count(&report, Kind::Doubtful)), (10, 1, 0));
}

#[test]
fn statements_of_a_table_that_get_ids_are_not_taken_twice() {
    let mut place = Place::with_map(PHASES);
    place.write("x.csv", "file,phase\n1.png,a\n2.png,b\n3.png,c\n");
    place.whole();
    let with_ids = PHASES.replacen("path=", "id=\"name\"\npath=", 1);
    place.options.map = Some(Arc::new(TableMap::from_toml(&with_ids).unwrap()));
    place.write("x.csv", "file,phase,name\n1.png,a,i\n2.png,b,ii\n3.png,c,iii\n");
    let error = place.import(&[&place.folder()]).unwrap_err();
    let wanted = "of \"x.csv\" alone (surgdb delete, by their ids; annotations with --table annotations)";
    assert!(error.message().contains(wanted), "{error}");
    assert_eq!(place.count(Table::Annotations), 3);
}

#[test]
fn a_record_that_cannot_be_read_is_not_gone_and_what_was_added_to_those_replaced_is_told() {
    let mut place = Place::new();
    let lines = |words: &[&str]| words.iter().map(|word| record(word) + "\n").collect::<String>();
    place.write("t.jsonl", lines(&["a", "b", "c"]));
    place.import(&[&place.folder()]).unwrap();
    place.options.on_error = OnError::Skip;
    place.write("t.jsonl", lines(&["a", "b"]) + &record("c").replace("]}", ""));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.records.skipped["bad record"], count(&report, Kind::Doubtful)), (1, 0));
    place.write("t.jsonl", lines(&["a"]));
    assert_eq!(count(&place.import(&[&place.folder()]).unwrap(), Kind::Doubtful), 1);
    let dataset = place.dataset();
    let scores = Arc::new(arrow_array::Int64Array::from(vec![1, 2, 3]));
    dataset.add_column(Table::Conversations, Column::parse("score?: int64").unwrap(), scores).unwrap();
    place.options.on_change = OnChange::Replace;
    place.write("t.jsonl", lines(&["new", "a", "b", "c"]));
    let report = place.import(&[&place.folder()]).unwrap();
    let told = &report.findings[&Kind::Doubtful].examples[0].detail;
    assert!(told.starts_with("3 conversations without ids") && told.contains("`score`"), "{told}");
}

#[test]
fn statements_about_other_pictures_are_not_replaced_by_number() {
    let mut place = Place::with_map(PHASES);
    place.write("x.csv", "file,phase\n1.png,a\n2.png,b\n3.png,c\n4.png,b\n");
    place.whole();
    place.options.on_change = OnChange::Replace;
    place.write("x.csv", "file,phase\n1.png,a\n2.png,b\n9.png,bag\n3.png,c\n4.png,b\n");
    let error = place.import(&[&place.folder()]).unwrap_err();
    assert!(error.message().contains("best with ids of their own"), "{error}");
    assert_eq!(place.count(Table::Annotations), 4);
}

#[test]
fn statements_of_shapes_that_a_file_has_no_more_are_told() {
    let mut place = Place::with_map(PHASES);
    place.write("x.csv", "file,phase\n1.png,a\n1.png,b\n1.png,c\n");
    assert_eq!(count(&place.whole(), Kind::Doubtful), 0);
    place.options.on_change = OnChange::Replace;
    place.write("x.csv", "file,phase\n1.png,b\n1.png,c\n");
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.records.replaced, place.annotation("x#3").labels[0].raw.as_str()), (2, "c"));
    let told: Vec<_> = report.findings[&Kind::Doubtful].examples.iter().map(|told| told.id.as_deref()).collect();
    assert_eq!(told, [Some("x#3")]);
    place.options.on_change = OnChange::Report;
    place.write("x.csv", "file,phase\n1.png,b\n1.png,new\n1.png,c\n1.png,d\n");
    place.import(&[&place.folder()]).unwrap();
    place.write("x.csv", "file,phase\n1.png,b\n1.png,new\n1.png,other\n1.png,c\n1.png,d\n");
    assert!(place.import(&[&place.folder()]).unwrap_err().message().contains("put between"));
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
