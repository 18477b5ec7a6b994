//! What `/proc` tells about a process: its state, its names, its kin. Every read goes through a
//! fixed buffer on the stack, so looking at a thousand services costs no memory.
//!
//! Nothing here decides whether a service is up: `watch` does.

mod file;

use std::io;
use std::sync::LazyLock;
use std::time::Duration;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use self::file::{ProcPath, read};
use crate::Process;

/// The longest `comm`, in bytes. Source: `TASK_COMM_LEN` less the final NUL, proc(5).
const COMM_BYTES: usize = 15;

/// What of a process's state the monitor needs.
///
/// Source: `/proc/<pid>/stat`, proc(5). The name in field 2 may hold spaces and
/// parentheses, so the fields are counted from the last `)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Its process id.
    pub pid: u32,
    /// Its `comm`, at most 15 bytes (kernel threads: 63); bytes that are no UTF-8 are replaced.
    pub name: String,
    /// `R`, `S`, `D`, `Z`, `T`, `t`, `X` or `I`.
    pub state: char,
    /// The pid of its parent.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// Its session.
    pub session: u32,
    /// How many threads it has.
    pub threads: u32,
    /// When it started, since boot, to the clock tick.
    pub started: Duration,
}

impl Stat {
    /// The identity of the process.
    #[must_use]
    pub fn process(&self) -> Process {
        Process {
            pid: self.pid,
            started: self.started,
        }
    }

    /// Whether anything of it still runs.
    ///
    /// `/proc` shows `Z` for a process whose first thread ended by itself while others go on
    /// working; only without further threads is it a zombie.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        match self.state {
            'X' | 'x' => false,
            'Z' => self.threads > 1,
            _ => true,
        }
    }
}

/// Why `/proc` gave no answer about a process.
#[derive(Debug, thiserror::Error)]
pub enum ProcError {
    /// No such process exists.
    #[error("no such process")]
    Gone,
    /// It may exist, but cannot be looked at.
    #[error("cannot read from /proc: {0}")]
    Unreadable(#[source] io::Error),
    /// What was read has not the shape that proc(5) describes.
    #[error("/proc holds something that cannot be understood")]
    Garbage,
}

impl From<Errno> for ProcError {
    fn from(error: Errno) -> Self {
        match error {
            // ENOENT: it was not there at the opening. ESRCH: it ended between opening and reading.
            Errno::NOENT | Errno::SRCH => Self::Gone,
            error => Self::Unreadable(error.into()),
        }
    }
}

/// What proves left-over processes to be a dead service's own: taken while it was alive.
///
/// A cgroup of `/` proves nothing: everything without a cgroup of its own is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kin {
    /// The process itself.
    pub process: Process,
    /// Its `comm`.
    pub name: String,
    /// Its process group.
    pub group: u32,
    /// Its session.
    pub session: u32,
    /// Its cgroup, see [`cgroup`].
    pub cgroup: Option<String>,
}

/// The state of process `pid`.
///
/// # Errors
/// [`ProcError::Gone`] when no such process exists.
pub fn stat(pid: u32) -> Result<Stat, ProcError> {
    // Fields 1 to 22 take at most 500 bytes; what follows them may be cut off.
    let mut buffer = [0; 1024];
    let text = read(pid, "stat", &mut buffer)?;
    parse_stat(text).ok_or(ProcError::Garbage)
}

/// The current `comm` of process `pid` in `buffer`: a tenth of the kernel's work of [`stat`].
pub(crate) fn comm(pid: u32, buffer: &mut [u8; 64]) -> Result<&[u8], ProcError> {
    let text = read(pid, "comm", buffer)?;
    Ok(text.strip_suffix(b"\n").unwrap_or(text))
}

/// Whether `comm` is what the kernel shows for a program called `wanted`.
pub(crate) fn is_comm(comm: &[u8], wanted: &str) -> bool {
    let wanted = base_name(wanted.as_bytes());
    !wanted.is_empty() && comm == &wanted[..wanted.len().min(COMM_BYTES)]
}

/// Whether the process carries the name `wanted`, as pidof(8) would see it: by its `comm` (`wanted`
/// cut to 15 bytes), by the file name of its executable (also when that was replaced by an
/// upgrade), or by the file name in its `argv[0]`. A `wanted` with slashes counts by its last part.
///
/// The cheapest comes first; the others are read only when it does not match.
#[must_use]
pub fn is_named(stat: &Stat, wanted: &str) -> bool {
    let wanted = base_name(wanted.as_bytes());
    if wanted.is_empty() {
        return false;
    }
    let cut = String::from_utf8_lossy(&wanted[..wanted.len().min(COMM_BYTES)]);
    stat.name == cut || executable_is(stat.pid, wanted) || first_argument_is(stat.pid, wanted)
}

