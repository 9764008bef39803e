//! Whole imports of annotations.

use super::*;
use crate::schema::rows::AnnotationRow;

fn labels(row: &AnnotationRow) -> Vec<(&str, &str)> {
    row.labels.iter().map(|label| (label.axis.as_str(), label.raw.as_str())).collect()
}

/// Imports the folder, and again, which adds nothing.
fn twice(place: &Place) -> ImportReport {
    let folder = place.folder();
    let report = place.import(&[&folder]).unwrap();
    let again = place.import(&[&folder]).unwrap();
    assert_eq!((again.version, again.records.unchanged), (None, report.records.added), "{:?}", again.records);
    assert!(crate::dataset::Dataset::open(place.dataset().path()).is_ok());
    report
}

/// The import stops with this, having written nothing; skipping, it goes on.
fn stops(place: &mut Place, message: &str) -> ImportReport {
    let folder = place.folder();
    let before = place.dataset().version();
    let error = place.import(&[&folder]).unwrap_err().to_string();
    assert!(error.contains(message), "{error}");
    assert_eq!(place.dataset().version(), before);
    place.options.on_error = OnError::Skip;
    let report = place.import(&[&folder]).unwrap();
    place.options.on_error = OnError::Stop;
    report
}

pub(super) const CHOLECT50: &str = r#"{"info": {"year": 2022}, "categories": {"instrument": {"0": "grasper", "1": "hook"},
 "verb": {"0": "grasp", "9": "null_verb"}, "target": {"0": "gallbladder", "14": "null_target"},
 "phase": {"0": "preparation", "4": "gallbladder-packaging"}, "triplet": {"7": "grasper,grasp,gallbladder", "94": "grasper,null_verb,null_target"}},
 "video": 68, "fps": 2, "num_frames": 3, "annotations": {
 "16": [[7, 0, 1.0, 0.5, 0.25, 0.25, 0.5, 0, 0, 1.0, -1.0, -1.0, -1.0, -1.0, 4], [94, 0, 0.5, 0.5, 0.5, 0.5, 0.75, 9, 14, 1.0, 0.0, 0.0, 0.5, 0.5, 4]],
 "21": [[-1, -1, -1.0, -1.0, -1.0, -1.0, -1.0, -1, -1, -1.0, -1.0, -1.0, -1.0, -1.0, 0]],
 "30": [[-1, 1, 1.0, 0.0, 0.0, 0.5, 0.5, -1, -1, -1.0, -1.0, -1.0, -1.0, -1.0, 7]]
}}"#;

#[test]
fn triplets_become_statements_about_their_frames() {
    let mut place = Place::new();
    place.options.source.patient_prefix = Some("c80-".into());
    place.write("labels/VID68.json", CHOLECT50);
    place.write("label_mapping.txt", "# IVT, I, V\n0,1,2\n");
    place.write("videos/VID68/000016.png", sized(774, 434));
    let report = twice(&place);
    assert_eq!(report.inputs[0].format, Some("cholect50"));
    assert_eq!(report.read, [("frames", 3), ("rows", 4), ("rows without an instrument", 1)].into());
    assert_eq!((report.records.read, report.rows["annotations"], report.rows["frames"]), (6, 6, 3));
    assert_eq!((report.rows["videos"], report.rows["cases"], report.media.missing), (1, 1, 2));
    assert_eq!(report.ignored.len(), 1);
    let first = place.annotation("labels/VID68/16/0");
    assert_eq!(
        labels(&first),
        [
            ("instrument", "grasper"),
            ("verb", "grasp"),
            ("target", "gallbladder"),
            ("triplet", "grasper,grasp,gallbladder")
        ]
    );
    assert_eq!(
        (first.regions.len(), first.regions[0].bbox, first.regions[0].score),
        (1, Some([0.5, 0.25, 0.75, 0.75]), Some(1.0))
    );
    let second = place.annotation("labels/VID68/16/1");
    assert_eq!(labels(&second)[1..3], [("verb", "null_verb"), ("target", "null_target")], "a null class is a label");
    assert_eq!(
        (second.regions.len(), count(&report, Kind::Doubtful)),
        (2, 2),
        "a box that leaves the picture is told and kept, and so is a phase that has no name"
    );
    assert_eq!(labels(&place.annotation("labels/VID68/30/0")), [("instrument", "hook")], "-1 is none");
    assert_eq!(labels(&place.annotation("labels/VID68/16/phase")), [("phase", "gallbladder-packaging")]);
    assert_eq!(labels(&place.annotation("labels/VID68/30/phase")), [("phase", "7")], "a number without a name");
    let row = place.frame("labels/VID68/000016.png");
    assert_eq!((row.index, row.time, row.width), (Some(16), Some(8.0), Some(774)));
    assert_eq!(
        (row.video, first.target),
        (Some(place.found(Table::Videos, "VID68")), place.found(Table::Frames, "labels/VID68/000016.png"))
    );
    assert_eq!(row.case, Some(place.found(Table::Cases, "c80-VID68")));
    let video = place.dataset().video(row.video.unwrap()).unwrap().to_row().unwrap();
    assert_eq!(
        (video.fps, video.extra.as_deref()),
        (Some(2.0), Some(r#"{"info":{"year": 2022},"video":68,"num_frames":3}"#))
    );
    // A picture that is found later is attached.
    place.write("videos/VID68/000030.png", sized(774, 434));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.media.found_now, report.records.unchanged), (1, 6));
}

