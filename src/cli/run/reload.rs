//! Takes a changed configuration into force without losing anything: services that stay keep their
//! state, sinks that stay keep running, and a configuration that is broken changes nothing.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use channel::Channel;
use document::Problems;
use monitor::{FileWatch, Handle};
use tokio::sync::Notify;
use tracing::{error, info, warn};

use super::fetch::Fetching;
use super::respond::{Live, sink_kinds};
use super::{start_sink, warn_about};
use crate::config::{self, Config, Loaded};

/// Quiet time after a change before the files are read: writers write in steps.
const CALM: Duration = Duration::from_millis(300);

/// A file that never rests must not keep all others from being read.
const LONGEST_UNREST: Duration = Duration::from_secs(2);

/// Why the list of services is unknown, among whatever else is doubtful.
pub(super) fn doubts(loaded: &Loaded) -> Option<String> {
    let words: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    loaded.services_unknown.then(|| words.join("\n"))
}

/// Watches the configuration's files and brings changes into force.
pub(super) struct Reloader {
    path: PathBuf,
    /// What this router is called until the next start.
    router: String,
    config: Config,
    files: Option<FileWatch>,
    monitor: Handle,
    channel: Channel,
    live: Arc<Mutex<Live>>,
    fetching: Option<Fetching>,
    /// A list was fetched and is in its place.
    arrived: Arc<Notify>,
}

impl Reloader {
    pub(super) fn new(
        path: &Path,
        loaded: Loaded,
        monitor: Handle,
        channel: Channel,
        live: Arc<Mutex<Live>>,
    ) -> Self {
        let mut reloader = Self {
            path: path.to_owned(),
            router: loaded.config.router.clone(),
            files: None,
            config: loaded.config,
            monitor,
            channel,
            live,
            fetching: None,
            arrived: Arc::default(),
        };
        reloader.watch_files();
        reloader.fetch();
        reloader
    }

    fn watch_files(&mut self) {
        match FileWatch::new(&self.config.files) {
            Ok(files) => self.files = Some(files),
            Err(problem) => {
                self.files = None;
                warn!(%problem, "changes of the configuration are not noticed; send SIGHUP after a change");
            }
        }
    }

    /// Fetches as the configuration in force says, or no longer.
    fn fetch(&mut self) {
        // The old task ends before it can say anything more.
        self.fetching = None;
        self.say(|live| live.manager = None);
        self.fetching = self.config.fetch.clone().map(|fetch| {
            Fetching::start(
                fetch,
                &self.router,
                Arc::clone(&self.live),
                Arc::clone(&self.arrived),
            )
        });
    }

    /// Returns once a file of the configuration has changed and come to rest, or a moment later.
    pub(super) async fn changed(&mut self) {
        let Some(files) = &mut self.files else {
            return self.arrived.notified().await;
        };
        files.changed().await;
        let calm = async { while tokio::time::timeout(CALM, files.changed()).await.is_ok() {} };
        // Whether it came to rest or goes on: what is there now is read.
        let _ = tokio::time::timeout(LONGEST_UNREST, calm).await;
    }

    /// Reads the configuration again and brings it into force, or says why not.
    pub(super) async fn reload(&mut self, why: &str) {
        let loaded = match config::load(&self.path) {
            Ok(loaded) => loaded,
            Err(problems) => {
                error!(
                    "the changed configuration is refused, the old one stays in force:\n{problems}"
                );
                self.say(|live| live.config_error = Some(problems.to_string()));
                return;
            }
        };
        warn_about(&loaded);
        if loaded.services_unknown {
            error!(
                "CloudStack's list of services cannot be read, so the old configuration stays in force"
            );
            self.say(|live| live.config_error = doubts(&loaded));
            return;
        }
        let new = loaded.config;
        if new.journal != self.config.journal
            || new.control_socket != self.config.control_socket
            || new.means != self.config.means
            || new.router != self.config.router
        {
            warn!(
                "a changed router name, journal, control socket or means of watching takes effect at the next start only"
            );
        }
        if let Err(problem) = self.exchange_sinks(&new) {
            error!("a changed sink is refused, the old configuration stays in force: {problem}");
            self.say(|live| live.config_error = Some(problem.to_string()));
            return;
        }
        if let Err(problem) = self
            .monitor
            .reconfigure(new.services.clone(), new.sweep_every)
            .await
        {
            error!(%problem, "the monitor does not take the changed configuration");
            return;
        }
        info!(
            why,
            services = new.services.len(),
            sinks = new.sinks.len(),
            "the configuration was read again and is in force"
        );
        let kinds = sink_kinds(&new);
        self.say(|live| {
            live.config_error = None;
            live.sink_kinds = kinds;
        });
        let files_changed = new.files != self.config.files;
        let fetch_changed = new.fetch != self.config.fetch;
        self.config = new;
        if fetch_changed {
            self.fetch();
        }
        if files_changed {
            self.watch_files();
        }
    }

    /// Starts what is new or changed before stopping what is gone, so that no alert falls between;
    /// and starts nothing unless all of it can be built.
    fn exchange_sinks(&self, new: &Config) -> Result<(), Problems> {
        let fresh = new
            .sinks
            .iter()
            .filter(|spec| !self.config.sinks.contains(spec))
            .map(|spec| Ok((spec, spec.build()?)))
            .collect::<Result<Vec<_>, Problems>>()?;
        for (spec, sink) in fresh {
            start_sink(&self.channel, spec, sink);
            info!(sink = spec.name, "a sink is new or changed");
        }
        for spec in &self.config.sinks {
            if !new.sinks.iter().any(|kept| kept.name == spec.name) {
                let pending = self.channel.stop_sink(&spec.name).map(|sink| sink.pending);
                info!(sink = spec.name, pending, "a sink is no longer configured");
                if let Some(renamed) = new.sinks.iter().find(|kept| kept.is_renamed(spec)) {
                    warn!(
                        before = spec.name,
                        now = renamed.name,
                        pending,
                        "a sink was renamed, and is a new one by that: what the old one had not taken goes out under the old name only"
                    );
                }
            }
        }
        Ok(())
    }

    fn say(&self, change: impl FnOnce(&mut Live)) {
        // A poisoned lock still holds the truth: it is only ever replaced whole.
        change(&mut self.live.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
