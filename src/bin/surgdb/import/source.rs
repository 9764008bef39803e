//! What a source is: a file, options, or both.

use crate::ui;
use std::path::{Path, PathBuf};
use surgdb::import::{Format, SourceDescription, source_at};
use surgdb::{Dataset, Error, Result};
use toml::{Table, Value};

/// What is said about the source on the command line.
#[derive(clap::Args)]
#[command(next_help_heading = "About the source")]
pub struct Options {
    /// The source's short name; else the first SRC's name
    #[arg(long = "source", value_name = "ID", conflicts_with = "source_file")]
    id: Option<String>,
    /// A TOML file that describes the source; the options below go before what it says
    #[arg(long, value_name = "TOML")]
    source_file: Option<PathBuf>,
    /// Its full name
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// What kind of source it is: open, clinical or web
    #[arg(long, value_name = "KIND", value_parser = ["open", "clinical", "web"], hide_possible_values = true)]
    kind: Option<String>,
    /// Its licence, such as CC-BY-4.0
    #[arg(long, value_name = "NAME")]
    licence: Option<String>,
    /// How to cite it
    #[arg(long, value_name = "TEXT")]
    citation: Option<String>,
    /// Where it can be had
    #[arg(long)]
    url: Option<String>,
    /// The task of records that do not say theirs
    #[arg(long, value_name = "NAME")]
    task: Option<String>,
    /// The surgical specialty of records that do not say theirs
    #[arg(long, value_name = "NAME")]
    specialty: Option<String>,
    /// The kind of operation of records that do not say theirs
    #[arg(long, value_name = "NAME")]
    procedure: Option<String>,
    /// Where it was recorded
    #[arg(long, value_name = "NAME")]
    institution: Option<String>,
    /// The language of the texts, such as en
    #[arg(long, value_name = "TAG")]
    language: Option<String>,
    /// The split of records that do not say theirs, such as train
    #[arg(long, value_name = "NAME")]
    split: Option<String>,
    /// What labels of annotations name that do not say it, such as instrument
    #[arg(long, value_name = "NAME")]
    axis: Option<String>,
    /// How video and frame number are read from a picture's path, such as 'VID{video}/{index}.png'
    #[arg(long, value_name = "PATTERN")]
    frame_pattern: Option<String>,
    /// Where the patient's name is: video, field:NAME (a field of the record), or a path pattern with {patient}
    #[arg(long, value_name = "WHERE")]
    patient_from: Option<String>,
    /// What stands before each patient's name, so that those of unlike sources stay apart
    #[arg(long, value_name = "TEXT")]
    patient_prefix: Option<String>,
    /// Frames a second of the frame numbers
    #[arg(long, value_name = "N")]
    fps: Option<f64>,
    /// The number of a video's first frame: 0 or 1
    #[arg(long, value_name = "N")]
    index_base: Option<i64>,
    /// How boxes in texts are measured: pixels, 0-1 or 0-1000; auto looks at all of them and reads them where there is
    /// no doubt, none leaves them. Boxes of objects in Hugging Face tables are taken as pixels where nothing is said
    #[arg(long, value_name = "HOW", value_parser = ["pixels", "0-1", "0-1000", "auto", "none"], hide_possible_values = true)]
    boxes: Option<String>,
}

impl Options {
    /// Whether nobody says what the source is called.
    ///
    /// # Errors
    /// As [`Options::description`].
    pub fn is_id_guessed(&self) -> Result<bool> {
        let file = self.source_file.as_deref().map(read).transpose()?;
        Ok(self.id.is_none() && file.is_none_or(|file| !file.contains_key("id")))
    }

