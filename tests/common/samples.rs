//! One sample of each of the 18 tasks and of each special case, as rows.
//!
//! Rows refer to one another by *symbolic* addresses: [`symbol`] of a table and of a place in that table's list of
//! [`Samples`]. Whoever writes the rows goes through the lists in the order of `Table::ALL`, keeps the real address of
//! each row, and replaces the symbols with [`Refer::refer`] before a row is written. A row refers only to rows of
//! earlier tables, and to earlier ones of its own.

use super::pictures::{grey_png, stub_mp4};
use surgdb::schema::rows::*;
use surgdb::{Address, FragmentId, Table};

/// The rows of all tables.
pub struct Samples {
    /// Media type and bytes.
    pub blobs: Vec<(&'static str, Vec<u8>)>,
    pub cases: Vec<CaseRow>,
    pub videos: Vec<VideoRow>,
    pub frames: Vec<FrameRow>,
    pub annotations: Vec<AnnotationRow>,
    pub conversations: Vec<ConversationRow>,
}

/// The names of the 18 tasks, as [`samples`] has them, in its order.
pub const TASKS: [&str; 18] = [
    "instrument recognition",
    "instrument localisation",
    "instrument segmentation",
    "tissue/organ recognition",
    "tissue/organ localisation",
    "phase recognition",
    "step recognition",
    "action recognition",
    "triplet recognition",
    "depth estimation",
    "safety assessment",
    "image captioning",
    "video captioning",
    "action remaining prediction",
    "next action planning",
    "desmoking",
    "next frame generation",
    "conditional video generation",
];

/// The symbol of a row: the table's number in `Table::ALL`, counted from 1, as the fragment, and its place in the list.
pub fn symbol(table: Table, place: usize) -> Address {
    let number = Table::ALL.iter().position(|other| *other == table).expect("it is a table");
    FragmentId::new(number as u32 + 1).expect("it is a fragment's number").address(place as u32)
}

/// The table and the place that a symbol stands for.
pub fn meant_by(symbol: Address) -> (Table, usize) {
    (Table::ALL[symbol.fragment().get() as usize - 1], symbol.row() as usize)
}

/// A row that refers to others.
pub trait Refer {
    /// Replaces each address by what `real` makes of it.
    fn refer(&mut self, real: &mut dyn FnMut(Address) -> Address);
}

fn each<'a>(addresses: impl IntoIterator<Item = &'a mut Address>, real: &mut dyn FnMut(Address) -> Address) {
    for address in addresses {
        *address = real(*address);
    }
}

impl Refer for VideoRow {
    fn refer(&mut self, real: &mut dyn FnMut(Address) -> Address) {
        each(self.case.iter_mut().chain(&mut self.blob), real);
    }
}

impl Refer for FrameRow {
    fn refer(&mut self, real: &mut dyn FnMut(Address) -> Address) {
        let Self { case, video, parent, blob, .. } = self;
        each(case.iter_mut().chain(video).chain(parent).chain(blob), real);
    }
}

impl Refer for AnnotationRow {
    fn refer(&mut self, real: &mut dyn FnMut(Address) -> Address) {
        each(self.parent.iter_mut().chain([&mut self.target]), real);
        each(self.regions.iter_mut().filter_map(|region| region.mask.as_mut()), real);
    }
}

impl Refer for ConversationRow {
    fn refer(&mut self, real: &mut dyn FnMut(Address) -> Address) {
        each(self.case.iter_mut().chain(&mut self.annotations), real);
        let endings = self.alternatives.iter_mut().flat_map(|ending| &mut ending.media);
        each(self.media.iter_mut().chain(endings).flat_map(|medium| &mut medium.refs), real);
        let evidence = self.reasoning.iter_mut().flat_map(|node| &mut node.evidence);
        each(evidence.map(|evidence| &mut evidence.address), real);
    }
}

/// Places of frames in [`Samples::frames`].
pub mod frame {
    pub const FIRST: usize = 0;
    pub const MASK: usize = 8;
    pub const DEPTH: usize = 9;
    pub const CLEAR: usize = 10;
    pub const NEXT: usize = 11;
    pub const MISSING: usize = 12;
}

/// Places of videos in [`Samples::videos`].
pub mod video {
    pub const OPERATION: usize = 0;
    pub const GENERATED: usize = 1;
}

