//! Random steps, each taken by the dataset and by the model.

use crate::compare;
use crate::draft::{Around, Draft, IDS};
use crate::state::{Row, State, Value};
use arrow_array::builder::{Int64Builder, ListBuilder, StringDictionaryBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, Int64Array, LargeStringArray};
use arrow_schema::{DataType, Field};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use surgdb::dataset::{BlobSource, CellUpdate, DeleteOptions, WriterOptions};
use surgdb::{Access, Address, Appender, Column, Dataset, ErrorKind, Operation, Result, Table, VerifyLevel};

#[derive(Clone, Debug)]
pub struct Step {
    /// Which version the step starts from: 0 the newest, 1 the one before, …
    back: usize,
    what: What,
    /// For everything that is compared with random choices.
    dice: u64,
}

#[derive(Clone, Debug)]
enum What {
    Append(Vec<Writer>),
    Column { at: usize, seed: u16, picks: Option<Vec<u16>> },
    Delete { picks: Vec<(usize, u16)>, cascade: bool },
    Compact(Limits),
}

#[derive(Clone, Debug)]
struct Writer {
    drafts: Vec<Draft>,
    /// A conversation that is deleted, and appended anew under its id.
    replaced: Option<u16>,
    drops: bool,
    /// Whether its conversations get a score with the same commit.
    scores: bool,
    limits: Limits,
}

/// Tiny, so that batches are cut and fragments roll over all the time.
#[derive(Clone, Debug)]
struct Limits {
    batch: usize,
    fragment: u64,
    packed: bool,
}

/// Columns that steps add or replace: table, column in the notation, and whether a base column is meant.
const COLUMNS: [(Table, &str); 10] = [
    (Table::Conversations, "split?: dict"),
    (Table::Conversations, "links?: list<ref>"),
    (Table::Conversations, "score?: int64"),
    (Table::Frames, "note?: text"),
    (Table::Blobs, "hash?: int64"),
    (Table::Conversations, "task: dict"),
    (Table::Conversations, "solution?: text"),
    (Table::Frames, "blob?: ref"),
    (Table::Frames, "index?: int64"),
    (Table::Cases, "patient?: text"),
];

pub fn step() -> impl Strategy<Value = Step> {
    let append = prop::collection::vec(writer(), 1..4).prop_map(What::Append);
    let picks = prop::option::weighted(0.7, prop::collection::vec(any::<u16>(), 0..12));
    let column = (0..COLUMNS.len(), any::<u16>(), picks).prop_map(|(at, seed, picks)| What::Column { at, seed, picks });
    let picks = prop::collection::vec((0..6usize, any::<u16>()), 0..4);
    let delete = (picks, any::<bool>()).prop_map(|(picks, cascade)| What::Delete { picks, cascade });
    let compact = limits().prop_map(What::Compact);
    let what = prop_oneof![4 => append, 3 => column, 2 => delete, 1 => compact];
    let back = prop_oneof![3 => Just(0usize), 1 => 1..3usize];
    (back, what, any::<u64>()).prop_map(|(back, what, dice)| Step { back, what, dice })
}

fn writer() -> impl Strategy<Value = Writer> {
    let draft = (0..9usize, 0..IDS, any::<u8>(), prop::array::uniform6(0..60_000u16), prop::bool::weighted(0.04))
        .prop_map(|(table, id, source, picks, stale)| Draft { table, id, source, picks, stale });
    let drafts = prop::collection::vec(draft, 0..30);
    let replaced = prop::option::weighted(0.3, any::<u16>());
    (drafts, replaced, prop::bool::weighted(0.15), prop::bool::weighted(0.3), limits())
        .prop_map(|(drafts, replaced, drops, scores, limits)| Writer { drafts, replaced, drops, scores, limits })
}

fn limits() -> impl Strategy<Value = Limits> {
    (1..6usize, prop_oneof![Just(0u64), Just(3000), Just(1 << 30)], any::<bool>())
        .prop_map(|(batch, fragment, packed)| Limits { batch, fragment, packed })
}

impl Limits {
    fn options(&self) -> WriterOptions {
        WriterOptions {
            batch_rows: self.batch,
            blob_batch_bytes: 2000,
            fragment_bytes: self.fragment,
            blob_fragment_bytes: self.fragment,
            compression: self.packed.then_some(1),
            ..WriterOptions::default()
        }
    }
}

/// What an appender is going to commit.
#[derive(Default)]
struct Pending {
    own: State,
    deletes: BTreeSet<Address>,
}

/// The dataset and what it must hold, version by version.
pub struct World {
    _dir: tempfile::TempDir,
    path: PathBuf,
    versions: Vec<State>,
}

