//! The asking side: blocking, because a command has nothing else to do.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Reply, Request};

/// How long the daemon may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest answer, in bytes: 4,096 services and then some.
const REPLY_LIMIT: u64 = 4 << 20;

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// Nothing listens there.
    #[error("{}: no vrwatch daemon answers there ({cause}); is `vrwatch run` running, and are you root?", .socket.display())]
    NotRunning { socket: PathBuf, cause: io::Error },
    /// It did not answer as it should.
    #[error("{}: the daemon did not answer as it should: {cause}", .socket.display())]
    NoAnswer { socket: PathBuf, cause: io::Error },
}

/// Asks the daemon that listens at `socket`.
///
/// # Errors
/// [`AskError`] when nobody answers; a refusal is an answer.
pub(crate) fn ask(socket: &Path, request: &Request) -> Result<Reply, AskError> {
    let stream = UnixStream::connect(socket).map_err(|cause| AskError::NotRunning {
        socket: socket.to_owned(),
        cause,
    })?;
    exchange(stream, request).map_err(|cause| AskError::NoAnswer {
        socket: socket.to_owned(),
        cause: match cause.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => hung_up(),
            _ => cause,
        },
    })
}

/// Before, while or after it was asked: that is the same to whoever asks.
fn hung_up() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "it hung up without a word; it answers root alone",
    )
}

fn exchange(mut stream: UnixStream, request: &Request) -> io::Result<Reply> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream.take(REPLY_LIMIT)).read_line(&mut answer)?;
    if answer.is_empty() {
        return Err(hung_up());
    }
    Ok(serde_json::from_str(&answer)?)
}
