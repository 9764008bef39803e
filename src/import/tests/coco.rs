//! Whole imports of COCO files whose pictures lie in the folders of splits.

use super::*;

/// A file of one picture of this size, with a box over its left half.
fn one(name: &str, width: u32, more: &str) -> String {
    format!(
        r#"{{"images": [{{"id": 1, "file_name": "{name}", "width": {width}, "height": 48{more}}}],
        "categories": [{{"id": 1, "name": "g"}}],
        "annotations": [{{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, {}, 48]}}]}}"#,
        f64::from(width) / 2.0
    )
}

/// The bytes of the picture that a statement is about.
fn shown(place: &Place, id: &str) -> Vec<u8> {
    let dataset = place.dataset();
    let frame = dataset.frame(place.annotation(id).target).unwrap();
    frame.bytes().unwrap().as_deref().map(<[u8]>::to_vec).unwrap_or_default()
}

#[test]
fn each_split_has_the_pictures_of_its_own_folder() {
    for between in ["", "images/"] {
        let place = Place::new();
        for (split, width) in [("train2017", 64), ("val2017", 32)] {
            place.write(&format!("annotations/instances_{split}.json"), one("000001.png", width, ""));
            place.write(&format!("{between}{split}/000001.png"), png(width));
        }
        let report = place.whole();
        assert_eq!((report.rows["frames"], report.rows["blobs"], report.media.missing), (2, 2, 0));
        assert_eq!(shown(&place, "annotations/instances_train2017/1"), png(64));
        assert_eq!(shown(&place, "annotations/instances_val2017/1"), png(32));
        let frame = place.frame("val2017/000001.png");
        assert_eq!((frame.width, frame.path), (Some(32), Some(format!("{between}val2017/000001.png"))));
        assert_eq!(frame.extra.as_deref(), Some(r#"{"file_name":"000001.png","id":1}"#));
    }
}

#[test]
fn a_picture_of_another_split_is_never_taken_and_the_own_one_is_when_it_comes() {
    let place = Place::new();
    place.write("annotations/train.json", one("000001.png", 64, ""));
    place.write("annotations/val.json", one("000001.png", 32, ""));
    place.write("train/000001.png", png(64));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.rows["frames"], report.media.missing, report.media.embedded), (2, 1, 1));
    assert_eq!(report.missing[0].path, "val/000001.png");
    place.write("val/000001.png", png(32));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.media.found_now, report.records.unchanged, report.rows.len()), (1, 2, 1));
    assert_eq!(shown(&place, "annotations/val/1"), png(32));
}

#[test]
fn pictures_that_all_splits_share_are_found_where_they_are() {
    let place = Place::new();
    place.write("annotations/train.json", one("a.png", 64, ""));
    place.write("annotations/val.json", one("b.png", 32, ""));
    place.write("images/a.png", png(64));
    place.write("elsewhere/b.png", png(32));
    let report = place.whole();
    assert_eq!((report.rows["frames"], report.media.missing), (2, 0));
    assert_eq!(place.frame("annotations/a.png").path.as_deref(), Some("a.png"));
}

#[test]
fn a_file_without_a_split_says_by_address_or_size_which_picture_it_means() {
    let url = r#", "coco_url": "http://images.cocodataset.org/val2017/000001.png""#;
    for (width, more, is_found) in [(64, url, true), (32, "", true), (9, "", false)] {
        let place = Place::new();
        place.write("annotations/all.json", one("000001.png", width, more));
        place.write("train2017/000001.png", png(64));
        place.write("val2017/000001.png", png(32));
        let report = place.whole();
        let bytes = if is_found { png(32) } else { Vec::new() };
        assert_eq!(shown(&place, "annotations/all/1"), bytes);
        assert_eq!((count(&report, Kind::Doubtful), report.media.missing), if is_found { (0, 0) } else { (1, 1) });
        if is_found {
            place.found(Table::Frames, "val2017/000001.png");
        }
    }
}

