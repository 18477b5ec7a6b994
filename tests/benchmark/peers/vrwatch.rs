//! The daemon itself, as it is installed: its own process, its own configuration, a syslog socket.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use rustix::process::Signal;

use super::Running;
use crate::inbox::{self, Heard, Inbox, eventually};
use crate::services::{Restartables, Sleepers};

const PROGRAM: &str = env!("CARGO_BIN_EXE_vrwatch");

/// In a syslog line with structured data. One line may say two things about a service.
const DOWN: &str = "kind=\"service_down\"";
const RESTARTED: &str = "kind=\"restarted\"";

/// A running daemon.
pub(crate) struct Vrwatch {
    running: Running,
    config: PathBuf,
    /// What it tells syslog.
    told: Inbox<String>,
    /// The restarts among it, by service.
    restarts: HashMap<usize, usize>,
}

/// What it is to watch.
pub(crate) enum Watched<'services> {
    /// Named in a list as `CloudStack` writes it.
    Listed(&'services Sleepers),
    /// Named in the daemon's own configuration.
    Sleepers(&'services Sleepers),
    /// The same, each with its own restart command.
    Restartables(&'services Restartables),
}

impl Vrwatch {
    /// Starts it and waits until it has looked at every service.
    pub(crate) fn start(
        folder: &Path,
        sweep_every: &str,
        watched: &Watched<'_>,
    ) -> anyhow::Result<Self> {
        Self::start_telling(folder, sweep_every, watched, "")
    }

    /// The same with further sinks, in the words of the configuration.
    pub(crate) fn start_telling(
        folder: &Path,
        sweep_every: &str,
        watched: &Watched<'_>,
        sinks: &str,
    ) -> anyhow::Result<Self> {
        fs::create_dir(folder)?;
        let told = inbox::datagrams(&folder.join("log"))?;
        let config = folder.join("vrwatch.toml");
        let text = sinks.to_owned() + &configuration(folder, sweep_every, watched)?;
        fs::write(&config, text)?;
        let words = folder.join("stderr");
        let mut daemon = command(&config);
        daemon
            .arg("run")
            .env_remove("NOTIFY_SOCKET")
            .env_remove("WATCHDOG_USEC")
            .stdout(File::create(folder.join("stdout"))?)
            .stderr(File::create(&words)?);
        let mut running = Running::start(&mut daemon, Signal::TERM)?;
        let ready = eventually("vrwatch has looked at every service", || {
            let ended = running.has_ended();
            (ended || has_looked(&config)).then_some(!ended)
        });
        match ready {
            Ok(true) => Ok(Self {
                running,
                config,
                told,
                restarts: HashMap::new(),
            }),
            Ok(false) => bail!("vrwatch ended: {}", fs::read_to_string(&words)?),
            Err(problem) => {
                Err(problem).with_context(|| fs::read_to_string(&words).unwrap_or_default())
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// Waits until it has told syslog that this service is down; says when.
    pub(crate) fn until_told_down(&mut self, number: usize) -> anyhow::Result<u64> {
        loop {
            let line = self.next_line("vrwatch tells that a service is down")?;
            if service(&line.what) == Some(number) && line.what.contains(DOWN) {
                return Ok(line.at);
            }
        }
    }

    /// Waits until it has told syslog so many restarts of this service since it was started.
    pub(crate) fn until_restarted(&mut self, number: usize, times: usize) -> anyhow::Result<()> {
        while self.restarts.get(&number).is_none_or(|&told| told < times) {
            self.next_line("vrwatch tells that it restarted a service")?;
        }
        Ok(())
    }

    /// What it says of its sinks.
    pub(crate) fn sinks(&self) -> anyhow::Result<Vec<serde_json::Value>> {
        let mut document = status(&self.config)?;
        match document["sinks"].take() {
            serde_json::Value::Array(sinks) => Ok(sinks),
            _ => bail!("no sinks in {document}"),
        }
    }

    fn next_line(&mut self, what: &str) -> anyhow::Result<Heard<String>> {
        let line = self.told.first(what, |line| Some(line.clone()))?;
        if let Some(number) = service(&line.what)
            && line.what.contains(RESTARTED)
        {
            *self.restarts.entry(number).or_default() += 1;
        }
        Ok(line)
    }
}

/// The service that a syslog line is about.
fn service(line: &str) -> Option<usize> {
    let (_, rest) = line.split_once(" service=\"s")?;
    rest.split_once('"')?.0.parse().ok()
}

fn configuration(
    folder: &Path,
    sweep_every: &str,
    watched: &Watched<'_>,
) -> anyhow::Result<String> {
    let here = folder.display();
    // A restart command that does not end is the service itself, which is known when its time is up.
    let mut text = format!(
        r#"
        [router]
        name = "r-42-VM"
        [monitor]
        services = "{here}/monitor.conf"
        monitorservice = "{here}/monitorservice.json"
        sweep_every = "{sweep_every}"
        recheck = {{ attempts = 0, every = "1s" }}
        crash_loop = {{ restarts = 0, within = "10m" }}
        [monitor.restart]
        command = ["/bin/true"]
        timeout = "1s"
        settle = "0s"
        end_leftovers = false
        [journal]
        directory = "{here}/journal"
        [control]
        socket = "{here}/control"
        [sink.local.syslog]
        target = "unix:{here}/log"
        format = "rfc5424"
        # One service dies over and over here, and every line is waited for.
        flood = false
        "#
    );
    match watched {
        Watched::Listed(sleepers) => {
            let mut list = "#Monitor services config\n".to_owned();
            for number in 0..sleepers.count() {
                let (process, pid_file) = (Sleepers::PROCESS, sleepers.pid_file(number));
                write!(
                    list,
                    "[s{number}]\nprocessname={process}\nservicename=s{number}\npidfile={}\n",
                    pid_file.display()
                )?;
            }
            fs::write(folder.join("monitor.conf"), list)?;
        }
        Watched::Sleepers(sleepers) => {
            for number in 0..sleepers.count() {
                let (process, pid_file) = (Sleepers::PROCESS, sleepers.pid_file(number));
                add_table(&mut text, number, process, &pid_file)?;
            }
        }
        Watched::Restartables(services) => {
            for number in 0..services.count() {
                let (process, pid_file) = (Restartables::PROCESS, services.pid_file(number));
                add_table(&mut text, number, process, &pid_file)?;
                let program = services.program(number);
                writeln!(text, "restart.command = [\"{}\"]", program.display())?;
            }
        }
    }
    Ok(text)
}

fn add_table(text: &mut String, number: usize, process: &str, pid_file: &Path) -> std::fmt::Result {
    let pid_file = pid_file.display();
    write!(
        text,
        "[[service]]\nname = \"s{number}\"\nprocess = \"{process}\"\npidfile = \"{pid_file}\"\n"
    )
}

fn has_looked(config: &Path) -> bool {
    status(config).is_ok_and(|document| {
        document["services"].as_array().is_some_and(|services| {
            !services.is_empty() && services.iter().all(|service| service["state"] == "up")
        })
    })
}

fn status(config: &Path) -> anyhow::Result<serde_json::Value> {
    let output = command(config).args(["status", "--json"]).output()?;
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The program with this configuration.
pub(crate) fn command(config: &Path) -> Command {
    let mut command = super::command(PROGRAM);
    command.arg("--config").arg(config);
    command
}

/// The bytes of the binary.
pub(crate) fn size() -> anyhow::Result<u64> {
    Ok(fs::metadata(PROGRAM)?.len())
}

/// What it calls itself.
pub(crate) fn version() -> anyhow::Result<String> {
    let output = super::command(PROGRAM).arg("--version").output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