impl World {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.surgdb");
        Dataset::create(&path).unwrap();
        Self { _dir: dir, path, versions: vec![State::default()] }
    }

    fn newest(&self) -> &State {
        self.versions.last().unwrap()
    }

    fn open(&self, version: usize, dice: u64) -> Dataset {
        let access = if dice & 1 == 0 { Access::Mapped } else { Access::Plain };
        let level = [VerifyLevel::Trusted, VerifyLevel::Lazy, VerifyLevel::Strict][(dice >> 1) as usize % 3];
        let options =
            Dataset::options().access(access).verify(level).cache(if dice & 16 == 0 { 1 << 20 } else { 3000 });
        options.version(version as u64 + 1).open(&self.path).unwrap()
    }

    pub fn take(&mut self, step: &Step) {
        let from = self.versions.len().saturating_sub(1 + step.back);
        let dataset = self.open(from, step.dice);
        match &step.what {
            What::Append(writers) => self.append(from, &dataset, writers),
            What::Column { at, seed, picks } => self.column(from, &dataset, *at, *seed, picks.as_deref()),
            What::Delete { picks, cascade } => self.delete(from, &dataset, picks, *cascade),
            What::Compact(limits) => self.compact(from, &dataset, limits),
        }
        let newest = self.versions.len() - 1;
        let dataset = Dataset::open(&self.path).unwrap();
        assert_eq!(dataset.version() as usize, newest + 1);
        compare::equal(&self.open(newest, step.dice >> 8), self.newest(), step.dice);
        let report = dataset.verify(&mut |_, _| ()).unwrap();
        assert!(report.is_sound(), "{report:?}");
        let older = (step.dice >> 32) as usize % self.versions.len();
        compare::equal(&self.open(older, step.dice >> 16), &self.versions[older], step.dice);
    }

    pub fn check_all_versions(&self) {
        for (version, state) in self.versions.iter().enumerate() {
            compare::equal(&self.open(version, version as u64), state, version as u64);
        }
    }

    /// No file is there that no version names.
    pub fn check_folders(&self) {
        let mut named = BTreeSet::new();
        for version in 1..=self.versions.len() as u64 {
            named.insert(format!("versions/{version:010}.json"));
            let dataset = Dataset::options().version(version).open(&self.path).unwrap();
            named.extend(dataset.manifest().paths().map(str::to_owned));
        }
        let mut there = BTreeSet::new();
        for folder in std::fs::read_dir(&self.path).unwrap() {
            let folder = folder.unwrap();
            for file in std::fs::read_dir(folder.path()).unwrap() {
                let name = |name: std::ffi::OsString| name.into_string().unwrap();
                there.insert(format!("{}/{}", name(folder.file_name()), name(file.unwrap().file_name())));
            }
        }
        assert_eq!(there, named);
    }

    /// Holds a commit's outcome against what the model expects of it: the next version, none, or a refusal.
    fn settle(&mut self, outcome: Result<Dataset>, from: usize, next: Result<Option<State>, ErrorKind>) {
        match (outcome, next) {
            (Ok(dataset), Ok(Some(next))) => {
                assert_eq!(dataset.version() as usize, self.versions.len() + 1);
                compare::equal(&dataset, &next, dataset.version());
                self.versions.push(next);
            }
            (Ok(dataset), Ok(None)) => assert_eq!(dataset.version() as usize, from + 1),
            (Err(error), Err(kind)) => assert_eq!(error.kind(), kind, "{error}"),
            (outcome, next) => panic!("{outcome:?} where {:?} was expected", next.map(|next| next.is_some())),
        }
    }

    fn append(&mut self, from: usize, dataset: &Dataset, writers: &[Writer]) {
        let base = self.versions[from].clone();
        let mut open: Vec<(Appender, Pending)> = Vec::new();
        for writer in writers {
            let mut appender = dataset.append_with(writer.limits.options()).unwrap();
            let mut pending = Pending::default();
            let conversations = base.of(Table::Conversations);
            if let (Some(pick), false) = (writer.replaced, conversations.is_empty()) {
                let (address, row) = conversations[usize::from(pick) % conversations.len()];
                let Row::Conversation(row) = row else { unreachable!() };
                let replacing = surgdb::rows::ConversationRow { extra: Some("{}".into()), ..row.clone() };
                assert_eq!(appender.conversation(&replacing).unwrap_err().kind(), ErrorKind::Exists);
                appender.delete(address).unwrap();
                pending.deletes.insert(address);
                let (new, _) = appender.conversation(&replacing).unwrap();
                pending.own.rows.insert(new, Row::Conversation(replacing));
            }
            open.push((appender, pending));
        }
        let longest = writers.iter().map(|writer| writer.drafts.len()).max().unwrap_or(0);
        for turn in 0..longest {
            for (writer, (appender, pending)) in writers.iter().zip(&mut open) {
                if let Some(draft) = writer.drafts.get(turn) {
                    push(&base, appender, pending, draft);
                }
            }
        }
        for (writer, (mut appender, mut pending)) in writers.iter().zip(open) {
            let new = pending.own.addresses(Table::Conversations);
            if writer.scores && !new.is_empty() {
                let values = Arc::new(Int64Array::from_iter_values(0..new.len() as i64));
                let column = Column::parse("score?: int64").unwrap();
                appender.update(CellUpdate::new(Table::Conversations, column, new.clone(), values)).unwrap();
                let values = new.into_iter().zip((0..).map(Value::Number)).collect();
                pending.own.added.insert((Table::Conversations, "score"), values);
            }
            if writer.drops {
                drop(appender);
                continue;
            }
            let next = self.after_append(&base, &pending);
            self.settle(appender.commit(Operation::new("append")), from, next);
        }
    }

    fn after_append(&self, base: &State, pending: &Pending) -> Result<Option<State>, ErrorKind> {
        if pending.own.rows.is_empty() && pending.deletes.is_empty() {
            return Ok(None);
        }
        let newest = self.newest();
        let rests_on = pending.own.rows.values().flat_map(Row::refs).filter(|to| !pending.own.rows.contains_key(to));
        let mut rests_on = rests_on.chain(pending.deletes.iter().copied());
        if rests_on.any(|address| !newest.rows.contains_key(&address)) {
            return Err(ErrorKind::Conflict);
        }
        for row in pending.own.rows.values() {
            let Some((source, id)) = row.name() else { continue };
            let taken = newest.find(row.table(), source, id);
            if taken.is_some_and(|address| !base.rows.contains_key(&address)) {
                return Err(ErrorKind::Conflict);
            }
        }
        if !newest.referrers(&pending.deletes).is_empty() {
            return Err(ErrorKind::Referenced);
        }
        let mut next = newest.clone();
        pending.deletes.iter().for_each(|address| next.delete(*address));
        next.rows.extend(pending.own.rows.clone());
        for (column, values) in &pending.own.added {
            next.added.entry(*column).or_default().extend(values.clone());
        }
        Ok(Some(next))
    }

    /// Compacting changes no answer; on an older version it may be too late.
    fn compact(&mut self, from: usize, dataset: &Dataset, limits: &Limits) {
        let newest = self.versions.len() - 1;
        match dataset.compact_with(limits.options()) {
            Ok(compacted) if compacted.version() as usize == newest + 2 => {
                let next = self.newest().clone();
                compare::equal(&compacted, &next, compacted.version());
                self.versions.push(next);
            }
            Ok(compacted) => assert_eq!(compacted.version() as usize, from + 1),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
                assert_ne!(from, newest, "{error}");
            }
        }
    }

    fn delete(&mut self, from: usize, dataset: &Dataset, picks: &[(usize, u16)], cascade: bool) {
        let base = &self.versions[from];
        let mut wanted = BTreeSet::new();
        for (table, pick) in picks {
            let all = base.addresses(Table::ALL[*table]);
            if !all.is_empty() {
                wanted.insert(all[usize::from(*pick) % all.len()]);
            }
        }
        let outcome = dataset.delete(wanted.iter().copied(), DeleteOptions { cascade, ..Default::default() });
        let more = |wanted: &BTreeSet<_>| if cascade { base.referrers(wanted) } else { Default::default() };
        let mut referrers = more(&wanted);
        while !referrers.is_empty() {
            wanted.extend(referrers);
            referrers = more(&wanted);
        }
        let newest = self.newest();
        let next = if wanted.is_empty() {
            Ok(None)
        } else if wanted.iter().any(|address| !newest.rows.contains_key(address)) {
            Err(ErrorKind::Conflict)
        } else if !newest.referrers(&wanted).is_empty() {
            Err(ErrorKind::Referenced)
        } else {
            let mut next = newest.clone();
            wanted.iter().for_each(|address| next.delete(*address));
            Ok(Some(next))
        };
        self.settle(outcome, from, next);
    }

    fn column(&mut self, from: usize, dataset: &Dataset, at: usize, seed: u16, picks: Option<&[u16]>) {
        let (table, notation) = COLUMNS[at];
        let column = Column::parse(notation).unwrap();
        let name: &'static str = notation.split(['?', ':']).next().unwrap();
        let base = self.versions[from].clone();
        let live = base.addresses(table);
        let chosen: Vec<Address> = match picks {
            None => live.clone(),
            Some(_) if live.is_empty() => Vec::new(),
            Some(picks) => picks.iter().map(|pick| live[usize::from(*pick) % live.len()]).collect(),
        };
        let values: Vec<Value> = (0..chosen.len()).map(|row| value(&base, &column, seed, row)).collect();
        let known = table.column_index(name).is_some() || base.added.contains_key(&(table, name));
        let outcome = match picks {
            None if !known => dataset.add_column(table, column.clone(), array(&column, &values)),
            None => {
                let refused = dataset.add_column(table, column.clone(), array(&column, &values));
                assert_eq!(refused.unwrap_err().kind(), ErrorKind::Exists);
                dataset.replace_column(table, column.clone(), array(&column, &values))
            }
            // In two parts, of which the second is a slice: together they must be one change.
            Some(_) => {
                let half = chosen.len() / 2;
                let all = array(&column, &values);
                let mut appender = dataset.append().unwrap();
                for range in [0..half, half..chosen.len()] {
                    let part = all.slice(range.start, range.len());
                    appender.update(CellUpdate::new(table, column.clone(), chosen[range].to_vec(), part)).unwrap();
                }
                appender.commit(Operation::new("column"))
            }
        };
        let next = self.after_column(from, (table, name), &chosen, values, known);
        self.settle(outcome, from, next);
    }

    fn after_column(
        &self,
        from: usize,
        (table, name): (Table, &'static str),
        chosen: &[Address],
        values: Vec<Value>,
        known: bool,
    ) -> Result<Option<State>, ErrorKind> {
        if known && chosen.is_empty() {
            return Ok(None);
        }
        let newest = self.newest();
        let refs = values.iter().flat_map(|value| if let Value::Refs(refs) = value { &refs[..] } else { &[] });
        let mut refs = refs.copied();
        // A change of cells rests on the fragments' cells in that column, and on what the new ones refer to.
        let fragments = |addresses: &[Address]| addresses.iter().map(|at| at.fragment()).collect::<BTreeSet<_>>();
        let touched = self.touched(from, table, name);
        if refs.any(|address| !newest.rows.contains_key(&address)) || !touched.is_disjoint(&fragments(chosen)) {
            return Err(ErrorKind::Conflict);
        }
        let mut next = newest.clone();
        if table.column_index(name).is_none() {
            next.added.entry((table, name)).or_default();
        }
        for (address, value) in chosen.iter().zip(values) {
            match next.rows.get_mut(address) {
                Some(row) if table.column_index(name).is_some() => set(row, name, value),
                _ => {
                    next.added.entry((table, name)).or_default().insert(*address, value);
                }
            }
        }
        next.added.retain(|(table, name), _| table.column_index(name).is_none());
        Ok(Some(next))
    }

    /// The fragments whose cells of a column were changed after a version, or compacted, as the manifests say.
    fn touched(&self, from: usize, table: Table, name: &str) -> BTreeSet<surgdb::FragmentId> {
        let of = |version: usize| {
            let dataset = Dataset::options().version(version as u64 + 1).open(&self.path).unwrap();
            let side = dataset.manifest().column(table.name(), name).cloned();
            let base = dataset.manifest().files_of(table.name()).to_vec();
            let files = base.into_iter().chain(side.into_iter().flat_map(|side| side.files));
            let parts = files.flat_map(|file| {
                file.fragments.iter().map(|part| (part.fragment, file.path.clone())).collect::<Vec<_>>()
            });
            parts.collect::<BTreeMap<_, _>>()
        };
        let (old, new) = (of(from), of(self.versions.len() - 1));
        new.iter().filter(|(part, path)| old.get(part) != Some(path)).map(|(part, _)| *part).collect()
    }
}

