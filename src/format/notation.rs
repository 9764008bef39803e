//! The notation for column types: the one that FORMAT.md, the tables of the schema and the manifests share.
//!
//! | notation | Arrow type |
//! | --- | --- |
//! | `bool`, `int8` … `int64`, `uint8` … `uint64`, `float32`, `float64` | the same |
//! | `text` | `large_utf8` |
//! | `dict` | `dictionary<int32, utf8>` |
//! | `ref` | `int64`: an address |
//! | `large_binary`, `fixed_size_binary(N)` | the same |
//! | `list<T>` | `list` of items that are not null |
//! | `fixed_size_list<T, N>` | the same, items not null |
//! | `struct<a: T, b?: T>` | `struct`; `?` marks what may be null |

use crate::error::{Error, Result};
use crate::format::constants::VALUE_BYTES_MAX;
use arrow_schema::{DataType, Field, FieldRef, Fields};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// How deep types may nest: enough for the schema twice over, little enough for any reader's stack.
pub const TYPE_DEPTH_MAX: usize = 12;

/// The type of a column or of a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColumnType {
    /// True or false.
    Bool,
    /// A signed integer of so many bits (8, 16, 32 or 64).
    Int(u8),
    /// An unsigned integer of so many bits (8, 16, 32 or 64).
    UInt(u8),
    /// A floating-point number of so many bits (32 or 64).
    Float(u8),
    /// UTF-8 text with 64-bit offsets.
    Text,
    /// Few-valued UTF-8 text: a dictionary with 32-bit keys.
    Dict,
    /// The address of a row.
    Ref,
    /// Bytes with 64-bit offsets.
    Binary,
    /// So many bytes each.
    FixedBinary(i32),
    /// A list with 32-bit offsets.
    List(Box<ColumnType>),
    /// A list of so many items each.
    FixedList(Box<ColumnType>, i32),
    /// Named parts.
    Struct(Vec<Column>),
}

/// A named column, or a named part of a struct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: ColumnType,
    /// Whether it may be null.
    pub nullable: bool,
}

impl Column {
    /// The column with this name and type.
    pub fn new(name: impl Into<String>, ty: ColumnType, nullable: bool) -> Self {
        Self { name: name.into(), ty, nullable }
    }

    /// Reads a column in the notation: `name: type`, or `name?: type` where it may be null.
    ///
    /// # Errors
    /// `Invalid`, with the place, when the text is no column.
    pub fn parse(text: &str) -> Result<Self> {
        let (name, ty) =
            text.split_once(':').ok_or_else(|| Error::invalid(format!("{text:?} is no column: write `name: type`")))?;
        let name = name.trim();
        Ok(Self::new(name.trim_end_matches('?'), ColumnType::parse(ty)?, name.ends_with('?')))
    }

    /// The Arrow field of this column.
    pub fn to_field(&self) -> Field {
        Field::new(&self.name, self.ty.to_arrow(), self.nullable)
    }
}

impl ColumnType {
    /// Reads a type in this notation.
    ///
    /// # Errors
    /// `Invalid`, with the place, when the text is no type or nests deeper than [`TYPE_DEPTH_MAX`].
    pub fn parse(text: &str) -> Result<Self> {
        let mut parser = Parser { text, at: 0 };
        let ty = parser.ty(0)?;
        parser.blanks();
        if parser.at != text.len() {
            return Err(parser.wrong("the end"));
        }
        ty.check()?;
        Ok(ty)
    }

    /// Refuses what the notation cannot say, and so no manifest: such a type can be built, but not written.
    ///
    /// # Errors
    /// `Invalid` for a part without a name of its own, of letters, digits and `_`, and for a width or length that there
    /// is not; `Unsupported` when the type nests deeper than [`TYPE_DEPTH_MAX`] or its values are too large.
    pub fn check(&self) -> Result<()> {
        self.check_parts(0)?;
        self.check_size()
    }

