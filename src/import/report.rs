//! What an import did: counts that add up, and everything that a user should look at.

use super::written::Written;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// How many examples of each finding a report names.
const EXAMPLES: usize = 20;
/// How many skipped records, and how many missing files, a report names.
const LISTED: usize = 1_000_000;
/// A word of a message that is longer is cut: a path may hold a whole picture's bytes by mistake.
const WORD_LIMIT: usize = 200;

/// The report of one import.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ImportReport {
    /// A random id of this import, so that no two reports are the same; none where nothing was to be written.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The source that was imported.
    pub source: String,
    /// Whether nothing was written because that was asked for.
    pub dry_run: bool,
    /// The version that the import committed; none when there was nothing to commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// How often it began again because another writer had added the same rows meanwhile.
    #[serde(skip_serializing_if = "is_zero")]
    pub reruns: u32,
    /// The files that were read.
    pub inputs: Vec<InputReport>,
    /// Files in named folders that were passed over, and why: those of one ending that no form reads in one entry.
    pub ignored: Vec<Ignored>,
    /// How many of these seem to be conversations whose turns stand under a misspelt key.
    #[serde(skip_serializing_if = "is_zero")]
    pub misspelt: u64,
    /// What is said of the source otherwise than the dataset had it: `licence`, `kind`, `title`, `citation`, `url`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub about: BTreeMap<&'static str, AboutChange>,
    /// What the inputs hold, as their form counts it: `frames`, `rows`, `images`, `categories`, ….
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub read: BTreeMap<&'static str, u64>,
    /// What tables hold that a map reads, by what the map calls it: `rows`, `phases`, `steps`, ….
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub listed: BTreeMap<String, u64>,
    /// What became of the records: conversations, statements about pictures, or pictures.
    pub records: RecordCounts,
    /// Rows that were added, by table.
    pub rows: BTreeMap<&'static str, u64>,
    /// Rows of these that had been deleted before, and came in again, by table: as far as the dataset still has their ids.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub again: BTreeMap<&'static str, u64>,
    /// Conversations and statements that were put into a split, by its name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub splits: BTreeMap<String, u64>,
    /// What became of boxes and points in texts.
    #[serde(skip_serializing_if = "BoxReport::is_empty")]
    pub boxes: BoxReport,
    /// What became of pictures and videos.
    pub media: MediaCounts,
    /// Where the dataset keeps this report, relative to its folder; none where nothing was committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
    /// The records that were skipped: all of them, up to a million.
    pub skipped: Vec<SkippedRecord>,
    /// How many more were skipped.
    #[serde(skip_serializing_if = "is_zero")]
    pub skipped_more: u64,
    /// The missing files: all of them, up to a million.
    pub missing: Vec<MissingFile>,
    /// How many more are missing.
    #[serde(skip_serializing_if = "is_zero")]
    pub missing_more: u64,
    /// Whether what was named lies elsewhere than it lay before, which the dataset is to know from now on.
    #[serde(skip)]
    pub is_moved: bool,
    /// What is worth looking at, by kind.
    pub findings: BTreeMap<Kind, Findings>,
}

fn is_zero<T: Default + PartialEq>(count: &T) -> bool {
    *count == T::default()
}

/// A file that was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct InputReport {
    /// The path as it was given.
    pub path: String,
    /// Its path from its home: what ids that are made of it start with.
    pub name: String,
    /// What tells its home apart, the folder that its ids start in, in this dataset: 32 hex digits.
    pub home: String,
    /// Its length.
    pub bytes: u64,
    /// The BLAKE3 of its bytes: 64 hex digits.
    pub digest: String,
    /// How many records it has.
    pub records: u64,
    /// What form its first record has.
    pub format: Option<&'static str>,
    /// The map that it was read by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub map: Option<String>,
    /// What a file of annotations says of itself as a whole, as it was written: `info`, `licenses`, `videos`, and its
    /// `categories` with all that they have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says: Option<Written>,
}

/// A record that was not taken.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SkippedRecord {
    /// The file.
    pub file: String,
    /// The record, from 1.
    pub record: Option<u64>,
    /// The line, from 1.
    pub line: Option<u64>,
    /// The record's id, where it is known.
    pub id: Option<String>,
    /// Why.
    pub reason: String,
}

