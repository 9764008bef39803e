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
        assert_eq!(reports.iter().map(|report| count(report, Kind::SamePath)).sum::<u64>(), 1, "{at_once}");
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
    let report = place.import(&[&a, &b]).unwrap();
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
    assert_eq!((count(&report, Kind::SamePath), shown(&place, "b")), (1, Some(7)), "taken for it, and told");
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
    assert_eq!((width("one/1"), width("two/2")), (Some(7), Some(9)));
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
