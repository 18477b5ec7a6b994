//! Every dialect of SNMP arrives at snmptrapd, which prints it with the names of both MIBs.

use crate::events::{delivered, event, every_kind, sink, test_event};
use crate::snmptrapd::{PROTECTIONS, Received, Snmptrapd, USUAL};

/// What every notification begins with. Source: RFC 3416 §4.2.6.
fn assert_begins_as_it_must(received: &Received, name: &str) {
    assert_eq!(received.values[0].0, "SNMPv2-MIB::sysUpTime.0");
    assert!(received.values[0].1.starts_with("Timeticks: "));
    assert_eq!(received.values[1].0, "SNMPv2-MIB::snmpTrapOID.0");
    assert_eq!(received.values[1].1, format!("OID: {name}"));
}

#[tokio::test]
async fn every_kind_of_event_arrives_with_the_names_and_values_of_our_mib() {
    let snmptrapd = Snmptrapd::started();
    let mut sink = sink(&snmptrapd.v2c("inform"), snmptrapd.folder());
    let mut events = every_kind();
    let mut sum = events[6].clone();
    (sum.id, sum.outage) = ("id000014".into(), None);
    assert!(sum.sums_up());
    events.push(sum);
    delivered(sink.as_mut(), &events).await;
    let received = snmptrapd.wait_for(14);
    let names = [
        "ServiceDown",
        "Restarted",
        "RestartFailed",
        "Unmonitored",
        "Recovered",
        "Remonitored",
        "AlertsDropped",
        "Test",
        "Other",
        "RouterUnreachable",
        "RouterReachable",
        "StormBegan",
        "StormEnded",
        "SummedUp",
    ];
    for (received, name) in received.iter().zip(names) {
        assert!(received.how.starts_with("INFORM, SNMP v2c"), "{received:?}");
        assert_begins_as_it_must(received, &format!("VRWATCH-MIB::vrwatch{name}"));
        for (name, _) in &received.values[2..] {
            assert!(name.starts_with("VRWATCH-MIB::vrwatch"), "{received:?}");
        }
    }
    let of = |index: usize, name: &str| {
        received[index]
            .printed(&format!("VRWATCH-MIB::vrwatch{name}.0"))
            .to_owned()
    };
    assert_eq!(of(0, "EventId"), "STRING: id000001");
    assert_eq!(of(0, "Seq"), "Counter64: 1");
    assert_eq!(of(0, "Router"), "STRING: r-42-VM");
    assert_eq!(of(0, "Service"), "STRING: dhcp");
    assert_eq!(of(0, "Process"), "STRING: dnsmasq");
    assert_eq!(of(0, "Outage"), "STRING: outage-7");
    assert_eq!(of(0, "Severity"), "INTEGER: major(4)");
    assert_eq!(of(0, "LastPid"), "Gauge32: 812");
    assert_eq!(of(0, "Signal"), "INTEGER: 9");
    assert!(
        of(0, "Time").starts_with("STRING: 2026-11-2,"),
        "{}",
        of(0, "Time")
    );
    assert!(of(0, "Sentence").contains("dnsmasq is down"));
    assert_eq!(of(1, "Severity"), "INTEGER: cleared(1)");
    assert_eq!(of(1, "Outage"), of(0, "Outage"));
    assert_eq!(of(1, "Pid"), "Gauge32: 901");
    assert_eq!(of(1, "Attempts"), "Gauge32: 2");
    assert_eq!(of(1, "Downtime"), "Gauge32: 5170 milliseconds");
    assert_eq!(of(2, "ExitStatus"), "INTEGER: 1");
    assert!(of(2, "Output").contains("unknown"), "{}", of(2, "Output"));
    assert!(of(3, "Until").starts_with("STRING: 2026-11-2,"));
    assert_eq!(of(5, "Severity"), "INTEGER: indeterminate(2)");
    assert_eq!(of(6, "LostCount"), "Counter64: 3");
    assert_eq!(of(8, "Kind"), "STRING: service_tired");
    assert_eq!(of(11, "Zone"), "STRING: zone-1");
    assert_eq!(of(11, "Routers"), "Gauge32: 200");
    assert_eq!(of(12, "Services"), "Gauge32: 611");
    assert_eq!(of(12, "StillDown"), "Gauge32: 3");
    assert_eq!(of(13, "SummedCount"), "Counter64: 3");
    assert_eq!(of(13, "LastSeq"), "Counter64: 6");
    assert!(
        !of(13, "Sentence").contains("lost"),
        "{}",
        of(13, "Sentence")
    );
}

