//! An annotation.

use super::regions::{Labels, Regions};
use super::{Cells, view};
use crate::error::Result;
use crate::format::address::Address;
use crate::schema::rows::AnnotationRow;
use crate::schema::tables::annotations;

view! {
    /// One annotator's statement.
    Annotation of Annotations, annotations;
    /// Unique within its source.
    id: ID as text -> &str;
    /// Where it comes from.
    source: SOURCE as dict -> &str;
    /// Who made the statement.
    annotator: ANNOTATOR as dict_opt -> Option<&str>;
    /// `single`, `consensus` or `adjudicated`.
    status: STATUS as dict_opt -> Option<&str>;
    /// `human`, `model`, `synthetic` or `derived`.
    origin: ORIGIN as dict_opt -> Option<&str>;
    /// The model's or method's name.
    generator: GENERATOR as dict_opt -> Option<&str>;
    /// The frame or video that it is about.
    target: TARGET as address -> Address;
    /// Seconds from the start of the video.
    start: START as f64_opt -> Option<f64>;
    /// Seconds from the start of the video.
    end: END as f64_opt -> Option<f64>;
    /// The annotation that it is part of.
    parent: PARENT as address_opt -> Option<Address>;
    /// A caption, a finding.
    text: TEXT as text_opt -> Option<&str>;
    /// What the source said beyond the columns: a JSON object.
    extra: EXTRA as text_opt -> Option<&str>;
    /// The digest of the record as it was imported.
    record: RECORD as record -> Option<[u8; 8]>;
}

impl<C: Cells> Annotation<C> {
    /// What it says, axis by axis.
    pub fn labels(&self) -> Result<Labels<'_>> {
        self.read(annotations::LABELS, Labels::of_cell)
    }

    /// Where it is.
    ///
    /// # Errors
    /// `Corrupt` when a mask is no address.
    pub fn regions(&self) -> Result<Regions<'_>> {
        self.read(annotations::REGIONS, Regions::of_cell)
    }

    /// An owned copy of the whole row.
    pub fn to_row(&self) -> Result<AnnotationRow> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Ok(AnnotationRow {
            id: self.id()?.to_owned(),
            source: self.source()?.to_owned(),
            annotator: owned(self.annotator()?),
            status: owned(self.status()?),
            origin: owned(self.origin()?),
            generator: owned(self.generator()?),
            target: self.target()?,
            start: self.start()?,
            end: self.end()?,
            parent: self.parent()?,
            text: owned(self.text()?),
            labels: self.labels()?.to_rows(),
            regions: self.regions()?.to_rows(),
            extra: owned(self.extra()?),
            record: self.record()?,
        })
    }
}
