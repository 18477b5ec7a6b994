//! What vrwatch has to do with systemd, seen from a socket that listens in its place: it says that
//! it is ready, how things stand, that it lives and that it stops; and it stops in time.

use std::cell::RefCell;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use crate::harness::syslog::{AUTHORITY, PORT, TLS_PORT};
use crate::harness::{Config, Router, Sleepers, Syslog, Vrwatch, about, eventually, kinds};

const SOCKET: &str = "/run/box/notify";
const BACK: [&str; 2] = ["service_down", "restarted"];
/// After that systemd would end it by force.
const STOP_TIMEOUT: &str = "TimeoutStopSec=15s";

/// Listens in systemd's place.
struct Listener {
    socket: UnixDatagram,
    heard: RefCell<Vec<String>>,
}

impl Listener {
    fn bind(router: &Router) -> Self {
        let socket = UnixDatagram::bind(router.path(SOCKET)).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self {
            socket,
            heard: RefCell::default(),
        }
    }

    /// Every line so far.
    fn lines(&self) -> Vec<String> {
        let mut message = [0; 4096];
        while let Ok(length) = self.socket.recv(&mut message) {
            let text = std::str::from_utf8(&message[..length]).unwrap();
            self.heard
                .borrow_mut()
                .extend(text.lines().map(str::to_owned));
        }
        self.heard.borrow().clone()
    }

    fn count(&self, line: &str) -> usize {
        self.lines().iter().filter(|heard| *heard == line).count()
    }

    #[track_caller]
    fn until(&self, line: &str, count: usize) {
        eventually(
            &format!("systemd hears {line} {count} times"),
            || (self.count(line) >= count).then_some(()),
            || self.lines().join("\n"),
        );
    }
}

fn config() -> Config {
    Config::short().and(&Sleepers::tables(&["one"]))
}

/// With everything that is told in the syslog server's file by its id.
fn config_over(target: &str) -> Config {
    config().and(&format!(
        "[sink.local.syslog]\ntarget = \"{target}\"\nformat = \"rfc5424\"\ntimeout = \"1s\""
    ))
}

/// SIGTERM, and meanwhile whatever else may come; it ends well and before systemd loses patience.
#[track_caller]
fn it_stops_in_time(router: &Router, vrwatch: &mut Vrwatch<'_>, meanwhile: impl FnOnce()) {
    let unit = include_str!("../../config/vrwatch.service");
    assert!(unit.contains(STOP_TIMEOUT), "the limit below is this one");
    let start = Instant::now();
    router.signal(vrwatch.pid(), "TERM");
    meanwhile();
    let status = vrwatch.until_it_ends();
    assert!(status.success(), "{status}: {}", vrwatch.stderr());
    let took = start.elapsed();
    assert!(took < Duration::from_secs(15), "it took {took:?}");
}

#[test]
fn systemd_hears_that_it_is_ready_how_things_stand_and_that_it_stops() {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["one"]);
    let systemd = Listener::bind(&router);
    let mut vrwatch = Vrwatch::start_within(&router, &config(), &[("NOTIFY_SOCKET", SOCKET)]);
    systemd.until("READY=1", 1);
    systemd.until("STATUS=1 up, 0 down, 0 left alone", 1);
    sleepers.spoil("one");
    sleepers.kill9("one");
    systemd.until("STATUS=0 up, 1 down, 0 left alone", 1);
    systemd.until("STATUS=0 up, 0 down, 1 left alone", 1);
    assert_eq!(systemd.count("STOPPING=1"), 0);
    assert!(vrwatch.term().success());
    systemd.until("STOPPING=1", 1);
    assert_eq!(systemd.count("READY=1"), 1);
}

#[test]
fn the_watchdog_is_fed_while_the_daemon_goes_round_and_not_when_it_stands_still() {
    let router = Router::boot();
    Sleepers::start(&router, &["one"]);
    let systemd = Listener::bind(&router);
    let environment = [("NOTIFY_SOCKET", SOCKET), ("WATCHDOG_USEC", "400000")];
    let vrwatch = Vrwatch::start_within(&router, &config(), &environment);
    // Nothing happens, and still it is heard of.
    systemd.until("WATCHDOG=1", 5);
    router.signal(vrwatch.pid(), "STOP");
    eventually(
        "it stands still",
        || (router.state(vrwatch.pid()) == Some('T')).then_some(()),
        || router.processes(),
    );
    let before = systemd.count("WATCHDOG=1");
    std::thread::sleep(Duration::from_millis(800));
    assert_eq!(systemd.count("WATCHDOG=1"), before);
    router.signal(vrwatch.pid(), "CONT");
    systemd.until("WATCHDOG=1", before + 2);
}

