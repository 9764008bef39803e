//! Files that were read before under another name, and others in place of files of before: records would be there twice,
//! or taken for others that have changed.

use super::Run;
use crate::error::{Error, Result};
use crate::format::manifest::Source;
use crate::import::format::Format;
use crate::import::inputs::Input;
use crate::import::maps::{self, Chosen};
use crate::import::media::store::digest_of;
use crate::import::options::{OnChange, OnKnown};
use crate::import::report::{At, Ignored, Kind, RecordCounts};
use crate::schema::tables::Table;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::Path;

/// How many files of a folder that is new are held against those of before.
const COMPARED: usize = 64;

/// What this reads of an import's report.
#[derive(Deserialize)]
struct Told {
    inputs: Vec<ToldInput>,
}

#[derive(Deserialize)]
struct ToldInput {
    path: String,
    digest: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    home: Option<String>,
    #[serde(default)]
    map: Option<String>,
}

/// What the reports of imports say of their files.
#[derive(Default)]
struct ToldInputs {
    by_digest: HashMap<String, ToldInput>,
    /// By the name without its folders: the home, the name, and the map.
    by_name: HashMap<String, Vec<Called>>,
}

/// Where a file lay, what it was called, and the map that it was read by.
type Called = (Option<String>, String, Option<String>);

/// The files that were read, by their digests.
#[derive(Default)]
pub(super) struct KnownFiles {
    /// Those of this import, with their names.
    now: HashMap<String, String>,
    /// Those of imports before.
    before: Option<HashSet<String>>,
    /// What their reports say of those, once it is asked for.
    told: Option<ToldInputs>,
    /// The table of this import that spoke first of a recording.
    recordings: HashMap<String, (String, Chosen)>,
}

impl KnownFiles {
    /// Gives another import what reports say, and takes it back.
    pub(super) fn lend(&mut self, other: &mut Self) {
        std::mem::swap(&mut self.told, &mut other.told);
    }
}

