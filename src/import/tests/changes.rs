//! What is said of pictures and recordings that the dataset has already.

use super::*;
use crate::import::source::PatientFrom;
use crate::import::{CaseList, OnChange, Pattern};

/// Two frames of a recording, by their paths.
fn frames() -> Place {
    let mut place = Place::new();
    place.options.source.frame_pattern = Some(Pattern::parse("{video}/{index}.png").unwrap());
    place.options.source.fps = Some(2.0);
    for at in [2, 4] {
        place.write(&format!("VID01/{at}.png"), png(at));
    }
    place
}

fn patient_of(place: &Place, id: &str) -> Option<String> {
    let case = place.frame(id).case?;
    Some(place.dataset().case(case).unwrap().patient().unwrap().unwrap().to_owned())
}

#[test]
fn a_list_of_cases_that_comes_later_is_told_and_moves_rows_where_that_is_asked_for() {
    let mut place = frames();
    place.options.source.patient_from = Some(PatientFrom::Video);
    place.import(&[&place.folder()]).unwrap();
    assert_eq!(patient_of(&place, "VID01/2.png").as_deref(), Some("VID01"));
    place.options.cases = Some(CaseList::read("name,patient\nVID01,p1\n".as_bytes()).unwrap());
    let told = place.import(&[&place.folder()]).unwrap();
    assert_eq!((told.version, count(&told, Kind::ChangedRow)), (None, 2), "{:?}", told.findings);
    assert_eq!((place.count(Table::Cases), patient_of(&place, "VID01/4.png").as_deref()), (1, Some("VID01")));
    place.options.on_change = OnChange::Replace;
    let replaced = place.import(&[&place.folder()]).unwrap();
    assert_eq!((replaced.media.rewritten, replaced.rows), (2, [("cases", 1)].into()));
    assert_eq!(patient_of(&place, "VID01/2.png").as_deref(), Some("p1"));
    assert_eq!(place.import(&[&place.folder()]).unwrap().version, None);
    assert!(place.dataset().verify(&mut |_, _| {}).unwrap().is_sound());
}

#[test]
fn other_frames_a_second_move_the_times_of_frames() {
    let mut place = frames();
    place.import(&[&place.folder()]).unwrap();
    assert_eq!(place.frame("VID01/4.png").time, Some(2.0));
    place.options.source.fps = Some(4.0);
    let told = place.import(&[&place.folder()]).unwrap();
    assert_eq!((told.version, count(&told, Kind::ChangedRow)), (None, 2));
    place.options.on_change = OnChange::Replace;
    assert_eq!(place.import(&[&place.folder()]).unwrap().media.rewritten, 2);
    assert_eq!(place.frame("VID01/4.png").time, Some(1.0));
    assert_eq!(place.import(&[&place.folder()]).unwrap().version, None);
}

#[test]
fn a_picture_without_bytes_takes_the_size_that_is_said_with_its_boxes() {
    let mut place = Place::new();
    place.options.on_change = OnChange::Replace;
    for width in [64, 128] {
        let text = format!(
            r#"{{"images":[{{"id":1,"file_name":"1.png","width":{width},"height":50}}],"categories":[{{"id":1,"name":"x"}}],"annotations":[{{"id":1,"image_id":1,"category_id":1,"bbox":[0,0,32,25]}}]}}"#
        );
        let file = place.write("one.json", text);
        place.import(&[&file]).unwrap();
        assert_eq!(place.frame("1.png").width, Some(width));
        assert_eq!(place.import(&[&file]).unwrap().version, None);
    }
}

#[test]
fn two_lists_that_say_different_things_of_one_recording_are_told() {
    let place = Place::with_map(
        "name = \"m\"\n[[table]]\nform = \"csv\"\n[[table.rows]]\nbecome = \"videos\"\nvideo = \"id\"\nfps = \"fps\"\n",
    );
    for (name, fps) in [("a/v.csv", 2), ("b/v.csv", 30)] {
        place.write(name, format!("id,fps\nVID1,{fps}\nVID2,25\n"));
    }
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((count(&report, Kind::ChangedRow), place.video("VID1").fps), (1, Some(2.0)));
}
