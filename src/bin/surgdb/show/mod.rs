//! `surgdb show`: samples, as people read them.

mod json;
mod medium;
mod text;

use crate::cli::Outcome;
use crate::output::Output;
use crate::random::Random;
use crate::target::Target;
use crate::ui;
use medium::Medium;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use surgdb::dataset::Conversation;
use surgdb::{Address, Dataset, Error, Result, Table};

pub use text::sample as print_sample;

const EXAMPLES: &str = "\
Examples:
  surgdb show my.surgdb 0                       the first sample
  surgdb show my.surgdb --id demo-000017        the one with this id
  surgdb show my.surgdb 7:16                    the one at this address
  surgdb show my.surgdb --random 5              five of them, others each time
  surgdb show my.surgdb 0 --frame picture.jpg   and its picture into a file
  surgdb show my.surgdb 0 --json | jq .turns";

/// Print samples: their turns, pictures, reasoning and other endings
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// Which sample: its number, counted from 0, or its address, such as 7:16; the first where none is named
    #[arg(value_name = "N", conflicts_with_all = ["id", "random"])]
    number: Option<String>,
    /// The sample with this id
    #[arg(long, conflicts_with = "random")]
    id: Option<String>,
    /// The source that the id belongs to, where several have the same
    #[arg(long, value_name = "ID", requires = "id")]
    source: Option<String>,
    /// So many samples, drawn at random
    #[arg(long, value_name = "K")]
    random: Option<u64>,
    /// What the drawing depends on: the same seed, the same samples
    #[arg(long, value_name = "S", requires = "random")]
    seed: Option<u64>,
    /// Write the pictures and videos of the sample to this file, or to files in this folder where there are several
    #[arg(long, value_name = "OUT")]
    frame: Option<PathBuf>,
    /// Print JSON: one object, or a list with --random
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    let dataset = args.target.open()?;
    let samples = chosen(&args, &dataset)?;
    let mut out = Output::new();
    let mut values: Vec<Value> = Vec::new();
    for (number, address) in samples.iter().enumerate() {
        let sample = dataset.conversation_at(*address)?;
        if args.json {
            values.push(json::sample(&dataset, &sample)?);
            continue;
        }
        if number > 0 {
            out.line("")?;
        }
        print_sample(&dataset, &sample, &mut out)?;
    }
    match (args.json, args.random, values.as_slice()) {
        (true, None, [value]) => out.json(value)?,
        (true, ..) => out.json(&Value::Array(values))?,
        _ => {}
    }
    out.finish()?;
    if let Some(to) = &args.frame {
        for address in &samples {
            let folder = if samples.len() > 1 { to.join(address.to_string().replace(':', "-")) } else { to.clone() };
            write_media(&dataset, &dataset.conversation_at(*address)?, &folder)?;
        }
    }
    Ok(Outcome::Fine)
}

/// The addresses of the samples that are asked for.
fn chosen(args: &Args, dataset: &Dataset) -> Result<Vec<Address>> {
    if let Some(id) = &args.id {
        let found = match &args.source {
            Some(source) => dataset.find_in(Table::Conversations, source, id)?,
            None => dataset.find(Table::Conversations, id)?,
        };
        return match found {
            Some(address) => Ok(vec![address]),
            None => Err(Error::not_found(format!("no conversation has the id {id:?}"))),
        };
    }
    if let Some(count) = args.random {
        let numbers = drawn(dataset.count(Table::Conversations)?, count, args.seed)?;
        return numbers.into_iter().map(|number| dataset.address(Table::Conversations, number)).collect();
    }
    let Some(number) = &args.number else { return Ok(vec![dataset.address(Table::Conversations, 0)?]) };
    match number.parse::<u64>() {
        Ok(number) => Ok(vec![dataset.address(Table::Conversations, number)?]),
        Err(_) if number.contains(':') => Ok(vec![number.parse()?]),
        Err(_) => Err(Error::invalid(format!(
            "{number:?} is neither a number nor an address such as 7:16; an id goes with --id"
        ))),
    }
}

/// Different numbers below `below`, at most so many, ascending.
fn drawn(below: u64, count: u64, seed: Option<u64>) -> Result<BTreeSet<u64>> {
    let seed = match seed {
        Some(seed) => seed,
        None => getrandom::u64().map_err(|_| Error::invalid("the system has no random numbers: give --seed"))?,
    };
    let mut random = Random::new(seed, 0);
    let mut numbers = BTreeSet::new();
    if count >= below {
        return Ok((0..below).collect());
    }
    while (numbers.len() as u64) < count {
        numbers.insert(random.bits() % below);
    }
    Ok(numbers)
}

/// Writes the bytes of a sample's media out.
fn write_media(dataset: &Dataset, sample: &Conversation<'_>, to: &Path) -> Result<()> {
    let media: Vec<Medium> = medium::all(dataset, sample)?.into_iter().filter(|medium| medium.size.is_some()).collect();
    let one_file = media.len() == 1 && to.extension().is_some() && !to.is_dir();
    if media.is_empty() {
        return Err(Error::not_found("the sample has no picture or video whose bytes are here"));
    }
    for (number, medium) in media.iter().enumerate() {
        let path = if one_file { to.to_path_buf() } else { to.join(format!("{number}-{}", medium.file_name())) };
        let bytes = medium::bytes(dataset, medium.address)?;
        write_new(&path, bytes.as_deref().unwrap_or_default())?;
        ui::note(format_args!("wrote {} ({})", path.display(), ui::bytes(medium.size.unwrap_or(0))));
    }
    Ok(())
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Error::exists("there is such a file already: name another one").in_file(path)
        }
        _ => Error::io("cannot write the picture", error).in_file(path),
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
    file.write_all(bytes).map_err(failed)
}
