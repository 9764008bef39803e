//! Pictures that are not where their paths lead: found by their names alone, and never another recording's.

use super::*;

fn coco(name: &str) -> String {
    format!(
        r#"{{"images":[{{"id":1,"file_name":"{name}","width":7,"height":48}}],"categories":[{{"id":1,"name":"x"}}],
        "annotations":[{{"id":1,"image_id":1,"category_id":1,"bbox":[0,0,1,1]}}]}}"#
    )
}

fn labelme(path: &str) -> String {
    format!(r#"{{"version":"5","shapes":[],"imagePath":"{path}","imageData":null,"imageWidth":7,"imageHeight":48}}"#)
}

/// What is told of a kind, first.
fn told(findings: &std::collections::BTreeMap<Kind, crate::import::Findings>, kind: Kind) -> String {
    findings.get(&kind).and_then(|findings| findings.examples.first()).map_or(String::new(), |it| it.detail.clone())
}

fn attach_all(place: &Place) -> AttachReport {
    let options = AttachOptions { media_roots: vec![place.dir.path().join("late")], ..AttachOptions::default() };
    attach(&place.dataset(), &options, &mut |_, _| {}).unwrap()
}

fn bring(place: &Place, name: &str, bytes: Vec<u8>) {
    let path = place.dir.path().join("late").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_picture_of_another_recordings_folder_is_no_hit() {
    for (file, text, name) in [("ann/coco.json", coco("000001.png"), "a"), ("ann/a.json", labelme("000001.png"), "b")] {
        let place = Place::new();
        place.write("video1/img/000001.png", png(7));
        place.write(&format!("video1/{file}"), &text);
        place.write(&format!("video2/{file}"), &text);
        let report = place.import(&[&place.folder()]).unwrap();
        assert_eq!((report.media.embedded, report.media.missing), (1, 1), "{name}");
        assert!(place.frame("video1/ann/000001.png").blob.is_some());
        assert!(place.frame("video2/ann/000001.png").blob.is_none());
        assert!(report.missing[0].reason.contains("another's as the folders say"), "{:?}", report.missing);
        let told = told(&report.findings, Kind::FoundByName);
        assert!(told.contains("video1/img/000001.png") && told.contains("only file of this name"), "{told}");
        assert_eq!(place.import(&[&place.folder()]).unwrap().version, None);
    }
}

#[test]
fn one_file_is_given_by_its_name_to_one_id_alone() {
    let place = Place::new();
    place.write("pictures/deep/1.png", png(7));
    place.write("ann_a/coco.json", coco("1.png"));
    place.write("ann_b/coco.json", coco("1.png"));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.media.embedded, report.media.missing, count(&report, Kind::FoundByName)), (1, 1, 1));
    assert!(report.missing[0].reason.contains(r#"was taken for "ann_a/1.png""#), "{:?}", report.missing);
}

#[test]
fn a_folder_in_the_id_says_which_of_several_is_meant() {
    let place = Place::new();
    let text = coco("1.png");
    for (video, width) in [("v1", 7), ("v2", 9)] {
        place.write(&format!("{video}/coco.json"), &text);
        bring(&place, &format!("{video}/1.png"), png(width));
    }
    place.import(&[&place.folder()]).unwrap();
    let report = attach_all(&place);
    assert_eq!((report.frames.attached, report.not_found()), (2, 0));
    assert_eq!([place.frame("v1/1.png").width, place.frame("v2/1.png").width], [Some(7), Some(9)]);
}

#[test]
fn late_pictures_are_given_to_their_own_recording_alone() {
    for layout in ["v1", "somewhere/v1/deep", ""] {
        let place = Place::new();
        place.write("v1/coco.json", coco("1.png"));
        place.write("v2/coco.json", coco("1.png"));
        place.import(&[&place.folder()]).unwrap();
        bring(&place, Path::new(layout).join("1.png").to_str().unwrap(), png(7));
        let report = attach_all(&place);
        let whose = [place.frame("v1/1.png").blob.is_some(), place.frame("v2/1.png").blob.is_some()];
        assert_eq!(whose, [!layout.is_empty(), false], "{layout}");
        let reason = &report.missing.last().unwrap().reason;
        assert!(reason.contains("--names says which") || reason.contains("another's"), "{reason}");
        assert_eq!(report.findings.contains_key(&Kind::FoundByName), layout.contains("deep"), "{:?}", report.findings);
    }
}

#[test]
fn a_path_that_climbs_out_of_the_annotations_folder_is_found_in_the_folder_that_was_named() {
    let place = Place::new();
    place.write("ann/a.json", labelme(r"..\\img\\a.png"));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.media.missing, report.missing[0].path.as_str()), (1, r"..\img\a.png"));
    bring(&place, "img/a.png", png(7));
    assert_eq!(attach_all(&place).frames.attached, 1);
    let place = Place::new();
    place.write("ann/a.json", labelme(r"..\\img\\a.png"));
    place.write("img/a.png", png(7));
    fs::write(place.dir.path().join("secret.png"), png(9)).unwrap();
    place.write("ann/b.json", labelme("../../secret.png"));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.media.embedded, report.media.missing, count(&report, Kind::OutsideRoot)), (1, 1, 1));
    assert_eq!(place.frame("img/a.png").width, Some(7));
}