/// Whether `pid` is a process's and not a mere thread's, which `/proc` shows just the same.
/// Where it cannot be told, it counts as a process.
pub(crate) fn is_process(pid: u32) -> bool {
    let mut buffer = [0; 1024];
    let Ok(text) = read(pid, "status", &mut buffer) else {
        return true;
    };
    text.split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(b"Tgid:"))
        .and_then(|value| std::str::from_utf8(value).ok()?.trim().parse().ok())
        .is_none_or(|group: u32| group == pid)
}

/// The pids of all processes, in the order of `/proc`; empty when it cannot be read.
pub fn pids() -> impl Iterator<Item = u32> {
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// The cgroup of process `pid`: the path in the v2 hierarchy, or in systemd's own v1 hierarchy
/// where v2 is not in use. `None` when the kernel does not tell.
///
/// Source: `/proc/<pid>/cgroup`, cgroups(7).
#[must_use]
pub fn cgroup(pid: u32) -> Option<String> {
    let mut buffer = [0; 4096];
    let text = read(pid, "cgroup", &mut buffer).ok()?;
    // A path cut off at the buffer's end would be another cgroup's.
    let whole = &text[..=text.iter().rposition(|byte| *byte == b'\n')?];
    parse_cgroup(whole)
}

/// What is needed later to tell a service's left-overs from strangers.
///
/// # Errors
/// [`ProcError::Gone`] when no such process exists.
pub fn kin(pid: u32) -> Result<Kin, ProcError> {
    stat(pid).map(kin_of)
}

/// As [`kin`], of a process whose state was just read.
pub(crate) fn kin_of(stat: Stat) -> Kin {
    Kin {
        process: stat.process(),
        cgroup: cgroup(stat.pid),
        name: stat.name,
        group: stat.group,
        session: stat.session,
    }
}

fn parse_stat(text: &[u8]) -> Option<Stat> {
    let open = text.iter().position(|byte| *byte == b'(')?;
    let close = text.iter().rposition(|byte| *byte == b')')?;
    let name = String::from_utf8_lossy(text.get(open + 1..close)?).into_owned();
    let pid = std::str::from_utf8(&text[..open])
        .ok()?
        .trim()
        .parse()
        .ok()?;
    let rest = std::str::from_utf8(&text[close + 1..]).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?; // field 3
    // The kernel shows -1 for a group and a session that are being taken down.
    let mut number = |skip| -> Option<u32> {
        let value: i64 = fields.nth(skip)?.parse().ok()?;
        Some(u32::try_from(value).unwrap_or(0))
    };
    let parent = number(0)?; // field 4
    let group = number(0)?;
    let session = number(0)?;
    let threads = number(13)?; // field 20
    let started = ticks(fields.nth(1)?.parse().ok()?); // field 22
    Some(Stat {
        pid,
        name,
        state,
        parent,
        group,
        session,
        threads,
        started,
    })
}

/// Clock ticks as a duration. Source: `sysconf(_SC_CLK_TCK)`, 100 on every Linux in use.
fn ticks(count: u64) -> Duration {
    static PER_SECOND: LazyLock<u64> =
        LazyLock::new(|| rustix::param::clock_ticks_per_second().clamp(1, 1_000_000));
    let per_second = *PER_SECOND;
    let rest = count % per_second * (1_000_000_000 / per_second);
    Duration::new(
        count / per_second,
        u32::try_from(rest).unwrap_or(999_999_999),
    )
}

fn parse_cgroup(text: &[u8]) -> Option<String> {
    let mut root = None;
    for prefix in [b"0::".as_slice(), b":name=systemd:"] {
        for line in text.split(|byte| *byte == b'\n') {
            let Some(path) = cgroup_path(line, prefix) else {
                continue;
            };
            if path != b"/" {
                return Some(String::from_utf8_lossy(path).into_owned());
            }
            root = Some("/".to_owned());
        }
    }
    root
}

fn cgroup_path<'line>(line: &'line [u8], prefix: &[u8]) -> Option<&'line [u8]> {
    // A v1 line starts with its hierarchy's number.
    let digits = line
        .iter()
        .take_while(|byte| byte.is_ascii_digit() && !prefix.starts_with(b"0"))
        .count();
    line[digits..].strip_prefix(prefix)
}

fn executable_is(pid: u32, wanted: &[u8]) -> bool {
    // The caller may not be allowed to know; then the other names decide.
    let mut buffer = [0; 4096];
    let path = ProcPath::new(pid, "exe");
    rustix::fs::readlinkat_raw(rustix::fs::CWD, path.as_path(), &mut buffer).is_ok_and(|length| {
        let target = &buffer[..length];
        let target = target.strip_suffix(b" (deleted)").unwrap_or(target);
        base_name(target) == wanted
    })
}

fn first_argument_is(pid: u32, wanted: &[u8]) -> bool {
    let mut buffer = [0; 4096];
    read(pid, "cmdline", &mut buffer).is_ok_and(|arguments| {
        arguments
            .split(|byte| *byte == 0)
            .next()
            .is_some_and(|first| base_name(first) == wanted)
    })
}

/// What follows the last slash.
fn base_name(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => &path[slash + 1..],
        None => path,
    }
}

#[cfg(test)]
mod tests;
