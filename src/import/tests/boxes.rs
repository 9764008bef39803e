//! Boxes in texts.

use super::*;
use crate::format::Address;
use crate::schema::rows::{ConversationRow, GroundingRow};

fn picture() -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bytes.extend(800u32.to_be_bytes());
    bytes.extend(400u32.to_be_bytes());
    bytes.extend([8, 6, 0, 0, 0]);
    bytes
}

fn record(id: &str, picture: &str, answer: &str) -> String {
    let answer = serde_json::to_string(answer).unwrap();
    format!(
        r#"{{"id":"{id}","image":"{picture}","conversations":[{{"from":"human","value":"<image>é where?"}},{{"from":"gpt","value":{answer}}}]}}"#
    )
}

fn row(place: &Place, id: &str) -> ConversationRow {
    place.dataset().conversation_at(place.found(Table::Conversations, id)).unwrap().to_row().unwrap()
}

/// The stretches of the answer that boxes stand in, with kinds and values.
fn read(place: &Place, id: &str) -> Vec<(String, String, Vec<f32>)> {
    let row = row(place, id);
    let of = |place: &GroundingRow| {
        assert_eq!((place.turn, place.media), (1, 0));
        let text = &row.turns[1].text[place.byte_start as usize..place.byte_end as usize];
        (text.to_owned(), place.kind.clone(), place.values.clone())
    };
    row.grounding.iter().map(of).collect()
}

fn with(convention: BoxConvention) -> Place {
    let mut place = Place::new();
    place.options.source.boxes = Some(convention);
    place.write("a.png", picture());
    place
}

#[test]
fn boxes_are_read_by_the_convention_that_is_named() {
    let text = "é [80, 100, 400, 200] and <point x=\"25\" y=\"50\"> and <box>(400,0),(800,400)</box>";
    let place = with(BoxConvention::Pixels);
    let file = place.write("x.jsonl", record("a", "a.png", text));
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.boxes.boxes, report.boxes.points), (2, 1));
    let read = read(&place, "a");
    assert_eq!(read[0], ("[80, 100, 400, 200]".into(), "box".into(), vec![0.1, 0.25, 0.5, 0.5]));
    assert_eq!(read[1], ("x=\"25\" y=\"50\"".into(), "point".into(), vec![0.25, 0.5]));
    assert_eq!(read[2].2, [0.5, 0.0, 1.0, 1.0]);
    assert_eq!(row(&place, "a").turns[1].text, text);
    assert_eq!(place.import(&[&file]).unwrap().version, None);
    for (convention, text, values) in [
        (BoxConvention::Unit, "[0.1, 0.2, 0.5, 1]", vec![0.1, 0.2, 0.5, 1.0]),
        (BoxConvention::Thousand, "[100, 200, 500, 1000]", vec![0.1, 0.2, 0.5, 1.0]),
    ] {
        let place = with(convention);
        place.import(&[&place.write("x.jsonl", record("a", "missing.png", text))]).unwrap();
        assert_eq!(row(&place, "a").grounding[0].values, values, "{convention:?}");
    }
    let place = with(BoxConvention::None);
    let report = place.import(&[&place.write("x.jsonl", record("a", "a.png", text))]).unwrap();
    assert_eq!((report.boxes, row(&place, "a").grounding), (BoxReport::default(), vec![]));
}

#[test]
fn what_is_not_certain_is_left_as_text_and_counted() {
    let place = with(BoxConvention::Pixels);
    let two = record("two", "a.png", "[1, 2, 30, 40]").replace("\"a.png\"", "[\"a.png\",\"b.png\"]");
    let lines = [
        record("order", "a.png", "[400, 100, 80, 200]"),
        record("far", "a.png", "[400, 100, 4000, 200]"),
        record("lost", "lost.png", "[1, 2, 30, 40]"),
        two,
        record("video", "a.mp4", "[1, 2, 30, 40]").replace("\"image\"", "\"video\""),
        r#"{"id":"none","conversations":[{"from":"human","value":"[1, 2, 30, 40]"}]}"#.into(),
    ];
    let report = place.import(&[&place.write("x.jsonl", lines.join("\n"))]).unwrap();
    assert_eq!((report.boxes.boxes, report.records.added), (0, 6));
    let left: Vec<_> = report.boxes.left.into_iter().collect();
    assert_eq!(
        left,
        [
            ("it does not lie in the picture", 1),
            ("its corners are not in order", 1),
            ("the picture's size is not known", 1),
            ("the record shows a video", 1),
            ("the record shows more than one picture", 1),
        ]
    );
}

/// Records with a box each, on pictures of their own of 800 × 400.
fn on_pictures(place: &Place, answers: &[&str]) -> String {
    let each = answers.iter().enumerate().map(|(at, answer)| {
        place.write(&format!("{at}.png"), picture());
        record(&at.to_string(), &format!("{at}.png"), answer)
    });
    each.collect::<Vec<_>>().join("\n")
}

