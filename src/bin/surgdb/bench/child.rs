//! Rows that a process of its own must measure: with memory that nothing else has used, or with a limit on it.

use crate::interrupt;
use serde_json::Value;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use surgdb::{Error, ErrorKind, Result};

/// How often it is looked whether the process has ended, or the user wants it to.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What a process measures: one row of one dataset.
pub struct Child<'a> {
    /// The row.
    pub row: &'static str,
    /// The dataset.
    pub dataset: &'a Path,
    /// Where it may write.
    pub dir: &'a Path,
    /// As the user gave it.
    pub rounds: usize,
    /// As the user gave it.
    pub samples: u64,
}

impl Child<'_> {
    /// Runs this program anew, behind the words of `wrapper`, and gives the row that it measured.
    ///
    /// # Errors
    /// `Unsupported` with what it said, where it could not run; `Interrupted` after Ctrl-C.
    pub fn run(&self, wrapper: &[String]) -> Result<Value> {
        let program = std::env::current_exe().map_err(|error| Error::io("cannot find this program", error))?;
        let mut command = match wrapper {
            [] => Command::new(program),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        };
        command.args(["bench", "--json", "--in-child", "--only", self.row, "--dataset"]).arg(self.dataset);
        command.arg("--dir").arg(self.dir).args(["--rounds", &self.rounds.to_string()]);
        command.args(["--samples", &self.samples.to_string()]);
        let text = output(command)?;
        let found: Value = serde_json::from_str(&text).map_err(|error| Error::invalid(error.to_string()))?;
        let row = found.pointer(&format!("/datasets/0/rows/{}", self.row));
        row.cloned().ok_or_else(|| Error::invalid(format!("the process that was to measure `{}` did not", self.row)))
    }
}

/// What a command prints.
///
/// # Errors
/// `Unsupported` with the end of what it said, where it failed; `Interrupted` after Ctrl-C.
fn output(mut command: Command) -> Result<String> {
    let failed = |error| Error::unsupported("a process of its own cannot be started").caused_by(error);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    let (out, err) = (reader(child.stdout.take()), reader(child.stderr.take()));
    let status = loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            break status;
        }
        if let Err(stopped) = interrupt::check() {
            // It removes its own folder, which lies in ours.
            let _ = child.kill();
            let _ = child.wait();
            return Err(stopped);
        }
        std::thread::sleep(LOOK_EVERY);
    };
    let (out, err) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
    if status.success() {
        return Ok(out);
    }
    let said = err.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    Err(Error::new(ErrorKind::Unsupported, format!("the process that was to measure it ended with {status}: {said}")))
}

/// Reads it in a thread, so that the process never waits for a reader.
fn reader(from: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        if let Some(mut from) = from {
            // What cannot be read is missing at the end, where the JSON then does not parse.
            let _ = from.read_to_string(&mut text);
        }
        text
    })
}
