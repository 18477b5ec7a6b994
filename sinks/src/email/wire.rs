//! The stream that `lettre` speaks SMTP over: plain, or TLS that we set up ourselves, with the
//! authorities and the words that all sinks share. What a server may say is bounded.
//!
//! STARTTLS is ours too: `lettre` keeps what its reader holds already when it starts TLS, so that
//! text which somebody slipped in before would count as if it had come through TLS (RFC 3207 §5).

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use lettre::transport::smtp::commands::{Ehlo, Starttls};
use lettre::transport::smtp::extension::ClientId;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;

/// The most that a server may say before it is our turn; bytes. `lettre` reads an answer again from
/// its start with every line that is added, so a long one would cost more than memory.
const LONGEST_ANSWER: usize = 8 * 1024;
/// What stands for a greeting after STARTTLS, where the server gives none.
const GREETING: &[u8] = b"220 TLS\r\n";

/// Why there is no STARTTLS.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartTlsError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the server says: {0}")]
    Refused(String),
    #[error(
        "the server does not speak SMTP there: check the port (with \"smtps://\" TLS comes first)"
    )]
    NotSmtp,
    #[error(
        "the server offers no STARTTLS: use \"smtps://\", or starttls = \"never\" where nobody listens in"
    )]
    NotOffered,
}

/// Brings a fresh connection to where TLS begins.
pub(super) async fn start_tls(
    stream: &mut TcpStream,
    hello: &ClientId,
) -> Result<(), StartTlsError> {
    ask(stream, "").await?;
    let offered = ask(stream, &Ehlo::new(hello.clone()).to_string()).await?;
    let offers = |line: &str| {
        line.get(4..)
            .is_some_and(|word| word.trim_end().eq_ignore_ascii_case("STARTTLS"))
    };
    if !offered.lines().any(offers) {
        return Err(StartTlsError::NotOffered);
    }
    ask(stream, &Starttls.to_string()).await?;
    Ok(())
}

/// Says something and reads the answer, byte by byte: what follows it belongs to TLS.
async fn ask(stream: &mut TcpStream, command: &str) -> Result<String, StartTlsError> {
    stream.write_all(command.as_bytes()).await?;
    let mut answer = Vec::new();
    let mut line = 0;
    loop {
        let byte = stream.read_u8().await?;
        answer.push(byte);
        if answer.len() > LONGEST_ANSWER {
            return Err(StartTlsError::NotSmtp);
        }
        if byte != b'\n' {
            continue;
        }
        match &answer[line..] {
            // RFC 5321 §4.2.1: a hyphen after the code where more lines follow.
            [a, b, c, b'-', ..] if [a, b, c].into_iter().all(u8::is_ascii_digit) => {
                line = answer.len();
            }
            [a, b, c, ..] if [a, b, c].into_iter().all(u8::is_ascii_digit) => break,
            _ => return Err(StartTlsError::NotSmtp),
        }
    }
    let positive = answer[line] == b'2';
    let answer = String::from_utf8_lossy(&answer).into_owned();
    if positive {
        Ok(answer)
    } else {
        Err(StartTlsError::Refused(answer))
    }
}

/// A stream with a bound on what is read from it.
pub(super) struct Wire<S> {
    stream: S,
    peer: SocketAddr,
    /// What is read before anything from the stream.
    first: &'static [u8],
    /// How much may be read until we say something.
    left: usize,
}

impl<S> Wire<S> {
    pub(super) const fn new(stream: S, peer: SocketAddr) -> Self {
        Self {
            stream,
            peer,
            first: &[],
            left: LONGEST_ANSWER,
        }
    }

    /// With a greeting, for a server that has given its own before TLS began.
    pub(super) fn greeted(self) -> Self {
        Self {
            first: GREETING,
            ..self
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.first.is_empty() {
            let (now, later) = self
                .first
                .split_at(self.first.len().min(buffer.remaining()));
            buffer.put_slice(now);
            self.first = later;
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let now = buffer.filled().len() - before;
        // `lettre` takes nothing but UTF-8 for an answer, and some servers write Latin-1 after "250":
        // a mail that was taken would come again and again.
        for byte in &mut buffer.filled_mut()[before..] {
            if !byte.is_ascii() {
                *byte = b'?';
            }
        }
        match self.left.checked_sub(now) {
            Some(left) => {
                self.left = left;
                read
            }
            None => Poll::Ready(Err(io::Error::other("the server does not stop talking"))),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.left = LONGEST_ANSWER;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> AsyncTokioStream for Wire<S> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

impl<S> fmt::Debug for Wire<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Wire({})", self.peer)
    }
}
