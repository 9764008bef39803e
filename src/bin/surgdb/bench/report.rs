//! The figures as tables for people.

use super::epochs::{Epochs, Way};
use super::figures::{DatasetFigures, Figures, Outcome, Rows, Size};
use super::memory::Memory;
use super::setting::Setting;
use super::single::Times;
use crate::output::Output;
use crate::terminal::{Ink, paint};
use crate::ui::{self, Align, Table};
use surgdb::Result;

/// Prints all of it.
///
/// # Errors
/// `Io` when stdout cannot take it.
pub fn print(figures: &Figures, out: &mut Output) -> Result<()> {
    for dataset in &figures.datasets {
        out.line(paint(Ink::Bold, &size(dataset)))?;
        rows(&dataset.rows, out)?;
    }
    setting(figures, out)
}

fn size(DatasetFigures { name, size, .. }: &DatasetFigures) -> String {
    let Size { conversations, frames, bytes, made_in_seconds } = size;
    let made = made_in_seconds.map_or_else(String::new, |seconds| format!(", made in {seconds:.1} s"));
    format!(
        "{name}: {}, {}, {} on disk{made}",
        ui::counted(*conversations, "conversation"),
        ui::counted(*frames, "frame"),
        ui::bytes(*bytes)
    )
}

fn rows(rows: &Rows, out: &mut Output) -> Result<()> {
    let singles = singles(rows);
    if !singles.is_empty() {
        out.section(heading("single accesses, warm"))?;
        let mut table = Table::new(&[Align::Left, Align::Right, Align::Right, Align::Right]);
        table.row(["", "median", "mean", "of the floor"].map(str::to_owned));
        singles.into_iter().for_each(|row| table.row(row));
        out.table(&table, 4)?;
    }
    if let Some(warm) = &rows.warm {
        out.section(heading(&format!("shuffled epoch of {}, warm", ui::counted(warm.samples, "sample"))))?;
        epochs(warm, out)?;
    }
    section("cold", rows.cold.as_ref(), out)?;
    section("of data four times larger than the memory", rows.beyond.as_ref(), out)?;
    match &rows.memory {
        Some(Outcome::Measured(found)) => {
            out.section(heading(&format!("memory over epochs of {}", ui::counted(found.samples, "sample"))))?;
            out.table(&memory(found), 4)?;
        }
        Some(Outcome::Skipped { skipped }) => out.section(format_args!("  memory was not measured: {skipped}"))?,
        None => {}
    }
    out.line("")
}

fn heading(text: &str) -> String {
    format!("  {}", paint(Ink::Faint, text))
}

fn section(what: &str, found: Option<&Outcome<Epochs>>, out: &mut Output) -> Result<()> {
    match found {
        Some(Outcome::Measured(found)) => {
            out.section(heading(&format!("shuffled epoch of {}, {what}", ui::counted(found.samples, "sample"))))?;
            epochs(found, out)
        }
        Some(Outcome::Skipped { skipped }) => {
            out.section(format_args!("  shuffled epochs {what} were not measured: {skipped}"))
        }
        None => Ok(()),
    }
}

fn memory(found: &Memory) -> Table {
    let mut table = Table::new(&[Align::Left, Align::Right, Align::Left]);
    table.row(["at the start".into(), ui::bytes(found.start_bytes), "".into()]);
    let bytes = ui::bytes(found.bytes_per_batch as u64);
    let per_batch = format!("{bytes} more for each of {}", ui::counted(found.batches, "record batch"));
    table.row([
        "after the first epoch".into(),
        ui::bytes(found.first_epoch_bytes),
        per_batch.replace("batchs", "batches"),
    ]);
    let growth = format!("{:.2} × the first", found.growth);
    table.row(["after the second epoch".into(), ui::bytes(found.second_epoch_bytes), growth]);
    table
}

