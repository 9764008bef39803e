//! `surgdb export`: a dataset in the forms that others read.

use crate::args::Target;
use crate::cli::Outcome;
use crate::output::Output;
use crate::subset::Subset;
use crate::terminal::{Ink, paint};
use crate::ui::{self, Align, Progress, Table as Lines};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use surgdb::dataset::Filter;
use surgdb::export::{
    ClipForm, EarlyClip, ExportFormat, ExportOptions, ExportReport, MessageStyle, Missing, OnMissing, Pictures, Shards,
};
use surgdb::schema::boxes::Scale;
use surgdb::{Address, Dataset, Error, Result, Table};

const EXAMPLES: &str = "\
Formats:
  llava           JSONL as LLaVA and ShareGPT have it, with pictures beside it; jsonl-llava is the same
  messages        JSONL with role and content, --style placeholders, qwen or openai; jsonl-messages is the same
  parquet         a file a table, with the bytes inside, for other readers; it is not imported again
  hf              Parquet as Hugging Face's datasets loads it, a row a conversation, pictures inside
  llama-factory   JSONL for SFT, DPO and KTO, with dataset_info.json
  ms-swift        JSONL for SFT, DPO, KTO and GRPO, with boxes in objects
  qwen-vl         JSONL for Qwen-VL's own fine-tuning code
  coco            boxes, outlines and masks of annotations, in one JSON file
  webdataset      tar archives of samples

Examples:
  surgdb export my.surgdb out --format llava                 conversations.jsonl with pictures beside it
  surgdb export my.surgdb out --format messages --style qwen
  surgdb export my.surgdb out --format llama-factory --split train --boxes 0-1000
  surgdb export my.surgdb out --format coco --axis instrument
  surgdb export my.surgdb out --format webdataset --shard-size 256
  surgdb export my.surgdb out --where 'task = \"phase recognition\"' --split train
  surgdb export my.surgdb out --licence commercial-ok        only what may be used commercially

With coco, conditions are about annotations (--split also where only conversations are split: then those of the pictures
that they show). llava, messages, webdataset and hf can be imported again into equal rows; what a form cannot hold is counted
and told, and so is each record that its readers could not take.

What the dataset has no bytes of goes out by its file's name; where no file was ever named, null stands for it, so that it
comes in again. Readers that open all files fail there: --missing skip leaves such records out, and those whose pictures nobody can read. The
forms of trainers always do, and coco what was never named.";

/// How many pictures and videos without bytes are named.
const NAMED: usize = 5;

/// Write a dataset in a form that others read
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// The folder to write into; it must be new or empty
    out: PathBuf,
    /// llava, messages, parquet, hf, llama-factory, ms-swift, qwen-vl, coco or webdataset
    #[arg(long, default_value = "llava", value_name = "F", value_parser = format)]
    format: ExportFormat,
    /// How messages say where a picture stands: placeholders, qwen or openai
    #[arg(long, default_value = "placeholders", value_name = "S")]
    style: MessageStyle,
    /// Only samples of this task; may be given several times
    #[arg(long, value_name = "NAME")]
    task: Vec<String>,
    /// Only samples of this source; may be given several times
    #[arg(long, value_name = "ID")]
    source: Vec<String>,
    /// Write boxes in texts anew, in pixels, 0-1 or 0-1000; keep leaves each text as it is, byte for byte
    #[arg(long, default_value = "keep", value_name = "HOW", value_parser = scale)]
    boxes: Boxes,
    /// With a picture or video whose bytes cannot be had, missing or a linked file gone or changed: keep (write the name that
    /// its source gave its file; null where it named none), skip (leave out records that show it, or what nobody can read) or
    /// stop (at either, with nothing left behind)
    #[arg(long, default_value = "keep", value_name = "WHAT")]
    missing: OnMissing,
    /// Leave out the field `surgdb` of records, which holds what the form has no field for
    #[arg(long)]
    plain: bool,
    /// How trainers' forms show a part of a video: cut (at key frames), frames (of the dataset), whole, or auto
    #[arg(long, default_value = "auto", value_name = "HOW")]
    clips: ClipForm,
    /// Write pictures into the folder, link the files that the dataset links to, or put them inside (llama-factory)
    #[arg(long, default_value = "folder", value_name = "HOW")]
    pictures: Pictures,
    /// The axis of labels whose names become coco's categories, such as instrument
    #[arg(long, value_name = "NAME")]
    axis: Option<String>,
    /// The most samples in an archive of webdataset
    #[arg(long, default_value_t = Shards::default().samples, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    shard_samples: u64,
    /// The most bytes in an archive of webdataset, in MiB
    #[arg(long, default_value_t = Shards::default().bytes >> 20, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..))]
    shard_size: u64,
    /// Write into a folder that has something in it: files of an export before that this one does not write are removed,
    /// those of others stay; refused where files lie in it that the dataset links to
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    subset: Subset,
}

