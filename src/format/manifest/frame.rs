//! The frame around a manifest or a tombstone: a checksum over bytes, before anything in them is believed.

use super::{Manifest, check_readable, corrupt};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// What a version file holds.
#[derive(Clone, Debug, PartialEq)]
pub enum VersionFile {
    /// The version.
    Manifest(Box<Manifest>),
    /// What is left of one that was dropped, so that its number is never free again.
    Tombstone(Tombstone),
}

/// What stands in place of a manifest that was dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The number of the version that was here.
    pub version: u64,
}

impl Tombstone {
    /// The bytes of the version file.
    pub fn encode(&self) -> Vec<u8> {
        encode("tombstone", self)
    }

    /// The error for who asks for this version: `NotFound`.
    pub fn to_error(&self) -> Error {
        Error::not_found(format!(
            "version {} is no longer kept: vacuum dropped it; open another version (`surgdb versions` lists them)",
            self.version
        ))
    }
}

impl VersionFile {
    /// Reads and checks a version file.
    ///
    /// # Errors
    /// `Corrupt` when the bytes are damaged or state what cannot be; `Unsupported` for another format version or
    /// an unknown feature.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let (kind, inner) = unframe(bytes)?;
        match kind {
            Kind::Manifest => {
                let manifest: Manifest = serde_json::from_slice(inner).map_err(|error| explain(inner, error))?;
                manifest.check()?;
                Ok(Self::Manifest(Box::new(manifest)))
            }
            Kind::Tombstone => Ok(Self::Tombstone(serde_json::from_slice(inner).map_err(not_understood)?)),
        }
    }

    /// The number of the version.
    pub fn version(&self) -> u64 {
        match self {
            Self::Manifest(manifest) => manifest.version,
            Self::Tombstone(tombstone) => tombstone.version,
        }
    }
}

enum Kind {
    Manifest,
    Tombstone,
}

/// The inner object's bytes, after their checksum was found right.
fn unframe(bytes: &[u8]) -> Result<(Kind, &[u8])> {
    let wrong = || corrupt("this is no version file: it must read {\"crc32\":N,\"manifest\":{…}} and nothing else");
    let rest = bytes.strip_prefix(b"{\"crc32\":").ok_or_else(wrong)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (stated, rest) = rest.split_at(digits);
    let (kind, rest) = if let Some(rest) = rest.strip_prefix(b",\"manifest\":") {
        (Kind::Manifest, rest)
    } else {
        (Kind::Tombstone, rest.strip_prefix(b",\"tombstone\":").ok_or_else(wrong)?)
    };
    let inner = rest.strip_suffix(b"}").filter(|inner| inner.starts_with(b"{")).ok_or_else(wrong)?;
    let crc = crc32fast::hash(inner);
    // Compared as text, so that no other spelling of the same number passes.
    if stated != crc.to_string().as_bytes() {
        return Err(corrupt(format!(
            "the manifest is damaged: its checksum should be {}, but its bytes give {crc}",
            String::from_utf8_lossy(stated)
        )));
    }
    Ok((kind, inner))
}

/// The bytes of a version file that holds `inner` under this name.
pub(super) fn encode(name: &str, inner: &impl Serialize) -> Vec<u8> {
    let inner = serde_json::to_vec(inner).expect("a manifest's maps have text as keys, so it has a JSON form");
    let mut bytes = format!("{{\"crc32\":{},\"{name}\":", crc32fast::hash(&inner)).into_bytes();
    bytes.extend_from_slice(&inner);
    bytes.push(b'}');
    bytes
}

/// Why a manifest with a right checksum could not be read: most likely it is of another format.
fn explain(inner: &[u8], error: serde_json::Error) -> Error {
    #[derive(Deserialize)]
    struct Head {
        format: String,
        #[serde(default)]
        features: Vec<String>,
    }
    match serde_json::from_slice::<Head>(inner).map(|head| check_readable(&head.format, &head.features)) {
        Ok(Err(unsupported)) => unsupported,
        _ => not_understood(error),
    }
}

fn not_understood(error: serde_json::Error) -> Error {
    corrupt(format!("the manifest does not say what a manifest must: {error}")).caused_by(error)
}
