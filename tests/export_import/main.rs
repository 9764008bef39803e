//! What is exported and imported again is equal, save what the report of the export says is lost.

#[path = "../common/mod.rs"]
mod common;

mod rows;
mod sources;

use common::samples::samples;
use common::stored::stored;
use proptest::prelude::*;
use rows::{Rows, Symbols};
use std::path::Path;
use surgdb::export::{ExportFormat, ExportOptions, ExportReport, MessageStyle, export};
use surgdb::import::{ImportOptions, ImportReport, Kind, OnError, SourceDescription, import};
use surgdb::rows::*;
use surgdb::{Dataset, Table};

/// Exports and imports, and compares.
fn round_trip(dataset: &Dataset, dir: &Path, options: &ExportOptions<'_>) -> (ExportReport, ImportReport) {
    let out = dir.join("out");
    let exported = export(dataset, &out, options, &mut |_| Ok(())).unwrap();
    let again = Dataset::create(dir.join("again.surgdb")).unwrap();
    let source = ImportOptions::new(SourceDescription::named("samples"));
    let input = if options.format == ExportFormat::Hf { out.clone() } else { out.join("conversations.jsonl") };
    let imported = import(&again, &[input], &source, &mut |_| {});
    let imported = imported.unwrap_or_else(|error| panic!("{error}\n{}", written(&out)));
    let again = Dataset::open(again.path()).unwrap();
    let mut symbols = Symbols::default();
    let (before, after) = (Rows::of(dataset, &mut symbols), Rows::of(&again, &mut symbols));
    assert_eq!(imported.records.added, exported.rows["conversations"]);
    for (id, row) in &before.conversations {
        assert_eq!(after.conversations.get(id), Some(row), "{}", written(&out));
    }
    for (id, row) in &after.frames {
        assert_eq!(before.frames.get(id), Some(row), "{}", written(&out));
    }
    for (id, row) in &after.videos {
        assert_eq!(before.videos.get(id), Some(row), "{}", written(&out));
    }
    assert!(after.cases.iter().all(|(id, row)| before.cases.get(id) == Some(row)));
    (exported, imported)
}

fn written(out: &Path) -> String {
    std::fs::read_to_string(out.join("conversations.jsonl")).unwrap_or_default()
}

fn forms() -> Vec<ExportOptions<'static>> {
    let llava = ExportOptions::default();
    let styles = [MessageStyle::Placeholders, MessageStyle::Qwen, MessageStyle::OpenAi];
    let messages = styles.map(|style| ExportOptions { format: ExportFormat::Messages, style, ..Default::default() });
    [llava].into_iter().chain(messages).collect()
}

/// The same, and the columns of Hugging Face.
fn all_forms() -> Vec<ExportOptions<'static>> {
    let hf = ExportOptions { format: ExportFormat::Hf, ..Default::default() };
    forms().into_iter().chain([hf]).collect()
}

#[test]
fn every_sample_comes_back_equal_from_every_form() {
    for options in all_forms() {
        let dir = tempfile::tempdir().unwrap();
        let dataset = stored(&dir.path().join("samples.surgdb"), samples());
        let (exported, imported) = round_trip(&dataset, dir.path(), &options);
        assert_eq!((exported.missing, imported.media.missing, imported.splits.len()), (1, 1, 0));
        // What is to be drawn is a medium of its own here.
        assert!(!imported.findings.contains_key(&Kind::OtherMedia), "{:?}", imported.findings);
        let lost: Vec<_> = exported.lost.iter().map(|(what, count)| (what.as_ref(), *count)).collect();
        assert_eq!(
            lost,
            [
                ("annotations", 4),
                ("annotations that no exported conversation refers to", 1),
                ("evidence that is an annotation", 1),
                ("evidence that the conversation does not show", 1),
            ]
        );
    }
}

