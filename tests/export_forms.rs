//! The forms of trainers and of other libraries: what they must be for those who read them, read by those libraries where
//! there is a Python, and imported again.

mod common;

use common::pictures::grey_png;
use common::python::{ROOT, python, run, skipped};
use common::samples::{Samples, samples, symbol};
use common::stored::stored;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use surgdb::export::{ClipForm, ExportFormat, ExportOptions, ExportReport, OnMissing, Pictures, Shards, export};
use surgdb::import::{ImportOptions, SourceDescription, import};
use surgdb::rows::*;
use surgdb::schema::boxes::Scale;
use surgdb::{Dataset, Table};

fn sampled(dir: &Path) -> Dataset {
    stored(&dir.join("samples.surgdb"), samples())
}

fn exported(dataset: &Dataset, out: &Path, options: &ExportOptions<'_>) -> ExportReport {
    export(dataset, out, options, &mut |_| Ok(())).unwrap()
}

fn of(format: ExportFormat) -> ExportOptions<'static> {
    ExportOptions { format, ..ExportOptions::default() }
}

fn records(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn with_id<'r>(records: &'r [Value], id: &str) -> &'r Value {
    records.iter().find(|record| record["id"] == id).unwrap_or_else(|| panic!("no record has the id {id}"))
}

/// What a library reads of an export; nothing where there is no Python.
fn read_by(library: &str, out: &Path) -> Option<Value> {
    let python = match python() {
        Ok(python) => python,
        Err(why) => {
            skipped(&why);
            return None;
        }
    };
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(python);
    command.arg(Path::new(ROOT).join("tests/python/exports.py")).arg(library).arg(out);
    command.env("HF_HOME", home.path()).env("HF_HUB_OFFLINE", "1").env("PYTHONDONTWRITEBYTECODE", "1");
    let output = run(&mut command).unwrap_or_else(|why| panic!("{library}: {why}"));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// Checks that exactly one placeholder stands for each picture and video.
fn placeholders_fit(record: &Value, turns: &str, text: &str) {
    let said: Vec<&str> = record[turns].as_array().unwrap().iter().map(|turn| turn[text].as_str().unwrap()).collect();
    for (mark, names) in [("<image>", ["images", "image"]), ("<video>", ["videos", "video"])] {
        let count: usize = said.iter().map(|text| text.matches(mark).count()).sum();
        let listed = names.iter().map(|name| match &record[*name] {
            Value::Null => 0,
            Value::String(_) => 1,
            list => list.as_array().unwrap().len(),
        });
        assert_eq!(count, listed.sum::<usize>(), "{record}");
    }
}

fn every_file_is_there(out: &Path, records: &[Value]) {
    let paths = records.iter().flat_map(|record| {
        let lists = ["images", "image", "videos", "video"].map(|name| record[name].clone());
        lists.into_iter().flat_map(|value| match value {
            Value::String(path) => vec![Value::String(path)],
            Value::Array(list) => list,
            _ => Vec::new(),
        })
    });
    for path in paths.flat_map(|path| path.as_array().cloned().unwrap_or_else(|| vec![path])) {
        assert!(out.join(path.as_str().unwrap()).is_file(), "{path}");
    }
}

#[test]
fn llama_factory_gets_a_file_a_purpose_and_what_it_could_not_take_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = sampled(dir.path());
    let out = dir.path().join("out");
    let report = exported(&dataset, &out, &of(ExportFormat::LlamaFactory));
    let files: Vec<_> = report.files.iter().map(|(name, rows)| (name.as_str(), *rows)).collect();
    assert_eq!(files, [("dpo.jsonl", 1), ("kto.jsonl", 1), ("sft.jsonl", 12), ("sft_frames.jsonl", 1)]);
    assert_eq!(report.left_out.values().sum::<u64>() + 15, dataset.count(Table::Conversations).unwrap());
    assert_eq!(report.left_out["their answers show pictures or videos"], 5);
    assert_eq!(report.left_out["the dataset does not have the bytes of their pictures or videos"], 1);
    assert_eq!(report.left_out["they have no answer"], 1);
    assert_eq!(report.left_out["they say nothing"], 1);
    let lost = "placeholders that no picture or video stands at: they are left out of the text";
    assert_eq!((report.lost[lost], report.lost["other endings that are no pair of one answer each"]), (3, 1));
    let info: Value = serde_json::from_slice(&std::fs::read(out.join("dataset_info.json")).unwrap()).unwrap();
    assert_eq!(
        info["dpo"],
        json!({
            "file_name": "dpo.jsonl", "formatting": "sharegpt", "ranking": true,
            "columns": {"messages": "conversations", "chosen": "chosen", "rejected": "rejected", "images": "images"}
        })
    );
    assert_eq!(info["kto"]["columns"]["kto_tag"], "kto_tag");
    assert_eq!(info["sft_frames"]["columns"], json!({"messages": "conversations", "videos": "videos"}));
    for (name, entry) in info.as_object().unwrap() {
        let records = records(&out.join(entry["file_name"].as_str().unwrap()));
        every_file_is_there(&out, &records);
        for record in &records {
            placeholders_fit(record, "conversations", "value");
            // As LLaMA-Factory asks: questions and answers in turn, behind a system prompt.
            let mut roles: Vec<&str> = Vec::new();
            for turn in record["conversations"].as_array().unwrap() {
                roles.push(turn["from"].as_str().unwrap());
            }
            let roles = if roles[0] == "system" { &roles[1..] } else { &roles[..] };
            let in_turn = roles.iter().enumerate().all(|(at, role)| match at % 2 {
                0 => ["human", "observation"].contains(role),
                _ => ["gpt", "function_call"].contains(role),
            });
            assert!(in_turn && (roles.len() % 2 == 0) != (name == "dpo"), "{record}");
        }
    }
    let sft = records(&out.join("sft.jsonl"));
    let call = &with_id(&sft, "tool call")["conversations"];
    assert_eq!(call[2], json!({"from": "function_call", "value": r#"{"name":"measure","arguments":"{}"}"#}));
    assert_eq!(call[3], json!({"from": "observation", "value": r#"{"mm": 5}"#}));
    let pair = &records(&out.join("dpo.jsonl"))[0];
    assert_eq!(pair["chosen"], json!({"from": "gpt", "value": "A grasper holds the gallbladder."}));
    assert_eq!(records(&out.join("sft_frames.jsonl"))[0]["videos"][0].as_array().unwrap().len(), 8);
    if let Some(read) = read_by("jsonl", &out) {
        assert_eq!(read["sft.jsonl"].as_array().unwrap().len(), 12);
        assert_eq!(read["kto.jsonl"][0]["kto_tag"], false);
        assert_eq!(read["sft_frames.jsonl"][0]["videos"][0].as_array().unwrap().len(), 8);
    }
}

#[test]
fn llama_factory_files_come_in_again_as_what_they_hold() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = sampled(dir.path());
    let out = dir.path().join("out");
    exported(&dataset, &out, &of(ExportFormat::LlamaFactory));
    let again = Dataset::create(dir.path().join("again.surgdb")).unwrap();
    let source = ImportOptions::new(SourceDescription::named("samples"));
    let report = import(&again, &[out], &source, &mut |_| {}).unwrap();
    assert_eq!((report.records.added, report.records.skipped.len(), report.media.missing), (15, 0, 0));
    let again = Dataset::open(again.path()).unwrap();
    let row = |dataset: &Dataset, id: &str| {
        let address = dataset.find(Table::Conversations, id).unwrap().unwrap();
        dataset.conversation_at(address).unwrap().to_row().unwrap()
    };
    for id in ["instrument recognition", "safety assessment", "mark", "two annotators", "eight frames"] {
        let (was, is) = (row(&dataset, id), row(&again, id));
        assert_eq!((&was.turns, &was.task, was.preferred), (&is.turns, &is.task, is.preferred), "{id}");
        let places = |row: &ConversationRow| {
            row.media.iter().map(|medium| (medium.turn, medium.at, medium.refs.len())).collect::<Vec<_>>()
        };
        assert_eq!(places(&was), places(&is), "{id}");
    }
    let pair = row(&again, "preference pair");
    let texts: Vec<_> = pair.alternatives.iter().map(|ending| (&*ending.kind, &*ending.turns[0].text)).collect();
    assert_eq!(texts, [("chosen", "A grasper holds the gallbladder."), ("rejected", "A spoon.")]);
}

#[test]
fn llama_factory_gets_pictures_inside_where_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = sampled(dir.path());
    let out = dir.path().join("out");
    let options = ExportOptions { pictures: Pictures::Inside, ..of(ExportFormat::LlamaFactory) };
    let report = exported(&dataset, &out, &options);
    let files: Vec<_> = report.files.iter().map(|(name, rows)| (name.as_str(), *rows)).collect();
    assert_eq!(files, [("dpo.parquet", 1), ("kto.parquet", 1), ("sft.parquet", 12), ("sft_frames.parquet", 1)]);
    let info: Value = serde_json::from_slice(&std::fs::read(out.join("dataset_info.json")).unwrap()).unwrap();
    let columns = json!({"messages": "conversations", "images": "images", "kto_tag": "kto_tag"});
    assert_eq!((&info["kto"]["file_name"], &info["kto"]["columns"]), (&"kto.parquet".into(), &columns));
    let Some(read) = read_by("parquet", &out) else { return };
    let sft = read["sft.parquet"].as_array().unwrap();
    sft.iter().for_each(|record| placeholders_fit(record, "conversations", "value"));
    assert_eq!(with_id(sft, "instrument recognition")["images"], json!([[4, 3]]));
    assert_eq!(read["dpo.parquet"][0]["rejected"], json!({"from": "gpt", "value": "A spoon."}));
    let frames = &read["sft_frames.parquet"][0]["videos"][0];
    assert!(frames.as_array().unwrap().iter().all(|path| out.join(path.as_str().unwrap()).is_file()));
    let refused = export(
        &dataset,
        dir.path().join("no"),
        &ExportOptions { format: ExportFormat::QwenVl, ..options },
        &mut |_| Ok(()),
    );
    assert!(refused.unwrap_err().to_string().contains("llama-factory alone"));
}

#[test]
fn ms_swift_gets_boxes_in_a_list_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = sampled(dir.path());
    let out = dir.path().join("out");
    let report = exported(&dataset, &out, &of(ExportFormat::MsSwift));
    let files: Vec<_> = report.files.keys().map(String::as_str).collect();
    assert_eq!(files, ["dpo.jsonl", "grpo.jsonl", "kto.jsonl", "sft.jsonl", "sft_frames.jsonl"]);
    let sft = records(&out.join("sft.jsonl"));
    sft.iter().for_each(|record| placeholders_fit(record, "messages", "content"));
    every_file_is_there(&out, &sft);
    let boxed = with_id(&sft, "instrument localisation");
    assert_eq!(boxed["messages"][1], json!({"role": "assistant", "content": "It is at <bbox>."}));
    let objects = json!({"ref": [], "bbox": [[0.25, 0.0, 0.5, 1.0]], "image_id": [0], "bbox_type": "norm1"});
    assert_eq!(boxed["objects"], objects);
    let text = std::fs::read_to_string(out.join("sft.jsonl")).unwrap();
    assert!(text.contains("[0.25,0.0,0.5,1.0]"), "all numbers are of one type");
    // A picture to be drawn is one that ms-swift takes.
    let drawn = with_id(&sft, "desmoking");
    assert_eq!(drawn["images"].as_array().unwrap().len(), 2);
    let pair = &records(&out.join("dpo.jsonl"))[0];
    assert_eq!(pair["messages"][1]["content"], "A grasper holds the gallbladder.");
    assert_eq!(pair["rejected_response"], "A spoon.");
    assert_eq!(records(&out.join("kto.jsonl"))[0]["label"], false);
    assert_eq!(records(&out.join("grpo.jsonl"))[0]["solution"], "<answer>grasper</answer>");
    let call = &with_id(&sft, "tool call")["messages"];
    assert_eq!([&call[2]["role"], &call[3]["role"]], ["tool_call", "tool_response"]);
    if let Some(read) = read_by("jsonl", &out) {
        assert_eq!(with_id(read["sft.jsonl"].as_array().unwrap(), "instrument localisation")["objects"], objects);
    }
    let in_pixels = dir.path().join("pixels");
    exported(&dataset, &in_pixels, &ExportOptions { boxes: Some(Scale::Pixels), ..of(ExportFormat::MsSwift) });
    let sft = records(&in_pixels.join("sft.jsonl"));
    let objects = json!({"ref": [], "bbox": [[1.0, 0.0, 2.0, 3.0]], "image_id": [0], "bbox_type": "real"});
    assert_eq!(with_id(&sft, "instrument localisation")["objects"], objects);
    let options = ExportOptions { boxes: Some(Scale::Thousand), ..of(ExportFormat::MsSwift) };
    let error = export(&dataset, dir.path().join("no"), &options, &mut |_| Ok(())).unwrap_err();
    assert!(error.to_string().contains("pixels or as 0-1"), "{error}");
}

#[test]
fn ms_swift_files_come_in_again_with_their_boxes() {
    for (scale, written) in [(None, "[0.25, 0.0, 0.5, 1.0]"), (Some(Scale::Pixels), "[1, 0, 2, 3]")] {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let options = ExportOptions { boxes: scale, ..of(ExportFormat::MsSwift) };
        let report = exported(&sampled(dir.path()), &out, &options);
        assert_eq!(report.lost["how boxes are written in the texts: <bbox> stands there"], 2);
        let again = Dataset::create(dir.path().join("again.surgdb")).unwrap();
        let source = ImportOptions::new(SourceDescription::named("samples"));
        let report = import(&again, &[out.join("sft.jsonl")], &source, &mut |_| {}).unwrap();
        assert_eq!((report.boxes.boxes, report.boxes.left.len()), (2, 0));
        let again = Dataset::open(again.path()).unwrap();
        let address = again.find(Table::Conversations, "instrument localisation").unwrap().unwrap();
        let row = again.conversation_at(address).unwrap().to_row().unwrap();
        assert_eq!(row.turns[1].text, format!("It is at {written}."));
        let place = &row.grounding[0];
        assert_eq!((place.byte_start, place.byte_end), (9, 9 + written.len() as i64));
        assert_eq!((&*place.kind, place.media, &place.values[..]), ("box", 0, &[0.25, 0.0, 0.5, 1.0][..]));
        assert_eq!(row.extra, None);
        // Once more, and nothing changes.
        let twice = dir.path().join("twice");
        exported(&again, &twice, &options);
        let files = [&out, &twice].map(|out| records(&out.join("sft.jsonl")));
        let [before, after] = files.each_ref().map(|records| with_id(records, "instrument localisation"));
        assert_eq!(before, after);
    }
}

/// Pictures that are called like the files of records, and the folder that one of these would need.
fn named_like_records(dir: &Path) -> Dataset {
    let mut samples = samples();
    let names =
        ["sft.jsonl", "SFT.parquet", "conversations.jsonl", "dataset_info.json", "dpo.jsonl/a.png", "annotations.json"];
    for (frame, name) in samples.frames.iter_mut().zip(names) {
        frame.path = Some(name.to_owned());
    }
    let mut row = samples.conversations[0].clone();
    row.id = "all".into();
    row.turns[0].text = "<image>".repeat(6);
    row.media = (0..6)
        .map(|at| MediumRow { at: Some(7 * at as i64), refs: vec![symbol(Table::Frames, at)], ..Default::default() })
        .collect();
    samples.conversations.push(row);
    stored(&dir.join("samples.surgdb"), samples)
}

#[test]
fn pictures_that_are_called_like_records_stand_beside_them() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = named_like_records(dir.path());
    for format in [
        ExportFormat::LlamaFactory,
        ExportFormat::MsSwift,
        ExportFormat::QwenVl,
        ExportFormat::Llava,
        ExportFormat::Messages,
    ] {
        let out = dir.path().join(format.name());
        let report = exported(&dataset, &out, &of(format));
        let file = if report.files.is_empty() { "conversations.jsonl" } else { "sft.jsonl" };
        let all = records(&out.join(file));
        let record = with_id(&all, "all");
        let paths = if record["images"].is_null() { &record["image"] } else { &record["images"] };
        let paths: Vec<&str> = paths.as_array().unwrap().iter().map(|path| path.as_str().unwrap()).collect();
        assert_eq!(paths.len(), 6, "{paths:?}");
        for path in paths {
            let bytes = std::fs::read(out.join(path)).unwrap();
            assert!(bytes.starts_with(b"\x89PNG") && path.ends_with(".png"), "{path}");
        }
        // The folder as a whole comes in again.
        let again = Dataset::create(dir.path().join(format!("{}.surgdb", format.name()))).unwrap();
        let source = ImportOptions::new(SourceDescription::named("samples"));
        let report = import(&again, &[out], &source, &mut |_| {}).unwrap();
        assert_eq!(report.records.skipped_total(), 0);
    }
}

#[test]
fn qwen_vl_gets_questions_and_answers_with_boxes_in_the_scale_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = sampled(dir.path());
    let out = dir.path().join("out");
    let options = ExportOptions { boxes: Some(Scale::Thousand), clips: ClipForm::Whole, ..of(ExportFormat::QwenVl) };
    let report = exported(&dataset, &out, &options);
    let sft = records(&out.join("sft.jsonl"));
    assert_eq!(report.files.len(), 1);
    sft.iter().for_each(|record| placeholders_fit(record, "conversations", "value"));
    every_file_is_there(&out, &sft);
    let boxed = with_id(&sft, "instrument localisation");
    assert_eq!(boxed["image"], "images/VID07/000000.png");
    assert_eq!(boxed["conversations"][1]["value"], "It is at [250, 0, 500, 1000].");
    assert_eq!(with_id(&sft, "action recognition")["video"], "videos/VID07.mp4");
    assert_eq!(report.lost["where a clip starts and ends: the whole video is shown"], 4);
    assert_eq!(report.left_out["they call tools"], 1);
    assert_eq!(report.left_out["they are pairs of answers"], 1);
    assert_eq!(report.left_out["frames stand for their videos, and the form takes files alone"], 1);
}

#[test]
fn a_part_of_a_video_is_shown_by_the_frames_that_lie_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut rows = samples();
    for row in &mut rows.conversations {
        for medium in row.media.iter_mut().filter(|medium| medium.start == Some(10.0)) {
            (medium.start, medium.end) = (Some(2.0), Some(5.0));
        }
    }
    let dataset = stored(&dir.path().join("samples.surgdb"), rows);
    let out = dir.path().join("out");
    let options = ExportOptions { clips: ClipForm::Frames, ..of(ExportFormat::LlamaFactory) };
    let report = exported(&dataset, &out, &options);
    assert_eq!(report.files["sft_frames.jsonl"], 5);
    let frames = records(&out.join("sft_frames.jsonl"));
    let expected: Vec<String> = (2..=5).map(|number| format!("images/VID07/{number:06}.png")).collect();
    assert_eq!(with_id(&frames, "action recognition")["videos"], json!([expected]));
    every_file_is_there(&out, &frames);
}

