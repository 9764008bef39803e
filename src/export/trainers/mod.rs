//! The forms that trainers read: JSONL files, one for each purpose, with pictures and videos beside them.
//!
//! A trainer stops, or learns what is wrong, where a record is not as it expects. So a conversation that it could not
//! take is left out, and counted with the reason; in the texts of those that are written, exactly one placeholder
//! stands for each picture and video. Each field is of one type in all records of a file.

mod clips;
mod inside;
mod lines;
mod llama_factory;
mod ms_swift;
mod qwen_vl;
mod said;
mod sample;

use super::folder::OutputFolder;
use super::json::{Object, push_list, push_text};
use super::media::{MediaFolder, MediaTo};
use super::missing::{BROKEN, GONE, NAMELESS, UNREADABLE, stop_at_any};
use super::{
    ExportFormat, ExportOptions, ExportProgress, ExportReport, OnMissing, OnProgress, Pictures, added, addresses_of,
    boxes, sources,
};
use crate::dataset::{Conversation, Dataset, SPLIT};
use crate::error::{Error, Result};
use crate::schema::boxes::Scale;
use crate::schema::placeholder;
use crate::schema::tables::Table;
use crate::schema::views::{self, BatchRow};
use clips::{Clips, Placed, Plan};
use inside::{Inside, TEXT_MAX};
use lines::Lines;
use said::{Role, Said};
use sample::{Purpose, Reason, Sample};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// How many records are written between two reports of progress.
const PROGRESS_EVERY: u64 = 64;
/// How much earlier than asked a clip may start untold, in seconds: less than a picture or two.
const EARLY_MIN: f64 = 0.05;
/// What the names of files of records end with: of lines, and of Parquet.
const ENDINGS: [&str; 2] = [".jsonl", ".parquet"];

/// What stands in texts for something that is shown.
const PLACEHOLDERS: &[&str] = &[placeholder::IMAGE, placeholder::VIDEO];
/// The same where sound is counted too, of which no conversation has any.
const PLACEHOLDERS_WITH_SOUND: &[&str] = &[placeholder::IMAGE, placeholder::VIDEO, "<audio>"];

/// What a trainer takes.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    /// Answers may show pictures.
    pub(super) shows_answers: bool,
    /// Boxes stand in a list of their own, with placeholders in the texts.
    pub(super) boxes_apart: bool,
    /// A list of frames may stand for a video.
    pub(super) takes_frames: bool,
    /// There is a place for system prompts.
    pub(super) takes_system: bool,
    /// The arguments of a call of a tool are to be an object, where OpenAI has a text of it.
    pub(super) calls_hold_objects: bool,
    /// A turn may say whether it is to be learned.
    pub(super) takes_loss: bool,
    /// What stands in texts for something that is shown: it holds their count against the lists of these.
    pub(super) placeholders: &'static [&'static str],
    /// In which turns it reads `<think>…</think>` as what was thought before them.
    pub(super) thinks_in_answers: &'static [Role],
}

/// A form that a trainer reads.
trait Trainer {
    fn rules(&self) -> Rules;

    /// What it calls things.
    fn names(&self) -> &'static Names;

    /// Why it could not take a sample.
    fn refuses(&self, sample: &Sample) -> Option<Reason>;

    /// Writes a sample as an object; which of the fields it has that not all have.
    fn write(&self, out: &mut Vec<u8>, sample: &Sample, paths: &Paths) -> Vec<&'static str>;

    /// Writes what goes with the files.
    fn describe(&self, _folder: &OutputFolder, _files: &Files<'_>) -> Result<u64> {
        Ok(0)
    }
}

/// The files of an export, by what they are for and whether frames stand for their videos.
type Files<'a> = BTreeMap<(Purpose, bool), RecordFile<'a>>;

/// A file of records.
struct RecordFile<'a> {
    name: String,
    rows: u64,
    /// The fields that some of its records have.
    fields: BTreeSet<&'static str>,
    to: RecordsTo<'a>,
}

enum RecordsTo<'a> {
    Lines(Lines<'a>),
    /// A Parquet file with the pictures inside.
    Inside(Box<Inside>),
}

