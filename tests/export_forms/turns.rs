//! What turns say beyond their texts, as trainers get it.

use super::*;

/// A dataset of these records.
fn said(dir: &Path, records: &[Value]) -> Dataset {
    let lines: Vec<String> = records.iter().map(Value::to_string).collect();
    std::fs::write(dir.join("in.jsonl"), lines.join("\n")).unwrap();
    let dataset = Dataset::create(dir.join("d.surgdb")).unwrap();
    let options = ImportOptions::new(SourceDescription::named("s"));
    import(&dataset, &[dir.join("in.jsonl")], &options, &mut |_| {}).unwrap();
    Dataset::open(dataset.path()).unwrap()
}

const TRAINERS: [ExportFormat; 3] = [ExportFormat::LlamaFactory, ExportFormat::MsSwift, ExportFormat::QwenVl];

#[test]
fn what_turns_say_beyond_their_texts_is_written_where_a_trainer_reads_it_and_told_where_not() {
    let dir = tempfile::tempdir().unwrap();
    let asked = json!({"role": "user", "content": "Q", "loss": false});
    let unlearned = json!({"role": "assistant", "content": "x", "loss": false, "weight": 1, "channel": "c"});
    let records = [
        json!({"id": "plain", "messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "x"}]}),
        json!({"id": "loss", "messages": [{"role": "system", "content": "S"}, asked, unlearned]}),
        json!({"id": "thought", "messages": [asked, {"role": "assistant", "content": "x", "reasoning_content": "why"}]}),
    ];
    let dataset = said(dir.path(), &records);
    for format in TRAINERS {
        let out = dir.path().join(format.name());
        let report = exported(&dataset, &out, &of(format));
        let told: Vec<_> = report.lost.iter().map(|(what, count)| (&**what, *count)).collect();
        let sft = records_of(&out);
        let answer = |id: &str| with_id(&sft, id)[turns_of(format)].as_array().unwrap().last().unwrap().clone();
        let (further, loss) = (("further fields of turns", 2), ("`loss: false` of answers: they are trained on", 1));
        let inside = ("reasoning as a field of its own: it stands in the answer, as <think>…</think>", 1);
        match format {
            ExportFormat::LlamaFactory => {
                assert_eq!(told, [loss, further, inside]);
                assert_eq!(answer("thought"), json!({"from": "gpt", "value": "<think>\nwhy\n</think>\n\nx"}));
                assert_eq!(answer("loss"), json!({"from": "gpt", "value": "x"}));
            }
            ExportFormat::MsSwift => {
                assert_eq!(told, [further, inside]);
                let said = json!({"role": "assistant", "content": "<think>\nwhy\n</think>\n\nx"});
                assert_eq!(answer("thought"), said);
                assert_eq!(answer("loss"), json!({"role": "assistant", "content": "x", "loss": false}));
            }
            _ => {
                let apart = ("reasoning that stands in a field of its own beside an answer", 1);
                assert_eq!(told, [loss, further, apart, ("system prompts", 1)]);
            }
        }
    }
}

fn records_of(out: &Path) -> Vec<Value> {
    records(&out.join("sft.jsonl"))
}

fn turns_of(format: ExportFormat) -> &'static str {
    if format == ExportFormat::MsSwift { "messages" } else { "conversations" }
}

#[test]
fn records_that_ask_about_what_a_form_cannot_hold_are_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let audio = json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}});
    let asked = |parts: Value| json!([{"role": "user", "content": parts}, {"role": "assistant", "content": "x"}]);
    let text = |further: Option<i32>| match further {
        Some(further) => json!({"type": "text", "text": "Q", "cache": further}),
        None => json!({"type": "text", "text": "Q"}),
    };
    let dataset = said(
        dir.path(),
        &[
            json!({"id": "heard", "messages": asked(json!([audio, text(None)]))}),
            json!({"id": "read", "messages": asked(json!([text(Some(1)), text(None)]))}),
        ],
    );
    for format in TRAINERS {
        let report = exported(&dataset, &dir.path().join(format.name()), &of(format));
        let [left_out] = &report.left_out_records[..] else { panic!("{:?}", report.left_out_records) };
        assert!(left_out.id == "heard" && left_out.reason.contains("audio"), "{left_out:?}");
        assert_eq!(report.files["sft.jsonl"], 1);
    }
}

