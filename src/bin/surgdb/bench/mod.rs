//! `surgdb bench`: how fast it is on this machine, each figure beside its floor in the same run.

mod batches;
mod beyond;
mod cache;
mod child;
mod data;
mod direct;
mod epochs;
mod figures;
mod floors;
mod folder;
mod maps;
mod memory;
mod meter;
mod order;
mod picture;
mod prepared;
mod raw;
mod report;
mod resume;
mod samples;
mod scale;
mod setting;
mod single;
mod touch;

use crate::cli;
use crate::output::Output;
use crate::ui;
use child::Child;
use clap::ValueEnum;
use figures::{DatasetFigures, Figures, Outcome, Rows, Size};
use folder::Folder;
use prepared::Prepared;
use scale::Scale;
use setting::Setting;
use std::path::{Path, PathBuf};
use std::time::Instant;
use surgdb::{Dataset, Error, ErrorKind, Result, Table};

const EXAMPLES: &str = "\
Examples:
  surgdb bench                              50 thousand conversations: 2 GB of disk, a few minutes
  surgdb bench --scale 50k,500k,6m          how it grows; 6m takes 40 GB
  surgdb bench --dataset my.surgdb          on data of your own, which is only read
  surgdb bench --only get,warm --json

Look at the ratios: each figure stands beside what whoever knows all offsets beforehand would reach on the same bytes in
the same order. Nothing else should run meanwhile.";

/// The largest scale at which whole cold epochs are measured without being asked for.
const LONG_CONVERSATIONS: u64 = 1_000_000;

/// Measure how fast it is here, beside what the machine can do
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// How many conversations the data has that is made for it; several sizes are measured one after the other
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "50k")]
    scale: Vec<Scale>,
    /// Where the folder for the data is made; it should be on the disk that matters
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Measure this dataset instead; it is only read
    #[arg(long, value_name = "DATASET", conflicts_with = "scale")]
    dataset: Option<PathBuf>,
    /// Measure only these
    #[arg(long, value_name = "ROW,…", value_delimiter = ',')]
    only: Vec<Row>,
    /// How often each pass is measured; the figures are medians
    #[arg(long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(u64).range(1..=99))]
    rounds: u64,
    /// The most samples of a pass
    #[arg(long, value_name = "N", default_value = "500000", value_parser = clap::value_parser!(u64).range(1..))]
    samples: u64,
    /// How many frames the conversations share
    #[arg(long, value_name = "N", default_value_t = scale::FRAMES, hide = true)]
    frames: u64,
    /// This process was started by another one to measure one row
    #[arg(long, hide = true)]
    in_child: bool,
    /// Leave the data there
    #[arg(long)]
    keep: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Row {
    /// Getting samples at random
    Get,
    /// Opening
    Open,
    /// Finding by id
    Find,
    /// Knowing which sample comes at a position
    Order,
    /// Going on where a run stood
    Resume,
    /// Shuffled epochs whose bytes are in memory
    Warm,
    /// Shuffled epochs whose bytes are on the disk alone
    Cold,
    /// Shuffled epochs of data four times larger than the memory, where the memory can be limited
    Beyond,
    /// How much memory epochs take
    Memory,
}

impl Row {
    const WITH_SAMPLES: [Self; 6] = [Self::Get, Self::Open, Self::Find, Self::Warm, Self::Cold, Self::Beyond];
}

/// Runs it.
pub fn run(args: Args) -> Result<cli::Outcome> {
    let folder = Folder::create(&args.dir, args.keep)?;
    let stays = if folder.is_kept() { "stays" } else { "is removed at the end" };
    if !args.in_child {
        ui::note(format_args!("working in {}, which {stays}", folder.path().display()));
    }
    let mut setting = Setting::of(args.dataset.as_deref().unwrap_or(folder.path()));
    let datasets = match &args.dataset {
        Some(path) => vec![measure(&args, &folder, path, None)?],
        None => args.scale.iter().map(|scale| made(&args, &folder, *scale)).collect::<Result<_>>()?,
    };
    setting.end();
    let figures = Figures { setting, touched: touch::WORDS, rounds: args.rounds as usize, datasets };
    let mut out = Output::new();
    match args.json {
        true => out.json(&serde_json::to_value(&figures).map_err(|error| Error::invalid(error.to_string()))?)?,
        false => report::print(&figures, &mut out)?,
    }
    out.finish()?;
    Ok(cli::Outcome::Fine)
}

/// Makes a dataset, measures it, and removes it.
fn made(args: &Args, folder: &Folder, scale: Scale) -> Result<DatasetFigures> {
    folder.require(scale.needed(args.frames, args.samples))?;
    let path = folder.path().join(format!("{}.surgdb", scale.name()));
    let start = Instant::now();
    data::make(&path, scale, args.frames)?;
    let figures = measure(args, folder, &path, Some(start.elapsed().as_secs_f64()))?;
    if !folder.is_kept() {
        let removed = std::fs::remove_dir_all(&path);
        removed.map_err(|error| Error::io("cannot remove it", error).in_file(&path))?;
    }
    Ok(figures)
}

