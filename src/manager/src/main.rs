//! The composition root of the management server: parse and run. No logic.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    manager::cli::main()
}