impl<'a> RecordFile<'a> {
    fn new(folder: &'a OutputFolder, key: (Purpose, bool), inside: Option<&'static Names>) -> Result<Self> {
        let (stem, [lines, parquet]) = (stem(key), ENDINGS);
        let (name, to) = match inside {
            None => {
                let name = format!("{stem}{lines}");
                (name.clone(), RecordsTo::Lines(Lines::new(folder, name)?))
            }
            Some(names) => {
                let name = format!("{stem}{parquet}");
                let file = Inside::new(folder, &name, names, key)?;
                (name, RecordsTo::Inside(Box::new(file)))
            }
        };
        Ok(Self { name, rows: 0, fields: BTreeSet::new(), to })
    }
}

/// Where a sample's pictures and videos are.
struct Paths {
    pictures: Vec<Rc<str>>,
    /// Those of the question and the rejected answer.
    rejected: Vec<Rc<str>>,
    videos: Vec<Placed>,
}

impl Paths {
    fn push_pictures(&self, out: &mut Vec<u8>) {
        push_list(out, &self.pictures, |out, path| push_text(out, path));
    }

    fn push_rejected(&self, out: &mut Vec<u8>) {
        push_list(out, &self.rejected, |out, path| push_text(out, path));
    }

    fn push_videos(&self, out: &mut Vec<u8>) {
        push_list(out, &self.videos, |out, video| video.push(out));
    }
}

/// Writes all records, their media, and what is known of their sources.
///
/// # Errors
/// See [`super::export`].
pub(super) fn write_all(
    dataset: &Dataset,
    folder: &OutputFolder,
    options: &ExportOptions<'_>,
    report: &mut ExportReport,
    progress: &mut OnProgress<'_>,
) -> Result<()> {
    let trainer: Box<dyn Trainer> = match options.format {
        ExportFormat::LlamaFactory => Box::new(llama_factory::LlamaFactory),
        ExportFormat::QwenVl => Box::new(qwen_vl::QwenVl),
        _ => Box::new(ms_swift::MsSwift::new(options.boxes)?),
    };
    let clips = Clips::new(dataset, options.clips, trainer.rules().takes_frames);
    clips.check()?;
    let mut taken = vec![llama_factory::FILE.to_owned()];
    for purpose in Purpose::ALL {
        for stem in [false, true].map(|in_frames| stem((purpose, in_frames))) {
            taken.extend(ENDINGS.map(|ending| format!("{stem}{ending}")));
        }
    }
    let media = MediaFolder::new(dataset, MediaTo::Folder(folder, options.pictures), &taken);
    let media = media.on_missing(options.missing);
    let (sources, files) = (BTreeSet::new(), Files::new());
    let mut export = Export { dataset, folder, options, trainer, clips, media, sources, files, report };
    let (total, addresses) = addresses_of(dataset, options.selection)?;
    let mut rows = 0;
    for address in addresses {
        export.conversation(&dataset.sound_conversation(address?)?)?;
        rows += 1;
        if rows % PROGRESS_EVERY == 0 || rows == total {
            progress(ExportProgress { rows, total, bytes: export.report.media_bytes })?;
        }
    }
    export.finish()?;
    added::lose_all(dataset, options.selection, &[SPLIT], report)
}

struct Export<'a, 'o> {
    dataset: &'a Dataset,
    folder: &'a OutputFolder,
    options: &'a ExportOptions<'o>,
    trainer: Box<dyn Trainer>,
    clips: Clips<'a>,
    media: MediaFolder<'a>,
    sources: BTreeSet<String>,
    files: Files<'a>,
    report: &'a mut ExportReport,
}

