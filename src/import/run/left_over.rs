//! What is told once all inputs are read: files, cases, a split and a description that nothing came of.

use super::Run;
use super::provenance::unsaid;
use crate::error::Result;
use crate::import::format::Format;
use crate::import::inputs;
use crate::import::maps;
use crate::import::passed::PassedOver;
use crate::import::report::{At, Kind};
use crate::schema::tables::Table;
use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;

impl Run<'_> {
    /// The folders that were named and of which more than pictures and videos is read.
    pub(super) fn folders_with_records(&self) -> BTreeSet<PathBuf> {
        let of_records = self.inputs.iter().filter(|input| input.format != Some(Format::Media));
        of_records.filter_map(|input| input.folder.clone()).collect()
    }

    /// Tells which pictures and videos below these folders were named by nothing.
    pub(super) fn tell_unnamed(&mut self, folders: &BTreeSet<PathBuf>) -> Result<()> {
        let inputs: HashSet<PathBuf> = self.inputs.iter().map(|input| input.path.clone()).collect();
        let mut unnamed = PassedOver::default();
        let mut painted = maps::PaintedFolders::new("are not taken");
        for folder in folders {
            inputs::each_medium(folder, &mut |path, real, name| {
                let is_met = inputs.contains(path) || self.store.has_met(real) || self.store.has_met(path);
                if !is_met {
                    unnamed.note(name);
                    painted.meet(path, name, &mut self.report);
                }
            })?;
        }
        painted.finish(&mut self.report);
        let reason = "named by no record, and not taken; with --format media the folder's pictures and videos are, each \
                      by itself";
        unnamed.tell(reason, &mut self.report.ignored);
        Ok(())
    }

    /// Tells which patients of the list of cases the dataset has no case of.
    pub(super) fn tell_unmet_cases(&mut self) -> Result<()> {
        let Some(cases) = &self.options.cases else { return Ok(()) };
        let at = At { file: "the list of cases".into(), ..At::default() };
        for (name, patient) in cases.first_names() {
            if self.sink.lookup(Table::Cases, &self.options.source.id, patient)?.is_none() {
                let is_kept =
                    self.report.records.changed_kept > 0 || self.report.findings.contains_key(&Kind::ChangedRow);
                let what = if is_kept {
                    format!(
                        "no case is of {name:?} (the patient {patient:?}): what has changed was kept as it was, and may be \
                         theirs with --on-change replace; else, is the name spelt so?"
                    )
                } else {
                    format!("nothing here is of {name:?} (the patient {patient:?}): is the name spelt so?")
                };
                self.report.find(Kind::UnmetCase, &at, what);
            }
        }
        Ok(())
    }

    /// Tells what imports of the source before said of its paths, its patients and its times, and this one does not.
    pub(super) fn tell_unsaid(&mut self) {
        let brings = [Table::Frames, Table::Videos, Table::Conversations, Table::Annotations];
        if brings.iter().all(|table| self.new_rows(*table) == 0) {
            return;
        }
        let Some(source) = self.sink.dataset().manifest().source(&self.options.source.id) else { return };
        let unsaid: Vec<String> = unsaid(source, self.options);
        if !unsaid.is_empty() {
            let at = At { file: "what is said of the source".into(), ..At::default() };
            let what = format!(
                "{} when files of this source were imported before, and now it is not: what is new has no video, patient, \
                 number or time by it, and a split may tear a patient apart. Say it again (--source-file, --cases), here with \
                 --on-change replace",
                unsaid.join(", ")
            );
            self.report.find(Kind::OtherDescription, &at, what);
        }
    }

    /// Tells of a split that is said for records of which none can be put into one.
    pub(super) fn tell_unused_split(&mut self) {
        let Some(split) = self.options.source.defaults.split.as_deref() else { return };
        if self.has_records || self.report.records.read == 0 {
            return;
        }
        let at = At { file: "what is said of the source".into(), ..At::default() };
        let what = format!(
            "the split {split:?} was not used: it goes into a column of conversations or annotations, and none came. Rows of \
             other tables get one by surgdb column add DATASET frames SPLITS.csv, a file with the columns id and split"
        );
        self.report.find(Kind::UnusedSplit, &at, what);
    }
}