#[test]
fn what_a_file_says_besides_its_pictures_is_kept_whole() {
    let place = Place::new();
    let videos: Vec<String> = (0..300).map(|id| format!(r#"{{"id": {id}, "name": "v{id}", "fps": 25}}"#)).collect();
    let text = format!(
        r#"{{"info": {{"year": 2024}}, "videos": [{}], "images": [{{"id": "s1", "file_name": "a.png", "width": 8, "height": 8}},
        {{"id": 2, "file_name": "b.png", "width": 8, "height": 8}}],
        "categories": [{{"id": 7, "name": "grasper", "keypoints": ["tip"], "skeleton": [[1, 2]]}}, {{"id": 2, "name": "unused", "color": [1, 2, 3]}}],
        "annotations": [{{"id": 1, "image_id": "s1", "category_id": 7, "bbox": [0, 0, 4, 4]}}, {{"id": 2, "image_id": 2, "category_id": 2, "bbox": [0, 0, 4, 4]}}]}}"#,
        videos.join(", ")
    );
    place.write("all.json", &text);
    let report = place.whole();
    let says: serde_json::Value = serde_json::from_str(report.inputs[0].says.as_ref().unwrap().get()).unwrap();
    let written: serde_json::Value = serde_json::from_str(&text).unwrap();
    for name in ["info", "videos", "categories"] {
        assert_eq!(says[name], written[name], "{name}");
    }
    assert_eq!(count(&report, Kind::AboutFile), 1);
    let stored = fs::read(place.dataset().path().join(report.report.as_deref().unwrap())).unwrap();
    let stored: serde_json::Value = serde_json::from_slice(&stored).unwrap();
    assert_eq!(stored["inputs"][0]["says"], says);
    assert_eq!(place.frame("a.png").extra.as_deref(), Some(r#"{"id":"s1"}"#));
    assert_eq!(place.frame("b.png").extra.as_deref(), Some(r#"{"id":2}"#));
    assert_eq!(place.annotation("all/1").extra.as_deref(), Some(r#"{"category_id":7}"#));
    assert_eq!(place.annotation("all/2").extra.as_deref(), Some(r#"{"category_id":2}"#));
}

#[test]
fn a_file_is_known_by_members_behind_a_long_one() {
    let place = Place::new();
    let long = format!(r#"{{"note": "[\"images\": {}", "videos": [{{"images": []}}], "#, "x".repeat(3 << 20));
    place.write("all.json", one("a.png", 8, "").replacen('{', &long, 1));
    let report = place.whole();
    assert_eq!((report.inputs[0].format, report.rows["annotations"]), (Some("coco"), 1));
    place.write("other.json", format!("{long} \"rest\": 1}}"));
    let error = place.import(&[&place.folder().join("other.json")]).unwrap_err().to_string();
    assert!(error.contains("this is no conversation"), "{error}");
}

#[test]
fn a_picture_that_stands_twice_is_one_and_an_id_of_two_leaves_out_what_is_said_of_it() {
    let file = |second: &str, third: &str| {
        format!(
            r#"{{"images": [{{"id": 1, "file_name": "a.png", "width": 8, "height": 48}}, {{"id": 2, "file_name": "b.png", "width": 9, "height": 48}},
            {{"id": 1, "file_name": "{second}.png", "width": 8, "height": 48}}, {{"id": 1, "file_name": "{third}.png", "width": 8, "height": 48}}],
            "categories": [{{"id": 1, "name": "g"}}, {{"id": 1, "name": "g"}}],
            "annotations": [{{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 4, 48]}}, {{"id": 2, "image_id": 2, "category_id": 1, "bbox": [0, 0, 4, 48]}}]}}"#
        )
    };
    let mut place = Place::new();
    for (name, width) in [("a", 8), ("b", 9), ("c", 8)] {
        place.write(&format!("{name}.png"), png(width));
    }
    place.write("all.json", file("a", "a"));
    let report = place.whole();
    assert_eq!((report.records.read, report.records.added, report.rows["frames"]), (2, 2, 2));
    assert_eq!(shown(&place, "all/1"), png(8));
    let place_of_two = Place::new();
    ["a", "b", "c"].iter().for_each(|name| drop(place_of_two.write(&format!("{name}.png"), png(8))));
    place = place_of_two;
    place.write("all.json", file("a", "c"));
    let error = place.import(&[&place.folder()]).unwrap_err().to_string();
    assert!(
        error.contains("two images have the id 1")
            && error.contains("--on-error skip")
            && error.contains("line 2, byte"),
        "{error}"
    );
    place.options.on_error = OnError::Skip;
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.records.skipped_total(), report.rows["annotations"], report.rows["frames"]), (1, 1, 3));
    assert!(report.skipped[0].reason.contains("two images have that id"), "{:?}", report.skipped);
}

#[test]
fn panoptic_segments_are_told_as_kept_alone() {
    let place = Place::new();
    place.write(
        "panoptic.json",
        r#"{"images": [{"id": 1, "file_name": "a.png", "width": 8, "height": 48}], "categories": [{"id": 1, "name": "liver"}],
        "annotations": [{"image_id": 1, "file_name": "a_pan.png", "segments_info": [{"id": 5, "category_id": 1}]}]}"#,
    );
    let told = &place.whole().findings[&Kind::Doubtful].examples;
    assert!(told[0].detail.contains("panoptic") && told[0].detail.contains("`extra`"), "{told:?}");
    assert!(place.annotation("panoptic/#1").extra.unwrap().contains("segments_info"));
}

#[test]
fn a_split_that_is_said_for_annotations_is_theirs() {
    let mut place = Place::new();
    let file = place.write("all.json", one("a.png", 8, ""));
    place.write("a.png", png(8));
    place.import(&[&file]).unwrap();
    let in_split = |place: &Place| {
        let dataset = place.dataset();
        let address = place.found(Table::Annotations, "all/1");
        dataset.annotation(address).unwrap().split().unwrap().map(str::to_owned)
    };
    assert_eq!(in_split(&place), None);
    // One that is there and in none is put into it, and one that is in another stays there.
    place.options.source.defaults.split = Some("train".into());
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.unchanged, &report.splits), (1, &[("train".to_owned(), 1)].into()));
    assert_eq!((in_split(&place).as_deref(), place.import(&[&file]).unwrap().version), (Some("train"), None));
    let selected = place.dataset().select(Table::Annotations, &crate::dataset::Filter::eq("split", "train")).unwrap();
    assert_eq!(selected.len(), 1);
    place.options.source.defaults.split = Some("val".into());
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.changed_kept, count(&report, Kind::ChangedRecord)), (1, 1));
    place.options.on_change = OnChange::Replace;
    assert_eq!(place.import(&[&file]).unwrap().records.replaced, 1);
    assert_eq!(in_split(&place).as_deref(), Some("val"));
    // New ones have it at once; what can be in none is told.
    let place = Place { options: place.options, ..Place::new() };
    place.write("all.json", one("a.png", 8, ""));
    assert_eq!(place.whole().splits, [("val".to_owned(), 1)].into());
    assert_eq!(in_split(&place).as_deref(), Some("val"));
    let place = Place { options: place.options, ..Place::new() };
    place.write("a.png", png(8));
    let told = &place.whole().findings[&Kind::UnusedSplit].examples[0].detail;
    assert!(told.contains("\"val\" was not used") && told.contains("surgdb column add"), "{told}");
}