impl Export<'_, '_> {
    fn conversation(&mut self, row: &Conversation<'_>) -> Result<()> {
        self.media.forget();
        let rules = self.trainer.rules();
        // What is told apart is written in the scale there; the answers of a pair are texts in any case.
        let scale =
            self.options.boxes.filter(|_| !rules.boxes_apart || row.alternatives().is_ok_and(|all| !all.is_empty()));
        if boxes::leaves_out(self.dataset, row, scale, self.report)? {
            return Ok(());
        }
        let rewritten =
            scale.map(|scale| boxes::rewritten(self.dataset, row, scale, self.report)).transpose()?.flatten();
        let rewritten =
            rewritten.as_ref().map(|batch| BatchRow::new(batch, 0)).transpose()?.map(views::Conversation::new);
        let said = match &rewritten {
            Some(rewritten) => rewritten.to_row()?,
            None => row.to_row()?,
        };
        let sample = Sample::of(&mut self.media, said, &rules)?;
        let sample = match sample {
            Ok(sample) => sample,
            Err(reason) => return self.leave_out(reason.into(), row),
        };
        let plans = match self.plan(&sample)? {
            Ok(plans) => plans,
            Err(reason) => return self.leave_out(reason, row),
        };
        let in_frames = plans.iter().any(Plan::is_frames);
        let mut paths = Paths { pictures: Vec::new(), rejected: Vec::new(), videos: Vec::new() };
        let of_rejected = sample.rejected_pictures.as_deref().unwrap_or_default();
        for (paths, pictures) in [(&mut paths.pictures, &sample.pictures[..]), (&mut paths.rejected, of_rejected)] {
            for picture in pictures {
                match self.is_inside() {
                    true => drop(self.media.bytes(*picture, self.report)?),
                    false => paths.push(self.media.path(*picture, self.report)?),
                }
                if self.media.is_gone(*picture) {
                    return self.leave_out(GONE.into(), row);
                }
            }
        }
        for (plan, clip) in plans.into_iter().zip(&sample.videos) {
            let (placed, added) = self.clips.place(plan, &mut self.media, self.report)?;
            if added > EARLY_MIN
                && let Placed::File(path) = &placed
            {
                self.report.start_early(row, path, clip.length(), added)?;
            }
            paths.videos.push(placed);
        }
        self.write(row, &sample, &paths, in_frames)
    }

    fn leave_out(&mut self, reason: Cow<'static, str>, row: &Conversation<'_>) -> Result<()> {
        let is_broken = reason == BROKEN;
        let is_lacking = [BROKEN, GONE, NAMELESS, UNREADABLE].contains(&&*reason);
        if is_lacking && self.options.missing == OnMissing::Stop {
            stop_at_any(&mut self.media, row)?;
            // It is no picture of the record, but one that was to stand for a part of a video.
            let id = row.id()?;
            let message =
                format!("the record {id:?} would be left out: {reason}; or export the others, with `--missing keep`");
            return Err(Error::not_found(message));
        }
        self.report.broken += u64::from(is_broken);
        self.report.leave_out(reason, row.id()?, row.source()?, row.address());
        Ok(())
    }

