//! The cell that a run lives in: a process namespace of its own, whose end is the end of all that was
//! started in it. It ends when the benchmark does, whatever became of that: an error, a panic,
//! Ctrl-C or a kill -9. Nobody's processes but the run's own can be seen, counted or ended from within.

use std::io::Read;
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus, Stdio};

use anyhow::Context;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

/// The first argument of the benchmark in the cell; the folders follow, then its own.
pub(crate) const INSIDE: &str = "--inside";

/// Runs the benchmark in a cell.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<ExitCode> {
    let run = tempfile::Builder::new()
        .prefix("vrwatch-bench.")
        .tempdir()?;
    let disk = tempfile::Builder::new()
        .prefix("vrwatch-bench.")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let mut command = Command::new("unshare");
    command
        .args(["--pid", "--mount", "--mount-proc", "--fork", "--kill-child"])
        // The first process of a namespace collects what others leave behind; a shell does so
        // while it waits. It must not turn into the benchmark, so there is something left to do.
        .args(["sh", "-c", "\"$0\" \"$@\"; exit $?"])
        .arg(std::env::current_exe()?)
        .arg(INSIDE)
        .args([run.path(), disk.path()])
        .args(arguments)
        .stdin(Stdio::piped());
    let status = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let child = command
                .spawn()
                .context("`unshare` is missing: run tests/all once, it installs what is needed")?;
            until_it_ends(child).await
        })?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Waits for the cell's end, or brings it about when this process is told to stop.
async fn until_it_ends(mut child: Child) -> anyhow::Result<ExitStatus> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let lifeline = child.stdin.take();
    tokio::select! {
        status = child.wait() => return Ok(status?),
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    drop(lifeline);
    Ok(child.wait().await?)
}

/// In the cell: ends this process, and so the cell, when the benchmark outside is gone. Removes the
/// folders, which nobody may be left to do.
pub(crate) fn end_with_the_outside(folders: [PathBuf; 2]) {
    std::thread::spawn(move || {
        // Nothing is ever written to it: this returns when the other end is closed.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        for folder in folders {
            let _ = std::fs::remove_dir_all(folder);
        }
        std::process::exit(130);
    });
}
