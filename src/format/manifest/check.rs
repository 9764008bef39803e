//! What must hold in a manifest before anybody follows it to a file.

use super::{FileEntry, Manifest, SideColumn, corrupt};
use crate::error::Result;
use crate::format::constants::{
    COLUMNS_DIR, DATA_ENDING, DELETIONS_DIR, DIGEST_LEN, END_MARK, FILE_DIGITS, FRAGMENT_MAX, HEAD_LEN, INDEX_DIR,
    REPORTS_DIR, TABLES, TAIL_LEN, VERSION_MAX,
};
use crate::format::notation::{COLUMN_NAME_RULE, ColumnType, is_column_name};

/// The shortest file that could be one of ours: head, end mark, an empty footer, tail.
const LENGTH_MIN: u64 = HEAD_LEN + END_MARK.len() as u64 + TAIL_LEN;

/// The path of a data file, relative to the dataset's folder: `conversations/000003.arrow`.
pub fn data_path(folder: &str, number: u32) -> String {
    format!("{folder}/{number:0width$}.{DATA_ENDING}", width = FILE_DIGITS)
}

/// The number of the data file with this path, when it is written as [`data_path`] writes it.
pub fn data_number(path: &str) -> Option<u32> {
    let (_, name) = path.split_once('/')?;
    let digits = name.strip_suffix(DATA_ENDING)?.strip_suffix('.')?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits.len() == FILE_DIGITS || (digits.len() > FILE_DIGITS && !digits.starts_with('0')));
    let number = plain.then(|| digits.parse().ok()).flatten()?;
    (1..=FRAGMENT_MAX).contains(&number).then_some(number)
}

/// The path of a report, relative to the dataset's folder, for the digest of its bytes (64 hex digits) and an
/// ending: `reports/af13….json`.
pub fn report_path(digest: &str, ending: &str) -> String {
    format!("{REPORTS_DIR}/{digest}.{ending}")
}

pub(super) fn check(manifest: &Manifest) -> Result<()> {
    check_head(manifest)?;
    let mut seen = Seen::new(manifest);
    for (table, files) in &manifest.files {
        known_table(table)?;
        for file in files {
            seen.data_file(table, file)?;
        }
    }
    let fragments = fragments(manifest)?;
    check_columns(manifest, &fragments, &mut seen)?;
    for run in &manifest.index {
        if run.kind.is_empty() {
            return Err(corrupt(format!("the index run {:?} has no kind", run.path)));
        }
        seen.file(INDEX_DIR, &run.path, run.length)?;
    }
    check_deletions(manifest, &mut seen)?;
    seen.finish()?;
    check_sources(manifest)
}

fn check_head(manifest: &Manifest) -> Result<()> {
    if !(1..=VERSION_MAX).contains(&manifest.version) {
        return Err(corrupt(format!("version {} is none: versions go from 1 to {VERSION_MAX}", manifest.version)));
    }
    if manifest.next == 0 || manifest.next > FRAGMENT_MAX + 1 {
        return Err(corrupt(format!("{} cannot be the next file number", manifest.next)));
    }
    if !is_hex(&manifest.dataset, 32) || !is_hex(&manifest.commit, 32) {
        return Err(corrupt("`dataset` and `commit` must be 32 hex digits each"));
    }
    if manifest.time.parse::<jiff::Timestamp>().is_err() {
        return Err(corrupt(format!("{:?} is no time (RFC 3339)", manifest.time)));
    }
    if let Some((tag, version)) = manifest.tags.iter().find(|(_, version)| !(1..=manifest.version).contains(version)) {
        return Err(corrupt(format!("the tag {tag:?} is on version {version}, which is not there yet")));
    }
    Ok(())
}

/// File numbers and lengths met so far.
struct Seen {
    next: u32,
    numbers: Vec<u32>,
    total: u64,
}

impl Seen {
    fn new(manifest: &Manifest) -> Self {
        Self { next: manifest.next, numbers: Vec::new(), total: 0 }
    }

    fn file(&mut self, folder: &str, path: &str, length: u64) -> Result<()> {
        let in_folder = path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        let Some(number) = data_number(path).filter(|_| in_folder) else {
            return Err(corrupt(format!("{path:?} is no path of a file under {folder}/, as in {folder}/000003.arrow")));
        };
        if number >= self.next {
            return Err(corrupt(format!("{path:?} has a number that is not taken yet: the next is {}", self.next)));
        }
        if length < LENGTH_MIN {
            return Err(corrupt(format!(
                "{path:?} cannot be {length} bytes long: no file is shorter than {LENGTH_MIN}"
            )));
        }
        self.total = self.total.checked_add(length).filter(|total| *total <= i64::MAX as u64).ok_or_else(|| {
            corrupt(format!("with {path:?} of {length} bytes the files would be larger than any disk"))
        })?;
        self.numbers.push(number);
        Ok(())
    }

    fn data_file(&mut self, folder: &str, file: &FileEntry) -> Result<()> {
        self.file(folder, &file.path, file.length)?;
        if file.fragments.is_empty() {
            return Err(corrupt(format!("{:?} holds no fragment", file.path)));
        }
        match file.fragments.iter().find(|part| part.fragment.get() >= self.next) {
            Some(part) => Err(corrupt(format!(
                "{:?} holds {:?}, a number that is not taken yet: the next is {}",
                file.path, part.fragment, self.next
            ))),
            None => Ok(()),
        }
    }