    /// How the videos of a sample are to be shown, or why the trainer could not take it. Nothing is written so far.
    fn plan(&mut self, sample: &Sample) -> Result<std::result::Result<Vec<Plan>, Cow<'static, str>>> {
        if let Some(reason) = self.trainer.refuses(sample) {
            return Ok(Err(reason.into()));
        }
        let mut plans = Vec::new();
        for clip in &sample.videos {
            match self.clips.plan(clip)? {
                Ok(plan) => plans.push(plan),
                Err(reason) => return Ok(Err(reason)),
            }
        }
        // Those of a clip were looked at; those that are to stand for a part of a video were not.
        for frame in plans.iter().filter_map(Plan::frames).flatten() {
            if let Some(reason) = self.media.lacks_bytes(*frame)? {
                return Ok(Err(reason.into()));
            }
        }
        let in_frames = plans.iter().filter(|plan| plan.is_frames()).count();
        Ok(match in_frames == 0 || in_frames == plans.len() {
            true => Ok(plans),
            false => Err("they show videos as files and others as frames".into()),
        })
    }

    /// Whether pictures stand in the records.
    fn is_inside(&self) -> bool {
        self.options.pictures == Pictures::Inside
    }

    fn write(&mut self, row: &Conversation<'_>, sample: &Sample, paths: &Paths, in_frames: bool) -> Result<()> {
        let key = (sample.purpose(), in_frames);
        if !self.files.contains_key(&key) {
            let inside = self.is_inside().then(|| self.trainer.names());
            self.files.insert(key, RecordFile::new(self.folder, key, inside)?);
        }
        let Some(file) = self.files.get_mut(&key) else { return Ok(()) };
        let mut line = Vec::new();
        let fields = self.trainer.write(&mut line, sample, paths);
        line.push(b'\n');
        match &mut file.to {
            RecordsTo::Lines(lines) => lines.push(&line, &fields)?,
            RecordsTo::Inside(_) if line.len() > TEXT_MAX => {
                return self.leave_out("records of more than 1 GiB of text".into(), row);
            }
            RecordsTo::Inside(inside) => {
                inside.push(self.dataset, sample, paths, self.report)?;
                file.fields.extend((!sample.pictures.is_empty()).then_some("images"));
            }
        }
        file.fields.extend(fields);
        file.rows += 1;
        let source = row.source()?;
        if !self.sources.contains(source) {
            self.sources.insert(source.to_owned());
        }
        self.lose(row, sample)
    }

    /// Counts what the forms have no field for.
    fn lose(&mut self, row: &Conversation<'_>, sample: &Sample) -> Result<()> {
        sample.lost.iter().for_each(|(what, count)| self.report.lose(*what, *count));
        let others = [row.specialty()?, row.procedure()?, row.language()?, row.origin()?, row.generator()?];
        let others = others.iter().flatten().count() + usize::from(row.case()?.is_some());
        self.report.lose("case, specialty, procedure, language, origin and generator", others as u64);
        self.report.lose("the split", u64::from(row.split()?.is_some_and(|split| !split.is_empty())));
        self.report.lose("further fields of records", u64::from(row.extra()?.is_some()));
        self.report.lose("reasoning as a tree (its text is there)", u64::from(!row.reasoning()?.is_empty()));
        let places = row.grounding()?.len().saturating_sub(sample.boxes.len());
        self.report.lose("where boxes stand in the texts", places as u64);
        let of_endings: usize = row.alternatives()?.iter().map(|ending| ending.grounding().len()).sum();
        self.report.lose("where boxes stand in other endings", of_endings as u64);
        self.report.lose("annotations", row.annotations()?.len() as u64);
        Ok(())
    }

    fn finish(self) -> Result<()> {
        let Self { dataset, folder, trainer, sources, files, report, .. } = self;
        report.bytes += trainer.describe(folder, &files)?;
        let mut rows = 0;
        for (_, file) in files {
            rows += file.rows;
            report.files.insert(file.name, file.rows);
            report.bytes += match file.to {
                RecordsTo::Lines(lines) => lines.finish()?,
                RecordsTo::Inside(inside) => inside.finish()?,
            };
        }
        report.rows.insert(Table::Conversations.name(), rows);
        report.lose("sources of records", if sources.len() > 1 { rows } else { 0 });
        for source in sources.iter().filter_map(|id| dataset.manifest().source(id)) {
            sources::write(folder, source, report)?;
        }
        Ok(())
    }
}

fn stem((purpose, in_frames): (Purpose, bool)) -> String {
    let stem = match purpose {
        Purpose::Sft => "sft",
        Purpose::Dpo => "dpo",
        Purpose::Kto => "kto",
        Purpose::Grpo => "grpo",
    };
    format!("{stem}{}", if in_frames { "_frames" } else { "" })
}

/// Writes the fields that all forms begin with.
fn push_start(object: &mut Object<'_>, sample: &Sample) {
    object.text("id", &sample.id);
    object.text("task", &sample.task);
}

/// What a form calls those who speak, and what they say.
struct Names {
    role: &'static str,
    text: &'static str,
    /// In the order of the roles: system, user, answer, call, tool.
    roles: [&'static str; 5],
}

impl Names {
    fn of(&self, role: Role) -> &'static str {
        let [system, user, assistant, call, tool] = self.roles;
        match role {
            Role::System => system,
            Role::User => user,
            Role::Assistant => assistant,
            Role::Call => call,
            Role::Tool => tool,
        }
    }

    fn push(&self, out: &mut Vec<u8>, said: &Said) {
        let mut object = Object::new(out);
        object.text(self.role, self.of(said.role));
        object.text(self.text, &said.text);
        object.raw_opt("loss", said.loss);
        object.end();
    }
}

/// Writes a field that is text, where there is one; notes that it is there.
fn push_optional(
    object: &mut Object<'_>,
    fields: &mut Vec<&'static str>,
    name: &'static str,
    write: Option<impl FnOnce(&mut Vec<u8>)>,
) {
    if let Some(write) = write {
        write(object.key(name));
        fields.push(name);
    }
}

/// The scales in which a list of boxes may be written.
fn scale_of_boxes(scale: Option<Scale>) -> Result<Scale> {
    match scale.unwrap_or(Scale::Unit) {
        Scale::Thousand => Err(Error::invalid(
            "ms-swift takes boxes in pixels or as 0-1, and writes them in the convention of the model itself",
        )),
        scale => Ok(scale),
    }
}
