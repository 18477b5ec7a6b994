//! The answering side: few connections, small requests, short patience. Whoever is not root or the
//! daemon's own user is hung up on without a word.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::Mode;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::AbortHandle;
use tracing::{debug, warn};

use super::{REQUEST_LIMIT, Reply, Request};

/// Connections at a time. One more, and the oldest has to go: whoever asks is answered at once, so
/// that one is silent, and must not keep others from asking.
const CONNECTIONS: usize = 8;

/// How long a connection may take from its first byte to its answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers requests.
pub(crate) trait Respond: Send + Sync + 'static {
    /// The answer to one request.
    fn respond(&self, request: Request) -> impl Future<Output = Reply> + Send;
}

/// A bound control socket; its file goes when this does.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: UnixListener,
    path: PathBuf,
    /// The file, by its device and number.
    file: Option<(u64, u64)>,
}

/// The answering that runs, and what it takes to run again.
pub(crate) struct Control<R> {
    path: PathBuf,
    file: Option<(u64, u64)>,
    respond: Arc<R>,
    task: AbortHandle,
}

impl<R: Respond> Control<R> {
    /// Answers from now on.
    pub(crate) fn serve(listener: Listener, path: PathBuf, respond: R) -> Self {
        let respond = Arc::new(respond);
        Self {
            path,
            file: listener.file,
            task: tokio::spawn(listener.serve(Arc::clone(&respond))).abort_handle(),
            respond,
        }
    }

    /// Makes the socket again if somebody removed it.
    pub(crate) fn put_back(&mut self) {
        if self.file.is_some() && file_at(&self.path) == self.file {
            return;
        }
        match Listener::bind(&self.path) {
            Ok(listener) => {
                warn!(path = %self.path.display(), "the control socket was removed: it is made again");
                self.task.abort();
                self.file = listener.file;
                let serving = listener.serve(Arc::clone(&self.respond));
                self.task = tokio::spawn(serving).abort_handle();
            }
            Err(problem) => {
                warn!(path = %self.path.display(), %problem, "the control socket cannot be made again");
            }
        }
    }

    /// Answers no more.
    pub(crate) fn stop(&self) {
        self.task.abort();
    }
}

fn file_at(path: &Path) -> Option<(u64, u64)> {
    let found = std::fs::symlink_metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

impl Listener {
    /// Binds the socket, mode 0600. The caller holds the lock, so a socket file that is there
    /// already is a dead daemon's.
    ///
    /// # Errors
    /// When the socket cannot be made, or something that is no socket has its name.
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::FileTypeExt;

        if let Some(directory) = path.parent() {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(directory)?;
        }
        match std::fs::symlink_metadata(path) {
            Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path)?,
            Ok(_) => {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    "something that is no socket has this name; it is left alone",
                ));
            }
            Err(problem) if problem.kind() == io::ErrorKind::NotFound => {}
            Err(problem) => return Err(problem),
        }
        // The mode must be right from the first moment, not a moment later.
        let before = rustix::process::umask(Mode::from_raw_mode(0o177));
        let listener = UnixListener::bind(path);
        rustix::process::umask(before);
        Ok(Self {
            socket: listener?,
            file: file_at(path),
            path: path.to_owned(),
        })
    }

    /// Answers until dropped.
    pub(crate) async fn serve(self, respond: Arc<impl Respond>) {
        let mut open: VecDeque<AbortHandle> = VecDeque::with_capacity(CONNECTIONS);
        loop {
            match self.socket.accept().await {
                Ok((stream, _)) => {
                    open.retain(|connection| !connection.is_finished());
                    if open.len() == CONNECTIONS
                        && let Some(oldest) = open.pop_front()
                    {
                        debug!("too many control connections; the oldest is hung up on");
                        oldest.abort();
                    }
                    let respond = Arc::clone(&respond);
                    let connection = tokio::spawn(async move {
                        match tokio::time::timeout(PATIENCE, converse(stream, &*respond)).await {
                            Ok(Ok(())) => {}
                            Ok(Err(problem)) => debug!(%problem, "a control connection failed"),
                            Err(_) => debug!("a control connection took too long"),
                        }
                    });
                    open.push_back(connection.abort_handle());
                }
                Err(problem) => {
                    warn!(%problem, "the control socket cannot accept; tries again");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // What is there now may be another's. A socket file left behind is removed at the next start.
        if self.file.is_some() && file_at(&self.path) == self.file {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

async fn converse(mut stream: UnixStream, respond: &impl Respond) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    if peer != 0 && peer != rustix::process::geteuid().as_raw() {
        debug!(
            uid = peer,
            "a control connection of another user is refused"
        );
        return Ok(());
    }
    let (reader, mut writer) = stream.split();
    let mut line = Vec::new();
    BufReader::new(reader.take(REQUEST_LIMIT))
        .read_until(b'\n', &mut line)
        .await?;
    let whole = line.ends_with(b"\n") || (line.len() as u64) < REQUEST_LIMIT;
    let reply = match serde_json::from_slice::<Request>(&line) {
        _ if !whole => Reply::Refused(format!(
            "this request is too long; a request is one JSON line of at most {REQUEST_LIMIT} bytes"
        )),
        Ok(request) => respond.respond(request).await,
        Err(problem) => Reply::Refused(format!(
            "this is no request: {problem}; a request is one JSON line such as {{\"command\":\"status\"}}"
        )),
    };
    let mut answer = serde_json::to_vec(&reply)?;
    answer.push(b'\n');
    writer.write_all(&answer).await?;
    writer.shutdown().await
}
