//! One receiver after the other is dead in every way it can be, while services die in a storm. All
//! the others are told everything meanwhile, memory stays bounded, and once the receiver is back
//! everything arrives there too, in the order in which it happened to each service.

use std::collections::HashMap;

use contract::Event;

use crate::harness::receivers::fault::{Fault, Lasting};
use crate::harness::receivers::{
    Catcher, Exim, PollLog, Snmptrapd, exim, missing, snmptrapd, without_repetitions,
};
use crate::harness::syslog::SOCKET_5424;
use crate::harness::{Config, Router, Sleepers, Syslog, Vrwatch, eventually};

const NAMES: [&str; 4] = ["surf-0", "surf-1", "surf-2", "surf-3"];
/// How often each of them dies while a receiver is dead.
const ROUNDS: usize = 2;
const WEB_PORT: u16 = 8081;
/// Where the receivers are, and by which other name the mortal one is found.
const HOST: &str = "localhost";
const NAME: &str = "peer.test";
const DNS_PORT: u16 = 53;
/// What the daemon may have in memory beside its program file; bytes. It needs a third of it.
const MOST_MEMORY: u64 = 8 << 20;

/// What is wrong for a while.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// Something else stands in the receiver's place.
    Peer(Fault),
    /// The name server says that it does not work.
    NoName,
    /// The name server says nothing.
    SilentNames,
}

/// One of the receivers, and how it goes away and comes back.
trait Mortal {
    /// The name of its sink.
    fn sink(&self) -> &'static str;
    /// Its port on TCP or UDP is free.
    fn go_away(&mut self);
    fn come_back(&mut self);
    /// Takes the free port.
    fn replace(&self, router: &Router, fault: Fault) -> Lasting;
    /// What it was told: the ids, in order.
    fn ids(&self) -> Vec<String>;
}

impl Mortal for Catcher<'_> {
    fn sink(&self) -> &'static str {
        "management"
    }
    fn go_away(&mut self) {
        self.go_away();
    }
    fn come_back(&mut self) {
        self.come_back();
    }
    fn replace(&self, router: &Router, fault: Fault) -> Lasting {
        fault.on_tcp(router, WEB_PORT)
    }
    fn ids(&self) -> Vec<String> {
        self.ids()
    }
}

impl Mortal for Exim<'_> {
    fn sink(&self) -> &'static str {
        "admins"
    }
    fn go_away(&mut self) {
        (*self).go_away();
    }
    fn come_back(&mut self) {
        (*self).come_back();
    }
    fn replace(&self, router: &Router, fault: Fault) -> Lasting {
        fault.on_tcp(router, exim::PORT)
    }
    fn ids(&self) -> Vec<String> {
        self.ids()
    }
}

impl Mortal for Snmptrapd<'_> {
    fn sink(&self) -> &'static str {
        "nms"
    }
    fn go_away(&mut self) {
        (*self).go_away();
    }
    fn come_back(&mut self) {
        (*self).come_back();
    }
    fn replace(&self, router: &Router, fault: Fault) -> Lasting {
        fault.on_udp(router, snmptrapd::PORT)
    }
    fn ids(&self) -> Vec<String> {
        self.ids()
    }
}

impl Mortal for PollLog<'_> {
    fn sink(&self) -> &'static str {
        "legacy"
    }
    fn go_away(&mut self) {
        (*self).go_away();
    }
    fn come_back(&mut self) {
        (*self).come_back();
    }
    fn replace(&self, _: &Router, _: Fault) -> Lasting {
        Lasting::Down
    }
    fn ids(&self) -> Vec<String> {
        self.ids()
    }
}

/// A storm, all those who are told of it, and which of them is the one that dies.
struct World<'router> {
    router: &'router Router,
    sleepers: Sleepers<'router>,
    vrwatch: Vrwatch<'router>,
    syslog: Syslog<'router>,
    receivers: Vec<Box<dyn Mortal + 'router>>,
    mortal: usize,
    rounds: usize,
}

