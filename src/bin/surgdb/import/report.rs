//! What an import did, for people.

use crate::output::Output;
use crate::terminal::{Ink, paint};
use crate::ui::{self, Align, Table as Lines};
use std::collections::BTreeMap;
use std::path::Path;
use surgdb::Result;
use surgdb::import::{
    AboutChange, BoxReport, Example, Findings, Ignored, ImportReport, Kind, MissingFile, SkippedRecord,
};

/// How many skipped records and missing files are named where a report names all.
const NAMED: usize = 5;
/// How many skipped records are named where the dataset keeps no report.
const UNKEPT: usize = 100;
/// How many entries of files that were passed over are printed.
const PASSED: usize = 20;

/// Prints a report: counts that add up, what is worth a look, and last what is missing.
pub fn print(report: &ImportReport, dataset: &Path, out: &mut Output) -> Result<()> {
    let place = dataset.display();
    out.line(match (report.dry_run, report.version) {
        (true, _) => format!("this would come of {} in {place}; nothing was written", report.source),
        (false, Some(version)) => format!("imported {} into {place}, version {version}", report.source),
        (false, None) => format!("nothing new in {}: {place} stays as it was", report.source),
    })?;
    if report.reruns > 0 {
        let times = ui::counted(u64::from(report.reruns), "time");
        out.line(format_args!("begun again {times}, since another import had added some of the same meanwhile"))?;
    }
    out.table(&counts(report), 2)?;
    findings(&report.findings, out)?;
    skipped(report, out)?;
    if let Some(path) = &report.report {
        out.line(format_args!("the report is {}", dataset.join(path).display()))?;
    }
    uncertain(report, out)?;
    again(report, out)?;
    failed(report, out)?;
    missing(report, out)
}

/// Says that nothing was taken of what was to be imported, or of a file of it.
fn failed(report: &ImportReport, out: &mut Output) -> Result<()> {
    let skipped = report.records.skipped_total();
    if skipped > 0 && skipped == report.records.read {
        let why: Vec<&str> = report.records.skipped.keys().copied().collect();
        let all = if skipped == 1 {
            "the only record was".to_owned()
        } else {
            format!("all {} records were", ui::count(skipped))
        };
        let line = format!("NOTHING WAS TAKEN: {all} skipped ({})", why.join(", "));
        out.line(paint(Ink::Alarm, &line))?;
    }
    if report.misspelt > 0 {
        let files = if report.misspelt == 1 { "FILE OF CONVERSATIONS WAS" } else { "FILES OF CONVERSATIONS WERE" };
        let line =
            format!("{} {files} PASSED OVER: the key of their turns is misspelt, as is said above", report.misspelt);
        out.line(paint(Ink::Alarm, &line))?;
    }
    Ok(())
}

/// Says that what was deleted is back.
fn again(report: &ImportReport, out: &mut Output) -> Result<()> {
    if report.again.is_empty() {
        return Ok(());
    }
    let before = if report.version.is_some() { "delete them again, and " } else { "" };
    let advice = format!("where they are to stay away, {before}import with --on-deleted skip");
    out.line(ui::came_again(report.again.iter().map(|(table, count)| (*table, *count)), &advice))
}

fn uncertain(report: &ImportReport, out: &mut Output) -> Result<()> {
    let count = report.findings.get(&Kind::UncertainBox).map_or(0, |findings| findings.count);
    if count == 0 {
        return Ok(());
    }
    let what = if count == 1 { "BOX WAS LEFT AS TEXT: how it is" } else { "BOXES WERE LEFT AS TEXT: how they are" };
    let advice = "name the convention with --boxes pixels|0-1|0-1000, and import again";
    let line = format!("{} {what} measured is not certain; {advice}", ui::count(count));
    out.line(paint(Ink::Alarm, &line))
}

/// Names skipped records: a few where the dataset keeps the report, else more of them, beside the report.
fn skipped(report: &ImportReport, out: &mut Output) -> Result<()> {
    let shown = if report.report.is_some() { NAMED } else { report.skipped.len().min(UNKEPT) };
    for record in report.skipped.iter().take(shown) {
        let SkippedRecord { file, record, line, id, reason } = record;
        let text = format!("  skipped: {}: {reason}", place(file, *record, id.as_deref(), *line));
        match report.report {
            Some(_) => out.line(text)?,
            None => ui::note(text),
        }
    }
    match report.records.skipped_total().saturating_sub(shown as u64) {
        0 => Ok(()),
        more => {
            let by = if report.report.is_some() { "the report" } else { "--json" };
            out.line(format_args!("  and {} more skipped, which {by} names", ui::count(more)))
        }
    }
}