/// Writes the exported records anew, with something more in each last turn; says how many there are.
fn edited(out: &Path, edit: impl Fn(&mut serde_json::Value)) -> usize {
    let mut records: Vec<serde_json::Value> =
        written(out).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    records.iter_mut().for_each(edit);
    let lines: Vec<String> = records.iter().map(|record| format!("{record}\n")).collect();
    std::fs::write(out.join("conversations.jsonl"), lines.concat()).unwrap();
    lines.len()
}

#[test]
fn what_goes_by_texts_is_not_put_to_others_that_were_written_in_their_place() {
    for (what, start, end) in
        [("a word", "", " Indeed."), ("a blank in front", " ", ""), ("a placeholder", "", "<image>")]
    {
        let dir = tempfile::tempdir().unwrap();
        let dataset = stored(&dir.path().join("samples.surgdb"), samples());
        let out = dir.path().join("out");
        export(&dataset, &out, &ExportOptions::default(), &mut |_| Ok(())).unwrap();
        let going_by_texts = written(&out).matches("\"text_digest\"").count();
        let count = edited(&out, |record| {
            if let Some(turn) = record["conversations"].as_array_mut().and_then(|turns| turns.last_mut()) {
                let text = turn["value"].as_str().unwrap_or_default();
                turn["value"] = format!("{start}{text}{end}").into();
            }
        });
        assert!(going_by_texts > 5 && going_by_texts < count, "{going_by_texts} of {count}");

        let mut options = ImportOptions::new(SourceDescription::named("edited"));
        let again = |name: &str, options: &ImportOptions| {
            let again = Dataset::create(dir.path().join(name)).unwrap();
            let report = import(&again, &[out.join("conversations.jsonl")], options, &mut |_| {});
            report.map(|report| (report, conversations(&Dataset::open(again.path()).unwrap())))
        };
        let refused = again("refused.surgdb", &options).unwrap_err();
        assert!(refused.message().contains("were changed since they were exported"), "{what}: {refused}");
        options.on_error = OnError::Skip;
        let (report, rows) = again("skipped.surgdb", &options).unwrap();
        assert_eq!((report.records.skipped_total(), rows.len()), (going_by_texts as u64, count - going_by_texts));

        // Without what went by the texts of before, records are read as they stand.
        edited(&out, |record| drop(record.as_object_mut().unwrap().remove("surgdb")));
        let (report, rows) = again("plain.surgdb", &options).unwrap();
        assert_eq!((report.records.skipped_total(), rows.len()), (0, count));
        let is_edited = |row: &&ConversationRow| {
            row.turns.last().is_some_and(|TurnRow { text, .. }| text.starts_with(start) && text.ends_with(end))
        };
        assert_eq!(rows.iter().filter(is_edited).count(), rows.iter().filter(|row| !row.turns.is_empty()).count());
    }
}

#[test]
fn a_picture_that_was_moved_among_content_parts_is_not_put_back() {
    for style in [MessageStyle::Qwen, MessageStyle::OpenAi] {
        let dir = tempfile::tempdir().unwrap();
        let dataset = stored(&dir.path().join("samples.surgdb"), samples());
        let out = dir.path().join("out");
        let options = ExportOptions { format: ExportFormat::Messages, style, ..Default::default() };
        export(&dataset, &out, &options, &mut |_| Ok(())).unwrap();
        let moved = std::cell::Cell::new(0);
        edited(&out, |record| {
            for turn in record["messages"].as_array_mut().into_iter().flatten() {
                if let Some(parts) = turn["content"].as_array_mut().filter(|parts| parts.len() > 1) {
                    parts.rotate_left(1);
                    moved.set(moved.get() + 1);
                    return;
                }
            }
        });
        let mut source = ImportOptions::new(SourceDescription::named("edited"));
        source.on_error = OnError::Skip;
        let again = Dataset::create(dir.path().join("again.surgdb")).unwrap();
        let report = import(&again, &[out.join("conversations.jsonl")], &source, &mut |_| {}).unwrap();
        assert!(moved.get() > 5, "{}", moved.get());
        assert_eq!(report.records.skipped_total(), moved.get());
    }
}