#[test]
fn rows_without_an_instrument_keep_what_they_say() {
    let place = Place::new();
    let rows = r#""40": [[-1, -1, -1, -1, -1, -1, -1, 0, 14, 0.5, 0.0, 0.0, 0.5, 0.5, 0], [-1, -1, -1, -1, -1, -1, -1, -1, -1, 0.25, -1, -1, -1, -1, 0],
      [-1, 1, 0.75, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0]]"#;
    let text = CHOLECT50.replacen("\"16\": [[7,", &format!("{rows},\n \"16\": [[7,"), 1);
    place.write("VID68.json", text.replacen("\"0\": \"grasper\",", "\"0\": \"grasper\", \"5\": \"unused\",", 1));
    let report = twice(&place);
    assert_eq!(
        (report.read["rows"], report.read["rows without an instrument"], report.rows["annotations"]),
        (7, 3, 10)
    );
    let target = place.annotation("VID68/40/0");
    assert_eq!(labels(&target), [("verb", "grasp"), ("target", "null_target")]);
    let region = &target.regions[0];
    assert_eq!(
        (region.role.as_deref(), region.bbox, region.score),
        (Some("target"), Some([0.0, 0.0, 0.5, 0.5]), Some(0.5))
    );
    assert_eq!(place.annotation("VID68/40/1").extra.as_deref(), Some(r#"{"target_score":0.25}"#));
    assert_eq!(place.annotation("VID68/40/2").extra.as_deref(), Some(r#"{"instrument_score":0.75}"#));
    let says = report.inputs[0].says.as_ref().unwrap().get();
    assert!(says.starts_with(r#"{"categories":{"#) && says.contains("unused"), "{says}");
}

#[test]
fn rows_that_are_no_triplets_are_told_by_their_place() {
    for (from, to, message) in [
        (
            "0.25, 0.5, 0, 0, 1.0,",
            "0.25, 0.5, 0, 0,",
            "record 1, id \"labels/VID68/16/0\", line 5: row 0 of frame 16 has 14 numbers, not 15",
        ),
        ("[7, 0,", "[7.5, 0,", "7.5 is no number of a category"),
        ("[[7, 0,", "[[\"7\", 0,", "the rows of frame \"16\": invalid type: string"),
        ("\"21\":", "\"x\":", "\"x\" is no frame number"),
        ("\"fps\": 2", "\"fps\": 0", "`fps` must be above 0"),
        ("]]\n}}", "]]\n", "the file ends too early"),
        ("\"21\": [", "\"21\" [", "line 6, byte"),
    ] {
        let mut place = Place::new();
        place.write("labels/VID68.json", CHOLECT50.replacen(from, to, 1));
        place.options.format = Some(Format::CholecT50);
        if message.contains("ends too early") || message.contains("byte") || message.contains("fps") {
            let error = place.import(&[&place.folder()]).unwrap_err().to_string();
            assert!(error.contains(message) && error.contains("VID68.json"), "{error}");
            continue;
        }
        let report = stops(&mut place, message);
        assert_eq!(report.records.skipped["bad record"], 1, "{message}");
    }
}

#[test]
fn statements_that_changed_are_reported_kept_or_replaced_where_they_are() {
    let mut place = Place::new();
    place.write("VID68.json", CHOLECT50);
    let folder = place.folder();
    place.import(&[&folder]).unwrap();
    let address = place.found(Table::Annotations, "VID68/16/0");
    place.write("VID68.json", CHOLECT50.replace("[[7, 0, 1.0, 0.5,", "[[7, 1, 0.25, 0.0,"));
    let report = place.import(&[&folder]).unwrap();
    assert_eq!((report.records.changed_kept, count(&report, Kind::ChangedRecord), report.version), (1, 1, None));
    place.options.on_change = OnChange::Replace;
    assert_eq!(place.import(&[&folder]).unwrap().records.replaced, 1);
    let row = place.annotation("VID68/16/0");
    assert_eq!((row.labels[0].raw.as_str(), row.regions[0].score), ("hook", Some(0.25)));
    assert_eq!(place.found(Table::Annotations, "VID68/16/0"), address, "it stays where it is");
    assert_eq!(place.import(&[&folder]).unwrap().version, None);
}

const COCO: &str = r#"{"annotations": [
 {"id": 1, "image_id": 1, "category_id": 1, "bbox": [85, 48, 427, 240], "segmentation": [[0, 0, 854, 0, 854, 480], [0, 0, 427, 240, 0, 480]], "area": 15633.5, "iscrowd": 0, "by": "x"},
 {"id": "b", "image_id": "2", "category_id": "2", "segmentation": {"counts": [1, 2, 3], "size": [2, 3]}, "iscrowd": 1},
 {"image_id": 1, "category_id": 9, "caption": "two hooks"}
], "images": [{"file_name": "a.png", "id": "1", "width": 854, "height": 480, "site": "bern"}, {"file_name": "sub\\b.png", "id": 2, "width": 3, "height": 2},
 {"file_name": "empty.png", "id": 3, "width": 9, "height": 9}],
 "categories": [{"id": "1", "name": "grasper", "supercategory": "instrument"}, {"id": 2, "name": "liver", "supercategory": "organ"}]}"#;

#[test]
fn coco_boxes_outlines_and_masks_become_statements() {
    let place = Place::new();
    place.write("coco/all.json", COCO);
    place.write("elsewhere/a.png", sized(854, 480));
    place.write("coco/sub/b.png", sized(3, 2));
    let report = twice(&place);
    assert_eq!(report.inputs[0].format, Some("coco"));
    assert_eq!(report.read, [("annotations", 3), ("categories", 2), ("images", 3)].into());
    assert_eq!((report.records.added, report.rows["annotations"], report.rows["frames"]), (4, 3, 4));
    assert_eq!((report.media.missing, count(&report, Kind::FoundByName)), (1, 1), "found by its name alone");
    let first = place.annotation("coco/all/1");
    assert_eq!(labels(&first), [("instrument", "grasper")]);
    let region = &first.regions[0];
    assert_eq!((region.role.as_deref(), region.polygons.as_ref().unwrap().len()), (Some("instrument"), 2));
    assert_eq!(region.polygons.as_ref().unwrap()[0], [0.0, 0.0, 1.0, 0.0, 1.0, 1.0]);
    assert!((region.bbox.unwrap()[2] - 512.0 / 854.0).abs() < 1e-6);
    assert_eq!(first.extra.as_deref(), Some(r#"{"category_id":1,"area":15633.5,"iscrowd":0,"by":"x"}"#));
    assert_eq!(place.frame("coco/a.png").extra.as_deref(), Some(r#"{"id":"1","site":"bern"}"#));
    let second = place.annotation("coco/all/b");
    assert_eq!(second.extra.as_deref(), Some(r#"{"id":"b","category_id":"2","iscrowd":1}"#));
    let mask = place.dataset().frame(second.regions[0].mask.unwrap()).unwrap().to_row().unwrap();
    assert_eq!((mask.kind.as_str(), mask.parent, mask.width), ("mask", Some(second.target), Some(3)));
    let third = place.annotation("coco/all/#3");
    assert_eq!((labels(&third), third.text.as_deref()), (vec![("category", "9")], Some("two hooks")));
    assert_eq!(count(&report, Kind::Doubtful), 1, "a category that is not there");
    place.found(Table::Frames, "coco/empty.png");
}

#[test]
fn a_name_that_repeats_across_folders_is_another_picture() {
    let place = Place::new();
    let one = r#"{"images":[{"file_name":"1.png","id":1,"width":7,"height":48}],"annotations":[{"id":1,"image_id":1,"category_id":1,"bbox":[0,0,7,48]}],"categories":[{"id":1,"name":"x"}]}"#;
    place.write("a/coco.json", one);
    place.write("b/coco.json", one);
    place.write("a/1.png", png(7));
    place.write("b/1.png", png(8));
    place.write("a/._coco.json", "\0\x05");
    let report = twice(&place);
    assert_eq!((report.rows["frames"], report.rows["annotations"], report.rows["blobs"]), (2, 2, 2));
    assert_eq!((place.frame("a/1.png").width, place.frame("b/1.png").width), (Some(7), Some(8)));
    assert_eq!(count(&report, Kind::RepeatedId), 0);
}

#[test]
fn coco_faults_are_told_by_their_place() {
    for (from, to, message) in [
        (
            "\"image_id\": 1, \"category_id\": 1",
            "\"image_id\": 7, \"category_id\": 1",
            "record 1, id \"all/1\", line 2: it is about image 7, which is not among `images`",
        ),
        ("[85, 48, 427, 240]", "[85, 48, 427]", "its `bbox` has 3 numbers, not 4"),
        ("[85, 48, 427, 240]", "[85, \"x\", 427, 240]", "the field `bbox`: invalid type"),
        ("[0, 0, 427, 240, 0, 480]", "[0, 0, 427, 240, 0]", "an outline has 5 numbers"),
        ("[1, 2, 3]", "[1, 2, 4]", "hold 7 pixels, and it has 6"),
        ("\"size\": [2, 3]", "\"size\": [4294967296, 4294967296]", "its mask has 4294967296"),
        ("\"image_id\": 1, \"category_id\": 9", "\"category_id\": 9", "it has no `image_id`"),
    ] {
        let mut place = Place::new();
        place.write("all.json", COCO.replacen(from, to, 1));
        let report = stops(&mut place, message);
        assert_eq!(report.records.skipped["bad record"], 1, "{message}");
    }
    for (from, to, message) in [
        ("}]}", "}", "the file ends too early"),
        ("\"categories\": [", "\"categories\": [3, ", "expected an object, found 3"),
    ] {
        let mut place = Place::new();
        place.options.on_error = OnError::Skip;
        place.write("all.json", COCO.replacen(from, to, 1));
        let error = place.import(&[&place.folder()]).unwrap_err().to_string();
        assert!(error.contains(message) && error.contains("all.json"), "{error}");
        assert_eq!(place.dataset().version(), 1);
    }
}

#[test]
fn paths_that_leave_the_folder_are_refused() {
    let place = Place::new();
    fs::write(place.dir.path().join("secret.png"), png(1)).unwrap();
    let text = COCO.replace("\"a.png\"", "\"../secret.png\"");
    place.write("all.json", text);
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((count(&report, Kind::OutsideRoot), report.media.embedded), (1, 1), "the mask alone is stored");
}

const LABELME: &str = r#"{"version": "5", "flags": {}, "shapes": [
 {"label": "hook", "points": [[0, 0], [427, 0], [427, 240]], "group_id": 1, "shape_type": "polygon", "flags": null, "description": ""},
 {"label": "grasper", "points": [[0, 0], [854, 0], [854, 480]], "group_id": 1, "shape_type": "polygon", "flags": {}},
 {"label": "grasper", "points": [[1, 1], [2, 2], [3, 3]], "group_id": 1, "shape_type": "polygon", "description": "far"},
 {"label": "grasper", "points": [[427, 240], [0, 0]], "group_id": null, "shape_type": "rectangle"},
 {"label": "tip", "points": [[5, 6]], "shape_type": "point"}
], "imagePath": "img_dir\\x.png", "imageData": null, "imageHeight": 480, "imageWidth": 854}"#;

#[test]
fn labelme_shapes_of_one_instance_are_one_statement() {
    let mut place = Place::new();
    place.options.source.defaults.axis = Some("instrument".into());
    place.write("VID03/ann_dir/x.json", LABELME);
    place.write(
        "VID03/ann_dir/none.json",
        r#"{"shapes": [], "imagePath": "none.png", "imageHeight": 480, "imageWidth": 854}"#,
    );
    place.write("VID03/img_dir/x.png", sized(854, 480));
    let report = twice(&place);
    assert_eq!(report.inputs[0].format, Some("labelme"));
    assert_eq!(report.read, [("pictures", 2), ("shapes", 5)].into());
    assert_eq!((report.records.added, report.rows["annotations"], report.rows["frames"]), (5, 4, 2));
    assert_eq!((report.media.missing, report.media.embedded), (1, 1));
    let grasper = place.annotation("VID03/ann_dir/x#grasper/1");
    let polygons = grasper.regions[0].polygons.as_ref().unwrap();
    assert_eq!((polygons.len(), &polygons[0]), (2, &vec![0.0, 0.0, 1.0, 0.0, 1.0, 1.0]));
    assert_eq!(grasper.extra.as_deref(), Some(r#"{"group_id":"1","shapes":[{"description":"far"}]}"#));
    let hook = place.annotation("VID03/ann_dir/x#hook/1");
    assert_eq!((labels(&hook), hook.extra.as_deref()), (vec![("instrument", "hook")], Some(r#"{"group_id":"1"}"#)));
    assert_eq!(place.annotation("VID03/ann_dir/x#4").regions[0].bbox, Some([0.0, 0.0, 0.5, 0.5]));
    let tip = place.annotation("VID03/ann_dir/x#5");
    assert_eq!(
        (tip.regions.len(), tip.extra.as_deref()),
        (0, Some(r#"{"shapes":[{"shape_type":"point","points":[[5.0,6.0]]}]}"#))
    );
    assert!(place.frame("VID03/img_dir/x.png").blob.is_some(), "it is called as it is found");
}

#[test]
fn labelme_holds_its_picture_itself_where_there_is_no_file() {
    use base64::Engine;
    let place = Place::new();
    let data = base64::engine::general_purpose::STANDARD.encode(sized(854, 480));
    place.write("x.json", LABELME.replace("\"imageData\": null", &format!("\"imageData\": \"{data}\"")));
    let report = twice(&place);
    assert_eq!((report.media.missing, report.media.embedded, place.frame("img_dir/x.png").width), (0, 1, Some(854)));
}

#[test]
fn labelme_pictures_may_be_broken_into_lines_and_what_is_none_is_told() {
    use base64::Engine;
    let data = base64::engine::general_purpose::STANDARD.encode(sized(854, 480));
    let lines = format!("{}\\r\\n{}\\n", &data[..20], &data[20..]);
    for written in [lines, data.trim_end_matches('=').to_owned(), format!("data:image/png;base64,{data}")] {
        let place = Place::new();
        place.write("x.json", LABELME.replace("\"imageData\": null", &format!("\"imageData\": \"{written}\"")));
        let report = twice(&place);
        assert_eq!((report.media.embedded, place.frame("img_dir/x.png").width), (1, Some(854)), "{written}");
    }
    let place = Place::new();
    place.write("x.json", LABELME.replace("\"imageData\": null", "\"imageData\": \"!no base64\""));
    let report = twice(&place);
    assert_eq!((report.media.missing, count(&report, Kind::BadPicture)), (1, 1));
    let extra = place.frame("img_dir/x.png").extra.unwrap();
    assert!(extra.ends_with(r#""imageData":"!no base64"}"#), "{extra}");
}

/// A mask as a PNG of grey values, in base64.
fn mask_text(width: u32, values: &[u8]) -> String {
    use base64::Engine;
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, values.len() as u32 / width);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header().unwrap().write_image_data(values).unwrap();
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn shapes(list: &str) -> String {
    format!(r#"{{"shapes": [{list}], "imagePath": "x.png", "imageHeight": 4, "imageWidth": 8}}"#)
}

#[test]
fn labelme_shapes_of_every_kind_become_what_they_cover() {
    let place = Place::new();
    let mask = mask_text(2, &[1, 0, 0, 255]);
    let list = format!(
        r#"{{"label": "a", "points": [[2, 1], [4, 1], [4, 3], [2, 3]], "shape_type": "rectangle"}},
        {{"label": "b", "points": [[2, 0], [4, 2], [2, 4], [0, 2]], "shape_type": "rotation"}},
        {{"label": "c", "points": [[4, 2], [4, 1]], "shape_type": "circle"}},
        {{"label": "d", "points": [[5, 1], [6, 2]], "shape_type": "mask", "mask": "{mask}"}},
        {{"label": "e", "points": [[0, 0], [1, 1], [2, 0]], "shape_type": "linestrip"}},
        {{"label": "f", "points": [[7, 3], [9, 9]], "shape_type": "mask", "mask": "{mask}"}}"#
    );
    place.write("x.json", shapes(&list));
    let report = twice(&place);
    let region = |id: &str| place.annotation(id).regions.into_iter().next();
    assert_eq!(region("x#1").unwrap().bbox, Some([0.25, 0.25, 0.5, 0.75]));
    let extra = place.annotation("x#1").extra.unwrap();
    assert!(extra.starts_with(r#"{"shapes":[{"shape_type":"rectangle","points":[[2.0,1.0],"#), "{extra}");
    assert_eq!(region("x#2").unwrap().polygons, Some(vec![vec![0.25, 0.0, 0.5, 0.5, 0.25, 1.0, 0.0, 0.5]]));
    assert_eq!(region("x#3").unwrap().bbox, Some([0.375, 0.25, 0.625, 0.75]));
    let drawn = region("x#4").unwrap();
    assert_eq!(drawn.bbox, Some([0.625, 0.25, 0.875, 0.75]));
    let dataset = place.dataset();
    let bytes = dataset.frame(drawn.mask.unwrap()).unwrap().bytes().unwrap().unwrap().into_owned();
    let mut reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    let inside: Vec<usize> = (0..pixels.len()).filter(|at| pixels[*at] == 255).collect();
    assert_eq!((pixels.len(), inside), (32, vec![8 + 5, 16 + 6]));
    for (id, kept) in [("x#5", "linestrip"), ("x#6", mask.as_str())] {
        assert_eq!(region(id), None);
        assert!(place.annotation(id).extra.unwrap().contains(kept), "{id}");
    }
    let told: Vec<&str> = report.findings[&Kind::Doubtful].examples.iter().map(|found| &*found.detail).collect();
    assert_eq!(told[0], "shape 5 (\"linestrip\") is no area: its points are kept in `extra` alone");
    assert!(told[1].contains("leave the picture of 8 × 4") && told.len() == 2, "{told:?}");
}

#[test]
fn labelme_faults_are_told_by_their_place() {
    for (from, to, message) in [
        ("[[5, 6]]", "[[5]]", "id \"x#5\", line 1: the field `points`"),
        ("\"label\": \"tip\", ", "", "it has no field `label`"),
        ("\"imagePath\": \"img_dir\\\\x.png\", ", "", "it has no field `imagePath`"),
        ("\"shape_type\": \"point\"}", "\"shape_type\": \"point\"", "line 7"),
        (
            "\"points\": [[5, 6]]",
            &format!("\"points\": {}1{}", "[".repeat(100_000), "]".repeat(100_000)),
            "nested deeper",
        ),
    ] {
        let mut place = Place::new();
        place.options.format = Some(Format::LabelMe);
        place.write("x.json", LABELME.replacen(from, to, 1));
        let report = stops(&mut place, message);
        assert_eq!(report.records.skipped["bad record"], 1, "{message}");
    }
}

const ENDOVIS: &str = "random random test\r\n\r\nwhat organ is being operated? organ being operated is kidney what tools are operating the organ? the tools operating are suction \r\nwhat organ is being operated? organ being operated is kidney what tools are operating the organ? the tools operating are suction \r\n";

#[test]
fn endovis_files_of_a_frame_become_conversations_about_that_frame() {
    let place = Place::new();
    place.write("seq_1/vqa/Sentence/frame012_QA.txt", "what organ is it?|organ is kidney\r\n\r\nwhere is it?|left\r\n");
    place.write("seq_1/vqa/Classification/frame012_QA.txt", "what organ is it?|kidney\n");
    let report = twice(&place);
    assert_eq!(report.read, [("pictures", 2), ("questions", 3)].into());
    let row =
        |id: &str| place.dataset().conversation_at(place.found(Table::Conversations, id)).unwrap().to_row().unwrap();
    let (first, second) = (row("seq_1/vqa/Sentence/frame012_QA"), row("seq_1/vqa/Classification/frame012_QA"));
    let said: Vec<_> = first.turns.iter().map(|turn| turn.text.as_str()).collect();
    assert_eq!(said, ["what organ is it?", "organ is kidney", "where is it?", "left"]);
    assert_eq!(first.media[0].refs, second.media[0].refs);
    let shown = place.frame("seq_1/frame012");
    assert_eq!((shown.index, shown.video), (Some(12), Some(place.found(Table::Videos, "seq_1"))));
    let file = place.write("bad_QA.txt", "what is it?|a\nwhere is it?|b\nno question here\n");
    assert!(place.import(&[&place.folder()]).unwrap_err().to_string().contains("line 3"), "it is none of another form");
    let mut place = place;
    place.options.format = Some("endovis-vqa".parse().unwrap());
    assert!(place.import(&[&file]).unwrap_err().to_string().contains("line 3"));
}

#[test]
fn endovis_lines_become_conversations_though_they_repeat() {
    let mut place = Place::new();
    place.options.source.defaults.task = Some("visual question answering".into());
    place.write("consolidate0.txt", ENDOVIS);
    let report = twice(&place);
    assert_eq!(report.inputs[0].format, Some("endovis-vqa"));
    assert_eq!(report.read, [("lines without a question", 1), ("pictures", 2), ("questions", 4)].into());
    assert_eq!((report.rows["conversations"], report.rows["frames"], report.media.missing), (2, 2, 0));
    let row =
        place.dataset().conversation_at(place.found(Table::Conversations, "consolidate0#4")).unwrap().to_row().unwrap();
    let said: Vec<_> = row.turns.iter().map(|turn| turn.text.as_str()).collect();
    assert_eq!(said[1..3], ["organ being operated is kidney", "what tools are operating the organ?"]);
    assert_eq!((row.turns.len(), row.task.as_str()), (4, "visual question answering"));
    let shown = place.frame("consolidate0#4");
    assert_eq!((shown.index, shown.path, shown.blob), (None, None, None), "a line's number is no frame's");
    assert!(report.findings[&Kind::Doubtful].examples[0].detail.contains("random random test"));
    place.write("consolidate0.txt", format!("{ENDOVIS}who is it? me\n"));
    let report = stops(&mut place, "record 5, id \"consolidate0#5\", line 5: expected a question");
    assert_eq!((report.records.skipped["bad record"], report.records.unchanged), (1, 2));
}

#[test]
fn folders_of_pictures_and_videos_become_rows() {
    let mut place = Place::new();
    place.options.source.frame_pattern = Some(Pattern::parse("VID{video}/{index}.png").unwrap());
    place.options.source.fps = Some(1.0);
    place.write("VID01/000007.png", png(7));
    place.write("VID01/000007 (1).png", png(7));
    place.write("VID01/._000007.png", "\0\x05");
    place.write("clips 0.975/a.mp4", media::mp4::tests::mp4(5));
    place.write("clips 0.975/b.mp4", b"\0\0\0\x08ftyp\0\0\0\x08moov");
    place.write("README.md", "x");
    place.write("notes.txt", "x");
    let report = twice(&place);
    assert_eq!(report.inputs[0].format, Some("media"));
    assert_eq!(report.read, [("pictures", 2), ("videos", 2)].into());
    assert_eq!((report.records.added, report.rows["frames"], report.rows["blobs"]), (4, 2, 3));
    let row = place.frame("VID01/000007.png");
    assert_eq!((row.index, row.time, row.video), (Some(7), Some(7.0), Some(place.found(Table::Videos, "01"))));
    assert_eq!((count(&report, Kind::PatternMismatch), count(&report, Kind::BadVideo)), (1, 1));
    assert!(report.findings[&Kind::BadVideo].examples[0].detail.contains("b.mp4"));
    assert_eq!(report.ignored.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["notes.txt", "README.md"]);
    assert_eq!(
        place.dataset().video(place.found(Table::Videos, "clips 0.975/a.mp4")).unwrap().frame_count().unwrap(),
        Some(5)
    );
}

#[test]
fn missing_pictures_leave_statements_out_where_that_is_asked_for() {
    let mut place = Place::new();
    place.write("all.json", COCO);
    place.write("a.png", sized(854, 480));
    place.options.missing = OnMissing::Skip;
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.records.added, report.records.skipped["missing media"]), (2, 2));
    place.options.missing = OnMissing::Stop;
    assert!(place.import(&[&place.folder()]).unwrap_err().to_string().contains("is missing"));
    place.options.missing = OnMissing::Keep;
    place.options.dry_run = true;
    let trial = place.import(&[&place.folder()]).unwrap();
    place.options.dry_run = false;
    let real = place.import(&[&place.folder()]).unwrap();
    assert_eq!((trial.records, trial.rows, trial.media, trial.read), (real.records, real.rows, real.media, real.read));
}

#[test]
fn real_annotations_are_taken_where_they_are_at_hand() {
    let data = [Path::new("../shared/data"), Path::new("../../shared/data")].into_iter().find(|data| data.is_dir());
    let Some(data) = data else {
        println!("skipped: ../shared/data is not here");
        return;
    };
    for (folder, read, rows, stored) in [
        (
            "cholect50_val",
            vec![("frames", 1128), ("rows", 1319)],
            vec![("annotations", 2447), ("frames", 1128), ("videos", 5)],
            14,
        ),
        (
            "endovis18_vqa_corpus",
            vec![("pictures", 1560), ("questions", 10_574)],
            vec![("conversations", 1560), ("frames", 1560)],
            0,
        ),
        ("cctpg_clips", vec![("videos", 3)], vec![("videos", 3), ("blobs", 2)], 3),
        (
            "cholec_instance_seg",
            vec![
                ("annotations", 23),
                ("categories", 7),
                ("images", 10),
                ("masks", 10),
                ("pictures", 10),
                ("shapes", 25),
            ],
            vec![("annotations", 69), ("frames", 43)],
            39,
        ),
    ] {
        let place = Place::new();
        let report = place.import(&[&data.join(folder)]).unwrap();
        read.iter().for_each(|(what, count)| assert_eq!(report.read.get(what), Some(count), "{folder} {what}"));
        rows.iter().for_each(|(what, count)| assert_eq!(report.rows.get(what), Some(count), "{folder} {what}"));
        assert_eq!(
            (report.media.embedded, place.import(&[&data.join(folder)]).unwrap().version),
            (stored, None),
            "{folder}"
        );
    }
}

#[test]
fn a_pattern_for_frames_names_the_patient_of_the_recording_too() {
    let mut place = Place::new();
    place.options.source = SourceDescription::from_toml(
        "id = \"src\"\nframe-pattern = \"VID{video}/{index}.png\"\npatient-from = \"video\"",
    )
    .unwrap();
    place.write("labels/VID68.json", CHOLECT50);
    place.write("labels/VID70.json", CHOLECT50);
    let report = twice(&place);
    assert_eq!((report.rows["cases"], report.rows["videos"], report.rows["frames"]), (2, 2, 6));
    let dataset = place.dataset();
    let case = place.found(Table::Cases, "68");
    assert_eq!(dataset.video(place.found(Table::Videos, "VID68")).unwrap().case().unwrap(), Some(case));
    assert_eq!(place.frame("labels/VID68/000016.png").case, Some(case));
}

#[test]
fn a_list_of_cases_makes_two_names_one_patient() {
    let mut place = Place::new();
    let list = "name,patient,institution\nVID68,c80-68,IHU\nvideo68,c80-68,IHU\n";
    place.options.cases = Some(CaseList::read(list.as_bytes()).unwrap());
    place.write("VID68.json", CHOLECT50);
    place.import(&[&place.folder()]).unwrap();
    let other = place.write(
        "other.jsonl",
        r#"{"id":"q","patient":"video68","conversations":[{"from":"human","value":"Which phase?"}]}"#,
    );
    place.import(&[&other]).unwrap();
    let dataset = place.dataset();
    assert_eq!(dataset.count(Table::Cases).unwrap(), 1);
    let case = dataset.case(place.found(Table::Cases, "c80-68")).unwrap().to_row().unwrap();
    assert_eq!((case.patient.as_deref(), case.institution.as_deref()), (Some("c80-68"), Some("IHU")));
    let row = dataset.conversation_at(place.found(Table::Conversations, "q")).unwrap().to_row().unwrap();
    assert_eq!(row.case, Some(place.found(Table::Cases, "c80-68")));
}
