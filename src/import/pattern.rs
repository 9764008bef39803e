//! Patterns that read the patient, the video and the frame's number from a path: `VID{video}/{index}.png`.

use crate::error::{Error, Result};

/// A pattern for the end of a path.
///
/// `{video}` and `{patient}` stand for one or more characters other than `/`, `{index}` for digits, `*` for any
/// characters other than `/`; everything else stands for itself. A pattern matches whole folder and file names from
/// the right: `VID{video}/{index}.png` matches `data/VID01/000017.png`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Field(Field),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Field {
    /// A part of a name, one of these where there are any.
    Name(String, Vec<String>),
    /// Digits.
    Index,
    Any,
}

impl Field {
    /// Whether it stands for one of a few words, so that it is clear where it ends.
    fn is_chosen(&self) -> bool {
        matches!(self, Self::Name(_, choices) if !choices.is_empty())
    }
}

/// What fields stand for, by their names.
type Captures<'p, 'a> = Vec<(&'p str, &'a str)>;

/// What a path says by a pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names<'a> {
    /// The video's name.
    pub video: Option<&'a str>,
    /// The patient's name.
    pub patient: Option<&'a str>,
    /// The frame's number.
    pub index: Option<i64>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// `Invalid` when it names a field that there is none of, or two fields touch.
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_with(text, |name| match name {
            "video" | "patient" => Ok(Field::Name(name.to_owned(), Vec::new())),
            "index" => Ok(Field::Index),
            _ => Err(format!("there is no field {{{name}}}; the fields are {{video}}, {{patient}} and {{index}}")),
        })
    }

    /// Reads a pattern whose fields may have any names, each perhaps with what alone it may stand for: `{split:train|test}`.
    ///
    /// # Errors
    /// `Invalid` when a name has other characters than letters, digits, `-` and `_`, or two fields touch.
    pub(super) fn parse_any(text: &str) -> Result<Self> {
        let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "-_".contains(c));
        Self::parse_with(text, |name| {
            let (name, choices) = match name.split_once(':') {
                Some((name, choices)) => (name, choices.split('|').map(str::to_owned).collect()),
                None => (name, Vec::new()),
            };
            match name {
                "index" if choices.is_empty() => Ok(Field::Index),
                _ if is_name(name) => Ok(Field::Name(name.to_owned(), choices)),
                _ => Err(format!("{{{name}}} is no field: a name has letters, digits, `-` and `_`")),
            }
        })
    }

    fn parse_with(text: &str, field: impl Fn(&str) -> Result<Field, String>) -> Result<Self> {
        let wrong = |message: String| Error::invalid(format!("the pattern {text:?}: {message}"));
        let mut pieces: Vec<Piece> = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let piece = if first == '{' {
                let (name, after) = rest
                    .get(1..)
                    .and_then(|rest| rest.split_once('}'))
                    .ok_or_else(|| wrong("`{` is not closed".into()))?;
                rest = after;
                Piece::Field(field(name).map_err(wrong)?)
            } else if first == '*' {
                rest = rest.get(1..).unwrap_or_default();
                Piece::Field(Field::Any)
            } else {
                let length = rest.find(['{', '*']).unwrap_or(rest.len());
                let (literal, after) = rest.split_at(length);
                rest = after;
                Piece::Literal(literal.to_owned())
            };
            if let (Some(Piece::Field(before)), Piece::Field(after)) = (pieces.last(), &piece)
                && !before.is_chosen()
                && !after.is_chosen()
            {
                return Err(wrong("two fields touch, so nobody can say where one ends".into()));
            }
            pieces.push(piece);
        }
        if pieces.is_empty() {
            return Err(wrong("it is empty".into()));
        }
        Ok(Self { text: text.to_owned(), pieces })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What the path says; nothing when it does not match.
    pub fn names<'a>(&self, path: &'a str) -> Option<Names<'a>> {
        let mut names = Names::default();
        for (name, value) in self.captures(path)? {
            match name {
                "video" => names.video = Some(value),
                "patient" => names.patient = Some(value),
                "index" => names.index = value.parse().ok(),
                _ => {}
            }
        }
        Some(names)
    }

    /// What each field stands for in the path; nothing when it does not match.
    pub(super) fn captures<'p, 'a>(&'p self, path: &'a str) -> Option<Captures<'p, 'a>> {
        let starts = std::iter::once(0).chain(path.match_indices('/').map(|(at, _)| at + 1)).collect::<Vec<_>>();
        starts.into_iter().rev().find_map(|start| {
            let (mut captures, mut steps) = (Vec::new(), 0);
            matches(&self.pieces, path.get(start..)?, &mut captures, &mut steps).then_some(captures)
        })
    }

    /// The names of its fields.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Field(Field::Name(name, _)) => Some(name.as_str()),
            Piece::Field(Field::Index) => Some("index"),
            _ => None,
        })
    }
}

