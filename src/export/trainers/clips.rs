//! Stretches of videos: the forms that trainers read have no field for where one starts and ends, so that it is cut out
//! of its video at key frames, or shown by the frames that the dataset has of it.

use super::sample::Clip;
use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::export::cut::{Cut, cut};
use crate::export::json::{push_list, push_text};
use crate::export::media::{MediaFolder, bytes_of};
use crate::export::placement::WHOLE_CLIP;
use crate::export::{ClipForm, ExportReport};
use crate::format::Address;
use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

/// The largest linked video that is cut: it is read into memory.
const LINKED_MAX: i64 = 1 << 30;

/// How clips are shown.
pub(super) struct Clips<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) wanted: ClipForm,
    /// Whether a list of frames may stand for a video.
    pub(super) takes_frames: bool,
    /// What was cut, by video and by the bits of its times.
    done: HashMap<Stretch, (Rc<str>, f64)>,
}

type Stretch = (Address, Option<u64>, Option<u64>);

/// How a clip is to be shown.
pub(super) enum Plan {
    /// By the video's file.
    File(Address),
    /// The same, though a part of it is meant.
    Whole(Address),
    /// By frames.
    Frames(Vec<Address>),
    /// By what was cut out of the video before.
    Done(Rc<str>, f64),
    /// By what is cut out of the video.
    Cut {
        /// The stretch.
        stretch: Stretch,
        /// When it was to start, in seconds.
        start: f64,
        /// The file.
        cut: Cut,
    },
}

impl Plan {
    pub(super) fn is_frames(&self) -> bool {
        self.frames().is_some()
    }

    /// The frames, where it is by such.
    pub(super) fn frames(&self) -> Option<&[Address]> {
        match self {
            Self::Frames(frames) => Some(frames),
            _ => None,
        }
    }
}

/// Where a clip is.
pub(super) enum Placed {
    File(Rc<str>),
    Frames(Vec<Rc<str>>),
}

impl Placed {
    pub(super) fn push(&self, out: &mut Vec<u8>) {
        match self {
            Self::File(path) => push_text(out, path),
            Self::Frames(paths) => push_list(out, paths, |out, path| push_text(out, path)),
        }
    }
}

impl<'a> Clips<'a> {
    pub(super) fn new(dataset: &'a Dataset, wanted: ClipForm, takes_frames: bool) -> Self {
        Self { dataset, wanted, takes_frames, done: HashMap::new() }
    }

    /// # Errors
    /// `Invalid` when the form does not take clips as they are wanted.
    pub(super) fn check(&self) -> Result<()> {
        match self.wanted {
            ClipForm::Frames if !self.takes_frames => Err(Error::invalid(
                "the form takes videos as files alone, no lists of frames: use --clips cut or whole",
            )),
            _ => Ok(()),
        }
    }

