//! Where each picture and video of an export goes: into a file of the folder, written once; or into what holds the
//! records, where only the names are given here.

use super::folder::OutputFolder;
use super::list;
use super::missing::{BROKEN, UNREADABLE, is_unreadable, look};
use super::own_ids::stem_and_ending;
use super::{ExportReport, OnMissing, Pictures, sources};
use crate::dataset::{Dataset, link};
use crate::error::Result;
use crate::format::{Address, FragmentId};
use crate::schema::tables::Table;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::SystemTime;

/// How long a part of a path may be in bytes: what file systems allow, less what telling clashes apart takes.
const PART_MAX: usize = 240;
/// The endings of files that hold records.
const RECORD_ENDINGS: [&str; 8] = [".json", ".jsonl", ".ndjson", ".parquet", ".arrow", ".txt", ".csv", ".tsv"];
/// How many names are tried before the address gives one.
const TRIES: usize = 9;
/// How many bytes of linked files are kept from the look at them to where they go.
const KEPT_MAX: usize = 32 << 20;

/// Where the bytes of pictures and videos go.
pub(super) enum MediaTo<'a> {
    /// Into files of the export's folder.
    Folder(&'a OutputFolder, Pictures),
    /// Into what holds the records, under the names that files of a folder would have.
    Records,
    /// Into what holds the sample, under names that are made of its key.
    Sample {
        /// The sample's key.
        key: String,
        /// Whether it has several.
        is_numbered: bool,
    },
}

/// The pictures and videos of an export.
pub(super) struct MediaFolder<'a> {
    dataset: &'a Dataset,
    to: MediaTo<'a>,
    written: HashMap<Address, Rc<str>>,
    /// Names that are taken, in lower case: some file systems do not tell case apart.
    names: HashSet<String>,
    folders: HashSet<String>,
    /// Those whose bytes cannot be had.
    gone: HashSet<Address>,
    /// Those of them for which no file was ever named.
    nameless: HashSet<Address>,
    /// Those of which it was told whether anybody can read them.
    told: HashSet<Address>,
    /// Why the bytes of those that were looked at cannot be had, if they cannot.
    lacking: HashMap<Address, Option<&'static str>>,
    /// The linked files of a record that were read for that, and were not asked for yet.
    kept: HashMap<Address, Vec<u8>>,
    /// When fragments were written.
    written_by: HashMap<FragmentId, Option<SystemTime>>,
    on_missing: OnMissing,
}

impl<'a> MediaFolder<'a> {
    /// The folder, in which these names are taken.
    pub(super) fn new(dataset: &'a Dataset, to: MediaTo<'a>, taken: &[impl AsRef<str>]) -> Self {
        let names = taken.iter().map(|name| name.as_ref().to_lowercase()).collect();
        let folders = HashSet::from([sources::FOLDER.to_owned()]);
        let (written, gone, nameless, told) = Default::default();
        let (lacking, kept, written_by, on_missing) = Default::default();
        Self { dataset, to, written, names, folders, gone, nameless, told, lacking, kept, written_by, on_missing }
    }

    /// The same, with this done where bytes cannot be had.
    pub(super) fn on_missing(self, on_missing: OnMissing) -> Self {
        Self { on_missing, ..self }
    }

