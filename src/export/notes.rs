//! What a record's `surgdb` object says: what its form has no field for.

use super::ExportReport;
use super::json::{self, Fields, Object, number, number_32, push_json, push_list, push_raw, push_text};
use super::media::sanitised;
use super::placement::Shown;
use crate::dataset::Dataset;
use crate::error::Result;
use crate::format::Address;
use crate::schema::rows::BoxCoords;
use crate::schema::tables::Table;
use crate::schema::views::{Alternatives, Grounding, Node, Reasoning, Turn, Turns};

/// A place list of the media: an entry a medium in the conversation's order.
pub(super) fn media(out: &mut Vec<u8>, media: &[Shown], order: &[usize]) {
    let mut from = vec![0; order.len()];
    for (place, number) in order.iter().enumerate() {
        if let Some(from) = from.get_mut(*number) {
            *from = place;
        }
    }
    push_list(out, media.iter().zip(from).enumerate(), |out, (number, (medium, from))| {
        let mut entry = Object::new(out);
        entry.raw_opt("from", (from != number).then_some(from));
        entry.raw("turn", medium.place.turn);
        entry.raw_opt("at", medium.place.at);
        entry.raw_opt("output", medium.place.output.then_some(true));
        for (name, value) in [("start", medium.start), ("end", medium.end), ("fps", medium.fps)] {
            entry.raw_opt(name, value.map(json::number));
        }
        entry.end();
    });
}

/// Boxes, points and times of the text.
pub(super) fn grounding(out: &mut Vec<u8>, grounding: Grounding<'_>) {
    push_list(out, grounding.iter(), |out, place| {
        let mut entry = Object::new(out);
        entry.raw("turn", place.turn());
        entry.raw("start", place.byte_start());
        entry.raw("end", place.byte_end());
        entry.text("kind", place.kind());
        entry.raw("media", place.media());
        entry.list("values", place.values(), |out, value| push_raw(out, number_32(*value)));
        entry.end();
    });
}

/// Other endings.
pub(super) fn alternatives(out: &mut Vec<u8>, alternatives: Alternatives<'_>) {
    push_list(out, alternatives.iter(), |out, ending| {
        let mut entry = Object::new(out);
        entry.text("kind", ending.kind());
        entry.list("turns", ending.turns().iter(), turn);
        entry.raw_opt("score", ending.score().map(number));
        entry.text_opt("generator", ending.generator());
        entry.end();
    });
}

fn turn(out: &mut Vec<u8>, turn: Turn<'_>) {
    let mut entry = Object::new(out);
    entry.text("role", turn.role());
    entry.text("text", turn.text());
    entry.text_opt("name", turn.name());
    if let Some(extra) = turn.extra() {
        push_json(entry.key("extra"), extra);
    }
    entry.end();
}

/// The reasoning forest, with nodes by the bytes of the text that they repeat. `path_of` gives the path of what the
/// conversation shows.
pub(super) fn reasoning(
    out: &mut Vec<u8>,
    reasoning: Reasoning<'_>,
    turns: Turns<'_>,
    path_of: &dyn Fn(Address) -> Option<std::rc::Rc<str>>,
    dataset: &Dataset,
    report: &mut ExportReport,
) {
    // Nodes mostly stand in the order of the text, so each is looked for behind the one before it.
    let mut last = (0, 0);
    let mut lost = [0; 2];
    push_list(out, reasoning.iter(), |out, node| {
        let mut entry = Object::new(out);
        entry.raw("turn", node.turn());
        entry.raw_opt("parent", node.parent());
        entry.raw_opt("level", node.level());
        entry.text_opt("kind", node.kind());
        entry.text_opt("origin", node.origin());
        text(&mut entry, &node, turns, &mut last);
        if !node.evidence().is_empty() {
            evidence(entry.key("evidence"), &node, path_of, dataset, &mut lost);
        }
        entry.end();
    });
    report.lose("evidence that is an annotation", lost[0]);
    report.lose("evidence that the conversation does not show", lost[1]);
}