    fn check_parts(&self, depth: usize) -> Result<()> {
        if depth > TYPE_DEPTH_MAX {
            return Err(too_deep());
        }
        let fits = match self {
            Self::Int(bits) | Self::UInt(bits) => matches!(bits, 8 | 16 | 32 | 64),
            Self::Float(bits) => matches!(bits, 32 | 64),
            Self::FixedBinary(len) | Self::FixedList(_, len) => *len > 0,
            Self::Struct(parts) => !parts.is_empty(),
            _ => true,
        };
        if !fits {
            return Err(Error::invalid("the type has a width, a length or a number of parts that there is not"));
        }
        match self {
            Self::List(item) | Self::FixedList(item, _) => item.check_parts(depth + 1),
            Self::Struct(parts) => {
                check_part_names(parts.iter().map(|part| part.name.as_str()))?;
                parts.iter().try_for_each(|part| part.ty.check_parts(depth + 1))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a type whose values are too large: what a null of it takes in memory must be bounded.
    fn check_size(&self) -> Result<()> {
        if self.least_bits().div_ceil(8) <= VALUE_BYTES_MAX {
            return Ok(());
        }
        Err(Error::unsupported(format!(
            "a value of the type {self} would take more than {VALUE_BYTES_MAX} bytes: use a list, whose length is its own"
        )))
    }

    /// How many bits of buffers a value takes at least, null or not.
    pub fn least_bits(&self) -> u64 {
        match self {
            Self::Bool => 1,
            Self::Int(bits) | Self::UInt(bits) | Self::Float(bits) => u64::from(*bits),
            Self::Dict | Self::List(_) => 32,
            Self::Text | Self::Binary | Self::Ref => 64,
            Self::FixedBinary(len) => u64::from(len.unsigned_abs()) * 8,
            Self::FixedList(item, len) => item.least_bits().saturating_mul(u64::from(len.unsigned_abs())),
            Self::Struct(parts) => parts.iter().fold(0, |sum, part| sum.saturating_add(part.ty.least_bits())),
        }
    }

    /// The Arrow type.
    pub fn to_arrow(&self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int(8) => DataType::Int8,
            Self::Int(16) => DataType::Int16,
            Self::Int(32) => DataType::Int32,
            Self::Int(_) | Self::Ref => DataType::Int64,
            Self::UInt(8) => DataType::UInt8,
            Self::UInt(16) => DataType::UInt16,
            Self::UInt(32) => DataType::UInt32,
            Self::UInt(_) => DataType::UInt64,
            Self::Float(32) => DataType::Float32,
            Self::Float(_) => DataType::Float64,
            Self::Text => DataType::LargeUtf8,
            Self::Dict => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            Self::Binary => DataType::LargeBinary,
            Self::FixedBinary(len) => DataType::FixedSizeBinary(*len),
            Self::List(item) => DataType::List(item_field(item)),
            Self::FixedList(item, len) => DataType::FixedSizeList(item_field(item), *len),
            Self::Struct(parts) => DataType::Struct(parts.iter().map(Column::to_field).collect::<Fields>()),
        }
    }

    /// The type that an Arrow type is, where this format has it; `int64` is read as a number, never as an address.
    ///
    /// # Errors
    /// `Unsupported` when the format has no such type; the message names those that come nearest. `Invalid` when a part
    /// of a struct has a name that the notation has no room for.
    pub fn from_arrow(ty: &DataType) -> Result<Self> {
        let ty = Self::from_arrow_at(ty, 0)?;
        ty.check()?;
        Ok(ty)
    }

    fn from_arrow_at(ty: &DataType, depth: usize) -> Result<Self> {
        if depth > TYPE_DEPTH_MAX {
            return Err(too_deep());
        }
        let item = |field: &FieldRef| {
            if field.is_nullable() || field.name() != "item" {
                return Err(Error::unsupported("a list's items must be called `item` and not be nullable"));
            }
            Self::from_arrow_at(field.data_type(), depth + 1).map(Box::new)
        };
        Ok(match ty {
            DataType::Boolean => Self::Bool,
            DataType::Int8 => Self::Int(8),
            DataType::Int16 => Self::Int(16),
            DataType::Int32 => Self::Int(32),
            DataType::Int64 => Self::Int(64),
            DataType::UInt8 => Self::UInt(8),
            DataType::UInt16 => Self::UInt(16),
            DataType::UInt32 => Self::UInt(32),
            DataType::UInt64 => Self::UInt(64),
            DataType::Float32 => Self::Float(32),
            DataType::Float64 => Self::Float(64),
            DataType::LargeUtf8 => Self::Text,
            DataType::LargeBinary => Self::Binary,
            DataType::Dictionary(key, value) if **key == DataType::Int32 && **value == DataType::Utf8 => Self::Dict,
            DataType::FixedSizeBinary(len) if *len > 0 => Self::FixedBinary(*len),
            DataType::List(field) => Self::List(item(field)?),
            DataType::FixedSizeList(field, len) if *len > 0 => Self::FixedList(item(field)?, *len),
            DataType::Struct(fields) if !fields.is_empty() => Self::Struct(
                fields
                    .iter()
                    .map(|field| {
                        let ty = Self::from_arrow_at(field.data_type(), depth + 1)?;
                        Ok(Column::new(field.name(), ty, field.is_nullable()))
                    })
                    .collect::<Result<_>>()?,
            ),
            other => {
                return Err(Error::unsupported(format!(
                    "columns of type {other} are not part of the format; use text as large_utf8, bytes as \
                     large_binary, lists with 32-bit offsets, or dictionary<int32, utf8>"
                )));
            }
        })
    }

    /// Whether an address stands anywhere in a value of this type.
    pub fn holds_refs(&self) -> bool {
        match self {
            Self::Ref => true,
            Self::List(item) | Self::FixedList(item, _) => item.holds_refs(),
            Self::Struct(parts) => parts.iter().any(|part| part.ty.holds_refs()),
            _ => false,
        }
    }
}

fn too_deep() -> Error {
    Error::unsupported(format!("the type nests deeper than {TYPE_DEPTH_MAX} levels"))
}

/// Whether a character may stand in the name of a struct's part: others have a meaning in the notation, or might get one.
fn in_part_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The most bytes of the name of an added column.
const COLUMN_NAME_MAX: usize = 200;

/// What the name of an added column must be, for people.
pub const COLUMN_NAME_RULE: &str = "names are of letters, digits, `_`, `-`, `.` and `/`, begin with a letter, a digit or \
    `_`, do not end with `.` or `/` nor have two of these in a row, and have at most 200 bytes";

/// Whether an added column may have this name: it is nowhere a path that leads out of a folder, nor an option.
pub fn is_column_name(name: &str) -> bool {
    let (mut last, fits) = ('.', |c: char| in_part_name(c) || "-./".contains(c));
    let is_made_so = name.chars().all(|c| {
        let doubled = "./".contains(last) && ".-/".contains(c);
        last = c;
        fits(c) && !doubled
    });
    is_made_so && !"./".contains(last) && name.len() <= COLUMN_NAME_MAX
}

fn check_part_names<'a>(names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut met = BTreeSet::new();
    for name in names {
        if name.is_empty() || !name.chars().all(in_part_name) {
            return Err(Error::invalid(format!(
                "{name:?} is no name for a part of a struct: use letters, digits and `_`"
            )));
        }
        if !met.insert(name) {
            return Err(Error::invalid(format!("a struct has two parts of the name {name:?}")));
        }
    }
    Ok(())
}

fn item_field(item: &ColumnType) -> FieldRef {
    Arc::new(Field::new("item", item.to_arrow(), false))
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Int(bits) => write!(f, "int{bits}"),
            Self::UInt(bits) => write!(f, "uint{bits}"),
            Self::Float(bits) => write!(f, "float{bits}"),
            Self::Text => f.write_str("text"),
            Self::Dict => f.write_str("dict"),
            Self::Ref => f.write_str("ref"),
            Self::Binary => f.write_str("large_binary"),
            Self::FixedBinary(len) => write!(f, "fixed_size_binary({len})"),
            Self::List(item) => write!(f, "list<{item}>"),
            Self::FixedList(item, len) => write!(f, "fixed_size_list<{item}, {len}>"),
            Self::Struct(parts) => {
                f.write_str("struct<")?;
                for (i, part) in parts.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    let mark = if part.nullable { "?" } else { "" };
                    write!(f, "{comma}{}{mark}: {}", part.name, part.ty)?;
                }
                f.write_str(">")
            }
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn wrong(&self, wanted: &str) -> Error {
        Error::invalid(format!("{:?} is no column type: at character {} {wanted} was expected", self.text, self.at))
    }