#[test]
fn pictures_of_two_sources_under_one_path_stay_two() {
    for options in all_forms() {
        let dir = tempfile::tempdir().unwrap();
        let dataset = Dataset::create(dir.path().join("two.surgdb")).unwrap();
        for (source, width) in [("a", 3), ("b", 5)] {
            let folder = dir.path().join(source);
            std::fs::create_dir_all(folder.join("img")).unwrap();
            std::fs::write(folder.join("img/1.png"), common::pictures::grey_png(width, 2, 8, 9)).unwrap();
            let turns = r#"[{"from":"human","value":"<image>?"},{"from":"gpt","value":"!"}]"#;
            let record = format!(r#"{{"id":"{source}","image":"img/1.png","conversations":{turns}}}"#);
            std::fs::write(folder.join("in.jsonl"), record).unwrap();
            let source = ImportOptions::new(SourceDescription::named(source));
            import(&Dataset::open(dataset.path()).unwrap(), &[folder], &source, &mut |_| {}).unwrap();
        }
        let out = dir.path().join("out");
        export(&Dataset::open(dataset.path()).unwrap(), &out, &options, &mut |_| Ok(())).unwrap();
        let again = Dataset::create(dir.path().join("again.surgdb")).unwrap();
        let source = ImportOptions::new(SourceDescription::named("both"));
        for is_again in [false, true] {
            let again = Dataset::open(again.path()).unwrap();
            let report = import(&again, std::slice::from_ref(&out), &source, &mut |_| {}).unwrap();
            assert_eq!(report.version.is_none(), is_again, "{:?}: {:?}", options.format, report.records);
        }
        let again = Dataset::open(again.path()).unwrap();
        let width = |row: &ConversationRow| again.frame(row.media[0].refs[0]).unwrap().width().unwrap();
        let mut shown: Vec<_> = conversations(&again).iter().map(|row| (row.id.clone(), width(row))).collect();
        shown.sort();
        assert_eq!(shown, [("a".to_owned(), Some(3)), ("b".to_owned(), Some(5))], "{:?}", options.format);
    }
}

#[test]
fn what_is_missing_of_one_source_is_not_anothers_of_its_name() {
    for options in all_forms() {
        for there in [[true, false], [false, true], [false, false], [true, true]] {
            let dir = tempfile::tempdir().unwrap();
            let dataset = Dataset::create(dir.path().join("two.surgdb")).unwrap();
            for (source, is_there, fps) in [("a", there[0], 1.0), ("b", there[1], 25.0)] {
                let folder = dir.path().join(source);
                std::fs::create_dir_all(folder.join("P07")).unwrap();
                if is_there {
                    // The same bytes.
                    std::fs::write(folder.join("P07/1.png"), common::pictures::grey_png(4, 2, 8, 9)).unwrap();
                }
                let turns = r#"[{"from":"human","value":"<image>?"},{"from":"gpt","value":"!"}]"#;
                let record = format!(r#"{{"id":"{source}","image":"P07/1.png","conversations":{turns}}}"#);
                std::fs::write(folder.join("in.jsonl"), record).unwrap();
                let mut source = ImportOptions::new(SourceDescription::named(source));
                source.source.frame_pattern = Some(surgdb::import::Pattern::parse("{video}/{index}.png").unwrap());
                source.source.fps = Some(fps);
                import(&Dataset::open(dataset.path()).unwrap(), &[folder], &source, &mut |_| {}).unwrap();
            }
            let out = dir.path().join("out");
            let dataset = Dataset::open(dataset.path()).unwrap();
            let exported = export(&dataset, &out, &options, &mut |_| Ok(())).unwrap();
            assert!(
                exported.lost.iter().any(|(what, count)| what.contains("`1~2.png`") && *count == 2),
                "{exported:?}"
            );
            let again = Dataset::create(dir.path().join("again.surgdb")).unwrap();
            let source = ImportOptions::new(SourceDescription::named("both"));
            import(&again, &[out], &source, &mut |_| {}).unwrap();
            let again = Dataset::open(again.path()).unwrap();
            let mut shown: Vec<_> = conversations(&again)
                .iter()
                .map(|row| {
                    let frame = again.frame(row.media[0].refs[0]).unwrap().to_row().unwrap();
                    let video = again.video(frame.video.unwrap()).unwrap();
                    (row.id.clone(), frame.blob.is_some(), video.fps().unwrap())
                })
                .collect();
            shown.sort_by(|one, other| one.0.cmp(&other.0));
            let wanted = [("a".to_owned(), there[0], Some(1.0)), ("b".to_owned(), there[1], Some(25.0))];
            assert_eq!(shown, wanted, "{:?} {there:?}", options.format);
        }
    }
}

/// Three records with boxes in pixels of a picture of 800 × 400, and what else counts bytes of their texts.
fn grounded(dir: &Path) -> Dataset {
    // The header of a picture will do.
    let header =
        [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &800u32.to_be_bytes(), &400u32.to_be_bytes(), &[8, 6, 0, 0, 0]];
    std::fs::write(dir.join("a.png"), header.concat()).unwrap();
    let answer =
        "<think>Level 1: at [80, 100, 400, 200]. Level 2: near.</think><answer><box>(8,4),(800,400)</box></answer>";
    let parts = r#"[{"type":"image","image":"a.png"},{"type":"text","text":"Is [400, 0, 800, 100] it? "},{"type":"text","text":"é"}]"#;
    let records = [
        format!(
            r#"{{"id":"a","split":"test","image":"a.png","conversations":[{{"from":"human","value":"[80, 40, 160, 80]: what is it? <image>"}},{{"from":"gpt","value":"{answer}"}}]}}"#
        ),
        format!(
            r#"{{"id":"b","messages":[{{"role":"user","content":{parts}}},{{"role":"assistant","content":"{{\"bbox_2d\": [10, 20, 30, 40]}}"}}]}}"#
        ),
        r#"{"id":"c","image":"a.png","conversations":[{"from":"human","value":"<image> no box"}]}"#.into(),
    ];
    std::fs::write(dir.join("in.jsonl"), records.join("\n")).unwrap();
    let dataset = Dataset::create(dir.join("grounded.surgdb")).unwrap();
    let source = SourceDescription::from_toml("id = \"samples\"\nboxes = \"pixels\"").unwrap();
    let report = import(&dataset, &[dir.join("in.jsonl")], &ImportOptions::new(source), &mut |_| {}).unwrap();
    assert_eq!((report.boxes.boxes, report.boxes.left.len()), (5, 0));
    Dataset::open(dataset.path()).unwrap()
}

fn imported(dir: &Path, name: &str, file: &Path, boxes: &str) -> Dataset {
    let dataset = Dataset::create(dir.join(name)).unwrap();
    let source = SourceDescription::from_toml(&format!("id = \"samples\"\nboxes = \"{boxes}\"")).unwrap();
    import(&dataset, &[file.to_owned()], &ImportOptions::new(source), &mut |_| {}).unwrap();
    Dataset::open(dataset.path()).unwrap()
}

fn conversations(dataset: &Dataset) -> Vec<ConversationRow> {
    let count = dataset.count(Table::Conversations).unwrap();
    (0..count).map(|at| dataset.conversation(at).unwrap().to_row().unwrap()).collect()
}

/// What stands in the text where a box is said to stand, and its values.
fn boxes(row: &ConversationRow) -> Vec<(&str, &[f32])> {
    let text =
        |place: &GroundingRow| &row.turns[place.turn as usize].text[place.byte_start as usize..place.byte_end as usize];
    row.grounding.iter().map(|place| (text(place), &place.values[..])).collect()
}

#[test]
fn boxes_and_splits_come_back_equal_where_texts_are_kept() {
    for options in all_forms() {
        let dir = tempfile::tempdir().unwrap();
        let dataset = grounded(dir.path());
        round_trip(&dataset, dir.path(), &options);
        let again = Dataset::open(dir.path().join("again.surgdb")).unwrap();
        let records = |dataset: &Dataset| conversations(dataset).into_iter().map(|row| row.record).collect::<Vec<_>>();
        assert_eq!(records(&again), records(&dataset));
        let splits: Vec<_> =
            (0..3).map(|at| again.conversation(at).unwrap().split().unwrap().map(str::to_owned)).collect();
        assert_eq!(splits, [Some("test".to_owned()), None, None]);
    }
}

#[test]
fn boxes_are_written_in_the_scale_that_is_asked_for_and_read_back_from_there() {
    use surgdb::schema::boxes::Scale;
    let expected = [
        (Scale::Pixels, "[80, 40, 160, 80]", "<box>(8,4),(800,400)</box>"),
        (Scale::Unit, "[0.1, 0.1, 0.2, 0.2]", "<box>(0.01,0.01),(1,1)</box>"),
        (Scale::Thousand, "[100, 100, 200, 200]", "<box>(10,10),(1000,1000)</box>"),
    ];
    for (scale, first, last) in expected {
        for (at, form) in forms().into_iter().enumerate() {
            let dir = tempfile::tempdir().unwrap();
            let dataset = grounded(dir.path());
            let before = conversations(&dataset);
            for plain in [false, true] {
                let out = dir.path().join(format!("out-{plain}"));
                let options = ExportOptions { boxes: Some(scale), plain, ..form.clone() };
                let report = export(&dataset, &out, &options, &mut |_| Ok(())).unwrap();
                assert_eq!(report.boxes, 5);
                let file = out.join("conversations.jsonl");
                let again = imported(dir.path(), &format!("again-{plain}.surgdb"), &file, scale.name());
                let after = conversations(&again);
                for (before, after) in before.iter().zip(&after) {
                    let (was, is) = (boxes(before), boxes(after));
                    assert_eq!(was.len(), is.len(), "{}", written(&out));
                    for ((_, was), (_, is)) in was.iter().zip(&is) {
                        let near = was.iter().zip(*is).all(|(was, is)| (was - is).abs() < 1e-3);
                        assert!(near && (plain || was == is), "{was:?} {is:?}");
                    }
                }
                let texts = boxes(&after[0]);
                // Content parts join without the blank that a placeholder leaves, where the exporter is not heard.
                assert_eq!((texts[0].0, texts[2].0), (first, last), "form {at}: {}", written(&out));
                assert_eq!(after[0].reasoning.len(), 2);
                assert!(after[0].turns[1].text.contains(&after[0].reasoning[0].text));
                if !plain {
                    assert_eq!(after[0].media[0].at, Some(after[0].turns[0].text.find("<image>").unwrap() as i64));
                }
                assert!(plain || after[2].turns == before[2].turns);
                if scale == Scale::Pixels && !plain {
                    assert!(before.iter().zip(&after).all(|(before, after)| before.turns == after.turns));
                }
            }
        }
    }
}

const TEXTS: [&str; 16] = [
    "<image>",
    "<video>",
    "a",
    "é\n",
    "\"",
    "\\",
    "<think>",
    "</think>",
    "Level 1: x",
    "1. y",
    "\u{2028}",
    "\0",
    "<answer>",
    "</answer>",
    " ",
    "<|im_start|>",
];
const PATHS: [&str; 20] = [
    "a.png",
    "a.png",
    "A.png",
    "a/b.png",
    "./a.png",
    "x/../a.png",
    "../x.png",
    "/abs/y.png",
    "c:\\d\\e.png",
    "a",
    "a.png/b",
    "https://h/x.png",
    "file:///q%20r.png",
    "sp ace [1].png",
    " lead.png",
    "",
    "%61.png",
    "conversations.jsonl",
    "sources/x.toml",
    "data:image/png;base64,",
];
const EXTRAS: [&str; 24] = [
    "{}",
    "{\"a\":1.50}",
    "{\"a\": 1}",
    "{\"a\":\n1}",
    "{\"a\":1,\"a\":2}",
    "{\"images\":[\"q.png\"]}",
    "{\"messages\":[]}",
    "{\"conversations\":5}",
    "{\"label\":true}",
    "{\"label\":\"x\"}",
    "{\"kto_tag\":false}",
    "{\"task_type\":\"z\",\"surgdb\":{\"a\":1}}",
    "{\"reasoning\":[{\"text\":\"a\"}]}",
    "{\"system\":\"s\"}",
    "{\"~role\":\"observation\",\"x\":1}",
    "{\"~role\":\"model\",\"~content\":null}",
    "{\"~content\":false}",
    "{\"~parts\":[1]}",
    "{\"name\":\"n\"}",
    "{\"name\":[]}",
    "{\"value\":1}",
    "{\"from\":\"x\"}",
    "{\"\\u0061\":1}",
    "{\"patient\":\"p\",\"specialty\":\"\",\"answer\":3}",
];

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&TEXTS[..]), 0..6).prop_map(|parts| parts.concat())
}