/// Appends a row to the appender and to what it is going to commit.
fn push(base: &State, appender: &mut Appender, pending: &mut Pending, draft: &Draft) {
    let deletes = pending.deletes.clone();
    let gone = |address: Address| deletes.contains(&address);
    let Some((row, bad)) = draft.row(&Around { base, gone: &gone, own: &pending.own }) else { return };
    if let Row::Blob { media_type, bytes } = &row {
        let known = pending.own.blobs_with(bytes);
        let known = if known.is_empty() { base.blobs_with(bytes) } else { known };
        let blob = appender.blob(BlobSource::Bytes { media_type, bytes }).unwrap();
        assert_eq!(blob.size as usize, bytes.len());
        assert_eq!(blob.is_new, known.is_empty());
        match blob.is_new {
            true => assert!(pending.own.rows.insert(blob.address, row).is_none()),
            false => assert!(known.contains(&blob.address)),
        }
        return;
    }
    let (source, id) = row.name().unwrap();
    let found = pending.own.find(row.table(), source, id);
    let found = found.or_else(|| base.find(row.table(), source, id).filter(|address| !gone(*address)));
    assert_eq!(appender.lookup(row.table(), source, id).unwrap(), found);
    let outcome = match &row {
        Row::Case(row) => appender.case(row),
        Row::Video(row) => appender.video(row),
        Row::Frame(row) => appender.frame(row),
        Row::Annotation(row) => appender.annotation(row).map(|outcome| outcome.0),
        Row::Conversation(row) => appender.conversation(row).map(|outcome| outcome.0),
        Row::Blob { .. } => unreachable!(),
    };
    match (outcome, bad, found) {
        (Ok(address), false, None) => {
            assert!(!base.rows.contains_key(&address) && !base.deleted.contains_key(&address));
            assert!(pending.own.rows.insert(address, row).is_none());
        }
        (Err(error), true, None) => assert_eq!(error.kind(), ErrorKind::Invalid, "{error}"),
        // Of two faults either may be found first.
        (Err(error), true, Some(_)) => {
            assert!([ErrorKind::Invalid, ErrorKind::Exists].contains(&error.kind()), "{error}");
        }
        (Err(error), false, Some(_)) => assert_eq!(error.kind(), ErrorKind::Exists, "{error}"),
        (outcome, ..) => panic!("{outcome:?} of {row:?}"),
    }
}

