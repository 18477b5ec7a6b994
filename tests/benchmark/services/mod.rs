//! The throw-away services that are watched: sleepers that the benchmark itself replaces, and
//! programs that a supervisor restarts and that say when they run.

pub(crate) mod restartable;
mod sleepers;

pub(crate) use restartable::Restartables;
pub(crate) use sleepers::Sleepers;

use std::fs;
use std::path::{Path, PathBuf};

/// Writes a pid file as daemons should: it is never seen half written.
fn write_pid_file(path: &Path, pid: u32) -> std::io::Result<()> {
    let new: PathBuf = path.with_extension("new");
    fs::write(&new, format!("{pid}\n"))?;
    fs::rename(&new, path)
}