impl Run<'_> {
    /// Whether a file is passed over because its bytes were imported before under another name.
    pub(super) fn is_left_as_known(&mut self, input: &Input) -> Result<bool> {
        if self.options.on_known != OnKnown::Skip || !input.path.is_file() {
            return Ok(false);
        }
        let digest = hex_digest_of(&input.path)?;
        let is_itself = |then: &ToldInput| then.is(input);
        if !self.is_known(&digest) || self.known_input(&digest).is_some_and(is_itself) {
            return Ok(false);
        }
        let name = self.known_input(&digest).map_or_else(String::new, |then| format!(", as {}", then.called()));
        self.report.ignored.push(Ignored::file(&input.name, format!("its bytes were imported before{name}")));
        Ok(true)
    }

    /// Holds folders that are new to a source that has others against what was imported from those: one that was moved would
    /// be there twice.
    ///
    /// # Errors
    /// `Invalid` where files of one were imported before, unless it is said what becomes of them.
    pub(super) fn check_moved(&mut self, inputs: &[Input]) -> Result<()> {
        let mut homes: BTreeMap<&str, Vec<&Input>> = BTreeMap::new();
        if self.options.on_known == OnKnown::Stop {
            let new = inputs.iter().filter(|input| self.homes.is_beside(&input.spot.home) && input.path.is_file());
            new.for_each(|input| homes.entry(&input.spot.home).or_default().push(input));
        }
        for files in homes.into_values() {
            let files = files.get(..COMPARED).unwrap_or(&files);
            let mut known: Vec<(&Input, String)> = Vec::new();
            for input in files {
                let digest = hex_digest_of(&input.path)?;
                if self.is_known(&digest) {
                    known.push((input, digest));
                }
            }
            // Of files about a picture each, two may well say the same.
            let is_it = known.iter().any(|(input, _)| !is_of_one_picture(input)) || known.len() * 2 > files.len();
            let Some((first, digest)) = known.first().filter(|_| is_it) else { continue };
            if self.options.same_names {
                self.check_same_names(first, digest)?;
                continue;
            }
            let then = self.called_then(digest);
            return Err(elsewhere(format!(
                "these bytes were imported into this source before{then} of another folder"
            ))
            .in_file(&first.path));
        }
        Ok(())
    }

    /// Holds a file of a folder that is said to be one of before against what it was called there.
    fn check_same_names(&mut self, input: &Input, digest: &str) -> Result<()> {
        match self.known_input(digest) {
            Some(then) if then.called() != input.name => Err(Error::invalid(format!(
                "it would be called {}, and was called {} before: with --same-names, name the folder in which it is called \
                 so",
                input.name,
                then.called()
            ))
            .in_file(&input.path)),
            _ => Ok(()),
        }
    }

    /// The same of pictures and videos without records, once their bytes were met; `blobs` were there before.
    pub(super) fn check_moved_media(&self, input: &Input, before: &RecordCounts, blobs: u64) -> Result<()> {
        let added = self.report.records.added - before.added;
        let new = self.report.rows.get(Table::Blobs.name()).copied().unwrap_or(0) - blobs;
        let is_media = input.format == Some(Format::Media) && self.store.is_foreign();
        if !is_media || self.options.on_known != OnKnown::Stop || new * 2 >= added {
            return Ok(());
        }
        Err(elsewhere(format!(
            "the bytes of {} of its {added} pictures and videos are in the dataset already",
            added - new
        )))
    }

    /// Holds a file that was read against those of this import and of imports before; `before` are the counts without it.
    ///
    /// # Errors
    /// `Invalid` where its records would be there twice under other ids, or are called as those of another file, unless
    /// that was asked for.
    pub(super) fn check_known(&mut self, input: &Input, digest: &str, before: &RecordCounts) -> Result<()> {
        let is_foreign = self.store.is_foreign();
        let now = &self.report.records;
        let (added, unchanged) = (now.added - before.added, now.unchanged - before.unchanged);
        let changed =
            now.changed_kept + now.replaced - before.changed_kept - before.replaced - self.of_input.placed_now;
        if self.options.is_source_guessed && added > 0 {
            self.check_other_sources(digest)?;
        }
        let is_known = self.is_known(digest);
        if is_of_one_picture(input) {
            if input.format == Some(Format::Media) && is_known && added > 0 && !is_foreign {
                let called = self.called_then(digest);
                self.tell_same(input, format!("its bytes were imported before{called}"));
            }
            return Ok(());
        }
        // A folder that is new was held against those of before as a whole.
        let is_copy = is_known && added > 0 && unchanged + changed == 0;
        if is_copy && !is_foreign && self.options.on_known != OnKnown::Take {
            return self.check_copy(input, digest, added);
        }
        let then = if is_known && changed > 0 { self.known_input(digest) } else { None };
        if let Some(map) = then.filter(|then| then.is_of_another_map(input)).and_then(|then| then.map.as_ref()) {
            return Err(Error::invalid(format!(
                "it was imported before by the map {map:?}, and {changed} of the rows that this map makes are called as \
                 those are: give this map ids of its own, as with `id = \"tool-{{row}}\"`"
            )));
        }
        let is_judged = self.of_input.are_ids_numbers && self.options.on_change == OnChange::Report;
        if !is_known && is_judged && changed > unchanged && changed > 1 {
            return Err(Error::invalid(format!(
                "of its records {} are there already, and {changed} of these with other content. They have no ids of their \
                 own, so that they are called by the file's name and their numbers, and known by what they say: this is another \
                 file of that name, or most of it was corrected. Give another file another --source; --on-change replace takes \
                 what it says in place of what is there (and leaves what it has no more), and --on-change keep leaves all of that",
                changed + unchanged
            )));
        }
        let is_judged = self.of_input.is_name_new && !is_known && self.options.on_change == OnChange::Report;
        // A row of a table counts for its picture, too, which may be the same.
        if is_judged && !self.of_input.are_ids_numbers && self.of_input.clashes * 2 > unchanged {
            return Err(Error::invalid(format!(
                "{} of its records are called as others that were imported from other files of this source, and say something \
                 else. If each file has ids of its own, that count from 0 in all of them, --on-change add takes these beside \
                 those (as in 7 and val.json#7). If it is a newer copy of such a file, --on-change replace takes what it says in \
                 place of what is there, and --on-change keep leaves that",
                self.of_input.clashes
            )));
        }
        match self.known.now.get(digest).cloned() {
            Some(first) if added > 0 => {
                self.tell_same(input, format!("it has the bytes of {first}, which was read too"))
            }
            Some(_) => {}
            None => drop(self.known.now.insert(digest.to_owned(), input.name.clone())),
        }
        Ok(())
    }

    /// Holds a file whose records are all new against the one of before that had its bytes: it is another file that says
    /// the same, or that one under another name.
    fn check_copy(&mut self, input: &Input, digest: &str, added: u64) -> Result<()> {
        let Some(then) = self.known_input(digest) else {
            return Err(Error::invalid(format!("these bytes were imported into this source before{}", twice(added))));
        };
        let name = then.called().to_owned();
        let is_here = then.home.as_deref() == Some(&input.spot.home);
        if is_here && name == input.name && then.is_of_another_map(input) {
            return Ok(());
        }
        let is_other_file = match is_here {
            true => name != input.name && input.spot.start.join(&name).is_file(),
            // Two recordings may be labelled alike, and files be called by their recordings.
            false => last_part(&name) != last_part(&input.name),
        };
        if is_other_file {
            self.tell_same(input, format!("it has the bytes of {name}, which was imported before"));
            return Ok(());
        }
        let of = if is_here { "" } else { " of another folder" };
        Err(Error::invalid(format!("these bytes were imported into this source before, as {name}{of}{}", twice(added))))
    }

    /// Holds a file against those of other sources, where nobody said that it is of a source of its own.
    fn check_other_sources(&self, digest: &str) -> Result<()> {
        let own = &self.options.source.id;
        let others = self.sink.dataset().manifest().sources.iter().filter(|source| source.id != *own);
        let has = |source: &&Source| {
            source.imports.iter().flat_map(|import| &import.inputs).any(|input| input.digest == digest)
        };
        let Some(other) = others.into_iter().find(has) else { return Ok(()) };
        Err(Error::invalid(format!(
            "these bytes were imported before, into the source {:?}: --source {} goes on with that one, and --source {own} \
             takes them once more, as a source of their own",
            other.id, other.id
        )))
    }

    fn tell_same(&mut self, input: &Input, what: String) {
        let at = At { file: input.name.clone(), ..At::default() };
        self.report.find(
            Kind::SameFile,
            &at,
            format!("{what}: where both are of one recording, its records are there twice"),
        );
    }

    /// Whether an import into the source read these bytes.
    fn is_known(&mut self, digest: &str) -> bool {
        let source = self.sink.dataset().manifest().source(&self.options.source.id);
        let inputs = || source.into_iter().flat_map(|source| &source.imports).flat_map(|import| &import.inputs);
        let digests = self.known.before.get_or_insert_with(|| inputs().map(|input| input.digest.clone()).collect());
        digests.contains(digest)
    }

    /// What was said of these bytes when they were read last, where that import's report is still there.
    fn known_input(&mut self, digest: &str) -> Option<&ToldInput> {
        self.told_inputs().by_digest.get(digest)
    }

    /// What a file with these bytes was called when it was read last, for a message; nothing where that is not known.
    fn called_then(&mut self, digest: &str) -> String {
        self.known_input(digest).map_or_else(String::new, |then| format!(", as {}", then.called()))
    }

    fn told_inputs(&mut self) -> &ToldInputs {
        if self.known.told.is_none() {
            let dataset = self.sink.dataset();
            let source = dataset.manifest().source(&self.options.source.id);
            let reports =
                source.into_iter().flat_map(|source| &source.imports).filter_map(|import| import.report.as_ref());
            let told = reports.filter_map(|path| {
                let report = fs::read(dataset.path().join(path)).ok()?;
                serde_json::from_slice::<Told>(&report).ok()
            });
            let (mut by_digest, mut by_name) = (HashMap::new(), HashMap::<String, Vec<Called>>::new());
            for input in told.flat_map(|told| told.inputs) {
                let called = (input.home.clone(), input.called().to_owned(), input.map.clone());
                let alike = by_name.entry(last_part(&called.1).to_owned()).or_default();
                if !alike.contains(&called) {
                    alike.push(called);
                }
                by_digest.insert(input.digest.clone(), input);
            }
            self.known.told = Some(ToldInputs { by_digest, by_name });
        }
        self.known.told.get_or_insert_default()
    }

    /// Tells that a table speaks of a recording of which another of its name spoke, in another folder and by the same map:
    /// two hospitals may call two operations alike.
    pub(crate) fn tell_same_recording(&mut self, input: &Input, video: &str, at: &At) -> Result<()> {
        let Some(chosen) = &input.map else { return Ok(()) };
        let last = last_part(&input.name);
        let first = match self.known.recordings.get(video) {
            Some((first, _)) if *first == input.name => return Ok(()),
            Some((first, table)) => (last_part(first) == last && table.is_same_table(chosen)).then(|| first.clone()),
            None => {
                let first = self.spoke_before(input, video, chosen.map.name())?;
                self.known.recordings.insert(video.to_owned(), (input.name.clone(), chosen.clone()));
                first
            }
        };
        let Some(first) = first else { return Ok(()) };
        let what = format!(
            "{video:?} is the recording of {first} of another folder, too: what both say is about one recording and one \
             patient. Where these are two, the map is to name them apart, as by `files = [\"{{site}}/{{video}}.csv\"]` and \
             `video = \"{{file.site}}/{{file.video}}\"`, or --source is to give this folder one of its own"
        );
        self.report.find(Kind::SameVideo, at, what);
        Ok(())
    }

    /// Whether one file is imported of a source that has others.
    pub(super) fn is_one_of_several(&mut self, at: &At) -> bool {
        let mut names = self.inputs.iter().map(|input| &input.name);
        let is_one = names.all(|name| *name == at.file);
        is_one && self.told_inputs().by_name.values().flatten().any(|called| called.1 != at.file)
    }

    /// Whether the source has files of before, and none of this name in this place.
    pub(super) fn is_new_name(&mut self, input: &Input) -> bool {
        let source = self.sink.dataset().manifest().source(&self.options.source.id);
        if source.is_none_or(|source| source.imports.is_empty()) {
            return false;
        }
        let alike = self.told_inputs().by_name.get(last_part(&input.name));
        let is_it = |called: &Called| called.0.as_ref() == Some(&input.spot.home) && called.1 == input.name;
        !alike.is_some_and(|alike| alike.iter().any(is_it))
    }

    /// The file of another folder that spoke of a recording in an import before, where this one did not yet.
    fn spoke_before(&mut self, input: &Input, video: &str, map: &str) -> Result<Option<String>> {
        let source = &self.options.source.id;
        if self.options.same_names || self.sink.dataset().find_in(Table::Videos, source, video)?.is_none() {
            return Ok(None);
        }
        let is_it = |called: &&Called| called.0.as_ref() == Some(&input.spot.home) && called.1 == input.name;
        let alike = self.told_inputs().by_name.get(last_part(&input.name)).map(Vec::as_slice).unwrap_or_default();
        let other = alike.iter().find(|called| !is_it(called) && called.2.as_deref() == Some(map));
        Ok(other.filter(|_| !alike.iter().any(|called| is_it(&called))).map(|called| called.1.clone()))
    }
}

