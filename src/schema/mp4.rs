//! The boxes that an MP4 file is made of, and the tables in them: what is read of videos, whoever reads it.
//!
//! Nothing is read beyond the bytes at hand, so that a damaged or hostile file costs a `None`.

/// The boxes in a box; ends at the first that does not fit.
pub struct Boxes<'a>(pub &'a [u8]);

impl<'a> Iterator for Boxes<'a> {
    type Item = ([u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let name = self.0.get(4..8)?.try_into().ok()?;
        let (header, size) = match be32(self.0, 0)? {
            1 => (16, usize::try_from(be64(self.0, 8)?).ok()?),
            0 => (8, self.0.len()),
            size => (8, size as usize),
        };
        let body = self.0.get(header..size)?;
        self.0 = self.0.get(size..)?;
        Some((name, body))
    }
}

/// The body of a box within boxes.
pub fn child<'a>(body: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter().try_fold(body, |body, name| Boxes(body).find(|(found, _)| found == *name).map(|(_, body)| body))
}

/// Where in the media the presentation starts.
pub fn media_start(elst: &[u8]) -> Option<i64> {
    let is_long = elst.first() == Some(&1);
    let count = be32(elst, 4)?.min(16) as usize;
    (0..count).find_map(|entry| {
        let start =
            if is_long { be64(elst, 16 + entry * 20)? as i64 } else { i64::from(be32(elst, 12 + entry * 12)? as i32) };
        (start >= 0).then_some(start)
    })
}

/// A table of runs, value by value.
pub struct Runs<'a> {
    rest: &'a [u8],
    left: u32,
    value: u32,
}

impl<'a> Runs<'a> {
    /// The runs of a table.
    pub fn new(table: &'a [u8]) -> Self {
        Self { rest: table.get(8..).unwrap_or_default(), left: 0, value: 0 }
    }
}

impl Iterator for Runs<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        while self.left == 0 {
            self.left = be32(self.rest, 0)?;
            self.value = be32(self.rest, 4)?;
            self.rest = self.rest.get(8..)?;
        }
        self.left -= 1;
        Some(self.value)
    }
}

/// A big-endian number of 16 bits.
pub fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

/// A big-endian number of 32 bits.
pub fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// A big-endian number of 64 bits.
pub fn be64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}
