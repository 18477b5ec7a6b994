//! `vrwatch-manager man`: the manual page on stdout, with every command in it.

use clap::CommandFactory as _;
use terminal::{manual, output};

use super::{Cli, CommandError, Done};

/// What the exit codes mean.
const EXITS: [(u8, &str); 3] = [
    (0, "done"),
    (
        1,
        "it did not work out, or a router does not have what it was sent",
    ),
    (2, "wrong usage or configuration"),
];

pub(super) fn run() -> Result<Done, CommandError> {
    let page = manual::page(&Cli::command(), |_| Ok(()), &EXITS).map_err(|problem| {
        CommandError::Failed(format!("the manual page cannot be made: {problem}"))
    })?;
    output::raw(&page)?;
    Ok(Done::Well)
}