    /// The dataset that they are of.
    pub(super) fn dataset(&self) -> &'a Dataset {
        self.dataset
    }

    /// Why the bytes of a picture or video cannot be had, or read, if they cannot: they are looked at once.
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    pub(super) fn lacks_bytes(&mut self, address: Address) -> Result<Option<&'static str>> {
        if let Some(known) = self.lacking.get(&address) {
            return Ok(*known);
        }
        let (dataset, written_by) = (self.dataset, &mut self.written_by);
        let (reason, bytes) = look(dataset, address, &mut |fragment| match written_by.get(&fragment) {
            Some(known) => Ok(*known),
            None => Ok(*written_by.entry(fragment).or_insert(dataset.written_by(fragment)?)),
        })?;
        self.lacking.insert(address, reason);
        // What the dataset holds itself needs no reading, and what cannot be read may be asked for by nobody.
        if let (None, Some(Cow::Owned(bytes))) = (reason, bytes)
            && self.kept.values().map(Vec::len).sum::<usize>() + bytes.len() <= KEPT_MAX
        {
            self.kept.insert(address, bytes);
        }
        Ok(reason)
    }

    /// Forgets what was read of linked files: that of a record that was left out may change until another shows it.
    pub(super) fn forget(&mut self) {
        self.kept.clear();
    }

    /// The bytes of a frame or a video, where the dataset has them; a linked file that was just looked at is not read again, and
    /// one that is read need not be for a look.
    ///
    /// # Errors
    /// `LinkBroken`, `Corrupt`, `Io`.
    pub(super) fn read(&mut self, address: Address) -> Result<Option<Cow<'a, [u8]>>> {
        if let Some(bytes) = self.kept.remove(&address) {
            return Ok(Some(Cow::Owned(bytes)));
        }
        let bytes = bytes_of(self.dataset, address)?;
        if let Some(bytes) = &bytes
            && !self.lacking.contains_key(&address)
        {
            let is_unreadable = is_unreadable(self.dataset, address, bytes)?;
            self.lacking.insert(address, is_unreadable.then_some(UNREADABLE));
        }
        Ok(bytes)
    }

    /// What a picture or video is called: its path as its source wrote it, or its id.
    ///
    /// # Errors
    /// `Corrupt`.
    pub(super) fn said(&self, address: Address) -> Result<String> {
        Found::read(self.dataset, address).map(|found| found.written.unwrap_or(found.id))
    }

    /// Starts a sample that holds its media itself.
    pub(super) fn start_sample(&mut self, key: String, is_numbered: bool) {
        self.to = MediaTo::Sample { key, is_numbered };
        self.written.clear();
    }

    /// The path of a frame or a video relative to the export's folder; its bytes are written when it is first asked for,
    /// if they go into a file of their own.
    ///
    /// # Errors
    /// `Corrupt`, `Io`; `NotFound` where its bytes cannot be had and the export is to stop.
    pub(super) fn path(&mut self, address: Address, report: &mut ExportReport) -> Result<Rc<str>> {
        if let Some(path) = self.written.get(&address) {
            return Ok(path.clone());
        }
        let found = Found::read(self.dataset, address)?;
        let bytes = if matches!(self.to, MediaTo::Folder(..)) {
            self.read(address)
        } else if self.lacks_bytes(address)? == Some(BROKEN) {
            // It tells how.
            bytes_of(self.dataset, address)
        } else {
            // They are read where they go.
            found.check(self.dataset)
        };
        let bytes = self.judged(bytes, &found, address, report)?;
        let name: Rc<str> = match &self.to {
            MediaTo::Sample { key, is_numbered } if bytes.is_some() => {
                let ending = found.ending();
                match is_numbered {
                    true => format!("{key}.{}{ending}", self.written.len()).into(),
                    false => format!("{key}{ending}").into(),
                }
            }
            MediaTo::Sample { .. } => {
                let wanted = sanitised(found.written.as_deref().unwrap_or(&found.id));
                // Below a folder that no sample has, so that nobody comes to another picture's file.
                format!("missing/{}/{wanted}", self.written.len()).into()
            }
            _ if bytes.is_none() => {
                let written = found.written.as_deref().unwrap_or(&found.id);
                let clean = sanitised(written);
                // Nobody who follows the path may come to another picture's file.
                let name = self.name(&clean, address);
                if name == clean && means(written) { written.into() } else { name.into() }
            }
            _ => {
                let mut wanted = sanitised(found.written.as_deref().unwrap_or(&found.id));
                let is_taken_for_records = matches!(self.to, MediaTo::Folder(..)) && is_named_like_records(&wanted);
                if !has_ending(&wanted) || is_taken_for_records {
                    wanted.push_str(found.ending());
                }
                let name = self.name(&wanted, address);
                if let MediaTo::Folder(folder, pictures) = &self.to
                    && let Some(bytes) = &bytes
                {
                    report.media += 1;
                    report.media_bytes += found.size;
                    // The bytes were read, so that the file is known to be what was linked.
                    let linked = found.linked.filter(|_| *pictures == Pictures::Link);
                    match linked.map(|linked| folder.link(&name, &linked)).transpose()? {
                        Some(true) => report.linked += 1,
                        _ => folder.write(&name, bytes)?,
                    }
                }
                name.into()
            }
        };
        self.written.insert(address, name.clone());
        Ok(name)
    }

    /// The bytes of a frame or a video, where they can be had.
    ///
    /// # Errors
    /// As [`MediaFolder::path`].
    pub(super) fn bytes(&mut self, address: Address, report: &mut ExportReport) -> Result<Option<Cow<'a, [u8]>>> {
        if self.gone.contains(&address) {
            return Ok(None);
        }
        let found = Found::read(self.dataset, address)?;
        let bytes = self.read(address);
        self.judged(bytes, &found, address, report)
    }

    /// How many bytes a frame or a video has.
    ///
    /// # Errors
    /// `Corrupt`.
    pub(super) fn size(&self, address: Address) -> Result<u64> {
        Found::read(self.dataset, address).map(|found| found.size)
    }

    /// Whether it was found that there are no bytes, and that no file was ever named: then its path means nothing.
    pub(super) fn is_nameless(&self, address: Address) -> bool {
        self.nameless.contains(&address)
    }

    /// Whether it was found that the bytes cannot be had.
    pub(super) fn is_gone(&self, address: Address) -> bool {
        self.gone.contains(&address)
    }

    /// The bytes, if they are there; that they are not is noted once.
    fn judged(
        &mut self,
        bytes: Result<Option<Cow<'a, [u8]>>>,
        found: &Found,
        address: Address,
        report: &mut ExportReport,
    ) -> Result<Option<Cow<'a, [u8]>>> {
        if self.gone.contains(&address) {
            return Ok(None);
        }
        let said = found.written.as_deref().unwrap_or(&found.id);
        let bytes = self.on_missing.judge(bytes, said, found.is_named(), address, report)?;
        if bytes.is_some() && self.told.insert(address) && self.lacks_bytes(address)? == Some(UNREADABLE) {
            report.note_unreadable(said, address);
        }
        if bytes.is_none() {
            self.gone.insert(address);
            if !found.is_named() {
                self.nameless.insert(address);
            }
        }
        Ok(bytes)
    }

    /// Writes a part of a video as a file of its own, beside where the video's would be.
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    pub(super) fn part(
        &mut self,
        video: Address,
        mark: &str,
        bytes: &[u8],
        report: &mut ExportReport,
    ) -> Result<Rc<str>> {
        let found = Found::read(self.dataset, video)?;
        let whole = sanitised(found.written.as_deref().unwrap_or(&found.id));
        let stem = if has_ending(&whole) { whole.rsplit_once('.').map_or(&*whole, |(stem, _)| stem) } else { &whole };
        let name = self.name(&format!("{stem}{mark}.mp4"), video);
        if let MediaTo::Folder(folder, _) = &self.to {
            folder.write(&name, bytes)?;
            report.media += 1;
            report.media_bytes += bytes.len() as u64;
        }
        Ok(name.into())
    }

    /// The wanted name, or one like it that is free.
    fn name(&mut self, wanted: &str, address: Address) -> String {
        let wanted = if wanted.trim().is_empty() { "unnamed" } else { wanted };
        let (stem, ending) = stem_and_ending(wanted);
        let mut number = 1;
        loop {
            let name = match number {
                1 => wanted.to_owned(),
                2..=TRIES => format!("{stem}~{number}{ending}"),
                _ => format!("unnamed/{}~{number}{ending}", address.get()),
            };
            if self.take(&name) {
                return name;
            }
            number += 1;
        }
    }

    /// Takes a name, if it is free and no folder's, and nothing above it is a file's.
    fn take(&mut self, name: &str) -> bool {
        let name = name.to_lowercase();
        let above = || name.match_indices('/').filter_map(|(at, _)| name.get(..at));
        if self.folders.contains(&name) || above().any(|folder| self.names.contains(folder)) {
            return false;
        }
        // A file under construction is called like this.
        let is_temporary = name.rsplit('/').next().is_some_and(|last| last.starts_with('.') && last.ends_with(".tmp"));
        let reserved = is_temporary || name == list::NAME || name.split('/').next() == Some(sources::FOLDER);
        if reserved || self.names.contains(&name) {
            return false;
        }
        // From the innermost outwards: where one is known, so are those around it.
        let mut end = name.len();
        while let Some(at) = name.get(..end).and_then(|part| part.rfind('/')) {
            let folder = name.get(..at).unwrap_or_default();
            if !self.folders.insert(folder.to_owned()) {
                break;
            }
            end = at;
        }
        self.names.insert(name)
    }
}