#[test]
fn without_a_watchdog_it_speaks_only_when_something_changes() {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["one"]);
    let systemd = Listener::bind(&router);
    let vrwatch = Vrwatch::start_within(&router, &config(), &[("NOTIFY_SOCKET", SOCKET)]);
    sleepers.kill_and_see_it_back(&vrwatch, "one");
    vrwatch.ask(&["status"]).expect_success();
    let up = "STATUS=1 up, 0 down, 0 left alone";
    let down = "STATUS=0 up, 1 down, 0 left alone";
    let states: Vec<String> = systemd
        .lines()
        .into_iter()
        .filter(|line| line.starts_with("STATUS="))
        .collect();
    assert_eq!(states, [up, down, up]);
}

#[test]
fn what_syslog_has_not_got_yet_reaches_it_before_the_end() {
    let router = Router::boot();
    let syslog = Syslog::start(&router);
    let sleepers = Sleepers::start(&router, &["one"]);
    let config = config_over(&format!("tcp:127.0.0.1:{PORT}"));
    let mut vrwatch = Vrwatch::start_over(&router, &config);
    syslog.stop();
    for _ in 0..3 {
        sleepers.kill_and_see_it_back(&vrwatch, "one");
    }
    vrwatch.until_told("one", &BACK.repeat(3));
    syslog.start_again();
    it_stops_in_time(&router, &mut vrwatch, || ());
    let ids: Vec<String> = vrwatch.events().into_iter().map(|event| event.id).collect();
    eventually(
        "rsyslogd has written what it took",
        || ids.iter().all(|id| syslog.ids().contains(id)).then_some(()),
        || syslog.lines().join("\n"),
    );
}

#[test]
fn a_syslog_that_hangs_does_not_keep_it_from_stopping_and_gets_the_rest_from_the_next() {
    let router = Router::boot();
    let syslog = Syslog::start(&router);
    let sleepers = Sleepers::start(&router, &["one"]);
    let config = config_over(&format!("tls:127.0.0.1:{TLS_PORT}"))
        .and(&format!("[sink.local.syslog]\nca_file = \"{AUTHORITY}\""));
    let mut vrwatch = Vrwatch::start_over(&router, &config);
    // The kernel still accepts for it, and nobody ever answers.
    router.signal(syslog.pid(), "STOP");
    sleepers.kill_and_see_it_back(&vrwatch, "one");
    let hup_again_and_again = || {
        for _ in 0..3 {
            router
                .run(["pkill", "-HUP", "-x", "vrwatch"])
                .expect_success();
        }
    };
    it_stops_in_time(&router, &mut vrwatch, hup_again_and_again);
    assert_eq!(kinds(&vrwatch.events()), BACK);
    router.signal(syslog.pid(), "CONT");
    vrwatch.start_again();
    let ids: Vec<String> = vrwatch.events().into_iter().map(|event| event.id).collect();
    eventually(
        "the next one tells it",
        || ids.iter().all(|id| syslog.ids().contains(id)).then_some(()),
        || vrwatch.failure(),
    );
}

#[test]
fn a_restart_command_that_runs_may_end_and_the_next_daemon_tells_how_it_went() {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["one"]);
    let config = config().and("[monitor.restart]\nsettle = \"1s\"");
    let mut vrwatch = Vrwatch::start_over(&router, &config);
    sleepers.hold_up("one");
    sleepers.kill9("one");
    sleepers.until_its_start_begins("one");
    it_stops_in_time(&router, &mut vrwatch, || sleepers.let_go("one"));
    let pid = sleepers.until_it_lives("one");
    vrwatch.start_again();
    let events = vrwatch.until_told("one", &BACK);
    assert_eq!(events[0].outage, events[1].outage);
    assert_eq!(
        sleepers.pid_of("one"),
        Some(pid),
        "it is not restarted twice"
    );
    assert_eq!(about(&vrwatch.events(), "one").len(), 2);
}