impl<'router> World<'router> {
    fn in_a(router: &'router Router, sink: &str) -> Self {
        let syslog = Syslog::start(router);
        let receivers: Vec<Box<dyn Mortal>> = vec![
            Box::new(Catcher::start(router, WEB_PORT)),
            Box::new(Exim::start(router)),
            Box::new(Snmptrapd::start(router)),
            Box::new(PollLog::of(router)),
        ];
        let mortal = receivers.iter().position(|it| it.sink() == sink);
        router.write(
            "/etc/resolv.conf",
            "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
        );
        know_the_name(router, true);
        let sleepers = Sleepers::start(router, &NAMES);
        let host = |of| if of == sink { NAME } else { HOST };
        let config = Config::short().and(&Sleepers::tables(&NAMES)).and(&format!(
            r#"
            [sink.local.syslog]
            target = "unix:{SOCKET_5424}"
            format = "rfc5424"
            flood = false
            [sink.management.http]
            url = "http://{web}:{WEB_PORT}/"
            compress = "none"
            timeout = "1s"
            flood = false
            [sink.admins.email]
            {email}
            flood = false
            [sink.nms.snmp]
            {snmp}
            flood = false
            [sink.legacy.poll]
            {poll}
            flood = false
            "#,
            web = host("management"),
            email = Exim::section(host("admins")),
            snmp = Snmptrapd::section(host("nms")),
            poll = PollLog::section(),
        ));
        Self {
            router,
            sleepers,
            vrwatch: Vrwatch::start_over(router, &config),
            syslog,
            receivers,
            mortal: mortal.unwrap(),
            rounds: 0,
        }
    }

    /// Every service is killed once; returns when all of them are up again, whoever is told.
    #[track_caller]
    fn round(&mut self) {
        let killed: Vec<u32> = NAMES.iter().map(|name| self.sleepers.kill9(name)).collect();
        eventually(
            "all are restarted",
            || {
                let status = self.vrwatch.status()?;
                let services = status["services"].as_array()?;
                let back = |(service, killed): (&serde_json::Value, &u32)| {
                    service["state"] == "up" && service["pid"] != *killed
                };
                services.iter().zip(&killed).all(back).then_some(())
            },
            || self.vrwatch.failure(),
        );
        self.rounds += 1;
    }

    /// The receiver is in this trouble during a storm, and then no longer.
    #[track_caller]
    fn live_through(&mut self, trouble: Trouble) {
        let lasting = self.begin(trouble);
        for _ in 0..ROUNDS {
            self.round();
        }
        let events = self.everything_so_far();
        self.all_but_the_mortal_are_told(&events);
        let failing = eventually(
            "the failure is shown",
            || {
                self.status_of_the_mortal()
                    .filter(|sink| sink["failing_since"].is_string())
            },
            || self.vrwatch.failure(),
        );
        assert!(failing["pending"].as_u64().unwrap() > 0, "{failing:#}");
        assert!(failing["last_error"].is_string(), "{failing:#}");
        let memory = self.memory();
        println!("{trouble:?}: {memory} bytes in memory");
        assert!(memory < MOST_MEMORY, "{memory} bytes");
        drop(lasting);
        self.end(trouble);
        let mortal = &self.receivers[self.mortal];
        self.until_told(mortal.sink(), &events, || mortal.ids());
        in_order_of_each_service(&events, &mortal.ids());
    }

    fn begin(&mut self, trouble: Trouble) -> Lasting {
        match trouble {
            Trouble::Peer(fault) => {
                let mortal = &mut self.receivers[self.mortal];
                mortal.go_away();
                mortal.replace(self.router, fault)
            }
            Trouble::NoName => {
                know_the_name(self.router, false);
                Lasting::Down
            }
            Trouble::SilentNames => {
                know_the_name(self.router, false);
                Fault::Silent.on_udp(self.router, DNS_PORT)
            }
        }
    }

