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
            {"id": 1, "file_name": "images/a.png", "width": 40, "height": 30, "camera": {"make": "x"}},
            {"id": 2, "file_name": "images/b.png", "width": 40, "height": 30},
        ],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [3.3, 4, 10, 12.5], "segmentation": [], "area": 125, "iscrowd": 0},
            {"id": 2, "image_id": 1, "category_id": 2, "bbox": [0, 0, 20, 20], "segmentation": [[0, 0, 20, 0, 20, 20]], "area": 200, "iscrowd": 0, "score": 0.5},
            {"id": 3, "image_id": 2, "category_id": 1, "bbox": [1, 0, 2, 2], "segmentation": {"counts": [30, 2, 28, 2, 1138], "size": [30, 40]}, "area": 4, "iscrowd": 1},
        ],
        "categories": [
            {"id": 1, "name": "grasper", "supercategory": "instrument"},
            {"id": 2, "name": "gallbladder", "supercategory": "target"},
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
    assert_eq!((report.rows["annotations"], report.rows["frames"]), (3, 2));
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
