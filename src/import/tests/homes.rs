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

fn refused(place: &Place, folder: &str, words: &[&str]) {
    let before = place.dataset().version();
    let message = place.import(&[&place.folder().join(folder)]).unwrap_err().to_string();
    words.iter().for_each(|word| assert!(message.contains(word), "{message}"));
    assert_eq!(place.dataset().version(), before);
}

/// A record of its own in each of two folders, about a picture that both call alike.
fn two() -> Place {
    let place = Place::new();
    ["v1", "v2"].iter().for_each(|name| drop(place.write(&format!("d/{name}/qa.json"), record(name, "1.png"))));
    place
}

#[test]
fn a_picture_is_not_that_of_a_folder_beside_whichever_are_missing() {
    for there in [[false, false], [true, false], [false, true], [true, true]] {
        let place = two();
        let widths = [("v1", 7), ("v2", 9)];
        let is_there = |at: usize| there[at].then_some(widths[at].1 as i32);
        for (at, (folder, width)) in widths.into_iter().enumerate() {
            if there[at] {
                place.write(&format!("d/{folder}/1.png"), png(width));
            }
            one(&place, &format!("d/{folder}"));
        }
        assert_eq!((shown(&place, "v1"), shown(&place, "v2")), (is_there(0), is_there(1)), "{there:?}");
        assert_eq!((place.frame("1.png").width, place.frame("v2/1.png").width), (is_there(0), is_there(1)));
        place.write("d/v2/more.json", record("more", "1.png"));
        one(&place, "d/v2");
        assert_eq!((shown(&place, "more"), place.count(Table::Frames)), (is_there(1), 2), "{there:?}");
        widths.iter().for_each(|(folder, width)| drop(place.write(&format!("d/{folder}/1.png"), png(*width))));
        // Whatever is named, they are the ones of before.
        for folder in ["d", "d/v1", "d/v2", "", "d/v2/qa.json"] {
            assert_eq!(one(&place, folder).records.added, 0, "{folder}");
        }
        assert_eq!((shown(&place, "v1"), shown(&place, "v2")), (Some(7), Some(9)), "{there:?}");
        assert_eq!(place.count(Table::Frames), 2);
    }
}

#[test]
fn files_of_a_folder_around_are_told_from_those_of_the_folders_in_it() {
    let place = two();
    place.write("d/v1/1.png", png(7));
    one(&place, "d/v1");
    place.write("d/qa.json", record("above", "1.png"));
    one(&place, "d");
    assert_eq!((shown(&place, "above"), shown(&place, "v1"), shown(&place, "v2")), (None, Some(7), None));
    place.frame("d/1.png");
    place.frame("d/v2/1.png");
}

#[test]
fn shapes_and_pictures_of_folders_beside_are_no_changes() {
    let place = Place::new();
    for (folder, width) in [("v1", 7), ("v2", 9)] {
        place.write(&format!("{folder}/1.json"), LABELME.replace("LABEL", folder));
        place.write(&format!("{folder}/1.png"), png(width));
        assert_eq!(one(&place, folder).records.added, 1);
    }
    assert_eq!((place.count(Table::Annotations), place.count(Table::Frames)), (2, 2));
    assert_eq!(place.import(&[&place.folder()]).unwrap().version, None);
    assert_eq!(place.annotation("1#1").labels[0].raw, "v1");
    assert_eq!(place.annotation("v2/1#1").labels[0].raw, "v2");
}

#[test]
fn folders_of_pictures_alone_are_told_apart() {
    let place = Place::new();
    for (folder, width) in [("v1", 7), ("v2", 9)] {
        place.write(&format!("{folder}/in/1.png"), png(width));
        assert_eq!(one(&place, folder).records.added, 1);
    }
    assert_eq!((place.frame("in/1.png").width, place.frame("v2/in/1.png").width), (Some(7), Some(9)));
    for again in ["", "v2/in", "v1/in/1.png"] {
        assert_eq!(one(&place, again).version, None, "{again}");
    }
}

#[test]
fn ids_of_the_source_that_mean_others_are_no_changes() {
    let mut place = Place::new();
    place.write("a/a.json", record("0", "a.png"));
    place.write("b/b.json", record("0", "b.png"));
    one(&place, "a");
    refused(&place, "b", &["record 1, id \"0\"", "with other content", "--source", "--same-names"]);
    place.options.on_error = OnError::Skip;
    refused(&place, "b", &["with other content"]);
    place.options.source.id = "b".into();
    assert_eq!(one(&place, "b").records.added, 1);
}

