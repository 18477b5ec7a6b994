//! One call over a visit's connection: an ssh of its own that hands its input and output to the
//! connection's, bounded in bytes and time.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Child;
use tokio::time::timeout;

use super::master::{Failure, socket, ssh};
use super::options::TARGET;
use crate::routers::shell::ReachError;

/// The most that a call may answer, in bytes.
pub(super) const LARGEST_ANSWER: usize = 4 << 20;
/// How much of its complaints is kept, in bytes.
const LARGEST_COMPLAINT: usize = 64 << 10;
/// The exit code that is also ssh's own.
const SSH_FAILED: i32 = 255;

/// What became of a call.
#[derive(Debug)]
pub(super) struct Called {
    pub(super) end: End,
    pub(super) output: Vec<u8>,
    pub(super) errors: Vec<u8>,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The far program exited with this code.
    Exited(i32),
    /// No exit code came: a signal ended the program, or the connection is gone.
    NoCode,
    /// There was no connection to use; ssh said this.
    NoConnection(String),
}

/// Has the far side's log-in shell run `command`.
///
/// # Errors
/// When it takes longer than `limit` or answers too much. The call is ended then.
pub(super) async fn call(
    folder: &Path,
    command: &OsStr,
    input: &[u8],
    limit: Duration,
) -> Result<Called, ReachError> {
    let log = folder.join("call");
    let child = ssh()
        .args([
            "-F",
            "/dev/null",
            "-T",
            "-o",
            "ControlMaster=no",
            "-o",
            "BatchMode=yes",
        ])
        // Without the connection ssh would make one of its own.
        .args(["-o", "ProxyCommand=/bin/false"])
        // Only at this level does it tell its own failure from the program's.
        .args(["-o", "LogLevel=DEBUG2", "-E"])
        .arg(&log)
        .arg("-S")
        .arg(socket(folder))
        .args(["--", TARGET])
        .arg(command)
        .spawn()
        .map_err(|error| Failure::here(&error))?;
    let called = timeout(limit, talk(child, input, &log)).await;
    // Each call has a log of its own.
    let _ = std::fs::remove_file(&log);
    called.map_err(|_| ReachError::TimedOut(limit))?
}

async fn talk(mut child: Child, input: &[u8], log: &Path) -> Result<Called, ReachError> {
    let stdin = child.stdin.take();
    let stdout = child.stdout.take();
    let stderr = child.stderr.take();
    let write = async {
        if let Some(mut stdin) = stdin {
            // A program need not read what it is given; its answer tells how it went.
            let _ = stdin.write_all(input).await;
            let _ = stdin.shutdown().await;
        }
        Ok::<(), ReachError>(())
    };
    let output = async {
        let (kept, whole) = read(stdout, LARGEST_ANSWER).await;
        whole
            .then_some(kept)
            .ok_or(ReachError::TooMuch(LARGEST_ANSWER))
    };
    let errors = async {
        let (kept, _) = drain(stderr, LARGEST_COMPLAINT).await;
        Ok::<Vec<u8>, ReachError>(kept)
    };
    let ((), output, errors) = tokio::try_join!(write, output, errors)?;
    let status = child.wait().await.map_err(|error| Failure::here(&error))?;
    let end = match status.code() {
        Some(SSH_FAILED) => failed(&std::fs::read(log).unwrap_or_default()),
        Some(code) => End::Exited(code),
        None => End::NoCode,
    };
    Ok(Called {
        end,
        output,
        errors,
    })
}

/// What 255 means. Source: `muxclient` in OpenSSH's mux.c.
fn failed(log: &[u8]) -> End {
    let log = String::from_utf8_lossy(log);
    if log.contains("Received exit status from master") {
        End::Exited(SSH_FAILED)
    } else if log.contains("mux_client_request_session: master session id") {
        End::NoCode
    } else {
        let said = log.lines().filter(|line| !line.starts_with("debug"));
        End::NoConnection(said.collect::<Vec<_>>().join("\n"))
    }
}

/// Reads to the end, or until there is more than `limit`: then what came is not whole.
async fn read(from: Option<impl AsyncRead + Unpin>, limit: usize) -> (Vec<u8>, bool) {
    let mut kept = Vec::new();
    let Some(from) = from else {
        return (kept, true);
    };
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let _ = from.take(most).read_to_end(&mut kept).await;
    let whole = kept.len() <= limit;
    (kept, whole)
}

/// Reads to the end and keeps the first `limit` bytes.
async fn drain(from: Option<impl AsyncRead + Unpin>, limit: usize) -> (Vec<u8>, bool) {
    let Some(mut from) = from else {
        return (Vec::new(), true);
    };
    let (mut kept, whole) = read(Some(&mut from), limit).await;
    kept.truncate(limit);
    if !whole {
        let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
    }
    (kept, whole)
}
