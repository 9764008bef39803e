//! The pass over frames and videos.

use super::groups::{Counts, NOT_SAID, count, with};
use crate::dataset::{Dataset, Frame, Video};
use crate::error::Result;
use crate::format::Address;
use roaring::RoaringTreemap;
use std::collections::BTreeMap;

/// The most different sizes of pictures that are told apart.
const SIZES_MAX: usize = 10_000;

/// What pictures, or videos, are like.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct MediaStats {
    /// All of them.
    pub all: Held,
    /// By source.
    pub sources: BTreeMap<String, Held>,
    /// Frames by kind: `rgb`, `mask`, …; videos are `files`, or `no_file` where no file of them is named or there.
    pub kinds: BTreeMap<String, Held>,
    /// Frames by origin.
    pub origins: Counts,
    /// By width and height in pixels.
    pub sizes: BTreeMap<(i32, i32), u64>,
    /// Those of other sizes than are told apart.
    pub other_sizes: u64,
    /// Those whose size is not known.
    pub without_size: u64,
    /// Seconds of all videos whose duration is known.
    pub seconds: f64,
}

/// How many there are, and what of them is there.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Held {
    /// How many.
    pub count: u64,
    /// Those that have a path and no bytes.
    pub missing: u64,
    /// Those that have neither: no file of them is named.
    pub unnamed: u64,
    /// Bytes of those that are there, each content counted once.
    pub bytes: u64,
    pub(super) blobs: RoaringTreemap,
}

impl Held {
    fn add(&mut self, blob: Option<Address>, path: bool) {
        self.count += 1;
        self.missing += u64::from(path && blob.is_none());
        self.unnamed += u64::from(!path && blob.is_none());
        self.blobs.extend(blob.map(|blob| blob.get() as u64));
    }
}

impl MediaStats {
    pub(super) fn add_frame(&mut self, frame: &Frame<'_>) -> Result<()> {
        count(&mut self.origins, frame.origin()?);
        let path = frame.path()?.is_some();
        self.add(frame.source()?, frame.kind()?, frame.blob()?, path, (frame.width()?, frame.height()?));
        Ok(())
    }

    pub(super) fn add_video(&mut self, video: &Video<'_>) -> Result<()> {
        let path = video.path()?.is_some();
        let kind = if path || video.blob()?.is_some() { "files" } else { "no_file" };
        self.seconds += video.duration()?.filter(|seconds| seconds.is_finite()).unwrap_or(0.0);
        self.add(video.source()?, kind, video.blob()?, path, (video.width()?, video.height()?));
        Ok(())
    }

    fn add(&mut self, source: &str, kind: &str, blob: Option<Address>, path: bool, size: (Option<i32>, Option<i32>)) {
        self.all.add(blob, path);
        with(&mut self.sources, source, |held| held.add(blob, path));
        with(&mut self.kinds, if kind.is_empty() { NOT_SAID } else { kind }, |held| held.add(blob, path));
        let Some(size) = size.0.zip(size.1) else {
            self.without_size += 1;
            return;
        };
        if self.sizes.len() < SIZES_MAX || self.sizes.contains_key(&size) {
            *self.sizes.entry(size).or_default() += 1;
        } else {
            self.other_sizes += 1;
        }
    }

    pub(super) fn weigh(&mut self, dataset: &Dataset) -> Result<()> {
        let groups = self.sources.values_mut().chain(self.kinds.values_mut());
        for held in groups.chain([&mut self.all]) {
            held.bytes = size_of(dataset, &held.blobs)?;
        }
        Ok(())
    }
}

/// Bytes of these blobs, linked ones too.
pub(super) fn size_of(dataset: &Dataset, blobs: &RoaringTreemap) -> Result<u64> {
    let mut size = 0u64;
    for blob in blobs {
        let blob = dataset.blob(Address::new(blob as i64)?)?;
        size = size.saturating_add(u64::try_from(blob.size()?).unwrap_or(0));
    }
    Ok(size)
}
