//! Ids of pictures and videos in a form in which several sources become one.

use crate::dataset::Dataset;
use crate::format::Address;
use crate::schema::tables::Table;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// What is lost where two sources call two pictures or videos alike.
pub(super) const TOLD_APART: &str =
    "ids of pictures and videos that others of another source have: they get others (`1~2.png`)";

/// The ids that pictures and videos have in an export.
#[derive(Default)]
pub(super) struct OwnIds {
    /// Whether all are of one source, so that no two have one id.
    is_one_source: bool,
    taken: HashSet<(Table, Rc<str>)>,
    known: HashMap<Address, Rc<str>>,
}

impl OwnIds {
    /// Those of a dataset.
    pub(super) fn of(dataset: &Dataset) -> Self {
        Self { is_one_source: dataset.manifest().sources.len() <= 1, ..Self::default() }
    }

    /// The id of a picture or video: its own, unless one of another source had it before; and whether it got another now.
    pub(super) fn get(&mut self, table: Table, address: Address, own: &str) -> (Rc<str>, bool) {
        if self.is_one_source {
            return (own.into(), false);
        }
        if let Some(known) = self.known.get(&address) {
            return (known.clone(), false);
        }
        let (stem, ending) = stem_and_ending(own);
        let others = (2u64..).map(|number| Rc::from(format!("{stem}~{number}{ending}")));
        let mut all = std::iter::once(Rc::from(own)).chain(others);
        let free = all.find(|id: &Rc<str>| self.taken.insert((table, id.clone())));
        let id = free.unwrap_or_else(|| own.into());
        self.known.insert(address, id.clone());
        let is_given = *id != *own;
        (id, is_given)
    }
}

/// What a name is without its ending, which begins with the last dot of its last part; and the ending.
pub(super) fn stem_and_ending(name: &str) -> (&str, &str) {
    let start = name.rfind('/').map_or(0, |at| at + 1);
    let dot = name.rfind('.').filter(|dot| *dot > start).unwrap_or(name.len());
    name.split_at(dot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::address::FragmentId;

    #[test]
    fn each_picture_has_an_id_of_its_own() {
        let mut ids = OwnIds::default();
        let row = |row| FragmentId::new(1).unwrap().address(row);
        for (table, number, own, wanted) in [
            (Table::Frames, 0, "a.b/1", ("a.b/1", false)),
            (Table::Frames, 1, "a.b/1", ("a.b/1~2", true)),
            (Table::Frames, 1, "a.b/1", ("a.b/1~2", false)),
            (Table::Frames, 2, "a.b/1~2", ("a.b/1~2~2", true)),
            (Table::Frames, 3, "1.png", ("1.png", false)),
            (Table::Frames, 4, "1.png", ("1~2.png", true)),
            (Table::Videos, 5, "1.png", ("1.png", false)),
        ] {
            let (id, is_given) = ids.get(table, row(number), own);
            assert_eq!((&*id, is_given), wanted);
        }
    }
}
