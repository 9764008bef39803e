//! LLaMA-Factory's list of datasets, which may call the fields of their records otherwise than this reads them.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// How much of such a list is read.
const LIST_LIMIT: u64 = 1 << 20;
/// What is said of a list whose names are not read.
pub(in crate::import) const RENAMES: &str = "LLaMA-Factory's list of datasets calls";
/// What it calls by which key, and the names under which this is read.
const READ: [(&str, &[&str]); 19] = [
    ("prompt", &["instruction", "prompt", "query"]),
    ("query", &["input"]),
    ("response", &["output", "response"]),
    ("history", &["history"]),
    ("messages", &["conversations", "conversation", "messages", "message"]),
    ("system", &["system"]),
    ("tools", &["tools"]),
    ("images", &["images", "image"]),
    ("videos", &["videos", "video"]),
    ("chosen", &["chosen"]),
    ("rejected", &["rejected"]),
    ("kto_tag", &["kto_tag", "label"]),
    ("role_tag", &["from", "role"]),
    ("content_tag", &["value", "content"]),
    ("user_tag", &["human", "user"]),
    ("assistant_tag", &["gpt", "assistant"]),
    ("observation_tag", &["observation", "tool", "tool_response"]),
    ("function_tag", &["function_call", "tool_call", "function"]),
    ("system_tag", &["system"]),
];

#[derive(Deserialize)]
struct Entry {
    file_name: Option<String>,
    #[serde(default)]
    columns: BTreeMap<String, String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

/// What such a list calls otherwise, where a file is one and does so.
pub(in crate::import) fn renames(path: &Path) -> Option<String> {
    let mut text = Vec::new();
    File::open(path).ok()?.take(LIST_LIMIT).read_to_end(&mut text).ok()?;
    let list: BTreeMap<String, Entry> = serde_json::from_slice(&text).ok()?;
    let mut others = Vec::new();
    for entry in list.values() {
        let Some(file) = &entry.file_name else { continue };
        for (key, name) in entry.columns.iter().chain(&entry.tags) {
            let is_read = READ.iter().any(|(known, names)| known == key && names.contains(&name.as_str()));
            if !is_read {
                others.push(format!("`{key}` of {file} {name:?}"));
            }
        }
    }
    (!others.is_empty()).then(|| {
        format!(
            "{RENAMES} {}: records are read by their own names alone, so that these fields are in `extra`, or their file is passed \
             over: give them the usual names, or read the file by a map",
            others.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_not_read_are_said_and_a_list_of_the_usual_ones_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let said = |text: &str| {
            let path = dir.path().join("dataset_info.json");
            std::fs::write(&path, text).unwrap();
            renames(&path)
        };
        let said_of =
            |columns: &str| said(&format!(r#"{{"a":{{"file_name":"a.json","columns":{columns}}},"b":{{}}}}"#));
        assert_eq!(said_of(r#"{"messages":"conversations","images":"images","kto_tag":"label"}"#), None);
        assert_eq!(said(r#"{"features":{"id":{"dtype":"string"}},"splits":{}}"#), None);
        assert_eq!(said("[1]"), None);
        let told = said_of(r#"{"chosen":"good","rejected":"rejected"}"#).unwrap();
        assert!(told.contains("calls `chosen` of a.json \"good\":"), "{told}");
    }
}
