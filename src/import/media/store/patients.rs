//! Whose a picture or video is, as its path or its record says; and where nothing says it, though the source says what does.

use super::{CACHED, Store};
use crate::error::in_shell;
use crate::import::media::bytes::Out;
use crate::import::media::names::Named;
use crate::import::pattern::Pattern;
use crate::import::report::{At, ImportReport, Kind};
use crate::import::source::PatientFrom;
use crate::schema::tables::Table;
use unicode_normalization::UnicodeNormalization;

impl Store<'_> {
    /// The key of the patient that an item's path, or its record, speaks of.
    pub(crate) fn patient_of(&self, named: &Named<'_>, of_record: Option<&str>) -> Option<String> {
        let source = &self.options.source;
        let of_frame = || source.frame_pattern.as_ref().and_then(|pattern| named.read_by(pattern));
        let by_path = match &source.patient_from {
            Some(PatientFrom::Video) if named.table == Table::Videos => Some(named.stem()),
            Some(PatientFrom::Video) => of_frame().and_then(|names| names.video),
            Some(PatientFrom::Path(pattern)) => named.read_by(pattern).and_then(|names| names.patient),
            _ => of_frame().and_then(|names| names.patient),
        };
        by_path.map(|name| self.options.patient_key(name)).or_else(|| of_record.map(str::to_owned))
    }

    /// Tells of a new case whose patient is called as another of this import is, save for blanks at the ends or how accents
    /// are written.
    pub(super) fn tell_spelling(&mut self, patient: &str, out: &mut Out<'_>) {
        let spelling: String = patient.trim().nfc().collect();
        match self.patients.get(&spelling) {
            Some(before) if before != patient => {
                let message = format!(
                    "the patients {before:?} and {patient:?} are two, and their names look the same: they differ in blanks at the \
                     ends, or in how accents are written; a list of cases (--cases) makes them one"
                );
                out.report.find(Kind::Doubtful, out.at, message);
            }
            Some(_) => {}
            None => {
                if self.patients.len() >= CACHED {
                    self.patients.clear();
                }
                self.patients.insert(spelling, patient.to_owned());
            }
        }
    }

    /// Tells of a new picture or video that has no patient, where the source says what names them.
    pub(super) fn tell_no_patient(&self, named: &Named<'_>, out: &mut Out<'_>) {
        self.tell_nameless(named.place(), named.place_from_home(), out.at, out.report);
    }

    /// The same of what is called so, which is perhaps called otherwise from the home.
    pub(crate) fn tell_nameless(&self, name: &str, from_home: &str, at: &At, report: &mut ImportReport) {
        let source = &self.options.source;
        let why = match (&source.patient_from, &source.frame_pattern) {
            (None, _) => return,
            (Some(PatientFrom::Field(field)), _) => format!("its record has no field {field:?}"),
            (Some(PatientFrom::Path(pattern)), _) if from_home != name => {
                format!("neither that nor {from_home:?} matches {:?}", pattern.as_str())
            }
            (Some(PatientFrom::Path(pattern)), _) => format!("that does not match {:?}", pattern.as_str()),
            (Some(PatientFrom::Video), Some(pattern)) => {
                format!("the frame pattern {:?} reads no video from that", pattern.as_str())
            }
            (Some(PatientFrom::Video), None) => {
                "patients are named as videos are, and no frame pattern says which video that is of".to_owned()
            }
        };
        let patterns = match &source.patient_from {
            Some(PatientFrom::Path(pattern)) => Some(pattern),
            Some(PatientFrom::Video) => source.frame_pattern.as_ref(),
            _ => None,
        };
        let above = patterns.and_then(|pattern| self.read_from_above(pattern, from_home)).unwrap_or_default();
        report.find(Kind::NoPatient, at, format!("{name:?} is of no patient: {why}{above}"));
    }

    /// What to do where a path does not match, and would with the name of the folder that names start in: that of a patient,
    /// say, which was named itself.
    pub(super) fn read_from_above(&self, pattern: &Pattern, from_home: &str) -> Option<String> {
        let (folder, parent) = self.roots.folder_of_home()?;
        let whole = format!("{folder}/{from_home}");
        pattern.names(&whole)?;
        Some(format!(
            "; {whole:?} does, with the name of the folder itself: import it with --home {}, or that folder above, where the \
             dataset does not have these rows yet",
            in_shell(parent)
        ))
    }
}
