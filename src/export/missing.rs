//! Pictures and videos whose bytes an export cannot have: what happens then, and what is told of them.

use super::ExportReport;
use super::cut::has_pictures;
use super::media::{MediaFolder, bytes_of};
use crate::dataset::pictures::size_of_blob;
use crate::dataset::{Conversation, Dataset};
use crate::error::{Error, ErrorKind, Result};
use crate::format::Address;
use crate::schema::tables::Table;
use crate::schema::whole;
use serde::Serialize;
use std::borrow::Cow;
use std::io::Cursor;
use std::str::FromStr;

/// How many are named.
const NAMED: usize = 100_000;
/// Why records are left out whose pictures or videos were never there.
pub(super) const GONE: &str = "the dataset does not have the bytes of their pictures or videos";
/// The same, where nobody could put the file there either: there is no name to write.
pub(super) const NAMELESS: &str =
    "the dataset does not have the bytes of their pictures or videos, and no file of them is named";
/// Why those are whose linked files changed.
pub(super) const BROKEN: &str = "linked files of their pictures or videos are gone or changed";

/// Why those are whose bytes are there, and are no picture or video.
pub(super) const UNREADABLE: &str = "their pictures or videos cannot be read: their bytes are none, or damaged";
/// The same of one.
const UNREADABLE_ONE: &str = "its bytes are no picture or video, or damaged";
/// The largest linked video without a size that is read to see whether it is one.
const LINKED_MAX: i64 = 1 << 30;

/// What happens at a picture or video whose bytes cannot be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnMissing {
    /// It is exported by the name that its source gave its file, counted and named. Where no file was ever named, null
    /// stands in its place in the forms that are imported again; trainers' forms and COCO leave out what shows it.
    #[default]
    Keep,
    /// Records that show it are left out, counted and named.
    Skip,
    /// The export ends, and nothing is left behind.
    Stop,
}

impl FromStr for OnMissing {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "keep" => Ok(Self::Keep),
            "skip" => Ok(Self::Skip),
            "stop" => Ok(Self::Stop),
            _ => Err(Error::invalid(format!("{name:?} is no choice for missing: it is one of keep, skip, stop"))),
        }
    }
}

/// A picture or video that is exported without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Its path as its source wrote it, or its id.
    pub path: String,
    /// Its address.
    pub address: String,
    /// Why.
    pub reason: String,
}

/// Why the bytes of a picture or video cannot be had, if they cannot.
///
/// # Errors
/// `Corrupt`, `Io`.
pub(super) fn lacks_bytes(dataset: &Dataset, address: Address) -> Result<Option<&'static str>> {
    let blob = match blob_of(dataset, address)? {
        Ok(blob) => blob,
        Err(reason) => return Ok(Some(reason)),
    };
    match dataset.blob(blob)?.check_link() {
        Ok(()) => Ok(is_unreadable(dataset, address)?.then_some(UNREADABLE)),
        Err(error) if error.kind() == ErrorKind::LinkBroken => Ok(Some(BROKEN)),
        Err(error) => Err(error),
    }
}

/// Whether the bytes of a picture or video are there, and nobody can read them as such: an import leaves a row whose header is
/// none without a size. It is read again, since rows need not have come from an import; and pictures are held to go on to
/// their ends.
///
/// # Errors
/// `Corrupt`, `LinkBroken`, `Io`.
fn is_unreadable(dataset: &Dataset, address: Address) -> Result<bool> {
    let is_video = dataset.table_of(address)? == Table::Videos;
    let (has_size, blob) = match is_video {
        true => {
            let video = dataset.video(address)?;
            (video.width()?.is_some(), video.blob()?)
        }
        false => {
            let frame = dataset.frame(address)?;
            (frame.width()?.is_some(), frame.blob()?)
        }
    };
    let Some(at) = blob.filter(|_| !(is_video && has_size)) else { return Ok(false) };
    let blob = dataset.blob(at)?;
    let size = blob.size()?;
    if !is_video {
        let is_side = |side: usize| side > 0 && i32::try_from(side).is_ok();
        let size = size_of_blob(dataset, at);
        let has_header = has_size || size.is_some_and(|(width, height)| is_side(width) && is_side(height));
        let bytes = match bytes_of(dataset, address) {
            // It is told as what it is.
            Err(error) if error.kind() == ErrorKind::LinkBroken => return Ok(false),
            bytes => bytes?.unwrap_or_default(),
        };
        let fault = || whole::fault(Cursor::new(&*bytes), blob.media_type().ok()?, bytes.len() as u64);
        return Ok(!has_header || fault().is_some());
    }
    // Of other containers nobody says more than that they have bytes.
    if size == 0 || blob.media_type()? != "video/mp4" || (blob.uri()?.is_some() && size > LINKED_MAX) {
        return Ok(size == 0);
    }
    Ok(!has_pictures(&bytes_of(dataset, address)?.unwrap_or_default()))
}

