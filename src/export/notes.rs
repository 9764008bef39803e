//! What a record's `surgdb` object says: what its form has no field for.

use super::ExportReport;
use super::json::{self, Fields, Object, number, number_32, push_json, push_list, push_raw, push_text};
use super::media::sanitised;
use super::placement::Shown;
use crate::dataset::{Case, Dataset, Frame, Video};
use crate::error::Result;
use crate::format::Address;
use crate::schema::rows::BoxCoords;
use crate::schema::tables::Table;
use crate::schema::views::{Alternatives, Evidence, Grounding, Node, Reasoning, Turn, Turns};
use std::rc::Rc;

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
        entry.raw_opt("ending", medium.place.ending);
        entry.raw("turn", medium.place.turn);
        entry.raw_opt("at", medium.place.at);
        entry.raw_opt("output", medium.place.output.then_some(true));
        for (name, value) in [("start", medium.start), ("end", medium.end), ("fps", medium.fps)] {
            entry.raw_opt(name, value.map(json::number));
        }
        entry.end();
    });
}

/// What a null stands for of which no file was ever named.
pub(super) fn unnamed(out: &mut Vec<u8>, name: &str) {
    let mut entry = Object::new(out);
    entry.text("unnamed", name);
    entry.end();
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
        if !ending.grounding().is_empty() {
            grounding(entry.key("grounding"), ending.grounding());
        }
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
    path_of: &dyn Fn(Address) -> Option<Rc<str>>,
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
        evidence(&mut entry, &node, path_of, dataset, &mut lost);
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
    entry: &mut Object<'_>,
    node: &Node<'_>,
    path_of: &dyn Fn(Address) -> Option<Rc<str>>,
    dataset: &Dataset,
    lost: &mut [u64; 2],
) {
    let mut find = |piece: &Evidence<'_>| match piece.address().and_then(path_of) {
        Some(path) => Some(path),
        None => {
            let table = piece.address().and_then(|address| dataset.table_of(address).ok());
            let is_annotation = table == Some(Table::Annotations);
            lost[usize::from(!is_annotation)] += 1;
            None
        }
    };
    let kept: Vec<_> = node.evidence().iter().filter_map(|piece| Some((find(&piece)?, piece))).collect();
    if kept.is_empty() {
        return;
    }
    entry.list("evidence", kept, |out, (path, piece)| {
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

/// What a picture's row is held against: what it refers to, by the paths that are written.
#[derive(Default)]
pub(super) struct Referred {
    /// The video that it was taken from, where its file is part of the export.
    pub(super) video: Option<Rc<str>>,
    /// That video's id, where it is not.
    pub(super) video_id: Option<Rc<str>>,
    /// The picture that it belongs to.
    pub(super) parent: Option<Rc<str>>,
    /// Whether the conversation has a case.
    pub(super) has_case: bool,
}

/// What a row is called in an export.
pub(super) struct Called<'c> {
    pub(super) id: Rc<str>,
    /// As its source wrote it.
    pub(super) path: Option<&'c str>,
    /// The path that it is written under.
    pub(super) written: &'c str,
}

/// What a video's row says beyond the path that it is written under; nothing where it says no more.
///
/// # Errors
/// `Corrupt`.
pub(super) fn video(video: &Video<'_>, called: &Called<'_>, has_case: bool) -> Result<Option<Vec<u8>>> {
    let mut fields = Fields::default();
    names(&mut fields, called);
    recording(&mut fields, video, has_case)?;
    Ok(fields.finish())
}

/// What the row of a video says beyond its id, and beyond its bytes, where the record has frames of it alone; nothing
/// where it says no more.
///
/// # Errors
/// `Corrupt`.
pub(super) fn bare_video(video: &Video<'_>, has_case: bool) -> Result<Option<Vec<u8>>> {
    let mut fields = Fields::default();
    if let Some(path) = video.path()? {
        push_text(fields.key("path"), path);
    }
    recording(&mut fields, video, has_case)?;
    Ok(fields.finish())
}

fn recording(fields: &mut Fields, video: &Video<'_>, has_case: bool) -> Result<()> {
    if has_case && video.case()?.is_none() {
        push_raw(fields.key("no_case"), true);
    }
    for (key, value) in [("fps", video.fps()?), ("duration", video.duration()?)] {
        if let Some(value) = value {
            push_raw(fields.key(key), number(value));
        }
    }
    let (width, height) = (video.width()?.map(i64::from), video.height()?.map(i64::from));
    for (key, value) in [("frame_count", video.frame_count()?), ("width", width), ("height", height)] {
        if let Some(value) = value {
            push_raw(fields.key(key), value);
        }
    }
    // An importer reads them from the file.
    if let Some(keyframes) = video.keyframes()?.filter(|_| !matches!(video.blob(), Ok(Some(_)))) {
        push_list(fields.key("keyframes"), keyframes.iter(), |out, keyframe| {
            push_list(out, [number(keyframe.time), keyframe.offset.to_string()], push_raw);
        });
    }
    if let Some(extra) = video.extra()? {
        push_json(fields.key("extra"), extra);
    }
    Ok(())
}

/// What a frame's row says beyond the path that it is written under; nothing where it says no more.
///
/// # Errors
/// `Corrupt`.
pub(super) fn frame(
    frame: &Frame<'_>,
    called: &Called<'_>,
    output: bool,
    referred: &Referred,
) -> Result<Option<Vec<u8>>> {
    let mut fields = Fields::default();
    names(&mut fields, called);
    if referred.has_case && frame.case()?.is_none() {
        push_raw(fields.key("no_case"), true);
    }
    for (key, value) in [
        ("kind", Some(frame.kind()?).filter(|kind| output || *kind != "rgb")),
        ("origin", frame.origin()?),
        ("generator", frame.generator()?),
        ("video", referred.video_id.as_deref()),
        ("video_file", referred.video.as_deref()),
        ("parent", referred.parent.as_deref()),
    ] {
        if let Some(value) = value {
            push_text(fields.key(key), value);
        }
    }
    if let Some(index) = frame.index()? {
        push_raw(fields.key("index"), index);
    }
    if let Some(time) = frame.time()? {
        push_raw(fields.key("time"), number(time));
    }
    // An importer reads them from the bytes.
    if let Some((width, height)) = frame.width()?.zip(frame.height()?).filter(|_| !matches!(frame.blob(), Ok(Some(_))))
    {
        push_raw(fields.key("width"), width);
        push_raw(fields.key("height"), height);
    }
    if let Some(extra) = frame.extra()? {
        push_json(fields.key("extra"), extra);
    }
    Ok(fields.finish())
}

/// Id and path of a row, where an importer would not make them of the path that is written.
fn names(fields: &mut Fields, Called { id, path, written }: &Called<'_>) {
    if **id != **written || sanitised(written) != *written {
        push_text(fields.key("id"), id);
    }
    match path {
        None => push_raw(fields.key("no_path"), true),
        Some(path) if *path != *written => push_text(fields.key("path"), path),
        Some(_) => {}
    }
}

/// What a case says beyond its patient and institution.
///
/// # Errors
/// `Corrupt`.
pub(super) fn case(case: &Case<'_>) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut object = Object::new(&mut out);
    object.text("id", case.id()?);
    object.text_opt("specialty", case.specialty()?);
    object.text_opt("procedure", case.procedure()?);
    object.text_opt("device", case.device()?);
    object.text_opt("consent", case.consent()?);
    if let Some(extra) = case.extra()? {
        push_json(object.key("extra"), extra);
    }
    object.end();
    Ok(out)
}
