//! Events of many routers that others established, in a journal that is begun anew each time.

use super::*;
use crate::Flood;
use contract::{Cause, Ended};

fn down(router: &str, id: &str, outage: &str) -> Event {
    let time: Timestamp = "2026-11-22T11:47:33.207Z".parse().unwrap();
    let draft = Draft {
        service: Some("dhcp".into()),
        process: Some("dnsmasq".into()),
        outage: Some(outage.into()),
        time,
        fact: Fact::ServiceDown {
            noticed: time,
            last_pid: None,
            cause: Cause::NoPidFile,
            ended: Ended::Unknown,
        },
    };
    Event::new(draft, id.into(), 77, router.into())
}

fn restarted(router: &str, id: &str, outage: &str) -> Event {
    let mut event = down(router, id, outage);
    event.fact = Fact::Restarted {
        pid: 8,
        attempts: 1,
        downtime: Duration::from_secs(5),
    };
    event.severity = event.fact.severity();
    event
}

fn begin(folder: &tempfile::TempDir) -> Channel {
    Channel::begin_anew(settings(folder), "manager".into()).unwrap()
}

#[tokio::test]
async fn what_others_established_keeps_everything_but_its_number() {
    let folder = folder();
    let channel = begin(&folder);
    let (heard, sink) = willing();
    channel.start_sink("a", sink, ON_DISK);
    let mut told = vec![down("r-1", "e-1", "o-1"), down("r-2", "e-1", "o-1")];
    told[1].severity = contract::Severity::Minor;
    assert_eq!(channel.forward(told.clone()), 2);
    assert!(channel.drain(Duration::from_mins(1)).await);
    told[0].seq = 1;
    told[1].seq = 2;
    assert_eq!(heard.taken(), told);
    assert_eq!(channel.status().sinks[0].settled, 2);
}

#[tokio::test]
async fn a_journal_that_is_begun_anew_knows_nothing_of_the_one_before() {
    let folder = folder();
    for round in 0..2 {
        let channel = begin(&folder);
        assert!(channel.status().journal.last_seq == 0, "round {round}");
        let (heard, sink) = willing();
        channel.start_sink("a", sink, ON_DISK);
        channel.forward(vec![down("r-1", &round.to_string(), "o-1")]);
        assert!(channel.drain(Duration::from_mins(1)).await);
        assert_eq!(heard.taken().len(), 1);
        assert_eq!(heard.taken()[0].id, round.to_string());
        assert!(channel.close());
    }
}

#[tokio::test]
async fn the_same_service_of_two_routers_has_two_outages() {
    let folder = folder();
    let channel = begin(&folder);
    channel.forward(vec![
        down("r-1", "e-1", "o-1"),
        down("r-2", "e-2", "o-2"),
        down("r-3", "e-3", "o-3"),
        restarted("r-1", "e-4", "o-1"),
    ]);
    let open = |channel: &Channel| {
        let open = channel.state().outages.open_at(4);
        open.into_iter().map(|event| event.id).collect::<Vec<_>>()
    };
    assert_eq!(open(&channel), ["e-2", "e-3"]);
    assert!(channel.close());
    // Read from the disk it is the same.
    let journal = crate::segment::journal_folder(folder.path());
    let replay = crate::replay::replay(&journal, &[], true).unwrap();
    let open = replay.outages.parse().open_at(4).into_iter();
    assert_eq!(
        open.map(|event| event.id).collect::<Vec<_>>(),
        ["e-2", "e-3"]
    );
}

#[tokio::test]
async fn one_router_that_flaps_is_summed_up_under_its_own_name_and_no_other_with_it() {
    let folder = folder();
    let channel = begin(&folder);
    let (heard, sink) = willing();
    let options = SinkOptions {
        needs_disk: true,
        flood: Some(Flood {
            outages: 2,
            within: Duration::from_mins(10),
        }),
    };
    channel.start_sink("a", sink, options);
    for n in 0..5 {
        let (id, outage) = (format!("d-{n}"), format!("o-{n}"));
        let other = format!("r-1{n}");
        channel.forward(vec![
            down("r-1", &id, &outage),
            restarted("r-1", &format!("u-{n}"), &outage),
            down(&other, &id, &outage),
        ]);
    }
    assert!(channel.drain(Duration::from_mins(1)).await);
    let taken = heard.taken();
    let of = |router: &str| taken.iter().filter(|event| event.router == router).count();
    assert_eq!((of("r-1"), of("r-10"), of("r-14")), (5, 1, 1));
    let sum = taken.iter().find(|event| event.sums_up()).unwrap();
    assert_eq!(sum.router, "r-1");
    assert!(matches!(sum.fact, Fact::AlertsDropped { count: 6, .. }));
}

#[tokio::test]
async fn until_a_sum_is_told_a_passing_journal_settles_nothing_of_it() {
    let folder = folder();
    let channel = begin(&folder);
    let flood = Some(Flood {
        outages: 1,
        within: Duration::from_mins(10),
    });
    let (heard, sink) = willing();
    let options = SinkOptions {
        needs_disk: false,
        flood,
    };
    channel.start_sink("a", sink, options);
    for n in 0..3 {
        let outage = format!("o-{n}");
        channel.forward(vec![
            down("r-1", &format!("d-{n}"), &outage),
            restarted("r-1", &format!("u-{n}"), &outage),
        ]);
    }
    soon("the first outage is told", || heard.taken().len() >= 2).await;
    assert_eq!(channel.status().sinks[0].settled, 2);
    assert!(channel.drain(Duration::from_mins(1)).await);
    assert_eq!(heard.taken().len(), 3);
    assert_eq!(channel.status().sinks[0].settled, 7);
}
