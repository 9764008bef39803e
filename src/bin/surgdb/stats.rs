//! `surgdb stats`: what the samples of a dataset are like.

use crate::args::Target;
use crate::cli::Outcome;
use crate::output::Output;
use crate::subset::Subset;
use crate::terminal::{Ink, paint};
use crate::ui::{self, Align, Counts, Progress, Table as Lines, add};
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, RecordBatch, StringArray};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use surgdb::dataset::{Conversation, Selection};
use surgdb::{Address, Dataset, Result, Table};

const EXAMPLES: &str = "\
Examples:
  surgdb stats my.surgdb
  surgdb stats my.surgdb --json | jq .conversations.task
  surgdb stats my.surgdb --split test        only those samples, and what they show";

/// Count what is in a dataset: by task, source and specialty; turns, texts, reasoning, media
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    subset: Subset,
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    let dataset = args.target.open()?;
    let selection = match args.subset.is_all() {
        true => None,
        false => Some(args.subset.select(&dataset, Table::Conversations)?),
    };
    let stats = Stats::of(&dataset, selection.as_ref())?;
    let mut out = Output::new();
    match args.target.json() {
        true => out.json(&stats.to_json())?,
        false => stats.print(&mut out)?,
    }
    out.finish()?;
    Ok(Outcome::Fine)
}

/// Rows that are taken at once.
const TAKEN: usize = 1 << 16;

/// Columns of conversations that are counted value by value.
const BY: [&str; 6] = ["task", "source", "specialty", "procedure", "language", "origin"];

#[derive(Default)]
struct Stats {
    by: [Counts; BY.len()],
    turns: Spread,
    text_bytes: Spread,
    reasoning_nodes: Spread,
    reasoning_depth: Spread,
    media: Spread,
    outputs: u64,
    alternatives: u64,
    grounded: u64,
    frames: Media,
    videos: Media,
}

/// How a number is spread over the conversations that have it.
#[derive(Default)]
struct Spread {
    conversations: u64,
    total: u64,
    most: u64,
}

/// Frames or videos: by kind, and how many have no bytes.
#[derive(Default)]
struct Media {
    kinds: Counts,
    missing: u64,
}

impl Stats {
    /// The numbers of a dataset, or of selected samples and what they show.
    fn of(dataset: &Dataset, selection: Option<&Selection>) -> Result<Self> {
        let mut stats = Self::default();
        let count = selection.map_or_else(|| dataset.count(Table::Conversations), |selection| Ok(selection.len()))?;
        let progress = Progress::things("counting", Some(count));
        let addresses: Box<dyn Iterator<Item = Result<Address>>> = match selection {
            Some(selection) => Box::new(selection.iter().map(Ok)),
            None => Box::new((0..count).map(|number| dataset.address(Table::Conversations, number))),
        };
        let mut shown = BTreeSet::new();
        for (number, address) in (0..).zip(addresses) {
            if number % 1024 == 0 {
                progress.at(number, || ui::counted(number, "conversation"))?;
            }
            let sample = dataset.conversation_at(address?)?;
            stats.add(&sample)?;
            if selection.is_some() {
                sample.media()?.iter().for_each(|medium| shown.extend(medium.refs().iter()));
            }
        }
        let shown = selection.map(|_| &shown);
        each_batch(dataset, Table::Frames, &["path", "blob", "kind"], shown, |batch| stats.frames.add_frames(batch))?;
        each_batch(dataset, Table::Videos, &["path", "blob"], shown, |batch| stats.videos.add_videos(batch))?;
        Ok(stats)
    }

    fn add(&mut self, sample: &Conversation<'_>) -> Result<()> {
        let values = [
            Some(sample.task()?),
            Some(sample.source()?),
            sample.specialty()?,
            sample.procedure()?,
            sample.language()?,
            sample.origin()?,
        ];
        for (counts, value) in self.by.iter_mut().zip(values) {
            add(counts, value.unwrap_or("not said"));
        }
        let turns = sample.turns()?;
        self.turns.add(turns.len());
        self.text_bytes.add(turns.iter().map(|turn| turn.text().len()).sum());
        let reasoning = sample.reasoning()?;
        self.reasoning_nodes.add(reasoning.len());
        self.reasoning_depth.add(depth(reasoning.iter().map(|node| node.parent())));
        let media = sample.media()?;
        self.media.add(media.len());
        self.outputs += media.iter().filter(|medium| medium.output()).count() as u64;
        self.alternatives += u64::from(!sample.alternatives()?.is_empty());
        self.grounded += u64::from(!sample.grounding()?.is_empty());
        Ok(())
    }

    fn to_json(&self) -> Value {
        let by: Map<String, Value> =
            BY.iter().zip(&self.by).map(|(name, counts)| ((*name).into(), json!(counts))).collect();
        json!({
            "conversations": by,
            "turns": self.turns.to_json(),
            "text_bytes": self.text_bytes.to_json(),
            "reasoning_nodes": self.reasoning_nodes.to_json(),
            "reasoning_depth": self.reasoning_depth.to_json(),
            "media": self.media.to_json(),
            "outputs": self.outputs,
            "with_alternatives": self.alternatives,
            "with_grounding": self.grounded,
            "frames": { "kinds": self.frames.kinds, "missing": self.frames.missing },
            "videos": { "kinds": self.videos.kinds, "missing": self.videos.missing },
        })
    }

