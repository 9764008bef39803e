//! What `datasets` says of a table: the names of classes, which columns are pictures or videos, and which split it is.

use crate::import::draft::MediaKind;
use serde_json::Value;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The key of a table's metadata under which `datasets` describes it.
pub(super) const METADATA_KEY: &str = "huggingface";
/// Descriptions that are longer are not read.
const DESCRIPTION_LIMIT: u64 = 16 << 20;

/// What is said of columns.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Features {
    /// The names of classes.
    classes: HashMap<String, Vec<String>>,
    /// The names of classes of the fields of a column's objects.
    inside: HashMap<(String, String), Vec<String>>,
    /// Those that are media, or lists of them; nothing where nothing is said of any column.
    media: Option<HashMap<String, MediaKind>>,
}

impl Features {
    /// Reads what stands in a table's metadata; what cannot be read says nothing.
    pub(super) fn of(description: Option<&str>) -> Self {
        let described = description.and_then(|text| serde_json::from_str::<Value>(text).ok());
        let features = described.as_ref().and_then(|value| value.pointer("/info/features")?.as_object());
        let named = features.into_iter().flatten().filter_map(|(column, feature)| {
            Some((column.clone(), class_names(feature).or_else(|| class_names(inner(feature)?))?))
        });
        let media = |features: &serde_json::Map<String, Value>| {
            let media = features.iter().filter_map(|(column, feature)| {
                Some((column.clone(), media_kind(feature).or_else(|| media_kind(inner(feature)?))?))
            });
            media.collect()
        };
        let inside = features.into_iter().flatten().flat_map(|(column, feature)| {
            let fields = [Some(feature), inner(feature)].into_iter().flatten().filter_map(Value::as_object).flatten();
            fields.filter_map(move |(field, feature)| {
                let names = class_names(feature).or_else(|| class_names(inner(feature)?))?;
                Some(((column.clone(), field.clone()), names))
            })
        });
        Self { classes: named.collect(), inside: inside.collect(), media: features.map(media) }
    }

    /// What kind of media a column holds; where nothing is said of any column, one that has files has pictures.
    pub(super) fn media(&self, column: &str, has_files: bool) -> Option<MediaKind> {
        match &self.media {
            Some(media) => media.get(column).copied().filter(|_| has_files),
            None => has_files.then_some(MediaKind::Picture),
        }
    }

    /// The names of the classes of a field of a column's objects.
    pub(super) fn classes_inside(&self, column: &str, field: &str) -> Option<&[String]> {
        self.inside.get(&(column.to_owned(), field.to_owned())).map(Vec::as_slice)
    }

    /// The names of a column's classes.
    pub(super) fn classes(&self, column: &str) -> Option<&[String]> {
        self.classes.get(column).map(Vec::as_slice)
    }
}

/// What a list's feature is a list of.
fn inner(feature: &Value) -> Option<&Value> {
    feature.get("feature").or_else(|| feature.as_array()?.first())
}

fn media_kind(feature: &Value) -> Option<MediaKind> {
    match feature.get("_type")?.as_str()? {
        "Image" => Some(MediaKind::Picture),
        "Video" => Some(MediaKind::Video),
        _ => None,
    }
}

fn class_names(feature: &Value) -> Option<Vec<String>> {
    if feature.as_object()?.get("_type")?.as_str()? != "ClassLabel" {
        return None;
    }
    feature.get("names")?.as_array()?.iter().map(|name| name.as_str().map(str::to_owned)).collect()
}

/// The split that a file belongs to: its folder, where that is one of a `DatasetDict`; what `state.json` beside it says,
/// which is the split that the rows were once loaded from, also where they were split anew since; the name of a shard
/// (`train-00000-of-00003`); or a name, of the file or its folder, that is a usual one.
pub(super) fn split_of(path: &Path) -> Option<String> {
    let folder = path.parent()?;
    let folder_name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let splits = folder.parent().and_then(|above| described(&above.join("dataset_dict.json")));
    let listed = splits.as_ref().and_then(|dict| dict.get("splits")?.as_array());
    let is_listed = |name: &&String| listed.is_some_and(|listed| listed.iter().any(|split| split == name.as_str()));
    if let Some(name) = folder_name.as_ref().filter(is_listed) {
        return Some(name.clone());
    }
    if let Some(split) = described(&folder.join("state.json")).as_ref().and_then(|state| state.get("_split")?.as_str())
    {
        return Some(split.to_owned());
    }
    let stem = path.file_stem()?.to_string_lossy().into_owned();
    let shard = shard_name(&stem);
    if let Some(split) = usual(shard.unwrap_or(&stem)) {
        return Some(split.to_owned());
    }
    if let Some(split) = folder_name.as_deref().and_then(usual) {
        return Some(split.to_owned());
    }
    shard.filter(|name| !name.is_empty() && *name != "data").map(str::to_owned)
}

