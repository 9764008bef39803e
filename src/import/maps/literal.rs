//! Texts of a map that were meant as names of fields.

use super::model::RowSet;
use super::row::Row;
use super::value::{Piece, Value};
use crate::import::report::{At, Kind};
use crate::import::run::Run;

/// Tells of settings whose text stands for itself, and is the name of a field of this row too.
pub(super) fn tell(run: &mut Run<'_>, set: &RowSet, row: &Row<'_>, at: &At) {
    for (key, text) in texts(set).filter(|(_, text)| row.has_field(text)) {
        let what = format!(
            "`{key}` is the text {text:?} in the map, for all rows: for the field of that name write \"{{{text}}}\""
        );
        run.report.find(Kind::Doubtful, at, what);
    }
}

/// The settings whose text stands for itself. What a label, a region or a picture is called is left out: there a name is
/// often that of a field, by right.
fn texts(set: &RowSet) -> impl Iterator<Item = (&'static str, &str)> {
    let settings: [(&str, &Option<Value>); 9] = [
        ("split", &set.split),
        ("task", &set.task),
        ("language", &set.language),
        ("institution", &set.institution),
        ("specialty", &set.specialty),
        ("procedure", &set.procedure),
        ("annotator", &set.annotator),
        ("status", &set.status),
        ("generator", &set.generator),
    ];
    settings.into_iter().filter_map(|(key, value)| match &value.as_ref()?.pieces[..] {
        [Piece::Text(text)] => Some((key, text.as_str())),
        _ => None,
    })
}
