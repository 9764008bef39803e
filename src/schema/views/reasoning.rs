//! The reasoning of a conversation: a forest.

use super::Cell;
use super::lists::{Boxes, Names, Numbers, Span, Structs, Texts, check_addresses, list, list_methods};
use super::read::address_of;
use crate::error::{Error, Result};
use crate::format::address::Address;
use crate::schema::forest;
use crate::schema::rows::{BoxCoords, EvidenceRow, ReasoningRow};
use arrow_array::ListArray;
use arrow_array::types::{Float64Type, Int8Type, Int32Type, Int64Type};
use std::fmt;
use std::ops::Range;

/// A forest of reasoning steps in pre-order, checked to be one. Nodes are counted from 0 within the conversation.
///
/// Its `Display` is an indented tree, a line a node.
#[derive(Clone, Copy, Debug)]
pub struct Reasoning<'a> {
    span: Span,
    turn: Numbers<'a, Int32Type>,
    parent: Numbers<'a, Int32Type>,
    subtree_end: Numbers<'a, Int32Type>,
    level: Numbers<'a, Int8Type>,
    kind: Names<'a>,
    origin: Names<'a>,
    text: Texts<'a>,
    lists: &'a ListArray,
    evidence: EvidenceList<'a>,
}

list_methods!(Reasoning of Node);

impl<'a> Reasoning<'a> {
    pub(super) fn of_cell(cell: Cell<'a>) -> Result<Self> {
        let (items, span) = list(cell)?;
        let parts = Structs::new(items)?;
        let lists = parts.list(7)?;
        let reasoning = Self {
            span,
            turn: parts.number(0)?,
            parent: parts.number(1)?,
            subtree_end: parts.number(2)?,
            level: parts.number(3)?,
            kind: parts.dict(4)?,
            origin: parts.dict(5)?,
            text: parts.text(6)?,
            lists,
            evidence: EvidenceList::of_items(lists)?,
        };
        reasoning.check()?;
        Ok(reasoning)
    }

    fn check(&self) -> Result<()> {
        let Span { start, len } = self.span;
        forest::check(len, |i| (self.parent.get(start + i), self.subtree_end.plain(start + i)))
            .map_err(|error| Error::corrupt(error.message()))?;
        self.iter().try_for_each(|node| check_addresses(node.evidence().address_values()))
    }

    /// The node with this number.
    pub fn node(&self, number: usize) -> Option<Node<'a>> {
        self.get(number)
    }

    /// The nodes without a parent.
    pub fn roots(&self) -> Children<'a> {
        Children { list: *self, next: 0, end: self.len() }
    }

    /// The nodes right below this one.
    pub fn children(&self, number: usize) -> Children<'a> {
        let subtree = self.subtree(number);
        Children { list: *self, next: subtree.start.saturating_add(1), end: subtree.end }
    }

    /// The parent of this node.
    pub fn parent(&self, number: usize) -> Option<usize> {
        self.node(number)?.parent()
    }

    /// The node and all below it: a stretch of the list. Empty where there is no such node.
    pub fn subtree(&self, number: usize) -> Range<usize> {
        match self.node(number) {
            Some(node) => number..node.subtree_end(),
            None => number..number,
        }
    }

    /// From this node up to its root, both included.
    pub fn path(&self, number: usize) -> Path<'a> {
        Path { list: *self, next: Some(number).filter(|number| *number < self.len()) }
    }

    /// The nodes of this level: 1 perceptual grounding, 2 relational understanding, 3 contextual reasoning.
    pub fn level(&self, level: i8) -> impl DoubleEndedIterator<Item = Node<'a>> + Clone + use<'a> {
        self.iter().filter(move |node| node.level() == Some(level))
    }

    /// Owned copies.
    pub fn to_rows(&self) -> Vec<ReasoningRow> {
        self.iter().map(|node| node.to_row()).collect()
    }
}

/// Indentation stops here, so that a chain of a million nodes prints in bounded width.
const DEPTH_SHOWN: usize = 40;

impl fmt::Display for Reasoning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for node in self.iter() {
            let depth = self.path(node.number()).skip(1).take(DEPTH_SHOWN).count();
            write!(f, "{:1$}- ", "", 2 * depth)?;
            if let Some(level) = node.level() {
                write!(f, "[{level}] ")?;
            }
            if let Some(kind) = node.kind() {
                write!(f, "{kind}: ")?;
            }
            let mut lines = node.text().lines();
            writeln!(f, "{}", lines.next().unwrap_or_default())?;
            for line in lines {
                writeln!(f, "{:1$}{line}", "", 2 * depth + 2)?;
            }
        }
        Ok(())
    }
}

