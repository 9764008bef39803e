//! A draft becomes a row: first with stand-ins for addresses, so that it can be checked and digested before anything
//! is written, then with the real ones.

use crate::error::{Error, Result};
use crate::format::address::{Address, FragmentId};
use crate::format::constants::FRAGMENT_MAX;
use crate::import::draft::{Draft, DraftNode};
use crate::import::media::names::{Named, name_of};
use crate::import::media::wanted::Wanted;
use crate::import::options::ImportOptions;
use crate::import::raw::RawRecord;
use crate::import::report::{At, ImportReport, Kind};
use crate::import::source::PatientFrom;
use crate::schema::record;
use crate::schema::rows::{
    AlternativeRow, ConversationRow, EvidenceRow, GroundingRow, MediumRow, ReasoningRow, TurnRow,
};
use crate::schema::validate;
use crate::vocab;

/// A checked row whose addresses stand in for items: the k-th name, and past the names the case.
pub(super) struct Planned {
    pub(super) row: ConversationRow,
}

impl Planned {
    /// Puts the real addresses in.
    pub(super) fn settle(&mut self, addresses: &[Address]) {
        let settle = |address: &mut Address| {
            if let Some(real) = addresses.get(address.row() as usize) {
                *address = *real;
            }
        };
        self.row.case.iter_mut().for_each(settle);
        let endings = self.row.alternatives.iter_mut().flat_map(|ending| &mut ending.media);
        self.row.media.iter_mut().chain(endings).flat_map(|medium| &mut medium.refs).for_each(settle);
        let evidence = self.row.reasoning.iter_mut().flat_map(|node| &mut node.evidence);
        evidence.map(|evidence| &mut evidence.address).for_each(settle);
    }
}

/// The large parts of a draft, which move into the row.
pub(super) struct Body {
    turns: Vec<TurnRow>,
    grounding: Vec<GroundingRow>,
    reasoning: Vec<DraftNode>,
    alternatives: Vec<AlternativeRow>,
    solution: Option<String>,
    tools: Option<String>,
    extra: Option<String>,
}

impl Body {
    /// Takes them out of the draft.
    pub(super) fn take(draft: &mut Draft) -> Self {
        Self {
            turns: std::mem::take(&mut draft.turns),
            grounding: std::mem::take(&mut draft.grounding),
            reasoning: std::mem::take(&mut draft.reasoning),
            alternatives: std::mem::take(&mut draft.alternatives),
            solution: draft.solution.take(),
            tools: draft.tools.take(),
            extra: draft.extra.take(),
        }
    }
}

/// What the source says of records that do not say it themselves; patients get their canonical key.
pub(super) fn apply_defaults(draft: &mut Draft, options: &ImportOptions, text: &str) -> Result<()> {
    let source = &options.source;
    if let Some(PatientFrom::Field(name)) = &source.patient_from
        && draft.patient.is_none()
    {
        let record: RawRecord<'_> = serde_json::from_str(text).map_err(|error| Error::input(error.to_string()))?;
        draft.patient = record.get(name).map(|value| match crate::import::raw::as_text(value) {
            Some(text) => text.into_owned(),
            None => value.get().to_owned(),
        });
    }
    draft.patient = draft.patient.take().map(|name| options.patient_key(&name));
    let defaults = &source.defaults;
    for (name, field, default) in [
        ("task", &mut draft.task, &defaults.task),
        ("specialty", &mut draft.specialty, &defaults.specialty),
        ("procedure", &mut draft.procedure, &defaults.procedure),
        ("language", &mut draft.language, &defaults.language),
        ("split", &mut draft.split, &defaults.split),
    ] {
        if field.is_none() && !draft.unread.contains(&name) {
            field.clone_from(default);
        }
    }
    if let Some(known) = draft.task.as_deref().and_then(vocab::task) {
        draft.task = Some(known.name.to_owned());
    }
    Ok(())
}

