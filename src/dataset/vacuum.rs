//! Vacuum: files that no version names go, with the claims of writers that were killed.
//!
//! Files are listed first, then claims, then the manifests are read, in this order: whoever published a file before it
//! was listed has a claim that is seen, or a version that names it (FORMAT.md, 13.6).

use crate::dataset::commit::folders;
use crate::dataset::{Dataset, versions};
use crate::error::{Error, ErrorKind, Result};
use crate::format::constants::{CLAIMS_DIR, DATA_ENDING, DIGEST_LEN, REPORTS_DIR};
use crate::format::manifest::{VersionFile, claim_path, data_number, version_path};
use crate::storage::publish::{random_token, sync_dir, temporary_name, unlink};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{self, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The ending of temporary files.
const TEMPORARY: &str = ".tmp";
/// Hex digits of the token in a temporary file's name.
const TOKEN_LEN: usize = 32;

/// What a vacuum takes for left behind.
#[derive(Clone, Copy, Debug)]
pub struct VacuumOptions {
    /// How long a writer must have been silent to count as gone: one at work shows itself every half minute. One hour
    /// unless told.
    pub older_than: Duration,
    /// Only says what would go.
    pub dry_run: bool,
}

impl Default for VacuumOptions {
    fn default() -> Self {
        Self { older_than: Duration::from_secs(3600), dry_run: false }
    }
}

/// What a vacuum found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VacuumReport {
    /// Files that no version names, relative to the dataset's folder, with their bytes: they are gone, unless it was a
    /// dry run.
    pub files: BTreeMap<String, u64>,
    /// File numbers that writers had claimed who are gone: they are free again, unless it was a dry run.
    pub claims: BTreeSet<u32>,
    /// File numbers that writers at work have claimed: these, their files and all reports stay.
    pub at_work: BTreeSet<u32>,
}

impl VacuumReport {
    /// Bytes of all the files.
    pub fn bytes(&self) -> u64 {
        self.files.values().sum()
    }
}

/// A file that may have been left behind.
struct Candidate {
    path: String,
    bytes: u64,
    age: Duration,
    /// The number that says whose it is.
    number: Option<u32>,
    /// Where a temporary file would have gone to.
    target: Option<String>,
}

impl Dataset {
    /// Removes what no version needs: files of writers that were killed, with their claims, temporary files, and reports that
    /// no manifest names. What any version that is kept needs stays, and so does what is no file of a dataset.
    ///
    /// A writer that was only silent for long finds its claim gone, and what it wrote is not committed.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let dataset = surgdb::Dataset::create(dir.path().join("a.surgdb"))?;
    /// use surgdb::dataset::VacuumOptions;
    /// assert!(dataset.vacuum(VacuumOptions::default())?.files.is_empty());
    /// # Ok::<(), surgdb::Error>(())
    /// ```
    ///
    /// # Errors
    /// `Corrupt`, `Unsupported` when a version's manifest cannot be read or is gone: nobody can say then what it needs, and nothing is
    /// removed; `Io`.
    pub fn vacuum(&self, options: VacuumOptions) -> Result<VacuumReport> {
        let root = self.path();
        let found = candidates(root)?;
        let mut report = VacuumReport::default();
        for (number, age) in claims(root)? {
            let set = if age >= options.older_than { &mut report.claims } else { &mut report.at_work };
            set.insert(number);
        }
        // What cannot be read is told before anything is changed.
        named(root)?;
        if !options.dry_run {
            report.claims.iter().try_for_each(|number| revoke(root, *number))?;
        }
        let named = named(root)?;
        let (reports, others): (Vec<_>, Vec<_>) = found.into_iter().partition(Candidate::is_report);
        for one in others.into_iter().filter(|one| !named.contains(&one.path)) {
            let is_left = match one.number {
                Some(number) => !report.at_work.contains(&number),
                None => one.age >= options.older_than,
            };
            if is_left {
                if !options.dry_run {
                    unlink(&root.join(&one.path))?;
                }
                report.files.insert(one.path, one.bytes);
            }
        }
        if !options.dry_run {
            // A number is free again only when nothing bears it.
            report.claims.iter().try_for_each(|number| unlink(&root.join(claim_path(*number))))?;
        }
        if report.at_work.is_empty() {
            let is_left = |one: &Candidate| one.target.is_none() || one.age >= options.older_than;
            let left = reports.into_iter().filter(|one| !named.contains(&one.path) && is_left(one)).collect();
            let gone = if options.dry_run { left } else { remove_reports(root, left)? };
            report.files.extend(gone.into_iter().map(|one| (one.path, one.bytes)));
        }
        Ok(report)
    }
}

impl Candidate {
    fn is_report(&self) -> bool {
        self.path.split_once('/').is_some_and(|(folder, _)| folder == REPORTS_DIR)
    }
}

/// The files of a dataset that could be left over: data files, reports and temporary files.
fn candidates(root: &Path) -> Result<Vec<Candidate>> {
    let mut all = Vec::new();
    for folder in folders().filter(|folder| *folder != CLAIMS_DIR) {
        for (name, entry) in entries(root, folder)? {
            let target = target_of(&name).map(|target| format!("{folder}/{target}"));
            let path = format!("{folder}/{name}");
            let number = data_number(target.as_ref().unwrap_or(&path));
            let is_ours = target.is_some() || number.is_some() || folder == REPORTS_DIR && is_report_name(&name);
            if is_ours && entry.is_file() {
                all.push(Candidate { path, bytes: entry.len(), age: age(&entry), number, target });
            }
        }
    }
    Ok(all)
}

