//! Selections say what a plain look at every row says, read no more than they must, and outlive their files.

use crate::common::samples::samples;
use crate::common::stored::stored;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;
use surgdb::dataset::{CellUpdate, DeleteOptions, Filter, Selection, WriterOptions};
use surgdb::format::manifest::Source;
use surgdb::rows::*;
use surgdb::vocab::{Permission, Terms};
use surgdb::{Address, Column, Dataset, ErrorKind, Operation, Table};

const SOURCES: [(&str, Option<&str>); 4] =
    [("free", Some("CC BY 4.0")), ("alike", Some("CC BY-SA 4.0")), ("nc", Some("cc-by-nc-4.0")), ("who", None)];
const TASKS: [&str; 3] = ["phase recognition", "captioning", "desmoking"];
const PATIENTS: [Option<&str>; 3] = [Some("P1"), Some("P2"), None];
const LABELS: [&str; 3] = ["grasper", "hook", "clipper"];

/// A dataset as plain rows; places in the lists stand for addresses.
#[derive(Clone, Debug)]
struct Model {
    /// Patient of each case.
    cases: Vec<usize>,
    /// Case of each video.
    videos: Vec<Option<usize>>,
    frames: Vec<ModelFrame>,
    annotations: Vec<ModelAnnotation>,
    conversations: Vec<ModelConversation>,
}

#[derive(Clone, Debug)]
struct ModelFrame {
    source: usize,
    case: Option<usize>,
    video: Option<usize>,
    mask: bool,
}

#[derive(Clone, Debug)]
struct ModelAnnotation {
    source: usize,
    target: usize,
    /// Whether `target` is a video, and from second 0 or 10 on for ten seconds.
    video: bool,
    later: bool,
    label: usize,
    /// Whether the label has a canonical name besides what was written.
    known: bool,
}

#[derive(Clone, Debug)]
struct ModelConversation {
    source: usize,
    task: usize,
    human: Option<bool>,
    case: Option<usize>,
    turns: usize,
    frames: Vec<usize>,
    clip: Option<(usize, bool)>,
    annotations: Vec<usize>,
    split: Option<bool>,
    deleted: bool,
}

fn model() -> impl Strategy<Value = Model> {
    let maybe = |n: usize| prop::option::of(0..n);
    let frame = (0..4usize, maybe(3), maybe(3), any::<bool>()).prop_map(|(source, case, video, mask)| ModelFrame {
        source,
        case,
        video,
        mask,
    });
    let annotation = (0..4usize, 0..3usize, any::<bool>(), any::<bool>(), 0..3usize, any::<bool>()).prop_map(
        |(source, target, video, later, label, known)| ModelAnnotation { source, target, video, later, label, known },
    );
    let shown = (prop::collection::vec(0..5usize, 0..3), prop::option::of((0..3usize, any::<bool>())));
    let said = (prop::collection::vec(0..4usize, 0..2), 0..4usize, prop::option::of(any::<bool>()));
    let facts = (0..4usize, 0..3usize, prop::option::of(any::<bool>()), maybe(3));
    let conversation =
        (facts, shown, said, prop::option::of(any::<bool>()), prop::bool::weighted(0.2)).prop_map(
            |((source, task, human, case), (frames, clip), (annotations, turns, _), split, deleted)| {
                ModelConversation { source, task, human, case, turns, frames, clip, annotations, split, deleted }
            },
        );
    (
        prop::collection::vec(0..3usize, 3),
        prop::collection::vec(maybe(3), 3),
        prop::collection::vec(frame, 5),
        prop::collection::vec(annotation, 4),
        prop::collection::vec(conversation, 0..24),
    )
        .prop_map(|(cases, videos, frames, annotations, conversations)| Model {
            cases,
            videos,
            frames,
            annotations,
            conversations,
        })
}

/// A condition: as text, and what it says of a row of the model.
#[derive(Clone, Debug)]
enum Condition {
    Task(usize),
    Sources(Vec<usize>),
    Human,
    OriginMissing,
    Split(bool),
    Turns(usize),
    HasMedia,
    Patient(usize),
    CasePatient(usize),
    PatientMissing,
    Label(usize),
    ShowsMask,
    Commercial,
    OtherTerms,
    NonCommercialLicence,
    IdLike(usize),
    Role,
    Not(Box<Condition>),
    And(Vec<Condition>),
    Or(Vec<Condition>),
}

