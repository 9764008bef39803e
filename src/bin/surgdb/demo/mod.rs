//! `surgdb demo`: a small surgical-looking source, made up on the spot, taken the whole way.

mod access;
mod conversations;
pub mod h264;
mod instrument;
mod noise;
mod questions;
mod reasoning;
mod scene;
mod source;
mod story;
mod tissue;

use crate::cli::Outcome;
use crate::interrupt;
use crate::output::Output;
use crate::ui::{self, Align, Progress, Table as Lines};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;
use surgdb::import::{ImportOptions, SourceDescription};
use surgdb::{Dataset, Error, Result, Table};

/// Width by height of a frame.
const ASPECT: f32 = 854.0 / 480.0;
/// The file that says that a folder was made by this command.
const MARK: &str = ".surgdb-demo";

const EXAMPLES: &str = "\
Examples:
  surgdb demo                        600 samples, in the folder surgdb-demo
  surgdb demo /tmp/d --samples 5000  a bigger one, elsewhere
  surgdb demo --force                once more, over the last one";

/// Make a small surgical-looking source and take it the whole way: import, verify, read
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The folder to work in; it is made where it is not there
    #[arg(default_value = "surgdb-demo")]
    dir: PathBuf,
    /// How many conversations to make; there are about 24 frames for every 100
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    samples: u32,
    /// What all drawings depend on: the same seed, the same pictures
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Work in the folder of an earlier demo, which is replaced
    #[arg(long)]
    force: bool,
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    prepare(&args)?;
    let made = make(&args)?;
    let path = args.dir.join("demo.surgdb");
    let dataset = import(&made, &path)?;
    let verified = verify(&dataset, &path)?;
    look(&dataset, &path)?;
    read(&dataset, &args.dir.join("source"))?;
    let shown = ui::quoted(&path);
    ui::note("");
    ui::note(format_args!("It is all in {}. Go on with", ui::quoted(&args.dir)));
    for command in ["stats", "show --random 3", "report demo.html", "--help"] {
        let (name, more) = command.split_once(' ').unwrap_or((command, ""));
        let words = ["surgdb", name, if name == "--help" { "" } else { &shown }, more];
        ui::note(format_args!("   $ {}", words.join(" ").trim_end()));
    }
    Ok(verified)
}

/// Makes the folder, or empties that of an earlier demo.
fn prepare(args: &Args) -> Result<()> {
    let failed = |error| Error::io("cannot prepare the demo's folder", error).in_file(&args.dir);
    let mark = args.dir.join(MARK);
    let used = fs::read_dir(&args.dir).is_ok_and(|mut entries| entries.next().is_some());
    if used && !mark.is_file() {
        let message = "the folder is not empty, and no earlier demo made it: name another one";
        return Err(Error::exists(message).in_file(&args.dir));
    }
    if used && !args.force {
        let message = "an earlier demo is here: give --force to replace it, or name another folder";
        return Err(Error::exists(message).in_file(&args.dir));
    }
    for part in ["source", "demo.surgdb"] {
        match fs::remove_dir_all(args.dir.join(part)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    fs::create_dir_all(&args.dir).map_err(failed)?;
    fs::write(mark, "This folder was made by `surgdb demo`; `surgdb demo --force` may replace it.\n").map_err(failed)
}

fn make(args: &Args) -> Result<source::Made> {
    let plan = source::Plan { folder: args.dir.join("source"), samples: args.samples as usize, seed: args.seed };
    announce(1, "Draw a source: operations with frames, masks, depth maps and clips", None);
    let start = Instant::now();
    let bar = std::sync::Mutex::new(Progress::things("drawing", Some(u64::from((args.samples / 100).clamp(1, 99)))));
    let made = source::make(&plan, &|done, total| match bar.lock() {
        Ok(bar) => bar.at(done as u64, || format!("{done} of {total} operations")),
        Err(_) => Ok(()),
    })?;
    drop(bar);
    ui::note(format_args!(
        "   {} in {} ({}), made in {}",
        ui::counted(made.conversations as u64, "conversation"),
        ui::counted(made.files, "file"),
        ui::bytes(made.bytes),
        ui::duration(start.elapsed())
    ));
    Ok(made)
}

fn import(made: &source::Made, path: &Path) -> Result<Dataset> {
    let sources: Vec<String> = made.records.iter().map(|path| ui::quoted(path)).collect();
    let (sources, description) = (sources.join(" "), ui::quoted(&made.description));
    let command = format!("surgdb import {} {sources} --source-file {description}", ui::quoted(path));
    announce(2, "Import it, as any other source", Some(&command));
    let start = Instant::now();
    let dataset = Dataset::create(path)?;
    let description = SourceDescription::open(&made.description)?;
    let options = ImportOptions { interrupt: Some(interrupt::flag()), ..ImportOptions::new(description) };
    let report = crate::import::import(&dataset, &made.records, &options)?;
    let mut out = Output::new();
    crate::import::print_report(&report, path, &mut out)?;
    out.finish()?;
    ui::note(format_args!("   in {}", ui::duration(start.elapsed())));
    Dataset::open(path)
}

fn verify(dataset: &Dataset, path: &Path) -> Result<Outcome> {
    announce(3, "Check every byte, address and rule of it", Some(&format!("surgdb verify {}", ui::quoted(path))));
    let start = Instant::now();
    let report = crate::verify::check(dataset, true)?;
    let mut out = Output::new();
    crate::verify::print(dataset, &report, start, &mut out)?;
    out.finish()?;
    Ok(if report.is_sound() { Outcome::Fine } else { Outcome::FoundWrong })
}

/// Shows a sample that has reasoning.
fn look(dataset: &Dataset, path: &Path) -> Result<()> {
    let count = dataset.count(Table::Conversations)?;
    let mut chosen = dataset.conversation(0)?;
    for number in 0..count {
        let sample = dataset.conversation(number)?;
        if !sample.reasoning()?.is_empty() && sample.turns()?.len() < 4 {
            chosen = sample;
            if chosen.task()? == "triplet recognition" {
                break;
            }
        }
    }
    let command = format!("surgdb show {} --id {}", ui::quoted(path), chosen.id()?);
    announce(4, "Look at a sample and its reasoning", Some(&command));
    let mut out = Output::new();
    crate::show::print_sample(dataset, &chosen, &mut out)?;
    out.finish()
}

/// Reads samples as a training loader does, beside reading the same files from the folder.
fn read(dataset: &Dataset, source: &Path) -> Result<()> {
    announce(5, "Read it as a training loader does: samples in a shuffled order, every byte touched", None);
    let access = access::measure(dataset, source)?;
    let mut lines = Lines::new(&[Align::Left, Align::Right, Align::Right]);
    for (what, speed) in [
        ("first time, all checksums checked", &access.first),
        ("after that", &access.after),
        ("the floor: the same files, read from the folder", &access.floor),
    ] {
        let [samples, bytes] = speed.words();
        lines.row([what.into(), samples, bytes]);
    }
    let mut out = Output::new();
    out.table(&lines, 3)?;
    out.finish()
}

/// Says what comes next, and the command that does the same.
fn announce(step: u32, what: &str, command: Option<&str>) {
    ui::note("");
    ui::note(format_args!("{step}. {what}"));
    if let Some(command) = command {
        ui::note(format_args!("   $ {command}"));
    }
}
