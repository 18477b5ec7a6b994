//! The table `[manager]`: from whom this router fetches what it watches, how often, and into which
//! file.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use contract::human;
use document::Problems;
use monitor::config::{AbsolutePath, Monitor};
use serde::Deserialize;
use sinks::plan::{self, Settings};

use super::monitor_conf;

/// The least and the most that `every` may be.
const EVERY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(24));
const USUALLY_EVERY: Duration = Duration::from_mins(5);

/// The table as it was written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "the table [manager]")]
struct Written {
    url: String,
    secret_file: PathBuf,
    every: Option<human::Duration>,
    into: Option<AbsolutePath>,
    timeout: Option<human::Duration>,
    proxy: Option<String>,
    ca_file: Option<PathBuf>,
    certificate_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    #[serde(default)]
    insecure: bool,
}

/// The table, checked.
#[derive(Deserialize)]
#[serde(try_from = "Written")]
pub(super) struct Manager {
    settings: Settings,
    every: Duration,
    into: Option<AbsolutePath>,
}

/// What the daemon fetches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fetch {
    /// The manager.
    pub(crate) settings: Settings,
    /// How often it is asked.
    pub(crate) every: Duration,
    /// Where its list is put.
    pub(crate) into: PathBuf,
    /// The services that `vrwatch.toml` describes itself, whatever a list says of them.
    pub(crate) settled: HashSet<String>,
}

impl TryFrom<Written> for Manager {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let every = written.every.map_or(USUALLY_EVERY, |every| every.0);
        if every < EVERY.0 || every > EVERY.1 {
            return Err(format!(
                "`every` is {}: use {} to {}",
                human::Duration(every),
                human::Duration(EVERY.0),
                human::Duration(EVERY.1)
            ));
        }
        let settings = Settings::try_from(plan::Written {
            url: written.url,
            secret_file: written.secret_file,
            timeout: written.timeout,
            proxy: written.proxy,
            ca_file: written.ca_file,
            certificate_file: written.certificate_file,
            key_file: written.key_file,
            insecure: written.insecure,
        })
        .map_err(|error| error.to_string())?;
        Ok(Self {
            settings,
            every,
            into: written.into,
        })
    }
}

impl Manager {
    /// The file of its own that the list is put into.
    pub(super) fn own_file(&self) -> Option<&Path> {
        self.into.as_ref().map(AbsolutePath::as_path)
    }

    pub(super) fn fetch(self, monitor: &Monitor, settled: HashSet<String>) -> Fetch {
        let into = self.own_file().unwrap_or(monitor.services_file());
        Fetch {
            into: into.to_owned(),
            settings: self.settings,
            every: self.every,
            settled,
        }
    }
}

/// The list that counts: what was fetched into a file of its own, and until something was,
/// CloudStack's.
pub(super) fn list<'a>(manager: Option<&'a Manager>, monitor: &'a Monitor) -> &'a Path {
    match manager.and_then(Manager::own_file) {
        Some(own) if !matches!(own.try_exists(), Ok(false)) => own,
        _ => monitor.services_file(),
    }
}

/// Whether a list that was fetched can be watched as a whole, without any doubt.
///
/// # Errors
/// All that is doubtful about it, as if it stood in its file already.
pub(crate) fn check_list(fetch: &Fetch, text: &str) -> Result<(), Problems> {
    let read = monitor_conf::read(&fetch.into, text.as_bytes(), &fetch.settled);
    if read.problems.is_empty() {
        Ok(())
    } else {
        Err(Problems(read.problems.into_vec()))
    }
}