fn condition() -> impl Strategy<Value = Condition> {
    use Condition::*;
    let leaf = prop_oneof![
        (0..3usize).prop_map(Task),
        prop::collection::vec(0..4usize, 1..3).prop_map(Sources),
        Just(Human),
        Just(OriginMissing),
        any::<bool>().prop_map(Split),
        (0..4usize).prop_map(Turns),
        Just(HasMedia),
        (0..2usize).prop_map(Patient),
        (0..2usize).prop_map(CasePatient),
        Just(PatientMissing),
        (0..3usize).prop_map(Label),
        Just(ShowsMask),
        Just(Commercial),
        Just(OtherTerms),
        Just(NonCommercialLicence),
        (0..10usize).prop_map(IdLike),
        Just(Role),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| Not(Box::new(one))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(And),
            prop::collection::vec(inner, 2..4).prop_map(Or),
        ]
    })
}

impl Condition {
    fn text(&self) -> String {
        let list = |parts: &[Self], word: &str| {
            parts.iter().map(|part| format!("({})", part.text())).collect::<Vec<_>>().join(word)
        };
        match self {
            Self::Task(task) => format!("task = {:?}", TASKS[*task]),
            Self::Sources(of) => {
                format!("source in ({})", of.iter().map(|at| SOURCES[*at].0).collect::<Vec<_>>().join(", "))
            }
            Self::Human => "origin = human".into(),
            Self::OriginMissing => "origin IS NULL".into(),
            Self::Split(train) => format!("split = {}", split_name(*train)),
            Self::Turns(turns) => format!("turns > {turns}"),
            Self::HasMedia => "has media".into(),
            Self::Patient(patient) => format!("patient = {}", PATIENTS[*patient].unwrap()),
            Self::CasePatient(patient) => format!("case.patient = '{}'", PATIENTS[*patient].unwrap()),
            Self::PatientMissing => "patient is null".into(),
            Self::Label(label) => format!("label(instrument) = {}", LABELS[*label]),
            Self::ShowsMask => "frame.kind = mask".into(),
            Self::Commercial => "licence allows commercial".into(),
            Self::OtherTerms => "licence allows other-terms-ok".into(),
            Self::NonCommercialLicence => "licence = \"CC BY-NC\"".into(),
            Self::IdLike(digit) => format!("id like '%{digit}'"),
            Self::Role => "turns.role = assistant".into(),
            Self::Not(part) => format!("not ({})", part.text()),
            Self::And(parts) => list(parts, " and "),
            Self::Or(parts) => list(parts, " or "),
        }
    }

    fn holds(&self, model: &Model, at: usize) -> bool {
        let row = &model.conversations[at];
        match self {
            Self::Task(task) => row.task == *task,
            Self::Sources(of) => of.contains(&row.source),
            Self::Human => row.human == Some(true),
            Self::OriginMissing => row.human.is_none(),
            Self::Split(train) => row.split == Some(*train),
            Self::Turns(turns) => row.turns > *turns,
            Self::HasMedia => !row.frames.is_empty() || row.clip.is_some(),
            Self::Patient(patient) => model.cases_of(row).iter().any(|case| model.cases[*case] == *patient),
            Self::CasePatient(patient) => row.case.is_some_and(|case| model.cases[case] == *patient),
            Self::PatientMissing => model.cases_of(row).iter().all(|case| PATIENTS[model.cases[*case]].is_none()),
            Self::Label(label) => model.annotations.iter().enumerate().any(|(at, annotation)| {
                let clip = |clip: (usize, bool)| clip == (annotation.target, annotation.later);
                let shown = match annotation.video {
                    true => row.clip.is_some_and(clip),
                    false => row.frames.contains(&annotation.target),
                };
                annotation.label == *label && (row.annotations.contains(&at) || shown)
            }),
            Self::ShowsMask => row.frames.iter().any(|frame| model.frames[*frame].mask),
            Self::Commercial => model.terms_of(row).iter().all(|terms| terms.allows(Permission::Commercial)),
            Self::OtherTerms => model.terms_of(row).iter().all(|terms| terms.allows(Permission::OtherTerms)),
            Self::NonCommercialLicence => model.terms_of(row).last() == Some(&Terms::of(Some("CC BY-NC"))),
            Self::IdLike(digit) => at % 10 == *digit,
            Self::Role => row.turns > 1,
            Self::Not(part) => !part.holds(model, at),
            Self::And(parts) => parts.iter().all(|part| part.holds(model, at)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(model, at)),
        }
    }
}

