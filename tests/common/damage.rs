//! An attacker's tools: files are damaged, and all checksums made right again.

use std::ops::Range;
use std::path::{Path, PathBuf};
use surgdb::format::constants::*;
use surgdb::format::footer::{Footer, footer_len};
use surgdb::format::manifest::{Manifest, version_path};
use surgdb::format::message;
use surgdb::read::Expected;
use surgdb::{Dataset, Table};

/// What integers are set to.
pub const WORDS_4: [i32; 9] = [0, 1, -1, i32::MAX, i32::MIN, 2, 64, 255, 1 << 20];
/// What integers are set to.
pub const WORDS_8: [i64; 9] =
    [0, 1, -1, i64::MAX, i64::MIN, 1 << 32, (1 << 53) - 1, i32::MAX as i64 + 1, i64::MAX / 8 + 1];

/// A data file as it was written.
pub struct Pristine {
    pub path: PathBuf,
    /// Its path in manifests.
    pub name: String,
    pub bytes: Vec<u8>,
    pub footer: Footer,
    /// Where the footer starts.
    pub footer_start: usize,
    /// Where each segment lies.
    pub segments: Vec<Range<u64>>,
    /// Where buffers lie, without padding; values of blobs are left out.
    pub buffers: Vec<Range<u64>>,
    /// Where metadata of messages lies.
    pub metadata: Vec<Range<u64>>,
}

impl Pristine {
    pub fn read(root: &Path, name: &str) -> Self {
        let path = root.join(name);
        let bytes = std::fs::read(&path).unwrap();
        let (footer, footer_start) = decode(&bytes).unwrap();
        let mut pristine = Self {
            path,
            name: name.to_owned(),
            metadata: vec![footer.schema_message()],
            segments: vec![0..HEAD_LEN, footer.schema_message()],
            buffers: Vec::new(),
            bytes,
            footer,
            footer_start,
        };
        pristine.find_segments();
        pristine
    }

    fn find_segments(&mut self) {
        let footer = &self.footer;
        let part = |range: &Range<u64>| &self.bytes[range.start as usize..range.end as usize];
        for (index, block) in footer.batches.iter().enumerate() {
            let metadata = part(&block.metadata());
            let layout = message::read_batch(metadata, *block, &footer.schema, footer.batch_rows(index)).unwrap();
            self.metadata.push(block.metadata());
            self.segments.push(block.metadata());
            self.segments.extend(layout.columns.iter().map(|column| column.bytes.clone()));
            self.buffers.extend(layout.buffers.iter().cloned());
            if footer.kind == Table::Blobs.name() {
                let values = self.buffers.pop().unwrap();
                self.segments.last_mut().unwrap().end = values.start;
            }
        }
        for (id, block) in footer.dictionaries.iter().enumerate() {
            let layout = message::read_dictionary(part(&block.metadata()), *block, id).unwrap();
            self.metadata.push(block.metadata());
            self.segments.extend([block.metadata(), block.body()]);
            self.buffers.extend(layout.buffers.iter().cloned());
        }
        self.segments.push(footer.end..footer.end + END_MARK.len() as u64);
        assert_eq!(self.segments.len(), footer.segments.len());
    }

    /// The file with other bytes in front of its footer, and the checksums that belong to them.
    pub fn resealed(&self, mut bytes: Vec<u8>, touched: Range<u64>) -> Vec<u8> {
        let mut footer = self.footer.clone();
        for (segment, range) in footer.segments.iter_mut().zip(&self.segments) {
            if range.start < touched.end && touched.start < range.end {
                *segment = crc32fast::hash(&bytes[range.start as usize..range.end as usize]);
            }
        }
        bytes.truncate(self.footer_start);
        bytes.extend(footer.encode());
        bytes
    }

    /// The file with these bytes from `at` on, its checksums made right; behind the footer's start they are left alone,
    /// as only the manifest has the footer's.
    pub fn with(&self, at: usize, new: &[u8]) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes[at..at + new.len()].copy_from_slice(new);
        match at >= self.footer_start {
            true => bytes,
            false => self.resealed(bytes, at as u64..(at + new.len()) as u64),
        }
    }

    /// What a manifest that goes along with the damage says of these bytes.
    pub fn expected(&self, bytes: &[u8]) -> Expected {
        let footer = decode(bytes).map_or_else(|_| self.footer.clone(), |(footer, _)| footer);
        Expected {
            length: bytes.len() as u64,
            crc32: footer_crc(bytes),
            kind: kind(&self.footer.kind),
            schema: self.footer.schema.clone(),
            rows: footer.rows(),
            fragments: footer.fragments,
        }
    }
}

fn decode(bytes: &[u8]) -> surgdb::Result<(Footer, usize)> {
    let len = bytes.len() as u64;
    let footer = footer_len(&bytes[bytes.len().saturating_sub(TAIL_LEN as usize)..], len)?;
    let start = (len - footer) as usize;
    Ok((Footer::decode(&bytes[start..], len)?, start))
}

fn footer_crc(bytes: &[u8]) -> u32 {
    let tail = &bytes[bytes.len().saturating_sub(TAIL_LEN as usize)..];
    let len = footer_len(tail, bytes.len() as u64).unwrap_or(0) as usize;
    crc32fast::hash(&bytes[bytes.len() - len..])
}

fn kind(name: &str) -> &'static str {
    let tables = Table::ALL.map(Table::name);
    tables.into_iter().chain(["column", "index", "deletions"]).find(|kind| *kind == name).unwrap()
}

/// The data files of the version that is open.
pub fn data_files(dataset: &Dataset) -> Vec<Pristine> {
    let names = dataset.manifest().paths().filter(|path| path.ends_with(".arrow"));
    names.map(|name| Pristine::read(dataset.path(), name)).collect()
}

/// The manifest's bytes when a file has become these.
pub fn resealed_manifest(manifest: &Manifest, name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut manifest = manifest.clone();
    let (length, crc32) = (bytes.len() as u64, footer_crc(bytes));
    let base = manifest.files.values_mut().flatten();
    for file in base.chain(manifest.columns.iter_mut().flat_map(|column| &mut column.files)) {
        if file.path == name {
            (file.length, file.crc32) = (length, crc32);
        }
    }
    for run in manifest.index.iter_mut().filter(|run| run.path == name) {
        (run.length, run.crc32) = (length, crc32);
    }
    for file in manifest.deletions.iter_mut().filter(|file| file.path == name) {
        (file.length, file.crc32) = (length, crc32);
    }
    manifest.encode()
}

/// Where the manifest of the version that is open lies.
pub fn manifest_path(dataset: &Dataset) -> PathBuf {
    dataset.path().join(version_path(dataset.version()))
}

/// A version file with this inner object, its checksum right.
pub fn framed(inner: &str) -> Vec<u8> {
    format!("{{\"crc32\":{},\"manifest\":{inner}}}", crc32fast::hash(inner.as_bytes())).into_bytes()
}

/// A small generator of numbers that look random (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    /// One with a new seed, printed with the test's name, or the one in `SURGDB_SEED`.
    pub fn new(test: &str) -> Self {
        let given = std::env::var("SURGDB_SEED").ok().and_then(|seed| seed.parse().ok());
        let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
        let seed = given.unwrap_or_else(now);
        println!("{test}: SURGDB_SEED={seed}");
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Whether a die with so many sides shows 0.
    pub fn one_in(&mut self, sides: u64) -> bool {
        self.next().is_multiple_of(sides)
    }
}
