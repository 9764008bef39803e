//! Stores the bytes of pictures and videos, and reads what they say of themselves.

use crate::dataset::{BlobInfo, BlobSource};
use crate::error::{Error, Result};
use crate::format::address::Address;
use crate::import::draft::MediaItem;
use crate::import::media::names::Named;
use crate::import::media::store::Located;
use crate::import::media::{mp4, picture};
use crate::import::options::MediaMode;
use crate::import::report::{At, ImportReport, Kind};
use crate::import::sink::Sink;
use crate::schema::rows::VideoRow;
use crate::schema::tables::Table;
use crate::schema::whole;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Seek};
use std::path::Path;

/// A picture up to this size is read into memory once, for its header and its bytes.
const HELD_LIMIT: u64 = 32 << 20;

/// Where rows, counts and findings go, and what record they are about.
pub(crate) struct Out<'o> {
    pub(crate) sink: &'o mut dyn Sink,
    pub(crate) report: &'o mut ImportReport,
    pub(crate) at: &'o At,
}

/// Bytes that were stored, and what they say of themselves.
#[derive(Default)]
pub(crate) struct Stored {
    pub(super) blob: Option<Address>,
    pub(super) digest: Option<[u8; 32]>,
    size: Option<(i32, i32)>,
    video: mp4::Video,
}

impl Out<'_> {
    /// Stores bytes that stood in the record.
    pub(super) fn store_bytes(&mut self, named: &Named<'_>) -> Result<Stored> {
        let MediaItem::Bytes { media_type, bytes, path } = named.item else { return Ok(Stored::default()) };
        let by_name = path.as_deref().map(picture::media_type_of_name);
        let media_type = by_name.filter(|_| media_type == picture::UNKNOWN).unwrap_or(media_type);
        self.store_held(named, media_type, bytes)
    }

    /// Stores bytes that are held.
    pub(super) fn store_held(&mut self, named: &Named<'_>, media_type: &str, bytes: &[u8]) -> Result<Stored> {
        if named.table == Table::Videos {
            let found = mp4::read(Cursor::new(bytes), bytes.len() as u64);
            let media_type = if media_type == picture::UNKNOWN && found.is_ok() { "video/mp4" } else { media_type };
            let blob = self.put(BlobSource::Bytes { media_type, bytes })?;
            return Ok(self.video(blob, found, named));
        }
        let header = picture::read(Cursor::new(bytes), "");
        let media_type = if header.size.is_ok() || media_type.is_empty() { header.media_type } else { media_type };
        let fault = whole::fault(Cursor::new(bytes), header.media_type, bytes.len() as u64);
        let blob = self.put(BlobSource::Bytes { media_type, bytes })?;
        Ok(self.picture(blob, (header.size, fault), named))
    }

    /// Stores, or links, a file of this size.
    pub(crate) fn store_file(&mut self, named: &Named<'_>, path: &Path, size: u64, mode: MediaMode) -> Result<Stored> {
        let unreadable = |error| Error::io("cannot read it", error).in_file(path);
        let from_file = |media_type| match mode {
            MediaMode::Embed => BlobSource::File { media_type, path },
            MediaMode::Link => BlobSource::Linked { media_type, path },
        };
        if named.table == Table::Videos {
            let file = File::open(path).map_err(unreadable)?;
            let media_type = picture::media_type_of_name(named.written());
            let found = match is_mp4(media_type) {
                true => mp4::read(BufReader::new(file), size),
                false => Err(format!(
                    "of {media_type} the bytes alone are taken: size, rate, length and key frames are read of mp4 files"
                )),
            };
            let blob = self.put(from_file(media_type))?;
            return Ok(self.video(blob, found, named));
        }
        if mode == MediaMode::Link || size > HELD_LIMIT {
            let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
            let header = picture::read(&mut file, &named.id);
            let fault = whole::fault(file, header.media_type, size);
            let blob = self.put(from_file(header.media_type))?;
            return Ok(self.picture(blob, (header.size, fault), named));
        }
        let bytes = std::fs::read(path).map_err(unreadable)?;
        let header = picture::read(Cursor::new(&bytes), &named.id);
        let fault = whole::fault(Cursor::new(&bytes), header.media_type, bytes.len() as u64);
        let blob = self.put(BlobSource::Bytes { media_type: header.media_type, bytes: &bytes })?;
        Ok(self.picture(blob, (header.size, fault), named))
    }

    fn put(&mut self, source: BlobSource<'_>) -> Result<BlobInfo> {
        let is_linked = matches!(source, BlobSource::Linked { .. });
        let info = self.sink.blob(source)?;
        let media = &mut self.report.media;
        *if is_linked { &mut media.linked } else { &mut media.embedded } += 1;
        media.bytes += info.size;
        if info.is_new {
            self.report.row(Table::Blobs.name());
        }
        Ok(info)
    }

    /// What is known of a picture whose header says this size, or why it says none, and behind whose header this is wrong.
    fn picture(
        &mut self,
        blob: BlobInfo,
        (size, fault): (Result<(i32, i32), String>, Option<String>),
        named: &Named<'_>,
    ) -> Stored {
        if let Some(reason) = size.as_ref().err().or(fault.as_ref()) {
            self.report.find(Kind::BadPicture, self.at, format!("{:?}: {reason}", named.written()));
        }
        let (blob, digest) = (Some(blob.address), Some(blob.digest));
        Stored { blob, digest, size: size.ok(), video: mp4::Video::default() }
    }

    fn video(&mut self, blob: BlobInfo, found: Result<mp4::Video, String>, named: &Named<'_>) -> Stored {
        let reason = match &found {
            Ok(video) => video.lacks().map(str::to_owned),
            Err(reason) => Some(reason.clone()),
        };
        if let Some(reason) = reason {
            self.report.find(Kind::BadVideo, self.at, format!("{:?}: {reason}", named.id));
        }
        let (blob, digest) = (Some(blob.address), Some(blob.digest));
        Stored { blob, digest, size: None, video: found.unwrap_or_default() }
    }
}

