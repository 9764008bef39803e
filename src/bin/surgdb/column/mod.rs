//! `surgdb column`: columns beside those that every dataset has.

mod add;
mod csv;
mod estimate;
mod list;
mod values;

use crate::cli::Outcome;
use surgdb::Result;

/// List the columns of a dataset, or add some
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
    EstimateTokens(estimate::Args),
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    match args.command {
        Command::List(args) => list::run(args),
        Command::Add(args) => add::run(args),
        Command::EstimateTokens(args) => estimate::run(args),
    }
}
