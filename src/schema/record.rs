//! Digests of rows and keys of ids.
//!
//! The **record digest** says whether a record that is imported again is the same. It is the first 8 bytes of BLAKE3
//! over the row's canonical bytes: the table's name as a text, then the columns in the schema's order, without those
//! left out below. A value's bytes are
//!
//! | type | bytes |
//! | --- | --- |
//! | text, dict | length in bytes as `uint64`, then the bytes |
//! | ref | as a text: source of the row referred to, a zero byte, its id |
//! | integers, floats | the value in its own width, little-endian; floats by their bits |
//! | bool | one byte, 0 or 1 |
//! | list | number of items as `uint64`, then the items |
//! | fixed-size list | the items |
//! | struct | its parts in order |
//!
//! and a value that may be null has one byte before it: 0 for a null, which nothing follows, or 1. All integers are
//! little-endian.
//!
//! Left out are `record` itself, and what may be attached later: `blob`, `width` and `height` of frames; `blob`, `fps`,
//! `duration`, `frame_count`, `width`, `height` and `keyframes` of videos. Blobs have no record digest.

mod sink;

use crate::error::Result;
use crate::format::address::Address;
use crate::format::constants::{DIGEST_LEN, RECORD_LEN};
use crate::schema::rows::*;
use crate::schema::tables::Table;
use sink::Sink;

/// The key of an id in the index: the first 8 bytes, little-endian, of BLAKE3 over source, a zero byte, id.
pub fn id_key(source: &str, id: &str) -> u64 {
    id_identity(source, id).key()
}

/// What tells ids apart where their texts are not at hand: the first half of the digest of which [`id_key`] is the start.
pub fn id_identity(source: &str, id: &str) -> Identity {
    let parts = [source.as_bytes(), &[0], id.as_bytes()];
    let mut short = [0; 256];
    let mut len = 0;
    for part in parts {
        match short.get_mut(len..len + part.len()) {
            Some(free) => free.copy_from_slice(part),
            None => return Identity::of_digest(blake3::hash(&parts.concat()).as_bytes()),
        }
        len += part.len();
    }
    Identity::of_digest(blake3::hash(&short[..len]).as_bytes())
}

/// Half of a BLAKE3 digest, in a form that needs no padding in a map: nobody can make two texts that share it by trying,
/// as can be done with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity(u64, u64);

impl Identity {
    /// The identity of what has this digest.
    pub fn of_digest(digest: &[u8; DIGEST_LEN]) -> Self {
        let part = |from: usize| u64::from_le_bytes(std::array::from_fn(|at| digest[from + at]));
        Self(part(0), part(8))
    }

    /// What the index finds it by.
    pub fn key(&self) -> u64 {
        self.0
    }

    /// Another number that is spread evenly, and says nothing of the key.
    pub fn spread(&self) -> u64 {
        self.1
    }
}

/// How maps hash an [`Identity`], or what else is a digest already: hashing it again would only cost time.
pub(crate) type Keyed = std::hash::BuildHasherDefault<KeyHasher>;

/// See [`Keyed`].
#[derive(Debug, Default)]
pub(crate) struct KeyHasher(u64);

impl std::hash::Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for (at, byte) in bytes.iter().enumerate() {
            self.0 ^= u64::from(*byte) << (8 * (at % 8));
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 ^= key;
    }
}

/// Says what row an address stands for: appends its source, a zero byte and its id to the buffer.
pub type NameOf<'a> = dyn FnMut(Address, &mut Vec<u8>) -> Result<()> + 'a;

/// The record digest of a case.
pub fn of_case(row: &CaseRow) -> [u8; RECORD_LEN] {
    let mut sink = Sink::of_table(Table::Cases);
    sink.text(&row.id);
    sink.text(&row.source);
    for text in [&row.patient, &row.institution, &row.specialty, &row.procedure, &row.device, &row.consent, &row.extra]
    {
        sink.text_opt(text);
    }
    sink.finish()
}

/// The record digest of a video.
///
/// # Errors
/// What `name_of` returns.
pub fn of_video(row: &VideoRow, name_of: &mut NameOf<'_>) -> Result<[u8; RECORD_LEN]> {
    let mut sink = Sink::of_table(Table::Videos);
    sink.text(&row.id);
    sink.text(&row.source);
    sink.address_opt(row.case, name_of)?;
    sink.text_opt(&row.path);
    sink.text_opt(&row.extra);
    Ok(sink.finish())
}

/// The record digest of a frame.
///
/// # Errors
/// What `name_of` returns.
pub fn of_frame(row: &FrameRow, name_of: &mut NameOf<'_>) -> Result<[u8; RECORD_LEN]> {
    let mut sink = Sink::of_table(Table::Frames);
    sink.text(&row.id);
    sink.text(&row.source);
    sink.address_opt(row.case, name_of)?;
    sink.address_opt(row.video, name_of)?;
    sink.opt(row.index.map(i64::to_le_bytes));
    sink.opt(row.time.map(f64::to_le_bytes));
    sink.text(&row.kind);
    sink.address_opt(row.parent, name_of)?;
    for text in [&row.path, &row.origin, &row.generator, &row.extra] {
        sink.text_opt(text);
    }
    Ok(sink.finish())
}

