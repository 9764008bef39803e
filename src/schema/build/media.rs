//! The `media` and the `grounding` of conversations, and of their other endings.

use super::leaf::{Dict, Flag, Number, Ref};
use super::list::{Lists, part_of};
use super::load::Load;
use crate::error::Result;
use crate::schema::rows::{GroundingRow, MediumRow};
use arrow_array::ArrayRef;
use arrow_array::types::{Float32Type, Float64Type, Int32Type, Int64Type};
use arrow_schema::DataType;

/// Builds a list of media.
#[derive(Debug, Default)]
pub(super) struct Media {
    lists: Lists,
    turn: Number<Int32Type>,
    at: Number<Int64Type>,
    output: Flag,
    refs: Lists,
    addresses: Ref,
    start: Number<Float64Type>,
    end: Number<Float64Type>,
    fps: Number<Float64Type>,
}

impl Media {
    pub(super) fn measure(media: &[MediumRow], load: &mut Load) {
        load.items(media.len());
        for medium in media {
            load.items(medium.refs.len());
        }
    }

    pub(super) fn push(&mut self, media: &[MediumRow]) {
        for medium in media {
            self.turn.push(medium.turn);
            self.at.push_opt(medium.at);
            self.output.push(medium.output);
            self.addresses.extend_addresses(&medium.refs);
            self.refs.end(medium.refs.len());
            self.start.push_opt(medium.start);
            self.end.push_opt(medium.end);
            self.fps.push_opt(medium.fps);
        }
        self.lists.end(media.len());
    }

    pub(super) fn finish(&mut self, ty: &DataType) -> Result<ArrayRef> {
        let parts = vec![
            self.turn.finish(),
            self.at.finish(),
            self.output.finish(),
            self.refs.finish(part_of(ty, "refs")?, self.addresses.finish())?,
            self.start.finish(),
            self.end.finish(),
            self.fps.finish(),
        ];
        self.lists.finish_structs(ty, parts)
    }
}

/// Builds a list of places in texts.
#[derive(Debug, Default)]
pub(super) struct Grounding {
    lists: Lists,
    turn: Number<Int32Type>,
    byte_start: Number<Int64Type>,
    byte_end: Number<Int64Type>,
    kind: Dict,
    media: Number<Int32Type>,
    values: Lists,
    numbers: Number<Float32Type>,
}

impl Grounding {
    pub(super) fn measure(grounding: &[GroundingRow], load: &mut Load) {
        load.items(grounding.len());
        for place in grounding {
            load.items(place.values.len());
            load.name(&place.kind);
        }
    }

    pub(super) fn push(&mut self, grounding: &[GroundingRow]) {
        for place in grounding {
            self.turn.push(place.turn);
            self.byte_start.push(place.byte_start);
            self.byte_end.push(place.byte_end);
            self.kind.push(&place.kind);
            self.media.push(place.media);
            self.numbers.extend(&place.values);
            self.values.end(place.values.len());
        }
        self.lists.end(grounding.len());
    }

    pub(super) fn finish(&mut self, ty: &DataType) -> Result<ArrayRef> {
        let parts = vec![
            self.turn.finish(),
            self.byte_start.finish(),
            self.byte_end.finish(),
            self.kind.finish()?,
            self.media.finish(),
            self.values.finish(part_of(ty, "values")?, self.numbers.finish())?,
        ];
        self.lists.finish_structs(ty, parts)
    }
}
