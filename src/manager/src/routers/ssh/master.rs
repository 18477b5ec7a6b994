//! The one connection of a visit: an ssh in the foreground that the calls share. It runs `cat` on the
//! far side, whose echo tells that the connection stands, and whose end, when the manager closes its
//! input or is killed, ends the connection: of a killed manager nothing is left once the call that
//! was under way has come to its end, which its far side bounds.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader,
};
use tokio::process::{Child, ChildStderr, ChildStdin, Command};
use tokio::time::timeout;

use super::options::TARGET;
use crate::routers::shell::ReachError;

/// What is said and expected back.
const GREETING: &[u8] = b"vrwatch is there\n";
/// The most that a far side may say before it, in bytes.
const NOISE: u64 = 64 << 10;
/// How much of ssh's complaints is kept, in bytes.
const COMPLAINTS: usize = 16 << 10;
/// How long a connection that is told to end may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// The connection. Dropped, it is killed.
#[derive(Debug)]
pub(super) struct Master {
    child: Child,
    input: Option<ChildStdin>,
    complaints: Complaints,
    folder: TempDir,
}

/// What ssh complained of so far; the first of it.
#[derive(Clone, Debug, Default)]
struct Complaints(Arc<Mutex<Vec<u8>>>);

impl Master {
    /// Connects; `configuration` is all that ssh goes by.
    ///
    /// # Errors
    /// What ssh said, when it gave up; `None` when it took longer than `limit`.
    pub(super) async fn connect(configuration: &str, limit: Duration) -> Result<Self, Failure> {
        // The folder's mode is 0700, so nobody else can use the connection.
        let folder = tempfile::Builder::new().prefix("vrwatch-ssh-").tempdir()?;
        let file = folder.path().join("config");
        std::fs::write(&file, configuration)?;
        let arguments = [
            OsStr::new("-F"),
            file.as_os_str(),
            OsStr::new("-M"),
            OsStr::new("-S"),
        ];
        let mut child = ssh()
            .args(arguments)
            .arg(socket(folder.path()))
            .args(["-T", "--", TARGET, "cat"])
            .spawn()?;
        let complaints = Complaints::default();
        let reading = child
            .stderr
            .take()
            .map(|stderr| tokio::spawn(complaints.clone().collect(stderr)));
        let mut master = Self {
            input: child.stdin.take(),
            child,
            complaints,
            folder,
        };
        match timeout(limit, master.greet()).await {
            Ok(true) => Ok(master),
            Ok(false) => {
                // It has ended, or never will say anything of use; its last words may be on the way.
                let _ = timeout(FAREWELL, master.child.wait()).await;
                if let Some(reading) = reading {
                    let _ = timeout(FAREWELL, reading).await;
                }
                Err(Failure::Said(master.complaints.text()))
            }
            Err(_) => Err(Failure::TimedOut),
        }
    }

    /// Says a word to the far side and waits for its echo.
    async fn greet(&mut self) -> bool {
        let (Some(input), Some(output)) = (&mut self.input, self.child.stdout.take()) else {
            return false;
        };
        // Written or not: what is read tells.
        let _ = input.write_all(GREETING).await;
        echoed(&mut BufReader::new(output.take(NOISE))).await
    }

    /// Whether the connection has ended, or does so at once.
    pub(super) async fn has_ended(&mut self) -> bool {
        timeout(FAREWELL, self.child.wait()).await.is_ok()
    }

    /// What ssh complained of.
    pub(super) fn complaints(&self) -> String {
        self.complaints.text()
    }

    /// The folder of this visit, private.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends the connection politely, or by force when it takes too long.
    pub(super) async fn close(mut self) {
        self.input = None;
        if timeout(FAREWELL, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}

impl Complaints {
    async fn collect(self, mut from: ChildStderr) {
        let mut piece = [0; 1024];
        // Read to the end, or ssh would block; kept as far as there is room.
        while let Ok(length @ 1..) = from.read(&mut piece).await {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let room = COMPLAINTS.saturating_sub(kept.len());
            kept.extend(piece.iter().take(length.min(room)));
        }
    }

    fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).into_owned()
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum Failure {
    /// ssh gave up, and said this.
    Said(String),
    /// It took too long.
    TimedOut,
    /// ssh could not be started.
    Here(std::io::Error),
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Here(error)
    }
}

impl Failure {
    /// ssh, or the means to run it, is missing on this machine.
    pub(super) fn here(error: &std::io::Error) -> ReachError {
        ReachError::Refused(format!(
            "ssh cannot be run on this machine (is openssh-client installed?): {error}"
        ))
    }
}

/// Whether the greeting comes back; a log-in shell may say something of its own before.
async fn echoed(output: &mut (impl AsyncBufRead + Unpin)) -> bool {
    let mut line = Vec::new();
    loop {
        line.clear();
        match output.read_until(b'\n', &mut line).await {
            Ok(1..) if line.ends_with(GREETING) => return true,
            Ok(1..) => {}
            _ => return false,
        }
    }
}

/// The system's ssh as a child that ends with this object, and knows nothing of agents or screens.
pub(super) fn ssh() -> Command {
    let mut command = Command::new("ssh");
    let path = std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/bin:/bin"));
    command
        .env_clear()
        .env("PATH", path)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A Ctrl-C at the manager's terminal is the manager's to handle.
        .process_group(0)
        .kill_on_drop(true);
    command
}

/// Where the calls meet the connection. ssh reads `%` in it its own way.
pub(super) fn socket(folder: &Path) -> PathBuf {
    let path = folder.join("m");
    path.to_str().map_or_else(
        || path.clone(),
        |path| PathBuf::from(path.replace('%', "%%")),
    )
}
