//! Takes what a command says, keeps the end of it, and lets nobody who still holds the other end come
//! to harm: the daemon that the command started may have inherited it, and must neither block on a
//! full pipe nor die of SIGPIPE.
//!
//! Once the command is over, a pipe that is still held is handed to a process that outlives vrwatch:
//! see `keeper`. While the command itself runs the pipe is vrwatch's own, so that its words can be
//! told: when vrwatch ends before it, the command writes to a closed pipe.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, PipeWriter};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::io::Errno;
use tokio::net::unix::pipe::Receiver;
use tokio::process::Child;
use tokio::sync::oneshot;

use super::clean::{self, clean};
use super::keeper;

/// How many pipes may be open at once. Beyond that, a command's output goes to `/dev/null`, which
/// harms no daemon, instead of an older pipe being closed, which might.
const MOST_PIPES: usize = 256;

/// The most that is read at the end: what a pipe can hold, and some. A daemon that writes without
/// end must not keep us.
const LAST_READS: usize = 64;

static PIPES: AtomicUsize = AtomicUsize::new(0);

/// The reading end of a command's output, in the hands of a task of its own.
pub(super) struct Capture {
    ask: oneshot::Sender<oneshot::Sender<String>>,
}

impl Capture {
    /// Opens a pipe and starts to take what is written to it. `None` when too many are open.
    ///
    /// # Errors
    /// The kernel's, when it has no pipe left to give.
    pub(super) fn open() -> io::Result<Option<(Self, PipeWriter)>> {
        Self::open_for(keeper::program())
    }

    /// As [`Capture::open`], with the program that keeps the pipe afterwards.
    fn open_for(keeper: Option<PathBuf>) -> io::Result<Option<(Self, PipeWriter)>> {
        let Some(counted) = Counted::one_more(&PIPES, MOST_PIPES) else {
            return Ok(None);
        };
        let (reader, writer) = io::pipe()?;
        let pipe = Receiver::from_owned_fd(OwnedFd::from(reader))?;
        let (ask, asked) = oneshot::channel();
        tokio::spawn(drain(pipe, asked, keeper, counted));
        Ok(Some((Self { ask }, writer)))
    }

    /// What the command said last, cleaned. Does not wait for whoever still holds the pipe, which may
    /// be for years; the pipe is in other hands when this returns.
    pub(super) async fn finish(self) -> String {
        let (reply, last) = oneshot::channel();
        // Without an answer the runtime is at its end, and so is whoever asks.
        let _ = self.ask.send(reply);
        last.await.unwrap_or_default()
    }
}

/// Takes what comes until asked for it, or until nobody holds the writing end any more; then sees to
/// it that whoever is left can go on writing.
async fn drain(
    pipe: Receiver,
    mut asked: oneshot::Receiver<oneshot::Sender<String>>,
    keeper: Option<PathBuf>,
    counted: Counted,
) {
    let mut last = VecDeque::new();
    let mut open = true;
    let reply = loop {
        tokio::select! {
            // First: a daemon that writes without end must not keep it from being heard.
            biased;
            reply = &mut asked => break reply.ok(),
            ready = pipe.readable(), if open => open = ready.is_ok() && take(&pipe, &mut last),
        }
    };
    open = open && take_the_rest(&pipe, &mut last);
    let kept = open.then(|| hand_over(pipe, keeper.as_deref()));
    if let Some(reply) = reply {
        let _ = reply.send(clean(from_a_character_on(last.make_contiguous())));
    }
    match kept {
        // Waited for, so that it leaves no zombie, and counted for as long as it lives.
        Some(Kept::Away(mut child)) => drop(child.wait().await),
        Some(Kept::Here(pipe)) => {
            while pipe.readable().await.is_ok() && take(&pipe, &mut last) {
                last.clear();
            }
        }
        Some(Kept::Lost) | None => {}
    }
    drop(counted);
}