fn said(texts: &'static [&'static str]) -> impl Strategy<Value = Option<String>> {
    prop::option::weighted(0.4, prop::sample::select(texts).prop_map(str::to_owned))
}

fn turn() -> impl Strategy<Value = TurnRow> {
    let role = prop::sample::select(&["system", "user", "user", "assistant", "assistant", "tool"][..]);
    (role, text(), said(&["", "n", "é\""]), said(&EXTRAS)).prop_map(|(role, text, name, extra)| TurnRow {
        role: role.into(),
        text,
        name,
        extra,
    })
}

fn ending() -> impl Strategy<Value = AlternativeRow> {
    let kind = prop::sample::select(&["chosen", "rejected", "sample"][..]);
    let score = prop::option::of(prop::num::f64::NORMAL | prop::num::f64::ZERO);
    (kind, prop::collection::vec(turn(), 0..3), score, said(&["", "g"])).prop_map(|(kind, turns, score, generator)| {
        AlternativeRow { kind: kind.into(), turns, score, generator, ..Default::default() }
    })
}

/// What a medium is made of: the turn, which of its placeholders, whether it is output, frames, a time.
type Seed = (usize, Option<usize>, bool, Vec<usize>, Option<f64>);

fn medium(turns: &[TurnRow], (turn, nth, output, frames, start): Seed) -> MediumRow {
    let turn = turn % turns.len();
    let text = &turns[turn].text;
    let mut spots: Vec<usize> =
        ["<image>", "<video>"].iter().flat_map(|mark| text.match_indices(mark)).map(|at| at.0).collect();
    spots.sort_unstable();
    let at = nth.filter(|_| !spots.is_empty()).map(|nth| spots[nth % spots.len()] as i64);
    let refs = frames.into_iter().map(|frame| common::samples::symbol(Table::Frames, frame)).collect();
    MediumRow { turn: turn as i32, at, output, refs, start, end: None, fps: start }
}

