//! Pictures that several files speak of in ways of their own, and are one.

use super::*;

fn shapes(path: &str) -> String {
    format!(
        r#"{{"shapes": [{{"label": "hook", "points": [[0, 0], [7, 0], [7, 48]], "shape_type": "polygon"}}],
        "imagePath": "{path}", "imageWidth": 7, "imageHeight": 48}}"#
    )
}

/// COCO's of these pictures, with a box in each.
fn coco(names: &[&str], id: impl Fn(usize) -> String) -> String {
    let images = names.iter().enumerate().map(|(at, name)| {
        format!(r#"{{"id": {}, "file_name": "{name}", "width": 7, "height": 48, "site": "bern"}}"#, at + 1)
    });
    let boxes = (1..=names.len()).map(|at| {
        format!(r#"{{"id": {}, "image_id": {}, "category_id": {}, "bbox": [0, 0, 1, 1]}}"#, id(at), id(at), id(1))
    });
    let [images, boxes] = [images.collect::<Vec<_>>(), boxes.collect()].map(|all| all.join(","));
    format!(r#"{{"images": [{images}], "categories": [{{"id": 1, "name": "x"}}], "annotations": [{boxes}]}}"#)
}

#[test]
fn outlines_and_boxes_of_one_picture_meet_whether_its_file_is_there_or_not() {
    let place = Place::new();
    place.write("V3/ann_dir/1.json", shapes("img_dir/1.png"));
    place.write("V3/ann_dir/2.json", shapes("img_dir/2.png"));
    place.write("V3/img_dir/1.png", png(7));
    place.write("coco/all.json", coco(&["1.png", "2.png"], |at| at.to_string()));
    // However the folder is named.
    let linked = place.dir.path().join("linked");
    std::os::unix::fs::symlink(place.folder(), &linked).unwrap();
    let report = place.import(&[&linked]).unwrap();
    let again = place.import(&[&place.folder()]).unwrap();
    assert_eq!((again.records.unchanged, again.version), (again.records.read, None));
    assert_eq!((report.rows["frames"], report.rows["blobs"], report.media.missing), (2, 1, 1));
    for name in ["1", "2"] {
        let frame = place.found(Table::Frames, &format!("V3/img_dir/{name}.png"));
        assert_eq!(place.annotation(&format!("V3/ann_dir/{name}#1")).target, frame);
        assert_eq!(place.annotation(&format!("coco/all/{name}")).target, frame);
    }
    let extra = place.frame("V3/img_dir/1.png").extra.unwrap();
    assert!(
        extra.ends_with(r#""file_name":"1.png","id":1,"site":"bern"}"#),
        "what COCO says stands beside it: {extra}"
    );
    let said: Vec<_> = report.inputs.iter().filter_map(|input| input.says.as_ref()).collect();
    let said = serde_json::to_string(&said).unwrap();
    assert!(!said.contains("images"), "{said}");
    // The missing one comes: it is one picture still.
    place.write("V3/img_dir/2.png", png(9));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.media.found_now, report.media.missing, place.count(Table::Frames)), (1, 0, 2));
}

#[test]
fn ids_that_are_written_as_numbers_with_a_point_are_the_whole_ones() {
    let place = Place::new();
    place.write("all.json", coco(&["1.png", "2.png"], |at| format!("{at}.0")));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.records.added, report.rows["frames"]), (2, 2));
    let row = place.annotation("all/2");
    assert_eq!((row.target, row.labels[0].raw.as_str()), (place.found(Table::Frames, "2.png"), "x"));
    assert!(row.extra.unwrap().contains(r#""id":2.0"#), "as it was written");
}

/// A picture of one colour a pixel, as a PNG that can be decoded.
fn mask() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 7, 1);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(&[255, 0, 0].repeat(7)).unwrap();
    bytes
}

#[test]
fn a_mask_keeps_its_picture_whatever_is_named_and_nothing_of_it_is_told_as_changed() {
    let place = Place::new();
    place.write("V3/ann_dir/1.json", shapes("img_dir/1.png"));
    place.write("V3/img_dir/1.png", png(7));
    place.write("semantic_maps/1.png", mask());
    let masks = place.folder().join("semantic_maps");
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!(report.records.added, 2);
    assert_eq!(place.frame("semantic_maps/1.png").parent, Some(place.found(Table::Frames, "V3/img_dir/1.png")));
    let again = place.import(&[&masks]).unwrap();
    assert_eq!((again.records.unchanged, again.version, again.rows.len()), (1, None, 0), "{again:?}");

    // The other way round: the row that the mask has for its picture gets the picture.
    let place = Place::new();
    place.write("semantic_maps/1.png", mask());
    let alone = place.import(&[&place.folder()]).unwrap();
    let own = place.found(Table::Frames, "semantic_maps/img_dir/1.png");
    assert_eq!((alone.media.missing, place.frame("semantic_maps/1.png").parent), (1, Some(own)));
    place.write("V3/ann_dir/1.json", shapes("img_dir/1.png"));
    place.write("V3/img_dir/1.png", png(7));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.records.unchanged, report.records.changed_kept, report.media.found_now), (1, 0, 1));
    assert_eq!(place.frame("semantic_maps/img_dir/1.png").width, Some(7));
    place.whole();
}

