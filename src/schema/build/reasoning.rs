//! The `reasoning` of conversations.

use super::leaf::{Boxes, Dict, Number, Ref, Text};
use super::list::{Lists, part_of};
use super::load::Load;
use crate::error::Result;
use crate::schema::rows::{EvidenceRow, ReasoningRow};
use arrow_array::ArrayRef;
use arrow_array::types::{Float64Type, Int8Type, Int32Type};
use arrow_schema::DataType;

/// Builds the column `reasoning`.
#[derive(Debug, Default)]
pub(super) struct Reasoning {
    lists: Lists,
    turn: Number<Int32Type>,
    parent: Number<Int32Type>,
    subtree_end: Number<Int32Type>,
    level: Number<Int8Type>,
    kind: Dict,
    origin: Dict,
    text: Text,
    evidence: Evidence,
}

impl Reasoning {
    pub(super) fn measure(nodes: &[ReasoningRow], load: &mut Load) {
        load.items(nodes.len());
        for node in nodes {
            load.name_opt(&node.kind);
            load.name_opt(&node.origin);
            load.text(&node.text);
            load.items(node.evidence.len());
        }
    }

    pub(super) fn push(&mut self, nodes: &[ReasoningRow]) {
        for node in nodes {
            self.turn.push(node.turn);
            self.parent.push_opt(node.parent);
            self.subtree_end.push(node.subtree_end);
            self.level.push_opt(node.level);
            self.kind.push_opt(&node.kind);
            self.origin.push_opt(&node.origin);
            self.text.push(&node.text);
            self.evidence.push(&node.evidence);
        }
        self.lists.end(nodes.len());
    }

    pub(super) fn finish(&mut self, ty: &DataType) -> Result<ArrayRef> {
        let parts = vec![
            self.turn.finish(),
            self.parent.finish(),
            self.subtree_end.finish(),
            self.level.finish(),
            self.kind.finish()?,
            self.origin.finish()?,
            self.text.finish(),
            self.evidence.finish(part_of(ty, "evidence")?)?,
        ];
        self.lists.finish_structs(ty, parts)
    }
}

#[derive(Debug, Default)]
struct Evidence {
    lists: Lists,
    address: Ref,
    start: Number<Float64Type>,
    end: Number<Float64Type>,
    bbox: Boxes,
}

impl Evidence {
    fn push(&mut self, evidence: &[EvidenceRow]) {
        for item in evidence {
            self.address.push_address(item.address);
            self.start.push_opt(item.start);
            self.end.push_opt(item.end);
            self.bbox.push_opt(&item.bbox);
        }
        self.lists.end(evidence.len());
    }

    fn finish(&mut self, ty: &DataType) -> Result<ArrayRef> {
        let parts = vec![self.address.finish(), self.start.finish(), self.end.finish(), self.bbox.finish()?];
        self.lists.finish_structs(ty, parts)
    }
}