/// A change of what is said of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AboutChange {
    /// What the dataset had; none where it had nothing.
    pub from: Option<String>,
    /// What it has now.
    pub to: String,
}

/// A file that was passed over, or several that have the same ending.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Ignored {
    /// Its path; of several files, what they have in common: `*.xml`.
    pub path: String,
    /// How many files it speaks of.
    pub files: u64,
    /// Why, and where it speaks of several, the first of them.
    pub reason: String,
}

impl Ignored {
    /// A single file.
    pub(super) fn file(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { path: path.into(), files: 1, reason: reason.into() }
    }
}

/// What became of the records.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RecordCounts {
    /// Records that were met.
    pub read: u64,
    /// New ones.
    pub added: u64,
    /// There already, and the same.
    pub unchanged: u64,
    /// There already, changed, and left as they were.
    pub changed_kept: u64,
    /// There already, changed, and replaced.
    pub replaced: u64,
    /// Not taken, by reason.
    pub skipped: BTreeMap<&'static str, u64>,
}

impl RecordCounts {
    /// How many were not taken.
    pub fn skipped_total(&self) -> u64 {
        self.skipped.values().sum()
    }

    /// Whether what came in equals what became of it.
    pub fn add_up(&self) -> bool {
        self.read == self.added + self.unchanged + self.changed_kept + self.replaced + self.skipped_total()
    }
}

/// What became of boxes and points that stand in texts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct BoxReport {
    /// What the source itself was found to say of their convention, by the form that they are written in, and why.
    pub taken: BTreeMap<&'static str, String>,
    /// Boxes that were read.
    pub boxes: u64,
    /// Points that were read.
    pub points: u64,
    /// Those that were left as text alone, by the reason.
    pub left: BTreeMap<&'static str, u64>,
    /// Conversations that were there, and whose boxes were read anew.
    pub reread: u64,
}