#[test]
fn auto_decides_by_the_whole_source_and_says_why() {
    let place = with(BoxConvention::Auto);
    let mut answers = vec!["[0, 10, 500, 300]"; 1000];
    answers.extend(["[10, 10, 500, 990]", "[10, 0, 950, 300]"].repeat(10));
    let file = place.write("x.jsonl", on_pictures(&place, &answers));
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.boxes.boxes, report.boxes.left.len()), (1020, 0));
    let why = "0-1000: 20 of 1020 are beyond their picture, and none is beyond 1000";
    assert_eq!(report.boxes.taken["list"], why);
    assert_eq!(read(&place, "0")[0].2, [0.0, 0.01, 0.5, 0.3]);
    assert_eq!(place.import(&[&file]).unwrap().version, None);

    // One box alone says nothing; the source's earlier import does, unless something speaks against that.
    let report = place.import(&[&place.write("y.jsonl", record("y", "a.png", "[1, 10, 500, 1000]"))]).unwrap();
    assert_eq!((report.boxes.boxes, &*report.boxes.taken["list"]), (1, "0-1000: as in an earlier import"));
    let lines = [record("z", "a.png", "[1, 10, 500, 400]"), record("z2", "a.png", "[1, 10, 1500, 400]")].join("\n");
    let report = place.import(&[&place.write("z.jsonl", lines)]).unwrap();
    assert_eq!((report.boxes.boxes, count(&report, Kind::UncertainBox)), (0, 2));
    let taken = &report.boxes.taken["list"];
    assert!(
        taken.contains("an earlier import took 0-1000") && taken.contains("first z.jsonl, record 2, line 2"),
        "{taken}"
    );
}

#[test]
fn what_auto_is_not_certain_of_stays_text_is_counted_and_can_be_read_later() {
    let mut place = with(BoxConvention::Auto);
    let file = place.write("x.jsonl", on_pictures(&place, &["[1, 10, 30, 40]", "no box", "<box>(1,2),(300,40)</box>"]));
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.boxes.boxes, report.boxes.left["the convention is not certain"]), (0, 2));
    let example = &report.findings[&Kind::UncertainBox].examples[0];
    assert_eq!((example.record, example.id.as_deref()), (Some(1), Some("0")));
    assert!(example.detail.contains("[1, 10, 30, 40]"), "{}", example.detail);
    assert!(["list", "tagged"].iter().all(|form| report.boxes.taken[form].contains("name it with --boxes")));
    assert_eq!(place.import(&[&file]).unwrap().version, None);

    place.options.source.boxes = Some(BoxConvention::Pixels);
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.boxes.reread, report.records.unchanged), (2, 3));
    assert_eq!(read(&place, "0")[0].2, [0.00125, 0.025, 0.0375, 0.1]);
    // What was named holds for later imports.
    place.options.source.boxes = None;
    let report = place.import(&[&place.write("y.jsonl", record("y", "a.png", "[80, 10, 400, 40]"))]).unwrap();
    assert_eq!((report.boxes.boxes, &*report.boxes.taken["list"]), (1, "pixels: as in an earlier import"));
}

#[test]
fn four_probabilities_are_no_box_and_neither_is_what_is_in_another_order() {
    let mut place = with(BoxConvention::Auto);
    let chances = record("a", "a.png", "[0.1, 0.2, 0.3, 0.4]").replace("where?", "how likely is each phase?");
    let boxes = record("b", "a.png", "[0.1, 0.2, 0.3, 0.5]");
    let order = record("c", "a.png", "<box>(0.1,0.2),(0.3,0.4)</box>").replace("where?", "a box as [x, y, w, h]");
    let report = place.import(&[&place.write("x.jsonl", [chances, boxes, order].join("\n"))]).unwrap();
    assert_eq!((report.boxes.boxes, report.boxes.taken.len()), (1, 1));
    assert_eq!(report.boxes.left["nothing beside it says that it is a box"], 1);
    assert_eq!(count(&report, Kind::BoxLeft), 1);
    place.options.source.boxes = Some(BoxConvention::Unit);
    let report = place.import(&[&place.dir.path().join("in/x.jsonl")]).unwrap();
    assert_eq!((report.boxes.boxes, report.boxes.reread), (2, 1), "what is named is read wherever it stands");
}

