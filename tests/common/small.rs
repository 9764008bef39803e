//! Small datasets with everything in them.

use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, Int64Array};
use std::path::Path;
use std::sync::Arc;
use surgdb::dataset::{Appender, BlobSource, CellUpdate, DeleteOptions, WriterOptions};
use surgdb::rows::*;
use surgdb::{Address, Column, Dataset, Operation, Result, Table};

/// How the small dataset is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    Train,
    Packed,
    /// Compacted: files of several fragments, emptied rows.
    Compacted,
}

impl Profile {
    pub const ALL: [Profile; 3] = [Self::Train, Self::Packed, Self::Compacted];

    pub fn options(self) -> WriterOptions {
        let compression = (self == Self::Packed).then_some(3);
        WriterOptions { batch_rows: 2, compression, ..WriterOptions::default() }
    }
}

/// The first bytes of a PNG of this size: enough of one for its header to be read.
pub fn png(width: u32, height: u32, content: u8) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 2, 0, 0, 0, content, content, content]);
    bytes
}

/// Every table, three fragments of conversations and frames, several runs of each index, an added column, a replaced
/// one, cells that hold addresses, deleted rows, a report, two sources.
pub fn build(path: &Path, profile: Profile) -> Result<Dataset> {
    let dataset = first(Dataset::create(path)?, profile)?;
    let dataset = more(dataset, profile, "b", 2)?;
    let dataset = more(dataset, profile, "c", 1)?;
    let dataset = side_columns(dataset)?;
    let gone = [
        dataset.find(Table::Conversations, "b-0")?.unwrap(),
        dataset.find(Table::Annotations, "note of b-1")?.unwrap(),
    ];
    let dataset = dataset.delete(gone, DeleteOptions { cascade: true, ..Default::default() })?;
    match profile {
        Profile::Compacted => dataset.compact_with(profile.options()),
        _ => Ok(dataset),
    }
}

fn first(dataset: Dataset, profile: Profile) -> Result<Dataset> {
    let mut appender = dataset.append_with(profile.options())?;
    let case = appender.case(&CaseRow {
        id: "case".into(),
        source: "one".into(),
        patient: Some("VID68".into()),
        institution: Some("A".into()),
        ..Default::default()
    })?;
    let blob = appender.blob(BlobSource::Bytes { media_type: "video/mp4", bytes: &[7; 100] })?;
    let video = appender.video(&VideoRow {
        id: "video".into(),
        source: "one".into(),
        case: Some(case),
        blob: Some(blob.address),
        fps: Some(25.0),
        keyframes: Some(vec![KeyframeRow { time: 0.0, offset: 0 }, KeyframeRow { time: 1.0, offset: 50 }]),
        ..Default::default()
    })?;
    let mask = frame(&mut appender, "mask", None, 3)?;
    let picture = frame(&mut appender, "a-picture", Some((video, mask)), 4)?;
    let note = annotation(&mut appender, "a", picture, mask)?;
    appender.conversation(&conversation("a", case, picture, video, note))?;
    appender.report("import", b"{\"skipped\": 0}")?;
    appender.commit(Operation::new("import"))
}

fn more(dataset: Dataset, profile: Profile, name: &str, rows: usize) -> Result<Dataset> {
    let find = |table, id| Ok::<_, surgdb::Error>(dataset.find(table, id)?.unwrap());
    let (case, video) = (find(Table::Cases, "case")?, find(Table::Videos, "video")?);
    let (mask, picture) = (find(Table::Frames, "mask")?, find(Table::Frames, "a-picture")?);
    let mut appender = dataset.append_with(profile.options())?;
    for row in 0..rows {
        let name = format!("{name}-{row}");
        let picture = match row {
            0 => frame(&mut appender, &format!("{name} picture"), Some((video, mask)), 5 + name.as_bytes()[0])?,
            _ => picture,
        };
        let note = annotation(&mut appender, &name, picture, mask)?;
        appender.conversation(&conversation(&name, case, picture, video, note))?;
    }
    appender.commit(Operation::new("append"))
}

fn frame(appender: &mut Appender, id: &str, of: Option<(Address, Address)>, content: u8) -> Result<Address> {
    let bytes = png(20, 10, content);
    let blob = appender.blob(BlobSource::Bytes { media_type: "image/png", bytes: &bytes })?;
    let row = FrameRow {
        id: id.into(),
        source: "one".into(),
        video: of.map(|of| of.0),
        parent: of.map(|of| of.1),
        index: Some(25),
        kind: if of.is_some() { "rgb" } else { "mask" }.into(),
        blob: Some(blob.address),
        width: Some(20),
        height: Some(10),
        ..Default::default()
    };
    appender.frame(&row)
}