/// What is wrong with the bytes of a medium that would be taken now: where it is no picture or video, or not whole.
pub(crate) fn unreadable(named: &Named<'_>, located: &Located) -> Option<(Kind, String)> {
    let is_video = named.table == Table::Videos;
    let found = match (located, named.item) {
        (Located::New(path, size, _) | Located::FoundNow(_, path, size) | Located::Changed(_, path, size), _) => {
            let file = File::open(path).map_err(|error| error.to_string());
            file.and_then(|file| {
                if is_video {
                    video_in(BufReader::new(file), *size, named.written())
                } else {
                    picture_in(BufReader::new(file), *size)
                }
            })
        }
        (Located::Bytes | Located::BytesNow(_), MediaItem::Bytes { bytes, path, .. }) => {
            let (file, size) = (Cursor::new(bytes), bytes.len() as u64);
            let name = path.as_deref().unwrap_or_default();
            if is_video { video_in(file, size, name) } else { picture_in(file, size) }
        }
        _ => return None,
    };
    found.err().map(|reason| (if is_video { Kind::BadVideo } else { Kind::BadPicture }, reason))
}

fn picture_in(mut file: impl BufRead + Seek, size: u64) -> Result<(), String> {
    let header = picture::read(&mut file, "");
    header.size?;
    whole::fault(file, header.media_type, size).map_or(Ok(()), Err)
}

fn video_in(file: impl BufRead + Seek, size: u64, name: &str) -> Result<(), String> {
    if is_mp4(picture::media_type_of_name(name)) { mp4::read(file, size).map(drop) } else { Ok(()) }
}

/// Whether a video of this type is read, or taken as it is.
fn is_mp4(media_type: &str) -> bool {
    !matches!(media_type, "video/x-msvideo" | "video/x-matroska" | "video/webm" | "video/mpeg")
}

impl Stored {
    /// A picture's width and height.
    pub(super) fn sides(&self) -> (Option<i32>, Option<i32>) {
        (self.size.map(|(width, _)| width), self.size.map(|(_, height)| height))
    }

    /// Gives a video's row what the file says; what it does not say stays as it was.
    pub(super) fn fill_video(self, row: &mut VideoRow) {
        let video = self.video;
        row.blob = self.blob;
        row.fps = video.fps.or(row.fps);
        row.duration = video.duration.or(row.duration);
        row.frame_count = video.frame_count.or(row.frame_count);
        row.width = video.width.or(row.width);
        row.height = video.height.or(row.height);
        row.keyframes = video.keyframes.or(row.keyframes.take());
    }
}
