//! What conversations of one import have to do with each other.

use super::*;

/// A line that asks this about this picture, with further fields.
fn line(image: &str, question: &str, answer: &str, more: &str) -> String {
    format!(
        r#"{{"image":"{image}","conversations":[{{"from":"human","value":"<image>\n{question}"}},{{"from":"gpt","value":"{answer}"}}]{more}}}"#
    )
}

/// What was told of a kind.
fn told(report: &ImportReport, kind: Kind) -> Vec<(Option<u64>, &str)> {
    let findings = report.findings.get(&kind);
    let examples = findings.into_iter().flat_map(|findings| &findings.examples);
    examples.map(|example| (example.record, example.detail.as_str())).collect()
}

#[test]
fn what_was_asked_before_of_the_same_picture_is_told_by_record() {
    let place = Place::new();
    let lines = [
        line("a.png", "Which phase?", "dissection", ""),
        line("b.png", "Which phase?", "dissection", ""),
        line("a.png", "Which phase?", "dissection", ""),
        line("a.png", "Which phase?", "clipping", ""),
        line("a.png", "Which tool?", "hook", ""),
    ];
    place.write("a.jsonl", lines.join("\n"));
    place.write("b.jsonl", line("b.png", "Which phase?", "clipping", ""));
    place.write("c.jsonl", line("a.png", "Which phase?", "clipping", ""));
    let report = place.whole();
    assert_eq!(report.records.added, 7);
    let same = [
        (Some(3), "record 1 asks the same of the same pictures, and is answered alike"),
        // The first was answered otherwise, and another as this one is.
        (Some(1), "record 4 of a.jsonl asks the same of the same pictures, and is answered alike"),
    ];
    assert_eq!(told(&report, Kind::RepeatedConversation), same);
    let other = [
        (Some(4), "record 1 asks the same of the same pictures, and is answered otherwise"),
        (Some(1), "record 2 of a.jsonl asks the same of the same pictures, and is answered otherwise"),
    ];
    assert_eq!(told(&report, Kind::OtherAnswer), other);
    // What the dataset has is not looked at again.
    assert_eq!((place.whole().records.unchanged, count(&place.whole(), Kind::OtherAnswer)), (7, 0));
}

#[test]
fn what_is_alike_by_right_is_not_told() {
    let place = Place::new();
    let text = r#"{"conversations":[{"from":"human","value":"Hello"},{"from":"gpt","value":"Hello"}]}"#;
    let clip = |start| {
        let clip = format!(r#"{{"type":"video","video":"v.mp4","video_start":{start},"video_end":{}}}"#, start + 1);
        let asked = r#"{"type":"text","text":"Which phase?"}"#;
        format!(
            r#"{{"messages":[{{"role":"user","content":[{clip},{asked}]}},{{"role":"assistant","content":"clipping"}}]}}"#
        )
    };
    let mark =
        |label| line("a.png", "Which phase?", if label { "good" } else { "bad" }, &format!(r#","label":{label}"#));
    place.write("a.jsonl", [text.to_owned(), text.to_owned(), mark(true), mark(false)].join("\n"));
    place.write("b.jsonl", [clip(0), clip(1)].join("\n"));
    let report = place.whole();
    assert_eq!(report.records.added, 6);
    assert!(!report.findings.contains_key(&Kind::RepeatedConversation), "{:?}", report.findings);
    assert!(!report.findings.contains_key(&Kind::OtherAnswer), "{:?}", report.findings);
}

#[test]
fn a_picture_in_two_splits_is_told() {
    let place = Place::new();
    let lines = [
        line("a.png", "1?", "a", r#","split":"train""#),
        line("b.png", "2?", "a", r#","split":"val""#),
        line("a.png", "3?", "a", r#","split":"train""#),
        line("a.png", "4?", "a", r#","split":"val""#),
        line("a.png", "5?", "a", ""),
    ];
    place.write("a.jsonl", lines.join("\n"));
    let told_of = r#"it is in the split "val", and what it shows is in "train" too"#;
    assert_eq!(told(&place.whole(), Kind::SplitLeak), [(Some(4), told_of)]);
}

#[test]
fn an_answer_that_is_not_to_choose_from_is_told() {
    let place = Place::new();
    let lines = [
        line("a.png", "1?", "yes", r#","answer_candidates":["yes","no"]"#),
        line("a.png", "2?", "polyp", r#","answer_candidates":["yes","no"]"#),
        line("a.png", "3?", "polyp", r#","answer_candidates":null"#),
    ];
    place.write("a.jsonl", lines.join("\n"));
    let told_of = "its answer \"polyp\" is none of its `answer_candidates`";
    assert_eq!(told(&place.whole(), Kind::Doubtful), [(Some(2), told_of)]);
}