fn text(entry: &mut Object<'_>, node: &Node<'_>, turns: Turns<'_>, last: &mut (i32, usize)) {
    let whole = usize::try_from(node.turn()).ok().and_then(|turn| turns.get(turn)).map_or("", |turn| turn.text());
    let from = if last.0 == node.turn() { last.1 } else { 0 };
    let found = whole.get(from..).and_then(|rest| rest.find(node.text())).map(|at| from + at);
    match found {
        Some(at) if !node.text().is_empty() => {
            *last = (node.turn(), at);
            entry.list("at", [at, at + node.text().len()], push_raw);
        }
        _ => entry.text("text", node.text()),
    }
}

fn evidence(
    out: &mut Vec<u8>,
    node: &Node<'_>,
    path_of: &dyn Fn(Address) -> Option<std::rc::Rc<str>>,
    dataset: &Dataset,
    lost: &mut [u64; 2],
) {
    let kept = node.evidence().iter().filter_map(|piece| match piece.address().and_then(path_of) {
        Some(path) => Some((path, piece)),
        None => {
            let table = piece.address().and_then(|address| dataset.table_of(address).ok());
            let is_annotation = table == Some(Table::Annotations);
            lost[usize::from(!is_annotation)] += 1;
            None
        }
    });
    push_list(out, kept, |out, (path, piece)| {
        let mut entry = Object::new(out);
        entry.text("path", &path);
        entry.raw_opt("start", piece.start().map(number));
        entry.raw_opt("end", piece.end().map(number));
        if let Some(bbox) = piece.bbox() {
            push_box(entry.key("box"), bbox);
        }
        entry.end();
    });
}

fn push_box(out: &mut Vec<u8>, bbox: BoxCoords) {
    push_list(out, bbox, |out, value| push_raw(out, number_32(value)));
}

/// What a picture's or video's row says beyond the path that it is written under; nothing where it says no more.
///
/// # Errors
/// `Corrupt`.
pub(super) fn file(dataset: &Dataset, address: Address, path: &str, output: bool) -> Result<Option<Vec<u8>>> {
    let mut fields = Fields::default();
    let mut text = |key: &str, value: Option<&str>| {
        if let Some(value) = value {
            push_text(fields.key(key), value);
        }
    };
    // An importer takes the path, tidied, as the id.
    let is_plain = |id: &str| id == path && sanitised(path) == path;
    if dataset.table_of(address)? == Table::Videos {
        let video = dataset.video(address)?;
        text("id", Some(video.id()?).filter(|id| !is_plain(id)));
        if video.path()? != Some(path) {
            match video.path()? {
                Some(path) => push_text(fields.key("path"), path),
                None => push_raw(fields.key("path"), "null"),
            }
        }
        if let Some(extra) = video.extra()? {
            push_json(fields.key("extra"), extra);
        }
        return Ok(fields.finish());
    }
    let frame = dataset.frame(address)?;
    text("id", Some(frame.id()?).filter(|id| !is_plain(id)));
    text("kind", Some(frame.kind()?).filter(|kind| output || *kind != "rgb"));
    text("origin", frame.origin()?);
    text("generator", frame.generator()?);
    if frame.path()? != Some(path) {
        match frame.path()? {
            Some(path) => push_text(fields.key("path"), path),
            None => push_raw(fields.key("path"), "null"),
        }
    }
    if let Some(video) = frame.video()? {
        push_text(fields.key("video"), dataset.video(video)?.id()?);
    }
    if let Some(index) = frame.index()? {
        push_raw(fields.key("index"), index);
    }
    if let Some(time) = frame.time()? {
        push_raw(fields.key("time"), number(time));
    }
    if let Some(extra) = frame.extra()? {
        push_json(fields.key("extra"), extra);
    }
    Ok(fields.finish())
}