#[test]
fn calls_of_tools_have_their_arguments_as_each_trainer_reads_them() {
    let dir = tempfile::tempdir().unwrap();
    let call =
        |arguments: &str| json!({"id": "1", "type": "function", "function": {"name": "w", "arguments": arguments}});
    let record = |id: &str, calls: Value| {
        let answer = json!({"role": "assistant", "content": null, "tool_calls": calls});
        let rest = [json!({"role": "tool", "content": "sunny"}), json!({"role": "assistant", "content": "Sunny."})];
        json!({"id": id, "messages": [{"role": "user", "content": "weather?"}, answer, rest[0], rest[1]]})
    };
    let several = json!([call(r#"{"a": [1, "b"]}"#), call("no JSON")]);
    let dataset = said(dir.path(), &[record("one", json!([call(r#"{"a":1}"#)])), record("several", several)]);
    for (format, role, one, several) in [
        (
            ExportFormat::LlamaFactory,
            ("from", "function_call", "value"),
            json!({"name": "w", "arguments": {"a": 1}}),
            json!([{"name": "w", "arguments": {"a": [1, "b"]}}, {"name": "w", "arguments": "no JSON"}]),
        ),
        (
            ExportFormat::MsSwift,
            ("role", "tool_call", "content"),
            json!({"name": "w", "arguments": r#"{"a":1}"#}),
            json!([{"name": "w", "arguments": r#"{"a": [1, "b"]}"#}, {"name": "w", "arguments": "no JSON"}]),
        ),
    ] {
        let out = dir.path().join(format.name());
        exported(&dataset, &out, &of(format));
        for (id, expected) in [("one", one), ("several", several)] {
            let sft = records_of(&out);
            let turn = &with_id(&sft, id)[turns_of(format)][1];
            let said: Value = serde_json::from_str(turn[role.2].as_str().unwrap()).unwrap();
            assert_eq!((&turn[role.0], said), (&role.1.into(), expected), "{id}");
        }
    }
}

#[test]
fn a_record_whose_answer_says_nothing_or_is_still_to_come_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let said_by = |role: &str, text: &str| json!({"role": role, "content": text});
    let written = [
        json!({"id": "mask", "messages": [said_by("user", "Q"), said_by("assistant", "<image>\n")]}),
        json!({"id": "blank", "messages": [said_by("user", "Q"), said_by("assistant", " ")]}),
        json!({"id": "pair", "messages": [said_by("user", "Q"), said_by("assistant", "x")], "rejected_response": "<image>"}),
        json!({"id": "question", "messages": [said_by("assistant", "x"), said_by("user", "Q")]}),
        json!({"id": "asked", "messages": [said_by("user", "Q")]}),
        json!({"id": "rewarded", "messages": [said_by("user", "Q"), said_by("assistant", "x"), said_by("user", "R")], "solution": "y"}),
        json!({"id": "good", "messages": [said_by("user", "Q"), said_by("assistant", "x")]}),
    ];
    let dataset = said(dir.path(), &written);
    for format in TRAINERS {
        let out = dir.path().join(format.name());
        let report = exported(&dataset, &out, &of(format));
        let left_out = |id: &str| {
            let record = report.left_out_records.iter().find(|record| record.id == id);
            record.map(|record| &*record.reason)
        };
        for id in ["mask", "blank", "pair"] {
            assert_eq!(left_out(id), Some("they have no answer"), "{id}, {}", format.name());
        }
        let ids = |file: &str| records(&out.join(file)).iter().map(|record| record["id"].clone()).collect::<Vec<_>>();
        assert_eq!(ids("sft.jsonl"), ["good"]);
        if format == ExportFormat::MsSwift {
            assert_eq!(left_out("question"), Some("they end without an answer"));
            assert_eq!(ids("grpo.jsonl"), ["asked", "rewarded"]);
        }
    }
}

#[test]
fn pictures_between_content_parts_have_placeholders_in_texts_and_come_in_again_without() {
    let dir = tempfile::tempdir().unwrap();
    let text = |text: &str| json!({"type": "text", "text": text});
    let image = |path: &str| json!({"type": "image", "image": path});
    let asked = |parts: Value| json!([{"role": "user", "content": parts}, {"role": "assistant", "content": "x"}]);
    let dataset = said(
        dir.path(),
        &[
            json!({"id": "two", "messages": asked(json!([text("before "), image("a.png"), image("b.png"), text("after")]))}),
            json!({"id": "last", "messages": asked(json!([text("é"), image("a.png")]))}),
            // Which picture would be shown for the word that stands for none?
            json!({"id": "word", "messages": asked(json!([text("what is <image>?"), image("a.png")]))}),
            json!({"id": "words", "messages": asked(json!([text("<image> or <image>?"), image("a.png")]))}),
            // What has no place in the text belongs to the turn as a whole.
            json!({"id": "beside", "messages": asked(json!("Q")), "images": ["a.png", "b.png"], "video": "v.mp4"}),
            json!({"id": "fewer", "messages": asked(json!("<image> one")), "images": ["a.png", "b.png"]}),
            json!({"id": "alone", "messages": asked(json!([image("a.png")]))}),
            json!({"id": "shown", "messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"},
                {"role": "user", "content": [image("b.png")]}]}),
        ],
    );
    for (format, turns, key) in
        [(ExportFormat::Llava, "conversations", "value"), (ExportFormat::Messages, "messages", "content")]
    {
        let out = dir.path().join(format.name());
        let told = exported(&dataset, &out, &of(format));
        assert_eq!((told.unmatched, &told.unmatched_ids[..]), (1, &["words".to_owned()][..]));
        let written = records(&out.join("conversations.jsonl"));
        assert_eq!(with_id(&written, "fewer")[turns][0][key], "<image><image> one");
        assert_eq!(with_id(&written, "fewer")["images"], json!(["a.png", "b.png"]));
        let asked = |id: &str| with_id(&written, id)[turns][0][key].clone();
        assert_eq!((asked("two"), asked("last")), (json!("before <image><image>after"), json!("é<image>")));
        assert_eq!(asked("word"), "what is <image>?");
        assert_eq!((asked("beside"), asked("alone")), (json!("<image>\n<image>\n<video>\nQ"), json!("<image>")));
        assert_eq!(with_id(&written, "shown")[turns][2][key], "<image>");
        let again = Dataset::create(dir.path().join(format!("{}.surgdb", format.name()))).unwrap();
        let options = ImportOptions::new(SourceDescription::named("s"));
        let report = import(&again, &[out.join("conversations.jsonl")], &options, &mut |_| {}).unwrap();
        let again = Dataset::open(again.path()).unwrap();
        for number in 0..dataset.count(Table::Conversations).unwrap() {
            let row = |dataset: &Dataset| dataset.conversation(number).unwrap().to_row().unwrap();
            let (row, before) = (row(&again), row(&dataset));
            assert_eq!((&row.turns, row.media.len()), (&before.turns, before.media.len()), "{report:?}");
            let places =
                |row: &ConversationRow| row.media.iter().map(|medium| (medium.turn, medium.at)).collect::<Vec<_>>();
            assert_eq!(places(&row), places(&before));
        }
    }
}
