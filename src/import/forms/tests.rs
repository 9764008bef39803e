use super::*;
use crate::import::draft::MediaItem;

fn read(text: &str) -> Draft {
    draft(serde_json::from_str(text).unwrap(), None).unwrap()
}

fn refused(text: &str) -> String {
    draft(serde_json::from_str(text).unwrap(), None).unwrap_err().to_string()
}

fn said(draft: &Draft) -> Vec<(&str, &str)> {
    draft.turns.iter().map(|turn| (turn.role.as_str(), turn.text.as_str())).collect()
}

fn items(medium: &DraftMedium) -> Vec<&str> {
    let path = |item: &'_ MediaItem| match item {
        MediaItem::Path(path) => Box::leak(path.clone().into_boxed_str()) as &str,
        MediaItem::Bytes { .. } | MediaItem::Held { .. } => "(bytes)",
        MediaItem::Unnamed(_) | MediaItem::Absent(_) | MediaItem::Nameless(_) => "(nothing)",
    };
    medium.items.iter().map(path).collect()
}

/// The media of the conversation itself: the turn, the place, whether output, the paths.
fn paths(draft: &Draft) -> Vec<(usize, Option<usize>, bool, Vec<&str>)> {
    let own = draft.media.iter().filter(|medium| medium.ending.is_none());
    own.map(|medium| (medium.turn, medium.at, medium.output, items(medium))).collect()
}

