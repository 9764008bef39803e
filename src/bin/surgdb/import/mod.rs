//! `surgdb import`: a source on disk becomes rows of a dataset.

mod report;
mod source;

use crate::args::Place;
use crate::cli::Outcome;
use crate::interrupt;
use crate::output::Output;
use crate::ui::{self, Progress};
use std::path::PathBuf;
use surgdb::import::{
    CaseList, Format, ImportOptions, ImportReport, MediaMode, OnChange, OnDeleted, OnError, OnKnown, OnMissing,
    TableMap,
};
use surgdb::{Dataset, Error, ErrorKind, Result};

pub use report::{findings, print as print_report};

const EXAMPLES: &str = "\
Examples:
  surgdb import my.surgdb records.json               the form is found out
  surgdb import my.surgdb data --source-file c.toml  all about the source in a file
  surgdb import my.surgdb a.jsonl b.jsonl --source cholec --media-root /data/frames
  surgdb import my.surgdb records.json --dry-run     only say what would come of it
  surgdb import my.surgdb cholect50 --source cholect50 --cases cases.csv
  surgdb import my.surgdb new.json --on-change replace
  surgdb import my.surgdb labels.csv --map mine.toml   tables; `surgdb map init labels.csv` proposes the map

Importing the same again adds nothing. Pictures are looked for in --media-root, then beside the file that names them;
one that is not found is counted, and attached when the import is run again and finds it.

A picture, and a record without an id, is known by its path from the folder that was named first, whatever folder in it is
named later. In a folder beside or around that one, the path starts with the folder's own name.

Exit code 1 says that records were skipped because they could not be read, that none was taken, or that a file was passed
over whose turns stand under a misspelt key.";

/// Bring conversations and annotations with their pictures and videos into a dataset
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    at: Place,
    /// Files, or folders of them: conversations in JSON, JSONL, Parquet or Arrow, annotations, tables, pictures and
    /// videos
    #[arg(required = true, value_name = "SRC")]
    sources: Vec<PathBuf>,
    /// The form of all files, instead of finding it out: sharegpt, messages, preference, alpaca or surgsigma
    /// (conversations); huggingface (tables of conversations in Parquet or Arrow); cholect50, coco, labelme or endovis-vqa
    /// (annotations); media (pictures and videos alone)
    #[arg(long, value_name = "F")]
    format: Option<Format>,
    /// How tables (CSV, TSV, JSON, text) are read: the name of a map that `surgdb map list` lists, or a TOML file; else a
    /// listed one is taken where a file is certainly one of its
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "format")]
    map: Option<String>,
    /// Put the bytes of pictures and videos into the dataset (embed), or leave them where they are (link)
    #[arg(long, default_value = "embed", value_name = "MODE")]
    media: MediaMode,
    /// Where pictures and videos are looked for first; may be given several times
    #[arg(long, value_name = "DIR")]
    media_root: Vec<PathBuf>,
    /// A CSV with the columns name and patient: which patient a name of the source (a patient's, a video's) means; further
    /// columns are institution, specialty, procedure, device and consent
    #[arg(long, value_name = "CSV")]
    cases: Option<PathBuf>,
    /// At a record that cannot be read: stop, or skip it and count it
    #[arg(long, default_value = "stop", value_name = "WHAT")]
    on_error: OnError,
    /// With a record whose picture or video is missing: keep it without, skip it, or stop; skip and stop mean what is there and
    /// cannot be read, or is cut off, too
    #[arg(long, default_value = "keep", value_name = "WHAT")]
    missing: OnMissing,
    /// With what the dataset has with other content (a record, a patient's key, a picture's file): report it, keep the
    /// old, replace it, or add a record beside it, as another, with its file's name before its id
    #[arg(long, default_value = "report", value_name = "WHAT")]
    on_change: OnChange,
    /// Let the source's licence become another than the dataset has; else an import that gives another one is refused
    #[arg(long)]
    relicense: bool,
    /// With a file whose bytes were imported before, and whose records would be added once more under other ids: stop, skip
    /// it, or take it
    #[arg(long, default_value = "stop", value_name = "WHAT")]
    on_known: OnKnown,
    /// With a record that would bring in again what was deleted (a patient's case, a picture, itself), as far as the dataset
    /// still has its id, which a compaction takes out: take it and tell, skip it and count it, or stop. A patient is known
    /// whose last case was deleted, of whichever source
    #[arg(long, default_value = "take", value_name = "WHAT")]
    on_deleted: OnDeleted,
    /// The folder that ids start in which are made of paths, at or above SRC: `v2/1.png` rather than `1.png`; else SRC
    /// itself, if it is the first folder of the source
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
    /// SRC was imported before, and was moved or copied: its paths and ids mean what they meant then
    #[arg(long)]
    same_names: bool,
    /// Read and check everything, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Refuse to make a dataset that is not there
    #[arg(long)]
    existing: bool,
    #[command(flatten)]
    source: source::Options,
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    // A name that is wrong makes no dataset.
    for path in &args.sources {
        std::fs::metadata(path).map_err(|error| Error::io("cannot read it", error).in_file(path))?;
    }
    let options = ImportOptions {
        format: args.format,
        map: args.map.as_deref().map(TableMap::find).transpose()?,
        media: args.media,
        media_roots: args.media_root.clone(),
        cases: args.cases.as_deref().map(CaseList::open).transpose()?,
        on_error: args.on_error,
        missing: args.missing,
        on_change: args.on_change,
        relicense: args.relicense,
        home: args.home.clone(),
        same_names: args.same_names,
        is_source_guessed: args.source.is_id_guessed()?,
        on_known: args.on_known,
        on_deleted: args.on_deleted,
        dry_run: args.dry_run,
        interrupt: Some(interrupt::flag()),
        ..ImportOptions::new(args.source.description(&args.sources, Dataset::open(&args.at.dataset).ok().as_ref())?)
    };
    let mut out = Output::new();
    let place = Destination::find(&args, &options)?;
    if let (Destination::Made { .. }, false) = (&place, args.at.json) {
        out.line(format_args!("made {}, which was not there", args.at.dataset.display()))?;
        out.flush()?;
    }
    let result = import(place.dataset(), &args.sources, &options);
    place.finish(result.is_ok());
    let report = result?;
    match args.at.json {
        true => out.json(&serde_json::to_value(&report).map_err(|error| Error::invalid(error.to_string()))?)?,
        false => print_report(&report, &args.at.dataset, &mut out)?,
    }
    out.finish()?;
    let skipped = report.records.skipped_total() > 0 && args.on_error == OnError::Skip;
    Ok(if skipped || report.has_failed() { Outcome::FoundWrong } else { Outcome::Fine })
}