#[test]
fn one_path_that_is_missing_beside_two_files_is_told_with_both() {
    let record = |id: &str| {
        format!(r#"[{{"id":"{id}","image":"1.png","conversations":[{{"from":"human","value":"<image>x"}}]}}]"#)
    };
    let place = Place::new();
    place.write("v1/qa.json", record("a"));
    place.write("v2/qa.json", record("b"));
    let report = place.import(&[&place.folder()]).unwrap();
    let told = told(&report.findings, Kind::SamePath);
    assert!(told.contains("beside v1/qa.json and beside v2/qa.json") && told.contains("--media-root"), "{told}");
    assert_eq!((report.media.missing, place.count(Table::Frames)), (2, 2));
    bring(&place, "1.png", png(7));
    assert_eq!(attach_all(&place).frames.attached, 0, "whose it is, nothing says");
    bring(&place, "v2/1.png", png(9));
    assert_eq!(attach_all(&place).frames.attached, 1);
    assert_eq!((place.frame("v1/1.png").blob, place.frame("v2/1.png").width), (None, Some(9)));
}

#[test]
fn a_text_of_questions_is_about_the_nearest_picture_of_its_name() {
    let place = Place::new();
    for (number, video) in [(1, "seq_1"), (2, "seq_2")] {
        for folder in ["Sentence", "Classification"] {
            place.write(&format!("{video}/vqa/{folder}/frame000_QA.txt"), "what is it?|kidney\n");
        }
        place.write(&format!("{video}/left_frames/frame000.png"), png(number));
        place.write(&format!("{video}/labels/frame000.png"), png(9));
    }
    place.write("seq_2/right_frames/frame000.png", png(7));
    place.write("seq_3/vqa/Sentence/frame000_QA.txt", "what is it?|kidney\n");
    let report = place.whole();
    assert_eq!((report.media.embedded, count(&report, Kind::FoundByName)), (2, 2), "{report:?}");
    let frame = place.frame("seq_2/frame000");
    assert_eq!((frame.width, frame.path.as_deref()), (Some(2), Some("seq_2/left_frames/frame000.png")));
    assert_eq!((frame.index, frame.video), (Some(0), Some(place.found(Table::Videos, "seq_2"))));
    assert_eq!(place.frame("seq_3/frame000").blob, None);
    // One that comes later is given to the row that waits for it.
    place.write("seq_3/left_frames/frame000.png", png(3));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.media.found_now, place.frame("seq_3/frame000").width), (1, Some(3)), "{report:?}");
}

#[test]
fn a_path_of_another_machine_is_found_by_its_end_and_told() {
    let place = Place::new();
    let line = r#"{"id":1,"image":"/mnt/data/set/images/V1/1.png","messages":[{"role":"user","content":"<image>"}]}"#;
    place.write("x.jsonl", line);
    place.write("images/V1/1.png", png(4));
    let report = place.whole();
    let told = &report.findings[&Kind::FoundByName].examples[0].detail;
    assert_eq!(report.media.embedded, 1);
    assert!(told.contains("\"images/V1/1.png\", the only file with this end"), "{told}");
}
