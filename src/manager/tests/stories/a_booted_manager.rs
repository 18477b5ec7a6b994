//! The management server under a real systemd, by the unit that is shipped: it is ready when it
//! listens, its watchdog is fed, it stops in time, and within its sandbox it reaches routers by ssh.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Config, Debian, Peer, about, events, eventually, program};

const UNIT: &str = include_str!("../../../../config/vrwatch-manager.service");
/// The machine is the router too, which is visited over its own loopback.
const PACKAGES: [&str; 5] = [
    "systemd-sysv",
    "dnsmasq",
    "procps",
    "openssh-server",
    "openssh-client",
];
const SERVICE: &str = "vrwatch-manager";
const ROUTER: &str = "r-42-VM";
const KEY: &str = "/etc/vrwatch/id";
const CONFIG: &str = "[ssh]\nkey_file = \"/etc/vrwatch/id\"\n\
    [poll]\ninterval = \"10s\"\n\
    [sink.local.syslog]\ntarget = \"unix:/dev/log\"\n";
/// Where it listens without a word in its configuration.
const LISTENS: ([u8; 4], u16) = ([127, 0, 0, 1], 8080);

/// A machine with the manager installed as README says, not running yet.
fn boot() -> Debian {
    let manager = PathBuf::from(env!("CARGO_BIN_EXE_vrwatch-manager"));
    let debian = Debian::boot_with(&PACKAGES, &[program(), manager]);
    let user = ["useradd", "--system", "vrwatch"];
    debian.router.run(user).expect_success();
    debian.router.write("/etc/vrwatch/manager.toml", CONFIG);
    debian.install("vrwatch-manager.service", UNIT);
    debian
}

/// A command of the manager, by its own user.
#[track_caller]
fn ask(debian: &Debian, command: &[&str]) -> String {
    let prefix = ["runuser", "-u", "vrwatch", "--", "vrwatch-manager"];
    let asked = debian.router.run(prefix.iter().chain(command));
    assert!(asked.status.success(), "{asked:#?}\n{}", debian.journal());
    asked.stdout
}

/// What it answers to this, asked once.
fn answer(debian: &Debian, path: &str) -> std::io::Result<String> {
    let connect = || TcpStream::connect(SocketAddr::from(LISTENS));
    let mut stream = debian.router.open_in_its_network(connect)?;
    stream.set_read_timeout(Some(Duration::from_mins(1)))?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: manager\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// What systemd lets the process do, from its own status.
fn allowed(debian: &Debian, name: &str) -> String {
    let pid = debian.property(SERVICE, "MainPID");
    let status = debian.router.run(["cat", &format!("/proc/{pid}/status")]);
    let line = status
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix(name));
    line.unwrap_or_default().trim().to_owned()
}

