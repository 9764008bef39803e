//! COCO.

use super::*;

/// Instances of two pictures, in COCO as others write it.
fn coco(dir: &Path) -> Dataset {
    let folder = dir.join("source");
    std::fs::create_dir_all(folder.join("images")).unwrap();
    for (name, value) in [("a.png", 10), ("b.png", 20)] {
        std::fs::write(folder.join("images").join(name), grey_png(40, 30, 8, value)).unwrap();
    }
    let file = json!({
        "images": [
            {"id": 2, "file_name": "images/b.png", "width": 40, "height": 30},
            {"id": 12, "file_name": "images/a.png", "width": 40, "height": 30, "camera": {"make": "x"}},
        ],
        "annotations": [
            {"id": 31, "image_id": 12, "category_id": 7, "bbox": [3.3, 4, 10, 12.5], "segmentation": [], "area": 125, "iscrowd": 0},
            {"id": "b/2", "image_id": 12, "category_id": 1, "bbox": [0, 0, 20, 20], "segmentation": [[0, 0, 20, 0, 20, 20]], "area": 200, "iscrowd": 0, "score": 0.5},
            {"id": 1, "image_id": 2, "category_id": 7, "bbox": [1, 0, 2, 2], "segmentation": {"counts": [30, 2, 28, 2, 1138], "size": [30, 40]}, "area": 4, "iscrowd": 1},
            {"id": 5, "image_id": 2, "category_id": 7, "bbox": [5, 0, 2, 2]},
        ],
        "categories": [
            {"id": 1, "name": "gallbladder", "supercategory": "target"},
            {"id": 7, "name": "grasper", "supercategory": "instrument"},
        ],
    });
    std::fs::write(folder.join("annotations.json"), file.to_string()).unwrap();
    let dataset = Dataset::create(dir.join("coco.surgdb")).unwrap();
    let source = ImportOptions::new(SourceDescription::named("samples"));
    import(&dataset, &[folder.join("annotations.json")], &source, &mut |_| {}).unwrap();
    Dataset::open(dataset.path()).unwrap()
}

fn annotations(dataset: &Dataset) -> Vec<(AnnotationRow, String, Option<Vec<u8>>)> {
    let addresses = dataset.live_addresses(Table::Annotations).unwrap();
    let row = |address| {
        let mut row = dataset.annotation(address).unwrap().to_row().unwrap();
        let target = dataset.frame(row.target).unwrap().id().unwrap().to_owned();
        row.target = symbol(Table::Frames, 0);
        let mut mask = None;
        for region in &mut row.regions {
            mask = region.mask.take().map(|mask| dataset.frame(mask).unwrap().bytes().unwrap().unwrap().to_vec());
        }
        (row, target, mask)
    };
    addresses.into_iter().map(row).collect()
}

#[test]
fn coco_comes_in_again_equal() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = coco(dir.path());
    let out = dir.path().join("out");
    let report = exported(&dataset, &out, &of(ExportFormat::Coco));
    assert_eq!((report.rows["annotations"], report.rows["frames"]), (4, 2));
    assert_eq!((report.added.len(), &report.lacking), (0, &[("area", 1), ("iscrowd", 1)].into()));
    assert!(report.new_ids.is_empty(), "{report:?}");
    let lost: Vec<_> = report.lost.iter().map(|(what, count)| (what.split(':').next().unwrap(), *count)).collect();
    assert_eq!(lost, [("what files say as a whole (`info`, `licenses`, all of `categories`)", 1)]);
    let ids = |dir: &Path| {
        let file: Value = serde_json::from_slice(&std::fs::read(dir.join("annotations.json")).unwrap()).unwrap();
        let of = |entry: &Value, keys: &[&str]| keys.iter().map(|key| entry[key].to_string()).collect::<Vec<_>>();
        let list = |name: &str, keys: &[&str]| -> BTreeSet<Vec<String>> {
            file[name].as_array().unwrap().iter().map(|entry| of(entry, keys)).collect()
        };
        let annotations = list("annotations", &["id", "image_id", "category_id"]);
        (list("images", &["id", "file_name"]), annotations, list("categories", &["id", "name", "supercategory"]))
    };
    assert_eq!(ids(&out), ids(&dir.path().join("source")), "ids are as the file said them");
    let again = Dataset::create(dir.path().join("again.surgdb")).unwrap();
    let source = ImportOptions::new(SourceDescription::named("samples"));
    import(&again, &[out.join("annotations.json")], &source, &mut |_| {}).unwrap();
    let again = Dataset::open(again.path()).unwrap();
    assert_eq!(annotations(&again), annotations(&dataset));
    let frames = |dataset: &Dataset| {
        let addresses = dataset.live_addresses(Table::Frames).unwrap();
        let row = |address| {
            let row = dataset.frame(address).unwrap().to_row().unwrap();
            (row.id, row.path, row.width, row.height, row.extra)
        };
        addresses.into_iter().map(row).collect::<BTreeSet<_>>()
    };
    assert_eq!(frames(&again), frames(&dataset));
    if let Some(read) = read_by("coco", &out) {
        let facts: Vec<_> =
            read.as_array().unwrap().iter().map(|found| (found["category"].clone(), found["bbox"].clone())).collect();
        assert_eq!(facts[0], (json!("grasper"), json!([3.3, 4, 10, 12.5])));
        assert_eq!(read[2]["drawn"], 4);
        assert_eq!([&read[0]["axis"], &read[1]["axis"]], ["instrument", "target"]);
        assert!(read[1]["drawn"].as_u64().unwrap().abs_diff(200) <= 20);
    }
}

