//! What stands where a record should start or end, and how it is told.

use super::DEPTH_LIMIT;
use super::scan::{Scan, Step};

/// What the array may be called where an object wraps it.
const WRAPPERS: [&[u8]; 4] = [b"data", b"records", b"samples", b"items"];

/// What is wrong with a line that should be one object, before its grammar is looked at.
pub(super) fn line_fault(line: &[u8], is_last: bool) -> Option<String> {
    let mut scan = Scan::default();
    match line.first() {
        Some(b'{') => {}
        Some(&other) => return Some(format!("{}, found {}", super::NO_RECORD, shown(other))),
        None => return None,
    }
    let step = scan.run(line);
    if scan.deepest > DEPTH_LIMIT {
        return Some(too_deep());
    }
    match step {
        Step::Whole(end) if end == line.len() => None,
        Step::Whole(end) => Some(format!("there is more in the line after the record's end (its byte {end})")),
        Step::More if is_last => Some("the file ends in the middle of this record".into()),
        Step::More => Some("the line ends in the middle of this record".into()),
    }
}

/// How long the start of a wrapper, `{"data": [`, is, if the text starts with one.
pub(super) fn wrapper_length(text: &[u8]) -> Option<usize> {
    let rest = text.strip_prefix(b"{")?.trim_ascii_start().strip_prefix(b"\"")?;
    let name = WRAPPERS.into_iter().find(|name| rest.starts_with(name))?;
    let rest = rest.get(name.len()..)?.strip_prefix(b"\"")?.trim_ascii_start().strip_prefix(b":")?;
    let rest = rest.trim_ascii_start().strip_prefix(b"[")?;
    Some(text.len() - rest.len())
}

pub(super) fn too_deep() -> String {
    format!("the record is nested deeper than {DEPTH_LIMIT} levels")
}

/// A byte, for a message.
pub(super) fn shown(byte: u8) -> String {
    match byte {
        0x21..=0x7e => format!("`{}`", char::from(byte)),
        _ => format!("the byte 0x{byte:02x}"),
    }
}