    fn print(&self, out: &mut Output) -> Result<()> {
        for (name, counts) in BY.iter().zip(&self.by) {
            block(out, name, counts)?;
        }
        let mut lines = Lines::new(&[Align::Left, Align::Right, Align::Right, Align::Right, Align::Right]);
        lines.row(["".into(), "samples".into(), "total".into(), "mean".into(), "most".into()]);
        for (name, spread) in [
            ("turns", &self.turns),
            ("bytes of text", &self.text_bytes),
            ("reasoning nodes", &self.reasoning_nodes),
            ("depth of reasoning", &self.reasoning_depth),
            ("media", &self.media),
        ] {
            lines.row(spread.cells(name));
        }
        out.line(paint(Ink::Bold, "a sample"))?;
        out.table(&lines, 2)?;
        let mut lines = Lines::new(&[Align::Left, Align::Right]);
        lines.row(["media that the model is to produce".into(), ui::count(self.outputs)]);
        lines.row(["samples with other endings".into(), ui::count(self.alternatives)]);
        lines.row(["samples with boxes or times in the text".into(), ui::count(self.grounded)]);
        lines.row(["frames whose picture is missing".into(), ui::count(self.frames.missing)]);
        lines.row(["video files".into(), ui::count(self.videos.of_kind("files"))]);
        lines.row(["video files that are missing".into(), ui::count(self.videos.missing)]);
        lines.row(["videos known by their frames alone".into(), ui::count(self.videos.of_kind("by_frames"))]);
        out.table(&lines, 2)?;
        out.line("")?;
        block(out, "frames", &self.frames.kinds)
    }
}

impl Spread {
    fn add(&mut self, number: usize) {
        let number = number as u64;
        self.conversations += u64::from(number > 0);
        self.total += number;
        self.most = self.most.max(number);
    }

    fn mean(&self) -> f64 {
        if self.conversations == 0 { 0.0 } else { self.total as f64 / self.conversations as f64 }
    }

    fn to_json(&self) -> Value {
        json!({ "conversations": self.conversations, "total": self.total, "mean": self.mean(), "most": self.most })
    }

    fn cells(&self, name: &str) -> [String; 5] {
        let mean = format!("{:.1}", self.mean());
        [name.into(), ui::count(self.conversations), ui::count(self.total), mean, ui::count(self.most)]
    }
}

impl Media {
    fn add_frames(&mut self, batch: &RecordBatch) {
        self.missing += missing(batch);
        let Some(kinds) = batch.column(2).as_dictionary_opt::<Int32Type>() else { return };
        let Some(names) = kinds.downcast_dict::<StringArray>() else { return };
        names.into_iter().flatten().for_each(|name| add(&mut self.kinds, name));
    }

    /// Videos with a file, and those that are known by their frames alone.
    fn add_videos(&mut self, batch: &RecordBatch) {
        self.missing += missing(batch);
        let by_frames = batch.column(0).null_count() as u64;
        for (kind, count) in [("files", batch.num_rows() as u64 - by_frames), ("by_frames", by_frames)] {
            *self.kinds.entry(kind.into()).or_default() += count;
        }
    }

    fn of_kind(&self, kind: &str) -> u64 {
        self.kinds.get(kind).copied().unwrap_or(0)
    }
}

/// Calls `each` with columns of all rows of a table, or of those among some addresses.
fn each_batch(
    dataset: &Dataset,
    table: Table,
    columns: &[&str],
    addresses: Option<&BTreeSet<Address>>,
    mut each: impl FnMut(&RecordBatch),
) -> Result<()> {
    let Some(addresses) = addresses else {
        for piece in dataset.scan(table).columns(columns.iter().copied())?.batches() {
            each(&piece?.batch);
        }
        return Ok(());
    };
    let mut of_table = Vec::new();
    for address in addresses {
        if dataset.table_of(*address)? == table {
            of_table.push(*address);
        }
    }
    of_table.chunks(TAKEN).try_for_each(|part| dataset.take(table, part, columns).map(|batch| each(&batch)))
}

/// How many rows of `path` and `blob` have a path and no bytes.
fn missing(batch: &RecordBatch) -> u64 {
    let (paths, blobs) = (batch.column(0), batch.column(1));
    (0..batch.num_rows()).filter(|row| paths.is_valid(*row) && blobs.is_null(*row)).count() as u64
}

/// How many nodes the longest path of a forest in pre-order has.
fn depth(parents: impl Iterator<Item = Option<usize>>) -> usize {
    let mut depths: Vec<usize> = Vec::new();
    for parent in parents {
        let above = parent.and_then(|parent| depths.get(parent)).copied().unwrap_or(0);
        depths.push(above + 1);
    }
    depths.into_iter().max().unwrap_or(0)
}

/// The counts of one column, the largest first.
fn block(out: &mut Output, name: &str, counts: &Counts) -> Result<()> {
    if counts.is_empty() {
        return Ok(());
    }
    out.line(paint(Ink::Bold, name))?;
    out.table(&ui::shares(counts), 2)?;
    out.line("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_depth_of_a_forest_is_its_longest_path() {
        let forest = [None, Some(0), Some(1), Some(0), None];
        assert_eq!(depth(forest.into_iter()), 3);
        assert_eq!(depth(std::iter::empty()), 0);
    }
}
