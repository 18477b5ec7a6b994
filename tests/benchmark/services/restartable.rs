//! Services that a supervisor restarts: this very program under another name, which says through a
//! FIFO when it began to run, then writes its pid file and stays. The same program, started without a
//! shell or a script of its own, under every supervisor that allows it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::clock;
use crate::inbox::{self, Inbox, LIMIT};

use super::write_pid_file;

const STAMPS: &str = "stamps";
/// The bytes of one report: when, which service, which process.
const REPORT: usize = 16;

/// The name that runit demands.
const PROGRAM: &str = "run";

/// A service began to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Began {
    /// In nanoseconds of [`clock::now`], by the service itself.
    pub(crate) at: u64,
    pub(crate) number: usize,
    pub(crate) pid: u32,
}

/// Folders of services, none of which is started here.
pub(crate) struct Restartables {
    folder: PathBuf,
    began: Inbox<Began>,
    pids: Vec<u32>,
}

impl Restartables {
    /// The name of their processes.
    pub(crate) const PROCESS: &str = PROGRAM;

    pub(crate) fn set_up(folder: &Path, count: usize) -> anyhow::Result<Self> {
        fs::create_dir(folder)?;
        let program = std::env::current_exe()?;
        for number in 0..count {
            let own = folder.join(number.to_string());
            fs::create_dir(&own)?;
            symlink(&program, own.join(PROGRAM))?;
        }
        Ok(Self {
            folder: folder.to_owned(),
            began: reports(inbox::fifo(&folder.join(STAMPS))?),
            pids: vec![0; count],
        })
    }

    pub(crate) fn count(&self) -> usize {
        self.pids.len()
    }

    /// The folder of one, for runit.
    pub(crate) fn folder(&self, number: usize) -> PathBuf {
        self.folder.join(number.to_string())
    }

    /// What starts one.
    pub(crate) fn program(&self, number: usize) -> PathBuf {
        self.folder(number).join(PROGRAM)
    }

    pub(crate) fn pid_file(&self, number: usize) -> PathBuf {
        self.folder(number).join("pid")
    }

    /// Waits until one runs.
    pub(crate) fn until_it_runs(&mut self, number: usize) -> anyhow::Result<Began> {
        let began = self
            .began
            .first("a service begins to run", |began| {
                (began.number == number).then_some(*began)
            })?
            .what;
        self.pids[number] = began.pid;
        Ok(began)
    }

    /// Waits until each has begun to run once.
    pub(crate) fn until_all_run(&mut self) -> anyhow::Result<()> {
        while self.pids.contains(&0) {
            let began = self
                .began
                .first("the services begin to run", |began| Some(*began))?
                .what;
            self.pids[began.number] = began.pid;
        }
        Ok(())
    }

    /// Kills one; says when the signal was sent.
    pub(crate) fn kill(&self, number: usize) -> anyhow::Result<u64> {
        let pid = i32::try_from(self.pids[number])
            .ok()
            .and_then(rustix::process::Pid::from_raw)
            .ok_or_else(|| anyhow::anyhow!("service {number} does not run"))?;
        let at = clock::now();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL)?;
        Ok(at)
    }
}

fn reports(mut fifo: File) -> Inbox<Began> {
    let (reporter, inbox) = inbox::inbox();
    std::thread::spawn(move || {
        let mut bytes = [0; REPORT];
        while fifo.read_exact(&mut bytes).is_ok() {
            let (at, rest) = bytes.split_at(8);
            let (number, pid) = rest.split_at(4);
            let number_of = |bytes: &[u8]| {
                bytes
                    .iter()
                    .rev()
                    .fold(0, |number, &byte| number << 8 | u64::from(byte))
            };
            let began = Began {
                at: number_of(at),
                number: usize::try_from(number_of(number)).unwrap_or(usize::MAX),
                pid: u32::try_from(number_of(pid)).unwrap_or(0),
            };
            reporter.report(clock::now(), began);
        }
    });
    inbox
}

/// Whether this process was started as a service.
pub(crate) fn is_this_program() -> bool {
    called_as().file_name().is_some_and(|name| name == PROGRAM)
}

/// The life of a service.
pub(crate) fn live() -> ! {
    let began = clock::now();
    if let Err(problem) = report(began) {
        eprintln!("a service cannot say that it runs: {problem}");
        std::process::exit(1);
    }
    loop {
        std::thread::sleep(LIMIT);
    }
}

fn report(began: u64) -> io::Result<()> {
    // Absolute, or `./run` in the service's own folder.
    let folder = fs::canonicalize(called_as().parent().unwrap_or(Path::new(".")))?;
    let number: u32 = folder
        .file_name()
        .and_then(|name| name.to_str()?.parse().ok())
        .ok_or(io::ErrorKind::InvalidInput)?;
    let pid = std::process::id();
    let mut bytes = Vec::with_capacity(REPORT);
    bytes.extend(began.to_le_bytes());
    bytes.extend(number.to_le_bytes());
    bytes.extend(pid.to_le_bytes());
    File::options()
        .write(true)
        .open(folder.with_file_name(STAMPS))?
        .write_all(&bytes)?;
    write_pid_file(&folder.join("pid"), pid)
}

fn called_as() -> PathBuf {
    std::env::args_os().next().unwrap_or_default().into()
}
