//! Conditions on cases and annotations, as conditions on the rows that belong to them.

use super::node::{Leaf, Node, Stretch};
use super::plan::Planner;
use super::selection::Selection;
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::format::Address;
use crate::schema::tables::{Table, annotations, conversations, frames, videos};
use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use std::collections::HashMap;

/// `media.refs`.
const MEDIA_REFS: (usize, [usize; 1]) = (conversations::MEDIA, [3]);
/// `alternatives.media`.
const ENDINGS_MEDIA: (usize, [usize; 1]) = (conversations::ALTERNATIVES, [2]);
/// `alternatives.media.refs`.
const ENDINGS_REFS: (usize, [usize; 2]) = (conversations::ALTERNATIVES, [2, 3]);

impl Planner<'_> {
    /// Rows of this table that belong to one of these cases: by their own `case`; where they have none, by that of
    /// their video or of what they show.
    pub(super) fn in_cases(&mut self, cases: &Selection) -> Result<Node> {
        let members = |rows: &Selection| Leaf::Members(vec![rows.clone()]);
        Ok(match self.table {
            Table::Videos => self.base(videos::CASE, &[], members(cases)),
            Table::Frames => {
                let of_video = Self::of_cases(self.dataset, Table::Videos, cases)?;
                let indirect = self.base(frames::VIDEO, &[], members(&of_video));
                self.own_case_or(frames::CASE, cases, indirect)
            }
            Table::Annotations => {
                let target = self.media_of(cases)?;
                self.base(annotations::TARGET, &[], Leaf::Members(target))
            }
            Table::Conversations => {
                let shown = self.media_of(cases)?;
                let indirect = self.shows(&shown);
                self.own_case_or(conversations::CASE, cases, indirect)
            }
            Table::Cases | Table::Blobs => {
                return Err(Error::invalid(format!("the rows of {} belong to no case", self.table)));
            }
        })
    }

    /// Conversations that show one of these rows, in their other endings too.
    pub(super) fn shows(&mut self, rows: &[Selection]) -> Node {
        let members = || Leaf::Members(rows.to_vec());
        Node::Or(vec![
            self.base(MEDIA_REFS.0, &MEDIA_REFS.1, members()),
            self.base(ENDINGS_REFS.0, &ENDINGS_REFS.1, members()),
        ])
    }

    fn own_case_or(&mut self, case: usize, cases: &Selection, indirect: Node) -> Node {
        let own = self.base(case, &[], Leaf::Members(vec![cases.clone()]));
        let has = self.base(case, &[], Leaf::Exists);
        Node::Or(vec![own, Node::And(vec![Node::Not(Box::new(has)), indirect])])
    }

    fn media_of(&self, cases: &Selection) -> Result<Vec<Selection>> {
        [Table::Frames, Table::Videos].map(|table| Self::of_cases(self.dataset, table, cases)).into_iter().collect()
    }

    fn of_cases(dataset: &Dataset, table: Table, cases: &Selection) -> Result<Selection> {
        let mut planner = Planner::new(dataset, table);
        let root = planner.in_cases(cases)?;
        planner.run(root, String::new())
    }

    /// Rows of this table that one of these annotations is about, or was made into: a conversation by its
    /// `annotations`, by the frames that it shows, and by stretches of the videos that it shows.
    pub(super) fn said(&mut self, said: &Selection) -> Result<Node> {
        let about = About::of(self.dataset, said)?;
        Ok(match self.table {
            Table::Frames => Node::Own(Selection::of(self.dataset, Table::Frames, about.frames)?),
            Table::Videos => {
                let videos = about.videos.keys().map(|video| Address::new(*video)).collect::<Result<Vec<_>>>()?;
                Node::Own(Selection::of(self.dataset, Table::Videos, videos)?)
            }
            _ => {
                let frames = Selection::of(self.dataset, Table::Frames, about.frames)?;
                Node::Or(vec![
                    self.base(conversations::ANNOTATIONS, &[], Leaf::Members(vec![said.clone()])),
                    self.shows(&[frames]),
                    self.base(conversations::MEDIA, &[], Leaf::Clips(about.videos.clone())),
                    self.base(ENDINGS_MEDIA.0, &ENDINGS_MEDIA.1, Leaf::Clips(about.videos)),
                ])
            }
        })
    }
}

/// What annotations are about.
#[derive(Default)]
struct About {
    frames: Vec<Address>,
    videos: HashMap<i64, Vec<Stretch>>,
}

impl About {
    fn of(dataset: &Dataset, said: &Selection) -> Result<Self> {
        let mut about = Self::default();
        if said.is_empty() {
            return Ok(about);
        }
        let wrong = || Error::corrupt("a column does not have the type that the schema gives it");
        for piece in dataset.scan(Table::Annotations).columns(["target", "start", "end"])?.batches() {
            let piece = piece?;
            let columns = piece.batch.columns();
            let targets = columns[0].as_primitive_opt::<Int64Type>().ok_or_else(wrong)?;
            let starts = columns[1].as_primitive_opt::<Float64Type>().ok_or_else(wrong)?;
            let ends = columns[2].as_primitive_opt::<Float64Type>().ok_or_else(wrong)?;
            for row in 0..targets.len() {
                if !said.contains(piece.address(row)?) {
                    continue;
                }
                let target = Address::new(targets.value(row)).map_err(|error| Error::corrupt(error.message()))?;
                if dataset.table_of(target)? == Table::Frames {
                    about.frames.push(target);
                    continue;
                }
                let start = if starts.is_valid(row) { starts.value(row) } else { f64::NEG_INFINITY };
                let end = if ends.is_valid(row) { ends.value(row) } else { f64::INFINITY };
                about.videos.entry(target.get()).or_default().push((start, end));
            }
        }
        Ok(about)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::notation::ColumnType;

    #[test]
    fn the_paths_to_what_media_show_are_those_of_the_schema() {
        let names = |column: usize, steps: &[usize]| {
            let mut ty = &Table::Conversations.columns()[column].ty;
            let mut names = Vec::new();
            for step in steps {
                let ColumnType::List(item) = ty else { panic!("{ty} is no list") };
                let ColumnType::Struct(parts) = &**item else { panic!("{item} is no struct") };
                names.push(parts[*step].name.as_str());
                ty = &parts[*step].ty;
            }
            names.join(".")
        };
        assert_eq!(names(MEDIA_REFS.0, &MEDIA_REFS.1), "refs");
        assert_eq!(names(ENDINGS_MEDIA.0, &ENDINGS_MEDIA.1), "media");
        assert_eq!(names(ENDINGS_REFS.0, &ENDINGS_REFS.1), "media.refs");
    }
}
