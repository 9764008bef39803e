//! The plainest of JSON objects, read in one pass: names and texts without escapes, numbers, words, and lists of these.
//!
//! Of annotations there are millions, and nearly all are so. Whatever else an object holds is for serde, which reads all of
//! JSON, and says what is wrong.

use crate::import::eights::{EACH, eight_of, first_of, marks};

/// How deep lists may lie in each other.
const DEPTH: u32 = 4;
/// As many digits as a number has whose digits a float holds exactly.
const DIGITS: usize = 15;
/// Powers of ten, all of them exact.
const POWERS: [f64; DIGITS + 1] = {
    let mut powers = [1.0; DIGITS + 1];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10.0;
        at += 1;
    }
    powers
};

/// Calls `field` with the name of each field of an object, and its value as it is written. Nothing where the text is not so
/// plain, or where `field` does not take what it is given.
pub(super) fn each_field<'a>(text: &'a str, mut field: impl FnMut(&'a str, &'a str) -> Option<()>) -> Option<()> {
    let mut walk = Walk { text, at: 0 };
    walk.expect(b'{')?;
    if walk.next()? == b'}' {
        walk.at += 1;
        return walk.ends();
    }
    loop {
        walk.next()?;
        let name = walk.text()?;
        walk.expect(b':')?;
        field(name, walk.value()?)?;
        match walk.next()? {
            b',' => walk.at += 1,
            b'}' => {
                walk.at += 1;
                return walk.ends();
            }
            _ => return None,
        }
    }
}

/// The four numbers of a JSON list, where each is so plain that there is no doubt about its last bit: of few digits, and
/// without an exponent.
pub(super) fn four_numbers(list: &str) -> Option<[f64; 4]> {
    let mut rest = list.trim_ascii_end().strip_prefix('[')?.strip_suffix(']')?.as_bytes();
    let mut numbers = [0.0; 4];
    for (at, number) in numbers.iter_mut().enumerate() {
        if at > 0 {
            rest = rest.strip_prefix(b",")?;
        }
        (*number, rest) = number_of(rest.trim_ascii_start())?;
        rest = rest.trim_ascii_start();
    }
    rest.is_empty().then_some(numbers)
}

/// The numbers of a JSON list of lists of them, where each is so plain.
pub(super) fn lists_of_numbers(list: &str) -> Option<Vec<Vec<f64>>> {
    let mut rest = list.trim_ascii().strip_prefix('[')?.as_bytes().trim_ascii_start();
    let mut lists = Vec::new();
    loop {
        rest = rest.strip_prefix(b"[")?;
        // A number and its comma have five letters or so.
        let mut numbers = Vec::with_capacity(memchr::memchr(b']', rest)? / 5);
        loop {
            let (number, behind) = number_of(rest.trim_ascii_start())?;
            numbers.push(number);
            rest = behind.trim_ascii_start();
            match rest.split_first()? {
                (b',', behind) => rest = behind,
                (b']', behind) => break rest = behind.trim_ascii_start(),
                _ => return None,
            }
        }
        lists.push(numbers);
        match rest.split_first()? {
            (b',', behind) => rest = behind.trim_ascii_start(),
            (b']', []) => return Some(lists),
            _ => return None,
        }
    }
}

/// The JSON number that a text starts with, and what follows it. The quotient of two floats that are exact is the nearest
/// float.
fn number_of(text: &[u8]) -> Option<(f64, &[u8])> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let (mut number, mut point, mut length) = (0u64, None, 0);
    for byte in digits.get(..=DIGITS).unwrap_or(digits) {
        match byte {
            b'0'..=b'9' => number = number * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(length),
            _ => break,
        }
        length += 1;
    }
    let whole = point.unwrap_or(length);
    let behind = length - point.map_or(length, |point| point + 1);
    let is_number = whole > 0 && (point.is_none() || behind > 0) && (whole == 1 || digits.first() != Some(&b'0'));
    let follows = digits.get(length..)?;
    if !is_number || length > DIGITS || matches!(follows.first(), Some(b'e' | b'E')) {
        return None;
    }
    let size = number as f64 / POWERS[behind];
    Some((if digits.len() < text.len() { -size } else { size }, follows))
}

