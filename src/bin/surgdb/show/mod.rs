//! `surgdb show`: samples, as people read them.

mod json;
mod medium;
mod text;

use crate::args::Target;
use crate::cli::Outcome;
use crate::json::Json;
use crate::output::Output;
use crate::random::Random;
use crate::subset::Subset;
use crate::ui;
use crate::whole_file;
use medium::Medium;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use surgdb::dataset::{Conversation, Selection};
use surgdb::{Address, Dataset, Error, Result, Table};

pub use text::sample as print_sample;

const EXAMPLES: &str = "\
Examples:
  surgdb show my.surgdb 0                       the first sample
  surgdb show my.surgdb --id demo-000017        the one with this id
  surgdb show my.surgdb 7:16                    the one at this address
  surgdb show my.surgdb --random 5              five of them, others each time
  surgdb show my.surgdb --first 3 --where 'split = test and has reasoning'
  surgdb show my.surgdb 0 --frame picture.jpg   and its picture into a file
  surgdb show my.surgdb 0 --json | jq .turns";

/// Print samples: their turns, pictures, reasoning and other endings
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// Which sample: its number, counted from 0 among those that are meant, or its address, such as 7:16; else the first
    #[arg(value_name = "N", conflicts_with_all = ["id", "random", "first"])]
    number: Option<String>,
    /// The sample with this id
    #[arg(long, conflicts_with_all = ["random", "first"])]
    id: Option<String>,
    /// The source that the id belongs to, where several have the same
    #[arg(long, value_name = "ID", requires = "id")]
    source: Option<String>,
    /// The first so many samples
    #[arg(long, value_name = "K", conflicts_with = "random", value_parser = clap::value_parser!(u64).range(1..))]
    first: Option<u64>,
    /// So many samples, drawn at random
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..))]
    random: Option<u64>,
    /// What the drawing depends on: the same seed, the same samples
    #[arg(long, value_name = "S", requires = "random")]
    seed: Option<u64>,
    /// Write the pictures and videos of the sample to this file, or to files in this folder where there are several
    #[arg(long, value_name = "OUT")]
    frame: Option<PathBuf>,
    #[command(flatten)]
    subset: Subset,
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    let dataset = args.target.open()?;
    let samples = chosen(&args, &dataset)?;
    let mut out = Output::new();
    let mut values: Vec<Json> = Vec::new();
    for (number, address) in samples.iter().enumerate() {
        let in_sample = |error: Error| error.in_row(format!("conversation {address}"));
        let sample = dataset.conversation_at(*address).map_err(in_sample)?;
        if args.target.json() {
            values.push(json::sample(&dataset, &sample).map_err(in_sample)?);
            continue;
        }
        if number > 0 {
            out.line("")?;
        }
        print_sample(&dataset, &sample, &mut out).map_err(in_sample)?;
    }
    match (args.target.json(), args.first.or(args.random), values.as_slice()) {
        (true, None, [value]) => out.json(value)?,
        (true, ..) => out.json(&values)?,
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

/// The samples that numbers count: all, or those of a subset.
enum Samples<'a> {
    All(&'a Dataset),
    Some(Selection),
}

impl Samples<'_> {
    fn count(&self) -> Result<u64> {
        match self {
            Self::All(dataset) => dataset.count(Table::Conversations),
            Self::Some(selection) => Ok(selection.len()),
        }
    }

    fn at(&self, number: u64) -> Result<Address> {
        match self {
            Self::All(dataset) => dataset.address(Table::Conversations, number),
            Self::Some(selection) => selection.get(number).ok_or_else(|| {
                let count = ui::counted(selection.len(), "sample");
                Error::not_found(format!("there is no sample {number}: {count} match {}", selection.condition()))
            }),
        }
    }
}

/// The addresses of the samples that are asked for.
fn chosen(args: &Args, dataset: &Dataset) -> Result<Vec<Address>> {
    let samples = match args.subset.is_all() {
        true => Samples::All(dataset),
        false => Samples::Some(args.subset.select(dataset, Table::Conversations)?),
    };
    if let Some(id) = &args.id {
        return named(args, dataset, id).and_then(|address| meant(&samples, address));
    }
    if let Some(count) = args.first {
        return (0..count.min(samples.count()?)).map(|number| samples.at(number)).collect();
    }
    if let Some(count) = args.random {
        return drawn(samples.count()?, count, args.seed)?.into_iter().map(|number| samples.at(number)).collect();
    }
    let Some(number) = &args.number else {
        let first = samples.at(0)?;
        if let Samples::Some(selection) = &samples {
            let (count, verb) = (selection.len(), if selection.len() == 1 { "matches" } else { "match" });
            ui::note(format_args!("{} {verb}: this is the first", ui::counted(count, "sample")));
        }
        return Ok(vec![first]);
    };
    match number.parse::<u64>() {
        Ok(number) => Ok(vec![samples.at(number)?]),
        Err(_) if number.contains(':') => meant(&samples, number.parse()?),
        Err(_) => Err(Error::invalid(format!(
            "{number:?} is neither a number nor an address such as 7:16; an id goes with --id"
        ))),
    }
}

fn named(args: &Args, dataset: &Dataset, id: &str) -> Result<Address> {
    let found = match &args.source {
        Some(source) => dataset.find_in(Table::Conversations, source, id)?,
        None => dataset.find(Table::Conversations, id)?,
    };
    found.ok_or_else(|| Error::not_found(format!("no conversation has the id {id:?}")))
}

/// The sample, where it is one of those that are meant.
fn meant(samples: &Samples<'_>, address: Address) -> Result<Vec<Address>> {
    match samples {
        Samples::Some(selection) if !selection.contains(address) => {
            Err(Error::not_found(format!("the sample at {address} does not match {}", selection.condition())))
        }
        _ => Ok(vec![address]),
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
        let folder = path.parent().unwrap_or(Path::new("."));
        let cannot_make = |error| Error::io("cannot make the folder", error).in_file(folder);
        std::fs::create_dir_all(folder).map_err(cannot_make)?;
        whole_file::write_new(&path, bytes.as_deref().unwrap_or_default(), "name another one")?;
        ui::note(format_args!("wrote {} ({})", path.display(), ui::bytes(medium.size.unwrap_or(0))));
    }
    Ok(())
}
