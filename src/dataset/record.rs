//! Rows with their types: the views of the schema, with what only a dataset can add (bytes, what is referred to).

use crate::dataset::link;
use crate::dataset::row::Row;
use crate::dataset::verify::check_link;
use crate::dataset::{Dataset, SPLIT};
use crate::error::{Error, Result};
use crate::format::Address;
use crate::schema::tables::Table;
use crate::schema::views::{self, read};
use arrow_schema::DataType;
use std::borrow::Cow;
use std::io::Read;
use std::ops::Deref;
use std::time::SystemTime;

macro_rules! records {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        $(
            $(#[$doc])*
            pub struct $name<'a>(views::$name<Row<'a>>);

            impl<'a> $name<'a> {
                pub(super) fn new(row: Row<'a>) -> Self {
                    Self(views::$name::new(row))
                }

                /// Its row: for columns by name, added ones too.
                pub fn row(&self) -> &Row<'a> {
                    self.0.cells()
                }

                /// Its address.
                pub fn address(&self) -> Address {
                    self.row().address()
                }
            }

            impl<'a> Deref for $name<'a> {
                type Target = views::$name<Row<'a>>;

                fn deref(&self) -> &Self::Target {
                    &self.0
                }
            }
        )*
    };
}

records! {
    /// A training sample.
    Conversation,
    /// A picture at a place.
    Frame,
    /// A recording.
    Video,
    /// An operation or examination.
    Case,
    /// An annotator's statement.
    Annotation,
    /// Encoded bytes.
    Blob,
}

/// A row of any table.
pub enum Record<'a> {
    /// A row of `conversations`.
    Conversation(Conversation<'a>),
    /// A row of `frames`.
    Frame(Frame<'a>),
    /// A row of `videos`.
    Video(Video<'a>),
    /// A row of `cases`.
    Case(Case<'a>),
    /// A row of `annotations`.
    Annotation(Annotation<'a>),
    /// A row of `blobs`.
    Blob(Blob<'a>),
}

impl<'a> Record<'a> {
    pub(super) fn new(row: Row<'a>) -> Self {
        match row.table() {
            Table::Conversations => Self::Conversation(Conversation::new(row)),
            Table::Frames => Self::Frame(Frame::new(row)),
            Table::Videos => Self::Video(Video::new(row)),
            Table::Cases => Self::Case(Case::new(row)),
            Table::Annotations => Self::Annotation(Annotation::new(row)),
            Table::Blobs => Self::Blob(Blob::new(row)),
        }
    }
}

/// What the added column [`SPLIT`] says of a row, where there is one of names.
fn split_of<'r>(row: &'r Row<'_>) -> Result<Option<&'r str>> {
    let Some(cell) = row.named_opt(SPLIT)? else { return Ok(None) };
    match cell.array.data_type() {
        DataType::Dictionary(..) => read::dict_opt(cell),
        DataType::LargeUtf8 => read::text_opt(cell),
        _ => Ok(None),
    }
}

impl Conversation<'_> {
    /// What the added column [`SPLIT`](crate::dataset::SPLIT) says, where there is one of names.
    ///
    /// # Errors
    /// `Corrupt` when it cannot be read.
    pub fn split(&self) -> Result<Option<&str>> {
        split_of(self.row())
    }
}

impl Annotation<'_> {
    /// What the added column [`SPLIT`](crate::dataset::SPLIT) says, where there is one of names.
    ///
    /// # Errors
    /// `Corrupt` when it cannot be read.
    pub fn split(&self) -> Result<Option<&str>> {
        split_of(self.row())
    }
}

impl<'a> Frame<'a> {
    /// The encoded picture, or `None` where its file is missing.
    ///
    /// # Errors
    /// `Corrupt` when its checksum does not match; `LinkBroken` when a linked file is gone or changed; `Io` when the machine
    /// cannot read it.
    pub fn bytes(&self) -> Result<Option<Cow<'a, [u8]>>> {
        bytes_of(self.row().dataset, self.blob()?)
    }
}

impl<'a> Video<'a> {
    /// The encoded video, or `None` where its file is missing. A linked video is read into memory whole.
    ///
    /// # Errors
    /// `Corrupt` when its checksum does not match; `LinkBroken` when a linked file is gone or changed; `Io` when the machine
    /// cannot read it.
    pub fn bytes(&self) -> Result<Option<Cow<'a, [u8]>>> {
        bytes_of(self.row().dataset, self.blob()?)
    }
}

impl<'a> Blob<'a> {
    /// Whether the file of a linked blob is there, with the length that it had when it was linked. Its bytes are not
    /// read, so that a change of them alone goes unseen until [`Blob::bytes`].
    ///
    /// # Errors
    /// `LinkBroken` when it is gone or has another length; `Io` when the machine cannot open it.
    pub fn check_link(&self) -> Result<()> {
        self.uri()?.map_or(Ok(()), |uri| link::open(uri, self.size()?).map(drop))
    }

    /// The same; a file that was touched after this time, or at all where none is given, is read too, and held against
    /// its digest. What a file system gives the times of is trusted to tell them.
    ///
    /// # Errors
    /// `LinkBroken` when it is gone or changed; `Io` when the machine cannot read it.
    pub fn check_link_since(&self, time: Option<SystemTime>) -> Result<()> {
        self.check_link()?;
        match self.uri()? {
            Some(uri) if link::was_touched(uri, time) => check_link(self),
            _ => Ok(()),
        }
    }

    /// Its bytes: borrowed from the map where there is one; read and checked where they are linked.
    ///
    /// # Errors
    /// `Corrupt` when the checksum does not match; `LinkBroken` when a linked file is gone or changed; `Io` when the machine
    /// cannot read it.
    pub fn bytes(&self) -> Result<Cow<'a, [u8]>> {
        let (file, batch, row) = self.row().base();
        if let Some(bytes) = file.value(batch, row)? {
            return Ok(bytes);
        }
        match self.uri()? {
            Some(uri) => linked(self.row(), uri),
            None => Err(Error::corrupt("the blob has neither bytes nor a place where they are")
                .in_row(self.address().to_string())
                .in_file(file.path())),
        }
    }
}

fn bytes_of<'a>(dataset: &'a Dataset, blob: Option<Address>) -> Result<Option<Cow<'a, [u8]>>> {
    let Some(address) = blob else { return Ok(None) };
    let row = dataset.row_of(Table::Blobs, address)?;
    let (file, batch, at) = row.base();
    match file.value(batch, at)? {
        Some(bytes) => Ok(Some(bytes)),
        None => Blob::new(row).bytes().map(Some),
    }
}

/// Reads a linked file and holds it against the digest that it had when it was linked.
fn linked<'a>(row: &Row<'_>, uri: &str) -> Result<Cow<'a, [u8]>> {
    let blob = views::Blob::new(row);
    let mut bytes = Vec::new();
    let read = link::open(uri, blob.size()?)?.read_to_end(&mut bytes);
    read.map_err(|error| link::unreadable(uri, error))?;
    if blob.digest()? != *blake3::hash(&bytes).as_bytes() {
        return Err(link::broken(uri, "has changed since it was linked"));
    }
    Ok(Cow::Owned(bytes))
}