    fn blanks(&mut self) {
        self.at = self.text.len() - self.text[self.at..].trim_start().len();
    }

    fn eat(&mut self, mark: char) -> bool {
        self.blanks();
        let found = self.text[self.at..].starts_with(mark);
        if found {
            self.at += mark.len_utf8();
        }
        found
    }

    fn want(&mut self, mark: char) -> Result<()> {
        if self.eat(mark) { Ok(()) } else { Err(self.wrong(&format!("`{mark}`"))) }
    }

    fn word(&mut self) -> Result<&'a str> {
        self.blanks();
        let rest = &self.text[self.at..];
        let len = rest.find(|c| !in_part_name(c)).unwrap_or(rest.len());
        if len == 0 {
            return Err(self.wrong("a name"));
        }
        self.at += len;
        Ok(&rest[..len])
    }

    fn length(&mut self) -> Result<i32> {
        let word = self.word()?;
        word.parse().ok().filter(|len| *len > 0).ok_or_else(|| self.wrong("a length of at least 1"))
    }

    fn ty(&mut self, depth: usize) -> Result<ColumnType> {
        if depth > TYPE_DEPTH_MAX {
            return Err(self.wrong("a type that nests less deeply"));
        }
        Ok(match self.word()? {
            "bool" => ColumnType::Bool,
            "int8" => ColumnType::Int(8),
            "int16" => ColumnType::Int(16),
            "int32" => ColumnType::Int(32),
            "int64" => ColumnType::Int(64),
            "uint8" => ColumnType::UInt(8),
            "uint16" => ColumnType::UInt(16),
            "uint32" => ColumnType::UInt(32),
            "uint64" => ColumnType::UInt(64),
            "float32" => ColumnType::Float(32),
            "float64" => ColumnType::Float(64),
            "text" => ColumnType::Text,
            "dict" => ColumnType::Dict,
            "ref" => ColumnType::Ref,
            "large_binary" => ColumnType::Binary,
            "fixed_size_binary" => {
                self.want('(')?;
                let len = self.length()?;
                self.want(')')?;
                ColumnType::FixedBinary(len)
            }
            "list" => {
                self.want('<')?;
                let item = self.ty(depth + 1)?;
                self.want('>')?;
                ColumnType::List(Box::new(item))
            }
            "fixed_size_list" => {
                self.want('<')?;
                let item = self.ty(depth + 1)?;
                self.want(',')?;
                let len = self.length()?;
                self.want('>')?;
                ColumnType::FixedList(Box::new(item), len)
            }
            "struct" => ColumnType::Struct(self.parts(depth)?),
            _ => return Err(self.wrong("a type before this place")),
        })
    }

    fn parts(&mut self, depth: usize) -> Result<Vec<Column>> {
        self.want('<')?;
        let mut parts = Vec::new();
        loop {
            let name = self.word()?.to_owned();
            let nullable = self.eat('?');
            self.want(':')?;
            let ty = self.ty(depth + 1)?;
            parts.push(Column { name, ty, nullable });
            if !self.eat(',') {
                break;
            }
        }
        self.want('>')?;
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_back() {
        for text in [
            "text",
            "fixed_size_binary(8)",
            "fixed_size_list<float32, 4>",
            "list<struct<role: dict, text: text, extra?: text>>",
            "list<struct<ref: ref, box?: fixed_size_list<float32, 4>, more: list<list<uint8>>>>",
        ] {
            let ty = ColumnType::parse(text).unwrap();
            assert_eq!(ty.to_string(), text);
            let arrow = ColumnType::from_arrow(&ty.to_arrow()).unwrap();
            assert_eq!(arrow.to_string(), text.replace("ref: ref", "ref: int64"));
        }
    }

    #[test]
    fn what_is_no_type_is_refused_with_the_place() {
        for text in ["", "lists<text>", "list<text", "struct<>", "struct<a text>", "text text", "fixed_size_binary(0)"]
        {
            let error = ColumnType::parse(text).unwrap_err();
            assert!(error.to_string().contains("at character"), "{error}");
        }
        let deep = "list<".repeat(100_000) + "text" + &">".repeat(100_000);
        assert!(ColumnType::parse(&deep).is_err());
    }

    #[test]
    fn names_of_added_columns_are_no_paths_and_no_options() {
        let long = "x".repeat(200);
        for name in ["a", "7", "_a", "my.split", "tool/count", "a-b", "surgdb.x", "größe", "a--b", "a/_", &long] {
            assert!(is_column_name(name), "{name}");
        }
        let long = "x".repeat(201);
        let wrong =
            ["", "../x", "a/../b", "/a", "a/", "a.", ".a", "-a", "a//b", "a/.b", "a/-b", "a b", "a\n", "a\\b", &long];
        for name in wrong {
            assert!(!is_column_name(name), "{name}");
        }
    }

    #[test]
    fn names_of_parts_that_the_notation_cannot_say_are_refused() {
        let parts = |names: &[&str]| names.iter().map(|name| Field::new(*name, DataType::Int8, true)).collect();
        let of = |names: &[&str]| ColumnType::from_arrow(&DataType::Struct(parts(names)));
        assert_eq!(of(&["a", "größe_2"]).unwrap().to_string(), "struct<a?: int8, größe_2?: int8>");
        for names in [&["a: int8, b"][..], &["my-part"], &[""], &["a b"], &["a?"], &["a", "a"]] {
            let error = of(names).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Invalid, "{names:?}: {error}");
            assert!(error.message().contains("name"), "{names:?}: {error}");
        }
        let error = ColumnType::parse("list<struct<a: text, b: text, a: int8>>").unwrap_err();
        assert!(error.message().contains("two parts"), "{error}");
        for ty in
            [ColumnType::Int(7), ColumnType::Float(16), ColumnType::FixedBinary(0), ColumnType::Struct(Vec::new())]
        {
            assert!(ColumnType::List(Box::new(ty)).check().is_err());
        }
    }
}
