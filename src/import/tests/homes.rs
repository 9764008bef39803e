//! Folders of one source that are imported one by one.

use super::*;

const LABELME: &str = r#"{"version":"5","imagePath":"1.png","imageWidth":7,"imageHeight":7,"shapes":[{"label":"LABEL","shape_type":"rectangle","points":[[1,1],[5,5]]}]}"#;

fn record(id: &str, image: &str) -> String {
    format!(r#"{{"id":"{id}","image":"{image}","conversations":[{{"from":"human","value":"<image>{id}"}}]}}"#)
}

/// The width of the picture that a conversation shows.
fn shown(place: &Place, id: &str) -> Option<i32> {
    let dataset = place.dataset();
    let row = dataset.conversation_at(place.found(Table::Conversations, id)).unwrap().to_row().unwrap();
    dataset.frame(row.media[0].refs[0]).unwrap().width().unwrap()
}

fn one(place: &Place, folder: &str) -> ImportReport {
    place.import(&[&place.folder().join(folder)]).unwrap()
}

/// A folder is refused as it is; another home tells it apart.
fn refused_then_told_apart(place: &mut Place, folder: &str) -> ImportReport {
    let before = place.dataset().version();
    let message = place.import(&[&place.folder().join(folder)]).unwrap_err().to_string();
    for word in ["of another folder than", "--home ", "--source", "--same-names"] {
        assert!(message.contains(word), "{message}");
    }
    assert_eq!(place.dataset().version(), before);
    place.options.home = Some(place.folder());
    let report = one(place, folder);
    place.options.home = None;
    let again = one(place, folder);
    assert_eq!((again.version, again.records.unchanged), (None, report.records.read), "its home is known now");
    report
}

#[test]
fn a_missing_picture_is_not_that_of_a_folder_beside() {
    for is_second_there in [false, true] {
        let mut place = Place::new();
        ["v1", "v2"].iter().for_each(|name| drop(place.write(&format!("{name}/qa.json"), record(name, "1.png"))));
        one(&place, "v1");
        if is_second_there {
            place.write("v2/1.png", png(9));
        }
        refused_then_told_apart(&mut place, "v2");
        place.write("v2/1.png", png(9));
        one(&place, "v2");
        assert_eq!((shown(&place, "v1"), shown(&place, "v2")), (None, Some(9)), "{is_second_there}");
        place.write("v1/1.png", png(7));
        place.import(&[&place.folder()]).unwrap();
        assert_eq!((shown(&place, "v1"), shown(&place, "v2")), (Some(7), Some(9)), "{is_second_there}");
    }
}

#[test]
fn records_and_pictures_of_folders_beside_are_no_changes() {
    let shapes = |label: &str| LABELME.replace("LABEL", label);
    let mut place = Place::new();
    for (folder, width) in [("v1", 7), ("v2", 9)] {
        place.write(&format!("{folder}/1.json"), shapes(folder));
        place.write(&format!("{folder}/1.png"), png(width));
    }
    one(&place, "v1");
    let report = refused_then_told_apart(&mut place, "v2");
    assert_eq!((report.records.added, place.count(Table::Annotations), place.count(Table::Frames)), (1, 2, 2));
    // The folder above adds nothing, whichever home its folders have.
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.version, report.records.unchanged), (None, 2));
    assert_eq!(place.annotation("1#1").labels[0].raw, "v1");
    assert_eq!(place.annotation("v2/1#1").labels[0].raw, "v2");
}

#[test]
fn folders_of_pictures_alone_are_told_apart() {
    let mut place = Place::new();
    for (folder, width) in [("v1", 7), ("v2", 9)] {
        place.write(&format!("{folder}/in/1.png"), png(width));
    }
    one(&place, "v1");
    refused_then_told_apart(&mut place, "v2");
    assert_eq!((place.frame("in/1.png").width, place.frame("v2/in/1.png").width), (Some(7), Some(9)));
    assert_eq!(place.import(&[&place.folder()]).unwrap().version, None);
    assert_eq!(one(&place, "v2/in").version, None);
    assert_eq!(one(&place, "v1/in/1.png").version, None);
}