/// Builds, checks and digests the row.
#[allow(clippy::too_many_arguments)]
pub(super) fn plan(
    id: String,
    source: &str,
    body: Body,
    draft: &Draft,
    names: &[Named<'_>],
    patient: Option<&str>,
    report: &mut ImportReport,
    at: &At,
) -> Result<Planned> {
    let stand_in = |k: usize| -> Result<Address> {
        let k = u32::try_from(k).map_err(|_| Error::input("the record names too many media"))?;
        Ok(FragmentId::new(FRAGMENT_MAX)?.address(k))
    };
    let mut row = ConversationRow {
        id,
        source: source.to_owned(),
        task: draft.task.clone().unwrap_or_else(|| "unknown".into()),
        specialty: draft.specialty.clone(),
        procedure: draft.procedure.clone(),
        language: draft.language.clone(),
        origin: draft.origin.clone(),
        generator: draft.generator.clone(),
        case: patient.map(|_| stand_in(names.len())).transpose()?,
        turns: body.turns,
        grounding: body.grounding,
        alternatives: body.alternatives,
        preferred: draft.preferred,
        solution: body.solution,
        tools: body.tools,
        extra: body.extra,
        ..ConversationRow::default()
    };
    let mut next = 0;
    for medium in &draft.media {
        let refs = (next..next + medium.items.len()).map(stand_in).collect::<Result<Vec<_>>>()?;
        next += medium.items.len();
        let list = match medium.ending {
            None => &mut row.media,
            Some(ending) => match row.alternatives.get_mut(ending) {
                Some(ending) => &mut ending.media,
                None => return Err(Error::input(format!("a medium belongs to ending {ending}, which is not there"))),
            },
        };
        list.push(MediumRow {
            turn: int(medium.turn)?,
            at: medium.at.map(|at| at as i64),
            output: medium.output,
            refs,
            start: medium.start,
            end: medium.end,
            fps: medium.fps,
        });
    }
    row.reasoning = forest(body.reasoning, names, &stand_in, report, at)?;
    for finding in validate::check_conversation(&row)? {
        report.find(Kind::Doubtful, at, finding.to_string());
    }
    row.record = Some(record_of(&row, draft, names, patient)?);
    Ok(Planned { row })
}

/// The record digest of a planned row.
pub(super) fn record_of(
    row: &ConversationRow,
    draft: &Draft,
    names: &[Named<'_>],
    patient: Option<&str>,
) -> Result<[u8; 8]> {
    record::of_conversation(row, &mut |address, name| {
        match names.get(address.row() as usize) {
            Some(named) => name.extend(name_of(&row.source, &named.id)),
            None => name.extend(name_of(&row.source, draft.case_id(patient.unwrap_or_default()))),
        }
        Ok(())
    })
}

/// The reasoning rows of nodes in pre-order, with parents and the ends of their subtrees.
fn forest(
    nodes: Vec<DraftNode>,
    names: &[Named<'_>],
    stand_in: &dyn Fn(usize) -> Result<Address>,
    report: &mut ImportReport,
    at: &At,
) -> Result<Vec<ReasoningRow>> {
    let mut rows: Vec<ReasoningRow> = Vec::with_capacity(nodes.len());
    let mut open: Vec<(usize, usize)> = Vec::new();
    for (number, node) in nodes.into_iter().enumerate() {
        close(&mut open, &mut rows, node.depth, number)?;
        let mut evidence = Vec::new();
        for piece in &node.evidence {
            let id = Wanted::new(&piece.path).id;
            match names.iter().position(|named| named.written() == piece.path || named.written_id() == id) {
                Some(k) => evidence.push(EvidenceRow {
                    address: stand_in(k)?,
                    start: piece.start,
                    end: piece.end,
                    bbox: piece.bbox,
                }),
                None => {
                    report.find(Kind::EvidenceUnknown, at, format!("{:?} is not among the record's media", piece.path))
                }
            }
        }
        rows.push(ReasoningRow {
            turn: int(node.turn)?,
            parent: open.last().map(|(parent, _)| int(*parent)).transpose()?,
            subtree_end: 0,
            level: node.level,
            kind: node.kind,
            origin: node.origin,
            text: node.text,
            evidence,
        });
        open.push((number, node.depth));
    }
    let end = rows.len();
    close(&mut open, &mut rows, 0, end)?;
    Ok(rows)
}

/// Ends the open subtrees at this depth and below.
fn close(open: &mut Vec<(usize, usize)>, rows: &mut [ReasoningRow], depth: usize, end: usize) -> Result<()> {
    while let Some((number, _)) = open.pop_if(|(_, open_depth)| *open_depth >= depth) {
        if let Some(row) = rows.get_mut(number) {
            row.subtree_end = int(end)?;
        }
    }
    Ok(())
}

fn int(value: usize) -> Result<i32> {
    i32::try_from(value).map_err(|_| Error::input("the record has more parts than can be counted"))
}
