//! The demo's source on disk: pictures, clips, ShareGPT records, and the file that describes them.

use super::ASPECT;
use super::conversations;
use super::h264::{Encoder, PROFILE};
use super::questions::Frame;
use super::scene::{Camera, DepthImage, Shot, shoot, smoky};
use super::story::{FPS, Moment, Operation};
use super::tissue::Tissue;
use crate::interrupt;
use crate::mp4::{Track, h264_description};
use crate::random::Random;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, GrayImage, ImageEncoder, RgbImage};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use surgdb::{Error, Result};

/// Frames that are taken of one operation.
const MOMENTS: u32 = 24;
/// The size of a frame in pixels.
const FRAME: (u32, u32) = (854, 480);
/// How finely the tissue is drawn, in pixels a picture height.
const TISSUE_LINES: u32 = 400;
/// The size of a clip's frames in pixels: multiples of 16.
const CLIP: (u32, u32) = (432, 240);
/// A clip's length in frames, and how far apart its key frames are.
const CLIP_FRAMES: u32 = 50;
const KEY_EVERY: u32 = 25;

/// What the source is to be like.
pub struct Plan {
    /// Where it goes.
    pub folder: PathBuf,
    /// How many conversations.
    pub samples: usize,
    /// What everything that is drawn depends on.
    pub seed: u64,
}

/// What was made.
pub struct Made {
    /// The folder's description, for `--source-file`.
    pub description: PathBuf,
    /// The files of records.
    pub records: Vec<PathBuf>,
    /// Pictures and clips.
    pub files: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Conversations.
    pub conversations: usize,
}

/// Makes the source; `progress` hears how many of how many operations are drawn.
///
/// # Errors
/// `Io` where a file cannot be written, and what `progress` says.
pub fn make(plan: &Plan, progress: &(dyn Fn(usize, usize) -> Result<()> + Sync)) -> Result<Made> {
    let count = (plan.samples / 100).clamp(1, 99) as u32;
    let operations: Vec<Operation> = (0..count).map(|number| Operation::new(plan.seed, number, MOMENTS)).collect();
    let folder = Folder { root: plan.folder.clone(), files: AtomicU64::new(0), bytes: AtomicU64::new(0) };
    let frames = drawn(&folder, &operations, progress)?;
    let records = conversations::about(&frames, plan.samples);
    let conversations = records.conversations.len() + records.preferences.len();
    let mut paths = Vec::new();
    for (name, records) in [("conversations.json", records.conversations), ("preferences.json", records.preferences)] {
        if !records.is_empty() {
            folder.write(name, &pretty(records)?)?;
            paths.push(folder.root.join(name));
        }
    }
    folder.write("source.toml", DESCRIPTION.as_bytes())?;
    Ok(Made {
        description: folder.root.join("source.toml"),
        records: paths,
        files: folder.files.into_inner(),
        bytes: folder.bytes.into_inner(),
        conversations,
    })
}

/// Draws all operations, as many at once as there are processors.
fn drawn<'a>(
    folder: &Folder,
    operations: &'a [Operation],
    progress: &(dyn Fn(usize, usize) -> Result<()> + Sync),
) -> Result<Vec<Frame<'a>>> {
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || -> Result<Vec<(usize, Vec<Frame<'a>>)>> {
        let mut drawn = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(operation) = operations.get(at) else { return Ok(drawn) };
            drawn.push((at, film(folder, operation)?));
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, operations.len())?;
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(operations.len());
    let mut all = Vec::new();
    std::thread::scope(|scope| -> Result<()> {
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        for handle in handles {
            all.extend(handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(())
    })?;
    all.sort_by_key(|(at, _)| *at);
    Ok(all.into_iter().flat_map(|(_, frames)| frames).collect())
}

/// Draws one operation.
fn film<'a>(folder: &Folder, operation: &'a Operation) -> Result<Vec<Frame<'a>>> {
    let tissue = Tissue::new(operation.seed, operation.organ, TISSUE_LINES, ASPECT);
    let mut frames = Vec::new();
    for moment in operation.moments() {
        interrupt::check()?;
        let camera = camera(&moment);
        let shot = shoot(&tissue, &moment.poses(0.0), &camera);
        save(folder, &moment, &camera, &shot)?;
        if moment.has_clip() {
            folder.write(&format!("clips/{}.mp4", moment.stem()), &clip(&tissue, &moment)?)?;
        }
        frames.push(Frame { moment, boxes: shot.boxes });
    }
    Ok(frames)
}

