//! The clock of a table: what its numbers mean in seconds of a video.

use crate::error::{Error, Result};
use serde::Deserialize;

/// What times are counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Unit {
    #[default]
    #[serde(rename = "s")]
    Seconds,
    #[serde(rename = "ms")]
    Milliseconds,
    /// Frame numbers.
    Frames,
    /// `1:02:03.5`, `02:03`.
    #[serde(rename = "h:m:s")]
    Clock,
}

/// What the end of a stretch is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum EndIs {
    /// The first moment that is no part of it.
    #[default]
    After,
    /// The last frame that is part of it.
    Last,
}

/// How a table counts time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Clock {
    #[serde(default)]
    pub(super) unit: Unit,
    /// Frames a second.
    pub(super) fps: Option<f64>,
    /// The number of a video's first frame.
    pub(super) base: Option<i64>,
    #[serde(default)]
    pub(super) end: EndIs,
    /// Whether the table writes `0,5` for a half.
    #[serde(skip)]
    pub(super) has_commas: bool,
}

impl Clock {
    /// Checks what types alone do not hold.
    pub(super) fn check(&self) -> Result<()> {
        if self.fps.is_some_and(|fps| !(fps.is_finite() && fps > 0.0)) {
            return Err(Error::invalid("the clock's fps must be above 0"));
        }
        if self.end == EndIs::Last && self.unit != Unit::Frames {
            return Err(Error::invalid(
                "only of frames can the end be the last one: `end = \"last\"` needs unit frames",
            ));
        }
        Ok(())
    }

    /// Whether its numbers are those of frames.
    pub(super) fn counts_frames(&self) -> bool {
        self.unit == Unit::Frames
    }

    /// The seconds that a frame lasts, or the unit that is counted in.
    pub(super) fn seconds_each(&self, fps: Option<f64>) -> Result<f64> {
        match self.unit {
            Unit::Seconds | Unit::Clock => Ok(1.0),
            Unit::Milliseconds => Ok(0.001),
            Unit::Frames => fps_of(fps).map(|fps| 1.0 / fps),
        }
    }

    /// The seconds from the start of the video that a text means; `end` says that it ends a stretch.
    pub(super) fn seconds(&self, text: &str, fps: Option<f64>, base: i64, end: bool) -> Result<f64> {
        let value = self.number(text)?;
        match self.unit {
            Unit::Seconds | Unit::Clock => Ok(value),
            Unit::Milliseconds => Ok(value / 1000.0),
            Unit::Frames => {
                let past = if end && self.end == EndIs::Last { 1.0 } else { 0.0 };
                Ok((value - base as f64 + past) / fps_of(fps)?)
            }
        }
    }

    /// The number that a text is, in the unit of the clock.
    fn number(&self, text: &str) -> Result<f64> {
        let text = text.trim();
        let value = match self.unit {
            Unit::Clock => of_clock(text),
            _ => number(text, self.has_commas),
        };
        match value {
            Some(value) if f64::is_finite(value) => Ok(value),
            Some(value) => Err(Error::input(format!("{value} is no time"))),
            None => Err(Error::input(format!("{text:?} is no time in {}", self.shown()))),
        }
    }

    /// A time as one text, however it is written: `0902`, `902.0` and, where it is counted so, `15:02` are `902`.
    pub(super) fn canonical(&self, text: &str) -> Result<String> {
        self.number(text).map(|number| number.to_string())
    }

    fn shown(&self) -> &'static str {
        match self.unit {
            Unit::Seconds => "seconds",
            Unit::Milliseconds => "milliseconds",
            Unit::Frames => "frames",
            Unit::Clock => "hours, minutes and seconds",
        }
    }
}

/// The number that a text is; `has_commas` says that a comma stands before its fraction.
pub(super) fn number(text: &str, has_commas: bool) -> Option<f64> {
    let text = text.trim();
    match has_commas && text.contains(',') {
        true => text.replacen(',', ".", 1).parse().ok().filter(|_| !text.contains('.')),
        false => text.parse().ok(),
    }
}

fn fps_of(fps: Option<f64>) -> Result<f64> {
    match fps {
        Some(fps) if fps.is_finite() && fps > 0.0 => Ok(fps),
        Some(fps) => Err(Error::input(format!("{fps} frames a second is no rate"))),
        None => {
            let message = "the table counts frames, and nothing says how many a second has: give `fps` in the map's \
                           clock, or --fps";
            Err(Error::input(message))
        }
    }
}

/// The seconds of `h:m:s` or `m:s`, with a fraction behind a point or a comma.
fn of_clock(text: &str) -> Option<f64> {
    let text = text.replace(',', ".");
    let parts: Vec<&str> = text.split(':').collect();
    let (seconds, larger) = parts.split_last()?;
    if larger.is_empty() || larger.len() > 2 {
        return None;
    }
    let mut total = 0.0;
    for part in larger {
        total = (total + f64::from(part.parse::<u32>().ok()?)) * 60.0;
    }
    let seconds: f64 = seconds.parse().ok().filter(|seconds| (0.0..60.0).contains(seconds))?;
    Some(total + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_out_in_seconds() {
        let clock = |unit, end| Clock { unit, end, ..Clock::default() };
        let of = |clock: Clock, text, base| clock.seconds(text, Some(25.0), base, true).unwrap();
        assert_eq!(of(clock(Unit::Milliseconds, EndIs::After), "13301", 0), 13.301);
        assert_eq!(of(clock(Unit::Frames, EndIs::After), "51", 1), 2.0);
        assert_eq!(of(clock(Unit::Frames, EndIs::Last), "49", 0), 2.0);
        assert_eq!(of(clock(Unit::Clock, EndIs::After), "1:02:03.5", 0), 3723.5);
        assert_eq!(of(clock(Unit::Clock, EndIs::After), "02:03,25", 0), 123.25);
        for (unit, text) in [
            (Unit::Seconds, "nan"),
            (Unit::Seconds, "inf"),
            (Unit::Seconds, ""),
            (Unit::Frames, "x"),
            (Unit::Clock, "5"),
            (Unit::Clock, "1:60"),
            (Unit::Clock, "1:2:3:4"),
        ] {
            let error = clock(unit, EndIs::After).seconds(text, Some(25.0), 0, false).unwrap_err();
            assert!(error.to_string().contains("is no time"), "{text}: {error}");
        }
        assert!(
            clock(Unit::Frames, EndIs::After).seconds("1", None, 0, false).unwrap_err().to_string().contains("--fps")
        );
    }
}