/// All rows. The conversations are the 18 tasks in the order of [`TASKS`], then the special cases.
pub fn samples() -> Samples {
    let mut conversations = tasks();
    conversations.extend(special_cases());
    Samples {
        blobs: blobs(),
        cases: vec![CaseRow {
            id: "case 7".into(),
            source: "samples".into(),
            patient: Some("samples/7".into()),
            institution: Some("Universität".into()),
            specialty: Some("general surgery".into()),
            procedure: Some("cholecystectomy".into()),
            ..Default::default()
        }],
        videos: videos(),
        frames: frames(),
        annotations: annotations(),
        conversations,
    }
}

fn blobs() -> Vec<(&'static str, Vec<u8>)> {
    let mut blobs: Vec<_> = (0..8).map(|i| ("image/png", grey_png(4, 3, 8, 16 * i))).collect();
    blobs.push(("image/png", grey_png(4, 3, 8, 255)));
    blobs.push(("image/png", grey_png(4, 3, 16, 40_000)));
    blobs.push(("image/png", grey_png(4, 3, 8, 200)));
    blobs.push(("image/png", grey_png(4, 3, 8, 201)));
    blobs.push(("video/mp4", stub_mp4(b"an operation")));
    blobs.push(("video/mp4", stub_mp4(b"a generated clip")));
    blobs
}

