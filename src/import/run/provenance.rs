//! What the manifest says of an import.

use crate::format::manifest::{Import, ImportInput, JsonObject, Source};
use crate::import::boxes;
use crate::import::format::Format;
use crate::import::options::ImportOptions;
use crate::import::report::ImportReport;
use std::collections::BTreeMap;

/// What was said of a source before holds where nothing is said now.
pub(super) fn merged(new: Source, known: Option<Source>) -> Source {
    let Some(known) = known else { return new };
    Source {
        id: new.id,
        title: new.title.or(known.title),
        kind: new.kind.or(known.kind),
        licence: new.licence.or(known.licence),
        citation: new.citation.or(known.citation),
        url: new.url.or(known.url),
        imports: known.imports,
    }
}

/// What the manifest says of an import: nothing that could name a patient or a record.
pub(super) fn provenance(
    options: &ImportOptions,
    report: &ImportReport,
    boxes: Option<serde_json::Value>,
    path: String,
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
    all.into_iter().chain(own).map(|(what, count)| (what.to_owned(), count)).collect()
}

/// The importer's name: that of the inputs' form, where it is one of annotations.
fn importer(report: &ImportReport) -> &'static str {
    let mut formats = report.inputs.iter().filter_map(|input| input.format?.parse::<Format>().ok());
    match formats.next() {
        Some(first) if !first.is_conversation() => match formats.all(|format| format == first) {
            true => first.name(),
            false => "several",
        },
        _ => "conversations",
    }
}
