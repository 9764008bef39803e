//! SurgΣ-DB's own records.

use super::*;
use crate::dataset::{Filter, SOURCE_DATASET};
use crate::schema::rows::{ConversationRow, FrameRow};
use serde_json::json;

impl Place {
    fn row(&self, id: &str) -> ConversationRow {
        self.dataset().conversation_at(self.found(Table::Conversations, id)).unwrap().to_row().unwrap()
    }

    fn frame_row(&self, address: crate::format::address::Address) -> FrameRow {
        self.dataset().frame(address).unwrap().to_row().unwrap()
    }
}

fn said(row: &ConversationRow) -> Vec<(&str, &str)> {
    row.turns.iter().map(|turn| (turn.role.as_str(), turn.text.as_str())).collect()
}

#[test]
fn keys_with_blanks_find_their_columns_and_unknown_ones_are_kept() {
    let place = Place::new();
    let record = json!({"id": "s1", "source dataset": "CholecT50", "source url": "https://x.org",
        "clinical specialty": "general surgery", "surgical type": "cholecystectomy", "video path": "raw/vid92.mp4",
        "task": "Surgical Video Captioning", "question": "Describe.\n", "answer": "A clip.", "quality score": 0.5});
    let file = place.write("x.json", json!([record]).to_string());
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.added, report.media.named, report.media.missing), (1, 1, 1));
    assert_eq!((report.inputs[0].format, report.missing[0].path.as_str()), (Some("surgsigma"), "raw/vid92.mp4"));
    assert_eq!(count(&report, Kind::MediaWithoutPlaceholder), 0, "these questions never have placeholders");
    let row = place.row("s1");
    assert_eq!(said(&row), [("user", "Describe.\n"), ("assistant", "A clip.")]);
    let labels = [&row.specialty, &row.procedure].map(|label| label.as_deref().unwrap());
    assert_eq!((row.task.as_str(), labels), ("video captioning", ["general surgery", "cholecystectomy"]));
    let extra: serde_json::Value = serde_json::from_str(row.extra.as_deref().unwrap()).unwrap();
    let expected = json!({"source dataset": "CholecT50", "source url": "https://x.org", "quality score": 0.5,
        "~task": "Surgical Video Captioning"});
    assert_eq!(extra, expected);
    let video = place.dataset().video(row.media[0].refs[0]).unwrap().to_row().unwrap();
    assert_eq!((video.path.as_deref(), video.blob), (Some("raw/vid92.mp4"), None));
    let picked = |name: &str| {
        let filter = Filter::parse(&format!("{SOURCE_DATASET} = '{name}'")).unwrap();
        place.dataset().select(Table::Conversations, &filter).unwrap().len()
    };
    assert_eq!((picked("CholecT50"), picked("x")), (1, 0));
    assert_eq!(place.import(&[&file]).unwrap().version, None);
}

#[test]
fn answers_that_are_pictures_or_clips_are_media_without_files() {
    let place = Place::new();
    let line = |task: &str, output: serde_json::Value| {
        json!({"task": task, "input": ["image"], "output": output, "question": "q", "answer": null}).to_string()
    };
    let lines = [
        line("Desmoking", json!(["image"])),
        line("Instrument Segmentation", json!(["mask"])),
        line("Depth Estimation", json!(["depth_map"])),
        line("Next Frame Generation", json!(null)),
        line("Conditional Surgical Video Generation", json!(["text", "video"])),
        line("Juggling", json!(["mask", "hologram"])),
    ];
    let file = place.write("x.jsonl", lines.join("\n"));
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.added, report.media.named, report.media.missing), (6, 12, 12));
    assert_eq!(report.rows, [("conversations", 6), ("frames", 11), ("videos", 1)].into());
    assert_eq!(count(&report, Kind::Doubtful), 1, "{:?}", report.findings);
    let mut kinds = Vec::new();
    for number in 1..=6 {
        let row = place.row(&format!("x.jsonl#{number}"));
        assert_eq!(said(&row), [("user", "q"), ("assistant", "")]);
        let media: Vec<_> = row.media.iter().map(|medium| (medium.turn, medium.output)).collect();
        assert_eq!(media, [(0, false), (1, true)]);
        if number != 5 {
            let frame = place.frame_row(row.media[1].refs[0]);
            assert_eq!((frame.path, frame.blob), (None, None));
            kinds.push(frame.kind);
        }
    }
    assert_eq!(kinds, ["desmoked", "mask", "depth", "rgb", "mask"]);
    place.found(Table::Videos, "x.jsonl#5/output/2");
    place.found(Table::Frames, "x.jsonl#4/output");
    assert_eq!(place.import(&[&file]).unwrap().version, None, "what is absent is the same absent thing again");
    let error = {
        let mut stopping = Place::new();
        stopping.options.missing = OnMissing::Stop;
        stopping.import(&[&file]).unwrap_err().to_string()
    };
    assert!(error.contains("x.jsonl#1/input\" is missing: its record names no file"), "{error}");
}

