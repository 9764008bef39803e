//! Which patients a source's names mean, from a CSV: so that `VID68` of one source and `video68` of another are one.

use crate::error::{Error, Result};
use crate::import::list;
use crate::import::raw::ObjectText;
use crate::schema::rows::CaseRow;
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

/// How many rows a list may have.
const ROW_LIMIT: usize = 1 << 22;

/// Patients by the names that a source has for them or for their videos.
///
/// ```
/// let list = surgdb::import::CaseList::read("name,patient,institution\nVID68,c80-68,IHU\nvideo68,c80-68,IHU\n".as_bytes())?;
/// assert_eq!(list.of_name("VID68").unwrap().patient, "c80-68");
/// # Ok::<(), surgdb::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaseList {
    cases: Vec<ListedCase>,
    names: HashMap<String, usize>,
    patients: HashMap<String, usize>,
}

/// What a list says of a patient.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListedCase {
    /// The canonical key.
    pub patient: String,
    /// Where it was recorded.
    pub institution: Option<String>,
    /// The surgical specialty.
    pub specialty: Option<String>,
    /// The kind of operation.
    pub procedure: Option<String>,
    /// The recording device.
    pub device: Option<String>,
    /// What the patient agreed to.
    pub consent: Option<String>,
    /// Further columns, as a JSON object.
    pub extra: Option<String>,
}

impl CaseList {
    /// Reads a CSV file with the columns `name` and `patient`.
    ///
    /// # Errors
    /// `Io`, `NotFound` when it cannot be read; else as [`CaseList::read`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let unreadable = |error| Error::io("cannot read the list of cases", error).in_file(path);
        Self::read(std::fs::File::open(path).map_err(unreadable)?).map_err(|error| error.in_file(path))
    }

    /// Reads CSV text, with `,`, `;` or tabs between the columns.
    ///
    /// # Errors
    /// `Io` when it cannot be read; `Invalid` with the line where a column is not there, a value is empty, or a name means two patients.
    pub fn read(reader: impl Read) -> Result<Self> {
        let (mut reader, header) = list::open(reader, csv::Trim::All)?;
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        for needed in ["name", "patient"] {
            if header.iter().filter(|name| **name == needed).count() != 1 {
                return Err(Error::invalid(format!("the list of cases needs one column `{needed}`")).at_line(1));
            }
        }
        let mut cases = Self::default();
        let mut row = csv::StringRecord::new();
        while let Some(line) = list::next(&mut reader, &mut row)? {
            cases.add(&header, &row).map_err(|error| error.at_line(line))?;
        }
        Ok(cases)
    }

    fn add(&mut self, header: &[&str], row: &csv::StringRecord) -> Result<()> {
        let (mut name, mut case, mut extra) = ("", ListedCase::default(), ObjectText::default());
        for (column, value) in header.iter().zip(row).filter(|(_, value)| !value.is_empty()) {
            let field = match *column {
                "name" => {
                    name = value;
                    continue;
                }
                "patient" => {
                    value.clone_into(&mut case.patient);
                    continue;
                }
                "institution" => &mut case.institution,
                "specialty" => &mut case.specialty,
                "procedure" => &mut case.procedure,
                "device" => &mut case.device,
                "consent" => &mut case.consent,
                other => {
                    extra.text(other, value);
                    continue;
                }
            };
            *field = Some(value.to_owned());
        }
        case.extra = extra.finish();
        if name.is_empty() || case.patient.is_empty() {
            return Err(Error::invalid("a case needs both a name and a patient"));
        }
        if self.cases.len() >= ROW_LIMIT {
            return Err(Error::invalid(format!("more than {ROW_LIMIT} cases are too many for a list")));
        }
        if let Some(known) = self.of_name(name) {
            let message = format!("{name:?} means the patients {:?} and {:?}", known.patient, case.patient);
            return if known == &case { Ok(()) } else { Err(Error::invalid(message)) };
        }
        if let Some(known) = self.of_patient(&case.patient).filter(|known| **known != case) {
            let message = format!("two rows of the patient {:?} say different things", known.patient);
            return Err(Error::invalid(message));
        }
        self.names.insert(name.to_owned(), self.cases.len());
        self.patients.entry(case.patient.clone()).or_insert(self.cases.len());
        self.cases.push(case);
        Ok(())
    }

    /// The patient whom the source calls so, or whose video.
    pub fn of_name(&self, name: &str) -> Option<&ListedCase> {
        self.cases.get(*self.names.get(name)?)
    }

    /// The first name that the list has for each patient, and the patient's key.
    pub(super) fn first_names(&self) -> Vec<(&str, &str)> {
        let mut first: HashMap<&str, (usize, &str)> = HashMap::new();
        for (name, at) in &self.names {
            let Some(case) = self.cases.get(*at) else { continue };
            let known = first.entry(&case.patient).or_insert((*at, name));
            if *at < known.0 {
                *known = (*at, name);
            }
        }
        let mut names: Vec<_> = first.into_iter().map(|(patient, (at, name))| (at, name, patient)).collect();
        names.sort_unstable();
        names.into_iter().map(|(_, name, patient)| (name, patient)).collect()
    }

    /// What is said of the patient with this key.
    pub fn of_patient(&self, patient: &str) -> Option<&ListedCase> {
        self.cases.get(*self.patients.get(patient)?)
    }
}

impl ListedCase {
    /// Gives a case what is said of it.
    pub(super) fn fill(&self, row: &mut CaseRow) {
        for (cell, said) in [
            (&mut row.institution, &self.institution),
            (&mut row.specialty, &self.specialty),
            (&mut row.procedure, &self.procedure),
            (&mut row.device, &self.device),
            (&mut row.consent, &self.consent),
            (&mut row.extra, &self.extra),
        ] {
            if said.is_some() {
                cell.clone_from(said);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_contradict_themselves_are_refused_with_the_line() {
        for (text, message) in [
            ("name\nx\n", "line 1: the list of cases needs one column `patient`"),
            ("name,patient\nx,\n", "line 2: a case needs both a name and a patient"),
            ("name,patient\nx,1\nx,2\n", "line 3: \"x\" means the patients \"1\" and \"2\""),
            ("name,patient,device\nx,1,a\ny,1,b\n", "line 3: two rows of the patient \"1\" say different things"),
            ("name,patient\nx,1,2\n", "line 2: CSV error"),
        ] {
            let error = CaseList::read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
        for text in ["name;patient;site\nVID68;68;a, b\n", "name\tpatient\tsite\nVID68\t68\ta, b\n"] {
            let list = CaseList::read(text.as_bytes()).unwrap();
            assert_eq!(list.of_name("VID68").unwrap().extra.as_deref(), Some(r#"{"site":"a, b"}"#));
        }
        let list = CaseList::read("\u{feff}name,patient,site\r\nVID68, 68 ,x\r\nvideo68,68,x\r\n".as_bytes()).unwrap();
        assert_eq!(list.of_name("video68"), list.of_name("VID68"));
        assert_eq!(list.of_patient("68").unwrap().extra.as_deref(), Some(r#"{"site":"x"}"#));
    }
}
