//! What makes two runs the same run: the samples, the seed, the groups and the batch.

use super::estimate::Estimate;
use super::lengths::{PictureSource, TokenSource};
use super::packing::{Budget, Overlong, Packing};
use super::window::Packer;
use crate::dataset::Selection;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The way in which lengths are estimated; another one is another run.
const ESTIMATE: u64 = 1;
/// Addresses that are hashed at a time.
const CHUNK: usize = 8192;

/// What a run's order follows from, as four hashes, so that a difference can be named: the selected addresses of each
/// group (and the dataset), the seed, the groups, and how batches are cut.
///
/// It does not cover rank, world size, workers, prefetch, the columns that are read, or what is done about damage:
/// these may change from one start of a run to the next.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint([u64; 4]);

/// What each hash covers, in the words of an error.
const COVERED: [&str; 4] = [
    "the selected samples, or the dataset that they are of",
    "the seed",
    "the groups (their names, weights or number, or the length of an epoch)",
    "the batches (their size, what is done with the last one, or how samples are packed, the lengths among it)",
];

impl Fingerprint {
    pub(super) fn new(parts: [u64; 4]) -> Self {
        Self(parts)
    }

    pub(super) fn parts(&self) -> [u64; 4] {
        self.0
    }

    /// Refuses another fingerprint than this one, and says what differs. `what` has it: a state, a plan.
    pub(super) fn check(&self, what: &str, other: &Self) -> Result<()> {
        let pairs = self.0.iter().zip(other.0);
        let differing: Vec<_> =
            pairs.zip(COVERED).filter(|((mine, theirs), _)| *mine != theirs).map(|(_, covered)| covered).collect();
        if differing.is_empty() {
            return Ok(());
        }
        let remedy = match self.0[0] != other.0[0] {
            true => {
                "; it goes on with the dataset and the selection that it was started with, or, where rows were erased since, \
                 with the groups that were saved when it began (`LoaderBuilder::saved_groups`)"
            }
            false => "",
        };
        let differing = differing.join(", and ");
        Err(Error::invalid(format!("the {what} is another run's: what differs is {differing}{remedy}")))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [samples, seed, groups, batch] = self.0;
        write!(f, "{samples:016x}-{seed:016x}-{groups:016x}-{batch:016x}")
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        let part = |part: &str| (part.len() == 16).then(|| u64::from_str_radix(part, 16).ok()).flatten();
        let parts: Option<Vec<_>> = text.split('-').map(part).collect();
        let parts = parts.and_then(|parts| <[u64; 4]>::try_from(parts).ok());
        parts.map(Self).ok_or_else(|| Error::invalid(format!("{text:?} is no loader's fingerprint")))
    }
}

/// A hash that is fed with numbers and texts, each with its length, so that no two inputs look alike.
pub(super) struct Hash(blake3::Hasher);

impl Hash {
    /// A hash of its own for `what`.
    pub(super) fn new(what: &str) -> Self {
        Self(blake3::Hasher::new_derive_key(&format!("surgdb loader fingerprint: {what}")))
    }

    pub(super) fn number(&mut self, number: u64) -> &mut Self {
        self.0.update(&number.to_le_bytes());
        self
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.number(text.len() as u64).0.update(text.as_bytes());
        self
    }

    /// The addresses of a selection, and how many they are.
    pub(super) fn selection(&mut self, selection: &Selection) -> &mut Self {
        self.number(selection.len());
        let mut buffer = Vec::with_capacity(CHUNK * 8);
        for address in selection.iter() {
            buffer.extend_from_slice(&address.get().to_le_bytes());
            if buffer.len() == CHUNK * 8 {
                self.0.update(&buffer);
                buffer.clear();
            }
        }
        self.0.update(&buffer);
        self
    }

    pub(super) fn finish(&self) -> u64 {
        let mut first = [0; 8];
        first.copy_from_slice(&self.0.finalize().as_bytes()[..8]);
        u64::from_le_bytes(first)
    }
}

/// How samples are packed, and where their lengths are known from. The lengths themselves follow from the dataset's
/// version.
pub(super) fn packing_into(hash: &mut Hash, packer: &Packer, tokens: &TokenSource, pictures: &PictureSource) {
    hash.number(packer.window());
    match packer.packing() {
        Packing::ByLength => hash.number(1),
        Packing::Bins(Budget { tokens, pictures, overlong }) => {
            let overlong = match overlong {
                Overlong::Error => 0,
                Overlong::Truncate => 1,
                Overlong::Alone => 2,
            };
            hash.number(2).number((*tokens).into()).number(pictures.map_or(0, u64::from)).number(overlong)
        }
    };
    match tokens {
        TokenSource::Column(name) => hash.number(1).text(name),
        TokenSource::Estimate(Estimate { bytes, patch, merge, size: (width, height), fps, seconds }) => {
            hash.number(2).number(ESTIMATE);
            [bytes, patch, merge, width, height].into_iter().for_each(|number| {
                hash.number((*number).into());
            });
            hash.number(fps.to_bits()).number(seconds.to_bits())
        }
    };
    match pictures {
        PictureSource::None => hash.number(1),
        PictureSource::Column(name) => hash.number(2).text(name),
        PictureSource::Media => hash.number(3),
    };
}
