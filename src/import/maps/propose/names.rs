//! What fields are called: what each is by its name, and which axis its labels are of.

/// What fields are usually called, by what they are.
pub(super) const NAMES: [(Role, &[&str]); 15] = [
    (Role::Video, &["video", "video_id", "video_name", "videoid", "videoname", "vid"]),
    (Role::Patient, &["patient", "patient_id", "patientid", "case_id", "case", "caseid", "case_no", "case_number"]),
    (Role::Frame, &["frame", "frame_id", "frame_number", "frame_index", "frame_idx", "frame_no", "frameid"]),
    (
        Role::Start,
        &[
            "start",
            "start_time",
            "starttime",
            "begin",
            "t_start",
            "start_frame",
            "start_ms",
            "start_s",
            "onset",
            "from",
        ],
    ),
    (Role::End, &["end", "end_time", "endtime", "stop", "t_end", "end_frame", "end_ms", "end_s", "offset", "to"]),
    (
        Role::Time,
        &[
            "time",
            "timestamp",
            "timecode",
            "time_s",
            "time_sec",
            "time_ms",
            "frame_time",
            "second",
            "seconds",
            "sec",
            "ms",
            "t",
        ],
    ),
    (Role::Length, &["length", "duration"]),
    (Role::Fps, &["fps", "frame_rate", "framerate", "frames_per_second"]),
    (Role::Question, &["question", "query"]),
    (Role::Answer, &["answer", "response"]),
    (Role::Image, &["image", "image_path", "image_filename", "image_name", "img", "img_path", "file_name", "filename"]),
    (Role::Split, &["split", "subset", "partition"]),
    (Role::Id, &["id", "uid", "annotation_id"]),
    (Role::Box, &["bbox", "box"]),
    (Role::Caption, &["caption", "text", "description", "sentence", "narration", "report"]),
];
/// Fields that hold labels, by the axis that they name.
const AXES: [&str; 12] = [
    "phase",
    "step",
    "action",
    "verb",
    "instrument",
    "tool",
    "target",
    "triplet",
    "operation",
    "activity",
    "class",
    "category",
];
/// The names of four numbers of a box, and what they are.
pub(super) const BOXES: [([&str; 4], &str); 10] = [
    (["x1", "y1", "x2", "y2"], "xyxy"),
    (["x0", "y0", "x1", "y1"], "xyxy"),
    (["xmin", "ymin", "xmax", "ymax"], "xyxy"),
    (["x_min", "y_min", "x_max", "y_max"], "xyxy"),
    (["bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2"], "xyxy"),
    (["bbox_xmin", "bbox_ymin", "bbox_xmax", "bbox_ymax"], "xyxy"),
    (["bbox_x", "bbox_y", "bbox_w", "bbox_h"], "xywh"),
    (["bbox_x", "bbox_y", "bbox_width", "bbox_height"], "xywh"),
    (["x", "y", "w", "h"], "xywh"),
    (["x", "y", "width", "height"], "xywh"),
];

/// What the sides of a picture are called beside what is said of it.
pub(super) const SIDES: [[&str; 2]; 3] =
    [["image_width", "image_height"], ["img_width", "img_height"], ["width", "height"]];

/// How names of pictures and of videos end.
pub(super) const PICTURES: [&str; 6] = [".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"];
pub(super) const VIDEOS: [&str; 5] = [".mp4", ".avi", ".mov", ".mkv", ".webm"];

/// What a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Video,
    Patient,
    Frame,
    Start,
    End,
    Time,
    Length,
    Fps,
    Question,
    Answer,
    Image,
    Split,
    Id,
    Box,
    Caption,
}

/// The name of a field that stands in an object, without the way to it.
pub(super) fn last_name(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// The axis that a field's name speaks of.
pub(super) fn axis_of(name: &str) -> Option<&'static str> {
    match name {
        "label" | "labels" | "label_name" | "labelname" | "name" => Some("category"),
        _ => {
            let bare = name.strip_suffix("_name").or_else(|| name.strip_suffix("_label")).unwrap_or(name);
            let bare = if bare == "class" { bare } else { bare.strip_suffix('s').unwrap_or(bare) };
            AXES.into_iter().find(|axis| *axis == bare).map(|axis| match axis {
                "tool" => "instrument",
                "class" => "category",
                axis => axis,
            })
        }
    }
}
