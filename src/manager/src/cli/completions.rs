//! `vrwatch-manager completions SHELL`: completions on stdout.

use clap::CommandFactory as _;
use clap_complete::Shell;
use terminal::output;

use super::{Cli, CommandError, Done};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The shell to complete for.
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments) -> Result<Done, CommandError> {
    let mut script = Vec::new();
    let mut command = Cli::command();
    clap_complete::generate(
        arguments.shell,
        &mut command,
        "vrwatch-manager",
        &mut script,
    );
    output::raw(&script)?;
    Ok(Done::Well)
}
