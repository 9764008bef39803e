//! The labels and the regions of an annotation.

use super::Cell;
use super::lists::{Boxes, Names, Numbers, Span, Structs, list, list_methods};
use super::read::{address_of, other_type};
use crate::error::Result;
use crate::format::address::Address;
use crate::schema::rows::{BoxCoords, LabelRow, RegionRow, TrackRow};
use arrow_array::types::{Float32Type, Float64Type, Int64Type};
use arrow_array::{Array, ListArray};

/// What an annotation says, axis by axis.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'a> {
    span: Span,
    axis: Names<'a>,
    label: Names<'a>,
    raw: Names<'a>,
    value: Numbers<'a, Float64Type>,
}

list_methods!(Labels of Label);

impl<'a> Labels<'a> {
    pub(super) fn of_cell(cell: Cell<'a>) -> Result<Self> {
        let (items, span) = list(cell)?;
        let parts = Structs::new(items)?;
        Ok(Self { span, axis: parts.dict(0)?, label: parts.dict(1)?, raw: parts.dict(2)?, value: parts.number(3)? })
    }

    /// Owned copies.
    pub fn to_rows(&self) -> Vec<LabelRow> {
        self.iter().map(|label| label.to_row()).collect()
    }
}

/// A label on one axis.
#[derive(Clone, Copy, Debug)]
pub struct Label<'a> {
    list: Labels<'a>,
    row: usize,
}

impl<'a> Label<'a> {
    /// `phase`, `step`, `instrument`, `verb`, `target`, `triplet`, `safety/<protocol>/<criterion>`, …
    pub fn axis(&self) -> &'a str {
        self.list.axis.get(self.row).unwrap_or_default()
    }

    /// The canonical name, where one is known.
    pub fn label(&self) -> Option<&'a str> {
        self.list.label.get(self.row)
    }

    /// What the source wrote.
    pub fn raw(&self) -> &'a str {
        self.list.raw.get(self.row).unwrap_or_default()
    }

    /// A number that goes with it: a score, a grade.
    pub fn value(&self) -> Option<f64> {
        self.list.value.get(self.row)
    }

    /// An owned copy.
    pub fn to_row(&self) -> LabelRow {
        LabelRow {
            axis: self.axis().to_owned(),
            label: self.label().map(str::to_owned),
            raw: self.raw().to_owned(),
            value: self.value(),
        }
    }
}

/// Where in the picture an annotation is.
#[derive(Clone, Copy, Debug)]
pub struct Regions<'a> {
    span: Span,
    role: Names<'a>,
    bbox: Boxes<'a>,
    mask: Numbers<'a, Int64Type>,
    polygons: &'a ListArray,
    outlines: &'a ListArray,
    coordinates: Numbers<'a, Float32Type>,
    score: Numbers<'a, Float32Type>,
    track_lists: &'a ListArray,
    tracks: Tracks<'a>,
}

list_methods!(Regions of Region);

impl<'a> Regions<'a> {
    pub(super) fn of_cell(cell: Cell<'a>) -> Result<Self> {
        let (items, span) = list(cell)?;
        let parts = Structs::new(items)?;
        let polygons = parts.list(3)?;
        let outlines: &ListArray =
            polygons.values().as_any().downcast_ref().ok_or_else(|| other_type(polygons.values()))?;
        let track_lists = parts.list(5)?;
        let regions = Self {
            span,
            role: parts.dict(0)?,
            bbox: parts.boxes(1)?,
            mask: parts.number(2)?,
            polygons,
            outlines,
            coordinates: Numbers::of_items(outlines.values().as_ref())?,
            score: parts.number(4)?,
            track_lists,
            tracks: Tracks::of_items(track_lists)?,
        };
        let masks = span.range().filter_map(|row| regions.mask.get(row));
        for mask in masks {
            address_of(mask)?;
        }
        Ok(regions)
    }