impl ToldInput {
    /// Whether it is this one, by its name.
    fn is(&self, input: &Input) -> bool {
        self.home.as_ref() == Some(&input.spot.home) && self.called() == input.name
    }

    /// What it was called.
    fn called(&self) -> &str {
        self.name.as_ref().unwrap_or(&self.path)
    }

    /// Whether it was read by another map than this.
    fn is_of_another_map(&self, input: &Input) -> bool {
        let now = input.map.as_ref().map(|chosen| chosen.map.name());
        self.map.is_some() && now.is_some() && self.map.as_deref() != now
    }
}

/// A folder that may be one of before.
fn elsewhere(what: String) -> Error {
    Error::invalid(format!(
        "{what}. If this is the folder of before, which was moved or copied, --same-names goes on with it. If it is another \
         that says the same, --on-known take takes it, and --on-known skip passes over files whose bytes were imported before"
    ))
}

/// The digest of a file, as reports have it.
fn hex_digest_of(path: &Path) -> Result<String> {
    digest_of(path).map(|digest| blake3::Hash::from_bytes(digest).to_hex().to_string())
}

/// What comes of a file that is known.
fn twice(added: u64) -> String {
    format!(
        ", and all of its records ({added}) would be added once more. --on-known skip passes over files whose bytes were \
         imported before; --on-known take takes them: where their records were deleted since, or where this is another file \
         that says the same"
    )
}

/// A file's name without its folders.
fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether files of its form are about a picture each, so that two may say the same.
fn is_of_one_picture(input: &Input) -> bool {
    input.map.as_ref().is_some_and(maps::Chosen::is_of_masks)
        || matches!(input.format, Some(Format::LabelMe | Format::EndoVisVqa | Format::Media))
}
