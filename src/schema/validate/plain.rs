//! Cases, videos, frames and blobs.

use super::{Finding, ORIGINS, finite, id_and_source, invalid, json_object, not_empty, not_negative, one_of_opt};
use crate::error::{Error, Result};
use crate::schema::rows::{BlobRow, CaseRow, FrameRow, VideoRow};

/// Checks a case.
///
/// # Errors
/// `Invalid`, naming the field.
pub fn check_case(row: &CaseRow) -> Result<Vec<Finding>> {
    id_and_source(&row.id, &row.source)?;
    json_object("extra", &row.extra)?;
    Ok(Vec::new())
}

/// Checks a video.
///
/// # Errors
/// `Invalid`, naming the field.
pub fn check_video(row: &VideoRow) -> Result<Vec<Finding>> {
    id_and_source(&row.id, &row.source)?;
    for (field, value) in [("fps", row.fps), ("duration", row.duration)] {
        finite(field, value)?;
        not_negative(field, value)?;
    }
    not_negative("frame_count", row.frame_count)?;
    not_negative("width", row.width)?;
    not_negative("height", row.height)?;
    for (i, keyframe) in row.keyframes.iter().flatten().enumerate() {
        finite(format_args!("keyframes[{i}].time"), Some(keyframe.time))?;
        not_negative(format_args!("keyframes[{i}].offset"), Some(keyframe.offset))?;
    }
    json_object("extra", &row.extra)?;
    Ok(Vec::new())
}

/// Checks a frame.
///
/// # Errors
/// `Invalid`, naming the field.
pub fn check_frame(row: &FrameRow) -> Result<Vec<Finding>> {
    id_and_source(&row.id, &row.source)?;
    not_empty("kind", &row.kind)?;
    finite("time", row.time)?;
    not_negative("width", row.width)?;
    not_negative("height", row.height)?;
    one_of_opt("origin", &row.origin, &ORIGINS)?;
    json_object("extra", &row.extra)?;
    Ok(Vec::new())
}

/// Checks that a frame says the size that is in its picture's header; of what it does not say nothing is asked.
///
/// # Errors
/// `Invalid`.
pub fn check_pixels(says: (Option<i32>, Option<i32>), is: (usize, usize)) -> Result<()> {
    let is_other = |says: Option<i32>, is: usize| says.is_some_and(|says| usize::try_from(says) != Ok(is));
    if !is_other(says.0, is.0) && !is_other(says.1, is.1) {
        return Ok(());
    }
    let words = |value: Option<i32>| value.map_or("?".to_owned(), |value| value.to_string());
    Err(Error::invalid(format!(
        "it says {}×{} pixels, and its picture is {}×{}: correct `width` and `height`",
        words(says.0),
        words(says.1),
        is.0,
        is.1
    )))
}

/// Checks what says of which kind a blob's bytes are.
///
/// # Errors
/// `Invalid`.
pub fn check_media_type(media_type: &str) -> Result<()> {
    not_empty("media_type", media_type)
}

/// Checks a blob; its digest and checksum are taken as they are.
///
/// # Errors
/// `Invalid`, naming the field.
pub fn check_blob(row: &BlobRow<'_>) -> Result<Vec<Finding>> {
    check_media_type(&row.media_type)?;
    not_negative("size", Some(row.size))?;
    match row.bytes {
        Some(bytes) if usize::try_from(row.size) != Ok(bytes.len()) => {
            Err(invalid("size", format_args!("{} is not the number of bytes, {}", row.size, bytes.len())))
        }
        None if row.uri.is_none() => Err(invalid("bytes", "there are neither bytes nor a place where they are")),
        _ => Ok(Vec::new()),
    }
}