#[tokio::test]
async fn every_event_arrives_as_cloudstacks_trap_with_its_varbinds() {
    let snmptrapd = Snmptrapd::started();
    let section = snmptrapd.v2c("trap") + "mib = \"cloudstack\"\ndata_center_id = 1\npod_id = 2\n";
    let mut sink = sink(&section, snmptrapd.folder());
    delivered(sink.as_mut(), &every_kind()).await;
    for received in snmptrapd.wait_for(13) {
        assert!(received.how.starts_with("TRAP2, SNMP v2c"), "{received:?}");
        assert_begins_as_it_must(&received, "CS-ROOT-MIB::domainRouterVmState");
        let names: Vec<_> = received.values[2..]
            .iter()
            .map(|(name, _)| name.trim_start_matches("CS-ROOT-MIB::"))
            .collect();
        assert_eq!(
            names,
            [
                "dataCenterId.0",
                "podId.0",
                "clusterId.0",
                "message.0",
                "generationTime.0"
            ]
        );
        assert_eq!(
            received.printed("CS-ROOT-MIB::dataCenterId.0"),
            "Gauge32: 1"
        );
        assert_eq!(received.printed("CS-ROOT-MIB::podId.0"), "Gauge32: 2");
        assert_eq!(received.printed("CS-ROOT-MIB::clusterId.0"), "Gauge32: 0");
        let message = received.value("CS-ROOT-MIB::message.0");
        let about = ["dnsmasq ", "router ", "zone zone-1 "].map(|it| format!("r-42-VM: {it}"));
        assert!(
            about
                .iter()
                .any(|about| message.starts_with(about.as_str())),
            "{message}"
        );
        assert!(
            message.contains("[outage outage-7] [event id0000"),
            "{message}"
        );
        assert_eq!(
            received.value("CS-ROOT-MIB::generationTime.0"),
            "Mon Nov 02 11:47:33 UTC 2026"
        );
    }
}

#[tokio::test]
async fn informs_arrive_signed_and_encrypted_in_every_way_that_net_snmp_knows() {
    let snmptrapd = Snmptrapd::started();
    for (count, protection) in (1..).zip(PROTECTIONS) {
        let section = snmptrapd.v3("inform", *protection);
        let mut sink = sink(&section, snmptrapd.folder());
        delivered(sink.as_mut(), &[test_event(count as u64)]).await;
        let received = snmptrapd.wait_for(count);
        let last = received.last().unwrap();
        let how = format!("INFORM, SNMP v3, user {}", protection.user());
        assert!(last.how.starts_with(&how), "{last:?}");
        assert_eq!(received.len(), count);
    }
}

#[tokio::test]
async fn traps_arrive_signed_and_encrypted_in_every_way_that_net_snmp_knows() {
    let snmptrapd = Snmptrapd::started();
    for (count, protection) in (1..).zip(PROTECTIONS) {
        let section = snmptrapd.v3("trap", *protection) + &Snmptrapd::our_engine();
        let mut sink = sink(&section, snmptrapd.folder());
        delivered(sink.as_mut(), &[test_event(count as u64)]).await;
        let received = snmptrapd.wait_for(count);
        let last = received.last().unwrap();
        let how = format!("TRAP2, SNMP v3, user {}", protection.user());
        assert!(last.how.starts_with(&how), "{last:?}");
        assert_eq!(last.value("VRWATCH-MIB::vrwatchSeq.0"), count.to_string());
    }
}

#[tokio::test]
async fn a_batch_of_a_hundred_arrives_whole_and_in_its_order() {
    let snmptrapd = Snmptrapd::started();
    let batch: Vec<_> = (1..=100).map(test_event).collect();
    let mut sink = sink(&snmptrapd.v3("inform", USUAL), snmptrapd.folder());
    delivered(sink.as_mut(), &batch).await;
    let seqs: Vec<_> = snmptrapd
        .wait_for(100)
        .iter()
        .map(|received| received.value("VRWATCH-MIB::vrwatchSeq.0").to_owned())
        .collect();
    let expected: Vec<_> = (1..=100).map(|seq: u64| seq.to_string()).collect();
    assert_eq!(seqs, expected);
}

#[tokio::test]
async fn the_longest_texts_arrive_cut_and_with_their_ids_whole() {
    let snmptrapd = Snmptrapd::started();
    let mut sink = sink(&snmptrapd.v3("inform", USUAL), snmptrapd.folder());
    let long = "née 🔥".repeat(3000);
    let batch: Vec<_> = every_kind()
        .into_iter()
        .map(|kind| {
            let mut event = event(kind.seq, kind.fact);
            if let contract::Fact::RestartFailed { failure, .. } = &mut event.fact {
                failure.output.clone_from(&long);
                failure.reason.clone_from(&long);
            }
            event.router.clone_from(&long);
            event.service = Some(long.clone());
            event.process = Some(long.clone());
            event
        })
        .collect();
    delivered(sink.as_mut(), &batch).await;
    for (received, event) in snmptrapd.wait_for(batch.len()).iter().zip(&batch) {
        assert_eq!(received.value("VRWATCH-MIB::vrwatchEventId.0"), event.id);
        assert_eq!(received.value("VRWATCH-MIB::vrwatchOutage.0"), "outage-7");
    }
}