#[test]
fn hugging_face_loads_the_folder_with_its_pictures() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = sampled(dir.path());
    let out = dir.path().join("out");
    // What has a path and no bytes would be looked for by its path.
    let all = dataset.live_addresses(Table::Conversations).unwrap().into_iter();
    let missing = dataset.find(Table::Conversations, "missing picture").unwrap().unwrap();
    let selection: Vec<_> = all.filter(|address| *address != missing).collect();
    let options = ExportOptions { selection: Some(&selection), ..of(ExportFormat::Hf) };
    let report = exported(&dataset, &out, &options);
    assert_eq!((report.rows["conversations"], report.missing), (selection.len() as u64, 0));
    let Some(read) = read_by("hf", &out) else { return };
    let rows = read["train"].as_array().unwrap();
    assert_eq!(rows.len(), selection.len());
    for (row, address) in rows.iter().zip(&selection) {
        let conversation = dataset.conversation_at(*address).unwrap();
        assert_eq!(
            (&row["id"], &row["task"]),
            (&conversation.id().unwrap().into(), &conversation.task().unwrap().into())
        );
        let turns = conversation.turns().unwrap();
        let said: Vec<_> = turns.iter().map(|turn| json!([turn.role(), turn.text()])).collect();
        let read: Vec<_> =
            row["messages"].as_array().unwrap().iter().map(|turn| json!([turn["role"], turn["content"]])).collect();
        assert_eq!(read, said);
    }
    assert_eq!(with_id(rows, "instrument recognition")["images"], json!([[4, 3]]));
    assert_eq!(with_id(rows, "instrument segmentation")["output_images"], json!([[4, 3]]));
    assert_eq!(with_id(rows, "eight frames")["clips"], json!([vec![[4, 3]; 8]]));
    assert_eq!(with_id(rows, "action recognition")["videos"].as_array().unwrap().len(), 1);
    assert_eq!(with_id(rows, "preference pair")["rejected"][0]["content"], "A spoon.");
    assert_eq!(with_id(rows, "mark")["label"], false);
    assert_eq!(with_id(rows, "bare")["surgdb"], Value::Null);
}