impl BoxReport {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What became of pictures and videos; each file counts once.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct MediaCounts {
    /// Places in records where a picture or a video is named.
    pub named: u64,
    /// Files, and pictures inside records, whose bytes went into the dataset.
    pub embedded: u64,
    /// Files that were linked.
    pub linked: u64,
    /// Bytes of both.
    pub bytes: u64,
    /// Files that were not found, or lie outside the media roots.
    pub missing: u64,
    /// Files that an earlier import missed and that are here now.
    pub found_now: u64,
    /// Files that have changed, and whose bytes took the place of the dataset's.
    pub replaced: u64,
    /// Rows of pictures and videos that were given what is said of them now.
    pub rewritten: u64,
}

/// A picture or video that could not be had.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct MissingFile {
    /// The path as the record wrote it; its start alone where it is very long.
    pub path: String,
    /// Why, and where it was looked for.
    pub reason: String,
    /// The file that names it.
    pub file: String,
    /// The record that names it first.
    pub record: u64,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// A record that cannot be read, and was skipped.
    BadRecord,
    /// A record whose content differs from what the dataset has under its id.
    ChangedRecord,
    /// A case, video or frame that differs from what the dataset has under its id; it was left as it was.
    ChangedRow,
    /// A picture or video whose file has other bytes than the dataset has of it.
    ChangedMedia,
    /// A path that means one file here and another elsewhere, or before: the second has an id of its own.
    SamePath,
    /// An id that stood before in this import; it got `~2`, `~3`, ….
    RepeatedId,
    /// A file whose bytes another file of this import has, or one of another name that was imported before: its records may be
    /// there twice.
    SameFile,
    /// A recording of which tables of one name in two folders speak: it may be two.
    SameVideo,
    /// Rows that came in again after they had been deleted.
    DeletedBefore,
    /// A conversation that asks and answers what another of this import does, of the same pictures.
    RepeatedConversation,
    /// A conversation that asks what another of this import does, of the same pictures, and has another answer.
    OtherAnswer,
    /// A conversation of one split that shows what one of another split shows.
    SplitLeak,
    /// A placeholder that no medium goes with; it stays text.
    PlaceholderWithoutMedia,
    /// A picture or video that has no placeholder.
    MediaWithoutPlaceholder,
    /// A reasoning text whose structure could not be read; it has no tree.
    ReasoningUnparsed,
    /// Evidence that names nothing that the conversation shows.
    EvidenceUnknown,
    /// A picture or video that was not found.
    MissingMedia,
    /// A place where a picture or video should be named, and nothing is: it was taken as none.
    EmptyPath,
    /// A picture or video that is linked, and whose file is gone or no longer what it was.
    BrokenLink,
    /// A path outside the media roots.
    OutsideRoot,
    /// A path that was found only by another spelling: percent signs, letter case.
    PathSpelling,
    /// A picture or video that is not where its path leads, and was found by its name alone.
    FoundByName,
    /// A file that has the bytes of one that was linked and is gone: it is taken in its place.
    FoundByBytes,
    /// A remote address; nothing is downloaded.
    RemoteMedia,
    /// A picture whose header cannot be read, or says what cannot be, or whose file ends too early; its bytes were stored.
    BadPicture,
    /// A picture or video of another size than its row said; the row has its own size now.
    OtherSize,
    /// A video's file of another rate than that at which what is said of it was counted; times are as they were counted.
    OtherRate,
    /// A video whose container cannot be read or has no picture track; its bytes were stored.
    BadVideo,
    /// A split that the source says for its records, of which none can be put into one: it is kept nowhere.
    UnusedSplit,
    /// Media of a kind that has no place yet (audio); kept in `extra`.
    OtherMedia,
    /// What a file says of itself as a whole (`info`, `licenses`), which has no place in a row: it is kept in the report.
    AboutFile,
    /// A role that is not known; the turn was taken as the user's and keeps the role in its `extra`.
    UnknownRole,
    /// A path that the source's pattern does not match.
    PatternMismatch,
    /// What is of no patient though the source says where patients are named: no pattern matches its path, or its record
    /// has no such field.
    NoPatient,
    /// A field that should be text and is something else: it is kept in `extra`, and no default takes its place.
    WrongType,
    /// A value that is kept and looks wrong: a time, an empty turn.
    Doubtful,
    /// A folder with pictures that look like masks and are no frames, which a map would read.
    LooksLikeMasks,
    /// Colours of a mask that its map does not know: how many pixels, and where; they are in no statement.
    UnknownColour,
    /// A box or point that was left as text, since it is not certain how it is measured: the convention is to be named.
    UncertainBox,
    /// A box or point that was left as text for another reason.
    BoxLeft,
    /// What imports of the source before said of its paths and patients, and this one does not.
    OtherDescription,
    /// A patient in the list of cases whom nothing in the source names: a name in the list may be misspelt.
    UnmetCase,
    /// A file without any record.
    EmptyInput,
}

/// All findings of a kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Findings {
    /// How many there are.
    pub count: u64,
    /// The first of them.
    pub examples: Vec<Example>,
}

/// A finding and where it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Example {
    /// The file.
    pub file: String,
    /// The record, from 1.
    pub record: Option<u64>,
    /// The line, from 1.
    pub line: Option<u64>,
    /// The record's id.
    pub id: Option<String>,
    /// What was found.
    pub detail: String,
}

/// Where in the inputs the importer is.
#[derive(Clone, Debug, Default)]
pub(super) struct At {
    pub(super) file: String,
    pub(super) record: Option<u64>,
    pub(super) line: Option<u64>,
    pub(super) id: Option<String>,
}

impl ImportReport {
    /// Counts a record that is put into a split.
    pub(super) fn count_split(&mut self, split: &str) {
        match self.splits.get_mut(split) {
            Some(count) => *count += 1,
            None => drop(self.splits.insert(split.to_owned(), 1)),
        }
    }

    /// Notes a finding.
    pub(super) fn find(&mut self, kind: Kind, at: &At, detail: impl Into<String>) {
        self.find_many(kind, at, || detail.into());
    }

    /// The same of one of which there may be very many: it is put into words only where these are kept.
    pub(super) fn find_many(&mut self, kind: Kind, at: &At, detail: impl FnOnce() -> String) {
        let findings = self.findings.entry(kind).or_default();
        findings.count += 1;
        if findings.examples.len() < EXAMPLES {
            findings.examples.push(Example {
                file: at.file.clone(),
                record: at.record,
                line: at.line,
                id: at.id.clone(),
                detail: with_short_words(&detail()).into_owned(),
            });
        }
    }

