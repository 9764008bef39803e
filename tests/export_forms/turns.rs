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