/// How many attempts a match may take: a path is no place for puzzles.
const STEPS: usize = 100_000;

fn matches<'p, 'a>(pieces: &'p [Piece], text: &'a str, found: &mut Captures<'p, 'a>, steps: &mut usize) -> bool {
    *steps += 1;
    if *steps > STEPS {
        return false;
    }
    match pieces.split_first() {
        None => text.is_empty(),
        // The ending says what a file is, in whatever case.
        Some((Piece::Literal(literal), [])) => {
            let (start, ending) = literal.split_at(literal.rfind('.').unwrap_or(literal.len()));
            text.strip_prefix(start).is_some_and(|rest| rest.eq_ignore_ascii_case(ending))
        }
        Some((Piece::Literal(literal), rest)) => {
            text.strip_prefix(literal.as_str()).is_some_and(|after| matches(rest, after, found, steps))
        }
        Some((Piece::Field(field), rest)) => {
            // Digits are taken whole; everything else as short as will do, so that a name ends at its first mark.
            let (shortest, longest) = match field {
                Field::Index => {
                    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
                    (digits.max(1), digits)
                }
                Field::Any => (0, text.find('/').unwrap_or(text.len())),
                Field::Name(..) => (1, text.find('/').unwrap_or(text.len())),
            };
            let mut ends = (shortest..=longest).filter(|&end| text.is_char_boundary(end));
            ends.any(|end| {
                let (value, after) = text.split_at(end);
                let fits = match field {
                    Field::Index => value.parse::<i64>().is_ok(),
                    Field::Name(_, choices) => choices.is_empty() || choices.iter().any(|choice| choice == value),
                    Field::Any => true,
                };
                let is_found = fits && matches(rest, after, found, steps);
                match field {
                    Field::Index if is_found => found.push(("index", value)),
                    Field::Name(name, _) if is_found => found.push((name, value)),
                    _ => {}
                }
                is_found
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names<'a>(pattern: &str, path: &'a str) -> Option<(Option<&'a str>, Option<&'a str>, Option<i64>)> {
        Pattern::parse(pattern).unwrap().names(path).map(|names| (names.video, names.patient, names.index))
    }

    #[test]
    fn a_pattern_reads_names_from_the_end_of_a_path() {
        assert_eq!(names("VID{video}/{index}.png", "data/VID01/000017.png"), Some((Some("01"), None, Some(17))));
        assert_eq!(names("VID{video}/{index}.png", "VID01/000017.png"), Some((Some("01"), None, Some(17))));
        assert_eq!(names("VID{video}/{index}.png", "xVID01/000017.png"), None);
        assert_eq!(names("t80_{patient}_{index}.png", "a/t80_VID03_000030.png"), Some((None, Some("VID03"), Some(30))));
        assert_eq!(names("{patient}/*_{index}.*", "p é/x_y_5.tar.png"), Some((None, Some("p é"), Some(5))));
        assert_eq!(names("{index}.png", "99999999999999999999.png"), None);
        assert_eq!(names("a{index}.png", "a7.PNG"), Some((None, None, Some(7))), "an ending's case says nothing");
        assert_eq!(names("a{index}.png", "A7.png"), None);
    }

    #[test]
    fn fields_with_choices_stand_for_one_of_them() {
        let pattern = Pattern::parse_any("{centre}/{split:train|val}*.json").unwrap();
        let of = |path| {
            let mut captures = pattern.captures(path)?;
            captures.sort();
            Some(captures)
        };
        assert_eq!(of("a/bern/val.head.json"), Some(vec![("centre", "bern"), ("split", "val")]));
        assert_eq!(of("bern/test.json"), None);
        assert!(Pattern::parse_any("{a}{b}").is_err() && Pattern::parse_any("{a}*").is_err());
        assert_eq!(pattern.fields().collect::<Vec<_>>(), ["centre", "split"]);
        assert!(Pattern::parse_any("{a b}").unwrap_err().to_string().contains("{a b} is no field"));
    }

    #[test]
    fn a_pattern_that_cannot_be_read_says_why() {
        for (pattern, message) in [
            ("{frame}.png", "there is no field {frame}"),
            ("{video}{index}", "two fields touch"),
            ("{video", "not closed"),
            ("", "empty"),
        ] {
            assert!(Pattern::parse(pattern).unwrap_err().to_string().contains(message), "{pattern}");
        }
        assert_eq!(names(&"*a".repeat(30), &"a".repeat(200)).map(|_| ()), Some(()));
        assert_eq!(names(&format!("{}b", "*a".repeat(30)), &"a".repeat(200)), None);
    }
}
