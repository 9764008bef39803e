//! What batches hold: which columns, and whether the bytes of media and the annotations come with them.

use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::load::media::media_schema;
use crate::schema::tables::{Table, conversations as columns};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use std::sync::Arc;

/// The column that leads from a conversation's media to the rows of [`Batch::media`](crate::load::Batch::media).
pub const MEDIA_ROWS: &str = "media_rows";
/// The column that leads from the media of a conversation's other endings to the rows of
/// [`Batch::media`](crate::load::Batch::media): there where `alternatives` is among the columns.
pub const ALTERNATIVE_MEDIA_ROWS: &str = "alternative_media_rows";
/// The column that leads from a conversation to the rows of [`Batch::annotations`](crate::load::Batch::annotations).
pub const ANNOTATION_ROWS: &str = "annotation_rows";

/// What a user chooses to have in a batch.
///
/// Unless told otherwise: `id`, `source`, `task`, `turns` and `media` of the conversations, the media that they refer to
/// with their bytes, and no annotations.
///
/// ```
/// use surgdb::load::Projection;
/// let projection = Projection::default().columns(["id", "turns", "media", "reasoning"]).annotations(["target", "labels"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Projection {
    columns: Vec<String>,
    media: bool,
    picture_bytes: bool,
    video_bytes: bool,
    annotations: Option<Vec<String>>,
}

impl Default for Projection {
    fn default() -> Self {
        let columns = ["id", "source", "task", "turns", "media"].map(str::to_owned).to_vec();
        Self { columns, media: true, picture_bytes: true, video_bytes: true, annotations: None }
    }
}

impl Projection {
    /// These columns of the conversations, a table's own or added ones, in this order.
    pub fn columns<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.columns = names.into_iter().map(Into::into).collect();
        self
    }

    /// Whether batches hold the media that conversations refer to; those of other endings where `alternatives` is among the
    /// columns. Without, `media` is a table without rows, there is no `media_rows`, and frames and videos are not even
    /// looked up.
    pub fn media(mut self, wanted: bool) -> Self {
        self.media = wanted;
        self
    }

    /// Whether the bytes of frames come with their rows.
    pub fn picture_bytes(mut self, wanted: bool) -> Self {
        self.picture_bytes = wanted;
        self
    }

    /// Whether the bytes of videos come with their rows. They cost nothing where they are mapped, apart from their
    /// checksum, which reads all of a video when it is first touched; leave them out where something else opens the
    /// videos.
    pub fn video_bytes(mut self, wanted: bool) -> Self {
        self.video_bytes = wanted;
        self
    }

    /// The annotations that conversations refer to, with these columns.
    pub fn annotations<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.annotations = Some(names.into_iter().map(Into::into).collect());
        self
    }
}

/// Columns of a table, found.
pub(super) struct Columns {
    pub(super) at: Vec<usize>,
    pub(super) fields: Vec<Field>,
}

impl Columns {
    fn new(dataset: &Dataset, table: Table, names: &[String], reserved: &[&str]) -> Result<Self> {
        for (at, name) in names.iter().enumerate() {
            if names[..at].contains(name) {
                return Err(Error::invalid(format!("the column {name:?} of {table} is asked for twice")));
            }
            if reserved.contains(&name.as_str()) {
                return Err(Error::invalid(format!(
                    "batches have a column {name:?} of their own: give the added column another name, or leave it out"
                )));
            }
        }
        let (at, fields) = dataset.gathered(table, names)?;
        Ok(Self { at, fields })
    }
}

/// A projection of one dataset: every column found, every schema made.
pub(super) struct Layout {
    pub(super) conversations: Columns,
    pub(super) annotations: Option<Columns>,
    pub(super) media: bool,
    /// Whether the media of other endings come along.
    pub(super) ending_media: bool,
    pub(super) picture_bytes: bool,
    pub(super) video_bytes: bool,
    pub(super) conversation_schema: SchemaRef,
    pub(super) media_schema: SchemaRef,
    pub(super) annotation_schema: Option<SchemaRef>,
}

impl Layout {
    /// # Errors
    /// `NotFound` when a table has no such column; `Invalid` when one is named twice, or as one that batches add.
    pub(super) fn new(dataset: &Dataset, projection: &Projection) -> Result<Self> {
        let reserved = [MEDIA_ROWS, ALTERNATIVE_MEDIA_ROWS, ANNOTATION_ROWS];
        let conversations = Columns::new(dataset, Table::Conversations, &projection.columns, &reserved)?;
        let annotations = projection.annotations.as_ref();
        let annotations = annotations.map(|names| Columns::new(dataset, Table::Annotations, names, &["address"]));
        let annotations = annotations.transpose()?;
        let mut fields = conversations.fields.clone();
        if projection.media {
            fields.push(Field::new(MEDIA_ROWS, list_of(list_of(DataType::Int32)), false));
        }
        let ending_media = projection.media && conversations.at.contains(&columns::ALTERNATIVES);
        if ending_media {
            let rows = list_of(list_of(list_of(DataType::Int32)));
            fields.push(Field::new(ALTERNATIVE_MEDIA_ROWS, rows, false));
        }
        if annotations.is_some() {
            fields.push(Field::new(ANNOTATION_ROWS, list_of(DataType::Int32), false));
        }
        let annotation_schema = annotations.as_ref().map(|columns| {
            let address = Field::new("address", DataType::Int64, false);
            Arc::new(Schema::new([vec![address], columns.fields.clone()].concat()))
        });
        Ok(Self {
            conversations,
            annotations,
            media: projection.media,
            ending_media,
            picture_bytes: projection.picture_bytes,
            video_bytes: projection.video_bytes,
            conversation_schema: Arc::new(Schema::new(fields)),
            media_schema: media_schema(),
            annotation_schema,
        })
    }
}

pub(super) fn list_of(item: DataType) -> DataType {
    DataType::List(item_field(item))
}

pub(super) fn item_field(item: DataType) -> Arc<Field> {
    Arc::new(Field::new("item", item, false))
}
