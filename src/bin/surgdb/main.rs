//! The `surgdb` command.

mod cli;
mod demo;
mod interrupt;
mod output;
mod ui;

use std::process::ExitCode;

fn main() -> ExitCode {
    interrupt::install();
    cli::main()
}