fn format(name: &str) -> std::result::Result<ExportFormat, String> {
    name.strip_prefix("jsonl-").unwrap_or(name).parse().map_err(|error: Error| error.to_string())
}

/// How boxes are written.
#[derive(Clone, Copy, Debug)]
struct Boxes(Option<Scale>);

fn scale(name: &str) -> std::result::Result<Boxes, String> {
    match name {
        "keep" => Ok(Boxes(None)),
        name => name.parse().map(|scale| Boxes(Some(scale))).map_err(|error: Error| format!("{error}, or keep")),
    }
}

/// Runs it.
pub fn run(mut args: Args) -> Result<Outcome> {
    let dataset = args.target.open()?;
    let selection = match args.format {
        ExportFormat::Coco => selected_annotations(&mut args, &dataset)?,
        _ => selection(&args, &dataset, Table::Conversations)?,
    };
    let options = ExportOptions {
        format: args.format,
        style: args.style,
        selection: selection.as_deref(),
        overwrite: args.overwrite,
        boxes: args.boxes.0,
        missing: args.missing,
        plain: args.plain,
        clips: args.clips,
        pictures: args.pictures,
        axis: args.axis.as_deref(),
        shards: Shards { samples: args.shard_samples, bytes: args.shard_size.saturating_mul(1 << 20) },
    };
    let mut bar: Option<Progress> = None;
    let report = surgdb::export::export(&dataset, &args.out, &options, &mut |progress| {
        let bar = bar.get_or_insert_with(|| Progress::things("exporting", Some(progress.total)));
        bar.at(progress.rows, || format!("{} of media", ui::bytes(progress.bytes)))
    })?;
    drop(bar);
    let mut out = Output::new();
    match args.target.json() {
        true => out.json(&serde_json::to_value(&report).map_err(|error| Error::invalid(error.to_string()))?)?,
        false => print(&report, &args, &mut out)?,
    }
    out.finish()?;
    let nothing_left = is_empty(&report) && !report.left_out.is_empty();
    Ok(if report.broken > 0 || nothing_left { Outcome::FoundWrong } else { Outcome::Fine })
}

/// The annotations that are meant; none where all are. A part of a split of conversations means the annotations of what
/// they show.
fn selected_annotations(args: &mut Args, dataset: &Dataset) -> Result<Option<Vec<Address>>> {
    let split = args.subset.take_split_of_conversations(dataset, Table::Annotations)?;
    let selected = selection(args, dataset, Table::Annotations)?;
    let Some(split) = split else { return Ok(selected) };
    let mut shown = HashSet::new();
    for conversation in dataset.select(Table::Conversations, &split)?.iter() {
        let row = dataset.conversation_at(conversation)?;
        row.all_media()?.for_each(|medium| shown.extend(medium.refs().iter()));
    }
    let all = match selected {
        Some(selected) => selected,
        None => dataset.select(Table::Annotations, &Filter::all())?.iter().collect(),
    };
    let mut kept = Vec::new();
    for address in all {
        if shown.contains(&dataset.annotation(address)?.target()?) {
            kept.push(address);
        }
    }
    match kept.is_empty() {
        true => {
            Err(Error::not_found(format!("no annotation is left to export: `{split}` shows no picture that has one")))
        }
        false => Ok(Some(kept)),
    }
}