/// What single accesses cost, a row each: what, the median, the mean, the share of the floor.
fn singles(rows: &Rows) -> Vec<[String; 4]> {
    let mut found = Vec::new();
    if let Some(get) = &rows.get {
        found.push(times("get a conversation, its pictures touched", &get.surgdb, Some(get.of_floor)));
        found.push(times("  floor: raw mapped offsets", &get.raw, None));
    }
    if let Some(open) = &rows.open {
        found.push(times("open", &open.surgdb, None));
        found.push(times("  floor: read the manifest's bytes", &open.read_manifest, None));
    }
    if let Some(find) = &rows.find {
        found.push(times("find by id", &find.surgdb, None));
    }
    let time = |what: &str, ns| [what.to_owned(), nanoseconds(ns), String::new(), String::new()];
    if let Some(order) = &rows.order {
        found.push(time("which sample comes at a position", order.order_ns));
        found.push(time("  and its address, every sample selected", order.all_ns));
        found.push(time("  and its address, five in six selected", order.some_ns));
    }
    if let Some(resume) = &rows.resume {
        found.push(time("build a loader", resume.build_ns));
        found.push(time("resume in the middle of an epoch", resume.resume_ns));
        let mut first = time("  the first batch of 64 after that, touched", resume.first_batch_ns);
        first[3] = format!("{:.2} ×", resume.of_fresh);
        found.push(first);
        found.push(time("  floor: the first batch of a fresh start", resume.fresh_batch_ns));
    }
    found
}

fn times(what: &str, times: &Times, share: Option<f64>) -> [String; 4] {
    let share = share.map_or_else(String::new, |share| format!("{share:.2} ×"));
    [what.to_owned(), nanoseconds(times.p50_ns), nanoseconds(times.mean_ns), share]
}

fn epochs(epochs: &Epochs, out: &mut Output) -> Result<()> {
    let mut table = Table::new(&[Align::Left, Align::Right, Align::Right, Align::Right, Align::Right]);
    let floor = match epochs.floor {
        Way::Raw => "of raw offsets",
        _ => "of O_DIRECT",
    };
    let heads = ["", "samples/s", "CPU a sample", floor, "read from the device"];
    table.row(heads.map(str::to_owned));
    for way in &epochs.ways {
        let name = way.way.words().to_owned();
        if let Some(why) = &way.skipped {
            table.row([name, format!("not measured: {why}"), "".into(), "".into(), "".into()]);
            continue;
        }
        let share = way.of_floor.map_or_else(String::new, |share| format!("{:.0} %", share * 100.0));
        let read = way.read_per_page.map_or_else(|| "?".into(), |read| format!("{read:.2} × its pages"));
        let cpu = nanoseconds(way.cpu_us_per_sample * 1e3);
        table.row([name, ui::count(way.samples_per_second as u64), cpu, share, read]);
    }
    out.table(&table, 4)?;
    match &epochs.note {
        Some(note) => out.line(format_args!("    {note}")),
        None => Ok(()),
    }
}

fn setting(figures: &Figures, out: &mut Output) -> Result<()> {
    let Setting { processors, .. } = figures.setting;
    let setting = &figures.setting;
    let or = |value: &Option<String>| value.clone().unwrap_or_else(|| "not known".into());
    let size = |value: Option<u64>| value.map_or_else(|| "not known".into(), ui::bytes);
    let mut table = Table::new(&[Align::Left, Align::Left]);
    let limit = setting.memory_limit.map_or_else(String::new, |limit| format!(", limited to {}", ui::bytes(limit)));
    table.row(["processors".into(), format!("{processors} × {}", or(&setting.processor))]);
    table.row(["memory".into(), size(setting.memory) + &limit]);
    table.row(["kernel".into(), or(&setting.kernel)]);
    table.row(["file system".into(), format!("{} on {}", or(&setting.file_system), or(&setting.device))]);
    table.row(["read-ahead".into(), size(setting.read_ahead)]);
    if let (Some(before), Some(after)) = (setting.load_before, setting.load_after) {
        table.row(["load".into(), format!("{before:.1} before, {after:.1} at the end")]);
    }
    out.table(&table, 2)?;
    let rounds = figures.rounds;
    out.line(format_args!("  Touched: {}. Medians of {rounds}, taken in turns.", figures.touched))?;
    if setting.debug_build {
        out.line(paint(Ink::Alarm, "  This is a debug build: its figures say nothing. Build it with `--release`."))?;
    }
    Ok(())
}

/// A time that is given in nanoseconds, as people read it: `840 ns`, `9.3 µs`, `62 ms`.
fn nanoseconds(ns: f64) -> String {
    let (value, unit) = match ns {
        ns if ns < 1e3 => (ns, "ns"),
        ns if ns < 1e6 => (ns / 1e3, "µs"),
        ns if ns < 1e9 => (ns / 1e6, "ms"),
        ns => (ns / 1e9, "s"),
    };
    if value < 10.0 && unit != "ns" { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        let times = [3.2, 840.0, 9_340.0, 62_000.0, 1_500_000.0, 2.4e9];
        assert_eq!(times.map(nanoseconds), ["3 ns", "840 ns", "9.3 µs", "62 µs", "1.5 ms", "2.4 s"]);
    }
}
