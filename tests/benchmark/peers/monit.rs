//! monit with a cycle of one second, its shortest. Its log goes into a FIFO, so that its lines get
//! better times than the full seconds it writes.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;

use super::{Running, command};
use crate::inbox::{self, Inbox};
use crate::services::{Restartables, Sleepers};

pub(crate) const PROGRAM: &str = "/usr/bin/monit";

/// A running monit.
pub(crate) struct Monit {
    running: Running,
    /// Its log.
    pub(crate) log: Inbox<String>,
}

impl Monit {
    /// Over processes whose absence it tells and does nothing about.
    pub(crate) fn over_sleepers(folder: &Path, sleepers: &Sleepers) -> anyhow::Result<Self> {
        let mut checks = String::new();
        for number in 0..sleepers.count() {
            writeln!(
                checks,
                "check process s{number} with pidfile {}\n  if does not exist then alert",
                sleepers.pid_file(number).display()
            )?;
        }
        Self::start(folder, &checks)
    }

    /// Over services that it restarts. Its start command has to end before monit goes on with
    /// anything, so a shell puts the service into the background.
    pub(crate) fn over_restartables(
        folder: &Path,
        services: &Restartables,
    ) -> anyhow::Result<Self> {
        let mut checks = String::new();
        for number in 0..services.count() {
            writeln!(
                checks,
                "check process s{number} with pidfile {}\n  \
                 start program = \"/bin/sh -c '{} &'\"\n  stop program = \"/bin/true\"",
                services.pid_file(number).display(),
                services.program(number).display()
            )?;
        }
        Self::start(folder, &checks)
    }

    fn start(folder: &Path, checks: &str) -> anyhow::Result<Self> {
        fs::create_dir(folder)?;
        let here = folder.display();
        let log = inbox::lines(inbox::fifo(&folder.join("log"))?);
        let config = folder.join("monitrc");
        // It refuses a configuration that others may read.
        let mut file = fs::File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&config)?;
        write!(
            file,
            "set daemon 1\nset log {here}/log\nset pidfile {here}/pid\nset idfile {here}/id\n\
             set statefile {here}/state\n{checks}"
        )?;
        let mut monit = command(PROGRAM);
        monit
            .arg("-c")
            .arg(&config)
            .arg("-I")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let running = Running::start(&mut monit, Signal::TERM)?;
        log.first("monit has started", |line| {
            line.contains(" started").then_some(())
        })?;
        Ok(Self { running, log })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.running.pid()
    }
}

/// The bytes of the binary.
pub(crate) fn size() -> anyhow::Result<u64> {
    Ok(fs::metadata(PROGRAM)?.len())
}

/// What it calls itself.
pub(crate) fn version() -> anyhow::Result<String> {
    let output = command(PROGRAM).arg("--version").output()?;
    let words = String::from_utf8_lossy(&output.stdout);
    let words = words.lines().next().unwrap_or_default();
    Ok(words.replace("This is Monit version", "monit"))
}
