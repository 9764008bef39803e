//! What `surgdb stats` counted, for a terminal.

use crate::info;
use crate::output::Output;
use crate::terminal::{Ink, paint};
use crate::ui::{self, Align, Counts, Table as Lines};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use surgdb::dataset::{Group, MediaStats, NOT_SAID, Spread, Stats};
use surgdb::{Dataset, Result};

/// Values of a column that are listed.
const VALUES: usize = 20;
/// Cases, sizes and labels that are listed.
const FEW: usize = 10;

/// Prints all of it.
pub fn print(dataset: &Dataset, stats: &Stats, out: &mut Output) -> Result<()> {
    for (column, groups) in &stats.samples.by {
        self::groups(out, column, groups)?;
    }
    samples(out, stats)?;
    if stats.frames.all.count > 0 {
        media(out, "frames", &stats.frames)?;
    }
    if stats.videos.all.count > 0 {
        media(out, "videos", &stats.videos)?;
    }
    annotations(out, stats)?;
    out.line(paint(Ink::Bold, "bytes of this version"))?;
    let mut lines = Lines::new(&[Align::Left, Align::Right]);
    for (table, bytes) in info::table_sizes(dataset.manifest()) {
        lines.row([table, ui::bytes(bytes)]);
    }
    out.table(&lines, 2)
}

/// What a column says, the most frequent first; nothing where it says nothing of any sample.
fn groups(out: &mut Output, column: &str, groups: &BTreeMap<String, Group>) -> Result<()> {
    if groups.keys().all(|value| value == NOT_SAID) {
        return Ok(());
    }
    let mut sorted: Vec<_> = groups.iter().collect();
    sorted.sort_by_key(|(value, group)| (Reverse(group.samples), *value));
    let total: u64 = groups.values().map(|group| group.samples).sum();
    let shown = if column == "case" { FEW } else { VALUES };
    let mut lines = Lines::new(&[[Align::Left].as_slice(), &[Align::Right; 8]].concat());
    lines.row(["", "samples", "", "turns", "text", "reasoned", "deepest", "media", "their bytes"].map(str::to_owned));
    for (value, group) in sorted.iter().take(shown) {
        lines.row([
            (*value).clone(),
            ui::count(group.samples),
            share(group.samples, total),
            ui::count(group.turns),
            ui::bytes(group.text_bytes),
            ui::count(group.reasoned),
            ui::count(group.reasoning_depth),
            ui::count(group.media),
            ui::bytes(group.media_bytes),
        ]);
    }
    out.line(paint(Ink::Bold, column))?;
    out.table(&lines, 2)?;
    more(out, sorted.len(), shown)?;
    out.line("")
}

fn more(out: &mut Output, all: usize, shown: usize) -> Result<()> {
    match all.checked_sub(shown) {
        None | Some(0) => Ok(()),
        Some(more) => out.line(format_args!("  … and {} more: --json has them", ui::count(more as u64))),
    }
}

fn share(part: u64, total: u64) -> String {
    format!("{:.1} %", part as f64 * 100.0 / total.max(1) as f64)
}

fn samples(out: &mut Output, stats: &Stats) -> Result<()> {
    let samples = &stats.samples;
    let mut lines = Lines::new(&[[Align::Left].as_slice(), &[Align::Right; 6]].concat());
    lines.row(["", "samples", "total", "mean", "median", "95 %", "most"].map(str::to_owned));
    for (name, spread) in [
        ("turns", &samples.turns),
        ("bytes of text", &samples.text_bytes),
        ("reasoning nodes", &samples.reasoning_nodes),
        ("depth of reasoning", &samples.reasoning_depth),
        ("bytes of reasoning", &samples.reasoning_bytes),
        ("media", &samples.media),
    ] {
        if spread.count > 0 {
            lines.row(self::spread(name, spread));
        }
    }
    out.line(paint(Ink::Bold, "a sample"))?;
    out.table(&lines, 2)?;
    let mut lines = Lines::new(&[Align::Left, Align::Right]);
    lines.row(["media that the model is to produce".into(), ui::count(samples.outputs)]);
    lines.row(["samples with other endings".into(), ui::count(samples.alternatives)]);
    lines.row(["samples with boxes or times in the text".into(), ui::count(samples.grounded)]);
    lines.row(["frames whose picture is missing".into(), ui::count(stats.frames.all.missing)]);
    lines.row(["frames of which no file is named".into(), ui::count(stats.frames.all.unnamed)]);
    let of_kind = |kind: &str| stats.videos.kinds.get(kind).map_or(0, |held| held.count);
    lines.row(["video files".into(), ui::count(of_kind("files"))]);
    lines.row(["video files that are missing".into(), ui::count(stats.videos.all.missing)]);
    lines.row(["videos of which no file is named".into(), ui::count(stats.videos.all.unnamed)]);
    out.table(&lines, 2)?;
    out.line("")?;
    counts(out, "levels of reasoning", &samples.reasoning_levels, VALUES)?;
    counts(out, "origin of reasoning", &samples.reasoning_origins, VALUES)?;
    counts(out, "in texts", &samples.grounding, VALUES)
}

