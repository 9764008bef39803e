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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Video,
    Patient,
    Index,
    Any,
}

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
                Piece::Field(field(name).ok_or_else(|| {
                    wrong(format!("there is no field {{{name}}}; the fields are {{video}}, {{patient}} and {{index}}"))
                })?)
            } else if first == '*' {
                rest = rest.get(1..).unwrap_or_default();
                Piece::Field(Field::Any)
            } else {
                let length = rest.find(['{', '*']).unwrap_or(rest.len());
                let (literal, after) = rest.split_at(length);
                rest = after;
                Piece::Literal(literal.to_owned())
            };
            if matches!((pieces.last(), &piece), (Some(Piece::Field(_)), Piece::Field(_))) {
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
        let starts = std::iter::once(0).chain(path.match_indices('/').map(|(at, _)| at + 1)).collect::<Vec<_>>();
        starts.into_iter().rev().find_map(|start| {
            let mut names = Names::default();
            let mut steps = 0;
            matches(&self.pieces, path.get(start..)?, &mut names, &mut steps).then_some(names)
        })
    }
}

fn field(name: &str) -> Option<Field> {
    Some(match name {
        "video" => Field::Video,
        "patient" => Field::Patient,
        "index" => Field::Index,
        _ => return None,
    })
}

/// How many attempts a match may take: a path is no place for puzzles.
const STEPS: usize = 100_000;

fn matches<'a>(pieces: &[Piece], text: &'a str, names: &mut Names<'a>, steps: &mut usize) -> bool {
    *steps += 1;
    if *steps > STEPS {
        return false;
    }
    match pieces.split_first() {
        None => text.is_empty(),
        Some((Piece::Literal(literal), rest)) => {
            text.strip_prefix(literal.as_str()).is_some_and(|after| matches(rest, after, names, steps))
        }
        Some((Piece::Field(field), rest)) => {
            // Digits are taken whole; everything else as short as will do, so that a name ends at its first mark.
            let (shortest, longest) = match field {
                Field::Index => {
                    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
                    (digits.max(1), digits)
                }
                Field::Any => (0, text.find('/').unwrap_or(text.len())),
                Field::Video | Field::Patient => (1, text.find('/').unwrap_or(text.len())),
            };
            let mut ends = (shortest..=longest).filter(|&end| text.is_char_boundary(end));
            ends.any(|end| {
                let (value, after) = text.split_at(end);
                let index = value.parse().ok();
                if *field == Field::Index && index.is_none() {
                    return false;
                }
                let found = matches(rest, after, names, steps);
                if found {
                    match field {
                        Field::Video => names.video = Some(value),
                        Field::Patient => names.patient = Some(value),
                        Field::Index => names.index = index,
                        Field::Any => {}
                    }
                }
                found
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
