//! Compaction and verification: what is there before is there after, and nothing is found wrong.

mod common;

use common::contents::read_all;
use common::small::{Profile, build};
use surgdb::{Dataset, Table};

fn dataset(profile: Profile) -> (tempfile::TempDir, Dataset) {
    let dir = tempfile::tempdir().unwrap();
    let dataset = build(&dir.path().join("d.surgdb"), profile).unwrap();
    (dir, dataset)
}

#[test]
fn a_sound_dataset_has_no_faults() {
    for profile in Profile::ALL {
        let (_dir, dataset) = dataset(profile);
        let report = dataset.verify(&mut |_, _| {}).unwrap();
        assert!(report.is_sound(), "{profile:?}: {:#?}", report.faults);
        assert!(report.notes.is_empty(), "{profile:?}: {:#?}", report.notes);
        assert!(report.rows > 10 && report.references > 20, "{report:?}");
    }
}

#[test]
fn a_compacted_dataset_reads_the_same() {
    for profile in [Profile::Train, Profile::Packed] {
        let (_dir, before) = dataset(profile);
        let after = before.compact_with(profile.options()).unwrap();
        assert_eq!(after.version(), before.version() + 1);
        let (old, new) = (read_all(&before).unwrap(), read_all(&after).unwrap());
        assert!(old.by_row() == new.by_row(), "{old:#?}\n{new:#?}");
        for table in Table::ALL {
            assert_eq!(after.manifest().files_of(table.name()).len(), 1, "{table}");
        }
        assert!(after.manifest().files_of("conversations")[0].fragments.len() > 2);
        assert!(after.manifest().column("frames", "kind").is_none());
        assert_eq!(after.manifest().column("conversations", "split").unwrap().files.len(), 1);
        let report = after.verify(&mut |_, _| {}).unwrap();
        assert!(report.is_sound(), "{:#?}", report.faults);
        assert_eq!(after.compact().unwrap().version(), after.version());
    }
}
