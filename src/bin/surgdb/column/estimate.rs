//! `surgdb column estimate-tokens`: how long each conversation is, as a column.

use crate::cli::Outcome;
use crate::output::Output;
use crate::ui::{self, Progress};
use serde_json::json;
use std::path::PathBuf;
use surgdb::load::{Estimate, write_token_estimate};
use surgdb::{Dataset, Result, Table};

const EXAMPLES: &str = "\
Examples:
  surgdb column estimate-tokens my.surgdb                         into the column `tokens`, as Qwen2-VL counts
  surgdb column estimate-tokens my.surgdb --patch 16 --merge 1    a token for each 16 × 16 pixels
  surgdb column estimate-tokens my.surgdb --replace               after rows were appended

A text takes a token for each 4 bytes. A picture takes one for each square of --patch × --merge pixels, rounded up, and a
video as much for each two of the frames that are sampled. Where you have counted with a tokenizer, give the counts to
`surgdb column add` instead.";

/// Estimate how many tokens each conversation takes, for packing and batches by length
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The dataset's folder
    dataset: PathBuf,
    /// The column to write
    #[arg(long, default_value = "tokens")]
    name: String,
    /// Bytes of text to a token
    #[arg(long, default_value_t = Estimate::default().bytes, value_name = "N")]
    bytes: u32,
    /// A patch's side in pixels
    #[arg(long, default_value_t = Estimate::default().patch, value_name = "PIXELS")]
    patch: u32,
    /// So many patches a side are merged into one token
    #[arg(long, default_value_t = Estimate::default().merge, value_name = "N")]
    merge: u32,
    /// The size of pictures whose size is not known
    #[arg(long, default_value = "854x480", value_name = "WxH", value_parser = size)]
    size: (u32, u32),
    /// Frames a second that are sampled from a video, where the conversation does not say
    #[arg(long, default_value_t = Estimate::default().fps, value_name = "N")]
    fps: f64,
    /// Give the column new values if it is there already
    #[arg(long)]
    replace: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn size(text: &str) -> std::result::Result<(u32, u32), String> {
    let parsed = text.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    parsed.ok_or_else(|| "write WIDTHxHEIGHT, as in 854x480".into())
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    let dataset = Dataset::open(&args.dataset)?;
    let Args { bytes, patch, merge, size, fps, .. } = args;
    let estimate = Estimate { bytes, patch, merge, size, fps, ..Estimate::default() };
    let progress = Progress::things("estimating", Some(dataset.count(Table::Conversations)?));
    let written =
        write_token_estimate(&dataset, &args.name, estimate, args.replace, |done| progress.at(done, String::new));
    drop(progress);
    let (after, rows, tokens) = written?;
    let mean = tokens.checked_div(rows).unwrap_or(0);
    let mut out = Output::new();
    match args.json {
        true => out.json(&json!({
            "version": after.version(), "table": "conversations", "columns": [args.name], "rows": rows, "tokens": tokens,
        }))?,
        false => {
            let (version, name, rows, tokens) =
                (after.version(), &args.name, ui::counted(rows, "conversation"), ui::count(tokens));
            out.line(format_args!("version {version}: {name} of {rows}, {tokens} together, {} on average", ui::count(mean)))?;
        }
    }
    out.finish()?;
    Ok(Outcome::Fine)
}