/// The rows of the table that are meant; none where all are.
fn selection(args: &Args, dataset: &Dataset, table: Table) -> Result<Option<Vec<Address>>> {
    let any = |column, values: &Vec<String>| (!values.is_empty()).then(|| Filter::any_of(column, values));
    let more: Vec<Filter> = [any("task", &args.task), any("source", &args.source)].into_iter().flatten().collect();
    if args.subset.is_all() && more.is_empty() {
        return Ok(None);
    }
    let selection = args.subset.select_with(dataset, table, more.iter().cloned().reduce(Filter::and))?;
    match selection.is_empty() {
        true => Err(Error::not_found(format!(
            "no {} is left to export: {}",
            if table == Table::Conversations { "sample" } else { table.row_name() },
            args.subset.why_none(dataset, table, more)?
        ))),
        false => Ok(Some(selection.iter().collect())),
    }
}

fn print(report: &ExportReport, args: &Args, out: &mut Output) -> Result<()> {
    let name = report.format.name();
    out.line(format_args!("exported version {} to {} as {name}", report.version, args.out.display()))?;
    let mut lines = Lines::new(&[Align::Left, Align::Right, Align::Right]);
    for (table, rows) in &report.rows {
        lines.row([(*table).into(), ui::count(*rows), String::new()]);
    }
    lines.row(["pictures and videos".into(), ui::count(report.media), ui::bytes(report.media_bytes)]);
    lines.row(["other files".into(), String::new(), ui::bytes(report.bytes)]);
    out.table(&lines, 2)?;
    if report.boxes > 0 {
        let count = ui::count(report.boxes);
        out.line(format_args!("  boxes and points in texts, in the scale that was asked for: {count}"))?;
    }
    for (file, rows) in &report.files {
        out.line(format_args!("  {file}: {}", ui::counted(*rows, "record")))?;
    }
    if report.linked > 0 {
        let count = ui::count(report.linked);
        out.line(format_args!(
            "  {count} of the pictures and videos are second names of the files that they are linked to"
        ))?;
    }
    for (why, count) in &report.left_out {
        let of_why = report.left_out_records.iter().filter(|record| record.reason == *why);
        let named: Vec<&str> = of_why.take(NAMED).map(|record| record.id.as_str()).collect();
        let named = some_of(&named.join(", "), named.len(), *count);
        out.line(format_args!("  left out {}: {why}: {named}", ui::counted(*count, "record")))?;
    }
    clips_and_answers(report, out)?;
    for (what, count) in &report.lost {
        // Some say what stands there instead, so that nothing is left out.
        let fate = if what.contains(": ") { "" } else { ": left out" };
        out.line(format_args!("  the form cannot hold {what}{fate} ({})", ui::counted(*count, "time")))?;
    }
    made_up(report, out)?;
    for source in &report.sources {
        let licence = source.licence.as_deref().unwrap_or("no licence named");
        out.line(format_args!("  source {}: {licence} ({})", source.id, source.file))?;
    }
    missing(report, out)?;
    unreadable(report, out)?;
    leftovers(report, out)?;
    if is_empty(report) {
        return match report.left_out.is_empty() {
            true => out.line("nothing was there to export"),
            false => out.line(paint(Ink::Alarm, "NOTHING WAS WRITTEN: all records were left out")),
        };
    }
    match next_step(report, &args.out) {
        Some(step) => out.line(format_args!("{step}")),
        None => Ok(()),
    }
}

/// Says what stands in the files that the dataset does not have, and what their readers may miss.
fn made_up(report: &ExportReport, out: &mut Output) -> Result<()> {
    if !report.new_ids.is_empty() {
        let new: Vec<String> =
            report.new_ids.iter().map(|(what, count)| format!("{} {what}", ui::count(*count))).collect();
        out.line(format_args!(
            "  new ids, since the dataset has none of a COCO file or has it twice: of {}",
            new.join(", ")
        ))?;
    }
    for (what, count) in &report.added {
        out.line(format_args!("  added {what}: {}", ui::counted(*count, "time")))?;
    }
    for (what, count) in &report.lacking {
        let count = ui::counted(*count, "annotation");
        out.line(format_args!(
            "  {count} without `{what}`, as in the file that it came from: pycocotools asks for it to evaluate"
        ))?;
    }
    Ok(())
}