fn conversation() -> impl Strategy<Value = ConversationRow> {
    let frames = prop::collection::vec(0..PATHS.len(), 1..3);
    let seconds = prop::option::weighted(0.2, 0.0..1e9);
    let seed = (0..9usize, prop::option::weighted(0.8, 0..9usize), any::<bool>(), frames, seconds);
    let of_endings = prop::collection::vec(prop::option::weighted(0.4, seed.clone()), 3);
    let seeds = prop::collection::vec(seed, 0..4);
    let plain = (said(&["", "s"]), said(&["en"]), said(&["human", "model"]), said(&["", "g"]));
    let more = (said(&["", "null", "[1]", "x"]), said(&["[]", "\"x\"", " [ ]"]), said(&EXTRAS), any::<Option<bool>>());
    let endings = prop::collection::vec(ending(), 0..3);
    (prop::collection::vec(turn(), 0..4), seeds, plain, more, endings, of_endings).prop_map(
        |(turns, seeds, plain, more, alternatives, of_endings)| {
            let (specialty, language, origin, generator) = plain;
            let (solution, tools, extra, preferred) = more;
            let mut media: Vec<MediumRow> = Vec::new();
            for seed in seeds.into_iter().filter(|_| !turns.is_empty()) {
                let mut new = medium(&turns, seed);
                if media.iter().any(|other| new.at.is_some() && (other.turn, other.at) == (new.turn, new.at)) {
                    new.at = None;
                }
                media.push(new);
            }
            let mut alternatives = alternatives;
            for (ending, seed) in alternatives.iter_mut().zip(of_endings).filter(|(ending, _)| !ending.turns.is_empty())
            {
                ending.media.extend(seed.map(|seed| self::medium(&ending.turns, seed)));
                if let Some(turn) = ending.turns.iter().position(|turn| turn.text.is_char_boundary(1)) {
                    let media = (media.len() + ending.media.len()).checked_sub(1);
                    ending.grounding.extend(media.map(|media| GroundingRow {
                        turn: turn as i32,
                        byte_start: 0,
                        byte_end: 1,
                        kind: "point".into(),
                        media: media as i32,
                        values: vec![0.1, 0.25],
                    }));
                }
            }
            ConversationRow {
                source: "samples".into(),
                task: "t".into(),
                specialty,
                language,
                origin,
                generator,
                turns,
                media,
                alternatives,
                solution,
                tools,
                extra,
                preferred,
                ..Default::default()
            }
        },
    )
}

