//! The built `vrwatch` in the box: started with a configuration of short times, asked through its
//! own commands, ended in every way a router can end it.

use std::fs::File;
use std::process::{Child, ExitStatus, Stdio};

use contract::Event;

use crate::harness::{Outcome, Peer, Router, Syslog, eventually};

/// Where [`Vrwatch::install`] puts the configuration.
pub(crate) const CONFIG: &str = "/etc/vrwatch/vrwatch.toml";
/// CloudStack's list of services.
pub(crate) const MONITOR_CONF: &str = "/etc/monitor.conf";
/// What in the environment of [`Vrwatch::start_within`] is given to it on the command line.
pub(crate) const OPTIONS: &str = "VRWATCH_OPTIONS";
const STDERR: &str = "/var/log/vrwatch.stderr";
const PID_FILE: &str = "/run/box/vrwatch.pid";

/// A `vrwatch.toml`, put together from pieces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Config(toml::Table);

impl Config {
    /// CloudStack's file, `/dev/log`, and times as short as they may be; the sweep stays at three
    /// minutes, so that no story passes only because one came along.
    pub(crate) fn short() -> Self {
        Self::default().and(
            r#"
            [monitor]
            services = "/etc/monitor.conf"
            recheck = { attempts = 5, every = "50ms" }
            [monitor.restart]
            attempts = 2
            every = "50ms"
            settle = "200ms"
            [sink.local.syslog]
            target = "unix:/dev/log"
            "#,
        )
    }

    /// The same with more, or other, settings: tables are merged, everything else is replaced.
    pub(crate) fn and(mut self, more: &str) -> Self {
        merge(
            &mut self.0,
            more.parse().expect("a story's settings are TOML"),
        );
        self
    }

    /// As the file has it.
    pub(crate) fn text(&self) -> String {
        self.0.to_string()
    }
}