/// The bytes of a frame or a video, where the dataset has them.
///
/// # Errors
/// `LinkBroken`, `Corrupt`, `Io`.
pub(super) fn bytes_of(dataset: &Dataset, address: Address) -> Result<Option<Cow<'_, [u8]>>> {
    match dataset.table_of(address)? {
        Table::Videos => dataset.video(address)?.bytes(),
        _ => dataset.frame(address)?.bytes(),
    }
}

/// What a frame's or video's row says of its file.
struct Found {
    written: Option<String>,
    id: String,
    /// None where the dataset does not have the bytes.
    blob: Option<Address>,
    media_type: Option<String>,
    size: u64,
    /// The file outside of the dataset that the bytes are in.
    linked: Option<PathBuf>,
}

impl Found {
    fn read(dataset: &Dataset, address: Address) -> Result<Self> {
        let (written, id, blob) = match dataset.table_of(address)? {
            Table::Videos => {
                let video = dataset.video(address)?;
                (video.path()?.map(str::to_owned), video.id()?.to_owned(), video.blob()?)
            }
            _ => {
                let frame = dataset.frame(address)?;
                (frame.path()?.map(str::to_owned), frame.id()?.to_owned(), frame.blob()?)
            }
        };
        let address = blob;
        let blob = blob.map(|blob| dataset.blob(blob)).transpose()?;
        let media_type = blob.as_ref().map(|blob| blob.media_type().map(str::to_owned)).transpose()?;
        let uri = blob.as_ref().map(|blob| blob.uri()).transpose()?.flatten();
        let linked = uri.and_then(link::path_of);
        let size = blob.as_ref().map(|blob| blob.size()).transpose()?;
        let size = size.map_or(0, |size| u64::try_from(size).unwrap_or(0));
        Ok(Self { written, id, blob: address, media_type, size, linked })
    }

