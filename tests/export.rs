//! What goes out can be read by others, says what it left out, and comes in again as it was.

mod common;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, RecordBatch};
use common::pictures::grey_png;
use common::samples::samples;
use common::stored::{about, stored};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use serde_json::{Value, json};
use std::path::Path;
use surgdb::dataset::BlobSource;
use surgdb::export::{ExportFormat, ExportOptions, ExportReport, MessageStyle, OnMissing, export};
use surgdb::rows::{AnnotationRow, ConversationRow, FrameRow, LabelRow, MediumRow, RegionRow, TurnRow};
use surgdb::{Dataset, ErrorKind, Operation, Table};

fn sampled(dir: &Path) -> Dataset {
    stored(&dir.join("samples.surgdb"), samples())
}

fn exported(dataset: &Dataset, out: &Path, options: &ExportOptions<'_>) -> ExportReport {
    export(dataset, out, options, &mut |_| Ok(())).unwrap()
}

fn records(out: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(out.join("conversations.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn llava_records_are_what_others_read() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = sampled(dir.path());
    let out = dir.path().join("out");
    let report = exported(&dataset, &out, &ExportOptions::default());
    let records = records(&out);
    assert_eq!(report.rows["conversations"], records.len() as u64);
    assert_eq!(records.len() as u64, dataset.count(Table::Conversations).unwrap());
    let first = &records[0];
    assert_eq!(first["image"], "images/VID07/000000.png");
    assert_eq!(first["task"], "instrument recognition");
    assert_eq!(first["patient"], "samples/7");
    assert_eq!(first["conversations"][0], json!({"from": "human", "value": "<image>\nWhich instruments?"}));
    let png = dataset.frame(dataset.find(Table::Frames, "VID07/000000.png").unwrap().unwrap()).unwrap();
    assert_eq!(std::fs::read(out.join("images/VID07/000000.png")).unwrap(), *png.bytes().unwrap().unwrap());
    let with_id = |id: &str| records.iter().find(|record| record["id"] == id).unwrap();
    assert_eq!(with_id("instrument segmentation")["output_images"], json!(["images/VID07/000008.png"]));
    assert_eq!(with_id("action recognition")["video"], json!("videos/VID07.mp4"));
    assert_eq!(with_id("eight frames")["videos"][0].as_array().unwrap().len(), 8);
    assert_eq!(with_id("preference pair")["chosen"]["value"], "A grasper holds the gallbladder.");
    assert_eq!(with_id("mark")["kto_tag"], false);
    assert_eq!(with_id("tool call")["conversations"][2]["tool_calls"][0]["name"], "measure");
    assert_eq!(with_id("missing picture")["image"], "images\\VID07\\000012.png");
    assert_eq!(report.missing, 1);
    assert_eq!(report.lost["annotations"], 4);
    assert_eq!(report.lost["evidence that is an annotation"], 1);
    assert!(out.join("sources/samples.toml").exists());
}

#[test]
fn messages_say_where_pictures_stand_in_three_ways() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = sampled(dir.path());
    let contents = [MessageStyle::Placeholders, MessageStyle::Qwen, MessageStyle::OpenAi].map(|style| {
        let out = dir.path().join(format!("{style:?}"));
        let options = ExportOptions { format: ExportFormat::Messages, style, ..Default::default() };
        // One of the styles says which part of a video is meant.
        let whole = if style == MessageStyle::Qwen { 0 } else { 4 };
        assert_eq!(exported(&dataset, &out, &options).whole_clips, whole, "{style:?}");
        records(&out)[0]["messages"][0]["content"].clone()
    });
    let text = json!({"type": "text", "text": "\nWhich instruments?"});
    let path = "images/VID07/000000.png";
    assert_eq!(contents[0], "<image>\nWhich instruments?");
    assert_eq!(contents[1], json!([{"type": "image", "image": path}, text]));
    assert_eq!(contents[2], json!([{"type": "image_url", "image_url": {"url": path}}, text]));
}

#[test]
fn plain_records_hold_nothing_of_ours_and_say_what_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = sampled(dir.path());
    let out = dir.path().join("out");
    let report = exported(&dataset, &out, &ExportOptions { plain: true, ..Default::default() });
    assert!(records(&out).iter().all(|record| record.get("surgdb").is_none()));
    assert_eq!(report.lost["grounding"], 2);
    assert_eq!(report.lost["reasoning"], 1);
    assert_eq!(report.lost["alternatives"], 2);
    assert_eq!(report.lost["where a clip starts and ends: the whole video is shown"], 4);
}

