//! Recipients who are refused or put off cost the others nothing.

use std::fs;

use contract::Fact;

use crate::events::{down, event, failed, later, never, outage, restarted, sink};
use crate::exim::{Exim, PASSWORD};

#[tokio::test]
async fn a_recipient_who_is_refused_costs_the_others_nothing() {
    let exim = Exim::started();
    let section = exim.section_with("smtp", PASSWORD, &["nobody@example", "ops@example"]);
    let mut sink = sink(&section, exim.folder());
    sink.deliver(&outage()).await.unwrap();
    exim.wait_for(1);
    // Whoever tries the sink out is told.
    let mut test = event(
        0,
        "haproxy",
        Fact::Test {
            text: "hello".into(),
        },
    );
    test.outage = None;
    let words = never(sink.as_mut(), &[test]).await;
    assert!(
        words.ends_with("refused for nobody@example: 550 no such user here"),
        "{words}"
    );
    exim.wait_for(2);
}

#[tokio::test]
async fn when_everybody_is_refused_the_loss_is_told() {
    let exim = Exim::started();
    let section = exim.section_with("smtp", PASSWORD, &["nobody@example", "noone@example"]);
    let mut sink = sink(&section, exim.folder());
    let batch = outage();
    let words = never(sink.as_mut(), &batch).await;
    assert!(
        words.contains("refused for nobody@example: 550 no such user"),
        "{words}"
    );
    // The worker asks for each alone; nobody bothers the server again.
    let asked = exim.log().lines().count();
    for event in &batch {
        never(sink.as_mut(), std::slice::from_ref(event)).await;
    }
    assert_eq!(exim.log().lines().count(), asked);
}

#[tokio::test]
async fn a_recipient_who_is_put_off_gets_the_mail_later_and_the_others_get_it_once() {
    let exim = Exim::started();
    fs::write(exim.path("greylist"), "").unwrap();
    let section = exim.section_with("smtp", PASSWORD, &["slow@example", "ops@example"]);
    let mut first = sink(&section, exim.folder());
    let words = later(first.as_mut(), &outage()).await;
    assert!(
        words.ends_with("not taken for slow@example yet: 451 greylisted, come back later"),
        "{words}"
    );
    later(first.as_mut(), &outage()).await;
    assert_eq!(exim.wait_for(1)[0].header("Envelope-to"), "ops@example");
    fs::remove_file(exim.path("greylist")).unwrap();
    // Also by the next process.
    sink(&section, exim.folder())
        .deliver(&outage())
        .await
        .unwrap();
    let letters = exim.wait_for(2);
    assert_eq!(letters[1].header("Envelope-to"), "slow@example");
    assert_eq!(
        letters[0].header("Message-ID"),
        letters[1].header("Message-ID")
    );
}

#[tokio::test]
async fn content_that_is_refused_costs_only_the_event_that_holds_it() {
    let exim = Exim::started();
    let mut sink = sink(&exim.section(), exim.folder());
    let batch = [
        event(1, "haproxy", down()),
        event(2, "haproxy", failed("forbidden")),
        event(3, "dnsmasq", down()),
        event(4, "haproxy", restarted()),
    ];
    let words = never(sink.as_mut(), &batch).await;
    assert!(
        words.contains("does not want what the mail says"),
        "{words}"
    );
    // The worker then hands over one event after the other.
    for (event, wanted) in batch.iter().zip([true, false, true, true]) {
        let alone = std::slice::from_ref(event);
        if wanted {
            sink.deliver(alone).await.unwrap();
        } else {
            let words = never(sink.as_mut(), alone).await;
            assert!(words.contains("550 this is spam"), "{words}");
        }
    }
    let letters = exim.wait_for(3);
    let mut told: Vec<_> = letters.iter().flat_map(|it| it.ids()).collect();
    told.sort_unstable();
    assert_eq!(told, ["id000001", "id000003", "id000004"]);
}
