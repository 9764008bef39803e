//! What was deleted, and is imported again.

use super::*;
use crate::dataset::DeleteOptions;

/// Two patients' pictures and what is asked of them; the first one's case is deleted.
fn place_with_a_patient_deleted() -> Place {
    let place = Place::new();
    place.write("p/1.png", png(7));
    place.write("p/2.png", png(8));
    let line = |id: &str, patient: &str, picture: &str| {
        format!(
            r#"{{"id":"{id}","patient":"{patient}","image":"p/{picture}.png","messages":[{{"role":"user","content":"<image>"}}]}}"#
        )
    };
    place.write("a.jsonl", [line("a", "P1", "1"), line("b", "P1", "1"), line("c", "P2", "2")].join("\n"));
    assert_eq!(place.import(&[&place.folder()]).unwrap().again, [].into());
    let case = place.found(Table::Cases, "P1");
    place.dataset().delete([case], DeleteOptions { cascade: true, unshown_blobs: true }).unwrap();
    place
}

fn counts(place: &Place) -> [u64; 4] {
    [Table::Cases, Table::Frames, Table::Conversations, Table::Blobs].map(|table| place.count(table))
}

#[test]
fn rows_that_were_deleted_come_in_again_and_are_told() {
    let mut place = place_with_a_patient_deleted();
    let again = [("cases", 1), ("conversations", 2), ("frames", 1)].into();
    place.options.dry_run = true;
    assert_eq!(place.import(&[&place.folder()]).unwrap().again, again);
    place.options.dry_run = false;
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.again.clone(), report.records.added, count(&report, Kind::DeletedBefore)), (again, 2, 3));
    let told = &report.findings[&Kind::DeletedBefore].examples;
    assert!(told.iter().any(|told| told.id.as_deref() == Some("P1") && told.file == "cases"), "{told:?}");
    assert_eq!(counts(&place), [2, 2, 3, 2]);
    // They are there now, and another import says nothing of them; nor does one that replaces them, twice.
    place.options.on_change = OnChange::Replace;
    for text in ["x", "y"] {
        assert_eq!(place.import(&[&place.folder()]).unwrap().again, [].into());
        let changed = fs::read_to_string(place.folder().join("a.jsonl")).unwrap().replace("<image>", text);
        place.write("a.jsonl", changed);
    }
}

#[test]
fn what_was_deleted_stays_away_where_that_is_asked_for() {
    let mut place = place_with_a_patient_deleted();
    let before = counts(&place);
    place.options.on_deleted = OnDeleted::Stop;
    let error = place.import(&[&place.folder()]).unwrap_err();
    assert_eq!((error.kind(), error.record()), (crate::ErrorKind::Deleted, Some(1)));
    assert!(error.to_string().contains("was deleted, and would come in again"), "{error}");
    place.options.on_deleted = OnDeleted::Skip;
    // What is new of the patient stays away too, with its picture.
    place.write("p/3.png", png(9));
    place.write(
        "b.jsonl",
        r#"{"id":"d","patient":"P1","image":"p/3.png","messages":[{"role":"user","content":"<image>"}]}"#,
    );
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.records.skipped.clone(), report.records.unchanged), ([("deleted before", 3)].into(), 1));
    assert_eq!((report.rows.len(), report.again.len(), counts(&place)), (0, 0, before));
    let reasons: Vec<&str> = report.skipped.iter().map(|record| record.reason.as_str()).collect();
    assert!(reasons[0].contains("the conversation \"a\" was deleted"), "{reasons:?}");
    assert!(reasons[2].contains("the case \"P1\" was deleted"), "{reasons:?}");
    // Pictures by themselves too.
    fs::remove_file(place.folder().join("a.jsonl")).unwrap();
    fs::remove_file(place.folder().join("b.jsonl")).unwrap();
    fs::remove_file(place.folder().join("p/3.png")).unwrap();
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.records.skipped, report.records.unchanged), ([("deleted before", 1)].into(), 1));
    assert_eq!(counts(&place), before);
}

#[test]
fn after_a_compaction_nobody_knows_what_was_deleted() {
    let place = place_with_a_patient_deleted();
    place.dataset().compact().unwrap();
    assert_eq!(place.import(&[&place.folder()]).unwrap().again, [].into());
    assert_eq!(counts(&place), [2, 2, 3, 2]);
}

#[test]
fn a_recording_that_was_deleted_stays_away_with_all_that_is_said_of_it() {
    let mut place = Place::new();
    for (number, video) in ["VID68", "VID70"].into_iter().enumerate() {
        place.write(&format!("labels/{video}.json"), annotations::CHOLECT50.replace("\"video\": 68, ", ""));
        place.write(&format!("videos/{video}/000016.png"), png(number as u32 + 7));
    }
    let all = place.import(&[&place.folder()]).unwrap().records.added;
    let case = place.found(Table::Cases, "VID68");
    place.dataset().delete([case], DeleteOptions { cascade: true, unshown_blobs: true }).unwrap();
    let counts = |place: &Place| Table::ALL.map(|table| place.count(table));
    let before = counts(&place);
    // A picture that came since is of it too.
    place.write("videos/VID68/000021.png", png(20));
    place.options.on_deleted = OnDeleted::Skip;
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!(
        (report.records.skipped.clone(), report.records.unchanged),
        ([("deleted before", all / 2)].into(), all / 2)
    );
    assert_eq!((report.version, counts(&place)), (None, before));
}

#[test]
fn rows_of_a_table_that_are_left_out_are_in_no_count_and_make_no_version() {
    let mut place = place_with_a_patient_deleted();
    let map = "name = \"m\"\n[[table]]\nfiles = [\"*.csv\"]\nform = \"csv\"\n[[table.rows]]\nbecome = \"intervals\"\n\
        video = \"video\"\nstart = \"start\"\nend = \"end\"\n[[table.rows.labels]]\naxis = \"phase\"\nraw = \"label\"\n";
    place.options.map = Some(std::sync::Arc::new(TableMap::from_toml(map).unwrap()));
    place.options.on_deleted = OnDeleted::Skip;
    let before = counts(&place);
    let file = place.write("iv.csv", "video,start,end,label\nP1,0,10,x\n");
    let report = place.import(&[&file]).unwrap();
    assert_eq!(report.records.skipped, [("deleted before", 1)].into());
    assert_eq!((report.rows.clone(), report.version, counts(&place)), ([].into(), None, before));
    let file = place.write("iv2.csv", "video,start,end,label\nP1,0,10,x\nP2,0,10,x\n");
    let report = place.import(&[&file]).unwrap();
    assert_eq!(report.rows, [("annotations", 1), ("videos", 1)].into());
}

#[test]
fn a_patient_is_known_whichever_source_speaks_of_them() {
    let mut place = place_with_a_patient_deleted();
    assert_eq!(place.dataset().deleted_patients().unwrap().into_iter().collect::<Vec<_>>(), ["P1"]);
    place.options.source = SourceDescription::named("other");
    place.options.on_deleted = OnDeleted::Stop;
    assert_eq!(place.import(&[&place.folder()]).unwrap_err().kind(), crate::ErrorKind::Deleted);
    place.options.on_deleted = OnDeleted::Skip;
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.records.added, report.records.skipped["deleted before"]), (1, 2));
    assert_eq!(place.count(Table::Cases), 2);
    place.options.on_deleted = OnDeleted::Take;
    assert_eq!(place.import(&[&place.folder()]).unwrap().again, [("cases", 1)].into());
    // Now the patient has a case, and nobody is away any more.
    assert!(place.dataset().deleted_patients().unwrap().is_empty());
}
