//! A folder of inputs and a dataset to import them into.

use crate::dataset::Dataset;
use crate::error::Result;
use crate::format::address::Address;
use crate::import::{ImportOptions, ImportReport, SourceDescription, TableMap, import};
use crate::schema::rows::{AnnotationRow, FrameRow, VideoRow};
use crate::schema::tables::Table;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder of inputs, a dataset, and how the one is imported into the other, as the source `src`.
pub(in crate::import) struct Place {
    pub(in crate::import) dir: tempfile::TempDir,
    pub(in crate::import) options: ImportOptions,
}

impl Place {
    pub(in crate::import) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("in")).unwrap();
        Dataset::create(dir.path().join("d.surgdb")).unwrap();
        Self { dir, options: ImportOptions::new(SourceDescription::named("src")) }
    }

    pub(in crate::import) fn with_map(map: &str) -> Self {
        let mut place = Self::new();
        place.options.map = Some(Arc::new(TableMap::from_toml(map).unwrap()));
        place
    }

    pub(in crate::import) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    pub(in crate::import) fn folder(&self) -> PathBuf {
        self.dir.path().join("in")
    }

    pub(in crate::import) fn dataset(&self) -> Dataset {
        Dataset::open(self.dir.path().join("d.surgdb")).unwrap()
    }

    pub(in crate::import) fn import(&self, inputs: &[&Path]) -> Result<ImportReport> {
        let inputs: Vec<PathBuf> = inputs.iter().map(|path| path.to_path_buf()).collect();
        let report = import(&self.dataset(), &inputs, &self.options, &mut |_| {})?;
        assert!(report.records.add_up(), "{:?}", report.records);
        Ok(report)
    }

    /// Imports the folder, checks that a second time changes nothing and that all verifies, and gives the first report.
    pub(in crate::import) fn whole(&self) -> ImportReport {
        let report = self.import(&[&self.folder()]).unwrap();
        let again = self.import(&[&self.folder()]).unwrap();
        assert_eq!((again.records.unchanged, again.version), (again.records.read, None), "{:?}", again.records);
        assert!(self.dataset().verify(&mut |_, _| {}).unwrap().is_sound());
        report
    }

    pub(in crate::import) fn count(&self, table: Table) -> u64 {
        self.dataset().count(table).unwrap()
    }

    pub(in crate::import) fn found(&self, table: Table, id: &str) -> Address {
        self.dataset().find_in(table, "src", id).unwrap().unwrap_or_else(|| panic!("no {table} {id}"))
    }

    pub(in crate::import) fn annotation(&self, id: &str) -> AnnotationRow {
        self.dataset().annotation(self.found(Table::Annotations, id)).unwrap().to_row().unwrap()
    }

    pub(in crate::import) fn frame(&self, id: &str) -> FrameRow {
        self.dataset().frame(self.found(Table::Frames, id)).unwrap().to_row().unwrap()
    }

    pub(in crate::import) fn video(&self, id: &str) -> VideoRow {
        self.dataset().video(self.found(Table::Videos, id)).unwrap().to_row().unwrap()
    }
}
