//! What an import must tell, or refuse, and what it names in full.

use super::*;

#[test]
fn bytes_that_stand_in_place_of_a_path_are_the_picture_and_no_message_has_them_whole() {
    let place = Place::new();
    let mut bytes = png(7);
    bytes.extend([7; 600]);
    let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &bytes);
    let line = |image: &str| {
        format!(
            r#"{{"image":"{image}","conversations":[{{"from":"human","value":"<image>"}},{{"from":"gpt","value":"a"}}]}}"#
        )
    };
    // The second is cut, so that it is no picture, and may be a path as far as its length goes.
    place.write("a.jsonl", [line(&text), line(&format!("{}!", &text[..500]))].join("\n"));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.media.embedded, report.media.missing), (1, 1));
    let dataset = place.dataset();
    let row = dataset.conversation_at(place.found(Table::Conversations, "a.jsonl#1")).unwrap().to_row().unwrap();
    assert_eq!(dataset.frame(row.media[0].refs[0]).unwrap().width().unwrap(), Some(7));
    assert!(!report.to_json().contains(&text[..200]), "{}", report.to_json());
    assert!(report.missing[0].path.ends_with("…(501 characters)"), "{:?}", report.missing);
    let error = place.import(&[&place.write("b.jsonl", line(&"x/".repeat(3000)))]).unwrap_err().to_string();
    assert!(error.contains("a text of 6000 characters stands where a path should be"), "{error}");
}
use crate::import::Pattern;
use crate::import::report::At;

