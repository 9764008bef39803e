//! Pictures and videos whose bytes an export cannot have: what happens then, and what is told of them.

use super::ExportReport;
use super::cut::has_pictures;
use super::media::{MediaFolder, bytes_of};
use crate::dataset::pictures::size_of;
use crate::dataset::{Blob, Conversation, Dataset};
use crate::error::{Error, ErrorKind, Result};
use crate::format::{Address, FragmentId};
use crate::schema::tables::Table;
use crate::schema::whole;
use serde::Serialize;
use std::borrow::Cow;
use std::io::Cursor;
use std::str::FromStr;
use std::time::SystemTime;

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
/// The same of one whose linked file changed.
const BROKEN_ONE: &str = "its linked file is gone or changed";
/// The same of one that was never there.
const MISSING_ONE: &str = "its file was missing when it was imported";
/// The largest linked video without a size that is read to see whether it is one.
const LINKED_MAX: i64 = 1 << 30;
/// The container that is looked into.
const MP4: &str = "video/mp4";

/// What happens at a picture or video whose bytes cannot be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnMissing {
    /// It is exported by the name that its source gave its file, counted and named. Where no file was ever named, null
    /// stands in its place in the forms that are imported again; trainers' forms and COCO leave out what shows it.
    #[default]
    Keep,
    /// Records that show it, or one whose bytes nobody can read, are left out, counted and named.
    Skip,
    /// The export ends there, and at one whose bytes nobody can read; nothing is left behind.
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

/// What a look at a picture or video found: why its bytes cannot be had, or read, if they cannot; and the bytes, where they were
/// read for it.
pub(super) type Look<'a> = (Option<&'static str>, Option<Cow<'a, [u8]>>);

/// Looks at a picture or video. A linked file is held against its digest: where it has to be read to see whether it is one,
/// and else where it was touched since `written_by`, when its row was written.
///
/// # Errors
/// `Corrupt`, `Io`.
pub(super) fn look<'a>(
    dataset: &'a Dataset,
    address: Address,
    written_by: &mut dyn FnMut(FragmentId) -> Result<Option<SystemTime>>,
) -> Result<Look<'a>> {
    let at = match blob_of(dataset, address)? {
        Ok(at) => at,
        Err(reason) => return Ok((Some(reason), None)),
    };
    let blob = dataset.blob(at)?;
    let bytes = match is_read_to_tell(dataset, address, &blob)? {
        true => bytes_of(dataset, address),
        false => blob.check_link_since(written_by(at.fragment())?).map(|()| None),
    };
    let bytes = match bytes {
        Err(error) if error.kind() == ErrorKind::LinkBroken => return Ok((Some(BROKEN), None)),
        bytes => bytes?,
    };
    let is_unreadable = match &bytes {
        Some(bytes) => is_unreadable(dataset, address, bytes)?,
        None => blob.size()? == 0,
    };
    Ok((is_unreadable.then_some(UNREADABLE), bytes))
}

/// Whether a picture or video has to be read to tell whether it is one. Of a video whose size an import has read, and of other
/// containers than mp4, nobody says more than that they have bytes.
fn is_read_to_tell(dataset: &Dataset, address: Address, blob: &Blob<'_>) -> Result<bool> {
    if dataset.table_of(address)? != Table::Videos {
        return Ok(true);
    }
    let is_known = dataset.video(address)?.width()?.is_some();
    let is_large = blob.uri()?.is_some() && blob.size()? > LINKED_MAX;
    Ok(!is_known && !is_large && blob.media_type()? == MP4)
}