fn measure(args: &Args, folder: &Folder, path: &Path, made_in_seconds: Option<f64>) -> Result<DatasetFigures> {
    let size = size(path, made_in_seconds)?;
    let name = path.file_stem().map_or_else(|| "dataset".into(), |name| name.to_string_lossy().into_owned());
    let mut rows = Rows::default();
    if args.wants(Row::Memory) {
        rows.memory = Some(memory(args, folder, path)?);
    }
    if args.wants(Row::Order) {
        rows.order = Some(order::measure(&Dataset::open(path)?, args.rounds as usize)?);
    }
    if args.wants(Row::Resume) {
        rows.resume = Some(resume::measure(&Dataset::open(path)?, args.rounds as usize)?);
    }
    if Row::WITH_SAMPLES.into_iter().any(|row| args.wants(row)) {
        with_samples(args, folder, path, size, &mut rows)?;
    }
    Ok(DatasetFigures { name, size, rows })
}

fn size(path: &Path, made_in_seconds: Option<f64>) -> Result<Size> {
    let dataset = Dataset::open(path)?;
    let bytes = dataset.manifest().files.values().flatten().map(|file| file.length).sum();
    let (conversations, frames) = (dataset.count(Table::Conversations)?, dataset.count(Table::Frames)?);
    if conversations == 0 {
        return Err(Error::invalid("the dataset has no conversations to measure").in_file(path));
    }
    Ok(Size { conversations, frames, bytes, made_in_seconds })
}

/// Measures memory in a process that has done nothing else.
fn memory(args: &Args, folder: &Folder, path: &Path) -> Result<Outcome<memory::Memory>> {
    if args.in_child {
        return memory::measure(path, args.samples).map(Outcome::Measured);
    }
    match args.child("memory", folder, path).run(&[]) {
        Ok(found) => row_of(found),
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(Outcome::Skipped { skipped: error.to_string() }),
        Err(error) => Err(error),
    }
}

fn row_of<T: serde::de::DeserializeOwned>(found: serde_json::Value) -> Result<Outcome<T>> {
    serde_json::from_value(found).map_err(|error| Error::invalid(error.to_string()))
}

/// The rows that ask for the same samples as the floors.
fn with_samples(args: &Args, folder: &Folder, path: &Path, size: Size, rows: &mut Rows) -> Result<()> {
    let mut prepared = Prepared::new(&Dataset::open(path)?, args.samples)?;
    let rounds = args.rounds as usize;
    let long = |row: &str| Outcome::Skipped {
        skipped: format!("it takes long at this scale; ask for it with `--only {row}`"),
    };
    let is_long = size.conversations > LONG_CONVERSATIONS && args.only.is_empty();
    if args.wants(Row::Beyond) {
        rows.beyond = Some(if is_long { long("beyond") } else { beyond(args, folder, &prepared)? });
    }
    if [Row::Get, Row::Warm, Row::Cold].into_iter().any(|row| args.wants(row)) {
        prepared.write_raw(&folder.path().join("raw"))?;
    }
    if args.wants(Row::Open) {
        rows.open = Some(single::open(&prepared, rounds)?);
    }
    if args.wants(Row::Get) {
        rows.get = Some(single::get(&prepared, rounds)?);
    }
    if args.wants(Row::Find) {
        rows.find = Some(single::find(&prepared, rounds)?);
    }
    if args.wants(Row::Warm) {
        rows.warm = Some(epochs::warm(&prepared, rounds)?);
    }
    if args.wants(Row::Cold) {
        rows.cold = Some(if is_long { long("cold") } else { Outcome::Measured(epochs::cold(&prepared, rounds)?) });
    }
    Ok(())
}

/// Epochs of data four times larger than the memory: here where it is so small, else in a process that is limited.
fn beyond(args: &Args, folder: &Folder, prepared: &Prepared) -> Result<Outcome<epochs::Epochs>> {
    let data = prepared.samples.pages() * samples::PAGE;
    if beyond::is_limited(data) {
        return epochs::beyond(prepared, args.rounds as usize).map(Outcome::Measured);
    }
    if args.in_child {
        return Ok(Outcome::Skipped { skipped: "the limit that was asked for does not hold here".into() });
    }
    match beyond::in_scope(&args.child("beyond", folder, &prepared.dataset), data)? {
        Outcome::Measured(found) => row_of(found),
        Outcome::Skipped { skipped } => Ok(Outcome::Skipped { skipped }),
    }
}

impl Args {
    fn wants(&self, row: Row) -> bool {
        self.only.is_empty() || self.only.contains(&row)
    }

    fn child<'a>(&self, row: &'static str, folder: &'a Folder, dataset: &'a Path) -> Child<'a> {
        Child { row, dataset, dir: folder.path(), rounds: self.rounds as usize, samples: self.samples }
    }
}