fn split_name(train: bool) -> &'static str {
    if train { "train" } else { "test" }
}

impl Model {
    /// The case of a conversation; where it has none, those of what it shows.
    fn cases_of(&self, row: &ModelConversation) -> BTreeSet<usize> {
        if let Some(case) = row.case {
            return [case].into();
        }
        let frames = row.frames.iter().map(|frame| &self.frames[*frame]);
        let frames = frames.filter_map(|frame| frame.case.or(frame.video.and_then(|video| self.videos[video])));
        frames.chain(row.clip.and_then(|(video, _)| self.videos[video])).collect()
    }

    /// The terms of all sources of a conversation, the strictest last. Videos and cases are of the first source.
    fn terms_of(&self, row: &ModelConversation) -> BTreeSet<Terms> {
        // Videos are all of the first source.
        let of_frame = |frame: usize| [Some(self.frames[frame].source), self.frames[frame].video.map(|_| 0)];
        let of_annotation = |annotation: &usize| {
            let ModelAnnotation { source, target, video, .. } = self.annotations[*annotation];
            let target = if video { [Some(0), None] } else { of_frame(target) };
            [Some(source)].into_iter().chain(target)
        };
        let frames = row.frames.iter().flat_map(|frame| of_frame(*frame));
        let annotations = row.annotations.iter().flat_map(of_annotation);
        let video = row.clip.map(|_| 0);
        let all = frames.chain(annotations).flatten().chain(video).chain([row.source]);
        all.map(|source| Terms::of(SOURCES[source].1)).collect()
    }

