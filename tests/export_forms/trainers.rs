//! JSONL and Parquet as trainers read them.

use super::*;

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
fn a_placeholder_of_sound_is_left_out_where_a_trainer_counts_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut appender = Dataset::create(dir.path().join("d.surgdb")).unwrap().append().unwrap();
    let said = |role: &str, text: &str| TurnRow { role: role.into(), text: text.into(), ..TurnRow::default() };
    let turns = vec![said("user", "What is <audio>?"), said("assistant", "A word.")];
    let row = ConversationRow { id: "c".into(), source: "s".into(), turns, ..ConversationRow::default() };
    appender.conversation(&ConversationRow { task: "t".into(), ..row }).unwrap();
    let dataset = appender.commit(surgdb::Operation::new("append")).unwrap();
    for (format, turns, text, expected) in [
        (ExportFormat::LlamaFactory, "conversations", "value", "What is ?"),
        (ExportFormat::MsSwift, "messages", "content", "What is ?"),
        (ExportFormat::QwenVl, "conversations", "value", "What is <audio>?"),
    ] {
        let out = dir.path().join(format.name());
        exported(&dataset, &out, &of(format));
        assert_eq!(records(&out.join("sft.jsonl"))[0][turns][0][text], expected, "{format:?}");
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
    assert_eq!(report.left_out["their answers show pictures or videos"], 6);
    assert_eq!(report.left_out["the dataset does not have the bytes of their pictures or videos"], 1);
    assert_eq!(report.left_out["they have no answer"], 1);
    assert_eq!(report.left_out["they say nothing"], 1);
    let named = |why: &str| {
        let records = report.left_out_records.iter().filter(|record| record.reason == why);
        records.map(|record| (record.source.as_str(), record.id.as_str())).collect::<Vec<_>>()
    };
    assert_eq!(named("they say nothing"), [("samples", "bare")]);
    assert_eq!(named("they have no answer"), [("samples", "reward")]);
    assert_eq!(report.left_out_records.len() as u64, report.left_out.values().sum::<u64>());
    let lost = "placeholders that no picture, video or sound stands at: they are left out of the text";
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
    assert_eq!(call[2], json!({"from": "function_call", "value": r#"{"name":"measure","arguments":{}}"#}));
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
    // What the two show differs, so that each has its list.
    let drawn = &records(&out.join("dpo.jsonl"))[1];
    assert_eq!(drawn["messages"][1]["content"], "Here: <image>");
    assert_eq!(drawn["rejected_messages"][0], drawn["messages"][0]);
    let rejected = drawn["rejected_messages"][1]["content"].as_str().unwrap();
    assert!(rejected.starts_with("<image>\nHere [0.25"), "{rejected}");
    let [images, others] = ["images", "rejected_images"].map(|name| drawn[name].as_array().unwrap());
    assert_eq!((images.len(), others.len(), images[0] == others[0], images[1] == others[1]), (2, 2, true, false));
    assert!(drawn.get("rejected_response").is_none());
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
    assert_eq!(boxed["image"], json!(["images/VID07/000000.png"]));
    assert_eq!(boxed["conversations"][1]["value"], "It is at [250, 0, 500, 1000].");
    assert_eq!(with_id(&sft, "action recognition")["video"], json!(["videos/VID07.mp4"]));
    for field in ["image", "video"] {
        assert!(sft.iter().all(|record| record[field].is_null() || record[field].is_array()), "{field}: one type");
    }
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
fn boxes_that_are_text_alone_are_told_where_another_measure_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.png"), grey_png(40, 30, 8, 1)).unwrap();
    let answer = |id: &str, answer: &str| json!({"id": id, "image": "a.png", "conversations": [{"from": "human", "value": "<image>where?"}, {"from": "gpt", "value": answer}]});
    let list = json!([
        answer("a", "[1, 2, 11, 22] and, beyond its corner, [11, 22, 1, 2]"),
        answer("b", "[11, 22, 1, 2]"),
        answer("c", "nowhere (1, 2)"),
    ]);
    std::fs::write(dir.path().join("r.json"), list.to_string()).unwrap();
    let dataset = Dataset::create(dir.path().join("d.surgdb")).unwrap();
    let source = SourceDescription::from_toml("id = \"s\"\nboxes = \"pixels\"").unwrap();
    import(&dataset, &[dir.path().join("r.json")], &ImportOptions::new(source), &mut |_| {}).unwrap();
    let dataset = Dataset::open(dataset.path()).unwrap();
    let options = ExportOptions { boxes: Some(Scale::Thousand), ..of(ExportFormat::Llava) };
    let report = exported(&dataset, &dir.path().join("out"), &options);
    let told = report.lost.get("another convention of boxes that are no more than text: they are as they were");
    assert_eq!((report.boxes, told.copied()), (1, Some(2)), "{:?}", report.lost);
}

#[test]
fn pairs_of_several_turns_are_told_as_such_and_taken_for_no_reward() {
    let dir = tempfile::tempdir().unwrap();
    let call = r#"{"role":"assistant","tool_calls":[{"function":{"name":"look","arguments":{}}}]}"#;
    let answer = |text: &str| format!(r#"{{"role":"assistant","content":"{text}"}}"#);
    let chosen = format!(r#"[{call},{{"role":"tool","content":"a hook"}},{}]"#, answer("a hook"));
    let pair = |id: &str, chosen: &str| {
        let asked = r#"[{"role":"user","content":"which?"}]"#;
        format!(r#"{{"id":"{id}","prompt":{asked},"chosen":{chosen},"rejected":[{}]}}"#, answer("none"))
    };
    let records = [pair("several", &chosen), pair("one", &format!("[{}]", answer("a hook")))];
    std::fs::write(dir.path().join("in.jsonl"), records.join("\n")).unwrap();
    let dataset = Dataset::create(dir.path().join("d.surgdb")).unwrap();
    let options = ImportOptions::new(SourceDescription::named("s"));
    import(&dataset, &[dir.path().join("in.jsonl")], &options, &mut |_| {}).unwrap();
    let dataset = Dataset::open(dataset.path()).unwrap();
    for format in [ExportFormat::LlamaFactory, ExportFormat::MsSwift] {
        let report = exported(&dataset, &dir.path().join(format.name()), &of(format));
        assert_eq!(report.files.iter().collect::<Vec<_>>(), [(&"dpo.jsonl".to_owned(), &1)], "{}", format.name());
        let [left_out] = &report.left_out_records[..] else { panic!("{:?}", report.left_out_records) };
        assert_eq!((&*left_out.id, &*left_out.reason), ("several", "their answers are no pair of one turn each"));
    }
}

/// A picture of 64 × 48, and pairs whose answers are boxes in pixels of it.
fn pairs_with_boxes(dir: &Path) -> Dataset {
    std::fs::write(dir.join("a.png"), grey_png(64, 48, 8, 1)).unwrap();
    let pair = |id: &str, chosen: &str, rejected: &str| {
        let said = |role: &str, text: &str| json!({"role": role, "content": text});
        let messages = json!([said("user", "<image>where?"), said("assistant", chosen)]);
        json!({"id": id, "messages": messages, "rejected_response": rejected, "images": ["a.png"]}).to_string()
    };
    let records = [
        pair("both", "at [16, 12, 32, 24]", "é at [0, 0, 64, 48], or"),
        pair("beyond", "at [16, 12, 32, 24]", "at [0, 0, 640, 480]"),
    ];
    std::fs::write(dir.join("in.jsonl"), records.join("\n")).unwrap();
    let dataset = Dataset::create(dir.join("d.surgdb")).unwrap();
    let source = SourceDescription { boxes: Some(BoxConvention::Pixels), ..SourceDescription::named("s") };
    import(&dataset, &[dir.join("in.jsonl")], &ImportOptions::new(source), &mut |_| {}).unwrap();
    Dataset::open(dataset.path()).unwrap()
}

#[test]
fn both_answers_of_a_pair_have_their_boxes_in_one_measure_or_the_record_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = pairs_with_boxes(dir.path());
    let (chosen, rejected) = ("at [250, 250, 500, 500]", "é at [0, 0, 1000, 1000], or");
    for format in [ExportFormat::LlamaFactory, ExportFormat::Llava, ExportFormat::Hf, ExportFormat::WebDataset] {
        let options = ExportOptions { boxes: Some(Scale::Thousand), ..of(format) };
        let out = dir.path().join(format.name());
        let report = exported(&dataset, &out, &options);
        let [left_out] = &report.left_out_records[..] else { panic!("{:?}", report.left_out_records) };
        let reason = "the boxes of their answers cannot all be written in the measure that is asked for";
        assert_eq!((&*left_out.id, &*left_out.reason, report.boxes), ("beyond", reason, 2), "{}", format.name());
        match format {
            ExportFormat::LlamaFactory => {
                let pair = &records(&out.join("dpo.jsonl"))[0];
                assert_eq!((&pair["chosen"]["value"], &pair["rejected"]["value"]), (&json!(chosen), &json!(rejected)));
            }
            ExportFormat::Llava => {
                let again = Dataset::create(dir.path().join("again.surgdb")).unwrap();
                import(&again, &[out], &ImportOptions::new(SourceDescription::named("s")), &mut |_| {}).unwrap();
                let row = Dataset::open(again.path()).unwrap().conversation(0).unwrap().to_row().unwrap();
                let (text, place) = (&row.alternatives[0].turns[0].text, &row.alternatives[0].grounding[0]);
                assert_eq!(text, rejected);
                assert_eq!(&text[place.byte_start as usize..place.byte_end as usize], "[0, 0, 1000, 1000]");
                assert_eq!(place.values, [0.0, 0.0, 1.0, 1.0]);
            }
            _ => {}
        }
    }
    // A trainer that is told boxes apart takes those of pairs as text, in one measure too.
    let options = ExportOptions { boxes: Some(Scale::Unit), ..of(ExportFormat::MsSwift) };
    let report = exported(&dataset, &dir.path().join("swift"), &options);
    let pair = &records(&dir.path().join("swift/dpo.jsonl"))[0];
    assert_eq!(pair["messages"][1]["content"], "at [0.25, 0.25, 0.5, 0.5]");
    assert_eq!((&pair["rejected_response"], &pair["objects"]), (&json!("é at [0, 0, 1, 1], or"), &json!(null)));
    assert_eq!(report.left_out.values().sum::<u64>(), 1);
    // As they were, they are in one measure anyhow.
    let report = exported(&dataset, &dir.path().join("kept"), &of(ExportFormat::MsSwift));
    assert_eq!(report.files["dpo.jsonl"], 2);
    assert_eq!(records(&dir.path().join("kept/dpo.jsonl"))[0]["messages"][1]["content"], "at [16, 12, 32, 24]");
}

#[test]
fn a_pair_of_placeholders_for_boxes_that_are_not_known_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.png"), grey_png(64, 48, 8, 1)).unwrap();
    let messages = json!([{"role": "user", "content": "<image>where?"}, {"role": "assistant", "content": "<bbox>"}]);
    let objects = json!({"bbox": [[16, 12, 32, 24], [0, 0, 64, 48]]});
    let record = json!({"id": "a", "messages": messages, "rejected_response": "<bbox>", "images": ["a.png"],
        "objects": objects});
    std::fs::write(dir.path().join("in.jsonl"), record.to_string()).unwrap();
    let dataset = Dataset::create(dir.path().join("d.surgdb")).unwrap();
    let options = ImportOptions::new(SourceDescription::named("s"));
    import(&dataset, &[dir.path().join("in.jsonl")], &options, &mut |_| {}).unwrap();
    let dataset = Dataset::open(dataset.path()).unwrap();
    for format in [ExportFormat::LlamaFactory, ExportFormat::MsSwift] {
        let report = exported(&dataset, &dir.path().join(format.name()), &of(format));
        assert!(report.files.is_empty(), "{}: one answer as the other", format.name());
        assert!(report.left_out_records[0].reason.contains("<bbox>"), "{:?}", report.left_out_records);
    }
}
