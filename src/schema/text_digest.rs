//! What the turns of a record say, as they are written: it tells whether they are still those that places in them, and what
//! stands for them, were noted for.

/// The CRC-32 of turns: of their texts, and of where between these something is shown.
///
/// ```
/// use surgdb::schema::text_digest::TextDigest;
/// let of = |pieces: [&str; 2]| {
///     let mut digest = TextDigest::default();
///     digest.text(pieces[0]);
///     digest.medium();
///     digest.text(pieces[1]);
///     digest.end_turn();
///     digest.get()
/// };
/// assert_eq!(of(["Which ", "tool?"]), of(["Which ", "tool?"]));
/// assert_ne!(of(["Which ", "tool?"]), of(["Which", " tool?"]));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextDigest(u32);

impl TextDigest {
    /// A piece of the text of the turn at hand.
    pub fn text(&mut self, text: &str) {
        self.update(text.as_bytes());
    }

    /// Something that is shown where the text has come to.
    pub fn medium(&mut self) {
        // No byte of a text.
        self.update(&[0xff]);
    }

    /// The turn ends.
    pub fn end_turn(&mut self) {
        self.update(&[0xfe]);
    }

    /// The digest of what was said so far.
    pub fn get(self) -> u32 {
        self.0
    }

    fn update(&mut self, bytes: &[u8]) {
        let mut hasher = crc32fast::Hasher::new_with_initial(self.0);
        hasher.update(bytes);
        self.0 = hasher.finalize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(turns: &[&[Option<&str>]]) -> u32 {
        let mut digest = TextDigest::default();
        for turn in turns {
            for piece in *turn {
                match piece {
                    Some(text) => digest.text(text),
                    None => digest.medium(),
                }
            }
            digest.end_turn();
        }
        digest.get()
    }

    #[test]
    fn texts_count_to_the_letter_and_so_do_where_they_end_and_what_is_shown_where() {
        let said = [
            of(&[]),
            of(&[&[]]),
            of(&[&[Some("ab")]]),
            of(&[&[Some("ab ")]]),
            of(&[&[Some("a")], &[Some("b")]]),
            of(&[&[Some("ab")], &[]]),
            of(&[&[None, Some("ab")]]),
            of(&[&[Some("a"), None, Some("b")]]),
            of(&[&[Some("ab"), None]]),
            of(&[&[Some("ab")], &[None]]),
        ];
        assert!((1..said.len()).all(|at| !said[..at].contains(&said[at])), "{said:?}");
        assert_eq!(of(&[&[Some("a"), Some("b")]]), of(&[&[Some("ab")]]), "in how many pieces does not");
    }
}