/// Three records, two of them in parts of the split whose names are no words.
fn split(dir: &Path) -> Dataset {
    std::fs::write(dir.join("a.png"), grey_png(4, 3, 8, 9)).unwrap();
    let record = |id: &str, split: &str| {
        format!(
            r#"{{"id":"{id}"{split},"image":"a.png","conversations":[{{"from":"human","value":"<image> q"}},{{"from":"gpt","value":"a"}}]}}"#
        )
    };
    let lines =
        [record("a/../b.c", r#","split":"fold 1""#), record("A/../b.c", r#","split":"fold_1""#), record("..", "")];
    std::fs::write(dir.join("in.jsonl"), lines.join("\n")).unwrap();
    let dataset = Dataset::create(dir.join("split.surgdb")).unwrap();
    let source = ImportOptions::new(SourceDescription::named("samples"));
    import(&dataset, &[dir.join("in.jsonl")], &source, &mut |_| {}).unwrap();
    Dataset::open(dataset.path()).unwrap()
}

#[test]
fn parts_of_a_split_become_files_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = split(dir.path());
    let out = dir.path().join("hf");
    exported(&dataset, &out, &of(ExportFormat::Hf));
    if let Some(read) = read_by("hf", &out) {
        let parts: BTreeSet<_> = read.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(parts, ["fold_1", "fold_1_2", "unassigned"].into());
        assert_eq!(read["unassigned"][0]["id"], "..");
    }
    let out = dir.path().join("wds");
    exported(&dataset, &out, &of(ExportFormat::WebDataset));
    let names = ["fold_1-000000.tar", "fold_1_2-000000.tar", "unassigned-000000.tar"];
    assert!(names.iter().all(|name| out.join(name).is_file()));
}

/// The files of the archives of a folder, in their order.
fn unpacked(out: &Path, to: &Path) -> Vec<(String, Vec<String>)> {
    let mut archives: Vec<_> = std::fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path()).collect();
    archives.retain(|path| path.extension().is_some_and(|ending| ending == "tar"));
    archives.sort();
    let mut all = Vec::new();
    for path in archives {
        let mut archive = tar::Archive::new(std::fs::File::open(&path).unwrap());
        let mut names = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            names.push(entry.path().unwrap().to_str().unwrap().to_owned());
            assert!(entry.unpack_in(to).unwrap(), "{names:?}");
        }
        all.push((path.file_name().unwrap().to_str().unwrap().to_owned(), names));
    }
    all
}