#[test]
fn a_licence_changes_only_where_that_is_asked_for() {
    let mut place = Place::new();
    let line = |id: &str| format!(r#"{{"id":"{id}","messages":[{{"role":"user","content":"x"}}]}}"#);
    let first = place.write("a.jsonl", line("a"));
    place.options.source.licence = Some("CC-BY-NC-4.0".into());
    assert!(place.import(&[&first]).unwrap().about.is_empty());
    let licence = |place: &Place| place.dataset().manifest().source("src").unwrap().licence.clone();

    place.options.source.licence = Some("CC-BY-4.0".into());
    let second = place.write("b.jsonl", line("b"));
    for file in [&first, &second] {
        let error = place.import(&[file]).unwrap_err().to_string();
        assert!(
            ["\"CC-BY-NC-4.0\"", "\"CC-BY-4.0\"", "--relicense"].iter().all(|word| error.contains(word)),
            "{error}"
        );
    }
    assert_eq!((place.dataset().version(), licence(&place).as_deref()), (2, Some("CC-BY-NC-4.0")));
    place.options.relicense = true;
    let report = place.import(&[&first]).unwrap();
    let change = AboutChange { from: Some("CC-BY-NC-4.0".into()), to: "CC-BY-4.0".into() };
    assert_eq!((report.version, &report.about["licence"]), (Some(3), &change));
    assert_eq!(licence(&place).as_deref(), Some("CC-BY-4.0"));
    assert_eq!(place.import(&[&first]).unwrap().version, None);

    place.options.relicense = false;
    place.options.source.title = Some("A title".into());
    place.options.source.licence = None;
    let report = place.import(&[&first]).unwrap();
    assert_eq!((report.version, report.about["title"].from.as_deref()), (Some(4), None));
    assert_eq!(licence(&place).as_deref(), Some("CC-BY-4.0"));
}

#[test]
fn every_skipped_record_and_missing_file_is_named() {
    let mut place = Place::new();
    place.options.on_error = OnError::Skip;
    let bad = |number: u32| format!(r#"{{"id":"bad{number}","messages":5}}"#);
    let shown = |number: u32| {
        format!(r#"{{"id":"r{number}","image":"gone{number}.png","messages":[{{"role":"user","content":"<image>"}}]}}"#)
    };
    let lines: Vec<String> =
        (0..1100).map(|number| if number % 10 == 0 { bad(number) } else { shown(number) }).collect();
    let file = place.write("x.jsonl", lines.join("\n"));
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.skipped.len(), report.missing.len()), (110, 990));
    let last = report.skipped.last().unwrap();
    assert_eq!((last.id.as_deref(), last.record, last.line), (Some("bad1090"), Some(1091), Some(1091)));
    assert!(!last.reason.is_empty());
    let kept = fs::read_to_string(place.dataset().path().join(report.report.unwrap())).unwrap();
    assert!(kept.contains("bad1090") && kept.contains("gone1099.png"));

    place.options.missing = OnMissing::Skip;
    let other =
        place.write("y.jsonl", [shown(1), shown(2)].map(|line| line.replace("\"id\":\"r", "\"id\":\"s")).join("\n"));
    let report = place.import(&[&other]).unwrap();
    assert_eq!((report.skipped.len(), report.report, report.version), (2, None, None));
    assert!(report.skipped[1].reason.contains("gone2.png"), "{:?}", report.skipped);
}

#[test]
fn files_that_no_form_reads_are_told_by_their_endings() {
    let place = Place::new();
    place.write("a.jsonl", r#"{"id":"a","messages":[{"role":"user","content":"x"}]}"#);
    (0..300).for_each(|number| drop(place.write(&format!("boxes/{number:03}.xml"), "<x/>")));
    place.write("notes.xlsx", "x");
    place.write(".DS_Store", "x");
    let report = place.import(&[&place.dir.path().join("in")]).unwrap();
    let told: Vec<(&str, u64)> = report.ignored.iter().map(|file| (file.path.as_str(), file.files)).collect();
    assert_eq!((report.records.added, told), (1, vec![("notes.xlsx", 1), ("*.xml", 300)]));
    assert!(report.ignored[1].reason.contains("boxes/000.xml"), "{:?}", report.ignored);

    // In a folder of pictures alone they are told once too.
    let place = Place::new();
    place.write("1.png", png(7));
    place.write("1.xml", "<x/>");
    place.write("2.xml", "<x/>");
    let folder = place.dir.path().join("in");
    let mut options = place.options.clone();
    for format in [None, Some(Format::Media)] {
        options.format = format;
        let report =
            import(&place.dataset(), &[&folder].map(|path| path.to_path_buf()), &options, &mut |_| {}).unwrap();
        assert_eq!((report.ignored.len(), report.ignored[0].files), (1, 2), "{:?}", report.ignored);
    }
}

#[test]
fn pictures_that_no_record_names_are_told() {
    let place = Place::new();
    let line = |id: &str, path: &str| {
        format!(r#"{{"id":"{id}","image":"{path}","messages":[{{"role":"user","content":"<image>"}}]}}"#)
    };
    let lines = [line("a", "p/1.png"), line("b", "P/2.PNG"), line("c", "p/1.png")];
    place.write("a.jsonl", lines.join("\n"));
    (1..6u32).for_each(|number| drop(place.write(&format!("p/{number}.png"), png(number))));
    place.write("video.mp4", "x");
    place.write("p/._3.png", "x");
    let folder = place.dir.path().join("in");
    for _ in 0..2 {
        let report = place.import(&[&folder]).unwrap();
        let told: Vec<(&str, u64)> = report.ignored.iter().map(|file| (file.path.as_str(), file.files)).collect();
        assert_eq!((report.records.read, told), (3, vec![("video.mp4", 1), ("*.png", 3)]));
        assert!(report.ignored[1].reason.contains("p/3.png, p/4.png, p/5.png"), "{:?}", report.ignored);
    }
    // A file that was named alone says nothing of what lies beside it.
    assert!(place.import(&[&folder.join("a.jsonl")]).unwrap().ignored.is_empty());
}

#[test]
fn what_was_to_be_imported_and_was_not_is_a_failure() {
    let mut place = Place::new();
    let line = |key: &str, id: &str| {
        format!(r#"{{"id":"{id}","image":"x.png","{key}":[{{"role":"user","content":"<image>"}}]}}"#)
    };
    place.write("a.jsonl", line("messages", "a"));
    assert!(!place.import(&[&place.folder()]).unwrap().has_failed());
    place.write("b.jsonl", line("mesages", "b"));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.misspelt, report.has_failed(), report.records.unchanged), (1, true, 1));
    // Beside pictures alone too.
    fs::remove_file(place.folder().join("a.jsonl")).unwrap();
    place.write("1.png", png(7));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.misspelt, report.has_failed(), report.records.added), (1, true, 1));
    // Records of which none was taken.
    place.options.missing = OnMissing::Skip;
    let file = place.write("c.jsonl", line("messages", "c"));
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.skipped_total(), report.has_failed()), (1, true));
}

