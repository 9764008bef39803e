//! The pass over annotations.

use super::groups::{Counts, count, with};
use crate::dataset::Annotation;
use crate::error::Result;
use std::collections::BTreeMap;

/// What annotations are like.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct AnnotationStats {
    /// How many there are.
    pub count: u64,
    /// By source.
    pub sources: Counts,
    /// By the part of a split that they are in.
    pub splits: Counts,
    /// By origin.
    pub origins: Counts,
    /// By status: `single`, `consensus`, `adjudicated`.
    pub statuses: Counts,
    /// Those of a stretch of a video, and not of a picture or of a whole video.
    pub stretches: u64,
    /// Boxes in pictures.
    pub boxes: u64,
    /// Masks of regions.
    pub masks: u64,
    /// Regions with outlines.
    pub outlines: u64,
    /// What they say, axis by axis.
    pub labels: BTreeMap<String, Labels>,
}

/// The labels of one axis.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Labels {
    /// How often each stands there: by its canonical name, or by what the source wrote where none is known.
    pub counts: Counts,
    /// How many of them have no canonical name.
    pub raw: u64,
}

impl AnnotationStats {
    pub(super) fn add(&mut self, annotation: &Annotation<'_>) -> Result<()> {
        self.count += 1;
        count(&mut self.sources, Some(annotation.source()?));
        count(&mut self.splits, annotation.split()?);
        count(&mut self.origins, annotation.origin()?);
        count(&mut self.statuses, annotation.status()?);
        self.stretches += u64::from(annotation.start()?.is_some() || annotation.end()?.is_some());
        for label in annotation.labels()?.iter() {
            with(&mut self.labels, label.axis(), |labels| {
                labels.raw += u64::from(label.label().is_none());
                count(&mut labels.counts, Some(label.label().unwrap_or(label.raw())));
            });
        }
        for region in annotation.regions()?.iter() {
            self.boxes += u64::from(region.bbox().is_some());
            self.masks += u64::from(region.mask().is_some());
            self.outlines += u64::from(region.polygons().is_some_and(|polygons| !polygons.is_empty()));
        }
        Ok(())
    }
}