fn counts(report: &ImportReport) -> Lines {
    let records = &report.records;
    let mut lines = Lines::new(&[Align::Left, Align::Left]);
    let mut parts = vec![format!("{} added", ui::count(records.added))];
    for (count, what) in [
        (records.unchanged, "there already"),
        (records.changed_kept, "changed, and kept as they were"),
        (records.replaced, "replaced"),
    ] {
        if count > 0 {
            parts.push(format!("{} {what}", ui::count(count)));
        }
    }
    for (why, count) in &records.skipped {
        parts.push(format!("{} skipped ({why})", ui::count(*count)));
    }
    lines.row(["read".into(), inputs(report)]);
    lines.row(["records".into(), format!("{} read = {}", ui::count(records.read), parts.join(" + "))]);
    let rows: Vec<String> = report.rows.iter().map(|(table, count)| ui::several(*count, table)).collect();
    if !rows.is_empty() {
        lines.row(["new rows".into(), rows.join(", ")]);
    }
    let splits: Vec<String> =
        report.splits.iter().map(|(name, count)| format!("{} {name}", ui::count(*count))).collect();
    if !splits.is_empty() {
        lines.row(["splits".into(), splits.join(", ")]);
    }
    for (what, AboutChange { from, to }) in &report.about {
        lines.row(["the source".into(), format!("{what}: {} → {to}", from.as_deref().unwrap_or("none"))]);
    }
    boxes(&report.boxes, &mut lines);
    let media = &report.media;
    let mut parts = vec![format!("named in {}", ui::several(media.named, "places"))];
    for (count, what) in [(media.embedded, "stored"), (media.linked, "linked")] {
        parts.extend((count > 0).then(|| format!("{} {what}", ui::counted(count, "file"))));
    }
    for (count, what) in [
        (media.found_now, "missing before and found now"),
        (media.replaced, "changed and replaced"),
        (media.rewritten, "given what is said of them now"),
    ] {
        parts.extend((count > 0).then(|| format!("{} {what}", ui::count(count))));
    }
    lines.row(["media".into(), format!("{} ({})", parts.join(", "), ui::bytes(media.bytes))]);
    passed_over(&report.ignored, &mut lines);
    lines
}

/// Names files that were passed over: some, since the report has them all.
fn passed_over(ignored: &[Ignored], lines: &mut Lines) {
    for Ignored { path, reason, .. } in ignored.iter().take(PASSED) {
        lines.row(["passed over".into(), format!("{path}: {reason}")]);
    }
    let more: u64 = ignored.iter().skip(PASSED).map(|ignored| ignored.files).sum();
    if more > 0 {
        lines.row(["passed over".into(), format!("and {}, which the report names", ui::counted(more, "more file"))]);
    }
}

/// How many files of which form were read, and what they hold.
fn inputs(report: &ImportReport) -> String {
    let mut forms: BTreeMap<String, u64> = BTreeMap::new();
    for input in &report.inputs {
        let form = match &input.map {
            Some(map) => format!("the map {map}"),
            None => input.format.unwrap_or("no form").to_owned(),
        };
        *forms.entry(form).or_default() += 1;
    }
    let forms = forms.iter().map(|(form, files)| format!("{} of {form}", ui::counted(*files, "file")));
    let held = report.read.iter().map(|(what, count)| ui::several(*count, what));
    let held = held.chain(report.listed.iter().map(|(what, count)| ui::several(*count, what)));
    forms.chain(held).collect::<Vec<_>>().join(", ")
}

fn boxes(report: &BoxReport, lines: &mut Lines) {
    let read = [(report.boxes, "boxes"), (report.points, "points"), (report.reread, "conversations read anew")];
    let mut parts: Vec<String> = Vec::new();
    parts.extend(read.iter().filter(|(count, _)| *count > 0).map(|(count, what)| ui::several(*count, what)));
    parts.extend(report.left.iter().map(|(why, count)| format!("{} left as text ({why})", ui::count(*count))));
    if !parts.is_empty() {
        lines.row(["boxes in texts".into(), parts.join(", ")]);
    }
    for (form, what) in &report.taken {
        lines.row([String::new(), format!("{form}: {what}")]);
    }
}

/// Prints what is worth a look.
pub fn findings(findings: &BTreeMap<Kind, Findings>, out: &mut Output) -> Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    out.line(paint(Ink::Bold, "worth a look"))?;
    let mut lines = Lines::new(&[Align::Right, Align::Left, Align::Left]);
    for (kind, findings) in findings {
        // The kind's name is what it is called in the report's JSON.
        let name = serde_json::to_value(kind).ok().and_then(|name| name.as_str().map(str::to_owned));
        let example = findings.examples.first().map(example).unwrap_or_default();
        lines.row([ui::count(findings.count), name.unwrap_or_default(), example]);
    }
    out.table(&lines, 2)
}

fn example(example: &Example) -> String {
    let Example { file, record, line, id, detail } = example;
    format!("first in {}: {detail}", place(file, *record, id.as_deref(), *line))
}

/// A place in an input, as errors name it.
fn place(file: &str, record: Option<u64>, id: Option<&str>, line: Option<u64>) -> String {
    let mut text = file.to_owned();
    text.extend(record.map(|record| format!(", record {record}")));
    text.extend(id.map(|id| format!(", id {id:?}")));
    text.extend(line.map(|line| format!(", line {line}")));
    text
}

fn missing(report: &ImportReport, out: &mut Output) -> Result<()> {
    let count = report.media.missing;
    if count == 0 {
        return Ok(());
    }
    for MissingFile { path, reason, file, record } in report.missing.iter().take(NAMED) {
        let place = place(file, Some(*record).filter(|record| *record > 0), None, None);
        out.line(format_args!("  {path} ({place}): {reason}"))?;
    }
    if count > NAMED as u64 {
        let by = if report.report.is_some() { "the report" } else { "--json" };
        out.line(format_args!("  and {} more, which {by} names", ui::count(count - NAMED as u64)))?;
    }
    let broken = report.findings.get(&Kind::BrokenLink).map_or(0, |findings| findings.count);
    if broken == count {
        let files = if count == 1 { "LINKED FILE IS" } else { "LINKED FILES ARE" };
        let line = format!("{} {files} GONE OR CHANGED: what to do is said above", ui::count(count));
        return out.line(paint(Ink::Alarm, &line));
    }
    let files = if count == 1 { "PICTURE OR VIDEO IS" } else { "PICTURES AND VIDEOS ARE" };
    let advice = "put them where they are looked for and import again, or let surgdb attach find them";
    out.line(paint(Ink::Alarm, &format!("{} {files} MISSING: {advice}", ui::count(count))))
}
