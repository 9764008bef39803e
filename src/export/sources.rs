//! What is known of the sources of an export, its licences above all: a TOML file each, in the form in which the
//! importer takes a source's description.

use super::folder::OutputFolder;
use super::{ExportReport, ExportedSource};
use crate::error::Result;
use crate::format::manifest::{Source, SourceKind};
use serde::Serialize;

/// The folder of the descriptions.
pub(super) const FOLDER: &str = "sources";

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
