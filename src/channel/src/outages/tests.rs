//! What is remembered of outages, and for how long.

use super::*;

fn head<'a>(seq: u64, outage: &'a str, kind: &'a str) -> Head<'a> {
    Head {
        seq,
        router: "r",
        service: "dhcp",
        outage,
        kind,
        bytes: 100,
        ends: kind == "restarted",
    }
}

fn seqs(outages: &Outages<u64>) -> Vec<u64> {
    let all = outages.services.values().flatten();
    all.flat_map(|outage| outage.events.iter().map(|kept| kept.event))
        .collect()
}

fn add_up(outages: &Outages<u64>) -> [usize; 3] {
    let all: Vec<_> = outages.services.values().flatten().collect();
    let events = all.iter().map(|outage| outage.events.len());
    let ended = all.iter().filter(|outage| outage.ended.is_some()).count();
    [all.len(), ended, events.sum::<usize>() * 100]
}

fn size(outages: &Outages<u64>) -> [usize; 3] {
    let size = &outages.size;
    [size.outages, size.ended, size.bytes]
}

#[test]
fn an_outage_keeps_its_first_event_and_the_newest_of_each_kind() {
    let mut outages = Outages::default();
    let kinds = ["restart_failed", "unmonitored", "service_down"];
    for (seq, kind) in (1..=50).zip(kinds.iter().cycle()) {
        outages.take(head(seq, "a", kind), || seq, &[]);
    }
    assert_eq!(seqs(&outages), [1, 48, 49, 50]);
    for seq in 51..=80 {
        outages.take(head(seq, "a", &format!("kind {seq}")), || seq, &[]);
    }
    assert_eq!(seqs(&outages), [1, 74, 75, 76, 77, 78, 79, 80]);
    assert_eq!(size(&outages), add_up(&outages));
}

#[test]
fn an_outage_that_is_over_stays_while_a_sink_stands_inside_it() {
    let mut outages = Outages::default();
    let positions = [0, 1, 4, 5];
    for (seq, outage, kind) in [
        (1, "a", "service_down"),
        (2, "a", "restarted"),
        (3, "b", "service_down"),
        (4, "b", "restarted"),
        (5, "c", "service_down"),
        (6, "c", "restarted"),
        (7, "c", "restarted"),
    ] {
        outages.take(head(seq, outage, kind), || seq, &positions);
        assert_eq!(size(&outages), add_up(&outages), "{seq}");
    }
    assert_eq!(seqs(&outages), [1, 5]);
    outages.settle(&[1, 6]);
    assert_eq!(seqs(&outages), [1]);
    outages.settle(&[2]);
    assert_eq!((seqs(&outages), size(&outages)), (vec![], [0; 3]));
}

#[test]
fn a_service_has_one_outage_at_a_time_and_one_that_goes_on_is_open_again() {
    let mut outages = Outages::default();
    outages.take(head(1, "a", "service_down"), || 1, &[]);
    outages.take(head(2, "b", "service_down"), || 2, &[1]);
    assert_eq!((seqs(&outages), size(&outages)), (vec![1, 2], [2, 1, 200]));
    outages.take(head(3, "b", "restarted"), || 3, &[2]);
    assert_eq!(seqs(&outages), [2]);
    outages.take(head(4, "b", "unmonitored"), || 4, &[]);
    assert_eq!((seqs(&outages), size(&outages)), (vec![2, 4], [1, 0, 200]));
}

#[test]
fn what_is_over_goes_before_what_is_open_when_memory_is_short() {
    let mut outages = Outages::default();
    let names: Vec<String> = (0..=MAX_OUTAGES).map(|n| n.to_string()).collect();
    for (seq, name) in (1..).zip(&names) {
        let head = Head {
            service: name,
            ..head(seq, name, "service_down")
        };
        outages.take(head, || seq, &[5]);
        if seq == 5 {
            let over = Head {
                seq: 6,
                ends: true,
                ..head
            };
            outages.take(over, || 6, &[5]);
        }
    }
    assert_eq!(size(&outages)[..2], [MAX_OUTAGES, 0]);
    assert!(!seqs(&outages).contains(&5));
    let long = Head {
        bytes: MAX_BYTES,
        ..head(5000, "z", "service_down")
    };
    outages.take(long, || 5000, &[]);
    assert_eq!(seqs(&outages), [5000]);
}
