//! Prompts, and the endings that go with them: preference pairs, marks, solutions.

use super::media::{self, Inputs};
use super::turns;
use crate::error::{Error, Result};
use crate::import::draft::{Draft, DraftMedium, MediaKind};
use crate::import::format::Format;
use crate::import::placeholders;
use crate::import::raw::{Content, ObjectText, RawRecord, RawTurn, as_text};
use crate::import::report::Kind;
use crate::schema::rows::{AlternativeRow, TurnRow};
use serde_json::value::RawValue;

/// The turns of a record with a `prompt`, or of one whose endings share their start.
pub(super) fn prompt(record: &mut RawRecord<'_>, draft: &mut Draft, inputs: &mut Inputs<'_>) -> Result<()> {
    // RLHF-V and its kin call a prompt a question, rows with answers that can be checked a problem.
    for name in ["prompt", "question", "problem"] {
        if let Some(value) = record.take(name) {
            turns::add(draft, spoken(value, name, "user")?, inputs)?;
            break;
        }
    }
    if let Some(value) = record.take("completion") {
        let list = spoken(value, "completion", "assistant")?;
        turns::add(draft, list, inputs)?;
    }
    Ok(())
}

/// The turns of a record with `instruction`, `input` and `output`, or `query` and `response`.
pub(super) fn alpaca(record: &mut RawRecord<'_>, draft: &mut Draft) -> Result<()> {
    if let Some(value) = record.take("history") {
        let history: Vec<(String, String)> = serde_json::from_str(value.get())
            .map_err(|error| Error::input(format!("the field `history` is no list of pairs: {error}")))?;
        for (question, answer) in history {
            draft.turns.push(turns::plain("user", &question));
            draft.turns.push(turns::plain("assistant", &answer));
        }
    }
    let is_answered_elsewhere =
        ["chosen", "rejected", "rejected_response", "solution"].iter().any(|name| record.get(name).is_some());
    let is_instruction = record.get("instruction").is_some();
    let question = record.take_text("instruction").or_else(|| record.take_text("query")).unwrap_or_default();
    let mut turn = turns::plain("user", &question);
    if let Some(input) = record.take_text("input") {
        if !turn.text.is_empty() {
            turn.text.push('\n');
        }
        let mut extra = ObjectText::default();
        extra.raw("~input", &turn.text.len().to_string());
        turn.extra = extra.finish();
        turn.text.push_str(&input);
    } else if record.get("input").is_some_and(|value| value.get() == "\"\"") {
        record.take("input");
    }
    draft.turns.push(turn);
    if let Some(answer) = record.take_text("output").or_else(|| record.take_text("response")) {
        draft.turns.push(turns::plain("assistant", &answer));
    } else if is_instruction && !is_answered_elsewhere {
        draft.find(Kind::Doubtful, "it has an `instruction` and no answer (`output`)");
    }
    Ok(())
}