    /// Whether the bytes seem to be there, without reading them: then as nothing.
    fn check<'a>(&self, dataset: &Dataset) -> Result<Option<Cow<'a, [u8]>>> {
        match self.blob {
            Some(blob) => dataset.blob(blob)?.check_link().map(|()| Some(Cow::Borrowed(&[][..]))),
            None => Ok(None),
        }
    }

    /// Whether there is a file, or the name of one.
    fn is_named(&self) -> bool {
        self.written.is_some() || self.blob.is_some()
    }

    fn ending(&self) -> &'static str {
        ending(self.media_type.as_deref().unwrap_or_default())
    }
}

/// A path that stays inside the folder, on any file system.
pub(super) fn sanitised(path: &str) -> String {
    let path = path.trim();
    let path = match path.split_once("://") {
        Some((scheme, rest)) if !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => rest,
        _ => path,
    };
    let parts = path.split(['/', '\\']).map(str::trim).filter(|part| !matches!(*part, "" | "." | ".."));
    let parts: Vec<String> = parts.map(sanitised_part).collect();
    parts.join("/")
}

/// Whether a path that is written as it was means what is left of it when it is sanitised, or no file here.
fn means(path: &str) -> bool {
    let is_remote = path.contains("://") && !path.starts_with("file://");
    let climbs = path.split(['/', '\\']).any(|part| part.trim() == "..");
    is_remote || !(climbs || path.contains('%') || path.starts_with("data:") || path.trim() != path || path.is_empty())
}

