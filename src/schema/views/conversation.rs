//! A conversation.

use super::alternatives::Alternatives;
use super::grounding::Grounding;
use super::lists::Addresses;
use super::media::{Media, Medium};
use super::parts::Parts;
use super::read::named;
use super::reasoning::Reasoning;
use super::turns::Turns;
use super::{Cells, view};
use crate::error::Result;
use crate::format::address::Address;
use crate::schema::rows::ConversationRow;
use crate::schema::tables::{Table, conversations};

view! {
    /// A training sample: what is said, shown and reasoned.
    Conversation of Conversations, conversations;
    /// Unique within its source.
    id: ID as text -> &str;
    /// Where it comes from.
    source: SOURCE as dict -> &str;
    /// One of the 18 tasks, or another.
    task: TASK as dict -> &str;
    /// The surgical specialty.
    specialty: SPECIALTY as dict_opt -> Option<&str>;
    /// The kind of operation.
    procedure: PROCEDURE as dict_opt -> Option<&str>;
    /// A BCP 47 tag: `en`, `fr`, `zh-Hans`.
    language: LANGUAGE as dict_opt -> Option<&str>;
    /// `human`, `model`, `synthetic` or `derived`.
    origin: ORIGIN as dict_opt -> Option<&str>;
    /// The model's or method's name.
    generator: GENERATOR as dict_opt -> Option<&str>;
    /// Whose data this is.
    case: CASE as address_opt -> Option<Address>;
    /// The answer's own mark where there is no pair (KTO).
    preferred: PREFERRED as bool_opt -> Option<bool>;
    /// What a verifiable reward checks against (GRPO).
    solution: SOLUTION as text_opt -> Option<&str>;
    /// The annotation rows that this was made from.
    annotations: ANNOTATIONS as addresses -> Addresses<'_>;
    /// The tools that may be called: JSON.
    tools: TOOLS as text_opt -> Option<&str>;
    /// What the source said beyond the columns: a JSON object.
    extra: EXTRA as text_opt -> Option<&str>;
    /// The digest of the record as it was imported.
    record: RECORD as record -> Option<[u8; 8]>;
}

impl<C: Cells> Conversation<C> {
    /// What is said, in order.
    pub fn turns(&self) -> Result<Turns<'_>> {
        self.read(conversations::TURNS, Turns::of_cell)
    }

    /// What is shown, in order.
    ///
    /// # Errors
    /// `Corrupt` when a medium refers to what is no address.
    pub fn media(&self) -> Result<Media<'_>> {
        self.read(conversations::MEDIA, Media::of_cell)
    }

    /// Text and media of each turn, interleaved.
    ///
    /// # Errors
    /// `Corrupt` when a medium belongs to no turn or stands at no place of its text.
    pub fn parts(&self) -> Result<Parts<'_>> {
        Parts::new(self.turns()?, self.media()?)
            .map_err(|error| named(error, Table::Conversations, conversations::MEDIA, self.address()))
    }

    /// Boxes, points and times that stand in the text.
    pub fn grounding(&self) -> Result<Grounding<'_>> {
        self.read(conversations::GROUNDING, Grounding::of_cell)
    }

    /// The reasoning.
    ///
    /// # Errors
    /// `Corrupt` when it is no forest in pre-order, or its evidence is no address.
    pub fn reasoning(&self) -> Result<Reasoning<'_>> {
        self.read(conversations::REASONING, Reasoning::of_cell)
    }

    /// Other endings.
    ///
    /// # Errors
    /// `Corrupt` when one of their media refers to what is no address.
    pub fn alternatives(&self) -> Result<Alternatives<'_>> {
        self.read(conversations::ALTERNATIVES, Alternatives::of_cell)
    }

    /// All that it shows: its own media, then those of its other endings.
    ///
    /// # Errors
    /// `Corrupt` when a medium refers to what is no address.
    pub fn all_media(&self) -> Result<impl Iterator<Item = Medium<'_>>> {
        let endings = self.alternatives()?;
        Ok(self.media()?.iter().chain(endings.iter().flat_map(|ending| ending.media().iter())))
    }

    /// An owned copy of the whole row.
    pub fn to_row(&self) -> Result<ConversationRow> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Ok(ConversationRow {
            id: self.id()?.to_owned(),
            source: self.source()?.to_owned(),
            task: self.task()?.to_owned(),
            specialty: owned(self.specialty()?),
            procedure: owned(self.procedure()?),
            language: owned(self.language()?),
            origin: owned(self.origin()?),
            generator: owned(self.generator()?),
            case: self.case()?,
            turns: self.turns()?.to_rows(),
            media: self.media()?.to_rows(),
            grounding: self.grounding()?.to_rows(),
            reasoning: self.reasoning()?.to_rows(),
            alternatives: self.alternatives()?.to_rows(),
            preferred: self.preferred()?,
            solution: owned(self.solution()?),
            annotations: self.annotations()?.iter().collect(),
            tools: owned(self.tools()?),
            extra: owned(self.extra()?),
            record: self.record()?,
        })
    }
}
