//! Times of clips and statements that are kept and look wrong.

use super::Run;
use crate::error::Result;
use crate::format::Address;
use crate::import::report::{At, Kind};
use crate::schema::rows::{ConversationRow, MediumRow};

/// By how many seconds an end may be rounded.
const ROUNDED: f64 = 1.0;

/// How long recordings are at most, in seconds, where nothing says it: what is later is doubtful.
const LONG: f64 = 16.0 * 3600.0;

impl Run<'_> {
    /// Tells what looks wrong about the clips of a conversation; `are_videos` says of which media the file is a video.
    pub(super) fn doubt_clips(&mut self, row: &ConversationRow, are_videos: &[bool], at: &At) -> Result<()> {
        for (number, medium) in row.all_media().enumerate() {
            let MediumRow { start, end, refs, .. } = medium;
            if start.or(*end).is_none() {
                continue;
            }
            let video = refs.first().filter(|_| are_videos.get(number).is_some_and(|is_video| *is_video));
            let what = format!("the clip that is its medium {}", number + 1);
            self.doubt_times(&what, (*start, *end), video.copied(), at)?;
        }
        Ok(())
    }

    /// Tells what looks wrong about a stretch of a video.
    pub(super) fn doubt_times(
        &mut self,
        what: &str,
        (start, end): (Option<f64>, Option<f64>),
        video: Option<Address>,
        at: &At,
    ) -> Result<()> {
        let mut doubts = Vec::new();
        if let Some(start) = start.filter(|start| *start < 0.0) {
            doubts.push(format!("{what} starts {} s before the video does", -start));
        }
        if let Some(moment) = start.filter(|_| start == end) {
            doubts.push(format!("{what} is empty: it starts and ends at {moment} s"));
        }
        let duration = match video {
            Some(video) => self.store.duration(video, &*self.sink)?,
            None => None,
        };
        if let Some(last) = end.or(start) {
            let does = if end.is_some() { "ends" } else { "starts" };
            match duration {
                Some(duration) if last > duration + ROUNDED => {
                    doubts.push(format!("{what} {does} at {last} s, and the video ends at {duration} s"));
                }
                None if last > LONG => {
                    let hours = last / 3600.0;
                    doubts.push(format!(
                        "{what} {does} at {last} s, {hours:.0} hours into the video: are these seconds?"
                    ));
                }
                _ => {}
            }
        }
        doubts.into_iter().for_each(|doubt| self.report.find(Kind::Doubtful, at, doubt));
        Ok(())
    }
}