#[test]
fn ids_that_clash_or_were_never_said_are_new_ones_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = coco(dir.path());
    // Another file with the ids of the first, for other things; and one without ids.
    let box_of = |id: Value, image: u64, category: u64| {
        let mut found = json!({"image_id": image, "category_id": category, "bbox": [0, 0, 4, 4]});
        if !id.is_null() {
            found["id"] = id;
        }
        found
    };
    let file = json!({
        "images": [{"id": 12, "file_name": "c.png", "width": 8, "height": 8}],
        "annotations": [box_of(json!(31), 12, 7), box_of(Value::Null, 12, 8), box_of(json!(2), 12, 8)],
        "categories": [{"id": 7, "name": "hook", "supercategory": "instrument"}, {"id": 8, "name": "grasper", "supercategory": "instrument"}],
    });
    std::fs::write(dir.path().join("more.json"), file.to_string()).unwrap();
    let source = ImportOptions::new(SourceDescription::named("samples"));
    import(&dataset, &[dir.path().join("more.json")], &source, &mut |_| {}).unwrap();
    let dataset = Dataset::open(dataset.path()).unwrap();
    let out = dir.path().join("out");
    let report = exported(&dataset, &out, &of(ExportFormat::Coco));
    assert_eq!(report.new_ids, [("annotations", 2), ("categories", 1), ("pictures", 1)].into());
    assert_eq!(report.lost["other ids of a category: those of one name have one"], 3);
    assert_eq!(report.lost["the file that the id of an annotation names before its number"], 1);
    let file: Value = serde_json::from_slice(&std::fs::read(out.join("annotations.json")).unwrap()).unwrap();
    let ids = |name: &str, key: &str| -> Vec<Value> {
        file[name].as_array().unwrap().iter().map(|entry| entry[key].clone()).collect()
    };
    assert_eq!(ids("annotations", "id"), [json!(31), json!("b/2"), json!(1), json!(5), json!(3), json!(4), json!(2)]);
    assert_eq!(ids("annotations", "category_id"), [7, 1, 7, 7, 2, 7, 7]);
    assert_eq!(ids("images", "id"), [12, 2, 1]);
    assert_eq!(ids("categories", "name"), ["grasper", "gallbladder", "hook"]);
    assert_eq!(ids("categories", "id"), [7, 1, 2]);
}

#[test]
fn coco_takes_the_axis_that_is_asked_for_and_tells_what_it_cannot_hold() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = sampled(dir.path());
    let out = dir.path().join("out");
    let report = exported(&dataset, &out, &of(ExportFormat::Coco));
    let file: Value = serde_json::from_slice(&std::fs::read(out.join("annotations.json")).unwrap()).unwrap();
    assert_eq!(file["categories"], json!([{"id": 1, "name": "grasper", "supercategory": "instrument"}]));
    let first = &file["annotations"][0];
    assert_eq!((&first["bbox"], &first["score"]), (&json!([1, 0, 1, 3]), &json!(0.875)));
    assert_eq!(first["segmentation"], json!({"counts": [0, 12], "size": [3, 4]}));
    assert_eq!((&first["area"], &first["iscrowd"]), (&json!(12), &json!(0)));
    assert_eq!(report.added.values().copied().collect::<Vec<_>>(), [report.rows["annotations"]; 2]);
    assert_eq!(report.left_out["annotations of videos"], 3);
    assert_eq!(report.lost["tracks"], 2);
    let options = ExportOptions { axis: Some("phase"), ..of(ExportFormat::Coco) };
    let report = exported(&dataset, &dir.path().join("phases"), &options);
    assert_eq!(report.left_out["annotations without a label on the axis that was asked for"], 3);
    let address = dataset.find(Table::Annotations, "instance/1").unwrap().unwrap();
    let options = ExportOptions { selection: Some(&[address]), ..of(ExportFormat::Coco) };
    let report = exported(&dataset, &dir.path().join("one"), &options);
    assert_eq!((report.rows["frames"], report.left_out.get("annotations of videos")), (1, None));
}