#[test]
fn media_that_cannot_be_read_are_left_out_or_stop_the_import_where_missing_ones_do() {
    let mut place = Place::new();
    let line =
        |id: &str| format!(r#"{{"id":"{id}","image":"{id}.png","messages":[{{"role":"user","content":"<image>"}}]}}"#);
    place.write("a.jsonl", ["1", "2", "3"].map(line).join("\n"));
    let whole = png(7);
    place.write("1.png", &whole);
    place.write("2.png", &whole[..whole.len() - 12]);
    place.write("3.png", "no picture");
    let report = place.import(&[&place.folder()]).unwrap();
    let told = &report.findings[&Kind::BadPicture];
    assert_eq!((report.records.added, told.count), (3, 2), "they are kept, and told");
    assert!(
        told.examples[0].detail.contains("\"2.png\": its header is whole and the rest is not: it ends after"),
        "{told:?}"
    );
    assert_eq!(place.frame("2.png").width, Some(7));
    for missing in [OnMissing::Skip, OnMissing::Stop] {
        place.options.missing = missing;
        place.options.source.id = format!("{missing:?}");
        let result = place.import(&[&place.folder()]);
        if missing == OnMissing::Stop {
            let error = result.unwrap_err();
            assert_eq!((error.record(), error.kind()), (Some(2), crate::ErrorKind::Corrupt), "{error}");
            continue;
        }
        let report = result.unwrap();
        assert_eq!((report.records.added, report.records.skipped_total(), report.media.missing), (1, 2, 0));
        assert_eq!((report.findings[&Kind::BadPicture].count, report.rows["frames"]), (2, 1));
    }
}

#[test]
fn a_dataset_is_no_source_and_says_what_copies_it() {
    let place = Place::new();
    let error = place.import(&[place.dataset().path()]).unwrap_err().to_string();
    assert!(error.contains("surgdb copy"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_no_text_is_told() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    place.write("1.png", png(7));
    let folder = place.dir.path().join("in");
    fs::write(folder.join(std::ffi::OsStr::from_bytes(b"b\xff.png")), png(8)).unwrap();
    let report = place.import(&[&folder]).unwrap();
    assert_eq!((report.records.added, report.media.missing, report.ignored.len()), (1, 0, 1));
    assert!(report.ignored[0].path.contains("b\\xFF.png") && report.ignored[0].reason.contains("UTF-8"));
}

#[test]
fn a_patient_of_the_list_whom_nothing_names_is_told() {
    let mut place = Place::new();
    let file = place.write("a.jsonl", r#"{"id":"a","patient":"VID1","messages":[{"role":"user","content":"x"}]}"#);
    place.options.cases = Some(CaseList::read("name,patient\nVID1,p1\nNOBODY,p2\nvideo1,p1\n".as_bytes()).unwrap());
    for _ in 0..2 {
        let report = place.import(&[&file]).unwrap();
        assert_eq!(count(&report, Kind::UnmetCase), 1);
        assert!(report.findings[&Kind::UnmetCase].examples[0].detail.contains("\"NOBODY\" (the patient \"p2\")"));
    }
}

#[test]
fn a_split_or_task_that_is_no_text_takes_no_default() {
    let mut place = Place::new();
    place.options.source.defaults.split = Some("train".into());
    place.options.source.defaults.task = Some("phase".into());
    let line = |id: u32, more: &str| format!(r#"{{"id":{id},{more}"messages":[{{"role":"user","content":"x"}}]}}"#);
    let lines = [line(1, r#""split":3,"#), line(2, r#""split":" test ","#), line(3, r#""split":null,"task":["a"],"#)];
    let file = place.write("x.jsonl", lines.join("\n"));
    let report = place.import(&[&file]).unwrap();
    assert_eq!(count(&report, Kind::WrongType), 2);
    assert!(report.findings[&Kind::WrongType].examples[0].detail.contains("`split` should be text and is 3"));
    let splits = [1, 2, 3].map(|id| split_of(&place, &id.to_string()));
    assert_eq!(splits, [None, Some("test".into()), Some("train".into())]);
    let dataset = place.dataset();
    let tasks = ["1", "3"]
        .map(|id| dataset.conversation_at(place.found(Table::Conversations, id)).unwrap().to_row().unwrap().task);
    assert_eq!(tasks, ["phase", "unknown"]);
}

#[test]
fn a_file_that_is_named_twice_is_read_once() {
    let place = Place::new();
    let file = place.write("x.jsonl", r#"{"messages":[{"role":"user","content":"x"}]}"#);
    let folder = place.dir.path().join("in");
    let report = place.import(&[&file, &folder.join("../in/x.jsonl"), &folder]).unwrap();
    assert_eq!((report.records.added, report.inputs.len(), report.ignored.len()), (1, 1, 2));
    assert!(report.ignored[0].reason.contains("named before"), "{:?}", report.ignored);
}

#[cfg(unix)]
#[test]
fn a_file_is_found_under_exactly_the_name_that_is_written() {
    let place = Place::new();
    for (number, name) in [(1, "a\\b.png"), (2, "c.png "), (3, "d/e.png")] {
        place.write(name, png(number));
    }
    let record =
        r#"{"images":["a\\b.png","c.png ","d\\e.png"],"messages":[{"role":"user","content":"<image><image><image>"}]}"#;
    let file = place.write("x.jsonl", record);
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.media.embedded, report.media.missing), (3, 0), "{:?}", report.missing);
}

#[test]
fn what_is_wrong_with_another_file_keeps_its_own_place() {
    let place = Place::new();
    let at = At { file: "x.json".into(), record: Some(3), line: Some(7), id: None };
    let other = place.dir.path().join("d.surgdb/f.arrow");
    let error = crate::import::run::placed(crate::Error::corrupt("it ends too early").in_file(&other), &at);
    let text = error.in_file("x.json").to_string();
    assert!(text.starts_with("x.json") && text.contains("record 3"), "{text}");
    assert!(text.ends_with(&format!("while this record was taken: {}: it ends too early", other.display())), "{text}");
}

#[test]
fn conversations_that_say_nothing_and_numbers_that_are_none_are_told() {
    let place = Place::new();
    let file = place.write("x.json", r#"[{"id": 1, "conversations": []}, {"id": 2, "conversations": [{"from": "human"}, {"from": "gpt", "value": "x"}]}]"#);
    let report = place.import(&[&file]).unwrap();
    let told: Vec<&str> = report.findings[&Kind::Doubtful].examples.iter().map(|found| &*found.detail).collect();
    assert_eq!(
        told,
        [
            "it has no turns: nothing is asked and nothing answered",
            "a turn of \"human\" has neither `value` nor `content`"
        ]
    );
    for (number, byte) in [("NaN", 20), ("-Infinity", 21), ("Infinity", 20)] {
        let text = format!(
            "{{\"id\": 1,\n \"score\": [{number}], \"conversations\": [{{\"from\": \"human\", \"value\": \"NaN\"}}]}}"
        );
        let file = place.write("y.jsonl", text.replace('\n', ""));
        let error = place.import(&[&file]).unwrap_err().to_string();
        let message = format!("{number} stands here, which JSON does not have");
        assert!(
            error.contains(&message) && error.contains("line 1") && error.contains(&format!("byte {byte}")),
            "{error}"
        );
    }
}

#[test]
fn frames_of_a_pattern_are_not_silently_of_another_video_than_the_file_of_its_name() {
    for video_first in [false, true] {
        let mut place = Place::new();
        place.options.source.frame_pattern = Some(Pattern::parse("{video}/{index}.png").unwrap());
        let frame = r#"{"image":"V1/1.png","messages":[{"role":"user","content":"<image>"}]}"#;
        let video = r#"{"video":"V1.mp4","messages":[{"role":"user","content":"<video>"}]}"#;
        let other = r#"{"video":"V2.mp4","messages":[{"role":"user","content":"<video>"}]}"#;
        let mut lines = [frame, frame, video, video, other];
        if video_first {
            lines.reverse();
        }
        let file = place.write("x.jsonl", lines.join("\n"));
        let report = place.import(&[&file]).unwrap();
        let told = &report.findings[&Kind::Doubtful].examples;
        assert!(told.len() == 1 && told[0].detail.contains("\"V1.mp4\" is a video of its own"), "{told:?}");
    }
}

#[test]
fn a_patient_whose_own_folder_is_named_is_read_from_the_folder_above() {
    for (patient, frames) in [(Some("{patient}/*.png"), None), (Some("video"), Some("{video}/{index}.png"))] {
        let mut place = Place::new();
        place.write("P07/1.png", png(7));
        place.options.source.patient_from = patient.map(|pattern| PatientFrom::parse(pattern).unwrap());
        place.options.source.frame_pattern = frames.map(|pattern: &str| Pattern::parse(pattern).unwrap());
        let folder = place.folder().join("P07");
        place.options.dry_run = true;
        let report = place.import(&[&folder]).unwrap();
        let detail = &report.findings[&Kind::NoPatient].examples[0].detail;
        assert!(detail.contains("\"P07/1.png\" does") && detail.contains("--home "), "{detail}");
        if frames.is_some() {
            let detail = &report.findings[&Kind::PatternMismatch].examples[0].detail;
            assert!(detail.contains("\"P07/1.png\" does"), "{detail}");
        }
        // As it says.
        place.options.dry_run = false;
        place.options.home = Some(place.folder());
        let report = place.import(&[&folder]).unwrap();
        assert_eq!((report.findings.len(), place.frame("P07/1.png").case), (0, Some(place.found(Table::Cases, "P07"))));
    }
}

#[test]
fn patients_are_read_from_the_folder_of_the_records_and_told_where_nothing_names_them() {
    let line = r#"{"image":"1.png","messages":[{"role":"user","content":"<image>"}]}"#;
    let mut place = Place::new();
    for (number, folder) in [(1, "Meier"), (2, "Schulz")] {
        place.write(&format!("{folder}/records.jsonl"), line);
        place.write(&format!("{folder}/1.png"), png(number));
    }
    place.options.source.patient_from = Some(PatientFrom::parse("{patient}/{index}.png").unwrap());
    place.options.source.frame_pattern = Some(Pattern::parse("{video}/{index}.png").unwrap());
    let report = place.whole();
    assert_eq!((count(&report, Kind::NoPatient), count(&report, Kind::PatternMismatch)), (0, 0), "{report:?}");
    let frame = place.frame("Meier/1.png");
    let (case, video) = (place.found(Table::Cases, "Meier"), place.found(Table::Videos, "Schulz"));
    assert_eq!((frame.case, frame.index, place.frame("Schulz/1.png").video), (Some(case), Some(1), Some(video)));
    for (from, message) in [
        ("p{patient}/{index}.png", "neither that nor \"Meier/1.png\" matches \"p{patient}/{index}.png\""),
        ("field:patiant", "its record has no field \"patiant\""),
        ("video", "no frame pattern says which video"),
    ] {
        let mut other = Place::new();
        other.write("Meier/records.jsonl", line);
        other.write("x.jsonl", r#"{"id":"t","messages":[{"role":"user","content":"x"}]}"#);
        other.options.source.patient_from = Some(PatientFrom::parse(from).unwrap());
        let report = other.import(&[&other.folder()]).unwrap();
        let told = &report.findings[&Kind::NoPatient];
        assert!(told.count == 2 && told.examples[0].detail.contains(message), "{from}: {told:?}");
    }
}

#[test]
fn the_line_of_a_table_is_that_of_its_row_however_lines_end() {
    let map = "name = \"m\"\n[[table]]\nform = \"csv\"\n[[table.rows]]\nbecome = \"videos\"\nvideo = \"Video\"\nfps = \"Rate\"\n";
    for end in ["\n", "\r\n"] {
        let place = Place::with_map(map);
        let file = place.write("b.csv", ["Video,Rate", "V,25", "W,x", ""].join(end));
        let error = place.import(&[&file]).unwrap_err().to_string();
        assert!(error.contains("line 3"), "{end:?}: {error}");
    }
    let error = CaseList::read("name,patient\r\na,1\r\nb,\r\n".as_bytes()).unwrap_err().to_string();
    assert!(error.contains("line 3"), "{error}");
}

#[test]
fn patients_whose_names_look_the_same_are_told() {
    let mut place = Place::new();
    place.options.source.patient_from = Some(PatientFrom::parse("field:pid").unwrap());
    let line =
        |id: u32, pid: &str| format!(r#"{{"id":{id},"pid":"{pid}","messages":[{{"role":"user","content":"x"}}]}}"#);
    let pids = ["M\u{fc}ller", "Mu\u{308}ller", "M\u{fc}ller ", "M\u{fc}ller", "Miller"];
    let lines: Vec<String> = (1..).zip(pids).map(|(id, pid)| line(id, pid)).collect();
    let file = place.write("x.jsonl", lines.join("\n"));
    let report = place.import(&[&file]).unwrap();
    let told = &report.findings[&Kind::Doubtful];
    assert!(told.count == 2 && told.examples[0].detail.contains("their names look the same"), "{told:?}");
}

#[test]
fn a_record_that_changed_says_in_which_columns() {
    let mut place = Place::new();
    place.write("p/1.png", png(1));
    place.write("p/2.png", png(2));
    let record = |image: &str, answer: &str| {
        format!(
            r#"{{"id":"a","image":"p/{image}.png","patient":"V1","messages":[{{"role":"user","content":"<image>"}},{{"role":"assistant","content":"{answer}"}}]}}"#
        )
    };
    let file = place.write("x.jsonl", record("1", "yes"));
    place.import(&[&file]).unwrap();
    let told = |place: &Place, text: String| {
        let file = place.write("x.jsonl", text);
        place.import(&[&file]).unwrap().findings[&Kind::ChangedRecord].examples[0].detail.clone()
    };
    assert_eq!(told(&place, record("1", "no")), "its content differs (turns); the dataset's was kept");
    assert_eq!(told(&place, record("2", "yes")), "its content differs (media); the dataset's was kept");
    place.options.cases = Some(CaseList::read("name,patient\nV1,p1\n".as_bytes()).unwrap());
    let file = place.write("x.jsonl", record("1", "yes"));
    let report = place.import(&[&file]).unwrap();
    let told = &report.findings[&Kind::ChangedRecord].examples[0].detail;
    assert_eq!(told, "its content differs (case); the dataset's was kept");
    assert!(report.findings[&Kind::UnmetCase].examples[0].detail.contains("--on-change replace"));
}

#[test]
fn a_file_that_is_passed_over_for_a_letter_is_told() {
    let place = Place::new();
    place.write("x.json", r#"[{"id":1,"image":"1.png","conversatons":[]}]"#);
    place.write("1.png", png(1));
    let report = place.import(&[&place.folder()]).unwrap();
    let told = &report.findings[&Kind::Doubtful].examples[0];
    assert!(told.file == "x.json" && told.detail.contains("\"conversatons\" is nearly `conversations`"), "{told:?}");
}
