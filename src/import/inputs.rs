//! The files that an import reads: those that were named, and those in named folders that are of a known form.

use crate::error::{Error, Result};
use crate::format::constants::VERSIONS_DIR;
use crate::import::copies;
use crate::import::format::Format;
use crate::import::forms;
use crate::import::homes::{Homes, IsUsed, Spot};
use crate::import::huggingface;
use crate::import::maps::{self, Chosen, TableMap};
use crate::import::media::picture::{UNKNOWN, media_type_of_name};
use crate::import::options::ImportOptions;
use crate::import::passed::PassedOver;
use crate::import::raw::RawRecord;
use crate::import::records::{NO_RECORD, RecordReader};
use crate::import::report::Ignored;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How deep folders are searched.
const DEPTH_LIMIT: usize = 64;

/// A file to read, or a folder of pictures and videos.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Input {
    pub(super) path: PathBuf,
    /// Its name for ids and reports: its path from its home.
    pub(super) name: String,
    pub(super) bytes: u64,
    /// The form of its first record that has one.
    pub(super) format: Option<Format>,
    /// The table of a map that it is read by.
    pub(super) map: Option<Chosen>,
    /// The folder that was named and that it lies in.
    pub(super) folder: Option<PathBuf>,
    /// Where it lies, and where its name starts.
    pub(super) spot: Spot,
}

impl Input {
    /// A file, or a folder of pictures and videos, that lies in this spot, and in this folder, where one was named.
    fn of(path: &Path, name: String, spot: &Spot, folder: Option<&Path>) -> Self {
        Self {
            path: path.to_path_buf(),
            name,
            bytes: 0,
            format: None,
            map: None,
            folder: folder.map(Path::to_path_buf),
            spot: spot.clone(),
        }
    }

    /// The folder above this one, in which it lies, where pictures may lie there: where a folder was named, that is not
    /// outside of both that and the home.
    pub(super) fn above(&self, beside: &Path) -> Option<PathBuf> {
        let above = beside.parent().map(Path::to_path_buf)?;
        let lies_in = |folder: &PathBuf| folder.canonicalize().is_ok_and(|folder| above.starts_with(folder));
        let is_inside = above.starts_with(&self.spot.limit) || self.folder.as_ref().is_none_or(lies_in);
        is_inside.then_some(above)
    }
}

/// What the files are, where the user says it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'w> {
    pub(super) format: Option<Format>,
    pub(super) map: Option<&'w Arc<TableMap>>,
}

impl<'w> Wanted<'w> {
    pub(super) fn of(options: &'w ImportOptions) -> Self {
        Self { format: options.format, map: options.map.as_ref() }
    }
}

/// What a file is.
type Form = (Option<Format>, Option<Chosen>);

/// The endings of files that may be of a known form.
const ENDINGS: [&str; 6] = [".json", ".jsonl", ".ndjson", ".txt", ".csv", ".tsv"];