#[test]
fn a_box_goes_out_under_its_own_role_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut appender = Dataset::create(dir.path().join("d.surgdb")).unwrap().append().unwrap();
    let (id, path) = ("f".into(), Some("f.png".into()));
    let frame = FrameRow { id, path, source: "s".into(), kind: "rgb".into(), ..FrameRow::default() };
    let frame = appender.frame(&FrameRow { width: Some(40), height: Some(30), ..frame }).unwrap();
    let label = |axis: &str, raw: &str| LabelRow { axis: axis.into(), raw: raw.into(), ..LabelRow::default() };
    let region =
        |role: &str| RegionRow { role: Some(role.into()), bbox: Some([0.0, 0.0, 0.5, 0.5]), ..RegionRow::default() };
    let labels =
        vec![label("triplet", "grasper,grasp,liver"), label("instrument", "grasper"), label("target", "liver")];
    let row = AnnotationRow { labels, regions: vec![region("instrument"), region("target")], ..about(frame) };
    appender.annotation(&row).unwrap();
    let dataset = appender.commit(surgdb::Operation::new("append")).unwrap();
    for (axis, names) in [
        (Some("instrument"), vec!["grasper"]),
        (Some("target"), vec!["liver"]),
        (Some("triplet"), vec!["grasper,grasp,liver"; 2]),
        (None, vec!["grasper", "liver"]),
    ] {
        let out = dir.path().join(axis.unwrap_or("all"));
        let report = exported(&dataset, &out, &ExportOptions { axis, ..of(ExportFormat::Coco) });
        let file: Value = serde_json::from_slice(&std::fs::read(out.join("annotations.json")).unwrap()).unwrap();
        let name = |id: &Value| {
            let known = file["categories"].as_array().unwrap().iter().find(|category| category["id"] == *id);
            known.unwrap()["name"].as_str().unwrap().to_owned()
        };
        let found = file["annotations"].as_array().unwrap().iter().map(|entry| name(&entry["category_id"]));
        assert_eq!(found.collect::<Vec<_>>(), names, "{axis:?}");
        let left = report.left_out.get("regions of another role than the axis that was asked for");
        assert_eq!(left.copied(), (names.len() == 1).then_some(1), "{axis:?}");
    }
}

#[test]
fn masks_that_nothing_shows_and_outlines_beside_a_mask_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut appender = Dataset::create(dir.path().join("d.surgdb")).unwrap().append().unwrap();
    let bytes = grey_png(40, 30, 8, 255);
    let blob = appender.blob(BlobSource::Bytes { media_type: "image/png", bytes: &bytes }).unwrap().address;
    let mut frame = |id: &str, kind: &str, parent: Option<Address>| {
        let row = FrameRow { id: id.into(), source: "s".into(), kind: kind.into(), parent, ..FrameRow::default() };
        appender.frame(&FrameRow { blob: Some(blob), width: Some(40), height: Some(30), ..row }).unwrap()
    };
    let picture = frame("f", "rgb", None);
    let [mask, _] = ["own", "free"].map(|id| frame(id, "mask", Some(picture)));
    let label = LabelRow { axis: "instrument".into(), raw: "grasper".into(), ..LabelRow::default() };
    let outline = vec![vec![0.0, 0.0, 0.5, 0.0, 0.5, 0.5]];
    let region = RegionRow { mask: Some(mask), polygons: Some(outline), ..RegionRow::default() };
    let row = AnnotationRow { labels: vec![label], regions: vec![region], ..about(picture) };
    appender.annotation(&row).unwrap();
    let dataset = appender.commit(surgdb::Operation::new("append")).unwrap();
    let report = exported(&dataset, &dir.path().join("out"), &of(ExportFormat::Coco));
    for what in [
        "outlines of what has a mask, too: the mask is written",
        "masks and other pictures of pictures that no annotation shows as its own",
        "that a region has no box: the one around its mask or outlines is written",
    ] {
        assert_eq!(report.lost.get(what).copied(), Some(1), "{what}: {:?}", report.lost);
    }
}

#[test]
fn outlines_of_two_points_go_out_as_none_and_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let shape = |points: &str| format!(r#"{{"label":"x","points":{points},"shape_type":"polygon","flags":{{}}}}"#);
    let shapes = [shape("[[2,2],[6,2]]"), shape("[[2,2],[6,2],[6,8]]")].join(",");
    let file = dir.path().join("a.json");
    let text = format!(
        r#"{{"version":"5","flags":{{}},"shapes":[{shapes}],"imagePath":"a.png","imageHeight":10,"imageWidth":10,"imageData":null}}"#
    );
    std::fs::write(&file, text).unwrap();
    let dataset = Dataset::create(dir.path().join("two.surgdb")).unwrap();
    let source = ImportOptions::new(SourceDescription::named("samples"));
    import(&dataset, &[file], &source, &mut |_| {}).unwrap();
    let out = dir.path().join("out");
    let report = exported(&Dataset::open(dataset.path()).unwrap(), &out, &of(ExportFormat::Coco));
    let lost = report.lost.iter().find(|(what, _)| what.starts_with("outlines of one or two points"));
    assert_eq!(lost.map(|(_, count)| *count), Some(1));
    let written: serde_json::Value =
        serde_json::from_slice(&std::fs::read(out.join("annotations.json")).unwrap()).unwrap();
    let outlines: Vec<_> = written["annotations"].as_array().unwrap().iter().map(|one| &one["segmentation"]).collect();
    assert_eq!(outlines, [&json!([]), &json!([[2, 2, 6, 2, 6, 8]])]);
}
