//! The boxes that an MP4 file is made of.

/// The boxes in a box; ends at the first that does not fit.
pub(super) struct Boxes<'a>(pub(super) &'a [u8]);

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
pub(super) fn child<'a>(body: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter().try_fold(body, |body, name| Boxes(body).find(|(found, _)| found == *name).map(|(_, body)| body))
}

/// Appends a box whose body is written by `write`.
pub(super) fn push_box(out: &mut Vec<u8>, name: &[u8; 4], write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(name);
    write(out);
    let size = (out.len() - start) as u32;
    if let Some(place) = out.get_mut(start..start + 4) {
        place.copy_from_slice(&size.to_be_bytes());
    }
}

pub(super) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

pub(super) fn be64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}
