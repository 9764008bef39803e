//! Reasoning trees in JSON.

use super::Node;
use crate::import::draft::DraftEvidence;
use crate::import::raw::{Text, number_of};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

const DEPTH_LIMIT: usize = 64;
const TEXT_KEYS: [&str; 5] = ["text", "content", "thought", "statement", "step"];
const KIND_KEYS: [&str; 2] = ["kind", "type"];
const CHILD_KEYS: [&str; 4] = ["children", "steps", "nodes", "substeps"];
const EVIDENCE_KEYS: [&str; 2] = ["evidence", "frames"];

/// The nodes of a tree or a list of trees; `as_written` keeps a text's escapes, so that it stands in `body`.
pub(super) fn parse(body: &str, as_written: bool) -> Result<Vec<Node<'_>>, String> {
    let value: &RawValue = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let mut reader = Reader { nodes: Vec::new(), as_written };
    reader.value(value, 0)?;
    Ok(reader.nodes)
}

struct Reader<'a> {
    nodes: Vec<Node<'a>>,
    as_written: bool,
}

impl<'a> Reader<'a> {
    fn value(&mut self, value: &'a RawValue, depth: usize) -> Result<(), String> {
        if depth > DEPTH_LIMIT {
            return Err(format!("the tree is deeper than {DEPTH_LIMIT} levels"));
        }
        match value.get().as_bytes().first() {
            Some(b'[') => {
                for entry in parse_json::<Vec<&'a RawValue>>(value)? {
                    if entry.get().starts_with('[') {
                        return Err("a list stands where a node should be".into());
                    }
                    self.value(entry, depth)?;
                }
                Ok(())
            }
            Some(b'{') => self.node(parse_json(value)?, depth),
            Some(b'"') => {
                let text = self.text(value)?;
                self.nodes.push(Node { depth, text, ..Node::default() });
                Ok(())
            }
            _ => Err("a node is neither an object nor text".into()),
        }
    }

    fn node(&mut self, mut fields: BTreeMap<Cow<'a, str>, &'a RawValue>, depth: usize) -> Result<(), String> {
        let mut take = |keys: &[&str]| keys.iter().find_map(|key| fields.remove(*key));
        let (text, kind, children) = (take(&TEXT_KEYS), take(&KIND_KEYS), take(&CHILD_KEYS));
        let (evidence, level) = (take(&EVIDENCE_KEYS), take(&["level"]));
        let _ = take(&["id"]);
        if let Some(key) = fields.keys().next() {
            return Err(format!("a node has the key {key:?}, which has no place in a tree"));
        }
        let Some(text) = text else {
            let children = children.filter(|_| depth == 0).ok_or("a node has no text")?;
            return self.value(children, depth);
        };
        let node = Node {
            depth,
            level: level.map(parse_level).transpose()?,
            kind: kind.map(|kind| Ok::<_, String>(parse_json::<Text<'_>>(kind)?.0.into_owned())).transpose()?,
            text: self.text(text)?,
            evidence: evidence.map_or(Ok(Vec::new()), parse_evidence)?,
        };
        self.nodes.push(node);
        children.map_or(Ok(()), |children| self.value(children, depth + 1))
    }

    fn text(&self, value: &'a RawValue) -> Result<Cow<'a, str>, String> {
        if !self.as_written {
            return Ok(parse_json::<Text<'a>>(value)?.0);
        }
        let inside = value.get().strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        inside.map(Cow::Borrowed).ok_or_else(|| "a node's text is no text".into())
    }
}

fn parse_json<'a, T: serde::Deserialize<'a>>(value: &'a RawValue) -> Result<T, String> {
    serde_json::from_str(value.get()).map_err(|error| error.to_string())
}

fn parse_level(value: &RawValue) -> Result<i8, String> {
    let digits = value.get().trim_matches('"');
    match digits.parse::<i8>() {
        Ok(level @ 1..=3) => Ok(level),
        _ => Err(format!("{digits} is no level: they go from 1 to 3")),
    }
}

fn parse_evidence(value: &RawValue) -> Result<Vec<DraftEvidence>, String> {
    let list: Vec<&RawValue> = if value.get().starts_with('[') { parse_json(value)? } else { vec![value] };
    list.into_iter().map(one_evidence).collect()
}

fn one_evidence(value: &RawValue) -> Result<DraftEvidence, String> {
    if !value.get().starts_with('{') {
        let path = parse_json::<Text<'_>>(value)?.0.into_owned();
        return Ok(DraftEvidence { path, ..DraftEvidence::default() });
    }
    let fields: BTreeMap<String, &RawValue> = parse_json(value)?;
    let get = |keys: &[&str]| keys.iter().find_map(|key| fields.get(*key).copied());
    let path = get(&["frame", "image", "video", "path"]).ok_or("evidence names no frame")?;
    let seconds = |keys: &[&str]| {
        let value = get(keys).filter(|value| value.get() != "null");
        value.map(|value| number_of(value).ok_or_else(|| format!("{} is no time", value.get()))).transpose()
    };
    let bbox = get(&["bbox", "box"]).map(parse_json::<[f32; 4]>).transpose()?;
    if bbox.is_some_and(|[x0, y0, x1, y1]| !(0.0 <= x0 && x0 <= x1 && x1 <= 1.0 && 0.0 <= y0 && y0 <= y1 && y1 <= 1.0))
    {
        return Err("a box is not ordered within 0 to 1".into());
    }
    Ok(DraftEvidence {
        path: parse_json::<Text<'_>>(path)?.0.into_owned(),
        start: seconds(&["start", "time"])?,
        end: seconds(&["end"])?,
        bbox,
    })
}
