//! Which columns of a conversation the dataset has otherwise than its record says them.

use super::Run;
use crate::error::Result;
use crate::import::draft::Draft;
use crate::import::media::names::Named;
use crate::import::media::store::ShownRows;
use crate::schema::rows::{ConversationRow, MediumRow};

impl Run<'_> {
    /// The columns in which the dataset's row differs from one that is planned, whose references are numbers of `names`.
    /// `shown` is what the dataset's shows.
    pub(super) fn differing(
        &self,
        there: &ConversationRow,
        planned: &ConversationRow,
        draft: &Draft,
        (names, shown): (&[Named<'_>], &ShownRows),
        patient: Option<&str>,
    ) -> Result<Vec<&'static str>> {
        let case = there.case.map(|case| self.sink.dataset().case(case)?.id().map(str::to_owned)).transpose()?;
        let planned_case = planned.case.map(|_| draft.case_id(patient.unwrap_or_default()));
        let refs = planned.all_media().flat_map(|medium| &medium.refs);
        let refs = refs.filter_map(|address| names.get(address.row() as usize).map(|named| named.id.as_str()));
        let is_shown_the_same = refs.eq(shown.iter().map(|(_, id)| id.as_str()));
        let unnamed = |media: &[MediumRow]| -> Vec<MediumRow> {
            media.iter().map(|medium| MediumRow { refs: Vec::new(), ..medium.clone() }).collect()
        };
        let nodes = |row: &ConversationRow| -> Vec<_> {
            row.reasoning.iter().map(|node| (node.turn, node.parent, node.level, node.text.clone())).collect()
        };
        let endings = |row: &ConversationRow| -> Vec<_> {
            row.alternatives.iter().map(|ending| (ending.kind.clone(), ending.turns.clone(), ending.score)).collect()
        };
        let columns = [
            ("task", there.task != planned.task),
            ("specialty", there.specialty != planned.specialty),
            ("procedure", there.procedure != planned.procedure),
            ("language", there.language != planned.language),
            ("origin", there.origin != planned.origin),
            ("generator", there.generator != planned.generator),
            ("case", case.as_deref() != planned_case),
            ("turns", there.turns != planned.turns),
            ("media", !is_shown_the_same || unnamed(&there.media) != unnamed(&planned.media)),
            ("reasoning", nodes(there) != nodes(planned)),
            ("alternatives", endings(there) != endings(planned)),
            ("preferred", there.preferred != planned.preferred),
            ("solution", there.solution != planned.solution),
            ("tools", there.tools != planned.tools),
            ("extra", there.extra != planned.extra),
        ];
        Ok(columns.into_iter().filter(|(_, differs)| *differs).map(|(column, _)| column).collect())
    }
}
