//! What `[monitor]` and `[[service]]` may say, and how it becomes the services that are watched.
//! Everything is checked while it is read: an unsound service cannot be made.

mod bounds;
mod restart;
mod words;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use self::bounds::{Between, Count, DAY, HOUR, SECOND};
pub use self::restart::Restart;
pub use self::words::{AbsolutePath, Argument, Name, PidFile, ProcessName};
use crate::judge::{Attempts, CrashLoop, Policy};
use crate::watch::{Means, Target};
use crate::{Service, restart as restarting};

/// The most services that one router watches.
pub const MOST_SERVICES: usize = 4096;

/// The process that leaves children behind which hold its port when it dies.
const LEAVES_LEFTOVERS: &str = "apache2";

/// The `[monitor]` table. Absent keys have their defaults.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the table [monitor]")]
pub struct Monitor {
    services: AbsolutePath,
    monitorservice: AbsolutePath,
    watch: Watch,
    sweep_every: Between<SECOND, DAY>,
    recheck: Recheck,
    hold_off: Between<SECOND, { 30 * DAY }>,
    crash_loop: Loop,
    restart: Restart,
}

/// By which means deaths are noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Watch {
    /// At once where the kernel can tell, otherwise at the next sweep.
    #[default]
    Auto,
    /// At the next sweep only.
    Sweep,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "a table such as { attempts = 5, every = \"1s\" }"
)]
struct Recheck {
    attempts: Count<0, 100>,
    every: Between<10, HOUR>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "a table such as { restarts = 5, within = \"10m\" }"
)]
struct Loop {
    restarts: Count<0, 256>,
    within: Between<SECOND, { 30 * DAY }>,
}

/// One `[[service]]` table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a [[service]] table")]
pub struct ServiceTable {
    name: Name,
    process: ProcessName,
    pidfile: PidFile,
    #[serde(default)]
    service: Option<Argument>,
    #[serde(default)]
    restart: Restart,
    #[serde(default)]
    probe: NotYet,
}

/// A key that a later version will know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct NotYet;

impl<'de> Deserialize<'de> for NotYet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        de::IgnoredAny::deserialize(deserializer)?;
        Err(de::Error::custom("not available in this version"))
    }
}

impl Default for Monitor {
    fn default() -> Self {
        let policy = Policy::default();
        Self {
            services: fixed("/etc/monitor.conf"),
            monitorservice: fixed("/etc/cloudstack/monitorservice.json"),
            watch: Watch::Auto,
            sweep_every: Between(Duration::from_mins(3)),
            recheck: Recheck::default(),
            hold_off: Between(policy.hold_off),
            crash_loop: Loop::default(),
            restart: Restart::default(),
        }
    }
}

impl Default for Recheck {
    fn default() -> Self {
        let Attempts { attempts, every } = Policy::default().recheck;
        Self {
            attempts: Count(attempts),
            every: Between(every),
        }
    }
}

impl Default for Loop {
    fn default() -> Self {
        let CrashLoop { restarts, within } = Policy::default().crash_loop;
        Self {
            restarts: Count(restarts),
            within: Between(within),
        }
    }
}

impl Monitor {
    /// `CloudStack`'s list of services.
    #[must_use]
    pub fn services_file(&self) -> &Path {
        self.services.as_path()
    }

    /// `CloudStack`'s switch for all monitoring.
    #[must_use]
    pub fn monitorservice_file(&self) -> &Path {
        self.monitorservice.as_path()
    }

    /// How often every service is looked at.
    #[must_use]
    pub fn sweep_every(&self) -> Duration {
        self.sweep_every.0
    }

    /// The wished means of watching.
    #[must_use]
    pub fn means(&self) -> Means {
        match self.watch {
            Watch::Auto => Means::Auto,
            Watch::Sweep => Means::SweepOnly,
        }
    }

    /// The service that a `[[service]]` table describes.
    ///
    /// # Errors
    /// In words, when its process name cannot serve as the missing `service`.
    pub fn service(&self, table: ServiceTable) -> Result<Service, String> {
        let argument = match table.service {
            Some(argument) => argument,
            None => default_argument(&table.process)?,
        };
        Ok(self.assemble(
            &table.name,
            &table.process,
            &table.pidfile,
            &argument,
            table.restart,
        ))
    }

    /// The service that `CloudStack`'s list describes.
    #[must_use]
    pub fn listed_service(
        &self,
        name: &Name,
        process: &ProcessName,
        pid_file: &PidFile,
        argument: &Argument,
    ) -> Service {
        self.assemble(name, process, pid_file, argument, Restart::default())
    }

    fn assemble(
        &self,
        name: &Name,
        process: &ProcessName,
        pid_file: &PidFile,
        argument: &Argument,
        own: Restart,
    ) -> Service {
        let policy = Policy::default();
        let restart = own.over(&self.restart);
        let command = restart.command.unwrap_or_default();
        Service {
            name: name.as_str().to_owned(),
            target: Target {
                process: process.as_str().to_owned(),
                pid_file: pid_file.as_path().to_owned(),
            },
            policy: Policy {
                recheck: Attempts {
                    attempts: self.recheck.attempts.0,
                    every: self.recheck.every.0,
                },
                restart: Attempts {
                    attempts: restart
                        .attempts
                        .map_or(policy.restart.attempts, |attempts| attempts.0),
                    every: restart.every.map_or(policy.restart.every, |every| every.0),
                },
                settle: restart.settle.map_or(policy.settle, |settle| settle.0),
                hold_off: self.hold_off.0,
                crash_loop: CrashLoop {
                    restarts: self.crash_loop.restarts.0,
                    within: self.crash_loop.within.0,
                },
            },
            restart: restarting::Settings {
                command: restarting::fill(command.parts(), argument.as_str()),
                timeout: restart
                    .timeout
                    .map_or(Duration::from_mins(1), |timeout| timeout.0),
                end_leftovers: restart
                    .end_leftovers
                    .unwrap_or_else(|| process.base() == LEAVES_LEFTOVERS),
            },
        }
    }
}

impl ServiceTable {
    /// The service's name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Its pid file.
    #[must_use]
    pub fn pid_file(&self) -> &PidFile {
        &self.pidfile
    }
}

/// What the restart command calls a service whose configuration does not say it: the process's
/// name, without its folder.
///
/// # Errors
/// In words, when that cannot be an argument.
pub fn default_argument(process: &ProcessName) -> Result<Argument, String> {
    Argument::try_from(process.base().to_owned())
        .map_err(|problem| format!("`service` is missing, and {problem}"))
}

/// A path that stands in this file.
fn fixed(path: &'static str) -> AbsolutePath {
    AbsolutePath::fixed(PathBuf::from(path))
}
