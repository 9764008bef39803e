//! What is known about a picture or video of a sample.

use crate::cell;
use crate::json::Json;
use std::borrow::Cow;
use surgdb::dataset::{Conversation, Record};
use surgdb::{Address, Dataset, Result};

/// A frame or a video that a sample refers to.
pub struct Medium {
    /// Where it is.
    pub address: Address,
    /// `rgb`, `mask`, …, or `video`.
    pub kind: String,
    /// Its path as the source wrote it, or its id.
    pub name: String,
    /// Width and height in pixels, where they are known.
    pub pixels: Option<(i32, i32)>,
    /// Seconds, of a video.
    pub duration: Option<f64>,
    /// Its MIME type, where its bytes are here.
    pub media_type: Option<String>,
    /// Its bytes' number, where they are here.
    pub size: Option<u64>,
    /// What the columns say that were added to its table.
    pub columns: Vec<(String, Json)>,
}

impl Medium {
    /// The frame or video at this address.
    pub fn at(dataset: &Dataset, address: Address) -> Result<Self> {
        let (kind, name, size, duration, blob, columns) = match dataset.get(address)? {
            Record::Frame(frame) => {
                let name = frame.path()?.unwrap_or(frame.id()?).to_owned();
                let columns = cell::added(dataset, frame.row())?;
                (frame.kind()?.to_owned(), name, (frame.width()?, frame.height()?), None, frame.blob()?, columns)
            }
            Record::Video(video) => {
                let name = video.path()?.unwrap_or(video.id()?).to_owned();
                let (size, columns) = ((video.width()?, video.height()?), cell::added(dataset, video.row())?);
                ("video".to_owned(), name, size, video.duration()?, video.blob()?, columns)
            }
            _ => {
                let message = format!(
                    "its media refer to {address}, which is neither a frame nor a video; `surgdb verify` lists all that is \
                     wrong: delete the row and import it again"
                );
                return Err(surgdb::Error::corrupt(message));
            }
        };
        let (media_type, bytes) = match blob {
            None => (None, None),
            Some(blob) => {
                let blob = dataset.blob(blob)?;
                (Some(blob.media_type()?.to_owned()), Some(blob.size()?.unsigned_abs()))
            }
        };
        Ok(Self { address, kind, name, pixels: size.0.zip(size.1), duration, media_type, size: bytes, columns })
    }

    /// A name for a file that holds it: the last part of its path.
    pub fn file_name(&self) -> String {
        let last = self.name.rsplit(['/', '\\']).next().unwrap_or_default();
        let plain = |c: char| c.is_alphanumeric() || "._-".contains(c);
        let safe: String = last.chars().map(|c| if plain(c) { c } else { '_' }).collect();
        if safe.contains('.') {
            return safe;
        }
        let ending = match self.media_type.as_deref() {
            Some("image/jpeg") => "jpg",
            Some("video/mp4") => "mp4",
            Some(other) => other.rsplit('/').next().unwrap_or("bin"),
            None => "bin",
        };
        format!("{safe}.{ending}")
    }
}

/// All media of a sample, those of its other endings included, each once, in order.
pub fn all(dataset: &Dataset, sample: &Conversation<'_>) -> Result<Vec<Medium>> {
    let mut seen = std::collections::BTreeSet::new();
    let mut media = Vec::new();
    for medium in sample.all_media()? {
        for address in medium.refs().iter().filter(|address| seen.insert(*address)) {
            media.push(Medium::at(dataset, address)?);
        }
    }
    Ok(media)
}

/// The bytes of a frame or video; none where its file is missing.
pub fn bytes(dataset: &Dataset, address: Address) -> Result<Option<Cow<'_, [u8]>>> {
    match dataset.get(address)? {
        Record::Frame(frame) => frame.bytes(),
        Record::Video(video) => video.bytes(),
        _ => Ok(None),
    }
}
