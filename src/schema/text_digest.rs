//! What a record's texts say, whatever stands in them for what is shown: it tells whether they are still those that places in
//! them were noted for.

use super::placeholder::{IMAGE, VIDEO};

/// The CRC-32 of texts, in their order, without their white space and their placeholders: forms write these in ways of their
/// own, and put placeholders where a text had none.
///
/// ```
/// use surgdb::schema::text_digest::text_digest;
/// assert_eq!(text_digest(["<image>\nWhich tool?", "A hook."]), text_digest(["Which tool?<image>", "A hook."]));
/// assert_ne!(text_digest(["Which tool?", "A hook."]), text_digest(["Which tool?", "A clip."]));
/// assert_ne!(text_digest(["Which tool?", ""]), text_digest(["Which tool?"]));
/// ```
pub fn text_digest<'t>(texts: impl IntoIterator<Item = &'t str>) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    let mut said = String::new();
    for text in texts {
        said.clear();
        for letter in text.chars().filter(|letter| !letter.is_whitespace()) {
            said.push(letter);
            // Content parts may tear one apart around another.
            let placeholder =
                [IMAGE, VIDEO].into_iter().find(|placeholder| letter == '>' && said.ends_with(placeholder));
            said.truncate(said.len() - placeholder.map_or(0, str::len));
        }
        hasher.update(said.as_bytes());
        hasher.update(b"\n");
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::text_digest;

    #[test]
    fn placeholders_count_nowhere_even_where_others_tear_them_apart() {
        let torn = text_digest(["see <im<image>age> and <video>this"]);
        assert_eq!(torn, text_digest(["see <image> and this"]));
        assert_eq!(torn, text_digest(["seeandthis"]));
        assert_ne!(torn, text_digest(["see < image> and this".replace('<', "(").as_str()]));
    }

    #[test]
    fn where_a_text_ends_counts() {
        assert_ne!(text_digest(["ab", "c"]), text_digest(["a", "bc"]));
    }
}