#[test]
fn an_answer_that_is_a_files_name_is_that_file() {
    let place = Place::new();
    let line = |id: u32, task: &str, answer: &str| {
        json!({"id": id, "task": task, "image path": "a.png", "question": "q", "answer": answer}).to_string()
    };
    let lines = [
        line(1, "instrument segmentation", "seg\\VID01_1.PNG"),
        line(2, "image captioning", "It is a.png"),
        line(3, "instrument segmentation", "no mask at all"),
    ];
    let file = place.write("x.jsonl", lines.join("\n"));
    place.write("seg/vid01_1.png", png(4));
    place.write("a.png", png(5));
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.added, report.media.embedded, report.media.missing), (3, 2, 0));
    let row = place.row("1");
    assert_eq!(said(&row), [("user", "q"), ("assistant", "")]);
    assert_eq!(row.extra.as_deref(), Some(r#"{"answer":"seg\\VID01_1.PNG"}"#));
    let mask = place.frame_row(row.media[1].refs[0]);
    assert_eq!((mask.kind.as_str(), mask.width, row.media[1].output), ("mask", Some(4), true));
    assert_eq!(said(&place.row("2"))[1].1, "It is a.png");
    assert_eq!((place.row("3").media.len(), said(&place.row("3"))[1].1), (1, "no mask at all"));
}

#[test]
fn a_record_that_asks_nothing_is_about_its_video() {
    let mut place = Place::new();
    let record = json!({"id": "v", "source dataset": "d", "surgical type": "p", "video path": "v.mp4"}).to_string();
    let other = json!({"id": "w", "source dataset": "e", "video path": "v.mp4"}).to_string();
    let file = place.write("x.jsonl", format!("{record}\n{other}\n"));
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.added, report.records.unchanged, report.media.missing), (1, 1, 1));
    assert_eq!((count(&report, Kind::ChangedRow), report.rows), (1, [("videos", 1)].into()));
    let video = place.dataset().video(place.found(Table::Videos, "v.mp4")).unwrap().to_row().unwrap();
    assert_eq!(video.extra.as_deref(), Some(r#"{"id":"v","source dataset":"d","surgical type":"p"}"#));
    let again = place.import(&[&file]).unwrap();
    assert_eq!((again.records.unchanged, again.records.changed_kept, again.version), (1, 1, None));

    let several = json!({"source dataset": "d", "video path": "v.mp4", "image path": "i.png"}).to_string();
    let bad = place.write("y.jsonl", several);
    assert!(place.import(&[&bad]).unwrap_err().to_string().contains("it names 2 of them"));
    place.options.format = Some(Format::SurgSigma);
    let wrong = place.write("z.jsonl", json!({"question": 5, "task": "desmoking"}).to_string());
    let error = place.import(&[&wrong]).unwrap_err().to_string();
    assert!(error.contains("z.jsonl, record 1, line 1: the field `question` should be text and is 5"), "{error}");
}

#[test]
fn records_with_turns_name_their_media_so_too() {
    let place = Place::new();
    let turns = json!([{"from": "human", "value": "<video>\nq"}, {"from": "gpt", "value": "a"}]);
    let with = json!({"id": 1, "video path": "v.mp4", "clinical specialty": "s", "conversations": turns});
    let without = json!({"id": 2, "source dataset": "d", "input": ["video"], "conversations": turns});
    let file = place.write("x.json", json!([with, without]).to_string());
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.added, report.media.named), (2, 1));
    assert_eq!((place.row("1").media[0].at, place.row("1").specialty.as_deref()), (Some(0), Some("s")));
    assert_eq!(place.row("2").media.len(), 0);
}

