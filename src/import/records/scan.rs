//! Finds the end of a JSON object, list or string by its quotes and brackets alone.

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
        loop {
            let rest = text.get(self.at..).unwrap_or_default();
            let found = if self.in_string { self.leave_string(rest) } else { self.pass_structure(rest) };
            match found {
                Some(true) => return Step::Whole(self.at),
                Some(false) => {}
                None => return Step::More,
            }
        }
    }

    /// Goes to the string's end, or one escape further; true where that is the value's end, nothing when the text ends
    /// first.
    fn leave_string(&mut self, rest: &[u8]) -> Option<bool> {
        let Some(at) = memchr::memchr2(b'"', b'\\', rest) else {
            self.at += rest.len();
            return None;
        };
        if rest.get(at) == Some(&b'\\') {
            if at + 1 >= rest.len() {
                self.at += at;
                return None;
            }
            self.at += at + 2;
        } else {
            self.at += at + 1;
            self.in_string = false;
            return Some(self.depth == 0);
        }
        Some(false)
    }

    /// Goes to the next string, or to the value's end (true); nothing when the text ends first.
    fn pass_structure(&mut self, rest: &[u8]) -> Option<bool> {
        for (at, byte) in rest.iter().enumerate() {
            match byte {
                b'"' => {
                    self.at += at + 1;
                    self.in_string = true;
                    return Some(false);
                }
                b'{' | b'[' => {
                    self.depth = self.depth.saturating_add(1);
                    self.deepest = self.deepest.max(self.depth);
                }
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        self.at += at + 1;
                        return Some(true);
                    }
                }
                _ => {}
            }
        }
        self.at += rest.len();
        None
    }
}
