//! Services die in a storm while a real rsyslogd collects what is told, over each transport; where
//! the far side acknowledges nothing but keeps a connection, it goes away for a while and comes back.

use std::collections::HashSet;

use contract::Event;

use crate::harness::syslog::{AUTHORITY, PORT, SOCKET_5424, TLS_PORT};
use crate::harness::{Config, Router, Sleepers, Syslog, Vrwatch, eventually};

const NAMES: [&str; 5] = ["gale-0", "gale-1", "gale-2", "gale-3", "gale-4"];
/// Each of them dies so often.
const ROUNDS: usize = 6;

struct Storm<'router> {
    sleepers: Sleepers<'router>,
    vrwatch: Vrwatch<'router>,
}

impl<'router> Storm<'router> {
    fn brewing(router: &'router Router, sink: &str) -> Self {
        let sleepers = Sleepers::start(router, &NAMES);
        let config = Config::short().and(&Sleepers::tables(&NAMES)).and(&format!(
            "[sink.local.syslog]\nformat = \"rfc5424\"\ntimeout = \"1s\"\n{sink}"
        ));
        Self {
            sleepers,
            vrwatch: Vrwatch::start_over(router, &config),
        }
    }

    /// Every service is killed once; returns when all of them are up again, whoever is told.
    #[track_caller]
    fn round(&self) {
        let killed: Vec<u32> = NAMES.iter().map(|name| self.sleepers.kill9(name)).collect();
        eventually(
            "all are restarted",
            || {
                let status = self.vrwatch.status()?;
                let services = status["services"].as_array()?;
                services
                    .iter()
                    .zip(&killed)
                    .all(|(service, killed)| service["state"] == "up" && service["pid"] != *killed)
                    .then_some(())
            },
            || self.vrwatch.failure(),
        );
    }

    /// Ends vrwatch; every event has reached the server.
    fn every_event_arrived(mut self, syslog: &Syslog<'_>) {
        let expected = 2 * NAMES.len() * ROUNDS;
        let events = self
            .vrwatch
            .until("all is told", |events| events.len() == expected);
        let missing = |events: &[Event]| -> Vec<String> {
            let arrived: HashSet<String> = syslog.ids().into_iter().collect();
            let ids = events.iter().map(|event| event.id.clone());
            ids.filter(|id| !arrived.contains(id)).collect()
        };
        eventually(
            "every event has arrived",
            || missing(&events).is_empty().then_some(()),
            || format!("{:?}\n{}", missing(&events), self.vrwatch.failure()),
        );
        assert!(self.vrwatch.term().success());
        assert_eq!(self.vrwatch.events().len(), expected);
    }
}

/// The server is there all the time.
fn every_event_of_a_storm_arrives(sink: &str) {
    let router = Router::boot();
    let syslog = Syslog::start(&router);
    let storm = Storm::brewing(&router, sink);
    for _ in 0..ROUNDS {
        storm.round();
    }
    storm.every_event_arrived(&syslog);
}

/// The server goes away in the middle and comes back after a while.
fn every_event_arrives_though_the_server_goes_away(sink: &str) {
    let router = Router::boot();
    let syslog = Syslog::start(&router);
    let storm = Storm::brewing(&router, sink);
    for round in 0..ROUNDS {
        if round == 2 {
            syslog.stop();
        }
        // Nothing waits for the server.
        storm.round();
        if round == 3 {
            let sinks = storm.vrwatch.status().unwrap()["sinks"].clone();
            assert!(sinks[0]["pending"].as_u64().unwrap() > 0, "{sinks:#}");
            syslog.start_again();
        }
    }
    storm.every_event_arrived(&syslog);
}

#[test]
fn every_event_of_a_storm_arrives_over_udp() {
    every_event_of_a_storm_arrives(&format!("target = \"udp:127.0.0.1:{PORT}\""));
}

#[test]
fn every_event_arrives_over_the_local_socket_though_the_server_goes_away() {
    every_event_arrives_though_the_server_goes_away(&format!("target = \"unix:{SOCKET_5424}\""));
}

#[test]
fn every_event_arrives_over_tcp_though_the_server_goes_away() {
    every_event_arrives_though_the_server_goes_away(&format!("target = \"tcp:127.0.0.1:{PORT}\""));
}

#[test]
fn every_event_arrives_over_tls_though_the_server_goes_away() {
    every_event_arrives_though_the_server_goes_away(&format!(
        "target = \"tls:127.0.0.1:{TLS_PORT}\"\nca_file = \"{AUTHORITY}\""
    ));
}