#[test]
fn the_published_examples_go_in_whole() {
    let data = [Path::new("../shared/data"), Path::new("../../shared/data")].into_iter().find(|data| data.is_dir());
    let Some(folder) = data.map(|data| data.join("surgsigma_examples")) else {
        println!("skipped: ../shared/data is not here");
        return;
    };
    let place = Place::new();
    let report = place.import(&[&folder]).unwrap();
    assert_eq!((report.records.read, report.records.added), (18, 18));
    assert_eq!((report.media.named, report.media.missing), (23, 23));
    let dataset = place.dataset();
    let mut tasks: Vec<String> = (0..18).map(|n| dataset.conversation(n).unwrap().task().unwrap().to_owned()).collect();
    tasks.sort();
    let mut known: Vec<_> = crate::vocab::tasks().iter().map(|task| task.name.to_owned()).collect();
    known.sort();
    assert_eq!(tasks, known);
    let row = |n| dataset.conversation(n).unwrap().to_row().unwrap();
    let answers = (0..18).filter(|n| row(*n).media.iter().any(|medium| medium.output)).count();
    assert_eq!(answers, 5);
    let found = dataset.verify(&mut |_, _| {}).unwrap();
    assert!(found.is_sound() && found.notes.is_empty(), "{found:?}");
}

#[test]
fn answers_that_are_numbers_or_lists_are_taken_as_text() {
    let place = Place::new();
    let record = |id: &str, answer: serde_json::Value| json!({"id": id, "source dataset": "X", "task": "Phase Recognition", "question": "q", "answer": answer});
    let records = json!([record("a", json!(7)), record("b", json!(true)), record("c", json!(["x", "y"]))]);
    let file = place.write("x.json", records.to_string());
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.added, count(&report, Kind::WrongType)), (3, 3));
    for (id, text, written) in [("a", "7", "7"), ("b", "true", "true"), ("c", "x\ny", r#"["x","y"]"#)] {
        let row = place.row(id);
        assert_eq!(said(&row)[1], ("assistant", text));
        assert!(row.extra.unwrap().contains(&format!(r#""~answer":{written}"#)));
    }
    let object = place.write("y.json", json!([record("d", json!({"text": "t"}))]).to_string());
    assert_eq!(count(&place.import(&[&object]).unwrap(), Kind::WrongType), 1);
    assert_eq!(said(&place.row("d"))[1], ("assistant", r#"{"text":"t"}"#));
    let mut silent = record("e", json!(null));
    silent["answers"] = json!(["x", "y"]);
    let file = place.write("z.json", json!([silent]).to_string());
    let told = place.import(&[&file]).unwrap();
    let told = &told.findings[&Kind::Doubtful].examples[0].detail;
    assert!(told.contains("no `answer`") && told.contains("its `answers` are kept"), "{told}");
}

#[test]
fn a_mask_that_is_named_is_the_answer_and_a_video_beside_a_picture_its_recording() {
    let place = Place::new();
    let record = json!({"id": "a", "source dataset": "X", "task": "Instrument Segmentation", "question": "segment",
        "answer": null, "output": ["mask"], "input": ["image"], "image path": "f/1.png", "mask path": "seg/1.png",
        "video path": "videos/vid92.mp4"});
    let mut both = record.clone();
    both["id"] = json!("b");
    both["input"] = json!(["image", "video"]);
    let file = place.write("x.json", json!([record, both]).to_string());
    place.write("seg/1.png", png(5));
    place.import(&[&file]).unwrap();
    let row = place.row("a");
    assert_eq!(row.media.iter().map(|medium| medium.output).collect::<Vec<_>>(), [false, true]);
    let (shown, mask) = (place.frame_row(row.media[0].refs[0]), place.frame_row(row.media[1].refs[0]));
    assert_eq!((mask.kind.as_str(), mask.path.as_deref(), mask.width), ("mask", Some("seg/1.png"), Some(5)));
    let video = place.dataset().video(shown.video.unwrap()).unwrap().to_row().unwrap();
    assert_eq!(video.path.as_deref(), Some("videos/vid92.mp4"));
    assert_eq!(place.row("b").media.len(), 3, "its `input` lists the video");
}