#[test]
fn webdataset_archives_hold_samples_that_come_in_again_equal() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = sampled(dir.path());
    let (out, to) = (dir.path().join("out"), dir.path().join("to"));
    std::fs::create_dir(&to).unwrap();
    let shards = Shards { samples: 10, ..Shards::default() };
    let report = exported(&dataset, &out, &ExportOptions { shards, ..of(ExportFormat::WebDataset) });
    let archives = unpacked(&out, &to);
    let count = dataset.count(Table::Conversations).unwrap();
    assert_eq!(archives.len() as u64, count.div_ceil(10));
    assert_eq!(archives[1].0, "samples-000001.tar");
    let keys: Vec<_> =
        archives.iter().flat_map(|(_, names)| names).filter_map(|name| name.strip_suffix(".json")).collect();
    assert_eq!(keys, (0..count).map(|number| format!("{number:09}")).collect::<Vec<_>>());
    assert_eq!(archives[0].1[..2], ["000000000.json", "000000000.png"]);
    assert_eq!((report.rows["conversations"], report.missing), (count, 1));
    if let Some(read) = read_by("webdataset", &out) {
        let samples = read.as_array().unwrap();
        assert_eq!(samples.len() as u64, count);
        for (at, sample) in samples.iter().enumerate() {
            let conversation = dataset.conversation(at as u64).unwrap();
            assert_eq!(sample["record"]["id"], conversation.id().unwrap());
            let refs = conversation.media().unwrap().iter().flat_map(|medium| medium.refs().iter().collect::<Vec<_>>());
            let is_there = |at: &surgdb::Address| match dataset.table_of(*at).unwrap() {
                Table::Videos => true,
                _ => dataset.frame(*at).unwrap().blob().unwrap().is_some(),
            };
            let shown: BTreeSet<_> = refs.filter(is_there).collect();
            assert_eq!(sample["members"].as_object().unwrap().len(), shown.len(), "{sample}");
        }
        assert_eq!(samples[0]["members"], json!({"png": [4, 3]}));
        assert_eq!(samples[2]["members"], json!({"0.png": [4, 3], "1.png": [4, 3]}));
    }
    let again = Dataset::create(dir.path().join("again.surgdb")).unwrap();
    let source = ImportOptions::new(SourceDescription::named("samples"));
    let report = import(&again, &[to], &source, &mut |_| {}).unwrap();
    assert_eq!((report.records.added, report.media.missing), (count, 1));
    let again = Dataset::open(again.path()).unwrap();
    for at in 0..count {
        let was = dataset.conversation(at).unwrap().to_row().unwrap();
        let address = again.find(Table::Conversations, &was.id).unwrap().unwrap();
        let is = again.conversation_at(address).unwrap().to_row().unwrap();
        let told = |row: &ConversationRow| {
            (row.turns.clone(), row.grounding.clone(), row.alternatives.clone(), row.extra.clone())
        };
        assert_eq!(told(&was), told(&is));
        for (was, is) in was.media.iter().zip(&is.media) {
            assert_eq!((was.turn, was.at, was.output, was.start), (is.turn, is.at, is.output, is.start));
            let ids = |dataset: &Dataset, medium: &MediumRow| {
                let id = |at: &surgdb::Address| match dataset.table_of(*at).unwrap() {
                    Table::Videos => dataset.video(*at).unwrap().id().unwrap().to_owned(),
                    _ => dataset.frame(*at).unwrap().id().unwrap().to_owned(),
                };
                medium.refs.iter().map(id).collect::<Vec<_>>()
            };
            assert_eq!(ids(&dataset, was), ids(&again, is));
        }
    }
}

