//! The `surgdb` command.

mod bench;
mod cli;
mod column;
mod create;
mod delete;
mod demo;
mod export;
mod import;
mod info;
mod interrupt;
mod output;
mod random;
mod show;
mod stats;
mod target;
mod ui;
mod verify;
mod versions;

use std::process::ExitCode;

fn main() -> ExitCode {
    interrupt::install();
    cli::main()
}