/// The record digest of an annotation.
///
/// # Errors
/// What `name_of` returns.
pub fn of_annotation(row: &AnnotationRow, name_of: &mut NameOf<'_>) -> Result<[u8; RECORD_LEN]> {
    let mut sink = Sink::of_table(Table::Annotations);
    sink.text(&row.id);
    sink.text(&row.source);
    for text in [&row.annotator, &row.status, &row.origin, &row.generator] {
        sink.text_opt(text);
    }
    sink.address(row.target, name_of)?;
    sink.opt(row.start.map(f64::to_le_bytes));
    sink.opt(row.end.map(f64::to_le_bytes));
    sink.address_opt(row.parent, name_of)?;
    sink.text_opt(&row.text);
    sink.count(row.labels.len());
    for label in &row.labels {
        sink.label(label);
    }
    sink.count(row.regions.len());
    for region in &row.regions {
        sink.region(region, name_of)?;
    }
    sink.text_opt(&row.extra);
    Ok(sink.finish())
}

/// The record digest of a conversation.
///
/// # Errors
/// What `name_of` returns.
pub fn of_conversation(row: &ConversationRow, name_of: &mut NameOf<'_>) -> Result<[u8; RECORD_LEN]> {
    let mut sink = Sink::of_table(Table::Conversations);
    for text in [&row.id, &row.source, &row.task] {
        sink.text(text);
    }
    for text in [&row.specialty, &row.procedure, &row.language, &row.origin, &row.generator] {
        sink.text_opt(text);
    }
    sink.address_opt(row.case, name_of)?;
    sink.turns(&row.turns);
    sink.media(&row.media, name_of)?;
    sink.groundings(&row.grounding);
    sink.count(row.reasoning.len());
    for node in &row.reasoning {
        sink.node(node, name_of)?;
    }
    sink.count(row.alternatives.len());
    for alternative in &row.alternatives {
        sink.alternative(alternative, name_of)?;
    }
    sink.opt(row.preferred.map(|preferred| [u8::from(preferred)]));
    sink.text_opt(&row.solution);
    sink.addresses(&row.annotations, name_of)?;
    sink.text_opt(&row.tools);
    sink.text_opt(&row.extra);
    Ok(sink.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_8(bytes: &[u8]) -> [u8; 8] {
        blake3::hash(bytes).as_bytes()[..8].try_into().unwrap()
    }

    #[test]
    fn the_key_of_an_id_is_over_source_zero_byte_id() {
        assert_eq!(id_key("cholec80", "17"), u64::from_le_bytes(first_8(b"cholec80\x0017")));
    }

    #[test]
    fn the_identity_of_an_id_is_half_of_the_digest_that_its_key_starts() {
        let digest = blake3::hash(b"cholec80\x0017");
        let identity = id_identity("cholec80", "17");
        assert_eq!(identity, Identity::of_digest(digest.as_bytes()));
        assert_eq!(identity.key(), id_key("cholec80", "17"));
        for len in [0, 200, 246, 247, 248, 300] {
            let id = "7".repeat(len);
            let digest = blake3::hash(format!("cholec80\0{id}").as_bytes());
            assert_eq!(id_identity("cholec80", &id), Identity::of_digest(digest.as_bytes()), "{len}");
        }
        let mut other = *digest.as_bytes();
        other[15] ^= 1;
        assert_ne!(identity, Identity::of_digest(&other));
    }

    #[test]
    fn the_bytes_are_those_of_the_table() {
        let row = FrameRow {
            id: "f".into(),
            source: "src".into(),
            video: Some(Address::new(1 << 32).unwrap()),
            time: Some(1.5),
            kind: "rgb".into(),
            path: Some(String::new()),
            blob: Some(Address::new(2 << 32).unwrap()),
            width: Some(7),
            record: Some([9; 8]),
            ..Default::default()
        };
        let mut bytes = Vec::new();
        let text = |bytes: &mut Vec<u8>, text: &[u8]| {
            bytes.extend((text.len() as u64).to_le_bytes());
            bytes.extend(text);
        };
        text(&mut bytes, b"frames");
        text(&mut bytes, b"f");
        text(&mut bytes, b"src");
        bytes.push(0); // case
        bytes.push(1); // video
        text(&mut bytes, b"src\0v");
        bytes.push(0); // index
        bytes.push(1); // time
        bytes.extend(1.5f64.to_le_bytes());
        text(&mut bytes, b"rgb");
        bytes.push(0); // parent
        bytes.push(1); // path
        text(&mut bytes, b"");
        bytes.extend([0, 0, 0]); // origin, generator, extra
        let digest = of_frame(&row, &mut |_, name| {
            name.extend(b"src\0v");
            Ok(())
        });
        assert_eq!(digest.unwrap(), first_8(&bytes));
    }

    #[test]
    fn long_texts_and_many_short_ones_hash_as_one_stream() {
        let gathered = Sink::GATHERED;
        for len in [0, 1, 1000, 1024, 1025, 5000, gathered - 605, gathered - 604, gathered, gathered + 1, 3 * gathered]
        {
            let mut sink = Sink::of_table(Table::Cases);
            let mut bytes = [5u64.to_le_bytes().as_slice(), b"cases", &[3; 5]].concat();
            sink.raw(&[3; 5]);
            sink.raw(&vec![1; len]);
            bytes.extend(vec![1; len]);
            for i in 0..300u16 {
                sink.raw(&i.to_le_bytes());
                bytes.extend(i.to_le_bytes());
            }
            assert_eq!(sink.finish(), first_8(&bytes), "{len}");
        }
    }

    #[test]
    fn a_null_is_not_an_empty_text() {
        let some = CaseRow { patient: Some(String::new()), ..Default::default() };
        assert_ne!(of_case(&some), of_case(&CaseRow::default()));
    }
}
