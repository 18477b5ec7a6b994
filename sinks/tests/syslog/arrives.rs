//! Every line arrives, and the receiver understands every part of it: each transport in each
//! format.

use crate::events::{later, numbered, outage, sink};
use crate::rsyslogd::Rsyslogd;

async fn deliver_outage(rsyslogd: &Rsyslogd, transport: &str, format: &str) {
    let mut section = format!(
        "target = \"{}\"\nformat = \"{format}\"\nfacility = \"local3\"\n",
        rsyslogd.target(transport)
    );
    if transport == "tls" {
        section += &rsyslogd.trusted();
    }
    sink(&section).deliver(&outage()).await.unwrap();
}

fn texts(rsyslogd: &Rsyslogd) -> Vec<String> {
    rsyslogd
        .wait_for(3)
        .into_iter()
        .map(|line| {
            line.text
                .trim_start()
                .trim_start_matches('\u{feff}')
                .to_owned()
        })
        .collect()
}

const TEXTS: [&str; 3] = [
    "[ALERT] [dnsmasq] is down: process 812 is gone (ended by SIGKILL); noticed at 11:47:28",
    "[ALERT] [dnsmasq] restart failed after 5 attempts (exit 1: \"dnsmasq: unknown 'option' ] / naïve \\ line\"); unmonitored until 12:17:33",
    "[INFO] [dnsmasq] restarted as process 901 after 1 attempt; it was down for 5.0s",
];

#[tokio::test]
async fn rfc_3164_arrives_over_every_transport() {
    for transport in ["unix", "udp", "tcp", "tls"] {
        let rsyslogd = Rsyslogd::started();
        deliver_outage(&rsyslogd, transport, "rfc3164").await;
        assert_eq!(texts(&rsyslogd), TEXTS, "{transport}");
        for (line, severity) in rsyslogd.received().iter().zip([2, 1, 5]) {
            let host = if transport == "unix" {
                "localbox"
            } else {
                "r-42-VM"
            };
            assert_eq!(line.host, host, "{transport}");
            assert_eq!(line.tag, format!("monit[{}]:", std::process::id()));
            assert_eq!(line.priority, (19 * 8 + severity).to_string());
            assert!(line.time.contains("-11-02T11:47:33"), "{line:?}");
        }
    }
}

#[tokio::test]
async fn rfc_5424_arrives_over_every_transport_with_its_structured_data() {
    for transport in ["unix5424", "udp", "tcp", "tls"] {
        let rsyslogd = Rsyslogd::started();
        deliver_outage(&rsyslogd, transport, "rfc5424").await;
        assert_eq!(texts(&rsyslogd), TEXTS, "{transport}");
        let lines = rsyslogd.received();
        let kinds = ["service_down", "restart_failed", "restarted"];
        for ((line, severity), kind) in lines.iter().zip([2, 1, 5]).zip(kinds) {
            assert_eq!(line.host, "r-42-VM");
            assert_eq!(line.tag, format!("monit[{}]", std::process::id()));
            assert_eq!(line.priority, (19 * 8 + severity).to_string());
            assert_eq!(line.id, kind);
            assert_eq!(line.time, "2026-11-02T11:47:33.207Z");
        }
        assert_eq!(
            lines[1].data,
            concat!(
                "[alarm eventType=\"processingErrorAlarm\" perceivedSeverity=\"critical\" ",
                "probableCause=\"softwareProgramAbnormallyTerminated\" resource=\"dhcp\" ",
                "trendIndication=\"moreSevere\"]",
                "[vrwatch@32473 and_id=\"id000003\" and_kind=\"unmonitored\" and_seq=\"3\" ",
                "id=\"id000002\" kind=\"restart_failed\" outage=\"outage-7\" ",
                "process=\"dnsmasq\" router=\"r-42-VM\" seq=\"2\" service=\"dhcp\"]",
            )
        );
    }
}

#[tokio::test]
async fn a_receiver_that_is_away_and_returns_gets_what_it_missed() {
    let mut rsyslogd = Rsyslogd::new();
    let mut sinks: Vec<_> = ["unix", "udp", "tcp", "tls"]
        .into_iter()
        .map(|transport| {
            let target = rsyslogd.target(transport);
            let tls = if transport == "tls" {
                rsyslogd.trusted()
            } else {
                String::new()
            };
            sink(&format!("target = \"{target}\"\ntimeout = \"5s\"\n{tls}"))
        })
        .collect();
    let batch: Vec<_> = (1..=2).map(numbered).collect();
    let mut words = Vec::new();
    for sink in &mut sinks {
        words.push(later(sink.as_mut(), &batch).await);
    }
    assert!(words[0].contains("no syslog daemon runs"), "{}", words[0]);
    for refused in &words[1..] {
        assert!(refused.contains("Connection refused"), "{refused}");
    }
    rsyslogd.start();
    for sink in &mut sinks {
        sink.deliver(&batch).await.unwrap();
    }
    let lines = rsyslogd.wait_for(8);
    for id in ["<id000001>", "<id000002>"] {
        let times = lines.iter().filter(|line| line.text.contains(id)).count();
        assert_eq!(times, 4, "{lines:#?}");
    }
}
