//! Rows that become conversations: a question, perhaps an answer, and what is shown.

use super::model::RowSet;
use super::row::{Found, Row, items, scalar};
use super::taker::{Taker, patient_name, split, text};
use super::value::Piece;
use crate::error::{Error, Result};
use crate::import::draft::{Draft, DraftMedium, FileFields, MediaItem, MediaKind};
use crate::import::media::wanted::Wanted;
use crate::import::placeholders;
use crate::import::report::At;
use crate::import::row as rows;
use crate::import::run::Run;
use crate::schema::rows::TurnRow;

impl Taker<'_> {
    /// Takes a row that is a conversation.
    pub(super) fn conversation(
        &mut self,
        run: &mut Run<'_>,
        set: &RowSet,
        row: &Row<'_>,
        id: String,
        at: &At,
    ) -> Result<()> {
        let subject = self.subject(run, set, row)?;
        let mut draft = Draft {
            // The canonical key is made of it with the defaults.
            patient: patient_name(run, set, row, &subject)?,
            institution: subject.draft.institution.clone(),
            task: text(row, &set.task)?,
            specialty: text(row, &set.specialty)?,
            procedure: text(row, &set.procedure)?,
            language: text(row, &set.language)?,
            origin: text(row, &set.origin)?,
            generator: text(row, &set.generator)?,
            split: split(row, set)?,
            turns: turns(set, row)?,
            extra: row.extra(&set.used, &set.inner),
            ..Draft::default()
        };
        let media = self.media(set, row, &subject, &mut draft)?;
        match draft.turns.iter().any(|turn| turn.text.contains("<image>") || turn.text.contains("<video>")) {
            true => placeholders::place(&mut draft, media, Vec::new()),
            // Questions of tables have no places for pictures: they belong to the question as a whole.
            false => {
                let turn = draft.turns.iter().position(|turn| turn.role == "user").unwrap_or(0);
                draft.media.extend(media.into_iter().map(|medium| DraftMedium { turn, ..medium }));
            }
        }
        rows::apply_defaults(&mut draft, run.options, "{}")?;
        for (kind, detail) in std::mem::take(&mut draft.findings) {
            run.report.find(kind, at, detail);
        }
        let id = run.id_beside(id, &draft, at)?;
        run.conversation(id, &mut draft, at)
    }

    /// What a row shows; what is known of its pictures goes into the draft.
    fn media(
        &self,
        set: &RowSet,
        row: &Row<'_>,
        subject: &super::taker::Subject,
        draft: &mut Draft,
    ) -> Result<Vec<DraftMedium>> {
        let mut media = Vec::new();
        let mut paths: Vec<String> = text(row, &set.image)?.into_iter().collect();
        if let Some(images) = &set.images {
            paths.extend(match &images.pieces[..] {
                [Piece::From(from)] => list(row.find(from)?)?,
                _ => text(row, &set.images)?.into_iter().collect(),
            });
        }
        for path in paths {
            let id = set.one_folder.then(|| Wanted::new(&path).id).filter(|id| !id.is_empty());
            if subject.video.is_some() || id.is_some() {
                let moment = self.moment_of(set, row, subject)?;
                let said = FileFields {
                    id,
                    by_pattern: subject.video.is_none(),
                    video: subject.video.clone(),
                    index: moment.index,
                    time: moment.time,
                    fps: subject.fps,
                    ..FileFields::default()
                };
                draft.files.insert(path.clone(), said);
            }
            media.push(DraftMedium::new(MediaKind::Picture, vec![MediaItem::Path(path)]));
        }
        if let Some(clip) = text(row, &set.clip)? {
            let clock = &self.table.clock;
            let time = |value: &Option<_>, end| -> Result<Option<f64>> {
                let text = text(row, value)?;
                text.map(|text| clock.seconds(&text, subject.fps, subject.base, end)).transpose()
            };
            let (start, end) = (time(&set.start, false)?, time(&set.end, true)?);
            let clip = DraftMedium::new(MediaKind::Video, vec![MediaItem::Path(clip)]);
            media.push(DraftMedium { start, end, ..clip });
        }
        Ok(media)
    }
}

/// The turns of a row. An answer that is not there is none; one that is empty text is an answer.
fn turns(set: &RowSet, row: &Row<'_>) -> Result<Vec<TurnRow>> {
    let mut turns = Vec::with_capacity(3);
    for (role, value) in [("system", &set.system), ("user", &set.question), ("assistant", &set.answer)] {
        let Some(value) = value else { continue };
        match row.text(value)? {
            Some(text) => turns.push(TurnRow { role: role.into(), text: text.into_owned(), ..TurnRow::default() }),
            None if role == "user" => return Err(Error::input(format!("its question (`{}`) is empty", value.text))),
            None => {}
        }
    }
    Ok(turns)
}

/// The texts of a list; a single text is a list of one.
fn list(found: Found<'_>) -> Result<Vec<String>> {
    let no_paths = || Error::input("`images` is no list of paths");
    match found {
        Found::Absent | Found::Empty => Ok(Vec::new()),
        Found::Text(text) => Ok(vec![text.into_owned()]),
        Found::Json(raw) => match items(raw) {
            None => Ok(vec![scalar(raw).ok_or_else(no_paths)?.into_owned()]),
            Some(items) => {
                items.into_iter().map(|item| scalar(item).map(|text| text.into_owned()).ok_or_else(no_paths)).collect()
            }
        },
    }
}
