//! What other processes and threads report, each with the time at which it was heard.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use anyhow::bail;

use crate::clock;

/// How long anything may take before the benchmark gives up.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);

/// Something that was heard, and when, in nanoseconds of [`clock::now`].
#[derive(Clone, Debug)]
pub(crate) struct Heard<T> {
    pub(crate) at: u64,
    pub(crate) what: T,
}

/// What is being reported, in order.
pub(crate) struct Inbox<T>(Receiver<Heard<T>>);

/// The way into an [`Inbox`].
pub(crate) struct Reporter<T>(Sender<Heard<T>>);

pub(crate) fn inbox<T>() -> (Reporter<T>, Inbox<T>) {
    let (sender, receiver) = mpsc::channel();
    (Reporter(sender), Inbox(receiver))
}

impl<T> Reporter<T> {
    pub(crate) fn report(&self, at: u64, what: T) {
        // Nobody listens any more only at the end of a section.
        let _ = self.0.send(Heard { at, what });
    }
}

impl<T> Inbox<T> {
    /// Waits for the first report that is wanted; those before it are dropped.
    pub(crate) fn first<U>(
        &self,
        what: &str,
        mut wanted: impl FnMut(&T) -> Option<U>,
    ) -> anyhow::Result<Heard<U>> {
        let limit = Instant::now() + LIMIT;
        loop {
            let rest = limit.saturating_duration_since(Instant::now());
            match self.0.recv_timeout(rest) {
                Ok(heard) => {
                    if let Some(what) = wanted(&heard.what) {
                        return Ok(Heard { at: heard.at, what });
                    }
                }
                Err(RecvTimeoutError::Timeout) => bail!("waited {LIMIT:?} in vain: {what}"),
                Err(RecvTimeoutError::Disconnected) => bail!("nobody is left to say: {what}"),
            }
        }
    }

    /// Drops what has been reported so far.
    pub(crate) fn clear(&self) {
        while self.0.try_recv().is_ok() {}
    }
}

/// The lines that a program writes into a FIFO.
pub(crate) fn lines(fifo: File) -> Inbox<String> {
    let (reporter, inbox) = inbox();
    std::thread::spawn(move || {
        for line in BufReader::new(fifo).lines().map_while(Result::ok) {
            reporter.report(clock::now(), line);
        }
    });
    inbox
}

/// The datagrams that arrive at a new socket.
pub(crate) fn datagrams(path: &Path) -> anyhow::Result<Inbox<String>> {
    let socket = UnixDatagram::bind(path)?;
    let (reporter, inbox) = inbox();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length) = socket.recv(&mut buffer) {
            let at = clock::now();
            reporter.report(at, String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
    });
    Ok(inbox)
}

/// Makes a FIFO that never reports an end, since it is open for writing too.
pub(crate) fn fifo(path: &Path) -> anyhow::Result<File> {
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0)?;
    Ok(File::options().read(true).write(true).open(path)?)
}

/// Looks again and again until there is something to see.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> anyhow::Result<T> {
    let limit = Instant::now() + LIMIT;
    while Instant::now() < limit {
        if let Some(seen) = look() {
            return Ok(seen);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    bail!("waited {LIMIT:?} in vain: {what}")
}