/// Imports, with progress.
///
/// # Errors
/// As [`surgdb::import::import`].
pub fn import(dataset: &Dataset, sources: &[PathBuf], options: &ImportOptions) -> Result<ImportReport> {
    let mut bar: Option<(bool, Progress)> = None;
    surgdb::import::import(dataset, sources, options, &mut |progress| {
        let looks = progress.looked_at.is_some();
        let (_, bar) = match &mut bar {
            Some(same) if same.0 == looks => same,
            other => {
                let what = if looks { "looking at how boxes are measured" } else { "importing" };
                other.insert((looks, Progress::bytes(what, Some(progress.total_bytes))))
            }
        };
        let media = ui::bytes(progress.media_bytes);
        // The importer looks at the flag itself, so that it stops at a place where it can.
        let _ = bar.at(progress.looked_at.unwrap_or(progress.bytes), || match looks {
            true => "before anything is taken".to_owned(),
            false => format!("{}, {media} of media", ui::counted(progress.records, "record")),
        });
    })
}

/// The dataset that is imported into.
enum Destination {
    /// It was there.
    There(Dataset),
    /// It was made for this, in a folder that was there or not.
    Made { dataset: Dataset, had_folder: bool },
    /// It is made for a dry run alone.
    Passing(Dataset),
}

impl Destination {
    fn find(args: &Args, options: &ImportOptions) -> Result<Self> {
        match Dataset::open(&args.at.dataset) {
            Ok(dataset) => Ok(Self::There(dataset)),
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            Err(_) if args.existing => {
                let message = "there is no dataset here: correct the name, or leave --existing out to make one";
                Err(Error::not_found(message).in_file(&args.at.dataset))
            }
            Err(_) if args.dry_run => {
                let name = format!("surgdb-dry-run-{}", std::process::id());
                Ok(Self::Passing(Dataset::create(std::env::temp_dir().join(name))?))
            }
            Err(_) => {
                // What cannot be imported makes no dataset.
                surgdb::import::check_inputs(&args.sources, options)?;
                Self::make(args)
            }
        }
    }

    fn make(args: &Args) -> Result<Self> {
        let had_folder = args.at.dataset.exists();
        match Dataset::create(&args.at.dataset) {
            Ok(dataset) => Ok(Self::Made { dataset, had_folder }),
            // Another import may have made it meanwhile.
            Err(error) if error.kind() == ErrorKind::Exists => {
                Dataset::open(&args.at.dataset).map(Self::There).map_err(|_| error)
            }
            Err(error) => Err(error),
        }
    }

    fn dataset(&self) -> &Dataset {
        match self {
            Self::There(dataset) | Self::Made { dataset, .. } | Self::Passing(dataset) => dataset,
        }
    }

    /// Removes the dataset of a dry run, and one that was made for an import that failed; where another import has begun
    /// to write to it, it stays.
    fn finish(self, succeeded: bool) {
        match self {
            Self::Passing(dataset) => drop(std::fs::remove_dir_all(dataset.path())),
            Self::Made { dataset, had_folder } if !succeeded => {
                let place = dataset.path().display().to_string();
                match dataset.take_back(!had_folder) {
                    Ok(true) => ui::note(format_args!("{place} was removed again")),
                    _ => ui::note(format_args!("{place} stays, without what was to be imported")),
                }
            }
            _ => {}
        }
    }
}