/// Whether nobody can read these bytes as the picture or video that they are to be: an import leaves a row whose header is none
/// without a size. It is read again, since rows need not have come from an import; and pictures are held to go on to their
/// ends.
///
/// # Errors
/// `Corrupt`.
pub(super) fn is_unreadable(dataset: &Dataset, address: Address, bytes: &[u8]) -> Result<bool> {
    if dataset.table_of(address)? == Table::Videos {
        let video = dataset.video(address)?;
        let media_type = video.blob()?.map(|blob| dataset.blob(blob)?.media_type().map(str::to_owned)).transpose()?;
        let is_to_tell = video.width()?.is_none() && media_type.as_deref() == Some(MP4);
        return Ok(bytes.is_empty() || is_to_tell && !has_pictures(bytes));
    }
    let frame = dataset.frame(address)?;
    let is_side = |side: usize| side > 0 && i32::try_from(side).is_ok();
    let has_header =
        frame.width()?.is_some() || size_of(bytes).is_some_and(|(width, height)| is_side(width) && is_side(height));
    let blob = frame.blob()?.map(|blob| dataset.blob(blob)).transpose()?;
    let fault = || whole::fault(Cursor::new(bytes), blob.as_ref()?.media_type().ok()?, bytes.len() as u64);
    Ok(!has_header || fault().is_some())
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
            Self::Stop => stop_at(media, address, "").map(|()| None),
            Self::Skip => media.lacks_bytes(address),
            Self::Keep => Ok(blob_of(media.dataset(), address)?.err().filter(|reason| *reason == NAMELESS)),
        }
    }

    /// Leaves a record out that shows what is left out; whether it does.
    ///
    /// # Errors
    /// `Corrupt`, `Io`; `NotFound`, `Corrupt` where the export is to stop at what it shows.
    pub(super) fn leaves_out(
        self,
        media: &mut MediaFolder<'_>,
        row: &Conversation<'_>,
        report: &mut ExportReport,
    ) -> Result<bool> {
        media.forget();
        match self {
            Self::Keep => return Ok(false),
            Self::Skip => {}
            Self::Stop => return stop_at_any(media, row).map(|()| false),
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
            Ok(None) if is_named => (MISSING_ONE.to_owned(), false),
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

/// Ends an export at the first picture or video of a record whose bytes cannot be had, or read.
///
/// # Errors
/// As [`stop_at`].
pub(super) fn stop_at_any(media: &mut MediaFolder<'_>, row: &Conversation<'_>) -> Result<()> {
    let record = shown_by(row.id()?);
    for medium in row.all_media()? {
        medium.refs().iter().try_for_each(|address| stop_at(media, address, &record))?;
    }
    Ok(())
}

/// What is said of a picture or video before its name, where a record of this id shows it.
pub(super) fn shown_by(record: &str) -> String {
    format!("the record {record:?} shows ")
}

/// Ends an export at a picture or video whose bytes cannot be had, or read; `shown_by` stands before its name.
///
/// # Errors
/// `NotFound` where they cannot be had, `Corrupt` where they can and are none; `Corrupt`, `Io`.
pub(super) fn stop_at(media: &mut MediaFolder<'_>, address: Address, shown_by: &str) -> Result<()> {
    let Some(reason) = media.lacks_bytes(address)? else { return Ok(()) };
    let why = match reason {
        UNREADABLE => UNREADABLE_ONE.to_owned(),
        NAMELESS => "no file of it was ever named".to_owned(),
        // What became of the file is said by who reads it.
        BROKEN => {
            bytes_of(media.dataset(), address).err().map_or_else(|| BROKEN_ONE.to_owned(), |error| error.to_string())
        }
        _ => MISSING_ONE.to_owned(),
    };
    let kind = if reason == UNREADABLE { ErrorKind::Corrupt } else { ErrorKind::NotFound };
    let said = media.said(address)?;
    let message = format!("{shown_by}{said:?}: {why}; or go on all the same, with `--missing keep`");
    Err(Error::new(kind, message).in_row(address.to_string()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operation;
    use crate::dataset::BlobSource;
    use crate::export::media::MediaTo;
    use crate::schema::rows::{FrameRow, VideoRow};

    #[test]
    fn a_linked_file_is_read_once_for_the_look_and_for_where_it_goes() {
        let dir = tempfile::tempdir().unwrap();
        let [picture, video] = ["a.tif", "a.webm"].map(|name| dir.path().join(name));
        let mut appender = Dataset::create(dir.path().join("d.surgdb")).unwrap().append().unwrap();
        let [first, second] = [(&picture, "image/tiff"), (&video, "video/webm")].map(|(path, media_type)| {
            // Of other bytes each, or they would be one.
            std::fs::write(path, media_type).unwrap();
            Some(appender.blob(BlobSource::Linked { media_type, path }).unwrap().address)
        });
        let (id, source, width, height) = ("a".to_owned(), "s".to_owned(), Some(8), Some(8));
        let kind = "rgb".to_owned();
        let frame =
            FrameRow { id: id.clone(), source: source.clone(), kind, width, height, blob: first, ..Default::default() };
        let row = VideoRow { id, source, width, height, blob: second, ..Default::default() };
        let frame = appender.frame(&frame).unwrap();
        let address = appender.video(&row).unwrap();
        let dataset = appender.commit(Operation::new("append")).unwrap();
        let new = || MediaFolder::new(&dataset, MediaTo::Records, &[""; 0]);

        let [mut looked, mut read, mut forgot] = [new(), new(), new()];
        assert_eq!((looked.lacks_bytes(frame).unwrap(), forgot.lacks_bytes(frame).unwrap()), (None, None));
        assert!(read.read(frame).unwrap().is_some());
        forgot.forget();
        std::fs::remove_file(&picture).unwrap();
        assert_eq!(looked.read(frame).unwrap().as_deref(), Some(&b"image/tiff"[..]));
        assert_eq!(read.lacks_bytes(frame).unwrap(), None);
        for media in [&mut looked, &mut read, &mut forgot] {
            assert_eq!(media.read(frame).unwrap_err().kind(), ErrorKind::LinkBroken);
        }
        assert_eq!(new().lacks_bytes(frame).unwrap(), Some(BROKEN));

        // A video is read for nothing but its digest, and only where it may have changed.
        let mut asked = false;
        let mut since = |time: Option<SystemTime>| {
            look(&dataset, address, &mut |_| {
                asked = true;
                Ok(time)
            })
        };
        let later = SystemTime::now() + std::time::Duration::from_secs(1000);
        std::fs::write(&video, "video/WebM").unwrap();
        assert_eq!(since(Some(later)).unwrap(), (None, None), "what was not touched is not read");
        assert_eq!(since(None).unwrap(), (Some(BROKEN), None));
        std::fs::write(&video, "video/webm").unwrap();
        assert_eq!(since(None).unwrap(), (None, None));
        assert!(asked);
    }
}
