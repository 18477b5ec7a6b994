//! Starts a restart command as `init` would: no shell, a known environment, a process group of its
//! own, nothing of vrwatch's.

use std::fs::File;
use std::io;
use std::sync::{Mutex, PoisonError};

use rustix::fs::Mode;
use rustix::process::umask;
use thiserror::Error;
use tokio::process::{Child, Command};

use super::capture::Capture;
use super::clean::clean;
use crate::file_limit;

/// Marks the environment of a restart command.
pub(super) const TOKEN_VARIABLE: &str = "VRWATCH_RESTART";

/// Where programs are looked for, by the command too.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A command that runs.
pub(super) struct Started {
    /// Its first process, which leads its group.
    pub(super) child: Child,
    /// Where its output goes; `None` when it goes nowhere.
    pub(super) capture: Option<Capture>,
}

/// Why a command does not run.
#[derive(Debug, Error)]
pub(super) enum StartError {
    #[error("cannot run the restart command: it is empty")]
    Empty,
    #[error("cannot run `{program}`: {cause}")]
    Refused { program: String, cause: io::Error },
}

/// Starts the command.
///
/// The environment (and so `NOTIFY_SOCKET`) is not passed on; the standard library empties the
/// signal mask and resets SIGPIPE, and the kernel resets every signal that has a handler. A signal
/// that vrwatch itself was started with as ignored stays ignored.
pub(super) fn start(command: &[String], token: &str) -> Result<Started, StartError> {
    let (program, arguments) = command.split_first().ok_or(StartError::Empty)?;
    spawn(program, arguments, token).map_err(|cause| StartError::Refused {
        program: clean(program.as_bytes()),
        cause,
    })
}

fn spawn(program: &str, arguments: &[String], token: &str) -> io::Result<Started> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .env("LC_ALL", "C.UTF-8")
        .env("HOME", "/")
        .env(TOKEN_VARIABLE, token)
        .current_dir("/")
        .process_group(0)
        .kill_on_drop(false);
    // Opened here: at the birth of the child there may be no room for another file.
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    command
        .stdin(nothing.try_clone()?)
        .stdout(nothing.try_clone()?)
        .stderr(nothing);
    let capture = if let Some((capture, writer)) = Capture::open()? {
        command.stderr(writer.try_clone()?).stdout(writer);
        Some(capture)
    } else {
        tracing::warn!(
            program,
            "too many processes hold the output of earlier restarts: this one's is not kept"
        );
        None
    };
    // `command` holds the pipe's writing end; it goes with the end of this function.
    let child = as_usual(|| command.spawn())?;
    Ok(Started { child, capture })
}

/// The umask and the limit of open files belong to the whole process and the child gets them at its
/// birth, so they are set for the moment of the birth.
fn as_usual<T>(work: impl FnOnce() -> T) -> T {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let ours = umask(Mode::from_raw_mode(0o022));
    let result = file_limit::with_limit_from_before(work);
    umask(ours);
    result
}
