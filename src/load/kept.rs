//! Which version a run stands on: the one with a tag, where another differs from it in tags alone.

use crate::dataset::{Dataset, versions};
use crate::error::Result;
use crate::format::manifest::{Manifest, Operation};

/// The dataset at the version that a run on it stands on. Giving a version a tag makes another version, which has the
/// same data and no tag; what is opened after that stands on the one with the tag.
///
/// # Errors
/// `Corrupt` or `Unsupported` when a manifest cannot be read.
pub(super) fn kept(dataset: &Dataset) -> Result<Dataset> {
    if !changes_tags(&dataset.manifest().operation) {
        return Ok(dataset.clone());
    }
    let root = dataset.path();
    let tags = versions::newest(root)?.tags;
    let is_tagged = |version| tags.values().any(|tagged| *tagged == version);
    let (mut version, mut operation) = (dataset.version(), dataset.manifest().operation.clone());
    while !is_tagged(version) {
        if !changes_tags(&operation) || version == 1 {
            return Ok(dataset.clone());
        }
        version -= 1;
        // One that is no longer kept cannot be stood on.
        let Ok(before) = versions::read(root, version) else { return Ok(dataset.clone()) };
        if !has_same_data(&before, dataset.manifest()) {
            return Ok(dataset.clone());
        }
        operation = before.operation;
    }
    dataset.at_version(version)
}

/// Whether an operation says that it changed nothing but tags.
fn changes_tags(operation: &Operation) -> bool {
    matches!(operation.kind.as_str(), "tag" | "untag")
}

/// Whether two versions differ in nothing but their tags, and in what made them.
fn has_same_data(one: &Manifest, other: &Manifest) -> bool {
    let of_data = |manifest: &Manifest| Manifest {
        version: 0,
        commit: String::new(),
        time: String::new(),
        operation: Operation::new(""),
        tags: Default::default(),
        ..manifest.clone()
    };
    of_data(one) == of_data(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_run_stands_on_the_tagged_version_where_none_but_tags_were_changed_since() {
        let dir = tempfile::tempdir().unwrap();
        let first = Dataset::create(dir.path().join("d.surgdb")).unwrap();
        let stands_on = |dataset: &Dataset| kept(dataset).unwrap().version();
        assert_eq!(stands_on(&first), 1);
        let second = first.tag("one").unwrap();
        let third = second.tag("two").unwrap();
        // Each with a tag stands on itself, and what came after on the nearest.
        assert_eq!([&first, &second, &third].map(stands_on), [1, 2, 2]);
        let fourth = third.untag("two").unwrap();
        assert_eq!([&first, &second, &third, &fourth].map(stands_on), [1, 1, 1, 1]);
        // Other data, whatever its commit is called.
        let mut appender = fourth.append().unwrap();
        appender
            .case(&crate::schema::rows::CaseRow { id: "c".into(), source: "s".into(), ..Default::default() })
            .unwrap();
        let fifth = appender.commit(Operation::new("tag")).unwrap();
        assert_eq!(stands_on(&fifth), 5);
        assert_eq!(stands_on(&fifth.tag("three").unwrap()), 5);
        let seventh = fifth.untag("three").unwrap();
        assert_eq!(stands_on(&seventh), 7);
        assert_eq!(seventh.at_version(99).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