/// What stands before `-00000-of-00003`.
fn shard_name(stem: &str) -> Option<&str> {
    let is_number = |text: &str| text.len() >= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    let (before, total) = stem.split_once("-of-")?;
    let (name, number) = before.rsplit_once('-')?;
    let total = total.split(['-', '.']).next().unwrap_or_default();
    (is_number(number) && is_number(total)).then_some(name)
}

/// The split that a name with one of the usual words means.
fn usual(name: &str) -> Option<&'static str> {
    const WORDS: [(&str, &[&str]); 3] = [
        ("train", &["train", "training"]),
        ("validation", &["validation", "valid", "val", "dev"]),
        ("test", &["test", "testing", "eval", "evaluation"]),
    ];
    let name = name.to_lowercase();
    let parts: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).collect();
    WORDS.iter().find(|(_, words)| words.iter().any(|word| parts.contains(word))).map(|(split, _)| *split)
}

/// A description in JSON; nothing where it is not there or cannot be read.
fn described(path: &Path) -> Option<Value> {
    let mut text = String::new();
    File::open(path).ok()?.take(DESCRIPTION_LIMIT).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_come_from_names() {
        for (path, split) in [
            ("data/train-00000-of-00003.parquet", Some("train")),
            ("data/fold_1-00000-of-00001-a1b2.parquet", Some("fold_1")),
            ("data/data-00000-of-00001.arrow", None),
            ("default/test/0000.parquet", Some("test")),
            ("my_val.parquet", Some("validation")),
            ("surgery-validation.arrow", Some("validation")),
            ("contrast.parquet", None),
            ("pretrained.parquet", None),
            ("x-1-of-2.parquet", None),
        ] {
            assert_eq!(split_of(Path::new(path)).as_deref(), split, "{path}");
        }
    }

    #[test]
    fn splits_come_from_what_is_described() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| dir.path().join(name).join("data-00000-of-00001.arrow");
        for folder in ["ours", "other", "said"] {
            std::fs::create_dir(dir.path().join(folder)).unwrap();
        }
        std::fs::write(dir.path().join("dataset_dict.json"), r#"{"splits": ["ours"]}"#).unwrap();
        for folder in ["ours", "said"] {
            std::fs::write(dir.path().join(folder).join("state.json"), r#"{"_split": "holdout"}"#).unwrap();
        }
        let splits = ["ours", "other", "said"].map(|folder| split_of(&file(folder)));
        assert_eq!(splits, [Some("ours".to_owned()), None, Some("holdout".to_owned())]);
        std::fs::write(dir.path().join("said/state.json"), "{").unwrap();
        assert_eq!(split_of(&file("said")), None);
    }

    #[test]
    fn columns_of_pictures_and_videos_are_known() {
        let text = r#"{"info":{"features":{"a":{"_type":"Image"},"b":[{"_type":"Image"}],
            "c":{"feature":{"_type":"Video"},"_type":"List"},"d":{"_type":"Audio"},"e":{"dtype":"string","_type":"Value"}}}}"#;
        let features = Features::of(Some(text));
        let kinds = ["a", "b", "c", "d", "e", "f"].map(|column| features.media(column, true));
        let (picture, video) = (Some(MediaKind::Picture), Some(MediaKind::Video));
        assert_eq!(kinds, [picture, picture, video, None, None, None]);
        assert_eq!(features.media("a", false), None);
        let nothing = Features::of(None);
        assert_eq!((nothing.media("a", true), nothing.media("a", false)), (picture, None));
    }

    #[test]
    fn classes_have_names() {
        let text = r#"{"info":{"features":{"a":{"names":["x","y"],"_type":"ClassLabel"},
            "b":{"feature":{"names":["z"],"_type":"ClassLabel"},"_type":"List"},"c":[{"names":["w"],"_type":"ClassLabel"}],
            "d":{"dtype":"string","_type":"Value"},"e":{"names":[1],"_type":"ClassLabel"}}}}"#;
        let features = Features::of(Some(text));
        let first = |column| features.classes(column).map(|names| names[0].as_str());
        assert_eq!(["a", "b", "c", "d", "e"].map(first), [Some("x"), Some("z"), Some("w"), None, None]);
        assert_eq!(Features::of(Some("[")), Features::default());
    }
}
