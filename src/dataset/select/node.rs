//! A condition resolved for a table: evaluated piece by piece, over whole columns.

use super::leaf::{NumberTest, TextMask, TextTest, any_in_lists, exists, members, truth_mask, unfit, valid};
use super::licence::LicenceTest;
use super::rows::Piece;
use super::selection::Selection;
use crate::error::Result;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, StructArray};
use arrow_buffer::BooleanBuffer;
use arrow_schema::DataType;
use std::collections::HashMap;

/// A condition on the rows of one table.
pub enum Node {
    All(bool),
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Column(ColumnTest),
    /// The row itself is one of these.
    Own(Selection),
    Licence(Box<LicenceTest>),
}

/// A test on a column, or on a part of one.
pub struct ColumnTest {
    /// Which of the plan's columns.
    pub slot: usize,
    /// Which part of each struct on the way; lists are passed through.
    pub steps: Vec<usize>,
    pub leaf: Leaf,
}

/// What is asked at the end of a path.
pub enum Leaf {
    /// There is a value; of a list: an item.
    Exists,
    Text(TextTest, TextMask),
    Number(NumberTest),
    Truth(bool),
    /// How many items a list has.
    Length(NumberTest),
    /// An address of one of these rows.
    Members(Vec<Selection>),
    /// A label of an annotation.
    Label(Box<LabelTest>),
    /// A medium that shows a stretch of one of these videos.
    Clips(HashMap<i64, Vec<Stretch>>),
}

/// Seconds of a video, from and to.
pub type Stretch = (f64, f64);

/// A label on an axis (or on any) whose canonical name, or what the source wrote, passes a test (or any).
#[derive(Default)]
pub struct LabelTest {
    pub axis: Option<TextTest>,
    pub text: Option<TextTest>,
    masks: [TextMask; 3],
}

impl LabelTest {
    pub fn new(axis: Option<&str>, text: Option<TextTest>) -> Self {
        let axis = axis.map(|axis| TextTest::In([axis.to_owned()].into()));
        Self { axis, text, masks: Default::default() }
    }

    fn mask(&mut self, labels: &StructArray) -> Result<BooleanBuffer> {
        let part = |name: &str| labels.column_by_name(name).ok_or_else(unfit);
        let [axes, names, raws] = &mut self.masks;
        let mut mask = BooleanBuffer::new_set(labels.len());
        if let Some(axis) = &self.axis {
            mask = &mask & &axes.mask(axis, part("axis")?)?;
        }
        if let Some(text) = &self.text {
            let either = &names.mask(text, part("label")?)? | &raws.mask(text, part("raw")?)?;
            mask = &mask & &either;
        }
        Ok(mask)
    }
}

impl Node {
    /// The rows of a piece that the condition holds for.
    ///
    /// # Errors
    /// `Corrupt`, `Purged` when a column cannot be read.
    pub fn mask(&mut self, piece: &Piece<'_>) -> Result<BooleanBuffer> {
        match self {
            Self::All(true) => Ok(BooleanBuffer::new_set(piece.len())),
            Self::All(false) => Ok(BooleanBuffer::new_unset(piece.len())),
            Self::Not(node) => Ok(!&node.mask(piece)?),
            Self::And(nodes) => {
                let mut mask = BooleanBuffer::new_set(piece.len());
                for node in nodes {
                    mask = &mask & &node.mask(piece)?;
                    // What no row needs any more is not read.
                    if !mask.has_true() {
                        break;
                    }
                }
                Ok(mask)
            }
            Self::Or(nodes) => {
                let mut mask = BooleanBuffer::new_unset(piece.len());
                for node in nodes {
                    mask = &mask | &node.mask(piece)?;
                    if !mask.has_false() {
                        break;
                    }
                }
                Ok(mask)
            }
            Self::Column(test) => part_mask(&piece.column(test.slot)?, &test.steps, &mut test.leaf),
            Self::Own(selection) => {
                Ok(BooleanBuffer::collect_bool(piece.len(), |row| selection.contains(piece.address(row))))
            }
            Self::Licence(test) => test.mask(piece),
        }
    }

    /// How much reading it costs, for doing the cheap parts first.
    pub fn cost(&self, column: &dyn Fn(usize) -> u32) -> u32 {
        match self {
            Self::All(_) => 0,
            Self::Own(_) => 1,
            Self::And(nodes) | Self::Or(nodes) => nodes.iter().map(|node| node.cost(column)).sum(),
            Self::Not(node) => node.cost(column),
            Self::Column(test) => column(test.slot),
            Self::Licence(_) => 100,
        }
    }
}

