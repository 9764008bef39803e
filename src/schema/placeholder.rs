//! Placeholders: where in a turn's text a medium stands.

/// The placeholder of a picture.
pub const IMAGE: &str = "<image>";
/// The placeholder of a video or a clip.
pub const VIDEO: &str = "<video>";

/// Whether a medium may stand at this byte of the text: before, between or behind its characters.
///
/// ```
/// use surgdb::schema::placeholder::is_place;
/// assert!(is_place("é?", 0) && is_place("é?", 2) && is_place("é?", 3));
/// assert!(!is_place("é?", 1) && !is_place("é?", 4) && !is_place("é?", -1));
/// ```
pub fn is_place(text: &str, byte: i64) -> bool {
    usize::try_from(byte).is_ok_and(|byte| text.is_char_boundary(byte))
}

/// The placeholder that stands at this byte of the text; none where none does, inside a character or past the end too.
///
/// ```
/// use surgdb::schema::placeholder;
/// assert_eq!(placeholder::at("see <image>", 4), Some("<image>"));
/// assert_eq!(placeholder::at("see <image>", 5), None);
/// ```
pub fn at(text: &str, byte: i64) -> Option<&'static str> {
    let rest = text.get(usize::try_from(byte).ok()?..)?;
    [IMAGE, VIDEO].into_iter().find(|placeholder| rest.starts_with(placeholder))
}