    /// Writes the model to a new dataset, in several versions; the conversations' addresses.
    fn write(&self, path: &Path) -> (Dataset, Vec<Address>) {
        let options = WriterOptions { batch_rows: 4, ..Default::default() };
        let mut appender = Dataset::create(path).unwrap().append_with(options).unwrap();
        for (id, licence) in SOURCES {
            appender.source(Source { id: id.into(), licence: licence.map(Into::into), ..Default::default() });
        }
        let source = |at: usize| SOURCES[at].0.to_owned();
        let case = |(at, patient): (usize, &usize)| CaseRow {
            id: at.to_string(),
            source: source(0),
            patient: PATIENTS[*patient].map(Into::into),
            ..Default::default()
        };
        let cases: Vec<_> = self.cases.iter().enumerate().map(|row| appender.case(&case(row)).unwrap()).collect();
        let of_case = |case: &Option<usize>| case.map(|case| cases[case]);
        let mut videos = Vec::new();
        for (at, case) in self.videos.iter().enumerate() {
            let row = VideoRow { id: at.to_string(), source: source(0), case: of_case(case), ..Default::default() };
            videos.push(appender.video(&row).unwrap());
        }
        let mut frames = Vec::new();
        for (at, frame) in self.frames.iter().enumerate() {
            let row = FrameRow {
                id: at.to_string(),
                source: source(frame.source),
                case: of_case(&frame.case),
                video: frame.video.map(|video| videos[video]),
                kind: if frame.mask { "mask" } else { "rgb" }.into(),
                ..Default::default()
            };
            frames.push(appender.frame(&row).unwrap());
        }
        let mut annotations = Vec::new();
        for (at, annotation) in self.annotations.iter().enumerate() {
            let label = LABELS[annotation.label].to_owned();
            let (raw, label) = if annotation.known { ("x".into(), Some(label)) } else { (label, None) };
            let start = annotation.video.then_some(if annotation.later { 10.0 } else { 0.0 });
            let row = AnnotationRow {
                id: at.to_string(),
                source: source(annotation.source),
                target: if annotation.video { videos[annotation.target] } else { frames[annotation.target] },
                start,
                end: start.map(|start| start + 10.0),
                labels: vec![LabelRow { axis: "instrument".into(), label, raw, value: None }],
                annotator: None,
                status: None,
                origin: None,
                generator: None,
                parent: None,
                text: None,
                regions: Vec::new(),
                extra: None,
                record: None,
            };
            annotations.push(appender.annotation(&row).unwrap().0);
        }
        let mut addresses = Vec::new();
        for (at, row) in self.conversations.iter().enumerate() {
            if at == 10 {
                appender = appender.commit(Operation::new("append")).unwrap().append_with(options).unwrap();
            }
            let medium = |address: Address| MediumRow { refs: vec![address], ..Default::default() };
            let clip = row.clip.map(|(video, later)| MediumRow {
                start: Some(if later { 10.0 } else { 0.0 }),
                end: Some(if later { 20.0 } else { 10.0 }),
                ..medium(videos[video])
            });
            let turn = |at: usize| TurnRow {
                role: if at.is_multiple_of(2) { "user" } else { "assistant" }.into(),
                text: "?".into(),
                ..Default::default()
            };
            let conversation = ConversationRow {
                id: at.to_string(),
                source: source(row.source),
                task: TASKS[row.task].into(),
                origin: row.human.map(|human| if human { "human" } else { "model" }.into()),
                case: of_case(&row.case),
                turns: (0..row.turns.max(usize::from(!row.frames.is_empty() || clip.is_some()))).map(turn).collect(),
                media: row.frames.iter().map(|frame| medium(frames[*frame])).chain(clip).collect(),
                annotations: row.annotations.iter().map(|annotation| annotations[*annotation]).collect(),
                ..Default::default()
            };
            addresses.push(appender.conversation(&conversation).unwrap().0);
        }
        let dataset = appender.commit(Operation::new("append")).unwrap();
        let rows = self.conversations.iter().zip(&addresses);
        let named = rows.clone().filter_map(|(row, address)| Some((*address, split_name(row.split?))));
        let (places, names): (Vec<_>, Vec<_>) = named.unzip();
        let values: arrow_array::DictionaryArray<arrow_array::types::Int32Type> = names.into_iter().collect();
        let split = Column::parse("split?: dict").unwrap();
        let update = CellUpdate::new(Table::Conversations, split, places, std::sync::Arc::new(values));
        let dataset = dataset.update_cells(update).unwrap();
        let gone: Vec<_> = rows.filter(|(row, _)| row.deleted).map(|(_, address)| *address).collect();
        let dataset = match gone.is_empty() {
            true => dataset,
            false => dataset.delete(gone.iter().copied(), DeleteOptions::default()).unwrap(),
        };
        (dataset, addresses)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..Default::default() })]
    #[test]
    fn a_selection_is_what_a_look_at_every_row_says(
        mut model in model(),
        conditions in prop::collection::vec(condition(), 12),
    ) {
        // A row that shows something has a turn to show it in.
        for row in &mut model.conversations {
            row.turns = row.turns.max(usize::from(!row.frames.is_empty() || row.clip.is_some()));
        }
        let dir = tempfile::tempdir().unwrap();
        let (dataset, addresses) = model.write(&dir.path().join("a.surgdb"));
        for condition in &conditions {
            let filter = Filter::parse(&condition.text()).unwrap();
            let found = dataset.select(Table::Conversations, &filter).unwrap();
            let live = (0..addresses.len()).filter(|at| !model.conversations[*at].deleted);
            let expected: Vec<_> =
                live.filter(|at| condition.holds(&model, *at)).map(|at| addresses[at]).collect();
            prop_assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{}", condition.text());
        }
        for (row, address) in model.conversations.iter().zip(&addresses).filter(|(row, _)| !row.deleted) {
            let licence = dataset.licence_of(*address).unwrap();
            let terms = model.terms_of(row);
            prop_assert_eq!(terms.iter().copied().reduce(Terms::and), Some(licence.terms));
            let strictest = Terms::of(licence.strictest.as_deref());
            prop_assert_eq!(terms.last(), Some(&strictest));
        }
    }
}

