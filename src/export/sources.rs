//! What is known of the sources of an export, its licences above all: a TOML file each, in the form in which the
//! importer takes a source's description.

use super::folder::OutputFolder;
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

/// Writes the description of a source.
///
/// # Errors
/// `Io`.
pub(super) fn write(folder: &OutputFolder, source: &Source) -> Result<u64> {
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
    folder.write(&format!("{FOLDER}/{name}.toml"), text.as_bytes())?;
    Ok(text.len() as u64)
}
