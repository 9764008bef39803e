//! One path that means several files, and files that change.

use super::*;

fn record(id: &str) -> String {
    format!(r#"[{{"id":"{id}","image":"images/1.png","conversations":[{{"from":"human","value":"<image>{id}"}}]}}]"#)
}

/// The width of the picture that a conversation shows.
fn shown(place: &Place, id: &str) -> Option<i32> {
    let dataset = place.dataset();
    let row = dataset.conversation_at(place.found(Table::Conversations, id)).unwrap().to_row().unwrap();
    dataset.frame(row.media[0].refs[0]).unwrap().width().unwrap()
}

fn two(place: &Place, widths: [u32; 2]) -> [PathBuf; 2] {
    ["a", "b"].map(|folder| {
        let width = if folder == "a" { widths[0] } else { widths[1] };
        place.write(&format!("{folder}/images/1.png"), png(width));
        place.write(&format!("{folder}/r.json"), record(folder))
    })
}

#[test]
fn a_path_means_the_file_beside_its_own_record() {
    for at_once in [true, false] {
        let place = Place::new();
        let [a, b] = two(&place, [7, 9]);
        let reports = match at_once {
            true => vec![place.import(&[&a, &b]).unwrap()],
            false => [&a, &b].map(|file| place.import(&[file]).unwrap()).into(),
        };
        assert_eq!(reports.iter().map(|report| count(report, Kind::SamePath)).sum::<u64>(), 0, "{at_once}");
        assert_eq!((shown(&place, "a"), shown(&place, "b")), (Some(7), Some(9)));
        assert_eq!(place.dataset().count(Table::Frames).unwrap(), 2);
        for inputs in [vec![&a, &b], vec![&b, &a], vec![&b], vec![&a]] {
            let inputs: Vec<&Path> = inputs.into_iter().map(PathBuf::as_path).collect();
            let again = place.import(&inputs).unwrap();
            assert_eq!((again.version, again.records.unchanged), (None, inputs.len() as u64));
            assert!(again.findings.is_empty(), "{:?}", again.findings);
        }
    }
}

#[test]
fn the_same_bytes_under_one_path_are_one_picture() {
    let place = Place::new();
    let [a, b] = two(&place, [7, 7]);
    place.import(&[&a]).unwrap();
    let report = place.import(&[&b]).unwrap();
    assert_eq!((count(&report, Kind::SamePath), place.dataset().count(Table::Frames).unwrap()), (0, 1));
    assert_eq!(place.import(&[&b, &a]).unwrap().version, None);
}

#[test]
fn a_file_that_changed_is_told_and_kept_or_replaced() {
    let mut place = Place::new();
    let [a, b] = two(&place, [7, 9]);
    place.import(&[&a, &b]).unwrap();
    place.write("b/images/1.png", png(11));
    let report = place.import(&[&a, &b]).unwrap();
    assert_eq!((count(&report, Kind::ChangedMedia), report.version), (1, None));
    assert_eq!((shown(&place, "a"), shown(&place, "b")), (Some(7), Some(9)));
    place.options.on_change = OnChange::Replace;
    let report = place.import(&[&a, &b]).unwrap();
    assert_eq!((report.media.replaced, report.rows.get("frames")), (1, None));
    assert_eq!((shown(&place, "a"), shown(&place, "b")), (Some(7), Some(11)));
    let again = place.import(&[&a, &b]).unwrap();
    assert_eq!((again.version, again.media.replaced), (None, 0));
}

#[test]
fn a_missing_file_does_not_lend_its_row_to_another_folder() {
    let place = Place::new();
    let [a, b] = two(&place, [7, 9]);
    fs::remove_file(place.dir.path().join("in/a/images/1.png")).unwrap();
    place.import(&[&a, &b]).unwrap();
    assert_eq!((shown(&place, "a"), shown(&place, "b")), (None, Some(9)));
    assert_eq!(place.import(&[&a, &b]).unwrap().version, None);
    place.write("a/images/1.png", png(7));
    assert_eq!(place.import(&[&a, &b]).unwrap().media.found_now, 1);
    assert_eq!((shown(&place, "a"), shown(&place, "b")), (Some(7), Some(9)));

    let place = Place::new();
    let [a, b] = two(&place, [7, 9]);
    fs::remove_file(place.dir.path().join("in/b/images/1.png")).unwrap();
    let report = place.import(&[&a, &b]).unwrap();
    assert_eq!((count(&report, Kind::SamePath), report.media.missing, shown(&place, "b")), (0, 1, None));
    assert_eq!(place.import(&[&b, &a]).unwrap().version, None);
    place.write("b/images/1.png", png(9));
    assert_eq!(place.import(&[&b]).unwrap().media.found_now, 1);
    assert_eq!((shown(&place, "a"), shown(&place, "b")), (Some(7), Some(9)));
    place.import(&[&place.write("b/more.json", record("c"))]).unwrap();
    assert_eq!((shown(&place, "c"), place.count(Table::Frames)), (Some(9), 2), "it is the one that was missing");
}

/// The folder `in`, with one path in two folders of which some have a file of it.
fn folders(there: &[(&str, u32)]) -> Place {
    let place = Place::new();
    for folder in ["a", "b"] {
        place.write(&format!("{folder}/r.json"), record(folder));
    }
    for (folder, width) in there {
        place.write(&format!("{folder}/images/1.png"), png(*width));
    }
    place
}

#[test]
fn ids_of_pictures_start_in_the_home_of_their_records_whatever_is_there() {
    for there in [&[][..], &[("a", 7)], &[("b", 9)], &[("a", 7), ("b", 9)], &[("a", 7), ("b", 7)]] {
        let place = folders(there);
        let report = place.whole();
        let width = |folder: &str| there.iter().find(|(name, _)| *name == folder).map(|(_, width)| *width as i32);
        assert_eq!((shown(&place, "a"), shown(&place, "b")), (width("a"), width("b")), "{there:?}");
        let paths = ["a/images/1.png", "b/images/1.png"].map(|id| place.frame(id).path.unwrap());
        assert_eq!((paths, place.count(Table::Frames)), (["images/1.png", "images/1.png"].map(str::to_owned), 2));
        assert_eq!(count(&report, Kind::SamePath), u64::from(there.is_empty()), "{there:?}");
        if there.len() < 2 {
            place.write("a/images/1.png", png(7));
            place.write("b/images/1.png", png(9));
            place.import(&[&place.folder()]).unwrap();
            assert_eq!((shown(&place, "a"), shown(&place, "b")), (Some(7), Some(9)), "{there:?}");
        }
    }
}

#[test]
fn rows_are_known_again_from_a_folder_further_in_or_out() {
    for (first, then) in [("", "a"), ("a", "")] {
        let place = folders(&[("b", 9)]);
        place.import(&[&place.folder().join(first)]).unwrap();
        let report = place.import(&[&place.folder().join(then)]).unwrap();
        assert_eq!((report.records.unchanged, count(&report, Kind::ChangedRecord)), (1, 0), "{first} {then}");
        assert_eq!((place.count(Table::Frames), shown(&place, "a")), (2, None), "{first} {then}");
    }
}

#[test]
fn pictures_in_a_folder_for_all_are_one() {
    for width in [Some(7), None] {
        let mut place = folders(&[]);
        let all = place.write("all/images/2.png", png(8));
        width.iter().for_each(|width| drop(place.write("all/images/1.png", png(*width as u32))));
        place.options.media_roots = vec![all.parent().unwrap().parent().unwrap().to_owned()];
        place.whole();
        assert_eq!((place.count(Table::Frames), place.frame("images/1.png").width), (1, width));
    }
}

#[test]
fn a_picture_that_was_missing_has_one_row_wherever_it_comes_to_lie() {
    // In the folder for all, which has folders as the records have, or has not; and in one of these.
    for (beside, comes) in
        [(Some("all/a/2.png"), "all/images/1.png"), (None, "all/images/1.png"), (None, "all/a/images/1.png")]
    {
        for is_known_first in [true, false] {
            let mut place = Place::new();
            place.write("set/a/r.json", record("r"));
            place.write("all/images/2.png", png(8));
            beside.iter().for_each(|file| drop(place.write(file, png(8))));
            place.options.media_roots = vec![place.folder().join("all")];
            place.import(&[&place.folder().join("set")]).unwrap();
            place.write(comes, png(7));
            let more = place.write("set/a/s.json", record("s"));
            if is_known_first {
                place.import(&[&place.folder().join("set")]).unwrap();
            } else if comes == "all/a/images/1.png" {
                // Where no record of before says so, the file may be another folder's than the row.
                continue;
            } else {
                place.import(&[&more]).unwrap();
            }
            let widths = (shown(&place, "r"), shown(&place, "s"), place.count(Table::Frames));
            assert_eq!(widths, (Some(7), Some(7), 1), "{comes} {is_known_first}");
            let again = place.import(&[&place.folder().join("set")]).unwrap();
            assert_eq!((again.version, again.records.unchanged), (None, 2), "{comes} {is_known_first}");
        }
    }
}

#[test]
fn a_path_leads_out_of_its_own_folder_into_the_one_that_was_named() {
    let text = record("a").replace("images/1.png", "../images/1.png");
    let place = Place::new();
    place.write("images/1.png", png(7));
    place.write("labels/r.json", &text);
    place.whole();
    assert_eq!((shown(&place, "a"), place.frame("images/1.png").width), (Some(7), Some(7)));
    // What lies beside the record under the path from the home is another.
    place.write("labels/images/1.png", png(8));
    place.write("labels/s.json", text.replace(r#""a""#, r#""s""#));
    place.import(&[&place.folder()]).unwrap();
    assert_eq!(shown(&place, "s"), Some(7));
    fs::write(place.dir.path().join("1.png"), png(9)).unwrap();
    place.write("r.json", text.replace("../images", "..").replace(r#""a""#, r#""b""#));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((count(&report, Kind::OutsideRoot), shown(&place, "b")), (1, None));
}

#[test]
fn statements_are_about_the_file_beside_their_own_list() {
    let text = |id: u32| {
        format!(
            r#"{{"images":[{{"id":1,"file_name":"images/1.png","width":100,"height":50}}],"categories":[{{"id":1,"name":"x"}}],"annotations":[{{"id":{id},"image_id":1,"category_id":1,"bbox":[0,0,10,10]}}]}}"#
        )
    };
    let mut place = Place::new();
    for (folder, width) in [("a", 7), ("b", 9)] {
        place.write(&format!("{folder}/images/1.png"), png(width));
    }
    let files = [place.write("a/one.json", text(1)), place.write("b/two.json", text(2))];
    files.iter().for_each(|file| drop(place.import(&[file]).unwrap()));
    let width = |id: &str| {
        let dataset = place.dataset();
        let there = dataset.annotation(place.found(Table::Annotations, id)).unwrap();
        dataset.frame(there.target().unwrap()).unwrap().width().unwrap()
    };
    assert_eq!((width("one/1"), width("b/two/2")), (Some(7), Some(9)));
    for file in &files {
        assert_eq!(place.import(&[file]).unwrap().version, None);
    }
    place.write("b/images/1.png", png(11));
    let report = place.import(&[&files[1]]).unwrap();
    assert_eq!((count(&report, Kind::ChangedMedia), report.version), (1, None));
    place.options.on_change = OnChange::Replace;
    let report = place.import(&[&files[1]]).unwrap();
    assert_eq!((report.media.replaced, report.rows.len()), (1, 1), "{:?}", report.rows);
}

#[test]
fn a_lone_picture_that_changed_is_told() {
    let mut place = Place::new();
    place.write("1.png", png(7));
    let folder = place.dir.path().join("in");
    place.import(&[&folder]).unwrap();
    place.write("1.png", png(9));
    assert_eq!(count(&place.import(&[&folder]).unwrap(), Kind::ChangedMedia), 1);
    place.options.on_change = OnChange::Replace;
    place.import(&[&folder]).unwrap();
    let frame = place.found(Table::Frames, "1.png");
    assert_eq!(place.dataset().frame(frame).unwrap().bytes().unwrap().unwrap(), png(9));
}

#[test]
fn two_files_under_one_id_are_two_pictures() {
    let place = Place::new();
    place.write("in/img/1.png", png(7));
    place.write("in/img/1~2.png", png(9));
    // As two sources that both have `img/1.png` are exported into one folder.
    let record = |id: &str, path: &str, said: &str| {
        format!(
            r#"{{"id":"{id}","image":"{path}","conversations":[{{"from":"human","value":"<image>?"}}],"surgdb":{{{said}}}}}"#
        )
    };
    let said = r#""files":{"img/1~2.png":{"id":"img/1.png"}}"#;
    let text = format!("{}\n{}\n", record("a", "img/1.png", ""), record("b", "img/1~2.png", said));
    let file = place.write("in/r.jsonl", text);
    let report = place.import(&[&file]).unwrap();
    assert_eq!((shown(&place, "a"), shown(&place, "b")), (Some(7), Some(9)));
    assert_eq!((count(&report, Kind::SamePath), place.dataset().count(Table::Frames).unwrap()), (1, 2));
    assert_eq!(place.import(&[&file]).unwrap().version, None);
}
