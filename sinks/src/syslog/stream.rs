//! Lines over a stream, without loss. Syslog has no receipt, and a receiver that stops loses what
//! it has not read. So each batch gets a connection of its own: we write all, end our side, and
//! wait for the receiver to end its own. A kernel that closes a socket with unread data resets the
//! connection; so an orderly end proves that the receiver has read everything. (A proxy in between
//! proves only itself.)

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::RecvFlags;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufWriter};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;

/// How one line is told from the next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Framing {
    /// `LEN SP LINE`, RFC 6587 §3.4.1.
    OctetCounted,
    /// `LINE NUL`, as libc writes to a local stream.
    NulTerminated,
}

/// Why a stream did not take the batch.
#[derive(Debug, thiserror::Error)]
pub(super) enum StreamError {
    #[error("{}", cut_off(.0))]
    Io(io::Error),
    #[error("the receiver ended the connection before it had read everything")]
    EndedEarly,
    #[error("the receiver answers, which no syslog receiver does: check the port")]
    Answers,
}

/// A connection whose kernel socket can be asked how it stands.
pub(super) trait Connection: AsyncRead + AsyncWrite + Unpin + Send + Sync {
    /// The socket underneath.
    fn socket(&self) -> Socket<'_>;
}

/// The kernel socket under a connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Socket<'a> {
    Tcp(&'a TcpStream),
    Unix,
}

impl Connection for TcpStream {
    fn socket(&self) -> Socket<'_> {
        Socket::Tcp(self)
    }
}

impl Connection for TlsStream<TcpStream> {
    fn socket(&self) -> Socket<'_> {
        Socket::Tcp(self.get_ref().0)
    }
}

impl Connection for UnixStream {
    fn socket(&self) -> Socket<'_> {
        Socket::Unix
    }
}

/// Writes every line and ends our side of the connection.
pub(super) async fn write(
    stream: &mut impl Connection,
    lines: &[Vec<u8>],
    framing: Framing,
) -> Result<(), StreamError> {
    let mut writer = BufWriter::with_capacity(8 * 1024, &mut *stream);
    for line in lines {
        match framing {
            Framing::OctetCounted => {
                let length = format!("{} ", line.len());
                writer.write_all(length.as_bytes()).await?;
                writer.write_all(line).await?;
            }
            Framing::NulTerminated => {
                writer.write_all(line).await?;
                writer.write_all(b"\0").await?;
            }
        }
    }
    writer.flush().await?;
    // A receiver that has ended its side before we end ours confirms nothing by it.
    if has_ended(stream.socket())? {
        return Err(StreamError::EndedEarly);
    }
    // Sends close_notify where there is TLS.
    stream.shutdown().await?;
    Ok(())
}

/// Whether the receiver's end has already come in.
fn has_ended(socket: Socket<'_>) -> io::Result<bool> {
    let Socket::Tcp(socket) = socket else {
        return Ok(false);
    };
    let mut next = [0];
    let look = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    match rustix::net::recv(socket, &mut next, look) {
        Ok((_, length)) => Ok(length == 0),
        Err(Errno::AGAIN) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Waits until the receiver has read everything and closed.
///
/// Its end alone is no proof: it may have closed while our last bytes were on their way, and the
/// reset that they earn comes after the end. So this waits until both directions are settled, and
/// then asks whether there was a reset.
pub(super) async fn closed_by_peer(stream: &mut impl Connection) -> Result<(), StreamError> {
    let mut answer = [0; 16];
    match stream.read(&mut answer).await {
        Ok(0) => {}
        Ok(_) => return Err(StreamError::Answers),
        // TLS: an end without close_notify, as rsyslogd's gtls driver has it. That everything was
        // read is TCP's word and not TLS's, and that is asked for next.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
        Err(error) => return Err(error.into()),
    }
    let Socket::Tcp(socket) = stream.socket() else {
        return Ok(());
    };
    // A TCP socket has a peer until its state is CLOSE: both ends acknowledged, or reset.
    while socket.peer_addr().is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    match socket.take_error()? {
        None => Ok(()),
        Some(_) => Err(StreamError::EndedEarly),
    }
}

/// Waits until the receiver's kernel has acknowledged everything, the end of our side included.
pub(super) async fn acknowledged(stream: &impl Connection) -> Result<(), StreamError> {
    let Socket::Tcp(socket) = stream.socket() else {
        // A local socket hands over as it writes.
        return Ok(());
    };
    let mut pause = Duration::from_millis(5);
    while !is_acknowledged(socket.as_fd())? {
        tokio::time::sleep(pause).await;
        // Each look reads a table of every connection of this machine.
        pause = (pause * 2).min(Duration::from_millis(500));
    }
    match socket.take_error()? {
        None => Ok(()),
        Some(_) => Err(StreamError::EndedEarly),
    }
}

/// Whether the end that we sent was acknowledged, and with it all that came before.
///
/// Source: the socket's state in `/proc/net/tcp`, proc(5): `FIN_WAIT1` (04), `CLOSING` (0B) and
/// `LAST_ACK` (09) still wait for that; later states do not, and are not listed with the inode.
fn is_acknowledged(socket: BorrowedFd<'_>) -> io::Result<bool> {
    let inode = rustix::fs::fstat(socket)?.st_ino.to_string();
    for (table, optional) in [("/proc/self/net/tcp", false), ("/proc/self/net/tcp6", true)] {
        let table = match File::open(table) {
            Ok(table) => table,
            Err(_) if optional => continue,
            Err(error) => return Err(error),
        };
        for row in BufReader::new(table).lines() {
            if let Some(state) = state_of(&row?, &inode) {
                return Ok(!matches!(state.as_str(), "01" | "04" | "08" | "09" | "0B"));
            }
        }
    }
    Ok(true)
}

/// The state in a row of `/proc/net/tcp`, when the row is of this socket.
fn state_of(row: &str, inode: &str) -> Option<String> {
    let mut columns = row.split_ascii_whitespace();
    let state = columns.nth(3)?;
    (columns.nth(5)? == inode).then(|| state.to_owned())
}

fn cut_off(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "the receiver cut the connection before it had read everything".into()
        }
        _ => format!("the connection failed: {error}"),
    }
}

impl From<io::Error> for StreamError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_read_from_the_row_of_the_socket_alone() {
        let row = "   1: 0100007F:9C40 0100007F:0202 05 00000000:00000000 03:000015AC 00000000     0        0 4711 3 0000000000000000";
        assert_eq!(state_of(row, "4711").as_deref(), Some("05"));
        assert_eq!(state_of(row, "471"), None);
        assert_eq!(state_of("  sl  local_address rem_address", "0"), None);
    }
}
