//! Finds the end of a JSON object, list or string by its quotes and brackets alone.

use crate::import::eights::{EACH, eight_of, first_of, marks};

/// How many times eight bytes of a text between quotes are looked through before a search of many bytes at once is asked,
/// which costs more to start than most names are long.
const NEAR: u32 = 4;

/// A scan that can go on where it stopped, when more of the text is there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scan {
    at: usize,
    depth: u32,
    in_string: bool,
    /// How deep the text was nested so far.
    pub(super) deepest: u32,
}

/// How a scan ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    /// The value ends before this byte.
    Whole(usize),
    /// The text ends within the value.
    More,
}

impl Scan {
    /// Goes on in `text`, which must start with what was scanned before.
    pub(super) fn run(&mut self, text: &[u8]) -> Step {
        let mut quiet = 0;
        while let Some(rest) = text.get(self.at..).filter(|rest| !rest.is_empty()) {
            let (eight, length) = eight_of(rest);
            let marks = structure(eight);
            match self.pass(eight, marks) {
                Passed::All => self.at += length,
                Passed::End(place) => {
                    self.at += place;
                    return Step::Whole(self.at);
                }
                Passed::Escape(place) if place + 1 < rest.len() => self.at += place + 2,
                Passed::Escape(place) => {
                    self.at += place;
                    return Step::More;
                }
            }
            quiet = if self.in_string && marks == 0 { quiet + 1 } else { 0 };
            if quiet == NEAR {
                let far = text.get(self.at..).unwrap_or_default();
                self.at += memchr::memchr2(b'"', b'\\', far).unwrap_or(far.len());
                quiet = 0;
            }
        }
        Step::More
    }

    /// Forgets the text that was scanned, so that the scan goes on in what follows it; how long it was.
    pub(super) fn forget(&mut self) -> usize {
        std::mem::take(&mut self.at)
    }

    /// Passes over the marked ones of eight bytes.
    fn pass(&mut self, eight: u64, mut marks: u64) -> Passed {
        while marks != 0 {
            let place = first_of(marks);
            marks &= marks - 1;
            match (eight >> (8 * place)) as u8 {
                b'"' => {
                    self.in_string = !self.in_string;
                    if !self.in_string && self.depth == 0 {
                        return Passed::End(place + 1);
                    }
                }
                b'\\' if self.in_string => return Passed::Escape(place),
                _ if self.in_string => {}
                b'{' | b'[' => {
                    self.depth = self.depth.saturating_add(1);
                    self.deepest = self.deepest.max(self.depth);
                }
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Passed::End(place + 1);
                    }
                }
                _ => {}
            }
        }
        Passed::All
    }
}

/// How eight bytes were passed over.
enum Passed {
    All,
    /// The value ends before this one of them.
    End(usize),
    /// This one says that the next one stands for itself.
    Escape(usize),
}

/// Marks quotes, backslashes and brackets.
fn structure(eight: u64) -> u64 {
    // Square brackets differ from curly ones by one bit, which no other byte has in place of theirs.
    let curly = eight | (EACH * 0x20);
    marks(eight, b'"') | marks(eight, b'\\') | marks(curly, b'{') | marks(curly, b'}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The end of the value that a text starts with, byte by byte.
    fn end_of(text: &[u8]) -> Option<usize> {
        let (mut depth, mut in_string, mut at) = (0u32, false, 0);
        while let Some(byte) = text.get(at) {
            at += 1;
            match (in_string, byte) {
                (true, b'\\') => at += 1,
                (_, b'"') => in_string = !in_string,
                (false, b'{' | b'[') => depth += 1,
                (false, b'}' | b']') => depth = depth.saturating_sub(1),
                _ => continue,
            }
            if !in_string && depth == 0 {
                return Some(at);
            }
        }
        None
    }

    #[test]
    fn a_value_ends_where_its_quotes_and_brackets_say_wherever_the_text_is_cut() {
        let long = format!("[\"{}\\\"{}\", {{}}]", "x".repeat(100), "]".repeat(50));
        let texts = [
            r#"{"a":1,"bb":[1,2,{"c":"}"}],"d":"\\\"]"} x"#,
            r#"["",{},[],"[[[[[[[[",{"\\":"\\\\"}]]"#,
            r#""a\\b" x"#,
            r#"[1,2"#,
            r#"{"open":"x"#,
            &long,
        ];
        for text in texts {
            let text = text.as_bytes();
            for start in 0..9 {
                // Blanks in front move it against the eights.
                let text = [&b"        "[..start.min(8)], text].concat();
                let wanted = end_of(&text).map_or(Step::More, Step::Whole);
                for cut in 0..=text.len() {
                    let mut scan = Scan::default();
                    let found = match scan.run(&text[..cut]) {
                        Step::More => scan.run(&text),
                        whole => whole,
                    };
                    assert_eq!(found, wanted, "{:?} cut at {cut}", String::from_utf8_lossy(&text));
                    let mut scan = Scan::default();
                    if scan.run(&text[..cut]) == Step::More {
                        let passed = scan.forget();
                        let rest = scan.run(&text[passed..]);
                        let rest = if let Step::Whole(end) = rest { Step::Whole(passed + end) } else { rest };
                        assert_eq!(rest, wanted, "{:?} forgotten at {cut}", String::from_utf8_lossy(&text));
                    }
                }
            }
        }
    }
}
