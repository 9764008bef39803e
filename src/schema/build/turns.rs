//! The `turns` of conversations and of their other endings.

use super::leaf::{Dict, Text};
use super::list::Lists;
use super::load::Load;
use crate::error::Result;
use crate::schema::rows::TurnRow;
use arrow_array::ArrayRef;
use arrow_schema::DataType;

/// Builds a column of lists of turns.
#[derive(Debug, Default)]
pub(super) struct Turns {
    lists: Lists,
    role: Dict,
    text: Text,
    name: Text,
    extra: Text,
}

impl Turns {
    pub(super) fn measure(turns: &[TurnRow], load: &mut Load) {
        load.items(turns.len());
        for turn in turns {
            load.name(&turn.role);
            load.text(&turn.text);
            load.text_opt(&turn.name);
            load.text_opt(&turn.extra);
        }
    }

    pub(super) fn push(&mut self, turns: &[TurnRow]) {
        for turn in turns {
            self.role.push(&turn.role);
            self.text.push(&turn.text);
            self.name.push_opt(&turn.name);
            self.extra.push_opt(&turn.extra);
        }
        self.lists.end(turns.len());
    }

    pub(super) fn finish(&mut self, ty: &DataType) -> Result<ArrayRef> {
        let parts = vec![self.role.finish()?, self.text.finish(), self.name.finish(), self.extra.finish()];
        self.lists.finish_structs(ty, parts)
    }
}