/// A dataset of 5,000 conversations of two tasks, each with text that nobody should have to read.
fn many(path: &Path) -> Dataset {
    let mut appender = Dataset::create(path).unwrap().append().unwrap();
    for at in 0..5000 {
        let row = ConversationRow {
            id: at.to_string(),
            source: "mine".into(),
            task: TASKS[at % 2].into(),
            turns: vec![TurnRow { role: "user".into(), text: format!("question {at}"), ..Default::default() }],
            ..Default::default()
        };
        appender.conversation(&row).unwrap();
    }
    appender.commit(Operation::new("append")).unwrap()
}

#[test]
fn selecting_by_task_touches_one_column_of_each_batch() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = many(&dir.path().join("a.surgdb"));
    let found = dataset.select(Table::Conversations, &Filter::eq("task", TASKS[0])).unwrap();
    assert_eq!(found.len(), 2500);
    let (batches, columns) = dataset.touched(Table::Conversations);
    assert!(batches >= 5 && columns == batches, "{columns} columns of {batches} batches");
    for table in Table::ALL.into_iter().filter(|table| *table != Table::Conversations) {
        assert_eq!(dataset.touched(table), (0, 0));
    }
}

#[test]
fn what_no_row_needs_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = many(&dir.path().join("a.surgdb"));
    let filter = Filter::parse("turns.text contains bleeding and task = none").unwrap();
    assert!(dataset.select(Table::Conversations, &filter).unwrap().is_empty());
    let (batches, columns) = dataset.touched(Table::Conversations);
    assert_eq!(columns, batches);
}

#[test]
fn a_saved_selection_outlives_the_rows_that_it_names() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = many(&dir.path().join("a.surgdb"));
    let found = dataset.select(Table::Conversations, &Filter::eq("task", TASKS[1])).unwrap();
    let path = dir.path().join("run.arrow");
    found.save(&path).unwrap();
    assert_eq!(found.save(&path).unwrap_err().kind(), ErrorKind::Exists);
    assert_eq!(Selection::load(&path).unwrap(), found);

    let reader = arrow_ipc::reader::FileReader::try_new(std::fs::File::open(&path).unwrap(), None).unwrap();
    let values: Vec<i64> = reader
        .flat_map(|batch| {
            let column = batch.unwrap().column(0).clone();
            column.as_any().downcast_ref::<arrow_array::Int64Array>().unwrap().values().to_vec()
        })
        .collect();
    assert!(values.into_iter().eq(found.iter().map(Address::get)));

    let gone: Vec<_> = found.iter().take(3).collect();
    let newer = dataset.delete(gone.iter().copied(), DeleteOptions::default()).unwrap();
    let checked = Selection::load(&path).unwrap().check(&newer).unwrap();
    assert_eq!((checked.gone, checked.live.len()), (gone, found.len() - 3));
    let other = many(&dir.path().join("b.surgdb"));
    assert_eq!(found.check(&other).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn a_damaged_selection_is_refused_or_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = many(&dir.path().join("a.surgdb"));
    let few = Selection::of(
        &dataset,
        Table::Conversations,
        dataset.live_addresses(Table::Conversations).unwrap()[..9].to_vec(),
    )
    .unwrap();
    let path = dir.path().join("run.arrow");
    few.save(&path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let damaged = dir.path().join("damaged.arrow");
    let check = |bytes: &[u8], what: String| {
        std::fs::write(&damaged, bytes).unwrap();
        if let Ok(read) = Selection::load(&damaged) {
            assert_eq!(read, few, "{what}");
        }
    };
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        check(&bytes, format!("byte {at}"));
        check(&whole[..at], format!("length {at}"));
    }
}

