//! The floor's file: the bytes of all samples one after the other, nothing else, each content once.

use super::samples::{Extent, Samples};
use crate::interrupt;
use crate::ui::Progress;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use surgdb::storage::FileBytes;
use surgdb::{Access, Error, Result};

/// Writes the file, and says where in it the same samples' bytes lie.
///
/// Their bytes keep the order that they have in the dataset, not that of the samples.
///
/// # Errors
/// `Io`; `Interrupted` after Ctrl-C.
pub fn write(samples: &Samples, path: &Path) -> Result<Samples> {
    let distinct = samples.distinct();
    let total = distinct.iter().map(|extent| u64::from(extent.len)).sum();
    let progress = Progress::bytes("writing the raw file", Some(total));
    let failed = |error| Error::io("cannot write the raw file", error).in_file(path);
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).map_err(failed)?);
    let files = samples.files.iter().map(|file| FileBytes::open(file, Access::Mapped)).collect::<Result<Vec<_>>>()?;
    let mut places = Vec::with_capacity(distinct.len());
    let mut written = 0;
    for extent in &distinct {
        out.write_all(slice(&files, *extent)?).map_err(failed)?;
        places.push(written);
        written += u64::from(extent.len);
        progress.at(written, String::new)?;
    }
    out.into_inner().map_err(|error| failed(error.into_error()))?.sync_all().map_err(failed)?;
    interrupt::check()?;
    let mut raw = Samples::of_files(vec![path.to_path_buf()]);
    for sample in samples.iter() {
        raw.push(sample.iter().map(|extent| {
            let key = (extent.file, extent.start, extent.len);
            let at = distinct.partition_point(|other| (other.file, other.start, other.len) < key);
            Extent { file: 0, start: places[at], len: extent.len }
        }));
    }
    Ok(raw)
}

/// The bytes of an extent in files that are mapped.
///
/// # Errors
/// `Corrupt` when the file is shorter.
pub fn slice(files: &[FileBytes], extent: Extent) -> Result<&[u8]> {
    let file = files.get(extent.file as usize).and_then(FileBytes::mapped);
    let bytes = file.and_then(|bytes| bytes.get(extent.start as usize..extent.end() as usize));
    bytes.ok_or_else(|| Error::corrupt("a file became shorter while it was measured"))
}
