//! The `labels` and the `regions` of annotations.

use super::leaf::{Boxes, Dict, Number, Ref};
use super::list::{Lists, item_of, part_of};
use super::load::Load;
use crate::error::Result;
use crate::schema::rows::{LabelRow, RegionRow, TrackRow};
use arrow_array::ArrayRef;
use arrow_array::types::{Float32Type, Float64Type, Int64Type};
use arrow_schema::DataType;

/// Builds the column `labels`.
#[derive(Debug, Default)]
pub(super) struct Labels {
    lists: Lists,
    axis: Dict,
    label: Dict,
    raw: Dict,
    value: Number<Float64Type>,
}

impl Labels {
    pub(super) fn measure(labels: &[LabelRow], load: &mut Load) {
        load.items(labels.len());
        for label in labels {
            load.name(&label.axis);
            load.name_opt(&label.label);
            load.name(&label.raw);
        }
    }

    pub(super) fn push(&mut self, labels: &[LabelRow]) {
        for label in labels {
            self.axis.push(&label.axis);
            self.label.push_opt(&label.label);
            self.raw.push(&label.raw);
            self.value.push_opt(label.value);
        }
        self.lists.end(labels.len());
    }

    pub(super) fn finish(&mut self, ty: &DataType) -> Result<ArrayRef> {
        let parts = vec![self.axis.finish()?, self.label.finish()?, self.raw.finish()?, self.value.finish()];
        self.lists.finish_structs(ty, parts)
    }
}

/// Builds the column `regions`.
#[derive(Debug, Default)]
pub(super) struct Regions {
    lists: Lists,
    role: Dict,
    bbox: Boxes,
    mask: Ref,
    polygons: Polygons,
    score: Number<Float32Type>,
    tracks: Tracks,
}

impl Regions {
    pub(super) fn measure(regions: &[RegionRow], load: &mut Load) {
        load.items(regions.len());
        for region in regions {
            load.name_opt(&region.role);
            for polygon in region.polygons.iter().flatten() {
                load.items(polygon.len().saturating_add(1));
            }
            load.items(region.tracks.len());
            for track in &region.tracks {
                load.name(&track.scope);
            }
        }
    }

    pub(super) fn push(&mut self, regions: &[RegionRow]) {
        for region in regions {
            self.role.push_opt(&region.role);
            self.bbox.push_opt(&region.bbox);
            self.mask.push_address_opt(region.mask);
            self.polygons.push(&region.polygons);
            self.score.push_opt(region.score);
            self.tracks.push(&region.tracks);
        }
        self.lists.end(regions.len());
    }

    pub(super) fn finish(&mut self, ty: &DataType) -> Result<ArrayRef> {
        let parts = vec![
            self.role.finish()?,
            self.bbox.finish()?,
            self.mask.finish(),
            self.polygons.finish(part_of(ty, "polygons")?)?,
            self.score.finish(),
            self.tracks.finish(part_of(ty, "tracks")?)?,
        ];
        self.lists.finish_structs(ty, parts)
    }
}

#[derive(Debug, Default)]
struct Polygons {
    lists: Lists,
    outlines: Lists,
    numbers: Number<Float32Type>,
}

impl Polygons {
    fn push(&mut self, polygons: &Option<Vec<Vec<f32>>>) {
        let Some(polygons) = polygons else {
            return self.lists.null();
        };
        for outline in polygons {
            self.numbers.extend(outline);
            self.outlines.end(outline.len());
        }
        self.lists.end(polygons.len());
    }

    fn finish(&mut self, ty: &DataType) -> Result<ArrayRef> {
        let outlines = self.outlines.finish(item_of(ty)?.data_type(), self.numbers.finish())?;
        self.lists.finish(ty, outlines)
    }
}

#[derive(Debug, Default)]
struct Tracks {
    lists: Lists,
    scope: Dict,
    id: Number<Int64Type>,
}

impl Tracks {
    fn push(&mut self, tracks: &[TrackRow]) {
        for track in tracks {
            self.scope.push(&track.scope);
            self.id.push(track.id);
        }
        self.lists.end(tracks.len());
    }

    fn finish(&mut self, ty: &DataType) -> Result<ArrayRef> {
        let parts = vec![self.scope.finish()?, self.id.finish()];
        self.lists.finish_structs(ty, parts)
    }
}
