//! Takes what a command says, keeps the end of it, and goes on taking for as long as anybody holds
//! the other end: the daemon that the command started may have inherited it, and must neither block
//! on a full pipe nor die of SIGPIPE.
//!
//! When vrwatch exits, the pipe closes: a writer that is left then gets EPIPE and, unless it ignores
//! that, SIGPIPE. A daemon that writes to the output it inherited needs a log of its own.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, PipeWriter};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;
use tokio::net::unix::pipe::Receiver;

use super::clean::{self, clean};

/// How many pipes may be open at once. Beyond that, a command's output goes to `/dev/null`, which
/// harms no daemon, instead of an older pipe being closed, which might.
const MOST_PIPES: usize = 256;

/// The most that is read at the end: what a pipe can hold, and some. A daemon that writes without
/// end must not keep us.
const LAST_READS: usize = 64;

static PIPES: AtomicUsize = AtomicUsize::new(0);

/// The reading end of a command's output.
pub(super) struct Capture {
    shared: Arc<Shared>,
}

struct Shared {
    pipe: Receiver,
    /// The end of the output; `None` once it was taken.
    kept: Mutex<Option<VecDeque<u8>>>,
    _counted: Counted,
}

impl Capture {
    /// Opens a pipe and starts to take what is written to it. `None` when too many are open.
    ///
    /// # Errors
    /// The kernel's, when it has no pipe left to give.
    pub(super) fn open() -> io::Result<Option<(Self, PipeWriter)>> {
        let Some(counted) = Counted::one_more(&PIPES, MOST_PIPES) else {
            return Ok(None);
        };
        let (reader, writer) = io::pipe()?;
        let shared = Arc::new(Shared {
            pipe: Receiver::from_owned_fd(OwnedFd::from(reader))?,
            kept: Mutex::new(Some(VecDeque::new())),
            _counted: counted,
        });
        tokio::spawn(drain(Arc::clone(&shared)));
        Ok(Some((Self { shared }, writer)))
    }

    /// What the command said last, cleaned. Does not wait: whoever still holds the pipe may keep it
    /// for years.
    pub(super) fn finish(self) -> String {
        let mut kept = self.shared.kept();
        let Some(mut last) = kept.take() else {
            return String::new();
        };
        // Past tokio's record of readiness, which may not yet know of the last words.
        let mut buffer = [0; 4096];
        for _ in 0..LAST_READS {
            match rustix::io::read(&self.shared.pipe, &mut buffer) {
                Err(Errno::INTR) => {}
                Ok(0) | Err(_) => break,
                Ok(length) => keep(&mut last, &buffer[..length]),
            }
        }
        drop(kept);
        clean(from_a_character_on(last.make_contiguous()))
    }
}

impl Shared {
    fn kept(&self) -> MutexGuard<'_, Option<VecDeque<u8>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what is there. Says whether more may come.
    fn take(&self) -> bool {
        let mut buffer = [0; 4096];
        // Under the lock, so that what `finish` reads comes after what is read here.
        let mut kept = self.kept();
        match self.pipe.try_read(&mut buffer) {
            Ok(0) => false,
            Ok(length) => {
                if let Some(last) = kept.as_mut() {
                    keep(last, &buffer[..length]);
                }
                true
            }
            Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        }
    }
}

/// Ends when nobody holds the writing end any more, or with the runtime.
async fn drain(shared: Arc<Shared>) {
    while shared.pipe.readable().await.is_ok() && shared.take() {}
}

fn keep(last: &mut VecDeque<u8>, more: &[u8]) {
    let more = &more[more.len().saturating_sub(clean::LIMIT)..];
    let excess = (last.len() + more.len()).saturating_sub(clean::LIMIT);
    last.drain(..excess);
    last.extend(more);
}

/// Without the rest of a character that was cut in two where the kept output begins.
fn from_a_character_on(bytes: &[u8]) -> &[u8] {
    if bytes.len() < clean::LIMIT {
        return bytes;
    }
    let rest = bytes
        .iter()
        .take(3)
        .take_while(|byte| **byte & 0b1100_0000 == 0b1000_0000)
        .count();
    &bytes[rest..]
}

/// One of a limited number, until it is dropped.
struct Counted(&'static AtomicUsize);

impl Counted {
    fn one_more(count: &'static AtomicUsize, most: usize) -> Option<Self> {
        count
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
                (now < most).then_some(now + 1)
            })
            .ok()
            .map(|_| Self(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn no_more_than_the_limit_are_open_and_what_ends_makes_room() {
        static OPEN: AtomicUsize = AtomicUsize::new(0);
        let first = Counted::one_more(&OPEN, 2);
        let second = Counted::one_more(&OPEN, 2);
        assert!(first.is_some() && second.is_some());
        assert!(Counted::one_more(&OPEN, 2).is_none());
        drop(first);
        assert!(Counted::one_more(&OPEN, 2).is_some());
    }

    #[tokio::test]
    async fn the_last_words_are_kept_though_the_runtime_has_not_heard_of_them() {
        let (capture, mut writer) = Capture::open().unwrap().unwrap();
        writer.write_all(b"no turn of the runtime since").unwrap();
        assert_eq!(capture.finish(), "no turn of the runtime since");
    }

    #[tokio::test]
    async fn a_pipe_closes_when_nobody_writes_to_it_any_more() {
        let (capture, writer) = Capture::open().unwrap().unwrap();
        let shared = Arc::downgrade(&capture.shared);
        capture.finish();
        assert!(shared.upgrade().is_some());
        drop(writer);
        while shared.upgrade().is_some() {
            tokio::task::yield_now().await;
        }
    }
}
