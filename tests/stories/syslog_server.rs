//! A real rsyslogd gets every line over each transport, also those of a time when it was away; and
//! its absence holds nothing up.

use crate::harness::syslog::{AUTHORITY, PORT, TLS_PORT};
use crate::harness::{Config, Peer, Router, Syslog, Vrwatch};

const PEER: Peer = Peer::Haproxy;
const TOLD: [&str; 2] = ["service_down", "restarted"];

/// Over every transport that can tell whether the far side took it: one outage before, two while
/// the server is away, one after.
fn nothing_is_lost_while_the_server_is_away(sink: &str) {
    let router = Router::running(&[PEER]);
    let syslog = Syslog::start(&router);
    let config = Config::short().and(sink);
    let mut vrwatch = Vrwatch::start(&router, &[PEER], &config);
    let mut told = Vec::new();
    let mut outage = |vrwatch: &Vrwatch<'_>| {
        router.until_it_answers(PEER);
        router.kill9(PEER);
        told.extend(TOLD);
        vrwatch.until_told(PEER, &told);
    };
    outage(&vrwatch);
    syslog.until(2, "[haproxy]");
    syslog.stop();
    outage(&vrwatch);
    outage(&vrwatch);
    syslog.start_again();
    outage(&vrwatch);
    let lines = syslog.until(8, "[haproxy]");
    assert!(vrwatch.term().success());
    // At least once: a line may come twice, but every one comes, and the first ones in order.
    let mut pids: Vec<&str> = Vec::new();
    for line in lines
        .iter()
        .filter(|line| line.contains("restarted as process"))
    {
        let (_, rest) = line.split_once("restarted as process ").unwrap();
        let pid = rest.split(' ').next().unwrap();
        if !pids.contains(&pid) {
            pids.push(pid);
        }
    }
    let expected: Vec<String> = vrwatch
        .events()
        .iter()
        .filter_map(|event| match event.fact {
            contract::Fact::Restarted { pid, .. } => Some(pid.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(pids, expected, "{lines:#?}");
}

#[test]
fn nothing_is_lost_over_the_local_socket_while_the_server_is_away() {
    nothing_is_lost_while_the_server_is_away("");
}

#[test]
fn nothing_is_lost_over_tcp_while_the_server_is_away() {
    nothing_is_lost_while_the_server_is_away(&format!(
        "[sink.local.syslog]\ntarget = \"tcp:127.0.0.1:{PORT}\"\nformat = \"rfc5424\""
    ));
}

#[test]
fn nothing_is_lost_over_tls_while_the_server_is_away() {
    nothing_is_lost_while_the_server_is_away(&format!(
        "[sink.local.syslog]\ntarget = \"tls:127.0.0.1:{TLS_PORT}\"\nformat = \"rfc5424\"\n\
         ca_file = \"{AUTHORITY}\""
    ));
}

#[test]
fn a_server_that_is_there_gets_every_line_over_udp() {
    let router = Router::running(&[PEER]);
    let syslog = Syslog::start(&router);
    let udp =
        format!("[sink.local.syslog]\ntarget = \"udp:127.0.0.1:{PORT}\"\nformat = \"rfc5424\"");
    let mut vrwatch = Vrwatch::start(&router, &[PEER], &Config::short().and(&udp));
    router.kill9(PEER);
    vrwatch.until_told(PEER, &TOLD);
    let lines = syslog.until(2, "[haproxy]");
    assert!(
        lines.iter().all(|line| line.starts_with("imudp|")),
        "{lines:#?}"
    );
    assert!(lines[0].contains("[alarm "), "RFC 5674's data: {lines:#?}");
    assert!(vrwatch.term().success());
}