/// Takes what tells answers apart: other endings, marks, solutions; and the tools. The media of endings' parts come behind
/// those of the draft. Endings that repeat the
/// conversation, or start alike, lose that unless they are `exact`.
pub(super) fn take(
    record: &mut RawRecord<'_>,
    draft: &mut Draft,
    inputs: &mut Inputs<'_>,
    format: Format,
    exact: bool,
) -> Result<()> {
    let mut lists = Vec::new();
    for (kind, names) in
        [("chosen", &["chosen"][..]), ("rejected", &["rejected", "rejected_response", "rejected_messages"])]
    {
        for name in names {
            let Some(value) = record.get(name).filter(|value| value.get() != "null") else { continue };
            record.take(name);
            lists.push((kind, spoken(value, name, "assistant")?, score(record, kind)));
        }
    }
    let wanted = |kind| lists.iter().map(move |(_, list, _)| turns::without_file(list, kind));
    let kinds = [MediaKind::Picture, MediaKind::Video];
    // Parts that leave their files to the record take them one after the other; where there are not enough for that, each
    // ending has what is behind the question's, as it would have without the others.
    let is_shared = kinds.into_iter().any(|kind| wanted(kind).sum::<usize>() > inputs.count(kind));
    let shared = is_shared.then(|| kinds.map(|kind| (kind, wanted(kind).max().unwrap_or_default())));
    let mut endings = Vec::new();
    for (number, (kind, list, score)) in lists.into_iter().enumerate() {
        let turns = match is_shared {
            true => turns::ending(number, list, draft, &mut inputs.again())?,
            false => turns::ending(number, list, draft, inputs)?,
        };
        endings.push(AlternativeRow { kind: kind.into(), turns, score, ..AlternativeRow::default() });
    }
    for (kind, count) in shared.into_iter().flatten() {
        (0..count).for_each(|_| drop(inputs.next(kind)));
    }
    if !exact {
        share_start(draft, &mut endings);
    }
    draft.alternatives = endings;
    for name in ["kto_tag", "label"] {
        if let Some(mark) = record.get(name).and_then(|value| value.get().parse::<bool>().ok()) {
            draft.preferred = Some(mark);
            record.take(name);
            break;
        }
    }
    if let Some(mark) = record.get("kto_tag").filter(|mark| mark.get() != "null" && draft.preferred.is_none()) {
        let what =
            format!("its `kto_tag` is neither true nor false: {}; no mark is made of it", media::shortened(mark.get()));
        draft.find(Kind::Doubtful, what);
    }
    let solutions: &[&str] =
        if format == Format::Preference { &["solution", "answer", "ground_truth"] } else { &["solution"] };
    if let Some(name) = solutions.iter().find(|name| record.get(name).is_some_and(|value| value.get() != "null")) {
        let value = record.get(name);
        draft.solution = value.map(text_or_json);
        // One that is no text stays in `extra` too, so that it comes back as what it was.
        if value.is_some_and(|value| value.get().starts_with('"')) {
            record.take(name);
        }
    }
    if let Some(value) = record.get("tools").filter(|value| !matches!(value.get(), "null" | "\"\"")) {
        draft.tools = Some(text_or_json(value));
        record.take("tools");
    }
    Ok(())
}

/// Takes the media of endings out of the draft: those of their parts, and those that fields name of the rejected one alone.
pub(super) fn media(record: &mut RawRecord<'_>, draft: &mut Draft, inputs: &Inputs<'_>) -> Result<Vec<DraftMedium>> {
    let (own, mut of_endings): (Vec<_>, Vec<_>) =
        std::mem::take(&mut draft.media).into_iter().partition(|medium| medium.ending.is_none());
    draft.media = own;
    let Some(rejected) = draft.alternatives.iter().position(|ending| ending.kind == "rejected") else {
        return Ok(of_endings);
    };
    // ms-swift counts them over the question and the rejected answer.
    for (name, kind) in [("rejected_images", MediaKind::Picture), ("rejected_videos", MediaKind::Video)] {
        let media = record.get(name).and_then(|value| media::named_alone(value, kind));
        let asked = inputs.of_kind(kind);
        let placed = media.and_then(|media| placeholders::place_in_ending(draft, rejected, kind, media, &asked));
        match placed {
            Some(placed) => {
                record.take(name);
                of_endings.extend(placed);
            }
            None if record.get(name).is_some_and(|value| value.get() != "null") => {
                let what = format!(
                    "`{name}` fits neither the rejected answer nor the question with what it shows, as where the question shows \
                     another picture for it: it is kept in `extra`, and its files are not taken"
                );
                draft.find(Kind::OtherMedia, what);
            }
            None => {}
        }
    }
    Ok(of_endings)
}

