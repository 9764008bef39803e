//! Tables of pictures and what is said of them: classes, objects with boxes, captions, masks.

use super::*;
use crate::import::source::BoxConvention;

#[test]
fn pictures_with_classes_become_statements() {
    let place = Place::new();
    let [a, b, c] = [5, 6, 7].map(png);
    let columns = vec![
        (
            "image",
            pictures(&[
                (Some(&a), Some("1.png")),
                (Some(&b), Some("1.png")),
                (Some(&c), None),
                (Some(&b), Some("2.png")),
            ]),
        ),
        ("label", Arc::new(Int64Array::from(vec![1, 0, -1, -1])) as ArrayRef),
        ("phase", Arc::new(Int64Array::from(vec![Some(0), None, Some(4), None])) as ArrayRef),
        ("note", texts(&[Some("n"), None, None, None])),
    ];
    let features = r#"{"image":{"_type":"Image"},"label":{"names":["hook","clip"],"_type":"ClassLabel"},
        "phase":{"names":["dissection"],"_type":"ClassLabel"},"note":{"dtype":"string","_type":"Value"}}"#;
    let batch = described(&table(columns), features);
    place.write("data/train-00000-of-00001.parquet", parquet_of(&batch, Compression::SNAPPY));
    let report = place.whole();
    assert_eq!((report.inputs[0].format, report.read["pictures"]), (Some("huggingface"), 4));
    assert_eq!((report.records.added, report.rows["annotations"], report.rows["frames"]), (4, 4, 4));
    let said = |number: u32| {
        let row = place.annotation(&format!("data/train-00000-of-00001.parquet#{number}"));
        let labels: Vec<_> = row.labels.into_iter().map(|label| (label.axis, label.raw)).collect();
        let bytes = place.dataset().frame(row.target).unwrap().bytes().unwrap().unwrap().into_owned();
        (labels, bytes, row.extra.unwrap_or_default())
    };
    let label = |axis: &str, raw: &str| (axis.to_owned(), raw.to_owned());
    let split = r#"{"split":"train"}"#.to_owned();
    assert_eq!(
        said(1),
        (
            vec![label("category", "clip"), label("phase", "dissection")],
            a.clone(),
            r#"{"note":"n","split":"train"}"#.to_owned()
        )
    );
    assert_eq!(said(2), (vec![label("category", "hook")], b.clone(), split.clone()));
    // One of no class is of its split as its sisters are.
    assert_eq!(said(3), (Vec::new(), c.clone(), split));
    let doubts = &report.findings[&Kind::Doubtful].examples;
    assert_eq!((doubts.len(), doubts[0].record), (1, Some(3)));
    assert!(doubts[0].detail.contains("`phase` is 4, which is no class's number"), "{}", doubts[0].detail);
}

/// Objects of rows, a list a field, as `Sequence({bbox, category})` makes them.
fn objects(rows: &[&[([f32; 4], i64)]]) -> ArrayRef {
    let mut boxes = ListBuilder::new(ListBuilder::new(Float32Builder::new()));
    let mut classes = ListBuilder::new(Int64Builder::new());
    for row in rows {
        for (bbox, class) in *row {
            boxes.values().values().append_slice(bbox);
            boxes.values().append(true);
            classes.values().append_value(*class);
        }
        boxes.append(true);
        classes.append(true);
    }
    let (boxes, classes) = (boxes.finish(), classes.finish());
    let field = |name: &str, array: &dyn Array| Field::new(name, array.data_type().clone(), true);
    let fields = Fields::from(vec![field("bbox", &boxes), field("category", &classes)]);
    Arc::new(StructArray::new(fields, vec![Arc::new(boxes), Arc::new(classes)], None))
}