/// A random value of a column.
fn value(base: &State, column: &Column, seed: u16, row: usize) -> Value {
    let pick = usize::from(seed).wrapping_mul(31).wrapping_add(row * 7);
    let among = |all: Vec<Address>, count: usize| {
        (0..count.min(all.len())).map(|at| all[(pick + at) % all.len()]).collect::<Vec<_>>()
    };
    if column.nullable && pick % 4 == 0 {
        return Value::Null;
    }
    match (column.name.as_str(), column.ty.to_string().as_str()) {
        ("blob", _) => match among(base.addresses(Table::Blobs), 1) {
            refs if refs.is_empty() => Value::Null,
            refs => Value::Refs(refs),
        },
        (_, "list<ref>") => Value::Refs(among(base.rows.keys().copied().collect(), pick % 3)),
        (_, "int64") => Value::Number(pick as i64),
        _ => Value::Text(format!("value {}", pick % 5)),
    }
}

/// Values as the array of a column.
fn array(column: &Column, values: &[Value]) -> ArrayRef {
    let text = |value: &Value| if let Value::Text(text) = value { Some(text.clone()) } else { None };
    match column.ty.to_string().as_str() {
        "int64" => Arc::new(Int64Array::from_iter(
            values.iter().map(|value| if let Value::Number(number) = value { Some(*number) } else { None }),
        )),
        "ref" => Arc::new(Int64Array::from_iter(
            values.iter().map(|value| if let Value::Refs(refs) = value { Some(refs[0].get()) } else { None }),
        )),
        "text" => Arc::new(LargeStringArray::from_iter(values.iter().map(text))),
        "dict" => {
            let mut words = StringDictionaryBuilder::<Int32Type>::new();
            values.iter().for_each(|value| words.append_option(text(value)));
            Arc::new(words.finish())
        }
        _ => {
            let item = Field::new("item", DataType::Int64, false);
            let mut lists = ListBuilder::new(Int64Builder::new()).with_field(item);
            for value in values {
                match value {
                    Value::Refs(refs) => {
                        refs.iter().for_each(|address| lists.values().append_value(address.get()));
                        lists.append(true);
                    }
                    _ => lists.append(false),
                }
            }
            Arc::new(lists.finish())
        }
    }
}

/// Replaces what a row has in a base column.
fn set(row: &mut Row, column: &str, value: Value) {
    let text = if let Value::Text(text) = &value { Some(text.clone()) } else { None };
    match (row, column) {
        (Row::Conversation(row), "task") => row.task = text.unwrap(),
        (Row::Conversation(row), "solution") => row.solution = text,
        (Row::Case(row), "patient") => row.patient = text,
        (Row::Frame(row), "index") => row.index = if let Value::Number(index) = value { Some(index) } else { None },
        (Row::Frame(row), "blob") => row.blob = if let Value::Refs(refs) = value { Some(refs[0]) } else { None },
        (row, column) => panic!("{column} of {row:?}"),
    }
}