    /// How a clip is to be shown, or why it cannot be.
    ///
    /// # Errors
    /// `Corrupt`, `LinkBroken`.
    pub(super) fn plan(&self, clip: &Clip) -> Result<std::result::Result<Plan, Cow<'static, str>>> {
        let Some(first) = clip.refs.first().copied() else { return Ok(Err("they show a video of no frames".into())) };
        if !clip.is_file {
            return Ok(match self.takes_frames {
                true => Ok(Plan::Frames(clip.refs.clone())),
                false => Err("frames stand for their videos, and the form takes files alone".into()),
            });
        }
        if clip.start.or(clip.end).is_none() {
            return Ok(Ok(Plan::File(first)));
        }
        if self.wanted != ClipForm::Frames
            && let (start, Some(end)) = (clip.start.unwrap_or(0.0), clip.end)
            && end <= start
        {
            return Ok(Err("they show a part of a video that ends where it starts, or before".into()));
        }
        let mut why: Cow<'static, str> = "the dataset has no frames of it".into();
        match self.wanted {
            ClipForm::Whole => return Ok(Ok(Plan::Whole(first))),
            ClipForm::Frames => {}
            ClipForm::Auto | ClipForm::Cut => match self.cut(first, clip)? {
                Ok(plan) => return Ok(Ok(plan)),
                Err(reason) => why = format!("it cannot be cut ({reason})").into(),
            },
        }
        if self.takes_frames && self.wanted != ClipForm::Cut {
            let frames = self.frames(first, clip)?;
            if !frames.is_empty() {
                return Ok(Ok(Plan::Frames(frames)));
            }
        }
        Ok(Err(format!("they show a part of a video, and {why}; --clips whole shows all of the video").into()))
    }

    /// Cuts a clip out of its video.
    fn cut(&self, video: Address, clip: &Clip) -> Result<std::result::Result<Plan, &'static str>> {
        let stretch = (video, clip.start.map(f64::to_bits), clip.end.map(f64::to_bits));
        if let Some(path) = self.done.get(&stretch) {
            let (path, added) = path;
            return Ok(Ok(Plan::Done(path.clone(), *added)));
        }
        let blob = self.dataset.video(video)?.blob()?.map(|blob| self.dataset.blob(blob)).transpose()?;
        let Some(blob) = blob else { return Ok(Err("its bytes are not there")) };
        if blob.uri()?.is_some() && blob.size()? > LINKED_MAX {
            return Ok(Err("the file that it is linked to is too large"));
        }
        let bytes = match bytes_of(self.dataset, video) {
            Ok(Some(bytes)) => bytes,
            Err(error) if error.kind() != ErrorKind::LinkBroken => return Err(error),
            _ => return Ok(Err("its bytes are not there")),
        };
        let start = clip.start.unwrap_or(0.0);
        Ok(cut(&bytes, clip.start, clip.end).map(|cut| Plan::Cut { stretch, start, cut }))
    }

    /// The pictures that the dataset has of a stretch of a video, by their time.
    fn frames(&self, video: Address, clip: &Clip) -> Result<Vec<Address>> {
        let fps = self.dataset.video(video)?.fps()?.filter(|fps| *fps > 0.0);
        let (start, end) = (clip.start.unwrap_or(0.0), clip.end.unwrap_or(f64::INFINITY));
        let mut found: Vec<(f64, Address)> = Vec::new();
        for address in self.dataset.frames_of(video)? {
            let frame = self.dataset.frame(address)?;
            let by_index = || Some(frame.index().ok()?? as f64 / fps?);
            let Some(time) = frame.time()?.or_else(by_index) else { continue };
            if frame.kind()? == "rgb" && frame.blob()?.is_some() && (start..=end).contains(&time) {
                found.push((time, address));
            }
        }
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(found.into_iter().map(|(_, address)| address).collect())
    }

    /// Writes what is to be shown; how many seconds it shows before what was asked for.
    ///
    /// # Errors
    /// `Corrupt`, `LinkBroken`, `Io`.
    pub(super) fn place(
        &mut self,
        plan: Plan,
        media: &mut MediaFolder<'_>,
        report: &mut ExportReport,
    ) -> Result<(Placed, f64)> {
        let whole = |path| (Placed::File(path), 0.0);
        match plan {
            Plan::File(video) => media.path(video, report).map(whole),
            Plan::Whole(video) => {
                report.lose(WHOLE_CLIP, 1);
                media.path(video, report).map(whole)
            }
            Plan::Done(path, added) => Ok((Placed::File(path), added)),
            Plan::Cut { stretch, start, cut } => {
                let added = (start - cut.start).max(0.0);
                let mark = format!("~{:.2}-{:.2}", cut.start, cut.end);
                let path = media.part(stretch.0, &mark, &cut.bytes, report)?;
                self.done.insert(stretch, (path.clone(), added));
                Ok((Placed::File(path), added))
            }
            Plan::Frames(frames) => {
                let paths = frames.into_iter().map(|frame| media.path(frame, report));
                paths.collect::<Result<_>>().map(|paths| (Placed::Frames(paths), 0.0))
            }
        }
    }
}