/// Lists what there is to read, of this form if one is given, in the order in which it is read; files in folders that are of no form are passed over, with the reason.
pub(super) fn list(
    paths: &[PathBuf],
    wanted: Wanted<'_>,
    (homes, is_used): (&mut Homes, IsUsed<'_>),
    ignored: &mut Vec<Ignored>,
) -> Result<Vec<Input>> {
    let mut inputs: Vec<Input> = Vec::new();
    let mut met: HashSet<PathBuf> = HashSet::new();
    let folders = paths.iter().map(|path| folder_of(path)).collect::<Result<Vec<PathBuf>>>()?;
    for (path, folder) in paths.iter().zip(&folders) {
        let from = inputs.len();
        let spot = homes.spot(folder, &folders, is_used).map_err(|error| error.in_file(path))?;
        list_one(path, &spot, (wanted, homes), &mut inputs, ignored)?;
        for input in inputs.split_off(from) {
            let real = input.path.canonicalize().unwrap_or_else(|_| input.path.clone());
            match met.insert(real) {
                true => inputs.push(input),
                false => {
                    let reason = "it was named before, and is read once";
                    ignored.push(Ignored::file(input.path.display().to_string(), reason));
                }
            }
        }
    }
    inputs.sort_by_key(turn);
    Ok(inputs)
}

/// When an input is read: what lists pictures and recordings first, since what they are of is written with their rows; then
/// what is said about them, then conversations, which only show them, and masks last.
fn turn(input: &Input) -> u8 {
    match (&input.map, input.format) {
        (Some(chosen), _) if chosen.is_of_masks() => 3,
        (Some(chosen), _) if chosen.is_of_media() => 0,
        (Some(chosen), _) if chosen.is_of_conversations() => 2,
        (Some(_), _) => 1,
        (None, Some(Format::Media)) => 2,
        (None, Some(format)) if !format.is_conversation() => 1,
        (None, _) => 2,
    }
}

/// The folder that was named, or that a named file lies in, without symbolic links.
pub(super) fn folder_of(path: &Path) -> Result<PathBuf> {
    let real = |path: &Path| path.canonicalize().map_err(|error| Error::io("cannot read it", error).in_file(path));
    match path.parent().filter(|_| !path.is_dir()) {
        Some(parent) if parent.as_os_str().is_empty() => real(Path::new(".")),
        Some(parent) => real(parent),
        None => real(path),
    }
}

/// Lists what there is to read of one path that was named, which is this folder or lies in it.
fn list_one(
    path: &Path,
    spot: &Spot,
    (wanted, homes): (Wanted<'_>, &Homes),
    inputs: &mut Vec<Input>,
    ignored: &mut Vec<Ignored>,
) -> Result<()> {
    let format = wanted.format;
    let meta = fs::metadata(path).map_err(|error| Error::io("cannot read it", error).in_file(path))?;
    if !meta.is_dir() && !meta.is_file() {
        let message = "it is no regular file, and an import reads its files more than once: write it to a file first";
        return Err(Error::input(message).in_file(path));
    }
    if path.join(VERSIONS_DIR).is_dir() {
        let message = "it is a dataset of this program: `surgdb copy` brings its rows into another one";
        return Err(Error::input(message).in_file(path));
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    if !meta.is_dir() {
        let (format, map) = form_of(path, wanted).map_err(|error| error.in_file(path))?;
        let name = spot.name(&name);
        inputs.push(Input { bytes: meta.len(), format, map, ..Input::of(path, name, spot, None) });
        return Ok(());
    }
    huggingface::refuse_exported(path)?;
    let before = inputs.len();
    let (masks, passed) = (Vec::new(), PassedOver::default());
    let mut walk = Walk { root: path, wanted, homes, inputs, ignored, masks, media: false, passed };
    walk.folder(path, spot, 0)?;
    walk.take_masks()?;
    let has_media = walk.media || format == Some(Format::Media);
    let passed = walk.passed;
    if inputs.len() > before {
        let reason = match (format, wanted.map) {
            (None, None) => "of no form that is read",
            (Some(_), _) => "not of the form that --format names",
            (None, Some(_)) => "no table that the map reads",
        };
        passed.tell(reason, ignored);
        return Ok(());
    }
    passed.tell("no picture and no video", ignored);
    if has_media && wanted.map.is_none() && format.is_none_or(|format| format == Format::Media) {
        let format = Some(Format::Media);
        inputs.push(Input { format, ..Input::of(path, name, spot, Some(path)) });
        return Ok(());
    }
    let reasons: Vec<String> = ignored.iter().take(5).map(|file| format!("{}: {}", file.path, file.reason)).collect();
    let message = match reasons.is_empty() {
        true => "the folder has no file that could be imported".to_owned(),
        false => format!("no file of the folder can be imported: {}", reasons.join("; ")),
    };
    Err(Error::input(message).in_file(path))
}

/// A search through a folder.
struct Walk<'w> {
    root: &'w Path,
    wanted: Wanted<'w>,
    homes: &'w Homes,
    inputs: &'w mut Vec<Input>,
    ignored: &'w mut Vec<Ignored>,
    /// Pictures that are called as masks are that a shipped map reads, with their names and homes.
    masks: Vec<(PathBuf, String, Spot)>,
    /// Whether there are pictures or videos.
    media: bool,
    /// What is neither read nor a picture or video.
    passed: PassedOver,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, spot: &Spot, depth: usize) -> Result<()> {
        for (entry, file_name, name) in entries(folder, &spot.inside)? {
            let unreadable = |error| Error::io("cannot list the folder", error).in_file(folder);
            if !is_named(&entry) {
                let reason = "its name is not UTF-8, so that no record and no id can have it: rename it";
                self.ignored.push(Ignored::file(format!("{:?}", entry.file_name()), reason));
                continue;
            }
            let lower = file_name.to_ascii_lowercase();
            if entry.file_type().map_err(unreadable)?.is_dir() {
                if depth < DEPTH_LIMIT && !file_name.starts_with('.') && !is_dataset(&entry.path(), &lower) {
                    self.folder(&entry.path(), &spot.folder(&file_name, self.homes)?, depth + 1)?;
                }
                continue;
            }
            if entry.path().is_dir() {
                let reason = "a link to a folder, and those are not followed: name the folder that it leads to";
                self.ignored.push(Ignored::file(name, reason));
                continue;
            }
            self.media |= is_medium(&file_name);
            if self.wanted.format == Some(Format::Media) {
                // A single input reads them all.
                self.pass(&file_name, &name);
                continue;
            }
            let is_said = self.wanted.map.is_some() || self.wanted.format.is_some();
            if is_medium(&file_name) && !is_said && maps::is_called_mask(&entry.path()) {
                self.masks.push((entry.path(), name, spot.clone()));
                continue;
            }
            let is_known = || ENDINGS.iter().any(|ending| lower.ends_with(ending)) || huggingface::is_table(&lower);
            let takes = match self.wanted {
                Wanted { map: Some(map), .. } => {
                    map.reads(&entry.path()) || ENDINGS.iter().any(|ending| lower.ends_with(ending))
                }
                Wanted { format: Some(format), .. } => {
                    format.takes(&lower) || (format.is_conversation() && huggingface::is_table(&lower))
                }
                _ => is_known(),
            };
            if huggingface::describes_tables(&lower) {
                let told = forms::llama_factory::renames(&entry.path());
                self.ignored.extend(told.map(|reason| Ignored::file(name, reason)));
                continue;
            }
            if !takes {
                self.pass(&file_name, &name);
                continue;
            }
            let path = entry.path();
            if let Some(first) = copies::copied(&path, &file_name) {
                let reason = format!("a second copy of {first:?}, byte for byte, as its name says");
                self.ignored.push(Ignored::file(name, reason));
                continue;
            }
            match look_at(&path, &file_name, self.wanted) {
                Err(reason) => self.ignored.push(Ignored::file(name, reason)),
                Ok((format, map)) => {
                    let bytes = fs::metadata(&path).map_err(unreadable)?.len();
                    self.inputs.push(Input { bytes, format, map, ..Input::of(&path, name, spot, Some(self.root)) });
                }
            }
        }
        Ok(())
    }

    /// Counts a file that is not read; hidden ones, and pictures and videos, which records name, are not counted here.
    fn pass(&mut self, file_name: &str, name: &str) {
        if !file_name.starts_with('.') && !is_medium(file_name) {
            self.passed.note(name);
        }
    }

    /// Takes the pictures that are masks.
    fn take_masks(&mut self) -> Result<()> {
        let masks = std::mem::take(&mut self.masks);
        let paths: Vec<&Path> = masks.iter().map(|(path, ..)| path.as_path()).collect();
        let chosen = maps::detect_masks(&paths);
        let mut strange: Vec<String> = Vec::new();
        for ((path, name, spot), chosen) in masks.into_iter().zip(chosen) {
            if chosen.is_none() {
                strange.push(name);
            } else {
                let unreadable = |error| Error::io("cannot read it", error).in_file(&path);
                let bytes = fs::metadata(&path).map_err(unreadable)?.len();
                self.inputs.push(Input { bytes, map: chosen, ..Input::of(&path, name, &spot, Some(self.root)) });
            }
        }
        // Where there is nothing else, they are taken as any pictures.
        if let Some(first) = strange.first().filter(|_| !self.inputs.is_empty()) {
            let more = if strange.len() > 1 { format!(", as {} more are", strange.len() - 1) } else { String::new() };
            let reason = format!(
                "it is called as a mask is that a shipped map reads{more}, and does not have that map's colours: --map \
                 names one that reads it"
            );
            self.ignored.push(Ignored { files: strange.len() as u64, ..Ignored::file(first, reason) });
        }
        Ok(())
    }
}

/// Whether a folder is a dataset of this program, by its name in small letters or by its manifests.
fn is_dataset(folder: &Path, lower: &str) -> bool {
    let is_manifest = |entry: fs::DirEntry| {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".json"));
        number.is_some_and(|number| number.len() == 10 && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let versions = || fs::read_dir(folder.join(VERSIONS_DIR)).into_iter().flatten().flatten();
    lower.ends_with(".surgdb") || versions().any(is_manifest)
}

/// Calls this for each picture and video below a folder, with its path, that without symbolic links, and its name.
pub(super) fn each_medium(root: &Path, take: &mut dyn FnMut(&Path, &Path, &str)) -> Result<()> {
    let mut folders = vec![(root.to_path_buf(), String::new(), 0)];
    while let Some((folder, inside, depth)) = folders.pop() {
        let real = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        for (entry, file_name, name) in entries(&folder, &inside)? {
            let kind =
                entry.file_type().map_err(|error| Error::io("cannot list the folder", error).in_file(&folder))?;
            if kind.is_dir() {
                let lower = file_name.to_ascii_lowercase();
                let is_hidden = file_name.starts_with('.') || is_dataset(&entry.path(), &lower);
                if depth < DEPTH_LIMIT && !is_hidden {
                    folders.push((entry.path(), name, depth + 1));
                }
            } else if is_medium(&file_name) && is_named(&entry) {
                let path = entry.path();
                let linked = if kind.is_symlink() { path.canonicalize().ok() } else { None };
                take(&path, &linked.unwrap_or_else(|| real.join(&file_name)), &name);
            }
        }
    }
    Ok(())
}

/// The entries of a folder by name, with their names and those relative to what was named.
pub(super) fn entries(folder: &Path, inside: &str) -> Result<Vec<(fs::DirEntry, String, String)>> {
    let unreadable = |error| Error::io("cannot list the folder", error).in_file(folder);
    let mut entries = fs::read_dir(folder).map_err(unreadable)?.collect::<io::Result<Vec<_>>>().map_err(unreadable)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let named = entries.into_iter().map(|entry| {
        let file_name = entry.file_name().to_string_lossy().into_owned();
        let name = if inside.is_empty() { file_name.clone() } else { format!("{inside}/{file_name}") };
        (entry, file_name, name)
    });
    Ok(named.collect())
}

/// Whether an entry's name is text.
pub(super) fn is_named(entry: &fs::DirEntry) -> bool {
    entry.file_name().to_str().is_some()
}

/// Whether a file's name promises a picture or a video; the twins that macOS writes promise nothing.
pub(super) fn is_medium(name: &str) -> bool {
    !name.starts_with('.') && media_type_of_name(name) != UNKNOWN
}

/// The form of a file in a folder, or why it is not read. One that is no JSON is read, so that its fault is told.
fn look_at(path: &Path, name: &str, wanted: Wanted<'_>) -> Result<Form, String> {
    if name.starts_with("._") {
        return Err("a `._` twin that macOS writes".into());
    }
    if name.starts_with('.') {
        return Err("a hidden file".into());
    }
    if !path.is_file() {
        return Err("not a file".into());
    }
    form_of(path, wanted).map_err(|error| error.message().to_owned())
}

/// The form of a file: the one that was given, one of annotations by its head, the table of a shipped map by its name and
/// its head, or that of its first conversations.
///
/// # Errors
/// `Input` where it is of none.
fn form_of(path: &Path, wanted: Wanted<'_>) -> Result<Form> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let is_table = |format: Format| format.is_conversation() || format == Format::HuggingFace;
    if wanted.map.is_none() && huggingface::is_table(&name) && wanted.format.is_none_or(is_table) {
        huggingface::look_at(path)?;
        return Ok((Some(Format::HuggingFace), None));
    }
    match wanted {
        Wanted { map: Some(map), .. } => return Ok((None, Some(Chosen::of(map, path)?))),
        Wanted { format: Some(format), .. } if !format.is_conversation() => return Ok((Some(format), None)),
        Wanted { format: Some(_), .. } => return Ok((first_format(path)?, None)),
        _ => {}
    }
    if let Some(format) = Format::of_annotations(path) {
        return Ok((Some(format), None));
    }
    if let Some(chosen) = maps::detect(path) {
        return Ok((None, Some(chosen)));
    }
    if [".csv", ".tsv"].iter().any(|ending| name.ends_with(ending)) {
        let message = "no shipped map reads this table: `surgdb map init` proposes one for it, and --map names it";
        return Err(Error::input(message));
    }
    if name.ends_with(".txt") {
        let message = "no form is known that such text has; --format names one, or --map a map that reads it";
        return Err(Error::input(message));
    }
    if is_medium(&name) {
        if maps::is_called_mask(path)
            && let [Some(chosen)] = &maps::detect_masks(&[path])[..]
        {
            return Ok((None, Some(chosen.clone())));
        }
        return Ok((Some(Format::Media), None));
    }
    let known = first_format(path).map_err(|error| {
        Error::input(format!("{}; for rows of a table, `surgdb map init` proposes a map", error.message()))
    })?;
    Ok((known, None))
}

/// What a file is read by where no map is named, if it is of a known form.
pub(super) fn read_by(path: &Path) -> Option<String> {
    let (format, map) = form_of(path, Wanted { format: None, map: None }).ok().filter(|_| path.is_file())?;
    match map {
        Some(chosen) => Some(format!("by the map {}", chosen.map.name())),
        None => format.filter(|format| *format != Format::Media).map(|format| format!("as {}", format.name())),
    }
}

/// How many records are looked at for one that is a conversation.
const LOOKED_AT: usize = 100;
/// How long a file may be that is looked at for a single value.
const LONE_LIMIT: u64 = 1 << 20;

/// The form of the first of a file's records that has one; none where no record can be read or there is none.
///
/// # Errors
/// `Input` when records are read and none is a conversation.
fn first_format(path: &Path) -> Result<Option<Format>> {
    let Ok(file) = File::open(path) else { return Ok(None) };
    let mut reader = RecordReader::new(file);
    let mut other = None;
    for _ in 0..LOOKED_AT {
        let Some(record) = reader.next_record() else { break };
        let record = match record {
            Ok(record) => record,
            // A list or a value stands where a record should: what cannot be read at all says nothing of what it is.
            Err(error) if error.message().starts_with(NO_RECORD) => {
                other = other.or(Some(error));
                continue;
            }
            Err(_) => continue,
        };
        let text = forms::unfolded(record.text);
        let Ok(raw) = serde_json::from_str::<RawRecord<'_>>(&text) else { continue };
        match Format::of(&raw) {
            Some(format) => return Ok(Some(format)),
            None => other = other.or_else(|| Some(forms::no_conversation(&raw))),
        }
    }
    let lone = || is_lone_value(path).then(|| Error::input("this is no conversation: it is a single text or number"));
    other.or_else(lone).map_or(Ok(None), Err)
}

/// Whether a short file is JSON, and neither a list nor an object.
fn is_lone_value(path: &Path) -> bool {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LONE_LIMIT).read_to_end(&mut text));
    let value = read.ok().and_then(|_| serde_json::from_slice::<serde_json::Value>(&text).ok());
    value.is_some_and(|value| !value.is_array() && !value.is_object())
}

/// Reads a file and digests what passes through.
pub(super) struct DigestingReader {
    file: File,
    hasher: blake3::Hasher,
}

impl DigestingReader {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| Error::io("cannot read it", error).in_file(path))?;
        Ok(Self { file, hasher: blake3::Hasher::new() })
    }

    /// The digest of the whole file, which is read to its end, and its length.
    pub(super) fn finish(&self) -> io::Result<(String, u64)> {
        let mut hasher = self.hasher.clone();
        hasher.update_reader(&self.file)?;
        Ok((hasher.finalize().to_hex().to_string(), hasher.count()))
    }
}

impl Read for DigestingReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(out)?;
        self.hasher.update(out.get(..read).unwrap_or_default());
        Ok(read)
    }
}