#[test]
fn it_is_ready_when_it_listens_and_reaches_routers_from_within_its_sandbox() {
    let debian = boot();
    let router = &debian.router;
    // The router: its own vrwatch, and an sshd that lets the manager in.
    debian.watch(
        &Peer::Dnsmasq.monitor_conf(),
        &Config::default().and("[sink.local.syslog]\ntarget = \"udp:127.0.0.1:9\""),
    );
    let keys = format!(
        "ssh-keygen -q -t ed25519 -N '' -f {KEY} && chown vrwatch {KEY} && \
         mkdir -p -m 700 /root/.ssh && cp {KEY}.pub /root/.ssh/authorized_keys"
    );
    router.run(["sh", "-c", &keys]).expect_success();
    router.write("/etc/ssh/sshd_config.d/port.conf", "Port 3922\n");
    debian.systemctl(&["restart", "ssh"]);
    debian.systemctl(&["start", "vrwatch"]);
    debian.systemctl(&["kill", "--signal=KILL", "dnsmasq"]);
    let told = eventually(
        "the router has told it",
        || Some(about(&events(router), Peer::Dnsmasq)).filter(|told| told.len() == 2),
        || debian.journal(),
    );

    debian.systemctl(&["start", SERVICE]);
    // At once: `start` returns when it has said that it is ready.
    let healthy = answer(&debian, "/healthz").unwrap();
    assert!(healthy.starts_with("HTTP/1.1 200"), "{healthy}");
    let ready = answer(&debian, "/readyz").unwrap();
    assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
    let sandbox = ["CapEff:", "CapBnd:", "NoNewPrivs:", "Seccomp:"].map(|it| allowed(&debian, it));
    let none = "0000000000000000";
    assert_eq!(sandbox, [none, none, "1", "2"]);

    let state = ["stat", "--format=%U %a", "/var/lib/vrwatch-manager"];
    assert_eq!(router.run(state).stdout, "vrwatch 700\n");
    ask(
        &debian,
        &["router", "add", ROUTER, "--address", "127.0.0.1"],
    );
    let stored = eventually(
        "it is visited over ssh",
        || {
            let stored = ask(&debian, &["--json", "alerts", "--router", ROUTER]);
            (stored.lines().count() == told.len()).then_some(stored)
        },
        || debian.journal(),
    );
    for line in stored.lines() {
        let alert: Value = serde_json::from_str(line).unwrap();
        assert_eq!(alert["via"], "visit", "{alert}");
    }
    for event in &told {
        assert!(stored.contains(&event.id), "{stored}");
    }
    // To what the sandbox leaves of /dev, from which Debian's journal has it.
    eventually(
        "the alert is forwarded to syslog",
        || debian.journal().contains("[ALERT] [dnsmasq]").then_some(()),
        || debian.journal(),
    );
    let journal = debian.journal();
    for words in ["first start", "listening"] {
        assert!(journal.contains(words), "no `{words}` in:\n{journal}");
    }

    // Somebody who keeps a connection does not hold the end up.
    let connect = || TcpStream::connect(SocketAddr::from(LISTENS));
    let _idle = router.open_in_its_network(connect).unwrap();
    debian.systemctl(&["stop", SERVICE]);
    assert_eq!(debian.property(SERVICE, "Result"), "success");
    debian.systemctl(&["start", SERVICE]);
    let again = ask(&debian, &["--json", "alerts", "--router", ROUTER]);
    assert_eq!(again, stored, "what was stored is there after the restart");
}

#[test]
fn while_it_goes_round_its_watchdog_is_fed_and_a_manager_that_stands_still_is_replaced() {
    let debian = boot();
    debian.router.write(
        "/etc/systemd/system/vrwatch-manager.service.d/impatient.conf",
        "[Service]\nWatchdogSec=2s\n",
    );
    debian.systemctl(&["daemon-reload"]);
    debian.systemctl(&["start", SERVICE]);
    let before = debian.property(SERVICE, "MainPID");
    let fed = || debian.property(SERVICE, "WatchdogTimestampMonotonic");
    for _ in 0..3 {
        let last = fed();
        eventually(
            "it is heard of",
            || (fed() != last).then_some(()),
            || debian.journal(),
        );
    }
    assert_eq!(debian.property(SERVICE, "NRestarts"), "0");
    debian.systemctl(&["kill", "--signal=STOP", SERVICE]);
    eventually(
        "systemd replaces it",
        || {
            let again = debian.property(SERVICE, "NRestarts") == "1"
                && debian.property(SERVICE, "ActiveState") == "active";
            again.then_some(())
        },
        || debian.journal(),
    );
    assert_ne!(debian.property(SERVICE, "MainPID"), before);
    let healthy = answer(&debian, "/healthz").unwrap();
    assert!(healthy.starts_with("HTTP/1.1 200"), "{healthy}");
    let journal = debian.journal();
    let said = "vrwatch-manager.service: Watchdog timeout";
    assert!(journal.contains(said), "{journal}");
}

#[test]
fn one_that_cannot_listen_is_never_said_to_be_ready() {
    let debian = boot();
    let config = format!("[http]\nlisten = \"192.0.2.1:8080\"\ninsecure = true\n{CONFIG}");
    debian.router.write("/etc/vrwatch/manager.toml", &config);
    let start = debian.router.run(["systemctl", "start", SERVICE]);
    assert!(!start.status.success(), "{start:#?}");
    assert_ne!(debian.property(SERVICE, "ActiveState"), "active");
    assert!(debian.journal().contains("192.0.2.1:8080"));
}