#[test]
fn a_condition_that_does_not_fit_says_where() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = many(&dir.path().join("a.surgdb"));
    for (text, place, what) in [
        ("task = a and splt = train", "character 14", "splt"),
        ("turns.rol = user", "character 1", "role"),
        ("turns = many", "character 1", "turns.text"),
        ("id allows commercial", "character 1", "licence"),
        ("case.patients = x", "character 1", "patients"),
        ("frame.width > wide", "character 15", "number"),
        ("task.x = 1", "character 1", "no parts"),
        ("preferred = maybe", "character 13", "true"),
    ] {
        let error = dataset.select(Table::Conversations, &Filter::parse(text).unwrap()).unwrap_err();
        let message = error.to_string();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{message}");
        assert!(message.contains(place) && message.contains(what), "{text}: {message}");
    }
    assert!(dataset.select(Table::Blobs, &Filter::parse("label = x").unwrap()).is_err());
    assert!(dataset.select(Table::Blobs, &Filter::parse("licence = x").unwrap()).is_err());
    assert!(
        dataset.select(Table::Frames, &Filter::parse("annotation.origin = human and patient is null").unwrap()).is_ok()
    );
    assert!(
        dataset.select(Table::Annotations, &Filter::parse("target.kind = rgb and institution = x").unwrap()).is_ok()
    );
    let every = dataset.select(Table::Conversations, &Filter::all()).unwrap();
    assert_eq!(every.len(), 5000);
    assert_eq!(every.conversations(&dataset).count(), 5000);
    let picked = dataset.select_with(Table::Conversations, &["id"], "of one digit", |piece| {
        let ids = piece.batch.column(0).as_any().downcast_ref::<arrow_array::LargeStringArray>().unwrap();
        Ok(ids.iter().map(|id| id.map(|id| id.len() == 1)).collect())
    });
    assert_eq!(picked.unwrap().len(), 10);
    let short = dataset.select_with(Table::Conversations, &["id"], "", |_| Ok(vec![true].into()));
    assert_eq!(short.unwrap_err().kind(), ErrorKind::Invalid);
    let half = dataset.select(Table::Conversations, &Filter::eq("task", TASKS[0])).unwrap();
    assert_eq!(every.without(&half).unwrap().len(), 2500);
    assert_eq!(every.and(&half).unwrap().iter().collect::<Vec<_>>(), half.iter().collect::<Vec<_>>());
}

#[test]
fn addresses_are_compared_as_they_are_shown() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = stored(&dir.path().join("a.surgdb"), samples());
    let count = |text: &str| dataset.select(Table::Frames, &Filter::parse(text).unwrap()).unwrap().len();
    let blob = dataset.frame(dataset.address(Table::Frames, 0).unwrap()).unwrap().blob().unwrap().unwrap();
    let same = count(&format!("blob = {blob}"));
    assert!(same > 0 && same < dataset.count(Table::Frames).unwrap());
    assert_eq!(count(&format!("blob in ({blob}, 1000:0)")), same);
    assert_eq!(count(&format!("blob = {}", blob.get())), same);
    let wrong = dataset.select(Table::Frames, &Filter::parse("blob = 7:x").unwrap()).unwrap_err();
    assert!(wrong.message().contains("an address was expected, such as 7:16"), "{wrong}");
}

/// More rows than a file holds: an attacker's manifest, with its checksum right.
#[test]
fn rows_that_a_manifest_makes_up_are_found_before_anything_is_gathered_for_them() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = stored(&dir.path().join("a.surgdb"), samples());
    for table in [Table::Conversations, Table::Blobs] {
        let mut manifest = dataset.manifest().clone();
        let part = &mut manifest.files.get_mut(table.name()).unwrap()[0].fragments[0];
        *part = (part.fragment.get(), u32::MAX).try_into().unwrap();
        manifest.columns.clear();
        manifest.deletions.clear();
        let path = dataset.path().join(surgdb::format::manifest::version_path(manifest.version));
        std::fs::write(path, manifest.encode()).unwrap();
        let hostile = Dataset::open(dataset.path()).unwrap();
        assert!(hostile.count(table).unwrap() >= u64::from(u32::MAX));
        let error = hostile.select(table, &Filter::all()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        let to = Dataset::create(dir.path().join(format!("{table}.surgdb"))).unwrap();
        let error = hostile.copy_to(&to, &Default::default(), &mut |_| Ok(())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }
}