#[test]
fn ids_of_the_source_that_mean_others_are_no_changes() {
    let mut place = Place::new();
    place.write("a/a.json", record("0", "a.png"));
    place.write("b/b.json", record("0", "b.png"));
    one(&place, "a");
    let message = place.import(&[&place.folder().join("b")]).unwrap_err().to_string();
    assert!(message.contains("record 1, id \"0\"") && message.contains("with other content"), "{message}");
    place.options.on_error = OnError::Skip;
    place.import(&[&place.folder().join("b")]).unwrap_err();
    place.options.source.id = "b".into();
    assert_eq!(one(&place, "b").records.added, 1);
}

#[test]
fn a_folder_that_was_moved_is_the_one_that_it_was_where_that_is_said() {
    let mut place = Place::new();
    place.write("old/qa.json", record("a", "1.png"));
    one(&place, "old");
    fs::rename(place.folder().join("old"), place.folder().join("new")).unwrap();
    place.write("new/1.png", png(7));
    assert!(place.import(&[&place.folder().join("new")]).is_err());
    place.options.same_names = true;
    assert_eq!(one(&place, "new").media.found_now, 1);
    assert_eq!(shown(&place, "a"), Some(7));
    place.options.same_names = false;
    place.write("new/qa.json", record("a", "2.png"));
    assert_eq!(one(&place, "new").records.changed_kept, 1, "it is known there now");
}

#[test]
fn folders_side_by_side_that_are_named_at_once_are_named_from_above() {
    let place = Place::new();
    let folders = ["jan", "feb"].map(|folder| {
        place.write(&format!("{folder}/t.jsonl"), record("x", "1.png").replacen(r#""id":"x","#, "", 1));
        place.folder().join(folder)
    });
    place.import(&[&folders[0], &folders[1]]).unwrap();
    place.found(Table::Conversations, "jan/t.jsonl#1");
    place.found(Table::Conversations, "feb/t.jsonl#1");
    for again in [&folders[1], &place.folder()] {
        assert_eq!(place.import(&[again]).unwrap().version, None);
    }
}

#[test]
fn a_home_holds_what_is_named() {
    let mut place = Place::new();
    place.write("a/a.json", record("0", "a.png"));
    place.options.home = Some(place.folder().join("b"));
    fs::create_dir(place.folder().join("b")).unwrap();
    let message = place.import(&[&place.folder().join("a")]).unwrap_err().to_string();
    assert!(message.contains("does not lie in the home"), "{message}");
}

#[test]
fn folders_below_a_media_root_do_not_share_what_is_missing() {
    let mut place = Place::new();
    ["v1", "v2"].iter().for_each(|name| drop(place.write(&format!("{name}/qa.json"), record(name, "1.png"))));
    place.options.media_roots = vec![place.folder()];
    one(&place, "");
    for (folder, width) in [("v1", 7), ("v2", 9)] {
        place.write(&format!("{folder}/1.png"), png(width));
        one(&place, "");
    }
    assert_eq!((shown(&place, "v1"), shown(&place, "v2")), (Some(7), Some(9)));
}

#[test]
fn a_media_root_may_have_the_folders_of_the_records() {
    let mut place = Place::new();
    for (folder, width) in [("v1", 7), ("v2", 9)] {
        place.write(&format!("d/{folder}/qa.json"), record(folder, "1.png"));
        place.write(&format!("p/{folder}/1.png"), png(width));
    }
    place.options.media_roots = vec![place.folder().join("p")];
    one(&place, "d");
    assert_eq!((shown(&place, "v1"), shown(&place, "v2")), (Some(7), Some(9)));
    assert_eq!(one(&place, "d").version, None);
}

#[test]
fn a_path_that_climbs_is_found_in_a_media_root_or_a_home_further_up() {
    for is_home in [true, false] {
        let mut place = Place::new();
        let file = place.write("p/ann/a.json", record("a", "../img/1.png"));
        place.write("p/img/1.png", png(7));
        let above = place.folder().join("p");
        if is_home {
            place.options.home = Some(above);
        } else {
            let report = place.import(&[&file]).unwrap();
            assert_eq!((count(&report, Kind::OutsideRoot), shown(&place, "a")), (1, None));
            place.options.media_roots = vec![above];
        }
        place.import(&[&file]).unwrap();
        assert_eq!(shown(&place, "a"), Some(7), "{is_home}");
        assert_eq!(place.import(&[&file]).unwrap().version, None);
    }
}