#[test]
fn a_folder_with_something_in_it_is_left_alone_unless_told() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = sampled(dir.path());
    let out = dir.path().join("out");
    exported(&dataset, &out, &ExportOptions::default());
    let picture = out.join("images/VID07/000000.png");
    let before = std::fs::metadata(&picture).unwrap().modified().unwrap();
    let error = export(&dataset, &out, &ExportOptions::default(), &mut |_| Ok(())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists);
    std::fs::write(out.join("conversations.jsonl"), "old").unwrap();
    exported(&dataset, &out, &ExportOptions { overwrite: true, ..Default::default() });
    assert_eq!(records(&out).len() as u64, dataset.count(Table::Conversations).unwrap());
    assert_eq!(std::fs::metadata(&picture).unwrap().modified().unwrap(), before, "what is the same is left");
}

#[test]
fn an_export_that_is_stopped_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = sampled(dir.path());
    for format in ExportFormat::ALL {
        let stop = &mut |_| Err(surgdb::Error::new(ErrorKind::Interrupted, "stopped"));
        let options = ExportOptions { format, ..Default::default() };
        let error = export(&dataset, dir.path().join("out"), &options, stop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "the dataset alone");
    }
}

#[test]
fn a_picture_whose_bytes_are_gone_goes_out_by_name_or_stops_the_export() {
    let dir = tempfile::tempdir().unwrap();
    let linked = dir.path().join("linked.png");
    std::fs::write(&linked, "a picture").unwrap();
    let mut appender = Dataset::create(dir.path().join("d.surgdb")).unwrap().append().unwrap();
    let blob = appender.blob(BlobSource::Linked { media_type: "image/png", path: &linked }).unwrap().address;
    for (id, blob) in [("gone.png", Some(blob)), ("never.png", None)] {
        let (id, source): (String, String) = (id.into(), "s".into());
        let path = Some(id.clone());
        let frame =
            FrameRow { id: id.clone(), source: source.clone(), kind: "rgb".into(), path, blob, ..Default::default() };
        let frame = appender.frame(&frame).unwrap();
        for number in 0..2 {
            let turn = TurnRow { role: "user".into(), text: "<image>".into(), ..Default::default() };
            let medium = MediumRow { turn: 0, at: Some(0), refs: vec![frame], ..Default::default() };
            let row = ConversationRow {
                id: format!("{id}{number}"),
                source: source.clone(),
                task: "t".into(),
                turns: vec![turn],
                media: vec![medium],
                ..Default::default()
            };
            appender.conversation(&row).unwrap();
        }
    }
    let dataset = appender.commit(Operation::new("append")).unwrap();
    std::fs::remove_file(&linked).unwrap();
    // Those that hold all records; the forms of trainers leave such records out.
    let all = [
        ExportFormat::Llava,
        ExportFormat::Messages,
        ExportFormat::Parquet,
        ExportFormat::Hf,
        ExportFormat::WebDataset,
    ];
    for format in all {
        let out = dir.path().join(format.name());
        let options = ExportOptions { format, ..Default::default() };
        let report = exported(&dataset, &out, &options);
        assert_eq!((report.rows["conversations"], report.missing, report.broken, report.media), (4, 2, 1, 0));
        let told: Vec<_> = report.without_bytes.iter().map(|one| (one.path.as_str(), one.reason.as_str())).collect();
        assert_eq!((told.len(), told[0].0, told[1].0), (2, "gone.png", "never.png"));
        assert!(told[0].1.contains("linked.png") && told[1].1.contains("missing when it was imported"), "{told:?}");

        let stopping = ExportOptions { missing: OnMissing::Stop, ..options };
        let error = export(&dataset, dir.path().join("stopped"), &stopping, &mut |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("gone.png") && error.to_string().contains("--missing keep"), "{error}");
        let left =
            std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert!(left.into_iter().all(|name| !name.contains("stopped")));
    }
}

