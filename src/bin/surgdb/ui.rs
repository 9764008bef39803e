//! How the command talks to people: progress, tables, sizes and durations.

use crate::interrupt;
use crate::terminal::{Ink, paint, shown};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::cell::Cell;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::time::{Duration, Instant};
use surgdb::Result;
pub use surgdb::dataset::Counts;
pub use surgdb::in_shell as quoted;

/// How often a line is written where there is no terminal to draw a bar on.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// What is under way: a bar on a terminal, a line now and then otherwise. All of it goes to stderr.
pub struct Progress {
    bar: ProgressBar,
    what: String,
    total: Option<u64>,
    last_line: Cell<Instant>,
}

impl Progress {
    /// Work on `total` bytes, where that is known.
    pub fn bytes(what: impl Into<String>, total: Option<u64>) -> Self {
        let template = match total {
            Some(_) => {
                "{prefix} [{bar:20}] {decimal_bytes}/{decimal_total_bytes} · {decimal_bytes_per_sec} · {eta} left · {wide_msg}"
            }
            None => "{prefix} {spinner} {decimal_bytes} · {decimal_bytes_per_sec} · {wide_msg}",
        };
        Self::new(what.into(), total, template)
    }

    /// Work on `total` things, where that is known.
    pub fn things(what: impl Into<String>, total: Option<u64>) -> Self {
        let template = match total {
            Some(_) => "{prefix} [{bar:20}] {human_pos}/{human_len} · {eta} left · {wide_msg}",
            None => "{prefix} {spinner} {human_pos} · {wide_msg}",
        };
        Self::new(what.into(), total, template)
    }

    fn new(what: String, total: Option<u64>, template: &str) -> Self {
        let bar = match total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::new_spinner(),
        };
        // `stderr` draws nothing where stderr is no terminal.
        bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸ "));
        }
        bar.set_prefix(what.clone());
        Self { bar, what, total, last_line: Cell::new(Instant::now()) }
    }

    /// Says how far the work is, and stops it where the user asked for that.
    ///
    /// # Errors
    /// `Interrupted` after Ctrl-C.
    pub fn at(&self, done: u64, detail: impl FnOnce() -> String) -> Result<()> {
        interrupt::check()?;
        if std::io::stderr().is_terminal() {
            self.bar.set_position(done);
            self.bar.set_message(detail());
        } else if self.last_line.get().elapsed() >= LINE_EVERY {
            self.last_line.set(Instant::now());
            let share = match self.total {
                Some(total) if total > 0 => format!(", {} %", done.min(total) * 100 / total),
                _ => String::new(),
            };
            note(format_args!("{}: {}{share}", self.what, detail()));
        }
        Ok(())
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Writes a line for people to stderr, safe for a terminal. A closed stderr is no reason to stop.
pub fn note(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{}", shown(&line.to_string()));
}

/// Asks a yes-or-no question on the terminal; where there is none the answer is no.
pub fn confirm(question: &str) -> bool {
    if !std::io::stdin().is_terminal() {
        return false;
    }
    let _ = write!(std::io::stderr(), "{} [y/N] ", shown(question));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes" | "Yes")
}

/// On which side a column's texts are lined up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// Rows with lined-up columns, two blanks apart; without colours.
pub struct Table {
    align: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with such columns.
    pub fn new(align: &[Align]) -> Self {
        Self { align: align.to_vec(), rows: Vec::new() }
    }

    /// One more row. What would steer a terminal is written out, so that a cell is as wide as it looks.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.iter().map(|cell| shown(cell).into_owned()).collect());
    }

    /// Its lines, each indented by so many blanks.
    pub fn lines(&self, indent: usize) -> String {
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.align.len()).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = " ".repeat(indent);
            for ((cell, align), width) in row.iter().zip(&self.align).zip(&widths) {
                let blanks = " ".repeat(width.saturating_sub(cell.chars().count()));
                match align {
                    Align::Left => line.extend([cell.as_str(), &blanks, "  "]),
                    Align::Right => line.extend([blanks.as_str(), cell, "  "]),
                }
            }
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text
    }
}

