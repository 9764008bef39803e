//! `surgdb column`: columns beside those that every dataset has.

mod add;
mod csv;
mod drop;
mod estimate;
mod list;
mod types;
mod values;

use crate::cli::Outcome;
use surgdb::Result;

/// List the columns of a dataset, add some, or drop them again
#[derive(clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    List(list::Args),
    Add(add::Args),
    Drop(drop::Args),
    EstimateTokens(estimate::Args),
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    match args.command {
        Command::List(args) => list::run(args),
        Command::Add(args) => add::run(args),
        Command::Drop(args) => drop::run(args),
        Command::EstimateTokens(args) => estimate::run(args),
    }
}
