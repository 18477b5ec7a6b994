//! vrwatch, the router daemon: watches services, restarts them, tells who needs to know.
//! This file only names the parts; `cli` puts them together, one file a command.

#![forbid(unsafe_code)]

mod cli;
mod config;
mod control;
mod lock;

fn main() -> std::process::ExitCode {
    cli::main()
}