#[test]
fn a_statement_that_is_not_taken_brings_no_row() {
    let mut place = Place::new();
    place.write("all.json", coco(&["1.png"], |at| at.to_string()));
    place.import(&[&place.folder()]).unwrap();
    place.write("all.json", coco(&["2.png"], |at| at.to_string()));
    place.write("2.png", png(7));
    for on_change in [OnChange::Report, OnChange::Replace] {
        place.options.on_change = on_change;
        let report = place.import(&[&place.folder()]).unwrap();
        assert_eq!((report.records.changed_kept, report.rows.len(), report.version), (1, 0, None), "{report:?}");
        let told = &report.findings[&Kind::ChangedRecord].examples[0].detail;
        assert!(told.contains(r#"about "2.png" now, and was about "1.png""#), "{told}");
    }
}

#[test]
fn a_stretch_that_is_not_taken_brings_no_recording() {
    let place = Place::with_map(
        "name = \"m\"\n[[table]]\nfiles = [\"*.csv\"]\nform = \"csv\"\n[[table.rows]]\nbecome = \"intervals\"\n\
         id = \"{id}\"\nvideo = \"video\"\nstart = \"from\"\nend = \"to\"\nlabels = [{ axis = \"phase\", raw = \"phase\" }]\n",
    );
    place.write("x.csv", "id,video,from,to,phase\na,P1,0,5,prep\n");
    place.import(&[&place.folder()]).unwrap();
    place.write("x.csv", "id,video,from,to,phase\na,P2,0,5,prep\n");
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.records.changed_kept, report.rows.len(), report.version), (1, 0, None), "{report:?}");
}

#[test]
fn pictures_of_a_folder_are_those_of_which_records_spoke_before() {
    let record = r#"{"image":"V1/000007.png","conversations":[{"from":"human","value":"<image>?"}]}"#;
    for (media_root, record) in [("videos", record), ("", &*record.replace("V1/", "../videos/V1/"))] {
        let mut place = Place::new();
        place.write("labels/qa.json", record);
        place.write("videos/V1/000007.png", png(7));
        place.options.media_roots = vec![place.folder().join(media_root)];
        place.import(&[&place.folder()]).unwrap();
        place.options.media_roots.clear();
        let videos = place.folder().join("videos");
        // The same bytes elsewhere are another picture.
        place.write("videos/V2/000007.png", png(7));
        let report = place.import(&[&videos]).unwrap();
        assert_eq!((report.records.unchanged, report.records.added), (1, 1), "{media_root}");
        assert_eq!((place.count(Table::Frames), place.import(&[&videos]).unwrap().version), (2, None));
    }
}

#[test]
fn a_picture_of_a_folder_that_was_imported_by_itself_is_that_of_records_above() {
    let place = Place::new();
    let record = r#"{"image":"img/x.png","conversations":[{"from":"human","value":"<image>?"}]}"#;
    place.write("qa.json", record);
    place.write("img/x.png", png(7));
    place.import(&[&place.folder().join("img")]).unwrap();
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.records.added, place.count(Table::Frames)), (1, 1));
    place.whole();
}

#[test]
fn a_file_for_which_two_rows_stand_says_which_of_them_was_taken() {
    let place = Place::new();
    let line = |id: &str, row: &str| {
        format!(
            r#"{{"id":"{id}","image":"v/1.png","messages":[{{"role":"user","content":"<image>"}}],"surgdb":{{"files":{{"v/1.png":{{"id":"{row}"}}}}}}}}"#
        )
    };
    let file = place.write("a.jsonl", [line("a", "one"), line("b", "two")].join("\n"));
    place.write("v/1.png", png(7));
    assert_eq!(place.import(&[&file]).unwrap().rows["frames"], 2);
    let media = ImportOptions { format: Some(Format::Media), ..place.options.clone() };
    for _ in 0..2 {
        let report = import(&place.dataset(), &[place.folder()], &media, &mut |_| {}).unwrap();
        let told = &report.findings[&Kind::SamePath];
        assert_eq!((report.records.unchanged, report.version, told.count), (1, None, 1), "{report:?}");
        let detail = &told.examples[0].detail;
        assert!(detail.contains("\"one\" was taken, and not \"two\""), "{detail}");
    }
}
