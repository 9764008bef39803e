//! `surgdb verify`: every byte, every address, every rule; and a list of all that is wrong.

use crate::args::Target;
use crate::cli::Outcome;
use crate::interrupt;
use crate::output::Output;
use crate::terminal::{Ink, paint};
use crate::ui::{self, Progress};
use serde_json::{Value, json};
use std::time::Instant;
use surgdb::dataset::{VerifyReport, versions};
use surgdb::{Dataset, Error, ErrorKind, Result};

const EXAMPLES: &str = "\
Examples:
  surgdb verify my.surgdb
  surgdb verify my.surgdb --json | jq .faults
  surgdb verify my.surgdb --version 3

All rows, addresses and ids of one version are checked, and every byte of the files of all versions that are kept.
Exit code 1 says that something is wrong. What is worth knowing and not wrong is listed as a note.";

/// Check all of a dataset, older versions' files included: checksums, addresses, ids, trees; list every fault
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// Leave out the files that only other versions name
    #[arg(long)]
    this_version: bool,
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    let start = Instant::now();
    let (dataset, unreadable) = open(&args.target)?;
    let mut report = check(&dataset, !args.this_version)?;
    if let Some(fault) = unreadable {
        report.notes.push(format!(
            "version {} is the newest whose manifest can be read: the rows, addresses and ids that were checked are its",
            dataset.version()
        ));
        if !report.faults.iter().any(|known| known.to_string() == fault.to_string()) {
            report.fault_count += 1;
            report.faults.push(fault);
        }
    }
    let mut out = Output::new();
    match args.target.json() {
        true => out.json(&facts(&dataset, &report))?,
        false => print(&dataset, &report, start, &mut out)?,
    }
    out.finish()?;
    Ok(if report.is_sound() { Outcome::Fine } else { Outcome::FoundWrong })
}

/// Opens what is asked for. Where that is the newest version and its manifest is damaged, the rest is checked all the same:
/// the newest version that can be opened comes back, with what is wrong with the newest.
fn open(target: &Target) -> Result<(Dataset, Option<Error>)> {
    let fault = match target.open() {
        Ok(dataset) => return Ok((dataset, None)),
        Err(error) if target.is_newest() && [ErrorKind::Corrupt, ErrorKind::Io].contains(&error.kind()) => error,
        Err(error) => return Err(error),
    };
    for version in versions::list(target.path())?.into_iter().rev() {
        if let Ok(dataset) = Dataset::options().version(version).open(target.path()) {
            return Ok((dataset, Some(fault)));
        }
    }
    Err(fault)
}

/// Verifies, with progress; with `of_all` also the files that only other versions name.
///
/// # Errors
/// What keeps the checks from running; `Interrupted` after Ctrl-C.
pub fn check(dataset: &Dataset, of_all: bool) -> Result<VerifyReport> {
    let mut bar: Option<Progress> = None;
    let mut progress = |done, total| {
        let bar = bar.get_or_insert_with(|| Progress::bytes("verifying", Some(total)));
        // It only reads, so that there is nothing to clean up: a report that was stopped is thrown away below.
        let _ = bar.at(done, || ui::bytes(done));
    };
    let report = match of_all {
        true => dataset.verify(&mut progress)?,
        false => dataset.verify_this_version(&mut progress)?,
    };
    interrupt::check()?;
    Ok(report)
}

/// Prints what was found.
///
/// # Errors
/// `Io` when stdout cannot take it.
pub fn print(dataset: &Dataset, report: &VerifyReport, start: Instant, out: &mut Output) -> Result<()> {
    for fault in &report.faults {
        out.line(format_args!("{} {fault}", paint(Ink::Alarm, "fault:")))?;
    }
    let listed = report.faults.len() as u64;
    if report.fault_count > listed {
        out.line(format_args!("and {}", ui::counted(report.fault_count - listed, "more fault")))?;
    }
    for note in &report.notes {
        out.line(format_args!("{} {note}", paint(Ink::Faint, "note:")))?;
    }
    let verdict = match report.fault_count {
        0 => "nothing wrong".to_owned(),
        count => paint(Ink::Alarm, &format!("{} FOUND", ui::counted(count, "fault").to_uppercase())),
    };
    let files = format!("{} ({})", ui::counted(report.files, "file"), ui::bytes(report.bytes));
    out.line(format_args!(
        "{} version {}: {verdict} in {files}, {} and {}, checked in {}",
        dataset.path().display(),
        dataset.version(),
        ui::counted(report.rows, "row"),
        ui::counted(report.references, "reference"),
        ui::duration(start.elapsed())
    ))
}

fn facts(dataset: &Dataset, report: &VerifyReport) -> Value {
    let fault = |error: &Error| {
        json!({
            "kind": format!("{:?}", error.kind()),
            "file": error.file(),
            "byte": error.byte(),
            "message": error.message(),
            "text": error.to_string(),
        })
    };
    json!({
        "path": dataset.path().display().to_string(),
        "version": dataset.version(),
        "sound": report.is_sound(),
        "faults": report.faults.iter().map(fault).collect::<Vec<_>>(),
        "fault_count": report.fault_count,
        "notes": report.notes,
        "files": report.files,
        "bytes": report.bytes,
        "rows": report.rows,
        "references": report.references,
    })
}