/// Nodes next to one another: the roots, or the children of one node.
#[derive(Clone, Copy, Debug)]
pub struct Children<'a> {
    list: Reasoning<'a>,
    next: usize,
    end: usize,
}

impl<'a> Iterator for Children<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Node<'a>> {
        if self.next >= self.end {
            return None;
        }
        let node = self.list.node(self.next)?;
        self.next = node.subtree_end();
        Some(node)
    }
}

/// The nodes from one up to its root.
#[derive(Clone, Copy, Debug)]
pub struct Path<'a> {
    list: Reasoning<'a>,
    next: Option<usize>,
}

impl<'a> Iterator for Path<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Node<'a>> {
        let node = self.list.node(self.next?)?;
        self.next = node.parent();
        Some(node)
    }
}

/// One step of reasoning.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    list: Reasoning<'a>,
    row: usize,
}

impl<'a> Node<'a> {
    /// Which node it is, counted from 0.
    pub fn number(&self) -> usize {
        self.row - self.list.span.start
    }

    /// The turn whose reasoning it is part of.
    pub fn turn(&self) -> i32 {
        self.list.turn.plain(self.row)
    }

    /// The number of its parent; none for a root.
    pub fn parent(&self) -> Option<usize> {
        self.list.parent.get(self.row).and_then(|parent| usize::try_from(parent).ok())
    }

    /// One past the last node of its subtree.
    pub fn subtree_end(&self) -> usize {
        usize::try_from(self.list.subtree_end.plain(self.row)).unwrap_or(0)
    }

    /// 1 perceptual grounding, 2 relational understanding, 3 contextual reasoning.
    pub fn level(&self) -> Option<i8> {
        self.list.level.get(self.row)
    }

    /// What kind of step it is.
    pub fn kind(&self) -> Option<&'a str> {
        self.list.kind.get(self.row)
    }

    /// `human`, `model`, `synthetic` or `derived`.
    pub fn origin(&self) -> Option<&'a str> {
        self.list.origin.get(self.row)
    }

    /// The node's part of the turn.
    pub fn text(&self) -> &'a str {
        self.list.text.get(self.row).unwrap_or_default()
    }

    /// What it points at.
    pub fn evidence(&self) -> EvidenceList<'a> {
        EvidenceList { span: Span::of(self.list.lists, self.row), ..self.list.evidence }
    }

    /// An owned copy.
    pub fn to_row(&self) -> ReasoningRow {
        ReasoningRow {
            turn: self.turn(),
            parent: self.list.parent.get(self.row),
            subtree_end: self.list.subtree_end.plain(self.row),
            level: self.level(),
            kind: self.kind().map(str::to_owned),
            origin: self.origin().map(str::to_owned),
            text: self.text().to_owned(),
            evidence: self.evidence().iter().filter_map(|evidence| evidence.to_row()).collect(),
        }
    }
}

/// What a step points at.
#[derive(Clone, Copy, Debug)]
pub struct EvidenceList<'a> {
    span: Span,
    address: Numbers<'a, Int64Type>,
    start: Numbers<'a, Float64Type>,
    end: Numbers<'a, Float64Type>,
    bbox: Boxes<'a>,
}

list_methods!(EvidenceList of Evidence);

impl<'a> EvidenceList<'a> {
    fn of_items(lists: &'a ListArray) -> Result<Self> {
        let parts = Structs::new(lists.values().as_ref())?;
        Ok(Self {
            span: Span { start: 0, len: 0 },
            address: parts.number(0)?,
            start: parts.number(1)?,
            end: parts.number(2)?,
            bbox: parts.boxes(3)?,
        })
    }

    fn address_values(&self) -> &'a [i64] {
        self.address.slice(self.span)
    }
}

/// One thing that a step points at.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    list: EvidenceList<'a>,
    row: usize,
}

impl Evidence<'_> {
    /// A frame, a video or an annotation. That it is an address was checked with the forest: it is never none.
    pub fn address(&self) -> Option<Address> {
        address_of(self.list.address.plain(self.row)).ok()
    }

    /// Seconds from the start of the video.
    pub fn start(&self) -> Option<f64> {
        self.list.start.get(self.row)
    }

    /// Seconds from the start of the video.
    pub fn end(&self) -> Option<f64> {
        self.list.end.get(self.row)
    }

    /// A box in the frame.
    pub fn bbox(&self) -> Option<BoxCoords> {
        self.list.bbox.get(self.row)
    }

    /// An owned copy.
    pub fn to_row(&self) -> Option<EvidenceRow> {
        Some(EvidenceRow { address: self.address()?, start: self.start(), end: self.end(), bbox: self.bbox() })
    }
}