    /// The description that file and options make together; `dataset` is what it is imported into, where that is there.
    ///
    /// # Errors
    /// `Invalid` where something cannot be said of a source; `NotFound`, `Io` where the file cannot be read.
    pub fn description(&self, sources: &[PathBuf], dataset: Option<&Dataset>) -> Result<SourceDescription> {
        let (said, defaults) = (self.said(), self.defaults());
        if let Some(file) = &self.source_file
            && said.is_empty()
            && defaults.is_empty()
        {
            return SourceDescription::open(file);
        }
        let mut all = match &self.source_file {
            Some(file) => read(file)?,
            None => Table::new(),
        };
        all.extend(said);
        let below = all.entry("defaults").or_insert_with(|| Value::Table(Table::new()));
        if let Some(below) = below.as_table_mut() {
            below.extend(defaults);
        }
        if !all.contains_key("id") {
            let mut of = sources.iter().map(|path| source_at(dataset?, path));
            let known = of.next().flatten().filter(|first| of.all(|other| other.as_ref() == Some(first)));
            let id = known.clone().unwrap_or_else(|| name(sources));
            match known {
                Some(_) => ui::note(format_args!("this folder is the source {id:?}; --source names another")),
                None => ui::note(format_args!("the source is called {id:?}; --source gives it another name")),
            }
            all.insert("id".into(), Value::String(id));
        }
        let text = toml::to_string(&all).map_err(|error| Error::invalid(error.to_string()))?;
        // Lines of this text are no lines that the user knows: only what is wrong is told.
        SourceDescription::from_toml(&text).map_err(|error| Error::invalid(error.message()))
    }

    fn said(&self) -> Table {
        let mut said = texts([
            ("id", &self.id),
            ("title", &self.title),
            ("kind", &self.kind),
            ("licence", &self.licence),
            ("citation", &self.citation),
            ("url", &self.url),
            ("frame-pattern", &self.frame_pattern),
            ("patient-from", &self.patient_from),
            ("patient-prefix", &self.patient_prefix),
            ("boxes", &self.boxes),
        ]);
        said.extend(self.fps.map(|fps| ("fps".to_owned(), Value::Float(fps))));
        said.extend(self.index_base.map(|base| ("index-base".to_owned(), Value::Integer(base))));
        said
    }

    fn defaults(&self) -> Table {
        texts([
            ("task", &self.task),
            ("specialty", &self.specialty),
            ("procedure", &self.procedure),
            ("institution", &self.institution),
            ("language", &self.language),
            ("split", &self.split),
            ("axis", &self.axis),
        ])
    }
}

fn texts<const N: usize>(fields: [(&str, &Option<String>); N]) -> Table {
    let given = |(name, value): (&str, &Option<String>)| Some((name.to_owned(), Value::String(value.clone()?)));
    fields.into_iter().filter_map(given).collect()
}

fn read(file: &Path) -> Result<Table> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Error::io("cannot read the source description", error).in_file(file))?;
    text.parse().map_err(|error: toml::de::Error| Error::invalid(error.message().trim()).in_file(file))
}

/// A name for a source that has none: the first input's, without its ending.
fn name(sources: &[PathBuf]) -> String {
    let first = sources.first().and_then(|path| path.canonicalize().ok()).unwrap_or_default();
    let whole = first.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let plain = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = stem(&whole, first.is_dir()).chars().map(plain).collect();
    if name.is_empty() { "source".to_owned() } else { name }
}

/// A file's name without its endings, those that name a form of records included; a folder's as it is, save those.
fn stem(name: &str, is_folder: bool) -> &str {
    let forms = Format::ALL.map(Format::name);
    let known = |ending: &str| ["json", "jsonl", "ndjson", "llava"].contains(&ending) || forms.contains(&ending);
    let mut stem = match name.rsplit_once('.') {
        Some((stem, _)) if !is_folder => stem,
        _ => name,
    };
    while let Some((shorter, ending)) = stem.rsplit_once('.')
        && !shorter.is_empty()
        && known(&ending.to_ascii_lowercase())
    {
        stem = shorter;
    }
    if stem.is_empty() { name } else { stem }
}

#[cfg(test)]
mod tests {
    use super::stem;

    #[test]
    fn a_source_is_called_by_its_name_without_the_endings_of_forms() {
        for (name, is_folder, expected) in [
            ("x.sharegpt.json", false, "x"),
            ("x.sharegpt.json", true, "x"),
            ("a.b.jsonl", false, "a.b"),
            ("notes.csv", false, "notes"),
            ("my.data", true, "my.data"),
            (".json", false, ".json"),
        ] {
            assert_eq!(stem(name, is_folder), expected, "{name}");
        }
    }
}