#[test]
fn a_record_goes_out_without_its_picture_only_where_a_file_of_it_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut appender = Dataset::create(dir.path().join("d.surgdb")).unwrap().append().unwrap();
    let blob =
        appender.blob(BlobSource::Bytes { media_type: "image/png", bytes: &grey_png(8, 8, 8, 1) }).unwrap().address;
    for (id, path, blob) in
        [("here", Some("a.png"), Some(blob)), ("named", Some("b.png"), None), ("nameless", None, None)]
    {
        let (path, source) = (path.map(str::to_owned), String::from("s"));
        let frame =
            FrameRow { id: id.into(), path, blob, kind: "rgb".into(), source: source.clone(), ..Default::default() };
        let frame = appender.frame(&FrameRow { width: Some(8), height: Some(8), ..frame }).unwrap();
        let turn = TurnRow { role: "user".into(), text: "<image>".into(), ..Default::default() };
        let answer = TurnRow { role: "assistant".into(), text: "a".into(), ..Default::default() };
        let medium = MediumRow { turn: 0, at: Some(0), refs: vec![frame], ..Default::default() };
        let (task, turns, media) = ("t".into(), vec![turn, answer], vec![medium]);
        let row = ConversationRow { id: id.into(), source: source.clone(), task, turns, media, ..Default::default() };
        appender.conversation(&row).unwrap();
        let regions =
            vec![RegionRow { role: Some("box".into()), bbox: Some([0.0, 0.0, 0.5, 0.5]), ..Default::default() }];
        let label = LabelRow { axis: "instrument".into(), raw: "hook".into(), ..Default::default() };
        let (id, labels) = (id.into(), vec![label]);
        appender.annotation(&AnnotationRow { id, labels, regions, ..about(frame) }).unwrap();
    }
    let dataset = appender.commit(Operation::new("append")).unwrap();
    for format in ExportFormat::ALL {
        let is_trainers = matches!(format, ExportFormat::LlamaFactory | ExportFormat::MsSwift | ExportFormat::QwenVl);
        // COCO names the files of all of its pictures.
        let kept = match format {
            ExportFormat::Coco => 2,
            _ if is_trainers => 1,
            _ => 3,
        };
        for (missing, rows) in [(OnMissing::Keep, kept), (OnMissing::Skip, 1)] {
            let out = dir.path().join(format!("{} {missing:?}", format.name()));
            let options = ExportOptions { format, missing, ..Default::default() };
            if format == ExportFormat::Parquet {
                // It holds tables, with all of their rows.
                let kept = export(&dataset, &out, &options, &mut |_| Ok(())).map(|report| report.rows["conversations"]);
                assert_eq!(kept.ok(), (missing == OnMissing::Keep).then_some(3));
                continue;
            }
            let report = exported(&dataset, &out, &options);
            let table = if format == ExportFormat::Coco { "annotations" } else { "conversations" };
            let told = report.left_out_records.iter().find(|record| record.id == "nameless").map(|one| &*one.reason);
            let is_told = told.is_some_and(|reason| reason.ends_with("no file of them is named"));
            assert_eq!(is_told, rows < 3, "{} {told:?}", format.name());
            assert_eq!(report.nameless, u64::from(rows == 3), "{}", format.name());
            assert_eq!(
                (report.rows[table], report.left_out.values().sum::<u64>()),
                (rows, 3 - rows),
                "{}",
                format.name()
            );
            assert_eq!(report.missing, rows - 1, "{}", format.name());
        }
        if format != ExportFormat::Parquet {
            let options = ExportOptions { format, missing: OnMissing::Stop, ..Default::default() };
            let error = export(&dataset, dir.path().join("stopped"), &options, &mut |_| Ok(())).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{}: {error}", format.name());
        }
    }
}

#[test]
fn parquet_holds_every_row_as_plain_columns_with_the_bytes_inside() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = sampled(dir.path());
    let out = dir.path().join("out");
    let report = exported(&dataset, &out, &ExportOptions { format: ExportFormat::Parquet, ..Default::default() });
    for table in Table::ALL {
        let rows = parquet_rows(&out, table).map_or(0, |batch| batch.num_rows() as u64);
        assert_eq!((rows, report.rows[table.name()]), (dataset.count(table).unwrap(), rows), "{table}");
    }
    let batch = parquet_rows(&out, Table::Conversations).unwrap();
    let tasks = batch.column_by_name("task").unwrap().as_string::<i32>();
    let images = batch.column_by_name("images").unwrap().as_list::<i32>();
    let turns = batch.column_by_name("turns").unwrap().as_list::<i32>();
    for row in 0..batch.num_rows() {
        let conversation = dataset.conversation(row as u64).unwrap();
        assert_eq!(tasks.value(row), conversation.task().unwrap());
        let said = turns.value(row);
        let [roles, texts] = [0, 1].map(|part| said.as_struct().column(part).as_string::<i32>());
        for (at, turn) in conversation.turns().unwrap().iter().enumerate() {
            assert_eq!((roles.value(at), texts.value(at)), (turn.role(), turn.text()));
        }
        let refs = conversation.all_media().unwrap().flat_map(|medium| medium.refs().iter().collect::<Vec<_>>());
        let frames: Vec<_> = refs.filter(|at| dataset.table_of(*at).unwrap() == Table::Frames).collect();
        let shown = images.value(row);
        let bytes = shown.as_struct().column_by_name("bytes").unwrap().as_binary::<i32>();
        assert_eq!(bytes.len(), frames.len());
        for (found, address) in bytes.iter().zip(frames) {
            assert_eq!(found, dataset.frame(address).unwrap().bytes().unwrap().as_deref());
        }
    }
}

