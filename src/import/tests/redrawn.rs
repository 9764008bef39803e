//! Masks and pictures that stand in records, and look otherwise when they are imported again.

use super::*;
use crate::schema::rows::AnnotationRow;

/// A picture of one colour a pixel, as a PNG that can be decoded.
fn grey(pixels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, pixels.len() as u32, 1);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
    bytes
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn mask_of(place: &Place, row: &AnnotationRow) -> Vec<u8> {
    let dataset = place.dataset();
    dataset.frame(row.regions[0].mask.unwrap()).unwrap().bytes().unwrap().unwrap().into_owned()
}

/// Imports one file and then another in its place: the second is told, and taken where that is asked for.
fn is_seen(id: &str, file: &str, texts: [&str; 2], bytes: impl Fn(&Place, &str) -> Vec<u8>) {
    let mut place = Place::new();
    place.write("a.png", sized_picture());
    place.write(file, texts[0]);
    place.import(&[&place.folder()]).unwrap();
    let before = bytes(&place, id);
    place.write(file, texts[1]);
    let told = place.import(&[&place.folder()]).unwrap();
    assert_eq!((told.version, told.records.changed_kept, count(&told, Kind::ChangedRecord)), (None, 1, 1), "{file}");
    assert!(told.findings[&Kind::ChangedRecord].examples[0].detail.contains("its mask"), "{:?}", told.findings);
    assert_eq!(bytes(&place, id), before);
    place.options.on_change = OnChange::Replace;
    let replaced = place.import(&[&place.folder()]).unwrap();
    assert_eq!(replaced.records.replaced, 1, "{file}");
    let after = bytes(&place, id);
    assert_ne!(after, before);
    let again = place.import(&[&place.folder()]).unwrap();
    assert_eq!((again.version, again.records.unchanged), (None, 1));
    assert!(place.dataset().verify(&mut |_, _| {}).unwrap().is_sound());
    // What a dataset of the second file alone has.
    let fresh = Place::new();
    fresh.write("a.png", sized_picture());
    fresh.write(file, texts[1]);
    fresh.import(&[&fresh.folder()]).unwrap();
    assert_eq!(bytes(&fresh, id), after, "{file}");
}

fn sized_picture() -> Vec<u8> {
    grey(&[1, 2, 3, 4])
}

#[test]
fn runs_of_other_pixels_are_a_change() {
    let text = |counts: &str| {
        format!(
            r#"{{"images":[{{"id":1,"file_name":"a.png","width":4,"height":1}}],"categories":[{{"id":1,"name":"x"}}],
            "annotations":[{{"id":1,"image_id":1,"category_id":1,"bbox":[0,0,4,1],
            "segmentation":{{"size":[1,4],"counts":{counts}}}}}]}}"#
        )
    };
    let texts = [text("[1,3]"), text("[2,2]")];
    is_seen("c/1", "c.json", [&texts[0], &texts[1]], |place, id| mask_of(place, &place.annotation(id)));
}

#[test]
fn a_mask_shape_of_other_pixels_is_a_change() {
    let text = |pixels: &[u8]| {
        format!(
            r#"{{"version":"5","imagePath":"a.png","imageData":null,"imageWidth":4,"imageHeight":1,"shapes":[{{"label":"x",
            "shape_type":"mask","group_id":null,"points":[[0,0],[2,0]],"mask":"{}"}}]}}"#,
            base64(&grey(pixels))
        )
    };
    let texts = [text(&[255, 0, 255]), text(&[255, 255, 255])];
    is_seen("l#1", "l.json", [&texts[0], &texts[1]], |place, id| mask_of(place, &place.annotation(id)));
}

#[test]
fn a_picture_in_its_record_that_changed_is_told_and_one_beside_another_file_too() {
    let mut place = Place::new();
    let text = |pixels: &[u8]| {
        format!(
            r#"{{"version":"5","imagePath":"in_it.png","imageData":"{}","imageWidth":4,"imageHeight":1,"shapes":[]}}"#,
            base64(&grey(pixels))
        )
    };
    let (first, second) = (grey(&[1, 2, 3, 4]), grey(&[5, 6, 7, 8]));
    let bytes = |place: &Place| {
        let dataset = place.dataset();
        dataset.frame(place.found(Table::Frames, "in_it.png")).unwrap().bytes().unwrap().unwrap().into_owned()
    };
    place.write("l.json", text(&[1, 2, 3, 4]));
    place.whole();
    assert_eq!(bytes(&place), first);
    place.write("l.json", text(&[5, 6, 7, 8]));
    let told = place.import(&[&place.folder()]).unwrap();
    assert_eq!((told.version, count(&told, Kind::ChangedMedia)), (None, 1));
    place.options.on_change = OnChange::Replace;
    assert_eq!(place.import(&[&place.folder()]).unwrap().media.replaced, 1);
    assert_eq!(bytes(&place), second);
    assert_eq!(place.import(&[&place.folder()]).unwrap().version, None);

    let place = Place::new();
    place.write("l.json", text(&[5, 6, 7, 8]));
    place.write("in_it.png", &first);
    let report = place.import(&[&place.folder()]).unwrap();
    let told = &report.findings[&Kind::Doubtful].examples[0].detail;
    assert!(told.contains("stands in the record itself") && told.contains("in_it.png"), "{told}");
    assert_eq!(bytes(&place), first);
    place.write("l.json", text(&[1, 2, 3, 4]));
    assert_eq!(count(&place.import(&[&place.folder()]).unwrap(), Kind::Doubtful), 0);
}

#[test]
fn a_stated_size_that_is_not_the_pictures_is_told_and_one_that_none_can_have_is_refused() {
    let text = |width: &str| {
        format!(r#"{{"images":[{{"id":1,"file_name":"a.png","width":{width},"height":1}}],"annotations":[]}}"#)
    };
    let place = Place::new();
    place.write("a.png", sized_picture());
    let file = place.write("c.json", text("8"));
    let report = place.import(&[&file]).unwrap();
    let told = &report.findings[&Kind::OtherSize].examples[0].detail;
    assert!(told.contains("8×1 pixels and has 4×1"), "{told}");
    assert_eq!(place.frame("a.png").width, Some(4));
    let file = place.write("huge.json", text("4294967296"));
    let error = place.import(&[&file]).unwrap_err().to_string();
    assert!(error.contains("image 1") && error.contains("4294967296") && error.contains("huge.json"), "{error}");
    assert_eq!(place.dataset().version(), 2);
    let shapes = r#"{"version":"5","shapes":[],"imagePath":"b.png","imageData":null,"imageWidth":3e9,"imageHeight":1}"#;
    let file = place.write("l.json", shapes);
    assert!(place.import(&[&file]).unwrap_err().to_string().contains("3000000000"));
}
