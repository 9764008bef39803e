//! Walks a JSON object member by member, and the entries of its large members one by one, in memory that grows to the
//! largest of them and no further.

use super::scan::{Scan, Step};
use super::text::{shown, too_deep};
use super::{DEPTH_LIMIT, Found, Record, RecordReader};
use crate::error::{Error, Result};
use std::io::Read;

/// Something that an object holds.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// The name of the object's member.
    pub key: &'a str,
    /// What it is part of: nothing where it is the whole member.
    pub entry: Entry<'a>,
    /// The value and where it stands. Entries are counted from 1 within their member.
    pub value: Record<'a>,
}

/// Whether a value is a whole member, or an entry of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// The whole member.
    Whole,
    /// An element of the list that the member is.
    Element,
    /// An entry of the object that the member is, by its name there.
    Named(&'a str),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Inside {
    Top,
    List,
    Object,
}

/// Reads an object's members from a stream; those with certain names are opened where they are lists or objects.
pub struct MemberReader<R> {
    reader: RecordReader<R>,
    opened: Vec<String>,
    passed_over: Vec<String>,
    key: String,
    name: String,
    inside: Inside,
    has_begun: bool,
    is_first: bool,
    has_ended: bool,
}

impl<R: Read> MemberReader<R> {
    /// A reader of the object in `input`, which gives the entries of these members one by one.
    pub fn new(input: R, opened: &[&str]) -> Self {
        Self {
            reader: RecordReader::new(input),
            opened: opened.iter().map(|name| (*name).to_owned()).collect(),
            passed_over: Vec::new(),
            key: String::new(),
            name: String::new(),
            inside: Inside::Top,
            has_begun: false,
            is_first: true,
            has_ended: false,
        }
    }

    /// The same reader, which passes over these members where they are lists or objects: nothing is said of them, and
    /// nothing in them is looked at but where they end.
    pub fn passing_over(mut self, members: &[&str]) -> Self {
        self.passed_over = members.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    /// What it is read from: to ask it for the input's digest, say.
    pub fn input(&self) -> &R {
        self.reader.input()
    }

    /// How many bytes of the input are behind the reader.
    pub fn position(&self) -> u64 {
        self.reader.position()
    }

    /// The next member or entry, or nothing at the object's end. After an error there is nothing more.
    ///
    /// # Errors
    /// `Input` with line and byte when the input is no JSON object there.
    pub fn next_member(&mut self) -> Option<Result<Member<'_>>> {
        if self.has_ended {
            return None;
        }
        let found = match self.find() {
            Ok(Some(found)) => found,
            Ok(None) => {
                self.has_ended = true;
                return None;
            }
            Err(error) => {
                self.has_ended = true;
                return Some(Err(error));
            }
        };
        let bytes = self.reader.ahead.at(found.place.clone());
        let place = |error: Error| error.at_line(found.line).at_byte(found.offset);
        let Ok(text) = std::str::from_utf8(bytes) else {
            self.has_ended = true;
            return Some(Err(place(Error::input("the bytes here are not UTF-8: convert the file"))));
        };
        let entry = match self.inside {
            Inside::Top => Entry::Whole,
            Inside::List => Entry::Element,
            Inside::Object => Entry::Named(&self.name),
        };
        let value = Record { number: self.reader.number, line: found.line, offset: found.offset, text };
        Some(Ok(Member { key: &self.key, entry, value }))
    }

    fn find(&mut self) -> Result<Option<Found>> {
        if !self.has_begun {
            self.reader.look_at_start()?;
            self.expect(b'{')?;
            self.has_begun = true;
        }
        loop {
            let byte = self.next_byte()?;
            let close = if self.inside == Inside::List { b']' } else { b'}' };
            if byte == close {
                self.reader.ahead.advance(1);
                self.is_first = false;
                if self.inside == Inside::Top {
                    return match self.reader.ahead.skip_blanks()? {
                        None => Ok(None),
                        Some(other) => Err(self.wrong(&format!("the object has ended, but {} follows", shown(other)))),
                    };
                }
                self.inside = Inside::Top;
                continue;
            }
            if !std::mem::take(&mut self.is_first) {
                self.expect(b',')?;
            }
            if self.inside == Inside::Top {
                self.key = self.name()?;
                let byte = self.next_byte()?;
                let has_entries = matches!(byte, b'[' | b'{');
                if has_entries && self.passed_over.contains(&self.key) {
                    self.pass_over()?;
                    continue;
                }
                if has_entries && self.opened.contains(&self.key) {
                    self.reader.ahead.advance(1);
                    self.inside = if byte == b'[' { Inside::List } else { Inside::Object };
                    self.is_first = true;
                    self.reader.number = 0;
                    continue;
                }
            } else if self.inside == Inside::Object {
                self.name = self.name()?;
            }
            self.reader.number += 1;
            return self.value().map(Some);
        }
    }