#[test]
fn an_archive_ends_before_it_is_too_large() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = sampled(dir.path());
    let (out, to) = (dir.path().join("out"), dir.path().join("to"));
    std::fs::create_dir(&to).unwrap();
    let shards = Shards { bytes: 16 << 10, ..Shards::default() };
    exported(&dataset, &out, &ExportOptions { shards, ..of(ExportFormat::WebDataset) });
    let archives = unpacked(&out, &to);
    assert!(archives.len() > 2);
    for (name, members) in &archives {
        let samples = members.iter().filter(|member| member.ends_with(".json")).count();
        let length = std::fs::metadata(out.join(name)).unwrap().len();
        assert!(samples == 1 || length <= (16 << 10) + 1024, "{name} has {length} bytes");
    }
}

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

#[test]
fn linked_files_get_second_names_where_that_is_asked_for() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("outside.png");
    std::fs::write(&file, grey_png(4, 3, 8, 1)).unwrap();
    let mut appender = Dataset::create(dir.path().join("d.surgdb")).unwrap().append().unwrap();
    let source = surgdb::dataset::BlobSource::Linked { media_type: "image/png", path: &file };
    let blob = appender.blob(source).unwrap();
    let frame = FrameRow {
        id: "f".into(),
        source: "s".into(),
        kind: "rgb".into(),
        path: Some("p/../../x.png".into()),
        blob: Some(blob.address),
        ..FrameRow::default()
    };
    let frame = appender.frame(&frame).unwrap();
    let said = |role: &str, text: &str| TurnRow { role: role.into(), text: text.into(), ..TurnRow::default() };
    let row = ConversationRow {
        id: "c".into(),
        source: "s".into(),
        task: "t".into(),
        turns: vec![said("user", "q"), said("assistant", "a")],
        media: vec![MediumRow { refs: vec![frame], ..MediumRow::default() }],
        ..ConversationRow::default()
    };
    appender.conversation(&row).unwrap();
    let dataset = appender.commit(surgdb::Operation::new("append")).unwrap();
    for (pictures, linked) in [(Pictures::Link, 1), (Pictures::Folder, 0)] {
        for format in [ExportFormat::LlamaFactory, ExportFormat::Llava] {
            let out = dir.path().join(format!("{pictures:?}{format:?}"));
            let report = exported(&dataset, &out, &ExportOptions { pictures, ..of(format) });
            let (is, was) = (out.join("p/x.png").metadata().unwrap(), file.metadata().unwrap());
            assert_eq!((report.linked, is.ino() == was.ino()), (linked, linked == 1));
        }
    }
    let records = records(&dir.path().join("LinkLlamaFactory/sft.jsonl"));
    assert_eq!(records[0]["conversations"][0]["value"], "<image>\nq", "a picture without a place stands in front");
    // A file that has changed since is not what the dataset means.
    std::fs::write(&file, grey_png(4, 3, 8, 2)).unwrap();
    for (format, left_out) in [
        (ExportFormat::Llava, 0),
        (ExportFormat::LlamaFactory, 1),
        (ExportFormat::Hf, 0),
        (ExportFormat::WebDataset, 0),
    ] {
        let out = dir.path().join(format!("changed {}", format.name()));
        let report = exported(&dataset, &out, &ExportOptions { pictures: Pictures::Link, ..of(format) });
        let facts = (report.broken, report.media, report.linked, report.left_out.values().sum::<u64>());
        assert_eq!(facts, (1, 0, 0, left_out), "{}", format.name());
        let options = ExportOptions { missing: OnMissing::Stop, ..of(format) };
        let error = export(&dataset, dir.path().join("no"), &options, &mut |_| Ok(())).unwrap_err();
        assert_eq!(error.kind(), surgdb::ErrorKind::NotFound, "{}", format.name());
    }
}

#[test]
fn nothing_is_exported_of_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let empty = Samples {
        blobs: Vec::new(),
        cases: Vec::new(),
        videos: Vec::new(),
        frames: Vec::new(),
        annotations: Vec::new(),
        conversations: Vec::new(),
    };
    let dataset = stored(&dir.path().join("empty.surgdb"), empty);
    for format in ExportFormat::ALL {
        let report = exported(&dataset, &dir.path().join(format.name()), &of(format));
        assert!(report.rows.values().all(|rows| *rows == 0), "{}", format.name());
    }
}