#[test]
fn llava() {
    let draft = read(
        r#"{"id":7,"image":"a b.png","task":"phase recognition","conversations":[{"from":"human","value":"<image>\nWhat?"},{"from":"gpt","value":"That. "}],"width":1.50}"#,
    );
    assert_eq!(draft.id.as_deref(), Some("7"));
    assert_eq!(draft.task.as_deref(), Some("phase recognition"));
    assert_eq!(said(&draft), [("user", "<image>\nWhat?"), ("assistant", "That. ")]);
    assert_eq!(paths(&draft), [(0, Some(0), false, vec!["a b.png"])]);
    assert_eq!(draft.extra.as_deref(), Some(r#"{"width":1.50}"#));
    assert_eq!(draft.findings, []);
}

#[test]
fn llama_factory_pairs_and_marks() {
    let draft = read(
        r#"{"conversations":[{"from":"human","value":"q"}],"chosen":{"from":"gpt","value":"good"},"rejected":{"from":"gpt","value":"bad"},"system":"be kind","tools":"[{}]"}"#,
    );
    assert_eq!(said(&draft), [("system", "be kind"), ("user", "q")]);
    let endings: Vec<_> = draft.alternatives.iter().map(|e| (e.kind.as_str(), e.turns[0].text.as_str())).collect();
    assert_eq!(endings, [("chosen", "good"), ("rejected", "bad")]);
    assert_eq!(draft.tools.as_deref(), Some("[{}]"));
    let draft = read(
        r#"{"conversations":[{"from":"function_call","value":"{}"},{"from":"observation","value":"3"}],"kto_tag":false}"#,
    );
    assert_eq!(draft.preferred, Some(false));
    assert_eq!(draft.turns[1].role, "tool");
    assert_eq!(draft.turns[1].extra.as_deref(), Some(r#"{"~role":"observation"}"#));
}

#[test]
fn roles_with_capitals_are_known_and_kept() {
    let draft = read(r#"{"conversations":[{"from":"Human","value":"q"},{"from":"GPT","value":"a"}]}"#);
    assert_eq!(said(&draft), [("user", "q"), ("assistant", "a")]);
    assert_eq!(draft.turns[1].extra.as_deref(), Some(r#"{"~role":"GPT"}"#));
    assert_eq!(draft.findings, []);
}

#[test]
fn openai_parts_keep_their_borders() {
    let draft = read(
        r#"{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAEC","detail":"low"}},{"type":"text","text":"bé","x":1},{"type":"image","image":"file:///p/q.png"},{"type":"input_audio","input_audio":{}}]},{"role":"assistant","content":null,"tool_calls":[{"id":"c"}]},{"role":"tool","tool_call_id":"c","name":"f","content":"3"}]}"#,
    );
    assert_eq!(said(&draft), [("user", "abé"), ("assistant", ""), ("tool", "3")]);
    assert_eq!(paths(&draft), [(0, Some(1), false, vec!["(bytes)"]), (0, Some(4), false, vec!["file:///p/q.png"])]);
    assert_eq!(
        draft.turns[0].extra.as_deref().unwrap(),
        r#"{"~parts":[1,{"medium":0,"part":{"type":"image_url","image_url":{"detail":"low","url":null}}},{"text":3,"part":{"type":"text","x":1}},{"medium":1,"part":{"type":"image","image":"file:///p/q.png"}},{"part":{"type":"input_audio","input_audio":{}}}]}"#
    );
    assert_eq!(draft.turns[1].extra.as_deref().unwrap(), r#"{"~content":null,"tool_calls":[{"id":"c"}]}"#);
    assert_eq!(draft.turns[2].name.as_deref(), Some("f"));
    assert_eq!(draft.findings, [(Kind::OtherMedia, "audio is kept in the part".to_string())]);
    for turn in &draft.turns {
        if let Some(extra) = &turn.extra {
            serde_json::from_str::<serde_json::Value>(extra).unwrap();
        }
    }
}

#[test]
fn qwen_clips_and_parts_that_leave_the_file_to_the_record() {
    let draft = read(
        r#"{"messages":[{"role":"user","content":[{"type":"video","video":["1.png","2.png"],"fps":2},{"type":"image"},{"type":"text","text":"q"}]},{"role":"assistant","content":"a"}],"images":["i.png"],"videos":"v.mp4"}"#,
    );
    assert_eq!(
        paths(&draft),
        [(0, None, false, vec!["1.png", "2.png"]), (0, None, false, vec!["i.png"]), (0, None, false, vec!["v.mp4"])]
    );
    assert!(draft.media[0].of_frames && draft.media[0].fps == Some(2.0));
}

#[test]
fn a_part_has_its_place_between_the_texts() {
    let picture = |name: &str| format!(r#"{{"type":"image","image":"{name}"}}"#);
    let text = |text: &str| format!(r#"{{"type":"text","text":"{text}"}}"#);
    let parts = [picture("a"), text("before "), picture("b"), picture("c"), text(" after"), picture("d")].join(",");
    let draft = read(&format!(r#"{{"messages":[{{"role":"user","content":[{parts}]}}]}}"#));
    assert_eq!(
        paths(&draft),
        [
            (0, None, false, vec!["a"]),
            (0, Some(7), false, vec!["b"]),
            (0, Some(7), false, vec!["c"]),
            (0, Some(13), false, vec!["d"])
        ]
    );
    // What a text says by chance is nobody's placeholder.
    let parts = [text("is "), picture("a"), text("<image> a mark?")].join(",");
    let draft = read(&format!(r#"{{"messages":[{{"role":"user","content":[{parts}]}}]}}"#));
    assert_eq!(paths(&draft), [(0, None, false, vec!["a"])]);
    // All stand in the order in which they are shown.
    let parts = [text("seen "), picture("b")].join(",");
    let draft = read(&format!(
        r#"{{"messages":[{{"role":"user","content":"<image>q"}},{{"role":"tool","content":[{parts}]}}],"images":["a"]}}"#
    ));
    assert_eq!(paths(&draft), [(0, Some(0), false, vec!["a"]), (1, Some(5), false, vec!["b"])]);
    assert!(draft.turns[1].extra.as_deref().unwrap().contains(r#"{"medium":0"#));
}

/// A medium of an ending: which ending and turn, the place, whether output, the paths.
type OfEnding<'a> = (usize, usize, Option<usize>, bool, Vec<&'a str>);

fn of_endings(draft: &Draft) -> Vec<OfEnding<'_>> {
    let media = draft.media.iter().filter(|medium| medium.ending.is_some());
    media.map(|medium| (medium.ending.unwrap(), medium.turn, medium.at, medium.output, items(medium))).collect()
}

#[test]
fn parts_of_endings_show_pictures_of_their_own() {
    let draft = read(
        r#"{"prompt":"q","chosen":[{"role":"assistant","content":[{"type":"text","text":"see "},{"type":"image","image":"a"}]}],"rejected":"no"}"#,
    );
    assert_eq!((draft.findings.len(), of_endings(&draft)), (0, vec![(0, 0, Some(4), true, vec!["a"])]));
    assert_eq!(
        draft.alternatives[0].turns[0].extra.as_deref().unwrap(),
        r#"{"~parts":[4,{"medium":0,"part":{"type":"image","image":"a"}}]}"#
    );
    // What endings repeat of the conversation goes with its media; another picture is no repetition.
    let asked = |picture: &str| {
        format!(r#"{{"role":"user","content":[{{"type":"image","image":"{picture}"}},{{"type":"text","text":"q"}}]}}"#)
    };
    let answered = r#"{"role":"assistant","content":[{"type":"image","image":"b"}]}"#;
    let record = |rejected: &str| {
        read(&format!(r#"{{"messages":[{}],"rejected_messages":[{},{answered}]}}"#, asked("a"), asked(rejected)))
    };
    let draft = record("a");
    assert_eq!(
        (paths(&draft), of_endings(&draft)),
        (vec![(0, None, false, vec!["a"])], vec![(0, 0, None, true, vec!["b"])])
    );
    let draft = record("c");
    assert_eq!(of_endings(&draft), [(0, 0, None, false, vec!["c"]), (0, 1, None, true, vec!["b"])]);
    // The question that all endings start with is the conversation's.
    let ending = format!("[{},{answered}]", asked("a"));
    let draft =
        read(&format!(r#"{{"chosen":{ending},"rejected":[{},{{"role":"assistant","content":"no"}}]}}"#, asked("a")));
    assert_eq!(
        (paths(&draft), of_endings(&draft)),
        (vec![(0, None, false, vec!["a"])], vec![(0, 0, None, true, vec!["b"])])
    );
    // Parts without a file: each ending has the record's, or they take them in turn.
    let part = r#"[{"role":"assistant","content":[{"type":"image"}]}]"#;
    let record =
        |images: &str| read(&format!(r#"{{"prompt":"q","chosen":{part},"rejected":{part},"images":{images}}}"#));
    let of = |ending, path| (ending, 0, None, true, vec![path]);
    assert_eq!(of_endings(&record(r#"["a"]"#)), [of(0, "a"), of(1, "a")]);
    assert_eq!(of_endings(&record(r#"["a","b"]"#)), [of(0, "a"), of(1, "b")]);
    assert_eq!(record(r#"["a"]"#).media.len(), 2);
}

#[test]
fn placeholders_of_endings_take_what_the_record_lists() {
    // LLaMA-Factory: question and each answer together show the whole list.
    let draft = read(
        r#"{"conversations":[{"from":"human","value":"<image>q"}],"chosen":{"from":"gpt","value":"x <image>"},"rejected":{"from":"gpt","value":"<image>"},"images":["a","b"]}"#,
    );
    assert_eq!(paths(&draft), [(0, Some(0), false, vec!["a"])]);
    assert_eq!(of_endings(&draft), [(0, 0, Some(2), true, vec!["b"]), (1, 0, Some(0), true, vec!["b"])]);
    // ms-swift: the rejected one has a list of its own, the question's pictures first.
    let record = |rejected: &str| {
        read(&format!(
            r#"{{"messages":[{{"role":"user","content":"<image>q"}},{{"role":"assistant","content":"<image>"}}],"images":["a","b"],"rejected_response":"<image>","rejected_images":{rejected}}}"#
        ))
    };
    for list in [r#"["a","c"]"#, r#"["c"]"#] {
        let draft = record(list);
        assert_eq!(paths(&draft), [(0, Some(0), false, vec!["a"]), (1, Some(0), true, vec!["b"])]);
        assert_eq!((of_endings(&draft), &draft.extra), (vec![(0, 0, Some(0), true, vec!["c"])], &None));
        assert_eq!(draft.findings, []);
    }
    // What fits nothing stays where it was written.
    let draft = record(r#"["x","c"]"#);
    assert_eq!(draft.extra.as_deref(), Some(r#"{"rejected_images":["x","c"]}"#));
    assert_eq!(draft.findings[0].0, Kind::OtherMedia, "{:?}", draft.findings);
    // The question's pictures once more say nothing new.
    let draft = read(
        r#"{"messages":[{"role":"user","content":"<image>q"},{"role":"assistant","content":"y"}],"images":["a"],"rejected_messages":[{"role":"user","content":"<image>q"},{"role":"assistant","content":"n"}],"rejected_images":["a"]}"#,
    );
    assert_eq!(
        (paths(&draft), of_endings(&draft), draft.extra.as_deref()),
        (vec![(0, Some(0), false, vec!["a"])], vec![], None)
    );
    assert_eq!(draft.alternatives[0].turns.len(), 1);
    // One that the model is to produce.
    let draft = read(r#"{"prompt":"draw","chosen":"<image>","rejected":"no","output_image":"m.png"}"#);
    assert_eq!((draft.media.len(), of_endings(&draft)), (1, vec![(0, 0, Some(0), true, vec!["m.png"])]));
}

#[test]
fn trl_rows() {
    let draft = read(r#"{"prompt":"q","chosen":"good","rejected":"","score_chosen":0.5,"images":["x.png"]}"#);
    assert_eq!(said(&draft), [("user", "q")]);
    assert_eq!(draft.alternatives[0].score, Some(0.5));
    assert_eq!(draft.alternatives[1].turns[0].text, "");
    let draft = read(r#"{"question":"q","chosen":"good","rejected":"bad","image":"x.png"}"#);
    assert_eq!((said(&draft), draft.alternatives.len(), draft.media.len()), (vec![("user", "q")], 2, 1));
    let draft = read(
        r#"{"chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"g"}],"rejected":[{"role":"user","content":"q"},{"role":"assistant","content":"b"}]}"#,
    );
    assert_eq!((said(&draft), draft.alternatives[1].turns.len()), (vec![("user", "q")], 1));
    let draft = read(
        r#"{"prompt":[{"role":"user","content":"q"}],"completion":[{"role":"assistant","content":"c"}],"label":true}"#,
    );
    assert_eq!((said(&draft), draft.preferred), (vec![("user", "q"), ("assistant", "c")], Some(true)));
    let draft = read(r#"{"prompt":"q","answer":{"box":[1, 2]}}"#);
    assert_eq!(draft.solution.as_deref(), Some(r#"{"box":[1, 2]}"#));
    assert_eq!(draft.extra.as_deref(), Some(r#"{"answer":{"box":[1, 2]}}"#));
    for question in ["prompt", "problem"] {
        let draft = read(&format!(r#"{{"{question}":"q","solution":"42"}}"#));
        assert_eq!(said(&draft), [("user", "q")]);
        assert_eq!((draft.solution.as_deref(), draft.extra), (Some("42"), None));
    }
}

#[test]
fn swift_and_alpaca() {
    let draft = read(
        r#"{"messages":[{"role":"user","content":"<image>q"},{"role":"assistant","content":"g","loss":true}],"rejected_response":"b","images":[{"path":"p.png","bytes":null}],"objects":{"bbox":[]}}"#,
    );
    assert_eq!(draft.turns[1].extra.as_deref(), Some(r#"{"loss":true}"#));
    assert_eq!(draft.alternatives[0].turns[0].text, "b");
    assert_eq!(draft.extra.as_deref(), Some(r#"{"objects":{"bbox":[]}}"#));
    assert_eq!(paths(&draft), [(0, Some(0), false, vec!["p.png"])]);
    let draft = read(r#"{"instruction":"do","input":"this","output":"done","history":[["a","b"]]}"#);
    assert_eq!(said(&draft), [("user", "a"), ("assistant", "b"), ("user", "do\nthis"), ("assistant", "done")]);
    assert_eq!(draft.turns[2].extra.as_deref(), Some(r#"{"~input":3}"#));
}

#[test]
fn answers_that_are_media() {
    let draft = read(
        r#"{"conversations":[{"from":"human","value":"<image>clean it"},{"from":"gpt","value":"<image>"}],"image":"a.png","output_image":"b.png"}"#,
    );
    assert_eq!(paths(&draft), [(0, Some(0), false, vec!["a.png"]), (1, Some(0), true, vec!["b.png"])]);
    let draft = read(
        r#"{"conversations":[{"from":"human","value":"go"},{"from":"gpt","value":""}],"output_videos":["v.mp4"]}"#,
    );
    assert_eq!(paths(&draft), [(1, None, true, vec!["v.mp4"])]);
}

#[test]
fn what_is_no_conversation_is_refused_by_what_it_has() {
    let error = refused(r#"{"image_id":"x","question":"q","answer":"a"}"#);
    assert!(error.contains("image_id, question, answer") && error.contains("map file"), "{error}");
    assert!(refused(r#"{"conversations":[{"value":"x"}]}"#).contains("neither `from` nor `role`"));
    assert!(refused(r#"{"conversations":[],"image":5}"#).contains("the field `image`: expected a path, found 5"));
    assert!(refused(r#"{"prompt":5}"#).contains("the field `prompt`"));
    let record = serde_json::from_str(r#"{"messages":[]}"#).unwrap();
    assert!(draft(record, Some(Format::ShareGpt)).unwrap_err().to_string().contains("\"messages\", not \"sharegpt\""));
}

#[test]
fn a_pair_that_has_its_question_in_both_answers_asks_something() {
    let said =
        |answer: &str| format!(r#"[{{"role":"user","content":"Q"}},{{"role":"assistant","content":"{answer}"}}]"#);
    let draft = read(&format!(r#"{{"chosen":{},"rejected":{}}}"#, said("A"), said("B")));
    assert_eq!((self::said(&draft), draft.alternatives.len()), (vec![("user", "Q")], 2));
    assert!(draft.findings.is_empty(), "{:?}", draft.findings);
    let draft = read(r#"{"messages":[]}"#);
    assert!(draft.findings.iter().any(|(kind, _)| *kind == Kind::Doubtful), "{:?}", draft.findings);
}

#[test]
fn a_key_that_is_nearly_that_of_the_turns_is_told() {
    let error = |text: &str| draft(serde_json::from_str(text).unwrap(), None).unwrap_err().to_string();
    assert!(error(r#"{"id":1,"conversatons":[]}"#).contains("\"conversatons\" is nearly `conversations`"));
    assert!(error(r#"{"id":1,"mesasges":[]}"#).contains("\"mesasges\" is nearly `messages`"));
    assert!(!error(r#"{"id":1,"caption":"x"}"#).contains("nearly"));
}

#[test]
fn a_turn_without_text_is_told_and_text_may_be_called_so() {
    let told = |turn: &str| {
        let draft = read(&format!(r#"{{"conversations":[{{"from":"human","value":"q"}},{turn}]}}"#));
        let turn = draft.turns[1].clone();
        (turn.text, turn.extra, draft.findings.into_iter().map(|(_, what)| what).collect::<Vec<_>>())
    };
    assert_eq!(told(r#"{"from":"gpt","text":"a"}"#), ("a".into(), None, vec![]));
    for (turn, what) in [
        (r#"{"from":"gpt","text":7}"#, "a turn of \"gpt\" has neither `value` nor `content`"),
        (r#"{"from":"gpt","valeu":"a"}"#, "a turn of \"gpt\" has neither `value` nor `content`"),
        (r#"{"from":"gpt","value":null}"#, "the text of a turn of \"gpt\" is null"),
        (r#"{"from":"gpt","value":[]}"#, "the content of a turn of \"gpt\" is an empty list"),
        (r#"{"from":"gpt","value":[{"type":"text","txt":"a"}]}"#, "a content part of text has no `text`"),
        (
            r#"{"from":"gpt","value":"a","image":"1.png"}"#,
            "a turn's own `image` is kept in the turn, and nothing is shown by it",
        ),
    ] {
        assert_eq!(told(turn).2, [what], "{turn}");
    }
    let call = r#"{"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}"#;
    assert!(told(call).2.is_empty());
    let alone = read(r#"{"instruction":"q","inputs":"x","outputs":"a"}"#);
    assert_eq!(alone.findings.len(), 1);
    let marked =
        read(r#"{"conversations":[{"from":"human","value":"q"},{"from":"gpt","value":"a"}],"kto_tag":"true"}"#);
    assert!(marked.findings[0].1.contains("neither true nor false"));
}
