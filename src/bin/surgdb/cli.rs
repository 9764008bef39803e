//! The command line: which subcommands there are, and how each of them ends.

use crate::{interrupt, output};
use clap::builder::styling::{AnsiColor, Styles};
use clap::{Parser, Subcommand};
use std::error::Error as _;
use std::process::ExitCode;
use surgdb::{Error, ErrorKind, Result};

/// How a command ended that could run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All is well.
    Fine,
    /// It found something wrong and said so.
    FoundWrong,
}

const STYLES: Styles =
    Styles::styled().header(AnsiColor::Green.on_default().bold()).literal(AnsiColor::Cyan.on_default().bold());

const EXAMPLES: &str = "\
Start here:
  surgdb demo                              see it work on a source that is made up on the spot
  surgdb import my.surgdb records.json     turn ShareGPT records and their pictures into a dataset
  surgdb info my.surgdb                    see what is in it
  surgdb show my.surgdb --random 3         look at three samples

Exit codes: 0 all is well, 1 something wrong was found, 2 it could not run, 130 stopped by Ctrl-C.";

/// One place for surgical training data: conversations, frames, videos and annotations in Arrow files.
#[derive(Parser)]
#[command(name = "surgdb", version, styles = STYLES, after_help = EXAMPLES, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(crate::demo::Args),
    Create(crate::create::Args),
    Import(Box<crate::import::Args>),
    Map(crate::map::Args),
    Attach(crate::attach::Args),
    Info(crate::info::Args),
    Stats(crate::stats::Args),
    Report(Box<crate::report::Args>),
    Show(crate::show::Args),
    Select(crate::select::Args),
    Column(crate::column::Args),
    Versions(crate::versions::Args),
    Verify(crate::verify::Args),
    Export(crate::export::Args),
    Copy(Box<crate::copy::Args>),
    Delete(crate::delete::Args),
    Compact(crate::compact::Args),
    Vacuum(crate::vacuum::Args),
    Bench(crate::bench::Args),
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    // Bad arguments end here: with the usage on stderr and exit code 2.
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Demo(args) => crate::demo::run(args),
        Command::Create(args) => crate::create::run(args),
        Command::Import(args) => crate::import::run(*args),
        Command::Map(args) => crate::map::run(args),
        Command::Attach(args) => crate::attach::run(args),
        Command::Info(args) => crate::info::run(args),
        Command::Stats(args) => crate::stats::run(args),
        Command::Report(args) => crate::report::run(*args),
        Command::Show(args) => crate::show::run(args),
        Command::Select(args) => crate::select::run(args),
        Command::Column(args) => crate::column::run(args),
        Command::Versions(args) => crate::versions::run(args),
        Command::Verify(args) => crate::verify::run(args),
        Command::Export(args) => crate::export::run(args),
        Command::Copy(args) => crate::copy::run(*args),
        Command::Delete(args) => crate::delete::run(args),
        Command::Compact(args) => crate::compact::run(args),
        Command::Vacuum(args) => crate::vacuum::run(args),
        Command::Bench(args) => crate::bench::run(args),
    };
    code(result)
}

fn code(result: Result<Outcome>) -> ExitCode {
    match result {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::FoundWrong) => ExitCode::from(1),
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::from(if error.kind() == ErrorKind::Interrupted { interrupt::EXIT_CODE } else { 2 })
        }
    }
}

/// Says on stderr what went wrong, then what caused it where that says more.
fn report(error: &Error) {
    let said = error.to_string();
    crate::ui::note(format_args!("error: {said}"));
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !said.contains(&text) {
            crate::ui::note(format_args!("  because: {text}"));
        }
        cause = error.source();
    }
}