/// Objects of rows as lists of objects, with a class in words.
fn listed_objects(rows: &[&[([f32; 4], &str)]]) -> ArrayRef {
    let fields = Fields::from(vec![
        Field::new("bbox", DataType::List(Arc::new(Field::new("item", DataType::Float32, true))), true),
        Field::new("category", DataType::Utf8, true),
        Field::new("id", DataType::Int64, true),
    ]);
    let parts = StructBuilder::new(
        fields,
        vec![
            Box::new(ListBuilder::new(Float32Builder::new())),
            Box::new(StringBuilder::new()),
            Box::new(Int64Builder::new()),
        ],
    );
    let mut builder = ListBuilder::new(parts);
    for row in rows {
        for (number, (bbox, class)) in row.iter().enumerate() {
            let parts = builder.values();
            let boxes = parts.field_builder::<ListBuilder<Float32Builder>>(0).unwrap();
            boxes.values().append_slice(bbox);
            boxes.append(true);
            parts.field_builder::<StringBuilder>(1).unwrap().append_value(class);
            parts.field_builder::<Int64Builder>(2).unwrap().append_value(40 + number as i64);
            parts.append(true);
        }
        builder.append(true);
    }
    Arc::new(builder.finish())
}

#[test]
fn pictures_with_objects_become_statements_with_boxes_as_coco_measures_them() {
    // The pictures are 48 high.
    let (a, b) = (png(10), png(20));
    let shown = || pictures(&[(Some(&a), Some("1.png")), (Some(&b), Some("2.png"))]);
    let ids = || -> ArrayRef { Arc::new(Int64Array::from(vec![7, 8])) };
    let boxes = [[1.0, 12.0, 4.0, 24.0], [0.0, 0.0, 10.0, 48.0]];
    let nested = objects(&[&[(boxes[0], 1), (boxes[1], -1)], &[]]);
    let features = r#"{"image":{"_type":"Image"},"objects":{"feature":{"bbox":{"feature":{"_type":"Value"},"_type":"Sequence"},"category":{"names":["hook","grasper"],"_type":"ClassLabel"}},"_type":"Sequence"}}"#;
    let newer = r#"{"image":{"_type":"Image"},"objects":{"bbox":{"_type":"List"},"category":{"feature":{"names":["hook","grasper"],"_type":"ClassLabel"},"_type":"List"}}}"#;
    let listed = listed_objects(&[&[(boxes[0], "grasper"), (boxes[1], "hook")], &[]]);
    let of = |objects: ArrayRef| table(vec![("id", ids()), ("image", shown()), ("objects", objects), ("width", ids())]);
    for (batch, names) in [
        (described(&of(nested.clone()), features), ["7/#1", "7/#2"]),
        (described(&of(nested.clone()), newer), ["7/#1", "7/#2"]),
        (of(nested), ["7/#1", "7/#2"]),
        (of(listed), ["7/40", "7/41"]),
    ] {
        let has_names = batch.schema().metadata().len() + usize::from(names[0] == "7/40") > 0;
        let mut place = Place::new();
        place.options.source.defaults.axis = Some("instrument".into());
        place.write("train.parquet", parquet_of(&batch, Compression::SNAPPY));
        let report = place.whole();
        assert_eq!((report.records.read, report.records.added, report.rows["frames"]), (4, 4, 2), "{report:?}");
        let first = place.annotation(names[0]);
        let class = if has_names { "grasper" } else { "1" };
        assert_eq!((first.labels[0].axis.as_str(), first.labels[0].raw.as_str()), ("instrument", class));
        assert_eq!(first.regions[0].bbox, Some([0.1, 0.25, 0.5, 0.75]));
        let second = place.annotation(names[1]);
        assert_eq!(second.regions[0].bbox, Some([0.0, 0.0, 1.0, 1.0]));
        assert_eq!(second.labels.is_empty(), names[1] == "7/#2", "-1 is no class");
        assert_eq!(second.extra.as_deref(), (names[1] == "7/41").then_some(r#"{"id":41}"#));
        assert_eq!(first.target, place.annotation("7").target);
        assert_eq!(place.annotation("7").extra.as_deref(), Some(r#"{"width":7,"split":"train"}"#));
    }
}

#[test]
fn boxes_of_objects_are_measured_as_it_is_said() {
    let a = png(10);
    for (said, bbox, doubts) in [
        (None, [0.1, 0.25, 0.4, 0.5], 1),
        (Some(BoxConvention::Pixels), [1.0, 12.0, 4.0, 24.0], 0),
        (Some(BoxConvention::Unit), [0.1, 0.25, 0.4, 0.5], 0),
        (Some(BoxConvention::Thousand), [100.0, 250.0, 400.0, 500.0], 0),
    ] {
        let mut place = Place::new();
        place.options.source.boxes = said;
        let columns = vec![
            ("image", pictures(&[(Some(&a), None)])),
            ("bbox", boxes_of(&[&bbox])),
            ("category", numbers(&[&[3]])),
        ];
        place.write("train.parquet", parquet_of(&table(columns), Compression::SNAPPY));
        let report = place.whole();
        assert_eq!(count(&report, Kind::Doubtful), doubts);
        let read = place.annotation("train.parquet#1/#1").regions[0].bbox.unwrap();
        match report.findings.get(&Kind::Doubtful) {
            Some(told) => assert!(told.examples[0].detail.contains("--boxes 0-1"), "{told:?}"),
            None => {
                assert!(read.iter().zip([0.1, 0.25, 0.5, 0.75]).all(|(is, want)| (is - want).abs() < 1e-6), "{read:?}")
            }
        }
    }
}

#[test]
fn a_row_that_says_another_size_than_its_picture_has_is_told() {
    let a = png(10);
    for (width, height, count_of) in [(20, 96, 1), (10, 48, 0)] {
        let side = |side: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![side])) };
        let batch = table(vec![
            ("image", pictures(&[(Some(&a), None)])),
            ("bbox", boxes_of(&[&[1.0, 12.0, 4.0, 24.0]])),
            ("category", numbers(&[&[3]])),
            ("width", side(width)),
            ("height", side(height)),
        ]);
        let place = Place::new();
        place.write("train.parquet", parquet_of(&batch, Compression::SNAPPY));
        let report = place.whole();
        assert_eq!(count(&report, Kind::OtherSize), count_of, "{:?}", report.findings);
        if count_of > 0 {
            let told = &report.findings[&Kind::OtherSize].examples[0].detail;
            assert!(told.contains("20×96 pixels and has 10×48"), "{told}");
        }
    }
}

#[test]
fn objects_that_do_not_go_together_are_faults_of_their_row_and_tables_that_say_nothing_are_refused_by_name() {
    let a = png(10);
    let shown = || pictures(&[(Some(&a), None)]);
    let place = Place::new();
    let three = |class: i64| {
        table(vec![("image", shown()), ("bbox", boxes_of(&[&[1.0, 2.0, 3.0]])), ("category", numbers(&[&[class]]))])
    };
    let error = place.import(&[&place.write("a.parquet", parquet_of(&three(1), Compression::SNAPPY))]).unwrap_err();
    assert!(error.to_string().contains("the box [1.0,2.0,3.0] of object 0 is not four numbers"), "{error}");
    let batch = table(vec![
        ("image", shown()),
        ("bbox", boxes_of(&[&[1.0, 2.0, 3.0, 4.0]])),
        ("category", numbers(&[&[1, 2]])),
    ]);
    let error = place.import(&[&place.write("b.parquet", parquet_of(&batch, Compression::SNAPPY))]).unwrap_err();
    assert!(error.to_string().contains("it has 1 boxes, and `category` has 2 entries"), "{error}");
    // Lists as columns of their own are taken; boxes that look as parts are told.
    let batch =
        table(vec![("image", shown()), ("bbox", boxes_of(&[&[0.1, 0.2, 0.3, 0.4]])), ("category", numbers(&[&[3]]))]);
    let report = place.import(&[&place.write("c.parquet", parquet_of(&batch, Compression::SNAPPY))]).unwrap();
    assert_eq!((report.records.added, count(&report, Kind::Doubtful)), (2, 1));
    assert_eq!(place.annotation("c.parquet#1/#1").labels[0].raw, "3");
    // What is not understood says what was seen, and what would be.
    let batch = table(vec![("image", shown()), ("score", numbers(&[&[3]]))]);
    let error =
        place.import(&[&place.write("d.parquet", parquet_of(&batch, Compression::SNAPPY))]).unwrap_err().to_string();
    for part in ["the columns are `image` (pictures), `score`", "`objects` with `bbox`", "`messages`", "`caption`"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let batch = table(vec![("image", shown()), ("mesages", texts(&[Some("x")]))]);
    let error =
        place.import(&[&place.write("e.parquet", parquet_of(&batch, Compression::SNAPPY))]).unwrap_err().to_string();
    assert!(error.contains("\"mesages\" is nearly `messages`"), "{error}");
}

/// A row's lists of numbers, one list of lists.
fn boxes_of(row: &[&[f32]]) -> ArrayRef {
    let mut builder = ListBuilder::new(ListBuilder::new(Float32Builder::new()));
    for bbox in row {
        builder.values().values().append_slice(bbox);
        builder.values().append(true);
    }
    builder.append(true);
    Arc::new(builder.finish())
}

fn numbers(rows: &[&[i64]]) -> ArrayRef {
    let mut builder = ListBuilder::new(Int64Builder::new());
    for row in rows {
        builder.values().append_slice(row);
        builder.append(true);
    }
    Arc::new(builder.finish())
}

#[test]
fn captions_are_what_is_said_of_a_picture_and_masks_belong_to_it() {
    let (a, b, mask) = (png(10), png(20), png(11));
    let mut captions = ListBuilder::new(StringBuilder::new());
    for row in [&["a hook", "it cuts"][..], &[]] {
        row.iter().for_each(|text| captions.values().append_value(text));
        captions.append(true);
    }
    let batch = table(vec![
        ("id", texts(&[Some("x"), Some("y")])),
        ("pixel_values", pictures(&[(Some(&a), None), (Some(&b), None)])),
        ("label", pictures(&[(Some(&mask), None), (None, None)])),
        ("captions", Arc::new(captions.finish())),
    ]);
    let place = Place::new();
    place.write("a.parquet", parquet_of(&batch, Compression::SNAPPY));
    let report = place.whole();
    assert_eq!((report.records.read, report.records.added, report.rows["frames"]), (4, 4, 3), "{report:?}");
    let said = place.annotation("x");
    assert_eq!((said.text.as_deref(), said.labels.len(), said.extra), (Some("a hook"), 0, None));
    assert_eq!(place.annotation("x/caption 2").text.as_deref(), Some("it cuts"));
    let drawn = place.frame("x/label");
    assert_eq!((drawn.kind.as_str(), drawn.parent, drawn.width), ("mask", Some(said.target), Some(11)));
    assert_eq!((place.count(Table::Annotations), place.count(Table::Conversations)), (2, 0));
}

#[test]
fn objects_of_a_second_table_that_counts_from_0_again_are_its_own() {
    let a = png(10);
    let mut place = Place::new();
    let write = |place: &Place, name: &str, left: f32| {
        let batch = table(vec![
            ("id", Arc::new(Int64Array::from(vec![0])) as ArrayRef),
            ("image", pictures(&[(Some(&a), Some("1.png"))])),
            ("objects", objects(&[&[([left, 12.0, 4.0, 24.0], 1)]])),
        ]);
        place.write(name, parquet_of(&batch, Compression::SNAPPY))
    };
    let (first, second) = (write(&place, "a.parquet", 1.0), write(&place, "b.parquet", 2.0));
    place.import(&[&first]).unwrap();
    let message = place.import(&[&second]).unwrap_err().to_string();
    assert!(message.contains("--on-change add"), "{message}");
    place.options.on_change = OnChange::Add;
    assert_eq!(place.import(&[&second]).unwrap().records.added, 1);
    for on_change in [OnChange::Add, OnChange::Report] {
        place.options.on_change = on_change;
        for inputs in [vec![&first, &second], vec![&second, &first], vec![&second]] {
            let inputs: Vec<&Path> = inputs.into_iter().map(PathBuf::as_path).collect();
            let report = place.import(&inputs).unwrap();
            assert_eq!((report.version, place.count(Table::Annotations)), (None, 2), "{:?}", report.findings);
        }
    }
    assert_eq!(place.annotation("b.parquet#0/#1").regions[0].bbox.unwrap()[0], 0.2);
}
