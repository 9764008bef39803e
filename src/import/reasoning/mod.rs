//! Reads reasoning text into a forest: `<think>…</think><answer>…</answer>` whose inside is split by levels, numbered
//! (1, 2.1, …), a list, or a JSON tree.
//!
//! The turn's text stays whole; a node repeats its part of it, so each node's text is a substring of the turn. Where
//! the structure cannot be read there is no tree, and the report says so.

mod json;
mod text;

use crate::import::draft::{Draft, DraftEvidence, DraftNode};
use crate::import::raw::RawRecord;
use crate::import::report::Kind;

/// The fields that may hold a tree in JSON.
const TREE_KEYS: [&str; 3] = ["reasoning", "reasoning_tree", "reasoning_chain"];

/// A node found in a text; nodes are in pre-order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Node<'a> {
    depth: usize,
    level: Option<i8>,
    kind: Option<String>,
    text: std::borrow::Cow<'a, str>,
    evidence: Vec<DraftEvidence>,
}

/// Adds the trees of a record's answers to the draft.
pub(super) fn add(draft: &mut Draft, record: &mut RawRecord<'_>) {
    let mut found = Vec::new();
    let mut faults = Vec::new();
    for (turn, row) in draft.turns.iter().enumerate() {
        if row.role != "assistant" || !has_think(&row.text) {
            continue;
        }
        match parse(&row.text) {
            Ok(nodes) => found.extend(nodes.into_iter().map(|node| node.into_draft(turn))),
            Err(fault) => faults.push(format!("turn {turn}: {fault}")),
        }
    }
    if found.is_empty()
        && let Some(turn) = draft.turns.iter().rposition(|turn| turn.role == "assistant")
        && let Some(key) = TREE_KEYS.into_iter().find(|key| is_tree(record, key))
    {
        match from_field(record, key, draft.turns.get(turn).map_or("", |turn| &turn.text)) {
            Ok(nodes) => {
                found.extend(nodes.into_iter().map(|node| node.into_draft(turn)));
                record.take(key);
            }
            Err(fault) => faults.push(format!("field `{key}`: {fault}")),
        }
    }
    draft.reasoning = found;
    for fault in faults {
        draft.find(Kind::ReasoningUnparsed, fault);
    }
}

fn has_think(text: &str) -> bool {
    memchr::memchr_iter(b'<', text.as_bytes()).any(|at| matches!(tag_at(text, at), Some((Tag::Think, _))))
}

/// The forest that a text's `<think>` parts hold; empty where it has none.
pub(super) fn parse(text: &str) -> Result<Vec<Node<'_>>, String> {
    let mut nodes = Vec::new();
    let mut rest = text;
    let mut open_answers = 0;
    while let Some((tag, after)) = next_tag(rest) {
        match tag {
            Tag::Think => {}
            Tag::EndThink => return Err("</think> has no <think>".into()),
            Tag::Answer | Tag::EndAnswer => {
                open_answers += if tag == Tag::Answer { 1 } else { -1 };
                rest = after;
                continue;
            }
        }
        let Some((body, after)) = until_end(after)? else { return Err("<think> is not closed".into()) };
        let is_json = body.trim_start().starts_with(['{', '[']) && body.trim_end().ends_with(['}', ']']);
        nodes.extend(if is_json { json::parse(body, true)? } else { text::parse(body)? });
        rest = after;
    }
    if open_answers != 0 {
        return Err("<answer> is not closed".into());
    }
    Ok(nodes)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Tag {
    Think,
    EndThink,
    Answer,
    EndAnswer,
}

/// The next tag of a text and what follows it: one pass over its `<`.
fn next_tag(text: &str) -> Option<(Tag, &str)> {
    memchr::memchr_iter(b'<', text.as_bytes()).find_map(|at| tag_at(text, at))
}

fn tag_at(text: &str, at: usize) -> Option<(Tag, &str)> {
    let rest = text.get(at..)?;
    let tags = [
        ("<think>", Tag::Think),
        ("</think>", Tag::EndThink),
        ("<answer>", Tag::Answer),
        ("</answer>", Tag::EndAnswer),
    ];
    tags.into_iter().find_map(|(name, tag)| Some((tag, rest.strip_prefix(name)?)))
}

/// The text up to `</think>` and what follows it; nothing where there is none.
fn until_end(text: &str) -> Result<Option<(&str, &str)>, String> {
    for at in memchr::memchr_iter(b'<', text.as_bytes()) {
        match tag_at(text, at) {
            Some((Tag::EndThink, after)) => return Ok(Some((text.get(..at).unwrap_or_default(), after))),
            Some((Tag::Think, _)) => return Err("a <think> stands in a <think>".into()),
            _ => {}
        }
    }
    Ok(None)
}

fn is_tree(record: &RawRecord<'_>, key: &str) -> bool {
    record.get(key).is_some_and(|value| value.get().starts_with(['{', '[']))
}