#[test]
fn tables_for_readers_of_parquet_are_not_taken_for_something_to_import() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = stored(&dir.path().join("samples.surgdb"), samples());
    let out = dir.path().join("out");
    let options = ExportOptions { format: ExportFormat::Parquet, ..ExportOptions::default() };
    export(&dataset, &out, &options, &mut |_| Ok(())).unwrap();
    let again = Dataset::create(dir.path().join("again.surgdb")).unwrap();
    for path in [out.clone(), out.join("conversations.parquet"), out.join("annotations.parquet")] {
        let options = ImportOptions::new(SourceDescription::named("again"));
        let error = import(&again, &[path], &options, &mut |_| {}).unwrap_err().to_string();
        assert!(error.contains("surgdb copy") && error.contains("come in again"), "{error}");
        assert_eq!(error.matches("surgdb copy").count(), 1, "it is said once");
    }
}

/// Frames under all the paths; of every third there is the name of a file alone, and of two of them not even that.
fn strange_frames() -> (Vec<(&'static str, Vec<u8>)>, Vec<FrameRow>) {
    let png = |place: usize| common::pictures::grey_png(1 + place as u32, 1, 8, 0);
    let blobs = (0..PATHS.len()).map(|place| ("image/png", png(place))).collect();
    let frames = PATHS.iter().enumerate().map(|(place, path)| {
        let is_there = place % 3 != 2;
        FrameRow {
            id: if place % 2 == 0 && place > 1 && !path.trim().is_empty() {
                (*path).into()
            } else {
                format!("{path}#{place}")
            },
            source: "samples".into(),
            kind: if place % 4 == 0 { "mask" } else { "rgb" }.into(),
            path: (place % 5 != 4 && place != 5).then(|| (*path).to_owned()),
            blob: is_there.then(|| common::samples::symbol(Table::Blobs, place)),
            width: is_there.then_some(1 + place as i32),
            height: is_there.then_some(1),
            ..Default::default()
        }
    });
    (blobs, frames.collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn strange_texts_paths_and_fields_come_back_equal(rows in prop::collection::vec(conversation(), 12), form in 0..5usize) {
        let dir = tempfile::tempdir().unwrap();
        let (blobs, frames) = strange_frames();
        let conversations = rows.into_iter().enumerate().map(|(at, row)| ConversationRow { id: format!("{at}"), ..row });
        let samples = common::samples::Samples {
            blobs, frames, cases: Vec::new(), videos: Vec::new(), annotations: Vec::new(), conversations: conversations.collect(),
        };
        let dataset = stored(&dir.path().join("samples.surgdb"), samples);
        round_trip(&dataset, dir.path(), &all_forms()[form]);
    }
}