/// Counts one more of this.
pub fn add(counts: &mut Counts, value: &str) {
    match counts.get_mut(value) {
        Some(count) => *count += 1,
        None => {
            counts.insert(value.to_owned(), 1);
        }
    }
}

/// Counts with their shares, the largest first, and no more than `most`.
pub fn shares(counts: &Counts, most: usize) -> Table {
    let mut sorted: Vec<(&String, &u64)> = counts.iter().collect();
    sorted.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), *name));
    let total: u64 = counts.values().sum();
    let mut lines = Table::new(&[Align::Left, Align::Right, Align::Right]);
    for (value, number) in sorted.into_iter().take(most) {
        lines.row([value.clone(), count(*number), format!("{:.1} %", *number as f64 * 100.0 / total as f64)]);
    }
    lines
}

/// A number with its thousands set apart: `12,345`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 frame`, `2 frames`.
pub fn counted(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(number))
}

/// A count and what is counted: `1 box`, `2 boxes`, `1 line without a question`.
pub fn several(number: u64, plural: &str) -> String {
    let count = count(number);
    if number != 1 {
        return format!("{count} {plural}");
    }
    let (things, rest) = plural.split_at(plural.find(' ').unwrap_or(plural.len()));
    let one = match things {
        "boxes" => "box",
        "categories" => "category",
        other => other.strip_suffix('s').unwrap_or(other),
    };
    format!("{count} {one}{rest}")
}

/// That rows came in again which had been deleted, by table, and what to do about it.
pub fn came_again<'t>(rows: impl Iterator<Item = (&'t str, u64)>, advice: &str) -> String {
    let (mut total, mut tables) = (0, Vec::new());
    for (table, number) in rows {
        total += number;
        tables.push(several(number, table));
    }
    let (rows, were) = if total == 1 { ("ROW COMES", "WAS") } else { ("ROWS COME", "WERE") };
    let line = format!("{} {rows} IN AGAIN THAT {were} DELETED ({}): {advice}", count(total), tables.join(", "));
    paint(Ink::Alarm, &line)
}

/// How many letters must be put in, left out or changed to make one word the other.
pub fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (number, letter) in one.chars().enumerate() {
        let mut last = number + 1;
        let mut next = vec![last];
        for (pair, known) in row.windows(2).zip(&other) {
            let changed = pair[0] + usize::from(*known != letter);
            last = changed.min(pair[1] + 1).min(last + 1);
            next.push(last);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// A size as people read it: `72 kB`, `1.4 GB`.
pub fn bytes(size: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (size as f64, 0);
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    match unit {
        0 => format!("{size} B"),
        _ if value < 9.95 => format!("{value:.1} {}", UNITS[unit]),
        _ => format!("{value:.0} {}", UNITS[unit]),
    }
}

/// A duration as people read it: `340 µs`, `1.4 s`, `2 min 10 s`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        s if s < 1e-3 => format!("{:.0} µs", s * 1e6),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 60.0 => format!("{s:.1} s"),
        s if s < 3600.0 => format!("{} min {} s", s as u64 / 60, s as u64 % 60),
        s => format!("{} h {} min", s as u64 / 3600, s as u64 / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_sizes_read_well() {
        assert_eq!([count(0), count(999), count(1_000), count(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([bytes(0), bytes(999), bytes(1_000), bytes(72_345)], ["0 B", "999 B", "1.0 kB", "72 kB"]);
        assert_eq!([bytes(999_600), bytes(1_440_000_000)], ["1.0 MB", "1.4 GB"]);
        assert_eq!(counted(1, "frame"), "1 frame");
        assert_eq!(duration(Duration::from_millis(1_400)), "1.4 s");
    }

    #[test]
    fn words_that_are_nearly_the_same_are_near() {
        let near = |one, other| distance(one, other);
        assert_eq!([near("task", "task"), near("tsak", "task"), near("tas", "task"), near("", "id")], [0, 2, 1, 2]);
    }

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&[Align::Left, Align::Right]);
        table.row(["frames".into(), "1,200".into()]);
        table.row(["é".into(), "7".into()]);
        assert_eq!(table.lines(2), "  frames  1,200\n  é           7\n");
    }
}