/// The blob of a picture or video, or why there is none.
fn blob_of(dataset: &Dataset, address: Address) -> Result<std::result::Result<Address, &'static str>> {
    let (blob, has_path) = match dataset.table_of(address)? {
        Table::Videos => {
            let video = dataset.video(address)?;
            (video.blob()?, video.path()?.is_some())
        }
        _ => {
            let frame = dataset.frame(address)?;
            (frame.blob()?, frame.path()?.is_some())
        }
    };
    Ok(blob.ok_or(if has_path { GONE } else { NAMELESS }))
}

impl OnMissing {
    /// Whether a picture or video is left out with all that shows it, and why, where each must have a name.
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    pub(super) fn omits(self, media: &mut MediaFolder<'_>, address: Address) -> Result<Option<&'static str>> {
        match self {
            Self::Stop => Ok(None),
            Self::Skip => media.lacks_bytes(address),
            Self::Keep => Ok(blob_of(media.dataset(), address)?.err().filter(|reason| *reason == NAMELESS)),
        }
    }

    /// Leaves a record out that shows what is left out; whether it does.
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    pub(super) fn leaves_out(
        self,
        media: &mut MediaFolder<'_>,
        row: &Conversation<'_>,
        report: &mut ExportReport,
    ) -> Result<bool> {
        if self != Self::Skip {
            return Ok(false);
        }
        for medium in row.all_media()? {
            for address in medium.refs().iter() {
                if let Some(reason) = media.lacks_bytes(address)? {
                    report.broken += u64::from(reason == BROKEN);
                    report.leave_out(reason, row.id()?, row.source()?, row.address());
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The bytes of a picture or video, if they are there. That they are not is noted in the report.
    ///
    /// # Errors
    /// What keeps the bytes from being read, save that a linked file is gone; `NotFound` where the export is to stop.
    pub(super) fn judge<'a>(
        self,
        bytes: Result<Option<Cow<'a, [u8]>>>,
        path: &str,
        is_named: bool,
        address: Address,
        report: &mut ExportReport,
    ) -> Result<Option<Cow<'a, [u8]>>> {
        let (reason, is_broken) = match bytes {
            Ok(Some(bytes)) => return Ok(Some(bytes)),
            Ok(None) if is_named => ("its file was missing when it was imported".to_owned(), false),
            Ok(None) => ("no file of it was ever named".to_owned(), false),
            Err(error) if error.kind() == ErrorKind::LinkBroken => (error.to_string(), true),
            Err(error) => return Err(error),
        };
        if self == Self::Stop {
            let message = format!("{path:?}: {reason}; or export without it, with `--missing keep`");
            return Err(Error::not_found(message).in_row(address.to_string()));
        }
        report.missing += 1;
        report.nameless += u64::from(!is_named && !is_broken);
        report.broken += u64::from(is_broken);
        if report.without_bytes.len() < NAMED {
            report.without_bytes.push(Missing { path: path.to_owned(), address: address.to_string(), reason });
        }
        Ok(None)
    }
}

impl ExportReport {
    /// Notes that a picture or video goes out that nobody can read.
    pub(super) fn note_unreadable(&mut self, path: &str, address: Address) {
        self.unreadable += 1;
        if self.unreadable_media.len() < NAMED {
            let (path, address) = (path.to_owned(), address.to_string());
            self.unreadable_media.push(Missing { path, address, reason: UNREADABLE_ONE.to_owned() });
        }
    }
}
