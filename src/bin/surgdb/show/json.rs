//! A sample as JSON.

use super::medium::Medium;
use serde_json::{Map, Value, json};
use surgdb::dataset::Conversation;
use surgdb::schema::views::{self, Turn};
use surgdb::{Dataset, Result};

/// Everything that a sample says; of its media what is known about them, without their bytes.
pub fn sample(dataset: &Dataset, sample: &Conversation<'_>) -> Result<Value> {
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
    put("address", json!(sample.address().to_string()));
    put("id", json!(sample.id()?));
    put("source", json!(sample.source()?));
    put("task", json!(sample.task()?));
    put("specialty", json!(sample.specialty()?));
    put("procedure", json!(sample.procedure()?));
    put("language", json!(sample.language()?));
    put("origin", json!(sample.origin()?));
    put("generator", json!(sample.generator()?));
    let case = sample.case()?;
    let patient = match case {
        Some(case) => dataset.case(case)?.patient()?.map(str::to_owned),
        None => None,
    };
    put("case", json!(case.map(|case| case.to_string())));
    put("patient", json!(patient));
    put("turns", sample.turns()?.iter().map(turn).collect());
    put("media", sample.media()?.iter().map(|medium| self::medium(dataset, &medium)).collect::<Result<_>>()?);
    put("grounding", grounding(sample)?);
    put("reasoning", reasoning(sample)?);
    put("alternatives", alternatives(sample)?);
    put("preferred", json!(sample.preferred()?));
    put("solution", json!(sample.solution()?));
    put("annotations", sample.annotations()?.iter().map(|address| json!(address.to_string())).collect());
    put("tools", parsed(sample.tools()?));
    put("extra", parsed(sample.extra()?));
    Ok(Value::Object(object))
}

/// JSON that is kept as text; text that is no JSON stays text.
fn parsed(text: Option<&str>) -> Value {
    text.map_or(Value::Null, |text| serde_json::from_str(text).unwrap_or_else(|_| json!(text)))
}

fn turn(turn: Turn<'_>) -> Value {
    json!({ "role": turn.role(), "text": turn.text(), "name": turn.name(), "extra": parsed(turn.extra()) })
}

fn medium(dataset: &Dataset, medium: &views::Medium<'_>) -> Result<Value> {
    let mut refs = Vec::new();
    for address in medium.refs().iter() {
        let known = Medium::at(dataset, address)?;
        refs.push(json!({
            "address": address.to_string(),
            "kind": known.kind,
            "name": known.name,
            "width": known.pixels.map(|pixels| pixels.0),
            "height": known.pixels.map(|pixels| pixels.1),
            "duration": known.duration,
            "media_type": known.media_type,
            "bytes": known.size,
        }));
    }
    Ok(json!({
        "turn": medium.turn(),
        "at": medium.at(),
        "output": medium.output(),
        "start": medium.start(),
        "end": medium.end(),
        "fps": medium.fps(),
        "refs": refs,
    }))
}

fn grounding(sample: &Conversation<'_>) -> Result<Value> {
    let item = |item: views::Grounded<'_>| {
        json!({
            "turn": item.turn(),
            "byte_start": item.byte_start(),
            "byte_end": item.byte_end(),
            "kind": item.kind(),
            "media": item.media(),
            "values": item.values(),
        })
    };
    Ok(sample.grounding()?.iter().map(item).collect())
}

fn reasoning(sample: &Conversation<'_>) -> Result<Value> {
    let node = |node: views::Node<'_>| {
        let evidence: Vec<Value> = node
            .evidence()
            .iter()
            .map(|evidence| {
                json!({
                    "ref": evidence.address().map(|address| address.to_string()),
                    "start": evidence.start(),
                    "end": evidence.end(),
                    "box": evidence.bbox(),
                })
            })
            .collect();
        json!({
            "turn": node.turn(),
            "parent": node.parent(),
            "subtree_end": node.subtree_end(),
            "level": node.level(),
            "kind": node.kind(),
            "origin": node.origin(),
            "text": node.text(),
            "evidence": evidence,
        })
    };
    Ok(sample.reasoning()?.iter().map(node).collect())
}

fn alternatives(sample: &Conversation<'_>) -> Result<Value> {
    let alternative = |alternative: views::Alternative<'_>| {
        json!({
            "kind": alternative.kind(),
            "turns": alternative.turns().iter().map(turn).collect::<Vec<_>>(),
            "score": alternative.score(),
            "generator": alternative.generator(),
        })
    };
    Ok(sample.alternatives()?.iter().map(alternative).collect())
}
