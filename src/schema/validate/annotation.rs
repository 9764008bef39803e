//! Annotations.

use super::{
    Finding, Findings, ORIGINS, STATUSES, all_finite, even, finite, id_and_source, json_object, not_empty, one_of_opt,
    stretch,
};
use crate::error::Result;
use crate::schema::rows::{AnnotationRow, LabelRow, RegionRow};

/// Checks an annotation.
///
/// # Errors
/// `Invalid`, naming the field.
pub fn check_annotation(row: &AnnotationRow) -> Result<Vec<Finding>> {
    json_object("extra", &row.extra)?;
    check_annotation_columns(row)
}

/// The same of an annotation whose `extra` was put together out of JSON that was read, so that it is an object.
///
/// # Errors
/// `Invalid`, naming the field.
pub(crate) fn check_annotation_columns(row: &AnnotationRow) -> Result<Vec<Finding>> {
    let mut findings = Findings::default();
    id_and_source(&row.id, &row.source)?;
    one_of_opt("status", &row.status, &STATUSES)?;
    one_of_opt("origin", &row.origin, &ORIGINS)?;
    stretch("", row.start, row.end)?;
    for (i, label) in row.labels.iter().enumerate() {
        check_label(i, label)?;
    }
    for (i, region) in row.regions.iter().enumerate() {
        check_region(i, region, &mut findings)?;
    }
    debug_assert!(json_object("extra", &row.extra).is_ok(), "{:?}", row.extra);
    Ok(findings.0)
}

fn check_label(i: usize, label: &LabelRow) -> Result<()> {
    not_empty(format_args!("labels[{i}].axis"), &label.axis)?;
    finite(format_args!("labels[{i}].value"), label.value)
}

fn check_region(i: usize, region: &RegionRow, findings: &mut Findings) -> Result<()> {
    if let Some(bbox) = &region.bbox {
        all_finite(format_args!("regions[{i}].box"), bbox)?;
        findings.box_coords(format_args!("regions[{i}].box"), bbox);
    }
    for (j, outline) in region.polygons.iter().flatten().enumerate() {
        all_finite(format_args!("regions[{i}].polygons[{j}]"), outline)?;
        even(format_args!("regions[{i}].polygons[{j}]"), outline)?;
        findings.outline(format_args!("regions[{i}].polygons[{j}]"), outline);
    }
    if let Some(score) = region.score {
        finite(format_args!("regions[{i}].score"), Some(f64::from(score)))?;
        if !(0.0..=1.0).contains(&score) {
            findings.add(format_args!("regions[{i}].score"), format_args!("{score} is not between 0 and 1"));
        }
    }
    for (j, track) in region.tracks.iter().enumerate() {
        not_empty(format_args!("regions[{i}].tracks[{j}].scope"), &track.scope)?;
    }
    Ok(())
}