#[test]
fn of_a_selection_only_what_it_refers_to_goes_out() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = sampled(dir.path());
    let selection = [3, 0].map(|number| dataset.conversation(number).unwrap().address());
    let out = dir.path().join("out");
    let options = ExportOptions { format: ExportFormat::Parquet, selection: Some(&selection), ..Default::default() };
    let report = exported(&dataset, &out, &options);
    let counts = ["blobs", "cases", "videos", "frames", "annotations", "conversations"].map(|name| report.rows[name]);
    assert_eq!(counts, [2, 1, 1, 1, 0, 2], "a picture, the video that it is of, and their case");
    let batch = parquet_rows(&out, Table::Conversations).unwrap();
    let addresses = batch.column(0).as_primitive::<Int64Type>();
    assert_eq!(addresses.values().to_vec(), selection.map(|address| address.get()));
    let out = dir.path().join("jsonl");
    exported(&dataset, &out, &ExportOptions { selection: Some(&selection), ..Default::default() });
    let ids: Vec<_> = records(&out).iter().map(|record| record["id"].clone()).collect();
    assert_eq!(ids, ["tissue/organ recognition", "instrument recognition"]);
    assert!(!out.join("images/VID07/000001.png").exists());
}

fn parquet_rows(out: &Path, table: Table) -> Option<RecordBatch> {
    let file = std::fs::File::open(out.join(format!("{table}.parquet"))).unwrap();
    let mut batches = ParquetRecordBatchReader::try_new(file, 4096).unwrap().map(|batch| batch.unwrap());
    let first = batches.next();
    assert!(batches.next().is_none());
    first
}

#[test]
fn what_no_exported_conversation_shows_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = stored(&dir.path().join("samples.surgdb"), samples());
    let one = dataset.find(Table::Conversations, "conditional video generation").unwrap().unwrap();
    let keep = [one];
    let others: Vec<_> =
        dataset.live_addresses(Table::Conversations).unwrap().into_iter().filter(|address| *address != one).collect();
    let lost = |dataset: &Dataset, selection: Option<&[surgdb::Address]>, name: &str, format| {
        let options = ExportOptions { format, selection, ..ExportOptions::default() };
        export(dataset, dir.path().join(name), &options, &mut |_| Ok(())).unwrap().lost
    };
    use ExportFormat::{Hf, Llava, Messages, WebDataset};
    let formats = [Llava, Messages, Hf, WebDataset];
    for format in formats {
        // What others show was not asked for; none of it is about the video that this one generates.
        let lost = lost(&dataset, Some(&keep), &format!("one {}", format.name()), format);
        assert!(lost.keys().all(|what| !what.contains("exported conversation")), "{lost:?}");
    }
    let first = dataset.find(Table::Conversations, "image captioning").unwrap().unwrap();
    let of_first = lost(&dataset, Some(&[first]), "first", Llava);
    assert_eq!(of_first["annotations that no exported conversation refers to"], 1);
    assert_eq!(of_first["pictures that no exported conversation shows"], 3, "mask, depth and clear view of the first");
    dataset.delete(others, surgdb::dataset::DeleteOptions::default()).unwrap();
    let dataset = Dataset::open(dataset.path()).unwrap();
    for format in formats {
        let lost = lost(&dataset, None, &format!("all {}", format.name()), format);
        assert_eq!(lost["annotations that no exported conversation refers to"], 4);
        assert_eq!(lost["pictures that no exported conversation shows"], 13);
        assert_eq!(lost["videos that no exported conversation shows"], 1);
        assert!(!lost.contains_key("cases of nothing that an exported conversation shows"), "it is of the case");
    }
}
