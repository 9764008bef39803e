//! The `alternatives` of conversations.

use super::leaf::{Dict, Number};
use super::list::{Lists, part_of};
use super::load::Load;
use super::media::{Grounding, Media};
use super::turns::Turns;
use crate::error::Result;
use crate::schema::rows::AlternativeRow;
use arrow_array::ArrayRef;
use arrow_array::types::Float64Type;
use arrow_schema::DataType;

/// Builds the column `alternatives`.
#[derive(Debug, Default)]
pub(super) struct Alternatives {
    lists: Lists,
    kind: Dict,
    turns: Turns,
    media: Media,
    grounding: Grounding,
    score: Number<Float64Type>,
    generator: Dict,
}

impl Alternatives {
    pub(super) fn measure(alternatives: &[AlternativeRow], load: &mut Load) {
        load.items(alternatives.len());
        for alternative in alternatives {
            load.name(&alternative.kind);
            load.name_opt(&alternative.generator);
            Turns::measure(&alternative.turns, load);
            Media::measure(&alternative.media, load);
            Grounding::measure(&alternative.grounding, load);
        }
    }

    pub(super) fn push(&mut self, alternatives: &[AlternativeRow]) {
        for alternative in alternatives {
            self.kind.push(&alternative.kind);
            self.turns.push(&alternative.turns);
            self.media.push(&alternative.media);
            self.grounding.push(&alternative.grounding);
            self.score.push_opt(alternative.score);
            self.generator.push_opt(&alternative.generator);
        }
        self.lists.end(alternatives.len());
    }

    pub(super) fn finish(&mut self, ty: &DataType) -> Result<ArrayRef> {
        let parts = vec![
            self.kind.finish()?,
            self.turns.finish(part_of(ty, "turns")?)?,
            self.media.finish(part_of(ty, "media")?)?,
            self.grounding.finish(part_of(ty, "grounding")?)?,
            self.score.finish(),
            self.generator.finish()?,
        ];
        self.lists.finish_structs(ty, parts)
    }
}