#[test]
fn a_folder_that_was_moved_is_the_one_that_it_was_where_that_is_said() {
    let mut place = two();
    one(&place, "d");
    fs::rename(place.folder().join("d"), place.folder().join("e")).unwrap();
    refused(&place, "e", &["as v1/qa.json of another folder", "--same-names", "--on-known take"]);
    place.options.same_names = true;
    assert_eq!(one(&place, "e").records.unchanged, 2);
    place.options.same_names = false;
    place.write("e/v1/1.png", png(7));
    place.write("e/v1/qa.json", record("v1", "1.png") + &record("new", "1.png"));
    let report = one(&place, "e/v1");
    assert_eq!((report.records.unchanged, report.records.added, shown(&place, "v1")), (1, 1, Some(7)));
    assert_eq!(place.count(Table::Frames), 2);
}

#[test]
fn a_folder_that_says_the_same_as_another_is_taken_as_another_where_that_is_said() {
    let mut place = Place::new();
    let text = record("", "1.png").replace(r#""id":"","#, "");
    ["v1", "v2"].iter().for_each(|name| drop(place.write(&format!("{name}/qa.json"), &text)));
    place.write("v1/1.png", png(7));
    one(&place, "v1");
    refused(&place, "v2", &["as qa.json of another folder"]);
    place.options.on_known = OnKnown::Take;
    one(&place, "v2");
    assert_eq!((shown(&place, "qa.json#1"), shown(&place, "v2/qa.json#1")), (Some(7), None));
}

#[test]
fn pictures_alone_that_were_moved_are_not_taken_twice() {
    let mut place = Place::new();
    (1..=3).for_each(|at| drop(place.write(&format!("old/{at}.png"), png(at))));
    one(&place, "old");
    fs::rename(place.folder().join("old"), place.folder().join("new")).unwrap();
    place.write("new/4.png", png(4));
    refused(&place, "new", &["3 of its 4 pictures and videos", "--same-names"]);
    place.options.same_names = true;
    assert_eq!((one(&place, "new").records.added, place.count(Table::Frames)), (1, 4));
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
fn folders_of_one_name_are_told_apart_by_more_of_their_paths() {
    let place = Place::new();
    for folder in ["a", "b", "c"] {
        place.write(&format!("{folder}/data/t.jsonl"), record(folder, "1.png"));
        one(&place, &format!("{folder}/data"));
    }
    ["1.png", "data/1.png", "c/data/1.png"].iter().for_each(|id| drop(place.frame(id)));
}

#[test]
fn a_home_holds_what_is_named_and_starts_no_other_folders_ids() {
    let mut place = two();
    place.options.home = Some(place.folder().join("d"));
    one(&place, "d/v1");
    place.frame("v1/1.png");
    place.options.home = Some(place.folder().join("d/v1"));
    refused(&place, "d/v2", &["does not lie in the home"]);
    place.write("e/v1/qa.json", record("other", "1.png"));
    place.options.home = Some(place.folder().join("e"));
    refused(&place, "e/v1", &["start so", "further up"]);
}

#[test]
fn folders_whose_names_are_no_text_are_left_out_by_name() {
    use std::os::unix::ffi::OsStrExt;
    let place = two();
    let strange = place.folder().join("d").join(std::ffi::OsStr::from_bytes(b"\xff"));
    fs::create_dir(&strange).unwrap();
    fs::write(strange.join("qa.json"), record("lost", "1.png")).unwrap();
    let report = one(&place, "d");
    assert_eq!((report.records.added, report.ignored.len()), (2, 1), "{:?}", report.ignored);
    assert!(report.ignored[0].reason.contains("not UTF-8"), "{:?}", report.ignored);
    assert!(place.import(&[&strange]).unwrap_err().to_string().contains("not UTF-8"));
}

#[test]
fn media_roots_do_not_make_one_picture_of_two() {
    let roots: [fn(&Place, &str) -> PathBuf; 3] = [
        |place, _| place.folder().join("d"),
        |place, _| place.folder().join("p"),
        |place, folder| place.folder().join("p").join(folder),
    ];
    for (at, root) in roots.into_iter().enumerate() {
        for at_once in [false, true] {
            let mut place = two();
            ["p/v1", "p/v2"].iter().for_each(|name| fs::create_dir_all(place.folder().join(name)).unwrap());
            let import = |place: &mut Place| {
                for folder in ["v1", "v2"] {
                    place.options.media_roots = vec![root(place, folder)];
                    one(place, &if at_once && at < 2 { "d".to_owned() } else { format!("d/{folder}") });
                }
            };
            import(&mut place);
            let below = if at == 0 { "d" } else { "p" };
            place.write(&format!("{below}/v2/1.png"), png(9));
            import(&mut place);
            assert_eq!((shown(&place, "v1"), shown(&place, "v2")), (None, Some(9)), "{at} {at_once}");
            place.write(&format!("{below}/v1/1.png"), png(7));
            import(&mut place);
            // Named first and alone, its path has no folder that the root could have.
            let first = (at != 1 || at_once).then_some(7);
            assert_eq!((shown(&place, "v1"), shown(&place, "v2")), (first, Some(9)), "{at} {at_once}");
        }
    }
}

#[test]
fn folders_share_the_pictures_of_a_folder_for_all() {
    let mut place = two();
    place.write("all/1.png", png(7));
    place.options.media_roots = vec![place.folder().join("all")];
    ["d/v1", "d/v2"].iter().for_each(|folder| drop(one(&place, folder)));
    assert_eq!((place.count(Table::Frames), shown(&place, "v1"), shown(&place, "v2")), (1, Some(7), Some(7)));
    assert_eq!(one(&place, "d").version, None);
}

#[test]
fn a_media_root_may_have_the_folders_of_the_records() {
    let mut place = two();
    [("v1", 7), ("v2", 9)]
        .iter()
        .for_each(|(folder, width)| drop(place.write(&format!("p/{folder}/1.png"), png(*width))));
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

#[test]
fn a_path_out_of_its_home_is_no_path_in_another() {
    let place = Place::new();
    place.write("b/qa.json", record("inside", "1.png"));
    place.write("b/1.png", png(7));
    place.write("a/qa.json", record("out", "../1.png"));
    one(&place, "b");
    assert_eq!(count(&one(&place, "a"), Kind::OutsideRoot), 1);
    assert_eq!((shown(&place, "inside"), shown(&place, "out"), place.count(Table::Frames)), (Some(7), None, 2));
    assert_eq!(one(&place, "a").version, None);
}

#[test]
fn folders_in_a_home_are_not_called_as_those_of_another() {
    let place = Place::new();
    place.write("a/x/qa.json", record("in a", "1.png"));
    place.write("b/x/qa.json", record("in b", "1.png"));
    place.write("b/x/1.png", png(9));
    one(&place, "a");
    one(&place, "b/x");
    assert_eq!((place.frame("x/1.png").width, place.frame("b/x/1.png").width), (None, Some(9)));
    // The other way round, the folder comes when its name is taken.
    let place = Place::new();
    place.write("a/qa.json", record("a", "1.png"));
    place.write("x/qa.json", record("x", "1.png"));
    one(&place, "a");
    one(&place, "x");
    place.write("a/x/qa.json", record("in a", "1.png"));
    refused(&place, "a", &["would be called x/", "--source"]);
}

#[test]
fn a_media_root_that_has_the_folders_says_more_than_the_path() {
    let mut place = two();
    place.write("p/1.png", png(5));
    place.write("p/v2/1.png", png(9));
    place.options.media_roots = vec![place.folder().join("p")];
    one(&place, "d");
    assert_eq!(shown(&place, "v2"), Some(9));
}

#[test]
fn a_media_root_may_have_the_last_folders_of_the_records_and_is_then_looked_into_there() {
    let mut place = Place::new();
    place.write("d/a/x/qa.json", record("x", "1.png"));
    place.write("d/a/y/qa.json", record("y", "1.png"));
    place.write("p/1.png", png(5));
    place.write("p/x/1.png", png(9));
    place.options.media_roots = vec![place.folder().join("p")];
    one(&place, "d");
    assert_eq!((shown(&place, "x"), shown(&place, "y")), (Some(9), Some(5)));
    assert_eq!(one(&place, "d").version, None);
    // Its own picture is missing there, and no other is taken for it.
    let mut place = Place::new();
    place.write("d/a/x/qa.json", record("x", "1.png"));
    place.write("p/1.png", png(5));
    place.write("p/x/2.png", png(9));
    place.options.media_roots = vec![place.folder().join("p")];
    let report = one(&place, "d");
    assert!(report.missing[0].reason.contains("p/x, which is called as the folder of its records"), "{report:?}");
    place.write("p/x/1.png", png(9));
    one(&place, "d");
    assert_eq!((shown(&place, "x"), place.count(Table::Frames)), (Some(9), 1));
}