    fn finish(mut self) -> Result<()> {
        self.numbers.sort_unstable();
        match self.numbers.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(corrupt(format!("two files have the number {}", pair[0]))),
            None => Ok(()),
        }
    }
}

/// A fragment as the base files have it.
struct Fragment<'a> {
    number: u32,
    rows: u32,
    table: &'a str,
}

/// All fragments by their numbers, each once.
fn fragments(manifest: &Manifest) -> Result<Vec<Fragment<'_>>> {
    let mut fragments: Vec<_> = manifest
        .files
        .iter()
        .flat_map(|(table, files)| files.iter().flat_map(|file| &file.fragments).map(move |part| (table, part)))
        .map(|(table, part)| Fragment { number: part.fragment.get(), rows: part.rows, table })
        .collect();
    fragments.sort_unstable_by_key(|fragment| fragment.number);
    match fragments.windows(2).find(|pair| pair[0].number == pair[1].number) {
        Some(pair) => Err(corrupt(format!("fragment {} stands in two files", pair[0].number))),
        None => Ok(fragments),
    }
}

fn check_columns(manifest: &Manifest, fragments: &[Fragment<'_>], seen: &mut Seen) -> Result<()> {
    let mut names: Vec<_> = manifest.columns.iter().map(|column| (&column.table, &column.name)).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(corrupt(format!("the table {} has the side column {:?} twice", pair[0].0, pair[0].1)));
    }
    for column in &manifest.columns {
        known_table(&column.table)?;
        let name = &column.name;
        if column.replaces && column.files.is_empty() {
            return Err(corrupt(format!("the side column {name:?} of {} replaces one and has no file", column.table)));
        }
        if !column.replaces && !is_column_name(name) {
            let what = format!("{name:?} of {} is no name for an added column: {COLUMN_NAME_RULE}", column.table);
            return Err(corrupt(what));
        }
        let ty = ColumnType::parse(&column.ty).map_err(|error| {
            corrupt(format!("the side column {name:?} of {} has no valid type", column.table)).caused_by(error)
        })?;
        // Types are compared by their texts.
        if ty.to_string() != column.ty {
            return Err(corrupt(format!(
                "the type of the side column {name:?} of {} is written {:?}, and must be {ty}",
                column.table, column.ty
            )));
        }
        for file in &column.files {
            seen.data_file(COLUMNS_DIR, file)?;
            covers(column, file, fragments)?;
        }
    }
    Ok(())
}

/// A side file is row-aligned with fragments of its table, each at most once.
fn covers(column: &SideColumn, file: &FileEntry, fragments: &[Fragment<'_>]) -> Result<()> {
    let mut numbers: Vec<_> = file.fragments.iter().map(|part| part.fragment.get()).collect();
    numbers.sort_unstable();
    if numbers.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(corrupt(format!("{:?} covers a fragment twice", file.path)));
    }
    for part in &file.fragments {
        let number = part.fragment.get();
        let found = fragments.binary_search_by_key(&number, |fragment| fragment.number).map(|at| &fragments[at]);
        if !found.is_ok_and(|base| base.table == column.table && base.rows == part.rows) {
            return Err(corrupt(format!(
                "{:?} covers fragment {number} with {} rows, which the table {} does not have so",
                file.path, part.rows, column.table
            )));
        }
    }
    Ok(())
}

fn check_deletions(manifest: &Manifest, seen: &mut Seen) -> Result<()> {
    for (at, deletions) in manifest.deletions.iter().enumerate() {
        let table = &deletions.table;
        known_table(table)?;
        if manifest.deletions[..at].iter().any(|other| other.table == *table) {
            return Err(corrupt(format!("the table {table} has two files of deletions")));
        }
        let rows = manifest.rows_of(table);
        if deletions.rows > rows {
            return Err(corrupt(format!("{} rows of {table} are deleted, of {rows}", deletions.rows)));
        }
        seen.file(DELETIONS_DIR, &deletions.path, deletions.length)?;
    }
    Ok(())
}

fn check_sources(manifest: &Manifest) -> Result<()> {
    let mut ids: Vec<_> = manifest.sources.iter().map(|source| source.id.as_str()).collect();
    ids.sort_unstable();
    if let Some(pair) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(corrupt(format!("the source {:?} stands there twice", pair[0])));
    }
    let reports = manifest.reports.iter().map(|report| &report.path);
    let imports = manifest.sources.iter().flat_map(|source| &source.imports);
    if let Some(path) = reports.chain(imports.filter_map(|import| import.report.as_ref())).find(|path| !is_report(path))
    {
        return Err(corrupt(format!("{path:?} is no path of a report, as in reports/DIGEST.json")));
    }
    if manifest.vocabulary.as_ref().is_some_and(|digest| !is_hex(digest, 2 * DIGEST_LEN)) {
        return Err(corrupt("`vocabulary` must be a digest of 64 hex digits"));
    }
    Ok(())
}

fn is_report(path: &str) -> bool {
    let name = path.strip_prefix(REPORTS_DIR).and_then(|rest| rest.strip_prefix('/'));
    name.and_then(|name| name.split_once('.')).is_some_and(|(digest, ending)| {
        is_hex(digest, 2 * DIGEST_LEN) && !ending.is_empty() && ending.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn known_table(table: &str) -> Result<()> {
    if TABLES.contains(&table) {
        return Ok(());
    }
    Err(corrupt(format!("there is no table {table:?}; the tables are {}", TABLES.join(", "))))
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