/// The forest in a field of the record, whose nodes must stand in the answer.
fn from_field<'a>(record: &RawRecord<'a>, key: &str, answer: &str) -> Result<Vec<Node<'a>>, String> {
    let value = record.get(key).ok_or("there is no tree")?;
    let nodes = json::parse(value.get(), false)?;
    match nodes.iter().find(|node| !answer.contains(&*node.text)) {
        Some(node) => {
            let start: String = node.text.chars().take(40).collect();
            Err(format!("{start:?} does not stand in the answer, so the tree stays in `extra`"))
        }
        None => Ok(nodes),
    }
}

impl Node<'_> {
    fn into_draft(self, turn: usize) -> DraftNode {
        DraftNode {
            turn,
            depth: self.depth,
            level: self.level,
            kind: self.kind,
            origin: None,
            text: self.text.into_owned(),
            evidence: self.evidence,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> Vec<(usize, Option<i8>, String)> {
        let nodes = parse(text).unwrap();
        for node in &nodes {
            assert!(text.contains(&*node.text), "{:?}", node.text);
        }
        nodes.into_iter().map(|node| (node.depth, node.level, node.text.into_owned())).collect()
    }

    fn node(depth: usize, level: impl Into<Option<i8>>, text: &str) -> (usize, Option<i8>, String) {
        (depth, level.into(), text.to_owned())
    }

    #[test]
    fn levels_on_lines_of_their_own() {
        let text = "<think>\nLevel 1: Perception\n- a grasper\n- liver\n  - its edge\n**Level 2 (Relations)**\nThe hook cuts.\nMore.\n## Level 3\n1. Phase\n1.1 Calot\n2. Next\n</think><answer>x</answer>";
        assert_eq!(
            shape(text),
            [
                node(0, 1, "Level 1: Perception"),
                node(1, 1, "- a grasper"),
                node(1, 1, "- liver"),
                node(2, 1, "- its edge"),
                node(0, 2, "**Level 2 (Relations)**\nThe hook cuts.\nMore."),
                node(0, 3, "## Level 3"),
                node(1, 3, "1. Phase"),
                node(2, 3, "1.1 Calot"),
                node(1, 3, "2. Next"),
            ]
        );
    }

    #[test]
    fn levels_in_one_line() {
        let text = "<think>Level 1: a grasper. Level 2: it holds. Level 3: dissection.</think>\n<answer>x</answer>";
        assert_eq!(
            shape(text),
            [node(0, 1, "Level 1: a grasper."), node(0, 2, "Level 2: it holds."), node(0, 3, "Level 3: dissection.")]
        );
    }

    #[test]
    fn numbered_chains_nest_by_their_numbers() {
        let text = "<think>First look.\n1. See\n2. Relate\n2.1 hook\n2.5 cm away\n2.2) clip\n3. Conclude</think>";
        assert_eq!(
            shape(text),
            [
                node(0, None, "First look."),
                node(0, None, "1. See"),
                node(0, None, "2. Relate"),
                node(1, None, "2.1 hook\n2.5 cm away"),
                node(1, None, "2.2) clip"),
                node(0, None, "3. Conclude"),
            ]
        );
    }

    #[test]
    fn json_trees_keep_their_evidence() {
        let text = r#"<think>[{"text":"a \"b\"","level":1,"evidence":["x/1.png",{"frame":"2.png","start":1.5,"bbox":[0,0,0.5,1]}],"children":[{"text":"c","kind":"step"}]},"d"]</think>"#;
        assert_eq!(shape(text), [node(0, 1, r#"a \"b\""#), node(1, None, "c"), node(0, None, "d")]);
        let nodes = parse(text).unwrap();
        assert_eq!(nodes[0].evidence[0].path, "x/1.png");
        assert_eq!(nodes[0].evidence[1].bbox, Some([0.0, 0.0, 0.5, 1.0]));
        assert_eq!(nodes[1].kind.as_deref(), Some("step"));
    }

    #[test]
    fn text_without_structure_is_one_node() {
        assert_eq!(shape("<think> just\n so. </think>yes"), [node(0, None, "just\n so.")]);
        assert_eq!(shape("<think>\n</think>yes"), []);
        assert_eq!(shape("no reasoning, <answer>1</answer>"), []);
    }

    #[test]
    fn what_is_malformed_has_no_tree() {
        for text in [
            "<think>never closed",
            "<think>a<think>b</think></think>",
            "<think>a</think></think>",
            "<think>1. a\n3. b</think>",
            "<think>Level 7: a</think>",
            "<think>a</think><answer>b",
            "<think>{\"text\":}</think>",
            "<think>{\"level\":1}</think>",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        let deep = format!("<think>{}1{}</think>", "[".repeat(100_000), "]".repeat(100_000));
        assert!(parse(&deep).is_err());
    }
}