#[test]
fn boxes_that_can_be_read_now_are_filled_in_and_the_record_stays_the_same() {
    let mut place = with(BoxConvention::Pixels);
    let file = place.write("x.jsonl", record("a", "late.png", "[80, 100, 400, 200]"));
    assert_eq!(place.import(&[&file]).unwrap().boxes.left["the picture's size is not known"], 1);
    let address: Address = place.found(Table::Conversations, "a");
    place.write("late.png", picture());
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.unchanged, report.boxes.reread, report.media.found_now), (1, 1, 1));
    assert_eq!(read(&place, "a")[0].2, [0.1, 0.25, 0.5, 0.5]);
    assert_eq!(place.found(Table::Conversations, "a"), address);
    assert_eq!(place.import(&[&file]).unwrap().version, None);

    place.options.source.boxes = Some(BoxConvention::Thousand);
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.changed_kept, count(&report, Kind::ChangedRecord), report.version), (1, 1, None));
    place.options.on_change = OnChange::Replace;
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.replaced, report.boxes.reread), (1, 1));
    assert_eq!(read(&place, "a")[0].2, [0.08, 0.1, 0.4, 0.2]);
    place.options.source.boxes = Some(BoxConvention::None);
    assert_eq!(place.import(&[&file]).unwrap().version, None);
    // A record that is another one is replaced as ever.
    place.write("x.jsonl", record("a", "late.png", "no box"));
    assert_eq!(place.import(&[&file]).unwrap().records.replaced, 1);
    assert_ne!(place.found(Table::Conversations, "a"), address);
}

#[test]
fn boxes_of_other_endings_are_read_as_those_of_the_answer() {
    let mut place = with(BoxConvention::Pixels);
    let pair = |picture: &str| {
        format!(
            r#"{{"id":"a","conversations":[{{"from":"human","value":"<image>where?"}}],"chosen":{{"from":"gpt","value":"é [80, 100, 400, 200]"}},"rejected":{{"from":"gpt","value":"at [0, 0, 800, 400]"}},"image":"{picture}"}}"#
        )
    };
    let file = place.write("x.jsonl", pair("late.png"));
    let boxes = |place: &Place| -> Vec<_> {
        let places = row(place, "a").alternatives.into_iter().map(|ending| ending.grounding);
        places.map(|all| all.into_iter().map(|at| (at.byte_start, at.media, at.values)).collect::<Vec<_>>()).collect()
    };
    let read = [vec![(3, 0, vec![0.1, 0.25, 0.5, 0.5])], vec![(3, 0, vec![0.0, 0.0, 1.0, 1.0])]];
    assert_eq!(place.import(&[&file]).unwrap().boxes.left["the picture's size is not known"], 2);
    assert_eq!(boxes(&place), [vec![], vec![]]);
    let address: Address = place.found(Table::Conversations, "a");
    // They can be read now, and the record stays the same.
    place.write("late.png", picture());
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.unchanged, report.boxes.reread, report.boxes.boxes), (1, 1, 2));
    assert_eq!((boxes(&place), place.found(Table::Conversations, "a")), (read.to_vec(), address));
    assert_eq!(place.import(&[&file]).unwrap().version, None);
    // In another convention they are others.
    place.options.source.boxes = Some(BoxConvention::Thousand);
    assert_eq!(place.import(&[&file]).unwrap().records.changed_kept, 1);
    place.options.on_change = OnChange::Replace;
    assert_eq!(place.import(&[&file]).unwrap().boxes.reread, 1);
    assert_eq!(boxes(&place)[0][0].2, [0.08, 0.1, 0.4, 0.2]);
}

#[test]
fn an_answer_that_is_no_good_one_says_nothing_of_how_boxes_are_measured() {
    // By its boxes they would be thousandths that leave their picture.
    let pair = |id: usize, chosen: &str| {
        format!(
            r#"{{"id":"{id}","conversations":[{{"from":"human","value":"<image>a box as [x0, y0, x1, y1]"}}],"chosen":{{"from":"gpt","value":"{chosen}"}},"rejected":{{"from":"gpt","value":"[900, 7000, 3, 2]"}},"image":"a.png"}}"#
        )
    };
    let place = Place::new();
    place.write("a.png", picture());
    let records = [pair(1, "[0.1, 0.2, 0.5, 0.75]"), pair(2, "[0.25, 0.5, 0.75, 1.0]")].join("\n");
    let report = place.import(&[&place.write("x.jsonl", records)]).unwrap();
    assert_eq!((report.boxes.boxes, report.boxes.taken.len()), (2, 1), "{:?}", report.boxes);
    assert_eq!(report.boxes.left.values().sum::<u64>(), 2);
    assert_eq!(row(&place, "1").alternatives[0].grounding[0].values, [0.1, 0.2, 0.5, 0.75]);
}

#[test]
fn where_boxes_cannot_be_looked_at_beforehand_those_between_0_and_1_are_certain_by_themselves() {
    let mut place = Place::new();
    place.options.format = Some("endovis-vqa".parse().unwrap());
    let lines = "where is suction? [0.1, 0.2, 0.3, 0.4]\nwhere is forceps? [10, 20, 300, 400]\n";
    let report = place.import(&[&place.write("x.txt", lines)]).unwrap();
    assert_eq!((report.records.added, report.boxes.boxes, count(&report, Kind::UncertainBox)), (2, 1, 1));
    assert_eq!(report.boxes.taken.len(), 0);
}
