//! The configuration as a whole: each part's own tables composed, CloudStack's files merged in, and
//! every mistake told with file, line, key and what to do.

mod describe;
mod hold_off_file;
mod ini;
mod load;
mod manager;
mod monitor_conf;
mod monitorservice;
mod services;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use document::{Problem, SinkSpec};
use monitor::{Means, Service};

pub(crate) use self::describe::describe;
pub(crate) use self::hold_off_file::HoldOffs;
pub(crate) use self::load::{Places, StandIns, load, load_with, minimal, places};
pub(crate) use self::manager::{Fetch, check_list};

/// Everything the daemon is told.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// What this router is called in every event.
    pub(crate) router: String,
    /// What is watched; names and pid files are unique.
    pub(crate) services: Vec<Service>,
    /// How often every service is looked at.
    pub(crate) sweep_every: Duration,
    /// By which means deaths are noticed.
    pub(crate) means: Means,
    /// Where alerts are kept.
    pub(crate) journal: channel::Settings,
    /// Where `vrwatch status` and its like ask.
    pub(crate) control_socket: PathBuf,
    /// Who is told; at least one syslog.
    pub(crate) sinks: Vec<SinkSpec>,
    /// From whom what is watched is fetched.
    pub(crate) fetch: Option<Fetch>,
    /// The files that this came from, or would come from if they existed.
    pub(crate) files: Vec<PathBuf>,
}

impl Config {
    /// What is wrong with files that sinks need; everything else works without those sinks.
    pub(crate) fn troubles(&self) -> Vec<Problem> {
        let troubles = self.sinks.iter().filter_map(SinkSpec::trouble);
        troubles.cloned().collect()
    }
}

/// A configuration that can be used, and what is doubtful about it.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    /// The configuration.
    pub(crate) config: Config,
    /// What was passed over or guessed.
    pub(crate) warnings: Vec<Problem>,
    /// CloudStack's list of services is there but cannot be read (it is a directory, say), so what
    /// it would name is unknown: a daemon that already watches something had better go on with that.
    pub(crate) services_unknown: bool,
    /// CloudStack has switched the monitoring of this router off.
    pub(crate) switched_off: bool,
}