    fn end(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Peer(_) => self.receivers[self.mortal].come_back(),
            Trouble::NoName | Trouble::SilentNames => know_the_name(self.router, true),
        }
    }

    /// All the events of the rounds so far.
    #[track_caller]
    fn everything_so_far(&self) -> Vec<Event> {
        let count = 2 * NAMES.len() * self.rounds;
        self.vrwatch
            .until("all is in the journal", |events| events.len() == count)
    }

    /// Syslog and every other receiver is told, while one is dead.
    #[track_caller]
    fn all_but_the_mortal_are_told(&self, events: &[Event]) {
        for (index, other) in self.receivers.iter().enumerate() {
            if index != self.mortal {
                self.until_told(other.sink(), events, || other.ids());
            }
        }
        self.until_told("local", events, || self.syslog.ids());
    }

    #[track_caller]
    fn until_told(&self, sink: &str, events: &[Event], ids: impl Fn() -> Vec<String>) {
        eventually(
            &format!("{sink} is told everything"),
            || missing(events, &ids()).is_empty().then_some(()),
            || format!("{:#?}\n{}", missing(events, &ids()), self.vrwatch.failure()),
        );
    }

    fn status_of_the_mortal(&self) -> Option<serde_json::Value> {
        let name = self.receivers[self.mortal].sink();
        let status = self.vrwatch.status()?;
        let mut sinks = status["sinks"].as_array()?.iter();
        sinks.find(|sink| sink["name"] == name).cloned()
    }

    /// What the daemon has in memory beside its program file, in bytes.
    fn memory(&self) -> u64 {
        let status = self
            .router
            .read(&format!("/proc/{}/status", self.vrwatch.pid()));
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let kilobytes = line.unwrap().trim().strip_suffix(" kB").unwrap();
        kilobytes.parse::<u64>().unwrap() << 10
    }

    /// Nothing more comes; what anybody was told is what happened.
    fn nobody_was_told_anything_else(mut self) {
        let events = self.everything_so_far();
        assert!(self.vrwatch.term().success());
        assert_eq!(self.vrwatch.events(), events);
        for receiver in &self.receivers {
            let ids = receiver.ids();
            assert_eq!(
                missing(&events, &ids),
                Vec::<&Event>::new(),
                "{}",
                receiver.sink()
            );
            assert_eq!(
                without_repetitions(&ids).len(),
                events.len(),
                "{}",
                receiver.sink()
            );
        }
    }
}

/// Whether the receivers' name is in the box's list, before the name server is asked.
fn know_the_name(router: &Router, known: bool) {
    let name = if known { NAME } else { "" };
    router.write("/etc/hosts", &format!("127.0.0.1 {HOST} {name}\n"));
}

/// When equal ids are removed, what is left is in order for each service.
#[track_caller]
fn in_order_of_each_service(events: &[Event], ids: &[String]) {
    let by_id: HashMap<&str, &Event> = events
        .iter()
        .map(|event| (event.id.as_str(), event))
        .collect();
    let mut last: HashMap<&str, u64> = HashMap::new();
    for id in without_repetitions(ids) {
        let event = by_id[id];
        let before = last.insert(event.service.as_deref().unwrap(), event.seq);
        assert!(
            before < Some(event.seq),
            "{event:?} came after number {before:?}"
        );
    }
}

/// The receiver of this sink is in these troubles, one after the other.
#[track_caller]
fn lives_through(sink: &str, troubles: &[Trouble]) {
    let router = Router::boot();
    let mut world = World::in_a(&router, sink);
    for trouble in troubles {
        world.live_through(*trouble);
    }
    world.nobody_was_told_anything_else();
}

#[test]
fn a_webhook_that_is_dead_in_any_way_keeps_nobody_else_from_being_told() {
    const ERROR: &str = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 4\r\n\r\noops";
    const BUSY: &str = "HTTP/1.1 429 Too Many\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
    let cut = Fault::Says("HTTP/1.1 204 No Con");
    lives_through(
        "management",
        &[
            Trouble::Peer(Fault::Down),
            Trouble::Peer(Fault::Silent),
            Trouble::Peer(Fault::Says(ERROR)),
            Trouble::Peer(Fault::Says(BUSY)),
            Trouble::Peer(cut),
            Trouble::NoName,
            Trouble::SilentNames,
        ],
    );
}

#[test]
fn a_mail_server_that_is_dead_in_any_way_keeps_nobody_else_from_being_told() {
    let busy = Fault::Says("421 mx.example Service not available, closing channel\r\n");
    lives_through(
        "admins",
        &[
            Trouble::Peer(Fault::Down),
            Trouble::Peer(Fault::Silent),
            Trouble::Peer(busy),
            Trouble::Peer(Fault::Says("220-mx.exa")),
            Trouble::NoName,
            Trouble::SilentNames,
        ],
    );
}

#[test]
fn a_management_system_that_is_dead_in_any_way_keeps_nobody_else_from_being_told() {
    lives_through(
        "nms",
        &[
            Trouble::Peer(Fault::Down),
            Trouble::Peer(Fault::Silent),
            Trouble::NoName,
            Trouble::SilentNames,
        ],
    );
}

#[test]
fn a_log_that_cannot_be_written_keeps_nobody_else_from_being_told() {
    lives_through("legacy", &[Trouble::Peer(Fault::Down)]);
}