fn videos() -> Vec<VideoRow> {
    let operation = VideoRow {
        id: "VID07".into(),
        source: "samples".into(),
        case: Some(symbol(Table::Cases, 0)),
        path: Some("videos/VID07.mp4".into()),
        blob: Some(symbol(Table::Blobs, 12)),
        fps: Some(25.0),
        duration: Some(60.0),
        frame_count: Some(1500),
        width: Some(4),
        height: Some(3),
        keyframes: Some(vec![KeyframeRow { time: 0.0, offset: 28 }, KeyframeRow { time: 2.0, offset: 34 }]),
        ..Default::default()
    };
    let generated = VideoRow {
        id: "generated 1".into(),
        source: "samples".into(),
        blob: Some(symbol(Table::Blobs, 13)),
        keyframes: Some(Vec::new()),
        extra: Some(r#"{"prompt": "clip the duct"}"#.into()),
        ..Default::default()
    };
    vec![operation, generated]
}

fn frames() -> Vec<FrameRow> {
    let mut frames: Vec<FrameRow> = (0..8).map(|i| picture(i, "rgb")).collect();
    for (place, frame) in frames.iter_mut().enumerate() {
        frame.video = Some(symbol(Table::Videos, video::OPERATION));
        frame.index = Some(place as i64 * 25);
        frame.time = Some(place as f64);
    }
    for (place, kind) in [(frame::MASK, "mask"), (frame::DEPTH, "depth"), (frame::CLEAR, "desmoked")] {
        frames.push(FrameRow { parent: Some(symbol(Table::Frames, 0)), ..picture(place, kind) });
    }
    frames[frame::DEPTH].origin = Some("model".into());
    frames[frame::DEPTH].generator = Some("a depth model".into());
    frames.push(picture(frame::NEXT, "rgb"));
    let missing = FrameRow { blob: None, width: None, height: None, ..picture(frame::MISSING, "rgb") };
    frames.push(missing);
    frames
}

fn picture(place: usize, kind: &str) -> FrameRow {
    FrameRow {
        id: format!("VID07/{place:06}.png"),
        source: "samples".into(),
        case: Some(symbol(Table::Cases, 0)),
        kind: kind.into(),
        path: Some(format!("images\\VID07\\{place:06}.png")),
        blob: Some(symbol(Table::Blobs, place)),
        width: Some(4),
        height: Some(3),
        ..Default::default()
    }
}

/// Two annotators who disagree about a phase, a step within it, and one about instances.
fn annotations() -> Vec<AnnotationRow> {
    let label = |axis: &str, label: Option<&str>, raw: &str| LabelRow {
        axis: axis.into(),
        label: label.map(str::to_owned),
        raw: raw.into(),
        value: None,
    };
    let phase = |id: &str, annotator: &str, raw: &str, label_of: Option<&str>| AnnotationRow {
        annotator: Some(annotator.into()),
        status: Some("single".into()),
        start: Some(0.0),
        end: Some(5.0),
        labels: vec![label("phase", label_of, raw)],
        ..statement(id, symbol(Table::Videos, video::OPERATION))
    };
    let first = phase("phase/a", "rater A", "CalotTriangleDissection", Some("calot_triangle_dissection"));
    let second = phase("phase/b", "rater B", "carlot-triangle-dissection?", None);
    let step = AnnotationRow {
        parent: Some(symbol(Table::Annotations, 0)),
        labels: vec![label("step", None, "Fenêtre")],
        ..statement("step/a", symbol(Table::Videos, video::OPERATION))
    };
    let instance = AnnotationRow {
        labels: vec![
            label("instrument", Some("grasper"), "Grasper"),
            LabelRow { value: Some(2.0), ..label("safety/cvs/two_structures", None, "2") },
        ],
        regions: vec![
            RegionRow {
                role: Some("instrument".into()),
                bbox: Some([0.25, 0.0, 0.5, 1.0]),
                mask: Some(symbol(Table::Frames, frame::MASK)),
                polygons: Some(vec![vec![0.0, 0.0, 1.0, 0.0, 1.0, 1.0], Vec::new()]),
                score: Some(0.875),
                tracks: vec![
                    TrackRow { scope: "video".into(), id: 3 },
                    TrackRow { scope: "visibility".into(), id: -1 },
                ],
            },
            RegionRow { polygons: Some(Vec::new()), ..Default::default() },
            RegionRow::default(),
        ],
        text: Some("a grasper holds the gallbladder".into()),
        ..statement("instance/1", symbol(Table::Frames, frame::FIRST))
    };
    vec![first, second, step, instance]
}

fn statement(id: &str, target: Address) -> AnnotationRow {
    AnnotationRow {
        id: id.into(),
        source: "samples".into(),
        annotator: None,
        status: None,
        origin: Some("human".into()),
        generator: None,
        target,
        start: None,
        end: None,
        parent: None,
        text: None,
        labels: Vec::new(),
        regions: Vec::new(),
        extra: None,
        record: None,
    }
}

fn turn(role: &str, text: &str) -> TurnRow {
    TurnRow { role: role.into(), text: text.into(), ..Default::default() }
}

fn conversation(task: &str, question: &str, answer: &str) -> ConversationRow {
    ConversationRow {
        id: task.into(),
        source: "samples".into(),
        task: task.into(),
        procedure: Some("cholecystectomy".into()),
        language: Some("en".into()),
        case: Some(symbol(Table::Cases, 0)),
        turns: vec![turn("user", question), turn("assistant", answer)],
        ..Default::default()
    }
}

/// The frame at this place, where the first turn says `<image>` for the `nth` time.
fn shown(row: &ConversationRow, nth: usize, place: usize) -> MediumRow {
    let (at, _) = row.turns[0].text.match_indices("<image>").nth(nth).expect("the text has a placeholder");
    MediumRow { at: Some(at as i64), refs: vec![symbol(Table::Frames, place)], ..Default::default() }
}

fn clip(start: f64, end: f64) -> MediumRow {
    let refs = vec![symbol(Table::Videos, video::OPERATION)];
    MediumRow { at: Some(0), refs, start: Some(start), end: Some(end), fps: Some(2.0), ..Default::default() }
}

/// What the model is to produce in its turn, the second.
fn answered(table: Table, place: usize) -> MediumRow {
    MediumRow { turn: 1, output: true, refs: vec![symbol(table, place)], ..Default::default() }
}

/// A question about the first frame.
fn about_frame(task: &str, question: &str, answer: &str) -> ConversationRow {
    let mut row = conversation(task, &format!("<image>\n{question}"), answer);
    row.media.push(shown(&row, 0, frame::FIRST));
    row
}

/// A question about ten seconds of the video.
fn about_clip(task: &str, question: &str, answer: &str) -> ConversationRow {
    let mut row = conversation(task, &format!("<video>\n{question}"), answer);
    row.media.push(clip(10.0, 20.0));
    row
}

fn tasks() -> Vec<ConversationRow> {
    let mut segmentation = about_frame("instrument segmentation", "Segment the instruments.", "");
    segmentation.media.push(answered(Table::Frames, frame::MASK));
    let mut depth = about_frame("depth estimation", "How far is everything?", "");
    depth.media.push(answered(Table::Frames, frame::DEPTH));
    let mut desmoking = about_frame("desmoking", "Remove the smoke.", "Here it is without smoke.");
    desmoking.media.push(answered(Table::Frames, frame::CLEAR));
    let mut next = about_frame("next frame generation", "What comes 2 s later?", "");
    next.media.push(answered(Table::Frames, frame::NEXT));
    next.extra = Some(r#"{"delta_t": 2.0}"#.into());
    let mut generated = conversation("conditional video generation", "Show how the duct is clipped.", "");
    generated.media.push(answered(Table::Videos, video::GENERATED));
    let mut phase = about_frame("phase recognition", "Which phase is this?", "Calot triangle dissection");
    phase.annotations = vec![symbol(Table::Annotations, 0)];
    vec![
        about_frame("instrument recognition", "Which instruments?", "A grasper and a hook."),
        boxes("instrument localisation", "Where is the grasper?"),
        segmentation,
        about_frame("tissue/organ recognition", "Which tissue?", "The gallbladder."),
        boxes("tissue/organ localisation", "Where is the gallbladder?"),
        phase,
        about_frame("step recognition", "Which step?", "Fenêtre"),
        about_clip("action recognition", "What is done?", "Dissection"),
        triplet(),
        depth,
        safety(),
        about_frame("image captioning", "Describe it.", "A grasper holds the gallbladder."),
        about_clip("video captioning", "Describe it.", "The hook dissects."),
        about_clip("action remaining prediction", "How long is left?", "12 s"),
        about_clip("next action planning", "What comes next?", "Clipping"),
        desmoking,
        next,
        generated,
    ]
}

/// Boxes in the text, as pixels there and normalised beside it.
fn boxes(task: &str, question: &str) -> ConversationRow {
    let mut row = about_frame(task, question, "It is at [1, 0, 2, 3].");
    row.grounding.push(GroundingRow {
        turn: 1,
        byte_start: 9,
        byte_end: 21,
        kind: "box".into(),
        media: 0,
        values: vec![0.25, 0.0, 0.5, 1.0],
    });
    row
}

/// With reasoning in all three levels.
fn triplet() -> ConversationRow {
    let text = "<think>a grasper; a gallbladder; it retracts; so that Calot's triangle opens</think>\
                <answer>grasper, retract, gallbladder</answer>";
    let mut row = about_frame("triplet recognition", "Which triplet?", text);
    let node = |text: &str, parent, subtree_end, level| ReasoningRow {
        turn: 1,
        parent,
        subtree_end,
        level: Some(level),
        origin: Some("model".into()),
        text: text.into(),
        ..Default::default()
    };
    row.reasoning = vec![
        node("so that Calot's triangle opens", None, 4, 3),
        node("it retracts", Some(0), 4, 2),
        node("a grasper", Some(1), 3, 1),
        node("a gallbladder", Some(1), 4, 1),
        ReasoningRow { kind: Some("check".into()), ..node("nothing else moves", None, 5, 1) },
    ];
    let first = symbol(Table::Frames, frame::FIRST);
    row.reasoning[2].evidence = vec![
        EvidenceRow { address: first, start: None, end: None, bbox: Some([0.25, 0.0, 0.5, 1.0]) },
        EvidenceRow { address: symbol(Table::Annotations, 3), start: None, end: None, bbox: None },
    ];
    let moment = EvidenceRow { address: symbol(Table::Videos, 0), start: Some(0.0), end: Some(1.5), bbox: None };
    row.reasoning[1].evidence = vec![moment];
    row
}

fn safety() -> ConversationRow {
    let mut row = about_frame("safety assessment", "Is the critical view reached?", "Two structures: yes. Plate: no.");
    row.annotations = vec![symbol(Table::Annotations, 3)];
    row.extra = Some(r#"{"protocol": "cvs", "criteria": [1, 0, 0]}"#.into());
    row
}

fn special_cases() -> Vec<ConversationRow> {
    vec![
        eight_frames(),
        preference_pair(),
        reward_row(),
        tool_call(),
        literal_placeholder(),
        two_annotators(),
        mark_without_pair(),
        missing_picture(),
        bare(),
        drawn_pair(),
    ]
}

/// A clip given as 8 frames.
fn eight_frames() -> ConversationRow {
    let mut row = conversation("action recognition", "<video>\nWhat is done?", "Dissection");
    row.id = "eight frames".into();
    let refs = (0..8).map(|place| symbol(Table::Frames, place)).collect();
    row.media.push(MediumRow { at: Some(0), refs, fps: Some(1.0), ..Default::default() });
    row
}

fn preference_pair() -> ConversationRow {
    let mut row = about_frame("image captioning", "Describe it.", "A grasper.");
    row.id = "preference pair".into();
    let ending = |kind: &str, text: &str, score| AlternativeRow {
        kind: kind.into(),
        turns: vec![turn("assistant", text)],
        score,
        generator: Some("a model".into()),
        ..Default::default()
    };
    row.turns.truncate(1);
    row.alternatives = vec![
        ending("chosen", "A grasper holds the gallbladder.", Some(0.75)),
        ending("rejected", "A spoon.", None),
        AlternativeRow { kind: "sample".into(), ..Default::default() },
    ];
    row
}

/// Two answers that are pictures, or say where something is.
fn drawn_pair() -> ConversationRow {
    let mut row = about_frame("instrument segmentation", "Segment the instruments.", "");
    row.id = "drawn pair".into();
    row.turns.truncate(1);
    let drawn =
        |at, place| MediumRow { at, output: true, refs: vec![symbol(Table::Frames, place)], ..Default::default() };
    // The first is on the picture that is asked about, the second on the one that is drawn.
    let text = "Here [0.25, 0.0, 0.5, 1.0], drawn at [0.5, 0.5, 0.75, 1.0].";
    let place = |media: i32, written: &str, values: [f32; 4]| {
        let start = text.find(written).expect("the text has it");
        let (byte_start, byte_end) = (start as i64, (start + written.len()) as i64);
        GroundingRow { turn: 0, byte_start, byte_end, kind: "box".into(), media, values: values.to_vec() }
    };
    row.alternatives = vec![
        AlternativeRow {
            kind: "chosen".into(),
            turns: vec![turn("assistant", "Here: <image>")],
            media: vec![drawn(Some(6), frame::MASK)],
            ..Default::default()
        },
        AlternativeRow {
            kind: "rejected".into(),
            turns: vec![turn("assistant", text)],
            media: vec![drawn(None, frame::CLEAR)],
            grounding: vec![
                place(0, "[0.25, 0.0, 0.5, 1.0]", [0.25, 0.0, 0.5, 1.0]),
                place(1, "[0.5, 0.5, 0.75, 1.0]", [0.5, 0.5, 0.75, 1.0]),
            ],
            ..Default::default()
        },
    ];
    row
}

/// A prompt without an answer, and what a reward checks against.
fn reward_row() -> ConversationRow {
    let mut row = about_frame("instrument recognition", "Which instrument?", "");
    row.id = "reward".into();
    row.turns.truncate(1);
    row.solution = Some("<answer>grasper</answer>".into());
    row
}

fn tool_call() -> ConversationRow {
    let mut row = about_frame("instrument recognition", "Measure the grasper.", "");
    row.id = "tool call".into();
    row.tools = Some(r#"[{"name": "measure", "parameters": {"type": "object"}}]"#.into());
    row.turns.insert(0, turn("system", "You may measure."));
    row.media[0].turn = 1;
    row.turns[2].extra = Some(r#"{"tool_calls": [{"name": "measure", "arguments": "{}"}]}"#.into());
    row.turns.push(TurnRow { name: Some("measure".into()), ..turn("tool", r#"{"mm": 5}"#) });
    row.turns.push(turn("assistant", "5 mm"));
    row
}

/// A medium between two placeholders that are plain text, with letters of several bytes around them.
fn literal_placeholder() -> ConversationRow {
    let question = "Écris <image> pour une image: <image> 是这样 <image>";
    let mut row = conversation("image captioning", question, "<image> est un mot.");
    row.id = "literal placeholder".into();
    row.language = Some("fr".into());
    row.media.push(shown(&row, 1, frame::FIRST));
    row
}

fn two_annotators() -> ConversationRow {
    let mut row = about_frame("phase recognition", "Which phase is this?", "The raters do not agree.");
    row.id = "two annotators".into();
    row.annotations = vec![symbol(Table::Annotations, 0), symbol(Table::Annotations, 1)];
    row
}

fn mark_without_pair() -> ConversationRow {
    let mut row = about_frame("image captioning", "Describe it.", "A spoon.");
    row.id = "mark".into();
    row.preferred = Some(false);
    row
}

/// Its picture's file is missing, and its text has no placeholder.
fn missing_picture() -> ConversationRow {
    let mut row = conversation("image captioning", "Describe it.", "I cannot.");
    row.id = "missing picture".into();
    row.media.push(MediumRow { refs: vec![symbol(Table::Frames, frame::MISSING)], ..Default::default() });
    row
}

/// The least that a conversation can be.
fn bare() -> ConversationRow {
    ConversationRow { id: "bare".into(), source: "samples".into(), task: "talk".into(), ..Default::default() }
}
