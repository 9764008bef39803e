//! What is known of the sources of an export, its licences above all: a TOML file each, in the form in which the
//! importer takes a source's description.

use super::folder::OutputFolder;
use super::{ExportReport, ExportedSource};
use crate::dataset::Dataset;
use crate::error::Result;
use crate::format::manifest::{Source, SourceKind};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The folder of the descriptions.
pub(super) const FOLDER: &str = "sources";

/// A report of an import, as far as it matters here.
#[derive(Deserialize)]
struct ImportReport<'a> {
    #[serde(borrow, default)]
    inputs: Vec<InputReport<'a>>,
}

#[derive(Deserialize)]
struct InputReport<'a> {
    #[serde(borrow)]
    says: Option<&'a RawValue>,
}

/// Counts, as lost, the files that said something of themselves as a whole which is kept in the reports of their imports
/// alone. A report that cannot be read says nothing here: `verify` tells.
pub(super) fn lose_says(dataset: &Dataset, source: &Source, report: &mut ExportReport) {
    for path in source.imports.iter().filter_map(|import| import.report.as_ref()) {
        let Ok(text) = std::fs::read_to_string(dataset.path().join(path)) else { continue };
        let inputs = serde_json::from_str::<ImportReport<'_>>(&text).map(|read| read.inputs).unwrap_or_default();
        let said = inputs.iter().filter(|input| input.says.is_some()).count();
        report.lose(
            "what files say as a whole (`info`, `licenses`, all of `categories`): reports of imports have it",
            said as u64,
        );
    }
}

#[derive(Serialize)]
struct Description<'a> {
    id: &'a str,
    title: Option<&'a str>,
    kind: Option<SourceKind>,
    licence: Option<&'a str>,
    citation: Option<&'a str>,
    url: Option<&'a str>,
}

/// Writes the description of a source, and notes it in the report.
///
/// # Errors
/// `Io`.
pub(super) fn write(folder: &OutputFolder, source: &Source, report: &mut ExportReport) -> Result<()> {
    let description = Description {
        id: &source.id,
        title: source.title.as_deref(),
        kind: source.kind.clone(),
        licence: source.licence.as_deref(),
        citation: source.citation.as_deref(),
        url: source.url.as_deref(),
    };
    let text = toml::to_string(&description)
        .map_err(|error| crate::error::Error::invalid(format!("the source cannot be described: {error}")))?;
    let name: String =
        source.id.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect();
    let file = format!("{FOLDER}/{name}.toml");
    folder.write(&file, text.as_bytes())?;
    report.bytes += text.len() as u64;
    report.sources.push(ExportedSource { id: source.id.clone(), licence: source.licence.clone(), file });
    Ok(())
}