fn merge(into: &mut toml::Table, more: toml::Table) {
    for (key, value) in more {
        match (into.get_mut(&key), value) {
            (Some(toml::Value::Table(old)), toml::Value::Table(new)) => merge(old, new),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// A `vrwatch run`. Dropping it is a kill -9.
pub(crate) struct Vrwatch<'router> {
    router: &'router Router,
    /// `nsenter`, which ends as the daemon ended.
    daemon: Option<Child>,
    /// What is in its environment beside the usual.
    environment: Vec<(&'static str, &'static str)>,
}

impl<'router> Vrwatch<'router> {
    /// Writes the configuration and CloudStack's file for these daemons; starts nothing.
    pub(crate) fn install(router: &Router, peers: &[Peer], config: &Config) {
        let sections: String = peers.iter().map(|peer| peer.monitor_conf()).collect();
        router.write(
            MONITOR_CONF,
            &format!("#Monitor services config\n{sections}"),
        );
        router.write(CONFIG, &config.text());
    }

    /// Starts the daemon over these real ones, and a syslog server unless one runs; waits until
    /// every one of them has been looked at.
    #[track_caller]
    pub(crate) fn start(router: &'router Router, peers: &[Peer], config: &Config) -> Self {
        Self::install(router, peers, config);
        Self::start_over(router, config)
    }

    /// The same over whatever CloudStack's file names.
    #[track_caller]
    pub(crate) fn start_over(router: &'router Router, config: &Config) -> Self {
        Self::start_within(router, config, &[])
    }

    /// The same with this in its environment.
    #[track_caller]
    pub(crate) fn start_within(
        router: &'router Router,
        config: &Config,
        environment: &[(&'static str, &'static str)],
    ) -> Self {
        router.write(CONFIG, &config.text());
        // Without a syslog server it would wait for one whenever it is ended in order.
        if !router.path("/dev/log").exists() {
            Syslog::start(router);
        }
        let mut vrwatch = Self {
            router,
            daemon: None,
            environment: environment.to_vec(),
        };
        vrwatch.start_again();
        vrwatch
    }

    /// Starts the daemon with what is installed; the one before must have ended.
    #[track_caller]
    pub(crate) fn start_again(&mut self) {
        self.launch();
        self.until_it_has_looked();
    }

    /// The same with this as its standard error.
    #[track_caller]
    pub(crate) fn start_again_with(&mut self, stderr: impl Into<Stdio>) {
        self.launch_with(stderr);
        self.until_it_has_looked();
    }

    #[track_caller]
    fn until_it_has_looked(&mut self) {
        let router = self.router;
        eventually(
            "vrwatch has looked at every service",
            || {
                if let Some(status) = self.daemon.as_mut().unwrap().try_wait().unwrap() {
                    panic!("vrwatch ended at once: {status}\n{}", self.stderr());
                }
                let services = self.status()?.get("services")?.as_array()?.clone();
                services
                    .iter()
                    .all(|service| service["state"] != "unknown")
                    .then_some(())
            },
            || router.read(STDERR),
        );
    }

    /// The same, without waiting for more than that the process is there.
    #[track_caller]
    pub(crate) fn launch(&mut self) {
        let stderr = File::options()
            .create(true)
            .append(true)
            .open(self.router.path(STDERR))
            .unwrap();
        self.launch_with(stderr);
    }

    #[track_caller]
    fn launch_with(&mut self, stderr: impl Into<Stdio>) {
        assert!(self.daemon.is_none(), "it still runs");
        let _ = std::fs::remove_file(self.router.path(PID_FILE));
        // The shell becomes the daemon, so the pid it notes is the daemon's.
        let run = format!("echo $$ >{PID_FILE} && exec vrwatch run --config {CONFIG} ${OPTIONS}");
        let daemon = self
            .router
            .command(["sh", "-c", &run])
            .envs(self.environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .unwrap();
        self.daemon = Some(daemon);
        eventually(
            "it has a pid",
            || self.router.read(PID_FILE).ends_with('\n').then_some(()),
            || self.stderr(),
        );
    }

    /// A command of `vrwatch`, with the daemon's configuration.
    pub(crate) fn ask(&self, command: &[&str]) -> Outcome {
        ask(self.router, command)
    }

    /// `vrwatch release SERVICE`.
    pub(crate) fn release(&self, service: impl AsRef<str>) -> Outcome {
        self.ask(&["release", service.as_ref()])
    }

    /// Its pid in the box.
    pub(crate) fn pid(&self) -> u32 {
        self.router.read(PID_FILE).trim().parse().unwrap()
    }

    /// What `vrwatch status --json` says; nothing while the control socket is not there.
    pub(crate) fn status(&self) -> Option<serde_json::Value> {
        serde_json::from_str(&self.ask(&["status", "--json"]).stdout).ok()
    }

    /// What `vrwatch status --json` says of one service.
    pub(crate) fn status_of(&self, service: impl AsRef<str>) -> Option<serde_json::Value> {
        let status = self.status()?;
        let services = status["services"].as_array()?;
        let found = services
            .iter()
            .find(|found| found["name"] == service.as_ref());
        found.cloned()
    }

    /// The state of one service, in `vrwatch status`'s word.
    pub(crate) fn state_of(&self, service: impl AsRef<str>) -> Option<String> {
        self.status_of(service)?["state"]
            .as_str()
            .map(str::to_owned)
    }

    /// What it has logged.
    pub(crate) fn stderr(&self) -> String {
        self.router.read(STDERR)
    }

    /// SIGTERM; returns once it has drained and ended.
    #[track_caller]
    pub(crate) fn term(&mut self) -> ExitStatus {
        self.end_by("TERM")
    }

    /// kill -9.
    #[track_caller]
    pub(crate) fn kill9(&mut self) -> ExitStatus {
        self.end_by("KILL")
    }

    #[track_caller]
    fn end_by(&mut self, signal: &str) -> ExitStatus {
        let daemon = self.daemon.as_mut().expect("it runs");
        if let Some(status) = daemon.try_wait().unwrap() {
            panic!("it ended by itself: {status}\n{}", self.failure());
        }
        self.router.signal(self.pid(), signal);
        self.until_it_ends()
    }

    /// Waits until it has ended, whatever makes it.
    #[track_caller]
    pub(crate) fn until_it_ends(&mut self) -> ExitStatus {
        let mut daemon = self.daemon.take().expect("it runs");
        eventually(
            "vrwatch ends",
            || daemon.try_wait().unwrap(),
            || self.failure(),
        )
    }

    /// Every event in its journal so far; works whether it runs or not.
    #[track_caller]
    pub(crate) fn events(&self) -> Vec<Event> {
        events(self.router)
    }

    /// Waits until the events are such that the story can go on; returns them.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, mut so: impl FnMut(&[Event]) -> bool) -> Vec<Event> {
        eventually(
            what,
            || Some(self.events()).filter(|events| so(events)),
            || self.failure(),
        )
    }

    /// Waits until this service's events are of exactly these kinds, in this order; returns them.
    #[track_caller]
    pub(crate) fn until_told(&self, service: impl AsRef<str>, expected: &[&str]) -> Vec<Event> {
        let service = service.as_ref();
        let events = self.until(&format!("{service}: {expected:?}"), |events| {
            kinds(&about(events, service)) == expected
        });
        about(&events, service)
    }

    /// Ends it in order and returns every event about this service: nothing can follow them.
    #[track_caller]
    pub(crate) fn told_in_all(&mut self, service: impl AsRef<str>) -> Vec<Event> {
        let status = self.term();
        assert!(status.success(), "{status}: {}", self.failure());
        about(&self.events(), service)
    }

    /// What there is to know when a story fails.
    pub(crate) fn failure(&self) -> String {
        let alerts = self.ask(&["alerts", "--json"]);
        let status = self.ask(&["status", "--json"]);
        format!(
            "alerts: {}\nstatus: {}\nstderr: {}\n{}",
            alerts.output(),
            status.output(),
            self.router.read(STDERR),
            self.router.processes()
        )
    }
}

impl Drop for Vrwatch<'_> {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let pid = self.router.read(PID_FILE);
            self.router.run(["kill", "-s", "KILL", pid.trim()]);
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

/// A command of `vrwatch`, with the configuration of the box.
pub(crate) fn ask(router: &Router, command: &[&str]) -> Outcome {
    router.run(["vrwatch", "--config", CONFIG].iter().chain(command))
}

/// Every event in the journal of the box.
#[track_caller]
pub(crate) fn events(router: &Router) -> Vec<Event> {
    let alerts = ask(router, &["alerts", "--json"]);
    assert!(alerts.status.success(), "{alerts:#?}");
    serde_json::Deserializer::from_str(&alerts.stdout)
        .into_iter()
        .map(|event| event.unwrap_or_else(|error| panic!("{error}: {}", alerts.stdout)))
        .collect()
}

/// The events about one service.
pub(crate) fn about(events: &[Event], service: impl AsRef<str>) -> Vec<Event> {
    events
        .iter()
        .filter(|event| event.service.as_deref() == Some(service.as_ref()))
        .cloned()
        .collect()
}

/// The kinds of events, in order.
pub(crate) fn kinds(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.fact.kind()).collect()
}