/// Says which parts of videos start before what was asked for, and how many answers are pictures.
fn clips_and_answers(report: &ExportReport, out: &mut Output) -> Result<()> {
    let named = |clip: &EarlyClip| match clip.wanted {
        Some(wanted) => format!("{} ({:.1} s before its {wanted:.1} s)", clip.id, clip.added),
        None => format!("{} ({:.1} s before it)", clip.id, clip.added),
    };
    if report.early > 0 {
        let all: Vec<String> = report.early_clips.iter().take(NAMED).map(named).collect();
        let named = some_of(&all.join(", "), all.len(), report.early);
        let (count, start) = (ui::counted(report.early, "clip"), if report.early == 1 { "starts" } else { "start" });
        // Qwen-VL's code takes no lists of frames.
        let instead = match report.format {
            ExportFormat::QwenVl => "",
            _ => "; --clips frames has the dataset's own frames of them instead",
        };
        out.line(format_args!("  {count} {start} earlier than asked, at the key frame before: {named}{instead}"))?;
    }
    if report.unmatched > 0 {
        let named: Vec<&str> = report.unmatched_ids.iter().take(NAMED).map(String::as_str).collect();
        let (count, have) =
            (ui::counted(report.unmatched, "record"), if report.unmatched == 1 { "has" } else { "have" });
        out.line(format_args!(
            "  {count} {have} other numbers of `<image>` or `<video>` in the text than of pictures and videos, as where a word of it \
             reads so: readers fail at that, or show what is not meant: {}",
            some_of(&named.join(", "), named.len(), report.unmatched)
        ))?;
    }
    if report.whole_clips > 0 {
        let (count, stand) =
            (ui::counted(report.whole_clips, "clip"), if report.whole_clips == 1 { "stands" } else { "stand" });
        out.line(format_args!(
            "  {count} {stand} there as the whole video: where it starts and ends is in `surgdb`, which other readers pass over; \
             the forms llama-factory, ms-swift and qwen-vl cut clips out"
        ))?;
    }
    if report.shown_answers > 0 {
        let (count, have) =
            (ui::counted(report.shown_answers, "record"), if report.shown_answers == 1 { "has" } else { "have" });
        out.line(format_args!(
            "  {count} {have} answers that are pictures or videos: these stand in `output_images` or `output_videos`, \
             which trainers such as LLaVA's own code do not read"
        ))?;
    }
    Ok(())
}

/// What was named, and how many more there are of so many.
fn some_of(named: &str, names: usize, count: u64) -> String {
    match count.saturating_sub(names as u64) {
        0 => named.to_owned(),
        more => format!("{named} and {} more, which --json names", ui::count(more)),
    }
}

/// Says what was there of exports before, and what of it stays.
fn leftovers(report: &ExportReport, out: &mut Output) -> Result<()> {
    for folder in &report.left_behind {
        out.line(format_args!("  removed {folder}, which an export that was killed had left behind"))?;
    }
    for folder in &report.perhaps_left_behind {
        out.line(format_args!("  {folder} may have been left behind by an export: remove it if none is at work"))?;
    }
    if report.removed > 0 {
        out.line(format_args!("  removed {} of an export before", ui::counted(report.removed, "file")))?;
    }
    let Some(first) = &report.first_other else { return Ok(()) };
    let files = if report.others == 1 { "OTHER FILE STAYS" } else { "OTHER FILES STAY" };
    let line = format!(
        "{} {files} IN THE FOLDER ({first}{}): no export is known to have written what stays; that of one by an earlier version \
         of this program goes when the folder is emptied first",
        ui::count(report.others),
        if report.others == 1 { "" } else { ", …" }
    );
    out.line(paint(Ink::Alarm, &line))
}

/// Names the first of so many pictures and videos.
fn name_some(media: &[Missing], count: u64, out: &mut Output) -> Result<()> {
    for Missing { path, address, reason } in media.iter().take(NAMED) {
        out.line(format_args!("  {path} ({address}): {reason}"))?;
    }
    match count.checked_sub(NAMED as u64) {
        None | Some(0) => Ok(()),
        Some(more) => out.line(format_args!("  and {} more, which --json names", ui::count(more))),
    }
}

