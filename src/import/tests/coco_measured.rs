//! COCO files whose boxes wait for their pictures, segmentations of all kinds, and faults of annotations.

use super::*;

/// A file of one picture, which says this of its size, and of these annotations.
fn file(size: &str, annotations: &[&str]) -> String {
    format!(
        r#"{{"images":[{{"id":1,"file_name":"a.png"{size}}}],"categories":[{{"id":1,"name":"k"}}],"annotations":[{}]}}"#,
        annotations.join(",")
    )
}

fn boxed(more: &str) -> String {
    format!(r#"{{"id":1,"image_id":1,"category_id":1,{more}}}"#)
}

#[test]
fn what_was_corrected_before_it_got_its_place_is_a_change() {
    let runs = |counts: &str| format!(r#""bbox":[8,12,16,24],"segmentation":{{"counts":{counts},"size":[48,64]}}"#);
    let (first, second) = (runs("[0,48,3024]"), runs("[0,96,2976]"));
    for [before, now] in [
        [r#""bbox":[8,12,16,24]"#, r#""bbox":[8,12,16,25]"#],
        [r#""bbox":[8,12,16,24]"#, r#""bbox":[8,12,16,24],"note":"x""#],
        [r#""segmentation":[[0,0,8,0,8,8]]"#, r#""segmentation":[[0,0,8,0,8,9]]"#],
        [r#""bbox":[8,12,16,24],"score":0.5"#, r#""bbox":[8,12,16,24],"score":0.25"#],
        [&first, &second],
    ] {
        let mut place = Place::new();
        place.write("x.json", file("", &[&boxed(before)]));
        place.import(&[&place.folder()]).unwrap();
        let kept = place.annotation("x/1");
        place.write("x.json", file("", &[&boxed(now)]));
        place.write("a.png", png(64));
        let report = place.import(&[&place.folder()]).unwrap();
        assert_eq!((report.records.changed_kept, count(&report, Kind::ChangedRecord)), (1, 1), "{now}");
        place.options.on_change = OnChange::Keep;
        let report = place.import(&[&place.folder()]).unwrap();
        assert_eq!((report.records.changed_kept, count(&report, Kind::ChangedRecord)), (1, 0), "{now}");
        assert_eq!(place.annotation("x/1"), kept);
        // What the file said at first still gets its place.
        let other = Place::new();
        other.write("x.json", file("", &[&boxed(before)]));
        other.import(&[&other.folder()]).unwrap();
        other.write("a.png", png(64));
        assert_eq!(other.import(&[&other.folder()]).unwrap().records.replaced, 1, "{before}");
        place.options.on_change = OnChange::Replace;
        assert_eq!(place.import(&[&place.folder()]).unwrap().records.replaced, 1, "{now}");
        let region = &place.annotation("x/1").regions[0];
        assert!(region.bbox.is_some() || region.polygons.is_some());
        assert_eq!(place.import(&[&place.folder()]).unwrap().records.unchanged, 1);
    }
}

#[test]
fn a_box_gets_its_place_when_its_file_says_the_size() {
    let mut place = Place::new();
    place.options.on_change = OnChange::Keep;
    let said = boxed(r#""bbox":[8,12,16,24]"#);
    place.write("x.json", file("", &[&said]));
    place.import(&[&place.folder()]).unwrap();
    place.write("x.json", file(r#","width":64,"height":48"#, &[&said]));
    assert_eq!(place.import(&[&place.folder()]).unwrap().records.replaced, 1);
    assert_eq!(place.annotation("x/1").regions[0].bbox, Some([0.125, 0.25, 0.375, 0.75]));
}

#[test]
fn segmentations_that_say_nothing_are_none_and_a_flat_list_is_one_outline() {
    for nothing in ["{}", "{ }", "\"\"", "null", "[]"] {
        let place = Place::new();
        let said = boxed(&format!(r#""bbox":[8,12,16,24],"segmentation":{nothing}"#));
        place.write("x.json", file(r#","width":64,"height":48"#, &[&said]));
        place.import(&[&place.folder()]).unwrap();
        let row = place.annotation("x/1");
        let region = &row.regions[0];
        assert_eq!((&region.polygons, region.mask, region.bbox.is_some()), (&None, None, true), "{nothing}");
        assert_eq!(row.extra.as_deref(), Some(r#"{"category_id":1}"#), "{nothing}");
    }
    for outline in ["[0,0,64,0,64,4.8e1]", "[[0,0,64,0,64,48]]", " [ 0, 0, 64, 0, 64, 48 ] "] {
        let place = Place::new();
        let said = boxed(&format!(r#""segmentation":{outline}"#));
        place.write("x.json", file(r#","width":64,"height":48"#, &[&said]));
        place.import(&[&place.folder()]).unwrap();
        let polygons = place.annotation("x/1").regions[0].polygons.clone();
        assert_eq!(polygons, Some(vec![vec![0.0, 0.0, 1.0, 0.0, 1.0, 1.0]]), "{outline}");
    }
}

#[test]
fn faults_of_annotations_are_told_in_plain_words_with_their_ids() {
    let no_outline = "where an outline, a list of numbers, should be";
    for (said, message) in [
        (r#""segmentation":[[0,0,8,0,8,8],null]"#, &*format!("its `segmentation` has null {no_outline}")),
        (r#""segmentation":[0,0,null,0,8,8]"#, &format!("its `segmentation` has null {no_outline}")),
        (r#""segmentation":[[0,0,"a",8]]"#, &format!("its `segmentation` has [0,0,\"a\",8] {no_outline}")),
        (r#""segmentation":[[0,0,8,8],7]"#, &format!("its `segmentation` has 7 {no_outline}")),
        (r#""segmentation":[{"x":1}]"#, &format!("its `segmentation` has {{\"x\":1}} {no_outline}")),
        (r#""segmentation":[1,2,3]"#, "an outline has 3 numbers, which are no pairs"),
        (
            r#""segmentation":"a.png""#,
            "its `segmentation` is \"a.png\", and neither a list of outlines nor runs of pixels",
        ),
        (r#""segmentation":true"#, "its `segmentation` is true, and neither"),
        (r#""segmentation":{"size":[48,64]}"#, "a mask has `counts`, and its height and width as `size`"),
        (r#""bbox":[1,2,3]"#, "its `bbox` has 3 numbers, not 4"),
        (r#""bbox":[1,,2]"#, "expected value"),
    ] {
        for (id, is_said) in [("7", r#"id "x/7""#), ("7.0", r#"id "x/7"#), (r#""q""#, r#"id "x/q""#)] {
            let mut place = Place::new();
            let bad = format!(r#"{{"id":{id},"image_id":1,"category_id":1,{said}}}"#);
            place.write("x.json", file(r#","width":64,"height":48"#, &[&bad, &boxed(r#""bbox":[8,12,16,24]"#)]));
            let error = place.import(&[&place.folder()]).unwrap_err().to_string();
            assert!(error.contains(message) && error.contains(is_said), "{error}");
            place.options.on_error = OnError::Skip;
            let report = place.import(&[&place.folder()]).unwrap();
            assert_eq!((report.records.added, report.records.skipped["bad record"]), (1, 1), "{message}");
            assert!(report.findings[&Kind::BadRecord].examples[0].id.as_deref().is_some_and(|id| id.starts_with("x/")));
        }
    }
    let place = Place::new();
    place.write("x.json", file(r#","width":64,"height":48"#, &[r#"{"id":9,"bbox":[8,12,16,24]}"#]));
    let error = place.import(&[&place.folder()]).unwrap_err().to_string();
    assert!(error.contains(r#"id "x/9""#) && error.contains("it has no `image_id`"), "{error}");
}