fn part_mask(array: &ArrayRef, steps: &[usize], leaf: &mut Leaf) -> Result<BooleanBuffer> {
    match array.data_type() {
        DataType::List(_) => {
            let list = array.as_list_opt::<i32>().ok_or_else(unfit)?;
            let offsets = list.value_offsets();
            let length = |row: usize| i128::from(offsets[row + 1] - offsets[row]);
            let mask = match leaf {
                Leaf::Exists if steps.is_empty() => BooleanBuffer::collect_bool(list.len(), |row| length(row) > 0),
                Leaf::Length(test) if steps.is_empty() => {
                    BooleanBuffer::collect_bool(list.len(), |row| test.holds_whole(length(row)))
                }
                leaf => {
                    let (first, last) = (offsets[0] as usize, offsets[list.len()] as usize);
                    let items = list.values().slice(first, last - first);
                    any_in_lists(offsets, &part_mask(&items, steps, leaf)?)
                }
            };
            Ok(valid(list, mask))
        }
        DataType::FixedSizeList(_, len) if !matches!(leaf, Leaf::Exists) || !steps.is_empty() => {
            let list = array.as_fixed_size_list_opt().ok_or_else(unfit)?;
            let (len, items) = (*len as usize, part_mask(list.values(), steps, leaf)?);
            let any = |row: usize| (row * len..(row + 1) * len).any(|item| items.value(item));
            Ok(valid(list, BooleanBuffer::collect_bool(list.len(), any)))
        }
        DataType::Struct(_) => {
            let whole = array.as_struct_opt().ok_or_else(unfit)?;
            let mask = match (steps, leaf) {
                ([step, rest @ ..], leaf) => part_mask(whole.columns().get(*step).ok_or_else(unfit)?, rest, leaf)?,
                ([], Leaf::Label(test)) => test.mask(whole)?,
                ([], Leaf::Clips(videos)) => clips(videos, whole)?,
                ([], _) => exists(array),
            };
            Ok(valid(whole, mask))
        }
        _ => leaf_mask(array, leaf),
    }
}

fn leaf_mask(array: &ArrayRef, leaf: &mut Leaf) -> Result<BooleanBuffer> {
    match leaf {
        Leaf::Exists => Ok(exists(array)),
        Leaf::Text(test, mask) => mask.mask(test, array),
        Leaf::Number(test) => test.mask(array),
        Leaf::Truth(wanted) => truth_mask(array, *wanted),
        Leaf::Members(rows) => members(array, |address| rows.iter().any(|rows| rows.contains(address))),
        Leaf::Length(_) | Leaf::Label(_) | Leaf::Clips(_) => Err(unfit()),
    }
}

/// The media that show a video within one of its stretches.
fn clips(videos: &HashMap<i64, Vec<Stretch>>, media: &StructArray) -> Result<BooleanBuffer> {
    let part = |name: &str| media.column_by_name(name).ok_or_else(unfit);
    let refs = part("refs")?.as_list_opt::<i32>().ok_or_else(unfit)?;
    let seconds = |name: &str| part(name)?.as_primitive_opt::<Float64Type>().ok_or_else(unfit);
    let (starts, ends) = (seconds("start")?, seconds("end")?);
    let (offsets, shown) = (refs.value_offsets(), refs.values().as_primitive_opt::<Int64Type>().ok_or_else(unfit)?);
    Ok(BooleanBuffer::collect_bool(media.len(), |row| {
        let start = if starts.is_valid(row) { starts.value(row) } else { f64::NEG_INFINITY };
        let end = if ends.is_valid(row) { ends.value(row) } else { f64::INFINITY };
        (offsets[row] as usize..offsets[row + 1] as usize).any(|at| {
            let stretches = videos.get(&shown.value(at)).map_or(&[][..], Vec::as_slice);
            stretches.iter().any(|stretch| overlap(*stretch, (start, end)))
        })
    }))
}

/// Whether two stretches have more than a border in common, or one is a moment within the other.
fn overlap(a: Stretch, b: Stretch) -> bool {
    let moment = a.0 == a.1 || b.0 == b.1;
    let (latest, first) = (a.0.max(b.0), a.1.min(b.1));
    latest < first || moment && latest == first
}

#[cfg(test)]
mod tests {
    use super::overlap;

    #[test]
    fn stretches_that_only_touch_do_not_overlap() {
        let always = (f64::NEG_INFINITY, f64::INFINITY);
        assert!(overlap((0.0, 10.0), (9.0, 20.0)) && overlap(always, (1.0, 2.0)) && overlap(always, always));
        assert!(!overlap((0.0, 10.0), (10.0, 20.0)) && !overlap((0.0, 1.0), (2.0, 3.0)));
        assert!(overlap((5.0, 5.0), (0.0, 10.0)) && overlap((5.0, 5.0), (5.0, 5.0)));
        assert!(!overlap((5.0, 5.0), (6.0, 7.0)));
    }
}
