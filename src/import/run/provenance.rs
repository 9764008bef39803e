//! What the manifest says of an import.

use crate::format::manifest::{Import, ImportInput, JsonObject, Source};
use crate::import::boxes;
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
        importer: "conversations".into(),
        options: said,
        inputs: report
            .inputs
            .iter()
            .map(|input| ImportInput { path: None, digest: input.digest.clone(), bytes: input.bytes })
            .collect(),
        counts_in: [("records".to_owned(), records.read), ("media named".to_owned(), report.media.named)].into(),
        counts_out,
        report: Some(path),
        time: jiff::Timestamp::now().to_string(),
    }
}
