//! Boxes and outlines of pictures whose size is not known at first, and comes with the picture.

use super::*;

/// A table of boxes in pixels, whose pictures' sizes nobody says.
const BOXES: &str = "name=\"m\"\n[[table]]\nform=\"csv\"\n[[table.rows]]\nbecome=\"boxes\"\nid=\"id\"\npath=\"file\"\n\
                     labels=[{axis=\"tool\",raw=\"tool\"}]\n\
                     box={fields=[\"x\",\"y\",\"u\",\"v\"],form=\"xyxy\",measure=\"pixels\"}\n";

/// Imports a file, then a corrected one beside a picture of 64 × 48 that came meanwhile; whether the dataset has a place then.
fn is_placed(mut place: Place, name: &str, [first, then]: [String; 2], id: &str) -> bool {
    place.write(name, first);
    place.whole();
    assert!(place.annotation(id).extra.is_some());
    place.options.on_change = OnChange::Keep;
    place.write("1.png", png(64));
    place.write(name, then);
    place.import(&[&place.folder()]).unwrap();
    let row = place.annotation(id);
    let is_placed = row.regions.iter().any(|region| region.bbox == Some([0.25, 0.25, 0.5, 0.5]));
    assert_eq!(row.regions.iter().any(|region| region.bbox.is_some()), is_placed);
    is_placed
}

#[test]
fn a_box_gets_its_place_with_its_picture_and_a_corrected_one_is_a_change() {
    let drawn = |label: &str, to: u32| {
        format!(
            r#"{{"version":"5","flags":{{}},"shapes":[{{"label":"{label}","points":[[16,12],[{to},24]],"shape_type":"rectangle","flags":{{}}}}],"imagePath":"1.png","imageData":null}}"#
        )
    };
    let listed = |tool: &str, to: u32| format!("id,file,tool,x,y,u,v\n7,1.png,{tool},16,12,{to},24\n");
    for (said, is_it) in [(("hook", 32), true), (("hook", 33), false), (("clip", 32), false)] {
        let texts = [drawn("hook", 32), drawn(said.0, said.1)];
        assert_eq!(is_placed(Place::new(), "x.json", texts, "x#1"), is_it, "{said:?}");
        let texts = [listed("hook", 32), listed(said.0, said.1)];
        assert_eq!(is_placed(Place::with_map(BOXES), "x.csv", texts, "7"), is_it, "{said:?}");
    }
}

#[test]
fn shapes_that_others_were_put_before_get_their_places_with_their_picture() {
    let shape = |label: &str, at: u32| {
        format!(r#"{{"label":"{label}","points":[[{at},12],[32,24]],"shape_type":"rectangle","flags":{{}}}}"#)
    };
    let drawn = |shapes: &[String]| {
        let shapes = shapes.join(",");
        format!(r#"{{"version":"5","flags":{{}},"shapes":[{shapes}],"imagePath":"1.png","imageData":null}}"#)
    };
    let mut place = Place::new();
    place.write("x.json", drawn(&[shape("hook", 16), shape("clip", 8)]));
    place.whole();
    place.write("1.png", png(64));
    place.write("x.json", drawn(&[shape("new", 4), shape("hook", 16), shape("clip", 8)]));
    place.options.on_change = OnChange::Keep;
    place.import(&[&place.folder()]).unwrap();
    let boxes = ["x#1", "x#2", "x#4"].map(|id| {
        let row = place.annotation(id);
        (row.labels[0].raw.clone(), row.regions[0].bbox.unwrap()[0])
    });
    assert_eq!(boxes, [("hook", 0.25), ("clip", 0.125), ("new", 0.0625)].map(|(label, x)| (label.to_owned(), x)));
    // A group gives a shape another name: the one of before stays, and is told.
    let grouped = shape("clip", 8).replace("\"flags\"", "\"group_id\":1,\"flags\"");
    place.write("x.json", drawn(&[shape("new", 4), shape("hook", 16), grouped]));
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.records.added, report.records.unchanged), (1, 2));
    assert_eq!(report.findings[&Kind::Doubtful].examples[0].id.as_deref(), Some("x#2"));
}