    /// Owned copies.
    pub fn to_rows(&self) -> Vec<RegionRow> {
        self.iter().map(|region| region.to_row()).collect()
    }
}

/// One place in a picture.
#[derive(Clone, Copy, Debug)]
pub struct Region<'a> {
    list: Regions<'a>,
    row: usize,
}

impl<'a> Region<'a> {
    /// `instrument`, `target`, …
    pub fn role(&self) -> Option<&'a str> {
        self.list.role.get(self.row)
    }

    /// A box: x0, y0, x1, y1, normalised 0–1.
    pub fn bbox(&self) -> Option<BoxCoords> {
        self.list.bbox.get(self.row)
    }

    /// The frame that is its mask.
    pub fn mask(&self) -> Option<Address> {
        self.list.mask.get(self.row).and_then(|mask| Address::new(mask).ok())
    }

    /// Outlines, where it has some.
    pub fn polygons(&self) -> Option<Polygons<'a>> {
        let Regions { polygons, outlines, coordinates, .. } = self.list;
        let known = self.row < polygons.len() && polygons.is_valid(self.row);
        known.then(|| Polygons { span: Span::of(polygons, self.row), outlines, coordinates })
    }

    /// How sure the annotator was, 0–1.
    pub fn score(&self) -> Option<f32> {
        self.list.score.get(self.row)
    }

    /// Which tracks it is part of.
    pub fn tracks(&self) -> Tracks<'a> {
        Tracks { span: Span::of(self.list.track_lists, self.row), ..self.list.tracks }
    }

    /// An owned copy.
    pub fn to_row(&self) -> RegionRow {
        RegionRow {
            role: self.role().map(str::to_owned),
            bbox: self.bbox(),
            mask: self.mask(),
            polygons: self.polygons().map(|polygons| polygons.iter().map(<[f32]>::to_vec).collect()),
            score: self.score(),
            tracks: self.tracks().iter().map(|track| track.to_row()).collect(),
        }
    }
}

/// Outlines: x, y, x, y, …, normalised 0–1.
#[derive(Clone, Copy, Debug)]
pub struct Polygons<'a> {
    span: Span,
    outlines: &'a ListArray,
    coordinates: Numbers<'a, Float32Type>,
}

impl<'a> Polygons<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.span.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.span.len == 0
    }

    /// The one with this number, counted from 0.
    pub fn get(&self, number: usize) -> Option<&'a [f32]> {
        self.span.at(number).map(|row| self.coordinates.slice(Span::of(self.outlines, row)))
    }

    /// All of them in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &'a [f32]> + ExactSizeIterator + Clone + use<'a> {
        let Self { span, outlines, coordinates } = *self;
        span.range().map(move |row| coordinates.slice(Span::of(outlines, row)))
    }
}

/// The tracks that a region is part of.
#[derive(Clone, Copy, Debug)]
pub struct Tracks<'a> {
    span: Span,
    scope: Names<'a>,
    id: Numbers<'a, Int64Type>,
}

list_methods!(Tracks of Track);

impl<'a> Tracks<'a> {
    fn of_items(lists: &'a ListArray) -> Result<Self> {
        let parts = Structs::new(lists.values().as_ref())?;
        Ok(Self { span: Span { start: 0, len: 0 }, scope: parts.dict(0)?, id: parts.number(1)? })
    }
}

/// Membership in a track.
#[derive(Clone, Copy, Debug)]
pub struct Track<'a> {
    list: Tracks<'a>,
    row: usize,
}

impl<'a> Track<'a> {
    /// Within what the number identifies: `video`, `intracorporeal`, `visibility`, …
    pub fn scope(&self) -> &'a str {
        self.list.scope.get(self.row).unwrap_or_default()
    }

    /// The track's number.
    pub fn id(&self) -> i64 {
        self.list.id.plain(self.row)
    }

    /// An owned copy.
    pub fn to_row(&self) -> TrackRow {
        TrackRow { scope: self.scope().to_owned(), id: self.id() }
    }
}