    /// Notes a missing file.
    pub(super) fn miss(&mut self, path: &str, reason: String, at: &At) {
        self.media.missing += 1;
        if self.missing.len() >= LISTED {
            self.missing_more += 1;
            return;
        }
        let (file, record) = (at.file.clone(), at.record.unwrap_or_default());
        let [path, reason] = [path, &reason].map(|text| with_short_words(text).into_owned());
        self.missing.push(MissingFile { path, reason, file, record });
    }

    /// Takes back that a file is missing: its bytes came with a later record.
    pub(super) fn unmiss(&mut self, kind: Kind, path: &str, id: &str) {
        self.media.missing = self.media.missing.saturating_sub(1);
        let path = with_short_words(path);
        match self.missing.iter().position(|missing| missing.path == path) {
            Some(at) => drop(self.missing.remove(at)),
            None => self.missing_more = self.missing_more.saturating_sub(1),
        }
        if let Some(findings) = self.findings.get_mut(&kind) {
            findings.count = findings.count.saturating_sub(1);
            let start = format!("{id:?}: ");
            let start = with_short_words(&start);
            findings.examples.retain(|example| !example.detail.starts_with(&*start));
            if findings.count == 0 {
                self.findings.remove(&kind);
            }
        }
    }

    /// Notes a record that is not taken; `why` is what it is counted under.
    pub(super) fn skip(&mut self, why: &'static str, at: &At, reason: String) {
        *self.records.skipped.entry(why).or_default() += 1;
        if self.skipped.len() >= LISTED {
            self.skipped_more += 1;
            return;
        }
        let At { file, record, line, id } = at.clone();
        let reason = with_short_words(&reason).into_owned();
        self.skipped.push(SkippedRecord { file, record, line, id, reason });
    }

    /// Counts what an input holds.
    pub(super) fn count_read(&mut self, what: &'static str, count: u64) {
        *self.read.entry(what).or_default() += count;
    }

    /// How many findings of a kind there are.
    pub(super) fn found(&self, kind: Kind) -> u64 {
        self.findings.get(&kind).map_or(0, |findings| findings.count)
    }

    /// Counts a row of a table.
    pub(super) fn count_listed(&mut self, what: &str) {
        match self.listed.get_mut(what) {
            Some(count) => *count += 1,
            None => drop(self.listed.insert(what.to_owned(), 1)),
        }
    }

    /// Counts a row that was added.
    pub(super) fn row(&mut self, table: &'static str) {
        *self.rows.entry(table).or_default() += 1;
    }

    /// Whether something was to be imported and was not: a file whose records have nearly the key of turns, or records of
    /// which none was taken.
    pub fn has_failed(&self) -> bool {
        self.misspelt > 0 || (self.records.read > 0 && self.records.skipped_total() == self.records.read)
    }

    /// Whether there is anything to commit.
    pub fn has_changes(&self) -> bool {
        self.records.added
            + self.records.replaced
            + self.media.found_now
            + self.media.replaced
            + self.media.rewritten
            + self.boxes.reread
            > 0
            || self.is_moved
            || !self.splits.is_empty()
            || !self.about.is_empty()
            || self.rows.values().any(|count| *count > 0)
    }

    /// The report as JSON text.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

/// A text whose words of more than 200 characters are cut to their starts, with their lengths.
fn with_short_words(text: &str) -> Cow<'_, str> {
    let is_long = |word: &str| word.len() > WORD_LIMIT && word.chars().nth(WORD_LIMIT).is_some();
    if text.len() <= WORD_LIMIT || !text.split(' ').any(is_long) {
        return Cow::Borrowed(text);
    }
    let cut = |word: &str| match is_long(word) {
        true => {
            let start: String = word.chars().take(WORD_LIMIT / 4).collect();
            format!("{start}…({} characters)", word.chars().count())
        }
        false => word.to_owned(),
    };
    Cow::Owned(text.split(' ').map(cut).collect::<Vec<_>>().join(" "))
}