    /// The name of a member, and the colon behind it.
    fn name(&mut self) -> Result<String> {
        if self.next_byte()? != b'"' {
            let byte = self.next_byte()?;
            return Err(self.wrong(&format!("expected a name in quotes, found {}", shown(byte))));
        }
        let found = self.value()?;
        let bytes = self.reader.ahead.at(found.place.clone());
        let name = serde_json::from_slice(bytes)
            .map_err(|_| Error::input("a name that is no text").at_line(found.line).at_byte(found.offset))?;
        self.expect(b':')?;
        Ok(name)
    }

    /// Steps over the list or object that starts here, and holds nothing of it.
    fn pass_over(&mut self) -> Result<()> {
        let mut scan = Scan::default();
        loop {
            let step = scan.run(self.reader.ahead.bytes());
            self.reader.ahead.advance(scan.forget());
            match step {
                Step::Whole(_) => return Ok(()),
                Step::More if self.reader.ahead.fill()? => {}
                Step::More => return Err(self.wrong("the file ends in the middle of this value")),
            }
        }
    }

    /// The value that starts here, whatever it is.
    fn value(&mut self) -> Result<Found> {
        let first = self.next_byte()?;
        let (line, offset) = (self.reader.ahead.count_lines(), self.reader.position());
        let length = match first {
            b'"' | b'[' | b'{' => {
                let mut scan = Scan::default();
                let length = loop {
                    match scan.run(self.reader.ahead.bytes()) {
                        Step::Whole(length) => break length,
                        Step::More if self.reader.ahead.fill()? => {}
                        Step::More => return Err(self.wrong("the file ends in the middle of this value")),
                    }
                };
                if scan.deepest > DEPTH_LIMIT {
                    return Err(Error::input(too_deep()).at_line(line).at_byte(offset));
                }
                length
            }
            _ => loop {
                let held = self.reader.ahead.bytes();
                let word = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-._".contains(byte);
                let length = held.iter().take_while(word).count();
                if length < held.len() || !self.reader.ahead.fill()? {
                    break length;
                }
            },
        };
        if length == 0 {
            return Err(self.wrong(&format!("expected a value, found {}", shown(first))));
        }
        let start = self.reader.ahead.start();
        self.reader.ahead.advance(length);
        Ok(Found { place: start..start + length, line, offset })
    }

    fn next_byte(&mut self) -> Result<u8> {
        match self.reader.ahead.skip_blanks()? {
            Some(byte) => Ok(byte),
            None => Err(self.wrong("the file ends too early: the object is not closed")),
        }
    }

    fn expect(&mut self, wanted: u8) -> Result<()> {
        let byte = self.next_byte()?;
        if byte != wanted {
            return Err(self.wrong(&format!("expected {}, found {}", shown(wanted), shown(byte))));
        }
        self.reader.ahead.advance(1);
        Ok(())
    }

    fn wrong(&self, message: &str) -> Error {
        Error::input(message).at_line(self.reader.ahead.line()).at_byte(self.reader.position())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, so that every border between reads is met.
    struct Slowly<'a>(&'a [u8]);

