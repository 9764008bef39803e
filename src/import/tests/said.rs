//! What several files of one import, or of several, say of one picture, recording or patient.

use super::*;
use crate::import::OnChange;

/// Questions about pictures, and a table of the same pictures, which is read after them.
const ASKED_THEN_LISTED: &str = r#"
name = "m"
[[table]]
files = ["a.csv"]
form = "csv"
[[table.rows]]
become = "conversations"
image = "path"
question = "q"
answer = "a"
[[table]]
files = ["z.csv"]
form = "csv"
[[table.rows]]
become = "frames"
path = "path"
id = "{path}"
video = "v"
patient = "patient"
institution = "{site}"
index = "n"
"#;

fn asked_then_listed() -> Place {
    let place = Place::with_map(ASKED_THEN_LISTED);
    place.write("1.png", png(3));
    place.write("a.csv", "path,q,a\n1.png,what?,that\n2.png,and?,this\n");
    place.write("z.csv", "path,patient,site,v,n,blur\n1.png,P7,north,V9,44,3\n2.png,P7,,V9,45,\n");
    place
}

/// Holds that all that the table says is there.
fn is_all_there(place: &Place) {
    let dataset = place.dataset();
    for (id, index) in [("1.png", 44), ("2.png", 45)] {
        let row = place.frame(id);
        assert_eq!(row.index, Some(index), "{row:?}");
        assert_eq!(dataset.video(row.video.unwrap()).unwrap().id().unwrap(), "V9");
        let case = dataset.case(row.case.unwrap()).unwrap().to_row().unwrap();
        assert_eq!((&*case.id, case.institution.as_deref()), ("P7", Some("north")));
    }
    assert_eq!(place.frame("1.png").extra.as_deref(), Some(r#"{"blur":"3"}"#));
    assert!(dataset.verify(&mut |_, _| {}).unwrap().is_sound());
}

#[test]
fn what_a_later_table_says_of_a_picture_is_put_into_its_row() {
    let place = asked_then_listed();
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!(count(&report, Kind::ChangedRow), 0, "{:?}", report.findings);
    is_all_there(&place);
    assert_eq!(report.version, Some(place.dataset().version()));
    assert_eq!(place.import(&[&place.folder()]).unwrap().version, None, "all is there");
}

#[test]
fn what_a_second_list_says_where_the_first_said_nothing_is_put_into_the_row() {
    let frames = |file: &str, more: &str| {
        format!(
            "[[table]]\nfiles = [\"{file}\"]\nform = \"csv\"\n[[table.rows]]\nbecome = \"frames\"\npath = \"path\"\nid = \
             \"{{path}}\"\n{more}"
        )
    };
    let more = "patient = \"patient\"\ninstitution = \"{site}\"\nindex = \"n\"\n";
    let place = Place::with_map(&format!("name = \"m\"\n{}{}", frames("a.csv", ""), frames("z.csv", more)));
    place.write("1.png", png(3));
    place.write("2.png", png(4));
    place.write("a.csv", "path\n1.png\n2.png\n");
    place.write("z.csv", "path,patient,site,n,blur\n1.png,P7,,44,3\n2.png,P7,north,45,\n1.png,P7,south,46,3\n");
    let report = place.import(&[&place.folder()]).unwrap();
    let told: Vec<_> = report.findings[&Kind::ChangedRow].examples.iter().map(|example| &*example.detail).collect();
    let before =
        |what: &str, id: &str| format!("this import said another `{what}` of {id:?} before, and that was kept");
    assert_eq!(told, [before("institution", "P7"), before("index", "1.png")]);
    let (dataset, row) = (place.dataset(), place.frame("1.png"));
    assert_eq!((row.index, row.extra.as_deref(), row.width), (Some(44), Some(r#"{"blur":"3"}"#), Some(3)));
    let case = dataset.case(row.case.unwrap()).unwrap().to_row().unwrap();
    assert_eq!((&*case.id, case.institution.as_deref()), ("P7", Some("north")));
    assert_eq!(place.frame("2.png").index, Some(45));
    assert_eq!((report.version, dataset.version()), (Some(3), 3), "rows, and what came after them");
    assert!(dataset.verify(&mut |_, _| {}).unwrap().is_sound());
    assert_eq!(place.import(&[&place.folder()]).unwrap().version, None, "all is there");
}

#[test]
fn what_a_later_import_says_where_nothing_was_said_is_put_into_the_row() {
    let place = asked_then_listed();
    place.import(&[&place.folder().join("a.csv")]).unwrap();
    assert_eq!((place.frame("1.png").index, place.frame("1.png").case), (None, None));
    let report = place.import(&[&place.folder().join("z.csv")]).unwrap();
    assert_eq!((count(&report, Kind::ChangedRow), report.media.rewritten), (2, 2), "{:?}", report.findings);
    assert!(report.findings[&Kind::ChangedRow].examples[0].detail.contains("its row has no `video`"));
    let row = place.frame("1.png");
    assert_eq!((row.index, row.extra.as_deref()), (Some(44), Some(r#"{"blur":"3"}"#)));
    assert_eq!(place.dataset().case(row.case.unwrap()).unwrap().institution().unwrap(), Some("north"));
    assert!(place.dataset().verify(&mut |_, _| {}).unwrap().is_sound());
    assert_eq!(place.import(&[&place.folder()]).unwrap().version, None, "all is there");
}

#[test]
fn nothing_is_put_into_rows_where_what_differs_is_to_be_kept() {
    let mut place = asked_then_listed();
    place.import(&[&place.folder().join("a.csv")]).unwrap();
    place.options.on_change = OnChange::Keep;
    let report = place.import(&[&place.folder().join("z.csv")]).unwrap();
    assert_eq!((report.media.rewritten, place.frame("1.png").index), (0, None));
}

#[test]
fn two_patients_of_one_recording_are_told() {
    let intervals = |file: &str, more: &str| {
        format!(
            "[[table]]\nfiles = [\"{file}\"]\nform = \"csv\"\nclock = {{ unit = \"s\" }}\n[[table.rows]]\nbecome = \
             \"intervals\"\nvideo = \"v\"\n{more}start = \"s\"\nend = \"e\"\nlabels = [ {{ axis = \"x\", raw = \"l\" }} ]\n"
        )
    };
    let map = format!("name = \"m\"\n{}{}", intervals("a.csv", ""), intervals("b.csv", "patient = \"p\"\n"));
    let place = Place::with_map(&map);
    place.write("a.csv", "v,s,e,l\nV1,0,1,cut\n");
    place.write("b.csv", "v,p,s,e,l\nV1,P7,1,2,clip\nV1,P7,2,3,clip\nV2,P7,1,2,clip\n");
    let report = place.import(&[&place.folder()]).unwrap();
    let told: Vec<_> =
        report.findings[&Kind::ChangedRow].examples.iter().map(|example| example.detail.clone()).collect();
    assert_eq!(told, ["this import said another `case` of \"V1\" before, and that was kept"]);
}

#[test]
fn what_a_list_says_of_recordings_that_labels_named_first_is_kept() {
    let place = Place::with_map(
        "name = \"m\"\n[[table]]\nfiles = [\"a.csv\"]\nform = \"csv\"\nclock = { unit = \"s\" }\n[[table.rows]]\nbecome = \
         \"intervals\"\nvideo = \"v\"\nstart = \"s\"\nend = \"e\"\nlabels = [ { axis = \"x\", raw = \"l\" } ]\n[[table]]\nfiles \
         = [\"skill.csv\"]\nform = \"csv\"\n[[table.rows]]\nbecome = \"videos\"\nvideo = \"v\"\nfps = \"fps\"\n",
    );
    place.write("a.csv", "v,s,e,l\nV1,0,1,cut\n");
    place.write("skill.csv", "v,fps,tissue\nV1,25,4\n");
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!(count(&report, Kind::ChangedRow), 0, "{:?}", report.findings);
    let row = place.video("V1");
    assert_eq!((row.fps, row.extra.as_deref()), (Some(25.0), Some(r#"{"tissue":"4"}"#)));
    assert_eq!(place.import(&[&place.folder()]).unwrap().version, None, "all is there");
}

#[test]
fn two_files_that_say_different_things_of_one_picture_are_told() {
    let place = Place::new();
    for (name, site) in [("a.json", "A"), ("b.json", "B")] {
        place.write(
            name,
            format!(
                r#"{{"images":[{{"id":1,"file_name":"1.png","site":"{site}","width":9,"height":9}}],"categories":[{{"id":1,"name":"x"}}],"annotations":[{{"id":"{site}","image_id":1,"category_id":1,"bbox":[0,0,3,2]}}]}}"#
            ),
        );
    }
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!(count(&report, Kind::ChangedRow), 1, "{:?}", report.findings);
    assert!(place.frame("1.png").extra.unwrap().contains(r#""site":"A""#));
}

/// Two tables of the same pictures, each with columns of its own.
const TWO_LISTS: &str = r#"
name = "m"
[[table]]
files = ["a.csv", "b.csv"]
form = "csv"
[[table.rows]]
become = "frames"
path = "path"
id = "{path}"
patient = "patient"
"#;

fn two_lists() -> Place {
    let place = Place::with_map(TWO_LISTS);
    place.write("1.png", png(3));
    place.write("a.csv", "path,patient,blur,site\n1.png,P7,3,north\n2.png,P7,4,north\n");
    place.write("b.csv", "path,patient,rater,site\n1.png,P7,Ann,north\n2.png,P7,Ben,south\n");
    place
}

/// Holds that both lists' columns stand in the rows, the first's where they contradict each other.
fn both_stand(place: &Place) {
    assert_eq!(place.frame("1.png").extra.as_deref(), Some(r#"{"blur":"3","site":"north","rater":"Ann"}"#));
    assert_eq!(place.frame("2.png").extra.as_deref(), Some(r#"{"blur":"4","site":"north","rater":"Ben"}"#));
    assert!(place.dataset().verify(&mut |_, _| {}).unwrap().is_sound());
}

#[test]
fn further_fields_of_two_files_stand_together() {
    let place = two_lists();
    let report = place.import(&[&place.folder()]).unwrap();
    let told: Vec<_> = report.findings[&Kind::ChangedRow].examples.iter().map(|example| &*example.detail).collect();
    assert_eq!(told, ["this import said another `extra.site` of \"2.png\" before, and that was kept"]);
    assert_eq!((report.rows["frames"], count(&report, Kind::RepeatedId)), (2, 0), "listed twice, they are one each");
    let records = &report.records;
    assert_eq!((records.added, records.unchanged, records.changed_kept), (2, 1, 1));
    both_stand(&place);
    assert_eq!(place.import(&[&place.folder()]).unwrap().version, None, "all is there");
}

#[test]
fn an_id_that_two_listed_pictures_have_is_told_apart() {
    let map = TWO_LISTS.replace("\"{path}\"", "\"n\"");
    let place = Place::with_map(&map);
    place.write("a.csv", "path,patient,n\nv/1.png,P7,1\nw/1.png,P7,1\n");
    place.write("b.csv", "path,patient,n,rater\nw/1.png,P7,1,Ann\nv/1.png,P7,1,Ben\n");
    let report = place.whole();
    assert_eq!((report.rows["frames"], count(&report, Kind::RepeatedId)), (2, 1));
    for (id, path, rater) in [("1", "v/1.png", "Ben"), ("1~2", "w/1.png", "Ann")] {
        let row = place.frame(id);
        assert_eq!((row.path.as_deref(), row.extra), (Some(path), Some(format!(r#"{{"rater":"{rater}"}}"#))));
    }
}

#[test]
fn further_fields_of_two_imports_stand_together() {
    let mut place = two_lists();
    place.import(&[&place.folder().join("a.csv")]).unwrap();
    let report = place.import(&[&place.folder().join("b.csv")]).unwrap();
    let told: Vec<_> = report.findings[&Kind::ChangedRow].examples.iter().map(|example| &*example.detail).collect();
    assert_eq!(told, ["\"2.png\": the dataset's frame has another `extra.site`; it was left as it was"]);
    assert_eq!(report.media.rewritten, 2);
    both_stand(&place);
    assert_eq!(place.import(&[&place.folder()]).unwrap().version, None, "all is there");
    place.options.on_change = OnChange::Replace;
    place.import(&[&place.folder().join("b.csv")]).unwrap();
    assert_eq!(place.frame("2.png").extra.as_deref(), Some(r#"{"blur":"4","site":"south","rater":"Ben"}"#));
}
