//! Patterns with `%` and `_`.

/// A pattern: `%` stands for any characters, `_` for one; `\` takes their meaning away.
pub struct Like(Vec<Piece>);

#[derive(Clone, Copy, PartialEq)]
enum Piece {
    Char(char),
    One,
    Any,
}

impl Like {
    pub fn new(pattern: &str) -> Self {
        let mut chars = pattern.chars();
        let mut pieces = Vec::new();
        while let Some(c) = chars.next() {
            let piece = match c {
                '%' => Piece::Any,
                '_' => Piece::One,
                '\\' => Piece::Char(chars.next().unwrap_or('\\')),
                c => Piece::Char(c),
            };
            if piece != Piece::Any || pieces.last() != Some(&Piece::Any) {
                pieces.push(piece);
            }
        }
        Self(pieces)
    }

    /// Whether the whole text matches: in time proportional to the text times the pattern.
    pub fn holds(&self, text: &str) -> bool {
        let (mut at, mut rest) = (0, text);
        // Where to go on when what follows the last `%` does not match: the pattern behind it, and the text there.
        let mut retry: Option<(usize, &str)> = None;
        loop {
            let next = rest.chars().next();
            match (self.0.get(at), next) {
                (Some(Piece::Any), _) => {
                    at += 1;
                    retry = Some((at, rest));
                    continue;
                }
                (None, None) => return true,
                (Some(Piece::One), Some(c)) => {
                    (at, rest) = (at + 1, &rest[c.len_utf8()..]);
                    continue;
                }
                (Some(Piece::Char(wanted)), Some(c)) if *wanted == c => {
                    (at, rest) = (at + 1, &rest[c.len_utf8()..]);
                    continue;
                }
                _ => {}
            }
            let Some((behind, from)) = retry else { return false };
            let Some(skipped) = from.chars().next() else { return false };
            (at, rest) = (behind, &from[skipped.len_utf8()..]);
            retry = Some((behind, rest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_the_whole_text() {
        for (pattern, text, holds) in [
            ("VID68%", "VID68/000123.png", true),
            ("VID68%", "xVID68", false),
            ("%png", "a.png.png", true),
            ("a%b%c", "aXbXbc", true),
            ("a%b%c", "aXbXb", false),
            ("_é_", "aéb", true),
            ("_", "", false),
            ("%", "", true),
            ("", "", true),
            ("", "a", false),
            (r"100\%", "100%", true),
            (r"100\%", "1000", false),
            (r"a\", r"a\", true),
        ] {
            assert_eq!(Like::new(pattern).holds(text), holds, "{pattern} {text}");
        }
    }
}