fn camera(moment: &Moment<'_>) -> Camera {
    let grain = Random::new(moment.operation.seed, moment.index().into()).bits() as u32;
    Camera { size: FRAME, time: moment.seconds(), circle: moment.operation.circle, grain: Some(grain) }
}

fn save(folder: &Folder, moment: &Moment<'_>, camera: &Camera, shot: &Shot) -> Result<()> {
    let stem = moment.stem();
    folder.write(&format!("frames/{stem}.jpg"), &jpeg(&shot.picture)?)?;
    if moment.has_mask() {
        folder.write(&format!("masks/{stem}.png"), &mask(&shot.mask)?)?;
    }
    if moment.has_depth() {
        folder.write(&format!("depth/{stem}.png"), &depth(&shot.depth)?)?;
    }
    if moment.has_smoke() {
        let hazy = smoky(&shot.picture, camera, moment.operation.seed as u32);
        folder.write(&format!("smoke/{stem}.jpg"), &jpeg(&hazy)?)?;
        folder.write(&format!("desmoked/{stem}.jpg"), &jpeg(&shot.picture)?)?;
    }
    Ok(())
}

/// A clip that begins with a frame: the camera is held still, the instruments move.
fn clip(tissue: &Tissue, moment: &Moment<'_>) -> Result<Vec<u8>> {
    let camera = Camera { size: CLIP, grain: None, ..camera(moment) };
    let mut encoder = Encoder::new(CLIP.0, CLIP.1);
    let parameters = [encoder.sequence_parameters(), encoder.picture_parameters()];
    let mut units = Vec::new();
    for number in 0..CLIP_FRAMES {
        interrupt::check()?;
        let later = number as f32 / FPS as f32;
        let shot = shoot(tissue, &moment.poses(later), &camera);
        units.push(encoder.encode(&shot.picture, number.is_multiple_of(KEY_EVERY)));
    }
    let description = h264_description(CLIP, PROFILE, [&parameters[0], &parameters[1]]);
    let track = Track { size: CLIP, fps: FPS, description: &description, units: &units };
    Ok(track.to_file())
}

struct Folder {
    root: PathBuf,
    files: AtomicU64,
    bytes: AtomicU64,
}

impl Folder {
    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.root.join(name);
        let failed = |error| Error::io("cannot write the demo's source", error).in_file(&path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(failed)?;
        fs::write(&path, bytes).map_err(failed)?;
        self.files.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

fn jpeg(picture: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, 88);
    encoder.write_image(picture, picture.width(), picture.height(), ExtendedColorType::Rgb8).map_err(not_encoded)?;
    Ok(bytes)
}

fn mask(picture: &GrayImage) -> Result<Vec<u8>> {
    png(picture, picture.dimensions(), ExtendedColorType::L8)
}

fn depth(picture: &DepthImage) -> Result<Vec<u8>> {
    let bytes: Vec<u8> = picture.as_raw().iter().flat_map(|value| value.to_ne_bytes()).collect();
    png(&bytes, picture.dimensions(), ExtendedColorType::L16)
}

fn png(samples: &[u8], size: (u32, u32), colour: ExtendedColorType) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive);
    encoder.write_image(samples, size.0, size.1, colour).map_err(not_encoded)?;
    Ok(bytes)
}

fn not_encoded(error: image::ImageError) -> Error {
    Error::invalid("cannot encode a picture of the demo").caused_by(error)
}

fn pretty(records: Vec<Value>) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(&records)
        .map_err(|error| Error::invalid("cannot write the demo's records").caused_by(error))
}

/// The source's description: what `surgdb import --source-file` reads.
const DESCRIPTION: &str = r#"# What this source is, for `surgdb import DATASET … --source-file source.toml`.
id = "demo"
title = "A made-up laparoscopic source"
kind = "open"
licence = "CC0-1.0"
citation = "Drawn by `surgdb demo`; no patient was recorded."

# How the names of files tell what they are: VID01/001000.jpg is frame 1000 of video 01.
frame-pattern = "VID{video}/{index}.*"
patient-from = "VID{patient}/*"
patient-prefix = "demo-VID"
fps = 25
index-base = 0
boxes = "0-1"

[defaults]
language = "en"
institution = "nowhere"
"#;