#[test]
fn what_the_folder_is_called_that_was_named_says_nothing_of_its_pictures() {
    for folder in ["plain", "test", "my-validation-copy"] {
        let place = Place::new();
        place.write(&format!("{folder}/annotations/instances_train.json"), one("1.png", 64, ""));
        place.write(&format!("{folder}/JPEGImages/1.png"), png(64));
        let report = place.import(&[&place.folder().join(folder)]).unwrap();
        assert_eq!((report.rows["blobs"], report.media.missing), (1, 0), "{folder}");
    }
}

#[test]
fn a_box_that_had_no_place_gets_one_when_its_picture_comes() {
    let mut place = Place::new();
    let text = r#"{"images":[{"id":1,"file_name":"a.png"}],"categories":[{"id":1,"name":"k"}],
        "annotations":[{"id":1,"image_id":1,"category_id":1,"bbox":[8,12,16,24]}]}"#;
    place.write("x.json", text);
    place.import(&[&place.folder()]).unwrap();
    let before = place.annotation("x/1");
    assert!(before.regions.is_empty() && before.extra.as_deref().is_some_and(|extra| extra.contains("bbox")));
    place.write("a.png", png(64));
    place.options.on_change = OnChange::Add;
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.records.replaced, report.media.found_now), (1, 1), "{report:?}");
    let row = place.annotation("x/1");
    assert_eq!(row.regions[0].bbox, Some([0.125, 0.25, 0.375, 0.75]));
    assert_eq!(row.extra.as_deref(), Some(r#"{"category_id":1}"#));
    assert_eq!(place.import(&[&place.folder()]).unwrap().records.unchanged, 1);
}

#[test]
fn an_image_that_cannot_be_taken_is_left_out_with_what_is_said_of_it() {
    let mut place = Place::new();
    let text = r#"{"images":[{"id":1},{"id":2,"file_name":"b.png","width":4,"height":4}],"categories":[{"id":1,"name":"k"}],
        "annotations":[{"id":1,"image_id":1,"category_id":1,"bbox":[0,0,1,1]},{"id":2,"image_id":2,"bbox":[0,0,1,1]},
        {"id":3,"image_id":2,"category_id":1,"box":[0,0,1,1]}]}"#;
    place.write("x.json", text);
    assert!(place.import(&[&place.folder()]).unwrap_err().message().contains("file_name"));
    place.options.on_error = OnError::Skip;
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.records.read, report.records.added, report.records.skipped["bad record"]), (4, 2, 2));
    let told: Vec<_> = report.findings[&Kind::Doubtful].examples.iter().map(|told| told.detail.as_str()).collect();
    assert_eq!(
        told,
        ["it has no `category_id`: what it shows is not said", "neither `bbox` nor `segmentation` says where it is"]
    );
}
