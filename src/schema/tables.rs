//! The six tables and their columns, version 1.

use crate::error::{Error, Result};
use crate::format::notation::{Column, ColumnType};
use arrow_schema::{Schema, SchemaRef};
use once_cell::race::OnceBox;
use std::fmt;
use std::sync::Arc;

/// One of the six tables of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Operations or examinations of patients.
    Cases,
    /// Recordings.
    Videos,
    /// Pictures: RGB frames, masks, depth maps.
    Frames,
    /// Encoded bytes, each content once.
    Blobs,
    /// Annotators' statements about frames and stretches of video.
    Annotations,
    /// Training samples.
    Conversations,
}

impl Table {
    /// All tables, those that others refer to first.
    pub const ALL: [Table; 6] =
        [Self::Blobs, Self::Cases, Self::Videos, Self::Frames, Self::Annotations, Self::Conversations];

    /// Its name: the folder of its files and the key of its counts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cases => "cases",
            Self::Videos => "videos",
            Self::Frames => "frames",
            Self::Blobs => "blobs",
            Self::Annotations => "annotations",
            Self::Conversations => "conversations",
        }
    }

    /// One row of it, as a word.
    pub fn row_name(self) -> &'static str {
        match self {
            Self::Cases => "case",
            Self::Videos => "video",
            Self::Frames => "frame",
            Self::Blobs => "blob",
            Self::Annotations => "annotation",
            Self::Conversations => "conversation",
        }
    }

    /// The table with this name.
    ///
    /// # Errors
    /// `NotFound` when there is none; the message lists them.
    pub fn named(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::not_found(format!("there is no table {name:?}; the tables are {names}"))
        })
    }

    /// Its base columns in order.
    pub fn columns(self) -> &'static [Column] {
        &self.layout().columns
    }

    /// The Arrow schema of its base columns.
    pub fn schema(self) -> &'static SchemaRef {
        &self.layout().schema
    }

    /// Where the base columns stand that the file of a picture or a video fills; none of other tables.
    pub fn cells_of_file(self) -> &'static [usize] {
        use {frames as f, videos as v};
        match self {
            Self::Frames => &[f::BLOB, f::WIDTH, f::HEIGHT],
            Self::Videos => &[v::BLOB, v::FPS, v::DURATION, v::FRAME_COUNT, v::WIDTH, v::HEIGHT, v::KEYFRAMES],
            _ => &[],
        }
    }

    /// Where the base column with this name stands.
    pub fn column_index(self, name: &str) -> Option<usize> {
        self.columns().iter().position(|column| column.name == name)
    }

    /// Whether the rows of this table have an `id` and a `source`: all but blobs.
    pub fn has_ids(self) -> bool {
        self != Self::Blobs
    }

    fn layout(self) -> &'static Layout {
        static LAYOUTS: [OnceBox<Layout>; 6] = [const { OnceBox::new() }; 6];
        LAYOUTS[self as usize].get_or_init(|| Box::new(Layout::new(self.notation())))
    }

    fn notation(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Cases => cases::COLUMNS,
            Self::Videos => videos::COLUMNS,
            Self::Frames => frames::COLUMNS,
            Self::Blobs => blobs::COLUMNS,
            Self::Annotations => annotations::COLUMNS,
            Self::Conversations => conversations::COLUMNS,
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

struct Layout {
    columns: Vec<Column>,
    schema: SchemaRef,
}

impl Layout {
    fn new(notation: &[(&str, &str)]) -> Self {
        let columns: Vec<Column> = notation
            .iter()
            .map(|(name, ty)| {
                let ty = ColumnType::parse(ty).expect("the schema's own notation is well-formed");
                Column::new(name.trim_end_matches('?'), ty, name.ends_with('?'))
            })
            .collect();
        let schema = Schema::new(columns.iter().map(Column::to_field).collect::<Vec<_>>());
        Self { columns, schema: Arc::new(schema) }
    }
}

/// Makes a module with a `COLUMNS` table and a constant per column that says where it stands.
macro_rules! table {
    ($(#[$doc:meta])* $module:ident { $($constant:ident $name:literal: $ty:literal,)* }) => {
        $(#[$doc])*
        #[allow(missing_docs)]
        pub mod $module {
            /// Name (`?` where it may be null) and type of each column.
            pub const COLUMNS: &[(&str, &str)] = &[$(($name, $ty)),*];
            #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
            enum At { $($constant),* }
            $(pub const $constant: usize = At::$constant as usize;)*
        }
    };
}

table! {
    /// Training samples: a conversation with its media, its reasoning and its other endings.
    conversations {
        ID "id": "text",
        SOURCE "source": "dict",
        TASK "task": "dict",
        SPECIALTY "specialty?": "dict",
        PROCEDURE "procedure?": "dict",
        LANGUAGE "language?": "dict",
        ORIGIN "origin?": "dict",
        GENERATOR "generator?": "dict",
        CASE "case?": "ref",
        TURNS "turns": "list<struct<role: dict, text: text, name?: text, extra?: text>>",
        MEDIA "media": "list<struct<turn: int32, at?: int64, output: bool, refs: list<ref>, start?: float64, end?: float64, fps?: float64>>",
        GROUNDING "grounding": "list<struct<turn: int32, byte_start: int64, byte_end: int64, kind: dict, media: int32, values: list<float32>>>",
        REASONING "reasoning": "list<struct<turn: int32, parent?: int32, subtree_end: int32, level?: int8, kind?: dict, origin?: dict, text: text, evidence: list<struct<ref: ref, start?: float64, end?: float64, box?: fixed_size_list<float32, 4>>>>>",
        ALTERNATIVES "alternatives": "list<struct<kind: dict, turns: list<struct<role: dict, text: text, name?: text, extra?: text>>, media: list<struct<turn: int32, at?: int64, output: bool, refs: list<ref>, start?: float64, end?: float64, fps?: float64>>, grounding: list<struct<turn: int32, byte_start: int64, byte_end: int64, kind: dict, media: int32, values: list<float32>>>, score?: float64, generator?: dict>>",
        PREFERRED "preferred?": "bool",
        SOLUTION "solution?": "text",
        ANNOTATIONS "annotations": "list<ref>",
        TOOLS "tools?": "text",
        EXTRA "extra?": "text",
        RECORD "record?": "fixed_size_binary(8)",
    }
}

table! {
    /// Operations or examinations of patients; identity stands here, once.
    cases {
        ID "id": "text",
        SOURCE "source": "dict",
        PATIENT "patient?": "text",
        INSTITUTION "institution?": "dict",
        SPECIALTY "specialty?": "dict",
        PROCEDURE "procedure?": "dict",
        DEVICE "device?": "dict",
        CONSENT "consent?": "dict",
        EXTRA "extra?": "text",
        RECORD "record?": "fixed_size_binary(8)",
    }
}

table! {
    /// Recordings.
    videos {
        ID "id": "text",
        SOURCE "source": "dict",
        CASE "case?": "ref",
        PATH "path?": "text",
        BLOB "blob?": "ref",
        FPS "fps?": "float64",
        DURATION "duration?": "float64",
        FRAME_COUNT "frame_count?": "int64",
        WIDTH "width?": "int32",
        HEIGHT "height?": "int32",
        KEYFRAMES "keyframes?": "list<struct<time: float64, offset: int64>>",
        EXTRA "extra?": "text",
        RECORD "record?": "fixed_size_binary(8)",
    }
}

table! {
    /// One picture at one place: an RGB frame, a mask, a depth map, a desmoked frame.
    frames {
        ID "id": "text",
        SOURCE "source": "dict",
        CASE "case?": "ref",
        VIDEO "video?": "ref",
        INDEX "index?": "int64",
        TIME "time?": "float64",
        KIND "kind": "dict",
        PARENT "parent?": "ref",
        PATH "path?": "text",
        BLOB "blob?": "ref",
        WIDTH "width?": "int32",
        HEIGHT "height?": "int32",
        ORIGIN "origin?": "dict",
        GENERATOR "generator?": "dict",
        EXTRA "extra?": "text",
        RECORD "record?": "fixed_size_binary(8)",
    }
}

table! {
    /// Encoded bytes, each content stored once, whoever shows it.
    blobs {
        DIGEST "digest": "fixed_size_binary(32)",
        CRC32 "crc32": "uint32",
        MEDIA_TYPE "media_type": "dict",
        SIZE "size": "int64",
        URI "uri?": "text",
        BYTES "bytes?": "large_binary",
    }
}

table! {
    /// One annotator's statement about one instance, or about the whole of a frame or stretch of video.
    annotations {
        ID "id": "text",
        SOURCE "source": "dict",
        ANNOTATOR "annotator?": "dict",
        STATUS "status?": "dict",
        ORIGIN "origin?": "dict",
        GENERATOR "generator?": "dict",
        TARGET "target": "ref",
        START "start?": "float64",
        END "end?": "float64",
        PARENT "parent?": "ref",
        TEXT "text?": "text",
        LABELS "labels": "list<struct<axis: dict, label?: dict, raw: dict, value?: float64>>",
        REGIONS "regions": "list<struct<role?: dict, box?: fixed_size_list<float32, 4>, mask?: ref, polygons?: list<list<float32>>, score?: float32, tracks: list<struct<scope: dict, id: int64>>>>",
        EXTRA "extra?": "text",
        RECORD "record?": "fixed_size_binary(8)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_stand_where_the_columns_stand() {
        assert_eq!(Table::Conversations.column_index("record"), Some(conversations::RECORD));
        assert_eq!(Table::Conversations.column_index("reasoning"), Some(conversations::REASONING));
        assert_eq!(Table::Annotations.column_index("regions"), Some(annotations::REGIONS));
        assert_eq!(Table::Blobs.columns().len(), blobs::BYTES + 1);
    }

    #[test]
    fn the_arrow_schema_has_the_columns_of_the_notation() {
        for table in Table::ALL {
            assert_eq!(table.columns().len(), table.schema().fields().len());
            for (column, field) in table.columns().iter().zip(table.schema().fields()) {
                assert_eq!(field.data_type(), &column.ty.to_arrow());
                assert_eq!((field.name(), field.is_nullable()), (&column.name, column.nullable));
            }
        }
    }
}