/// Takes what is there. Says whether more may come.
fn take(pipe: &Receiver, last: &mut VecDeque<u8>) -> bool {
    let mut buffer = [0; 4096];
    match pipe.try_read(&mut buffer) {
        Ok(0) => false,
        Ok(length) => {
            keep(last, &buffer[..length]);
            true
        }
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
    }
}

/// Takes the last words, past tokio's record of readiness, which may not yet know of them. Says
/// whether somebody still holds the writing end.
fn take_the_rest(pipe: &Receiver, last: &mut VecDeque<u8>) -> bool {
    let mut buffer = [0; 4096];
    for _ in 0..LAST_READS {
        match rustix::io::read(pipe, &mut buffer) {
            Ok(0) => return false,
            Ok(length) => keep(last, &buffer[..length]),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return true,
            Err(_) => return false,
        }
    }
    true
}

/// Who reads on.
enum Kept {
    /// A process that outlives vrwatch.
    Away(Child),
    /// Still we, for as long as vrwatch lives.
    Here(Receiver),
    /// Nobody can.
    Lost,
}

/// Hands the pipe to a process of its own.
fn hand_over(pipe: Receiver, keeper: Option<&Path>) -> Kept {
    let attempt = || -> io::Result<(OwnedFd, io::Result<Child>)> {
        let ours = pipe.into_blocking_fd()?;
        let started = ours.try_clone().and_then(|theirs| match keeper {
            Some(program) => keeper::start(program, theirs),
            None => Err(io::Error::new(ErrorKind::NotFound, "there is no `cat`")),
        });
        Ok((ours, started))
    };
    let back = match attempt() {
        Ok((_, Ok(child))) => return Kept::Away(child),
        Ok((ours, Err(error))) => {
            warn_once(&error);
            // Makes it one that does not block again.
            Receiver::from_owned_fd(ours)
        }
        Err(error) => Err(error),
    };
    match back {
        Ok(pipe) => Kept::Here(pipe),
        Err(error) => {
            tracing::warn!(%error, "the output of a restart command cannot be read any further");
            Kept::Lost
        }
    }
}

fn warn_once(error: &io::Error) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::warn!(
            %error,
            "cannot start `cat` to read on after vrwatch's end: a restarted service that writes to \
             the output it inherited then gets SIGPIPE"
        );
    });
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

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

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
        assert_eq!(capture.finish().await, "no turn of the runtime since");
    }

    /// Whether anybody can still read what is written.
    fn is_read(writer: &PipeWriter) -> bool {
        let mut watched = [PollFd::new(writer, PollFlags::OUT)];
        poll(&mut watched, Some(&Timespec::default())).unwrap();
        !watched[0].revents().contains(PollFlags::ERR)
    }

    #[tokio::test]
    async fn a_pipe_closes_when_nobody_writes_to_it_any_more() {
        let (capture, writer) = Capture::open().unwrap().unwrap();
        let reader = format!("pipe:[{}]", rustix::fs::fstat(&writer).unwrap().st_ino);
        drop(writer);
        assert_eq!(capture.finish().await, "");
        let open = || {
            let descriptors = std::fs::read_dir("/proc/self/fd").unwrap();
            descriptors
                .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
                .any(|target| target.as_os_str() == reader.as_str())
        };
        while open() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn where_no_process_can_be_started_the_pipe_is_read_on_all_the_same() {
        for keeper in [None, Some(PathBuf::from("/no/such/cat"))] {
            let (capture, mut writer) = Capture::open_for(keeper).unwrap().unwrap();
            writer.write_all(b"words").unwrap();
            assert_eq!(capture.finish().await, "words");
            // Three times what a pipe can hold: it blocks for ever unless somebody reads.
            let writing = tokio::task::spawn_blocking(move || {
                writer.write_all(&vec![b'x'; 200_000]).unwrap();
                writer
            });
            assert!(is_read(&writing.await.unwrap()));
        }
    }
}