/// Names pictures and videos that went out though nobody can read them.
fn unreadable(report: &ExportReport, out: &mut Output) -> Result<()> {
    if report.unreadable == 0 {
        return Ok(());
    }
    name_some(&report.unreadable_media, report.unreadable, out)?;
    let files = if report.unreadable == 1 { "PICTURE OR VIDEO" } else { "PICTURES AND VIDEOS" };
    let line = format!(
        "{} {files} THAT NOBODY CAN READ WENT OUT: --missing skip leaves out the records that show such",
        ui::count(report.unreadable)
    );
    out.line(paint(Ink::Alarm, &line))
}

/// Whether no row was written.
fn is_empty(report: &ExportReport) -> bool {
    !report.rows.is_empty() && report.rows.values().all(|rows| *rows == 0)
}

/// What to do with the export.
fn next_step(report: &ExportReport, folder: &Path) -> Option<String> {
    let quoted = ui::quoted(folder);
    let inside = |name: &str| ui::quoted(&folder.join(name));
    let names = || {
        let names = report.files.keys().filter_map(|file| file.split('.').next());
        names.collect::<Vec<_>>().join(",")
    };
    let is_trainers =
        matches!(report.format, ExportFormat::LlamaFactory | ExportFormat::MsSwift | ExportFormat::QwenVl);
    match report.format {
        ExportFormat::Parquet => {
            let file = folder.join("conversations.parquet").display().to_string();
            Some(format!("read it with any reader of Parquet, such as pandas.read_parquet({file:?})"))
        }
        _ if is_trainers && report.files.is_empty() => None,
        ExportFormat::Hf => {
            Some(format!("load it in Python with: datasets.load_dataset({:?})", folder.display().to_string()))
        }
        ExportFormat::LlamaFactory => {
            Some(format!("train with: dataset_dir={quoted} media_dir={quoted} dataset={}", names()))
        }
        ExportFormat::MsSwift => {
            Some(format!("train with: ROOT_IMAGE_DIR={quoted} and --dataset {}", inside("FILE.jsonl")))
        }
        ExportFormat::QwenVl => {
            Some(format!("train with: annotation_path {} and data_path {quoted}", inside("sft.jsonl")))
        }
        ExportFormat::WebDataset => {
            Some(format!("unpack an archive to import it again: tar -xf {} -C FOLDER", inside("NAME.tar")))
        }
        _ => Some(format!("import it again with: {}", import_line(report, folder))),
    }
}

/// Names pictures and videos that went out without their bytes: some, and how many there are.
fn missing(report: &ExportReport, out: &mut Output) -> Result<()> {
    if report.missing == 0 {
        return Ok(());
    }
    name_some(&report.without_bytes, report.missing, out)?;
    let files = if report.missing == 1 { "PICTURE OR VIDEO WENT" } else { "PICTURES AND VIDEOS WENT" };
    let how = match report.nameless {
        0 => "BY NAME ALONE, without bytes".to_owned(),
        count if count == report.missing => "AS NULL, without bytes: no file of them was ever named".to_owned(),
        count => {
            let nulls = ui::count(count);
            format!("WITHOUT BYTES: {nulls} as null, since no file of them was ever named, the others by name alone")
        }
    };
    let broken = match report.broken {
        0 => String::new(),
        1 => "; one is in a linked file that is gone or changed".to_owned(),
        broken => format!("; {} are in linked files that are gone or changed", ui::count(broken)),
    };
    let line = format!("{} {files} OUT {how}{broken}", ui::count(report.missing));
    out.line(paint(Ink::Alarm, &line))
}

/// The command that takes the export in again.
fn import_line(report: &ExportReport, folder: &Path) -> String {
    let said = match report.sources.as_slice() {
        [source] => format!(" --source-file {}", ui::quoted(&folder.join(&source.file))),
        _ => String::new(),
    };
    format!("surgdb import NEW.surgdb {}{said}", ui::quoted(folder))
}
