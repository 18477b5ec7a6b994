//! `vrwatch completions SHELL`: completions on stdout.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, CommandError, Done, output};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The shell to complete for.
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments) -> Result<Done, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "vrwatch", &mut script);
    output::raw(&script)?;
    Ok(Done::Well)
}
