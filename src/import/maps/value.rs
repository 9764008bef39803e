//! What a map says of a value: the name of a field, or text with fields in braces.

use crate::error::{Error, Result};

/// A value, as a map writes it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Value {
    pub(super) text: String,
    pub(super) pieces: Vec<Piece>,
}

/// A part of a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    Text(String),
    From(Reference),
}

/// What is put in for a pair of braces.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reference {
    pub(super) origin: Origin,
    /// Whether it may be absent.
    pub(super) optional: bool,
    /// With how many digits a number is written at least.
    pub(super) digits: usize,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Origin {
    /// A field of the row.
    Field(FieldPath),
    /// A field of the object that the row stands in.
    Parent(FieldPath),
    /// A member of the whole file's object.
    Top(FieldPath),
    /// What the pattern of the file's name found, or `name`, `stem`, `folder`.
    File(String),
    /// The n-th name or position on the way to the row, from 1; the last one where there is no number.
    Key(Option<usize>),
    /// The row's number, from 1.
    Row,
    /// The whole row, where it is no object.
    Whole,
}

/// The way to a field: its name, and where it is an object or a list, further names and positions.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FieldPath {
    pub(super) text: String,
    pub(super) first: String,
    pub(super) rest: Vec<Step>,
}

/// A step into an object or a list.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Name(String),
    Index(usize),
}

impl Value {
    /// Reads a value that is the name of a field where it has no braces.
    pub(super) fn of_field(text: &str) -> Result<Self> {
        if text.contains('{') {
            return Self::of_text(text);
        }
        let (name, optional) = optional(text);
        let origin = Origin::Field(FieldPath::parse(name)?);
        let from = Reference { origin, optional, digits: 0 };
        Ok(Self { text: text.to_owned(), pieces: vec![Piece::From(from)] })
    }

    /// Reads a value that is text where it has no braces.
    pub(super) fn of_text(text: &str) -> Result<Self> {
        let wrong = |what: &str| Error::invalid(format!("the value {text:?}: {what}"));
        let (mut pieces, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('{') {
                let (inside, after) = after.split_once('}').ok_or_else(|| wrong("`{` is not closed"))?;
                pieces.push(Piece::From(Reference::parse(inside).map_err(|error| wrong(error.message()))?));
                rest = after;
            } else {
                let (literal, after) = rest.split_at(rest.find('{').unwrap_or(rest.len()));
                pieces.push(Piece::Text(literal.to_owned()));
                rest = after;
            }
        }
        if pieces.is_empty() {
            return Err(wrong("it is empty"));
        }
        Ok(Self { text: text.to_owned(), pieces })
    }

    /// All that is put in.
    pub(super) fn references(&self) -> impl Iterator<Item = &Reference> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::From(from) => Some(from),
            Piece::Text(_) => None,
        })
    }

    /// The fields of the row that it needs or may take.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&FieldPath, bool)> {
        self.references().filter_map(|from| match &from.origin {
            Origin::Field(path) => Some((path, from.optional)),
            _ => None,
        })
    }
}

impl Reference {
    fn parse(text: &str) -> Result<Self> {
        let (name, digits) = match text.split_once(':') {
            Some((name, width)) => {
                let digits = width.strip_prefix('0').and_then(|width| width.parse().ok()).filter(|width| *width <= 20);
                let message = || format!("{width:?} is no number of digits: write `:06`");
                (name, digits.ok_or_else(|| Error::invalid(message()))?)
            }
            None => (text, 0),
        };
        let (name, optional) = optional(name);
        let origin = match name.split_once('.') {
            None if name == "row" => Origin::Row,
            None if name == "value" => Origin::Whole,
            None if name == "key" => Origin::Key(None),
            Some(("key", number)) => {
                let number = number.parse().ok().filter(|number| *number > 0);
                let message = "`{key.N}` takes a number from 1";
                Origin::Key(Some(number.ok_or_else(|| Error::invalid(message))?))
            }
            Some(("file", name)) => Origin::File(name.to_owned()),
            Some(("parent", path)) => Origin::Parent(FieldPath::parse(path)?),
            Some(("top", path)) => Origin::Top(FieldPath::parse(path)?),
            Some(("field", path)) => Origin::Field(FieldPath::parse(path)?),
            _ => Origin::Field(FieldPath::parse(name)?),
        };
        Ok(Self { origin, optional, digits })
    }
}

/// A name without its question mark, and whether it had one.
fn optional(text: &str) -> (&str, bool) {
    text.strip_suffix('?').map_or((text, false), |name| (name, true))
}

impl FieldPath {
    /// Reads `name`, `name.inner`, `name[0]`.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let wrong =
            || Error::invalid(format!("{text:?} is no way to a field: write `name`, `name.inner` or `name[0]`"));
        let (mut first, mut rest) = (None, Vec::new());
        for part in text.split('.') {
            let (name, mut brackets) = part.split_at(part.find('[').unwrap_or(part.len()));
            if name.is_empty() {
                return Err(wrong());
            }
            match first {
                None => first = Some(name.to_owned()),
                Some(_) => rest.push(Step::Name(name.to_owned())),
            }
            while !brackets.is_empty() {
                let (index, after) = brackets.strip_prefix('[').and_then(|b| b.split_once(']')).ok_or_else(wrong)?;
                rest.push(Step::Index(index.parse().map_err(|_| wrong())?));
                brackets = after;
            }
        }
        Ok(Self { text: text.to_owned(), first: first.ok_or_else(wrong)?, rest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_fields_or_text_with_fields() {
        let value = Value::of_field("segment[1]").unwrap();
        let paths: Vec<_> = value.fields().map(|(path, optional)| (path.first.as_str(), optional)).collect();
        assert_eq!(paths, [("segment", false)]);
        let value = Value::of_text("{file.video}/{frame?:06}.png").unwrap();
        assert_eq!(value.pieces.len(), 4);
        let from: Vec<_> = value.references().map(|from| (from.optional, from.digits)).collect();
        assert_eq!(from, [(false, 0), (true, 6)]);
        assert_eq!(Value::of_text("a phase").unwrap().references().count(), 0);
        assert!(Value::of_field("split?").unwrap().references().all(|from| from.optional));
    }

    #[test]
    fn what_is_no_value_says_why() {
        for (text, message) in [
            ("{a", "not closed"),
            ("{a:6}", "no number of digits"),
            ("{key.x}", "a number from 1"),
            ("a[x]", "no way to a field"),
            ("a..b", "no way to a field"),
            ("", "no way to a field"),
        ] {
            let error = Value::of_field(text).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}