    impl Read for Slowly<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            out[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    fn walk(text: &str) -> (Vec<String>, Option<String>) {
        let mut reader = MemberReader::new(Slowly(text.as_bytes()), &["images", "frames"]);
        let mut seen = Vec::new();
        while let Some(member) = reader.next_member() {
            match member {
                Ok(Member { key, entry, value }) => {
                    let entry = match entry {
                        Entry::Whole => String::new(),
                        Entry::Element => format!("[{}]", value.number),
                        Entry::Named(name) => format!(".{name}"),
                    };
                    seen.push(format!("{key}{entry}@{}={}", value.line, value.text));
                }
                Err(error) => return (seen, Some(error.to_string())),
            }
        }
        (seen, None)
    }

    #[test]
    fn members_and_entries_come_one_by_one() {
        let text = "\u{feff}{\"a\": -1.5e3,\n\"images\": [{\"x\":\"]\"}, 2,\n\"t\"],\"frames\":{\"n\\\"\":[1],\"m\":{}}, \"images2\":[1], \"frames\":[], \"z\":null}\n";
        let (seen, fault) = walk(text);
        assert_eq!(
            seen,
            [
                "a@1=-1.5e3",
                "images[1]@2={\"x\":\"]\"}",
                "images[2]@2=2",
                "images[3]@3=\"t\"",
                "frames.n\"@3=[1]",
                "frames.m@3={}",
                "images2@3=[1]",
                "z@3=null"
            ]
        );
        assert_eq!(fault, None);
        assert_eq!(walk("{}"), (vec![], None));
    }

    #[test]
    fn members_that_are_passed_over_are_not_looked_into() {
        let text = "{\"a\":1, \"big\":[{\"x\":\"]}\\\"\"}, 2 3,\n\"\\\\\"],\n \"big\" :{\"y\":[{}]}, \"z\":2}";
        let mut reader = MemberReader::new(Slowly(text.as_bytes()), &["big"]).passing_over(&["big"]);
        let mut seen = Vec::new();
        while let Some(member) = reader.next_member() {
            let member = member.unwrap();
            seen.push((member.key.to_owned(), member.value.line, member.value.text.to_owned()));
        }
        assert_eq!(seen, [("a".into(), 1, "1".into()), ("z".into(), 3, "2".into())]);
        let mut cut = MemberReader::new(&b"{\"big\":[1,\n2"[..], &[]).passing_over(&["big"]);
        let fault = cut.next_member().unwrap().unwrap_err().to_string();
        assert_eq!(fault, "line 2, byte 12: the file ends in the middle of this value");
    }

    #[test]
    fn lines_are_counted_however_much_is_behind() {
        let long = format!("\n{}\n", "x".repeat(3000));
        let entries = vec![serde_json::to_string(&long).unwrap(); 500].join(",\n\n ");
        let text = format!("{{\"over\": [\n{entries}],\"images\":[{entries}\n, 7]}}");
        let mut reader = MemberReader::new(text.as_bytes(), &["images"]).passing_over(&["over"]);
        let mut last = 0;
        while let Some(member) = reader.next_member() {
            last = member.unwrap().value.line;
        }
        assert_eq!(last, 1 + text.matches('\n').count() as u64);
    }

    #[test]
    fn faults_name_their_place() {
        for (text, message) in [
            ("[1]", "line 1, byte 0: expected `{`, found `[`"),
            ("{\"a\":1", "line 1, byte 6: the file ends too early: the object is not closed"),
            ("{\"a\":1 \"b\":2}", "line 1, byte 7: expected `,`, found `\"`"),
            ("{\"a\" 1}", "line 1, byte 5: expected `:`, found `1`"),
            ("{\"a\":}", "line 1, byte 5: expected a value, found `}`"),
            ("{a:1}", "line 1, byte 1: expected a name in quotes, found `a`"),
            ("{\"images\":\n[1,\n2} ", "line 3, byte 16: expected `,`, found `}`"),
            ("{\"a\":\"x", "line 1, byte 5: the file ends in the middle of this value"),
            ("{} x", "line 1, byte 3: the object has ended, but `x` follows"),
            ("", "line 1, byte 0: the file ends too early: the object is not closed"),
        ] {
            assert_eq!(walk(text).1.as_deref(), Some(message), "{text}");
        }
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        let mut reader = MemberReader::new(deep.as_bytes(), &[]);
        assert!(reader.next_member().unwrap().unwrap_err().to_string().contains("nested deeper than 128"));
        assert!(reader.next_member().is_none());
    }
}