fn annotation(appender: &mut Appender, of: &str, target: Address, mask: Address) -> Result<Address> {
    let row = AnnotationRow {
        id: format!("note of {of}"),
        source: "two".into(),
        annotator: Some("A. B.".into()),
        status: Some("single".into()),
        origin: None,
        generator: None,
        target,
        start: None,
        end: None,
        parent: None,
        text: Some("a grasper".into()),
        labels: vec![LabelRow { axis: "instrument".into(), raw: "Grasper".into(), ..Default::default() }],
        regions: vec![RegionRow {
            bbox: Some([0.1, 0.2, 0.3, 0.4]),
            mask: Some(mask),
            polygons: Some(vec![vec![0.0, 0.0, 1.0, 0.0, 1.0, 1.0]]),
            tracks: vec![TrackRow { scope: "video".into(), id: 3 }],
            ..Default::default()
        }],
        extra: None,
        record: None,
    };
    Ok(appender.annotation(&row)?.0)
}

fn conversation(id: &str, case: Address, picture: Address, video: Address, note: Address) -> ConversationRow {
    let turn = |role: &str, text: &str| TurnRow { role: role.into(), text: text.into(), ..Default::default() };
    let node = |parent, subtree_end, text: &str| ReasoningRow {
        turn: 1,
        parent,
        subtree_end,
        level: Some(1),
        text: text.into(),
        evidence: vec![EvidenceRow { address: note, start: None, end: Some(2.0), bbox: Some([0.0, 0.0, 1.0, 1.0]) }],
        ..Default::default()
    };
    ConversationRow {
        id: id.into(),
        source: "one".into(),
        task: "instrument localisation".into(),
        language: Some("en".into()),
        case: Some(case),
        turns: vec![turn("user", "<image> Where?"), turn("assistant", "At [0.1, 0.2, 0.3, 0.4].")],
        media: vec![
            MediumRow { turn: 0, at: Some(0), refs: vec![picture], ..Default::default() },
            MediumRow { turn: 0, refs: vec![video], start: Some(1.0), end: Some(2.0), ..Default::default() },
        ],
        grounding: vec![GroundingRow {
            turn: 1,
            byte_start: 3,
            byte_end: 23,
            kind: "box".into(),
            media: 0,
            values: vec![0.1, 0.2, 0.3, 0.4],
        }],
        reasoning: vec![node(None, 2, "It shines."), node(Some(0), 2, "It is metal.")],
        alternatives: vec![AlternativeRow {
            kind: "rejected".into(),
            turns: vec![turn("assistant", "Nowhere: <image>")],
            media: vec![MediumRow { at: Some(9), output: true, refs: vec![picture], ..Default::default() }],
            grounding: vec![GroundingRow {
                turn: 0,
                byte_start: 0,
                byte_end: 7,
                kind: "point".into(),
                media: 0,
                values: vec![0.5, 0.25],
            }],
            score: Some(0.5),
            ..Default::default()
        }],
        preferred: Some(true),
        annotations: vec![note],
        extra: Some("{\"n\": 1}".into()),
        record: Some([9; 8]),
        ..Default::default()
    }
}

fn side_columns(dataset: Dataset) -> Result<Dataset> {
    let words = |values: &[Option<&str>]| {
        let mut builder = StringDictionaryBuilder::<Int32Type>::new();
        values.iter().for_each(|value| builder.append_option(*value));
        Arc::new(builder.finish()) as ArrayRef
    };
    let rows = dataset.live_addresses(Table::Conversations)?;
    let splits: Vec<_> = (0..rows.len()).map(|at| [Some("train"), None, Some("test")][at % 3]).collect();
    let dataset = dataset.add_column(Table::Conversations, Column::parse("split?: dict")?, words(&splits))?;
    let one =
        CellUpdate::new(Table::Conversations, Column::parse("split?: dict")?, vec![rows[0]], words(&[Some("val")]));
    let dataset = dataset.update_cells(one)?;
    let frames = dataset.live_addresses(Table::Frames)?;
    let kinds: Vec<_> = frames.iter().map(|_| Some("depth")).collect();
    let dataset = dataset.replace_column(Table::Frames, Column::parse("kind: dict")?, words(&kinds))?;
    let twin = Arc::new(Int64Array::from(vec![frames[1].get()])) as ArrayRef;
    let column = Column::parse("twin?: ref")?;
    dataset.update_cells(CellUpdate::new(Table::Frames, column, vec![frames[0]], twin))
}
