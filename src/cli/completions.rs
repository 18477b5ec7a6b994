//! `vrwatch completions SHELL`: completions on stdout.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, CommandError, Done};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The shell to complete for.
    shell: Shell,
}

// Every command has the same signature.
#[allow(clippy::unnecessary_wraps, reason = "every command returns the same")]
pub(super) fn run(arguments: &Arguments) -> Result<Done, CommandError> {
    clap_complete::generate(
        arguments.shell,
        &mut Cli::command(),
        "vrwatch",
        &mut std::io::stdout(),
    );
    Ok(Done::Well)
}
