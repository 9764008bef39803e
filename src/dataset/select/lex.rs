//! The words and marks of a filter's text.

use super::expr::{At, wrong};
use crate::error::Result;

/// Words that the language has for itself: as a value or a name they must be quoted.
const KEYWORDS: [&str; 10] = ["and", "or", "not", "in", "like", "contains", "is", "null", "has", "allows"];

/// A word, a quoted text or a mark.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    Word(String),
    Quoted(String),
    /// `=`, `!=`, `<`, `<=`, `>`, `>=`, `(`, `)` or `,`.
    Mark(&'static str),
    End,
}

/// Reads tokens one by one.
pub struct Lexer<'a> {
    text: &'a str,
    /// The byte of the next token.
    at: usize,
}

/// Whether a text can stand without quotes.
pub fn is_word(text: &str) -> bool {
    let keyword = KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(text));
    !text.is_empty() && !keyword && text.chars().all(in_word)
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || "_-./:+~".contains(c)
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The place of a byte of the text.
    pub fn place(&self, byte: usize) -> At {
        let (before, rest) = self.text.split_at_checked(byte).unwrap_or((self.text, ""));
        At { character: before.chars().count(), rest: rest.to_owned() }
    }

    /// The next token, and the byte that it starts at.
    pub fn next(&mut self) -> Result<(Token, usize)> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let start = self.at + rest.len() - rest.trim_start().len();
        let rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { return Ok((Token::End, self.text.len())) };
        let marks = [
            ("==", "="),
            ("!=", "!="),
            ("<>", "!="),
            ("<=", "<="),
            (">=", ">="),
            ("=", "="),
            ("<", "<"),
            (">", ">"),
            ("(", "("),
            (")", ")"),
            (",", ","),
        ];
        let mark = marks.into_iter().find(|(written, _)| rest.starts_with(written));
        let (token, len) = match (first, mark) {
            (_, Some((written, mark))) => (Token::Mark(mark), written.len()),
            ('"' | '\'', _) => self.quoted(rest, start)?,
            (c, _) if in_word(c) => {
                let len = rest.find(|c| !in_word(c)).unwrap_or(rest.len());
                (Token::Word(rest[..len].to_owned()), len)
            }
            (c, _) => {
                return Err(wrong(Some(&self.place(start)), format_args!("{c:?} means nothing here: quote texts")));
            }
        };
        self.at = start + len;
        Ok((token, start))
    }

    fn quoted(&self, rest: &str, start: usize) -> Result<(Token, usize)> {
        let mut text = String::new();
        let mut chars = rest.char_indices();
        let quote = chars.next().map(|(_, quote)| quote);
        while let Some((at, c)) = chars.next() {
            match c {
                c if Some(c) == quote => return Ok((Token::Quoted(text), at + c.len_utf8())),
                '\\' => match chars.clone().next() {
                    Some((_, next @ ('\\' | '"' | '\''))) => {
                        chars.next();
                        text.push(next);
                    }
                    _ => text.push('\\'),
                },
                c => text.push(c),
            }
        }
        Err(wrong(Some(&self.place(start)), "the quote is not closed"))
    }
}
