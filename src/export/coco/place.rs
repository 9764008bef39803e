//! What of an annotation has a place in its picture and a name: that goes out, and the rest is told.

use super::mask::{self, Runs};
use super::numbers::Pixels;
use super::{Coco, Image};
use crate::error::Result;
use crate::schema::rows::{AnnotationRow, LabelRow, RegionRow};

/// Axes whose names are of things that are boxed each by itself.
const PLACED: [&str; 2] = ["instrument", "target"];

/// A region that COCO can hold.
pub(super) struct Place<'l> {
    /// The label that names its category.
    pub(super) label: &'l LabelRow,
    /// The size of its picture.
    pub(super) size: Pixels,
    pub(super) runs: Option<Runs>,
}

impl Coco<'_, '_> {
    /// The place of a region, or why the region is left out.
    ///
    /// # Errors
    /// `Corrupt`.
    pub(super) fn place<'l>(
        &mut self,
        row: &'l AnnotationRow,
        region: &RegionRow,
        image: &Image,
    ) -> Result<std::result::Result<Place<'l>, &'static str>> {
        if self.is_of_another_role(row, region) {
            return Ok(Err("regions of another role than the axis that was asked for"));
        }
        let Some(label) = self.label(row, region) else {
            return Ok(Err("annotations without a label on the axis that was asked for"));
        };
        let Some(size) = image.size else {
            return Ok(Err("annotations of pictures whose size is not known"));
        };
        let runs = region.mask.map(|mask| mask::runs(self.dataset, mask, size)).transpose()?;
        let runs = runs.and_then(|runs| runs.inspect_err(|reason| self.report.lose(*reason, 1)).ok());
        if region.bbox.is_none() && region.polygons.is_none() && runs.is_none() {
            return Ok(Err("annotations that say nothing about a place in the picture"));
        }
        Ok(Ok(Place { label, size, runs }))
    }

    /// Whether the axis that was asked for names what has a place of its own, and this is the place of something else:
    /// the box of the target is none of the instrument.
    fn is_of_another_role(&self, row: &AnnotationRow, region: &RegionRow) -> bool {
        let (Some(axis), Some(role)) = (self.axis, region.role.as_deref()) else { return false };
        let has_places =
            PLACED.contains(&axis) || row.regions.iter().any(|region| region.role.as_deref() == Some(axis));
        has_places && role != axis && row.labels.iter().any(|label| label.axis == role)
    }

    /// The label that names the category.
    fn label<'l>(&self, row: &'l AnnotationRow, region: &RegionRow) -> Option<&'l LabelRow> {
        let on = |axis: &str| row.labels.iter().find(|label| label.axis == axis);
        match self.axis {
            Some(axis) => on(axis),
            None => region.role.as_deref().and_then(on).or_else(|| row.labels.first()),
        }
    }
}