/// Where the conversation has no turns, those that all endings start with become its turns; where endings repeat the
/// conversation, they lose the repetition. The media of the turns go with them.
fn share_start(draft: &mut Draft, endings: &mut [AlternativeRow]) {
    let has_turns = draft.turns.iter().any(|turn| turn.role != "system");
    if !has_turns && let [first, rest @ ..] = &*endings {
        let most = first.turns.len().saturating_sub(1);
        let shared = first.turns.iter().take(most).enumerate();
        let is_shared = |(at, turn): &(usize, &TurnRow)| {
            rest.iter().zip(1..).all(|(other, number)| {
                other.turns.get(*at) == Some(*turn) && show_alike(draft, (Some(0), *at), (Some(number), *at))
            })
        };
        let shared = shared.take_while(is_shared).count();
        let before = draft.turns.len();
        draft.turns.extend(first.turns.iter().take(shared).cloned());
        for medium in draft.media.iter_mut().filter(|medium| medium.ending == Some(0) && medium.turn < shared) {
            (medium.ending, medium.turn) = (None, before + medium.turn);
        }
        for (number, ending) in endings.iter_mut().enumerate() {
            ending.turns.drain(..shared.min(ending.turns.len()));
            cut_media(draft, number, shared);
        }
        return;
    }
    for (number, ending) in endings.iter_mut().enumerate().filter(|(_, ending)| ending.turns.len() > 1) {
        let is_shared = |(at, (a, b)): &(usize, (&TurnRow, &TurnRow))| {
            a == b && show_alike(draft, (Some(number), *at), (None, *at))
        };
        let shared = ending.turns.iter().zip(&draft.turns).enumerate().take_while(is_shared).count();
        if shared < ending.turns.len() {
            ending.turns.drain(..shared);
            cut_media(draft, number, shared);
        }
    }
}

/// Whether two turns, each of an ending or of the conversation itself, show the same.
fn show_alike(draft: &Draft, a: (Option<usize>, usize), b: (Option<usize>, usize)) -> bool {
    let of = |(ending, turn): (Option<usize>, usize)| {
        draft.media.iter().filter(move |medium| medium.ending == ending && medium.turn == turn)
    };
    let is_same = |(a, b): (&DraftMedium, &DraftMedium)| {
        let DraftMedium { ending: _, turn: _, at, output, kind, of_frames, items, start, end, fps } = a;
        (at, output, kind, of_frames, items) == (&b.at, &b.output, &b.kind, &b.of_frames, &b.items)
            && (start, end, fps) == (&b.start, &b.end, &b.fps)
    };
    of(a).count() == of(b).count() && of(a).zip(of(b)).all(is_same)
}

/// Takes the media of an ending's first turns away.
fn cut_media(draft: &mut Draft, ending: usize, turns: usize) {
    draft.media.retain(|medium| medium.ending != Some(ending) || medium.turn >= turns);
    for medium in draft.media.iter_mut().filter(|medium| medium.ending == Some(ending)) {
        medium.turn -= turns;
    }
}

/// What a field says: text of this role, one turn, or a list of turns.
fn spoken<'a>(value: &'a RawValue, name: &str, role: &'static str) -> Result<Vec<RawTurn<'a>>> {
    let wrong = |error: serde_json::Error| Error::input(format!("the field `{name}`: {error}"));
    match value.get().as_bytes().first() {
        Some(b'[') => serde_json::from_str(value.get()).map_err(wrong),
        Some(b'{') => Ok(vec![serde_json::from_str(value.get()).map_err(wrong)?]),
        _ => {
            let content: Content<'a> = serde_json::from_str(value.get()).map_err(wrong)?;
            Ok(vec![RawTurn { role: Some(role.into()), content, ..RawTurn::default() }])
        }
    }
}

/// The score of an ending, where the record states one.
fn score(record: &mut RawRecord<'_>, kind: &str) -> Option<f64> {
    let names = [format!("score_{kind}"), format!("{kind}_score")];
    let (name, score) = names.iter().find_map(|name| {
        let score = record.get(name)?.get().parse::<f64>().ok()?;
        Some((name, score))
    })?;
    record.take(name);
    Some(score)
}

/// Text as it is, anything else as its JSON.
fn text_or_json(value: &RawValue) -> String {
    as_text(value).map_or_else(|| value.get().to_owned(), |text| text.into_owned())
}
