//! What the manifest says of an import.

use crate::error::{Error, Result};
use crate::format::manifest::{Home, Import, ImportInput, JsonObject, Source};
use crate::import::boxes;
use crate::import::format::Format;
use crate::import::maps;
use crate::import::options::ImportOptions;
use crate::import::report::{AboutChange, ImportReport};
use std::collections::BTreeMap;

/// What is said of a source now, and otherwise than the dataset has it; what is not said now stays as it was.
///
/// # Errors
/// `Invalid` where the licence is another one and may not be changed: whoever has the data would not know that it was.
pub(super) fn changes(new: &Source, known: &Source, relicense: bool) -> Result<BTreeMap<&'static str, AboutChange>> {
    let kind = |source: &Source| {
        let word = source.kind.as_ref().and_then(|kind| serde_json::to_value(kind).ok())?;
        word.as_str().map(str::to_owned)
    };
    let mut changes = BTreeMap::new();
    for (what, known, new) in [
        ("licence", known.licence.clone(), new.licence.clone()),
        ("kind", kind(known), kind(new)),
        ("title", known.title.clone(), new.title.clone()),
        ("citation", known.citation.clone(), new.citation.clone()),
        ("url", known.url.clone(), new.url.clone()),
    ] {
        if let Some(to) = new.filter(|new| known.as_ref() != Some(new)) {
            changes.insert(what, AboutChange { from: known, to });
        }
    }
    if let Some(AboutChange { from: Some(from), to }) = changes.get("licence").filter(|_| !relicense) {
        let message = format!(
            "the licence of source {:?} is {from:?} in the dataset, and {to:?} is given now: leave it out to keep the \
             dataset's, or change it for all rows of the source with --relicense",
            new.id
        );
        return Err(Error::invalid(message));
    }
    Ok(changes)
}

/// What is said of a source's paths, patients and times, by the options that say it: no name of anybody.
fn said_of_paths(options: &ImportOptions) -> Vec<(&'static str, serde_json::Value)> {
    let source = &options.source;
    let said: [(&'static str, Option<serde_json::Value>); 5] = [
        ("frame-pattern", source.frame_pattern.as_ref().map(|pattern| pattern.as_str().into())),
        ("patient-from", source.patient_from.as_ref().map(|from| from.text().into())),
        ("fps", source.fps.map(Into::into)),
        ("index-base", source.index_base.map(Into::into)),
        ("cases", options.cases.as_ref().map(|_| true.into())),
    ];
    said.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

/// What imports of a source before said of its paths, patients and times, and is not said now.
pub(super) fn unsaid(source: &Source, options: &ImportOptions) -> Vec<String> {
    let now = said_of_paths(options);
    let mut unsaid = Vec::new();
    for key in ["frame-pattern", "patient-from", "fps", "index-base", "cases"] {
        let before = source.imports.iter().rev().find_map(|import| import.options.get(key));
        let Some(before) = before.filter(|_| now.iter().all(|(said, _)| *said != key)) else { continue };
        unsaid.push(match before {
            serde_json::Value::Bool(_) => format!("--{key} was given"),
            serde_json::Value::String(text) => format!("--{key} was {text:?}"),
            other => format!("--{key} was {other}"),
        });
    }
    unsaid
}

/// What the manifest says of an import: nothing that could name a patient or a record.
pub(super) fn provenance(
    options: &ImportOptions,
    report: &ImportReport,
    boxes: Option<serde_json::Value>,
    path: String,
    homes: Vec<Home>,
) -> Import {
    let words = [
        ("media", options.media.name()),
        ("missing", options.missing.name()),
        ("on-error", options.on_error.name()),
        ("on-change", options.on_change.name()),
    ];
    let mut said: JsonObject = words.iter().map(|(key, word)| ((*key).to_owned(), (*word).into())).collect();
    if let Some(format) = options.format {
        said.insert("format".into(), format.name().into());
    }
    if let Some(map) = &options.map {
        said.insert("map".into(), map.name().into());
    }
    said.extend(said_of_paths(options).into_iter().map(|(key, value)| (key.to_owned(), value)));
    said.extend(boxes.map(|said| (boxes::OPTION.to_owned(), said)));
    let records = &report.records;
    let mut counts_out: BTreeMap<String, u64> =
        report.rows.iter().map(|(table, rows)| ((*table).into(), *rows)).collect();
    for (name, count) in [
        ("records added", records.added),
        ("records unchanged", records.unchanged),
        ("records changed and kept", records.changed_kept),
        ("records replaced", records.replaced),
        ("records skipped", records.skipped_total()),
        ("media missing", report.media.missing),
    ] {
        counts_out.insert(name.to_owned(), count);
    }
    Import {
        importer: importer(report).into(),
        options: said,
        inputs: report
            .inputs
            .iter()
            .map(|input| ImportInput { path: None, digest: input.digest.clone(), bytes: input.bytes })
            .collect(),
        homes,
        counts_in: counts_in(report),
        counts_out,
        report: Some(path),
        time: jiff::Timestamp::now().to_string(),
    }
}

/// What the inputs hold: records, media, and what the source's own form counts.
fn counts_in(report: &ImportReport) -> BTreeMap<String, u64> {
    let all = [("records", report.records.read), ("media named", report.media.named)];
    let own = report.read.iter().map(|(what, count)| (*what, *count));
    let all = all.into_iter().chain(own).map(|(what, count)| (what.to_owned(), count));
    all.chain(report.listed.iter().map(|(what, count)| (what.clone(), *count))).collect()
}

/// The importer's name: that of the inputs' form, where it is one of annotations.
fn importer(report: &ImportReport) -> &'static str {
    if !report.inputs.is_empty() && report.inputs.iter().all(|input| input.map.is_some()) {
        return maps::FORM;
    }
    let mut formats = report.inputs.iter().filter_map(|input| input.format?.parse::<Format>().ok());
    match formats.next() {
        Some(first) if !first.is_conversation() => match formats.all(|format| format == first) {
            true => first.name(),
            false => "several",
        },
        _ => "conversations",
    }
}
