//! The builder of `conversations`.

use super::alternatives::Alternatives;
use super::leaf::{Dict, Digest, Flag, Ref, Text};
use super::list::Lists;
use super::load::Load;
use super::media::{Grounding, Media};
use super::reasoning::Reasoning;
use super::turns::Turns;
use crate::error::Result;
use crate::schema::rows::ConversationRow;
use crate::schema::tables::{Table, conversations as columns};
use arrow_array::ArrayRef;
use arrow_schema::DataType;

/// Builds batches of the table `conversations`.
#[derive(Debug, Default)]
pub struct ConversationsBuilder {
    load: Load,
    id: Text,
    source: Dict,
    task: Dict,
    specialty: Dict,
    procedure: Dict,
    language: Dict,
    origin: Dict,
    generator: Dict,
    case: Ref,
    turns: Turns,
    media: Media,
    grounding: Grounding,
    reasoning: Reasoning,
    alternatives: Alternatives,
    preferred: Flag,
    solution: Text,
    annotations: Lists,
    annotation_refs: Ref,
    tools: Text,
    extra: Text,
    record: Digest<8>,
}

super::shared_methods!(ConversationsBuilder, Table::Conversations);

impl ConversationsBuilder {
    /// Appends a row.
    ///
    /// # Errors
    /// `Invalid`, and nothing is appended, when the lists of the batch could pass their 32-bit offsets.
    pub fn push(&mut self, row: &ConversationRow) -> Result<()> {
        self.load.add(measure(row))?;
        self.id.push(&row.id);
        self.source.push(&row.source);
        self.task.push(&row.task);
        self.specialty.push_opt(&row.specialty);
        self.procedure.push_opt(&row.procedure);
        self.language.push_opt(&row.language);
        self.origin.push_opt(&row.origin);
        self.generator.push_opt(&row.generator);
        self.case.push_address_opt(row.case);
        self.turns.push(&row.turns);
        self.media.push(&row.media);
        self.grounding.push(&row.grounding);
        self.reasoning.push(&row.reasoning);
        self.alternatives.push(&row.alternatives);
        self.preferred.push_opt(row.preferred);
        self.solution.push_opt(&row.solution);
        self.annotation_refs.extend_addresses(&row.annotations);
        self.annotations.end(row.annotations.len());
        self.tools.push_opt(&row.tools);
        self.extra.push_opt(&row.extra);
        self.record.push_opt(&row.record);
        Ok(())
    }

    /// Appends an empty row: what a deleted row becomes when its bytes go.
    pub fn push_empty(&mut self) -> Result<()> {
        self.push(&ConversationRow::default())
    }

    fn columns(&mut self) -> Result<Vec<ArrayRef>> {
        Ok(vec![
            self.id.finish(),
            self.source.finish()?,
            self.task.finish()?,
            self.specialty.finish()?,
            self.procedure.finish()?,
            self.language.finish()?,
            self.origin.finish()?,
            self.generator.finish()?,
            self.case.finish(),
            self.turns.finish(ty(columns::TURNS))?,
            self.media.finish(ty(columns::MEDIA))?,
            self.grounding.finish(ty(columns::GROUNDING))?,
            self.reasoning.finish(ty(columns::REASONING))?,
            self.alternatives.finish(ty(columns::ALTERNATIVES))?,
            self.preferred.finish(),
            self.solution.finish(),
            self.annotations.finish(ty(columns::ANNOTATIONS), self.annotation_refs.finish())?,
            self.tools.finish(),
            self.extra.finish(),
            self.record.finish()?,
        ])
    }
}

fn ty(column: usize) -> &'static DataType {
    Table::Conversations.schema().field(column).data_type()
}

fn measure(row: &ConversationRow) -> Load {
    let mut load = Load::row();
    load.text(&row.id);
    load.name(&row.source);
    load.name(&row.task);
    for name in [&row.specialty, &row.procedure, &row.language, &row.origin, &row.generator] {
        load.name_opt(name);
    }
    Turns::measure(&row.turns, &mut load);
    Media::measure(&row.media, &mut load);
    Grounding::measure(&row.grounding, &mut load);
    Reasoning::measure(&row.reasoning, &mut load);
    Alternatives::measure(&row.alternatives, &mut load);
    load.items(row.annotations.len());
    for text in [&row.solution, &row.tools, &row.extra] {
        load.text_opt(text);
    }
    load
}