fn spread(name: &str, spread: &Spread) -> [String; 7] {
    let quantile = |part| spread.quantile(part).map(ui::count).unwrap_or_default();
    let mean = format!("{:.1}", spread.mean());
    let [count, total, most] = [spread.count, spread.total, spread.most].map(ui::count);
    [name.into(), count, total, mean, quantile(0.5), quantile(0.95), most]
}

fn media(out: &mut Output, name: &str, media: &MediaStats) -> Result<()> {
    let mut lines = Lines::new(&[Align::Left, Align::Left, Align::Right, Align::Right, Align::Right, Align::Right]);
    lines.row(["", "", "count", "missing", "no file named", "bytes"].map(str::to_owned));
    for (what, by) in [("kind", &media.kinds), ("source", &media.sources)] {
        let mut sorted: Vec<_> = by.iter().collect();
        sorted.sort_by_key(|(value, held)| (Reverse(held.count), *value));
        for (value, held) in sorted.into_iter().take(VALUES) {
            let [count, missing, unnamed] = [held.count, held.missing, held.unnamed].map(ui::count);
            lines.row([what.into(), value.clone(), count, missing, unnamed, ui::bytes(held.bytes)]);
        }
    }
    out.line(paint(Ink::Bold, name))?;
    out.table(&lines, 2)?;
    if media.seconds > 0.0 {
        let duration = std::time::Duration::try_from_secs_f64(media.seconds).unwrap_or(std::time::Duration::MAX);
        out.line(format_args!("  {} in all", ui::duration(duration)))?;
    }
    out.line("")?;
    counts(out, &format!("origin of {name}"), &media.origins, VALUES)?;
    let sizes = media.sizes.iter().map(|((width, height), count)| (format!("{width}x{height}"), *count));
    let unknown = [("not known".to_owned(), media.without_size), ("other sizes".to_owned(), media.other_sizes)];
    let sizes = sizes.chain(unknown.into_iter().filter(|(_, count)| *count > 0)).collect();
    counts(out, &format!("size of {name}"), &sizes, FEW)
}

fn annotations(out: &mut Output, stats: &Stats) -> Result<()> {
    let annotations = &stats.annotations;
    if annotations.count == 0 {
        return Ok(());
    }
    let mut lines = Lines::new(&[Align::Left, Align::Right]);
    for (what, count) in [
        ("statements", annotations.count),
        ("about a stretch of video", annotations.stretches),
        ("boxes", annotations.boxes),
        ("masks", annotations.masks),
        ("outlines", annotations.outlines),
    ] {
        lines.row([what.into(), ui::count(count)]);
    }
    out.line(paint(Ink::Bold, "annotations"))?;
    out.table(&lines, 2)?;
    out.line("")?;
    counts(out, "source of annotations", &annotations.sources, VALUES)?;
    counts(out, "split of annotations", &annotations.splits, VALUES)?;
    counts(out, "origin of annotations", &annotations.origins, VALUES)?;
    counts(out, "status of annotations", &annotations.statuses, VALUES)?;
    for (axis, labels) in &annotations.labels {
        let raw = match labels.raw {
            0 => String::new(),
            raw => format!(", {} without a canonical name", ui::count(raw)),
        };
        counts(out, &format!("labels: {axis}{raw}"), &labels.counts, FEW)?;
    }
    Ok(())
}

/// The counts of one thing, the largest first; nothing where nothing is said.
fn counts(out: &mut Output, name: &str, counts: &Counts, shown: usize) -> Result<()> {
    if counts.keys().all(|value| value == NOT_SAID) {
        return Ok(());
    }
    out.line(paint(Ink::Bold, name))?;
    out.table(&ui::shares(counts, shown), 2)?;
    more(out, counts.len(), shown)?;
    out.line("")
}
