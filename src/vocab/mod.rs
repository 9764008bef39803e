//! Names that surgical data is described with, as tables that anybody can read and extend: tasks and licences.
//!
//! The tables are TSV files beside the code. It may use `error` and `format`; everything above may use it.

mod licences;
mod tasks;

pub use licences::{KnownLicence, Permission, Terms, licence, licences};
pub use tasks::{Medium, Task, task, tasks};

/// The rows of a table, without the line that names its columns; lines that start with `#` are passed over.
fn rows<const N: usize>(table: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    let lines = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).skip(1);
    lines.map(|line| {
        let mut cells = [""; N];
        cells.iter_mut().zip(line.split('\t')).for_each(|(cell, text)| *cell = text);
        cells
    })
}

/// The parts of a cell, between semicolons.
fn parts(cell: &'static str) -> impl Iterator<Item = &'static str> {
    cell.split(';').map(str::trim).filter(|part| !part.is_empty())
}

/// A name without what people write differently: case, blanks, hyphens and other marks.
fn folded(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
