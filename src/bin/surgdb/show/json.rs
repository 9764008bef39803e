//! A sample as JSON.

use super::medium::Medium;
use crate::cell;
use crate::json::Json;
use serde_json::json;
use surgdb::dataset::Conversation;
use surgdb::schema::views::{self, Turn};
use surgdb::{Dataset, Result};

/// Everything that a sample says; of its media what is known about them, without their bytes. What is kept as JSON text
/// comes out as it was written, and numbers with all their digits.
pub fn sample(dataset: &Dataset, sample: &Conversation<'_>) -> Result<Json> {
    let case = sample.case()?;
    let patient = match case {
        Some(case) => dataset.case(case)?.patient()?.map(str::to_owned),
        None => None,
    };
    Ok(Json::object([
        ("address", sample.address().to_string().into()),
        ("id", sample.id()?.into()),
        ("source", sample.source()?.into()),
        ("task", sample.task()?.into()),
        ("specialty", sample.specialty()?.into()),
        ("procedure", sample.procedure()?.into()),
        ("language", sample.language()?.into()),
        ("origin", sample.origin()?.into()),
        ("generator", sample.generator()?.into()),
        ("case", case.map(|case| case.to_string()).into()),
        ("patient", patient.into()),
        ("turns", sample.turns()?.iter().map(turn).collect()),
        ("media", media(dataset, sample.media()?)?),
        ("grounding", grounding(sample.grounding()?)),
        ("reasoning", reasoning(sample)?),
        ("alternatives", alternatives(dataset, sample)?),
        ("preferred", sample.preferred()?.into()),
        ("solution", sample.solution()?.into()),
        ("annotations", sample.annotations()?.iter().map(|address| address.to_string().into()).collect()),
        ("tools", Json::written_opt(sample.tools()?)),
        ("extra", Json::written_opt(sample.extra()?)),
        ("columns", Json::Object(cell::added(dataset, sample.row())?)),
    ]))
}

fn turn(turn: Turn<'_>) -> Json {
    Json::object([
        ("role", turn.role().into()),
        ("text", turn.text().into()),
        ("name", turn.name().into()),
        ("extra", Json::written_opt(turn.extra())),
    ])
}

fn media(dataset: &Dataset, media: views::Media<'_>) -> Result<Json> {
    media.iter().map(|medium| self::medium(dataset, &medium)).collect()
}

fn medium(dataset: &Dataset, medium: &views::Medium<'_>) -> Result<Json> {
    let mut refs = Vec::new();
    for address in medium.refs().iter() {
        let known = Medium::at(dataset, address)?;
        refs.push(Json::object([
            ("address", address.to_string().into()),
            ("kind", known.kind.into()),
            ("name", known.name.into()),
            ("width", known.pixels.map(|pixels| pixels.0).into()),
            ("height", known.pixels.map(|pixels| pixels.1).into()),
            ("duration", known.duration.into()),
            ("media_type", known.media_type.into()),
            ("bytes", known.size.into()),
            ("columns", Json::Object(known.columns)),
        ]));
    }
    Ok(Json::object([
        ("turn", medium.turn().into()),
        ("at", medium.at().into()),
        ("output", medium.output().into()),
        ("start", medium.start().into()),
        ("end", medium.end().into()),
        ("fps", medium.fps().into()),
        ("refs", Json::List(refs)),
    ]))
}

fn grounding(grounding: views::Grounding<'_>) -> Json {
    let item = |item: views::Grounded<'_>| {
        Json::Value(json!({
            "turn": item.turn(),
            "byte_start": item.byte_start(),
            "byte_end": item.byte_end(),
            "kind": item.kind(),
            "media": item.media(),
            "values": item.values(),
        }))
    };
    grounding.iter().map(item).collect()
}

fn reasoning(sample: &Conversation<'_>) -> Result<Json> {
    let node = |node: views::Node<'_>| {
        let evidence: Vec<_> = node
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
        Json::Value(json!({
            "turn": node.turn(),
            "parent": node.parent(),
            "subtree_end": node.subtree_end(),
            "level": node.level(),
            "kind": node.kind(),
            "origin": node.origin(),
            "text": node.text(),
            "evidence": evidence,
        }))
    };
    Ok(sample.reasoning()?.iter().map(node).collect())
}

fn alternatives(dataset: &Dataset, sample: &Conversation<'_>) -> Result<Json> {
    let alternative = |alternative: views::Alternative<'_>| {
        Ok(Json::object([
            ("kind", alternative.kind().into()),
            ("turns", alternative.turns().iter().map(turn).collect()),
            ("media", media(dataset, alternative.media())?),
            ("grounding", grounding(alternative.grounding())),
            ("score", alternative.score().into()),
            ("generator", alternative.generator().into()),
        ]))
    };
    sample.alternatives()?.iter().map(alternative).collect()
}