/// The name that a temporary file would have got.
fn target_of(name: &str) -> Option<&str> {
    let (target, token) = name.strip_prefix('.')?.strip_suffix(TEMPORARY)?.rsplit_once('.')?;
    (token.len() == TOKEN_LEN && token.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(target)
}

fn is_report_name(name: &str) -> bool {
    let digest = name.split('.').next().unwrap_or_default();
    digest.len() == 2 * DIGEST_LEN && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The numbers that are claimed, and how long ago their writers have shown themselves.
fn claims(root: &Path) -> Result<Vec<(u32, Duration)>> {
    let number = |name: &str| data_number(&format!("{CLAIMS_DIR}/{name}.{DATA_ENDING}"));
    let entries = entries(root, CLAIMS_DIR)?;
    // What else lies there (a link, a folder) is no claim, and nothing is written through it.
    let files = entries.iter().filter(|(_, entry)| entry.is_file());
    Ok(files.filter_map(|(name, entry)| Some((number(name)?, age(entry)))).collect())
}

/// The files of a folder, which may be missing. One that is a link to elsewhere counts as empty: what is there may be
/// another dataset's.
fn entries(root: &Path, folder: &str) -> Result<Vec<(String, Metadata)>> {
    let dir = root.join(folder);
    let failed = |error: io::Error| Error::io("cannot list the folder", error).in_file(&dir);
    if dir.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
        return Ok(Vec::new());
    }
    let list = match fs::read_dir(&dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        list => list.map_err(failed)?,
    };
    let mut all = Vec::new();
    for entry in list {
        let entry = entry.map_err(failed)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        match entry.path().symlink_metadata() {
            // Its writer has given it its name, or has removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            found => all.push((name, found.map_err(failed)?)),
        }
    }
    Ok(all)
}

/// A time to come is that of another machine's clock: now.
fn age(entry: &Metadata) -> Duration {
    let modified = entry.modified().ok();
    modified.and_then(|time| SystemTime::now().duration_since(time).ok()).unwrap_or_default()
}

/// The paths that the manifests name of all versions that are kept.
fn named(root: &Path) -> Result<HashSet<String>> {
    let mut named = HashSet::new();
    let versions = versions::list(root)?;
    if let Some(gone) = versions::gaps(&versions).next() {
        let gone = gone.start();
        let message = format!(
            "the manifest of version {gone} is gone: nobody can say what it needs, so nothing is removed; put it back first"
        );
        return Err(Error::new(ErrorKind::Corrupt, message).in_file(root.join(version_path(*gone))));
    }
    for version in versions {
        if let VersionFile::Manifest(manifest) = versions::read_file(root, version)? {
            named.extend(manifest.paths().map(str::to_owned));
        }
    }
    Ok(named)
}

/// Takes a claim away from its writer, which finds another token there and stops; the number stays taken.
fn revoke(root: &Path, number: u32) -> Result<()> {
    let path = root.join(claim_path(number));
    let written = fs::File::options().write(true).truncate(true).open(&path);
    let token = random_token()?;
    match written.and_then(|mut claim| claim.write_all(token.as_bytes())) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("cannot take the claim away", error).in_file(&path))
        }
        _ => Ok(()),
    }
}

/// Removes reports that no manifest named, and gives those that are gone for good. Whoever finds one takes it as its own: so
/// their names go first, and then it is looked who needs them.
fn remove_reports(root: &Path, left: Vec<Candidate>) -> Result<Vec<Candidate>> {
    let mut all = Vec::with_capacity(left.len());
    for one in left {
        let path = root.join(&one.path);
        match &one.target {
            Some(_) => all.push((one, path)),
            // Its writer has taken it back meanwhile, where there is none.
            None => all.extend(hide(&path)?.map(|hidden| (one, hidden))),
        }
    }
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let needed = claims(root).and_then(|claims| Ok((!claims.is_empty(), named(root)?)));
    // Where nobody can say who needs them, all are given back.
    let (is_at_work, named) = needed.as_ref().map_or((true, None), |(is_at_work, named)| (*is_at_work, Some(named)));
    let mut gone = Vec::new();
    for (one, hidden) in all {
        let target = one.target.as_ref().unwrap_or(&one.path);
        let is_needed = is_at_work || named.is_none_or(|named| named.contains(target));
        if is_needed {
            give_back(&hidden, &root.join(target))?;
        }
        unlink(&hidden)?;
        gone.extend((!is_needed).then_some(one));
    }
    sync_dir(&root.join(REPORTS_DIR))?;
    needed.map(|_| gone)
}

/// Gives a report the name of a temporary file, if it is there.
fn hide(path: &Path) -> Result<Option<PathBuf>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let hidden = path.with_file_name(temporary_name(&name)?);
    match fs::rename(path, &hidden) {
        Ok(()) => Ok(Some(hidden)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("cannot rename the report", error).in_file(path)),
    }
}

/// Gives a report its name again; that it is taken already is fine.
fn give_back(hidden: &Path, path: &Path) -> Result<()> {
    match fs::hard_link(hidden, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(Error::io("cannot give the report its name again", error).in_file(path))
        }
        _ => Ok(()),
    }
}