fn sanitised_part(part: &str) -> String {
    let is_bad = |c: char| c.is_control() || matches!(c, ':' | '*' | '?' | '"' | '<' | '>' | '|' | '%');
    let mut part = part.replace(is_bad, "_");
    if part.len() > PART_MAX {
        let digest = blake3::hash(part.as_bytes()).to_hex();
        let ending = part.rfind('.').and_then(|dot| part.get(dot..)).filter(|ending| ending.len() < 16);
        let ending = ending.unwrap_or_default().to_owned();
        part = format!("{}{ending}", digest.get(..32).unwrap_or_default());
    }
    part
}

/// Whether a file of this name would be taken for one of records by who reads the folder.
fn is_named_like_records(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    RECORD_ENDINGS.iter().any(|ending| path.ends_with(ending))
}

fn has_ending(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').is_some_and(|(stem, ending)| !stem.is_empty() && (1..=5).contains(&ending.len()))
}

/// The ending of a file of this type.
fn ending(media_type: &str) -> &'static str {
    match media_type {
        "image/png" => ".png",
        "image/jpeg" => ".jpg",
        "image/gif" => ".gif",
        "image/webp" => ".webp",
        "image/bmp" => ".bmp",
        "image/tiff" => ".tif",
        "video/mp4" => ".mp4",
        "video/quicktime" => ".mov",
        "video/x-msvideo" => ".avi",
        "video/x-matroska" => ".mkv",
        "video/webm" => ".webm",
        "video/mpeg" => ".mpg",
        _ => ".bin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::{Component, Path};

    proptest! {
        #[test]
        fn a_path_stays_inside_the_folder(path in "[a./\\\\: \u{0}é~]{0,40}|\\PC{0,300}") {
            let path = sanitised(&path);
            prop_assert!(Path::new(&path).components().all(|part| matches!(part, Component::Normal(_))), "{path:?}");
            prop_assert!(path.split('/').all(|part| part.len() <= PART_MAX && !part.contains('\0')));
            prop_assert_eq!(sanitised(&path), path);
        }
    }

    #[test]
    fn names_that_clash_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let dataset = Dataset::create(dir.path().join("x.surgdb")).unwrap();
        let folder = OutputFolder::new(&dir.path().join("out"), false).unwrap();
        let mut media =
            MediaFolder::new(&dataset, MediaTo::Folder(&folder, Pictures::Folder), &["conversations.jsonl"]);
        let address = Address::new((3 << 32) + 4).unwrap();
        let mut name = |wanted: &str| media.name(wanted, address);
        assert_eq!(name("a/b.png"), "a/b.png");
        assert_eq!(name("a/b.png"), "a/b~2.png");
        assert_eq!(name("A/B.png"), "A/B~3.png");
        assert_eq!(name("a"), "a~2");
        assert_eq!(name("a/b.png/c.png"), format!("unnamed/{}~10.png", address.get()));
        assert_eq!(name("conversations.jsonl"), "conversations~2.jsonl");
        assert_eq!(name("sources/x.png"), format!("unnamed/{}~11.png", address.get()));
    }
}
