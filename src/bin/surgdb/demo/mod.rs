//! `surgdb demo`: a small surgical-looking source, made up on the spot, taken the whole way.

mod conversations;
mod h264;
mod instrument;
mod mp4;
mod noise;
mod questions;
mod reasoning;
mod scene;
mod source;
mod story;
mod tissue;

use crate::cli::Outcome;
use crate::ui::{self, Progress};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;
use surgdb::{Error, Result};

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
    make(&args)?;
    Ok(Outcome::Fine)
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
    let bar = std::sync::Mutex::new(Progress::things("drawing", None));
    let made = source::make(&plan, &|done, total| match bar.lock() {
        Ok(bar) => bar.at(done as u64, || format!("of {total} operations")),
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

/// Says what comes next, and the command that does the same.
fn announce(step: u32, what: &str, command: Option<&str>) {
    ui::note(format_args!("\n{step}. {what}"));
    if let Some(command) = command {
        ui::note(format_args!("   $ {command}"));
    }
}

fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
