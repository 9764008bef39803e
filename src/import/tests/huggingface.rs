//! Tables of Hugging Face datasets, made by hand.

mod labels;

use super::*;
use crate::schema::rows::ConversationRow;
use arrow_array::builder::{BinaryBuilder, Float32Builder, Int64Builder, ListBuilder, StringBuilder, StructBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, Decimal128Array, DictionaryArray, Int64Array, LargeStringArray, RecordBatch, StringArray,
    StructArray,
};
use arrow_schema::{DataType, Field, Fields};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::sync::Arc;

type Picture<'a> = (Option<&'a [u8]>, Option<&'a str>);

fn file_fields() -> Fields {
    Fields::from(vec![Field::new("bytes", DataType::Binary, true), Field::new("path", DataType::Utf8, true)])
}

fn file_builder() -> StructBuilder {
    StructBuilder::new(file_fields(), vec![Box::new(BinaryBuilder::new()), Box::new(StringBuilder::new())])
}

fn push(builder: &mut StructBuilder, (bytes, path): Picture<'_>) {
    builder.field_builder::<BinaryBuilder>(0).unwrap().append_option(bytes);
    builder.field_builder::<StringBuilder>(1).unwrap().append_option(path);
    builder.append(bytes.is_some() || path.is_some());
}

/// A column of pictures, as the feature `Image` makes it.
fn pictures(rows: &[Picture<'_>]) -> ArrayRef {
    let mut builder = file_builder();
    rows.iter().for_each(|row| push(&mut builder, *row));
    Arc::new(builder.finish())
}

/// A column of lists of pictures, as `List(Image)` makes it.
fn picture_lists(rows: &[&[Picture<'_>]]) -> ArrayRef {
    let mut builder = ListBuilder::new(file_builder());
    for row in rows {
        row.iter().for_each(|picture| push(builder.values(), *picture));
        builder.append(true);
    }
    Arc::new(builder.finish())
}

/// A column of turns: lists of structs with these keys.
fn turns(keys: [&str; 2], rows: &[&[(&str, &str)]]) -> ArrayRef {
    let fields = Fields::from(keys.map(|key| Field::new(key, DataType::Utf8, true)).to_vec());
    let parts = StructBuilder::new(fields, vec![Box::new(StringBuilder::new()), Box::new(StringBuilder::new())]);
    let mut builder = ListBuilder::new(parts);
    for row in rows {
        for (role, text) in *row {
            builder.values().field_builder::<StringBuilder>(0).unwrap().append_value(role);
            builder.values().field_builder::<StringBuilder>(1).unwrap().append_value(text);
            builder.values().append(true);
        }
        builder.append(true);
    }
    Arc::new(builder.finish())
}

fn texts(rows: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(rows.to_vec()))
}

fn table(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

fn described(batch: &RecordBatch, features: &str) -> RecordBatch {
    let text = format!("{{\"info\":{{\"features\":{features}}}}}");
    let metadata = std::collections::HashMap::from([("huggingface".to_owned(), text)]);
    let schema = batch.schema().as_ref().clone().with_metadata(metadata);
    batch.clone().with_schema(Arc::new(schema)).unwrap()
}

fn parquet_of(batch: &RecordBatch, codec: Compression) -> Vec<u8> {
    let mut bytes = Vec::new();
    let properties = WriterProperties::builder().set_compression(codec).set_max_row_group_row_count(Some(2)).build();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    for (key, value) in batch.schema().metadata() {
        writer.append_key_value_metadata(parquet::file::metadata::KeyValue::new(key.clone(), value.clone()));
    }
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn stream_of(batches: &[&RecordBatch]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = arrow_ipc::writer::StreamWriter::try_new(&mut bytes, &batches[0].schema()).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.finish().unwrap();
    drop(writer);
    bytes
}

fn file_of(batch: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = arrow_ipc::writer::FileWriter::try_new(&mut bytes, &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    bytes
}

fn said(row: &ConversationRow) -> Vec<(&str, &str)> {
    row.turns.iter().map(|turn| (turn.role.as_str(), turn.text.as_str())).collect()
}

impl Place {
    fn row_of(&self, id: &str) -> ConversationRow {
        self.dataset().conversation_at(self.found(Table::Conversations, id)).unwrap().to_row().unwrap()
    }

    /// The media of a conversation: path, width, and whether there are bytes.
    fn shown(&self, row: &ConversationRow) -> Vec<(Option<String>, Option<i32>, bool)> {
        let dataset = self.dataset();
        let of = |address: &crate::format::address::Address| {
            let frame = dataset.frame(*address).unwrap().to_row().unwrap();
            (frame.path, frame.width, frame.blob.is_some())
        };
        row.media.iter().flat_map(|medium| medium.refs.iter().map(of)).collect()
    }
}

/// Three rows: a picture with bytes and path, one without a path, and one of which only the path is known.
fn three() -> RecordBatch {
    let (a, b) = (png(1), png(2));
    let talk: &[(&str, &str)] = &[("user", "<image>q"), ("assistant", "a")];
    table(vec![
        ("id", Arc::new(Int64Array::from(vec![7, 8, 9]))),
        ("image", pictures(&[(Some(&a), Some("v/1.png")), (Some(&b), None), (None, Some("late.png"))])),
        ("messages", turns(["role", "content"], &[talk, talk, talk])),
        ("label", Arc::new(Int64Array::from(vec![Some(1), Some(-1), None]))),
        ("note", texts(&[Some("x\u{0}y\n"), None, None])),
    ])
}

fn check_three(place: &Place) {
    let rows = ["7", "8", "9"].map(|id| place.row_of(id));
    rows.iter().for_each(|row| assert_eq!(said(row), [("user", "<image>q"), ("assistant", "a")]));
    assert_eq!(place.shown(&rows[0]), [(Some("v/1.png".into()), Some(1), true)]);
    assert_eq!(place.shown(&rows[1]), [(None, Some(2), true)]);
    assert_eq!(place.shown(&rows[2]), [(Some("late.png".into()), None, false)]);
    let extras = rows.each_ref().map(|row| row.extra.as_deref());
    let first = r#"{"label":"dissection","note":"x\u0000y\n"}"#;
    assert_eq!(extras, [Some(first), Some(r#"{"label":-1}"#), None], "nulls are nothing, classes are their names");
    assert!(place.dataset().verify(&mut |_, _| {}).unwrap().is_sound());
}

#[test]
fn a_table_is_the_same_in_parquet_and_in_arrow_however_it_is_written() {
    let batch = described(&three(), r#"{"label":{"names":["other","dissection"],"_type":"ClassLabel"}}"#);
    for (name, bytes) in [
        ("train-00000-of-00002.parquet", parquet_of(&batch, Compression::SNAPPY)),
        ("x.parquet", parquet_of(&batch, Compression::ZSTD(parquet::basic::ZstdLevel::default()))),
        ("x.parquet", parquet_of(&batch, Compression::GZIP(parquet::basic::GzipLevel::default()))),
        ("x.parquet", parquet_of(&batch, Compression::BROTLI(parquet::basic::BrotliLevel::default()))),
        ("x.parquet", parquet_of(&batch, Compression::LZ4_RAW)),
        ("x.parquet", parquet_of(&batch, Compression::LZ4)),
        ("x.arrow", stream_of(&[&batch.slice(0, 1), &batch.slice(1, 0), &batch.slice(1, 2)])),
        ("x.arrow", file_of(&batch)),
    ] {
        let place = Place::new();
        let file = place.write(name, &bytes);
        let report = place.import(&[&file]).unwrap();
        assert_eq!((report.records.added, report.media.embedded, report.media.missing), (3, 2, 1), "{name}");
        assert_eq!(report.inputs[0].format, Some("huggingface"));
        assert_eq!(report.inputs[0].digest, blake3::hash(&bytes).to_hex().to_string());
        assert_eq!(report.splits.get("train").copied(), name.starts_with("train").then_some(3));
        check_three(&place);
        let again = place.import(&[&file]).unwrap();
        assert_eq!((again.records.unchanged, again.version), (3, None));
        place.write("late.png", png(3));
        assert_eq!(place.import(&[&file]).unwrap().media.found_now, 1);
    }
}

#[test]
fn decimal_numbers_keep_their_digits() {
    let place = Place::new();
    let talk: &[(&str, &str)] = &[("human", "q"), ("gpt", "a")];
    let decimals = Decimal128Array::from(vec![Some(-1250), None]).with_precision_and_scale(38, 3).unwrap();
    let batch = table(vec![
        ("id", texts(&[Some("a"), Some("b")])),
        ("conversations", turns(["from", "value"], &[talk, talk])),
        ("dose", Arc::new(decimals)),
    ]);
    let file = place.write("x.arrow", stream_of(&[&batch]));
    assert_eq!(place.import(&[&file]).unwrap().records.added, 2);
    assert_eq!(place.row_of("a").extra.as_deref(), Some(r#"{"dose":-1.250}"#));
}

#[test]
fn a_folder_is_read_by_its_shards_and_its_splits() {
    let place = Place::new();
    let batch = |id: &str| {
        let talk: &[(&str, &str)] = &[("human", "q"), ("gpt", "a")];
        table(vec![("id", texts(&[Some(id)])), ("conversations", turns(["from", "value"], &[talk]))])
    };
    place.write("dataset_dict.json", r#"{"splits": ["train", "holdout"]}"#);
    place.write("train/data-00000-of-00002.arrow", stream_of(&[&batch("a")]));
    place.write("train/data-00001-of-00002.arrow", stream_of(&[&batch("b")]));
    place.write("train/cache-0123.arrow", "no arrow at all");
    place.write("train/state.json", r#"{"_split": "train"}"#);
    place.write("train/dataset_info.json", r#"{"features": {}}"#);
    place.write("holdout/data-00000-of-00001.arrow", stream_of(&[&batch("c")]));
    let report = place.import(&[&place.dir.path().join("in")]).unwrap();
    assert_eq!((report.records.added, report.ignored.len(), report.inputs.len()), (3, 0, 3));
    assert_eq!(report.splits, [("holdout".to_owned(), 1), ("train".to_owned(), 2)].into());
    assert_eq!(said(&place.row_of("c")), [("user", "q"), ("assistant", "a")]);
}

#[test]
fn lists_of_pictures_go_to_their_placeholders_and_same_names_stay_apart() {
    let place = Place::new();
    let (a, b) = (png(1), png(2));
    let ask: &[(&str, &str)] = &[("user", "<image> and <image>"), ("assistant", "a")];
    let lists: [&[Picture<'_>]; 2] = [
        &[(Some(&a), Some("1.png")), (Some(&b), Some("1.png"))],
        &[(Some(&a), Some("1.png")), (Some(&a), Some("2.png"))],
    ];
    let batch = table(vec![("images", picture_lists(&lists)), ("messages", turns(["role", "content"], &[ask, ask]))]);
    let report = place.import(&[&place.write("x.parquet", parquet_of(&batch, Compression::SNAPPY))]).unwrap();
    assert_eq!(report.rows, [("blobs", 2), ("conversations", 2), ("frames", 3)].into());
    let rows = ["x.parquet#1", "x.parquet#2"].map(|id| place.row_of(id));
    let places: Vec<_> = rows[0].media.iter().map(|medium| medium.at).collect();
    assert_eq!(places, [Some(0), Some(12)]);
    let widths = |row| place.shown(row).into_iter().map(|(path, width, _)| (path.unwrap(), width.unwrap())).collect();
    let widths: [Vec<_>; 2] = rows.each_ref().map(widths);
    let named = |name: &str, width| (name.to_owned(), width);
    assert_eq!(widths, [[named("1.png", 1), named("1.png", 2)], [named("1.png", 1), named("2.png", 1)]]);
}

#[test]
fn pairs_that_are_the_json_of_a_column_are_pairs() {
    let place = Place::new();
    let pair = r#"{"question":"what?","chosen":"good","rejected":"bad"}"#;
    let picture = png(1);
    let batch = table(vec![("image", pictures(&[(Some(&picture), Some("1.png"))])), ("text", texts(&[Some(pair)]))]);
    place.import(&[&place.write("x.parquet", parquet_of(&batch, Compression::SNAPPY))]).unwrap();
    let lines = format!("{{\"text\":{pair},\"image\":\"1.png\"}}\n");
    place.import(&[&place.write("y.jsonl", lines)]).unwrap();
    for id in ["x.parquet#1", "y.jsonl#1"] {
        let row = place.row_of(id);
        let endings: Vec<_> = row.alternatives.iter().map(|ending| ending.turns[0].text.as_str()).collect();
        assert_eq!((said(&row), endings, row.media.len()), (vec![("user", "what?")], vec!["good", "bad"], 1), "{id}");
    }
}

#[test]
fn patients_and_videos_come_from_the_paths_of_bytes_too() {
    let mut place = Place::new();
    place.options.source = SourceDescription::from_toml(
        "id = \"src\"\nframe-pattern = \"VID{video}/{index}.png\"\npatient-from = \"video\"",
    )
    .unwrap();
    let a = png(1);
    let talk: &[(&str, &str)] = &[("user", "<image>q"), ("assistant", "a")];
    let batch = table(vec![
        ("image", pictures(&[(Some(&a), Some("VID03/0005.png"))])),
        ("messages", turns(["role", "content"], &[talk])),
    ]);
    let report = place.import(&[&place.write("x.parquet", parquet_of(&batch, Compression::SNAPPY))]).unwrap();
    assert_eq!(report.rows, [("blobs", 1), ("cases", 1), ("conversations", 1), ("frames", 1), ("videos", 1)].into());
    let row = place.row_of("x.parquet#1");
    let frame = place.dataset().frame(row.media[0].refs[0]).unwrap().to_row().unwrap();
    assert_eq!((frame.index, frame.video.is_some(), row.case.is_some()), (Some(5), true, true));
}

#[test]
fn every_form_of_turns_is_taken_from_columns() {
    let place = Place::new();
    let a = png(1);
    let lists = |rows: &[&[&str]]| -> ArrayRef {
        let mut builder = ListBuilder::new(StringBuilder::new());
        for row in rows {
            row.iter().for_each(|text| builder.values().append_value(text));
            builder.append(true);
        }
        Arc::new(builder.finish())
    };
    // What `Sequence` of a dict was in older versions: a struct of lists.
    let (from, value) = (lists(&[&["human", "gpt"]]), lists(&[&["q", "a"]]));
    let fields = ["from", "value"].map(|name| Field::new(name, from.data_type().clone(), true)).to_vec();
    let transposed: ArrayRef = Arc::new(StructArray::new(Fields::from(fields), vec![from, value], None));
    let dict: DictionaryArray<Int32Type> = vec!["yes"].into_iter().collect();
    let text = r#"[{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]"#;
    let answered: &[(&str, &str)] = &[("user", "q"), ("assistant", "a")];
    let only = |role: &'static str, text: &'static str| vec![(role, text)];
    for (name, columns, expected) in [
        ("transposed", vec![("conversations", transposed)], answered),
        ("json", vec![("messages", texts(&[Some(text)]))], answered),
        (
            "large",
            vec![
                ("question", Arc::new(LargeStringArray::from(vec!["q"])) as ArrayRef),
                ("answer", texts(&[Some("a")])),
            ],
            answered,
        ),
        (
            "dict",
            vec![("question", texts(&[Some("q")])), ("answer", Arc::new(dict))],
            &[("user", "q"), ("assistant", "yes")],
        ),
        ("problem", vec![("problem", texts(&[Some("q")])), ("solution", texts(&[Some("42")]))], &[("user", "q")]),
        (
            "pairs",
            vec![
                ("prompt", texts(&[Some("[INST] q")])),
                ("chosen", turns(["role", "content"], &[&only("assistant", "a")])),
                ("rejected", turns(["role", "content"], &[&only("assistant", "b")])),
            ],
            &[("user", "[INST] q")],
        ),
        (
            "bare",
            vec![("question", texts(&[Some("q")])), ("image", Arc::new(arrow_array::BinaryArray::from(vec![&a[..]])))],
            &[("user", "q")],
        ),
    ] {
        let bytes = stream_of(&[&table(columns)]);
        let report = place.import(&[&place.write(&format!("{name}.arrow"), bytes)]).unwrap();
        assert_eq!(report.records.added, 1, "{name}");
        assert_eq!(said(&place.row_of(&format!("{name}.arrow#1"))), expected, "{name}");
    }
    assert_eq!(place.row_of("problem.arrow#1").solution.as_deref(), Some("42"));
    let pair = place.row_of("pairs.arrow#1").alternatives;
    assert_eq!(pair.iter().map(|ending| ending.turns[0].text.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(place.shown(&place.row_of("bare.arrow#1")), [(None, Some(1), true)]);
}

#[test]
fn pictures_in_columns_of_other_names_are_shown() {
    let place = Place::new();
    let (a, b) = (png(1), png(2));
    let talk: &[(&str, &str)] = &[("user", "<image> and <image> and <image>"), ("assistant", "x")];
    let file = |bytes| -> &[Picture<'_>] { std::slice::from_ref(bytes) };
    let (first, second) = ((Some(&a[..]), Some("1.png")), (Some(&b[..]), None));
    let batch = table(vec![
        ("messages", turns(["role", "content"], &[talk])),
        ("frame", pictures(file(&first))),
        ("neighbours", picture_lists(&[&[first, second]])),
        ("frame_mask", pictures(file(&second))),
        ("sound", pictures(file(&second))),
    ]);
    let features = r#"{"frame":{"_type":"Image"},"neighbours":[{"_type":"Image"}],
        "frame_mask":{"_type":"Image"},"sound":{"_type":"Audio"}}"#;
    let described = described(&batch, features);
    let report = place.import(&[&place.write("x.arrow", stream_of(&[&described]))]).unwrap();
    let told = &report.findings[&Kind::OtherMedia];
    assert!(told.count == 1 && told.examples[0].detail.contains("`frame_mask` has files"), "{told:?}");
    let row = place.row_of("x.arrow#1");
    assert_eq!(row.media.iter().map(|medium| medium.at).collect::<Vec<_>>(), [Some(0), Some(12), Some(24)]);
    let one = (Some("1.png".to_owned()), Some(1), true);
    assert_eq!(place.shown(&row), [one.clone(), one, (None, Some(2), true)]);
    let extra: serde_json::Value = serde_json::from_str(row.extra.as_deref().unwrap()).unwrap();
    let kept: Vec<&str> = extra.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(kept, ["frame_mask", "sound"]);
    // Where nothing is said of columns, what has bytes and a path is a picture.
    place.import(&[&place.write("y.arrow", stream_of(&[&batch]))]).unwrap();
    assert_eq!(place.row_of("y.arrow#1").media.len(), 4);
}

#[test]
fn bytes_that_no_place_is_known_for_are_kept_and_no_mark_stays() {
    let place = Place::new();
    let (a, b) = (png(1), png(2));
    let batch = table(vec![
        ("question", texts(&[Some("q")])),
        ("image", pictures(&[(Some(&a), None)])),
        ("overlay", pictures(&[(Some(&b), Some("o.png"))])),
        ("task", texts(&[Some("juggling")])),
    ]);
    place.import(&[&place.write("x.parquet", parquet_of(&batch, Compression::SNAPPY))]).unwrap();
    let row = place.row_of("x.parquet#1");
    let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &b);
    assert_eq!(row.extra, Some(format!(r#"{{"overlay":{{"bytes":"{text}","path":"o.png"}}}}"#)));
    assert_eq!((row.media.len(), row.task.as_str()), (1, "juggling"));

    // A part with further keys stays as it was written, without the bytes that are a frame's now; one of a kind that
    // is not known keeps its own.
    let fields = Fields::from(vec![
        Field::new("type", DataType::Utf8, true),
        Field::new("image", DataType::Struct(file_fields()), true),
        Field::new("detail", DataType::Utf8, true),
    ]);
    let columns = vec![
        texts(&[Some("image"), Some("scribble")]),
        pictures(&[(Some(&a), None), (Some(&b), None)]),
        texts(&[Some("low"), None]),
    ];
    let parts = StructArray::new(fields, columns, None);
    let list = |items: ArrayRef| -> ArrayRef {
        let field = Arc::new(Field::new("item", items.data_type().clone(), true));
        let offsets = arrow_buffer::OffsetBuffer::from_lengths([items.len()]);
        Arc::new(arrow_array::ListArray::new(field, offsets, items, None))
    };
    let content = list(Arc::new(parts));
    let turn = Fields::from(vec![
        Field::new("role", DataType::Utf8, true),
        Field::new("content", content.data_type().clone(), true),
    ]);
    let turn = StructArray::new(turn, vec![texts(&[Some("user")]), content], None);
    let batch = table(vec![("messages", list(Arc::new(turn)))]);
    place.import(&[&place.write("y.arrow", stream_of(&[&batch]))]).unwrap();
    let row = place.row_of("y.arrow#1");
    let expected = format!(
        r#"{{"~parts":[{{"medium":0,"part":{{"type":"image","image":{{"bytes":null}},"detail":"low"}}}},{{"part":{{"type":"scribble","image":{{"bytes":"{text}"}}}}}}]}}"#
    );
    assert_eq!(row.turns[0].extra.as_deref(), Some(expected.as_str()));
    assert_eq!(place.shown(&row), [(None, Some(1), true)]);
}

#[test]
fn a_mark_in_somebodys_text_is_only_text() {
    let place = Place::new();
    let line = r#"{"image":{"bytes":"\u0000held:0:0"},"messages":[{"role":"user","content":"x"}]}"#;
    let error = place.import(&[&place.write("x.jsonl", line)]).unwrap_err().to_string();
    assert!(error.contains("x.jsonl, record 1, line 1") && error.contains("base64"), "{error}");
}

#[test]
fn what_is_no_conversation_or_damaged_is_told_and_changes_nothing() {
    let place = Place::new();
    let labels = table(vec![("image", pictures(&[(None, Some("a.png"))])), ("label", texts(&[Some("x")]))]);
    let times = table(vec![
        ("question", texts(&[Some("q")])),
        ("length", Arc::new(arrow_array::DurationSecondArray::from(vec![5])) as ArrayRef),
    ]);
    let good = parquet_of(&three(), Compression::SNAPPY);
    let stream = stream_of(&[&three()]);
    for (name, bytes, message) in [
        ("labels.parquet", parquet_of(&labels, Compression::SNAPPY), "the columns are `image` (pictures), `label`"),
        ("times.arrow", stream_of(&[&times]), "times.arrow: the column `length`: values of the type Duration(s)"),
        ("cut.parquet", good[..good.len() - 9].to_vec(), "cut off"),
        ("empty.parquet", Vec::new(), "too short"),
        ("text.arrow", b"{\"messages\": []}".to_vec(), "neither Parquet nor"),
        ("cut.arrow", stream[..stream.len() / 2].to_vec(), "goes beyond its end"),
    ] {
        let file = place.write(name, &bytes);
        let error = place.import(&[&file]).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(message), "{name}: {error}");
        assert_eq!(place.dataset().version(), 1);
    }
}

#[test]
fn every_cut_and_many_flipped_bytes_are_survived() {
    let place = Place::new();
    let (parquet, stream) = (parquet_of(&three(), Compression::SNAPPY), stream_of(&[&three()]));
    let mut options = place.options.clone();
    options.dry_run = true;
    let (mut taken, mut refused) = (0, 0);
    let mut try_one = |name: &str, bytes: &[u8]| {
        let file = place.write(name, bytes);
        match import(&place.dataset(), &[file], &options, &mut |_| {}) {
            Ok(report) => {
                assert!(report.records.add_up());
                taken += 1;
            }
            Err(error) => {
                assert!(error.to_string().contains(name), "{error}");
                refused += 1;
            }
        }
    };
    for (name, whole) in [("x.parquet", &parquet), ("x.arrow", &stream)] {
        for length in (0..whole.len()).step_by(7) {
            try_one(name, &whole[..length]);
        }
        for at in (0..whole.len()).step_by(3) {
            for value in [0, 0x7f, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                try_one(name, &damaged);
            }
        }
    }
    assert!(taken > 0 && refused > 100, "{taken} {refused}");
}

#[test]
fn an_answer_that_is_not_a_number_is_none() {
    let answers: ArrayRef = Arc::new(arrow_array::Float64Array::from(vec![Some(1.5), Some(f64::NAN), None]));
    let batch = table(vec![("question", texts(&[Some("a"), Some("b"), Some("c")])), ("answer", answers)]);
    let place = Place::new();
    let report = place.import(&[&place.write("t.parquet", parquet_of(&batch, Compression::SNAPPY))]).unwrap();
    assert_eq!(said(&place.row_of("t.parquet#1")), [("user", "a"), ("assistant", "1.5")]);
    for id in ["t.parquet#2", "t.parquet#3"] {
        assert_eq!(said(&place.row_of(id)).len(), 1, "{id}");
    }
    assert_eq!((count(&report, Kind::WrongType), count(&report, Kind::Doubtful)), (1, 2));
}
