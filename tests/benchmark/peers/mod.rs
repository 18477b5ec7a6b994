//! The programs that are measured, and how they are started and ended.

pub(crate) mod exim;
pub(crate) mod loopback;
pub(crate) mod monit;
pub(crate) mod rsyslogd;
pub(crate) mod runit;
pub(crate) mod snmptrapd;
pub(crate) mod vrwatch;

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::ensure;

/// How long a program that was asked to end may take.
const GRACE: Duration = Duration::from_secs(20);

/// What must be installed.
const REQUIRED: [&str; 9] = [
    monit::PROGRAM,
    exim::PROGRAM,
    rsyslogd::PROGRAM,
    snmptrapd::PROGRAM,
    loopback::SYSTEM_AUTHORITIES,
    runit::RUNSV,
    runit::RUNSVDIR,
    "/usr/bin/unshare",
    "/bin/sleep",
];

/// Makes sure that everything is there.
pub(crate) fn require() -> anyhow::Result<()> {
    for program in REQUIRED {
        ensure!(
            Path::new(program).exists(),
            "{program} is missing: run tests/all once, it installs what is measured"
        );
    }
    ensure!(
        rustix::process::geteuid().is_root(),
        "run it as root: it makes a process namespace for what it starts"
    );
    Ok(())
}

/// A command that takes nothing from this process: its standard input is the lifeline of the cell.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    command
}

/// How many lines of a file, as far as it is written, are of this sort.
fn count_lines(path: &Path, sort: impl Fn(&str) -> bool) -> u64 {
    // There is none before the first line.
    let bytes = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    text.split_inclusive('\n')
        .filter(|line| line.ends_with('\n') && sort(line))
        .fold(0, |count, _| count + 1)
}

/// A program that runs; asked to end, and then ended, when dropped.
struct Running {
    child: Child,
    /// What it is asked with.
    signal: rustix::process::Signal,
}

impl Running {
    fn start(command: &mut Command, signal: rustix::process::Signal) -> std::io::Result<Self> {
        Ok(Self {
            child: command.spawn()?,
            signal,
        })
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.has_ended() {
            return;
        }
        if let Some(pid) = i32::try_from(self.pid())
            .ok()
            .and_then(rustix::process::Pid::from_raw)
        {
            // Not collected yet, so the pid is still its own.
            let _ = rustix::process::kill_process(pid, self.signal);
        }
        let limit = Instant::now() + GRACE;
        while !self.has_ended() && Instant::now() < limit {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
