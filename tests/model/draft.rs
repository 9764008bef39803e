//! Rows to be appended, made from a few random numbers and what is there to refer to.

use crate::state::{Row, State};
use surgdb::rows::*;
use surgdb::{Address, Table};

pub const SOURCES: [&str; 2] = ["ours", "theirs"];
pub const IDS: u8 = 12;

/// The random numbers of a row.
#[derive(Clone, Debug)]
pub struct Draft {
    pub table: usize,
    pub id: u8,
    pub source: u8,
    pub picks: [u16; 6],
    /// Whether it refers to a deleted row, where there is one.
    pub stale: bool,
}

/// What a row may refer to: live rows, those that the same appender has appended, and deleted ones for bad rows.
pub struct Around<'a> {
    pub base: &'a State,
    pub gone: &'a dyn Fn(Address) -> bool,
    pub own: &'a State,
}

impl Around<'_> {
    /// One of the rows of a table that can be referred to, or none.
    fn pick(&self, table: Table, pick: u16) -> Option<Address> {
        let mut all: Vec<Address> = self.base.addresses(table).into_iter().filter(|at| !(self.gone)(*at)).collect();
        all.extend(self.own.addresses(table));
        // A third of the rows refers to nothing.
        let pick = usize::from(pick);
        all.get(pick % (all.len() + all.len() / 2 + 1)).copied()
    }

    fn is_frame(&self, address: Address) -> bool {
        [self.base, self.own].iter().any(|state| state.addresses(Table::Frames).contains(&address))
    }

    fn frame_or_video(&self, pick: u16) -> Option<Address> {
        let (first, second) =
            if pick.is_multiple_of(3) { (Table::Videos, Table::Frames) } else { (Table::Frames, Table::Videos) };
        self.pick(first, pick / 3).or_else(|| self.pick(second, pick / 3))
    }
}

fn text(pick: u16) -> Option<String> {
    (pick % 4 != 0).then(|| "né · ".repeat(usize::from(pick % 5)) + &pick.to_string())
}

fn word(pick: u16) -> Option<String> {
    (pick % 3 != 0).then(|| format!("word {}", pick % 7))
}

fn json(pick: u16) -> Option<String> {
    (pick % 5 == 0).then(|| format!("{{\"n\": {pick}}}"))
}

impl Draft {
    pub fn id(&self) -> String {
        id(self.id)
    }

    pub fn source(&self) -> String {
        SOURCES[usize::from(self.source) % 2].to_owned()
    }

    /// The row; none where there is nothing for it to refer to. And whether it is a bad one.
    pub fn row(&self, around: &Around<'_>) -> Option<(Row, bool)> {
        let [a, b, c, d, e, f] = self.picks;
        let (id, source) = (self.id(), self.source());
        let (mut case, mut bad) = (around.pick(Table::Cases, a), false);
        if self.stale {
            let mut deleted = around.base.deleted.iter().filter(|(_, table)| **table == Table::Cases);
            if let Some((gone, _)) = deleted.next() {
                (case, bad) = (Some(*gone), true);
            }
        }
        let record = (f % 2 == 0).then(|| u64::from(f).to_le_bytes());
        Some(match self.table {
            0 => (
                Row::Case(CaseRow {
                    id,
                    source,
                    patient: text(a),
                    institution: word(b),
                    specialty: word(c),
                    procedure: word(d),
                    device: None,
                    consent: word(e),
                    extra: json(f),
                    record,
                }),
                false,
            ),
            1 => {
                let keyframe = |at: u16| KeyframeRow { time: f64::from(at) / 3.0, offset: i64::from(at) * 1000 };
                let row = VideoRow {
                    id,
                    source,
                    case,
                    path: text(b),
                    blob: around.pick(Table::Blobs, c),
                    fps: (d % 2 == 0).then(|| f64::from(d) / 8.0),
                    duration: None,
                    frame_count: Some(i64::from(d)),
                    width: Some(i32::from(e)),
                    height: None,
                    keyframes: (f % 3 != 0).then(|| (0..f % 4).map(keyframe).collect()),
                    extra: json(f),
                    record,
                };
                (Row::Video(row), bad)
            }
            2 | 3 => {
                let row = FrameRow {
                    id,
                    source,
                    case,
                    video: around.pick(Table::Videos, b),
                    index: Some(i64::from(b)),
                    time: (b % 2 == 1).then(|| f64::from(b) * 0.04),
                    kind: ["rgb", "mask", "depth"][usize::from(c) % 3].into(),
                    parent: around.pick(Table::Frames, d),
                    path: text(e),
                    blob: around.pick(Table::Blobs, f),
                    width: Some(i32::from(a)),
                    height: None,
                    origin: (f % 3 == 0).then(|| "human".into()),
                    generator: word(f),
                    extra: json(f),
                    record,
                };
                (Row::Frame(row), bad)
            }
            4 => {
                let bytes = vec![a as u8 % 16; usize::from(a % 16) * 211];
                (Row::Blob { media_type: format!("image/{}", b % 2), bytes }, false)
            }
            5 => (Row::Annotation(self.annotation(around)?), false),
            _ => (Row::Conversation(self.conversation(around, case)), bad),
        })
    }

