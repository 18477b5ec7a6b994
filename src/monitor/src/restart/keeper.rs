//! A process of its own that goes on reading a pipe: a restarted daemon that writes to the output it
//! inherited must outlive vrwatch, and dies of SIGPIPE as soon as nobody can read its words any more.
//!
//! It is coreutils' `cat` into `/dev/null`, which holds nothing else and ends by itself with the last
//! writer. What is left of vrwatch when that is upgraded, stopped or killed is this.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::{Child, Command};

use super::command::PATH;

/// Where the program is. `None` on a system without it.
pub(super) fn program() -> Option<PathBuf> {
    std::iter::once("/bin")
        .chain(PATH.split(':'))
        .map(|directory| Path::new(directory).join("cat"))
        .find(|program| program.is_file())
}

/// Starts it on a reading end that blocks: `cat` takes "try again" for an error.
///
/// Its environment is empty, so that nobody takes it for the restart command by the mark that this
/// has; its group is its own, so that what ends vrwatch's or the command's group spares it.
///
/// # Errors
/// The kernel's, when the program cannot be started.
pub(super) fn start(program: &Path, reader: OwnedFd) -> io::Result<Child> {
    Command::new(program)
        .env_clear()
        .current_dir("/")
        .process_group(0)
        .stdin(reader)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(false)
        .spawn()
}