struct Walk<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Walk<'a> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no blank.
    fn next(&mut self) -> Option<u8> {
        loop {
            match self.byte()? {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    fn expect(&mut self, wanted: u8) -> Option<()> {
        (self.next()? == wanted).then(|| self.at += 1)
    }

    fn ends(mut self) -> Option<()> {
        self.next().is_none().then_some(())
    }

    /// The text that stands here between quotes.
    fn text(&mut self) -> Option<&'a str> {
        if self.byte()? != b'"' {
            return None;
        }
        let from = self.at + 1;
        let mut end = from;
        loop {
            let (eight, length) = eight_of(self.text.as_bytes().get(end..)?);
            // What is below a blank has none of the three highest bits; so has what is behind the text.
            let odd = marks(eight & (EACH * 0xe0), 0) | marks(eight, b'"') | marks(eight, b'\\');
            if odd != 0 {
                end += first_of(odd);
                break;
            }
            end += length;
        }
        self.at = end;
        if self.byte()? != b'"' {
            return None;
        }
        self.at += 1;
        self.text.get(from..end)
    }

    /// The value that comes, as it is written.
    fn value(&mut self) -> Option<&'a str> {
        self.next()?;
        let from = self.at;
        self.pass_value(DEPTH)?;
        self.text.get(from..self.at)
    }

    fn pass_value(&mut self, depth: u32) -> Option<()> {
        match self.next()? {
            b'"' => self.text().map(drop),
            b'[' => self.pass_list(depth.checked_sub(1)?),
            b'-' | b'0'..=b'9' => self.number(),
            _ => {
                let rest = self.text.get(self.at..)?;
                let word = ["null", "true", "false"].into_iter().find(|word| rest.starts_with(word))?;
                self.at += word.len();
                Some(())
            }
        }
    }

    fn pass_list(&mut self, depth: u32) -> Option<()> {
        self.at += 1;
        if self.next()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            self.pass_value(depth)?;
            match self.next()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// Passes over a number.
    fn number(&mut self) -> Option<()> {
        if self.byte()? == b'-' {
            self.at += 1;
        }
        match self.byte()? {
            b'0' => self.at += 1,
            _ => self.digits()?,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    /// Passes over digits, of which there must be one.
    fn digits(&mut self) -> Option<()> {
        let from = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > from).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::raw::RawPart;

    fn fields(text: &str) -> Option<Vec<(&str, &str)>> {
        let mut fields = Vec::new();
        each_field(text, |name, value| {
            fields.push((name, value));
            Some(())
        })?;
        Some(fields)
    }

    /// Fields as serde reads them.
    fn by_serde(text: &str) -> Option<Vec<(String, String)>> {
        match serde_json::from_str(text).ok()? {
            RawPart::Object(fields) => {
                Some(fields.into_iter().map(|(name, value)| (name.into_owned(), value.get().to_owned())).collect())
            }
            RawPart::Text(_) => None,
        }
    }

    #[test]
    fn a_plain_object_is_read_as_it_stands() {
        let text =
            " {\"id\" : 7,\n\"bbox\":[1, -2.50,0,4e-1 ], \"name\":\"é[{\", \"a\":[[1],[]],\"n\":null,\"t\":true}\r\n";
        let wanted = [
            ("id", "7"),
            ("bbox", "[1, -2.50,0,4e-1 ]"),
            ("name", "\"é[{\""),
            ("a", "[[1],[]]"),
            ("n", "null"),
            ("t", "true"),
        ];
        assert_eq!(fields(text).unwrap(), wanted);
        assert_eq!(fields("{}").unwrap(), []);
    }

    #[test]
    fn what_is_taken_is_json_and_read_as_serde_reads_it() {
        let text = r#"{"id":10,"xx":[1.5,-0,0.0e+1],"bb":"é]","nn":null,"ff":false,"ee":[]}"#;
        assert!(fields(text).is_some());
        let others = [r#"{"a":{}}"#, r#"{"a":"\n"}"#, "{\"a\":\"\n\"}", r#"{"a":[[[[[1]]]]]}"#];
        others.iter().for_each(|text| assert_eq!(fields(text), None, "{text}"));
        // Each byte left out, and each in place of another.
        let bytes = b"{}[]\":,.-+eE019 ntfa\\\x01\xc3";
        for at in 0..text.len() {
            let changed =
                bytes.iter().map(|byte| [&text.as_bytes()[..at], &[*byte], &text.as_bytes()[at + 1..]].concat());
            let cut = [&text.as_bytes()[..at], &text.as_bytes()[at + 1..]].concat();
            for text in changed.chain([cut]).filter_map(|bytes| String::from_utf8(bytes).ok()) {
                if let Some(fields) = fields(&text) {
                    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
                    assert_eq!(by_serde(&text), Some(fields.collect()), "{text}");
                }
            }
        }
    }

    #[test]
    fn lists_of_numbers_are_what_serde_makes_of_them_or_left_to_it() {
        let plain = ["[[1,2.5,-3]]", " [ [1 , 2] ,\n[3.25,4 ] ] ", "[[0]]"];
        for text in plain {
            let by_serde: Vec<Vec<f64>> = serde_json::from_str(text).unwrap();
            assert_eq!(lists_of_numbers(text), Some(by_serde), "{text}");
        }
        let text = "[[1,2.5],[-3,4e1]]";
        let bytes = b"[],.-e 09\"n";
        for at in 0..text.len() {
            let changed =
                bytes.iter().map(|byte| [&text.as_bytes()[..at], &[*byte], &text.as_bytes()[at + 1..]].concat());
            let cut = [&text.as_bytes()[..at], &text.as_bytes()[at + 1..]].concat();
            for text in changed.chain([cut]).map(|bytes| String::from_utf8(bytes).unwrap()) {
                if let Some(lists) = lists_of_numbers(&text) {
                    assert_eq!(serde_json::from_str::<Vec<Vec<f64>>>(&text).ok(), Some(lists), "{text}");
                }
            }
        }
        for odd in
            ["[]", "[[]]", "null", "[[1,2],]", "[[1,2]] 3", "[[1,2]]]", "[[1 2]]", "[1,2]", "[[1,2]", "[[1e9,2]]"]
        {
            assert_eq!(lists_of_numbers(odd), None, "{odd}");
        }
    }

    #[test]
    fn numbers_are_to_the_bit_what_serde_makes_of_them() {
        for number in
            ["0", "-0", "7", "-12", "0.1", "-0.30", "123.456", "3.14159265358979", "99999999999999", "1e2", "-0.0"]
        {
            let list = format!("[{number}, 1,{number} ,0]");
            let by_serde: [f64; 4] = serde_json::from_str(&list).unwrap();
            if let Some(numbers) = four_numbers(&list) {
                assert_eq!(numbers.map(f64::to_bits), by_serde.map(f64::to_bits), "{list}");
            } else {
                assert!(number.contains('e') || number.len() > DIGITS, "{list}");
            }
        }
        let odd = [
            "[1,2,3,-]",
            "[1,2,3,.5]",
            "[1,2,3,1.2.3]",
            "[-01,2,3,4]",
            "[1,2,3,4",
            "[1 2,3,4]",
            "[1,2,3,]",
            "[1,2,3]",
            "[1,2,3,4,5]",
            "[]",
            "[1,2,3,\"4\"]",
            "[1,2,3,4] 5",
            "[01,2,3,4]",
            "[1.,2,3,4]",
            "null",
        ];
        odd.iter().for_each(|list| assert_eq!(four_numbers(list), None, "{list}"));
    }
}