    fn annotation(&self, around: &Around<'_>) -> Option<AnnotationRow> {
        let [a, b, c, d, e, f] = self.picks;
        let label = |at: u16| LabelRow {
            axis: "phase".into(),
            label: word(at),
            raw: format!("raw {}", at % 3),
            value: (at % 2 == 0).then(|| f64::from(at)),
        };
        let region = |at: u16| RegionRow {
            role: word(at),
            bbox: (at % 2 == 0).then_some([0.0, 0.25, f32::from(at % 3) / 4.0, 1.0]),
            mask: around.pick(Table::Frames, at),
            polygons: (at % 3 == 0).then(|| vec![vec![0.0, 0.0, 1.0, 0.0, 1.0, 1.0]; usize::from(at % 4)]),
            score: (at % 5 == 0).then_some(0.5),
            tracks: (0..at % 3).map(|id| TrackRow { scope: "video".into(), id: i64::from(id) }).collect(),
        };
        Some(AnnotationRow {
            id: self.id(),
            source: self.source(),
            annotator: word(b),
            status: (b % 2 == 0).then(|| "single".into()),
            origin: None,
            generator: None,
            target: around.frame_or_video(a)?,
            start: (c % 2 == 0).then(|| f64::from(c)),
            end: (c % 3 == 0).then(|| f64::from(c) + 0.5),
            parent: around.pick(Table::Annotations, d),
            text: text(e),
            labels: (0..b % 3).map(|at| label(at + c)).collect(),
            regions: (0..f % 3).map(|at| region(at + d)).collect(),
            extra: json(f),
            record: None,
        })
    }

    fn conversation(&self, around: &Around<'_>, case: Option<Address>) -> ConversationRow {
        let [a, b, c, d, e, f] = self.picks;
        let turn = |role: &str, text: String| TurnRow { role: role.into(), text, name: word(b), extra: json(c) };
        let media: Vec<_> = (0..c % 3).filter_map(|at| around.frame_or_video(c + at * 5)).collect();
        let question = "<image>".repeat(media.len()) + &"which? ".repeat(usize::from(d % 6));
        let medium = |(at, address): (usize, &Address)| MediumRow {
            turn: 0,
            at: Some(7 * at as i64),
            output: d % 2 == 0,
            // Several are frames.
            refs: vec![*address; 1 + usize::from(d % 2 == 1 && around.is_frame(*address))],
            start: (d % 3 == 0).then_some(1.5),
            ..Default::default()
        };
        let of_ending = |(at, address): (usize, &Address)| MediumRow {
            at: (at == 0).then_some(1),
            output: true,
            refs: vec![*address],
            ..Default::default()
        };
        // In turn about what the conversation shows and what the ending shows.
        let place = |(at, _): (usize, &Address)| GroundingRow {
            turn: 0,
            byte_start: 0,
            byte_end: 2,
            kind: "point".into(),
            media: (at + media.len() * (at % 2)) as i32,
            values: vec![0.25, 0.5],
        };
        let evidence = |at: u16| around.frame_or_video(e + at).or_else(|| around.pick(Table::Annotations, e + at));
        let evidence =
            |at: u16| evidence(at).map(|address| EvidenceRow { address, start: None, end: None, bbox: None });
        let node = |at: u16, end: u16| ReasoningRow {
            turn: 1,
            parent: (at > 0).then_some(0),
            subtree_end: i32::from(end),
            level: (at % 2 == 0).then_some(1),
            kind: word(at),
            origin: None,
            text: format!("because {at}"),
            evidence: evidence(at).into_iter().collect(),
        };
        let nodes = e % 4;
        ConversationRow {
            id: self.id(),
            source: self.source(),
            task: format!("task {}", a % 3),
            specialty: word(a),
            language: word(b),
            case,
            media: media.iter().enumerate().map(medium).collect(),
            turns: vec![turn("user", question), turn("assistant", text(d).unwrap_or_default())],
            grounding: (f % 4 == 0 && !media.is_empty())
                .then(|| GroundingRow {
                    turn: 0,
                    byte_start: 1,
                    byte_end: 6,
                    kind: "point".into(),
                    media: 0,
                    values: vec![0.5, 0.25],
                })
                .into_iter()
                .collect(),
            reasoning: (0..nodes).map(|at| node(at, if at == 0 { nodes } else { at + 1 })).collect(),
            alternatives: (0..f % 3)
                .map(|at| AlternativeRow {
                    kind: "sample".into(),
                    turns: vec![turn("assistant", format!("or {at}")); usize::from(at)],
                    media: media.iter().filter(|_| at > 0).enumerate().map(of_ending).collect(),
                    grounding: media.iter().filter(|_| at > 0).enumerate().map(place).collect(),
                    score: (at == 1).then_some(0.5),
                    generator: word(at),
                })
                .collect(),
            preferred: [None, Some(true), Some(false)][usize::from(f) % 3],
            solution: text(f),
            annotations: (0..f % 3).filter_map(|at| around.pick(Table::Annotations, f + at)).collect(),
            extra: json(e),
            ..Default::default()
        }
    }
}

pub fn id(id: u8) -> String {
    format!("id/{}", id % IDS)
}
